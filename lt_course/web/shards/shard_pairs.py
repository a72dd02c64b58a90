"""Picture-text pairs out of shards, as batches whose order and content are pure functions.

Which rows make up a step is told by `lt_course.data.order.Order`, a function of the seed and
the step; each of R processes takes its share of those rows (`share`), so all take equally many
steps, and a resumed run asks for step 137 and gets what the first would have got. How a picture
is cropped is a function of (seed, epoch, row), whichever worker or process reads it.

A picture that turns out to be damaged when it is read has its place taken by another row: the
first readable one of a sequence that depends on the damaged row alone. So the order stays what it
was, batches keep their size, and no process waits for another. `Tally` counts and names such
rows, and fails the run when they become too many.

    index = shards.load("cc3m/{00000..00331}.tar")
    pairs = Pairs(index, seed=0)
    for batch in batches(pairs, pairs.order(batch=1024), stop=10_000, workers=8):
        ...
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from lt_course.data.order import Order, share, torch_generator
from lt_course.data.order import Sampler as OrderSampler
from lt_course.errors import CourseError
from lt_course.signals import read_ahead
from lt_course.web.shards import photographs
from lt_course.web.shards.shard_index import Index, read, require_few
from lt_course.web.shards.shard_scan import CONTEXT

ATTEMPTS = 20
"""Other rows that are tried in the place of a damaged one."""

NAMED = 20
"""Damaged pictures that are logged by name; all are counted and kept by `Tally`."""

log = logging.getLogger(__name__)


class Part(NamedTuple):
    """The rows of one step that one process reads: int64 [b], in one epoch."""

    epoch: int
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class PairBatch:
    """B pairs as they come from the workers.

    Attributes:
        pictures: uint8 [B, 3, S, S]; `lt_course.web.shards.photographs.standardise` makes them
            floats.
        tokens: int64 [B, L], padded with 0.
        labels: int64 [B], or -1 where the shards were read without labels.
        rows: int64 [B], the rows that are shown: the ones asked for, but for damaged pictures.
        damaged: rows whose picture could not be decoded, and why.
    """

    pictures: Tensor
    tokens: Tensor
    labels: Tensor
    rows: Tensor
    damaged: tuple[tuple[int, str], ...] = ()

    def pin_memory(self) -> PairBatch:
        """The same in page-locked memory (DataLoader calls this)."""
        return PairBatch(
            self.pictures.pin_memory(),
            self.tokens.pin_memory(),
            self.labels.pin_memory(),
            self.rows.pin_memory(),
            self.damaged,
        )


@dataclass(frozen=True)
class Pairs(Dataset[PairBatch]):
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

    def order(self, batch: int, sampler: OrderSampler = "natural") -> Order:
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
            asked = int(rows[at])
            for attempt in range(ATTEMPTS):
                try:
                    picture = photographs.decode(content)
                    break
                except ValueError as error:
                    damaged.append((int(rows[at]), str(error)))
                    rows[at] = substitute(asked, attempt, len(self))
                    content = read([self.index.place(*self._in_index([int(rows[at])]))])[0]
            else:
                raise CourseError(
                    f"The picture {' '.join(self.name(asked))} and {ATTEMPTS - 1} that "
                    "could take its place cannot be decoded; lt-course data check --decode names "
                    "all such pictures."
                )
            pictures.append(self._crop(picture, part.epoch, int(rows[at])))
        in_index = self._in_index(rows.tolist())
        labels = self.index.label[in_index].long() if self.classes is None else self.classes[rows]
        return PairBatch(
            torch.stack(pictures),
            self.index.tokens(in_index, self.context),
            labels,
            torch.from_numpy(rows),
            tuple(damaged),
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


@dataclass(frozen=True)
class Steps(Sampler[Part]):
    """One process's part of the steps `start` … `stop` - 1.

    Raises:
        CourseError: on every process alike, if an epoch has no whole batch or the processes
            cannot share one evenly.
    """

    order: Order
    start: int
    stop: int
    rank: int = 0
    ranks: int = 1

    def __post_init__(self) -> None:
        """Raise a CourseError before any process has started."""
        if self.order.steps_per_epoch == 0:
            raise CourseError(
                f"Field 'batch' is {self.order.batch}, but the shards hold only "
                f"{len(self.order.labels)} pairs; use a smaller batch, or more shards."
            )
        share(np.zeros(self.order.batch, np.int64), self.rank, self.ranks)

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[Part]:
        for step in range(self.start, self.stop):
            rows = share(self.order.rows(step), self.rank, self.ranks)
            yield Part(step // self.order.steps_per_epoch, rows)


class Tally:
    """Counts and names the pictures of a run that could not be decoded.

    Attributes:
        damaged: the reason, by (tar, key).
    """

    def __init__(self, pairs: Pairs, max_bad_fraction: float) -> None:
        self.pairs, self.max_bad_fraction = pairs, max_bad_fraction
        self.damaged: dict[tuple[str, str], str] = {}

    def add(self, batch: PairBatch) -> None:
        """Count what a batch reports; each picture counts once, however often it comes.

        Raises:
            CourseError: when the samples that cannot be used, those that the index left out
                included, exceed `max_bad_fraction`; of a choice, those of it.
        """
        for row, reason in batch.damaged:
            name = self.pairs.name(row)
            if name in self.damaged:
                continue
            self.damaged[name] = reason
            if len(self.damaged) <= NAMED:
                log.warning(
                    "%s: %s cannot be decoded (%s); another row takes its place.", *name, reason
                )
            if len(self.damaged) == NAMED:
                log.warning("Further damaged pictures are counted, not logged.")
            found = len(self.damaged)
            require_few(self.pairs.index, self.max_bad_fraction, undecodable=found)
            if self.pairs.chosen is not None and found > self.max_bad_fraction * len(self.pairs):
                raise CourseError(
                    f"{found} of the {len(self.pairs)} chosen pictures cannot be decoded, more "
                    f"than max_bad_fraction = {self.max_bad_fraction:g} allows; the last is "
                    f"{' '.join(name)}. Make the shards again, or raise 'max_bad_fraction'."
                )


def batches(
    pairs: Pairs,
    order: Order,
    *,
    start: int = 0,
    stop: int,
    rank: int = 0,
    ranks: int = 1,
    workers: int = 0,
    pin_memory: bool = False,
    max_bad_fraction: float = 0.01,
) -> Iterator[PairBatch]:
    """The steps `start` … `stop` - 1, as one process of a run sees them.

    Args:
        pairs: what is read.
        order: which rows make up which step.
        start: the first step; a resumed run gives the one that its checkpoint holds.
        stop: the step after the last.
        rank: this process, 0 … `ranks` - 1.
        ranks: processes that share each batch.
        workers: processes that read and decode; they change no value.
        pin_memory: for a training device that copies from page-locked memory.
        max_bad_fraction: as `lt_course.web.shards.shard_index.load`.

    Raises:
        CourseError: as `Steps`, `Pairs` and `Tally`.
    """
    tally = Tally(pairs, max_bad_fraction)
    steps = Steps(order, start, stop, rank, ranks)
    for batch in read_ahead(
        pairs, workers=workers, sampler=steps, batch_size=None, pin_memory=pin_memory
    ):
        tally.add(batch)
        yield batch
