"""Where data lie on this machine, which is no part of a run: below ``LT_COURSE_DATA``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lt_course.errors import AbsentDataError, CourseError
from lt_course.files import named_folder

VARIABLE = "LT_COURSE_DATA"


@dataclass(frozen=True)
class Input:
    """A file that must be at hand before a set can be made or read."""

    file: str
    where: str
    licence: str
    size: str

    def __str__(self) -> str:
        return f"{self.file} (from {self.where}; {self.size}; {self.licence})"


def data_folder(inputs: Iterable[Input]) -> Path:
    """The folder with one folder a set; a CourseError says what belongs there if it is missing."""
    found = named_folder(VARIABLE)
    if found is None:
        raise AbsentDataError(
            f"The environment variable {VARIABLE} is not set; let it name the folder that holds, "
            f"in a folder of their own: {'; '.join(map(str, inputs))}."
        )
    if not found.is_dir():
        raise CourseError(f"{VARIABLE} is {found}, which is no folder; correct it.")
    return found


def missing(folder: Path, inputs: Iterable[Input]) -> CourseError:
    """The one message for files that are not there."""
    named = "; ".join(map(str, inputs))
    return CourseError(f"The folder {folder} lacks: {named}. Put it there and start again.")
