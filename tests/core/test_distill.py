"""Distillation against the published algorithm in float64, and what keeps it sound."""

import itertools
import math
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from slow import mostly_slow
from torch import Tensor, nn

from lt_course.data.batch import Batch
from lt_course.data.crops import multi_crop
from lt_course.data.order import Order, torch_generator
from lt_course.errors import CourseError
from lt_course.models.heads import Projection, WeightNormPrototypes
from lt_course.objectives.collapse import Assignments, signs_of_collapse
from lt_course.objectives.distill import (
    DINO,
    DINOConfig,
    Timetable,
    draw_prototypes,
    multi_crop_cross_entropy,
    sinkhorn_offset,
)
from lt_course.study.registry import load_extensions
from lt_course.training import checkpoints, loop
from lt_course.training.loop import fit
from lt_course.training.options import Training
from lt_course.web import fused_losses

load_extensions()  # the fused loss

K, D, B = 12, 5, 4
TOTAL = 15
CROSS_ENTROPIES = [multi_crop_cross_entropy, fused_losses.multi_crop_cross_entropy]
EMPTY = Batch(torch.empty(B, 0), torch.zeros(B, dtype=torch.long))


def distillation(tower: nn.Module | None = None, total: int = TOTAL, **settings) -> DINO:
    """A small one, whose teacher differs from its student."""
    small = {"prototypes": K, "bottleneck": D, "hidden": 6, "global_size": 16}
    options = DINOConfig(**(small | settings))
    timetable = Timetable(total, teacher_warmup=4)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DINO(options, tower or nn.Flatten(), 256, timetable)
        for parameter in model.teacher.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
        if model.student.prototypes.gain is not None:
            model.student.prototypes.gain.data.uniform_(0.5, 2)
    return model


def representations(G: int, L: int, seed: int = 0) -> list[Tensor]:
    """Student's of G + L crops, then teacher's of G: float64 [B, D] each."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(2 * G + L, B, D, generator=generator, dtype=torch.double)
    return [*F.normalize(drawn, dim=2)]


def published_targets(logits: np.ndarray, rule: str, centre: np.ndarray, t: float) -> np.ndarray:
    """Caron et al.'s two rules, in the domain of probabilities."""
    if rule == "centering":
        scores = np.exp((logits - centre) / t)
        return scores / scores.sum(1, keepdims=True)
    Q = np.exp(logits / t).T
    Q /= Q.sum()
    for _ in range(3):
        Q /= Q.sum(1, keepdims=True) * len(Q)
        Q /= Q.sum(0, keepdims=True) * Q.shape[1]
    return (Q / Q.sum(0)).T


def published_loss(
    model: DINO, features: list[Tensor], chosen: Tensor, student_t: float, teacher_t: float
) -> Tensor:
    """Pair by pair, picture by picture."""
    G = model.options.global_crops
    student, teacher = features[:-G], features[-G:]

    def logits(network: nn.Module, feature: Tensor) -> Tensor:
        gain = network.prototypes.gain
        rows = F.normalize(network.prototypes.weight, dim=1)
        return (feature @ (rows if gain is None else gain[:, None] * rows).T)[:, chosen]

    seen = torch.cat([logits(model.teacher, feature) for feature in teacher]).detach().numpy()
    centre = model.centre[chosen].numpy()
    q = published_targets(seen, model.options.targets, centre, teacher_t).reshape(G, B, -1)
    terms = []
    for g, v in itertools.product(range(G), range(len(student))):
        if g != v:
            predicted = logits(model.student, student[v]) / student_t
            for b in range(B):
                log_p = predicted[b] - torch.log(torch.exp(predicted[b]).sum())
                terms.append(-(torch.from_numpy(q[g, b]) * log_p).sum())
    return sum(terms) / len(terms)


