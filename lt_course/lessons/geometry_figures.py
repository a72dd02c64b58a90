"""Figures of feature space (lesson 09): collapse, correlations, maps, density, errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.plots import style
from lt_course.statistics import spearman

FloatArray = npt.NDArray[np.float64]

METRICS: dict[str, style.MethodStyle] = {
    "nc1": {"color": style.PALETTE[6], "marker": "o", "label": "NC1"},
    "nc2_means": {"color": style.PALETTE[0], "marker": "s", "label": "NC2, centres"},
    "nc2_means_nearest": {
        "color": style.PALETTE[5],
        "marker": "D",
        "label": "NC2, centres, nearest",
    },
    "nc2_prototypes": {"color": style.PALETTE[1], "marker": "^", "label": "NC2, class vectors"},
    "nc2_prototypes_nearest": {
        "color": style.PALETTE[4],
        "marker": "v",
        "label": "NC2, class vectors, nearest",
    },
}
"""The metrics of neural collapse: blue of class centres, warm of class vectors."""

METHODS: dict[str, style.MethodStyle] = {
    **{name: style.of(name) for name in ("sl", "clip-template", "clip-title")},
    "clip frozen": {
        "color": style.PALETTE[2],
        "marker": "P",
        "label": "CLIP, frozen text",
    },
    "language model": {
        "color": style.PALETTE[3],
        "marker": "v",
        "label": "language model, names alone",
    },
}
"""Where class vectors come from."""

TARGETS: dict[str, str] = {
    "accuracy": "Spearman with accuracy",
    "frequency": "Spearman with frequency",
}

CLASSES = ("#0072B2", "o"), ("#D55E00", "^"), ("#009E73", "s")
"""Colours and markers of the toy's three classes."""

SIDES: tuple[dict[str, Any], dict[str, Any]] = (
    {"color": style.PALETTE[0], "marker": "o", "label": "pictures", "linestyle": ""},
    {"color": style.PALETTE[1], "marker": "^", "label": "text", "linestyle": ""},
)
"""How the two sides of a CLIP look in a map."""


# Toys -----------------------------------------------------------------------------------------


def triangles(
    clouds: Mapping[str, tuple[FloatArray, npt.NDArray[np.int64]]],
    scores: Mapping[str, Mapping[str, float]],
) -> Figure:
    """Three classes in the plane, one panel an arrangement, with what is measured of it.

    Args:
        clouds: per title the features [N, 2] and labels [N], 0 … 2.
        scores: per title what to write over the panel.
    """
    figure, panels = plt.subplots(1, len(clouds), figsize=(3.6 * len(clouds), 3.7), squeeze=False)
    for axes, (title, (points, labels)) in zip(panels[0], clouds.items(), strict=True):
        for c, (colour, marker) in enumerate(CLASSES):
            own = points[labels == c]
            axes.plot(*own.T, linestyle="", marker=marker, color=colour, alpha=0.45, markersize=4)
            middle = own.mean(0)
            axes.plot([0, middle[0]], [0, middle[1]], color=colour, linestyle="-", linewidth=2)
            axes.plot(*middle, marker=marker, color=colour, markersize=9, markeredgecolor="white")
        said = ", ".join(f"{name} {value:.2f}" for name, value in scores[title].items())
        axes.set(title=f"{title}\n{said}", xlim=(-2, 2), ylim=(-2, 2), aspect="equal")
        axes.set(xticks=[], yticks=[])
    return figure


