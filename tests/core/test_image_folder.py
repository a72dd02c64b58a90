"""Pictures of one's own: layouts, what is tested, what is told and refused, runs."""

from __future__ import annotations

import csv
import itertools
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from lt_course import study
from lt_course.data.photographs import cache
from lt_course.data.photographs.image_folder import choose_test
from lt_course.data.photographs.photograph_set import PhotographSet
from lt_course.errors import CourseError
from lt_course.statistics import chance_spearman
from lt_course.study.dataset import load_dataset
from lt_course.study.execute import execute
from lt_course.study.photograph_dataset import FEW, FolderData
from lt_course.web.cli import main

CLASSES = {"bee": 30, "big_cat": 40, "ant": 30, "rare": 10}


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LT_COURSE_PHOTOGRAPHS", str(tmp_path / "cache"))
    monkeypatch.setenv("LT_COURSE_STORE", str(tmp_path / "store"))
    return tmp_path / "cache"


def draw(path: Path, seed: int | None = None) -> None:
    """A small picture; other seeds give other ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([len(path.parts), *map(ord, str(path))] if seed is None else seed)
    Image.fromarray(rng.integers(0, 256, (12, 10, 3), np.uint8)).save(path)


def folders(root: Path, classes: dict[str, int] = CLASSES) -> Path:
    for label, count in classes.items():
        for n in range(count):
            draw(root / label / f"{n:02}.png")
    return root


def halves(root: Path, test: str = "test", tests: int = 5) -> Path:
    folders(root / "train", {"bee": 8, "big_cat": 9, "ant": 8})
    folders(root / test, {"bee": tests, "big_cat": tests, "ant": tests})
    return root


Rows = list[dict[str, str]]
SPLITS = ("train", "test", "validation", "val")


def rows_of(root: Path, *, split: bool = True, text: bool = True) -> Rows:
    """Pictures, and the rows that list them: 12 a class, of which 6 are tested."""
    rows = []
    for label, n in itertools.product(("bee", "ant", "cat"), range(12)):
        name = f"pictures/{label}-{n}.png"
        draw(root / name)
        row = {"file_name": name, "label": label}
        row |= {"split": SPLITS[n % 4 if n < 8 else 0]} if split else {}
        rows.append(row | ({"text": f"the {label}, number {n}"} if text else {}))
    return rows


def table(root: Path, rows: Rows) -> Path:
    with (root / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return root


def load(root: Path, size: int = 16) -> PhotographSet:
    return cache.load_folder(root, size)


def told(root: Path, size: int = 16) -> tuple[PhotographSet, str]:
    """The set, and the one warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        photographs = load(root, size)
    assert len(caught) == 1
    return photographs, str(caught[0].message)


def silently(root: Path, size: int = 16) -> PhotographSet:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load(root, size)


# --- layouts, and what is tested ------------------------------------------------------------------


def test_folders_of_classes_are_split_by_hash(tmp_path: Path) -> None:
    photographs, warning = told(folders(tmp_path / "a"))
    assert "with fewer than 5 test pictures: 1 (rare)" in warning
    assert list(photographs.keys) == ["big_cat", "ant", "bee", "rare"]
    assert list(photographs.names) == ["big cat", "ant", "bee", "rare"]
    assert photographs.tested == 3
    assert photographs.kinds == ("name", "template")
    counts = np.bincount(photographs.labels[photographs.test], minlength=4)
    assert counts.tolist() == [8, 6, 6, 0]
    assert photographs.available.tolist() == [32, 24, 24, 10]
    # The same pictures under other names are split in the same way.
    for path in sorted((tmp_path / "a").rglob("*.png"), reverse=True):
        path.rename(path.with_name(f"x{99 - int(path.stem)}.png"))
    again, _ = told(tmp_path / "a")
    assert {p.tobytes() for p in photographs.images[photographs.test]} == {
        p.tobytes() for p in again.images[again.test]
    }


@pytest.mark.parametrize("test", ["test", "val", "validation"])
def test_folders_of_a_split_are_kept_to(tmp_path: Path, test: str) -> None:
    root = halves(tmp_path / "b", test)
    draw(root / "train" / "fly" / "deep" / "1.JPEG")
    photographs, warning = told(root)
    assert "fewer than 5 test pictures: 1 (fly)" in warning
    assert list(photographs.keys) == ["big_cat", "ant", "bee", "fly"]
    assert photographs.available.tolist() == [9, 8, 8, 1]
    assert np.bincount(photographs.labels[photographs.test]).tolist() == [5, 5, 5]


