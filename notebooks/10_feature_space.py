# ---
# jupyter:
#   course: {question: "What does imbalance do to the geometry of features?", figure: "Fig. 7, 20, 5", scale: tiny, minutes: 2, memory_gb: 1.6}
# ---

# %% [markdown]
# # Feature space
#
# **Claim: CLIP's class vectors look denser for frequent names than for rare ones. In the one released set of class vectors that this page opens, the usual number for density, NC2, follows frequency with a correlation of .63. It is about 0 once the common mean of all class vectors is subtracted. So the density of the head is nearness to what all names share.**
#
# After this lesson you can
#
# - write NC1 and NC2, and say what they look like at their extremes;
# - tell a class with one close neighbour from a class among many;
# - measure the modality gap, hold it against chance, and say what centring either side does to answers;
# - name three things that a t-SNE map cannot tell;
# - separate what frequency does to density from what meaning does;
# - say which reading of *centred* a number uses, and why two readings may differ in sign.
#
# Figures treated: the paper's Fig. 7, 20 and 5 {cite}`wen2024`. About 60 CPU-seconds beside the trainings (seven runs, six of which lessons 00 and 03 share; the teacher of the seventh is that of {doc}`08_scale_and_text_heads`), 1.6 GB of memory, 35 minutes of reading. Before this: {doc}`08_scale_and_text_heads`.

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import HTML, display

from lt_course import evidence, study
from lt_course.data import icontail
from lt_course.evaluation import neural_collapse
from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.evidence import results
from lt_course.lessons import class_vectors, exercises, geometry, scaling
from lt_course.lessons import neural_collapse as nc
from lt_course.lessons.features import image_features
from lt_course.lessons.permutations import within_concept
from lt_course.plots import claims, data_table, intervals, style
from lt_course.statistics import chance_spearman, spearman

style.use()
pd.options.display.float_format = "{:.2f}".format
pd.options.display.max_colwidth = None
check = exercises.of("feature_space")

# %% [markdown]
# ## Two numbers
#
# A trained model turns pictures into points. {term}`Neural collapse <neural collapse>` says where the points of a balanced training set go in the end {cite}`papyan2020`. Those of a class fall together, and the class means stand as far apart from each other as they can, at the corners of a {term}`simplex`. Two numbers say how far a model is from that.
#
# We take a classifier (SL) and a CLIP on titles, three seeds each, and the features of one CLIP's test drawings.

# %% tags=["nbval-ignore-output"]
METHODS, SEEDS = ["sl", "clip-title"], range(3)
records = {
    (method, seed): study.train_or_load(study.config(method, seed=seed))
    for method in METHODS
    for seed in SEEDS
}
clip, tail = records["clip-title", 0], icontail.load()
shown = tail.pictures[clip.arrays["test"]]
features = image_features(clip, shown, normalise=False)
labels = torch.from_numpy(clip.arrays["labels"]).long()

# %% [markdown]
# **NC1** is spread within classes over spread between them. Let $\Sigma_c$ be the scatter of the features of class $c$ around their mean, divided by the number of all features, and $\Sigma_B$ the scatter of the class means around their own mean. Then $\text{NC1}_c = \operatorname{tr}(\Sigma_c \Sigma_B^{+})$, where $^+$ is the pseudo-inverse. (The inverse does not exist if there are fewer classes than dimensions.)


# %%
def nc1(h, labels):
    means = torch.stack([h[labels == c].mean(0) for c in labels.unique()])
    between, inner = means - means.mean(0), h - means[labels]
    inverse = torch.linalg.pinv(between.T @ between / len(means), hermitian=True)
    spread = ((inner @ inverse) * inner).sum(1) / len(h)
    return spread.new_zeros(len(means)).index_add(0, labels, spread)


h, C = features.double(), clip.run.data.concepts
expected = neural_collapse.nc1_per_class(features, labels, C)
torch.testing.assert_close(nc1(h, labels), expected)

# %% [markdown]
# **NC2** is the distance from the simplex, in which every pair of $C$ class means has the cosine $-1/(C-1)$. For a class it is the mean of $|\cos(\mu_c, \mu_{c'}) + 1/(C-1)|$ over the other classes. It is taken of class means after their common mean is subtracted, or of class vectors (prototypes) *as they are*. Keep that difference in mind.


