"""Figures of extreme tails (lesson 10): affinity, absent classes, methods by number of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from lt_course.errors import CourseError
from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.evidence import paper
from lt_course.plots import style

METHODS: dict[str, style.MethodStyle] = {
    "sl": {"color": style.PALETTE[6], "marker": "o", "label": "SL"},
    "sl frozen": {"color": style.PALETTE[1], "marker": "s", "label": "SL, frozen"},
    "sl frozen uniform": {
        "color": style.PALETTE[1],
        "marker": "X",
        "label": "SL, frozen, V uniform",
    },
    "sl frozen vocabulary": {
        "color": style.PALETTE[2],
        "marker": "^",
        "label": "SL, frozen, V by frequency",
    },
    "sl frozen in-batch": {
        "color": style.PALETTE[2],
        "marker": "v",
        "label": "SL, frozen, in-batch only",
    },
    "sl frozen seen only": {
        "color": style.PALETTE[2],
        "marker": "D",
        "label": "SL, frozen, seen only",
    },
    "clip": {"color": style.PALETTE[5], "marker": "P", "label": "CLIP"},
    "clip frozen": {"color": style.PALETTE[0], "marker": "*", "label": "CLIP, frozen text"},
}
"""Methods of the lesson. Vermillion: frozen prototypes, and absent classes are negatives; green:
frozen prototypes, and they never are."""

PAPER_METHODS = {
    "sl": "sl",
    "sl frozen": "sl-frozen-head",
    "sl frozen vocabulary": "sl-frozen-head-vocab",
    "clip": "clip",
    "clip frozen": "clip-frozen-text",
}
"""The methods that the paper's Fig. 8 shows too, and their names among its values."""

PAPER_SIZES = (5, 50, 200, 500)
"""Numbers of absent classes, of 1,000, at which Fig. 8 was read off."""

MEASURES = {
    "accuracy_trimmed": ("cut concepts", "accuracy_tail"),
    "accuracy_kept": ("the others", "accuracy_head_mid"),
}
"""Metric -> how a panel calls its concepts, and the paper's metric."""


def affinity(matrices: Mapping[str, npt.NDArray[np.float64]], frequency: npt.ArrayLike) -> Figure:
    """Cosines of all pairs of prototypes, classes sorted by frequency, one panel a method.

    Args:
        matrices: per title the cosines, float [C, C].
        frequency: int [C], training pictures of each class; a line parts those with none.
    """
    counts = np.asarray(frequency)
    order, edge = np.argsort(-counts, kind="stable"), int((counts > 0).sum()) - 0.5
    figure, row = plt.subplots(1, len(matrices), figsize=(3.1 * len(matrices), 3), squeeze=False)
    for axes, (title, matrix) in zip(row[0], matrices.items(), strict=True):
        shown = axes.imshow(matrix[np.ix_(order, order)], vmin=-1, vmax=1, cmap="PuOr")
        for draw in (axes.axhline, axes.axvline):
            draw(edge, color="black", linewidth=1, linestyle="--")
        axes.set(title=title, xticks=[], yticks=[])
        axes.set_xlabel("most frequent … | absent")
        axes.grid(visible=False)
    figure.colorbar(shown, ax=row[0], label="cosine", shrink=0.85)
    return figure


