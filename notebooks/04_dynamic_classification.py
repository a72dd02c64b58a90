# ---
# jupyter:
#   course: {question: "Is it the vocabulary?", figure: "Fig. 3, 19", scale: tiny, minutes: 3, memory_gb: 1.7}
# ---

# %% [markdown]
# # Is it the vocabulary?
#
# **Claim: a softmax over a sampled vocabulary takes the log of each class's chance of being in the vocabulary off its logit. So the size of the vocabulary and the law by which it is drawn say beforehand how much of the class prior is left, and they put runs in the order of their S(p); but of the size of the predicted shift, a network that has memorised its training set shows only a part.**
#
# After this lesson you can
#
# - derive what an uncorrected softmax over a sampled {term}`vocabulary` learns, and say which step is an approximation;
# - compute with which probability a class is in the vocabulary of another class's picture;
# - predict, before any training, which vocabularies de-bias and which do not;
# - hold a prediction against measurements class by class, and read its slope and its R² apart;
# - say why training that ends in memory follows the theory only in part;
# - place the usual remedies for long tails beside vocabularies and CLIP.
#
# Figures treated: Fig. 3 and 19 of {cite:t}`wen2024`, and a figure of the release that the paper leaves out. Running takes about three minutes on two CPU cores and 1.7 GB of memory; reading, forty. Before this: {doc}`03_clip_against_supervised`.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lt_course import evidence, study
from lt_course.lessons import vocabularies as theory
from lt_course.lessons.checks import check
from lt_course.lessons.prior_shift import (
    agreement,
    best_logits,
    inclusion,
    inclusion_in_batch,
    remaining,
    shift,
)
from lt_course.objectives.classify import SupervisedConfig
from lt_course.plots import claims, style, widgets

style.use()
pd.options.display.float_format = "{:.2f}".format
pd.options.display.max_colwidth = None

# %% [markdown]
# ## What a batch divides out
#
# CLIP tells a picture's caption from the other captions of the batch. At the optimum of this loss, {term}`InfoNCE`, the similarity of picture $x$ and text $t$ is
#
# $$f(x, t) = \log \frac{p(t \mid x)}{p(t)} + \text{constant}(x),$$
#
# the pointwise mutual information {cite}`oord2018`. The wrong captions come in proportion to $p(t)$, so a frequent one is often a wrong answer, and its score is pushed down for it by just as much as its frequency would have raised it. When captions name the class and nothing else, this is {term}`balanced softmax` with the batch as the counter of frequencies ({doc}`03_clip_against_supervised` derives it).
#
# The paper gives a classifier the same chance: in each step its softmax runs over a vocabulary $A$ of the classes in the {term}`micro-batch`, filled up to $V$ classes by drawing. Nothing corrects for the drawing; it is an uncorrected {term}`sampled softmax`. What does that learn?
#
# ## What an uncorrected softmax learns
#
# Let picture $x$ have label $y$, and let the vocabulary $A$, which always holds $y$, have the probability $Q(A \mid y)$: other pictures and draws decide it, and they know of $x$ only its label. The loss is
#
# $$\mathcal L = \mathbb E_x \sum_y p(y \mid x) \sum_{A \ni y} Q(A \mid y) \left[ -\log \frac{e^{f_y(x)}}{\sum_{c \in A} e^{f_c(x)}} \right].$$
#
# For a given $x$ and $A$, the best softmax is the posterior of the label given both, $p(y \mid x, A) \propto p(y \mid x)\, Q(A \mid y)$ for $y \in A$. One set of logits would have to give that for all vocabularies at once.
#
# **A case where it can.** Let every class but $y$ enter the vocabulary on its own, independently, with a probability $\pi_c$. Then
#
# $$Q(A \mid y) = \frac{1}{\pi_y} \prod_{c \in A} \pi_c \prod_{c \notin A} (1 - \pi_c),$$
#
# where the first factor is there because $y$ itself needs no luck. The products are the same for every $y \in A$ and cancel. What remains is a posterior in proportion to $p(y \mid x) / \pi_y$, whatever $A$ is. So the optimum is, exactly,
#
# $$f_c(x) = \log p(c \mid x) - \log \pi_c + \text{constant}(x), \qquad \pi_c = P(c \in A \mid y \neq c).$$
#
# By Bayes' rule, $\log p(c \mid x)$ contains the log prior $\log p_c$. So $\log p_c - \log \pi_c$ is left of it.
#
# **The step that approximates.** Real classes compete for places: a vocabulary of $V$ classes that holds one more rare class holds one fewer of another. Then $Q(A \mid y) / Q(A \mid y')$ depends on the rest of $A$, and no single $f$ is right for every vocabulary. For a picture that could be of two classes only, the optimum is again exact, $\log Q(c' \in A \mid c) - \log Q(c \in A \mid c')$ taking the place of $\log \pi_{c'} - \log \pi_c$; both agree if the chance of $c'$ to be present does not depend on which other class $y$ is. In-batch vocabularies are of this kind:
#
# $$\pi_c = 1 - (1 - p_c)^{m - 1}$$
#
# for micro-batches of $m$ independent pictures. With $m = 2$ that is $p_c$, and the whole prior goes: {term}`logit adjustment` in disguise. With many pictures a frequent class is always present, its $\pi_c$ cannot pass 1, and its prior stays. With all classes in every vocabulary $\pi_c = 1$, and we are back at ordinary supervised learning.
#
# ## The chance of being in the vocabulary
#
# For drawn vocabularies `inclusion` counts simulated micro-batches, drawn by the function that training calls. The class frequencies of this scale:

# %%
full = study.train_or_load(study.config("sl", seed=0))
frequency = full.per_class["frequency"]
frequency.describe()[["count", "min", "50%", "max"]]

# %% mystnb={"image": {"alt": "Left: chance of being in a vocabulary of 24 against training pictures, in log axes. Drawn by frequency it rises in proportion up to 1; drawn uniformly it is nearly flat for rare classes. Right: what is left of the log prior. By frequency it is flat for the rarer half and rises for frequent classes; uniformly drawn it stays close to the straight line of the log prior."}, "figure": {"caption": "Vocabularies of 24 of 60 classes. Left: chance of being in the vocabulary of another class's picture. Right: what is left of the log prior.", "name": "fig-vocabulary-laws"}}
theory.plot_laws(frequency, 24, theory.LAWS)
plt.show()

# %% [markdown]
# Two things to read off. Uniform draws add the same chance to every class, so rare classes keep their handicap: **uniform sampling adjusts almost nothing** once most of the vocabulary is drawn. Draws by frequency make $\pi_c$ proportional to frequency, but only where it is far from 1: **they flatten the tail and leave the head**, whose $\pi_c$ has reached its ceiling.
#
# ## Does the algebra hold?
#
# Before any network: a world of five kinds of pictures, each of them uncertain among twelve classes, and a table with one free logit for each kind and class. There is nothing to memorise and nothing to generalise. The very loss of training is minimised to the end. By how much did the logits move against $\log p(c \mid x)$, and how well is that predicted?

# %%
zipf = 1 / np.arange(1, 13)
kinds = np.random.default_rng(0).dirichlet(30 * zipf / zipf.sum() + 1, size=5)
laws = {
    "in-batch, m = 8": SupervisedConfig(sampling="in-batch", vocabulary_group=8),
    "frequency, V = 8, m = 4": SupervisedConfig(8, "frequency", 4),
    "uniform, V = 8, m = 4": SupervisedConfig(8, "uniform", 4),
}
found = {}
for label, options in laws.items():
    moved = best_logits(kinds, options) - np.log(kinds)
    predicted = shift(inclusion(kinds.mean(0), options))
    found[label] = vars(agreement(moved.mean(0), predicted))
pd.DataFrame(found).T

# %%
assert min(row["r2_as_predicted"] for row in found.values()) > 0.9

# %% [markdown]
# The slope is that of the measured shift on the predicted one; `r2` is the share of variance that this line explains, and `r2_as_predicted` the same without fitting a slope. Slopes a little off 1 are the competition for places.
#
# ## The prediction, before training
#
# What share of the log prior is left? We regress $\log p_c - \log \pi_c$ on $\log p_c$: a slope of 1 is all of the prior, 0 none.

