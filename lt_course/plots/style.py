"""One look for all figures: Okabe-Ito colours, a marker and a line style for each method.

Colour never carries a meaning alone: whatever has a colour also has a marker or a line style.
The figure's ground is white on purpose, so that pictures stay legible on a dark page.
"""

from typing import TypedDict

import matplotlib as mpl
from cycler import cycler

PALETTE: list[str] = [
    "#0072B2",  # blue
    "#D55E00",  # vermillion
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#000000",  # black
]
"""Okabe & Ito's colour-blind-safe palette (2008), less its yellow, too pale on white."""

LINES: list[str | tuple[int, tuple[int, ...]]] = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]
"""Line styles, in the order of `PALETTE`."""

COLOURS: dict[str, str] = {
    "sl": "#D55E00",
    "sl-vocab": "#E69F00",
    "clip-template": "#56B4E9",
    "clip-title": "#0072B2",
    "clip-full": "#009E73",
}
"""Colour of each method: warm for supervised learning, cool for CLIP."""

MARKERS: dict[str, str] = {
    "sl": "o",
    "sl-vocab": "s",
    "clip-template": "^",
    "clip-title": "D",
    "clip-full": "v",
}
"""Marker of each method."""

LABELS: dict[str, str] = {
    "sl": "SL",
    "sl-vocab": "SL, subsampled vocabulary",
    "clip-template": "CLIP, class templates",
    "clip-title": "CLIP, titles",
    "clip-full": "CLIP, full text",
}
"""Name of each method in figures and tables."""


class MethodStyle(TypedDict):
    """Keyword arguments of `Axes.plot` and `Axes.errorbar`."""

    color: str
    marker: str
    label: str


def of(method: str) -> MethodStyle:
    """Colour, marker and label of a method, as keyword arguments of `Axes.plot`."""
    return MethodStyle(color=COLOURS[method], marker=MARKERS[method], label=LABELS[method])


def use() -> None:
    """Set matplotlib's defaults for the course's figures (sizes in points, 100 dpi, PNG)."""
    styles = cycler(color=PALETTE[:5]) + cycler(linestyle=LINES)
    mpl.rcParams.update(
        {
            "figure.figsize": (6.4, 3.6),
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "legend.fontsize": 9,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": styles,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "lines.markersize": 5,
        }
    )
