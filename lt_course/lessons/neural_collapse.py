"""Lesson 10: toys of neural collapse, and what its metrics are correlated with over classes."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.figure import Figure

from lt_course.counting.web_frequencies import PRETRAINING_SETS
from lt_course.evaluation.neural_collapse import class_means, nc1, nc2, nc2_per_class
from lt_course.evidence import paper
from lt_course.lessons import scaling
from lt_course.lessons.geometry import METHODS
from lt_course.lessons.neighbours import unit
from lt_course.plots import intervals, style
from lt_course.statistics import FloatArray

IntArray = npt.NDArray[np.int64]

METRICS = style.looks("lesson 10, metrics")
"""The columns of `lt_course.evaluation.neural_collapse.per_class`."""

TARGETS = ("accuracy", "frequency")
"""What each metric is correlated with, over classes."""

PAPER_SETS: dict[str, float] = style.names("lesson 10, millions of pictures")
"""Pre-training sets of Fig. 7a of arXiv 2405.21070, and their millions of pictures."""

HEADS = {
    "CLIP from scratch": ("clip-template", "scratch"),
    "CLIP, frozen text": ("clip frozen", "frozen"),
    "classifier, frozen text": ("sl frozen", "sl frozen"),
}
"""Label of our runs and of Fig. 5 for each text head."""

SIMPLEX = np.deg2rad([90.0, 210.0, 330.0])
"""Directions of three class centres in the plane that stand as far apart as can be."""

CLASSES = (style.BLUE, "o"), (style.VERMILLION, "^"), (style.GREEN, "s")
"""Colours and markers of the toy's three classes."""


def triangle(
    spread: float, turn: float = 0.0, pictures: int = 40, seed: int = 0
) -> tuple[FloatArray, IntArray]:
    """Features [N, 2] and labels [N] of three classes in the plane, around centres of length 1.

    `spread` is the standard deviation around each; the last is turned by `turn` degrees towards the
    second (0 is a simplex); the noise depends on the seed alone.
    """
    angles = SIMPLEX - np.deg2rad([0.0, 0.0, turn])
    labels = np.repeat(np.arange(3), pictures)
    centres = np.column_stack([np.cos(angles), np.sin(angles)])
    noise = np.random.default_rng(seed).normal(size=(len(labels), 2))
    return centres[labels] + spread * noise, labels


def collapse(features: FloatArray, labels: IntArray) -> dict[str, float]:
    """NC1, NC2 of the class means, and the accuracy of the nearest one; features are [N, D]."""
    rows, ids, classes = torch.from_numpy(features), torch.from_numpy(labels), int(labels.max()) + 1
    means = class_means(rows, ids, classes)
    answers = torch.cdist(rows.double(), means).argmin(1)
    accuracy = float((answers == ids).double().mean())
    return {"NC1": nc1(rows, ids, classes), "NC2": nc2(means), "accuracy": accuracy}


