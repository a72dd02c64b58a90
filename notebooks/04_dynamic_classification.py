# ---
# jupyter:
#   course: {question: "Is it the vocabulary?", figure: "Fig. 3, 19", scale: tiny, minutes: 3, memory_gb: 1.3}
# ---

# %% [markdown]
# # Is it the vocabulary?
#
# **Claim: a softmax over a few sampled classes takes the log of each class's chance of being sampled off its logit. This one number, known before training, puts our runs in the order of their S(p). It also says what CLIP's large batches do not owe their balance to: in-batch classes of 128 pictures leave .40 of the class prior, while counting how often each class is in the batch leaves 0.**
#
# After this lesson you can
#
# - write the draw of a {term}`vocabulary`, the loss of a sampled softmax, {term}`balanced softmax` and {term}`logit adjustment`;
# - simulate with which chance a class is in the vocabulary of another class's picture;
# - predict, before any training, how much of the class prior is left and which runs de-bias;
# - explain why *counting* classes differs from noting their *presence*, and what follows for CLIP;
# - hold a prediction against a measurement class by class, and read its slope apart from its R²;
# - shift a trained classifier's logits, and so tell a prior from features.
#
# Figures treated: the paper's Fig. 3 and 19 (its Sec. 3.3), and a figure of its release. The live part takes about 180 CPU-seconds; reading, forty minutes. Before this: {doc}`03_clip_against_supervised`.

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from IPython.display import HTML

from lt_course import evidence, study
from lt_course.data.class_profiles import profile_counts
from lt_course.lessons import exercises, side_by_side
from lt_course.lessons import prior_shift as package
from lt_course.lessons import vocabularies as lesson
from lt_course.objectives.classify import SupervisedConfig, vocabulary_mask
from lt_course.plots import claims, data_table, style
from lt_course.statistics import spearman
from lt_course.study.dataset import load_dataset
from lt_course.study.execute import build_objective

check = exercises.of("dynamic_classification")
style.use()
pd.options.display.float_format = "{:.2f}".format
pd.options.display.max_colwidth = None

# %% [markdown]
# ## What the paper says, and what we ask
#
# CLIP tells a picture's caption from the other captions of its batch. These name few of all classes, and other ones in each step. In Sec. 3.3 the paper takes this for a cause of CLIP's balance, and gives a classifier the same: in each step its softmax runs over a vocabulary of the classes in the batch, filled up to $V$ classes by drawing. The classifier's bias falls.
#
# We ask what such a softmax learns. The answer is a formula. Here is one real batch of drawings to write it on: 128 pictures, in four {term}`vocabulary groups <vocabulary group>` of 32, each of which shares a vocabulary.

# %%
sl = study.config("sl", seed=0)
data = load_dataset(sl)
frequency = torch.from_numpy(data.frequency).float()
prior = frequency / frequency.sum()
C = len(prior)
labels = torch.from_numpy(data.labels[data.order.rows(0)])
groups = labels.view(-1, 32)
print(f"{C} classes, {len(labels.unique())} of them among {len(labels)} pictures,")
print([len(group.unique()) for group in groups], "in each group of 32")

# %% [markdown]
# ## The draw, in seven lines
#
# The classes present come first; others are drawn without replacement until there are $V$. Gumbel noise on log weights, and then the largest, is that law exactly {cite}`kool2019`. It has no loop, so it draws for all groups at once.


# %%
def draw_vocabulary(labels, size, weights, chance):
    """Classes int64 [G, m] of G groups -> vocabularies bool [G, C]."""
    present = F.one_hot(labels, len(weights)).bool().any(dim=1)
    gumbel = -torch.log(-torch.log(torch.rand(present.shape, generator=chance)))
    keys = (weights.log() + gumbel).masked_fill(present, torch.inf)
    place = keys.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return present | ((place < size) & (weights > 0))


# %%
def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


vocabulary = draw_vocabulary(groups, 24, frequency, seeded())
torch.testing.assert_close(
    vocabulary, vocabulary_mask(groups, 24, frequency, seeded())
)
print("classes in each vocabulary:", vocabulary.sum(dim=1).tolist())

