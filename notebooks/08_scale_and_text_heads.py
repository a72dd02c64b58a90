# ---
# jupyter:
#   course: {question: "Scale and text heads", figure: "Fig. 5", scale: tiny, minutes: 3, memory_gb: 1.3}
# ---

# %% [markdown]
# # Scale and text heads
#
# **Claim: eight times the data make CLIP more accurate even at equal steps, though much of the gain seen at equal epochs is owed to the steps; and class vectors frozen from a CLIP that has seen the open world make CLIP's accuracy follow frequency less than its own do (its predictions, over five seeds, no less), while a classifier with the same vectors stays more biased.**
#
# After this lesson you can
#
# - tell what more data does from what more steps do;
# - say when an S(a) means nothing because the model is near chance;
# - build a CLIP on four kinds of text head, and say what each has seen before;
# - read NC1 and NC2, and know their two extremes;
# - compare the geometry of class vectors by their neighbours;
# - read Fig. 5 with its confounds in mind.
#
# Figures treated: Fig. 5 of {cite:t}`wen2024`. Running takes about three minutes on two CPU cores and 1.3 GB of memory; reading, thirty. Before this: {doc}`03_clip_against_supervised`.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from lt_course import evidence, study
from lt_course.evaluation.neural_collapse import nc2
from lt_course.lessons import scaling
from lt_course.lessons.checks import check
from lt_course.lessons.neighbours import agreement, cosines, nearest
from lt_course.plots import claims, intervals, style, widgets
from lt_course.statistics import spearman
from lt_course.study.run_config import open_world_clip

style.use()
pd.options.display.float_format = "{:.2f}".format
pd.options.display.max_colwidth = None

# %% [markdown]
# ## Two things grow at once
#
# How does bias change with the amount of data? The paper trains CLIP on 1/32, 1/16, … of LAIONet and on all of it, for 32 epochs each. An epoch of less data has fewer steps, so the number of steps is cut by the same factor, while the warm-up keeps its 500 steps:

# %% tags=["nbval-check-output"]
forms = {"pictures": "{:,}", "steps": "{:,}", "warm-up": "{:.1%}"}
budget = scaling.paper_budget()
pd.DataFrame({name: budget[name].map(form.format) for name, form in forms.items()})

# %% [markdown]
# The smallest run is not only the one that has seen the fewest pictures. It has also been updated least often, and a sixth of its updates were warm-up. If it does worse, we cannot say why. There are two ways to hold something equal:
#
# - **Equal epochs**, as in the paper: each picture is visited equally often, and steps shrink with the data.
# - **Equal steps**: the optimiser does the same work, and each picture of a smaller set is visited more often.
#
# Neither is the right one. The first asks what a larger collection is worth if compute grows with it; the second, what new pictures are worth if compute does not. We do both, and our warm-up is a share of the steps (5 %). A fraction keeps that share of *every* class, rounded down, but never less than one picture: classes that had one to begin with cannot shrink.

# %% tags=["nbval-ignore-output"]
METHODS = ["sl", "clip-title"]
runs = scaling.grid(METHODS, epochs=(1 / 32, 1 / 8), steps=(1 / 8,))
parts = {label: study.train_or_load(run) for label, run in runs.items()}

# %%
work = {label: scaling.work(record) for label, record in parts.items()}
BY_FRACTION = ["sl 1/32, epochs", "sl 1/8, epochs", "sl 1/8, steps", "sl 1"]
pd.DataFrame(work).T.loc[BY_FRACTION]

# %% mystnb={"image": {"alt": "Three panels, accuracy, S(a) and S(p), against the fraction of the data, for SL and CLIP on titles. At 1/8, accuracy at equal steps, solid lines, is far above that at equal epochs, dashed. Markers of equal epochs at 1/32 and 1/8 are hollow."}, "figure": {"caption": "One seed at tiny scale. Hollow: fewer right answers than one a class.", "name": "fig-scale-live"}}
live = intervals.metrics(parts)
scaling.plot_fractions(
    scaling.by_fraction(live, runs),
    ["accuracy", "spearman_accuracy", "spearman_predictions"],
)
plt.show()

