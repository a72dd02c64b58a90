"""Write a lesson's exercises for otter-grader 7 and for nbgrader 0.9; `grading` calls this.

Both keep to the documented formats (otter-grader 7.0.0, *Python Format* of its test files and what
*Otter Generate* puts into a zip; nbgrader, *JSON Metadata Format* and schema version 3). Lesson 15
was graded by `otter run` 7.0.0: all points for the solutions, none for the stubs.
nbgrader 0.9.6 gave it all points but those of the explanation, which is read by hand, and none.
Never run: `setup.sh`, Gradescope, Canvas. Try one submission before a class depends on them.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from exercise_pages import Question, questions, require_secret, source_of
from nbformat import NotebookNode

import notebooks
from lt_course.lessons import exercises
from lt_course.lessons.exercises.kinds import Explanation, Prediction

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = notebooks.NOTEBOOKS.parent
RELEASES = ROOT / "_build" / "grading"
OTTER = "7.0.0"

JUDGE = """\
from lt_course.lessons import exercises
from lt_course.lessons.exercises.kinds import drawn_by

exercise = drawn_by(exercises.of({lesson!r}).exercises[{name!r}], {seed})
judgement = exercise.judge({answer})
assert judgement.right, judgement.sentence
"""

OTTER_TEST = '''\
"""Exercise {name!r} of lesson {lesson!r}, on hidden inputs{note}."""

from otter.test_files import test_case

OK_FORMAT = False
name = {name!r}
points = {points}


@test_case(points={points}, hidden=True)
def test_on_hidden_inputs(env):
{body}'''

OTTER_FILES = {
    "run_otter.py": 'from otter.run.run_autograder import main\n\nmain("/autograder")\n',
    "run_autograder": """#!/usr/bin/env bash
/root/otter-env/bin/python /autograder/source/run_otter.py
""",
    "setup.sh": """#!/usr/bin/env bash
set -e
# Ubuntu's own Python: apt checks signatures, and no installer is fetched beside it.
apt-get update && apt-get install -y python3 python3-venv
python3 -m venv /root/otter-env
/root/otter-env/bin/python -m pip install -r /autograder/source/requirements.txt
""",
    "otter_config.json": json.dumps(
        {"lang": "python", "show_hidden": False, "show_stdout": False}, indent=2
    ),
}

OTTER_README = """# {lesson}: an autograder for otter-grader 7.0.0

`otter run` graded a lesson of this course with an archive of this form. Never tried: the \
container of Gradescope or Canvas, and `setup.sh`, which needs Python 3.10 or newer from apt. \
Grade one submission that you know before a class depends on it.

- `tests/` has one exception-based test file for each exercise. It calls the course's own check on \
hidden inputs of seed {seed}. This file and the seed are not for students.
- `files/lt_course` is the course's package, which the notebook and the tests import.
- Otter runs the whole notebook. Lessons that train then train, for as long as their pages say.
- Explanations are given points for the ideas that they name. A person has to read them: {read}.
- A prediction is the one that the page's own check has kept.
"""

NBGRADER_CONFIG = """c = get_config()  # noqa: F821
# A stub of the course runs as it is; nbgrader's own would raise an error.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
# Seconds for a cell: some train.
c.ExecutePreprocessor.timeout = 1800
"""

NBGRADER_README = """# {lesson}: a source notebook for nbgrader 0.9

nbgrader 0.9.6 generated and graded a lesson of this course in this form. Generate, \
solve and grade it once yourself before a class depends on it.

