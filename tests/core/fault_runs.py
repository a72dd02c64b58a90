"""Tiny runs that are killed at random moments: one warm process, from which each try is forked.

``python tests/core/fault_runs.py kill TRIES SEED FOLDER`` and ``… locks FOLDER`` print JSON of
what they saw (`test_faults` asserts it). A process of its own, for what has used threads must not
be forked.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import mmap
import os
import random
import shutil
import signal
import socket
import struct
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from conftest import small_icontail

from lt_course import study
from lt_course.data import icontail
from lt_course.study import store
from lt_course.study.run_config import RunConfig
from lt_course.study.store import RunResult
from lt_course.training import checkpoints

STEPS, INTERVAL = 10, 2
SHARED = mmap.mmap(-1, 16)
"""Steps that the run under way has begun, and steps that all processes have taken together."""


def tiny_run() -> RunConfig:
    return study.config(
        "sl", scale="tiny", concepts=8, num_images=160, profile="incaps", batch_size=16,
        duration=f"{STEPS} steps", checkpoint_every=f"{INTERVAL} steps",
    )  # fmt: skip


def begun(step: int) -> None:
    taken = struct.unpack_from("q", SHARED, 8)[0]
    struct.pack_into("qq", SHARED, 0, step + 1, taken + 1)


def child(work: Callable[[], object]) -> int:
    """Fork a process that trains the run, after some preparation; its number."""
    if process := os.fork():
        return process
    try:
        execute = store.execute

        def noted(run, folder, note, pretrained):
            return execute(run, folder, lambda step: (begun(step), note(step)), pretrained)

        store.execute = noted
        work()
        study.train_or_load(tiny_run())
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  (a fork must not go on as its parent)
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def ended(process: int) -> int:
    """Wait; the exit status, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def die_within_a_write(number: int, share: float) -> None:
    """Be killed at a write to the disk, of which only a part has got there."""
    fsync, left = os.fsync, [number]

    def torn(descriptor: int) -> None:
        if left[0] == 0:
            with contextlib.suppress(OSError):  # a folder
                os.ftruncate(descriptor, int(share * os.fstat(descriptor).st_size))
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        fsync(descriptor)

    os.fsync = torn


def weights(record: RunResult) -> dict[str, torch.Tensor]:
    state = checkpoints.load_latest(record.folder / "checkpoint")
    assert state is not None
    return state["model"]


def equal(one: RunResult, other: RunResult) -> bool:
    """Weights, metrics, history, classes and arrays, bit for bit."""
    first, second = weights(one), weights(other)
    return (
        first.keys() == second.keys()
        and all(torch.equal(first[name], second[name]) for name in first if name != "_extra_state")
        and repr(one.metrics) == repr(other.metrics)
        and one.history.equals(other.history)
        and one.per_class.equals(other.per_class)
        and all(np.array_equal(one.arrays[k], other.arrays[k], equal_nan=True) for k in one.arrays)
    )


def undisturbed(folder: Path) -> tuple[RunResult, float]:
    """The record of a run that nobody disturbed, and how long it took."""
    os.environ["LT_COURSE_STORE"] = str(folder)
    start = time.perf_counter()
    assert ended(child(lambda: None)) == 0
    seconds = time.perf_counter() - start
    record = store.find(tiny_run())
    assert record is not None
    return record, seconds


