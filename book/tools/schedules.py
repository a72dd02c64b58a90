"""Write `book/instructor/schedules.md` from `schedules.toml`: tables a lecturer can plan from.

    python book/tools/schedules.py

Lessons are named by slug there; numbers come from the notebooks' names alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import notebooks

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

INSTRUCTOR = Path(__file__).resolve().parents[1] / "instructor"
SOURCE, PAGE = INSTRUCTOR / "schedules.toml", INSTRUCTOR / "schedules.md"

HEAD = """# Schedules

Three ways to teach the course: one class, four evenings, a term. The minutes of a session's parts \
add up to its length. What happens within a lesson, minute by minute, stands on the lesson's own \
page ({doc}`index`).
"""


def plans() -> list[dict[str, Any]]:
    """The ways to teach the course, each with its sessions and their parts."""
    found: list[dict[str, Any]] = tomllib.loads(SOURCE.read_text())["plan"]
    return found


def page() -> str:
    """The page's text."""
    stems = {source.stem[3:]: source.stem for source in notebooks.sources()}
    lines = [HEAD]
    for plan in plans():
        lines += [f"## {plan['title']}", "", plan["purpose"], "", f"*Before:* {plan['before']}", ""]
        for session in plan["session"]:
            lines += [f"**{session['title']}** ({session['minutes']} minutes)", ""]
            lines += ["| min | what happens | who works | lesson |", "|---:|---|---|---|"]
            for part in session["parts"]:
                stem = stems[part["lesson"]]
                lesson = f"{{doc}}`{stem[:2]} <../../notebooks/{stem}>`"
                lines += [f"| {part['minutes']} | {part['what']} | {part['who']} | {lesson} |"]
            lines += [""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
