"""Classification: vocabularies by their law, and each remedy against its formula."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.errors import CourseError
from lt_course.models.heads import Prototypes
from lt_course.objectives.classify import Supervised, SupervisedConfig, vocabulary_mask

FREQUENCY = torch.tensor([40, 20, 10, 5, 2, 1, 0])
C, D, B = len(FREQUENCY), 5, 12


def features_and_labels(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    features = F.normalize(torch.randn(B, D, generator=generator), dim=1)
    return features, torch.randint(0, C - 1, (B,), generator=generator)


def classification(**options) -> Supervised:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = Prototypes(C, D, normalized=options.get("tau") is None)
        return Supervised(SupervisedConfig(**options), nn.Identity(), head, FREQUENCY)


def loss(model: Supervised, seed: int = 1) -> Tensor:
    features, labels = features_and_labels()
    batch = Batch(torch.empty(B, 0), labels)
    return model.loss((features,), batch, torch.Generator().manual_seed(seed))[0]


def test_full_vocabulary_is_cross_entropy_of_scaled_cosines() -> None:
    model = classification()
    features, labels = features_and_labels()
    cosines = F.cosine_similarity(features[:, None], model.head.weight[None], dim=2)
    expected = F.cross_entropy(cosines / 0.07, labels)
    torch.testing.assert_close(loss(model), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sampling", ["frequency", "sqrt", "uniform"])
def test_a_vocabulary_of_all_classes_changes_nothing(sampling: str) -> None:
    model = classification(vocabulary=C, sampling=sampling, vocabulary_group=4)
    assert torch.equal(loss(model), loss(classification()))


def test_each_micro_batch_is_told_apart_within_its_own_vocabulary() -> None:
    model = classification(sampling="in-batch", vocabulary_group=4)
    features, labels = features_and_labels()
    parts = []
    for start in range(0, B, 4):
        present = labels[start : start + 4].unique()
        logits = model.head(features[start : start + 4])[:, present]
        target = torch.searchsorted(present, labels[start : start + 4])
        parts.append(F.cross_entropy(logits, target, reduction="none"))
    torch.testing.assert_close(loss(model), torch.cat(parts).mean())


def test_classes_outside_the_vocabulary_get_no_gradient() -> None:
    model = classification(sampling="in-batch", vocabulary_group=B)
    loss(model).backward()
    present = features_and_labels()[1].unique()
    absent = torch.ones(C, dtype=torch.bool).index_fill(0, present, False)
    assert model.head.weight.grad is not None
    assert torch.equal(model.head.weight.grad[absent], torch.zeros(int(absent.sum()), D))
    assert (model.head.weight.grad[~absent] != 0).any(dim=1).all()


def test_the_vocabulary_holds_what_is_present_and_has_its_size() -> None:
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(0, 50, (200, 8), generator=generator)
    weights = torch.rand(50, generator=generator)
    for size in (1, 8, 20, 50):
        mask = vocabulary_mask(labels, size, weights, generator)
        present = torch.zeros_like(mask).scatter(1, labels, True)
        assert (mask | ~present).all()
        assert torch.equal(mask.sum(1), present.sum(1).clamp(min=size))


def test_zero_weight_is_never_drawn() -> None:
    labels = torch.zeros(500, 4, dtype=torch.long)
    mask = vocabulary_mask(labels, C, FREQUENCY.float(), torch.Generator().manual_seed(0))
    assert not mask[:, 6].any()
    assert mask[:, :6].all()


def test_classes_are_drawn_as_by_successive_draws_without_replacement() -> None:
    """Chi-squared test against the exact law: draw 2 of 4 classes beside one that is present."""
    weights = np.array([8.0, 4.0, 2.0, 1.0])
    exact: Counter[frozenset[int]] = Counter()
    for a, b in permutations(range(4), 2):
        rest = weights.sum() - weights[a]
        exact[frozenset((a, b))] += weights[a] / weights.sum() * weights[b] / rest
    draws = 20_000
    labels = torch.full((draws, 1), 4)
    all_weights = torch.tensor([*weights, 1.0])
    mask = vocabulary_mask(labels, 3, all_weights, torch.Generator().manual_seed(0))
    drawn = Counter(frozenset(row.nonzero().flatten().tolist()) for row in mask[:, :4])
    observed = [drawn[pair] for pair in exact]
    assert sum(observed) == draws
    assert stats.chisquare(observed, [draws * exact[pair] for pair in exact]).pvalue > 1e-3


def test_the_realised_size_is_reported() -> None:
    model = classification(vocabulary=5, vocabulary_group=B)
    features, labels = features_and_labels()
    report = model.loss((features,), Batch(torch.empty(B, 0), labels), torch.Generator())[1]
    assert report["vocabulary"].item() == max(5, len(labels.unique()))


def test_balanced_softmax_is_the_formula_of_ren_et_al() -> None:
    model = classification(adjustment="balanced-softmax")
    features, labels = features_and_labels()
    exponentials = FREQUENCY.clamp(min=1) * model.head(features).exp()
    expected = -(exponentials[torch.arange(B), labels] / exponentials.sum(1)).log().mean()
    torch.testing.assert_close(loss(model), expected, rtol=1e-5, atol=1e-5)


def test_weighted_cross_entropy_weighs_classes_equally_in_expectation() -> None:
    model = classification(adjustment="weighted")
    features, labels = features_and_labels()
    weights = FREQUENCY.sum() / (6 * FREQUENCY.float())
    each = F.cross_entropy(model.head(features), labels, reduction="none")
    torch.testing.assert_close(loss(model), (weights[labels] * each).mean())
    present = FREQUENCY > 0
    assert (weights * FREQUENCY)[present].sum() == pytest.approx(FREQUENCY.sum().item())


def test_logit_adjustment_subtracts_the_log_prior_after_training() -> None:
    model = classification(adjustment="logit-adjustment", strength=0.5)
    assert torch.equal(loss(model), loss(classification()))
    features, _ = features_and_labels()
    prior = (FREQUENCY.clamp(min=1) / FREQUENCY.sum()).log()
    torch.testing.assert_close(model.scores(features), model.head(features) - 0.5 * prior)


def test_tau_one_is_the_cosine_head_and_tau_zero_the_linear_one() -> None:
    features, _ = features_and_labels()
    linear, cosine = classification(tau=0.0), classification(tau=1.0)
    torch.testing.assert_close(
        linear.scores(features), linear.head.temperature(features @ linear.head.weight.T)
    )
    torch.testing.assert_close(
        cosine.scores(features),
        cosine.head.temperature(features @ F.normalize(cosine.head.weight, dim=1).T),
    )


def sigmoid_loss_of(model: Supervised, allowed: Tensor) -> Tensor:
    """Picture by picture, class by class: minus the log likelihood of the "yes" and each "no"."""
    features, labels = features_and_labels()
    logits = (model.head(features) + model.bias).double()
    total = torch.zeros((), dtype=torch.double)
    for picture in range(B):
        for c in range(C):
            if allowed[picture, c]:
                chance = 1 / (1 + torch.exp(-logits[picture, c]))
                total = total - torch.log(chance if c == labels[picture] else 1 - chance)
    return (total / B).float()


def test_sigmoid_loss_over_all_classes() -> None:
    model = classification(loss="sigmoid")
    everything = torch.ones(B, C, dtype=torch.bool)
    torch.testing.assert_close(loss(model), sigmoid_loss_of(model, everything))


@pytest.mark.parametrize("sampling", ["sqrt", "frequency", "uniform", "in-batch"])
@pytest.mark.parametrize("seed", range(3))
def test_sigmoid_loss_sees_the_vocabulary_alone(sampling: str, seed: int) -> None:
    m, V = 4, 5
    size = None if sampling == "in-batch" else V
    model = classification(loss="sigmoid", vocabulary=size, sampling=sampling, vocabulary_group=m)
    _, labels = features_and_labels()
    weights = {
        "sqrt": FREQUENCY.sqrt(), "frequency": FREQUENCY.float(), "uniform": torch.ones(C),
        "in-batch": torch.zeros(C),
    }[sampling]  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    drawn = vocabulary_mask(labels.view(-1, m), size or 0, weights, generator)
    allowed = torch.stack([drawn[picture // m] for picture in range(B)])
    assert not allowed.all()
    torch.testing.assert_close(loss(model, seed), sigmoid_loss_of(model, allowed))


def test_sigmoids_of_classes_outside_the_vocabulary_get_no_gradient() -> None:
    model = classification(loss="sigmoid", sampling="in-batch", vocabulary_group=B)
    loss(model).backward()
    present = torch.zeros(C, dtype=torch.bool).index_fill(0, features_and_labels()[1], True)
    assert not present.all()
    gradient = model.head.weight.grad
    assert gradient is not None
    assert (gradient[~present] == 0).all()
    assert (gradient[present] != 0).any(dim=1).all()


def test_sigmoids_start_from_one_class_in_c_and_learn_their_bias() -> None:
    model = classification(loss="sigmoid")
    assert torch.sigmoid(model.bias).item() == pytest.approx(1 / (C + 1))
    loss(model).backward()
    assert model.bias.grad is not None
    assert model.bias.grad.item() != 0


def test_a_softmax_has_no_bias_to_learn() -> None:
    model = classification()
    loss(model).backward()
    assert not model.bias.requires_grad
    assert model.bias.grad is None


def test_weighted_sigmoids_weigh_pictures_by_their_class() -> None:
    plain, weighted = (
        classification(loss="sigmoid", adjustment=name) for name in ("none", "weighted")
    )
    features, labels = features_and_labels()
    weights = FREQUENCY.sum() / (6 * FREQUENCY.float())
    target = F.one_hot(labels, C).float()
    logits = plain.head(features) + plain.bias
    each = -(target * logits.sigmoid().log() + (1 - target) * (-logits).sigmoid().log()).sum(1)
    torch.testing.assert_close(loss(weighted), (weights[labels] * each).mean())


def test_prototypes_start_where_they_are_told_and_stay_if_frozen() -> None:
    start = torch.randn(C, D, generator=torch.Generator().manual_seed(2))
    for frozen in (False, True):
        head = Prototypes(C, D, start=start, frozen=frozen)
        assert torch.equal(head.weight, start)
        assert head.weight.data_ptr() != start.data_ptr()
        assert head.weight.requires_grad != frozen
        model = Supervised(SupervisedConfig(), nn.Identity(), head, FREQUENCY)
        loss(model).backward()
        assert (head.weight.grad is None) == frozen
        assert head.temperature.log_scale.grad is not None


@pytest.mark.parametrize(
    ("field", "value"), [("vocabulary", 0), ("vocabulary_group", 0), ("tau", 1.5), ("tau", -0.1)]
)
def test_fields_out_of_range_are_named(field: str, value: float) -> None:
    with pytest.raises(CourseError, match=f"'{field}' is {value}"):
        SupervisedConfig(**{field: value})
