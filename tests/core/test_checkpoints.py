"""Checkpoints under fault injection: whole, or not there."""

import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from lt_course.errors import CourseError
from lt_course.training import checkpoints


def state(step: int) -> dict:
    return {"step": step, "weights": torch.arange(1_000.0) + step, "history": [{"loss": 0.5}]}


def steps(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in folder.iterdir())


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
    assert steps(tmp_path) == ["step_10", "step_100"]
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
    (newest,) = tmp_path.glob("step_10-*.pt")
    whole, digest = newest.read_bytes(), newest.stem.partition("-")[2]
    (tmp_path / f"step_11-{digest}.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "step_12.tmp").write_bytes(whole)
    (tmp_path / f"step_13-{digest}.pt").write_bytes(b"garbage")
    (tmp_path / f"step_x-{digest}.pt").write_bytes(whole)
    (tmp_path / "other.pt").write_bytes(whole)
    with pytest.warns(UserWarning, match=r"is damaged") as warned:
        loaded = checkpoints.load_latest(tmp_path)
    assert [str(w.message).count("step_1") for w in warned] == [1, 1]
    assert loaded is not None
    assert loaded["step"] == 10
    # What was passed over as damaged goes when the run has come there again.
    checkpoints.save(tmp_path, 11, state(11))
    assert steps(tmp_path) == ["other.pt", "step_10", "step_11", "step_12.tmp", "step_x"]


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    """500 of them, anywhere in the file: names, padding, tensors."""
    checkpoints.save(tmp_path, 1, state(1))
    path = checkpoints.save(tmp_path, 2, state(2))
    whole, generator = path.read_bytes(), random.Random(0)
    for _ in range(500):
        flipped = bytearray(whole)
        flipped[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
        path.write_bytes(flipped)
        with pytest.warns(UserWarning, match="does not match the checksum in its name"):
            assert checkpoints.load_latest(tmp_path)["step"] == 1
    path.write_bytes(whole)
    assert checkpoints.load_latest(tmp_path)["step"] == 2


def test_what_is_no_fault_of_the_disk_is_not_said_to_be_one(tmp_path: Path, monkeypatch) -> None:
    """Such as the death of a loader worker, which torch raises wherever the process is."""

    def die(*_: object) -> None:
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Terminated.")

    monkeypatch.setattr(torch, "save", die)
    with pytest.raises(RuntimeError, match="DataLoader worker"):
        checkpoints.save(tmp_path, 1, state(1))


def test_a_checkpoint_that_cannot_be_read(tmp_path: Path, monkeypatch) -> None:
    checkpoints.save(tmp_path, 1, state(1))

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(checkpoints, "sha256", refuse)
    with pytest.raises(CourseError, match=r"step_1-.*cannot be read \(Permission denied\)"):
        checkpoints.load_latest(tmp_path)


def test_killed_while_writing(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, 1, state(1))
    killed = python(
        """
        import os, signal, sys, torch
        from pathlib import Path
        from lt_course.training import checkpoints
        def half(descriptor):
            os.ftruncate(descriptor, 9)
            os.kill(os.getpid(), signal.SIGKILL)
        os.fsync = half
        checkpoints.save(Path(sys.argv[1]), 2, {"step": 2, "weights": torch.zeros(10)})
        """,
        tmp_path,
    )
    assert killed.returncode == -9, killed.stderr
    assert [path.stat().st_size for path in tmp_path.glob("step_2-*.tmp")] == [9]
    loaded = checkpoints.load_latest(tmp_path)
    assert loaded is not None
    assert loaded["step"] == 1
    checkpoints.save(tmp_path, 3, state(3))
    assert checkpoints.load_latest(tmp_path)["step"] == 3


@pytest.mark.parametrize("earlier", [True, False])
def test_disk_full_names_the_file_and_loses_nothing(tmp_path: Path, earlier: bool) -> None:
    if earlier:
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
    assert f"of step 2 could not be written to {tmp_path} (File too large;" in full.stdout
    assert "MiB were free" in full.stdout
    assert ("goes on from the one before" if earlier else "begins anew") in full.stdout
    assert steps(tmp_path) == (["step_1"] if earlier else [])
