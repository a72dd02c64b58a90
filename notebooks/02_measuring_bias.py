# ---
# jupyter:
#   course: {question: "Which correlation, which interval, which trap?", figure: "Fig. 11, 15, App. A.1", scale: tiny, minutes: 3, memory_gb: 1.4}
# ---

# %% [markdown]
# # Measuring bias
#
# **Claim: bias by frequency needs two rank correlations read side by side, S(a) for what a model recognises and S(p) for what it names; each needs enough test pictures, an interval that says what was repeated, and classes joined by name.**
#
# After this lesson you can
#
# - compute per-class accuracy, number of predictions, S(a) and S(p) from labels and predictions;
# - say why ranks are used on heavy tails, and what Pearson's correlation would report instead;
# - explain why S(a) and S(p) differ, with hits and false alarms;
# - predict how much a small test set shrinks S(a), and undo it;
# - choose between an interval over classes and one over seeds;
# - recognise six traps, one of which reached a published table.
#
# **Time:** 50 minutes to read and solve; the code runs in half a minute once the models are trained. **Memory:** 1.4 GB. **In the paper** {cite}`wen2024`: Fig. 11, Fig. 15 and App. A.1.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lt_course import study
from lt_course.evaluation import bias, intervals
from lt_course.lessons import measuring
from lt_course.lessons.checks import check
from lt_course.lessons.observer import Observer
from lt_course.plots import bias as show
from lt_course.plots import style, widgets

style.use()
pd.options.display.float_format = "{:.2f}".format

# %% [markdown]
# ## Two questions to every class
#
# A test set is balanced: every class has equally many test pictures, however rare the class was in training. A model then answers each picture with one class. Two things can be counted for a class $c$:
#
# - its **accuracy** $a_c$: of its own test pictures, what share was recognised?
# - its **number of predictions** $p_c$: how many pictures of the whole test set were given to it?
#
# Both come from the same confusion matrix: $a_c$ from the diagonal, $p_c$ from the column sums. Here are twelve answers on three classes. The model likes class 0.

# %% tags=["nbval-check-output"]
labels = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
predictions = [0, 0, 0, 0, 1, 1, 1, 0, 2, 0, 0, 0]
accuracy, predicted = bias.per_class(labels, predictions, classes=3)
print("accuracy", accuracy, " predictions", predicted)

# %% [markdown]
# The bias metrics of the study are the {term}`Spearman correlation` of these values with the class's {term}`frequency <concept frequency>` in training. Call them **S(a)** and **S(p)**. Both are 0 for a model whose results ignore frequency and 1 for a model whose results follow it rank by rank.
#
# Now for real models. The next cell asks for three runs on {term}`IconTail`: a supervised classifier (SL), and two {term}`CLIP` models, one trained with class {term}`templates <template>` and one with the drawings' own titles. Each with three {term}`seeds <seed>`; a seed decides the initialisation, the order of the pictures, and also which concept gets which frequency. Runs that an earlier lesson has trained are only read.

# %% tags=["nbval-ignore-output"]
METHODS = ["sl", "clip-template", "clip-title"]
SEEDS = range(3)
runs = {
    method: [study.config(method, seed=seed) for seed in SEEDS]
    for method in METHODS
}
records = {method: study.train_or_load_all(found) for method, found in runs.items()}
tables = {method: found[0].per_class for method, found in records.items()}

# %% mystnb={"image": {"alt": "Six scatter plots, one dot a class: above, accuracy against training pictures on a logarithmic axis; below, number of predictions; columns are SL, CLIP with templates, and CLIP with titles. For SL, dots rise with frequency in both rows; for CLIP they scatter more, above all in predictions."}, "figure": {"caption": "Per-class results of one run of each method against class frequency. S is Spearman's correlation in each panel.", "name": "fig-measuring-scatter"}}
show.per_class_scatter(tables)
plt.show()

# %% [markdown]
# The methods differ more in the lower row than in the upper one. Why is the business of {ref}`a later section <sec-measuring-two-channels>`; first, why *this* correlation.
#
# ## Which correlation?
#
# {term}`Pearson's correlation <Pearson correlation>` measures how well a straight line fits. On a {term}`long tail <long tail>`, most classes sit in one corner of that line's plot and a few giants far out decide its slope. Spearman's is Pearson's correlation of the *ranks*: no class is further out than one rank from its neighbour {cite}`spearman1904`.
#
# A thought experiment shows what follows. Keep the SL model's results, class by class, and keep the order of the classes. Change only how steep the tail is: give rank $r$ the frequency $r^{-s}$ (see {term}`Zipf's law`).

