"""Class profiles: how many pictures each concept gets, and which ones.

A profile is a *shape* over ranks (the most frequent class has rank 0). `draw` gives each rank to a
concept, by a seeded permutation, and takes that many of the concept's drawings. No drawing is
used twice, so a concept can only stand at ranks whose count it can fill: the few largest ranks
are open to the few concepts with the most drawings. `Draw.limit` says how strongly that ties
frequency to the number of drawings at hand.

Everything is a pure function of its arguments. With the same permutation, a fraction of a set
and a trimmed set are subsets of the whole one; and where only some drawings may be used (a style,
a few authors), a concept keeps its frequency as far as its drawings suffice, so that such runs
can be paired with those on all drawings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from lt_course.data.drawing_style import Style, is_solid
from lt_course.data.icontail import IconTail
from lt_course.errors import CourseError
from lt_course.statistics import gini, spearman

Counts = NDArray[np.int64]

GINI = {"incaps": 0.22, "laionet": 0.79}
"""Gini coefficients of the class counts of ImageNet-Captions and LAIONet (arXiv 2405.21070, Fig. 1
and the released counts). Both profiles are quantiles of the log-normal law with that Gini."""

PROFILES = ("natural", "flat", *GINI, "zipf(a)")


def profile_counts(profile: str, classes: int, pictures: int) -> Counts:
    """Pictures per rank, from the most to the least frequent class; at least one each.

    Args:
        profile: ``flat``, ``incaps``, ``laionet`` or ``zipf(a)`` with an exponent a >= 0.
        classes: number of classes C.
        pictures: total number of pictures N >= C.

    Returns:
        int64 [C], non-increasing, with sum N.

    Raises:
        CourseError: if the profile is unknown or N < C.
    """
    if pictures < classes:
        raise CourseError(
            f"Field 'pictures' is {pictures}, which is fewer than one for each of the {classes} "
            f"concepts; use at least {classes}."
        )
    rank = np.arange(classes)
    if profile == "flat":
        return _round(np.ones(classes), pictures)
    if zipf := re.fullmatch(r"zipf\((\d+(?:\.\d+)?)\)", profile):
        return _round((rank + 1.0) ** -float(zipf[1]), pictures)
    if profile not in GINI:
        raise CourseError(
            f"Field 'profile' is {profile!r}; the profiles are {', '.join(PROFILES)}."
        )
    if GINI[profile] > 0.95 * (1 - 1 / classes):
        raise CourseError(
            f"Field 'concepts' is {classes}, too few for the imbalance of the profile {profile!r}; "
            "use at least 8."
        )
    normal = stats.norm.ppf(1 - (rank + 0.5) / classes)

    def excess(sigma: float) -> float:
        return gini(np.exp(sigma * normal)) - GINI[profile]

    return _round(np.exp(optimize.brentq(excess, 1e-3, 20) * normal), pictures)


def _round(weights: NDArray[np.floating], total: int) -> Counts:
    """Whole numbers >= 1 with the given sum, in proportion to `weights` (largest remainders)."""
    share = 1 + (total - len(weights)) * weights / weights.sum()
    counts = np.floor(share).astype(np.int64)
    largest = np.argsort(counts - share, kind="stable")[: total - counts.sum()]
    counts[largest] += 1
    return counts


def assign(counts: Counts, available: Counts, permutation: int) -> Counts:
    """Give each rank to a class: a random permutation among those that can be filled.

    The ranks are served from the largest count down; each takes a class at random among the ones
    left that have enough drawings. (Eligible sets only grow as counts fall, so no choice can
    make a later one impossible.)

    Args:
        counts: int64 [C], pictures per rank, non-increasing.
        available: int64 [C], drawings of each class.
        permutation: seed of the assignment.

    Returns:
        int64 [C], the frequency of each class: a permutation of `counts`.

    Raises:
        CourseError: if no assignment exists; the sentence says how many pictures are possible.
    """
    _require_enough(counts, available)
    generator = np.random.default_rng([permutation, 0x10C])
    frequency = np.zeros_like(counts)
    left = np.ones(len(counts), dtype=bool)
    for count in counts:
        chosen = generator.choice(np.flatnonzero(left & (available >= count)))
        frequency[chosen], left[chosen] = count, False
    return frequency


def reassign(frequency: Counts, available: Counts) -> Counts:
    """Give the same counts again to classes that have fewer drawings, as alike as possible.

    The counts are served from the largest down; each goes to the class that had the largest
    frequency, among the ones left that have enough drawings. Where all can keep theirs, they do.

    Args:
        frequency: int64 [C], the frequency of each class while it could use all its drawings.
        available: int64 [C], the drawings that it can use now.

    Returns:
        int64 [C], a permutation of `frequency`.

    Raises:
        CourseError: if no assignment exists; the sentence says how many pictures are possible.
    """
    counts = np.sort(frequency)[::-1]
    _require_enough(counts, available)
    again = np.zeros_like(frequency)
    left = np.ones(len(counts), dtype=bool)
    for count in counts:
        chosen = np.argmax(np.where(left & (available >= count), frequency, -1))
        again[chosen], left[chosen] = count, False
    return again


def _require_enough(counts: Counts, available: Counts) -> None:
    """Refuse counts [C], non-increasing, that the classes' drawings [C] cannot fill."""
    ceiling = np.sort(available)[::-1]
    if (ceiling < counts).any():
        rank = int(np.argmax(ceiling < counts))
        possible = int(counts.sum() * (ceiling / counts).min())
        raise CourseError(
            f"This profile asks for {counts[rank]} pictures at rank {rank + 1}, but the concept "
            f"with the {rank + 1}. most drawings has {ceiling[rank]}; set 'pictures' to about "
            f"{possible} or fewer."
        )


