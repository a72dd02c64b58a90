"""Shards: what is read, in which order, and what becomes of what cannot be read."""

from __future__ import annotations

import errno
import io
import itertools
import json
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import tarfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from PIL import Image
from shard_files import (
    caption,
    image,
    img2dataset_folder,
    img2dataset_sample,
    sequential,
    tar_bytes,
    write_tar,
)

from lt_course.data.augment import standardize_photographs
from lt_course.data.order import Order
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.files import sha256
from lt_course.web.shards import photographs, shard_index, shard_pairs, shard_writer
from lt_course.web.shards.shard_pairs import Part, ShardDataset, batches, share, steps, substitute
from lt_course.web.shards.shard_scan import Fields, Shard

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LT_COURSE_SHARDS", str(tmp_path / "cache"))
    return tmp_path / "cache"


def all_rows(index: shard_index.Index) -> list[bytes]:
    return shard_index.read([index.place(row) for row in range(len(index))])


# Paths


def test_braces_are_those_of_bash(tmp_path: Path) -> None:
    names = [f"{a}-{n:03d}.tar" for a in ("x", "y") for n in range(8, 12)]
    for name in names:
        write_tar(tmp_path / name, [])
    spelled = [str(tmp_path / name) for name in names]
    assert shard_index.expand(f"{tmp_path}/{{x,y}}-{{008..011}}.tar") == spelled
    assert shard_index.expand(tmp_path) == sorted(spelled)
    assert shard_index.expand(f"{tmp_path}/x-*.tar") == spelled[:4]
    assert shard_index.expand(f"{spelled[5]}::{spelled[0]}") == [spelled[5], spelled[0]]
    assert shard_index.expand([spelled[0], f"{tmp_path}/x-{{008..009}}.tar"]) == spelled[:2]
    even = [f"{tmp_path}/{name}-{number}.tar" for name in "xy" for number in ("008", "010")]
    assert shard_index.expand(f"{tmp_path}/{{x,y}}-{{008..011..2}}.tar") == even


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{000..002}.tar", "2 of the shards .* do not exist, the first is .*001.tar"),
        ("{2..1}.tar", "2 of the shards .* do not exist, the first is .*2.tar"),
        ("{x}.tar", r"do not exist, the first is .*\{x\}.tar"),
        ("{0,1.tar", r"cannot be told \(Unbalanced braces.*; write \{000..099\} or \{a,b\}"),
        ("none/*.tar", "do not exist"),
    ],
)
def test_a_wrong_pattern_is_named(tmp_path: Path, pattern: str, said: str) -> None:
    write_tar(tmp_path / "000.tar", [])
    with pytest.raises(CourseError, match=said):
        shard_index.expand(f"{tmp_path}/{pattern}")


def test_a_command_is_refused() -> None:
    with pytest.raises(CourseError, match="cannot be read at random"):
        shard_index.expand("pipe:cat a.tar")


# What is read


def test_an_index_equals_a_literal_sequential_reading(tmp_path: Path) -> None:
    folder = img2dataset_folder(tmp_path / "shards")
    read = sequential(sorted(folder.glob("*.tar")))
    index = shard_index.load(folder)
    assert len(index) == index.samples == len(read) == 30
    assert all_rows(index) == [picture for _, picture, _ in read]
    assert [index.name(row)[1] for row in range(30)] == [key for key, _, _ in read]
    for context in (77, 12, 3):
        expected = tokens([text for _, _, text in read], context)
        assert torch.equal(index.tokens(range(30), context), expected)
    assert not index.bad
    assert (index.label == -1).all()


