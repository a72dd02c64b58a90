"""Figures of lesson 06: drawings of what is varied, and recorded runs at each of its levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lt_course.data import icontail
from lt_course.data.class_profiles import Draw
from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.plots import style

SIDE, MARGIN = 32, 4
"""Pixels of a drawing, and between two of them."""

METHODS: dict[str, style.MethodStyle] = {
    "sl": style.of("sl"),
    "clip-title": style.of("clip-title"),
    "clip-title frozen": {
        "color": style.PALETTE[2],
        "marker": "P",
        "label": "CLIP, titles, frozen text head",
    },
}
"""Methods of the lesson's factors, as their labels begin, and their looks."""

PANELS = {
    "accuracy": "accuracy",
    "spearman_accuracy": "S(a)",
    "spearman_predictions": "S(p)",
}
"""Metrics that `levels` shows unless told otherwise, and their titles."""


def strips(rows: Mapping[str, npt.NDArray[np.uint8]], columns: int = 12) -> Figure:
    """Drawings in rows, each with its label at the left.

    Args:
        rows: per label drawings, uint8 [N, 32, 32]; the first `columns` are shown.
        columns: places in a row; those without a drawing stay white.
    """
    step = SIDE + MARGIN
    sheet = np.full((len(rows) * step, columns * step), 255, dtype=np.uint8)
    for row, pictures in enumerate(rows.values()):
        for column, picture in enumerate(pictures[:columns]):
            y, x = row * step + MARGIN // 2, column * step + MARGIN // 2
            sheet[y : y + SIDE, x : x + SIDE] = picture
    figure, axes = plt.subplots(figsize=(1.6 + 0.5 * columns, 0.5 * len(rows) + 0.1))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([row * step + step / 2 for row in range(len(rows))], list(rows))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    return figure


def profiles(frequencies: Mapping[str, npt.ArrayLike]) -> Figure:
    """Training pictures by rank, one curve a profile, on a logarithmic axis.

    Args:
        frequencies: per name int [C], pictures of each concept.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    looks = zip(style.PALETTE, style.LINES, "os^Dv", strict=False)
    for (name, frequency), (colour, line, marker) in zip(frequencies.items(), looks, strict=False):
        counts = np.sort(np.asarray(frequency))[::-1]
        axes.plot(
            np.arange(1, len(counts) + 1), counts, color=colour, linestyle=line, marker=marker,
            markevery=0.1, label=name,
        )  # fmt: skip
    axes.set(yscale="log", xlabel="rank of the concept", ylabel="training pictures")
    axes.legend()
    return figure


def levels(
    metrics: pd.DataFrame,
    order: Sequence[str],
    columns: Mapping[str, str] = PANELS,
) -> Figure:
    """Recorded runs of a factor: one panel a metric, one series a method, mean and t interval.

    What has fewer than two seeds, or is undefined, is left out.

    Args:
        metrics: indexed by (label, seed), a label being one of `METHODS`, a blank and a level.
        order: the levels, from left to right.
        columns: metric -> title of its panel.
    """
    figure, row = plt.subplots(1, len(columns), figsize=(2.9 * len(columns), 3.4), squeeze=False)
    shifts = dict(zip(METHODS, np.linspace(-0.12, 0.12, len(METHODS)), strict=True))
    for axes, (metric, title) in zip(row[0], columns.items(), strict=True):
        for method, look in METHODS.items():
            _series(axes, metrics, metric, [f"{method} {level}" for level in order],
                    shifts[method], look)  # fmt: skip
        axes.set_xticks(range(len(order)), order)
        axes.set(title=title, xlim=(-0.4, len(order) - 0.6))
    handles, labels = row[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _series(
    axes: Axes,
    metrics: pd.DataFrame,
    metric: str,
    labels: Sequence[str],
    shift: float,
    look: style.MethodStyle,
) -> None:
    there = set(metrics.index.unique("label"))
    found = {}
    for place, label in enumerate(labels):
        known = metrics.loc[label][metric].dropna() if label in there else []
        if len(known) > 1:
            found[place + shift] = mean_over_seeds(known)
    if found:
        middle = np.array([each.estimate for each in found.values()])
        ends = np.array([(each.low, each.high) for each in found.values()]).T
        axes.errorbar(
            list(found), middle, yerr=np.abs(ends - middle), capsize=3, linestyle="-",
            linewidth=1, **look,
        )  # fmt: skip


def authors_frame(drawn: Draw, everything: Draw, concept: int, authors: str) -> Figure:
    """One frame of the authors' slider: drawings of a concept, and frequency against supply.

    Args:
        drawn: the training set.
        everything: all that it was drawn from (the profile ``natural``).
        concept: the one that is shown and marked.
        authors: how many authors a concept, in words.
    """
    data, supply = icontail.load(), everything.frequency
    shown = data.pictures[everything.pictures[everything.labels == concept]]
    figure = plt.figure(figsize=(7.6, 3))
    left, right = np.ravel(np.array(figure.subfigures(1, 2, width_ratios=[1.1, 1])))
    for place, axes in enumerate(left.subplots(3, 4).flat):
        axes.set_axis_off()
        if place < len(shown):
            axes.imshow(shown[place], cmap="gray", vmin=0, vmax=255)
    name = data.concepts[concept].name
    left.suptitle(f"{name}, {authors}: {len(shown)} drawings", fontsize=10)
    axes = right.subplots()
    highest = 2 * supply.max()
    axes.plot([1, highest], [1, highest], color="#888888", linestyle="--", linewidth=1)
    axes.plot(supply, drawn.frequency, linestyle="", marker="o", markersize=4, alpha=0.6,
              color=style.PALETTE[0])  # fmt: skip
    axes.plot(supply[concept], drawn.frequency[concept], linestyle="", marker="D", markersize=9,
              color=style.PALETTE[1], label=name)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="drawings at hand", ylabel="training pictures")
    axes.set_title(f"limit {drawn.limit:.2f}")
    axes.legend(loc="upper left")
    return figure