# %%
def nc2(vectors, centre):
    v = vectors.double() - (vectors.double().mean(0) if centre else 0)
    v = v / v.norm(dim=1, keepdim=True)
    apart = (v @ v.T + 1 / (len(v) - 1)).abs().fill_diagonal_(0)
    return apart.sum(1) / (len(v) - 1)


means = neural_collapse.class_means(features, labels, C)
prototypes = torch.from_numpy(clip.arrays["prototypes"])
for vectors, centre in ((means, True), (prototypes, False)):
    expected = neural_collapse.nc2_per_class(vectors, centre=centre)
    torch.testing.assert_close(nc2(vectors, centre), expected)
print(f"NC1 {nc1(h, labels).mean():.2f}, NC2 {nc2(means, True).mean():.2f}")

# %% [markdown]
# Three classes in a plane show both. On the left the centres are a simplex. In the middle the spread is larger. On the right the spread is small again, and the green centre is turned towards the orange one.

# %% mystnb={"image": {"alt": "Three panels with three clouds of points each and their centres. Left, small clouds at 120 degrees; middle, wide clouds at the same angles; right, small clouds of which two stand close. NC1, NC2 and accuracy are written over each panel."}, "figure": {"caption": "Three classes in a plane; the accuracy is that of the nearest class mean.", "name": "fig-features-toy"}}
TOYS = {"simplex": (0.15, 0), "more spread": (0.5, 0), "turned": (0.15, 80)}
clouds = {name: nc.triangle(*toy) for name, toy in TOYS.items()}
scores = {name: nc.collapse(*cloud) for name, cloud in clouds.items()}
nc.plot_triangles(clouds, scores)
plt.show()

# %% [markdown]
# Spread moves NC1, and NC2 only as far as the means of a few pictures move. The turn moves NC2 **and NC1 as well**: how much a spread counts depends on how far the classes lie apart. So NC1 is not free of NC2. Neither is accuracy. The turned classes can be told apart as long as the spread is small.

# %% [markdown]
# ### Exercise: the nearest instead of the mean
#
# *Write · difficulty 1 of 3 · 6 minutes · trains turning a definition into a variant of it*
#
# The paper has a second NC2. In the place of the mean over the other classes it takes the *largest* $|\cos(\mu_c, \mu_{c'}) + 1/(C-1)|$. As a rule that belongs to the nearest neighbour. Write `nc2_nearest(vectors)`. In: class means, a float64 tensor [C, D], not centred. Out: a tensor [C]. [Solution](solutions/10_feature_space)


# %% exercise="nearest"
def nc2_nearest(vectors): ...


# %% tags=["remove-cell"]
check("nearest", nc2_nearest)

# %% [markdown]
# ## Most others, or only the nearest?
#
# A class can be hard to tell in two ways. It may have a *twin*, as *wolf* and *dog* have in each other. Or it may stand *in a crowd*, not very close to any one class and rather close to many. Build both: of the 12 corners of a simplex, two move together, or seven do. We look at one of them, and at the errors made on it.

# %% mystnb={"image": {"alt": "Two panels, NC2 of one class against its falling accuracy. With a twin the nearest-neighbour variant rises to about 1 while the mean hardly rises; in a crowd of six both rise, the nearest less and the mean far more than with a twin."}, "figure": {"caption": "The same loss of accuracy, seen by two metrics.", "name": "fig-features-ways"}}
WAYS = {"a twin": 1, "a crowd of six": 6}
ways = {name: nc.ways_to_fail(n, np.arange(20) / 20) for name, n in WAYS.items()}
nc.plot_ways_to_fail(ways)
plt.show()

# %%
at = {title: (curve["accuracy"] - 0.6).abs() for title, curve in ways.items()}
half = {title: ways[title].loc[off.idxmin()] for title, off in at.items()}
pd.DataFrame(half).T.rename(columns={"to_one": "errors that name one given rival"})

# %% [markdown]
# At equal accuracy the nearest-neighbour variant is the larger one for a twin, and the mean for a crowd. So, over the classes of a model: if accuracy follows the mean more closely, classes fail in crowds; if it follows the nearest, they fail by twins. That is how the paper reads its Fig. 7a. Its numbers are Spearman's correlations over ImageNet's classes with accuracy:

# %%
nc.paper_table("accuracy")

# %% [markdown]
# In the three small sets accuracy follows the centres' mean NC2 more (the correlation is more negative). In the four large ones it follows the nearest a little more. The differences among the large sets are as small as the error of reading a plot, and the models differ in more than their data.
#
# Ours, over 60 concepts:

