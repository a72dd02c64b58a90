"""One look for all figures: Okabe-Ito colours, a marker and a line style for each method.

Colour never carries a meaning alone: whatever has a colour also has a marker or a line style.
The figure's ground is white on purpose, so that pictures stay legible on a dark page.
"""

from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from cycler import cycler
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK = PALETTE = [
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
]
"""Okabe & Ito's colour-blind-safe palette (2008), less its yellow, too pale on white."""

LINES: list[str | tuple[int, tuple[int, ...]]] = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]
"""Line styles, in the order of `PALETTE`."""

Look = dict[str, Any]
"""Keyword arguments of `Axes.plot` and its like."""

ZERO: Look = {"color": "black", "linewidth": 0.8, "linestyle": "-"}
"""A line at zero."""

HOLLOW: Look = {"linestyle": "", "markerfacecolor": "none", "marker": "D"}
"""What the paper found, beside ours."""


def look(color: str, marker: str, label: str) -> Look:
    """Colour, marker and label of what is drawn."""
    return {"color": color, "marker": marker, "label": label}


METHODS: dict[str, Look] = {
    "sl": look(VERMILLION, "o", "SL"),
    "sl-vocab": look(ORANGE, "s", "SL, subsampled vocabulary"),
    "clip-template": look(SKY, "^", "CLIP, class templates"),
    "clip-title": look(BLUE, "D", "CLIP, titles"),
    "clip-full": look(GREEN, "v", "CLIP, full text"),
    "siglip-title": look(BLACK, "P", "SigLIP, titles"),
}
"""Look of each method: warm for supervised learning, cool for CLIP."""

LABELS: dict[str, str] = {method: style["label"] for method, style in METHODS.items()}
"""Name of each method in figures and tables."""


def of(method: str) -> Look:
    """Colour, marker and label of a method, as keyword arguments of `Axes.plot`."""
    return METHODS[method]


def unnamed(style: Look) -> Look:
    """A look without its label, for what the legend need not name."""
    return {"color": style["color"], "marker": style["marker"]}


def dots(axes: Axes, x: Any, y: Any, style: Look, **more: Any) -> None:
    """Markers without a line, which the legend need not name."""
    axes.plot(x, y, linestyle="", **(unnamed(style) | more))


def annotate(axes: Axes, name: str, place: Any, shift: tuple[int, int] = (4, 3)) -> None:
    """Write a name beside a point."""
    axes.annotate(name, place, xytext=shift, textcoords="offset points", fontsize=8)


def matrix(axes: Axes, values: Any, cmap: Any, low: float, high: float, **options: Any) -> None:
    """A heat map of square cells."""
    look: Look = {"cmap": cmap, "vmin": low, "vmax": high, "cbar": False} | options
    sns.heatmap(values, ax=axes, square=True, **look)


def panels(
    columns: int, width: float, height: float, rows: int = 1, **options: Any
) -> tuple[Figure, list[Axes]]:
    """Panels in a grid, each so many inches wide and high, row by row."""
    size = (width * columns, height * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, **options)
    return figure, list(grid.flat)


def name_rows(axes: Axes, names: Iterable[str]) -> None:
    """Name the places 0, 1, … of the y axis, from the top."""
    ticks = list(names)
    axes.set_yticks(range(len(ticks)), ticks)
    axes.set_ylim(len(ticks) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def legend(figure: Figure, loc: Any = "outside lower center", ncols: int = 3) -> None:
    """One legend for all panels, in which each label stands once."""
    known: dict[str, Artist] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        known |= {name: h for name, h in zip(labels, handles, strict=True) if name not in known}
    if known:
        figure.legend(list(known.values()), list(known), loc=loc, ncols=ncols)


def use() -> None:
    """Set matplotlib's defaults for the course's figures (sizes in points, 100 dpi, PNG)."""
    styles = cycler(color=PALETTE[:5]) + cycler(linestyle=LINES)
    mpl.rcParams.update({"axes.prop_cycle": styles, "figure.constrained_layout.use": True})
    mpl.rcParams.update({"figure.figsize": (6.4, 3.6), "figure.dpi": 100, "lines.markersize": 5})
    mpl.rcParams.update({"figure.facecolor": "white", "savefig.facecolor": "white"})
    mpl.rcParams.update({"font.size": 10, "axes.titlesize": 10, "axes.labelsize": 10})
    mpl.rcParams.update({"legend.fontsize": 9, "xtick.labelsize": 9, "ytick.labelsize": 9})
    mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    mpl.rcParams.update({"axes.grid": True, "axes.axisbelow": True, "legend.frameon": False})
    mpl.rcParams.update({"grid.color": "#DDDDDD", "grid.linewidth": 0.6})
