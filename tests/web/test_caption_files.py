"""Caption files: every format, in pieces, with malformed rows counted and named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from lt_course.errors import CourseError
from lt_course.web import caption_files
from lt_course.web.caption_files import read

CAPTIONS = ["A cat.", "", 'two "dogs"', "naïve 🙂, dog", "x" * 50]


def write_tsv(path: Path, captions: Sequence[str]) -> None:
    path.write_text("url\tcaption\n" + "".join(f"u{n}\t{c}\n" for n, c in enumerate(captions)))


def write_csv(path: Path, captions: Sequence[str]) -> None:
    quoted = ('"' + c.replace('"', '""') + '"' for c in captions)
    path.write_text("caption,url\n" + "".join(f"{c},u\n" for c in quoted))


def write_jsonl(path: Path, captions: Sequence[str]) -> None:
    path.write_text("".join(json.dumps({"id": 3, "text": c}) + "\n" for c in captions))


def write_parquet(path: Path, captions: Sequence[str]) -> None:
    parquet.write_table(pa.table({"TEXT": captions, "n": range(len(captions))}), path)


def write_gzip(path: Path, captions: Sequence[str]) -> None:
    write_jsonl(path, captions)
    path.write_bytes(gzip.compress(path.read_bytes()))


FORMATS: dict[str, Callable[[Path, Sequence[str]], None]] = {
    "c.tsv": write_tsv,
    "c.csv": write_csv,
    "c.jsonl": write_jsonl,
    "c.parquet": write_parquet,
    "c.jsonl.gz": write_gzip,
}


def all_of(path: Path, column: str | None = None) -> tuple[list[str], list[tuple[int, str]]]:
    batches = list(read(path, column))
    assert all(bad.file == str(path) for batch in batches for bad in batch.malformed)
    return (
        [caption for batch in batches for caption in batch.captions.to_pylist()],
        [(bad.row, bad.reason) for batch in batches for bad in batch.malformed],
    )


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_its_captions(name: str, tmp_path: Path) -> None:
    FORMATS[name](tmp_path / name, CAPTIONS)
    assert all_of(tmp_path / name) == (CAPTIONS, [])


def test_quoted_newlines_are_part_of_a_csv_caption(tmp_path: Path) -> None:
    write_csv(tmp_path / "c.csv", ["one\ntwo", "three"])
    assert all_of(tmp_path / "c.csv") == (["one\ntwo", "three"], [])


@pytest.mark.parametrize("name", FORMATS)
def test_files_are_read_in_pieces(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caption_files, "BLOCK", 10_000)
    monkeypatch.setattr(caption_files, "ROWS", 300)
    captions = [f"caption number {n} of many" for n in range(5_000)]
    FORMATS[name](tmp_path / name, captions)
    batches = list(read(tmp_path / name))
    assert [c for batch in batches for c in batch.captions.to_pylist()] == captions
    assert max(batch.captions.nbytes for batch in batches) <= 12_000
    places = [batch.read for batch in batches]
    assert places == sorted(places)
    assert places[-1] == (tmp_path / name).stat().st_size


@pytest.mark.parametrize("block", [16, 64, 4_000_000])
def test_malformed_rows_of_a_tsv(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.tsv"
    rows = [b"u\tone", b"u", b"u\ttwo\tthree", b"u\tfo\xffur", b"u\tfive", b"six", b"u\tseven", b""]
    path.write_bytes(b"url\tcaption\n" + b"\n".join(rows))
    monkeypatch.setattr(caption_files, "BLOCK", block)
    captions, malformed = all_of(path)
    assert captions == ["one", "five", "seven"]
    assert malformed == [
        (2, "1 fields instead of 2"),
        (3, "3 fields instead of 2"),
        (4, "not UTF-8"),
        (6, "1 fields instead of 2"),
    ]


@pytest.mark.parametrize("block", [30, 4_000_000])
def test_malformed_rows_of_a_jsonl(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.jsonl"
    lines = {
        b'{"caption": "one", "id": [1]}': None,
        b'{"caption": null}': "no caption",
        b'{"id": 1}': "no caption",
        b'{"caption": "fo\xffur"}': "not UTF-8",
        b'{"caption": 5}': "the caption is no text",
        b'{"caption": "six"': "no JSON object",
        b'["seven"]': "no JSON object",
        b'{"caption": "\\ud800"}': "not UTF-8",
        b"   ": None,
        b'{"caption": "t\\u00ean"}': None,
    }
    path.write_bytes(b"\n".join(lines))
    monkeypatch.setattr(caption_files, "BLOCK", block)
    captions, malformed = all_of(path)
    assert captions == ["one", "tên"]
    assert malformed == [(n, reason) for n, reason in enumerate(lines.values(), 1) if reason]


def test_malformed_rows_of_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    parquet.write_table(pa.table({"caption": [b"one", None, b"\xff", b"four"]}), path)
    assert all_of(path) == (["one", "four"], [(2, "no caption"), (3, "not UTF-8")])


def test_a_numbered_column_of_a_file_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "c.tsv"
    path.write_text("a cat\thttps://1\na dog\thttps://2\nowl\n")
    assert all_of(path, "1") == (["a cat", "a dog"], [(3, "1 fields instead of 2")])
    with pytest.raises(CourseError, match="has 2 columns, no column 3"):
        all_of(path, "3")


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_column_is_named(name: str, tmp_path: Path) -> None:
    FORMATS[name](tmp_path / name, CAPTIONS)
    if "jsonl" in name:  # lines may differ in their fields
        assert len(all_of(tmp_path / name, "alt")[1]) == len(CAPTIONS)
    else:
        with pytest.raises(CourseError, match=r"no column 'alt', only .*--column"):
            all_of(tmp_path / name, "alt")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02"])
def test_no_such_file_or_no_content(name: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="There is no caption file"):
        all_of(tmp_path / name)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CourseError, match=name):
        all_of(tmp_path / name)


@pytest.mark.parametrize("name", ["c.parquet", "c.jsonl.gz"])
def test_a_cut_file_is_an_error(name: str, tmp_path: Path) -> None:
    FORMATS[name](tmp_path / name, [f"caption {n * n}" for n in range(5_000)])
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CourseError, match="cut or damaged"):
        all_of(tmp_path / name)


def test_unknown_formats_and_columns_without_text(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("a cat")
    with pytest.raises(CourseError, match=r"ends in .tsv, .csv, .jsonl, .parquet"):
        all_of(tmp_path / "c.txt")
    parquet.write_table(pa.table({"n": [1, 2]}), tmp_path / "c.parquet")
    with pytest.raises(CourseError, match="column 'n' holds int64, no text"):
        all_of(tmp_path / "c.parquet", "n")
