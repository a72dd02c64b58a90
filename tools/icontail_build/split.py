"""Who draws for training and who for the test, and which drawings the test holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from lt_course.errors import CourseError
from tools.icontail_build.naming import resource_rows

TEST_PICTURES = 20  # of every core concept


def author_families() -> tuple[dict[str, str], frozenset[str]]:
    """Each set's author family, and the families that draw the test pictures.

    A family is an author or organisation together with all whose sets share its drawings
    (forks, continuations, collections); the table in ``author_families.csv`` fixes both.
    """
    rows = resource_rows("author_families.csv")
    family = {row["set"]: row["family"] for row in rows}
    return family, frozenset(row["family"] for row in rows if row["test"] == "yes")


def test_drawings(concepts: Collection[str]) -> dict[tuple[str, str], str]:
    """The concept of every test drawing, by set and name.

    Candidates were proposed at random, the families taking turns so that no author dominates
    a concept, and then looked at one by one; ``test_drawings.csv`` lists those accepted.

    Raises:
        CourseError: the list is not balanced over exactly these concepts.
    """
    rows = resource_rows("test_drawings.csv")
    count = Counter(row["concept"] for row in rows)
    if count != dict.fromkeys(concepts, TEST_PICTURES):
        wrong = sorted(
            key for key in {*count, *concepts} if count[key] != TEST_PICTURES * (key in concepts)
        )
        raise CourseError(
            f"test_drawings.csv must list {TEST_PICTURES} drawings of each core concept and no "
            f"others; correct its lines for {', '.join(wrong)}."
        )
    return {(row["set"], row["name"]): row["concept"] for row in rows}
