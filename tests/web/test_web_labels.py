"""LAIONet, CC-12M-Cls and YFCC-15M-Cls: the rules against literal ones, and the files."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from fsspec.core import url_to_fs
from huggingface_hub import HfFileSystem
from pyarrow import parquet
from shard_files import image, write_tar

from lt_course.counting import web_frequencies
from lt_course.data.imagenet import imagenet_classes
from lt_course.errors import CourseError
from lt_course.web import cli
from lt_course.web.datasets import caption_labels, catalogue, laionet
from lt_course.web.datasets.photograph_sets import Selection, open_set, select
from lt_course.web.shards import shard_index

CLASSES = tuple(imagenet_classes().values())
TEXTS = (
    "A tench, caught today",
    "tench tench TENCH",
    "Tench",
    "sea lion on a rock",
    "a lion",
    "giant panda, not a red panda",
    "panda",
    "giant panda eats",
    "crane over the harbour",
    "my go-kart",
    "shih-tzu",
    "Siamese cat's  eyes and a Siamese",
    "goldfish\tbowl",
    "goldfish  and\ntench",
    "ski mask; ski",
    "Weimaraner_dog",
    "RV / R.V. parking",
    "",
    "Größe: tench, 東",
    "stench of tenches",
    "coffee mug (coffee mug)",
    "lion. tench! cup?",
)


def literal_laionet(text: str) -> set[int]:
    """The released statement: ' lemma ' in the text between blanks, without punctuation."""
    every = Counter(lemma for known in CLASSES for lemma in known.lemmas)
    blanks = str.maketrans(string.punctuation, " " * len(string.punctuation))
    padded = f" {text.translate(blanks)} "
    return {
        known.label
        for known in CLASSES
        for lemma in known.lemmas
        if every[lemma] == 1 and f" {lemma} " in padded
    }


PATTERNS = [
    re.compile(r"\b(" + "|".join(map(re.escape, known.lemmas)) + r")\b", re.IGNORECASE)
    for known in CLASSES
]


def literal_substring(text: str) -> set[int]:
    return {number for number, pattern in enumerate(PATTERNS) if pattern.search(text)}


def every_lemma() -> list[str]:
    return [lemma for known in CLASSES for lemma in known.lemmas]


def test_laionets_rule_is_the_literal_one() -> None:
    texts = [*TEXTS, *every_lemma(), *(f"x {lemma}, {lemma}s" for lemma in every_lemma())]
    expected = [found.pop() if len(found) == 1 else -2 if found else -1
                for found in map(literal_laionet, texts)]  # fmt: skip
    assert laionet.one_class(pa.array(texts)).tolist() == expected
    assert laionet.one_class(pa.array(["a tench", None, "tench lion"])).tolist() == [0, -1, -2]


@pytest.mark.parametrize("several", [True, False])
def test_the_rule_of_cc12m_is_the_literal_one(several: bool) -> None:
    texts = [*TEXTS, *every_lemma()[::7], *(f"_{lemma} {lemma}-s" for lemma in every_lemma()[::7])]
    found = list(map(literal_substring, texts))
    expected = [
        (place, number)
        for place, numbers in enumerate(found)
        if several or len(numbers) == 1
        for number in sorted(numbers)
    ]
    named = caption_labels.named_classes(pa.array(texts), several)
    assert list(zip(*(array.tolist() for array in named), strict=True)) == expected


def test_classes_that_a_rule_cannot_find_are_empty_in_the_released_counts() -> None:
    """Each class is looked for in its own lemmas; which ones are ever alone there?"""
    released = web_frequencies.load()
    if not released.complete:
        pytest.skip("the released counts are not at hand")
    lemmas = pa.array(every_lemma())
    own = np.repeat(np.arange(1_000), [len(known.lemmas) for known in CLASSES])

    found = laionet.one_class(lemmas)
    never = np.setdiff1d(np.arange(1_000), own[found == own])
    counts = released.counts("laionet_thresh0.7_ori")
    assert len(never) == 48
    assert counts.index[never[counts.iloc[never] > 0]].tolist() == ["crane bird"]

    place, number = caption_labels.named_classes(lemmas, several=False)
    never = np.setdiff1d(np.arange(1_000), number[own[place] == number])
    assert len(never) == 38
    assert (released.counts("yfcc15m_cls_imagenet_ori").iloc[never] == 0).all()
    # Not so in CC-12M-Cls, where a pair stands for all classes that its caption names.
    assert (released.counts("cc12m_cls_imagenet_ori").iloc[never] > 0).sum() == 37


def laion_part(path: Path, texts: Sequence[str | None], nsfw: Sequence[str | None]) -> None:
    """A file with the columns of LAION-400M's metadata."""
    n = len(texts)
    table = {
        "SAMPLE_ID": pa.array(range(10**9, 10**9 + n), pa.int64()),
        "URL": [f"https://example.org/{i}.jpg" for i in range(n)],
        "TEXT": pa.array(texts, pa.string()),
        "HEIGHT": pa.array([300] * n, pa.int32()),
        "WIDTH": pa.array([400] * n, pa.int32()),
        "LICENSE": ["?"] * n,
        "NSFW": pa.array(nsfw, pa.string()),
        "similarity": pa.array([0.31] * n, pa.float64()),
    }
    parquet.write_table(pa.table(table), path, compression="snappy")


