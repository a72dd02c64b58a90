"""The self-check prints one honest line for right, wrong and missing answers."""

import numpy as np
import pytest

from lt_course.lessons.checks import check


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        (0.5, 0.5, True),
        (0.5 + 1e-9, 0.5, True),
        (0.51, 0.5, False),
        ([1, 2, 3], np.array([1.0, 2.0, 3.0]), True),
        ([1, 2], [1.0, 2.0, 3.0], False),
        (np.nan, np.nan, True),
        ("tail", "tail", True),
        ("head", "tail", False),
        ("0.5", 0.5, False),
        (7, lambda given: given > 6, True),
        (5, lambda given: given > 6, False),
    ],
)
def test_right_and_wrong(capsys, answer, expected, right):
    assert check("the sum", answer, expected, hint="Count again.") is right
    printed = capsys.readouterr().out
    assert printed == ("✓ the sum\n" if right else "✗ the sum: not yet. Count again.\n")


def test_tolerance_is_absolute():
    assert check("a", 0.52, 0.5, tolerance=0.03)
    assert not check("a", 0.54, 0.5, tolerance=0.03)


@pytest.mark.parametrize("answer", [None, ...])
def test_no_answer_is_not_a_wrong_answer(capsys, answer):
    assert check("the sum", answer, 3) is None
    assert capsys.readouterr().out == "○ the sum: no answer yet\n"