def test_a_train_folder_alone_is_split(tmp_path: Path) -> None:
    folders(tmp_path / "c" / "train", {"a": 25, "b": 29})
    assert silently(tmp_path / "c").available.tolist() == [24, 20]
    # A class may be called train.
    folders(tmp_path / "d", {"train": 25, "bus": 29})
    assert list(silently(tmp_path / "d").keys) == ["bus", "train"]


def test_a_table_is_kept_to(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "e")
    photographs = silently(table(tmp_path / "e", rows))
    assert photographs.kinds == ("name", "template", "text")
    assert list(photographs.keys) == ["ant", "bee", "cat"]
    expected = {(r["text"], r["label"], r["split"] != "train") for r in rows}
    found = zip(photographs.of_image["text"], photographs.labels, photographs.test, strict=True)
    assert {(text, photographs.keys[label], bool(test)) for text, label, test in found} == expected


def test_a_table_without_a_split_or_a_text(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "f", split=False, text=False)
    for label, n in itertools.product(("bee", "ant"), range(12, 26)):
        draw(tmp_path / "f" / f"{label}-{n}.png")
        rows.append({"file_name": f"{label}-{n}.png", "label": label})
    photographs, _ = told(table(tmp_path / "f", rows))
    assert photographs.kinds == ("name", "template")
    assert photographs.test.sum() == 2 * (26 // 5)
    assert photographs.tested == 2


def test_scored_classes_stand_by_their_training_pictures(tmp_path: Path) -> None:
    root = halves(tmp_path / "g")
    folders(root / "train", {"many": 50, "few": 30, "also": 50})
    folders(root / "test", {"few": 4, "unseen": 9})
    photographs, warning = told(root)
    assert list(photographs.keys) == ["big_cat", "ant", "bee", "also", "many", "few"]
    assert "fewer than 5 test pictures: 3 (also, few, many)" in warning
    assert "without a training picture: 1 (unseen)" in warning
    assert "test pictures of classes not scored, left out: 13 (" in warning
    assert np.bincount(photographs.labels[photographs.test]).tolist() == [5, 5, 5]
    assert photographs.available.tolist() == [9, 8, 8, 50, 50, 30]


# --- copies ---------------------------------------------------------------------------------------


def test_copies_stand_on_one_side_and_count_once_in_a_test() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        group = np.unique(rng.integers(0, 150, 200), return_inverse=True)[1]
        label_of = rng.integers(0, 3, 150)
        labels = label_of[group]
        labels[:5] = 2  # some groups hold two classes
        test = choose_test(labels, group)
        tested = group[test]
        assert len(set(tested)) == len(tested)
        for label in range(3):
            groups = set(group[labels == label])
            pure = [g for g in sorted(groups) if set(labels[group == g]) == {label}]
            expected = pure[: len(groups) // 5]
            chosen = sorted(group[test & (labels == label)])
            assert chosen == (expected if len(expected) >= 5 else [])


def test_copies_of_test_pictures_are_left_out_and_told(tmp_path: Path) -> None:
    root = folders(tmp_path / "h", {"a": 30, "b": 30})
    for path in sorted(root.rglob("*.png")):
        path.with_name(f"copy-{path.name}").write_bytes(path.read_bytes())
    photographs, warning = told(root)
    assert photographs.group is not None
    assert np.bincount(photographs.labels[photographs.test]).tolist() == [6, 6]
    assert photographs.available.tolist() == [48, 48]
    assert not set(photographs.group[photographs.test]) & set(photographs.group[~photographs.test])
    assert "byte-identical to a test picture: 12 (a/" in warning


def test_a_picture_on_both_sides_of_the_users_split_is_not_trained_on(tmp_path: Path) -> None:
    root = halves(tmp_path / "i")
    source = root / "test" / "bee" / "01.png"
    (root / "train" / "bee" / "again.png").write_bytes(source.read_bytes())
    photographs, warning = told(root)
    assert "byte-identical to a test picture: 1 (train/bee/again.png)" in warning
    assert photographs.available.tolist() == [9, 8, 8]
    assert np.bincount(photographs.labels[photographs.test]).tolist() == [5, 5, 5]


# --- pictures of all kinds ------------------------------------------------------------------------


def test_pictures_of_all_kinds_are_converted_and_told(tmp_path: Path) -> None:
    root = halves(tmp_path / "j")
    bees = root / "train" / "bee"
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 17, (16, 1))
    colors = np.stack([ramp, ramp.T, 255 - ramp], -1)
    whole = Image.fromarray(colors)
    kinds = {
        "grey.png": Image.fromarray(ramp),
        "deep.png": Image.fromarray(ramp.astype(np.uint16) * 257),
        "deep.tif": Image.fromarray(ramp.astype(np.uint16) * 257),
        "cmyk.jpg": whole.convert("CMYK"),
        "palette.png": whole.quantize(),
        "clear.png": Image.fromarray(np.dstack([colors, np.zeros_like(ramp)])),
    }
    before = [p.name for p in sorted(bees.iterdir())]
    for name, picture in kinds.items():
        picture.save(bees / name)
    other = whole.transpose(Image.Transpose.ROTATE_90)
    whole.save(bees / "moves.gif", save_all=True, append_images=[other])
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    whole.save(bees / "turned.png", exif=exif)

    photographs, warning = told(root)
    for kind, name in (
        ("grey pictures, converted: 1", "grey.png"),
        ("16-bit pictures, scaled to 8 bits: 2", "deep.png, train/bee/deep.tif"),
        ("CMYK pictures, converted: 1", "cmyk.jpg"),
        ("palette pictures, converted: 2", "moves.gif, train/bee/palette.png"),
        ("animated pictures, of which the first frame is used: 1", "moves.gif"),
    ):
        assert f"{kind} (train/bee/{name})" in warning
    bee = list(photographs.keys).index("bee")
    images = photographs.images[(photographs.labels == bee) & ~photographs.test]
    names = sorted([*before, *kinds, "moves.gif", "turned.png"])
    image = dict(zip(names, images.astype(int), strict=True))
    for name in ("grey.png", "deep.png", "deep.tif"):
        assert (image[name] == ramp[..., None]).all(), name
    assert (image["clear.png"] == 255).all()
    assert (image["turned.png"] == colors[::-1, ::-1]).all()
    assert np.abs(image["palette.png"] - colors).mean() < 10
    assert np.abs(image["moves.gif"] - colors).mean() < 10
    assert np.abs(image["cmyk.jpg"] - colors).mean() < 30


def test_what_cannot_be_used_is_counted_and_named(tmp_path: Path) -> None:
    root = tmp_path / "k"
    rows = rows_of(root)
    for n in range(12, 80):
        draw(root / f"bee-{n}.png")
        rows.append(
            {"file_name": f"bee-{n}.png", "label": "bee", "split": "train", "text": f"bee {n}"}
        )
    for n in range(12, 16):
        (root / f"bee-{n}.png").unlink()
    (root / "bee-20.png").write_bytes((root / "bee-21.png").read_bytes()[:80])
    (root / "bee-22.png").write_bytes(b"")
    next(row for row in rows if row["file_name"] == "bee-23.png")["text"] = " "
    rows.append(rows[-1] | {"label": "ant"})
    draw(root / "unlisted.png")
    photographs, warning = told(table(root, rows))
    assert "missing files: 4 (bee-12.png, bee-13.png, bee-14.png, …)" in warning
    assert "unreadable pictures: 2 (bee-20.png, bee-22.png)" in warning
    assert "rows with an empty text: 1 (bee-23.png)" in warning
    assert "file names listed again: 1 (bee-79.png)" in warning
    assert "that metadata.csv does not list, left out: 1 (unlisted.png)" in warning
    assert len(photographs.labels) == len(rows) - 8
    assert photographs.keys[0] == "bee"
    # A reading is told once; what is kept is only opened.
    silently(root)


def test_files_beside_pictures_are_told(tmp_path: Path) -> None:
    root = halves(tmp_path / "l")
    (root / "train" / "bee" / "Thumbs.db").write_bytes(b"")
    (root / "train" / "bee" / ".hidden.png").write_bytes(b"")
    draw(root / "train" / "stray.png")
    draw(root / "others" / "bee" / "1.png")
    _, warning = told(root)
    assert "no pictures by their ending, left out: 1 (train/bee/Thumbs.db)" in warning
    assert "outside of a class's folder, left out: 1 (stray.png)" in warning
    assert "folders beside train and test, left out: 1 (others)" in warning
    assert "hidden" not in warning


# --- refusals -------------------------------------------------------------------------------------


def refusal(root: Path) -> str:
    with pytest.raises(CourseError) as caught:
        load(root)
    return str(caught.value)


def test_folders_without_a_set_are_refused(tmp_path: Path) -> None:
    assert "which is no folder; correct it" in refusal(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "holds no picture: put those of each class" in refusal(tmp_path / "empty")
    draw(tmp_path / "flat" / "1.png")
    assert "holds no picture" in refusal(tmp_path / "flat")
    folders(tmp_path / "small", {"a": 30, "b": 24})
    assert "1 have 5 test pictures and a training picture" in refusal(tmp_path / "small")
    folders(tmp_path / "tests" / "test", {"a": 30, "b": 24})
    assert "0 have 5 test pictures" in refusal(tmp_path / "tests")


def test_more_than_a_tenth_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "m"
    rows = rows_of(root)
    for row in rows[:3]:
        row["text"] = ""
    told(table(root, rows))
    (root / rows[5]["file_name"]).write_bytes(b"no picture")
    sentence = refusal(root)
    assert "Of 36 pictures that" in sentence
    assert "4 cannot be used, more than a tenth: " in sentence
    assert "unreadable pictures: 1 (pictures/bee-5.png)" in sentence
    (root / rows[5]["file_name"]).unlink()
    assert "missing files: 1" in refusal(root)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"label": " "}, r"Row 3 of .*metadata\.csv has an empty label; fill it in"),
        ({"file_name": ""}, "Row 3 of .* has an empty file_name"),
        ({"file_name": "../other.png"}, r"'\.\./other\.png', which leads out of the folder"),
        ({"file_name": "/etc/a.png"}, "'/etc/a.png', which leads out of the folder"),
        ({"file_name": "a/../../b.png"}, "which leads out of the folder"),
        ({"split": "dev"}, "Row 3 of .* has the split 'dev'; use train, test, validation, val"),
    ],
)
def test_rows_that_say_nothing_sound_are_refused(
    tmp_path: Path, change: dict[str, str], sentence: str
) -> None:
    rows = rows_of(tmp_path)
    rows[1] |= change
    table(tmp_path, rows)
    with pytest.raises(CourseError, match=sentence):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"file_name,text\na.png,b\n", "has no column 'label' but file_name, text; give it"),
        (b"name;label\na.png;b\n", "has no column 'file_name' but name;label; give it"),
        (b"", "has no column 'file_name' but none at all"),
        (b"file_name,label\na.png,a,b\n", "Row 2 of .* has more fields than columns; put texts"),
        (b"file_name,label\na.png,\xe4\n", "is no CSV in UTF-8"),
        (b"file_name,label\n", "holds no picture"),
    ],
)
def test_tables_that_are_none_are_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "metadata.csv").write_bytes(content)
    with pytest.raises(CourseError, match=sentence):
        load(tmp_path)


