# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   course: {question: "What do real concept frequencies look like, and how are they counted?", figure: "Fig. 1a, 2, 13, 16, 21, App. B", scale: tiny, minutes: 1, memory_gb: 1.2}
# ---

# %% [markdown]
# # The long tail of the web
#
# **Web-scale image-text sets share one extremely long-tailed distribution of concepts, and part
# of the tail that we measure is made by the rule that counts it.**
#
# After this lesson you can
#
# - read a rank-frequency plot, and see through the smoothing of one;
# - put a number on imbalance, and say what the number leaves out;
# - check a published table of 120 correlations against the released counts;
# - say why the study correlates ranks ({term}`Spearman <Spearman correlation>`) and not counts
#   ({term}`Pearson <Pearson correlation>`);
# - count concepts in captions, and say how wrong a count is and what that does to results;
# - judge whether a subset, or a small data set such as IconTail, keeps the web's tail.
#
# **Time:** an hour to read and solve; the code runs in seconds. **Memory:** 1.2 GB. **In the
# paper** {cite}`wen2024`: Fig. 1a, 2, 13, 16 and 21, and App. B.

# %%
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

from lt_course.counting import web_frequencies
from lt_course.counting.rules import bag_of_lemmas
from lt_course.counting.web_frequencies import PRETRAINING_SETS, TRAINING_SUBSETS
from lt_course.data import icontail
from lt_course.evaluation import intervals
from lt_course.evidence import paper
from lt_course.lessons import counting
from lt_course.lessons.checks import check
from lt_course.plots import drawings, frequencies, style, widgets
from lt_course.statistics import gini

style.use()

# %% [markdown]
# ## 1. The counts
#
# How long is the tail of the web? Nobody labelled two billion pictures, but every picture came
# with a caption, and captions can be searched. The authors of the study counted how often six
# image-text sets name the classes of ImageNet {cite}`russakovsky2015` and of seven smaller
# evaluation sets, and released the results: 97 files, one line a class, `name<TAB>count`. The
# six are CC-12M {cite}`changpinyo2021`, YFCC-15M (a part of {cite:t}`thomee2016`), LAION-400M
# {cite}`schuhmann2021` and LAION-2B, MetaCLIP-400M and MetaCLIP-2.5B {cite}`xu2024`; the
# figures in the names are numbers of pairs.
#
# The course reads those files from a local copy if the environment variable `LT_COURSE_MIRROR`
# names one, and otherwise downloads them once (0.8 MB) from the authors' repository at a fixed
# commit. Either way each file must match its checksum. Without a copy and without a network,
# our own summary of the files stands in, and says so. Which of the three you see is printed
# here:

# %%
web = web_frequencies.load()
print(textwrap.fill(web.note, 78))
left_out = "Left out: this needs the counts of single classes."

# %% [markdown]
# Start with one set, {term}`LAION-400M`, and the 1,000 classes of ImageNet: the five most
# frequent, and the five least.

# %%
laion = web.summary.loc["laion400m_imagenet_ori"]
print(f"{laion['classes']:,.0f} classes, {laion['total']:,.0f} counts;")
print(f"largest {laion['maximum']:,.0f}, median {laion['median']:,.0f}")
if web.complete:
    counts = web.counts("laion400m_imagenet_ori").sort_values(ascending=False)
    ends = pd.concat([counts.head(5), counts.tail(5)])
    display(ends.map("{:,}".format).to_frame("captions"))

# %% [markdown]
# Five orders of magnitude lie between a T-shirt and a mushroom called *gyromitra*. A table
# cannot show that; a **rank plot** can. Sort the classes by count and draw count against rank,
# both axes logarithmic.

# %% mystnb={"figure": {"caption": "Counts against rank for ImageNet's classes in the six web sets, each set ranked by itself. Both axes are logarithmic.", "name": "fig-tails-rank"}, "image": {"alt": "Six falling curves on logarithmic axes. All bend downwards: slowly over the first hundred ranks, then steeply, across five orders of magnitude."}}
six = {f"{key}_imagenet_ori": title for key, title in PRETRAINING_SETS.items()}
figure, ax = plt.subplots(figsize=(7, 4))
frequencies.rank_curves(web, six, ax)