# %% [markdown]
# ## Five losses, a line each
#
# Each is a cross-entropy. They differ in what is added to the logits: the log of 0 shuts a class out, the log of 1 lets it in.

# %%
model = build_objective(sl, data, None, torch.device("cpu"))
with data.loader(torch.device("cpu")) as get_batch:
    batch = get_batch(data.order.rows(0), 0)
features = model.encode(batch)[0].detach()
logits = model.head(features).detach()
in_sight = vocabulary.repeat_interleave(32, dim=0)
counts = F.one_hot(labels, C).sum(dim=0)

full_softmax = F.cross_entropy(logits, labels)
sampled_softmax = F.cross_entropy(logits + in_sight.log(), labels)
presence_in_batch = F.cross_entropy(logits + (counts > 0).log(), labels)
counting_in_batch = F.cross_entropy(logits + counts.log(), labels)
balanced_softmax = F.cross_entropy(logits + prior.log(), labels)

# %% [markdown]
# The sampled softmax is uncorrected: nothing makes up for the classes left out. Counting is what CLIP does when captions name the class and nothing else, as {doc}`03_clip_against_supervised` derived: a class with $n_c$ captions stands in the sum $n_c$ times. Balanced softmax adds the log prior in training. Logit adjustment takes it off *after* training: `logits - prior.log()`.
#
# The package has the same losses as options of one objective.


# %%
def of_package(**fields):
    run = study.config("sl", seed=0, **fields)
    objective = build_objective(run, data, None, torch.device("cpu"))
    return objective.loss((features,), batch, seeded())[0].detach()


for ours, fields in [
    (full_softmax, {}),
    (sampled_softmax, {"vocabulary": 24}),
    (presence_in_batch, {"sampling": "in-batch", "vocabulary_group": 128}),
    (balanced_softmax, {"adjustment": "balanced-softmax"}),
]:
    torch.testing.assert_close(ours, of_package(**fields))

# CLIP, were its captions the class vectors: the caption of 128 that is one's own.
captions = F.cross_entropy(logits[:, labels], torch.arange(128))
torch.testing.assert_close(
    captions, counting_in_batch + counts[labels].log().mean()
)

adjusted = study.config("sl", seed=0, adjustment="logit-adjustment")
adjusting = build_objective(adjusted, data, None, torch.device("cpu"))
torch.testing.assert_close(adjusting.scores(features), logits - prior.log())

# %% [markdown]
# The two sides of the CLIP line differ by the mean of $\log n_y$, which no parameter moves.
#
# ## What a sampled softmax learns
#
# Let picture $x$ have label $y$. Its vocabulary $A$ always holds $y$; let it have the probability $Q(A \mid y)$. For given $x$ and $A$ the best softmax is the posterior of the label, $p(y \mid x, A) \propto p(y \mid x)\, Q(A \mid y)$ for $y \in A$. One set of logits has to give that for all vocabularies.
#
# **A case where it can.** Let every class but $y$ enter independently, with a probability $\pi_c$. Then
#
# $$Q(A \mid y) = \frac{1}{\pi_y} \prod_{c \in A} \pi_c \prod_{c \notin A} (1 - \pi_c),$$
#
# where $1 / \pi_y$ is there because $y$ itself needs no luck. The products are the same for every $y \in A$ and cancel. So, exactly,
#
# $$f_c(x) = \log p(c \mid x) - \log \pi_c + \text{constant}(x), \qquad \pi_c = P(c \in A \mid y \neq c).$$
#
# By Bayes' rule $\log p(c \mid x)$ contains the log prior $\log p_c$, so $\log p_c - \log \pi_c$ is left of it.
#
# **The step that approximates.** Real classes compete for places: a vocabulary of $V$ that holds one more rare class holds one fewer of another. Then no single $f$ is right for every vocabulary, and the formula is close instead of exact.
#
# ## The chance of being present
#
# If a vocabulary is the classes of $m$ independent pictures, the $m - 1$ others decide whether $c$ is there:


# %%
def presence(prior, m):
    return 1 - (1 - prior) ** (m - 1)


np.testing.assert_allclose(
    presence(prior, 32), package.inclusion_in_batch(prior, 32), rtol=1e-3
)

