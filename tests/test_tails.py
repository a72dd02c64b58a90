"""Lesson 11: gradients of prototypes, cosines of checkpoints, and figures."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from lt_course import study
from lt_course.errors import CourseError
from lt_course.lessons import tails
from lt_course.lessons.exercises import extreme_tails as judged
from lt_course.lessons.features import cosines_on_test

FREQUENCY = np.array([400, 100, 60, 30, 10, 0, 0, 0])


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    plt.close("all")
    yield
    plt.close("all")


def test_the_gradient_of_prototypes_is_autograds():
    for features, labels, prototypes, scale in judged._gradient_inputs(np.random.default_rng(1)):
        moving = prototypes.clone().requires_grad_()
        F.cross_entropy(scale * features @ moving.T, labels).backward()
        found = judged._gradient(features, labels, prototypes, scale)
        torch.testing.assert_close(found, moving.grad)


@pytest.mark.parametrize("name", ["sl", "clip-template"])
def test_cosines_of_the_checkpoint_give_the_runs_predictions(small, store, name):
    shared = {
        "concepts": 8,
        "num_images": 200,
        "profile": "flat",
        "tail_classes": 3,
        "batch_size": 40,
    }
    run = study.config(name, scale="tiny", duration="3 epochs", embed_dim=16, **shared)
    found = study.train_or_load(run)
    assert (study.training_set(run).frequency == found.per_class["frequency"]).all()
    cosines = cosines_on_test(found)
    assert (cosines.argmax(1) == found.arrays["predictions"]).all()
    assert np.abs(cosines).max() <= 1 + 1e-6
    absent = (found.per_class["frequency"] == 0).to_numpy()
    assert absent.sum() == 3
    right = cosines.argmax(1) == found.arrays["labels"]
    gone = absent[found.arrays["labels"]]
    assert right[gone].mean() == pytest.approx(found.metrics["accuracy_trimmed"])
    assert right[~gone].mean() == pytest.approx(found.metrics["accuracy_kept"])


# Figures --------------------------------------------------------------------------------------


def test_methods_have_their_own_markers_and_labels():
    looks = tails.METHODS.values()
    assert len({look["marker"] for look in looks}) == len(tails.METHODS)
    assert len({look["label"] for look in looks}) == len(tails.METHODS)
    assert set(tails.PAPER_METHODS) <= set(tails.METHODS)


def test_in_the_paper_absent_classes_are_alike_only_if_learnt():
    found = tails.paper_blocks()
    assert found.loc["absent, absent", "the paper, SL"] == pytest.approx(0.845, abs=0.01)
    assert found.loc["seen, seen", "the paper, SL"] == pytest.approx(0, abs=0.01)
    frozen = found["the paper, SL, frozen"]
    assert frozen["absent, absent"] < frozen["seen, seen"]


def test_affinity_sorts_classes_by_frequency():
    matrix = np.diag(np.arange(8) / 8)
    figure = tails.plot_affinity({"a": matrix, "b": matrix}, FREQUENCY[::-1])
    shown = np.asarray(figure.axes[0].collections[0].get_array()).reshape(8, 8)
    assert np.diag(shown)[:5] == pytest.approx(np.arange(7, 2, -1) / 8)
    assert figure.axes[0].lines[0].get_ydata()[0] == 5


def test_bars_show_the_absent_classes_in_one_order():
    names = [f"class {c}" for c in reversed(range(8))]
    accuracy = np.arange(8) / 10
    table = pd.DataFrame({"name": names, "frequency": FREQUENCY, "accuracy": accuracy})
    figure = tails.plot_absent({"sl": table, "clip": table.iloc[::-1]})
    heights = [[bar.get_height() for bar in axes.patches] for axes in figure.axes]
    assert heights == [[0.7, 0.6, 0.5]] * 2
    assert "mean 0.60" in figure.axes[0].get_title(loc="left")


def test_trade_offs_mark_the_lifts_the_first_one_filled():
    columns = {"seen": [0.5, 0.4], "absent": [0.1, 0.3], "named": [0.05, 0.2]}
    curve = pd.DataFrame(columns, [0.0, 0.1])
    figure = tails.plot_trade_offs({"sl": curve}, [0.0, 0.1])
    _, filled, hollow = figure.axes[0].lines
    assert filled.get_xydata()[0] == pytest.approx([0.5, 0.1])
    assert hollow.get_xydata()[0] == pytest.approx([0.4, 0.3])
    assert [line.get_markerfacecolor() for line in (filled, hollow)] == ["#000000", "white"]
    assert figure.axes[1].lines[2].get_xydata()[0] == pytest.approx([0.1, 0.2])
    with pytest.raises(CourseError, match="no row of the curve of sl"):
        tails.plot_trade_offs({"sl": curve}, [0.3])


def recorded(seeds):
    labels = [f"{m}, {k} x {s}" for m in tails.METHODS for k in (20, 50) for s in (0, 1)]
    index = pd.MultiIndex.from_product([labels, range(seeds)], names=["label", "seed"])
    rng = np.random.default_rng(0)
    columns = list(tails.MEASURES)
    return pd.DataFrame(rng.random((len(index), 2)), index, columns)


def test_recorded_runs_are_drawn_beside_the_paper():
    figure = tails.plot_by_size(recorded(3), [20, 50], 194)
    ours, theirs = figure.axes[0], figure.axes[1]
    assert len(ours.containers) == len(theirs.lines) == len(tails.PAPER_METHODS)
    assert theirs.lines[1].get_ydata() == pytest.approx([0.016, 0.018, 0.016, 0.007])


def test_by_shots_draws_each_method_once_a_shot():
    assert len(tails.plot_by_shots(recorded(2), 50).axes[0].containers) == 2 * len(tails.METHODS)


@pytest.mark.parametrize("metrics", [recorded(1), pd.DataFrame()])
def test_one_seed_or_none_is_no_interval_and_is_not_drawn(metrics):
    assert not tails.plot_by_shots(metrics, 50).axes[0].containers
    assert not tails.plot_by_size(metrics, [20, 50], 194).axes[0].containers
