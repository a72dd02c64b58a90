"""What light and camera change: each step against its plain form, and how often it is taken."""

from __future__ import annotations

import pytest
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor
from torchvision.transforms.v2 import functional as V

from lt_course.data import crops as module
from lt_course.data.augment import standardize_photographs as standardize
from lt_course.data.crops import GLOBAL, Law, photometric

NEVER = Law((0.0,), (0.0,))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(number: int = 40, crops: int = 2, size: int = 24) -> Tensor:
    """Smooth ones, [B, n, 3, h, w], in the middle of 0 … 1, so that nothing is cut off."""
    coarse = 0.35 + 0.3 * torch.rand(number * crops, 3, 4, 4, generator=generator())
    smooth = torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")
    return smooth.unflatten(0, (number, crops))


def shown(x: Tensor) -> Tensor:
    mean, deviation = (
        torch.tensor(each).view(3, 1, 1) for each in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
    )
    return (x - mean) / deviation


def seen(x: Tensor) -> Tensor:
    mean, deviation = (
        torch.tensor(each).view(3, 1, 1) for each in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
    )
    return x * deviation + mean


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("MIRRORED", "JITTERED", "GREY"):
        monkeypatch.setattr(module, name, 0.0)
    return monkeypatch


def test_what_is_not_drawn_is_not_changed(nothing) -> None:
    x = shown(pictures())
    torch.testing.assert_close(photometric(x, NEVER, generator()), x, atol=1e-5, rtol=1e-5)
    picture = torch.randint(0, 256, (2, 3, 8, 8), generator=generator()).to(torch.uint8)
    torch.testing.assert_close(shown(picture / 255), standardize(picture))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("MIRRORED", lambda x: x.flip(-1)),
        ("GREY", lambda x: V.rgb_to_grayscale(x, 3)),
    ],
)
def test_steps_are_torchvision_s_and_as_frequent_as_asked(nothing, name: str, plain) -> None:
    nothing.setattr(module, name, 0.3)
    x = pictures(200)
    changed = seen(photometric(shown(x), NEVER, generator()))
    expected = plain(x.flatten(0, 1)).unflatten(0, x.shape[:2])
    is_changed = (changed - expected).abs().amax((2, 3, 4)) < 2e-3
    is_same = (changed - x).abs().amax((2, 3, 4)) < 1e-5
    assert (is_changed | is_same).all()
    assert is_changed.float().mean() == pytest.approx(0.3, abs=0.08)


def test_jitter_moves_light_contrast_and_colour_within_their_ranges(nothing) -> None:
    nothing.setattr(module, "JITTERED", 1.0)
    x = pictures(100)
    changed = seen(photometric(shown(x), NEVER, generator()))
    ratio = changed.mean((2, 3, 4)) / x.mean((2, 3, 4))
    assert 0.55 < ratio.min() < 0.75
    assert 1.25 < ratio.max() < 1.45


def test_hue_turns_as_torchvision_s_and_leaves_the_light() -> None:
    x = pictures(1, 1)[0]
    half = torch.full((1,), 0.5)
    turned = [module._jittered(x, half, half, half, torch.full((1,), end)) for end in (0.0, 1.0)]
    for each in turned:
        torch.testing.assert_close(
            V.rgb_to_grayscale(each), V.rgb_to_grayscale(x), atol=2e-3, rtol=0
        )

    def alike(one: Tensor, other: Tensor) -> float:
        chroma = [(each - V.rgb_to_grayscale(each)).flatten() for each in (one, other)]
        return torch.cosine_similarity(*chroma, dim=0).item()

    theirs = V.adjust_hue(x, module.HUE)
    assert all(alike(each, x) < 0.95 for each in turned)
    assert max(alike(each, theirs) for each in turned) > 0.95


def test_blur_is_gaussian() -> None:
    x = pictures(1, 3)[0]
    drawn = torch.tensor([0.0, 0.4, 0.9])
    blurred = module._blurred(x, drawn)
    for before, after, number in zip(x, blurred, drawn, strict=True):
        sigma = float(0.1 + 1.9 * number)
        expected = V.gaussian_blur(before[None], [13, 13], [sigma, sigma])[0]
        torch.testing.assert_close(after, expected, atol=1e-5, rtol=1e-4)


def test_global_crops_follow_laws_of_their_own(nothing) -> None:
    x = torch.rand(300, 2, 3, 8, 8, generator=generator())
    changed = seen(photometric(shown(x), GLOBAL, generator()))
    moved = (changed - x).abs().amax((2, 3, 4)) > 1e-3
    assert moved[:, 0].float().mean() > 0.9, "the first is always blurred, if little"
    assert moved[:, 1].float().mean() == pytest.approx(1 - 0.9 * 0.8, abs=0.09)
