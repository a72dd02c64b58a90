"""Where the course is published: with the settings and without, nothing points to a wrong place."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import address
import nbformat
import pack
import pytest
import tiny_book
from address import Address
from bs4 import BeautifulSoup

import notebooks
from lt_course import evidence
from lt_course.errors import CourseError
from lt_course.evidence import results

ROOT = Path(__file__).resolve().parents[1]
REEF = Address("https://github.com/reef/course", "v1.0", "https://reef.example/course/")
LESSONS = notebooks.sources()
# What only the book can draw. Written apart from plain.py, which has patterns of its own.
RAW = re.compile(
    r"\{(?:exercise|solution|cite|term|doc|ref|eq|numref|abbr|sub|sup|download)[:a-z-]*\}"
    r"|\{[a-z]+(?:[:-][a-z]+)?\}`|(?:```|~~~)\s*\{|^\s*:::|^\+\+\+|^\([\w-]+\)=\s*$|^% ",
    re.MULTILINE,
)


def written(folder: Path, **settings: object) -> Path:
    """A file of settings, all of them empty but those named."""
    path = folder / "address.toml"
    values = {"repository": "", "tag": "", "pages": ""} | settings
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    return path


def use(monkeypatch: pytest.MonkeyPatch, found: Address | None) -> None:
    monkeypatch.setattr(address, "read", lambda *_: found)


# The settings


def test_empty_settings_are_no_address(tmp_path: Path) -> None:
    assert address.read(written(tmp_path)) is None


def test_settings_are_read(tmp_path: Path) -> None:
    assert address.read(written(tmp_path, **REEF._asdict())) == REEF
    path = written(tmp_path, repository=REEF.repository, tag="v2")
    assert address.read(path) == Address(REEF.repository, "v2", "")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"repository": REEF.repository}, "tag is empty: set repository and tag, or nothing"),
        ({"tag": "v1"}, "repository is empty: set"),
        ({"pages": REEF.pages}, "repository is empty: set"),
        ({"repository": "https://gitlab.com/a/b", "tag": "v1"}, "https://github.com/OWNER/NAME"),
        ({"repository": REEF.repository + ".git", "tag": "v1"}, "https://github.com/OWNER/NAME"),
        ({"repository": REEF.repository + "/", "tag": "v1"}, "https://github.com/OWNER/NAME"),
        ({"repository": REEF.repository, "tag": 'v1"'}, 'tag is \'v1"\': write "v1.0", or'),
        ({"repository": REEF.repository, "tag": 1}, "tag is 1: write"),
        ({**REEF._asdict(), "pages": "https://reef.example"}, "pages is 'https://reef.example'"),
    ],
)
def test_bad_settings_are_one_sentence(
    tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(CourseError) as told:
        address.read(written(tmp_path, **settings))
    assert message in str(told.value)
    assert str(told.value).startswith("book/address.toml: ")


def test_each_service_opens_the_notebook_at_the_tag() -> None:
    path = "notebooks/05_language.ipynb"
    links = Address("https://github.com/reef/course", "v1/a").launchers(path)
    assert (
        links["Colab"] == f"https://colab.research.google.com/github/reef/course/blob/v1/a/{path}"
    )
    kaggle = urlsplit(links["Kaggle"])
    assert (kaggle.netloc, kaggle.path) == ("kaggle.com", "/kernels/welcome")
    assert parse_qs(kaggle.query) == {"src": [f"https://github.com/reef/course/blob/v1/a/{path}"]}
    assert (
        links["Binder"] == f"https://mybinder.org/v2/gh/reef/course/v1%2Fa?urlpath=lab/tree/{path}"
    )


# What is committed


@pytest.mark.parametrize("name", address.WRITTEN)
def test_files_say_what_the_settings_say(name: str) -> None:
    text = (ROOT / name).read_text()
    assert address.WRITTEN[name](text, address.read()) == text, "run book/tools/address.py"


@pytest.mark.parametrize("name", address.WRITTEN)
def test_an_address_comes_and_goes(name: str) -> None:
    make = address.WRITTEN[name]
    without = make((ROOT / name).read_text(), None)
    assert "github.com" not in without
    named = make(without, REEF)
    assert REEF.repository in named
    assert make(named, REEF) == named
    assert make(named, None) == without


def test_the_readme_has_badges_and_a_command() -> None:
    text = address.readme((ROOT / "README.md").read_text(), REEF)
    badges = re.findall(r"\[!\[[^\]]+\]\([^)]+\)\]\(([^)]+)\)", text)
    assert badges == list(REEF.launchers("notebooks/00_start_here.ipynb").values())
    assert "git clone --branch v1.0 https://github.com/reef/course\ncd course\n" in text


def test_no_file_names_an_address_of_its_own() -> None:
    """The course's own repository and pages stand in the settings, and nowhere by hand."""
    looked = [*ROOT.glob("*.*"), *ROOT.glob("book/**/*.md"), *ROOT.glob("book/tools/*.py")]
    looked += [*ROOT.glob("notebooks/**/*.py"), *ROOT.glob(".github/**/*.yml")]
    looked += [*ROOT.glob("lt_course/**/*.py"), *ROOT.glob("book/_templates/*.html")]
    own = re.compile(r"github\.(?:com|io)/[\w.-]*long-tail-course|long-tail-course\.github\.io")
    found = [path for path in looked if path.is_file() and own.search(path.read_text("utf-8"))]
    allowed = [ROOT / name for name in address.WRITTEN] if address.read() else []
    assert set(found) <= set(allowed)