def ways_to_fail(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """NC2 of a class against its accuracy as it moves towards others, one panel a way.

    Args:
        curves: per title, what `lt_course.lessons.geometry.ways_to_fail` returns.
    """
    figure, panels = plt.subplots(
        1, len(curves), figsize=(3.7 * len(curves), 3.2), sharex=True, sharey=True, squeeze=False
    )
    looks = {"mean": METRICS["nc2_means"], "nearest": METRICS["nc2_means_nearest"]}
    for axes, (title, curve) in zip(panels[0], curves.items(), strict=True):
        for (name, look), line in zip(looks.items(), ("-", "--"), strict=True):
            axes.plot(curve["accuracy"], curve[name], linestyle=line, **look)
        axes.set(title=title, xlabel="accuracy of the class", xlim=(1.02, 0))
    panels[0, 0].set_ylabel("its NC2")
    panels[0, 0].legend()
    return figure


# Correlations ---------------------------------------------------------------------------------


def per_class(tables: Mapping[str, pd.DataFrame], pairs: Sequence[tuple[str, str]]) -> Figure:
    """One dot a class: a metric against accuracy or frequency, a row a pair, a column a method.

    Args:
        tables: per method of `METHODS` its per-class table.
        pairs: (metric of `METRICS`, ``accuracy`` or ``frequency``).
    """
    figure, grid = plt.subplots(
        len(pairs), len(tables), figsize=(3 * len(tables), 2.6 * len(pairs)),
        sharex="row", sharey="row", squeeze=False,
    )  # fmt: skip
    for row, (metric, target) in zip(grid, pairs, strict=True):
        for axes, (method, table) in zip(row, tables.items(), strict=True):
            look = METHODS[method]
            axes.plot(table[target], table[metric], linestyle="", alpha=0.7, **look)
            found = spearman(table[target], table[metric])
            axes.set(title=f"{look['label']}: {found:.2f}", xlabel=target)
            if target == "frequency":
                axes.set_xscale("log")
        row[0].set_ylabel(METRICS[metric]["label"])
    return figure


def correlation_rows(found: pd.DataFrame, labels: Sequence[str]) -> Figure:
    """A row a metric, a panel a target: every seed, and the mean with its t interval.

    Args:
        found: as `lt_course.lessons.geometry.correlations` returns it.
        labels: of `METHODS`; those that are not there are not drawn.
    """
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.6), sharey=True)
    for axes, (target, title) in zip(np.ravel(panels), TARGETS.items(), strict=True):
        for label, shift in zip(labels, _shifts(len(labels)), strict=True):
            for place, metric in enumerate(METRICS):
                values = _of(found, label, metric, target)
                _interval(axes, values, place + shift, METHODS[label])
        axes.axvline(0, color="black", linewidth=0.8, linestyle="-")
        axes.hlines(np.arange(1, len(METRICS)) - 0.5, 0, 1, transform=axes.get_yaxis_transform(),
                    color="#DDDDDD", linewidth=0.6)  # fmt: skip
        axes.set(xlabel=title, ylim=(len(METRICS) - 0.5, -0.5))
        axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(METRICS)), [look["label"] for look in METRICS.values()])
    looks = [METHODS[label] for label in labels]
    handles = [axes.plot([], [], linestyle="", **look)[0] for look in looks]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(labels))
    return figure


