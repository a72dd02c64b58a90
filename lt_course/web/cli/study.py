"""``lt-course study run``, ``record``, ``verify``, and ``lt-course claims``."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from json import dumps

from tyro.conf import Positional

from lt_course import evidence
from lt_course.errors import CourseError
from lt_course.evidence import experiments, results, train_all
from lt_course.evidence import verify as verification

HEADINGS = {"accuracy": "accuracy", "spearman_accuracy": "S(a)", "spearman_predictions": "S(p)"}


def run(
    factor: Positional[tuple[str, ...]], workers: int = 1, scale: str = "cpu", seeds: str = "0-4"
) -> None:
    """Train the runs of factors, each on one thread; those in the store are done already.

    Stop with Ctrl-C; the same command goes on.

    Args:
        factor: files of experiments/ without .toml, or: all.
        workers: processes at a time.
        scale: tiny, cpu, gpu or full.
        seeds: numbers and ranges, such as 0-4 or 0,2,5.
    """
    if workers < 1:
        raise CourseError(f"--workers is {workers}; give 1 or more.")
    tasks = train_all.tasks(_factors(factor), scale, seed_numbers(seeds))
    left = train_all.unfinished(tasks)
    finished = len(tasks) - len(left)
    print(f"{len(tasks)} runs, {finished} of them in the store.", flush=True)
    start, failed = time.perf_counter(), 0
    for number, done in enumerate(train_all.fill(left, workers), start=1):
        remaining = (time.perf_counter() - start) / number * (len(left) - number)
        outcome = done.error or f"{done.seconds:.0f} s, {headed(done.metrics, 2)}"
        failed += done.error is not None
        print_progress(f"{finished + number}/{len(tasks)}", done.task, outcome, remaining)
    if failed:
        raise CourseError(f"{failed} of {len(tasks)} runs failed; their lines above say why.")


def record(
    factor: Positional[tuple[str, ...]] = ("all",), scale: str = "cpu", seeds: str = "0-4"
) -> None:
    """Write results/ from the store; arguments as of lt-course study run."""
    tally = results.commit_results(scale, seed_numbers(seeds), _factors(factor))
    print(
        f"{tally.recorded} of {tally.recorded + tally.missing} declared runs are recorded "
        f"({tally.new} new or changed, {tally.missing} missing)."
    )
    if tally.dropped:
        print(f"{tally.dropped} records that no factor declares any longer were removed.")


def verify(sample: int, seed: int = 0, scale: str = "cpu") -> int:
    """Train recorded runs again and compare; exit status 1: some differ.

    Args:
        sample: how many, at random.
        seed: of the choice.
        scale: of the recorded runs.
    """
    if sample < 1:
        raise CourseError(f"--sample is {sample}; give 1 or more.")
    for name, (number, remedy) in verification.left_out(scale).items():
        print(f"{number} recorded runs on {name} are left out. {remedy}", file=sys.stderr)
    wrong = 0
    for comparison in verification.verify(sample, seed, scale):
        if comparison.faults:
            verdict = "DIFFERS: " + "; ".join(comparison.faults)
        elif comparison.differences:
            verdict = f"within the tolerance (not as recorded: {', '.join(comparison.changed)})"
        else:
            verdict = "equal"
        wrong += bool(comparison.faults)
        known = comparison.recorded.run
        print(f"{known.address} | {known.name} | seed {known.seed} | {verdict}", flush=True)
    if wrong:
        print(f"{wrong} recorded runs could not be reproduced.", file=sys.stderr)
    return int(wrong > 0)


def claims(json: bool = False, scale: str = "cpu", seeds: str | None = None) -> None:
    """What the recorded runs say of each claim; with --json, one object each.

    Args:
        json: machine-readable.
        scale: of the runs.
        seeds: such as 0-9; default: those that claims are judged by (drawings 0-4, photographs
            1-9).
    """
    chosen = None if seeds is None else seed_numbers(seeds)
    verdicts = evidence.verdicts(scale=scale, seeds=chosen)
    if json:
        for verdict in verdicts:
            print(dumps(verdict.summary()))
        return
    for verdict in verdicts:
        claim, effect = verdict.claim, verdict.effect
        target = "" if claim.target is None else f", target {claim.target}"
        print(f"{verdict.verdict.upper()}: {claim.sentence}  [{claim.id}{target}]")
        measured = "no interval yet" if effect is None else f"{effect:.3f}"
        print(f"    effect {measured}, {len(verdict.by_seed)} seeds", end="")
        if claim.paper is not None:
            print(f"; paper {claim.paper[0]:.3f} ({claim.figure}: {claim.paper[1]})", end="")
        print("" if claim.note is None else f"\n    note: {claim.note}")
    tally = Counter(verdict.verdict for verdict in verdicts)
    print(f"{len(verdicts)} claims: " + ", ".join(f"{n} {what}" for what, n in tally.items()) + ".")


def headed(metrics: Mapping[str, float], digits: int) -> str:
    """The metrics of `HEADINGS`, each behind its heading."""
    return ", ".join(f"{said} {metrics[name]:.{digits}f}" for name, said in HEADINGS.items())


def print_progress(number: str, what: object, outcome: str, seconds_left: float) -> None:
    """One line, at once."""
    left = timedelta(seconds=round(seconds_left))
    print(f"{number} | {what} | {outcome} | {left} left", flush=True)


def seed_numbers(text: str) -> list[int]:
    """Seeds from a text such as ``0-4`` or ``0,2,5-7``: each once, in order."""
    seeds: set[int] = set()
    for part in text.split(","):
        ends = part.split("-")
        if len(ends) > 2 or not all(end.strip().isdecimal() for end in ends):
            raise CourseError(
                f"--seeds is {text!r}; give numbers and ranges, such as 0-4 or 0,2,5."
            )
        seeds.update(range(int(ends[0]), int(ends[-1]) + 1))
    if not seeds:
        raise CourseError(f"--seeds is {text!r}, an empty range; the smaller number comes first.")
    return sorted(seeds)


def _factors(names: tuple[str, ...]) -> list[experiments.Experiment]:
    if not names:
        raise CourseError("No factor is named; name one or more, or: all.")
    every = experiments.names() if names == ("all",) else names
    return [experiments.experiment(name) for name in every]


COMMANDS = {"study": {"run": run, "record": record, "verify": verify}, "claims": claims}
