"""The questions of a lesson in a browser: chosen, explained, counted, remembered, cleared."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import quizzes
import tiny_book
from browser import CHROMIUM, Tab, browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")

SLUG = "dynamic_classification"
SHOWN = """[...document.querySelectorAll('.quiz-reason > *')]
  .filter(part => part.offsetHeight > 0).map(part => part.textContent.trim())"""
SCORE = "document.querySelector('.quiz-score').textContent"
CHOSEN = "[...document.querySelectorAll('.quiz input:checked')].map(input => input.id)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address, on disk, of a page with the questions of one lesson."""
    root = Path(quizzes.__file__).parents[2]
    text = (quizzes.folder(root) / f"{SLUG}.toml").read_text()
    terms = ("sampled softmax", "micro-batch", "class-balanced sampling")
    glossary = "".join(f"{term}\n  A word.\n\n" for term in terms)
    files = {
        "index.md": f"# Index\n\n```{{toctree}}\nnotebooks/04_{SLUG}\n```\n"
        f"\n```{{glossary}}\n{glossary}```\n",
        f"notebooks/04_{SLUG}.ipynb": tiny_book.notebook("# A lesson"),
        f"book/quizzes/{SLUG}.toml": text,
    }
    settings = (
        "extensions += ['quizzes']\nmyst_enable_extensions = ['dollarmath']\n"
        f"html_static_path = [{str(tiny_book.STATIC)!r}]\nhtml_css_files = ['course.css']\n"
        "mathjax_path = 'vendor/mathjax/tex-chtml.js'\n"
    )
    output, warnings = tiny_book.build(tmp_path_factory.mktemp("quiz"), files, settings)
    assert warnings == []
    return (output / "notebooks" / f"04_{SLUG}.html").as_uri()


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser() as opened:
        yield opened


def press(tab: Tab, key: str) -> None:
    code = {" ": 32, "ArrowDown": 40}[key]
    for kind in ("keyDown", "keyUp"):
        text = {"text": key} if key == " " and kind == "keyDown" else {}
        tab.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)


def clear(tab: Tab, page: str) -> None:
    tab.open(page)
    tab.evaluate("localStorage.clear()")
    tab.open("about:blank")
    tab.open(page)


def choose(tab: Tab, number: int, right: bool) -> str:
    """Click the label of the first right or wrong choice of a question; return its id."""
    which = "[data-right]" if right else ":not([data-right])"
    found = f"document.querySelector('#quiz-{SLUG}-{number} input{which}')"
    tab.evaluate(f"{found}.labels[0].click()")
    return str(tab.evaluate(f"{found}.id"))


def test_at_first_nothing_is_chosen_and_no_reason_is_told(tab: Tab, page: str) -> None:
    clear(tab, page)
    assert tab.errors() == []
    assert tab.evaluate(CHOSEN) == []
    assert tab.evaluate(SHOWN) == []
    assert tab.evaluate(SCORE) == "0 of 5 right, 0 answered."
    assert tab.evaluate("document.querySelector('.quiz-reset').disabled") is True


def test_a_choice_is_explained_in_words_and_counted(tab: Tab, page: str) -> None:
    clear(tab, page)
    choose(tab, 1, right=False)
    (told,) = tab.evaluate(SHOWN)
    assert told.startswith("Wrong. ")
    assert tab.evaluate(SCORE) == "0 of 5 right, 1 answered."
    choose(tab, 1, right=True)
    (told,) = tab.evaluate(SHOWN)
    assert told.startswith("Right. ")
    assert tab.evaluate(SCORE) == "1 of 5 right, 1 answered."
    for number in (2, 3, 4, 5):
        choose(tab, number, right=True)
    assert tab.evaluate(SCORE) == "5 of 5 right."
    assert len(tab.evaluate(SHOWN)) == 5


def test_answers_are_remembered_and_cleared(tab: Tab, page: str) -> None:
    clear(tab, page)
    chosen = [choose(tab, 2, right=True), choose(tab, 4, right=False)]
    tab.open("about:blank")
    tab.open(page)
    assert tab.evaluate(CHOSEN) == chosen
    assert tab.evaluate(SCORE) == "1 of 5 right, 2 answered."
    tab.evaluate("document.querySelector('.quiz-reset').click()")
    assert tab.evaluate(CHOSEN) == []
    assert tab.evaluate(SHOWN) == []
    tab.open("about:blank")
    tab.open(page)
    assert tab.evaluate(CHOSEN) == []


def test_the_keyboard_is_enough(tab: Tab, page: str) -> None:
    clear(tab, page)
    tab.evaluate(f"document.getElementById('quiz-{SLUG}-1-a').focus()")
    press(tab, " ")
    assert tab.evaluate(CHOSEN) == [f"quiz-{SLUG}-1-a"]
    press(tab, "ArrowDown")
    assert tab.evaluate(CHOSEN) == [f"quiz-{SLUG}-1-b"]
    assert len(tab.evaluate(SHOWN)) == 1


def test_a_screen_reader_hears_the_names_and_the_reasons(tab: Tab, page: str) -> None:
    clear(tab, page)
    tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    named = {
        (n["role"]["value"], n["name"]["value"]) for n in tree if n.get("name", {}).get("value")
    }
    assert ("radio", "When the vocabulary is drawn uniformly.") in named
    assert any(role == "group" and name.startswith("5. A network") for role, name in named)
    assert tab.evaluate(
        "[...document.querySelectorAll('.quiz-choice')].every(choice =>"
        " choice.querySelector('.quiz-reason').ariaLive === 'polite')"
    )


def test_a_browser_that_stores_nothing_still_answers(tab: Tab, page: str) -> None:
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})"
    script = tab.call("Page.addScriptToEvaluateOnNewDocument", source=refuse)["identifier"]
    tab.open("about:blank")
    tab.open(page)
    choose(tab, 3, right=True)
    assert tab.evaluate(SCORE) == "1 of 5 right, 1 answered."
    assert not [error for error in tab.errors() if "quiz.js" in error]
    tab.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


FOLDS = "details.quiz-reason > p"


def test_all_can_be_read_without_script(tab: Tab, page: str) -> None:
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.call("Page.navigate", url="about:blank")
    tab.call("Page.navigate", url=page)
    # Snapshots come from the browser, which needs no script for them.
    for _ in range(100):
        time.sleep(0.1)
        root = tab.call("DOM.getDocument", depth=0)["root"]["nodeId"]
        try:
            folds = tab.call("DOM.querySelectorAll", nodeId=root, selector=FOLDS)
        except RuntimeError:  # the page before was taken away in between
            continue
        if folds["nodeIds"]:
            break
    tab.call("Emulation.setScriptExecutionDisabled", value=False)
    assert len(folds["nodeIds"]) == 18
    assert "Right." in tab.call("DOM.getOuterHTML", nodeId=folds["nodeIds"][2])["outerHTML"]
