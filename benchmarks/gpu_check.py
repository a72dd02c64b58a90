"""What can be measured on one GPU in eight minutes, once one is at hand, without a network.

    python benchmarks/gpu_check.py pack gpu_check.npz     # before, where the photographs are
    python benchmarks/gpu_check.py --data gpu_check.npz   # there; or `make gpu-check`
    python benchmarks/gpu_check.py --device cpu --toy     # a rehearsal on any laptop

Each part (`PARTS`, the most worthwhile first) is a process of its own, which is killed at its
limit, and its result is written at once: results/gpu.json holds what was found so far, whatever
happens to the rest. It goes to --out, else into the folder that OUT names, else into this one. As
lt_course/results/gpu.json it fills the table of book/running_on_a_gpu.md.

Only torch and lt_course's own needs have to be there; a part that lacks a package says so. The file
of pictures is optional: without it the last part takes the drawings that the package ships.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACK = "gpu_check.npz"

PARTS = {
    "environment": ("gpu_parts", 30),
    "curves": ("gpu_parts", 70),
    "resume": ("gpu_parts", 80),
    "memory": ("gpu_steps", 90),
    "waits": ("gpu_steps", 45),
    "loss": ("gpu_steps", 40),
    "photographs": ("gpu_photographs", 115),
}
"""Part -> its module and its limit in seconds, together less than `BUDGET`."""

HANGS = {"hang": ("gpu_check", 3)}
"""What tests ask for by name: it never ends."""

BUDGET = 480
"""Seconds for all parts; what would begin later is left out."""


def main(arguments: list[str]) -> int:
    """Pack, or run all parts, or one of them; 1 if a part failed or was stopped."""
    if arguments[:1] == ["pack"]:
        sys.path.insert(0, str(ROOT))
        target = Path(arguments[1] if arguments[1:] else PACK)
        print(importlib.import_module("gpu_photographs").pack(target))
        return 0
    asked = parse(arguments)
    if asked.part:
        return run_part(asked)
    return run_all(asked)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options; the last two are for this script's own processes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--toy", action="store_true", help="every part at its smallest")
    parser.add_argument("--data", type=Path, help=f"what pack wrote (default: {PACK}, if there)")
    default = Path(os.environ.get("OUT", ".")) / "results" / "gpu.json"
    parser.add_argument("--out", type=Path, default=default, help=f"default: {default}")
    parser.add_argument("--parts", nargs="+", default=[*PARTS], choices=[*PARTS, *HANGS])
    parser.add_argument("--part", choices=[*PARTS, *HANGS], help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.data is None and Path(PACK).exists():
        asked.data = Path(PACK)
    return asked


def run_all(asked: argparse.Namespace) -> int:
    """Each part in a process of its own; the file is whole after each of them."""
    start = time.monotonic()
    found: dict[str, Any] = {
        "format": 1,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "device": asked.device,
        "toy": asked.toy,
        "parts": {},
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    write(asked.out, found)
    for name in asked.parts:
        _, limit = (PARTS | HANGS)[name]
        began = time.monotonic()
        part = supervise(name, min(limit, BUDGET - (began - start)), asked)
        part["seconds"] = round(time.monotonic() - began, 1)
        found["parts"][name] = part
        write(asked.out, found)
        print(f"{name:<12} {part['seconds']:>6.1f} s  {part['status']}", flush=True)
    print(f"{time.monotonic() - start:.0f} s; results are in {asked.out}")
    return int(any(part["status"] in ("failed", "stopped") for part in found["parts"].values()))


def supervise(name: str, limit: float, asked: argparse.Namespace) -> dict[str, Any]:
    """Run a part, and kill it with all that it started when its time is over."""
    if limit < 1:
        return {"status": "stopped", "error": f"The {BUDGET} s for all parts were over."}
    with tempfile.TemporaryDirectory() as folder:
        into, said = Path(folder, "part.json"), Path(folder, "stderr")
        command = [sys.executable, __file__, "--part", name, "--into", str(into)]
        command += ["--device", asked.device, *(["--toy"] if asked.toy else [])]
        command += ["--data", str(asked.data)] if asked.data else []
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        # One thread is the fastest for a toy, above all where the processors are busy.
        threads = {"OMP_NUM_THREADS": "1"} if asked.toy else {}
        # cuBLAS adds up in a fixed order only if it is told so before it starts.
        fixed = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"} if name == "resume" else {}
        with said.open("wb") as file:
            process = subprocess.Popen(
                command,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | threads | fixed,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
            stopped = not ended(process, limit)
        part = {"status": "failed"} | (json.loads(into.read_bytes()) if into.exists() else {})
        if stopped:
            part |= {"status": "stopped", "error": f"It was killed at its limit of {limit:.0f} s."}
        elif part["status"] == "failed" and "error" not in part:
            last = said.read_text(errors="replace").strip()[-500:]
            part["error"] = f"The process ended with {process.returncode}: {last}"
        return part


def ended(process: subprocess.Popen[bytes], limit: float) -> bool:
    """Whether the process ends within the limit; none of its group is left afterwards."""
    try:
        process.wait(limit)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        # A process that hangs in the driver may outlive even that; the others need not wait.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)


@dataclass
class Check:
    """What a part is given, and where its findings go.

    Attributes:
        device: ``cuda`` or ``cpu``.
        toy: whether everything is to be at its smallest.
        data: the file that `pack` wrote; None: there is none.
        into: where findings are written as they come, so that a kill loses none.
        found: by name.
    """

    device: str
    toy: bool
    data: Path | None
    into: Path
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def cuda(self) -> bool:
        """Whether there is a GPU to measure."""
        return self.device == "cuda"

    def add(self, **found: Any) -> None:
        """Keep findings."""
        self.found |= found
        write(self.into, {"result": self.found})

    def each(self, name: str, find: Callable[[], Any]) -> None:
        """Keep what `find` finds, or what it lacked: the next one goes on."""
        try:
            self.add(**{name: find()})
        except Exception as error:  # noqa: BLE001  (whatever goes wrong is what was found)
            self.add(**{name: explained(error)})


def run_part(asked: argparse.Namespace) -> int:
    """One part, in this process."""
    check = Check(asked.device, asked.toy, asked.data, asked.into)
    module, _ = (PARTS | HANGS)[asked.part]
    try:
        getattr(importlib.import_module(module), asked.part)(check)
    except Exception as error:  # noqa: BLE001  (the file says what went wrong)
        ended = explained(error)
    else:
        failed = any(isinstance(each, dict) and "error" in each for each in check.found.values())
        ended = {"status": "failed", "error": "See result."} if failed else {"status": "done"}
    if "needs" in ended:
        ended["status"] = "done"
    write(asked.into, {"status": "failed", "result": check.found} | ended)
    return 0


def hang(check: Check) -> None:
    """Never end: for tests of who watches."""
    check.add(before="kept")
    time.sleep(3600)


def explained(error: BaseException) -> dict[str, str]:
    """Which package was missing, or what went wrong, as values for JSON."""
    cause = error if isinstance(error, ModuleNotFoundError) else error.__cause__
    if isinstance(cause, ModuleNotFoundError) and cause.name:
        return {"needs": cause.name.partition(".")[0]}
    return {"error": f"{type(error).__name__}: {error}"[:500]}


def finite(found: Any) -> Any:
    """The same with null in the place of what JSON has no number for."""
    if isinstance(found, dict):
        return {str(key): finite(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [finite(value) for value in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found


def write(path: Path, found: Any) -> None:
    """Put JSON in the place of what was there, at once or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(finite(found), file, indent=1, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
