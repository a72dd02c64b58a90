"""IconTail as material, grey or in colour: drawings in memory, on the training device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lt_course.data import icontail as icontail_module
from lt_course.data import transfer_sets
from lt_course.data.augment import standardize
from lt_course.data.captions import Captions, captions, matching_prompts, zero_shot_prompts
from lt_course.data.class_profiles import TrainSplit, sample_long_tail
from lt_course.data.drawing_style import Style, is_solid
from lt_course.data.fingerprint import Fingerprint
from lt_course.data.icontail import SIDE, IconTail
from lt_course.data.labeled_images import LabeledImages, in_memory
from lt_course.data.order import numpy_generator
from lt_course.data.tokenizer import tokens
from lt_course.data.transfer_sets import Part, TransferSet
from lt_course.errors import CourseError
from lt_course.fields import COUNT, NATURAL, SEED, check
from lt_course.objectives.classify import SupervisedConfig
from lt_course.objectives.contrast import CLIPConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.study import registry
from lt_course.study.dataset import InMemoryDataset, Task, Texts
from lt_course.study.run_config import Data, RunConfig
from lt_course.study.text_heads import LanguageModel


@dataclass(frozen=True)
class IconTailData(Data):
    """Which drawings; `lt_course.data.class_profiles.sample_long_tail` deals them.

    Attributes:
        profile: of the class frequencies.
        num_images: number N of training images; None, with the profile ``natural``, is all.
        permutation: seed of which concept gets which frequency; `lt_course.study.config` sets it to
            the run's seed unless it is given.
        fraction: share of every class that is kept.
        tail_classes: so many of the rarest concepts are cut …
        tail_shots: … to so many images each.
        authors: greatest number of author families a concept.
        style: ``all`` drawings, ``line`` or ``solid`` ones (`lt_course.data.drawing_style`).
        distractors: images of concepts outside the evaluated ones …
        distractor_concepts: … and of how many such concepts; None draws from all.
        color: the drawings in color, 64 pixels or 32, which a clone makes
            (`lt_course.data.icontail.REBUILD`).
    """

    dataset: str = "icontail"
    concepts: int = 60
    image_size: int = SIDE
    profile: str = "laionet"
    num_images: int | None = 4_500
    permutation: int = 0
    fraction: float = 1.0
    tail_classes: int = 0
    tail_shots: int = 0
    authors: int | None = None
    style: Style = "all"
    distractors: int = 0
    distractor_concepts: int | None = None
    color: bool = False

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range, or without effect."""
        check(
            self,
            concepts=COUNT,
            num_images=COUNT,
            permutation=SEED,
            fraction=(0, 1),
            tail_classes=NATURAL,
            tail_shots=NATURAL,
            authors=COUNT,
            distractors=NATURAL,
            distractor_concepts=COUNT,
        )
        sizes = (SIDE, 2 * SIDE) if self.color else (SIDE,)
        if self.image_size not in sizes:
            raise CourseError(
                f"Field 'image_size' is {self.image_size}; drawings "
                f"{'in colour' if self.color else 'in grey'} have "
                f"{' or '.join(map(str, sizes))} pixels."
            )
        if self.tail_shots and not self.tail_classes:
            raise CourseError(
                f"Field 'tail_shots' is {self.tail_shots}, but field 'tail_classes' is 0, so no "
                "class is cut; say how many are."
            )
        if self.distractor_concepts is not None and not self.distractors:
            raise CourseError(
                f"Field 'distractor_concepts' is {self.distractor_concepts}, but field "
                "'distractors' is 0; say how many images of other concepts there are."
            )

    @property
    def channels(self) -> int:
        """Of an image."""
        return 3 if self.color else 1

    def check_with(self, run: RunConfig) -> None:
        """As `Data`."""
        objective = run.objective
        if isinstance(objective, SupervisedConfig) and self.distractors:
            raise CourseError(
                f"Field 'distractors' is {self.distractors}, but a classifier over "
                f"{self.concepts} concepts has no prototype for images of others; set it to 0."
            )
        if isinstance(objective, DINOConfig) and objective.photometric:
            raise CourseError(
                "Field 'photometric' is True, but drawings have neither colours nor light; set it "
                "to False."
            )

    def sample(self) -> TrainSplit:
        """The drawings that are trained on, the same in grey and in color.

        Raises:
            CourseError: as `lt_course.data.class_profiles.sample_long_tail`.
        """
        fields = asdict(self)
        for name in ("dataset", "image_size", "color"):  # what a model is shown of them
            del fields[name]
        return sample_long_tail(icontail_module.load(), fields.pop("concepts"), **fields)


