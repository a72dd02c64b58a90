"""Class profiles: how many pictures each concept gets, and which ones.

A profile is a *shape* over ranks (the most frequent class has rank 0). `sample_long_tail` gives
each rank to a concept, by a seeded permutation, and takes that many of the concept's drawings. No
drawing is used twice, so the few largest ranks are open to the few concepts with the most drawings;
`TrainSplit.availability_correlation` says how strongly that ties frequency to the number of
drawings at hand.

Everything is a pure function of its arguments. With the same permutation, a fraction of a set
and a trimmed set are subsets of the whole one; and where only some drawings may be used (a style,
a few authors), a concept keeps its frequency as far as they suffice: such runs can be paired.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lt_course.data.drawing_style import Style, is_solid
from lt_course.data.icontail import IconTail
from lt_course.errors import CourseError
from lt_course.statistics import gini, spearman

Ints = NDArray[np.int64]

GINI = {"incaps": 0.22, "laionet": 0.79}
"""Gini coefficients of the class counts of ImageNet-Captions and LAIONet (arXiv 2405.21070, Fig. 1
and the released counts). Both profiles are quantiles of the log-normal law with that Gini."""

PROFILES = ("natural", "flat", *GINI, "zipf(a)", "exponential(a,b)", "cifar-lt(r)")
"""Those that numbers complete: a power law; counts that fall evenly on a log scale from a to b; and
the long tail that others cut CIFAR-100 to (arXiv 1906.07413, Sec. 4.1), from 500 to 500 / r."""

_FIXED = re.compile(r"exponential\((\d+),(\d+)\)|cifar-lt\((\d+(?:\.\d+)?)\)")


def profile_counts(profile: str, classes: int, num_images: int | None) -> Ints:
    """Images per rank: int64 [C], non-increasing, at least one each, with sum N.

    Args:
        profile: one of `PROFILES` but ``natural``.
        classes: number of classes C.
        num_images: total number of images N >= C; None where the profile fixes it.

    Raises:
        CourseError: if the profile is unknown or out of range, or N does not go with it.
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


def assign(counts: Ints, available: Ints, permutation: int) -> Ints:
    """Give each count [C], the largest first, to a class at random among those that can fill it.

    (Eligible sets only grow as counts fall, so no choice makes a later one impossible.)

    Returns:
        int64 [C], the frequency of each class, which has `available` drawings.

    Raises:
        CourseError: if no assignment exists; the sentence says how many pictures are possible.
    """
    generator = np.random.default_rng([permutation, 0x10C])
    return _serve(counts, available, lambda free: generator.choice(np.flatnonzero(free)))


def reassign(frequency: Ints, available: Ints) -> Ints:
    """Give the same counts [C] again to classes that have fewer drawings, as alike as possible.

    Each count, the largest first, goes to the class that had the largest frequency among those
    that can fill it. Where all can keep theirs, they do. Returns and raises as `assign`.
    """
    counts = np.sort(frequency)[::-1]
    return _serve(counts, available, lambda free: np.argmax(np.where(free, frequency, -1)))


def _serve(
    counts: Ints, available: Ints, choose: Callable[[NDArray[np.bool_]], np.integer]
) -> Ints:
    """Give each count, the largest first, to one of the classes left that have enough drawings."""
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


@dataclass(frozen=True)
class TrainSplit:
    """A training set drawn from all images at hand.

    Attributes:
        image_ids: int64 [N], indices into the data set's images.
        labels: int64 [N], the class of each, 0 … C-1 (C, for a drawing of another concept).
        frequency: int64 [C], pictures of each class.
        trimmed: bool [C], the classes that were cut to a few shots.
        availability_correlation: Spearman's, of frequency and the number of drawings at hand; 0
            would be a free permutation, 1 the natural order.
    """

    image_ids: Ints
    labels: Ints
    frequency: Ints
    trimmed: NDArray[np.bool_]
    availability_correlation: float

    def with_distractors(
        self, concept: Ints, permutation: int, count: int, concepts: int | None
    ) -> TrainSplit:
        """The same, and training images of concepts outside the evaluated ones, labelled C.

        Fewer concepts are a subset of more, with the same permutation.

        Args:
            concept: int64 [M], the concept of each image at hand; -1: not for training.
            permutation: seed of their order.
            count: so many images …
            concepts: … of so many concepts; None: of all others.

        Raises:
            CourseError: if there are fewer.
        """
        classes = len(self.frequency)
        generator = np.random.default_rng([permutation, 0x07E])
        pool = generator.permutation(np.flatnonzero(concept >= classes))
        if concepts is not None:
            order = generator.permutation(np.arange(classes, concept.max() + 1))
            pool = pool[np.isin(concept[pool], order[:concepts])]
        if count > len(pool):
            raise CourseError(
                f"Field 'distractors' is {count}, but only {len(pool)} pictures of "
                f"{concepts or 'all'} other concepts exist; ask for fewer."
            )
        return replace(
            self,
            image_ids=np.append(self.image_ids, pool[:count]),
            labels=np.append(self.labels, np.full(count, classes)),
        )


