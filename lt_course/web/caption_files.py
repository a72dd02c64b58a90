"""Captions out of TSV, CSV, JSONL and parquet files of any size, some thousand rows at a time.

The encoding of a text, and what separates its fields, are seen in its first rows. A row is
malformed if it has another number of fields than its file, a quotation mark that is never closed or
a line end out of place, is no JSON object, has no caption (a null or a missing field; an empty text
is a caption), has a caption that is no text, or is not in the file's encoding. It is left out,
counted, and named by its file and row. Rows are counted from 1, as lines of JSONL and as records of
the other formats, without the header.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from lt_course.counting.concept_lists import encoding_of
from lt_course.errors import CourseError

COLUMNS = ("caption", "TEXT", "text", "title")
"""Where captions are looked for, unless told otherwise: the first of these that is there."""
TABLES = (".tsv", ".csv")
FORMATS = (*TABLES, ".jsonl", ".parquet")
COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
DELIMITERS = "\t|;,"
"""What may separate fields, the rarest in captions first."""
BLOCK = 4_000_000
"""Bytes of a parquet file that are read at a time."""
ROWS = 32_768
"""Rows that are read at a time."""
FIRST = 100
"""Lines of a table that say how it is separated."""
LINES = 1_000
"""Most lines of a record: a quotation mark that is open for longer was never closed."""

ADDRESS = re.compile(r"\s*[a-z][a-z0-9+.-]*://\S", re.IGNORECASE)
EMPTY = pa.array([], pa.string())
HIDDEN = re.compile("/[._]")
"""What begins so in a folder is no part of what it holds, such as Spark's ``_SUCCESS``."""

NO_CAPTION = "no caption"
NOT_UTF8 = "not UTF-8"
TEXT_TYPES = "null string large_string string_view binary large_binary binary_view".split()


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
        addresses: of the captions, in a list of `pairs`.
    """

    captions: pa.StringArray
    malformed: list[Malformed]
    read: int
    addresses: pa.StringArray | None = None


@dataclass(frozen=True)
class Row:
    """What there is of a row: its texts, what is wrong with it, or neither in an empty line."""

    texts: Sequence[str] = ()
    fault: str = ""


def expand(paths: Iterable[Path]) -> list[Path]:
    """The files that are named, and those in folders, each once, checked."""
    files: dict[Path, Path] = {}
    for path in paths:
        inside = (each for each in sorted(path.rglob("*")) if not each.is_dir())
        parts = [each for each in inside if not HIDDEN.search(f"/{each.relative_to(path)}")]
        for file in parts or [path]:
            check(file)
            if file.resolve() in files:
                raise CourseError(f"{file} is named twice in --captions; name each file once.")
            files[file.resolve()] = file
    return list(files.values())


def check(path: Path) -> None:
    """Refuse a file that is missing, or whose name does not end in one of the formats."""
    if not path.is_file():
        raise CourseError(f"There is no caption file {path}; check the name.")
    if format_of(path) not in FORMATS:
        raise CourseError(
            f"{path}: the name of a caption file ends in {', '.join(FORMATS)}, or, but for "
            "parquet, in one of these with .gz, .bz2 or .zst behind it; rename or convert it."
        )


def read(path: Path, column: str | None = None) -> Iterator[Batch]:
    """Read a caption file in constant memory.

    Args:
        path: the file; in a `.tsv`, quotation marks are characters like others.
        column: the column with the captions; a number means the so-manieth column of a TSV or CSV
            file without a header. By default the first of `COLUMNS` that is there.

    Raises:
        CourseError: as :func:`check`; the column is not there; the file is empty, cut or damaged.
    """
    check(path)
    readers = {".parquet": _read_parquet, ".jsonl": _read_jsonl}
    with _told(path):
        yield from readers.get(format_of(path), _read_table)(path, column)


def pairs(path: Path) -> Iterator[Batch]:
    """Read a list of addresses and captions, such as Conceptual Captions', as `read` does.

    Addresses stand where most of the first rows have them; a row that has none there is malformed,
    unless it is a header. Of more than two columns, one is called as one of `COLUMNS`.
    """
    with _told(path):
        opened, first, records = table(path)
        width = width_of(first)
        rows = [fields for fields in first if len(fields) == width]
        found = Counter(at for row in rows for at, text in enumerate(row) if ADDRESS.match(text))
        url = max(found, key=found.__getitem__, default=None)
        names = list(map(readable, first[0]))
        others = [at for at in range(width) if at != url]
        texts = [at for at in others if names[at : at + 1] and names[at] in COLUMNS] or others
        if url is None or len(texts) != 1:
            raise CourseError(
                f"{path} has {width} columns, of which {'one' if found else 'none'} with addresses "
                "(https://…); give a list of an address and a caption a row."
            )
        if not {*COLUMNS, "url", "URL"}.isdisjoint(names):
            next(records)

        def pair(row: Row) -> Row:
            row = checked(row, width, [texts[0], url])
            return Row(fault="no address") if row.texts and not ADDRESS.match(row.texts[1]) else row

        yield from _batches(path, opened, map(pair, records))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell in a sentence which file cannot be read."""
    try:
        yield
    except (pa.ArrowException, OSError, EOFError, UnicodeError) as problem:
        reason = " ".join(str(problem).split())
        raise CourseError(
            f"{path} is empty, cut or damaged ({reason}); fetch or write it again."
        ) from problem


