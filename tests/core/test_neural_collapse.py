"""Neural collapse against its definitions, written out, and where its value is known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.errors import CourseError
from lt_course.evaluation import neural_collapse
from lt_course.evaluation.neural_collapse import (
    class_means,
    mean_cosine,
    nc1,
    nc1_per_class,
    nc2,
    nc2_per_class,
    per_class,
)


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
    with pytest.raises(CourseError, match="two 'concepts' or more"):
        nc1(features, torch.zeros(4, dtype=torch.int64), 1)


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_vectors_have_no_cosine(rows: int) -> None:
    assert np.isnan(mean_cosine(torch.ones(rows, 3)))


@SHAPES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_recorded_metrics_keep_every_bit(classes: int, dimension: int, dtype: torch.dtype) -> None:
    """Runs were recorded with these operations in this order."""
    features, labels = sample(classes, dimension)
    features = features.to(dtype)
    sums = torch.zeros(classes, dimension, dtype=torch.float64)
    sums.index_add_(0, labels, features.double())
    means = sums / torch.bincount(labels, minlength=classes)[:, None]
    assert class_means(features, labels, classes).equal(means)

    inner = features.double() - means[labels]
    outer = means - means.mean(0)
    within, between = inner.T @ inner / len(features), outer.T @ outer / classes
    trace = (within * torch.linalg.pinv(between, hermitian=True)).sum()
    assert nc1(features, labels, classes) == float(trace / classes)

    apart = ~torch.eye(classes, dtype=torch.bool)
    for vectors in (means, means.to(dtype)):
        for centre in (True, False):
            moved = vectors - vectors.mean(0) if centre else vectors
            rows = F.normalize(moved.double(), dim=1)
            value = (rows @ rows.T + 1 / (classes - 1)).abs()[apart].mean()
            assert nc2(vectors, centre=centre) == float(value)


@SHAPES
@pytest.mark.parametrize("rows", [1, 5, 1_024])
def test_nc1_per_class_is_its_definition(
    classes: int, dimension: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neural_collapse, "ROWS", rows)
    features, labels = sample(classes, dimension, seed=classes)
    h, y = features.numpy(), labels.numpy()
    mu = [np.mean([h[i] for i in range(len(h)) if y[i] == c], axis=0) for c in range(classes)]
    middle = np.mean(mu, axis=0)
    between = sum(np.outer(m - middle, m - middle) for m in mu) / classes
    inverse = np.linalg.pinv(between, hermitian=True)
    expected = []
    for c in range(classes):
        deviations = [h[i] - mu[c] for i in range(len(h)) if y[i] == c]
        within = sum(np.outer(d, d) for d in deviations) / len(h)
        expected.append(np.trace(within @ inverse))
    found = nc1_per_class(features, labels, classes)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    assert float(found.mean()) == pytest.approx(nc1(features, labels, classes), rel=1e-6)


@SHAPES
@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("nearest", [False, True])
def test_nc2_per_class_is_its_definition(
    classes: int, dimension: int, centre: bool, nearest: bool
) -> None:
    features, labels = sample(classes, dimension, seed=classes)
    means = class_means(features, labels, classes)
    v = list((means - means.mean(0) if centre else means).numpy())
    expected = []
    for a in range(classes):
        apart = [abs(cosine(v[a], v[b]) + 1 / (classes - 1)) for b in range(classes) if b != a]
        expected.append(max(apart) if nearest else sum(apart) / len(apart))
    found = nc2_per_class(means, centre=centre, nearest=nearest)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-12)
    if not nearest:
        assert float(found.mean()) == pytest.approx(nc2(means, centre))


def test_the_table_holds_all_metrics() -> None:
    features, labels = sample(6, 9)
    prototypes = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    table = per_class(features, labels, prototypes)
    means = class_means(features, labels, 6)
    expected = {
        "nc1": nc1_per_class(features, labels, 6),
        "nc2_means": nc2_per_class(means),
        "nc2_means_nearest": nc2_per_class(means, nearest=True),
        "nc2_prototypes": nc2_per_class(prototypes, centre=False),
        "nc2_prototypes_nearest": nc2_per_class(prototypes, centre=False, nearest=True),
    }
    assert list(table) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values)
    assert (table["nc2_means_nearest"] >= table["nc2_means"]).all()


def test_a_simplex_is_collapsed_in_every_class() -> None:
    frame = simplex(5, 16)
    labels = torch.arange(5).repeat(3)
    table = per_class(frame[labels], labels, frame)
    np.testing.assert_allclose(table, 0, atol=1e-9)


def test_a_twin_shows_in_its_two_classes_alone() -> None:
    """One class is turned onto another: the nearest-neighbour variant finds both."""
    vectors = torch.eye(6)
    vectors[5] = vectors[4] + 0.1 * vectors[5]
    near = nc2_per_class(vectors, centre=False, nearest=True)
    assert near[:4].max() == pytest.approx(1 / 5)
    assert near[4:].min() > 1


def test_twice_the_features_count_twice_and_a_wider_class_counts_more() -> None:
    features, _ = sample(3, 4)
    block = features[:4]
    stack = torch.cat([block, block + 10, block + 20 * torch.eye(4, dtype=torch.float64)[0]])
    labels = torch.arange(3).repeat_interleave(4)
    even = nc1_per_class(stack, labels, 3)
    torch.testing.assert_close(even, even[:1].expand(3))
    more = torch.cat([stack, stack[labels == 2]])
    uneven = nc1_per_class(more, torch.cat([labels, labels[labels == 2]]), 3)
    torch.testing.assert_close(uneven, even * 12 / 16 * torch.tensor([1, 1, 2]))


def test_what_has_no_value_is_named() -> None:
    features, labels = torch.randn(6, 3), torch.tensor([0, 0, 1, 1, 2, 2])
    with pytest.raises(CourseError, match="Class 3 has no features"):
        nc1_per_class(features, labels, 4)
    with pytest.raises(CourseError, match="Class 2 has one feature, so it has no spread"):
        nc1_per_class(features[:5], labels[:5], 3)
    with pytest.raises(CourseError, match="coincide"):
        nc1_per_class(torch.randn(2, 3).repeat(3, 1), labels, 3)
    spoilt = features.clone()
    spoilt[3, 1] = torch.nan
    with pytest.raises(CourseError, match="A feature of class 1 is not finite"):
        nc1_per_class(spoilt, labels, 3)
    with pytest.raises(CourseError, match="labels from 0 on below their number"):
        nc1_per_class(features, labels, 2)
    with pytest.raises(CourseError, match="two classes or more"):
        nc1_per_class(features, torch.zeros(6, dtype=torch.int64), 1)
    with pytest.raises(CourseError, match="a label for each picture"):
        nc1_per_class(features, labels[:5], 3)


def test_a_vector_without_direction_is_named() -> None:
    with pytest.raises(CourseError, match="class 1 equals the centre"):
        nc2_per_class(torch.tensor([[2.0, 0.0], [1.0, 0.5], [0.0, 1.0]]))
    with pytest.raises(CourseError, match="class 2 equals the centre"):
        nc2_per_class(torch.tensor([[2.0, 0], [1.0, 1], [0.0, 0]]), centre=False)
    with pytest.raises(CourseError, match="class 1 is not finite"):
        nc2_per_class(torch.tensor([[2.0, 0], [torch.inf, 1], [0.0, 1]]))
    with pytest.raises(CourseError, match="two or more"):
        nc2_per_class(torch.ones(1, 3))
