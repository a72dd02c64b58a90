"""The script for a GPU, rehearsed on the CPU: whole, with a part that hangs, without a package."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lt_course.errors import CourseError
from lt_course.evidence import gpu_measured

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
    """All parts, and before them one that hangs: a minute and a half, and so for `make full`."""
    out = tmp_path_factory.mktemp("gpu") / "results" / "gpu.json"
    out.parent.mkdir()
    code, parts, _ = check(out, "--parts", "hang", *PARTS)
    assert code == 1
    return parts


@pytest.mark.slow
def test_a_part_that_hangs_is_killed_and_loses_nothing(found: dict) -> None:
    assert [*found] == ["hang", *PARTS]
    hung = found.pop("hang")
    assert hung["status"] == "stopped"
    assert hung["result"] == {"before": "kept"}
    assert "killed at its limit of 3 s" in hung["error"]
    assert {part["status"] for part in found.values()} == {"done"}, found


@pytest.mark.slow
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


@pytest.mark.slow
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


def measured(path: Path, **parts: dict) -> gpu_measured.Found | None:
    environment = {"status": "done", "result": {"gpu": "NVIDIA H200"}}
    found = {"date": "2026-12-01", "device": "cuda", "toy": False}
    path.write_text(json.dumps(found | {"parts": {"environment": environment} | parts}))
    return gpu_measured.load(path)


def cells(found: gpu_measured.Found | None) -> dict[str, tuple[str, str]]:
    return {what: (hoped, cell) for what, hoped, cell in map(dict.values, gpu_measured.rows(found))}


def test_the_page_says_not_yet_where_nothing_was_measured(tmp_path: Path) -> None:
    assert gpu_measured.load(tmp_path / "gpu.json") is None
    assert {cell for _, cell in cells(None).values()} == {"not yet"}
    assert "Nothing in this course has been run on a GPU" in gpu_measured.warning(None)
    rehearsal = {"device": "cpu", "toy": True, "parts": {}}
    (tmp_path / "gpu.json").write_text(json.dumps(rehearsal))
    assert gpu_measured.load(tmp_path / "gpu.json") is None
    (tmp_path / "gpu.json").write_text("{")
    with pytest.raises(CourseError, match="damaged"):
        gpu_measured.load(tmp_path / "gpu.json")


def test_the_page_shows_what_was_measured_beside_the_plan(tmp_path: Path) -> None:
    step = {
        "batch": 256, "planned": {"peak": 15 * 2**30}, "measured": {"device": 12 * 2**30},
        "samples_per_second": 3456.7, "planned_per_second": [1000.0, 4000.0], "share_of_peak": 0.12,
    }  # fmt: skip
    found = measured(
        tmp_path / "gpu.json",
        memory={"status": "failed", "result": {"sl": step, "clip": {"needs": "open_clip"}}},
        resume={"status": "done", "result": {"sl": {"equal": False, "difference": 2e-3}}},
        waits={"status": "done", "needs": "scipy", "result": {}},
    )
    shown = cells(found)
    assert shown["Memory of supervised learning, batch 256"] == ("15.0 GiB", "12.0 GiB")
    speed = shown["Pictures a second, supervised learning, batch 256"]
    assert speed == ("1,000 to 4,000", "3,457")
    assert shown["Share of the peak, supervised learning, batch 256"][1] == "12%"
    assert shown["Memory of CLIP"][1] == "needs open_clip"
    assert shown["Memory of DINO"][1] == "not yet"
    assert shown["Apart after a kill and resume, supervised learning"] == ("equal", "0.002")
    assert shown["Waits a step, DINO"] == ("0", "needs scipy")
    said = gpu_measured.warning(found)
    assert "NVIDIA H200" in said
    assert "Nothing in this course" not in said


def test_a_gpu_is_known_by_name_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from gpu_steps import gpu_of

    def key(name: str, gib: float) -> str | None:
        return gpu_of(SimpleNamespace(name=name, total_memory=gib * 2**30))

    assert key("NVIDIA H200", 139.8) == "h200"
    assert key("NVIDIA A100-SXM4-80GB", 79.2) == "a100-80"
    assert key("NVIDIA A100-PCIE-40GB", 39.4) == "a100-40"
    assert key("Tesla V100-SXM2-32GB", 31.7) == "v100-32"
    assert key("Tesla T4", 14.6) == "t4"
    assert key("NVIDIA GeForce RTX 4090", 23.6) == "rtx-4090"
    assert key("NVIDIA A10G", 22.2) is None
    assert key("NVIDIA L40S", 44.4) is None
    assert key("NVIDIA H100 NVL", 93.1) is None
