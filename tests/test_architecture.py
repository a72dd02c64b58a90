"""Imports go one way: a reader of one part need not open a later one."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

import lt_course
from lt_course import study
from lt_course.errors import CourseError
from lt_course.study import registry

PACKAGE = Path(lt_course.__file__).parent
CORE = ("data", "models", "objectives", "training", "evaluation", "study")
MAY_IMPORT = {part: {"", *CORE[: number + 1]} for number, part in enumerate(CORE)} | {
    "": {""},
    "evidence": {"", *CORE, "evidence"},
    "counting": {"", "counting"},
    "plots": {"", *CORE, "evidence", "counting", "plots"},
    "lessons": {"", *CORE, "evidence", "counting", "plots", "lessons"},
    "web": {"", *CORE, "evidence", "counting", "plots", "web"},
}


def imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names below lt_course that a module imports; for type checkers alone is no import."""
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lt_course"):
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        nodes.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_imports_go_one_way(path: Path) -> None:
    here = path.relative_to(PACKAGE).parts
    part = here[0] if len(here) > 1 else ""
    for name in imported(ast.parse(path.read_text())):
        first = name.split(".")[1]
        other = first if (PACKAGE / first).is_dir() else ""
        assert other in MAY_IMPORT[part], f"{'/'.join(here)} imports {name}"


def test_no_two_modules_import_each_other() -> None:
    names = {
        ".".join(("lt_course", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in PACKAGE.rglob("*.py")
    }
    needs = {
        name: {
            other
            for full in imported(ast.parse(path.read_text()))
            if (other := full if full in names else full.rpartition(".")[0]) in names
        }
        for name, path in names.items()
    }
    while free := [name for name, others in needs.items() if not others & needs.keys() - {name}]:
        for name in free:
            del needs[name]
    assert not needs, f"a circle among {sorted(needs)}"


def python(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_packages_are_loaded_where_they_are_needed() -> None:
    """What lies below the study can be imported in the time that torch and numpy take."""
    names = [
        ".".join(("lt_course", *path.relative_to(PACKAGE).with_suffix("").parts))
        for part in ("data", "models", "evaluation")
        for path in sorted((PACKAGE / part).glob("[a-z]*.py"))
    ]
    packages = "open_clip pandas pooch pyarrow scipy sklearn timm torchvision transformers".split()
    assert python(
        f"import importlib, sys\nfor name in {names}:\n"
        f"    importlib.import_module(name)\n"
        f"    for package in {set(packages)} & {{*sys.modules}}:\n"
        "        print(f'{name}:{package}')\n        del sys.modules[package]\n"
    ) == []  # fmt: skip


def test_drawings_need_nothing_of_the_web() -> None:
    """Until a run names what an extension adds."""
    loaded = "print(any(name.startswith('lt_course.web') for name in sys.modules))\n"
    said = python(
        "import sys\nfrom lt_course import study\n"
        "study.training_set(study.config('clip-title', scale='tiny'))\n" + loaded +
        "study.config('gpu-cifar100-sl')\n" + loaded
    )  # fmt: skip
    assert said == ["False", "True"]


def test_an_extension_that_lacks_a_package_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "web"

        def load(self) -> None:
            raise ModuleNotFoundError("No module named 'fsspec'", name="fsspec")

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    with pytest.raises(
        CourseError, match=r"needs the package fsspec; .*pip install 'lt-course\[web\]'"
    ):
        registry.load_extensions.__wrapped__()


def test_the_walk_through_a_run_is_short(small, store: Path) -> None:
    """Modules that a run from its name to its result enters; the number is to fall, not to rise."""
    entered: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(str(PACKAGE)):
            entered.add(path)

    run = {"concepts": 8, "num_images": 64, "batch_size": 32, "duration": "2 steps"}
    sys.setprofile(note)
    try:
        study.train_or_load(study.config("sl", scale="tiny", profile="flat", **run))
    finally:
        sys.setprofile(None)
    assert len(entered) <= 28


def test_no_function_of_the_core_is_longer_than_a_page() -> None:
    for path in [
        *PACKAGE.glob("*.py"),
        *(p for part in CORE for p in PACKAGE.glob(f"{part}/*.py")),
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno is not None
                assert node.end_lineno - node.lineno < 60, f"{path.name}: {node.name}"