@pytest.mark.parametrize("rule", ["centering", "sinkhorn"])
@pytest.mark.parametrize("sampled", [None, 7])
@pytest.mark.parametrize("crops", [(2, 0), (2, 3), (1, 2), (3, 1)])
@pytest.mark.parametrize("temperatures", [(0.1, 0.04), (0.3, 0.07)])
@pytest.mark.parametrize("last_layer", ["normalized", "weight-norm"])
@pytest.mark.parametrize("fused", [False, True])
def test_equals_the_published_algorithm(
    rule, sampled, crops, temperatures, last_layer, fused
) -> None:
    """Loss, and the gradients of features, prototypes and gains, in float64."""
    (G, L), (student_t, teacher_t) = crops, temperatures
    model = distillation(
        targets=rule, sampled=sampled, global_crops=G, local_crops=L, last_layer=last_layer,
        student_temperature=student_t, teacher_temperature=teacher_t,
        teacher_temperature_start=teacher_t, fused=fused,
    ).double()  # fmt: skip
    model.centre.copy_(torch.linspace(-0.2, 0.3, K))
    chosen = (
        torch.arange(K) if sampled is None
        else torch.randperm(K, generator=torch_generator(0, 3, "objective"))[:sampled]
    )  # fmt: skip
    learnt = [p for p in model.student.prototypes.parameters() if p.requires_grad]
    found = []
    for ours in (False, True):
        features = [feature.requires_grad_() for feature in representations(G, L)]
        if ours:
            loss, _ = model.loss(tuple(features), EMPTY, torch_generator(0, 3, "objective"))
        else:
            loss = published_loss(model, features, chosen, student_t, teacher_t)
        found.append([loss, *torch.autograd.grad(loss, features[:-G] + learnt, allow_unused=True)])
    for expected, value in zip(*found, strict=True):
        if expected is None:  # the only global crop is no one's other crop
            assert not value.any()
        else:
            torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cross_entropy", CROSS_ENTROPIES)
def test_gradients_by_finite_differences(cross_entropy) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(5, 2, 3), (7, 3), (7,)]
    inputs = [
        torch.randn(s, generator=generator, dtype=torch.double).requires_grad_() for s in shapes
    ]
    targets = torch.randn(2, 2, 7, generator=generator, dtype=torch.double).softmax(2)
    assert torch.autograd.gradcheck(lambda *x: 3 * cross_entropy(*x, targets), inputs)


@pytest.mark.parametrize("cross_entropy", CROSS_ENTROPIES)
def test_single_precision_suffices_for_many_prototypes(cross_entropy) -> None:
    generator = torch.Generator().manual_seed(0)
    features = F.normalize(torch.randn(3, 2, 16, generator=generator), dim=2)
    weight = F.normalize(torch.randn(65_536, 16, generator=generator), dim=1)
    scale = torch.full((65_536,), 10.0)
    targets = (25 * torch.randn(2, 2, 65_536, generator=generator)).softmax(2)
    single = cross_entropy(features, weight, scale, targets)
    double = cross_entropy(*(x.double() for x in (features, weight, scale, targets)))
    assert single.item() == pytest.approx(double.item(), rel=1e-6)


def test_nothing_of_the_size_of_the_logits_waits_for_the_backward_pass() -> None:
    features = torch.randn(10, 8, 4, requires_grad=True)
    weight, scale = torch.randn(1000, 4, requires_grad=True), torch.ones(1000, requires_grad=True)
    targets = torch.rand(2, 8, 1000).softmax(2)
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, id):
        fused_losses.multi_crop_cross_entropy(features, weight, scale, targets)
    assert sum(kept) <= features.numel() + weight.numel() + scale.numel() + 1


def test_sinkhorn_makes_prototypes_equally_popular() -> None:
    logits = 5 * torch.randn(40, 8, generator=torch.Generator().manual_seed(0)).double()
    targets = (logits - sinkhorn_offset(logits, 300)).softmax(1)
    torch.testing.assert_close(targets.sum(0), torch.full((8,), 5.0).double())


