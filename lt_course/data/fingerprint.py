"""What tells one set of pictures from another: a record knows the data it was made of.

A run says where its pictures come from, and not which lie there. So what was read leaves a
fingerprint in the record and in every checkpoint, exact in numbers, classes, labels and captions,
and coarse in pixels: the same pictures in other JPEGs pass, relabelled, thinned or exchanged ones
do not (unless only pictures are exchanged that are not among the `SAMPLE` of each kind).
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from lt_course.data.augment import LabeledImages
from lt_course.errors import CourseError

Array = NDArray[Any]

SAMPLE = 32
"""Training pictures, and test pictures, that are looked at."""

SIDE, LEVELS = 4, 32
"""Pixels a side of the coarse pictures, and levels of a channel a standard deviation."""

ALIKE = 0.25
"""Greatest mean difference, in standard deviations, of two coarse copies of one picture."""

_SAID = {
    "training": "numbers of training pictures",
    "test": "numbers of test pictures",
    "classes": "numbers of classes",
    "names": "the classes",
    "labels": "labels of training pictures",
    "test_labels": "labels of test pictures",
    "captions": "captions",
    "pixels": "pictures",
}


@dataclass(frozen=True)
class Fingerprint:
    """Numbers of training and test pictures and of classes, SHA-256 sums, and coarse pixels.

    ``names`` sums up the classes' keys in their order, ``captions`` what is said of the training
    pictures (nothing where nothing is read); ``pixels`` is base64 of int8.
    """

    training: int
    test: int
    classes: int
    names: str
    labels: str
    test_labels: str
    captions: str
    pixels: str

    @classmethod
    def of(
        cls,
        keys: Sequence[str],
        training: LabeledImages,
        test: LabeledImages,
        captions: Iterable[Array] = (),
    ) -> Fingerprint:
        """Look at the classes' keys, the labels of all pictures, the pixels of some, and captions.

        Training pictures are shown as test pictures are.
        """
        return cls(
            len(training),
            len(test),
            len(keys),
            hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32],
            _of_arrays([training.labels]),
            _of_arrays([test.labels]),
            _of_arrays(captions),
            b64encode(np.concatenate([_coarse(training), _coarse(test)]).tobytes()).decode(),
        )

    def require_same(self, before: dict[str, Any], what: str) -> None:
        """Raise a CourseError if `what` was made of other data, by the fields that it kept."""
        for field, now in asdict(self).items():
            then = before.get(field)
            if (field == "pixels" and _alike(str(then), now)) or then == now:
                continue
            exact = f": there were {then}, and are {now}" if isinstance(now, int) else ""
            raise CourseError(
                f"{what} was made of other data than those that are here now ({_SAID[field]} "
                f"differ{exact}); bring the earlier data back, or delete it and run again."
            )


def _of_arrays(arrays: Iterable[Array]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).data)
    return digest.hexdigest()[:32]


@torch.no_grad()
def _coarse(shown: LabeledImages) -> NDArray[np.int8]:
    """Some pictures that stand evenly spaced, 4 x 4 pixels each, int8 [n, C, 4, 4]."""
    rows = np.linspace(0, len(shown) - 1, min(SAMPLE, len(shown))).astype(np.int64)
    pictures = torch.cat([part for part, _ in shown.batches(rows, torch.device("cpu"))])
    levels = LEVELS * F.adaptive_avg_pool2d(pictures.float(), SIDE)
    return levels.round().clamp(-127, 127).to(torch.int8).numpy()


def _alike(before: str, now: str) -> bool:
    """Whether all coarse pictures are as they were, up to another encoding."""
    then, there = (np.frombuffer(b64decode(text), np.int8).astype(float) for text in (before, now))
    if then.shape != there.shape:
        return False
    # Of C channels: three, or one; a picture of three is taken for three of one.
    apart = np.abs(then - there).reshape(-1, SIDE * SIDE).mean(1)
    return bool((apart <= ALIKE * LEVELS).all())