# %% mystnb={"image": {"alt": "Correlation against the exponent of the tail from 0 to 3. Spearman's two lines are level. Pearson's two lines move with the exponent although no result of the model changes."}, "figure": {"caption": "The same results and the same order of classes under tails of different steepness. Only Pearson's correlation moves.", "name": "fig-measuring-exponent"}}
measuring.plot_steeper_tails(tables["sl"])
plt.show()

# %% [markdown]
# Pearson's number thus mixes two things: how the model behaves, and how steep the data's tail is. Data sets differ in steepness by orders of magnitude ({doc}`06_long_tails`), so Pearson's values cannot be compared across them. Spearman's are free of this. Taking the logarithm first is a middle way: it tames the giants, but fails at frequency 0 and still assumes a shape.
#
# Fig. 11 of the paper prints all three for its own runs, for accuracy (a) and for predictions (p). Ours follow.

# %% tags=["nbval-check-output"]
measuring.printed_correlations(["laionet", "yfcc15m"])

# %%
pd.DataFrame({m: measuring.correlations(t) for m, t in tables.items()}).T

# %% [markdown]
# Look at SL on YFCC-15M in the paper's table: judged by Pearson, predictions hang on frequency almost perfectly while accuracy hardly does. One or two giant classes that swallow predictions suffice for that. In ranks, both are high and near each other. The paper's verdict, that CLIP is less biased than SL, holds under all three; its size does not.
#
# (sec-measuring-two-channels)=
# ## Why S(a) and S(p) differ
#
# Split the predictions of a class into **hits** (its own pictures, recognised) and **false alarms** (pictures of other classes, given to it):
#
# $$p_c = \underbrace{n\,a_c}_{\text{hits}} + \underbrace{(p_c - n\,a_c)}_{\text{false alarms}}, \qquad n = \text{test pictures per class}.$$
#
# S(a) sees hits only, S(p) sees both: whatever sets them apart is in the false alarms.
#
# To learn how to read them, we use a classifier whose bias is known because we build it in: `Observer`. It gives each class a score of unit noise. The true class's score is raised by the class's *visibility*, and every class's score by a *pull* of its own; the highest score wins. Three things are set:
#
# - **knowledge**: frequent classes were learned better, so they are more visible;
# - **prior**: in doubt, the decision is pulled towards frequent classes (or, if negative, towards rare ones);
# - **hubs**: some classes attract doubtful pictures for reasons that have nothing to do with frequency, such as a vague name.
#
# Classes also differ in visibility for reasons of their own, as real ones do.

# %% tags=["nbval-check-output"]
frequency = np.geomspace(1000, 1, 60)
settings = {
    "no prior, no hubs": {},
    "prior towards the head": {"prior": 0.1},
    "prior towards the tail": {"prior": -0.05},
    "no prior, but hubs": {"hubs": 0.6},
}
rows = {}
for name, setting in settings.items():
    model = Observer.trained_on(frequency, knowledge=0.6, **setting)
    counted = bias.per_class(*model.answers(500, seed=0), classes=60)
    rows[name] = measuring.spearmans(frequency, *counted)
pd.DataFrame(rows).T

# %% [markdown]
# Read it row by row (500 test pictures a class keep noise small). Without a prior and hubs, false alarms fall evenly, and S(p) is near S(a). A prior towards the head lifts S(p) above S(a). But S(p) *below* S(a) has two explanations: a prior towards the tail, or hubs, which shuffle the false alarms (and would dilute a prior towards the head). Only the false alarms themselves tell the cases apart. So:
#
# > **S(a) asks mainly what was learned. S(p) above S(a): false alarms follow frequency even more closely than accuracy does. S(p) below S(a): they follow it less, or backwards. Look at them to see which.**
#
# In the plane of S(a) and S(p), the diagonal separates the two cases. Let us put observers, the paper's models and ours on it.


