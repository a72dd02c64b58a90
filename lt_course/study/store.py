"""The store: runs by address, each trained once.

``<store>/<address>/<code>/`` holds ``spec.json``, ``metrics.jsonl`` (one row per epoch, then the
result), ``per_class.parquet``, ``arrays.npz``, ``environment.json`` and ``checkpoint/``. The
address is the hash of the spec; the code is the hash of everything in the package that can change
a result, the shipped data included. A record made by other code is therefore never read, and never
overwritten.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from math import isnan
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import pooch
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from lt_course.errors import CourseError
from lt_course.objectives.processes import by_first, rank, ranks
from lt_course.study import patience
from lt_course.study.execute import device_of, execute, require_sound, weights
from lt_course.study.spec import Run, open_world_clip
from lt_course.training.progress import progress

PACKAGE = Path(__file__).parents[1]
DECIDES_RESULTS = (
    "errors.py",
    "fields.py",
    "scale.py",
    "data/appearance.py",
    "data/caption_labels.py",
    "data/captions.py",
    "data/cifar.py",
    "data/concept_lists.py",
    "data/concepts.py",
    "data/evaluation_sets.py",
    "data/icontail.py",
    "data/imagenet*.py",
    "data/laionet.py",
    "data/lemmas.py",
    "data/longtail.py",
    "data/parts.py",
    "data/photograph*.py",
    "data/release.py",
    "data/shard_pairs.py",
    "data/shard_paths.py",
    "data/shard_scan.py",
    "data/shard_writer.py",
    "data/shards.py",
    "data/sources.py",
    "data/tokens.py",
    "data/transfer_sets.py",
    "data/web_frequencies.py",
    "data/webtext.py",
    "data/resources/icontail.npz",
    "data/resources/icontail_text.npz",
    "models/heads.py",
    "models/image_towers.py",
    "models/released_heads.py",
    "models/released_text.py",
    "models/text_towers.py",
    "objectives/*.py",
    "training/*.py",
    "evaluation/bias.py",
    "evaluation/features.py",
    "evaluation/neural_collapse.py",
    "evaluation/transfer.py",
    "evaluation/zero_shot.py",
    "study/drawings.py",
    "study/execute.py",
    "study/material.py",
    "study/outcome.py",
    "study/photographs.py",
    "study/places.py",
    "study/spec.py",
    "study/text_heads.py",
    "study/thumbnails.py",
    "study/transfer_tasks.py",
)
"""Files of the package that a result can depend on (a test holds the list against the imports)."""


@dataclass(frozen=True)
class Record:
    """A finished run.

    Attributes:
        run: its spec.
        metrics: accuracy, accuracy_head/mid/tail, spearman_accuracy, spearman_predictions, …
        history: one row per epoch of training.
        per_class: one row per concept: concept, name, frequency, trimmed, accuracy, predictions,
            mean_logit.
        arrays: test, labels, predictions, prototypes, centres (`lt_course.study.outcome.Outcome`).
        environment: versions, device, threads, memory; ``seconds`` and ``cpu_seconds`` of the
            process that finished the run, set-up and evaluation included, and the ``first_step``
            that it took (not 0 if it went on from a checkpoint); ``pictures_per_second`` of its
            training alone; how many ``processes`` shared it, of which these are the first's.
        folder: where it lies.
    """

    run: Run
    metrics: dict[str, float]
    history: pd.DataFrame
    per_class: pd.DataFrame
    arrays: dict[str, NDArray[Any]]
    environment: dict[str, Any]
    folder: Path

    def summary(self) -> dict[str, Any]:
        """One flat object: what it is, what it measured, how fast it was."""
        return {
            "name": self.run.name,
            "scale": self.run.scale,
            "seed": self.run.seed,
            **_without_nan(self.metrics),
            "pictures_per_second": self.environment["pictures_per_second"],
            "seconds": self.environment["seconds"],
            "spec_hash": self.run.address,
        }


def root() -> Path:
    """``LT_COURSE_STORE``; else ``.store`` in a checkout; else the user's cache."""
    if chosen := os.environ.get("LT_COURSE_STORE"):
        return Path(chosen)
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").exists():
        return checkout / ".store"
    return Path(pooch.os_cache("lt_course")) / "runs"


@cache
def code_hash() -> str:
    """First 12 hexadecimal digits of the SHA-256 of all that decides a result."""
    digest = hashlib.sha256()
    for pattern in DECIDES_RESULTS:
        for path in sorted(PACKAGE.glob(pattern)):
            digest.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def get(run: Run) -> Record:
    """The record of a run: read if it is in the store, else trained now.

    If another process is training the same run, this one waits for it. A run that was stopped goes
    on from its last checkpoint. Processes that train together (`lt_course.training.distributed`)
    must all ask; the first of them reads and writes the store.

    Raises:
        CourseError: as `lt_course.study.execute.execute` does.
    """
    folder = root() / run.address / code_hash()
    if (record := by_first(lambda: _read(run, folder))) is not None:
        return record
    with _locked(run, folder):
        return by_first(lambda: _read(run, folder)) or _train(run, folder)


@contextmanager
def _locked(run: Run, folder: Path) -> Iterator[None]:
    """Hold the lock of a run; of processes that train together, the first holds it for all."""
    lock = FileLock(folder / "lock")

    def acquire() -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            with progress(f"{run.name}, seed {run.seed}: another process trains it, waiting", 1):
                lock.acquire()
        except OSError as error:
            raise CourseError(
                f"The run store {root()} cannot be written ({error.strerror}); set LT_COURSE_STORE "
                "to a folder that can."
            ) from error

    by_first(acquire)
    try:
        yield
    finally:
        lock.release()


