"""Figures of vocabularies: inclusion, what is left of the prior, shifts, remedies in one plane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lt_course.evaluation.intervals import Interval, mean_over_seeds
from lt_course.lessons.prior_shift import agreement, inclusion, residual_prior
from lt_course.lessons.vocabularies import law_of
from lt_course.objectives.classify import Classify, Sampling
from lt_course.plots import style


class Look(TypedDict):
    """Keyword arguments of `Axes.plot` and `Axes.errorbar`."""

    color: str
    marker: str


LAW_LOOKS: dict[str, Look] = {
    "all": {"color": style.COLOURS["sl"], "marker": style.MARKERS["sl"]},
    "in-batch": {"color": style.PALETTE[6], "marker": "*"},
    "frequency": {"color": style.COLOURS["sl-vocab"], "marker": style.MARKERS["sl-vocab"]},
    "sqrt": {"color": style.PALETTE[3], "marker": "p"},
    "uniform": {"color": style.PALETTE[1], "marker": "X"},
}
"""Colour and marker of each sampling law; ``all`` is the full softmax."""

LAW_LINES: dict[str, str] = {"frequency": "-", "sqrt": "--", "uniform": ":"}

REMEDY_MARKERS, REMEDY_COLOUR = "<>Pdh8", "#777777"
"""For the remedies that are no vocabularies, in order."""


def laws(
    frequency: npt.ArrayLike, size: int, chosen: Sequence[Sampling], micro_batch: int = 32
) -> Figure:
    """Inclusion probability, and what is left of the log prior, against frequency.

    Args:
        frequency: int [C] > 0, training pictures of each class.
        size: of the vocabulary.
        chosen: sampling laws.
        micro_batch: pictures that share a vocabulary.
    """
    counts = np.sort(np.asarray(frequency))
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    right.plot(counts, residual_prior(counts, np.ones(len(counts))), linestyle="-", markevery=6,
               **LAW_LOOKS["all"], label="all classes: the log prior")  # fmt: skip
    for law in chosen:
        included = inclusion(counts, Classify(size, law, micro_batch))
        look, line = LAW_LOOKS[law], LAW_LINES.get(law, "-.")
        left.plot(counts, included, linestyle=line, markevery=6, **look, label=law)
        right.plot(counts, residual_prior(counts, included), linestyle=line, markevery=6, **look)
    left.set(xscale="log", yscale="log", xlabel="training pictures", ylim=(0.003, 1.3))
    left.set_ylabel("probability of being in the vocabulary")
    left.set_title(f"V = {size}, micro-batches of {micro_batch}")
    right.set(xscale="log", xlabel="training pictures", ylim=(-3.2, 4.8))
    right.set_ylabel("what is left of the log prior")
    left.legend()
    right.legend()
    return figure


def curves(table: pd.DataFrame) -> Figure:
    """Share of the prior that is left against V, one line a law.

    Args:
        table: as `lt_course.lessons.vocabularies.remaining_curve` returns it.
    """
    figure, axes = plt.subplots(figsize=(6, 3.4))
    for law in table:
        axes.plot(table.index, table[law], linestyle=LAW_LINES[str(law)], **LAW_LOOKS[str(law)],
                  label=str(law))  # fmt: skip
    axes.set(xlabel="vocabulary size V", ylabel="share of the log prior left", ylim=(0, 1.05))
    axes.legend(title="filled up by")
    return figure


def shift_panels(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Measured against predicted shift, one dot a class and one panel a run.

    Args:
        tables: per title a table of `lt_course.lessons.vocabularies.shifts`.
    """
    figure, panels = plt.subplots(
        1, len(tables), figsize=(2.6 * len(tables), 3.1), sharey=True, squeeze=False
    )
    for axes, (title, table) in zip(panels[0], tables.items(), strict=True):
        found = agreement(table["measured"], table["predicted"])
        ends = np.array([table["predicted"].min(), table["predicted"].max()])
        axes.plot(ends, ends, color="#888888", linestyle="--", linewidth=1, label="as predicted")
        axes.plot(ends, found.slope * ends, color="black", linestyle="-", label="fitted")
        axes.plot(table["predicted"], table["measured"], linestyle="", alpha=0.6, markersize=4,
                  **LAW_LOOKS[law_of(title)])  # fmt: skip
        axes.set_title(f"{title}\nslope {found.slope:.2f}, R² {found.r2:.2f}")
        axes.set_xlabel("predicted shift")
    panels[0, 0].set_ylabel("measured shift of the mean logit")
    panels[0, 0].legend(loc="upper left")
    return figure


