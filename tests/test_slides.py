"""Slides: what a lesson's deck shows, says and loads, and that it fits."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import slides
from bs4 import BeautifulSoup

import notebooks
from lt_course import evidence
from lt_course.errors import CourseError

sys.path.insert(0, str(Path(__file__).parent / "pages"))
import browser

STEMS = [source.stem for source in notebooks.sources()]
lesson = pytest.mark.parametrize("stem", STEMS)
TEACHING = ("Misconceptions, and the experiment that cures each", "Questions to ask")
LARGEST = 500_000  # bytes of a deck, without what decks share
OVERFLOW = """
[...document.querySelectorAll(".slides > section")].flatMap((slide, i) => {
  Reveal.slide(i);
  const boxes = [slide, ...slide.querySelectorAll("pre, table, figcaption")];
  const bottom = slide.getBoundingClientRect().bottom;
  const figure = slide.querySelector("img");
  return [
    ...boxes.filter(box => box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > 721),
    ...boxes.filter(box => box.getBoundingClientRect().bottom > bottom + 1),
    ...(figure && figure.getBoundingClientRect().height < 250 ? [figure] : []),
  ].map(box => `slide ${i + 1}: ${box.tagName}`);
})
"""


@pytest.fixture(scope="module")
def decks() -> dict[str, BeautifulSoup]:
    return {stem: BeautifulSoup(slides.deck(stem), "html.parser") for stem in STEMS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    there = tmp_path_factory.mktemp("slides")
    for name, content in slides.files():
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return there


@pytest.fixture(scope="module")
def tab() -> Iterator[browser.Tab]:
    if browser.CHROMIUM is None:
        pytest.skip("there is no Chromium on PATH")
    with browser.browser() as opened:
        yield opened


def test_the_table_names_every_lesson_and_no_other() -> None:
    assert set(slides.entries()) == {stem[3:] for stem in STEMS}


@lesson
def test_a_deck_has_its_parts(stem: str, decks: dict[str, BeautifulSoup]) -> None:
    shown = decks[stem].select(".slides > section")
    assert 6 <= len(shown) <= 12
    assert shown[0].h1 is not None
    assert all(slide.h2 is not None for slide in shown[1:])
    assert [slide.get("class") for slide in (shown[0], shown[-1])] == [["cover"], ["home"]]
    assert sum(slide.get("class") == ["vote"] for slide in shown) == 1
    assert len(decks[stem].select(".vote li")) >= 3
    assert decks[stem].select("pre code, table, figure")
    assert len(str(decks[stem]).encode()) < LARGEST


@lesson
def test_figures_and_code_are_the_lessons_own(stem: str, decks: dict[str, BeautifulSoup]) -> None:
    cells = json.loads((notebooks.NOTEBOOKS / f"{stem}.ipynb").read_text())["cells"]
    known = {cell["metadata"].get("mystnb", {}).get("image", {}).get("alt") for cell in cells}
    pictures = {
        "".join(output["data"]["image/png"]).replace("\n", "")
        for cell in cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    }
    for image in decks[stem].select("img"):
        assert image["alt"] in known
        assert str(image["src"]).removeprefix("data:image/png;base64,") in pictures
    sources = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for code in decks[stem].select(".highlight code"):  # notes have code of their own
        lines = code.get_text().splitlines()
        assert len(lines) <= slides.LINES
        assert all(line in sources.splitlines() for line in lines)


@lesson
def test_every_misconception_and_question_is_in_the_notes_once(
    stem: str, decks: dict[str, BeautifulSoup]
) -> None:
    teaching = slides.Lesson(stem)
    asked = [i for i in slides.items(teaching.sections) if i.section in TEACHING]
    assert len(asked) >= 7
    said = squeezed(" ".join(notes.get_text(" ") for notes in decks[stem].select("aside.notes")))
    for item in asked:
        html = BeautifulSoup(teaching.markdown(item.text), "html.parser")
        assert said.count(squeezed(html.get_text(" "))) == 1, item.text


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@lesson
def test_claims_are_those_of_the_records(stem: str, decks: dict[str, BeautifulSoup]) -> None:
    named = [each for entry in slides.entries()[stem[3:]] for each in entry.get("claims", [])]
    rows = decks[stem].select("table.claims tbody tr")
    assert len(rows) == len(named)
    if not named:
        return
    found = {v.claim.id: v for v in evidence.verdicts(stem[3:])}
    for claim, row in zip(named, rows, strict=True):
        sentence, paper, ours, verdict = (cell.get_text() for cell in row.select("td"))
        of = found[claim]
        assert sentence == of.claim.sentence
        assert bool(paper) is bool(of.claim.paper)
        numbers = [float(each) for each in re.findall(r"-?\d*\.\d+", ours)]
        places = 3 if of.claim.smallest < 0.05 else 2
        assert of.effect is not None
        expected = (of.effect.estimate, of.effect.low, of.effect.high)
        assert numbers == [float(f"{each:.{places}f}") for each in expected]
        assert verdict.startswith(of.verdict)


def test_decks_name_no_other_host(decks: dict[str, BeautifulSoup]) -> None:
    for deck in decks.values():
        loaded = [tag.get("src") or tag.get("href") for tag in deck.select("[src], [href]")]
        assert all(re.match(r"vendor/|data:image/png;", str(each)) for each in loaded)
        assert not deck.select("a")


def test_the_vote_keeps_its_answer_for_the_notes(decks: dict[str, BeautifulSoup]) -> None:
    (vote,) = decks["03_clip_against_supervised"].select(".vote")
    notes = vote.select_one("aside")
    assert notes is not None
    answer = notes.extract().get_text()
    assert [item.get_text() for item in vote.select("li")] == [
        "(a)above .9, since a constant can be learned away",
        "(b)about .6",
        "(c)about .3, as CLIP on templates",
        "(d)about 0, as the best solution",
    ]
    assert "The stored run says (b)" in answer
    assert "stored run" not in vote.get_text()


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"figure": "fig-none"}, "the figure 'fig-none' is there 0 times"),
        ({"code": ["nothing"]}, "no cell defines 'nothing'"),
        ({"printed": "study."}, "a cell with 'study.' is there"),
        ({"printed": "def softmax_cross_entropy("}, "printed nothing"),
        ({"claims": ["no-claim"]}, "'no-claim' is no claim of this lesson"),
        ({"text": "t"}, "has no `title`"),
        ({"title": "t"}, "a slide shows none of"),
        ({"picture": "p"}, "`picture` is no key"),
        ({"vote": True, "notes": ["no such words"]}, "an item with 'no such words'"),
    ],
)
def test_an_entry_that_cannot_be_shown_is_one_sentence(entry: dict, told: str) -> None:
    with pytest.raises(CourseError, match=re.escape(told)) as error:
        slides.slide(slides.Lesson("03_clip_against_supervised"), entry)
    assert str(error.value).startswith("slides.toml, clip_against_supervised: ")


def test_a_long_definition_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slides, "LINES", 3)
    with pytest.raises(CourseError, match="info_nce has 4 lines: 3 fit"):
        slides.Lesson("03_clip_against_supervised").code(["info_nce"])


@lesson
def test_nothing_overflows_from_a_file(stem: str, folder: Path, tab: browser.Tab) -> None:
    address = (folder / f"{stem}.html").as_uri()
    tab.open(address)
    tab._show(1280, 720)
    assert tab.evaluate("new Promise(done => setTimeout(() => done(Reveal.isReady()), 200))")
    assert tab.evaluate(OVERFLOW) == []
    assert tab.errors() == []
    assert all(re.match(r"file:|data:|blob:", each) for each in tab.requests())
    if r"\(" in (folder / f"{stem}.html").read_text():
        assert tab.evaluate("document.querySelectorAll('mjx-container').length") > 0


def test_a_deck_prints_a_page_a_slide(folder: Path, tab: browser.Tab) -> None:
    tab.open(f"{(folder / '00_start_here.html').as_uri()}?print-pdf")
    tab.evaluate("new Promise(done => setTimeout(done, 1500))")
    pages = tab.evaluate("document.querySelectorAll('.pdf-page').length")
    assert pages == tab.evaluate("document.querySelectorAll('.slides section').length") == 12


def test_the_speakers_view_opens_from_a_file(folder: Path, tab: browser.Tab) -> None:
    tab.open((folder / "00_start_here.html").as_uri())
    tab.evaluate(
        "window.opened = null; const open = window.open;"
        "window.open = (...all) => (window.opened = open.apply(window, all)); 1"
    )
    for kind in ("keyDown", "keyUp"):  # a window opens upon a key alone
        tab.call(
            "Input.dispatchKeyEvent", type=kind, key="s", code="KeyS", windowsVirtualKeyCode=83
        )
    tab.evaluate("new Promise(done => setTimeout(done, 2000))")
    assert "Before class" in tab.evaluate("window.opened.document.body.innerText")
