"""Lesson 05: what captions carry, measured before any training, and what becomes of it.

A caption can say what a drawing shows (its class), what sets the drawing apart from others of its
class, or nothing at all, where chance chose its words. For a caption T, a drawing X and its class
Y, all drawn from the training set,

    H(T) = I(T; Y) + I(T; X | Y) + H(T | X),

which `information` computes in bits. For the training set itself the three numbers are exact: its
rows are all there are. As estimates of what authors *would* write for further drawings they are
biased: a class of one drawing always has I(T; X | Y) = 0. The first-order correction for that is
Miller's (1955), (K - 1) / 2N nats for K values seen in a sample of N, summed over classes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy import stats

from lt_course.data.captions import Captions, captions
from lt_course.data.icontail import IconTail
from lt_course.errors import CourseError
from lt_course.evidence import paper
from lt_course.plots import drawings, intervals, style
from lt_course.plots.runs import THREE as METRICS
from lt_course.statistics import spearman
from lt_course.study import RunResult

IN_THE_PAPER = {
    "template": "clip-template",
    "synset": "clip-synset",
    "title": "clip-title",
    "tags": "clip-tags",
    "gloss": "clip-description",
    "title+tags": "clip-title-tags",
    "title+gloss": "clip-title-description",
    "tags+gloss": "clip-tags-description",
    "title+tags+gloss": "clip-full",
}
"""Our kinds and the paper's of Fig. 3. IconTail's authors wrote no descriptions; the gloss stands
in their place, although it says the same of all drawings of a concept."""

LOOKS: dict[str, tuple[str, str]] = {
    "templates": (style.SKY, "^"),
    "one text": (style.BLUE, "D"),
    "two texts": (style.GREEN, "v"),
    "three texts": (style.ORANGE, "s"),
    "class name in front": (style.PURPLE, "P"),
    "nuisances": (style.BLACK, "X"),
}
"""Colour and marker of each group of kinds."""

PARTS = {
    "about_class": ("about the class", style.BLUE, ""),
    "about_drawing": ("about the drawing", style.ORANGE, "//"),
    "chance": ("chance", "#BBBBBB", ".."),
}
"""Label, colour and hatch of the parts of `Information`."""

BITS = {"given_class": "bits within a class", "about_drawing": "of these, about the drawing"}
"""The two measures of captions that bias is held against, and their headings."""


@dataclass(frozen=True)
class Information:
    """Bits in a caption, by what they are about; all >= 0.

    Attributes:
        about_class: I(T; Y), what the caption tells of the class.
        about_drawing: I(T; X | Y), what it tells of the drawing beyond its class.
        chance: H(T | X), what was drawn by lot, as which of 80 templates is.
        correction: what Miller's first-order correction would add to `about_drawing`, were the
            drawings a sample of many more.
    """

    about_class: float
    about_drawing: float
    chance: float
    correction: float

    @property
    def given_class(self) -> float:
        """H(T | Y), the entropy of captions within a class."""
        return self.about_drawing + self.chance

    @property
    def total(self) -> float:
        """H(T)."""
        return self.about_class + self.given_class


def information(said: Captions, labels: npt.ArrayLike) -> Information:
    """How many bits of the captions of N pictures are about the class, the drawing, and chance.

    Raises:
        CourseError: if there is not one label a picture.
    """
    classes = np.asarray(labels)
    if classes.shape != said.count.shape:
        raise CourseError(
            f"labels has shape {classes.shape}, but there are captions of {len(said.count)} "
            "pictures; give one label a picture."
        )
    row, text, weight = _shares(said)
    H_text = _entropy(_sums(weight, text))
    H_class = _entropy(_sums(1 / len(classes), classes))
    H_both = _entropy(_sums(weight, classes[row], text))
    # Every picture weighs the same, so H(T | X) = H(T, X) - H(X).
    chance = _entropy(_sums(weight, row, text)) - np.log2(len(classes))
    given_class = H_both - H_class
    pairs = len(set(zip(classes.tolist(), said.first.tolist(), strict=True)))
    return Information(
        about_class=max(0.0, H_text - given_class),
        about_drawing=max(0.0, given_class - chance),
        chance=max(0.0, chance),
        correction=(pairs - len(np.unique(classes))) / (2 * len(classes) * np.log(2)),
    )


def expected_distinct(said: Captions, size: int) -> float:
    """Expected number of distinct captions among `size` drawn at random, 1 … `size`.

    Drawings are drawn independently, and a caption for each. Batches never hold a drawing twice,
    so theirs is a little higher where captions seldom repeat.
    """
    _, text, weight = _shares(said)
    share = _sums(weight, text)
    return float(-np.expm1(size * np.log1p(-np.minimum(share, 1 - 1e-12))).sum())


def least_loss(said: Captions, size: int) -> float:
    """A floor under the contrastive loss in nats, averaged over random batches of `size` pictures.

    Pictures of a batch that choose from the same list of captions cannot be told apart by what is
    written about them, however well they are known. With n of them the best is to give each the
    same share, a loss of log n. (Lists that overlap in part can only raise the floor.)

    Raises:
        CourseError: if `size` is not in 1 … N, the number of pictures.
    """
    N = len(said.count)
    if not 1 <= size <= N:
        raise CourseError(f"size={size} must lie in 1 … {N}, the number of pictures.")
    alike = np.bincount(np.unique(said.first, return_inverse=True)[1])
    # For one picture of each group: how many of the size - 1 others are of that group?
    others = np.arange(size)[:, None]
    chances = stats.hypergeom.pmf(others, N - 1, alike - 1, size - 1)
    return float((np.log1p(others) * chances).sum(0) @ alike / N)


def _shares(said: Captions) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Row, caption and probability of all ways to draw a picture and one of its captions."""
    row = np.repeat(np.arange(len(said.count)), said.count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(said.count) - said.count, said.count)
    text = said.choices[said.first[row] + within]
    return row, text, 1 / (len(said.count) * said.count[row])


