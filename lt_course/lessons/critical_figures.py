"""Figures of the critical reading."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from lt_course.lessons.critical import RARE
from lt_course.lessons.critical import expected_classes as expected
from lt_course.plots import style
from lt_course.training.schedules import Schedule

VOCABULARIES = (50, 100, 200, 500)
"""Sizes of the vocabulary that the paper asks for in Fig. 3."""


def table_1(replayed: pd.DataFrame) -> Figure:
    """Printed accuracies at the frequency they are printed for, and at their class's own.

    Args:
        replayed: as `lt_course.lessons.critical.table_1` returns it.
    """
    figure, axes = plt.subplots(figsize=(6.8, 3.4))
    claimed, own = replayed["captions"], replayed["captions of the class"]
    axes.hlines(replayed["accuracy"], claimed, own, color="#BBBBBB", linewidth=0.8)
    looks = {"as printed": ("s", "none", 1), "of the class looked up": ("o", None, 0)}
    for x, (label, (marker, fill, colour)) in zip((claimed, own), looks.items(), strict=True):
        axes.scatter(
            x, replayed["accuracy"], s=30, marker=marker, label=label, zorder=3,
            color=style.PALETTE[colour], facecolors=fill,
        )  # fmt: skip
    axes.axvline(RARE, color="black", linestyle=":", linewidth=1)
    axes.set_xscale("symlog", linthresh=1)
    axes.set(xlabel="captions in YFCC-15M that name the class", ylabel="accuracy", xlim=(-0.3, 1e6))
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def expected_classes(sets: Mapping[str, npt.ArrayLike]) -> Figure:
    """Distinct classes to expect among so many pictures, beside the vocabularies asked for.

    Args:
        sets: class counts [C] by title, five at most.
    """
    figure, axes = plt.subplots(figsize=(6.8, 3.8))
    sizes = np.unique(np.geomspace(8, 1024, 60).astype(int))
    looks = zip(sets.items(), style.PALETTE, style.LINES, "osD^v", strict=False)
    for (title, counts), colour, line, marker in looks:
        axes.plot(
            sizes, [expected(counts, int(size)) for size in sizes],
            color=colour, linestyle=line, label=title,
        )  # fmt: skip
        axes.plot(
            [64, 256, 1024], [expected(counts, size) for size in (64, 256, 1024)],
            linestyle="", marker=marker, color=colour,
        )  # fmt: skip
    for size in VOCABULARIES:
        axes.axhline(size, color="#999999", linestyle=":", linewidth=1)
        axes.annotate(f"V = {size}", (8.3, size * 1.06), fontsize=8, color="#555555")
    axes.set(xscale="log", yscale="log", xlabel="pictures that share a vocabulary")
    axes.set(ylabel="expected distinct classes", ylim=(5, 900))
    axes.set_xticks([16, 64, 256, 1024], ["16", "64", "256", "1024"])
    axes.minorticks_off()
    axes.legend(loc="lower right")
    return figure


def schedules(given: Mapping[str, Schedule], epochs: int) -> Figure:
    """Learning rates by epoch, float [epochs] each, on a logarithmic axis."""
    figure, axes = plt.subplots(figsize=(6.8, 3.4))
    for (title, schedule), colour, line in zip(
        given.items(), style.PALETTE, style.LINES, strict=False
    ):
        rates = [schedule(epoch) for epoch in range(epochs)]
        axes.plot(range(epochs), rates, color=colour, linestyle=line, label=title, linewidth=1.8)
    axes.set(xlabel="epoch", ylabel="learning rate", yscale="log", ylim=(2e-5, 0.2))
    axes.legend(loc="lower left")
    return figure


def shares(targets: Mapping[str, npt.ArrayLike]) -> Figure:
    """What share of a batch's targets each prototype gets, largest first.

    Args:
        targets: shares [K] by title, four at most; each sums to 1.
    """
    figure, axes = plt.subplots(figsize=(6.8, 3.0))
    for (title, share), colour, line in zip(
        targets.items(), style.PALETTE, style.LINES, strict=False
    ):
        ranked = np.sort(np.asarray(share))[::-1]
        axes.plot(
            np.arange(1, len(ranked) + 1), ranked,
            color=colour, linestyle=line, label=title, linewidth=1.8,
        )  # fmt: skip
    axes.axhline(1 / len(ranked), color="#999999", linestyle=":", linewidth=1)
    axes.set(
        xscale="log", yscale="log", xlabel="prototype, by share", ylabel="share of the targets"
    )
    axes.legend(loc="lower left")
    return figure
