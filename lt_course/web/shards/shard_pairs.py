"""Picture-text pairs out of shards, as batches whose order and content are pure functions.

Which rows make up a step is a function of seed and step (`lt_course.data.order.Order`), and how a
picture is cropped one of seed, step and place in the batch, whichever process reads it. A damaged
picture's place is taken by the first readable one of a sequence that depends on the damaged row
alone: the order stays what it was, batches keep their size, and no process waits for another.

    photographs = open_set("imagenet-captions", "in-caps", text="title+tags")
    with Loader(photographs.pairs(seed=0), batch=1024, workers=8, device=device) as load:
        fit(objective, load, load.order, options)
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from lt_course.data import captions
from lt_course.data.augment import standardize_photographs
from lt_course.data.batch import Batch
from lt_course.data.imagenet import ImageNetClass
from lt_course.data.order import Order, Sampler, numpy_generator, share, torch_generator
from lt_course.data.tokenizer import CLIP_TOKENIZER, tokens
from lt_course.errors import CourseError
from lt_course.web.read_ahead import read_ahead
from lt_course.web.shards import photographs
from lt_course.web.shards.shard_index import Index, read, require_few
from lt_course.web.shards.shard_scan import CONTEXT

ATTEMPTS = 20
"""Other rows that are tried in the place of a damaged one."""

NAMED = 20
"""Damaged pictures that are logged by name; all are counted."""

log = logging.getLogger(__name__)


class Part(NamedTuple):
    """The rows of one step that one process reads, int64 [b]; `first` were shown before them."""

    first: int
    rows: NDArray[np.int64]


class PairBatch(NamedTuple):
    """B pairs as they come from the workers, pictures uint8 [B, 3, S, S].

    Attributes:
        tokens: int64 [B, L], padded with 0.
        labels: int64 [B], or -1 where the shards were read without labels.
        rows: int64 [B], the rows that are shown: the ones asked for, but for damaged pictures.
        damaged: rows whose picture could not be decoded, and why.
    """

    pictures: Tensor
    tokens: Tensor
    labels: Tensor
    rows: Tensor
    damaged: Sequence[tuple[int, str]] = ()


@dataclass(frozen=True)
class ShardDataset(Dataset[PairBatch]):
    """The pairs of an index, by row: a map-style dataset without open files or other state.

    Attributes:
        chosen: int64 [N], the rows of the index that are the pairs, in any order and as often as
            wanted; None: all, in their order.
        classes: int64 [N], the class of each pair; None: what the index says.
        seed: of the order and of the crops.
        size: side S of the pictures.
        smallest: least area of the random crop, in (0, 1]; None: no random crop (evaluation).
        resize: without random crop, the shorter side before the centre is cut out.
        context: length L of captions, start and end included, at most 77.
    """

    index: Index
    chosen: Tensor | None = None
    classes: Tensor | None = None
    seed: int = 0
    size: int = 224
    smallest: float | None = 0.9
    resize: int = 256
    context: int = CONTEXT

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        if self.smallest is not None and not 0 < self.smallest <= 1:
            raise CourseError(f"Field 'smallest' is {self.smallest}; it must lie in (0, 1].")
        if not 3 <= self.context <= CONTEXT:
            raise CourseError(
                f"Field 'context' is {self.context}; it must lie between 3 and {CONTEXT}, the "
                "tokens that an index keeps of a caption."
            )

    def __len__(self) -> int:
        return len(self.index) if self.chosen is None else len(self.chosen)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each pair, int64 [N], or -1."""
        if self.classes is not None:
            return self.classes.numpy()
        labels = self.index.label if self.chosen is None else self.index.label[self.chosen]
        return labels.long().numpy()

    def order(self, batch: int, sampler: Sampler = "natural") -> Order:
        """Which pairs, over all processes, make up which step."""
        return Order(self.labels, batch, self.seed, sampler)

    def name(self, row: int) -> tuple[str, str]:
        """Tar and key of a pair."""
        return self.index.name(*self._in_index([row]))

    def _in_index(self, rows: list[int]) -> list[int]:
        return rows if self.chosen is None else self.chosen[rows].tolist()

    def __getitem__(self, part: Part) -> PairBatch:
        """The pairs of one part of a step.

        Raises:
            CourseError: if a tar was changed under the index, or no row that could take a damaged
                picture's place can be decoded.
        """
        rows = part.rows.astype(np.int64)
        contents = read([self.index.place(row) for row in self._in_index(rows.tolist())])
        pictures: list[Tensor] = []
        damaged: list[tuple[int, str]] = []
        for at, content in enumerate(contents):
            rows[at], picture = self._readable(int(rows[at]), content, damaged)
            pictures.append(self._crop(picture, part.first + at))
        in_index = self._in_index(rows.tolist())
        labels = self.index.label[in_index].long() if self.classes is None else self.classes[rows]
        tokens = self.index.tokens(in_index, self.context)
        return PairBatch(torch.stack(pictures), tokens, labels, torch.from_numpy(rows), damaged)

    def _readable(
        self, asked: int, content: bytes, damaged: list[tuple[int, str]]
    ) -> tuple[int, Tensor]:
        """The row that is shown and its picture; those that cannot be decoded join `damaged`."""
        row = asked
        for attempt in range(ATTEMPTS):
            try:
                return row, photographs.decode(content)
            except ValueError as error:
                damaged.append((row, str(error)))
                row = substitute(asked, attempt, len(self))
                (content,) = read([self.index.place(*self._in_index([row]))])
        raise CourseError(
            f"The picture {' '.join(self.name(asked))} and {ATTEMPTS - 1} that could take its "
            "place cannot be decoded; lt-course data check --decode names all such pictures."
        )

    def _crop(self, picture: Tensor, presentation: int) -> Tensor:
        if self.smallest is None:
            return photographs.evaluation_crop(picture, self.size, self.resize)
        seed = torch_generator(self.seed, presentation, "augmentation").initial_seed()
        return photographs.training_crop(picture, self.size, self.smallest, seed)