def find(run: Run) -> Record | None:
    """The record of a run if it is in the store, finished; nothing is trained or written."""
    return _read(run, root() / run.address / code_hash())


def get_all(runs: Iterable[Run]) -> list[Record]:
    """The records of several runs, in their order."""
    return [get(run) for run in runs]


def records() -> Iterator[dict[str, Any]]:
    """One row for each run in the store, finished or not, whatever code made it."""
    for folder in sorted(root().glob("*/*/")):
        if not (folder / "spec.json").exists():
            continue
        finished = (folder / "environment.json").exists()
        state = ("finished" if finished else "unfinished") + (
            "" if folder.name == code_hash() else ", other code"
        )
        try:
            spec = json.loads((folder / "spec.json").read_text())
            result = _without_nan(_rows(folder)[-1]) if finished else {}
        except (ValueError, IndexError):
            spec, result, state = {}, {}, "damaged"
        yield {
            **{field: spec.get(field) for field in ("name", "scale", "seed")},
            "state": state,
            **result,
            "spec_hash": folder.parent.name,
        }


def _without_nan(metrics: dict[str, float]) -> dict[str, float | None]:
    """JSON knows no nan."""
    return {name: None if isnan(value) else value for name, value in metrics.items()}


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def _read(run: Run, folder: Path) -> Record | None:
    # The environment is written last: where it is, all is.
    if not (folder / "environment.json").exists():
        return None
    try:
        *history, result = _rows(folder)
        per_class = pd.read_parquet(folder / "per_class.parquet")
        with np.load(folder / "arrays.npz") as archive:
            arrays = dict(archive)
        environment = json.loads((folder / "environment.json").read_text())
    except (ValueError, OSError, BadZipFile) as error:
        raise CourseError(
            f"The record in {folder} is damaged ({error}); delete that folder and run again."
        ) from error
    return Record(run, result, pd.DataFrame(history), per_class, arrays, environment, folder)


def _train(run: Run, folder: Path) -> Record:
    require_sound(run)
    patience.announce(run)
    # A run that another one starts from is no part of its own costs.
    teacher = open_world_clip(run) if run.model.taught else None
    taught_by = None
    if teacher is not None:
        taught = get(teacher).folder / "checkpoint"
        taught_by = by_first(lambda: weights(taught))
    wall, cpu = time.perf_counter(), time.process_time()
    steps: list[tuple[int, float]] = []

    def note(step: int) -> None:
        if not steps and rank() == 0:  # the specification has proved to be sound
            spec = json.loads(run.json()) | {"name": run.name}
            _write(folder / "spec.json", json.dumps(spec, indent=1))
        steps.append((step, time.perf_counter()))

    outcome = execute(
        run, folder / "checkpoint", note, None if taught_by is None else lambda _: taught_by
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu

    def keep() -> Record:
        rows = [*outcome.history, outcome.metrics]
        _write(folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        outcome.per_class.to_parquet(folder / "per_class.parquet")
        np.savez_compressed(folder / "arrays.npz", **cast("Any", outcome.arrays))
        environment = _environment(run) | {
            "seconds": round(wall, 3),
            "cpu_seconds": round(cpu, 3),
            "first_step": steps[0][0] if steps else None,
            "pictures_per_second": _speed(steps, run.training.batch),
        }
        _write(folder / "environment.json", json.dumps(environment, indent=1))
        return _finished(run, folder)

    return by_first(keep)


def _speed(steps: list[tuple[int, float]], batch: int) -> float | None:
    """Training pictures a second, set-up and evaluation aside; None below two steps."""
    if len(steps) < 2:
        return None
    (_, start), (_, end) = steps[0], steps[-1]
    return round((len(steps) - 1) * batch / (end - start), 1)


def _finished(run: Run, folder: Path) -> Record:
    record = _read(run, folder)
    assert record is not None, "it was written just now"
    return record


def _environment(run: Run) -> dict[str, Any]:
    packages = ("torch", "torchvision", "open_clip_torch", "numpy", "scipy", "lt-course")
    per_mebibyte = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "code": code_hash(),
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "processor": processor(),
        "versions": {package: version(package) for package in packages},
        "device": str(device_of(run)),
        "threads": torch.get_num_threads(),
        "processes": ranks(),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // per_mebibyte,
    }


@cache
def processor() -> str:
    """The processor's name and vector instructions, on which the last digits depend."""
    described = Path("/proc/cpuinfo")  # on Linux; elsewhere Python knows the name
    lines = described.read_text().splitlines() if described.exists() else []
    pairs = [[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]
    known = dict(reversed(pairs))  # of the first core
    name = known.get("model name") or platform.processor() or platform.machine()
    details = [f"{key} {known[key]}" for key in ("cpu family", "model") if key in known]
    return ", ".join([name, *details, torch.backends.cpu.get_cpu_capability()])


@cache
def _commit() -> str | None:
    """The checkout's commit, or None outside of one."""
    if not (PACKAGE.parent / "pyproject.toml").exists():
        return None
    try:
        asked = subprocess.run(
            ["git", "-C", str(PACKAGE.parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return asked.stdout.strip() or None


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(path)