def test_the_writer_of_webdataset_is_read(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    with webdataset.TarWriter(str(tmp_path / "0.tar")) as sink:
        for i in range(5):
            sink.write({"__key__": f"s{i}", "jpg": image(i), "txt": caption(i), "cls": i})
    index = shard_index.load(tmp_path / "0.tar", Fields(label="cls"))
    assert all_rows(index) == [image(i) for i in range(5)]
    assert index.label.tolist() == list(range(5))


def test_fields_are_those_of_open_clip_users(tmp_path: Path) -> None:
    """Other picture formats, capital letters, folders in keys, second dots, side members."""
    path = write_tar(
        tmp_path / "a.tar",
        [
            ("./part/a.PNG", image(0, "PNG")),
            ("./part/a.TXT", b" two\n lines "),
            ("./part/b.webp", image(1, "WEBP")),
            ("./part/b.json", b'{"caption": "from the JSON"}'),
            ("__meta__.json", b"{}"),
            ("README", b"no field"),
            ("./part/c.jpg", image(2)),
            ("./part/c.seg.png", image(3, "PNG")),
            ("./part/c.txt", b"kept"),
        ],
    )
    index = shard_index.load(path)
    assert not index.bad
    assert all_rows(index) == [image(0, "PNG"), image(1, "WEBP"), image(2)]
    assert torch.equal(index.tokens(range(3)), tokens(["two lines", "from the JSON", "kept"], 77))


def test_a_caption_variant_is_a_choice_at_load_time(tmp_path: Path) -> None:
    record = {"title": "Old  cat", "tags": ["cat", "grey\nfur"], "description": "", "label": 3}
    members = [("a.jpg", image(0)), ("a.json", json.dumps(record).encode())]
    path = write_tar(tmp_path / "a.tar", members)
    for choice, said in {
        "json:title": "Old cat",
        "json:tags": "cat grey fur",
        "json:title+tags+description": "Old cat cat grey fur",
        "txt;json:tags": "cat grey fur",
    }.items():
        index = shard_index.load(path, Fields(caption=choice, label="cls;json:label"))
        assert torch.equal(index.tokens([0]), tokens([said], 77))
        assert index.label.tolist() == [3]
    with pytest.raises(CourseError, match="1 empty caption"):
        shard_index.load(path, Fields(caption="json:description"))
    with pytest.raises(CourseError, match="1 no caption"):
        shard_index.load(path, Fields(caption="json:text"))
    with pytest.raises(CourseError, match="1 no label"):
        shard_index.load(path, Fields(caption="json:title", label="json:title"))


def test_remote_shards_are_read_like_files(tmp_path: Path) -> None:
    folder = img2dataset_folder(tmp_path / "shards")
    memory = fsspec.filesystem("memory")
    for path in sorted(folder.glob("*.tar")):
        memory.pipe(f"/bucket/{path.name}", path.read_bytes())
    local = shard_index.load(folder)
    for pattern in ("memory://bucket/{00000..00002}.tar", "memory://bucket/*.tar"):
        remote = shard_index.load(pattern)
        assert all(url.startswith("memory://") for url in remote.shards)
        assert all_rows(remote) == all_rows(local)
        assert torch.equal(remote.tokens(range(30)), local.tokens(range(30)))
        part = Part(0, np.array([29, 3, 3]))
        assert torch.equal(
            ShardDataset(remote, size=16)[part].pictures,
            ShardDataset(local, size=16)[part].pictures,
        )
    memory.pipe("/bucket/00000.tar", tar_bytes(img2dataset_sample(77)))
    assert len(shard_index.load("memory://bucket/*.tar")) == 21
    memory.rm("/bucket", recursive=True)


# The cache


def test_a_tar_is_read_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = img2dataset_folder(tmp_path / "shards")
    scanned: list[str] = []
    original = shard_index.scan

    def scan(url: str, fields: Fields) -> Shard:
        scanned.append(Path(url).name)
        return original(url, fields)

    monkeypatch.setattr(shard_index, "scan", scan)
    first = shard_index.load(folder)
    again = shard_index.load(folder)
    assert scanned == ["00000.tar", "00001.tar", "00002.tar"]
    for name in ("first", "offset", "size", "start", "ids", "label"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    # Same size, other content, later time.
    changed = folder / "00001.tar"
    changed.write_bytes(changed.read_bytes().replace(b"number 10003", b"NUMBER 99999"))
    os.utime(changed, ns=(1, time.time_ns() + 10**9))
    index = shard_index.load(folder)
    assert scanned[3:] == ["00001.tar"]
    assert torch.equal(
        index.tokens([13]), tokens([caption(10_003).replace("number 10003", "number 99999")], 77)
    )


def test_a_damaged_cache_file_is_made_again(tmp_path: Path, own_cache: Path) -> None:
    folder = img2dataset_folder(tmp_path / "shards")
    index = shard_index.load(folder)
    kept = sorted(own_cache.glob("*.npz"))
    kept[0].write_bytes(kept[0].read_bytes()[:100])
    kept[1].write_bytes(b"")
    (own_cache / "left.tmp").write_bytes(b"half")
    assert torch.equal(shard_index.load(folder).ids, index.ids)


def test_every_flipped_bit_of_a_cache_file_is_found(tmp_path: Path, own_cache: Path) -> None:
    folder = img2dataset_folder(tmp_path / "shards", shards=1)
    index, generator = shard_index.load(folder), random.Random(0)
    (kept,) = own_cache.glob("*.npz")
    whole = kept.read_bytes()
    now = shard_index.identity(index.shards[0])
    assert shard_index._load(kept, "", now) is not None
    for _ in range(500):
        flipped = bytearray(whole)
        flipped[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
        kept.write_bytes(flipped)
        assert shard_index._load(kept, "", now) is None


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch) -> None:
    folder = img2dataset_folder(tmp_path / "shards", shards=1)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CourseError, match=r"file.* cannot be written .*LT_COURSE_SHARDS name ano"):
        shard_index.load(folder, folder=tmp_path / "file")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shard_index, "write_sealed", full)
    with pytest.raises(CourseError, match=r"\.npz cannot be written \(No space left on device; "):
        shard_index.load(folder, folder=tmp_path / "cache")


