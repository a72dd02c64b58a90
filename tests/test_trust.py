"""The page of promises: each has tests that exist; what a whole run gave is counted rightly."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import tiny_book
import trust
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
PROMISES = trust.read()
NODES = sorted({node for promise in PROMISES for node in promise.tests})
REPORT = """<?xml version="1.0"?><testsuites><testsuite timestamp="2026-12-01T10:00:00">
<testcase classname="tests.test_a" name="test_one" time="1.5"/>
<testcase classname="tests.test_a" name="test_one_more" time="1"/>
<testcase classname="tests.test_a" name="test_two[x]" time="0.25"><failure>no</failure></testcase>
<testcase classname="tests.test_a" name="test_two[y::z]" time="0.25"><error>no</error></testcase>
<testcase classname="tests.test_ab" name="test_one" time="4"><skipped>why</skipped></testcase>
<testcase classname="notebooks.00_x.ipynb" name="Cell 0" time="2"/>
</testsuite></testsuites>"""
TABLE = """
[[promise]]
id = "one"
title = "One"
text = "One is one."
page = "page"
tests = ["tests/test_a.py::test_one"]

[[promise]]
id = "two"
title = "Two"
text = "Two is two."
page = "page"
tests = ["tests/test_a.py::test_two", "notebooks/"]
"""


def test_every_promise_has_tests_a_page_and_a_name_of_its_own() -> None:
    assert max(Counter(promise.id for promise in PROMISES).values()) == 1
    for promise in PROMISES:
        assert promise.tests, promise.id
        assert (ROOT / "book" / f"{promise.page}.md").exists(), promise.page


@pytest.mark.parametrize("node", NODES)
def test_every_named_test_is_written(node: str) -> None:
    assert (ROOT / node.partition("::")[0]).exists()
    assert "::" not in node or trust.line_of(node) is not None


@pytest.mark.slow
def test_every_named_test_is_collected() -> None:
    """Pytest fails where it does not find a node."""
    for group in trust.groups(NODES):
        done = trust.pytest(group, "--collect-only", capture_output=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        for node in group:
            assert node in done.stdout, node


@pytest.mark.parametrize(
    ("node", "names"),
    [
        ("tests/test_a.py::test_one", ["test_one"]),
        ("tests/test_a.py::test_two", ["test_two[x]", "test_two[y::z]"]),
        ("tests/test_a.py", ["test_one", "test_one_more", "test_two[x]", "test_two[y::z]"]),
        ("notebooks/", ["Cell 0"]),
        ("notebooks/00_x.ipynb", ["Cell 0"]),
        ("tests/test_b.py", []),
    ],
)
def test_what_belongs_to_a_node(node: str, names: list[str], tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(REPORT)
    assert [c.name for c in trust.cases(tmp_path / "r.xml") if trust.belongs(c, node)] == names


def test_pytests_own_report_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_a.py").write_text(
        "import pytest\n\n@pytest.mark.parametrize('x', ['a.b', 'c::d'])\ndef test_x(x): pass\n\n"
        "class TestC:\n    def test_y(self): assert False\n\n"
        "def test_z(): pytest.skip('no')\n"
    )
    report = tmp_path / "r.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    subprocess.run([*command, f"--junitxml={report}"], cwd=tmp_path, capture_output=True)
    found = list(trust.cases(report))
    outcomes = {
        node: [case.outcome for case in found if trust.belongs(case, f"tests/test_a.py{node}")]
        for node in ("::test_x", "::TestC::test_y", "::test_z", "")
    }
    assert outcomes == {
        "::test_x": ["passed", "passed"],
        "::TestC::test_y": ["failed"],
        "::test_z": ["skipped"],
        "": ["passed", "passed", "failed", "skipped"],
    }


def test_a_whole_run_is_recorded(tmp_path: Path) -> None:
    (tmp_path / trust.PROMISES).write_text(TABLE)
    (tmp_path / "r.xml").write_text(REPORT)
    written = trust.record([tmp_path / "r.xml"], tmp_path)
    assert json.loads((tmp_path / trust.RECORD).read_text()) == written
    assert written["date"] == "2026-12-01"
    assert written["all"] == {"passed": 3, "failed": 2, "skipped": 1, "seconds": 9.0}
    assert written["promises"] == {
        "one": {"passed": 1, "failed": 0, "skipped": 0, "seconds": 1.5},
        "two": {"passed": 1, "failed": 2, "skipped": 0, "seconds": 2.5},
    }


def page(folder: Path, options: str = "", **more: str) -> BeautifulSoup:
    files = {
        "index.md": "# I\n\n```{toctree}\nbook/page\n```\n",
        "book/page.md": "# Page\n\n```{promises}\n```\n",
        "book/trust.toml": TABLE,
    } | {f"book/trust.{kind}": text for kind, text in more.items()}
    output, warnings = tiny_book.build(
        folder, files, f'extensions += ["trust"]\nhtml_theme = "sphinx_book_theme"\n{options}'
    )
    assert warnings == []
    return BeautifulSoup((output / "book" / "page.html").read_text(), "html.parser")


def test_before_a_whole_run_the_page_says_so(tmp_path: Path) -> None:
    text = page(tmp_path).select("div.promises")[0].get_text()
    assert text.count("last whole run: not yet run as a whole") == 2
    assert "were not yet run as a whole" in text
    assert "trust.py run two" in text


def test_afterwards_it_shows_what_the_run_gave(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(REPORT)
    (tmp_path / trust.PROMISES).write_text(TABLE)
    written = trust.record([tmp_path / "r.xml"], tmp_path)
    del written["promises"]["one"]
    options = 'html_theme_options = {"repository_url": "https://github.com/a/b/"}'
    found = page(tmp_path, options, json=json.dumps(written)).select("div.promises")[0]
    text = found.get_text()
    assert "2026-12-01" in text
    assert "last whole run: 1 passed, 2 failed, 2 s" in text
    assert "last whole run: not yet run as a whole" in text  # a promise that is newer
    links = [str(link["href"]) for link in found.select("li a[href^='https://']")]
    assert links == [
        "https://github.com/a/b/blob/main/tests/test_a.py",
        "https://github.com/a/b/blob/main/tests/test_a.py",
        "https://github.com/a/b/tree/main/notebooks",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Give `record REPORT.xml …` or `run PROMISE …`."),
        (["record"], "Give `record REPORT.xml …` or `run PROMISE …`."),
        (["record", "none.xml"], "none.xml is missing; make full writes it."),
        (["run"], "Name a promise; there are: resume, "),
        (["run", "luck"], "No promise is named luck; there are: resume, "),
    ],
)
def test_bad_input_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trust.main(arguments) == 2
    assert capsys.readouterr().err.startswith(told)
