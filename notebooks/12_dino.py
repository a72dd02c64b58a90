# ---
# jupyter:
#   course: {question: "Does subsampling help DINO's prototypes too?", figure: "Fig. 10, Table 2", scale: tiny, minutes: 3, memory_gb: 1.4}
# ---

# %% [markdown]
# # Self-distillation
#
# **Claim: targets that balance prototypes do not balance things, and after a long tail rare concepts have fewer different prototypes among them. Drawing a quarter of the prototypes for each step may give them more; the features gain nothing from it, with a long tail or without. Ten seeds see no cost of the tail to begin with, and effects of the paper's size would have been seen.**
#
# After this lesson you can
#
# - write down DINO's loss, and both rules that balance its targets as one formula;
# - tell two ways in which self-distillation collapses, and which number shows which;
# - say what imbalance does to prototypes although targets are balanced;
# - insist on a working point before two runs of a method are compared;
# - read a null result by the smallest effect that it could have found.
#
# Figures treated: Fig. 10 and Table 2 of {cite:t}`wen2024`. Running takes about three minutes on two CPU cores and 1.4 GB of memory; reading, thirty. Before this: {doc}`04_dynamic_classification`.

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import HTML

from lt_course import evidence, study
from lt_course.evidence import paper, results
from lt_course.lessons import distillation, toy_distillation
from lt_course.lessons.checks import check
from lt_course.objectives.collapse import Assignments, signs_of_collapse
from lt_course.objectives.distill import draw_prototypes, sinkhorn_offset
from lt_course.plots import claims, intervals, style, widgets

style.use()
pd.options.display.float_format = "{:.3f}".format
pd.options.display.max_colwidth = None

# %% [markdown]
# ## Ten lines of mathematics
#
# The paper's last experiment leaves labels and captions behind. If drawing a part of the classes makes a classifier less biased, does drawing a part of the *prototypes* help a method that has no classes? The method is DINO {cite}`caron2021`, {term}`self-distillation`:
#
# 1. Of each picture take several {term}`crops <multi-crop>`: $G$ *global* ones that show much of it, and $L$ *local* ones that show little.
# 2. A *student* $f_\theta$, tower and projection, maps a crop $v$ to a unit vector $f_\theta(v)$.
# 3. A *teacher* $f_\xi$ is the student's running mean: after each step $\xi \leftarrow m\,\xi + (1-m)\,\theta$.
# 4. Both compare their vector with $K$ learnt unit vectors, the *prototypes* $w_1 \dots w_K$ and $w'_1 \dots w'_K$.
# 5. The student predicts $p(v) = \operatorname{softmax}\big(w^\top f_\theta(v) / \tau_s\big)$.
# 6. The teacher's logits are $t(v) = w'^\top f_\xi(v) / \tau_t$, with a lower temperature, $\tau_t < \tau_s$: they are *sharper*.
# 7. Its target is $q(v) = \operatorname{softmax}\big(t(v) - o\big)$ with an *offset* $o_k$ for each prototype.
# 8. The loss is the mean of $-\sum_k q_k(u) \log p_k(v)$ over all global crops $u$ and all *other* crops $v$ of the same picture.
# 9. *Centring*: $o$ is the running mean of $t$ over batches.
# 10. *Sinkhorn-Knopp* {cite}`caron2020,cuturi2013`: $o$ is such that within this batch every prototype gets the same total, $\sum_v q_k(v) = N/K$ for $N$ views.
#
# Nobody says what a prototype stands for. Lines 7, 9 and 10 are all that keeps the two from agreeing on one answer for all pictures. The paper describes DINO and names no rule; its release balances by Sinkhorn-Knopp in every row of Table 2, "vanilla" included ({doc}`../book/critical_reading`, section 5). So both rules have to be looked at.
#
# ### The offset is a log-popularity
#
# Solve line 10 for the offset. With $z(v) = \log \sum_j e^{t_j(v) - o_j}$,
#
# $$o_k = \log \sum_v e^{t_k(v) - z(v)} + \text{const}.$$
#
# The sum counts how much the views want prototype $k$: the offset is the log of its popularity. Subtracting the log of a class's prior from its logit is what {doc}`04_dynamic_classification` called {term}`logit adjustment`. So a DINO with Sinkhorn-Knopp *is logit-adjusted in each step*, with prototypes for classes and the batch for the prior. A few alternations of the two equations find it:

