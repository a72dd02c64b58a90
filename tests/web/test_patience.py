"""How long a GPU's run takes on a CPU: said in the refusal, or in one warning."""

import warnings
from itertools import count

import pytest
import torch

from lt_course import study
from lt_course.errors import CourseError
from lt_course.study.run_config import RunConfig
from lt_course.web import cli, cpu_time
from lt_course.web.plan import flops, plan


def small(scale: str = "gpu") -> RunConfig:
    """Little arithmetic, so that its count takes no time; the scale decides the device."""
    towers = {"image_tower": "small-cnn", "image_size": 32, "embed_dim": 128}
    return study.config("sl", scale=scale, **towers)


@pytest.fixture(autouse=True)
def _without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(cpu_time, "_warned", False)
    monkeypatch.delenv("LT_DEVICE", raising=False)


def at(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """A CPU on which the small run takes so long."""
    monkeypatch.setattr(cpu_time, "cpu_speed", lambda: flops(small()) / (3600 * hours))


def test_the_arithmetic_of_a_run_is_that_of_its_plan() -> None:
    planned = plan(small(), "h100")
    batch = planned.run.training.batch_size
    assert flops(small()) == pytest.approx(planned.flops * planned.steps * batch)


@pytest.mark.parametrize(("hours", "said"), [(12, "12 hours"), (1, "60 minutes"), (1e-6, "1 min")])
def test_without_a_device_of_ones_own_the_refusal_says_how_long(
    hours: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, hours)
    for ask in (cpu_time.device_here, cpu_time.announce):
        with pytest.raises(CourseError, match=rf"sl takes at least {said}.*LT_SCALE=cpu"):
            ask(small())


def test_the_command_line_refuses_with_the_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at(monkeypatch, 12)
    towers = ["--image-tower", "small-cnn", "--image-size", "32", "--embed-dim", "128"]
    assert cli.main(["run", "sl", "--scale", "gpu", *towers]) == 2
    assert "at least 12 hours on this CPU" in capsys.readouterr().err


def test_a_device_of_ones_own_is_warned_of_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 12)
    monkeypatch.setenv("LT_DEVICE", "cpu")
    with pytest.warns(UserWarning, match="at least 12 hours"):
        cpu_time.announce(small())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cpu_time.announce(small())


@pytest.mark.parametrize("scale", ["tiny", "cpu"])
def test_of_a_cpus_scale_nothing_is_said(scale: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_time, "cpu_speed", lambda: pytest.fail("nobody asked"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cpu_time.announce(small(scale))
    assert cpu_time.device_here(small(scale)) == torch.device("cpu")


def test_what_cannot_be_counted_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    run = study.config("sl", scale="full", dataset="cc3m", num_images=None)
    with pytest.raises(CourseError, match=r"cannot be told \(Field 'num_images'.*LT_DEVICE=cpu"):
        cpu_time.device_here(run)


def test_speed_is_operations_over_time() -> None:
    """By a clock that moves a quarter of a second at each look."""
    ticks = count()
    speed = cpu_time.cpu_speed.__wrapped__(1.0, lambda: next(ticks) / 4)
    assert speed == 2 * cpu_time.SIDE**3 * 3 / 1.0
