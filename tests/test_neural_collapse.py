"""Neural collapse against its definitions, written out, and where its value is known."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lt_course.errors import CourseError
from lt_course.evaluation.neural_collapse import class_means, mean_cosine, nc1, nc2


def sample(classes: int, dimension: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Features of classes of different sizes, in no order."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), generator.integers(2, 9, size=classes))
    generator.shuffle(labels)
    centres = generator.normal(size=(classes, dimension))
    features = centres[labels] + 0.5 * generator.normal(size=(len(labels), dimension))
    return torch.tensor(features), torch.tensor(labels)


def simplex(classes: int, dimension: int, seed: int = 0) -> Tensor:
    """A simplex equiangular tight frame, rotated at random: float64 [C, D]."""
    corners = np.eye(classes) - 1 / classes
    generator = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(generator.normal(size=(dimension, classes)))
    return torch.tensor(corners @ basis.T)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


SHAPES = pytest.mark.parametrize(("classes", "dimension"), [(2, 3), (4, 9), (7, 3), (12, 5)])


@SHAPES
def test_class_means_are_means(classes: int, dimension: int) -> None:
    features, labels = sample(classes, dimension)
    means = class_means(features, labels, classes)
    for c in range(classes):
        torch.testing.assert_close(means[c], features[labels == c].mean(0))
    assert means.dtype == torch.float64


@SHAPES
@pytest.mark.parametrize("seed", range(3))
def test_nc1_is_the_mean_over_classes_of_the_papers(
    classes: int, dimension: int, seed: int
) -> None:
    features, labels = sample(classes, dimension, seed)
    h, y = features.numpy(), labels.numpy()
    mu = [np.mean([h[i] for i in range(len(h)) if y[i] == c], axis=0) for c in range(classes)]
    centre = sum(mu) / classes
    between = sum(np.outer(m - centre, m - centre) for m in mu) / classes
    inverse = np.linalg.pinv(between, hermitian=True)
    per_class = []
    for c in range(classes):
        deviations = [h[i] - mu[c] for i in range(len(h)) if y[i] == c]
        within = sum(np.outer(d, d) for d in deviations) / len(h)
        per_class.append(np.trace(within @ inverse))
    assert nc1(features, labels, classes) == pytest.approx(np.mean(per_class), rel=1e-6)


@SHAPES
@pytest.mark.parametrize("centred", [True, False])
def test_nc2_is_a_mean_over_pairs(classes: int, dimension: int, centred: bool) -> None:
    vectors = torch.tensor(np.random.default_rng(classes).normal(size=(classes, dimension)))
    v = vectors.numpy() - (vectors.numpy().mean(0) if centred else 0)
    apart = [
        abs(cosine(v[a], v[b]) + 1 / (classes - 1))
        for a in range(classes)
        for b in range(classes)
        if a != b
    ]
    assert nc2(vectors, centre=centred) == pytest.approx(np.mean(apart))


@SHAPES
def test_mean_cosine_is_a_mean_over_pairs(classes: int, dimension: int) -> None:
    vectors = torch.tensor(np.random.default_rng(classes).normal(size=(classes, dimension)))
    v = vectors.numpy()
    pairs = [cosine(v[a], v[b]) for a in range(classes) for b in range(a)]
    assert mean_cosine(vectors) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize(("classes", "dimension"), [(2, 2), (5, 5), (5, 16), (60, 128)])
def test_a_simplex_has_nc2_zero_wherever_its_centre_is(classes: int, dimension: int) -> None:
    frame = simplex(classes, dimension)
    assert nc2(frame) == pytest.approx(0, abs=1e-9)
    assert nc2(frame, centre=False) == pytest.approx(0, abs=1e-9)
    moved = 3 * frame + torch.randn(dimension, generator=torch.Generator().manual_seed(0))
    assert nc2(moved) == pytest.approx(0, abs=1e-9)
    assert nc2(moved, centre=False) > 0.01
    assert mean_cosine(frame) == pytest.approx(-1 / (classes - 1))


def test_known_angles() -> None:
    assert nc2(torch.eye(4), centre=False) == pytest.approx(1 / 3)
    assert nc2(torch.ones(4, 3), centre=False) == pytest.approx(4 / 3)
    assert mean_cosine(torch.eye(4)) == pytest.approx(0, abs=1e-12)
    assert mean_cosine(torch.tensor([[1.0, 2.0], [2.0, 4.0], [0.5, 1.0]])) == pytest.approx(1)


def test_collapsed_features_have_nc1_zero_and_their_scale_does_not_matter() -> None:
    _, labels = sample(5, 8)
    collapsed = simplex(5, 8)[labels]
    assert nc1(collapsed, labels, 5) == pytest.approx(0, abs=1e-12)
    features, labels = sample(5, 8)
    shifted = 7 * features + torch.arange(8.0, dtype=torch.float64)
    assert nc1(shifted, labels, 5) == pytest.approx(nc1(features, labels, 5))


def test_nc1_grows_with_the_variance_within_classes() -> None:
    features, labels = sample(5, 8)
    means = class_means(features, labels, 5)
    wider = means[labels] + 3 * (features - means[labels])
    assert nc1(wider, labels, 5) == pytest.approx(9 * nc1(features, labels, 5))


def test_nc1_of_two_classes_on_a_line() -> None:
    """Class means at ±1, deviations of ±1/2: within 1/4, between 1."""
    features = torch.tensor([[0.5], [1.5], [-0.5], [-1.5]])
    labels = torch.tensor([0, 0, 1, 1])
    assert nc1(features, labels, 2) == pytest.approx(0.25 / 2)


def test_only_directions_between_classes_count() -> None:
    """What varies across the means' span alone leaves NC1 as it is."""
    features, labels = sample(3, 2)
    beside = torch.randn(len(labels), 1, generator=torch.Generator().manual_seed(1)).double()
    for c in range(3):
        beside[labels == c] -= beside[labels == c].mean(0)
    wide = torch.cat([features, beside], dim=1)
    assert nc1(wide, labels, 3) == pytest.approx(nc1(features, labels, 3))


def test_single_precision_is_summed_in_double() -> None:
    features, labels = sample(7, 5)
    assert nc1(features.float(), labels, 7) == pytest.approx(nc1(features, labels, 7), rel=1e-4)
    assert nc2(features[:7].float()) == pytest.approx(nc2(features[:7]), rel=1e-4)


def test_a_class_without_features_is_named() -> None:
    for measure in (class_means, nc1):
        with pytest.raises(CourseError, match="Class 1 has no features"):
            measure(torch.eye(3), torch.tensor([0, 2, 2]), 4)


def test_coinciding_means_are_told() -> None:
    features = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    with pytest.raises(CourseError, match="coincide"):
        nc1(features, torch.tensor([0, 0, 1, 1]), 2)


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_vectors_have_no_cosine(rows: int) -> None:
    assert np.isnan(mean_cosine(torch.ones(rows, 3)))
