"""Progress with the time left: one line, in a terminal or in a notebook.

tqdm reckons and formats. In a notebook its line replaces itself in one output (and so leaves one
line in the stored page); in a terminal it goes to standard error; anywhere else, such as a log
file or a pipe, nothing is written.
"""

from __future__ import annotations

import html
import io
import sys
from typing import Any

from tqdm import tqdm

from lt_course.distributed import rank


class _NotebookLine(io.TextIOBase):
    """A text stream whose last line is shown in one notebook output."""

    def __init__(self) -> None:
        from IPython.display import display

        self._handle = display(_html(""), display_id=True)

    def write(self, text: str) -> int:
        if line := text.strip("\r\n "):
            self._handle.update(_html(line))
        return len(text)


def _html(text: str) -> Any:
    from IPython.display import HTML

    return HTML(f'<div style="font-family: monospace">{html.escape(text)}</div>')


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


def progress(label: str, total: int, initial: int = 0, quiet: bool = False) -> tqdm:
    """A line over `total` steps, of which `initial` are done; of several processes, the first's."""
    quiet = quiet or rank() > 0
    notebook = _in_notebook() and not quiet
    return tqdm(
        desc=label,
        total=total,
        initial=initial,
        unit=" steps",
        file=_NotebookLine() if notebook else sys.stderr,
        disable=quiet or (not notebook and not sys.stderr.isatty()),
        ascii=" ▏▎▍▌▋▊▉█",
        ncols=100,
        mininterval=0.5,
    )