class Stub:
    """Texts as points: all definitions lie in one direction, each text at an angle of its own."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        cosine = np.array([self.cosine(text) for text in texts])
        return np.stack([cosine, np.sqrt(1 - cosine**2)], 1).astype(np.float32)

    @staticmethod
    def cosine(text: str) -> float:
        if " which is " in text:
            return 1.0
        return float(re.search(r"0\d+", text)[0].replace("0", "0.", 1))  # type: ignore[index]


ROWS = [
    ("tench 069", "UNLIKELY"),
    ("tench 071", "UNLIKELY"),
    ("a lion 085", "UNLIKELY"),
    ("a lion 099", "UNSURE"),
    ("lion and tench 099", "UNLIKELY"),
    ("nothing 099", "UNLIKELY"),
    (None, "UNLIKELY"),
    ("goldfish 090", None),
    ("goldfish 091", "UNLIKELY"),
]


@pytest.fixture
def laion(tmp_path: Path) -> Path:
    folder = tmp_path / "laion400m-meta"
    folder.mkdir()
    for part in range(2):
        rows = ROWS if part == 0 else [("tench 072", "UNLIKELY"), ("none", "NSFW")]
        name = f"part-{part:05d}-5b54c5d5-bbcf-484d-a2ce-0d6f73df1a36-c000.snappy.parquet"
        laion_part(folder / name, *zip(*rows, strict=True))
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_COURSE_SHARDS", str(tmp_path / "cache"))


def test_the_list_holds_what_passes_every_step(laion: Path, tmp_path: Path) -> None:
    stub, out = Stub(), tmp_path / "laionet"
    manifest = laionet.prepare(laion, out, stub, encoder="stub")
    assert manifest["counts"] == {
        "read": 11, "named": 8, "one": 7, "safe": 5, "kept": 4,
        "n01440764": 2, "n02129165": 1, "n01443537": 1,
    }  # fmt: skip
    kept = pa.concat_tables(parquet.read_table(path) for path in sorted(out.glob("*.parquet")))
    rows = zip(kept["TEXT"].to_pylist(), kept["wnid"].to_pylist(), strict=True)
    assert list(rows) == [
        ("tench 071", "n01440764"),
        ("a lion 085", "n02129165"),
        ("goldfish 091", "n01443537"),
        ("tench 072", "n01440764"),
    ]
    np.testing.assert_allclose(
        kept[laionet.SIMILARITY].to_numpy(), [0.71, 0.85, 0.91, 0.72], atol=1e-6
    )
    assert kept["label"].to_pylist() == [0, 291, 1, 0]
    assert kept.column_names[:2] == ["SAMPLE_ID", "URL"]
    tench = "tench which is freshwater dace-like game fish of Europe and western Asia noted for "
    assert any(text.startswith(tench) for text in stub.asked)
    asked = [text for text in stub.asked if " which is " not in text]
    assert "a lion 099" not in asked, "unsafe texts are not encoded"
    for part in manifest["parts"]:
        assert (out / part["name"]).stat().st_size == part["bytes"]


def test_a_stopped_list_goes_on_and_a_changed_source_is_read_again(
    laion: Path, tmp_path: Path
) -> None:
    whole = laionet.prepare(laion, tmp_path / "whole", Stub(), encoder="stub")

    class Failing(Stub):
        def __call__(self, texts: Sequence[str]) -> np.ndarray:
            if "tench 072" in texts:
                raise KeyboardInterrupt
            return super().__call__(texts)

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        laionet.prepare(laion, out, Failing(), encoder="stub")
    assert len(list(out.glob("*.parquet"))) == 1
    again = Stub()
    assert laionet.prepare(laion, out, again, encoder="stub") == whole
    assert [text for text in again.asked if " which is " not in text] == ["tench 072"]
    assert not list(out.glob("*.tmp"))
    written = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    laionet.prepare(laion, out, Stub(), encoder="stub")
    assert written == {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    second = sorted(laion.glob("*.parquet"))[1]
    laion_part(second, ["a lion 080"], ["UNLIKELY"])
    assert laionet.prepare(laion, out, Stub(), encoder="stub")["counts"]["n02129165"] == 2
    with pytest.raises(CourseError, match="holds something else"):
        laionet.prepare(laion, out, Stub(), encoder="stub", threshold=0.8)


def test_what_is_no_metadata_of_laion_is_named(laion: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"lacks: part-00000.*laion\.ai.*50 GB.*CC BY 4\.0"):
        laionet.prepare(tmp_path, tmp_path / "out", Stub(), encoder="stub")
    laionet.prepare(laion, tmp_path / "out", Stub(), encoder="stub")
    with pytest.raises(CourseError, match="it is a list of LAIONet"):
        laionet.prepare(tmp_path / "out", tmp_path / "again", Stub(), encoder="stub")
    parquet.write_table(pa.table({"url": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(CourseError, match="no column URL"):
        laionet.prepare(tmp_path, tmp_path / "again", Stub(), encoder="stub")


def downloaded(folder: Path) -> Path:
    """What img2dataset makes of a list: tars, and a table beside each, failures included."""
    samples = [("n01440764", 0.71), ("n02129165", 0.85), ("n01443537", 0.91), ("n01440764", 0.95)]
    members, rows = [], []
    for number, (wnid, cosine) in enumerate(samples):
        key = f"{number:09d}"
        record = {
            "wnid": wnid,
            laionet.SIMILARITY: cosine,
            "caption": f"caption {number}",
            "url": f"https://example.org/{number}.jpg",
            "key": key,
            "status": "success",
            "error_message": None,
            "width": 40,
            "height": 30,
            "original_width": 80,
            "original_height": 60,
            "exif": "{}",
            "sha256": "0" * 64,
        }
        members += [
            (f"{key}.jpg", image(number)),
            (f"{key}.txt", record["caption"].encode()),
            (f"{key}.json", json.dumps(record, indent=4).encode()),
        ]
        rows.append(record)
    failed = rows[0] | {"key": "000000004", "status": "failed_to_download", "width": None}
    write_tar(folder / "00000.tar", members)
    parquet.write_table(pa.Table.from_pylist([*rows[::-1], failed]), folder / "00000.parquet")
    (folder / "00000_stats.json").write_text("{}")
    return folder


def test_shards_of_img2dataset_are_read_with_classes_and_thresholds(tmp_path: Path) -> None:
    index = shard_index.load(downloaded(tmp_path / "shards"), laionet.FIELDS)
    assert index.label.tolist() == [0, 291, 1, 0]
    similarity = laionet.similarity(index)
    assert similarity.tolist() == [0.71, 0.85, 0.91, 0.95]
    chosen = select(index, Selection(threshold=0.85), similarity=similarity)
    assert chosen.rows.tolist() == [1, 2, 3]
    kept = select(index, Selection(threshold=0.96, keep_classes=True), similarity=similarity)
    assert kept.rows.tolist() == [0, 1, 2]
    (tmp_path / "shards" / "00000.parquet").unlink()
    with pytest.raises(CourseError, match=r"00000\.parquet, the table of 00000\.tar"):
        laionet.similarity(index)


def test_a_set_is_opened_by_its_name(tmp_path: Path) -> None:
    folder = downloaded(tmp_path / "shards")
    assert open_set("laionet", folder).labels.tolist() == [0, 291, 1, 0]
    assert len(open_set("laionet", folder, Selection(threshold=0.85))) == 3
    wanted = np.bincount([0, 0, 0, 291, 291, 1], minlength=1_000)
    more = downloaded(tmp_path / "more")
    matched = open_set("laionet", folder, frequency=wanted, fill=more)
    assert matched.frequency[[0, 1, 291]].tolist() == [3, 1, 2]
    assert (matched.rows < 4).sum() == 4
    captioned(tmp_path / "cc12m")
    caption_labels.prepare("cc12m-cls", tmp_path / "cc12m", tmp_path / "labels")
    found = open_set(
        "cc12m-cls", tmp_path / "cc12m", labels=tmp_path / "labels", max_bad_fraction=0.2
    )
    assert found.frequency.sum() == len(found) == 10
    with pytest.raises(CourseError, match="name their folder in 'labels'"):
        open_set("cc12m-cls", tmp_path / "cc12m", max_bad_fraction=0.2)
    with pytest.raises(CourseError, match="'dataset' is 'laion'"):
        open_set("laion", folder)
    with pytest.raises(CourseError, match=r"'text' is 'titel'; it may hold name, title"):
        open_set("imagenet-captions", folder, text="titel")


CAPTIONS = ("a tench and a LION", "nothing at all", "sea lion", "goldfish bowl", "tench")


def captioned(folder: Path) -> Path:
    """Tars of pixparse's kind: jpg, txt and json a sample; one sample has no picture."""
    for shard in range(2):
        members = []
        for number, said in enumerate(CAPTIONS):
            key = f"{shard * 100 + number:09d}"
            if number != 4:
                members.append((f"{key}.jpg", image(number)))
            members.append((f"{key}.json", json.dumps({"caption": said, "key": key}).encode()))
            members.append((f"{key}.txt", said.encode()))
        write_tar(folder / f"cc12m-train-{shard:04d}.tar", members)
    return folder


