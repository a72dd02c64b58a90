"""Which of many like tests are left to ``make full``."""

from collections.abc import Iterable

import pytest


def mostly_slow(names: Iterable[str], *quick: str) -> list[object]:
    """Parameters of which all but the quick ones are slow."""
    return [pytest.param(n, marks=() if n in quick else pytest.mark.slow) for n in names]
