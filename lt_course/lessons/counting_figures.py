"""Figures of counted captions beside what their pictures show."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lt_course.plots.style import LINES, PALETTE

KINDS = {
    "counted, and shown": (PALETTE[0], "o"),
    "mostly something else": (PALETTE[1], "X"),
    "mostly missed": (PALETTE[4], "v"),
}
"""Colour and marker of a class whose precision and recall are both above one half, whose precision
is not, or whose recall is not."""


def beside_labels(per_class: pd.DataFrame, label: Sequence[str]) -> Figure:
    """Left: both tails, each ranked by itself. Right: the same classes, one against the other.

    Args:
        per_class: as `lt_course.lessons.counting.Counted.per_class` gives it.
        label: classes whose names are written beside their points.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    for number, column in enumerate(["labels", "counted"]):
        sizes = np.sort(per_class[column])[::-1]
        ranks = np.arange(1, len(sizes) + 1)
        look = {"color": PALETTE[number], "linestyle": LINES[number], "marker": "os"[number]}
        seen = sizes > 0
        left.plot(ranks[seen], sizes[seen], **look, markevery=0.1, markersize=5, label=column)
    left.set(xscale="log", yscale="log", xlabel="rank of the class, each by itself")
    left.set_ylabel("drawings, or titles")
    left.legend()

    for kind, (colour, marker) in KINDS.items():
        rows = per_class[_kind(per_class) == kind]
        style = {"color": colour, "linestyle": "none", "alpha": 0.8, "label": kind}
        right.plot(rows["labels"], rows["counted"], marker, markersize=4.5, **style)
    ends = [per_class["labels"].min(), per_class["labels"].max()]
    right.plot(ends, ends, color="#888888", linewidth=1)
    for name in label:
        at = per_class.loc[name, ["labels", "counted"]]
        right.annotate(name, at, xytext=(5, -3), textcoords="offset points", size=8)
    right.set_xscale("log")
    right.set_yscale("symlog", linthresh=1)
    right.set(xlabel="drawings with the label", ylabel="titles that name the class")
    right.set_ylim(-0.3, None)
    right.legend(fontsize=7.5, loc="upper left")
    return figure


def _kind(per_class: pd.DataFrame) -> pd.Series:
    correct, wrong, missed = KINDS
    kinds = np.where(per_class["recall"] < 0.5, missed, correct)
    return pd.Series(np.where(per_class["precision"] < 0.5, wrong, kinds), per_class.index)
