"""Kinds of exercises: a number, a function, a choice, a prediction, an explanation.

Each judges an answer of whatever kind a reader may give, and knows typical mistakes by what they
give. `judge` never raises.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from lt_course.errors import CourseError
from lt_course.evaluation.intervals import Interval

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Judgement:
    """Whether an answer is right (None: there is none yet), and a sentence for its reader."""

    right: bool | None
    sentence: str


NONE_YET = Judgement(None, "not answered yet")


class Exercise(Protocol):
    """Judges answers."""

    def judge(self, answer: Any) -> Judgement:
        """Whether an answer is right, and why not."""


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer: what it gives (a value, or a function of the inputs), and a sentence
    that says what was done.
    """

    gives: Any
    sentence: str


@dataclass(frozen=True)
class Number:
    """A number or an array of numbers, right if it is so in the digits that the page prints.

    Attributes:
        expected: computes the right answer, when it is asked for.
        mistakes: what they give is a number, or a function without arguments that computes it.
        hint: for any other wrong answer.
        decimals: that the page prints; a whole number has 0 and must be exact.
        tolerance: largest error that counts as none; by default half a unit of the last digit.
    """

    expected: Callable[[], npt.ArrayLike]
    mistakes: Sequence[Mistake] = ()
    hint: str = ""
    decimals: int = 2
    tolerance: float | None = None

    def judge(self, answer: Any) -> Judgement:
        """Right if equal, whatever holds it: a number, list, tuple, array, tensor or Series."""
        if answer is None or answer is ...:
            return NONE_YET
        given = as_numbers(answer)
        if given is None:
            return Judgement(False, f"a number is asked for, not {_described(answer)}.")
        expected = np.asarray(self.expected(), float)
        if given.shape != expected.shape:
            return Judgement(
                False, f"{_shape(expected)} asked for; the answer has {_shape(given, plain=True)}."
            )
        if self._same(given, expected):
            return Judgement(True, "right")
        for mistake in self.mistakes:
            gives = mistake.gives() if callable(mistake.gives) else mistake.gives
            if self._same(given, np.asarray(gives, float)):
                return Judgement(False, mistake.sentence)
        return Judgement(False, f"not yet. {self.hint}".rstrip())

    def _same(self, given: Array, expected: Array) -> bool:
        if given.shape != expected.shape:
            return False
        half = 0.5 * 10.0**-self.decimals if self.decimals else 1e-6
        tolerance = half if self.tolerance is None else self.tolerance
        # The last digit of a rounded answer is right up to rounding of its own.
        return bool(np.allclose(given, expected, rtol=0, atol=tolerance * (1 + 1e-6) + 1e-12))


@dataclass(frozen=True)
class Function:
    """A function that the reader writes, right if it gives what it should on hidden inputs.

    Attributes:
        reference: gives the right values.
        inputs: tuples of arguments, drawn by a generator.
        mistakes: what they give are functions.
        hint: for any other wrong answer.
        tolerance: absolute, and relative.
        complaint: in place of a comparison, for functions with more than one right value:
            (value, arguments) -> what is wrong with it, or None.
        seed: of the generator; see `drawn_by`.
    """

    reference: Callable[..., Any]
    inputs: Callable[[np.random.Generator], Iterable[tuple[Any, ...]]]
    mistakes: Sequence[Mistake] = ()
    hint: str = ""
    tolerance: float = 1e-4
    complaint: Callable[[Any, tuple[Any, ...]], str | None] | None = None
    seed: int = 0

    def judge(self, answer: Any) -> Judgement:
        """Right if it gives the right values for all hidden inputs, and leaves them as they are."""
        if answer is None or answer is ...:
            return NONE_YET
        if not callable(answer):
            return Judgement(False, f"a function is asked for, not {_described(answer)}.")
        inputs = list(self.inputs(np.random.default_rng(self.seed)))
        values = []
        for arguments in inputs:
            copies = copy.deepcopy(arguments)
            try:
                values.append(answer(*copies))
            except Exception as error:  # noqa: BLE001  whatever a reader's function may raise
                return Judgement(False, f"it raises {type(error).__name__}: {error}")
            if not all(map(_equal, copies, arguments)):
                return Judgement(False, "it changes its arguments; work on a copy.")
        if all(value is None or value is ... for value in values):
            return NONE_YET
        wrong = self._first_wrong(values, inputs)
        if wrong is None:
            return Judgement(True, "right, on hidden inputs too")
        for mistake in self.mistakes:
            if self._alike(values, [mistake.gives(*copy.deepcopy(i)) for i in inputs]):
                return Judgement(False, mistake.sentence)
        return Judgement(False, f"not yet: {wrong} {self.hint}".rstrip())

    def _first_wrong(self, values: list[Any], inputs: list[tuple[Any, ...]]) -> str | None:
        for value, arguments in zip(values, inputs, strict=True):
            if self.complaint is not None:
                try:
                    wrong = self.complaint(value, arguments)
                except (TypeError, ValueError, IndexError, AttributeError, RuntimeError):
                    wrong = f"{_described(value)} is not what is asked for."
                if wrong is not None:
                    return wrong
                continue
            expected = self.reference(*copy.deepcopy(arguments))
            if not _close(value, expected, self.tolerance):
                return f"on a hidden input it gives {_short(value)}, expected {_short(expected)}."
        return None

    def _alike(self, values: list[Any], others: list[Any]) -> bool:
        return all(
            _close(value, other, self.tolerance)
            for value, other in zip(values, others, strict=True)
        )


