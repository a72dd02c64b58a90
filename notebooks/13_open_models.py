# ---
# jupyter:
#   course: {question: "Does what we found hold for the CLIPs that people use?", figure: "Fig. 1b, 7a, 12, 17, 18", scale: tiny, minutes: 2, memory_gb: 1.3}
# ---

# %% [markdown]
# # Open models
#
# **Claim: released CLIPs follow class frequency less, the more pairs they were pre-trained on, and from 400 million on by hardly more than chance would; a wrong frequency file that merely dilutes could not make a fall that large. What made it, these models cannot tell: number of pairs, curation and architecture change together.**
#
# After this lesson you can
#
# - judge a released model by the frequencies of *its own* pre-training data, and say what happens otherwise;
# - tell a correlation over classes from chance, for a thousand classes and for ten;
# - predict how far a wrong frequency file shrinks a correlation, and what it could hide;
# - read S(a) against S(p) over models, and test one explanation of it;
# - run the same evaluation on a model of your own, from features to report;
# - list what differs between two released models besides the thing you care about.
#
# Figures treated: Fig. 1b, 7a, 12, 17 and 18 of {cite:t}`wen2024`. Running takes about two minutes on two CPU cores and 1.3 GB of memory; reading, thirty. Before this: {doc}`02_measuring_bias`, {doc}`10_feature_space`.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

from lt_course import study
from lt_course.counting import web_frequencies
from lt_course.evidence import paper
from lt_course.lessons import neural_collapse, open_models
from lt_course.lessons.checks import check
from lt_course.lessons.features import cosines
from lt_course.plots import style, widgets
from lt_course.statistics import spearman
from lt_course.web.released.own_models import own_models

style.use()
pd.options.display.float_format = "{:.3f}".format
pd.options.display.max_colwidth = None

# %% [markdown]
# ## Whose numbers these are
#
# So far we trained what we measured. Released models were trained by others on data that nobody can hold in their hands, and to measure them takes their weights (gigabytes), ImageNet, and a GPU. The course does it with one command:
#
# ```bash
# lt-course models list                                   # what there is, and who can be judged
# lt-course models evaluate counted --on imagenet-val --out open_models --device cuda
# ```
#
# For each model it keeps one confusion matrix, the five metrics of {term}`neural collapse` by class, and the correlations. **The command has been run on models with random weights only**, in the tests, against an independent loop; no weights could be downloaded where this course was made. So the numbers of released models on this page are the paper's, and because the paper prints none of them, they were *read off its plots*: to about .005 in a correlation. If you have run the command, let `OWN` name its folder, and yours appear beside them.

# %% tags=["nbval-ignore-output"]
OWN = Path("..") / "open_models"
web = web_frequencies.load()
own, said = own_models(OWN, web)
print(said)

# %% [markdown]
# Which models? open_clip {cite}`ilharco2021` lists some weights under two names, one of them with an activation that the weights were not trained with. The paper's 41 models hold six ResNets that are three checkpoints, each also under its wrong name. Our list has each checkpoint once, under the right one.
#
# And which frequencies? A model is judged by how often the captions *it* learnt from name each class. Six sets were counted: CC-12M {cite}`changpinyo2021`, YFCC-15M, LAION-400M, LAION-2B {cite}`schuhmann2021`, and two of MetaCLIP {cite}`xu2024`. A model of any other set has no such file; the command says so and guesses none.
#
# ## Bias by pre-training set
#
# Fig. 1b gives one mean a set. Beside it stand three numbers about how often the set's captions name each class ({doc}`06_long_tails`): the Gini coefficient, the effective number of classes, and the share of the ten most frequent.

# %% tags=["nbval-check-output"]
theirs = open_models.by_pretraining(web)
theirs

# %% tags=["nbval-ignore-output"]
if own is not None:
    display(open_models.beside(theirs, own).filter(like="yours"))

# %% [markdown]
# Before we read a trend into the small numbers: how large is S when there is nothing? With 1,000 classes, draw unrelated orders and look.

