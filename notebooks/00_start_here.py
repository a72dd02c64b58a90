# ---
# jupyter:
#   course: {question: "Is CLIP less biased by frequency than a classifier?", figure: "Fig. 1b", scale: tiny, minutes: 4, memory_gb: 1.2}
# ---

# %% [markdown]
# # Start here: a result in the first minutes
#
# **Claim: trained on the same long-tailed drawings, how often a classifier predicts a concept follows almost exactly how often it has seen that concept; for CLIP this holds far less.**
#
# After this lesson you can
#
# - say what a long-tailed training set looks like, concept by concept;
# - name the parts of CLIP and of a classifier, and what each compares;
# - start a run, read its configuration, and find its record;
# - compute S(a) and S(p), the study's two measures of bias, with ties;
# - ask on which concepts a difference between two models rests;
# - name what a few runs at this scale can and cannot show.
#
# Figure treated: the paper's Fig. 1b {cite}`wen2024`. Running takes about 180 CPU-seconds, and the first result is there after 60; reading, twenty-five minutes with the exercises. Before this: nothing.

# %% tags=["hide-input"]
from pprint import pprint

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from lt_course import evidence, study
from lt_course.data import icontail
from lt_course.data.augment import standardize
from lt_course.data.tokenizer import tokens
from lt_course.evaluation.intervals import paired_difference
from lt_course.evidence import paper
from lt_course.lessons import exercises, start
from lt_course.plots import bias, data_table, drawings, runs, style
from lt_course.statistics import spearman

style.use()
pd.options.display.float_format = "{:.2f}".format
check = exercises.of("start_here")

# %% [markdown]
# ## Drawings with the names their authors gave them
#
# The course brings its own data. {term}`IconTail` holds real drawings from open icon sets. Every drawing has a title by its author, and a {term}`concept` under which we sorted it ({doc}`../book/data_card`). Here are sixteen of the drawings that models will be tested on, each with its author's title.

# %% mystnb={"image": {"alt": "Sixteen small black drawings on white, two rows of eight, each with its title below, such as a database, a bell, a key or a camera."}, "figure": {"caption": "Test drawings of sixteen concepts, with their authors' titles.", "name": "fig-start-drawings"}} tags=["nbval-check-output"]
data = icontail.load()
tests = np.flatnonzero(data.test & (data.concept < 60))
some = np.random.default_rng(1).permutation(tests)
_, first = np.unique(data.concept[some], return_index=True)
some = some[np.sort(first)[:16]]
drawings.grid(data.pictures[some], [data.titles[i] for i in some])
plt.show()

# %% [markdown]
# An author may use another word than we do: the *cog* is sorted under *gear*, the *wastebasket* under *trash can*. Or a title says more than the concept: *broken heart*, *map pin plus*. A classifier reads none of this. It is given the concept's number. CLIP reads the titles.
#
# ## CLIP, and the classifier beside it
#
# {term}`CLIP` has two networks, called {term}`towers <tower>`. The image tower maps a drawing to a vector of 128 numbers, the text tower maps a title to another one. All vectors are brought to length 1, so that the inner product of two of them is their cosine. Training raises the cosine of each drawing with its own title above its cosines with the other titles of the batch.
#
# ![Above, CLIP: four titles go through a text tower and become vectors t1 to t4, four drawings go through an image tower and become vectors f1 to f4; a four by four table of cosines has its diagonal marked. Below, the classifier: the same four drawings go through an image tower and are compared with a table of vectors w1 to w60, one a concept; one cell in each row is marked.](../book/_static/towers.svg)
#
# The classifier of this course has the same image tower. In the place of the text tower it has a table with one vector for each of the 60 concepts, its {term}`prototypes <prototype>`. So the two differ in what a drawing is compared with: the titles of its batch, or all concepts.
#
# In the test, CLIP is asked like a classifier. Each concept is put into words, the text tower turns the words into a vector, and the answer is the concept whose vector has the greatest cosine with the drawing. This is {term}`zero-shot classification`. {doc}`01_clip_in_forty_lines` writes all of it down.
#
# ## Three runs
#
# A **run** is one training and its test. Three of them:
#
# - `sl`, {term}`supervised learning`: the classifier;
# - `clip-template`: CLIP reads {term}`templates <template>` such as *a photo of a bell*, so it is told no more than the classifier;
# - `clip-title`: CLIP reads the title that each author wrote.
#
# All else is equal: drawings, image tower, steps, batch size, optimiser. Before you train them, commit to a number.