def kill(tries: int, seed: int, folder: Path) -> dict[str, int]:
    """Kill as often as that, half of it within writes; count what was lost, and what was wrong."""
    expected, seconds = undisturbed(folder / "whole")
    os.environ["LT_COURSE_STORE"] = str(folder / "killed")
    generator, seen = random.Random(seed), {"kills": 0, "within_writes": 0, "finished": 0}
    seen |= {"most_lost": 0, "wrong": 0, "damaged": 0}
    while seen["kills"] < tries or not seen["finished"]:
        writing, last = generator.random() < 0.5, seen["kills"] >= tries
        number, share = generator.randrange(14), generator.random()
        struct.pack_into("q", SHARED, 0, 0)
        tear = writing and not last
        process = child(lambda: die_within_a_write(number, share) if tear else None)  # noqa: B023
        if not writing and not last:
            time.sleep(generator.uniform(0, seconds))
            os.kill(process, signal.SIGKILL)
        status = ended(process)
        if not writing:  # as long as runs now take, whatever else the machine does
            seconds *= 1.1 if status else 0.8
        if status == -signal.SIGKILL:
            seen["kills"] += 1
            seen["within_writes"] += writing
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                left = [*Path(os.environ["LT_COURSE_STORE"]).glob("*/*/checkpoint")]
                state = checkpoints.load_latest(left[0]) if left else None
            seen["damaged"] += len(warned)
            done = struct.unpack_from("q", SHARED)[0]
            seen["most_lost"] = max(seen["most_lost"], done - (state["step"] if state else 0))
        else:
            seen["wrong"] += status != 0
        record = store.find(tiny_run())  # raises for a damaged one
        if record is not None:
            seen["finished"] += 1
            seen["wrong"] += not equal(record, expected)
            shutil.rmtree(folder / "killed")
    return seen


def on_host(name: str, dies_at: int | None = None) -> Callable[[], None]:
    """Work as on a machine of that name, on a file system without flock."""

    def prepare() -> None:
        def absent(*_: object) -> None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        fcntl.flock, socket.gethostname = absent, lambda: name
        log = Path(os.environ["LT_COURSE_STORE"]) / f"{name}.log"
        warnings.showwarning = lambda message, *_: log.write_text(str(message))
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", message=".*another process trains it")
        execute = store.execute

        def dies(run, folder, note, pretrained):
            def noted(step: int) -> None:
                note(step)
                if step == dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)

            return execute(run, folder, noted, pretrained)

        store.execute = dies

    return prepare


def locks(folder: Path) -> dict[str, object]:
    """A store that two machines share: one dies with the lock; and two that train at once."""
    expected, _ = undisturbed(folder / "whole")
    shared = folder / "shared"
    shared.mkdir()
    os.environ["LT_COURSE_STORE"] = str(shared)
    seen: dict[str, object] = {"first": ended(child(on_host("alpha", 5)))}
    (lock,) = shared.glob("*/*/lock")
    second = child(on_host("beta"))
    while not (said := shared / "beta.log").exists() or not said.read_text():
        assert os.waitpid(second, os.WNOHANG) == (0, 0), "it waits for the lock"
        time.sleep(0.05)
    seen["said"] = said.read_text().replace(str(lock), "LOCK")
    lock.unlink()
    seen["second"] = ended(second)
    record = store.find(tiny_run())
    assert record is not None
    seen |= {"equal": equal(record, expected), "first_step": record.environment["first_step"]}
    shutil.rmtree(shared)
    shared.mkdir()
    struct.pack_into("qq", SHARED, 0, 0, 0)
    pair = [child(on_host(name)) for name in ("alpha", "beta")]
    seen["pair"] = [ended(process) for process in pair]
    seen["steps"] = struct.unpack_from("qq", SHARED)[1]
    record = store.find(tiny_run())
    assert record is not None
    seen["pair_equal"] = equal(record, expected)
    return seen


IMPORTED = ("torch._dynamo", "torch._inductor", "pandas", "pyarrow.parquet", "scipy.stats")
"""What a run imports only when it is under way: nearly all of its seconds, unless it is here."""

if __name__ == "__main__":
    for name in IMPORTED:
        import_module(name)
    torch.set_num_threads(1)
    drawings = small_icontail()
    icontail.load = lambda: drawings
    what, *numbers, place = sys.argv[1:]
    seen = {"kill": kill, "locks": locks}[what](*map(int, numbers), Path(place))
    print(json.dumps(seen))
