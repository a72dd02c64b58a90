"""Order and randomness as pure functions of (seed, epoch, step).

Nothing here has a state that a checkpoint would have to keep: a resumed run, or a second process,
asks for step 137 and is told the same as the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lt_course.errors import CourseError

Ints = NDArray[np.int64]
Sampler = Literal["natural", "class-balanced"]


@dataclass(frozen=True)
class Order:
    """Which training pictures make up which step.

    Attributes:
        labels: int64 [N], the class of each training picture.
        batch: pictures a step; the remainder of an epoch is left out, another one each epoch.
        seed: of the run.
        sampler: ``natural`` shows every picture once an epoch; ``class-balanced`` draws a class
            uniformly, then one of its pictures.
    """

    labels: Ints
    batch: int
    seed: int
    sampler: Sampler = "natural"

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in N pictures."""
        return len(self.labels) // self.batch

    def rows(self, step: int) -> Ints:
        """The training pictures of a step: int64 [batch], positions in `labels`."""
        if self.sampler == "class-balanced":
            return self._balanced(step)
        epoch, within = divmod(step, self.steps_per_epoch)
        shuffled = _shuffled(len(self.labels), self.seed, epoch)
        return shuffled[within * self.batch : (within + 1) * self.batch]

    def _balanced(self, step: int) -> Ints:
        generator = np.random.default_rng([self.seed, 2, step])
        by_class, first, count = self._classes
        drawn = generator.integers(len(first), size=self.batch)
        return by_class[first[drawn] + (generator.random(self.batch) * count[drawn]).astype(int)]

    @cached_property
    def _classes(self) -> tuple[Ints, Ints, Ints]:
        """Pictures sorted by class; where each class starts; how many it has."""
        by_class = np.argsort(self.labels, kind="stable")
        _, first, count = np.unique(self.labels[by_class], return_index=True, return_counts=True)
        return by_class, first, count


@lru_cache(maxsize=2)
def _shuffled(pictures: int, seed: int, epoch: int) -> Ints:
    return np.random.default_rng([seed, 1, epoch]).permutation(pictures)


def share(rows: Ints, rank: int, ranks: int) -> Ints:
    """The rows of a global batch [B] that process `rank` of `ranks`, which divide B, shows.

    The shares of all ranks, one behind the other, are the batch: what a step shows does not
    depend on the number of processes, and all of them have equally many steps.
    """
    if len(rows) % ranks:
        raise CourseError(
            f"Field 'batch_size' is {len(rows)}, which {ranks} processes cannot share evenly; use "
            f"a multiple of {ranks}."
        )
    each = len(rows) // ranks
    return rows[rank * each : (rank + 1) * each]


Stream = Literal["captions", "augmentation", "objective"]
_STREAMS: dict[Stream, int] = {"captions": 3, "augmentation": 4, "objective": 5}


def numpy_generator(seed: int, step: int, stream: Stream) -> np.random.Generator:
    """Randomness of one step, for one purpose."""
    return np.random.default_rng([seed, _STREAMS[stream], step])


def torch_generator(seed: int, step: int, stream: Stream) -> torch.Generator:
    """The same for torch, on the CPU whatever the training device is."""
    state = np.random.SeedSequence([seed, _STREAMS[stream], step]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 32 | int(state[1]))