def collapse(found: pd.DataFrame) -> Figure:
    """Measured S(p) against the share of the prior that should be left, one marker a run.

    Means over seeds with t intervals where there are two seeds or more.

    Args:
        found: as `lt_course.lessons.vocabularies.recorded_agreements` returns it.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    named: set[str] = set()
    for label, group in found.groupby("label", sort=False):
        law = law_of(str(label))
        mean = interval(group["S(p)"])
        axes.errorbar(
            group["remaining"].mean(), mean.estimate, yerr=_reach(mean), capsize=3, linestyle="",
            label=None if law in named else law, **LAW_LOOKS[law],
        )  # fmt: skip
        named.add(law)
    axes.set(xlabel="share of the log prior left, as predicted", ylabel="S(p), measured")
    axes.legend(loc="lower right")
    return figure


def beside_theory(table: pd.DataFrame) -> Figure:
    """The paper's S(p) against the share of the prior that should be left, one line a series.

    Args:
        table: as `lt_course.lessons.vocabularies.paper_vocabularies` returns it.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    looks = [("frequency", None), ("frequency", "white"), ("uniform", "white")]
    for (name, group), (law, fill) in zip(table.groupby("series", sort=False), looks, strict=True):
        ordered = group.sort_values("remaining")
        axes.plot(ordered["remaining"], ordered["S(p)"], linestyle=LAW_LINES[law],
                  markerfacecolor=fill, label=str(name), **LAW_LOOKS[law])  # fmt: skip
    for _, row in table.iterrows():
        if row["V"] < table["V"].max():
            axes.annotate(f"{row['V']}", (row["remaining"], row["S(p)"]), fontsize=7,
                          xytext=(4, -8), textcoords="offset points")  # fmt: skip
    axes.set(xlabel="share of the log prior left, as predicted", ylabel="S(p), the paper's")
    axes.legend(loc="lower right")
    return figure


def plane(found: pd.DataFrame) -> Figure:
    """Accuracy against S(p), all methods: means over seeds with both t intervals.

    Args:
        found: as `lt_course.lessons.vocabularies.united` returns it; vocabularies have the look of
            their law, CLIPs that of their method, remedies a marker each.
    """
    figure, axes = plt.subplots(figsize=(8, 4.8))
    remedies = iter(REMEDY_MARKERS)
    for (factor, label), group in found.groupby(["factor", "label"], sort=False):
        look, name = _plane_look(str(factor), str(label), remedies)
        x, y = interval(group["spearman_predictions"]), interval(group["accuracy"])
        axes.errorbar(x.estimate, y.estimate, xerr=_reach(x), yerr=_reach(y), linestyle="",
                      elinewidth=0.8, markersize=6, label=name, **look)  # fmt: skip
        if factor == "05_vocabulary" and (size := str(label).split()[-1]).isdigit():
            axes.annotate(size, (x.estimate, y.estimate), fontsize=7,
                          xytext=(4, 4), textcoords="offset points")  # fmt: skip
    axes.set(xlabel="S(p): Spearman of frequency and number of predictions", ylabel="accuracy")
    _legend_once(axes)
    return figure


def interval(values: pd.Series) -> Interval:
    """Mean over seeds with its t interval; an empty interval around a single seed."""
    if len(values) < 2:
        return Interval(float(values.iloc[0]), float("nan"), float("nan"), len(values))
    return mean_over_seeds(values)


def _reach(found: Interval) -> float:
    """Half the interval's width; nan, which draws nothing, for a single seed."""
    return (found.high - found.low) / 2


def _plane_look(factor: str, label: str, remedies: Iterator[str]) -> tuple[Look, str]:
    if factor == "05_vocabulary":
        law = law_of(label)
        return LAW_LOOKS[law], "SL, all classes" if law == "all" else f"vocabulary, {law}"
    if label in style.COLOURS:
        return {"color": style.COLOURS[label], "marker": style.MARKERS[label]}, style.LABELS[label]
    return {"color": REMEDY_COLOUR, "marker": next(remedies)}, label


def _legend_once(axes: Axes) -> None:
    """A legend beside the axes in which each label stands once."""
    handles, labels = axes.get_legend_handles_labels()
    known = dict(zip(labels, handles, strict=True))
    axes.legend(list(known.values()), list(known), loc="upper left", bbox_to_anchor=(1.01, 1))