# %%
live = pd.DataFrame({run: found.metrics for run, found in records.items()}).T
live.index.names = ["label", "seed"]
intervals.means(live, {"accuracy": "accuracy", "nc1": "NC1"}, METHODS)

# %% mystnb={"image": {"alt": "Two panels with a row for each of five metrics and a marker for SL and one for CLIP, with intervals over three seeds. Centres' NC2 goes with accuracy negatively for SL; CLIP's interval there reaches beyond zero. NC2 of class vectors is clearly negative for CLIP with accuracy and with frequency, and near zero for SL. NC1 lies near zero."}, "figure": {"caption": "Spearman's correlation over concepts of each metric with accuracy and with frequency; three seeds (ticks), mean and t interval.", "name": "fig-features-live"}}
nc.plot_correlations(live, METHODS)
plt.show()

# %% [markdown]
# Both models are far from collapse, as NC1 is several and not zero. In the classifier, centres that stand apart belong to concepts that are recognised. In CLIP three seeds leave it open, and in both they leave open whether most or the nearest matter more. CLIP's class vectors have a tie that the paper's do not have: what is *crowded* is recognised *less*, while the paper's column for class vectors above holds small positive numbers and zeros. We come back to that.
#
# The errors themselves are another way to ask. Sort the other concepts by how near their picture centres lie to the true one. How many errors name the nearest?

# %%
rows = {}
for (method, seed), record in records.items():
    rank = geometry.error_ranks(record)
    rows[f"{style.LABELS[method]}, seed {seed}"] = {
        "name the nearest": (rank == 1).mean(),
        "name one of the 3 nearest": (rank <= 3).mean(),
        "nearest, by chance": 1 / (C - 1),
    }
pd.DataFrame(rows).T

# %% [markdown]
# The two toys say what these shares mean: with a twin, nearly all errors name it; in a crowd of six, a sixth names any one of them. Here about one error in seven names the nearest. That is far above chance, and far below a twin's share. It is what a crowd of about seven would give. (A centre is the mean of *test* pictures, those that are taken for another class included. So errors and neighbours are alike to some part by construction. The paper's class means share this.)
#
# ## Pictures and text in one space
#
# In CLIP, pictures and texts are known to fill two different cones. The distance between the mean picture feature and the mean class vector, all at length 1, is the {term}`modality gap` {cite}`liang2022`. Two sets of 60 vectors never have exactly the same mean. So ask what chance would make: swap the two vectors of a class, or leave them, at random.

# %%
pictures, texts = geometry.sides(clip)  # mean picture feature, class vector: [C, D]


def gap(a, b):
    return np.linalg.norm(a.mean(0) - b.mean(0))


def gap_by_chance(a, b, draws=1_000):
    signs = np.random.default_rng(0).choice([-1, 1], size=(draws, len(a)))
    lengths = np.linalg.norm(signs @ (a - b) / len(a), axis=1)
    return np.quantile(lengths, 0.99)


for name, record in {"CLIP": clip, "SL": records["sl", 0]}.items():
    sides = geometry.sides(record)
    print(f"{name}: gap {gap(*sides):.2f}, by chance {gap_by_chance(*sides):.2f}")

# %% [markdown]
# There is a gap, wider than chance makes. It is no privilege of language: a classifier's features and prototypes have one, too.

# %% [markdown]
# ### Exercise: predict what centring the text does
#
# *Predict · difficulty 2 of 3 · 4 minutes · trains committing to a sign before a measurement*
#
# If the gap is a fault, closing it should help. There are two halves to it: subtract the mean class vector from the class vectors, or the mean picture from the pictures; then bring rows back to length 1. A picture's answer is the class of the largest cosine. S(p) of CLIP on titles, seed 0, is about 0.1 as it is. What is it when *only the class vectors* are centred? [Solution](solutions/10_feature_space)

# %% exercise="centred-text"
guess = ...

# %% tags=["remove-cell"]
check("centred-text", guess)


# %%
def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def centred_answers(shown, texts, which, length_one):
    if "pictures" in which:
        shown = unit(shown - shown.mean(0))
    if "text" in which:
        texts = texts - texts.mean(0)
        texts = unit(texts) if length_one else texts
    return (shown @ texts.T).argmax(1)