# %% mystnb={"image": {"alt": "Share of the log prior left against vocabulary size from 16 to 60. The line for uniform draws rises at once to four fifths and more, square-root draws lie between, and draws by frequency rise slowly and evenly. All meet at 1 when V is 60."}, "figure": {"caption": "Predicted from class frequencies and the way of drawing alone.", "name": "fig-vocabulary-curves"}}
curve = theory.remaining_curve(frequency, (16, 20, 24, 32, 40, 48, 60))
theory.plot_remaining(curve)
plt.show()

# %% [markdown]
# To predict S(p) as well, we borrow the logits of the full softmax of seed 0, add the predicted shift to each, and count predictions anew. This uses one training without any vocabulary, and none with one.

# %%
RUNS = {
    "in-batch 8": {"sampling": "in-batch", "vocabulary_group": 8},
    "in-batch 32": {"sampling": "in-batch"},
    "frequency 24": {"vocabulary": 24},
    "uniform 24": {"vocabulary": 24, "sampling": "uniform"},
}
asked = {k: study.config("sl", seed=0, **fields) for k, fields in RUNS.items()}
included = {k: inclusion(frequency, r.objective) for k, r in asked.items()}
logits = theory.logits_on_test(full)
prediction = pd.DataFrame(
    {
        k: {
            "share left": remaining(frequency, pi),
            "S(p) predicted": theory.predicted_bias(logits, frequency, shift(pi)),
        }
        for k, pi in included.items()
    }
).T
prediction

# %% [markdown]
# ## Now train
#
# The runs differ from the full softmax in their vocabulary alone.

# %% tags=["nbval-ignore-output"]
trained = {k: study.train_or_load(run) for k, run in asked.items()}

# %%
shifts = {
    k: theory.shifts(r.per_class, full.per_class, r.run.objective)
    for k, r in trained.items()
}
columns = {
    "S(p)": "spearman_predictions",
    "S(a)": "spearman_accuracy",
    "accuracy": "accuracy",
    "loss": "loss",
}
live = pd.DataFrame(
    {k: {c: r.metrics[m] for c, m in columns.items()} for k, r in trained.items()}
).T
prediction.join(live).join(theory.agreements(shifts))

# %%
print({c: round(full.metrics[m], 2) for c, m in columns.items()})

# %% mystnb={"image": {"alt": "Four scatter plots of measured against predicted shift of the mean logit, one dot a class, for in-batch vocabularies of 8 and 32 pictures and vocabularies of 24 drawn by frequency and uniformly. A fitted line and the dashed line of a shift of the predicted size are drawn in each."}, "figure": {"caption": "Each class's mean logit on the test set, less that of the full softmax, against the prediction.", "name": "fig-vocabulary-shifts"}}
theory.plot_shifts(shifts)
plt.show()

# %% [markdown]
# Compare three columns. Is S(p) lower where less of the prior should be left: does the theory give the *order*? Is the R² of the line high: does it give the *pattern* over classes? And is the slope near 1: does it give the *size*? A slope well below 1 beside a fair R² says that the shift is of the predicted kind, and smaller; `r2_as_predicted` is then negative, as no shift at all would be a better guess than the full one.
#
# ## Where it breaks, and why
#
# The theory speaks of the optimum. Look at the loss of the last epoch: these networks have all but memorised their training pictures. Where every training picture's label is certain, $\log p(c \mid x)$ is a step from 0 to minus infinity; a finite shift cannot move it, and the loss has no gradient left that could ask for one. What shift there is must come from the time before, or from pictures that are not yet memorised. Two tests follow, each a pair of runs with and without the in-batch vocabulary: stop after one epoch, or make memorising harder with strong crops.

# %% tags=["nbval-ignore-output"]
PAIRS = {
    "six epochs": {},
    "one epoch": {"duration": "1 epochs"},
    "strong crops": {"crop": 0.3},
}
pairs = {
    k: [
        study.train_or_load(study.config("sl", seed=0, **fields, **vocabulary))
        for vocabulary in ({}, RUNS["in-batch 32"])
    ]
    for k, fields in PAIRS.items()
}

# %%
rows = {}
for k, (without, with_) in pairs.items():
    table = theory.shifts(with_.per_class, without.per_class, with_.run.objective)
    rows[k] = {
        "loss, full softmax": without.metrics["loss"],
        "S(p), full softmax": without.metrics["spearman_predictions"],
        "S(p), in-batch": with_.metrics["spearman_predictions"],
        **vars(agreement(table["measured"], table["predicted"])),
    }
