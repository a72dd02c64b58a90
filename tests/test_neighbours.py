"""Neighbours among class vectors."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from lt_course.errors import CourseError
from lt_course.lessons.neighbours import cosines, nearest


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(12, 5))


def test_cosines_are_those_of_the_centred_directions(vectors):
    found = cosines(vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for a, b in ((0, 1), (3, 7)):
        x, y = unit[a] - unit.mean(0), unit[b] - unit.mean(0)
        assert found[a, b] == pytest.approx(x @ y / np.sqrt((x @ x) * (y @ y)))
    np.testing.assert_allclose(np.diag(found), 1)


def test_lengths_and_rotations_change_nothing(vectors):
    turned = 3 * vectors @ ortho_group.rvs(5, random_state=0)
    np.testing.assert_allclose(cosines(turned), cosines(vectors), atol=1e-12)


def test_a_simplex_is_a_simplex():
    found = cosines(np.eye(4))
    np.testing.assert_allclose(found[~np.eye(4, dtype=bool)], -1 / 3)


def test_the_nearest_is_the_planted_one(vectors):
    vectors[4] = vectors[9] + 0.01
    names = [f"class {number}" for number in range(12)]
    found = nearest(vectors, names, "class 9", k=3)
    assert found.index[0] == "class 4"
    assert len(found) == 3
    assert found.is_monotonic_decreasing
    assert "class 9" not in found.index


def test_bad_input_is_named(vectors):
    names = [f"class {number}" for number in range(12)]
    with pytest.raises(CourseError, match="no class 'moon'"):
        nearest(vectors, names, "moon")
    with pytest.raises(CourseError, match="1 to 11 neighbours"):
        nearest(vectors, names, "class 0", k=12)
    vectors[2] = 0
    with pytest.raises(CourseError, match="Vector 2 has length 0"):
        cosines(vectors)
