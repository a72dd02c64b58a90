"""Figures of runs: a class profile, one concept under several methods, seeds side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lt_course.data.icontail import IconTail
from lt_course.plots import style
from lt_course.study import Record

METRICS = {
    "accuracy": "accuracy",
    "accuracy_head": "head",
    "accuracy_mid": "mid",
    "accuracy_tail": "tail",
    "spearman_accuracy": "S(a)",
    "spearman_predictions": "S(p)",
}
"""The metrics of a run that tables show, and their headings."""


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: method and seed as index, `METRICS` as columns."""
    rows = pd.DataFrame([record.summary() for record in records]).set_index(["name", "seed"])
    return rows[list(METRICS)].rename(columns=METRICS).rename_axis(["method", "seed"])


def profile(per_class: pd.DataFrame) -> Figure:
    """Training pictures of each concept, from the most to the least frequent.

    Args:
        per_class: a run's per-class table with the columns `name` and `frequency`.
    """
    ranked = per_class.sort_values("frequency", ascending=False)
    figure, axes = plt.subplots(figsize=(8, 3.4))
    axes.bar(np.arange(len(ranked)), ranked["frequency"], color=style.PALETTE[0], width=0.8)
    axes.set(yscale="log", ylabel="training pictures", xlim=(-0.7, len(ranked) - 0.3))
    axes.set_xticks(np.arange(len(ranked)), ranked["name"], rotation=90, fontsize=7)
    axes.grid(visible=False, axis="x")
    return figure


def concept_frame(icontail: IconTail, tables: Mapping[str, pd.DataFrame], concept: str) -> Figure:
    """One concept: drawings of it that are tested, and how often each method names it.

    Args:
        icontail: the data set.
        tables: per method a per-class table of runs with the same frequencies.
        concept: its key.
    """
    number = [c.key for c in icontail.concepts].index(concept)
    shown = np.flatnonzero((icontail.concept == number) & icontail.test)
    rows = {method: t.set_index("concept").loc[concept] for method, t in tables.items()}
    figure = plt.figure(figsize=(7, 2.2))
    left, right = np.ravel(np.array(figure.subfigures(1, 2, width_ratios=[1, 1.2])))
    for axes, picture in zip(left.subplots(2, 5).flat, shown, strict=False):
        axes.imshow(icontail.pictures[picture], cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
    frequency = next(iter(rows.values()))["frequency"]
    left.suptitle(f"{icontail.concepts[number].name}: {frequency} training pictures", fontsize=10)
    axes = right.subplots()
    names = [style.LABELS[method] for method in rows]
    counts = [row["predictions"] for row in rows.values()]
    axes.barh(names, counts, color=[style.COLOURS[method] for method in rows], height=0.6)
    axes.axvline(len(shown), color="black", linestyle="--", linewidth=1)
    axes.invert_yaxis()
    widest = max(table["predictions"].max() for table in tables.values())
    axes.set(xlabel="number of predictions", xlim=(0, 1.05 * widest))
    axes.grid(visible=False, axis="y")
    return figure


def seeds(metrics: pd.DataFrame, columns: Sequence[str] = ("S(a)", "S(p)")) -> Figure:
    """Methods side by side, one line a seed.

    Args:
        metrics: as `table` returns it.
        columns: which metrics, one panel each.
    """
    figure, panels = plt.subplots(1, len(columns), figsize=(3.6 * len(columns), 3.4), sharey=True)
    for axes, column in zip(np.ravel(panels), columns, strict=True):
        wide = metrics[column].unstack("seed").loc[metrics.index.unique("method")]
        axes.plot(range(len(wide)), wide, color="#999999", linestyle="-", linewidth=0.8)
        for place, (method, row) in enumerate(wide.iterrows()):
            look = style.of(str(method))
            axes.plot([place] * len(row), row, linestyle="", **look)
        axes.set_xticks(
            range(len(wide)), [style.LABELS[str(m)].replace(", ", ",\n") for m in wide.index]
        )
        axes.set(title=column, xlim=(-0.4, len(wide) - 0.6), ylim=(-0.4, 1))
    return figure


def within_concepts(pairs: Mapping[str, Sequence[pd.DataFrame]]) -> Figure:
    """What a concept gains when it becomes more frequent: one line a concept and panel.

    Args:
        pairs: per method two per-class tables with different permutations.
    """
    figure, grid = plt.subplots(
        1, len(pairs), figsize=(2.7 * len(pairs), 3.0), sharey=True, squeeze=False
    )
    for axes, (method, (a, b)) in zip(grid.flat, pairs.items(), strict=True):
        joined = a.merge(b, on="concept", validate="one_to_one", suffixes=("_a", "_b"))
        swap = joined["frequency_a"] > joined["frequency_b"]
        ends = {
            field: [
                joined[f"{field}_a"].where(~swap, joined[f"{field}_b"]),
                joined[f"{field}_b"].where(~swap, joined[f"{field}_a"]),
            ]
            for field in ("frequency", "predictions")
        }
        axes.plot(*map(np.array, (ends["frequency"], ends["predictions"])), linestyle="-",
                  color=style.COLOURS[method], alpha=0.45, linewidth=0.9)  # fmt: skip
        axes.plot(ends["frequency"][1], ends["predictions"][1], linestyle="", markersize=4,
                  marker=style.MARKERS[method], color=style.COLOURS[method])  # fmt: skip
        axes.set(title=style.LABELS[method], xlabel="training pictures", xscale="log")
    grid[0, 0].set_ylabel("number of predictions")
    return figure
