"""Which recorded numbers differ between two commits, as Markdown.

    python book/tools/numbers_changed.py OLD NEW   # tags or commits; or: make numbers

Nothing is checked out. Each version's package is read out of git into a temporary folder, and its
own code judges its own records; so what is compared is what each version said of itself. Reasons
are those entries of NEW's CHANGELOG.md, which OLD's lacks, that name a claim or its factor in
backticks.
"""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RUNS = "lt_course/results/runs.jsonl"
PAPER = "lt_course/evidence/resources/paper_values.csv"
JUDGE = """
import json
from lt_course.evidence import verdicts
print(json.dumps([verdict.summary() for verdict in verdicts()]))
"""


class CannotCompare(Exception):  # noqa: N818
    """A commit that says nothing that could be compared, and why."""


@dataclass(frozen=True)
class Version:
    """What one commit says.

    Attributes:
        commit: as it was asked for.
        claims: id -> summary (`lt_course.evidence.claims.Verdict.summary`).
        runs: address -> record, a line of ``runs.jsonl``.
        paper: id -> value, as text.
        entries: of the changelog.
    """

    commit: str
    claims: dict[str, dict[str, Any]]
    runs: dict[str, dict[str, Any]]
    paper: dict[str, str]
    entries: list[str] = field(default_factory=list)


def git(repository: Path, *arguments: str) -> bytes:
    """What git prints; its last line of complaint is told."""
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise CannotCompare(f"git {arguments[0]} failed: {said[-1] if said else 'no reason told'}")
    return done.stdout


def read(repository: Path, commit: str) -> Version:
    """What a commit says, by its own code."""
    files = git(repository, "ls-tree", "-r", "--name-only", f"{commit}^{{commit}}").decode()
    known = set(files.splitlines())
    if RUNS not in known:
        day = git(repository, "show", "-s", "--format=%cs", f"{commit}^{{commit}}").decode().strip()
        where = "results/ at its root" if "results/runs.jsonl" in known else "no file"
        raise CannotCompare(
            f"{commit} ({day}) has its recorded results in {where}, not in the package ({RUNS}), "
            "so its code does not run outside of a clone; compare from a later commit on, and read "
            "CHANGELOG.md for what changed before."
        )

    def content(path: str) -> bytes:
        return git(repository, "show", f"{commit}:{path}") if path in known else b""

    records = map(json.loads, content(RUNS).decode().splitlines())
    return Version(
        commit,
        {each["id"]: each for each in judged(repository, commit)},
        {record["address"]: record for record in records},
        paper_values(content(PAPER)),
        entries(content("CHANGELOG.md")),
    )


def judged(repository: Path, commit: str) -> list[dict[str, Any]]:
    """The claims' summaries, by the commit's own code on its own records."""
    with tempfile.TemporaryDirectory() as folder:
        archive = git(repository, "archive", "--format=tar", commit, "lt_course")
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        # The folder in front: neither an installed package nor this clone's.
        code = f"import sys; sys.path.insert(0, {folder!r})\n{JUDGE}"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1]
        raise CannotCompare(f"The code of {commit} cannot judge its claims here: {said}")
    summaries: list[dict[str, Any]] = json.loads(done.stdout)
    return summaries


def paper_values(content: bytes) -> dict[str, str]:
    """Id -> value, of the table of the paper's numbers."""
    return {row["id"]: row["value"] for row in csv.DictReader(io.StringIO(content.decode()))}


def entries(content: bytes) -> list[str]:
    """The items of a changelog's lists."""
    return re.findall(r"^- (.+)$", content.decode(), re.M)


def reasons(claim: Mapping[str, Any], new_entries: Iterable[str]) -> str:
    """The entries that name a claim or its factor."""
    names = {f"`{claim['id']}`", f"`{claim['factor']}`"}
    return " ".join(entry for entry in new_entries if any(name in entry for name in names))


def measured(claim: Mapping[str, Any] | None) -> str:
    """Effect, interval, verdict and seeds."""
    if claim is None:
        return "—"
    if claim["effect"] is None:
        return str(claim["verdict"])
    interval = f"{claim['effect']:.3f} [{claim['low']:.3f}, {claim['high']:.3f}]"
    return f"{interval} {claim['verdict']}, {len(claim['seeds'])} seeds"