def test_several_processes_make_the_same_index(tmp_path: Path) -> None:
    folder = img2dataset_folder(tmp_path / "shards")
    alone = shard_index.load(folder, folder=tmp_path / "one")
    together = shard_index.load(folder, folder=tmp_path / "two", workers=2)
    assert torch.equal(alone.ids, together.ids)
    assert torch.equal(alone.offset, together.offset)


def test_an_index_takes_the_memory_that_is_said(tmp_path: Path) -> None:
    folder = img2dataset_folder(tmp_path / "shards", shards=1, each=200)
    index = shard_index.load(folder)
    per_token = 2 * len(index.ids) / len(index)
    assert index.bytes_per_row == pytest.approx(16 + 8 + per_token, abs=0.2)


# What cannot be read


def spoiled(tmp_path: Path) -> Path:
    """Four tars: one with some bad samples, one cut, one unsorted, and one that is no tar."""
    folder = tmp_path / "spoiled"
    good = [img2dataset_sample(i) for i in range(40)]
    good[3][0] = ("000000003.jpg", image(3)[:-200])
    good[7][0] = ("000000007.jpg", b"<html>404</html>")
    good[8][0] = ("000000008.jpg", b"")
    good[11][1] = ("000000011.txt", b" \n ")
    good[12] = [m for m in good[12] if not m[0].endswith("txt")]
    good[13][1] = ("000000013.txt", b"\xff\xfe\x00")
    good[14] = good[14][1:]
    good.insert(20, [("000000019.jpg", image(0)), ("000000019.txt", b"again")])
    good.append([("000000002.jpg", image(1)), ("000000002.txt", b"and again")])
    write_tar(folder / "0.tar", [m for sample in good for m in sample])
    cut = tar_bytes(m for i in range(100, 120) for m in img2dataset_sample(i))
    # In the middle of the 11th picture, or after it.
    place = cut.index(b"000000110.jpg")
    (folder / "1.tar").write_bytes(cut[: place + 700])
    unsorted = [m for i in range(200, 204) for m in img2dataset_sample(i)]
    write_tar(folder / "2.tar", sorted(unsorted, key=lambda m: m[0].split(".")[1]))
    (folder / "3.tar").write_bytes(b"<html>moved</html>" * 100)
    return folder


