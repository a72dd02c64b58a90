"""What the course promises, and what the tests of each promise gave in the last whole run.

    python book/tools/trust.py record .reports/tests.xml .reports/pages.xml
    python book/tools/trust.py run resume seeds

The first is what ``make full`` ends with: it reads pytest's reports (``--junitxml``) and writes
``book/trust.json``, to be committed. The second runs the tests of some promises. As a Sphinx
extension it draws ``book/trust.toml`` beside ``book/trust.json``: ``{promises}``.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROMISES, RECORD = "trust.toml", "trust.json"
OUTCOMES = ("passed", "failed", "skipped")
NOTEBOOKS = (
    "--nbval-lax --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg "
    "--ignore notebooks/solutions"
).split()


@dataclass(frozen=True)
class Promise:
    """One promise.

    Attributes:
        id: its short name.
        title: in one line.
        text: what it means.
        page: of ``book/``, where it is made.
        tests: pytest's node ids, or a file's or folder's path.
    """

    id: str
    title: str
    text: str
    page: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One test of a report: pytest's dotted place and name, its outcome, and its seconds."""

    place: str
    name: str
    outcome: str
    seconds: float


def read(folder: Path = ROOT / "book") -> list[Promise]:
    """All promises."""
    table = tomllib.loads((folder / PROMISES).read_text(encoding="utf-8"))
    return [Promise(**{**entry, "tests": tuple(entry["tests"])}) for entry in table["promise"]]


def cases(report: Path) -> Iterator[Case]:
    """The tests of one report."""
    for case in ElementTree.parse(report).iter("testcase"):
        tags = {child.tag for child in case}
        outcome = "failed" if tags & {"failure", "error"} else "passed"
        if "skipped" in tags:
            outcome = "skipped"
        yield Case(
            case.get("classname", ""), case.get("name", ""), outcome, float(case.get("time", 0))
        )


def belongs(case: Case, node: str) -> bool:
    """Whether a test of a report is the node, one of its parameters, or lies within it."""
    path, *names = node.split("::")
    place = path.removesuffix(".py").strip("/").replace("/", ".")
    if not names:
        return case.place == place or case.place.startswith(f"{place}.")
    place = ".".join([place, *names[:-1]])
    return case.place == place and case.name.partition("[")[0] == names[-1]


def tally(found: Iterable[Case]) -> dict[str, Any]:
    """How many passed, failed and were skipped, and the seconds of all."""
    counted: dict[str, Any] = {"seconds": 0.0} | dict.fromkeys(OUTCOMES, 0)
    for case in found:
        counted[case.outcome] += 1
        counted["seconds"] += case.seconds
    return counted | {"seconds": round(counted["seconds"], 1)}


def record(reports: Sequence[Path], folder: Path = ROOT / "book") -> dict[str, Any]:
    """Write what the reports of one whole run say of each promise; return it."""
    found = [case for report in reports for case in cases(report)]
    days = [
        suite.get("timestamp", "")[:10]
        for report in reports
        for suite in ElementTree.parse(report).iter("testsuite")
    ]
    written = {
        "date": min(days),
        "commit": commit(),
        "all": tally(found),
        "promises": {
            promise.id: tally(c for c in found if any(belongs(c, n) for n in promise.tests))
            for promise in read(folder)
        },
    }
    (folder / RECORD).write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return written


def commit() -> str:
    """The commit that was tested, with ``-dirty`` if files differed from it."""
    asked = ["git", "-C", str(ROOT), *"describe --always --abbrev=12 --dirty --exclude=*".split()]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def run(ids: Sequence[str]) -> int:
    """Run the tests of some promises, slow ones too; 2 if one has no such name."""
    known = {promise.id: promise for promise in read()}
    if not ids or (strange := [each for each in ids if each not in known]):
        told = f"No promise is named {strange[0]}" if ids else "Name a promise"
        print(f"{told}; there are: {', '.join(known)}.", file=sys.stderr)
        return 2
    tests = [node for each in ids for node in known[each].tests]
    return max(pytest(group).returncode for group in groups(tests))