# %% [markdown]
# ### Exercise: how strongly will CLIP follow frequency?
#
# *Predict · difficulty 1 of 3 · 2 minutes · trains committing to an expectation*
#
# Rank the 60 concepts by how many training drawings they have, and rank them by how often a model predicts them in a test with equally many drawings of each. The correlation of the two rankings is called S(p). It is 1 if the rankings are the same and 0 if they have nothing to do with each other. For the classifier it will be above 0.9. What will it be for CLIP on titles, trained on the same drawings? Write a number from -1 to 1. [Solution](solutions/00_start_here)

# %% exercise="guess"
guess = ...


# %% tags=["remove-cell"]
check("guess", guess)

# %% [markdown]
# `study.train_or_load` trains a run, or reads its record if it has been trained before. Records lie in a folder, the store, under the configuration's hash.

# %% tags=["nbval-ignore-output"]
METHODS = ["sl", "clip-template", "clip-title"]
configs = {method: study.config(method, scale="tiny") for method in METHODS}
records = {m: study.train_or_load(config) for m, config in configs.items()}
tables = {method: record.per_class for method, record in records.items()}

# %% [markdown]
# A record holds a table with one row a concept. These are the rows of the three most frequent concepts, for CLIP on titles.

# %% tags=["nbval-ignore-output"]
columns = ["name", "frequency", "accuracy", "predictions"]
tables["clip-title"].nlargest(3, "frequency")[columns]

# %% [markdown]
# The test is the same for all concepts: 20 drawings each, by authors who drew nothing in the training set. `accuracy` is the share of a concept's 20 drawings that is recognised. `predictions` counts how many of all 1,200 test drawings are given its name. A model without bias predicts each concept about 20 times.

# %% mystnb={"image": {"alt": "Six scatter plots with one dot a concept. Above, accuracy against training pictures; below, number of predictions. For SL in the left column, predictions rise with frequency along a tight band. For CLIP with templates the band is wider, and for CLIP with titles only a weak trend is left."}, "figure": {"caption": "Accuracy and number of predictions of 60 concepts against their frequency in training.", "name": "fig-start-scatter"}}
bias.per_class_scatter(tables)
plt.show()

# %%
figure_data = {"training pictures": tables["sl"]["frequency"]} | {
    f"{style.LABELS[method]}: {field}": table[field]
    for method, table in tables.items()
    for field in ("accuracy", "predictions")
}
figure_data = pd.DataFrame(figure_data).set_axis(tables["sl"]["name"])
figure_data = figure_data.sort_values("training pictures", ascending=False)
data_table(figure_data, "The 60 concepts, most frequent first; seed 0.")

# %%
check.reveal("guess", records["clip-title"].metrics["spearman_predictions"])

# %% [markdown]
# That is the result. Lower left is the classifier's bias: the more drawings of a concept it has seen, the more often it predicts it. Lower right, much less of this is left, although that model was trained on the same drawings.
#
# How unequal is the training set? Its counts have the inequality of {term}`LAIONet`, a web collection with ImageNet's classes: a few concepts have most of the drawings. Which concepts are frequent is decided at random by the seed, as far as the number of drawings allows. So a frequent concept need not be an easy one.

# %% mystnb={"image": {"alt": "Bars on a logarithmic axis: training pictures of 60 concepts, falling from more than a thousand for the first to a single one for the last; the concepts' names stand below."}, "figure": {"caption": "The training set of seed 0, concept by concept.", "name": "fig-start-profile"}}
runs.profile(tables["sl"])
plt.show()

# %% [markdown]
# ## What a run is
#
# A run is described completely by a configuration that cannot be changed once it is made. This is one, whole:

# %% tags=["nbval-check-output"]
pprint(configs["clip-title"], width=70)

# %% [markdown]
# Everything that decides the result is in it: the data and their class profile, the towers, the objective, and the training. `study.differences` says in which fields configurations differ.

# %% tags=["nbval-check-output"]
print(study.differences([configs["sl"], configs["clip-title"]]))
print(study.differences([configs["clip-template"], configs["clip-title"]]))

# %% [markdown]
# The classifier and CLIP differ in the objective, with which a text tower comes or goes, and in nothing else. The two CLIPs differ in the text alone.
#
# ## The two measures, by hand
#
# **S(a)** and **S(p)** above the panels are {term}`Spearman correlations <Spearman correlation>` of frequency with accuracy and with the number of predictions. Spearman's correlation is Pearson's correlation of ranks. Many concepts have the same accuracy or the same small frequency. Such *ties* share the mean of the ranks that they take up.


