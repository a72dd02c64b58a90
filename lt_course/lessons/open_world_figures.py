"""Figures of open-world concepts (lesson 08)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lt_course.data.icontail import IconTail
from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.evidence import paper
from lt_course.plots import style
from lt_course.statistics import spearman

METRICS = {
    "accuracy": "accuracy",
    "spearman_accuracy": "S(a)",
    "spearman_predictions": "S(p)",
}
"""Metrics of a run and the titles of their panels."""

FIGURE_6: dict[str, tuple[str, dict[str, str]]] = {
    "fig6a": (
        "ImageNet-100's concepts",
        {"incaps-100": "IN-Caps-100", "incaps-10pct": "IN-Caps, 10 %", "incaps": "IN-Caps"},
    ),
    "fig6b": (
        "ImageNet's concepts",
        {"yfcc15m_cls": "YFCC-15M-Cls", "yfcc15m": "YFCC-15M"},
    ),
}
"""Panels of the paper's Fig. 6: title, and the training sets in order of openness."""


def samples(data: IconTail, rows: Mapping[str, Sequence[int]]) -> Figure:
    """Drawings with their titles, one row a group.

    Args:
        data: IconTail.
        rows: per title of a row, indices of its pictures; all rows of one length.
    """
    width = max(map(len, rows.values()))
    figure, grid = plt.subplots(
        len(rows), width, figsize=(1.05 * width, 1.45 * len(rows)), squeeze=False
    )
    for line, (title, pictures) in zip(grid, rows.items(), strict=True):
        for axes, picture in zip(line, pictures, strict=True):
            axes.imshow(data.pictures[picture], cmap="gray", vmin=0, vmax=255)
            axes.set_title(data.titles[picture].replace(" ", "\n", 1), fontsize=7)
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
        line[0].set_ylabel(title, fontsize=9)
    return figure


def ladder(metrics: pd.DataFrame, labels: Sequence[str]) -> Figure:
    """One row a kind of run, one panel a metric: each seed, and their mean with its t interval.

    Args:
        metrics: indexed by (label, seed), as `lt_course.evidence.recorded` returns it.
        labels: the rows; one without runs stays empty.
    """
    figure, row = plt.subplots(
        1, len(METRICS), figsize=(8.6, 0.4 * len(labels) + 1), sharey=True, squeeze=False
    )
    known = metrics.index.unique(level="label")
    for axes, (metric, title) in zip(row[0], METRICS.items(), strict=True):
        for place, label in enumerate(labels):
            if label in known:
                _seeds_and_mean(
                    axes, place, label, metrics[metric].xs(label, level="label").to_numpy()
                )
        axes.set_title(title)
    row[0, 0].set_yticks(range(len(labels)), labels)
    row[0, 0].set_ylim(len(labels) - 0.5, -0.5)
    return figure


def _seeds_and_mean(axes: Axes, place: int, label: str, values: npt.NDArray[np.float64]) -> None:
    look = style.of("sl" if label.startswith("sl") else "clip-title")
    colour, marker = look["color"], look["marker"]
    axes.plot(values, np.full(len(values), place + 0.22), linestyle="", marker=".", color="#888888")
    if len(values) > 1:
        mean = mean_over_seeds(values)
        axes.plot([mean.low, mean.high], [place] * 2, color=colour, linestyle="-", linewidth=1.5)
    axes.plot(values.mean(), place, linestyle="", marker=marker, color=colour, markersize=6)


def frame(per_class: pd.DataFrame, title: str, most: float) -> Figure:
    """One run: accuracy and number of predictions against frequency, a dot a concept.

    Args:
        per_class: its table.
        title: what to call it.
        most: upper end of the axis of predictions.
    """
    figure, row = plt.subplots(1, 2, figsize=(7.2, 3.0))
    look = style.of("clip-title")
    ends = {"accuracy": ("S(a)", 1.05), "predictions": ("S(p)", 1.05 * most)}
    for axes, (field, (letter, top)) in zip(row, ends.items(), strict=True):
        axes.scatter(
            per_class["frequency"], per_class[field], s=22, alpha=0.75, linewidths=0,
            color=look["color"], marker=look["marker"],
        )  # fmt: skip
        rho = spearman(per_class["frequency"], per_class[field])
        axes.set(xscale="log", xlabel="training pictures", ylim=(-0.04 * top, top))
        axes.set_title(f"{letter} = {rho:.2f}", loc="right")
    row[0].set_ylabel("accuracy")
    row[1].set_ylabel("number of predictions")
    figure.suptitle(title, fontsize=10, fontweight="bold")
    return figure


def tokens_and_changes(shared: npt.ArrayLike, gained: npt.ArrayLike, ylabel: str) -> Figure:
    """What each concept gained, against how many titles of others share a token with its name.

    Args:
        shared: int [C], titles.
        gained: float [C].
        ylabel: what was gained.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    look = style.of("clip-title")
    axes.axhline(0, color="#888888", linestyle="-", linewidth=0.8)
    axes.scatter(
        shared, gained, s=24, alpha=0.7, linewidths=0, color=look["color"], marker=look["marker"]
    )
    axes.set_xscale("symlog", linthresh=1)
    axes.set(xlabel="titles of others that share a token with the concept's name", ylabel=ylabel)
    axes.set_xlim(-0.15, None)
    return figure


def paper_figure() -> Figure:
    """S(a) and S(p) of the paper's Fig. 6: the training set opens from left to right."""
    figure, row = plt.subplots(1, 2, figsize=(7.6, 3.2), sharey=True, width_ratios=[3, 2])
    for axes, (name, (title, sets)) in zip(row, FIGURE_6.items(), strict=True):
        values = paper.table(name)
        for (letter, field), line in zip(
            {"S(a)": "accuracy", "S(p)": "predictions"}.items(), ("-", "--"), strict=True
        ):
            for method, drawn_as in (("sl", "sl"), ("clip", "clip-full")):
                look = style.of(drawn_as)
                wanted = [f"{name}/{each}/{method}/spearman_{field}" for each in sets]
                points = values.loc[values.index.intersection(wanted), "value"].tolist()
                axes.plot(
                    range(len(points)), points, linestyle=line, color=look["color"],
                    marker=look["marker"], label=f"{method.upper()}, {letter}",
                )  # fmt: skip
        axes.set_xticks(range(len(sets)), list(sets.values()))
        axes.set_xlim(-0.3, len(sets) - 0.7)
        axes.set_title(title)
    row[0].set_ylabel("Spearman's correlation")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside right center")
    return figure
