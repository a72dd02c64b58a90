"""Multi-crop: every crop lies where, and is as large, as it should."""

import math

import pytest
import torch
from torch import Tensor

from lt_course.data.crops import multi_crop, random_crops
from lt_course.data.order import torch_generator
from lt_course.objectives.distill import DINOConfig

SIZE = 16
LINE = (torch.arange(64.0) + 0.5) / 64
COORDINATES = torch.stack([LINE.expand(64, 64), LINE[:, None].expand(64, 64)])
"""A picture of two channels: what is read off a crop of it is where it lies."""


def generator(step: int = 0) -> torch.Generator:
    return torch_generator(0, step, "augmentation")


def edges(area: tuple[float, float], aspect: float) -> tuple[Tensor, Tensor]:
    """Lower and upper edges across and down, float [1500, 2] each, of crops of that kind."""
    pictures = COORDINATES.expand(500, 2, 64, 64)
    crops = random_crops(pictures, 3, SIZE, area, aspect, generator()).flatten(0, 1)
    # Between the first and the last pixel's centre lie all but one of the crop's pixels.
    low = torch.stack([crops[:, 0, 8, 3], crops[:, 1, 3, 8]], dim=1)
    high = torch.stack([crops[:, 0, 8, -4], crops[:, 1, -4, 8]], dim=1)
    pixel = (high - low) / (SIZE - 7)
    return low - 3.5 * pixel, high + 3.5 * pixel


@pytest.mark.parametrize("area", [(0.05, 0.14), (0.14, 1.0), (0.3, 0.3)])
@pytest.mark.parametrize("aspect", [1.0, 4 / 3])
def test_crops_lie_within_the_picture_and_have_their_areas(
    area: tuple[float, float], aspect: float
) -> None:
    low, high = edges(area, aspect)
    assert low.min() > -1e-4
    assert high.max() < 1 + 1e-4
    sides = high - low
    share = sides.prod(1)
    assert share.min() > area[0] - 1e-3
    assert share.max() < area[1] + 1e-3
    assert share.mean() == pytest.approx(sum(area) / 2, abs=0.03)
    ratio = (sides[:, 0] / sides[:, 1]).log()
    assert ratio.abs().max() <= math.log(aspect) + 1e-3
    assert ratio.mean() == pytest.approx(0, abs=0.03)
    if aspect > 1:
        assert ratio.std() > 0.1


def test_places_are_uniform() -> None:
    low, high = edges((0.1, 0.1), 1.0)
    place = low / (1 - (high - low))
    for quantile in (0.1, 0.5, 0.9):
        assert torch.quantile(place, quantile).item() == pytest.approx(quantile, abs=0.03)


def test_a_crop_of_all_is_the_picture() -> None:
    pictures = torch.rand(3, 1, 32, 32, generator=generator())
    crops = random_crops(pictures, 2, 32, (1.0, 1.0), 2.0, generator())
    torch.testing.assert_close(crops, pictures[:, None].expand_as(crops), rtol=0, atol=1e-5)


def test_every_crop_is_of_its_own_picture() -> None:
    pictures = torch.arange(1.0, 6).view(5, 1, 1, 1).expand(5, 1, 32, 32)
    crops = random_crops(pictures, 4, SIZE, (0.1, 0.2), 1.5, generator())
    inner = crops[..., 2:-2, 2:-2]
    torch.testing.assert_close(inner, pictures[:, None, :, 2:14, 2:14].expand_as(inner))


def test_one_tall_grid_gives_what_a_crop_at_a_time_gives() -> None:
    """A crop does not reach into its neighbours: only its own randomness decides on it."""
    pictures = torch.rand(1, 1, 32, 32, generator=generator())
    together = random_crops(pictures, 7, SIZE, (0.1, 1.0), 1.5, generator())
    apart = random_crops(pictures.repeat(7, 1, 1, 1), 1, SIZE, (0.1, 1.0), 1.5, generator())
    torch.testing.assert_close(together[0], apart[:, 0])


def test_blank_paper_stays_blank() -> None:
    paper = torch.zeros(2, 1, 32, 32)
    assert not random_crops(paper, 3, SIZE, (0.1, 0.5), 1.3, generator()).any()


def test_global_and_local_crops_have_their_numbers_and_sizes() -> None:
    pictures = torch.rand(6, 1, 32, 32, generator=generator())
    options = DINOConfig(global_crops=2, local_crops=5, global_size=32, local_size=16)
    shapes = [crops.shape for crops in multi_crop(pictures, options, generator())]
    assert shapes == [(6, 2, 1, 32, 32), (6, 5, 1, 16, 16)]
    assert len(multi_crop(pictures, DINOConfig(local_crops=0), generator())) == 1


def test_crops_are_a_function_of_seed_and_step() -> None:
    pictures = torch.rand(4, 1, 32, 32, generator=generator())
    first, again, later = (
        torch.cat([c.flatten() for c in multi_crop(pictures, DINOConfig(), generator(step))])
        for step in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, later)


@pytest.mark.parametrize("photometric", [False, True])
def test_shares_of_processes_are_cropped_as_the_whole_batch(photometric: bool) -> None:
    pictures = torch.rand(6, 3, 32, 32, generator=generator())
    options = DINOConfig(photometric=photometric)
    whole = multi_crop(pictures, options, generator())
    shares = [
        multi_crop(pictures[2 * rank : 2 * rank + 2], options, generator(), rank, 3)
        for rank in range(3)
    ]
    for size, parts in zip(whole, zip(*shares, strict=True), strict=True):
        torch.testing.assert_close(torch.cat(parts), size)