# %% [markdown]
# ### Exercise: count instead of calculating
#
# *Write · difficulty 2 of 3 · 10 minutes · trains turning a conditional probability into a simulation*
#
# Write `simulated_presence(prior, m, draws)`. `prior` is a float tensor [C] of shares that sum to 1. Draw `draws` groups of `m` labels from it. The first picture of a group is the one asked about. Return a float tensor [C]: for each class $c$, in which share of those groups *whose first picture is not of class c* the class is present. Twenty thousand draws are checked to two digits. [Solution](solutions/04_dynamic_classification)


# %% exercise="simulated-presence"
def simulated_presence(prior, m, draws): ...


# %% tags=["remove-cell"]
check("simulated-presence", simulated_presence)

# %% [markdown]
# For drawn vocabularies there is no such formula. The same count works for them: draw labels, draw vocabularies with the seven lines, and count.


# %%
def inclusion(weights, size, m, prior=prior, draws=5_000):
    """pi of each class, float [C], counted."""
    chance = seeded()
    labels = torch.multinomial(
        prior.expand(draws, -1), m, replacement=True, generator=chance
    )
    vocabulary = draw_vocabulary(labels, size, weights, chance)
    others = labels[:, :1] != torch.arange(len(prior))
    return (vocabulary & others).sum(dim=0) / others.sum(dim=0)


drawn = package.inclusion(data.frequency, SupervisedConfig(24, "frequency", 32))
np.testing.assert_allclose(inclusion(frequency, 24, 32), drawn, atol=0.04)

# %% mystnb={"image": {"alt": "Chance of being present against share of the training pictures, in log axes, for groups of 2, 8, 32 and 128 pictures. Counted dots lie on the lines of the formula, and scatter where chances are below one in a hundred. For 2 pictures the line is straight; for 128 pictures it bends and reaches 1 for the most frequent classes."}, "figure": {"caption": "In-batch classes: chances counted over 5,000 groups (dots) on the formula (lines).", "name": "fig-vocabulary-presence"}}
nothing = torch.zeros(C)
counted = {m: inclusion(nothing, 0, m) for m in (2, 8, 32, 128)}
lesson.plot_presence(prior, counted)
plt.show()

# %% [markdown]
# With two pictures $\pi_c = p_c$: the whole prior goes. With many, a frequent class is nearly always there. Its $\pi_c$ cannot pass 1, and its prior stays.
#
# Three laws fill vocabularies up: in proportion to frequency, to its square root, or uniformly.

# %% mystnb={"image": {"alt": "Left: chance of being in a vocabulary of 24 against training pictures, in log axes. Drawn by frequency it rises in proportion up to 1; drawn uniformly it is nearly flat for rare classes. Right: what is left of the log prior. By frequency it is flat for the rarer half and rises for frequent classes; drawn uniformly it stays close to the straight line of the log prior, and by the square root it lies between."}, "figure": {"caption": "Vocabularies of 24 of 60 classes. Left: the chance of being in the vocabulary of another class's picture. Right: what is left of the log prior.", "name": "fig-vocabulary-laws"}}
lesson.plot_laws(data.frequency, 24, lesson.LAWS)
plt.show()

# %% [markdown]
# Draws by frequency make $\pi_c$ proportional to frequency where it is far from 1: **they flatten the tail and leave the head.** Uniform draws add the same chance to every class, so rare classes keep most of their handicap.
#
# ## The share of the prior that is left
#
# One number sums this up: regress $\log p_c - \log \pi_c$ on $\log p_c$. A slope of 1 is all of the prior, 0 none.


# %%
def share_left(prior, included):
    centred = prior.log() - prior.log().mean()
    left = prior.log() - included.log()
    return float(centred @ left / (centred @ centred))


np.testing.assert_allclose(
    share_left(prior, presence(prior, 32)),
    package.remaining(data.frequency, package.inclusion_in_batch(prior, 32)),
    atol=1e-3,
)

# %% [markdown]
# ### Exercise: what does a batch of 128 leave?
#
# *Predict · difficulty 1 of 3 · 3 minutes · trains reading a probability as a shift of logits*
#
# In-batch classes of 2 pictures leave none of the prior, a full softmax leaves all. A batch of this course has 128 pictures, which show 28 of the 60 classes. Which share is left if each picture is told from the classes *present* in its batch? Commit to a number from 0 to 1. [Solution](solutions/04_dynamic_classification)

