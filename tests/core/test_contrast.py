"""The contrastive objective against open_clip's."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from open_clip.loss import ClipLoss
from torch import nn

from lt_course.data.batch import Batch
from lt_course.errors import CourseError
from lt_course.models.heads import GREATEST_LOG_SCALE, Temperature
from lt_course.objectives import objective
from lt_course.objectives.contrast import CLIP, CLIPConfig, info_nce
from lt_course.web import fused_losses


@pytest.mark.parametrize(
    ("pairs", "dimension", "start"), [(2, 3, 1.0), (7, 16, 14.3), (64, 128, 100)]
)
@pytest.mark.parametrize("tile", [None, 1, 5, 100])
def test_equals_open_clip(pairs: int, dimension: int, start: float, tile: int | None) -> None:
    """Loss, feature gradients and the temperature's gradient agree to 1e-6, tiled or not."""
    generator = torch.Generator().manual_seed(pairs)
    raw = [torch.randn(pairs, dimension, generator=generator) for _ in range(2)]

    def gradients(loss_of):
        image, text = (feature.clone().requires_grad_() for feature in raw)
        temperature = Temperature(start)
        loss = loss_of(F.normalize(image, dim=1), F.normalize(text, dim=1), temperature)
        loss.backward()
        return loss.detach(), image.grad, text.grad, temperature.log_scale.grad

    ours = gradients(info_nce if tile is None else partial(fused_losses.info_nce, tile=tile))
    theirs = gradients(lambda image, text, t: ClipLoss()(image, text, t.log_scale.exp()))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


def test_symmetric_in_its_arguments() -> None:
    image, text = F.normalize(
        torch.randn(2, 9, 5, generator=torch.Generator().manual_seed(0)), dim=2
    )
    torch.testing.assert_close(
        info_nce(image, text, Temperature()), info_nce(text, image, Temperature())
    )


def test_uninformative_features_cost_log_of_the_batch() -> None:
    same = F.normalize(torch.ones(11, 4), dim=1)
    assert info_nce(same, same, Temperature()).item() == pytest.approx(math.log(11), abs=1e-5)


def test_temperature_is_clamped_at_both_ends() -> None:
    assert Temperature(1_000).log_scale.item() == pytest.approx(math.log(100))
    temperature = Temperature()
    with torch.no_grad():
        temperature.log_scale.fill_(9)
    temperature.clamp()
    assert temperature.log_scale.item() == pytest.approx(GREATEST_LOG_SCALE)
    with torch.no_grad():
        temperature.log_scale.fill_(-3)
    temperature.clamp()
    assert temperature.log_scale.item() == 0


def test_a_tile_without_a_tiled_loss_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective, "FUSED", {})
    model = CLIP(CLIPConfig(tile=2), nn.Identity(), nn.Identity())
    features, batch = torch.ones(3, 2), Batch(torch.empty(3, 0), torch.zeros(3))
    with pytest.raises(CourseError, match="No fused or tiled 'info_nce' is loaded"):
        model.loss((features, features), batch, torch.Generator())
