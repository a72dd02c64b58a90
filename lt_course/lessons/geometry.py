"""What lesson 09 computes: toys of neural collapse, the modality gap, density, and where errors go.

`t_sne` draws maps of features. What a map may be read for, and what not, the lesson tests with
clouds whose truth is known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.manifold import TSNE

from lt_course.errors import CourseError
from lt_course.evaluation.neural_collapse import class_means, nc1, nc2, nc2_per_class
from lt_course.evidence import paper
from lt_course.lessons.neighbours import cosines
from lt_course.study import Record

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

METRICS = (
    "nc1",
    "nc2_means",
    "nc2_means_nearest",
    "nc2_prototypes",
    "nc2_prototypes_nearest",
)
"""The columns of `lt_course.evaluation.neural_collapse.per_class`."""

TARGETS = ("accuracy", "frequency")
"""What each metric is correlated with, over classes."""

PAPER_SETS: dict[str, float] = {
    "laionet": 3.26,
    "cc12m": 12,
    "yfcc15m": 15,
    "laion400m": 400,
    "metaclip_400m": 400,
    "laion2b": 2_000,
    "metaclip_fullcc": 2_500,
}
"""Pre-training sets of Fig. 7a of arXiv 2405.21070, and their millions of pictures."""

SIMPLEX = np.deg2rad([90.0, 210.0, 330.0])
"""Directions of three class centres in the plane that stand as far apart as can be."""


# Toys -----------------------------------------------------------------------------------------


def triangle(
    spread: float, turn: float = 0.0, pictures: int = 40, seed: int = 0
) -> tuple[FloatArray, IntArray]:
    """Features of three classes in the plane, around centres of length 1.

    Args:
        spread: standard deviation around each centre.
        turn: degrees by which the last centre is turned towards the second; 0 is a simplex.
        pictures: of each class.
        seed: of the noise, which depends on it alone.

    Returns:
        Features [3 * pictures, 2] and labels [3 * pictures].
    """
    angles = SIMPLEX - np.deg2rad([0.0, 0.0, turn])
    labels = np.repeat(np.arange(3), pictures)
    centres = np.column_stack([np.cos(angles), np.sin(angles)])
    noise = np.random.default_rng(seed).normal(size=(len(labels), 2))
    return centres[labels] + spread * noise, labels


def collapse(features: FloatArray, labels: IntArray) -> dict[str, float]:
    """NC1, NC2 of the class means, and the accuracy of the nearest class mean.

    Args:
        features: float [N, D].
        labels: int [N], each of 0 … C-1 at least once.

    Raises:
        CourseError: as `nc1`.
    """
    rows, ids, classes = torch.from_numpy(features), torch.from_numpy(labels), int(labels.max()) + 1
    means = class_means(rows, ids, classes)
    answers = torch.cdist(rows.double(), means).argmin(1)
    return {
        "NC1": nc1(rows, ids, classes),
        "NC2": nc2(means),
        "accuracy": float((answers == ids).double().mean()),
    }


def ways_to_fail(
    rivals: int,
    moves: Sequence[float],
    classes: int = 12,
    spread: float = 0.25,
    pictures: int = 4_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Some classes of a simplex draw together, and are told apart less and less.

    Args:
        rivals: how many others draw together with the class that is asked: 1 is a twin.
        moves: how far of the way to their middle, 0 … < 1 (at 1 all would coincide).
        classes: C.
        spread: standard deviation of the pictures around a centre, in each dimension.
        pictures: to measure accuracy with; their noise is the same for all moves.
        seed: of the noise.

    Returns:
        One row a move, of the class that is asked: `accuracy` of the nearest centre, and its NC2
        as ``mean`` over the other classes and towards the ``nearest``.
    """
    simplex = _unit(np.eye(classes) - 1 / classes)
    group = simplex[: rivals + 1]
    noise = spread * np.random.default_rng(seed).normal(size=(pictures, classes))
    rows = {}
    for move in moves:
        drawn = _unit((1 - move) * group + move * group.mean(0))
        centres = np.concatenate([drawn, simplex[rivals + 1 :]])
        vectors = torch.from_numpy(centres)
        rows[move] = {
            "accuracy": float((((centres[0] + noise) @ centres.T).argmax(1) == 0).mean()),
            "mean": float(nc2_per_class(vectors)[0]),
            "nearest": float(nc2_per_class(vectors, nearest=True)[0]),
        }
    return pd.DataFrame(rows).T.rename_axis("move")


# Correlations ---------------------------------------------------------------------------------


