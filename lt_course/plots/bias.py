"""Figures of bias by frequency: per-class scatter, the plane of S(a) and S(p), intervals."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lt_course.evaluation.intervals import Interval
from lt_course.plots import style
from lt_course.statistics import spearman

QUESTIONS = {"accuracy": "accuracy", "predictions": "number of predictions"}
"""The two per-class values of the study and how an axis names them."""


def per_class_scatter(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Accuracy (upper row) and predictions (lower row) against frequency, one dot a class.

    Args:
        tables: per method a table with the columns `frequency`, `accuracy` and `predictions`,
            one row a class. Frequencies of 0 are drawn at the left end (symmetric log axis).
    """
    figure, grid = plt.subplots(
        2,
        len(tables),
        figsize=(2.5 * len(tables), 4.2),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for column, (method, table) in zip(grid.T, tables.items(), strict=True):
        look = style.of(method)
        for axes, field, letter in zip(column, QUESTIONS, "ap", strict=True):
            axes.scatter(
                table["frequency"],
                table[field],
                s=18,
                color=look["color"],
                marker=look["marker"],
                alpha=0.75,
                linewidths=0,
            )
            rho = spearman(table["frequency"], table[field])
            axes.set_title(f"S({letter}) = {rho:.2f}", loc="right")
            axes.set_xscale("symlog", linthresh=1)
        column[0].set_title(look["label"] + "\n", fontweight="bold")
        column[1].set_xlabel("training pictures")
    for axes, name in zip(grid[:, 0], QUESTIONS.values(), strict=True):
        axes.set_ylabel(name)
    return figure


def plane(
    observers: Mapping[str, npt.ArrayLike],
    paper: Mapping[str, npt.ArrayLike],
    ours: Mapping[str, npt.ArrayLike],
) -> Figure:
    """The plane of S(a) and S(p), with the diagonal on which both are equal.

    Args:
        observers: per label a curve of points (S(a), S(p)), float [K, 2], in grey.
        paper: per method of `lt_course.plots.style` points from the paper, [K, 2], hollow.
        ours: per method points of our own runs, [K, 2], filled.
    """
    figure, axes = plt.subplots(figsize=(6.8, 4.6))
    axes.plot([-1, 1], [-1, 1], color="#BBBBBB", linewidth=0.8)
    for (label, curve), line in zip(observers.items(), style.LINES, strict=False):
        points = np.asarray(curve).T
        axes.plot(*points, color="#888888", linestyle=line, linewidth=1.2, label=label)
    for whose, groups, fill in (("paper", paper, "none"), ("ours", ours, None)):
        for method, group in groups.items():
            look = style.of(method)
            name = method.split("-")[0].upper() if whose == "paper" else look["label"]
            axes.plot(
                *np.asarray(group).T,
                linestyle="",
                marker=look["marker"],
                color=look["color"],
                markerfacecolor=fill,
                markersize=8,
                label=f"{whose}: {name}",
            )
    axes.set(
        xlabel="S(a): Spearman of frequency and accuracy",
        ylabel="S(p): Spearman of frequency and number of predictions",
        aspect="equal",
        xlim=(-0.1, 1),
        ylim=(-0.3, 1),
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def interval_rows(axes: Axes, rows: Mapping[str, Mapping[str, Interval]]) -> None:
    """Horizontal intervals: one row a label, one marker a method within it.

    Args:
        axes: where to draw.
        rows: per row label, the interval of each method.
    """
    methods: Sequence[str] = list(next(iter(rows.values())))
    offsets = np.linspace(-0.25, 0.25, len(methods)) if len(methods) > 1 else [0.0]
    for method, offset in zip(methods, offsets, strict=True):
        found = [row[method] for row in rows.values()]
        estimate = np.array([interval.estimate for interval in found])
        spread = [
            estimate - [interval.low for interval in found],
            [interval.high for interval in found] - estimate,
        ]
        axes.errorbar(
            estimate,
            np.arange(len(rows)) + offset,
            xerr=np.abs(spread),
            linestyle="",
            capsize=3,
            **style.of(method),
        )
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def pictures_frame(
    pictures: int,
    truth: npt.ArrayLike,
    measured: npt.ArrayLike,
    frequency: npt.ArrayLike,
    curve: pd.DataFrame,
) -> Figure:
    """One frame of the test-size slider: what so many pictures a class make of a known truth.

    Args:
        pictures: test pictures per class in this frame, one of the index of `curve`.
        truth: float [C], true per-class accuracy.
        measured: float [C], accuracy measured on `pictures` per class.
        frequency: float [C], training pictures of each class.
        curve: mean measured Spearman, indexed by pictures per class; columns `S(a)` and `S(p)`,
            and their true values as the last row.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), width_ratios=[1.2, 1])
    left.vlines(frequency, truth, measured, color="#999999", linewidth=0.7)
    left.scatter(frequency, truth, s=12, color="black", marker="_", label="true")
    left.scatter(frequency, measured, s=16, color=style.PALETTE[0], label="measured")
    left.set(xscale="log", xlabel="training pictures", ylabel="accuracy", ylim=(-0.05, 1.05))
    left.set_title(f"{pictures} test pictures a class")
    left.legend(loc="lower right", handletextpad=0.2)
    truths, finite = curve.iloc[-1], curve.iloc[:-1]
    for name, colour, line in zip(curve.columns, style.PALETTE, style.LINES, strict=False):
        right.plot(finite.index, finite[name], color=colour, linestyle=line, label=name)
        right.axhline(truths[name], color=colour, linestyle=":", linewidth=1)
        right.plot([pictures], [finite[name][pictures]], marker="o", color=colour)
    right.set(xscale="log", xlabel="test pictures a class", ylabel="mean Spearman")
    right.set_title("dotted: the truth")
    right.legend(loc="lower right")
    return figure