# %% [markdown]
# Three readings of {numref}`fig-tails-rank`.
#
# - **Four of the six differ in size, not in shape.** Multiplying all counts by a constant moves
#   a curve up on a logarithmic axis and leaves its form alone.
# - **It is no power law.** Zipf's law {cite}`zipf1949`, $n_r \propto r^{-a}$, would be a
#   straight line. The curves bend: the first hundred classes are closer to each other, and the
#   last hundred much rarer, than any line through the middle predicts. One reason is that
#   ImageNet's makers *chose* 1,000 classes; the tail of all words of the language would go on.
# - **The two MetaCLIP sets are flatter.** Their makers balanced them: an entry of their word
#   list may bring in only so many captions, which presses the head down. A rare entry stays
#   rare, so a tail remains.
#
# ### One ranking for all
#
# A rank plot hides whether the *same* classes are frequent everywhere. The study's Fig. 1a
# therefore puts the classes of all sets in one order, that of LAION-400M, and smooths the
# curves with a Gaussian over neighbouring ranks. Smoothing is a choice, so here it is a slider.
# Move it from 0 (the counts as they are) to 100 ranks.

# %% tags=["nbval-ignore-output"]
widgets.slider_figure(
    lambda width: frequencies.shared_ranking(web, width),
    values=[0, 1, 3, 10, 30, 100],
    label="smoothing (ranks)",
    start=3,
    alt=lambda width: (
        f"Six curves in the order of LAION-400M, smoothed over {width} ranks."
    ),
)

# %% mystnb={"figure": {"caption": "All six sets in the order of LAION-400M, as in the paper's Fig. 1a. Dots are classes, lines Gaussian averages of the logarithms over 3 ranks.", "name": "fig-tails-shared"}, "image": {"alt": "Counts of 1,000 classes in six web sets, all in the order of LAION-400M. LAION-2B and CC-12M fall smoothly with it; YFCC-15M and the two MetaCLIP sets fall with it on average, but jump up and down by a factor of ten or more."}}
figure = frequencies.shared_ranking(web, width=3)

# %% [markdown]
# All six curves fall together: what is common in one set is common in the others. But look at
# the dots. LAION-2B, made in the same way from the same crawl of the web, hugs the curve;
# YFCC-15M (photographs from Flickr) and MetaCLIP scatter over a factor of a hundred around it.
# At 30 ranks of smoothing that scatter is gone from the lines, and the picture says "the same"
# more loudly than the data do. Section 3 measures the agreement without any smoothing.
#
# ## 2. How imbalanced is imbalanced?
#
# Four numbers are in use for counts $n_1 \le \dots \le n_C$ with shares $p_c = n_c / \sum_k
# n_k$:
#
# $$
# G = \frac{\sum_{i=1}^{C} (2i - C - 1)\, n_i}{C \sum_i n_i}
# \qquad
# N_{\mathrm{eff}} = \exp\Bigl(-\sum_c p_c \ln p_c\Bigr)
# \qquad
# \frac{n_{\max}}{n_{\min > 0}}
# \qquad
# \sum_{c \in \text{top ten}} p_c
# $$
#
# The {term}`Gini coefficient` $G$ {cite}`gini1912` is 0 for equal counts and nearly 1 when one
# class has everything. The **effective number of classes** $N_{\mathrm{eff}}$ answers: how many
# equally frequent classes would be as diverse? The **ratio** looks at two classes only, the
# largest and the smallest that occurs; the **top-ten share** at ten.

# %%
columns = [
    "total",
    "gini",
    "effective_classes",
    "ratio",
    "top10_share",
    "zeros",
    "below_10",
]
frequencies.summary_table(web, six | TRAINING_SUBSETS, columns)

# %% [markdown]
# The lower rows are the labelled subsets on which the study trains its own models. (**IN-Caps**
# is {term}`ImageNet-Captions` {cite}`fang2022`, {term}`LAIONet` {cite}`shirali2023` is cut from
# LAION-400M, **-Cls** marks the captions of CC-12M and YFCC-15M that name a class.) One row
# does not belong: IN-Caps (with the part of LAIONet that was cut to match it). Its Gini
# coefficient is a quarter of the others', and nearly all of its classes are "effective".
# ImageNet's makers collected about as many pictures for every class, and ImageNet-Captions
# inherits that balance.

# %% mystnb={"figure": {"caption": "Each class's share of all counts. LAIONet keeps the shape of LAION-400M; IN-Caps is nearly flat and only its last classes fall off.", "name": "fig-tails-flat"}, "image": {"alt": "Shares against rank for three sets on logarithmic axes. LAION-400M and LAIONet fall together over five orders of magnitude; IN-Caps is almost horizontal and drops only at the last ranks."}}
three = {
    "laion400m_imagenet_ori": "LAION-400M",
    "laionet_thresh0.7_ori": "LAIONet",
    "incaps_imagenet_ori": "IN-Caps",
}
figure, ax = plt.subplots(figsize=(7, 3.8))
frequencies.rank_curves(web, three, ax, divide=True)

