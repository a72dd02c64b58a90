"""Write the pack that a lecturer gives to a class or loads into a learning platform: one zip.

    python book/tools/pack.py 2027S [--start 2027-04-19]

It is made from what is stored: nothing is trained and no notebook is executed. Equal inputs give
equal bytes. A new part is a function that yields files, and an entry in ``PARTS``; README.md in
the pack says what the entry says.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

import address
import exercise_pages
import grading_formats
import nbformat
import plain
import quiz_bank
import schedules
import slides
from nbformat import NotebookNode

import notebooks
from lt_course import __version__
from lt_course.errors import CourseError

OUTPUT = plain.ROOT / "_build" / "pack"
INSTRUCTOR = plain.ROOT / "book" / "instructor"
SUMMER, WINTER = 4, 10  # the month whose second Monday begins a term
POINTS = 2  # an exercise's points for each step of difficulty
OLDEST = (1980, 1, 1, 0, 0, 0)  # of a file in a zip: the same whenever it is packed
CARD = re.compile(
    r"### Exercise: (?P<title>[^\n]+)\n\n\*(?P<kind>\w+) · difficulty (?P<difficulty>\d) of 3"
    r" · (?P<minutes>\d+) minutes · trains (?P<trains>[^*]+)\*"
)

Files = Iterator[tuple[str, str | bytes]]


JOIN = '''\
"""Join a lesson's autograder with the course's package: one zip to upload.

    python join.py measuring_bias
"""

import sys
import zipfile
from pathlib import Path

here = Path(__file__).parent
for slug in sys.argv[1:]:
    with zipfile.ZipFile(here / f"{slug}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((here / slug).rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(here / slug))
        with zipfile.ZipFile(here / "course.zip") as course:
            for name in course.namelist():
                archive.writestr(name, course.read(name))
    print(here / f"{slug}.zip")
'''


class Term(NamedTuple):
    """A term's name, such as 2027S, the day of its first session, and the seed of hidden inputs."""

    name: str
    start: date
    seed: int


class Part(NamedTuple):
    """Files of the pack, and what README.md says of them."""

    name: str
    files: Callable[[Term], Files]
    holds: str


def term(name: str, start: str | None = None, seed: int | None = None) -> Term:
    """Read a term; without `start` it begins on the second Monday of April or October.

    Without `seed` that of the hidden inputs follows from the name, so that equal terms have equal
    packs.
    """
    match = re.fullmatch(r"(20\d\d)([SW])", name)
    if match is None:
        raise CourseError(
            f"TERM is {name!r}: write a year and S (summer) or W (winter), "
            "as in `make pack TERM=2027S`."
        )
    if seed is None:
        seed = 1 + int(hashlib.sha256(name.encode()).hexdigest()[:6], 16)
    exercise_pages.require_secret(seed)
    if start is None:
        first = date(int(match[1]), SUMMER if match[2] == "S" else WINTER, 1)
        return Term(name, first + timedelta(days=-first.weekday() % 7 + 7), seed)
    try:
        return Term(name, date.fromisoformat(start), seed)
    except ValueError as error:
        raise CourseError(
            f"START is {start!r}: write the day of the first session as YYYY-MM-DD, "
            "as in START=2027-04-19."
        ) from error


def stems() -> list[str]:
    """The lessons' names in reading order, such as ``05_language``."""
    return [source.stem for source in notebooks.sources()]


def read(document: str) -> NotebookNode:
    """A stored notebook, with the Markdown of its source."""
    stored = nbformat.read(plain.ROOT / f"{document}.ipynb", as_version=4)
    return notebooks.with_source_text(stored, plain.ROOT / f"{document}.py")


def notebook(document: str) -> tuple[str, str]:
    """Place and text of a notebook whose Markdown cells are plain."""
    target = plain.place(document) or ""
    return target, plainly(read(document), document, target)


def plainly(
    content: NotebookNode, document: str, target: str, places: plain.Places = plain.place
) -> str:
    """Text of a notebook with plain Markdown cells; `target` is where it goes."""
    captions = notebooks.captions(plain.ROOT / f"{document.replace('solutions/', '')}.py")
    for cell in notebooks.markdown_cells(content):
        cell.source = plain.markdown(cell.source, document, target, captions, places)
    return nbformat.writes(content) + "\n"


def given_away(stem: str) -> list[str]:
    """Code and paragraphs of a lesson's solutions that its notebook holds: there should be none."""
    lesson = "\n".join(cell.source for cell in read(f"notebooks/{stem}").cells)
    solved = [cell.source for cell in read(f"notebooks/solutions/{stem}").cells[1:]]
    texts = [text.strip() for source in solved for text in source.split("\n\n")]
    return [text for text in texts if not text.startswith("#") and text in lesson]


