"""CIFAR-100 with a long tail: photographs that need no registration.

60,000 photographs of 32 by 32 pixels, of 100 classes in 20 superclasses (Krizhevsky, 2009). The
long tail is that of Cao et al. (arXiv 1906.07413, Sec. 4.1): the class at rank r keeps
``500 * ratio ** (-r / 99)`` of its 500 training pictures. Which class stands at which rank is a
seeded permutation (as published: the order of the names). The test set stays balanced.

Captions are made of the class and superclass names, so a caption kind is a choice at load time:

    class               a photo of a beaver
    superclass          a photo of aquatic mammals
    class+superclass    a photo of a beaver, aquatic mammals
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.datasets import CIFAR100

from lt_course.data.augment import random_crop
from lt_course.data.batch import Batch
from lt_course.data.order import Order, Sampler, torch_generator
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.fields import SEED, check
from lt_course.web.datasets.sources import Input, Source
from lt_course.web.shards.photographs import standardize

CaptionKind = Literal["class", "superclass", "class+superclass"]

CIFAR = Source(
    "cifar100",
    "small photographs of 100 classes in 20 superclasses, with a long tail (torchvision reads it)",
    pairs=50_000,
    classes=100,
    inputs=(
        Input(
            "cifar-100-python.tar.gz, unpacked as cifar-100-python/",
            "https://www.cs.toronto.edu/~kriz/cifar.html (torchvision downloads it)",
            "no licence is stated",
            "169 MB",
        ),
    ),
    prepared=False,
)


@dataclass(frozen=True)
class LongTail:
    """The training set.

    Attributes:
        ratio: pictures of the most frequent class over those of the rarest, 1 … 500.
        permutation: seed of which class gets which rank and of which pictures stay; None: ranks
            follow the order of the names.
    """

    ratio: float = 100.0
    permutation: int | None = 0

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        check(self, ratio=(1, 500), permutation=SEED)


@dataclass(frozen=True)
class Cifar:
    """N training and M test photographs of C = 100 classes.

    Attributes:
        names: of the classes.
        superclasses: the superclass of each class, by name.
        pictures: uint8 [N, 3, 32, 32].
        labels: int64 [N].
        frequency: int64 [C].
        test_pictures: uint8 [M, 3, 32, 32].
        test_labels: int64 [M].
    """

    names: tuple[str, ...]
    superclasses: tuple[str, ...]
    pictures: Tensor
    labels: NDArray[np.int64]
    frequency: NDArray[np.int64]
    test_pictures: Tensor
    test_labels: NDArray[np.int64]

    def captions(self, kind: CaptionKind) -> list[str]:
        """The caption of each class's pictures.

        Raises:
            CourseError: if the kind is unknown.
        """
        if kind == "class":
            return [f"a photo of a {name}" for name in self.names]
        if kind == "superclass":
            return [f"a photo of {name}" for name in self.superclasses]
        if kind == "class+superclass":
            both = zip(self.names, self.superclasses, strict=True)
            return [f"a photo of a {name}, {superclass}" for name, superclass in both]
        raise CourseError(
            f"Field 'text' is {kind!r}; the kinds of CIFAR-100 are "
            f"{', '.join(get_args(CaptionKind))}."
        )

    def loader(
        self,
        batch: int,
        *,
        seed: int = 0,
        sampler: Sampler = "natural",
        crop: float = 0.9,
        text: CaptionKind | None = None,
        context: int = 16,
        device: torch.device | str = "cpu",
    ) -> CifarLoader:
        """Batches for `lt_course.training.loop.fit`.

        Args:
            batch: pictures a step.
            seed: of the order and of the crops.
            sampler: of the order.
            crop: least area of the random crop (`lt_course.data.augment.random_crop`).
            text: kind of captions; None: batches have no tokens.
            context: greatest length of a caption in tokens.
            device: where all pictures are kept, and cropped.
        """
        ids = None if text is None else tokens(self.captions(text), context).to(device)
        order = Order(self.labels, batch, seed, sampler)
        labels = torch.from_numpy(self.labels).to(device)
        return CifarLoader(order, self.pictures.to(device), labels, ids, crop)


@dataclass(frozen=True)
class CifarLoader:
    """``load(rows, step) -> Batch``: a function of the order's seed, the step and the rows.

    Attributes:
        order: which pictures make up which step.
        pictures: uint8 [N, 3, 32, 32].
        labels: int64 [N].
        tokens: int64 [C, L], the caption of each class; None: none is read.
        crop: least area of the random crop.
    """

    order: Order
    pictures: Tensor
    labels: Tensor
    tokens: Tensor | None
    crop: float

    def __call__(self, rows: NDArray[np.int64], step: int) -> Batch:
        """Standardised pictures float [B, 3, 32, 32], classes and tokens."""
        picked = torch.from_numpy(rows).to(self.labels.device)
        generator = torch_generator(self.order.seed, step, "augmentation")
        cropped = random_crop(standardize(self.pictures[picked]), self.crop, generator)
        labels = self.labels[picked]
        return Batch(cropped, labels, None if self.tokens is None else self.tokens[labels])


def load(root: Path, tail: LongTail | None = None, *, download: bool = False) -> Cifar:
    """CIFAR-100 with a long tail.

    Args:
        root: folder with ``cifar-100-python``, as torchvision has it.
        tail: default: a ratio of 100.
        download: let torchvision download what is not there (169 MB).

    Raises:
        CourseError: if the files are not there, or not as published.
    """
    try:
        train, test = (CIFAR100(root, train=train, download=download) for train in (True, False))
    except RuntimeError as error:
        raise CourseError(
            f"The folder {root} lacks {CIFAR.inputs[0]}; put it there, or set 'download'."
        ) from error
    labels = np.array(train.targets, np.int64)
    rows, frequency = _tail(labels, tail or LongTail(), len(train.classes))
    return Cifar(
        tuple(name.replace("_", " ") for name in train.classes),
        _superclasses(Path(root) / CIFAR100.base_folder, labels),
        _channels_first(train.data[rows]),
        labels[rows],
        frequency,
        _channels_first(test.data),
        np.array(test.targets, np.int64),
    )


def _tail(
    labels: NDArray[np.int64], tail: LongTail, classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that stay, and how many of each class."""
    rank, order = np.arange(classes), np.arange(len(labels))
    if tail.permutation is not None:
        generator = np.random.default_rng([tail.permutation, 0xC1F])
        rank, order = generator.permutation(classes), generator.permutation(len(labels))
    available = np.bincount(labels, minlength=classes)
    frequency = (available * tail.ratio ** (-rank / (classes - 1))).astype(np.int64)
    kept = [order[labels[order] == label][:count] for label, count in enumerate(frequency)]
    return np.sort(np.concatenate(kept)), frequency


def _superclasses(folder: Path, labels: NDArray[np.int64]) -> tuple[str, ...]:
    """The superclass of each class, which torchvision leaves out."""
    # torchvision has compared both files with their MD5 sums, and unpickled them, by now.
    with (folder / "train").open("rb") as file:
        of_picture = np.array(pickle.load(file, encoding="latin1")["coarse_labels"])
    with (folder / "meta").open("rb") as file:
        names = pickle.load(file, encoding="latin1")["coarse_label_names"]
    _, first = np.unique(labels, return_index=True)
    return tuple(names[number].replace("_", " ") for number in of_picture[first])


def _channels_first(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
