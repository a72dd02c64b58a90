"""``lt-course run``, ``plan`` and ``runs``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from json import dumps
from typing import Any, TypeVar

import pandas as pd
import tyro
from tyro.conf import AvoidSubcommands, FlagCreatePairsOff, OmitArgPrefixes, Positional

from lt_course import study
from lt_course.distributed import rank
from lt_course.errors import CourseError
from lt_course.study.run_config import declare, unknown_field
from lt_course.web import paper_recipes
from lt_course.web.cpu_time import device_here
from lt_course.web.torchrun import process_group

COLUMNS = "name scale seed state accuracy spearman_predictions spec_hash".split()


@dataclass(frozen=True)
class RunOptions:
    """What can be said beside the fields of a run."""

    name: Positional[str]
    scale: str | None = None
    seed: int = 0
    json: bool = False
    dataset: str | None = None
    text_head: str | None = None


@dataclass(frozen=True)
class PlanOptions(RunOptions):
    """What can be said beside the fields of a run."""

    gpus: int = 1
    gpu: str = "a100"


Options = TypeVar("Options", bound=RunOptions)


def run(words: Sequence[str]) -> int:
    """Train and evaluate one run, or read it from the store."""
    usage = "lt-course run NAME [--scale S] [--seed N] [--FIELD VALUE …] [--json]"
    if not words or words[0] in ("-h", "--help"):
        return _print_names(usage, words)
    options, specified = _parse(RunOptions, usage, words)
    with process_group(device_here(specified)):
        record, is_first = study.train_or_load(specified), rank() == 0
    if is_first:
        summary = record.summary()
        texts = {k: f"{v:.3f}" if isinstance(v, float) else v for k, v in summary.items()}
        lines = [f"{name:<22} {text}" for name, text in texts.items()]
        if (chance := texts.get("spearman_by_chance")) is not None:
            lines.append(
                f"S(a) {texts['spearman_accuracy']}, S(p) {texts['spearman_predictions']} (chance "
                f"alone reaches +-{chance} with {specified.data.concepts} classes)"
            )
        print(dumps(summary) if options.json else "\n".join(lines))
    return 0


def plan(words: Sequence[str]) -> int:
    """What a run would take on GPUs, told without one."""
    from lt_course.web.plan import ALIASES, GPUS, plan  # which takes a second to import

    usage = "lt-course plan NAME [--scale S] [--gpus N] [--gpu GPU] [--FIELD VALUE …] [--json]"
    if not words or words[0] in ("-h", "--help"):
        return _print_names(usage, words, f"\nGPUs: {', '.join([*GPUS, *ALIASES])}")
    options, specified = _parse(PlanOptions, usage, words)
    planned = plan(specified, options.gpu, options.gpus)
    lines = [f"{label:<14} {text}" for label, text in planned.lines()]
    print(dumps(planned.summary()) if options.json else "\n".join(lines))
    return 0


def _print_names(usage: str, words: Sequence[str], *more: str) -> int:
    names = paper_recipes.names()
    width = max(map(len, names))
    print(f"usage: {usage}\n", *(f"  {n:<{width}} {what}" for n, what in names.items()), sep="\n")
    print(*more, sep="\n")
    return 0 if words else 2


def _parse(
    kind: type[Options], usage: str, words: Sequence[str]
) -> tuple[Options, study.RunConfig]:
    """Options, and the run of that name with the fields that are set otherwise."""
    options, words = tyro.cli(
        kind, args=words, config=(FlagCreatePairsOff,), add_help=False, return_unknown_args=True
    )
    # These decide which other fields there are.
    kinds = {"dataset": options.dataset, "text_head": options.text_head}
    chosen = {name: kind for name, kind in kinds.items() if kind is not None}
    scale, parts = declare(options.name, options.scale, options.seed, **chosen)
    declared = [(part, type(spec), field(default=spec)) for part, spec in parts.items()]
    flags: Any
    flags, others = tyro.cli(
        make_dataclass("Parts", declared),
        args=words,
        prog=usage.replace("NAME", options.name).replace(" [--FIELD VALUE …]", ""),
        description=paper_recipes.names()[options.name],
        config=(OmitArgPrefixes, AvoidSubcommands),
        return_unknown_args=True,
    )
    if others:
        names = [f.name.replace("_", "-") for spec in parts.values() for f in fields(spec)]
        names += [f.name.replace("_", "-") for f in fields(options)]
        name = others[0].removeprefix("--").partition("=")[0]
        raise CourseError(unknown_field(options.name, name, names))
    specification = {part: getattr(flags, part) for part in parts}
    return options, study.RunConfig(options.name, scale, options.seed, **specification)


def runs(json: bool = False) -> None:
    """List the runs in the store; with --json, one object each."""
    rows = list(study.records())
    if json:
        for row in rows:
            print(dumps(row))
    elif rows:
        table = pd.DataFrame(rows).reindex(columns=COLUMNS).round(3)
        print(table.to_string(index=False, na_rep=""))
    else:
        print("The store is empty; lt-course run NAME fills it.")


COMMANDS = {"run": run, "plan": plan, "runs": runs}