@dataclass(frozen=True)
class Choice:
    """One of a few words, or several of them in an order.

    Attributes:
        expected: computes the right one: a word, or a tuple of words in order.
        options: the words that may be used.
        reasons: for wrong answers, what is to be said of them.
        hint: for any other.
    """

    expected: Callable[[], str | tuple[str, ...]]
    options: tuple[str, ...]
    reasons: Sequence[Mistake] = ()
    hint: str = ""

    def judge(self, answer: Any) -> Judgement:
        """Right if it is the expected one; case and spaces around do not matter."""
        if answer is None or answer is ...:
            return NONE_YET
        words, expected = _words(answer), _words(self.expected())
        if words is None or not set(words) <= {option.lower() for option in self.options}:
            listed = ", ".join(map(repr, self.options))
            return Judgement(False, f"choose from {listed}; {_described(answer)} is none of them.")
        if words == expected:
            return Judgement(True, "right")
        for reason in self.reasons:
            if words == _words(reason.gives):
                return Judgement(False, reason.sentence)
        return Judgement(False, f"not yet. {self.hint}".rstrip())


@dataclass(frozen=True)
class Prediction:
    """A number or an order to commit to before a run; any admissible one is kept, right or wrong.

    Attributes:
        low, high: range of an admissible number; None where an order is asked for.
        options: what is to be put in order.
        unit: what the number is.
    """

    low: float | None = None
    high: float | None = None
    options: tuple[str, ...] = ()
    unit: str = "the value"

    def judge(self, answer: Any) -> Judgement:
        """Whether this can be kept as a prediction."""
        if answer is None or answer is ...:
            return NONE_YET
        if self.options:
            words = _words(answer)
            if words is None or sorted(words) != sorted(o.lower() for o in self.options):
                listed = ", ".join(map(repr, self.options))
                return Judgement(False, f"put each of {listed} into a list once, in your order.")
            return Judgement(True, "your prediction is kept")
        number = as_numbers(answer)
        if number is None or number.ndim or not self.low <= float(number) <= self.high:  # type: ignore[operator]
            return Judgement(
                False, f"{self.unit} is a number from {self.low:g} to {self.high:g}; commit to one."
            )
        return Judgement(True, "your prediction is kept")

    def compare(self, predicted: Any, measured: Any) -> str:
        """One line that sets what was predicted beside what was measured."""
        if self.options:
            said = "no prediction" if predicted is None else " > ".join(predicted)
            return f"you: {said}; measured: {' > '.join(measured)}"
        value = float(getattr(measured, "estimate", measured))
        if predicted is None:
            return f"measured: {value:.2f}; you made no prediction"
        off = abs(float(predicted) - value)
        return f"you: {float(predicted):.2f}, measured: {value:.2f}; off by {off:.2f}"