# %% exercise="share-of-128"
share_of_128 = ...

# %% tags=["remove-cell"]
check("share-of-128", share_of_128)

# %%
check.reveal("share-of-128", share_left(prior, presence(prior, 128)))
sizes = [2, 8, 32, 128]
present = [share_left(prior, presence(prior, m)) for m in sizes]
counting = [share_left(prior, (m - 1) * prior) for m in sizes]
pd.DataFrame({"presence": present, "counting": counting}, sizes).T.abs()

# %% [markdown]
# Here is the result that the claim begins with. Counting puts $n_c$ in the place of 0 or 1. Its expected value, $(m - 1)\, p_c$, is proportional to the prior at every batch size, so nothing of the prior is left. Presence is a count that stops at 1. For two pictures they are the same; the larger the batch, the further they part.
#
# The paper's own batches, with class frequencies of the Gini coefficient of {term}`ImageNet-Captions <IN-Caps>`:

# %%
theirs = torch.from_numpy(profile_counts("incaps", 1_000, 448_896)).double()
theirs = theirs / theirs.sum()
rows = {
    m: [
        float((1 - (1 - theirs) ** m).sum()),
        share_left(theirs, presence(theirs, m)),
    ]
    for m in (64, 1_024)
}
pd.DataFrame(rows, ["classes present", "share left by presence"]).T.rename_axis("m")

# %% [markdown]
# The paper's classifier shares a vocabulary among the 64 pictures of a GPU: the few classes there leave almost nothing of the prior. But its CLIP has batches of 1,024, which hold about 600 of the 1,000 classes. Were presence the cause, two fifths of the prior would stay. So a small vocabulary is not a model of CLIP's batch; it is a small batch in which presence happens to do the work of counting. **CLIP's large batches do not owe their balance to the classes present.** They can owe it to how often each caption stands among the wrong answers. That sharpens the paper's Sec. 3.3, and does not contradict its measurements.

# %% [markdown]
# ### Exercise: presence or count
#
# *Explain · difficulty 2 of 3 · 8 minutes · trains saying what a derivation says, without its symbols*
#
# A colleague writes: "CLIP is balanced because its batch holds only some of the classes. So a larger batch must make CLIP more biased." In three or four sentences: what happens to the share left by *presence* as batches grow, what to the share left by *counting*, which of the two is in CLIP's loss, and what therefore follows for large batches? Put the text into `explanation`. [Solution](solutions/04_dynamic_classification)

# %% exercise="presence-or-count"
explanation = ...

# %% tags=["remove-cell"]
check("presence-or-count", explanation)

# %% [markdown]
# ## Does the algebra hold?
#
# Before any network: a world of five kinds of pictures, each uncertain among twelve classes, and a table with one free logit for each kind and class. There is nothing to memorise and nothing to generalise. The loss is minimised to the end.


# %%
def best_logits(posterior, m, seen, pictures=60_000):
    """Free logits [K, C] at the least loss; seen: classes [G, m] -> weights [G, C]."""
    kind = torch.randint(len(posterior), (pictures,), generator=seeded(1))
    labels = torch.multinomial(posterior[kind], 1, generator=seeded(2))[:, 0]
    added = seen(labels.view(-1, m)).log().repeat_interleave(m, dim=0)
    logits = torch.zeros_like(posterior, requires_grad=True)
    search = torch.optim.LBFGS(
        [logits], max_iter=200, line_search_fn="strong_wolfe"
    )

    def loss():
        search.zero_grad()
        value = F.cross_entropy(logits[kind] + added[: len(kind)], labels)
        value.backward()
        return value

    search.step(loss)
    return logits.detach()


# %%
zipf = 1 / np.arange(1, 13)
kinds = np.random.default_rng(0).dirichlet(30 * zipf / zipf.sum() + 1, size=5)
kinds = torch.from_numpy(kinds).float()
p, flat, none = kinds.mean(dim=0), torch.ones(12), torch.zeros(12)


