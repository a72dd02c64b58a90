# ---
# jupyter:
#   course: {question: "Is CLIP less biased by frequency than a classifier?", figure: "Fig. 1b", scale: tiny, minutes: 2, memory_gb: 1.2}
# ---

# %% [markdown]
# # Start here: a result in five minutes
#
# **Claim: trained on the same long-tailed pictures, how often a classifier names a concept follows almost exactly how often it has seen it; for CLIP this holds far less, and least when it reads the titles that authors gave their drawings.**
#
# After this lesson you can
#
# - say what a long-tailed training set looks like, concept by concept;
# - start a run, and know where its record is kept;
# - read S(a) and S(p), the study's two measures of bias;
# - compare a classifier with two CLIPs on equal terms, and with the paper's;
# - name what one run at this scale can and cannot show.
#
# Figure treated: Fig. 1b of {cite:t}`wen2024`. Running takes about two minutes on two CPU cores and 1.2 GB of memory; reading, ten.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lt_course import study
from lt_course.data import icontail
from lt_course.evidence import paper
from lt_course.lessons.checks import check
from lt_course.plots import bias, drawings, runs, style, widgets

style.use()
pd.options.display.float_format = "{:.2f}".format

# %% [markdown]
# ## Pictures with the names their authors gave them
#
# The course brings its own data. {term}`IconTail` holds real drawings from open icon sets; every one has a title by its author, and a {term}`concept` that we sorted it under ({doc}`../book/data_card`). Here are sixteen of the drawings that models will be tested on, each with its author's title.

# %% mystnb={"image": {"alt": "Sixteen small black drawings on white, two rows of eight, each with its title below, such as a database, a bell, a key or a camera."}, "figure": {"caption": "Test drawings of sixteen concepts, with their authors' titles.", "name": "fig-start-drawings"}} tags=["nbval-check-output"]
data = icontail.load()
tests = np.flatnonzero(data.test & (data.concept < 60))
some = np.random.default_rng(1).permutation(tests)
_, first = np.unique(data.concept[some], return_index=True)
some = some[np.sort(first)[:16]]
drawings.grid(data.pictures[some], [data.titles[i] for i in some])
plt.show()

# %% [markdown]
# Note the titles. An author may use another word than we do (this *cog* is sorted under *gear*, the *wastebasket* under *trash can*), or say more than the concept (*broken heart*, *map pin plus*). A classifier throws this away and keeps the concept's number. CLIP reads it.
#
# How does it read? {term}`CLIP` has two networks, called {term}`towers <tower>`: one maps a picture to a vector, the other a text. Both are trained together, so that each picture's vector lies nearer to that of its own text than to those of the other texts in the batch. In the test each concept is put into words, and the answer is the concept whose words lie nearest to the picture: {term}`zero-shot classification`.
#
# ## Three runs
#
# A **run** is a training and its test, described completely by a frozen specification. Three of them:
#
# - `sl`, {term}`supervised learning`: the concept's number is predicted by a softmax over all 60 concepts;
# - `clip-template`: CLIP reads {term}`templates <template>` such as *a photo of a bell*, so it is told no more than the classifier;
# - `clip-title`: CLIP reads the title that each author wrote.
#
# Everything else is equal: pictures, image tower, steps, batch size, optimiser. `study.train_or_load` trains a run, or reads its record if it has been trained before.

# %% tags=["nbval-ignore-output"]
METHODS = ["sl", "clip-template", "clip-title"]
specs = {method: study.config(method, seed=0) for method in METHODS}
records = {method: study.train_or_load(spec) for method, spec in specs.items()}
tables = {method: record.per_class for method, record in records.items()}

# %% [markdown]
# What are they trained on? The concepts' frequencies are as unequal as those of {term}`LAIONet`, a web collection with ImageNet's classes: a few concepts have most of the pictures. Which concepts are frequent is decided at random by the seed, as far as the number of drawings allows; so a frequent concept need not be an easy one.

# %% mystnb={"image": {"alt": "Bars on a logarithmic axis: training pictures of 60 concepts, falling from more than a thousand for the first to a single one for the last; the concepts' names stand below."}, "figure": {"caption": "The training set of seed 0, concept by concept.", "name": "fig-start-profile"}}
runs.profile(tables["sl"])
plt.show()

# %%
counts = np.sort(tables["sl"].frequency)[::-1]
print(f"{counts.sum()} pictures; the most frequent concept has {counts[0]},")
print(f"the median {np.median(counts):.0f}, the rarest {counts[-1]}.")
print(f"{len(tests)} test pictures, {len(tests) // len(counts)} a concept.")

