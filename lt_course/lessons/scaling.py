"""Lesson 08, scale and text heads (Sec. 3.5, Fig. 5): runs, what they measured, the paper's curves.

`runs` are metrics indexed by (label, seed), as `lt_course.evidence.load_results` returns them.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from lt_course.data import icontail
from lt_course.evaluation.bias import per_class, third_of
from lt_course.evidence import paper
from lt_course.lessons.observer import Observer
from lt_course.plots import intervals, style
from lt_course.statistics import spearman
from lt_course.study import RunConfig, training_set
from lt_course.study.icontail_dataset import drawings_of

EPOCHS, STEPS = "equal epochs", "equal steps"
"""The two ways to train on less data: fewer steps, or as many as on all."""

TEST_PICTURES = 20
"""Test pictures of each concept of IconTail."""

FLOOR, PAPER_FLOOR = 1 / TEST_PICTURES, 1 / 50
"""Accuracy of one right answer a class, below which S(a) is of little use (`measured_bias`): ours,
and with the 50 pictures a class of ImageNet's validation set."""

HEADS: dict[str, str] = style.names("lesson 08, text heads in the paper")
"""Text head as factor ``07_text_heads`` labels it -> as the paper's table of values does."""

HEAD_LOOKS = style.looks("lesson 08, text heads")

COLUMNS: dict[str, str] = style.names("lesson 08, metrics")
"""Metrics of this chapter, and their headings."""


def meaning(classes: int) -> npt.NDArray[np.float32]:
    """The language model's embeddings of the first concepts' names: float32 [classes, 384]."""
    return icontail.text_embeddings()[:classes]


def seen(asked: RunConfig, student: RunConfig) -> dict[str, int]:
    """What a run is trained on, in pictures, by groups of concepts.

    Thirds of the evaluated concepts are those of the frequencies that `student` has; `test
    drawings` are among all the others.
    """
    drawn, third = training_set(asked), third_of(training_set(student).frequency)
    groups = enumerate(("head third", "middle third", "tail third"))
    return {name: int(drawn.frequency[third == number].sum()) for number, name in groups} | {
        "other concepts": int((drawn.labels == asked.data.concepts).sum()),
        "test drawings": int(icontail.load().test[drawn.image_ids].sum()),
    }


def by_fraction(runs: pd.DataFrame, declared: Mapping[str, RunConfig]) -> pd.DataFrame:
    """Metrics of runs, a row each, with label, seed, method, fraction and budget beside them.

    `declared`: label -> a run of that label. A run on all data stands in both budgets.
    """
    flat = runs.reset_index()
    asked = [declared[label] for label in flat["label"]]
    flat = flat.assign(
        method=[each.name for each in asked],
        fraction=[drawings_of(each).fraction for each in asked],
        budget=[STEPS if each.training.duration.endswith("steps") else EPOCHS for each in asked],
    )
    whole = flat[flat["fraction"] == 1].assign(budget=STEPS)
    return pd.concat([flat, whole], ignore_index=True)


def by_head(runs: pd.DataFrame) -> pd.DataFrame:
    """Metrics of factor ``07_text_heads`` (labels ``frozen``, ``frozen 1/8``) by head and fraction.

    One row a run: label, seed, all metrics, head, fraction.
    """
    flat = runs.reset_index()
    labels = flat["label"].astype(str)
    fraction = np.where(labels.str.endswith(" 1/8"), 1 / 8, 1.0)
    return flat.assign(head=labels.str.removesuffix(" 1/8"), fraction=fraction)


def paper_curves() -> pd.DataFrame:
    """Fig. 5, read off the plot.

    One row a head and fraction: head, fraction, accuracy, spearman_accuracy, nc1, nc2_means.
    """
    values = paper.table("fig5")
    wide = values.pivot(index=["method", "dataset"], columns="metric", values="value").reset_index()
    labels = {theirs: ours for ours, theirs in HEADS.items()}
    fraction = wide["dataset"].str.partition("_frac")[2].replace("", "1").astype(float)
    curves = wide.assign(head=wide["method"].map(labels), fraction=fraction)
    curves = curves.drop(columns=["method", "dataset"]).rename(columns={"nc2": "nc2_means"})
    return curves.sort_values(["head", "fraction"])


def measured_bias(
    frequency: npt.ArrayLike,
    ease: Sequence[float],
    pictures: int = TEST_PICTURES,
    repeats: int = 10,
) -> pd.DataFrame:
    """The S(a) of observers that get worse and worse, but no less biased.

    Their bias is put in: knowledge of a class grows with the log of its frequency, by the same
    amount for all of them. One row an ease (`Observer.trained_on`), means over observers and test
    sets: ``accuracy``; ``true`` S(a), of the exact accuracies; ``measured`` S(a), with so many test
    pictures a class; ``never``, the share of classes without a right answer.
    """
    counts = np.asarray(frequency, dtype=np.float64)
    rows = []
    for level in ease:
        trials = []
        for seed in range(repeats):
            observer = Observer.trained_on(counts, knowledge=0.6, hubs=0.5, ease=level, seed=seed)
            exact = np.diag(observer.confusion())
            right, _ = per_class(*observer.answers(pictures, seed), len(counts))
            bias = spearman(counts, exact), spearman(counts, right)
            trials.append((exact.mean(), *bias, (right == 0).mean()))
        rows.append(np.mean(trials, axis=0))
    return pd.DataFrame(rows, columns=["accuracy", "true", "measured", "never"])


