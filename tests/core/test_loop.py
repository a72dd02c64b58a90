"""The loop: exact accumulation, no step into the infinite, and resume bit by bit."""

import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import small_icontail
from slow import mostly_slow
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from lt_course import study
from lt_course.data import icontail
from lt_course.data.batch import Batch
from lt_course.data.order import Order
from lt_course.errors import CourseError
from lt_course.models.heads import Prototypes
from lt_course.objectives.classify import Supervised, SupervisedConfig
from lt_course.objectives.contrast import CLIP, CLIPConfig
from lt_course.objectives.distill import DINO, DINOConfig, Timetable
from lt_course.study.execute import execute
from lt_course.study.run_config import RunConfig
from lt_course.training import checkpoints, loop
from lt_course.training.loop import Interrupted, fit
from lt_course.training.options import Training, make_optimizer

SMALL = {
    "concepts": 8,
    "num_images": 160,
    "profile": "incaps",
    "batch_size": 32,
    "duration": "4 epochs",
    "checkpoint_every": "3 steps",
}
OBJECTIVES = {
    "sl": SMALL,
    "sl-vocab": SMALL | {"vocabulary": 6, "vocabulary_group": 8},
    "clip-template": SMALL,
    "clip-full": SMALL,
}
STEPS = 20


def small_run(name: str, **settings: object) -> RunConfig:
    return study.config(name, scale="tiny", **(OBJECTIVES[name] | settings))


def linear_batch(seed: int = 0, size: int = 12) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randn(size, 1, 4, 4, generator=generator)
    return Batch(
        pictures,
        torch.randint(0, 3, (size,), generator=generator),
        torch.randint(0, 9, (size, 5), generator=generator),
    )


def linear_objective(kind: str, norm: bool = False) -> nn.Module:
    """Towers without batch statistics (unless asked for), so that parts can equal the whole."""
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(16, 6)] + ([nn.BatchNorm1d(6)] if norm else [])
    if kind == "classify":
        options = SupervisedConfig(vocabulary=2, vocabulary_group=4)
        head = Prototypes(3, 6)
        return Supervised(options, nn.Sequential(*layers), head, torch.tensor([5, 3, 1]))
    return CLIP(CLIPConfig(), nn.Sequential(*layers), nn.EmbeddingBag(9, 6))


def backward(objective: nn.Module, batch: Batch, training: Training) -> torch.Tensor:
    """A step's loss, whose gradients are left behind."""
    loss, _ = objective.loss(loop.encode(objective, batch, training), batch, torch.Generator())
    loss.backward()
    return loss.detach()


@pytest.mark.parametrize("kind", ["classify", "contrast"])
@pytest.mark.parametrize("parts", [2, 3, 6])
def test_accumulation_is_exact(kind: str, parts: int) -> None:
    gradients = []
    for accumulate in (1, parts):
        objective = linear_objective(kind)
        options = Training(accumulate=accumulate, precision="float32")
        loss = backward(objective, linear_batch(), options)
        gradients.append([loss] + [p.grad for p in objective.parameters()])
    for whole, accumulated in zip(*gradients, strict=True):
        torch.testing.assert_close(accumulated, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("accumulate", [1, 3])
def test_batch_norm_counts_each_part_once(accumulate: int) -> None:
    objective = linear_objective("contrast", norm=True)
    options = Training(accumulate=accumulate, precision="float32")
    backward(objective, linear_batch(), options)
    assert objective.image_tower[2].num_batches_tracked == accumulate


def test_accumulate_must_divide_the_batch() -> None:
    with pytest.raises(
        CourseError, match="'accumulate' is 5, which does not divide the batch of 12"
    ):
        loop.encode(linear_objective("contrast"), linear_batch(), Training(accumulate=5))


def clean_batch(rows: np.ndarray, step: int) -> Batch:
    return linear_batch(step)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("at", [0, 4, 7])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_no_step_is_taken_into_the_infinite(
    bad: float, at: int, optimizer: str, tmp_path: Path
) -> None:
    """It is told late; weights stay from then on, and what is saved is of the time before."""
    objective = linear_objective("classify", norm=True)
    weights = []

    def get_batch(rows: np.ndarray, step: int) -> Batch:
        weights.append(objective.head.weight.detach().clone())
        batch = clean_batch(rows, step)
        if step == at:
            batch.pictures[0, 0, 0, 0] = bad
        return batch

    order = Order(np.zeros(60, int), 12, 0)
    training = Training(
        "20 steps", 12, precision="float32", channels_last=False, optimizer=optimizer,
        checkpoint_every="3 steps",
    )  # fmt: skip
    with pytest.raises(CourseError, match=f"not finite at step {at}, .*'learning_rate'"):
        fit(objective, get_batch, order, training, folder=tmp_path)
    assert at < len(weights) <= at + 3
    assert all(torch.equal(objective.head.weight, later) for later in weights[at:])
    saved = checkpoints.load_latest(tmp_path)
    assert (saved["step"] if saved else 0) == at // 3 * 3

    resumed, whole = (linear_objective("classify", norm=True) for _ in range(2))
    history = fit(resumed, clean_batch, order, training, folder=tmp_path)
    assert history == fit(whole, clean_batch, order, training)
    for key, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], value), key


