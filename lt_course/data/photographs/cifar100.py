"""CIFAR-100: photographs of 32 pixels, of 100 classes in 20 superclasses (Krizhevsky, 2009).

500 a class for training and 100 for tests. The profile ``cifar-lt(100)`` makes of it the long tail
that others have published numbers for. Texts are the names of classes and superclasses.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lt_course.data.data_folder import Input, data_folder, missing
from lt_course.data.photographs.photograph_set import PhotographSet, square
from lt_course.data.photographs.reading import Found

NAME = "cifar100"
CLASSES = 100
SIDE = 32

INPUTS = (
    Input(
        "cifar-100-python.tar.gz, unpacked as cifar-100-python/",
        "https://www.cs.toronto.edu/~kriz/cifar.html (torchvision downloads it)",
        "no licence is stated",
        "169 MB",
    ),
)


def find() -> Found:
    """The files as they lie; torchvision compares them with their MD5 sums.

    Raises:
        CourseError: if they are not there, or not as published.
    """
    from torchvision.datasets import CIFAR100

    root = data_folder(INPUTS)
    try:
        parts = [CIFAR100(root, train=train) for train in (True, False)]
    except RuntimeError as error:
        raise missing(root, INPUTS) from error
    labels = np.concatenate([part.targets for part in parts]).astype(np.int64)
    folder = root / CIFAR100.base_folder
    return Found(
        [*np.concatenate([part.data for part in parts])],
        labels,
        np.arange(len(labels)) >= len(parts[0].targets),
        {"names": parts[0].classes, "superclasses": _superclasses(folder, parts[0].targets)},
        files=[folder / name for name in ("train", "test", "meta")],
    )


def read(found: Found, size: int) -> PhotographSet:
    """The set, at a size in pixels."""
    images = np.asarray(found.pictures)
    if size != SIDE:
        images = np.stack([square(Image.fromarray(image), size) for image in images])
    keys: list[str] = found.texts["names"]
    names, superclasses = (
        [t.replace("_", " ") for t in found.texts[k]] for k in ("names", "superclasses")
    )
    both = list(zip(names, superclasses, strict=True))
    return PhotographSet(
        NAME,
        keys,
        names,
        images,
        found.labels,
        found.test,
        of_class={
            "class": [[f"a photo of a {name}"] for name in names],
            "superclass": [[f"a photo of {above}"] for above in superclasses],
            "class+superclass": [[f"a photo of a {name}, {above}"] for name, above in both],
        },
    )


def _superclasses(folder: Path, labels: list[int]) -> list[str]:
    """The superclass of each class, which torchvision leaves out."""
    # torchvision has compared both files with their MD5 sums, and unpickled them, by now.
    with (folder / "train").open("rb") as file:
        of_picture: NDArray[np.int64] = np.array(
            pickle.load(file, encoding="latin1")["coarse_labels"]
        )
    with (folder / "meta").open("rb") as file:
        names = pickle.load(file, encoding="latin1")["coarse_label_names"]
    _, first = np.unique(labels, return_index=True)
    return [names[number] for number in of_picture[first]]
