"""The image tower asked without text."""

import pytest

from lt_course import study
from lt_course.errors import CourseError
from lt_course.lessons.features import nearest_mean_accuracy

SMALL = {
    "scale": "tiny",
    "concepts": 8,
    "profile": "incaps",
    "num_images": 150,
    "batch_size": 32,
    "duration": "4 epochs",
}


def test_patterns_that_were_learnt_are_told_apart(small, store) -> None:
    record = study.train_or_load(study.config("sl", **SMALL))
    found = nearest_mean_accuracy(record)
    assert found > 0.5  # chance is 1/8
    assert found == nearest_mean_accuracy(record)
    right = found * small.test.sum()
    assert right == pytest.approx(round(right))


def test_without_a_checkpoint_there_is_nothing_to_ask(small, store) -> None:
    record = study.train_or_load(study.config("sl", **SMALL))
    for path in (record.folder / "checkpoint").glob("*"):
        path.unlink()
    with pytest.raises(CourseError, match="checkpoint"):
        nearest_mean_accuracy(record)
