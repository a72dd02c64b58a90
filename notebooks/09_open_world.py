# ---
# jupyter:
#   course: {question: "What is learned from concepts that no one tests?", figure: "Fig. 6", scale: tiny, minutes: 4, memory_gb: 1.3}
# ---

# %% [markdown]
# # Open-world concepts
#
# **Claim: pictures of concepts that no one tests, put into half of each batch, lower CLIP's S(a) and S(p) on the tested concepts at equal steps; they do so, too, beside a control that shows the tested concepts as seldom. At equal epochs, over ten seeds, a small effect on S(a) may be left, with an estimate below the smallest that would matter. A classifier over a closed list has no place for such pictures.**
#
# After this lesson you can
#
# - write CLIP's loss of a batch with other concepts as two sums, and say what others change in it;
# - separate what others do as negatives from what they do as pairs of their own;
# - tell equal steps, equal epochs and equal data apart, and say which question each answers;
# - build a control that removes the added pictures and leaves all else in place;
# - test one mechanism (shared tokens) with pictures that are already trained on;
# - read the paper's Fig. 6, and say which of its bars are measurements.
#
# Figures treated: the paper's Fig. 6 ({cite:t}`wen2024`). The live part takes about 200 CPU-seconds and 1.3 GB of memory; reading, thirty minutes. Before this: {doc}`03_clip_against_supervised`.

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from IPython.display import HTML

from lt_course import evidence, study
from lt_course.data import icontail
from lt_course.data.captions import usual_name
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.evidence import paper
from lt_course.lessons import exercises, open_world, side_by_side
from lt_course.objectives.contrast import info_nce
from lt_course.plots import claims, data_table, intervals, style
from lt_course.plots.runs import THREE
from lt_course.study.dataset import load_dataset
from lt_course.study.execute import build_objective, weights

check = exercises.of("open_world")
style.use()
pd.options.display.float_format = "{:.2f}".format
pd.options.display.max_colwidth = None
SCALE = study.scale()

# %% [markdown]
# ## What the paper found
#
# CLIP is tested on a closed list of concepts and trained on an {term}`open world`: in web data, pictures of the tested concepts are a small part. The paper opens the training set in two ways. On the left, models are tested on the 100 classes of ImageNet-100. They are trained on {term}`ImageNet-Captions` of these 100 classes; of all 1,000 classes, at the same number of pictures (10 %); and of all classes with all pictures. On the right, the training set goes from captions that name an ImageNet class (YFCC-15M-Cls) to all captions (YFCC-15M).

# %% mystnb={"image": {"alt": "Correlations of the paper's Fig. 6 from closed to open training sets. CLIP's S(a), filled, and S(p), hollow, fall in both panels. On the left SL's S(a) rises and then falls, and its S(p) falls; on the right SL has a single point for each."}, "figure": {"caption": "The paper's Fig. 6, values read off its plots. Filled, solid: S(a). Hollow, dashed: S(p).", "name": "fig-open-world-paper"}}
open_world.plot_figure_6()
plt.show()

# %% [markdown]
# CLIP's S(a) falls with each opening. Three things should be known before it is compared with ours.
#
# - **The tested concepts get fewer pictures.** From IN-Caps-100 to IN-Caps (10 %) the number of pictures is held, so those of the 100 tested classes fall to about a tenth. The correlation can fall with them, as near-chance models have no correlation to speak of ({doc}`08_scale_and_text_heads`).
# - **One bar is a copy.** By the released notebook, SL on YFCC-15M is the bar of YFCC-15M-Cls once more, since a classifier cannot use the rest. We leave it out.
# - **The heads are uncertain.** The caption says that the left panel has frozen text heads for both methods; the released scripts of SL train theirs from scratch ({doc}`../book/critical_reading` has the list).
#
# SL, in the left panel, did have other classes: as {term}`prototypes <prototype>`, up to 1,000 of them. That is a larger closed list, and its S(p) falls, too. So the panel does not say that classifiers gain nothing from labelled pictures of other classes. It says that they need the labels.
#
# ## Pictures of other things
#
# Here, the first 60 concepts are tested (the *core*), and pictures of them are drawn to the steep profile. More than 2,000 further concepts have training pictures and no test (*others*).

