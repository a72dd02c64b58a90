"""The store under faults: full disks, damage, foreign files, edited code; nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_runs import FLAGS, command, small_run

from lt_course import files, study
from lt_course.errors import CourseError
from lt_course.study import provenance
from lt_course.study import store as store_module
from lt_course.training import checkpoints
from lt_course.web import cli


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one finished record, to be copied."""
    from conftest import small_icontail

    from lt_course.data import icontail

    folder = tmp_path_factory.mktemp("finished") / "store"
    data = small_icontail()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(icontail, "load", lambda: data)
        patch.setenv("LT_COURSE_STORE", str(folder))
        study.train_or_load(small_run())
    return folder


@pytest.fixture
def record(finished: Path, store: Path, small) -> Path:
    """Its folder, in the store of this test."""
    shutil.copytree(finished, store)
    (folder,) = store.glob("*/*")
    return folder


# Damage


def test_every_flipped_bit_is_found(record: Path) -> None:
    """500 of them in the files of a record, its checksums included."""
    paths = [record / name for name in (*store_module.FILES, files.SUMS)]
    whole, generator = {path: path.read_bytes() for path in paths}, random.Random(0)
    assert store_module.find(small_run()) is not None
    for _ in range(500):
        path = generator.choice(paths)
        flipped = bytearray(whole[path])
        flipped[generator.randrange(len(flipped))] ^= 1 << generator.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(CourseError, match=r"The record in .* is damaged \(.*SHA256SUMS\)"):
            store_module.find(small_run())
        path.write_bytes(whole[path])


