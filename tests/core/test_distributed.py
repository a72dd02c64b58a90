"""Several processes against one: losses, gradients, whole trainings. The processes are real."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
import torch.nn.functional as F
from conftest import small_icontail
from open_clip.loss import ClipLoss
from real_processes import Group, environment
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lt_course import distributed, study
from lt_course.data import icontail
from lt_course.data.augment import in_memory
from lt_course.data.batch import Batch
from lt_course.data.order import Order, share
from lt_course.distributed import (
    all_gather,
    average,
    average_gradients,
    group_batch_norm,
    on_rank_zero,
    rank,
    world_size,
)
from lt_course.errors import CourseError
from lt_course.evaluation.features import features
from lt_course.models.heads import Prototypes
from lt_course.models.image_encoders import SmallCNN
from lt_course.models.text_encoders import SmallTransformer
from lt_course.objectives.classify import Supervised, SupervisedConfig
from lt_course.objectives.contrast import CLIP, CLIPConfig
from lt_course.objectives.distill import DINO, DINOConfig, Timetable
from lt_course.objectives.objective import Report
from lt_course.objectives.siglip import SigLIP, SigLIPConfig
from lt_course.study.registry import load_extensions
from lt_course.study.store import RunResult
from lt_course.training import checkpoints
from lt_course.training.loop import Interrupted, encode, fit, local_part
from lt_course.training.options import Training
from lt_course.web.released.released_text import released_text_tower
from lt_course.web.torchrun import VARIABLES, process_group

CPU = torch.device("cpu")
load_extensions()  # tiled losses


@pytest.fixture(scope="session")
def groups():
    started: dict[int, Group] = {}

    def group(size: int) -> Group:
        if size not in started:
            started[size] = Group(size)
        return started[size]

    yield group
    for each in started.values():
        each.close()


@pytest.fixture(autouse=True)
def one_thread():
    """As the processes have: sums depend on their grouping."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# Losses and gradients

B, C = 24, 7
SIZES = [1, 2, 4]
OBJECTIVES = {
    "contrast": {},
    "contrast, tiled": {"tile": 5},
    "siglip": {},
    "classify": {},
    "classify, vocabulary": {"vocabulary": 4, "vocabulary_group": 8},
    "classify, in-batch": {"sampling": "in-batch", "vocabulary_group": B},
    "classify, sigmoid": {"loss": "sigmoid", "vocabulary": 5, "vocabulary_group": 12},
    "classify, weighted": {"adjustment": "weighted"},
    "distill": {},
    "distill, fused": {"fused": True},
    "distill, sinkhorn": {"targets": "sinkhorn", "sampled": 9},
}


def batch_of(seed: int, size: int = B) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(
        torch.randn(size, 1, 4, 4, generator=generator),
        torch.randint(0, C - 1, (size,), generator=generator),
        torch.randint(0, 9, (size, 5), generator=generator),
        (
            torch.randn(size, 2, 1, 4, 4, generator=generator),
            torch.randn(size, 3, 1, 4, 4, generator=generator),
        ),
    )


