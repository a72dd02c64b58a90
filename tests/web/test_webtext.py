"""ImageNet-Captions as shards: the real formats in miniature, from each form of ImageNet."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from shard_files import image, tar_bytes

from lt_course.data.imagenet import imagenet_classes
from lt_course.errors import CourseError
from lt_course.web import cli
from lt_course.web.datasets import imagenet_shards
from lt_course.web.datasets.imagenet_shards import CAPTIONED
from lt_course.web.datasets.photograph_sets import open_set
from lt_course.web.shards import shard_index
from lt_course.web.shards.shard_scan import Fields

WNIDS = ("n02012849", "n03126707", "n01440764")
"""Crane (bird), crane (machine), tench."""


def records() -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {
            "filename": f"{wnid}_{number}.JPEG",
            "title": f"title {wnid} {number}" if number else "",
            "tags": ["tag", f"nr {number}"],
            "description": "over\ntwo  lines" if number % 2 else "",
            "wnid": wnid,
        }
        for wnid in WNIDS
        for number in range(4)
    ]
    # A record of a class outside the 1,000, as the released file has.
    return [*found, {**found[0], "filename": "n00007846_1.JPEG", "wnid": "n00007846"}]


def picture(filename: str) -> bytes:
    return image(int(filename[1:9] + filename[10:-5]) % 251)


def imagenet(folder: Path, form: str) -> Path:
    """A source folder with ImageNet as a folder of folders, of tars, or as the one big tar."""
    per_class = {
        wnid: [
            (str(r["filename"]), picture(str(r["filename"])))
            for r in records()
            if r["wnid"] == wnid
        ]
        + [(f"{wnid}_99.JPEG", image(99))]
        for wnid in WNIDS
    }
    folder.mkdir()
    tars = {f"{wnid}.tar": tar_bytes(files) for wnid, files in per_class.items()}
    if form == "whole":
        (folder / "ILSVRC2012_img_train.tar").write_bytes(tar_bytes(tars.items()))
    for wnid, files in per_class.items():
        if form == "folders":
            (folder / "train" / wnid).mkdir(parents=True)
            for name, content in files:
                (folder / "train" / wnid / name).write_bytes(content)
        elif form == "tars":
            (folder / "train").mkdir(exist_ok=True)
            (folder / "train" / f"{wnid}.tar").write_bytes(tars[f"{wnid}.tar"])
    (folder / "imagenet_captions.json").write_text(json.dumps(records()))
    return folder


pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_COURSE_SHARDS", str(tmp_path / "cache"))


def test_names_belong_to_their_wordnet_ids() -> None:
    classes = imagenet_classes()
    assert len(classes) == len({known.name for known in classes.values()}) == 1_000
    assert [known.label for known in classes.values()] == list(range(1_000))
    assert (classes["n02012849"].label, classes["n02012849"].name) == (134, "crane bird")
    assert (classes["n03126707"].label, classes["n03126707"].name) == (517, "construction crane")
    assert classes["n15075141"].name == "toilet paper"
    # WordNet's own lemmas agree with the names; shifted by one class they do not.
    info = pytest.importorskip("timm.data").ImageNetInfo()
    lemmas = [set(info.index_to_description(i).lower().split(", ")) for i in range(1_000)]
    names = [known.name.lower() for known in classes.values()]
    agree = [
        sum(name in lemmas[(i + shift) % 1_000] for i, name in enumerate(names))
        for shift in (0, 1, -1)
    ]
    assert agree[0] > 700
    assert max(agree[1:]) < 20


@pytest.mark.parametrize("form", ["folders", "tars", "whole"])
def test_the_shards_hold_the_pictures_and_texts_apart(tmp_path: Path, form: str) -> None:
    source = imagenet(tmp_path / "source", form)
    manifest = imagenet_shards.prepare(
        CAPTIONED, source, tmp_path / "out", per_shard=5, partial=True
    )
    assert [shard["counts"]["samples"] for shard in manifest["parts"]] == [5, 5, 2]
    assert manifest["about"]["pairs"] == 12
    assert manifest["about"]["classes"] == 3
    seen = {}
    for path in sorted((tmp_path / "out").glob("*.tar")):
        with tarfile.open(path) as tar:
            files = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}  # type: ignore[union-attr]
        for name, content in files.items():
            key, field = name.split(".")
            if field == "json":
                record = json.loads(content)
                seen[record["filename"]] = record
                assert files[f"{key}.jpg"] == picture(record["filename"])
                known = imagenet_classes()[record["wnid"]]
                assert files[f"{key}.cls"] == str(known.label).encode()
    for record in records()[:-1]:
        kept = seen.pop(str(record["filename"]))
        assert {name: kept[name] for name in record} == record
    assert not seen


@pytest.mark.parametrize("form", ["folders", "tars", "whole"])
def test_all_of_imagenet_needs_no_captions(
    tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = imagenet(tmp_path / "source", form)
    (source / "imagenet_captions.json").unlink()
    with pytest.raises(CourseError, match=r"15 pictures of 3 classes; ImageNet has 1,281,167 of 1"):
        imagenet_shards.prepare("imagenet", source, tmp_path / "out")
    prepare = ["data", "prepare", "imagenet", "--source", str(source), "--partial"]
    assert cli.main([*prepare, "--out", str(tmp_path / "out"), "--per-shard", "6"]) == 0
    assert "15 pairs of 3 classes in 3 shards." in capsys.readouterr().out
    chosen = open_set("imagenet", tmp_path / "out")
    known = [imagenet_classes()[wnid].label for wnid in WNIDS]
    assert chosen.frequency[known].tolist() == [5, 5, 5]
    assert chosen.frequency.sum() == 15
    files = {}
    for path in sorted((tmp_path / "out").glob("*.tar")):
        with tarfile.open(path) as tar:
            files |= {m.name: tar.extractfile(m).read() for m in tar.getmembers()}  # type: ignore[union-attr]
    for name in [name for name in files if name.endswith(".json")]:
        said, key = json.loads(files[name]), name.removesuffix(".json")
        expected = image(99) if "_99" in said["filename"] else picture(said["filename"])
        assert files[f"{key}.jpg"] == expected
        assert said["wnid"] == said["filename"].partition("_")[0]
        assert int(files[f"{key}.cls"]) == imagenet_classes()[said["wnid"]].label


def test_imagenet_itself_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"lacks: ILSVRC2012_img_train\.tar, or the folder"):
        imagenet_shards.prepare("imagenet", tmp_path, tmp_path / "out")


def test_a_caption_variant_is_a_choice(tmp_path: Path) -> None:
    source = imagenet(tmp_path / "source", "folders")
    out = tmp_path / "out"
    imagenet_shards.prepare(CAPTIONED, source, out, partial=True)
    full = shard_index.load(out, Fields(caption="json:name+title+tags+description", label="cls"))
    assert len(full) == 12
    assert sorted(full.label.tolist()) == [0] * 4 + [134] * 4 + [517] * 4
    titles = shard_index.load(out, Fields(caption="json:title"), max_bad_fraction=0.5)
    assert len(titles) == 9
    assert titles.bad == {"empty caption": 3}


def test_the_seed_gives_the_order_and_the_same_bytes(tmp_path: Path) -> None:
    source = imagenet(tmp_path / "source", "folders")
    made = {
        name: imagenet_shards.prepare(CAPTIONED, source, tmp_path / name, seed=seed, partial=True)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    }
    assert made["a"] == made["b"]
    assert made["a"]["parts"] != made["c"]["parts"]


def test_missing_inputs_are_named_at_once_with_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="lacks") as both:
        imagenet_shards.prepare(CAPTIONED, tmp_path, tmp_path / "out")
    for part in (
        "imagenet_captions.json",
        "mlfoundations",
        "ILSVRC2012",
        "image-net.org",
        "138 GB",
    ):
        assert part in str(both.value)
    source = imagenet(tmp_path / "source", "folders")
    with pytest.raises(CourseError, match=r"12 pairs of 3 classes; the paper has 448,896 of 999"):
        imagenet_shards.prepare(CAPTIONED, source, tmp_path / "out")
    (source / "train" / WNIDS[0] / f"{WNIDS[0]}_2.JPEG").unlink()
    with pytest.raises(CourseError, match=f"1 of 12 pictures .*{WNIDS[0]}_2.JPEG"):
        imagenet_shards.prepare(CAPTIONED, source, tmp_path / "out")
    made = imagenet_shards.prepare(CAPTIONED, source, tmp_path / "out", partial=True)
    assert made["about"]["pictures_missing"] == 1
    assert made["samples"] == 11
    shutil.rmtree(source / "train")
    with pytest.raises(CourseError, match="lacks: ILSVRC2012"):
        imagenet_shards.prepare(CAPTIONED, source, tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("{}", "is not a list"),
        (json.dumps([{**records()[0], "tags": "a"}]), "Record 0 .* lacks"),
        (json.dumps([records()[0], records()[0]]), "twice"),
    ],
)
def test_a_malformed_caption_file_is_named(tmp_path: Path, content: str, said: str) -> None:
    source = imagenet(tmp_path / "source", "folders")
    (source / "imagenet_captions.json").write_text(content)
    with pytest.raises(CourseError, match=said):
        imagenet_shards.prepare(CAPTIONED, source, tmp_path / "out", partial=True)


def test_the_command_line_prepares_checks_and_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = imagenet(tmp_path / "source", "folders")
    content = (source / "imagenet_captions.json").read_bytes()
    (source / "imagenet_captions.json").unlink()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("imagenet_captions/imagenet_captions.json", content)
    (source / "imagenet_captions.zip").write_bytes(file.getvalue())
    out = tmp_path / "out"
    prepare = ["data", "prepare", "imagenet-captions", "--source", str(source), "--out", str(out)]
    assert cli.main([*prepare, "--per-shard", "5"]) == 2
    assert cli.main([*prepare, "--per-shard", "5", "--partial"]) == 0
    assert "12 pairs of 3 classes in 3 shards" in capsys.readouterr().out

    check = ["data", "check", f"{out}/{{00000..00002}}.tar", "--caption", "json:title"]
    assert cli.main([*check, "--label", "cls"]) == 1
    said = capsys.readouterr().out
    assert said.count(": empty caption\n") == 3
    assert "9 of 12 samples in 3 shards are usable" in said
    assert cli.main([*check, "--max-bad-fraction", "0.25", "--json", "--decode"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["bad"] == {"empty caption": 3}
    assert report["changed"] == []

    tar = out / "00001.tar"
    picture_start = tar.read_bytes().index(b"\xff\xd8\xff")
    spoiled = bytearray(tar.read_bytes())
    spoiled[picture_start + 4 : picture_start + 200] = bytes(196)
    tar.write_bytes(spoiled)
    shutil.copy(out / "00000.tar", out / "00003.tar")
    assert cli.main(["data", "check", str(out), "--caption", "json:name", "--decode"]) == 1
    said = capsys.readouterr().out
    assert "00001.tar 000000005: undecodable" in said
    assert "00001.tar: not as the manifest" in said
    assert "5 keys stand in more than one shard" in said

    assert cli.main(["data", "list"]) == 0
    assert "448,896 pairs, 999 classes" in capsys.readouterr().out
    assert cli.main(["data", "prepare", "imagenette", "--source", ".", "--out", "x"]) == 2
    assert "imagenet-captions" in capsys.readouterr().err
