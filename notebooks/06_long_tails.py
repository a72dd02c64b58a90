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
#   course: {question: "What do real concept frequencies look like, and how are they counted?", figure: "Fig. 1a, 13, 16, 21, App. B", scale: tiny, minutes: 3, memory_gb: 0.9}
# ---

# %% [markdown]
# # The long tail of the web
#
# **Claim: image-text sets of the web share one extremely long-tailed distribution of concepts. A part of the tail that one measures is made by the rule that counts it, and this hides a part of a model's bias.**
#
# After this lesson you can
#
# - read a rank-frequency plot, and see through the smoothing of one;
# - write the Gini coefficient and Spearman's correlation, and say what each leaves out;
# - check a published table of 120 correlations against the released counts;
# - write the rule by which concepts are counted in captions, and count them in your own;
# - measure a count's precision and recall where labels are known, and mend it;
# - say what miscounted frequencies do to a measured bias.
#
# Figures treated: the paper's Fig. 1a, 13, 16 and 21, and its App. B {cite}`wen2024`. About 20 CPU-seconds (and 130 more where the runs of {doc}`03_clip_against_supervised` are not in the store yet), 0.9 GB of memory, 35 minutes of reading. Before this: {doc}`02_measuring_bias`, {doc}`05_language`.

# %% tags=["hide-input"]
import re
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa

from lt_course import statistics, study
from lt_course.counting import web_frequencies
from lt_course.counting.concept_lists import Concept
from lt_course.counting.lemmas import wordnet
from lt_course.counting.rules import bag_of_lemmas, compile_rule
from lt_course.counting.web_frequencies import PRETRAINING_SETS, TRAINING_SUBSETS
from lt_course.data import icontail
from lt_course.evidence import paper
from lt_course.lessons import counting, exercises
from lt_course.plots import data_table, drawings, frequencies, style, widgets

style.use()
pd.options.display.max_colwidth = None
pd.options.display.float_format = "{:.2f}".format
check = exercises.of("long_tails")

# %% [markdown]
# ## The counts
#
# How long is the tail of the web? Nobody labelled two billion pictures. But every picture came with a caption, and captions can be searched. The authors of the study counted how often six image-text sets name the classes of ImageNet {cite}`russakovsky2015` and of seven smaller evaluation sets. They released the results: 97 files, one line a class, a name and a count.
#
# The six sets are CC-12M {cite}`changpinyo2021`, YFCC-15M (a part of {cite:t}`thomee2016`), LAION-400M {cite}`schuhmann2021` and LAION-2B, MetaCLIP-400M and MetaCLIP-2.5B {cite}`xu2024`. The figures in the names are numbers of pairs. The count files are read from a local copy or downloaded once, and must match their checksums. Without them the course's own summary stands in, in which a count of ImageNet's classes is known to about a tenth.

# %%
web = web_frequencies.load()
print(textwrap.fill(web.note, 78))

# %% [markdown]
# Start with one set, {term}`LAION-400M`, and the 1,000 classes of ImageNet: the four most frequent, and the four least.

# %%
laion = web.counts("laion400m_imagenet_ori")
ordered = laion.sort_values(ascending=False)
ends = pd.concat([ordered.head(4), ordered.tail(4)])
ends.map("{:,}".format).to_frame("captions of LAION-400M")

# %% [markdown]
# Five orders of magnitude lie between a T-shirt and a mushroom called *gyromitra*. A table cannot show that. A **rank-frequency plot** can: sort the classes by count, and draw count against rank on two logarithmic axes.

# %% mystnb={"figure": {"caption": "Counts against rank for ImageNet's classes in the six web sets, each set ranked by itself. Both axes are logarithmic.", "name": "fig-tails-rank"}, "image": {"alt": "Six falling curves on logarithmic axes. All bend downwards: slowly over the first hundred ranks, then steeply, across five orders of magnitude."}}
six = {f"{key}_imagenet_ori": title for key, title in PRETRAINING_SETS.items()}
figure, ax = plt.subplots(figsize=(7, 4))
frequencies.rank_curves(web, six, ax)

# %%
ranks = {f"rank_{rank}": f"rank {rank:,}" for rank in web_frequencies.RANKS}
figure_data = web.summary.loc[list(six), list(ranks)].rename(six).T.rename(ranks)
data_table(figure_data.map("{:,.0f}".format), "Captions that name a rank's class.")

