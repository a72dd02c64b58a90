"""The observer's confusion matrix against closed forms and against plain simulation."""

import numpy as np
import pytest
from scipy import stats

from lt_course.errors import CourseError
from lt_course.evaluation import bias
from lt_course.lessons.observer import Observer


def test_two_classes_have_a_closed_form():
    # Score difference is normal with variance 2.
    observer = Observer(np.array([1.0, 1.5]), np.array([0.0, 1.0]))
    right = stats.norm.cdf((np.array([1.0 - 1.0, 1.5 + 1.0])) / np.sqrt(2))
    expected = [[right[0], 1 - right[0]], [1 - right[1], right[1]]]
    np.testing.assert_allclose(observer.confusion(), expected, atol=1e-9)


def test_rows_are_probabilities_and_equal_plain_simulation():
    rng = np.random.default_rng(0)
    observer = Observer(rng.normal(2, 1, 12), rng.normal(0, 1, 12))
    matrix = observer.confusion()
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-9)
    score = rng.normal(size=(12, 20_000, 12)) + observer.pull
    for truth in range(12):
        score[truth, :, truth] += observer.visibility[truth]
    counted = np.stack([np.bincount(row.argmax(1), minlength=12) for row in score]) / 20_000
    np.testing.assert_allclose(matrix, counted, atol=0.015)


def test_answers_follow_the_matrix():
    observer = Observer(np.full(3, 1.0), np.array([1.0, 0.5, 0.0]))
    labels, predictions = observer.answers(50_000, seed=1)
    accuracy, predicted = bias.per_class(labels, predictions, 3)
    np.testing.assert_array_equal(np.bincount(labels), 50_000)
    np.testing.assert_allclose(accuracy, np.diag(observer.confusion()), atol=0.01)
    np.testing.assert_allclose(predicted / 50_000, observer.confusion().sum(0), atol=0.02)


def test_without_bias_all_classes_are_alike_and_with_it_the_frequent_win():
    frequency = np.array([100.0, 10.0, 1.0])
    fair = Observer.trained_on(frequency, spread=0.0).confusion()
    np.testing.assert_allclose(np.diag(fair), fair[0, 0])
    biased = Observer.trained_on(frequency, spread=0.0, prior=0.5).confusion()
    assert (np.diff(np.diag(biased)) < 0).all()
    assert (np.diff(biased.sum(0)) < 0).all()


def test_spearmans_of_a_known_truth():
    frequency = 1000 / np.arange(1, 61)
    own = Observer.trained_on(frequency, spread=0.0, knowledge=0.5)
    assert bias.spearman(frequency, np.diag(own.confusion())) == pytest.approx(1)
    # Without a prior, false alarms are spread evenly: both questions get the same answer.
    level = Observer.trained_on(frequency, knowledge=0.5).confusion()
    assert bias.spearman(frequency, level.sum(0)) == pytest.approx(
        bias.spearman(frequency, np.diag(level)), abs=1e-3
    )
    # With one, they follow it exactly, to the head or to the tail.
    for prior, sign in ((0.1, 1), (-0.1, -1)):
        matrix = Observer.trained_on(frequency, prior=prior, knowledge=0.5).confusion()
        alarms = matrix.sum(0) - np.diag(matrix)
        assert bias.spearman(frequency, alarms) == pytest.approx(sign, abs=0.01)


def test_hubs_pull_predictions_away_from_frequency():
    frequency = np.geomspace(1000, 1, 60)
    level = Observer.trained_on(frequency, knowledge=0.5, seed=3).confusion()
    hubs = Observer.trained_on(frequency, knowledge=0.5, hubs=0.5, seed=3).confusion()
    assert bias.spearman(frequency, hubs.sum(0)) < bias.spearman(frequency, level.sum(0)) - 0.1


def test_bad_input_is_told():
    with pytest.raises(CourseError, match="positive"):
        Observer.trained_on([1.0, 0.0])
    with pytest.raises(CourseError, match="one entry per class"):
        Observer(np.ones(2), np.ones(3))