# %% tags=["nbval-check-output"]
chance = open_models.by_chance(1_000)
print(f"95 % of unrelated orders of 1,000 classes: |S| below {chance:.3f}")

# %% mystnb={"image": {"alt": "Two panels, S(a) and S(p) against millions of pre-training pairs. In S(a), CC-12M and YFCC-15M lie at 0.34, LAION-400M at 0.09 and the others inside the grey band around zero. In S(p) the two small sets lie at 0.13, all others inside the band."}, "figure": {"caption": "Means over released CLIPs, read off the paper's Fig. 1b (large markers); grey: where unrelated orders of 1,000 classes fall. Small hollow markers, if any, are your own models.", "name": "fig-open-models-scale"}}
open_models.plot_by_scale(theirs, chance, own)
plt.show()

# %% [markdown]
# In S(a), the fall from the two small sets to the large ones is about twice the width of the whole band; in S(p), about once. Among the large ones only LAION-400M's S(a) lies outside it. Differences between .035, .013 and .023 mean nothing that 1,000 classes could show; whether S(a) is *zero* at the right end or merely small, neither.
#
# What may be concluded? Not "scale does it", for four things move at once.
#
# - **Pairs**: from 12 million to 2.5 billion.
# - **Architecture and compute**: all models of the two small sets are ResNets; for the large sets open_clip lists ViTs and ConvNeXts, of up to dozens of times as many parameters.
# - **Curation**: MetaCLIP caps how many captions a query may contribute, which flattens the head. Its {term}`Gini coefficient` is .66 where LAION's is .80, and twice as many classes are effectively there. At 400 million pairs, LAION's mean S(a) is .09 and MetaCLIP's .04, as flatter data would have it (lesson {doc}`07_data`). At 2 billion and more there is nothing left to compare.
# - **Which classes are frequent**: MetaCLIP's counts have another order, too, and S compares with the order. We come to that.
#
# ## Three checkpoints, six points
#
# All models of the two small sets are counted twice. How much could that have moved their means? Fig. 18 shows single models, without names. All markers of the two small sets can be told apart, but not which of a pair is the wrong one. So keep half of them in every possible way.

# %% tags=["nbval-check-output"]
points = open_models.markers()
open_models.once_each(points)

# %% [markdown]
# S(a) can move by hardly more than the accuracy of reading the plot. S(p) could have been higher or lower by .03. The conclusion stands; that a mean over "six models" is one over three, of two architectures, should be kept in mind.
#
# ## Model by model
#
# Fig. 18 has 41 models; those that no other marker hides completely:

# %% mystnb={"image": {"alt": "S(p) against S(a), a marker a model, coloured by pre-training set. CC-12M and YFCC-15M stand at the right. LAION-400M lies around S(a) 0.09 with S(p) near zero. LAION-2B falls from upper left to lower right."}, "figure": {"caption": "Models that can be told apart in the paper's Fig. 18, read off the plot; hollow: partly hidden. Grey: chance, as before. Small and edged in black, if any: yours.", "name": "fig-open-models-models"}}
open_models.plot_markers(points, chance, own)
plt.show()

# %% tags=["nbval-check-output"]
for evaluated in ("imagenet", "imagenet-v2"):
    seen = open_models.markers(evaluated)
    for key in ("laion400m", "laion2b"):
        S = seen[seen["set"] == key]
        r = S["S(a)"].corr(S["S(p)"])
        ends = f"S(a) {S['S(a)'].min():.2f} to {S['S(a)'].max():.2f}"
        print(f"{evaluated}, {key}: {len(S)} markers, {ends}, r {r:.2f}")

# %% [markdown]
# Two things to see. Models of *one* set differ by as much as .12 in S(a), more than the means of LAION-400M and LAION-2B do; whatever made that difference, it was not the data. And within LAION-2B the markers fall: models with the higher S(a) have the lower S(p). (Eleven markers, all judged on the same thousand classes; take the sign, not the number. LAION-400M shows no such thing.)
#
# Why should S(a) rise as S(p) falls? One might think that models differ in how much they *prefer* frequent classes. That can be tested here, on models that we can change: add a multiple of the log frequency to every class's score, and go from one that shuns the head to one that favours it.

