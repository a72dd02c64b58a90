"""Checkpoints that are whole or not there, and stop signals that wait for them.

A checkpoint's name ends in the first digits of its SHA-256, which is compared before it is loaded;
the one before it is deleted only once it is on the disk. Whenever the process dies, and whatever
becomes of the file, the newest whole one loads, with ``weights_only=True``, for it holds tensors
and plain values.
"""

from __future__ import annotations

import hashlib
import io
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from lt_course.distributed import world_size
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
    """Write a checkpoint; if that fails (CourseError), the previous one is still there."""
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
    """The newest whole checkpoint, if there is one; a damaged one is passed over with a warning."""
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


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and SIGTERM wait: yields a function that says whether one has come.

    A second Ctrl-C acts at once, unless several processes train together: one of the two is the
    terminal's then, and the other is torchrun's, which passes it on. A second SIGTERM does not, for
    batch systems send it more than once.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before: dict[int, Any] = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)
    }

    def note(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT and world_size() == 1:
            signal.signal(number, before[number])
            signal.raise_signal(number)
        received.append(number)

    for number in before:
        signal.signal(number, note)
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let the death of a child wait: what is done meanwhile is finished, then torch raises."""
    alarm = signal.getsignal(signal.SIGCHLD)
    if threading.current_thread() is not threading.main_thread() or not callable(alarm):
        yield
        return
    died: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGCHLD, lambda *what: died.append(what))
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, alarm)
    if died:
        alarm(*died[-1])
