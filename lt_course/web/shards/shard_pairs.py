"""Picture-text pairs out of shards, as batches whose order and content are pure functions.

Which rows make up a step is a function of seed and step (`lt_course.data.order.Order`), and how a
picture is cropped one of seed, epoch and row, whichever process reads it. A damaged picture's place
is taken by the first readable one of a sequence that depends on the damaged row alone: the order
stays what it was, batches keep their size, and no process waits for another.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from lt_course.data.order import Order, Sampler, share, torch_generator
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
    """The rows of one step that one process reads: int64 [b], in one epoch."""

    epoch: int
    rows: NDArray[np.int64]


class PairBatch(NamedTuple):
    """B pairs as they come from the workers.

    Attributes:
        pictures: uint8 [B, 3, S, S].
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
        index: of the shards.
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
        return self.index.name(self._in_index([row])[0])

    def _in_index(self, rows: list[int]) -> list[int]:
        """The rows of the index that pairs stand for."""
        chosen: list[int] = rows if self.chosen is None else self.chosen[rows].tolist()
        return chosen

    def __getitem__(self, part: Part) -> PairBatch:
        """The pairs of one part of a step.

        Raises:
            CourseError: if a tar was changed under the index, or a damaged picture and all rows
                that could take its place cannot be decoded.
        """
        rows = part.rows.astype(np.int64)
        contents = read([self.index.place(row) for row in self._in_index(rows.tolist())])
        pictures: list[Tensor] = []
        damaged: list[tuple[int, str]] = []
        for at, content in enumerate(contents):
            rows[at], picture = self._readable(int(rows[at]), content, damaged)
            pictures.append(self._crop(picture, part.epoch, int(rows[at])))
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

    def _crop(self, picture: Tensor, epoch: int, row: int) -> Tensor:
        if self.smallest is None:
            return photographs.evaluation_crop(picture, self.size, self.resize)
        presentation = epoch * len(self) + row
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
    share(np.zeros(order.batch, np.int64), rank, ranks)
    return (
        Part(step // order.steps_per_epoch, share(order.rows(step), rank, ranks))
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
    that the index left out included; of a choice, the greatest share that cannot be decoded.

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
            if (name := pairs.name(row)) not in damaged:
                damaged.add(name)
                _report(pairs, name, reason, len(damaged), max_bad_fraction)
        yield batch


def _report(
    pairs: ShardDataset, name: tuple[str, str], reason: str, number: int, max_bad_fraction: float
) -> None:
    """Log a damaged picture, the `number`-th of the run, and fail if there are too many."""
    if number <= NAMED:
        log.warning("%s: %s cannot be decoded (%s); another row takes its place.", *name, reason)
    if number == NAMED:
        log.warning("Further damaged pictures are counted, not logged.")
    require_few(pairs.index, max_bad_fraction, undecodable=number)
    if pairs.chosen is not None and number > max_bad_fraction * len(pairs):
        raise CourseError(
            f"{number} of the {len(pairs)} chosen pictures cannot be decoded, more than "
            f"max_bad_fraction = {max_bad_fraction:g} allows; the last is {' '.join(name)}. Make "
            "the shards again, or raise 'max_bad_fraction'."
        )
