"""The command line: ``lt-course run``, ``lt-course runs``, ``lt-course data``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import tyro

from lt_course import study
from lt_course.errors import CourseError
from lt_course.study.spec import Run, field_places, unknown
from lt_course.training.loop import Interrupted

BUILDS = ("icontail", "text-embeddings", "web-summary")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status (2: bad input, 130: interrupted)."""
    parser = argparse.ArgumentParser(prog="lt-course", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser(
        "run",
        help="train and evaluate one run, or read it from the store",
        description="Train and evaluate one run, or read it from the store. Any field of the run "
        "can be set: lt-course run NAME --help lists them.",
        add_help=False,
        allow_abbrev=False,
    )
    train.add_argument("name", nargs="?", help=", ".join(study.NAMED))
    train.add_argument("--scale", help="tiny, cpu, gpu or full (default: LT_SCALE, or tiny)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--json", action="store_true", help="print one JSON object")
    listing = commands.add_parser("runs", help="list the runs in the store")
    listing.add_argument("--json", action="store_true", help="print one JSON object a run")
    data = commands.add_parser("data", help="remake a data file that the package ships")
    data.add_argument("build", choices=[f"build-{name}" for name in BUILDS])
    data.add_argument("--source", type=Path, help="a copy of the source archive (else: download)")
    data.add_argument("--out", type=Path, help="folder to write to (default: the package's own)")

    known, rest = parser.parse_known_args(arguments)
    try:
        if known.command == "run":
            return _run(known, rest)
        if rest:
            parser.error(f"unrecognised: {' '.join(rest)}")
        if known.command == "runs":
            return _runs(known.json)
        return _build(known.build.removeprefix("build-"), known.source, known.out)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("Stopped; what was saved stays.", file=sys.stderr)
        return 130


def _run(known: argparse.Namespace, rest: list[str]) -> int:
    if known.name is None:
        named = "\n".join(f"  {name:<14} {what}" for name, (what, _) in study.NAMED.items())
        print(
            "usage: lt-course run NAME [--scale S] [--seed N] [--FIELD VALUE …] [--json]\n\n"
            + named
        )
        return 0 if {"-h", "--help"} & set(rest) else 2
    declared = study.run(known.name, scale=known.scale, seed=known.seed)
    chosen, unparsed = tyro.cli(
        Run,
        args=rest,
        default=declared,
        prog=f"lt-course run {known.name} [--scale S] [--seed N] [--json]",
        description=study.NAMED[known.name][0],
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.AvoidSubcommands),
        return_unknown_args=True,
    )
    for word in unparsed:
        fields = [place.replace("_", "-") for place in field_places(declared)]
        name = word.removeprefix("--").partition("=")[0]
        raise CourseError(unknown(f"field of {known.name}", name, [*fields, "scale", "json"]))
    record = study.get(chosen)
    summary = record.summary()
    if known.json:
        print(json.dumps(summary))
    else:
        for name, value in summary.items():
            print(f"{name:<22} {value:.3f}" if isinstance(value, float) else f"{name:<22} {value}")
    return 0


def _runs(as_json: bool) -> int:
    rows = list(study.records())
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return 0
    if not rows:
        print("The store is empty; lt-course run NAME fills it.")
        return 0
    columns = [
        "name",
        "scale",
        "seed",
        "state",
        "accuracy",
        "spearman_predictions",
        "spec_hash",
    ]
    table = pd.DataFrame(rows).reindex(columns=columns).round(3)
    print(table.to_string(index=False, na_rep=""))
    return 0


def _build(name: str, source: Path | None, out: Path | None) -> int:
    out = out or Path(__file__).parent / "data" / "resources"
    # The builders need the extra `data`; nothing else may import them.
    try:
        if name == "icontail":
            from lt_course.data import build_icontail

            build_icontail.build(source, out)
        elif name == "text-embeddings":
            from lt_course.data import build_text_embeddings

            build_text_embeddings.build(source, out)
        else:
            from lt_course.data import web_frequencies

            web_frequencies.build_summary(out)
    except ModuleNotFoundError as error:
        raise CourseError(
            f"The command data build-{name} needs the package {error.name}; install it with "
            "pip install 'lt-course[data]'."
        ) from error
    return 0


if __name__ == "__main__":
    sys.exit(main())
