"""Device-agnostic code, proved without a GPU: fake CUDA tensors know their device, hold no data."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from lt_course.data.augment import random_crop, standardize
from lt_course.data.batch import Batch
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.models.heads import Prototypes
from lt_course.models.image_encoders import image_tower
from lt_course.models.text_encoders import SmallTransformer
from lt_course.objectives.classify import Supervised, SupervisedConfig
from lt_course.objectives.contrast import CLIP, CLIPConfig

pytestmark = pytest.mark.filterwarnings("ignore:.*CUDA is not available")

B, C, D = 8, 5, 16
GENERATOR = torch.Generator().manual_seed(0)


@pytest.fixture
def cuda():
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield torch.device("cuda")


def batch(device: torch.device) -> Batch:
    pictures = torch.zeros(B, 32, 32, dtype=torch.uint8, device=device)
    labels = torch.zeros(B, dtype=torch.long, device=device)
    tokens = torch.ones(B, 6, dtype=torch.long, device=device)
    return Batch(random_crop(standardize(pictures), 0.9, GENERATOR), labels, tokens)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"vocabulary": 3, "vocabulary_group": 4},
        {"sampling": "in-batch", "vocabulary_group": 4},
        {"adjustment": "balanced-softmax"},
        {"adjustment": "weighted"},
        {"loss": "sigmoid", "vocabulary": 3, "vocabulary_group": 4},
    ],
)
def test_classification_stays_on_its_device(cuda: torch.device, options: dict) -> None:
    with cuda:
        tower = image_tower("small-cnn", D, 32)
        head = Prototypes(C, D)
        model = Supervised(
            SupervisedConfig(**options), tower, head, torch.ones(C, dtype=torch.long)
        )
    data = batch(cuda)
    with torch.autocast("cuda", torch.bfloat16):
        representations = model.encode(data)
    loss, report = model.loss(representations, data, GENERATOR)
    assert loss.device.type == "cuda"
    assert loss.dtype == torch.float32
    assert model.scores(representations[0]).device.type == "cuda"
    assert all(value.device.type == "cuda" for value in report.values())


def test_contrast_stays_on_its_device(cuda: torch.device, monkeypatch) -> None:
    # A fake tensor has no length to trim to.
    monkeypatch.setattr(torch.Tensor, "__int__", lambda self: 5)
    with cuda:
        model = CLIP(
            CLIPConfig(), image_tower("small-cnn", D, 32), SmallTransformer(torch.arange(9), 6, D)
        )
    data = batch(cuda)
    with torch.autocast("cuda", torch.bfloat16):
        representations = model.encode(data)
    loss, _ = model.loss(representations, data, GENERATOR)
    assert loss.device.type == "cuda"
    prompts = torch.ones(C, 2, 6, dtype=torch.long, device=cuda)
    assert zero_shot_prototypes(model.text_features, prompts).device.type == "cuda"