# %% mystnb={"image": {"alt": "Two rows of eight small drawings with their authors' titles: the upper row of core concepts, the lower row of other concepts."}, "figure": {"caption": "Training pictures with their titles. Above: core concepts. Below: others.", "name": "fig-open-world-samples"}}
data, C, B = icontail.load(), SCALE.concepts, SCALE.batch_size
N = SCALE.num_images // 2  # core pictures: 2,250
STEPS = SCALE.epochs * (SCALE.num_images // B)  # 210
CORE = {"num_images": N, "duration": f"{STEPS} steps"}
core = study.config("clip-title", **CORE)
mixed = study.config("clip-title", **CORE, distractors=N)  # N pictures of others
others = open_world.other_pictures(mixed)
rows = {"core": study.training_set(core).image_ids[::300], "others": others[::300]}
open_world.plot_samples(data, rows)
plt.show()

# %% [markdown]
# To CLIP, a picture of another concept is a pair like any other: a drawing and its title. To a classifier over 60 prototypes it is a picture without a label. It has no prototype to be pulled to, and cross-entropy has no word for "none of these".

# %% tags=["nbval-check-output"]
try:
    study.config("sl", **CORE, distractors=N)
except CourseError as error:
    print(str(error).replace("; ", ";\n"))

# %% [markdown]
# One could add classes for others, or a *background* class, or train the tower on them without labels. Each of these would be another method. The paper's point is that CLIP needs none: its classes are made by the batch.
#
# ## What others do in the loss
#
# Take the batches of a run in which half of all training pictures are others. For a core picture with feature $f_b$, in a batch of $K$ core pairs and $M$ others, CLIP's loss is
#
# $$-\log \frac{\exp(s f_b^\top t_b)}{\sum_{j \in \text{core}} \exp(s f_b^\top t_j) + \sum_{m \in \text{others}} \exp(s f_b^\top t_m)}.$$
#
# Here is one real batch, and a trained model to look at it:

# %% tags=["nbval-ignore-output"]
record = study.train_or_load(mixed)

# %%
dataset = load_dataset(mixed)
model = build_objective(mixed, dataset, None, torch.device("cpu"))
with dataset.loader(torch.device("cpu")) as get_batch:
    batch = get_batch(dataset.order.rows(0), 0)
is_core = batch.labels < C  # an other concept has the label C
print(f"{is_core.sum()} core pairs and {(~is_core).sum()} others in a batch of {B}")


# %% [markdown]
# The loss is a mean over pairs, in two directions. Two arguments are enough to say what others do: which pairs stand in the softmax, and which pairs have a term of their own in the mean.


# %%
def clip_loss(logits, terms):
    """logits float [B, B]; terms bool [B]: the pairs that the mean is over."""
    own = torch.arange(len(logits))
    pictures = F.cross_entropy(logits, own, reduction="none")  # among captions
    captions = F.cross_entropy(logits.T, own, reduction="none")  # among pictures
    return (pictures + captions)[terms].mean() / 2


# %%
model.load_state_dict(weights(record.folder / "checkpoint"))
image, text = model.encode(batch)  # float [128, 128] each, normalized
logits = model.temperature(image @ text.T)
everyone = torch.ones(B, dtype=bool)
torch.testing.assert_close(
    clip_loss(logits, everyone), info_nce(image, text, model.temperature)
)
core_logits = logits[is_core][:, is_core]
ways = {
    "others as negatives and as pairs (CLIP)": clip_loss(logits, everyone),
    "others as negatives alone": clip_loss(logits, is_core),
    "without others": clip_loss(core_logits, everyone[: len(core_logits)]),
}
{name: round(float(loss.detach()), 2) for name, loss in ways.items()}

# %% [markdown]
# The first line of the result is what CLIP is trained on, as the package computes it. In the second, others are still there to be told from, and nothing is learnt of their own pairs. In the third they are taken out. How much of the push comes from others? The gradient of a row of the loss is its softmax minus the own caption. So the softmax on other captions is the force with which they push the picture away.

# %%
with torch.no_grad():
    push = logits.softmax(1)[is_core]  # rows: core pictures, columns: captions
    own = push[:, is_core].diagonal()
    table = {
        "its own caption": own,
        "captions of the core": push[:, is_core].sum(1) - own,
        "captions of others": push[:, ~is_core].sum(1),
    }
    same = batch.labels[is_core][:, None] == batch.labels[is_core]  # [K, K]
    table["of these, the same concept"] = (push[:, is_core] * same).sum(1) - own
pd.DataFrame(table).mean().to_frame("share").T

# %% [markdown]
# Half of the negatives are others, and they do less than half of the pushing: compare the second and the third column. Most of the push from the core comes from captions of the same concept (last column), which say nearly the same as the picture's own. Three things change when $M > 0$:
#
# 1. **Negatives.** The second sum holds captions that no test will ever offer. In a batch of fixed size they take the place of core captions, so that fewer of the negatives are of head concepts.
# 2. **Words.** The text {term}`tower` reads more titles. If they contain the tokens of core names, those are learnt from more than the few core titles.
# 3. **Pictures.** The image tower sees more strokes, shapes and compositions, also some that a tail concept has too few pictures to teach.
#
# None of these is a prior on core concepts, which only core pictures carry. But neither does any of them say that the bias must fall.

# %% [markdown]
# ### Exercise: pairs, but no negatives
#
# *Write · difficulty 3 of 3 · 15 minutes · trains masking a contrastive loss*
#
# "Others as negatives alone" stands above. Write the reverse, `no_negatives`: others keep the terms of their own pairs, but the two kinds never meet in a softmax: no other pair is a negative of a core pair, and no core pair is one of an other pair. It takes `logits`, float [B, B], and `is_core`, bool [B], and returns the mean over all B pairs of both directions. [Solution](solutions/09_open_world)


# %% exercise="no-negatives"
def no_negatives(logits, is_core): ...


# %% tags=["remove-cell"]
check("no-negatives", no_negatives)

# %% [markdown]
# ### Exercise: how many negatives are core?
#
# *Compute · difficulty 1 of 3 · 5 minutes · trains counting what a batch holds*
#
# Suppose that there are N core pictures and 4 N others, in batches of B. How many core captions, besides its own, does a core picture meet in a batch, on average? `N` and `B` are defined above. Put the number into `core_negatives`, in one digit. [Solution](solutions/09_open_world)

# %% exercise="core-negatives"
core_negatives = ...

# %% tags=["remove-cell"]
check("core-negatives", core_negatives)

# %% [markdown]
# ### Are tokens shared?
#
# The second mechanism needs tokens that titles of others share with names of the core. That can be counted without any run:


# %%
def token_sets(texts):
    """Tokens of each text, without start, end (the largest) and padding (0)."""
    return [
        set(row[1:].tolist()) - {0, int(row.max())} for row in tokens(texts, 77)
    ]


asked = token_sets([usual_name(data, concept) for concept in range(C)])
titles = token_sets([data.titles[picture] for picture in others])
shared = np.array([sum(bool(name & title) for title in titles) for name in asked])
theirs = open_world.titles_with_tokens_of_names(data, C, others)
np.testing.assert_array_equal(shared, theirs)
without, some = (shared == 0).mean(), np.median(shared[shared > 0])
print(f"{without:.0%} of the core names share no token with {N:,} titles;")
print(f"the other names share one with {some:.0f} titles (median)")

# %% [markdown]
# For most concepts there is nothing to share: the others of IconTail are called by other words than the core. Whatever others do for these concepts, they do it without teaching their names. On the web it is otherwise, where a caption about something else often mentions a dog. There, words could be the way, and our data cannot say.
#
# ## Equal steps, equal epochs, equal data
#
# One more thing changes that has nothing to do with openness: **the budget.** With as many steps as before, half of each batch is spent on others, and core pictures are shown half as often. With as many epochs as before, each core picture is shown as often, in twice the steps. And with as many *pictures* as before, core pictures are exchanged for others. Three comparisons, three questions:
#
# - *Equal steps*: I can afford so much training; shall I spend half of it on others?
# - *Equal epochs*: somebody gives me more pairs and the time to use them; will it help?
# - *Equal data*: I can collect so many pairs; shall half of them be of others? (The paper's first step on the left asks this, at nine tenths.)
#
# For each of the first two there is a control: as many core pictures a batch, as many steps, each shown as often, and no others. The batch is then half as large.

# %%
DESIGNS = {
    "core alone": {},
    "same steps": {"distractors": N},
    "control for same steps": {"batch_size": B // 2},
    "same epochs": {"distractors": N, "duration": f"{2 * STEPS} steps"},
    "control for same epochs": {
        "batch_size": B // 2,
        "duration": f"{2 * STEPS} steps",
    },
    "same data": {"fraction": 1 / 2, "distractors": N // 2},
}

# %%
rows = {}
for name, fields in DESIGNS.items():
    run = study.override(core, **fields)
    core_part = (study.training_set(run).labels < C).mean()
    steps, size = int(run.training.duration.split()[0]), run.training.batch_size
    pictures = len(study.training_set(run).labels)
    rows[name] = {
        "steps": steps,
        "core a batch": round(size * core_part),
        "others a batch": round(size * (1 - core_part)),
        "times each picture is shown": round(steps * size / pictures),
    }
pd.DataFrame(rows).T

# %% [markdown]
# ### Exercise: which control?
#
# *Choose · difficulty 2 of 3 · 5 minutes · trains reading designs*
#
# For each sentence choose the pair of designs that tests it: `"steps"` (*core alone* and *same steps*), `"control"` (*control for same steps* and *same steps*), `"data"` (*core alone* and *same data*). (1) "It is the others, not the fewer views of each core picture." (2) "With a given number of pairs to collect, half of them should be of others." (3) "With a given number of steps, half of each batch should be others." Put the three words into `controls`, in this order. [Solution](solutions/09_open_world)

# %% exercise="controls"
controls = ...

# %% tags=["remove-cell"]
check("controls", controls)

# %% [markdown]
# ### Exercise: by how much does S(p) fall?
#
# *Predict · difficulty 2 of 3 · 3 minutes · trains committing before a run*
#
# The next cells train four of the designs with three seeds each. By how much is the S(p) of *same steps* lower than that of *core alone*, as a mean over seeds? A negative number says that it is higher. Commit to a number from -1 to 1. [Solution](solutions/09_open_world)

# %% exercise="lower-by"
lower_by = ...

# %% tags=["remove-cell"]
check("lower-by", lower_by)

# %% tags=["nbval-ignore-output"]
LIVE = ["core alone", "same steps", "control for same steps", "same data"]
found = {
    (name, seed): study.train_or_load(
        study.config("clip-title", seed=seed, **(CORE | DESIGNS[name]))
    ).metrics
    for name in LIVE
    for seed in range(3)
}

# %%
live = pd.DataFrame(found).T.rename_axis(["label", "seed"])
LOWER = {
    "same steps": ("core alone", "same steps"),
    "same steps, against its control": ("control for same steps", "same steps"),
    "same data": ("core alone", "same data"),
}
by_seed = intervals.paired(live, *LOWER["same steps"], "spearman_predictions")
print("S(p) is lower by, seed by seed:", by_seed.round(2).to_dict())
check.reveal("lower-by", by_seed.mean())
intervals.differences(live, LOWER, THREE).add_suffix(" is lower by")

# %% [markdown]
# With others in half of each batch, S(p) is lower than that of the core alone in all three seeds, and lower than the control's. So half of the views do not explain it. In S(a) the seeds agree less; see which intervals contain zero. *Same data* goes another way: with half of the core's pictures exchanged for others, accuracy is lower and S(p) is *higher*. Equal steps and equal data are different questions, and they can have different answers. Three seeds at scale tiny give wide intervals; the record has more.
#
# ## The recorded evidence
#
# At scale `cpu`, the core has 194 concepts and 3,000 pictures; 368 steps are sixteen epochs of them. Each seed has its own frequencies, its own core pictures and its own others. A design without markers in the figure has no recorded runs.

# %%
READABLE = {
    "sl 3000": "SL, core alone",
    "core 3000": "core alone",
    "core 3000 + 3000 of all": "same steps",
    "core 3000, half views": "control for same steps",
    "core 3000 + 3000 of 300": "same steps, others of 300 concepts",
    "core 3000 + 12000 of all": "same steps, 12,000 others",
    "core 6000": "same steps, 3,000 more core pictures",
    "half core + 1500 of all": "same data",
    "core 3000 + 3000 of all, epochs": "same epochs",
    "core 3000, half batch": "control for same epochs",
}
recorded = evidence.load_results("open_world", seeds=range(10))
recorded = recorded.rename(index=READABLE, level="label")

# %% mystnb={"image": {"alt": "Ten rows, one a design, and three panels: accuracy, S(a) and S(p). Ticks are seeds, the marker is their mean with its interval. In S(p), same steps lies left of core alone and of its control, 12,000 others further left; same epochs and its control lie together; SL lies far to the right."}, "figure": {"caption": "Recorded runs at scale cpu: seeds, their mean, and its 95 % t interval.", "name": "fig-open-world-recorded"}}
open_world.plot_ladder(recorded, list(READABLE.values()))
plt.show()

# %%
figure_data = intervals.means(recorded, THREE, READABLE.values())
data_table(figure_data, "Means over seeds with 95 % t intervals.")

# %% [markdown]
# Each comparison below is paired by seed, with all recorded seeds that both designs have (five or ten). A positive number says that the second design's value is lower. Comparisons without runs are left out.

# %%
PAIRS = {
    "core alone → same steps": ("core alone", "same steps"),
    "its control → same steps": ("control for same steps", "same steps"),
    "its control → others of 300 concepts": (
        "control for same steps",
        "same steps, others of 300 concepts",
    ),
    "same steps → 12,000 others": ("same steps", "same steps, 12,000 others"),
    "core alone → same epochs": ("core alone", "same epochs"),
    "its control → same epochs": ("control for same epochs", "same epochs"),
    "core alone → same data": ("core alone", "same data"),
    "SL → CLIP, core alone": ("SL, core alone", "core alone"),
}
lower = intervals.differences(recorded, PAIRS, THREE, ".3f")
lower.add_suffix(" is lower by")

# %% [markdown]
# **At equal steps the finding replicates.** With others in half of each batch both correlations fall. Accuracy falls a little, too: each core picture is shown half as often. Half of the views alone would not lower the correlations so far: against the control that shows the core as seldom they fall all the same, and no loss of accuracy can be told. Many concepts seem to matter: with as many pictures of 300 other concepts, no fall of S(p) against the control can be told. Four times as many others cost accuracy, as the core is then hardly seen.
#
# **At equal epochs little is left.** Accuracy is a little higher than that of the core alone. S(a) is lower by a small amount, whose interval over ten seeds just excludes zero and whose estimate is below .02, the smallest effect that we declared to matter. In S(p) and against the control no difference can be told from none. This is not a proof that nothing is left: see which intervals reach beyond .02.
#
# What has changed between the two? How often each core picture was shown: sixteen times at equal epochs, eight at equal steps. In {doc}`03_clip_against_supervised` and {doc}`04_dynamic_classification` memorising brings the class prior back. What a tower knows by heart it need not see with features that others taught. That is an explanation after the fact, and it has not been tested: it would take others in and out at 4, 8, 16 and 32 views, at equal core pictures a batch.

# %% [markdown]
# ### Exercise: predict with the explanation
#
# *Explain · difficulty 3 of 3 · 10 minutes · trains turning an explanation into a test*
#
# Take the explanation by memorising seriously. In three or four sentences: which runs would you train (what varies, what is held, what is the control)? What should the effect of others on S(a) do as each core picture is shown more often, if the explanation holds, and what would speak against it? Put the text into `memorising`. [Solution](solutions/09_open_world)

# %% exercise="memorising"
memorising = ...

# %% tags=["remove-cell"]
check("memorising", memorising)

# %% [markdown]
# ### Mechanisms, at equal views
#
# Do words matter at this scale? One correlation a seed, between the titles that share a token with a concept's name and what the concept gained in accuracy from *control for same steps* to *same steps*. And do pictures? NC1 is the variation within classes over that between them, of test pictures in the image tower ({doc}`08_scale_and_text_heads`):

# %%
control, same = "core 3000, half views", "core 3000 + 3000 of all"
correlations = open_world.token_correlations(
    "open_world", control, same, "accuracy"
)
print("tokens and gain:", intervals.text(list(correlations.values())))
nc1 = intervals.by_seed(recorded, "same steps", "nc1")
ratio = nc1 / intervals.by_seed(recorded, "control for same steps", "nc1")
print("NC1 over its control:", intervals.text(ratio.dropna()))

# %% [markdown]
# Concepts whose names share tokens gain no more than others do, as far as these intervals reach. NC1 does not separate the two designs either. So the record shows *that* many others lower the bias at equal steps, and not *how*. The masked losses above would tell negatives from pairs of their own; no recorded run has them.
#
# ### The claims
#
# Seeds 0 to 4 judge the drawings; seeds 5 to 9 and all ten stand beside them, and photographs where they are recorded. Each claim ends with the paper's effect, where it has one. {doc}`../book/results` explains the verdicts, and says which claims were declared when some of their runs were known.

# %%
HTML(side_by_side.evidence_table("open_world"))

# %% mystnb={"image": {"alt": "Effects of other concepts on S(a) and S(p), one row a claim, with intervals where they are recorded, beside the smallest effect that would matter and the paper's effect on S(a) as a hollow diamond. The four rows at equal steps lie to the right of zero, the four at equal epochs near it."}, "figure": {"caption": "Effects with their intervals beside the paper's.", "name": "fig-open-world-claims"}}
claims.effects(evidence.verdicts(lesson="open_world"))
plt.show()

# %% [markdown]
# The diamond at equal epochs needs care. It is the paper's step from ImageNet-100's classes to 1,000, which holds the *data* equal. The nearest to ours at equal *epochs* is the paper's right panel, where pictures are added:

# %%
cls, every = (
    paper.value("fig6b", name, "clip", "spearman_accuracy")
    for name in ("yfcc15m_cls", "yfcc15m")
)
print(f"YFCC-15M-Cls {cls:.2f}, YFCC-15M {every:.2f}: lower by {cls - every:.2f}")

# %% [markdown]
# ## What this scale cannot show
#
# - **Relatives.** On the web, other concepts are neighbours (breeds, parts, scenes) of the tested ones. Our others are drawings from the same sets, with labels that nobody checked. Photographs of other classes are nearer to the web's, and few.
# - **Size.** Four others to one core picture is little against the web, where it is hundreds, and where few pairs are seen often.
# - **Negatives against pictures.** Each pair of an other concept brings both. One would have to train with the masked losses above.
# - **Frozen text.** The paper's left panel has a text head that has seen 400 million captions, for which no word is new. With a frozen text tower, mechanism 2 is excluded by design.
#
# ## Summary
#
# - A contrastive loss can use any pair; a classifier over a closed list has no place for it, and says so.
# - Others enter the loss twice: as negatives of the core, and as pairs of their own. A mask separates the two.
# - "More data" is three comparisons: equal steps, equal epochs, equal data. Name yours, and its control.
# - Over ten seeds at scale `cpu`, others of many concepts lower S(a) and S(p) at equal steps, against the control, too.
# - At equal epochs an effect on S(a) below the smallest that would matter may be left: not nothing, and not the paper's size.
#
# Next: {doc}`10_feature_space`.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`radford2021`. In full on the page {doc}`../book/references`.
