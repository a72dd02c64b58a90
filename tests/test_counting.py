"""Lesson 06: counted captions beside what their pictures show."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lt_course.counting.concept_lists import Concept
from lt_course.data import icontail
from lt_course.errors import CourseError
from lt_course.lessons import counting
from lt_course.statistics import spearman

CAPTIONS = ["cats", "a cat in a tree", "data tree", "piggy bank", "bank", "bank piggy", "money box"]
NAMES = ["cat", "tree", "bank", "piggy bank", "data"]
LABELS = np.array([0, 0, 4, 3, 2, 3, 3])
CONCEPTS = [Concept(name, (name,)) for name in NAMES[:4]]


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def counted() -> counting.Counted:
    return counting.Counted.of(CAPTIONS, LABELS, CONCEPTS)


def test_each_class_is_counted_as_by_hand(counted: counting.Counted) -> None:
    table = counted.per_class()
    assert list(table.index) == NAMES[:4]
    assert table["labels"].tolist() == [2, 0, 1, 3]
    assert table["counted"].tolist() == [2, 2, 3, 2]
    assert table["precision"].tolist() == pytest.approx([1, 0, 1 / 3, 1])
    assert table["recall"].tolist() == pytest.approx([1, np.nan, 1, 2 / 3], nan_ok=True)


def test_the_summary_is_that_of_all_pairs(counted: counting.Counted) -> None:
    said, table = counted.summary(), counted.per_class()
    assert said["matches"] == 9
    assert said["precision"] == pytest.approx(5 / 9)
    assert said["recall"] == pytest.approx(5 / 6)  # one label is of no counted class
    assert said["several"] == pytest.approx(3 / 6)  # cat and tree; bank and piggy bank, twice
    assert said["spearman"] == spearman(table["labels"], table["counted"])


def test_word_order_and_plural_are_what_substring_lacks() -> None:
    strict = counting.Counted.of(CAPTIONS, LABELS, CONCEPTS, "substring")
    assert strict.per_class()["counted"].tolist() == [1, 2, 3, 1]


def test_mistakes_name_both_sides(counted: counting.Counted) -> None:
    found = counted.mistakes(NAMES)
    assert found.iloc[0].tolist() == ["bank", "piggy bank", 2]
    pairs = {tuple(row) for row in found.iloc[1:].to_numpy()}
    assert pairs == {("tree", "cat", 1), ("tree", "data", 1)}
    assert found["captions"].sum() == (~counted.right).sum()


def test_what_was_never_counted_has_no_precision() -> None:
    (row,) = counting.Counted.of(["dog"], np.array([0]), CONCEPTS[:1]).per_class().itertuples()
    assert np.isnan(row.precision)
    assert row.recall == 0


def test_captions_and_labels_must_be_as_many() -> None:
    with pytest.raises(CourseError, match="7 captions, but 6 labels"):
        counting.Counted.of(CAPTIONS, LABELS[:6], CONCEPTS)


def test_veto_words_only_remove() -> None:
    assert counting.mentions(CAPTIONS, "bank").tolist() == [3, 4, 5]
    assert counting.mentions(CAPTIONS, "bank", "piggy").tolist() == [4]
    assert counting.mentions(CAPTIONS, "bank", "piggies").tolist() == [4]
    assert counting.counts(CAPTIONS, NAMES).tolist() == [2, 2, 3, 2, 1]


def test_the_list_of_concepts_is_of_those_that_were_looked_at() -> None:
    alone, more = (counting.core_concepts(synonyms=choice) for choice in (False, True))
    core = [c for c in icontail.load().concepts if c.core]
    assert [c.key for c in alone] == [c.key for c in more] == [c.key for c in core]
    assert all(c.names == (known.name,) for c, known in zip(alone, core, strict=True))
    assert all(set(a.names) <= set(b.names) for a, b in zip(alone, more, strict=True))
    # So labels of core concepts are numbers of the list.
    assert [c.key for c in icontail.load().concepts[: len(core)]] == [c.key for c in core]


def table(labels: np.ndarray, counted: np.ndarray) -> pd.DataFrame:
    columns = {"labels": labels, "counted": counted, "precision": 1.0, "recall": counted / labels}
    return pd.DataFrame(columns, [f"class {n}" for n in range(len(labels))])


def test_thirds_are_by_label() -> None:
    labels = np.array([1, 2, 4, 100, 200, 50])
    found = counting.by_third(table(labels, labels // 2))
    assert list(found.index) == ["head", "mid", "tail"]
    assert found.loc["head", "recall"] == pytest.approx(0.5)
    assert found.loc["tail", "counted / labels"] == pytest.approx((0 + 0.5) / 2)
    assert found.loc["tail", "precision"] == 1


def test_right_counts_change_no_correlation_and_noise_shrinks_it() -> None:
    random = np.random.default_rng(0)
    labels = np.sort(random.integers(10, 2_000, 60))[::-1]
    noisy = np.maximum(1, labels * np.exp(random.normal(0, 1.2, 60))).astype(int)
    equal = counting.correlations_by_counting(table(labels, 3 * labels), [1.0], seeds=2)
    assert equal.loc[1.0, "counted"] == equal.loc[1.0, "labels"] > 0.5
    pulls = [0.0, 1.0]
    found = counting.correlations_by_counting(table(labels, noisy), pulls, seeds=4)
    assert abs(found.loc[0.0]).max() < 0.25
    shrunk = found.loc[1.0, "counted"] / found.loc[1.0, "labels"]
    assert shrunk == pytest.approx(spearman(labels, noisy), abs=0.15)
    assert shrunk < 0.95


def test_the_figure_shows_every_class_once_and_names_the_asked_ones() -> None:
    labels = np.array([100, 50, 20, 10])
    shown = table(labels, np.array([90, 10, 30, 0]))
    shown["precision"] = [1.0, 1.0, 0.4, np.nan]
    left, right = counting.plot_beside_labels(shown, ["class 2"]).axes
    assert [len(line.get_xdata()) for line in left.lines] == [4, 3]  # no zero on a log axis
    kinds = {line.get_label(): list(line.get_xdata()) for line in right.lines[:3]}
    correct, wrong, missed = counting.KINDS
    assert kinds == {correct: [100], wrong: [20], missed: [50, 10]}
    assert [text.get_text() for text in right.texts] == ["class 2"]
    assert len({marker for _, marker in counting.KINDS.values()}) == 3
