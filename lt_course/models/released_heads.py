"""Prototypes of ImageNet's classes that the study has released: what CLIP makes of their names.

A file holds one tensor, [1000, D], a row for each class in ImageNet's order. Rows are not of unit
norm (8 to 15 in most of the files), which is harmless, since a head normalises them.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.data.imagenet import ImageNetClass, imagenet_classes
from lt_course.data.tokenizer import first_line
from lt_course.errors import CourseError
from lt_course.release import released_file, require_released

HEADS: Mapping[str, str] = {
    "in1k_clip_rn50_wit400m_a+cname.pt": (
        "a5686211fde7d75853e584c7e8fef454e78f066d4cf578dbdc8fdac5fbe91f00"
    ),
}
"""Released files and their SHA-256: the head of the paper's classifiers with frozen prototypes,
"a" and the name of each class as OpenAI's RN50 reads it. Others are given by path."""

MAX_LEAST_COSINE = 0.95
"""A table whose prototypes all have a greater cosine tells no class from another. The least of
CLIP's RN50 is .03 (the mean .57); that of RoBERTa's, made of an output that was never trained,
.98."""


def released_prototypes(file: str, classes: Sequence[ImageNetClass], embedding: int) -> Tensor:
    """The rows of C of ImageNet's classes in a table of prototypes: float32 [C, D], not normalised.

    Args:
        file: a path, or a name in `HEADS`, which is looked for in the folder ``heads`` of what
            ``LT_COURSE_MIRROR`` names, or else fetched from the release.
        classes: which.
        embedding: dimension D.

    Raises:
        CourseError: if the file is not at hand, is not such a table, or tells no class from
            another.
    """
    path = _at_hand(file)
    table, known = _read(path), len(imagenet_classes())
    if table.ndim != 2 or len(table) != known or not table.is_floating_point():
        shape = " x ".join(map(str, table.shape))
        raise CourseError(
            f"The table in {path} (field 'text_weights') has the shape {shape} and the type "
            f"{table.dtype}; it must have a row for each of ImageNet's {known:,} classes."
        )
    if table.shape[1] != embedding:
        raise CourseError(
            f"The prototypes in {path} (field 'text_weights') have {table.shape[1]} dimensions, "
            f"but field 'embed_dim' is {embedding}; set it to {table.shape[1]}."
        )
    table = table.float()
    norms = table.norm(dim=1)
    if bad := int((~norms.isfinite() | (norms == 0)).sum()):
        raise CourseError(
            f"Of the prototypes in {path} (field 'text_weights'), {bad} are zero or not finite; "
            "fetch the file again."
        )
    directions = F.normalize(table, dim=1)
    least = float((directions @ directions.T).min())
    if least > MAX_LEAST_COSINE:
        raise CourseError(
            f"The prototypes in {path} (field 'text_weights') are all alike: no cosine between two "
            f"is below {least:.2f}, so they tell no class from another; take another head."
        )
    return table[[known.label for known in classes]]


def _at_hand(file: str) -> Path:
    path = Path(file)
    if path.is_file():
        if path.name in HEADS:
            require_released(path, f"heads/{path.name}", HEADS[path.name])
        return path
    if file not in HEADS:
        raise CourseError(
            f"Field 'text_weights' is {file!r}, which is no file of prototypes; give the path of "
            f"one, or one of {', '.join(HEADS)}."
        )
    return released_file(f"heads/{file}", f"The released table {file} is", HEADS[file])


def _read(path: Path) -> Tensor:
    try:
        read: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise CourseError(
            f"The file {path} (field 'text_weights') holds no tensor that could be read "
            f"({first_line(error)}); give a table of prototypes that torch.save has written."
        ) from error
    if not isinstance(read, Tensor):
        raise CourseError(
            f"The file {path} (field 'text_weights') holds a {type(read).__name__} and not one "
            "tensor; give a table of prototypes, or name the architecture in 'text_tower' if these "
            "are the weights of a text tower."
        )
    return read
