"""The chapter on captions: what its figures and tables show is what was measured."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from lt_course import evidence
from lt_course.data.captions import captions
from lt_course.errors import CourseError
from lt_course.evaluation.intervals import mean_over_seeds, paired_difference
from lt_course.evidence import paper
from lt_course.lessons import captions_figures as show
from lt_course.lessons.caption_statistics import information
from lt_course.statistics import spearman

KINDS = list(evidence.factor("04_language").settings)
NOTHING = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["label", "seed"]))


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def metrics() -> pd.DataFrame:
    index = pd.MultiIndex.from_product([KINDS, range(3)], names=["label", "seed"])
    values = np.random.default_rng(0).random((len(index), len(show.METRICS)))
    return pd.DataFrame(values, index=index, columns=list(show.METRICS))


@pytest.fixture
def bits(small) -> dict:
    pictures = np.arange(0, 300, 2)
    labels = small.concept[pictures]
    return {kind: information(captions(small, pictures, kind), labels) for kind in KINDS}


def test_every_recorded_kind_has_a_look() -> None:
    groups = {kind: show.group(kind) for kind in KINDS}
    assert set(groups.values()) == set(show.LOOKS)
    assert groups["title+tags+gloss"] == "three texts"
    assert groups["gloss"] == "one text"
    assert groups["name+title"] == "class name in front"
    assert groups["title+appearance"] == "nuisances"
    assert len({marker for _, marker in show.LOOKS.values()}) == len(show.LOOKS)
    assert len({to_hex(colour) for colour, _ in show.LOOKS.values()}) == len(show.LOOKS)


def test_every_kind_of_fig_3_is_there() -> None:
    theirs = set(paper.table("fig3").query("method.str.startswith('clip')")["method"])
    assert set(show.IN_THE_PAPER.values()) == theirs
    assert theirs == set(paper.table("fig19").query("method.str.startswith('clip')")["method"])


def test_shared_words() -> None:
    assert show.shared_words("a red heart", "a heart") == pytest.approx(2 / 3)
    assert show.shared_words("even, pair", "pair, even") == 1
    assert show.shared_words("", "") == 1
    assert show.shared_words("", "word") == 0


def test_examples_write_every_caption(small) -> None:
    figure = show.examples(small, [0, 1], ["name", "title", "tags"])
    written = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert written == [
        *("name", "thing 0", "title", "thing 0 of kind 0", "tags", "even, pair"),
        *("name", "thing 0", "title", "thing 0 of kind 1", "tags", "odd"),
    ]


def test_a_silent_caption_is_a_dash(small) -> None:
    small.tags[3] = ()
    figure = show.examples(small, [3], ["tags"])
    assert [text.get_text() for text in figure.axes[1].texts] == ["tags", "–"]


def test_batch_is_sorted_by_concept(small) -> None:
    figure = show.batch(small, [100, 0, 101, 1], "gloss")
    axes = figure.axes[0]
    assert axes.get_title() == "gloss: 2 distinct captions of 4"
    alike = axes.images[0].get_array()
    assert (alike[:2, :2] == 1).all()
    assert (alike[:2, 2:] < 1).all()
    assert [patch.get_width() for patch in axes.patches] == [2, 2]


def test_bars_add_up(bits) -> None:
    axes = show.information(bits).axes[0]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches[-len(bits) :]]
    assert ends == pytest.approx([found.total for found in bits.values()])


def test_by_kind_shows_means_and_the_paper(metrics) -> None:
    figure = show.by_kind(metrics, KINDS)
    axes = figure.axes[2]
    drawn = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines}
    assert (metrics["spearman_predictions"]["title"].mean(), 2) in drawn
    theirs = paper.value("fig3", "incaps", "clip-title", "spearman_predictions")
    assert (theirs, 2) in {(float(np.ravel(x)[0]), y) for x, y in drawn}
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == KINDS


def test_with_nothing_recorded_the_paper_remains(bits) -> None:
    figure = show.by_kind(NOTHING, KINDS)
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == len(show.IN_THE_PAPER)
    assert (show.by_number_of_texts(NOTHING)["S(p)"] == "–").all()
    assert (show.correlations(NOTHING, bits) == "–").all(axis=None)
    assert show.kind_means(NOTHING, "accuracy") == {}
    assert (show.change(NOTHING, {"title": "tags"}) == "–").all(axis=None)
    show.against_bits(NOTHING, bits)


def test_one_seed_has_no_interval(metrics, bits) -> None:
    first = metrics.xs(0, level="seed", drop_level=False)
    assert (show.by_number_of_texts(first)["accuracy"] == "–").all()
    show.by_kind(first, KINDS)
    show.against_bits(first, bits)


def test_by_number_of_texts_averages_kinds_within_seeds(metrics) -> None:
    table = show.by_number_of_texts(metrics)
    accuracy = metrics["accuracy"]
    by_seed = [np.mean([accuracy[k, s] for k in ("title", "tags", "gloss")]) for s in range(3)]
    assert table.loc[1, "accuracy"] == str(mean_over_seeds(by_seed))
    # As the paper's Sec. 3.2: one, two and all three texts.
    assert list(table["S(a), paper"]) == ["0.41", "0.35", "0.28"]
    assert list(table["S(p), paper"]) == ["0.19", "0.12", "0.08"]


def test_an_incomplete_seed_does_not_count(metrics) -> None:
    less = metrics.drop(index=("tags", 2))
    table = show.by_number_of_texts(less)
    assert table.loc[1, "accuracy"] != show.by_number_of_texts(metrics).loc[1, "accuracy"]
    assert table.loc[3, "accuracy"] == show.by_number_of_texts(metrics).loc[3, "accuracy"]


def test_correlations_are_taken_within_seeds(metrics, bits) -> None:
    table = show.correlations(metrics, bits)
    x = [found.given_class for found in bits.values()]
    found = [
        spearman(x, [metrics.loc[(kind, seed), "accuracy"] for kind in bits]) for seed in range(3)
    ]
    assert table.loc["bits within a class", "accuracy"] == str(mean_over_seeds(found))


def test_against_bits_marks_every_kind(metrics, bits) -> None:
    figure = show.against_bits(metrics, bits)
    for axes in figure.axes:
        assert [text.get_text() for text in axes.texts] == KINDS


def test_unknown_metrics_are_refused(metrics) -> None:
    with pytest.raises(CourseError, match="spearman_accuracy"):
        show.kind_means(metrics, "accurracy")


def test_losses_are_drawn_with_their_floors() -> None:
    losses = [3.0, 2.0, 1.0]
    record = SimpleNamespace(history=pd.DataFrame({"loss": losses}), metrics={"accuracy": 0.3})
    figure = show.loss_and_accuracy({"title": record}, {"title": 0.5})
    left, right = figure.axes
    assert list(left.lines[0].get_ydata()) == losses
    assert list(left.lines[1].get_ydata()) == [0.5, 0.5]
    assert list(left.lines[0].get_xdata()) == [1, 2, 3]
    assert right.patches[0].get_width() == 0.3


def test_change_is_paired_over_the_seeds_that_both_have(metrics) -> None:
    less = metrics.drop(index=("tags", 1))
    table = show.change(less, {"title": "tags"})
    a, b = ([metrics.loc[(kind, s), "accuracy"] for s in (0, 2)] for kind in ("tags", "title"))
    assert table.loc["title → tags", "accuracy"] == str(paired_difference(a, b))


def test_a_run_beside_the_paper() -> None:
    record = SimpleNamespace(metrics=dict.fromkeys(show.METRICS, 0.25))
    row = show.beside_the_paper(record, "template", "fig19")
    assert row["S(p)"] == 0.25
    assert row["S(p), paper"] == paper.value(
        "fig19", "incaps", "clip-template", "spearman_predictions"
    )
