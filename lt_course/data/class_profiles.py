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
from collections.abc import Callable
from dataclasses import dataclass

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

PROFILES = ("natural", "flat", *GINI, "zipf(a)")


def profile_counts(profile: str, classes: int, num_images: int) -> Ints:
    """Pictures per rank: int64 [C], non-increasing, at least one each, with sum N.

    Args:
        profile: ``flat``, ``incaps``, ``laionet`` or ``zipf(a)`` with an exponent a >= 0.
        classes: number of classes C.
        num_images: total number of pictures N >= C.

    Raises:
        CourseError: if the profile is unknown or N < C.
    """
    if num_images < classes:
        raise CourseError(
            f"Field 'num_images' is {num_images}, fewer than one for each of the {classes} "
            f"concepts; use at least {classes}."
        )
    rank = np.arange(classes)
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
    """A training set drawn from IconTail.

    Attributes:
        image_ids: int64 [N], indices into ``IconTail.pictures``.
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
    if not 0 < fraction <= 1:
        raise CourseError(f"Field 'fraction' is {fraction}; it must lie in (0, 1].")
    if not 0 <= tail_classes <= classes:
        raise CourseError(
            f"Field 'tail_classes' is {tail_classes}; it must lie between 0 and {classes} concepts."
        )
    pools = _pools(icontail, classes, permutation, authors, style)
    available = np.array([len(pool) for pool in pools])
    if frequency is None:
        all_drawings = np.bincount(icontail.concept[~icontail.test])[:classes]
        frequency = _frequency(profile, num_images, permutation, all_drawings, available)
    _require_available(icontail, frequency, available)
    frequency = np.maximum(np.minimum(frequency, 1), (frequency * fraction).astype(np.int64))
    trimmed = np.zeros(classes, dtype=bool)
    trimmed[np.argsort(frequency, kind="stable")[:tail_classes]] = True
    frequency = np.where(trimmed, np.minimum(frequency, tail_shots), frequency)

    rows = [pool[:count] for pool, count in zip(pools, frequency, strict=True)]
    labels = np.repeat(np.arange(classes), frequency)
    if distractors:
        rows.append(_distractors(icontail, classes, permutation, distractors, distractor_concepts))
        labels = np.append(labels, np.full(distractors, classes))
    correlation = spearman(available, frequency)
    return TrainSplit(np.concatenate(rows), labels, frequency, trimmed, correlation)


def _require_available(icontail: IconTail, frequency: Ints, available: Ints) -> None:
    if (frequency > available).any():
        worst = int(np.argmax(frequency - available))
        raise CourseError(
            f"Field 'frequency' asks for {frequency[worst]} pictures of "
            f"{icontail.concepts[worst].name!r}, which has {available[worst]}; ask for fewer."
        )


def _frequency(
    profile: str, num_images: int | None, permutation: int, all_drawings: Ints, available: Ints
) -> Ints:
    """The frequency of each class [C], whose drawings may be fewer than all that exist."""
    if profile == "natural":
        return _natural(available, num_images)
    if num_images is None:
        raise CourseError(f"Field 'num_images' must be set for the profile {profile!r}.")
    counts = profile_counts(profile, len(available), num_images)
    return reassign(assign(counts, all_drawings, permutation), available)


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


def _distractors(
    icontail: IconTail, classes: int, permutation: int, count: int, concepts: int | None
) -> Ints:
    """Training drawings of concepts outside the evaluated ones, in a seeded order.

    Fewer concepts are a subset of more, with the same permutation.
    """
    generator = np.random.default_rng([permutation, 0x07E])
    pool = generator.permutation(np.flatnonzero((icontail.concept >= classes) & ~icontail.test))
    if concepts is not None:
        order = generator.permutation(np.arange(classes, len(icontail.concepts)))
        pool = pool[np.isin(icontail.concept[pool], order[:concepts])]
    if count > len(pool):
        raise CourseError(
            f"Field 'distractors' is {count}, but only {len(pool)} pictures of "
            f"{concepts or 'all'} other concepts exist; ask for fewer."
        )
    return pool[:count]