def student(_: Term) -> Files:
    """The lessons, with stubs where students write."""
    for stem in stems():
        for text in given_away(stem):
            raise CourseError(f"notebooks/{stem}.ipynb holds a piece of its solutions: {text!r}.")
        yield notebook(f"notebooks/{stem}")
    figure = "book/_static/towers.svg"
    yield plain.ELSEWHERE[figure], (plain.ROOT / figure).read_text(encoding="utf-8")


def solutions(_: Term) -> Files:
    """The solutions of all exercises."""
    for stem in stems():
        yield notebook(f"notebooks/solutions/{stem}")


def quizzes(_: Term) -> Files:
    """Each lesson's questions to read, and all of them to load."""
    for stem in stems():
        yield f"quizzes/{stem}.md", quiz_bank.sheet(stem)
    package = dict(quiz_bank.package(stems()))
    for name, text in package.items():
        yield f"quizzes/qti/{name}", text
    yield "quizzes/qti.zip", zipped({name: text.encode() for name, text in package.items()})


def assignments(_: Term) -> Files:
    """One sheet a lesson: what to hand in, and the points of each exercise."""
    for stem in stems():
        target, slug = f"assignments/{stem}.md", stem[3:]
        document = f"book/instructor/lessons/{slug}"
        afterwards = (plain.ROOT / f"{document}.md").read_text().split("## Afterwards\n")[1]
        cards = exercises(stem)
        points = {name: POINTS * int(card["difficulty"]) for name, card in cards.items()}
        rows = [
            f"| {card['title']} (`{name}`) | {card['kind']} | {card['minutes']} "
            f"| {card['trains']} | {points[name]} |"
            for name, card in cards.items()
        ]
        lines = [
            f"# Assignment {stem[:2]}: {plain.title(f'notebooks/{stem}')}",
            f"The lesson: [{stem}](../student/{stem}.ipynb).",
            "## What to hand in",
            plain.markdown(afterwards.strip(), document, target),
            "## Exercises of the lesson",
            "| exercise | kind | minutes | trains | points |\n|---|---|---:|---|---:|\n"
            + "\n".join(rows),
            f"{sum(points.values())} points in all: {POINTS} for each step of difficulty, 1 to 3.",
        ]
        yield target, "\n\n".join(lines) + "\n"


def exercises(stem: str) -> dict[str, dict[str, str]]:
    """The exercises of a lesson by name: title, kind, difficulty, minutes, and what it trains."""
    cells = read(f"notebooks/{stem}").cells
    cards = [match.groupdict() for cell in cells if (match := CARD.match(cell.source))]
    names = [cell.metadata["exercise"] for cell in cells if "exercise" in cell.metadata]
    return dict(zip(names, cards, strict=True))


def pages(chosen: str) -> Files:
    """The pages of book/instructor whose place in the pack begins with `chosen`."""
    for path in sorted(INSTRUCTOR.rglob("*.md")):
        document = path.relative_to(plain.ROOT).with_suffix("").as_posix()
        target = plain.place(document) or ""
        if target.startswith(chosen):
            text = plain.markdown(path.read_text(encoding="utf-8"), document, target)
            yield target, text.lstrip("\n")


def schedule(when: Term) -> Files:
    """Three plans with the dates of a term: a table to compute with, and one to read."""
    by_slug = {stem[3:]: stem for stem in stems()}
    for plan in schedules.plans():
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["date", "session", "minutes", "lesson", "what", "who"])
        lines = [f"# {plan['title']}, {when.name}", plan["purpose"], f"*Before:* {plan['before']}"]
        lines += ["Sessions are weekly. Holidays are not known here: move what falls on one."]
        for week, session in enumerate(plan["session"]):
            day = (when.start + timedelta(weeks=week)).isoformat()
            rows = ["| min | what happens | who works | lesson |", "|---:|---|---|---|"]
            for part in session["parts"]:
                stem, minutes = by_slug[part["lesson"]], part["minutes"]
                writer.writerow([day, session["title"], minutes, stem, part["what"], part["who"]])
                link = f"[{stem[:2]}](../student/{stem}.ipynb)"
                rows.append(f"| {minutes} | {part['what']} | {part['who']} | {link} |")
            lines += [f"## {day}: {session['title']} ({session['minutes']} minutes)"]
            lines += ["\n".join(rows)]
        yield f"schedule/{plan['name']}.csv", table.getvalue()
        yield f"schedule/{plan['name']}.md", "\n\n".join(lines) + "\n"


def decks(_: Term) -> Files:
    """A deck of slides a lesson, and what the decks share."""
    for name, content in slides.files():
        yield f"slides/{name}", content


