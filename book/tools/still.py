"""The book's pages for paper and ePub, where nothing can be clicked and no script runs.

``still`` takes from the HTML of a page what asks for either: controls, widgets (the notebooks draw
a still beside each), folds. ``as_text`` makes a list of a quiz's form, its answers after it.
"""

from __future__ import annotations

from bs4 import BeautifulSoup
from bs4.element import Tag

GONE = "script, style, link, button, .headerlink, .toctree-wrapper"
# What a page's own script draws: book/clip_in_the_page.md and book/explorer.md.
PANELS = ".clip-panel, .explorer"
NOTE = (
    "What stands here on the web is drawn by a script while you read: open this page of the book "
    "in a browser; its offline edition needs no network."
)


def still(page: Tag, answers: bool = True) -> None:
    """Take from a page, in place, what needs a browser; quizzes keep their answers or lose them."""
    for element in page.select(GONE):
        element.decompose()
    for number, panel in enumerate(page.select(PANELS)):
        panel.replace_with(*([] if number else [_new("p", NOTE, "note")]))
    for cell in page.select(".cell_output"):
        if not cell.get_text(strip=True) and not cell.find("img"):
            cell.decompose()
    for link in page.select("a.picture, a.image-reference"):
        link.unwrap()
    for quiz in page.select("div.quiz"):
        quiz.replace_with(*as_text(quiz, answers))
    for fold in page.select("details"):
        _unfold(fold)


def as_text(quiz: Tag, answers: bool) -> list[Tag]:
    """Return a quiz as a list of questions and, if they are asked for, the answers after it."""
    asked, told = _new("ol", "", "quiz"), _new("ol", "", "quiz-answers")
    for question in quiz.select(".quiz-question"):
        entry = _new("li", "", "quiz-question")
        entry["id"] = question["id"]
        choices, reasons = _new("ol", ""), _new("li", "")
        choices["type"] = "a"
        for letter, choice in zip("abcd", question.select(".quiz-choice"), strict=False):
            reason = choice.select_one(".quiz-reason")
            if reason is None:
                raise ValueError(f"{question['id']}: choice {letter} has no reason.")
            paragraph = _new("p", f"{letter}) ")
            paragraph.extend(list(reason.extract().select_one("p").contents))  # type: ignore[union-attr]
            reasons.append(paragraph)
            reasons.extend(reason.find_all("p", recursive=False))
            for control in choice.select("input"):
                control.decompose()
            _move(choice, choices, "li", unwrap="label")
        for element in question.select(".quiz-choice"):
            element.decompose()
        for number in question.select(".quiz-number"):
            number.decompose()
        for legend in question.select("legend"):
            legend.name = "p"
        entry.extend(list(question.contents))
        entry.append(choices)
        asked.append(entry)
        told.append(reasons)
    return [asked, _new("p", "Answers", "rubric"), told] if answers else [asked]


def _move(source: Tag, target: Tag, name: str, unwrap: str) -> None:
    """Append what is in `source` to `target` as one element."""
    for wrapper in source.select(unwrap):
        wrapper.unwrap()
    element = _new(name, "")
    element.extend(list(source.contents))
    target.append(element)


def _unfold(fold: Tag) -> None:
    """Leave what is folded; the title of a fold stays, but for that of code."""
    summary = fold.find("summary", recursive=False)
    if isinstance(summary, Tag):
        if "hide" in (fold.get("class") or []):
            summary.decompose()
        else:
            summary.name, summary["class"] = "p", "rubric"
    fold.name = "div"
    fold.attrs = {}


def _new(name: str, text: str, kind: str = "") -> Tag:
    tag = BeautifulSoup("", "html.parser").new_tag(name)
    if kind:
        tag["class"] = kind
    if text:
        tag.string = text
    return tag
