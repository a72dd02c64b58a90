"""Slides for each lesson: a reveal.js deck that needs no network, with notes for who speaks.

    python book/tools/slides.py [folder]     write all decks, into _build/slides

``book/instructor/slides.toml`` says what is on the slides of a lesson, in order::

    [[clip_against_supervised]]
    title = "Two losses on one batch"       # without it: the heading above the cell in the lesson
    text = "Markdown, with $math$"
    code = ["info_nce"]                     # functions, classes or constants of the lesson
    printed = "thirds = intervals.means("   # words of one cell: what it printed, as a table or text
    figure = "fig-gap-seeds"                # a labeled figure, with its caption and alt text
    claims = ["gap-predictions"]            # recorded claims, beside what the paper has
    notes = ["Why is InfoNCE"]              # words of one item of the lesson's teaching notes

    [[clip_against_supervised]]
    vote = true                             # the vote of the teaching notes

A slide has one or more of these. A first slide with the lesson's question and a last one with what
to take home are added. The speaker's notes come from ``book/instructor/lessons``: the items that
slides name, and at the end all misconceptions and questions that none does. Nothing is executed:
code, figures and numbers are those of the stored notebook, claims those of the stored records.

The cells are named here and not tagged in the lessons. With Jupyter's own ``slide_type`` each cell
without a tag would be shown, so all would need one; and a slide's sentence is none of the lesson's.

As a Sphinx extension the tool writes the decks into ``_static/slides`` of the built book.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import displays
import nbformat
import plain
from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

import notebooks
from lt_course import evidence
from lt_course.errors import CourseError
from lt_course.plots import claims

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

INSTRUCTOR = plain.ROOT / "book" / "instructor"
SOURCE = INSTRUCTOR / "slides.toml"
TEMPLATES = plain.ROOT / "book" / "_templates"
VENDOR = plain.ROOT / "book" / "_static" / "vendor"
SHARED = ("reveal", "mathjax")  # what decks load, of the vendored packages
WHAT = {"text", "code", "printed", "figure", "claims", "vote"}
BESIDE = "The paper's numbers beside ours"
LINES = 14  # of code on one slide
WIDTHS = {70: "", 82: "wide", 999: "wider"}  # columns of code, and how they are set
ROWS, WIDTH = 7, 1160  # of a table that is set large, the width in pixels
VOTE = re.compile(r"\*(?P<question>[^*]+)\*\s+(?P<choices>\(a\).*?)\.\s+(?P<rest>.+)", re.DOTALL)
ITEM = re.compile(r"^(?:- |\d+\. |\| *\d+ *\|)")
STYLE = "a11y-high-contrast-light"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\([^)]+\)")

Entry = dict[str, Any]


class Slide(NamedTuple):
    """What is shown, what the speaker reads, and a class for its style."""

    html: str
    notes: str
    name: str = ""


class Item(NamedTuple):
    """A paragraph of the teaching notes, and the section that it stands in."""

    section: str
    text: str


@cache
def entries() -> dict[str, list[Entry]]:
    """Return the slides of each lesson as ``slides.toml`` has them."""
    try:
        return tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{SOURCE.name} is not TOML ({error}): mend it.") from error


class Lesson:
    """A stored notebook and its teaching notes, and what slides take from them."""

    def __init__(self, stem: str) -> None:
        self.stem, self.document = stem, f"notebooks/{stem}"
        self.notes_of = f"book/instructor/lessons/{stem[3:]}"
        notebook = nbformat.read(plain.ROOT / f"{self.document}.ipynb", as_version=4)
        self.course: dict[str, Any] = notebook.metadata["course"]
        self.cells: list[NotebookNode] = notebook.cells
        page = (plain.ROOT / f"{self.notes_of}.md").read_text(encoding="utf-8")
        self.sections = dict(
            part.partition("\n")[::2] for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]
        )

    def error(self, sentence: str) -> CourseError:
        """A complaint about an entry of this lesson."""
        return CourseError(f"{SOURCE.name}, {self.stem[3:]}: {sentence}")

    def one(self, found: list[Any], what: str) -> Any:
        """The only thing found."""
        if len(found) != 1:
            raise self.error(f"{what} is there {len(found)} times: name one.")
        return found[0]

    def heading(self, cell: NotebookNode) -> str:
        """The nearest heading above a cell."""
        above = self.cells[: self.cells.index(cell) + 1]
        text = "\n".join(c.source for c in above if c.cell_type == "markdown")
        last: str = re.findall(r"^#{1,3} (?:Exercise: |\d+\. )?(.+)$", text, re.MULTILINE)[-1]
        return last[0].upper() + last[1:]

    def figure(self, name: str) -> tuple[NotebookNode, str]:
        """A labeled figure's cell, and the figure with its caption."""
        labels = [cell.metadata.get("mystnb", {}) for cell in self.cells]
        places = [i for i, m in enumerate(labels) if m.get("figure", {}).get("name") == name]
        cell = self.cells[self.one(places, f"the figure {name!r}")]
        pictures = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
        picture = self.one(pictures, f"a picture of {name!r}").replace("\n", "")
        shown = cell.metadata["mystnb"]
        return cell, (
            f'<figure><img alt="{escape(shown["image"]["alt"])}" '
            f'src="data:image/png;base64,{picture}">\n'
            f"<figcaption>{self.inline(shown['figure']['caption'])}</figcaption></figure>"
        )

    def code(self, names: list[str]) -> tuple[NotebookNode, str]:
        """The first name's cell, and what the lesson first defines each name as, set as code."""
        lines: list[str] = []
        cells: list[NotebookNode] = []
        for name in names:
            found = [
                (cell, "\n".join(cell.source.splitlines()[_first(node) - 1 : node.end_lineno]))
                for cell in self.cells
                if cell.cell_type == "code" and "exercise" not in cell.metadata
                for node in ast.parse(re.sub(r"^[%!].*", "", cell.source, flags=re.M)).body
                if name in _bound(node)
            ]
            if not found:
                raise self.error(f"no cell defines {name!r}.")
            cell, text = found[0]
            cells.append(cell)
            lines += [*([""] if lines else []), *text.splitlines()]
        if len(lines) > LINES:
            raise self.error(f"{', '.join(names)} has {len(lines)} lines: {LINES} fit on a slide.")
        html = highlight("\n".join(lines), PythonLexer(), HtmlFormatter(nowrap=True)).strip("\n")
        return cells[
            0
        ], f'<div class="highlight"><pre class="{_width(lines)}"><code>{html}</code></pre></div>'

    def printed(self, words: str) -> tuple[NotebookNode, str]:
        """The cell with these words, and its table, or else what it printed."""
        found = [c for c in self.cells if c.cell_type == "code" and words in c.source]
        cell = self.one(found, f"a cell with {words!r}")
        shown = list(filter(None, map(_output, cell.outputs)))
        tables = [each for each in shown if each.startswith("<table")]
        html = "\n".join(tables or shown)
        if not html:
            raise self.error(f"the cell with {words!r} printed nothing.")
        return cell, html

    def claims(self, ids: list[str]) -> tuple[NotebookNode, str]:
        """No cell of its own, and a table of recorded claims."""
        table = claims.table(evidence.verdicts(self.stem[3:]))
        if strange := set(ids) - set(table.index):
            raise self.error(f"{min(strange)!r} is no claim of this lesson.")
        table = table.loc[ids, ["claim", "in the paper", "ours", "verdict"]]
        for column in ("in the paper", "verdict"):  # without what stands in brackets
            table[column] = table[column].str.partition(" (")[0]
        table = table.rename(columns={"in the paper": "paper"})
        html = displays.table(table.to_html(index=False, border=0))
        return self.cells[0], html.replace('class="dataframe"', 'class="claims"') + (
            "<figcaption>Effects over recorded seeds, with 95 % intervals.</figcaption>"
        )

    def note(self, words: str) -> Item:
        """The item of the teaching notes that has these words."""
        found = [item for item in items(self.sections) if words in item.text]
        item: Item = self.one(found, f"an item with {words!r} in {self.notes_of}.md")
        return item

    def markdown(self, text: str) -> str:
        """Set Markdown of the teaching notes, or of the table of slides, as HTML."""
        return _renderer().render(LINK.sub(r"\1", plain.markdown(text, self.notes_of, "")))

    def inline(self, text: str) -> str:
        """Set one line of the lesson's own Markdown as HTML."""
        return _renderer().renderInline(LINK.sub(r"\1", plain.markdown(text, self.document, "")))