# %%
accuracy = live["accuracy"].droplevel("seed")
gain = {
    style.LABELS[method]: {
        f"at equal {budget}": accuracy[f"{method} 1"]
        - accuracy[f"{method} 1/8, {budget}"]
        for budget in ("epochs", "steps")
    }
    for method in METHODS
}
pd.DataFrame(gain).T.rename_axis("gain of accuracy from 1/8 to 1")

# %% [markdown]
# Much of what looks like a gain from data at equal epochs is a gain from steps. What remains at equal steps is due to the pictures. And the tie to frequency? At equal steps, S(a) does not fall with more data; if anything, it rises a little, for both methods. This is one seed; the recorded evidence below has more.
#
# ## The floor
#
# At 1/32 of the data and equal epochs a model makes six steps. Its S(a) is low. Is it fair?
#
# No: it is lost. S(a) ranks concepts by their accuracy, and with 20 test pictures a class that accuracy is 0, .05, .1 and so on. A model near chance (accuracy $1/C$) has most concepts at 0, all tied, and chance decides which are not.

# %% tags=["nbval-check-output"]
concepts = len(parts["sl 1"].per_class)
print(f"chance {1 / concepts:.3f}, one right answer a class {scaling.FLOOR:.3f}")

# %%
never = {
    label: {
        "accuracy": record.metrics["accuracy"],
        "classes never right": (record.per_class["accuracy"] == 0).mean(),
        "S(a)": record.metrics["spearman_accuracy"],
    }
    for label, record in parts.items()
}
pd.DataFrame(never).T

# %% [markdown]
# {doc}`02_measuring_bias` made observers whose bias is known. Here are some that get worse and worse at seeing, while their knowledge leans on frequency by exactly the same amount. The true S(a), of accuracies known exactly, hardly moves. What 20 test pictures show of it shrinks, and near chance much of it is gone.

# %% mystnb={"image": {"alt": "Against accuracy on a log axis: the true S(a) is a level line; the measured S(a) falls away from it to the left of about 0.1, and the share of classes that are never right rises towards 1."}, "figure": {"caption": "Observers of equal bias: near chance, a test of 20 pictures a class cannot see it.", "name": "fig-scale-floor"}}
frequency = parts["sl 1"].per_class["frequency"]
curve = scaling.measured_bias(frequency, [3, 2, 1.5, 1, 0.5, 0, -0.5, -1])
scaling.plot_floor(curve, concepts)
plt.show()

# %% [markdown]
# So a fall of S(a) towards small data is no sign of fairness. We mark as hollow every run with fewer right answers than one a class (accuracy below .05), and draw no conclusion from its S(a). The paper's test set has 50 pictures a class, which puts the same floor at .02; its smallest runs, with accuracies of 2 to 10 %, begin just above it.
#
# ## Where class vectors come from
#
# CLIP's class vectors are made by a text {term}`tower`. Lesson 03 trained it from scratch, together with the image tower, on the same long-tailed pairs. The paper compares four origins, and a classifier beside them:
#
# | head | its text tower | learns on? |
# |---|---|---|
# | scratch | random weights | yes |
# | initialised | from a CLIP that has seen the open world | yes |
# | frozen | from the same CLIP | no |
# | language model | a model of text alone, with a small head behind it | only the small head |
# | SL, frozen prototypes | a classifier whose {term}`prototypes <prototype>` are that CLIP's | no |
#
# In the paper, the pre-trained CLIP is OpenAI's {cite}`radford2021` and the language model RoBERTa. Here we train our own CLIP on all that IconTail has, and the language model is MiniLM, whose embeddings of names the package carries. All captions are bare names, so the students differ in the head and in nothing else; our frozen prototypes for the classifier are the means over CLIP's 80 {term}`templates <template>`.
#
# **What has the teacher seen that the students have not?** It must be said plainly.

# %%
factor = evidence.experiment("text_heads")
HEADS = ["scratch", "initialised", "frozen", "language model", "sl", "sl frozen"]
head_runs = {label: factor.run(label, scale=study.scale().name) for label in HEADS}
tail = frequency.rank().to_numpy() <= concepts / 3
student = head_runs["frozen"]
teacher = open_world_clip(student)
pd.DataFrame(
    {r.name: scaling.seen(r, tail) for r in (student, teacher)},
).rename(columns={student.name: "student", teacher.name: "its head's teacher"})

