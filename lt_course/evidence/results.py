"""The recorded evidence: what finished runs measured, small enough to be committed.

``results/runs.jsonl`` holds one line a run, sorted by address: address, name, scale, seed, spec,
metrics (an undefined one is null), environment, and a checksum. ``results/per_class.parquet``
holds the rows of all their per-class tables. The checksum is the SHA-256 of the rest of the line
and of the run's rows, so that a record edited by hand is not read; and a line is refused, too, if
its spec no longer hashes to its address. ``SHA256SUMS`` holds those of both files as they lie, so
that damage to them is found wherever it is.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lt_course.errors import CourseError
from lt_course.evidence.experiments import Experiment, all_experiments, experiment
from lt_course.files import (
    SUMS,
    DamagedError,
    atomic_write,
    replacing,
    require_sealed,
    seal,
    writing,
)
from lt_course.study import provenance, registry, store
from lt_course.study.run_config import OBJECTIVES, PARTS, Model, RunConfig, unknown
from lt_course.study.text_heads import TEXT_HEADS
from lt_course.training.options import Training

FOLDER = Path(__file__).parents[1] / "results"
"""Part of the package, so that an installed course shows its evidence."""

PER_CLASS, RUNS = FILES = "per_class.parquet", "runs.jsonl"

SCHEMA = pa.schema(
    [
        ("address", pa.dictionary(pa.int16(), pa.string())),
        ("class", pa.int16()),
        ("concept", pa.dictionary(pa.int16(), pa.string())),
        ("name", pa.dictionary(pa.int16(), pa.string())),
        ("frequency", pa.int32()),
        ("trimmed", pa.bool_()),
        ("accuracy", pa.float32()),
        ("predictions", pa.int16()),
        ("mean_logit", pa.float32()),
    ]
)
"""Columns of the per-class file; ``class`` counts the concepts of a run's data set."""

EVIDENCE, REPLICATION = range(5), range(5, 10)
PHOTOGRAPHS = range(1, 10)
"""Seeds that the lessons show and the claims are judged by, and seeds that were first trained when
the claims had been declared."""

NAMES = ("concept", "name")
MEASURED = ("frequency", "trimmed", "accuracy", "predictions", "mean_logit")
"""Columns of a run's per-class table: what its classes are, and what was measured of each."""


@dataclass(frozen=True)
class CommittedResult:
    """A run of the recorded evidence.

    Attributes:
        run: its spec.
        metrics: as `lt_course.study.store.RunResult` has them; nan where undefined.
        environment: code, commit, versions, device, threads, seconds, … of its training.
        per_class: one row a class, in the concepts' order: `NAMES` and `MEASURED`.
    """

    run: RunConfig
    metrics: dict[str, float]
    environment: dict[str, Any]
    per_class: pd.DataFrame

    def line(self) -> dict[str, Any]:
        """Its line of ``runs.jsonl``."""
        rest = {
            "address": self.run.address,
            "name": self.run.name,
            "scale": self.run.scale,
            "seed": self.run.seed,
            "spec": json.loads(self.run.json()),
            "metrics": {k: None if math.isnan(v) else v for k, v in self.metrics.items()},
            "environment": self.environment,
        }
        return rest | {"checksum": _checksum(rest, self.per_class)}


@dataclass(frozen=True)
class Commit:
    """What `commit_results` did.

    Attributes:
        recorded: declared runs that are recorded now.
        new: how many of them were not, or were other, before.
        missing: declared runs that the store has not finished, and that were not recorded before.
        dropped: recorded runs that no factor declares any longer, and that were removed.
    """

    recorded: int
    new: int
    missing: int
    dropped: int


def commit_results(
    scale: str = "cpu", seeds: Iterable[int] = EVIDENCE, of: Iterable[Experiment] | None = None
) -> Commit:
    """Take the finished runs that factors (by default all) ask for out of the store.

    They go to ``results/``. Runs recorded before stay, unless the store holds them, too. Nothing
    is trained, and nothing is written to the store.

    Raises:
        CourseError: if what is recorded is damaged, or cannot be written.
    """
    known = dict(load())
    before = {address: found.line() for address, found in known.items()}
    asked = declared(scale, seeds, of)
    for address, run in asked.items():
        if (finished := store.find(run)) is not None:
            known[address] = measured(finished)
    gone = undeclared(known)
    for address in gone:
        del known[address]
    _write(known)
    present = asked.keys() & known.keys()
    return Commit(
        recorded=len(present),
        new=sum(known[address].line() != before.get(address) for address in present),
        missing=len(asked) - len(present),
        dropped=len(gone),
    )


def declared(
    scale: str = "cpu", seeds: Iterable[int] = EVIDENCE, of: Iterable[Experiment] | None = None
) -> dict[str, RunConfig]:
    """Every run that factors (by default all) ask for, by address: each once, in their order."""
    seeds, asking = list(seeds), all_experiments() if of is None else of
    runs = (each for f in asking for seed in seeds for each in f.runs(scale, seed).values())
    found: dict[str, RunConfig] = {}
    for run in runs:
        found.setdefault(run.address, run)
    return found