# %% [markdown]
# Keep this picture in mind for the rest of the course. Several of the study's experiments,
# among them the ones on captions, vocabularies and extreme tails (its Fig. 3, 8 and 9), are run
# on IN-Caps: *mild* imbalance, sometimes with a tail cut by hand. What holds there need not
# hold on LAIONet, so the lessons that follow train on both profiles.
#
# ````{exercise-start} Two numbers, by hand
# :label: ex-tails-gini
# ````
# A data set has four classes with 1, 1, 1 and 7 pictures.
#
# 1. Compute its Gini coefficient from the formula above, without a program.
# 2. Somebody adds two classes without a single picture. Which of the four measures change?
#
# ```{hint}
# :class: dropdown
# The weights $2i - C - 1$ for four classes are $-3, -1, 1, 3$. For six classes they start at
# $-5$.
# ```
# ````{exercise-end}
# ````

# %%
gini_of_four = ...
gini_of_six = ...
rule = "The weights times the sorted counts, summed, over C times the total."
_ = check("Gini of 1, 1, 1, 7", gini_of_four, 0.45, tolerance=0.005, hint=rule)
_ = check("with two empty classes", gini_of_six, 0.633, tolerance=0.005, hint=rule)

# %% [markdown]
# ````{solution-start} ex-tails-gini
# :class: dropdown
# ````
# $G = (-3 - 1 + 1 + 21) / (4 \cdot 10)$. With two empty classes the weights become $-5, -3, -1,
# 1, 3, 5$ and the first two meet zeros. Only the Gini coefficient changes: an empty class has
# no share, so it moves neither the effective number nor the top share, and the ratio looks at
# occurring classes only. A Gini coefficient is therefore comparable only between sets that
# count the same classes.

# %% tags=["nbval-check-output"]
for some in ([1, 1, 1, 7], [0, 0, 1, 1, 1, 7]):
    print(some, f"Gini {gini(some):.3f}")

# %% [markdown]
# ````{solution-end}
# ````
#
# ## 3. Do the webs agree?
#
# The study's Fig. 13 prints Spearman's rank correlation between the counts of every two sets,
# for eight sets of class names: 8 × 15 numbers. Here they are again, computed from the files.

# %% mystnb={"figure": {"caption": "Spearman correlation of class counts between the six sets, for eight sets of class names (number of classes in brackets), as in the paper's Fig. 13.", "name": "fig-tails-agreement"}, "image": {"alt": "Eight triangular heat maps of correlations. Nearly all cells lie between 0.6 and 1; pairs from one pipeline are at 0.94 or above; the lowest, near 0.5, are MetaCLIP's with all others on CUB birds."}}
figure = frequencies.agreement(web)

# %% [markdown]
# And number by number against the printed ones:

# %% tags=["nbval-check-output"]
printed = paper.table("fig13").rename(
    columns={"dataset": "concept_set", "value": "printed"}
)
printed[["first", "second"]] = printed["method"].str.split("+", expand=True)
both = web.correlations.merge(printed, on=["concept_set", "first", "second"])
worst = (both["spearman"] - both["printed"]).abs().max()
print(f"{len(both)} correlations, largest difference from the paper {worst:.4f}")

# %% [markdown]
# The paper prints two decimals, so a difference of up to 0.005 is rounding: the figure is
# reproduced in full. Its message stands as well: the webs agree, and two sets from one pipeline
# (LAION-400M and LAION-2B, the two MetaCLIP sets) are almost one.
#
# The exception teaches something. For CUB's 200 bird species, MetaCLIP agrees with none of the
# others:

# %%
birds = {f"{key}_cub": title for key, title in PRETRAINING_SETS.items()}
frequencies.summary_table(web, birds, ["total", "median", "zeros", "below_10"])

# %% [markdown]
# Most of its counts are exactly zero. MetaCLIP's counts were not made by searching captions,
# but by summing the counts of 500,000 *entries* that MetaCLIP's makers published. A species
# that is not an entry counts zero, however often it is photographed. These are **structural
# zeros**, made by the method. Rank correlation sees 126 tied classes and drops.
#
# ### Why ranks?
#
# Pearson's correlation of the raw counts asks another question, and on long-tailed data it is a
# poor one: with shares like those above, a handful of head classes decides it.

# %% mystnb={"figure": {"caption": "Three correlations for the 15 pairs of web sets (ImageNet classes). Ranks and logarithms agree; raw counts tell another story.", "name": "fig-tails-pearson"}, "image": {"alt": "Fifteen pairs of sets, each with three points. Spearman and the Pearson correlation of logarithms lie close together, from 0.67 to 1. The Pearson correlation of raw counts lies far to the left for most pairs, down to 0.34."}}
figure = frequencies.three_correlations(web)

