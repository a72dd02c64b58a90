# ---
# jupyter:
#   course: {question: "Does what we found hold for the CLIPs that people use?", figure: "Fig. 1b, 7a, 12, 17, 18", scale: tiny, minutes: 1, memory_gb: 1.3}
# ---

# %% [markdown]
# # Open models
#
# **Claim: in the paper's figures, CLIPs that were pre-trained on 400 million pairs or more follow class frequency far less than those of 12 or 15 million, and mostly no more than chance would. A wrong frequency file that merely dilutes could not make a fall that large. What made it, these figures cannot tell: number of pairs, curation and architecture change together.**
#
# After this lesson you can
#
# - build a confusion matrix from answers, and compute S(a) and S(p) from it, ties included;
# - tell a correlation over classes from chance, for a thousand classes and for ten;
# - predict how far a wrong frequency file shrinks a correlation, and compute what it could hide;
# - read S(a) against S(p) over models, and test one explanation of it;
# - judge a released model by the frequencies of *its own* pre-training data, joined by name;
# - list what differs between two released models besides the thing you care about.
#
# Figures treated: the paper's Fig. 1b, 7a, 12, 17 and 18 {cite}`wen2024`. The live part takes about 20 CPU-seconds beside two runs of {doc}`03_clip_against_supervised`; reading, thirty-five minutes. Before this: {doc}`02_measuring_bias`, {doc}`10_feature_space`.

# %% tags=["hide-input"]
import textwrap
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from lt_course import study
from lt_course.counting import web_frequencies
from lt_course.data import icontail
from lt_course.evaluation.answers import score
from lt_course.evidence import paper
from lt_course.lessons import class_vectors, exercises, open_models
from lt_course.lessons import neural_collapse as nc
from lt_course.lessons.features import cosines_on_test, image_features
from lt_course.plots import data_table, style
from lt_course.statistics import chance_spearman
from lt_course.web.released.own_models import own_models

check = exercises.of("open_models")
style.use()
pd.options.display.float_format = "{:.2f}".format
pd.options.display.max_colwidth = None

# %% [markdown]
# ## Whose numbers these are
#
# So far we trained what we measured. Released models were trained by others, on data that nobody can hold in their hands. To measure them takes their weights (gigabytes), ImageNet, and a GPU. The course does it with one command:
#
# ```bash
# lt-course models list  # what there is, and who can be judged
# lt-course models evaluate counted --on imagenet-val --out open_models
# ```
#
# **The command has been run on models with random weights only**, in the tests, against an independent loop. No weights could be downloaded where this course was made. So the numbers of released models on this page are the paper's. The paper prints none of them; they were *read off its plots*, to about .005 in a correlation. If you have run the command, write the name of its folder into `OWN`, and yours appear beside them.

# %% tags=["nbval-ignore-output"]
OWN = Path("..") / "open_models"
web = web_frequencies.load()
own, said = own_models(OWN, web)
print(textwrap.fill(said, 78))

# %% [markdown]
# Which models? open_clip {cite}`ilharco2021` lists some weights under two names, one of them with an activation that the weights were not trained with. The paper's 41 models hold six ResNets that are three checkpoints, each also under its wrong name. Our list has each checkpoint once, under the right one.
#
# And which frequencies? A model is judged by how often the captions *it* learnt from name each class. Six sets were counted: CC-12M {cite}`changpinyo2021`, YFCC-15M, LAION-400M, LAION-2B {cite}`schuhmann2021`, and two of MetaCLIP {cite}`xu2024`. A model of any other set has no such file; the command says so and guesses none.
#
# ## From answers to two numbers
#
# Of each model the command keeps one *confusion matrix*: entry $(c, d)$ is the number of pictures of class $c$ that were put into class $d$. Here it is made by hand, for a classifier (SL) and a CLIP on titles that we trained. A picture's answer is the class whose vector has the largest cosine with it.

# %% tags=["nbval-ignore-output"]
METHODS = ["sl", "clip-title"]
records = {method: study.train_or_load(study.config(method)) for method in METHODS}
clip, tail = records["clip-title"], icontail.load()
frequency = clip.per_class["frequency"].to_numpy()
labels, C = clip.arrays["labels"], len(frequency)


