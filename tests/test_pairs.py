"""Each notebook is what its source says, executed."""

from pathlib import Path

import nbformat
import pytest

import notebooks

SOURCES = notebooks.sources()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_pair_is_in_step(source: Path) -> None:
    assert list(notebooks.problems(source)) == []


def test_no_notebook_without_a_source() -> None:
    assert list(notebooks.orphans()) == []


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """Return a small source whose ``.ipynb`` pretends to have been executed."""
    source = tmp_path / "00_trial.py"
    source.write_text("# %% [markdown]\n# # Trial\n\n# %%\nprint(1)\n")
    notebook = notebooks.read_source(source)
    notebook.cells[1].execution_count = 1
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    nbformat.write(notebook, source.with_suffix(".ipynb"))
    return source


def test_a_pair_in_step_is_found_so(trial: Path) -> None:
    assert list(notebooks.problems(trial)) == []


def test_an_edited_source_is_found(trial: Path) -> None:
    trial.write_text(trial.read_text().replace("print(1)", "print(2)"))
    assert any("was not generated" in line for line in notebooks.problems(trial))


def test_an_edited_tag_is_found(trial: Path) -> None:
    trial.write_text(trial.read_text().replace("# %%\n", '# %% tags=["remove-cell"]\n'))
    assert any("was not generated" in line for line in notebooks.problems(trial))


def test_an_unexecuted_cell_is_found(trial: Path) -> None:
    target = trial.with_suffix(".ipynb")
    notebook = nbformat.read(target, as_version=4)
    notebook.cells[1].execution_count = None
    nbformat.write(notebook, target)
    assert any("not executed" in line for line in notebooks.problems(trial))


def test_stderr_and_errors_are_found(trial: Path) -> None:
    target = trial.with_suffix(".ipynb")
    notebook = nbformat.read(target, as_version=4)
    notebook.cells[1].outputs = [
        nbformat.v4.new_output("stream", name="stderr", text="a warning\n"),
        nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[]),
    ]
    nbformat.write(notebook, target)
    found = " ".join(notebooks.problems(trial))
    assert "stderr" in found
    assert "ValueError" in found


def test_a_missing_notebook_is_found(trial: Path) -> None:
    trial.with_suffix(".ipynb").unlink()
    assert any("is missing" in line for line in notebooks.problems(trial))


def test_cell_ids_are_stable_and_unique(trial: Path) -> None:
    trial.write_text("# %%\nprint(1)\n\n# %%\nprint(1)\n")
    first, second = notebooks.read_source(trial), notebooks.read_source(trial)
    assert [cell.id for cell in first.cells] == [cell.id for cell in second.cells]
    assert len({cell.id for cell in first.cells}) == 2