def test_sinkhorn_does_not_see_what_all_pictures_prefer() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(40, 8, generator=generator).double()
    preference = 9 * torch.randn(8, generator=generator).double()
    expected = sinkhorn_offset(logits, 3) + preference
    torch.testing.assert_close(sinkhorn_offset(logits + preference, 3), expected)


def test_sinkhorn_is_finite_where_exponentials_are_not() -> None:
    logits = torch.randn(16, 8, generator=torch.Generator().manual_seed(0)) * 1000
    assert logits.exp().isinf().any()
    assert sinkhorn_offset(logits, 3).isfinite().all()


def test_the_centre_is_a_running_mean_and_moves_after_use() -> None:
    model = distillation(local_crops=1, sampled=7, center_momentum=0.8).double()
    before = model.centre.copy_(torch.randn(K, generator=torch.Generator().manual_seed(1))).clone()
    features = representations(2, 1)
    model.loss(tuple(features), EMPTY, torch.Generator().manual_seed(5))
    chosen = draw_prototypes(K, 7, torch.Generator().manual_seed(5))
    rows = F.normalize(model.teacher.prototypes.weight, dim=1)
    mean = (torch.cat(features[-2:]) @ rows.T).mean(0)
    expected = before.clone()
    expected[chosen] = 0.8 * before[chosen] + 0.2 * mean[chosen]
    torch.testing.assert_close(model.centre, expected)


def test_the_step_s_prototypes_are_a_function_of_seed_and_step() -> None:
    def drawn(seed: int, step: int) -> list[int]:
        return draw_prototypes(1000, 50, torch_generator(seed, step, "objective")).tolist()

    assert drawn(0, 7) == drawn(0, 7) == sorted(set(drawn(0, 7)))
    assert len({tuple(drawn(s, k)) for s in range(3) for k in range(3)}) == 9
    counts = np.bincount(np.concatenate([drawn(0, step) for step in range(400)]), minlength=1000)
    assert counts.mean() == 20
    assert counts.var() == pytest.approx(400 * 0.05 * 0.95, rel=0.15)


def test_both_nets_see_the_drawn_prototypes_alone() -> None:
    # A centre that stays, so that asking twice is asking the same.
    model = distillation(sampled=7, local_crops=1, center_momentum=1)

    def loss() -> Tensor:
        features = tuple(f.float() for f in representations(2, 1))
        return model.loss(features, EMPTY, torch.Generator().manual_seed(5))[0]

    first = loss()
    first.backward()
    absent = torch.ones(K, dtype=torch.bool)
    absent[draw_prototypes(K, 7, torch.Generator().manual_seed(5))] = False
    gradient = model.student.prototypes.weight.grad
    assert gradient is not None
    assert not gradient[absent].any()
    assert (gradient[~absent] != 0).any(dim=1).all()
    for network in (model.student, model.teacher):
        network.prototypes.weight.data[absent] = 9.0
    assert torch.equal(loss(), first)
    model.teacher.prototypes.weight.data[~absent] = torch.eye(7, D)
    assert not torch.equal(loss(), first)


def test_normalised_prototypes_are_weight_norm_with_a_fixed_gain() -> None:
    features = F.normalize(torch.randn(3, D, generator=torch.Generator().manual_seed(0)), dim=1)
    for learnt in (False, True):
        ours = WeightNormPrototypes(K, D, learnt)
        theirs = nn.utils.parametrizations.weight_norm(nn.Linear(D, K, bias=False))
        theirs.parametrizations.weight.original0.data.fill_(1.0)
        theirs.parametrizations.weight.original1.data.copy_(ours.weight)
        weight, scale = ours()
        logits = scale * (features @ weight.T)
        torch.testing.assert_close(logits, theirs(features))
        logits.logsumexp(1).sum().backward()
        theirs(features).logsumexp(1).sum().backward()
        torch.testing.assert_close(
            ours.weight.grad, theirs.parametrizations.weight.original1.grad, rtol=1e-4, atol=1e-6
        )
        if learnt:
            gain = theirs.parametrizations.weight.original0.grad
            torch.testing.assert_close(ours.gain.grad, gain[:, 0], rtol=1e-4, atol=1e-6)