def autograders(when: Term) -> Files:
    """Each lesson for otter-grader and for nbgrader; the course's package once, for the former."""
    for stem in stems():
        slug = stem[3:]
        for program, files in (
            ("otter", grading_formats.otter_files(slug, when.seed)),
            ("nbgrader", grading_formats.nbgrader_files(slug, when.seed)),
        ):
            for name, text in files.items():
                target = f"autograders/{program}/{slug}/{name}"
                if name.endswith(".ipynb"):
                    content = nbformat.reads(text, as_version=4)
                    text = plainly(content, f"notebooks/{stem}", target)
                yield target, text
    yield "autograders/otter/join.py", JOIN
    yield "autograders/otter/course.zip", zipped(dict(grading_formats.package_files()))


PARTS = (
    Part(
        "student/",
        student,
        "The lessons as notebooks, with stubs where students write. Install the course first (two "
        "commands, in its README), then open them in JupyterLab. The links *Solution* lead to "
        "`solutions/` beside them, and nowhere if you hand out `student/` alone.",
    ),
    Part(
        "slides/",
        decks,
        "A deck a lesson for reveal.js: open `NN_lesson.html` in a browser, with or without a "
        "network. `S` opens notes for the speaker in a second window; `?print-pdf` behind the "
        "address lays the slides out for printing. Keep `vendor/` beside the decks.",
    ),
    Part("solutions/", solutions, "A notebook a lesson with the solutions of its exercises."),
    Part(
        "quizzes/",
        quizzes,
        "Five questions a lesson with a reason for every choice. To read: `NN_lesson.md`. To load "
        "into a learning platform that imports QTI 2.1: upload `qti.zip`; `qti/` holds the same "
        "files. They keep to the specification and were tried in no platform: load them, and "
        "answer one test before a class does.",
    ),
    Part("assignments/", assignments, "A sheet a lesson: what to hand in; exercises and points."),
    Part(
        "autograders/",
        autograders,
        "The exercises for two graders, on hidden inputs; not for students. otter-grader 7 "
        "(Gradescope, Canvas): `python autograders/otter/join.py measuring_bias` writes the zip to "
        "upload. nbgrader 0.9: copy `nbgrader/SLUG/source` into your course. `SEED=` of "
        "`make pack` draws other inputs; without it they follow from the term's name, which is no "
        "secret.",
    ),
    Part("rubrics/", lambda _: pages("rubrics/"), "The capstone: task, rubric, graded examples."),
    Part(
        "schedule/",
        schedule,
        "One class, four evenings, twelve weeks, with dates: to read, and as CSV for spreadsheets.",
    ),
    Part(
        "survey.md",
        lambda _: pages("survey.md"),
        "Ten anonymous questions on a lesson, its pace, and where students stopped. Print it, or "
        "copy it into a survey tool.",
    ),
    Part(
        "instructor/",
        lambda _: pages("instructor/"),
        "Notes for teaching, an exam with model answers. Begin with `index.md`.",
    ),
)


def readme(when: Term) -> str:
    """The first page of the pack."""
    rows = "".join(f"| `{part.name}` | {part.holds} |\n" for part in PARTS)
    published = address.read()
    book = f" The book: {published.pages}" if published and published.pages else ""
    return f"""# The Long Tail Course: pack for {when.name}

Version {__version__}.{book}

| Here | What it is, and how it is used |
|---|---|
{rows}
Give students `student/`, `assignments/`, `rubrics/` and the plan that you chose. Solutions and
answers are in the open in the book, so grade what cannot be copied. In Markdown files formulas
stand between `$`, as Jupyter reads them; in QTI files they are written as text.

Text and figures: CC BY 4.0 (`LICENSE-TEXT`). Code: MIT (`LICENSE`).
"""


def contents(when: Term) -> dict[str, bytes]:
    """All files of the pack by name."""
    found: dict[str, str | bytes] = {"README.md": readme(when)}
    for name in ("LICENSE", "LICENSE-TEXT"):
        found[name] = (plain.ROOT / name).read_bytes()
    for part in PARTS:
        found |= dict(part.files(when))
    return {n: text.encode() if isinstance(text, str) else text for n, text in found.items()}


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip whose bytes depend on the files alone."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, OLDEST)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Unix, wherever made
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("term", help="for example 2027S or 2026W")
    parser.add_argument("--start", metavar="YYYY-MM-DD", help="day of the first session")
    parser.add_argument("--seed", type=int, help="of the graders' hidden inputs, from 1 up, secret")
    options = parser.parse_args()
    try:
        when = term(options.term, options.start, options.seed)
        packed = zipped(contents(when))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"long-tail-course-{when.name}.zip"
    path.write_bytes(packed)
    print(f"{path.relative_to(plain.ROOT)}: {len(packed) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