# %% [markdown]
# Two things can be read off {numref}`fig-tails-rank`. First, four of the six differ in size and not in shape: a constant factor only moves a curve up on a logarithmic axis. The two MetaCLIP sets are flatter. Their makers balanced them: an entry of their word list may bring in only so many captions, which lowers the head. Second, the curves bend. Is this Zipf's law {cite}`zipf1949`, $n_r \propto r^{-a}$? Then $\log n_r$ would fall along a straight line, with one slope $-a$ everywhere. Fit the slope by parts:

# %%
n = np.sort(laion)[::-1]
rank = np.arange(1, len(n) + 1)
for first, last in ((1, 100), (101, 500), (501, 900), (901, 1000)):
    part = slice(first - 1, last)
    slope, _ = np.polyfit(np.log(rank[part]), np.log(n[part]), 1)
    print(f"ranks {first:3d} to {last:4d}: slope {slope:6.2f}")

# %% [markdown]
# It is no power law. The first hundred classes are closer to each other, and the last hundred much rarer, than any line through the middle predicts. One reason is that ImageNet's makers *chose* 1,000 classes. The tail of all words of the language would go on.
#
# ### One ranking for all
#
# A rank plot hides whether the *same* classes are frequent everywhere. The paper's Fig. 1a therefore puts the classes of all sets in one order, that of LAION-400M, and smooths the curves over neighbouring ranks. Smoothing is a choice. Move the slider from 0 (the counts as they are) to 100 ranks.

# %% tags=["nbval-ignore-output"]
widgets.slider_figure(
    lambda width: frequencies.shared_ranking(web, width),
    values=[0, 3, 10, 30, 100],
    label="smoothing (ranks)",
    start=3,
    alt=lambda width: (
        f"Classes of six web sets in one order; lines over {width} ranks."
    ),
)

# %% [markdown]
# All six curves fall together: what is common in one set is common in the others. But look at the dots behind the lines. LAION-2B, made in the same way from the same crawl, stays close to its curve. YFCC-15M (photographs from Flickr) and MetaCLIP scatter by a factor of ten and more. At 30 ranks of smoothing that scatter has left the lines, and the picture says "the same" more loudly than the data do. A later section measures the agreement without any smoothing.
#
# ## How imbalanced is imbalanced?
#
# The {term}`Gini coefficient` {cite}`gini1912` of counts $n_1 \le \dots \le n_C$ is 0 for equal counts and nearly 1 when one class has everything:
#
# $$G = \frac{\sum_{i=1}^{C} (2i - C - 1)\, n_i}{C \sum_i n_i}.$$


# %%
def gini(counts):
    n = np.sort(np.asarray(counts, float))
    C = len(n)
    weights = 2 * np.arange(1, C + 1) - C - 1
    return (weights * n).sum() / (C * n.sum())


for name in six:
    counts = web.counts(name)
    np.testing.assert_allclose(gini(counts), statistics.gini(counts))
print(f"LAION-400M: Gini {gini(laion):.3f}")

# %% [markdown]
# Three other numbers are in use. The **effective number of classes** asks how many equally frequent classes would be as diverse (it is $\exp(-\sum_c p_c \ln p_c)$, of shares $p_c$). The **ratio** of the largest to the smallest count looks at two classes only, and the **top-ten share** at ten.

# %%
columns = ["total", "gini", "effective_classes", "ratio", "top10_share", "below_10"]
frequencies.summary_table(web, six | TRAINING_SUBSETS, columns)

# %% [markdown]
# The lower five rows are the labelled subsets on which the study trains its own models. **IN-Caps** is {term}`ImageNet-Captions` {cite}`fang2022`. {term}`LAIONet` {cite}`shirali2023` is cut from LAION-400M. **-Cls** marks the captions that name a class. Two rows differ from all others: IN-Caps, and the part of LAIONet that was matched to it. ImageNet's makers collected about as many pictures for every class, and ImageNet-Captions inherits that balance.
#
# Keep these two rows in mind. Several of the study's experiments, among them the ones of the paper's Fig. 3, 8 and 9, are run on IN-Caps: *mild* imbalance, sometimes with a tail cut by hand. What holds there need not hold on LAIONet. {doc}`07_data` compares the two profiles.