# %%
def ranks(values):
    """Rank from 1 on; equal values share the mean of their ranks."""
    values = np.asarray(values)
    below = (values[:, None] > values).sum(1)
    equal = (values[:, None] == values).sum(1)
    return below + (equal + 1) / 2


for method, table in tables.items():
    frequency = ranks(table.frequency)
    s_a = np.corrcoef(frequency, ranks(table.accuracy))[0, 1]
    s_p = np.corrcoef(frequency, ranks(table.predictions))[0, 1]
    print(f"{style.LABELS[method]:<22} S(a) {s_a:.2f}   S(p) {s_p:.2f}")
    metrics = records[method].metrics
    np.testing.assert_allclose(s_a, metrics["spearman_accuracy"])
    np.testing.assert_allclose(s_p, metrics["spearman_predictions"])

# %% [markdown]
# ### Exercise: ties by hand
#
# *Compute · difficulty 1 of 3 · 8 minutes · trains ranking with ties*
#
# A tiny study has six concepts with 120, 45, 8, 8, 3 and 1 training drawings. A model predicts them 27, 25, 32, 27, 27 and 13 times. What is S(p), to two decimals? Do it on paper first. [Solution](solutions/00_start_here)

# %% exercise="ties"
s_p_of_six = ...


# %% tags=["remove-cell"]
check("ties", s_p_of_six)

# %% [markdown]
# ### Exercise: the tail's share
#
# *Write · difficulty 1 of 3 · 8 minutes · trains measuring bias in another way*
#
# S(p) looks at the order alone. Write a function that says how large the effect is: `frequency`, int [C], and `predictions`, int [C], go in, and a whole number `n`. Out comes the share of *all* predictions that name one of the `n` rarest concepts, a number from 0 to 1. With `n` = 20 of 60 concepts, a model without bias has a share of 1/3. The concepts come in no particular order. Where frequencies are equal, any order will do. [Solution](solutions/00_start_here)


# %% exercise="tail-share"
def tail_share(frequency, predictions, n): ...


# %% tags=["remove-cell"]
check("tail-share", tail_share)

# %% [markdown]
# ## What training does to the cosines
#
# Here are eight of the training drawings and their titles, and all 64 cosines between them: once for CLIP as the seed made it, and once as it was after its last step. The package's towers are called, and the product of two lists of unit vectors gives the cosines.

# %% tags=["nbval-ignore-output"]
before, after = start.untrained_and_trained(records["clip-title"])
shown = study.training_set(configs["clip-title"]).image_ids
shown = shown[np.random.default_rng(3).permutation(len(shown))[:8]]
pictures = standardize(torch.tensor(data.pictures[shown]))  # float [8, 1, 32, 32]
titles = [data.titles[i] for i in shown]
with torch.no_grad():
    cosines = {
        name: clip.image_features(pictures)
        @ clip.text_features(tokens(titles, context=16)).T
        for name, clip in (("before training", before), ("after training", after))
    }

# %% mystnb={"image": {"alt": "Two tables of eight by eight cosines, drawings in rows and titles in columns. Before training the cells have no pattern along the diagonal. After training the cells on the diagonal are among the greatest in their rows and columns; cells of two drawings with like titles are high as well."}, "figure": {"caption": "Cosines of eight training drawings with their eight titles. Orange is negative, purple is positive.", "name": "fig-start-cosines"}}
start.cosines(cosines, titles)
plt.show()

# %%
for name, matrix in cosines.items():
    own = matrix.diagonal().mean()
    other = (matrix.sum() - matrix.trace()) / 56
    print(
        f"{name}: mean cosine with its own title {own:.2f}, with others {other:.2f}"
    )

# %% [markdown]
# Training has raised the diagonal. Outside it, cosines are high where two titles say nearly the same, as the two titles with *cloud* do. A random batch from a long tail has many such pairs, because most of its drawings show a few frequent concepts. {doc}`03_clip_against_supervised` asks what follows from that.
#
# The loss falls in both trainings. It is a mean over the steps of an epoch, and the two losses are not on one scale: the classifier chooses among 60 concepts, and CLIP among 128 titles, of which several may be the same.

# %% mystnb={"image": {"alt": "Loss of each of six epochs. Both curves fall with every epoch. CLIP with titles lies above SL at all epochs."}, "figure": {"caption": "Training loss of the classifier and of CLIP on titles, seed 0.", "name": "fig-start-loss"}}
figure, axes = plt.subplots(figsize=(5.5, 3))
for method in ("sl", "clip-title"):
    loss = records[method].history["loss"]
    axes.plot(range(1, len(loss) + 1), loss, **style.of(method))