# %% [markdown]
# Spearman's coefficient and the Pearson correlation of logarithms say the same, because on a
# logarithmic scale these counts are roughly evenly spread. Raw counts say something else, and
# change with a single class. The next lesson takes this trap up again for accuracies, where it
# changes conclusions.
#
# ````{exercise-start} Where the webs differ most
# :label: ex-tails-ranks
# ````
# Among ImageNet's classes, find one that is among the 100 most frequent in LAION-400M and
# beyond rank 950 in MetaCLIP-400M. Set `odd_one` to its name. Do you believe that it is rare on
# the web? Then look at the ten largest differences in *either* direction, and sort them into
# "the webs differ" and "the counting differs". (This needs the full files.)
#
# ```{hint}
# :class: dropdown
# `web.concept_set("imagenet").rank(ascending=False)` ranks every column, 1 for the largest
# count.
# ```
# ````{exercise-end}
# ````

# %%
odd_one = ...


def is_odd(name: str) -> bool:
    ranks = web.concept_set("imagenet").rank(ascending=False)
    fits = (ranks["LAION-400M"] <= 100) & (ranks["MetaCLIP-400M"] > 950)
    return bool(fits.get(name, False))


_ = check(
    "the odd one out", odd_one, is_odd, hint="Subtract the two columns of ranks."
)

# %% [markdown]
# ````{solution-start} ex-tails-ranks
# :class: dropdown
# ````

# %%
if web.complete:
    ranks = web.concept_set("imagenet").rank(ascending=False)[
        ["LAION-400M", "MetaCLIP-400M"]
    ]
    gap = (ranks["MetaCLIP-400M"] - ranks["LAION-400M"]).sort_values()
    display(ranks.loc[[*gap.index[:6], *gap.index[-6:]]].astype(int))
else:
    print(left_out)

# %% [markdown]
# The odd one is the tent, and nobody believes that tents are among the rarest things on the
# web. The list of names that the authors released counts a caption with *tent*, so that number
# cannot come from it. Counted by WordNet's own names (*mountain tent*, *studio couch*, *head
# cabbage*, *French loaf*) the rare ones fall into place, and so do the frequent ones by a bare
# *cricket*, *jay*, *kite* or *brass*. Two classes give it away:

# %%
if web.complete:
    pairs = ["cardigan", "Cardigan Welsh Corgi", "crane bird", "construction crane"]
    display(web.concept_set("imagenet").loc[pairs].map("{:,}".format).T)

# %% [markdown]
# In the two MetaCLIP columns the garment and the dog have the same count to the last digit, and
# so have the bird and the machine: one word was counted for both. It seems that MetaCLIP's
# captions were counted with an older list of names. We infer this from the numbers; the release
# does not say so. Hardly any of the twelve differences is about the web, and a part of what
# separates 0.76 from 1 in Fig. 13 is not either.
#
# Now compare YFCC-15M with LAION-400M in the same way: howler monkeys, bell towers and sundials
# against trench coats, slip-on shoes and dumbbells. Travel photographs against shop windows:
# that difference is real.
#
# ````{solution-end}
# ````
#
# ## 4. How one counts
#
# Caption search is a program of a few lines (App. B), and every line is a decision:
#
# 1. Write the caption in lower case, replace everything that is not a letter by a space, split.
# 2. Bring each word to its dictionary form (its **lemma**): *cranes* becomes *crane*.
# 3. Keep the words as a *set*: order and repetition are forgotten (a **bag of lemmas**).
# 4. A caption counts for a class if the set holds *all* words of *one* of the class's names.
# 5. It does not count if the set holds one of the class's **negative words**.
#
# The course has this rule as a program for corpora of any size (`lt-course concepts count`).
# Here it reads no captions of the web, but the titles that authors gave to the drawings of
# {term}`IconTail`, the course's own data set. First, what becomes of a title:

# %%
tail = icontail.load()
for title in ("Alarm Clocks", "clock-alarm", "leaves", "wine glass", "glasses"):
    print(f"{title:13s} -> {' '.join(sorted(bag_of_lemmas(title)))}")

# %%
for name in ("star", "mouse", "computer mouse", "T-shirt", "glasses", "gyromitra"):
    print(f"{name:15s} {len(counting.mentions(tail.titles, name)):4d} titles")

# %% [markdown]
# The dictionary already shows. It finds *leaf* in *leaves*, and in *glasses* it finds a *glass*:
# who counts spectacles counts wine glasses. With photographs of the web we would have to believe the
# counts. Here we can look at every drawing that was found. Let us ask for four words: a ram, a
# seal, a cricket, a drum.

