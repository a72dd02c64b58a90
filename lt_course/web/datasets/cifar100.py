"""CIFAR-100 with a long tail as material: small photographs in memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast, get_args

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lt_course.data.labeled_images import LabeledImages, in_memory
from lt_course.data.order import numpy_generator
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.fields import COUNT, SEED, check
from lt_course.objectives.contrast import CLIPConfig
from lt_course.study.dataset import (
    InMemoryDataset,
    Task,
    Texts,
    balanced,
    every_token,
    require_photographs,
)
from lt_course.study.run_config import Data, RunConfig
from lt_course.web import data_paths
from lt_course.web.datasets import cifar
from lt_course.web.datasets.cifar import CaptionKind, LongTail
from lt_course.web.shards import photographs

CLASSES, SIDE = 100, 32
EACH = 500
"""Training pictures of a class, before the tail is cut."""

NEIGHBORS = 25
"""Pictures of each class that nearest neighbours are looked for among."""


@dataclass(frozen=True)
class Cifar100Data(Data):
    """CIFAR-100, with a long tail.

    Attributes:
        permutation: seed of which class gets which frequency; `lt_course.study.config` sets it to
            the run's seed unless it is given.
        imbalance_factor: images of the most frequent class over those of the rarest, 1 … 500.
    """

    dataset: str = "cifar100"
    concepts: int = CLASSES
    image_size: int = SIDE
    permutation: int = 0
    imbalance_factor: float = 1.0

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        check(self, concepts=(CLASSES, CLASSES), image_size=COUNT, permutation=SEED,
              imbalance_factor=(1, 500))  # fmt: skip

    def check_with(self, run: RunConfig) -> None:
        """As `Data`; captions are made of the names of classes and superclasses."""
        require_photographs(run)
        options = run.objective
        if isinstance(options, CLIPConfig):
            kinds = ("template", *get_args(CaptionKind))
            if options.text not in kinds:
                raise CourseError(
                    f"Field 'text' is {options.text!r}; captions of cifar100 are "
                    f"{', '.join(kinds)}."
                )
            if options.prompts not in ("matching", "template"):
                raise CourseError(
                    f"Field 'prompts' is {options.prompts!r}; classes of cifar100 are asked for in "
                    "the 80 templates: use 'matching' or 'template'."
                )


class Cifar100Dataset(InMemoryDataset):
    """CIFAR-100: 32 x 32 pixels, of 100 classes in 20 superclasses."""

    config = Cifar100Data

    def __init__(self, run: RunConfig) -> None:
        super().__init__(run)
        self.data = data = cast(Cifar100Data, run.data)
        tail = LongTail(data.imbalance_factor, data.permutation)
        self.cifar = known = cifar.load(data_paths.folder(cifar.CIFAR.inputs), tail)
        self.keys = self.names = known.names
        self.images = known.pictures
        self.labels, self.frequency = known.labels, known.frequency
        self.trimmed = np.zeros(CLASSES, np.bool_)
        self.test = in_memory(known.test_pictures, known.test_labels, self.standardize)
        self.test_rows = np.arange(len(known.test_labels))

    @classmethod
    def expected(cls, run: RunConfig) -> int:
        """As the law of the tail says."""
        ratio = cast(Cifar100Data, run.data).imbalance_factor
        rank = np.arange(CLASSES)
        return int((EACH * ratio ** (-rank / (CLASSES - 1))).astype(np.int64).sum())

    def standardize(self, images: Tensor) -> Tensor:
        """At the size that is asked for."""
        standardized, size = photographs.standardize(images), self.data.image_size
        if size == SIDE:
            return standardized
        return F.interpolate(standardized, size=size, mode="bicubic", antialias=True)

    @cached_property
    def texts(self) -> Texts:
        """One caption a class, or the 80 templates; asked for is always in the templates."""
        context = cast(CLIPConfig, self.run.objective).context
        tokenizer = self.run.tokenizer
        asked = [prompt for each in self.templates for prompt in each]
        prompts = tokens(asked, context, tokenizer).unflatten(0, (CLASSES, -1))
        return Texts(every_token(context, tokenizer), prompts)

    @cached_property
    def _captions(self) -> Tensor:
        """What may be said of each class, token ids [C, n, L]."""
        options = cast(CLIPConfig, self.run.objective)
        if options.text == "template":
            return self.texts.prompts
        texts = self.cifar.captions(cast(CaptionKind, options.text))
        return tokens(texts, options.context, self.run.tokenizer)[:, None]

    def captions_of(self, rows: NDArray[np.int64], step: int) -> Tensor:
        """As `InMemoryDataset`."""
        generator = numpy_generator(self.run.seed, step, "captions")
        drawn = generator.integers(self._captions.shape[1], size=len(rows))
        return self._captions[self.labels[rows], drawn]

    def naming(self) -> Task:
        """The classes, told by some training pictures of each."""
        rows = balanced(self.labels, NEIGHBORS)
        return Task(
            "cifar100",
            CLASSES,
            "top-1",
            self.shown(rows),
            None,
            self.test,
        )

    @property
    def trained_on(self) -> LabeledImages:
        """All training pictures."""
        return self.shown(np.arange(len(self.labels)))

    def shown(self, rows: NDArray[np.int64]) -> LabeledImages:
        """As `RunDataset`."""
        return in_memory(self.images[rows], self.labels[rows], self.standardize)
