"""Lesson 05: captions shown, their bits drawn, and what became of runs on them (Fig. 3 and 19).

`runs` are metrics indexed by (kind of caption, seed).
"""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lt_course.data.captions import captions
from lt_course.data.icontail import IconTail
from lt_course.evidence import experiment, load_results, paper
from lt_course.evidence.results import PHOTOGRAPHS
from lt_course.plots import drawings, intervals, style
from lt_course.plots.runs import THREE as METRICS
from lt_course.study import RunResult

IN_THE_PAPER = style.names("lesson 05, captions in the paper")
"""Our kinds and the paper's of Fig. 3."""

LOOKS = style.looks("lesson 05, kinds of caption")
"""Look of each group of kinds."""

PARTS = {
    "about the class": (style.BLUE, ""),
    "about the drawing": (style.ORANGE, "//"),
    "chance": ("#BBBBBB", ".."),
}
"""Colour and hatch of the parts of a caption's entropy."""


def group(kind: str) -> str:
    """Which of `LOOKS` a kind of caption belongs to."""
    parts = kind.split("+")
    if "appearance" in parts:
        return "nuisances"
    if "name" in parts:
        return "class name in front"
    if parts[0] in ("template", "synset"):
        return "templates"
    return ("one text", "two texts", "three texts")[len(parts) - 1]


def change(runs: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """What changes from one kind of caption to another (`pairs`), paired over seeds, as text."""
    named = {f"{before} → {after}": (after, before) for before, after in pairs}
    return intervals.differences(runs, named, METRICS)


WAYS = {
    "prompts": "",
    "template": "_by_template",
    "captions": "_by_captions",
    "class means": "_by_class_means",
}
"""How classes are told, and what its metrics end in."""


def three_ways_recorded(factors: Sequence[str]) -> pd.DataFrame:
    """S(p) of photographs' recorded CLIPs by what tells their classes: `WAYS`, means over seeds.

    One row a label of the factors (each data set's) that has class means recorded.
    """
    rows = {}
    for name in factors:
        runs = load_results(name, seeds=PHOTOGRAPHS)
        for label in intervals.labels(runs):
            found = {way: _told(runs, label, ending) for way, ending in WAYS.items()}
            if label != "sl" and found["class means"] != "–":
                rows[f"{experiment(name).dataset}: {label}"] = found
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(WAYS))


def _told(runs: pd.DataFrame, label: str, ending: str) -> str:
    """S(p) of a label's runs where it is recorded, or a dash."""
    metric = f"spearman_predictions{ending}"
    values = intervals.by_seed(runs, label, metric) if metric in runs else pd.Series(dtype=float)
    return intervals.text(values) if values.notna().any() else "–"


def plot_examples(
    icontail: IconTail, pictures: Sequence[int], kinds: Sequence[str], seed: int = 0
) -> Figure:
    """Drawings (indices), and what captions of every kind say of each; silence is a dash."""
    generator = np.random.default_rng(seed)
    height = 0.25 * (len(kinds) + 1.2)
    figure, panels = style.panels(2, 4, height, len(pictures), width_ratios=[1, 5])
    said = {}
    for kind in kinds:
        known = captions(icontail, pictures, kind)
        said[kind] = [known.texts[i] for i in known.draw(np.arange(len(pictures)), generator)]
    for axes in panels:
        axes.set_axis_off()
    for row, picture in enumerate(pictures):
        left, right = panels[2 * row : 2 * row + 2]
        drawings.show(left, icontail.pictures[picture])
        for line, kind in enumerate(kinds):
            place = 1 - (line + 0.5) / len(kinds)
            text = textwrap.shorten(said[kind][row] or "–", 78, placeholder=" …")
            right.text(0, place, kind, va="center", fontsize=9, fontweight="bold")
            right.text(0.24, place, text, va="center", fontsize=9)
    return figure


def shared_words(a: str, b: str) -> float:
    """Words that two captions share, over the words of both: 0 … 1, and 1 for two silent ones."""
    first, second = (set(text.replace(",", " ").split()) for text in (a, b))
    return len(first & second) / len(first | second) if first | second else 1.0


