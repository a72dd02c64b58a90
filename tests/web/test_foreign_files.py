"""Files as others write them, through the command line: a right result, or one plain sentence."""

from __future__ import annotations

import bz2
import gzip
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tiny_open_models as tiny
import torch
from open_clip import factory, pretrained
from PIL import Image
from pyarrow import parquet
from shard_files import image

from lt_course.counting import web_frequencies
from lt_course.web import cli
from lt_course.web.datasets import concept_sets
from lt_course.web.datasets.evaluation_sets import KIT, V2_FOLDER, VALIDATION_TAR
from lt_course.web.datasets.imagenet_shards import find_pictures
from lt_course.web.released import evaluate_open_models as evaluation
from lt_course.web.released import open_models

ONE = b"caption\na cat\n"
TWO = b"a dog\nan owl\n"
ASTRAY = "1,a quotation mark or a line end out of place"
ROWS = "caption,url\na cat,u\na dog,u\n"
NESTED = {"in.parquet/part-0.parquet": ["a cat"], "in.parquet/x=1/part-1.parquet": ["a dog"]}


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, "zstd", asbytes=True))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, content: bytes | str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def count(*more: str, out: str = "out.csv") -> int:
    """The exit status; the classes are cat, dog and owl."""
    write("names.txt", "cat\ndog\nowl\n")
    return cli.main(["concepts", "count", "--concepts", "names.txt", "--out", out, *more])


def counts(out: str = "out.csv") -> str:
    return " ".join(line.rpartition(",")[2] for line in Path(out).read_text().splitlines()[1:])


def left_out() -> list[str]:
    lines = Path("out.malformed.csv").read_text().splitlines()[1:]
    return [line.partition(",")[2] for line in lines]


# Captions --------------------------------------------------------------------------------------

READ: dict[str, tuple[str, bytes | str, str]] = {
    "tabs in a csv": ("c.csv", "filepath\ttitle\na.jpg\ta cat\n", "1 0 0"),
    "commas in a tsv": ("c.tsv", "caption,url\na cat,u\n", "1 0 0"),
    "semicolons, UTF-8 with a mark": ("c.csv", b"\xef\xbb\xbfurl;caption\nu;a cat, dog\n", "1 1 0"),
    "bars": ("c.csv", "url|caption\nu|a cat; a dog\n", "1 1 0"),
    "UTF-16": ("c.csv", ROWS.encode("utf-16"), "1 1 0"),
    "UTF-16-LE without a mark": ("c.csv", ROWS.encode("utf-16-le"), "1 1 0"),
    "UTF-16-BE without a mark": ("c.csv", ROWS.encode("utf-16-be"), "1 1 0"),
    "UTF-32": ("c.csv", ROWS.encode("utf-32"), "1 1 0"),
    "UTF-16 JSONL": ("c.jsonl", '{"caption": "a d\u00f6g, a dog"}\n'.encode("utf-16"), "0 1 0"),
    "JSONL with a mark": ("c.jsonl", b'\xef\xbb\xbf{"caption": "a cat"}\n', "1 0 0"),
    "a field that comes later": (
        "c.jsonl",
        '{"caption": ""}\n{"text": 1, "caption": "cat"}',
        "1 0 0",
    ),
    "a line separator": ("c.jsonl", '{"caption": "a\u2028cat"}\n', "1 0 0"),
    "cp1252 in the header": ("c.csv", b"l\xe9gende,caption\nx,a cat\n", "1 0 0"),
    "quotes within fields": ("c.csv", 'id,caption\n1,a 5" cat\n2,"b ""dog"""\n', "1 1 0"),
    "quoted line ends": ("c.csv", 'id,caption\n1,"a cat\nred, white\ndog"\n2,owl\n', "1 1 1"),
    "a quote in a tsv": ("c.tsv", 'id\tcaption\n1\t"a cat\n2\ta dog\n', "1 1 0"),
    "a return in a tsv": ("c.tsv", "id\tcaption\n1\ta cat\r\n2\ta dog\r\n", "1 1 0"),
    "returns alone": ("c.csv", "caption,u\ra cat,u\r", "1 0 0"),
    "empty lines": ("c.csv", "\n\ncaption\ncat\n\n", "1 0 0"),
    "another column twice": ("c.csv", "caption,id,id\ncat,1,2\n", "1 0 0"),
    "capitals in the ending": ("C.TSV", "caption\ncat\n", "1 0 0"),
    "signs of a shell": ("[a] *.tsv", "caption\ncat\n", "1 0 0"),
    "gzip of two members": ("c.tsv.gz", gzip.compress(ONE) + gzip.compress(TWO), "1 1 1"),
    "gzip, an empty member": ("c.tsv.gz", gzip.compress(b"") + gzip.compress(ONE), "1 0 0"),
    "bz2 of two streams": ("c.tsv.bz2", bz2.compress(ONE) + bz2.compress(TWO), "1 1 1"),
    "zstd of two frames": ("c.tsv.zst", zstd(ONE) + zstd(TWO), "1 1 1"),
}


