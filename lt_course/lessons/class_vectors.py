"""Lesson 10: how crowded the class vectors of a released CLIP are, and where.

The vectors are OpenAI's (RN50, 400 million pairs), as the study released them for the 1,000 names
of ImageNet. They are not part of the course. What was measured of them is: a table of numbers,
which ``python -m tools.record_class_vectors`` makes from the file.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.figure import Figure

from lt_course.counting import web_frequencies
from lt_course.data import icontail
from lt_course.data.imagenet import imagenet_classes
from lt_course.evaluation.neural_collapse import nc2_per_class
from lt_course.lessons.geometry import density
from lt_course.lessons.neighbours import unit
from lt_course.models.released_heads import released_prototypes
from lt_course.plots import style
from lt_course.release import UnreachableError
from lt_course.statistics import spearman

FloatArray = npt.NDArray[np.float64]

HEAD, EMBEDDING = "in1k_clip_rn50_wit400m_a+cname.pt", 1024

COUNTED = "LAION-400M"
"""The set whose counts stand for those of OpenAI's own data, which nobody has published."""

SETS = {
    **{f"{key}_imagenet_ori": title for key, title in web_frequencies.PRETRAINING_SETS.items()},
    "laionet_thresh0.7_ori": "LAIONet",
}

RECORD = Path(__file__).parent / "resources" / "class_vectors.csv"

SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Shares of the common mean that are taken off."""

MEASURES: dict[str, style.Look] = {
    "mean cosine": style.look(style.BLACK, "o", "mean cosine"),
    "NC2": style.look(style.VERMILLION, "^", "NC2"),
    "5 nearest": style.look(style.BLUE, "s", "5 nearest"),
}


def released() -> FloatArray | None:
    """OpenAI's class vectors as released, [1000, 1024], or None where they cannot be had.

    Raises:
        CourseError: if there is a file of that name and it is another one.
    """
    try:
        head = released_prototypes(HEAD, tuple(imagenet_classes().values()), EMBEDDING)
    except UnreachableError:
        return None
    return np.asarray(head.double().numpy())


def counts(names: dict[str, str] = SETS) -> pd.DataFrame:
    """Captions that name each of ImageNet's classes, one column a set, in ImageNet's order."""
    web = web_frequencies.load()
    return pd.DataFrame({title: web.counts(name).to_numpy() for name, title in names.items()})


def crowding(vectors: npt.ArrayLike) -> dict[str, FloatArray]:
    """Three measures of how crowded it is around each of C vectors, [C] each.

    ``mean cosine`` with all others; ``NC2``, the mean of ``|cos + 1 / (C - 1)|``; and the mean
    cosine with the ``5 nearest``. Nothing is centred.
    """
    rows = unit(vectors)
    return {
        "mean cosine": density(rows, len(rows) - 1),
        "NC2": nc2_per_class(torch.from_numpy(rows), centre=False).numpy(),
        "5 nearest": density(rows),
    }


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


def shared_names() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Classes of ImageNet that IconTail has under the same name, and their places there."""
    places = {each.name.lower(): i for i, each in enumerate(icontail.load().concepts)}
    names = [known.name.lower() for known in imagenet_classes().values()]
    both = [(i, places[name]) for i, name in enumerate(names) if name in places]
    ours, theirs = np.array(both, dtype=np.int64).T
    return ours, theirs


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
    before, after = crowding(head), crowding(centred(head))
    for counted in web:
        for name, measures in (("as they are", before), ("mean off", after)):
            for column in ("NC2", "5 nearest"):
                found["sets", str(counted), f"{column}, {name}"] = spearman(
                    web[counted], measures[column]
                )
    groups = np.array_split(np.argsort(captions, kind="stable"), 10)
    for place, group in enumerate(groups, 1):
        found["tenths", str(place), "captions"] = float(np.median(captions[group]))
        found["tenths", str(place), "as they are"] = float(before["NC2"][group].mean())
        found["tenths", str(place), "mean off"] = float(after["NC2"][group].mean())
    known, places = shared_names()
    language = icontail.text_embeddings()[places].astype(np.float64)
    sources = {
        "CLIP RN50, as they are": head[known],
        "CLIP RN50, mean off": centred(head[known]),
        "language model, mean off": language,
    }
    for row, vectors in sources.items():
        for column, values in crowding(vectors).items():
            found["names", row, column] = spearman(captions[known], values)
    rows = [(*where, round(value, 5)) for where, value in found.items()]
    return pd.DataFrame(rows, columns=["table", "row", "column", "value"])


def recorded(table: str) -> pd.DataFrame:
    """One of the tables that `measure` makes, as it was recorded."""
    found = pd.read_csv(RECORD, dtype={"row": str}).query("table == @table")
    wide = found.pivot(index="row", columns="column", values="value")
    return wide.loc[found["row"].unique(), found["column"].unique()].rename_axis(
        index=None, columns=None
    )


def note(head: FloatArray | None) -> str:
    """One sentence on whether the numbers of the page are measured now or were recorded."""
    if head is None:
        return "The vectors are not at hand and cannot be fetched: the numbers are recorded ones."
    return f"{len(head):,} class vectors at hand, checksum verified: the numbers are measured now."


def plot_centring(tenths: pd.DataFrame, shares: pd.DataFrame) -> Figure:
    """NC2 from rare to frequent names, as it is and centred; and S as the mean is taken off."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.4))
    looks = {"as they are": style.VERMILLION, "mean off": style.GREEN}
    for (name, color), marker in zip(looks.items(), "^P", strict=True):
        left.plot(tenths["captions"], tenths[name], color=color, marker=marker, label=name)
    left.set(xscale="log", xlabel=f"captions of {COUNTED}", ylabel="NC2 of class vectors")
    left.set_ylim(0, None)
    left.legend()
    for measure_, look in MEASURES.items():
        right.plot(shares.index.astype(float), shares[measure_], **look)
    right.axhline(0, **style.ZERO)
    right.set(xlabel="share of the common mean taken off", ylabel="Spearman with captions")
    right.legend()
    return figure
