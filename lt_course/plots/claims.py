"""Claims beside their evidence: a table to read, and effects with their intervals."""

import html
from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from lt_course.evaluation.intervals import Interval
from lt_course.evidence.claims import (
    Judgement,
    Verdict,
    headline_seeds,
    seeds_to_decide,
    supported_after_holm,
)
from lt_course.evidence.experiments import FOLDER, Claim, experiment
from lt_course.plots import style

KINDS: dict[str, str] = style.names("kinds of effects")
"""What an effect is measured in, by the metric's first letters; the figure has a panel for each."""

LOOKS: dict[Judgement, tuple[str, str, str]] = {
    "supported": (style.GREEN, "o", "●"),
    "undecided": (style.ORANGE, "s", "■"),
    "absent": (style.BLUE, "v", "▼"),
    "reversed": (style.VERMILLION, "X", "✖"),
    "present": (style.PURPLE, "P", "✚"),
}
"""Colour and marker of each verdict, and the marker as text."""

LEFT: Any = {"selector": "th, td", "props": "text-align: left; vertical-align: top"}
GREY: dict[str, Any] = {"color": "#888888", "linestyle": "-"}
PAPER: dict[str, Any] = style.HOLLOW | {"color": "black", "zorder": 3}


def table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a claim, all of them, as it is read on a page, indexed by the claim's id.

    Columns: target (number of the reproduction target), claim (its sentence), in the paper (effect
    and figure), ours (effect with its 95 % interval), seeds (how many), verdict.
    """
    return pd.DataFrame([_row(verdict) for verdict in verdicts]).set_index("id")


def _row(v: Verdict) -> dict[str, Any]:
    # A third digit where two would hide the smallest effect that would matter.
    digits, paper = (3 if v.claim.smallest < 0.05 else 2), v.claim.paper
    return {
        "id": v.claim.id,
        "target": "" if v.claim.target is None else str(v.claim.target),
        "claim": v.claim.sentence,
        "in the paper": f"{paper[0]:.{digits}f} ({v.claim.figure}: {paper[1]})" if paper else "",
        "ours": f"{v.effect:.{digits}f}" if v.effect else "",
        "seeds": len(v.by_seed),
        "verdict": verdict_of(v),
    }


def so_far(verdict: Verdict) -> str:
    """How many seeds of a block are recorded, while some are not."""
    seeds, asked = len(verdict.by_seed), len(headline_seeds(experiment(verdict.factor)))
    return f"so far {seeds} of {asked} seeds" if seeds < asked else ""


def verdict_of(verdict: Verdict) -> str:
    """A verdict in words: whether an absent effect is null, how far an undecided one is."""
    if verdict.null:
        return "absent, null"
    seeds = seeds_to_decide(verdict)
    far = "" if seeds is None else f" (about {seeds} seeds would decide)"
    return verdict.verdict + far


def page(verdicts: Sequence[Verdict]) -> str:
    """The table of all claims as HTML, each with a link from the page to its lesson."""
    rows = table(verdicts)
    rows.insert(0, "lesson", [_link(experiment(v.factor).lesson) for v in verdicts])
    rows["claim"] = [_with_small_print(v.claim) for v in verdicts]
    rows["paper"] = rows.pop("in the paper").str.partition(" (")[0]
    rows["ours"], rows["verdict"] = two_lines(rows["ours"]), _marked(rows["verdict"])
    shown = rows[["lesson", "target", "claim", "paper", "ours", "seeds", "verdict"]]
    return _html(shown, "claims", {"selector": ".col2", "props": "min-width: 19em"})


def _html(shown: pd.DataFrame, name: str, *styles: Any) -> str:
    return str(shown.style.hide().set_table_styles([LEFT, *styles]).set_uuid(name).to_html())


def two_lines(ours: pd.Series) -> pd.Series:
    """Effects with intervals as HTML, the interval below its effect."""
    two = ours.str.replace("-", "−").str.replace(" [", "<br>[", regex=False)
    return two.str.replace(", ", ",&nbsp;")


def _marked(verdicts: pd.Series) -> list[str]:
    kinds = verdicts.str.partition(" ")[0].str.strip(",")
    pairs = zip(kinds, verdicts, strict=True)
    return [f"{marker(kind)}&nbsp;{v}" if kind in LOOKS else v for kind, v in pairs]


def marker(verdict: str) -> str:
    """A verdict's marker in its colour, as HTML; nothing for what is not recorded."""
    color, _, text = LOOKS.get(verdict, ("", "", ""))  # type: ignore[call-overload]
    return f'<span style="color: {color}" title="{verdict}">{text}</span>' if text else ""