# %% [markdown]
# ## What each model makes of it
#
# The test is fair to all concepts: the same number of drawings of each, by authors who drew nothing in the training set. Two questions are asked of every concept. How many of its test pictures are recognised (its *accuracy*)? And how many pictures of the whole test are given its name (its *number of predictions*; for a model without favourites, about as many as there are test pictures of it)?

# %% mystnb={"image": {"alt": "Six scatter plots with one dot a concept. Above, accuracy against training pictures; below, number of predictions. For SL in the left column, predictions rise with frequency along a tight band. For CLIP with templates the band is wider, and for CLIP with titles only a weak trend is left."}, "figure": {"caption": "Accuracy and number of predictions of 60 concepts against their frequency in training.", "name": "fig-start-scatter"}}
bias.per_class_scatter(tables)
plt.show()

# %% [markdown]
# **S(a)** and **S(p)** above the panels are {term}`Spearman correlations <Spearman correlation>` of frequency with accuracy and with the number of predictions: 1 if the concepts stand in the same order on both axes, 0 if the orders have nothing to do with each other. For a model whose answers do not depend on frequency, S(p) is near 0.
#
# Lower left is the classifier's bias: the more pictures of a concept it has seen, the more often it answers with it. Lower right, little of this is left, although that model was trained on the same pictures.
#
# Take single concepts. Move the slider from the most frequent one to the rarest.

# %% tags=["nbval-ignore-output"]
ranked = tables["sl"].sort_values("frequency", ascending=False, kind="stable")
steps = list(ranked.concept.iloc[[0, 2, 6, 14, 29, 44, 52, 59]])


def draw(concept):
    return runs.concept_frame(data, tables, concept)


def alt(concept):
    named = {
        style.LABELS[m]: int(t.set_index("concept").predictions[concept])
        for m, t in tables.items()
    }
    return f"Ten test drawings of {concept}; predictions: {named}"


widgets.slider_figure(draw, steps, "concept", steps[-2], alt)

# %% [markdown]
# The slider works on this page without any running code. The still below shows one of the rare concepts again.

# %% mystnb={"image": {"alt": "Ten test drawings of one rare concept on the left; on the right horizontal bars, how many test pictures each model calls by its name: none to be seen for SL, bars near the dashed line at 20 for the two CLIPs."}, "figure": {"caption": "A concept of the tail: drawings of it, and how many of all test pictures each model calls by its name; the dashed line is the number of test pictures that show it.", "name": "fig-start-concept"}}
draw(steps[-2])
plt.show()

# %% [markdown]
# ## The paper's numbers beside ours
#
# The paper made the comparison on three web collections: {term}`LAIONet`, CC12M {cite}`changpinyo2021` and YFCC15M {cite}`thomee2016`. Its values, read off Fig. 1b, stand beside our three runs. For CC12M and YFCC15M the row *CLIP* is a mean over released models, for LAIONet over the full set and its half. S(a) and S(p) mean the same throughout.

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
ours = runs.table(records.values()).droplevel("seed")[["S(a)", "S(p)"]]
here = {f"IconTail: {style.LABELS[m]}": list(row) for m, row in ours.iterrows()}
pd.DataFrame.from_dict(theirs | here, "index", columns=["S(a)", "S(p)"])

# %%
gap = ours.loc["sl"] - ours.loc["clip-title"]
print(f"SL minus CLIP with titles: S(a) {gap['S(a)']:.2f}, S(p) {gap['S(p)']:.2f}")
assert gap["S(p)"] > 0, "the claim of this lesson does not hold in this run"

# %% [markdown]
# The direction is the paper's in both columns, and as in the paper the gap is wider in S(p) than in S(a): the models differ less in which concepts they recognise than in how often they name them.
#
# ## What this scale cannot show
#
# - **One seed.** Another seed permutes the frequencies and begins from other weights. How much of the gap is luck is the business of {doc}`02_measuring_bias` and {doc}`03_clip_against_supervised`.
# - **Drawings are not photographs.** The paper's accuracies are ImageNet's, ours those of 60 concepts at 32 pixels. Directions can be compared, sizes cannot.
# - **Two ways of asking.** The words in which a CLIP is asked matter. Each of ours is asked in the manner of its captions: one in templates, the other by the name that authors use most. Lesson 03 shows what happens otherwise.
#
# ## Exercises
#
# ````{exercise-start} By hand
# :label: ex-start-by-hand
# ````
#
# Compute S(p) of the classifier yourself, from the columns `frequency` and `predictions` of `tables["sl"]`, and put it into `by_hand`.
#
# ```{hint}
# :class: dropdown
# Spearman's correlation is Pearson's correlation of ranks; a pandas column has `rank()` and `corr()`.
# ```
#
# ````{exercise-end}
# ````

