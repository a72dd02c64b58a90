"""Figures and tables of captions: what they say, how many bits they carry, what they lead to."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lt_course.data.captions import captions
from lt_course.data.icontail import IconTail
from lt_course.errors import CourseError
from lt_course.evaluation.intervals import mean_over_seeds, paired_difference
from lt_course.evidence import paper
from lt_course.lessons.caption_statistics import Information
from lt_course.plots import style
from lt_course.statistics import spearman
from lt_course.study import Record

METRICS = {
    "accuracy": "accuracy",
    "spearman_accuracy": "S(a)",
    "spearman_predictions": "S(p)",
}
"""What the chapter compares kinds of captions by, and the headings."""

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
    "templates": (style.COLOURS["clip-template"], "^"),
    "one text": (style.COLOURS["clip-title"], "D"),
    "two texts": (style.COLOURS["clip-full"], "v"),
    "three texts": (style.PALETTE[4], "s"),
    "class name in front": (style.PALETTE[3], "P"),
    "nuisances": (style.PALETTE[6], "X"),
}
"""Colour and marker of each group of kinds."""

PARTS = {
    "about_class": ("about the class", style.PALETTE[0], ""),
    "about_drawing": ("about the drawing", style.PALETTE[4], "//"),
    "chance": ("chance", "#BBBBBB", ".."),
}
"""Label, colour and hatch of the parts of `Information`."""


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


def examples(
    icontail: IconTail, pictures: Sequence[int], kinds: Sequence[str], seed: int = 0
) -> Figure:
    """Drawings, and beside each what captions of every kind say of it; silence is a dash.

    Args:
        icontail: the data set.
        pictures: indices into its pictures.
        kinds: of captions.
        seed: of captions that are drawn by lot.
    """
    generator = np.random.default_rng(seed)
    figure, rows = plt.subplots(
        len(pictures),
        2,
        figsize=(8, 0.25 * (len(kinds) + 1.2) * len(pictures)),
        width_ratios=[1, 5],
        squeeze=False,
    )
    said = {}
    for kind in kinds:
        known = captions(icontail, pictures, kind)
        said[kind] = [known.texts[i] for i in known.draw(np.arange(len(pictures)), generator)]
    for row, ((left, right), picture) in enumerate(zip(rows, pictures, strict=True)):
        left.imshow(icontail.pictures[picture], cmap="gray", vmin=0, vmax=255)
        for line, kind in enumerate(kinds):
            place = 1 - (line + 0.5) / len(kinds)
            text = textwrap.shorten(said[kind][row] or "–", 78, placeholder=" …")
            right.text(0, place, kind, va="center", fontsize=9, fontweight="bold")
            right.text(0.2, place, text, va="center", fontsize=9)
        left.set_axis_off()
        right.set_axis_off()
    return figure


def shared_words(a: str, b: str) -> float:
    """Words that two captions share, over the words of both: 0 … 1, and 1 for two silent ones."""
    first, second = (set(text.replace(",", " ").split()) for text in (a, b))
    return len(first & second) / len(first | second) if first | second else 1.0


def batch(icontail: IconTail, pictures: npt.ArrayLike, kind: str, seed: int = 0) -> Figure:
    """How alike the captions of a batch are: one row and one column a picture, sorted by concept.

    Args:
        icontail: the data set.
        pictures: int [B], indices into its pictures.
        kind: of captions; what is drawn by lot is drawn with `seed`.
        seed: of the captions.
    """
    chosen = np.asarray(pictures)
    chosen = chosen[np.argsort(icontail.concept[chosen], kind="stable")]
    said = captions(icontail, chosen, kind)
    drawn = said.draw(np.arange(len(chosen)), np.random.default_rng(seed))
    texts = [said.texts[number] for number in drawn]
    alike = np.array([[shared_words(a, b) for b in texts] for a in texts])
    figure, axes = plt.subplots(figsize=(4.4, 3.7))
    shown = axes.imshow(alike, cmap="Greys", vmin=0, vmax=1)
    ends = np.flatnonzero(np.diff(icontail.concept[chosen])) + 0.5
    starts = np.concatenate([[-0.5], ends])
    for start, end in zip(starts, [*ends, len(chosen) - 0.5], strict=True):
        square = plt.Rectangle(
            (start, start), end - start, end - start, fill=False, color=style.PALETTE[1]
        )
        axes.add_patch(square)
    axes.set(xticks=[], yticks=[], xlabel="caption", ylabel="caption")
    axes.set_title(f"{kind}: {len(set(texts))} distinct captions of {len(texts)}")
    axes.grid(visible=False)
    figure.colorbar(shown, label="share of common words")
    return figure


def information(table: Mapping[str, Information]) -> Figure:
    """Bits of a caption by what they are about, one bar a kind."""
    figure, axes = plt.subplots(figsize=(7, 0.36 * len(table) + 1))
    left = np.zeros(len(table))
    for part, (label, colour, hatch) in PARTS.items():
        bits = np.array([getattr(found, part) for found in table.values()])
        axes.barh(
            list(table), bits, left=left, label=label, color=colour, hatch=hatch, edgecolor="white"
        )
        left += bits
    axes.invert_yaxis()
    axes.set(xlabel="bits a caption")
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside upper center", ncols=len(PARTS))
    return figure


def loss_and_accuracy(records: Mapping[str, Record], floors: Mapping[str, float]) -> Figure:
    """The training loss of each kind epoch by epoch, and the accuracy it ended in.

    Args:
        records: a run for each kind of caption.
        floors: the least loss of each kind, in nats; drawn dashed.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.2), width_ratios=[1.5, 1])
    for place, (kind, record) in enumerate(records.items()):
        colour, marker = LOOKS[group(kind)]
        epochs = np.arange(1, len(record.history) + 1)
        loss = record.history["loss"]
        left.plot(epochs, loss, color=colour, marker=marker, linestyle="-", label=kind)
        left.axhline(floors[kind], color=colour, linestyle="--", linewidth=1)
        right.barh(place, record.metrics["accuracy"], color=colour, height=0.6)
        right.plot(record.metrics["accuracy"], place, color=colour, marker=marker, markersize=8)
    left.set(xlabel="epoch", ylabel="training loss (nats)", ylim=(0, None))
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend()
    right.set_yticks(range(len(records)), list(records))
    right.invert_yaxis()
    right.set(xlabel="zero-shot accuracy")
    right.grid(visible=False, axis="y")
    return figure