def over_scale(
    ours: Mapping[str, tuple[pd.DataFrame, Mapping[str, float]]], theirs: pd.DataFrame
) -> Figure:
    """Correlations against the amount of pre-training data, ours beside the paper's Fig. 7a.

    Ours are means over seeds with t intervals. The paper's lines join the sets drawn from LAION;
    its hollow markers are the other sets.

    Args:
        ours: per title the correlations (`lt_course.lessons.geometry.correlations`) and, for each
            label that is wanted, the fraction of the data.
        theirs: as `lt_course.lessons.geometry.paper_correlations` returns them.
    """
    figure, grid = plt.subplots(
        2, len(ours) + 1, figsize=(2.9 * (len(ours) + 1), 5.8), sharex="col", sharey=True
    )
    for row, (target, name) in zip(grid, TARGETS.items(), strict=True):
        for axes, (title, (found, fractions)) in zip(row, ours.items(), strict=False):
            _our_scale(axes, found, fractions, target)
            axes.set_title(title)
        for metric, look in METRICS.items():
            asked = theirs[(theirs["metric"] == metric) & (theirs["target"] == target)]
            laion = asked["dataset"].str.startswith("laion")
            drawn = {"color": look["color"], "marker": look["marker"]}
            row[-1].plot("millions", "value", data=asked[laion], linestyle="-", **drawn)
            row[-1].plot(
                "millions", "value", data=asked[~laion], linestyle="", mfc="white", **drawn
            )
        row[-1].set(title="paper: CLIP", xscale="log")
        row[0].set_ylabel(name)
        for axes in row:
            axes.axhline(0, color="black", linewidth=0.8, linestyle="-")
    for axes in grid[1, :-1]:
        axes.set_xlabel("fraction of the data")
    grid[1, -1].set_xlabel("pre-training pictures, millions")
    handles = [plt.Line2D([], [], linestyle="-", **look) for look in METRICS.values()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _our_scale(
    axes: Axes, found: pd.DataFrame, fractions: Mapping[str, float], target: str
) -> None:
    places = {label: np.log2(fraction) for label, fraction in fractions.items()}
    for shift, (metric, look) in zip(np.linspace(-0.12, 0.12, 5), METRICS.items(), strict=True):
        known = {p: v for label, p in places.items() if len(v := _of(found, label, metric, target))}
        means = [values.mean() for values in known.values()]
        axes.errorbar(
            np.array(list(known)) + shift, means, yerr=[_reach(v) for v in known.values()],
            linestyle="-", capsize=2, color=look["color"], marker=look["marker"],
        )  # fmt: skip
    axes.set_xticks(
        list(places.values()), [f"1/{1 / f:g}" if f < 1 else "1" for f in fractions.values()]
    )
    axes.xaxis.set_minor_locator(NullLocator())


# Maps -----------------------------------------------------------------------------------------


def beside(
    maps: Mapping[str, FloatArray], frequency: npt.ArrayLike, names: Mapping[int, str]
) -> Figure:
    """Maps of the same classes, one panel each; larger and darker is more frequent.

    Args:
        maps: per title float [C, 2].
        frequency: int [C].
        names: classes to name.
    """
    weight = np.log10(np.asarray(frequency, dtype=np.float64))
    figure, panels = plt.subplots(1, len(maps), figsize=(4.2 * len(maps), 3.9), squeeze=False)
    for axes, (title, points) in zip(panels[0], maps.items(), strict=True):
        drawn = axes.scatter(*points.T, c=weight, s=12 + 40 * weight, cmap="viridis_r",
                             edgecolors="black", linewidths=0.4)  # fmt: skip
        for c, name in names.items():
            axes.annotate(name, points[c], xytext=(4, 4), textcoords="offset points", fontsize=8)
        _bare(axes, title)
    ticks = [tick for tick in (0, 1, 2, 3) if tick <= weight.max()]
    bar = figure.colorbar(drawn, ax=panels[0], label="training pictures", shrink=0.8, ticks=ticks)
    bar.set_ticklabels([f"{10**tick:g}" for tick in ticks])
    return figure


def joint(maps: Mapping[str, FloatArray]) -> Figure:
    """Maps of pictures and texts together, one panel each; a line joins those of one class.

    Args:
        maps: per title float [2C, 2], pictures first, both in the same order.
    """
    figure, panels = plt.subplots(1, len(maps), figsize=(3.7 * len(maps), 3.7), squeeze=False)
    for axes, (title, points) in zip(panels[0], maps.items(), strict=True):
        halves = np.split(points, 2)
        axes.plot(
            *np.stack(halves).transpose(2, 0, 1), color="#999999", linewidth=0.6, linestyle="-"
        )
        for half, look in zip(halves, SIDES, strict=True):
            axes.plot(*half.T, **look)
        _bare(axes, title)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def clouds(pairs: Mapping[str, tuple[FloatArray, FloatArray]]) -> Figure:
    """A dense and a loose cloud, one panel a way to draw them.

    Args:
        pairs: per title both clouds' points, float [N, 2].
    """
    figure, panels = plt.subplots(1, len(pairs), figsize=(3.9 * len(pairs), 3.3), squeeze=False)
    for axes, (title, pair) in zip(panels[0], pairs.items(), strict=True):
        for points, look, name in zip(pair, SIDES, ("dense", "loose"), strict=True):
            axes.plot(*points.T, **(look | {"label": name}))
        _bare(axes, title)
        axes.set_aspect("equal", adjustable="datalim")
    panels[0, 0].legend()
    return figure


def _bare(axes: Axes, title: str) -> None:
    """The axes of a map have no units."""
    axes.set(title=title, xticks=[], yticks=[])


# Density and errors ---------------------------------------------------------------------------


def densities(found: Mapping[str, FloatArray], frequency: npt.ArrayLike) -> Figure:
    """Density around each class vector against the class's frequency, one panel a method.

    Args:
        found: per method of `METHODS` float [C].
        frequency: int [C].
    """
    counts = np.asarray(frequency)
    figure, panels = plt.subplots(
        1, len(found), figsize=(2.35 * len(found), 2.9), sharey=True, squeeze=False
    )
    for axes, (method, values) in zip(panels[0], found.items(), strict=True):
        look = METHODS[method]
        axes.plot(
            counts, values, linestyle="", color=look["color"], marker=look["marker"], alpha=0.8
        )
        title = look["label"].replace(", ", ",\n")
        axes.set(xscale="log", xlabel="training pictures")
        axes.set_title(
            f"{title}{'' if chr(10) in title else chr(10)}\nS = {spearman(counts, values):.2f}"
        )
    panels[0, 0].set_ylabel("cosine with the 5 nearest")
    return figure


def errors(shares: Mapping[str, tuple[FloatArray, str, str]], upto: int = 20) -> Figure:
    """Share of the errors that name one of the k nearest neighbours of the true class.

    Args:
        shares: per name what `lt_course.lessons.geometry.among_nearest` returns, a method whose
            colour and marker to take, and a line style.
        upto: the largest k that is shown.
    """
    figure, axes = plt.subplots(figsize=(6.6, 3.4))
    for name, (share, method, line) in shares.items():
        look = METHODS[method]
        axes.plot(range(1, upto + 1), share[:upto], linestyle=line, color=look["color"],
                  marker=look["marker"], markersize=4, label=name)  # fmt: skip
    chance = np.arange(1, upto + 1) / len(share)
    axes.plot(range(1, upto + 1), chance, color="#888888", linestyle=":", label="any other class")
    axes.set(xlabel="k nearest centres", ylabel="share of the errors", ylim=(0, None))
    axes.set_xticks([1, *range(5, upto + 1, 5)])
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _shifts(count: int) -> FloatArray:
    """Where markers that share a row stand, closer together than to those of the next row."""
    shifts: FloatArray = 0.18 * (np.arange(count, dtype=np.float64) - (count - 1) / 2)
    return shifts


def _of(found: pd.DataFrame, label: str, metric: str, target: str) -> FloatArray:
    """A correlation over the seeds of a label; empty where nothing is recorded."""
    own = (found["label"] == label) & (found["metric"] == metric) & (found["target"] == target)
    return found.loc[own, "value"].to_numpy(dtype=np.float64)


def _interval(axes: Axes, values: FloatArray, place: float, look: style.MethodStyle) -> None:
    if not len(values):
        return
    if len(values) > 1:
        axes.plot(values, [place] * len(values), linestyle="", marker="|", color=look["color"],
                  markersize=5)  # fmt: skip
    axes.errorbar(values.mean(), place, xerr=_reach(values), linestyle="", capsize=2.5,
                  color=look["color"], marker=look["marker"])  # fmt: skip


def _reach(values: FloatArray) -> float:
    """Half the t interval over seeds; nan, which draws nothing, for a single one."""
    if len(values) < 2:
        return float("nan")
    interval = mean_over_seeds(values)
    return interval.high - interval.estimate