def _sums(weight: NDArray[np.float64] | float, *keys: NDArray[np.integer]) -> NDArray[np.float64]:
    """Total weight of each combination of keys that occurs."""
    code = np.ravel_multi_index(keys, [int(key.max()) + 1 for key in keys])
    _, group = np.unique(code, return_inverse=True)
    return np.bincount(group, np.broadcast_to(weight, group.shape)).astype(np.float64)


def _entropy(share: NDArray[np.float64]) -> float:
    return float(stats.entropy(share, base=2))


# Recorded runs: `runs` are metrics indexed by (kind of caption, seed) ---------------------------


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


def by_number_of_texts(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over the kinds that say one, two and three of title, tags and gloss (targets 5 and 6).

    A row a number of texts: ours, over the seeds that have all kinds, and the paper's mean.
    """
    rows = {}
    for number, name in enumerate(("one text", "two texts", "three texts"), start=1):
        kinds = [kind for kind in IN_THE_PAPER if group(kind) == name]
        row = {}
        for metric, heading in METRICS.items():
            row[heading] = intervals.text(_complete(runs, kinds, metric).mean(axis=1))
            theirs = [paper.value("fig3", "incaps", IN_THE_PAPER[k], metric) for k in kinds]
            row[f"{heading}, paper"] = f"{np.mean(theirs):.2f}"
        rows[number] = row
    return pd.DataFrame(rows).T.rename_axis("texts")


def beside_the_paper(record: RunResult, kind: str, figure: str) -> dict[str, float]:
    """`METRICS` of a run, each followed by the paper's value for that kind of caption.

    `figure` is ``fig3`` (text tower from scratch) or ``fig19`` (frozen).
    """
    row = {}
    for metric, heading in METRICS.items():
        row[heading] = record.metrics[metric]
        row[f"{heading}, paper"] = paper.value(figure, "incaps", IN_THE_PAPER[kind], metric)
    return row


def change(runs: pd.DataFrame, pairs: Mapping[str, str]) -> pd.DataFrame:
    """What changes from one kind of caption to another (`pairs`), paired over seeds, as text."""
    named = {f"{before} → {after}": (after, before) for before, after in pairs.items()}
    return intervals.differences(runs, named, METRICS)


def correlations(runs: pd.DataFrame, bits: Mapping[str, Information]) -> pd.DataFrame:
    """Spearman's correlation, over kinds of captions, of each of `BITS` with each of `METRICS`.

    Mean over the seeds for which all kinds of `bits` are recorded, with its t interval. The
    interval knows of seeds alone: the kinds are no sample of anything.
    """
    table = pd.DataFrame(index=list(BITS.values()), columns=list(METRICS.values()), dtype=object)
    for metric, heading in METRICS.items():
        seeds = _complete(runs, list(bits), metric).to_numpy()
        for measure, name in BITS.items():
            x = [getattr(each, measure) for each in bits.values()]
            table.loc[name, heading] = intervals.text([spearman(x, seed) for seed in seeds])
    return table


def _complete(runs: pd.DataFrame, kinds: Sequence[str], metric: str) -> pd.DataFrame:
    """A metric of some kinds [seeds, kinds], of the seeds that have all of them."""
    return pd.concat([intervals.by_seed(runs, kind, metric) for kind in kinds], axis=1).dropna()


# Figures ----------------------------------------------------------------------------------------


def plot_examples(
    icontail: IconTail, pictures: Sequence[int], kinds: Sequence[str], seed: int = 0
) -> Figure:
    """Drawings, and beside each what captions of every kind say of it; silence is a dash.

    `pictures` are indices; captions that are drawn by lot are drawn with `seed`.
    """
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
            right.text(0.2, place, text, va="center", fontsize=9)
    return figure


def shared_words(a: str, b: str) -> float:
    """Words that two captions share, over the words of both: 0 … 1, and 1 for two silent ones."""
    first, second = (set(text.replace(",", " ").split()) for text in (a, b))
    return len(first & second) / len(first | second) if first | second else 1.0


def plot_batch(icontail: IconTail, pictures: npt.ArrayLike, kind: str, seed: int = 0) -> Figure:
    """How alike the captions of a batch are: one row and one column a picture, sorted by concept.

    `pictures` are indices, int [B]; captions that are drawn by lot are drawn with `seed`.
    """
    rows = np.asarray(pictures)
    rows = rows[np.argsort(icontail.concept[rows], kind="stable")]
    said = captions(icontail, rows, kind)
    drawn = said.draw(np.arange(len(rows)), np.random.default_rng(seed))
    texts = [said.texts[number] for number in drawn]
    alike = np.array([[shared_words(a, b) for b in texts] for a in texts])
    figure, axes = plt.subplots(figsize=(4.4, 3.7))
    bar = {"label": "share of common words"}
    style.matrix(axes, alike, "Greys", 0, 1, cbar=True, cbar_kws=bar)
    ends = [0, *np.flatnonzero(np.diff(icontail.concept[rows])) + 1, len(rows)]
    for start, end in pairwise(ends):
        side, color = end - start, style.VERMILLION
        axes.add_patch(plt.Rectangle((start, start), side, side, fill=False, color=color))
    axes.set(xticks=[], yticks=[], xlabel="caption", ylabel="caption")
    axes.set_title(f"{kind}: {len(set(texts))} distinct captions of {len(texts)}")
    return figure


def plot_information(table: Mapping[str, Information]) -> Figure:
    """Bits of a caption by what they are about, one bar a kind."""
    figure, axes = plt.subplots(figsize=(7, 0.36 * len(table) + 1))
    left = np.zeros(len(table))
    for part, (label, color, hatch) in PARTS.items():
        bits = np.array([getattr(each, part) for each in table.values()])
        bars: style.Look = {"label": label, "color": color, "hatch": hatch, "edgecolor": "white"}
        axes.barh(range(len(table)), bits, left=left, **bars)
        left += bits
    style.name_rows(axes, table)
    axes.set(xlabel="bits a caption")
    figure.legend(loc="outside upper center", ncols=len(PARTS))
    return figure


def plot_losses(records: Mapping[str, RunResult], floors: Mapping[str, float]) -> Figure:
    """The training loss of each kind epoch by epoch, and the accuracy it ended in.

    The least loss of each kind, in nats, is drawn dashed.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.2), width_ratios=[1.5, 1])
    for place, (kind, record) in enumerate(records.items()):
        color, marker = LOOKS[group(kind)]
        epochs = np.arange(1, len(record.history) + 1)
        loss, accuracy = record.history["loss"], record.metrics["accuracy"]
        left.plot(epochs, loss, color=color, marker=marker, linestyle="-", label=kind)
        left.axhline(floors[kind], color=color, linestyle="--", linewidth=1)
        right.barh(place, accuracy, color=color, height=0.6)
        right.plot(accuracy, place, color=color, marker=marker, markersize=8)
    left.set(xlabel="epoch", ylabel="training loss (nats)", ylim=(0, None))
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend()
    style.name_rows(right, records)
    right.set(xlabel="zero-shot accuracy")
    return figure