def groups(tests: Sequence[str]) -> list[list[str]]:
    """Tests of the built pages apart: their conftest has the name of the others'."""
    pages = [node for node in tests if node.startswith("tests/pages")]
    return [group for group in ([n for n in tests if n not in pages], pages) if group]


def pytest(tests: Sequence[str], *options: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Call pytest in a process of its own, with slow tests and cells of notebooks."""
    command = [sys.executable, "-m", "pytest", "-q", *NOTEBOOKS, *options, *tests]
    environment = os.environ | {"LT_COURSE_FULL": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, **how)


def line_of(node: str) -> int | None:
    """The line on which a test's function begins; None: of a file, a folder, or nothing."""
    path, *names = node.split("::")
    if not names or not (ROOT / path).exists():
        return None
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    lines = [
        found.lineno
        for found in ast.walk(tree)
        if isinstance(found, ast.FunctionDef) and found.name == names[-1]
    ]
    return lines[0] if lines else None


class Promises(SphinxDirective):
    """Draw all promises: ``{promises}``."""

    def run(self) -> list[nodes.Node]:
        """Return a section's worth of paragraphs and lists for each."""
        folder = Path(self.env.srcdir) / "book"
        for name in (PROMISES, RECORD):
            self.env.note_dependency(str(folder / name))
        path = folder / RECORD
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        container = nodes.container(classes=["promises"])
        text = "\n".join(self.lines(read(folder), known))
        self.state.nested_parse(StringList(text.splitlines(), source=__file__), 0, container)
        return [container]

    def lines(self, promises: Sequence[Promise], known: dict[str, Any] | None) -> Iterator[str]:
        """The page's Markdown."""
        if known is None:
            yield "The tests were not yet run as a whole at a commit that was recorded.\n"
        else:
            yield (
                f"The last whole run was on {known['date']}, of commit `{known['commit']}`: "
                f"{figures(known['all'])}.\n"
            )
        for number, promise in enumerate(promises, start=1):
            of = None if known is None else known["promises"].get(promise.id)
            yield f"**{number}. {promise.title}.** {promise.text} ({{doc}}`/book/{promise.page}`)\n"
            yield f"- tests: {' · '.join(self.linked(node) for node in promise.tests)}"
            told = "not yet run as a whole" if of is None else figures(of)
            yield f"- last whole run: {told}"
            yield f"- again: `python book/tools/trust.py run {promise.id}`\n"

    def linked(self, node: str) -> str:
        """A test's name, as a link to its lines where the book knows its repository."""
        options = self.env.config.html_theme_options
        address = options.get("repository_url", "").rstrip("/")
        shown = f"`{node.removeprefix('tests/')}`"
        if not address:
            return shown
        branch, line = options.get("repository_branch") or "main", line_of(node)
        path = node.partition("::")[0].rstrip("/")
        kind, place = ("tree" if node.endswith("/") else "blob"), f"#L{line}" if line else ""
        return f"[{shown}]({address}/{kind}/{branch}/{path}{place})"


def figures(counted: dict[str, Any]) -> str:
    """A tally in words."""
    if not any(counted[each] for each in OUTCOMES):
        return "none of its tests was run"
    told = [f"{counted[each]:,} {each}" for each in OUTCOMES if counted[each] or each != "skipped"]
    return f"{', '.join(told)}, {counted['seconds']:,.0f} s"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("promises", Promises)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def main(arguments: list[str]) -> int:
    """Record or run; 1 if a test failed, 2 if nothing could be done."""
    action, *rest = arguments or [""]
    if action == "run":
        return run(rest)
    reports = [Path(each) for each in rest]
    if action != "record" or not reports:
        print("Give `record REPORT.xml …` or `run PROMISE …`.", file=sys.stderr)
        return 2
    for report in reports:
        if not report.exists():
            print(f"{report} is missing; make full writes it.", file=sys.stderr)
            return 2
    written = record(reports)
    print(f"book/{RECORD}: commit {written['commit']}, {figures(written['all'])}.")
    for name, of in written["promises"].items():
        print(f"  {name:<12} {figures(of)}")
    return int(written["all"]["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
