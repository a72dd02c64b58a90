"""Photographs in shards as material, tested on ImageNet's pictures.

ImageNet's classes label all of them: ImageNet, ImageNet-Captions and LAIONet in the shards, the
others by their captions (`lt_course.web.datasets.caption_labels`), among them the shards of
Conceptual Captions on the Hugging Face hub.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from math import sqrt
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lt_course.counting import web_frequencies
from lt_course.data.augment import LabeledImages, standardize_photographs
from lt_course.data.batch import Batch
from lt_course.data.crops import multi_crop
from lt_course.data.data_folder import data_folder
from lt_course.data.imagenet import Concepts, classes_of
from lt_course.data.order import torch_generator
from lt_course.data.tokenizer import tokens
from lt_course.distributed import rank, world_size
from lt_course.objectives.classify import SupervisedConfig
from lt_course.objectives.contrast import CLIPConfig
from lt_course.objectives.distill import DINOConfig
from lt_course.study.dataset import MADE, RunDataset, Task, Texts, balanced, every_token
from lt_course.study.run_config import RunConfig
from lt_course.training.loop import LoadBatch
from lt_course.web import data_paths
from lt_course.web.datasets import caption_labels
from lt_course.web.datasets.catalogue import SETS
from lt_course.web.datasets.evaluation_sets import BATCH, EvaluationSet, as_tested, evaluation_set
from lt_course.web.datasets.imagenet_shards import CAPTIONED
from lt_course.web.datasets.photograph_sets import Photographs as Chosen
from lt_course.web.datasets.photograph_sets import Selection, open_set
from lt_course.web.datasets.published_sets import published_tasks
from lt_course.web.datasets.shard_data import CONCEPTS, MATCHES, ShardData
from lt_course.web.read_ahead import read_ahead
from lt_course.web.shards.shard_index import require_few
from lt_course.web.shards.shard_pairs import Loader, Part, Said, class_prompts, synonyms

LABELLED_AS = {name: name for name in caption_labels.SETS} | dict.fromkeys(
    ("cc3m", "cc12m"), caption_labels.SEVERAL
)
"""Sets whose captions give the labels, and by which set's rule."""

SHARDS = ("imagenet", CAPTIONED, "laionet", *LABELLED_AS)
"""The sets that are read."""

MATCHED = 416_489
"""Pictures of LAIONet, filled, with ImageNet-Captions' frequencies: some classes have too few."""

SPEAKING = {
    "description": 267_848,
    "tags": 408_671,
    "tags+description": 429_044,
    "title": 443_012,
    "title+description": 446_129,
    "title+tags": 447_419,
}
"""Pictures of ImageNet-Captions about which something is said; of other variants all 448,896."""

OF_A_HUNDRED = 44_548
"""Pictures of ImageNet-Captions of ImageNet-100's classes."""

MOST_BAD = 0.01
"""Greatest share of samples that may be unusable."""

NEIGHBORS = 25
"""Pictures of each class that nearest neighbours are looked for among."""

READ = 2**20
"""Captions whose tokens are in memory once more at a time."""