def by_kind(metrics: pd.DataFrame, kinds: Sequence[str], source: str = "fig3") -> Figure:
    """Accuracy, S(a) and S(p) of each kind: all seeds, their mean, its interval, the paper's value.

    Args:
        metrics: indexed by (label, seed), as `lt_course.evidence.recorded` returns it; kinds
            without a run show the paper's value alone.
        kinds: the rows, from the top.
        source: of the paper's values, ``fig3`` (text tower from scratch) or ``fig19`` (frozen).
    """
    figure, panels = plt.subplots(1, 3, figsize=(8.4, 0.34 * len(kinds) + 1.2), sharey=True)
    for axes, (metric, heading) in zip(panels, METRICS.items(), strict=True):
        for place, kind in enumerate(kinds):
            _row(axes, place, kind, _values(metrics, kind, metric))
            if kind in IN_THE_PAPER:
                theirs = paper.value(source, "incaps", IN_THE_PAPER[kind], metric)
                axes.plot(
                    theirs, place, color="black", markerfacecolor="none", markersize=7,
                    marker="s" if "gloss" in kind else "o",
                )  # fmt: skip
        axes.set(title=heading, ylim=(len(kinds) - 0.5, -0.5))
    panels[0].set_yticks(range(len(kinds)), list(kinds))
    return figure


def _row(axes: Axes, place: int, kind: str, values: pd.Series) -> None:
    colour, marker = LOOKS[group(kind)]
    axes.plot(values, [place] * len(values), color=colour, marker="|", linestyle="", alpha=0.6)
    if len(values) > 1:
        mean = mean_over_seeds(values)
        axes.plot([mean.low, mean.high], [place] * 2, color=colour, linestyle="-", linewidth=2)
    if len(values):
        axes.plot(values.mean(), place, color=colour, marker=marker, markersize=7)


def by_number_of_texts(metrics: pd.DataFrame) -> pd.DataFrame:
    """Means over the kinds that say one, two and three of title, tags and gloss (targets 5 and 6).

    Args:
        metrics: indexed by (label, seed), as `lt_course.evidence.recorded` returns it.

    Returns:
        One row a number of texts, for display: ours (mean over seeds with t interval; ``–`` below
        two seeds that have all kinds) and the paper's mean, of each of `METRICS`.
    """
    rows = {}
    for number, name in enumerate(("one text", "two texts", "three texts"), start=1):
        kinds = [kind for kind in IN_THE_PAPER if group(kind) == name]
        row = {}
        for metric, heading in METRICS.items():
            seeds = pd.concat([_values(metrics, kind, metric) for kind in kinds], axis=1)
            mean = seeds.dropna().mean(axis=1)
            row[heading] = str(mean_over_seeds(mean)) if len(mean) > 1 else "–"
            theirs = [paper.value("fig3", "incaps", IN_THE_PAPER[k], metric) for k in kinds]
            row[f"{heading}, paper"] = f"{np.mean(theirs):.2f}"
        rows[number] = row
    return pd.DataFrame(rows).T.rename_axis("texts")


