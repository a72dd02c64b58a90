"""Which pairs of a set of shards are trained on: a choice at load time, never a copy.

The paper's subsets (Wen et al., Sec. 3 and 4.1) as functions of an index. Classes are those of
`lt_course.data.imagenet`, by WordNet id; the class numbers of a choice are 0 … C-1 in their order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lt_course.data.imagenet import Concepts, ImageNetClass, classes_of
from lt_course.data.tokenizer import CLIP_TOKENIZER
from lt_course.errors import CourseError
from lt_course.fields import COUNT, NATURAL, SEED, check
from lt_course.web.datasets import caption_labels, imagenet_shards, laionet
from lt_course.web.shards import shard_index
from lt_course.web.shards.shard_index import Index, expand
from lt_course.web.shards.shard_pairs import ShardDataset
from lt_course.web.shards.shard_scan import Fields

Ints = NDArray[np.int64]

SAID = ("name", "title", "tags", "description")
"""What is known of a picture of ImageNet-Captions."""

FIELDS = {
    "imagenet": Fields(caption="json:name", label="cls"),
    imagenet_shards.CAPTIONED: Fields("jpg", "json:{text}", "cls"),
    "laionet": laionet.FIELDS,
    **dict.fromkeys(caption_labels.SETS, Fields()),
}
"""How each set is read."""

LARGEST = 10
"""The classes that give pictures back when a sample of fixed size kept every class."""


@dataclass(frozen=True)
class Selection:
    """Which pairs; the fields apply in their order.

    Attributes:
        concepts: the classes that are kept, ``imagenet`` or ``imagenet-100``.
        threshold: least similarity of text and definition, in [-1, 1] (LAIONet only).
        fraction: share of the pairs, a uniform sample; or …
        num_images: … their number.
        keep_classes: give every class that the threshold or the sample emptied its first picture
            back, as the release does for LAIONet (not for ImageNet-Captions). With `num_images`,
            as many of the ten largest classes leave.
        tail_classes: so many of the rarest classes are cut …
        tail_shots: … to so many pictures each.
        seed: of the sample. 42 is the release's: over pictures in the order of their file names
            it is the release's sample. The release drew the shots of trimmed classes unseeded.
    """

    concepts: Concepts = "imagenet"
    threshold: float | None = None
    fraction: float = 1.0
    num_images: int | None = None
    keep_classes: bool = False
    tail_classes: int = 0
    tail_shots: int = 0
    seed: int = 42

    def __post_init__(self) -> None:
        """Raise a CourseError for a field out of range."""
        check(
            self,
            threshold=(-1, 1),
            fraction=(0, 1),
            num_images=COUNT,
            tail_classes=NATURAL,
            tail_shots=NATURAL,
            seed=SEED,
        )
        if self.num_images is not None and self.fraction != 1:
            raise CourseError("Fields 'num_images' and 'fraction' are both set; leave one out.")


@dataclass(frozen=True)
class Photographs:
    """N labelled pairs of C classes.

    Attributes:
        index: of the shards.
        classes: C, in the order of their class numbers.
        rows: int64 [N], rows of the index; one row may stand for several classes.
        labels: int64 [N], 0 … C-1.
        frequency: int64 [C], pairs of each class.
        trimmed: bool [C], the classes that were cut to a few shots.
    """

    index: Index
    classes: tuple[ImageNetClass, ...]
    rows: Ints
    labels: Ints
    frequency: Ints
    trimmed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)

    def pairs(
        self, *, seed: int = 0, size: int = 224, smallest: float | None = 0.9, context: int = 77
    ) -> ShardDataset:
        """The pairs as a map-style data set."""
        rows, labels = torch.from_numpy(self.rows), torch.from_numpy(self.labels)
        return ShardDataset(self.index, rows, labels, seed, size, smallest, context=context)


def open_set(
    dataset: str,
    patterns: str | Path | Iterable[str | Path],
    selection: Selection | None = None,
    *,
    text: str = "title+tags+description",
    labels: Path | None = None,
    frequency: Ints | None = None,
    fill: str | Path | Iterable[str | Path] | None = None,
    max_bad_fraction: float = 0.01,
    workers: int = 1,
    tokenizer: str = CLIP_TOKENIZER,
) -> Photographs:
    """Index the shards of a set, and choose pairs.

    Args:
        dataset: a key of `FIELDS`.
        patterns: its shards, as `lt_course.web.shards.shard_index.expand`.
        selection: which pairs; default: all.
        text: what captions of ImageNet-Captions say: words of `SAID`, in any order, joined by
            ``+``. Pictures about which nothing is said count as unusable: 1 % have no title, 9 %
            no tags, 40 % no description. With ``name``, as in the release, none is lost.
        labels: folder that `lt_course.web.datasets.caption_labels.prepare` made, for its sets.
        frequency: as `select`.
        fill: further shards of the same kind, used only where a class has fewer pairs than
            `frequency` asks for. In the release these are LAION's nearest texts to the captions
            of ImageNet-Captions (its list ``laionet_t2t_success309113.parquet``).
        max_bad_fraction: as `lt_course.web.shards.shard_index.load`, and `workers`.
        tokenizer: of captions, as `lt_course.data.tokenizer.tokenizer`.

    Raises:
        CourseError: as `lt_course.web.shards.shard_index.load` and `select`; if the set, or a word
            of `text`, is unknown, or `labels` is missing.
    """
    if dataset not in FIELDS:
        raise CourseError(
            f"Field 'dataset' is {dataset!r}; sets of labelled photographs are {', '.join(FIELDS)}."
        )
    if not set(text.split("+")) <= set(SAID):
        raise CourseError(f"Field 'text' is {text!r}; it may hold {', '.join(SAID)}, joined by +.")
    caption = FIELDS[dataset].caption.format(text=text)
    fields = dataclasses.replace(FIELDS[dataset], caption=caption, tokenizer=tokenizer)
    tars = expand(patterns)
    more = [] if fill is None else [tar for tar in expand(fill) if tar not in tars]
    index = shard_index.load(
        [*tars, *more], fields, max_bad_fraction=max_bad_fraction, workers=workers
    )
    labelled = similarity = None
    if dataset in caption_labels.SETS:
        if labels is None:
            raise CourseError(
                f"The pairs of {dataset} have their labels beside the shards; make them with "
                f"lt-course data prepare {dataset}, and name their folder in 'labels'."
            )
        labelled = caption_labels.load(index, labels)
    if dataset == "laionet" and selection and selection.threshold is not None:
        similarity = laionet.similarity(index)
    return select(
        index,
        selection,
        labelled=labelled,
        similarity=similarity,
        frequency=frequency,
        preferred=int(index.first[len(tars)]),
    )


def select(
    index: Index,
    selection: Selection | None = None,
    *,
    labelled: tuple[Ints, Ints] | None = None,
    similarity: NDArray[np.float64] | None = None,
    frequency: Ints | None = None,
    preferred: int | None = None,
) -> Photographs:
    """Choose pairs of an index, whose labels are ImageNet's class numbers 0 … 999.

    Args:
        index: of the shards.
        selection: which pairs; default: all.
        labelled: in the place of the index's labels, as `caption_labels.load` gives them.
        similarity: float64 [M], for `Selection.threshold`, as `laionet.similarity` gives it.
        frequency: int64 [C], greatest number of pairs of each class: matched frequencies
            (Sec. 3.4), drawn after the sample and before the trim.
        preferred: with `frequency`, rows of the index from this one on are only used where a
            class has too few before it.

    Raises:
        CourseError: if labels are missing or a field does not go with the data.
    """
    chosen = selection or Selection()
    classes = classes_of(chosen.concepts)
    rows, numbers = labelled or (np.arange(len(index)), index.label.long().numpy())
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < 1_000:
        raise CourseError(
            f"The labels of these shards lie in {numbers.min()} … {numbers.max()}, not in "
            "0 … 999; load them with the field of the class, such as Fields(label='cls')."
        )
    place, places = (None if labelled else imagenet_shards.places(index)) or (rows, len(rows))

    number = {known.label: position for position, known in enumerate(classes)}
    labels = np.array([number.get(known, -1) for known in range(1_000)])[numbers]
    inside = np.flatnonzero(labels >= 0)
    inside = inside[np.argsort(place[inside], kind="stable")]
    fitting = inside
    if chosen.threshold is not None:
        if similarity is None:
            raise CourseError(
                f"Field 'threshold' is {chosen.threshold}, but these shards have no similarity of "
                "text and definition; leave it out."
            )
        fitting = inside[similarity[inside] >= chosen.threshold]
    taken = _sample(fitting, place, places if len(fitting) == len(rows) else None, chosen)
    if chosen.keep_classes:
        taken = _keep_classes(taken, inside, labels, chosen)
    if frequency is not None:
        if len(frequency) != len(classes):
            raise CourseError(
                f"Field 'frequency' has {len(frequency)} entries; it needs {len(classes)}, one a "
                "class."
            )
        first = rows[taken] < (len(index) if preferred is None else preferred)
        taken = _at_most(taken, labels, frequency, chosen.seed, first)
    trimmed = np.zeros(len(classes), np.bool_)
    if chosen.tail_classes > len(classes):
        raise CourseError(
            f"Field 'tail_classes' is {chosen.tail_classes}, more than the {len(classes)} classes."
        )
    if chosen.tail_classes:
        counts = np.bincount(labels[taken], minlength=len(classes))
        trimmed[np.argsort(counts, kind="stable")[: chosen.tail_classes]] = True
        taken = _at_most(taken, labels, np.where(trimmed, chosen.tail_shots, counts), chosen.seed)
    taken = np.sort(taken)
    counts = np.bincount(labels[taken], minlength=len(classes))
    return Photographs(index, classes, rows[taken], labels[taken], counts, trimmed)


def _sample(fitting: Ints, place: Ints, places: int | None, chosen: Selection) -> Ints:
    """A uniform sample without replacement.

    Pairs that a variant of the captions lacks (an empty title, say) still have their place among
    the `places` that are drawn from, so that all variants are of one sample.
    """
    whole = places or len(fitting)
    size = round(chosen.fraction * whole) if chosen.num_images is None else chosen.num_images
    if size > whole:
        raise CourseError(
            f"Field 'num_images' is {size}, but there are only {whole}; ask for fewer."
        )
    if size == whole:
        return fitting
    # The generator of the release (pandas' DataFrame.sample); numpy keeps its stream for ever.
    drawn = np.random.RandomState(chosen.seed).choice(whole, size, replace=False)
    return fitting[drawn] if places is None else fitting[np.isin(place[fitting], drawn)]


def _keep_classes(taken: Ints, inside: Ints, labels: Ints, chosen: Selection) -> Ints:
    _, first = np.unique(labels[inside], return_index=True)
    firsts = inside[first]
    back = firsts[~np.isin(labels[firsts], labels[taken])]
    both = np.concatenate([taken, back])
    if chosen.num_images is None or not len(back):
        return both
    counts = np.bincount(labels[both])
    largest = np.argsort(-counts, kind="stable")[:LARGEST]
    of_largest = np.flatnonzero(np.isin(labels[both], largest))
    generator = np.random.RandomState(chosen.seed)
    surplus = len(both) - chosen.num_images
    if surplus > len(of_largest):
        raise CourseError(
            f"Field 'num_images' is {chosen.num_images}, too few to keep all "
            f"{len(counts[counts > 0])} classes; ask for more, or set 'keep_classes' to False."
        )
    return np.delete(both, of_largest[generator.choice(len(of_largest), surplus, replace=False)])


def _at_most(
    taken: Ints, labels: Ints, most: Ints, seed: int, first: NDArray[np.bool_] | None = None
) -> Ints:
    """A random choice of at most so many pairs of each class; the `first` ones come first."""
    order = np.random.default_rng([seed, 0x7A1]).permutation(len(taken))
    if first is not None:
        order = order[np.argsort(~first[order], kind="stable")]
    shuffled = taken[order]
    shuffled = shuffled[np.argsort(labels[shuffled], kind="stable")]
    of = labels[shuffled]
    begins = np.searchsorted(of, np.arange(len(most)))
    return shuffled[np.arange(len(of)) - begins[of] < most[of]]
