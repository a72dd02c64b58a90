"""Checkpoints that are whole or not there.

A checkpoint is written under a temporary name, flushed to the disk, and then renamed; the one
before it is deleted only after that. Its name ends in the first digits of its SHA-256, which is
compared before it is loaded: whenever the process dies, and whatever becomes of the file, the
newest whole one loads, with ``weights_only=True``, for it holds tensors and plain values.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from lt_course.errors import CourseError
from lt_course.files import free_mib, move, sha256

State = dict[str, Any]
KEPT = 2
"""Checkpoints kept: the newest, and the one before it."""

DIGITS = 16
"""Of the SHA-256 that a name ends in."""

_NAME = re.compile(rf"step_(\d+)-([0-9a-f]{{{DIGITS}}})\.pt")


def _saved(folder: Path) -> list[tuple[int, Path]]:
    """The steps of the checkpoints in a folder, newest first, and the files."""
    named = ((_NAME.fullmatch(path.name), path) for path in folder.glob("step_*.pt"))
    return sorted(((int(name[1]), path) for name, path in named if name), reverse=True)


class _Hashed:
    """A file that knows the SHA-256 of what was written, and why no more could be."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.sha256 = file, hashlib.sha256()
        self.failure: OSError | None = None

    def write(self, content: bytes) -> int:
        """Write to the file; torch turns the error that this may raise into one of its own."""
        self.sha256.update(content)
        try:
            return self._file.write(content)
        except OSError as failure:
            self.failure = failure
            raise

    def flush(self) -> None:
        """As files do."""
        self._file.flush()


def save(folder: Path, step: int, state: State) -> Path:
    """Write a checkpoint; the previous one stays until this one is complete.

    Raises:
        CourseError: if it cannot be written; nothing is lost then.
    """
    temporary = folder / f"step_{step}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            hashed = _Hashed(file)
            try:
                torch.save(state, cast(BinaryIO, hashed))
            except RuntimeError:  # torch's own, after one of the file
                if hashed.failure is None:
                    raise
                raise hashed.failure from None
            file.flush()
            os.fsync(file.fileno())
        path = folder / f"step_{step}-{hashed.sha256.hexdigest()[:DIGITS]}.pt"
        move(temporary, path)
    except OSError as error:
        free = free_mib(folder)
        temporary.unlink(missing_ok=True)
        earlier = "goes on from the one before" if _saved(folder) else "begins anew"
        raise CourseError(
            f"The checkpoint of step {step} could not be written to {folder} "
            f"({error.strerror}; {free} MiB were free); make room and start the same run again: "
            f"it {earlier}."
        ) from error
    # Those of later steps were passed over as damaged: the run has come here again.
    kept = [path, *(old for at, old in _saved(folder) if at < step)][:KEPT]
    for _, old in _saved(folder):
        if old not in kept:
            old.unlink()
    return path


def load_latest(folder: Path) -> State | None:
    """The newest checkpoint that is whole, or None if there is none.

    A damaged file is passed over, with a warning that names it.

    Raises:
        CourseError: if a checkpoint is whole and cannot be read: not the user's, or not ours.
    """
    for _, path in _saved(folder):
        try:
            if not sha256(path).startswith(path.stem.partition("-")[2]):
                warnings.warn(
                    f"The checkpoint {path} is damaged (it does not match the checksum in its "
                    "name); an earlier one is used, if any.",
                    stacklevel=2,
                )
                continue
            state: State = torch.load(path, map_location="cpu", weights_only=True)
        except OSError as error:
            raise CourseError(
                f"The checkpoint {path} cannot be read ({error.strerror}); make it readable, or "
                "delete it to go on from an earlier one."
            ) from error
        return state
    return None
