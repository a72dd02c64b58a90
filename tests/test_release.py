"""One version: the package's, the citation's, and the newest in the changelog."""

import datetime
import re
import sys
from pathlib import Path

import yaml
from packaging.version import Version

import lt_course

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
HEADING = re.compile(r"^## (\S+)(?: - (\d{4}-\d\d-\d\d))?$", re.M)
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_the_version_has_one_source() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"file": "lt_course/VERSION"}
    assert lt_course.__version__ == (ROOT / "lt_course" / "VERSION").read_text().strip()
    assert str(Version(lt_course.__version__)) == lt_course.__version__


def test_citation_and_changelog_name_version_and_day() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    (unreleased, _), (version, day), *_ = HEADING.findall(CHANGELOG)
    assert unreleased == "Unreleased"
    assert citation["version"] == version == lt_course.__version__
    assert citation["date-released"] == datetime.date.fromisoformat(day)


def test_each_version_groups_what_changed() -> None:
    for text in re.split(r"^## ", CHANGELOG, flags=re.M)[2:]:
        groups = re.findall(r"^### (.+)$", text, re.M)
        assert groups == [name for name in ("Added", "Changed", "Numbers") if name in groups]
        assert groups
