"""Run exercise cells and judge what they give, each in a process of its own; `grading` starts this.

    python book/tools/judging.py < task.json

The task names lesson and seed, and holds the cells, what the page defines for them, and the time
limit. Standard output gets a JSON list of verdicts. What a cell prints goes nowhere. No object of
the student's leaves its process, which is forked from one that has imported the course and has run
nothing of the student's. This protects a report from accidents, not from malice: a cell that wants
to deceive shares the process with its judge.
"""

from __future__ import annotations

import ast
import faulthandler
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np
import torch

from lt_course.errors import CourseError
from lt_course.lessons import exercises
from lt_course.lessons.exercises.kinds import Exercise, Function, drawn_by
from lt_course.study import store

SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
GRACE = 10.0  # seconds after which a process is ended that has not ended itself
TRAINED = "a trained run that is not in the store"
LONGEST = 300  # characters of a sentence; a student's exception may say more


class UntrainedError(CourseError):
    """A run is asked for that would have to be trained."""


def bound(tree: ast.AST) -> Iterator[str]:
    """Yield the names that code defines or assigns outside of functions, in order."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif not isinstance(node, SCOPES):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            yield from bound(node)


def parse(source: str) -> ast.Module:
    """Parse a cell; the notebook's own commands (`%time`, `!ls`) are left out."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.parse(re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE))


def one_line(text: str) -> str:
    """Return a text on one line, without what a terminal or a file cannot take."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def described(error: BaseException) -> str:
    """Name an error and say what it says, if it can."""
    try:
        return f"{type(error).__name__}: {error}".rstrip(": ")
    except Exception:  # noqa: BLE001  a student's class may fail to speak
        return type(error).__name__


class Cell:
    """A student's cell, run statement by statement after what the page defines.

    A statement that needs a value of another cell of the page is passed over: it is right on the
    page, and often only shows what the answer does there.

    Attributes:
        needs: what was missing.
        skipped: names that statements passed over would have bound.
    """

    def __init__(self, page: list[str], elsewhere: list[str]) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.needs: set[str] = set()
        self._elsewhere, self.skipped = set(elsewhere), set[str]()
        for statement in page:
            self._run(ast.parse(statement))

    def run(self, source: str) -> list[str]:
        """Run a cell; return the names that it binds, in order."""
        names: list[str] = []
        self.needs.clear()
        for statement in parse(source).body:
            found = list(bound(ast.Module([statement], [])))
            names += found
            if self._run(ast.Module([statement], [])):
                self.skipped -= set(found)
            else:
                self.skipped |= set(found)
                self._elsewhere |= set(found)
        return names

    def _run(self, module: ast.Module) -> bool:
        try:
            exec(compile(module, "<cell>", "exec"), self.namespace)
        except UntrainedError:
            self.needs.add(TRAINED)
        except NameError as error:
            if not self._of_page(error):
                raise
        else:
            return True
        return False

    def _of_page(self, error: NameError) -> bool:
        """Whether the page binds the name that is missing; if so, note it."""
        name = None if isinstance(error, UnboundLocalError) else error.name
        if name is None or name not in self._elsewhere:
            return False
        if name not in self.skipped:
            self.needs.add(name)
        return True

    def answer(self, names: list[str], asked: str, function: bool) -> Any:
        """Return what the lesson's check asks for, else the last name that the cell binds.

        Of a cell that is to define a function, the last name that holds one.
        """
        there = [n for n in names if n in self.skipped or n in self.namespace]
        if asked in there:
            there = [asked]
        elif function:
            there = [n for n in there if callable(self.namespace.get(n))] or there
        if not there or there[-1] in self.skipped:
            return None
        self.needs.clear()
        found = self.namespace[there[-1]]
        return self._noting(found) if function and callable(found) else found

    def _noting(self, function: Any) -> Any:
        def called(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except NameError as error:
                self._of_page(error)
                raise
            except UntrainedError:
                self.needs.add(TRAINED)
                raise

        return called


def judged(cell: Cell, task: dict[str, str], exercise: Exercise) -> tuple[bool | None, str]:
    """Run the cell and judge it; what it may raise is told and counts as wrong."""
    try:
        names = cell.run(task["cell"])
    except SyntaxError as error:
        return False, f"the cell is not valid Python: {described(error)}"
    except BaseException as error:  # noqa: BLE001  SystemExit, too
        cell.needs.clear()
        return False, f"the cell ends in {described(error)}"
    try:
        answer = cell.answer(names, task["asked"], isinstance(exercise, Function))
        judgement = exercise.judge(answer)
    except UntrainedError:
        cell.needs.add(TRAINED)
        return None, ""
    except BaseException as error:  # noqa: BLE001  as above, from within a function
        return False, f"judging it ends in {described(error)}"
    return judgement.right, judgement.sentence


def draws(exercise: Exercise) -> bool:
    """Whether the hidden inputs of an exercise depend on the seed."""
    if not isinstance(exercise, Function):
        return True
    used, fresh = (np.random.default_rng(exercise.seed) for _ in range(2))
    list(exercise.inputs(used))
    return used.bit_generator.state != fresh.bit_generator.state


def refuse_training(*_: Any) -> NoReturn:
    """Stand in for training: grading reads runs, and makes none."""
    raise UntrainedError("This needs a trained run: run the lesson once, then grade again.")


def refuse_network(event: str, _: Any) -> None:
    """Keep the network closed, as an audit hook."""
    if event in NETWORK:
        raise ConnectionError("the network is closed while answers are judged")


def judge(task: dict[str, Any], asked: dict[str, str], report: int) -> NoReturn:
    """Judge one cell in this process, write the verdict to a file descriptor, and exit."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    store._train = refuse_training  # type: ignore[assignment]  # for this process alone
    sys.addaudithook(refuse_network)
    torch.set_num_threads(1)
    torch.manual_seed(task["seed"])
    np.random.seed(task["seed"] % 2**32)
    exercise = drawn_by(exercises.of(task["lesson"]).exercises[asked["exercise"]], task["seed"])
    cell = Cell(task["page"], task["elsewhere"])
    # A thread of C code ends the process: no `except` sees it, and no lock holds it up.
    faulthandler.dump_traceback_later(task["limit"], exit=True, file=report)
    right, sentence = judged(cell, asked, exercise)
    faulthandler.cancel_dump_traceback_later()
    verdict = {
        "right": right,
        "sentence": one_line(sentence),
        "needs": sorted(cell.needs),
        "draws": draws(exercise),
    }
    os.write(report, json.dumps(verdict).encode())
    os._exit(0)  # whatever threads and exit functions the cell has left


