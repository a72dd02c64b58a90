"""Photographs in memory as a run's data: sets as published, and pictures of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lt_course.data.augment import standardize_photographs
from lt_course.data.captions import Captions, simple_kinds
from lt_course.data.class_profiles import BOUNDS, LongTail, cut, profile_counts
from lt_course.data.order import numpy_generator
from lt_course.data.photographs import cifar100, fashion_products, image_folder, tiny_imagenet
from lt_course.data.photographs.photograph_set import ENSEMBLE, PhotographSet
from lt_course.errors import CourseError
from lt_course.evaluation.bias import per_class
from lt_course.fields import check, require_effect
from lt_course.files import absolute
from lt_course.objectives.contrast import CLIPConfig
from lt_course.statistics import chance_spearman, spearman
from lt_course.study import registry
from lt_course.study.dataset import (
    InMemoryDataset,
    Task,
    balanced,
    require_photographs,
    require_prompts,
    require_prototypes,
)
from lt_course.study.run_config import Data, RunConfig
from lt_course.study.text_heads import is_table

Ints = NDArray[np.int64]

CONCEPTS = {each.NAME: each.CLASSES for each in (tiny_imagenet, fashion_products, cifar100)}
"""Number of the concepts that are tested, of each set as published."""

NEIGHBORS = 100
"""Training images of each class that a tower without class vectors is told them by, at most."""

SIZE = (16, 512)
"""Pixels a side."""

FEW = 20
"""Of fewer classes, a run's metrics say what a correlation reaches by chance."""

TOP = 10
"""Most frequent concepts without which bias is measured a second time."""


@dataclass(frozen=True)
class PhotographData(LongTail, Data):
    """Which photographs; the fields of `lt_course.data.class_profiles.LongTail` are fields, too.

    Attributes:
        concepts: number of evaluated classes C, the first of the set; None: all that are tested.
        neighborhood: share of a concept's images that its training images are drawn from, those
            that look most like one of them: the less, the less diverse; 1 are all.
    """

    dataset: str = tiny_imagenet.NAME
    concepts: int = None  # type: ignore[assignment]
    image_size: int = 32
    profile: str = "natural"
    neighborhood: float = 1.0

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range, or without effect."""
        if self.concepts is None:
            object.__setattr__(self, "concepts", self.tested)
        own = {"concepts": (2, self.tested), "image_size": SIZE, "neighborhood": (0.01, 1)}
        check(self, **BOUNDS, **own)
        require_effect(self, self.effects())

    @cached_property
    def tested(self) -> int:
        """Number of the set's concepts that are tested."""
        return CONCEPTS[self.dataset]

    def load(self) -> PhotographSet:
        """The set, at the run's size."""
        from lt_course.data.photographs import cache

        return cache.load(self.dataset, self.image_size)

    def check_with(self, run: RunConfig) -> None:
        """As `Data`."""
        require_photographs(run)
        require_prototypes(run, self.distractors)
        if not isinstance(run.objective, CLIPConfig):
            return
        require_prompts(run.objective, "usual-name")
        if is_table(run.text_head) and self.distractors:
            raise CourseError(
                f"Field 'distractors' is {self.distractors}, but the table that field "
                "'text_weights' names has no row for images of others; set it to 0."
            )


@dataclass(frozen=True)
class FolderData(PhotographData):
    """Pictures of one's own (`lt_course.data.photographs.image_folder`), read when it is made.

    Attributes:
        concepts: 0: all that are tested.
        data_folder: where they lie; made absolute. Without it, nothing is read yet.
    """

    dataset: str = image_folder.NAME
    concepts: int = 0
    data_folder: str = ""

    def __post_init__(self) -> None:
        """As `PhotographData`."""
        if isinstance(self.data_folder, Path):
            object.__setattr__(self, "data_folder", str(self.data_folder))
        check(self, image_size=SIZE)
        if self.data_folder:
            folder = str(absolute(self.data_folder, "Field 'data_folder'"))
            object.__setattr__(self, "data_folder", folder)
            object.__setattr__(self, "concepts", self.concepts or self.tested)
            super().__post_init__()

    @cached_property
    def tested(self) -> int:
        """As `PhotographData`."""
        return self.load().tested

    def load(self) -> PhotographSet:
        """As `PhotographData`."""
        from lt_course.data.photographs import cache

        return cache.load_folder(Path(self.data_folder), self.image_size)

    def check_with(self, run: RunConfig) -> None:
        """As `Data`."""
        if not self.data_folder:
            raise CourseError(
                f"Field 'data_folder' is not set, but 'dataset' is {self.dataset!r}; let it name "
                "the folder of your pictures."
            )
        super().check_with(run)