# %% tags=["nbval-check-output"]
generator = torch.Generator().manual_seed(0)
logits = 2 * torch.randn(128, 16, generator=generator) + torch.linspace(3, -3, 16)
rows = {}
for name, offset in {
    "no offset": torch.zeros(16),
    "centring": logits.mean(0),
    "Sinkhorn, 3 times": sinkhorn_offset(logits, 3),
    "Sinkhorn, 100 times": sinkhorn_offset(logits, 100),
}.items():
    total = (logits - offset).softmax(1).sum(0) / 128 * 16
    rows[name] = {"most popular": total.max().item(), "least": total.min().item()}
pd.DataFrame(rows).T

# %% [markdown]
# (Totals as multiples of the even share. A mean of logits is not a popularity, so centring balances only roughly.)
#
# ### What imbalance still does
#
# Equal shares for *prototypes* are not equal shares for *things*. If a thing is shown in a share $s$ of the pictures, balanced prototypes can follow it with about $sK$ of their number. A frequent thing gets many, one for each of its varieties. A thing with $s < 1/K$ cannot fill even one: it shares a prototype with whatever lies near. **Balancing makes prototypes follow pictures, and pictures are long-tailed.**
#
# ### What a draw does
#
# The paper draws $S$ of the $K$ prototypes for each step, uniformly, the same for student and teacher. In the words of lesson 04, the chance to be in the vocabulary is $\pi_k = S/K$ for each of them, frequent or rare, and a constant $\log \pi$ drops out of the softmax: **a uniform draw adjusts nothing.** (Drawing classes by frequency, with the batch's own always in, did. Here are no labels, and nothing is always in.) Four things are left that it may change:
#
# - *coarseness*: with Sinkhorn-Knopp, each prototype of the step takes $N/S$ views, not $N/K$, so targets are more alike;
# - *absence*: a thing with $m$ prototypes meets none of them with probability $\binom{K-m}{S} / \binom{K}{S}$; then its pictures are told to be like something else;
# - *slowness*: each prototype learns in a share $S/K$ of the steps;
# - *noise*, which may regularise, and fewer rivals for each prototype.
#
# Absence is a cost for rare things, if they have few prototypes. And a run with only $S$ prototypes *in all* is as coarse as one with $S$ *a step*, but neither absent, slow nor noisy; so the two tell the reasons apart. How coarse are steps, and how often does a thing with one prototype, or four, meet none?

# %% tags=["nbval-check-output"]
SETTINGS = {
    "the paper, all": (65_536, 65_536, 2 * 1_024),
    "the paper, 16,384 a step": (65_536, 16_384, 2 * 1_024),
    "the paper, 1,024 a step": (65_536, 1_024, 2 * 1_024),
    "here, all": (512, 512, 2 * 64),
    "here, 128 a step": (512, 128, 2 * 64),
    "here, 32 a step": (512, 32, 2 * 64),
}
rows = {
    name: {
        "views a prototype": N / S,
        "none of 1": distillation.none_drawn(K, S, 1),
        "none of 4": distillation.none_drawn(K, S, 4),
    }
    for name, (K, S, N) in SETTINGS.items()
}
pd.DataFrame(rows).T

# %% [markdown]
# So this theory does not say that drawing should help a tail. The paper measured that it does, and gives the collapse of rare prototypes as the reason. Keep both in mind.
#
# ## Two collapses, in the plane
#
# Points in eight groups on a ring, the most frequent on the right, frequencies as 1 / rank anticlockwise. The objective is the one that trains drawings, with 16 prototypes and a tower of one hidden layer; two crops of a point are the point, moved a little. Three rules: no offset at all, centring, Sinkhorn-Knopp.
#
# **Predict before you look.** What do teacher and student agree on without any balance? And what if the teacher's temperature is *higher* than the student's 0.1?

