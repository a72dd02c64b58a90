"""Transfer: the fits against independent solutions, the metrics against loops, the sets' sides."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import optimize
from torch import Tensor

from lt_course.data import icontail
from lt_course.data.transfer_sets import (
    Part,
    TransferSet,
    authors,
    digits,
    emoji_groups,
    held_out_concepts,
    on_paper,
    side_of,
)
from lt_course.errors import CourseError
from lt_course.evaluation.linear_probe import (
    PENALTIES,
    FeatureSet,
    eleven_point_precision,
    evaluate,
    fit,
    linear_probe,
    nearest_neighbours,
)


def blobs(number: int, classes: int, dimension: int, seed: int, spread: float = 1.5) -> FeatureSet:
    """Gaussian classes around the same centres whatever the seed; axes of unequal size."""
    centres = np.random.default_rng(7).normal(size=(classes, dimension))
    generator = np.random.default_rng(seed)
    labels = np.arange(number) % classes
    features = centres[labels] + spread * generator.normal(size=(number, dimension))
    features = features * np.geomspace(1, 20, dimension) + 3
    return FeatureSet(torch.tensor(features), torch.tensor(labels))


def several(sample: FeatureSet, classes: int) -> FeatureSet:
    """The same pictures with several labels each, a few not counted."""
    generator = torch.Generator().manual_seed(0)
    labels = F.one_hot(sample.labels, classes) | F.one_hot((sample.labels + 1) % classes, classes)
    left_out = torch.rand(labels.shape, generator=generator) < 0.1
    return FeatureSet(sample.features, labels.masked_fill(left_out, -1))


def objective(sample: FeatureSet, weight: Tensor, bias: Tensor, penalty: float) -> Tensor:
    """The sum of losses, picture by picture, and the penalty."""
    total = penalty / 2 * weight.square().sum()
    for x, y in zip(sample.features, sample.labels, strict=True):
        scores = x @ weight + bias
        if sample.labels.ndim == 1:
            total = total + torch.logsumexp(scores, 0) - scores[y]
        else:
            for score, shown in zip(scores, y, strict=True):
                if shown >= 0:
                    total = total + F.softplus(score if shown == 0 else -score)
    return total


@pytest.mark.parametrize("penalty", [1e-2, 1.0, 1e3])
@pytest.mark.parametrize("kind", ["one label", "several"])
def test_the_gradient_of_the_objective_vanishes(penalty: float, kind: str) -> None:
    sample = blobs(40, 4, 5, seed=0, spread=4)
    sample = sample if kind == "one label" else several(sample, 4)
    found = fit(sample, 4, penalty, tolerance=1e-9)
    weight, bias = found.weight.clone().requires_grad_(), found.bias.clone().requires_grad_()
    loss = objective(sample, weight, bias, penalty)
    loss.backward()
    # Per picture, and per unit of the largest axis; scikit-learn goes on as long as the loss falls.
    assert weight.grad.abs().max() / (40 * 20) < 1e-6
    assert bias.grad.abs().max() / 40 < 1e-6


def test_a_solver_of_another_kind_finds_the_same_classifier() -> None:
    """Newton's method in a trust region, on the objective written down plainly."""
    sample = blobs(60, 3, 4, seed=1, spread=3)
    x, y, penalty = sample.features, sample.labels, 0.5

    def loss(parameters: Tensor) -> Tensor:
        weight, bias = parameters[:12].view(4, 3), parameters[12:]
        return F.cross_entropy(x @ weight + bias, y, reduction="sum") + penalty / 2 * (
            weight.square().sum()
        )

    solved = optimize.minimize(
        lambda p: loss(torch.tensor(p)).item(),
        np.zeros(15),
        jac=lambda p: torch.func.grad(loss)(torch.tensor(p)).numpy(),
        hess=lambda p: torch.func.hessian(loss)(torch.tensor(p)).numpy(),
        method="trust-exact",
        options={"gtol": 1e-8},
    )
    found = fit(sample, 3, penalty, tolerance=1e-10)
    np.testing.assert_allclose(found.weight.numpy(), solved.x[:12].reshape(4, 3), atol=1e-6)
    bias = found.bias.numpy() - found.bias.numpy().mean()
    np.testing.assert_allclose(bias, solved.x[12:] - solved.x[12:].mean(), atol=1e-5)


def test_several_labels_are_as_many_regressions() -> None:
    sample = several(blobs(60, 3, 4, seed=2, spread=3), 3)
    whole = fit(sample, 3, 1.0, tolerance=1e-10)
    for c in range(3):
        alone = fit(
            FeatureSet(sample.features, sample.labels[:, c : c + 1]), 1, 1.0, tolerance=1e-10
        )
        torch.testing.assert_close(whole.weight[:, c], alone.weight[:, 0], rtol=1e-4, atol=1e-6)