@dataclass(frozen=True)
class Explanation:
    """A text of a few sentences, to be read beside a model answer.

    Attributes:
        model: the model answer, printed once the reader's own is there.
        ideas: what the text must speak of: each a name, and words of which one must be in it.
        words: least number of them.
    """

    model: str
    ideas: dict[str, tuple[str, ...]]
    words: int = 12

    def judge(self, answer: Any) -> Judgement:
        """Whether it speaks of all ideas; whether it is right, the reader judges."""
        if answer is None or answer is ... or answer == "":
            return NONE_YET
        if not isinstance(answer, str):
            return Judgement(False, f"a text is asked for, not {_described(answer)}.")
        text = answer.lower()
        if len(set(text.split())) < self.words:
            return Judgement(False, f"write at least {self.words} different words.")
        for idea, words in self.ideas.items():
            if not any(word in text for word in words):
                return Judgement(False, f"it does not speak of {idea} yet.")
        return Judgement(True, f"set it beside this answer:\n{self.model}")


def drawn_by(exercise: Exercise, seed: int) -> Exercise:
    """The same exercise with hidden inputs of another seed than the lesson's own, which is 0.

    Some draws do not tell a known mistake from the right answer; the next seed that does is taken.
    """
    if not isinstance(exercise, Function):
        return exercise
    for other in range(seed, seed + 100):
        drawn = replace(exercise, seed=other)
        wrong = (drawn.judge(mistake.gives).right is False for mistake in exercise.mistakes)
        if drawn.judge(exercise.reference).right and all(wrong):
            return drawn
    raise CourseError(f"No seed from {seed} on tells the known mistakes apart: take another one.")


def as_numbers(answer: Any) -> Array | None:
    """A float array of whatever holds numbers, or None; of an `Interval` its estimate."""
    if isinstance(answer, Interval):
        answer = answer.estimate
    if isinstance(answer, torch.Tensor):
        answer = answer.detach().cpu().numpy()
    if isinstance(answer, dict):
        answer = list(answer.values())
    try:
        array = np.asarray(answer)
    except (TypeError, ValueError):  # ragged, or with a mind of its own
        return None
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        return None
    return array.astype(float)


def _close(value: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, tuple | list) and any(np.ndim(e) for e in expected):
        return (
            isinstance(value, tuple | list)
            and len(value) == len(expected)
            and all(_close(v, e, tolerance) for v, e in zip(value, expected, strict=True))
        )
    target = np.asarray(expected.detach() if isinstance(expected, torch.Tensor) else expected)
    given = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
    try:
        given = np.asarray(given)
    except (TypeError, ValueError):
        return False
    if given.shape != target.shape or (given.dtype.kind in "iufb") != (target.dtype.kind in "iufb"):
        return False
    if target.dtype.kind not in "iufb":
        return bool((given == target).all())
    return bool(np.allclose(given.astype(float), target.astype(float), tolerance, tolerance, True))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor | np.ndarray):
        return _close(one, other, 0)
    return True


def _words(answer: Any) -> tuple[str, ...] | None:
    words = [answer] if isinstance(answer, str) else answer
    try:
        words = list(words)
    except TypeError:
        return None
    if not words or not all(isinstance(word, str) for word in words):
        return None
    return tuple(word.strip().lower() for word in words)


def _described(answer: Any) -> str:
    return f"{_short(answer)} ({type(answer).__name__})"


def _short(value: Any) -> str:
    numbers = as_numbers(value)
    if numbers is None:
        text = repr(value)
        return text if len(text) <= 60 else f"{text[:57]}..."
    if numbers.ndim == 0:
        return f"{float(numbers):.4g}"
    flat = ", ".join(f"{v:.3g}" for v in numbers.flat[: min(numbers.size, 4)])
    size = math.prod(numbers.shape)
    return f"[{flat}{', …' if size > 4 else ''}]" + (
        f" of shape {numbers.shape}" if size > 4 else ""
    )


def _shape(array: Array, plain: bool = False) -> str:
    if array.ndim == 0:
        return "one number" if plain else "one number is"
    text = f"{' x '.join(map(str, array.shape))} numbers"
    return text if plain else f"{text} are"