@pytest.mark.parametrize(
    ("name", "labels"), [("cc12m-cls", [0, 291, 150, 291, 1]), ("yfcc15m-cls", [1])]
)
def test_labels_join_shards_that_stay_as_they_are(
    tmp_path: Path, name: str, labels: list[int]
) -> None:
    folder, out = captioned(tmp_path / "shards"), tmp_path / "labels"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    manifest = caption_labels.prepare(name, folder, out)
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert manifest["counts"]["captions"] == 8
    assert manifest["counts"]["pairs"] == 2 * len(labels)
    index = shard_index.load(folder, max_bad_fraction=0.2)
    rows, numbers = caption_labels.load(index, out)
    assert Counter(numbers.tolist()) == Counter(labels * 2)
    chosen = select(index, labelled=(rows, numbers))
    assert len(chosen) == 2 * len(labels)
    said = {index.name(int(row))[1][-1] for row in rows}
    assert said == ({"0", "2", "3"} if name == "cc12m-cls" else {"3"})
    assert caption_labels.prepare(name, folder, out) == manifest
    (out / "cc12m-train-0001.parquet").unlink()
    with pytest.raises(CourseError, match="There are no labels for"):
        caption_labels.load(index, out)
    assert caption_labels.prepare(name, folder, out) == manifest


