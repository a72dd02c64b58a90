# ---
# jupyter:
#   course: {question: "What is CLIP, line by line?", figure: "App. C", scale: tiny, minutes: 3, memory_gb: 1.4}
# ---

# %% [markdown]
# # CLIP in forty lines
#
# **Claim: CLIP's loss, model, training loop and zero-shot classifier are forty lines of PyTorch beside the two towers; they reach what the course's package reaches, and a classifier trained by the same loop follows class frequency far more.**
#
# After this lesson you can
#
# - turn titles into token ids, and say where a text ends for CLIP;
# - say what goes into each tower and what comes out, with shapes;
# - write the symmetric {term}`InfoNCE` loss from its formula;
# - make zero-shot class vectors from prompts;
# - train CLIP and a classifier with one loop;
# - predict what the temperature does, and explain where wrong captions come from.
#
# What is built here follows the paper's App. C {cite}`wen2024` and {cite:t}`radford2021`. Running takes about 80 CPU-seconds after lesson 00, whose runs are read again; reading, forty minutes with the exercises. Before this: {doc}`00_start_here`.

# %% tags=["hide-input"]
import math
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from lt_course import study
from lt_course.data import icontail
from lt_course.data.augment import random_crop, standardize
from lt_course.data.class_profiles import sample_long_tail
from lt_course.data.tokenizer import tokenizer, tokens
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.lessons import exercises, start
from lt_course.models.heads import Temperature
from lt_course.models.image_encoders import SmallCNN
from lt_course.objectives import contrast
from lt_course.plots import data_table, runs, style
from lt_course.statistics import spearman

style.use()
pd.options.display.float_format = "{:.2f}".format
check = exercises.of("clip_in_forty_lines")

# %% [markdown]
# ## Long-tailed drawings
#
# The shipped drawings, and a training set of 4,500 of them whose class counts are as unequal as {term}`LAIONet`'s. Paper is 255 in a stored picture. `standardize` maps paper to 0 and ink to 2, as float [N, 1, 32, 32].

# %% tags=["nbval-check-output"]
C = 60
data = icontail.load()
sample = sample_long_tail(data, C, profile="laionet", num_images=4_500)
images = standardize(torch.tensor(data.pictures[sample.image_ids]))
labels = torch.tensor(sample.labels)
titles = [data.titles[i] for i in sample.image_ids]
frequency = sample.frequency  # int64 [C]
print(images.shape, labels.shape)
print("counts:", np.sort(frequency)[::-1][:5], "...", np.sort(frequency)[4::-1])

# %% [markdown]
# ## Words to numbers
#
# A text tower reads token ids. CLIP's tokenizer splits a text into frequent pieces of words (byte-pair encoding). A row begins with a start token and has an end token behind the text. The rest is padding with 0. Each concept will be asked for by its usual name, which is the title that authors give it most often.

# %% tags=["nbval-check-output"]
CONTEXT = 16
usual = [
    Counter(
        data.titles[i] for i in np.flatnonzero((data.concept == c) & ~data.test)
    ).most_common(1)[0][0]
    for c in range(C)
]
rows = tokens(titles + usual, CONTEXT)  # int64 [N + C, 16]
clip_tokens = tokenizer()
print(repr(titles[0]), rows[0].tolist())

# %% [markdown]
# Let us read that row. The end token has the greatest id of all, so `argmax` finds it, in any row. What stands between start and end are the pieces of the title.

# %% tags=["nbval-check-output"]
end = rows.argmax(1)
assert (rows[:, 0] == clip_tokens.start).all()
assert (rows[torch.arange(len(rows)), end] == clip_tokens.end).all()
assert rows[0, 1 : end[0]].tolist() == clip_tokens.encode(titles[0])
print("longest title:", int(end[: len(titles)].max()) - 1, "pieces")
print(f"{clip_tokens.vocabulary:,} ids exist, {len(rows.unique())} of them occur")

# %% [markdown]
# Most of the 49,408 ids never occur here. So we number those that do anew, from 0, in their old order. Padding stays 0, and the end token stays the greatest.

# %%
known, ids = rows.unique(return_inverse=True)
ids, asked = ids[: len(titles)], ids[len(titles) :]  # [N, 16] and [C, 16]

# %% [markdown]
# ## Two towers
#
# The image tower is a small convolutional network. Three of its five convolutions halve the resolution. Pictures go in as float [B, 1, 32, 32], features come out as float [B, 128].

# %%
D = 128


def convolution(before, after, size, stride):
    padding = size // 2
    conv = nn.Conv2d(before, after, size, stride, padding, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU())