def _first(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {
        each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)
    }


def _output(output: NotebookNode) -> str:
    """An output's table, or its text."""
    data = output.get("data", {})
    if "text/html" in data:
        tables = re.findall(r"<table.*?</table>", data["text/html"], re.DOTALL)
        return "\n".join(map(_table, tables))
    text = output.get("text") or data.get("text/plain", "")
    width = _width(text.splitlines())
    return f'<pre class="printed {width}">{escape(text.rstrip())}</pre>' if text.strip() else ""


def _width(lines: list[str]) -> str:
    """The class for text of a fixed pitch."""
    longest = max(map(len, lines), default=0)
    return next(name for columns, name in WIDTHS.items() if longest <= columns)


def _table(html: str) -> str:
    bare = re.sub(r'\s(?:border|class|id|style)="[^"]*"', "", html)
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in bare.split("<tr")[1:]]
    width = max(15 * len(" ".join(cells)) + 32 * len(cells) for cells in rows)
    long = ' class="long"' if len(rows) > ROWS or width > WIDTH else ""
    return displays.table(bare).replace("<table", f"<table{long}", 1)


@cache
def _renderer() -> MarkdownIt:
    made = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
    made.add_render_rule(
        "math_inline", lambda _, tokens, i, *__: rf"\({escape(tokens[i].content)}\)"
    )
    made.add_render_rule(
        "math_block", lambda _, tokens, i, *__: rf"\[{escape(tokens[i].content)}\]"
    )
    return made


