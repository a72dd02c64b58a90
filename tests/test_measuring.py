"""The figures and tables of lesson 02 against the metrics they stand on."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lt_course.evaluation import bias
from lt_course.evidence import paper
from lt_course.lessons import measuring
from lt_course.lessons.exercises import measuring_bias as exercises
from lt_course.lessons.observer import Observer

FREQUENCY = np.geomspace(1000, 1, 60)


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


@pytest.fixture
def table():
    observer = Observer.trained_on(FREQUENCY, prior=0.1, knowledge=0.5, seed=4)
    accuracy, predictions = bias.per_class(*observer.answers(20, seed=0), 60)
    return pd.DataFrame({"frequency": FREQUENCY, "accuracy": accuracy, "predictions": predictions})


def test_printed_correlations_are_the_papers():
    printed = measuring.printed_correlations(["laionet"])
    assert printed.loc["paper: LAIONet, SL", "S(p)"] == paper.value(
        "fig11", "laionet", "sl", "spearman_predictions"
    )
    assert len(printed.columns) == 6


def test_exact_is_of_the_confusion():
    observer = Observer.trained_on(FREQUENCY, prior=0.1, knowledge=0.3)
    matrix = observer.confusion()
    assert measuring.exact(FREQUENCY, observer) == pytest.approx(
        [stats.spearmanr(FREQUENCY, v).statistic for v in (np.diag(matrix), matrix.sum(0))]
    )


def test_observer_curves_rise_with_the_prior_and_hubs_lower_them():
    curves = measuring.observer_curves(FREQUENCY, seeds=2)
    assert len(curves) == 4
    for curve in curves.values():
        assert (np.diff(curve[:, 1]) > 0).all()
    plain, hubs = curves["knowledge 0.6, hubs 0"], curves["knowledge 0.6, hubs 0.6"]
    assert hubs[2:, 1].mean() < plain[2:, 1].mean() - 0.1


def test_size_curve_climbs_to_the_truth():
    observer = Observer.trained_on(FREQUENCY, prior=0.1, knowledge=0.3)
    curve = measuring.size_curve(observer, FREQUENCY, [2, 20, 200], repeats=10)
    assert list(curve.index) == [2, 20, 200, "truth"]
    assert (curve.diff().dropna() > 0).all(axis=None)


def test_the_true_order_of_accuracies_does_not_depend_on_the_ease():
    """What trap 4 says: the fall of measured S(a) at both ends is attenuation."""
    true, measured = [], []
    for ease in (0, 2, 4):
        observer = Observer.trained_on(FREQUENCY, prior=0.1, knowledge=0.3, ease=ease)
        true.append(measuring.exact(FREQUENCY, observer)[0])
        seen = [bias.per_class(*observer.answers(20, s), 60)[0] for s in range(20)]
        measured.append(np.mean([bias.spearman(FREQUENCY, a) for a in seen]))
    assert np.ptp(true) < 0.01
    assert measured[0] < measured[1] - 0.02
    assert measured[2] < measured[1] - 0.02


def test_correction_undoes_attenuation_on_average():
    observer = Observer.trained_on(FREQUENCY, prior=0.1, knowledge=0.3)
    truth = measuring.exact(FREQUENCY, observer)[0]
    measured = [bias.per_class(*observer.answers(10, s), 60)[0] for s in range(60)]
    raw = np.mean([bias.spearman(FREQUENCY, accuracy) for accuracy in measured])
    mended = np.mean([exercises.disattenuated(FREQUENCY, a, 10) for a in measured])
    assert abs(mended - truth) < 0.04 < truth - raw


def test_ranks_have_spearmans_correlation_in_the_title(table):
    left, right = measuring.plot_ranks(table).axes
    assert left.get_title() == f"Pearson {bias.pearson(FREQUENCY, table.predictions):.2f}"
    assert right.get_title() == f"Pearson {bias.spearman(FREQUENCY, table.predictions):.2f}"


def test_decisions_are_hits_and_false_alarms_from_head_to_tail():
    observer = Observer.trained_on(FREQUENCY[::-1], prior=0.1, knowledge=0.3)
    (axes,) = measuring.plot_decisions(FREQUENCY[::-1], {"one": observer}).axes
    hits, alarms = axes.containers
    matrix = observer.confusion()
    np.testing.assert_allclose([bar.get_height() for bar in hits], np.diag(matrix)[::-1])
    tops = [bar.get_y() + bar.get_height() for bar in alarms]
    np.testing.assert_allclose(tops, matrix.sum(0)[::-1])


def test_steeper_tails_leave_spearman_level(table):
    axes = measuring.plot_steeper_tails(table).axes[0]
    lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    assert np.ptp(lines["Spearman, accuracy"]) < 1e-12
    assert np.ptp(lines["Pearson, predictions"]) > 0.05


def test_other_figures_show_what_they_are_given(table):
    (axes,) = measuring.plot_chance([0.1, -0.1, 0.0], 0.2, {"sl": 0.9}).axes
    marked = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in marked] == [0.9]
    joins = {"right": table.accuracy, "wrong": table.accuracy[::-1].to_numpy()}
    axes = measuring.plot_side_by_side(table.frequency, joins).axes
    assert [a.get_title().split(":")[0] for a in axes] == ["right", "wrong"]