# The notebooks that students open


@pytest.mark.parametrize("source", LESSONS, ids=lambda path: path.stem)
def test_nothing_raw_is_shown_in_a_notebook(source: Path) -> None:
    """In the repository's notebooks, as JupyterLab and Colab open them, and in a pack's."""
    opened = {
        f"{folder}{source.stem}": nbformat.read(ROOT / f"{folder}{source.stem}.ipynb", 4)
        for folder in ("notebooks/", "notebooks/solutions/")
    }
    for document in list(opened):
        place, text = pack.notebook(document)
        opened[place] = nbformat.reads(text, 4)
    assert len(opened) == 4
    for name, notebook in opened.items():
        for text in shown(notebook):
            assert not RAW.search(text), f"{name}: {RAW.search(text)}"


def shown(notebook: nbformat.NotebookNode) -> list[str]:
    """Cells of text, and outputs that are drawn as text or Markdown."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), output.get("data", {}).get("text/markdown", "")]
    return texts


@pytest.mark.parametrize(
    "text",
    [
        *("```{exercise-start}\n", "{cite:t}`a`", "{term}`tail`", "a {doc}`b`", "{abbr}`NC (x)`"),
        *("::::{note}", ":::", "+++", "(here)=\n", "~~~{note}", "% a comment", "{numref}`f`"),
    ],
)
def test_what_is_raw(text: str) -> None:
    assert RAW.search(text)
    assert not RAW.search("`a{b} c` and $x_{c}$, 50 % of it\n\n```python\nx = {1: 2}\n```")


@pytest.mark.parametrize("source", LESSONS, ids=lambda path: path.stem)
def test_links_of_a_notebook_lead_to_files(source: Path) -> None:
    for path in (source.with_suffix(".ipynb"), notebooks.solutions(source).with_suffix(".ipynb")):
        for text in shown(nbformat.read(path, 4)):
            prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
            for link in re.findall(r"\]\(([^)\s]+)\)", prose):
                if not re.match(r"https?://|#", link):
                    assert (path.parent / link).is_file(), f"{path.name} links to {link}"


@pytest.fixture
def reef(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lesson with its notebook, made where no address is named."""
    use(monkeypatch, None)
    source = tmp_path / "00_reef.py"
    source.write_text("# %% [markdown]\n# # Reef\n#\n# A {term}`reef`.\n\n# %%\nprint(1)\n")
    notebook = notebooks.edition(source)
    notebook.cells[1].execution_count = 1
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, source.with_suffix(".ipynb"))
    return source