def test_the_grid_is_the_papers() -> None:
    assert len(PENALTIES) == 45
    np.testing.assert_allclose(PENALTIES[[0, -1]], [1e-6, 1e5])
    np.testing.assert_allclose(np.diff(np.log10(PENALTIES)), 11 / 44)


def test_the_probe_chooses_on_validation_and_fits_on_both() -> None:
    train, validation, test = (blobs(n, 4, 6, seed=s) for n, s in ((60, 0), (40, 1), (80, 2)))
    grid = np.logspace(-2, 5, 8)
    found = linear_probe(train, validation, test, 4, penalties=grid)
    by_hand = [
        evaluate("top-1", fit(train, 4, p)(validation.features), validation.labels) for p in grid
    ]
    np.testing.assert_allclose(found.validation, by_hand)
    assert found.penalty == max(p for p, v in zip(grid, by_hand, strict=True) if v == max(by_hand))
    last = fit(train + validation, 4, found.penalty)
    torch.testing.assert_close(found.classifier.weight, last.weight, rtol=1e-2, atol=1e-4)
    assert found.score == evaluate("top-1", last(test.features), test.labels)


@pytest.mark.parametrize("labels", [[0, 2], [1], [0, 1, 3]])
def test_classes_without_pictures_are_never_told(labels: list[int]) -> None:
    """Of two labels, too, the penalty is that of softmax over all classes."""
    sample = blobs(40, 4, 5, seed=0)
    kept = torch.isin(sample.labels, torch.tensor(labels))
    sample = FeatureSet(sample.features[kept], sample.labels[kept])
    found = fit(sample, 4, 2.0, tolerance=1e-9)
    assert set(found(sample.features).argmax(1).tolist()) <= set(labels)
    weight, bias = (each[..., labels].requires_grad_() for each in (found.weight, found.bias))
    numbered = torch.tensor([labels.index(y) for y in sample.labels.tolist()])
    objective(FeatureSet(sample.features, numbered), weight, bias, 2.0).backward()
    assert weight.grad.abs().max() / (len(numbered) * 20) < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_informative_features_transfer_and_random_ones_do_not(seed: int) -> None:
    sizes = enumerate((120, 60, 200))
    parts = [blobs(n, 4, 8, seed=10 * seed + s, spread=0.5) for s, n in sizes]
    generator = torch.Generator().manual_seed(seed)
    noise = [
        FeatureSet(torch.randn(part.features.shape, generator=generator), part.labels)
        for part in parts
    ]
    grid = np.logspace(-2, 5, 8)
    scores = [linear_probe(*p, 4, penalties=grid).score for p in (parts, noise)]
    assert scores[0] > 0.7
    assert abs(scores[1] - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 200)
    for sample, (least, most) in zip((parts, noise), ((0.6, 1), (0.1, 0.4)), strict=True):
        votes = nearest_neighbours(sample[0] + sample[1], sample[2].features, 4)
        assert least < evaluate("top-1", votes, sample[2].labels) < most


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_neighbours_vote_by_cosine(batch: int) -> None:
    bank, asked = blobs(30, 3, 4, seed=0), blobs(9, 3, 4, seed=1)
    scores = nearest_neighbours(bank, asked.features, 3, k=5, temperature=0.1, batch=batch)
    for i, x in enumerate(asked.features):
        cosines = [float(x @ b / x.norm() / b.norm()) for b in bank.features]
        nearest = sorted(range(30), key=lambda j: -cosines[j])[:5]
        votes = np.zeros(3)
        for j in nearest:
            votes[bank.labels[j]] += np.exp(cosines[j] / 0.1)
        np.testing.assert_allclose(scores[i], votes / votes.sum())


def test_metrics_by_hand() -> None:
    scores = torch.eye(3)[[0, 0, 0, 1, 2]]
    labels = torch.tensor([0, 0, 0, 1, 1])
    assert evaluate("top-1", scores, labels) == pytest.approx(4 / 5)
    assert evaluate("mean per class", scores, labels) == pytest.approx((1 + 1 / 2) / 2)
    assert eleven_point_precision([3, 2, 1], [1, 1, 0]) == 1
    assert eleven_point_precision([3, 2, 1], [0, 0, 1]) == pytest.approx(1 / 3)
    # Recall .5 at precision 1, recall 1 at precision 2/3.
    assert eleven_point_precision([3, 2, 1], [1, 0, 1]) == pytest.approx((6 + 5 * 2 / 3) / 11)
    # Equal scores are one rank, in whatever order they come.
    assert eleven_point_precision([1, 1, 1], [1, 0, 0]) == pytest.approx(1 / 3)


