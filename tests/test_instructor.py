"""The instructor's part is whole: a page for every lesson, and minutes that add up."""

import re
from pathlib import Path

import pytest
import schedules
import yaml

import notebooks

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