# %%
points, group = toy_distillation.ring()
TEMPERATURES = [0.02, 0.04, 0.1, 0.3]
toys = {
    temperature: {
        rule: toy_distillation.learn(
            points, group, temperature=temperature, **options
        )
        for rule, options in toy_distillation.RULES.items()
    }
    for temperature in TEMPERATURES
}


# %% tags=["nbval-ignore-output"]
def draw(temperature):
    return toy_distillation.plot_toys(toys[temperature])


def alt(temperature):
    found = toys[temperature].items()
    said = [f"{rule} {toy.report['information']:.2f}" for rule, toy in found]
    return f"Teacher's temperature {temperature:g}; information: " + ", ".join(said)


widgets.slider_figure(draw, TEMPERATURES, "temperature", 0.04, alt, "{:g}".format)

# %% mystnb={"image": {"alt": "Three maps of a ring of eight groups of points, with lines where the first choice changes, and bars of the mean target below each. Without balance three prototypes divide the plane and one takes most; with centring a few; with Sinkhorn-Knopp all sixteen, in nearly equal shares, most of them around the frequent group."}, "figure": {"caption": "The slider's picture for a temperature of 0.04. Lines part places with different first choices; the greyer, the less certain the target. Dotted: the even share.", "name": "fig-dino-toy"}}
draw(0.04)
plt.show()

# %% [markdown]
# *Without balance* a few prototypes take everything: an answer that hardly depends on the picture is the easiest to agree on. *Without sharpness* (0.3) every target is even, whatever the rule: all prototypes are alike, and the regions on the map mean nothing. Balance and sharpness pull in opposite directions, and between the two something is learnt. **A falling loss is no proof of learning**, for both answers are easily agreed on. Other numbers tell:

# %%
rows = {
    (temperature, rule): toy.report
    for temperature in (0.04, 0.3)
    for rule, toy in toys[temperature].items()
}
pd.DataFrame(rows).T

# %% [markdown]
# *Information* is the {term}`mutual information` of view and prototype, as a share of the greatest possible: 0 under both collapses in full. *Target entropy* says which: low where the same few are chosen for all, high where all are alike. *Utilisation* counts the prototypes that are any view's first choice. All four are watched in every run, which warns when they fall too low.
#
# Now imbalance. More prototypes, Sinkhorn-Knopp, all of them in each step or a quarter. The prediction was: $sK$ prototypes for a group with share $s$, drawn or not.

# %%
counts = {}
for name, options in {"all 64": {}, "16 a step": {"sampled": 16}}.items():
    toy = toy_distillation.learn(
        points, group, prototypes=64, targets="sinkhorn", **options
    )
    found = toy.prototypes_of_groups()
    counts[name] = found["prototypes"]
pd.DataFrame({"64 s": 64 * found["share of points"], **counts}).T.round(1)

# %% [markdown]
# Most counts lie near $sK$. The most frequent group has fewer, some of the rarest more (regions reach across gaps, and a prototype that two groups share is counted twice); yet frequent groups have by far the most. Drawing changes little of that.
#
# ## Drawings
#
# Now the course's small network on drawings at scale `tiny`, under a long tail: 512 prototypes, Sinkhorn-Knopp, two global crops, some of them redrawn with another pen.

# %% tags=["nbval-ignore-output"]
RUN = study.config("dino")
record = study.train_or_load(RUN)

# %% mystnb={"image": {"alt": "Four curves by step, each a share of its greatest value. Assignment entropy and utilisation stay near 1; information rises, and target entropy falls."}, "figure": {"caption": "What is watched for collapse, at the end of each epoch and of the run.", "name": "fig-dino-signs"}}
distillation.plot_signs(record.history)
plt.show()

# %%
signs_of_collapse(record.history.iloc[-1].to_dict()) or "no sign of collapse"

# %% [markdown]
# What do prototypes stand for? For each third of the concepts, here are the four prototypes of which it has the largest share of pictures, with the eight training drawings nearest to each. Before you look: will a prototype of the tail show one rare thing?

