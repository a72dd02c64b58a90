"""The recorded evidence: what finished runs measured, small enough to be committed.

``results/runs.jsonl`` holds one line a run, sorted by address, ``results/per_class.parquet`` the
rows of all their per-class tables. A line ends in the SHA-256 of its rest and of the run's rows, so
that a record edited by hand is not read; and a line is refused, too, if its spec no longer hashes
to its address. ``SHA256SUMS`` finds damage to the files wherever it is.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lt_course import files
from lt_course.errors import CourseError
from lt_course.evidence import train_all
from lt_course.evidence.experiments import Experiment, all_experiments, experiment
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
        ("predictions", pa.int32()),
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
    """A run of the recorded evidence: what of `lt_course.study.store.RunResult` is kept.

    Undefined metrics are nan; `per_class` has the columns `NAMES` and `MEASURED`, one row a class.
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


class Commit(NamedTuple):
    """What `commit_results` did.

    Of the declared runs, how many are recorded now; how many of these were not, or were other,
    before; and how many are missing. Of the recorded ones, how many no factor declares any longer.
    """

    recorded: int
    new: int
    missing: int
    dropped: int


def commit_results(
    scale: str = "cpu", seeds: Iterable[int] = EVIDENCE, of: Iterable[Experiment] | None = None
) -> Commit:
    """Take the finished runs that factors (by default all) ask for out of the store.

    They go to ``results/``. Runs recorded before stay, unless the store holds them, too, or no
    factor declares them any longer. Nothing is trained, and nothing is written to the store.
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
    new = sum(known[address].line() != before.get(address) for address in present)
    return Commit(len(present), new, len(asked) - len(present), len(gone))


def declared(
    scale: str = "cpu", seeds: Iterable[int] = EVIDENCE, of: Iterable[Experiment] | None = None
) -> dict[str, RunConfig]:
    """Every run that factors (by default all) ask for, by address: each once, in their order."""
    tasks = train_all.tasks(all_experiments() if of is None else of, scale, seeds)
    return {task.run.address: task.run for task in tasks}


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
    index = pd.MultiIndex.from_tuples(list(rows), names=["label", "seed"])
    return pd.DataFrame(list(rows.values()), index=index)


def load_per_class(name: str, label: str, seed: int, scale: str = "cpu") -> pd.DataFrame:
    """One recorded run's per-class table.

    Returns:
        One row a concept: concept, name, frequency, trimmed, accuracy, predictions, mean_logit.

    Raises:
        CourseError: if that run is not recorded, or not declared.
    """
    run, known = experiment(name).run(label, scale, seed), load()
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
    tallies = (
        f"{sum(found.run.seed in seeds for found in known)} of {len(declared(scale, seeds))} "
        f"declared for seeds {seeds[0]} to {seeds[-1]}"
        for seeds in (EVIDENCE, REPLICATION)
    )
    environments["versions"] = [
        ", ".join(f"{name} {version}" for name, version in versions.items())
        for versions in pd.DataFrame(list(environments["versions"])).to_dict("records")
    ]
    listed = {
        "processor": "processor",
        "threads": "threads",
        "Python": "python",
        "packages": "versions",
        "hash of the code": "code",
    }
    return pd.Series(
        {
            "runs recorded": "; ".join(tallies),
            "processor time": f"{hours.sum():.1f} hours of one core; the longest "
            f"{60 * hours.max():.1f} minutes; of {(environments['first_step'] != 0).sum()} resumed "
            "runs, the last process alone",
        }
        | {what: "; ".join(map(str, environments[name].unique())) for what, name in listed.items()}
    )


def load() -> dict[str, CommittedResult]:
    """All recorded runs by address.

    Raises:
        CourseError: if a record was edited, or its spec is none that this version of the course
            knows. The sentence names the line.
    """
    paths = [FOLDER / name for name in (*FILES, files.SUMS)]
    if not any(path.exists() for path in paths):
        return {}
    try:
        states = [path.stat() for path in paths]
    except FileNotFoundError as error:
        raise CourseError(
            f"{error.filename} is missing, but another file of results/ is there; restore it."
        ) from error
    return _load(FOLDER, tuple((state.st_mtime_ns, state.st_size) for state in states))


@lru_cache(maxsize=1)
def _load(folder: Path, state: tuple[tuple[int, int], ...]) -> dict[str, CommittedResult]:
    """As `load`; read again when the files have changed."""
    damage = ""
    try:
        files.require_sealed(folder, FILES)
    except files.DamagedError as error:
        damage = str(error)  # a line's own checksum may say better which
    try:
        if PER_CLASS in damage:
            raise OSError(damage)
        rows = pq.read_table(folder / PER_CLASS, schema=SCHEMA).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise CourseError(
            f"results/{PER_CLASS} is damaged ({error}); restore it, or record anew."
        ) from error
    rows = rows.astype(dict.fromkeys(NAMES, str)).sort_values("class")
    tables = {
        str(address): table[[*NAMES, *MEASURED]].reset_index(drop=True)
        for address, table in rows.groupby("address", observed=True)
    }
    lines = (folder / RUNS).read_text(errors="replace").splitlines()
    found = [_parse(x, tables, f"Line {n} of results/{RUNS}") for n, x in enumerate(lines, start=1)]
    known = {each.run.address: each for each in found}
    if surplus := tables.keys() - known.keys():
        raise CourseError(
            f"results/{PER_CLASS} has rows of {sorted(surplus)[0]}, but results/{RUNS} has no such "
            "run; restore both files, or record anew."
        )
    if damage:
        raise CourseError(f"results/ is damaged ({damage}); restore its files, or record anew.")
    return known


def _parse(text: str, tables: dict[str, pd.DataFrame], where: str) -> CommittedResult:
    """One line; `where` names it in errors."""
    try:
        line = json.loads(text)
        address, stated = line["address"], line.pop("checksum")
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
    if _checksum(line, per_class) != stated:
        raise CourseError(
            f"{where} ({run.name}, seed {run.seed}) does not match its checksum: the line or its "
            f"rows in {PER_CLASS} were edited. Restore them, or record that run anew."
        )
    return CommittedResult(run, metrics, line["environment"], per_class)


def rebuild(spec: dict[str, Any], name: str) -> RunConfig:
    """The run that a spec (`RunConfig.json`) describes."""
    parts = {part: dict(spec[part]) for part in PARTS}
    make: dict[str, type] = {"model": Model, "training": Training}
    make["data"] = registry.dataset(parts["data"]["dataset"]).config
    kinds: dict[str, dict[str, type]] = {"text_head": TEXT_HEADS, "objective": OBJECTIVES}
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
    rows = pd.concat([table[list(NAMES)].astype(str), pa.table(columns).to_pandas()], axis=1)
    return CommittedResult(finished.run, finished.metrics, environment, rows)


def _checksum(line: dict[str, Any], per_class: pd.DataFrame) -> str:
    """SHA-256 of a line's canonical JSON and of its run's per-class columns."""
    text = json.dumps(line, sort_keys=True, separators=(",", ":"), allow_nan=False)
    digest = hashlib.sha256(text.encode())
    for name in MEASURED:
        values = per_class[name].to_numpy(SCHEMA.field(name).type.to_pandas_dtype())
        if name == "predictions" and values.max() < 2**15:
            values = values.astype(np.int16)  # as all were when the first records were sealed
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
    with files.writing(FOLDER, "make room, restore the folder and record again"):
        with files.replacing(FOLDER / PER_CLASS) as file:
            pq.write_table(table, file, compression="zstd", compression_level=19)
        files.atomic_write(FOLDER / RUNS, "".join(line + "\n" for line in lines).encode())
        files.seal(FOLDER, FILES)