axes.set(xlabel="epoch", ylabel="mean loss", ylim=(0, None))
axes.legend()
plt.show()

# %% [markdown]
# ## What they say when they are wrong
#
# All three models have seen the same test. These drawings are ones that each of them gets wrong, each with another name. The names are the concepts'.

# %% tags=["nbval-ignore-output"]
truth = records["sl"].arrays["labels"]
said = np.stack([records[m].arrays["predictions"] for m in METHODS])
apart = (said[0] != said[1]) & (said[1] != said[2]) & (said[0] != said[2])
wrong = np.flatnonzero(apart & (said != truth).all(0))
_, first = np.unique(truth[wrong], return_index=True)
chosen = wrong[first][::2][:6]

# %% mystnb={"image": {"alt": "Six test drawings. Above each stand its concept and the three wrong names that the classifier, CLIP with templates and CLIP with titles gave it."}, "figure": {"caption": "Six test drawings that all three models get wrong: the concept, and what each model says.", "name": "fig-start-wrong"}}
name = tables["sl"].name.to_numpy()
figure, panels = style.panels(3, 2.4, 2.6, rows=2)
for axes, i in zip(panels, chosen, strict=True):
    sl, template, title = name[said[:, i]]
    drawings.show(axes, data.pictures[tests[i]])
    wrong = f"SL: {sl}\ntemplates: {template}\ntitles: {title}"
    axes.set_title(f"{name[truth[i]]}\n{wrong}", fontsize=9)
    axes.set_axis_off()
plt.show()

# %%
rank = tables["sl"].frequency.rank(ascending=False).to_numpy()
for method, answers in zip(METHODS, said, strict=True):
    median = np.median(rank[answers[answers != truth]])
    print(f"{style.LABELS[method]}: {(answers != truth).sum()} wrong answers;")
    print(f"  half of them name one of the {median:.0f} most frequent concepts")

# %% [markdown]
# If wrong answers had nothing to do with frequency, half of them would name one of the 30 most frequent concepts. The classifier's are mostly names of a few very frequent ones. That is how its S(p) comes about.
#
# ## Is it luck?
#
# Another seed gives the frequencies to other concepts and begins from other weights. Here are three seeds of each method. A line joins the runs of one seed, which share their training set.

# %% tags=["nbval-ignore-output"]
repeated = [
    study.config(m, scale="tiny", seed=s) for m in METHODS for s in range(3)
]
metrics = runs.table(study.train_or_load_all(repeated))
by_seed = metrics[["accuracy", "S(a)", "S(p)"]].unstack("seed")
by_seed.loc[METHODS].rename(index=style.LABELS)

# %% mystnb={"image": {"alt": "Two panels, S(a) and S(p), with three methods side by side and a thin grey line for each of three seeds. In both panels SL is highest in every seed; in S(p) its distance to both CLIPs is greater, and CLIP with titles is lowest in every seed."}, "figure": {"caption": "S(a) and S(p) of each method, three seeds.", "name": "fig-start-seeds"}}
runs.seeds(metrics)
plt.show()

# %%
wide = metrics["S(p)"].unstack("seed")
assert (wide.loc["sl"] > wide.drop("sl").max()).all(), "SL is not the most biased"

# %% [markdown]
# The classifier has the highest S(p) in every seed, by far. {doc}`02_measuring_bias` says how to put an interval on such a difference.
#
# ## On which concepts does it rest?
#
# CLIP on titles is below CLIP on templates in these seeds. Is it less biased, then? Look at the right-hand column of the scatter plots once more. The most frequent concepts should be the ones that a model knows best. CLIP on titles recognises some of them badly, and so it predicts them seldom. A model that fails where it has most data has a low S(p), too.
#
# To find out, leave the k most frequent concepts out, and compute S(p) over the rest. We use recorded runs: the same three methods with 194 concepts and 6,000 drawings, ten seeds, trained beforehand.


# %%
def without_top(table, k):
    """S(p) over all but the k most frequent concepts."""
    rest = table.sort_values("frequency", ascending=False, kind="stable")[k:]
    return spearman(rest.frequency, rest.predictions)


recorded = {
    m: [evidence.load_per_class("the_gap", m, seed) for seed in range(10)]
    for m in METHODS
}

