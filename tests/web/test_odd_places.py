"""Folders, pipes, processes and figures as they meet the command and the lessons elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import Dataset

from lt_course import files
from lt_course.data.photographs import cache, image_folder
from lt_course.errors import AbsentDataError, CourseError
from lt_course.web import cli
from lt_course.web.read_ahead import read_ahead

# What variables name

VARIABLES = "STORE SHARDS DATA PHOTOGRAPHS ICONTAIL MIRROR".split()


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("~", "/home/me"), ("~/runs", "/home/me/runs"), ("~/a b", "/home/me/a b"),
        ("$HOME/runs", "/home/me/runs"), ("${HOME}/runs", "/home/me/runs"),
        ("/data/", "/data"), ("/data/x[1]{2}", "/data/x[1]{2}"), ("/data/a$", "/data/a$"),
        ("/data/100$/x", "/data/100$/x"), ("/data/Gr\u00f6\u00dfe", "/data/Gr\u00f6\u00dfe"),
        ("", None),
    ],
)  # fmt: skip
def test_a_variable_is_read_as_a_shell_would(
    named: str, found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("LT_COURSE_STORE", named)
    assert files.named_folder("LT_COURSE_STORE") == (None if found is None else Path(found))


@pytest.mark.parametrize(
    "named",
    ["'/data'", '"/data"', " /data", "/data\r", "/data\n", "file:///data", "s3://bucket/runs",
     "$NOT_SET/runs", "${NOT_SET}/runs", "C:\\data", "  ", "~nobody-at-all/x"],
)  # fmt: skip
@pytest.mark.parametrize("variable", VARIABLES)
def test_what_names_no_folder_is_refused_before_anything_is_made(
    named: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"LT_COURSE_{variable}", named)
    with pytest.raises(CourseError, match=f"LT_COURSE_{variable} is "):
        files.named_folder(f"LT_COURSE_{variable}")
    assert not list(tmp_path.iterdir())


def test_a_run_stops_before_it_trains_where_its_store_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    for named in (tmp_path / "file", "$NOT_SET/runs", "'quoted'"):
        monkeypatch.setenv("LT_COURSE_STORE", str(named))
        assert cli.main(["run", "sl", "--scale", "tiny"]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def pictures(folder: Path, classes: list[str], each: int = 30) -> Path:
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for row in range(each):
            color = (40 * number % 256, 8 * row, 70)
            Image.new("RGB", (8, 8), color).save(folder / name / f"{row}.png")
    return folder


def test_photographs_are_not_read_where_they_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("LT_COURSE_PHOTOGRAPHS", str(tmp_path / "file"))
    monkeypatch.setattr(image_folder, "read", lambda *_: pytest.fail("the set was read"))
    with pytest.raises(CourseError, match="let LT_COURSE_PHOTOGRAPHS name another folder"):
        cache.load_folder(pictures(tmp_path / "set", ["a", "b"]), 8)


def test_photographs_of_equal_size_and_time_are_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LT_COURSE_PHOTOGRAPHS", str(tmp_path / "kept"))
    folder = pictures(tmp_path / "set", ["a", os.fsdecode(b"caf\xe9")])
    before = cache.load_folder(folder, 8)
    assert before.keys == ["a", "caf\\xe9"]
    changed = folder / "a" / "3.png"
    told, content = changed.stat(), (folder / "a" / "4.png").read_bytes()
    assert len(content) == told.st_size
    changed.write_bytes(content)
    os.utime(changed, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert not np.array_equal(cache.load_folder(folder, 8).images, before.images)


# Processes


class Failing(Dataset[int]):
    """Fails at its second item."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    def __len__(self) -> int:
        return 4

    def __getitem__(self, row: int) -> int:
        if row == 1 and self.error is None:
            os._exit(9)
        if row == 1 and self.error is not None:
            raise self.error
        return row


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("kind", [CourseError, AbsentDataError])
def test_a_workers_error_is_the_sentence_alone(kind: type[CourseError], workers: int) -> None:
    with pytest.raises(CourseError) as told:
        list(read_ahead(Failing(kind("a.jpg is damaged; take it out.")), workers=workers))
    assert str(told.value) == "a.jpg is damaged; take it out."


def test_a_workers_death_is_told() -> None:
    with pytest.raises(CourseError, match="was ended, as for want of memory"):
        list(read_ahead(Failing(None), workers=1))


# Output that nobody reads


@pytest.mark.parametrize(
    "words",
    ["--help", "runs", "claims", "claims --json", "run --help", "plan --help",
     "data list", "data check --help"],
)  # fmt: skip
def test_a_pipe_that_closes_early_is_no_error(
    words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In one process: the pipe's reading end is closed before anything is written."""
    monkeypatch.setenv("LT_COURSE_STORE", str(tmp_path))
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        try:
            assert cli.main(words.split()) == 141
        except SystemExit as end:
            pytest.fail(f"tyro's end passed: {end}")


def test_a_full_disk_behind_the_output_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("This system has no /dev/full.")
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.main(["--help"]) == 2
        monkeypatch.undo()
        # What could not be written is still there when the file is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    assert "No space left" in capsys.readouterr().err


# Figures under any backend

DRAWN = "from lt_course.plots import style; style.use(); import matplotlib.pyplot as plt, io;"
DRAWN += "plt.plot([1, 2]); plt.savefig(io.BytesIO()); print(plt.get_backend())"


@pytest.mark.parametrize(
    ("backend", "said"),
    [("agg", "agg"), ("TkAgg", "agg"), ("QtAgg", "agg"), ("svg", "svg"), ("", "agg"),
     ("module://nonsense", "CourseError: matplotlib.s backend cannot be loaded")],
)  # fmt: skip
def test_figures_are_drawn_or_the_backend_is_named(backend: str, said: str) -> None:
    environment = {**os.environ, "MPLBACKEND": backend}
    environment.pop("DISPLAY", None)
    done = subprocess.run(
        [sys.executable, "-c", DRAWN], env=environment, capture_output=True, text=True, check=False
    )
    assert re.search(said, (done.stdout + done.stderr).splitlines()[-1])


@pytest.mark.parametrize("backend", ["agg", "TkAgg"])
def test_a_notebook_shows_its_figures(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("MPLBACKEND", backend)
    monkeypatch.delenv("DISPLAY", raising=False)
    cell = "import matplotlib.pyplot as plt\nfrom lt_course.plots import style\nstyle.use()\n"
    cells = [
        nbformat.v4.new_code_cell(cell),
        nbformat.v4.new_code_cell("plt.plot([1]); plt.show()"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120).execute()
    assert "image/png" in notebook.cells[1].outputs[0]["data"]