HALVES = {
    "as it is": ((), True),
    "text": (["text"], True),
    "text, not at length 1": (["text"], False),
    "pictures": (["pictures"], True),
    "both": (["text", "pictures"], True),
}

# %%
rows, pushes = {}, {}
for seed in SEEDS:
    run = records["clip-title", seed]
    counts, classes = run.per_class["frequency"], run.arrays["labels"]
    shown = image_features(run, tail.pictures[run.arrays["test"]]).double().numpy()
    words = unit(run.arrays["prototypes"])
    for name, options in HALVES.items():
        answers = centred_answers(shown, words, *options)
        named = np.bincount(answers, minlength=C)
        rows[name, "S(p)", seed] = spearman(counts, named)
        rows[name, "accuracy", seed] = (answers == classes).mean()
    left = np.linalg.norm(words - words.mean(0), axis=1)
    pushes["length left by centring", seed] = spearman(counts, left)
    pushes["product with the mean picture", seed] = spearman(
        counts, words @ shown.mean(0)
    )
halves = pd.Series(rows).unstack([1, 2]).sort_index(axis=1).loc[list(HALVES)]
halves.rename_axis(columns=["", "seed"])

# %%
check.reveal("centred-text", halves.loc["text", ("S(p)", 0)])
pd.Series(pushes).unstack().rename_axis(columns="Spearman with frequency, seed")

# %% [markdown]
# The two halves pull against each other, in every seed. Centring class vectors *lowers* S(p), centring pictures *raises* it, and together they change it by less than either does. Accuracy falls by up to five points with one half and moves less with both. So "closing the gap" is no one thing. (The mean of the test pictures is not known beforehand: take this as an experiment and not as a method.)

# %% [markdown]
# ### Exercise: why the halves pull against each other
#
# *Explain · difficulty 3 of 3 · 10 minutes · trains finding a mechanism in two tables*
#
# The third row of the first table is equal to the first row: class vectors that are centred and *not* brought back to length 1 give the same answers. The second table says how the class vectors' remaining lengths, and their products with the mean picture, go with frequency. Explain in a few sentences why centring the class vectors lowers S(p), and why centring the pictures raises it. [Solution](solutions/10_feature_space)

# %% exercise="halves"
why = ...

# %% tags=["remove-cell"]
check("halves", why)

# %% [markdown]
# ## What a map cannot tell
#
# The paper shows text space as a map made by {term}`t-SNE` {cite}`maaten2008` (Fig. 7b and 20), and reads from it that the head is denser than the tail. Here are ours: class vectors, and mean features of test pictures.

# %% mystnb={"image": {"alt": "Two maps of 60 concepts each, text left and pictures right; markers are larger and darker for more frequent concepts, and the six most frequent are named. Frequent ones are scattered all over both maps."}, "figure": {"caption": "t-SNE maps of class vectors (text) and of mean picture features, CLIP on titles, seed 0.", "name": "fig-features-maps"}}
frequency = clip.per_class["frequency"].to_numpy()
frequent = np.argsort(-frequency, kind="stable")[:6]
known = {int(c): clip.per_class["name"][c] for c in frequent}
maps = {"text": geometry.t_sne(texts), "pictures": geometry.t_sne(pictures)}
geometry.plot_maps(maps, frequency, known)
plt.show()

# %% [markdown]
# Do you see where the head is denser? Hold your answer. First put both sides into one map, and move the text along the gap: closed, as measured, and several times as wide.

# %% mystnb={"image": {"alt": "Three joint maps of picture centres, circles, and class vectors, triangles, joined by a line for each concept. In the first two both kinds are mixed all over the map. In the third they form two separate islands."}, "figure": {"caption": "One map of pictures and text with the gap closed, as it is, and six times as wide. The measured gap is real, and the middle panel does not show it.", "name": "fig-features-joint"}}
maps = {}
for factor in (0, 1, 6):
    moved = geometry.shifted(pictures, texts, factor)
    maps[f"gap {gap(pictures, moved):.2f}"] = geometry.t_sne([*pictures, *moved])
geometry.plot_joint_maps(maps)
plt.show()

# %% [markdown]
# **Without islands there may still be a gap.** t-SNE keeps neighbours, and many picture centres have their own text as their nearest.
#
# **The distance between islands means nothing.** Once two islands have formed, a gap several times as wide gives much the same map.
#
# **Density is made equal.** t-SNE measures each point's distances in units of its own neighbourhood, so that every point has as many neighbours ({term}`perplexity <t-SNE>`). A dense cloud is drawn as wide as a loose one. Test it where the truth is known:

# %% mystnb={"image": {"alt": "Left, a dense cloud and a loose one that is four times as wide, by their first two coordinates. Right, their t-SNE map, in which both clouds are about equally wide."}, "figure": {"caption": "Two clouds in 20 dimensions, and their t-SNE map.", "name": "fig-features-clouds"}}
dense, loose = geometry.two_clouds()
mapped = tuple(np.split(geometry.t_sne(np.concatenate([dense, loose])), 2))
truth = dense[:, :2], loose[:, :2]
geometry.plot_clouds({"truth, 2 of 20 dimensions": truth, "t-SNE map": mapped})
plt.show()

# %%
for name, (a, b) in {"truth": (dense, loose), "map": mapped}.items():
    print(f"{name}: {geometry.width(b) / geometry.width(a):.1f} times as wide")

# %% [markdown]
# Whether text space is denser in the head or not, **such a map cannot show it**. {cite:t}`wattenberg2016` has more such traps to play with. Density must be measured in the space itself.
#
# ## Is the head denser than the tail?
#
# Three measures of how crowded it is around a class vector. All use cosines, and nothing is centred.


# %%
def crowding(vectors):
    rows = unit(vectors)
    others = ~np.eye(len(rows), dtype=bool)
    cosine = (rows @ rows.T)[others].reshape(len(rows), -1)  # [C, C - 1]
    return {
        "mean cosine": cosine.mean(1),
        "NC2": np.abs(cosine + 1 / cosine.shape[1]).mean(1),
        "5 nearest": np.sort(cosine, axis=1)[:, -5:].mean(1),
    }


for name, each in class_vectors.crowding(texts).items():
    np.testing.assert_allclose(crowding(texts)[name], each)

# %% [markdown]
# Four sources of class vectors: CLIP's text tower, learnt on titles; the classifier; a text tower frozen from a CLIP that has seen the open world ({doc}`08_scale_and_text_heads`); and a language model's embeddings of the bare names, which have seen no picture at all.

# %% tags=["nbval-ignore-output"]
frozen = study.train_or_load(study.config("clip-template", text_head="open-world"))

# %% mystnb={"image": {"alt": "Four scatter plots of density against training pictures. For CLIP learnt on titles density falls as pictures increase; for SL, the frozen text and the language model it shows little trend."}, "figure": {"caption": "Mean cosine with the five nearest class vectors against frequency, seed 0, with Spearman's S.", "name": "fig-features-densities"}}
sources = {
    "clip-title": texts,
    "sl": records["sl", 0].arrays["prototypes"],
    "clip frozen": frozen.arrays["prototypes"],
    "language model": scaling.meaning(C),
}
near = {name: crowding(found)["5 nearest"] for name, found in sources.items()}
geometry.plot_densities(near, frequency)
plt.show()


# %%
def follows(name, seed):
    run = records.get((name, seed))
    rows = unit(sources[name] if run is None else run.arrays["prototypes"])
    counts = records["sl", seed].per_class["frequency"]
    before, after = crowding(rows), crowding(rows - rows.mean(0))
    return {
        "NC2": spearman(counts, before["NC2"]),
        "5 nearest": spearman(counts, before["5 nearest"]),
        "5 nearest, mean subtracted": spearman(counts, after["5 nearest"]),
    }


rows = {}
for name in sources:
    by_seed = pd.DataFrame([follows(name, seed) for seed in SEEDS])
    rows[geometry.METHODS[name]["label"]] = by_seed.apply(mean_over_seeds).map(str)
pd.DataFrame(rows).T

# %% [markdown]
# Where the text tower learnt from these pictures, the **tail** is the denser part, in NC2 and among the five nearest. A part of that is nearness to what all class vectors share: with their mean subtracted, the correlation is weaker, and three seeds cannot tell it from none. A name that is seldom read stays near the middle.
#
# ### How random is the deal?
#
# In these runs a permutation deals frequencies to concepts, so a name's meaning should not come with a frequency. But a concept cannot be dealt more drawings than exist. Frequent things have more drawings, so dealt frequencies stay correlated with the natural ones. The records call this the limit:

# %%
natural = np.bincount(tail.concept[~tail.test])
dealt = [records["sl", s].per_class["frequency"] for s in SEEDS]
live_limit = np.mean([spearman(counts, natural[:C]) for counts in dealt])
recorded = evidence.load_results("feature_space", seeds=range(10))
limit = recorded.loc["clip-title", "frequency_limit"]
by_nature = spearman(natural[:C], near["clip frozen"])
print(f"live mean {live_limit:.2f}; recorded: mean {limit.mean():.2f}, ", end="")
print(f"from {limit.min():.2f} to {limit.max():.2f} by seed")
product = limit.mean() * by_nature
print(f"open-world text by nature {by_nature:.2f}, so expected here {product:.2f}")

# %% [markdown]
# So in the recorded runs "dealt at random" holds to a limit. A head that cannot know the deal, the frozen one, is expected to show about the product of the two correlations, which comes with meaning alone (the second is of 60 concepts, so the product is a rough guide). A cure is to compare concepts with themselves. Over the seeds the same concept gets different frequencies. Does *its own* crowding change with them?

# %%
for method in METHODS:
    tables = [records[method, seed].per_class for seed in SEEDS]
    own = within_concept(tables, "nc2_prototypes")
    print(f"{style.LABELS[method]}: NC2 with frequency within concepts {own:.2f}")

# %% [markdown]
# In CLIP it does: the same name is more crowded where it is rarer. Meaning is out of this comparison. Released models cannot be asked it. (Class vectors of rare classes that fall together are what theory calls {term}`minority collapse`, derived for classifiers {cite}`fang2021`.)

# %% [markdown]
# ### Exercise: what is left after nature
#
# *Write · difficulty 2 of 3 · 10 minutes · trains taking one variable out of a correlation*
#
# There is a second cure. The partial rank correlation of $a$ and $b$ given $c$ is, with Pearson's correlations $r$ of the ranks, $(r_{ab} - r_{ac} r_{bc}) / \sqrt{(1 - r_{ac}^2)(1 - r_{bc}^2)}$. Write `partial(a, b, given)` for three numpy arrays of equal length. It returns one number. Then apply it to the frozen head: its crowding, the dealt frequency, given the natural one. [Solution](solutions/10_feature_space)


# %% exercise="partial"
def partial(a, b, given): ...


# %% tags=["remove-cell"]
check("partial", partial)

# %% [markdown]
# ## A released head, opened
#
# The paper's CLIPs go the other way. Their NC2 of class vectors, which is high where all others are close, grows with frequency:

# %%
nc.paper_table("frequency")[["NC2, class vectors"]]

# %% [markdown]
# How can both be? In the web's data frequency comes with meaning. Each of ImageNet's classes has one frequency, and nobody can deal it another. But the vectors themselves can be opened. The study released the class vectors that OpenAI's RN50 {cite}`radford2021` makes of "a" and each of the 1,000 names. The file has 2 MB, is fetched by checksum, and is not part of the course. What we measured of it is recorded, so that this page says the same without it.

# %% tags=["nbval-ignore-output"]
head = class_vectors.released()
print(class_vectors.note(head))

# %%
centring = class_vectors.recorded("centring")
if head is not None:
    captions = class_vectors.counts()["LAION-400M"]
    rows = unit(head)
    versions = rows, rows - rows.mean(0)
    for found, v in zip(centring.to_numpy()[:2], versions, strict=True):
        now = [spearman(captions, each) for each in crowding(v).values()]
        np.testing.assert_allclose(now, found, atol=2e-3)
level = class_vectors.recorded("level").loc["as they are", "mean cosine"]
print(f"mean cosine of two class vectors: {level:.2f}")
centring.loc[["as they are"]]

# %% [markdown]
# These are Spearman's correlations with how many captions of LAION-400M name the class. (OpenAI's own counts are not published.) The paper's mean for LAION-400M stands in the table above: this real head has the value that was read off a plot. The names are crowded where they are frequent.

# %% [markdown]
# ### Exercise: predict what one vector does
#
# *Predict · difficulty 2 of 3 · 4 minutes · trains asking what a number would look like without its common part*
#
# Two class vectors have a high cosine on average, printed above: all point along a common direction to some part. Subtract the one mean class vector from all class vectors, bring rows back to length 1, and take NC2 again. What is its correlation with the counts of LAION-400M? [Solution](solutions/10_feature_space)

# %% exercise="one-mean"
guess = ...

# %% tags=["remove-cell"]
check("one-mean", guess)