def items(sections: dict[str, str]) -> Iterator[Item]:
    """Yield the points, steps and rows of the teaching notes."""
    for section, text in sections.items():
        known: list[str] = []
        for line in text.splitlines():
            if ITEM.match(line):
                known.append(line)
            elif known and (line.startswith(" ") or not line):
                known[-1] += f"\n{line}"
        for each in known:
            yield Item(section, _row(each) if each.startswith("|") else each.strip())


def _row(line: str) -> str:
    """A row of "Minute by minute" as a sentence."""
    minutes, what, who, where = (cell.strip() for cell in line.strip().strip("|").split("|"))
    return f"- **{minutes} minutes, {who}.** {what} ({where})"


def first(lesson: Lesson) -> Slide:
    """The lesson's question; in the notes what to do before, and the plan."""
    title, question = plain.title(lesson.document), lesson.course["question"]
    repeats = question.casefold() in title.casefold()
    asked = "" if repeats else f'<p class="question">{lesson.inline(question)}</p>\n'
    html = (
        f"<h1>{lesson.inline(title)}</h1>\n{asked}"
        f'<p class="small">The Long Tail Course, lesson {lesson.stem[:2]} · CC BY 4.0</p>'
    )
    notes = [
        f"**Before class.** {lesson.sections['Before class'].strip()}",
        "**Minute by minute**",
        "\n".join(i.text for i in items(lesson.sections) if i.section == "Minute by minute"),
        "**What breaks, and what to do**",
        "\n".join(i.text for i in items(lesson.sections) if i.section.startswith("What breaks")),
    ]
    return Slide(html, lesson.markdown("\n\n".join(notes)), "cover")


def last(lesson: Lesson, said: set[Item]) -> Slide:
    """What to take home; in the notes what no other slide says."""
    home = lesson.markdown(lesson.sections["The one thing to take home"].strip())
    notes = [f"**Afterwards.** {lesson.sections['Afterwards'].strip()}"]
    for section in ("Misconceptions, and the experiment that cures each", "Questions to ask"):
        left = [i.text for i in items(lesson.sections) if i.section == section and i not in said]
        if left:
            notes += [f"**{section}**", "\n".join(left)]
    return Slide(f"<h2>To take home</h2>\n{home}", lesson.markdown("\n\n".join(notes)), "home")