def undeclared(records: dict[str, CommittedResult]) -> list[str]:
    """Addresses of recorded runs that no factor asks for."""
    asked = {(found.run.scale, found.run.seed) for found in records.values()}
    wanted = {address for scale, seed in asked for address in declared(scale, [seed])}
    return sorted(records.keys() - wanted)


def load_results(name: str, scale: str = "cpu", seeds: Iterable[int] = EVIDENCE) -> pd.DataFrame:
    """The metrics of a factor's recorded runs with some seeds.

    Returns:
        One row a run, indexed by (label, seed), in the order in which the factor declares them;
        one column a metric. Runs that are not recorded have no row.

    Raises:
        CourseError: if there is no such factor, or a record is damaged.
    """
    asked, known, seeds = experiment(name), load(), sorted(seeds)
    rows = {
        (label, seed): known[address].metrics
        for label in asked.settings
        for seed in seeds
        if (address := asked.run(label, scale, seed).address) in known
    }
    index = pd.MultiIndex.from_arrays(
        [[label for label, _ in rows], [seed for _, seed in rows]], names=["label", "seed"]
    )
    return pd.DataFrame(list(rows.values()), index=index)


def load_per_class(name: str, label: str, seed: int, scale: str = "cpu") -> pd.DataFrame:
    """One recorded run's per-class table.

    Returns:
        One row a concept: concept, name, frequency, trimmed, accuracy, predictions, mean_logit.

    Raises:
        CourseError: if that run is not recorded, or not declared.
    """
    run = experiment(name).run(label, scale, seed)
    known = load()
    if run.address not in known:
        raise CourseError(
            f"Run {label!r} of factor {name}, seed {seed}, is not recorded at scale {scale}; "
            f"lt-course study run {name} --scale {scale} --seeds {seed} trains it, and "
            f"lt-course study record --scale {scale} --seeds {seed} records it."
        )
    return known[run.address].per_class.copy()


def costs(scale: str = "cpu") -> pd.Series:
    """What the recorded runs of a scale are, and what they took: one text a row."""
    known = [found for found in load().values() if found.run.scale == scale]
    environments = pd.DataFrame([found.environment for found in known])
    hours = environments["cpu_seconds"] / 3600

    def listed(name: str) -> str:
        return "; ".join(map(str, environments[name].unique()))

    packages = pd.DataFrame(list(environments["versions"])).drop_duplicates()
    return pd.Series(
        {
            "runs recorded": "; ".join(
                f"{sum(found.run.seed in seeds for found in known)} of "
                f"{len(declared(scale, seeds))} declared for seeds {seeds[0]} to {seeds[-1]}"
                for seeds in (EVIDENCE, REPLICATION)
            ),
            "processor time": f"{hours.sum():.1f} hours of one core; the longest run "
            f"{60 * hours.max():.1f} minutes",
            "processor": listed("processor"),
            "threads": listed("threads"),
            "Python": listed("python"),
            "packages": "; ".join(
                ", ".join(f"{name} {version}" for name, version in row.items())
                for _, row in packages.iterrows()
            ),
            "hash of the code": listed("code"),
        }
    )


def load() -> dict[str, CommittedResult]:
    """All recorded runs by address.

    Raises:
        CourseError: if a record was edited, or its spec is none that this version of the course
            knows. The sentence names the line.
    """
    files = [FOLDER / name for name in (*FILES, SUMS)]
    if not any(file.exists() for file in files):
        return {}
    try:
        states = [file.stat() for file in files]
    except FileNotFoundError as error:
        raise CourseError(
            f"{error.filename} is missing, but another file of results/ is there; restore it."
        ) from error
    return _load(FOLDER, tuple((state.st_mtime_ns, state.st_size) for state in states))


@lru_cache(maxsize=1)
def _load(folder: Path, state: tuple[tuple[int, int], ...]) -> dict[str, CommittedResult]:
    """As `load`; read again when the files have changed."""
    known = {}
    lines = (folder / RUNS).read_text(errors="replace").splitlines()
    damage: DamagedError | None = None
    try:
        require_sealed(folder, FILES)
    except DamagedError as error:
        damage = error  # a line's own checksum may say better which
    try:
        if damage is not None and PER_CLASS in str(damage):
            raise damage
        rows = pq.read_table(folder / PER_CLASS, schema=SCHEMA).to_pandas()
        rows = rows.astype(dict.fromkeys(NAMES, str))
    except (DamagedError, OSError, pa.ArrowException) as error:
        raise CourseError(
            f"results/{PER_CLASS} is damaged ({error}); restore it, or record anew."
        ) from error
    tables = {
        str(address): table[[*NAMES, *MEASURED]].reset_index(drop=True)
        for address, table in rows.sort_values("class").groupby("address", observed=True)
    }
    for number, text in enumerate(lines, start=1):
        found = _parse(text, tables, f"Line {number} of results/{RUNS}")
        known[found.run.address] = found
    if surplus := tables.keys() - known.keys():
        raise CourseError(
            f"results/{PER_CLASS} has rows of {sorted(surplus)[0]}, but results/{RUNS} has no such "
            "run; restore both files, or record anew."
        )
    if damage is not None:
        raise CourseError(
            f"results/ is damaged ({damage}); restore its files, or record anew."
        ) from damage
    return known


