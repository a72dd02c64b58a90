"""Released CLIPs on labelled photographs: a confusion matrix a model, and what follows from it."""

from __future__ import annotations

import gc
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import pandas as pd
import torch
from PIL.Image import Image
from torch import Tensor
from torch.utils.data import Dataset

from lt_course.counting.web_frequencies import WebFrequencies
from lt_course.data.captions import prompts
from lt_course.errors import CourseError
from lt_course.evaluation.answers import COLLAPSE, Answers, score
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.files import read_sealed, write_sealed, writing
from lt_course.progress import progress
from lt_course.web.datasets.concept_sets import ConceptSet, frequencies
from lt_course.web.read_ahead import read_ahead
from lt_course.web.released.open_models import OpenModel, Towers, WeightsError, load

DECISIVE = {
    "fingerprint": "pictures or class names",
    "prompts": "templates",
    "open_clip": "versions of open_clip",
}
"""What a record says of itself that must be as it is now."""


@dataclass(frozen=True)
class Done:
    """A model that was evaluated or read, or why not."""

    model: OpenModel
    answers: Answers | None
    seconds: float
    problem: str | None = None


@torch.no_grad()
def answers_of(
    towers: Towers,
    pictures: ConceptSet,
    device: torch.device | str = "cpu",
    *,
    workers: int = 0,
    batch: int = 64,
    label: str = "",
) -> Answers:
    """Ask a released CLIP, zero-shot with the 80 templates, for the class of every picture.

    Features stay in the computer's memory, 4 N D bytes (0.2 GB for 50,000 pictures and D = 1,024).
    `batch` pictures, or prompts, are encoded at a time; without a `label` no progress is shown.
    """
    asked = (towers.tokenise(prompts(name)) for name in pictures.names)
    prototypes = torch.cat(
        [zero_shot_prototypes(towers.text_features, each[None].to(device), batch) for each in asked]
    )
    as_trained = _Transformed(pictures, towers.transform)
    loader = read_ahead(as_trained, workers=workers, batch_size=batch)
    parts = []
    with progress(label, len(pictures), quiet=not label) as line:
        for shown in loader:
            parts.append(towers.image_features(shown.to(device)).float().cpu())
            line.update(len(shown))
    labels = torch.from_numpy(pictures.labels)
    return score(torch.cat(parts), labels, prototypes.float().cpu(), pictures.names)


def evaluate(
    models: Sequence[OpenModel],
    pictures: ConceptSet,
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    workers: int = 0,
    batch: int = 64,
) -> Iterator[Done]:
    """Evaluate one model after the other; what is in the folder already is read.

    A record is written whole or not at all. One model is in memory at a time. A model whose weights
    cannot be had, or that does not fit into the device's memory, is told as a `Done` with a
    problem; the rest goes on.

    Raises:
        CourseError: what would stop every model: a picture that cannot be decoded; a record of
            other pictures, templates or another open_clip in the folder; no folder.
    """
    asked = {
        "fingerprint": pictures.fingerprint,
        "prompts": hashlib.sha256("".join(prompts("{}")).encode()).hexdigest()[:16],
        "open_clip": open_clip.__version__,
    }
    with writing(folder, "give another --out"):
        (folder / pictures.name).mkdir(parents=True, exist_ok=True)
    for model in models:
        start, path = time.perf_counter(), place(folder, pictures.name, model)
        if path.exists():
            answers = read(path)
            if other := [what for what in asked if answers.about.get(what) != asked[what]]:
                raise CourseError(
                    f"{path} is of other {DECISIVE[other[0]]} than these; give another --out, or "
                    "delete it."
                )
            yield Done(model, answers, 0.0)
            continue
        options: dict[str, Any] = {"workers": workers, "batch": batch, "label": str(model)}
        found, problem = None, None
        try:
            found = answers_of(load(model, device), pictures, device, **options)
        except WeightsError as error:
            problem = str(error)
        except torch.OutOfMemoryError:
            problem = f"{model} does not fit into the memory of {device}; lower --batch."
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        seconds = time.perf_counter() - start
        if found is not None:
            about = asdict(model) | {
                "set": pictures.name,
                "concepts": pictures.concepts,
                "counted_as": pictures.counted_as,
                "pictures": len(pictures),
                "templates": len(prompts("")),
                "torch": torch.__version__,
                "device": str(device),
                "seconds": round(seconds, 1),
            }
            found = replace(found, about=about | asked)
            write(path, found)
        yield Done(model, found, seconds, problem)


def place(folder: Path, name: str, model: OpenModel) -> Path:
    """Where the record of a model on a set lies."""
    return folder / name / f"{model.name}--{model.tag}.npz"


def write(path: Path, answers: Answers) -> None:
    """Write answers, compressed, whole or not at all."""
    content = io.BytesIO()
    collapse: dict[str, Any] = {metric: answers.collapse[metric].to_numpy() for metric in COLLAPSE}
    np.savez_compressed(
        content,
        confusion=answers.confusion.astype(np.int32),
        names=np.array(answers.names),
        about=np.array(json.dumps(answers.about)),
        **collapse,
    )
    with writing(path, "make room, or give another --out; models that are there are read"):
        write_sealed(path, content.getvalue())


def read(path: Path) -> Answers:
    """What `write` wrote; a CourseError if the file is damaged or something else."""
    try:
        with np.load(io.BytesIO(read_sealed(path)), allow_pickle=False) as found:
            return Answers(
                found["confusion"].astype(np.int64),
                pd.DataFrame({metric: found[metric] for metric in COLLAPSE}),
                tuple(found["names"].tolist()),
                json.loads(str(found["about"])),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
        raise CourseError(
            f"{path} is not the record of a model, or is damaged ({problem}); delete it and "
            "evaluate again."
        ) from problem


def frequency_of(answers: Answers, web: WebFrequencies) -> npt.NDArray[np.int64] | None:
    """How often the captions that a recorded model learnt from name each class, int64 [C].

    None if those captions were not counted, or the counts are not at hand.
    """
    about = answers.about
    pretrained_on = OpenModel(about["name"], about["tag"]).pretrained_on
    return frequencies(web, pretrained_on, about["concepts"], about["counted_as"])


def summary(folder: Path, web: WebFrequencies) -> pd.DataFrame:
    """One row a model that `evaluate` recorded: name, tag, pretrained_on, set, pictures, `report`.

    Each is judged by the counts of its own pre-training set.
    """
    rows = []
    for path in sorted(folder.glob("*/*.npz")):
        answers = read(path)
        about = answers.about
        row = {field: about[field] for field in ("name", "tag", "set", "pictures")}
        row["pretrained_on"] = OpenModel(row["name"], row["tag"]).pretrained_on
        rows.append(row | answers.report(frequency_of(answers, web)))
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _Transformed(Dataset[Tensor]):
    """The pictures as one checkpoint wants to see them."""

    pictures: ConceptSet
    transform: Callable[[Image], Tensor]

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, row: int) -> Tensor:
        return self.transform(self.pictures.picture(row))
