"""Old addresses of renamed lessons lead to the new ones."""

from pathlib import Path

import pytest
import redirects
import tiny_book
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
TABLE = redirects.read(ROOT)
SETTINGS = "extensions += ['redirects']"


@pytest.mark.parametrize(("old", "new"), TABLE.items())
def test_the_table_leads_from_no_lesson_to_a_lesson(old: str, new: str) -> None:
    assert not (ROOT / f"{old}.ipynb").exists()
    assert (ROOT / f"{new}.ipynb").exists()
    assert old.partition("_")[2] == new.partition("_")[2]


def test_every_renumbered_lesson_is_there() -> None:
    assert len(TABLE) == len(set(TABLE.values())) == 10


def build(folder: Path, table: str) -> tuple[Path, list[str]]:
    files = {"book/new.md": "# New & old\n", "book/redirects.toml": table}
    return tiny_book.build(folder, files | {"index.md": "# I\n\n{doc}`book/new`\n"}, SETTINGS)


def test_a_page_stands_at_the_old_address(tmp_path: Path) -> None:
    output, _ = build(tmp_path, '"old/page" = "book/new"\n"top" = "book/new"')
    page = BeautifulSoup((output / "old" / "page.html").read_text(), "html.parser")
    assert page.select("link[rel=canonical]")[0]["href"] == "../book/new.html"
    assert page.select("meta[http-equiv=refresh]")[0]["content"] == "0; url=../book/new.html"
    (link,) = page.select("a")
    assert (link["href"], link.get_text()) == ("../book/new.html", "New & old")
    top = BeautifulSoup((output / "top.html").read_text(), "html.parser")
    assert top.select("a")[0]["href"] == "book/new.html"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('"index" = "book/new"', "redirects: index is a page of the book: delete its line."),
        ('"old" = "gone"', "redirects: old leads to gone, which is no page: mend its line."),
    ],
)
def test_a_line_that_cannot_hold_is_warned_of(table: str, told: str, tmp_path: Path) -> None:
    output, warnings = build(tmp_path, table)
    assert any(told in line for line in warnings)
    assert not (output / "old.html").exists()
    assert "refresh" not in (output / "index.html").read_text()
