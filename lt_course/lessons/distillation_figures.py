"""Figures of self-distillation (lesson 11): collapse in the plane, prototypes, transfer, thirds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lt_course.evaluation.intervals import Interval
from lt_course.evidence import paper
from lt_course.lessons.distillation import (
    PAPER_ROWS,
    SPAN,
    THIRDS,
    TRANSFER,
    Toy,
    Typical,
    by_seed,
    labels,
    over_seeds,
    paired,
)
from lt_course.objectives.collapse import signs_of_collapse
from lt_course.plots import style

SIGNS: dict[str, style.MethodStyle] = {
    "information": {"color": style.PALETTE[0], "marker": "o", "label": "information"},
    "target_entropy": {"color": style.PALETTE[1], "marker": "s", "label": "target entropy"},
    "assignment_entropy": {
        "color": style.PALETTE[2],
        "marker": "^",
        "label": "assignment entropy",
    },
    "utilisation": {"color": style.PALETTE[6], "marker": "D", "label": "utilisation"},
}
"""The numbers that are watched for collapse."""

OF_THIRD: dict[str, style.MethodStyle] = {
    "head": {"color": style.PALETTE[0], "marker": "o", "label": "head"},
    "mid": {"color": style.PALETTE[4], "marker": "s", "label": "mid"},
    "tail": {"color": style.PALETTE[1], "marker": "^", "label": "tail"},
}

PAPER: dict[str, Any] = {
    "color": "black",
    "marker": "D",
    "linestyle": "",
    "markerfacecolor": "none",
}


# The toy --------------------------------------------------------------------------------------


def toys(found: Mapping[str, Toy]) -> Figure:
    """What prototypes divide the plane into, and how targets are shared out; one column a toy.

    Above, lines part the places with different first choices, and the ground is the darker, the
    less certain the target is. Below, the mean target of each prototype, the largest first.
    """
    figure, grid = plt.subplots(
        2, len(found), figsize=(2.7 * len(found), 4.4), height_ratios=[1.7, 1], sharey="row",
        squeeze=False,
    )  # fmt: skip
    for (above, below), (title, toy) in zip(grid.T, found.items(), strict=True):
        _plane(above, toy)
        verdict = "collapsed" if signs_of_collapse(toy.report) else "no collapse"
        above.set_title(f"{title}: {verdict}\n(information {toy.report['information']:.2f})")
        share = np.sort(toy.share)[::-1]
        below.bar(np.arange(len(share)), share, color=style.PALETTE[0], width=0.8)
        below.axhline(1 / len(share), color="black", linestyle=":", linewidth=1)
        below.set(xlabel="prototypes, sorted", xticks=[])
        below.grid(visible=False, axis="x")
    grid[1, 0].set(ylabel="mean target", ylim=(0, 0.85))
    return figure


def _plane(axes: Axes, toy: Toy) -> None:
    extent = (-SPAN, SPAN, -SPAN, SPAN)
    axes.imshow(
        1 - toy.certainty, extent=extent, origin="lower", cmap="Greys", vmin=0, vmax=2,
        interpolation="bilinear",
    )  # fmt: skip
    axes.plot(*toy.points.T, linestyle="", marker=".", markersize=1.5, color=style.PALETTE[1])
    ticks = np.linspace(-SPAN, SPAN, len(toy.map))
    for prototype in np.unique(toy.map):
        axes.contour(
            ticks, ticks, toy.map == prototype, [0.5], colors="black", linewidths=0.8,
            linestyles="-",
        )  # fmt: skip
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.grid(visible=False)


# A trained run --------------------------------------------------------------------------------


def signs(history: pd.DataFrame) -> Figure:
    """What is watched for collapse, at the end of each epoch and of the run.

    Args:
        history: of a run of self-distillation.
    """
    figure, axes = plt.subplots()
    for (name, look), line in zip(SIGNS.items(), style.LINES, strict=False):
        axes.plot(history["step"], history[name], linestyle=line, **look)
    axes.set(xlabel="step", xlim=(0, None), ylabel="share of the greatest", ylim=(-0.03, 1.03))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def drawings(found: Mapping[str, Sequence[Typical]]) -> Figure:
    """The drawings nearest to some prototypes, one row a prototype and one block a third.

    Over each drawing stands the third of its concept: H, M or T.
    """
    rows = [(third, each) for third, several in found.items() for each in several]
    columns = max(len(each.pictures) for _, each in rows)
    figure, grid = plt.subplots(
        len(rows), columns, figsize=(0.72 * columns + 1, 0.9 * len(rows)), squeeze=False
    )
    for line, (third, each) in zip(grid, rows, strict=True):
        for axes in line:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.grid(visible=False)
        for axes, picture, of in zip(line, each.pictures, each.thirds, strict=False):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
            axes.set_title(of[0].upper(), fontsize=8, pad=1, color=OF_THIRD[of]["color"])
        line[0].set_ylabel(third, rotation=0, ha="right", va="center")
    return figure


# Recorded runs --------------------------------------------------------------------------------


def transfer(recorded: pd.DataFrame) -> Figure:
    """Left, the mean of our probes by run, with t intervals over seeds; right, Table 2's means.

    Args:
        recorded: as `lt_course.evidence.recorded` returns it for the factor `11_dino`.
    """
    names = labels(recorded)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(8, 0.28 * len(names) + 1.4), sharey=True, width_ratios=[1.5, 1]
    )
    for place, name in enumerate(names):
        values = by_seed(recorded, name, "probe_mean")
        left.plot(values, [place] * len(values), linestyle="", marker="|", color="#888888")
        _interval(left, over_seeds(recorded, name, "probe_mean"), place, style.PALETTE[0], "o")
        if name in PAPER_ROWS:
            right.plot(paper.value("table2", *PAPER_ROWS[name], "transfer"), place, **PAPER)
    left.set_yticks(range(len(names)), names)
    left.set(xlabel="accuracy, mean of four", title="ours", ylim=(len(names) - 0.5, -0.5))
    right.set(xlabel="accuracy, mean of twelve", title="the paper, single runs")
    return figure


def transfer_by_set(recorded: pd.DataFrame, runs: Sequence[str]) -> Figure:
    """Each transfer set's probe as a difference to the first of some runs, paired by seed."""
    reference, *others = runs
    figure, axes = plt.subplots(figsize=(7.2, 3.4))
    shifts = np.linspace(-0.22, 0.22, len(others))
    for run, shift, colour, marker in zip(
        others, shifts, style.PALETTE, ("o", "s", "^", "D", "v"), strict=False
    ):
        for place, metric in enumerate(TRANSFER):
            found = paired(recorded, run, reference, metric)
            _interval(axes, found, place + shift, colour, marker, run if place == 0 else None)
    axes.axvline(0, color="black", linewidth=0.8, linestyle="-")
    axes.set_yticks(range(len(TRANSFER)), list(TRANSFER.values()))
    axes.set(xlabel=f"accuracy of the probe, less that of {reference!r}")
    axes.set_ylim(len(TRANSFER) - 0.5, -0.5)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def thirds(recorded: pd.DataFrame, metrics: Mapping[str, str]) -> Figure:
    """What head, mid and tail have of the prototypes, one panel a metric, one row a run.

    Args:
        recorded: as in `transfer`.
        metrics: beginning of the metric's name, such as ``prototypes`` -> the panel's label.
    """
    names = labels(recorded)
    figure, panels = plt.subplots(
        1, len(metrics), figsize=(8, 0.32 * len(names) + 1.4), sharey=True, squeeze=False
    )
    for axes, (metric, label) in zip(panels.flat, metrics.items(), strict=True):
        for third, shift in zip(THIRDS, (-0.22, 0, 0.22), strict=True):
            look = OF_THIRD[third]
            for place, name in enumerate(names):
                found = over_seeds(recorded, name, f"{metric}_{third}")
                said = third if place == 0 else None
                _interval(axes, found, place + shift, look["color"], look["marker"], said)
        axes.set(xlabel=label)
    panels[0, 0].set_yticks(range(len(names)), names)
    panels[0, 0].set_ylim(len(names) - 0.5, -0.5)
    handles = panels[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3)
    return figure