# %% mystnb={"image": {"alt": "The plane of S(a) and S(p). Grey curves of observers rise with growing prior; those with hubs run lower. The paper's three supervised models lie above the diagonal, its three CLIP models below it. Our three runs are filled markers."}, "figure": {"caption": "S(a) and S(p) of observers (grey curves; the prior grows from −0.05 to 0.2 upwards), of the paper's models (hollow, Fig. 1b, read off the plot) and of our runs (filled, seed 0).", "name": "fig-measuring-plane"}}
real = {
    method: measuring.spearmans(t.frequency, t.accuracy, t.predictions)
    for method, t in tables.items()
}
measuring.plot_plane(
    observers=measuring.observer_curves(frequency),
    paper=measuring.paper_points(),
    ours={method: [[s["S(a)"], s["S(p)"]]] for method, s in real.items()},
)
plt.show()

# %% [markdown]
# In the paper, SL lies above the diagonal on all three data sets, and CLIP below it (two of its three marks coincide). So SL not only knows rare classes less, its doubt goes to the head on top. CLIP knows them less, too, but frequency rules its doubt less. Contrastive training is expected to divide the class prior out ({doc}`04_dynamic_classification` derives it), which fits: an observer with hubs and no prior at all lands near the paper's CLIP on LAIONet. But two correlations cannot tell hubs from a lean to the tail, and the paper's per-class results were not released. For our own runs the false alarms can be looked at:

# %%
pd.DataFrame(real).T

# %% [markdown]
# In the last column, a high value means a prior towards the head; a small positive one, such a prior diluted by hubs; zero, hubs alone; a negative one, a lean to the tail.
#
# ## How many test pictures?
#
# ImageNet has 50 test pictures per class; our `tiny` scale has about twenty. Measured accuracy is true accuracy plus binomial noise, and noise in one variable pulls every correlation towards 0. This is **attenuation**, known since {cite:t}`spearman1904`. If $\rho$ is the true correlation,
#
# $$ \rho_\text{measured} \approx \rho\,\sqrt{R}, \qquad R = \frac{\operatorname{Var}(a)}{\operatorname{Var}(a) + \overline{a(1-a)}/n}, $$
#
# where $R$ is called the reliability. (Exact for Pearson, close for Spearman.) Counts of predictions are noisy, too, so S(p) is not spared. Here is an observer measured with test sets of seven sizes, each forty times, and its true values.

# %%
SIZES = [1, 2, 5, 10, 20, 50, 200]
observer = Observer.trained_on(frequency, prior=0.1, knowledge=0.3)
curve = measuring.size_curve(observer, frequency, SIZES)
curve.T

# %% [markdown]
# Move the slider: the left panel is one measurement of the same observer, the right one the table above.


# %% tags=["nbval-ignore-output"]
truth = np.diag(observer.confusion())


def draw(pictures):
    measured, _ = bias.per_class(*observer.answers(pictures, seed=0), 60)
    return measuring.plot_test_size(pictures, truth, measured, frequency, curve)


widgets.slider_figure(
    draw,
    SIZES,
    "test pictures a class",
    start=5,
    alt=lambda n: (
        f"With {n} test pictures a class: measured accuracies scatter around the true ones; "
        f"mean S(a) is {curve['S(a)'][n]:.2f}, mean S(p) {curve['S(p)'][n]:.2f}."
    ),
)

# %% [markdown]
# For print, the frame with 5 pictures a class:

# %% mystnb={"image": {"alt": "Left: measured accuracy of 60 classes at 5 test pictures a class scatters widely around true accuracy. Right: mean Spearman against test pictures a class; S(a) and S(p) climb towards their dotted true values."}, "figure": {"caption": "What five test pictures a class make of a known truth (left), and how S(a) and S(p) approach their true values (right).", "name": "fig-measuring-size"}}
draw(5)
plt.show()

# %% [markdown]
# The same can be done to real models, with no assumption at all: draw some of the test answers without replacement and measure again. Below, the mean S(a) of each run for smaller and smaller test sets.


# %%
def thinned(table, pictures):
    tests = round(table.predictions.sum() / len(table))  # the test set is balanced
    draws = [bias.thin(table.accuracy, tests, pictures, seed) for seed in range(50)]
    return np.mean([bias.spearman(table.frequency, draw) for draw in draws])


