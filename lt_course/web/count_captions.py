"""Concept counts of whole corpora: files read in pieces, by one process, several, or a cluster."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from lt_course import __version__
from lt_course.counting.concept_lists import ConceptList
from lt_course.counting.rules import Counts, Definition, Rule, changed_names, compile_rule
from lt_course.errors import CourseError
from lt_course.files import atomic_write, sha256, writing
from lt_course.web import caption_files
from lt_course.web.caption_files import Malformed
from lt_course.web.read_ahead import processes

NAMED = 1_000
"""Malformed rows of a file that are named; all of them are counted."""


@dataclass
class Tally:
    """What was found in a file.

    Attributes:
        counts: captions that name each class, int64 [C].
        captions: captions that were read.
        malformed: rows that were left out.
        named: the first `NAMED` of these rows.
    """

    counts: Counts
    captions: int = 0
    malformed: int = 0
    named: list[Malformed] = field(default_factory=list)


def total(tallies: Iterable[Tally]) -> Counts:
    """Captions of all files that name each class, int64 [C]."""
    return np.sum([tally.counts for tally in tallies], axis=0)


def count_file(
    path: Path, column: str | None, rule: Rule, progress: Callable[[int], object] | None = None
) -> Tally:
    """The tally of one file; `progress` is called with the bytes read since its last call.

    Raises:
        CourseError: as :func:`lt_course.web.caption_files.read`.
    """
    tally, read = Tally(rule.count(pa.array([], pa.string()))), 0
    for batch in caption_files.read(path, column):
        tally.counts += rule.count(batch.captions)
        tally.captions += len(batch.captions)
        tally.malformed += len(batch.malformed)
        tally.named += batch.malformed[: NAMED - len(tally.named)]
        if progress is not None:
            progress(batch.read - read)
        read = batch.read
    return tally


def count(
    files: Sequence[Path],
    concepts: ConceptList,
    definition: Definition = "bag-of-lemmas",
    *,
    column: str | None = None,
    workers: int = 1,
    dask: str | None = None,
    quiet: bool = False,
) -> list[Tally]:
    """Count concepts in caption files; one tally a file, the same whoever counts.

    A worker reads and matches a file at a time, so that a corpus should lie in several. `dask` is
    the address of a scheduler, or `local` for a cluster of `workers` processes here.

    Raises:
        CourseError: a file that cannot be read, an unknown definition, no Dask, or lost workers.
    """
    if not files:
        raise CourseError("No file of captions is named; name one or more.")
    for path in files:
        caption_files.check(path)
    rule = compile_rule(definition, concepts.concepts)
    size = sum(path.stat().st_size for path in files)
    with tqdm(total=size, unit="B", unit_scale=True, desc="captions", disable=quiet) as progress:
        if dask is None and workers <= 1:
            return [count_file(path, column, rule, progress.update) for path in files]
        if dask is None:
            with processes(workers) as executor:
                return _by_file(executor, files, column, rule, progress)
        with _cluster(dask, workers, definition, concepts) as (executor, remote_rule):
            absolute = [path.absolute() for path in files]
            return _by_file(executor, absolute, column, remote_rule, progress)


def _by_file(
    executor: Executor, files: Sequence[Path], column: str | None, rule: Any, progress: tqdm[Any]
) -> list[Tally]:
    futures = [executor.submit(count_file, path, column, rule) for path in files]
    tallies = []
    for path, future in zip(files, futures, strict=True):
        tallies.append(future.result())
        progress.update(path.stat().st_size)
    return tallies


@contextmanager
def _cluster(
    dask: str, workers: int, definition: Definition, concepts: ConceptList
) -> Iterator[tuple[Executor, Any]]:
    """An executor on a Dask cluster, and the rule, which its workers hold."""
    try:
        from distributed import Client, KilledWorker
    except ModuleNotFoundError as error:
        raise CourseError(
            f"--dask needs the package {error.name}; install it with "
            "pip install 'lt-course[cluster]'."
        ) from error
    local = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    try:
        # A worker that is slow to end is no news.
        client = Client(**local, silence_logs=logging.ERROR) if dask == "local" else Client(dask)
    except (OSError, ValueError) as problem:
        raise CourseError(
            f"No Dask scheduler answers at {dask} ({problem}); give its address, such as "
            "tcp://host:8786, or: local."
        ) from problem
    with client:
        try:
            # Compiled there, since what was computed is computed again where workers are lost; what
            # was sent is gone with the last worker that had it.
            rule = client.submit(compile_rule, definition, concepts.concepts, pure=False)
            yield client.get_executor(pure=False), rule
        except KilledWorker as problem:
            raise CourseError(
                "Workers of the Dask cluster ended unexpectedly, one after the other, on the same "
                "file; its workers' logs say why. Give each more memory if that was short."
            ) from problem


def outputs(out: Path, inputs: Iterable[Path]) -> tuple[Path, ...]:
    """The three files that `write` makes, before anything is counted.

    Raises:
        CourseError: one is an input or a folder, or the folder of `out` cannot be made.
    """
    malformed, manifest = (f"{out.stem}.{end}" for end in ("malformed.csv", "manifest.json"))
    made = out, out.parent / malformed, out.parent / manifest
    taken = {path.resolve() for path in inputs}
    with writing(out.parent, "give another file with --out"):
        for path in made:
            if path.resolve() in taken or (path.exists() and not path.is_file()):
                what = "one of the files that are read" if path.is_file() else "no file"
                raise CourseError(f"{path} (--out) is {what}; give another file.")
        out.parent.mkdir(parents=True, exist_ok=True)
    return made


def write(
    out: Path,
    files: Sequence[Path],
    concepts: ConceptList,
    tallies: Sequence[Tally],
    definition: Definition,
) -> None:
    """Write the counts, and beside them what they were made from; each file whole or not at all.

    `out` has a line a class, in the order of the list (`class`, its first `name`, `count`). With
    `.malformed.csv` for its ending come the rows that were left out (at most `NAMED` a file), with
    `.manifest.json` what was counted, how, and the SHA-256 sums of all files that were read.
    """
    names = [(each.key, each.names[0]) for each in concepts.concepts]
    counts = [(*name, n) for name, n in zip(names, total(tallies), strict=True)]
    malformed = [bad for tally in tallies for bad in tally.named]
    manifest = {
        "lt_course": __version__,
        "definition": definition,
        "dictionary": "WordNet 3.0" if definition == "bag-of-lemmas" else None,
        "concepts": _identity(concepts.path)
        | {"classes": len(names), "changed_names": changed_names(concepts, definition)},
        "captions": sum(tally.captions for tally in tallies),
        "malformed": sum(tally.malformed for tally in tallies),
        "files": [
            _identity(path) | {"captions": tally.captions, "malformed": tally.malformed}
            for path, tally in zip(files, tallies, strict=True)
        ],
    }
    texts = (
        csv_text(["class", "name", "count"], counts),
        csv_text(Malformed._fields, malformed),
        json.dumps(manifest, indent=2) + "\n",
    )
    with writing(out, "make room, or give another file with --out"):
        for path, text in zip(outputs(out, [concepts.path, *files]), texts, strict=True):
            atomic_write(path, text.encode("utf-8", "backslashreplace"))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def _identity(path: Path) -> dict[str, str | int]:
    return {"file": str(path), "bytes": path.stat().st_size, "sha256": sha256(path)}
