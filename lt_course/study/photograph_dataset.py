"""Photographs in memory as a run's data: sets as published, and pictures of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
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
from lt_course.data.class_profiles import cut, profile_counts
from lt_course.data.labeled_images import LabeledImages, in_memory
from lt_course.data.order import numpy_generator
from lt_course.data.photographs import cifar100, fashion_products, image_folder, tiny_imagenet
from lt_course.data.photographs.photograph_set import ENSEMBLE, PhotographSet
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.evaluation.bias import per_class
from lt_course.fields import COUNT, NATURAL, SEED, check, require_effect
from lt_course.files import absolute
from lt_course.objectives.classify import SupervisedConfig
from lt_course.objectives.contrast import CLIPConfig
from lt_course.statistics import chance_spearman, spearman
from lt_course.study import registry
from lt_course.study.dataset import InMemoryDataset, Task, Texts, balanced, require_photographs
from lt_course.study.run_config import Data, RunConfig
from lt_course.study.text_heads import is_table

Ints = NDArray[np.int64]

CONCEPTS = {
    tiny_imagenet.NAME: tiny_imagenet.CLASSES,
    fashion_products.NAME: fashion_products.CLASSES,
    cifar100.NAME: cifar100.CLASSES,
}
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
class PhotographData(Data):
    """Which photographs; `PhotographSet.sample` deals them.

    Attributes:
        concepts: number of evaluated classes C, the first of the set; None: all that are tested.
        profile: of the class frequencies.
        num_images: number N of training images; None where the profile says it, or for all.
        permutation: seed of which concept gets which frequency; `lt_course.study.config` sets it to
            the run's seed unless it is given.
        fraction: share of every class that is kept.
        neighborhood: share of a concept's images that its training images are drawn from, those
            that look most like one of them: the less, the less diverse; 1 are all.
        tail_classes: so many of the rarest concepts are cut …
        tail_shots: … to so many images each.
        distractors: images of concepts outside the evaluated ones …
        distractor_concepts: … and of how many such concepts; None draws from all.
    """

    dataset: str = tiny_imagenet.NAME
    concepts: int = None  # type: ignore[assignment]
    image_size: int = 32
    profile: str = "natural"
    num_images: int | None = None
    permutation: int = 0
    fraction: float = 1.0
    neighborhood: float = 1.0
    tail_classes: int = 0
    tail_shots: int = 0
    distractors: int = 0
    distractor_concepts: int | None = None

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range, or without effect."""
        if self.concepts is None:
            object.__setattr__(self, "concepts", self.tested)
        check(
            self,
            concepts=(1, self.tested),
            image_size=SIZE,
            num_images=COUNT,
            permutation=SEED,
            fraction=(0, 1),
            neighborhood=(0.01, 1),
            tail_classes=NATURAL,
            tail_shots=NATURAL,
            distractors=NATURAL,
            distractor_concepts=COUNT,
        )
        effects = {
            "tail_shots": ("tail_classes", self.tail_classes > 0),
            "distractor_concepts": ("distractors", self.distractors > 0),
        }
        require_effect(self, effects)

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
        objective = run.objective
        if isinstance(objective, SupervisedConfig) and self.distractors:
            raise CourseError(
                f"Field 'distractors' is {self.distractors}, but a classifier over "
                f"{self.concepts} concepts has no prototype for images of others; set it to 0."
            )
        if isinstance(objective, CLIPConfig) and objective.prompts == "usual-name":
            raise CourseError(
                "Field 'prompts' is 'usual-name', which drawings alone have; use 'matching', "
                "'template' or 'name'."
            )
        if is_table(run.text_head) and self.distractors and isinstance(objective, CLIPConfig):
            raise CourseError(
                f"Field 'distractors' is {self.distractors}, but the table that field "
                "'text_weights' names has no row for images of others; set it to 0."
            )