def test_the_projection_head_is_on_the_sphere_and_as_deep_as_asked() -> None:
    for layers in (1, 3):
        head = Projection(7, layers, 6, D)
        assert sum(isinstance(part, nn.Linear) for part in head) == layers
        assert not isinstance(head[-1], nn.GELU)
        torch.testing.assert_close(head(torch.randn(3, 7)).norm(dim=1), torch.ones(3))


def pictures(seed: int = 0, number: int = 12) -> Tensor:
    return torch.randn(number, 1, 16, 16, generator=torch.Generator().manual_seed(seed))


def batch_of(model: DINO, seed: int = 0, number: int = 12) -> Batch:
    shown = pictures(seed, number)
    crops = multi_crop(shown, model.options, torch_generator(0, seed, "augmentation"))
    return Batch(shown, torch.zeros(number, dtype=torch.long), None, crops)


class Pooled(nn.Sequential):
    """A tower for crops of two sizes, with or without batch statistics."""

    def __init__(self, norm: bool = True) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6) if norm else nn.Identity(), nn.ReLU(),
            nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(96, 256),
        )  # fmt: skip


def small(**settings) -> DINO:
    torch.manual_seed(1)
    tower = Pooled(settings.pop("norm", True))
    return distillation(tower, local_size=8, local_crops=3, **settings)


def test_every_crop_is_encoded_and_only_the_global_ones_by_the_teacher() -> None:
    model = small(norm=False)
    batch = batch_of(model)
    encoded = model.encode(batch)
    assert [tuple(x.shape) for x in encoded] == [(12, D)] * 7
    assert [x.requires_grad for x in encoded] == [True] * 5 + [False] * 2
    torch.testing.assert_close(
        encoded[3], model.student.projection(model.student.tower(batch.crops[1][:, 1]))
    )
    torch.testing.assert_close(
        encoded[6], model.teacher.projection(model.teacher.tower(batch.crops[0][:, 1]))
    )


@pytest.mark.parametrize("parts", [2, 3])
def test_accumulation_is_exact(parts: int) -> None:
    gradients = []
    for accumulate in (1, parts):
        model = small(norm=False, targets="sinkhorn", sampled=7)
        options = Training(accumulate=accumulate, precision="float32")
        encoded = loop.encode(model, batch_of(model), options)
        loss, _ = model.loss(encoded, batch_of(model), torch_generator(0, 0, "objective"))
        loss.backward()
        gradients.append([loss.detach()] + [p.grad for p in model.student.parameters()])
    for whole, accumulated in zip(*gradients, strict=True):
        torch.testing.assert_close(accumulated, whole, rtol=1e-5, atol=5e-6)


def run(model: DINO, folder: Path | None = None, before_step=lambda step: None) -> list:
    order = Order(np.zeros(60, int), 12, 0)
    options = Training(
        f"{TOTAL} steps", batch_size=12, learning_rate=1e-2, precision="float32",
        checkpoint_every="2 steps",
    )  # fmt: skip
    return fit(
        model, lambda rows, step: batch_of(model, step), order, options, folder=folder,
        before_step=before_step,
    )  # fmt: skip