# %% mystnb={"image": {"alt": "Two blocks of four rows with eight drawings each, marked H, M or T by the third of their concept. Rows of the head show drawings marked H; rows of the tail are mixed more. Drawings in a row are alike in shape and stroke, often not in what they show."}, "figure": {"caption": "Drawings nearest to four prototypes of the head and four of the tail. H, M, T: the third of the drawing's concept.", "name": "fig-dino-drawings"}}
found = {third: distillation.typical(record, third) for third in ("head", "tail")}
distillation.plot_typical(found)
plt.show()

# %%
shares = distillation.shares_of_thirds(record)
shares.assign(**{"512 s": 512 * shares["pictures"]})

# %% [markdown]
# Of the training `pictures` a third's share is $s$; of the `prototypes` that are in use, it has those on which its pictures are the majority; `own pictures` are those that come to a prototype of their own third. By the argument above a third could have $512\,s$ prototypes of its own. The tail has none. Its drawings come to prototypes of the head that look alike, and so do most of the mid third's. **Prototypes follow shapes and strokes, not concepts.**
#
# On test pictures, which are balanced, one can ask the other way round: how many different prototypes are nearest to some picture of each third?

# %%
used = {t: record.metrics[f"prototypes_{t}"] for t in distillation.THIRDS}
near = {t: record.metrics[f"prototype_cosine_{t}"] for t in distillation.THIRDS}
pd.DataFrame({"prototypes, share of all": used, "cosine with another": near})

# %% [markdown]
# Here the tail lacks nothing: rare concepts spread over as many prototypes as frequent ones, since they borrow them. One short run shows how to ask; five seeds answer, below.
#
# ## Before anything is compared
#
# A method that has learnt nothing cannot be helped by sampling, nor harmed by a tail. Two bad runs differ all the same, by chance. So there must be a *working point* first, and a condition for it that does not depend on what is to be compared: here, that on a **flat** profile a {term}`linear probe` of the features is at least twice as accurate as one of *random features* of the same network.
#
# Why so strict? Because recipes do not shrink with the network. Below are the paper's crops and teacher (temperature, momentum), with centring as DINO was published, fewer prototypes and local crops; optimiser, batch, projection and steps are those of our run. Beside it stands the network before training.

# %% tags=["nbval-ignore-output"]
warnings.filterwarnings("ignore", "Step 100 of 200")  # of collapse: asked below
UNTRAINED = {"learning_rate": 0, "duration": "2 steps"}
NAIVE = {"prototypes": 2048, "targets": "centering", "teacher_momentum": 0.996}
NAIVE |= {"teacher_temperature": 0.04, "teacher_temperature_start": 0.04}
NAIVE |= {"global_least": 0.14, "local_crops": 2, "redrawn": 0}
trained = {
    "random features": study.train_or_load(study.config("dino", **UNTRAINED)),
    "the paper's crops and teacher": study.train_or_load(
        study.config("dino", **NAIVE)
    ),
    "our settings": record,
}

# %%
table = pd.DataFrame({name: r.metrics for name, r in trained.items()}).T
table[["accuracy", *distillation.TRANSFER]].rename(columns=distillation.TRANSFER)

# %% [markdown]
# On our scale these settings collapse, and on all sets but `authors` their features are worth *less* than random ones. (Our own short run, under a long tail, is not twice as good as random features either; the condition is put to the recorded runs, which are on a flat profile and longer.)

# %%
naive = trained["the paper's crops and teacher"].history.iloc[-1]
print(*signs_of_collapse(naive.to_dict()), sep="\n")

# %% [markdown]
# `accuracy` is that of a probe on the lesson's concepts, fitted to equally many pictures of each; the others are probes on sets that the run has not seen: other concepts, who drew it, groups of emoji, handwritten digits. A comparison of sampled with unsampled prototypes at such a point would be a comparison of chances. (The settings are not wrong: they were made for another network, other pictures and far more steps.)
#
# Two cautions about the condition itself. *Random features are not nothing*: a random projection of many dimensions keeps much of a drawing, and a linear probe finds it. The more dimensions, the more, so the ratio depends on the width of the features, which is small here on purpose. And a set on which random features do nearly as well as can be, such as digits, cannot tell methods apart, though it counts in the mean.
#
# ## The recorded evidence
#
# At scale `cpu`: 100 concepts, seeds 0 to 4. The working point was looked for on a flat profile, with seeds 0 and 1, before any run with a tail or a draw.

