"""Who draws for training and who for the test, and which drawings the balanced test takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lt_course.data.icontail_build.naming import resource_rows
from lt_course.errors import CourseError

TEST_PICTURES = 20  # of every core concept
SEED = 0


def author_families() -> tuple[dict[str, str], frozenset[str]]:
    """Each set's author family, and the families that draw the test pictures.

    A family is an author or organisation together with all whose sets share its drawings
    (forks, continuations, collections); the table in ``author_families.csv`` fixes both.
    """
    rows = resource_rows("author_families.csv")
    family = {row["set"]: row["family"] for row in rows}
    return family, frozenset(row["family"] for row in rows if row["test"] == "yes")


def balanced(
    concept: Sequence[str], family: Sequence[str], wanted: Sequence[str]
) -> NDArray[np.intp]:
    """Indices, ascending, of ``TEST_PICTURES`` candidates of every wanted concept.

    Families take turns, in an order shuffled per concept by a fixed seed, so that no author
    dominates a concept's test.

    Raises:
        CourseError: a wanted concept has too few candidates.
    """
    queues: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, (key, author) in enumerate(zip(concept, family, strict=True)):
        queues[key][author].append(index)
    chosen: list[int] = []
    short = {}
    for number, key in enumerate(wanted):
        generator = np.random.default_rng((SEED, number))
        turns = [
            [members[i] for i in generator.permutation(len(members))]
            for _, members in sorted(queues[key].items())
        ]
        order = generator.permutation(len(turns))
        taken: list[int] = []
        while len(taken) < TEST_PICTURES and any(turns):
            taken += [turns[t].pop() for t in order if turns[t]]
        if len(taken) < TEST_PICTURES:
            short[key] = len(taken)
        chosen += taken[:TEST_PICTURES]
    if short:
        raise CourseError(
            f"Too few test candidates (of {TEST_PICTURES}) for {short}; widen their patterns "
            "in curated_concepts.csv or make them open concepts."
        )
    return np.array(sorted(chosen), dtype=np.intp)