def absent_bars(tables: Mapping[str, pd.DataFrame], field: str) -> Figure:
    """A per-class value of the concepts without training pictures, one panel a method (Fig. 9b).

    Args:
        tables: per method a per-class table of runs on the same pictures.
        field: `accuracy` or `predictions`.
    """
    figure, grid = plt.subplots(
        len(tables), 1, figsize=(7.2, 1.05 * len(tables) + 1), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    first = next(iter(tables.values()))
    last = first[first["frequency"] == 0].sort_values("name")
    for axes, (method, table) in zip(grid[:, 0], tables.items(), strict=True):
        values = table.loc[last.index, field]
        axes.bar(range(len(last)), values, color=METHODS[method]["color"], width=0.7)
        axes.set_title(f"{METHODS[method]['label']} (mean {values.mean():.2f})", loc="left", pad=2)
    grid[-1, 0].set_xticks(range(len(last)), last["name"], rotation=45, ha="right")
    figure.supylabel(field if field == "accuracy" else "number of predictions", fontsize=10)
    return figure


def two_accuracies(metrics: pd.DataFrame) -> Figure:
    """Accuracy on cut concepts against that on the others, one marker a run.

    Args:
        metrics: indexed by method, with the columns `accuracy_kept` and `accuracy_trimmed`.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for method, row in metrics.iterrows():
        axes.plot(
            row["accuracy_kept"], row["accuracy_trimmed"], linestyle="", markersize=9,
            **METHODS[str(method)],
        )  # fmt: skip
    axes.set(xlabel="accuracy on seen concepts", ylabel="accuracy on absent concepts")
    axes.set(ylim=(-0.01, None))
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def trade_offs(curves: Mapping[str, pd.DataFrame], lift: float) -> Figure:
    """Left, accuracy on absent against seen concepts as the lift grows; right, who is answered.

    The right panel ends at a lift of one half, where hardly a seen concept is left.

    Args:
        curves: per method, what `lt_course.lessons.tails.trade_off` returns.
        lift: where the markers stand, one of the curves' index.

    Raises:
        CourseError: if `lift` is none of them.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    for (method, curve), line in zip(curves.items(), style.LINES, strict=False):
        if lift not in curve.index:
            raise CourseError(
                f"lift={lift!r} is no row of the curve of {method}; its rows are "
                f"{list(curve.index)}."
            )
        look, here = METHODS[method], curve.loc[lift]
        left.plot(curve["seen"], curve["absent"], color=look["color"], linestyle=line)
        left.plot(here["seen"], here["absent"], linestyle="", markersize=9, **look)
        right.plot(curve.index, curve["predicted"], color=look["color"], linestyle=line)
        right.plot(lift, here["predicted"], linestyle="", markersize=9, **look)
    left.set(xlabel="accuracy on seen concepts", ylabel="accuracy on absent concepts")
    left.set(title=f"lift {lift:g}", xlim=(-0.02, None), ylim=(-0.02, None))
    right.set(xlabel="lift", ylabel="share of answers that are absent", ylim=(-0.02, 1.02))
    ends = [end for curve in curves.values() for end in (curve.index.min(), curve.index.max())]
    right.set_xlim(min(ends) - 0.02, min(max(ends), 0.5) + 0.02)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def by_shots(metrics: pd.DataFrame, trim: int, shots: Sequence[int] = (0, 1)) -> Figure:
    """All methods at one number of cut concepts: mean over seeds with t intervals.

    Args:
        metrics: as `lt_course.evidence.recorded` returns them for the factor `10_extreme_tails`.
        trim: number of cut concepts.
        shots: pictures left to each.
    """
    figure, panels = plt.subplots(1, len(MEASURES), figsize=(8, 3.6), sharey=True)
    for axes, (metric, (title, _)) in zip(np.ravel(panels), MEASURES.items(), strict=True):
        for place, (method, look) in enumerate(METHODS.items()):
            for shot, shift in zip(shots, np.linspace(-0.15, 0.15, len(shots)), strict=True):
                if (values := _of(metrics, f"{method}, {trim} x {shot}", metric)) is None:
                    continue
                found = mean_over_seeds(values)
                spread = [[found.estimate - found.low], [found.high - found.estimate]]
                axes.errorbar(
                    [found.estimate], [place + shift], xerr=spread, capsize=3, linestyle="",
                    color=look["color"], marker=look["marker"], markersize=7,
                    markerfacecolor="white" if shot else None,
                )  # fmt: skip
        axes.set(xlabel="accuracy", title=title)
        axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(METHODS)), [look["label"] for look in METHODS.values()])
    axes.set_ylim(len(METHODS) - 0.5, -0.5)
    return figure


def by_size(metrics: pd.DataFrame, sizes: Sequence[int], classes: int) -> Figure:
    """Accuracy by number of absent concepts, ours beside the paper's (its Fig. 8, 0-shot).

    Args:
        metrics: as `lt_course.evidence.recorded` returns them for the factor `10_extreme_tails`.
        sizes: numbers of absent concepts.
        classes: ours, of how many.
    """
    figure, grid = plt.subplots(2, 2, figsize=(7.6, 5.2), sharex="col", sharey="row")
    for axes_row, (metric, (title, printed)) in zip(grid, MEASURES.items(), strict=True):
        for method, name in PAPER_METHODS.items():
            look, ours = METHODS[method], {}
            for size in sizes:
                if (values := _of(metrics, f"{method}, {size} x 0", metric)) is not None:
                    ours[size] = mean_over_seeds(values)
            if ours:
                middle = np.array([found.estimate for found in ours.values()])
                ends = np.array([(found.low, found.high) for found in ours.values()]).T
                spread = np.abs(ends - middle)
                axes_row[0].errorbar(
                    list(ours), middle, yerr=spread, capsize=3, linestyle="-", **look
                )
            theirs = [
                paper.value("fig8", f"incaps_tail{size}_0shot", name, printed)
                for size in PAPER_SIZES
            ]
            axes_row[1].plot(PAPER_SIZES, theirs, linestyle="--", markerfacecolor="white", **look)
        axes_row[0].set_ylabel(f"accuracy, {title}")
    grid[0, 0].set(title=f"ours, of {classes} concepts", xscale="log")
    grid[0, 1].set(title="the paper, of 1,000 classes", xscale="log")
    grid[1, 0].set_xticks(sizes, [str(size) for size in sizes], minor=False)
    grid[1, 0].minorticks_off()
    grid[1, 1].set_xticks(PAPER_SIZES, [str(size) for size in PAPER_SIZES])
    grid[1, 1].minorticks_off()
    for axes in grid[1]:
        axes.set_xlabel("absent concepts")
    figure.legend(*grid[0, 1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _of(metrics: pd.DataFrame, label: str, metric: str) -> npt.NDArray[np.float64] | None:
    """A metric of a label over its seeds, or None if fewer than two are recorded."""
    if len(metrics) == 0:
        return None
    values = metrics.loc[metrics.index.get_level_values("label") == label, metric].to_numpy()
    return values if len(values) > 1 else None
