"""Kinds of exercises judge right, wrong, odd and missing answers, and never raise."""

import numpy as np
import pandas as pd
import pytest
import torch

from lt_course.errors import CourseError
from lt_course.evaluation.intervals import Interval
from lt_course.lessons.exercises import Checker
from lt_course.lessons.exercises.kinds import (
    Choice,
    Explanation,
    Function,
    Mistake,
    Number,
    Prediction,
)

HALF = Number(lambda: 0.4567, [Mistake(lambda: 0.9134, "you doubled it.")], hint="Halve it.")
ODD: tuple[object, ...] = (
    None,
    ...,
    "0.46",
    "",
    True,
    [],
    {},
    object(),
    float("nan"),
    float("inf"),
    lambda: 1,
    print,
)


@pytest.mark.parametrize(
    "answer",
    [0.4567, 0.46, 0.457, np.float32(0.4567), torch.tensor(0.46), Interval(0.4567, 0.3, 0.6, 5)],
)
def test_a_number_is_right_in_the_digits_that_are_printed(answer):
    assert HALF.judge(answer).right


@pytest.mark.parametrize("answer", [0.45, 0.47, 0, 1, 45.67, -0.46])
def test_other_numbers_are_wrong(answer):
    judged = HALF.judge(answer)
    assert judged.right is False
    assert "Halve it." in judged.sentence


def test_a_known_mistake_is_told():
    assert HALF.judge(0.91).sentence == "you doubled it."


@pytest.mark.parametrize("answer", ODD)
def test_a_number_is_never_what_is_none(answer):
    assert not HALF.judge(answer).right


THREE = Number(lambda: [1, 2, 3], decimals=0)


@pytest.mark.parametrize(
    "answer",
    [[1, 2, 3], (1, 2, 3), np.arange(1, 4), pd.Series([1, 2, 3]), {"a": 1, "b": 2, "c": 3}],
)
def test_numbers_may_be_held_by_anything(answer):
    assert THREE.judge(answer).right


@pytest.mark.parametrize(
    "answer", [[1, 2], [[1, 2, 3]], [1, 2, 4], 6, ["1", "2", "3"], [1, [2], 3]]
)
def test_numbers_of_another_shape_or_value_are_wrong(answer):
    assert THREE.judge(answer).right is False


def draws(rng):
    return [(rng.random(size), 2.0) for size in (3, 5)]


SOFTMAX = Function(
    lambda x, t: np.exp(x * t) / np.exp(x * t).sum(),
    draws,
    [Mistake(lambda x, t: np.exp(x) / np.exp(x).sum(), "the temperature is not used.")],
)


def changes(x, t):
    x *= t
    return np.exp(x) / np.exp(x).sum()


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, t: np.exp(t * x) / np.sum(np.exp(t * x)),
        lambda x, t: torch.softmax(torch.tensor(x * t), 0),
        lambda x, t: list(np.exp(t * x) / np.sum(np.exp(t * x))),
    ],
)
def test_a_function_is_right_by_what_it_gives(answer):
    assert SOFTMAX.judge(answer).right


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda x, t: np.exp(x) / np.exp(x).sum(), "the temperature is not used."),
        (changes, "changes its arguments"),
        (lambda x, t: 1 / 0, "raises ZeroDivisionError"),
        (lambda x: x, "raises TypeError"),
        (lambda x, t: x, "hidden input"),
        (lambda x, t: 0.2, "hidden input"),
        (lambda x, t: "no", "hidden input"),
        (0.2, "a function is asked for"),
        ("softmax", "a function is asked for"),
    ],
)
def test_a_wrong_function_is_told_what_it_does(answer, told):
    judged = SOFTMAX.judge(answer)
    assert judged.right is False
    assert told in judged.sentence


@pytest.mark.parametrize("answer", [None, ..., lambda x, t: None, lambda x, t: ...])
def test_a_stub_is_no_answer_yet(answer):
    assert SOFTMAX.judge(answer).right is None


def test_a_function_with_many_right_values_is_judged_by_a_property():
    draw = Function(
        lambda n: None,
        lambda rng: [(4,), (9,)],
        complaint=lambda value, given: None if len(set(value)) == given[0] else "not all differ.",
    )
    assert draw.judge(lambda n: np.random.permutation(n)).right
    assert draw.judge(lambda n: [0] * n).sentence == "not yet: not all differ."
    assert draw.judge(lambda n: 3).right is False


def test_a_choice_knows_its_words():
    order = Choice(
        lambda: ("b", "a"), ("a", "b"), [Mistake(("a", "b"), "the other way.")], hint="Think."
    )
    assert order.judge(["B", " a"]).right
    assert order.judge(("a", "b")).sentence == "the other way."
    for odd in ("c", 3, ["a", 1], [], "a b"):
        assert order.judge(odd).right is False
    assert order.judge(None).right is None


def test_the_first_prediction_is_kept(capsys):
    check = Checker("trial", {"guess": Prediction(0, 1, unit="S(p)")})
    for answer in (None, 3, "high", 0.3, 0.9):
        check("guess", answer)
    check.reveal("guess", 0.46)
    lines = capsys.readouterr().out.splitlines()
    assert [line[0] for line in lines[:5]] == ["○", "✗", "✗", "✓", "✓"]
    assert "your prediction of 0.3 is kept" in lines[4]
    assert lines[5] == "you: 0.30, measured: 0.46; off by 0.16"


def test_an_order_may_be_predicted(capsys):
    check = Checker("trial", {"order": Prediction(options=("SL", "CLIP"))})
    check.reveal("order", ["SL", "CLIP"])
    check("order", ["SL"])
    check("order", ["clip", "sl"])
    check.reveal("order", ["SL", "CLIP"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "you: no prediction; measured: SL > CLIP"
    assert lines[1].startswith("✗")
    assert lines[3] == "you: clip > sl; measured: SL > CLIP"


def test_an_explanation_is_set_beside_a_model():
    why = Explanation("The model.", {"the batch": ("batch",), "the prior": ("prior", "frequen")})
    good = "a frequent class is often among the other captions of the batch, so its score is pushed"
    assert why.judge(good).right
    assert "The model." in why.judge(good).sentence
    assert "the batch" in why.judge(good.replace("batch", "set")).sentence
    for odd in (3, "batch prior", "batch prior " * 20, ["batch"], lambda: good):
        assert why.judge(odd).right is False
    assert why.judge(None).right is None


def test_an_unknown_name_is_an_error():
    with pytest.raises(CourseError, match="has no exercise 'b'; it has 'a'"):
        Checker("trial", {"a": HALF})("b", 1)