def format_of(path: Path) -> str:
    """The ending that says what a file is, without that of its compression."""
    name = Path(path.name.lower())
    return Path(name.stem).suffix if name.suffix in COMPRESSED else name.suffix


class Opened(NamedTuple):
    """A file as it is stored, and its text, in which surrogates stand for what is none."""

    stored: pa.NativeFile
    text: io.TextIOWrapper


def _open(path: Path) -> Opened:
    stored = pa.OSFile(str(path))
    codec = COMPRESSED.get(path.suffix.lower())
    stream = io.BufferedReader(pa.CompressedInputStream(stored, codec) if codec else stored)
    if not (begin := stream.peek()):
        raise EOFError("no line")
    encoding = encoding_of(begin)
    errors = "surrogateescape" if "utf-8" in encoding else "surrogatepass"
    newline = "\n" if b"\n" in begin else ""  # where any line end counts
    return Opened(stored, io.TextIOWrapper(stream, encoding, errors, newline))


def _choose(path: Path, there: Sequence[str], column: str | None) -> str:
    wanted = COLUMNS if column is None else (column,)
    for name in wanted:
        if there.count(name) == 1:
            return name
        if name in there:
            raise CourseError(f"{path} has several columns {name!r}; rename all but one.")
    raise CourseError(
        f"{path} has no column {' or '.join(map(repr, wanted))}, only "
        f"{', '.join(map(repr, there))}; name the one with the captions (--column)."
    )


def table(
    path: Path, wanted: Iterable[str] = ()
) -> tuple[Opened, list[Sequence[str]], Iterator[Row]]:
    """A TSV or CSV file, the fields of its first records, and all records.

    It is separated so that its first record has one of the `wanted` names; without them, or if it
    never has, so that most of the first records have more than one field.
    """
    opened = _open(path)
    csv.field_size_limit(sys.maxsize)
    some, quotes = list(islice(opened.text, FIRST)), format_of(path) == ".csv"
    firsts = {
        delimiter: [row.texts for row in _records(some, delimiter, quotes) if row.texts] or [[""]]
        for delimiter in DELIMITERS
    }

    def fit(delimiter: str) -> tuple[bool, int]:
        header = set(map(readable, firsts[delimiter][0]))
        widths = Counter(len(fields) for fields in firsts[delimiter] if len(fields) > 1)
        named = not header.isdisjoint(wanted)
        return named, 0 if named else max(widths.values(), default=0)

    own = ("," if quotes else "\t") if wanted else ""
    delimiter = max(own + DELIMITERS, key=fit)
    return opened, firsts[delimiter], _records(chain(some, opened.text), delimiter, quotes)


def _records(lines: Iterable[str], delimiter: str, quotes: bool) -> Iterator[Row]:
    """The records in lines; of what cannot be one, the first line alone is left out."""
    source, again, taken = iter(lines), deque[str](), list[str]()

    def one_by_one() -> Iterator[str]:
        while len(taken) < LINES and (line := again.popleft() if again else next(source, "")):
            taken.append(line)
            yield line

    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    while True:
        try:
            for fields in csv.reader(
                one_by_one(), delimiter=delimiter, quoting=quoting, strict=True
            ):
                taken.clear()
                if fields:
                    yield Row(fields)
            return
        except csv.Error:
            yield Row(fault="a quotation mark or a line end out of place")
            again.extendleft(reversed(taken[1:]))
            taken.clear()


