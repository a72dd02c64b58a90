"""Pictures of one's own in a folder: a sub-folder a class, or all that ``metadata.csv`` lists.

Class folders may stand below ``train/`` and ``test/`` (or ``val/``, ``validation/``). The table has
the columns ``file_name`` and ``label``, and may have ``text`` and ``split``: the names that Hugging
Face gives them. What cannot be used as it lies is counted and named, in one warning a reading.
"""

from __future__ import annotations

import csv
import os
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lt_course.data.photographs.photograph_set import PhotographSet, of_one_class
from lt_course.data.photographs.reading import UNREADABLE, Found, read_images
from lt_course.errors import CourseError

Ints = NDArray[np.int64]
Notes = dict[str, list[str]]
"""What is to be told -> names of the files, or classes, that it is told of."""

NAME = "folder"
TABLE = "metadata.csv"
IS_TEST = {"train": False, "test": True, "validation": True, "val": True}
"""Values of ``split``, and names of folders above those of classes."""

ENDINGS = frozenset(".bmp .gif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp".split())

LEAST = 5
"""Test pictures of a class that is scored; of fewer, an accuracy says next to nothing."""

ONE_IN = 5
"""Without a split, one in so many of each class is tested."""

MISSING, TWICE, SILENT = "missing files", "file names listed again", "rows with an empty text"
UNUSABLE = (MISSING, UNREADABLE, TWICE, SILENT)
"""Rows that are left out; more than a tenth of all is refused."""


class Row(NamedTuple):
    """A picture as listed; `test` is None where nothing says on which side it stands."""

    path: Path
    label: str
    test: bool | None
    text: str | None = None


def find(folder: Path) -> Found:
    """The pictures as they lie; a CourseError if there are none, or the table lacks something."""
    if not folder.is_dir():
        raise CourseError(
            f"Field 'data_folder' is {str(folder)!r}, which is no folder; correct it."
        )
    notes: Notes = defaultdict(list)
    table = folder / TABLE
    listed = table.is_file()
    rows = list(_rows_of_table(table, notes) if listed else _rows_of_folders(folder, notes))
    _require_usable(folder, notes, len(rows))
    if not rows:
        raise CourseError(
            f"The folder {folder} holds no picture: put those of each class into a sub-folder of "
            f"its name, or list them in {TABLE}."
        )
    classes, labels = np.unique([row.label for row in rows], return_inverse=True)
    paths = [row.path for row in rows]
    texts = {
        "folder": folder,
        "classes": classes,
        "notes": notes,
        "split": rows[0].test is not None,
        "text": None if rows[0].text is None else [row.text for row in rows],
    }
    test = np.array([bool(row.test) for row in rows])
    return Found(paths, labels, test, texts, files=[table, *paths] if listed else paths)


def read(found: Found, size: int) -> PhotographSet:
    """The set, at a size in pixels: scored classes first, by their number of training pictures.

    A CourseError if more than a tenth cannot be used, or fewer than two classes can be tested.
    """
    folder, classes, text = (found.texts[name] for name in ("folder", "classes", "text"))
    told_before: Notes = found.texts["notes"]
    notes = defaultdict(list, {what: [*names] for what, names in told_before.items()})
    every = np.array([path.relative_to(folder).as_posix() for path in found.pictures])
    images, digests, seen = read_images(found, size, "pictures", of_all_kinds=True)
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
    `group`, int64 [n], numbers pictures' bytes in the order of their hashes.
    """
    _, first = np.unique(group, return_index=True)
    pure = of_one_class(labels, group)
    test = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        groups = np.unique(group[labels == label])
        chosen = groups[pure[groups]][: len(groups) // ONE_IN]
        test[first[chosen]] = len(chosen) >= LEAST
    return test


def _rows_of_table(table: Path, notes: Notes) -> Iterator[Row]:
    """The rows of a table whose pictures are there; names are relative to its folder."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            rows, columns = list(reader), reader.fieldnames or ()
    except (csv.Error, UnicodeDecodeError) as error:
        raise CourseError(f"{table} is no CSV in UTF-8 ({error}); save it as one.") from error
    for column in ("file_name", "label"):
        if column not in columns:
            raise CourseError(
                f"{table} has no column {column!r} but {', '.join(columns) or 'none at all'}; "
                "give it the columns file_name and label."
            )
    seen: set[Path] = set()
    for number, row in enumerate(rows, 2):
        where = f"Row {number} of {table}"
        if None in row:
            raise CourseError(f"{where} has more fields than columns; put texts into quotes.")
        file_name, label, split = (row.get(c, "").strip() for c in ("file_name", "label", "split"))
        if not label or not file_name:
            lacking = "file_name" if label else "label"
            raise CourseError(f"{where} has an empty {lacking}; fill it in, or delete the row.")
        relative = Path(file_name)
        if relative.is_absolute() or ".." in relative.parts:
            raise CourseError(
                f"{where} has the file_name {file_name!r}, which leads out of the folder; move the "
                "picture into it."
            )
        if "split" in columns and split.lower() not in IS_TEST:
            raise CourseError(f"{where} has the split {split!r}; use {', '.join(IS_TEST)}.")
        path, text = table.parent / relative, row["text"].strip() if "text" in columns else None
        if path in seen:
            notes[TWICE].append(file_name)
        elif not path.is_file():
            notes[MISSING].append(file_name)
        elif text == "":
            notes[SILENT].append(file_name)
        else:
            yield Row(path, label, IS_TEST[split.lower()] if "split" in columns else None, text)
        seen.add(path)
    for path in sorted(table.parent.rglob("*")):
        if path.suffix.lower() in ENDINGS and path not in seen:
            name = path.relative_to(table.parent).as_posix()
            notes[f"pictures that {TABLE} does not list, left out"].append(name)


def _rows_of_folders(folder: Path, notes: Notes) -> Iterator[Row]:
    """The pictures in folders of classes, which may stand below those of a split."""
    names = {each.name for each in _inside(folder) if each.is_dir()}
    tests = {name for name in names & IS_TEST.keys() if IS_TEST[name]}
    if not (names <= IS_TEST.keys() or ("train" in names and tests)):
        yield from _rows_of_classes(folder, folder, None, notes)
        return
    for name in sorted(names):
        if name in IS_TEST:
            test = IS_TEST[name] if tests else None
            yield from _rows_of_classes(folder, folder / name, test, notes)
        else:
            notes["folders beside train and test, left out"].append(name)


def _rows_of_classes(root: Path, above: Path, test: bool | None, notes: Notes) -> Iterator[Row]:
    """Pictures in folders of classes, however deep; names that begin with a dot are passed over."""
    for folder in _inside(above):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            below = path.relative_to(above)
            if not path.is_file() or any(part.startswith(".") for part in below.parts):
                continue
            is_picture = path.suffix.lower() in ENDINGS
            if is_picture and path != folder:
                yield Row(path, os.fsencode(folder.name).decode(errors="backslashreplace"), test)
            elif is_picture:
                notes["pictures outside of a class's folder, left out"].append(path.name)
            elif path != folder:
                name = path.relative_to(root).as_posix()
                notes["files that are no pictures by their ending, left out"].append(name)


def _inside(folder: Path) -> list[Path]:
    return [each for each in sorted(folder.iterdir()) if not each.name.startswith(".")]


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
