"""The command ``lt-course``; a module for each theme, a function for each command.

`tyro` reads a command's arguments off its function's signature, and their help off its docstring.
A theme is imported when one of its commands is called, for it imports what takes seconds.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from lt_course.errors import CourseError

THEMES = {
    "run": ("runs", "train and evaluate one run, or read it from the store"),
    "plan": ("runs", "what a run would take on GPUs, told without one"),
    "runs": ("runs", "list the runs in the store"),
    "study": ("study", "train, record or verify the declared study"),
    "claims": ("study", "what the recorded runs say of each claim"),
    "concepts": ("concepts", "count concepts in captions"),
    "data": ("data", "shards of photographs, and the course's data"),
    "models": ("models", "released CLIPs, and how biased they are"),
}
"""The module of each command, and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status (2: bad input, 130: interrupted, 141: unread)."""
    words = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names need not be UTF-8, nor the terminal's
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            return _call(words)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        if error.filename is None and error.errno in (errno.EPIPE, errno.ENOSPC):
            # Of the output, behind which stands: | head. What is left of it goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 141
        named = error.filename or "The output, or a file"
        print(f"{named}: {error.strerror or error}; see to that, start again.", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(str(stop) or "Stopped; what was saved stays.", file=sys.stderr)
        return 130


def _call(arguments: Sequence[str]) -> int:
    name, *words = arguments or [""]
    if name in ("", "-h", "--help"):
        print("usage: lt-course COMMAND …; lt-course COMMAND --help says more\n")
        print("\n".join(f"  {name:<9} {what}" for name, (_, what) in THEMES.items()))
        return 0 if arguments else 2
    if name not in THEMES:
        raise CourseError(f"There is no command {name!r}; lt-course has {', '.join(THEMES)}.")
    command = import_module(f"{__name__}.{THEMES[name][0]}").COMMANDS[name]
    if name in ("run", "plan"):  # which take any field of a run, too
        return int(command(words))
    import tyro

    prog, config = f"lt-course {name}", (tyro.conf.FlagCreatePairsOff,)
    if callable(command):
        return tyro.cli(command, prog=prog, args=words, config=config) or 0
    app = tyro.extras.SubcommandApp()
    for second, function in command.items():
        app.command(name=second)(function)
    return app.cli(prog=prog, args=words, config=config) or 0
