"""The questions at the end of a lesson: in order, warned of if not, drawn by each builder."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import quizzes
import tiny_book
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(quizzes.folder(ROOT).glob("*.toml"))
LESSONS = [path.stem.partition("_")[2] for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")]
SETTINGS = "extensions += ['quizzes']\nexclude_patterns = ['outside/*']"

QUESTION = """[[question]]
text = "What is **{0}**, and $x_{0}$?"
[[question.choice]]
text = "wrong `a{0}`"
reason = "because of {{doc}}`/index`"
[[question.choice]]
text = "true {0}"
reason = "so it is"
right = true
[[question.choice]]
text = "wrong b"
reason = "not so $y$"
"""
TEXT = "".join(map(QUESTION.format, range(5)))


def good() -> dict[str, Any]:
    choices = [{"text": f"choice {k}", "reason": f"reason {k}"} for k in range(3)]
    one = {"text": "What?", "choice": [*choices, {"text": "c", "reason": "r", "right": True}]}
    return {"question": [copy.deepcopy(one) for _ in range(5)]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_in_order(path: Path) -> None:
    questions, problems = quizzes.read(path)
    assert problems == []
    assert len(questions) == 5
    assert path.stem in LESSONS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_right_choice_does_not_stand_in_one_place(path: Path) -> None:
    questions, _ = quizzes.read(path)
    places = {
        [choice.get("right", False) for choice in question["choice"]].index(True)
        for question in questions
    }
    assert len(places) >= 3


def test_good_questions_have_no_problem() -> None:
    assert list(quizzes.problems(good(), "a.toml")) == []


def change(path: str, value: Any) -> dict[str, Any]:
    """Good questions but for one value; None deletes it."""
    content: Any = good()
    *way, last = (int(key) if key.isdigit() else key for key in path.split("."))
    place = content
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("question.4", None, "a.toml has 4 questions: write 5."),
        ("question", "five", "a.toml: `question` is no list of tables: write [[question]]."),
        ("title", "Five", "a.toml: `title` is no key here: use question."),
        ("question.1.text", " ", "a.toml, question 2 has no `text`: write one."),
        (
            "question.1.choice",
            [],
            "a.toml, question 2 has 0 choices: write 3 or 4.",
        ),
        (
            "question.0.answer",
            "c",
            "a.toml, question 1: `answer` is no key here: use choice, text.",
        ),
        (
            "question.2.choice.3.right",
            None,
            "a.toml, question 3 has 0 right choices: put `right = true` on exactly one.",
        ),
        (
            "question.2.choice.0.right",
            True,
            "a.toml, question 3 has 2 right choices: put `right = true` on exactly one.",
        ),
        (
            "question.0.choice.3.right",
            "true",
            "a.toml, question 1: `right` is true or false: write it without quotes.",
        ),
        ("question.4.choice.1.reason", None, "a.toml, question 5b has no `reason`: write one."),
        (
            "question.4.choice.2.why",
            "x",
            "a.toml, question 5c: `why` is no key here: use reason, right, text.",
        ),
    ],
)
def test_a_problem_is_named_with_its_remedy(path: str, value: Any, told: str) -> None:
    assert told in list(quizzes.problems(change(path, value), "a.toml"))


def lesson(text: str | None, builder: str, folder: Path) -> tuple[Path, list[str]]:
    files = {
        "index.md": "# Index\n\n```{toctree}\nnotebooks/04_corals\nnotebooks/05_reefs\n```\n",
        "notebooks/04_corals.ipynb": tiny_book.notebook("# Corals", "Text."),
        "notebooks/05_reefs.ipynb": tiny_book.notebook("# Reefs", "Text."),
    }
    if text is not None:
        files["book/quizzes/corals.toml"] = text
    settings = SETTINGS + "\nmyst_enable_extensions = ['dollarmath']"
    return tiny_book.build(folder, files, settings, builder)


def test_the_page_has_native_controls_and_reasons(tmp_path: Path) -> None:
    output, warnings = lesson(TEXT, "html", tmp_path)
    assert warnings == []
    page = BeautifulSoup((output / "notebooks" / "04_corals.html").read_text(), "html.parser")
    groups = page.select("section#five-questions > .quiz > fieldset")
    assert len(groups) == 5
    for number, group in enumerate(groups):
        legend = group.select_one("legend")
        assert legend is not None
        assert legend.select_one("strong") is not None
        assert legend.select_one(".math") is not None
        controls = group.select("input[type=radio]")
        assert len({control["name"] for control in controls}) == 1
        assert [control.has_attr("data-right") for control in controls] == [False, True, False]
        labels = [group.select_one(f"label[for={control['id']}]") for control in controls]
        told = [label.get_text() for label in labels if label is not None]
        assert told == [f"wrong a{number}", f"true {number}", "wrong b"]
        reasons = [reason.get_text() for reason in group.select("details > p")]
        assert reasons == ["Wrong. because of Index", "Right. so it is", "Wrong. not so \\(y\\)"]
    names = [group.select("input")[0]["name"] for group in groups]
    assert len(set(names)) == 5


def test_the_script_is_on_the_page_with_questions_alone(tmp_path: Path) -> None:
    output, _ = lesson(TEXT, "html", tmp_path)
    loaded = {
        name: BeautifulSoup((output / f"{name}.html").read_text(), "html.parser").select(
            "script[src*='quiz.js'][defer]"
        )
        for name in ("index", "notebooks/04_corals", "notebooks/05_reefs")
    }
    assert [len(found) for found in loaded.values()] == [0, 1, 0]


def test_the_notebook_that_a_student_opens_is_left_alone(tmp_path: Path) -> None:
    output, _ = lesson(TEXT, "html", tmp_path)
    for kept in (output / "_sources" / "notebooks").glob("*.ipynb*"):
        assert len(json.loads(kept.read_text())["cells"]) == 2


def test_without_a_file_nothing_is_added(tmp_path: Path) -> None:
    output, warnings = lesson(None, "html", tmp_path)
    assert warnings == []
    assert "quiz" not in (output / "notebooks" / "04_corals.html").read_text()


def test_other_builders_write_a_numbered_list(tmp_path: Path) -> None:
    output, warnings = lesson(TEXT, "text", tmp_path)
    assert warnings == []
    text = (output / "notebooks" / "04_corals.txt").read_text()
    assert "5. What is **4**" in text
    assert "2. true 4\n\n      **Right.** so it is" in text


def test_latex_is_written(tmp_path: Path) -> None:
    output, warnings = lesson(TEXT, "latex", tmp_path)
    assert warnings == []
    written = "".join(path.read_text() for path in output.glob("*.tex"))
    assert written.count(r"\sphinxstylestrong{Right.}") == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TEXT.replace("right = true", "", 1), "question 1 has 0 right choices"),
        (TEXT.replace('reason = "so it is"', "", 1), "question 1b has no `reason`"),
        ("[[question]]\n", "corals.toml has 1 questions: write 5"),
        ("question = [", "corals.toml is not TOML"),
    ],
)
def test_sphinx_warns_of_a_bad_file(text: str, told: str, tmp_path: Path) -> None:
    output, warnings = lesson(text, "html", tmp_path)
    assert any(told in line and "04_corals" in line for line in warnings)
    assert "<fieldset" not in (output / "notebooks" / "04_corals.html").read_text()


def test_sphinx_warns_of_a_file_without_a_lesson(tmp_path: Path) -> None:
    files = {"book/quizzes/reef.toml": TEXT, "notebooks/04_corals.ipynb": tiny_book.notebook("# C")}
    _, warnings = tiny_book.build(tmp_path, files, SETTINGS + "\nexclude_patterns = ['notebooks']")
    assert len(warnings) == 1
    assert "reef.toml belongs to no lesson" in warnings[0]
    assert "(corals)" in warnings[0]


def test_sphinx_warns_of_an_unknown_slug(tmp_path: Path) -> None:
    files = {"index.md": "# Index\n\n```{quiz} reef\n```\n"}
    _, warnings = tiny_book.build(tmp_path, files, SETTINGS)
    assert len(warnings) == 1
    assert "there is no reef.toml: write book/quizzes/reef.toml" in warnings[0]
