"""Record what lesson 10 says of OpenAI's class vectors, for pages that are built without them.

    LT_COURSE_MIRROR=... python -m tools.record_class_vectors

No vector and nothing of a single class is written: correlations over classes, and means of tenths.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from lt_course.data import icontail
from lt_course.errors import CourseError
from lt_course.lessons.class_vectors import (
    COUNTED,
    HEAD,
    RECORD,
    counts,
    crowding,
    released,
    shared_names,
)
from lt_course.lessons.neighbours import unit
from lt_course.statistics import FloatArray, spearman

SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Shares of the common mean that are taken off."""


def centred(vectors: npt.ArrayLike, share: float = 1.0) -> FloatArray:
    """Unit rows [C, D] less a share of their mean, at length 1 again."""
    rows = unit(vectors)
    return unit(rows - share * rows.mean(0))


def readings(head: npt.ArrayLike) -> dict[str, FloatArray]:
    """The vectors as they are, and what centring may mean; float [C, D] each."""
    raw = np.asarray(head, dtype=np.float64)
    again = raw
    for _ in range(5):
        again = centred(again)
    return {
        "as they are": unit(raw),
        "mean of the directions off": centred(raw),
        "mean of the raw vectors off": unit(raw - raw.mean(0)),
        "mean of the directions off, five times": again,
    }


def measure(head: FloatArray) -> pd.DataFrame:
    """All that is recorded of the vectors: columns table, row, column, value."""
    web = counts()
    captions = web[COUNTED].to_numpy()
    found: dict[tuple[str, str, str], float] = {}
    for row, vectors in readings(head).items():
        for column, values in crowding(vectors).items():
            found["centring", row, column] = spearman(captions, values)
            found["spread", row, column] = float(values.std())
            found["level", row, column] = float(values.mean())
    for share in SHARES:
        for column, values in crowding(centred(head, share)).items():
            found["shares", f"{share:g}", column] = spearman(captions, values)
    both = {"as they are": crowding(head), "mean off": crowding(centred(head))}
    for counted in web:
        for name, measures in both.items():
            for column in ("NC2", "5 nearest"):
                value = spearman(web[counted], measures[column])
                found["sets", str(counted), f"{column}, {name}"] = value
    for place, group in enumerate(np.array_split(np.argsort(captions, kind="stable"), 10), 1):
        found["tenths", str(place), "captions"] = float(np.median(captions[group]))
        for name, measures in both.items():
            found["tenths", str(place), name] = float(measures["NC2"][group].mean())
    known, places = shared_names()
    sources = {
        "CLIP RN50, as they are": head[known],
        "CLIP RN50, mean off": centred(head[known]),
        "language model, mean off": icontail.text_embeddings()[places].astype(np.float64),
    }
    for row, vectors in sources.items():
        for column, values in crowding(vectors).items():
            found["names", row, column] = spearman(captions[known], values)
    rows = [(*where, round(value, 5)) for where, value in found.items()]
    return pd.DataFrame(rows, columns=["table", "row", "column", "value"])


def main() -> None:
    """Write the table.

    Raises:
        CourseError: if the vectors are not at hand.
    """
    head = released()
    if head is None:
        raise CourseError(f"{HEAD} is not at hand; set LT_COURSE_MIRROR to a folder that holds it.")
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    measure(head).to_csv(RECORD, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