# %% [markdown]
# It has seen many more pictures of *our* concepts, in their natural numbers, and most of all of the concepts that are rare for the student; it has seen pictures of other concepts; and it has read titles and tags. It has never seen a test picture. So a frozen head is not a cleverer way to use the same data. It carries in what more data taught, as vectors. The paper's situation is the same: OpenAI's 400 million pairs surely show ImageNet's concepts, and not one by one but by the thousand.

# %% tags=["nbval-ignore-output"]
heads = {label: study.train_or_load(run) for label, run in head_runs.items()}
head_metrics = intervals.metrics(heads)

# %% mystnb={"image": {"alt": "Six panels, accuracy, S(a), S(p), NC1, NC2 of class means and of prototypes, with a row for each of six heads. CLIP with the frozen head has the lowest S(a) and S(p), SL the highest of both."}, "figure": {"caption": "Six heads, one seed at tiny scale.", "name": "fig-scale-heads"}}
scaling.plot_heads(head_metrics, list(scaling.COLUMNS))
plt.show()

# %%
intervals.means(head_metrics, scaling.COLUMNS, HEADS)

# %% [markdown]
# What one seed shows: all four CLIPs are about as accurate, and more so than both classifiers. The frozen head gives the lowest S(a) and S(p) of all. It does less for the classifier, which was told the same vectors and stays far more biased than this CLIP: **good class vectors alone are not what makes CLIP robust**, as the paper finds, too (its Sec. 4.1). The language model's head is the exception to the paper's order: there it costs accuracy, here it costs none. MiniLM was trained to make sentence vectors that can be compared, RoBERTa to fill in missing words, and that may be why; but its S(a) is the highest of the four CLIPs, as in the paper with all data.
#
# ## NC1 and NC2, briefly
#
# The last three columns describe geometry; {doc}`../book/glossary` has {term}`neural collapse`, and a later lesson goes deep. Two numbers will do here.
#
# **NC1** compares the spread of features *within* classes, $\Sigma_W$, with the spread *between* their means, $\Sigma_B$: $\text{NC1} = \operatorname{tr}(\Sigma_W \Sigma_B^{+}) / C$ {cite}`papyan2020`. It is 0 where all pictures of a class fall onto one point, and grows with the variation that is kept. We take it on test pictures, as the paper does. It cannot be compared between data sets or numbers of classes.
#
# **NC2** asks whether class vectors lie as far apart as can be. The best that $C$ vectors can do is a simplex, in which every pair has the cosine $-1/(C-1)$; NC2 is the mean distance from that. It can be taken of the class means of picture features, or of the prototypes.

# %% tags=["nbval-check-output"]
C, D = 60, 128
random = torch.randn(C, D, generator=torch.Generator().manual_seed(0))
extremes = {
    "simplex": torch.eye(C) - 1 / C,
    "random": random,
    "a narrow cone": random + 5,
}
for name, vectors in extremes.items():
    print(f"{name}: NC2 {nc2(vectors, centre=False):.2f}")

# %% [markdown]
# Low NC2 is not the same as good. Random vectors, which know nothing of their classes, have a low one, and a classifier trained from scratch keeps the very value that its random prototypes began with. A head in which *shopping bag* lies beside *shopping cart* has a higher NC2 for a good reason. High NC1 is as ambiguous. The paper reads it as variation that a frozen head keeps within classes; but a model that has not learnt to tell classes apart has a high NC1 too, and so has one that has memorised few pictures:

# %%
geometry = ["accuracy", "nc1", "nc2_means", "nc2_prototypes"]
live.loc[BY_FRACTION, geometry].droplevel("seed")

# %% [markdown]
# So compare NC1 at similar accuracy, or say that you did not. Among our heads, one seed shows no such gap in NC1 as the paper's, where the frozen head's is ten times that of the one learnt on.
#
# ## Who lies next to whom
#
# A frozen head cannot move, so its geometry decides what the image tower must do: classes that lie side by side must be told apart by small differences. Two kinds of neighbours are possible. Things can *look* alike (a clock and a globe are round), or *mean* something alike (a key and a padlock). The teacher has read texts beside pictures, the language model only texts. Move the slider; all vectors are centred first.