# %%
rows = {}
for k in (0, 5, 10, 20, 40):
    s = {m: [without_top(t, k) for t in found] for m, found in recorded.items()}
    rows[k] = {
        "SL": f"{np.mean(s['sl']):.2f}",
        "SL minus templates": str(paired_difference(s["sl"], s["clip-template"])),
        "SL minus titles": str(paired_difference(s["sl"], s["clip-title"])),
        "templates minus titles": str(
            paired_difference(s["clip-template"], s["clip-title"])
        ),
    }
pd.DataFrame(rows).T.rename_axis("left out")

# %%
for method, found in recorded.items():
    top = [t.accuracy[t.frequency.idxmax()] for t in found]
    print(
        f"{style.LABELS[method]:<22} accuracy on the most frequent: {np.mean(top):.2f}"
    )

# %% [markdown]
# A row leaves so many concepts out. The brackets are 95 % intervals over ten seeds, each seed's models compared with each other.
#
# - **SL against CLIP stands.** The difference is as clear without the 40 most frequent concepts as with them.
# - **Templates against titles does not stand by itself.** The difference shrinks from row to row, and with 20 concepts left out its interval reaches below zero. So it rests to a large part on the head, and there CLIP on titles is bad: the last printed lines say how bad on the most frequent concept of all.
#
# So this course claims the first difference, and the second one only with this remark. Lesson 01 tests a cause: authors have many names for a frequent concept, and the test asks for one of them.

# %% [markdown]
# ### Exercise: a low S(p) is not enough
#
# *Explain · difficulty 2 of 3 · 6 minutes · trains reading a measure with its model*
#
# A colleague has trained a model with S(p) = 0.05 and writes: "It is nearly free of bias by frequency." Name two ways in which a model can reach such a value without being a good unbiased model, and say for each what you would look at next. Write three or four sentences. [Solution](solutions/00_start_here)

# %% exercise="low-sp"
low_s_p = ...


# %% tags=["remove-cell"]
check("low-sp", low_s_p)

# %% [markdown]
# ## The paper's numbers beside ours
#
# The paper made the comparison on three web collections: {term}`LAIONet`, CC12M {cite}`changpinyo2021` and YFCC15M {cite}`thomee2016`. Its values, read off the paper's Fig. 1b, stand beside our runs of seed 0. For CC12M and YFCC15M the row *CLIP* is a mean over released models, for LAIONet over the full set and its half.

# %%
collections = {"laionet": "LAIONet", "cc12m": "CC12M", "yfcc15m": "YFCC15M"}
theirs = {
    f"paper, {name}: {method.upper()}": [
        paper.value("fig1b", data_set, method, f"spearman_{field}")
        for field in ("accuracy", "predictions")
    ]
    for data_set, name in collections.items()
    for method in ("sl", "clip")
}
ours = metrics.xs(0, level="seed")[["S(a)", "S(p)"]]
here = {f"IconTail: {style.LABELS[m]}": list(row) for m, row in ours.iterrows()}
pd.DataFrame.from_dict(theirs | here, "index", columns=["S(a)", "S(p)"])

# %% [markdown]
# The direction is the paper's in both columns. As in the paper, the gap is wider in S(p) than in S(a): the models differ less in which concepts they recognise than in how often they predict them.
#
# ## What this scale cannot show
#
# - **Drawings are not photographs.** The paper's accuracies are ImageNet's, ours those of 60 concepts at 32 pixels. Directions can be compared, sizes cannot. Later lessons set photographs beside drawings where runs on them are recorded.
# - **Three seeds are few.** How much of a difference is luck is the business of {doc}`02_measuring_bias` and {doc}`03_clip_against_supervised`.
# - **The words of the question matter.** Each of our CLIPs is asked in the manner of its captions: one in templates, the other by the one name that authors use most. Other words give other numbers.
#
# ## Summary
#
# - On a long-tailed training set, a classifier predicts a concept the more often, the more drawings of it it has seen: S(p) is near 1.
# - CLIP on the same drawings follows frequency far less. This holds in every seed here, and without the most frequent concepts too.
# - That titles are less biased than templates rests on the most frequent concepts, on which CLIP with titles fails.
# - CLIP compares a drawing with the titles of its batch, a classifier with a table of all concepts.
# - A run is a configuration that is never changed; its record is kept, so no lesson trains it twice.
#
# Next: {doc}`01_clip_in_forty_lines`.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`radford2021`; {cite:t}`changpinyo2021`; {cite:t}`thomee2016`. In full on the page {doc}`../book/references`.