# %% [markdown]
# ### Exercise: two numbers, by hand
#
# *Compute · difficulty 1 of 3 · 5 minutes · trains reading a formula before trusting it*
#
# A data set has four classes with 1, 1, 1 and 7 pictures. Compute its Gini coefficient from the formula, without a program. Then somebody adds two classes without a single picture. Compute it again, and give both numbers, with two decimals, as a list. (The weights $2i - C - 1$ of four classes are $-3, -1, 1, 3$.) Which of the other three measures change, too? [Solution](solutions/06_long_tails)

# %% exercise="gini"
two_ginis = ...

# %% tags=["remove-cell"]
check("gini", two_ginis)

# %% [markdown]
# ## Do the webs agree?
#
# Spearman's rank correlation ({term}`Spearman <Spearman correlation>`) asks whether two sets put the classes in the same order. It is Pearson's correlation of the *ranks*. Tied classes share the mean of their ranks.


# %%
def spearman(a, b):
    a, b = pd.Series(np.asarray(a)).rank(), pd.Series(np.asarray(b)).rank()
    a, b = (a - a.mean()) / a.std(ddof=0), (b - b.mean()) / b.std(ddof=0)
    return (a * b).mean()


imagenet = web.concept_set("imagenet")
for pair in (["CC-12M", "LAION-400M"], ["LAION-400M", "MetaCLIP-400M"]):
    one, other = (imagenet[name] for name in pair)
    np.testing.assert_allclose(
        spearman(one, other), statistics.spearman(one, other)
    )
    print(f"{' and '.join(pair)}: {spearman(one, other):.3f}")

# %% [markdown]
# The paper's Fig. 13 prints this number for every two sets and eight sets of class names: 120 numbers. Here they are from the files.

# %% mystnb={"figure": {"caption": "Spearman correlation of class counts between the six sets, for eight sets of class names (number of classes in brackets), as in the paper's Fig. 13.", "name": "fig-tails-agreement"}, "image": {"alt": "Eight triangular heat maps of correlations. Nearly all cells lie between 0.6 and 1; pairs from one pipeline are at 0.94 or above; the lowest, near 0.5, are MetaCLIP's with all others on CUB birds."}}
figure = frequencies.agreement(web)

# %% tags=["nbval-check-output"]
columns = {"dataset": "concept_set", "value": "the paper's Fig. 13"}
printed = paper.table("fig13").rename(columns=columns)
printed[["first", "second"]] = printed["method"].str.split("+", expand=True)
both = web.correlations.merge(printed, on=["concept_set", "first", "second"])
distance = (both["spearman"] - both["the paper's Fig. 13"]).abs()
print(f"{len(both)} correlations, largest difference {distance.max():.4f}")
names = web_frequencies.CONCEPT_SETS | PRETRAINING_SETS
shown = both.loc[distance.nlargest(3).index].replace(names)
columns = ["concept_set", "first", "second", "the paper's Fig. 13", "spearman"]
shown = shown[columns].rename(columns={"concept_set": "names", "spearman": "ours"})
shown.style.format(precision=3).hide().set_uuid("figure-13")

# %% [markdown]
# The paper prints two decimals, so a difference of up to 0.005 is rounding. The figure is reproduced in full; the table shows the three largest differences. This lesson is the exception in the course: same data, so the same numbers. All other lessons compare directions, not digits.
#
# The paper's message stands as well: the webs agree, and two sets from one pipeline are almost one. The exception teaches something. For CUB's 200 bird species, MetaCLIP agrees with the others only half:

# %%
birds = {f"{key}_cub": title for key, title in PRETRAINING_SETS.items()}
frequencies.summary_table(web, birds, ["total", "median", "zeros"])

# %% [markdown]
# Most of its counts are exactly zero. MetaCLIP's counts were not made by searching captions, but by summing the counts of 500,000 *entries* that MetaCLIP's makers published. A species that is not an entry counts zero, however often it is photographed. These are **structural zeros**, made by the method. Rank correlation sees tied classes, and drops.
#
# ### Why ranks?
#
# {term}`Pearson's correlation <Pearson correlation>` of the raw counts asks another question. On long-tailed data a handful of head classes decides it. How few? Leave out one class of a thousand:

