"""Order and randomness depend on (seed, epoch, step) and nothing else."""

import numpy as np
import pytest
import torch

from lt_course.data.augment import random_crop, standardize
from lt_course.data.order import Order, numpy_generator, torch_generator

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
    paper = standardize(torch.full((4, 32, 32), 255, dtype=torch.uint8))
    assert torch.equal(paper, torch.zeros(4, 1, 32, 32))
    assert torch.equal(random_crop(paper, 0.5, torch.Generator().manual_seed(0)), paper)


def test_the_whole_picture_is_left_as_it_is() -> None:
    pictures = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(random_crop(pictures, 1, torch.Generator()), pictures)
    nearly = random_crop(pictures, 1 - 1e-6, torch.Generator().manual_seed(0))
    torch.testing.assert_close(nearly, pictures, rtol=0, atol=1e-4)


def test_a_crop_lies_within_the_picture_and_has_its_area() -> None:
    """Pictures of coordinates: what is read off the crop is where it lies."""
    line = (torch.arange(32.0) + 0.5) / 32
    coordinates = torch.stack([line.expand(32, 32), line[:, None].expand(32, 32)])
    pictures = coordinates[:, None].repeat(500, 1, 1, 1)
    for smallest in (0.5, 0.9):
        across = random_crop(pictures[::2], smallest, torch.Generator().manual_seed(0))[:, 0]
        down = random_crop(pictures[1::2], smallest, torch.Generator().manual_seed(0))[:, 0]
        crops = torch.cat([across, down.mT])
        left, right = crops[:, :, 1:-1].amin((1, 2)), crops[:, :, 1:-1].amax((1, 2))
        assert left.min() >= 0
        assert right.max() <= 1
        area = ((right - left) * 32 / 29) ** 2
        assert area.min() > smallest - 0.02
        assert area.max() < 1.02
        assert area.mean() == pytest.approx((1 + smallest) / 2, abs=0.02)
        assert (left + right).std() > 0.01
