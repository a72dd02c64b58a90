"""Claims beside their evidence: a table to read, and effects with their intervals."""

from __future__ import annotations

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

from lt_course.evidence.claims import (
    Judgement,
    Verdict,
    seeds_to_decide,
    supported_after_holm,
)
from lt_course.evidence.experiments import FOLDER, Claim, experiment
from lt_course.plots import style

KINDS: dict[str, str] = {
    "spearman_predictions": "S(p): Spearman of frequency and number of predictions",
    "spearman_accuracy": "S(a): Spearman of frequency and accuracy",
    "spearman_nc": "Spearman of a concept's NC1 or NC2 with its accuracy or frequency",
    "accuracy": "accuracy (fraction of test images)",
    "probe": "accuracy of linear probes on other tasks",
    "prototypes": "different prototypes, as a share of all",
    "prototype_cosine": "cosine of a prototype with its nearest other one",
    "cosine": "mean cosine between prototypes",
    "nc1": "NC1: variation within classes over that between",
    "nc2": "NC2: distance of class centres from a simplex",
}
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
    """One row a claim, all of them, as it is read on a page.

    Returns:
        Indexed by the claim's id: target (number of the reproduction target), claim (its
        sentence), in the paper (effect and figure), ours (effect with its 95 % interval), seeds
        (how many), verdict.
    """
    rows = [
        {
            "id": v.claim.id,
            "target": "" if v.claim.target is None else str(v.claim.target),
            "claim": v.claim.sentence,
            "in the paper": _paper(v),
            "ours": "" if v.effect is None else f"{v.effect:.{_digits(v)}f}",
            "seeds": len(v.by_seed),
            "verdict": verdict_of(v),
        }
        for v in verdicts
    ]
    return pd.DataFrame(rows).set_index("id")


def verdict_of(verdict: Verdict) -> str:
    """A verdict in words: whether an absent effect is null, how far an undecided one is."""
    if verdict.null:
        return "absent, null"
    if verdict.verdict != "undecided":
        return verdict.verdict
    seeds = seeds_to_decide(verdict)
    return "undecided" if seeds is None else f"undecided (about {seeds} seeds would decide)"


def page(verdicts: Sequence[Verdict]) -> str:
    """The table of all claims as HTML, each with a link from the page to its lesson."""
    rows = table(verdicts)
    rows.insert(0, "lesson", [_link(experiment(v.factor).lesson) for v in verdicts])
    rows["claim"] = [
        "<br>".join([html.escape(v.claim.sentence), *_small_print(v.claim)]) for v in verdicts
    ]
    rows["paper"] = rows.pop("in the paper").str.partition(" (")[0]
    rows["ours"], rows["verdict"] = _marked(rows)
    shown = rows[["lesson", "target", "claim", "paper", "ours", "seeds", "verdict"]]
    return _html(shown, "claims", {"selector": ".col2", "props": "min-width: 19em"})


def _html(shown: pd.DataFrame, name: str, *styles: Any) -> str:
    return str(shown.style.hide().set_table_styles([LEFT, *styles]).set_uuid(name).to_html())


