# ---
# jupyter:
#   course: {question: "What is learned from concepts that no one tests?", figure: "Fig. 6", scale: tiny, minutes: 3, memory_gb: 1.3}
# ---

# %% [markdown]
# # Open-world concepts
#
# **Claim of the paper: pictures of concepts that no one tests loosen the tie between CLIP's accuracy and frequency on those that are tested; supervised learning cannot use them. Over five seeds the first half holds at equal steps, also beside a control that shows the tested concepts as seldom without the others; at equal epochs nothing is left of it.**
#
# After this lesson you can
#
# - say what it takes for a method to use a picture of an unknown concept, and why a classifier cannot;
# - tell equal steps from equal epochs, and say which question each answers;
# - build a control that removes the added pictures and leaves all else in place;
# - test one mechanism (shared words) with pictures that are already trained on;
# - read Fig. 6 of the paper, and say which of its bars are measurements.
#
# Figures treated: Fig. 6 of {cite:t}`wen2024`. Running takes about three minutes on two CPU cores and 1.3 GB of memory; reading, thirty. Before this: {doc}`03_clip_against_supervised`.

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

from lt_course import evidence, study
from lt_course.data import icontail
from lt_course.errors import CourseError
from lt_course.evaluation.intervals import (
    bootstrap_spearman,
    bootstrap_spearman_difference,
    mean_over_seeds,
)
from lt_course.lessons import open_world
from lt_course.lessons.checks import check
from lt_course.plots import claims, intervals, style, widgets

style.use()
pd.options.display.float_format = "{:.2f}".format

# %% [markdown]
# ## Pictures of other things
#
# CLIP is tested on a closed list of concepts and trained on an {term}`open world`: in web data, pictures of the tested concepts are a small part. Are the others ballast? Here, the first 60 concepts are tested (the *core*), and 2,250 pictures of them are drawn to the steep profile. More than 2,000 further concepts have training pictures and no test (*others*).

