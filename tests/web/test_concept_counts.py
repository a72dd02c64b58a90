"""Counting whole files: by one process, several or a cluster, and the command line."""

from __future__ import annotations

import csv
import errno
import hashlib
import importlib.util
import json
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm

from lt_course.counting import concept_lists
from lt_course.counting.concept_lists import ConceptList
from lt_course.counting.rules import compile_rule
from lt_course.errors import CourseError
from lt_course.web import caption_files, count_captions
from lt_course.web.cli import main

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="distributed is not installed"
)
WORDS = "cat cats dog crane bird birds white great shark leaf leaves the of".split()


@pytest.fixture
def concepts(tmp_path: Path) -> ConceptList:
    path = tmp_path / "concepts.txt"
    path.write_text("cat or dog\ncrane bird\ngreat white shark\nleaf\nnarwhal\n")
    return concept_lists.read(str(path))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three files of captions in some twenty pieces, with two malformed rows."""
    monkeypatch.setattr(caption_files, "BLOCK", 2_000)
    random = np.random.default_rng(0)
    paths = []
    for number in range(3):
        captions = [" ".join(random.choice(WORDS, 5)) for _ in range(500)]
        rows = [f"{n}\t{caption}" for n, caption in enumerate(captions)]
        paths.append(tmp_path / f"part{number}.tsv")
        paths[-1].write_text("\n".join(["id\tcaption", *rows, *["broken"] * number]) + "\n")
    return paths


def literal(files: list[Path]) -> list[int]:
    """The five counts, from the captions' words."""
    bags = [
        {"leaf" if word == "leaves" else word.removesuffix("s") for word in line.split()}
        for path in files
        for line in path.read_text().splitlines()[1:]
    ]
    return [
        sum(bool({"cat", "dog"} & bag) for bag in bags),
        sum({"crane", "bird"} <= bag for bag in bags),
        sum({"great", "white", "shark"} <= bag for bag in bags),
        sum("leaf" in bag for bag in bags),
        0,
    ]


def summary(tallies: list[count_captions.Tally]) -> list[tuple[object, ...]]:
    return [(t.counts.tolist(), t.captions, t.malformed, t.named) for t in tallies]


@pytest.mark.parametrize("definition", ["bag-of-lemmas", "substring"])
def test_several_workers_count_as_one_does(
    definition: str, files: list[Path], concepts: ConceptList
) -> None:
    one = count_captions.count(files, concepts, definition, quiet=True)
    two = count_captions.count(files, concepts, definition, workers=2, quiet=True)
    assert summary(one) == summary(two)
    assert [tally.captions for tally in one] == [500] * 3
    assert [tally.malformed for tally in one] == [0, 1, 2]
    assert [bad.row for bad in one[2].named] == [501, 502]
    if definition == "bag-of-lemmas":
        assert sum(tally.counts for tally in one).tolist() == literal(files)


def test_the_function_of_a_cluster_counts_alike(files: list[Path], concepts: ConceptList) -> None:
    rule = compile_rule("bag-of-lemmas", concepts.concepts)
    with ThreadPoolExecutor(2) as executor, tqdm(disable=True) as progress:
        tallies = count_captions._by_file(executor, files, None, rule, progress)
    assert summary(tallies) == summary(count_captions.count(files, concepts, quiet=True))


@needs_dask
def test_a_dask_cluster_counts_alike(
    files: list[Path], concepts: ConceptList, capfd: pytest.CaptureFixture[str]
) -> None:
    tallies = count_captions.count(files, concepts, workers=2, dask="local", quiet=True)
    assert summary(tallies) == summary(count_captions.count(files, concepts, quiet=True))
    assert "WARNING" not in capfd.readouterr().err


@needs_dask
def test_a_dask_cluster_that_is_there_already(
    files: list[Path], concepts: ConceptList, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes, by their scheduler's address: equal counts, a bad file, lost workers."""
    import dask
    from distributed import LocalCluster

    def end(path: Path, column: str | None, rule: object) -> None:
        os._exit(1)  # defined here, so that it travels by value and workers import no tests

    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(**local, silence_logs=logging.CRITICAL) as cluster,
    ):
        count = partial(
            count_captions.count, files, concepts, dask=cluster.scheduler_address, quiet=True
        )
        for definition in ("bag-of-lemmas", "substring"):
            alone = count_captions.count(files, concepts, definition, quiet=True)
            assert summary(count(definition)) == summary(alone)
        with pytest.raises(CourseError, match="no column 'alt'"):
            count(column="alt")
        monkeypatch.setattr(count_captions, "count_file", end)
        with pytest.raises(CourseError, match="ended unexpectedly"):
            count()