pd.DataFrame(rows).T

# %% [markdown]
# If memory is what stands between theory and training, the slope must grow with the loss that is left. It does. After one epoch, when the loss is still large, the shift has nearly the predicted size, and the prediction explains most of the variance as it stands, nothing fitted. With strong crops size and pattern lie between. So the shift is learned early, and training on to the end undoes most of it, or dilutes it. One pair of runs each is a hint and not evidence, and a network of one epoch is hardly accurate. Three more reasons are built into the comparison. Weight decay and the bounded logits (cosines times at most 100) hold back what would otherwise grow. Training is short. And classes with a single picture give their logit one vector to learn from, however it is shifted. None of these has been told apart here.
#
# ## The recorded evidence
#
# At scale `cpu` (194 concepts, 6,000 pictures, eight epochs, one and the same permutation of frequencies for all runs of a seed) the factor `vocabulary` varies size, law and micro-batch. Slope and R² of each, mean over seeds with t intervals:

# %%
recorded = theory.recorded_agreements()
theory.over_seeds(recorded).astype(str)

# %% mystnb={"image": {"alt": "Measured S(p) against the predicted share of the log prior left, one marker a run. Markers of all laws lie on one rising band, from in-batch vocabularies of small micro-batches at the lower left to the full softmax at the upper right."}, "figure": {"caption": "Recorded runs, all laws and sizes: measured S(p) against the share of the prior that should be left; t intervals over seeds.", "name": "fig-vocabulary-collapse"}}
theory.plot_collapse(recorded)
plt.show()

# %%
mean = recorded.groupby("label")[["remaining", "S(p)"]].mean()
print(f"Spearman over runs: {mean.corr('spearman').iloc[0, 1]:.2f}")

# %% [markdown]
# Size and law matter through one number, computed without training: runs that reach the same share by different ways land near each other. That is the part of the theory that holds. The band is flat, and that is the part that does not: where hardly any of the prior should be left, most of S(p) is still there. The slopes say the same class by class.
#
# Is the rest of S(p) something that no shift of logits could remove, such as features that fit frequent classes better? Exercise 3 tests that with the logits of the full softmax.
#
# ### The claims of this chapter
#
# Each claim was written down before its runs, with the smallest effect that would matter.

# %%
verdicts = evidence.verdicts(lesson="dynamic_classification")
claims.table(verdicts)

# %% mystnb={"image": {"alt": "One row a claim in panels by metric: our effect with its interval over seeds, the paper's effect as a hollow diamond, and the smallest effect that would matter as a grey tick. Where both are drawn, our effects lie nearer to zero than the paper's."}, "figure": {"caption": "Our effects beside the paper's.", "name": "fig-vocabulary-claims"}}
claims.effects(verdicts)
plt.show()

# %% [markdown]
# A verdict of *undecided* is no support. And a claim whose effect is *absent* at this scale says that the effect is smaller here than we said would matter, not that the paper measured wrongly.
#
# ## All remedies in one plane
#
# Long-tailed learning has its own remedies. At equal budget, that is with equal pictures, steps and learning rate: {term}`logit adjustment` after training {cite}`menon2021`, {term}`balanced softmax` {cite}`ren2020`, {term}`class-balanced sampling` and tau-normalisation {cite}`kang2020`, a loss weighted by inverse frequency {cite}`cui2019`, and the federated loss of detection {cite}`zhou2021`, sigmoids over a sampled vocabulary. To the right is bias, upwards is accuracy; top left is where one wants to be.

# %% mystnb={"image": {"alt": "Scatter of accuracy against S(p) with intervals in both directions. Full softmax and vocabularies stand at the right, in-batch vocabularies a little to the left of them; CLIPs stand far to the left and lower. Of the remedies for long tails, in grey, balanced softmax and logit adjustment are the highest in accuracy, and logit adjustment is also the farthest to the left; the others stay near the full softmax."}, "figure": {"caption": "All recorded methods, means over seeds with both intervals; numbers are V, or the micro-batch.", "name": "fig-vocabulary-plane"}}
sources = {
    "vocabulary": evidence.experiment("vocabulary").settings,
    "baselines": set(evidence.experiment("baselines").settings) - {"none"},
    "the_gap": ["clip-template", "clip-title", "clip-full"],
}
theory.plot_plane(theory.united(sources))
plt.show()

