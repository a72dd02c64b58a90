"""The image tower asked without text."""

import numpy as np
import pytest

from lt_course import study
from lt_course.errors import CourseError
from lt_course.lessons.features import cosines_on_test, image_features

SMALL = {
    "scale": "tiny",
    "concepts": 8,
    "profile": "incaps",
    "num_images": 150,
    "batch_size": 32,
    "duration": "4 epochs",
}


def test_cosines_are_those_that_the_run_predicted_by(small, store) -> None:
    record = study.train_or_load(study.config("sl", **SMALL))
    found = cosines_on_test(record)
    assert np.abs(found).max() <= 1 + 1e-6
    assert (found.argmax(1) == record.arrays["predictions"]).all()


def test_without_a_checkpoint_there_is_nothing_to_ask(small, store) -> None:
    record = study.train_or_load(study.config("sl", **SMALL))
    for path in (record.folder / "checkpoint").glob("*"):
        path.unlink()
    with pytest.raises(CourseError, match="checkpoint"):
        image_features(record, small.pictures[:2])
