"""Photographs in memory, with what can be said of each of them, and which are nearly the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from lt_course.data.captions import Captions, compose, prompts, simple_kinds
from lt_course.data.class_profiles import LongTail, TrainSplit, deal
from lt_course.errors import CourseError

Ints = NDArray[np.int64]

MADE = ("name", "template")
"""Captions that every set has: a class's name, and the 80 prompts around it."""

FACTS_FILE = Path(__file__).parents[1] / "resources" / "photographs.json"
"""What was counted in the sets where they were at hand; made by ``tools.photograph_facts``."""

ENSEMBLE = 80
"""Captions of training images that stand for a class where it is asked for by such captions."""

THUMBNAIL = 16
"""Pixels a side of the thumbnails that are compared."""

NEAR = 2.5
"""Greatest root mean square difference of thumbnails that are taken for one, in grey levels: of
the pairs of fashion products below it nine in ten are of one type, above 3 of them fewer."""


@dataclass(frozen=True, eq=False)
class PhotographSet:
    """n photographs, uint8 [n, S, S, 3], of K concepts, of which the first C are tested.

    ``keys`` and ``names`` are of the concepts; CLIP is asked by the latter. ``labels`` are int64
    [n], ``test`` is bool [n], the others are for training. By kind of caption, ``of_class`` has
    what may be said of any image of each concept, ``of_image`` what is said of each image.
    ``group`` is int64 [n], equal for images that are nearly the same.
    """

    name: str
    keys: Sequence[str]
    names: Sequence[str]
    images: NDArray[np.uint8]
    labels: Ints
    test: NDArray[np.bool_]
    of_class: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    of_image: Mapping[str, Sequence[str]] = field(default_factory=dict)
    group: Ints | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The simple kinds of caption that its images have."""
        return (*MADE, *self.of_class, *self.of_image)

    @property
    def tested(self) -> int:
        """Number of the concepts that have test images; they come first."""
        return int(self.labels[self.test].max()) + 1

    @cached_property
    def available(self) -> Ints:
        """Training images of each concept: int64 [K]."""
        return np.bincount(self.labels[~self.test], minlength=len(self.keys))

    def sample(self, classes: int, *, neighborhood: float = 1.0, **long_tail: Any) -> TrainSplit:
        """Draw training images of the first concepts, as `sample_long_tail` draws drawings.

        A neighborhood is the share of a concept's images that it draws from, those nearest to one.
        """
        if classes > self.tested:
            raise CourseError(
                f"Field 'concepts' is {classes}, but of {self.name} as it lies here only "
                f"{self.tested} are tested; ask for fewer."
            )
        spec = LongTail(**long_tail)
        pools = [self._pool(label, spec.permutation, neighborhood) for label in range(classes)]
        return deal(spec, pools, np.where(self.test, -1, self.labels))

    def _pool(self, label: int, permutation: int, neighborhood: float) -> Ints:
        """The training images of a concept in a seeded order: all, or the nearest to the first."""
        generator = np.random.default_rng([permutation, 0xF07, label])
        pool = generator.permutation(np.flatnonzero((self.labels == label) & ~self.test))
        if neighborhood == 1:
            return pool
        vectors = thumbnails(self.images[pool])
        nearest = np.argsort(np.linalg.norm(vectors - vectors[0], axis=1), kind="stable")
        kept = nearest[: max(1, round(neighborhood * len(pool)))]
        return pool[np.sort(kept)]  # in the seeded order again

    def captions(self, images: Ints, kind: str) -> Captions:
        """What images are shown with (`lt_course.data.captions.compose`)."""
        parts = {part for each in kind.split("|") for part in simple_kinds(each, self.kinds)}
        if parts & self.of_image.keys():
            return compose(images, kind, self.kinds, self._say)
        # The same for all images of a concept: written once.
        _, first, of = np.unique(self.labels[images], return_index=True, return_inverse=True)
        each = compose(images[first], kind, self.kinds, self._say)
        return Captions(each.texts, each.choices, each.first[of], each.count[of])

    def _say(self, image: int, kind: str) -> Sequence[str]:
        if kind in self.of_image:
            return [self.of_image[kind][image]]
        return self.say_of_class(int(self.labels[image]), kind)

    def say_of_class(self, concept: int, kind: str) -> Sequence[str]:
        """What may be said of any image of a concept."""
        if kind in self.of_class:
            return self.of_class[kind][concept]
        return prompts(self.names[concept]) if kind == "template" else [self.names[concept]]


def near_duplicate_groups(
    images: NDArray[np.uint8], labels: Sequence[Sequence[object]] = ()
) -> Ints:
    """Number the groups of images that are nearly the same, directly or by a chain: int64 [n].

    Such a group must not lie in training and test. `labels` has n values for each of some criteria;
    equal ones join images, None never does.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(images)
    pairs = [_near_pairs(thumbnails(images))]
    for values in labels:
        first: dict[object, int] = {}
        same = [(first.setdefault(v, i), i) for i, v in enumerate(values) if v is not None]
        pairs.append(np.array(same, np.int64).reshape(-1, 2))
    left, right = np.concatenate(pairs).T
    graph = coo_array((np.ones(len(left), np.bool_), (left, right)), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def of_one_class(labels: Ints, group: Ints) -> NDArray[np.bool_]:
    """Which of the groups 0 … G-1, int64 [n] as `labels`, hold images of one class: bool [G]."""
    return np.bincount(np.unique(np.stack([group, labels]), axis=1)[0]) == 1


def thumbnails(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Small images as vectors: float32 [n, 3 * 16 * 16]."""
    parts = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).split(4_096)
    small = [F.adaptive_avg_pool2d(part.float(), THUMBNAIL).flatten(1) for part in parts]
    return torch.cat(small).numpy()


def _near_pairs(vectors: NDArray[np.float32]) -> Ints:
    """Pairs of vectors [n, d] whose root mean square difference is at most `NEAR`: int64 [p, 2]."""
    from scipy.spatial import cKDTree

    centred = vectors - vectors.mean(0)
    radius = NEAR * vectors.shape[1] ** 0.5
    # Points that are near each other are so in any few directions, too, where a tree is quick.
    _, axes = np.linalg.eigh(centred.T @ centred)
    pairs = cKDTree(centred @ axes[:, -8:]).query_pairs(radius, output_type="ndarray")
    near = [
        np.linalg.norm(centred[part[:, 0]] - centred[part[:, 1]], axis=1) <= radius
        for part in np.array_split(pairs, len(pairs) // 100_000 + 1)
    ]
    return pairs[np.concatenate(near)].astype(np.int64)
