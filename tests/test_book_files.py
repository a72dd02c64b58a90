"""The offline zip, the printed book and the ePub, on pages of a few lines."""

import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pack
import print_book
import print_pages
import pytest
import still
import tiny_book
import zip_book
from bs4 import BeautifulSoup

from lt_course.errors import CourseError

PAGE = """<!DOCTYPE html><html><head><title>T</title>
<link rel="canonical" href="https://example.org/a.html"/>
<link rel="stylesheet" href="../_static/a.css"/>
<meta property="og:image" content="https://example.org/a.png"/><meta name="x" content="kept"/>
</head><body>
<div class="dropdown dropdown-launch-buttons"><a href="https://colab.example.org">Colab</a></div>
<article><section id="top"><h1>Title<a class="headerlink" href="#top">#</a></h1>
<p>A &lt;b&gt; <a class="reference" href="https://arxiv.org/abs/1">paper</a>
and <a href="two.html">a page</a>.</p>
<section id="inner"><h2>Inner</h2><p>More.</p></section></section></article></body></html>"""
SEARCHTOOLS = """fetch(requestUrl)
      .then((responseData) => responseData.text())
      .then((data) => show(data));"""
QUIZ = """<div class="quiz" data-quiz="a-1"><fieldset class="quiz-question" id="quiz-a-1">
<legend><span class="quiz-number">1.</span> Which?</legend>
<div class="quiz-choice"><input type="radio" id="a"/><label for="a">This.</label>
<details class="quiz-reason"><summary>Why</summary>
<p><strong>Wrong.</strong> Because.</p></details></div>
<div class="quiz-choice"><input type="radio" id="b" data-right=""/><label for="b">That.</label>
<details class="quiz-reason"><summary>Why</summary>
<p><strong>Right.</strong> So it is.</p></details></div></fieldset></div>"""
WIDGET = """<div class="cell"><div class="cell_output">
<script type="application/vnd.jupyter.widget-view+json">{"model_id": "a"}</script></div></div>
<div class="cell"><div class="cell_output"><a class="picture" href="s.png">
<img alt="A still." src="s.png"/></a></div></div>"""


def soup(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def words(html: BeautifulSoup) -> str:
    return " ".join(html.get_text(" ").split())


def test_an_offline_page_names_no_other_host_but_in_marked_links() -> None:
    page = soup(zip_book.offline(PAGE)[0])
    assert [link["href"] for link in page.select("link")] == ["../_static/a.css"]
    assert [meta["content"] for meta in page.select("meta")] == ["kept"]
    assert page.select(".dropdown-launch-buttons") == []
    assert [a["href"] for a in page.select("a.outside")] == ["https://arxiv.org/abs/1"]
    assert "A &lt;b&gt;" in str(page)


def test_the_search_quotes_from_a_script() -> None:
    assert zip_book.offline(PAGE)[1] == (
        '<div role="main"><section id="top">Title A &lt;b&gt; paper and a page . '
        '<section id="inner">Inner More. </section></section></div>'
    )
    assert zip_book.offline("<p>No article.</p>")[1] == ""


def book(folder: Path, searchtools: str = SEARCHTOOLS) -> Path:
    files = {
        "book/one.html": PAGE,
        "search.html": '<html><head></head><body><div id="search-results"></div></body></html>',
        "_static/searchtools.js": searchtools,
        ".buildinfo": "x",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_zip_holds_the_book_and_equals_itself(tmp_path: Path) -> None:
    made = zip_book.files(book(tmp_path))
    assert sorted(made) == [
        *("_static/pages.js", "_static/searchtools.js", "book/one.html", "search.html"),
    ]
    assert made["_static/searchtools.js"].decode() == (
        "Promise.resolve(window.PAGES[docName])\n      .then((data) => show(data));"
    )
    assert made["_static/pages.js"].startswith(b'window.PAGES = {"book/one": "<div role=')
    assert b'src="_static/pages.js"' in made["search.html"]
    assert pack.zipped(made) == pack.zipped(zip_book.files(tmp_path))


def test_another_sphinx_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"searchtools\.js of this Sphinx reads pages"):
        zip_book.files(book(tmp_path, "load(page)"))


def test_without_a_book_the_zip_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="run `make book` first"):
        zip_book.files(tmp_path)


@pytest.mark.parametrize("answers", [True, False])
def test_a_quiz_becomes_a_list_and_its_answers_follow(answers: bool) -> None:
    page = soup(QUIZ)
    still.still(page, answers)
    assert page.select("input, label, fieldset, details") == []
    question = page.select_one("ol.quiz > li#quiz-a-1")
    assert question is not None
    assert [" ".join(c.get_text().split()) for c in question.select("ol > li")] == [
        "This.",
        "That.",
    ]
    told = "Answers a) Wrong. Because. b) Right. So it is."
    assert words(page) == "Which? This. That." + (f" {told}" if answers else "")


def test_a_slider_goes_and_its_still_stays() -> None:
    page = soup(WIDGET)
    still.still(page)
    assert len(page.select("img")) == 1
    assert len(page.select(".cell_output")) == 1
    assert page.select("script, a") == []


def test_folded_code_is_unfolded_and_a_hint_keeps_its_title() -> None:
    page = soup(
        '<details class="hide"><summary>Show the code</summary><pre>a = 1</pre></details>'
        '<details class="hint"><summary>Hint</summary><p>Count.</p></details>'
    )
    still.still(page)
    assert words(page) == "a = 1 Hint Count."
    assert page.select("details, summary") == []