# --- configurations -------------------------------------------------------------------------------

QUICK = {"scale": "tiny", "dataset": "folder", "duration": "2 steps", "batch_size": 16}


def test_a_configuration_counts_the_tested_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = halves(tmp_path / "n")
    run = study.config("sl", **QUICK, data_folder=str(root))
    assert run.data.concepts == 3
    assert study.config("sl", **QUICK, data_folder=root).address == run.address
    assert study.config("sl", **QUICK, data_folder=root, concepts=2).data.concepts == 2
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("n", "~/n", "./n"):
        assert study.config("sl", **QUICK, data_folder=name).data.data_folder == str(root)
    (tmp_path / "link").symlink_to(root)
    assert study.config("sl", **QUICK, data_folder="link").address != run.address
    with pytest.raises(CourseError, match="'concepts' is 4; it must be at least 2 and at most 3"):
        study.config("sl", **QUICK, data_folder=root, concepts=4)
    with pytest.raises(CourseError, match="'image_size' is 8; it must be at least 16"):
        study.config("sl", **QUICK, data_folder=root, image_size=8)
    with pytest.raises(CourseError, match="give the folder in full"):
        study.config("sl", **QUICK, data_folder="~nobody-of-this-name/n")


def test_a_folder_goes_with_its_data_set_alone() -> None:
    with pytest.raises(CourseError, match="'data_folder' is not set, but 'dataset' is 'folder'"):
        study.config("sl-vocab", **QUICK)
    for dataset in ({}, {"dataset": "tiny-imagenet"}):
        with pytest.raises(CourseError, match="'data_folder' unless 'dataset' is folder"):
            study.config("sl", **dataset, data_folder="here")


