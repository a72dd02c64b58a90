"""CIFAR-100: photographs of 32 pixels, of 100 classes in 20 superclasses (Krizhevsky, 2009).

500 a class for training and 100 for tests. The profile ``cifar-lt(100)`` makes of it the long tail
that others have published numbers for. Texts are the names of classes and superclasses.
"""

from __future__ import annotations

import pickle

import numpy as np
from PIL import Image

from lt_course.data.data_folder import Input, data_folder, missing
from lt_course.data.photographs.photograph_set import PhotographSet
from lt_course.data.photographs.reading import Found, square

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
    """The files as they lie; a CourseError if they are not as published, by their MD5 sums."""
    from torchvision.datasets import CIFAR100

    root = data_folder(INPUTS)
    try:
        training, test = (CIFAR100(root, train=train) for train in (True, False))
    except RuntimeError as error:
        raise missing(root, INPUTS) from error
    labels = np.array([*training.targets, *test.targets], np.int64)
    folder = root / CIFAR100.base_folder
    # Superclasses, which torchvision leaves out; it has unpickled these very files by now.
    coarse, meta = (
        pickle.loads((folder / name).read_bytes(), encoding="latin1") for name in ("train", "meta")
    )
    of_class = dict(zip(training.targets, coarse["coarse_labels"], strict=True))
    superclasses = [meta["coarse_label_names"][of_class[label]] for label in range(CLASSES)]
    return Found(
        [*training.data, *test.data],
        labels,
        np.arange(len(labels)) >= len(training.targets),
        {"names": training.classes, "superclasses": superclasses},
        files=[folder / name for name in ("train", "test", "meta")],
    )


def read(found: Found, size: int) -> PhotographSet:
    """The set, at a size in pixels."""
    images = np.asarray(found.pictures)
    if size != SIDE:
        images = np.stack([square(Image.fromarray(image), size) for image in images])
    names, superclasses = (
        [t.replace("_", " ") for t in found.texts[k]] for k in ("names", "superclasses")
    )
    both = list(zip(names, superclasses, strict=True))
    return PhotographSet(
        NAME,
        found.texts["names"],
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