def plot_batches(
    icontail: IconTail, pictures: npt.ArrayLike, kinds: Sequence[str], seed: int = 0
) -> Figure:
    """How alike the captions of a batch are: a row and a column a picture, sorted by concept.

    One panel a kind; `pictures` are indices, int [B].
    """
    rows = np.asarray(pictures)
    rows = rows[np.argsort(icontail.concept[rows], kind="stable")]
    ends = [0, *np.flatnonzero(np.diff(icontail.concept[rows])) + 1, len(rows)]
    figure, panels = style.panels(len(kinds), 2.7, 3.0)
    for axes, kind in zip(panels, kinds, strict=True):
        said = captions(icontail, rows, kind)
        drawn = said.draw(np.arange(len(rows)), np.random.default_rng(seed))
        texts = [said.texts[number] for number in drawn]
        alike = np.array([[shared_words(a, b) for b in texts] for a in texts])
        style.matrix(axes, alike, "Greys", 0, 1)
        for start, end in pairwise(ends):
            side = end - start
            square = plt.Rectangle((start, start), side, side, fill=False, color=style.VERMILLION)
            axes.add_patch(square)
        axes.set(xticks=[], yticks=[], xlabel="caption")
        axes.set_title(f"{kind}:\n{len(set(texts))} distinct of {len(texts)}")
    panels[0].set_ylabel("caption")
    return figure


def plot_information(table: pd.DataFrame) -> Figure:
    """Bits of a caption by what they are about: a bar a row of `table`, with columns `PARTS`."""
    figure, axes = plt.subplots(figsize=(7, 0.36 * len(table) + 1))
    left = np.zeros(len(table))
    for part, (color, hatch) in PARTS.items():
        bars: style.Look = {"label": part, "color": color, "hatch": hatch, "edgecolor": "white"}
        axes.barh(range(len(table)), table[part], left=left, **bars)
        left += table[part].to_numpy()
    style.name_rows(axes, [str(kind) for kind in table.index])
    axes.set(xlabel="bits a caption", xlim=(0, 1.02 * left.max()))
    figure.legend(loc="outside upper center", ncols=len(PARTS))
    return figure


def plot_losses(records: Mapping[str, RunResult], floors: Mapping[str, float]) -> Figure:
    """The training loss of each kind epoch by epoch, and the accuracy it ended in.

    The least loss of each kind, in nats, is drawn dashed.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.2), width_ratios=[1.5, 1])
    for place, (kind, record) in enumerate(records.items()):
        look, accuracy = style.unnamed(LOOKS[group(kind)]), record.metrics["accuracy"]
        epochs = np.arange(1, len(record.history) + 1)
        left.plot(epochs, record.history["loss"], linestyle="-", label=kind, **look)
        left.axhline(floors[kind], color=look["color"], linestyle="--", linewidth=1)
        right.barh(place, accuracy, color=look["color"], height=0.6)
        right.plot(accuracy, place, markersize=8, **look)
    left.set(xlabel="epoch", ylabel="training loss (nats)", ylim=(0, None))
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend()
    style.name_rows(right, records)
    right.set(xlabel="zero-shot accuracy")
    return figure


def plot_by_kind(runs: pd.DataFrame, kinds: Sequence[str]) -> Figure:
    """Accuracy, S(a) and S(p) of each kind: seeds, their mean with interval, the paper's value."""
    figure, panels = style.panels(3, 2.8, 0.34 * len(kinds) + 1.2, sharey=True)
    for axes, (metric, heading) in zip(panels, METRICS.items(), strict=True):
        for place, kind in enumerate(kinds):
            values, look = intervals.by_seed(runs, kind, metric), style.unnamed(LOOKS[group(kind)])
            intervals.draw_seeds(axes, values, place, markersize=7, **look)
            if kind in IN_THE_PAPER:
                theirs = paper.value("fig3", "incaps", IN_THE_PAPER[kind], metric)
                hollow = style.HOLLOW | {"marker": "s" if "gloss" in kind else "o"}
                axes.plot(theirs, place, color="black", markersize=7, **hollow)
        style.name_rows(axes, kinds)
        axes.set_title(heading)
    return figure
