"""A lesson stays readable: short cells, few words, described figures, nothing left over."""

import re
import statistics
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

import notebooks

WORDS, WORDS_OF_EXERCISES = 3000, 1500  # a lesson
CODE_LINES, LONGEST_CELL, MEDIAN_CELL = 250, 25, 8
KILOBYTES = 500
ROOT = notebooks.NOTEBOOKS.parent
PAGES = [*sorted((ROOT / "book").glob("**/*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]
LESSONS = [source.with_suffix(".ipynb") for source in notebooks.sources()]

LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|lorem ipsum)\b")
# Somebody's own folder: /home/…, /Users/…, C:\….
OWN_PATH = re.compile(r"(?<![\w.:/])/(home|root|Users|tmp|mnt|work)/\w|\b[A-Z]:\\")
# Words that tell a reader who does not see it yet that the fault is theirs.
UNKIND = re.compile(r"\b(obviously|trivially|needless to say|as everyone knows)\b", re.I)

lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def read(path: Path) -> NotebookNode:
    """A notebook as a student opens it, but for the cell that installs the course."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id != notebooks.BOOTSTRAP]
    return notebook


def cells(path: Path, kind: str) -> list[NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == kind]


def code_lines(cell: NotebookNode) -> int:
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def complaints(text: str) -> list[str]:
    return [m.group(0) for rule in (LEFT_OVER, OWN_PATH, UNKIND) for m in rule.finditer(text)]


@lesson
def test_words(path: Path) -> None:
    """As the book shows them. An exercise's text is a cell, under a heading of its own."""
    source = notebooks.read_source(path.with_suffix(".py"))
    texts = [cell.source for cell in notebooks.markdown_cells(source)]
    asked = [text for text in texts if text.startswith("### Exercise: ")]
    reading = sum(len(text.split()) for text in texts) - sum(len(text.split()) for text in asked)
    assert reading <= WORDS
    assert sum(len(text.split()) for text in asked) <= WORDS_OF_EXERCISES


CARD = re.compile(
    r"### Exercise: \S[^\n]*\n\n"
    r"\*(Write|Predict|Explain|Choose|Compute) · difficulty [123] of 3 · \d+ minutes"
    r" · trains [^*]+\*\n"
)


@lesson
def test_each_exercise_has_a_card_a_stub_and_a_check(path: Path) -> None:
    found = read(path).cells
    texts = [i for i, cell in enumerate(found) if cell.source.startswith("### Exercise: ")]
    stubs = [i for i, cell in enumerate(found) if "exercise" in cell.metadata]
    assert [i + 1 for i in texts] == stubs
    for text, stub in zip(texts, stubs, strict=True):
        name = found[stub].metadata["exercise"]
        assert CARD.match(found[text].source), found[text].source[:150]
        assert found[stub + 1].source.strip() == f'check("{name}", {answer_of(found[stub])})'
        assert found[stub + 1].metadata.get("tags") == ["remove-cell"]
        assert f"solutions/{path.stem}" in found[text].source


def answer_of(stub: NotebookNode) -> str:
    """The name that a stub defines: of its function, or of what it assigns last."""
    return re.findall(r"^(?:def )?(\w+)(?: = |\()", stub.source, re.M)[-1]


@lesson
def test_code_is_short(path: Path) -> None:
    lengths = [code_lines(cell) for cell in cells(path, "code")]
    assert max(lengths) <= LONGEST_CELL
    assert statistics.median(lengths) <= MEDIAN_CELL
    assert sum(lengths) <= CODE_LINES


@lesson
def test_every_figure_is_described(path: Path) -> None:
    for cell in cells(path, "code"):
        drawn = any("image/png" in output.get("data", {}) for output in cell.outputs)
        hidden = "remove-output" in cell.metadata.get("tags", [])
        if drawn and not hidden:
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt.split()) >= 4, f"no alt text: {cell.source[:80]!r}"


@lesson
def test_no_cell_relies_on_a_trailing_semicolon(path: Path) -> None:
    """nbval runs cells without the history that makes IPython honour it."""
    assert not [c.source for c in cells(path, "code") if c.source.rstrip().endswith(";")]


@lesson
def test_size(path: Path) -> None:
    assert path.stat().st_size < KILOBYTES * 1000


@lesson
def test_opens_with_a_title_and_a_claim(path: Path) -> None:
    text = "\n".join(cell.source for cell in read(path).cells[:2])
    assert re.match(r"# \S", text)
    assert re.search(r"\*\*[^*]{20,}\*\*", text), "no claim in bold under the title"


@pytest.mark.parametrize("path", [*LESSONS, *PAGES], ids=lambda path: path.name)
def test_nothing_is_left_over(path: Path) -> None:
    if path.suffix == ".ipynb":
        text = "\n".join(cell.source for cell in read(path).cells)
    else:
        text = path.read_text(encoding="utf-8")
    assert complaints(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://example.org/home/page and results/home/x", []),
        ("open /home/ann/data", ["/home/a"]),
        ("TODO: write", ["TODO"]),
        ("This is obviously so", ["obviously"]),
        (r"C:\data", ["C:\\"]),
    ],
)
def test_the_rules_themselves(text: str, found: list[str]) -> None:
    assert complaints(text) == found
