"""One look for all figures: Okabe-Ito colours, a marker and a line style for each method.

Colour never carries a meaning alone: whatever has a colour also has a marker or a line style.
The figure's ground is white on purpose, so that pictures stay legible on a dark page.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy.typing as npt
import seaborn as sns
from cycler import cycler
from IPython import get_ipython
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lt_course.errors import CourseError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RESOURCES = Path(__file__).parent / "resources"

COLOURS = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
}
"""Okabe & Ito's colour-blind-safe palette (2008), less its yellow, too pale on white."""

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK = PALETTE = list(COLOURS.values())

LINES: list[str | tuple[int, tuple[int, ...]]] = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]
"""Line styles, in the order of `PALETTE`."""

Look = dict[str, Any]
"""Keyword arguments of `Axes.plot` and its like."""

ZERO: Look = {"color": "black", "linewidth": 0.8, "linestyle": "-"}
"""A line at zero."""

HOLLOW: Look = {"linestyle": "", "markerfacecolor": "none", "marker": "D"}
"""What the paper found, beside ours."""


def names(group: str, file: str = "names") -> dict[str, Any]:
    """What a group of things is called: a table of ``resources/names.toml``."""
    text = (RESOURCES / f"{file}.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)[group]
    return table


def look(color: str, marker: str, label: str) -> Look:
    """Colour, marker and label of what is drawn."""
    return {"color": color, "marker": marker, "label": label}


def looks(group: str) -> dict[str, Look]:
    """The looks of a group of things: a table of ``resources/looks.toml``."""
    rows = names(group, "looks").items()
    return {name: look(COLOURS[color], marker, label) for name, (color, marker, label) in rows}


METHODS = looks("methods")
"""Look of each method."""

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


def curves(
    axes: Axes, x: Any, values: Mapping[str, npt.ArrayLike], markers: str = "", **more: Any
) -> None:
    """Curves by label, five at most, each with a colour, line style and, if given, marker."""
    looks = zip(PALETTE, LINES, markers or [None] * len(LINES), strict=False)
    for (label, y), (color, line, marker) in zip(values.items(), looks, strict=False):
        axes.plot(x, y, color=color, linestyle=line, marker=marker, label=label, **more)


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
    """Set matplotlib's defaults for the course's figures; in a notebook, show them in it.

    Raises:
        CourseError: if the environment asks for a backend that cannot be loaded.
    """
    try:
        plt.switch_backend(plt.get_backend())
    except ImportError as error:
        raise CourseError(
            f"matplotlib's backend cannot be loaded ({error}); unset the environment variable "
            "MPLBACKEND, and start again."
        ) from error
    shell: Any = get_ipython()
    if type(shell).__name__ == "ZMQInteractiveShell" and plt.get_backend().lower() == "agg":
        # Which shows nothing: MPLBACKEND says so, or names windows where there are none.
        shell.run_line_magic("matplotlib", "inline")
    plt.style.use(RESOURCES / "course.mplstyle")
    plt.rcParams["axes.prop_cycle"] = cycler(color=PALETTE[:5]) + cycler(linestyle=LINES)
