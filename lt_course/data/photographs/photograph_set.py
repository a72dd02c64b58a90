"""Photographs in memory, with what can be said of each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lt_course.data.captions import Captions, compose, prompts, simple_kinds
from lt_course.data.class_profiles import TrainSplit, split_pools
from lt_course.data.photographs.near_duplicates import thumbnails
from lt_course.errors import CourseError

Ints = NDArray[np.int64]

MADE = ("name", "template")
"""Captions that every set has: a class's name, and the 80 prompts around it."""

FACTS_FILE = Path(__file__).parents[1] / "resources" / "photographs.json"
"""What was counted in the sets where they were at hand; made by ``tools.photograph_facts``."""

ENSEMBLE = 80
"""Captions of training images that stand for a class where it is asked for by such captions."""


@dataclass(frozen=True, eq=False)
class PhotographSet:
    """n photographs of K concepts, of which the first C are tested.

    Attributes:
        name: of the set.
        keys: of the K concepts.
        names: of the K concepts, as CLIP is asked by.
        images: uint8 [n, S, S, 3].
        labels: int64 [n], 0 … K-1.
        test: bool [n]; the others are for training.
        of_class: kind of caption -> what may be said of any image of each concept.
        of_image: kind of caption -> what is said of each image.
        group: int64 [n], equal for images that are nearly the same.
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

    def sample(
        self,
        classes: int,
        *,
        profile: str,
        num_images: int | None = None,
        permutation: int = 0,
        fraction: float = 1.0,
        neighborhood: float = 1.0,
        tail_classes: int = 0,
        tail_shots: int = 0,
        distractors: int = 0,
        distractor_concepts: int | None = None,
    ) -> TrainSplit:
        """Draw training images of the first concepts, as `sample_long_tail` draws drawings.

        Raises:
            CourseError: if there are not so many, or as `sample_long_tail`.
        """
        if classes > self.tested:
            raise CourseError(
                f"Field 'concepts' is {classes}, but of {self.name} as it lies here only "
                f"{self.tested} are tested; ask for fewer."
            )
        pools = [self._pool(label, permutation, neighborhood) for label in range(classes)]
        split = split_pools(
            pools,
            self.available[:classes],
            profile=profile,
            num_images=num_images,
            permutation=permutation,
            fraction=fraction,
            tail_classes=tail_classes,
            tail_shots=tail_shots,
        )
        if not distractors:
            return split
        others = np.where(self.test, -1, self.labels)
        return split.with_distractors(others, permutation, distractors, distractor_concepts)

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
        """What images are shown with (`lt_course.data.captions.compose`).

        Raises:
            CourseError: if the set has no such captions.
        """
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


def square(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    """A picture on a white square, scaled: uint8 [size, size, 3]; each pixel a mean of its area."""
    picture = picture.convert("RGB")
    width, height = picture.size
    if width != height:
        side = max(width, height)
        whole = Image.new("RGB", (side, side), (255, 255, 255))
        whole.paste(picture, ((side - width) // 2, (side - height) // 2))
        picture = whole
    smaller = size < picture.size[0]
    by = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
    return np.asarray(picture.resize((size, size), by))
