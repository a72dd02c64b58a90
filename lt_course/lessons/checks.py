"""Self-checks of the exercises: one printed line, never an exception for a wrong answer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt


def check(
    name: str,
    answer: Any,
    expected: npt.ArrayLike | Callable[[Any], bool],
    tolerance: float = 1e-6,
    hint: str = "",
) -> bool | None:
    """Print `✓` for a right answer, `✗` with a hint for a wrong one, `○` for none as yet.

    Returns whether it is right; a cell ends in `_ = check(…)`, so that only the line is shown.

    Args:
        name: what is checked, for the printed line.
        answer: the reader's answer; `None` and `...` mean that there is none yet.
        expected: a number or array to compare with, or a function that judges the answer.
        tolerance: largest absolute difference that counts as equal.
        hint: what to think of next, printed after a wrong answer.
    """
    if answer is None or answer is ...:
        print(f"○ {name}: no answer yet")
        return None
    right = bool(expected(answer)) if callable(expected) else _close(answer, expected, tolerance)
    if right:
        print(f"✓ {name}")
    else:
        print(f"✗ {name}: not yet. {hint}".rstrip())
    return right


def _close(answer: Any, expected: npt.ArrayLike, tolerance: float) -> bool:
    target, given = np.asarray(expected), np.asarray(answer)
    if given.shape != target.shape:
        return False
    if not np.issubdtype(target.dtype, np.number):
        return bool((given == target).all())
    if not np.issubdtype(given.dtype, np.number):
        return False
    return bool(np.allclose(given, target, rtol=0, atol=tolerance, equal_nan=True))
