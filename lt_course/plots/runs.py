"""Figures of runs: a class profile, seeds side by side, concepts under two permutations."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lt_course.plots import style
from lt_course.study import RunResult

METRICS = {
    "accuracy": "accuracy",
    "accuracy_head": "head",
    "accuracy_mid": "mid",
    "accuracy_tail": "tail",
    "spearman_accuracy": "S(a)",
    "spearman_predictions": "S(p)",
}
"""The metrics of a run that tables show, and their headings."""

BIAS = {metric: name for metric, name in METRICS.items() if metric.startswith("spearman")}
THREE = {"accuracy": "accuracy"} | BIAS
"""The three that most lessons compare runs by."""


def table(records: Sequence[RunResult]) -> pd.DataFrame:
    """One row a run: method and seed as index, `METRICS` as columns."""
    rows = pd.DataFrame([record.summary() for record in records]).set_index(["name", "seed"])
    return rows[list(METRICS)].rename(columns=METRICS).rename_axis(["method", "seed"])


def profile(per_class: pd.DataFrame) -> Figure:
    """Training pictures (`frequency`) of each concept (`name`), from the most frequent on."""
    ranked = per_class.sort_values("frequency", ascending=False)
    figure, axes = plt.subplots(figsize=(8, 3.4))
    axes.bar(np.arange(len(ranked)), ranked["frequency"], color=style.BLUE, width=0.8)
    axes.set(yscale="log", ylabel="training pictures", xlim=(-0.7, len(ranked) - 0.3))
    axes.set_xticks(np.arange(len(ranked)), ranked["name"], rotation=90, fontsize=7)
    axes.grid(visible=False, axis="x")
    return figure


def seeds(metrics: pd.DataFrame, columns: Sequence[str] = ("S(a)", "S(p)")) -> Figure:
    """Methods side by side, one line a seed and one panel a column of `table`."""
    figure, panels = style.panels(len(columns), 3.6, 3.4, sharey=True)
    for axes, column in zip(panels, columns, strict=True):
        wide = metrics[column].unstack("seed").loc[metrics.index.unique("method")]
        methods = [style.of(str(method)) for method in wide.index]
        axes.plot(range(len(wide)), wide, color="#999999", linestyle="-", linewidth=0.8)
        for place, look in enumerate(methods):
            axes.plot([place] * wide.shape[1], wide.iloc[place], linestyle="", **look)
        names = [look["label"].replace(", ", ",\n") for look in methods]
        axes.set_xticks(range(len(wide)), names)
        axes.set(title=column, xlim=(-0.4, len(wide) - 0.6), ylim=(-0.4, 1))
    return figure


def within_concepts(pairs: Mapping[str, Sequence[pd.DataFrame]]) -> Figure:
    """What a concept gains when it becomes more frequent: one line a concept, one panel a method.

    `pairs` are, per method, two per-class tables with different permutations.
    """
    figure, panels = style.panels(len(pairs), 2.7, 3.0, sharey=True)
    for axes, (method, tables) in zip(panels, pairs.items(), strict=True):
        look = style.of(method)
        both = pd.concat(tables)[["concept", "frequency", "predictions"]].sort_values("frequency")
        for _, ends in both.groupby("concept"):
            line = ends["frequency"], ends["predictions"]
            axes.plot(*line, linestyle="-", alpha=0.45, linewidth=0.9, color=look["color"])
        upper = both[both.duplicated("concept")]
        style.dots(axes, upper["frequency"], upper["predictions"], look, markersize=4)
        axes.set(title=look["label"], xlabel="training pictures", xscale="log")
    panels[0].set_ylabel("number of predictions")
    return figure
