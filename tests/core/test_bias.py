"""Bias metrics against closed forms, independent references and their own laws."""

import numpy as np
import pytest
from scipy import stats

from lt_course.errors import CourseError
from lt_course.evaluation import bias
from lt_course.statistics import gini

RNG = np.random.default_rng(0)


def confusion(labels, predictions, classes):
    """The textbook way: fill the matrix picture by picture."""
    matrix = np.zeros((classes, classes), dtype=int)
    for truth, guess in zip(labels, predictions, strict=True):
        matrix[truth, guess] += 1
    return matrix


def test_per_class_equals_the_confusion_matrix():
    labels, predictions = RNG.integers(0, 7, 400), RNG.integers(0, 7, 400)
    matrix = confusion(labels, predictions, 7)
    accuracy, predicted = bias.per_class(labels, predictions, 7)
    np.testing.assert_allclose(accuracy, np.diag(matrix) / matrix.sum(1))
    np.testing.assert_array_equal(predicted, matrix.sum(0))


def test_a_class_without_test_pictures_has_no_accuracy_but_may_be_predicted():
    accuracy, predicted = bias.per_class([0, 0, 1], [0, 2, 2], 4)
    np.testing.assert_array_equal(accuracy, [0.5, 0.0, np.nan, np.nan])
    np.testing.assert_array_equal(predicted, [1, 0, 2, 0])


@pytest.mark.parametrize("seed", range(20))
def test_predictions_sum_to_pictures_and_accuracy_weighs_to_the_total(seed):
    rng = np.random.default_rng(seed)
    labels, predictions = rng.integers(0, 9, 200), rng.integers(0, 9, 200)
    accuracy, predicted = bias.per_class(labels, predictions, 9)
    assert predicted.sum() == 200
    shown = np.bincount(labels, minlength=9)
    assert np.nansum(accuracy * shown) == pytest.approx((labels == predictions).sum())


@pytest.mark.parametrize("seed", range(20))
def test_correlations_equal_scipy_and_numpy(seed):
    rng = np.random.default_rng(seed)
    frequency, value = rng.zipf(1.5, 80).astype(float), rng.integers(0, 20, 80) / 20
    assert bias.spearman(frequency, value) == pytest.approx(
        stats.spearmanr(frequency, value).statistic
    )
    assert bias.pearson(frequency, value) == pytest.approx(np.corrcoef(frequency, value)[0, 1])


def test_spearman_without_ties_equals_its_closed_form():
    x, y = RNG.permutation(50), RNG.permutation(50)
    closed = 1 - 6 * ((x - y) ** 2).sum() / (50 * (50**2 - 1))
    assert bias.spearman(x, y) == pytest.approx(closed)


def test_spearman_ties_share_their_mean_rank():
    # Ranks 1.5 1.5 3.5 3.5 against 1 2 3 4: 4 / sqrt(4 * 5).
    assert bias.spearman([1, 1, 2, 2], [1, 2, 3, 4]) == pytest.approx(4 / np.sqrt(20))


@pytest.mark.parametrize("change", [np.log, np.sqrt, np.exp, lambda v: v**3])
def test_spearman_ignores_monotone_transforms_and_pearson_does_not(change):
    frequency = RNG.permutation(np.linspace(1, 30, 40))
    value = frequency + RNG.normal(0, 5, 40)
    assert bias.spearman(change(frequency), value) == pytest.approx(
        bias.spearman(frequency, value), abs=1e-12
    )
    assert bias.pearson(change(frequency), value) != pytest.approx(
        bias.pearson(frequency, value), abs=1e-3
    )


def test_correlations_are_symmetric_change_sign_and_forget_the_order_of_classes():
    frequency, value = RNG.lognormal(size=60), RNG.random(60)
    order = RNG.permutation(60)
    for correlation in (bias.spearman, bias.pearson):
        rho = correlation(frequency, value)
        assert correlation(value, frequency) == pytest.approx(rho)
        assert correlation(frequency, -value) == pytest.approx(-rho)
        assert correlation(frequency[order], value[order]) == pytest.approx(rho)


@pytest.mark.parametrize("correlation", [bias.spearman, bias.pearson])
def test_nan_classes_are_left_out_and_constants_have_no_correlation(correlation):
    frequency, value = np.array([5.0, 3, 2, 9, 7]), np.array([0.9, np.nan, 0.2, 0.4, 0.5])
    kept = [0, 2, 3, 4]
    assert correlation(frequency, value) == pytest.approx(correlation(frequency[kept], value[kept]))
    assert np.isnan(correlation([1, 2, 3], [4, 4, 4]))
    assert np.isnan(correlation([4, 4, 4], [1, 2, 3]))
    assert np.isnan(correlation([1.0, 2.0], [np.nan, 1.0]))


@pytest.mark.parametrize("classes", [3, 4, 5, 60, 100, 1000])
def test_thirds_partition_all_classes_in_order_of_frequency(classes):
    frequency = np.random.default_rng(classes).zipf(1.3, classes).astype(float)
    group = bias.third_of(frequency)
    sizes = np.bincount(group, minlength=3)
    assert sizes.sum() == classes
    assert sizes.max() - sizes.min() <= 1
    assert sorted(sizes, reverse=True) == list(sizes)
    assert frequency[group == 0].min() >= frequency[group == 1].max()
    assert frequency[group == 1].min() >= frequency[group == 2].max()


