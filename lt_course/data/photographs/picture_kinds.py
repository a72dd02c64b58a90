"""Pictures of all kinds to one array: whatever Pillow opens, and what was done to it."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lt_course.data.photographs.photograph_set import square
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


def read_all(
    paths: Sequence[Path], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.str_], list[list[str]]]:
    """Read n pictures as far as they can be read.

    Returns:
        uint8 [n, size, size, 3]; the SHA-256 of each file, in hexadecimal; and what is to be told
        of each, `UNREADABLE` among it.
    """
    count = len(paths)
    images, digests = np.zeros((count, size, size, 3), np.uint8), [""] * count

    def read(row: int) -> list[str]:
        try:
            content = paths[row].read_bytes()
            digests[row] = hashlib.sha256(content).hexdigest()
            with Image.open(io.BytesIO(content)) as picture:
                whole, seen = on_white(picture)
            images[row] = square(whole, size)
        except BROKEN:
            return [UNREADABLE]
        return seen

    with (
        ThreadPoolExecutor(2) as pool,
        progress("reading pictures", count, quiet=count < 10_000) as line,
    ):
        seen = []
        for whats in pool.map(read, range(count)):
            seen.append(whats)
            line.update()
    return images, np.array(digests), seen


def on_white(picture: Image.Image) -> tuple[Image.Image, list[str]]:
    """A picture in 8-bit RGB, upright, on white where it is transparent; and what is to be told."""
    several = getattr(picture, "n_frames", 1) > 1
    seen = ["animated pictures, of which the first frame is used"] if several else []
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
    return picture.convert("RGB"), seen
