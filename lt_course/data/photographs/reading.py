"""From pictures in files to one array."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lt_course.data.photographs.photograph_set import square
from lt_course.errors import CourseError
from lt_course.progress import progress

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Found:
    """The pictures of a set as they lie, before one is opened.

    Attributes:
        pictures: n files; or what `open_` takes.
        labels: int64 [n], concepts.
        test: bool [n].
        texts: what else was read on the way.
        open_: one of `pictures` in, its bytes out.
        files: that hold all of this; those of `pictures` if there are no others.
    """

    pictures: Sequence[Any]
    labels: Ints
    test: NDArray[np.bool_]
    texts: Any = field(default_factory=dict)
    open_: Callable[[Any], bytes] = Path.read_bytes
    files: Sequence[Path] = ()


def read_images(found: Found, size: int, what: str) -> NDArray[np.uint8]:
    """All pictures on white squares: uint8 [n, size, size, 3].

    Raises:
        CourseError: if one cannot be read; the sentence names it.
    """
    images = np.empty((len(found.pictures), size, size, 3), np.uint8)

    def read(row: int) -> None:
        content = found.open_(found.pictures[row])
        try:
            with Image.open(io.BytesIO(content)) as picture:
                images[row] = square(picture, size)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise CourseError(
                f"{found.pictures[row]} of {what} is no picture that could be read ({error}); "
                "fetch it again."
            ) from error

    with (
        ThreadPoolExecutor(2) as pool,
        progress(f"reading {what}", len(images), quiet=len(images) < 10_000) as line,
    ):
        for done, _ in enumerate(pool.map(read, range(len(images)), chunksize=256), 1):
            if done % 1_000 == 0:
                line.update(1_000)
    return images
