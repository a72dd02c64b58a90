"""The store: runs by address, each trained once.

``<store>/<address>/<code>/`` holds `FILES` (``metrics.jsonl`` has one row per epoch, then the
result), ``SHA256SUMS`` of these, which is written last, and ``checkpoint/``. The address is the
hash of the spec, the code that of all that can change the run's result
(`lt_course.study.provenance`). A record made by other code is therefore never read, and never
overwritten; one made of other pictures (`lt_course.data.fingerprint`), or damaged, is refused.
"""

from __future__ import annotations

import io
import json
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from filelock import FileLock, SoftFileLock, Timeout
from numpy.typing import NDArray

from lt_course import files
from lt_course import scale as scales
from lt_course.distributed import on_rank_zero, rank
from lt_course.errors import AbsentDataError, CourseError
from lt_course.progress import progress
from lt_course.study import provenance, registry
from lt_course.study.dataset import load_dataset
from lt_course.study.execute import Weights, execute, weights
from lt_course.study.run_config import RunConfig, open_world_clip
from lt_course.study.text_heads import OpenWorld

if TYPE_CHECKING:
    import pandas as pd

FILES = ("spec.json", "metrics.jsonl", "per_class.parquet", "arrays.npz", "environment.json")
"""Of a finished record."""


@dataclass(frozen=True)
class RunResult:
    """A finished run.

    Attributes:
        run: its spec.
        metrics: accuracy, accuracy_head/mid/tail, spearman_accuracy, spearman_predictions, …
        history: one row per epoch of training.
        per_class: one row per concept: concept, name, frequency, trimmed, accuracy, predictions,
            mean_logit.
        arrays: as `lt_course.study.evaluate.EvalResult` has them.
        environment: versions, device, threads, memory; ``seconds`` and ``cpu_seconds`` of the
            process that finished the run, set-up and evaluation included, and the ``first_step``
            that it took (not 0 if it went on from a checkpoint); ``pictures_per_second`` of its
            training alone; how many ``processes`` shared it, of which these are the first's.
        folder: where it lies.
    """

    run: RunConfig
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
    if (chosen := files.named_folder("LT_COURSE_STORE")) is not None:
        return chosen
    if (provenance.PACKAGE.parent / "pyproject.toml").exists():
        return provenance.PACKAGE.parent / ".store"
    import pooch  # which takes a while, as pandas does

    return Path(pooch.os_cache("lt_course")) / "runs"


def train_or_load(run: RunConfig) -> RunResult:
    """The record of a run: read if it is in the store, else trained now.

    If another process is training the same run, this one waits for it. A run that was stopped goes
    on from its last checkpoint. Processes that train together (`lt_course.distributed`) must all
    ask; the first of them reads and writes the store.

    Raises:
        CourseError: as `lt_course.study.execute.execute` does; if the record is damaged or was made
            of other pictures, the store cannot be written, or the code was edited meanwhile.
    """

    def stored() -> RunResult | None:
        provenance.require_imported_code(run)
        if (record := find(run)) is not None:
            _require_same_data(record)
        return record

    if (record := on_rank_zero(stored)) is not None:
        return record
    folder = _folder(run)
    with _locked(run, folder):
        return on_rank_zero(lambda: find(run)) or _train(run, folder)


def train_or_load_all(runs: Iterable[RunConfig]) -> list[RunResult]:
    """The records of several runs, in their order."""
    return [train_or_load(run) for run in runs]


def _folder(run: RunConfig) -> Path:
    return root() / run.address / provenance.code_hash(run)


def _require_same_data(record: RunResult) -> None:
    """Compare the pictures that a record was made of with those that are here now.

    Where nobody has said where they are, as on a laptop that a record was copied to, that is said.
    Where they are incomplete, that is an error as before a training.
    """
    if (before := record.environment.get("data")) is None:
        return
    try:
        now = load_dataset(record.run).fingerprint
    except AbsentDataError as absent:
        warnings.warn(
            f"Records of {record.run.data.dataset} are shown without comparing them with its "
            f"pictures, which cannot be read ({absent})",
            stacklevel=3,
        )
        return
    assert now is not None, "the same set has one again"
    now.require_same(before, f"The record in {record.folder}")


@contextmanager
def _locked(run: RunConfig, folder: Path) -> Iterator[None]:
    """Hold the lock of a run; of processes that train together, the first holds it for all."""
    lock = FileLock(folder / "lock")

    def acquire() -> None:
        with files.writing(folder, "set LT_COURSE_STORE to a folder that can"):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                waiting = f"{run.name}, seed {run.seed}: another process trains it, waiting"
                if isinstance(lock, SoftFileLock):  # which outlives a machine that is gone
                    warnings.warn(
                        f"{waiting} for it to remove {lock.lock_file}; if no machine trains it any "
                        "longer, delete that file.",
                        stacklevel=4,
                    )
                with progress(waiting, 1):
                    lock.acquire()

    on_rank_zero(acquire)
    try:
        yield
    finally:
        lock.release()


