"""Figures of released models (lesson 12): bias by pre-training set, chance, the wrong file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from lt_course.counting.web_frequencies import CONCEPT_SETS, PRETRAINING_SETS
from lt_course.plots import style

FloatArray = npt.NDArray[np.float64]

SETS: dict[str, style.MethodStyle] = {
    key: {"color": colour, "marker": marker, "label": PRETRAINING_SETS[key]}
    for key, colour, marker in (
        ("cc12m", style.PALETTE[6], "o"),
        ("yfcc15m", style.PALETTE[3], "X"),
        ("laion400m", style.PALETTE[5], "^"),
        ("metaclip_400m", style.PALETTE[4], "s"),
        ("laion2b", style.PALETTE[0], "v"),
        ("metaclip_fullcc", style.PALETTE[1], "D"),
    )
}
"""Blue: LAION; warm: MetaCLIP; black and purple: the two small sets."""

LETTERS = {"S(a)": "spearman_accuracy", "S(p)": "spearman_predictions"}
CHANCE: dict[str, Any] = {"color": "#BBBBBB", "alpha": 0.35, "linewidth": 0}
OWN: dict[str, Any] = {"linestyle": "", "markersize": 4, "mfc": "none", "alpha": 0.8}
EDGED: dict[str, Any] = {"markersize": 4, "mec": "black", "mew": 0.8}


def by_scale(theirs: pd.DataFrame, chance: float, own: pd.DataFrame | None = None) -> Figure:
    """S(a) and S(p) against pairs: the paper's means, and a small hollow marker for each of yours.

    Args:
        theirs: as `lt_course.lessons.open_models.by_pretraining` returns it.
        chance: half-width of the grey band of correlations that unrelated ranks have.
        own: as `lt_course.web.released.own_models` returns it.
    """
    figure, panels = plt.subplots(1, 2, figsize=(7.4, 3.3), sharex=True, sharey=True)
    for axes, (letter, metric) in zip(np.ravel(panels), LETTERS.items(), strict=True):
        axes.axhspan(-chance, chance, **CHANCE)
        for key, look in SETS.items():
            row: Any = theirs.loc[key]
            x = float(row["millions"])
            axes.plot(x, row[letter], linestyle="", markersize=8, **look)
            if own is not None:
                yours = own.loc[own["pretrained_on"] == key, metric]
                drawn = {"color": look["color"], "marker": look["marker"]}
                axes.plot(np.full(len(yours), 1.15 * x), yours, **drawn, **OWN)
        axes.set(title=letter, xscale="log", xlabel="pre-training pairs, millions", xlim=(7, 5_000))
    panels[0].set_ylabel("Spearman with frequency")
    handles, labels = panels[0].get_legend_handles_labels()
    kept = dict(zip(labels, handles, strict=True))
    figure.legend(kept.values(), kept.keys(), loc="outside lower center", ncols=3)
    return figure


def scatter(points: pd.DataFrame, chance: float, own: pd.DataFrame | None = None) -> Figure:
    """S(p) against S(a), a marker a model; hollow where another marker hides part of it.

    Args:
        points: as `lt_course.lessons.open_models.markers` returns them.
        chance: as `by_scale`.
        own: drawn as small markers with a black edge.
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    axes.axvspan(-chance, chance, **CHANCE)
    axes.axhspan(-chance, chance, **CHANCE)
    for key, look in SETS.items():
        of_set = points[points["set"] == key]
        for hidden, fill in ((False, look["color"]), (True, "white")):
            shown = of_set[of_set["hidden"] == hidden]
            axes.plot(shown["S(a)"], shown["S(p)"], linestyle="", mfc=fill, markersize=7,
                      color=look["color"], marker=look["marker"])  # fmt: skip
        if own is not None:
            yours = own[own["pretrained_on"] == key]
            places = [yours[metric] for metric in LETTERS.values()]
            axes.plot(*places, linestyle="", color=look["color"], marker=look["marker"], **EDGED)
    handles = [plt.Line2D([], [], linestyle="", **look) for look in SETS.values()]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set(xlabel="S(a): frequency with accuracy", ylabel="S(p): with predictions")
    return figure