# %%
def confusion_matrix(labels, answers):
    """Classes and answers [N] -> pictures by class and answer, int [C, C]."""
    return np.bincount(C * labels + answers, minlength=C * C).reshape(C, C)


cosines = {method: cosines_on_test(records[method]) for method in METHODS}
confusions = {m: confusion_matrix(labels, cosines[m].argmax(1)) for m in METHODS}

# %% [markdown]
# A row holds the pictures of one class, a column the answers that name it. So the diagonal over the row sums is the accuracy of each class, and the column sums say how often each class is named. Their rank correlations with frequency are S(a) and S(p). Many classes have equal accuracies: with 20 pictures a class there are at most 21 values, and with ImageNet's 50 pictures at most 51 for a thousand classes. Equal values share the mean of their places.


# %%
def ranks(values):
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    return (size.cumsum() - (size - 1) / 2)[group]  # mean place of each group


def spearman(x, y):
    return np.corrcoef(ranks(x), ranks(y))[0, 1]


def bias(confusion, frequency):
    """S(a) and S(p) of a balanced test set."""
    accuracy = confusion.diagonal() / confusion.sum(1)
    return spearman(frequency, accuracy), spearman(frequency, confusion.sum(0))


# %% [markdown]
# The package evaluates released models, and ours, with one function: features and class vectors go in, and the matrix with all that follows from it comes out. It must agree with our lines.

# %%
rows = {}
for m in METHODS:
    record = records[m]
    shown = image_features(record, tail.pictures[record.arrays["test"]])
    vectors = torch.from_numpy(record.arrays["prototypes"])
    names = record.per_class["name"].to_list()
    package = score(shown, torch.from_numpy(labels), vectors, names)
    np.testing.assert_array_equal(confusions[m], package.confusion)
    report = package.report(frequency)
    both = [report[f"spearman_{of}"] for of in ("accuracy", "predictions")]
    np.testing.assert_allclose(bias(confusions[m], frequency), both)
    levels = len(np.unique(confusions[m].diagonal()))
    rows[style.LABELS[m]] = [report["accuracy"], *both, levels]
columns = ["accuracy", "S(a)", "S(p)", "different accuracies"]
pd.DataFrame(rows, columns).T.astype({"different accuracies": int})

# %% [markdown]
# What do the two correlations summarise? Put the classes in four groups, from frequent to rare, and add up the matrix in blocks.


# %%
def blocks(confusion, groups=4):
    """Share of each group's pictures that is answered with each group."""
    order = np.argsort(-frequency, kind="stable")
    part = np.array_split(order, groups)
    sums = np.array([[confusion[np.ix_(a, b)].sum() for b in part] for a in part])
    return sums / sums.sum(1, keepdims=True)


# %% mystnb={"image": {"alt": "Two heat maps of four by four groups of concepts from frequent to rare, SL left and CLIP right. For SL, mass of the rare rows stands in the columns of frequent answers; for CLIP it stands more on the diagonal."}, "figure": {"caption": "Share of the answers by group of concepts; rows sum to 1. A model without preference has columns of equal weight.", "name": "fig-open-models-blocks"}}
open_models.plot_confusions(
    {style.LABELS[m]: blocks(confusions[m]) for m in METHODS}
)
plt.show()

# %% [markdown]
# The rows of rare concepts say where their pictures go. The classifier sends more of them to the head. As the command keeps the whole matrix, questions that nobody has asked yet need no second evaluation.

# %% [markdown]
# ### Exercise: when the test set is not balanced
#
# *Write · difficulty 2 of 3 · 8 minutes · trains asking what a column sum counts*
#
# ImageNet has 50 test pictures of each class. In some smaller sets, such as Flowers-102, classes have different numbers of test pictures, and then a class is named more often simply because more of its pictures are shown. Write `balanced_bias(confusion, frequency)`, which returns S(a) and S(p) as if each class had equally many test pictures. `confusion` is an int array [C, C] with true classes in its rows, of which none is empty; `frequency` an array [C]. Ties share the mean of their places. [Solution](solutions/13_open_models)


