"""The paper's targets one by one: what drawings and photographs say, beside the paper."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from lt_course.evidence.claims import Verdict
from lt_course.evidence.experiments import experiment
from lt_course.plots.claims import marker, verdict_of

NAMES = {
    "icontail": "drawings",
    "tiny-imagenet": "Tiny ImageNet",
    "fashion-products": "products",
    "cifar100": "CIFAR-100",
}
"""What readers call a data set."""

WITHOUT = {
    4: "needs the released models, whose values the lesson on open models shows",
    6: "is called small and not monotone by the paper, so there is nothing firm to test",
    22: "is about the released frequency files, and computed from them in the lesson on long tails",
}
"""Targets that no claim is about, and why."""

STYLE = """<style>
.targets td, .targets th {text-align: left !important; vertical-align: top; padding: .35em .6em}
.targets {width: 100%} .targets small {display: block; line-height: 1.35}
@media (max-width: 640px) {
  .targets thead {display: none} .targets td {display: block; border: 0}
  .targets td[data-of]::before {content: attr(data-of) ": "; font-weight: 600}
  .targets td:empty {display: none}
}
</style>"""


def table(
    headline: Sequence[Verdict], others: Mapping[str, Sequence[Verdict]], targets: int = 22
) -> str:
    """A row for each claim on drawings that is about a target, photographs beside it, as HTML.

    Args:
        headline: all claims, judged by the seeds that they are judged by.
        others: the same, judged by other seeds: what to call those -> verdicts.
        targets: their number.
    """
    again = {
        name: {verdict.claim.id: verdict for verdict in verdicts}
        for name, verdicts in others.items()
    }
    lines = []
    for target in range(1, targets + 1):
        about = [v for v in headline if v.claim.target == target]
        first = [v for v in about if v.claim.repeats is None]
        for verdict in first:
            repeated = [v for v in about if v.claim.repeats == verdict.claim.id]
            drawn = [v for v in (verdict,) if _data(v) == "icontail"]
            photographed = [v for v in (verdict, *repeated) if _data(v) != "icontail"]
            lines.append(_row(str(target), verdict, drawn, photographed, again))
        if not first:
            why = html.escape(f"No claim: it {WITHOUT[target]}.")
            lines.append(f'<tr><td>{target}</td><td colspan="4">{why}</td></tr>')
    head = "".join(f"<th>{each}</th>" for each in ("", "claim", "drawings", "photographs", "paper"))
    top = f'{STYLE}<table class="targets"><thead><tr>{head}</tr></thead><tbody>'
    return "\n".join([top, *lines, "</tbody></table>"])


def _row(
    target: str,
    verdict: Verdict,
    drawn: Sequence[Verdict],
    photographed: Sequence[Verdict],
    again: Mapping[str, Mapping[str, Verdict]],
) -> str:
    claim = verdict.claim
    paper = (
        "" if claim.paper is None else f"{_number(claim.paper[0])} <small>{claim.figure}</small>"
    )
    cells = [
        f"<td>{target}</td>",
        f"<td>{html.escape(claim.sentence)}</td>",
        f'<td data-of="drawings">{_cell(drawn, again)}</td>',
        f'<td data-of="photographs">{_cell(photographed, again, named=True)}</td>',
        f'<td data-of="paper">{paper}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(
    verdicts: Sequence[Verdict],
    again: Mapping[str, Mapping[str, Verdict]],
    named: bool = False,
) -> str:
    parts = []
    for verdict in verdicts:
        effect, claim = verdict.effect, verdict.claim
        name = f"{NAMES[_data(verdict)]}: " if named else ""
        which = [f"<code>{claim.id}</code>"] if named else []
        if effect is None:
            parts.append(f"{name}not recorded yet<small>{''.join(which)}</small>")
            continue
        small = [*which, f"{marker(verdict.verdict)} {verdict_of(verdict)}"]
        if claim.withdrawn:
            small.append("taken back by its note")
        if claim.paper is not None:
            size = claim.paper[0]
            where = "inside" if size in effect else "above" if size > effect.high else "below"
            small.append(f"the paper's size lies {where}")
        small.append(
            ", ".join(
                f"{seeds} {marker(other.verdict) or '–'}"
                for seeds, by_id in again.items()
                if (other := by_id[claim.id])
            )
        )
        interval = f"{_number(effect.estimate)} [{_number(effect.low)}, {_number(effect.high)}]"
        parts.append(name + interval + "".join(f"<small>{each}</small>" for each in small))
    return "".join(f"<div>{part}</div>" for part in parts)


def _data(verdict: Verdict) -> str:
    return experiment(verdict.factor).dataset


def _number(value: float) -> str:
    """Two digits, without the 0 before the point, as the paper's correlations are written."""
    text = f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}"
    return text.replace("0.", ".", 1).replace("-", "−")
