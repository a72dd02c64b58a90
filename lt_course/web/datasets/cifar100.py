"""CIFAR-100 with a long tail as material: small photographs in memory."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from lt_course.data.augment import random_crop
from lt_course.data.batch import Batch
from lt_course.data.labelled_images import Shown, in_memory
from lt_course.data.multi_crop import multi_crop
from lt_course.data.order import numpy_generator, torch_generator
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.objectives.contrast import Contrast
from lt_course.objectives.distill import Distill
from lt_course.study.dataset import (
    Material,
    Task,
    Texts,
    balanced,
    every_token,
    require_photographs,
)
from lt_course.study.spec import Run
from lt_course.training.loop import LoadBatch
from lt_course.web import data_paths
from lt_course.web.datasets import cifar
from lt_course.web.datasets.cifar import CaptionKind, LongTail
from lt_course.web.shards.photographs import standardise

CLASSES = 100
EACH = 500
"""Training pictures of a class, before the tail is cut."""

NAMED = 25
"""Pictures of each class that nearest neighbours are looked for among."""


class Thumbnails(Material):
    """CIFAR-100: 32 x 32 pixels, of 100 classes in 20 superclasses."""

    MEANT = frozenset({"dataset", "concepts", "profile", "pictures", "permutation", "imbalance"})

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        data = run.data
        tail = LongTail(data.imbalance or 1, data.permutation)
        self.cifar = known = cifar.load(data_paths.folder(cifar.CIFAR.inputs), tail)
        self.keys = self.names = known.names
        self.labels, self.frequency = known.labels, known.frequency
        self.trimmed = np.zeros(CLASSES, np.bool_)
        self.test = in_memory(known.test_pictures, known.test_labels, standardise)
        self.test_rows = np.arange(len(known.test_labels))

    @classmethod
    def require_sound(cls, run: Run) -> None:
        """As `Material`; the number of pictures is what the imbalance leaves."""
        super().require_sound(run)
        require_photographs(run)
        data, options = run.data, run.objective
        if (data.concepts, data.profile, data.pictures) != (CLASSES, "natural", None):
            raise CourseError(
                f"Fields 'concepts', 'profile' and 'pictures' are {data.concepts}, "
                f"{data.profile!r} and {data.pictures}; cifar100 has {CLASSES} classes, and its "
                "pictures are what 'imbalance' leaves: set them to "
                f"{CLASSES}, 'natural' and None."
            )
        if isinstance(options, Contrast):
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

    @classmethod
    def expected(cls, run: Run) -> int:
        """As the law of the tail says."""
        rank, ratio = np.arange(CLASSES), run.data.imbalance or 1
        return int((EACH * ratio ** (-rank / (CLASSES - 1))).astype(np.int64).sum())

    @classmethod
    def shape(cls, run: Run) -> tuple[int, int, int]:
        """In colour, as they are; the towers scale them."""
        return 3, 32, 32

    @cached_property
    def texts(self) -> Texts:
        """One caption a class, or the 80 templates; asked for is always in the templates."""
        context = cast(Contrast, self.run.objective).context
        tokenizer = self.run.model.tokenizer
        asked = [prompt for each in self.templates for prompt in each]
        prompts = tokens(asked, context, tokenizer).unflatten(0, (CLASSES, -1))
        return Texts(every_token(context, tokenizer), prompts)

    def loader(self, device: torch.device) -> AbstractContextManager[LoadBatch]:
        """All pictures on the device, where they are cropped."""
        run, options = self.run, self.run.objective
        pictures = self.cifar.pictures.to(device)
        labels = torch.from_numpy(self.labels).to(device)
        said = None
        if isinstance(options, Contrast):
            said = self.texts.prompts
            if options.text != "template":
                kind = cast(CaptionKind, options.text)
                texts = self.cifar.captions(kind)
                said = tokens(texts, options.context, run.model.tokenizer)[:, None]

        def load(rows: NDArray[np.int64], step: int) -> Batch:
            picked = torch.from_numpy(rows).to(device)
            generator = torch_generator(run.seed, step, "augmentation")
            shown = standardise(pictures[picked])
            if isinstance(options, Distill):
                crops = multi_crop(shown, options, generator)
                return Batch(shown, labels[picked], crops=crops)
            cropped = random_crop(shown, run.training.crop, generator)
            if run.training.channels_last:
                cropped = cropped.contiguous(memory_format=torch.channels_last)
            if said is None:
                return Batch(cropped, labels[picked])
            drawn = numpy_generator(run.seed, step, "captions").integers(
                said.shape[1], size=len(rows)
            )
            return Batch(cropped, labels[picked], said[self.labels[rows], drawn].to(device))

        return nullcontext(load)

    def naming(self) -> Task:
        """The classes, told by some training pictures of each."""
        rows = balanced(self.labels, NAMED)
        return Task(
            "cifar100",
            CLASSES,
            "top-1",
            self.shown(rows),
            None,
            self.test,
        )

    @property
    def trained_on(self) -> Shown:
        """All training pictures."""
        return self.shown(np.arange(len(self.labels)))

    def shown(self, rows: NDArray[np.int64]) -> Shown:
        """As `Material`."""
        return in_memory(self.cifar.pictures[rows], self.labels[rows], standardise)
