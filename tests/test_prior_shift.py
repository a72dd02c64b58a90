"""The theory of vocabularies against enumeration, and against the optimum of its loss."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy import optimize

from lt_course.errors import CourseError
from lt_course.lessons.prior_shift import (
    agreement,
    inclusion,
    inclusion_in_batch,
    remaining,
    residual_prior,
    shift,
)
from lt_course.objectives.classify import SupervisedConfig

FREQUENCY = np.array([50, 20, 15, 10, 5])
PRIOR = FREQUENCY / FREQUENCY.sum()
C = len(PRIOR)


def enumerated(weights: np.ndarray, size: int, micro_batch: int) -> np.ndarray:
    """P(c in A | y is not c) by summing over all labels and all orders of drawing."""

    def drawn(present: frozenset[int]) -> np.ndarray:
        """P(c in A) given the classes present, by recursion over the draws."""
        left = [c for c in range(C) if c not in present and weights[c] > 0]
        if len(present) >= size or not left:
            return np.array([float(c in present) for c in range(C)])
        total = sum(weights[c] for c in left)
        return sum(weights[c] / total * drawn(present | {c}) for c in left)

    inside, asked = np.zeros(C), np.zeros(C)
    for labels in product(range(C), repeat=micro_batch):
        chance, contained = PRIOR[list(labels)].prod(), drawn(frozenset(labels))
        others = np.arange(C) != labels[0]
        inside += chance * contained * others
        asked += chance * others
    return inside / asked


@pytest.mark.parametrize("sampling", ["frequency", "sqrt", "uniform"])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_inclusion_equals_enumeration(sampling, size):
    weights = {"frequency": FREQUENCY, "sqrt": FREQUENCY**0.5, "uniform": np.ones(C)}[sampling]
    options = SupervisedConfig(vocabulary=size, sampling=sampling, vocabulary_group=2)
    simulated = inclusion(FREQUENCY, options, draws=100_000)
    assert simulated == pytest.approx(enumerated(weights, size, 2), abs=0.006)


def test_in_batch_inclusion_equals_enumeration():
    exact = inclusion(FREQUENCY, SupervisedConfig(sampling="in-batch", vocabulary_group=4))
    assert exact == pytest.approx(enumerated(np.zeros(C), 0, 4), rel=1e-12)
    assert exact == pytest.approx(inclusion_in_batch(PRIOR, 4))


def test_a_full_vocabulary_includes_every_class():
    assert (inclusion(FREQUENCY, SupervisedConfig()) == 1).all()
    assert (inclusion(FREQUENCY, SupervisedConfig(vocabulary=C)) == 1).all()
    assert remaining(FREQUENCY, np.ones(C)) == pytest.approx(1)


def test_uniform_draws_for_single_pictures_adjust_nothing():
    """With micro-batches of one, every other class has the same chance, (V - 1) / (C - 1)."""
    options = SupervisedConfig(vocabulary=3, sampling="uniform", vocabulary_group=1)
    simulated = inclusion(FREQUENCY, options, draws=100_000)
    assert simulated == pytest.approx(np.full(C, 0.5), abs=0.01)
    assert remaining(FREQUENCY, simulated) == pytest.approx(1, abs=0.02)


def test_two_pictures_adjust_completely():
    included = inclusion_in_batch(PRIOR, 2)
    assert included == pytest.approx(PRIOR)
    assert residual_prior(FREQUENCY, included) == pytest.approx(np.zeros(C), abs=1e-12)
    assert remaining(FREQUENCY, included) == pytest.approx(0, abs=1e-12)


def test_larger_vocabularies_leave_more_of_the_prior():
    steep = np.sort(np.random.default_rng(0).lognormal(2, 1.5, size=40).astype(int) + 1)
    for sampling in ("frequency", "sqrt", "uniform"):
        left = [
            remaining(
                steep,
                inclusion(steep, SupervisedConfig(v, sampling, vocabulary_group=8), draws=4_000),
            )
            for v in (10, 20, 30, 40)
        ]
        assert left == sorted(left)
        assert left[-1] == pytest.approx(1)


def test_classes_of_equal_frequency_share_their_inclusion():
    counts = np.array([30, 5, 5, 1, 1, 1])
    included = inclusion(counts, SupervisedConfig(vocabulary=4, vocabulary_group=2), draws=500)
    assert included[1] == included[2]
    assert len(set(included[3:])) == 1


def test_the_optimum_is_exact_where_classes_are_included_independently():
    """The population loss, written out over all vocabularies and minimised by scipy."""
    posterior, included = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.9, 0.5, 0.3, 0.2])
    vocabularies = np.array(list(product([False, True], repeat=4)))
    weight = np.zeros((4, len(vocabularies)))  # P(y, A)
    for y in range(4):
        chance = np.where(vocabularies, included, 1 - included)
        chance[:, y] = vocabularies[:, y]
        weight[y] = posterior[y] * chance.prod(1)

    def loss(free):
        f = np.append(free, 0.0)
        log_sum = np.log((np.exp(f) * vocabularies).sum(1), where=vocabularies.any(1),
                         out=np.zeros(len(vocabularies)))  # fmt: skip
        return (weight * (log_sum - f[:, None])).sum()

    found = np.append(optimize.minimize(loss, np.zeros(3), tol=1e-12).x, 0.0)
    predicted = np.log(posterior) - np.log(included)
    assert found - found.mean() == pytest.approx(predicted - predicted.mean(), abs=1e-4)


def test_which_concept_has_which_frequency_changes_nothing():
    options, moved = SupervisedConfig(vocabulary=3, vocabulary_group=2), np.array([2, 0, 4, 1, 3])
    assert (inclusion(FREQUENCY, options)[moved] == inclusion(FREQUENCY[moved], options)).all()


def test_agreement():
    predicted = np.array([-1.0, 0.0, 1.0])
    exact = agreement(predicted + 5, predicted)
    assert (exact.slope, exact.r2, exact.r2_as_predicted) == pytest.approx((1, 1, 1))
    quarter = agreement(predicted / 4, predicted)
    assert (quarter.slope, quarter.r2) == pytest.approx((0.25, 1))
    assert quarter.r2_as_predicted == pytest.approx(1 - 9)
    noisy = np.random.default_rng(0).normal(size=(2, 50))
    found = agreement(*noisy)
    assert found.slope == pytest.approx(np.polyfit(noisy[1], noisy[0], 1)[0])
    assert found.r2 == pytest.approx(np.corrcoef(noisy)[0, 1] ** 2)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: shift([0.5, 0.0]), "Class 1 has probability 0"),
        (lambda: residual_prior([3, 0], [1, 1]), "Class 1 has probability 0"),
        (lambda: inclusion([0, 0], SupervisedConfig()), "one of them must be positive"),
        (lambda: remaining([3, 3], [1, 1]), "equally frequent"),
        (lambda: agreement([1, 2], [1, 2, 3]), r"shapes \(2,\) and \(3,\)"),
    ],
)
def test_what_has_no_answer_is_refused(call, sentence):
    with pytest.raises(CourseError, match=sentence):
        call()


def test_inclusion_does_not_touch_the_global_randomness():
    before = torch.get_rng_state()
    inclusion(FREQUENCY, SupervisedConfig(vocabulary=3, vocabulary_group=2), draws=10)
    assert torch.equal(before, torch.get_rng_state())