def test_what_cannot_be_used_is_counted_and_named(tmp_path: Path) -> None:
    index = shard_index.load(spoiled(tmp_path), Fields(caption="txt"), max_bad_fraction=1)
    named = {(Path(f.shard).name, f.key, f.reason) for f in index.faults()}
    assert named == {
        ("0.tar", "000000007", "not a picture"),
        ("0.tar", "000000008", "not a picture"),
        ("0.tar", "000000011", "empty caption"),
        ("0.tar", "000000012", "no caption"),
        ("0.tar", "000000013", "damaged text"),
        ("0.tar", "000000014", "no picture"),
        ("0.tar", "000000019", "duplicate key"),
        ("0.tar", "000000002", "duplicate key"),
        ("1.tar", "", "cut shard"),
        ("1.tar", "000000110", "cut"),
        *(("2.tar", f"{i:09d}", "unsorted") for i in range(200, 204)),
        ("3.tar", "", "no tar"),
    }
    assert index.bad == Counter(reason for _, key, reason in named if key)
    assert index.damaged == {"cut shard": 1, "no tar": 1}
    assert len(index) == 34 + 10
    assert index.samples == 44 + 13


def test_too_much_fails_the_run_and_says_what(tmp_path: Path) -> None:
    folder = spoiled(tmp_path)
    with pytest.raises(CourseError, match=r"2 of 4 shards.*1 cut shard, 1 no tar.*0\.tar"):
        shard_index.load(folder, Fields(caption="txt"), max_bad_fraction=0.4)
    assert len(shard_index.load(folder, Fields(caption="txt"), max_bad_fraction=0.5))
    first = folder / "0.tar"
    assert len(shard_index.load(first, Fields(caption="txt"), max_bad_fraction=8 / 42))
    with pytest.raises(CourseError, match="8 of 42 samples"):
        shard_index.load(first, Fields(caption="txt"), max_bad_fraction=7.9 / 42)
    with pytest.raises(CourseError, match="must lie in"):
        shard_index.load(first, max_bad_fraction=2)


@pytest.mark.parametrize("part", [0.1, 0.37, 0.5, 0.8, 0.95])
def test_wherever_a_tar_is_cut_it_is_noticed_and_the_rest_is_right(
    tmp_path: Path, part: float
) -> None:
    whole = write_tar(tmp_path / "whole.tar", [m for i in range(20) for m in img2dataset_sample(i)])
    content = whole.read_bytes()
    used = content.rstrip(b"\0")
    (tmp_path / "cut.tar").write_bytes(used[: int(part * len(used))])
    index = shard_index.load(tmp_path / "cut.tar", Fields(caption="txt"), max_bad_fraction=1)
    assert index.damaged == {"cut shard": 1}
    assert 0 < len(index) < 20
    assert sum(index.bad.values()) <= 1
    assert all_rows(index) == [picture for _, picture, _ in sequential([whole])][: len(index)]


def test_a_tar_cut_between_members_or_overwritten_inside_is_noticed(tmp_path: Path) -> None:
    """Neither raises in the standard library: the archive seems to end there."""
    members = [m for i in range(6) for m in img2dataset_sample(i)]
    content = tar_bytes(members)
    start = content.index(b"000000004.jpg")
    cut, holed = tmp_path / "cut.tar", tmp_path / "holed.tar"
    cut.write_bytes(content[:start])
    holed.write_bytes(content[:start] + b"x" * 512 + content[start + 512 :])
    for path in (cut, holed):
        with tarfile.open(path) as tar:
            assert len(tar.getmembers()) == 12
        index = shard_index.load(path, max_bad_fraction=1)
        assert index.damaged == {"cut shard": 1}
        assert len(index) == 4


