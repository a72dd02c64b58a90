"""Lesson 06: counted captions beside what their pictures show."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lt_course.counting.concept_lists import Concept
from lt_course.data import icontail
from lt_course.errors import CourseError
from lt_course.lessons import counting
from tools import count_product_types

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
    assert table["right"].tolist() == [2, 0, 1, 2]


def test_word_order_and_plural_are_what_substring_lacks() -> None:
    strict = counting.Counted.of(CAPTIONS, LABELS, CONCEPTS, "substring")
    assert strict.per_class()["counted"].tolist() == [1, 2, 3, 1]


def test_mistakes_name_both_sides(counted: counting.Counted) -> None:
    found = counted.mistakes(NAMES)
    assert found.iloc[0].tolist() == ["bank", "piggy bank", 2]
    pairs = {tuple(row) for row in found.iloc[1:].to_numpy()}
    assert pairs == {("tree", "cat", 1), ("tree", "data", 1)}
    table = counted.per_class()
    assert found["captions"].sum() == (table["counted"] - table["right"]).sum()


def test_captions_and_labels_must_be_as_many() -> None:
    with pytest.raises(CourseError, match="7 captions, but 6 labels"):
        counting.Counted.of(CAPTIONS, LABELS[:6], CONCEPTS)


def test_veto_words_only_remove() -> None:
    assert counting.mentions(CAPTIONS, "bank").tolist() == [3, 4, 5]
    assert counting.mentions(CAPTIONS, "bank", "piggy").tolist() == [4]
    assert counting.mentions(CAPTIONS, "bank", "piggies").tolist() == [4]


def test_the_list_of_concepts_is_of_those_that_were_looked_at() -> None:
    alone, more = (counting.core_concepts(synonyms=choice) for choice in (False, True))
    core = [c for c in icontail.load().concepts if c.core]
    assert [c.key for c in alone] == [c.key for c in more] == [c.name for c in core]
    assert len({c.key for c in alone}) == len(core)
    assert all(c.names == (known.name,) for c, known in zip(alone, core, strict=True))
    assert all(set(a.names) <= set(b.names) for a, b in zip(alone, more, strict=True))
    # So labels of core concepts are numbers of the list.
    assert [c.name for c in icontail.load().concepts[: len(core)]] == [c.key for c in alone]


def test_the_figure_shows_every_class_once_and_names_the_asked_ones() -> None:
    shown = pd.DataFrame(
        {"labels": [100, 50, 20, 10], "counted": [90, 10, 30, 0], "right": [90, 10, 12, 0]},
        [f"class {n}" for n in range(4)],
    )
    left, right = counting.plot_beside_labels(shown, ["class 2"]).axes
    assert [len(line.get_xdata()) for line in left.lines] == [4, 3]  # no zero on a log axis
    kinds = {line.get_label(): list(line.get_xdata()) for line in right.lines[:3]}
    correct, wrong, missed = counting.KINDS
    assert kinds == {correct: [100], wrong: [20], missed: [50, 10]}
    assert [text.get_text() for text in right.texts] == ["class 2"]
    assert len({marker for _, marker in counting.KINDS.values()}) == 3


def test_the_packed_counts_of_products_add_up() -> None:
    table = counting.product_types()
    by_names = table.groupby("names")[["products", "counted", "right"]].sum()
    assert by_names["products"].tolist() == [43_824, 43_824]
    assert (table["right"] <= table[["products", "counted"]].min(axis=1)).all()
    assert by_names.loc["mended", "right"] > by_names.loc["shop", "right"]


def test_the_packed_counts_of_products_equal_a_recount() -> None:
    try:
        again = count_product_types.count()
    except CourseError:
        pytest.skip("the fashion products are not at hand")
    pd.testing.assert_frame_equal(again, counting.product_types())
