"""The command line: ``lt-course run``, ``plan``, ``study``, ``claims``, ``concepts``, ``data``,
``models``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import torch
import tyro

from lt_course import evidence, study
from lt_course.counting import concept_lists, web_frequencies
from lt_course.counting.rules import Definition
from lt_course.distributed import rank
from lt_course.errors import CourseError
from lt_course.evidence import experiments, results, train_all, verify
from lt_course.files import atomic_write
from lt_course.study.spec import Run, field_places, unknown
from lt_course.training.loop import Interrupted
from lt_course.web import count_captions, paper_recipes
from lt_course.web.cpu_time import device_here
from lt_course.web.torchrun import process_group

HEADINGS = {"accuracy": "accuracy", "spearman_accuracy": "S(a)", "spearman_predictions": "S(p)"}


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
    train.add_argument("name", nargs="?", help=", ".join(paper_recipes.names()))
    train.add_argument("--scale", help="tiny, cpu, gpu or full (default: LT_SCALE, or tiny)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--json", action="store_true", help="print one JSON object")
    plans = commands.add_parser(
        "plan",
        help="what a run would take on GPUs, told without one",
        description="What a run would take on GPUs: parameters, arithmetic, memory, steps, hours.",
        add_help=False,
        allow_abbrev=False,
    )
    plans.add_argument("name", nargs="?", help=", ".join(paper_recipes.names()))
    plans.add_argument("--scale", help="tiny, cpu, gpu or full (default: LT_SCALE, or tiny)")
    plans.add_argument("--seed", type=int, default=0)
    plans.add_argument("--gpus", type=int, default=1, help="how many (default: 1)")
    plans.add_argument("--gpu", default="a100", help="which (default: a100)")
    plans.add_argument("--json", action="store_true", help="print one JSON object")
    listing = commands.add_parser("runs", help="list the runs in the store")
    listing.add_argument("--json", action="store_true", help="print one JSON object a run")
    _declare_study(commands.add_parser("study", help="train, record or verify the declared study"))
    judged = commands.add_parser("claims", help="what the recorded runs say of each claim")
    judged.add_argument("--json", action="store_true", help="print one JSON object a claim")
    judged.add_argument("--scale", default="cpu", help="of the recorded runs (default: cpu)")
    judged.add_argument("--seeds", default="0-4", help="such as 0-4 or 5-9 (default: 0-4)")
    _declare_concepts(commands.add_parser("concepts", help="count concepts in captions"))
    _declare_data(commands.add_parser("data", help="shards of photographs, and the course's data"))

    _declare_models(commands.add_parser("models", help="released CLIPs, and how biased they are"))

    known, rest = parser.parse_known_args(arguments)
    try:
        if known.command == "run":
            return _run(known, rest)
        if known.command == "plan":
            return _plan(known, rest)
        if rest:
            parser.error(f"unrecognised: {' '.join(rest)}")
        if known.command == "runs":
            return _runs(known.json)
        if known.command == "study":
            return {"run": _study_run, "record": _study_record, "verify": _study_verify}[
                known.action
            ](known)
        if known.command == "claims":
            return _claims(known.json, known.scale, _numbers(known.seeds))
        if known.command == "concepts":
            return _concepts_count(known)
        if known.command == "models":
            return {"list": _models_list, "evaluate": _models_evaluate}[known.action](known)
        return _DATA[known.action](known)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("Stopped; what was saved stays.", file=sys.stderr)
        return 130


def _declare_study(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    fills = actions.add_parser(
        "run",
        help="train the runs of a factor; those in the store are done already",
        description="Train the runs of factors, each on one thread. Stop with Ctrl-C; the same "
        "command goes on.",
    )
    fills.add_argument("factor", nargs="+", help="a file of experiments/ without .toml, or: all")
    fills.add_argument("--workers", type=int, default=1, help="processes at a time (default: 1)")
    records = actions.add_parser("record", help="write results/ from the store")
    records.add_argument("factor", nargs="*", default=["all"], help="of these only (default: all)")
    for each in (fills, records):
        each.add_argument("--scale", default="cpu", help="tiny, cpu, gpu or full (default: cpu)")
        each.add_argument("--seeds", default="0-4", help="such as 0-4 or 0,2,5 (default: 0-4)")
    verifies = actions.add_parser("verify", help="train recorded runs again and compare")
    verifies.add_argument("--sample", type=int, required=True, help="how many, at random")
    verifies.add_argument("--seed", type=int, default=0, help="of the choice (default: 0)")
    verifies.add_argument("--scale", default="cpu", help="tiny, cpu, … (default: cpu)")


def _declare_concepts(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    counts = actions.add_parser(
        "count",
        help="in how many captions is each class named?",
        description="Count in how many captions each class is named, by the paper's rules.",
    )
    counts.add_argument(
        "--captions", nargs="+", type=Path, required=True, help="TSV, CSV, JSONL or parquet files"
    )
    counts.add_argument("--concepts", required=True, help="imagenet, or a text or JSON file")
    counts.add_argument("--definition", choices=get_args(Definition), default="bag-of-lemmas")
    counts.add_argument(
        "--column",
        help="the one with the captions (default: caption, text or title); a number, from 1, for "
        "a TSV or CSV file without a header",
    )
    counts.add_argument(
        "--out", type=Path, default=Path("count_captions.csv"), help="default: count_captions.csv"
    )
    counts.add_argument("--workers", type=int, default=1, help="processes (default: 1)")
    counts.add_argument("--dask", metavar="ADDRESS", help="of a Dask scheduler, or: local")


def _declare_data(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="the sets that can be prepared or read, and what they need")
    prepares = actions.add_parser("prepare", help="make shards; a stopped command goes on")
    prepares.add_argument("name", help="as lt-course data list says")
    prepares.add_argument(
        "--source",
        required=True,
        help="folder of the set's files; shards, or a list, where it has them",
    )
    prepares.add_argument("--out", type=Path, required=True, help="folder of what is made")
    prepares.add_argument("--seed", type=int, default=0, help="of the order (default: 0)")
    prepares.add_argument("--per-shard", type=int, default=10_000, help="pairs (default: 10,000)")
    prepares.add_argument(
        "--partial", action="store_true", help="go without missing pictures, with other counts"
    )
    prepares.add_argument(
        "--threshold", type=float, default=0.7, help="laionet: least similarity (default: 0.7)"
    )
    prepares.add_argument("--device", default="cpu", help="laionet: of the encoder (default: cpu)")
    checks = actions.add_parser(
        "check",
        help="index shards and name all that cannot be used",
        description="Index shards, count what is in them, and name every sample that cannot be "
        "used. Exit status 1: more than --max-bad-fraction of it.",
    )
    checks.add_argument("path", nargs="+", help="such as cc3m/{00000..00331}.tar, or a folder")
    checks.add_argument("--picture", help="fields (default: jpg;jpeg;png;webp)")
    checks.add_argument("--caption", help="fields (default: txt;json:caption)")
    checks.add_argument("--label", help="fields of the class (default: none is read)")
    checks.add_argument("--decode", action="store_true", help="decode each picture, hash each tar")
    checks.add_argument("--workers", type=int, default=1, help="processes that index (default: 1)")
    checks.add_argument("--max-bad-fraction", type=float, default=0.01, help="default: 0.01")
    checks.add_argument("--json", action="store_true", help="print one JSON object")


def _declare_models(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    lists = actions.add_parser(
        "list",
        help="checkpoints, parameters, pre-training set, frequency file",
        description="Checkpoints of open_clip, each once, with the file of how often the captions "
        "that it was pre-trained on name each class.",
    )
    lists.add_argument("--all", action="store_true", help="those without such a file, too")
    lists.add_argument("--json", action="store_true", help="print one JSON object a checkpoint")
    evaluates = actions.add_parser(
        "evaluate",
        help="per-class results of released CLIPs; a stopped command goes on",
        description="Evaluate released CLIPs zero-shot, one after the other, and write a record of "
        "each. What the folder holds already is read. Exit status 1: some could not be evaluated.",
    )
    evaluates.add_argument(
        "model", nargs="+", help="NAME/TAG as models list says; counted (all with a file), or all"
    )
    evaluates.add_argument("--on", required=True, help="such as imagenet-val, imagenet-v2, dtd")
    evaluates.add_argument("--out", type=Path, required=True, help="folder of the records")
    evaluates.add_argument("--source", type=Path, help="of its files (default: LT_COURSE_DATA/ON)")
    evaluates.add_argument("--device", default="cpu", help="such as cuda (default: cpu)")
    evaluates.add_argument("--workers", type=int, default=2, help="that read (default: 2)")
    evaluates.add_argument("--batch", type=int, default=64, help="pictures at a time (default: 64)")
    evaluates.add_argument(
        "--partial", action="store_true", help="take ImageNet's pictures that are there"
    )


def _run(known: argparse.Namespace, rest: list[str]) -> int:
    chosen = _specified(known, rest, "[--scale S] [--seed N] [--FIELD VALUE …] [--json]")
    if chosen is None:
        return 0 if {"-h", "--help"} & set(rest) else 2
    with process_group(device_here(chosen)):
        record, first = study.get(chosen), rank() == 0
    if not first:
        return 0
    summary = record.summary()
    if known.json:
        print(json.dumps(summary))
    else:
        for name, value in summary.items():
            print(f"{name:<22} {value:.3f}" if isinstance(value, float) else f"{name:<22} {value}")
    return 0


def _plan(known: argparse.Namespace, rest: list[str]) -> int:
    from lt_course.web.plan import ALIASES, GPUS, plan

    options = "[--scale S] [--gpus N] [--gpu GPU] [--FIELD VALUE …] [--json]"
    chosen = _specified(known, rest, options)
    if chosen is None:
        print(f"\nGPUs: {', '.join([*GPUS, *ALIASES])}")
        return 0 if {"-h", "--help"} & set(rest) else 2
    made = plan(chosen, known.gpu, known.gpus)
    if known.json:
        print(json.dumps(made.summary()))
    else:
        for label, text in made.lines():
            print(f"{label:<14} {text}")
    return 0


def _specified(known: argparse.Namespace, rest: list[str], options: str) -> Run | None:
    """The run that a command line specifies; without a name, its usage is printed instead."""
    if known.name is None:
        known_names = paper_recipes.names()
        width = max(map(len, known_names))
        named = "\n".join(f"  {name:<{width}} {what}" for name, what in known_names.items())
        print(f"usage: lt-course {known.command} NAME {options}\n\n{named}")
        return None
    declared = study.run(known.name, scale=known.scale, seed=known.seed)
    chosen, unparsed = tyro.cli(
        Run,
        args=rest,
        default=declared,
        prog=f"lt-course {known.command} {known.name} {options.replace(' [--FIELD VALUE …]', '')}",
        description=paper_recipes.names()[known.name],
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.AvoidSubcommands),
        return_unknown_args=True,
    )
    for word in unparsed:
        fields = [place.replace("_", "-") for place in field_places(declared)]
        name = word.removeprefix("--").partition("=")[0]
        raise CourseError(unknown(f"field of {known.name}", name, [*fields, "scale", "json"]))
    return chosen


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


def _study_run(known: argparse.Namespace) -> int:
    if known.workers < 1:
        raise CourseError(f"--workers is {known.workers}; give 1 or more.")
    asked = train_all.tasks(_factors(known.factor), known.scale, _numbers(known.seeds))
    left = train_all.unfinished(asked)
    print(f"{len(asked)} runs, {len(asked) - len(left)} of them in the store.", flush=True)
    start, failed = time.perf_counter(), 0
    for number, done in enumerate(train_all.fill(left, known.workers), start=1):
        remaining = (time.perf_counter() - start) / number * (len(left) - number)
        said = done.error or f"{done.seconds:.0f} s, " + ", ".join(
            f"{heading} {done.metrics[name]:.2f}" for name, heading in HEADINGS.items()
        )
        failed += done.error is not None
        counted = len(asked) - len(left) + number
        print(
            f"{counted}/{len(asked)} | {done.task} | {said} | "
            f"{timedelta(seconds=round(remaining))} left",
            flush=True,
        )
    if failed:
        raise CourseError(f"{failed} of {len(asked)} runs failed; their lines above say why.")
    return 0


def _study_record(known: argparse.Namespace) -> int:
    tally = results.record(known.scale, _numbers(known.seeds), _factors(known.factor))
    print(
        f"{tally.recorded} of {tally.recorded + tally.missing} declared runs are recorded "
        f"({tally.new} new or changed, {tally.missing} missing)."
    )
    if tally.dropped:
        print(f"{tally.dropped} records that no factor declares any longer were removed.")
    return 0


def _study_verify(known: argparse.Namespace) -> int:
    if known.sample < 1:
        raise CourseError(f"--sample is {known.sample}; give 1 or more.")
    wrong = 0
    for found in verify.verify(known.sample, known.seed, known.scale):
        run = found.recorded.run
        if found.faults:
            said = "DIFFERS: " + "; ".join(found.faults)
        elif found.differences:
            said = f"within the tolerance (not as recorded: {', '.join(found.changed)})"
        else:
            said = "equal"
        wrong += bool(found.faults)
        print(f"{run.address} | {run.name} | seed {run.seed} | {said}", flush=True)
    if wrong:
        print(f"{wrong} recorded runs could not be reproduced.", file=sys.stderr)
    return int(wrong > 0)


def _claims(as_json: bool, scale: str, seeds: list[int]) -> int:
    found = evidence.verdicts(scale=scale, seeds=seeds)
    if as_json:
        for verdict in found:
            print(json.dumps(verdict.summary(), ensure_ascii=False))
        return 0
    for verdict in found:
        claim, effect = verdict.claim, verdict.effect
        target = "" if claim.target is None else f", target {claim.target}"
        print(f"{verdict.verdict.upper()}: {claim.sentence}  [{claim.id}{target}]")
        measured = "no interval yet" if effect is None else f"{effect:.3f}"
        print(f"    effect {measured}, {len(verdict.by_seed)} seeds", end="")
        if claim.paper is not None:
            print(f"; paper {claim.paper[0]:.3f} ({claim.figure}: {claim.paper[1]})", end="")
        print("" if claim.note is None else f"\n    note: {claim.note}")
    counted = Counter(verdict.verdict for verdict in found)
    print(f"{len(found)} claims: " + ", ".join(f"{n} {what}" for what, n in counted.items()) + ".")
    return 0


def _concepts_count(known: argparse.Namespace) -> int:
    if known.workers < 1:
        raise CourseError(f"--workers is {known.workers}; give 1 or more.")
    concepts = concept_lists.read(known.concepts)
    tallies = count_captions.count(
        known.captions,
        concepts,
        known.definition,
        column=known.column,
        workers=known.workers,
        dask=known.dask,
    )
    count_captions.write(known.out, known.captions, concepts, tallies, known.definition)
    named = count_captions.total(tallies) > 0
    print(
        f"{sum(tally.captions for tally in tallies):,} captions name {named.sum():,} of "
        f"{len(named):,} classes; the counts are in {known.out}."
    )
    if malformed := sum(tally.malformed for tally in tallies):
        rows = known.out.with_suffix(".malformed.csv")
        print(f"{malformed:,} malformed rows were left out; {rows} names them.", file=sys.stderr)
    return 0


def _data_list(known: argparse.Namespace) -> int:
    from lt_course.web.datasets import catalogue

    for source in catalogue.SOURCES:
        print(f"{source.name}\n    {source.what}")
        if source.pairs is not None:
            print(f"    {source.pairs:,} pairs, {source.classes} classes")
        for needed in source.inputs:
            print(f"    needs {needed}")
    return 0


def _data_prepare(known: argparse.Namespace) -> int:
    from lt_course.web.datasets import (
        caption_labels,
        catalogue,
        imagenet_captions,
        imagenet_pictures,
        laionet,
    )

    names = [source.name for source in catalogue.SOURCES if source.inputs and source.prepared]
    if known.name not in names:
        raise CourseError(unknown("set that can be prepared", known.name, names))
    if known.name == laionet.LAIONET.name:
        manifest = laionet.prepare(
            Path(known.source),
            known.out,
            laionet.clip_encoder(known.device),
            encoder="ViT-B-32-quickgelu, openai",
            threshold=known.threshold,
        )
        print(
            f"{known.out} lists {_labelled(manifest)}, of {manifest['counts']['read']:,} rows. "
            f"Their pictures are downloaded with\n{laionet.img2dataset_command(known.out)}"
        )
    elif known.name in caption_labels.SETS and known.source.endswith(".tsv"):
        counts = caption_labels.shorten(known.name, Path(known.source), known.out)["counts"]
        print(
            f"{known.out} lists {counts['kept']:,} of {counts['captions']:,} rows. Their pictures "
            "are downloaded, and then labelled by lt-course data prepare, with\n"
            + caption_labels.img2dataset_command(known.out)
        )
    elif known.name in caption_labels.SETS:
        manifest = caption_labels.prepare(known.name, known.source, known.out)
        captions = manifest["counts"]["captions"]
        print(f"{known.out} labels {_labelled(manifest)}, of {captions:,} captions.")
    else:
        in_caps = known.name == imagenet_captions.IMAGENET_CAPTIONS.name
        prepare = (
            imagenet_captions.prepare_imagenet_captions if in_caps else imagenet_pictures.prepare
        )
        manifest = prepare(
            Path(known.source),
            known.out,
            seed=known.seed,
            per_shard=known.per_shard,
            partial=known.partial,
        )
        about = manifest["about"]
        missing = f"; {about['pictures_missing']} pictures were missing" if in_caps else ""
        print(
            f"{known.out} holds {about['pairs']:,} pairs of {about['classes']} classes in "
            f"{len(manifest['parts'])} shards{missing}."
        )
    return 0


def _labelled(manifest: dict[str, Any]) -> str:
    of_class = [count for name, count in manifest["counts"].items() if name.startswith("n0")]
    of_class += [count for name, count in manifest["counts"].items() if name.startswith("n1")]
    return f"{sum(of_class):,} pairs of {len(of_class)} classes"


def _data_check(known: argparse.Namespace) -> int:
    from lt_course.web.shards import shard_check, shard_index, shard_scan

    chosen = {"picture": known.picture, "caption": known.caption, "label": known.label}
    fields = shard_scan.Fields(**{name: text for name, text in chosen.items() if text is not None})
    index = shard_index.load(known.path, fields, max_bad_fraction=1, workers=known.workers)
    report = shard_check.check(index, known.decode)
    if known.json:
        print(json.dumps(dataclasses.asdict(report), ensure_ascii=False))
    else:
        for fault in report.faults:
            print(f"{fault.shard} {fault.key}".rstrip() + f": {fault.reason}")
        for shard in report.changed:
            print(f"{shard}: not as the manifest beside it says")
        print(
            f"{report.usable:,} of {report.samples:,} samples in {report.shards} shards are "
            f"usable; a caption has {report.tokens:.1f} tokens; the index takes "
            f"{report.bytes_per_row:.0f} bytes a row."
        )
        for reason, count in {**report.damaged, **report.bad}.items():
            print(f"{count:>9,} {reason}: {(shard_scan.DAMAGED | shard_scan.REASONS)[reason]}")
        if report.repeated:
            print(f"{report.repeated:,} keys stand in more than one shard; is one there twice?")
    return int(report.too_bad(known.max_bad_fraction))


def _models_list(known: argparse.Namespace) -> int:
    from lt_course.counting.web_frequencies import PRETRAINING_SETS
    from lt_course.web.released import open_models

    for model in open_models.chosen(["all" if known.all else "counted"]):
        key, count = model.pretrained_on, open_models.parameters(model.name)
        row = {
            "model": str(model),
            "parameters": count,
            "pretrained_on": key and PRETRAINING_SETS[key],
            "frequency_file": key and f"{key}_imagenet_ori",
            "note": model.note,
        }
        if known.json:
            print(json.dumps(row), flush=True)
            continue
        size = "?" if count is None else f"{count / 1e6:,.0f} M"
        told = f"{row['pretrained_on'] or 'not counted':<14} {row['frequency_file'] or '-':<28}"
        print(f"{row['model']:<52} {size:>8}  {told} {row['note']}".rstrip(), flush=True)
    return 0


def _models_evaluate(known: argparse.Namespace) -> int:
    from lt_course.web.datasets import concept_sets
    from lt_course.web.released import evaluate_open_models as evaluation
    from lt_course.web.released.open_models import chosen

    for option, least in (("workers", 0), ("batch", 1)):
        if getattr(known, option) < least:
            raise CourseError(f"--{option} is {getattr(known, option)}; give {least} or more.")
    device, models = _device(known.device), chosen(known.model)
    source = concept_sets.folder_of(known.on, known.source)
    pictures = concept_sets.concept_set(known.on, source, partial=known.partial)
    web = web_frequencies.load()
    print(f"{len(pictures):,} pictures of {len(pictures.names)} classes. {web.note}", flush=True)
    start, failed, work = time.perf_counter(), 0, 0
    evaluated = evaluation.evaluate(
        models,
        pictures,
        known.out,
        device=device,
        workers=known.workers,
        batch=known.batch,
    )
    for number, done in enumerate(evaluated, start=1):
        work += done.seconds > 0
        if done.answers is None:
            failed += 1
            said = str(done.problem)
        else:
            report = done.answers.report(evaluation.frequency_of(done.answers, web))
            said = ", ".join(f"{HEADINGS[name]} {report[name]:.3f}" for name in HEADINGS)
            said += ", read" if done.seconds == 0 else f", {done.seconds:.0f} s"
        left = (time.perf_counter() - start) / max(work, 1) * (len(models) - number)
        said += f" | {timedelta(seconds=round(left))} left"
        print(f"{number}/{len(models)} | {done.model} | {said}", flush=True)
    table = evaluation.summary(known.out, web)
    if len(table):
        atomic_write(known.out / "summary.csv", table.to_csv(index=False).encode())
    if failed:
        print(f"{failed} of {len(models)} models could not be evaluated.", file=sys.stderr)
    return int(failed > 0)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise CourseError(
            f"--device is {name!r}, which torch does not know; use cpu or cuda."
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CourseError(f"--device is {name!r} and no CUDA device is there; use cpu.")
    return device


_DATA = {"list": _data_list, "prepare": _data_prepare, "check": _data_check}


def _factors(names: list[str]) -> list[experiments.Factor]:
    chosen = experiments.names() if names == ["all"] else names
    return [experiments.factor(name) for name in chosen]


def _numbers(text: str) -> list[int]:
    """Seeds from a text such as ``0-4`` or ``0,2,5-7``: each once, in order."""
    found: set[int] = set()
    for part in text.split(","):
        ends = part.split("-")
        if len(ends) > 2 or not all(end.strip().isdecimal() for end in ends):
            raise CourseError(
                f"--seeds is {text!r}; give numbers and ranges, such as 0-4 or 0,2,5."
            )
        found.update(range(int(ends[0]), int(ends[-1]) + 1))
    if not found:
        raise CourseError(f"--seeds is {text!r}, an empty range; the smaller number comes first.")
    return sorted(found)


if __name__ == "__main__":
    sys.exit(main())