# %%
shown = ["scratch", "frozen", "language model"]
names = list(heads["scratch"].per_class["name"])
CONCEPTS = ["clock", "padlock", "telephone", "moon", "tree", "camera", "keyboard"]


def draw(concept):
    found = {
        head: nearest(heads[head].arrays["prototypes"], names, concept)
        for head in shown
    }
    return scaling.plot_neighbours(found, concept)


# %% tags=["nbval-ignore-output"]
def alt(concept):
    firsts = [
        nearest(heads[head].arrays["prototypes"], names, concept).index[0]
        for head in shown
    ]
    pairs = zip(shown, firsts, strict=True)
    return f"Nearest to {concept}: " + ", ".join(f"{h}: {n}" for h, n in pairs)


widgets.slider_figure(draw, CONCEPTS, "concept", "clock", alt)

# %% mystnb={"image": {"alt": "Three panels, the heads from scratch, frozen from the open world, and language model, each with the five concepts whose vectors lie nearest to that of clock, and their cosines."}, "figure": {"caption": "The slider's picture of clock.", "name": "fig-scale-neighbours"}}
draw("clock")
plt.show()

# %% [markdown]
# A few concepts show what to look for; all pairs show how much of it there is. For each head, the cosines of all pairs of classes are correlated (Spearman) with two references: looks, the mean features that the *classifier* gives to the pictures of each class, and meaning, the language model's own embeddings, before any head.

# %%
looks = heads["sl"].arrays["centres"]
references = {
    "looks": looks,
    "meaning": scaling.meaning(concepts),
    "frozen": heads["frozen"].arrays["prototypes"],
}
pd.DataFrame(
    {
        head: {
            f"with {name}": agreement(heads[head].arrays["prototypes"], vectors)
            for name, vectors in references.items()
        }
        for head in ("scratch", "initialised", "frozen", "language model")
    }
).T

# %% [markdown]
# The heads that learnt from pictures agree with looks, and hardly with meaning, whether they were learnt here or brought along; the language model's head still follows meaning, and learns looks all the same, by the small network behind it. (The classifier's features come from the same pictures as the students', so some agreement is due to shared data; and a head of its own would agree with itself.) The head that was learnt on from the open world's stays near it.
#
# ## The recorded evidence
#
# The same at scale `cpu`: 194 concepts, 6,000 pictures, seeds 0 to 4, trained one by one and recorded; nothing here is trained now. First, fractions of the data.

# %% mystnb={"image": {"alt": "Three panels, accuracy, S(a) and S(p), against fractions of the data for SL and CLIP on titles, at equal epochs (dashed) and equal steps (solid), with intervals over seeds."}, "figure": {"caption": "Recorded runs: means over seeds with t intervals; hollow below the floor.", "name": "fig-scale-recorded"}}
scale_runs = evidence.load_results("scale")
scale_table = scaling.by_fraction(scale_runs, evidence.experiment("scale").runs())
scaling.plot_fractions(
    scale_table, ["accuracy", "spearman_accuracy", "spearman_predictions"]
)
plt.show()

# %%
labels = list(evidence.experiment("scale").settings)
intervals.means(scale_runs, dict(list(scaling.COLUMNS.items())[:4]), labels)

# %% [markdown]
# At equal steps, more data make both methods more accurate, and tie accuracy more to frequency; at equal epochs they do so from further below, as the smallest sets are over before anything is learnt, and a correlation below the floor says nothing. On no branch does S(a) fall.
#
# Second, text heads, under the paper's curves. The axes are shared, so that sizes can be compared as well as shapes; but read NC1 and NC2 by their order within a panel only.

# %% mystnb={"image": {"alt": "Two rows of four panels: accuracy, S(a), NC1 and NC2 against the fraction of the data. Above, the paper's five heads: the frozen CLIP head is highest in accuracy and NC1 and lowest in S(a) and NC2; the language model's S(a) rises. Below, ours at 1/8 and 1, with intervals."}, "figure": {"caption": "Fig. 5, read off the plots (single runs; epochs equal), and ours (means over seeds; steps equal).", "name": "fig-scale-paper"}}
head_runs_recorded = evidence.load_results("text_heads")
scaling.plot_beside_paper(
    scaling.by_head(head_runs_recorded),
    scaling.paper_curves(),
    ["accuracy", "spearman_accuracy", "nc1", "nc2_means"],
)
plt.show()

