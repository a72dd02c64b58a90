"""Copy the finished runs of one store into the course's own.

    python book/tools/keep_runs.py STORE

`make test` trains into a store of its own, so that what it says does not depend on earlier runs;
what it trained need not be trained again for the book.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from filelock import FileLock

from lt_course.files import SUMS
from lt_course.study import store


def keep(source: Path, target: Path) -> int:
    """Copy the runs that `source` has finished and `target` has not; return how many."""
    kept = 0
    for last in sorted(source.glob(f"*/*/{SUMS}")):
        place = target / last.parent.relative_to(source)
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / "lock"):
            if (place / last.name).exists():
                continue
            unlike = shutil.ignore_patterns("lock", last.name)
            shutil.copytree(last.parent, place, ignore=unlike, dirs_exist_ok=True)
            # Written last, as in training: where it is, all is.
            shutil.copy2(last, place)
            kept += 1
    return kept


if __name__ == "__main__":
    print(f"{keep(Path(sys.argv[1]), store.root())} new runs kept in {store.root()}")
