"""IconTail in colour: the same drawings, how the file is made and read, and runs that see it."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pooch
import pytest
import torch
from slow import mostly_slow

from lt_course import study
from lt_course.data import icontail
from lt_course.data.augment import random_crop, standardize
from lt_course.data.captions import captions
from lt_course.data.crops import multi_crop
from lt_course.data.icontail import IconTail, is_solid
from lt_course.data.order import torch_generator
from lt_course.errors import CourseError
from lt_course.lessons.features import image_features
from lt_course.models.image_encoders import SmallCNN, image_tower
from lt_course.study.execute import execute, training_set, weights
from lt_course.study.run_config import RunConfig, open_world_clip
from lt_course.web.plan import plan
from tools.icontail_build import naming, pack, sources, split, summary
from tools.icontail_build.__main__ import main
from tools.icontail_build.naming import CuratedConcept
from tools.icontail_build.wordnet import Nouns


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Files are looked for in an empty folder, and forgotten after the test."""
    monkeypatch.setenv("LT_COURSE_ICONTAIL", str(tmp_path / "colour"))
    shipped = icontail.load
    for loaded in (shipped, icontail.load_color):
        loaded.cache_clear()
    yield
    for loaded in (shipped, icontail.load_color):
        loaded.cache_clear()


# --- making it ------------------------------------------------------------------------------

SHAPES = {
    "square": "M4 4h16v16H4z",
    "bar": "M2 10h20v4H2z",
    "wedge": "M2 22L22 22L22 2z",
    "cross": "M9 2h6v7h7v6h-7v7h-6v-7H2v-6h7z",
    "tee": "M2 2h20v5h-8v15h-4V7H2z",
    "ring": "M2 2h20v20H2zM5 5v14h14V5z",
}
RED, YELLOW = (255, 0, 0), (255, 205, 0)


def icon(shape: str, fill: str = "currentColor") -> dict[str, str]:
    return {"body": f'<path fill="{fill}" d="{SHAPES[shape]}"/>'}


