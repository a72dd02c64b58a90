"""The paper's transfer sets as tasks: what is there is tried, and cropped as it is tested."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lt_course.data.augment import standardize_photographs as standardize
from lt_course.errors import CourseError
from lt_course.web.datasets.published_sets import published_tasks
from lt_course.web.shards.photographs import evaluation_crop

BIRDS = ("auk", "bunting", "crane")


@pytest.fixture
def birdsnap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten training and two test pictures of each of three birds, wide and high ones."""
    monkeypatch.setenv("LT_COURSE_DATA", str(tmp_path))
    generator = np.random.default_rng(0)
    for part, each in (("train", 10), ("test", 2)):
        for bird in BIRDS:
            folder = tmp_path / "transfer" / "birdsnap" / part / bird
            folder.mkdir(parents=True)
            for number in range(each):
                size = (40, 56, 3) if number % 2 else (56, 40, 3)
                pixels = generator.integers(0, 256, size, dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "transfer" / "birdsnap"


def test_what_is_there_is_a_task(birdsnap: Path) -> None:
    (task,) = published_tasks(32)
    assert (task.name, task.classes, task.metric) == ("birdsnap", 3, "top-1")
    assert task.validation is not None
    assert (len(task.train), len(task.validation), len(task.test)) == (24, 6, 6)
    assert task.test.labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_pictures_are_those_of_the_files_in_the_order_of_the_rows(birdsnap: Path) -> None:
    (task,) = published_tasks(32)
    rows = np.array([5, 0, 3])
    batches = list(task.test.batches(rows, torch.device("cpu")))
    shown, labels = (torch.cat(column) for column in zip(*batches, strict=True))
    assert labels.tolist() == [2, 0, 1]
    for picture, row in zip(shown, rows, strict=True):
        path = birdsnap / "test" / BIRDS[row // 2] / f"{row % 2}.png"
        pixels = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)
        expected = standardize(evaluation_crop(pixels, 32, 32)[None])[0]
        torch.testing.assert_close(picture, expected)


def test_nothing_there_is_no_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LT_COURSE_DATA", str(tmp_path))
    assert list(published_tasks(32)) == []


def test_half_a_set_is_refused(birdsnap: Path) -> None:
    (birdsnap / "test").rename(birdsnap / "elsewhere")
    with pytest.raises(CourseError, match="'birdsnap' is not complete"):
        list(published_tasks(32))