def test_the_teacher_follows_by_its_momentum_and_learns_nothing_itself() -> None:
    model = small(teacher_momentum=0.9)
    assert [model.teacher_momentum(k) for k in (0, TOTAL)] == pytest.approx([0.9, 1])
    assert model.teacher_momentum(TOTAL / 2) == pytest.approx(0.95)
    learnt = {id(p) for group in loop.make_optimizer(model, Training()).param_groups
              for p in group["params"]}  # fmt: skip
    assert learnt == {id(p) for p in model.student.parameters()}
    model.step += 6
    momentum = model.teacher_momentum(6)
    expected = [
        momentum * t + (1 - momentum) * s
        for t, s in zip(model.teacher.parameters(), model.student.parameters(), strict=True)
    ]
    model.after_step()
    assert model.step == 7
    for parameter, value in zip(model.teacher.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter, value)


def test_a_new_teacher_is_the_student() -> None:
    model = DINO(DINOConfig(prototypes=K), nn.Flatten(), 4, Timetable(1))
    own, copied = model.student.state_dict(), model.teacher.state_dict()
    assert all(torch.equal(own[key], copied[key]) for key in own)
    assert model.image_tower is model.teacher.tower


def test_the_teacher_s_temperature_warms_up() -> None:
    model = distillation(teacher_temperature_start=0.04, teacher_temperature=0.08)
    assert [model.teacher_temperature(k) for k in (0, 1, 4, 9)] == pytest.approx(
        [0.04, 0.05, 0.08, 0.08]
    )


@pytest.mark.filterwarnings("ignore:Step 15")
def test_prototypes_are_frozen_for_as_long_as_asked() -> None:
    model = small(last_layer="weight-norm")
    model.timetable = Timetable(TOTAL, freeze_last_layer=3)
    kept = []

    def note(step: int) -> None:
        kept.append([p.detach().clone() for p in model.student.prototypes.parameters()])

    run(model, before_step=note)
    for start, later, after in zip(kept[0], kept[3], kept[4], strict=True):
        assert torch.equal(start, later)
        assert not torch.equal(start, after)


RESUMED = {
    "centering": {"sampled": 7, "last_layer": "weight-norm"},
    "sinkhorn": {"targets": "sinkhorn"},
}


def killed(name: str, folder: Path) -> None:
    """The run, killed without a word at a step between two checkpoints."""

    def kill(step: int) -> None:
        if step == 7:
            os.kill(os.getpid(), signal.SIGKILL)

    run(small(**RESUMED[name]), folder, kill)


