"""The chapter on captions: what its figures and tables show is what was measured."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from lt_course import evidence
from lt_course.data.captions import captions
from lt_course.evaluation.intervals import mean_over_seeds, paired_difference
from lt_course.evidence import paper
from lt_course.lessons import captions as lesson
from lt_course.lessons.captions import information
from lt_course.statistics import spearman

KINDS = list(evidence.experiment("language").settings)
NOTHING = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["label", "seed"]))


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def metrics() -> pd.DataFrame:
    index = pd.MultiIndex.from_product([KINDS, range(3)], names=["label", "seed"])
    values = np.random.default_rng(0).random((len(index), len(lesson.METRICS)))
    return pd.DataFrame(values, index=index, columns=list(lesson.METRICS))


@pytest.fixture
def bits(small) -> dict:
    pictures = np.arange(0, 300, 2)
    labels = small.concept[pictures]
    return {kind: information(captions(small, pictures, kind), labels) for kind in KINDS}


def test_every_recorded_kind_has_a_look() -> None:
    groups = {kind: lesson.group(kind) for kind in KINDS}
    assert set(groups.values()) == set(lesson.LOOKS)
    assert groups["title+tags+gloss"] == "three texts"
    assert groups["gloss"] == "one text"
    assert groups["name+title"] == "class name in front"
    assert groups["title+appearance"] == "nuisances"
    assert len({marker for _, marker in lesson.LOOKS.values()}) == len(lesson.LOOKS)
    assert len({to_hex(colour) for colour, _ in lesson.LOOKS.values()}) == len(lesson.LOOKS)


def test_every_kind_of_fig_3_is_there() -> None:
    theirs = set(paper.table("fig3").query("method.str.startswith('clip')")["method"])
    assert set(lesson.IN_THE_PAPER.values()) == theirs
    assert theirs == set(paper.table("fig19").query("method.str.startswith('clip')")["method"])


def test_shared_words() -> None:
    assert lesson.shared_words("a red heart", "a heart") == pytest.approx(2 / 3)
    assert lesson.shared_words("even, pair", "pair, even") == 1
    assert lesson.shared_words("", "") == 1
    assert lesson.shared_words("", "word") == 0


def test_examples_write_every_caption(small) -> None:
    figure = lesson.plot_examples(small, [0, 1], ["name", "title", "tags"])
    written = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert written == [
        *("name", "thing 0", "title", "thing 0 of kind 0", "tags", "even, pair"),
        *("name", "thing 0", "title", "thing 0 of kind 1", "tags", "odd"),
    ]


def test_a_silent_caption_is_a_dash(small) -> None:
    small.tags[3] = ()
    figure = lesson.plot_examples(small, [3], ["tags"])
    assert [text.get_text() for text in figure.axes[1].texts] == ["tags", "–"]


def test_batch_is_sorted_by_concept(small) -> None:
    figure = lesson.plot_batch(small, [100, 0, 101, 1], "gloss")
    axes = figure.axes[0]
    assert axes.get_title() == "gloss: 2 distinct captions of 4"
    alike = np.reshape(axes.collections[0].get_array(), (4, 4))
    assert (alike[:2, :2] == 1).all()
    assert (alike[:2, 2:] < 1).all()
    assert [patch.get_width() for patch in axes.patches] == [2, 2]


def test_bars_add_up(bits) -> None:
    axes = lesson.plot_information(bits).axes[0]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches[-len(bits) :]]
    assert ends == pytest.approx([found.total for found in bits.values()])


def test_by_kind_shows_means_and_the_paper(metrics) -> None:
    figure = lesson.plot_by_kind(metrics, KINDS)
    axes = figure.axes[2]
    drawn = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines}
    assert (metrics["spearman_predictions"]["title"].mean(), 2) in drawn
    theirs = paper.value("fig3", "incaps", "clip-title", "spearman_predictions")
    assert (theirs, 2) in {(float(np.ravel(x)[0]), y) for x, y in drawn}
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == KINDS


def test_with_nothing_recorded_the_paper_remains(bits) -> None:
    figure = lesson.plot_by_kind(NOTHING, KINDS)
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == len(lesson.IN_THE_PAPER)
    assert (lesson.by_number_of_texts(NOTHING)["S(p)"] == "–").all()
    assert (lesson.correlations(NOTHING, bits) == "–").all(axis=None)
    assert lesson.change(NOTHING, {"title": "tags"}).empty
    lesson.plot_against_bits(NOTHING, bits)


def test_one_seed_has_no_interval(metrics, bits) -> None:
    first = metrics.xs(0, level="seed", drop_level=False)
    mean = first["accuracy"][["title", "tags", "gloss"]].mean()
    assert lesson.by_number_of_texts(first).loc[1, "accuracy"] == f"{mean:.2f}"
    lesson.plot_by_kind(first, KINDS)
    lesson.plot_against_bits(first, bits)


def test_by_number_of_texts_averages_kinds_within_seeds(metrics) -> None:
    table = lesson.by_number_of_texts(metrics)
    accuracy = metrics["accuracy"]
    by_seed = [np.mean([accuracy[k, s] for k in ("title", "tags", "gloss")]) for s in range(3)]
    assert table.loc[1, "accuracy"] == str(mean_over_seeds(by_seed))
    # As the paper's Sec. 3.2: one, two and all three texts.
    assert list(table["S(a), paper"]) == ["0.41", "0.35", "0.28"]
    assert list(table["S(p), paper"]) == ["0.19", "0.12", "0.08"]


def test_an_incomplete_seed_does_not_count(metrics) -> None:
    less = metrics.drop(index=("tags", 2))
    table = lesson.by_number_of_texts(less)
    assert table.loc[1, "accuracy"] != lesson.by_number_of_texts(metrics).loc[1, "accuracy"]
    assert table.loc[3, "accuracy"] == lesson.by_number_of_texts(metrics).loc[3, "accuracy"]


def test_correlations_are_taken_within_seeds(metrics, bits) -> None:
    table = lesson.correlations(metrics, bits)
    x = [found.given_class for found in bits.values()]
    found = [
        spearman(x, [metrics.loc[(kind, seed), "accuracy"] for kind in bits]) for seed in range(3)
    ]
    assert table.loc["bits within a class", "accuracy"] == str(mean_over_seeds(found))


def test_against_bits_marks_every_kind(metrics, bits) -> None:
    figure = lesson.plot_against_bits(metrics, bits)
    for axes in figure.axes:
        assert [text.get_text() for text in axes.texts] == KINDS


def test_losses_are_drawn_with_their_floors() -> None:
    losses = [3.0, 2.0, 1.0]
    record = SimpleNamespace(history=pd.DataFrame({"loss": losses}), metrics={"accuracy": 0.3})
    figure = lesson.plot_losses({"title": record}, {"title": 0.5})
    left, right = figure.axes
    assert list(left.lines[0].get_ydata()) == losses
    assert list(left.lines[1].get_ydata()) == [0.5, 0.5]
    assert list(left.lines[0].get_xdata()) == [1, 2, 3]
    assert right.patches[0].get_width() == 0.3


def test_change_is_paired_over_the_seeds_that_both_have(metrics) -> None:
    less = metrics.drop(index=("tags", 1))
    table = lesson.change(less, {"title": "tags"})
    a, b = ([metrics.loc[(kind, s), "accuracy"] for s in (0, 2)] for kind in ("tags", "title"))
    assert table.loc["title → tags", "accuracy"] == str(paired_difference(a, b))


def test_a_run_beside_the_paper() -> None:
    record = SimpleNamespace(metrics=dict.fromkeys(lesson.METRICS, 0.25))
    row = lesson.beside_the_paper(record, "template", "fig19")
    assert row["S(p)"] == 0.25
    assert row["S(p), paper"] == paper.value(
        "fig19", "incaps", "clip-template", "spearman_predictions"
    )