# %% [markdown]
# The theory places some of these. Balanced softmax and logit adjustment at strength 1 leave a share of 0 of the prior, as in-batch vocabularies of two pictures would. Only logit adjustment arrives there: it is applied after training, where nothing can undo it, while balanced softmax goes the way of all shifts that a memorising network is given to learn. Both are the most accurate of all; a sampled vocabulary buys no such gain. CLIP on templates has that share, too, and yet stands far from all vocabularies: so the vocabulary, as a shift of logits, is at this scale not the whole answer to why CLIP is less biased. CLIP's batch counts captions and not classes, its loss cannot reach 0 when two captions are the same, and its other half chooses pictures for captions. The recorded runs do not tell these apart.
#
# ## The paper's numbers beside ours
#
# The paper varies $V$ with draws by frequency (Fig. 3). The release holds one more figure, which the paper leaves out: draws by frequency against uniform ones, with a frozen head. Sixty-four pictures share a vocabulary there, as each GPU draws its own, so that with $V = 50$ the batch's own 62 classes already fill it and the law of drawing is idle. From $V$, law and class frequencies alone, the share of the prior left is:

# %%
theirs = theory.paper_vocabularies()
theirs.pivot(index="V", columns="series", values=["remaining", "S(p)"]).T

# %% mystnb={"image": {"alt": "The paper's S(p) against the predicted share of the prior left for three series. From scratch, drawn by frequency: a rising line. Frozen head, by frequency and uniformly: rising lines, but for V of 50, which lies too high."}, "figure": {"caption": "The paper's S(p) (read off its figures) against the share of the prior that the theory leaves; numbers are V.", "name": "fig-vocabulary-paper"}}
theory.plot_beside_theory(theirs)
plt.show()

# %% [markdown]
# The theory has seen none of these trainings. Within the series from scratch it has the order of all five runs. With a frozen head it says why uniform draws of 200 classes hardly de-bias and draws by frequency do: about three quarters of the prior are left by the one, a tenth by the other. One point does not fit: with a frozen head the paper's $V = 50$ is more biased than $V = 100$, where the theory has it the other way. The paper's runs are single; whether that is chance, nobody can tell.
#
# For ours beside these, read the table of claims: our S(p) starts far higher, since our profile is LAIONet's, and falls less.
#
# ## What this scale cannot show
#
# - **A network that cannot memorise.** The paper's has a thousand times our pictures, and its S(p) follows the shift further. Whether it is the data, the tail or the training that makes the difference, our runs do not say.
# - **Large vocabularies.** With 60 or 194 classes, 32 pictures already fill a good part of any vocabulary.
# - **Several GPUs.** Vocabularies drawn on each, with gradients averaged, are many small vocabularies and not one large.
#
# ## Turn the size yourself
#
# What does each size leave of the prior? No training, only the theory.


# %% tags=["nbval-ignore-output"]
def draw(size):
    return theory.plot_laws(frequency, size, theory.LAWS)


def alt(size):
    left = theory.remaining_curve(frequency, [size]).loc[size].round(2)
    return f"V = {size}; share of the log prior left: {left.to_dict()}"


widgets.slider_figure(draw, [16, 20, 24, 32, 48, 56], "V", 32, alt)

# %% mystnb={"image": {"alt": "Inclusion probability and residual prior against training pictures for vocabularies of 32 classes under three laws; draws by frequency flatten only the rarest classes."}, "figure": {"caption": "The slider's picture of V = 32.", "name": "fig-vocabulary-slider"}}
draw(32)
plt.show()

# %% [markdown]
# ## Exercises
#
# ````{exercise-start} How small must a micro-batch be?
# :label: ex-vocabulary-micro
# ````
#
# With in-batch vocabularies of two pictures nothing of the prior is left. What is the largest micro-batch, in powers of two, that leaves less than a tenth of it with the frequencies of this lesson (`largest`)?
#
# ```{hint}
# :class: dropdown
# `remaining(frequency, inclusion_in_batch(prior, m))`, with `prior` the shares of the training pictures.
# ```
#
# ````{exercise-end}
# ````