def _parse(text: str, tables: dict[str, pd.DataFrame], where: str) -> CommittedResult:
    """One line; `where` names it in errors."""
    try:
        line = json.loads(text)
        address, stated = line["address"], line["checksum"]
        run = rebuild(line["spec"], line["name"])
        metrics = {k: math.nan if v is None else float(v) for k, v in line["metrics"].items()}
        per_class = tables[address]
    except CourseError as error:
        raise CourseError(f"{where}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(
            f"{where} is no whole record ({type(error).__name__}: {error}); restore it, or delete "
            "the line and its per-class rows and record that run anew."
        ) from error
    if run.address != address or (line["scale"], line["seed"]) != (run.scale, run.seed):
        raise CourseError(
            f"{where}: the spec's address is {run.address}, not {address}; it was edited, or the "
            "declaration of runs has changed since. Record that run anew."
        )
    rest = {name: value for name, value in line.items() if name != "checksum"}
    if _checksum(rest, per_class) != stated:
        raise CourseError(
            f"{where} ({run.name}, seed {run.seed}) does not match its checksum: the line or its "
            f"rows in {PER_CLASS} were edited. Restore them, or record that run anew."
        )
    return CommittedResult(run, metrics, line["environment"], per_class)


def rebuild(spec: dict[str, Any], name: str) -> RunConfig:
    """The run that a spec (`RunConfig.json`) describes.

    Raises:
        CourseError: if a field is unknown or out of range.
    """
    kinds: dict[str, dict[str, type]] = {"text_head": TEXT_HEADS, "objective": OBJECTIVES}
    parts = {part: dict(spec[part]) for part in PARTS}
    make: dict[str, type] = {"model": Model, "training": Training}
    make["data"] = registry.dataset(parts["data"]["dataset"]).config
    for part, known in kinds.items():
        kind = parts[part].pop("kind")
        if kind not in known:
            raise CourseError(unknown(part.replace("_", " "), kind, known))
        make[part] = known[kind]
    try:
        made = {part: make[part](**fields) for part, fields in parts.items()}
    except TypeError as error:
        raise CourseError(
            f"The spec of {name} has a field too many or too few: {error}."
        ) from error
    return RunConfig(name, spec["scale"], spec["seed"], **made)


def measured(finished: store.RunResult) -> CommittedResult:
    """What of a finished run is recorded.

    A store stays where it was made: a run that does not say on which processor it was trained
    was trained on the one that records it.
    """
    environment = {"processor": provenance.processor()} | finished.environment
    table = finished.per_class
    columns = {name: pa.array(table[name], SCHEMA.field(name).type) for name in MEASURED}
    rows = pa.table(columns).to_pandas()
    rows = pd.concat([table[list(NAMES)].astype(str), rows], axis=1)
    return CommittedResult(finished.run, finished.metrics, environment, rows)


def _checksum(line: dict[str, Any], per_class: pd.DataFrame) -> str:
    """SHA-256 of a line's canonical JSON and of its run's per-class columns."""
    text = json.dumps(line, sort_keys=True, separators=(",", ":"), allow_nan=False)
    digest = hashlib.sha256(text.encode())
    for name in MEASURED:
        values = per_class[name].to_numpy(SCHEMA.field(name).type.to_pandas_dtype())
        digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _write(known: dict[str, CommittedResult]) -> None:
    """Write the files, each in one go; the same records always make the same bytes."""
    FOLDER.mkdir(exist_ok=True)
    ordered = [known[address] for address in sorted(known)]
    lines = [json.dumps(each.line(), sort_keys=True, allow_nan=False) for each in ordered]
    tables = [
        each.per_class.assign(address=each.run.address, **{"class": range(len(each.per_class))})
        for each in ordered
    ]
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SCHEMA.names)
    table = pa.Table.from_pandas(rows, SCHEMA, preserve_index=False).replace_schema_metadata()
    with writing(FOLDER, "make room, restore the folder and record again"):
        with replacing(FOLDER / PER_CLASS) as file:
            pq.write_table(table, file, compression="zstd", compression_level=19)
        atomic_write(FOLDER / RUNS, "".join(line + "\n" for line in lines).encode())
        seal(FOLDER, FILES)