- Copy `source/{lesson}` into your course's `source/` and merge `nbgrader_config.py` into yours.
- The notebook holds solutions and hidden tests; `nbgrader generate_assignment` removes both.
- Hidden tests call the course's own check on hidden inputs of seed {seed}.
- Autograding runs the whole notebook and needs `lt_course`. Lessons that train then train.
- Explanations are graded by hand: {read}.
"""


def _read_by_person(slug: str) -> str:
    asked = exercises.of(slug).exercises.items()
    return ", ".join(f"`{name}`" for name, e in asked if isinstance(e, Explanation))


def _otter_test(slug: str, question: Question, seed: int) -> str:
    exercise = exercises.of(slug).exercises[question.name]
    answer = f"env.get({question.asked!r})"
    if isinstance(exercise, Prediction):  # later cells may use the variable's name again
        answer = f"getattr(env.get('check'), '_kept', {{}}).get({question.name!r}, {answer})"
    judge = JUDGE.format(lesson=slug, name=question.name, seed=seed, answer=answer)
    return OTTER_TEST.format(
        lesson=slug,
        name=question.name,
        points=question.points,
        note="; to be read by a person" if isinstance(exercise, Explanation) else "",
        body="".join(f"    {line}" if line.strip() else line for line in judge.splitlines(True)),
    )


def otter_files(slug: str, seed: int) -> dict[str, str]:
    """Return a lesson's autograder for otter-grader 7, without the course's package."""
    require_secret(seed)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [f"otter-grader[grading,plugins]=={OTTER}", *project["dependencies"]]
    files = OTTER_FILES | {
        "requirements.txt": "\n".join(requirements) + "\n",
        "README.md": OTTER_README.format(lesson=slug, seed=seed, read=_read_by_person(slug)),
    }
    for question in questions(notebooks.read_source(source_of(slug))):
        file = f"tests/{question.name.replace('-', '_')}.py"
        files[file] = _otter_test(slug, question, seed)
    return files


def package_files() -> Iterator[tuple[str, bytes]]:
    """Yield the course's package, which belongs into every archive for otter-grader."""
    for path in sorted((ROOT / "lt_course").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"files/{path.relative_to(ROOT).as_posix()}", path.read_bytes()


def otter_archive(slug: str, seed: int, folder: Path = RELEASES) -> Path:
    """Write a lesson's autograder as a zip for otter-grader 7; return its path."""
    files: dict[str, str | bytes] = {**otter_files(slug, seed), **dict(package_files())}
    target = folder / "otter" / f"{slug}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def _metadata(grade_id: str, points: int | None, solution: bool) -> NotebookNode:
    """Return nbgrader's metadata of a code cell; `points` are None if it is not graded itself."""
    found = NotebookNode(schema_version=3, grade_id=grade_id, cell_type="code", task=False)
    found |= {"grade": points is not None, "solution": solution, "locked": not solution}
    return found if points is None else NotebookNode(found | {"points": points})


def nbgrader_files(slug: str, seed: int) -> dict[str, str]:
    """Return a lesson as a source notebook of nbgrader 0.9, with what belongs to it."""
    require_secret(seed)
    source = source_of(slug)
    page = notebooks.read_source(source)
    solutions = notebooks.exercise_cells(notebooks.read_source(notebooks.solutions(source)))
    for question in questions(page):
        name, asked = question.name, question.asked
        cell = notebooks.exercise_cells(page)[name]
        solution = solutions[name].source.rstrip()
        cell.source += f"\n\n\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
        by_hand = isinstance(exercises.of(slug).exercises[name], Explanation)
        points = question.points if by_hand else None
        cell.metadata["nbgrader"] = _metadata(name, points, solution=True)
        if by_hand:
            continue
        check = next(c for c in page.cells if f'check("{name}"' in c.source)
        judge = JUDGE.format(lesson=slug, name=name, seed=seed, answer=asked)
        check.source = (
            "import warnings\n\n"
            "warnings.simplefilter('ignore')  # nbgrader takes stderr for a failed test\n"
            f"{check.source}\n### BEGIN HIDDEN TESTS\n{judge}### END HIDDEN TESTS"
        )
        check.metadata["nbgrader"] = _metadata(f"{name}-check", question.points, solution=False)
    nbformat.validate(page)
    return {
        f"source/{slug}/{source.stem}.ipynb": nbformat.writes(page) + "\n",
        "nbgrader_config.py": NBGRADER_CONFIG,
        "README.md": NBGRADER_README.format(lesson=slug, seed=seed, read=_read_by_person(slug)),
    }


def nbgrader_release(slug: str, seed: int, folder: Path = RELEASES) -> Path:
    """Write a lesson as a source notebook of nbgrader 0.9; return the notebook's path."""
    base = folder / "nbgrader" / slug
    for name, text in nbgrader_files(slug, seed).items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(text, encoding="utf-8")
    return base / "source" / slug / f"{source_of(slug).stem}.ipynb"