# %%
intervals.means(head_runs_recorded, scaling.COLUMNS, list(factor.settings))

# %% [markdown]
# In the paper, the frozen head's S(a) falls as data grow. Does ours? If not, look at who gains from eight times the data, by thirds of the concepts:

# %%
thirds = {f"accuracy_{part}": part for part in ("head", "mid", "tail")}
gained = {head: (head, f"{head} 1/8") for head in ("scratch", "frozen")}
intervals.differences(
    head_runs_recorded, gained, thirds | {"spearman_accuracy": "S(a)"}
)

# %% [markdown]
# More data are not more of everything. In a set as small and steep as ours, eight times the data are many more pictures for a head concept, and for a tail concept none or a few: the table of live runs above has the median concept's pictures, and the concepts that stay at one. Where the new pictures go, accuracy goes, and S(a) rises. By the released counts the median concept has 583 pictures in all of LAIONet, and about 18 in 1/32 of it; there even the middle of the tail leaves the few shots behind, while the head has long had enough. That would explain why the paper's S(a) falls; to test it takes more data than we have.
#
# ### The claims
#
# Each claim was written down, with the smallest effect that would matter, before its runs were trained; the two on frozen prototypes were changed afterwards, so that both methods embed the same templates. It is supported if the whole interval lies above zero and the estimate is at least that effect; reversed if the whole interval lies below zero; absent if it lies below that effect; undecided otherwise. Mind what stands beside what: the paper's effects of scale run from 1/32 of the data to all of it at equal epochs, ours from 1/8 to all at equal steps. Ours must be expected to be smaller.

# %%
verdicts = evidence.verdicts(lesson="scale_and_text_heads")
claims.table(verdicts)

# %% mystnb={"image": {"alt": "One row for each claim of this chapter: our effect with its interval over seeds, and the paper's effect as a hollow diamond, in panels by metric."}, "figure": {"caption": "Effects of the chapter's claims, ours and the paper's.", "name": "fig-scale-claims"}}
claims.effects(verdicts)
plt.show()

# %% [markdown]
# ## What this scale cannot show
#
# - **Large data.** Our largest set has 6,000 pictures, the paper's smallest 101,848. Whether S(a) falls again beyond some size, as the paper's curve of the head from scratch does, is out of reach here.
# - **A teacher of another world.** Ours has seen drawings from the same collection as its students. OpenAI's is far larger and has seen photographs of everything; what it has seen of ImageNet is not known.
# - **A language model that reads captions.** Ours gives one vector a name. The paper's RoBERTa reads whole web captions, which say more than a name, and worse.
# - **Fractions below 1/32.** Rounding and the floor of one picture a class change the profile there: a small fraction of a long tail is a flatter one.
# - **The other optimiser.** As in {doc}`03_clip_against_supervised`, the classifier is trained as CLIP is, and not as in the paper.
#
# ## Exercises
#
# ````{exercise-start} How often is a picture visited?
# :label: ex-scale-visits
# ````
#
# At equal steps, the run on 1/8 visits each of its pictures more often than the run on all data. By what factor (`factor_of_visits`)? It is not exactly 8. Why? And would it be more or less than 32 for 1/32?
#
# ```{hint}
# :class: dropdown
# `scaling.work(record)["visits"]`, for two of the runs in `parts`.
# ```
#
# ````{exercise-end}
# ````

# %%
factor_of_visits = ...

# %% tags=["hide-input"]
visits = {label: found["visits"] for label, found in work.items()}
_ = check(
    "factor of visits",
    factor_of_visits,
    visits["sl 1/8, steps"] / visits["sl 1"],
    tolerance=0.005,
    hint="Visits of the smaller set over those of the whole.",
)

# %% [markdown]
# ````{solution-start} ex-scale-visits
# :class: dropdown
# ````

# %%
factor_of_visits = work["sl 1/8, steps"]["visits"] / work["sl 1"]["visits"]
print(f"{factor_of_visits:.2f}")
for part in (8, 32):
    pictures = work[f"sl 1/{part}, epochs"]["pictures"]
    print(f"1/{part}: {pictures:.0f} pictures, {4_500 / part:.0f} expected")