def beside_the_paper(record: Record, kind: str, figure: str) -> dict[str, float]:
    """`METRICS` of a run, each followed by the paper's value for that kind of caption.

    Args:
        record: of the run.
        kind: of its captions, one of `IN_THE_PAPER`.
        figure: ``fig3`` (text tower from scratch) or ``fig19`` (frozen).
    """
    row = {}
    for metric, heading in METRICS.items():
        row[heading] = record.metrics[metric]
        row[f"{heading}, paper"] = paper.value(figure, "incaps", IN_THE_PAPER[kind], metric)
    return row


def change(metrics: pd.DataFrame, pairs: Mapping[str, str]) -> pd.DataFrame:
    """What changes from one kind of caption to another, paired over seeds.

    Args:
        metrics: indexed by (label, seed), as `lt_course.evidence.recorded` returns it.
        pairs: from which kind to which.

    Returns:
        For display: one row a pair, one column each of `METRICS`; ``–`` below two shared seeds.
    """
    rows = {}
    for before, after in pairs.items():
        row = {}
        for metric, heading in METRICS.items():
            kinds = [_values(metrics, kind, metric) for kind in (after, before)]
            both = pd.concat(kinds, axis=1).dropna().to_numpy()
            row[heading] = str(paired_difference(*both.T)) if len(both) > 1 else "–"
        rows[f"{before} → {after}"] = row
    return pd.DataFrame(rows).T


def against_bits(
    metrics: pd.DataFrame, bits: Mapping[str, Information], metric: str = "spearman_predictions"
) -> Figure:
    """A metric of each kind against its bits within a class: all of them, and those about drawings.

    Args:
        metrics: indexed by (label, seed), as `lt_course.evidence.recorded` returns it.
        bits: of each kind.
        metric: one of `METRICS`.
    """
    means = kind_means(metrics, metric)
    x = bits_of(bits, list(means))
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.4), sharey=True)
    for axes, (column, heading) in zip(panels, BITS.items(), strict=True):
        for kind, value, place in zip(means, means.values(), x[column], strict=True):
            colour, marker = LOOKS[group(kind)]
            axes.plot(place, value, color=colour, marker=marker, linestyle="")
            axes.annotate(
                str(kind), (x.loc[kind, column], value), fontsize=7,
                xytext=(4, 3), textcoords="offset points",
            )  # fmt: skip
        if len(means) > 2:
            axes.set_title(
                f"Spearman's correlation {spearman(x[column], list(means.values())):.2f}"
            )
        axes.set(xlabel=heading)
        axes.margins(x=0.15)
    panels[0].set_ylabel(METRICS[metric])
    return figure


BITS = {"given_class": "bits within a class", "about_drawing": "of these, about the drawing"}
"""The two measures of captions that bias is held against, and their headings."""


def correlations(metrics: pd.DataFrame, bits: Mapping[str, Information]) -> pd.DataFrame:
    """Spearman's correlation, over kinds of captions, of each of `BITS` with each of `METRICS`.

    Args:
        metrics: indexed by (label, seed), as `lt_course.evidence.recorded` returns it.
        bits: of each kind that is to count.

    Returns:
        For display: one row a measure of `BITS`; mean over the seeds for which all of these kinds
        are recorded with its t interval, or ``–`` below two such seeds. The interval knows of
        seeds alone: the kinds are no sample of anything.
    """
    kinds = list(bits)
    x = bits_of(bits, kinds)
    table = pd.DataFrame("–", index=list(BITS.values()), columns=list(METRICS.values()))
    for metric, heading in METRICS.items():
        seeds = pd.concat([_values(metrics, kind, metric) for kind in kinds], axis=1).dropna()
        for column, row in BITS.items():
            found = [spearman(x[column], values) for values in seeds.to_numpy()]
            if len(found) > 1:
                table.loc[row, heading] = str(mean_over_seeds(found))
    return table


def bits_of(bits: Mapping[str, Information], kinds: Sequence[str]) -> pd.DataFrame:
    """`BITS` of each kind: one row a kind."""
    rows = [[getattr(bits[kind], column) for column in BITS] for kind in kinds]
    return pd.DataFrame(rows, index=list(kinds), columns=list(BITS), dtype=float)


def kind_means(metrics: pd.DataFrame, metric: str) -> dict[str, float]:
    """Mean over seeds of a metric for each kind that is recorded.

    Raises:
        CourseError: if the metric is unknown.
    """
    if metric not in METRICS:
        raise CourseError(f"There is no metric {metric!r} here; use one of {', '.join(METRICS)}.")
    kinds = metrics.index.unique("label")
    return {str(kind): float(_values(metrics, kind, metric).mean()) for kind in kinds}


def _values(metrics: pd.DataFrame, kind: str, metric: str) -> pd.Series:
    """A metric of one kind by seed; empty if none is recorded."""
    if kind not in metrics.index.get_level_values("label"):
        return pd.Series(dtype=float)
    return metrics[metric].xs(kind, level="label")
