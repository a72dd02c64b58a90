"""The book's execution cache is emptied by whatever a page's numbers depend on."""

from pathlib import Path

import build_book
import pytest


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lt_course" / "data").mkdir(parents=True)
    (tmp_path / "lt_course" / "data" / "icontail.py").write_text("N = 1\n")
    (tmp_path / "requirements.lock").write_text("torch==1\n")
    monkeypatch.setattr(build_book, "ROOT", tmp_path)
    monkeypatch.setenv("LT_SCALE", "tiny")
    monkeypatch.delenv("LT_COURSE_MIRROR", raising=False)
    return tmp_path


def test_the_same_checkout_has_the_same_fingerprint() -> None:
    assert build_book.fingerprint() == build_book.fingerprint()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lt_course/data/icontail.py", "N = 2\n"),
        ("lt_course/new.py", ""),
        ("lt_course/data/resources.csv", "a,b\n"),
        ("lt_course/results/run.json", "{}"),
        ("lt_course/experiments/factor.toml", ""),
        ("requirements.lock", "torch==2\n"),
    ],
)
def test_a_changed_file_changes_it(checkout: Path, name: str, text: str) -> None:
    before = build_book.fingerprint()
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text(text)
    assert build_book.fingerprint() != before


def test_a_renamed_module_changes_it(checkout: Path) -> None:
    before = build_book.fingerprint()
    module = checkout / "lt_course" / "data" / "icontail.py"
    module.rename(module.with_name("icons.py"))
    assert build_book.fingerprint() != before


@pytest.mark.parametrize("variable", ["LT_SCALE", "LT_COURSE_MIRROR"])
def test_a_changed_setting_changes_it(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build_book.fingerprint()
    monkeypatch.setenv(variable, "cpu")
    assert build_book.fingerprint() != before


def test_compiled_files_do_not_matter(checkout: Path) -> None:
    before = build_book.fingerprint()
    (checkout / "lt_course" / "__pycache__").mkdir()
    (checkout / "lt_course" / "__pycache__" / "x.pyc").write_bytes(b"\0")
    assert build_book.fingerprint() == before
