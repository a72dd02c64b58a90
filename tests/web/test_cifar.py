"""CIFAR-100 with a long tail, on a miniature in torchvision's format."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.datasets import CIFAR100

from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.models.heads import Prototypes
from lt_course.objectives.classify import Supervised, SupervisedConfig
from lt_course.training.loop import fit
from lt_course.training.options import Training
from lt_course.web.datasets import cifar
from lt_course.web.datasets.cifar import LongTail

EACH = 20


def accept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torchvision take files of other sums."""
    monkeypatch.setattr(CIFAR100, "train_list", [["train", None]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", None]])
    monkeypatch.setattr(CIFAR100, "meta", CIFAR100.meta | {"md5": None})


def miniature(folder: Path) -> Path:
    """Twenty training pictures a class, each as bright as its class's number says."""
    folder = folder / "cifar-100-python"
    folder.mkdir(exist_ok=True)
    for name, each in (("train", EACH), ("test", 2)):
        fine = np.tile(np.arange(100), each)
        data = np.repeat(2 * fine[:, None], 3_072, 1).astype(np.uint8)
        entry = {
            "data": data,
            "fine_labels": fine.tolist(),
            "coarse_labels": (fine % 20).tolist(),
            "filenames": [f"{name}_{i}.png" for i in range(len(fine))],
        }
        (folder / name).write_bytes(pickle.dumps(entry))
    names = {
        "fine_label_names": [f"thing_{i}" for i in range(100)],
        "coarse_label_names": [f"super_things_{i}" for i in range(20)],
    }
    (folder / "meta").write_bytes(pickle.dumps(names))
    return folder.parent


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    accept(monkeypatch)
    return miniature(tmp_path)


def test_the_tail_is_the_published_one(root: Path) -> None:
    data = cifar.load(root, LongTail(10, permutation=None))
    expected = [int(EACH * 0.1 ** (i / 99)) for i in range(100)]
    assert data.frequency.tolist() == expected
    assert np.bincount(data.labels, minlength=100).tolist() == expected
    assert (data.pictures[:, 0, 0, 0].numpy() == 2 * data.labels).all()
    assert len(data.test_labels) == 200
    published = np.floor(500 * 0.01 ** (np.arange(100) / 99))
    _, frequency = cifar._tail(np.repeat(np.arange(100), 500), LongTail(100, None), 100)
    assert frequency.tolist() == published.tolist()
    assert frequency.sum() == 10_847, "Cao et al.'s CIFAR-100-LT has 10,847 pictures"


def test_a_permutation_keeps_the_counts(root: Path) -> None:
    one, again, other = (cifar.load(root, LongTail(10, seed)) for seed in (1, 1, 2))
    assert sorted(one.frequency) == sorted(other.frequency)
    assert one.frequency.tolist() == again.frequency.tolist() != other.frequency.tolist()
    assert torch.equal(one.pictures, again.pictures)
    assert np.bincount(one.labels, minlength=100).tolist() == one.frequency.tolist()


def test_captions_name_class_and_superclass(root: Path) -> None:
    data = cifar.load(root)
    assert data.captions("class")[21] == "a photo of a thing 21"
    assert data.captions("superclass")[21] == "a photo of super things 1"
    assert data.captions("class+superclass")[21] == "a photo of a thing 21, super things 1"
    with pytest.raises(CourseError, match="'text' is 'title'"):
        data.captions("title")  # type: ignore[arg-type]


def test_missing_files_and_fields_are_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"lacks cifar-100.*169 MB; no licence"):
        cifar.load(tmp_path)
    with pytest.raises(CourseError, match="'ratio'"):
        LongTail(0.5)


class Brightness(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(3, 16)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.map(pictures.mean((2, 3)))


def test_it_trains_and_a_step_is_a_function_of_its_number(root: Path) -> None:
    data = cifar.load(root, LongTail(10, permutation=None))
    load = data.loader(32, seed=3, text="class")
    one, again = (load(load.order.rows(5), 5) for _ in range(2))
    assert torch.equal(one.pictures, again.pictures)
    assert one.pictures.shape == (32, 3, 32, 32)
    assert one.tokens is not None
    for label, ids in zip(one.labels.tolist(), one.tokens, strict=True):
        assert torch.equal(ids, tokens([f"a photo of a thing {label}"], 16)[0])
    torch.manual_seed(0)
    frequency = torch.from_numpy(data.frequency)
    model = Supervised(SupervisedConfig(), Brightness(), Prototypes(100, 16), frequency)
    options = Training(
        duration="5 epochs",
        batch_size=32,
        learning_rate=0.05,
        precision="float32",
        weight_decay=0.0,
    )
    history = fit(model, load, load.order, options)
    assert history[-1]["loss"] < history[0]["loss"] - 0.2
