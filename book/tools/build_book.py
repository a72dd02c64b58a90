"""Build the book; never from a stale cache.

    python book/tools/build_book.py

Jupyter Book executes a notebook again when its own text changes, but does not see the code that
it imports. So the build keeps a fingerprint of everything else that a page's numbers depend on
(the package, the study as declared and as recorded, the lock, Python, the scale, the count files'
source) and starts from nothing when it differs. The map of the package, the front page's figure and
what the explorer loads are made anew. Any warning is a failure.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import draw_code_map
import explorer
import front_page

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "_build"
FINGERPRINT = BUILD / "fingerprint"
# Of this environment: another one lacks the extensions and runs other kernels.
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
COMMAND = "build . --toc book/_toc.yml --all -W -n --keep-going"


def fingerprint() -> str:
    """Return a digest of what the notebooks' cache does not look at."""
    digest = hashlib.sha256(sys.version.encode())
    for variable in ("LT_SCALE", "LT_COURSE_MIRROR"):
        digest.update(f"{variable}={os.environ.get(variable)}".encode())
    for path in [ROOT / "requirements.lock", *sorted((ROOT / "lt_course").rglob("*"))]:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def main() -> int:
    """Build; return Jupyter Book's exit status."""
    os.environ.setdefault("LT_SCALE", "tiny")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    started, key = time.perf_counter(), fingerprint()
    if not FINGERPRINT.exists() or FINGERPRINT.read_text() != key:
        shutil.rmtree(BUILD, ignore_errors=True)
    # Only the execution cache is worth keeping: a page that left the book must not linger.
    shutil.rmtree(BUILD / "html", ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    FINGERPRINT.write_text(key)
    draw_code_map.main()
    front_page.main()
    explorer.main()
    status = subprocess.run([JUPYTER_BOOK, *COMMAND.split()], cwd=ROOT).returncode
    page = BUILD / "html" / "index.html"
    if status == 0 and page.exists():
        print(f"\nThe book ({time.perf_counter() - started:.0f} s): {page}")
        return 0
    print("\nThe book was not built: see the first error above.", file=sys.stderr)
    return status or 1


if __name__ == "__main__":
    sys.exit(main())
