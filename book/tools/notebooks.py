"""Make and check the notebook pairs.

``notebooks/NN_name.py`` (jupytext's percent format) is the source of a lesson and
``notebooks/NN_name.ipynb`` is generated from it, executed. The way is one: an edit in the
``.ipynb`` is overwritten by the next build.

    python book/tools/notebooks.py build 06_long_tails [more names]
    python book/tools/notebooks.py build --all
    python book/tools/notebooks.py text --all
    python book/tools/notebooks.py check

The ``.ipynb`` is what a student opens, in JupyterLab or by a launch button, so its Markdown is
plain (``plain.py``): words and links where the source has roles such as ``{cite:t}``. The book
shows the source's Markdown (``launch.py``). Where ``book/address.toml`` names a repository, the
first cell installs the course if need be. ``text`` writes both anew and executes nothing.

A lesson's exercises are cells with ``exercise="name"`` in their header, stubs that run. Their
solutions are the cells with the same headers in ``notebooks/solutions/NN_name.py``, whose
``.ipynb`` is a page of the book; its outputs come from the lesson, executed with every solution
in the place of its stub.

A build runs at ``LT_SCALE=tiny`` unless the variable says otherwise, and prints how long the
lesson took and how much memory its kernel reached. Everything that would differ between two
builds without meaning anything (times, random cell ids, widget state) is left out, so that a
change in a committed notebook is a change in the lesson.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import address
import jupytext
import nbformat
import plain
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

from lt_course.errors import CourseError

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_TIMEOUT = 1800  # seconds; the same limit as in the book and in the tests
COLOURS = 128  # of a stored figure: half the size, the same to the eye
BOOTSTRAP = "bootstrap"  # the id of the cell that installs the course
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
PEAK_MEMORY = "import resource; resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024"


def sources() -> list[Path]:
    """Return the lessons' source files in reading order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))


def read_source(path: Path) -> NotebookNode:
    """Read a percent file as a notebook with stable cell ids and only the metadata we keep."""
    notebook = jupytext.read(path, fmt="py:percent")
    course = notebook.metadata.get("course")
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL))
    if course is not None:
        notebook.metadata["course"] = course
    seen: set[str] = set()
    for cell in notebook.cells:
        repeat = 0
        while True:
            text = f"{cell.cell_type}{repeat}{cell.source}"
            identity = hashlib.sha256(text.encode()).hexdigest()[:12]
            if identity not in seen:
                break
            repeat += 1
        seen.add(identity)
        cell["id"] = identity
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def solutions(source: Path) -> Path:
    """Return where the solutions of a lesson are."""
    return source.parent / "solutions" / source.name


def captions(source: Path) -> dict[str, str]:
    """Return the captions of a lesson's figures by the name that ``{numref}`` calls them."""
    drawn = [
        cell.metadata.get("mystnb", {}).get("figure", {}) for cell in read_source(source).cells
    ]
    return {figure["name"]: figure["caption"] for figure in drawn if "name" in figure}


def edition(source: Path) -> NotebookNode:
    """Read a source as its ``.ipynb`` has it: plain Markdown, perhaps the bootstrap cell.

    Cells keep the ids that they have by their text in the source.
    """
    notebook, lesson = read_source(source), source
    document = f"notebooks/{source.stem}"
    if source.parent.name == "solutions":
        document, lesson = f"notebooks/solutions/{source.stem}", source.parents[1] / source.name
    figures = captions(lesson) if lesson.exists() else {}
    for cell in markdown_cells(notebook):
        cell.source = plain.markdown(cell.source, document, document, figures, plain.here)
    published = address.read()
    if published is not None and lesson is source:
        cell = nbformat.v4.new_code_cell(published.bootstrap(), id=BOOTSTRAP)
        cell.metadata["tags"] = ["remove-cell"]
        notebook.cells.insert(0, cell)
    return notebook