# %% mystnb={"figure": {"caption": "Drawings whose titles hold the words ram, seal, cricket and drum, one row a word, at most one drawing an icon set.", "name": "fig-tails-homonyms"}, "image": {"alt": "Four rows of drawings. Ram: memory modules and male sheep. Seal: badges, a stamp and the sea animal. Cricket: the insect and the bat of the game. Drum: oil barrels and the instrument."}}
shown = []
for word in ("ram", "seal", "cricket", "drum"):
    found = counting.mentions(tail.titles, word)
    one_a_set = found[np.unique(tail.set[found], return_index=True)[1]]
    shown.extend(one_a_set[np.linspace(0, len(one_a_set) - 1, 8).astype(int)])
figure = drawings.grid(tail.pictures[shown], [tail.titles[i] for i in shown])

# %% [markdown]
# Each row is one number in a table of counts. The word is right in every title, and the things
# are two or three. The authors of the study met the same difficulty and gave nine classes
# negative words: with *memory*, *computer* or *dodge* a caption does not count for the sheep; a
# *crane* near a *bird* is not for building.

# %%
for name, negative in (
    ("ring", "bell phone"),
    ("drum", "oil"),
    ("ram", "memory computer"),
):
    every = len(counting.mentions(tail.titles, name))
    kept = len(counting.mentions(tail.titles, name, negative))
    print(f"{name}: {every} titles, without {negative!r} {kept}")

# %% [markdown]
# Negative words help where a title says enough: bells that ring and drums of oil are gone.
# Where it is a single word they are powerless: every ram is still there. A count errs most
# where captions are short and a word has many meanings, and more data do not mend it.
#
# ### How wrong is a count?
#
# Nobody can say for the web. For IconTail we can: a list made by hand says what each drawing of
# the 194 core concepts shows, and contact sheets of them were looked at. So let us count those
# concepts in the titles of all drawings, and compare. The study uses a second rule too, for its
# labels of CC-12M and YFCC-15M: **substring**, the name as it stands, between two word
# boundaries (App. C). And a list may hold each concept's name alone or WordNet's synonyms as
# well.

# %%
rules = {
    (what, rule): counting.Counted.of(
        tail.titles,
        tail.concept,
        counting.core_concepts(synonyms=what == "and synonyms"),
        rule,
    )
    for what in ("names", "and synonyms")
    for rule in ("substring", "bag-of-lemmas")
}
pd.DataFrame({key: rule.summary() for key, rule in rules.items()}).T.round(2)

# %% [markdown]
# **Precision** is the share of counted titles whose drawing has the label, **recall** the share
# of labelled drawings that were counted, `several` the share of counted titles that count for
# more than one class. The two rules hardly differ, because titles are short: *pills*, *cherries*
# and *chart pie* are the bag's gain (plural, word order), *piano keys* its loss. The list of names
# matters more. Synonyms find a tenth more of the drawings, and make three times as many mistakes:

# %%
everything = [concept.name for concept in tail.concepts]
for what in ("names", "and synonyms"):
    print(what)
    mistakes = rules[what, "bag-of-lemmas"].mistakes(everything)
    print(mistakes.head(6).to_string(index=False), "\n")

# %% [markdown]
# Three kinds of error. A name that is *part of another* (map and map pin, clock and alarm clock)
# counts for both. A word with *many meanings* comes in with a synonym: WordNet's *volume* is a
# book, on a button it is a speaker; its *phone* is an earphone. And a title may name *two things*
# of which the label keeps one (a mailbox with its flag): that is our label's error as much as the
# count's. What is not found is just as regular: authors write *mouse* for the computer mouse,
# *lock* for the padlock, *link* for the chain link. (IconTail's labels were themselves made from
# names, with a better list, and titles say one thing. Captions of photographs are harder, and
# precision there is lower than here.)
#
# Does it matter? Not where it is random. So look at the errors class by class.

# %% mystnb={"figure": {"caption": "Core concepts of IconTail, by label and as counted by name in titles. Left: each ranked by itself. Right: class by class; on the line a count is right.", "name": "fig-tails-counted"}, "image": {"alt": "Left: two falling curves of one shape, counted below labels, until the last twenty ranks, where the counted one plunges to one. Right: most classes lie on the diagonal; a few lie above it, such as glasses and map; many lie far below it, such as chat bubble, padlock, chain link, and computer mouse at zero."}}
per_class = rules["names", "bag-of-lemmas"].per_class()
marked = ["glasses", "map", "chat bubble", "padlock", "chain link"]
figure = counting.plot_beside_labels(per_class, [*marked, "computer mouse"])