# %% mystnb={"image": {"alt": "Two rows of eight small drawings with their authors' titles: the upper row of core concepts, the lower row of other concepts."}, "figure": {"caption": "Training pictures with their titles. Above: core concepts. Below: others.", "name": "fig-open-world-samples"}}
data = icontail.load()
SCALE = study.scale()
N, STEPS = (
    SCALE.num_images // 2,
    SCALE.epochs * (SCALE.num_images // SCALE.batch_size),
)
FEW = 200 if N < 3_000 else 300  # concepts that have N pictures together
CORE = {"num_images": N, "duration": f"{STEPS} steps"}
core = study.config("clip-title", **CORE)
many = study.config("clip-title", **CORE, distractors=N)
open_world.plot_samples(
    data,
    {
        "core": study.training_set(core).image_ids[::300],
        "others": open_world.other_pictures(many)[::300],
    },
)
plt.show()

# %% [markdown]
# To CLIP, a picture of another concept is a pair like any other: a drawing and its title. To a classifier over 60 {term}`prototypes <prototype>` it is a picture without a label. It has no prototype to be pulled to, and cross-entropy has no word for "none of these".

# %% tags=["nbval-check-output"]
try:
    study.config("sl", **CORE, distractors=N)
except CourseError as error:
    print(error)

# %% [markdown]
# One could add classes for others, a *background* class, or train the tower on them without labels. Each of these would be another method. The paper's point is that CLIP needs none: its classes are made by the batch.
#
# ## What others could do
#
# Write CLIP's loss for a core picture with feature $f_b$ in a batch of $K$ core pairs and $M$ others:
#
# $$-\log \frac{\exp(s f_b^\top t_b)}{\sum_{j \in \text{core}} \exp(s f_b^\top t_j) + \sum_{m \in \text{others}} \exp(s f_b^\top t_m)}.$$
#
# Three things change when $M > 0$.
#
# 1. **Negatives.** The second sum holds captions that no test will ever offer. In a batch of fixed size they take the place of core captions, so that fewer of the negatives are of head concepts: $K$ falls, and with it every $n_c$ of lesson 03.
# 2. **Words.** The text {term}`tower` reads more titles. If they contain the words by which core concepts are asked for, their meaning is learned from more than the few core titles.
# 3. **Pictures.** The image tower sees more strokes, shapes and compositions, also in the company of features that a tail concept has too few pictures to teach.
#
# None of these is a prior on core concepts, which only core pictures carry. But neither does any of them say that the bias must fall.
#
# And one thing changes that has nothing to do with openness: **the budget.** With as many steps as before, half of each batch is spent on others, and core pictures are seen half as often. With as many epochs as before, each core picture is seen as often, in twice the steps. Which is the fair comparison? Neither; they answer two questions. *Equal steps*: I can afford so much training; shall I spend it on others? *Equal epochs*: somebody gives me more pairs and the time to use them; will it help?

# %% tags=["nbval-check-output"]
RUNS = {
    "core": core,
    f"+ N of {FEW}": study.override(many, distractor_concepts=FEW),
    "+ N of all": many,
    "+ 4 N of all": study.config("clip-title", **CORE, distractors=4 * N),
    "+ N, equal epochs": study.override(many, duration=f"{2 * STEPS} steps"),
    "without, half batch": study.override(
        core, batch_size=SCALE.batch_size // 2, duration=f"{2 * STEPS} steps"
    ),
    "without, half views": study.override(core, batch_size=SCALE.batch_size // 2),
}
pd.DataFrame({name: open_world.make_up(run) for name, run in RUNS.items()}).T

# %% [markdown]
# The last two rows are controls, of the equal epochs and of the N others at equal steps. Each sees as many core pictures a batch as its counterpart, in as many steps, each picture as often; only the others are taken out of every batch. What differs is the others and nothing else.
#
# ## Eight runs
#
# All runs have seed 0 and so the same core pictures with the same frequencies. A supervised run on these pictures stands beside them.

# %% tags=["nbval-ignore-output"]
records = {name: study.train_or_load(run) for name, run in RUNS.items()}
records["SL, core"] = study.train_or_load(study.config("sl", **CORE))

# %%
open_world.beside(records, "core")

# %% [markdown]
# The last two columns say by how much a correlation is lower than that of the core alone, with an interval over concepts. With this seed and at the same budget, 2,250 others come with lower correlations, S(p) more so, and accuracy does not suffer: it is no worse with half of the views of each core picture. With 9,000 others the budget bites: each core picture is seen two or three times in all, and accuracy falls below that of the core alone. At equal epochs, accuracy is highest and both correlations are lowest.
#
# Read this with two warnings. Not one of the runs with others is clear of the core alone: an interval over 60 concepts is wide, and each of theirs spans zero. And it knows nothing of the chance in training: other seeds make other concepts rare and begin elsewhere. The evidence for the claim comes below, from five seeds.
#
# Now the control. Does it help to have others in the batch, all else equal?


# %%
def lower_by(before, after):
    """Drop in S(a) and S(p) from one run to another, with intervals."""
    first, second = records[before].per_class, records[after].per_class
    return {
        letter: str(
            bootstrap_spearman_difference(
                first["frequency"], first[field], second[field]
            )
        )
        for letter, field in open_world.QUESTIONS.items()
    }


pd.DataFrame(
    {
        "steps: others put in": lower_by("without, half views", "+ N of all"),
        "steps: half views": lower_by("core", "without, half views"),
        "epochs: others put in": lower_by(
            "without, half batch", "+ N, equal epochs"
        ),
        "epochs: half batch": lower_by("core", "without, half batch"),
    }
).T

# %% [markdown]
# The two rows of a pair add up to the comparison without a control. What appears in the second row has nothing to do with others: it comes from fewer views, or from smaller batches and more steps. By the estimates, that is the whole drop at equal steps, and at equal epochs a good part of the drop in S(p) and hardly any of the drop in S(a); by the intervals, all of it could be chance. Comparisons without these controls would have credited every drop to the open world. (The evidence below, with three times the concepts and five seeds, says otherwise of the equal steps.)
#
# Where could the rest come from? One look at the geometry of features, on test pictures: NC1 is the variation within classes over that between them, in the image tower; NC2 how far the class vectors are from being spread evenly, on the side of images and of texts.

# %%
GEOMETRY = ["nc1", "nc2_means", "nc2_prototypes", "accuracy"]
PAIR = ["without, half batch", "+ N, equal epochs"]
pd.DataFrame({name: records[name].metrics for name in PAIR}).T[GEOMETRY]

# %% [markdown]
# With others, test pictures of one concept lie closer together for their distance from other concepts: the image tower has become better at concepts that none of the added pictures shows. That speaks for the third mechanism, and one seed does not settle it.
#
# ## More and more others
#
# Move the slider: the same core pictures, the same number of steps, and ever more others.

# %% tags=["nbval-ignore-output"]
GROWING = {0: "core", N: "+ N of all", 4 * N: "+ 4 N of all"}
tables = {k: records[name].per_class for k, name in GROWING.items()}
most = max(table["predictions"].max() for table in tables.values())


def draw(others):
    return open_world.plot_run(
        tables[others], f"{N} of the core + {others} others", most
    )


def alt(others):
    found = records[GROWING[others]].metrics
    return f"With {others} others S(p) is {found['spearman_predictions']:.2f}"


widgets.slider_figure(draw, list(GROWING), "pictures of others", 0, alt)

# %% mystnb={"image": {"alt": "Accuracy and number of predictions of 60 concepts against their training pictures, for CLIP on the core alone."}, "figure": {"caption": "The slider's first picture: the core alone.", "name": "fig-open-world-slider"}}
draw(0)
plt.show()

# %% [markdown]
# ## Is it the words?
#
# The second mechanism can be tested without a further run. Count, for each concept, the titles of others that share a token with the name it is asked for by. If words were the way, concepts with many such titles should gain most.

# %% mystnb={"image": {"alt": "Gain in accuracy of 60 concepts against the number of titles of others that share a token with their name. Most concepts lie at zero titles, with gains in both directions."}, "figure": {"caption": "Others put in, at equal core pictures a batch, views and steps: gain in accuracy, by shared titles.", "name": "fig-open-world-words"}}
shared = open_world.titles_with_tokens_of_names(
    data, SCALE.concepts, open_world.other_pictures(many)
)
gained = open_world.changes(
    records["without, half batch"].per_class,
    records["+ N, equal epochs"].per_class,
    "accuracy",
)
open_world.plot_changes(shared, gained, "accuracy gained")
plt.show()

# %%
print(f"concepts without any shared token: {(shared == 0).mean():.0%}")
print(f"Spearman of titles and gain: {bootstrap_spearman(shared, gained)}")

# %% [markdown]
# For most concepts there is nothing to count: the others of IconTail are called by other words than the core. Whatever others do for these concepts, they do it without teaching their names. On the web it is otherwise, where a caption about something else often mentions a dog; there, words could be the way, and our data cannot say.
#
# ## The recorded evidence
#
# At scale `cpu`, the core has 194 concepts and 3,000 pictures; 368 steps are sixteen epochs of them. Five seeds, each with its own frequencies, its own core pictures and its own others. A row without markers has not been recorded.

# %% mystnb={"image": {"alt": "Seven rows, one a kind of run, and three panels: accuracy, S(a) and S(p). Ticks are seeds, the marker is their mean with its interval."}, "figure": {"caption": "Recorded runs at scale cpu: seeds, their mean, and its 95 % t interval.", "name": "fig-open-world-recorded"}}
factor = evidence.experiment("open_world")
recorded = evidence.load_results("open_world")
open_world.plot_ladder(recorded, list(factor.settings))
plt.show()

# %% [markdown]
# Each comparison below is paired by seed. Above zero means that the first run's value is the higher. Both kinds of equality show what others do *together with* the views or the steps that they cost or bring; the rows *others put in* have the controls, with as many core pictures a batch, each shown as often, and so the others alone.

# %%
OTHERS, NARROW = "core 3000 + 3000 of all", "core 3000 + 3000 of 300"
LONGER = "core 3000 + 3000 of all, epochs"
PAIRS = {
    "3000 others, equal steps": ("core 3000", OTHERS),
    "others put in, equal views": ("core 3000, half views", OTHERS),
    "the same, of 300 concepts": ("core 3000, half views", NARROW),
    "3000 others, equal epochs": ("core 3000", LONGER),
    "others put in, equal epochs": ("core 3000, half batch", LONGER),
    "12000 instead of 3000": (OTHERS, "core 3000 + 12000 of all"),
    "all concepts instead of 300": (NARROW, OTHERS),
    "3000 of the core instead of others": (OTHERS, "core 6000"),
    "SL, then CLIP": ("sl 3000", "core 3000"),
}

# %%
lower = intervals.differences(recorded, PAIRS, open_world.METRICS)
lower.add_suffix(" is lower by")

# %% [markdown]
# The claims, and what the rule makes of them (a note says where a claim was declared after its runs): *supported* if the whole interval lies above zero and the estimate is at least the smallest effect that would matter, *reversed* if the whole interval lies below zero, *absent* if it lies below that smallest effect, *undecided* otherwise.

# %%
verdicts = evidence.verdicts(lesson="open_world")
with pd.option_context("display.max_colwidth", None):
    display(claims.table(verdicts))

# %% mystnb={"image": {"alt": "Our effects of other concepts on S(a) and S(p), with intervals where recorded, beside the paper's effect on S(a) and the smallest effect that would matter."}, "figure": {"caption": "Effects with their intervals beside the paper's.", "name": "fig-open-world-claims"}}
claims.effects(verdicts)
plt.show()

# %% [markdown]
# **At equal steps the finding replicates.** With others in half of each batch both correlations fall. Half of the views would not do that: against the control that shows the core as seldom they fall all the same, and accuracy is a little *higher*, by pictures of things that no one asks about. It takes many concepts: others of 300 concepts, as many pictures, leave S(p) where it was. Four times as many others lower both correlations further by the estimates, and cost accuracy, as the core is then hardly seen.
#
# **At equal epochs it does not.** With twice the steps no drop can be told from nothing, with the control or without it; in S(a) the interval ends well below the paper's effect. What has changed is how often each core picture was seen, sixteen times instead of eight. In {doc}`03_clip_against_supervised` and {doc}`04_dynamic_classification` memorising brings the class prior back; what a tower knows by heart it need not see with features that others taught. That is an explanation after the fact. The web never lets a model come to that point: its others are many times the core, and few pairs are seen often.
#
# (The four claims at equal steps are younger than the others; two of them were declared when their runs were known. {doc}`../book/results` judges all of them by further seeds.)
#
# Do words matter at this scale? One correlation a seed, as in the figure above, between the titles that share a token with a concept's name and what the concept gained by others at as many views.

# %%
found = open_world.token_correlations(
    "open_world",
    "core 3000, half views",
    "core 3000 + 3000 of all",
    "accuracy",
)
print("by seed:", {seed: round(value, 2) for seed, value in found.items()})
if len(found) > 1:
    print("mean:", mean_over_seeds(list(found.values())))

# %% [markdown]
# ## The paper's numbers
#
# Fig. 6 opens the training set in two ways. On the left, models are tested on ImageNet-100, and trained on ImageNet-Captions of these 100 classes; of all 1,000 classes, at the same number of pictures (10 %); and of all classes with all pictures. On the right, from captions that name an ImageNet class (YFCC-15M-Cls) to all captions (YFCC-15M).

# %% mystnb={"image": {"alt": "Correlations of the paper's Fig. 6 as lines from closed to open training sets. CLIP's fall in both panels. On the left SL's S(a) rises and then falls, and its S(p) falls; on the right SL has a single point each."}, "figure": {"caption": "The paper's Fig. 6, values read off its plots. Solid: S(a), dashed: S(p).", "name": "fig-open-world-paper"}}
open_world.plot_figure_6()
plt.show()

# %% [markdown]
# CLIP's S(a) falls with each opening. Three things should be known before it is compared with ours.
#
# - **The core shrinks.** From IN-Caps-100 to IN-Caps (10 %) the number of pictures is held, so that the pictures of the 100 tested classes fall to about a tenth. That is the *equal data* design, a third beside ours. The correlation falls with the core pictures as well as by the openness, and near-chance models have no correlation to speak of.
# - **One bar is a copy.** By the released notebook, SL on YFCC-15M is the bar of YFCC-15M-Cls once more. It is a way of saying that a classifier cannot use the rest, and we leave it out.
# - **The heads are uncertain.** The caption says that the left panel has frozen text heads for both methods; the released scripts of SL train theirs from scratch. ({doc}`../book/critical_reading` has the list.)
#
# And SL, in the left panel, did have other classes: as prototypes, up to 1,000 of them. That is a larger closed world, and there its S(p) falls, too. So the panel does not say that classifiers gain nothing from labelled pictures of other classes; it says that they need the labels.
#
# ## What could be told apart, and what could not
#
# - Openness from **budget**: yes, by the two controls and by both kinds of equality.
# - **Few from many** other concepts at equal pictures: yes, and for S(p) it matters.
# - **Words**: mostly excluded by the data, as names of the core hardly occur among others.
# - **Negatives from pictures**: not by these runs (NC1 hints at pictures). Each pair of an other concept brings both; one would have to mask its own loss terms and keep its caption as a negative, or the reverse. No field of a run does that.
#
# ## What this scale cannot show
#
# - **Relatives.** On the web, other concepts are neighbours (breeds, parts, scenes) of the tested ones. Our others are drawings from the same sets, with labels that nobody checked.
# - **Size.** Four others to one core picture is little against the web, where it is hundreds.
# - **Frozen text.** The paper's left panel has a text head that has seen 400 million captions, for which no word is new (exercise 3).
#
# ## Exercises
#
# ````{exercise-start} How many of the negatives are core?
# :label: ex-open-world-negatives
# ````
#
# With N core pictures and 4 N others (2,250 and 9,000) in batches of 128: how many core captions, besides its own, does a core picture meet in a batch, on average? Put the number into `core_negatives` (to within 0.1).
#
# ```{hint}
# :class: dropdown
# The picture itself is given; the other 127 are drawn from all others of the 11,250.
# ```
#
# ````{exercise-end}
# ````

# %%
core_negatives = ...

# %% tags=["hide-input"]
_ = check(
    "core negatives",
    core_negatives,
    (SCALE.batch_size - 1) * (N - 1) / (N + 4 * N - 1),
    tolerance=0.1,
    hint="What share of the remaining pictures is core?",
)

# %% [markdown]
# ````{solution-start} ex-open-world-negatives
# :class: dropdown
# ````

# %%
core_negatives = (SCALE.batch_size - 1) * (N - 1) / (N + 4 * N - 1)
print(f"{core_negatives:.1f}, against 127 without others")

# %% [markdown]
# A fifth of the core negatives is left. Among them, head concepts still take the lion's share: others dilute the core, they do not flatten it.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} Is it only the longer training?
# :label: ex-open-world-longer
# ````
#
# At equal epochs, the run with others takes twice the steps. The control in the text kept those steps and halved the batch. Another control keeps the batch and shows the core alone for twice the steps. Train it (seed 0), and put into `longer` by how much its S(p) is *lower* than that of the core at the usual steps. Predict the sign first.
#
# ```{hint}
# :class: dropdown
# `study.override(core, duration=f"{2 * STEPS} steps")`; then the old S(p) minus the new one.
# ```
#
# ````{exercise-end}
# ````

# %%
longer = ...


# %% tags=["hide-input"]
def of_the_longer_run(answer):
    run = study.train_or_load(study.override(core, duration=f"{2 * STEPS} steps"))
    before = records["core"].metrics["spearman_predictions"]
    return abs(answer - (before - run.metrics["spearman_predictions"])) < 1e-6


_ = check("longer training", longer, of_the_longer_run, hint="Old minus new.")

# %% [markdown]
# ````{solution-start} ex-open-world-longer
# :class: dropdown
# ````

# %% tags=["nbval-ignore-output"]
long_run = study.train_or_load(study.override(core, duration=f"{2 * STEPS} steps"))
longer = (
    records["core"].metrics["spearman_predictions"]
    - long_run.metrics["spearman_predictions"]
)

# %%
print(f"S(p) is lower by {longer:+.2f}")
print(
    f"accuracy {records['core'].metrics['accuracy']:.2f} -> {long_run.metrics['accuracy']:.2f}"
)

# %% [markdown]
# S(p) is not lower but higher: more steps on the same pictures tie predictions *more* closely to frequency, with this seed. So the longer training that comes with others is not what loosened the tie; if anything, it worked against it. One seed is a hint; a factor with this control over five seeds would be evidence.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} Design the missing control
# :label: ex-open-world-design
# ````
#
# Words and pictures come together in a pair. Suppose that the text tower is *frozen*, from a CLIP that has already read all titles. Which of the three mechanisms is then excluded: 1 (negatives), 2 (words) or 3 (pictures)? Put its number into `excluded`, and write down the two runs that you would compare.
#
# ```{hint}
# :class: dropdown
# What does an other pair teach a tower whose weights do not change?
# ```
#
# ````{exercise-end}
# ````

# %%
excluded = ...

# %% tags=["hide-input"]
_ = check("excluded mechanism", excluded, 2, hint="Which tower reads words?")

# %% [markdown]
# ````{solution-start} ex-open-world-design
# :class: dropdown
# ````

# %% tags=["nbval-check-output"]
excluded = 2
frozen = [
    study.override(RUNS[name], text_head="open-world")
    for name in ("without, half batch", "+ N, equal epochs")
]
print(sorted(study.differences(frozen)))

# %% [markdown]
# A frozen text tower learns no words from others; they remain as negatives and as pictures for the image tower. The two runs differ in `distractors` and in the batch, of which the core's part is equal. That is also nearest to the paper's left panel. Lesson {doc}`08_scale_and_text_heads` says what else a frozen head changes.
#
# ````{solution-end}
# ````
#
# ## Summary
#
# - A contrastive loss can use any pair; a classifier over a closed list has no place for it, and says so.
# - "More data" is three comparisons: equal steps, equal epochs, equal data. Name yours.
# - Half the batch without others is the control for others in half of the batch, at as many steps.
# - Words of the core hardly occur among our others, so that words are not the way here.
# - Over five seeds at `cpu`, others of many concepts lower both correlations at equal steps, the control included; at equal epochs, when the core has been seen twice as often, nothing is left of it.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`radford2021`. In full on the page {doc}`../book/references`.