def test_thirds_break_ties_by_class_id():
    np.testing.assert_array_equal(bias.third_of([5, 5, 5, 5, 5, 5]), [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(bias.third_of([1, 5, 5, 5, 5, 9]), [2, 0, 1, 1, 2, 0])


def test_thirds_mean_skips_nan_but_nan_classes_keep_their_place():
    parts = bias.thirds([9, 8, 7, 6, 5, 4], [1.0, np.nan, 0.5, 0.3, np.nan, np.nan])
    assert parts["head"] == 1.0
    assert parts["mid"] == pytest.approx(0.4)
    assert np.isnan(parts["tail"])


def test_many_medium_few_limits_belong_to_medium():
    parts = bias.many_medium_few([101, 100, 20, 19], [1.0, 0.5, 0.7, 0.1])
    assert parts == {"many": 1.0, "medium": pytest.approx(0.6), "few": 0.1}
    assert np.isnan(bias.many_medium_few([200, 300], [1.0, 0.5])["few"])


def test_bin_means_of_classes_and_of_one_bin():
    frequency, value = RNG.permutation(np.arange(1.0, 31)), RNG.random(30)
    order = np.argsort(frequency)
    counts, means = bias.bin_means(frequency, value, 30)
    np.testing.assert_array_equal(counts, frequency[order])
    np.testing.assert_array_equal(means, value[order])
    np.testing.assert_allclose(bias.bin_means(frequency, value, 1)[1], [value.mean()])
    three = bias.bin_means(frequency, value, 3)[1]
    parts = bias.thirds(frequency, value)
    np.testing.assert_allclose(three, [parts["tail"], parts["mid"], parts["head"]])


def test_false_alarms_are_the_off_diagonal_column_sums():
    labels = np.repeat(np.arange(6), 15)
    predictions = RNG.integers(0, 6, 90)
    matrix = confusion(labels, predictions, 6)
    alarms = bias.false_alarms(*bias.per_class(labels, predictions, 6))
    np.testing.assert_allclose(alarms, matrix.sum(0) - np.diag(matrix))


def test_thinning_keeps_all_or_draws_without_bias_and_with_the_right_variance():
    accuracy = np.array([0.0, 0.25, 0.5, 1.0])
    np.testing.assert_array_equal(bias.thin(accuracy, 20, 20, seed=0), accuracy)
    drawn = np.stack([bias.thin(accuracy, 20, 5, seed) for seed in range(4000)])
    np.testing.assert_allclose(drawn.mean(0), accuracy, atol=0.015)
    expected = accuracy * (1 - accuracy) / 5 * (20 - 5) / (20 - 1)
    np.testing.assert_allclose(drawn.var(0), expected, atol=0.004)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_gini_closed_forms(classes):
    assert gini(np.full(classes, 7.0)) == pytest.approx(0, abs=1e-12)
    assert gini(np.eye(classes)[classes // 2]) == pytest.approx(1 - 1 / classes)
    assert gini(np.arange(1, classes + 1)) == pytest.approx((classes - 1) / (3 * classes))


@pytest.mark.parametrize("seed", range(10))
def test_gini_equals_its_definition_and_ignores_scale_and_order(seed):
    rng = np.random.default_rng(seed)
    counts = rng.lognormal(0, 2, 50)
    definition = np.abs(counts[:, None] - counts).mean() / (2 * counts.mean())
    assert gini(counts) == pytest.approx(definition)
    assert gini(rng.permutation(3 * counts)) == pytest.approx(definition)


def test_bias_report_of_a_model_that_only_knows_the_head():
    frequency = np.array([100, 60, 30, 10, 5, 1])
    labels = np.repeat(np.arange(6), 10)
    predictions = np.where(labels < 2, labels, 0)
    report = bias.bias_report(frequency, labels, predictions)
    accuracy, predicted = bias.per_class(labels, predictions, 6)
    assert set(report) == {
        "accuracy",
        "accuracy_head",
        "accuracy_mid",
        "accuracy_tail",
        "spearman_accuracy",
        "spearman_predictions",
        "pearson_accuracy",
        "pearson_predictions",
    }
    assert report["accuracy"] == pytest.approx(1 / 3)
    assert (report["accuracy_head"], report["accuracy_mid"], report["accuracy_tail"]) == (
        1,
        0,
        0,
    )
    assert report["spearman_accuracy"] == bias.spearman(frequency, accuracy)
    assert report["spearman_predictions"] == bias.spearman(frequency, predicted)
    assert report["pearson_predictions"] == bias.pearson(frequency, predicted)


def test_an_unbiased_perfect_model_has_no_correlation_at_all():
    labels = np.repeat(np.arange(6), 10)
    report = bias.bias_report([6, 5, 4, 3, 2, 1], labels, labels)
    assert report["accuracy"] == 1
    assert np.isnan(report["spearman_accuracy"])
    assert np.isnan(report["spearman_predictions"])


@pytest.mark.parametrize(
    "call",
    [
        lambda: bias.per_class([0, 1], [0], 2),
        lambda: bias.per_class([0, 2], [0, 1], 2),
        lambda: bias.per_class([0, -1], [0, 1], 2),
        lambda: bias.per_class([0.5, 1.0], [0, 1], 2),
        lambda: bias.spearman([1, 2], [1, 2, 3]),
        lambda: bias.thirds([1, 2, 3], [1, 2]),
        lambda: bias.third_of([1, np.nan]),
        lambda: bias.many_medium_few([1, 2], [1, 2], many=5, few=9),
        lambda: bias.bin_means([1, 2], [1, 2], bins=3),
        lambda: bias.false_alarms([0.5], [1, 2]),
        lambda: bias.thin([0.5], tests=20, pictures=21, seed=0),
        lambda: gini([0, 0]),
        lambda: gini([1, -1]),
        lambda: gini([]),
        lambda: bias.bias_report([1, 2], [], []),
    ],
)
def test_bad_input_is_told_in_a_sentence(call):
    with pytest.raises(CourseError, match=r"\.$"):
        call()
