"""Lesson 14: figures of what recorded runs say on questions asked since the paper."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from lt_course.plots import style
from lt_course.plots.intervals import draw_seeds
from lt_course.statistics import gini

LOOKS = style.METHODS | {
    "clip-synset": style.look(style.GREEN, "v", "CLIP, synonyms"),
    "clip-gloss": style.look(style.ORANGE, "s", "CLIP, glosses"),
}
"""Look of each method of the page."""

METHODS: dict[str, str] = {method: look["label"] for method, look in LOOKS.items()}
"""Name of each method of the page."""

Table = Mapping[tuple[str, str, int], pd.DataFrame]


def plot_lines(tables: Table, methods: Sequence[str] = ("sl", "clip-template")) -> Figure:
    """Accuracy of each class against its training pictures with the fitted line, one seed each.

    Per-class tables are by (data, method, seed); there is a panel for each data, and each of the
    methods is drawn by its first seed.
    """
    kinds = list(dict.fromkeys(data for data, _, _ in tables))
    figure, panels = style.panels(len(kinds), 3.6, 3.0, sharey=True)
    for axes, data in zip(panels, kinds, strict=True):
        for method in methods:
            seed = min(s for d, m, s in tables if (d, m) == (data, method))
            table = tables[data, method, seed]
            seen = table[table["frequency"] > 0]
            x = np.log10(seen["frequency"].to_numpy())
            slope, start = np.polyfit(x, seen["accuracy"], 1)
            ends = np.array([x.min(), x.max()])
            style.dots(axes, 10**x, seen["accuracy"], LOOKS[method], markersize=3, alpha=0.5)
            axes.plot(10**ends, start + slope * ends, linestyle="-", **LOOKS[method])
        axes.set(xscale="log", xlabel="training pictures", title=data)
    panels[0].set(ylabel="accuracy")
    style.legend(figure)
    return figure


def plot_exponents(measured: pd.DataFrame) -> Figure:
    """The exponent of the prior in predictions: a tick a seed, and the mean with its t interval.

    `measured` has columns data, method, exponent; one row a run.
    """
    rows = list(dict.fromkeys(zip(measured["data"], measured["method"], strict=True)))
    values = measured.set_index(["data", "method"])["exponent"].sort_index()
    figure, (axes,) = style.panels(1, 6.4, 0.4 * len(rows) + 0.8)
    for place, (data, method) in enumerate(rows):
        draw_seeds(axes, values.loc[data, method], place, **style.unnamed(LOOKS[method]))
    axes.axvline(0, **style.ZERO)
    axes.axvline(1, color="#888888", linestyle=":")
    style.name_rows(axes, [f"{METHODS[method]}, {data}" for data, method in rows])
    axes.set(xlabel="exponent of the class prior in predictions; dotted: all of it")
    return figure


def plot_cap(frequency: npt.NDArray[np.int64], caps: Sequence[int]) -> Figure:
    """What a cap keeps of pictures, of the Gini coefficient, and of the prior's exponent."""
    capped = [np.minimum(frequency, t) for t in caps]
    log = np.log(frequency)
    curves = {
        "pictures kept": [kept.sum() / frequency.sum() for kept in capped],
        "Gini coefficient": [gini(kept) for kept in capped],
        "exponent of the prior": [np.polyfit(log, np.log(kept), 1)[0] for kept in capped],
    }
    figure, (axes,) = style.panels(1, 5.6, 3.0)
    style.curves(axes, caps, curves, "osD")
    axes.set(xscale="log", xlabel="cap t, pictures a class", ylim=(0, 1.03))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
