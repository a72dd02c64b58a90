"""The paper's targets one by one: what drawings and photographs say, beside the paper."""

import html
from collections.abc import Mapping, Sequence

from lt_course.evidence.claims import Verdict
from lt_course.evidence.experiments import experiment
from lt_course.plots import style
from lt_course.plots.claims import marker, so_far, verdict_of

NAMES = {
    "icontail": "drawings",
    "tiny-imagenet": "Tiny ImageNet",
    "fashion-products": "products",
    "cifar100": "CIFAR-100",
}
"""What readers call a data set."""

WITHOUT = style.names("targets without a claim")

Again = Mapping[str, Mapping[str, Verdict]]
"""Verdicts by other seeds: what to call those -> id of a claim -> verdict."""


def table(
    headline: Sequence[Verdict], others: Mapping[str, Sequence[Verdict]], targets: int = 22
) -> str:
    """A row for each claim on drawings that is about a target, photographs beside it, as HTML.

    `headline` are all claims, judged by the seeds that they are judged by; `others` the same, by
    what other seeds are called; `targets` their number.
    """
    again = {name: {v.claim.id: v for v in verdicts} for name, verdicts in others.items()}
    lines = []
    for target in range(1, targets + 1):
        about = [v for v in headline if v.claim.target == target]
        first = [v for v in about if v.claim.repeats is None]
        for verdict in first:
            repeated = [v for v in about if v.claim.repeats == verdict.claim.id]
            lines.append(_row(target, verdict, [verdict, *repeated], again))
        if not first:
            why = html.escape(f"No claim: it {WITHOUT[str(target)]}.")
            lines.append(f'<tr><td>{target}</td><td colspan="4">{why}</td></tr>')
    head = "".join(f"<th>{each}</th>" for each in ("", "claim", "drawings", "photographs", "paper"))
    top = f'<table class="targets"><thead><tr>{head}</tr></thead><tbody>'
    return "\n".join([top, *lines, "</tbody></table>"])


def _row(target: int, verdict: Verdict, shown: Sequence[Verdict], again: Again) -> str:
    claim = verdict.claim
    drawn = [v for v in shown if _data(v) == "icontail"]
    photographed = [v for v in shown if _data(v) != "icontail"]
    paper = f"{_number(claim.paper[0])} <small>{claim.figure}</small>" if claim.paper else ""
    cells = [
        f"<td>{target}</td>",
        f"<td>{html.escape(claim.sentence)}</td>",
        f'<td data-of="drawings">{_cell(drawn, again)}</td>',
        f'<td data-of="photographs">{_cell(photographed, again, named=True)}</td>',
        f'<td data-of="paper">{paper}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(verdicts: Sequence[Verdict], again: Again, named: bool = False) -> str:
    parts = []
    for verdict in verdicts:
        effect, claim = verdict.effect, verdict.claim
        name = f"{NAMES[_data(verdict)]}: " if named else ""
        which = [f"<code>{claim.id}</code>"] if named else []
        if effect is None:
            parts.append(f"{name}not recorded yet<small>{''.join(which)}</small>")
            continue
        small = [*which, f"{marker(verdict.verdict)} {verdict_of(verdict)}"]
        if seeds := so_far(verdict):
            small.append(seeds)
        if claim.withdrawn:
            small.append("taken back by its note")
        if claim.paper is not None:
            size = claim.paper[0]
            where = "inside" if size in effect else "above" if size > effect.high else "below"
            small.append(f"the paper's size lies {where}")
        others = {seeds: marker(by_id[claim.id].verdict) for seeds, by_id in again.items()}
        small.append(", ".join(f"{seeds} {mark or '–'}" for seeds, mark in others.items()))
        interval = f"{_number(effect.estimate)} [{_number(effect.low)}, {_number(effect.high)}]"
        parts.append(name + interval + "".join(f"<small>{each}</small>" for each in small))
    return "".join(f"<div>{part}</div>" for part in parts)


def _data(verdict: Verdict) -> str:
    return experiment(verdict.factor).dataset


def _number(value: float) -> str:
    """Two digits, without the 0 before the point, as the paper's correlations are written."""
    text = f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}"
    return text.replace("0.", ".", 1).replace("-", "−")
