"""pyproject.toml, requirements.lock, constraints.txt and environment.yml say the same."""

import re
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