# %% tags=["nbval-ignore-output"]
METHODS = ["sl", "clip-title"]
records = {method: study.train_or_load(study.config(method)) for method in METHODS}
clip = records["clip-title"]
frequency = clip.per_class["frequency"].to_numpy()
labels = clip.arrays["labels"]

# %%
LIFTS = np.linspace(-0.12, 0.12, 13).round(2)
shown = {
    m: open_models.lifted(
        cosines(records[m], open_models.test_pictures(clip)),
        labels,
        frequency,
        LIFTS,
    )
    for m in METHODS
}
shown["clip-title"].loc[[-0.12, -0.04, 0, 0.04, 0.12]]

# %% mystnb={"image": {"alt": "S(p) against S(a) for SL and CLIP on titles as the preference for frequent concepts grows. Both curves rise from lower left to upper right."}, "figure": {"caption": "Our SL and CLIP with a growing preference for frequent concepts; circled: as trained.", "name": "fig-open-models-lifts"}}
open_models.plot_lifts(shown, {m: style.of(m) for m in METHODS})
plt.show()

# %% [markdown]
# A preference moves both correlations *the same way*: who names frequent classes more often recognises them more often. So models that differ in preference alone would lie on a rising line, and LAION-2B's lie on a falling one. Something else sets them apart, and the plot does not say what: names that are ambiguous and frequent, perhaps, whose wrong answers go elsewhere as models grow. Fig. 18 cannot decide it; confusion matrices of the models could, and that is why the command keeps them.
#
# ## Which frequency file?
#
# Suppose that a model of YFCC-15M is judged by the counts of another set. Their orders are not the same (Fig. 13, recomputed from the released counts):

# %% tags=["nbval-check-output"]
matrix = open_models.rank_matrix(web)
matrix.rename(index=open_models.title, columns=open_models.title).round(2)

# %% [markdown]
# If the other file knows of the model's accuracy only what it shares with the right one, then S shrinks by the factor $r$, the correlation of the two files: *attenuation*, known since {cite:t}`spearman1904`. Without that assumption, three correlations only have to be possible together, which allows
#
# $$ r\,S \pm \sqrt{(1-r^2)(1-S^2)}. $$
#
# (Spearman's correlation is the linear one of ranks, so the limits hold as they stand.) The slider chooses the set that a model learnt from. Its true S(a) is .34. Coloured: a hundred made-up models of a thousand classes, whose accuracy depends on their own counts and on noise. Black bars: $r\,S$. Grey: what is possible at all.


# %%
def draw(own_set, bias=0.34):
    judged = open_models.judged_by(matrix, own_set, bias)
    made_up = open_models.simulated(matrix, own_set, bias)
    return open_models.plot_wrong_file(judged, made_up, own_set)


# %% tags=["nbval-ignore-output"]
def alt(own_set):
    found = open_models.judged_by(matrix, own_set, 0.34)["predicted"]
    said = ", ".join(f"{open_models.title(k)} {v:.2f}" for k, v in found.items())
    return f"A model of {open_models.title(own_set)}; S(a) by the file of {said}"


widgets.slider_figure(
    draw, list(matrix), "learnt from", "yfcc15m", alt, open_models.title
)

# %% mystnb={"image": {"alt": "A row for each of six frequency files. By its own file, YFCC-15M, a model has S(a) 0.34; by the others between 0.23 and 0.28, where prediction and simulation agree. Grey bars of what is possible reach from below zero to about 0.9."}, "figure": {"caption": "The slider's picture for a model of YFCC-15M.", "name": "fig-open-models-file"}}
draw("yfcc15m")
plt.show()

# %% [markdown]
# Simulation and prediction agree, as they must: both assume the same. A wrong file costs a third of the correlation at worst. Now turn it round. The small sets have .34 and LAION-400M .09. Could the large sets' S be small only because their files are bad? The factor would have to be

