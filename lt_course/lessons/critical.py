"""What a critical reading of the paper and its release can be checked with.

The release of arXiv 2405.21070 was read, not run; what is here replays parts of it from what
anybody can get: class counts, printed numbers, the list of open models, and arithmetic.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import open_clip
import pandas as pd
from matplotlib.figure import Figure
from open_clip.pretrained import get_pretrained_cfg
from scipy.special import softmax

from lt_course.errors import CourseError
from lt_course.evidence import paper
from lt_course.plots import style
from lt_course.statistics import FloatArray
from lt_course.training.options import Schedule

RARE = 10
"""Table 1 lists the ImageNet classes with fewer captions than this in YFCC-15M."""

SCHEDULES: dict[str, Schedule] = {
    "the paper's words: ÷ 10 at 30, 50, 70": Schedule("step", 0.1, 90, milestones=(30, 50, 70)),
    "what --scheduler step gives: cosine": Schedule("cosine", 0.1, 90),
    "what --scheduler cosine gives: ÷ 10 every 30": Schedule("step", 0.1, 90, milestones=(30, 60)),
}
"""Three accounts of one learning rate: SGD's, one value an epoch, for 90 epochs."""

VOCABULARIES = (50, 100, 200, 500)
"""Sizes of the vocabulary that the paper asks for in Fig. 3."""

FIGURE_8 = pd.DataFrame.from_dict(
    {
        "SL": (256, 64, 0.1, 90, False),
        "SL, frozen head": (256, 64, 0.1, 90, False),
        "SL, frozen head, subsampled vocabulary": (1024, 256, 0.4, 90, False),
        "CLIP, text tower from scratch or frozen": (1024, 256, 1e-3, 32, True),
    },
    orient="index",
    columns=["batch", "pictures per GPU", "peak learning rate", "epochs", "drop"],
)
"""Methods of Fig. 8 as the released scripts start them; drop: an epoch's last, partial batch is."""


def table_1(counts: pd.Series) -> pd.DataFrame:
    """Replay how the release pairs rare classes with accuracies in Table 1.

    Its notebook sorts the classes by frequency, numbers the sorted rows, and uses the numbers of
    those with fewer than `RARE` captions as ids in a list that is in ImageNet's own order.

    `counts` are captions of each class, indexed by name, in ImageNet's order (YFCC-15M's file).
    A row a printed accuracy: ``captions`` of the rare class it is printed for; ``id``, ``class``
    and ``captions of the class`` it was looked up for; ``accuracy`` as printed, 0 … 1.

    Raises:
        CourseError: if the counts do not have as many rare classes as the table has rows.
    """
    ranked = counts.sort_values(ascending=False, kind="stable")
    ids = np.flatnonzero(ranked.to_numpy() < RARE)
    printed = paper.table("table1")["value"].to_numpy()
    if len(ids) != len(printed):
        raise CourseError(
            f"Argument 'counts' has {len(ids)} classes below {RARE} captions, Table 1 has "
            f"{len(printed)}; give the counts of yfcc15m_imagenet_ori."
        )
    return pd.DataFrame(
        {
            "captions": ranked.to_numpy()[ids],
            "id": ids,
            "class": counts.index[ids],
            "captions of the class": counts.to_numpy()[ids],
            "accuracy": printed,
        }
    )


def misindexed(per_class: pd.DataFrame, rarest: int) -> pd.DataFrame:
    """The same slip on a run's table per class: what it says of the rarest classes, and the truth.

    Mean frequency and accuracy of the so many classes that are looked up by either index.
    """
    order = per_class["frequency"].to_numpy().argsort(kind="stable")[::-1]
    asked = {
        "right index": order[-rarest:],
        "index of the sorted table": np.arange(len(order))[-rarest:],
    }
    columns = per_class[["frequency", "accuracy"]].add_prefix("mean ")
    return pd.DataFrame({name: columns.iloc[rows].mean() for name, rows in asked.items()}).T


def expected_classes(counts: npt.ArrayLike, batch: int) -> float:
    """Distinct classes to expect among B pictures: the sum over classes of 1 - (1 - p_c)^B.

    `counts` [C] are pictures of each class.
    """
    share = np.asarray(counts, dtype=np.float64)
    share = share / share.sum()
    return float(-np.expm1(batch * np.log1p(-np.minimum(share, 1 - 1e-15))).sum())


def steps(pictures: int, batch: int, epochs: float, drop_last: bool) -> int:
    """Optimiser steps of a training; `drop_last` leaves out an epoch's last, partial batch."""
    per_epoch = pictures // batch if drop_last else math.ceil(pictures / batch)
    return round(per_epoch * epochs)


def figure_8(pictures: int) -> pd.DataFrame:
    """What differs between the methods of Fig. 8 besides what it compares, with so many pictures.

    One row a method: batch, pictures per GPU, peak learning rate, epochs, steps.
    """
    rows = FIGURE_8[["batch", "epochs", "drop"]].itertuples(index=False)
    return FIGURE_8.drop(columns="drop").assign(steps=[steps(pictures, *row) for row in rows])


def shared_weights(tags: Sequence[str] = ("cc12m", "yfcc15m")) -> pd.DataFrame:
    """Models of some pre-training sets that open_clip lists under more names than it has weights.

    A row a file of weights: its names there, and whether it says ``trained with QuickGELU``.
    """
    rows = []
    for model, tag in open_clip.list_pretrained():
        if tag in tags:
            entry = get_pretrained_cfg(model, tag)
            file = entry["url"].rsplit("/", 1)[-1]
            rows.append((file, f"{model}, {tag}", entry.get("quick_gelu", False)))
    table = pd.DataFrame(rows, columns=["weights", "models", "trained with QuickGELU"])
    how: Any = {"models": "; ".join, "trained with QuickGELU": "all"}
    return table.groupby("weights", sort=False).agg(how)