def _read_table(path: Path, column: str | None) -> Iterator[Batch]:
    place = int(column) if column is not None and column.isdecimal() else None
    wanted = () if place is not None else COLUMNS if column is None else (column,)
    opened, first, records = table(path, wanted)
    if place is None:
        names = list(map(readable, first[0]))
        place, width = names.index(_choose(path, names, column)), len(names)
        next(records)
    else:
        width, place = width_of(first), place - 1
        if not 0 <= place < width:
            raise CourseError(f"{path} has {width} columns, no column {column} (--column).")
    yield from _batches(path, opened, (checked(row, width, [place]) for row in records))


def width_of(first: Iterable[Sequence[str]]) -> int:
    """How many fields most records have."""
    return Counter(map(len, first)).most_common(1)[0][0]


def checked(row: Row, width: int, places: Sequence[int]) -> Row:
    """The texts in some places of a record that should have `width` fields."""
    if row.fault:
        return row
    if len(row.texts) != width:
        return Row(fault=f"{len(row.texts)} fields instead of {width}")
    texts = [row.texts[place] for place in places]
    return Row(texts) if all(map(_is_text, texts)) else Row(fault=NOT_UTF8)


def readable(name: str) -> str:
    """A name in a header; if it is no UTF-8, it is read as Windows writes it."""
    as_stored = name.encode("utf-8", "surrogateescape")
    return name if _is_text(name) else as_stored.decode("cp1252", "replace")


def _is_text(text: str) -> bool:
    """Whether a text was decoded without fault."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _read_jsonl(path: Path, column: str | None) -> Iterator[Batch]:
    opened = _open(path)
    some = list(islice(opened.text, ROWS))
    name = column or _choose(path, _fields(path, some), None)
    yield from _batches(path, opened, (_of_json(line, name) for line in chain(some, opened.text)))


def _fields(path: Path, lines: Iterable[str]) -> list[str]:
    """The fields of the first objects, up to one that has captions."""
    found: dict[str, None] = {}
    for value in map(_parsed, lines):
        found |= dict.fromkeys(value if isinstance(value, dict) else ())
        if not found.keys().isdisjoint(COLUMNS):
            break
    if not found:
        raise CourseError(f"{path} does not begin with a JSON object; write one a line.")
    return list(found)


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _of_json(line: str, column: str) -> Row:
    """The caption in a line of JSON."""
    if not line.strip():
        return Row()
    if not _is_text(line):
        return Row(fault=NOT_UTF8)
    value = _parsed(line)
    if not isinstance(value, dict):
        return Row(fault="no JSON object")
    caption = value.get(column)
    if caption is None:
        return Row(fault=NO_CAPTION)
    if not isinstance(caption, str):
        return Row(fault="the caption is no text")
    return Row([caption]) if _is_text(caption) else Row(fault=NOT_UTF8)


def _batches(path: Path, opened: Opened, rows: Iterator[Row]) -> Iterator[Batch]:
    """Rows that hold a caption each, and may hold an address behind it, in batches."""
    numbered = enumerate(rows, start=1)
    while some := list(islice(numbered, ROWS)):
        left_out = [Malformed(str(path), number, row.fault) for number, row in some if row.fault]
        columns = zip(*(row.texts for _, row in some if row.texts), strict=True)
        captions, *others = [pa.array(texts, pa.string()) for texts in columns] or [EMPTY]
        yield Batch(captions, left_out, opened.stored.tell(), *others)


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
            stored = batch.column(0).cast(pa.binary())
            try:
                captions = stored.cast(pa.string())
            except pa.ArrowInvalid:
                captions = pa.array(map(_decoded, stored.to_pylist()), pa.string())
            left_out = [
                Malformed(str(path), row + int(at), NOT_UTF8 if stored[at].is_valid else NO_CAPTION)
                for at in np.flatnonzero(captions.is_null())
            ]
            row += len(batch)
            yield Batch(captions.drop_null(), left_out, size * (row - 1) // file.metadata.num_rows)


def _decoded(caption: bytes | None) -> str | None:
    try:
        return None if caption is None else caption.decode()
    except UnicodeDecodeError:
        return None