# %% [markdown]
# Two rules pull in opposite directions: rounding down takes pictures away, and the rule of one adds them. At 1/8 the first wins, at 1/32 the second, so there the factor would be less than 32. Both change the profile: every class that had fewer than 64 pictures has one at 1/32, so a small fraction of a long tail is a flatter one.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} NC2 by hand
# :label: ex-scale-nc2
# ````
#
# Compute the NC2 of the frozen head's prototypes (`by_hand`) with numpy alone, without centring, from `heads["frozen"].arrays["prototypes"]`.
#
# ```{hint}
# :class: dropdown
# Normalise the rows, multiply by the transpose, add $1/(C-1)$, take absolute values, and average over the pairs off the diagonal: `~np.eye(C, dtype=bool)`.
# ```
#
# ````{exercise-end}
# ````

# %%
by_hand = ...

# %% tags=["hide-input"]
_ = check(
    "NC2 of the frozen head",
    by_hand,
    heads["frozen"].metrics["nc2_prototypes"],
    tolerance=1e-4,
    hint="Is the diagonal left out, and nothing centred?",
)

# %% [markdown]
# ````{solution-start} ex-scale-nc2
# :class: dropdown
# ````

# %%
vectors = heads["frozen"].arrays["prototypes"]
unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
distance = np.abs(unit @ unit.T + 1 / (len(unit) - 1))
by_hand = distance[~np.eye(len(unit), dtype=bool)].mean()
print(f"{by_hand:.3f}")

# %% [markdown]
# Far from a simplex, like the vectors of the other text towers and unlike a classifier's own: what looks alike lies together.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} Do neighbours get confused?
# :label: ex-scale-confused
# ````
#
# If geometry decides what is hard, then pairs of classes whose vectors are alike should be confused more often. For the frozen head, count how often each class is mistaken for each other one, and correlate (Spearman, over all ordered pairs of different classes) these counts with the cosines of their vectors: `confusion_follows_cosine`.
#
# ```{hint}
# :class: dropdown
# `record.arrays` has `labels` and `predictions`; `np.add.at(counts, (labels, predictions), 1)` fills a matrix. `cosines` gives the other, and `spearman` takes two arrays; both are imported above.
# ```
#
# ````{exercise-end}
# ````

# %%
confusion_follows_cosine = ...


# %% tags=["hide-input"]
def as_counted(answer):
    found = heads["frozen"].arrays
    counts = np.zeros((concepts, concepts))
    np.add.at(counts, (found["labels"], found["predictions"]), 1)
    pairs = ~np.eye(concepts, dtype=bool)
    expected = spearman(cosines(found["prototypes"])[pairs], counts[pairs])
    return abs(answer - expected) < 1e-3


_ = check(
    "confusion follows cosine",
    confusion_follows_cosine,
    as_counted,
    hint="Leave the diagonal out of both matrices.",
)

# %% [markdown]
# ````{solution-start} ex-scale-confused
# :class: dropdown
# ````

# %%
found = heads["frozen"].arrays
counts = np.zeros((concepts, concepts))
np.add.at(counts, (found["labels"], found["predictions"]), 1)
pairs = ~np.eye(concepts, dtype=bool)
alike = cosines(found["prototypes"])
confusion_follows_cosine = spearman(alike[pairs], counts[pairs])
print(f"{confusion_follows_cosine:.2f}")

# %% [markdown]
# Neighbours are confused more often. Whether they are so *because* they are neighbours, or lie together because the teacher could not tell them apart either, this number does not say: compare it with the same number for the head from scratch.
#
# ````{solution-end}
# ````
#
# ## Summary
#
# - At equal epochs, less data also means fewer steps; hold the one equal, then the other, before you say what data do.
# - Near chance S(a) is small for want of right answers. Below one right answer a class it is not evidence.
# - A frozen open-world head carries in what its teacher has seen of the very concepts that are rare for the student, here as in the paper. CLIP's accuracy then follows frequency less, though its predictions do not; a classifier with the same vectors stays more biased.
# - NC1 and NC2 describe geometry, and a low value may be a good or a bad sign: compare at similar accuracy.
# - Neighbours show what a head takes to be alike: looks, or meaning.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`radford2021`; {cite:t}`papyan2020`. In full on the page {doc}`../book/references`.