def objective_of(name: str) -> nn.Module:
    """Towers without batch statistics, so that parts equal the whole."""
    options = OBJECTIVES[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tower = nn.Sequential(nn.Flatten(), nn.Linear(16, 6))
        if name.startswith("classify"):
            frequency = torch.tensor([40, 20, 10, 5, 2, 1, 0])
            return Supervised(SupervisedConfig(**options), tower, Prototypes(C, 6), frequency)
        if name.startswith("distill"):
            chosen = DINOConfig(
                prototypes=16, hidden=8, bottleneck=5, local_crops=3, window=4, **options
            )
            return DINO(chosen, tower, 6, Timetable(10))
        if name == "siglip":
            return SigLIP(SigLIPConfig(), tower, nn.EmbeddingBag(9, 6))
        return CLIP(CLIPConfig(**options), tower, nn.EmbeddingBag(9, 6))


def gradients(name: str, accumulate: int = 1) -> dict[str, Tensor]:
    """Loss, report and gradients of a step, as the loop reckons them."""
    objective = objective_of(name)
    options = Training(accumulate=accumulate, precision="float32")
    part = local_part(batch_of(1), B)
    assert len(part.labels) == B // world_size()
    loss, report = backward(objective, part, options)
    named = {key: p.grad for key, p in objective.named_parameters() if p.grad is not None}
    return {key: average(value) for key, value in ({"loss": loss} | report).items()} | named


def backward(objective: nn.Module, part: Batch, training: Training) -> tuple[Tensor, Report]:
    """Loss and report of a process's part; gradients of all are averaged."""
    generator = torch.Generator().manual_seed(3)
    loss, report = objective.loss(encode(objective, part, training), part, generator)
    loss.backward()
    average_gradients(objective)
    return loss.detach(), report


@pytest.mark.parametrize("size", SIZES[1:])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_losses_and_gradients_are_those_of_one_process(groups, name: str, size: int) -> None:
    """float32, as trained: to 1e-6, and to 1e-5 at self-distillation's temperature of 0.04.

    Gradients above 1 are measured against the largest of their array: those of self-distillation's
    first biases are sums of thousands that nearly cancel in places.
    """
    expected = gradients(name)
    assert len(expected) > 4
    close = 1e-5 if name.startswith("distill") else 1e-6
    for found in groups(size).all(partial(gradients, name)):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            largest = max(1, value.abs().max().item())
            torch.testing.assert_close(found[key], value, rtol=0, atol=close * largest, msg=key)


@pytest.mark.parametrize("name", ["contrast", "classify, vocabulary"])
def test_accumulation_is_exact_on_several_processes(groups, name: str) -> None:
    expected = gradients(name)
    for found in groups(2).all(partial(gradients, name, accumulate=3)):
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=1e-5, atol=1e-6, msg=key)


TINY_CLIP = {
    "embed_dim": 6,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 9, "width": 8, "heads": 2, "layers": 1},
}


def frozen_text_gradients(folder: Path, accumulate: int = 1) -> dict[str, Tensor]:
    """As `gradients`, with a released text tower that is kept as it is."""
    open_clip.add_model_config(folder)
    objective = objective_of("contrast")
    path = str(folder / "tiny.pt")
    objective.text_tower = released_text_tower("tiny-in-parts", path, 5, 6, frozen=True)
    objective.train()
    options = Training(accumulate=accumulate, precision="float32")
    loss, _ = backward(objective, local_part(batch_of(1), B), options)
    named = {key: p.grad for key, p in objective.named_parameters() if p.grad is not None}
    return {"loss": average(loss)} | named


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_frozen_text_tower_on_two_processes(groups, tmp_path: Path, accumulate: int) -> None:
    (tmp_path / "tiny-in-parts.json").write_text(json.dumps(TINY_CLIP))
    open_clip.add_model_config(tmp_path)
    torch.manual_seed(1)
    torch.save(open_clip.create_model("tiny-in-parts").state_dict(), tmp_path / "tiny.pt")
    expected = frozen_text_gradients(tmp_path)
    assert set(expected) == {
        "loss", "image_tower.1.weight", "image_tower.1.bias", "temperature.log_scale"
    }  # fmt: skip
    for found in groups(2).all(partial(frozen_text_gradients, tmp_path, accumulate)):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=1e-5, atol=1e-6, msg=key)


def double_contrast(tile: int | None) -> dict[str, Tensor]:
    objective = objective_of("contrast").double()
    objective.options = CLIPConfig(tile=tile)
    part = local_part(batch_of(2), B)
    image = F.normalize(objective.image_tower(part.pictures.double()), dim=1)
    text = F.normalize(objective.text_tower(part.tokens), dim=1)
    loss, _ = objective.loss((image, text), part, torch.Generator())
    loss.backward()
    average_gradients(objective)
    loss = all_gather(loss.detach()).mean(0)
    return {"loss": loss} | {key: p.grad for key, p in objective.named_parameters()}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tile", [None, 1, 4, 7, 100])
def test_contrast_in_double_precision(groups, size: int, tile: int | None) -> None:
    """Towers and temperature, however the logits are cut: as one process without tiles."""
    expected = double_contrast(None)
    answers = (
        [double_contrast(tile)] if size == 1 else groups(size).all(partial(double_contrast, tile))
    )
    for found in answers:
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=1e-12, atol=1e-12, msg=key)