def image_tower():
    shapes = (
        (1, 32, 5, 2),
        (32, 64, 3, 2),
        (64, 64, 3, 1),
        (64, 128, 3, 2),
        (128, 128, 3, 1),
    )
    layers = [convolution(*shape) for shape in shapes]
    last = nn.Linear(4 * 128, D, bias=False)
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(2), nn.Flatten(), last)


# %% [markdown]
# Does the package's tower do the same? Give ours its weights, and compare the features of 32 drawings.

# %%
theirs, ours = SmallCNN(D).eval(), image_tower().eval()
weights = zip(ours.state_dict(), theirs.state_dict().values(), strict=True)
ours.load_state_dict(dict(weights))
torch.testing.assert_close(ours(images[:32]), theirs(images[:32]))

# %% [markdown]
# The text tower is a small transformer of two blocks. Attention is *causal*: each place looks at itself and at earlier places only. So the place of the end token has seen the whole title, and what stands behind it has changed nothing. The feature is read there. Ids go in as int64 [B, L], features come out as float [B, 128]. What stands behind the longest title of a batch is cut off, to save time.


# %%
def transformer(width):
    how = {"dropout": 0.0, "activation": "gelu", "batch_first": True}
    block = nn.TransformerEncoderLayer(width, 2, 4 * width, norm_first=True, **how)
    last = nn.LayerNorm(width)
    return nn.TransformerEncoder(block, 2, last, enable_nested_tensor=False)


# %%
class TextTower(nn.Module):
    def __init__(self, words, width=64):
        super().__init__()
        self.words = nn.Embedding(words, width)
        nn.init.normal_(self.words.weight, std=0.02)
        self.places = nn.Parameter(0.01 * torch.randn(CONTEXT, width))
        self.blocks, self.out = transformer(width), nn.Linear(width, D, bias=False)

    def forward(self, ids):
        end = ids.argmax(1)
        x = self.words(ids[:, : end.max() + 1])
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        x = self.blocks(x + self.places[: x.shape[1]], mask, is_causal=True)
        return self.out(x[torch.arange(len(x)), end])


# %%
tower = TextTower(len(known)).eval()
changed = ids[:32].clone()
changed[:, -1] = 5  # behind the end of each title
with torch.no_grad():
    torch.testing.assert_close(tower(ids[:32]), tower(changed))

# %% [markdown]
# ## The loss
#
# Take a batch of $B$ pairs. Let $f_i$ be the feature of drawing $i$ and $t_j$ that of title $j$, both of length 1, and let $s$ be a scale, the inverse of the {term}`temperature`. The logits are $z_{ij} = s\, f_i^\top t_j$. Drawing $i$ belongs to title $i$, so the loss from drawings to titles is a cross-entropy over $B$ "classes":
#
# $$\mathcal L_{f \to t} = -\frac1B \sum_i \log \frac{\exp z_{ii}}{\sum_j \exp z_{ij}}, \qquad
# \mathcal L_{t \to f} = -\frac1B \sum_j \log \frac{\exp z_{jj}}{\sum_i \exp z_{ij}}.$$
#
# The second one lets each title choose its drawing. Symmetric InfoNCE is the mean of the two.

# %% [markdown]
# ### Exercise: symmetric InfoNCE
#
# *Write · difficulty 2 of 3 · 10 minutes · trains turning a loss's formula into code*
#
# Write the loss from the formula, without a ready-made cross-entropy. `images` and `texts` are float [B, D], **not yet normalised**; row i of both is a pair. `scale` is a float. A scalar tensor comes out. `torch.logsumexp` and `diagonal` will help. [Solution](solutions/01_clip_in_forty_lines)


# %% exercise="infonce"
def infonce(images, texts, scale): ...


# %% tags=["remove-cell"]
check("infonce", infonce)

# %% [markdown]
# With `F.cross_entropy`, it is three lines. The "class" of row i is i.


# %%
def info_nce(image, text, scale):
    logits = scale * image @ text.T
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


# %% [markdown]
# The package's loss gives the same on a real batch. Its start value is near $\log B$, the loss of guessing: untrained towers cannot tell one title from another.

# %%
torch.manual_seed(0)
batch = torch.randperm(len(images))[:128]
with torch.no_grad():
    image = F.normalize(image_tower()(images[batch]), dim=1)
    text = F.normalize(TextTower(len(known))(ids[batch]), dim=1)
    temperature = Temperature()  # 1 / 0.07, as CLIP starts
    scale = temperature.log_scale.exp()
    loss = info_nce(image, text, scale)
    torch.testing.assert_close(loss, contrast.info_nce(image, text, temperature))
