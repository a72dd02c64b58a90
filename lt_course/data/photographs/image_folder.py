"""Pictures of one's own in a folder: a sub-folder a class, or all that ``metadata.csv`` lists.

Class folders may stand below ``train/`` and ``test/`` (or ``val/``, ``validation/``). The table has
the columns ``file_name`` and ``label``, and may have ``text`` and ``split``: the names that Hugging
Face gives them. What cannot be used as it lies is counted and named, in one warning a reading.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lt_course.data.photographs.folder_rows import (
    MISSING,
    SILENT,
    TABLE,
    TWICE,
    Notes,
    rows_of_folders,
    rows_of_table,
)
from lt_course.data.photographs.photograph_set import PhotographSet
from lt_course.data.photographs.picture_kinds import UNREADABLE, read_all
from lt_course.data.photographs.reading import Found
from lt_course.errors import CourseError

Ints = NDArray[np.int64]

NAME = "folder"
LEAST = 5
"""Test pictures of a class that is scored; of fewer, an accuracy says next to nothing."""

ONE_IN = 5
"""Without a split, one in so many of each class is tested."""

UNUSABLE = (MISSING, UNREADABLE, TWICE, SILENT)
"""Rows that are left out; more than a tenth of all is refused."""


def find(folder: Path) -> Found:
    """The pictures as they lie, before one is opened.

    Raises:
        CourseError: if there are none, or the table lacks what it must have.
    """
    if not folder.is_dir():
        raise CourseError(
            f"Field 'data_folder' is {str(folder)!r}, which is no folder; correct it."
        )
    notes: Notes = defaultdict(list)
    table = folder / TABLE
    listed = table.is_file()
    rows = list(rows_of_table(table, notes) if listed else rows_of_folders(folder, notes))
    _require_usable(folder, notes, len(rows))
    if not rows:
        raise CourseError(
            f"The folder {folder} holds no picture: put those of each class into a sub-folder of "
            f"its name, or list them in {TABLE}."
        )
    classes = sorted({row.label for row in rows})
    number = {label: i for i, label in enumerate(classes)}
    paths = [row.path for row in rows]
    texts = {
        "folder": folder,
        "classes": classes,
        "notes": notes,
        "split": rows[0].test is not None,
        "text": None if rows[0].text is None else [row.text for row in rows],
    }
    return Found(
        paths,
        np.array([number[row.label] for row in rows], np.int64),
        np.array([bool(row.test) for row in rows]),
        texts,
        files=[table, *paths] if listed else paths,
    )


def read(found: Found, size: int) -> PhotographSet:
    """The set, at a size in pixels: scored classes first, by their number of training pictures.

    Raises:
        CourseError: if more than a tenth cannot be used, or fewer than two classes can be tested.
    """
    folder, text = found.texts["folder"], found.texts["text"]
    classes = np.array(found.texts["classes"])
    told_before: Notes = found.texts["notes"]
    notes = defaultdict(list, {what: [*names] for what, names in told_before.items()})
    every = np.array([path.relative_to(folder).as_posix() for path in found.pictures])
    images, digests, seen = read_all(found.pictures, size)
    for name, whats in zip(every, seen, strict=True):
        for what in whats:
            notes[what].append(str(name))
    rows = np.flatnonzero([UNREADABLE not in whats for whats in seen])
    _require_usable(folder, notes, len(rows))

    labels, test = found.labels[rows], found.test[rows]
    group = np.unique(digests[rows], return_inverse=True)[1].astype(np.int64)
    if not found.texts["split"]:
        test = choose_test(labels, group)
    copy = ~test & np.isin(group, group[test])
    training = np.bincount(labels[~test & ~copy], minlength=len(classes))
    tests = np.bincount(labels[test], minlength=len(classes))
    scored = (tests >= LEAST) & (training > 0)
    unscored = test & ~scored[labels]
    for what, names in (
        ("pictures left out of training, byte-identical to a test picture", every[rows[copy]]),
        (f"classes not scored, with fewer than {LEAST} test pictures", classes[tests < LEAST]),
        ("classes not scored, without a training picture", classes[training == 0]),
        ("test pictures of classes not scored, left out", every[rows[unscored]]),
    ):
        notes[what] += map(str, names)
    told = _told(notes)
    if scored.sum() < 2:
        raise CourseError(
            f"Of the classes in {folder} {scored.sum()} have {LEAST} test pictures and a training "
            f"picture, and two must have them ({told}); add pictures, "
            f"{LEAST * ONE_IN} different ones a class if there is no split."
        )
    if told:
        warnings.warn(f"Of what lies in {folder}, {told}.", stacklevel=2)

    # The rest is for training alone; a class that has nothing left is none.
    order = np.lexsort((classes, -training, ~scored))
    order = order[training[order] > 0]
    place = np.argsort(np.append(order, np.flatnonzero(training == 0)))
    kept = ~copy & ~unscored
    keys = classes[order].tolist()
    return PhotographSet(
        str(folder),
        keys,
        [key.replace("_", " ") for key in keys],
        images[rows[kept]],
        place[labels[kept]],
        test[kept],
        of_image={} if text is None else {"text": [text[row] for row in rows[kept]]},
        group=group[kept],
    )


def choose_test(labels: Ints, group: Ints) -> NDArray[np.bool_]:
    """Which pictures are tested where nothing says so: bool [n].

    A fifth of each class's groups, rounded down, in the order of their numbers; of each group one
    picture. None of a group that holds another class, too, and none of a class with too few.

    Args:
        labels: int64 [n], classes.
        group: int64 [n], numbers of pictures' bytes in the order of their hashes.
    """
    numbers, first = np.unique(group, return_index=True)
    of_group = np.unique(np.stack([group, labels]), axis=1)[0]
    pure = np.bincount(of_group, minlength=len(numbers)) == 1
    test = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        groups = np.unique(group[labels == label])
        chosen = groups[pure[groups]][: len(groups) // ONE_IN]
        test[first[chosen]] = len(chosen) >= LEAST
    return test


def _require_usable(folder: Path, notes: Mapping[str, list[str]], usable: int) -> None:
    lost = {what: notes[what] for what in UNUSABLE if notes.get(what)}
    count = sum(map(len, lost.values()))
    if 10 * count > count + usable:
        raise CourseError(
            f"Of {count + usable} pictures that {folder} should have, {count} cannot be used, more "
            f"than a tenth: {_told(lost)}; mend them, or take them out."
        )


def _told(notes: Mapping[str, list[str]]) -> str:
    """How many there are of each, and the first three names."""
    return "; ".join(
        f"{what}: {len(names)} ({', '.join(names[:3])}{', …' * (len(names) > 3)})"
        for what, names in notes.items()
        if names
    )
