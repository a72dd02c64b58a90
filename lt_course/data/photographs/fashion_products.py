"""Fashion products: small photographs of a shop's catalogue, each with a title.

44,000 products of some 140 types with a natural long tail. Three layouts are read, whichever lies
in ``fashion-products/``:

- ``images.zip`` and ``texts.csv.gz``, with titles, attributes, brands and descriptions;
- parquet files as ``ashraq/fashion-product-images-small`` has them at Hugging Face;
- a folder as Kaggle has it: ``styles.csv``, ``images/ID.jpg`` and, in the large edition,
  ``styles/ID.json``, which alone has brands and descriptions.

The shop's photographs and words are not ours to show: only numbers and names of types are.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import html
import json
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt_course.data.data_folder import Input, data_folder, missing
from lt_course.data.photographs.near_duplicates import near_duplicate_groups
from lt_course.data.photographs.photograph_set import PhotographSet
from lt_course.data.photographs.reading import Found, read_images

Row = dict[str, str]

NAME = FOLDER = "fashion-products"
CLASSES = 62
"""Types that are tested."""

INPUTS = (
    Input(
        f"{FOLDER}/: parquet files, or images/ and styles.csv",
        "https://huggingface.co/datasets/ashraq/fashion-product-images-small, or "
        "https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-small",
        "hosts tell its licence differently; a shop's catalogue, for numbers alone",
        "0.3 GB",
    ),
)

DROPPED = ("Free Gifts", "Accessory Gift Set", "Fragrance Gift Set", "Shoe Accessories")
"""Types that say how something is sold, and not what it is."""

TESTED_FROM, TEST_EACH = 60, 20
"""Types with so many products are tested, on so many each."""

WORDS = 40
"""Of a description, its first words: what a text tower reads."""


def find() -> Found:
    """The products as they lie.

    Raises:
        CourseError: if there are none; the sentence says where to get them.
    """
    root = data_folder(INPUTS) / FOLDER
    if (root / "images.zip").is_file() and (root / "texts.csv.gz").is_file():
        return _zip_and_texts(root)
    if parquet := sorted([*root.glob("*.parquet"), *root.glob("data/*.parquet")]):
        return _parquet(parquet)
    if (root / "styles.csv").is_file() and (root / "images").is_dir():
        return _kaggle(root)
    raise missing(root.parent, INPUTS)


def read(found: Found, size: int) -> PhotographSet:
    """The set, at a size in pixels.

    Raises:
        CourseError: if a picture cannot be read.
    """
    rows: list[Row] = found.texts["rows"]
    images = read_images(found, size, NAME)
    types = list(found.texts["types"])
    contents = [hashlib.sha256(found.open_(place)).digest() for place in found.pictures]
    titles = [_normalized(row["productDisplayName"]) or None for row in rows]
    group = near_duplicate_groups(images, [contents, titles])
    tested, kept = choose_test(found.labels, group, [row["id"] for row in rows])
    # Tested types first, by their number of products, as it was without duplicates of the test.
    counts = np.bincount(found.labels, minlength=len(types))
    has_test = np.bincount(found.labels[tested], minlength=len(types)) > 0
    order = np.lexsort((types, -counts, ~has_test))
    place = np.argsort(order)
    brand = [row["brandName"] for row in rows] if "brandName" in rows[0] else None
    of_image = {
        "attributes": [_attributes(row) for row in rows],
        "title": [row["productDisplayName"] for row in rows],
        "title-without-brand": _without_brand([row["productDisplayName"] for row in rows], brand),
    }
    if "description" in rows[0]:
        of_image["description"] = [_description(row["description"]) for row in rows]
    return PhotographSet(
        NAME,
        [types[number] for number in order],
        [types[number].lower() for number in order],
        images[kept],
        place[found.labels[kept]],
        tested[kept],
        of_image={k: [v[i] for i in np.flatnonzero(kept)] for k, v in of_image.items()},
        group=group[kept],
    )


def choose_test(
    labels: NDArray[np.int64], group: NDArray[np.int64], ids: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which products are tested, and which stay at all: bool [n] each.

    Of each type with enough products, the smallest groups that hold no other type are taken, equal
    sizes in the order of a hash of the product's number: one product of each is tested and the
    rest of the group is left out, so that nothing tested was seen, or counts twice.
    """
    hashed = [hashlib.sha256(each.encode()).digest() for each in ids]
    by_hash = np.array(sorted(range(len(ids)), key=hashed.__getitem__), np.int64)
    _, first = np.unique(group[by_hash], return_index=True)
    candidates = by_hash[np.sort(first)]  # of each group, the product with the least hash
    size = np.bincount(group)
    least = np.full(len(size), labels.max() + 1)
    most = np.full(len(size), -1)
    np.minimum.at(least, group, labels)
    np.maximum.at(most, group, labels)
    candidates = candidates[(least == most)[group[candidates]]]
    candidates = candidates[np.argsort(size[group[candidates]], kind="stable")]
    tested = np.zeros(len(labels), np.bool_)
    for label in np.flatnonzero(np.bincount(labels) >= TESTED_FROM):
        of_type = candidates[labels[candidates] == label]
        if len(of_type) >= TEST_EACH:
            tested[of_type[:TEST_EACH]] = True
    return tested, tested | ~np.isin(group, group[tested])


