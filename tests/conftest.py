"""A small stand-in for IconTail, for tests of everything that does not depend on its pictures."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from lt_course.data import icontail
from lt_course.data.icontail import Concept, IconSet, IconTail

# Processes that tests start find this folder's helpers, too.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
)


def small_icontail(
    concepts: int = 8, drawings: int = 40, tests: int = 6, seed: int = 0
) -> IconTail:
    """Noisy copies of one random pattern a concept; `drawings` to train on, by two authors."""
    generator = np.random.default_rng(seed)
    patterns = generator.random((concepts, 1, 8, 8)) > 0.5
    each = drawings + tests
    ink = np.kron(np.repeat(patterns, each, 1), np.ones((4, 4)))
    ink = np.clip(ink + 0.3 * generator.standard_normal(ink.shape), 0, 1).reshape(-1, 32, 32)
    concept = np.repeat(np.arange(concepts, dtype=np.int32), each)
    within = np.tile(np.arange(each), concepts)
    test = within >= drawings
    family = np.where(test, 2, within % 2).astype(np.int32)
    return IconTail(
        pictures=np.round(255 * (1 - ink)).astype(np.uint8),
        titles=[f"thing {c} of kind {k % 3}" for c, k in zip(concept, within, strict=True)],
        tags=[("odd",) if k % 2 else ("even", "pair") for k in within],
        concept=concept,
        family=family,
        set=family,
        test=test,
        concepts=tuple(
            Concept(
                f"thing-{c}",
                f"thing {c}",
                (f"object {c}",),
                ("entity",),
                f"the thing {c}",
                True,
                True,
            )
            for c in range(concepts)
        ),
        families=("a", "b", "c"),
        sets=tuple(IconSet(f, f, f, "MIT", "https://example.org", 0) for f in "abc"),
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> IconTail:
    """The stand-in, in the place of IconTail."""
    data = small_icontail()
    monkeypatch.setattr(icontail, "load", lambda: data)
    return data


@pytest.fixture
def store(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """An empty store."""
    monkeypatch.setenv("LT_COURSE_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave slow tests to ``make full``."""
    if item.get_closest_marker("slow") and not os.environ.get("LT_COURSE_FULL"):
        pytest.skip("left to make full")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if a test was skipped for a reason that `skips.txt` does not allow."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return
    lines = (Path(__file__).parent / "skips.txt").read_text().splitlines()
    allowed = [line for line in lines if line and not line.startswith("#")]
    reasons = {str(report.longrepr[2]) for report in reporter.stats.get("skipped", [])}
    for reason in sorted(reasons):
        if not any(re.search(pattern, reason) for pattern in allowed):
            reporter.write_line(f"\nNot allowed by tests/skips.txt: {reason}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
