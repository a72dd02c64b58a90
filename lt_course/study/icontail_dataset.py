"""IconTail as material, grey or in colour: drawings in memory, on the training device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lt_course.data import icontail as icontail_module
from lt_course.data import transfer_sets
from lt_course.data.augment import LabeledImages, in_memory, standardize
from lt_course.data.captions import (
    Captions,
    Prompts,
    captions,
    matching_prompts,
    zero_shot_prompts,
)
from lt_course.data.class_profiles import BOUNDS, LongTail, TrainSplit, sample_long_tail
from lt_course.data.fingerprint import Fingerprint
from lt_course.data.icontail import SIDE, IconTail, Style, is_solid
from lt_course.data.transfer_sets import Part, TransferSet
from lt_course.errors import CourseError
from lt_course.fields import COUNT, SEVERAL, check, require_effect
from lt_course.objectives.distill import DINOConfig
from lt_course.study import registry
from lt_course.study.dataset import InMemoryDataset, Task, require_prototypes
from lt_course.study.run_config import Data, RunConfig


@dataclass(frozen=True)
class IconTailData(LongTail, Data):
    """Which drawings; those of `lt_course.data.class_profiles.LongTail` are fields, too.

    Attributes:
        authors: greatest number of author families a concept.
        style: ``all`` drawings, ``line`` or ``solid`` ones (`lt_course.data.icontail.is_solid`).
        color: the drawings in color, 64 pixels or 32, which a clone makes
            (`lt_course.data.icontail.REBUILD`).
    """

    dataset: str = "icontail"
    concepts: int = 60
    image_size: int = SIDE
    num_images: int | None = 4_500
    authors: int | None = None
    style: Style = "all"
    color: bool = False

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range, or without effect."""
        check(self, **BOUNDS, concepts=SEVERAL, authors=COUNT)
        sizes = (SIDE, 2 * SIDE) if self.color else (SIDE,)
        if self.image_size not in sizes:
            raise CourseError(
                f"Field 'image_size' is {self.image_size}; drawings "
                f"{'in colour' if self.color else 'in grey'} have "
                f"{' or '.join(map(str, sizes))} pixels."
            )
        require_effect(self, self.effects())

    @property
    def channels(self) -> int:
        """Of an image."""
        return 3 if self.color else 1

    def check_with(self, run: RunConfig) -> None:
        """As `Data`."""
        require_prototypes(run, self.distractors)
        if isinstance(run.objective, DINOConfig) and run.objective.photometric:
            raise CourseError(
                "Field 'photometric' is True, but drawings have neither colours nor light; set it "
                "to False."
            )

    def sample(self) -> TrainSplit:
        """The drawings that are trained on, the same in grey and in color."""
        which = {"authors": self.authors, "style": self.style, **self.long_tail()}
        return sample_long_tail(icontail_module.load(), self.concepts, **which)


def drawings_of(run: RunConfig) -> IconTailData:
    """Which drawings a run is on; a CourseError if it is on photographs."""
    if not isinstance(run.data, IconTailData):
        raise CourseError(
            f"Field 'dataset' is {run.data.dataset!r}, whose images are no drawings; "
            "lt_course.study.dataset.load_dataset reads them."
        )
    return run.data


def icontail_of(run: RunConfig) -> IconTail:
    """The drawings in the look that a run on them sees."""
    return icontail_module.load_color() if drawings_of(run).color else icontail_module.load()


@registry.add_dataset("icontail")
class IconTailDataset(InMemoryDataset):
    """Drawings of IconTail."""

    config = IconTailData
    standardize = staticmethod(standardize)

    def __init__(self, run: RunConfig) -> None:
        super().__init__(run)
        self.data, self.icontail = drawings_of(run), icontail_of(run)
        self._take(self.data.sample(), self.icontail.concept, self.icontail.test)
        concepts = self.icontail.concepts[: self.data.concepts]
        self.keys = [concept.key for concept in concepts]
        self.names = [concept.name for concept in concepts]

    @classmethod
    def expected(cls, run: RunConfig) -> int:
        """The drawings come with the package: they are drawn."""
        return len(drawings_of(run).sample().labels)

    @cached_property
    def _captions(self) -> Captions:
        return captions(self.icontail, self.split.image_ids, self._options.text)

    @property
    def _asked(self) -> Prompts:
        matching = self._options.prompts == "matching"
        return matching_prompts(self._options.text) if matching else self._options.prompts

    def _prompts(self, kind: Prompts) -> Tensor:
        asked = zero_shot_prompts(self.icontail, self.data.concepts, kind)
        return self._tokens([*chain(*asked)]).unflatten(0, (len(asked), -1))

    def naming(self) -> Task:
        """Equally many drawings of every concept, by families never trained on for the test."""
        return self._task(transfer_sets.evaluated_concepts(self.icontail, self.data.concepts))

    def tasks(self) -> Iterator[Task]:
        """The transfer sets that need no download."""
        t = transfer_sets
        for made in (t.held_out_concepts, t.authors, t.emoji_groups):
            yield self._task(made(self.icontail))
        yield self._task(t.digits())

    @property
    def fingerprint(self) -> Fingerprint | None:
        """As `RunDataset`; drawings in grey are shipped."""
        return super().fingerprint if self.data.color else None

    def further(self, predictions: NDArray[np.int64]) -> dict[str, float]:
        """Accuracy by style, and how free the permutation of frequencies was."""
        right = predictions == self.test.labels
        solid = is_solid(self.icontail.grey[self.test_rows])
        return {
            "accuracy_line": _mean(right[~solid]),
            "accuracy_solid": _mean(right[solid]),
            "frequency_limit": self.split.availability_correlation,
        }

    def _task(self, transfer_set: TransferSet) -> Task:
        def shown(part: Part) -> LabeledImages:
            pictures = self._resized(cast("NDArray[np.uint8]", part.pictures))
            return in_memory(pictures, part.labels, standardize)

        t = transfer_set
        parts = map(shown, (t.train, t.validation, t.test))
        return Task(t.name, len(t.classes), t.metric, *parts)

    def _pictures(self, ids: NDArray[np.int64]) -> Tensor:
        return self._resized(self.icontail.pictures[ids])

    def _resized(self, images: NDArray[np.uint8]) -> Tensor:
        """The drawings at the size that is asked for: each pixel the mean of those in its place."""
        n, size = len(images), self.data.image_size
        if (times := images.shape[1] // size) > 1:
            blocks = images.reshape(n, size, times, size, times, *images.shape[3:])
            images = blocks.mean((2, 4)).round().astype(np.uint8)
        return torch.tensor(images)


def _mean(values: NDArray[np.bool_]) -> float:
    """The mean, or nan where there is none."""
    return float(values.mean()) if len(values) else float("nan")
