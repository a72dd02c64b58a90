"""Intervals against scipy, closed forms and their promised coverage."""

import numpy as np
import pytest
from scipy import stats

from lt_course.errors import CourseError
from lt_course.evaluation import intervals
from lt_course.evaluation.intervals import Interval
from lt_course.statistics import spearman


def test_interval_prints_and_contains():
    interval = Interval(0.421, 0.3149, 0.5251, 60)
    assert str(interval) == "0.42 [0.31, 0.53]"
    assert f"{interval:.1f}" == "0.4 [0.3, 0.5]"
    assert f"{interval:+.3f}" == "+0.421 [+0.315, +0.525]"
    assert 0.4 in interval
    assert 0.6 not in interval


def test_seeds_interval_equals_scipys_t_test():
    a, b = np.array([0.9, 0.93, 0.88, 0.95, 0.91]), np.array([0.5, 0.61, 0.4, 0.66, 0.52])
    reference = stats.ttest_rel(a, b).confidence_interval(0.9)
    interval = intervals.paired_difference(a, b, confidence=0.9)
    assert interval.estimate == pytest.approx((a - b).mean())
    assert (interval.low, interval.high) == pytest.approx((reference.low, reference.high))
    assert interval.n == 5


def test_pairing_removes_what_the_seeds_share():
    rng = np.random.default_rng(0)
    shared, noise = rng.normal(0, 1, 8), rng.normal(0, 0.1, 8)
    paired = intervals.paired_difference(shared + 1 + noise, shared)
    alone = intervals.mean_over_seeds(shared + 1 + noise)
    assert paired.high - paired.low < (alone.high - alone.low) / 3


def test_bootstrap_spearman_estimates_the_metric_and_repeats_itself():
    rng = np.random.default_rng(2)
    frequency, value = rng.lognormal(0, 2, 60), rng.integers(0, 10, 60) / 10
    first = intervals.bootstrap_spearman(frequency, value, seed=5)
    assert first.estimate == pytest.approx(spearman(frequency, value))
    assert first == intervals.bootstrap_spearman(frequency, value, seed=5)
    assert first != intervals.bootstrap_spearman(frequency, value, seed=6)
    assert first.low < first.estimate < first.high
    narrow = intervals.bootstrap_spearman(frequency, value, confidence=0.5)
    assert narrow.high - narrow.low < first.high - first.low


def test_bootstrap_spearman_ignores_monotone_transforms_and_nan_classes():
    rng = np.random.default_rng(3)
    frequency, value = rng.lognormal(0, 2, 40), rng.random(40)
    plain = intervals.bootstrap_spearman(frequency, value)
    logged = intervals.bootstrap_spearman(np.log(frequency), value)
    assert (plain.low, plain.high) == pytest.approx((logged.low, logged.high))
    more = intervals.bootstrap_spearman(np.append(frequency, 9.0), np.append(value, np.nan))
    assert (more.low, more.high, more.n) == pytest.approx((plain.low, plain.high, 40))


def test_bootstrap_spearman_agrees_with_scipys_own_statistic():
    rng = np.random.default_rng(4)
    frequency, value = rng.lognormal(0, 1, 30), rng.random(30)
    reference = stats.bootstrap(
        (frequency, value),
        lambda x, y: stats.spearmanr(x, y).statistic,
        paired=True,
        vectorized=False,
        n_resamples=500,
        rng=0,
    ).confidence_interval
    interval = intervals.bootstrap_spearman(frequency, value, seed=0, resamples=500)
    assert (interval.low, interval.high) == pytest.approx((reference.low, reference.high))


def test_bootstrap_spearman_covers_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman of a binormal pair with Pearson 0.6
    hits = 0
    for trial in range(200):
        x = rng.normal(size=60)
        y = 0.6 * x + 0.8 * rng.normal(size=60)
        hits += truth in intervals.bootstrap_spearman(x, y, seed=trial, resamples=500)
    assert 0.88 <= hits / 200 <= 0.99


def test_difference_of_correlations_is_that_of_the_estimates_and_pairs_the_classes():
    rng = np.random.default_rng(7)
    frequency, shared = rng.lognormal(0, 2, 60), rng.normal(size=60)
    rank = np.argsort(np.argsort(frequency)) / 60
    a, b = rank + shared, shared + rng.normal(0, 0.05, 60)
    difference = intervals.bootstrap_spearman_difference(frequency, a, b)
    assert difference.estimate == pytest.approx(spearman(frequency, a) - spearman(frequency, b))
    alone = intervals.bootstrap_spearman(frequency, a)
    assert difference.high - difference.low < 0.7 * (alone.high - alone.low)
    swapped = intervals.bootstrap_spearman_difference(frequency, b, a)
    assert swapped.estimate == pytest.approx(-difference.estimate)
    assert intervals.bootstrap_spearman_difference(frequency, a, a) == Interval(0, 0, 0, 60)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("change", [np.log1p, lambda a: 3 * a])
def test_methods_that_rank_the_classes_alike_do_not_differ(change):
    rng = np.random.default_rng(8)
    frequency, a = rng.lognormal(0, 2, 60), rng.integers(0, 10, 60) / 10
    same = intervals.bootstrap_spearman_difference(frequency, a, change(a))
    assert same == Interval(0, 0, 0, 60)
    opposite = intervals.bootstrap_spearman_difference(frequency, frequency, -frequency)
    assert (opposite.low, opposite.estimate, opposite.high) == pytest.approx((2, 2, 2))


def test_where_nothing_varies_the_interval_is_a_point_or_undefined():
    assert intervals.mean_over_seeds([0.5, 0.5]) == Interval(0.5, 0.5, 0.5, 2)
    perfect = intervals.bootstrap_spearman(np.arange(9), np.arange(9))
    assert (perfect.low, perfect.high) == pytest.approx((1, 1))
    constant = intervals.bootstrap_spearman(np.arange(9), np.ones(9))
    assert np.isnan([constant.estimate, constant.low, constant.high]).all()


def test_a_near_chance_model_still_gets_an_interval():
    accuracy = np.zeros(60)
    accuracy[[3, 50]] = 1.0
    interval = intervals.bootstrap_spearman(np.arange(60), accuracy)
    assert np.isfinite([interval.low, interval.high]).all()
    assert 0 in interval


@pytest.mark.parametrize(
    "call",
    [
        lambda: intervals.mean_over_seeds([1.0, np.nan]),
        lambda: intervals.paired_difference([1.0, 2.0], [1.0, 2.0, 3.0]),
        lambda: intervals.bootstrap_spearman([1, 2, 3, 4], [1, 2, 3]),
        lambda: intervals.bootstrap_spearman([1, 2, 3], [1, 2, 3]),
        lambda: intervals.bootstrap_spearman_difference([1, 2, 3, 4], [1, 2, 3, 4], [1, 2]),
    ],
)
def test_bad_input_is_told_in_a_sentence(call):
    with pytest.raises(CourseError, match=r"\.$"):
        call()
