"""What a run trains on and is tested on, whatever it is made of.

A run's `Data` says which pictures; a `RunDataset` has them: their order, a loader of batches, what
their captions say, and what is tested. Drawings lie in memory, photographs in memory or in shards;
execution (`lt_course.study.execute`) asks all of them the same questions. A further set is a class
that answers, entered in `lt_course.study.registry`. Where files lie is no part of a run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lt_course.data.augment import LabeledImages, in_memory, mirror, random_crop
from lt_course.data.batch import Batch
from lt_course.data.captions import Captions, prompts
from lt_course.data.class_profiles import TrainSplit
from lt_course.data.crops import multi_crop
from lt_course.data.fingerprint import Fingerprint
from lt_course.data.order import Order, numpy_generator, torch_generator
from lt_course.data.tokenizer import tokenizer, tokens
from lt_course.errors import CourseError
from lt_course.evaluation.linear_probe import Metric
from lt_course.objectives.classify import SupervisedConfig
from lt_course.objectives.contrast import CLIPConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.study import registry
from lt_course.study.run_config import RunConfig
from lt_course.study.text_heads import LanguageModel, OpenWorld, is_table
from lt_course.training.loop import LoadBatch

Ints = NDArray[np.int64]

MADE = ("template", "synset")
"""Captions of photographs that are made of their class's name, or of a synonym of it."""


@dataclass(frozen=True)
class Texts:
    """What a text tower will read: token ids.

    All tokens of captions and prompts are among ``known``, int64 [U, L]; ``prompts``, int64
    [C, P, L], are asked for each class in zero-shot classification.
    """

    known: Tensor
    prompts: Tensor


@dataclass(frozen=True)
class Task:
    """Something to try features on: as `lt_course.data.transfer_sets.TransferSet`, of C classes.

    The penalty of a linear probe is chosen on `validation`; None: none is fitted, and nearest
    neighbours have to do.
    """

    name: str
    classes: int
    metric: Metric
    train: LabeledImages
    validation: LabeledImages | None
    test: LabeledImages


class RunDataset(ABC):
    """N training images of C classes, and what is tested.

    ``keys`` and ``names`` are of the classes. ``labels``, int64 [N], are those of training images,
    C of none that is evaluated; each class has ``frequency``, int64 [C], of them, and ``trimmed``,
    bool [C], were cut to a few shots. A record names test images by ``test_rows``, int64 [M].
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
        return [prompts(name) for name in self.names]

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
        """Of the pictures that are here now; None if the package has them: code is hashed."""
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

    Of those at hand, of which each has its ``concept``, ``split`` says which are trained on:
    ``images``, uint8 [N, …], which ``standardize`` makes float [B, channels, H, W].
    """

    split: TrainSplit
    concept: Ints
    images: Tensor
    standardize: Callable[[Tensor], Tensor]

    def _take(self, split: TrainSplit, concept: NDArray[Any], test: NDArray[np.bool_]) -> None:
        """Train on a split of the images at hand, and test on those of its concepts."""
        self.split = split
        self.labels, self.frequency, self.trimmed = split.labels, split.frequency, split.trimmed
        self.concept = concept.astype(np.int64)
        self.images = self._pictures(split.image_ids)
        self.test_rows = np.flatnonzero(test & (concept < len(split.frequency)))
        self.test = self._of(self.test_rows)

    @abstractmethod
    def _pictures(self, ids: Ints) -> Tensor:
        """Some of the images at hand."""

    def _of(self, ids: Ints) -> LabeledImages:
        return in_memory(self._pictures(ids), self.concept[ids], self.standardize)

    def shown(self, rows: Ints) -> LabeledImages:
        """As `RunDataset`."""
        return in_memory(self.images[torch.from_numpy(rows)], self.labels[rows], self.standardize)

    @property
    def trained_on(self) -> LabeledImages:
        """All training images of evaluated classes."""
        return self.shown(np.flatnonzero(self.labels < len(self.frequency)))

    @property
    def _options(self) -> CLIPConfig:
        return cast(CLIPConfig, self.run.objective)

    @cached_property
    @abstractmethod
    def _captions(self) -> Captions:
        """Of the training images."""

    @cached_property
    def _caption_ids(self) -> Tensor:
        return self._tokens(self._captions.texts)

    @property
    @abstractmethod
    def _asked(self) -> str | None:
        """What classes are asked for by."""

    @abstractmethod
    def _prompts(self, kind: Any) -> Tensor:
        """What each class is asked for by, int64 [C, P, L]."""

    def _tokens(self, texts: list[str]) -> Tensor:
        return tokens(texts, self._options.context, self.run.tokenizer)

    @property
    def _reads_numbers(self) -> bool:
        """Whether a caption is no text but the number of a class, the row of a table."""
        return is_table(self.run.text_head) or self.run.text_head == LanguageModel()

    @cached_property
    def texts(self) -> Texts:
        """Captions of the training images, and prompts."""
        if self._reads_numbers:
            numbers = torch.from_numpy(self.concept[self.split.image_ids])
            return Texts(numbers[:, None], torch.arange(len(self.names))[:, None, None])
        asked = self._prompts(self._asked)
        every = (each.flatten(0, 1) for each in (asked, *self.further_prompts.values()))
        return Texts(torch.cat([self._caption_ids, *every]), asked)

    def captions_of(self, rows: Ints, step: int) -> Tensor:
        """A caption of each row, token ids [B, L]; for runs with the contrastive objective."""
        if not self._reads_numbers:
            rows = self._captions.draw(rows, numpy_generator(self.run.seed, step, "captions"))
        return self.texts.known[torch.from_numpy(rows)]

    def loader(self, device: torch.device) -> AbstractContextManager[LoadBatch]:
        """As `RunDataset`."""
        run, objective = self.run, self.run.objective
        images = self.images.to(device)
        labels = torch.from_numpy(self.labels).to(device)

        def get_batch(rows: Ints, step: int) -> Batch:
            index = torch.from_numpy(rows).to(device)
            batch = self.standardize(images[index])
            generator = torch_generator(run.seed, step, "augmentation")
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
    """The data of a run, read now; a CourseError if files are missing or damaged."""
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


# Refusals of what does not go with the data: a CourseError names the field, and what it may be.


def require_prototypes(run: RunConfig, distractors: int) -> None:
    """Refuse images of other concepts to a classifier."""
    if isinstance(run.objective, SupervisedConfig) and distractors:
        raise CourseError(
            f"Field 'distractors' is {distractors}, but a classifier over "
            f"{run.data.concepts} concepts has no prototype for images of others; set it to 0."
        )


def require_caption(run: RunConfig, known: Sequence[str]) -> None:
    """Refuse captions and prompts that photographs do not have."""
    options = run.objective
    if not isinstance(options, CLIPConfig):
        return
    if options.text not in MADE and not set(options.text.split("+")) <= set(known):
        words = known[0] if len(known) == 1 else f"{', '.join(known)}, joined by +"
        raise CourseError(
            f"Field 'text' is {options.text!r}, but captions of {run.data.dataset} are "
            f"{', '.join(map(repr, MADE))}, or {words}."
        )
    require_prompts(options, "usual-name", "gloss")


def require_prompts(options: CLIPConfig, *refused: str) -> None:
    """Refuse prompts that there are of drawings alone."""
    if options.prompts in refused:
        raise CourseError(
            f"Field 'prompts' is {options.prompts!r}, which drawings alone have; use 'matching', "
            "'template' or 'name'."
        )


def require_photographs(run: RunConfig) -> None:
    """Refuse what goes with drawings alone: pens, and text heads made from them."""
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
