"""Fields of a specification: brought to their declared types, or refused in one sentence."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lt_course.errors import CourseError

Bounds = tuple[float, float]
COUNT: Bounds = (1, math.inf)
SEVERAL: Bounds = (2, math.inf)
NATURAL: Bounds = (0, math.inf)
SEED: Bounds = (0, 2**63 - 1)

_MISFIT = object()


def check(spec: Any, **bounds: Bounds) -> None:
    """Check a frozen dataclass's fields against their annotations; call it in `__post_init__`.

    Equal values must be equal in the canonical JSON too, so 1 becomes 1.0 where a float is
    declared, a list becomes a tuple, and numpy's numbers become Python's. Nested dataclasses are
    left to themselves; `bounds` are the least and greatest value of a numeric field.

    Raises:
        CourseError: the sentence names the field and what it may be.
    """
    for name, options in _declared(spec.__class__):
        value = checked(name, getattr(spec, name), options, bounds.get(name))
        object.__setattr__(spec, name, value)


@cache
def _declared(kind: type) -> list[tuple[str, tuple[Any, ...]]]:
    """Fields of a dataclass that are no dataclasses, and the types that each may have."""
    hints = get_type_hints(kind)  # a thousandth of a second, and thousands of runs are declared
    options = {
        name: get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        for name, hint in hints.items()
    }
    return [each for each in options.items() if not any(map(dataclasses.is_dataclass, each[1]))]


def checked(name: str, value: Any, options: Sequence[Any], bounds: Bounds | None = None) -> Any:
    """A field's value as one of its declared types has it; a CourseError as in `check`."""
    fitting = [fit for option in options if (fit := _fit(value, option)) is not _MISFIT]
    if not fitting:
        wanted = " or ".join(map(_describe, options))
        raise CourseError(f"Field {name!r} is {value!r}; it must be {wanted}.")
    value = fitting[0]
    least, greatest = bounds or (-math.inf, math.inf)
    if isinstance(value, int | float) and not least <= value <= greatest:
        most = f" and at most {greatest:g}" if greatest < math.inf else ""
        raise CourseError(f"Field {name!r} is {value!r}; it must be at least {least:g}{most}.")
    return value


def require_effect(spec: Any, effects: dict[str, tuple[str, bool]]) -> None:
    """Raise a CourseError for a field that was set and does nothing beside another one.

    `effects`: field -> the other field, and whether beside its value this one has an effect.
    """
    for field in dataclasses.fields(spec):
        other, effective = effects.get(field.name, ("", True))
        value = getattr(spec, field.name)
        if not effective and value != field.default:
            raise CourseError(
                f"Field {field.name!r} is {value!r}, which has no effect beside {other!r} "
                f"{getattr(spec, other)!r}; leave it at {field.default!r}, or set {other!r}."
            )


def _fit(value: Any, hint: Any) -> Any:
    """The value as the declared type has it, or `_MISFIT`."""
    if get_origin(hint) is Literal:
        return value if value in get_args(hint) else _MISFIT
    if get_origin(hint) is tuple:
        whole = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
        return tuple(value) if whole else _MISFIT
    if hint in (bool, str, NoneType):
        return value if isinstance(value, hint) else _MISFIT
    if isinstance(value, bool):
        return _MISFIT
    if hint is int and isinstance(value, numbers.Integral):
        return int(value)
    if hint is float and isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    return _MISFIT


def _describe(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    names = {int: "a whole number", float: "a finite number", str: "a text", bool: "True or False"}
    return names.get(hint, "None" if hint is NoneType else "a list of texts")
