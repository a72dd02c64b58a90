"""Lesson 15: figures of power and of verdicts."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lt_course.evaluation.intervals import Interval
from lt_course.evidence.claims import judge
from lt_course.plots import style
from lt_course.plots.claims import GREY, mark


def plot_power(seeds: Sequence[int], shares: Mapping[str, Sequence[float]]) -> Figure:
    """Share of studies that find an effect, by number of seeds; one line a size of the effect."""
    figure, axes = plt.subplots(figsize=(6.4, 2.9))
    style.curves(axes, seeds, shares, "osD^v")
    axes.axhline(0.8, **GREY)
    axes.set(xlabel="seeds", ylabel="power", ylim=(0, 1.03))
    axes.legend(title="effect", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def plot_verdicts(intervals: Sequence[Interval], smallest: float) -> Figure:
    """Intervals of a claim of a positive effect, each with its verdict."""
    figure, axes = plt.subplots(figsize=(6.4, 0.42 * len(intervals) + 0.9))
    verdicts = [judge(each, smallest, "positive") for each in intervals]
    for place, (each, verdict) in enumerate(zip(intervals, verdicts, strict=True)):
        mark(axes, each, verdict, place)
    axes.axvline(0, **style.ZERO)
    axes.axvline(smallest, **GREY)
    style.name_rows(axes, verdicts)
    axes.set(xlabel="effect; grey: the smallest that would matter")
    return figure