def filled(weights, size):
    return lambda labels: draw_vocabulary(labels, size, weights, seeded(3))


worlds = {
    "presence, m = 8": (8, filled(none, 0), presence(p, 8)),
    "counting, m = 8": (8, lambda labels: F.one_hot(labels, 12).sum(1), p),
    "frequency, V = 8, m = 4": (4, filled(p, 8), inclusion(p, 8, 4, p)),
    "uniform, V = 8, m = 4": (4, filled(flat, 8), inclusion(flat, 8, 4, p)),
}

# %%
found = {}
for name, (m, seen, included) in worlds.items():
    moved = (best_logits(kinds, m, seen) - kinds.log()).mean(dim=0)
    agreed = package.agreement(moved, -included.log())
    found[name] = {"slope": agreed.slope, "R²": agreed.r2}
found = pd.DataFrame(found).T
assert found["R²"].min() > 0.9
found

# %% [markdown]
# The slope is that of the measured shift on the predicted one, and R² the share of variance that this line explains. All four follow the formula. Slopes a little off 1 are the competition for places.
#
# ## The prediction, before training
#
# The share left for all sizes and laws, from class frequencies alone:

# %%
curve = lesson.remaining_curve(data.frequency, (16, 20, 24, 32, 40, 48, 60))
curve

# %% mystnb={"image": {"alt": "Share of the log prior left against vocabulary size from 16 to 60. The line for uniform draws begins at one half and rises steeply to above nine tenths, square-root draws lie between, and draws by frequency rise slowly and evenly from below one fifth. All meet at 1 when V is 60."}, "figure": {"caption": "Predicted from class frequencies and the way of drawing alone.", "name": "fig-vocabulary-curves"}}
lesson.plot_remaining(curve)
plt.show()

# %% [markdown]
# Uniform draws do adjust: with 16 classes about half of the prior is gone, for most of these are the batch's own. But at every size they leave more than draws by frequency, and with two thirds of the classes drawn almost everything.

# %% [markdown]
# ### Exercise: four runs in order
#
# *Predict · difficulty 2 of 3 · 5 minutes · trains predicting a training from frequencies alone*
#
# Four classifiers will be trained: `"in-batch 8"` and `"in-batch 32"` see the classes of 8 and of 32 pictures, `"frequency 24"` and `"uniform 24"` fill these of 32 pictures up to 24 classes. Put them in the order of their S(p), the most biased first, as a list of the four names. [Solution](solutions/04_dynamic_classification)

# %% exercise="order-of-bias"
order_of_bias = ...

# %% tags=["remove-cell"]
check("order-of-bias", order_of_bias)

# %% [markdown]
# To predict the number S(p), too, we borrow the logits of the full softmax, add the predicted shift to each, and count predictions anew. This uses one training without any vocabulary, and none with one.

# %% tags=["nbval-ignore-output"]
full = study.train_or_load(sl)
logits = lesson.logits_on_test(full)


# %%
def predicted_bias(shift):
    named = np.bincount((logits + shift).argmax(axis=1), minlength=C)
    return spearman(data.frequency, named)


RUNS = {
    "in-batch 8": {"sampling": "in-batch", "vocabulary_group": 8},
    "in-batch 32": {"sampling": "in-batch"},
    "frequency 24": {"vocabulary": 24},
    "uniform 24": {"vocabulary": 24, "sampling": "uniform"},
}
asked = {k: study.config("sl", seed=0, **fields) for k, fields in RUNS.items()}
prediction = {}
for name, run in asked.items():
    pi = package.inclusion(data.frequency, run.objective)
    left = share_left(prior, torch.from_numpy(pi).float())
    expected = predicted_bias(-np.log(pi))
    prediction[name] = {"share left": left, "S(p) predicted": expected}
prediction = pd.DataFrame(prediction).T
prediction

# %% [markdown]
# ## Now train
#
# The runs differ from the full softmax in their vocabulary alone.

# %% tags=["nbval-ignore-output"]
trained = {name: study.train_or_load(run) for name, run in asked.items()}

