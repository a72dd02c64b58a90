# ---
# jupyter:
#   course: {question: "Is it the data?", figure: "Fig. 4", scale: tiny, minutes: 3, memory_gb: 1.3}
# ---

# %% [markdown]
# # The data: imbalance, shift, diversity
#
# **Claim (the paper's): a steeper tail raises CLIP's S(a) and costs accuracy; a distribution shift costs accuracy; and less diversity within classes raises S(a). On drawings, where one property can be varied at a time, each part gets a verdict of its own over five seeds. The first two parts hold, in the live runs and over the seeds; the third does not.**
#
# After this lesson you can
#
# - vary one property of a training set, and list what else has moved with it;
# - say why S(a) is undefined for equal frequencies, and what to look at instead;
# - find out how much of S is owed to the concepts rather than to their frequencies;
# - separate the cost of a shift from an easier test and from a better training set;
# - check whether runs that share a seed are really paired;
# - read the paper's Fig. 4 with all this in mind.
#
# Figures treated: Fig. 4 of {cite:t}`wen2024`. Running takes about three minutes on two CPU cores and 1.3 GB of memory; reading, thirty. Before this: {doc}`02_measuring_bias`, {doc}`03_clip_against_supervised`.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lt_course import evidence, study
from lt_course.data import icontail
from lt_course.data.drawing_style import is_solid
from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.lessons import data_factors as lesson
from lt_course.lessons.checks import check
from lt_course.plots import claims, drawings, style, widgets
from lt_course.statistics import spearman

style.use()
pd.options.display.float_format = "{:.2f}".format
pd.options.display.max_colwidth = None
SCALE = study.scale()

# %% [markdown]
# ## Three differences at once
#
# Train a CLIP on {term}`LAIONet`, and another on as many pairs of {term}`ImageNet-Captions`. Nothing differs but the data, and everything differs in the data. Which property makes the one model less accurate and more biased? {cite:t}`shirali2023`, who made LAIONet, asked the same of ImageNet's look. The paper answers with further training sets:
#
# - **=freq** takes LAIONet's pictures in IN-Caps' frequencies. Against LAIONet, the *level of imbalance* has changed; against IN-Caps, what is left is *distribution shift*, for the test is ImageNet's.
# - **threshold** keeps only pairs whose caption is closer than that to the definition of its class, all sets at one size. A higher threshold leaves fewer kinds of pictures: less *intra-class diversity*.

# %% tags=["nbval-check-output"]
lesson.paper_sets()

# %% [markdown]
# The numbers were read off the plots. *Similarity* is the most common cosine between two pictures of a class, in the eyes of a trained CLIP; *scratch* and *frozen* are the text {term}`tower`, learnt or taken from CLIP and kept. From the first row to =freq, S(a) halves with a text tower learnt from scratch. From =freq to IN-Caps accuracy rises. Down the thresholds S(a) rises, too, and accuracy moves little.
#
# But look at the first column. =freq is not LAIONet re-weighted: where LAIONet had too few pictures of a class, others were fetched by searching for captions like those of IN-Caps, and the set they made is the most diverse of all. The level of imbalance and the diversity have changed together. And a threshold on *captions* selects captions, not only pictures. With web data nothing comes alone. Drawings are less rich, but their knobs turn one at a time; or nearly, as we shall see.
#
# ## How steep is the tail
#
# The first knob is the class profile: which share the concept of each rank gets. N, the concepts, the drawings at hand and their authors stay.

# %% tags=["nbval-check-output"]
PROFILES = ["flat", "incaps", "laionet"]
# Of many concepts, the rarest have too few drawings for a large flat profile.
MANY = {"num_images": SCALE.num_images if SCALE.concepts <= 60 else 3_000}
steep = {p: study.config("clip-title", profile=p, **MANY) for p in PROFILES}
print(study.differences(steep.values()))
sets = {p: study.training_set(run) for p, run in steep.items()}

# %% mystnb={"image": {"alt": "Training pictures by rank on a logarithmic axis: a horizontal line for flat, a gentle slope for incaps, a steep one for laionet, from more than a thousand pictures to one."}, "figure": {"caption": "Three profiles of one size. incaps and laionet have the Gini coefficients of ImageNet-Captions and LAIONet.", "name": "fig-data-profiles"}}
lesson.plot_profiles({p: drawn.frequency for p, drawn in sets.items()})
plt.show()