def test_the_bootstrap_cell_comes_and_goes_and_nothing_is_executed(
    reef: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = reef.with_suffix(".ipynb")
    without = target.read_text()
    assert list(notebooks.problems(reef)) == []

    use(monkeypatch, REEF)
    assert "was not generated" in " ".join(notebooks.problems(reef))
    notebooks.retell(reef)
    assert list(notebooks.problems(reef)) == []
    first, *rest = nbformat.read(target, 4).cells
    assert first.source == REEF.bootstrap()
    assert first.metadata.tags == ["remove-cell"]
    assert rest == nbformat.reads(without, 4).cells

    use(monkeypatch, Address(REEF.repository, "v1.1"))
    assert "was not generated" in " ".join(notebooks.problems(reef))
    use(monkeypatch, None)
    assert "was not generated" in " ".join(notebooks.problems(reef))
    notebooks.retell(reef)
    assert target.read_text() == without


def test_text_is_written_anew_and_code_is_not(reef: Path) -> None:
    reef.write_text(reef.read_text().replace("A {term}`reef`", "Two {term}`reefs <reef>`"))
    notebooks.retell(reef)
    stored = nbformat.read(reef.with_suffix(".ipynb"), 4)
    assert stored.cells[0].source == "# Reef\n\nTwo reefs."
    assert stored.cells[1].outputs[0].text == "1\n"
    reef.write_text(reef.read_text().replace("print(1)", "print(2)"))
    with pytest.raises(CourseError, match="code has changed, not only text: run"):
        notebooks.retell(reef)


# The bootstrap cell


def test_the_cell_is_short_and_names_the_tag() -> None:
    code = REEF.bootstrap()
    assert len(code.splitlines()) <= 15
    assert max(map(len, code.splitlines())) <= 88
    assert "git+https://github.com/reef/course@v1.0" in code
    compile(code, "bootstrap", "exec")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what the package is built from; v1.0 is tagged, the branch goes on."""
    folder = tmp_path_factory.mktemp("published") / "course"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lt_course", folder / "lt_course", ignore=ignored)
    git = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@b.c"]
    quiet = ["commit", "--quiet", "--no-gpg-sign", "--message"]
    for command in (["init", "--quiet"], ["add", "--all"], [*quiet, "1"], ["tag", "v1.0"]):
        subprocess.run([*git, *command], check=True)
    (folder / "lt_course" / "__init__.py").write_text('raise ImportError("not the tag")\n')
    subprocess.run([*git, *quiet, "2", "--all"], check=True)
    return folder


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """Python as on Colab: all that the course needs is there, by reference, but not the course."""
    there = tmp_path / "there"
    there.mkdir()
    for entry in Path(nbformat.__file__).parents[1].iterdir():
        if not re.match(r"(__editable__.*)?lt_course|.*\.pth$", entry.name):
            (there / entry.name).symlink_to(entry)
    venv.create(tmp_path / "env", symlinks=True)
    (packages,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (packages / "there.pth").write_text(f"{there}\n")
    return tmp_path / "env" / "bin" / "python"


@pytest.mark.slow
def test_the_cell_installs_the_tag_once(clone: Path, service: Path, tmp_path: Path) -> None:
    """Twice in one process, as a student may run it; the second time nothing can be fetched."""
    cell = Address(clone.as_uri(), "v1.0").bootstrap()
    elsewhere = tmp_path / "content"
    elsewhere.mkdir()
    code = f"""
from pathlib import Path
exec({cell!r})
Path({str(clone)!r}).rename({str(clone.with_name("gone"))!r})
exec({cell!r})
import torch, lt_course, lt_course.study
from lt_course import evidence
from lt_course.evidence import results
print(lt_course.__file__, torch.__file__, len(results.load()))
print(evidence.load_results("the_gap")["accuracy"].sum())
"""
    settings = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_CONFIG_FILE": os.devnull}
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    store = {"LT_COURSE_STORE": str(elsewhere / "store")}
    done = subprocess.run(
        [service, "-c", code],
        env=alone | settings | store,
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counted, accuracy = done.stdout.splitlines()
    course, torch, recorded = counted.split()
    assert Path(course).is_relative_to(service.parents[1])
    assert Path(torch).is_relative_to(tmp_path / "there")
    assert int(recorded) == len(results.load())
    assert float(accuracy) == evidence.load_results("the_gap")["accuracy"].sum()


def test_the_cell_does_nothing_in_a_checkout() -> None:
    cell = Address("file:///nowhere", "v1.0").bootstrap()
    subprocess.run(
        [sys.executable, "-c", cell],
        env=os.environ | {"PIP_NO_INDEX": "1"},
        cwd=ROOT / "notebooks",
        check=True,
    )


# The book

PAGE = """# Reef

```{addressed} bash
git clone --branch TAG REPOSITORY
```

```{only} published
There are buttons.
```

```{only} not published
There are none.
```
"""
THEME = "extensions += ['sphinx_book_theme', 'launch']\nhtml_theme = 'sphinx_book_theme'\n"


def book(folder: Path, **settings: str) -> dict[str, BeautifulSoup]:
    """A book of a page, a lesson and its solutions, with settings."""
    told = "# %% [markdown]\n# # Corals\n#\n# Of {sub}`small` size.\n"
    cells = tiny_book.notebook("# Corals\n\nOf small size.")
    bootstrap = {"cell_type": "code", "id": "bootstrap", "metadata": {}, "source": "print('boot')"}
    lesson = json.loads(cells)
    lesson["cells"].insert(0, bootstrap | {"outputs": [], "execution_count": None})
    files = {
        "reef.md": PAGE,
        "notebooks/01_corals.ipynb": json.dumps(lesson),
        "notebooks/01_corals.py": told,
        "notebooks/solutions/01_corals.ipynb": tiny_book.notebook("# Solutions"),
        "book/address.toml": written(folder, **settings).read_text(),
    }
    output, warnings = tiny_book.build(folder, files, THEME)
    assert [line for line in warnings if "toctree" not in line] == []
    names = ("reef", "notebooks/01_corals", "notebooks/solutions/01_corals")
    pages = {name: (output / f"{name}.html").read_text() for name in names}
    return {name: BeautifulSoup(text, "html.parser") for name, text in pages.items()}


def buttons(page: BeautifulSoup) -> list[str]:
    links = page.select(".header-article a[href^='http'], .header-article-items a[href^='http']")
    return sorted({str(link["href"]) for link in links})


def test_a_book_without_an_address_has_no_buttons(tmp_path: Path) -> None:
    for name, page in book(tmp_path).items():
        assert buttons(page) == [], name
        assert page.select("link[rel=canonical]") == []
        assert "github.com" not in str(page.select_one("main")), name
        if name == "reef":
            assert "git clone --branch TAG REPOSITORY" in page.get_text()
            assert "There are none." in page.get_text()
            assert "There are buttons." not in page.get_text()


def test_a_book_with_an_address_has_its_buttons(tmp_path: Path) -> None:
    pages = book(tmp_path, **REEF._asdict())
    everywhere = [REEF.repository, f"{REEF.repository}/issues/new"]
    launched = list(REEF.launchers("notebooks/01_corals.ipynb").values())
    for name, more in {"reef": [], "notebooks/01_corals": launched}.items():
        found = buttons(pages[name])
        assert sorted(link.partition("?title")[0] for link in found) == sorted(everywhere + more)
        (canonical,) = pages[name].select("link[rel=canonical]")
        assert canonical["href"] == f"{REEF.pages}{name}.html"
    assert len(buttons(pages["notebooks/solutions/01_corals"])) == len(everywhere)
    text = pages["reef"].get_text()
    assert "git clone --branch v1.0 https://github.com/reef/course" in text
    assert "There are buttons." in text
    assert "There are none." not in text


def test_the_book_shows_the_source_and_not_the_bootstrap_cell(tmp_path: Path) -> None:
    for settings in ({}, REEF._asdict()):
        page = book(tmp_path, **settings)["notebooks/01_corals"]
        assert page.select_one("main sub").get_text() == "small"
        assert "boot" not in page.select_one("main article").get_text()