# %%
without = imagenet.drop(index="T-shirt")
pair = ["CC-12M", "YFCC-15M"]
for method in ("pearson", "spearman"):
    before, after = (t[pair].corr(method).iloc[0, 1] for t in (imagenet, without))
    print(f"{method}: {before:.3f}, without the T-shirt {after:.3f}")

# %% mystnb={"figure": {"caption": "Three correlations for the 15 pairs of web sets (ImageNet classes). Ranks and logarithms agree; raw counts tell another story.", "name": "fig-tails-pearson"}, "image": {"alt": "Fifteen pairs of sets, each with three points. Spearman and the Pearson correlation of logarithms lie close together, from 0.67 to 1. The Pearson correlation of raw counts lies far to the left for most pairs, down to 0.34."}}
figure = frequencies.three_correlations(web)

# %% [markdown]
# Spearman's coefficient and the Pearson correlation of logarithms say the same, because on a logarithmic scale these counts are roughly evenly spread.
#
# ### Where they differ most
#
# Ranks also show *which* classes two sets disagree on. Here are LAION-400M and MetaCLIP-400M, the five largest differences in either direction (1 is the most frequent class):

# %%
ranks = imagenet.rank(ascending=False)[["LAION-400M", "MetaCLIP-400M"]]
gap = (ranks["MetaCLIP-400M"] - ranks["LAION-400M"]).sort_values()
ranks.loc[[*gap.index[-5:], *gap.index[:5]]].astype(int)

# %% [markdown]
# Nobody believes that tents are among the rarest things on the web. Two more pairs of classes help to find out what happened:

# %%
pairs = ["cardigan", "Cardigan Welsh Corgi", "crane bird", "construction crane"]
imagenet.loc[pairs].map("{:,}".format).T

# %% [markdown]
# ### Exercise: the rarest tent
#
# *Explain · difficulty 2 of 3 · 8 minutes · trains telling a difference of the world from a difference of the method*
#
# WordNet calls ImageNet's tent *mountain tent*, its sofa *studio couch*, its cabbage *head cabbage*. The list of names that the authors released has the plain words. Look at the two tables, above all at the columns of MetaCLIP in the second. Explain in two or three sentences why the tent is so rare in MetaCLIP's counts, and what the pairs prove. Is this a difference between two webs? [Solution](solutions/06_long_tails)

# %% exercise="tent"
rare_tent = ...

# %% tags=["remove-cell"]
check("tent", rare_tent)

# %% [markdown]
# ## How one counts
#
# Caption search is a rule of five steps (the paper's App. B), and every step is a decision:
#
# 1. Write the caption in lower case; take the runs of letters a to z as its words.
# 2. Bring each word to its dictionary form, its **lemma**: *cranes* becomes *crane*.
# 3. Keep the words as a *set*: order and repetition are forgotten (a **bag of lemmas**).
# 4. A caption counts for a class if the set holds *all* words of *one* of the class's names.
# 5. It does not count if the set holds one of the class's **negative words**.

# %%
lemma = wordnet().lemma


def bag(text):
    words = re.findall("[a-z]+", text.lower())  # 1
    return {lemma(word) for word in words}  # 2, 3


def counts_for(caption, names, negative=()):
    found = bag(caption)
    named = any(bag(name) <= found for name in names)  # 4
    return named and not bag(" ".join(negative)) & found  # 5


# %% [markdown]
# Now count captions of your own. Put them into `MINE`, or read a file, one caption a line, and see which of ImageNet's thousand classes they name.

# %%
MINE = [
    "Cranes over the harbor at night",
    "My old guinea pig in a tiny tent",
    "New glasses, a T-shirt and a hot dog: summer!",
]
# MINE = Path("captions.txt").read_text().splitlines()
for caption in MINE:
    named = [name for name in laion.index if counts_for(caption, [name])]
    print(f"{caption}\n    {', '.join(named)}")

# %% [markdown]
# The rule does not find the cranes: the list says *crane bird* and *construction crane*, and neither *bird* nor *construction* is in the caption. The package has the same rule for corpora of any size (`lt-course concepts count`). On all titles that authors gave to the drawings of {term}`IconTail`, it and the cell above agree:

# %%
tail = icontail.load()
assert all(bag(title) == bag_of_lemmas(title) for title in tail.titles)
found = [
    i
    for i, title in enumerate(tail.titles)
    if counts_for(title, ["ring"], ["bell"])
]
assert found == counting.mentions(tail.titles, "ring", "bell").tolist()
for title in ("Alarm Clocks", "clock-alarm", "leaves", "wine glass", "glasses"):
    print(f"{title:13s} -> {' '.join(sorted(bag(title)))}")

# %% [markdown]
# In *glasses* the dictionary finds a *glass*, so a count of spectacles includes wine glasses. With photographs of the web we would have to believe the counts. Here we can look at every drawing that was found. Ask for four words: a ram, a seal, a cricket, a drum.

# %% mystnb={"figure": {"caption": "Drawings whose titles hold the words ram, seal, cricket and drum, one row a word, at most one drawing an icon set.", "name": "fig-tails-homonyms"}, "image": {"alt": "Four rows of drawings. Ram: memory modules and male sheep. Seal: badges, a stamp and the sea animal. Cricket: the insect and the bat of the game. Drum: oil barrels and the instrument."}}
shown = []
for word in ("ram", "seal", "cricket", "drum"):
    found = counting.mentions(tail.titles, word)
    one_a_set = found[np.unique(tail.set[found], return_index=True)[1]]
    shown.extend(one_a_set[np.linspace(0, len(one_a_set) - 1, 8).astype(int)])
figure = drawings.grid(tail.pictures[shown], [tail.titles[i] for i in shown])

# %% [markdown]
# Each row is one number in a table of counts. The word is right in every title, and the things are two or three. The authors of the study met the same difficulty and gave nine classes negative words: with *memory*, *computer* or *dodge* a caption does not count for the sheep.

# %% [markdown]
# ### Exercise: the other rule
#
# *Write · difficulty 2 of 3 · 10 minutes · trains turning a rule in words into code*
#
# For its labels of CC-12M and YFCC-15M the study uses a second rule, **substring** (App. C): a caption counts for a class if one of the class's names stands in it as it is, capital or not, with no letter, digit or underscore directly before or after it. Write `by_substring(caption, names)` for a caption (a string) and a list of names. It returns True or False. A name may hold a full stop, which is no joker. [Solution](solutions/06_long_tails)


# %% exercise="substring"
def by_substring(caption, names): ...


# %% tags=["remove-cell"]
check("substring", by_substring)

# %% [markdown]
# ## How wrong is a count?
#
# For the web nobody can say. For IconTail we can: a list made by hand says what each drawing of the 194 core concepts shows. Count the concept *glasses*, and compare. **Precision** is the share of counted titles whose drawing has the label, **recall** the share of labelled drawings that were counted.

# %%
concepts = np.array([concept.name for concept in tail.concepts])
shows = concepts[tail.concept] == "glasses"
counted = np.array([counts_for(title, ["glasses"]) for title in tail.titles])
print(f"precision {shows[counted].mean():.2f}, recall {counted[shows].mean():.2f}")

core = counting.core_concepts(synonyms=False)
count = counting.Counted.of(tail.titles, tail.concept, core)
row = count.per_class().loc["glasses"]
assert row["right"] / row["counted"] == shows[counted].mean()

# %% [markdown]
# `Counted` does this for all concepts at once. Over all together, with both rules, and with each concept's name alone or with WordNet's synonyms as well:

# %%
table = {}
for names in ("names", "names and synonyms"):
    concepts_of = counting.core_concepts(synonyms=names != "names")
    for rule in ("substring", "bag-of-lemmas"):
        each = counting.Counted.of(
            tail.titles, tail.concept, concepts_of, rule
        ).per_class()
        all_of = each.sum()
        table[names, rule] = {
            "precision": all_of["right"] / all_of["counted"],
            "recall": all_of["right"] / all_of["labels"],
            "Spearman of counts and labels": spearman(
                each["labels"], each["counted"]
            ),
        }
pd.DataFrame(table).T

# %% [markdown]
# The two rules hardly differ, because titles are short. The list of names matters more. Synonyms raise the recall by a tenth, and make about three times as many mistakes:

# %%
more = counting.core_concepts(synonyms=True)
mistakes = counting.Counted.of(tail.titles, tail.concept, more).mistakes(concepts)
mistakes.head(6).set_index("counted for")