# %% mystnb={"image": {"alt": "Nine rows of small black drawings, three for each profile: the concepts at ranks 1, 30 and 60. Under flat and incaps all rows are full; under laionet the row of rank 60 holds a single drawing."}, "figure": {"caption": "What a model is shown of the concept at ranks 1, 30 and 60: at most twelve of its drawings.", "name": "fig-data-ranks"}}
rows = {}
for profile, drawn in sets.items():
    for rank in (1, SCALE.concepts // 2, SCALE.concepts):
        concept = lesson.at_rank(drawn, rank)
        count = drawn.frequency[concept]
        shown = lesson.examples(drawn, concept)
        rows[f"{profile}, rank {rank}: {count}"] = shown
drawings.rows(rows)
plt.show()

# %% [markdown]
# Now train both methods on each. Four of these runs are also in {doc}`03_clip_against_supervised`; whoever has them reads them.

# %% tags=["nbval-ignore-output"]
levels = {
    f"{m} {p}": study.train_or_load(study.config(m, profile=p, **MANY))
    for m in ("sl", "clip-title")
    for p in PROFILES
}

# %%
lesson.live(levels)[["accuracy", "S(a)", "S(p)"]]

# %% [markdown]
# The steep profile costs both methods accuracy, and raises both correlations of both; the mild one costs next to nothing, though SL's number of predictions follows even that. (That CLIP is less accurate than SL on the flat profile, too, has other reasons than imbalance.)
#
# With equal frequencies S(a) and S(p) are *undefined*, not zero: a correlation with something that does not vary. So on the flat profile only accuracy can be shown, and a claim about S needs at least a mild tail.
#
# Is a small S then a small bias? Not quite: some of it is luck. Concepts differ in difficulty, and a permutation may happen to make the easy ones frequent. The flat run can tell: it has never seen an imbalance, so let us correlate *its* results with the frequencies *of another run*. Whatever S that gives, frequency has not caused it.

# %%
borrowed = {
    f"{m} flat, frequencies of {p}": lesson.borrowed(
        levels[f"{m} flat"].per_class, sets[p].frequency
    )
    for m in ("sl", "clip-title")
    for p in PROFILES[1:]
}
pd.DataFrame(borrowed).T

# %% [markdown]
# For the frequencies of laionet both stay near 0, so the steep profile's S(a) is no luck. For those of incaps both methods get a negative S(a), of about the size of what they measured: this seed has given the harder concepts the higher counts, and the mild tail's small S(a) understates its bias. Exercise 3 asks how large such a number must be to mean anything. The paper has no run of this kind. Its classes keep the frequencies that the web gave them, so that difficulty and frequency share one number, and a change of S(a) between two profiles can come from either.
#
# ## Another style than the test's
#
# The second knob is the style. `lt_course.data.drawing_style.is_solid` splits all drawings in two: those with filled areas and those of lines alone. We train on one half and test on both. To leave enough drawings of each style there are now 1,500 pictures, seen in as many steps as before.

# %% mystnb={"image": {"alt": "Four rows of drawings of a gift: line drawings in the first and third row, solid ones in the second and fourth."}, "figure": {"caption": "One concept as two runs see it, and as the test shows it to both.", "name": "fig-data-styles"}}
data = icontail.load()
GIFT = [concept.name for concept in data.concepts].index("gift")
ALL = study.config("clip-title", profile="natural", num_images=None)
rows = {
    f"trained on {s}": lesson.examples(
        study.training_set(study.override(ALL, style=s)), GIFT
    )
    for s in ("line", "solid")
}
tested = data.pictures[data.test & (data.concept == GIFT)]
solid = is_solid(tested)
rows |= {"test, line": tested[~solid], "test, solid": tested[solid]}
drawings.rows(rows)
plt.show()

# %% tags=["nbval-ignore-output"]
FEWER = study.config(
    "clip-title",
    num_images=SCALE.num_images // 3,
    duration=f"{3 * SCALE.epochs} epochs",
)
KNOBS = {
    "all": {},
    "line": {"style": "line"},
    "solid": {"style": "solid"},
    "2 authors": {"authors": 2},
}
few = {
    name: study.train_or_load(study.override(FEWER, **knob))
    for name, knob in KNOBS.items()
}

# %%
styles = lesson.live(few).drop("2 authors")
styles

# %% [markdown]
# Read it as a two by two table. A row alone does not show a shift: on which half a model is better may be a matter of which half is easier, and the row `all`, which has seen both, says which one is. A column alone does not show it either: one of the two training sets may simply teach more. Where both are added up, easiness and teaching cancel:
#
# $$\text{cost} = \tfrac12 \left[ (a_{\text{line}\to\text{line}} - a_{\text{solid}\to\text{line}}) + (a_{\text{solid}\to\text{solid}} - a_{\text{line}\to\text{solid}}) \right].$$

# %%
one_seed = pd.DataFrame(
    {(name, 0): record.metrics for name, record in few.items()}
).T.rename_axis(["label", "seed"])
lesson.shift_costs(one_seed, "line", "solid")

# %% [markdown]
# Each style is recognised better by the model that was trained on it than by the one that was trained on the other: the shift costs accuracy, in this seed, about as much as the paper's.
#
# And bias? The paper finds S(a) *lower* under the shift, if the text tower is frozen. Our S(a) is computed over the whole test, half of which is always in style. Split it:

# %%
split = {name: lesson.halves(few[name]) for name in ("all", "line", "solid")}
pd.concat(split, names=["trained on", "tested on"])

# %%
s = pd.concat(split)["S(a)"]
inside = (s["line", "line"] + s["solid", "solid"]) / 2
outside = (s["line", "solid"] + s["solid", "line"]) / 2
print(f"S(a) in style {inside:.2f}, out of style {outside:.2f}")

# %% [markdown]
# The same two by two table, and the same direction as the paper's: out of style, S(a) is lower, here even with a text tower from scratch. Each run stands on both sides of this comparison, so that its deal of frequencies cancels. But be careful with any S(a) of a half: it has about ten drawings a concept, and fewer drawings, or fewer right answers, make a lower S(a) even if nothing else changes ({doc}`02_measuring_bias`). Exercise 2 measures the part of the drawings.
#
# ### The shift that every run has
#
# In all lessons the test's drawings come from authors without a single training picture. That is a {term}`distribution shift` too, and we can see it: `tiny` trains on a fifth of the drawings at hand, so the same authors have left others.

# %%
acquaintance = {
    name: lesson.by_acquaintance(levels[f"{name} laionet"])
    for name in ("sl", "clip-title")
}
pd.DataFrame(acquaintance).T

# %% [markdown]
# The step from the second column to the third is the shift that all our numbers contain. It is real, and smaller than the step before it: most is lost on the way from a drawing that was trained on to any other, even by the same hands. If anything the shift is overstated, since authors also redraw their own drawings with small changes. All runs that we compare pay it, which keeps comparisons fair.
#
# ## Fewer authors, equal counts
#
# The third knob is diversity within a concept: all authors, or only the two with the most drawings of it. Frequencies stay the same; what a picture is like does not.

# %% mystnb={"image": {"alt": "Three rows of drawings of a gift by two authors, four authors and all authors; the first row is drawn in few manners, the last one in many."}, "figure": {"caption": "As many drawings of a concept, by two, by four and by all of its authors.", "name": "fig-data-authors"}}
by_authors = {
    "2 authors": {"authors": 2},
    "4 authors": {"authors": 4},
    "all authors": {},
}
rows = {
    name: lesson.examples(study.training_set(study.override(ALL, **knob)), GIFT)
    for name, knob in by_authors.items()
}
drawings.rows(rows)
plt.show()

# %% [markdown]
# Did the knob turn anything else? Describe the training sets of this section and the last one.

# %% tags=["nbval-check-output"]
lesson.described(
    {
        name: study.training_set(study.override(FEWER, **knob))
        for name, knob in (KNOBS | {"4 authors": {"authors": 4}}).items()
    }
)

# %% [markdown]
# *Similarity* is our stand-in for Fig. 4a: the mean cosine of the pixels of two drawings of a concept. Two authors raise it, as a higher threshold does in the paper. They do more: authors with many drawings draw for many concepts, so the whole set shrinks to a handful of families, and it holds more solid drawings, which is a small shift of style. The titles do not become fewer, as captions may under the paper's threshold.

# %%
lesson.live(few).loc[["2 authors", "all"], ["accuracy", "S(a)", "S(p)", "limit"]]

# %% [markdown]
# This is not what the paper's thresholds do. There accuracy hardly falls, or even rises, while S(a) rises; here two authors cost much accuracy, and S(a) does not rise. One reason may be that a threshold throws out what is *not* typical of a class, in training alone, and the test is of typical pictures. Two authors are no more typical than all of them; they only are fewer. But this is one seed with sixty concepts; the evidence below has five.
#
# ## Are runs of one seed paired?
#
# The last column, `limit`, is the correlation between a concept's frequency and the number of its drawings at hand. Ideally frequencies are dealt out at random, and the limit is 0. But no drawing is used twice, so a large count can only go to a concept with that many drawings. Fewer authors or one style leave fewer drawings, and the tie could tighten.
#
# It threatens the pairing, too. In {doc}`03_clip_against_supervised` runs of one seed shared their frequencies, which made paired differences sharp. The dealing goes down the ranks, and at each draws among the concepts that have enough drawings. Were it repeated for line drawings alone, that list would soon differ by one, and every later draw would fall elsewhere: the same seed, other luck. So we deal once, to all drawings; in a set of one style or of few authors each concept then keeps its frequency, and only those that cannot fill it change places (`lt_course.data.class_profiles.reassign`). Another *profile* is dealt anew. How alike are the frequencies of one seed? This is about the training sets of the recorded runs, at scale `cpu`:

# %% tags=["nbval-check-output"]
SEEDS = range(5)
FACTORS = {
    "imbalance": ["clip-title incaps", "clip-title laionet"],
    "shift": ["clip-title line", "clip-title solid"],
    "diversity": ["clip-title 2", "clip-title 4", "clip-title all"],
}
dealt = {f: lesson.declared(f, labels, SEEDS) for f, labels in FACTORS.items()}
pd.concat(
    [
        lesson.agreement({k: [d.frequency for d in v] for k, v in found.items()})
        for found in dealt.values()
    ]
)

# %% tags=["nbval-check-output"]
limits = {
    k: [d.availability_correlation for d in v]
    for f in dealt.values()
    for k, v in f.items()
}
pd.DataFrame(limits, index=list(SEEDS)).T.rename_axis(columns="limit, seed")

# %% [markdown]
# Between styles and between numbers of authors nearly 1: those runs are paired. Between the two profiles near 0: two runs of one seed are hardly more alike than two of different seeds. Their difference is unbiased all the same, but pairing should buy little; the evidence below sets paired and unpaired intervals side by side. (Two *methods* on the same training set are paired as ever.) The limits are small. Exercise 1 pairs the profiles, too, in a few lines.
#
# ## How far can authors be cut?
#
# Move the slider: fewer authors, fewer drawings at hand, and points closer to the dashed line, on which a concept has given all it had.


# %% tags=["nbval-ignore-output"]
def draw(authors):
    run = study.override(FEWER, authors=authors)
    drawn, everything = study.training_set(run), lesson.everything(run)
    words = f"authors: {readout(authors)}"
    return lesson.plot_authors(drawn, everything, GIFT, words)


def alt(authors):
    limit = study.training_set(
        study.override(FEWER, authors=authors)
    ).availability_correlation
    return f"Drawings of a gift with authors={authors}; limit {limit:.2f}"


def readout(authors):
    return "all" if authors is None else str(authors)


widgets.slider_figure(draw, [1, 2, 4, 8, 16, None], "authors", 2, alt, readout)

# %% mystnb={"image": {"alt": "Left, drawings of a gift by two authors. Right, training pictures against drawings at hand for sixty concepts, all below the diagonal; the few frequent ones lie close to it."}, "figure": {"caption": "The slider's picture for two authors.", "name": "fig-data-slider"}}
draw(2)
plt.show()

# %% [markdown]
# ## The recorded evidence
#
# At scale `cpu`: 194 concepts, seeds 0 to 4, a frozen text tower beside the learnt one where the paper has both. Each panel shows the mean over seeds with its t interval. (At the flat profile 3,000 pictures do not go evenly into 194 concepts, so that some have 16 and some 15: the S near 0 is that of one picture more.)

# %% mystnb={"image": {"alt": "Three panels, accuracy, S(a) and S(p), at the profiles flat, incaps and laionet, for SL and CLIP with titles; S(a) and S(p) are near 0 at flat and rise with the tail."}, "figure": {"caption": "Level of imbalance, 3,000 pictures.", "name": "fig-data-levels"}}
imbalance = evidence.load_results("imbalance")
lesson.plot_levels(imbalance, PROFILES)
plt.show()

# %% mystnb={"image": {"alt": "Four panels, accuracy on line and on solid test drawings, S(a) and S(p), for models trained on line or on solid drawings: SL, CLIP with titles and CLIP with a frozen text head."}, "figure": {"caption": "Trained on line or on solid drawings, 1,500 pictures.", "name": "fig-data-shift"}}
shift = evidence.load_results("shift")
BOTH = {"accuracy_line": "test on line", "accuracy_solid": "test on solid"}
BIAS = {"spearman_accuracy": "S(a)", "spearman_predictions": "S(p)"}
lesson.plot_levels(shift, ["line", "solid"], BOTH | BIAS)
plt.show()

# %%
costs = {}
for method, look in lesson.METHODS.items():
    cost = lesson.shift_costs(shift, f"{method} line", f"{method} solid")
    if len(cost) > 1:
        costs[look["label"]] = {k: str(mean_over_seeds(cost[k])) for k in cost}
pd.DataFrame(costs).T

# %% mystnb={"image": {"alt": "Three panels, accuracy, S(a) and S(p), with two, four and all authors a concept: SL, CLIP with titles and CLIP with a frozen text head."}, "figure": {"caption": "Authors a concept at equal counts, 1,500 pictures.", "name": "fig-data-diversity"}}
diversity = evidence.load_results("diversity")
lesson.plot_levels(diversity, ["2", "4", "all"])
plt.show()

# %% [markdown]
# In numbers, with the limits beside them:

# %%
pd.concat([lesson.summary(part) for part in (imbalance, shift, diversity)])

# %% [markdown]
# Did pairing by seed help? The same differences, paired (Student's t) and unpaired (Welch's t):

# %%
compared = [
    (imbalance, ("clip-title laionet", "clip-title incaps", "spearman_accuracy")),
    (shift, ("clip-title solid", "clip-title line", "accuracy_solid")),
    (diversity, ("clip-title 2", "clip-title all", "spearman_accuracy")),
    (imbalance, ("sl laionet", "clip-title laionet", "spearman_accuracy")),
]
pd.concat([lesson.two_ways(part, [pair]) for part, pair in compared])

# %% [markdown]
# The first row is the one without shared frequencies; the last is two methods on one and the same training set. Pairing hardly narrows any of them: from seed to seed, other things vary more than which concepts are rare. Sharing frequencies costs nothing and removes one rival explanation; it is no substitute for seeds.
#
# And how much S(a) the concepts themselves would bring, from the flat runs:

# %%
owed = {}
for label in ("sl", "clip-title"):
    for profile in PROFILES[1:]:
        frequencies = [
            d.frequency for d in dealt["imbalance"][f"clip-title {profile}"]
        ]
        found = [
            lesson.borrowed(
                evidence.load_per_class("imbalance", f"{label} flat", seed),
                frequencies[seed],
            )["S(a)"]
            for seed in SEEDS
            if (f"{label} flat", seed) in imbalance.index
        ]
        if len(found) > 1:
            owed[f"{label} flat, {profile}"] = str(mean_over_seeds(found))
pd.Series(owed, name="borrowed S(a)", dtype=str).to_frame()

# %% [markdown]
# ## The paper's numbers beside ours
#
# The claims of this lesson, with the paper's effects and the rule's verdicts: *supported* if the whole interval lies above 0 and the estimate is at least the smallest effect that would matter.

# %%
verdicts = evidence.verdicts(lesson="data")
claims.table(verdicts)

# %% mystnb={"image": {"alt": "One row a claim: our effect with its interval, the paper's as a hollow diamond, the smallest that would matter as a grey stroke; a panel for S(a) and one for accuracy."}, "figure": {"caption": "Effects of this lesson's claims beside the paper's.", "name": "fig-data-claims"}}
claims.effects(verdicts)
plt.show()

# %% [markdown]
# Three things to keep in mind when the two columns are compared.
#
# - The paper's runs are single: no seeds, no intervals. Several of its differences along the thresholds are a few hundredths of S(a), less than luck moves a single seed of ours (exercise 3).
# - Its =freq has 7 % fewer pairs than the set it is compared with, orders the classes almost, but not quite, as IN-Caps does, and is more diverse. Our profiles differ in nothing but frequency.
# - Its thresholds raise accuracy with a text tower from scratch (.150 to .178): stricter captions are also cleaner labels. Our authors label no better for being few.
#
# ## What this scale cannot show
#
# - **Photographs.** Line against solid is a mild shift beside that from web pictures to ImageNet's.
# - **A free deal of frequencies.** The limits above bound how well imbalance can be separated from supply.
# - **S(a) by half of the test.** The records hold accuracy for each half, but S(a) only for the whole; the live runs show both, with one seed.
# - **Diversity alone.** A smaller choice of authors is also a choice of style, and a longer way to the test's authors.
#
# ## Exercises
#
# ````{exercise-start} Deal once
# :label: ex-data-deal
# ````
#
# Two profiles of one seed get unrelated frequencies. Give each concept *one* random key a seed, the same in all training sets. Serve the ranks from the largest count down, each to the concept with the highest key among those left that have enough drawings. Write `deal(counts, supply, seed)`, which returns int [C]. How well do the frequencies of incaps and laionet now agree?
#
# ```{hint}
# :class: dropdown
# `np.flatnonzero(left & (supply >= count))` are the candidates of a count; take the one with the highest key.
# ```
#
# ````{exercise-end}
# ````

# %%
deal = ...


# %% tags=["hide-input"]
def agrees(deal):
    supply = lesson.everything(steep["laionet"]).frequency
    counts = [np.sort(sets[p].frequency)[::-1] for p in PROFILES[1:]]
    dealt = [deal(each, supply, 0) for each in counts]
    same = [
        (np.sort(a)[::-1] == b).all() for a, b in zip(dealt, counts, strict=True)
    ]
    return all(same) and spearman(*dealt) > 0.9


_ = check("agreement", deal, agrees, hint="Draw the keys before the loop.")

# %% [markdown]
# ````{solution-start} ex-data-deal
# :class: dropdown
# ````


# %%
def deal(counts, supply, seed):
    key = np.random.default_rng(seed).random(len(supply))
    frequency, left = np.zeros_like(supply), np.full(len(supply), True)
    for count in counts:
        able = np.flatnonzero(left & (supply >= count))
        chosen = able[key[able].argmax()]
        frequency[chosen], left[chosen] = count, False
    return frequency


supply = lesson.everything(steep["laionet"]).frequency
for seed in range(3):
    incaps, laionet = (
        deal(np.sort(sets[p].frequency)[::-1], supply, seed)
        for p in ("incaps", "laionet")
    )
    print(f"seed {seed}: {spearman(incaps, laionet):.2f}")

# %% [markdown]
# Nearly 1: only the few concepts that cannot fill their rank change place. This is an old trick, *common random numbers*: compare two systems on the same luck. Nothing in the drawings stands in the way of paired profiles, only the way the dice are thrown.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} Half of the test
# :label: ex-data-half
# ````
#
# S(a) on the solid half of the test rests on fewer drawings a concept. How much lower is it for that alone? Take the run `few["all"]`, draw *random* parts of the test, as many drawings as the solid half has, and put the mean of S(a) over 200 of them into `random_part`.
#
# ```{hint}
# :class: dropdown
# `few["all"].arrays` has `labels` and `predictions`. A concept that is not drawn has no accuracy; `pd.Series(right).groupby(labels).mean()` leaves it out.
# ```
#
# ````{exercise-end}
# ````

# %%
random_part = ...


# %% tags=["hide-input"]
def mean_of_parts(repeats=200):
    labels = few["all"].arrays["labels"]
    right = pd.Series(labels == few["all"].arrays["predictions"])
    frequency, found = few["all"].per_class["frequency"], []
    for seed in range(repeats):
        size = split["all"]["drawings"]["solid"]
        part = right.sample(size, random_state=seed)
        accuracy = part.groupby(labels[part.index]).mean()
        found.append(spearman(frequency[accuracy.index], accuracy))
    return np.mean(found)


_ = check("mean S(a)", random_part, mean_of_parts(), 0.02, "Is it S(a)?")

# %% [markdown]
# ````{solution-start} ex-data-half
# :class: dropdown
# ````

# %%
random_part = mean_of_parts()
whole = few["all"].metrics["spearman_accuracy"]
print(f"whole test {whole:.2f}, random parts {random_part:.2f}, ", end="")
print(f"solid half {split['all']['S(a)']['solid']:.2f}")

# %% [markdown]
# (The function under the check is one solution; unfold it.) Compare a half with random parts of its size, not with the whole. Fewer drawings explain some of the way down to the solid half, not all of it. The solid drawings are also the harder ones for this model, and spread less evenly over the concepts.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} How large is large?
# :label: ex-data-chance
# ````
#
# The flat runs gave S values other than 0 with borrowed frequencies. How far from 0 does chance take them? Shuffle the frequencies of `sets["laionet"]` a thousand times against the accuracies of `levels["sl flat"]` and put the standard deviation of S(a) into `spread`.
#
# ```{hint}
# :class: dropdown
# `lesson.borrowed` takes any vector of frequencies; `np.random.default_rng(0).permutation` shuffles.
# ```
#
# ````{exercise-end}
# ````

# %%
spread = ...

# %% tags=["hide-input"]
_ = check(
    "spread",
    spread,
    lambda answer: abs(answer - 1 / np.sqrt(SCALE.concepts - 1)) < 0.015,
    hint="The standard deviation of a thousand S(a).",
)

# %% [markdown]
# ````{solution-start} ex-data-chance
# :class: dropdown
# ````

# %%
generator = np.random.default_rng(0)
flat = levels["sl flat"].per_class
shuffled = [
    lesson.borrowed(flat, generator.permutation(sets["laionet"].frequency))["S(a)"]
    for _ in range(1000)
]
spread = np.std(shuffled)
print(f"{spread:.3f}; 1 / sqrt(C - 1) = {1 / np.sqrt(SCALE.concepts - 1):.3f}")

# %% [markdown]
# The spread of a rank correlation without any relation is $1/\sqrt{C-1}$, whatever the values. With 60 concepts a borrowed S within ±0.26 (two of them) is compatible with luck; with the paper's 1,000 classes, one within ±0.06. That is also how far luck alone moves the S(a) of a single seed, and a reason to permute frequencies over several.
#
# ````{solution-end}
# ````
#
# ## Summary
#
# - Web data differ in everything at once; interventions such as =freq still move two properties together.
# - A level of imbalance is compared at equal N on the same drawings; S is undefined on a flat profile, and a flat run with borrowed frequencies shows how much of S is owed to the concepts.
# - In the live runs the steep tail raises S(a) and S(p) of both methods and costs accuracy; the mild one costs hardly any.
# - The cost of a shift is a difference of differences; it is clear in the live runs, and every run pays for new authors besides.
# - Fewer authors at equal counts make drawings more alike, and move style and supply as well. In the live runs they cost accuracy, and S(a) does not rise as it does along the paper's thresholds.
# - Check pairing before you rely on it: the same seed need not be the same luck.
# - Over five seeds: a steep tail raises S(a) and costs accuracy, a shift costs accuracy, and fewer authors do *not* raise S(a); with a frozen text head they lower it.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`shirali2023`; {cite:t}`fang2022`. In full on the page {doc}`../book/references`.