def open_clip_gradients(gather_with_gradient: bool) -> dict[str, Tensor]:
    objective = objective_of("contrast").double()
    part = local_part(batch_of(2), B)
    image = F.normalize(objective.image_tower(part.pictures.double()), dim=1)
    text = F.normalize(objective.text_tower(part.tokens), dim=1)
    theirs = ClipLoss(
        gather_with_grad=gather_with_gradient,
        rank=rank(),
        world_size=world_size(),
        cache_labels=False,
    )
    theirs(image, text, objective.temperature.log_scale.exp()).backward()
    average_gradients(objective)
    return {key: p.grad for key, p in objective.named_parameters()}


def test_open_clip_agrees_if_it_gathers_with_gradient(groups) -> None:
    """Its default gives the towers half of their gradient on two processes, and s all of its."""
    expected = double_contrast(None)
    agreeing = groups(2).all(partial(open_clip_gradients, True))[0]
    default = groups(2).all(partial(open_clip_gradients, False))[0]
    for key, found in agreeing.items():
        torch.testing.assert_close(found, expected[key], rtol=1e-12, atol=1e-12, msg=key)
        share_of_it = 1 if key == "temperature.log_scale" else 0.5
        torch.testing.assert_close(default[key], share_of_it * expected[key], msg=key)


def vocabularies() -> Tensor:
    objective = objective_of("classify, vocabulary")
    labels = local_part(batch_of(1), B).labels
    return objective._vocabularies(labels, torch.Generator().manual_seed(5))


@pytest.mark.parametrize("size", SIZES[1:])
def test_vocabularies_do_not_depend_on_the_processes(groups, size: int) -> None:
    assert torch.equal(torch.cat(groups(size).all(vocabularies)), vocabularies())


def gathered() -> tuple[Tensor, Tensor]:
    mine = torch.arange(3.0).mul(rank() + 1).requires_grad_()
    stacked = all_gather(mine)
    (stacked * (rank() + 1)).sum().backward()
    return stacked.detach(), mine.grad


def test_everyone_sees_all_and_is_owed_by_all(groups) -> None:
    for stacked, owed in groups(2).all(gathered):
        assert torch.equal(stacked, torch.tensor([[0.0, 1, 2], [0, 2, 4]]))
        assert torch.equal(owed, torch.full((3,), 3.0))


# Batch norm


def normalized() -> dict[str, Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        nn.Conv2d(4, 2, 3), nn.BatchNorm2d(2, momentum=0.3),
    )  # fmt: skip
    group_batch_norm(model, 1)
    x = torch.randn(8, 3, 6, 6, generator=torch.Generator().manual_seed(1)) * 5 + 40
    mine = torch.from_numpy(share(np.arange(8), rank(), world_size()))
    model(x[mine]).pow(3).sum((1, 2, 3)).mean().backward()
    average_gradients(model)
    model.eval()
    return (
        model.state_dict()
        | {key: p.grad for key, p in model.named_parameters()}
        | {"evaluated": model(x).detach()}
    )


@pytest.mark.parametrize("size", SIZES[1:])
def test_batch_norm_over_all_processes(groups, size: int) -> None:
    expected = normalized()
    for found in groups(size).all(normalized):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=1e-4, atol=1e-4, msg=key)


def test_cuda_devices_get_the_batch_norm_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeTensorMode(), torch.device("cuda"):
        model = nn.Sequential(nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)))
        names = list(model.state_dict())
        monkeypatch.setattr(distributed, "world_size", lambda: 2)
        group_batch_norm(model, 1)
    assert type(model[0][1]) is nn.SyncBatchNorm
    assert list(model.state_dict()) == names


# The loop

STEPS = 8