# %%
inequality = {key: gini(per_class[key]) for key in ("labels", "counted")}
print({key: round(value, 2) for key, value in inequality.items()})
display(per_class.loc[[*marked, "computer mouse"]].round(2))
counting.by_third(per_class).round(2)

# %% [markdown]
# The *shape* survives: the Gini coefficients are close, and over most ranks one curve is the other
# moved down. But the last twenty classes fall off a cliff that the drawings do not have. **The rule
# made that tail**, and put common things there, such as the computer mouse. Nor are errors alike
# everywhere: recall is lowest in the head, perhaps since what people meet every day has many names.
#
# The *order* suffers more: counts and labels correlate at only 0.62. What becomes of the course's
# measure, the correlation $S$ of frequency with what a model does? Take a model whose bias is
# known, an observer whose predictions follow the *true* log frequencies with a given pull, and
# correlate them with the true frequencies and with the counted ones.

# %%
seen = counting.correlations_by_counting(per_class, [0, 0.25, 0.5, 1])
seen.assign(ratio=seen["counted"] / seen["labels"].where(seen.index > 0)).round(2)

# %% [markdown]
# Miscounting invents no bias where there is none, and hides a part where there is one: the ratio
# is near the correlation of counts with labels, whatever the pull. This is **attenuation**. A
# small $S$ can mean a fair model, or poor counts. Two models compared on the *same* counts keep
# their order, if not their distance, unless one of them errs where the counting does; data sets
# with counts of different quality cannot be compared so.
#
# ````{exercise-start} Veto words for spectacles
# :label: ex-tails-veto
# ````
# Most titles that are counted for *glasses* mean something else. Write veto words, in one string,
# that lift its precision above 0.7 and leave its recall above 0.75. `quality` gives both. Then
# say why no such list helps the padlock.
#
# ```{hint}
# :class: dropdown
# Print `tail.titles[i]` for the titles that are found and no glasses. Mind that veto words are
# lemmas too: no list may hold *glass*.
# ```
# ````{exercise-end}
# ````

# %%
is_glasses = np.array(everything)[tail.concept] == "glasses"


def quality(veto: str) -> tuple[float, float]:
    """Precision and recall of the titles that are counted for glasses."""
    found = is_glasses[counting.mentions(tail.titles, "glasses", veto)]
    return found.mean(), found.sum() / is_glasses.sum()


veto_words = ...
_ = check(
    "precision above 0.7, recall above 0.75",
    veto_words,
    lambda veto: (np.array(quality(veto)) > (0.7, 0.75)).all(),
    hint="Begin with magnifying, wine and cocktail.",
)

# %% [markdown]
# ````{solution-start} ex-tails-veto
# :class: dropdown
# ````

# %% tags=["nbval-check-output"]
drinks = (
    "magnifying wine cocktail martini tumbler champagne hour sand water"
    " milk soda cup"
)
for veto in ("", "magnifying", drinks):
    print("precision {:.2f}, recall {:.2f}".format(*quality(veto)))

# %% [markdown]
# A few words do much, after somebody has looked. (The paper's authors did so for nine of 1,000
# classes.) A bare *glass* passes every list, and so does what was never found: veto words only
# remove, and a padlock that is called *lock* stays uncounted.
#
# ````{solution-end}
# ````
#
# ### Zeros that are not rare
#
# LAIONet's labels come from a stricter search in the captions of LAION-400M: a caption must
# name exactly *one* class, must resemble that class's definition (cosine of CLIP's text
# features above 0.7), and its picture must still be there. Which classes end up with no picture
# at all?

# %%
if web.complete:
    laion, laionet = "laion400m_imagenet_ori", "laionet_thresh0.7_ori"
    two = web.table({laion: "LAION-400M", laionet: "LAIONet"})
    lost = two.query("LAIONet == 0").sort_values("LAION-400M", ascending=False)
    middle = lost["LAION-400M"].median()
    below = (two["LAION-400M"] < middle).mean()
    print(
        f"{len(lost)} classes without a picture. In LAION-400M their median count"
    )
    print(f"is {middle:,.0f}: {below:.0%} of all classes have fewer.")
    display(lost.head(10).map("{:,}".format))
else:
    print(left_out)

