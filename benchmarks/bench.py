"""Speed: this course beside others, and beside what no program could save.

    python benchmarks/bench.py                     # all rows, 9 rounds; or: make bench
    python benchmarks/bench.py help claims --rounds 5
    python benchmarks/bench.py --toy --out speed_toy.json    # every row at its smallest

Writes ``book/speed.json``, from which the page *Speed* is drawn. A row (`bench_rows.ROWS`) has up
to three sides: *ours*; a *peer* that does the same, and must give the same value; and a *limit*, a
part of the work that nobody can leave out. In each round every side runs once, each in a process of
its own on one thread, and the order turns from round to round; so a ratio compares neighbours in
time. Seconds are CPU-seconds, of the timed part alone; of a command, those of its whole process.
A first round fills the caches and is not counted. Run it on a machine that does nothing else: the
load is written down before and after each row.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import bench_rows
from bench_rows import ROWS, Row

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 9
TOLERANCE = 1e-4
"""How far, relatively, the values of two sides may differ: those of float32 sums."""

QUIET = 0.3
"""A load below which a machine is called quiet."""

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
    # glibc hands freed memory back at once, so the peak is that of what is in use.
    "MALLOC_MMAP_THRESHOLD_": str(2**20),
}


LAUNCH = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
seconds = used.ru_utime + used.ru_stime
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, used.ru_maxrss]))
"""
"""Linux lets a process begin with the peak of the one that started it, so a small one does."""

PROCESSOR = "from lt_course.study.provenance import processor; print(processor())"
"""Asked in another process, for it loads torch (see `LAUNCH`)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write; 1 if a side failed or two sides disagree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--toy", action="store_true", help="every row at its smallest")
    parser.add_argument("--out", type=Path, default=ROOT / "book" / "speed.json")
    parser.add_argument("--once", nargs=2, metavar=("ROW", "SIDE"), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.once:
        print(json.dumps(timed(*asked.once, asked.toy)))
        return 0
    if strange := [name for name in asked.rows if name not in ROWS]:
        parser.error(f"there is no row {strange[0]!r}; rows: {', '.join(ROWS)}")
    if asked.rounds < 1:
        parser.error(f"--rounds is {asked.rounds}; give 1 or more")
    if (load := os.getloadavg()[0]) > QUIET:
        print(
            f"The load is {load:.2f}: the machine is busy, and so are the numbers.", file=sys.stderr
        )
    chosen = {name: ROWS[name] for name in asked.rows or ROWS}
    written = about() | {"rounds": asked.rounds, "toy": asked.toy, "rows": {}}
    for name, row in chosen.items():
        try:
            written["rows"][name] = measure(name, row, asked.rounds, asked.toy)
        except BenchError as error:
            print(error, file=sys.stderr)
            return 1
        asked.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        print(summary(name, written["rows"][name]), flush=True)
    print(f"written: {asked.out}")
    return 0


class BenchError(Exception):
    """A side that failed, or disagrees with its peer."""


def about() -> dict[str, Any]:
    """Day, commit and machine."""
    asked = ["git", "-C", str(ROOT), *"describe --always --abbrev=12 --dirty --exclude=*".split()]
    commit = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit or None,
        "processor": subprocess.check_output(
            [sys.executable, "-c", PROCESSOR], env=os.environ | ENVIRONMENT, text=True
        ).strip(),
        "python": platform.python_version(),
    }


def measure(name: str, row: Row, rounds: int, toy: bool) -> dict[str, Any]:
    """All rounds of a row, after one that is not counted."""
    before = os.getloadavg()
    sides: dict[str, list[dict[str, float]]] = {side: [] for side in row.sides}
    for turn in range(rounds + 1):
        for side in turned([*row.sides], turn):
            found = whole(row.command(toy)) if side == "ours" and row.command else None
            found = found or one(name, side, toy)
            if turn:
                sides[side].append(found)
    agree(name, sides)
    return {
        "title": row.title,
        "setting": row.setting(toy),
        "names": row.sides,
        "reach": row.reach,
        "reach_mib": row.reach_mib,
        "sides": sides,
        "load": [before, os.getloadavg()],
    }


def turned(sides: list[str], turn: int) -> Iterator[str]:
    """The sides, beginning with another one each time."""
    start = turn % len(sides)
    yield from sides[start:] + sides[:start]


def whole(command: Sequence[str]) -> dict[str, float]:
    """CPU seconds and peak memory of a whole process."""
    launched = [sys.executable, "-S", "-c", LAUNCH, *command]
    done = subprocess.run(launched, env=os.environ | ENVIRONMENT, capture_output=True, text=True)
    told = done.stderr.strip().splitlines() or ["no reason told"]
    if done.returncode:
        raise BenchError(f"{' '.join(command)} could not be started: {told[-1]}")
    status, seconds, peak = json.loads(done.stdout)
    if status:
        raise BenchError(f"{' '.join(command)[:80]} failed: {told[-1]}")
    return {"cpu": seconds, "mib": peak / 1024}


def one(name: str, side: str, toy: bool) -> dict[str, float]:
    """One side's timed part, in a process of its own."""
    command = [sys.executable, __file__, "--once", name, side, *(["--toy"] if toy else [])]
    done = subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason told"]
        raise BenchError(f"{name}, {side} failed: {said[-1]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed(name: str, side: str, toy: bool) -> dict[str, float]:
    """Prepare, then time: CPU seconds, MiB by which the peak rose, and the value that came out."""
    work = ROWS[name].prepare(side, toy)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    value = work()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"cpu": seconds, "mib": (peak - before) / 1024, "value": float(value)}


def agree(name: str, sides: dict[str, list[dict[str, float]]]) -> None:
    """Refuse a row whose peer does something else."""
    if "peer" not in sides:
        return
    ours, peer = sides["ours"][0]["value"], sides["peer"][0]["value"]
    if not math.isclose(ours, peer, rel_tol=TOLERANCE):
        raise BenchError(f"{name}: ours gives {ours}, the peer {peer}; they do not do the same.")


def summary(name: str, row: dict[str, Any]) -> str:
    """One line."""
    told = [f"{side} {bench_rows.median(row, side):.3f} s" for side in row["sides"]]
    return f"{name:<14} {', '.join(told)}; load {row['load'][0][0]:.2f} to {row['load'][1][0]:.2f}"


if __name__ == "__main__":
    sys.exit(main())