def centred_targets(scores: FloatArray, temperature: float = 0.04) -> FloatArray:
    """DINO's targets: scores less their mean over pictures, then a softmax (arXiv 2104.14294).

    The teacher's scores of B pictures for K prototypes are [B, K], and so are the targets; rows
    sum to 1. The running mean of many steps is put as the mean of this batch.
    """
    targets: FloatArray = softmax((scores - scores.mean(0)) / temperature, axis=1)
    return targets


def sinkhorn_targets(
    scores: FloatArray, temperature: float = 0.04, iterations: int = 3
) -> FloatArray:
    """The release's targets: rows and columns are scaled in turn, so that prototypes share alike.

    Shapes as in `centred_targets`; `iterations` are of Sinkhorn and Knopp's scaling.
    """
    weights = np.exp((scores - scores.max()) / temperature)
    for _ in range(iterations):
        weights = weights / weights.sum(0) / scores.shape[1]
        weights = weights / weights.sum(1, keepdims=True) / scores.shape[0]
    return weights * scores.shape[0]


def imbalanced_scores(pictures: int = 512, prototypes: int = 64, seed: int = 0) -> FloatArray:
    """A teacher's cosines [pictures, prototypes], one prototype a class, frequency 1 / rank.

    Each picture is nearest to the prototype of its class.
    """
    generator = np.random.default_rng(seed)
    share = 1 / np.arange(1, prototypes + 1)
    own = generator.choice(prototypes, size=pictures, p=share / share.sum())
    scores = generator.normal(0, 0.1, size=(pictures, prototypes))
    scores[np.arange(pictures), own] += 0.5
    return scores


def plot_table_1(replayed: pd.DataFrame) -> Figure:
    """Printed accuracies of `table_1` at the frequency they are printed for, and at their own."""
    figure, axes = plt.subplots(figsize=(6.8, 3.4))
    printed, own = replayed["captions"], replayed["captions of the class"]
    axes.hlines(replayed["accuracy"], printed, own, color="#BBBBBB", linewidth=0.8)
    square = style.look(style.VERMILLION, "s", "as printed")
    circle = style.look(style.BLUE, "o", "of the class looked up")
    axes.plot(printed, replayed["accuracy"], linestyle="", mfc="none", **square)
    axes.plot(own, replayed["accuracy"], linestyle="", **circle)
    axes.axvline(RARE, color="black", linestyle=":", linewidth=1)
    axes.set_xscale("symlog", linthresh=1)
    axes.set(xlabel="captions in YFCC-15M that name the class", ylabel="accuracy", xlim=(-0.3, 1e6))
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def plot_expected_classes(sets: Mapping[str, npt.ArrayLike]) -> Figure:
    """Distinct classes to expect among so many pictures, beside the vocabularies asked for.

    `sets` are class counts [C] by title, five at most.
    """
    figure, axes = plt.subplots(figsize=(6.8, 3.8))
    sizes = sorted({64, 256, *np.geomspace(8, 1024, 60).astype(int).tolist()})
    looks = zip(sets.items(), style.PALETTE, style.LINES, "osD^v", strict=False)
    for (title, counts), color, line, marker in looks:
        curve = {size: expected_classes(counts, size) for size in sizes}
        axes.plot(sizes, list(curve.values()), color=color, linestyle=line, label=title)
        marked = [curve[size] for size in (64, 256, 1024)]
        axes.plot([64, 256, 1024], marked, linestyle="", marker=marker, color=color)
    for size in VOCABULARIES:
        axes.axhline(size, color="#999999", linestyle=":", linewidth=1)
        axes.annotate(f"V = {size}", (8.3, size * 1.06), fontsize=8, color="#555555")
    axes.set(xscale="log", yscale="log", xlabel="pictures that share a vocabulary")
    axes.set(ylabel="expected distinct classes", ylim=(5, 900))
    axes.set_xticks([16, 64, 256, 1024], ["16", "64", "256", "1024"])
    axes.minorticks_off()
    axes.legend(loc="lower right")
    return figure


def plot_schedules(given: Mapping[str, Schedule], epochs: int) -> Figure:
    """Learning rates by epoch on a logarithmic axis."""
    figure, axes = plt.subplots(figsize=(6.8, 3.4))
    rates = {title: [rate(epoch) for epoch in range(epochs)] for title, rate in given.items()}
    style.curves(axes, range(epochs), rates, linewidth=1.8)
    axes.set(xlabel="epoch", ylabel="learning rate", yscale="log", ylim=(2e-5, 0.2))
    axes.legend(loc="lower left")
    return figure


def plot_shares(targets: Mapping[str, npt.ArrayLike]) -> Figure:
    """What share [K] of a batch's targets each prototype gets, largest first, by title."""
    figure, axes = plt.subplots(figsize=(6.8, 3.0))
    ranked = {title: np.sort(np.asarray(share))[::-1] for title, share in targets.items()}
    K = len(next(iter(ranked.values())))
    style.curves(axes, range(1, K + 1), ranked, linewidth=1.8)
    axes.axhline(1 / K, color="#999999", linestyle=":", linewidth=1)
    axes.set(xlabel="prototype, by share", ylabel="share of the targets", xscale="log")
    axes.set_yscale("log")
    axes.legend(loc="lower left")
    return figure