def test_a_long_epoch_does_not_hide_what_is_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "FETCH_EVERY", 4)
    steps = []

    def get_batch(rows: np.ndarray, step: int) -> Batch:
        steps.append(step)
        batch = clean_batch(rows, step)
        batch.pictures[0] *= torch.nan if step == 5 else 1
        return batch

    training = Training("20 steps", 12, precision="float32")
    with pytest.raises(CourseError, match="not finite at step 5"):
        fit(linear_objective("contrast"), get_batch, Order(np.zeros(240, int), 12, 0), training)
    assert steps == [*range(8)]


class Waits(TorchDispatchMode):
    """Counts how often the host asks a device for a number."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("kind", ["classify", "contrast", "distill"])
def test_an_ordinary_step_does_not_wait_for_the_device(
    kind: str, optimizer: str, accumulate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CPU has nothing to wait for, so what would be waited for on a GPU is counted."""
    waits = Waits()
    for name in ("tolist", "cpu", "numpy"):
        plain = getattr(torch.Tensor, name)

        def counted(self, *arguments, plain=plain):
            waits.count += 1
            return plain(self, *arguments)

        monkeypatch.setattr(torch.Tensor, name, counted)
    if kind == "distill":
        options = DINOConfig(prototypes=16, sampled=9, hidden=8, bottleneck=5, local_crops=2)
        tower = nn.Sequential(nn.Flatten(), nn.Linear(16, 6))
        objective = DINO(options, tower, 6, Timetable(12))
    else:
        objective = linear_objective(kind, norm=True)
    batches = [linear_batch(step) for step in range(12)]
    crops = torch.randn(12, 2, 1, 4, 4)
    batches = [replace(batch, crops=(crops, crops)) for batch in batches]
    counts: list[int] = []
    training = Training(
        "12 steps", 12, optimizer=optimizer, accumulate=accumulate, clip_grad_per_tensor=1.0
    )  # fmt: skip
    order = Order(np.zeros(72, int), 12, 0)
    with waits:
        fit(
            objective, lambda rows, step: batches[step], order, training,
            before_step=lambda step: counts.append(waits.count),
        )  # fmt: skip
    waited = [step for step, count in enumerate(np.diff([*counts, waits.count])) if count]
    assert waited == [5, 11], "the ends of the epochs"


def test_weight_decay_spares_norms_biases_and_the_temperature() -> None:
    objective = linear_objective("contrast", norm=True)
    decayed, spared = make_optimizer(objective, Training()).param_groups
    assert decayed["weight_decay"] > 0 == spared["weight_decay"]
    assert {tuple(p.shape) for p in decayed["params"]} == {(6, 16), (9, 6)}
    assert any(p is objective.temperature.log_scale for p in spared["params"])


def test_weight_decay_on_everything_and_plain_momentum() -> None:
    objective = linear_objective("contrast", norm=True)
    options = Training(
        optimizer="sgd", nesterov=False, no_decay_on_bias_norm=False, weight_decay=0.3
    )
    groups = make_optimizer(objective, options).param_groups
    assert [group["weight_decay"] for group in groups] == [0.3, 0.3]
    assert not any(group["nesterov"] for group in groups)
    groups = make_optimizer(objective, Training(optimizer="sgd")).param_groups
    assert all(group["nesterov"] for group in groups)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"milestones": ("50 %",)}, "'milestones' is .* no effect beside 'schedule' 'cosine'"),
        (
            {"schedule": "constant", "final_learning_rate": 1e-4},
            "'final_learning_rate' is 0.0001, .* set 'schedule'",
        ),
        (
            {"nesterov": False},
            "'nesterov' is False, .* beside 'optimizer' 'adamw'; leave it at True",
        ),
    ],
)
def test_a_field_that_another_leaves_without_use(settings: dict, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        Training(**settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"warmup": "300 %"}, "'warmup' comes to 60 steps, more than the 20 of the run"),
        (
            {"schedule": "step", "milestones": ("5 steps", "100 %")},
            "'milestones' comes to step 20 at last, but the run ends after 20",
        ),
    ],
)
def test_what_would_come_after_the_end(settings: dict, sentence: str) -> None:
    order = Order(np.zeros(24, int), 12, 0)
    with pytest.raises(CourseError, match=sentence):
        fit(linear_objective("classify"), clean_batch, order, Training("20 steps", 12, **settings))