@needs_dask
@pytest.mark.parametrize("address", ["nowhere", "ftp://host:1", "tcp://127.0.0.1:9"])
def test_an_address_without_a_scheduler_is_named(
    address: str, files: list[Path], concepts: ConceptList
) -> None:
    import dask

    pytest.importorskip("distributed")  # whose defaults have to be there before one is changed
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(CourseError, match=f"No Dask scheduler answers at {address}"),
    ):
        count_captions.count(files, concepts, dask=address, quiet=True)


def test_without_dask_the_remedy_is_named(
    files: list[Path], concepts: ConceptList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match=r"pip install 'lt-course\[cluster\]'"):
        count_captions.count(files, concepts, dask="local", quiet=True)


def test_named_rows_are_limited_and_all_are_counted(
    tmp_path: Path, concepts: ConceptList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(count_captions, "NAMED", 5)
    path = tmp_path / "c.jsonl"
    path.write_text('{"caption": "a cat"}\n' + "broken\n" * 20)
    (tally,) = count_captions.count([path], concepts, quiet=True)
    assert (tally.captions, tally.malformed) == (1, 20)
    assert [bad.row for bad in tally.named] == [2, 3, 4, 5, 6]


def test_the_command_writes_counts_rows_and_a_manifest(
    files: list[Path],
    concepts: ConceptList,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "new" / "counts.csv"
    asked = ["concepts", "count", "--concepts", str(concepts.path), "--out", str(out)]
    assert main([*asked, "--captions", *map(str, files)]) == 0
    said = capsys.readouterr()
    assert "1,500 captions name 4 of 5 classes" in said.out
    assert "3 malformed rows" in said.err

    with out.open() as table:
        rows = list(csv.DictReader(table))
    assert [row["name"] for row in rows] == [c.names[0] for c in concepts.concepts]
    assert [row["class"] for row in rows] == [c.key for c in concepts.concepts]
    assert [int(row["count"]) for row in rows] == literal(files)
    assert out.with_suffix(".malformed.csv").read_text().splitlines() == [
        "file,row,reason",
        f"{files[1]},501,1 fields instead of 2",
        f"{files[2]},501,1 fields instead of 2",
        f"{files[2]},502,1 fields instead of 2",
    ]
    manifest = json.loads(out.with_suffix(".manifest.json").read_text())
    assert (manifest["captions"], manifest["malformed"]) == (1_500, 3)
    assert manifest["definition"] == "bag-of-lemmas"
    assert manifest["concepts"]["classes"] == 5
    for path, entry in zip(
        [concepts.path, *files], [manifest["concepts"], *manifest["files"]], strict=True
    ):
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sorted(p.name for p in out.parent.iterdir()) == [
        "counts.csv",
        "counts.malformed.csv",
        "counts.manifest.json",
    ]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--captions", "nowhere.tsv"], "There is no caption file nowhere.tsv"),
        (["--workers", "0"], "--workers is 0"),
        (["--column", "alt"], "no column 'alt'"),
    ],
)
def test_bad_input_is_told_in_a_sentence_and_nothing_is_written(
    more: list[str],
    complaint: str,
    files: list[Path],
    concepts: ConceptList,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "counts.csv"
    asked = ["concepts", "count", "--captions", str(files[0]), "--out", str(out)]
    assert main([*asked, "--concepts", str(concepts.path), *more]) == 2
    assert complaint in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("where", ["under a file", "a folder"])
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    where: str, files: list[Path], tmp_path: Path, monkeypatch, capsys
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    out = tmp_path / {"under a file": "file/counts.csv", "a folder": "folder"}[where]
    monkeypatch.setattr(count_captions, "count", lambda *_, **__: pytest.fail("counted"))
    words = ["concepts", "count", "--captions", str(files[0]), "--concepts", "imagenet"]
    assert main([*words, "--out", str(out)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(str(tmp_path))
    assert "cannot be written" in err
    assert "let --out name a file that can" in err


def test_a_full_disk_at_the_end_is_told(files: list[Path], tmp_path: Path, monkeypatch, capsys):
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(count_captions, "atomic_write", full)
    out, classes = tmp_path / "counts.csv", tmp_path / "classes.txt"
    classes.write_text("dog\n")
    words = ["concepts", "count", "--captions", str(files[0]), "--concepts", str(classes)]
    assert main([*words, "--out", str(out)]) == 2
    assert f"{out} cannot be written (No space left on device;" in capsys.readouterr().err