# %% tags=["nbval-check-output"]
small = theirs.loc["yfcc15m", "S(a)"]
for key in ("laion400m", "laion2b"):
    print(f"{key}: {theirs.loc[key, 'S(a)'] / small:.2f}", end=", ")
apart = matrix.to_numpy()[np.triu_indices(6, 1)]
print(f"and the least similar two files have {apart.min():.2f}")

# %% [markdown]
# Not even the counts of an entirely different set attenuate that much, if attenuation is all they do. But look at the grey bars. They are wide: for a model of YFCC-15M, LAION-400M's file ($r = .78$) could by logic alone give anything from -.3 to .85. It would happen if what the two files do *not* share is what matters, such as names that mean something else in one set. Attenuation is a default, not a law.
#
# This is no exercise in what-if. By the authors' notebook, Fig. 1b judges the ResNets of CC-12M and YFCC-15M by the counts of the labelled subsets, the `-Cls` sets that its classifiers were trained on, not by those of all captions. `lt-course models evaluate` takes all captions. Expect other values there, and see exercise 1.
#
# ## The same code on a model of ours
#
# What happens between a picture and the report? Features and class vectors go into one function, and out comes what is kept of a model. Here it is fed with the two models above.

# %%
answers = {m: open_models.of_run(records[m]) for m in METHODS}
reports = {m: answers[m].report(frequency) for m in METHODS}
pd.DataFrame(reports).rename(columns=style.LABELS)

# %% tags=["nbval-check-output"]
for m in METHODS:
    same = all(
        abs(reports[m][name] - records[m].metrics[name]) < 0.01
        for name in ("accuracy", "spearman_accuracy", "spearman_predictions")
    )
    print(f"{m}: as recorded when the run was evaluated: {same}")

# %% mystnb={"image": {"alt": "Two heat maps of four by four groups of concepts from frequent to rare, SL left and CLIP right. For SL, mass of the rare rows stands in the columns of frequent answers; for CLIP it stands more on the diagonal."}, "figure": {"caption": "Share of the answers by group of concepts, rows sum to 1. A model without prejudice has columns of equal weight.", "name": "fig-open-models-blocks"}}
tables = {
    style.LABELS[m]: open_models.blocks(answers[m], frequency) for m in METHODS
}
open_models.plot_confusions(tables)
plt.show()

# %% [markdown]
# This is what a correlation summarises. The rows of rare concepts tell where their pictures go; the classifier sends more of them to the head. Of a released model the command keeps the whole matrix, so that this figure, and questions nobody has asked yet, need no second evaluation.
#
# ## Geometry
#
# Fig. 7a has the five metrics' correlations with accuracy (in {doc}`10_feature_space`) and with frequency:

# %% tags=["nbval-check-output"]
collapse = neural_collapse.paper_correlations().query("target == 'frequency'")
collapse.pivot(index="dataset", columns="metric", values="value").loc[
    list(neural_collapse.PAPER_SETS), list(neural_collapse.METRICS)
]

# %% tags=["nbval-ignore-output"]
if own is not None:
    columns = [f"spearman_{metric}_frequency" for metric in neural_collapse.METRICS]
    display(own.groupby("pretrained_on")[columns].mean())

# %% [markdown]
# In the large sets, class vectors of frequent classes are crowded (`nc2_prototypes`: .6 to .7), in the small ones less so (.2 to .4). It is tempting to say that scale makes the head dense. But this number is taken of class vectors as they are, and {doc}`10_feature_space` finds, in one released set of class vectors, that it measures nearness to the common mean of all vectors: with that mean subtracted, its correlation with frequency is about 0. And the models of the small sets are of another architecture.
#
# ## Other concepts
#
# ImageNet is one list of names. Fig. 12 repeats the question for seven others. They are shorter, so chance has more room, and the band belongs into the figure.