def test_labels_that_are_not_as_the_manifest_says_are_refused(tmp_path: Path) -> None:
    folder, out = captioned(tmp_path / "shards"), tmp_path / "labels"
    caption_labels.prepare("cc12m-cls", folder, out)
    index = shard_index.load(folder, max_bad_fraction=0.2)
    table = out / "cc12m-train-0001.parquet"
    whole = table.read_bytes()
    for spoiled in (whole[:-1], bytes([*whole[:60], whole[60] ^ 1, *whole[61:]])):
        table.write_bytes(spoiled)
        with pytest.raises(CourseError, match=r"0001\.parquet are not as manifest\.json beside"):
            caption_labels.load(index, out)
    table.unlink()
    caption_labels.prepare("cc12m-cls", folder, out)
    assert table.read_bytes() == whole
    assert len(caption_labels.load(index, out)[0]) == 10
    (out / "manifest.json").unlink()
    with pytest.raises(CourseError, match="not as manifest"):
        caption_labels.load(index, out)


def test_remote_shards_are_labelled_where_they_are(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    for path in captioned(tmp_path / "shards").iterdir():
        system.pipe(f"/cc12m/{path.name}", path.read_bytes())
    pattern = "memory://cc12m/cc12m-train-*.tar"
    manifest = caption_labels.prepare("cc12m-cls", pattern, tmp_path / "labels")
    assert manifest["counts"]["pairs"] == 10
    index = shard_index.load(pattern, max_bad_fraction=0.2)
    assert len(caption_labels.load(index, tmp_path / "labels")[0]) == 10
    assert caption_labels.prepare("cc12m-cls", pattern, tmp_path / "labels") == manifest


def test_the_list_of_cc12m_is_shortened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"https://example.org/{n}.jpg", said) for n, said in enumerate(CAPTIONS)]
    rows.append(("https://example.org/q.jpg", 'a "tench" said, he said: "quoted'))
    path = tmp_path / "cc12m.tsv"
    path.write_text("".join(f"{url}\t{said}\n" for url, said in rows), encoding="utf-8")
    out = tmp_path / "list"
    command = ["data", "prepare", "cc12m-cls", "--source", str(path), "--out", str(out)]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert "5 of 6 rows" in said
    assert "--url_col url --caption_col caption" in said
    kept = parquet.read_table(out / "cc12m.parquet").to_pydict()
    assert list(zip(kept["url"], kept["caption"], strict=True)) == [rows[0], *rows[2:]]
    alone = caption_labels.shorten("yfcc15m-cls", path, tmp_path / "alone")
    assert alone["counts"] == {"captions": 6, "kept": 3, "malformed": 0}
    path.write_text("a\tb\tc\n")
    with pytest.raises(CourseError, match="3 columns, of which none with addresses"):
        caption_labels.shorten("cc12m-cls", path, tmp_path / "other")
    with pytest.raises(CourseError, match="lacks: tars of Conceptual 12M"):
        caption_labels.shorten("cc12m-cls", tmp_path / "no.tsv", tmp_path / "other")


