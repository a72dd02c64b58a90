"""Concept counts of whole corpora: files read in pieces, by one process, several, or a cluster."""

from __future__ import annotations

import csv
import io
import json
import logging
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import pyarrow as pa
from tqdm import tqdm

from lt_course import __version__
from lt_course.counting.concept_lists import ConceptList
from lt_course.counting.rules import Counts, Definition, Rule, compile_rule
from lt_course.errors import CourseError
from lt_course.files import atomic_write
from lt_course.web import caption_files
from lt_course.web.caption_files import Batch, Malformed

Match = Callable[[Iterable[Batch]], Iterator[tuple[Batch, Counts]]]

NAMED = 1_000
"""Malformed rows of a file that are named; all of them are counted."""
NOTHING = pa.array([], pa.string())


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

    def add(self, batch: Batch, counts: Counts) -> None:
        """Add a batch of the file, and what its captions name."""
        self.counts += counts
        self.captions += len(batch.captions)
        self.malformed += len(batch.malformed)
        self.named += batch.malformed[: NAMED - len(self.named)]


def total(tallies: Iterable[Tally]) -> Counts:
    """Captions of all files that name each class, int64 [C]."""
    return np.sum([tally.counts for tally in tallies], axis=0)


def count_file(path: Path, column: str | None, rule: Rule) -> Tally:
    """The tally of one file: what a worker of a cluster does.

    Raises:
        CourseError: as :func:`lt_course.web.caption_files.read`.
    """
    tally = Tally(rule.count(NOTHING))
    for batch in caption_files.read(path, column):
        tally.add(batch, rule.count(batch.captions))
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

    One process reads and `workers` match; more than about ten wait for the one. On a cluster
    every worker reads and matches a file at a time, so a corpus should lie there in many.

    Args:
        files: see :mod:`lt_course.web.caption_files`.
        concepts: what to count.
        definition: what it means that a caption names a class (:mod:`lt_course.counting.rules`).
        column: the column with the captions.
        workers: processes that match captions.
        dask: address of a Dask scheduler, or `local` for a cluster of `workers` processes here.
        quiet: show no progress on the standard error.

    Raises:
        CourseError: a file that cannot be read, an unknown definition, or no Dask.
    """
    for path in files:
        caption_files.check(path)
    rule = compile_rule(definition, concepts.concepts)
    size = sum(path.stat().st_size for path in files)
    with tqdm(total=size, unit="B", unit_scale=True, desc="captions", disable=quiet) as progress:
        if dask is not None:
            with _cluster(dask, workers, definition, concepts) as (executor, shared):
                return _by_file(executor, files, column, shared, progress)
        tallies = []
        with _matcher(rule, workers) as match:
            for path in files:
                tally, read = Tally(rule.count(NOTHING)), 0
                for batch, counts in match(caption_files.read(path, column)):
                    tally.add(batch, counts)
                    progress.update(batch.read - read)
                    read = batch.read
                tallies.append(tally)
        return tallies


def _by_file(
    executor: Executor,
    files: Sequence[Path],
    column: str | None,
    rule: Rule,
    progress: tqdm[Any],
) -> list[Tally]:
    futures = [executor.submit(count_file, path.absolute(), column, rule) for path in files]
    tallies = []
    for path, future in zip(files, futures, strict=True):
        tallies.append(future.result())
        progress.update(path.stat().st_size)
    return tallies


def write(
    out: Path,
    files: Sequence[Path],
    concepts: ConceptList,
    tallies: Sequence[Tally],
    definition: Definition,
) -> None:
    """Write the counts, and beside them what they were made from; each file whole or not at all.

    `out` has a line a class, in the order of the list (`class`, its first `name`, `count`). With
    `.malformed.csv` for its ending come the rows that were left out (`file`, `row`, `reason`; at
    most `NAMED` a file), with `.manifest.json` the definition, the number of captions and of
    malformed rows of every file, and the SHA-256 sums of all files that were read.
    """
    rows = [
        (concept.key, concept.names[0], int(count))
        for concept, count in zip(concepts.concepts, total(tallies), strict=True)
    ]
    _replace(out, _table(("class", "name", "count"), rows))
    named = [(bad.file, bad.row, bad.reason) for tally in tallies for bad in tally.named]
    _replace(out.with_suffix(".malformed.csv"), _table(("file", "row", "reason"), named))
    manifest = {
        "lt_course": __version__,
        "definition": definition,
        "dictionary": "WordNet 3.0" if definition == "bag-of-lemmas" else None,
        "concepts": _identity(concepts.path) | {"classes": len(rows)},
        "captions": sum(tally.captions for tally in tallies),
        "malformed": sum(tally.malformed for tally in tallies),
        "files": [
            _identity(path) | {"captions": tally.captions, "malformed": tally.malformed}
            for path, tally in zip(files, tallies, strict=True)
        ],
    }
    _replace(out.with_suffix(".manifest.json"), json.dumps(manifest, indent=2) + "\n")


def _identity(path: Path) -> dict[str, str | int]:
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "sha256": pooch.file_hash(str(path)),
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return text.getvalue()


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, text.encode())


@contextmanager
def _matcher(rule: Rule, workers: int) -> Iterator[Match]:
    """What matches batches, in their order: this process, or a pool of others."""
    if workers <= 1:
        yield lambda batches: ((batch, rule.count(batch.captions)) for batch in batches)
        return
    # Spawned, since the threads of Arrow and torch do not survive a fork.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (rule,))
    try:
        yield partial(_ahead, pool, 2 * workers)
    except BrokenProcessPool as problem:
        raise CourseError(
            "A worker ended unexpectedly; give fewer --workers if memory was short."
        ) from problem
    finally:
        pool.shutdown(cancel_futures=True)


def _ahead(pool: Executor, most: int, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Counts]]:
    """Batches with their counts, while no more than `most` of them are in memory."""
    waiting: deque[tuple[Batch, Future[Counts]]] = deque()
    for batch in batches:
        waiting.append((batch, pool.submit(_count, batch.captions)))
        if len(waiting) == most:
            done, counts = waiting.popleft()
            yield done, counts.result()
    for done, counts in waiting:
        yield done, counts.result()


_rule: Rule
"""The rule of a worker, which is sent to it once."""


def _begin(rule: Rule) -> None:
    global _rule
    _rule = rule
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer


def _count(captions: pa.StringArray) -> Counts:
    return _rule.count(captions)


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