# %%
shifts = {
    name: lesson.shifts(run.per_class, full.per_class, run.run.objective)
    for name, run in trained.items()
}
agreed = lesson.agreements(shifts)
live = {
    name: [run.metrics[m] for m in ("spearman_predictions", "accuracy")]
    for name, run in trained.items()
}
live = pd.DataFrame(live, ["S(p)", "accuracy"]).T
check.reveal("order-of-bias", list(live["S(p)"].sort_values(ascending=False).index))
print(f"full softmax: S(p) {full.metrics['spearman_predictions']:.2f}")
prediction.join(live).join(agreed[["slope", "r2"]].rename(columns={"r2": "R²"}))

# %% mystnb={"image": {"alt": "Four scatter plots of measured against predicted shift of the mean logit, one dot a class, for in-batch vocabularies of 8 and 32 pictures and vocabularies of 24 drawn by frequency and uniformly. In each a fitted line rises less steeply than the dashed line of a shift of the predicted size."}, "figure": {"caption": "Each class's mean logit on the test set, less that of the full softmax, against the prediction.", "name": "fig-vocabulary-shifts"}}
lesson.plot_shifts(shifts)
plt.show()

# %% [markdown]
# Three questions, three columns. Does S(p) come in the predicted *order*? Is R² high: do classes move in the predicted *pattern*? Is the slope near 1: do they move by the predicted *size*? Order and pattern are there. The size is not: the slopes are far below 1, and where a large shift is predicted, S(p) stays far above its prediction.
#
# ## Where it breaks
#
# The theory speaks of the optimum for pictures whose label is uncertain. A network that has memorised its training pictures is certain: $\log p(c \mid x)$ is a step from 0 to minus infinity, and a finite shift has nothing left to move. If memory is what stands between theory and training, networks trained for less long should be nearer to the prediction. Full softmax and in-batch vocabularies of 32, three seeds, each a whole training of one, two or six epochs:

# %% tags=["nbval-ignore-output"]
rows = []
for epochs in (1, 2, 6):
    for seed in (0, 1, 2):
        run = study.config("sl", seed=seed, duration=f"{epochs} epochs")
        vocabulary = study.override(run, **RUNS["in-batch 32"])
        both = study.train_or_load_all([run, vocabulary])
        rows.append({"epochs": epochs, "seed": seed} | lesson.compared(*both))
by_epochs = pd.DataFrame(rows)
by_epochs.set_index(["epochs", "seed"])

# %% mystnb={"image": {"alt": "Left: the slope of the measured on the predicted shift is about 1 after one epoch and after two, and below two fifths after six, with three seeds close together. Right: accuracy over the same epochs rises from below a tenth over a quarter to nearly a half."}, "figure": {"caption": "Three seeds, and their means as lines. Dashed: a shift of the predicted size.", "name": "fig-vocabulary-epochs"}}
lesson.plot_epochs(by_epochs)
plt.show()

# %% [markdown]
# The slope is about 1 after one epoch and after two, and falls once the training pictures are memorised (a loss near 0). It does so in every seed. Read accuracy beside it. The network of one epoch recognises almost nothing and never names most of the 60 classes, so it is no evidence on classifiers. The network of two epochs is: it is right in a quarter of cases, where guessing is in one of sixty; its logits move by the predicted size, and its S(p) is near the predicted one. (That is high all the same: when pictures still tell little, the sixth of the prior that is left decides most predictions.) What a network shows that was trained to memory is a part of that shift. Weight decay, bounded logits and classes with a single picture may hold it back as well; none of these has been told apart here.
#
# %% [markdown]
# ### Exercise: shift it after training
#
# *Compute · difficulty 2 of 3 · 8 minutes · trains telling a prior from features*
#
# Are the features at fault? Logit adjustment leaves them alone. Take `logits` of the full softmax (float [M, C], numpy), apply logit adjustment with `prior`, count how often each class is named, and put the S(p) into `after`, to two digits. Guess the sign first. [Solution](solutions/04_dynamic_classification)

# %% exercise="after-training"
after = ...

# %% tags=["remove-cell"]
check("after-training", after)

