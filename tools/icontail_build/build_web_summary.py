"""Make the tables that :mod:`lt_course.counting.web_frequencies` reads without the full files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lt_course.counting import web_frequencies
from lt_course.counting.web_frequencies import BINS, CORRELATIONS, PACKED, RESOURCES, SUMMARY
from lt_course.errors import CourseError


def build(out: Path = RESOURCES) -> list[Path]:
    """Write the three tables, and return their paths.

    Figures are rounded to six digits after the point.

    Raises:
        CourseError: the full files are not at hand (`web_frequencies.load`).
    """
    web = web_frequencies.load()
    if not web.complete:
        raise CourseError(f"The summary can only be built from the full files. {web.note}")
    out.mkdir(parents=True, exist_ok=True)
    web.summary.round(6).to_csv(out / SUMMARY)
    web.correlations.round(6).to_csv(out / CORRELATIONS, index=False)
    same_bytes = {"method": "gzip", "mtime": 0}
    bins = web.table(PACKED).apply(binned)
    bins.to_csv(out / BINS, index_label="class", compression=same_bytes)
    return [out / SUMMARY, out / CORRELATIONS, out / BINS]


def binned(counts: pd.Series) -> pd.Series:
    """Counts as the middle of their bin, four bins to a doubling; 0 stays 0."""
    middle = 2 ** (np.round(4 * np.log2(counts.clip(lower=1))) / 4)
    return middle.round().astype(int).where(counts > 0, 0)