def vote(lesson: Lesson) -> tuple[str, str]:
    """The vote of the teaching notes: the slide, and the answer."""
    match = VOTE.search(lesson.sections["Vote before the run"])
    if match is None:
        raise lesson.error('"Vote before the run" is not *a question* (a) ...; (b) ....')
    choices = re.split(r";?\s*\(([a-d])\)\s+", match["choices"])[1:]
    listed = "\n".join(
        f"<li><b>({letter})</b>{lesson.inline(text)}</li>"
        for letter, text in zip(choices[::2], choices[1::2], strict=True)
    )
    ending = "" if match["question"].endswith("?") else " …"
    html = f"<p>{lesson.inline(match['question'])}{ending}</p>\n<ol>\n{listed}\n</ol>"
    return html, match["rest"].strip()


def slide(lesson: Lesson, entry: Entry) -> Slide:
    """One slide of the table."""
    if strange := set(entry) - WHAT - {"title", "notes"}:
        raise lesson.error(f"`{min(strange)}` is no key of a slide.")
    if not WHAT & set(entry):
        raise lesson.error(f"a slide shows none of {', '.join(sorted(WHAT))}.")
    notes = [lesson.note(words).text for words in entry.get("notes", [])]
    if "vote" in entry:
        html, answer = vote(lesson)
        said = lesson.markdown("\n".join(notes) + f"\n\n**Answer.** {answer}")
        return Slide(f"<h2>{entry.get('title', 'Vote')}</h2>\n{html}", said, "vote")
    kinds = [kind for kind in ("code", "printed", "figure", "claims") if kind in entry]
    drawn = [getattr(lesson, kind)(entry[kind]) for kind in kinds]
    if "title" not in entry and not drawn:
        raise lesson.error("a slide of text has no `title`.")
    title = entry.get("title") or (BESIDE if "claims" in kinds else lesson.heading(drawn[0][0]))
    text = [f'<div class="text">{lesson.markdown(entry["text"])}</div>'] if "text" in entry else []
    parts = [f"<h2>{lesson.inline(title)}</h2>", *text, *(html for _, html in drawn)]
    return Slide("\n".join(parts), lesson.markdown("\n".join(notes)))


def deck(stem: str, vendor: str = "vendor") -> str:
    """Return the deck of a lesson as HTML.

    Args:
        stem: for example ``05_language``.
        vendor: where the deck finds the shared packages.
    """
    lesson, planned = Lesson(stem), entries().get(stem[3:], [])
    if not planned:
        raise CourseError(f"{SOURCE.name} has no slides of {stem[3:]}: write [[{stem[3:]}]].")
    said = {lesson.note(words) for entry in planned for words in entry.get("notes", [])}
    slides = [first(lesson), *(slide(lesson, entry) for entry in planned), last(lesson, said)]
    text = "".join(each.html + each.notes for each in slides)
    return _template().render(
        number=stem[:2],
        title=escape(plain.title(lesson.document)),
        vendor=vendor,
        style=(TEMPLATES / "slides.css").read_text(encoding="utf-8"),
        highlight=HtmlFormatter(style=STYLE).get_style_defs(".highlight"),
        slides=slides,
        formulas=r"\(" in text or r"\[" in text,
    )


@cache
def _template() -> Any:
    return Environment(loader=FileSystemLoader(TEMPLATES)).get_template("slides.html")


def shared() -> Iterator[tuple[str, bytes]]:
    """Yield the files that all decks load, by their place beside them."""
    for package in SHARED:
        for path in sorted((VENDOR / package).rglob("*")):
            if path.is_file():
                yield f"vendor/{path.relative_to(VENDOR).as_posix()}", path.read_bytes()


def files() -> Iterator[tuple[str, str | bytes]]:
    """Yield the decks of all lessons, and what they load beside them."""
    for source in notebooks.sources():
        yield f"{source.stem}.html", deck(source.stem)
    yield from shared()


def into_the_book(app: Sphinx, error: Exception | None) -> None:
    """Write the decks beside the vendored packages of the built book."""
    if error is not None or not isinstance(app.builder, StandaloneHTMLBuilder):
        return
    folder = Path(app.outdir, "_static", "slides")
    folder.mkdir(exist_ok=True)
    for source in notebooks.sources():
        html = deck(source.stem, vendor="../vendor")
        (folder / f"{source.stem}.html").write_text(html, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write when all pages are there."""
    app.connect("build-finished", into_the_book)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def main() -> int:
    """Run the command line; return the exit status."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else plain.ROOT / "_build" / "slides"
    try:
        for name, content in files():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Slides in {folder}; in a browser, S opens the speaker's notes.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
