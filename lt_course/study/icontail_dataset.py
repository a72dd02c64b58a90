"""IconTail as material, grey or in colour: drawings in memory, on the training device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, fields
from functools import cached_property
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lt_course.data import icontail as icontail_module
from lt_course.data import transfer_sets
from lt_course.data.augment import random_crop, standardise
from lt_course.data.batch import Batch
from lt_course.data.captions import Captions, captions, matching_prompts, zero_shot_prompts
from lt_course.data.class_profiles import Draw, draw
from lt_course.data.drawing_style import is_solid
from lt_course.data.fingerprint import Fingerprint
from lt_course.data.icontail import IconTail
from lt_course.data.labelled_images import Shown, in_memory
from lt_course.data.multi_crop import multi_crop
from lt_course.data.order import numpy_generator, torch_generator
from lt_course.data.tokenizer import tokens
from lt_course.data.transfer_sets import Part, TransferSet
from lt_course.errors import CourseError
from lt_course.objectives.contrast import Contrast
from lt_course.objectives.distill import Distill
from lt_course.study import registry
from lt_course.study.dataset import Material, Task, Texts
from lt_course.study.spec import Data, Run
from lt_course.training.loop import LoadBatch

OF_PHOTOGRAPHS = {
    "threshold",
    "keep_classes",
    "matched",
    "filled",
    "imbalance",
    "tested",
    "test_set",
}


@registry.dataset(*registry.CORE_DATASETS)
class Drawings(Material):
    """Drawings of IconTail.

    Attributes:
        drawn: which of them are trained on.
    """

    MEANT = frozenset(field.name for field in fields(Data)) - OF_PHOTOGRAPHS

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.drawn = drawn = drawn_for(run)
        self.icontail = icontail = icontail_of(run)
        self.labels, self.frequency, self.trimmed = drawn.labels, drawn.frequency, drawn.trimmed
        concepts = icontail.concepts[: run.data.concepts]
        self.keys = [concept.key for concept in concepts]
        self.names = [concept.name for concept in concepts]
        self.test_rows = np.flatnonzero(icontail.test & (icontail.concept < run.data.concepts))
        self.test = _shown(
            icontail.pictures[self.test_rows], icontail.concept[self.test_rows].astype(np.int64)
        )

    @classmethod
    def require_sound(cls, run: Run) -> None:
        """As `Material`; pictures of other concepts go with their number."""
        super().require_sound(run)
        if isinstance(run.objective, Distill) and run.objective.photometric:
            raise CourseError(
                "Field 'photometric' is True, but drawings have neither colours nor light; set it "
                "to False."
            )
        if run.data.other_concepts is not None and not run.data.others:
            raise CourseError(
                f"Field 'other_concepts' is {run.data.other_concepts}, but field 'others' is 0; "
                "say how many pictures of other concepts there are."
            )

    @classmethod
    def expected(cls, run: Run) -> int:
        """The drawings come with the package: they are drawn."""
        return len(drawn_for(run).labels)

    @classmethod
    def shape(cls, run: Run) -> tuple[int, int, int]:
        """Grey or in colour, as they are; the towers scale them."""
        return icontail_module.SHAPES[run.data.dataset]

    @cached_property
    def texts(self) -> Texts:
        """Captions of the training drawings, and prompts that sound like them."""
        options, data = cast(Contrast, self.run.objective), self.run.data
        model = self.run.model
        if model.numbers_names:
            # A caption is the number of the concept that it names.
            concepts = self.icontail.concept[self.drawn.pictures].astype(np.int64)
            return Texts(
                torch.from_numpy(concepts)[:, None], torch.arange(data.concepts)[:, None, None]
            )
        matching = options.prompts == "matching"
        kind = matching_prompts(options.text) if matching else options.prompts
        asked = zero_shot_prompts(self.icontail, data.concepts, kind)
        said = self._captions.texts
        texts = said + [prompt for each in asked for prompt in each]
        ids = tokens(texts, options.context, model.tokenizer)
        return Texts(ids, ids[len(said) :].unflatten(0, (len(asked), -1)))

    @cached_property
    def _captions(self) -> Captions:
        options = cast(Contrast, self.run.objective)
        return captions(self.icontail, self.drawn.pictures, options.text)

    def _said(self, rows: NDArray[np.int64], step: int) -> Tensor:
        """A caption of each row, token ids [B, L]."""
        if self.run.model.numbers_names:
            return self.texts.known[torch.from_numpy(rows)]
        generator = numpy_generator(self.run.seed, step, "captions")
        return self.texts.known[torch.from_numpy(self._captions.draw(rows, generator))]

    def loader(self, device: torch.device) -> AbstractContextManager[LoadBatch]:
        """All drawings on the device, where they are cropped."""
        run = self.run
        pictures = torch.from_numpy(self.icontail.pictures[self.drawn.pictures]).to(device)
        labels = torch.from_numpy(self.labels).to(device)

        def load(rows: NDArray[np.int64], step: int) -> Batch:
            picked = torch.from_numpy(rows).to(device)
            generator = torch_generator(run.seed, step, "augmentation")
            shown = standardise(pictures[picked])
            if isinstance(run.objective, Distill):
                crops = multi_crop(shown, run.objective, generator)
                return Batch(shown, labels[picked], crops=crops)
            cropped = random_crop(shown, run.training.crop, generator)
            if run.training.channels_last:
                cropped = cropped.contiguous(memory_format=torch.channels_last)
            reads = isinstance(run.objective, Contrast)
            said = self._said(rows, step).to(device) if reads else None
            return Batch(cropped, labels[picked], said)

        return nullcontext(load)

    def naming(self) -> Task:
        """Equally many drawings of every concept, by families never trained on for the test."""
        return _task(transfer_sets.evaluated_concepts(self.icontail, self.run.data.concepts))

    def tasks(self) -> Iterator[Task]:
        """The transfer sets that need no download."""
        yield _task(transfer_sets.held_out_concepts(self.icontail))
        yield _task(transfer_sets.authors(self.icontail))
        yield _task(transfer_sets.emoji_groups(self.icontail))
        yield _task(transfer_sets.digits())

    def shown(self, rows: NDArray[np.int64]) -> Shown:
        """As `Material`."""
        return _shown(self.icontail.pictures[self.drawn.pictures[rows]], self.labels[rows])

    @property
    def fingerprint(self) -> Fingerprint | None:
        """As `Material`; drawings in grey are shipped."""
        return None if self.run.data.dataset == "icontail" else super().fingerprint

    @property
    def trained_on(self) -> Shown:
        """All training drawings of evaluated concepts."""
        return self.shown(np.flatnonzero(self.labels < len(self.frequency)))

    def further(self, right: NDArray[np.bool_]) -> dict[str, float]:
        """Accuracy by style, and how free the permutation of frequencies was."""
        solid = is_solid(self.icontail.grey[self.test_rows])
        return {
            "accuracy_line": _mean(right[~solid]),
            "accuracy_solid": _mean(right[solid]),
            "frequency_limit": self.drawn.limit,
        }


def icontail_of(run: Run) -> IconTail:
    """The data set in the look that the run's models see.

    Raises:
        CourseError: as `lt_course.data.icontail.load` and `load_colour` do.
    """
    if run.data.dataset == "icontail-colour":
        return icontail_module.load_colour()
    return icontail_module.load()


def drawn_for(run: Run) -> Draw:
    """The drawings that a run trains on, the same in grey and in colour.

    Raises:
        CourseError: as `lt_course.data.class_profiles.draw`.
    """
    chosen = {k: v for k, v in asdict(run.data).items() if k not in OF_PHOTOGRAPHS}
    del chosen["dataset"]
    return draw(icontail_module.load(), chosen.pop("concepts"), **chosen)


def _task(transfer_set: TransferSet) -> Task:
    def shown(part: Part) -> Shown:
        return _shown(cast("NDArray[np.uint8]", part.pictures), part.labels)

    return Task(
        transfer_set.name,
        len(transfer_set.classes),
        transfer_set.metric,
        shown(transfer_set.train),
        shown(transfer_set.validation),
        shown(transfer_set.test),
    )


def _shown(pictures: NDArray[np.uint8], labels: NDArray[np.int64]) -> Shown:
    return in_memory(torch.tensor(pictures), labels, standardise)


def _mean(values: NDArray[np.bool_]) -> float:
    """The mean, or nan where there is none."""
    return float(values.mean()) if len(values) else float("nan")