pd.DataFrame(
    {m: {n: thinned(t, n) for n in (1, 2, 4, 8, 16)} for m, t in tables.items()}
)

# %% [markdown]
# Two morals. Compare S(a) only between models tested on the *same* pictures. And beware of S(a) against S(p) at few test pictures: part of that gap is noise.
#
# ## Whose classes are in the tail?
#
# A class may be hard because it is rare, or hard and rare by coincidence. The next cell takes classes in the order of their difficulty, for a model that knows nothing of frequency, and assigns the frequencies to them at random, a thousand times.

# %% mystnb={"image": {"alt": "Two histograms of S(a) over random assignments for an observer without any bias: broad for 60 classes, reaching beyond plus and minus 0.25, narrow for 1,000 classes."}, "figure": {"caption": "S(a) of an observer without any bias, over random assignments of frequencies to classes. With few classes, coincidence looks like bias.", "name": "fig-measuring-chance"}} tags=["nbval-check-output"]
rng = np.random.default_rng(0)
chance = {
    classes: [
        bias.spearman(rng.permutation(classes), np.arange(classes))
        for assignment in range(1000)
    ]
    for classes in (60, 1000)
}
for classes, values in chance.items():
    print(f"{classes} classes: standard deviation {np.std(values):.3f}")
measuring.plot_coincidence(chance)
plt.show()

# %% [markdown]
# By chance alone, S varies with standard deviation $1/\sqrt{C-1}$. With the thousand classes of ImageNet, a correlation beyond ±0.06 is unlikely to be coincidence; with our sixty, the limit is ±0.26. Two remedies: *permute* which concept gets which frequency and train again (each seed of our runs does), and compare methods on the same assignment, so that coincidence hits both alike.
#
# ## Which interval?
#
# "S(p) = 0.8 ± what?" depends on what would be repeated.
#
# - **Over classes**: other concepts might have been drawn. Resample the classes with replacement and look at the spread: the {term}`bootstrap`, here in its BCa form {cite}`efron1987`. One run is enough for it.
# - **Over seeds**: training might have begun elsewhere, and other concepts might have been the rare ones. Repeat the run with other seeds and use Student's t interval of the mean. It says nothing about concepts that no run has seen.
#
# Why not bootstrap the seeds? Because a handful of values cannot stand for their population. Count how often a "95 %" interval covers the truth:


# %% tags=["nbval-check-output"]
def coverage(seeds, trials=1000, resamples=400):
    rng = np.random.default_rng(seeds)
    values = rng.normal(size=(trials, seeds))  # the true mean is 0
    student = [0 in intervals.mean_over_seeds(v) for v in values]
    picks = rng.integers(seeds, size=(trials, resamples, seeds))
    means = np.take_along_axis(values[:, None], picks, axis=2).mean(2)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    return {
        "Student's t": np.mean(student),
        "bootstrap": np.mean((low < 0) & (high > 0)),
    }


pd.DataFrame({f"{seeds} seeds": coverage(seeds) for seeds in (3, 5, 10, 30)})

# %% [markdown]
# With three seeds, the bootstrap's "95 %" is far from it. Now both intervals for our runs.

# %% mystnb={"image": {"alt": "Intervals of S(a) and S(p) for SL, CLIP with templates and CLIP with titles: for each, one row over classes from one run and one row over three seeds."}, "figure": {"caption": "95 % intervals: BCa bootstrap over classes (one run, seed 0), and Student's t over three seeds.", "name": "fig-measuring-intervals"}}
fig, ax = plt.subplots(figsize=(6.4, 3.6))
show.interval_rows(ax, measuring.both_intervals(records))
ax.set(xlabel="Spearman correlation with frequency")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# To compare two methods, do not ask whether their intervals overlap: both were tested on the same classes with the same seeds, and what is easy for one is mostly easy for the other. Ask for the interval of the **difference**, paired. Here it is for Spearman's correlation, SL minus CLIP with titles, the classes joined by concept.

# %%
pair = tables["sl"].merge(
    tables["clip-title"],
    on="concept",
    validate="one_to_one",
    suffixes=("", "_clip"),
)
rows = {}
for field in show.QUESTIONS:
    seeds = [measuring.by_seed(records[m], field) for m in ("sl", "clip-title")]
    rows[field] = {
        "over classes": intervals.bootstrap_spearman_difference(
            pair.frequency, pair[field], pair[f"{field}_clip"]
        ),
        "over seeds": intervals.paired_difference(*seeds),
    }
