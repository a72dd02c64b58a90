"""Fill the store with the runs that factors ask for: one after the other, or by several workers."""

from __future__ import annotations

import io
import multiprocessing
import os
import queue
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from lt_course.errors import CourseError
from lt_course.evidence.experiments import Experiment
from lt_course.study import store
from lt_course.study.run_config import RunConfig
from lt_course.training.loop import Interrupted


@dataclass(frozen=True)
class Task:
    """A run with its first place in the study."""

    factor: str
    label: str
    run: RunConfig

    def __str__(self) -> str:
        """As progress calls it."""
        return f"{self.factor} | {self.label} | seed {self.run.seed}"


@dataclass(frozen=True)
class Done:
    """A task that ended: after so many seconds, with metrics or with an error's sentence."""

    task: Task
    seconds: float
    metrics: dict[str, float]
    error: str | None = None


def tasks(factors: Iterable[Experiment], scale: str, seeds: Iterable[int]) -> list[Task]:
    """The runs that the factors ask for; one that several ask for is listed once."""
    seeds = list(seeds)
    found: dict[str, Task] = {}
    for factor in factors:
        for seed in seeds:
            for label, run in factor.runs(scale, seed).items():
                found.setdefault(run.address, Task(factor.name, label, run))
    return list(found.values())


def unfinished(asked: Sequence[Task]) -> list[Task]:
    """Those that the store does not hold yet."""
    return [task for task in asked if store.find(task.run) is None]


def fill(asked: Sequence[Task], workers: int = 1) -> Iterator[Done]:
    """Train the tasks, each on one thread, and yield each when it has ended.

    A worker takes the next task that no other has taken; a run that a process outside of this call
    is training is waited for. A task that ends in a CourseError does not stop the others.

    Raises:
        CourseError: if a worker ends unexpectedly.
        KeyboardInterrupt: after Ctrl-C or SIGTERM; every run in training was saved, and another
            call goes on from there.
    """
    if workers <= 1:
        with threads(1):
            yield from map(_train, asked)
        return
    # Spawned, since torch's thread pools do not survive a fork.
    context = multiprocessing.get_context("spawn")
    taken, ended = context.Value("q", 0), context.Queue()
    shared = asked, taken, ended, os.getpid()
    processes = [context.Process(target=_work, args=shared) for _ in range(workers)]
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # workers are stopped, too
    try:
        for process in processes:
            process.start()
        try:
            for _ in asked:
                yield _next(ended, processes)
        finally:
            _stop(processes)
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Compute on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(task: Task) -> Done:
    start = time.perf_counter()
    try:
        metrics, error = store.train_or_load(task.run).metrics, None
    except CourseError as failure:
        metrics, error = {}, str(failure)
    return Done(task, time.perf_counter() - start, metrics, error)


class _Errors(io.TextIOWrapper):
    """Standard error of one of several workers: errors are written, progress lines are not."""

    def isatty(self) -> bool:
        return False


def _work(asked: Sequence[Task], taken: Any, ended: Any, parent: int) -> None:
    """A worker: out of reach of the terminal's Ctrl-C, which its parent passes on once."""
    os.setpgrp()
    sys.stderr = _Errors(sys.stderr.buffer, line_buffering=True)
    torch.set_num_threads(1)
    while os.getppid() == parent:
        with taken.get_lock():
            number, taken.value = taken.value, taken.value + 1
        if number >= len(asked):
            return
        try:
            ended.put(_train(asked[number]))
        except Interrupted:
            return


def _next(ended: Any, processes: Sequence[Any]) -> Done:
    """The next task that ends."""
    while True:
        # Asked before looking, so that a worker's last word is not missed.
        codes = [process.exitcode for process in processes]
        try:
            return ended.get(timeout=1)
        except queue.Empty:
            if None not in codes or any(codes):
                told = ", ".join(str(process.exitcode) for process in processes)
                raise CourseError(
                    f"A worker ended unexpectedly (exit codes: {told}); perhaps memory ran out. "
                    "The same command goes on with what is left."
                ) from None


def _stop(processes: Sequence[Any]) -> None:
    """Let each worker save the run that it is training; a second interrupt kills them."""
    for process in processes:
        process.terminate()
    try:
        for process in processes:
            process.join()
    except KeyboardInterrupt:
        for process in processes:
            process.kill()
        raise