def _with_small_print(claim: Claim) -> str:
    """A claim's sentence, where the paper's effect comes from, and the claim's note."""
    source = f"{claim.figure}: {claim.paper[1]}" if claim.paper else None
    small = [source, f"Note: {claim.note}" if claim.note is not None else None]
    lines = [f"<small>{html.escape(text)}</small>" for text in small if text]
    return "<br>".join([html.escape(claim.sentence), *lines])


def _link(lesson: str) -> str:
    """From a page of the book to a lesson, by the number that it has there."""
    for found in (FOLDER.parents[1] / "notebooks").glob(f"[0-9][0-9]_{lesson}.ipynb"):
        return f'<a href="../notebooks/{found.stem}.html">{found.stem.partition("_")[0]}</a>'
    return lesson.replace("_", " ")


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many claims there are of each verdict, in Markdown.

    The paper's claims apart from the course's own, and those on drawings from those on photographs.
    Claims that their notes take back are not counted. Of the supported ones, beside it, how many
    stay so where all claims of their row are tested at one common level (Holm).
    """
    kinds = [kind for kind in get_args(Judgement) if kind != "supported"]
    head = ["claims", "number", "supported", "after Holm", *kinds]
    rows: list[list[Any]] = [head, ["---"] + ["--:"] * (len(head) - 1)]
    for data, drawn in (("drawings", True), ("photographs", False)):
        of_data = [v for v in verdicts if (experiment(v.factor).dataset == "icontail") == drawn]
        for whose, papers in (("the paper's", True), ("the course's own", False)):
            chosen = [v for v in of_data if (v.claim.target is not None) == papers]
            if counted := [v for v in chosen if not v.claim.withdrawn]:
                each = Counter(v.verdict for v in counted)
                known = [len(counted), each["supported"], len(supported_after_holm(counted))]
                rows.append([f"{whose}, on {data}", *known, *(each[kind] for kind in kinds)])
    table = "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)
    withdrawn = sum(v.claim.withdrawn for v in verdicts)
    taken_back = f"\n\nNot counted: {withdrawn} claims that their notes take back."
    return table + (taken_back if withdrawn else "")


def again_page(*judged: Sequence[Verdict]) -> str:
    """The same claims judged by several sets of seeds, as HTML."""
    columns: dict[str, Any] = {"claim": [v.claim.id for v in judged[0]]}
    for verdicts in judged:
        rows, seeds = table(verdicts), _seeds(verdicts)
        columns[f"seeds {seeds}"] = list(two_lines(rows["ours"]))
        columns[f"verdict, {seeds}"] = _marked(rows["verdict"])
    return _html(pd.DataFrame(columns), "again")


def again_summary(first: Sequence[Verdict], again: Sequence[Verdict]) -> str:
    """What became of the verdicts with other seeds, in Markdown."""
    pairs = list(zip(first, again, strict=True))
    lines = []
    for kind in LOOKS:
        now = Counter(b.verdict for a, b in pairs if a.verdict == kind)
        after = ", ".join(f"**{now[new]}** {new}" for new in get_args(Judgement) if now[new])
        if now:
            lines.append(f"- {now.total()} claims were {kind}; with the other seeds: {after}.")
    both = [(a.effect, b.effect) for a, b in pairs if a.effect and b.effect]
    if both:
        within = sum(a.low <= b.estimate <= a.high for a, b in both)
        turned = sum(a.estimate * b.estimate < 0 for a, b in both)
        # The difference of two means of n seeds varies sqrt(2) times as much as one of them.
        n = min(a.n for a, _ in both)
        expected = 1 - 2 * stats.t.sf(stats.t.ppf(0.975, n - 1) / np.sqrt(2), n - 1)
        lines.append(
            f"- {within} of {len(both)} new effects ({within / len(both):.0%}) lie in the first "
            f"interval; {expected:.0%} would be expected if nothing but the seeds differed. "
            f"{turned} have the other sign."
        )
    return "\n".join(lines)


def again_effects(first: Sequence[Verdict], again: Sequence[Verdict]) -> Figure:
    """Each claim's effect with two sets of seeds, one against the other, with both intervals."""
    figure, axes = plt.subplots(figsize=(6.2, 5.2))
    ends = []
    for before, after in zip(first, again, strict=True):
        x, y = before.effect, after.effect
        if x is None or y is None:
            continue
        color, marker, _ = LOOKS[before.verdict]
        axes.plot([x.low, x.high], [y.estimate] * 2, color=color, linewidth=1, linestyle="-")
        axes.plot([x.estimate] * 2, [y.low, y.high], color=color, linewidth=1, linestyle="-")
        axes.plot(x.estimate, y.estimate, color=color, marker=marker, linestyle="")
        ends += [x.low, x.high, y.low, y.high]
    if ends:
        axes.plot([min(ends), max(ends)], [min(ends), max(ends)], color="#888888", linestyle=":")
    axes.axhline(0, **style.ZERO)
    axes.axvline(0, **style.ZERO)
    axes.set(xlabel=f"effect, seeds {_seeds(first)}", ylabel=f"effect, seeds {_seeds(again)}")
    figure.legend(handles=_legend(first)[:-2], loc="outside upper center", ncols=3)
    return figure