# %%
by_hand = ...

# %% tags=["hide-input"]
expected = records["sl"].metrics["spearman_predictions"]
_ = check(
    "S(p) of the classifier", by_hand, expected, 1e-6, "Rank both columns first."
)

# %% [markdown]
# ````{solution-start} ex-start-by-hand
# :class: dropdown
# ````

# %%
table = tables["sl"]
by_hand = table.frequency.rank().corr(table.predictions.rank())
print(f"{by_hand:.2f}")

# %% [markdown]
# ````{solution-end}
# ````
#
# ````{exercise-start} Who takes the pictures of the tail?
# :label: ex-start-tail
# ````
#
# A third of the test pictures show the 20 rarest concepts. Compute, for each method, the share of *all* predictions that name one of these 20 (`tail_share`, a dictionary). A model without favourites would have 1/3.
#
# ```{hint}
# :class: dropdown
# `table.nsmallest(20, "frequency")` are the rows of the 20 rarest concepts.
# ```
#
# ````{exercise-end}
# ````

# %%
tail_share = ...


# %% tags=["hide-input"]
def right(answer):
    shares = [
        t.sort_values("frequency").predictions[:20].sum() / t.predictions.sum()
        for t in tables.values()
    ]
    return np.allclose([answer[m] for m in tables], shares, atol=0.02)


_ = check(
    "shares of the tail", tail_share, right, hint="Sum the column `predictions`."
)

# %% [markdown]
# ````{solution-start} ex-start-tail
# :class: dropdown
# ````

# %%
tail_share = {
    m: t.nsmallest(20, "frequency").predictions.sum() / t.predictions.sum()
    for m, t in tables.items()
}
for method, share in tail_share.items():
    print(f"{style.LABELS[method]:<24} {share:.2f}")

# %% [markdown]
# The classifier hardly ever names a rare concept. Both CLIPs do so far more often, though still less than in a third of their answers.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} A classifier that plays CLIP's game
# :label: ex-start-vocabulary
# ````
#
# In training, CLIP chooses among the captions of its batch, which leave many concepts out; a classifier chooses among all concepts every time. The run `sl-vocab` is a classifier that chooses among a {term}`vocabulary` of 32 concepts, drawn anew for each {term}`micro-batch` of 32 pictures: the concepts of these pictures, and others drawn in proportion to their frequency. Train it with seed 0 and put its S(p) into `vocabulary_bias`. Which way does it move?
#
# ```{hint}
# :class: dropdown
# `study.train_or_load(study.config(name, seed=0)).metrics` is a dictionary; S(p) is its entry `spearman_predictions`.
# ```
#
# ````{exercise-end}
# ````

# %%
vocabulary_bias = ...


# %% tags=["hide-input"]
def from_the_run(answer):
    run = study.train_or_load(study.config("sl-vocab", seed=0))
    return abs(answer - run.metrics["spearman_predictions"]) < 1e-6


_ = check("S(p) of sl-vocab", vocabulary_bias, from_the_run, hint="Is it seed 0?")

# %% [markdown]
# ````{solution-start} ex-start-vocabulary
# :class: dropdown
# ````

# %% tags=["nbval-ignore-output"]
subsampled = study.train_or_load(study.config("sl-vocab", seed=0))
vocabulary_bias = subsampled.metrics["spearman_predictions"]

# %%
print(
    f"S(p): all concepts {expected:.2f}, vocabularies of 32 {vocabulary_bias:.2f}"
)

# %% [markdown]
# In this one run the bias goes down a little. Why sampling a vocabulary by frequency works against bias at all, how much it can do, and what sets its strength, is the subject of {doc}`04_dynamic_classification`.
#
# ````{solution-end}
# ````
#
# ## Summary
#
# - On a long-tailed training set, a classifier names concepts the more often the more frequent they were: S(p) is near 1.
# - CLIP on the same pictures is less biased, on titles less than on templates. The paper, too, found CLIP less biased than classifiers, on web photographs.
# - S(p) shows the difference more clearly than S(a).
# - A run is a frozen specification; its record is kept, so no lesson trains it twice.
#
# Next: {doc}`06_long_tails`, what the frequencies of the web really look like.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`radford2021`; {cite:t}`changpinyo2021`; {cite:t}`thomee2016`. In full on the page {doc}`../book/references`.
