"""Lesson 08, scale and text heads (Sec. 3.5, Fig. 5): runs, what they measured, the paper's curves.

`runs` are metrics indexed by (label, seed), as `lt_course.evidence.load_results` returns them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from lt_course import scale as scales
from lt_course.data import icontail
from lt_course.evaluation.bias import per_class
from lt_course.evidence import paper
from lt_course.lessons.observer import Observer
from lt_course.plots import intervals, style
from lt_course.statistics import spearman
from lt_course.study import RunConfig, RunResult, config, training_set
from lt_course.study.icontail_dataset import drawings_of
from lt_course.training.schedules import steps as in_steps

EPOCHS, STEPS = "equal epochs", "equal steps"
"""The two ways to train on less data: fewer steps, or as many as on all."""

TEST_PICTURES = 20
"""Test pictures of each concept of IconTail."""

FLOOR, PAPER_FLOOR = 1 / TEST_PICTURES, 1 / 50
"""Accuracy of one right answer a class, below which S(a) is of little use (`measured_bias`): ours,
and with the 50 pictures a class of ImageNet's validation set."""

HEADS: dict[str, str] = {
    "scratch": "clip",
    "initialised": "clip-init-text",
    "frozen": "clip-frozen-text",
    "language model": "clip-frozen-roberta",
    "sl frozen": "sl-frozen-head",
}
"""Text head as factor ``07_text_heads`` labels it -> as the paper's table of values does."""

HEAD_LOOKS: dict[str, style.Look] = {
    "scratch": style.look(style.BLUE, "^", "CLIP, scratch"),
    "initialised": style.look(style.SKY, "v", "CLIP, initialised"),
    "frozen": style.look(style.GREEN, "D", "CLIP, frozen"),
    "language model": style.look(style.PURPLE, "P", "CLIP, language model"),
    "sl frozen": style.look(style.ORANGE, "s", "SL, frozen prototypes"),
    "sl": style.look(style.VERMILLION, "o", "SL"),
}

COLUMNS: dict[str, str] = {
    "accuracy": "accuracy",
    "spearman_accuracy": "S(a)",
    "spearman_predictions": "S(p)",
    "nc1": "NC1",
    "nc2_means": "NC2, means",
    "nc2_prototypes": "NC2, prototypes",
}
"""Metrics of this chapter, and their headings."""


def spelled(fraction: float) -> str:
    """A fraction of the data as labels spell it: ``1``, ``1/2``, ``1/32``."""
    return str(Fraction(fraction).limit_denominator(1000))


def grid(
    methods: Iterable[str],
    epochs: Sequence[float],
    steps: Sequence[float],
    scale: str | None = None,
    seed: int = 0,
) -> dict[str, RunConfig]:
    """Runs on all data and on fractions of it, labelled as factor ``scale`` labels them.

    The fractions `epochs` are trained on for as many epochs as all data, `steps` for as many steps.
    """
    size = scales.current() if scale is None else scales.named(scale)
    same: dict[str, Any] = {
        "duration": f"{size.epochs * (size.num_images // size.batch_size)} steps"
    }
    shared: dict[str, Any] = {"scale": size.name, "seed": seed}
    runs = {}
    for method in methods:
        for part in epochs:
            runs[f"{method} {spelled(part)}, epochs"] = config(method, fraction=part, **shared)
        for part in steps:
            fields = {"fraction": part} | same | shared
            runs[f"{method} {spelled(part)}, steps"] = config(method, **fields)
        runs[f"{method} 1"] = config(method, **shared)
    return runs


