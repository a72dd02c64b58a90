"""Sets of photographs, read once: the array of a set at a size is kept in the user's cache.

Its name says what it was made of: the set, the size, and names, lengths and times of the files. A
change in any of them, or in the code that reads, makes a new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np

from lt_course import files
from lt_course.data.photographs import cifar100, fashion_products, image_folder, tiny_imagenet
from lt_course.data.photographs.photograph_set import PhotographSet
from lt_course.data.photographs.reading import Found

SETS: Mapping[str, ModuleType] = {
    module.NAME: module for module in (tiny_imagenet, fashion_products, cifar100)
}
"""Each has ``find() -> Found`` and ``read(found, size) -> PhotographSet``."""

FILES = ("images.npy", "arrays.npz", "texts.json")
ARRAYS = ("labels", "test", "group")
TEXTS = ("name", "keys", "names", "of_class", "of_image")


@lru_cache(maxsize=2)
def load(name: str, size: int) -> PhotographSet:
    """A set at a size, from the cache; read, and kept there, if it is new."""
    return _cached(SETS[name], SETS[name].find(), size)


def load_folder(data_folder: Path, size: int) -> PhotographSet:
    """As `load`, the pictures of a folder; not remembered, for they may change meanwhile."""
    return _cached(image_folder, image_folder.find(data_folder), size)


def _cached(module: ModuleType, found: Found, size: int) -> PhotographSet:
    import pooch

    named = files.named_folder("LT_COURSE_PHOTOGRAPHS")
    root = named or Path(pooch.os_cache("lt-course")) / "photographs"
    folder = root / f"{module.NAME}-{size}-{_key(found)}"
    try:
        files.require_sealed(folder, FILES)
    except (OSError, files.DamagedError):
        # In a folder of this process's own: another one may be reading the same set.
        own = folder.with_name(f"{folder.name}.{os.getpid()}")
        with files.writing(folder, "let LT_COURSE_PHOTOGRAPHS name another folder"):
            try:
                own.mkdir(parents=True, exist_ok=True)  # nothing is read that cannot be kept
                _keep(module.read(found, size), own)
                shutil.rmtree(folder, ignore_errors=True)  # damaged, or another one's: the same
                files.move(own, folder)
            finally:
                shutil.rmtree(own, ignore_errors=True)
    images = np.load(folder / FILES[0], mmap_mode="r")
    with np.load(folder / FILES[1]) as arrays:
        texts = json.loads((folder / FILES[2]).read_bytes())
        return PhotographSet(images=images, **texts, **dict(arrays))


def _key(found: Found) -> str:
    """Of what decides an array: 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for path in found.files or found.pictures:
        at = path.stat()  # whose last time cannot be set: copies may keep the one before
        digest.update(f"{path!r}\0{at.st_size}\0{at.st_mtime_ns}\0{at.st_ctime_ns}\n".encode())
    return digest.hexdigest()[:12]


def _keep(photographs: PhotographSet, folder: Path) -> None:
    arrays = {name: getattr(photographs, name) for name in ARRAYS}
    with files.replacing(folder / FILES[0]) as file:
        np.save(file, photographs.images)
    with files.replacing(folder / FILES[1]) as file:
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    texts = {name: getattr(photographs, name) for name in TEXTS}
    files.atomic_write(folder / FILES[2], json.dumps(texts).encode())
    files.seal(folder, FILES)