@pytest.mark.parametrize("case", READ)
def test_caption_files_are_read_as_they_are(case: str) -> None:
    name, content, expected = READ[case]
    write(name, content)
    assert count("--captions", name) == 0
    assert (counts(), left_out()) == (expected, [])


PARTLY: dict[str, tuple[str, bytes | str, str, list[str]]] = {
    "cp1252 in a row": ("c.csv", b"caption,u\na d\xf6g,u\na cat,u\n", "1 0 0", ["1,not UTF-8"]),
    "half a character": (
        "c.csv",
        "caption,u\n\ud800 cat,u\na dog,u\n".encode("utf-16", "surrogatepass"),
        "0 1 0",
        ["1,not UTF-8"],
    ),
    "an open quote": ("c.csv", 'id,caption\n1,"a cat\n2,a dog\n3,an owl\n', "0 1 1", [ASTRAY]),
    "two open quotes": ("c.csv", 'id,caption\n1,"a cat\n2,"a dog"\n3,an owl\n', "0 1 1", [ASTRAY]),
    "escaped quotes": ("c.csv", 'id,caption\n1,"a \\"cat\\" x"\n2,a dog\n', "0 1 0", [ASTRAY]),
    "a return within a row": ("c.tsv", "caption\tid\na cat\ra\t1\na dog\t2\n", "0 1 0", [ASTRAY]),
    "the first object lacks it": (
        "c.jsonl",
        '{"id": 1}\n{"caption": "dog"}\n',
        "0 1 0",
        ["1,no caption"],
    ),
    **{
        f"a caption that is {value}": (
            "c.jsonl",
            f'{{"caption": {value}}}\n{{"caption": "dog"}}\n',
            "0 1 0",
            [f"1,{reason}"],
        )
        for value, reason in (
            ("null", "no caption"),
            ("5", "the caption is no text"),
            ("1.5", "the caption is no text"),
            ("true", "the caption is no text"),
            ('["a cat"]', "the caption is no text"),
            ('{"en": "cat"}', "the caption is no text"),
            ("NaN", "the caption is no text"),
        )
    },
}