def markdown_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return a notebook's cells of text."""
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return a notebook's cells of code, but for the one that installs the course."""
    return [c for c in notebook.cells if c.cell_type == "code" and c.get("id") != BOOTSTRAP]


def with_source_text(notebook: NotebookNode, source: Path) -> NotebookNode:
    """Give a stored notebook the Markdown of its source, roles and all, and return it."""
    told, plain_cells = markdown_cells(read_source(source)), markdown_cells(notebook)
    if len(told) != len(plain_cells):
        raise CourseError(
            f"{source.stem}.ipynb was not generated from the present {source.name}: "
            f"run `python book/tools/notebooks.py build {source.stem}`."
        )
    for cell, other in zip(plain_cells, told, strict=True):
        cell.source = other.source
    return notebook


def exercise_cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Return a notebook's cells that are exercises, or solve one, by name."""
    return {c.metadata["exercise"]: c for c in notebook.cells if "exercise" in c.metadata}


def solved(source: Path) -> NotebookNode:
    """Return a lesson in which every solution has taken the place of its stub."""
    notebook, answers = read_source(source), exercise_cells(read_source(solutions(source)))
    for name, cell in exercise_cells(notebook).items():
        cell.source = answers[name].source
    return notebook


def execute(notebook: NotebookNode) -> int:
    """Run all cells in ``notebooks/`` and return the kernel's peak memory in MiB."""
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK_MEMORY))
    client = NotebookClient(
        notebook,
        kernel_name=KERNEL["name"],
        timeout=CELL_TIMEOUT,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    client.execute()
    probe = notebook.cells.pop()
    return int(probe.outputs[0].data["text/plain"])


def strip(notebook: NotebookNode) -> None:
    """Drop what differs from one run to the next and tells a reader nothing."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            # A view without its (large, randomly named) state is dead; the text stays.
            output.get("data", {}).pop(WIDGET_VIEW, None)
            output.get("metadata", {}).pop(WIDGET_VIEW, None)
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = shrink(output.data["image/png"])


def shrink(picture: str) -> str:
    """Reduce a base64 PNG to few colours."""
    small = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        image.convert("RGB").quantize(COLOURS).save(small, format="png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def build_solutions(source: Path) -> None:
    """Write the ``.ipynb`` of a lesson's solutions, with the outputs they have in the lesson."""
    page, lesson = edition(solutions(source)), solved(source)
    execute(lesson)
    strip(lesson)
    for name, cell in exercise_cells(lesson).items():
        answer = exercise_cells(page)[name]
        answer.outputs, answer.execution_count = cell.outputs, cell.execution_count
    page.metadata["language_info"] = {"name": "python"}
    nbformat.write(page, solutions(source).with_suffix(".ipynb"))


def build(source: Path) -> None:
    """Generate, execute and write the ``.ipynb`` of one source file."""
    started = time.perf_counter()
    executed = read_source(source)
    peak = execute(executed)
    strip(executed)
    notebook, target = edition(source), source.with_suffix(".ipynb")
    take_outputs(notebook, executed)
    nbformat.validate(notebook)
    nbformat.write(notebook, target)
    if solutions(source).exists():
        build_solutions(source)
    print(
        f"{source.stem}: {time.perf_counter() - started:.0f} s, "
        f"peak memory {peak} MiB, {target.stat().st_size / 1000:.0f} kB",
        flush=True,
    )


def take_outputs(notebook: NotebookNode, executed: NotebookNode) -> None:
    """Give a notebook the outputs of another one that has the same code."""
    notebook.metadata["language_info"] = executed.metadata["language_info"]
    for cell, other in zip(code_cells(notebook), code_cells(executed), strict=True):
        cell.outputs, cell.execution_count = other.outputs, other.execution_count


def retell(source: Path) -> None:
    """Write the text of a lesson and its solutions anew, with the code and outputs they have."""
    for path in (source, solutions(source)):
        if not path.exists():
            continue
        notebook, target = edition(path), path.with_suffix(".ipynb")
        stored = nbformat.read(target, as_version=4)
        ours, theirs = ([cell.source for cell in code_cells(each)] for each in (notebook, stored))
        if ours != theirs:
            raise CourseError(
                f"{target.name}: code has changed, not only text: "
                f"run `python book/tools/notebooks.py build {source.stem}`."
            )
        take_outputs(notebook, stored)
        nbformat.write(notebook, target)


def problems(source: Path) -> Iterator[str]:
    """Yield one sentence for each way in which a pair is out of step or was not executed."""
    if solutions(source).exists():
        yield from unsolved(source)
    target = source.with_suffix(".ipynb")
    remedy = f"run `python book/tools/notebooks.py build {source.stem}`"
    if not target.exists():
        yield f"{target.name} is missing: {remedy}."
        return
    wanted, found = edition(source), nbformat.read(target, as_version=4)
    if wanted.metadata.get("course") != found.metadata.get("course"):
        yield f"{target.name}: the header differs from {source.name}: {remedy}."
    pairs = [[(c.id, c.metadata) for c in nb.cells] for nb in (wanted, found)]
    if pairs[0] != pairs[1] or [c.source for c in wanted.cells] != [c.source for c in found.cells]:
        yield f"{target.name} was not generated from the present {source.name}: {remedy}."
    code = code_cells(found)
    if any(cell.execution_count is None for cell in code):
        yield f"{target.name} has code cells that were not executed: {remedy}."
    if code and not any(cell.outputs for cell in code):
        yield f"{target.name} shows no output at all: {remedy}."
    for cell in code:
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get(
                "tags", []
            ):
                yield f"{target.name}: a cell ends in {output.ename}: {cell.source[:60]!r}."
            if output.get("name") == "stderr":
                yield f"{target.name}: a cell writes to stderr: {cell.source[:60]!r}."


def unsolved(source: Path) -> Iterator[str]:
    """Yield one sentence for each exercise without a solution, and the other way round."""
    page = solutions(source)
    asked, answered = (set(exercise_cells(read_source(path))) for path in (source, page))
    for name in sorted(asked ^ answered):
        where, lacks = (source, page) if name in asked else (page, source)
        there, missing = (f"{path.parent.name}/{path.name}" for path in (where, lacks))
        yield f"{there} has the exercise {name!r}, {missing} has not."
    target = page.with_suffix(".ipynb")
    if not target.exists() or [c.source for c in edition(page).cells] != [
        c.source for c in nbformat.read(target, as_version=4).cells
    ]:
        yield (
            f"solutions/{target.name} was not generated from the present {page.name}: "
            f"run `python book/tools/notebooks.py build {source.stem}`."
        )


def orphans() -> Iterator[str]:
    """Yield one sentence for each ``.ipynb`` without a source."""
    for target in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not target.with_suffix(".py").exists():
            yield f"{target.name} has no source: delete it, or write {target.stem}.py."


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="generate and execute .ipynb files")
    writer = commands.add_parser("text", help="write text anew, and execute nothing")
    for command in (builder, writer):
        command.add_argument("names", nargs="*", metavar="NAME", help="for example 06_long_tails")
        command.add_argument("--all", action="store_true", help="every lesson")
    commands.add_parser("check", help="list pairs that are out of step")
    options = parser.parse_args()

    if options.command == "check":
        found = [line for source in sources() for line in problems(source)] + list(orphans())
        print("\n".join(found) if found else f"{len(sources())} notebook pairs are in step.")
        return bool(found)

    by_name = {source.stem: source for source in sources()}
    names = list(by_name) if options.all else [Path(name).stem for name in options.names]
    unknown = [name for name in names if name not in by_name]
    if unknown or not names:
        parser.error(f"no lesson called {', '.join(unknown) or '(none)'}; have {list(by_name)}")
    os.environ.setdefault("LT_SCALE", "tiny")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        for name in names:
            (build if options.command == "build" else retell)(by_name[name])
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