def _marked(rows: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Columns ours and verdict of `table` as HTML: two lines, and coloured markers."""
    ours = rows["ours"].str.replace("-", "−").str.replace(" [", "<br>[", regex=False)
    verdicts = [
        f"{marker(kind)}&nbsp;{v}" if (kind := v.partition(" ")[0].strip(",")) in LOOKS else v
        for v in rows["verdict"]
    ]
    return ours.str.replace(", ", ",&nbsp;"), verdicts


def marker(verdict: str) -> str:
    """A verdict's marker in its colour, as HTML; nothing for what is not recorded."""
    color, _, text = LOOKS.get(verdict, ("", "", ""))  # type: ignore[call-overload]
    return f'<span style="color: {color}" title="{verdict}">{text}</span>' if text else ""


def _small_print(claim: Claim) -> list[str]:
    """Where the paper's effect comes from, and the claim's note."""
    source = None if claim.paper is None else f"{claim.figure}: {claim.paper[1]}"
    note = None if claim.note is None else f"Note: {claim.note}"
    return [f"<small>{html.escape(text)}</small>" for text in (source, note) if text]


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many claims there are of each verdict, in Markdown.

    The paper's claims apart from the course's own, and those on drawings from those on photographs.
    Claims that their notes take back are not counted. Of the supported ones, beside it, how many
    stay so where all claims of their row are tested at one common level (Holm).
    """
    rows = []
    for data, which in (("drawings", True), ("photographs", False)):
        of_data = [v for v in verdicts if (experiment(v.factor).dataset == "icontail") == which]
        for whose, papers in (("the paper's", True), ("the course's own", False)):
            chosen = [v for v in of_data if (v.claim.target is not None) == papers]
            counted = [v for v in chosen if not v.claim.withdrawn]
            if counted:
                rows.append([f"{whose}, on {data}", len(counted), *_tally(counted)])
    kinds = [kind for kind in get_args(Judgement) if kind != "supported"]
    head = ["claims", "number", "supported", "after Holm", *kinds]
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    table = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
    withdrawn = sum(v.claim.withdrawn for v in verdicts)
    taken_back = f"\n\nNot counted: {withdrawn} claims that their notes take back."
    return table + (taken_back if withdrawn else "")


def _tally(verdicts: Sequence[Verdict]) -> list[int]:
    """Supported, supported after Holm, and the other verdicts in their order."""
    counts = Counter(v.verdict for v in verdicts)
    others = [counts[kind] for kind in get_args(Judgement) if kind != "supported"]
    return [counts["supported"], len(supported_after_holm(verdicts)), *others]


def again_page(*judged: Sequence[Verdict]) -> str:
    """The same claims judged by several sets of seeds, as HTML."""
    columns: dict[str, Any] = {"claim": [v.claim.id for v in judged[0]]}
    for verdicts in judged:
        ours, marked = _marked(table(verdicts))
        seeds = _seeds(verdicts)
        columns |= {f"seeds {seeds}": list(ours), f"verdict, {seeds}": marked}
    return _html(pd.DataFrame(columns), "again")


def again_summary(first: Sequence[Verdict], again: Sequence[Verdict]) -> str:
    """What became of the verdicts with other seeds, in Markdown."""
    counts = Counter((a.verdict, b.verdict) for a, b in zip(first, again, strict=True))
    lines = []
    for kind in LOOKS:
        total = sum(number for (before, _), number in counts.items() if before == kind)
        if not total:
            continue
        after = ", ".join(
            f"**{counts[kind, now]}** {now}" for now in get_args(Judgement) if counts[kind, now]
        )
        lines.append(f"- {total} claims were {kind}; with the other seeds: {after or 'none'}.")
    pairs = zip((v.effect for v in first), (v.effect for v in again), strict=True)
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
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
    groups = {kind: rows for kind in KINDS if (rows := [v for v in verdicts if _kind(v) == kind])}
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


def _panel(axes: Axes, rows: Sequence[Verdict]) -> None:
    for place, verdict in enumerate(rows):
        claim, effect = verdict.claim, verdict.effect
        if claim.paper is not None:
            axes.plot(claim.paper[0], place, **PAPER)
        for bound in (claim.smallest, *([-claim.smallest] if claim.expect == "none" else [])):
            axes.plot([bound] * 2, [place - 0.3, place + 0.3], **GREY)
        if effect is None:
            continue
        color, marker, _ = LOOKS[verdict.verdict]
        axes.plot([effect.low, effect.high], [place] * 2, color=color, linestyle="-", linewidth=2)
        axes.plot(effect.estimate, place, color=color, marker=marker, markersize=7)
    axes.axvline(0, **style.ZERO)
    style.name_rows(axes, [v.claim.id for v in rows])
    axes.grid(visible=True, axis="y")
    axes.margins(x=0.04)


def _legend(verdicts: Sequence[Verdict]) -> list[Line2D]:
    """Of the verdicts that there are, of the paper's effect, and of the smallest."""
    ours = [
        Line2D([], [], color=color, marker=marker, linewidth=2, linestyle="-", label=verdict)
        for verdict, (color, marker, _) in LOOKS.items()
        if any(v.verdict == verdict for v in verdicts)
    ]
    smallest: style.Look = {"color": "#888888", "marker": "|", "linestyle": "", "markersize": 10}
    paper = Line2D([], [], label="the paper's effect", **PAPER)
    return [*ours, paper, Line2D([], [], label="smallest that would matter", **smallest)]


def _link(lesson: str) -> str:
    """From a page of the book to a lesson, by the number that it has there."""
    found = sorted((FOLDER.parents[1] / "notebooks").glob(f"[0-9][0-9]_{lesson}.ipynb"))
    if not found:
        return lesson.replace("_", " ")
    stem = found[0].stem
    return f'<a href="../notebooks/{stem}.html">{stem.partition("_")[0]}</a>'


def _kind(verdict: Verdict) -> str:
    metric = verdict.claim.terms[0][2]
    return next(kind for kind in KINDS if metric.startswith(kind))


def _digits(verdict: Verdict) -> int:
    """Two digits, and a third where two would hide the smallest effect that would matter."""
    return 3 if verdict.claim.smallest < 0.05 else 2


def _paper(verdict: Verdict) -> str:
    claim = verdict.claim
    if claim.paper is None:
        return ""
    return f"{claim.paper[0]:.{_digits(verdict)}f} ({claim.figure}: {claim.paper[1]})"
