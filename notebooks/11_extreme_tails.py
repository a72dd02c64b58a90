# ---
# jupyter:
#   course: {question: "One shot, zero shot", figure: "Fig. 8, 9", scale: tiny, minutes: 4, memory_gb: 1.3}
# ---

# %% [markdown]
# # Extreme tails: one shot, zero shot
#
# **Claim: a softmax over all classes pushes every picture away from classes that have no training pictures, and nothing pulls back. With frozen class vectors from text, every vocabulary that spares absent classes makes a classifier name them more often, at equal batch, steps and learning rate. Most of what it gains is a threshold: one number, added to the logits of absent classes after training, brings a full softmax to the same accuracy on them, and on our five seeds it costs seen classes about as much.**
#
# After this lesson you can
#
# - write the pull and the push of a softmax on each class's logit, and the step of a prototype;
# - compute, before training, which vocabularies spare an absent class;
# - predict from these forces which of five classifiers find absent classes;
# - explain why learnt prototypes of absent classes fall together;
# - lift absent classes after training, and tell a model that cannot see them from one that does not name them;
# - say who has seen what when a result is called zero-shot.
#
# Figures treated: the paper's Fig. 8 and 9 (its Sec. 4.1). The live part takes about 220 CPU-seconds; reading, thirty-five minutes. Before this: {doc}`03_clip_against_supervised`, {doc}`04_dynamic_classification`.

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from IPython.display import HTML

from lt_course import evidence, study
from lt_course.evaluation.neural_collapse import mean_cosine
from lt_course.lessons import exercises, side_by_side, tails
from lt_course.lessons.features import cosines_on_test
from lt_course.objectives.classify import vocabulary_mask
from lt_course.plots import claims, data_table, intervals, style
from lt_course.study.dataset import load_dataset
from lt_course.study.execute import build_objective

check = exercises.of("extreme_tails")
style.use()
pd.options.display.float_format = "{:.2f}".format
pd.options.display.max_colwidth = None

# %% [markdown]
# ## A tail, cut off
#
# The tail of the web ends in concepts with one picture. Behind them come those with none. The paper makes such a tail: in {term}`ImageNet-Captions <IN-Caps>`, the $k$ least frequent classes are cut to one picture or to none, and are tested all the same. We do it with the mild profile `incaps`, 60 classes and $k = 15$.

