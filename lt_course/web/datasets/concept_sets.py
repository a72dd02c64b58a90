"""Labelled photographs of concepts that the web's captions were counted for (Fig. 1b, 12, 18).

A released CLIP is asked by a class's name, and judged by how often its pre-training captions name
it; the two are joined by the class (WordNet id, or name), never by a line's number. (Fig. 12 has
CUB and Places365 as well. torchvision knows no CUB, and Places365's own names could not be compared
with the counted ones.)
"""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from torchvision import datasets as published
from torchvision.transforms.functional import to_pil_image

from lt_course.counting.web_frequencies import CONCEPT_SETS, PRETRAINING_SETS, WebFrequencies
from lt_course.data.data_folder import VARIABLE
from lt_course.errors import CourseError
from lt_course.files import named_folder
from lt_course.web.datasets.catalogue import EVALUATED
from lt_course.web.datasets.evaluation_sets import evaluation_set
from lt_course.web.datasets.published_sets import Pictures, published_set
from lt_course.web.shards import photographs

COUNTED_AS = {"n01631663": "eft", "n03710637": "maillot"}
"""Classes of ImageNet that were counted under another name than CLIP is asked by (newt, tights)."""

EUROSAT = {
    "AnnualCrop": "annual crop land",
    "Forest": "forest",
    "HerbaceousVegetation": "brushland or shrubland",
    "Highway": "highway or road",
    "Industrial": "industrial buildings or commercial buildings",
    "Pasture": "pasture land",
    "PermanentCrop": "permanent crop land",
    "Residential": "residential buildings or homes or apartments",
    "River": "river",
    "SeaLake": "lake or sea",
}
"""EuroSAT's folders, and the names that were counted."""

FLOWERS = {"lotus": "lotus lotus"}
"""Flowers whose counted name is not torchvision's."""

LOOKED_AT = 512
"""Pictures whose pixels enter a set's fingerprint."""