# %% mystnb={"image": {"alt": "Left, NC2 of class vectors for tenths of the classes from rare to frequent names: as they are it rises from 0.48 to 0.64, with the mean off it is level near 0.1. Right, Spearman's correlation with captions as more of the mean is taken off: the mean cosine stays near 0.63, NC2 falls to about 0, the five nearest fall below zero."}, "figure": {"caption": "OpenAI's RN50. Left: NC2 from the rarest to the most frequent tenth of ImageNet's names, before and after the common mean is taken off. Right: three measures of crowding as it is taken off by and by.", "name": "fig-features-centring"}}
check.reveal("one-mean", centring.loc["mean of the directions off", "NC2"])
parts = [class_vectors.recorded(name) for name in ("tenths", "shares")]
class_vectors.plot_centring(*parts)
plt.show()

# %%
display(*map(data_table, parts, ("The left panel.", "The right panel.")))

# %% [markdown]
# **The density of the head is nearness to one direction.** Frequent names have a larger part of what all names share. Without it, NC2 is as low in the head as in the tail. Among the five nearest the sign even turns: locally the *tail* is denser, as in our small models. The same for other counts:

# %%
print(f"by chance, 1,000 classes: within {chance_spearman(1_000):.2f} of 0")
class_vectors.recorded("sets")

# %% [markdown]
# ### Two readings of "centred"
#
# One line in the right panel does not fall. The mean cosine keeps its .63 with the mean subtracted, and the five nearest have the other sign. Whoever says "centred, density follows frequency" and whoever says "centred, it does not" may both have computed correctly. The table has the correlations of all readings, and the standard deviation over classes of the mean cosine beside them:

# %%
spread = class_vectors.recorded("spread")["mean cosine"].map("{:.4f}".format)
centring.assign(**{"mean cosine, standard deviation": spread})

# %% [markdown]
# Why? Once the mean is off, positive and negative cosines cancel, and each class's mean cosine with all others is nearly the same. What differs between classes is a trace: rows at length 1 again have a small mean of their own, along the old one. Subtract again and again, and the standard deviation goes to zero while the *ranks* of the remainders stay. **A rank correlation does not know how small the differences are.** NC2 takes absolute values, so nothing cancels in it; the five nearest ask another question, that of close relatives. These two are the readings to trust, and they say *about none* and *denser in the tail*. Which mean is subtracted, that of the directions or that of the vectors as released (whose lengths are 8 to 15), changes NC2's correlation from just above to just below zero. Both are within or near chance.

# %% [markdown]
# ### Exercise: the reading that cannot know
#
# *Choose · difficulty 1 of 3 · 3 minutes · trains looking at a spread before a correlation*
#
# Which of the three measures says nothing about density once the common mean is subtracted for good: `"mean cosine"`, `"NC2"` or `"5 nearest"`? [Solution](solutions/10_feature_space)

# %% exercise="reading"
reading = ...

# %% tags=["remove-cell"]
check("reading", reading)

# %% [markdown]
# ### Does meaning alone do it?
#
# A language model has read the names and seen no picture. Of the 1,000 names, {term}`IconTail` has some too, and its table holds the language model's embeddings of these, centred over all its concepts. On the shared names:

# %%
shared = len(class_vectors.shared_names()[0])
print(f"{shared} names; by chance within {chance_spearman(shared):.2f} of 0")
class_vectors.recorded("names")[["NC2", "5 nearest"]]

# %% [markdown]
# Meaning alone gives the frequent names somewhat nearer relatives. It does not give the .55 that CLIP's vectors have as they are. On these names, everyday things for the most part, the centred five nearest of both are alike, a little beyond chance. So the strong correlation is the common direction, and that is something that CLIP's text tower has and this table, being centred, cannot have. What makes frequent names point along it, training on many captions or the way a text tower reads short common words, one head does not tell.
#
# ## The recorded evidence
#
# Our runs at scale `cpu`: 194 concepts, 6,000 pictures, ten seeds. First the correlations:

# %% mystnb={"image": {"alt": "Two panels with a row for each of five metrics and a marker for each of SL, CLIP on templates, CLIP on titles and CLIP with frozen text, with intervals over seeds, for correlations with accuracy and with frequency."}, "figure": {"caption": "Four methods on all data: ten seeds (ticks), means and t intervals.", "name": "fig-features-recorded"}}
four = ["sl", "clip-template", "clip-title", "clip frozen"]
nc.plot_correlations(recorded, four)
plt.show()