TOC = """root: book/index
parts:
  - chapters: [{file: book/two}]
  - caption: Lessons
    chapters:
      - file: notebooks/01_first
        sections: [{file: notebooks/solutions/01_first}]
"""


def printed(folder: Path, solutions: bool) -> BeautifulSoup:
    lesson = (
        '<article><section id="first"><h1>First</h1><p>'
        '<a href="solutions/01_first.html">Solution</a><a href="../book/two.html#top">Two</a>'
        '<a href="../genindex.html">Index</a>'
        f'<img src="../_images/a.png" alt="A"/></p><h2>Deeper</h2>{QUIZ}</section></article>'
    )
    pages = {
        "book/index": PAGE,
        "book/two": PAGE,
        "notebooks/01_first": lesson,
        "notebooks/solutions/01_first": lesson,
    }
    for name, text in pages.items():
        (folder / f"{name}.html").parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.html").write_text(text)
    (folder / "_toc.yml").write_text(TOC)
    html = print_pages.whole(folder, folder / "_toc.yml", solutions, "The Book")
    return soup(html)


def test_all_pages_become_one_document(tmp_path: Path) -> None:
    page = printed(tmp_path, solutions=False)
    assert [words(e) for e in page.select("h1")] == ["Contents", "Title", "Title", "Lessons"]
    assert [words(e) for e in page.select("h2")] == ["Inner", "Inner", "01 First"]
    assert [words(e) for e in page.select("h3")] == ["Deeper"]
    lesson = page.select_one("#notebooks-01_first")
    assert lesson is not None
    assert [a["href"] for a in lesson.select("a")] == ["#book-two--top"]
    assert page.select_one("#book-two--top") is not None
    assert lesson.select("img")[0]["src"] == (tmp_path / "_images" / "a.png").as_uri()
    assert lesson.select(".quiz-answers") == []


def test_solutions_are_printed_if_they_are_asked_for(tmp_path: Path) -> None:
    page = printed(tmp_path, solutions=True)
    lesson = page.select_one("#notebooks-01_first")
    assert lesson is not None
    assert lesson.select("a")[0]["href"] == "#notebooks-solutions-01_first"
    assert page.select_one("#notebooks-solutions-01_first") is not None
    assert len(lesson.select(".quiz-answers")) == 1


def test_the_contents_get_the_numbers_of_sheets(tmp_path: Path) -> None:
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(
        b"7 0 obj\n<</Type /Page\n>>\n12 0 obj\n<</Type /Page\n>>\n13 0 obj\n<</Type /Pages\n>>\n"
        b"20 0 obj\n<</book-index [7 0 R /XYZ 0 841.9 0]\n/book-two [12 0 R /XYZ 0 841.9 0]\n>>\n"
    )
    sheets = print_book.sheets(pdf)
    assert sheets == {"book-index": 1, "book-two": 2}
    entry = '<p class="contents-1"><a href="#book-two">Two</a> <span></span></p>'
    assert "<span>2</span>" in print_pages.numbered(entry, sheets)


CHOICES = "".join(
    f'[[question.choice]]\ntext = "Choice {k}"\nreason = "Reason $x_{k}$."\n'
    + ("right = true\n" if k == 1 else "")
    for k in range(3)
)
LESSON = tiny_book.notebook(
    "# A lesson",
    "A $\\tfrac{1}{x}$ and\n\n$$\na &= b + \\dots \\\\\nc &= d\n$$\n",
    '<table border="1"><tr><td id="T_1">1</td><td id="T_1"><a href="../index.html">I</a></td></tr>'
    "</table><style>td { color: red; }</style>",
)


@pytest.fixture(scope="module")
def epub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {
        "index.md": "# Index\n\nOnly words.\n\n```{toctree}\nnotebooks/04_a\n```\n",
        "notebooks/04_a.ipynb": LESSON,
        "book/quizzes/a.toml": 5 * f'[[question]]\ntext = "What?"\n{CHOICES}',
    }
    settings = (
        "extensions += ['quizzes', 'epub_pages']\nmyst_enable_extensions = ['dollarmath']\n"
        "project = epub_title = 'A book'\nauthor = copyright = 'Someone'\nversion = '1'\n"
        "epub_identifier = epub_uid = epub_scheme = 'a'\n"
        "epub_contributor = epub_description = 'A'\nhtml_use_index = False\n"
        "epub_exclude_files = ['.doctrees/' + name for name in"
        " ('environment.pickle', 'index.doctree', 'notebooks/04_a.doctree')]\n"
    )
    output, warnings = tiny_book.build(tmp_path_factory.mktemp("epub"), files, settings, "epub")
    assert warnings == []
    (made,) = output.glob("*.epub")
    return made


def test_an_epub_is_xhtml_without_scripts_and_formulas_are_mathml(epub: Path) -> None:
    with zipfile.ZipFile(epub) as archive:
        text = archive.read("notebooks/04_a.xhtml").decode()
        manifest = archive.read("content.opf").decode()
    ElementTree.fromstring(text)
    page = soup(text)
    assert page.select("script, input, details, [border]") == []
    assert len(page.select("div.math math")) == 1
    assert len(page.select("math")) == 2 + 5 * 3
    assert len(page.select("ol.quiz > li")) == len(page.select("ol.quiz-answers > li")) == 5
    assert manifest.count('properties="mathml"') == 1
    assert page.select("td a")[0]["href"] == "../index.xhtml"


def test_epubcheck_finds_no_error(epub: Path) -> None:
    if shutil.which("epubcheck") is None:
        pytest.skip("no epubcheck on PATH")
    found = subprocess.run(["epubcheck", epub], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
