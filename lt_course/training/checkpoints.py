"""Checkpoints that are whole or not there.

A checkpoint is written under a temporary name, flushed to the disk, and then renamed; the one
before it is deleted only after that. Whenever the process dies, the newest whole one loads, with
``weights_only=True``: it holds tensors and plain values, nothing else.
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch

from lt_course.errors import CourseError

State = dict[str, Any]
KEPT = 2
"""Checkpoints kept: the newest, and the one before it."""


def _saved(folder: Path) -> list[Path]:
    """The checkpoints in a folder, newest first."""
    found = [path for path in folder.glob("step_*.pt") if re.fullmatch(r"step_\d+", path.stem)]
    return sorted(found, key=lambda path: int(path.stem[5:]), reverse=True)


def save(folder: Path, step: int, state: State) -> Path:
    """Write a checkpoint; the previous one stays until this one is complete.

    Raises:
        CourseError: if it cannot be written; nothing is lost then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{step}.pt"
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        free = shutil.disk_usage(folder).free / 2**20
        raise CourseError(
            f"The checkpoint {path} could not be written ({error}; {free:.0f} MiB are free); make "
            "room and start the same run again: it goes on from the checkpoint before."
        ) from error
    for old in _saved(folder)[KEPT:]:
        old.unlink()
    return path


def load_latest(folder: Path) -> State | None:
    """The newest checkpoint that loads, or None if there is none.

    A damaged file is passed over, with a warning that names it.
    """
    for path in _saved(folder):
        try:
            state: State = torch.load(path, map_location="cpu", weights_only=True)
        except (
            RuntimeError,
            EOFError,
            OSError,
            ValueError,
            KeyError,
            pickle.UnpicklingError,
        ) as error:
            warnings.warn(
                f"The checkpoint {path} is damaged ({error}); an earlier one is used, if any.",
                stacklevel=2,
            )
            continue
        return state
    return None