def _found(rows: Sequence[Row], pictures: Sequence[Any], **how: Any) -> Found:
    """The products of types that say what something is."""
    kept = [i for i, row in enumerate(rows) if row["articleType"] not in DROPPED]
    types, labels = np.unique([rows[i]["articleType"] for i in kept], return_inverse=True)
    return Found(
        [pictures[i] for i in kept],
        labels.astype(np.int64),
        np.zeros(len(kept), np.bool_),
        {"rows": [rows[i] for i in kept], "types": types.tolist()},
        **how,
    )


def _zip_and_texts(root: Path) -> Found:
    files = (root / "images.zip", root / "texts.csv.gz")
    archive = zipfile.ZipFile(files[0])
    names = {Path(name).stem: name for name in archive.namelist() if name.endswith(".jpg")}
    with gzip.open(files[1], "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["id"] in names]
    return _found(rows, [names[row["id"]] for row in rows], open_=archive.read, files=files)


def _parquet(files: Sequence[Path]) -> Found:
    from pyarrow import parquet

    rows, contents = [], []
    for file in files:
        for row in parquet.read_table(file).to_pylist():
            contents.append(row.pop("image")["bytes"])
            rows.append({key: "" if value is None else str(value) for key, value in row.items()})
    return _found(rows, contents, open_=bytes, files=files)


def _kaggle(root: Path) -> Found:
    rows = [row for row in _styles(root / "styles.csv") if _picture(root, row).is_file()]
    if (root / "styles").is_dir():
        for row in rows:
            row |= _style(root / "styles" / f"{row['id']}.json")
    pictures = [_picture(root, row) for row in rows]
    return _found(rows, pictures, files=(root / "styles.csv", *pictures))


def _picture(root: Path, row: Row) -> Path:
    return root / "images" / f"{row['id']}.jpg"


def _styles(path: Path) -> Iterator[Row]:
    """The rows of a table in which commas of titles are not quoted."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        header = next(lines)
        for line in lines:
            head, rest = line[: len(header) - 1], line[len(header) - 1 :]
            yield dict(zip(header, [*head, ",".join(rest)], strict=True))


def _style(path: Path) -> Row:
    """Brand and description of a product."""
    data = json.loads(path.read_text(encoding="utf-8"))["data"]
    descriptors = data.get("productDescriptors") or {}
    description = (descriptors.get("description") or {}).get("value") or ""
    return {"brandName": data.get("brandName") or "", "description": description}


def _normalized(title: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", title.lower()))


_FOR = {"Men": "men", "Women": "women", "Boys": "boys", "Girls": "girls"}


def _attributes(row: Row) -> str:
    """What shop assistants would call it."""
    color = row["baseColour"].lower()
    named = f"{color} {row['articleType']}" if color not in ("", "na") else row["articleType"]
    for_whom = _FOR.get(row["gender"])
    return f"a photo of {named.lower()}" + (f", for {for_whom}." if for_whom else ".")


def _description(text: str) -> str:
    """Its first words, without markup."""
    plain = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return " ".join(plain.split()[:WORDS])


def _without_brand(titles: Sequence[str], brands: Sequence[str] | None) -> list[str]:
    """Titles less the brand: that of its column, or the words that titles of one brand begin with.

    A title that does not name its brand, or nothing else, stays as it is.
    """
    brands = leading_brands(titles) if brands is None else brands
    shorter = []
    for title, brand in zip(titles, brands, strict=True):
        words, name = title.split(), brand.lower().split()
        where = [
            i for i in range(len(words)) if [w.lower() for w in words[i:][: len(name)]] == name
        ]
        if name and where:
            words = words[: where[0]] + words[where[0] + len(name) :]
        shorter.append(" ".join(words) or title)
    return shorter


def leading_brands(titles: Sequence[str]) -> list[str]:
    """The brand of each title, where no column has it: the words that it begins with.

    Words that five titles begin with are a brand. It is as long as at least half of the titles that
    begin so go on with the same word, and that word follows upon few other first words ("Men"
    follows upon all). Of the brands that the set's column has, it finds nine in ten.
    """
    begins: Counter[tuple[str, ...]] = Counter()
    after: dict[str, set[str]] = defaultdict(set)
    for words in map(str.split, titles):
        begins.update(tuple(words[:length]) for length in range(1, min(5, len(words)) + 1))
        for word in words[1:]:
            after[word].add(words[0])

    def goes_on(words: list[str], length: int) -> bool:
        shared = begins[(*words[: length + 1],)] >= 0.5 * begins[(*words[:length],)]
        word = words[length]
        return shared and (word.lower() in ("of", "and", "&") or len(after[word]) <= 20)

    brands = []
    for words in map(str.split, titles):
        length = 1
        while length < min(4, len(words) - 1) and goes_on(words, length):
            length += 1
        known = bool(words) and begins[(*words[:length],)] >= 5
        brands.append(" ".join(words[:length]) if known else "")
    return brands