RELEASE = {
    "pens": {
        "heart": icon("square"),
        "heart-filled": icon("square", "#f00"),  # in grey a copy of the one before: it goes
        "heart-outline": icon("ring"),
        "cat": icon("bar", "#f00"),
        "cats": icon("wedge", "#ffcd00"),
        "idea": icon("cross"),  # no thing that can be drawn
    },
    "brushes": {"heart": icon("cross", "#f00"), "heart-off": icon("tee")},
    "logos": {"cat": icon("cross")},
}
INDEX = """\
  1 A licence text
cat n 1 0 1 1 00000000
heart n 1 0 1 1 00000200
idea n 1 0 1 0 00000100
"""
SYNSETS = (
    b"00000000 05 n 01 cat 0 001 @ 00000100 n 0000 | feline mammal  \n".ljust(100)
    + b"00000100 09 n 01 idea 0 000 | the content of cognition  \n".ljust(100)
    + b"00000200 08 n 01 heart 0 001 @ 00000100 n 0000 | the organ  \n"
)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of three sets, of which one may not be used, with lists that fit it."""
    path = tmp_path / "release.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for prefix, icons in RELEASE.items():
            info = {
                "name": prefix.title(),
                "author": {"name": f"author of {prefix}"},
                "license": {"spdx": "MIT"},
                "category": "Logos" if prefix == "logos" else "General",
            }
            content = {"prefix": prefix, "info": info, "icons": icons, "width": 24, "height": 24}
            text = json.dumps(content).encode()
            member = tarfile.TarInfo(f"package/json/{prefix}.json")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    heart = CuratedConcept(
        "heart", "heart", "heart#1", "core", False, (("heart",),),
        also=frozenset(), without=frozenset(), not_in=frozenset(),
    )  # fmt: skip
    nouns = Nouns(INDEX, SYNSETS)
    families = ({"pens": "pens", "brushes": "brushes"}, frozenset({"brushes"}))
    listed = {("brushes", "heart"): "heart", ("brushes", "heart-off"): "heart"}
    monkeypatch.setattr(sources, "ICONIFY_SHA256", pooch.file_hash(str(path)))
    monkeypatch.setattr(Nouns, "fetch", lambda tarball=None: nouns)
    monkeypatch.setattr(naming, "curated_concepts", lambda: (heart,))
    monkeypatch.setattr(split, "author_families", lambda: families)
    monkeypatch.setattr(split, "test_drawings", lambda concepts: listed)
    return path


@pytest.fixture
def both(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[IconTail, ...]:
    """The release in grey, as if it were shipped, and in colour, through the command line."""
    pytest.importorskip("resvg_py")
    shipped = tmp_path / "shipped"
    assert main(["icontail", "--source", str(release), "--out", str(shipped)]) == 0
    monkeypatch.setattr(icontail, "RESOURCES", shipped)
    assert main(["icontail", "--colour", "--source", str(release)]) == 0
    return icontail.load(), icontail.load_color()


def test_both_looks_show_the_same_drawings(both) -> None:
    grey, colour = both
    assert grey.pictures.shape == (6, 32, 32)
    assert colour.pictures.shape == (6, 64, 64, 3)
    assert colour.grey is grey.pictures
    assert [f"{s} {t}" for s, t in zip(grey.set, grey.titles, strict=True)] == [
        *("1 heart", "1 heart", "0 heart", "0 heart off", "1 cat", "1 cats")
    ]
    for name in ("titles", "tags", "concept", "family", "set", "test", "concepts", "sets"):
        assert getattr(colour, name) is getattr(grey, name)
    assert grey.test.tolist() == [False, False, True, True, False, False]
    # Where one has ink the other has it too, but for a pixel at an edge.
    blocks = colour.pictures.min(-1).reshape(-1, 32, 2, 32, 2).mean((2, 4))
    alike = np.abs(blocks - grey.pictures) < 80
    assert alike.mean() > 0.95


def test_colours_are_the_authors_and_black_stays_black(both) -> None:
    _, colour = both
    heart, outline, cross, tee, cat, cats = colour.pictures
    for black in (heart, outline, tee):
        assert (black == black[..., :1]).all()
        assert black.min() == 0
    assert cat[32, 32].tolist() == cross[32, 32].tolist() == list(RED)
    assert cats[50, 50].tolist() == list(YELLOW)
    paper = np.ones((64, 64), bool)
    paper[4:-4, 4:-4] = False
    assert (colour.pictures[:, paper] == 255).all(), "four pixels of paper all round"
    assert len(np.unique(colour.pictures)) <= 52
    rows = [line.split("|")[2:5] for line in summary.colour_markdown(colour).splitlines()[2:]]
    # Of pictures, number, in colour, pale: all; training of core and of open concepts; test.
    assert np.array(rows, int).tolist() == [[6, 3, 0], [2, 0, 0], [2, 2, 0], [2, 1, 0]]


def test_the_same_bytes_every_time(both, release: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    arguments = ["--source", str(release), "--out", str(again)]
    assert main(["icontail", "--colour", *arguments]) == 0
    assert [path.name for path in again.iterdir()] == [icontail.COLOR_FILE]
    first = icontail.color_folder() / icontail.COLOR_FILE
    assert (again / icontail.COLOR_FILE).read_bytes() == first.read_bytes()


def test_drawings_that_are_not_the_shipped_ones_are_refused(release: Path, tmp_path, capsys):
    pytest.importorskip("resvg_py")
    assert main(["icontail", "--colour", "--source", str(release)]) == 2
    assert "are not those of icontail.npz: they differ in concept, " in capsys.readouterr().err
    assert not icontail.color_folder().exists()


def test_rebuilding_a_slice_in_colour() -> None:
    """From the release itself: a set in black stays black, and emoji do not."""
    archive = os.environ.get("LT_COURSE_ICONIFY")
    if not archive:
        pytest.skip("LT_COURSE_ICONIFY names no copy of the @iconify/json release")
    render = pytest.importorskip("tools.icontail_build.render")
    _, drawings = sources.read(sources.fetch(Path(archive)))
    for prefix, in_colour in (("gravity-ui", False), ("twemoji", True)):
        svgs = [drawing.svg for drawing in drawings if drawing.source == prefix][:200]
        pictures = [p for p in render.render_all(svgs, render.COLOUR) if p is not None]
        assert len(pictures) > 190
        coloured = np.mean([(p != p[..., :1]).any() for p in pictures])
        assert coloured > 0.9 if in_colour else coloured == 0


# --- reading it -----------------------------------------------------------------------------


def tinted(data: IconTail) -> np.ndarray:
    """The stand-in's pictures at 64 pixels, a colour for each concept."""
    ink = 255 - np.repeat(np.repeat(data.pictures, 2, 1), 2, 2).astype(np.float64)
    tints = np.random.default_rng(0).random((len(data.concepts), 3))
    return (255 - ink[..., None] * tints[data.concept][:, None, None]).round().astype(np.uint8)


def written(pictures: np.ndarray, made_for: str | None = None) -> Path:
    path = icontail.color_folder() / icontail.COLOR_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    said = pack.text(made_for or icontail.fingerprint())
    pack.save_alone(path, {"pictures": pictures, "made_for": said})
    return path


@pytest.fixture
def coloured(small: IconTail) -> IconTail:
    """The stand-in in colour, read from a file."""
    written(tinted(small))
    return icontail.load_color()


def test_an_absent_file_is_made_by_a_command_that_is_told(small) -> None:
    with pytest.raises(CourseError, match=r"tools\.icontail_build icontail --colour; it downloads"):
        icontail.load_color()