def work(record: RunResult) -> dict[str, float]:
    """How much a run has seen.

    Returns:
        ``pictures``; ``steps``; ``visits`` to each picture; ``median``, the pictures of the
        median class; ``singles``, the number of classes with one picture.
    """
    frequency, training = record.per_class["frequency"], record.run.training
    pictures = int(frequency.sum())
    total = in_steps(training.duration, "duration", pictures // training.batch_size)
    return {
        "pictures": pictures,
        "steps": total,
        "visits": total * training.batch_size / pictures,
        "median": float(frequency.median()),
        "singles": int((frequency == 1).sum()),
    }


def paper_budget() -> pd.DataFrame:
    """Fig. 5's fractions of LAIONet: pictures, steps, and the share of them that warms up.

    The sizes are those of the release; epochs (32), batch (1,024) and warm-up (500 steps) are in
    its scripts, and in App. C.
    """
    pictures = [101_848, 203_580, 407_100, 814_158, 1_628_287, 3_256_561]
    steps = [each // 1_024 * 32 for each in pictures]
    names = [spelled(2.0**-power) for power in range(5, -1, -1)]
    table = {"pictures": pictures, "steps": steps, "warm-up": [500 / each for each in steps]}
    return pd.DataFrame(table, index=pd.Index(names, name="fraction"))


def meaning(classes: int) -> npt.NDArray[np.float32]:
    """The language model's embeddings of the first concepts' names: float32 [classes, 384]."""
    return icontail.text_embeddings()[:classes]


def seen(asked: RunConfig, tail: npt.NDArray[np.bool_]) -> dict[str, int]:
    """What a run is trained on, in pictures.

    Returns:
        Pictures of the evaluated ``concepts``; of those, of the ``tail``, bool [C]; pictures of
        ``others``; and how many of all of them are ``test pictures``.
    """
    drawn = training_set(asked)
    return {
        "concepts": int(drawn.frequency.sum()),
        "tail": int(drawn.frequency[tail].sum()),
        "others": int((drawn.labels == asked.data.concepts).sum()),
        "test pictures": int(icontail.load().test[drawn.image_ids].sum()),
    }


def by_fraction(runs: pd.DataFrame, declared: Mapping[str, RunConfig]) -> pd.DataFrame:
    """Metrics with what was varied beside them.

    Args:
        runs: see above.
        declared: label -> a run of that label, whatever its seed.

    Returns:
        One row a run: label, seed, all metrics, method, fraction, budget. A run on all data
        stands in both budgets.
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
    part = [str(label).endswith(" 1/8") for label in flat["label"]]
    heads = [str(label).removesuffix(" 1/8") for label in flat["label"]]
    return flat.assign(head=heads, fraction=np.where(part, 1 / 8, 1.0))


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
    amount for all of them.

    Returns:
        One row an ease (`Observer.trained_on`), the mean over observers and test sets:
        ``accuracy``; ``true`` S(a), of the exact accuracies; ``measured`` S(a), with so many test
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


# Figures ----------------------------------------------------------------------------------------


def plot_fractions(table: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """Metrics of `by_fraction` against the fraction of the data, a line a method and budget.

    Means over seeds with t intervals; runs below the floor of accuracy are hollow.
    """
    figure, panels = style.panels(len(columns), 3.2, 3.4)
    for axes, column in zip(panels, columns, strict=True):
        for (method, budget), group in table.groupby(["method", "budget"], sort=False):
            look = dict(style.of(str(method)))
            look |= {"label": f"{look['label']}, {budget}"}
            _curve(axes, group, column, FLOOR, **look, linestyle="-" if budget == STEPS else "--")
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


def plot_heads(runs: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """One row a text head, one panel a metric: every seed, and the mean with its t interval.

    Labels that are not of `HEAD_LOOKS` are left out.
    """
    heads = [label for label in HEAD_LOOKS if label in intervals.labels(runs)]
    width, rows = min(3, len(columns)), -(-len(columns) // 3)
    figure, panels = style.panels(width, 2.9, 0.3 * len(heads) + 0.7, rows, sharey=True)
    for axes, column in zip(panels, columns, strict=False):
        for place, head in enumerate(heads):
            values = intervals.by_seed(runs, head, column)
            intervals.draw_seeds(axes, values, place, **style.unnamed(HEAD_LOOKS[head]))
        style.name_rows(axes, [HEAD_LOOKS[head]["label"] for head in heads])
        axes.set_title(COLUMNS[column])
    for axes in panels[len(columns) :]:
        axes.set_axis_off()
    return figure


def plot_floor(curve: pd.DataFrame, classes: int) -> Figure:
    """S(a) of equally biased observers of falling accuracy: the truth, and what is measured.

    `curve` is as `measured_bias` returns it, of so many classes.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    lines: dict[str, dict[str, Any]] = {
        "true": {"color": "black", "linestyle": "-", "marker": "s", "label": "S(a), true"},
        "measured": {
            "color": style.BLUE,
            "linestyle": "--",
            "marker": "o",
            "label": "S(a), measured",
        },
        "never": {
            "color": style.VERMILLION,
            "linestyle": ":",
            "marker": "^",
            "label": "share of classes never right",
        },
    }
    for column, look in lines.items():
        axes.plot(curve["accuracy"], curve[column], **look)
    for place, name in ((1 / classes, "chance"), (FLOOR, "floor")):
        axes.axvline(place, color="#888888", linewidth=1)
        axes.text(place, 1.02, name, ha="center", transform=axes.get_xaxis_transform(), fontsize=9)
    axes.set(xscale="log", xlabel="accuracy", ylim=(0, 1))
    ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def plot_neighbours(found: Mapping[str, pd.Series], concept: str) -> Figure:
    """The nearest neighbours of one concept under several text heads, one panel a head.

    Per label of `HEAD_LOOKS`, the cosines of `lt_course.lessons.neighbours.nearest`.
    """
    figure, panels = style.panels(len(found), 2.7, 2.5, sharex=True)
    for axes, (head, nearest) in zip(panels, found.items(), strict=True):
        look, places = HEAD_LOOKS[head], np.arange(len(nearest))
        axes.hlines(places, 0, nearest, color=look["color"], linewidth=2)
        style.dots(axes, nearest, places, look)
        style.name_rows(axes, nearest.index)
        axes.set(title=look["label"], xlim=(0, 1), xlabel="cosine")
    figure.suptitle(f"nearest to {concept}")
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
    axes.set_xticks(ticks, [spelled(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    if ticks:
        axes.set_xlim(ticks[0] / 1.25, ticks[-1] * 1.25)
    if column == "nc1":
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
