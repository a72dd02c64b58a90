"""What a run trains on and is tested on, whatever it is made of.

A run's `Data` says which pictures; a `RunDataset` has them: their order, a loader of batches, what
their captions say, and what is tested. Drawings lie in memory, photographs in shards; execution
(`lt_course.study.execute`) asks all of them the same questions. A further set is a
class that answers, entered in `lt_course.study.registry`.

Where files lie is no part of a run: `lt_course.web.data_paths`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lt_course.data import captions
from lt_course.data.augment import mirror, random_crop
from lt_course.data.batch import Batch
from lt_course.data.fingerprint import Fingerprint
from lt_course.data.labeled_images import LabeledImages
from lt_course.data.multi_crop import multi_crop
from lt_course.data.order import Order, torch_generator
from lt_course.data.tokenizer import tokenizer
from lt_course.errors import CourseError
from lt_course.evaluation.linear_probe import Metric
from lt_course.objectives.contrast import CLIPConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.study import registry
from lt_course.study.run_config import RunConfig
from lt_course.study.text_heads import LanguageModel, OpenWorld
from lt_course.training.loop import LoadBatch

Ints = NDArray[np.int64]

MADE = ("template", "synset")
"""Captions of photographs that are made of their class's name, or of a synonym of it."""


@dataclass(frozen=True)
class Texts:
    """What a text tower will read.

    Attributes:
        known: int64 [U, L], token ids among which all tokens of captions and prompts are.
        prompts: int64 [C, P, L], what is asked for each class in zero-shot classification.
    """

    known: Tensor
    prompts: Tensor


@dataclass(frozen=True)
class Task:
    """Something to try features on: as `lt_course.data.transfer_sets.TransferSet`.

    Attributes:
        name: of the task.
        classes: their number C.
        metric: what is measured.
        train: fitted on.
        validation: the penalty of a linear probe is chosen on it. None: none is fitted, and nearest
            neighbours have to do.
        test: measured on.
    """

    name: str
    classes: int
    metric: Metric
    train: LabeledImages
    validation: LabeledImages | None
    test: LabeledImages


class RunDataset(ABC):
    """N training images of C classes, and what is tested.

    Attributes:
        run: whose `Data` it is.
        keys: of the classes.
        names: of the classes.
        labels: int64 [N], the class of each training image (C: of none that is evaluated).
        frequency: int64 [C], training images of each class.
        trimmed: bool [C], the classes that were cut to a few shots.
        test: the test images.
        test_rows: int64 [M], by which a record names them.
    """

    config: ClassVar[type[Any]]
    """Its kind of `Data`."""

    thorough: ClassVar[bool] = False
    """Whether training images are looked at, too, once a model with class vectors is trained."""

    keys: Sequence[str]
    names: Sequence[str]
    labels: Ints
    frequency: Ints
    trimmed: NDArray[np.bool_]
    test: LabeledImages
    test_rows: Ints

    def __init__(self, run: RunConfig) -> None:
        self.run = run

    @classmethod
    @abstractmethod
    def expected(cls, run: RunConfig) -> int | None:
        """Number of training images, told without the data; None if nobody can tell."""

    @classmethod
    def shape(cls, run: RunConfig) -> tuple[int, int, int]:
        """Channels, height and width of a batch's images."""
        return run.data.channels, run.data.image_size, run.data.image_size

    @cached_property
    def order(self) -> Order:
        """Which training pictures make up which step."""
        training = self.run.training
        return Order(self.labels, training.batch_size, self.run.seed, training.sampler)

    @cached_property
    @abstractmethod
    def texts(self) -> Texts:
        """What a text tower will read; for runs with the contrastive objective."""

    @property
    def tested(self) -> Ints:
        """Numbers of the classes that are tested, in the order of the test's labels: all."""
        return np.arange(len(self.frequency))

    @property
    def templates(self) -> list[list[str]]:
        """CLIP's 80 templates with the name of each class."""
        return [captions.prompts(name) for name in self.names]

    @abstractmethod
    def loader(self, device: torch.device) -> AbstractContextManager[LoadBatch]:
        """Batches for `lt_course.training.loop.fit`, on a device."""

    @abstractmethod
    def naming(self) -> Task:
        """Name the evaluated classes: with equally many pictures of each, as far as they go."""

    @abstractmethod
    def shown(self, rows: Ints) -> LabeledImages:
        """Some of the training pictures, as test pictures are shown."""

    @property
    def captions(self) -> Iterator[NDArray[np.generic]]:
        """Arrays that decide what is said of training pictures, if files and not the code do."""
        return iter(())

    @property
    def fingerprint(self) -> Fingerprint | None:
        """Of the pictures that are here now; None if they are part of the package.

        Then the hash of the code covers them.
        """
        named = [" ".join(both) for both in zip(self.keys, self.names, strict=True)]
        every = self.shown(np.arange(len(self.labels)))
        return Fingerprint.of(named, every, self.test, self.captions)

    @property
    @abstractmethod
    def trained_on(self) -> LabeledImages:
        """Training pictures of the evaluated classes, all or a balanced choice."""

    def tasks(self) -> Iterator[Task]:
        """Further tasks that need no download."""
        return iter(())

    @property
    def further_prompts(self) -> Mapping[str, Tensor]:
        """What else a CLIP's classes are asked for by, int64 [C, P, L] each, by a name."""
        return {}

    def further(self, predictions: Ints) -> dict[str, float]:
        """Metrics that this kind alone has, of the classes that test images were taken for."""
        return {}


