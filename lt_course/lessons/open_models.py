"""Lesson 13: the paper's released models, the right frequency file, and our own.

The paper's per-model numbers were never released. What it shows of them was read off its plots
(`lt_course.evidence.paper`); a reader who has run ``lt-course models evaluate`` has numbers of
their own, which `lt_course.web.released.own_models` finds.
"""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lt_course.counting.web_frequencies import CONCEPT_SETS, PRETRAINING_SETS, WebFrequencies
from lt_course.evidence import paper
from lt_course.lessons.neural_collapse import PAPER_SETS
from lt_course.plots import style
from lt_course.plots.runs import BIAS
from lt_course.statistics import FloatArray

MILLIONS = {key: millions for key, millions in PAPER_SETS.items() if key in PRETRAINING_SETS}
"""Pairs of the six pre-training sets, in millions, as their names have it."""

CONCEPTS: dict[str, int] = style.names("lesson 13, classes of concept sets")

SETS = style.looks("lesson 13, pre-training sets")

CHANCE: style.Look = {"color": "#BBBBBB", "alpha": 0.35, "linewidth": 0}


def by_pretraining(web: WebFrequencies) -> pd.DataFrame:
    """Fig. 1b's CLIPs, a row a pre-training set, beside what the set's counts look like."""
    rows = {}
    for key, millions in MILLIONS.items():
        bias = {letter: paper.value("fig1b", key, "clip", m) for m, letter in BIAS.items()}
        counts = web.summary.loc[f"{key}_imagenet_ori"]
        shape = {name: counts[name] for name in ("gini", "effective_classes", "top10_share")}
        rows[key] = {"millions": millions} | bias | shape
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("set")


def markers(evaluated: str = "imagenet") -> pd.DataFrame:
    """Fig. 18's models: those of the 41 that can be told apart in the plot, one a row.

    Of ``imagenet`` or ``imagenet-v2``: set, S(a), S(p), and whether another marker covers part.
    """
    values = paper.table("fig18")
    number = values["method"].str.extract(rf"^clip-{evaluated}-(\d\d)$")[0]
    values = values[number.notna()].assign(number=number.dropna())
    wide = values.pivot(index=["dataset", "number"], columns="metric", values="value")
    hidden = values.groupby(["dataset", "number"])["note"].first().str.contains("hidden")
    table = wide.rename(columns=BIAS).assign(hidden=hidden).reset_index()
    order = {key: place for place, key in enumerate(MILLIONS)}
    table = table.sort_values(["dataset", "number"], key=lambda c: c.replace(order))
    table = table.rename(columns={"dataset": "set"}).reset_index(drop=True)
    return table[["set", *BIAS.values(), "hidden"]]


def other_concepts() -> pd.DataFrame:
    """Fig. 12, a row a concept set and pre-training set: S(a), S(p), classes, chance.

    ``chance`` is where 95 % of correlations between unrelated ranks of as many classes lie.
    """
    values = paper.table("fig12")
    values = values.assign(concepts=values["method"].str.removeprefix("clip-"))
    wide = values.pivot(index=["concepts", "dataset"], columns="metric", values="value")
    rows = pd.MultiIndex.from_product([CONCEPTS, MILLIONS], names=["concepts", "set"])
    wide = wide.rename(columns=BIAS).reindex(rows)
    chances = {name: by_chance(classes) for name, classes in CONCEPTS.items()}
    names = wide.index.get_level_values("concepts")
    return wide.assign(classes=names.map(CONCEPTS), chance=names.map(chances)).reset_index()


def by_chance(classes: int, draws: int = 4_000, seed: int = 0, share: float = 0.95) -> float:
    """How large Spearman's correlation of unrelated ranks gets: the bound of 95 % of their |S|."""
    generator = np.random.default_rng(seed)
    ranks = np.arange(classes) - (classes - 1) / 2
    orders = generator.permuted(np.tile(ranks, (draws, 1)), axis=1)
    return float(np.quantile(np.abs(orders @ ranks / (ranks @ ranks)), share))


def beside(theirs: pd.DataFrame, own: pd.DataFrame | None) -> pd.DataFrame:
    """The table of `by_pretraining`, with the number and the means of the reader's models."""
    if own is None:
        return theirs
    by_set = own.groupby("pretrained_on")
    means = by_set[list(BIAS)].mean().rename(columns={m: f"{s}, yours" for m, s in BIAS.items()})
    return theirs.join(means.assign(**{"models, yours": by_set.size()}))


def title(key: str) -> str:
    """A set's name as printed."""
    return {**PRETRAINING_SETS, **CONCEPT_SETS}[key]


# In figures, `chance` is the half-width of the grey band of correlations that unrelated ranks have,
# `own` what `lt_course.web.released.own_models` finds.


def plot_by_scale(theirs: pd.DataFrame, chance: float, own: pd.DataFrame | None = None) -> Figure:
    """S(a) and S(p) against pairs: the paper's means, and a small hollow marker for each of yours.

    `theirs` is as `by_pretraining` returns it.
    """
    figure, panels = style.panels(2, 3.7, 3.3, sharex=True, sharey=True)
    for axes, (metric, letter) in zip(panels, BIAS.items(), strict=True):
        axes.axhspan(-chance, chance, **CHANCE)
        for key, look in SETS.items():
            row: Any = theirs.loc[key]
            x = float(row["millions"])
            axes.plot(x, row[letter], linestyle="", markersize=8, **look)
            if own is not None:
                yours = own.loc[own["pretrained_on"] == key, metric]
                beside = np.full(len(yours), 1.15 * x)
                style.dots(axes, beside, yours, look, markersize=4, mfc="none", alpha=0.8)
        axes.set(title=letter, xscale="log", xlabel="pre-training pairs, millions", xlim=(7, 5_000))
    panels[0].set_ylabel("Spearman with frequency")
    style.legend(figure)
    return figure