# %% [markdown]
# ### Exercise: get the prior back
#
# *Write · difficulty 3 of 3 · 10 minutes · trains using a derivation in the other direction*
#
# Recommender systems sample classes to save time, and do not want the optimum to move. Write `corrected_loss(logits, labels, vocabulary, included)`: a softmax over each picture's vocabulary whose optimum is $\log p(c \mid x)$ itself when classes enter independently. `logits` float [N, C], `labels` int64 [N], `vocabulary` bool [N, C], `included` float [C], the $\pi_c$; return the mean loss. [Solution](solutions/04_dynamic_classification)


# %% exercise="corrected-loss"
def corrected_loss(logits, labels, vocabulary, included): ...


# %% tags=["remove-cell"]
check("corrected-loss", corrected_loss)

# %% [markdown]
# ## The recorded evidence
#
# At scale `cpu` (194 concepts, 6,000 pictures, eight epochs) thirteen settings vary size, law and group, with seeds 0 to 4: means with t intervals.

# %%
recorded = lesson.recorded_agreements()
lesson.recorded_table(recorded)

# %% mystnb={"image": {"alt": "Measured S(p) against the predicted share of the log prior left, one marker a setting. Markers of all laws lie on one rising band, from in-batch vocabularies of small groups at the lower left to the full softmax at the upper right."}, "figure": {"caption": "Recorded runs, all laws and sizes: measured S(p) against the share of the prior that should be left; t intervals over seeds.", "name": "fig-vocabulary-collapse"}}
lesson.plot_collapse(recorded)
plt.show()

# %%
figure_data = lesson.recorded_table(recorded)[["share left, predicted", "S(p)"]]
data_table(figure_data, "Means over seeds with 95 % t intervals.")

# %%
mean = recorded.groupby("label")[["remaining", "S(p)"]].mean()
print(f"Spearman over settings: {mean.corr('spearman').iloc[0, 1]:.2f}")

# %% [markdown]
# Size and law matter through one number that is computed without training: settings that reach the same share by different ways land near each other. That part of the theory holds. The band is flat: where hardly any of the prior should be left, most of S(p) is still there.
#
# Each claim names the smallest effect that would matter, and the seeds 5 to 9 were first trained when the claims had been declared (the page {doc}`../book/results` lists what had been seen before).

# %%
HTML(side_by_side.evidence_table("dynamic_classification"))

# %% mystnb={"image": {"alt": "One row a claim in panels by metric: our effect with its interval over seeds, the paper's effect as a hollow diamond, and the smallest effect that would matter as a grey tick. Where both are drawn, our effects lie nearer to zero than the paper's."}, "figure": {"caption": "Effects that are recorded, beside the paper's.", "name": "fig-vocabulary-claims"}}
claims.effects(side_by_side.recorded("dynamic_classification"))
plt.show()

# %% [markdown]
# The effects on S(p) repeat with fresh seeds. That a vocabulary raises accuracy does not: it is supported by the first five seeds and undecided by the others. Strong crops, which hinder memory, let an in-batch vocabulary take more off S(p); that interval begins close to 0. Photographs stand in the same rows where they are recorded.
#
# ## All remedies in one plane
#
# Long-tailed learning has its own remedies: logit adjustment {cite}`menon2021`, balanced softmax {cite}`ren2020`, {term}`class-balanced sampling` and tau-normalisation {cite}`kang2020`, a loss weighted by inverse frequency {cite}`cui2019`, and the federated loss of detection {cite}`zhou2021`. All at equal budget; top left is where one wants to be.

# %% mystnb={"image": {"alt": "Scatter of accuracy against S(p) with intervals in both directions. The full softmax and vocabularies stand at the right, in-batch vocabularies a little to the left of them; CLIPs stand far to the left and lower. Of the remedies for long tails, in grey, balanced softmax and logit adjustment are the highest in accuracy, and logit adjustment is also the farthest to the left; the others stay near the full softmax."}, "figure": {"caption": "Recorded methods, means over seeds with both intervals; numbers are sizes of the group of in-batch vocabularies other than 32.", "name": "fig-vocabulary-plane"}}
sources = {
    "vocabulary": evidence.experiment("vocabulary").settings,
    "baselines": set(evidence.experiment("baselines").settings) - {"none"},
    "the_gap": ["clip-template", "clip-title"],
}
lesson.plot_plane(lesson.united(sources))
plt.show()

