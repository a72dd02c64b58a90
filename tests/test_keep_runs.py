"""What `make test` has trained is kept for the book, and nothing that was there is lost."""

from pathlib import Path

import keep_runs


def a_run(folder: Path, text: str, *, finished: bool = True) -> Path:
    (folder / "checkpoint").mkdir(parents=True)
    (folder / "checkpoint" / "step-3.pt").write_text(text)
    (folder / "metrics.jsonl").write_text(text)
    (folder / "lock").write_text("")
    if finished:
        (folder / "SHA256SUMS").write_text(text)
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "lock"
    }


def test_finished_runs_are_copied_whole_and_once(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    whole = a_run(source / "one" / "code", "new")
    a_run(source / "two" / "code", "new", finished=False)
    assert keep_runs.keep(source, target) == 1
    assert texts(target) == {f"one/code/{name}": text for name, text in texts(whole).items()}
    assert keep_runs.keep(source, target) == 0


def test_what_is_there_stays_and_what_was_begun_is_finished(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for name in ("mine", "begun"):
        a_run(source / name / "code", "new")
    a_run(target / "mine" / "code", "old")
    a_run(target / "begun" / "code", "old", finished=False)
    assert keep_runs.keep(source, target) == 1
    assert set(texts(target / "mine").values()) == {"old"}
    assert set(texts(target / "begun").values()) == {"new"}


def test_without_any_run_there_is_nothing_to_keep(tmp_path: Path) -> None:
    assert keep_runs.keep(tmp_path / "none", tmp_path / "target") == 0
