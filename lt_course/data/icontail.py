"""IconTail, the embedded data set: real drawings with the names that their authors gave them.

They come from the open icon sets that the Iconify project collects; see the data card and
``resources/ATTRIBUTION`` for every set's author, licence and address. The package carries the
data; the same drawings in color are a file that a clone makes (`REBUILD`).
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lt_course.errors import AbsentDataError, CourseError
from lt_course.files import SUMS, DamagedError, named_folder, read_sealed

RESOURCES = Path(__file__).parent / "resources"
DATA_FILE = "icontail.npz"
EMBEDDINGS_FILE = "icontail_text.npz"
COLOR_FILE = "icontail-colour.npz"
REBUILD = "python -m tools.icontail_build icontail --colour"
SIDE = 32

Style = Literal["all", "line", "solid"]

INK = 128
"""Grey values below this are ink."""
BRUSH = 4
"""Side of the square, in pixels, that fits into a solid area and not into a line."""
SOLID_SHARE = 0.05
"""Least share of ink, in areas that hold the brush, of a solid drawing."""


@dataclass(frozen=True)
class Concept:
    """What a drawing shows.

    ``key`` is a unique slug and ``name`` its readable form; ``synonyms`` and ``hypernyms``
    (nearest first) are WordNet lemmas, ``gloss`` is WordNet's definition. ``core`` marks the
    evaluation concepts (they have test pictures), ``tiny`` the tiny scale's share of them.
    """

    key: str
    name: str
    synonyms: tuple[str, ...]
    hypernyms: tuple[str, ...]
    gloss: str
    core: bool
    tiny: bool


@dataclass(frozen=True)
class IconSet:
    """One icon set as published: ``licence`` is an SPDX id, ``pictures`` its number here."""

    prefix: str
    name: str
    author: str
    licence: str
    url: str
    pictures: int


@dataclass(frozen=True, eq=False)
class IconTail:
    """N drawings with their texts, concepts and authors.

    ``pictures`` is uint8 [N, 32, 32], 255 paper and 0 ink; in colour [N, 64, 64, 3]. ``concept``,
    ``family`` and ``set`` are int32 [N], indices into ``concepts``, ``families`` (authors and those
    who share their drawings) and ``sets``. ``test`` is bool [N]: True for test pictures, all of
    them drawn by families without a single training picture; all others are training pictures.
    Concepts are ordered: tiny ones, other core ones, open ones; within each by descending number
    of training pictures.
    """

    pictures: NDArray[np.uint8]
    titles: list[str]
    tags: list[tuple[str, ...]]
    concept: NDArray[np.int32]
    family: NDArray[np.int32]
    set: NDArray[np.int32]
    test: NDArray[np.bool_]
    concepts: tuple[Concept, ...]
    families: tuple[str, ...]
    sets: tuple[IconSet, ...]

    def __len__(self) -> int:
        """The number of pictures, N."""
        return len(self.pictures)

    @property
    def grey(self) -> NDArray[np.uint8]:
        """The same drawings in grey, uint8 [N, 32, 32]: their style and shape rest on these."""
        return self.pictures if self.pictures.ndim == 3 else load().pictures


def read(name: str) -> dict[str, NDArray]:
    """All arrays of one of the package's data files; a CourseError if it is missing or damaged."""
    try:
        content = (RESOURCES / name).read_bytes()
        sums = (RESOURCES / SUMS).read_text().splitlines()
        if f"{hashlib.sha256(content).hexdigest()}  {name}" not in sums:
            raise DamagedError(f"it does not match its checksum in {SUMS}")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (FileNotFoundError, DamagedError) as error:
        raise CourseError(
            f"The package's data file {name} is missing or damaged ({error}); "
            "reinstall lt-course, or rebuild the file as the data card describes."
        ) from error


def _text(blob: NDArray) -> str:
    return blob.tobytes().decode("utf-8")


@lru_cache(maxsize=1)
def load() -> IconTail:
    """The whole data set, read once a process; its arrays are read-only. Raises as `read`."""
    archive = read(DATA_FILE)
    arrays = {name: archive[name] for name in ("pictures", "test")} | {
        name: archive[name].astype(np.int32) for name in ("concept", "family", "set")
    }
    for array in arrays.values():
        array.flags.writeable = False
    concepts = json.loads(_text(archive["concepts"]))
    for entry in concepts:
        entry |= {name: tuple(entry[name]) for name in ("synonyms", "hypernyms")}
    tags = (line.split("\t") if line else () for line in _text(archive["tags"]).split("\n"))
    return IconTail(
        **arrays,
        titles=_text(archive["titles"]).split("\n"),
        tags=[tuple(words) for words in tags],
        concepts=tuple(Concept(**entry) for entry in concepts),
        families=tuple(_text(archive["families"]).split("\n")),
        sets=tuple(IconSet(**entry) for entry in json.loads(_text(archive["sets"]))),
    )


