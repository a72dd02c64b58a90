"""One lesson in another Jupyter Book, as the page *One lesson in another book* says."""

import re
import subprocess
import sys
from pathlib import Path

import embed
import nbformat
import pack
import plain
import pytest
import quizzes
import yaml
from bs4 import BeautifulSoup

LESSON = "00_start_here"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A book of one page, with outputs as they are stored."""
    (tmp_path / "_config.yml").write_text("title: Another\nexecute: {execute_notebooks: 'off'}\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    (tmp_path / "index.md").write_text("# Another book\n")
    return tmp_path


@pytest.mark.parametrize("stem", pack.stems())
def test_what_is_embedded_needs_nothing_else(stem: str) -> None:
    files = dict(embed.files(stem))
    lesson = nbformat.reads(files[f"notebooks/{stem}.ipynb"], as_version=4)
    text = "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")
    assert not plain.RAW.search(text)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    near = {link for link in links if not re.match(r"https?:|#|data:", link)}
    assert {f"notebooks/{link}" for link in near} <= files.keys()
    assert "CC BY 4.0" in lesson.cells[-1].source
    assert len(quizzes.tomllib.loads(files[f"book/quizzes/{stem[3:]}.toml"])["question"]) == 5


def test_the_styles_are_those_of_questions() -> None:
    css = dict(embed.files(LESSON))["long_tail/static/quiz.css"]
    assert css.count("{") == css.count("}") > 10
    assert all(".quiz" in head for head in re.findall(r"^[^{}\s][^{}]*(?=\{)", css, re.M))


def test_what_is_there_is_not_lost(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert embed.main([LESSON, str(other)]) == 0
    assert embed.main([LESSON, str(other)]) == 0  # the same once more
    own = other / "notebooks" / f"{LESSON}.ipynb"
    own.write_text("mine")
    capsys.readouterr()
    assert embed.main([LESSON, str(other)]) == 2
    assert "is there and differs" in capsys.readouterr().err
    assert own.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["99_none", "{}"], "There is no lesson '99_none'"),
        ([LESSON, "{}/no"], "has no _config.yml"),
    ],
)
def test_what_cannot_be_embedded_is_told(
    arguments: list[str], told: str, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert embed.main([each.format(other) for each in arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.slow
def test_another_book_builds_without_a_warning(
    other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert embed.main([LESSON, str(other)]) == 0
    config, contents = capsys.readouterr().out.split("# _config.yml\n")[1].split("# _toc.yml\n")
    own = yaml.safe_load((other / "_config.yml").read_text())
    (other / "_config.yml").write_text(yaml.safe_dump(own | yaml.safe_load(config)))
    (other / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{contents}")
    book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [book, "build", str(other), "-W", "-n"]
    done = subprocess.run([*command, "--keep-going"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    page = other / "_build" / "html" / "notebooks" / f"{LESSON}.html"
    html = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    assert len(html.select("fieldset.quiz-question")) == 5
    assert len(html.select("article .cell_output img")) >= 3
    loaded = [page.parent / str(each["src"]) for each in html.select("article img")]
    assert all(path.exists() for path in loaded)
    assert "quiz.js" in str(html.select("script[src]"))
    assert "quiz.css" in str(html.select("link[rel=stylesheet]"))
