"""Figures of class frequencies: rank curves, agreement between sets, counted captions.

`web` is what `lt_course.counting.web_frequencies.load` returns. Where only a file's summary is at
hand, its curve is drawn through the few recorded ranks, and the picture says so.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter1d

from lt_course.counting.web_frequencies import CONCEPT_SETS, PRETRAINING_SETS, RANKS, WebFrequencies
from lt_course.plots.style import LINES, PALETTE, Look, matrix, names
from lt_course.statistics import FloatArray

MARKERS = "os^Dv*"

COLUMNS = names("columns of the summary")
"""Columns of `summary_table`, and their headings."""


def summary_table(web: WebFrequencies, files: Mapping[str, str], columns: Sequence[str]) -> HTML:
    """Statistics of files (name -> title) as a table: fractions with two decimals, all else whole.

    `columns` are keys of `COLUMNS`: of `WebFrequencies.summary`, or `ratio`, maximum over smallest.
    """
    rows = web.summary.loc[list(files)].rename(index=dict(files)).rename_axis(None)
    rows = rows.assign(ratio=rows["maximum"] / rows["smallest"])[list(columns)]
    fractions = [column for column in columns if rows[column].abs().max() <= 1]
    styler = rows.style.format("{:,.0f}").format("{:.2f}", subset=pd.Index(fractions))
    styler = styler.format_index(lambda column: COLUMNS[str(column)], axis=1)
    right = "text-align: right; padding: 0.2em 0.6em"
    aligned = styler.set_table_styles([{"selector": "td, th.col_heading", "props": right}])
    # A fixed name, and HTML instead of an object, keep the page equal from build to build.
    return HTML(aligned.set_uuid("summary").to_html())


def rank_curves(
    web: WebFrequencies,
    files: Mapping[str, str],
    ax: Axes,
    *,
    divide: bool = False,
    more: Mapping[str, npt.NDArray[np.integer]] | None = None,
) -> None:
    """Counts against rank, each file (name -> title) ranked by itself, on logarithmic axes.

    Classes without any caption have no place on a logarithmic axis: a curve ends before them.
    `divide` draws shares (0..1) of a file's total; `more` are counts int [C] from elsewhere, by
    title; six curves at most.
    """
    for number, (name, title) in enumerate(files.items()):
        ranks, counts = _sorted_counts(web, name)
        total = float(web.summary["total"][name])
        _curve(ax, number, ranks, counts / total if divide else counts, title)
    for number, (title, own) in enumerate((more or {}).items(), start=len(files)):
        counts = np.sort(own[own > 0])[::-1] / (own.sum() if divide else 1)
        _curve(ax, number, np.arange(1.0, len(counts) + 1), counts, title)
    ax.set(xscale="log", yscale="log", xlabel="rank of the class")
    ax.set_ylabel("share of all counts" if divide else "captions that name the class")
    ax.legend()
    if not files.keys() <= web.files.keys():
        note = f"summary table: {len(RANKS)} ranks a curve at most"
        ax.set_title(note, loc="right", fontsize=8, color=PALETTE[1])


def shared_ranking(web: WebFrequencies, width: float, by: str = "LAION-400M") -> Figure:
    """ImageNet's classes in the six web sets, all in the order of one of them (Fig. 1a).

    Dots are the counts, one a class; lines their Gaussian average over neighbouring ranks, of
    log(1 + count), so that a line follows the typical class and not the largest.
    `width`, its standard deviation in ranks, may be 0; `by` is the title of the set that gives the
    order.
    """
    figure, ax = plt.subplots(figsize=(7, 4))
    table = web.concept_set("imagenet").sort_values(by, ascending=False, kind="stable")
    ranks = np.arange(1.0, len(table) + 1)
    for number, (title, counts) in enumerate(table.items()):
        if width:
            ax.plot(ranks, counts, ",", color=PALETTE[number], linestyle="none")
        log = np.log10(1 + counts.to_numpy())
        smooth = 10 ** (gaussian_filter1d(log, width) if width else log) - 1
        _curve(ax, number, ranks, np.maximum(smooth, 0.5), str(title), linewidth=1.3)
    averaged = f"averaged over neighbours (σ = {width:g} ranks)" if width else "not averaged"
    ax.set(yscale="log", ylim=(0.7, 1e8), xlim=(0, 1000), title=f"1,000 classes, {averaged}")
    ax.set(xlabel=f"rank of the class in {by}", ylabel="captions that name the class")
    ax.legend(ncols=3, loc="upper right")
    return figure


def agreement(web: WebFrequencies) -> Figure:
    """Spearman correlations between the six web sets, one panel a concept set (Fig. 13)."""
    figure, axes = plt.subplots(2, 4, figsize=(8.4, 4.8), sharex=True, sharey=True)
    keys, sets = list(PRETRAINING_SETS), list(PRETRAINING_SETS.values())
    for ax, (concept_set, title) in zip(axes.flat, CONCEPT_SETS.items(), strict=True):
        rows = web_pairs(web, concept_set)
        half = rows.pivot(index="second", columns="first", values="spearman")
        half = half.reindex(index=keys[1:], columns=keys[:-1])
        numbers: Look = {"annot": True, "fmt": ".2f", "annot_kws": {"fontsize": 7.5}}
        matrix(ax, half, plt.get_cmap("cividis", 6), 0.4, 1, **numbers)
        ax.set(title=f"{title} ({rows['classes'].iloc[0]})", xlabel="", ylabel="")
        ax.set_xticklabels(sets[:-1], rotation=60, ha="right")
        ax.set_yticklabels(sets[1:], rotation=0)
        ax.grid(visible=False)
        ax.tick_params(length=0)
    return figure


def three_correlations(web: WebFrequencies) -> Figure:
    """Spearman, Pearson of logarithms and Pearson of counts, for ImageNet's 15 pairs."""
    rows = web_pairs(web, "imagenet").sort_values("spearman")
    titles = rows[["first", "second"]].replace(PRETRAINING_SETS)
    pairs = (titles["first"] + " – " + titles["second"]).to_list()
    figure, ax = plt.subplots(figsize=(7, 4.2))
    ax.hlines(pairs, rows["pearson"], rows["spearman"], color="#BBBBBB", linewidth=1)
    labels: Look = {"spearman": "Spearman", "pearson_log": "Pearson of log(1 + count)"}
    labels["pearson"] = "Pearson of counts"
    for number, (column, label) in enumerate(labels.items()):
        ax.plot(rows[column], pairs, MARKERS[number], color=PALETTE[number], label=label)
    ax.set(xlim=(0, 1.02), xlabel="correlation")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=3)
    return figure