# %%
recorded = evidence.load_results("dino")
SCORES = {"accuracy": "evaluated concepts", **distillation.TRANSFER}
intervals.means(recorded, SCORES, spec=".3f")

# %% mystnb={"image": {"alt": "Left, one row a run with the mean of four probes, its seeds and interval; right, the means of Table 2 in the rows that have a counterpart, rising from all prototypes over 32 to 128 a step, with the flat profile highest."}, "figure": {"caption": "Transfer by run: ours with seeds (ticks) and t intervals, and the paper's single runs (Table 2). Prototypes of a run and its counterpart are equal shares.", "name": "fig-dino-transfer"}}
distillation.plot_transfer(recorded)
plt.show()

# %% [markdown]
# Is the condition met? On average, for Sinkhorn-Knopp: probes are somewhat better than twice random features, on the concepts of the run as on others. But one seed of five is at the line or below it, so by these seeds the two claims (`dino-learns`, below) are *undecided*; five more decide them, at the end of this section. With a running mean (`centred, flat`) the condition is missed: as in the plane, a few prototypes take everything, and the run warns of it; `dino-centred-learns` is reversed. So draws are not compared under this rule. What they do to DINO *as it was published*, this scale leaves open, as the paper does.
#
# Runs of one seed start from the same weights, so compare within seeds. The second row is a control that the paper lacks: if drawing helps a tail *because it is a tail*, it should not help a flat profile as much.

# %%
PAIRS = {
    "128 a step, long tail": ("long tail, 128 a step", "long tail"),
    "128 a step, flat": ("flat, 128 a step", "flat"),
    "32 a step, long tail": ("long tail, 32 a step", "long tail"),
    "128 in all, long tail": ("long tail, 128 in all", "long tail"),
    "flat, against long tail": ("flat", "long tail"),
    "centring, flat": ("centred, flat", "flat"),
}
CHOSEN = ["probe_mean", "probe_held_out_concepts", "accuracy_tail"]
headings = ["mean of four", "held-out concepts", "evaluated, tail"]
shown = dict(zip(CHOSEN, headings, strict=True))
intervals.differences(recorded, PAIRS, shown, spec="+.3f")

# %% mystnb={"image": {"alt": "One row a transfer set, with the differences of three runs to the long tail with all prototypes and their intervals around a line at zero."}, "figure": {"caption": "Each set's probe, as a difference to the long tail with all 512 prototypes a step; paired by seed.", "name": "fig-dino-sets"}}
SAMPLED = ["long tail, 128 a step", "long tail, 32 a step", "long tail, 128 in all"]
distillation.plot_transfer_by_set(recorded, ["long tail", *SAMPLED])
plt.show()

# %%
verdicts = evidence.verdicts(lesson="dino")
claims.table(verdicts)

# %% [markdown]
# ### What could have been seen?
#
# "Undecided" may mean that there is no effect, or that five seeds are blind. The standard deviation of the paired differences tells which. The interval's *half width* is the smallest estimate that would have been called different from zero. The {term}`minimal detectable effect` is larger: the true effect that four of five repetitions of the study would find, by the noncentral t distribution.

# %%
power = distillation.power(verdicts)
power

# %% mystnb={"image": {"alt": "One row a claim: our effect with its interval, a grey bar up to the smallest effect that five seeds find in four of five repetitions, and the paper's effect as a hollow diamond where there is one."}, "figure": {"caption": "Effects and what five seeds could have seen. An effect inside the grey bar would often be missed.", "name": "fig-dino-power"}}
distillation.plot_power(power)
plt.show()