@pytest.mark.parametrize("case", PARTLY)
def test_a_bad_row_costs_itself_alone(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, content, expected, rows = PARTLY[case]
    write(name, content)
    assert count("--captions", name) == 0
    assert (counts(), left_out()) == (expected, rows)
    assert "1 malformed rows were left out" in capsys.readouterr().err


REFUSED: dict[str, tuple[str, bytes | str, str]] = {
    "a column twice": (
        "c.csv",
        "caption,caption\ncat,dog\n",
        "c.csv has several columns 'caption'",
    ),
    "no row in its encoding": ("c.tsv", b"caption\ncat \xfc\n", "c.tsv, row 1: not UTF-8; mend"),
    "all captions are lists": (
        "c.jsonl",
        '{"caption": ["cat"]}\n',
        "row 1: the caption is no text",
    ),
    "commas in one column": ("c.csv", "caption\na cat, a dog\n", "row 1: 2 fields instead of 1"),
    "an array": ("c.jsonl", '[{"caption": "a cat"}]\n', "does not begin with a JSON object"),
    "no header": ("c.csv", "a cat,u\n", "only 'a cat', 'u'; name the one with the captions"),
    "cut UTF-16": ("c.csv", ROWS.encode("utf-16")[:-1], "c.csv is empty, cut or damaged"),
    "cut gzip": ("c.tsv.gz", (gzip.compress(ONE) + gzip.compress(TWO))[:-9], "cut or damaged"),
    "cut bz2": ("c.tsv.bz2", bz2.compress(ONE * 9)[:-9], "cut or damaged"),
    "cut zstd": ("c.tsv.zst", zstd(bytes(range(256)))[:-20], "cut or damaged"),
    "behind gzip": ("c.tsv.gz", gzip.compress(ONE) + b"garbage", "cut or damaged"),
    "no gzip": ("c.tsv.gz", ONE, "cut or damaged"),
    "nothing": ("c.csv.gz", gzip.compress(b""), "cut or damaged"),
    "xz": ("c.tsv.xz", b"\xfd7zXZ", "ends in .tsv, .csv, .jsonl, .parquet"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_counted_is_told(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, content, sentence = REFUSED[case]
    write(name, content)
    assert count("--captions", name) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(
    ("content", "column", "expected"),
    [
        ("A red, old cat;u\nb, dog;u\n", "1", "1 1 0"),
        ("u\ta, cat\n", "2", "1 0 0"),
        ("x\na cat,u\na dog,u\n", "1", "1 1 0"),
    ],
)
def test_a_numbered_column_is_that_of_most_rows(content: str, column: str, expected: str) -> None:
    write("c.csv", content)
    assert count("--captions", "c.csv", "--column", column) == 0
    assert counts() == expected


COLUMNS = {
    "binary": (pa.array([b"cat", None, b"\xff"]), "1 0 0"),
    "dictionary": (pa.array(["cat", "dog", None]).dictionary_encode(), "1 1 0"),
    "large dictionary": (pa.array(["cat"], pa.large_string()).dictionary_encode(), "1 0 0"),
    "large_string": (pa.array(["cat"], pa.large_string()), "1 0 0"),
    "string_view": (pa.array(["cat"], pa.string_view()), "1 0 0"),
    "no row": (pa.array([], pa.string()), "0 0 0"),
    "null": (pa.nulls(2), "row 1: no caption"),
    "list": (pa.array([["cat"]]), "holds list<element: string>, no text"),
    "struct": (pa.array([{"en": "cat"}]), "holds struct<en: string>, no text"),
    "int64": (pa.array([1]), "holds int64, no text"),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_of_parquet(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    column, expected = COLUMNS[kind]
    parquet.write_table(pa.table({"caption": column}), "c.parquet")
    if count("--captions", "c.parquet") == 0:
        assert counts() == expected
    else:
        assert expected in capsys.readouterr().err


def test_a_folder_of_parts(capsys: pytest.CaptureFixture[str]) -> None:
    for name, captions in NESTED.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.table({"caption": captions}), name)
    for name in ("_SUCCESS", "_metadata", ".part-0.parquet.crc", "_temporary/0/part-9.parquet"):
        write(f"in.parquet/{name}", b"")
    assert count("--captions", "in.parquet") == 0
    assert counts() == "1 1 0"
    files = json.loads(Path("out.manifest.json").read_text())["files"]
    assert [each["file"] for each in files] == list(NESTED)
    write("in.parquet/README.md", b"")
    assert count("--captions", "in.parquet") == 2
    assert "README.md: the name of a caption file ends in" in capsys.readouterr().err
    twice = str(Path(next(iter(NESTED))).resolve())
    assert count("--captions", next(iter(NESTED)), twice) == 2
    assert "named twice" in capsys.readouterr().err
    Path("empty").mkdir()
    assert count("--captions", "empty") == 2
    assert "There is no caption file empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("captions", "out", "sentence"),
    [
        ("c.csv", "c.csv", "c.csv (--out) is one of the files that are read"),
        ("c.csv", "x/../c.csv", "c.csv (--out) is one of the files that are read"),
        ("c.csv", "link.csv", "link.csv (--out) is one of the files that are read"),
        ("o.malformed.csv", "o.csv", "o.malformed.csv (--out) is one of the files that are read"),
        ("c.csv", "names.txt", "names.txt (--out) is one of the files that are read"),
        ("c.csv", "folder", "folder (--out) is no file"),
        ("c.csv", ".", ". (--out) is no file"),
        ("c.csv", "c.csv/o.csv", "c.csv cannot be written"),
        ("c.csv", f"{'n' * 300}.csv", "cannot be written (File name too long"),
    ],
)
def test_no_input_is_written_over(
    captions: str, out: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("c.csv", captions):
        write(name, ONE)
    Path("folder").mkdir()
    Path("x").mkdir()
    Path("link.csv").symlink_to("c.csv")
    assert count("--captions", captions, out=out) == 2
    assert sentence in capsys.readouterr().err
    assert Path(captions).read_bytes() == ONE
    assert Path("names.txt").read_text() == "cat\ndog\nowl\n"


# Lists of classes ------------------------------------------------------------------------------

SPOKEN = "caption\na photo of a dog\nan old car\nRock n Roll\na tench\nhot dog\n"
LISTS: list[tuple[str, bytes | str, str, list[str]]] = [
    (
        "a.txt",
        "A310\nBoeing 717\n",
        "2 0",
        ["'A310' asks for 'a'", "'Boeing 717' asks for 'boeing'"],
    ),
    ("k.json", '{"0": ["n01440764", "tench"]}', "2", ["'n01440764' asks for 'n'"]),
    (
        "l.txt",
        "n01440764 tench, Tinca tinca\n",
        "0",
        ["'n01440764 tench, Tinca tinca' asks for 'n tench tinca'"],
    ),
    ("f.txt", "hot_dog\n", "1", ["'hot_dog' asks for 'dog hot'"]),
    (
        "s.txt",
        "dog\nDog\nDogs\n",
        "2 2 2",
        ["the classes 'dog', 'Dog', 'Dogs' ask alike for 'dog'"],
    ),
    (
        "b.txt",
        "dog (animal)\ndog (food)\n",
        "2 2",
        ["the classes 'dog (animal)', 'dog (food)' ask alike for 'dog'"],
    ),
    ("i.txt", "0\tdog\n", "2", ["'0 dog' asks for 'dog'"]),
    ("y.txt", "- dog\n", "2", ["'- dog' asks for 'dog'"]),
    ("c.txt", "# animals\n\n\ndog\n", "0 2", ["'# animals' asks for 'animal'"]),
    ("h.txt", "HotDog\n", "0", ["'HotDog' asks for 'hotdog'"]),
    ("n.txt", "n\n", "1", ["'n' asks for 'n'"]),
    ("e.txt", "🐶 dog\n", "2", ["'🐶 dog' asks for 'dog'"]),
    ("g.txt", "Äpfel\n", "0", ["'Äpfel' asks for 'pfel'"]),
    ("q.txt", '"dog"\n', "2", ["'\"dog\"' asks for 'dog'"]),
    ("t.txt", "T-shirt\nhot dog or St. Bernard's dog\r\n", "0 1", []),
    ("u.txt", "dog\ncar\n".encode("utf-16"), "2 1", []),
    ("v.txt", "dog\ncar\n".encode("utf-16-le"), "2 1", []),
    ("w.JSON", b'\xef\xbb\xbf{"1": ["dog"]}', "2", []),
    ("names", "dogs\ncar", "2 1", []),
]


@pytest.mark.parametrize(("name", "content", "expected", "told"), LISTS)
def test_what_the_rule_makes_of_names_is_told(
    name: str,
    content: bytes | str,
    expected: str,
    told: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("c.csv", SPOKEN)
    write(name, content)
    assert count("--captions", "c.csv", "--concepts", name) == 0
    assert counts() == expected
    manifest = json.loads(Path("out.manifest.json").read_text())
    assert manifest["concepts"]["changed_names"] == told
    said = capsys.readouterr().err
    assert all(each in said for each in told)
    assert ("By bag-of-lemmas" in said) == bool(told)


@pytest.mark.parametrize("name", ["hot_dog", "tench, Tinca", "n01440764", "HotDog", "- dog"])
def test_names_that_captions_hardly_hold_are_told(name: str) -> None:
    write("c.csv", SPOKEN)
    write("k.txt", f"{name}\nA310\nhot-dog\n")
    asked = ["--captions", "c.csv", "--concepts", "k.txt", "--definition", "substring"]
    assert count(*asked) == 0
    told = json.loads(Path("out.manifest.json").read_text())["concepts"]["changed_names"]
    assert told == [f"{name!r} asks for {name.lower()!r}"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("k.csv", "id,name\n0,dog\n", "no list of names by its ending .csv"),
        ("k.yaml", "- dog\n", "no list of names by its ending .yaml"),
        ("k.jsonl", '{"name": "dog"}\n', "no list of names by its ending .jsonl"),
        ("k.xlsx", b"PK\3\4\xff", "no list of names by its ending .xlsx"),
        ("k.txt", b"d\xf6g\n", "is not UTF-8 text"),
        ("k.txt", "🐶\n", "has no letter a to z"),
        ("k.json", '["dog"]', "is no JSON object"),
        ("k.json", '{"0": "dog"}', "class '0': expected a list of names"),
        ("k.json", '{"\\ud800": ["dog"]}', "has no letter a to z"),
    ],
)
def test_lists_that_are_none_are_refused(
    name: str, content: bytes | str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write("c.csv", SPOKEN)
    write(name, content)
    assert count("--captions", "c.csv", "--concepts", name) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("out.csv").exists()


# Lists of addresses ----------------------------------------------------------------------------

A, TENCH = "http://a/1.jpg\ta tench\n", ("http://a/1.jpg", "a tench")
URLS: dict[str, tuple[str, bytes | str, int, list[str]]] = {
    "CC12M's": ("l.tsv", A, 1, []),
    "CC3M's": ("l.tsv", "a tench\thttp://a/1.jpg\nsomebody\thttp://a/goldfish.jpg\n", 1, []),
    "a header": ("l.tsv", f"url\tcaption\n{A}", 1, []),
    "a header, the other way round": ("l.tsv", "caption\turl\na tench\thttp://a/1.jpg\n", 1, []),
    "more columns": ("l.csv", "id,URL,TEXT\n1,http://a/1.jpg,a tench\n", 1, []),
    "semicolons": ("l.csv", "http://a/1.jpg;a tench\n", 1, []),
    "a mark": ("l.tsv", A.encode("utf-8-sig"), 1, []),
    "UTF-16": ("l.tsv", A.encode("utf-16"), 1, []),
    "CRLF": ("l.tsv", A.replace("\n", "\r\n"), 1, []),
    "gzip of two members": ("l.tsv.gz", gzip.compress(A.encode()) * 2, 2, []),
    "no tab": ("l.tsv", f"{A}http://a/3.jpg\n", 1, ["2,1 fields instead of 2"]),
    "no tab at first": ("l.tsv", f"broken\n{A * 2}", 2, ["1,1 fields instead of 2"]),
    "a return": ("l.tsv", f"{A}http://a/2.jpg\ta gold\rfish\n", 1, [ASTRAY.replace("1", "2")]),
    "a byte": ("l.tsv", A.encode() + b"http://a/2.jpg\ta tench \xff\n", 1, ["2,not UTF-8"]),
    "an unknown header": ("l.tsv", f"Image\tText\n{A}", 1, ["1,no address"]),
    "no address": ("l.tsv", f"{A}\ta tench\n", 1, ["2,no address"]),
    "a row the other way round": (
        "l.tsv",
        f"{A * 2}a tench\thttp://a/1.jpg\n",
        2,
        ["3,no address"],
    ),
}


@pytest.mark.parametrize("case", URLS)
def test_lists_of_addresses(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, content, kept, rows = URLS[case]
    write(name, content)
    assert cli.main(["data", "prepare", "cc12m-cls", "--source", name, "--out", "out"]) == 0
    table = parquet.read_table("out/l.parquet").to_pydict()
    assert list(zip(table["url"], table["caption"], strict=True)) == [TENCH] * kept
    lines = Path("out/l.malformed.csv").read_text().splitlines()[1:]
    assert [line.partition(",")[2] for line in lines] == rows
    assert ("rows were left out" in capsys.readouterr().err) == bool(rows)


@pytest.mark.parametrize(
    ("content", "out", "sentence"),
    [
        ("a tench\tb\n", "out", "2 columns, of which none with addresses"),
        ("http://a/1.jpg\n", "out", "1 columns, of which one with addresses"),
        ("http://a/1.jpg\ta tench\t.3\n", "out", "3 columns, of which one with addresses"),
        ("", "out", "l.tsv is empty, cut or damaged"),
        (A, "l.tsv", "--out is l.tsv, which is no folder"),
    ],
)
def test_what_is_no_list_of_addresses_is_told(
    content: str, out: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write("l.tsv", content)
    assert cli.main(["data", "prepare", "cc12m-cls", "--source", "l.tsv", "--out", out]) == 2
    assert sentence in capsys.readouterr().err
    assert Path("l.tsv").read_text() == content
    assert not Path("out").exists()


# Pictures to evaluate on -----------------------------------------------------------------------


@pytest.fixture
def tiny_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny model whose classes' vectors are drawn by their names, for speed."""
    paths, designs = list(factory._MODEL_CONFIG_PATHS), dict(factory._MODEL_CONFIGS)
    weights = tiny.make(Path("models").absolute())
    monkeypatch.setattr(pretrained, "_PRETRAINED", tiny.listing(weights))
    summary = web_frequencies.load(download=False)
    monkeypatch.setattr(web_frequencies, "load", lambda: summary)
    monkeypatch.setattr(evaluation, "prompts", lambda name: [f"a photo of a {name}."])

    def drawn(encode: object, tokens: torch.Tensor, batch: int) -> torch.Tensor:
        return torch.randn(1, 12, generator=torch.manual_seed(int(tokens.sum())))

    monkeypatch.setattr(evaluation, "zero_shot_prototypes", drawn)
    open_models._by_weights.cache_clear()
    yield
    open_models._by_weights.cache_clear()
    factory._MODEL_CONFIG_PATHS[:] = paths
    factory._MODEL_CONFIGS = designs


def evaluate(*more: str, on: str = "imagenet-val", out: str = "out") -> int:
    asked = ["models", "evaluate", "tiny-a/cc12m", "--on", on, "--source", "in", "--out", out]
    return cli.main([*asked, "--partial", "--workers", "0", *more])


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


BOMB = b"\x89PNG\r\n\x1a\n" + b"".join([
    chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)),
    chunk(b"IDAT", zlib.compress(bytes(99))), chunk(b"IEND", b""),
])  # fmt: skip
TENCHES, FISH = "in/val/n01440764", "in/val/n01443537"
V2 = f"in/{V2_FOLDER}"


@pytest.mark.parametrize(
    ("on", "files", "labels", "others"),
    [
        (
            "imagenet-val",
            [f"{TENCHES}/Thumbs.db", f"{TENCHES}/.DS_Store", "in/val/labels.txt"],
            [0, 1],
            2,
        ),
        ("imagenet-val", [f"{TENCHES}/images/1.JPEG", f"{TENCHES}/boxes.txt"], [0, 0, 1], 1),
        ("imagenet-val", [f"{TENCHES}/1.JPG", f"{FISH}/2.Png"], [0, 0, 1, 1], 0),
        ("imagenet-val", [f"{TENCHES}/x.jpg/1.JPEG", "in/val/n01484850/.empty"], [0, 0, 1], 0),
        ("imagenet-val", ["in/val/n99999999/0.JPEG", "in/val/tench/0.JPEG"], [0, 1], 2),
        ("imagenet-v2", [f"{V2}/n01440764/0.jpeg", f"{V2}/n15075141/0.jpeg"], [0, 999], 0),
        ("imagenet-v2", [f"{V2}/5/0.jpeg", f"{V2}/1000/0.jpeg"], [5], 1),
        ("imagenet-v2", ["in/7/0.jpeg"], [7], 1),
    ],
)
def test_folders_are_looked_at(on: str, files: list[str], labels: list[int], others: int) -> None:
    for name in [f"{TENCHES}/0.JPEG", f"{FISH}/0.JPEG", *files]:
        write(name, image(1))
    found = concept_sets.concept_set(on, Path("in"), partial=True)
    assert (found.labels.tolist(), len(found.left_out)) == (labels, others)


def test_links_to_nothing_are_left_out() -> None:
    write(f"{TENCHES}/0.JPEG", image(1))
    Path(f"{TENCHES}/1.JPEG").symlink_to("nowhere")
    Path(f"{TENCHES}/2.JPEG").symlink_to("0.JPEG")
    Path(f"{TENCHES}/loop").symlink_to(".")
    found = concept_sets.concept_set("imagenet-val", Path("in"), partial=True)
    assert found.left_out == (f"{TENCHES}/1.JPEG", f"{TENCHES}/loop")
    assert len(found) == 2


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "CMYK", "16 bits"])
def test_odd_pictures_are_their_first_frame_in_eight_bits(kind: str) -> None:
    path = write(f"{TENCHES}/0.webp", b"")
    red, blue = (Image.new("RGB", (9, 9), color) for color in ("red", "blue"))
    if kind == "CMYK":
        red.convert("CMYK").save(path, "JPEG")
    elif kind == "16 bits":
        Image.fromarray(np.full((9, 9), 200 * 257, np.uint16)).save(path, "PNG")
    else:
        red.save(path, kind, save_all=True, append_images=[blue], lossless=True)
    found = concept_sets.concept_set("imagenet-val", Path("in"), partial=True).picture(0)
    expected = (200,) * 3 if kind == "16 bits" else (255, 0, 0)
    assert np.abs(np.array(found) - expected).max() <= 2


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    "content", [b"", b"hello", image(1, size=(99, 99))[:-60], BOMB, image(1, "PNG")[:60]],
    ids=["empty", "text", "cut", "bomb", "cut PNG"],
)  # fmt: skip
def test_a_damaged_picture_is_one_sentence(
    content: bytes, workers: str, tiny_clip: None, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    write(f"{TENCHES}/0.JPEG", content)
    # As where more pictures are there than the fingerprint looks at: a worker meets it first.
    monkeypatch.setattr(concept_sets.ConceptSet, "fingerprint", "0")
    assert evaluate("--workers", workers) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"A picture of imagenet-val, {TENCHES}/0.JPEG at byte 0, cannot be")


def test_a_damaged_picture_of_torchvisions_is_one_sentence(
    tiny_clip: None, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in concept_sets.EUROSAT:
        write(f"in/eurosat/2750/{name}/{name}_1.jpg", image(1))
    write("in/eurosat/2750/River/River_1.jpg", b"no picture")
    assert evaluate(on="eurosat") == 2
    assert "Picture 8 of torchvision's EuroSAT in in cannot be" in capsys.readouterr().err
    Path("in/eurosat/2750/Other").mkdir()
    assert evaluate(on="eurosat") == 2
    assert "EuroSAT is not in in/eurosat" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "out", "sentence"),
    [
        ({"out": b"keep"}, "out", "cannot be written (Not a directory"),
        ({"out/imagenet-val": b"keep"}, "out", "out/imagenet-val cannot be written (File exists"),
        ({"out/summary.csv/x": b""}, "out", "summary.csv.tmp cannot be written"),
        ({"out/imagenet-val/x.npz": b"x"}, "out", "x.npz is not the record of a model"),
    ],
)
def test_records_are_written_to_a_folder(
    files: dict[str, bytes], out: str, sentence: str, tiny_clip: None,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name, content in {f"{TENCHES}/0.JPEG": image(1), **files}.items():
        write(name, content)
    assert evaluate(out=out) == 2
    assert sentence in capsys.readouterr().err
    assert all(Path(name).read_bytes() == content for name, content in files.items())


def test_no_picture_at_all_is_told(capsys: pytest.CaptureFixture[str], tiny_clip: None) -> None:
    Path(TENCHES).mkdir(parents=True)
    assert evaluate() == 2
    assert "in has 0 pictures of imagenet-val" in capsys.readouterr().err


def test_a_record_answers_for_its_own_question_alone(
    tiny_clip: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(600):  # more than the fingerprint looks at
        write(f"{TENCHES}/{number:03d}.JPEG", image(number % 7, size=(8, 8)))
    assert evaluate() == evaluate() == 0
    assert ", read |" in capsys.readouterr().out
    seen = {int(row) for row in np.linspace(0, 599, concept_sets.LOOKED_AT).astype(int)}
    unseen = min(set(range(600)) - seen)
    write(f"{TENCHES}/{unseen:03d}.JPEG", image(9, size=(30, 30)))
    assert evaluate() == 2
    assert "is of other pictures or class names than these" in capsys.readouterr().err
    assert evaluate(out="fresh") == 0
    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "prompts", lambda name: [f"a drawing of a {name}."])
        assert evaluate(out="fresh") == 2
    assert "is of other templates than these" in capsys.readouterr().err
    monkeypatch.setattr(evaluation.open_clip, "__version__", "0")
    assert evaluate(out="fresh") == 2
    assert "is of other versions of open_clip than these" in capsys.readouterr().err


def test_a_kit_that_is_none_is_told(tiny_clip: None, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (VALIDATION_TAR, KIT):
        write(f"in/{name}", b"x" * 2_000)
    assert evaluate() == 2
    assert "is not ImageNet's development kit" in capsys.readouterr().err


def test_only_pictures_become_shards() -> None:
    names = ["images/n01440764_0.JPEG", "n01440764_1.JPEG", "n01440764_boxes.txt", "Thumbs.db"]
    for name in names:
        write(f"in/train/n01440764/{name}", image(1))
    found = find_pictures(Path("in"), ["n01440764"])
    assert sorted(found) == ["n01440764_0.JPEG", "n01440764_1.JPEG"]