# %% mystnb={"image": {"alt": "One row for each of seven concept sets, with six markers and a grey band of chance that widens from 365 classes to 10. Places365, Flowers and CUB lie mostly right of their bands; Pets, Food and DTD lie mostly and EuroSAT wholly inside theirs."}, "figure": {"caption": "S(a) of released CLIPs by concept set (number of classes), read off the paper's Fig. 12; grey: chance for that many classes.", "name": "fig-open-models-concepts"}}
elsewhere = open_models.other_concepts()
open_models.plot_other_concepts(elsewhere)
plt.show()

# %% [markdown]
# Two things that ImageNet does not show. For birds and flowers S(a) is mostly beyond chance, from the smallest sets to the largest: more pairs did not make the bias go away where names are rare and fine. (MetaCLIP's markers say less than the others: most of its counts of birds, and more than a third of those of flowers and places, are zeros made by its list of entries, as {doc}`06_long_tails` explains for birds. They compare names that are entries with names that are not.) And for pets, textures and satellite pictures most values or all cannot be told from chance: 37, 47 or 10 classes say little. For food most cannot either, though it has as many classes as flowers. (The bars of one row are not independent: the same classes, nearly the same counts.) "CLIP at scale is unbiased" is a sentence about ImageNet's thousand names.
#
# ## Accuracy beside frequency
#
# Fig. 17 prints 35 classes by rank, with the accuracy of two CLIPs. As {doc}`../book/critical_reading` shows, the accuracies were looked up for other classes than those named. What does that do to a correlation?

# %% tags=["nbval-ignore-output"]
for key in ("laion400m", "metaclip_400m"):
    if web.complete:
        table = open_models.figure_17(web, key)
        found = [spearman(table[c], table["accuracy"]) for c in table.columns[1:]]
        print(f"{key}: S as printed {found[0]:.2f}, as looked up {found[1]:.2f}")
    else:
        print(f"{key}: not without the counts of single classes.")
print(f"35 classes, by chance: {open_models.by_chance(35):.2f}")

# %% [markdown]
# Both lie within chance for 35 classes, so the figure would have shown nothing against its text either way. Its message, that rare classes may be recognised well, rests on pairs that do not belong together. That frequent classes are not recognised much better than rare ones, at 400 million pairs, rests on Fig. 1b, where the pairing is right.
#
# ## What this lesson cannot show
#
# - **The models themselves.** Nothing here was measured on released weights. Plots were read; per-model names are lost, hidden markers are missing.
# - **What scale does.** To part pairs from architecture and curation, one has to train; the study does, at three million pairs, and lessons 08 to 10 do in small.
# - **Contamination.** Web-scale sets may hold ImageNet's own pictures. A model that has seen the test is not unbiased, it is informed.
# - **Words.** Counts are of names in captions. A class counted as *crane* has captions of another crane; accuracy and frequency then speak of different things, and S shrinks for no good reason.
#
# ## Exercises
#
# ````{exercise-start} All captions or labelled ones?
# :label: ex-open-models-file
# ````
#
# Fig. 1b's YFCC models have S(a) .341 by the counts of the labelled subset. How much should `lt-course models evaluate` find, by the counts of all captions, if attenuation is all? Put it into `expected`, and the smallest S(a) that is possible at all into `least`. The two files' correlation is in `web.correlations`.
#
# ```{hint}
# :class: dropdown
# `first` is `yfcc15m` and `second` is `yfcc15m_cls_imagenet_ori`; the column is `spearman`.
# ```
#
# ````{exercise-end}
# ````

# %%
expected, least = ..., ...


# %% tags=["hide-input"]
def by_all_captions():
    pairs = web.correlations.set_index(["concept_set", "first", "second"])
    r = pairs.loc[("imagenet", "yfcc15m", "yfcc15m_cls_imagenet_ori"), "spearman"]
    S = paper.value("fig1b", "yfcc15m", "clip", "spearman_accuracy")
    return r * S, r * S - np.sqrt((1 - r**2) * (1 - S**2))


_ = check("expected", expected, by_all_captions()[0], 0.005, "r times S.")
_ = check("least", least, by_all_captions()[1], 0.005, "r S minus the root.")

# %% [markdown]
# ````{solution-start} ex-open-models-file
# :class: dropdown
# ````