class PhotographDataset(RunDataset):
    """Labelled photographs in shards; `chosen` are those that are trained on."""

    config = ShardData

    def __init__(self, run: RunConfig) -> None:
        super().__init__(run)
        self.chosen = chosen = _chosen(run)
        self.keys = [known.wnid for known in chosen.classes]
        self.names = [known.name for known in chosen.classes]
        self.labels, self.frequency = chosen.labels, chosen.frequency
        self.trimmed = chosen.trimmed
        tested = _tested(run)
        self.test = as_tested(tested, tested.labels, "test pictures")
        self.test_rows = np.arange(len(tested))

    @property
    def tested(self) -> NDArray[np.int64]:
        """As `RunDataset`; the field may say fewer."""
        if _data(self.run).tested is None:
            return super().tested
        number = {wnid: position for position, wnid in enumerate(self.keys)}
        return np.array([number[known.wnid] for known in classes_of(_tested_on(self.run))])

    @classmethod
    def expected(cls, run: RunConfig) -> int | None:
        """As the field says, or as the paper's authors counted.

        Trims are not looked at, and that a matched set has all that it is matched with is taken
        for granted, but where it was counted.
        """
        data, options = _data(run), run.objective
        in_caps, whole = data.dataset == CAPTIONED, SETS[data.dataset].pairs
        pictures = data.num_images
        if pictures is None:
            pictures = whole if data.concepts == 1_000 else OF_A_HUNDRED if in_caps else None
        if data.num_images is None and data.threshold is not None:
            return None
        if data.matched is not None:
            pictures = SETS[data.matched].pairs
        if data.filled and data.dataset == "laionet" and data.matched == CAPTIONED:
            pictures = MATCHED
        if in_caps and pictures == whole and isinstance(options, CLIPConfig):
            pictures = SPEAKING.get(options.text, pictures)
        return None if pictures is None else round(data.fraction * pictures)

    @classmethod
    def shape(cls, run: RunConfig) -> tuple[int, int, int]:
        """In colour, of the size that is trained on."""
        return 3, _size(run), _size(run)

    @cached_property
    def texts(self) -> Texts:
        """The prompts around the classes' names; captions may hold any token."""
        options, tokenizer = cast(CLIPConfig, self.run.objective), self.run.tokenizer
        if options.prompts == "name":
            prompts = tokens(list(self.names), options.context, tokenizer)[:, None]
        else:
            prompts = class_prompts(self.chosen.classes, options.context, tokenizer)
        return Texts(every_token(options.context, tokenizer), prompts)

    @property
    def _said(self) -> Said | None:
        """What captions are replaced by, if they are."""
        options, tokenizer = cast(CLIPConfig, self.run.objective), self.run.tokenizer
        if options.text not in MADE:
            return None
        named = options.text == "template"
        texts = self.templates if named else [synonyms(known) for known in self.chosen.classes]
        return Said.of(texts, options.context, tokenizer)

    @contextmanager
    def loader(self, device: torch.device) -> Iterator[LoadBatch]:
        """Photographs are read, decoded and cropped ahead, each process its share of a batch."""
        run, options, training = self.run, self.run.objective, self.run.training
        captioned = options if isinstance(options, CLIPConfig) else None
        context = captioned.context if captioned else 3
        # Self-distillation crops for itself: of the whole picture, or of 4 : 3 of a longer one.
        smallest = 1.0 if isinstance(options, DINOConfig) else training.crop
        loading = Loader(
            self.chosen.pairs(seed=run.seed, size=_size(run), smallest=smallest, context=context),
            training.batch_size,
            sampler=training.sampler,
            workers=data_paths.workers(device.type == "cpu"),
            device=device,
            channels_last=training.channels_last,
            rank=rank(),
            ranks=world_size(),
            said=self._said if captioned else None,
            max_bad_fraction=MOST_BAD,
        )

        def load(rows: NDArray[np.int64], step: int) -> Batch:
            loaded = loading(rows, step)
            if isinstance(options, DINOConfig):
                generator = torch_generator(run.seed, step, "augmentation")
                crops = multi_crop(loaded.pictures, options, generator, rank(), world_size())
                return replace(loaded, tokens=None, crops=crops)
            return loaded if captioned else replace(loaded, tokens=None)

        with loading:
            yield load

    def naming(self) -> Task:
        """ImageNet's classes, told by some training pictures of each."""
        name, classes = self.run.data.dataset, len(self.frequency)
        return Task(name, classes, "top-1", self.trained_on, None, self.test)

    def tasks(self) -> Iterator[Task]:
        """The paper's twelve, as far as they are there."""
        return published_tasks(self.run.data.image_size)

    @property
    def trained_on(self) -> LabeledImages:
        """A balanced choice of the training pictures."""
        return self.shown(balanced(self.labels, NEIGHBORS))

    def shown(self, rows: NDArray[np.int64]) -> LabeledImages:
        """As `RunDataset`; another picture, with its own label, takes a damaged one's place."""
        pairs = self.chosen.pairs(size=self.run.data.image_size, smallest=None, context=3)
        pairs = replace(pairs, resize=_resize(self.run))

        def batches(
            some: NDArray[np.int64], device: torch.device
        ) -> Iterator[tuple[Tensor, Tensor]]:
            parts = [Part(0, rows[some[at : at + BATCH]]) for at in range(0, len(some), BATCH)]
            workers = data_paths.workers(device.type == "cpu")
            for each in read_ahead(pairs, workers=workers, sampler=parts, batch_size=None):
                yield standardize_photographs(each.pictures.to(device)), each.labels

        return LabeledImages(pairs.labels[rows], batches, "training pictures")

    @property
    def captions(self) -> Iterator[NDArray[np.generic]]:
        """As `RunDataset`: the tokens of captions, as many as are read at a time."""
        if isinstance(self.run.objective, CLIPConfig) and self.run.objective.text not in MADE:
            rows = torch.from_numpy(self.chosen.rows)
            yield from (self.chosen.index.tokens_of(part).numpy() for part in rows.split(READ))


