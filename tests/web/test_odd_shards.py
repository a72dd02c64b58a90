"""What others reported of shards, and the kinds of fault behind it, by the command line."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zlib
from pathlib import Path

import pytest
import torch
from PIL import Image
from shard_files import Member, image, tar_bytes, write_tar

from lt_course.errors import CourseError
from lt_course.web import cli
from lt_course.web.shards import addresses, photographs, shard_index
from lt_course.web.shards.shard_scan import Fields

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities")
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_COURSE_SHARDS", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def check(*words: str, capsys: Captured) -> tuple[int, str, str]:
    """Exit status, output and errors of ``lt-course data check``; an error is one line."""
    status = cli.main(["data", "check", *words])
    said = capsys.readouterr()
    assert said.err.count("\n") == (status == 2)
    return status, said.out, said.err


def sample(key: str, text: bytes = b"a cat", **more: bytes) -> list[Member]:
    return [(f"{key}.jpg", image(0)), (f"{key}.txt", text)] + [
        (f"{key}.{field}", content) for field, content in more.items()
    ]


# A container is read to its end


def parts(*keys: str) -> bytes:
    return b"".join(tar_bytes(sample(key)) for key in keys)


@pytest.mark.parametrize(
    ("content", "usable", "damaged"),
    [
        (parts("a", "b"), 2, {}),
        (parts("a", "b", "c", "d"), 4, {}),
        (tar_bytes([]) + parts("a"), 1, {}),
        (parts("a") + tar_bytes([]), 1, {}),
        (parts("a") + bytes(3_000_000), 1, {}),
        (parts("a") + bytes(3_000_000) + parts("b"), 2, {}),
        (parts("a").rstrip(b"\0") + bytes(-len(parts("a").rstrip(b"\0")) % 512 + 512), 1, {}),
        (parts("a") + b"\n", 1, {"more behind the end": 1}),
        (parts("a") + b"signature" * 100, 1, {"more behind the end": 1}),
        (parts("a") + b"\x1f\x8b" + bytes(510), 1, {"more behind the end": 1}),
        (parts("a") + parts("b")[:2_000], 1, {"cut shard": 1}),
        (parts("a", "b") + parts("c")[:900], 2, {"cut shard": 1}),
        (b"", 0, {"no tar": 1}),
        (b"PK\x03\x04" + bytes(600), 0, {"no tar": 1}),
        (bytes(10_240), 0, {}),
    ],
)
def test_a_tar_is_read_to_the_end_of_its_file(
    tmp_path: Path, content: bytes, usable: int, damaged: dict[str, int]
) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    index = shard_index.load("a.tar", Fields(caption="txt"), max_bad_fraction=None)
    assert (len(index), index.damaged) == (usable, damaged)
    assert all(
        read == image(0) for read in shard_index.read([index.place(i) for i in range(usable)])
    )


def test_a_key_of_two_joined_tars_is_named(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "a.tar").write_bytes(parts("a", "a"))
    status, out, _ = check("a.tar", capsys=capsys)
    assert status == 1
    assert "a.tar a: duplicate key" in out


def test_a_sparse_picture_is_named_and_what_follows_is_right(tmp_path: Path) -> None:
    """As tar --sparse writes it: a header that lists two pieces, 512 bytes each, of 4,096."""
    header = bytearray(512)
    for at, field in (
        (0, b"a.jpg"), (100, b"0000644\0"), (108, b"0000000\0"), (116, b"0000000\0"),
        (124, b"%011o\0" % 1_024), (136, b"00000000000\0"), (148, b" " * 8), (156, b"S"),
        (257, b"ustar  \0"), (386, b"%011o\0%011o\0" % (0, 512)),
        (410, b"%011o\0%011o\0" % (3_584, 512)), (483, b"%011o\0" % 4_096),
    ):  # fmt: skip
        header[at : at + len(field)] = field
    header[148:156] = b"%06o\0 " % sum(header)
    content = bytes(header) + image(1)[:512].ljust(1_024, b"x")
    content += tar_bytes([("a.txt", b"holes"), *sample("b")])
    (tmp_path / "a.tar").write_bytes(content)
    index = shard_index.load("a.tar", max_bad_fraction=None)
    assert [(fault.key, fault.reason) for fault in index.faults()] == [("a", "sparse")]
    assert shard_index.read([index.place(0)]) == [image(0)]


# A preference is not an arrival


@pytest.mark.parametrize(
    ("names", "picture", "read"),
    [
        ("png jpg", None, "jpg"),
        ("webp png jpeg jpg", None, "jpg"),
        ("webp png", None, "png"),
        ("jpeg jpg", None, "jpg"),
        ("jpg png", "png;jpg", "png"),
        ("JPG png", "png;jpg", "png"),
        ("png JPG", None, "jpg"),
        ("mask.png jpg", None, "jpg"),
        ("jpg png", " png ; jpg ", "png"),
    ],
)
def test_of_several_pictures_the_first_that_is_asked_for_counts(
    tmp_path: Path, names: str, picture: str | None, read: str
) -> None:
    content = {name.lower(): image(n) for n, name in enumerate(names.split())}
    write_tar(
        tmp_path / "a.tar",
        [*((f"a.{n}", content[n.lower()]) for n in names.split()), ("a.txt", b"a cat")],
    )
    index = shard_index.load("a.tar", Fields(picture or Fields.picture))
    assert shard_index.read([index.place(0)]) == [content[read]]


# Names and texts are bytes before they are text


@pytest.mark.parametrize(
    "name", [b"caf\xe9", b"\xff\xfe", b"\x80dir/\xe9", b"na\xefve b", b"\xed\xa0\x80"]
)
def test_names_that_are_not_utf8_are_spelled_out(
    tmp_path: Path, name: bytes, capsys: Captured
) -> None:
    text = name.decode("utf-8", "surrogateescape")
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        for member, content in [*sample(text, b""), *sample("b")]:
            told = tarfile.TarInfo(member)
            told.size = len(content)
            tar.addfile(told, io.BytesIO(content))
    said = name.decode("utf-8", "backslashreplace")
    _, out, _ = check("a.tar", capsys=capsys)
    assert f"a.tar {said}: empty caption" in out
    _, out, _ = check("a.tar", "--json", capsys=capsys)
    assert json.loads(out)["faults"][0][1:] == [said, "empty caption"]


def test_a_shard_whose_own_name_is_not_utf8_is_read(tmp_path: Path, capfd) -> None:
    name = os.fsdecode(b"caf\xe9.tar")
    write_tar(tmp_path / name, [*sample("a", b""), *sample("b")])
    assert cli.main(["data", "check", name]) == 1
    assert "caf" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('{"caption": "half \\ud83d"}', "damaged text"),
        ('{"caption": ' * 10_000, "damaged text"),
        ('{"caption": NaN}', "no caption"),
        ('{"caption": null}', "no caption"),
        ('{"caption": true}', "no caption"),
        ('{"caption": {"en": "cat"}}', "no caption"),
        ('{"caption": [{"text": "cat"}]}', "no caption"),
        ('{"caption": []}', "empty caption"),
        ('{"caption": " "}', "empty caption"),
        ("[]", "damaged text"),
        ('{"caption": ["a", null, "cat"]}', None),
        ('\ufeff{"caption": "cat"}', None),
        ('{"caption": 1984}', None),
    ],
)
def test_a_caption_is_a_text(tmp_path: Path, record: str, reason: str | None) -> None:
    write_tar(tmp_path / "a.tar", [("a.jpg", image(0)), ("a.json", record.encode())])
    index = shard_index.load("a.tar", max_bad_fraction=None)
    assert [fault.reason for fault in index.faults()] == ([reason] if reason else [])


def test_a_byte_order_mark_is_no_part_of_a_caption(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [*sample("a", b"\xef\xbb\xbfa cat"), *sample("b", b"a cat")])
    first, second = shard_index.load("a.tar").tokens([0, 1])
    assert torch.equal(first, second)


# Labels: range, white space, signs and types


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("3", 3), ("3\n", 3), (" 3\r\n", 3), ("+3", 3), ("007", 7), ("0", 0), ("\ufeff3", 3),
        ("2147483647", 2_147_483_647), ("n01440764\n", 0), ("\tn01443537 ", 1),
        ("2147483648", None), ("4850987654", None), ("9" * 5_000, None), ("-1", None),
        ("-0", None), ("3.5", None), ("1e3", None), ("1_000", None), ("\u0663", None),
        ("0x3", None), ("True", None), ("", None), ("3 4", None), ("n00000000", None),
    ],
)  # fmt: skip
def test_a_label_in_a_text(tmp_path: Path, said: str, label: int | None) -> None:
    write_tar(tmp_path / "a.tar", sample("a", cls=said.encode()))
    assert_label("cls", label)


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("3", 3), ("3.0", 3), ('"3"', 3), ('" n01440764 "', 0), ("2147483647", 2_147_483_647),
        ("4850987654", None), ("1e30", None), ("-1", None), ("-1.0", None), ("3.5", None),
        ("true", None), ("false", None), ("null", None), ("NaN", None), ("Infinity", None),
        ("[3]", None), ('{"id": 3}', None), ('""', None), ('"\\ud83d"', None), ("9" * 5_000, None),
    ],
)  # fmt: skip
def test_a_label_in_json(tmp_path: Path, said: str, label: int | None) -> None:
    write_tar(tmp_path / "a.tar", sample("a", json=b'{"id": %s}' % said.encode()))
    assert_label("json:id", label)


def assert_label(field: str, label: int | None) -> None:
    index = shard_index.load("a.tar", Fields(label=field), max_bad_fraction=None)
    assert index.label.tolist() == ([] if label is None else [label])
    assert sum(index.bad.values()) == (label is None)


# Nothing is usable


@pytest.mark.parametrize(
    ("members", "words", "said"),
    [
        ([("a.input.jpg", image(0)), ("a.outputs.txt", b"cat")], [], "input.jpg, outputs.txt"),
        ([("a.image", image(0)), ("a.text", b"cat")], [], "fields are image, text; pictures are"),
        ([("a.jpg", image(0)), ("a.caption", b"cat")], [], "captions in 'txt;json:caption'"),
        (sample("a"), ["--label", "class"], "labels in 'class'"),
        (sample("a"), ["--picture", "jpg,png"], "pictures are read in 'jpg,png'"),
        ([], [], "No member is named as KEY.jpg is"),
        ([("README", b"x")], [], "No member is named as KEY.jpg is"),
    ],
)
def test_where_nothing_is_usable_all_is_named_and_the_fields_are_told(
    tmp_path: Path, members: list[Member], words: list[str], said: str, capsys: Captured
) -> None:
    write_tar(tmp_path / "a.tar", members)
    status, out, err = check("a.tar", *words, capsys=capsys)
    assert (status, said in err) == (2, True)
    assert "0 of " in out
    status, out, _ = check("a.tar", *words, "--json", capsys=capsys)
    assert (status, json.loads(out)["usable"]) == (2, 0)
    with pytest.raises(CourseError, match="takes others"):
        shard_index.load("a.tar", Fields(**{words[0][2:]: words[1]} if words else {}))


# Addresses as people write them


@pytest.mark.parametrize(
    ("made", "asked"),
    [
        ("a b/0 1.tar", "a b/0 1.tar"),
        ("a b/0.tar", "a b/"),
        ("x[1].tar", "x[1].tar"),
        ("x[1]/0.tar", "x[1]"),
        ("x{0,1}.tar", "x{0,1}.tar"),
        ("x{0,1}/a.tar", "x{0,1}"),
        ("x{1/a.tar", "x{1/a.tar"),
        ("what?.tar", "what?.tar"),
        ("x*.tar", "x*.tar"),
        ("d/0.tar", "d/../d/./0.tar"),
        ("d/0.tar", "./d"),
        ("d/0.tar", "d//0.tar"),
        ("d/0.TAR", "d"),
        ("part-1/0.tar", "part-*"),
        ("part-1/0.tar", "{part-1,part-1}"),
        ("Größe 东/0.tar", "Größe 东"),
        ("back\\slash.tar", "back\\slash.tar"),
        ("d$x/0.tar", "d$x"),
        ("d/0.tar", "file://{here}/d/0.tar"),
        ("d/0.tar", "file://{here}/d"),
        ("a b/0.tar", "file://{here}/a b/0.tar"),
        ("home/0.tar", "~/0.tar"),
        ("home/0.tar", "~"),
    ],
)
def test_a_name_that_is_there_is_meant_as_it_stands(
    tmp_path: Path, made: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_tar(tmp_path / made, sample("a"))
    write_tar((tmp_path / made).with_name("._0.tar"), [])  # as macOS leaves it
    (found,) = addresses.expand(asked.replace("{here}", str(tmp_path)))
    assert shard_index.read([shard_index.load(found).place(0)]) == [image(0)]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("C:\\data\\0.tar", "do not exist"),
        ("$HOME/0.tar", "do not exist"),
        ("~nobody/0.tar", "do not exist"),
        ("empty", "of a folder, its tars are meant"),
        ("nosuch://bucket/0.tar", "Protocol not known"),
        ("https://", "cannot be read|do not exist"),
        ("/proc/1/mem/0.tar", "cannot be read|do not exist"),
        ("pipe:cat 0.tar", "come out of a command"),
    ],
)
def test_an_address_without_shards_is_one_sentence(
    tmp_path: Path, asked: str, said: str, capsys: Captured
) -> None:
    (tmp_path / "empty").mkdir()
    status, _, err = check(asked, capsys=capsys)
    assert status == 2
    assert any(each in err for each in said.split("|"))


class LostError(Exception):
    """A back end's own kind of error."""