def plot_markers(points: pd.DataFrame, chance: float, own: pd.DataFrame | None = None) -> Figure:
    """S(p) against S(a) of `markers`; hollow where another hides part; yours edged in black."""
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    axes.axvspan(-chance, chance, **CHANCE)
    axes.axhspan(-chance, chance, **CHANCE)
    for key, look in SETS.items():
        for hidden, fill in ((False, look["color"]), (True, "white")):
            shown = points[(points["set"] == key) & (points["hidden"] == hidden)]
            style.dots(axes, shown["S(a)"], shown["S(p)"], look, mfc=fill, markersize=7)
        if own is not None:
            x, y = own.loc[own["pretrained_on"] == key, list(BIAS)].to_numpy().T
            style.dots(axes, x, y, look, markersize=4, mec="black", mew=0.8)
    handles = [plt.Line2D([], [], linestyle="", **look) for look in SETS.values()]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set(xlabel="S(a): frequency with accuracy", ylabel="S(p): with predictions")
    return figure


def plot_wrong_file(judged: pd.DataFrame, simulated: pd.DataFrame, own: str) -> Figure:
    """S(a) of a model under every frequency file: predicted, simulated, and what is possible.

    `judged` has a row a file, with ``predicted``, ``lowest`` and ``highest``; `simulated` a column
    a file and a row a made-up model. The set that the model learnt from, `own`, is filled.
    """
    figure, axes = plt.subplots(figsize=(6.8, 3.2))
    low, high = simulated.quantile(0.025), simulated.quantile(0.975)
    for row, key in enumerate(judged.index):
        color, ends = SETS[key]["color"], judged.loc[key, ["lowest", "highest"]]
        axes.plot(ends, [row, row], color="#BBBBBB", linewidth=7, linestyle="-", alpha=0.5)
        axes.plot([low[key], high[key]], [row, row], color=color, linestyle="-")
        fill = color if key == own else "white"
        style.dots(axes, simulated[key].mean(), row, SETS[key], mfc=fill, markersize=8)
        axes.plot(judged.loc[key, "predicted"], row, color="black", marker="|", markersize=16)
    axes.axvline(0, **style.ZERO)
    style.name_rows(axes, [PRETRAINING_SETS[key] for key in judged.index])
    axes.set(xlim=(-1, 1), xlabel="S(a) by the counts of each set")
    bias = float(judged["predicted"][own])
    axes.set_title(f"a model of {PRETRAINING_SETS[own]}, S(a) {bias:.2f}")
    return figure


def plot_confusions(tables: Mapping[str, FloatArray]) -> Figure:
    """Where answers go, by groups of classes from frequent to rare; a panel a model."""
    figure, panels = style.panels(len(tables), 3.3, 3.2)
    top = max(table.max() for table in tables.values())
    for axes, (title, table) in zip(panels, tables.items(), strict=True):
        groups = ["frequent", *[""] * (len(table) - 2), "rare"]
        names = {"xticklabels": groups, "yticklabels": groups}
        style.matrix(axes, table, "Blues", 0, top, annot=True, fmt=".2f", **names)
        axes.set(title=title, xlabel="answer")
    panels[0].set_ylabel("true class")
    return figure


def plot_lifts(curves: Mapping[str, pd.DataFrame], looks: Mapping[str, style.Look]) -> Figure:
    """S(p) against S(a) as a multiple of log frequency is added; a curve a model."""
    figure, axes = plt.subplots(figsize=(5.6, 3.6))
    for label, curve in curves.items():
        axes.plot(curve["S(a)"], curve["S(p)"], linestyle="-", markersize=4, **looks[label])
        if 0 in curve.index:
            x, y = curve.loc[0, ["S(a)", "S(p)"]]
            style.dots(axes, x, y, looks[label], markersize=12, mfc="none")
    axes.axhline(0, **style.ZERO)
    axes.axvline(0, **style.ZERO)
    axes.set(xlabel="S(a)", ylabel="S(p)")
    axes.legend()
    return figure


def plot_other_concepts(table: pd.DataFrame) -> Figure:
    """S(a) of `other_concepts`, a marker a pre-training set, on the grey band of chance."""
    sizes = table.groupby("concepts")["classes"].first().sort_values(ascending=False)
    figure, axes = plt.subplots(figsize=(7.2, 3.9))
    shifts = np.linspace(-0.25, 0.25, len(SETS))
    for row, concepts in enumerate(sizes.index):
        of_set = table[table["concepts"] == concepts].set_index("set")
        chance = of_set["chance"].iloc[0]
        axes.fill_betweenx([row - 0.4, row + 0.4], -chance, chance, **CHANCE)
        for (key, look), shift in zip(SETS.items(), shifts, strict=True):
            named = look if row == 0 else style.unnamed(look)
            axes.plot(of_set.loc[key, "S(a)"], row + shift, linestyle="", **named)
    axes.axvline(0, **style.ZERO)
    style.name_rows(axes, [f"{CONCEPT_SETS[str(name)]} ({size})" for name, size in sizes.items()])
    axes.set(xlim=(-0.75, 0.75), xlabel="S(a), read off the paper's Fig. 12")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
