"""A page of the coming version says so, in the book's own templates; two folders are hosted."""

from pathlib import Path

import editions
import pytest
import tiny_book
import yaml
from bs4 import BeautifulSoup
from bs4.element import Tag
from sphinx.errors import ConfigError

import lt_course

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = f"""
extensions += ["editions"]
html_theme = "sphinx_book_theme"
templates_path = [{str(ROOT / "book" / "_templates")!r}]
html_context = {{"default_mode": "auto"}}
html_theme_options = {{"extra_footer": "<p>Text: CC BY 4.0.</p>"}}
"""
FILES = {"index.md": "# I\n\n```{toctree}\nbook/page\n```\n", "book/page.md": "# Page\n"}


def build(folder: Path) -> dict[str, BeautifulSoup]:
    output, warnings = tiny_book.build(folder, FILES, SETTINGS)
    assert warnings == []
    return {
        name: BeautifulSoup((output / f"{name}.html").read_text(), "html.parser")
        for name in ("index", "book/page")
    }


def banner(page: BeautifulSoup) -> Tag | None:
    return page.select_one("aside.bd-header-announcement:not(.d-none)")


def footer(page: BeautifulSoup) -> str:
    return " ".join(" ".join(each.get_text() for each in page.select("footer")).split())


def test_without_the_variable_nothing_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(editions.EDITION, raising=False)
    for page in build(tmp_path).values():
        assert banner(page) is None
        assert "version" not in footer(page).lower()


def test_the_coming_version_has_a_banner_with_a_relative_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stable = tmp_path / "stable"
    stable.mkdir()
    (stable / "index.html").write_text("")  # the page is new: it is not in the stable one
    monkeypatch.setenv(editions.EDITION, "next")
    monkeypatch.setenv(editions.OTHER, str(stable))
    pages = build(tmp_path)
    for name, address in {
        "index": "../stable/index.html",
        "book/page": "../../stable/index.html",
    }.items():
        told = banner(pages[name])
        assert told is not None
        assert told.get_text().strip() == (
            "This is the coming version; the stable one is for reading and citing."
        )
        assert [link["href"] for link in told.select("a")] == [address]


def test_the_stable_one_says_its_version_and_leads_to_the_coming_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coming = tmp_path / "next" / "book"
    coming.mkdir(parents=True)
    (coming / "page.html").write_text("")
    monkeypatch.setenv(editions.EDITION, "stable")
    monkeypatch.setenv(editions.OTHER, str(coming.parent))
    page = build(tmp_path)["book/page"]
    assert banner(page) is None
    assert f"Version {lt_course.__version__}, the stable one." in footer(page)
    assert "CC BY 4.0" in footer(page)
    assert page.select('footer a[href="../../next/book/page.html"]')


def test_another_edition_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(editions.EDITION, "nightly")
    with pytest.raises(ConfigError, match="'nightly': set it to next or stable"):
        editions.check(None)  # type: ignore[arg-type]


def test_the_book_has_the_extension_and_the_workflow_names_both() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert config["sphinx"]["local_extensions"]["editions"] == "book/tools"
    text = (ROOT / ".github" / "workflows" / "pages.yml").read_text()
    assert text.startswith("# Never run")
    steps = yaml.safe_load(text)["jobs"]["build"]["steps"]
    named = [step.get("env", {}).get(editions.EDITION) for step in steps]
    assert [name for name in named if name] == ["stable", "next"]
