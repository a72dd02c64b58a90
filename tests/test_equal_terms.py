"""Lesson 03: models as they were trained, what they know by heart, and what is set side by side."""

import numpy as np
import pytest
import torch

from lt_course import evidence, study
from lt_course.evaluation.intervals import mean_over_seeds
from lt_course.evidence.claims import Verdict
from lt_course.lessons import equal_terms

RUN = {"scale": "tiny", "concepts": 8, "num_images": 40, "batch_size": 16, "embed_dim": 16}


@pytest.mark.parametrize("method", ["sl", "clip-title"])
def test_a_trained_model_gives_what_its_run_recorded(small, store, method):
    record = study.train_or_load(study.config(method, duration="4 steps", **RUN))
    data, model = equal_terms.trained(record)
    assert not model.training
    (pictures, labels), *_ = data.test.batches(
        np.arange(len(data.test.labels)), torch.device("cpu")
    )
    vectors = torch.nn.functional.normalize(torch.tensor(record.arrays["prototypes"]), dim=1)
    with torch.no_grad():
        said = (model.image_features(pictures) @ vectors.T).argmax(1)
    assert (labels == said).float().mean() == pytest.approx(record.metrics["accuracy"])


def test_what_is_known_by_heart_is_right_on_the_training_images(small, store):
    record = study.train_or_load(study.config("sl", duration="150 steps", crop=1, **RUN))
    found = equal_terms.on_training_images(record)
    assert list(found) == ["head", "mid", "tail"]
    assert min(found.values()) > 0.9
    short = study.train_or_load(study.config("sl", duration="2 steps", crop=1, **RUN))
    assert np.mean(list(equal_terms.on_training_images(short).values())) < 0.7


def test_photographs_stand_beside_drawings():
    drawn = evidence.experiment("the_gap").claims[0]
    shown = evidence.experiment("tiny_imagenet_gap").claims[0]
    assert shown.repeats == drawn.id
    first = Verdict(drawn, "the_gap", mean_over_seeds([0.5, 0.7]), {0: 0.5, 1: 0.7}, "supported")
    second = Verdict(
        shown, "tiny_imagenet_gap", mean_over_seeds([0.1, 0.3]), {1: 0.1, 2: 0.3}, "undecided"
    )
    missing = Verdict(shown, "tiny_imagenet_gap", None, {}, "not recorded")
    table = equal_terms.drawings_and_photographs([first, second, missing])
    assert table.to_dict("records") == [
        {
            "claim, on drawings": drawn.sentence,
            "drawings": str(first.effect),
            "photographs": str(second.effect),
            "of": "tiny imagenet",
            "verdict, photographs": "undecided",
        }
    ]