# %% exercise="unequal"
def balanced_bias(confusion, frequency): ...


# %% tags=["remove-cell"]
check("unequal", balanced_bias)

# %% [markdown]
# ## Bias by pre-training set
#
# The paper's Fig. 1b gives one mean a set. Beside it stand three numbers about how often the set's captions name ImageNet's classes ({doc}`06_long_tails`).

# %% tags=["nbval-check-output"]
theirs = open_models.by_pretraining(web)
columns = {
    "gini": "Gini coefficient",
    "effective_classes": "effective number of classes",
    "top10_share": "share of the ten most frequent",
    "millions": "million pairs",
}
table = open_models.beside(theirs, own).rename(columns=columns)
table[columns["effective_classes"]] = (
    theirs["effective_classes"].round().astype(int)
)
table.rename(index=open_models.title).rename_axis(None)

# %% [markdown]
# Before we read a trend into the small numbers: how large is S when there is nothing? Draw unrelated orders of the classes and look.

# %% [markdown]
# ### Exercise: ten classes
#
# *Predict · difficulty 1 of 3 · 3 minutes · trains a feeling for chance*
#
# One of the paper's test sets, EuroSAT, has ten classes. Draw two unrelated orders of ten classes, many times. Below which |S| do 95 of 100 draws stay? Commit to a number from 0 to 1. [Solution](solutions/13_open_models)

# %% exercise="ten-classes"
guess = ...

# %% tags=["remove-cell"]
check("ten-classes", guess)


# %% tags=["nbval-check-output"]
def by_chance(classes, draws=4_000):
    """The bound below which |S| of 95 % of unrelated orders lies."""
    places = np.arange(classes)
    orders = np.random.default_rng(0).permuted(np.tile(places, (draws, 1)), axis=1)
    squares = ((orders - places) ** 2).sum(1)
    S = 1 - 6 * squares / (classes * (classes**2 - 1))  # without ties
    return np.quantile(np.abs(S), 0.95)


for classes in (10, 35, 60, 1_000):
    bound = by_chance(classes)
    np.testing.assert_allclose(bound, chance_spearman(classes), atol=0.03)
    normal = 1.96 / np.sqrt(classes - 1)
    print(f"{classes:5} classes: {bound:.3f}; 1.96 / sqrt(C - 1) = {normal:.3f}")
check.reveal("ten-classes", by_chance(10))

# %% mystnb={"image": {"alt": "Two panels, S(a) and S(p) against millions of pre-training pairs. In S(a), CC-12M and YFCC-15M lie at 0.34, LAION-400M at 0.09 and the others inside the grey band around zero. In S(p) the two small sets lie at 0.13, all others inside the band."}, "figure": {"caption": "Means over released CLIPs, read off the paper's Fig. 1b (large markers); grey: where unrelated orders of 1,000 classes fall. Small hollow markers, if any, are your own models.", "name": "fig-open-models-scale"}}
chance = by_chance(1_000)
open_models.plot_by_scale(theirs, chance, own)
plt.show()

# %%
figure_data = theirs[["millions", "S(a)", "S(p)"]].rename(open_models.title)
data_table(figure_data, "Millions of pairs, and means over the paper's models.")

# %% [markdown]
# In S(a), the fall from the two small sets to the large ones is about twice the width of the whole band. In S(p) it is about once that width. Among the large sets only LAION-400M's S(a) lies outside the band. The differences among the other three mean nothing that 1,000 classes could show. Nor can we tell whether S(a) is *zero* at the right end or merely small.
#
# What may be concluded? Not "scale does it", for four things move at once.
#
# - **Pairs**: from 12 million to 2.5 billion.
# - **Architecture and compute**: all models of the two small sets are ResNets; for the large sets open_clip lists ViTs and ConvNeXts, of up to dozens of times as many parameters.
# - **Curation**: MetaCLIP caps how many captions a query may contribute, which flattens the head. The table shows it: a lower Gini coefficient than LAION's, and about twice the effective number of classes. At 400 million pairs, LAION's mean S(a) is larger than MetaCLIP's, as flatter data would have it ({doc}`07_data`). At 2 billion and more there is nothing left to compare.
# - **Which classes are frequent**: MetaCLIP's counts have another order, too, and S compares with the order. We come to that.
#
# ## Three checkpoints, six points
#
# All models of the two small sets are counted twice. How much could that have moved their means? The paper's Fig. 18 shows single models, without names. All markers of the two small sets can be told apart, but not which of a pair is the wrong one. So keep half of them, in every possible way.

