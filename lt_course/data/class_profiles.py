"""Class profiles: how many pictures each concept gets, and which ones.

A profile is a *shape* over ranks (the most frequent class has rank 0). Each rank is given to a
concept, by a seeded permutation, and that many of the concept's pictures are taken. None is used
twice, so the few largest ranks are open to the few concepts with the most pictures;
`TrainSplit.availability_correlation` says how strongly that ties frequency to what is at hand.

Everything is a pure function of its arguments. With the same permutation, a fraction of a set
and a trimmed set are subsets of the whole one; and where only some pictures may be used (a style,
a few authors), a concept keeps its frequency as far as they suffice: such runs can be paired.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt_course.data.icontail import IconTail, Style, is_solid
from lt_course.errors import CourseError
from lt_course.fields import COUNT, NATURAL, SEED, Bounds, check
from lt_course.statistics import gini, spearman

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

GINI = {"incaps": 0.22, "laionet": 0.79}
"""Gini coefficients of the class counts of ImageNet-Captions and LAIONet (arXiv 2405.21070, Fig. 1
and the released counts). Both profiles are quantiles of the log-normal law with that Gini."""

PROFILES = ("natural", "flat", *GINI, "zipf(a)", "exponential(a,b)", "cifar-lt(r)")
"""Those that numbers complete: a power law; counts that fall evenly on a log scale from a to b; and
the long tail that others cut CIFAR-100 to (arXiv 1906.07413, Sec. 4.1), from 500 to 500 / r."""

BOUNDS: dict[str, Bounds] = {
    **dict.fromkeys(("tail_classes", "tail_shots", "distractors"), NATURAL),
    **dict.fromkeys(("num_images", "distractor_concepts"), COUNT),
    "permutation": SEED,
    "fraction": (0, 1),
}
"""Of the fields of a `LongTail`."""

_FIXED = re.compile(r"exponential\((\d+),(\d+)\)|cifar-lt\((\d+(?:\.\d+)?)\)")


@dataclass(frozen=True)
class LongTail:
    """How a training set is drawn from the images of concepts.

    Attributes:
        profile: of the class frequencies, one of `PROFILES`; ``natural`` keeps the concepts' own
            counts, in proportion.
        num_images: number N of training images; None where the profile says it, or for all.
        permutation: seed of which concept gets which frequency, and of which images are taken;
            `lt_course.study.config` sets it to the run's seed unless it is given.
        fraction: share of every class that is kept, at least one image each.
        tail_classes: so many of the rarest concepts are cut (Sec. 4.1; of equally rare ones, those
            that come first) …
        tail_shots: … to so many images each.
        distractors: images of concepts outside the evaluated ones, labelled C …
        distractor_concepts: … and of how many such concepts; None draws from all.
    """

    profile: str = "laionet"
    num_images: int | None = None
    permutation: int = 0
    fraction: float = 1.0
    tail_classes: int = 0
    tail_shots: int = 0
    distractors: int = 0
    distractor_concepts: int | None = None

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        check(self, **BOUNDS)

    def effects(self) -> dict[str, tuple[str, bool]]:
        """For `lt_course.fields.require_effect`."""
        others = {"tail_shots": "tail_classes", "distractor_concepts": "distractors"}
        return {name: (other, getattr(self, other) > 0) for name, other in others.items()}

    def long_tail(self) -> dict[str, Any]:
        """These fields, without those of a class that is derived."""
        return {field.name: getattr(self, field.name) for field in fields(LongTail)}


@dataclass(frozen=True)
class TrainSplit:
    """A training set: ``image_ids``, int64 [N], of all images at hand, and their ``labels``.

    Labels are 0 … C-1, and C of other concepts. ``frequency``, int64 [C], counts each class's
    images; ``trimmed``, bool [C], tells those that were cut to a few shots. Of frequency and the
    number of images at hand Spearman's correlation would be 0 for a free permutation, and 1 for
    the natural order.
    """

    image_ids: Ints
    labels: Ints
    frequency: Ints
    trimmed: Mask
    availability_correlation: float


def profile_counts(profile: str, classes: int, num_images: int | None) -> Ints:
    """Images per rank of C classes: int64 [C], non-increasing, at least one each, with sum N.

    `num_images` is N >= C, or None where the profile, one of `PROFILES` but ``natural``, fixes it.
    Raises a CourseError if the profile is unknown or out of range, or N does not go with it.
    """
    rank = np.arange(classes)
    if fixed := _FIXED.fullmatch(profile):
        return _fixed_counts(profile, fixed, rank, num_images)
    if num_images is None:
        raise CourseError(f"Field 'num_images' must be set for the profile {profile!r}.")
    if num_images < classes:
        raise CourseError(
            f"Field 'num_images' is {num_images}, fewer than one for each of the {classes} "
            f"concepts; use at least {classes}."
        )
    if profile == "flat":
        return _round(np.ones(classes), num_images)
    if zipf := re.fullmatch(r"zipf\((\d+(?:\.\d+)?)\)", profile):
        return _round((rank + 1.0) ** -float(zipf[1]), num_images)
    if profile not in GINI:
        raise CourseError(
            f"Field 'profile' is {profile!r}; the profiles are {', '.join(PROFILES)}."
        )
    if GINI[profile] > 0.95 * (1 - 1 / classes):
        raise CourseError(
            f"Field 'concepts' is {classes}, too few for the imbalance of the profile {profile!r}; "
            "use at least 8."
        )
    from scipy import optimize, special

    normal = special.ndtri(1 - (rank + 0.5) / classes)
    sigma = optimize.brentq(lambda s: gini(np.exp(s * normal)) - GINI[profile], 1e-3, 20)
    return _round(np.exp(sigma * normal), num_images)


def _fixed_counts(profile: str, match: re.Match[str], rank: Ints, num_images: int | None) -> Ints:
    """The counts of a profile that says them all."""
    share = rank / max(1, len(rank) - 1)
    if match[3]:
        counts = np.floor(500 * float(match[3]) ** -share).astype(np.int64)
    else:
        most, least = float(match[1]), float(match[2])
        counts = np.rint(most * (least / max(most, 1)) ** share).astype(np.int64)
    if counts.min() < 1 or (np.diff(counts) > 0).any():
        raise CourseError(
            f"Field 'profile' is {profile!r}, by which the rarest concept has {counts[-1]} images "
            f"and the most frequent {counts[0]}; give the larger number first, and both at least 1."
        )
    if num_images not in (None, total := int(counts.sum())):
        raise CourseError(
            f"Field 'num_images' is {num_images}, but the profile {profile!r} has {total} images; "
            "leave it out, or set it to None."
        )
    return counts


def _round(weights: NDArray[np.floating], total: int) -> Ints:
    """Whole numbers >= 1 with the given sum, in proportion to `weights` (largest remainders)."""
    share = 1 + (total - len(weights)) * weights / weights.sum()
    counts = np.floor(share).astype(np.int64)
    largest = np.argsort(counts - share, kind="stable")[: total - counts.sum()]
    counts[largest] += 1
    return counts


def _natural(available: Ints, num_images: int | None) -> Ints:
    """Counts in proportion to the images at hand, at least one each, with sum `num_images`."""
    total = int(available.sum())
    if num_images is None:
        return available
    if not len(available) <= num_images <= total:
        raise CourseError(
            f"Field 'num_images' is {num_images}; with the profile 'natural' it must lie between "
            f"{len(available)} and {total}, or be None for all."
        )
    share = available * num_images / total
    counts = np.maximum(1, share.astype(np.int64))
    missing = num_images - int(counts.sum())
    if missing >= 0:
        behind = np.where(counts < available, counts - share, np.inf)
        counts[np.argsort(behind, kind="stable")[:missing]] += 1
    else:
        counts[np.argsort(-counts, kind="stable")[:-missing]] -= 1
    return counts


def assign(counts: Ints, available: Ints, permutation: int) -> Ints:
    """Give each count [C], the largest first, to a class at random among those that can fill it.

    (Eligible sets only grow as counts fall, so no choice makes a later one impossible.) Returns
    the frequency of each class, which has `available` images, or says in a CourseError how many
    images are possible.
    """
    generator = np.random.default_rng([permutation, 0x10C])
    return _serve(counts, available, lambda free: generator.choice(np.flatnonzero(free)))


def reassign(frequency: Ints, available: Ints) -> Ints:
    """Give the same counts [C] again to classes that have fewer images, as alike as possible.

    Each count, the largest first, goes to the class that had the largest frequency among those
    that can fill it. Where all can keep theirs, they do.
    """
    counts = np.sort(frequency)[::-1]
    return _serve(counts, available, lambda free: np.argmax(np.where(free, frequency, -1)))


def _serve(counts: Ints, available: Ints, choose: Callable[[Mask], np.integer]) -> Ints:
    """Give each count, the largest first, to one of the classes left that have enough images."""
    ceiling = np.sort(available)[::-1]
    if (ceiling < counts).any():
        rank = int(np.argmax(ceiling < counts))
        possible = int(counts.sum() * (ceiling / counts).min())
        raise CourseError(
            f"This profile asks for {counts[rank]} pictures at rank {rank + 1}, but the concept "
            f"with the {rank + 1}. most drawings has {ceiling[rank]}; set 'num_images' to about "
            f"{possible} or fewer."
        )
    frequency = np.zeros_like(counts)
    left = np.ones(len(counts), dtype=bool)
    for count in counts:
        chosen = choose(left & (available >= count))
        frequency[chosen], left[chosen] = count, False
    return frequency


def cut(frequency: Ints, fraction: float, tail_classes: int, tail_shots: int) -> tuple[Ints, Mask]:
    """Frequencies [C] of a share of every class, the rarest cut to a few shots, and which are."""
    frequency = np.maximum(np.minimum(frequency, 1), (frequency * fraction).astype(np.int64))
    trimmed = np.zeros(len(frequency), dtype=bool)
    trimmed[np.argsort(frequency, kind="stable")[:tail_classes]] = True
    return np.where(trimmed, np.minimum(frequency, tail_shots), frequency), trimmed


def sample_long_tail(
    icontail: IconTail,
    classes: int,
    *,
    frequency: Ints | None = None,
    authors: int | None = None,
    style: Style = "all",
    **long_tail: Any,
) -> TrainSplit:
    """Draw training pictures of the first `classes` concepts to a class profile.

    Args:
        icontail: the data set.
        classes: number of evaluated concepts C.
        frequency: int64 [C]; given, it replaces the profile.
        authors: only so many author families a concept, those with the most drawings of it.
        style: use only line drawings, or only solid ones.
        **long_tail: fields of `LongTail`. One that the drawings do not suffice for is refused.
    """
    spec = LongTail(**long_tail)
    pools = _pools(icontail, classes, spec.permutation, authors, style)
    available = np.array([len(pool) for pool in pools])
    if frequency is not None and (frequency > available).any():
        worst = int(np.argmax(frequency - available))
        raise CourseError(
            f"Field 'frequency' asks for {frequency[worst]} pictures of "
            f"{icontail.concepts[worst].name!r}, which has {available[worst]}; ask for fewer."
        )
    return deal(spec, pools, np.where(icontail.test, -1, icontail.concept), frequency)


def deal(
    spec: LongTail, pools: Sequence[Ints], concept: Ints, frequency: Ints | None = None
) -> TrainSplit:
    """The first images of each class's pool, as many as its frequency says, and distractors.

    Pools are, for each of C classes, its training images that may be used, in a seeded order.
    `concept`, int64 [M], is that of each image at hand, -1: not for training. All of a class, used
    or not, decide who can have which frequency, so that runs that may use fewer can be paired.
    """
    classes = len(pools)
    if not 0 < spec.fraction <= 1:
        raise CourseError(f"Field 'fraction' is {spec.fraction}; it must lie in (0, 1].")
    if spec.tail_classes > classes:
        raise CourseError(
            f"Field 'tail_classes' is {spec.tail_classes}; it must lie between 0 and {classes} "
            "concepts."
        )
    available = np.array([len(pool) for pool in pools])
    if frequency is None and spec.profile == "natural":
        frequency = _natural(available, spec.num_images)
    elif frequency is None:
        counts = profile_counts(spec.profile, classes, spec.num_images)
        everything = np.bincount(concept[concept >= 0], minlength=classes)[:classes]
        frequency = reassign(assign(counts, everything, spec.permutation), available)
    frequency, trimmed = cut(frequency, spec.fraction, spec.tail_classes, spec.tail_shots)
    rows = [pool[:count] for pool, count in zip(pools, frequency, strict=True)]
    others = _distractors(spec, concept, classes)
    return TrainSplit(
        np.concatenate([*rows, others]),
        np.repeat(np.arange(classes + 1), np.append(frequency, len(others))),
        frequency,
        trimmed,
        spearman(available, frequency),
    )


def _distractors(spec: LongTail, concept: Ints, classes: int) -> Ints:
    """Training images of concepts outside the evaluated ones; fewer concepts are a subset."""
    if not spec.distractors:
        return np.empty(0, np.int64)
    generator = np.random.default_rng([spec.permutation, 0x07E])
    pool = generator.permutation(np.flatnonzero(concept >= classes))
    if spec.distractor_concepts is not None:
        order = generator.permutation(np.arange(classes, concept.max() + 1))
        pool = pool[np.isin(concept[pool], order[: spec.distractor_concepts])]
    if spec.distractors > len(pool):
        raise CourseError(
            f"Field 'distractors' is {spec.distractors}, but only {len(pool)} pictures of "
            f"{spec.distractor_concepts or 'all'} other concepts exist; ask for fewer."
        )
    return pool[: spec.distractors]


def _pools(
    icontail: IconTail, classes: int, permutation: int, authors: int | None, style: Style
) -> list[Ints]:
    """The training drawings of each concept, in a seeded order."""
    if classes > len(icontail.concepts):
        raise CourseError(
            f"Field 'concepts' is {classes}, but there are only {len(icontail.concepts)}."
        )
    pools = []
    for concept in range(classes):
        pool = np.flatnonzero((icontail.concept == concept) & ~icontail.test)
        if style != "all":
            pool = pool[is_solid(icontail.grey[pool]) == (style == "solid")]
        if authors is not None:
            families, counts = np.unique(icontail.family[pool], return_counts=True)
            most = families[np.argsort(-counts, kind="stable")[:authors]]
            pool = pool[np.isin(icontail.family[pool], most)]
        pools.append(np.random.default_rng([permutation, 0xD4A, concept]).permutation(pool))
    return pools
