"""Write what the explorer page loads: recorded runs class by class, and a sheet of drawings.

    python book/tools/explorer.py

``book/_static/explorer/data/`` gets one script for each experiment with recorded runs, an index of
them, and ``drawings.png``, four training drawings of each concept. Photographs go by their names.
An experiment shows the first `SEEDS` of the seeds that its claims are judged by.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lt_course.data import icontail
from lt_course.evidence.claims import headline_seeds
from lt_course.evidence.experiments import Experiment, all_experiments
from lt_course.evidence.results import CommittedResult, load

DATA = Path(__file__).resolve().parents[1] / "_static" / "explorer" / "data"
SEEDS, DRAWINGS, SCALE = 3, 4, "cpu"
DATASETS = {
    "icontail": "drawings",
    "tiny-imagenet": "photographs of Tiny ImageNet",
    "fashion-products": "photographs of products",
}


def recorded(experiment: Experiment) -> dict[tuple[str, int], CommittedResult]:
    """An experiment's runs that are shown, by label and seed."""
    known, seeds = load(), list(headline_seeds(experiment))[:SEEDS]
    runs = {
        (label, s): experiment.run(label, SCALE, s) for label in experiment.settings for s in seeds
    }
    return {key: known[run.address] for key, run in runs.items() if run.address in known}


def content(experiment: Experiment) -> dict[str, Any] | None:
    """What the page loads of an experiment: counts of each class, and S(a) and S(p) as recorded.

    None if nothing of it is recorded.
    """
    found = recorded(experiment)
    if not found:
        return None
    first = next(iter(found.values())).per_class
    # Class profiles are shared by many runs: each is written once.
    frequencies: dict[tuple[int, ...], int] = {}
    tests = int(first["predictions"].sum()) // len(first)
    runs: dict[str, dict[int, Any]] = {}
    for (label, seed), result in found.items():
        table = result.per_class
        profile = tuple(map(int, table["frequency"]))
        runs.setdefault(label, {})[seed] = {
            "frequency": frequencies.setdefault(profile, len(frequencies)),
            "hits": [round(a * tests) for a in table["accuracy"]],
            "predictions": table["predictions"].tolist(),
            "spearman": [
                rounded(result.metrics[f"spearman_{of}"]) for of in ("accuracy", "predictions")
            ],
        }
    drawn = experiment.dataset == "icontail"
    rows = {concept.key: row for row, concept in enumerate(core())}
    return {
        "title": experiment.title,
        "dataset": DATASETS[experiment.dataset],
        "tests": tests,
        "names": first["name"].tolist(),
        "rows": [rows[key] for key in first["concept"]] if drawn else None,
        "frequencies": [list(profile) for profile in frequencies],
        "runs": runs,
    }


def rounded(value: float) -> float | None:
    """Three decimals; JSON knows no nan."""
    return None if math.isnan(value) else round(value, 3)


def core() -> list[icontail.Concept]:
    """The evaluation concepts."""
    return [concept for concept in icontail.load().concepts if concept.core]


def sheet() -> tuple[Image.Image, list[list[int]]]:
    """Four training drawings a concept, one concept a row, and the icon sets that they are from.

    They are drawn by lot, of different author families where there are as many.
    """
    data, generator = icontail.load(), np.random.default_rng(0)
    chosen = []
    for concept in range(len(core())):
        own = generator.permutation(np.flatnonzero((data.concept == concept) & ~data.test))
        first = np.unique(data.family[own], return_index=True)[1]
        chosen.append([*own[np.sort(first)], *np.delete(own, first)][:DRAWINGS])
    picture = np.full((len(chosen) * icontail.SIDE, DRAWINGS * icontail.SIDE), 255, np.uint8)
    for row, rows in enumerate(chosen):
        line = np.concatenate([data.pictures[i] for i in rows], axis=1)
        picture[row * icontail.SIDE : (row + 1) * icontail.SIDE, : line.shape[1]] = line
    return Image.fromarray(picture).quantize(16), [[int(data.set[i]) for i in r] for r in chosen]


def script(name: str, value: object) -> str:
    """A script that keeps a value for the page."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return f"(window.explorerData ||= {{}})[{json.dumps(name)}] = {text};\n"


def main(folder: Path = DATA) -> None:
    """Write everything anew; the same records make the same files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    index = []
    for experiment in all_experiments():
        if (found := content(experiment)) is not None:
            index.append([experiment.name, found["title"]])
            (folder / f"{experiment.name}.js").write_text(script(experiment.name, found))
    picture, sets = sheet()
    picture.save(folder / "drawings.png", optimize=True)
    credits = [f"{s.name} by {s.author}, {s.licence}" for s in icontail.load().sets]
    listing = {"experiments": index, "sets": sets, "credits": credits}
    (folder / "index.js").write_text(script("index", listing))


if __name__ == "__main__":
    main()