pd.DataFrame(rows).T

# %% [markdown]
# ## Thirds, shots and bins
#
# A correlation says nothing about *how much* accuracy the tail loses. Three summaries do: {term}`head, mid and tail` thirds of the classes; {term}`many-shot, medium-shot and few-shot` classes (more than 100, 20 to 100, fewer than 20 training pictures {cite}`liu2019`); and means in bins of frequency, as in Fig. 15 and in {cite:t}`parashar2024`.

# %%
pd.DataFrame(
    {
        m: bias.thirds(t.frequency, t.accuracy)
        | bias.many_medium_few(t.frequency, t.accuracy)
        for m, t in tables.items()
    }
).T


# %% [markdown]
# Thirds always hold equally many classes; shots mean the same number of pictures on every data set. Equal frequencies are split by the order of the class ids, so that everybody gets the same thirds.
#
# Bins are pleasant to look at, and for that reason dangerous. Averaging within a bin removes whatever differs between classes of like frequency, and what remains looks like a law:


# %%
def binned(table, bins):
    return bias.spearman(*bias.bin_means(table.frequency, table.accuracy, bins))


pd.DataFrame(
    {m: {b: binned(t, b) for b in (60, 20, 10, 5)} for m, t in tables.items()}
)

# %% [markdown]
# The rows are numbers of bins; 60 bins are the classes themselves. A correlation of bin means answers how well the *trend* is ordered, not how far frequency determines a class's result. Report it over classes.
#
# ## Six traps
#
# **1. Rank taken for identity.** Sort a table by frequency, reset the index, and `index` now counts positions 0, 1, 2 …; used as class ids, they fetch the results of other classes. The released analysis notebook behind Table 1 and Fig. 17 of the paper does this: the accuracies printed beside its rarest classes are those of the classes whose *ids* are 971 to 999. The frequencies there are right, and the paper's correlations come from other code, which joins correctly; so the trap costs one table and one figure, not the study's finding. (We infer it from the notebook's code; per-class results were not released.) Here is the mechanism on our SL run.

# %% mystnb={"image": {"alt": "Two scatter plots of accuracy against training pictures for SL. Left, joined by class id: accuracy rises with frequency. Right, rank position used as id: no relation is left."}, "figure": {"caption": "One model, one table of results. Right: positions after sorting were used as class ids.", "name": "fig-measuring-misindexed"}}
table = tables["sl"].reset_index(drop=True)
ranked = table.sort_values("frequency", ascending=False).reset_index()
joins = {
    "by class id": table.accuracy.to_numpy()[ranked["index"]],
    "by position (wrong)": table.accuracy.to_numpy()[ranked.index],
}
measuring.plot_side_by_side(ranked.frequency, joins)
plt.show()

# %% [markdown]
# **2. Joining by line number.** The released count files come in two orders, the data set's and sorted by count. Lines of one beside lines of the other correlate as chance would have it; two columns sorted each for itself correlate all but perfectly, whatever they mean. Join on names, and let the join refuse doubles.

# %%
counts = table[["name", "frequency"]].sort_values("frequency", ascending=False)
results = table[["name", "accuracy"]]
joined = counts.merge(results, on="name", validate="one_to_one")
pd.Series(
    {
        "line by line": bias.spearman(
            counts.frequency.to_numpy(), results.accuracy.to_numpy()
        ),
        "each sorted": bias.spearman(
            np.sort(counts.frequency), np.sort(results.accuracy)
        ),
        "by name": bias.spearman(joined.frequency, joined.accuracy),
    }
)

# %% [markdown]
# **3. Models near chance.** Below, four observers have the same prior and the same knowledge; only the task gets easier. Near chance, almost every answer is a guess, and a slight prior decides all guesses: S(p) is largest where the model is worst. S(p) compares methods best at like accuracy; of a model near chance, neither correlation should be quoted.