@pytest.mark.parametrize("seed", range(20))
def test_average_precision_is_vocs(seed: int) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 12, 30)
    shown = generator.integers(0, 2, 30)
    points = []
    for tenth in range(11):
        best = 0.0
        for threshold in set(scores):
            chosen = scores >= threshold
            if 10 * shown[chosen].sum() >= tenth * shown.sum():
                best = max(best, shown[chosen].mean())
        points.append(best)
    assert eleven_point_precision(scores, shown) == pytest.approx(np.mean(points))


def test_difficult_pictures_are_not_counted() -> None:
    scores = torch.tensor([[0.9, 0.0], [0.8, 0.0], [0.1, 0.0]])
    labels = torch.tensor([[-1, 0], [1, 0], [0, 0]])
    assert evaluate("11-point mAP", scores, labels) == 1


def test_bad_input_is_named() -> None:
    good = blobs(20, 4, 3, seed=0)
    with pytest.raises(CourseError, match="from 0 to 2"):
        fit(good, 3, 1.0)
    with pytest.raises(CourseError, match="penalties must be positive"):
        fit(good, 4, 0.0)
    with pytest.raises(CourseError, match="not finite"):
        fit(FeatureSet(good.features / 0, good.labels), 4, 1.0)
    with pytest.raises(CourseError, match="features has shape"):
        fit(FeatureSet(good.features, good.labels[:5]), 4, 1.0)
    with pytest.raises(CourseError, match="k is 21"):
        nearest_neighbours(good, good.features, 4, k=21)
    with pytest.raises(CourseError, match="needs labels of shape"):
        evaluate("11-point mAP", torch.zeros(20, 4), good.labels)
    with pytest.raises(CourseError, match="No picture shows any class"):
        evaluate("11-point mAP", torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int64))


# --- Sets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_groups_stay_whole_and_sides_get_their_share(seed: int) -> None:
    groups = np.random.default_rng(seed).integers(0, 60, 3_000)
    side = side_of(groups, seed)
    for group in range(60):
        assert len(set(side[groups == group])) == 1
    np.testing.assert_allclose(np.bincount(side) / 3_000, [0.5, 0.2, 0.3], atol=0.06)
    assert (side == side_of(groups, seed)).all()


def rows_of(part: Part) -> np.ndarray:
    """Which drawings of IconTail a part holds, as the last of equal ones."""
    row = {picture.tobytes(): i for i, picture in enumerate(icontail.load().pictures)}
    return np.array([row[picture.tobytes()] for picture in part.pictures])


@pytest.mark.parametrize(
    ("make", "apart"),
    [(held_out_concepts, "family"), (authors, "concept"), (emoji_groups, "family")],
)
def test_no_group_and_no_picture_stands_on_two_sides(make, apart: str) -> None:
    data = icontail.load()
    for seed in range(2):
        found: TransferSet = make(data, seed=seed)
        parts = [found.train, found.validation, found.test]
        rows = [rows_of(part) for part in parts]
        groups = [set(getattr(data, apart)[row].tolist()) for row in rows]
        for a, b in ((0, 1), (0, 2), (1, 2)):
            assert not {*rows[a]} & {*rows[b]}
            assert not groups[a] & groups[b]
        for part, row in zip(parts, rows, strict=True):
            assert len({*row}) == len(row)
            assert not any(data.concepts[c].core for c in data.concept[row])
            assert len(set(np.bincount(part.labels, minlength=len(found.classes)))) == 1
            kind = {
                held_out_concepts: lambda i: data.concepts[data.concept[i]].name,
                authors: lambda i: data.families[data.family[i]],
            }.get(make)
            if kind:
                assert [kind(i) for i in row] == [found.classes[y] for y in part.labels]
        again = make(data, seed=seed)
        assert (again.test.pictures == found.test.pictures).all()


def test_too_few_drawings_are_told() -> None:
    with pytest.raises(CourseError, match="which 0 classes have; lower 'counts'"):
        held_out_concepts(icontail.load(), counts=(1_000, 5, 10))


def test_light_on_dark_becomes_ink_on_paper() -> None:
    ink = np.zeros((1, 8, 8))
    ink[0, 2:6, 3:5] = 1
    picture = on_paper(ink)[0]
    assert picture.shape == (32, 32)
    assert picture.dtype == np.uint8
    assert (picture[[0, 1, 30, 31]] == 255).all()
    assert picture[16, 16] == 0
    assert picture[4, 4] == 255


def test_digits_are_split_in_their_order() -> None:
    found = digits()
    assert [len(found.train), len(found.validation), len(found.test)] == [898, 449, 450]
    assert np.bincount(found.test.labels).min() > 30
