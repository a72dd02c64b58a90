"""Lesson 09: what other concepts bring into a run, tokens that they share, figures."""

import dataclasses
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lt_course import study
from lt_course.data import icontail
from lt_course.data.captions import usual_name
from lt_course.errors import CourseError
from lt_course.evaluation.intervals import paired_difference
from lt_course.evidence import paper
from lt_course.lessons import open_world
from lt_course.plots import intervals
from lt_course.statistics import spearman

HALF = {"scale": "tiny", "num_images": 2250, "duration": "210 steps"}


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    plt.close("all")
    yield
    plt.close("all")


def clip(**settings):
    return study.config("clip-title", **(HALF | settings))


def record(frequency, accuracy, predictions):
    table = pd.DataFrame(
        {
            "concept": [f"c{i}" for i in range(len(frequency))],
            "frequency": frequency,
            "accuracy": accuracy,
            "predictions": predictions,
        }
    )
    metrics = {
        "accuracy": float(np.mean(accuracy)),
        "spearman_accuracy": spearman(frequency, accuracy),
        "spearman_predictions": spearman(frequency, predictions),
    }
    return SimpleNamespace(per_class=table, metrics=metrics)


def test_others_are_training_pictures_of_concepts_that_nobody_tests():
    data = icontail.load()
    run = clip(distractors=100, distractor_concepts=20)
    others = open_world.other_pictures(run)
    assert len(others) == len(set(others)) == 100
    assert (data.concept[others] >= run.data.concepts).all()
    assert not data.test[others].any()
    assert len(set(data.concept[others])) <= 20
    assert len(open_world.other_pictures(clip())) == 0


def test_others_do_not_change_the_core():
    alone, open_ = study.training_set(clip()), study.training_set(clip(distractors=2250))
    assert open_.image_ids[: len(alone.image_ids)].tolist() == alone.image_ids.tolist()
    assert open_.frequency.tolist() == alone.frequency.tolist()


def test_a_classifier_has_no_place_for_others():
    with pytest.raises(CourseError, match="no prototype for images of others"):
        study.config("sl", **HALF, distractors=10)


def test_titles_that_share_a_token_with_a_name():
    data = icontail.load()
    names = [usual_name(data, concept) for concept in range(3)]
    others = [f"zzzz {names[1]}", "qwertzuiop", names[1].upper(), f"{names[0]} {names[2]}"]
    made = dataclasses.replace(data, titles=[*data.titles, *others])
    places = range(len(data.titles), len(made.titles))
    found = open_world.titles_with_tokens_of_names(made, 3, places)
    assert found.tolist() == [1, 2, 1]


def test_changes_of_each_concept():
    before = record([3, 2, 1], [0.5, 0.25, 0.0], [5, 3, 1]).per_class
    after = record([3, 2, 1], [0.25, 0.25, 0.5], [4, 3, 2]).per_class
    assert open_world.changes(before, after, "accuracy").tolist() == [-0.25, 0, 0.5]
    assert open_world.changes(before, after, "predictions").tolist() == [-1, 0, 1]
    with pytest.raises(CourseError, match="'frequency' differs"):
        open_world.changes(before, after.assign(frequency=[1, 2, 3]), "accuracy")


def made_up_metrics(seeds):
    index = pd.MultiIndex.from_product([["SL 3", "core 3"], seeds], names=["label", "seed"])
    values = np.random.default_rng(0).random((len(index), 3))
    return pd.DataFrame(values, index=index, columns=list(open_world.METRICS))


@pytest.mark.parametrize("seeds", [[0], [0, 1, 2]])
def test_the_ladder_has_every_run_and_every_metric(seeds):
    metrics = made_up_metrics(seeds)
    figure = open_world.plot_ladder(metrics, ["SL 3", "core 3", "not run"])
    assert [axes.get_title() for axes in figure.axes] == ["accuracy", "S(a)", "S(p)"]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == [
        "SL 3", "core 3", "not run",
    ]  # fmt: skip
    first = figure.axes[0].lines[0].get_xdata()
    assert list(first) == metrics.loc["SL 3", "accuracy"].tolist()
    assert len(figure.axes[0].containers) == 2


def test_contrasts_are_paired_and_leave_out_what_is_missing():
    metrics = made_up_metrics([0, 1, 2])
    pairs = {"a": ("SL 3", "core 3"), "b": ("SL 3", "not run")}
    table = intervals.differences(metrics, pairs, {"accuracy": "accuracy"})["accuracy"]
    difference = paired_difference(
        metrics.loc["SL 3", "accuracy"], metrics.loc["core 3", "accuracy"]
    )
    assert table["a"] == f"{difference:.2f}"
    assert list(table.index) == ["a"]
    assert intervals.differences(metrics.iloc[:0], pairs, {"accuracy": "accuracy"}).empty


def test_samples_show_titles():
    data = icontail.load()
    figure = open_world.plot_samples(data, {"core": [0, 1], "others": [5, 6]})
    shown = [axes.get_title().replace("\n", " ") for axes in figure.axes]
    assert shown == [data.titles[i] for i in (0, 1, 5, 6)]


def test_the_papers_figure_shows_its_values():
    figure = open_world.plot_figure_6()
    left, right = figure.axes[:2]
    lines = {line.get_label(): list(line.get_ydata()) for line in left.lines}
    expected = [
        paper.value("fig6a", each, "clip", "spearman_accuracy")
        for each in ("incaps-100", "incaps-10pct", "incaps")
    ]
    assert lines["CLIP, S(a)"] == expected
    # One marker would hide another at the same height.
    fills = {line.get_label()[-4:]: line.get_markerfacecolor() for line in right.lines}
    assert fills["S(p)"] == "none" != fills["S(a)"]
    # The copied bar of SL is not a measurement, and is not drawn.
    assert {line.get_label(): len(line.get_ydata()) for line in right.lines} == {
        "SL, S(a)": 1, "CLIP, S(a)": 2, "SL, S(p)": 1, "CLIP, S(p)": 2,
    }  # fmt: skip
