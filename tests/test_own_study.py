"""Lesson 15: its figures, and its exercises against the package's own verdicts."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from lt_course.evaluation.intervals import Interval
from lt_course.lessons import own_study
from lt_course.lessons.exercises import your_own_study as exercises
from lt_course.plots.claims import LOOKS


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    yield
    plt.close("all")


def test_power_is_what_simulated_studies_have():
    d = np.random.default_rng(0).normal(2, 1, (20_000, 5))
    found = stats.ttest_1samp(d, 0, axis=1)
    alarms = (found.pvalue < 0.05) & (found.statistic > 0)
    assert exercises.power(2, 5) == pytest.approx(alarms.mean(), abs=0.01)
    assert exercises.seeds_needed(0.05, 0.1) == exercises.seeds_needed(0.5, 1) == 5


def test_one_look_has_five_percent_and_more_looks_have_more():
    rates = [exercises.false_alarm_rate(peeks) for peeks in ([5], [3, 5], [3, 4, 5])]
    assert rates[0] == pytest.approx(0.05, abs=0.005)
    assert rates[0] < rates[1] < rates[2] < 1 - 0.95**3


def test_power_has_a_line_a_size_and_a_mark_at_eighty_percent():
    (axes,) = own_study.plot_power([2, 3], {"1 sd": [0.1, 0.2], "2 sd": [0.2, 0.5]}).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()}
    assert drawn["1 sd"] == [0.1, 0.2]
    assert [0.8, 0.8] in drawn.values()


def test_verdicts_are_named_and_marked():
    shown = [Interval(0.2, 0.1, 0.3, 5), Interval(-0.2, -0.3, -0.1, 5)]
    (axes,) = own_study.plot_verdicts(shown, smallest=0.1).axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["supported", "reversed"]
    markers = [line.get_marker() for line in axes.get_lines() if line.get_marker() != "None"]
    assert markers == [LOOKS["supported"][1], LOOKS["reversed"][1]]