# %% tags=["nbval-check-output"]
points = open_models.markers()
rows = {}
for key in ("cc12m", "yfcc15m"):
    for letter in ("S(a)", "S(p)"):
        values = points.loc[points["set"] == key, letter]
        halves = [np.mean(half) for half in combinations(values, len(values) // 2)]
        means = [f"{x:.3f}" for x in (values.mean(), min(halves), max(halves))]
        rows[open_models.title(key), letter] = [len(values), *means]
columns = ["markers", "mean of all", "lowest of a half", "highest"]
pd.DataFrame(rows, columns).T

# %% [markdown]
# S(a) can move by hardly more than the accuracy of reading the plot. S(p) could have been higher or lower by .03. The conclusion stands. Keep in mind that a mean over "six models" is one over three, of two architectures.
#
# ## Model by model
#
# The paper's Fig. 18 has 41 models. These are the ones that no other marker hides completely:

# %% mystnb={"image": {"alt": "S(p) against S(a), a marker a model, coloured by pre-training set. CC-12M and YFCC-15M stand at the right. LAION-400M lies around S(a) 0.09 with S(p) near zero. LAION-2B falls from upper left to lower right."}, "figure": {"caption": "Models that can be told apart in the paper's Fig. 18, read off the plot; hollow: partly hidden. Grey: chance, as before. Small and edged in black, if any: yours.", "name": "fig-open-models-models"}}
open_models.plot_markers(points, chance, own)
plt.show()

# %%
for evaluated in ("imagenet", "imagenet-v2"):
    seen = open_models.markers(evaluated)
    for key in ("laion400m", "laion2b"):
        S = seen[seen["set"] == key]
        r = S["S(a)"].corr(S["S(p)"])
        ends = f"S(a) {S['S(a)'].min():.2f} to {S['S(a)'].max():.2f}"
        title = f"{evaluated}, {open_models.title(key)}"
        print(f"{title}: {len(S)} markers, {ends}, r {r:.2f}")

# %% [markdown]
# Two things to see. Models of *one* set differ in S(a) by more than the means of LAION-400M and LAION-2B do. Whatever made that difference, it was not the data. And within LAION-2B the markers fall: models with the higher S(a) have the lower S(p). (Eleven markers, all judged on the same thousand classes: take the sign, not the number. LAION-400M shows no such thing.)
#
# Why should S(a) rise as S(p) falls? One might think that models differ in how much they *prefer* frequent classes. That can be tested here, on models that we can change. Add a multiple of the log frequency to every class's cosine, and go from a model that avoids the head to one that favours it.

# %%
prior = np.log1p(frequency) - np.log1p(frequency).mean()


def lifted(method, lift):
    answers = (cosines[method] + lift * prior).argmax(1)
    return bias(confusion_matrix(labels, answers), frequency)


LIFTS = np.linspace(-0.12, 0.12, 13).round(2)
curves = {
    m: pd.DataFrame([lifted(m, x) for x in LIFTS], LIFTS, ["S(a)", "S(p)"])
    for m in METHODS
}
curves["clip-title"].loc[[-0.12, -0.04, 0, 0.04, 0.12]].rename_axis("lift")

# %% mystnb={"image": {"alt": "S(p) against S(a) for SL and CLIP on titles as the preference for frequent concepts grows. Both curves rise from lower left to upper right."}, "figure": {"caption": "Our SL and CLIP with a growing preference for frequent concepts; circled: as trained.", "name": "fig-open-models-lifts"}}
open_models.plot_lifts(curves, {m: style.of(m) for m in METHODS})
plt.show()

# %% [markdown]
# A preference moves both correlations *the same way*: who names frequent classes more often recognises them more often. So models that differ in preference alone would lie on a rising line, and LAION-2B's lie on a falling one. (Our lifts go much further than those models differ. What carries over is the direction.) Something else sets them apart.

# %% [markdown]
# ### Exercise: a falling line
#
# *Explain · difficulty 3 of 3 · 8 minutes · trains taking a number of predictions apart*
#
# With $n$ test pictures a class, class $c$ is named $p_c = n\,a_c + f_c$ times: right answers, plus the wrong answers $f_c$ that name it. Of two models, one has the higher S(a) and the lower S(p). What must be different about its wrong answers, as a rule? Why is a mere preference for frequent classes no explanation? And what would you compute from the two confusion matrices to see it? [Solution](solutions/13_open_models)

# %% exercise="falling"
explanation = ...

# %% tags=["remove-cell"]
check("falling", explanation)

# %%
for m in METHODS:
    right, named = confusions[m].diagonal(), confusions[m].sum(0)
    S = [spearman(frequency, each) for each in (right, named, named - right)]
    print(f"{style.LABELS[m]}: S(a) {S[0]:.2f}, S(p) {S[1]:.2f}, ", end="")
    print(f"wrong answers {S[2]:.2f}")

# %% [markdown]
# Our two models show both cases on this seed. The classifier's wrong answers follow frequency. Those of CLIP on titles go the other way, and so its S(p) lies far below its S(a). In released models it may be names that are frequent and ambiguous, whose pictures are recognised and which are seldom given by mistake. The paper's Fig. 18 cannot decide it. Confusion matrices of the models could.
#
# ## Which frequency file?
#
# Suppose that a model of YFCC-15M is judged by the counts of another set. Their orders are not the same. The released correlations are those of the paper's Fig. 13, and the cell holds them against its printed values.

# %% tags=["nbval-check-output"]
sets = list(web_frequencies.PRETRAINING_SETS)
pairs = web.correlations.query("concept_set == 'imagenet' and second in @sets")
matrix = pairs.pivot(index="first", columns="second", values="spearman")
matrix = matrix.reindex(index=sets, columns=sets).fillna(0)
matrix = matrix + matrix.T + np.eye(6)
for _, row in paper.table("fig13").query("dataset == 'imagenet'").iterrows():
    found = matrix.loc[tuple(row["method"].split("+"))]
    np.testing.assert_allclose(found, row["value"], atol=0.0051)
titles = {"index": open_models.title, "columns": open_models.title}
matrix.rename_axis(index=None, columns=None).rename(**titles)

# %% [markdown]
# If the other file knows of the model's accuracy only what it shares with the right one, then S shrinks by the factor $r$, the correlation of the two files: *attenuation* {cite}`spearman1904`. Without that assumption three correlations only have to be *possible together*: their 3 × 3 matrix may have no negative eigenvalue. Its determinant is zero at both ends of what is possible, which gives
#
# $$ r\,S \pm \sqrt{(1-r^2)(1-S^2)}. $$
#
# (Spearman's correlation is Pearson's of ranks, so the limits hold as they stand.)


# %%
def judged_by(r, S):
    """S under another file: if it only dilutes, and what is possible at all."""
    room = np.sqrt((1 - r**2) * (1 - S**2))
    return {"predicted": r * S, "lowest": r * S - room, "highest": r * S + room}


S, r = 0.34, matrix["yfcc15m"]
judged = pd.DataFrame(judged_by(r, S))
for end in ("lowest", "highest"):
    for key in set(sets) - {"yfcc15m"}:
        x = judged.loc[key, end]
        three = np.array([[1, r[key], S], [r[key], 1, x], [S, x, 1]])
        np.testing.assert_allclose(np.linalg.eigvalsh(three)[0], 0, atol=1e-9)

# %% [markdown]
# And a simulation: a hundred made-up models of a thousand classes, whose accuracy depends on their own counts and on noise that no file knows. Counts are normal variables here. Ranks do not mind.


# %%
def made_up(own, S, rng, classes=1_000):
    """S(a) of one made-up model of the set `own` by each of the six files."""
    linear = 2 * np.sin(np.pi / 6 * matrix)  # Pearson's r with these Spearman's
    slope = 2 * np.sin(np.pi / 6 * S)
    counts = rng.multivariate_normal(np.zeros(6), linear, classes)
    noise = rng.normal(size=classes)
    accuracy = slope * counts[:, sets.index(own)] + np.sqrt(1 - slope**2) * noise
    return [spearman(each, accuracy) for each in counts.T]


generator = np.random.default_rng(0)
simulated = [made_up("yfcc15m", S, generator) for _ in range(100)]
simulated = pd.DataFrame(simulated, columns=sets)
np.testing.assert_allclose(simulated.mean(), judged["predicted"], atol=0.02)

# %% mystnb={"image": {"alt": "A row for each of six frequency files. By its own file, YFCC-15M, a model has S(a) 0.34; by the others between 0.23 and 0.28, where prediction and simulation agree. Grey bars of what is possible reach from below zero to about 0.9."}, "figure": {"caption": "A model of YFCC-15M under six frequency files. Coloured: made-up models, 95 % of them; black bars: r S; grey: what is possible at all.", "name": "fig-open-models-file"}}
open_models.plot_wrong_file(judged, simulated, "yfcc15m")
plt.show()

# %% [markdown]
# Simulation and prediction agree, as they must: both assume the same. By that assumption a wrong file costs a third of the correlation at worst. Now turn it round. Could the large sets' S be small only because their files are bad? The factor would have to be

# %% tags=["nbval-check-output"]
small = theirs.loc["yfcc15m", "S(a)"]
for key in ("laion400m", "laion2b"):
    factor = theirs.loc[key, "S(a)"] / small
    print(f"{open_models.title(key)}: {factor:.2f}", end=", ")
apart = matrix.to_numpy()[np.triu_indices(6, 1)]
print(f"and the least similar two files have {apart.min():.2f}")

# %% [markdown]
# Not even the counts of an entirely different set attenuate that much, if attenuation is all they do. But look at the grey bars. They are wide: by logic alone, another file could give anything from below zero to nearly .9. That would happen if what the two files do *not* share is what matters, such as names that mean something else in one set. **Attenuation is a default, not a law.**
#
# ### One real case
#
# Is it a good default? One set of released weights has been judged by all six files: the class vectors of OpenAI's RN50 {cite}`radford2021`. {doc}`10_feature_space` opens them, and records how their NC2 as released follows frequency. OpenAI's own counts are not published. Let LAION-2B stand for them, whose correlation is the largest, and predict the others:

# %%
real = class_vectors.recorded("sets")["NC2, as they are"]
r = matrix["laion2b"].rename(open_models.title)
S = real["LAION-2B"]
case = pd.DataFrame({"r with LAION-2B": r, **judged_by(r, S)}).drop(
    index="LAION-2B"
)
case["measured"] = real
print(f"by LAION-2B: {S:.2f}")
case.rename_axis(None)

# %% [markdown]
# Attenuation predicts the five others to within .05, although for three of them logic alone leaves nearly everything from 0 to 1. Four of five lie a little above the prediction. That would be so if, for example, LAION-2B were itself an imperfect file for a model that learnt from something else. It is one head and one metric, and a correlation of class vectors rather than of accuracy. It says that the default is a reasonable one, and no more.

# %% [markdown]
# ### Exercise: sure of the sign
#
# *Compute · difficulty 2 of 3 · 8 minutes · trains reading an inequality off a formula*
#
# A model has S(a) = .34 by its own file. You have another file only, and want to be sure, by logic alone, that the S(a) that you find is not negative. How large must the correlation $r$ of the two files be, at least? Then look at the table of correlations: between which sets would that do? [Solution](solutions/13_open_models)

# %% exercise="sure-sign"
least_r = ...

# %% tags=["remove-cell"]
check("sure-sign", least_r)

# %% [markdown]
# A wrong file is no invented danger. By the authors' notebook, the paper's Fig. 1b judges the ResNets of CC-12M and YFCC-15M by the counts of the labelled subsets, the `-Cls` sets that its classifiers were trained on, and not by those of all captions. `lt-course models evaluate` takes all captions. Expect other values there.

# %% [markdown]
# ### Exercise: all captions or labelled ones?
#
# *Compute · difficulty 1 of 3 · 6 minutes · trains predicting a measurement before it is made*
#
# Take S(a) of YFCC-15M's models, to three digits `theirs.loc["yfcc15m", "S(a)"]`, as the value by the labelled subset. How much should the command find, by all captions, if attenuation is all? And what is the smallest S(a) that is possible at all? Put both into `by_all_captions`, in this order. The two files' correlation is in `web.correlations`, with `concept_set` `"imagenet"`, `first` `"yfcc15m"` and `second` `"yfcc15m_cls_imagenet_ori"`. [Solution](solutions/13_open_models)

# %% exercise="all-captions"
by_all_captions = ...

# %% tags=["remove-cell"]
check("all-captions", by_all_captions)

# %% [markdown]
# ## One line too many
#
# The most wrong file of all is the right one, read wrongly. A frequency file with a header line, read as if it had none, shifts every class by one.

# %% [markdown]
# ### Exercise: predict the slip
#
# *Predict · difficulty 1 of 3 · 3 minutes · trains knowing what a broken pairing looks like*
#
# S(p) of our classifier stands in the first table, above .9. Concepts are in no particular order, and frequencies were dealt to them at random. What is S(p) if each concept gets the frequency of the one before it? Then think about ImageNet, where one terrier follows another: will a slip there leave the same? [Solution](solutions/13_open_models)

# %% exercise="slip"
guess = ...

# %% tags=["remove-cell"]
check("slip", guess)

# %%
slipped = bias(confusions["sl"], np.roll(frequency, 1))[1]
check.reveal("slip", slipped)
print(f"by chance, {C} concepts: within {by_chance(C):.2f} of 0")
for key in sets:
    counts = web.counts(f"{key}_imagenet_ori").to_numpy()
    echo = spearman(counts, np.roll(counts, 1))
    print(f"{open_models.title(key)}, ImageNet's class before: {echo:.2f}")

# %% [markdown]
# A strong bias is gone, and nothing in the numbers looks wrong: it is what an unbiased model would give. In ImageNet neighbours in the list are relatives, whose frequencies are alike, so a part of the correlation would survive. There a slip would dilute S by the factors printed, more than any other set's file does. It could make the fall to LAION-400M, which needs .27. (Nothing suggests a slip in the paper's Fig. 1b, whose notebook keeps both columns in ImageNet's order.) This is why names are joined *by name*, and why the command refuses names that it cannot find. (Four of ImageNet's names differ between open_clip's list and the counts.)
#
# ## Geometry
#
# The paper's Fig. 7a has the five metrics of {term}`neural collapse` ({doc}`10_feature_space`), here their correlations with frequency:

# %%
nc.paper_table("frequency")

# %% [markdown]
# In the large sets class vectors of frequent classes are crowded (second column from the right), in the small ones less so. It is tempting to say that scale makes the head dense. But this number is taken of class vectors as they are. {doc}`10_feature_space` finds, in the one released set of class vectors that it opens, that it measures nearness to the common mean of all vectors. With that mean subtracted, its correlation with frequency is about 0. And the models of the small sets are of another architecture.
#
# ## Other concepts
#
# ImageNet is one list of names. The paper's Fig. 12 repeats the question for seven others. They are shorter, so chance has more room, and its band belongs into the figure.

# %% mystnb={"image": {"alt": "One row for each of seven concept sets, with six markers and a grey band of chance that widens from 365 classes to 10. Places365, Flowers and CUB lie mostly right of their bands; Pets, Food and DTD lie mostly and EuroSAT wholly inside theirs."}, "figure": {"caption": "S(a) of released CLIPs by concept set (number of classes), read off the paper's Fig. 12; grey: chance for that many classes.", "name": "fig-open-models-concepts"}}
elsewhere = open_models.other_concepts()
open_models.plot_other_concepts(elsewhere)
plt.show()

# %% tags=["nbval-check-output"]
outside = elsewhere["S(a)"].abs() > elsewhere["chance"]
by_luck = 0.05 * len(elsewhere)
print(f"{outside.sum()} of {len(elsewhere)} lie outside; by luck {by_luck:.1f}")
counted = outside.groupby(elsewhere["concepts"]).sum().rename(open_models.title)
counted = counted.sort_values(ascending=False).rename_axis(None)
counted.to_frame("outside of the band, of six")

# %% [markdown]
# Many more than by luck, and most of them in three sets. (Luck does not come evenly, either: six models of one concept set share its classes and nearly the same counts, so they leave the band together.) Two things that ImageNet does not show:
#
# - **For birds and flowers S(a) is beyond chance in all six sets**, from the smallest to the largest. More pairs did not make the bias go away where names are rare and fine. MetaCLIP's markers say less than the others. Most of its counts of birds, and more than a third of those of flowers and places, are zeros made by its list of entries ({doc}`06_long_tails`). They compare names that are entries with names that are not.
# - **For pets, textures and satellite pictures most values or all cannot be told from chance.** 37, 47 or 10 classes say little. For food most cannot either, though it has as many classes as flowers.
#
# "CLIP at scale is unbiased" is a sentence about ImageNet's thousand names.
#
# ## Accuracy beside frequency
#
# The paper's Fig. 17 prints 35 classes by the rank of their frequency, with the accuracy of two CLIPs. As {doc}`../book/critical_reading` shows, the accuracies were looked up in another list than the names: rank 17 got the accuracy of class number 17. What does that do to a correlation? Here for LAION-400M, once by rank as printed, and once by the counts of the classes that were looked up.

# %%
printed = paper.table("fig17").query("dataset == 'laion400m'")
rank = printed["method"].str.extract(r"(\d+)$")[0].astype(int).to_numpy()
looked_up = web.counts("laion400m_imagenet_ori").iloc[rank]
print(f"S as printed {spearman(-rank, printed['value']):.2f}, ", end="")
print(f"as looked up {spearman(looked_up, printed['value']):.2f}; ", end="")
print(f"{len(rank)} classes by chance: {by_chance(len(rank)):.2f}")

# %% [markdown]
# Both lie within chance for 35 classes, so the figure could not have spoken against its text either way. Its message, that rare classes may be recognised well, rests on pairs that do not belong together. That frequent classes are not recognised much better than rare ones, at 400 million pairs, rests on the paper's Fig. 1b, where the pairing is right.
#
# ## What this scale cannot show
#
# - **The models themselves.** Plots were read; names of models are lost, hidden markers are missing. The one set of released class vectors speaks of text only.
# - **What scale does.** To part pairs from architecture and curation, one has to train. The paper does so at three million pairs, and lessons 08 to 10 do in small.
# - **Contamination.** Web-scale sets may hold ImageNet's own pictures. A model that has seen the test is not unbiased, it is informed.
# - **Words.** Counts are of names in captions. A class counted as *crane* has captions of another crane. Accuracy and frequency then speak of different things, and S shrinks for no good reason.
#
# ## Summary
#
# - From 12 million to 400 million pairs, S(a) of released CLIPs falls from .34 to less than .1. Beyond that, a thousand classes cannot tell it from zero. Counting each checkpoint once changes nothing that matters.
# - Pairs, architecture, curation and the order of classes change together. Within one set, models differ as much as neighbouring sets do.
# - A preference for frequent classes moves S(a) and S(p) together. Released models of LAION-2B lie the other way round, so as a rule their wrong answers differ.
# - A wrong frequency file shrinks S by its correlation with the right one, as a rule and not by necessity. Dilution by another set's file is too weak to make the fall with scale.
# - Beyond ImageNet's names, bias is still there for birds and flowers, and short lists say little.
#
# Next: {doc}`14_since_then` asks what came after the paper.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`ilharco2021`; {cite:t}`changpinyo2021`; {cite:t}`schuhmann2021`; {cite:t}`xu2024`; {cite:t}`spearman1904`; {cite:t}`radford2021`. In full on the page {doc}`../book/references`.