def test_addresses_of_other_runs_have_not_moved() -> None:
    long_tail = {"dataset": "tiny-imagenet", "profile": "exponential(500,2)", "scale": "tiny"}
    assert study.config("sl", **long_tail).address == "90bd59dbcdfaada4"
    assert study.config("sl", scale="cpu").address == "3d1251789a00d579"
    shop = study.config("sl", dataset="fashion-products", scale="cpu")
    assert shop.address == "4657522c7e1423c9"


def test_what_changes_in_a_folder_is_read_anew(tmp_path: Path, kept: Path) -> None:
    root = halves(tmp_path / "o")
    first = silently(root)
    draw(root / "train" / "bee" / "more.png")
    assert silently(root).available.sum() == first.available.sum() + 1
    draw(root / "train" / "bee" / "more.png", seed=5)
    os.utime(root / "train" / "bee" / "more.png", ns=(1, 1))
    changed = silently(root)
    assert len(list(kept.glob("folder-16-*"))) == 3
    (root / "train" / "bee" / "more.png").unlink()
    assert np.array_equal(silently(root).images, first.images)
    assert len(changed.labels) == len(first.labels) + 1


# --- chance ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [4, 5, 6])
def test_chance_is_that_of_all_orders(classes: int) -> None:
    ranks = range(classes)
    every = [spearmanr(ranks, order).statistic for order in itertools.permutations(ranks)]
    assert chance_spearman(classes) == pytest.approx(
        np.quantile(every, 0.975, method="inverted_cdf"), abs=0.03
    )
    assert chance_spearman(classes) == chance_spearman(classes)


