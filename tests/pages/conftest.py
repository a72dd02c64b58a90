"""Tests of the built book: ``make book``, then ``make pages``.

``--book FOLDER`` (or ``LT_COURSE_BOOK``) names another build than ``_build/html``.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Tab, browser, served

ROOT = Path(__file__).resolve().parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--book",
        type=Path,
        default=Path(os.environ.get("LT_COURSE_BOOK", ROOT / "_build" / "html")),
        help="folder with the built HTML",
    )


@pytest.fixture(scope="session")
def book(pytestconfig: pytest.Config) -> Path:
    folder: Path = pytestconfig.getoption("--book")
    if not (folder / "index.html").exists():
        pytest.skip("no built book: run `make book` first")
    return folder.resolve()


@pytest.fixture(scope="module")
def address(book: Path) -> Iterator[str]:
    with served(book) as url:
        yield url


@pytest.fixture(scope="module")
def tab(book: Path) -> Iterator[Tab]:
    with browser() as opened:
        yield opened
