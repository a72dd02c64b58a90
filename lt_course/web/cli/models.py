"""``lt-course models list`` and ``evaluate``."""

from __future__ import annotations

import sys
import time
from json import dumps
from pathlib import Path

import torch
from tyro.conf import Positional

from lt_course.counting import web_frequencies
from lt_course.errors import CourseError
from lt_course.files import atomic_write, writing
from lt_course.web.cli.study import headed, print_progress
from lt_course.web.datasets import concept_sets
from lt_course.web.released import evaluate_open_models as evaluation
from lt_course.web.released import open_models


def list_models(all: bool = False, json: bool = False) -> None:
    """Checkpoints of open_clip, each once: parameters, pre-training set, frequency file.

    The file says how often the captions that one was pre-trained on name each class.

    Args:
        all: those without such a file, too.
        json: print one JSON object a checkpoint.
    """
    for model in open_models.chosen(["all" if all else "counted"]):
        key, parameters = model.pretrained_on, open_models.parameters(model.name)
        row = {
            "model": str(model),
            "parameters": parameters,
            "pretrained_on": key and web_frequencies.PRETRAINING_SETS[key],
            "frequency_file": key and f"{key}_imagenet_ori",
            "note": model.note,
        }
        size = "?" if parameters is None else f"{parameters / 1e6:,.0f} M"
        line = (
            f"{row['model']:<52} {size:>8}  {row['pretrained_on'] or 'not counted':<14} "
            f"{row['frequency_file'] or '-':<28} {row['note']}"
        )
        print(dumps(row) if json else line.rstrip(), flush=True)


def evaluate(
    model: Positional[tuple[str, ...]],
    on: str,
    out: Path,
    source: Path | None = None,
    device: str = "cpu",
    workers: int = 2,
    batch: int = 64,
    partial: bool = False,
) -> int:
    """Evaluate released CLIPs zero-shot, one after the other, and write a record of each.

    What the folder holds already is read. Exit status 1: some could not be evaluated.

    Args:
        model: NAME/TAG as models list says; counted (all with a frequency file), or all.
        on: such as imagenet-val, imagenet-v2, dtd.
        out: folder of the records.
        source: of its files (if not given: LT_COURSE_DATA/ON).
        device: such as cuda.
        workers: that read.
        batch: pictures at a time.
        partial: take ImageNet's pictures that are there.
    """
    for option, value, least in (("workers", workers, 0), ("batch", batch, 1)):
        if value < least:
            raise CourseError(f"--{option} is {value}; give {least} or more.")
    torch_device, models = _device(device), open_models.chosen(list(model))
    pictures = concept_sets.concept_set(on, concept_sets.folder_of(on, source), partial=partial)
    web = web_frequencies.load()
    if others := pictures.left_out:
        more = ", …" if len(others) > 3 else ""
        print(
            f"{len(others)} files and folders among the pictures are none and are left out "
            f"({', '.join(others[:3])}{more}).",
            file=sys.stderr,
        )
    print(f"{len(pictures):,} pictures of {len(pictures.names)} classes. {web.note}", flush=True)
    start, failed, evaluated = time.perf_counter(), 0, 0
    results = evaluation.evaluate(
        models, pictures, out, device=torch_device, workers=workers, batch=batch
    )
    for number, result in enumerate(results, start=1):
        evaluated += result.seconds > 0
        if result.answers is None:
            failed += 1
            outcome = str(result.problem)
        else:
            report = result.answers.report(evaluation.frequency_of(result.answers, web))
            took = "read" if result.seconds == 0 else f"{result.seconds:.0f} s"
            outcome = f"{headed(report, 3)}, {took}"
        left = (time.perf_counter() - start) / max(evaluated, 1) * (len(models) - number)
        print_progress(f"{number}/{len(models)}", result.model, outcome, left)
    table = evaluation.summary(out, web)
    if len(table):
        with writing(out / "summary.csv", "make room for it; the records beside it are whole"):
            atomic_write(out / "summary.csv", table.to_csv(index=False).encode())
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


COMMANDS = {"models": {"list": list_models, "evaluate": evaluate}}