print(f"scale {scale:.2f}, loss {loss:.2f}, log 128 = {math.log(128):.2f}")

# %% [markdown]
# ## Two models
#
# CLIP is the two towers, a scale, and this loss. The scale is learned as a logarithm, and is kept at or below 100. The classifier has the same image tower, and a table of class vectors in the place of the text tower. Compare the last lines of the two `loss` methods: only they differ in what a drawing is told from.


# %%
class CLIP(nn.Module):
    def __init__(self):
        super().__init__()
        self.image, self.text = image_tower(), TextTower(len(known))
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def loss(self, pictures, rows):
        image = F.normalize(self.image(pictures), dim=1)
        text = F.normalize(self.text(ids[rows]), dim=1)
        return info_nce(image, text, self.log_scale.exp().clamp(max=100))


# %%
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = image_tower()
        self.table = nn.Parameter(torch.randn(C, D) / D**0.5)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def loss(self, pictures, rows):
        image = F.normalize(self.image(pictures), dim=1)
        logits = image @ F.normalize(self.table, dim=1).T
        scale = self.log_scale.exp().clamp(max=100)
        return F.cross_entropy(scale * logits, labels[rows])


# %% [markdown]
# ## One loop
#
# Both are trained by this: shuffle, crop a little, take the loss, take a step of AdamW. The learning rate rises in the first 5 % of the steps, then it falls along half a cosine. Crops keep at least 90 % of a drawing, and no drawing is mirrored: an arrow means its direction.


# %%
def adamw(model, steps):
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05, fused=True)
    how = {"pct_start": 0.05, "cycle_momentum": False}
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps, **how)
    return optimizer, schedule