# %%
largest = ...

# %% tags=["hide-input"]
prior = frequency / frequency.sum()


def shares(sizes):
    return {m: remaining(frequency, inclusion_in_batch(prior, m)) for m in sizes}


expected = max(m for m, left in shares([2, 4, 8, 16, 32]).items() if left < 0.1)
_ = check("largest micro-batch", largest, expected, hint="Less than a tenth.")

# %% [markdown]
# ````{solution-start} ex-vocabulary-micro
# :class: dropdown
# ````

# %%
largest = max(m for m, left in shares([2, 4, 8, 16, 32]).items() if left < 0.1)
print(largest, {m: round(left, 2) for m, left in shares([2, 8, 32, 128]).items()})

# %% [markdown]
# The larger the micro-batch, the more classes are always present, and the more of the prior stays. It is a reason to expect that CLIP's large batches do *not* owe their balance to the classes present, but to counting how often each is.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} The weight that counting adds
# :label: ex-vocabulary-counting
# ````
#
# In CLIP a class that is in the batch $n_c$ times stands in the denominator $n_c$ times. Suppose that a classifier over in-batch vocabularies adds $\log n_c$ to its logits in training. Which share of the log prior does its optimum leave (`share`)?
#
# ```{hint}
# :class: dropdown
# Lesson 03 found that sum. What is divided out is the expected count, not the chance of being there.
# ```
#
# ````{exercise-end}
# ````

# %%
share = ...

# %% tags=["hide-input"]
_ = check("share left", share, 0.0, hint="What is E[n_c] in proportion to?")

# %% [markdown]
# ````{solution-start} ex-vocabulary-counting
# :class: dropdown
# ````

# %%
share = 0.0

# %% [markdown]
# None. Each of the other captions is a wrong answer drawn from the prior itself, so the optimum is $\log p(c \mid x) - \log p_c$, for every batch size. A vocabulary counts a class once, however often it occurs; there lies the difference.
#
# ````{solution-end}
# ````
#
# ````{exercise-start} Telling the shift apart from the features
# :label: ex-vocabulary-posthoc
# ````
#
# Logit adjustment shifts logits after training by exactly $-\log p_c$, and leaves features alone. Shift `logits` of the full softmax so, and put the S(p) of the predictions into `adjusted`. Guess its sign first.
#
# ```{hint}
# :class: dropdown
# `theory.predicted_bias(logits, frequency, …)`; the shift is that of $\pi_c = p_c$.
# ```
#
# ````{exercise-end}
# ````

# %%
adjusted = ...

# %% tags=["hide-input"]
answer = theory.predicted_bias(logits, frequency, shift(prior))
_ = check("S(p) after the shift", adjusted, answer, hint="`shift(prior)`.")

# %% [markdown]
# ````{solution-start} ex-vocabulary-posthoc
# :class: dropdown
# ````

# %%
adjusted = theory.predicted_bias(logits, frequency, shift(prior))
print(f"{full.metrics['spearman_predictions']:.2f} before, {adjusted:.2f} after")

# %% [markdown]
# A shift of the full size, put in after training, takes nearly all of the bias in predictions away, in this run. So features that fit frequent classes better do not make S(p) on their own; what the vocabularies lacked was the size of the shift. Training to memory is what withheld it.
#
# ````{solution-end}
# ````
#
# ## Summary
#
# - A softmax over a sampled vocabulary learns $\log p(c \mid x) - \log \pi_c$: exactly if classes are included independently, closely otherwise, as a table of free logits shows.
# - Draws by frequency flatten the tail of the prior, uniform draws adjust almost nothing; how much is left follows from class frequencies, size, law and micro-batch.
# - In recorded runs this number orders S(p) over all laws; and it orders the paper's own vocabularies, but for one.
# - The measured shift is a fraction of the predicted one where training pictures are memorised, and close to it after a single epoch.
# - At this scale vocabularies alone do not reach what CLIP does.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`oord2018`; {cite:t}`ren2020`; {cite:t}`menon2021`; {cite:t}`kang2020`; {cite:t}`cui2019`; {cite:t}`zhou2021`; {cite:t}`bengio2008`; {cite:t}`jean2015`. In full on the page {doc}`../book/references`.
