"""A run of a second, and the command line in this process."""

from lt_course import study
from lt_course.study.run_config import RunConfig
from lt_course.web import cli

SMALL = {
    "concepts": 8,
    "num_images": 160,
    "profile": "incaps",
    "batch_size": 32,
    "duration": "1 epoch",
}
FLAGS = [f for k, v in SMALL.items() for f in (f"--{k.replace('_', '-')}", str(v))]


def small_run(name: str = "sl", **settings: object) -> RunConfig:
    return study.config(name, scale="tiny", **(SMALL | settings))


def command(capsys, *arguments: str) -> tuple[int, str, str]:
    status = cli.main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err
