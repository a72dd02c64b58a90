"""Captions out of TSV, CSV, JSONL and parquet files of any size, some megabytes at a time.

A row is malformed if it has another number of fields than the first one, is no JSON object, has no
caption (a null or a missing field; an empty text is a caption), has a caption that is no text,
or is not UTF-8. It is left out, counted, and named by its file and row. Rows are counted from 1,
as lines of JSONL and as records of the other formats, without the header.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from lt_course.errors import CourseError

COLUMNS = ("caption", "TEXT", "text", "title")
"""Where captions are looked for, unless told otherwise: the first of these that is there."""
FORMATS = (".tsv", ".csv", ".jsonl", ".parquet")
COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
BLOCK = 4_000_000
"""Bytes of a TSV or CSV file that are read at a time."""
ROWS = 32_768
"""Rows of a JSONL or parquet file that are read at a time."""

NO_CAPTION = "no caption"
NOT_UTF8 = "not UTF-8"
TEXT_TYPES = "string large_string string_view binary large_binary binary_view".split()


class Malformed(NamedTuple):
    """A row that was left out."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    Attributes:
        captions: strings without nulls.
        malformed: the rows among them that were left out.
        read: bytes of the file that have been read so far.
    """

    captions: pa.StringArray
    malformed: list[Malformed]
    read: int


def check(path: Path) -> None:
    """Refuse a file that is missing, or whose name does not end in one of the formats."""
    if not path.is_file():
        raise CourseError(f"There is no caption file {path}; check the name.")
    if _format(path) not in FORMATS:
        raise CourseError(
            f"{path}: the name of a caption file ends in {', '.join(FORMATS)}, or, but for "
            "parquet, in one of these with .gz, .bz2 or .zst behind it; rename or convert it."
        )


def read(path: Path, column: str | None = None) -> Iterator[Batch]:
    """Read a caption file in constant memory.

    Args:
        path: the file; `.tsv` has tabs and no quotes, `.csv` commas and double quotes.
        column: the column with the captions; a number means the so-manieth column of a TSV or CSV
            file without a header. By default the first of `COLUMNS` that is there.

    Raises:
        CourseError: as :func:`check`; the column is not there; the file is empty, cut or damaged.
    """
    check(path)
    readers = {".parquet": _read_parquet, ".jsonl": _read_jsonl}
    try:
        yield from readers.get(_format(path), _read_csv)(path, column)
    except (pa.ArrowException, OSError, EOFError) as problem:
        reason = " ".join(str(problem).split())
        raise CourseError(
            f"{path} is empty, cut or damaged ({reason}); fetch or write it again."
        ) from problem


def _format(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix in COMPRESSED else path.suffix


def _stream(path: Path) -> tuple[pa.NativeFile, pa.NativeFile]:
    """The file as stored, and as a stream of text."""
    stored = pa.OSFile(str(path))
    codec = COMPRESSED.get(path.suffix)
    return stored, pa.CompressedInputStream(stored, codec) if codec else stored


def _choose(path: Path, there: list[str], column: str | None) -> str:
    wanted = COLUMNS if column is None else (column,)
    for name in wanted:
        if name in there:
            return name
    raise CourseError(
        f"{path} has no column {' or '.join(map(repr, wanted))}, only "
        f"{', '.join(map(repr, there))}; name the one with the captions (--column)."
    )


def _read_csv(path: Path, column: str | None) -> Iterator[Batch]:
    place = int(column) if column is not None and column.isdecimal() else None
    commas, header = _format(path) == ".csv", place is None
    layout = {
        "delimiter": "," if commas else "\t",
        "quote_char": '"' if commas else False,
        "newlines_in_values": commas,
    }
    reading = csv.ReadOptions(
        use_threads=False, block_size=BLOCK, autogenerate_column_names=not header
    )

    _, stream = _stream(path)
    parsing = csv.ParseOptions(**layout, invalid_row_handler=lambda row: "skip")
    with csv.open_csv(stream, reading, parsing) as reader:
        names = reader.schema.names
    if place is not None and not 1 <= place <= len(names):
        raise CourseError(f"{path} has {len(names)} columns, no column {place} (--column).")
    chosen = _choose(path, names, column if place is None else names[place - 1])

    left_out: list[Malformed] = []  # of which some lie behind the batch: the reader looks ahead

    def leave_out(row: csv.InvalidRow) -> Literal["skip"]:
        reason = f"{row.actual_columns} fields instead of {row.expected_columns}"
        left_out.append(Malformed(str(path), row.number - header, reason))
        return "skip"

    stored, stream = _stream(path)
    parsing = csv.ParseOptions(**layout, invalid_row_handler=leave_out)
    # As bytes, so that what is not UTF-8 costs its own row and not the file.
    as_bytes = csv.ConvertOptions(
        column_types={chosen: pa.binary()}, include_columns=[chosen], check_utf8=False
    )
    first = 1
    with csv.open_csv(stream, reading, parsing, as_bytes) as reader:
        for batch in reader:
            ahead = np.arange(first, first + len(batch) + len(left_out))
            rows = np.setdiff1d(ahead, [bad.row for bad in left_out])[: len(batch)]
            first = int(rows[-1]) + 1 if len(rows) else first
            passed = [bad for bad in left_out if bad.row < first]
            left_out[:] = [bad for bad in left_out if bad.row >= first]
            yield _batch(path, batch.column(0), rows, passed, stored.tell())
    yield Batch(pa.array([], pa.string()), left_out, stored.tell())


def _read_jsonl(path: Path, column: str | None) -> Iterator[Batch]:
    stored, stream = _stream(path)
    lines = enumerate(io.BufferedReader(stream), start=1)
    some = list(islice(lines, ROWS))
    if not some:
        raise EOFError("no line")
    column = column or _choose(path, _fields(path, some), None)
    while some:
        captions: list[str] = []
        malformed: list[Malformed] = []
        for row, line in some:
            try:
                if line.strip():
                    captions.append(_caption(line, column))
            except ValueError as problem:
                malformed.append(Malformed(str(path), row, str(problem)))
        yield Batch(pa.array(captions, pa.string()), malformed, stored.tell())
        some = list(islice(lines, ROWS))


def _fields(path: Path, lines: Iterable[tuple[int, bytes]]) -> list[str]:
    for _, line in lines:
        with contextlib.suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                return list(value)
    raise CourseError(f"{path} does not begin with a JSON object; write one a line.")


def _caption(line: bytes, column: str) -> str:
    """The caption in a line of JSON; a ValueError says why there is none."""
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError:
        raise ValueError(NOT_UTF8) from None
    except (json.JSONDecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    caption = value.get(column)
    if caption is None:
        raise ValueError(NO_CAPTION)
    if not isinstance(caption, str):
        raise ValueError("the caption is no text")
    if any("\ud800" <= character <= "\udfff" for character in caption):
        raise ValueError(NOT_UTF8)
    return caption


def _read_parquet(path: Path, column: str | None) -> Iterator[Batch]:
    # Buffered, so that a row group of any size is read page by page.
    with parquet.ParquetFile(path, buffer_size=BLOCK, pre_buffer=False) as file:
        chosen = _choose(path, file.schema_arrow.names, column)
        kind = file.schema_arrow.field(chosen).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if str(kind) not in TEXT_TYPES:
            raise CourseError(
                f"{path}: the column {chosen!r} holds {kind}, no text; name the one with the "
                "captions (--column)."
            )
        row, size = 1, path.stat().st_size
        for batch in file.iter_batches(ROWS, columns=[chosen], use_threads=False):
            rows = np.arange(row, row + len(batch))
            row += len(batch)
            read = size * (row - 1) // file.metadata.num_rows
            yield _batch(path, batch.column(0), rows, [], read)


def _batch(
    path: Path, column: pa.Array, rows: NDArray[np.int64], malformed: list[Malformed], read: int
) -> Batch:
    """A batch of the captions in a column of texts or bytes, without nulls and what is no UTF-8."""
    column = column.cast(pa.binary())
    try:
        captions = column.cast(pa.string())
    except pa.ArrowInvalid:
        captions = pa.array(map(_decoded, column.to_pylist()), pa.string())
    for place in np.flatnonzero(captions.is_null()):
        reason = NOT_UTF8 if column[place].is_valid else NO_CAPTION
        malformed.append(Malformed(str(path), int(rows[place]), reason))
    return Batch(captions.drop_null(), sorted(malformed, key=lambda bad: bad.row), read)


def _decoded(caption: bytes | None) -> str | None:
    try:
        return None if caption is None else caption.decode()
    except UnicodeDecodeError:
        return None