# %% [markdown]
# Read claims and grey bars together.
#
# - **No cost of the tail is seen.** The interval reaches as far to one side as to the other, and a cost of the paper's size lies far outside. The bias of the balanced probe differs so much between seeds that nothing can be said of it.
# - **Drawing brings no gain.** The effect is absent: a gain that would matter lies above the interval, and one of the paper's size is beyond the grey bar, too. What the estimate suggests is a loss.
# - **It is not about tails.** On a flat profile the draw does the same; the difference of the two differences is near zero, and could not have been large.
# - **More a step is better**, as in the paper: a sixteenth of the prototypes is worse than a quarter. Here the estimates go on rising to all of them, where the paper's order turns.
# - **Fewer in all** cannot be told from fewer a step. So whether coarseness costs, or absence and slowness, five seeds do not say.
#
# ### Again, with other seeds
#
# Nothing was changed, and all runs were trained once more. The verdicts so far, those of the new seeds, and those of all ten:

# %%
again = evidence.verdicts(lesson="dino", seeds=results.REPLICATION)
both = evidence.verdicts(lesson="dino", seeds=range(10))
HTML(claims.again_page(verdicts, again, both))

# %% [markdown]
# The condition is met: by the new seeds alone, and by all (`dino-learns`, `dino-learns-for-others`). For the running mean it is not, again. With ten seeds the intervals are narrower, and no claim of target 21 changes sides. One of our own did not survive: that the draw gives rare concepts more prototypes is undecided by the seeds that could test it.
#
# We do not find the paper's effect, and have looked in too different a place to say that it is not there.
#
# Two remarks on Table 2 itself. Its runs are single, and its unsampled rows freeze the last layer for an epoch while its sampled ones do not. And what stands there as the cost of a tail compares two *data sets*: ImageNet and LAIONet differ in their pictures as well as in their balance. Our rows `flat` and `long tail` differ in balance alone.

# %%
theirs = paper.table("table2")[["dataset", "method", "value"]]
theirs.reset_index(drop=True).assign(
    difference=theirs["value"].to_numpy()
    - paper.value("table2", "laionet", "dino", "transfer")
)

# %% [markdown]
# ## Prototypes by frequency
#
# The paper's reason for sampling is that prototypes of the tail collapse. If so, pictures of rare things should have fewer different prototypes than as many pictures of frequent things, and these should lie nearer to another one. On balanced test pictures:

# %% mystnb={"image": {"alt": "Two panels, one row a run with a marker and interval for head, mid and tail: left the share of prototypes that some test picture of the third is nearest to, right the cosine of those prototypes with their nearest other one."}, "figure": {"caption": "What each third of the concepts has of the prototypes, on test pictures; five seeds. Shares are of a run's own prototypes, 128 in one row and 512 in the others. With a flat profile the thirds are arbitrary.", "name": "fig-dino-thirds"}}
labels = {
    "prototypes": "different prototypes, share of all",
    "prototype_cosine": "cosine with the nearest other prototype",
}
distillation.plot_thirds(recorded, labels)
plt.show()

# %% [markdown]
# In a flat profile all concepts are equally frequent, and "head" is the arbitrary third that comes first in the list. Yet it, too, has more prototypes: its concepts are others, and 100 leaves it one more. Without this control the gap after a long tail would look like the work of the tail alone.

# %%
shorter = {"prototypes": "head less tail", "prototype_cosine": "cosine, the same"}
distillation.head_less_tail(recorded, shorter)

# %%
TAILS = {f"prototypes_{third}": third for third in distillation.THIRDS}
DRAWN = {
    name: pair for name, pair in PAIRS.items() if name.startswith("128 a step")
}
intervals.differences(recorded, DRAWN, TAILS, spec="+.3f")

# %% [markdown]
# - *Fewer*: after a long tail rare concepts have fewer different prototypes than frequent ones (`dino-tail-has-fewer-prototypes` is supported), in the estimate by more than the flat control has. So part of the gap may be the tail's doing, and part is not.
# - *Nearer*: no. Their prototypes lie no closer to others (`dino-tail-prototypes-are-closer` is absent, and null). Nothing collapses.
# - *The draw* does what the paper hopes of it, though our theory had no reason for it: after a long tail, mid and tail come to use more prototypes and the head no more than before, and the gap falls to that of the flat control. These seeds suggested it, so they cannot test it: `dino-drawing-spreads-the-tail` was declared for the others, and they leave it undecided.
#
# So the paper's reason is there, in part, and its effect is not: **rare concepts that use more prototypes do not make better features**, at this scale.
#
# ## Memory
#
# There is a second reason to draw prototypes, for which no statistics are needed. A target is a distribution over all prototypes of a step, and there is one for each global crop. From shapes alone, in MiB of float32 for 64 pictures, two global and six local crops:

# %% tags=["nbval-check-output"]
rows = {
    f"{S:,} a step": distillation.step_memory(64, 2, 6, 256, S)
    for S in (65_536, 16_384, 4_096, 1_024)
}
pd.DataFrame(rows).T.round(1)

# %% [markdown]
# All of it is proportional to $S$. The middle column is the loss as written down; the right one finds the gradient crop by crop on the way forward (`fused=True`, `lt_course.web.fused_losses`). (`benchmarks/distillation_memory.py` measures both at 65,536.) Prototypes themselves, their gradient, momentum and the teacher's copy do not shrink: they are as many as before.
#
# ## What this scale cannot show
#
# - **Tails of appearance.** Our frequencies are dealt to concepts at random, and DINO sees no concepts. A rare concept is drawn with the strokes of frequent ones, so a long tail of names need not be one of shapes. Photographs of a rare thing may look like nothing else.
# - **The paper's regime.** Its steps have more prototypes than views even with a quarter drawn; ours then have as many of one as of the other, and with 32 a step fewer prototypes than views ("views a prototype" above). What draws do where each prototype waits for its views for many steps, small numbers need not tell.
# - **Local crops.** Our working point has none: a sixteenth of a small drawing shows next to nothing. On photographs, DINO as published relies on them.
# - **Rank among methods.** Our towers learn for less than a thousand steps. Nothing here says how good DINO is.
# - **Twelve sets.** Our four transfer sets are drawings and digits; the paper's twelve are photographs, from aircraft to pets.
#
# ## Exercises
#
# ````{exercise-start} Two prototypes
# :label: ex-dino-two
# ````
#
# With only two prototypes, everything depends on the difference $g = t_1 - t_2$ of a view, and on the difference $d = o_1 - o_2$ of the offsets. Write down what $d$ must satisfy, and solve it for the differences `g` below (`scipy.optimize.brentq`, or by bisection). Put it into `d`.
#
# ```{hint}
# :class: dropdown
# A view's target for prototype 1 is the logistic function of $g - d$, and balance asks for a mean of one half.
# ```
#
# ````{exercise-end}
# ````

# %%
g = np.random.default_rng(11).normal(1, 2, 100)
d = ...

# %% tags=["hide-input"]
pair = torch.stack([torch.from_numpy(g), torch.zeros(100)], 1)
first, second = sinkhorn_offset(pair, 500).tolist()
_ = check("offset", d, first - second, 1e-4, hint="Mean of logistic(g - d): 1/2.")

# %% [markdown]
# ````{solution-start} ex-dino-two
# :class: dropdown
# ````

# %%
from scipy import optimize, special

d = optimize.brentq(lambda x: special.expit(g - x).mean() - 0.5, -20, 20)
print(f"d = {d:.3f}; mean of g {g.mean():.3f}, median {np.median(g):.3f}")

# %% [markdown]
# The mean of $\sigma(g - d)$ is 1/2. For sharp targets the logistic function becomes a step and $d$ the *median* of $g$; for soft ones it becomes linear and $d$ the *mean*. These are limits: in between, as here, $d$ may lie outside of the two. So centring is the soft limit of Sinkhorn-Knopp, with a running mean in the place of the batch's: they differ the more, the sharper the teacher.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} How many are used?
# :label: ex-dino-used
# ````
#
# Suppose that each of 128 views takes its first choice among the $S = 32$ prototypes of its step at random. Which share of all $K = 512$ is some view's first choice within 10 steps? Put your prediction into `share_used`; the check simulates it with the code that watches training.
#
# ```{hint}
# :class: dropdown
# In one step a given prototype is drawn with probability $S/K$, and then missed by all 128 views with probability $(1 - 1/S)^{128}$. Steps are independent.
# ```
#
# ````{exercise-end}
# ````

