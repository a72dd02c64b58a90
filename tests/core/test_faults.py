"""What must not change, and what must not be lost: golden losses, SIGKILL, disks, clocks, locks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fault_runs import INTERVAL, STEPS, equal, tiny_run
from golden_losses import OBJECTIVES, kind, losses

from lt_course import study
from lt_course.errors import CourseError
from lt_course.study import store as store_module
from lt_course.training import checkpoints

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden_losses.json").read_text())
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_first_losses_are_those_of_old(name: str) -> None:
    """To the last bit where they were written down, else as close as rounding allows."""
    now, here = losses(name), kind()
    recorded = GOLDEN["recorded"]
    assert now == pytest.approx(recorded[0]["losses"][name], rel=GOLDEN["bounds"][name], abs=0)
    for entry in recorded:
        if {key: entry[key] for key in here} == here:
            assert now == entry["losses"][name]


def fault_runs(*arguments: object) -> dict:
    """What `fault_runs` saw; its processes have one thread each."""
    done = subprocess.run(
        [sys.executable, str(HERE / "fault_runs.py"), *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("tries", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_loses_an_interval_at_most(tries: int, tmp_path: Path) -> None:
    """And is never wrong: the weights and the record are those of a run that nobody disturbed."""
    seen = fault_runs("kill", tries, 0, tmp_path)
    assert seen["kills"] == tries
    assert seen["within_writes"] >= tries // 4
    assert seen["finished"] >= 1
    assert seen["most_lost"] <= INTERVAL
    assert (seen["wrong"], seen["damaged"]) == (0, 0)


@pytest.mark.slow
def test_machines_that_share_a_store_without_flock(tmp_path: Path) -> None:
    """One that dies leaves its lock, of which the other is told; two that live train once."""
    seen = fault_runs("locks", tmp_path)
    assert seen["first"] == -9
    assert seen["said"] == (
        "sl, seed 0: another process trains it, waiting for it to remove LOCK; if no machine "
        "trains it any longer, delete that file."
    )
    assert (seen["second"], seen["first_step"], seen["equal"]) == (0, 4, True)
    assert (seen["pair"], seen["steps"], seen["pair_equal"]) == ([0, 0], STEPS, True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB of its own."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * 2**20)
    for command in (["mkfs.ext4", "-q", "-m", "0", image], ["mount", "-o", "loop", image, folder]):
        if not shutil.which(command[0]) or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a file system is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full_and_one_that_is_read_only(
    small, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_run()
    monkeypatch.setenv("LT_COURSE_STORE", str(tmp_path / "whole"))
    expected = study.train_or_load(run)
    (size,) = {path.stat().st_size for path in expected.folder.glob("checkpoint/step_10-*")}
    # Room for one checkpoint more, for another one, and then for none.
    monkeypatch.setenv("LT_COURSE_STORE", str(disk / "store"))
    ballast = disk / "ballast"
    reached = []
    for room in (1.5, 1.5, 0.5):
        free = shutil.disk_usage(disk).free
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, int(free - room * size)))
        with pytest.raises(CourseError, match=r"No space left on device; \d+ MiB .*same run again"):
            study.train_or_load(run)
        ballast.unlink()
        (folder,) = disk.glob("store/*/*/checkpoint")
        state = checkpoints.load_latest(folder)
        reached.append(state["step"] if state else 0)
        assert not list(folder.glob("*.tmp"))
    assert reached == [INTERVAL, 2 * INTERVAL, 2 * INTERVAL]
    # Read-only: no step is taken, and what is finished can be read.
    remount = ["mount", "-o", "remount,ro", str(disk)]
    subprocess.run(remount, check=True)
    with pytest.raises(CourseError, match=r"cannot be written \(Read-only file system"):
        study.train_or_load(run)
    subprocess.run([*remount[:2], "remount,rw", str(disk)], check=True)
    record = study.train_or_load(run)
    assert record.environment["first_step"] == reached[-1]
    assert equal(record, expected)
    subprocess.run(remount, check=True)
    assert equal(study.train_or_load(run), expected)


CLOCK = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from conftest import small_icontail
from fault_runs import tiny_run
from lt_course import study
from lt_course.data import icontail
from lt_course.study import store
data = small_icontail(); icontail.load = lambda: data
execute, seen = store.execute, []
def jumping(run, folder, note, pretrained):
    def noted(step):
        note(step)
        Path(os.environ["FAKETIME_TIMESTAMP_FILE"]).write_text(["-9y", "+9y"][step % 2])
        seen.append(time.time())
    return execute(run, folder, noted, pretrained)
store.execute = jumping
record = study.train_or_load(tiny_run())
print(max(seen) - min(seen), record.environment["seconds"], [r["state"] for r in study.records()])
"""


@pytest.mark.slow
def test_a_clock_that_jumps_changes_nothing(small, tmp_path: Path, monkeypatch) -> None:
    """Nine years to and fro at every step, by libfaketime."""
    if FAKETIME is None:
        pytest.skip("libfaketime is not at hand")
    (tmp_path / "offset").write_text("+0")
    monkeypatch.setenv("LT_COURSE_STORE", str(tmp_path / "jumps"))
    faked = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "offset"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", CLOCK.format(tests=str(HERE))],
        env=os.environ | faked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    jumped, seconds, state = done.stdout.strip().splitlines()[-1].split(maxsplit=2)
    assert float(jumped) > 17 * 365 * 86_400
    assert 0 < float(seconds) < 3_600
    assert state == "['finished']"
    record = store_module.find(tiny_run())
    assert record is not None
    monkeypatch.setenv("LT_COURSE_STORE", str(tmp_path / "whole"))
    expected = study.train_or_load(tiny_run())
    assert np.isfinite(expected.metrics["accuracy"])
    assert equal(record, expected)
