"""Lesson 11: the looks of its methods, and its figures.

`runs` are metrics indexed by (label, seed), as `lt_course.evidence.load_results` returns them.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from lt_course.errors import CourseError
from lt_course.evidence import paper
from lt_course.plots import intervals, style
from lt_course.statistics import FloatArray

METHODS = style.looks("lesson 11, methods")

PAPER_METHODS: dict[str, str] = style.names("lesson 11, methods in the paper")
"""The methods that the paper's Fig. 8 shows too, and their names among its values."""

PAPER_SIZES = (5, 50, 200, 500)
"""Numbers of absent classes, of 1,000, at which Fig. 8 was read off."""

MEASURES = {
    "accuracy_trimmed": ("cut classes", "accuracy_tail"),
    "accuracy_kept": ("the others", "accuracy_head_mid"),
}
"""Metric -> how a panel calls its classes, and the paper's metric."""

BLOCKS = {"seen, seen": "head_head", "absent, absent": "tail_tail", "seen, absent": "head_tail"}
"""Pairs of classes by whether they have training pictures, and their names among the paper's
values."""


def paper_blocks() -> pd.DataFrame:
    """Mean cosines of the paper's prototypes, 50 of 1,000 classes absent (Fig. 9a), by `BLOCKS`."""
    cosines: dict[str, list[float]] = {}
    for label, method in {"SL": "sl", "SL, frozen": "clip-frozen-text"}.items():
        cosines[f"the paper, {label}"] = [
            paper.value("fig9a", "incaps_tail50_0shot", method, f"cosine_{name}")
            for name in BLOCKS.values()
        ]
    return pd.DataFrame(cosines, index=list(BLOCKS))


def plot_affinity(matrices: Mapping[str, FloatArray], frequency: npt.ArrayLike) -> Figure:
    """Cosines of all pairs of prototypes [C, C], sorted by frequency [C], one panel a method.

    A line parts the classes without training pictures. Colours end at 0.5, so that weak blocks
    can be seen; the diagonal lies beyond.
    """
    counts = np.asarray(frequency)
    order, edge = np.argsort(-counts, kind="stable"), (counts > 0).sum()
    figure, panels = style.panels(len(matrices), 3.1, 3)
    for axes, (title, matrix) in zip(panels, matrices.items(), strict=True):
        style.matrix(axes, matrix[np.ix_(order, order)], "RdBu_r", -0.5, 0.5)
        for draw in (axes.axhline, axes.axvline):
            draw(edge, color="black", linewidth=1, linestyle="--")
        axes.set(title=title, xticks=[], yticks=[], xlabel="most frequent … | absent")
    figure.colorbar(panels[0].collections[0], ax=panels, label="cosine", shrink=0.85, extend="both")
    return figure