@dataclass(frozen=True)
class Draw:
    """A training set drawn from IconTail.

    Attributes:
        pictures: int64 [N], indices into ``IconTail.pictures``.
        labels: int64 [N], the class of each, 0 … C-1 (C, for a drawing of another concept).
        frequency: int64 [C], pictures of each class.
        trimmed: bool [C], the classes that were cut to a few shots.
        limit: Spearman correlation between frequency and the number of drawings at hand; 0 would
            be a free permutation, 1 the natural order.
    """

    pictures: NDArray[np.int64]
    labels: NDArray[np.int64]
    frequency: Counts
    trimmed: NDArray[np.bool_]
    limit: float


def draw(
    icontail: IconTail,
    classes: int,
    *,
    profile: str = "laionet",
    pictures: int | None = None,
    permutation: int = 0,
    frequency: Counts | None = None,
    fraction: float = 1.0,
    trim: int = 0,
    shots: int = 0,
    authors: int | None = None,
    style: Style = "all",
    others: int = 0,
    other_concepts: int | None = None,
) -> Draw:
    """Draw training pictures of the first `classes` concepts to a class profile.

    Args:
        icontail: the data set.
        classes: number of evaluated concepts C (they come first in ``icontail.concepts``).
        profile: one of `PROFILES`; ``natural`` keeps the concepts' own counts, in proportion.
        pictures: total number N (default, and only for ``natural``: all there are).
        permutation: seed of which concept gets which frequency, and of which drawings are taken.
        frequency: int64 [C]; given, it replaces the profile (matched frequencies).
        fraction: in (0, 1]; keeps that share of every class, at least one picture each.
        trim: the last (rarest) so many classes are cut to `shots` pictures (Sec. 4.1).
        shots: 0, 1, …: pictures left to each trimmed class.
        authors: use only so many author families a concept, those with the most drawings of it
            (intra-class diversity at equal counts); None uses all.
        style: use only line drawings, or only solid ones.
        others: adds that many pictures of concepts outside the C (open world), labelled C …
        other_concepts: … from so many concepts, drawn at random; None draws from all of them.

    Raises:
        CourseError: if a field is out of range or the drawings do not suffice.
    """
    if not 0 < fraction <= 1:
        raise CourseError(f"Field 'fraction' is {fraction}; it must lie in (0, 1].")
    if not 0 <= trim <= classes:
        raise CourseError(f"Field 'trim' is {trim}; it must lie between 0 and {classes} concepts.")
    if classes > len(icontail.concepts):
        raise CourseError(
            f"Field 'concepts' is {classes}, but there are only {len(icontail.concepts)}."
        )
    pools = [_pool(icontail, concept, permutation, authors, style) for concept in range(classes)]
    available = np.array([len(pool) for pool in pools])

    if frequency is None and profile == "natural":
        frequency = _natural(available, pictures)
    elif frequency is None:
        if pictures is None:
            raise CourseError(f"Field 'pictures' must be set for the profile {profile!r}.")
        all_drawings = np.bincount(icontail.concept[~icontail.test])[:classes]
        counts = profile_counts(profile, classes, pictures)
        frequency = reassign(assign(counts, all_drawings, permutation), available)
    if (frequency > available).any():
        worst = int(np.argmax(frequency - available))
        raise CourseError(
            f"Field 'frequency' asks for {frequency[worst]} pictures of "
            f"{icontail.concepts[worst].name!r}, which has {available[worst]}; ask for fewer."
        )
    frequency = np.maximum(np.minimum(frequency, 1), (frequency * fraction).astype(np.int64))
    rarest = np.argsort(frequency, kind="stable")[:trim]
    frequency[rarest] = np.minimum(frequency[rarest], shots)
    trimmed = np.zeros(classes, dtype=bool)
    trimmed[rarest] = True

    taken = [pool[:count] for pool, count in zip(pools, frequency, strict=True)]
    labels = [np.full(count, label) for label, count in enumerate(frequency)]
    if others:
        taken.append(_others(icontail, classes, permutation, others, other_concepts))
        labels.append(np.full(others, classes))
    return Draw(
        np.concatenate(taken),
        np.concatenate(labels),
        frequency,
        trimmed,
        spearman(available, frequency),
    )