def fingerprint() -> str:
    """The sha256 of the shipped data file: a file in colour belongs to exactly one."""
    return hashlib.sha256((RESOURCES / DATA_FILE).read_bytes()).hexdigest()


def color_folder() -> Path:
    """Where the file in color lies: ``LT_COURSE_ICONTAIL``, else the user's cache."""
    import pooch

    return named_folder("LT_COURSE_ICONTAIL") or Path(pooch.os_cache("lt-course")) / "icontail"


@lru_cache(maxsize=1)
def load_color() -> IconTail:
    """The data set with pictures in color at 64 pixels: row by row the drawings of ``load()``.

    Raises a CourseError if the file is absent, damaged, or made for another data file.
    """
    path = color_folder() / COLOR_FILE
    if not path.exists():
        raise AbsentDataError(
            f"IconTail in colour is not there ({path}). This makes it, once, in a clone of the "
            f"course: {REBUILD}; it downloads 115 MB, computes for ten minutes and writes 54 MB "
            "(pip install -e '.[data]' first)."
        )
    data, again = load(), f"run {REBUILD} again."
    try:
        with np.load(io.BytesIO(read_sealed(path)), allow_pickle=False) as archive:
            if _text(archive["made_for"]) != fingerprint():
                raise CourseError(f"{path} was made for another version of {DATA_FILE}; {again}")
            pictures = archive["pictures"]
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CourseError(f"{path} is damaged ({error}); {again}") from error
    if pictures.shape != (len(data), 2 * SIDE, 2 * SIDE, 3) or pictures.dtype != np.uint8:
        raise CourseError(
            f"{path} holds {pictures.dtype} {list(pictures.shape)}, not the pictures of "
            f"{len(data)} drawings; {again}"
        )
    pictures.flags.writeable = False
    return replace(data, pictures=pictures)


@lru_cache(maxsize=1)
def text_embeddings() -> NDArray[np.float32]:
    """A frozen language model's embedding of every concept, float32 [C, 384].

    Row i belongs to ``load().concepts[i]``: all-MiniLM-L6-v2's embedding of the concept's
    prompt, less the mean over all concepts (which would otherwise dominate every cosine).
    """
    archive = read(EMBEDDINGS_FILE)
    if _text(archive["keys"]).split("\n") != [c.key for c in load().concepts]:
        raise CourseError(
            f"{EMBEDDINGS_FILE} was built for another list of concepts than {DATA_FILE}'s; "
            "run `python -m tools.icontail_build text-embeddings`."
        )
    table = archive["embeddings"].astype(np.float32)
    table.flags.writeable = False
    return table


def is_solid(pictures: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which drawings, uint8 [N, H, W], have filled areas, rather than lines alone: bool [N].

    A solid drawing keeps more than `SOLID_SHARE` of its ink under a square a little wider than a
    line. To train on one style and test on the other is a distribution shift (Sec. 3.4).
    """
    from scipy import ndimage

    ink = pictures < INK
    thick = ndimage.binary_erosion(ink, np.ones((1, BRUSH, BRUSH), dtype=bool))
    return thick.sum((1, 2)) > SOLID_SHARE * np.maximum(1, ink.sum((1, 2)))


def describe(picture: NDArray[np.uint8]) -> str:
    """What a drawing, uint8 [H, W], looks like, and not what it shows: a negative control.

    As ``a small wide line drawing, dense at the top left``.
    """
    ink = picture < INK
    style = "solid" if is_solid(picture[None])[0] else "line"
    if not ink.any():
        return f"a faint {style} drawing"
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    area = height * width / ink.size
    size = "small" if area < 0.5 else "middle-sized" if area < 0.7 else "large"
    shape = "tall" if height > 1.15 * width else "wide" if width > 1.15 * height else "square"
    y, x = (place.mean() for place in np.nonzero(ink))
    middle, centre = ((side - 1) / 2 for side in ink.shape)
    vertical = "top" if y < middle - 0.5 else "bottom" if y > middle + 0.5 else "middle"
    horizontal = "left" if x < centre - 0.5 else "right" if x > centre + 0.5 else "centre"
    return f"a {size} {shape} {style} drawing, dense at the {vertical} {horizontal}"