# %%
C, N = study.scale().concepts, study.scale().num_images
BASE = {"profile": "incaps", "num_images": 2 * N // 3, "duration": "8 epochs"}
BASE |= {"tail_classes": C // 4, "tail_shots": 0}
data = load_dataset(study.config("sl", seed=0, **BASE))
frequency = data.frequency
absent = frequency == 0
print(f"{(~absent).sum()} classes with {frequency[~absent].min()} to", end=" ")
print(f"{frequency.max()} pictures, {absent.sum()} without any")

# %% [markdown]
# ## Pull and push
#
# Let $p_c$ be the softmax of a picture's logits $z_c$, and $y$ its label. Cross-entropy has the gradient
#
# $$\frac{\partial \mathcal L}{\partial z_c} = p_c - 1 \ \text{ for } c = y, \qquad \frac{\partial \mathcal L}{\partial z_c} = p_c \ \text{ for every other class of the softmax.}$$
#
# A descent step goes against the gradient. So a class is *pulled* up by its own pictures and *pushed* down by all others. A class outside the softmax has no logit in the loss, and feels nothing. In code, with a mask that says which classes are in:


# %%
def forces(logits, labels, vocabulary):
    """Logits [N, C], bool [N, C] -> pull and push on each class, float [C]."""
    p = logits.masked_fill(~vocabulary, -torch.inf).softmax(dim=1)
    own = F.one_hot(labels, logits.shape[1])
    return ((1 - p) * own).mean(dim=0), (p * (1 - own)).mean(dim=0)


# %% [markdown]
# Here it is on one real batch of drawings and a classifier before training. Autograd must agree.

# %%
model = build_objective(study.config("sl", **BASE), data, None, torch.device("cpu"))
with data.loader(torch.device("cpu")) as get_batch:
    batch = get_batch(data.order.rows(0), 0)
labels = batch.labels
features = model.encode(batch)[0].detach()
prototypes = F.normalize(model.head.weight.detach(), dim=1)
scale = model.head.temperature.log_scale.exp().item()
logits = scale * features @ prototypes.T
torch.testing.assert_close(logits, model.head(features))

# %%
everyone = torch.ones(len(labels), C, dtype=torch.bool)
pull, push = forces(logits, labels, everyone)
leaf = logits.clone().requires_grad_()
F.cross_entropy(leaf, labels).backward()
torch.testing.assert_close(push - pull, leaf.grad.sum(dim=0))

both = 1e3 * torch.stack([pull, push]).numpy()
means = [both[:, kind].mean(axis=1) for kind in (~absent, absent)]
pd.DataFrame(means, ["seen classes", "absent classes"], ["pull", "push"])

# %% [markdown]
# The numbers are thousandths, for a class and a picture. Absent classes have no pictures of their own, so no pull.
#
# ## Where the push goes
#
# The logit is $z_c = s\, f^\top w_c$, with the normalised feature $f$ of the picture and the normalised {term}`prototype` $w_c$ of the class. The push on $z_u$ of an absent class $u$ can act on either side.
#
# - **Learnt prototypes.** Then $w_u$ moves.
# - **{term}`Frozen <frozen head>` prototypes.** Then the feature has to give way. Its descent step contains $-s\, p_u w_u$: the tower learns features with no component along the prototypes of absent classes.

# %% [markdown]
# ### Exercise: the step of a prototype
#
# *Write · difficulty 2 of 3 · 10 minutes · trains the chain rule, by hand and in code*
#
# Write `prototype_gradient(features, labels, prototypes, scale)`: the gradient of the mean cross-entropy of the logits `scale * features @ prototypes.T` with respect to `prototypes`, without autograd. `features` float [N, D], `labels` int64 [N], `prototypes` float [C, D], `scale` a number; return float [C, D]. [Solution](solutions/11_extreme_tails)


# %% exercise="prototype-gradient"
def prototype_gradient(features, labels, prototypes, scale): ...


# %% tags=["remove-cell"]
check("prototype-gradient", prototype_gradient)

# %% [markdown]
# For an absent class the gradient is the mean of $s\, p_u f$ over all pictures, so a descent step takes $w_u$ away from every picture, whatever it shows. Autograd on the real batch says how alike these steps are:

# %%
moving = prototypes.clone().requires_grad_()
F.cross_entropy(scale * features @ moving.T, labels).backward()
step = F.normalize(-moving.grad, dim=1)
middle = F.normalize(features.mean(dim=0), dim=0)
print(f"first steps, seen classes: mean cosine {mean_cosine(step[~absent]):.2f}")
print(f"first steps, absent classes: mean cosine {mean_cosine(step[absent]):.2f}")
print(f"absent steps and the mean feature: {(step[absent] @ middle).mean():.2f}")

# %% [markdown]
# All absent prototypes take the same step, opposite to the mean feature. Repeated, that makes them *fall together*. We shall see it after training.
#
# ## Vocabularies that spare the absent
#
# In {doc}`04_dynamic_classification` a softmax runs over a {term}`vocabulary` of some classes. Which laws of drawing let an absent class in? Five are compared: a full softmax; 36 of 60 classes drawn uniformly; as many drawn by frequency; the batch's own classes only; and all 45 seen classes. The last is a vocabulary of 59, one short of all, drawn by frequency. It comes out as the seen classes because **a class of frequency 0 has the weight 0 and is never drawn.**

# %%
counts = torch.from_numpy(frequency).float()
SOME, SEEN = {"vocabulary": 3 * C // 5}, {"vocabulary": C - 1}
LAWS = {  # weights, size, and the same as options of the package
    "full softmax": (torch.ones(C), C, {}),
    "uniform": (torch.ones(C), 3 * C // 5, SOME | {"sampling": "uniform"}),
    "by frequency": (counts, 3 * C // 5, SOME),
    "in-batch": (torch.zeros(C), 0, {"sampling": "in-batch"}),
    "seen only": (counts, C - 1, SEEN),
}


def draw(law, labels, chance):
    weights, size, _ = LAWS[law]
    drawn = vocabulary_mask(labels.view(-1, 32), size, weights, chance)
    return drawn.repeat_interleave(32, dim=0)


# %% [markdown]
# `vocabulary_mask` is the draw that lesson 04 writes in seven lines. The package's losses are cross-entropies over these masks:

# %%
for law, (_, _, options) in LAWS.items():
    chance = [torch.Generator().manual_seed(0) for _ in range(2)]
    run = study.config("sl", **BASE, **options)
    objective = build_objective(run, data, None, torch.device("cpu"))
    theirs = objective.loss((features,), batch, chance[0])[0]
    inside = draw(law, labels, chance[1])
    ours = F.cross_entropy(logits.masked_fill(~inside, -torch.inf), labels)
    torch.testing.assert_close(ours, theirs.detach())

# %% [markdown]
# Before training all logits are nearly equal. With equal logits, the forces follow from the law alone. Fifty batches of labels, drawn by frequency:


# %%
def at_start(law, batches=50):
    """Chance of being in the vocabulary, pull and push in thousandths: [3, C]."""
    chance, total = torch.Generator().manual_seed(0), torch.zeros(3, C)
    for _ in range(batches):
        drawn = torch.multinomial(counts, 128, replacement=True, generator=chance)
        inside = draw(law, drawn, chance)
        both = forces(torch.zeros(128, C), drawn, inside)
        total += torch.stack([inside.float().mean(dim=0), *both])
    return (total / batches).numpy() * [[1], [1e3], [1e3]]


names = ["in the vocabulary", "pull", "push"]
columns = [f"{name}, {kind}" for kind in ("seen", "absent") for name in names]
rows = {}
for law in LAWS:
    found = at_start(law)
    np.testing.assert_allclose(found[1].sum(), found[2].sum(), rtol=1e-4)
    rows[law] = [*found[:, ~absent].mean(axis=1), *found[:, absent].mean(axis=1)]
pd.DataFrame(rows, columns).T

# %% [markdown]
# Compare pull and push. Over *all* classes pull and push have the same sum, under every law; the cell asserts it. Over the *seen* classes they are equal only where absent classes are spared. Under the full softmax seen classes are pulled more strongly than they are pushed, for a part of the push goes to the absent ones. Uniform draws send a smaller part there.
#
# Absent classes are never pulled. Three laws leave them without push, too.

# %% [markdown]
# ### Exercise: one shot under a full softmax
#
# *Compute · difficulty 1 of 3 · 6 minutes · trains reading forces off frequencies*
#
# Give the absent classes one picture each, so that there are `(frequency + absent).sum()` pictures. All logits are equal. By what factor is the push on such a class stronger than its pull under the full softmax? Pencil and paper suffice; put the number into `one_shot`. A simulation that comes within 1 of it counts as right. [Solution](solutions/11_extreme_tails)

# %% exercise="one-shot"
one_shot = ...

# %% tags=["remove-cell"]
check("one-shot", one_shot)

# %% [markdown]
# ### Exercise: who finds the absent?
#
# *Predict · difficulty 1 of 3 · 4 minutes · trains predicting a training from a derivative*
#
# Classifiers with frozen prototypes are trained under three of the laws. Put `"full softmax"`, `"uniform"` and `"by frequency"` in the order of their accuracy on absent classes, best first, as a list of three names. [Solution](solutions/11_extreme_tails)

# %% exercise="order-of-laws"
order_of_laws = ...

# %% tags=["remove-cell"]
check("order-of-laws", order_of_laws)

# %% [markdown]
# **Our prediction.** *By frequency*, *in-batch* and *seen only* find absent classes, more or less alike, as none of them pushes. The *full softmax* misses them. *Uniform* draws push less often. But a push that nothing opposes goes on until $p_u$ is small, so they end near the full softmax: at best somewhat better. A classifier with *learnt* prototypes has no idea of an absent class, pushed or not.
#
# Note what is *not* predicted. Without a push an absent prototype is left alone; nothing pulls features towards it either. Whether pictures of an absent class land there depends on what frozen prototypes know of likeness between concepts, and on what the tower learnt from the seen ones.
#
# ## Eight methods, trained
#
# Six use frozen prototypes: a CLIP that has seen the open world embeds each class's name in 80 {term}`templates <template>`. CLIP with frozen text is one of the six. Batch, steps, learning rate, pictures and their order are the same for all.
#
# In the paper they are not. Its Fig. 8 compares classifiers of batch 256 and learning rate 0.1 with ones that draw vocabularies in batches of 1,024, at a rate of 0.4 and with a quarter of the steps. There, moreover, a vocabulary of 50 is smaller than the number of classes in a GPU's 256 pictures, so that nothing is ever drawn. What the figure credits to vocabularies, batch and steps may have done.

# %%
FROZEN = {"text_head": "open-world"}
METHODS = {
    "sl": ("sl", {}),
    "sl frozen": ("sl", FROZEN),
    "sl frozen uniform": ("sl", FROZEN | LAWS["uniform"][2]),
    "sl frozen vocabulary": ("sl", FROZEN | LAWS["by frequency"][2]),
    "sl frozen in-batch": ("sl", FROZEN | LAWS["in-batch"][2]),
    "sl frozen seen only": ("sl", FROZEN | LAWS["seen only"][2]),
    "clip": ("clip-template", {}),
    "clip frozen": ("clip-template", FROZEN),
}


# %%
def of_method(name, seed=0):
    kind, own = METHODS[name]
    return study.config(kind, seed=seed, **BASE, **own)


print(sorted(study.differences(map(of_method, METHODS))))

# %% tags=["nbval-ignore-output"]
records = {name: study.train_or_load(of_method(name)) for name in METHODS}
metrics = pd.DataFrame({name: r.metrics for name, r in records.items()}).T

# %%
laws = {
    "sl frozen": "full softmax",
    "sl frozen uniform": "uniform",
    "sl frozen vocabulary": "by frequency",
}
found = metrics.loc[list(laws), "accuracy_trimmed"].sort_values(ascending=False)
check.reveal("order-of-laws", [laws[name] for name in found.index])
per_class = len(records["sl"].arrays["test"]) / C
shown = metrics[["accuracy_kept", "accuracy_trimmed", "predictions_trimmed"]].copy()
shown["predictions_trimmed"] /= per_class
shown.columns = ["accuracy, seen", "accuracy, absent", "absent named"]
shown.rename(index=lambda name: tails.METHODS[name]["label"])

# %% [markdown]
# The last column says how often an absent class is named, relative to how often it is shown: 1 would be fair. Chance accuracy is 1 in 60.

# %% mystnb={"image": {"alt": "Scatter plot of accuracy on absent against accuracy on seen classes, one marker a method. The three laws that spare absent classes are highest, then CLIP with frozen text, uniform draws and the full softmax; SL and CLIP from scratch lie near zero."}, "figure": {"caption": "Accuracy on the 15 absent classes against that on the 45 seen ones. Green: frozen prototypes, absent classes are never negatives; vermillion: frozen, and they are.", "name": "fig-extreme-two-accuracies"}}
tails.plot_two_accuracies(metrics)
plt.show()

# %% [markdown]
# The prediction holds on this seed. The three laws that spare absent classes lie together, far above the full softmax. Uniform draws lie between, nearer to the full softmax. (The order among the three is one seed's, and means nothing.) Classifier and CLIP with learnt class vectors find next to nothing; CLIP's text tower has never read the absent names.
#
# ## Where the push leaves its mark
#
# ### In learnt prototypes

# %% [markdown]
# ### Exercise: without the push
#
# *Predict · difficulty 2 of 3 · 4 minutes · trains telling necessary from sufficient*
#
# A classifier with *learnt* prototypes is trained over seen classes only, so its absent prototypes are never pushed. Which mean cosine will they have among themselves, from -1 to 1? Commit to `without_push`, and guess for yourself whether this classifier finds absent classes. [Solution](solutions/11_extreme_tails)

# %% exercise="without-push"
without_push = ...

# %% tags=["remove-cell"]
check("without-push", without_push)

# %% tags=["nbval-ignore-output"]
spared = study.train_or_load(study.config("sl", seed=0, **BASE, **SEEN))

# %%
apart = ~np.eye(C, dtype=bool)
BLOCKS = {
    "seen, seen": np.outer(~absent, ~absent) & apart,
    "absent, absent": np.outer(absent, absent) & apart,
    "seen, absent": np.outer(~absent, absent),
}


def affinity(record):
    w = record.arrays["prototypes"].astype(float)
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    return w @ w.T


learnt = {"SL": affinity(records["sl"]), "SL, seen classes": affinity(spared)}
affinities = learnt | {"SL, frozen": affinity(records["sl frozen"])}

# %%
blocks = pd.DataFrame(
    {
        a: {b: m[pairs].mean() for b, pairs in BLOCKS.items()}
        for a, m in affinities.items()
    }
)
np.testing.assert_allclose(
    blocks.loc["absent, absent", "SL"],
    metrics.loc["sl", "cosine_unseen"],
    atol=1e-5,
)
check.reveal("without-push", blocks.loc["absent, absent", "SL, seen classes"])
print(f"its accuracy on absent classes: {spared.metrics['accuracy_trimmed']:.3f}")
blocks.join(tails.paper_blocks()).round(2) + 0.0

# %% mystnb={"image": {"alt": "Two heat maps of cosines between prototypes, classes sorted by frequency. Left, learnt by a full softmax: pale, but for the diagonal and a reddish block of absent classes at the lower right. Right, learnt over seen classes only: pale, without such a block."}, "figure": {"caption": "Cosines of learnt prototypes, as in the paper's Fig. 9a; the absent classes lie behind the dashed lines. Values beyond ±0.5, among them the diagonal, have the last colour.", "name": "fig-extreme-affinity"}}
tails.plot_affinity(learnt, frequency)
plt.show()

# %% [markdown]
# Learnt under the full softmax, the absent classes form a block: they have been moved the same way, as the gradient said. In the paper they fall together nearly all the way, in our short training a part of it. Without the push there is no block. Prototypes stay where chance put them, nearly at right angles in 128 dimensions, and the absent classes are not found either. **Not being pushed is necessary, not sufficient**: a prototype must also stand in the right place, and only the teacher's text can put it there. Frozen prototypes are no more alike among absent classes than among seen ones, since the teacher knew both.
#
# ### In the features
#
# Frozen prototypes cannot move. Now $p_u$ matters: it is large for absent classes that a picture resembles. So look at the nearest prototypes, not at a mean over all. Mean cosines of test pictures:

# %%
FIVE = [name for name in METHODS if name.startswith("sl frozen")]
cosines = {name: cosines_on_test(records[name]) for name in FIVE}
labels = records["sl frozen"].arrays["labels"]
gone = absent[labels]
near = {}
for name, found in cosines.items():
    own = found[np.arange(len(labels)), labels]
    near[tails.METHODS[name]["label"]] = {
        "seen picture: own": own[~gone].mean(),
        "nearest absent": found[~gone][:, absent].max(axis=1).mean(),
        "absent picture: own": own[gone].mean(),
        "nearest seen": found[gone][:, ~absent].max(axis=1).mean(),
    }
pd.DataFrame(near).T

# %% [markdown]
# Under the full softmax, pictures keep the largest distance from absent prototypes: seen pictures from the nearest of them, and absent pictures from their *own*. Uniform draws come second. The tower was never shown a picture of an absent class. It learnt to avoid their prototypes from pictures of others, and avoids them where they are right, too.

# %% mystnb={"image": {"alt": "Bars of accuracy for each of the 15 absent classes, one panel a method. With SL all are at zero; the full softmax with frozen prototypes finds some, the vocabulary by frequency and CLIP with frozen text more, and unevenly."}, "figure": {"caption": "Accuracy on each absent class, as in the paper's Fig. 9b.", "name": "fig-extreme-each"}}
pages = ["sl", "sl frozen", "sl frozen vocabulary", "clip frozen"]
tails.plot_absent({name: records[name].per_class for name in pages})
plt.show()

# %% [markdown]
# The gain is spread unevenly, in the paper as here. Some classes are hardly found by any method.
#
# ## Blind, or outvoted?
#
# A model may miss an absent class because its features say nothing about it, or because it ranks a seen class a little higher each time. Testing over seen and absent classes together is called {term}`generalised zero-shot classification`. Its remedy for the second fault is calibrated stacking {cite}`chao2016`: add the same number, the *lift*, to the cosine of each absent class, after training. It is three lines:


# %%
def lifted(cosines, absent, lift):
    raised = cosines.copy()
    raised[:, absent] += lift
    return raised.argmax(axis=1)


def accuracies(cosines, labels, absent, lift):
    """On seen and on absent classes; how often an absent one is named."""
    named = lifted(cosines, absent, lift)
    gone, right = absent[labels], named == labels
    return right[~gone].mean(), right[gone].mean(), absent[named].mean()


# %% [markdown]
# With a lift of 2 only absent classes are ever named, for cosines differ by 2 at most. That asks for *absent among themselves*: which of the 15 is it? Without a lift we must find the package's numbers.

# %%
LIFTS = [*np.arange(-20, 101) / 200, 2.0]


def trade_off(cosines, labels, absent):
    rows = {lift: accuracies(cosines, labels, absent, lift) for lift in LIFTS}
    return pd.DataFrame(rows, ["seen", "absent", "named"]).T


curves = {name: trade_off(found, labels, absent) for name, found in cosines.items()}
for name, curve in curves.items():
    asked = metrics.loc[name, ["accuracy_kept", "accuracy_trimmed"]].astype(float)
    np.testing.assert_allclose(curve.loc[0, ["seen", "absent"]], asked, atol=1e-6)

# %% mystnb={"image": {"alt": "Left, curves of accuracy on absent against accuracy on seen classes as the lift grows, for four methods; all fall to the right, filled markers without a lift stand at the lower right, hollow ones with a lift of 0.05 higher up. Right, the share of answers that are absent classes rises with the lift from nearly none to nearly all."}, "figure": {"caption": "Every lift is a point of the curves. Filled markers: no lift; hollow: a lift of 0.05.", "name": "fig-extreme-lift"}}
del curves["sl frozen in-batch"]  # covers the curve of the vocabulary by frequency
tails.plot_trade_offs(curves, [0.0, 0.05])
plt.show()

# %% [markdown]
# One number moves each method along its curve. The paper's Fig. 8 shows one point of each such curve. Two points of two curves say little, unless one is better in both accuracies. So compare at equal accuracy on absent classes.

# %% [markdown]
# ### Exercise: the best lift
#
# *Write · difficulty 2 of 3 · 10 minutes · trains the measure that is used in generalised zero-shot classification*
#
# Write `best_lift(cosines, labels, absent, lifts)`. `cosines` float [M, C], `labels` int64 [M], `absent` bool [C], `lifts` a list. Return the lift with the greatest *harmonic mean*, the smallest if several have it, of two accuracies: over seen and over absent classes, each the mean of the classes' own accuracies. All answers are among all classes. Classes can have unequally many pictures, each at least one. [Solution](solutions/11_extreme_tails)


# %% exercise="best-lift"
def best_lift(cosines, labels, absent, lifts): ...


# %% tags=["remove-cell"]
check("best-lift", best_lift)

# %% [markdown]
# ## One number against a vocabulary, over seeds
#
# Take the smallest lift at which the full softmax is as accurate on absent classes as the vocabulary by frequency without a lift. What is left between the two is then their accuracy on *seen* classes. Each seed has its own permutation of frequencies, so other classes are absent.


# %%
def against(full, sampled):
    """Curves of two methods: at equal accuracy on absent classes."""
    enough = full[full["absent"] >= sampled.loc[0, "absent"]]
    return {
        "no lift: full softmax": full.loc[0, "absent"],
        "no lift: vocabulary": sampled.loc[0, "absent"],
        "lift needed": enough.index[0],
        "seen: full softmax": full.loc[0, "seen"],
        "seen: vocabulary": sampled.loc[0, "seen"],
        "seen: lifted softmax": enough["seen"].iloc[0],
        "among absent: full softmax": full.loc[2, "absent"],
        "among absent: vocabulary": sampled.loc[2, "absent"],
    }


# %% tags=["nbval-ignore-output"]
rows = {}
for seed in range(5):
    pair = []
    for name in ("sl frozen", "sl frozen vocabulary"):
        record = study.train_or_load(of_method(name, seed))
        gone = (record.per_class["frequency"] == 0).to_numpy()
        pair.append(
            trade_off(cosines_on_test(record), record.arrays["labels"], gone)
        )
    rows[seed] = against(*pair)
seeds = pd.DataFrame(rows).rename_axis(columns="seed")
seeds

# %%
pairs = [
    ("no lift: vocabulary", "no lift: full softmax"),
    ("seen: lifted softmax", "seen: vocabulary"),
    ("among absent: vocabulary", "among absent: full softmax"),
]
for a, b in pairs:
    print(f"{a} less {b}: {intervals.text(seeds.loc[a] - seeds.loc[b], '.3f')}")

# %% [markdown]
# Means over five seeds with 95 % t intervals:
#
# - **The gain is real.** The vocabulary finds more pictures of absent classes in every seed.
# - **A lift is a rival.** A lift between .07 and .10 brings the full softmax to the same accuracy on absent classes in every seed. On seen classes it then differs little from the vocabulary: the interval of the difference includes 0 and stays within .02 of it. In the rows *seen*, both are below the full softmax without a lift in every seed: naming absent classes has its price by either way.
# - **It is not blind.** Asked among absent classes alone, where chance is 1 in 15, the full softmax is right in four to six cases of ten. The vocabulary is better by a few hundredths, with an interval above 0. So the push spoils a little of *which* absent class it is, and much more of *whether* it is one.
#
# (The lift has been chosen with test pictures of absent classes, so it compares two curves and is no recipe. A recipe must know which classes are absent, and choose the number otherwise. So must, in its way, a vocabulary drawn by frequency.)

# %% [markdown]
# ### Exercise: twice as much?
#
# *Explain · difficulty 2 of 3 · 8 minutes · trains telling what a model knows from what it says*
#
# A colleague reads the first two rows of the table: "The vocabulary finds about twice as many pictures of absent classes, and more. So its features know twice as much about them." In three or four sentences: what do the rows *among absent* say to that, what does a lift show, and what does the push of a full softmax spoil then? Put the text into `explanation`. [Solution](solutions/11_extreme_tails)

# %% exercise="blind-or-outvoted"
explanation = ...

# %% tags=["remove-cell"]
check("blind-or-outvoted", explanation)

# %% [markdown]
# ## The recorded evidence
#
# At scale `cpu` there are 194 classes, 16 epochs and seeds 0 to 4. The last 50 classes, cut to none (filled) and to one picture (hollow):

# %% mystnb={"image": {"alt": "Intervals of accuracy on the 50 cut classes and on the others for eight methods. On cut classes, classifiers that never push them and CLIP with frozen text are best, the full softmax with frozen prototypes is lower, SL is at zero; on the others the order is nearly reversed."}, "figure": {"caption": "k = 50 of 194, scale cpu, mean over seeds with 95 % t intervals. Filled: 0 shots, hollow: 1 shot.", "name": "fig-extreme-shots"}}
recorded = evidence.load_results("extreme_tails")
tails.plot_by_shots(recorded, trim=50)
plt.show()

# %%
rows = [f"{method}, 50 x {shots}" for method in tails.METHODS for shots in (0, 1)]
columns = {metric: title for metric, (title, _) in tails.MEASURES.items()}
figure_data = intervals.means(recorded, columns, rows)
data_table(
    figure_data, "Accuracy, 50 classes x 0 or 1 shots: means with t intervals."
)

# %% mystnb={"image": {"alt": "Four panels. Left ours, right the paper's; above accuracy on absent classes, below on the others, against the number of absent classes. On absent classes the vocabulary by frequency and CLIP with frozen text lie far above the full softmax, and fall as more classes are absent."}, "figure": {"caption": "0 shots, by the number of absent classes: ours with intervals (left) and the paper's single runs, read off its Fig. 8 (right).", "name": "fig-extreme-sizes"}}
tails.plot_by_size(recorded, sizes=[20, 50, 100], classes=194)
plt.show()

# %% [markdown]
# Each claim names the smallest effect that would matter (the page {doc}`../book/results` says how they are judged).

# %%
HTML(side_by_side.evidence_table("extreme_tails"))

# %% mystnb={"image": {"alt": "One row a claim: our effect with its interval over seeds, the paper's effect as a hollow diamond, and the smallest effect that would matter as a grey tick."}, "figure": {"caption": "Effects of this lesson's claims that are recorded, beside the paper's.", "name": "fig-extreme-claims"}}
claims.effects(side_by_side.recorded("extreme_tails"))
plt.show()

# %% [markdown]
# Four readings of it:
#
# - **On drawings the mechanism repeats** with fresh seeds: what spares absent classes finds more of them, a softmax over seen classes among it.
# - **Our full softmax still names absent classes.** It finds more of them than the paper's does. Ours trains for a few hundred steps, the paper's, by its scripts, for some 158,000, and a push that nothing opposes has had less time. That is a guess; the recorded runs all have one length.
# - **Does the gain shrink as more is cut?** The paper's 5 against 500 of 1,000 classes is a wider range than our 20 against 100 of 194, so the two numbers are not of one kind. On drawings the interval includes 0.
# - **There is a price.** On drawings, at equal terms, the vocabulary loses accuracy on the other classes, where the paper reports no loss. A loss is to be expected: whoever names absent classes more often names seen ones less often, and some of those answers were right. The paper's runs have other batches, steps and rates than those they are compared with, so its missing cost may be their confound. That is not shown. A run on the paper's terms is declared on photographs; it has a row in the table, with a verdict where it is recorded. The row asks about absent classes. The cost on the paper's terms has no claim yet.
#
# The lift and *absent among themselves* are not recorded at scale `cpu`. Five seeds at scale `tiny` are all there is.
#
# ## What "zero-shot" means here
#
# The CLIP whose text tower gives the frozen prototypes was trained on pictures of *all* classes, those that we cut included. So was, as far as is known, OpenAI's CLIP, whose text head the paper freezes. What has never seen an absent class is the *image tower* of the student. Its class vectors were shaped by pictures of that very class. The experiment asks whether a tower that learnt from other classes puts a new one where the teacher put it. It is transfer from a teacher who knows, through language.
#
# A stricter test trains the teacher without the cut classes. It costs one training of the teacher for every set of cut classes, so one for each seed, and all students anew. It is not run here.
#
# ## What this scale cannot show
#
# - **How much language knows.** Our teacher has read captions of tens of thousands of drawings, CLIP's 400 million pairs. The size of every gain here is a property of ours.
# - **Recipes.** We held batch, steps and learning rate equal. Each method may have a better recipe of its own.
# - **Saturation.** In longer training the push stops once absent classes are never predicted. Where uniform draws end, and whether a lift still suffices then, our few steps do not say.
#
# ## Summary
#
# - A softmax pulls a class up by its own pictures and pushes it down by all others. Absent classes are only pushed.
# - Draws by frequency, in-batch classes and seen classes only spare them, and find more of them; uniform draws do not, and lie between.
# - Learnt prototypes of absent classes take the same steps and fall together; frozen ones make features give way.
# - One number added after training does on absent classes what the vocabulary does. It is the rival that every such gain has to be compared with.
# - "Zero-shot" is said of the student; the teacher of its prototypes saw every class.
#
# Next: {doc}`12_dino` takes vocabularies to prototypes that have no class.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`radford2021`; {cite:t}`chao2016`. In full on the page {doc}`../book/references`.
