"""Sphinx extension: what ``benchmarks/bench.py`` measured, as tables: ``{speed}``.

Reads ``book/speed.json``. Where it is not there, the page says so.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

RECORD = Path("book", "speed.json")
QUIET = 0.3
"""A load above which a row's numbers are marked."""

STARTS = "| What | CPU s: median (least, most) | MiB | meant to stay within |\n|---|---|---:|---|"
PAIRS = (
    "| What | ours, CPU s | peer, CPU s | peer : ours, median (least, most) | the limit's share |\n"
    "|---|---:|---:|---|---:|"
)


def page(written: dict[str, Any]) -> Iterator[str]:
    """The page's Markdown."""
    rounds, rows = written["rounds"], written["rows"].values()
    yield (
        f"Measured on {written['date']} at commit `{written['commit']}`, {written['processor']}, "
        f"Python {written['python']}, one thread, {rounds} rounds.\n"
    )
    if written["toy"]:
        yield "**These are the smallest sizes, which only show that the benchmark runs.**\n"
    if busy := [row["title"] for row in rows if max(load[0] for load in row["load"]) > QUIET]:
        yield f"**The machine was busy** (a load above {QUIET}) during: {'; '.join(busy)}.\n"
    yield from table("Start-up", STARTS, [start(row) for row in rows if "peer" not in row["sides"]])
    yield from table("Computations", PAIRS, [pair(row) for row in rows if "peer" in row["sides"]])
    yield "What each row is, and the load of the machine before and after it (of one minute):\n"
    for row in rows:
        names = "; ".join(f"{side}: {name}" for side, name in row["names"].items())
        before, after = (load[0] for load in row["load"])
        yield f"- {row['title']}: {row['setting']}; {names}. Load {before:.2f}, {after:.2f}."


def table(caption: str, head: str, rows: list[str]) -> Iterator[str]:
    """A table below its name, if it has rows."""
    if rows:
        yield f"**{caption}**\n"
        yield "\n".join([head, *rows]) + "\n"


def values(row: dict[str, Any], side: str, what: str = "cpu") -> list[float]:
    """One number a round."""
    return [each[what] for each in row["sides"][side]]


def spread(numbers: list[float]) -> str:
    """Median, least and greatest."""
    return f"{statistics.median(numbers):.2f} ({min(numbers):.2f}, {max(numbers):.2f})"


def start(row: dict[str, Any]) -> str:
    """A line of the first table."""
    seconds, mib = values(row, "ours"), statistics.median(values(row, "ours", "mib"))
    limits = [(row["reach"], statistics.median(seconds), "s"), (row["reach_mib"], mib, "MiB")]
    meant = [
        f"{limit:g} {unit}: {'yes' if found <= limit else '**no**'}"
        for limit, found, unit in limits
        if limit is not None
    ]
    return f"| {row['title']} | {spread(seconds)} | {mib:.0f} | {', '.join(meant)} |"


def pair(row: dict[str, Any]) -> str:
    """A line of the second table; ratios are of one round."""
    ours, peer = values(row, "ours"), values(row, "peer")
    ratios = [b / a for a, b in zip(ours, peer, strict=True)]
    share = "—"
    if "limit" in row["sides"]:
        shares = [b / a for a, b in zip(ours, values(row, "limit"), strict=True)]
        share = f"{100 * statistics.median(shares):.1f} %"
    medians = [f"{statistics.median(each):.3f}" for each in (ours, peer)]
    return f"| {row['title']} | {' | '.join(medians)} | {spread(ratios)} | {share} |"


class Speed(SphinxDirective):
    """Draw what was measured."""

    def run(self) -> list[nodes.Node]:
        """Return tables and a list, or one sentence."""
        path = Path(self.env.srcdir) / RECORD
        self.env.note_dependency(str(path))
        text = "Nothing has been measured on a quiet machine yet."
        if path.exists():
            text = "\n".join(page(json.loads(path.read_text(encoding="utf-8"))))
        container = nodes.container(classes=["speed"])
        self.state.nested_parse(StringList(text.splitlines(), source=__file__), 0, container)
        return [container]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("speed", Speed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
