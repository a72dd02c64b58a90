"""Lesson 10: how crowded the class vectors of a released CLIP are, and where.

The vectors are OpenAI's (RN50, 400 million pairs), as the study released them for the 1,000 names
of ImageNet. They are not part of the course. What was measured of them is: a table of numbers,
which ``python -m tools.record_class_vectors`` makes from the file.
"""

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
from lt_course.statistics import FloatArray

HEAD, EMBEDDING = "in1k_clip_rn50_wit400m_a+cname.pt", 1024

COUNTED = "LAION-400M"
"""The set whose counts stand for those of OpenAI's own data, which nobody has published."""

SETS = {
    **{f"{key}_imagenet_ori": title for key, title in web_frequencies.PRETRAINING_SETS.items()},
    "laionet_thresh0.7_ori": "LAIONet",
}

RECORD = Path(__file__).parent / "resources" / "class_vectors.csv"

MEASURES = style.looks("lesson 10, crowding")


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
    """How crowded it is around each of C vectors, none centred, by three measures [C].

    ``mean cosine`` with all others; ``NC2``, the mean of ``|cos + 1 / (C - 1)|``; and the mean
    cosine with the ``5 nearest``.
    """
    rows = unit(vectors)
    return {
        "mean cosine": density(rows, len(rows) - 1),
        "NC2": nc2_per_class(torch.from_numpy(rows), centre=False).numpy(),
        "5 nearest": density(rows),
    }


def shared_names() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Classes of ImageNet that IconTail has under the same name, and their places there."""
    places = {each.name.lower(): i for i, each in enumerate(icontail.load().concepts)}
    names = [known.name.lower() for known in imagenet_classes().values()]
    both = [(i, places[name]) for i, name in enumerate(names) if name in places]
    ours, theirs = np.array(both, dtype=np.int64).T
    return ours, theirs


def recorded(table: str) -> pd.DataFrame:
    """One of the tables that `measure` makes, as it was recorded."""
    found = pd.read_csv(RECORD, dtype={"row": str}).query("table == @table")
    wide = found.pivot(index="row", columns="column", values="value")
    wide = wide.loc[found["row"].unique(), found["column"].unique()]
    return wide.rename_axis(index=None, columns=None)


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
