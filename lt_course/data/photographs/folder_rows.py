"""What a folder of pictures lists: files below folders of classes, or the rows of a table.

Nothing is opened but the table. What cannot be used is noted, not raised.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lt_course.errors import CourseError

Notes = dict[str, list[str]]
"""What is to be told -> names of the files, or classes, that it is told of."""

TABLE = "metadata.csv"
IS_TEST = {"train": False, "test": True, "validation": True, "val": True}
"""Values of ``split``, and names of folders above those of classes."""

ENDINGS = frozenset(".bmp .gif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp".split())

MISSING, TWICE, SILENT = "missing files", "file names listed again", "rows with an empty text"


class Row(NamedTuple):
    """A picture as listed; `test` is None where nothing says on which side it stands."""

    path: Path
    label: str
    test: bool | None
    text: str | None = None


def rows_of_table(table: Path, notes: Notes) -> Iterator[Row]:
    """The rows of a table whose pictures are there; names are relative to its folder.

    Raises:
        CourseError: if a column, label or split is missing or wrong, or a name leads elsewhere.
    """
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


def rows_of_folders(folder: Path, notes: Notes) -> Iterator[Row]:
    """The pictures in folders of classes, which may stand below those of a split."""
    names = {each.name for each in _inside(folder) if each.is_dir()}
    tests = {name for name in names & IS_TEST.keys() if IS_TEST[name]}
    if not (names <= IS_TEST.keys() or ("train" in names and tests)):
        yield from _of_classes(folder, folder, None, notes)
        return
    for name in sorted(names):
        if name in IS_TEST:
            yield from _of_classes(folder, folder / name, IS_TEST[name] if tests else None, notes)
        else:
            notes["folders beside train and test, left out"].append(name)


def _of_classes(root: Path, above: Path, test: bool | None, notes: Notes) -> Iterator[Row]:
    """Pictures in folders of classes, however deep; names that begin with a dot are passed over."""
    for folder in _inside(above):
        inside = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
        for path in inside:
            below = path.relative_to(above)
            if not path.is_file() or any(part.startswith(".") for part in below.parts):
                continue
            if path.suffix.lower() not in ENDINGS:
                if folder.is_dir():
                    notes["files that are no pictures by their ending, left out"].append(
                        path.relative_to(root).as_posix()
                    )
            elif path == folder:
                notes["pictures outside of a class's folder, left out"].append(path.name)
            else:
                yield Row(path, folder.name, test)


def _inside(folder: Path) -> list[Path]:
    return [each for each in sorted(folder.iterdir()) if not each.name.startswith(".")]