# %%
def train(model, seed, epochs=6, batch=128):
    chance = torch.Generator().manual_seed(seed)
    whole = len(images) // batch  # batches in an epoch
    optimizer, schedule = adamw(model, epochs * whole)
    losses = []
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=chance)
        for rows in order[: whole * batch].split(batch):
            loss = model.loss(random_crop(images[rows], 0.9, chance), rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    return losses


# %% [markdown]
# ## The question in words
#
# A trained CLIP has no class vectors. It makes them from prompts: texts for each class, encoded, averaged, and brought back to length 1. Here are the two lines. `prompts` is int64 [C, P, L], with P texts for each class.


# %%
@torch.no_grad()
def zero_shot(text_features, prompts):
    encoded = F.normalize(text_features(prompts.flatten(0, 1)), dim=1)
    return F.normalize(encoded.unflatten(0, prompts.shape[:2]).mean(1), dim=1)


# Any twelve titles, as four for each of three classes.
prompts = ids[:12].view(3, 4, CONTEXT)
expected = zero_shot_prototypes(lambda part: F.normalize(tower(part)), prompts)
torch.testing.assert_close(zero_shot(tower, prompts), expected)

# %% [markdown]
# ### Exercise: class vectors from as many prompts as there are
#
# *Write · difficulty 2 of 3 · 12 minutes · trains the zero-shot classifier, and averaging by group*
#
# `zero_shot` wants the same number of prompts for each class. Write a function for the general case. `encoded`, float [n, D], are the text features of n prompts, not normalised. `owner`, int64 [n], says of which of the `classes` classes each prompt is; every class has at least one. Return float [classes, D]: for each class the normalised mean of its prompts' normalised features. [Solution](solutions/01_clip_in_forty_lines)


# %% exercise="prototypes"
def prototypes(encoded, owner, classes): ...


# %% tags=["remove-cell"]
check("prototypes", prototypes)

# %% [markdown]
# ## Train both
#
# The test has 20 drawings of each concept, by authors who drew nothing in the training set. The answer is the class vector with the greatest cosine.

# %%
tests = np.flatnonzero(data.test & (data.concept < C))
shown = standardize(torch.tensor(data.pictures[tests]))
truth = data.concept[tests]


@torch.no_grad()
def answers(model, vectors):
    """Predicted classes of all test drawings, int64 [M]."""
    features = F.normalize(model.eval().image(shown), dim=1)
    return (features @ vectors.T).argmax(1).numpy()


# %%
def measure(said):
    accuracy = np.bincount(truth[said == truth], minlength=C) / 20
    predictions = np.bincount(said, minlength=C)
    head, mid, tail = np.array_split(np.argsort(-frequency, kind="stable"), 3)
    return {
        "accuracy": accuracy.mean(),
        "head": accuracy[head].mean(),
        "mid": accuracy[mid].mean(),
        "tail": accuracy[tail].mean(),
        "S(a)": spearman(frequency, accuracy),
        "S(p)": spearman(frequency, predictions),
    }


# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
clip, classifier = CLIP(), Classifier()
losses = {"CLIP": train(clip, seed=0), "classifier": train(classifier, seed=0)}

# %%
clip_says = answers(clip, zero_shot(clip.text, asked[:, None]))
classifier_says = answers(classifier, F.normalize(classifier.table, dim=1))
results = {"CLIP": measure(clip_says), "classifier": measure(classifier_says)}
pd.DataFrame(results).T

# %% [markdown]
# The classifier's number of predictions follows frequency, and CLIP's follows it far less. Nothing else in the loop was different. These are the losses, step by step. Each is a mean over the last 20 steps:

# %% mystnb={"image": {"alt": "Two falling curves over 210 steps. CLIP's begins a little above the dotted line at log 128, 4.9, and ends near 1. The classifier's begins above the dotted line at log 60, 4.1, falls faster, and ends near 0."}, "figure": {"caption": "Losses of the two trainings on this page; dotted lines: the loss of guessing among 128 titles, and among 60 classes.", "name": "fig-clip-loss"}}
figure, axes = plt.subplots(figsize=(6, 3.2))
looks = {"CLIP": style.of("clip-title"), "classifier": style.of("sl")}
for name, values in losses.items():
    look = style.unnamed(looks[name]) | {"label": name, "markevery": 20}
    axes.plot(pd.Series(values).rolling(20, min_periods=1).mean(), **look)
for guesses, color in ((128, style.BLUE), (C, style.VERMILLION)):
    axes.axhline(math.log(guesses), color=color, linestyle=":", linewidth=1)
axes.set(xlabel="step", ylabel="loss", ylim=(0, None))
axes.legend()
plt.show()

# %%
figure_data = pd.DataFrame(losses).rolling(20, min_periods=1).mean().iloc[19::20]
data_table(figure_data, "Mean loss of the 20 steps up to each; counted from 0.")

# %% [markdown]
# ## Is it the package's CLIP?
#
# The package trains the same model on the same drawings, with the same settings. Weights, order and crops are drawn in other ways, and it computes in bfloat16. So the page should agree with it as well as two seeds agree. How well is that? The package's runs of three seeds show it. (A seed also deals out the frequencies anew, so this is more than weights and order alone would move.) If lesson 00 has run, these are only read.

# %% tags=["nbval-ignore-output"]
package = study.train_or_load_all(
    study.config(name, scale="tiny", seed=seed)
    for name in ("clip-title", "sl")
    for seed in range(3)
)
table = runs.table(package)
page = pd.DataFrame(results).T.set_axis(
    pd.MultiIndex.from_tuples([("clip-title", "this page"), ("sl", "this page")])
)
both = pd.concat([table, page]).sort_index(level=0, sort_remaining=False)
both.rename(index=style.LABELS)

# %%
for name, own in (("clip-title", "CLIP"), ("sl", "classifier")):
    seeds = table.loc[name]
    moved = seeds.max() - seeds.min()
    off = (pd.Series(results[own])[seeds.columns] - seeds.loc[0]).abs()
    print(f"{own}: three seeds span {moved['S(p)']:.2f} in S(p);", end=" ")
    print(f"page and package differ by {off['S(p)']:.2f} at seed 0")
    assert (off <= moved + 0.1).all(), "the page's model is another one"

# %% [markdown]
# The page and the package agree about as well as seeds do. (The assertion allows 0.1 more than the three seeds span, because three do not show all that a seed can move.) The forty lines are the package's CLIP.
#
# ## The scale
#
# Cosines lie between -1 and 1. With a scale of 1, logits do as well, and a softmax over 128 of them is nearly flat, however good the features are. CLIP learns its scale, and starts at 1 / 0.07.

# %% [markdown]
# ### Exercise: a temperature of 1
#
# *Predict · difficulty 2 of 3 · 4 minutes · trains reasoning about logits and gradients*
#
# Now fix the scale at 1 and train CLIP again, with all else the same. What will its test accuracy be? The accuracy of the trained CLIP stands in the table above, and guessing would give 1/60. Write a number from 0 to 1. [Solution](solutions/01_clip_in_forty_lines)

# %% exercise="temperature"
accuracy_at_one = ...


# %% tags=["remove-cell"]
check("temperature", accuracy_at_one)

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
flat = CLIP()
flat.log_scale = nn.Parameter(torch.tensor(0.0), requires_grad=False)
flat_losses = train(flat, seed=0)
flat_result = measure(answers(flat, zero_shot(flat.text, asked[:, None])))
check.reveal("temperature", flat_result["accuracy"])

# %%
best = -math.log(math.e / (math.e + 127 / math.e))
print(
    f"loss {np.mean(flat_losses[-35:]):.2f}; least possible at scale 1: {best:.2f}"
)
print(
    f"S(p) {flat_result['S(p)']:.2f}; with a learned scale {results['CLIP']['S(p)']:.2f}"
)

# %% [markdown]
# The second number of the first line is what the loss would be if every drawing had a cosine of 1 with its own title and of -1 with all 127 others, which is impossible for so many. So at scale 1 the loss stays high for the best features that there are, and near-misses hardly count more than what is far away. Still the model learns: the gradient of a flat softmax pushes all wrong titles alike, each as often as it occurs. It learns worse, and in this run it follows frequency more.
#
# ## Where wrong captions come from
#
# In each step, a drawing is told from 127 other titles. Nobody chooses them: they are the titles of the other drawings in the batch. So how often a concept serves as a wrong answer is decided by its frequency. Count it in one epoch.

# %%
order = np.random.default_rng(0).permutation(len(labels))[: 35 * 128]
counts = np.stack(
    [np.bincount(b, minlength=C) for b in labels[order].view(35, 128)]
)
ranked = np.argsort(-frequency, kind="stable")
for place in (0, 9, 29, 59):
    c = ranked[place]
    name, present = data.concepts[c].name, (counts[:, c] > 0).mean()
    print(f"{name}: frequency {frequency[c]}, in {present:.0%} of the batches,")
    print(f"  {counts[:, c].mean():.2f} titles a batch")

# %% [markdown]
# ### Exercise: who is pushed away?
#
# *Explain · difficulty 2 of 3 · 8 minutes · trains reading a loss as a force on the classes*
#
# A frequent concept's titles are right answers often. The table says that they are wrong answers often, too. Explain in three or four sentences why this holds back a model's preference for frequent concepts in CLIP, and why a classifier's cross-entropy over all 60 classes has no such brake. [Solution](solutions/01_clip_in_forty_lines)

# %% exercise="pushed"
why = ...


# %% tags=["remove-cell"]
check("pushed", why)

# %% [markdown]
# {doc}`03_clip_against_supervised` turns this into an equation, and {doc}`04_dynamic_classification` gives the classifier such a brake.
#
# ## Many names for one thing
#
# Lesson 00 found that CLIP on titles fails on some of the most frequent concepts. A cause suggests itself. Authors have many names for a frequent concept, and the test asks for one. `zero_shot` can average several prompts, so let us ask by the five titles that each concept has most often in the training set. (A concept with fewer titles repeats them.)

# %%
for c in ranked[:3]:
    names = ", ".join(start.names_in(sample, c, most=5))
    print(f"{data.concepts[c].name}: {names}")

# %% [markdown]
# One run would not do, so we ask the package's three. `start.asked_by_names` loads the weights of each, makes class vectors as `zero_shot` does, and measures. The first row of each seed asks by the commonest title in its training set.

# %% tags=["nbval-ignore-output"]
start.asked_by_names(package[:3], numbers=(1, 5))

# %% [markdown]
# With five names, accuracy on the five most frequent concepts is higher in each of these three seeds. So part of the failure was the question, and not the model. S(p) changes with the question as well, by as much as two seeds differ, and not in one direction. It stays far below the classifier's. The words of the test are a choice, and a study must say which it has made.
#
# ## What this scale cannot show
#
# - **Large batches.** CLIP was trained with batches of 32,768 pairs {cite}`radford2021`. Ours have 128, and so most rare concepts are absent from most batches.
# - **Rich captions.** Titles of drawings have a few words. Captions of photographs say more, and other things.
# - **One training set.** The page's models share one deal of frequencies. How much a seed moves is shown by three, and {doc}`02_measuring_bias` says what three can tell.
# - **Why.** The page shows that CLIP follows frequency less. It tests no explanation.
#
# ## Summary
#
# - CLIP's loss is a cross-entropy over the batch, in both directions; drawing i belongs to title i.
# - Zero-shot class vectors are averages of encoded prompts, brought to length 1.
# - A classifier differs in one line: it is told from a table of all classes, and not from the batch's titles.
# - The scale decides how sharp the comparison is. Without it, CLIP learns worse.
# - Wrong captions come by frequency, because the batch is drawn like the data.
#
# Next: {doc}`02_measuring_bias`.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`radford2021`; {cite:t}`oord2018`. In full on the page {doc}`../book/references`.
