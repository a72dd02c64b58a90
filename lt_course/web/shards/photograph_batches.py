"""Photographs as the training loop asks for them: ``load(rows, step) -> Batch``.

photographs = open_set("imagenet-captions", "in-caps", text="title+tags")
with Loader(photographs.pairs(seed=0), batch=1024, workers=8, device=device) as load:
    fit(objective, load, load.order, options)
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lt_course.data import captions
from lt_course.data.augment import standardize_photographs
from lt_course.data.batch import Batch
from lt_course.data.imagenet import ImageNetClass
from lt_course.data.order import Sampler, numpy_generator
from lt_course.data.tokenizer import CLIP_TOKENIZER, tokens
from lt_course.errors import CourseError
from lt_course.web.shards.shard_pairs import PairBatch, ShardDataset, batches, share


def class_prompts(
    classes: Sequence[ImageNetClass], context: int = 77, tokenizer: str = CLIP_TOKENIZER
) -> Tensor:
    """CLIP's 80 templates with each class's name (Sec. 3.2), int64 [C, 80, context]."""
    said = [prompt for known in classes for prompt in captions.prompts(known.name)]
    return tokens(said, context, tokenizer).unflatten(0, (len(classes), -1))


@dataclass(frozen=True)
class Said:
    """What may be said of a picture of each class: T texts, class by class.

    Attributes:
        ids: int64 [T, L], the texts' tokens.
        first: int64 [C + 1], where the texts of each class begin, and T.
    """

    ids: Tensor
    first: Tensor

    @classmethod
    def of(
        cls, texts: Sequence[Sequence[str]], context: int = 77, tokenizer: str = CLIP_TOKENIZER
    ) -> Said:
        """The texts of each of C classes, which may be differently many."""
        ids = tokens([text for each in texts for text in each], context, tokenizer)
        return cls(ids, torch.tensor([0, *map(len, texts)]).cumsum(0))

    def choose(self, labels: Tensor, places: Tensor) -> Tensor:
        """For each label a text of its class: the one at a place in [0, 1), float [B]."""
        number = self.first[labels + 1] - self.first[labels]
        return self.ids[self.first[labels] + (places * number).long()]


def synonyms(known: ImageNetClass) -> list[str]:
    """CLIP's 80 templates with each of a class's WordNet words."""
    return [prompt for word in known.lemmas for prompt in captions.prompts(word)]


class Loader:
    """Batches of photographs on the training device, step by step, as `order` says.

    Args:
        pairs: what is read.
        batch: pairs a step, over all processes.
        sampler: of the order (`lt_course.data.order.Order`).
        device: where batches go; to CUDA from page-locked memory.
        channels_last: memory layout of the pictures.
        said: in the place of captions: each picture is shown with one of its class's texts,
            another one each time.
        **reading: of `lt_course.web.shards.shard_pairs.batches`: `workers`, `rank`, `ranks` and
            `max_bad_fraction`.
    """

    def __init__(
        self,
        pairs: ShardDataset,
        batch: int,
        *,
        sampler: Sampler = "natural",
        device: torch.device | str = "cpu",
        channels_last: bool = False,
        said: Said | None = None,
        rank: int = 0,
        ranks: int = 1,
        **reading: Any,
    ) -> None:
        self.pairs, self.order = pairs, pairs.order(batch, sampler)
        self._device = torch.device(device)
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self._said, self._share = said, partial(share, rank=rank, ranks=ranks)
        self._from = partial(
            batches,
            pairs,
            self.order,
            stop=sys.maxsize,
            rank=rank,
            ranks=ranks,
            pin_memory=self._device.type == "cuda",
            **reading,
        )
        self._stream: Generator[PairBatch, None, None] | None = None
        self._next = -1

    def __call__(self, rows: NDArray[np.int64], step: int) -> Batch:
        """This process's share of the batch of a step; consecutive steps are read ahead.

        Raises:
            CourseError: if `rows` are not what `order` gives for the step, or as
                `lt_course.web.shards.shard_pairs.batches`.
        """
        if not np.array_equal(rows, self.order.rows(step)):
            raise CourseError(
                f"The rows asked for are not those of step {step} in the loader's order; train "
                "with 'order' of the loader."
            )
        if self._stream is None or step != self._next:
            self.close()
            self._stream = self._from(start=step)
        loaded = next(self._stream)
        self._next = step + 1
        pictures = loaded.pictures.to(self._device, non_blocking=True)
        return Batch(
            standardize_photographs(pictures).contiguous(memory_format=self._layout),
            loaded.labels.to(self._device, non_blocking=True),
            self._tokens(loaded, step).to(self._device, non_blocking=True),
        )

    def _tokens(self, loaded: PairBatch, step: int) -> Tensor:
        if self._said is None:
            return loaded.tokens
        drawn = numpy_generator(self.order.seed, step, "captions").random(self.order.batch)
        own = self._share(np.arange(len(drawn)))
        return self._said.choose(loaded.labels, torch.from_numpy(drawn[own]))

    def close(self) -> None:
        """End the workers."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
