"""Reading in processes, ahead of what trains, that stop signals reach in vain.

A terminal, torchrun and SLURM signal whole groups of processes. Those that read ahead must outlive
the signal: the death of one raises an error in the process that trains, which would then lose the
very checkpoint that it is about to save.
"""

from __future__ import annotations

import multiprocessing
import re
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from lt_course.errors import CourseError

NOT_FOR_WORKERS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""What loader workers leave to the process that trains: SLURM's warnings, too."""


def read_ahead(dataset: Dataset[Any], *, workers: int, **options: Any) -> Iterator[Any]:
    """Batches of a map-style data set, read by processes that no stop signal ends.

    0 `workers` read in this process; `options` are those of `torch.utils.data.DataLoader`.
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
    told: CourseError | None = None
    try:
        yield from batches
    except CourseError as error:  # around which torch puts the worker's traceback
        told = CourseError(re.split(r"\n\S*Error: ", str(error))[-1].strip())
    except RuntimeError as error:
        if "DataLoader worker" not in str(error) or "Traceback" in str(error):
            raise
        told = CourseError(
            f"A process that reads pictures was ended, as for want of memory ({error}); take fewer "
            "(LT_COURSE_WORKERS, or --workers) and start again."
        )
    finally:
        del batches  # which tells the workers to end, and waits for them
        for worker in started:
            if worker.is_alive():
                worker.kill()
                worker.join()
    if told is not None:  # by now nothing holds the loader, whose workers have ended in peace
        raise told


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """An executor on processes of this machine; a CourseError if one of them dies."""
    # Spawned, since the threads of Arrow do not survive a fork; Ctrl-C is the parent's to answer.
    spawn, ignore = multiprocessing.get_context("spawn"), (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(workers, spawn, signal.signal, ignore)
    try:
        yield pool
    except BrokenProcessPool as problem:
        raise CourseError(
            "A worker ended unexpectedly. If memory was short, give fewer --workers; in a script "
            "of your own, put what starts them below: if __name__ == '__main__':"
        ) from problem
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_signals_alone(worker: int) -> None:
    """Take the place of torch's own handler, which ends a worker by SIGTERM."""
    for number in NOT_FOR_WORKERS:
        signal.signal(number, signal.SIG_IGN)
