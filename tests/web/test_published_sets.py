"""The paper's twelve transfer sets, in the formats of their publishers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from lt_course.errors import CourseError
from lt_course.web.datasets.published_sets import PUBLISHED, VOC_CLASSES, published_set


@pytest.mark.parametrize("name", PUBLISHED)
def test_missing_files_are_named_and_nothing_is_made(name: str, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=f"'{name}' is not complete in .*(GB|MB|photographs)"):
        published_set(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_twelve_are_those_of_table_2() -> None:
    assert len(PUBLISHED) == 12
    per_class = {name for name, entry in PUBLISHED.items() if entry.metric == "mean per class"}
    assert per_class == {"aircraft", "caltech101", "flowers", "pets"}
    assert PUBLISHED["voc2007"].metric == "11-point mAP"
    with pytest.raises(CourseError, match="There is no transfer set 'cub'"):
        published_set("cub", Path())


def picture(path: Path, grey: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), grey).save(path)


def write_dtd(root: Path) -> None:
    for part in ("train", "val", "test"):
        lines = [f"{c}/{c}_{part}.jpg" for c in ("banded", "woven")]
        for line in lines:
            picture(root / "dtd/dtd/images" / line)
        path = root / "dtd/dtd/labels" / f"{part}1.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))


def write_food(root: Path) -> None:
    for part, number in (("train", 10), ("test", 2)):
        listed = {c: [f"{c}/{part}{i}" for i in range(number)] for c in ("pie", "soup")}
        path = root / "food-101/meta" / f"{part}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(listed))
        for names in listed.values():
            for name in names:
                picture(root / "food-101/images" / f"{name}.jpg")


def write_birdsnap(root: Path) -> None:
    for part, number in (("train", 10), ("test", 2)):
        for c in ("jay", "owl"):
            for i in range(number):
                picture(root / "birdsnap" / part / c / f"{i}.jpg")


def write_caltech(root: Path) -> None:
    for c in ("BACKGROUND_Google", "ant", "bonsai"):
        for i in range(1, 33):
            picture(root / "caltech101/101_ObjectCategories" / c / f"image_{i:04d}.jpg")


def write_sun(root: Path) -> None:
    base = root / "SUN397"
    for c in ("/a/abbey", "/b/bar/indoor"):
        for i in range(7):
            picture(base / c[1:] / f"sun_{i}.jpg")
    (base / "ClassName.txt").write_text("/a/abbey\n/b/bar/indoor\n")
    for name, which in (("Training_01.txt", range(5)), ("Testing_01.txt", range(5, 7))):
        lines = [f"{c}/sun_{i}.jpg" for c in ("/a/abbey", "/b/bar/indoor") for i in which]
        (base / name).write_text("\n".join(lines))


FAKES = {
    "dtd": (write_dtd, (2, 2, 2)),
    "food": (write_food, (16, 4, 4)),
    "birdsnap": (write_birdsnap, (16, 4, 4)),
    "caltech101": (write_caltech, (48, 12, 4)),
    "sun397": (write_sun, (8, 2, 4)),
}


@pytest.mark.parametrize("name", FAKES)
def test_published_sets_are_read_in_their_own_formats(name: str, tmp_path: Path) -> None:
    write, sizes = FAKES[name]
    write(tmp_path)
    found = published_set(name, tmp_path)
    parts = (found.train, found.validation, found.test)
    assert tuple(len(part) for part in parts) == sizes
    assert len(found.classes) == 2
    seen: list[tuple[int, int]] = []
    for part in parts:
        assert len(part.pictures) == len(part.labels)
        assert part.pictures[0].mode == "RGB"
        for row, label in zip(part.pictures.rows, part.labels, strict=True):
            assert part.pictures.dataset[int(row)][1] == label
            seen.append((id(part.pictures.dataset), int(row)))
    assert len(set(seen)) == len(seen)


def test_vocs_difficult_objects_are_not_counted(tmp_path: Path) -> None:
    base = tmp_path / "VOCdevkit/VOC2007"
    for part, things in {"train": "dog:0 cat:1", "val": "dog:1 dog:0", "test": "cat:0"}.items():
        objects = "".join(
            "<object><name>{}</name><difficult>{}</difficult></object>".format(*thing.split(":"))
            for thing in things.split()
        )
        for folder, name, text in (
            ("ImageSets/Main", f"{part}.txt", f"{part}\n"),
            ("Annotations", f"{part}.xml", f"<annotation>{objects}</annotation>"),
        ):
            (base / folder).mkdir(parents=True, exist_ok=True)
            (base / folder / name).write_text(text)
        picture(base / "JPEGImages" / f"{part}.jpg")
    found = published_set("voc2007", tmp_path)
    cat, dog = (found.classes.index(name) for name in ("cat", "dog"))
    assert found.train.labels[0, [cat, dog]].tolist() == [-1, 1]
    assert found.validation.labels[0, [cat, dog]].tolist() == [0, 1]
    assert found.test.labels[0, [cat, dog]].tolist() == [1, 0]
    assert found.train.pictures[0].size == (4, 4)
    assert len(VOC_CLASSES) == 20
