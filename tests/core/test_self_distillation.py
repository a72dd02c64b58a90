"""Self-distillation as a run: what it leaves, and how it goes on after a stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lt_course import study
from lt_course.data import transfer_sets
from lt_course.data.augment import standardize
from lt_course.data.crops import redrawn
from lt_course.data.order import torch_generator
from lt_course.errors import CourseError
from lt_course.evaluation.bias import third_of
from lt_course.models.image_encoders import SmallCNN
from lt_course.objectives.distill import Network
from lt_course.study.execute import execute, weights
from lt_course.study.icontail_dataset import IconTailDataset
from lt_course.study.run_config import RunConfig

# Eight steps are too few to spread out.
pytestmark = pytest.mark.filterwarnings("ignore:Step 8 of 8")


def small_run(**settings: object) -> RunConfig:
    small = {
        "concepts": 8,
        "num_images": 50,
        "batch_size": 16,
        "duration": "8 steps",
        "prototypes": 24,
        "hidden": 32,
        "bottleneck": 16,
        "checkpoint_every": "2 steps",
    }
    return study.config("dino", scale="tiny", **(small | settings))


def projected(state, pictures: np.ndarray) -> np.ndarray:
    """What the teacher in a checkpoint makes of one picture: float [D']."""
    run = small_run()
    size = run.model.embed_dim
    network = Network(run.objective, SmallCNN(size), size).eval()
    own = {k.removeprefix("teacher."): v for k, v in state.items() if k.startswith("teacher.")}
    network.load_state_dict(own)
    with torch.no_grad():
        return network(standardize(torch.from_numpy(pictures))[:, None])[0][0].numpy()


@pytest.fixture(autouse=True)
def digits_alone(small, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in for IconTail has no concepts to hold out."""
    monkeypatch.setattr(
        IconTailDataset, "tasks", lambda self: iter([self._task(transfer_sets.digits())])
    )


@pytest.mark.parametrize("settings", [{"sampled": 6}, {"targets": "centering", "profile": "flat"}])
def test_what_a_run_leaves_is_what_its_names_say(small, tmp_path: Path, settings: dict) -> None:
    left = execute(small_run(**settings), tmp_path)
    metrics, table, arrays = left.metrics, left.per_class, left.arrays
    right = arrays["predictions"] == small.concept[arrays["test"]]
    assert metrics["accuracy"] == pytest.approx(right.mean())
    assert table["accuracy"].mean() == pytest.approx(metrics["accuracy"])
    assert table["predictions"].sum() == small.test.sum()
    assert metrics["probe_mean"] == metrics["probe_digits"]
    assert 0.1 < metrics["probe_digits"] <= 1
    assert {"information", "utilisation", "assignment_entropy", "target_entropy"} <= metrics.keys()

    # The use of prototypes, anew from the checkpoint.
    state = weights(tmp_path)
    prototypes = F.normalize(state["teacher.prototypes.weight"], dim=1).numpy()
    assert arrays["prototypes"] == pytest.approx(prototypes)
    assert arrays["assigned"].shape == (24, 8)
    assert arrays["assigned"].sum(0).tolist() == table["frequency"].tolist()
    used = arrays["assigned"].sum(1) > 0
    assert metrics["prototypes_used"] == pytest.approx(used.mean())
    cosines = prototypes @ prototypes.T - 2 * np.eye(24)
    assert metrics["prototype_cosine"] == pytest.approx(cosines.max(1).mean(), abs=1e-5)

    # What each third has of them, one test picture after the other.
    found: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for picture, concept in zip(arrays["test"], arrays["labels"], strict=True):
        point = projected(state, small.pictures[[picture]])
        found[third_of(table["frequency"])[concept]].append(int((prototypes @ point).argmax()))
    for third, name in enumerate(("head", "mid", "tail")):
        assert metrics[f"prototypes_{name}"] == len(set(found[third])) / 24
        mean = np.mean([cosines.max(1)[each] for each in found[third]])
        assert metrics[f"prototype_cosine_{name}"] == pytest.approx(mean, abs=1e-5)


def test_a_stopped_run_ends_as_one_that_was_not(tmp_path: Path) -> None:
    run = small_run(sampled=6, targets="centering", last_layer="weight-norm")
    whole = execute(run, tmp_path / "whole")

    def stop(step: int) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(run, tmp_path / "stopped", stop)
    again = execute(run, tmp_path / "stopped")
    assert again.metrics == pytest.approx(whole.metrics, abs=0, nan_ok=True)
    first, second = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    for name, value in first.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, second[name]), name


def test_a_text_head_is_refused() -> None:
    with pytest.raises(CourseError, match=r"'text_head' is 'open-world' .*, but self-distillation"):
        small_run(text_head="open-world")


def test_random_features_are_a_run_without_learning(tmp_path: Path) -> None:
    execute(small_run(learning_rate=0, duration="2 steps"), tmp_path)
    state = weights(tmp_path)
    for name, value in state.items():
        if name.startswith("student.") and "running" not in name and "num_batches" not in name:
            assert torch.equal(value, state[name.replace("student", "teacher")]), name


def pen(crops: torch.Tensor, share: float, step: int = 0) -> torch.Tensor:
    return redrawn(crops, share, torch_generator(0, step, "augmentation"))


def test_pens_are_bold_fine_and_soft_in_equal_shares() -> None:
    square = torch.zeros(1000, 3, 1, 12, 12)
    square[..., 4:8, 4:8] = 2
    ink = pen(square, 0.75).sum((2, 3, 4)).flatten() / 2
    found = {int(v): (ink.round() == v).float().mean().item() for v in ink.round().unique()}
    assert found.keys() == {9, 16, 36}  # finer, as it was or softer, bolder
    assert found[36] == pytest.approx(0.25, abs=0.03)
    assert found[9] == pytest.approx(0.25, abs=0.03)
    drawn = pen(square, 0.75)
    softer = ((drawn > 0) & (drawn < 2)).any(4).any(3).any(2).float().mean().item()
    assert softer == pytest.approx(0.25, abs=0.03)


def test_pens_leave_paper_and_ink_within_their_range() -> None:
    crops = 2 * torch.rand(50, 2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(pen(crops, 0), crops)
    drawn = pen(crops, 1.0)
    assert drawn.shape == crops.shape
    assert drawn.min() >= 0
    assert drawn.max() <= 2
    assert not torch.equal(drawn, pen(crops, 1.0, step=1))
    assert torch.equal(drawn, pen(crops, 1.0))
    blank = torch.zeros(4, 2, 1, 16, 16)
    assert torch.equal(pen(blank, 1.0), blank)
