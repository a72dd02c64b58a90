"""The chapter on captions: what its figures and tables show is what was measured."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lt_course import evidence
from lt_course.evaluation.intervals import paired_difference
from lt_course.evidence import paper
from lt_course.lessons import captions as lesson

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


def test_every_recorded_kind_has_a_look() -> None:
    groups = {kind: lesson.group(kind) for kind in KINDS}
    assert set(groups.values()) == set(lesson.LOOKS)
    assert groups["title+tags+gloss"] == "three texts"
    assert groups["gloss"] == "one text"
    assert groups["name+title"] == "class name in front"
    assert groups["title+appearance"] == "nuisances"
    for field in ("marker", "color"):
        assert len({look[field] for look in lesson.LOOKS.values()}) == len(lesson.LOOKS)


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


def test_batches_are_sorted_by_concept(small) -> None:
    figure = lesson.plot_batches(small, [100, 0, 101, 1], ["gloss", "title"])
    axes = figure.axes[0]
    assert axes.get_title() == "gloss:\n2 distinct of 4"
    assert figure.axes[1].get_title().startswith("title:\n")
    alike = np.reshape(axes.collections[0].get_array(), (4, 4))
    assert (alike[:2, :2] == 1).all()
    assert (alike[:2, 2:] < 1).all()
    assert [patch.get_width() for patch in axes.patches] == [2, 2]


def test_bars_add_up() -> None:
    table = pd.DataFrame(
        [[4.0, 5.0, 0.0], [4.0, 0.0, 6.3]], ["title", "template"], columns=list(lesson.PARTS)
    )
    axes = lesson.plot_information(table).axes[0]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches[-2:]]
    assert ends == pytest.approx([9.0, 10.3])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["title", "template"]


def test_by_kind_shows_means_and_the_paper(metrics) -> None:
    figure = lesson.plot_by_kind(metrics, KINDS)
    axes = figure.axes[2]
    drawn = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines}
    assert (metrics["spearman_predictions"]["title"].mean(), 2) in drawn
    theirs = paper.value("fig3", "incaps", "clip-title", "spearman_predictions")
    assert (theirs, 2) in {(float(np.ravel(x)[0]), y) for x, y in drawn}
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == KINDS


def test_with_nothing_recorded_the_paper_remains() -> None:
    figure = lesson.plot_by_kind(NOTHING, KINDS)
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == len(lesson.IN_THE_PAPER)
    assert lesson.change(NOTHING, [("title", "tags")]).empty


def test_one_seed_has_no_interval(metrics) -> None:
    first = metrics.xs(0, level="seed", drop_level=False)
    lesson.plot_by_kind(first, KINDS)
    found = first["accuracy"]["tags", 0] - first["accuracy"]["title", 0]
    assert (
        lesson.change(first, [("title", "tags")]).loc["title → tags", "accuracy"] == f"{found:.2f}"
    )


def test_three_ways_are_shown_where_class_means_are_recorded(monkeypatch) -> None:
    index = pd.MultiIndex.from_product([["sl", "clip", "old"], [1, 2]], names=["label", "seed"])
    values = {f"spearman_predictions{end}": np.arange(6.0) for end in lesson.WAYS.values()}
    runs = pd.DataFrame(values, index=index)
    runs.loc["old", "spearman_predictions_by_class_means"] = np.nan
    runs = runs.drop(columns="spearman_predictions_by_captions")
    monkeypatch.setattr(lesson, "load_results", lambda *_, **__: runs)
    table = lesson.three_ways_recorded(["fashion_language"])
    assert list(table.index) == ["fashion-products: clip"]
    assert table.loc["fashion-products: clip", "captions"] == "–"
    assert table.loc["fashion-products: clip", "class means"].startswith("2.50 [")


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
    table = lesson.change(less, [("title", "tags")])
    a, b = ([metrics.loc[(kind, s), "accuracy"] for s in (0, 2)] for kind in ("tags", "title"))
    assert table.loc["title → tags", "accuracy"] == str(paired_difference(a, b))