# %%
asked = {
    "spearman_nc1_accuracy": "NC1 with accuracy",
    "spearman_nc2_prototypes_accuracy": "NC2 of class vectors with accuracy",
    "spearman_nc2_prototypes_frequency": "NC2 of class vectors with frequency",
}
table = intervals.means(recorded, asked, four)
table.rename(style.LABELS | {"clip frozen": "CLIP, frozen"})

# %% [markdown]
# Three things stand out. NC1 has a weak tie with accuracy in CLIP, and in the classifier its interval includes zero. The strongest tie of all is that of class vectors with accuracy, and it is negative: concepts whose vector is crowded are recognised less, most of all with the frozen text. In the paper's table above that correlation is small and mostly positive. As with frequency, NC2 is taken as it is, common mean included. And the frozen head shows the small negative correlation with frequency that was expected above of a head that knows no deal.
#
# The claims were declared with the smallest effects that would matter before their metrics were looked at. None of them has been asked of photographs.

# %%
SLUG = "feature_space"
verdicts = evidence.verdicts(lesson=SLUG)
table = claims.table(verdicts).drop(columns="target")
table.reset_index(drop=True).style.hide().set_table_styles([claims.LEFT])

# %% mystnb={"image": {"alt": "One row for each claim of this lesson: our effect with its interval over seeds, and the paper's effect as a hollow diamond, in panels by metric."}, "figure": {"caption": "Effects of the lesson's claims, ours and the paper's.", "name": "fig-features-claims"}}
claims.effects(verdicts)
plt.show()

# %% [markdown]
# The same with seeds 5 to 9, and with all ten:

# %%
by_seeds = (range(5), results.REPLICATION, range(10))
HTML(claims.again_page(*(evidence.verdicts(SLUG, seeds=s) for s in by_seeds)))

# %% [markdown]
# Of the twelve, three matter here.
#
# - **Density** goes against the paper's sign in both sets of seeds, and more so with more data. After the released head we read it so: as it is, NC2 measures nearness to the common direction. In our small data the rare names lie near it; in the released head, the frequent ones do.
# - **Crowds.** That CLIP's accuracy follows most others more than the nearest is supported by the first five seeds and by all ten, and undecided in the second five. That eight times the data move failures towards twins is undecided with five seeds and absent with ten.
# - **Whole models.** With the same frozen class vectors, CLIP is said to keep more variation within classes than a classifier. Look at sizes before verdicts:

# %%
nc.whole_models(recorded)

# %% [markdown]
# In the paper's Fig. 5 NC1 of a CLIP with frozen text is more than twice that of the classifier. Ours differ by three in a hundred, so a verdict on the sign, whichever it is, does not replicate the figure. That CLIP's centres would also be nearer to a simplex than the classifier's is reversed: an NC2 of .26 against .25. Short training on few pictures leaves every model far from collapse.
#
# ## What this scale cannot show
#
# - **The other end of the axis.** The paper's shift from crowds to twins happens between millions and billions of pictures. Ours end at 6,000.
# - **Fine twins.** ImageNet has 118 breeds of dogs. Our concepts were chosen to be different things.
# - **Collapse itself.** It is a limit of long training on balanced data. NC1 and NC2 describe here, and predict no end state.
# - **Other heads.** One released set of class vectors was opened, with one prompt and the counts of other sets. Whether larger CLIPs have the same common direction is a question that ten lines of this page can answer for anyone who has their class vectors.
#
# ## Summary
#
# - NC1 is spread and NC2 is separation. NC1 depends on NC2, and neither is accuracy.
# - A twin shows in the nearest-neighbour NC2, a crowd in the mean. Our models' errors look like those of a crowd.
# - The modality gap has two halves. Centring class vectors lowers S(p) and centring pictures raises it; what changes answers is the step to length 1, and the mean picture's push.
# - t-SNE keeps neighbours. It shows neither the width of a gap nor density.
# - In OpenAI's RN50 the density of frequent names is nearness to one common direction. Say which reading of *centred* you use, and look at the spread before the correlation.
#
# Next: {doc}`11_extreme_tails` cuts the tail off altogether.
#
# ## References
#
# {cite:t}`wen2024`; {cite:t}`papyan2020`; {cite:t}`fang2021`; {cite:t}`liang2022`; {cite:t}`maaten2008`; {cite:t}`wattenberg2016`; {cite:t}`radford2021`. In full on the page {doc}`../book/references`.