def miniature(kind: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tower = SmallCNN(8, 2)
        if kind == "classify":
            options = SupervisedConfig(vocabulary=4, vocabulary_group=8)
            return Supervised(options, tower, Prototypes(C, 8), torch.arange(C, 0, -1))
        return CLIP(CLIPConfig(tile=5), tower, SmallTransformer(torch.arange(9), 5, 8, width=8))


def train(
    kind: str,
    folder: Path | None = None,
    before_step: Callable[[int], None] = lambda step: None,
    only_share: bool = False,
    poisoned: int | None = None,
    **settings: Any,
) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    objective = miniature(kind)

    def load(rows: np.ndarray, step: int) -> Batch:
        if only_share:
            rows = share(rows, rank(), world_size())
        generator = torch.Generator().manual_seed(0)
        drawn = torch.randn(48, 1, 32, 32, generator=generator)[rows]
        batch = Batch(drawn, torch.from_numpy(rows % C), torch.from_numpy(rows)[:, None] % 9)
        if step == poisoned and rank() == world_size() - 1:
            batch.pictures[-1] = torch.nan
        return batch

    options = {
        "duration": f"{STEPS} steps",
        "batch_size": 16,
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "precision": "float32",
        "checkpoint_every": "3 steps",
    } | settings
    history = fit(
        objective,
        load,
        Order(np.arange(48) % C, 16, 0),
        Training(**options),
        folder=folder,
        before_step=before_step,
    )
    return history, objective.state_dict()


@pytest.mark.parametrize("kind", ["classify", "contrast"])
def test_two_processes_train_as_one(groups, kind: str) -> None:
    history, weights = train(kind)
    start = miniature(kind).state_dict()
    for only_share in (False, True):
        for rows, found in groups(2).all(partial(train, kind, only_share=only_share)):
            assert found.keys() == weights.keys()
            for key, value in weights.items():
                torch.testing.assert_close(found[key], value, rtol=1e-5, atol=1e-5, msg=key)
            for row, expected in zip(rows, history, strict=True):
                assert row == pytest.approx(expected, abs=1e-5)
    key = "image_tower.layers.0.0.weight"
    assert (weights[key] - start[key]).abs().max() > 1e-3


def grouped(
    folder: Path | None = None,
    before_step: Callable[[int], None] = lambda step: None,
    batch_norm_groups: int = 4,
    **settings: Any,
) -> tuple[list[dict[str, float]], dict[str, Tensor], Tensor]:
    """A training whose batch norms know groups, and what its model makes of pictures."""
    with pytest.MonkeyPatch.context() as patch:
        made: list[nn.Module] = []
        plain = miniature
        patch.setitem(globals(), "miniature", lambda kind: made.append(plain(kind)) or made[-1])
        trained = train(
            "classify", folder, before_step, batch_norm_groups=batch_norm_groups, **settings
        )
    tower = made[-1].image_tower.eval()
    shown = torch.randn(40, 1, 32, 32, generator=torch.Generator().manual_seed(7))
    what = features(tower, replace(in_memory(shown, np.arange(40), lambda p: p), what="test"))
    return *trained, what.features


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("size", SIZES[1:])
def test_batch_norm_in_groups_does_not_depend_on_the_processes(
    groups, size: int, accumulate: int
) -> None:
    """One model is trained, and the very same one is tested, by however many processes."""
    if accumulate == 2:
        _, whole = train("classify", accumulate=2)
        for _, weights in groups(size).all(partial(train, "classify", accumulate=2)):
            for key, value in whole.items():
                torch.testing.assert_close(weights[key], value, rtol=1e-5, atol=1e-5, msg=key)
    if size * accumulate > 4:
        return
    history, expected, shown = grouped(accumulate=accumulate)
    answers = groups(size).all(partial(grouped, accumulate=accumulate))
    for rows, weights, seen in answers:
        for key, value in expected.items():
            torch.testing.assert_close(weights[key], value, rtol=1e-5, atol=1e-5, msg=key)
            assert torch.equal(weights[key], answers[0][1][key]), "all processes have one model"
        torch.testing.assert_close(seen, shown, rtol=1e-4, atol=1e-4)
        for row, wanted in zip(rows, history, strict=True):
            assert row == pytest.approx(wanted, abs=1e-5)
    _, global_statistics = train("classify", accumulate=accumulate)
    assert not torch.allclose(
        expected["head.weight"], global_statistics["head.weight"], rtol=1e-5, atol=1e-5
    )


def test_a_group_may_span_processes(groups) -> None:
    _, expected, shown = grouped(batch_norm_groups=2)
    for _, weights, seen in groups(4).all(partial(grouped, batch_norm_groups=2)):
        for key, value in expected.items():
            torch.testing.assert_close(weights[key], value, rtol=1e-5, atol=1e-5, msg=key)
        torch.testing.assert_close(seen, shown, rtol=1e-4, atol=1e-4)


def test_batch_norm_in_groups_is_that_of_each_group_alone() -> None:
    """Against torch's own, group by group; the first one's statistics are kept."""
    torch.manual_seed(0)
    x = torch.randn(12, 3, 5, 5) * 4 + 9
    norm, alone = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    group_batch_norm(holder := nn.Sequential(norm), 3)
    expected = torch.cat([alone(x[:4]), *(nn.BatchNorm2d(3)(part) for part in x[4:].split(4))])
    torch.testing.assert_close(found := holder(x), expected)
    found.relu_()  # as towers do, in place
    assert type(holder[0]) is not nn.BatchNorm2d
    for key, value in alone.state_dict().items():
        torch.testing.assert_close(norm.state_dict()[key], value)
    torch.testing.assert_close(holder.eval()(x), alone.eval()(x))


def test_batch_norm_in_groups_resumes_bit_by_bit(groups, tmp_path: Path) -> None:
    stopped = groups(2).all(partial(grouped, tmp_path, interrupt_one))
    assert all(isinstance(error, Interrupted) for error in stopped)
    resumed, whole = groups(2).all(partial(grouped, tmp_path)), groups(2).all(grouped)
    for (rows, weights, shown), (wanted, expected, seen) in zip(resumed, whole, strict=True):
        assert rows == wanted
        assert torch.equal(shown, seen)
        assert all(torch.equal(weights[key], expected[key]) for key in expected)


def test_groups_that_processes_cannot_share(groups) -> None:
    for error in groups(2).all(partial(train, "classify", batch_norm_groups=3)):
        assert isinstance(error, CourseError)
        assert "'batch_norm_groups' is 3, which 2 processes cannot share evenly" in str(error)
    with pytest.raises(CourseError, match="16 pictures a step, encoded in 1 parts, have no"):
        train("classify", batch_norm_groups=5)


def test_what_changes_a_result_is_part_of_the_address() -> None:
    run = study.config("sl", scale="tiny")
    assert study.override(run, batch_norm_groups=4).address != run.address


def test_bfloat16_trains_on_two_processes(groups) -> None:
    (history, first), (again, second) = groups(2).all(
        partial(train, "contrast", precision="bfloat16", optimizer="adamw", learning_rate=2e-3)
    )
    assert history == again
    assert history[-1]["loss"] == pytest.approx(
        train("contrast", optimizer="adamw", learning_rate=2e-3)[0][-1]["loss"], rel=0.05
    )
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_value_that_is_not_finite_stops_all_with_one_sentence(groups) -> None:
    first, second = groups(2).all(partial(train, "classify", poisoned=4))
    assert isinstance(first, CourseError)
    assert "not finite at step 4" in str(first)
    assert str(second) == str(first)


@pytest.mark.parametrize("kind", ["classify", "contrast"])
def test_compiled_parts_keep_their_names(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compilation itself takes a quarter of a minute; here it is asked for and left out."""
    asked = []
    compile_module = nn.Module.compile
    monkeypatch.setattr(
        nn.Module, "compile", lambda self: asked.append(type(self)) or compile_module(self)
    )
    _, expected = train(kind)
    assert not asked
    with torch.compiler.set_stance("force_eager"):
        _, found = train(kind, compile=True)
    assert SmallCNN in asked
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def interrupt_one(step: int) -> None:
    if step == 4 and rank() == 1:
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_to_one_stops_all_at_the_same_step(groups, tmp_path: Path) -> None:
    stopped = groups(2).all(partial(train, "classify", tmp_path, interrupt_one))
    for error in stopped:
        assert isinstance(error, Interrupted)
        assert f"stopped after step 5 of {STEPS} and saved" in str(error)
    assert checkpoints.load_latest(tmp_path)["step"] == 5
    resumed = groups(2).all(partial(train, "classify", tmp_path))
    whole = groups(2).all(partial(train, "classify"))
    for (rows, weights), (expected_rows, expected) in zip(resumed, whole, strict=True):
        assert rows == expected_rows
        assert all(torch.equal(weights[key], expected[key]) for key in expected)


def kill_one(step: int) -> None:
    if step == 5 and rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def test_killed_and_resumed_ends_bit_by_bit_the_same(groups, tmp_path: Path) -> None:
    killed = Group(2)
    killed.start(partial(train, "contrast", tmp_path, kill_one))
    killed.processes[1].join(60)
    assert killed.processes[1].exitcode == -signal.SIGKILL
    killed.processes[0].kill()  # as torchrun does with the rest
    killed.processes[0].join(10)
    assert checkpoints.load_latest(tmp_path)["step"] == 3
    resumed = groups(2).all(partial(train, "contrast", tmp_path))
    whole = groups(2).all(partial(train, "contrast"))
    for (rows, weights), (expected_rows, expected) in zip(resumed, whole, strict=True):
        assert rows == expected_rows
        assert all(torch.equal(weights[key], expected[key]) for key in expected)


def refuse() -> None:
    on_rank_zero(raise_on_first)


def raise_on_first() -> None:
    assert rank() == 0, "nobody else may act"
    raise CourseError("The disk is full.")


def test_what_the_first_process_meets_all_are_told(groups) -> None:
    assert [str(error) for error in groups(2).all(refuse)] == ["The disk is full."] * 2


def test_a_batch_that_cannot_be_shared(groups) -> None:
    for error in groups(4).all(partial(train_with_batch, 6)):
        assert isinstance(error, CourseError)
        assert "'batch_size' is 6, which 4 processes cannot share evenly" in str(error)


def train_with_batch(batch: int) -> None:
    fit(miniature("classify"), no_batch, Order(np.arange(48), batch, 0), Training(batch_size=batch))


def no_batch(rows: np.ndarray, step: int) -> Batch:
    raise AssertionError("nothing may be loaded")


# A whole run

RUN = {
    "concepts": 8,
    "num_images": 160,
    "profile": "incaps",
    "batch_size": 32,
    "duration": "2 epochs",
}


def run_of(name: str, store: Path) -> RunResult:
    with pytest.MonkeyPatch.context() as patch:
        data = small_icontail()
        patch.setattr(icontail, "load", lambda: data)
        patch.setenv("LT_COURSE_STORE", str(store))
        settings = RUN | {"optimizer": "sgd", "learning_rate": 0.02, "precision": "float32"}
        return study.train_or_load(study.config(name, scale="tiny", **settings))


@pytest.mark.parametrize("name", ["sl-vocab", "clip-title"])
def test_a_run_of_two_processes_has_the_metrics_of_one(groups, tmp_path: Path, name: str) -> None:
    """Crops, captions and vocabularies are drawn as for one; process 0 keeps the record."""
    one = run_of(name, tmp_path / "one")
    two, second = groups(2).all(partial(run_of, name, tmp_path / "two"))
    assert (one.environment["processes"], two.environment["processes"]) == (1, 2)
    assert two.metrics == pytest.approx(second.metrics, rel=0, abs=0, nan_ok=True)
    assert two.metrics["loss"] == pytest.approx(one.metrics["loss"], abs=1e-4)
    # Sums are grouped otherwise, and rounding grows with the steps.
    np.testing.assert_allclose(two.arrays["prototypes"], one.arrays["prototypes"], atol=5e-4)
    assert sorted(p.name for p in two.folder.iterdir()) == sorted(
        p.name for p in one.folder.iterdir()
    )


# Joining


@pytest.mark.parametrize("missing", VARIABLES)
def test_variables_that_are_set_in_part(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(0, 2, 1).items():
        if name != missing:
            monkeypatch.setenv(name, value)
    with pytest.raises(CourseError, match=f"but {missing} are not; .*torchrun"), process_group(CPU):
        pass


@pytest.mark.parametrize(("name", "value"), [("RANK", "2"), ("WORLD_SIZE", "two")])
def test_variables_that_make_no_sense(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, text in (environment(0, 2, 1) | {name: value}).items():
        monkeypatch.setenv(key, text)
    with pytest.raises(CourseError, match=f"{name} is '{value}'"), process_group(CPU):
        pass


def test_more_processes_than_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, text in environment(1, 2, 1).items():
        monkeypatch.setenv(key, text)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with (
        pytest.raises(CourseError, match="LOCAL_RANK is 1, but this machine has 1 CUDA devices"),
        process_group(torch.device("cuda")),
    ):
        pass


def test_a_single_process_needs_no_group() -> None:
    with process_group(CPU):
        assert (rank(), world_size()) == (0, 1)
        mine = torch.arange(3)
        assert torch.equal(all_gather(mine), mine[None])
