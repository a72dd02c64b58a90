"""Checkpoints that are whole or not there.

A checkpoint's name ends in the first digits of its SHA-256, which is compared before it is loaded;
the one before it is deleted only once it is on the disk. Whenever the process dies, and whatever
becomes of the file, the newest whole one loads, with ``weights_only=True``, for it holds tensors
and plain values.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from pathlib import Path
from typing import Any

import torch

from lt_course.errors import CourseError
from lt_course.files import free_mib, replacing, sha256

State = dict[str, Any]
KEPT = 2
"""Checkpoints kept: the newest, and the one before it."""

_NAME = re.compile(r"step_(\d+)-([0-9a-f]{16})\.pt")


def _saved(folder: Path) -> list[tuple[int, Path]]:
    """The steps of the checkpoints in a folder, newest first, and the files."""
    named = ((_NAME.fullmatch(path.name), path) for path in folder.glob("step_*.pt"))
    return sorted(((int(name[1]), path) for name, path in named if name), reverse=True)


def save(folder: Path, step: int, state: State) -> Path:
    """Write a checkpoint; the previous one stays until this one is complete.

    Raises:
        CourseError: if it cannot be written; nothing is lost then.
    """
    torch.save(state, buffer := io.BytesIO())
    content = buffer.getbuffer()
    path = folder / f"step_{step}-{hashlib.sha256(content).hexdigest()[:16]}.pt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        earlier = "goes on from the one before" if _saved(folder) else "begins anew"
        raise CourseError(
            f"The checkpoint of step {step} could not be written to {folder} "
            f"({error.strerror}; {free_mib(folder)} MiB were free); make room and start the same "
            f"run again: it {earlier}."
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
            if sha256(path).startswith(path.stem.partition("-")[2]):
                state: State = torch.load(path, map_location="cpu", weights_only=True)
                return state
        except OSError as error:
            raise CourseError(
                f"The checkpoint {path} cannot be read ({error.strerror}); make it readable, or "
                "delete it to go on from an earlier one."
            ) from error
        warnings.warn(
            f"The checkpoint {path} is damaged (it does not match the checksum in its name); an "
            "earlier one is used, if any.",
            stacklevel=2,
        )
    return None