# %% [markdown]
# None of these is rare. They were lost on the way, most of them because a caption that names
# two classes is dropped: a Border Collie is also a collie, a guinea pig also a pig, and WordNet
# knows *harp* as a name of the harmonica too. The class at the end of LAIONet's tail may be a
# common thing with an unlucky name. Remember it when a model "fails on the tail".
#
# ## 5. Do subsets keep the tail?
#
# Nobody trains on all of LAION-400M in a course, or, 400 times, in a study. Does a part of the
# data have the shape of the whole? The study's Fig. 16 draws fractions of LAIONet; we add the
# subsets made by a stricter similarity threshold.

# %%
fractions = {"laionet_thresh0.7_ori": "all of LAIONet"} | {
    f"laionet_thresh0.7_frac{1 / n}_ori": f"1/{n}" for n in (2, 4, 8, 16, 32)
}
thresholds = {
    f"laionet_thresh{t}_ori": f"similarity > {t}"
    for t in (0.7, 0.75, 0.8, 0.85, 0.88, 0.9)
}

# %% mystnb={"figure": {"caption": "Left: random fractions of LAIONet (the paper's Fig. 16). Right: subsets by a stricter similarity threshold.", "name": "fig-tails-subsets"}, "image": {"alt": "Two panels of falling curves on logarithmic axes. In both, smaller subsets are the same curve moved down, until the tail meets the floor of one picture a class."}}
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), sharey=True)
frequencies.rank_curves(web, fractions, left)
frequencies.rank_curves(web, thresholds, right)
left.set_ylabel("pictures of the class")
_ = right.set_ylabel("")

# %%
columns = ["total", "gini", "top10_share", "zeros", "below_10"]
frequencies.summary_table(web, thresholds | fractions, columns)

# %% [markdown]
# The shape is kept: Gini coefficient and top-ten share hardly move while the size falls by a
# factor of 90. The *counts* of the tail are not: at 1/32, four classes in ten have fewer than
# ten pictures. Imbalance is a matter of shares, learning one of counts. The column of zeros is
# constant for another reason: wherever a class would have vanished, the makers put one picture
# back.
#
# ````{exercise-start} What a threshold does to the tail
# :label: ex-tails-threshold
# ````
# The threshold 0.85 leaves 260,713 pictures. Does it hurt the tail more than chance? Estimate
# how many classes would have fewer than ten pictures in a *random* subset of that size, from
# the two fractions nearest in size, and compare with the column `below_10`.
#
# ```{hint}
# :class: dropdown
# Interpolate `below_10` linearly in the logarithm of `total`, for example with `numpy.interp`,
# whose second argument must ascend.
# ```
# ````{exercise-end}
# ````

# %%
below_ten_at_random = ...
_ = check(
    "a random subset of that size",
    below_ten_at_random,
    lambda answer: 255 < answer < 272,
    hint="It lies between the values at 1/8 and at 1/16.",
)

# %% [markdown]
# ````{solution-start} ex-tails-threshold
# :class: dropdown
# ````

# %% tags=["nbval-check-output"]
drawn = web.summary.loc[list(fractions)].sort_values("total")
strict = web.summary.loc["laionet_thresh0.85_ori"]
guess = np.interp(
    np.log(strict["total"]), np.log(drawn["total"]), drawn["below_10"]
)
print(f"classes below ten pictures: {guess:.0f} at random,")
print(f"{strict['below_10']:.0f} at the threshold 0.85")

# %% [markdown]
# At this threshold, no more than chance. It costs the tail, in numbers, what a random loss of
# as many pictures would cost. (Classes change places all the same: compare
# `web.counts("laionet_thresh0.85_ori")` with the whole.)
#
# ````{solution-end}
# ````
#
# ## 6. IconTail beside the web
#
# The lessons that follow train on IconTail: drawings from open icon sets, with the names that
# their authors gave them. Nobody balanced it. Is its tail like the web's?

# %% mystnb={"figure": {"caption": "Each concept's share of IconTail's drawings, beside each ImageNet class's share of the counts in LAION-400M.", "name": "fig-tails-icontail-shape"}, "image": {"alt": "Two falling curves of shares against rank on logarithmic axes, close to each other over the first hundred ranks; IconTail's reaches further, to about two thousand concepts."}}
natural = np.bincount(tail.concept)
print(f"{natural.sum():,} drawings of {len(natural):,} concepts,")
print(f"largest {natural.max():,}, median {np.median(natural):.0f}")
print(f"Gini {gini(natural):.2f}")
figure, ax = plt.subplots(figsize=(6.4, 3.6))
laion_file = {"laion400m_imagenet_ori": "LAION-400M"}
frequencies.rank_curves(
    web, laion_file, ax, divide=True, more={"IconTail": natural}
)

# %% [markdown]
# As long a tail, from less than a thousandth of the data. Are the *same* things frequent? To
# compare like with like we count IconTail as the web was counted: by ImageNet's class names in
# the titles.