def _seeds(verdicts: Sequence[Verdict]) -> str:
    """The seeds of verdicts, such as ``0 to 4``; ``none`` before anything is recorded."""
    seeds = sorted({seed for v in verdicts for seed in v.by_seed})
    return f"{seeds[0]} to {seeds[-1]}" if seeds else "none"


def by_chance(verdicts: Sequence[Verdict]) -> str:
    """How many verdicts chance alone would make, in Markdown."""
    measured = [v for v in verdicts if v.effect is not None]
    positive = [v for v in measured if v.claim.expect == "positive"]
    supported = sum(v.verdict == "supported" for v in positive)
    return (
        "The intervals are not corrected for their number. Were there no effect at all, an "
        "interval would lie wholly above zero in 2.5 % of cases: with "
        f"{len(positive)} claims of a positive effect, about {0.025 * len(positive):.0f} would be "
        "supported by chance alone (fewer, since the estimate must reach the smallest effect, "
        f"too). {supported} of them are."
    )


def effects(verdicts: Sequence[Verdict]) -> Figure:
    """Each claim's effect with its interval, beside the paper's and the smallest that would matter.

    One panel for each kind of metric, since their units differ; within it, one row a claim in the
    order given. Claims without an interval yet show the paper's effect alone.
    """
    groups: dict[str, list[Verdict]] = {kind: [] for kind in KINDS}
    for verdict in verdicts:
        metric = verdict.claim.terms[0][2]
        groups[next(kind for kind in KINDS if metric.startswith(kind))].append(verdict)
    groups = {kind: rows for kind, rows in groups.items() if rows}
    figure, panels = plt.subplots(
        len(groups),
        figsize=(8.2, 0.9 * len(groups) + 0.27 * len(verdicts) + 0.5),
        height_ratios=[len(rows) + 0.6 for rows in groups.values()],
        squeeze=False,
    )
    for axes, (kind, rows) in zip(panels.flat, groups.items(), strict=True):
        _panel(axes, rows)
        axes.set_title(KINDS[kind], loc="left")
    figure.legend(handles=_legend(verdicts), loc="outside upper center", ncols=3)
    return figure


def mark(axes: Axes, effect: Interval, verdict: Judgement, place: float) -> None:
    """An effect with its interval at a place of the y axis, in the look of its verdict."""
    color, marker, _ = LOOKS[verdict]
    axes.plot([effect.low, effect.high], [place] * 2, color=color, linestyle="-", linewidth=2)
    axes.plot(effect.estimate, place, color=color, marker=marker, markersize=7)


def _panel(axes: Axes, rows: Sequence[Verdict]) -> None:
    for place, verdict in enumerate(rows):
        claim = verdict.claim
        if claim.paper is not None:
            axes.plot(claim.paper[0], place, **PAPER)
        for bound in (claim.smallest, *([-claim.smallest] if claim.expect == "none" else [])):
            axes.plot([bound] * 2, [place - 0.3, place + 0.3], **GREY)
        if verdict.effect is not None:
            mark(axes, verdict.effect, verdict.verdict, place)
    axes.axvline(0, **style.ZERO)
    style.name_rows(axes, [v.claim.id for v in rows])
    axes.grid(visible=True, axis="y")
    axes.margins(x=0.04)


def _legend(verdicts: Sequence[Verdict]) -> list[Line2D]:
    """Of the verdicts that there are, of the paper's effect, and of the smallest."""
    known = {v.verdict for v in verdicts}
    ours = [
        Line2D([], [], color=color, marker=marker, linewidth=2, linestyle="-", label=verdict)
        for verdict, (color, marker, _) in LOOKS.items()
        if verdict in known
    ]
    smallest: style.Look = {"color": "#888888", "marker": "|", "linestyle": "", "markersize": 10}
    paper = Line2D([], [], label="the paper's effect", **PAPER)
    return [*ours, paper, Line2D([], [], label="smallest that would matter", **smallest)]