def _natural(available: Counts, pictures: int | None) -> Counts:
    """Counts in proportion to the drawings at hand, at least one each, with sum `pictures`."""
    total = int(available.sum())
    if pictures is None:
        return available
    if not len(available) <= pictures <= total:
        raise CourseError(
            f"Field 'pictures' is {pictures}; with the profile 'natural' it must lie between "
            f"{len(available)} and {total}, or be None for all."
        )
    share = available * pictures / total
    counts = np.maximum(1, share.astype(np.int64))
    missing = pictures - int(counts.sum())
    if missing >= 0:
        behind = np.where(counts < available, counts - share, np.inf)
        counts[np.argsort(behind, kind="stable")[:missing]] += 1
    else:
        counts[np.argsort(-counts, kind="stable")[:-missing]] -= 1
    return counts


def _pool(
    icontail: IconTail, concept: int, permutation: int, authors: int | None, style: Style
) -> NDArray[np.int64]:
    """The training drawings of a concept, in a seeded order."""
    pool = np.flatnonzero((icontail.concept == concept) & ~icontail.test)
    if style != "all":
        pool = pool[is_solid(icontail.grey[pool]) == (style == "solid")]
    if authors is not None:
        families, counts = np.unique(icontail.family[pool], return_counts=True)
        kept = families[np.argsort(-counts, kind="stable")[:authors]]
        pool = pool[np.isin(icontail.family[pool], kept)]
    return np.random.default_rng([permutation, 0xD4A, concept]).permutation(pool)


def _others(
    icontail: IconTail, classes: int, permutation: int, count: int, concepts: int | None
) -> NDArray[np.int64]:
    """Training drawings of concepts outside the evaluated ones, in a seeded order.

    Fewer concepts are a subset of more, with the same permutation.
    """
    generator = np.random.default_rng([permutation, 0x07E])
    pool = np.flatnonzero((icontail.concept >= classes) & ~icontail.test)
    pool = generator.permutation(pool)
    if concepts is not None:
        order = generator.permutation(np.arange(classes, len(icontail.concepts)))
        pool = pool[np.isin(icontail.concept[pool], order[:concepts])]
    if count > len(pool):
        raise CourseError(
            f"Field 'others' is {count}, but only {len(pool)} pictures of "
            f"{concepts or 'all'} other concepts exist; ask for fewer."
        )
    return pool[:count]