def test_chance_of_two_classes_and_of_many() -> None:
    assert chance_spearman(2) == chance_spearman(3) == 1
    assert np.isnan(chance_spearman(1))
    assert chance_spearman(200) == pytest.approx(1.96 / 199**0.5, abs=0.01)


# --- runs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sl", {}),
        ("sl", {"profile": "exponential(6,3)", "image_size": 16, "batch_size": 8}),
        ("clip-template", {}),
        ("clip-template", {"text": "text"}),
        ("clip-template", {"text": "name|text", "prompts": "template"}),
    ],
)
def test_runs_train_and_are_measured(tmp_path: Path, name: str, settings: dict) -> None:
    root = table(tmp_path, rows_of(tmp_path))
    run = study.config(name, **QUICK | settings, data_folder=root)
    done = execute(run)
    assert done.per_class["concept"].tolist() == ["ant", "bee", "cat"]
    assert done.per_class["frequency"].min() == (3 if "profile" in settings else 6)
    assert len(done.arrays["labels"]) == 18
    assert done.metrics["spearman_by_chance"] == chance_spearman(3)
    assert done.fingerprint is not None
    assert len(load_dataset(run).labels) == done.fingerprint.training


def test_chance_is_told_of_few_classes_alone(tmp_path: Path) -> None:
    halves(tmp_path)
    more = {f"class {n}": 6 for n in range(FEW - 3)}
    folders(tmp_path / "train", more)
    folders(tmp_path / "test", more)
    run = study.config("sl", **QUICK, data_folder=tmp_path)
    assert run.data.concepts == FEW
    assert "spearman_by_chance" not in execute(run).metrics


def test_captions_that_a_table_lacks_are_refused(tmp_path: Path) -> None:
    root = table(tmp_path, rows_of(tmp_path, text=False))
    run = study.config("clip-template", **QUICK, data_folder=root, text="text")
    with pytest.raises(CourseError, match="'text' that does not exist"):
        execute(run)


def test_the_command_line_trains_and_says_what_chance_reaches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = halves(tmp_path / "p")
    words = "run sl --scale tiny --batch-size 16 --dataset folder --data-folder".split()
    assert main([*words, str(root), "--duration", "2 steps"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("S(a) ")
    assert last.endswith("(chance alone reaches +-1.000 with 3 classes)")
    # Other pictures at the same place are no reason to show what was measured of these.
    draw(root / "train" / "bee" / "more.png")
    assert main([*words, str(root), "--duration", "2 steps"]) == 2
    assert "made of other data than those that are here now" in capsys.readouterr().err
    assert main(words[:-1]) == 2
    assert "'data_folder' is not set" in capsys.readouterr().err
    assert main(["run", "sl", "--data-folder", str(root)]) == 2
    assert "unless 'dataset' is folder" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "none")]) == 2
    assert "which is no folder" in capsys.readouterr().err


def test_nothing_is_read_before_the_folder_is_named() -> None:
    assert FolderData().concepts == 0
