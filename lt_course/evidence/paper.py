"""The paper's numbers that the course cites, each with the figure or table it stands in.

Source: Wen et al., "What Makes CLIP More Robust to Long-Tailed Pre-Training Data?", NeurIPS
2024, arXiv 2405.21070. Values printed in the paper are exact; values marked approximate were
read off its plots, to about 0.005 in a correlation and 0.3 percentage points in an accuracy.
All of the paper's trainings are single runs: it reports no seeds and no intervals.

Accuracies are fractions (0..1), correlations lie in -1..1. Data sets bear the names of the
released files (`laion400m`, `metaclip_fullcc`, …), methods and metrics the names of this
course's runs where there is one (`sl`, `clip-full`; `accuracy`, `spearman_predictions`).
"""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path

import pandas as pd

from lt_course.errors import CourseError


@cache
def _values() -> pd.DataFrame:
    path = Path(__file__).parent / "resources" / "paper_values.csv"
    return pd.read_csv(path, index_col="id", keep_default_na=False)


def table(figure: str) -> pd.DataFrame:
    """All values of one figure or table, such as `"fig1b"`, `"fig13"` or `"table2"`.

    One row a value, indexed by id, with the columns `figure` (as the paper prints it), `dataset`,
    `method`, `metric`, `value`, `approximate` and `note`.
    """
    values = _values()
    figures = values.index.str.partition("/").get_level_values(0)
    if figure not in figures:
        raise CourseError(
            f"No value of {figure!r} is recorded; figures: {', '.join(figures.unique())}."
        )
    return values[figures == figure]


def value(figure: str, dataset: str, method: str, metric: str) -> float:
    """One number of the paper, e.g. `value("fig1b", "laionet", "sl", "spearman_predictions")`."""
    values, key = table(figure), f"{figure}/{dataset}/{method}/{metric}"
    if key not in values.index:
        nearest = difflib.get_close_matches(key, values.index.to_list(), n=3, cutoff=0)
        raise CourseError(f"The paper's value {key!r} is not recorded; nearest: {nearest}.")
    return float(values["value"][key])