def plot_absent(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Accuracy of the classes without training pictures (Fig. 9b), one panel a method.

    Per-class tables are of runs on the same pictures.
    """
    n = len(tables)
    figure, panels = style.panels(1, 7.2, 1.05 + 1 / n, n, sharex=True, sharey=True)
    first = next(iter(tables.values()))
    last = first[first["frequency"] == 0].sort_values("name")
    for axes, (method, table) in zip(panels, tables.items(), strict=True):
        look, values = METHODS[method], table.loc[last.index, "accuracy"]
        axes.bar(range(len(last)), values, color=look["color"], width=0.7)
        axes.set_title(f"{look['label']} (mean {values.mean():.2f})", loc="left", pad=2)
    panels[-1].set_xticks(range(len(last)), last["name"], rotation=45, ha="right")
    figure.supylabel("accuracy", fontsize=10)
    return figure


def plot_two_accuracies(metrics: pd.DataFrame) -> Figure:
    """Accuracy on cut classes against that on the others, one marker a method (the index)."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for method, row in metrics.iterrows():
        dot = METHODS[str(method)] | {"linestyle": "", "markersize": 9}
        axes.plot(row["accuracy_kept"], row["accuracy_trimmed"], **dot)
    axes.set(xlabel="accuracy on seen classes", ylabel="accuracy on absent classes")
    axes.set(ylim=(-0.01, None))
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def plot_trade_offs(curves: Mapping[str, pd.DataFrame], marked: Sequence[float]) -> Figure:
    """Left, accuracy on absent against seen classes as the lift grows; right, who is answered.

    Per method a curve: rows lifts, columns ``seen``, ``absent`` and ``named``, the share of answers
    that are absent classes. Markers stand at the first of the `marked` lifts, hollow ones at the
    others. The right panel ends at a lift of one half, where hardly a seen class is left.

    Raises:
        CourseError: if a curve has no such lift.
    """
    figure, (left, right) = style.panels(2, 4, 3.4)
    for (method, curve), line in zip(curves.items(), style.LINES, strict=False):
        look = METHODS[method]
        left.plot(curve["seen"], curve["absent"], color=look["color"], linestyle=line)
        right.plot(curve.index, curve["named"], color=look["color"], linestyle=line)
        for lift in marked:
            if lift not in curve.index:
                raise CourseError(
                    f"lift={lift!r} is no row of the curve of {method}; its rows are "
                    f"{list(curve.index)}."
                )
            here, dot = curve.loc[lift], look | {"linestyle": "", "markersize": 8}
            if lift != marked[0]:
                dot = style.unnamed(dot) | {"markerfacecolor": "white"}
            left.plot(here["seen"], here["absent"], **dot)
            right.plot(lift, here["named"], **dot)
    left.set(xlabel="accuracy on seen classes", ylabel="accuracy on absent classes")
    left.set(xlim=(-0.02, None), ylim=(-0.02, None))
    right.set(xlabel="lift", ylabel="share of answers that are absent", ylim=(-0.02, 1.02))
    lifts = pd.concat(curves.values()).index
    right.set_xlim(lifts.min() - 0.02, min(lifts.max(), 0.5) + 0.02)
    style.legend(figure, ncols=2)
    return figure


def plot_by_shots(runs: pd.DataFrame, trim: int, shots: Sequence[int] = (0, 1)) -> Figure:
    """All methods with `trim` cut classes, `shots` pictures left to each: means with intervals."""
    figure, panels = style.panels(2, 4, 3.6, sharey=True)
    for axes, (metric, (title, _)) in zip(panels, MEASURES.items(), strict=True):
        for place, (method, look) in enumerate(METHODS.items()):
            for shot, shift in zip(shots, np.linspace(-0.15, 0.15, len(shots)), strict=True):
                values = intervals.by_seed(runs, f"{method}, {trim} x {shot}", metric)
                if len(values) > 1:
                    hollow: style.Look = {"mfc": "white"} if shot else {}
                    hollow |= style.unnamed(look) | {"markersize": 7}
                    intervals.draw(axes, intervals.interval(values), place + shift, **hollow)
        axes.set(xlabel="accuracy", title=title)
        style.name_rows(axes, [look["label"] for look in METHODS.values()])
    return figure


def plot_by_size(runs: pd.DataFrame, sizes: Sequence[int], classes: int) -> Figure:
    """Accuracy by number of absent classes of all, ours beside the paper's (its Fig. 8, 0-shot)."""
    figure, panels = style.panels(2, 3.8, 2.6, 2, sharex="col", sharey="row")
    for row, (metric, (title, printed)) in enumerate(MEASURES.items()):
        ours, theirs = panels[2 * row : 2 * row + 2]
        for method, name in PAPER_METHODS.items():
            look = METHODS[method]
            seeds = {s: intervals.by_seed(runs, f"{method}, {s} x 0", metric) for s in sizes}
            known = {size: values for size, values in seeds.items() if len(values) > 1}
            intervals.draw_curve(ours, known, **look)
            sets = [f"incaps_tail{size}_0shot" for size in PAPER_SIZES]
            values = [paper.value("fig8", each, name, printed) for each in sets]
            theirs.plot(PAPER_SIZES, values, linestyle="--", markerfacecolor="white", **look)
        ours.set_ylabel(f"accuracy, {title}")
    panels[0].set(title=f"ours, of {classes} classes", xscale="log")
    panels[1].set(title="the paper, of 1,000 classes", xscale="log")
    for axes, ticks in zip(panels[2:], (sizes, PAPER_SIZES), strict=True):
        axes.set_xticks(ticks, [str(size) for size in ticks])
        axes.minorticks_off()
        axes.set_xlabel("absent classes")
    style.legend(figure)
    return figure