def test_each_tensor_s_gradient_is_clipped_as_torch_clips_one() -> None:
    objective = linear_objective("contrast", norm=True)
    generator = torch.Generator().manual_seed(0)
    expected = []
    for number, parameter in enumerate(objective.parameters()):
        drawn = torch.randn(parameter.shape, generator=generator)
        parameter.grad = drawn * 10.0 ** (number - 2)
        alone = torch.zeros_like(parameter).requires_grad_()
        alone.grad = parameter.grad.clone()
        torch.nn.utils.clip_grad_norm_([alone], 3.0)
        expected.append(alone.grad)
    before = [parameter.grad.norm() for parameter in objective.parameters()]
    assert min(before) < 3 < max(before)
    assert loop.clip_gradients(objective, 3.0) == before
    for parameter, gradient in zip(objective.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_each_optimiser_and_precision_learns(small, optimizer: str, precision: str) -> None:
    rate = {"adamw": 2e-3, "sgd": 0.1}[optimizer]
    run = small_run(
        "sl", optimizer=optimizer, precision=precision, learning_rate=rate, duration="8 epochs"
    )
    history = execute(run).history
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]


def test_a_batch_larger_than_the_data(small) -> None:
    with pytest.raises(CourseError, match="'batch_size' is 256, but there are only 160"):
        execute(small_run("sl", batch_size=256))


def test_a_checkpoint_of_another_run_is_refused(small, tmp_path: Path) -> None:
    execute(small_run("sl", duration="1 epoch"), tmp_path)
    with pytest.raises(CourseError, match="belong to the run"):
        execute(small_run("sl", duration="2 epochs"), tmp_path)


def results(run: RunConfig, folder: Path) -> tuple[dict, dict]:
    """The final checkpoint and the metrics; training happens only as far as it is still needed."""
    outcome = execute(run, folder)
    state = checkpoints.load_latest(folder)
    assert state is not None
    return state, outcome.metrics


@pytest.mark.parametrize("name", mostly_slow(OBJECTIVES, "sl-vocab", "clip-full"))
def test_killed_at_a_random_step_ends_bit_by_bit_the_same(name: str, tmp_path: Path, small) -> None:
    """SIGKILL once at a random step; the resumed run equals the one that was never stopped."""
    at = random.Random(name).choice([step for step in range(6, STEPS) if step // 3 * 3 % 5])
    # The child trains with one thread, as this process must too: sums depend on their grouping.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        killed = subprocess.run(
            [sys.executable, __file__, name, str(at), str(tmp_path / "killed")],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        left = checkpoints.load_latest(tmp_path / "killed")
        assert left is not None
        assert at - 3 < left["step"] <= at
        assert left["step"] % 5, "this kill must leave the run in the middle of an epoch"
        assert left["recent"]
        resumed, metrics = results(small_run(name), tmp_path / "killed")
        whole, expected = results(small_run(name), tmp_path / "whole")
    finally:
        torch.set_num_threads(threads)
    assert metrics == pytest.approx(expected, rel=0, abs=0, nan_ok=True)
    assert resumed["history"] == whole["history"]
    assert resumed["model"].keys() == whole["model"].keys()
    for key, tensor in whole["model"].items():
        assert torch.equal(resumed["model"][key], tensor), key
    for index, moments in whole["optimizer"]["state"].items():
        for key, tensor in moments.items():
            assert torch.equal(resumed["optimizer"]["state"][index][key], tensor), (index, key)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_at_the_end_of_the_step(small, tmp_path: Path, number: int) -> None:
    run = small_run("sl", checkpoint_every="100 %")

    def interrupt(step: int) -> None:
        if step == 7:
            signal.raise_signal(number)

    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match="stopped after step 8 of 20 and saved"):
        execute(run, tmp_path / "stopped", interrupt)
    assert signal.getsignal(number) is before
    assert checkpoints.load_latest(tmp_path / "stopped")["step"] == 8
    resumed, _ = results(run, tmp_path / "stopped")
    whole, _ = results(run, tmp_path / "whole")
    for key, tensor in whole["model"].items():
        assert torch.equal(resumed["model"][key], tensor), key


if __name__ == "__main__":
    killed_name, killed_at, killed_folder = sys.argv[1:]
    stand_in = small_icontail()
    icontail.load = lambda: stand_in

    def kill(step: int) -> None:
        if step == int(killed_at):
            os.kill(os.getpid(), signal.SIGKILL)

    execute(small_run(killed_name), Path(killed_folder), kill)
