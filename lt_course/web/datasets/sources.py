"""What must be at hand before a set can be made or read: file, where from, licence, size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lt_course.errors import CourseError


@dataclass(frozen=True)
class Input:
    """A file that must be at hand before a set can be made."""

    file: str
    where: str
    licence: str
    size: str

    def __str__(self) -> str:
        return f"{self.file} (from {self.where}; {self.size}; {self.licence})"


@dataclass(frozen=True)
class Source:
    """A set that can be made into shards, or read as it is.

    Attributes:
        name: of the command ``lt-course data prepare NAME``; or what to give as shards.
        what: one line.
        pairs: as the paper used it; None where the web decides.
        classes: with at least one picture.
        inputs: needed files; none where shards are read as they are.
        prepared: whether ``lt-course data prepare`` makes something of them.
    """

    name: str
    what: str
    pairs: int | None = None
    classes: int | None = None
    inputs: tuple[Input, ...] = ()
    prepared: bool = True


def missing(folder: Path, inputs: Iterable[Input]) -> CourseError:
    """The one message for files that are not there."""
    named = "; ".join(str(each) for each in inputs)
    return CourseError(f"The folder {folder} lacks: {named}. Put it there and start again.")