# %% [markdown]
# There are three kinds of error. A name that is *part of another* (map and map pin) counts for both. A word with *many meanings* comes in with a synonym: WordNet's *volume* is a book, on a button it is a speaker. And a title may name *two things* of which the label keeps one. What is not found is just as regular: authors write *mouse* for the computer mouse and *lock* for the padlock.

# %% mystnb={"figure": {"caption": "Core concepts of IconTail, by label and as counted by name in titles. Left: each ranked by itself. Right: class by class; on the line a count is right.", "name": "fig-tails-counted"}, "image": {"alt": "Left: two falling curves of one shape, counted below labels, until the last twenty ranks, where the counted one plunges to one. Right: most classes lie on the diagonal; a few lie above it, such as glasses and map; many lie far below it, such as chat bubble, padlock, and computer mouse at zero."}}
marked = ["glasses", "map", "chat bubble", "padlock", "computer mouse"]
per_class = count.per_class()
figure = counting.plot_beside_labels(per_class, marked)
print(f"Gini: labels {gini(per_class['labels']):.2f}, ", end="")
print(f"counted {gini(per_class['counted']):.2f}")

# %% [markdown]
# The *shape* survives: the Gini coefficients are close. But the last twenty classes fall off a cliff that the drawings do not have. **The rule made that tail**, and put common things there, such as the computer mouse.

# %% [markdown]
# ### Exercise: negative words for spectacles
#
# *Write · difficulty 2 of 3 · 10 minutes · trains looking at errors before mending them*
#
# Most titles that are counted for *glasses* show something else. Write negative words, in one string with blanks between them, that lift the precision above 0.7 and leave the recall above 0.75. Print some titles that are found and show no glasses first: `tail.titles[i]` for `i` in `np.flatnonzero(counted & ~shows)`. Then say why no such list helps the padlock. [Solution](solutions/06_long_tails)

# %% exercise="negative-words"
negative_words = ...

# %% tags=["remove-cell"]
check("negative-words", negative_words)

# %% [markdown]
# ### A shop's catalogue
#
# Drawings are not photographs, and IconTail's labels were themselves made from names. So here is a count on real photographs: the 43,824 [fashion products](../book/photographs), whose titles were written by a shop and whose types were given by its catalogue. (Titles are not shown; the counts were made once, and travel with the course.) The rule asks each title for the shop's own names of its types. Six types:

# %%
products = counting.product_types().set_index(["names", "type"])
some = ["Tshirts", "Shirts", "Watches", "Perfume and Body Mist", "Flats", "Sarees"]
shown = products.loc["shop"].loc[some].copy()
shown["precision"] = shown["right"] / shown["counted"]
shown["recall"] = shown["right"] / shown["products"]
shown.astype({"precision": object}).fillna("none counted")

# %% [markdown]
# The largest type of the shop all but disappears, and the second largest swells to more than twice its size. The shop's list says *Tshirts*, and its titles say *T-Shirt*, which is the words *t* and *shirt*: it counts for shirts. One hyphen moves the head of a distribution. Now let somebody who has looked at the mistakes add six names (*t-shirt*, *sari*, *perfume* and so on), and one negative word, *t*, for shirts:

# %%
table = {}
for names in ("shop", "mended"):
    each = products.loc[names]
    all_of = each[["products", "counted", "right"]].sum()
    table[names] = {
        "precision": all_of["right"] / all_of["counted"],
        "recall": all_of["right"] / all_of["products"],
        "Spearman of counts and labels": spearman(
            each["products"], each["counted"]
        ),
        "T-shirts: rank by counts": each["counted"].rank(ascending=False)[
            "Tshirts"
        ],
    }
pd.DataFrame(table).T.astype({"T-shirts: rank by counts": int})

# %% [markdown]
# A list of names is part of a measurement, and a short look at its errors is worth more than more data. The study's authors looked at nine of 1,000 classes.
#
# ### What miscounting does to a measured bias
#
# Does it matter? Take the course's measure, S(p), the correlation of a class's frequency with the number of a model's predictions ({doc}`02_measuring_bias`). The supervised and CLIP runs of the earlier lessons were trained on 4,500 drawings whose labels we know. Suppose we knew only their *titles*, and counted the concepts in those.


