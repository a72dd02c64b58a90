"""Frequency against difficulty, on results whose cause is known."""

import numpy as np
import pandas as pd
import pytest

from lt_course.lessons.permutations import within_concept
from lt_course.statistics import spearman

COUNTS = np.geomspace(1_000, 1, 60)
DIFFICULTY = np.random.default_rng(0).normal(size=60)


def tables(of_frequency: float, of_difficulty: float, tied: bool = False) -> list[pd.DataFrame]:
    """Three permutations; accuracy depends on frequency and difficulty as told."""
    found = []
    for seed in range(3):
        noise = 0.1 * np.random.default_rng(100 + seed).normal(size=60)
        order = np.argsort(DIFFICULTY) if tied else np.random.default_rng(seed).permutation(60)
        frequency = np.empty(60)
        frequency[order] = COUNTS
        accuracy = of_frequency * np.log(frequency) - of_difficulty * DIFFICULTY + noise
        found.append(
            pd.DataFrame({"concept": range(60), "frequency": frequency, "accuracy": accuracy})
        )
    return found


def test_difficulty_alone_leaves_nothing() -> None:
    assert abs(within_concept(tables(0, 1), "accuracy")) < 0.2


def test_frequency_alone_leaves_everything() -> None:
    assert within_concept(tables(1, 0), "accuracy") > 0.95


def test_difficulty_tied_to_frequency_fools_one_permutation_but_not_several() -> None:
    fooled = tables(0, 1, tied=True)
    assert spearman(fooled[0].frequency, fooled[0].accuracy) > 0.95
    assert np.isnan(within_concept(fooled, "accuracy"))


def test_order_of_rows_does_not_matter() -> None:
    found = tables(0.3, 1)
    shuffled = [table.sample(frac=1, random_state=1) for table in found]
    assert within_concept(found, "accuracy") == pytest.approx(within_concept(shuffled, "accuracy"))