def test_a_file_that_does_not_fit_is_refused(small) -> None:
    path = written(tinted(small), "0" * 64)
    with pytest.raises(CourseError, match=r"another version of icontail\.npz"):
        icontail.load_color()
    for wrong in (tinted(small)[1:], tinted(small).astype(np.int16), small.pictures):
        written(wrong)
        with pytest.raises(CourseError, match="not the pictures of 368 drawings"):
            icontail.load_color()
    whole = written(tinted(small)).read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 3] ^= 0xFF
    for broken in (whole[: len(whole) // 2], bytes(damaged), b""):
        path.write_bytes(broken)
        with pytest.raises(CourseError, match="is damaged"):
            icontail.load_color()


def test_what_is_said_of_a_drawing_does_not_depend_on_its_colours(small, coloured) -> None:
    assert not coloured.pictures.flags.writeable
    rows = range(0, len(small), 40)
    assert captions(coloured, rows, "appearance").texts == captions(small, rows, "appearance").texts
    assert (is_solid(coloured.grey) == is_solid(small.pictures)).all()


# --- runs that see it -----------------------------------------------------------------------


def colour_run(name: str, **settings: object) -> RunConfig:
    fields = {"concepts": 8, "num_images": 50, "batch_size": 16, "duration": "8 steps"}
    return study.config(name, scale="tiny", color=True, image_size=64, **(fields | settings))


@pytest.mark.parametrize("name", ["sl", "clip-title"])
def test_a_run_in_colour_differs_in_what_is_seen_alone(name, coloured, store, tmp_path) -> None:
    run = colour_run(name)
    grey = study.override(run, color=False, image_size=32)
    assert (training_set(run).image_ids == training_set(grey).image_ids).all()
    left = execute(run, tmp_path)
    assert weights(tmp_path)["image_tower.layers.0.0.weight"].shape[1] == 3
    assert set(left.metrics) == set(execute(grey).metrics)
    assert (left.per_class["frequency"] == training_set(grey).frequency).all()


def test_the_tower_of_a_record_sees_colours(coloured, store) -> None:
    record = study.train_or_load(colour_run("sl"))
    shown = coloured.pictures[record.arrays["test"]]
    features = image_features(record, shown)
    right = (features @ torch.from_numpy(record.arrays["prototypes"]).T).argmax(1).numpy()
    assert (right == record.arrays["predictions"]).all()
    other_tints = np.ascontiguousarray(shown[..., ::-1])
    assert not torch.allclose(features, image_features(record, other_tints))


@pytest.mark.filterwarnings("ignore:Step 8 of 8")
def test_self_distillation_in_colour(coloured, tmp_path, monkeypatch) -> None:
    """Its digits are grey, at 32 pixels; the tower takes them all the same."""
    from lt_course.data import transfer_sets
    from lt_course.study.icontail_dataset import IconTailDataset

    monkeypatch.setattr(
        IconTailDataset, "tasks", lambda self: iter([self._task(transfer_sets.digits())])
    )
    options = {"prototypes": 24, "hidden": 32, "bottleneck": 16, "global_size": 64}
    left = execute(colour_run("dino", **options), tmp_path)
    assert weights(tmp_path)["teacher.tower.layers.0.0.weight"].shape[1] == 3
    assert 0.1 < left.metrics["probe_digits"] <= 1


def test_channels_are_augmented_alike() -> None:
    """A picture in colour is cropped and redrawn as its channels would be, each for itself."""
    pictures = torch.randint(256, (4, 64, 64, 3), dtype=torch.uint8)
    shown = standardize(pictures)
    assert shown.shape == (4, 3, 64, 64)
    options = replace(study.config("dino", scale="gpu").objective, redrawn=0.75, local_crops=1)
    for channel in range(3):
        alone = standardize(pictures[..., channel])
        assert torch.equal(shown[:, channel : channel + 1], alone)
        crops = (
            random_crop(each, 0.5, torch_generator(0, 1, "augmentation")) for each in (shown, alone)
        )
        both, one = crops
        torch.testing.assert_close(both[:, channel : channel + 1], one)
        many = (
            multi_crop(each, options, torch_generator(0, 2, "augmentation"))
            for each in (shown, alone)
        )
        for both, one in zip(*many, strict=True):
            torch.testing.assert_close(both[:, :, channel : channel + 1], one)


def test_grey_pictures_are_grey_to_a_tower_for_colours() -> None:
    grey = torch.randn(2, 1, 32, 32)
    for tower in (SmallCNN(8, channels=3), image_tower("RN50", 1024, 32, channels=3)):
        tower.eval()
        torch.testing.assert_close(tower(grey), tower(grey.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize(
    "name", mostly_slow(["sl", "sl-vocab", "clip-full", "dino", "open world"], "clip-full")
)
def test_scale_gpu_is_in_colour_and_fits_one_gpu_of_16_gb_for_an_hour(name: str) -> None:
    """By plan, at the slow end, on the slowest GPU that it knows."""
    run = study.config("sl" if name == "open world" else name, scale="gpu", precision="float32")
    if name == "open world":
        run = study.override(open_world_clip(run), precision="float32")
    assert run.data.color
    made = plan(run, "t4")
    assert made.hours[1] <= 1
    assert made.memory.peak <= 15 * 2**30