# %%
def two_frequencies(run):
    drawn = study.training_set(run)
    titles = [tail.titles[i] for i in drawn.image_ids]
    found = counting.Counted.of(titles, drawn.labels, core[: run.data.concepts])
    return found.per_class()[["labels", "counted"]]


run = study.train_or_load(study.config("sl", seed=0))
both_ways = two_frequencies(run.run)
reliability = spearman(both_ways["labels"], both_ways["counted"])
predictions = run.per_class["predictions"].to_numpy()
print(f"Spearman of counts and labels: {reliability:.2f}")
print(
    f"S(p) of SL, with the labels: {spearman(both_ways['labels'], predictions):.2f}"
)

# %% [markdown]
# ### Exercise: a bias by counted frequencies
#
# *Predict · difficulty 2 of 3 · 3 minutes · trains estimating before computing*
#
# What will S(p) of the same model be if the frequencies are those counted in titles? Commit to a number from 0 to 1, and have a reason for it. [Solution](solutions/06_long_tails)

# %% exercise="attenuation"
guess = ...

# %% tags=["remove-cell"]
check("attenuation", guess)

# %%
check.reveal("attenuation", spearman(both_ways["counted"], predictions))

# %%
rows = {}
for method in ("sl", "clip-template", "clip-title"):
    for seed in range(3):
        run = study.train_or_load(study.config(method, seed=seed))
        known = two_frequencies(run.run)
        predictions = run.per_class["predictions"].to_numpy()
        rows[style.LABELS[method], f"seed {seed}"] = {
            "S(p), by labels": spearman(known["labels"], predictions),
            "S(p), by counts": spearman(known["counted"], predictions),
            "counts and labels": spearman(known["labels"], known["counted"]),
        }
table = pd.DataFrame(rows).T
table

# %% [markdown]
# Every S(p) shrinks. This is **attenuation**: if the errors of a count have nothing to do with the model, a correlation with it is about the true one times the correlation of counts and labels (the last column). Test it: the ratio of the sums of the first two columns, beside the mean of the third.

# %%
kept = table["S(p), by counts"].sum() / table["S(p), by labels"].sum()
print(f"kept {kept:.2f}; counts and labels {table['counts and labels'].mean():.2f}")

# %% [markdown]
# The rule is about right here. So a small S can mean a fair model, or poor counts. Two models compared on the *same* counts keep their order, as they do in each seed of the table, unless one of them errs where the counting does. Data sets whose counts differ in quality should not be compared by S alone.
#
# ## Parts of the web, and drawings
#
# Nobody trains on all of LAION-400M 400 times. Does a part of the data have the shape of the whole? The paper's Fig. 16 draws random fractions of LAIONet. We add subsets made by a stricter threshold on the similarity of caption and class.

# %%
path = "laionet_thresh0.7_"
fractions = {f"{path}ori": "all of LAIONet"} | {
    f"{path}frac{1 / n}_ori": f"1/{n} of it" for n in (2, 8, 16, 32)
}
strict = {f"laionet_thresh{t}_ori": f"similarity > {t}" for t in (0.75, 0.85, 0.9)}
columns = ["total", "gini", "top10_share", "zeros", "below_10"]
frequencies.summary_table(web, fractions | strict, columns)

# %% [markdown]
# The shape is kept: the Gini coefficient and the top-ten share hardly move while the size falls by a factor of 90. The *counts* of the tail are not: at 1/32, four classes in ten have fewer than ten pictures. Imbalance is a matter of shares, learning one of counts. The column of zeros is constant for another reason: wherever a class would have vanished, the makers put one picture back.
#
# Who are the classes without a picture? LAIONet's labels come from a stricter search: among other things, a caption must name exactly *one* class.

# %%
laionet = web.counts("laionet_thresh0.7_ori")
place = laion.rank(pct=True)[laionet == 0]
above = (place > 0.25).sum()
print(f"{len(place)} classes without a picture, {above} above the lowest quarter")
print("most frequent of them:", ", ".join(place.nlargest(5).index))

# %% [markdown]
# Some are rare in LAION-400M, but most are not. A Border Collie is also a collie, and a guinea pig also a pig, so a caption that names one names two classes. The class at the end of LAIONet's tail may be a common thing with an unlucky name. Remember it when a model "fails on the tail".

