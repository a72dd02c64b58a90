"""Photographs as the training loop asks for them: ``load(rows, step) -> Batch``.

    photographs = open_set("imagenet-captions", "in-caps", IN_CAPS_100, text="title+tags")
    with Loader(photographs.pairs(seed=0), batch=1024, workers=8, device=device) as load:
        fit(objective, load, load.order, options)

The caption variant is the field that the index is read with, and its tokens are made once, with
the index. Workers read, decode and crop ahead; the pictures of a step are a function of the seed,
the step and the rows alone, whoever reads them. A resumed run asks for step 137 first and is
given what the stopped one would have got.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lt_course.data import captions, photographs
from lt_course.data.imagenet import ImageNetClass
from lt_course.data.shard_pairs import PairBatch, Pairs, batches, share
from lt_course.data.tokens import CLIP, tokens
from lt_course.errors import CourseError
from lt_course.objectives.batch import Batch
from lt_course.training.order import Sampler, numpy_generator


def class_prompts(
    classes: Sequence[ImageNetClass], context: int = 77, tokenizer: str = CLIP
) -> Tensor:
    """CLIP's 80 templates with each class's name (Sec. 3.2), int64 [C, 80, context]."""
    said = [prompt for known in classes for prompt in captions.prompts(known.name)]
    return tokens(said, context, tokenizer).unflatten(0, (len(classes), -1))


class Loader:
    """Batches of photographs on the training device, step by step.

    Args:
        pairs: what is read.
        batch: pairs a step, over all processes.
        sampler: of the order (`lt_course.training.order.Order`).
        workers: processes that read ahead; 0 reads in this one. They change no value.
        device: where batches go; to CUDA from page-locked memory.
        channels_last: memory layout of the pictures.
        rank: this process, of …
        ranks: … so many that share each batch.
        prompts: int64 [C, P, L], in the place of captions: each picture is shown with one of its
            class's P prompts, another one each time (`class_prompts`).
        max_bad_fraction: greatest share of pictures that cannot be decoded.

    Attributes:
        order: which pairs make up which step, for `lt_course.training.loop.fit`.
    """

    def __init__(
        self,
        pairs: Pairs,
        batch: int,
        *,
        sampler: Sampler = "natural",
        workers: int = 0,
        device: torch.device | str = "cpu",
        channels_last: bool = False,
        rank: int = 0,
        ranks: int = 1,
        prompts: Tensor | None = None,
        max_bad_fraction: float = 0.01,
    ) -> None:
        self.pairs, self.order = pairs, pairs.order(batch, sampler)
        self._device = torch.device(device)
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self._workers, self._rank, self._ranks = workers, rank, ranks
        self._prompts, self._max_bad_fraction = prompts, max_bad_fraction
        self._stream: Generator[PairBatch, None, None] | None = None
        self._next = -1

    def __call__(self, rows: NDArray[np.int64], step: int) -> Batch:
        """The batch of a step; consecutive steps are read ahead.

        Args:
            rows: int64 [batch], what `order` gives for the step.
            step: its number.

        Returns:
            Standardised pictures float [B, 3, S, S], classes and tokens, of this process's share
            of the rows.

        Raises:
            CourseError: if the rows are not those of the step, or as
                `lt_course.data.shard_pairs.batches`.
        """
        if not np.array_equal(rows, self.order.rows(step)):
            raise CourseError(
                f"The rows asked for are not those of step {step} in the loader's order; train "
                "with 'order' of the loader."
            )
        if self._stream is None or step != self._next:
            self.close()
            self._stream = self._from(step)
        loaded = next(self._stream)
        self._next = step + 1
        pictures = loaded.pictures.to(self._device, non_blocking=True)
        return Batch(
            photographs.standardise(pictures).contiguous(memory_format=self._layout),
            loaded.labels.to(self._device, non_blocking=True),
            self._tokens(loaded, step).to(self._device, non_blocking=True),
        )

    def _tokens(self, loaded: PairBatch, step: int) -> Tensor:
        if self._prompts is None:
            return loaded.tokens
        generator = numpy_generator(self.order.seed, step, "captions")
        drawn = generator.integers(self._prompts.shape[1], size=self.order.batch)
        return self._prompts[loaded.labels, share(drawn, self._rank, self._ranks)]

    def _from(self, step: int) -> Generator[PairBatch, None, None]:
        yield from batches(
            self.pairs,
            self.order,
            start=step,
            stop=sys.maxsize,
            rank=self._rank,
            ranks=self._ranks,
            workers=self._workers,
            pin_memory=self._device.type == "cuda",
            max_bad_fraction=self._max_bad_fraction,
        )

    def close(self) -> None:
        """End the workers."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def __enter__(self) -> Loader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
