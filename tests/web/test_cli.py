"""The command as a whole; what single commands do is tested with what they call."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lt_course.web import cli


def test_help_is_quick() -> None:
    code = (
        "import sys; from lt_course.web import cli; print(cli.main(['--help']))\n"
        "print([name for name in ('torch', 'pandas', 'tyro') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["0", "[]"]
    assert all(f"  {name} " in done.stdout for name in cli.THEMES)


@pytest.mark.parametrize(
    "words",
    [
        *([name] for name in cli.THEMES),
        *("study run, study record, study verify, concepts count, models list, models evaluate, "
          "data list, data prepare, data check").split(", "),
    ],
)  # fmt: skip
def test_every_command_has_help(words: list[str] | str, capsys: pytest.CaptureFixture[str]) -> None:
    words = words.split() if isinstance(words, str) else words
    try:
        status = cli.main([*words, "--help"])
    except SystemExit as end:
        status = end.code
    assert status == 0
    assert f"usage: lt-course {' '.join(words)}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rum"], "There is no command 'rum'; lt-course has run, plan"),
        (["study", "run"], "No factor is named"),
        (["concepts", "count", "--concepts", "nowhere", "--captions"], "There is no concept list"),
        (["data", "check"], "means no shard"),
    ],
)
def test_what_is_missing_is_told(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    assert sentence in capsys.readouterr().err


def test_an_interrupt_while_modules_are_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "import_module", interrupted)
    assert cli.main(["runs"]) == 130
    assert capsys.readouterr().err == "Stopped; what was saved stays.\n"
