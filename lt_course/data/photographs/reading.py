"""From pictures in files to one array."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lt_course.errors import CourseError
from lt_course.progress import progress

UNREADABLE = "unreadable pictures"
GREY, PALETTE = "grey pictures, converted", "palette pictures, converted"
CONVERTED = {
    "1": GREY, "L": GREY, "LA": GREY, "P": PALETTE, "PA": PALETTE,
    "CMYK": "CMYK pictures, converted",
}  # fmt: skip
BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, ArithmeticError, LookupError,
    struct.error, Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow raises for damaged files."""


@dataclass(frozen=True, eq=False)
class Found:
    """The pictures of a set as they lie, before one is opened, and what was read on the way.

    ``pictures`` are n files, or what ``open_`` takes to give the bytes of one; ``labels``, int64
    [n], are concepts, and ``test`` is bool [n]. ``files`` hold all of this, if not ``pictures`` do.
    """

    pictures: Sequence[Any]
    labels: NDArray[np.int64]
    test: NDArray[np.bool_]
    texts: Any = field(default_factory=dict)
    open_: Callable[[Any], bytes] = Path.read_bytes
    files: Sequence[Path] = ()


def read_images(
    found: Found, size: int, what: str, *, of_all_kinds: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.str_], list[list[str]]]:
    """All pictures on white squares, uint8 [n, size, size, 3], and the SHA-256 of each file.

    Those of all kinds are read as far as they can be, with what is to be told of each, `UNREADABLE`
    among it; of others, a CourseError names the first that cannot be read.
    """
    count = len(found.pictures)
    images, digests = np.zeros((count, size, size, 3), np.uint8), [""] * count

    def read(row: int) -> list[str]:
        place, seen = found.pictures[row], list[str]()
        try:
            content = found.open_(place)
            digests[row] = hashlib.sha256(content).hexdigest()
            with Image.open(io.BytesIO(content)) as picture:
                whole = on_white(picture, seen) if of_all_kinds else picture
                images[row] = square(whole, size)
        except BROKEN as error:
            if of_all_kinds:
                return [UNREADABLE]
            raise CourseError(
                f"{place} of {what} is no picture that could be read ({error}); fetch it again."
            ) from error
        return seen

    with (
        ThreadPoolExecutor(2) as pool,
        progress(f"reading {what}", count, quiet=count < 10_000) as line,
    ):
        told = []
        for seen in pool.map(read, range(count)):
            told.append(seen)
            line.update()
    return images, np.array(digests), told


def square(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    """A picture on a white square, scaled: uint8 [size, size, 3]; each pixel a mean of its area."""
    picture = picture.convert("RGB")
    width, height = picture.size
    if width != height:
        side = max(width, height)
        whole = Image.new("RGB", (side, side), (255, 255, 255))
        whole.paste(picture, ((side - width) // 2, (side - height) // 2))
        picture = whole
    smaller = size < picture.size[0]
    by = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
    return np.asarray(picture.resize((size, size), by))


def on_white(picture: Image.Image, seen: list[str]) -> Image.Image:
    """A picture in 8-bit RGB, upright, on white; `seen` is told what was done."""
    if getattr(picture, "n_frames", 1) > 1:
        seen.append("animated pictures, of which the first frame is used")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in CONVERTED:
        seen.append(CONVERTED[picture.mode])
    elif picture.mode.startswith(("I", "F")):
        # Pillow would clip these at 255.
        values = np.asarray(picture)
        if picture.mode == "F" or values.min() < 0 or values.max() > 65_535:
            raise ValueError("its numbers are not of 8 or 16 bits")
        seen.append("16-bit pictures, scaled to 8 bits")
        picture = Image.fromarray(np.rint(values / 257).astype(np.uint8))
    if "transparency" in picture.info or picture.mode in ("LA", "PA", "RGBA"):
        opaque = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    return picture.convert("RGB")
