"""Bits of captions against closed forms, batches against batches that were drawn."""

import dataclasses

import numpy as np
import pytest

from lt_course.data.captions import Captions, captions
from lt_course.errors import CourseError
from lt_course.lessons.captions import expected_distinct, information, least_loss


def lists(*rows: list[int]) -> Captions:
    """The captions of pictures that choose from the given numbers."""
    known: dict[tuple[int, ...], int] = {}
    choices: list[int] = []
    for row in map(tuple, rows):
        if row not in known:
            known[row] = len(choices)
            choices += row
    texts = [str(number) for number in range(max(choices) + 1)]
    first = np.array([known[tuple(row)] for row in rows])
    return Captions(texts, np.array(choices), first, np.array([len(row) for row in rows]))


def test_a_caption_that_names_the_class_is_about_the_class_alone() -> None:
    found = information(lists([0], [0], [1], [1], [2], [2], [3], [3]), [0, 0, 1, 1, 2, 2, 3, 3])
    assert found.about_class == pytest.approx(2)
    assert found.given_class == pytest.approx(0)
    assert found.correction == 0


def test_a_caption_of_its_own_for_each_picture_is_about_class_and_drawing() -> None:
    found = information(lists(*([i] for i in range(8))), [0, 0, 0, 0, 1, 1, 1, 1])
    assert (found.about_class, found.about_drawing) == pytest.approx((1, 2))
    assert found.chance == pytest.approx(0)
    assert found.total == pytest.approx(3)
    assert found.correction == pytest.approx((8 - 2) / (2 * 8 * np.log(2)))


def test_templates_are_class_and_chance() -> None:
    cat, dog = list(range(80)), list(range(80, 160))
    found = information(lists(cat, cat, cat, dog), [0, 0, 0, 1])
    assert found.about_class == pytest.approx(-(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)))
    assert found.about_drawing == pytest.approx(0)
    assert found.chance == pytest.approx(np.log2(80))


def test_a_nuisance_says_nothing_of_the_class() -> None:
    found = information(lists([0], [1], [0], [1]), [0, 0, 1, 1])
    assert (found.about_class, found.about_drawing) == pytest.approx((0, 1))


def test_one_caption_for_all_is_silent() -> None:
    assert information(lists([0], [0], [0]), [0, 1, 2]).total == pytest.approx(0)


@pytest.mark.parametrize("kind", ["template", "synset", "title", "tags", "title|template"])
def test_parts_are_those_of_a_table_of_probabilities(small, kind: str) -> None:
    pictures = np.arange(0, 300, 3)
    said, labels = captions(small, pictures, kind), small.concept[pictures]
    table = np.zeros((len(pictures), len(said.texts)))
    for row in range(len(pictures)):
        for text in said.of(row):
            table[row, said.texts.index(text)] += 1 / said.count[row] / len(pictures)
    of_class = np.stack([table[labels == c].sum(0) for c in np.unique(labels)])

    def entropy(p: np.ndarray) -> float:
        return float(-(p[p > 0] * np.log2(p[p > 0])).sum())

    found = information(said, labels)
    given_class = entropy(of_class) - entropy(of_class.sum(1))
    assert found.total == pytest.approx(entropy(table.sum(0)))
    assert found.given_class == pytest.approx(given_class)
    assert found.chance == pytest.approx(entropy(table) - entropy(table.sum(1)), abs=1e-9)


def test_the_correction_removes_most_of_the_bias() -> None:
    generator = np.random.default_rng(0)
    share = generator.dirichlet(np.ones(20), size=5)
    truth = np.mean([-(p * np.log2(p)).sum() for p in share])
    labels = np.repeat(np.arange(5), 60)
    plain, corrected = [], []
    for _ in range(40):
        words = [generator.choice(20, p=share[label]) + 20 * label for label in labels]
        found = information(lists(*([word] for word in words)), labels)
        plain.append(found.about_drawing)
        corrected.append(found.about_drawing + found.correction)
    assert np.mean(plain) < truth
    assert abs(np.mean(corrected) - truth) < 0.4 * abs(np.mean(plain) - truth)


def test_distinct_captions_by_closed_form() -> None:
    four = lists([0], [1], [2], [3])
    assert expected_distinct(four, 1) == pytest.approx(1)
    assert expected_distinct(four, 3) == pytest.approx(4 * (1 - 0.75**3))
    assert expected_distinct(lists([0, 1, 2, 3]), 3) == pytest.approx(4 * (1 - 0.75**3))
    assert expected_distinct(lists([0], [0]), 50) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["template", "title", "title+tags"])
def test_distinct_captions_of_drawn_batches(small, kind: str) -> None:
    said = captions(small, range(200), kind)
    generator = np.random.default_rng(1)
    drawn = [len(set(said.draw(generator.integers(0, 200, 32), generator))) for _ in range(2_000)]
    assert expected_distinct(said, 32) == pytest.approx(np.mean(drawn), abs=0.2)


def test_least_loss_by_closed_form() -> None:
    assert least_loss(lists([0], [1], [2]), 3) == pytest.approx(0)
    assert least_loss(lists([0], [0], [0]), 2) == pytest.approx(np.log(2))
    # The whole set is the batch: classes of 2 and 1.
    assert least_loss(lists([0, 1], [0, 1], [2]), 3) == pytest.approx(2 / 3 * np.log(2))


def test_least_loss_of_drawn_batches(small) -> None:
    said = captions(small, range(200), "title")
    generator = np.random.default_rng(2)
    losses = []
    for _ in range(2_000):
        rows = generator.permutation(200)[:32]
        counts = np.bincount(np.unique(said.first[rows], return_inverse=True)[1])
        losses.append((counts * np.log(counts)).sum() / 32)
    assert least_loss(said, 32) == pytest.approx(np.mean(losses), abs=0.02)


def test_bad_input_is_refused() -> None:
    with pytest.raises(CourseError, match="one label a picture"):
        information(lists([0], [1]), [0])
    for size in (0, 3):
        with pytest.raises(CourseError, match="size"):
            least_loss(lists([0], [1]), size)


def test_captions_are_not_changed(small) -> None:
    said = captions(small, range(50), "tags")
    before = [np.array(column) for column in dataclasses.astuple(said)[1:]]
    information(said, small.concept[:50])
    assert all(
        np.array_equal(a, b) for a, b in zip(before, dataclasses.astuple(said)[1:], strict=True)
    )
