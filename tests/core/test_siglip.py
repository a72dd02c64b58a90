"""The sigmoid loss against its formula, and a training with it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.data.order import Order
from lt_course.errors import CourseError
from lt_course.models.heads import Temperature
from lt_course.objectives.siglip import SigLIP, SigLIPConfig, sigmoid_loss
from lt_course.training.loop import fit
from lt_course.training.options import Training

CLASSES = 10


def by_the_formula(image: Tensor, text: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Eq. 1 of arXiv 2303.15343, pair by pair."""
    total = torch.zeros((), dtype=torch.double)
    for i in range(len(image)):
        for j in range(len(text)):
            z = 1 if i == j else -1
            total += torch.log(1 / (1 + torch.exp(z * (-scale * image[i].dot(text[j]) - bias))))
    return -total / len(image)


@pytest.mark.parametrize(("pairs", "start", "offset"), [(1, 10, -10), (6, 10, -10), (9, 30, -2)])
def test_equals_the_formula(pairs: int, start: float, offset: float) -> None:
    """Value and the gradients of features, scale and bias, in float64."""
    generator = torch.Generator().manual_seed(pairs)
    raw = torch.randn(2, pairs, 5, generator=generator, dtype=torch.double)
    found = []
    for ours in (True, False):
        image, text = (F.normalize(each, dim=1).requires_grad_() for each in raw)
        temperature = Temperature(start).double()
        bias = torch.tensor(offset, dtype=torch.double, requires_grad=True)
        loss = (
            sigmoid_loss(image, text, temperature, bias) if ours
            else by_the_formula(image, text, temperature.log_scale.exp(), bias)
        )  # fmt: skip
        learnt = (image, text, temperature.log_scale, bias)
        found.append([loss, *torch.autograd.grad(loss, learnt)])
    for value, expected in zip(*found, strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-12)


def siglip() -> SigLIP:
    """Pictures of 16 pixels, and texts of one word."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SigLIP(
            SigLIPConfig(),
            nn.Sequential(nn.Flatten(), nn.Linear(16, 8)),
            nn.EmbeddingBag(CLASSES, 8),
        )


def test_starts_as_published_and_is_not_clamped() -> None:
    model = siglip()
    assert model.temperature.log_scale.item() == pytest.approx(np.log(10))
    assert model.bias.item() == -10
    model.temperature.log_scale.data.fill_(np.log(117))
    model.after_step()
    assert model.temperature.log_scale.exp().item() == pytest.approx(117)


def test_a_training_tells_classes_apart() -> None:
    """Zero-shot by cosine: far above the chance of one in ten."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % CLASSES
    prototypes = torch.randn(CLASSES, 4, 4, generator=generator)
    pictures = prototypes[labels] + torch.randn(400, 4, 4, generator=generator)
    model = siglip()

    def load(rows: np.ndarray, step: int) -> Batch:
        return Batch(pictures[rows, None], labels[rows], labels[rows, None])

    def accuracy() -> float:
        with torch.no_grad():
            texts = model.text_features(torch.arange(CLASSES)[:, None])
            logits = model.temperature(model.image_features(pictures[:, None]) @ texts.T)
        return (logits.argmax(1) == labels).float().mean().item()

    assert accuracy() < 0.3
    options = Training("6 epochs", batch_size=20, learning_rate=0.05, precision="float32")
    history = fit(model, load, Order(labels.numpy(), 20, 0), options)
    assert accuracy() > 0.7
    assert history[-1]["loss"] < history[0]["loss"]
    assert {"log_scale", "bias"} <= history[-1].keys()


def test_a_tile_is_refused() -> None:
    with pytest.raises(CourseError, match="'tile' is 8; SigLIP has no tiled loss"):
        SigLIPConfig(tile=8)
