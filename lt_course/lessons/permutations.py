"""Frequency against difficulty: the same concept under several permutations of the frequencies."""

from collections.abc import Sequence

import pandas as pd

from lt_course.statistics import spearman


def within_concept(tables: Sequence[pd.DataFrame], field: str) -> float:
    """Spearman correlation of frequency and a per-class value within concepts.

    Concepts differ in difficulty, and one permutation cannot tell a concept that is rare from one
    that is hard. Over several permutations each concept stands at several ranks: rank frequency
    and `field` (accuracy or predictions) within each run, given by its per-class table, subtract
    each concept's own mean rank, and correlate what is left.
    """
    pooled = pd.concat(
        table[["concept"]].assign(frequency=table["frequency"].rank(), value=table[field].rank())
        for table in tables
    )
    means = pooled.groupby("concept").transform("mean")
    left = pooled[["frequency", "value"]] - means
    return spearman(left["frequency"].rank(), left["value"])