def ways_to_fail(
    rivals: int,
    moves: Sequence[float],
    classes: int = 12,
    spread: float = 0.25,
    pictures: int = 4_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Some classes of a simplex draw together, and are told apart less and less.

    `rivals` draw together with the class that is asked (1 is a twin), by `moves` of the way to
    their middle, 0 … < 1. Around a centre pictures have a standard deviation of `spread` in each
    dimension, and the same noise for all moves.

    Returns:
        One row a move, of the class that is asked: `accuracy` of the nearest centre, its NC2 as
        ``mean`` over the other classes and towards the ``nearest``, and ``to_one``, the share of
        its errors that name one and the same rival (nan without an error).
    """
    simplex = unit(np.eye(classes) - 1 / classes)
    group = simplex[: rivals + 1]
    noise = spread * np.random.default_rng(seed).normal(size=(pictures, classes))
    rows = {}
    for move in moves:
        drawn = unit((1 - move) * group + move * group.mean(0))
        centres = np.concatenate([drawn, simplex[rivals + 1 :]])
        vectors = torch.from_numpy(centres)
        answers = ((centres[0] + noise) @ centres.T).argmax(1)
        wrong = answers[answers != 0]
        rows[move] = {
            "accuracy": float((answers == 0).mean()),
            "mean": float(nc2_per_class(vectors)[0]),
            "nearest": float(nc2_per_class(vectors, nearest=True)[0]),
            "to_one": float((wrong == 1).mean()) if len(wrong) else np.nan,
        }
    return pd.DataFrame(rows).T.rename_axis("move")


def paper_correlations() -> pd.DataFrame:
    """Fig. 7a of arXiv 2405.21070, read off the plot: means over CLIP models of each set.

    Columns dataset, millions (of pictures), metric, target, value.
    """
    rows = [
        (data, millions, m, t, paper.value("fig7a", data, "clip", f"spearman_{m}_{t}"))
        for (data, millions), m, t in product(PAPER_SETS.items(), METRICS, TARGETS)
    ]
    return pd.DataFrame(rows, columns=["dataset", "millions", "metric", "target", "value"])


def paper_table(target: str) -> pd.DataFrame:
    """`paper_correlations` with one of `TARGETS`: a row a set, smallest first."""
    titles = {"laionet": "LAIONet"} | PRETRAINING_SETS
    found = paper_correlations().query("target == @target")
    wide = found.pivot(index="dataset", columns="metric", values="value")
    wide = wide.loc[list(PAPER_SETS), list(METRICS)]
    wide.index = [f"{titles[data]} ({size:,g} million)" for data, size in PAPER_SETS.items()]
    return wide.set_axis([look["label"] for look in METRICS.values()], axis=1)


def whole_models(runs: pd.DataFrame) -> pd.DataFrame:
    """NC1 and NC2 of centres, as in Fig. 5 and of recorded runs, for three text heads."""
    theirs = scaling.paper_curves().query("fraction == 1").set_index("head")
    rows: dict[str, dict[str, Any]] = {title: {} for title in HEADS}
    for (title, (label, head)), metric in product(HEADS.items(), ("nc1", "nc2_means")):
        name = METRICS[metric]["label"]
        rows[title][f"paper: {name}"] = theirs.loc[head, metric]
        rows[title][f"ours: {name}"] = intervals.text(intervals.by_seed(runs, label, metric))
    return pd.DataFrame.from_dict(rows, orient="index")


def plot_triangles(
    clouds: Mapping[str, tuple[FloatArray, IntArray]], scores: Mapping[str, Mapping[str, float]]
) -> Figure:
    """Three classes in the plane, one panel an arrangement, with what is measured of it."""
    figure, panels = style.panels(len(clouds), 3.6, 3.7)
    for axes, (title, (points, labels)) in zip(panels, clouds.items(), strict=True):
        for c, (color, marker) in enumerate(CLASSES):
            own = points[labels == c]
            middle = own.mean(0)
            axes.plot(*own.T, linestyle="", marker=marker, color=color, alpha=0.45, markersize=4)
            axes.plot([0, middle[0]], [0, middle[1]], color=color, linestyle="-", linewidth=2)
            axes.plot(*middle, marker=marker, color=color, markersize=9, markeredgecolor="white")
        values = ", ".join(f"{name} {value:.2f}" for name, value in scores[title].items())
        axes.set(title=f"{title}\n{values}", xlim=(-2, 2), ylim=(-2, 2), aspect="equal")
        axes.set(xticks=[], yticks=[])
    return figure


def plot_ways_to_fail(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """NC2 of a class against its accuracy as it moves towards others, one panel a way."""
    figure, panels = style.panels(len(curves), 3.7, 3.2, sharex=True, sharey=True)
    for axes, (title, curve) in zip(panels, curves.items(), strict=True):
        mean, nearest = METRICS["nc2_means"], METRICS["nc2_means_nearest"]
        axes.plot(curve["accuracy"], curve["mean"], linestyle="-", **mean)
        axes.plot(curve["accuracy"], curve["nearest"], linestyle="--", **nearest)
        axes.set(title=title, xlabel="accuracy of the class", xlim=(1.02, 0))
    panels[0].set_ylabel("its NC2")
    panels[0].legend()
    return figure


def plot_correlations(runs: pd.DataFrame, labels: Sequence[str]) -> Figure:
    """A row a metric, a panel a target: every seed of runs, and the mean with its t interval.

    Labels are of `METHODS`; those that are not recorded are not drawn.
    """
    figure, panels = style.panels(2, 4.2, 3.6, sharey=True)
    # Markers that share a row stand closer together than to those of the next row.
    shifts = 0.18 * (np.arange(len(labels)) - (len(labels) - 1) / 2)
    for axes, target in zip(panels, TARGETS, strict=True):
        for label, shift in zip(labels, shifts, strict=True):
            axes.plot([], [], linestyle="", **METHODS[label])
            look = style.unnamed(METHODS[label])
            for place, metric in enumerate(METRICS):
                values = intervals.by_seed(runs, label, f"spearman_{metric}_{target}")
                intervals.draw_seeds(axes, values, place + shift, **look)
        axes.axvline(0, **style.ZERO)
        style.name_rows(axes, [look["label"] for look in METRICS.values()])
        for edge in np.arange(1, len(METRICS)) - 0.5:
            axes.axhline(edge, color="#DDDDDD", linewidth=0.6, linestyle="-")
        axes.set(xlabel=f"Spearman with {target}")
    style.legend(figure, ncols=len(labels))
    return figure
