"""Books of a page or two, built in a second, for tests of the book's own Sphinx extensions."""

from __future__ import annotations

import json
from pathlib import Path

from sphinx.cmd.build import build_main

STATIC = Path(__file__).resolve().parents[1] / "book" / "_static"


def notebook(*cells: str) -> str:
    """A notebook of Markdown cells, as JSON."""
    written = [
        {"cell_type": "markdown", "id": f"cell-{k}", "metadata": {}, "source": text}
        for k, text in enumerate(cells)
    ]
    return json.dumps({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def build(
    folder: Path, files: dict[str, str], settings: str = "", builder: str = "html"
) -> tuple[Path, list[str]]:
    """Write `files` below `folder`, build them, and return where the output is and the warnings.

    `settings` are lines for `conf.py`; the extensions of `book/tools` are importable.
    """
    source = folder / "source"
    files = {"index.md": "# Index\n", **files}
    lines = f"extensions = ['myst_nb']\nnb_execution_mode = 'off'\n{settings}\n"
    for name, text in {**files, "conf.py": lines}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    output, told = folder / builder, folder / "warnings.txt"
    arguments = ["-q", "-b", builder, "-E", "--no-color", "-w", told, source, output]
    assert build_main([str(argument) for argument in arguments]) == 0
    return output, told.read_text(encoding="utf-8").splitlines()