@pytest.mark.parametrize("name", mostly_slow(RESUMED, "sinkhorn"))
def test_killed_it_ends_bit_by_bit_the_same(name: str, tmp_path: Path) -> None:
    """Teacher, centre, schedules, the watch over collapse: all of it goes on where it was."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        child = subprocess.run(
            [sys.executable, __file__, name, str(tmp_path / "killed")],
            env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert child.returncode == -signal.SIGKILL, child.stderr
        assert checkpoints.load_latest(tmp_path / "killed")["step"] == 6
        for folder in ("killed", "whole"):
            run(small(**RESUMED[name]), tmp_path / folder)
    finally:
        torch.set_num_threads(threads)
    resumed, whole = (checkpoints.load_latest(tmp_path / f) for f in ("killed", "whole"))
    assert resumed["history"] == whole["history"]
    assert {"centre", "_extra_state", "assignments.last_used"} <= whole["model"].keys()
    assert whole["model"]["_extra_state"] == TOTAL
    for key, tensor in whole["model"].items():
        assert torch.equal(resumed["model"][key], tensor), key
    for index, moments in whole["optimizer"]["state"].items():
        for key, tensor in moments.items():
            assert torch.equal(resumed["optimizer"]["state"][index][key], tensor), (index, key)


def one_hot(*prototypes: int, of: int = K) -> Tensor:
    return F.one_hot(torch.tensor(prototypes), of).float()


def test_a_report_of_targets_that_tell_pictures_apart() -> None:
    watch = Assignments(4, window=3)
    report = watch.observe(one_hot(0, 1, 2, 3, of=4), None, 0)
    assert {name: share.item() for name, share in report.items()} == pytest.approx(
        {"target_entropy": 0, "information": 1, "assignment_entropy": 1, "utilisation": 1}
    )
    assert not signs_of_collapse({name: share.item() for name, share in report.items()})


@pytest.mark.parametrize(
    ("targets", "signs"),
    [
        (one_hot(*[3] * 60, of=40), ["the same few for all", "mean assignment", "first choice"]),
        (torch.full((60, 40), 1 / 40), ["all prototypes alike", "first choice"]),
        (one_hot(*[0, 1] * 30, of=50), ["mean assignment", "first choice"]),
        (one_hot(*[0, 1, 2, 3] * 15, of=50), []),
    ],
)
def test_each_kind_of_collapse_is_named(targets: Tensor, signs: list[str]) -> None:
    watch = Assignments(targets.shape[1], window=5)
    for step in range(5):
        report = watch.observe(targets, None, step)
    found = signs_of_collapse({name: share.item() for name, share in report.items()})
    assert len(found) == len(signs)
    for sentence, sign in zip(found, signs, strict=True):
        assert sign in sentence


def test_utilisation_forgets_what_is_older_than_the_window() -> None:
    watch = Assignments(8, window=2)
    used = [
        watch.observe(one_hot(*first, of=8), None, step)["utilisation"].item()
        for step, first in enumerate([(0, 1), (2, 2), (2, 2), (0, 3)])
    ]
    assert used == pytest.approx([2 / 2, 3 / 4, 1 / 4, 3 / 4])


def test_assignments_to_drawn_prototypes_are_theirs() -> None:
    watch = Assignments(6, window=2)
    watch.observe(one_hot(0, 1, of=2), torch.tensor([2, 5]), 0)
    assert watch.last_used.tolist() == [-2, -2, 0, -2, -2, 0]
    torch.testing.assert_close(watch.mean, torch.tensor([0, 0, 0.25, 0, 0, 0.25]))
    report = watch.observe(one_hot(1, 1, of=2), torch.tensor([2, 4]), 1)
    torch.testing.assert_close(watch.mean, torch.tensor([0, 0, 0.125, 0, 0.5, 0.125]))
    shares = np.array([1, 4, 1]) / 6
    entropy = -(shares * np.log(shares)).sum() / math.log(6)
    assert report["assignment_entropy"].item() == pytest.approx(entropy)


class Constant(nn.Module):
    """A tower that has collapsed."""

    def forward(self, crops: Tensor) -> Tensor:
        return torch.ones(len(crops), 256)


def test_a_collapsed_run_warns_once_and_a_sound_one_does_not() -> None:
    model = distillation(Constant(), local_size=8, local_crops=1, window=4)
    with pytest.warns(UserWarning, match="Step 8 of 15: The teacher's targets hardly") as caught:
        run(model)
    assert len([w for w in caught if "hardly depend" in str(w.message)]) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = run(small(targets="sinkhorn", window=4))
    assert {"information", "utilisation", "target_entropy"} <= history[-1].keys()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"prototypes": 1}, "'prototypes' is 1"),
        ({"prototypes": 8, "sampled": 9}, "'sampled' is 9, more than the 8"),
        ({"targets": "softmax"}, "'targets' is 'softmax'"),
        ({"teacher_temperature": 0}, "'teacher_temperature' is 0"),
        ({"teacher_momentum": 1.1}, "'teacher_momentum' is 1.1"),
        ({"local_least": 0.0}, "'local_least' is 0"),
        ({"global_least": 0.5, "global_greatest": 0.4}, "'global_least' is 0.5, more than"),
        ({"global_crops": 1, "local_crops": 0}, "leaves no other crop"),
        ({"sinkhorn_iterations": 0}, "'sinkhorn_iterations' is 0"),
    ],
)
def test_fields_out_of_range_are_named(settings: dict, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        DINOConfig(**settings)


if __name__ == "__main__":
    killed(sys.argv[1], Path(sys.argv[2]))