def drawings_of(run: RunConfig) -> IconTailData:
    """Which drawings a run is on.

    Raises:
        CourseError: if it is on photographs.
    """
    if not isinstance(run.data, IconTailData):
        raise CourseError(
            f"Field 'dataset' is {run.data.dataset!r}, whose images are no drawings; "
            "lt_course.study.dataset.load_dataset reads them."
        )
    return run.data


def icontail_of(run: RunConfig) -> IconTail:
    """The drawings in the look that a run on them sees.

    Raises:
        CourseError: as `lt_course.data.icontail.load` and `load_color` do.
    """
    return icontail_module.load_color() if drawings_of(run).color else icontail_module.load()


@registry.add_dataset("icontail")
class IconTailDataset(InMemoryDataset):
    """Drawings of IconTail.

    Attributes:
        split: which of them are trained on.
    """

    config = IconTailData
    standardize = staticmethod(standardize)

    def __init__(self, run: RunConfig) -> None:
        super().__init__(run)
        self.data = data = drawings_of(run)
        self.split = split = data.sample()
        self.icontail = icontail = icontail_of(run)
        self.labels, self.frequency, self.trimmed = split.labels, split.frequency, split.trimmed
        concepts = icontail.concepts[: data.concepts]
        self.keys = [concept.key for concept in concepts]
        self.names = [concept.name for concept in concepts]
        self.images = self._resized(icontail.pictures[split.image_ids])
        self.test_rows = np.flatnonzero(icontail.test & (icontail.concept < data.concepts))
        self.test = self._shown(
            icontail.pictures[self.test_rows], icontail.concept[self.test_rows].astype(np.int64)
        )

    @classmethod
    def expected(cls, run: RunConfig) -> int:
        """The drawings come with the package: they are drawn."""
        return len(drawings_of(run).sample().labels)

    @cached_property
    def texts(self) -> Texts:
        """Captions of the training drawings, and prompts that sound like them."""
        options, data = cast(CLIPConfig, self.run.objective), self.data
        if self.run.text_head == LanguageModel():
            # A caption is the number of the concept that it names.
            concepts = self.icontail.concept[self.split.image_ids].astype(np.int64)
            return Texts(
                torch.from_numpy(concepts)[:, None], torch.arange(data.concepts)[:, None, None]
            )
        matching = options.prompts == "matching"
        kind = matching_prompts(options.text) if matching else options.prompts
        asked = zero_shot_prompts(self.icontail, data.concepts, kind)
        said = self._captions.texts
        texts = said + [prompt for each in asked for prompt in each]
        ids = tokens(texts, options.context, self.run.tokenizer)
        return Texts(ids, ids[len(said) :].unflatten(0, (len(asked), -1)))

    @cached_property
    def _captions(self) -> Captions:
        options = cast(CLIPConfig, self.run.objective)
        return captions(self.icontail, self.split.image_ids, options.text)

    def captions_of(self, rows: NDArray[np.int64], step: int) -> Tensor:
        """As `InMemoryDataset`."""
        if self.run.text_head != LanguageModel():
            generator = numpy_generator(self.run.seed, step, "captions")
            rows = self._captions.draw(rows, generator)
        return self.texts.known[torch.from_numpy(rows)]

    def naming(self) -> Task:
        """Equally many drawings of every concept, by families never trained on for the test."""
        return self._task(transfer_sets.evaluated_concepts(self.icontail, self.data.concepts))

    def tasks(self) -> Iterator[Task]:
        """The transfer sets that need no download."""
        yield self._task(transfer_sets.held_out_concepts(self.icontail))
        yield self._task(transfer_sets.authors(self.icontail))
        yield self._task(transfer_sets.emoji_groups(self.icontail))
        yield self._task(transfer_sets.digits())

    def shown(self, rows: NDArray[np.int64]) -> LabeledImages:
        """As `RunDataset`."""
        return self._shown(self.icontail.pictures[self.split.image_ids[rows]], self.labels[rows])

    @property
    def fingerprint(self) -> Fingerprint | None:
        """As `RunDataset`; drawings in grey are shipped."""
        return super().fingerprint if self.data.color else None

    @property
    def trained_on(self) -> LabeledImages:
        """All training drawings of evaluated concepts."""
        return self.shown(np.flatnonzero(self.labels < len(self.frequency)))

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
            return self._shown(cast("NDArray[np.uint8]", part.pictures), part.labels)

        return Task(
            transfer_set.name,
            len(transfer_set.classes),
            transfer_set.metric,
            shown(transfer_set.train),
            shown(transfer_set.validation),
            shown(transfer_set.test),
        )

    def _shown(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> LabeledImages:
        return in_memory(self._resized(images), labels, standardize)

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