class InMemoryDataset(RunDataset):
    """Images that lie on the training device as a whole, and are cropped there.

    Attributes:
        images: uint8 [N, …], those that are trained on, as `standardize` takes them.
        standardise: uint8 images -> float [B, channels, H, W].
    """

    images: Tensor
    standardize: Callable[[Tensor], Tensor]

    @abstractmethod
    def captions_of(self, rows: Ints, step: int) -> Tensor:
        """A caption of each row, token ids [B, L]; for runs with the contrastive objective."""

    def loader(self, device: torch.device) -> AbstractContextManager[LoadBatch]:
        """As `RunDataset`."""
        run, objective = self.run, self.run.objective
        images = self.images.to(device)
        labels = torch.from_numpy(self.labels).to(device)

        def get_batch(rows: Ints, step: int) -> Batch:
            index = torch.from_numpy(rows).to(device)
            batch, generator = (
                self.standardize(images[index]),
                torch_generator(run.seed, step, "augmentation"),
            )
            if isinstance(objective, DINOConfig):
                return Batch(batch, labels[index], crops=multi_crop(batch, objective, generator))
            crops = random_crop(batch, run.training.crop, generator)
            if run.training.mirror:
                crops = mirror(crops, generator)
            if run.training.channels_last:
                crops = crops.contiguous(memory_format=torch.channels_last)
            reads = isinstance(objective, CLIPConfig)
            tokens = self.captions_of(rows, step).to(device) if reads else None
            return Batch(crops, labels[index], tokens)

        return nullcontext(get_batch)


def load_dataset(run: RunConfig) -> RunDataset:
    """The data of a run, read now.

    Raises:
        CourseError: if files are missing or damaged.
    """
    return registry.dataset(run.data.dataset)(run)


def every_token(context: int, name: str) -> Tensor:
    """All tokens of a tokenizer (`lt_course.data.tokenizer`), int64 [U, context]."""
    known = tokenizer(name).vocabulary
    rows = -(-known // context)
    return torch.arange(rows * context).clamp(max=known - 1).view(rows, context)


def balanced(labels: Ints, most: int, seed: int = 0) -> Ints:
    """At most so many rows of each class, drawn at random; by class."""
    shuffled = np.random.default_rng([seed, 0xBA1]).permutation(len(labels))
    shuffled = shuffled[np.argsort(labels[shuffled], kind="stable")]
    of = labels[shuffled]
    within = np.arange(len(of)) - np.searchsorted(of, of)
    return shuffled[within < most]


def require_caption(run: RunConfig, known: Sequence[str]) -> None:
    """Refuse captions and prompts that photographs do not have.

    Raises:
        CourseError: the sentence says which there are.
    """
    options = run.objective
    if not isinstance(options, CLIPConfig):
        return
    if options.text not in MADE and not set(options.text.split("+")) <= set(known):
        words = known[0] if len(known) == 1 else f"{', '.join(known)}, joined by +"
        raise CourseError(
            f"Field 'text' is {options.text!r}, but captions of {run.data.dataset} are "
            f"{', '.join(map(repr, MADE))}, or {words}."
        )
    if options.prompts not in ("matching", "template", "name"):
        raise CourseError(
            f"Field 'prompts' is {options.prompts!r}, which drawings alone have; use 'matching', "
            "'template' or 'name'."
        )


def require_photographs(run: RunConfig) -> None:
    """Refuse what goes with drawings alone: pens, and text heads made from them.

    Raises:
        CourseError: the sentence names the field, and what it may be.
    """
    head, options, dataset = run.text_head, run.objective, run.data.dataset
    if head == LanguageModel() or isinstance(head, OpenWorld):
        raise CourseError(
            f"Field 'text_head' is {head}, which is made from drawings and their names; with "
            f"{dataset} name released weights, such as 'openai', or use 'scratch'."
        )
    if isinstance(options, DINOConfig) and options.redrawn:
        raise CourseError(
            f"Field 'redrawn' is {options.redrawn}, but photographs have no pen; set it to 0."
        )
