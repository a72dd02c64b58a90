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

    `expected` is a number or array that an answer may differ from by `tolerance`, or a function
    that judges it; `None` and `...` are no answer yet. Returns whether it is right; a cell ends in
    `_ = check(…)`, so that only the line is shown.
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
    numbers = [np.issubdtype(each.dtype, np.number) for each in (target, given)]
    if given.shape != target.shape or numbers == [True, False]:
        return False
    if not numbers[0]:
        return bool((given == target).all())
    return bool(np.allclose(given, target, rtol=0, atol=tolerance, equal_nan=True))