def power(found: pd.DataFrame) -> Figure:
    """Each claim's effect, the interval's half width, what could be seen, and the paper's effect.

    Args:
        found: as `lt_course.lessons.distillation.power` returns it.
    """
    figure, axes = plt.subplots(figsize=(8, 0.32 * len(found) + 1.3))
    places: npt.NDArray[np.int64] = np.arange(len(found))
    axes.barh(
        places, found["detectable"], color="#DDDDDD", height=0.7,
        label="not seen in 80 % of repetitions",
    )  # fmt: skip
    axes.errorbar(
        found["effect"], places, xerr=found["half width"], capsize=3, linestyle="", marker="o",
        color=style.PALETTE[0], label="our effect with its interval",
    )  # fmt: skip
    axes.plot(found["the paper's"], places, label="the paper's effect", **PAPER)
    axes.axvline(0, color="black", linewidth=0.8, linestyle="-")
    axes.set_yticks(places, list(found.index))
    axes.set(ylim=(len(found) - 0.5, -0.5), xlabel="effect, in the unit of its claim")
    axes.grid(visible=False, axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _interval(
    axes: Axes, found: Interval, place: float, colour: str, marker: str, label: str | None = None
) -> None:
    axes.errorbar(
        [found.estimate], [place], capsize=2.5, linestyle="", color=colour, marker=marker,
        xerr=[[found.estimate - found.low], [found.high - found.estimate]], label=label,
    )  # fmt: skip