def plot_fractions(table: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """Metrics of `by_fraction` against the fraction of the data, a line a method and budget.

    Means over seeds with t intervals; runs below the floor of accuracy are hollow.
    """
    figure, panels = style.panels(len(columns), 3.2, 3.4)
    for axes, column in zip(panels, columns, strict=True):
        for (method, budget), group in table.groupby(["method", "budget"], sort=False):
            look = style.of(str(method)) | {"linestyle": "-" if budget == STEPS else "--"}
            look["label"] += f", {budget}"
            _curve(axes, group, column, FLOOR, **look)
        _fraction_axis(axes, column, table["fraction"])
        axes.set(title=COLUMNS[column], xlabel="fraction of the data")
    style.legend(figure)
    return figure


def plot_beside_paper(ours: pd.DataFrame, theirs: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """Metrics of text heads against the fraction of the data: the paper's above, ours below.

    `ours` are as `by_head`, `theirs` as `paper_curves` returns them; a column of panels a metric.
    """
    n = len(columns)
    figure, panels = style.panels(n, 2.6, 2.8, 2, sharey="col")
    sources = (("paper", theirs, PAPER_FLOOR), ("ours", ours, FLOOR))
    for row, (whose, table, lowest) in enumerate(sources):
        for axes, column in zip(panels[row * n : (row + 1) * n], columns, strict=True):
            for head in HEADS:
                _curve(axes, table[table["head"] == head], column, lowest, **HEAD_LOOKS[head])
            _fraction_axis(axes, column, theirs["fraction"])
            axes.set_title(f"{whose}: {COLUMNS[column]}")
            axes.set_xlabel("fraction of the data" if row else "")
    style.legend(figure)
    return figure


def plot_seen(found: Mapping[str, Mapping[str, int]]) -> Figure:
    """Bars of `seen`: one group of rows a group of concepts, one bar a model, on a log axis."""
    figure, axes = plt.subplots(figsize=(6.4, 3.0))
    looks = zip(found.items(), (style.SKY, style.GREEN), ("", "//"), strict=True)
    groups = list(next(iter(found.values())))
    for number, ((name, pictures), color, hatch) in enumerate(looks):
        places, counts = np.arange(len(groups)) + 0.4 * number - 0.2, list(pictures.values())
        bars = axes.barh(places, counts, 0.38, color=color, hatch=hatch, label=name)
        axes.bar_label(bars, [f"{n:,}" for n in counts], padding=3, fontsize=8)
    style.name_rows(axes, groups)
    axes.set(xscale="symlog", xlabel="training pictures", xlim=(0, 100_000))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def plot_floor(curve: pd.DataFrame, classes: int) -> Figure:
    """S(a) of equally biased observers of falling accuracy: the truth, and what is measured.

    `curve` is as `measured_bias` returns it, of so many classes.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    lines = {
        "true": (style.look("black", "s", "S(a), true"), "-"),
        "measured": (style.look(style.BLUE, "o", "S(a), measured"), "--"),
        "never": (style.look(style.VERMILLION, "^", "share of classes never right"), ":"),
    }
    for column, (look, line) in lines.items():
        axes.plot(curve["accuracy"], curve[column], linestyle=line, **look)
    for place, name in ((1 / classes, "chance"), (FLOOR, "floor")):
        axes.axvline(place, color="#888888", linewidth=1)
        axes.text(place, 1.02, name, ha="center", transform=axes.get_xaxis_transform(), fontsize=9)
    axes.set(xscale="log", xlabel="accuracy", ylim=(0, 1))
    ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _curve(axes: Axes, group: pd.DataFrame, column: str, lowest: float, **look: Any) -> None:
    """Means by fraction, with intervals where there are seeds; hollow below the floor."""
    parts = dict(iter(group.groupby("fraction")))
    intervals.draw_curve(axes, {part: runs[column] for part, runs in parts.items()}, **look)
    for part, runs in parts.items():
        if runs["accuracy"].mean() < lowest:
            hollow: style.Look = {"markerfacecolor": "white", "zorder": 3}
            style.dots(axes, part, runs[column].mean(), look, **hollow)


def _fraction_axis(axes: Axes, column: str, fractions: pd.Series) -> None:
    axes.set_xscale("log", base=2)
    ticks = sorted(set(fractions))
    axes.set_xticks(ticks, [str(Fraction(tick).limit_denominator(1000)) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    if ticks:
        axes.set_xlim(ticks[0] / 1.25, ticks[-1] * 1.25)
    if column == "nc1":
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