def cut(
    frequency: Ints, fraction: float, tail_classes: int, tail_shots: int
) -> tuple[Ints, NDArray[np.bool_]]:
    """Frequencies [C] of a share of every class, the rarest cut to a few shots, and which are."""
    frequency = np.maximum(np.minimum(frequency, 1), (frequency * fraction).astype(np.int64))
    trimmed = np.zeros(len(frequency), dtype=bool)
    trimmed[np.argsort(frequency, kind="stable")[:tail_classes]] = True
    return np.where(trimmed, np.minimum(frequency, tail_shots), frequency), trimmed


def sample_long_tail(
    icontail: IconTail,
    classes: int,
    *,
    profile: str = "laionet",
    num_images: int | None = None,
    permutation: int = 0,
    frequency: Ints | None = None,
    fraction: float = 1.0,
    tail_classes: int = 0,
    tail_shots: int = 0,
    authors: int | None = None,
    style: Style = "all",
    distractors: int = 0,
    distractor_concepts: int | None = None,
) -> TrainSplit:
    """Draw training pictures of the first `classes` concepts to a class profile.

    Args:
        icontail: the data set.
        classes: number of evaluated concepts C (they come first in ``icontail.concepts``).
        profile: one of `PROFILES`; ``natural`` keeps the concepts' own counts, in proportion.
        num_images: total number N (default, and only for ``natural``: all there are).
        permutation: seed of which concept gets which frequency, and of which drawings are taken.
        frequency: int64 [C]; given, it replaces the profile (matched frequencies).
        fraction: in (0, 1]; keeps that share of every class, at least one picture each.
        tail_classes: the last (rarest) so many classes are cut to `tail_shots` images (Sec. 4.1).
        tail_shots: 0, 1, …: pictures left to each trimmed class.
        authors: only so many author families a concept, those with the most drawings of it.
        style: use only line drawings, or only solid ones.
        distractors: adds that many images of concepts outside the C (open world), labelled C …
        distractor_concepts: … from so many concepts, drawn at random; None draws from all of them.

    Raises:
        CourseError: if a field is out of range or the drawings do not suffice.
    """
    pools = _pools(icontail, classes, permutation, authors, style)
    if frequency is not None:
        _require_available(icontail, frequency, np.array([len(pool) for pool in pools]))
    split = split_pools(
        pools,
        np.bincount(icontail.concept[~icontail.test])[:classes],
        profile=profile,
        num_images=num_images,
        permutation=permutation,
        frequency=frequency,
        fraction=fraction,
        tail_classes=tail_classes,
        tail_shots=tail_shots,
    )
    if not distractors:
        return split
    others = np.where(icontail.test, -1, icontail.concept)
    return split.with_distractors(others, permutation, distractors, distractor_concepts)


def split_pools(
    pools: Sequence[Ints],
    everything: Ints,
    *,
    profile: str,
    num_images: int | None,
    permutation: int,
    frequency: Ints | None = None,
    fraction: float = 1.0,
    tail_classes: int = 0,
    tail_shots: int = 0,
) -> TrainSplit:
    """The first images of each class's pool, as many as its frequency says.

    Args:
        pools: for each of C classes, its training images that may be used, in a seeded order.
        everything: int64 [C], all training images of each class: what decides who can have which
            frequency, so that runs that may use fewer can be paired.
        profile, num_images, permutation, frequency, fraction, tail_classes, tail_shots: as
            `sample_long_tail`.

    Raises:
        CourseError: as `sample_long_tail`.
    """
    classes = len(pools)
    if not 0 < fraction <= 1:
        raise CourseError(f"Field 'fraction' is {fraction}; it must lie in (0, 1].")
    if not 0 <= tail_classes <= classes:
        raise CourseError(
            f"Field 'tail_classes' is {tail_classes}; it must lie between 0 and {classes} concepts."
        )
    available = np.array([len(pool) for pool in pools])
    if frequency is None and profile == "natural":
        frequency = _natural(available, num_images)
    elif frequency is None:
        counts = profile_counts(profile, classes, num_images)
        frequency = reassign(assign(counts, everything, permutation), available)
    frequency, trimmed = cut(frequency, fraction, tail_classes, tail_shots)

    rows = [pool[:count] for pool, count in zip(pools, frequency, strict=True)]
    labels = np.repeat(np.arange(classes), frequency)
    correlation = spearman(available, frequency)
    return TrainSplit(np.concatenate(rows), labels, frequency, trimmed, correlation)


def _require_available(icontail: IconTail, frequency: Ints, available: Ints) -> None:
    if (frequency > available).any():
        worst = int(np.argmax(frequency - available))
        raise CourseError(
            f"Field 'frequency' asks for {frequency[worst]} pictures of "
            f"{icontail.concepts[worst].name!r}, which has {available[worst]}; ask for fewer."
        )


def _natural(available: Ints, num_images: int | None) -> Ints:
    """Counts in proportion to the drawings at hand, at least one each, with sum `num_images`."""
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
