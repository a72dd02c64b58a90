"""Figures of scale and text heads: fractions of the data, heads side by side, neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.lessons.scaling import EPOCHS, FLOOR, HEADS, PAPER_FLOOR, STEPS, spelled
from lt_course.plots import style

COLUMNS: dict[str, str] = {
    "accuracy": "accuracy",
    "spearman_accuracy": "S(a)",
    "spearman_predictions": "S(p)",
    "nc1": "NC1",
    "nc2_means": "NC2, means",
    "nc2_prototypes": "NC2, prototypes",
}
"""Metrics of this chapter, and their headings."""

HEAD_COLOURS: dict[str, str] = dict(
    zip([*HEADS, "sl"], [*(style.PALETTE[i] for i in (0, 5, 2, 3, 4, 1))], strict=True)
)
HEAD_MARKERS: dict[str, str] = dict(zip([*HEADS, "sl"], "^vDPso", strict=True))
HEAD_LABELS: dict[str, str] = {
    "scratch": "CLIP, scratch",
    "initialised": "CLIP, initialised",
    "frozen": "CLIP, frozen",
    "language model": "CLIP, language model",
    "sl frozen": "SL, frozen prototypes",
    "sl": "SL",
}

BUDGET_LINES: dict[str, str] = {EPOCHS: "--", STEPS: "-"}
LOGARITHMIC = ("nc1",)


def fractions(found: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """Metrics against the fraction of the data, a line a method and budget.

    Means over seeds with t intervals; runs below the floor of accuracy are hollow.

    Args:
        found: as `lt_course.lessons.scaling.by_fraction` returns it.
        columns: metrics of `COLUMNS`, a panel each.
    """
    figure, panels = _panels(len(columns))
    for axes, column in zip(panels, columns, strict=True):
        for (method, budget), group in found.groupby(["method", "budget"], sort=False):
            look = style.of(str(method))
            _curve(
                axes, group, column, look["color"], look["marker"],
                f"{look['label']}, {budget}", BUDGET_LINES[str(budget)],
            )  # fmt: skip
        _fraction_axis(axes, column, found["fraction"])
    _legend(figure, panels)
    return figure


def beside_paper(ours: pd.DataFrame, theirs: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """Metrics of text heads against the fraction of the data: the paper's above, ours below.

    Args:
        ours: as `lt_course.lessons.scaling.by_head` returns it.
        theirs: as `lt_course.lessons.scaling.paper_curves` returns it, its columns named as ours.
        columns: metrics of `COLUMNS`, a column of panels each.
    """
    figure, grid = plt.subplots(
        2, len(columns), figsize=(2.5 * len(columns) + 0.4, 5.6), sharey="col", squeeze=False
    )
    sources = (("paper", theirs, PAPER_FLOOR), ("ours", ours, FLOOR))
    for row, (whose, table, lowest) in zip(grid, sources, strict=True):
        for axes, column in zip(row, columns, strict=True):
            for head in HEADS:
                group = table[table["head"] == head]
                _curve(
                    axes, group, column, HEAD_COLOURS[head], HEAD_MARKERS[head],
                    HEAD_LABELS[head], "-", lowest,
                )  # fmt: skip
            _fraction_axis(axes, column, theirs["fraction"])
            if whose == "paper":
                axes.set_xlabel("")
            axes.set_title(f"{whose}: {COLUMNS[column]}")
    _legend(figure, grid.ravel())
    return figure


def heads(found: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """One row a text head, one panel a metric: every seed, and the mean with its t interval.

    Args:
        found: indexed by (label, seed); labels of `HEAD_LABELS`, others are left out.
        columns: metrics of `COLUMNS`.
    """
    labels = [label for label in HEAD_LABELS if label in found.index.unique("label")]
    rows = -(-len(columns) // 3)
    figure, grid = plt.subplots(
        rows, min(3, len(columns)), figsize=(8.6, (0.3 * len(labels) + 0.7) * rows),
        sharey=True, squeeze=False,
    )  # fmt: skip
    for axes, column in zip(grid.flat, columns, strict=False):
        for place, label in enumerate(labels):
            values = found.loc[label][column]
            colour, marker = HEAD_COLOURS[label], HEAD_MARKERS[label]
            if len(values) > 1:
                axes.plot(values, [place + 0.3] * len(values), linestyle="", marker="|",
                          color="#888888", markersize=4)  # fmt: skip
            axes.errorbar(values.mean(), place, xerr=_reach(values), linestyle="", capsize=3,
                          marker=marker, color=colour)  # fmt: skip
        axes.set(title=COLUMNS[column], ylim=(len(labels) - 0.4, -0.6))
        axes.grid(visible=False, axis="y")
    for axes in grid.flat[len(columns) :]:
        axes.set_axis_off()
    grid[0, 0].set_yticks(range(len(labels)), [HEAD_LABELS[label] for label in labels])
    return figure


def floor(curve: pd.DataFrame, classes: int) -> Figure:
    """S(a) of equally biased observers of falling accuracy: the truth, and what is measured.

    Args:
        curve: as `lt_course.lessons.scaling.measured_bias` returns it.
        classes: number of classes C.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    axes.plot(curve["accuracy"], curve["true"], color="black", linestyle="-", marker="s",
              label="S(a), true")  # fmt: skip
    axes.plot(curve["accuracy"], curve["measured"], color=style.PALETTE[0], linestyle="--",
              marker="o", label="S(a), measured")  # fmt: skip
    axes.plot(curve["accuracy"], curve["never"], color=style.PALETTE[1], linestyle=":",
              marker="^", label="share of classes never right")  # fmt: skip
    for place, name in ((1 / classes, "chance"), (FLOOR, "floor")):
        axes.axvline(place, color="#888888", linewidth=1)
        axes.text(place, 1.02, name, ha="center", transform=axes.get_xaxis_transform(), fontsize=9)
    axes.set(xscale="log", xlabel="accuracy", ylim=(0, 1))
    ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def neighbours(found: Mapping[str, pd.Series], concept: str) -> Figure:
    """The nearest neighbours of one concept under several text heads, one panel a head.

    Args:
        found: per label of `HEAD_LABELS` the cosines of the nearest, indexed by name
            (`lt_course.lessons.neighbours.nearest`).
        concept: its name.
    """
    figure, panels = plt.subplots(
        1, len(found), figsize=(2.7 * len(found), 2.5), sharex=True, squeeze=False
    )
    for axes, (head, nearest) in zip(panels[0], found.items(), strict=True):
        places = np.arange(len(nearest))
        axes.hlines(places, 0, nearest, color=HEAD_COLOURS[head], linewidth=2)
        axes.plot(nearest, places, linestyle="", marker=HEAD_MARKERS[head],
                  color=HEAD_COLOURS[head])  # fmt: skip
        axes.set_yticks(places, list(nearest.index))
        axes.set(title=HEAD_LABELS[head], xlim=(0, 1), xlabel="cosine")
        axes.set_ylim(len(nearest) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
    figure.suptitle(f"nearest to {concept}")
    return figure


def _panels(count: int) -> tuple[Figure, npt.NDArray[np.object_]]:
    figure, panels = plt.subplots(1, count, figsize=(3.2 * count, 3.4), squeeze=False)
    return figure, panels[0]


def _curve(
    axes: Axes,
    group: pd.DataFrame,
    column: str,
    colour: str,
    marker: str,
    label: str,
    line: str,
    lowest: float = FLOOR,
) -> None:
    """Means by fraction, with intervals where there are seeds; hollow below the floor."""
    if group.empty:
        return
    by_fraction = group.groupby("fraction")
    mean = by_fraction[column].mean()
    reach = [_reach(values) for _, values in by_fraction[column]]
    axes.errorbar(mean.index, mean, yerr=reach, color=colour, linestyle=line, capsize=2.5,
                  marker=marker, label=label)  # fmt: skip
    low = mean[by_fraction["accuracy"].mean() < lowest]
    axes.plot(low.index, low, linestyle="", marker=marker, color=colour, markerfacecolor="white",
              zorder=3)  # fmt: skip


def _reach(values: pd.Series) -> float:
    """Half the t interval over seeds; nan, which draws nothing, for a single one."""
    if len(values) < 2:
        return float("nan")
    interval = mean_over_seeds(values)
    return interval.high - interval.estimate


def _fraction_axis(axes: Axes, column: str, fractions: pd.Series) -> None:
    axes.set_xscale("log", base=2)
    ticks = sorted(set(fractions))
    axes.set_xticks(ticks, [spelled(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    if ticks:
        axes.set_xlim(ticks[0] / 1.25, ticks[-1] * 1.25)
    axes.set(title=COLUMNS[column], xlabel="fraction of the data")
    if column in LOGARITHMIC:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())


def _legend(figure: Figure, panels: npt.NDArray[np.object_]) -> None:
    """One legend under all panels, of whatever some panel shows."""
    known: dict[str, Artist] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        known |= dict(zip(labels, handles, strict=True))
    figure.legend(list(known.values()), list(known), loc="outside lower center", ncols=3)
