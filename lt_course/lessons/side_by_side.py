"""A lesson's claims on drawings, and beside each what photographs say of the same."""

import html
from collections.abc import Iterable

from lt_course.evidence import verdicts
from lt_course.evidence.claims import Verdict
from lt_course.evidence.experiments import experiment
from lt_course.evidence.results import EVIDENCE, REPLICATION
from lt_course.plots import claims

DATASETS = {"tiny-imagenet": "Tiny ImageNet", "fashion-products": "products"}
"""Headings of the sets of photographs."""

DRAWINGS = {"drawings, seeds 0 to 4": EVIDENCE, "seeds 5 to 9": REPLICATION, "all ten": range(10)}
"""Columns of the claims on drawings, and the seeds that judge them."""

LEFT, RULE = "text-align: left; vertical-align: top", "border-top: 1px solid #888888"


def evidence_table(lesson: str) -> str:
    """All claims of a lesson as HTML: each one's sentence with the paper's effect, and ours below.

    A column is a set of seeds, or of photographs. A claim on photographs that repeats one on
    drawings stands in its line. A claim that its note takes back has effects without a verdict.
    """
    rows: dict[str, dict[str, str]] = {}
    for column, seeds in DRAWINGS.items():
        for verdict in _on(verdicts(lesson, seeds=seeds), {"icontail"}):
            row = rows.setdefault(verdict.claim.id, {"claim": _sentence(verdict)})
            row[column] = _cell(verdict)
    for verdict in _on(verdicts(lesson), set(DATASETS)):
        claim = verdict.claim
        name = claim.repeats if claim.repeats in rows else claim.id
        row = rows.setdefault(str(name), {"claim": _sentence(verdict)})
        row[DATASETS[experiment(verdict.factor).dataset]] = _cell(verdict)
    columns = [c for c in (*DRAWINGS, *DATASETS.values()) if any(c in r for r in rows.values())]
    lines, wide = [_line("th", columns)], f'colspan="{len(columns)}" style="{LEFT}; {RULE}"'
    for row in rows.values():
        lines.append(f"<tr><td {wide}>{row['claim']}</td></tr>")
        lines.append(_line("td", [row.get(column, "") for column in columns]))
    return f"<table>{''.join(lines)}</table>"


def recorded(lesson: str) -> list[Verdict]:
    """The claims of a lesson that have an interval, by the seeds that they are judged by."""
    return [verdict for verdict in verdicts(lesson) if verdict.effect is not None]


def _on(found: Iterable[Verdict], datasets: set[str]) -> list[Verdict]:
    return [v for v in found if experiment(v.factor).dataset in datasets]


def _line(tag: str, cells: Iterable[str]) -> str:
    joined = "".join(f'<{tag} style="{LEFT}">{cell}</{tag}>' for cell in cells)
    return f"<tr>{joined}</tr>"


def _sentence(verdict: Verdict) -> str:
    """A claim's sentence, with the paper's effect."""
    claim = verdict.claim
    paper = f" <small>Paper: {claim.paper[0]:.3g}.</small>" if claim.paper else ""
    return html.escape(claim.sentence) + paper


def _cell(verdict: Verdict) -> str:
    """Effect, interval and verdict, one below the other."""
    if verdict.effect is None:
        return "not recorded yet"
    effect = claims.two_lines(claims.table([verdict])["ours"]).iloc[0]
    if verdict.claim.withdrawn:
        return f"{effect}<br>taken back"
    judged = claims.verdict_of(verdict).partition(" (")[0]
    lines = [effect, f"{claims.marker(verdict.verdict)}&nbsp;{judged}", claims.so_far(verdict)]
    return "<br>".join(filter(None, lines))