@pytest.mark.parametrize(
    "error",
    [LostError("no\nroute"), ImportError("Install s3fs"), ConnectionError(), TimeoutError("slow"),
     PermissionError(13, "Denied"), ValueError("no such region"), KeyError("Contents")],
)  # fmt: skip
@pytest.mark.parametrize("when", ["exists", "_open", "cat_ranges", "ukey", "constructor"])
def test_errors_of_a_back_end_are_told(
    error: Exception, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/odd/0.tar", tar_bytes(sample("a")))

    def fail(*_: object, **__: object) -> None:
        raise error

    place = shard_index.load("memory://odd/0.tar").place(0)
    if when == "constructor":
        monkeypatch.setattr(addresses, "url_to_fs", fail)
    else:
        monkeypatch.setattr(type(memory), when, fail)
    act = (lambda: shard_index.read([place])) if when == "cat_ranges" else (
        lambda: shard_index.load("memory://odd/0.tar", folder=shard_index.cache_folder() / "new")
    )  # fmt: skip
    named = rf"memory://odd/0\.tar cannot be .*{type(error).__name__}"
    with pytest.raises(CourseError, match=named):
        act()


# An index is that of its tar


@pytest.mark.parametrize("way", ["written over", "renamed over", "link moved"])
def test_another_content_of_equal_size_and_time_is_noticed(tmp_path: Path, way: str) -> None:
    first = write_tar(tmp_path / "a.tar", sample("a"))
    other = write_tar(tmp_path / "b.tar", sample("a", b"a dog"))
    for path in (first, other):
        os.utime(path, ns=(10**18, 10**18))
    asked = first
    if way == "link moved":
        asked = tmp_path / "link.tar"
        asked.symlink_to(first)
    before = shard_index.load(asked).tokens([0])
    if way == "written over":
        first.write_bytes(other.read_bytes())
        os.utime(first, ns=(10**18, 10**18))
    elif way == "renamed over":
        other.replace(first)
    else:
        asked.unlink()
        asked.symlink_to(other)
    assert not torch.equal(shard_index.load(asked).tokens([0]), before)


# Odd pictures


def chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png(width: int, height: int) -> bytes:
    """A header that claims a size, and hardly any pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def claiming(kind: str, width: int, height: int) -> bytes:
    """A small file whose header claims another size."""
    file = io.BytesIO()
    Image.new("RGB" if kind == "JPEG" else "P", (8, 8)).save(file, kind)
    content = bytearray(file.getvalue())
    if kind == "GIF":
        content[6:10] = struct.pack("<HH", width, height)
    else:
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        png(100_000, 100_000), png(20_000, 20_000), png(2**31 - 1, 1), png(0, 5), png(5, 0),
        claiming("GIF", 65_535, 65_535), claiming("JPEG", 65_500, 65_500),
        b"", b"GIF89a", b"\xff\xd8\xff", image(0)[:-40], image(0, "PNG")[:-40],
        image(0, "WEBP")[:-40], image(0, "GIF")[:-40], b"RIFF\0\0\0\0WEBP",
    ],
)  # fmt: skip
def test_what_claims_too_much_or_is_cut_is_an_error_at_once(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        photographs.decode(content)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "MPO"])
def test_of_several_frames_the_first_is_shown(kind: str) -> None:
    red, blue = (Image.new("RGB", (8, 8), color) for color in ("red", "blue"))
    file = io.BytesIO()
    red.save(file, kind, save_all=True, append_images=[blue])
    shown = photographs.decode(file.getvalue())[:, 0, 0].tolist()
    assert shown == pytest.approx([255, 0, 0], abs=1)  # two of these lose a little


@pytest.mark.parametrize(
    ("mode", "kind", "color", "read"),
    [
        ("L", "JPEG", 90, [90] * 3), ("CMYK", "JPEG", (0, 0, 0, 255), [0] * 3),
        ("I;16", "PNG", 257 * 90, [90] * 3), ("1", "PNG", 1, [255] * 3), ("P", "PNG", 0, [0] * 3),
        ("LA", "PNG", (90, 0), [90] * 3), ("RGBA", "WEBP", (90, 90, 90, 255), [90] * 3),
        ("P", "GIF", 0, [0] * 3),
    ],
)  # fmt: skip
def test_every_mode_becomes_rgb(mode: str, kind: str, color, read: list[int]) -> None:
    for size in ((1, 1), (3, 200)):
        file = io.BytesIO()
        Image.new(mode, size, color).save(
            file, kind, **({"lossless": True} if kind == "WEBP" else {})
        )
        picture = photographs.decode(file.getvalue())
        assert (picture.shape, picture[:, 0, 0].tolist()) == ((3, *size[::-1]), read)