def find(run: RunConfig) -> RunResult | None:
    """The record of a run if it is finished; a CourseError if it is damaged. Nothing is trained."""
    import pandas as pd

    folder = _folder(run)
    with _reading(folder):
        # The checksums are written last: where they are, all is.
        if not (folder / files.SUMS).exists():
            return None
        try:
            files.require_sealed(folder, FILES)
        except (FileNotFoundError, files.DamagedError) as error:
            raise CourseError(
                f"The record in {folder} is damaged ({error}); delete {files.SUMS} in it and run "
                "again: what was trained is in its checkpoints."
            ) from error
        *history, result = _rows(folder)
        per_class = pd.read_parquet(folder / "per_class.parquet")
        with np.load(folder / "arrays.npz") as archive:
            arrays = dict(archive)
        environment = json.loads((folder / "environment.json").read_text())
    return RunResult(run, result, pd.DataFrame(history), per_class, arrays, environment, folder)


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Say in a sentence what cannot be read."""
    try:
        yield
    except OSError as error:
        raise CourseError(
            f"{error.filename or folder} in the run store cannot be read ({error.strerror}); make "
            "it readable, or set LT_COURSE_STORE to another folder."
        ) from error


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def _without_nan(metrics: dict[str, float]) -> dict[str, float | None]:
    """JSON knows no nan."""
    return {name: None if isnan(value) else value for name, value in metrics.items()}


def records() -> Iterator[dict[str, Any]]:
    """One row for each run in the store, finished or not, whatever code made it.

    What is damaged or unreadable is one row, and hides no other; a store that cannot be read is a
    CourseError.
    """
    with _reading(root()):
        addresses = sorted(root().iterdir()) if root().exists() else []
    for address in addresses:
        try:
            if not address.is_dir():
                continue
            folders = [f for f in sorted(address.iterdir()) if (f / "spec.json").exists()]
        except OSError as error:
            yield _row(address.name, f"unreadable ({error.strerror})")
            continue
        yield from map(_listed, folders)


def _listed(folder: Path) -> dict[str, Any]:
    """The row of one record."""
    address, result = folder.parent.name, {}
    try:
        finished = (folder / files.SUMS).exists()
        if finished:
            files.require_sealed(folder, FILES)
            result = _without_nan(_rows(folder)[-1])
        told = json.loads((folder / "spec.json").read_text())
        spec = {field: told[field] for field in ("name", "scale", "seed")}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return _row(address, "damaged")
    except OSError as error:
        return _row(address, f"unreadable ({error.strerror})")
    other = "" if folder.name in provenance.IMPORTED.values() else ", other code"
    return _row(address, ("finished" if finished else "unfinished") + other, spec | result)


def _row(address: str, state: str, told: dict[str, Any] | None = None) -> dict[str, Any]:
    columns = dict.fromkeys(("name", "scale", "seed", "state"))
    return columns | (told or {}) | {"state": state, "spec_hash": address}


def _train(run: RunConfig, folder: Path) -> RunResult:
    if scales.named(run.scale).device == "cuda":
        registry.load_extensions()
        for say in registry.BEFORE_TRAINING:
            say(run)
    teacher: Weights = {}
    if isinstance(run.text_head, OpenWorld):
        # A run that another one starts from is no part of its own costs.
        taught = train_or_load(open_world_clip(run)).folder / "checkpoint"
        teacher = on_rank_zero(lambda: weights(taught))
    wall, cpu = time.perf_counter(), time.process_time()
    steps: list[tuple[int, float]] = []

    def write_spec() -> None:
        spec = json.loads(run.json()) | {"name": run.name}
        with files.writing(folder, "make room and start the same run again"):
            files.atomic_write(folder / "spec.json", json.dumps(spec, indent=1).encode())

    def note(step: int) -> None:
        if not steps and rank() == 0:  # the specification has proved to be sound
            write_spec()
        steps.append((step, time.perf_counter()))

    outcome = execute(run, folder / "checkpoint", note, lambda _: teacher)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu

    def keep() -> RunResult:
        provenance.require_imported_code(run)
        rows = [*outcome.history, outcome.metrics]
        table, arrays = io.BytesIO(), io.BytesIO()
        outcome.per_class.to_parquet(table)
        np.savez_compressed(arrays, **cast("Any", outcome.arrays))
        measured = provenance.environment(run) | {
            "seconds": round(wall, 3),
            "cpu_seconds": round(cpu, 3),
            "first_step": steps[0][0] if steps else None,
            "pictures_per_second": _speed(steps, run.training.batch_size),
        }
        if outcome.fingerprint is not None:
            measured["data"] = asdict(outcome.fingerprint)
        saved = "make room and start the same run again: it goes on from its last checkpoint"
        with files.writing(folder, saved):
            write_spec()  # of a run that had no step left to take, too
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            files.atomic_write(folder / "metrics.jsonl", lines.encode())
            files.atomic_write(folder / "per_class.parquet", table.getvalue())
            files.atomic_write(folder / "arrays.npz", arrays.getvalue())
            files.atomic_write(folder / "environment.json", json.dumps(measured, indent=1).encode())
            files.seal(folder, FILES)
        record = find(run)
        assert record is not None, "it was written just now"
        return record

    return on_rank_zero(keep)


def _speed(steps: list[tuple[int, float]], batch: int) -> float | None:
    """Training pictures a second, set-up and evaluation aside; None below two steps."""
    if len(steps) < 2:
        return None
    (_, start), (_, end) = steps[0], steps[-1]
    return round((len(steps) - 1) * batch / (end - start), 1)