def plot_by_kind(runs: pd.DataFrame, kinds: Sequence[str], source: str = "fig3") -> Figure:
    """Accuracy, S(a) and S(p) of each kind: all seeds, their mean, its interval, the paper's value.

    `source` of the paper's values is ``fig3`` (text tower from scratch) or ``fig19`` (frozen).
    """
    figure, panels = style.panels(3, 2.8, 0.34 * len(kinds) + 1.2, sharey=True)
    for axes, (metric, heading) in zip(panels, METRICS.items(), strict=True):
        for place, kind in enumerate(kinds):
            color, marker = LOOKS[group(kind)]
            values = intervals.by_seed(runs, kind, metric)
            intervals.draw_seeds(axes, values, place, color=color, marker=marker, markersize=7)
            if kind in IN_THE_PAPER:
                theirs = paper.value(source, "incaps", IN_THE_PAPER[kind], metric)
                hollow = style.HOLLOW | {"marker": "s" if "gloss" in kind else "o"}
                axes.plot(theirs, place, color="black", markersize=7, **hollow)
        style.name_rows(axes, kinds)
        axes.set_title(heading)
    return figure


def plot_against_bits(runs: pd.DataFrame, bits: Mapping[str, Information]) -> Figure:
    """Mean S(p) of each kind against its bits within a class: all, and those about drawings."""
    kinds = intervals.labels(runs)
    bias = [intervals.by_seed(runs, kind, "spearman_predictions").mean() for kind in kinds]
    figure, panels = style.panels(2, 3.8, 3.4, sharey=True)
    for axes, (measure, heading) in zip(panels, BITS.items(), strict=True):
        x = [getattr(bits[kind], measure) for kind in kinds]
        for kind, place, value in zip(kinds, x, bias, strict=True):
            color, marker = LOOKS[group(kind)]
            axes.plot(place, value, color=color, marker=marker, linestyle="")
            style.annotate(axes, kind, (place, value))
        if len(kinds) > 2:
            axes.set_title(f"Spearman's correlation {spearman(x, bias):.2f}")
        axes.set(xlabel=heading)
        axes.margins(x=0.15)
    panels[0].set_ylabel("S(p)")
    return figure
