"""Lesson 11: forces on absent classes, blocks of cosines, calibrated stacking, figures."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from lt_course import study
from lt_course.errors import CourseError
from lt_course.evaluation.bias import per_class
from lt_course.evaluation.neural_collapse import mean_cosine
from lt_course.lessons import tails
from lt_course.lessons.features import cosines_on_test
from lt_course.objectives.classify import SupervisedConfig
from lt_course.study import RunResult

FREQUENCY = np.array([400, 100, 60, 30, 10, 0, 0, 0])
ABSENT = FREQUENCY == 0
NEVER = [
    SupervisedConfig(vocabulary=6),
    SupervisedConfig(sampling="in-batch"),
    SupervisedConfig(vocabulary=7),
]
SOMETIMES = [SupervisedConfig(), SupervisedConfig(vocabulary=7, sampling="uniform")]


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    plt.close("all")
    yield
    plt.close("all")


def record(prototypes, centres, frequency=FREQUENCY):
    table = pd.DataFrame(
        {
            "name": [f"class {c}" for c in range(len(frequency))],
            "frequency": frequency,
            "accuracy": np.linspace(0, 1, len(frequency)),
            "predictions": np.arange(len(frequency)),
        }
    )
    arrays = {"prototypes": prototypes, "centres": centres}
    return RunResult(
        study.config("sl", scale="tiny"), {}, pd.DataFrame(), table, arrays, {}, Path()
    )


def drawn(seed=0):
    return np.random.default_rng(seed).normal(size=(8, 5)).astype(np.float32)


# Forces ---------------------------------------------------------------------------------------


def test_a_full_softmax_pushes_all_logits_alike():
    """With equal logits, p = 1 / C for each class and picture: the forces are known exactly."""
    found = tails.forces(SupervisedConfig(), FREQUENCY, batch=64, batches=400)
    share, C = FREQUENCY / FREQUENCY.sum(), len(FREQUENCY)
    assert found["push"].to_numpy() == pytest.approx((1 - share) / C, abs=2e-3)
    assert found["pull"].to_numpy() == pytest.approx(share * (1 - 1 / C), abs=1e-2)
    assert found["push"][ABSENT].to_numpy() == pytest.approx(1 / C, rel=1e-5)


@pytest.mark.parametrize("options", SOMETIMES + NEVER)
def test_pull_and_push_are_in_balance_and_absent_classes_are_never_pulled(options):
    found = tails.forces(options, FREQUENCY, batch=64)
    assert found["push"].sum() == pytest.approx(found["pull"].sum(), rel=1e-4)
    assert (found["pull"][ABSENT] == 0).all()
    assert (found[["pull", "push"]] >= 0).all(axis=None)


@pytest.mark.parametrize("options", NEVER)
def test_without_weight_there_is_no_push_at_all(options):
    assert (tails.forces(options, FREQUENCY, batch=64)["push"][ABSENT] == 0).all()


def test_uniform_sampling_pushes_absent_classes_less_than_all_but_does_push():
    full, uniform = (tails.forces(o, FREQUENCY, batch=64)["push"][ABSENT] for o in SOMETIMES)
    assert (uniform > 0).all()
    assert uniform.mean() < full.mean()


def test_forces_are_the_gradient_of_cross_entropy():
    labels = torch.tensor([0, 0, 1, 2])
    logits = torch.zeros(4, 3, requires_grad=True)
    torch.nn.functional.cross_entropy(logits, labels).backward()
    share = torch.bincount(labels) / 4
    assert torch.allclose(logits.grad.sum(0), 1 / 3 - share)
    found = tails.forces(SupervisedConfig(), [2, 1, 1], batch=64, batches=500)
    assert (found["push"] - found["pull"]).to_numpy() == pytest.approx(
        (1 / 3 - share).numpy(), abs=1e-2
    )


# Cosines --------------------------------------------------------------------------------------


def test_affinity_ignores_norms_and_agrees_with_mean_cosine():
    prototypes = drawn()
    found = tails.affinity(record(prototypes * np.arange(1, 9)[:, None], prototypes))
    assert np.diag(found) == pytest.approx(np.ones(8))
    means = tails.block_means(found, ABSENT)
    seen, gone = torch.from_numpy(prototypes[~ABSENT]), torch.from_numpy(prototypes[ABSENT])
    assert means["seen, seen"] == pytest.approx(mean_cosine(seen), abs=1e-6)
    assert means["absent, absent"] == pytest.approx(mean_cosine(gone), abs=1e-6)
    assert means["seen, absent"] == pytest.approx(found[:5, 5:].mean())


def test_rivals_compare_own_prototypes_with_the_nearest_of_the_other_kind():
    cosines = np.array([[0.9, 0.1, 0.3, 0.2], [0.0, 0.5, 0.6, 0.7], [0.4, 0.3, 0.2, 0.8]])
    found = tails.rivals(cosines, np.array([0, 1, 3]), np.array([False, False, True, True]))
    assert found == pytest.approx(
        {
            "seen: own": 0.7,
            "seen: nearest absent": 0.5,
            "absent: own": 0.8,
            "absent: nearest seen": 0.4,
        }
    )


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
    at_zero = tails.trade_off(cosines, found.arrays["labels"], absent, [0.0]).loc[0]
    assert at_zero["absent"] == pytest.approx(found.metrics["accuracy_trimmed"])
    assert at_zero["seen"] == pytest.approx(found.metrics["accuracy_kept"])


# Calibrated stacking --------------------------------------------------------------------------


def test_a_lift_moves_answers_to_absent_classes_only():
    rng = np.random.default_rng(3)
    cosines, labels = rng.uniform(-1, 1, (400, 8)), rng.integers(8, size=400)
    lifts = [-2.5, -0.5, 0, 0.5, 2.5]
    curve = tails.trade_off(cosines, labels, ABSENT, lifts)
    assert curve["predicted"].is_monotonic_increasing
    assert curve["absent"].is_monotonic_increasing
    assert curve["seen"].is_monotonic_decreasing
    assert curve["predicted"].iloc[[0, -1]].tolist() == [0, 1]
    accuracy, _ = per_class(labels, cosines.argmax(1), 8)
    assert curve.loc[0, "seen"] == pytest.approx(accuracy[~ABSENT].mean())
    among = np.flatnonzero(ABSENT)[cosines[:, ABSENT].argmax(1)]
    assert (tails.lifted(cosines, ABSENT, 2.5) == among).all()


# Figures --------------------------------------------------------------------------------------


def test_methods_have_their_own_markers_and_labels():
    looks = tails.METHODS.values()
    assert len({look["marker"] for look in looks}) == len(tails.METHODS)
    assert len({look["label"] for look in looks}) == len(tails.METHODS)
    assert set(tails.PAPER_METHODS) <= set(tails.METHODS)


def test_affinity_sorts_classes_by_frequency():
    matrix = np.diag(np.arange(8) / 8)
    figure = tails.plot_affinity({"a": matrix, "b": matrix}, FREQUENCY[::-1])
    shown = np.asarray(figure.axes[0].collections[0].get_array()).reshape(8, 8)
    assert np.diag(shown)[:5] == pytest.approx(np.arange(7, 2, -1) / 8)
    assert figure.axes[0].lines[0].get_ydata()[0] == 5


def test_bars_show_the_absent_classes_in_one_order():
    table = record(drawn(), drawn()).per_class
    figure = tails.plot_absent({"sl": table, "clip": table}, "predictions")
    heights = [[bar.get_height() for bar in axes.patches] for axes in figure.axes]
    assert heights == [[5, 6, 7]] * 2
    assert "mean 6.00" in figure.axes[0].get_title(loc="left")


def test_trade_offs_mark_the_lift():
    rng = np.random.default_rng(0)
    curve = tails.trade_off(rng.random((80, 8)), np.arange(80) % 8, ABSENT, [0.0, 0.1])
    figure = tails.plot_trade_offs({"sl": curve}, 0.1)
    marked = figure.axes[1].lines[1].get_xydata()[0]
    assert marked == pytest.approx([0.1, curve.loc[0.1, "predicted"]])
    with pytest.raises(CourseError, match="no row of the curve of sl"):
        tails.plot_trade_offs({"sl": curve}, 0.3)


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
