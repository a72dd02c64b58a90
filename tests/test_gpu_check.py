"""The script for a GPU, rehearsed on the CPU: whole, with a part that hangs, without a package."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "gpu_check.py"
PARTS = ["environment", "curves", "resume", "memory", "waits", "loss", "photographs"]


def check(out: Path, *arguments: str, **environment: str) -> tuple[int, dict, list[str]]:
    """What the script returns, leaves and prints."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--device", "cpu", "--toy", "--out", str(out), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=out.parent,
    )
    assert out.exists(), done.stderr
    return done.returncode, json.loads(out.read_text())["parts"], done.stdout.splitlines()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """All parts, and before them one that hangs."""
    out = tmp_path_factory.mktemp("gpu") / "results" / "gpu.json"
    out.parent.mkdir()
    code, parts, _ = check(out, "--parts", "hang", *PARTS)
    assert code == 1
    return parts


def test_a_part_that_hangs_is_killed_and_loses_nothing(found: dict) -> None:
    assert [*found] == ["hang", *PARTS]
    hung = found.pop("hang")
    assert hung["status"] == "stopped"
    assert hung["result"] == {"before": "kept"}
    assert "killed at its limit of 3 s" in hung["error"]
    assert {part["status"] for part in found.values()} == {"done"}, found


def test_every_part_has_what_a_cpu_can_tell(found: dict) -> None:
    results = {name: part["result"] for name, part in found.items()}
    assert results["environment"]["torch"]
    assert results["environment"]["gpu"] is None
    for curves in results["curves"].values():
        assert len(curves["cpu"]) == len(curves["tf32_off"]["losses"]) == 3
        assert all(map(math.isfinite, curves["cpu"]))
        assert curves["tf32_off"]["difference"] < 1e-5
    assert results["resume"]["sl"]["equal"]
    assert results["resume"]["sl"]["resumed_at_step"] == 6
    assert [*results["memory"]] == ["clip", "sl", "dino"]
    for steps in results["memory"].values():
        assert steps["samples_per_second"] > 0
        assert steps["planned"]["peak"] > steps["planned"]["counted"] > 0
        assert steps["measured"]["allocated"] is None
    assert len(results["waits"]) == 5
    for waited in results["waits"].values():
        assert waited["note"] == "needs CUDA"
        assert waited["reads_per_step"] <= 1  # a text tower trims a batch to its longest text
    loss = results["loss"]
    assert loss["tiled"]["loss"] == pytest.approx(loss["plain"][0]["loss"], rel=1e-5)
    assert max(loss["difference"]["loss"], loss["difference"]["gradient"]) < 1e-5
    for name in ("sl", "clip-template", "sl-vocab"):
        assert 0 <= results["photographs"]["means"][name]["accuracy"] <= 1


def test_what_lacks_a_package_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "for name in ('open_clip', 'pandas', 'pooch', 'sklearn', 'timm'):\n"
        "    sys.modules[name] = None\n"
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    code, parts, _ = check(tmp_path / "gpu.json", "--parts", "photographs", PYTHONPATH=paths)
    assert code == 0
    result = parts["photographs"]["result"]
    assert result["clip-template 0"] == {"needs": "open_clip"}
    assert 0 <= result["means"]["sl"]["accuracy"] <= 1
    assert result["means"]["clip-template"] == {}


@pytest.mark.parametrize("written", [1, 2])
def test_the_file_is_whole_after_each_part(
    written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the machine is taken away in the middle; nan, which JSON lacks, is null."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import gpu_check

    told: list[str] = []

    def supervise(name: str, limit: float, asked: object) -> dict:
        if len(told) == written:
            raise KeyboardInterrupt
        told.append(name)
        return {"status": "done", "result": {"value": math.nan}}

    monkeypatch.setattr(gpu_check, "supervise", supervise)
    out = tmp_path / "gpu.json"
    with pytest.raises(KeyboardInterrupt):
        gpu_check.main(["--device", "cpu", "--out", str(out)])
    parts = json.loads(out.read_text())["parts"]
    assert [*parts] == PARTS[:written]
    assert {part["result"]["value"] for part in parts.values()} == {None}


def test_limits_add_up_to_less_than_eight_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import gpu_check

    assert sum(limit for _, limit in gpu_check.PARTS.values()) <= gpu_check.BUDGET <= 480