def report(old: Version, new: Version) -> str:
    """The whole comparison, as Markdown."""
    parts = [f"# Numbers that changed from {old.commit} to {new.commit}"]
    parts += ["## Claims", *changed_claims(old, new)]
    parts += ["## Recorded runs", *changed_runs(old, new)]
    parts += ["## Numbers of the paper", *changed_paper(old, new)]
    return "\n\n".join(parts) + "\n"


def changed_claims(old: Version, new: Version) -> Iterator[str]:
    """A sentence, and a table of the claims that read otherwise, by target."""
    added = [entry for entry in new.entries if entry not in old.entries]
    ids = [*new.claims, *(each for each in old.claims if each not in new.claims)]
    rows, same = [], 0
    for each in ids:
        before, after = old.claims.get(each), new.claims.get(each)
        claim = after or before
        assert claim is not None
        if measured(before) == measured(after):
            same += 1
            continue
        target = claim.get("target")
        cells = [f"`{each}`", measured(before), measured(after), reasons(claim, added)]
        rows.append((target is None, target or 0, f"| {target or ''} | {' | '.join(cells)} |"))
    yield f"{same} claims read as before, {len(rows)} do not."
    if rows:
        head = "| target | claim | old | new | why |\n|---|---|---|---|---|"
        yield "\n".join([head, *(text for *_, text in sorted(rows, key=lambda row: row[:2]))])


def changed_runs(old: Version, new: Version) -> Iterator[str]:
    """Which runs are recorded, by scale and seed, and which recorded metrics moved."""
    both = sorted(old.runs.keys() & new.runs.keys())
    moved = {a: metrics for a in both if (metrics := moved_metrics(old.runs[a], new.runs[a]))}
    yield (
        f"{len(both)} runs have the same address in both, {len(old.runs) - len(both)} are gone (or "
        f"have another address), {len(new.runs) - len(both)} are new. Of those in both, "
        f"{len(moved)} have other metrics."
    )
    if seeds := list(seed_rows(old, new)):
        yield "\n".join(["| scale | seed | old | new |\n|---|---:|---:|---:|", *seeds])
    if moved:
        rows = [
            f"| `{a}` | {new.runs[a]['name']} | {new.runs[a]['seed']} | {', '.join(metrics)} |"
            for a, metrics in moved.items()
        ]
        yield "\n".join(["| run | name | seed | metrics that moved |\n|---|---|---:|---|", *rows])


def moved_metrics(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Metrics that both records have, with other values."""
    before, after = old["metrics"], new["metrics"]
    return sorted(name for name in before.keys() & after.keys() if before[name] != after[name])


def seed_rows(old: Version, new: Version) -> Iterator[str]:
    """Rows of the scales and seeds that have another number of runs."""
    tallies = [
        Counter((record["scale"], record["seed"]) for record in version.runs.values())
        for version in (old, new)
    ]
    for scale, seed in sorted(set().union(*tallies)):
        before, after = (tally[scale, seed] for tally in tallies)
        if before != after:
            yield f"| {scale} | {seed} | {before} | {after} |"


def changed_paper(old: Version, new: Version) -> Iterator[str]:
    """A sentence, and a table of the paper's numbers that were corrected."""
    moved = [k for k in sorted(old.paper.keys() & new.paper) if old.paper[k] != new.paper[k]]
    gone, added = len(old.paper.keys() - new.paper), len(new.paper.keys() - old.paper)
    yield f"{len(moved)} were corrected, {added} added, {gone} taken out."
    if moved:
        rows = [f"| `{key}` | {old.paper[key]} | {new.paper[key]} |" for key in moved]
        yield "\n".join(["| number | old | new |\n|---|---:|---:|", *rows])


def main(arguments: list[str], repository: Path = ROOT) -> int:
    """Print the comparison; 2 if there is none, with one sentence that says why."""
    if len(arguments) != 2 or not all(arguments):
        print("Give two tags or commits: make numbers OLD=… NEW=…", file=sys.stderr)
        return 2
    try:
        print(report(*(read(repository, commit) for commit in arguments)), end="")
    except CannotCompare as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
