"""The command ``lt-course``; a module for each theme, a function for each command.

`tyro` reads a command's arguments off its function's signature, and their help off its docstring.
A theme is imported when one of its commands is called, for it imports what takes seconds.
"""

from __future__ import annotations

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
    """Entry point; returns the exit status (2: bad input, 130: interrupted)."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in ("-h", "--help"):
        print("usage: lt-course COMMAND …; lt-course COMMAND --help says more\n")
        print("\n".join(f"  {name:<9} {what}" for name, (_, what) in THEMES.items()))
        return 0 if words else 2
    try:
        return _call(words[0], words[1:])
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(str(stop) or "Stopped; what was saved stays.", file=sys.stderr)
        return 130


def _call(name: str, words: Sequence[str]) -> int:
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