# %%
expected, least = by_all_captions()
print(f"expected {expected:.2f}, at least {least:.2f}")

# %% [markdown]
# About a quarter less, if the subset's counts are the truth and all captions only echo them. But which of the two is the truth? The model learnt from all captions; if *their* counts are what matters, the labelled subset's were the echo and S(a) by all captions is larger. One evaluation decides between the two, and you can run it.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} How many by chance?
# :label: ex-open-models-chance
# ````
#
# Fig. 12 has 42 values of S(a), two-sided chance of 5 % each. How many lie outside their band (`outside`), and how many would, on average, if frequency did not matter at all (`by_luck`)?
#
# ```{hint}
# :class: dropdown
# `elsewhere` has a row each, with the columns `S(a)` and `chance`.
# ```
#
# ````{exercise-end}
# ````

# %%
outside, by_luck = ..., ...

# %% tags=["hide-input"]
counted = (elsewhere["S(a)"].abs() > elsewhere["chance"]).sum()
_ = check("outside", outside, counted, hint="Both signs count.")
_ = check("by luck", by_luck, 0.05 * 42, hint="5 % of them.")

# %% [markdown]
# ````{solution-start} ex-open-models-chance
# :class: dropdown
# ````

# %%
outside, by_luck = counted, 0.05 * len(elsewhere)
print(f"{outside} of {len(elsewhere)} outside, {by_luck:.1f} by luck")
elsewhere[elsewhere["S(a)"].abs() > elsewhere["chance"]].groupby("concepts").size()

# %% [markdown]
# Many more than by luck, and nearly all of them in four sets. Luck does not come evenly, either: six models of one concept set share its classes and most of its counts, so they leave the band together.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} One line too many
# :label: ex-open-models-line
# ````
#
# A frequency file with a header line, read as if it had none, shifts every class by one. What becomes of our classifier's S(p)? Put it into `slipped`. ImageNet's classes lie beside their relatives in the list (one terrier after another). Would a slip there show as clearly?
#
# ```{hint}
# :class: dropdown
# `np.roll(frequency, 1)`, and `answers["sl"].report(...)`.
# ```
#
# ````{exercise-end}
# ````

# %%
slipped = ...

# %% tags=["hide-input"]
wrong = answers["sl"].report(np.roll(frequency, 1))["spearman_predictions"]
_ = check("slipped", slipped, wrong, 0.005, "S(p) is spearman_predictions.")

# %% [markdown]
# ````{solution-start} ex-open-models-line
# :class: dropdown
# ````

# %%
slipped = wrong
print(f"S(p) {reports['sl']['spearman_predictions']:.2f}, slipped {slipped:.2f}")
bound = open_models.by_chance(len(frequency))
print(f"by chance, {len(frequency)} concepts: {bound:.2f}")

# %% [markdown]
# A strong bias is gone, and nothing in the numbers looks wrong: it is what an unbiased model would give. In ImageNet neighbours in the list are relatives, whose frequencies are alike, so part of the correlation would survive, and the slip would look like attenuation. That is why names are joined by name. (Four of ImageNet's names differ between open_clip's list and the counts.)
#
# ````{solution-end}
# ````
#
# ## Summary
#
# - From 12 million to 400 million pairs, S(a) of released CLIPs falls from .34 to less than .1; beyond that, a thousand classes cannot tell it from zero. Counting each checkpoint once changes nothing that matters.
# - Pairs, architecture, curation and the order of classes change together. Within one set, models differ as much as neighbouring sets do.
# - A preference for frequent classes moves S(a) and S(p) together. Released models of LAION-2B lie the other way round, for a reason that these figures do not hold.
# - A wrong frequency file shrinks S by its correlation with the right one, as a rule and not by necessity. It cannot explain the fall with scale.
# - Beyond ImageNet's names, bias is still there for birds and flowers, and short lists say little.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`ilharco2021`; {cite:t}`changpinyo2021`; {cite:t}`schuhmann2021`; {cite:t}`xu2024`; {cite:t}`spearman1904`. In full on the page {doc}`../book/references`.