def web_pairs(web: WebFrequencies, concept_set: str) -> pd.DataFrame:
    """Correlations between the six web sets, the 15 rows of one panel of Fig. 13."""
    rows = web.correlations[web.correlations["concept_set"] == concept_set]
    return rows[rows[["first", "second"]].isin(list(PRETRAINING_SETS)).all(axis=1)]


def _sorted_counts(web: WebFrequencies, name: str) -> tuple[FloatArray, FloatArray]:
    """Ranks and counts, descending, zeros left out: all of them, or the summary's few."""
    if name in web.files:
        counts = np.sort(web.counts(name).to_numpy(dtype=np.float64))[::-1]
        ranks = np.arange(1.0, len(counts) + 1)
    else:
        counts = web.summary.loc[name, [f"rank_{rank}" for rank in RANKS]].to_numpy(np.float64)
        ranks = np.array(RANKS, dtype=np.float64)
    return ranks[counts > 0], counts[counts > 0]


def _curve(
    ax: Axes, number: int, ranks: FloatArray, counts: FloatArray, title: str, linewidth: float = 1.6
) -> None:
    line: Look = {"linestyle": LINES[number % len(LINES)], "linewidth": linewidth, "label": title}
    # Markers at other places on each curve tell the curves apart without colour.
    line |= {"marker": MARKERS[number], "markevery": (0.02 + 0.025 * number, 0.16)}
    ax.plot(ranks, counts, color=PALETTE[number], **line)
