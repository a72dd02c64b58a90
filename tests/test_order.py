"""Order and randomness depend on (seed, epoch, step) and nothing else."""

import numpy as np
import pytest
import torch

from lt_course.training.augment import random_crop, standardise
from lt_course.training.order import Order, numpy_generator, torch_generator

LABELS = np.repeat(np.arange(5), [50, 30, 15, 4, 1])


def test_an_epoch_shows_every_picture_at_most_once() -> None:
    order = Order(LABELS, batch=32, seed=0)
    assert order.steps_per_epoch == 3
    for epoch in range(3):
        rows = np.concatenate([order.rows(3 * epoch + step) for step in range(3)])
        assert len(np.unique(rows)) == len(rows) == 96


def test_epochs_and_seeds_differ_and_repeat() -> None:
    order = Order(LABELS, batch=32, seed=0)
    first = order.rows(0)
    assert not np.array_equal(first, order.rows(3))
    assert not np.array_equal(first, Order(LABELS, 32, 1).rows(0))
    assert np.array_equal(first, Order(LABELS, 32, 0).rows(0))


def test_what_an_epoch_leaves_out_changes() -> None:
    order = Order(LABELS, batch=32, seed=0)
    shown = [set(np.concatenate([order.rows(3 * e + s) for s in range(3)])) for e in range(2)]
    assert shown[0] != shown[1]


def test_class_balanced_draws_classes_uniformly_and_pictures_within_them() -> None:
    order = Order(LABELS, batch=50, seed=0, sampler="class-balanced")
    rows = np.concatenate([order.rows(step) for step in range(200)])
    counts = np.bincount(LABELS[rows], minlength=5)
    assert counts == pytest.approx(2_000, rel=0.1)
    within = np.bincount(rows, minlength=100)
    assert within[:50] == pytest.approx(40, abs=30)
    assert within[:50].min() > 0


def test_streams_are_independent_of_each_other() -> None:
    drawn = {
        float(torch.rand(1, generator=torch_generator(seed, step, stream)))
        for seed in range(3)
        for step in range(3)
        for stream in ("augmentation", "objective")
    }
    assert len(drawn) == 18
    again = numpy_generator(1, 2, "captions").random(), numpy_generator(1, 2, "captions").random()
    assert again[0] == again[1]


def test_blank_paper_is_zero_and_stays_blank() -> None:
    paper = standardise(torch.full((4, 32, 32), 255, dtype=torch.uint8))
    assert torch.equal(paper, torch.zeros(4, 1, 32, 32))
    assert torch.equal(random_crop(paper, torch.Generator().manual_seed(0)), paper)


def test_cropping_without_range_changes_nothing() -> None:
    pictures = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    same = random_crop(pictures, torch.Generator(), scale=(1.0, 1.0), shift=0.0)
    torch.testing.assert_close(same, pictures, rtol=0, atol=1e-5)


def test_cropping_moves_ink_about_but_keeps_it_in_range() -> None:
    pictures = torch.zeros(256, 1, 32, 32)
    pictures[:, :, 14:18, 14:18] = 2
    cropped = random_crop(pictures, torch.Generator().manual_seed(0))
    assert cropped.min() >= 0
    assert cropped.max() <= 2 + 1e-5
    rows = torch.arange(32.0)
    centre = (cropped.sum((1, 3)) @ rows) / cropped.sum((1, 2, 3))
    assert centre.std() > 1
    assert centre.mean() == pytest.approx(15.5, abs=0.5)