# %% [markdown]
# Balanced softmax and logit adjustment both leave a share of 0. Only logit adjustment comes near it: applied after training, nothing can undo it. Balanced softmax is added during training, and a memorising network follows it in part, as it follows vocabularies. CLIP on templates counts, and should have a share of 0, too. It is lower in S(p) than any vocabulary, yet not at 0: training undoes a part of that shift as well, or other causes act. The recorded runs do not tell these apart.
#
# ## The paper's runs, predicted
#
# From $V$, the law, 64 pictures to a GPU and class frequencies alone, the share left in each of the paper's runs (its Fig. 3 and 19, and the figure of the release; {term}`frozen heads <frozen head>` in the latter two):

# %%
papers = lesson.paper_vocabularies()
papers.pivot(index="V", columns="series", values=["remaining", "S(p)"]).T.rename(
    {"remaining": "share left"}
)

# %% mystnb={"image": {"alt": "The paper's S(p) against the predicted share of the prior left for three series. From scratch, drawn by frequency: a rising line. Frozen head, by frequency: a line that rises but for its first point, for V of 50, which lies higher than the next one. Frozen head, uniformly: a line that rises and falls a little at its end."}, "figure": {"caption": "The paper's S(p), read off its figures, against the share of the prior that the theory leaves; numbers are V.", "name": "fig-vocabulary-paper"}}
lesson.plot_beside_theory(papers)
plt.show()

# %%
pairs, inverted = lesson.inverted_pairs(papers)
print(f"{inverted} of {pairs} pairs of runs stand in the other order")

# %% [markdown]
# The theory has seen none of these trainings. From scratch it has the order of all five runs. With a frozen head it says why uniform draws of 200 classes hardly de-bias and draws by frequency do. It does not have every pair: as many as printed stand the other way, among them $V = 50$ with a frozen head, more biased than $V = 100$. Each of the paper's runs is single, so chance is one possible reason.
#
# ## Who was here before
#
# Rawat and others showed that the way negatives are sampled trades frequent labels against rare ones, as loss corrections do, and treat both in one framework {cite}`rawat2021`. Recommender systems subtract the log chance of being in the batch to *undo* the effect; Khrylchenko and others found that this correction overlooks that the positive is always present {cite}`khrylchenko2025`. Uchiyama and others use CLIP's scores as estimates of a density ratio, in which the caption's own frequency is divided out {cite}`uchiyama2026`. Zhu and others estimate a label bias that stays in CLIP, and remove it {cite}`zhu2023`. New here are the chances $\pi_c$ of the paper's sampler, presence set against counting, predictions made before training and held against it class by class, and where they fail.
#
# ## What this scale cannot show
#
# - **A network that cannot memorise.** The paper's has a hundred times our pictures, and its S(p) falls further. Whether the data, the profile or the training makes the difference, our runs do not say.
# - **Large vocabularies.** With 60 or 194 classes, 32 pictures fill a good part of any vocabulary.
# - **Batch size in CLIP.** The argument on presence and counting is about optima. No run here varies CLIP's batch.
#
# ## Summary
#
# - A softmax over a sampled vocabulary learns $\log p(c \mid x) - \log \pi_c$: exactly if classes enter independently, closely otherwise.
# - Draws by frequency flatten the tail of the prior; uniform draws leave more of it at every size.
# - Presence in large batches leaves much of the prior; counting leaves none, at any size. CLIP counts.
# - The share left orders S(p) over all laws in recorded runs, and most pairs of the paper's runs.
# - The shift has the predicted size early in training, and is a fraction of it once the training pictures are memorised.
#
# Next: {doc}`05_language` asks what captions add that class names do not have.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`kool2019`; {cite:t}`ren2020`; {cite:t}`menon2021`; {cite:t}`kang2020`; {cite:t}`cui2019`; {cite:t}`zhou2021`; {cite:t}`rawat2021`; {cite:t}`khrylchenko2025`; {cite:t}`uchiyama2026`; {cite:t}`zhu2023`; on sampled softmax, {cite:t}`bengio2008` and {cite:t}`jean2015`. In full on the page {doc}`../book/references`.
