"""The course installed, as on Colab: outside of a clone it has all that lessons read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from slow import mostly_slow

import lt_course

ROOT = Path(lt_course.__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as pip installs it from a copy of the sources."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lt_course", source / "lt_course", ignore=ignored)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True)
    shutil.rmtree(source)
    return target


def run(installed: Path, folder: Path, *arguments: str) -> str:
    """What Python prints in an empty folder, with a store in it."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(installed), "LT_COURSE_STORE": str(folder / "store")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_the_installed_package_that_is_tested(installed: Path, tmp_path: Path) -> None:
    said = run(installed, tmp_path, "-c", "import lt_course; print(lt_course.__file__)")
    assert Path(said.strip()).is_relative_to(installed)


def test_all_files_of_the_package_come_with_it(installed: Path) -> None:
    """Whatever a lesson reads of the package is there: nothing is left to the clone."""

    def files(package: Path) -> set[str]:
        found = (path.relative_to(package) for path in package.rglob("*") if path.is_file())
        return {path.as_posix() for path in found if "__pycache__" not in path.parts}

    assert files(installed / "lt_course") == files(ROOT / "lt_course")


def test_the_evidence_comes_with_it(installed: Path, tmp_path: Path) -> None:
    code = (
        "from lt_course import evidence, study\n"
        "from lt_course.evidence import paper, results\n"
        "from lt_course.counting import lemmas, web_frequencies\n"
        "print(len(results.load()), len(evidence.all_experiments()), len(evidence.verdicts()))\n"
        "print(len(paper.table('fig11')) > 0, web_frequencies.load(download=False).complete)\n"
        "print(study.config('paper-sl').scale, len(evidence.load_results('the_gap')) > 0)\n"
    )
    counted, read, named = run(installed, tmp_path, "-c", code).splitlines()
    assert [int(number) > 10 for number in counted.split()] == [True] * 3
    assert read.split()[0] == "True"
    assert named == "full True"


def test_a_run_is_trained_and_claims_are_printed(installed: Path, tmp_path: Path) -> None:
    command = ("-m", "lt_course.web.cli")
    few = ["--concepts", "8", "--num-images", "160", "--duration", "1 epoch", "--batch-size", "32"]
    said = run(installed, tmp_path, *command, "run", "sl", "--scale", "tiny", *few)
    assert "accuracy" in said
    assert list((tmp_path / "store").glob("*/*/SHA256SUMS"))
    assert "supported" in run(installed, tmp_path, *command, "claims")


@pytest.mark.parametrize("lesson", mostly_slow(["05_language", "13_open_models"], "05_language"))
def test_a_lesson_begins_outside_of_a_clone(installed: Path, tmp_path: Path, lesson: str) -> None:
    """Its first cells, imports and evidence; `make test` runs all of each in the clone."""
    source = (ROOT / "notebooks" / f"{lesson}.py").read_text()
    cells = [cell for cell in source.split("# %%")[1:] if not cell.startswith(" [markdown]")]
    code = "\n".join(cell.partition("\n")[2] for cell in cells[:2])
    shown = "import matplotlib; matplotlib.use('agg')\ndef display(*_): pass\n"
    run(installed, tmp_path, "-c", shown + code)