DAMAGE = {
    "npz of no bytes": lambda folder: (folder / "arrays.npz").write_bytes(b""),
    "npz, bad deflate data": lambda folder: (folder / "arrays.npz").write_bytes(
        (folder / "arrays.npz").read_bytes()[:200] + b"\0" * 300
    ),
    "metrics of null": lambda folder: (folder / "metrics.jsonl").write_text("null\n"),
    "metrics of lists": lambda folder: (folder / "metrics.jsonl").write_text("[1]\n[2]\n"),
    "no metrics": lambda folder: (folder / "metrics.jsonl").unlink(),
    "spec of null": lambda folder: (folder / "spec.json").write_text("null"),
    "no table": lambda folder: (folder / "per_class.parquet").unlink(),
    "a table of text": lambda folder: (folder / "per_class.parquet").write_text("x"),
    "environment cut": lambda folder: (folder / "environment.json").write_text("{"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_one_damaged_record_is_one_sentence_and_hides_no_other(
    damage, record: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    study.train_or_load(small_run(seed=1))
    expected = study.train_or_load(small_run()).metrics
    damage(record)
    with pytest.raises(CourseError, match=r"is damaged \(.*delete SHA256SUMS in it and run again"):
        study.train_or_load(small_run())
    status, out, err = command(capsys, "runs", "--json")
    assert (status, err) == (0, "")
    states = sorted(json.loads(line)["state"] for line in out.splitlines())
    assert states == ["damaged", "finished"]
    # The remedy costs no training.
    (record / files.SUMS).unlink()
    monkeypatch.setattr(checkpoints, "save", lambda *_: pytest.fail("trained again"))
    assert study.train_or_load(small_run()).metrics == expected


def test_foreign_files_in_a_store_are_passed_over(record: Path, store: Path, capsys) -> None:
    (store / "README").write_text("mine")
    (store / ".git" / "objects").mkdir(parents=True)
    (store / "notes" / "2026").mkdir(parents=True)
    (store / "notes" / "2026" / "spec.json").write_text("[]")
    status, out, _ = command(capsys, "runs", "--json")
    assert status == 0
    assert (
        sorted(json.loads(line)["state"] for line in out.splitlines())
        == [
            "finished",
            "unfinished, other code",
        ]
        or "damaged" in out
    )


@pytest.mark.parametrize("what", ["the store", "an address", "a record", "a file"])
def test_what_may_not_be_read_is_named(
    what: str, record: Path, store: Path, capsys, monkeypatch
) -> None:
    """As another user's; the fault is injected, for root may read everything."""
    closed = {
        "the store": store,
        "an address": record.parent,
        "a record": record,
        "a file": record / "arrays.npz",
    }[what]
    opened, listed, stat = Path.open, Path.iterdir, Path.stat

    def refuse(path: Path) -> None:
        if path == closed or (what != "a file" and closed in path.parents):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", lambda path, *a, **k: refuse(path) or opened(path, *a, **k))
    monkeypatch.setattr(Path, "iterdir", lambda path: refuse(path) or listed(path))
    if what != "a file":  # whose folder says that it is there
        inside = lambda path: path != closed and refuse(path)  # noqa: E731
        monkeypatch.setattr(Path, "stat", lambda path, **k: inside(path) or stat(path, **k))
    with pytest.raises(CourseError, match=r"cannot be read \(Permission denied\); make it"):
        study.train_or_load(small_run())
    status, out, err = command(capsys, "runs")
    if what == "the store":
        assert status == 2
        assert f"{store} in the run store cannot be read" in err
    else:
        assert status == 0
        assert "unreadable (Permission denied)" in out


# Places


@pytest.mark.parametrize("named", ["~/runs", "runs", "./a/../runs"])
def test_a_store_as_people_write_it(named: str, tmp_path: Path, small, monkeypatch, capsys) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LT_COURSE_STORE", named)
    monkeypatch.chdir(home)
    record = study.train_or_load(small_run())
    assert (home / "runs").is_dir()
    assert not (home / "~").exists()
    assert record.folder.is_absolute()
    assert command(capsys, "run", "sl", "--scale", "tiny", "--json", *FLAGS)[0] == 0
    assert len(list((home / "runs").glob("*/*/SHA256SUMS"))) == 1


@pytest.mark.parametrize(
    "variable", ["LT_COURSE_DATA", "LT_COURSE_SHARDS", "LT_COURSE_ICONTAIL", "LT_COURSE_MIRROR"]
)
def test_a_home_is_a_home_everywhere(variable: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(variable, "~/there")
    assert files.named_folder(variable) == tmp_path / "there"
    monkeypatch.setenv(variable, "~nobody-of-that-name/there")
    with pytest.raises(CourseError, match=f"{variable} is '~nobody-of-that-name/there'"):
        files.named_folder(variable)


# Disks that take no more


def written(monkeypatch: pytest.MonkeyPatch, fail_at: int, code: int) -> list[Path]:
    """The files that are written, in their order; at one of them the disk is full."""
    asked: list[Path] = []
    replacing = files.replacing

    def counted(path: Path):
        asked.append(path)
        if len(asked) == fail_at:
            raise OSError(code, os.strerror(code), str(path))
        return replacing(path)

    monkeypatch.setattr(files, "replacing", counted)
    return asked


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_full_disk_is_named_and_loses_nothing(small, store: Path, code: int, monkeypatch) -> None:
    """At each of the files of a record in turn; the same run then finishes, and is equal."""
    run = small_run()
    with monkeypatch.context() as patch:
        patch.setenv("LT_COURSE_STORE", str(store / "whole"))
        asked = written(patch, 0, code)
        expected = study.train_or_load(run)
    assert [path.name for path in asked] == ["spec.json", *store_module.FILES, files.SUMS]
    for number, path in enumerate(asked, start=1):
        monkeypatch.setenv("LT_COURSE_STORE", str(store / str(number)))
        with monkeypatch.context() as patch:
            written(patch, number, code)
            with pytest.raises(CourseError) as refused:
                study.train_or_load(run)
        said = str(refused.value)
        assert path.name in said
        assert os.strerror(code) in said
        assert "MiB are free" in said
        assert "start the same run again" in said
        with monkeypatch.context() as patch:
            if number > 1:
                patch.setattr(checkpoints, "save", lambda *_: pytest.fail("trained again"))
            record = study.train_or_load(run)
        assert record.metrics == expected.metrics
        assert record.per_class.equals(expected.per_class)


def test_a_store_without_room_for_a_folder(small, store: Path, monkeypatch) -> None:
    def none_left(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "mkdir", none_left)
    with pytest.raises(CourseError, match=r"cannot be written \(No space left on device; .* fre"):
        study.train_or_load(small_run())


def test_checkpoints_without_room_for_a_folder(small, store: Path, monkeypatch) -> None:
    mkdir = Path.mkdir

    def few(path: Path, *arguments: object, **named: object) -> None:
        if path.name == "checkpoint":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        mkdir(path, *arguments, **named)

    monkeypatch.setattr(Path, "mkdir", few)
    with pytest.raises(CourseError, match=r"of step .* could not be written.*begins anew"):
        study.train_or_load(small_run())


# Code that is edited


EDIT = """
import sys
from pathlib import Path
sys.path[:0] = {tests!r}
from conftest import small_icontail
from lt_course.data import icontail
data = small_icontail(); icontail.load = lambda: data
from small_runs import small_run
from lt_course import study
import lt_course.models.heads as heads
from lt_course.errors import CourseError
path = Path(heads.__file__)
before = path.read_text()

def attempt():
    try:
        print(study.train_or_load(small_run()).folder.name)
    except CourseError as refused:
        print("refused:", refused)

{steps}
"""


def edited(tmp_path: Path, store: Path, steps: str) -> list[str]:
    """What a process says that works on a copy of the package and edits it."""
    package = tmp_path / "lt_course"
    if not package.exists():
        shutil.copytree(provenance.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    code = EDIT.format(tests=[str(folder) for folder in Path(__file__).parents[:2]], steps=steps)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_record_is_filed_under_the_code_that_made_it(tmp_path: Path, store: Path) -> None:
    refused = "refused: The code of lt_course was edited after it was imported"
    # Edited before a run: what runs is the old code.
    (said,) = edited(tmp_path, store, "path.write_text(before + '# more'); attempt()")
    assert said.startswith(refused)
    assert not list(store.glob("*/*/SHA256SUMS"))
    # Edited after a run: the old record must not answer for the new code.
    first, second = edited(
        tmp_path, store, "attempt(); path.write_text(before + '# other'); attempt()"
    )
    assert second.startswith(refused)
    # Edited while it trains, and undone: it goes on from its checkpoint.
    steps = (
        "from lt_course.study import store\n"
        "measure = store.execute\n"
        "def execute(*a):\n"
        "    done = measure(*a)\n"
        "    path.write_text(before + '# yet more')\n"
        "    return done\n"
        "store.execute = execute\n"
        "attempt(); path.write_text(before); store.execute = measure; attempt()"
    )
    said, again = edited(tmp_path, store, steps)
    assert said.startswith(refused)
    assert again not in (first, said)
    # Touched and not changed: nothing happens.
    assert edited(tmp_path, store, "path.write_text(before); attempt()") == [again]


def test_the_command_tells_it_in_a_sentence(small, store: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(provenance, "_hash_on_disk", lambda patterns: "0" * 12)
    assert cli.main(["run", "sl", "--scale", "tiny", *FLAGS]) == 2
    assert "was edited after it was imported" in capsys.readouterr().err