def test_a_compressed_tar_is_refused_by_name(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a.jpg"), io.BytesIO())
    with pytest.raises(CourseError, match=r"1 no tar\), none can; the first: a\.tar"):
        shard_index.load(tmp_path / "a.tar", max_bad_fraction=1)


# Decoding


def test_every_kind_of_picture_becomes_rgb() -> None:
    original = Image.open(io.BytesIO(image(1, "PNG")))
    kinds = [
        (mode, kind)
        for mode, kind in itertools.product(
            ("RGB", "L", "1", "LA", "RGBA", "P", "CMYK"), ("JPEG", "PNG", "WEBP", "GIF")
        )
        if (kind != "JPEG" or mode in ("RGB", "L", "CMYK")) and (kind == "JPEG" or mode != "CMYK")
    ]
    assert len(kinds) == 21
    for mode, kind in kinds:
        file = io.BytesIO()
        options = {"lossless": True} if kind == "WEBP" else {}
        original.convert(mode).save(file, kind, **options)
        expected = np.asarray(Image.open(io.BytesIO(file.getvalue())).convert("RGB"))
        decoded = photographs.decode(file.getvalue())
        assert decoded.dtype == torch.uint8
        assert decoded.shape == (3, 30, 40)
        gap = (decoded.permute(1, 2, 0).int() - torch.from_numpy(expected.astype(np.int32))).abs()
        assert gap.max() <= 2, (mode, kind)


def test_sixteen_bits_and_animations_become_one_picture_of_eight_bits() -> None:
    levels = (np.arange(48, dtype=np.uint16) * 1_300).reshape(6, 8)
    deep, moving = io.BytesIO(), io.BytesIO()
    Image.fromarray(levels).save(deep, "PNG")
    decoded = photographs.decode(deep.getvalue())
    assert decoded.shape == (3, 6, 8)
    assert torch.equal(decoded[0], torch.from_numpy((levels // 256).astype(np.uint8)))
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    assert photographs.decode(moving.getvalue())[:, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_damaged_picture_is_an_error_and_never_half_grey(kind: str) -> None:
    whole = image(0, kind)
    for content in (b"", whole[: len(whole) // 2], b"text", whole[:20] + b"\0" * 50):
        with pytest.raises(ValueError, match=r".+"):
            photographs.decode(content)


def test_crops_are_a_function_of_the_seed_and_leave_the_generator_alone() -> None:
    picture = photographs.decode(image(0, size=(300, 200)))
    before = torch.get_rng_state()
    crops = [photographs.training_crop(picture, 64, 0.5, seed) for seed in (1, 1, 2, 2**63)]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(crops[0], crops[1])
    assert not torch.equal(crops[0], crops[2])
    assert all(crop.shape == (3, 64, 64) and crop.dtype == torch.uint8 for crop in crops)


def test_the_evaluation_crop_is_the_centre() -> None:
    picture = torch.zeros(3, 100, 300, dtype=torch.uint8)
    picture[:, :, 100:200] = 255
    crop = photographs.evaluation_crop(picture, 50, 100)
    assert crop.shape == (3, 50, 50)
    assert (crop == 255).all()
    assert photographs.evaluation_crop(picture.mT, 224, 256).shape == (3, 224, 224)


def test_standardising_follows_clip() -> None:
    grey = standardize_photographs(torch.full((2, 3, 4, 4), 128, dtype=torch.uint8))
    expected = (128 / 255 - np.array([0.48145466, 0.4578275, 0.40821073])) / np.array(
        [0.26862954, 0.26130258, 0.27577711]
    )
    np.testing.assert_allclose(grey[1, :, 2, 3].numpy(), expected, rtol=1e-5)


# Order


@pytest.fixture
def pairs(tmp_path: Path) -> ShardDataset:
    return ShardDataset(shard_index.load(img2dataset_folder(tmp_path / "shards")), seed=5, size=16)


def same(one: shard_pairs.PairBatch, other: shard_pairs.PairBatch) -> bool:
    return all(
        torch.equal(getattr(one, name), getattr(other, name))
        for name in ("pictures", "tokens", "labels", "rows")
    )


def test_an_epoch_shows_every_pair_once_and_an_order_is_that_of_the_course(
    pairs: ShardDataset,
) -> None:
    order = pairs.order(batch=6)
    seen = [batch.rows.numpy() for batch in batches(pairs, order, stop=10)]
    for step, rows in enumerate(seen):
        assert np.array_equal(rows, Order(np.zeros(30, int), 6, 5).rows(step))
    for epoch in (seen[:5], seen[5:]):
        assert sorted(np.concatenate(epoch)) == list(range(30))


def test_a_resumed_run_sees_what_the_first_would_have_seen(pairs: ShardDataset) -> None:
    order = pairs.order(batch=6)
    whole = list(batches(pairs, order, stop=12))
    assert len({batch.pictures.sum().item() for batch in whole}) == 12
    for start in (1, 5, 8):
        resumed = list(batches(pairs, order, start=start, stop=12))
        assert len(resumed) == 12 - start
        assert all(map(same, whole[start:], resumed))


@pytest.mark.parametrize(("context", "workers"), [("fork", 2), ("spawn", 1)])
def test_workers_change_nothing(pairs: ShardDataset, context: str, workers: int) -> None:
    loader = torch.utils.data.DataLoader(
        pairs,
        sampler=steps(pairs.order(batch=6), 0, 6),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context=multiprocessing.get_context(context),
    )
    assert all(map(same, batches(pairs, pairs.order(batch=6), stop=6), loader))


def test_a_data_set_can_be_pickled_and_holds_no_file(pairs: ShardDataset) -> None:
    copy = pickle.loads(pickle.dumps(pairs))
    part = Part(1, np.array([4, 20]))
    assert same(copy[part], pairs[part])
    descriptors = Path("/proc/self/fd")
    if descriptors.exists():
        open_files = {file.resolve() for file in descriptors.iterdir()}
        assert not any(file.suffix == ".tar" for file in open_files)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_ranks_share_each_batch_and_take_equally_many_steps(
    pairs: ShardDataset, ranks: int
) -> None:
    order = pairs.order(batch=12)
    alone = list(batches(pairs, order, stop=5))
    parts = [list(batches(pairs, order, stop=5, rank=r, ranks=ranks)) for r in range(ranks)]
    assert {len(part) for part in parts} == {5}
    for step, whole in enumerate(alone):
        together = [parts[rank][step] for rank in range(ranks)]
        assert torch.equal(torch.cat([batch.rows for batch in together]), whole.rows)
        assert torch.equal(torch.cat([batch.pictures for batch in together]), whole.pictures)


def test_what_cannot_be_shared_is_refused_on_every_rank(pairs: ShardDataset) -> None:
    for rank in range(4):
        with pytest.raises(CourseError, match="multiple of 4"):
            steps(pairs.order(batch=6), 0, 5, rank, 4)
        with pytest.raises(CourseError, match="only 30 pairs"):
            steps(pairs.order(batch=32), 0, 5, rank, 4)
    assert np.array_equal(share(np.arange(6), 1, 3), [2, 3])


def test_epochs_crop_differently_and_evaluation_does_not(pairs: ShardDataset) -> None:
    rows = np.arange(8)
    assert not torch.equal(pairs[Part(0, rows)].pictures, pairs[Part(1, rows)].pictures)
    still = ShardDataset(pairs.index, size=16, smallest=None, resize=20)
    assert torch.equal(still[Part(0, rows)].pictures, still[Part(1, rows)].pictures)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_picture_that_an_epoch_shows_often_is_cropped_anew_each_time(
    pairs: ShardDataset, ranks: int
) -> None:
    """As class-balanced sampling does with the only picture of a class."""
    classes = torch.tensor([0] * 29 + [1])
    rare = replace(pairs, classes=classes, smallest=0.3)
    order = rare.order(12, "class-balanced")
    shown = [
        picture.numpy().tobytes()
        for rank in range(ranks)
        for batch in batches(rare, order, stop=order.steps_per_epoch, rank=rank, ranks=ranks)
        for row, picture in zip(batch.rows.tolist(), batch.pictures, strict=True)
        if row == 29
    ]
    assert len(shown) > 8
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize("fields", [{"smallest": 0.0}, {"context": 78}])
def test_a_field_out_of_range_is_named(pairs: ShardDataset, fields: dict[str, float]) -> None:
    with pytest.raises(CourseError, match=next(iter(fields))):
        ShardDataset(pairs.index, **fields)


# Damage that only decoding finds


def damaged_pairs(tmp_path: Path, bad: set[int]) -> ShardDataset:
    samples = [img2dataset_sample(i) for i in range(30)]
    for i in bad:
        samples[i][0] = (f"{i:09d}.jpg", image(i)[:-100])
    path = write_tar(tmp_path / "a.tar", [m for sample in samples for m in sample])
    return ShardDataset(shard_index.load(path), size=16)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_picture_gives_its_place_to_another_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, workers: int
) -> None:
    bad = {4, 9, substitute(9, 0, 30)}
    pairs = damaged_pairs(tmp_path, bad)
    order = pairs.order(batch=10)
    seen = list(batches(pairs, order, stop=6, workers=workers, max_bad_fraction=0.1))
    for step, batch in enumerate(seen):
        asked = order.rows(step)
        for before, shown in zip(asked.tolist(), batch.rows.tolist(), strict=True):
            if before in bad:
                chain = (substitute(before, attempt, 30) for attempt in range(20))
                assert shown == next(row for row in chain if row not in bad)
            else:
                assert shown == before
        assert torch.equal(batch.tokens, pairs.index.tokens(batch.rows.tolist()))
    named = [record.getMessage() for record in caplog.records]
    assert len(named) == len(bad)
    assert {text.split(": ")[1][:9] for text in named} == {f"{i:09d}" for i in bad}


def test_too_many_damaged_pictures_fail_the_run(tmp_path: Path) -> None:
    pairs = damaged_pairs(tmp_path, {4, 9, 12})
    with pytest.raises(CourseError, match=r"2 of 30 samples .*2 undecodable"):
        list(batches(pairs, pairs.order(batch=10), stop=3, max_bad_fraction=1.5 / 30))


def test_each_process_counts_what_it_has_read_itself(tmp_path: Path) -> None:
    """So two let twice as much pass in their first epoch, and not for long."""
    order = Order(np.full(30, -1), 10, 0)
    first = np.concatenate([order.rows(step)[:5] for step in range(3)])
    second = np.setdiff1d(np.arange(30), first)
    bad = {*first[:2].tolist(), *second[:2].tolist()}
    pairs = damaged_pairs(tmp_path, bad)
    assert np.array_equal(pairs.order(10).rows(1), order.rows(1))
    for rank in range(2):
        some = {"rank": rank, "ranks": 2, "max_bad_fraction": 3.5 / 30}
        assert len(list(batches(pairs, order, stop=3, **some))) == 3
        with pytest.raises(CourseError, match="4 undecodable"):
            list(batches(pairs, order, stop=30, **some))


def test_where_nothing_can_be_decoded_the_run_ends(tmp_path: Path) -> None:
    pairs = damaged_pairs(tmp_path, set(range(30)))
    with pytest.raises(CourseError, match="cannot be decoded"):
        list(batches(pairs, pairs.order(batch=10), stop=3, max_bad_fraction=1))


def test_a_tar_cut_under_the_index_is_named(tmp_path: Path) -> None:
    pairs = damaged_pairs(tmp_path, set())
    path = tmp_path / "a.tar"
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(CourseError, match=r"a\.tar is shorter"):
        pairs[Part(0, np.arange(30))]


# Writing

KEYS = [f"{i:06d}" for i in range(25)]


def members(key: str) -> dict[str, bytes]:
    number = int(key)
    return {"txt": caption(number).encode(), "jpg": image(number), "cls": b"%d" % (number % 4)}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    manifest = shard_writer.write(
        tmp_path / "out", KEYS[::-1], members, about={"name": "x"}, per_shard=10
    )
    assert [shard["counts"]["samples"] for shard in manifest["parts"]] == [10, 10, 5]
    assert manifest["samples"] == manifest["counts"]["samples"] == 25
    for shard in manifest["parts"]:
        path = tmp_path / "out" / shard["name"]
        assert shard["bytes"] == path.stat().st_size
        assert shard["sha256"] == sha256(path)
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == manifest
    index = shard_index.load(tmp_path / "out", Fields(label="cls"))
    assert all_rows(index) == [image(i) for i in range(25)]
    assert index.label.tolist() == [i % 4 for i in range(25)]
    assert not index.bad


def test_a_stopped_writer_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole = shard_writer.write(tmp_path / "whole", KEYS, members, about={}, per_shard=4)
    asked: list[str] = []

    def failing(key: str) -> dict[str, bytes]:
        asked.append(key)
        if key == KEYS[10]:
            raise KeyboardInterrupt
        return members(key)

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        shard_writer.write(out, KEYS, failing, about={}, per_shard=4)
    assert [path.name for path in sorted(out.glob("*.tar"))] == ["00000.tar", "00001.tar"]

    def again() -> list[str]:
        """The samples that are asked for when the same command is given once more."""
        asked.clear()
        read = lambda key: asked.append(key) or members(key)  # noqa: E731
        assert shard_writer.write(out, KEYS, read, about={}, per_shard=4) == whole
        return asked

    assert again() == KEYS[8:]
    assert again() == []
    (out / "00003.tar").unlink()
    assert again() == KEYS[12:16]


def test_another_set_is_not_written_over(tmp_path: Path) -> None:
    shard_writer.write(tmp_path, KEYS[:4], members, about={"seed": 0})
    with pytest.raises(CourseError, match=r"'about' is \{'seed': 0\}"):
        shard_writer.write(tmp_path, KEYS[:4], members, about={"seed": 1})
    with pytest.raises(CourseError, match="'samples' is 4"):
        shard_writer.write(tmp_path, KEYS, members, about={"seed": 0})
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(CourseError, match=r"without a manifest\.json"):
        shard_writer.write(tmp_path, KEYS, members, about={"seed": 0})


@pytest.mark.parametrize("keys", [["a", "a"], ["a.b"], ["a/b"], [""], ["__a"]])
def test_keys_that_do_not_fit_are_refused(tmp_path: Path, keys: list[str]) -> None:
    with pytest.raises(CourseError, match="key"):
        shard_writer.write(tmp_path, keys, members, about={})


SCRIPT = """
import sys
from pathlib import Path
from lt_course.errors import CourseError
from lt_course.web.shards import shard_index
try:
    print(len(shard_index.load(sys.argv[1], folder=Path(sys.argv[2]), workers=2)))
except CourseError as refused:
    print(refused)
"""


def test_a_script_without_its_main_is_told_what_it_lacks(tmp_path: Path) -> None:
    """Processes are spawned, and would run such a script from its start."""
    folder = img2dataset_folder(tmp_path / "shards", shards=2, each=3)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    arguments = [sys.executable, script, folder, tmp_path / "cache"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("A worker ended unexpectedly.")
    assert "below: if __name__ == '__main__':" in done.stdout
