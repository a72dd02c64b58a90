"""The helpers of lesson 02 against the metrics they stand on."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lt_course.evaluation import bias
from lt_course.evidence import paper
from lt_course.lessons import measuring
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


class Recorded:
    """Enough of a record: metrics and the per-class table."""

    def __init__(self, table, shift):
        self.per_class = table
        self.metrics = {
            "spearman_accuracy": 0.5 + shift,
            "spearman_predictions": 0.8 - shift,
        }


def test_spearmans_of_a_table(table):
    found = measuring.spearmans(table.frequency, table.accuracy, table.predictions)
    assert found["S(a)"] == bias.spearman(table.frequency, table.accuracy)
    assert found["S(p)"] == bias.spearman(table.frequency, table.predictions)
    alarms = table.predictions - 20 * table.accuracy
    assert found["S(false alarms)"] == pytest.approx(
        stats.spearmanr(table.frequency, alarms.round(6)).statistic, abs=0.02
    )


def test_correlations_have_the_columns_of_the_papers_figure(table):
    ours = measuring.correlations(table)
    printed = measuring.printed_correlations(["laionet"])
    assert set(ours) == set(printed.columns)
    assert printed.loc["laionet, SL", "Spearman (p)"] == paper.value(
        "fig11", "laionet", "sl", "spearman_predictions"
    )
    assert ours["Pearson of log (a)"] == pytest.approx(
        np.corrcoef(np.log(table.frequency), table.accuracy)[0, 1]
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


def test_correction_undoes_attenuation_on_average():
    observer = Observer.trained_on(FREQUENCY, prior=0.1, knowledge=0.3)
    truth = bias.spearman(FREQUENCY, np.diag(observer.confusion()))
    measured = [bias.per_class(*observer.answers(10, s), 60)[0] for s in range(60)]
    raw = np.mean([bias.spearman(FREQUENCY, accuracy) for accuracy in measured])
    mended = np.mean([measuring.corrected(FREQUENCY, a, 10) for a in measured])
    assert abs(mended - truth) < 0.04 < truth - raw


def test_intervals_and_tables_of_records(table):
    records = {
        method: [Recorded(table, shift) for shift in (0.0, 0.02, 0.04)]
        for method in ("sl", "clip-title")
    }
    rows = measuring.both_intervals(records)
    assert list(rows) == [
        "S(a), over classes",
        "S(a), over seeds",
        "S(p), over classes",
        "S(p), over seeds",
    ]
    assert rows["S(a), over seeds"]["sl"].estimate == pytest.approx(0.52)
    assert rows["S(a), over classes"]["sl"].n == 60
    beside = measuring.paper_and_ours(records)
    assert len(beside) == 6 + 2
    assert beside.loc["ours, SL", "S(a)"].startswith("0.52 [")
    assert beside.loc["paper, LAIONet, SL", "S(p)"] == "0.76"


def test_steeper_tails_leave_spearman_level(table):
    axes = measuring.plot_steeper_tails(table).axes[0]
    lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    assert np.ptp(lines["Spearman, accuracy"]) < 1e-12
    assert np.ptp(lines["Pearson, predictions"]) > 0.05


def test_other_figures_show_what_they_are_given(table):
    chance = measuring.plot_coincidence({60: [0.1, -0.1, 0.2], 1000: [0.0, 0.01, -0.01]})
    labels = [text.get_text() for text in chance.axes[0].get_legend().get_texts()]
    assert labels == ["60 classes", "1,000 classes"]
    joins = {"right": table.accuracy, "wrong": table.accuracy[::-1].to_numpy()}
    axes = measuring.plot_side_by_side(table.frequency, joins).axes
    assert [a.get_title().split(":")[0] for a in axes] == ["right", "wrong"]