def wrong_file(judged: pd.DataFrame, simulated: pd.DataFrame, own: str) -> Figure:
    """S(a) of a model under every frequency file: predicted, simulated, and what is possible.

    Args:
        judged: as `lt_course.lessons.open_models.judged_by` returns it.
        simulated: as `lt_course.lessons.open_models.simulated` returns it.
        own: the set that the model learnt from, drawn filled.
    """
    figure, axes = plt.subplots(figsize=(6.8, 3.2))
    low, high = simulated.quantile(0.025), simulated.quantile(0.975)
    for row, key in enumerate(judged.index):
        look = SETS[key]
        ends = judged.loc[key, ["lowest", "highest"]]
        axes.plot(ends, [row, row], color="#BBBBBB", linewidth=7, linestyle="-", alpha=0.5)
        axes.plot([low[key], high[key]], [row, row], color=look["color"], linestyle="-")
        fill = look["color"] if key == own else "white"
        axes.plot(simulated[key].mean(), row, color=look["color"], marker=look["marker"],
                  mfc=fill, markersize=8)  # fmt: skip
        axes.plot(judged.loc[key, "predicted"], row, color="black", marker="|", markersize=16)
    axes.axvline(0, color="black", linewidth=0.8, linestyle="-")
    titles = [PRETRAINING_SETS[key] for key in judged.index]
    axes.set(yticks=range(len(judged)), yticklabels=titles, xlim=(-1, 1))
    axes.set(ylim=(len(judged) - 0.5, -0.5), xlabel="S(a) by the counts of each set")
    bias = float(judged["predicted"][own])
    axes.set_title(f"a model of {PRETRAINING_SETS[own]}, S(a) {bias:.2f}")
    return figure


def confusions(tables: Mapping[str, FloatArray]) -> Figure:
    """Where answers go, between groups of classes from frequent to rare; a panel a model.

    Args:
        tables: per title what `lt_course.lessons.open_models.blocks` returns.
    """
    figure, panels = plt.subplots(1, len(tables), figsize=(3.3 * len(tables), 3.2), squeeze=False)
    top = max(table.max() for table in tables.values())
    for axes, (title, table) in zip(panels[0], tables.items(), strict=True):
        axes.imshow(table, cmap="Blues", vmin=0, vmax=top)
        for (row, column), value in np.ndenumerate(table):
            colour = "white" if value > 0.6 * top else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
        groups = ["frequent", *[""] * (len(table) - 2), "rare"]
        ticks = range(len(table))
        axes.set(title=title, xticks=ticks, yticks=ticks, xlabel="answer")
        axes.set(xticklabels=groups, yticklabels=groups)
        axes.grid(visible=False)
    panels[0, 0].set_ylabel("true class")
    return figure


def lifts(curves: Mapping[str, pd.DataFrame], slopes: Mapping[str, style.MethodStyle]) -> Figure:
    """S(p) against S(a) as a multiple of log frequency is added; a curve a model.

    Args:
        curves: per label what `lt_course.lessons.open_models.lifted` returns.
        slopes: how each is drawn.
    """
    figure, axes = plt.subplots(figsize=(5.6, 3.6))
    for label, curve in curves.items():
        look = slopes[label]
        axes.plot(curve["S(a)"], curve["S(p)"], linestyle="-", markersize=4, **look)
        if 0 in curve.index:
            axes.plot(*curve.loc[0, ["S(a)", "S(p)"]], color=look["color"], marker=look["marker"],
                      markersize=12, mfc="none", linestyle="")  # fmt: skip
    axes.axhline(0, color="black", linewidth=0.8, linestyle="-")
    axes.axvline(0, color="black", linewidth=0.8, linestyle="-")
    axes.set(xlabel="S(a)", ylabel="S(p)")
    axes.legend()
    return figure


def other_concepts(table: pd.DataFrame, letter: str = "S(a)") -> Figure:
    """One correlation by concept set, a marker a pre-training set, on the grey band of chance.

    Args:
        table: as `lt_course.lessons.open_models.other_concepts` returns it.
        letter: ``S(a)`` or ``S(p)``.
    """
    sizes = table.groupby("concepts")["classes"].first().sort_values(ascending=False)
    figure, axes = plt.subplots(figsize=(7.2, 3.9))
    for row, concepts in enumerate(sizes.index):
        of_set = table[table["concepts"] == concepts].set_index("set")
        chance = of_set["chance"].iloc[0]
        axes.fill_betweenx([row - 0.4, row + 0.4], -chance, chance, **CHANCE)
        for shift, (key, look) in zip(
            np.linspace(-0.25, 0.25, len(SETS)), SETS.items(), strict=True
        ):
            named = look if row == 0 else {**look, "label": None}
            axes.plot(of_set.loc[key, letter], row + shift, linestyle="", **named)
    axes.axvline(0, color="black", linewidth=0.8, linestyle="-")
    names = [f"{CONCEPT_SETS[str(name)]} ({size})" for name, size in sizes.items()]
    axes.set(yticks=range(len(sizes)), yticklabels=names, ylim=(len(sizes) - 0.5, -0.5))
    axes.set(xlim=(-0.75, 0.75), xlabel=f"{letter}, read off Fig. 12")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
