"""The sets of the paper's Table 2 as tasks for features that were learnt from photographs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as V

from lt_course.data.augment import LabeledImages, standardize_photographs
from lt_course.data.data_folder import VARIABLE
from lt_course.data.transfer_sets import Part
from lt_course.files import named_folder
from lt_course.study.dataset import Task
from lt_course.web import data_paths
from lt_course.web.datasets.published_sets import PUBLISHED, published_set
from lt_course.web.read_ahead import read_ahead
from lt_course.web.shards import photographs

BATCH = 256
"""Photographs that a tower sees at a time."""


@dataclass(frozen=True)
class _Cropped(Dataset[Tensor]):
    """Some pictures of a part, as they are tested: the centre, uint8 [3, S, S]."""

    part: Part
    rows: NDArray[np.int64]
    size: int

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Tensor:
        picture = V.pil_to_tensor(self.part.pictures[int(self.rows[number])])
        return photographs.evaluation_crop(picture, self.size, self.size)


def published_tasks(size: int) -> Iterator[Task]:
    """Those of `published_sets.PUBLISHED` that are in ``LT_COURSE_DATA/transfer``.

    They lie there as torchvision puts them; what is not there is left out, and the record then
    lacks its metric.

    Args:
        size: side S of the pictures, whose shorter side is scaled to it, as in the code that the
            paper uses.

    Raises:
        CourseError: if a set is there, but incomplete.
    """
    root = (named_folder(VARIABLE) or Path()) / "transfer"
    for name, entry in PUBLISHED.items():
        if (root / entry.folder).is_dir():
            published = published_set(name, root)
            parts = [
                _shown(part, size, f"{name}, {what}")
                for part, what in (
                    (published.train, "training"),
                    (published.validation, "validation"),
                    (published.test, "test"),
                )
            ]
            yield Task(name, len(published.classes), published.metric, *parts)


def _shown(part: Part, size: int, what: str) -> LabeledImages:
    truth = torch.from_numpy(part.labels)

    def batches(rows: NDArray[np.int64], device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        workers = data_paths.workers(device.type == "cpu")
        loader = read_ahead(_Cropped(part, rows, size), workers=workers, batch_size=BATCH)
        for pictures, which in zip(loader, torch.from_numpy(rows).split(BATCH), strict=True):
            yield standardize_photographs(pictures.to(device)), truth[which]

    return LabeledImages(part.labels, batches, what)