def correlations(found: pd.DataFrame) -> pd.DataFrame:
    """Runs' correlations of the metrics with accuracy and frequency, one row each.

    Args:
        found: indexed by (label, seed), as of `lt_course.lessons.scaling.metrics` or
            `lt_course.evidence.recorded`.

    Returns:
        Columns label, seed, metric (of `METRICS`), target (of `TARGETS`), value; no rows where
        nothing is recorded.
    """
    keys = found.index.to_frame(index=False)
    parts = [
        keys.assign(metric=metric, target=target, value=found[name].to_numpy())
        for metric, target in _asked()
        if (name := f"spearman_{metric}_{target}") in found
    ]
    columns = ["label", "seed", "metric", "target", "value"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def paper_correlations() -> pd.DataFrame:
    """Fig. 7a of arXiv 2405.21070, read off the plot: means over CLIP models of each set.

    Returns:
        Columns dataset, millions (of pictures), metric, target, value.
    """
    rows = [
        (data, millions, metric, target, paper.value("fig7a", data, "clip", f"spearman_{name}"))
        for data, millions in PAPER_SETS.items()
        for metric, target in _asked()
        for name in (f"{metric}_{target}",)
    ]
    return pd.DataFrame(rows, columns=["dataset", "millions", "metric", "target", "value"])


def _asked() -> list[tuple[str, str]]:
    return [(metric, target) for metric in METRICS for target in TARGETS]


# Text and pictures in one space ---------------------------------------------------------------


def sides(record: Record) -> tuple[FloatArray, FloatArray]:
    """Mean picture features and class vectors of a run, float [C, D] each, rows of length 1."""
    return _unit(record.arrays["centres"]), _unit(record.arrays["prototypes"])


def gap(pictures: FloatArray, texts: FloatArray) -> float:
    """The modality gap: distance between the means of both sides (Liang et al., arXiv 2203.02053).

    Args:
        pictures: float [N, D], rows of length 1.
        texts: float [M, D], rows of length 1.

    Returns:
        0 … 2.
    """
    return float(np.linalg.norm(pictures.mean(0) - texts.mean(0)))


def gap_by_chance(
    pictures: FloatArray, texts: FloatArray, draws: int = 1_000, level: float = 0.99, seed: int = 0
) -> float:
    """The gap that would be exceeded by chance in 1 - level of cases.

    In each draw the two vectors of every class change sides with probability one half; were there
    no gap, that would make no difference.

    Args:
        pictures: float [C, D].
        texts: float [C, D], of the same classes in the same order.
        draws: how many.
        level: 0 … 1.
        seed: of the draws.
    """
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(draws, len(pictures)))
    lengths = np.linalg.norm(signs @ (pictures - texts) / len(pictures), axis=1)
    return float(np.quantile(lengths, level))


def shifted(pictures: FloatArray, texts: FloatArray, factor: float) -> FloatArray:
    """The texts, moved along the gap until it is `factor` times as wide; 0 closes it."""
    return texts + (factor - 1) * (texts.mean(0) - pictures.mean(0))


def t_sne(vectors: npt.ArrayLike, perplexity: float = 10.0, seed: int = 0) -> FloatArray:
    """A map of vectors in the plane (van der Maaten and Hinton, 2008), from their distances.

    Args:
        vectors: float [N, D]; between rows of length 1, distances are ordered as cosines are.
        perplexity: how many neighbours each point looks at, softly; below N.
        seed: of the optimisation, which starts from the first two principal components.

    Returns:
        float [N, 2].
    """
    rows = np.asarray(vectors, dtype=np.float64)
    made = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(rows)
    return np.asarray(made, dtype=np.float64)


def two_clouds(
    points: int = 60, ratio: float = 4.0, dimensions: int = 20, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """A dense and a loose cloud, float [points, dimensions] each, the loose one `ratio` as wide."""
    generator = np.random.default_rng(seed)
    dense, loose = generator.normal(size=(2, points, dimensions))
    far = np.zeros(dimensions)
    far[0] = 8 * ratio
    return dense, far + ratio * loose


def width(points: FloatArray) -> float:
    """Root mean squared distance of points from their mean."""
    return float(np.sqrt(np.square(points - points.mean(0)).sum(1).mean()))


# Density and errors ---------------------------------------------------------------------------


def density(vectors: npt.ArrayLike, k: int = 5, *, centre: bool = False) -> FloatArray:
    """How crowded it is around each vector: mean cosine with the k nearest others.

    Args:
        vectors: float [C, D].
        k: 1 … C-1.
        centre: take the mean of the normalised vectors off first.

    Returns:
        float [C], -1 … 1.

    Raises:
        CourseError: if there are not as many others.
    """
    rows = _unit(np.asarray(vectors))
    if not 1 <= k < len(rows):
        raise CourseError(f"k is {k}; {len(rows)} vectors have 1 to {len(rows) - 1} others each.")
    found = cosines(rows) if centre else rows @ rows.T
    np.fill_diagonal(found, -np.inf)
    nearest: FloatArray = np.sort(found, axis=1)[:, -k:].mean(1)
    return nearest


def error_ranks(record: Record, only: npt.ArrayLike | None = None) -> IntArray:
    """For each wrong answer, which neighbour of the true class it names: 1 is the nearest.

    Neighbours are ordered by the cosines of the classes' mean picture features
    (`lt_course.lessons.neighbours.cosines`).

    Args:
        record: of any run.
        only: bool [C], the true classes that count; None is all.

    Returns:
        int64 [errors], 1 … C-1.
    """
    found = cosines(record.arrays["centres"])
    np.fill_diagonal(found, np.inf)
    rank = np.argsort(np.argsort(-found, axis=1, kind="stable"), axis=1)
    labels, answers = record.arrays["labels"], record.arrays["predictions"]
    wrong = labels != answers
    if only is not None:
        wrong &= np.asarray(only, dtype=bool)[labels]
    ranks: IntArray = rank[labels[wrong], answers[wrong]]
    return ranks


def among_nearest(ranks: IntArray, classes: int) -> FloatArray:
    """Share of the errors that name one of the k nearest, float [C-1], for k from 1 on."""
    counts = np.bincount(ranks, minlength=classes)[1:]
    share: FloatArray = counts.cumsum() / len(ranks)
    return share


def _unit(vectors: npt.NDArray[np.floating]) -> FloatArray:
    rows = vectors.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