def substitute(row: int, attempt: int, rows: int) -> int:
    """The row that takes the place of a damaged one: a function of that row alone."""
    return int(np.random.default_rng([0x5AB, row, attempt]).integers(rows))


def steps(order: Order, start: int, stop: int, rank: int = 0, ranks: int = 1) -> Iterator[Part]:
    """One process's part of the steps `start` … `stop` - 1.

    Raises:
        CourseError: at once and on every process alike, if an epoch has no whole batch or the
            processes cannot share one evenly.
    """
    if order.steps_per_epoch == 0:
        raise CourseError(
            f"Field 'batch_size' is {order.batch}, but the shards hold only {len(order.labels)} "
            "pairs; use a smaller batch, or more shards."
        )
    own = int(share(np.arange(order.batch), rank, ranks)[0])
    return (
        Part(step * order.batch + own, share(order.rows(step), rank, ranks))
        for step in range(start, stop)
    )


def batches(
    pairs: ShardDataset,
    order: Order,
    *,
    start: int = 0,
    stop: int,
    rank: int = 0,
    ranks: int = 1,
    workers: int = 0,
    pin_memory: bool = False,
    max_bad_fraction: float = 0.01,
) -> Generator[PairBatch, None, None]:
    """The steps `start` … `stop` - 1, as process `rank` of `ranks` sees them.

    A resumed run starts with the step that its checkpoint holds. `workers` read and decode; they
    change no value. `max_bad_fraction` is the greatest share of samples that cannot be used, those
    that the index left out included; of a choice, the greatest share that cannot be decoded. Each
    of several processes counts what it has read itself since its start: all, after some epochs.

    Raises:
        CourseError: when that is exceeded, or as `steps` and `ShardDataset`.
    """
    damaged: set[tuple[str, str]] = set()
    for batch in read_ahead(
        pairs,
        workers=workers,
        sampler=steps(order, start, stop, rank, ranks),
        batch_size=None,
        pin_memory=pin_memory,
    ):
        for row, reason in batch.damaged:
            if (name := pairs.name(row)) in damaged:
                continue
            damaged.add(name)
            if len(damaged) <= NAMED:
                told = "%s: %s cannot be decoded (%s); another row takes its place."
                log.warning(told, *name, reason)
            if len(damaged) == NAMED:
                log.warning("Further damaged pictures are counted, not logged.")
            require_few(pairs.index, max_bad_fraction, undecodable=len(damaged))
            if pairs.chosen is not None and len(damaged) > max_bad_fraction * len(pairs):
                raise CourseError(
                    f"{len(damaged)} of the {len(pairs)} chosen pictures cannot be decoded, more "
                    f"than max_bad_fraction = {max_bad_fraction:g} allows; the last is "
                    f"{' '.join(name)}. Make the shards again, or raise 'max_bad_fraction'."
                )
        yield batch


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
        rank: as `batches`, and so are `ranks`, and `workers` and `max_bad_fraction` of `reading`.
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
            CourseError: if `rows` are not what `order` gives for the step, or as `batches`.
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