@registry.add_dataset(*CONCEPTS)
class InMemoryPhotographs(InMemoryDataset):
    """Photographs of a set that fits into memory, at the run's size."""

    config = PhotographData
    thorough = True
    standardize = staticmethod(standardize_photographs)

    def __init__(self, run: RunConfig) -> None:
        super().__init__(run)
        data = cast(PhotographData, run.data)
        self.photographs = data.load()
        how = {"neighborhood": data.neighborhood, **data.long_tail()}
        split = self.photographs.sample(data.concepts, **how)
        self._take(split, self.photographs.labels, self.photographs.test)
        self.keys = self.photographs.keys[: data.concepts]
        self.names = self.photographs.names[: data.concepts]

    @classmethod
    def expected(cls, run: RunConfig) -> int | None:
        """As the profile says, if it does."""
        data = cast(PhotographData, run.data)
        if data.profile != "natural":
            counts = profile_counts(data.profile, data.concepts, data.num_images)
            counts, _ = cut(counts, data.fraction, data.tail_classes, data.tail_shots)
            return int(counts.sum()) + data.distractors
        whole = data.fraction == 1 and not data.tail_classes
        return data.num_images + data.distractors if data.num_images and whole else None

    @cached_property
    def further_prompts(self) -> dict[str, Tensor]:
        """As `RunDataset`: the 80 templates, and captions that training images had."""
        ways = {"template": "template", "captions": None}
        if self._reads_numbers:
            return {}
        if (self.frequency == 0).any():
            del ways["captions"]  # nothing was ever said of some classes
        return {name: self._prompts(kind) for name, kind in ways.items() if kind != self._asked}

    @cached_property
    def _captions(self) -> Captions:
        return self.photographs.captions(self.split.image_ids, self._options.text)

    @property
    def _asked(self) -> str | None:
        """A kind of caption; None: captions that images of the class had."""
        if self._options.prompts != "matching":
            return self._options.prompts
        first = self._options.text.split("|")[0]
        if first not in self.photographs.kinds or first in self.photographs.of_image:
            return None
        return "template" if first == "synset" else first

    def _prompts(self, kind: str | None) -> Tensor:
        classes = range(len(self.names))
        if kind is None:
            generator = numpy_generator(self.run.seed, 0, "captions")
            rows = [np.resize(np.flatnonzero(self.labels == c), ENSEMBLE) for c in classes]
            drawn = self._captions.draw(np.concatenate(rows), generator)
            return self._caption_ids[torch.from_numpy(drawn)].unflatten(0, (-1, ENSEMBLE))
        simple_kinds(kind, self.photographs.kinds)
        said = [self.photographs.say_of_class(c, kind) for c in classes]
        return self._tokens([*chain(*said)]).unflatten(0, (len(said), -1))

    @property
    def captions(self) -> Iterator[NDArray[np.generic]]:
        """As `RunDataset`."""
        if isinstance(self.run.objective, CLIPConfig) and not self._reads_numbers:
            yield self._caption_ids.numpy()

    def naming(self) -> Task:
        """The classes, told by equally many images for training of each."""
        C = len(self.names)
        pool = np.flatnonzero(~self.photographs.test & (self.concept < C))
        most = int(min(NEIGHBORS, self.photographs.available[:C].min()))
        bank = self._of(pool[balanced(self.concept[pool], most)])
        return Task(self.run.data.dataset, C, "top-1", bank, None, self.test)

    def further(self, predictions: Ints) -> dict[str, float]:
        """Bias without the most frequent concepts, and against how many images there are at all.

        The latter, of a model that was trained on equally many of each, is no effect of frequency:
        a placebo. Of few classes, ``spearman_by_chance`` says what chance alone reaches.
        """
        accuracy, predicted = per_class(self.test.labels, predictions, len(self.names))
        rarer = np.argsort(-self.frequency, kind="stable")[TOP:]
        natural = self.photographs.available[: len(self.names)]
        metrics = {"frequency_limit": self.split.availability_correlation}
        if len(self.names) < FEW:
            metrics["spearman_by_chance"] = chance_spearman(len(self.names))
        for name, value in (("accuracy", accuracy), ("predictions", predicted)):
            metrics[f"spearman_{name}_without_top"] = spearman(self.frequency[rarer], value[rarer])
            if len(set(natural)) > 1:
                metrics[f"natural_spearman_{name}"] = spearman(natural, value)
        return metrics

    def _pictures(self, ids: Ints) -> Tensor:
        return torch.from_numpy(np.asarray(self.photographs.images[ids]))


@registry.add_dataset(image_folder.NAME)
class InMemoryFolder(InMemoryPhotographs):
    """Pictures of one's own."""

    config = FolderData