# %%
share_used = ...


# %% tags=["hide-input"]
def simulated(K=512, S=32, views=128, steps=10, seed=0):
    source = torch.Generator().manual_seed(seed)
    watched = Assignments(K, steps)
    for step in range(steps):
        targets = torch.rand(views, S, generator=source)
        chosen = draw_prototypes(K, S, source)
        report = watched.observe(targets / targets.sum(1, True), chosen, step)
    return report["utilisation"].item()


mean_used = np.mean([simulated(seed=seed) for seed in range(100)])
_ = check("share", share_used, mean_used, 0.01, hint="1 - (1 - p) ** 10.")

# %% [markdown]
# ````{solution-start} ex-dino-used
# :class: dropdown
# ````

# %%
in_a_step = 32 / 512 * (1 - (1 - 1 / 32) ** 128)
share_used = 1 - (1 - in_a_step) ** 10
print(f"predicted {share_used:.3f}, simulated {mean_used:.3f}")

# %% [markdown]
# Within the window of 100 steps that runs use, it would be nearly all of them. So high utilisation under sampling is no sign of health: draws alone make it high. Of the four numbers, *information* is the one to watch.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} Twice the seeds
# :label: ex-dino-seeds
# ````
#
# With the same spread between seeds, how much smaller would the minimal detectable effect be with ten seeds instead of five? Guess the ratio first ($1/\sqrt 2$?), then compute it into `ratio`. And what is the smallest number of seeds with which the effect of the paper's best draw would be found, if pairs spread as `dino-sampled-transfers-better` does here? Put it into `seeds_needed`.
#
# ```{hint}
# :class: dropdown
# `distillation.detectable(deviation, seeds)`. The ratio does not depend on the deviation. For the second part, the deviation is that of `by_seed.values()` of the verdict, with `ddof=1`.
# ```
#
# ````{exercise-end}
# ````

# %%
ratio, seeds_needed = ..., ...


# %% tags=["hide-input"]
def enough():
    verdict = {v.claim.id: v for v in verdicts}["dino-sampled-transfers-better"]
    deviation = np.std(list(verdict.by_seed.values()), ddof=1)
    effect = verdict.claim.paper[0]
    return next(
        n for n in range(2, 1000) if distillation.detectable(deviation, n) <= effect
    )


expected = distillation.detectable(1, 10) / distillation.detectable(1, 5)
_ = check("ratio", ratio, expected, 0.005, hint="Ten seeds over five.")
_ = check("seeds", seeds_needed, lambda n: n == enough(), hint="From two upwards.")

# %% [markdown]
# ````{solution-start} ex-dino-seeds
# :class: dropdown
# ````

# %%
ratio = distillation.detectable(1, 10) / distillation.detectable(1, 5)
seeds_needed = enough()
print(f"ratio {ratio:.2f}, {seeds_needed} seeds")

# %% [markdown]
# More than $\sqrt 2$ is won, because with few seeds the spread itself is hardly known, and Student's t pays for that. From twenty seeds on, the root law is a good guess.
#
# ````{solution-end}
# ````
#
# ## Summary
#
# - DINO's targets are a softmax of sharpened logits less an offset. Centring takes a running mean for it; Sinkhorn-Knopp the log of each prototype's popularity in the batch, which is logit adjustment without labels.
# - Without balance a few prototypes take all; without sharpness all are alike. A falling loss rules out neither; information shows both.
# - Balanced prototypes follow pictures, so a long tail leaves rare things few. A uniform draw treats all prototypes alike; whether it gives rare concepts more of them is undecided, and the features gained nothing.
# - Nothing can be compared before a working point is found, on data that are not part of the comparison.
# - A null result needs its power beside it: what could have been seen, and whether there was any damage to undo. Here none was seen, and effects of the paper's size would have been.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`caron2021`; {cite:t}`caron2020`; {cite:t}`cuturi2013`. In full on the page {doc}`../book/references`.