@dataclass(frozen=True)
class FolderData(PhotographData):
    """Pictures of one's own (`lt_course.data.photographs.image_folder`), read when it is made.

    Attributes:
        concepts: 0: all that are tested.
        data_folder: where they lie; made absolute.
    """

    dataset: str = image_folder.NAME
    concepts: int = 0
    data_folder: str = ""

    def __post_init__(self) -> None:
        """As `PhotographData`; without a folder, which may be set later, nothing is read yet."""
        if isinstance(self.data_folder, Path):
            object.__setattr__(self, "data_folder", str(self.data_folder))
        check(self, image_size=SIZE)
        if not self.data_folder:
            return
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
    """Photographs of a set that fits into memory.

    Attributes:
        photographs: the set, at the run's size.
        split: which of them are trained on.
    """

    config = PhotographData
    thorough = True
    standardize = staticmethod(standardize_photographs)

    def __init__(self, run: RunConfig) -> None:
        super().__init__(run)
        self.data = data = cast(PhotographData, run.data)
        self.photographs = data.load()
        fields = asdict(data)
        for name in ("dataset", "image_size", "data_folder"):
            fields.pop(name, None)
        self.split = split = self.photographs.sample(fields.pop("concepts"), **fields)
        self.labels, self.frequency, self.trimmed = split.labels, split.frequency, split.trimmed
        self.keys = self.photographs.keys[: data.concepts]
        self.names = self.photographs.names[: data.concepts]
        self.images = self._images(split.image_ids)
        labels = self.photographs.labels
        self.test_rows = np.flatnonzero(self.photographs.test & (labels < data.concepts))
        self.test = self._shown(self.test_rows, labels[self.test_rows])

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
    def texts(self) -> Texts:
        """Captions of the training images, and prompts."""
        if is_table(self.run.text_head):
            # A caption is the number of its class.
            return Texts(
                torch.from_numpy(self.labels)[:, None], torch.arange(len(self.names))[:, None, None]
            )
        prompts = self._prompts(self._asked)
        further = (each.flatten(0, 1) for each in self.further_prompts.values())
        return Texts(torch.cat([self._caption_ids, prompts.flatten(0, 1), *further]), prompts)

    @cached_property
    def further_prompts(self) -> dict[str, Tensor]:
        """As `RunDataset`: the 80 templates, and captions that training images had."""
        ways = {"template": "template", "captions": None}
        if is_table(self.run.text_head):
            return {}
        if (self.frequency == 0).any():
            del ways["captions"]  # nothing was ever said of some classes
        return {name: self._prompts(kind) for name, kind in ways.items() if kind != self._asked}

    @cached_property
    def _options(self) -> CLIPConfig:
        return cast(CLIPConfig, self.run.objective)

    @cached_property
    def _captions(self) -> Captions:
        return self.photographs.captions(self.split.image_ids, self._options.text)

    @cached_property
    def _caption_ids(self) -> Tensor:
        return tokens(self._captions.texts, self._options.context, self.run.tokenizer)

    @property
    def _asked(self) -> str | None:
        """What classes are asked for by: a kind of caption; None: captions of their images."""
        if self._options.prompts != "matching":
            return self._options.prompts
        first = self._options.text.split("|")[0]
        if first not in self.photographs.kinds or first in self.photographs.of_image:
            return None
        return "template" if first == "synset" else first

    def _prompts(self, kind: str | None) -> Tensor:
        """What each class is asked for by, int64 [C, P, L]."""
        if kind is None:
            generator = numpy_generator(self.run.seed, 0, "captions")
            rows = [np.resize(np.flatnonzero(self.labels == c), ENSEMBLE) for c in self._classes]
            drawn = self._captions.draw(np.concatenate(rows), generator)
            return self._caption_ids[torch.from_numpy(drawn)].unflatten(0, (-1, ENSEMBLE))
        simple_kinds(kind, self.photographs.kinds)
        said = [self.photographs.say_of_class(c, kind) for c in self._classes]
        ids = tokens([*chain(*said)], self._options.context, self.run.tokenizer)
        return ids.unflatten(0, (len(said), -1))

    @property
    def _classes(self) -> range:
        return range(len(self.names))

    def captions_of(self, rows: Ints, step: int) -> Tensor:
        """As `InMemoryDataset`."""
        if is_table(self.run.text_head):
            return self.texts.known[torch.from_numpy(rows)]
        generator = numpy_generator(self.run.seed, step, "captions")
        return self._caption_ids[torch.from_numpy(self._captions.draw(rows, generator))]

    @property
    def captions(self) -> Iterator[NDArray[np.generic]]:
        """As `RunDataset`."""
        if isinstance(self.run.objective, CLIPConfig) and not is_table(self.run.text_head):
            yield self._caption_ids.numpy()

    def naming(self) -> Task:
        """The classes, told by equally many images for training of each."""
        labels = self.photographs.labels
        pool = np.flatnonzero(~self.photographs.test & (labels < len(self.names)))
        most = int(min(NEIGHBORS, self.photographs.available[: len(self.names)].min()))
        rows = pool[balanced(labels[pool], most)]
        bank = self._shown(rows, labels[rows])
        return Task(self.data.dataset, len(self.names), "top-1", bank, None, self.test)

    @property
    def trained_on(self) -> LabeledImages:
        """All training images of evaluated concepts."""
        return self.shown(np.flatnonzero(self.labels < len(self.frequency)))

    def shown(self, rows: Ints) -> LabeledImages:
        """As `RunDataset`."""
        return in_memory(self.images[torch.from_numpy(rows)], self.labels[rows], self.standardize)

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

    def _shown(self, image_ids: Ints, labels: Ints) -> LabeledImages:
        return in_memory(self._images(image_ids), labels, self.standardize)

    def _images(self, image_ids: Ints) -> Tensor:
        return torch.from_numpy(np.asarray(self.photographs.images[image_ids]))


@registry.add_dataset(image_folder.NAME)
class InMemoryFolder(InMemoryPhotographs):
    """Pictures of one's own."""

    config = FolderData
