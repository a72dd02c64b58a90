"""Subsets of photographs, held against the counts that the paper's authors released."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from lt_course.counting import web_frequencies
from lt_course.data.imagenet import classes_of
from lt_course.errors import CourseError
from lt_course.web.datasets import imagenet_shards, photograph_sets
from lt_course.web.datasets.photograph_sets import Selection, select
from lt_course.web.shards.shard_index import Index
from lt_course.web.shards.shard_scan import Fields

Ints = NDArray[np.int64]


def index_of(labels: Ints) -> Index:
    """An index of N samples with these labels, and nothing else."""
    n, no = len(labels), torch.zeros(0)
    return Index(
        shards=("nowhere.tar",),
        fields=Fields(),
        folder=Path(),
        first=torch.tensor([0, n]),
        offset=torch.zeros(n),
        size=no,
        start=no,
        ids=no,
        label=torch.from_numpy(labels.astype(np.int32)),
        bad={},
        damaged={},
    )


@pytest.fixture(scope="module")
def released() -> web_frequencies.WebFrequencies:
    found = web_frequencies.load()
    if not found.complete:
        pytest.skip("the released counts are not at hand")
    return found


@pytest.fixture(scope="module")
def in_caps(released: web_frequencies.WebFrequencies) -> Index:
    """ImageNet-Captions, as far as its labels go, in the order of the file names."""
    counts = released.counts("incaps_imagenet_ori").to_numpy()
    return index_of(np.repeat(np.arange(1_000), counts))


def test_in_caps_100_has_the_released_counts(
    in_caps: Index, released: web_frequencies.WebFrequencies
) -> None:
    chosen = select(in_caps, Selection(concepts="imagenet-100"))
    expected = released.counts("incaps_imagenet100_ori")
    assert chosen.frequency.tolist() == expected.tolist()
    assert len(chosen) == 44_548
    assert chosen.labels.max() == 99
    wnids = [known.wnid for known in chosen.classes]
    assert wnids == sorted(wnids)
    numbers = np.array([known.label for known in chosen.classes])
    assert (numbers[chosen.labels] == in_caps.label.numpy()[chosen.rows]).all()


def test_the_tenth_is_the_released_sample_in_every_class(
    in_caps: Index, released: web_frequencies.WebFrequencies
) -> None:
    chosen = select(in_caps, Selection(num_images=44_548))
    assert chosen.frequency.tolist() == released.counts("incaps_n44548_ori").tolist()
    assert len(np.unique(chosen.rows)) == 44_548


@pytest.mark.parametrize(
    ("trim", "shots", "left"),
    [(5, 0, 448_851), (20, 0, 448_301), (50, 0, 445_204), (100, 0, 436_004), (500, 0, 295_095)],
)
def test_trims_leave_what_the_released_script_leaves(
    in_caps: Index, trim: int, shots: int, left: int
) -> None:
    whole = np.bincount(in_caps.label.numpy(), minlength=1_000)
    zero = select(in_caps, Selection(tail_classes=trim, tail_shots=shots))
    one = select(in_caps, Selection(tail_classes=trim, tail_shots=1))
    assert len(zero) == left
    assert zero.trimmed.sum() == trim
    assert whole[zero.trimmed].max() <= whole[~zero.trimmed].min()
    assert (zero.frequency == np.where(zero.trimmed, 0, whole)).all()
    assert (one.frequency == np.where(one.trimmed, np.minimum(whole, 1), whole)).all()


def test_the_shots_of_a_tail_depend_on_the_seed_and_the_rest_does_not() -> None:
    index = index_of(np.repeat([3, 7, 9], [30, 20, 10]))
    rows = [
        select(index, Selection(tail_classes=999, tail_shots=4, seed=seed)).rows
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])
    assert (np.bincount(index.label.numpy()[rows[0]])[[3, 7, 9]] == [30, 4, 4]).all()


def released_subset(
    frame: pd.DataFrame, threshold: float, n: int | None, fraction: float
) -> pd.DataFrame:
    """A literal transcription, with pandas, of how the release takes subsets of LAIONet."""
    one_each = frame.groupby("label").head(1)
    kept = frame[frame["similarity"] >= threshold]
    kept = kept.sample(n=n, frac=None if n else fraction, random_state=42)
    lost = set(frame["label"]) - set(kept["label"])
    kept = pd.concat([kept, one_each[one_each["label"].isin(lost)]])
    if n and len(kept) > n:
        top = kept["label"].value_counts(sort=False).sort_index()
        top = top.sort_values(ascending=False, kind="stable").index[:10]
        drop = kept[kept["label"].isin(top)].sample(n=len(kept) - n, random_state=42)
        kept = kept.drop(drop.index)
    return kept.sort_index()


@pytest.mark.parametrize(
    ("threshold", "n", "fraction"), [(0.7, None, 1 / 32), (0.75, None, 0.5), (0.8, 2_000, 1.0)]
)
def test_subsets_of_laionet_are_those_of_the_release(
    threshold: float, n: int | None, fraction: float
) -> None:
    generator = np.random.default_rng(5)
    labels = generator.choice(1_000, 9_000, p=(w := 1 / np.arange(1, 1_001) ** 1.3) / w.sum())
    similarity = generator.uniform(0.7, 0.9, len(labels))
    frame = pd.DataFrame({"label": labels, "similarity": similarity})
    expected = released_subset(frame, threshold, n, fraction)
    selection = Selection(threshold=threshold, num_images=n, fraction=fraction, keep_classes=True)
    chosen = select(index_of(labels), selection, similarity=similarity)
    assert chosen.rows.tolist() == expected.index.tolist()
    assert ((chosen.frequency > 0) == (np.bincount(labels, minlength=1_000) > 0)).all()


def test_matched_frequencies_take_what_there_is() -> None:
    labels = np.repeat([0, 1, 2], [50, 5, 20])
    wanted = np.zeros(1_000, np.int64)
    wanted[:4] = 10, 10, 20, 7
    chosen = select(index_of(labels), frequency=wanted)
    assert chosen.frequency[:4].tolist() == [10, 5, 20, 0]
    assert len(np.unique(chosen.rows)) == 35
    with pytest.raises(CourseError, match="it needs 1000"):
        select(index_of(labels), frequency=wanted[:4])


def test_matched_frequencies_are_filled_up_from_a_second_pool() -> None:
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 40, 1_000) ** 2 // 40
    wanted = np.zeros(1_000, np.int64)
    wanted[:40] = generator.integers(0, 60, 40)
    chosen = select(index_of(labels), frequency=wanted, preferred=600)
    for label in range(40):
        before, behind = (labels[:600] == label).sum(), (labels[600:] == label).sum()
        own = chosen.rows[chosen.labels == label]
        used = min(before, wanted[label])
        assert (own < 600).sum() == used
        assert (own >= 600).sum() == min(behind, wanted[label] - used)


def test_a_row_may_stand_for_several_classes() -> None:
    rows, numbers = np.array([4, 4, 9]), np.array([134, 517, 0])
    chosen = select(index_of(np.full(10, -1)), labelled=(rows, numbers))
    assert chosen.rows.tolist() == [4, 4, 9]
    assert chosen.labels.tolist() == [134, 517, 0]


def test_all_caption_variants_are_of_one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variant that lacks some rows has the others of the sample, and no further ones."""
    labels = np.repeat(np.arange(1_000), 2)
    whole = set(select(index_of(labels), Selection(fraction=0.25)).rows.tolist())
    present = np.flatnonzero(np.random.default_rng(0).random(len(labels)) < 0.8)
    monkeypatch.setattr(imagenet_shards, "places", lambda index: (present, len(labels)))
    chosen = select(index_of(labels[present]), Selection(fraction=0.25))
    assert set(present[chosen.rows].tolist()) == whole & set(present.tolist())


def test_what_does_not_go_together_is_refused() -> None:
    index = index_of(np.arange(10))
    with pytest.raises(CourseError, match="'num_images' and 'fraction'"):
        Selection(num_images=5, fraction=0.5)
    with pytest.raises(CourseError, match="'fraction'"):
        Selection(fraction=1.5)
    with pytest.raises(CourseError, match="no similarity"):
        select(index, Selection(threshold=0.7))
    with pytest.raises(CourseError, match="there are only 10"):
        select(index, Selection(num_images=11))
    with pytest.raises(CourseError, match="not in 0 … 999"):
        select(index_of(np.full(3, -1)))
    with pytest.raises(CourseError, match="more than the 1000 classes"):
        select(index, Selection(tail_classes=1_001))
    every = index_of(np.arange(1_000))
    with pytest.raises(CourseError, match="too few to keep all 1000 classes"):
        select(every, Selection(num_images=5, keep_classes=True))
    with pytest.raises(CourseError, match="imagenet or imagenet-100"):
        classes_of("cifar")  # type: ignore[arg-type]
    assert photograph_sets.select(index).rows.tolist() == list(range(10))