@dataclass(frozen=True)
class ConceptSet:
    """N labelled photographs of C classes.

    Attributes:
        concepts: key of `web_frequencies.CONCEPT_SETS`.
        names: C, what CLIP is asked by.
        counted_as: C, the names in the counts; those that differ are declared above.
        labels: int64 [N], 0 … C-1.
        picture: the number of a picture to the picture, in RGB.
        sizes: of the N pictures' files in bytes, where they are known.
        left_out: names of what lies among the pictures and is none.
    """

    name: str
    concepts: str
    names: tuple[str, ...]
    counted_as: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    picture: Callable[[int], Image.Image] = field(repr=False)
    sizes: Sequence[int] = ()
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        """The number of pictures, N."""
        return len(self.labels)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Of names, labels, sizes and the pixels of `LOOKED_AT` pictures that stand evenly spaced.

        Two sets of one fingerprint ask the same questions; the same pictures, blurred or encoded
        anew, are other ones.
        """
        asked = "\n".join(self.names).encode() + self.labels.astype("<i8").tobytes()
        digest = hashlib.sha256(asked + np.array(self.sizes, "<i8").tobytes())
        for row in np.linspace(0, len(self) - 1, min(LOOKED_AT, len(self))).astype(int):
            picture = self.picture(int(row))
            digest.update(str(picture.size).encode() + picture.tobytes())
        return digest.hexdigest()[:16]


def folder_of(name: str, source: Path | None = None) -> Path:
    """Where a set's files lie: the folder given, or the one named ``name`` in LT_COURSE_DATA.

    Raises:
        CourseError: if there is no such folder.
    """
    if source is None and (root := named_folder(VARIABLE)) is not None:
        source = root / name
    if source is None:
        raise CourseError(
            f"Where are the files of {name}? Give --source FOLDER, or let {VARIABLE} name a "
            f"folder that holds {name}/."
        )
    if not source.is_dir():
        raise CourseError(
            f"{source} is not a folder; give --source, or put the files of {name} there."
        )
    return source


def concept_set(name: str, source: Path, *, partial: bool = False) -> ConceptSet:
    """The pictures of one of `NAMES`.

    `source` is the folder of its files, or the root under which torchvision looks. `partial` takes
    ImageNet's pictures that are there.

    Raises:
        CourseError: if there is no such set, or files are missing or malformed.
    """
    if name not in NAMES:
        raise CourseError(
            f"There is no set {name!r} to evaluate open models on; the sets are {', '.join(NAMES)}."
        )
    if name in EVALUATED:
        return _imagenet(name, source, partial)
    return _eurosat(source) if name == "eurosat" else _tested(name, source)


def frequencies(
    web: WebFrequencies, pretraining_set: str | None, concepts: str, counted_as: Sequence[str]
) -> npt.NDArray[np.int64] | None:
    """In how many captions of a pre-training set each class is named, int64 [C].

    None if there is no such set, or the counts of single classes are not at hand. Capitals in names
    make no difference.

    Raises:
        CourseError: if a class was not counted.
    """
    if pretraining_set is None or not web.complete:
        return None
    counts = web.concept_set(concepts)[PRETRAINING_SETS[pretraining_set]].rename(str.casefold)
    names = [name.casefold() for name in counted_as]
    if missing := [name for name in names if name not in counts.index]:
        raise CourseError(
            f"{len(missing)} classes of {CONCEPT_SETS[concepts]} were not counted under their "
            f"name ({', '.join(missing[:3])}); compare the names with the counts."
        )
    return counts.loc[names].to_numpy(dtype=np.int64)


def _imagenet(name: str, source: Path, partial: bool) -> ConceptSet:
    tested = evaluation_set(name, source, partial=partial)
    return ConceptSet(
        name,
        "imagenet",
        tuple(each.name for each in tested.classes),
        tuple(COUNTED_AS.get(each.wnid, each.name) for each in tested.classes),
        tested.labels,
        functools.partial(tested.decoded, decode=_rgb),
        tested.sizes(),
        tested.left_out,
    )


def _rgb(content: bytes) -> Image.Image:
    """A picture as open_clip reads it; of 16 bits, which Pillow would cut, scaled to 8."""
    picture = Image.open(io.BytesIO(content))
    if picture.mode.startswith(("I", "F")):
        return to_pil_image(photographs.decode(content))
    return picture.convert("RGB")


def _tested(name: str, source: Path) -> ConceptSet:
    """The test pictures of one of the paper's transfer sets."""
    transfer_set, words = TRANSFER_SETS[name]
    found = published_set(transfer_set, source)
    names = tuple(map(words, found.classes))
    counted = tuple(FLOWERS.get(each, each) for each in names)
    pictures: Any = found.test.pictures
    return ConceptSet(name, name, names, counted, found.test.labels, pictures.__getitem__)


def _eurosat(source: Path) -> ConceptSet:
    """All 27,000 pictures: EuroSAT has no official test."""
    try:
        found = published.EuroSAT(str(source))
    except (RuntimeError, OSError) as error:
        raise CourseError(
            f"EuroSAT is not in {source / 'eurosat'} ({error}); torchvision's EuroSAT downloads it "
            "(94 MB)."
        ) from error
    if unknown := set(found.classes) ^ set(EUROSAT):
        raise CourseError(
            f"{source / 'eurosat'} does not hold EuroSAT's ten folders ({sorted(unknown)[0]}); get "
            "it again with torchvision's EuroSAT."
        )
    names = tuple(EUROSAT[each] for each in found.classes)
    labels = np.array(found.targets, dtype=np.int64)
    pictures: Any = Pictures(found, np.arange(len(labels)))
    return ConceptSet("eurosat", "eurosat", names, names, labels, pictures.__getitem__)


def _spaced(name: str) -> str:
    return name.replace("_", " ")


TRANSFER_SETS: dict[str, tuple[str, Callable[[str], str]]] = {
    "food101": ("food", _spaced),
    "pets": ("pets", str),
    "flowers102": ("flowers", lambda name: name.rstrip("?")),
    "dtd": ("dtd", _spaced),
}
"""Their names among the paper's transfer sets, and how those spell the classes' names."""

NAMES = (*EVALUATED, *TRANSFER_SETS, "eurosat")
"""The sets that open models can be evaluated on."""
