"""What lesson 12 computes: the paper's released models, the right frequency file, and our own.

The paper's per-model numbers were never released. What it shows of them was read off its plots
(`lt_course.evidence.paper`); a reader who has run ``lt-course models evaluate`` has numbers of
their own, which `lt_course.web.released.own_models` finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.stats import rankdata

from lt_course.counting.web_frequencies import CONCEPT_SETS, PRETRAINING_SETS, WebFrequencies
from lt_course.data import icontail
from lt_course.evaluation.answers import Answers, score
from lt_course.evidence import paper
from lt_course.lessons.features import image_features
from lt_course.statistics import spearman
from lt_course.study import Record

FloatArray = npt.NDArray[np.float64]

MILLIONS = {
    "cc12m": 12,
    "yfcc15m": 15,
    "laion400m": 400,
    "metaclip_400m": 400,
    "laion2b": 2_000,
    "metaclip_fullcc": 2_500,
}
"""Pairs of the six pre-training sets, in millions, as their names have it."""

BIAS = {"spearman_accuracy": "S(a)", "spearman_predictions": "S(p)"}

CONCEPTS = {  # classes of the concept sets of Fig. 12
    "cub": 200,
    "food101": 101,
    "pets": 37,
    "flowers102": 102,
    "places365": 365,
    "eurosat": 10,
    "dtd": 47,
}


# What the paper shows --------------------------------------------------------------------------


def by_pretraining(web: WebFrequencies) -> pd.DataFrame:
    """Fig. 1b's CLIPs, a row a pre-training set, beside what the set's counts look like.

    Columns: millions, S(a), S(p) (read off the plot), and gini, effective_classes and top10_share
    of how often its captions name ImageNet's classes.
    """
    rows = {}
    for key, millions in MILLIONS.items():
        bias = {letter: paper.value("fig1b", key, "clip", m) for m, letter in BIAS.items()}
        counts = web.summary.loc[f"{key}_imagenet_ori"]
        shape = {name: counts[name] for name in ("gini", "effective_classes", "top10_share")}
        rows[key] = {"millions": millions} | bias | shape
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("set")


def markers(evaluated: str = "imagenet") -> pd.DataFrame:
    """Fig. 18's models: those of the 41 that can be told apart in the plot, one a row.

    Args:
        evaluated: ``imagenet`` or ``imagenet-v2``.

    Returns:
        Columns set, S(a), S(p), hidden (whether another marker covers part of it).
    """
    values = paper.table("fig18")
    number = values["method"].str.extract(rf"^clip-{evaluated}-(\d\d)$")[0]
    values = values[number.notna()].assign(number=number.dropna())
    wide = values.pivot(index=["dataset", "number"], columns="metric", values="value")
    hidden = values.groupby(["dataset", "number"])["note"].first().str.contains("hidden")
    table = wide.rename(columns=BIAS).assign(hidden=hidden).reset_index()
    order = {key: place for place, key in enumerate(MILLIONS)}
    table = table.sort_values(["dataset", "number"], key=lambda c: c.replace(order))
    return table.rename(columns={"dataset": "set"})[["set", *BIAS.values(), "hidden"]].reset_index(
        drop=True
    )


def once_each(points: pd.DataFrame, sets: Sequence[str] = ("cc12m", "yfcc15m")) -> pd.DataFrame:
    """Means of a set's markers, and how far they could move if each checkpoint counted once.

    Every second marker is a checkpoint under its wrong name; which one is not known. So all ways
    to keep half of the markers are tried.

    Args:
        points: as `markers` returns them.
        sets: those whose models are all counted twice.

    Returns:
        A row a set and correlation: markers, all (the mean), lowest and highest mean of a half.
    """
    rows = {}
    for key in sets:
        for letter in BIAS.values():
            values = points.loc[points["set"] == key, letter].to_numpy()
            halves = [np.mean(h) for h in combinations(values, len(values) // 2)]
            said = [len(values), values.mean(), min(halves), max(halves)]
            rows[key, letter] = dict(
                zip(("markers", "all", "lowest", "highest"), said, strict=True)
            )
    return pd.DataFrame.from_dict(rows, orient="index")


def other_concepts() -> pd.DataFrame:
    """Fig. 12, a row a concept set and pre-training set: S(a), S(p), classes, chance.

    ``chance`` is where 95 % of correlations between unrelated ranks of as many classes lie.
    """
    values = paper.table("fig12").assign(
        concepts=lambda table: table["method"].str.removeprefix("clip-")
    )
    wide = values.pivot(index=["concepts", "dataset"], columns="metric", values="value")
    wide = wide.rename(columns=BIAS).reindex(
        pd.MultiIndex.from_product([CONCEPTS, MILLIONS], names=["concepts", "set"])
    )
    chances = {name: by_chance(classes) for name, classes in CONCEPTS.items()}
    names = wide.index.get_level_values("concepts")
    return wide.assign(classes=names.map(CONCEPTS), chance=names.map(chances)).reset_index()


def figure_17(web: WebFrequencies, key: str) -> pd.DataFrame:
    """Fig. 17's accuracies, a row a plotted class: captions as printed, and of the class looked up.

    Args:
        web: counts of single classes must be at hand.
        key: ``laion400m`` or ``metaclip_400m``.
    """
    values = paper.table("fig17")
    values = values[values["dataset"] == key]
    rank = values["method"].str.removeprefix("clip-rank-").astype(int).to_numpy()
    printed_by = web.counts("laion400m_imagenet_ori").sort_values(ascending=False, kind="stable")
    own = web.counts(f"{key}_imagenet_ori")
    return pd.DataFrame(
        {
            "accuracy": values["value"].to_numpy(),
            "captions, as printed": own.loc[printed_by.index[rank]].to_numpy(),
            "captions of the class looked up": own.iloc[rank].to_numpy(),
        }
    )


# Chance, and the wrong file --------------------------------------------------------------------


def by_chance(classes: int, draws: int = 4_000, seed: int = 0, share: float = 0.95) -> float:
    """How large Spearman's correlation of unrelated ranks gets: the bound of 95 % of their |S|.

    Args:
        classes: C.
        draws: random orders.
        seed: of the orders.
        share: of the draws.
    """
    generator = np.random.default_rng(seed)
    ranks = np.arange(classes) - (classes - 1) / 2
    orders = generator.permuted(np.tile(ranks, (draws, 1)), axis=1)
    return float(np.quantile(np.abs(orders @ ranks / (ranks @ ranks)), share))


def rank_matrix(web: WebFrequencies, concepts: str = "imagenet") -> pd.DataFrame:
    """Spearman's correlations between the counts of the six web sets (Fig. 13), [6, 6]."""
    keys = list(PRETRAINING_SETS)
    matrix = pd.DataFrame(np.eye(len(keys)), index=keys, columns=keys)
    pairs = web.correlations
    pairs = pairs[(pairs["concept_set"] == concepts) & pairs["second"].isin(keys)]
    for first, second, value in pairs[["first", "second", "spearman"]].itertuples(index=False):
        if first in keys:
            matrix.loc[first, second] = matrix.loc[second, first] = value
    return matrix