def test_a_damaged_tar_costs_its_own_samples_only(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "shards")
    path = folder / "cc12m-train-0001.tar"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    manifest = caption_labels.prepare("cc12m-cls", folder, tmp_path / "out")
    per_tar = [part["counts"]["captions"] for part in manifest["parts"]]
    assert per_tar[0] == 4
    assert per_tar[1] < 4


def test_files_of_others_are_not_written_over(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "shards")
    table = folder / "cc12m-train-0000.parquet"
    table.write_bytes(b"PAR1")
    with pytest.raises(CourseError, match=r"holds parquet files without a manifest\.json"):
        caption_labels.prepare("cc12m-cls", folder, folder)
    assert table.read_bytes() == b"PAR1"
    twice = [folder / "cc12m-train-0000.tar", tmp_path / "cc12m-train-0000.tar"]
    twice[1].write_bytes(twice[0].read_bytes())
    with pytest.raises(CourseError, match="Two sources are called cc12m-train-0000"):
        caption_labels.prepare("cc12m-cls", twice, tmp_path / "out")
    with pytest.raises(CourseError, match="no set 'x'"):
        caption_labels.prepare("x", folder, tmp_path / "out")


def test_addresses_of_the_hub_have_a_reader() -> None:
    remote = [source.name for source in catalogue.SOURCES if "://" in source.name]
    assert len(remote) == 2
    for address in remote:
        system, path = url_to_fs(address)
        assert isinstance(system, HfFileSystem)
        assert path == address.removeprefix("hf://")


def test_the_command_line_labels_and_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], laion: Path, monkeypatch
) -> None:
    folder = captioned(tmp_path / "shards")
    prepare = ["data", "prepare", "yfcc15m-cls", "--source", str(folder)]
    assert cli.main([*prepare, "--out", str(tmp_path / "labels")]) == 0
    assert "2 pairs of 1 classes" in capsys.readouterr().out
    monkeypatch.setattr(laionet, "clip_encoder", lambda device="cpu": Stub())
    prepare = ["data", "prepare", "laionet", "--source", str(laion), "--threshold", "0.9"]
    assert cli.main([*prepare, "--out", str(tmp_path / "list")]) == 0
    said = capsys.readouterr().out
    assert "1 pairs of 1 classes" in said
    assert "img2dataset --url_list" in said
    assert "--save_additional_columns" in said
    assert cli.main(["data", "list"]) == 0
    said = capsys.readouterr().out
    for name in (
        "imagenet",
        "imagenet-captions",
        "laionet",
        "cc12m-cls",
        "yfcc15m-cls",
        "tiny-imagenet",
        "fashion-products",
        "cifar100",
    ):
        assert f"\n{name}\n" in f"\n{said}"
    assert "3,256,561 pairs, 943 classes" in said