# %% tags=["nbval-check-output"]
rows = {}
for ease in (0, 1, 2, 4):
    model = Observer.trained_on(frequency, prior=0.1, knowledge=0.3, ease=ease)
    found = [
        bias.bias_report(frequency, *model.answers(20, seed)) for seed in range(20)
    ]
    rows[f"ease {ease}"] = pd.DataFrame(found).mean()
pd.DataFrame(rows).T[["accuracy", "spearman_accuracy", "spearman_predictions"]]

# %% [markdown]
# **4. Perfect models.** At the other end (the last row), most classes reach 100 %, and S(a) rests on the few that do not: ties take over. Accuracy is bounded, and S(a) fades at both bounds although the knowledge is the same.
#
# **5. Zeros and ties.** The logarithm of a frequency of 0 is −∞, and LAIONet has classes without any picture. Spearman gives ties their mean rank, which is harmless; "the last 20 classes" of a sorted list is not, if the twentieth and the twenty-first are equally frequent and the sort is not stable. Count the ties before cutting:

# %% tags=["nbval-check-output"]
tied = table.frequency.duplicated(keep=False)
print(
    f"{tied.sum()} of {len(table)} classes share their frequency with another class"
)

# %% [markdown]
# **6. The mean hides it.** Two observers with nearly the same accuracy, one without any bias:

# %% tags=["nbval-check-output"]
models = {
    "no bias": Observer.trained_on(frequency, ease=2.8, spread=0.4),
    "leans to the head": Observer.trained_on(
        frequency, prior=0.3, ease=3.2, spread=0.4
    ),
}
pd.DataFrame(
    {
        name: bias.bias_report(frequency, *m.answers(50, 0))
        for name, m in models.items()
    }
).loc[
    [
        "accuracy",
        "accuracy_head",
        "accuracy_mid",
        "accuracy_tail",
        "spearman_predictions",
    ]
]

# %% [markdown]
# ## The paper's numbers beside ours
#
# The paper's rows are Fig. 1b, read off the plot; ours are means over three seeds with Student's t interval.

# %%
measuring.paper_and_ours(records)

# %% [markdown]
# ## What this scale cannot show
#
# - Sixty classes leave ±0.26 to coincidence where ImageNet's thousand leave ±0.06. Compare methods on the same seed, or means over seeds; a single S(a) says little.
# - About twenty test pictures a class attenuate S(a) visibly; the paper's fifty do so less.
# - Three seeds give honest but wide intervals. The paper reports single runs, so how far its numbers would move is unknown.
# - The observer explains S(a) and S(p) with three numbers; real errors have structure (look-alikes, ambiguous names) that it lacks.
#
# ## Exercises

# %% [markdown]
# ````{exercise-start} A giant grows
# :label: ex-measuring-leverage
# ````
#
# Suppose the web grew, but only in pictures of the most frequent class: it now has a hundred times as many. The SL model's predictions stay as they are. By how much do the two correlations of frequency with the number of predictions change? Predict the signs first; then put the changes (after minus before) into `pearson_change` and `spearman_change`.
#
# ```{hint}
# :class: dropdown
# `table.frequency.mask(top, 100 * table.frequency)` are the new frequencies, if `top` marks the most frequent class.
# ```
#
# ````{exercise-end}
# ````

# %%
pearson_change = ...
spearman_change = ...


# %% tags=["hide-input"]
def change(correlation):
    top = table.frequency == table.frequency.max()
    grown = table.frequency.mask(top, 100 * table.frequency)
    before = correlation(table.frequency, table.predictions)
    return correlation(grown, table.predictions) - before


for name, given in {"pearson": pearson_change, "spearman": spearman_change}.items():
    check(
        f"{name}'s change",
        given,
        change(getattr(bias, name)),
        1e-3,
        "Which ranks change?",
    )

# %% [markdown]
# ````{solution-start} ex-measuring-leverage
# :class: dropdown
# ````

# %%
print(f"Pearson's change: {change(bias.pearson):+.3f}")
print(f"Spearman's change: {change(bias.spearman):+.3f}")

# %% [markdown]
# The most frequent class was the most frequent before: no rank changes, so Spearman's correlation cannot. Pearson's now sees hardly more than two points, the giant and the rest, and forgets what the other fifty-nine classes do.
#
# ````{solution-end}
# ````

