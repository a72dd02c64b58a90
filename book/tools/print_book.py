"""Print the whole book into one PDF, with Chromium.

    python book/tools/print_book.py [--solutions yes|no]

What ``make book`` built is put together (``print_pages.py``) and printed twice: the first time says
on which sheet each page begins, the second has these numbers in its contents. ``--solutions yes``
prints the pages of solutions and the answers to quizzes; without them a class can be given it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import print_pages

from lt_course.errors import CourseError

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "_build" / "html"
FOLDER = ROOT / "_build" / "print"
TARGET = ROOT / "_build" / "long-tail-course.pdf"
TOC = ROOT / "book" / "_toc.yml"
STYLE = ROOT / "book" / "editions" / "print.css"
TITLE = "The Long Tail Course"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking "
    "--allow-file-access-from-files --no-pdf-header-footer --generate-pdf-document-outline "
    "--virtual-time-budget=600000"
)
PAGE = re.compile(rb"^(\d+) 0 obj\n<</Type /Page\n", re.MULTILINE)
DESTINATION = re.compile(rb"^(?:<<)?/([\w-]+) \[(\d+) 0 R /XYZ", re.MULTILINE)
PATIENCE = 1200  # seconds


def chromium() -> str:
    """Return the browser that prints."""
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        raise CourseError("No Chromium is on PATH: install one (chromium, google-chrome).")
    return found


def print_to(pdf: Path, page: Path) -> None:
    """Print a page of HTML; raise if Chromium printed it too early or not at all."""
    pdf.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [chromium(), *FLAGS.split(), f"--user-data-dir={profile}"]
        subprocess.run(
            [*command, f"--print-to-pdf={pdf}", page.as_uri()],
            timeout=PATIENCE,
            check=False,
            capture_output=True,
        )
    if not pdf.exists():
        raise CourseError(f"Chromium did not print {page}: open it in Chromium and print it there.")
    if f"<</Title ({TITLE})".encode() not in pdf.read_bytes()[:500]:
        raise CourseError(f"Chromium printed {page} before its formulas were set: run it again.")


def sheets(pdf: Path) -> dict[str, int]:
    """Return on which sheet each id lies that a link leads to, counted from 1.

    Chromium writes pages and named destinations as plain objects, pages in their order.
    """
    content = pdf.read_bytes()
    pages = sorted(map(int, PAGE.findall(content)))
    sheet = {number: place for place, number in enumerate(pages, start=1)}
    return {name.decode(): sheet[int(page)] for name, page in DESTINATION.findall(content)}


def print_book(solutions: bool) -> None:
    """Print the book into TARGET, by way of a folder beside it."""
    chosen = print_pages.whole(BOOK, TOC, solutions, TITLE)
    FOLDER.mkdir(exist_ok=True)
    shutil.copy(STYLE, FOLDER)
    page, draft = FOLDER / "book.html", FOLDER / "draft.pdf"
    page.write_text(chosen, encoding="utf-8")
    print_to(draft, page)
    page.write_text(print_pages.numbered(chosen, sheets(draft)), encoding="utf-8")
    print_to(TARGET, page)
    draft.unlink()


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--solutions", choices=("yes", "no"), default="no")
    started = time.perf_counter()
    try:
        print_book(parser.parse_args().solutions == "yes")
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    size, count = TARGET.stat().st_size / 1e6, len(PAGE.findall(TARGET.read_bytes()))
    took = time.perf_counter() - started
    print(f"The book on paper ({count} pages, {size:.1f} MB, {took:.0f} s): {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