def judge_apart(task: dict[str, Any], asked: dict[str, str]) -> dict[str, Any]:
    """Judge one cell in a process of its own, in an empty folder; return the verdict."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as report:
        child = os.fork()
        if not child:
            os.setsid()
            os.chdir(folder)
            judge(task, asked, report.fileno())
        status = _wait(child, task["limit"] + GRACE)
        report.seek(0)
        written = report.read().decode(errors="replace")
    with suppress(json.JSONDecodeError):
        verdict: dict[str, Any] = json.loads(written)
        return verdict
    told = f"its process ended before it was judged (status {status})."
    if status is None or written.startswith("Timeout ("):
        told = f"it was still running after {task['limit']:g} s."
    return {"right": False, "sentence": told, "needs": [], "draws": True}


def _wait(child: int, seconds: float) -> int | None:
    """Return the exit status of a process, or None if it had to be ended; with it ends its own."""
    ended, status, until = 0, 0, time.monotonic() + seconds
    while not ended and time.monotonic() < until:
        time.sleep(0.02)
        ended, status = os.waitpid(child, os.WNOHANG)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if ended:
        return os.waitstatus_to_exitcode(status)
    os.waitpid(child, 0)
    return None


def main() -> None:
    """Judge the cells of the task on standard input."""
    task = json.load(sys.stdin)
    Cell(task["page"], task["elsewhere"])  # imports what all of them need
    print(json.dumps([judge_apart(task, asked) for asked in task["cells"]]))


if __name__ == "__main__":
    main()