# %% [markdown]
# ````{exercise-start} Undo the attenuation
# :label: ex-measuring-attenuation
# ````
#
# Measure the observer of the slider with 5 test pictures a class (`observer.answers(5, seed=1)`), estimate the reliability $R$ from the measured accuracies alone, and correct S(a) by $\sqrt R$. Put the result into `corrected`. The variance of the measured accuracies is the *sum* in the denominator of $R$; the noise in it is estimated without bias by the mean of $a(1-a)/(n-1)$.
#
# ```{hint}
# :class: dropdown
# $R$ = 1 − noise / `measured.var(ddof=1)`, with noise = `(measured * (1 - measured) / 4).mean()`.
# ```
#
# ````{exercise-end}
# ````

# %%
corrected = ...


# %% tags=["hide-input"]
measured, _ = bias.per_class(*observer.answers(5, seed=1), 60)
expected = measuring.corrected(frequency, measured, pictures=5)
_ = check(
    "corrected S(a)", corrected, expected, 0.01, "Divide S(a) by the root of R."
)

# %% [markdown]
# ````{solution-start} ex-measuring-attenuation
# :class: dropdown
# ````


# %% tags=["nbval-check-output"]
noise = (measured * (1 - measured) / 4).mean()
reliability = 1 - noise / measured.var(ddof=1)
raw = bias.spearman(frequency, measured)
print(f"measured {raw:.2f}, corrected {raw / reliability**0.5:.2f}")

many = [bias.per_class(*observer.answers(5, seed), 60)[0] for seed in range(200)]
mean = np.mean([measuring.corrected(frequency, a, pictures=5) for a in many])
print(
    f"mean of 200 corrected test sets {mean:.2f}, truth {curve['S(a)']['truth']:.2f}"
)

# %% [markdown]
# The correction removes the bias of a small test set on average, not its noise: a single test set lands on either side of the truth.
#
# ````{solution-end}
# ````

# %% [markdown]
# ````{exercise-start} The tail that was not there
# :label: ex-measuring-tail
# ````
#
# A colleague reports the accuracy of the ten rarest classes of the SL run as follows and finds the tail in surprisingly good shape. Find the mistake and put the right value into `tail_accuracy`.
#
# ```python
# ranked = table.sort_values("frequency", ascending=False).reset_index()
# tail = ranked.tail(10).index
# table.accuracy[tail].mean()
# ```
#
# ```{hint}
# :class: dropdown
# Print `tail`. Do these look like the ids of rare classes?
# ```
#
# ````{exercise-end}
# ````

# %%
tail_accuracy = ...

# %% tags=["hide-input"]
rarest = table.sort_values("frequency", ascending=False).tail(10)
_ = check(
    "accuracy of the rarest ten",
    tail_accuracy,
    rarest.accuracy.mean(),
    1e-6,
    "Print `tail`.",
)

# %% [markdown]
# ````{solution-start} ex-measuring-tail
# :class: dropdown
# ````

# %%
ranked = table.sort_values("frequency", ascending=False).reset_index()
claimed = table.accuracy[ranked.tail(10).index].mean()
tail_accuracy = ranked.tail(10).accuracy.mean()
print(f"claimed {claimed:.3f}, right {tail_accuracy:.3f}")

# %% [markdown]
# `reset_index` moved the class ids into a column called `index` and left positions in their place. Staying inside one table (`ranked.tail(10).accuracy`) makes the mistake impossible.
#
# ````{solution-end}
# ````

# %% [markdown]
# ## Summary
#
# - S(a) and S(p) are rank correlations, so the steepness of a data set's tail does not enter them, as it enters Pearson's.
# - False alarms set S(p) apart from S(a). Above it, doubt goes to the head (SL in the paper); below it, frequency rules doubt less (CLIP in the paper), and S of the false alarms says how.
# - Few test pictures shrink S(a); the shrinkage can be predicted and undone.
# - An interval belongs to what is repeated: bootstrap over classes, Student's t over seeds, paired differences for comparisons.
# - Thirds and shots say how much is lost; bins flatter.
# - Join by name, count ties, mistrust models near 0 or 100 %.
#
# Next: {doc}`03_clip_against_supervised`, the gap on equal terms.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`spearman1904`; {cite:t}`efron1987`; {cite:t}`liu2019`; {cite:t}`parashar2024`. In full on the page {doc}`../book/references`.
