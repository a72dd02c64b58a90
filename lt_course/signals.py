"""Stop signals: they wait for the end of a step, and reach loader workers in vain.

A terminal, torchrun and SLURM signal whole groups of processes. Those that read ahead must outlive
the signal: the death of one raises an error in the process that trains, which would then lose the
very checkpoint that it is about to save.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from lt_course.distributed import world_size

STOP = (signal.SIGINT, signal.SIGTERM)
"""What stops a training at the end of its step."""

NOT_FOR_WORKERS = (*STOP, signal.SIGUSR1, signal.SIGUSR2)
"""What loader workers leave to the process that trains: SLURM's warnings, too."""


def read_ahead(dataset: Dataset[Any], *, workers: int, **options: Any) -> Iterator[Any]:
    """Batches of a data set, read by processes that no stop signal ends.

    Args:
        dataset: map-style.
        workers: their number; 0 reads in this process.
        **options: of `torch.utils.data.DataLoader`.
    """
    loader: DataLoader[Any] = DataLoader(
        dataset,
        num_workers=workers,
        worker_init_fn=_leave_signals_alone,
        # Without one of its own the loader draws a number from the global generator.
        generator=torch.Generator(),
        **options,
    )
    others = set(multiprocessing.active_children())
    # Blocked until the workers, which inherit that, have said that they ignore them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, NOT_FOR_WORKERS)
    try:
        batches = iter(loader)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    started = set(multiprocessing.active_children()) - others
    try:
        yield from batches
    finally:
        del batches  # which tells the workers to end, and waits for them
        for worker in started:
            if worker.is_alive():
                worker.kill()
                worker.join()


def _leave_signals_alone(worker: int) -> None:
    """Take the place of torch's own handler, which ends a worker by SIGTERM."""
    for number in NOT_FOR_WORKERS:
        signal.signal(number, signal.SIG_IGN)


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
    before: dict[int, Any] = {number: signal.getsignal(number) for number in STOP}

    def note(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT and world_size() == 1:
            signal.signal(number, before[number])
            signal.raise_signal(number)
        received.append(number)

    for stop in STOP:
        signal.signal(stop, note)
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
