"""The instructor's part is whole: a page for every lesson, and minutes that add up."""

import re
from pathlib import Path

import pytest
import schedules
import yaml

import notebooks
from lt_course import evidence

INSTRUCTOR = Path(__file__).resolve().parents[1] / "book" / "instructor"
SLUGS = [source.stem[3:] for source in notebooks.sources()]
SECTIONS = [
    "The one thing to take home",
    "Before class",
    "Minute by minute",
    "On the board",
    "Vote before the run",
    "Misconceptions, and the experiment that cures each",
    "Questions to ask",
    "What breaks, and what to do",
    "What to skip",
    "Afterwards",
]
WORDS = 1_000

lesson = pytest.mark.parametrize("slug", SLUGS)


def page(slug: str) -> tuple[dict, str]:
    """Front matter and text of a lesson's page."""
    _, front, text = (INSTRUCTOR / "lessons" / f"{slug}.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), text


def table_minutes(text: str) -> list[int]:
    """The first column of the first table, where it is a number."""
    return [int(minutes) for minutes in re.findall(r"^\| *(\d+) *\|", text, re.MULTILINE)]


def test_every_lesson_has_a_page_and_no_page_is_left_over() -> None:
    assert {path.stem for path in (INSTRUCTOR / "lessons").glob("*.md")} == set(SLUGS)


@lesson
def test_a_page_has_its_sections_and_its_minutes_add_up(slug: str) -> None:
    front, text = page(slug)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert front["slug"] == slug
    assert sum(table_minutes(text)) == sum(front["minutes"].values())
    assert len(re.findall(r"\w+", text)) <= WORDS * 1.2


@lesson
def test_what_a_page_names_exists(slug: str) -> None:
    _, text = page(slug)
    source = next(source for source in notebooks.sources() if source.stem[3:] == slug)
    for link in re.findall(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`", text):
        target = (INSTRUCTOR / "lessons" / link).resolve()
        assert any(target.with_name(target.name + end).exists() for end in (".md", ".py")), link
    named = set(re.findall(r"exercise `([a-z0-9-]+)`", text))
    assert named <= set(notebooks.exercise_cells(notebooks.read_source(source)))


def test_sessions_add_up_and_teach_lessons_that_are_there() -> None:
    for plan in schedules.plans():
        for session in plan["session"]:
            parts = session["parts"]
            assert sum(part["minutes"] for part in parts) == session["minutes"], session["title"]
            assert {part["lesson"] for part in parts} <= set(SLUGS)


def test_a_class_of_ninety_minutes_four_evenings_and_a_term() -> None:
    assert [len(plan["session"]) for plan in schedules.plans()] == [1, 4, 12]
    taught = {
        part["lesson"] for session in schedules.plans()[2]["session"] for part in session["parts"]
    }
    assert taught == set(SLUGS)


def test_the_page_of_schedules_is_what_its_source_says() -> None:
    assert schedules.PAGE.read_text() == schedules.page()


def test_twenty_questions_have_a_hundred_points_and_an_answer_each() -> None:
    text = (INSTRUCTOR / "exam.md").read_text()
    points = [int(each) for each in re.findall(r"^\*\*\d+\*\* \[(\d+)\]", text, re.MULTILINE)]
    assert len(points) == 20
    assert sum(points) == 100
    assert len(re.findall(r"^> ", text, re.MULTILINE)) == 20
    for lesson in re.findall(r"\*Lesson (\d\d)\.\*", text):
        assert int(lesson) < len(SLUGS)


def test_graded_examples_add_up_to_what_they_say() -> None:
    text = (INSTRUCTOR / "capstone.md").read_text()
    weights = [int(each) for each in re.findall(r"^\| \*\*.*\| (\d) \|$", text, re.MULTILINE)]
    points = [
        int(each) for each in re.findall(r"^\| [A-Z]\w+(?: \w+)? \| (\d) \|", text, re.MULTILINE)
    ]
    sums = [int(each) for each in re.findall(r"^\*\*(\d+) of 80\.\*\*", text, re.MULTILINE)]
    assert 4 * sum(weights) == 80
    graded = [points[: len(weights)], points[len(weights) :]]
    assert [sum(map(int.__mul__, weights, each)) for each in graded] == sums


@pytest.mark.parametrize(
    ("claim", "seeds", "said"),
    [
        ("vocabulary-raises-accuracy", range(5), ".011 with an interval of .001 to .022"),
        ("vocabulary-raises-accuracy", range(5, 10), ".003, interval -.010 to .016, undecided"),
        ("vocabulary-lowers-prediction-bias", range(5), ".108 (.082 to .134)"),
    ],
)
def test_graded_examples_quote_the_records(claim: str, seeds: range, said: str) -> None:
    verdicts = evidence.verdicts("dynamic_classification", seeds=seeds)
    found = next(each for each in verdicts if each.claim.id == claim)
    numbers = [float(each) for each in re.findall(r"-?\.\d+", said)]
    expected = (found.effect.estimate, found.effect.low, found.effect.high)
    assert numbers == [round(each, 3) for each in expected]
    assert said.endswith(found.verdict) or "undecided" not in said
    assert said in (INSTRUCTOR / "capstone.md").read_text()