# %% [markdown]
# ### Exercise: what a threshold does to the tail
#
# *Compute · difficulty 3 of 3 · 10 minutes · trains comparing with chance*
#
# The threshold 0.85 leaves 260,713 pictures. Does it hurt the tail more than chance does? Estimate how many classes would have fewer than ten pictures in a *random* subset of that size: interpolate `below_10` linearly in the logarithm of `total` between the fractions next in size (`web.summary.loc[list(fractions), ["total", "below_10"]]`; `numpy.interp` wants ascending sizes). Give one decimal, and compare with the row of the threshold. [Solution](solutions/06_long_tails)

# %% exercise="threshold"
below_ten_at_random = ...

# %% tags=["remove-cell"]
check("threshold", below_ten_at_random)

# %% [markdown]
# ### IconTail's own tail
#
# This course trains on IconTail: drawings from open icon sets, with the names that their authors gave them. Nobody balanced it. Is its tail like the web's?

# %% mystnb={"figure": {"caption": "Each concept's share of IconTail's drawings, beside each ImageNet class's share of the counts in LAION-400M and in IN-Caps.", "name": "fig-tails-icontail"}, "image": {"alt": "Three falling curves of shares against rank on logarithmic axes. IconTail and LAION-400M lie close to each other over the first hundred ranks; IconTail's reaches further, to about two thousand concepts. IN-Caps is almost horizontal and drops only at its last ranks."}}
natural = np.bincount(tail.concept)
print(
    f"{natural.sum():,} drawings of {len(natural):,} concepts, Gini {gini(natural):.2f}"
)
figure, ax = plt.subplots(figsize=(6.4, 3.6))
beside = {"laion400m_imagenet_ori": "LAION-400M", "incaps_imagenet_ori": "IN-Caps"}
frequencies.rank_curves(web, beside, ax, divide=True, more={"IconTail": natural})

# %% [markdown]
# As long a tail as LAION-400M's, from less than a thousandth of the data. Are the *same* things frequent? Count IconTail as the web was counted: by ImageNet's class names in the titles.

# %%
names = laion.index.str.replace(r" \(.*\)| or .*| / .*", "", regex=True)
rule = compile_rule("bag-of-lemmas", [Concept(name, (name,)) for name in names])
titles = rule.count(pa.array(tail.titles))
print(f"over all 1,000 classes: Spearman {spearman(laion, titles):.2f}")
drawn = titles > 0
print(
    f"over {drawn.sum()} that are drawn: {spearman(laion[drawn], titles[drawn]):.2f}"
)

# %% [markdown]
# Over all classes the agreement is fair, and most of it is carried by the classes that nobody drew: what the web seldom names, designers seldom draw. Among the classes that *were* drawn it is weak. Which classes enter a correlation is part of its result. So IconTail has a natural tail of the right length, but its own. Nothing in this course assumes more: the lessons give frequencies to concepts by design, and permute them.
#
# ## What this scale cannot show
#
# - **Captions are not pictures.** A count says how many captions name a class, not in how many pictures it can be seen. We have no pictures of LAION to check.
# - **The rule cannot be run again on the web here.** We recompute everything *from* the counts. The counts themselves need the captions of billions of pictures.
# - **A thousand chosen classes are not the web's vocabulary.** The tail of all words is far longer.
# - **A shop is not the web.** Its titles are regular, and one type a product is what its catalogue says.
#
# ## Summary
#
# - Six web-scale sets have the same shape of tail, about five orders of magnitude over a thousand classes. IN-Caps is not long-tailed.
# - They agree on *which* concepts are frequent: all 120 printed rank correlations are reproduced. Correlate ranks or logarithms; with raw counts one class of a thousand can decide.
# - A count is the output of a rule and of a list of names. Ambiguous words, missing entries and hyphens put common things into the tail.
# - Where labels are known, counting keeps the tail's shape and changes its order. It shrinks a correlation with frequency by about the correlation of counts and labels.
# - Random fractions keep the shares, and leave the tail with few pictures.
#
# Next: {doc}`07_data` asks what the shape of the tail does to a model.
#
# ## References
#
# The study is {cite:t}`wen2024`; the counts are in the folder `metadata/freqs` of its release, [CVMI-Lab/clip-beyond-tail](https://github.com/CVMI-Lab/clip-beyond-tail) (MIT licence), at commit `c8fc64c`.
