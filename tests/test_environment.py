"""pyproject.toml, requirements.lock, constraints.txt and environment.yml say the same."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PINNED_EXTRAS = ("book", "test")
DECLARED = [
    Requirement(text)
    for text in PROJECT["dependencies"] + [text for e in PINNED_EXTRAS for text in EXTRAS[e]]
]


def pins(path: Path) -> dict[str, list[Requirement]]:
    """Return the requirements of a pip file by canonical name (one entry per marker)."""
    found: dict[str, list[Requirement]] = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.rstrip("\\ "))
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


LOCK = pins(ROOT / "requirements.lock")


def version(requirement: Requirement) -> Version:
    """Return the one version that a pin allows."""
    (specifier,) = requirement.specifier
    assert specifier.operator == "=="
    return Version(specifier.version)


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_the_lock_satisfies_each_declared_dependency(requirement: Requirement) -> None:
    locked = LOCK[canonicalize_name(requirement.name)]
    assert all(requirement.specifier.contains(version(pin)) for pin in locked)


def test_every_pin_is_exact_and_hashed() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    assert len(entries) == sum(map(len, LOCK.values()))
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_lock_holds_the_constraints() -> None:
    for name, (constraint,) in pins(ROOT / "constraints.txt").items():
        assert [version(pin) for pin in LOCK[name]] == [version(constraint)], name


def test_the_lock_covers_every_python_we_allow() -> None:
    """No dependency is missing on the oldest Python, nor on those after the newest tested."""
    for minor in range(10, 15):
        environment = {"python_full_version": f"3.{minor}.0", "python_version": f"3.{minor}"}
        for requirement in DECLARED:
            if requirement.marker and not requirement.marker.evaluate(environment):
                continue
            locked = LOCK[canonicalize_name(requirement.name)]
            chosen = [p for p in locked if not p.marker or p.marker.evaluate(environment)]
            assert len(chosen) == 1, (requirement.name, minor)


def test_the_lock_holds_what_an_install_without_isolation_builds_with() -> None:
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    for requirement in map(Requirement, backend):
        (pin,) = LOCK[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version(pin))


def test_conda_users_get_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, by_pip = environment["dependencies"]
    assert pip == "pip"
    assert by_pip == {"pip": ["--requirement requirements.lock"]}
    assert (
        Version(python.removeprefix("python="))
        in Requirement(f"python{PROJECT['requires-python']}").specifier
    )


def test_a_conda_client_solves_what_it_is_asked(tmp_path: Path) -> None:
    """Python and pip, from conda-forge. The lock, which pip installs, has tests of its own."""
    clients = ("micromamba", "mamba", "conda")
    found = [name for name in clients if shutil.which(name)]
    if not found:
        pytest.skip("no conda client on PATH")
    try:
        socket.create_connection(("conda.anaconda.org", 443), timeout=10).close()
    except OSError:
        pytest.skip("conda-forge cannot be reached")
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    environment["dependencies"] = [d for d in environment["dependencies"] if isinstance(d, str)]
    (tmp_path / "environment.yml").write_text(yaml.safe_dump(environment))
    create = ["create", "--yes"] if found[0] == "micromamba" else ["env", "create"]
    done = subprocess.run(
        [
            *[found[0], *create, "--dry-run"],
            "--name",
            "lt-course-test",
            "--file",
            "environment.yml",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (python,) = (text for text in environment["dependencies"] if text.startswith("python="))
    assert re.search(rf"\bpython\b\D*{re.escape(python[7:])}\.\d+", done.stdout), done.stdout


def test_binder_gets_the_lock() -> None:
    """By repo2docker's rules: with `.binder/` there, it reads nothing else."""
    folder = ROOT / ".binder"
    assert {path.name for path in folder.iterdir()} == {
        "requirements.txt",
        "runtime.txt",
        "postBuild",
    }
    lines = (folder / "requirements.txt").read_text().splitlines()
    (asked,) = (line for line in lines if not line.startswith("#"))
    assert asked.startswith("--requirement ")
    assert (folder / asked.split()[1]).resolve() == ROOT / "requirements.lock"
    name, version_asked = (folder / "runtime.txt").read_text().strip().split("-")
    assert name == "python"
    assert Version(version_asked) in Requirement(f"python{PROJECT['requires-python']}").specifier
    script = (folder / "postBuild").read_text()
    assert script.startswith("#!/bin/sh\n")
    assert os.access(folder / "postBuild", os.X_OK)
    subprocess.run(["sh", "-n", folder / "postBuild"], check=True)


def test_the_dev_container_makes_the_environment_of_the_makefile() -> None:
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    container = json.loads(re.sub(r"^//.*$", "", text, flags=re.MULTILINE))
    image, _, python = container["image"].partition(":")
    assert image.endswith("/devcontainers/python")
    assert Version(python) in Requirement(f"python{PROJECT['requires-python']}").specifier
    make, target = container["postCreateCommand"].split()
    assert make == "make"
    makefile = (ROOT / "Makefile").read_text()
    assert "VENV := .venv\n" in makefile
    assert "READY := $(VENV)/.lt-course\n" in makefile
    assert target == ".venv/.lt-course"
    settings = container["customizations"]["vscode"]["settings"]
    assert settings["python.defaultInterpreterPath"] == ".venv/bin/python"


def test_the_page_on_installing_names_the_torch_of_the_lock() -> None:
    page = (ROOT / "book" / "installing.md").read_text()
    (pin,) = LOCK["torch"]
    (floor,) = (r.specifier for r in DECLARED if r.name == "torch")
    assert f"PyTorch {version(pin)}" in page
    lessons = "".join(path.read_text() for path in (ROOT / "notebooks").glob("[0-9]*.py"))
    most = max(re.findall(r"memory_gb: ([\d.]+)", lessons), key=float)
    assert f"up to {most} GB of memory" in page
    assert f"PyTorch {str(floor).removeprefix('>=')} or newer" in page
