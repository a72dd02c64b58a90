"""Durations and learning rates, the latter against torch's own schedulers."""

import pytest
import torch
from torch.optim import lr_scheduler

from lt_course.errors import CourseError
from lt_course.training.options import Schedule, steps

TOTAL = 60


def torch_rates(make) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = make(optimizer)
    rates = []
    for _ in range(TOTAL):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (Schedule("cosine", 0.3, TOTAL), lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL)),
        (
            Schedule("cosine", 0.3, TOTAL, end=0.1),
            lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL, eta_min=0.1),
        ),
        (
            Schedule("step", 0.3, TOTAL, milestones=(10, 40)),
            lambda o: lr_scheduler.MultiStepLR(o, [10, 40]),
        ),
        (Schedule("constant", 0.3, TOTAL), lambda o: lr_scheduler.ConstantLR(o, 1.0)),
        (
            Schedule("constant", 0.3, TOTAL, warmup=20),
            lambda o: lr_scheduler.LinearLR(o, 1 / 20, total_iters=19),
        ),
    ],
    ids=["cosine", "cosine to an end", "step", "constant", "warm-up"],
)
def test_equals_torch(schedule: Schedule, make) -> None:
    assert [schedule(step) for step in range(TOTAL)] == pytest.approx(torch_rates(make), abs=1e-9)


def test_one_cycle_rises_to_its_peak_and_falls_to_zero_along_cosines() -> None:
    schedule = Schedule("one-cycle", 0.3, TOTAL, warmup=15)
    rates = [schedule(step) for step in range(TOTAL)]
    assert rates[14] == rates[15] == max(rates) == pytest.approx(0.3)
    assert rates == sorted(rates[:15]) + sorted(rates[15:], reverse=True)
    # The fall is torch's, once its own rise is over.
    theirs = torch_rates(
        lambda o: lr_scheduler.OneCycleLR(
            o, 0.3, total_steps=TOTAL + 1, pct_start=16 / (TOTAL + 1), final_div_factor=1e12
        )
    )
    assert rates[15:] == pytest.approx(theirs[15:], abs=1e-9)


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("8 epochs", 800),
        ("1 epoch", 100),
        ("0.5 epochs", 50),
        ("37 steps", 37),
        ("5 %", 50),
        ("5%", 50),
        ("12.5 percent", 125),
    ],
)
def test_durations(duration: str, expected: int) -> None:
    assert steps(duration, "warmup", 100, 1_000) == expected


@pytest.mark.parametrize("duration", ["8", "epochs", "-1 epochs", "8 weeks", "5 % epochs", ""])
def test_no_durations(duration: str) -> None:
    with pytest.raises(CourseError, match=f"'warmup' is '{duration}'"):
        steps(duration, "warmup", 100, 1_000)


def test_a_percentage_needs_a_whole() -> None:
    with pytest.raises(CourseError, match="'duration' is '5 %'"):
        steps("5 %", "duration", 100)
