"""Checkpoints under fault injection: whole, or not there."""

import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from lt_course.training import checkpoints


def state(step: int) -> dict:
    return {"step": step, "weights": torch.arange(1_000.0) + step, "history": [{"loss": 0.5}]}


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_round_trip_keeps_two(tmp_path: Path) -> None:
    for step in (5, 9, 10, 100):
        checkpoints.save(tmp_path, step, state(step))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step_10.pt", "step_100.pt"]
    loaded = checkpoints.load_latest(tmp_path)
    assert loaded is not None
    assert loaded["step"] == 100
    assert torch.equal(loaded["weights"], state(100)["weights"])


def test_every_file_loads_safely(tmp_path: Path) -> None:
    path = checkpoints.save(tmp_path, 1, state(1))
    assert torch.load(path, weights_only=True)["history"] == [{"loss": 0.5}]


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert checkpoints.load_latest(tmp_path) is None
    assert checkpoints.load_latest(tmp_path / "absent") is None


def test_latest_is_by_number_whole_and_ours(tmp_path: Path) -> None:
    for step in (9, 10):
        checkpoints.save(tmp_path, step, state(step))
    whole = (tmp_path / "step_10.pt").read_bytes()
    (tmp_path / "step_11.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "step_12.tmp").write_bytes(whole)
    (tmp_path / "step_13.pt").write_bytes(b"garbage")
    (tmp_path / "step_x.pt").write_bytes(whole)
    (tmp_path / "other.pt").write_bytes(whole)
    with pytest.warns(UserWarning, match=r"is damaged") as warned:
        loaded = checkpoints.load_latest(tmp_path)
    assert [str(w.message).count("step_1") for w in warned] == [1, 1]
    assert loaded is not None
    assert loaded["step"] == 10


def test_killed_while_writing(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, 1, state(1))
    killed = python(
        """
        import os, signal, sys, torch
        from pathlib import Path
        from lt_course.training import checkpoints
        whole = torch.save
        def half(state, file):
            whole(state, file)
            file.seek(100); file.truncate(); file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        torch.save = half
        checkpoints.save(Path(sys.argv[1]), 2, {"step": 2, "weights": torch.zeros(10)})
        """,
        tmp_path,
    )
    assert killed.returncode == -9, killed.stderr
    assert (tmp_path / "step_2.tmp").exists()
    loaded = checkpoints.load_latest(tmp_path)
    assert loaded is not None
    assert loaded["step"] == 1
    checkpoints.save(tmp_path, 3, state(3))
    assert checkpoints.load_latest(tmp_path)["step"] == 3


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no file-size limit here")
def test_disk_full_names_the_file_and_loses_nothing(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, 1, state(1))
    full = python(
        """
        import resource, signal, sys, torch
        from pathlib import Path
        from lt_course.errors import CourseError
        from lt_course.training import checkpoints
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
        try:
            checkpoints.save(Path(sys.argv[1]), 2, {"step": 2, "weights": torch.zeros(9_000)})
        except CourseError as error:
            print(error)
        """,
        tmp_path,
    )
    assert "step_2.pt could not be written" in full.stdout, full.stderr
    assert "MiB are free" in full.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["step_1.pt"]
    assert checkpoints.load_latest(tmp_path)["step"] == 1
