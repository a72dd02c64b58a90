"""The comparison of two commits: on a small repository whose package judges three claims."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numbers_changed
import pytest

JUDGE = """
import json
from pathlib import Path

FILE = Path(__file__).parents[1] / "results" / "claims.json"


class Verdict:
    def __init__(self, fields):
        self.fields = fields

    def summary(self):
        return self.fields


def verdicts():
    return [Verdict(fields) for fields in json.loads(FILE.read_text())]
"""


def claim(name: str, effect: float | None, verdict: str, seeds: int = 5) -> dict[str, Any]:
    near = effect if effect is None else round(effect - 0.1, 3)
    far = effect if effect is None else round(effect + 0.1, 3)
    fields = {"effect": effect, "low": near, "high": far, "verdict": verdict}
    return {"id": name, "factor": "gap", "target": 2, "seeds": list(range(seeds))} | fields


def record(address: str, seed: int, **metrics: float | None) -> dict[str, Any]:
    return {"address": address, "name": "sl", "scale": "cpu", "seed": seed, "metrics": metrics}


class Repository:
    """A package's history in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch", "main")

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True)

    def commit(self, tag: str, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", tag)
        self.git("tag", tag)

    def version(self, tag: str, claims: list[Any], runs: list[Any], paper: str, log: str) -> None:
        files = {
            "lt_course/__init__.py": "",
            "lt_course/evidence/__init__.py": JUDGE,
            "lt_course/results/claims.json": json.dumps(claims),
            numbers_changed.RUNS: "".join(json.dumps(run) + "\n" for run in runs),
            numbers_changed.PAPER: "id,figure,value\n" + paper,
            "CHANGELOG.md": log,
        }
        self.commit(tag, files)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.commit("ancient", {"results/runs.jsonl": "{}\n"})
    made.version(
        "v1",
        [
            claim("same", 0.5, "supported"),
            claim("moves", 0.2, "supported"),
            claim("goes", 0.1, "x"),
        ],
        [record("aa", 0, accuracy=0.5, loss=1.0), record("bb", 1, accuracy=None)],
        "fig1/a,Fig. 1,0.25\nfig1/b,Fig. 1,0.5\n",
        "# Changelog\n\n- Long ago, `moves` moved.\n",
    )
    made.version(
        "v2",
        [claim("same", 0.5, "supported"), claim("moves", -0.3, "reversed", 9),
         claim("comes", None, "not recorded", 0)],
        [record("aa", 0, accuracy=0.75, loss=1.0), record("bb", 1, accuracy=None),
         record("cc", 2, accuracy=0.1)],
        "fig1/a,Fig. 1,0.26\nfig1/c,Fig. 1,0.5\n",
        "# Changelog\n\n- Nine seeds of `moves`.\n- Other news.\n\n- Long ago, `moves` moved.\n",
    )  # fmt: skip
    return made


def test_what_changed_is_listed_with_its_reason(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert numbers_changed.main(["v1", "v2"], repository.folder) == 0
    text = capsys.readouterr().out
    assert "1 claims read as before, 3 do not." in text
    assert (
        "| 2 | `moves` | 0.200 [0.100, 0.300] supported, 5 seeds "
        "| -0.300 [-0.400, -0.200] reversed, 9 seeds | Nine seeds of `moves`. |\n"
    ) in text
    assert "| 2 | `comes` | — | not recorded |  |\n" in text
    assert "| 2 | `goes` | 0.100 [0.000, 0.200] x, 5 seeds | — |  |\n" in text
    assert "`same`" not in text
    assert "2 runs have the same address in both, 0 are gone" in text
    assert "| `aa` | sl | 0 | accuracy |" in text
    assert "| cpu | 2 | 0 | 1 |" in text
    assert "| cpu | 0 |" not in text
    assert "1 were corrected, 1 added, 1 taken out." in text
    assert "| `fig1/a` | 0.25 | 0.26 |" in text


def test_a_version_equals_itself(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert numbers_changed.main(["v2", "v2"], repository.folder) == 0
    text = capsys.readouterr().out
    assert "3 claims read as before, 0 do not." in text
    assert "Of those in both, 0 have other metrics." in text
    assert "|" not in text


def test_nothing_is_checked_out(repository: Repository) -> None:
    (repository.folder / numbers_changed.RUNS).write_text("under way")
    assert numbers_changed.main(["v1", "v2"], repository.folder) == 0
    assert (repository.folder / numbers_changed.RUNS).read_text() == "under way"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["v1"], "Give two tags or commits"),
        (["", "v1"], "Give two tags or commits"),
        (["gone", "v1"], "Not a valid object name"),
        (["ancient", "v1"], "has its recorded results in results/ at its root"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_sentence(
    repository: Repository,
    arguments: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert numbers_changed.main(arguments, repository.folder) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert told in said.err
    assert said.err.count("\n") == 1


def test_code_that_cannot_run_here_is_told(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit("broken", {"lt_course/evidence/__init__.py": "import no_such_module"})
    assert numbers_changed.main(["v1", "broken"], repository.folder) == 2
    told = capsys.readouterr().err
    assert "The code of broken cannot judge its claims here" in told
    assert "no_such_module" in told