def judged_by(matrix: pd.DataFrame, own: str, bias: float) -> pd.DataFrame:
    """S(a) of a model of one set if it is judged by the counts of each.

    Args:
        matrix: as `rank_matrix` returns it.
        own: the set that the model learnt from.
        bias: its S(a) by that set's counts.

    Returns:
        A row a file: ``predicted``, r S(a), which holds if the other counts know of accuracy only
        what they share with the model's own; ``lowest`` and ``highest``, what three correlations
        allow at all.
    """
    r = matrix[own]
    room = np.sqrt((1 - r**2) * (1 - bias**2))
    return pd.DataFrame(
        {"predicted": r * bias, "lowest": r * bias - room, "highest": r * bias + room}
    )


def simulated(
    matrix: pd.DataFrame, own: str, bias: float, *, classes: int = 1_000, draws: int = 100,
    seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """S(a) under each file for made-up models whose accuracy depends on their own set's counts.

    Counts are drawn with the rank correlations of the true ones (a Gaussian copula); accuracy is
    their own set's, plus noise that no file knows.

    Args:
        matrix: as `rank_matrix` returns it.
        own: the set that the models learnt from.
        bias: S(a) by that set's counts that is aimed at.
        classes: C.
        draws: models.
        seed: of the draws.

    Returns:
        float [draws, 6], columns as in the matrix.
    """
    generator = np.random.default_rng(seed)
    linear = 2 * np.sin(np.pi / 6 * matrix.to_numpy())  # of normal variables with these ranks
    root = np.linalg.cholesky(linear + 1e-6 * np.eye(len(linear)))
    slope = 2 * np.sin(np.pi / 6 * bias)
    place = list(matrix).index(own)
    found = np.empty((draws, len(matrix)))
    for draw in range(draws):
        counts = root @ generator.standard_normal((len(matrix), classes))
        noise = generator.standard_normal(classes)
        accuracy = rankdata(slope * counts[place] + np.sqrt(1 - slope**2) * noise)
        found[draw] = np.corrcoef(rankdata(counts, axis=1), accuracy)[-1, :-1]
    return pd.DataFrame(found, columns=list(matrix))


# Models of our own -----------------------------------------------------------------------------


def test_pictures(record: Record) -> npt.NDArray[np.uint8]:
    """The drawings that a run was tested on, uint8 [N, 32, 32]."""
    return icontail.load().pictures[record.arrays["test"]]


def of_run(record: Record) -> Answers:
    """What a run answers on the test drawings, by the code that evaluates released models."""
    features = image_features(record, test_pictures(record), normalise=False)
    labels = torch.from_numpy(record.arrays["labels"])
    prototypes = torch.from_numpy(record.arrays["prototypes"])
    return score(features, labels, prototypes, record.per_class["name"].to_list())


def blocks(answers: Answers, frequency: npt.ArrayLike, groups: int = 4) -> FloatArray:
    """Where answers go, in groups of classes from frequent to rare, float [groups, groups].

    Rows (true classes) sum to 1. The diagonal holds right answers and mix-ups within a group.
    """
    order = np.argsort(-np.asarray(frequency), kind="stable")
    group = np.empty(len(order), dtype=int)
    for number, members in enumerate(np.array_split(order, groups)):
        group[members] = number
    member = np.eye(groups)[group]
    found = member.T @ answers.confusion @ member
    return np.asarray(found / found.sum(1, keepdims=True))


def lifted(
    cosines: npt.NDArray[np.floating],
    labels: npt.NDArray[np.int64],
    frequency: npt.ArrayLike,
    lifts: Sequence[float],
) -> pd.DataFrame:
    """Accuracy, S(a) and S(p) when lift * log frequency is added to every class's cosine.

    Args:
        cosines: [N, C], of pictures with class vectors.
        labels: int64 [N].
        frequency: [C].
        lifts: one row each.
    """
    counts = np.asarray(frequency, dtype=np.float64)
    prior = np.log1p(counts)
    rows = {}
    for lift in lifts:
        said = (cosines + lift * (prior - prior.mean())).argmax(1)
        right = np.bincount(labels[said == labels], minlength=len(counts))
        shown = np.bincount(labels, minlength=len(counts))
        rows[lift] = {
            "accuracy": float((said == labels).mean()),
            "S(a)": spearman(counts, right / shown),
            "S(p)": spearman(counts, np.bincount(said, minlength=len(counts))),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("lift")


# The reader's own evaluation -------------------------------------------------------------------


def beside(theirs: pd.DataFrame, own: pd.DataFrame | None) -> pd.DataFrame:
    """The table of `by_pretraining`, with the number and the means of the reader's models."""
    if own is None:
        return theirs
    by_set = own.groupby("pretrained_on")
    means = by_set[list(BIAS)].mean().rename(columns={m: f"{s}, yours" for m, s in BIAS.items()})
    return theirs.join(means.assign(**{"models, yours": by_set.size()}))


def title(key: str) -> str:
    """A set's name as printed."""
    return {**PRETRAINING_SETS, **CONCEPT_SETS}[key]