def _data(run: RunConfig) -> ShardData:
    return cast(ShardData, run.data)


def _chosen(run: RunConfig) -> Chosen:
    """The pairs that a run trains on."""
    data, options = _data(run), run.objective
    inputs, in_caps = SETS[data.dataset].inputs, data.dataset == CAPTIONED
    labelled_as = LABELLED_AS.get(data.dataset)
    speaks = isinstance(options, CLIPConfig) and options.text not in MADE
    chosen = open_set(
        labelled_as or data.dataset,
        data_paths.shards(data.dataset, inputs),
        _selection(run),
        text=options.text if in_caps and speaks else "name",  # type: ignore[union-attr]
        labels=data_paths.labels(data.dataset, labelled_as, inputs) if labelled_as else None,
        frequency=None if data.matched is None else _frequency(data.matched),
        fill=data_paths.shards(f"{data.dataset}-fill", inputs) if data.filled else None,
        max_bad_fraction=1 if in_caps else MOST_BAD,
        workers=data_paths.workers(on_cpu=False),
        tokenizer=run.tokenizer,
    )
    if not in_caps:
        return chosen
    # That nothing is said of a picture is a property of the captions, and no damage.
    bad = {why: count for why, count in chosen.index.bad.items() if why != "empty caption"}
    index = replace(chosen.index, bad=bad)
    require_few(index, MOST_BAD)
    return replace(chosen, index=index)


def _selection(run: RunConfig) -> Selection:
    data = _data(run)
    size = None if data.num_images is None else round(data.fraction * data.num_images)
    return Selection(
        concepts=CONCEPTS[data.concepts],
        threshold=data.threshold,
        fraction=data.fraction if size is None else 1,
        num_images=size,
        keep_classes=data.keep_classes,
        tail_classes=data.tail_classes,
        tail_shots=data.tail_shots,
    )


def _frequency(name: str) -> NDArray[np.int64]:
    """The released counts of a set, int64 [1000]."""
    return web_frequencies.load().counts(MATCHES[name]).to_numpy(np.int64)


def _size(run: RunConfig) -> int:
    """Side of the squares that pictures are loaded as.

    For self-distillation, so large that the largest local crop is shown pixel by pixel: 256 for
    crops of 96 pixels and 14 % of the area.
    """
    options = run.objective
    if not isinstance(options, DINOConfig):
        return run.data.image_size
    local = round(options.local_size / sqrt(options.local_greatest) / 16) * 16
    return max(options.global_size, local if options.local_crops else 0)


def _resize(run: RunConfig) -> int:
    """The shorter side of test pictures before the centre is cut out: 256 for classifiers' 224."""
    size = run.data.image_size
    return round(size * 256 / 224) if isinstance(run.objective, SupervisedConfig) else size


def _tested(run: RunConfig) -> EvaluationSet:
    name = _data(run).test_set or "imagenet-val"
    source = data_folder(SETS[name].inputs) / name
    size = run.data.image_size
    return evaluation_set(name, source, _tested_on(run), size=size, resize=_resize(run))


def _tested_on(run: RunConfig) -> Concepts:
    return CONCEPTS[_data(run).tested or run.data.concepts]
