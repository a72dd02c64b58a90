"""Tiny ImageNet: photographs of 64 pixels, of 200 of ImageNet's classes.

100,000 for training and 50 a class for tests (its validation set), in a folder as published
(Stanford's CS231n), for research that is not commercial. Texts belong to classes: WordNet's
synonyms, definitions and hypernyms.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np

from lt_course.data.captions import prompts
from lt_course.data.data_folder import Input, data_folder, missing
from lt_course.data.photographs.photograph_set import PhotographSet
from lt_course.data.photographs.reading import Found, read_images
from lt_course.errors import CourseError

NAME = "tiny-imagenet"
CLASSES = 200
CLASSES_FILE = Path(__file__).parents[1] / "resources" / "tiny_imagenet.csv"
"""The classes in the order of ``wnids.txt``; made by ``tools.build_tiny_imagenet_classes``."""

HYPERNYMS = 6
"""Of a class, nearest first; those above (whole, object, entity) hold of everything."""

FOLDER = "tiny-imagenet-200"
URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
INPUTS = (
    Input(
        f"{FOLDER}/",
        f"{URL} (lt-course data fetch {NAME})",
        "ImageNet's terms: research that is not commercial",
        "248 MB",
    ),
)


def find() -> Found:
    """The pictures as they lie, in the order of their names; a CourseError if some are missing."""
    root = data_folder(INPUTS) / FOLDER
    notes = root / "val" / "val_annotations.txt"
    if not (root / "train").is_dir() or not notes.is_file():
        raise missing(root.parent, INPUTS)
    training = sorted((root / "train").glob("*/images/*.JPEG"))
    tests = [line.split("\t") for line in notes.read_text(encoding="ascii").splitlines()]
    paths = [*training, *(notes.parent / "images" / file for file, *_ in tests)]
    wnids = [*(path.parts[-3] for path in training), *(wnid for _, wnid, *_ in tests)]
    label_of = {row["wnid"]: label for label, row in enumerate(_classes())}
    for path, wnid in zip(paths, wnids, strict=True):
        if wnid not in label_of:
            raise CourseError(
                f"{path} is of the class {wnid}, which is none of the {CLASSES} of {NAME}; fetch "
                f"the set again from {URL}."
            )
    labels = np.array([label_of[wnid] for wnid in wnids], np.int64)
    return Found(paths, labels, np.arange(len(paths)) >= len(training))


def read(found: Found, size: int) -> PhotographSet:
    """The set, at a size in pixels."""
    rows = _classes()
    names = [row["name"] for row in rows]
    synonyms = [dict.fromkeys([row["name"], *row["synonyms"].split("; ")]) for row in rows]
    above = [row["hypernyms"].split("; ")[:HYPERNYMS] for row in rows]
    images, _, _ = read_images(found, size, NAME)
    return PhotographSet(
        NAME,
        [row["wnid"] for row in rows],
        names,
        images,
        found.labels,
        found.test,
        of_class={
            "synset": [[text for each in words for text in prompts(each)] for words in synonyms],
            "gloss": [[row["gloss"]] for row in rows],
            "hypernyms": [[", ".join([name, *w])] for name, w in zip(names, above, strict=True)],
        },
    )


@cache
def _classes() -> list[dict[str, str]]:
    with CLASSES_FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