# %% mystnb={"figure": {"caption": "ImageNet's 1,000 classes: captions of LAION-400M that name them, and titles of IconTail that do. The lowest row are classes that no title names.", "name": "fig-tails-icontail"}, "image": {"alt": "A cloud of points that rises only weakly from left to right, above a dense row of classes without any title. Orange and pillow are frequent on the web and rare in IconTail; hourglass and shield the other way round."}}
if web.complete:
    laion = web.counts("laion400m_imagenet_ori").rename("LAION-400M")
    names = laion.index.str.replace(r" \(.*\)| or .*| / .*", "", regex=True)
    titles = pd.Series(
        counting.counts(tail.titles, names), laion.index, name="titles"
    )
    drawn = titles > 0
    for rows in (titles >= 0, drawn):
        agreement = intervals.bootstrap_spearman(laion[rows], titles[rows])
        print(f"{rows.sum():4d} classes: Spearman {agreement}")
    marked = ["orange", "pillow", "shield", "hourglass", "stethoscope"]
    figure = frequencies.beside_the_web(titles, laion, marked)
else:
    print(left_out)

# %% [markdown]
# Two numbers: over all classes, and over those that some title names. Their difference is a
# lesson. Over all classes the agreement is fair: what the web seldom names, designers seldom
# draw, and most of the correlation is carried by the classes that nobody drew at all. Among the
# classes that *were* drawn it is weak. Designers draw what software needs, such as shields and
# hourglasses; shops photograph what they sell, such as pillows; and an orange, in a
# black-and-white drawing, is a circle. Which classes enter a correlation is part of its result.
# (The intervals are bootstraps over classes. They do not cover that choice.)
#
# So IconTail has a natural tail of the right length, but it is its own tail. Nothing in this
# course assumes more: the lessons give frequencies to concepts by design, and permute them.
#
# ## The paper's numbers beside ours

# %% tags=["nbval-check-output"]
rows = [
    ("imagenet", "laion400m", "laion2b"),
    ("imagenet", "metaclip_400m", "metaclip_fullcc"),
    ("imagenet", "yfcc15m", "laion400m"),
    ("imagenet", "laion400m", "metaclip_400m"),
    ("cub", "yfcc15m", "metaclip_400m"),
    ("places365", "cc12m", "laion2b"),
]
beside = both.set_index(["concept_set", "first", "second"]).loc[
    rows, ["printed", "spearman"]
]
print(beside.rename(columns={"printed": "Fig. 13", "spearman": "ours"}).round(3))
reproduced = (both["spearman"] - both["printed"]).abs() <= 0.005
print(f"reproduced to rounding: {reproduced.sum()} of {len(both)}")

# %% [markdown]
# This lesson is the exception in the course: same data, so the same numbers. All later lessons
# compare directions, not digits.
#
# ## What this scale cannot show
#
# - **Captions are not pictures.** A count says how many captions name a class, not in how many
#   pictures it can be seen. Most sandals on the web are never called so. We have no pictures of
#   LAION to check.
# - **The rule cannot be re-run here.** We recompute everything *from* the counts. The counts
#   themselves need the captions of billions of pictures and the authors' list of names.
# - **A thousand chosen classes are not the web's vocabulary.** The tail of all words is far
#   longer.
# - **Alike is not alike for the same reason.** That frequencies of IconTail and LAION-400M
#   correlate does not show that models learn from both in the same way. The lessons on training
#   do that, within limits.
#
# ## Summary
#
# - Six web-scale sets have the same shape of tail: about five orders of magnitude over a
#   thousand classes, Gini coefficients from 0.66 to 0.83. IN-Caps, at 0.22, is not long-tailed.
# - They also agree on *which* concepts are frequent. All 120 printed rank correlations are
#   reproduced from the released counts. Correlate ranks or logarithms; raw counts let a few
#   classes decide.
# - A count is the output of a rule. Ambiguous words, missing entries and lost labels put common
#   things into the tail; in this study they explain part of the disagreement between LAION and
#   MetaCLIP. Where labels are known, counting keeps the tail's shape, changes its order, and
#   shrinks a correlation with frequency.
# - Random fractions and thresholds keep the shares and starve the tail in numbers.
# - IconTail has a natural tail as long as the web's. Which concepts are frequent in it agrees
#   only in part.
#
# ## References
#
# The study is {cite:t}`wen2024`; the counts are in the folder `metadata/freqs` of its release,
# [CVMI-Lab/clip-beyond-tail](https://github.com/CVMI-Lab/clip-beyond-tail) (MIT licence), at
# commit `c8fc64c`.
