"""Captions that a reader writes, trained on; trained models that are asked again."""

import numpy as np
import pytest
import torch

from lt_course import study
from lt_course.lessons import own_captions

SMALL = {
    "scale": "tiny",
    "concepts": 6,
    "profile": "incaps",
    "num_images": 60,
    "batch_size": 16,
    "duration": "2 epochs",
}


def test_what_is_known_of_a_drawing(small) -> None:
    found = own_captions.drawing(small, 0)
    assert found["name"] == small.concepts[0].name
    assert found["title"] == small.titles[0]
    assert found["tags"] == small.tags[0]
    assert found["look"] in ("solid", "line")


def test_own_titles_train_as_titles_do(small, store) -> None:
    run = study.config("clip-title", seed=0, **SMALL)
    own = own_captions.train_on(lambda drawing: drawing["title"], run)
    assert own.metrics == pytest.approx(study.train_or_load(run).metrics, abs=0, nan_ok=True)


def test_own_captions_are_what_is_read(small, store) -> None:
    run = study.config("clip-title", seed=0, **SMALL)
    dataset = own_captions.OwnCaptions(run, lambda drawing: f"a {drawing['look']} thing")
    assert set(dataset._captions.texts) <= {"a solid thing", "a line thing"}


def test_a_trained_model_predicts_as_it_did(small, store) -> None:
    record = study.train_or_load(study.config("clip-title", seed=0, **SMALL))
    dataset, model = own_captions.trained(record)
    shown = dataset.standardize(torch.from_numpy(small.pictures[dataset.test_rows]))
    with torch.no_grad():
        cosines = model.image_features(shown) @ torch.from_numpy(record.arrays["prototypes"]).T
    assert np.array_equal(cosines.argmax(1).numpy(), record.arrays["predictions"])
