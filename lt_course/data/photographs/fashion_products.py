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
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt_course.data.data_folder import Input, data_folder, missing
from lt_course.data.photographs.photograph_set import (
    PhotographSet,
    near_duplicate_groups,
    of_one_class,
)
from lt_course.data.photographs.reading import Found, read_images

Row = dict[str, str]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

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
    """The products as they lie; a CourseError says where to get them if there are none."""
    root = data_folder(INPUTS) / FOLDER
    archive, texts, styles = (root / f for f in ("images.zip", "texts.csv.gz", "styles.csv"))
    if archive.is_file() and texts.is_file():
        return _zip_and_texts(archive, texts)
    if parquet := sorted([*root.glob("*.parquet"), *root.glob("data/*.parquet")]):
        return _parquet(parquet)
    if styles.is_file() and (root / "images").is_dir():
        return _kaggle(styles)
    raise missing(root.parent, INPUTS)


def read(found: Found, size: int) -> PhotographSet:
    """The set, at a size in pixels."""
    rows: list[Row] = found.texts["rows"]
    types: list[str] = found.texts["types"]
    titles = [row["productDisplayName"] for row in rows]
    images, digests, _ = read_images(found, size, NAME)
    normalized = [" ".join(re.findall(r"[a-z0-9]+", title.lower())) or None for title in titles]
    group = near_duplicate_groups(images, [digests.tolist(), normalized])
    tested, kept = choose_test(found.labels, group, [row["id"] for row in rows])
    # Tested types first, by their number of products, as it was without duplicates of the test.
    counts = np.bincount(found.labels, minlength=len(types))
    has_test = np.bincount(found.labels[tested], minlength=len(types)) > 0
    order = np.lexsort((np.array(types), -counts, ~has_test))
    brands = [row["brandName"] for row in rows] if "brandName" in rows[0] else None
    of_image = {
        "attributes": [_attributes(row) for row in rows],
        "title": titles,
        "title-without-brand": _without_brand(titles, brands or leading_brands(titles)),
    }
    if "description" in rows[0]:
        of_image["description"] = [_description(row["description"]) for row in rows]
    return PhotographSet(
        NAME,
        [types[number] for number in order],
        [types[number].lower() for number in order],
        images[kept],
        np.argsort(order)[found.labels[kept]],
        tested[kept],
        of_image={k: [v[i] for i in np.flatnonzero(kept)] for k, v in of_image.items()},
        group=group[kept],
    )


def choose_test(labels: Ints, group: Ints, ids: Sequence[str]) -> tuple[Mask, Mask]:
    """Which products are tested, and which stay at all: bool [n] each.

    Of each type with enough products, the smallest groups that hold no other type are taken, equal
    sizes in the order of a hash of the product's number: one product of each is tested and the
    rest of the group is left out, so that nothing tested was seen, or counts twice.
    """
    by_hash = np.argsort([hashlib.sha256(each.encode()).hexdigest() for each in ids], kind="stable")
    _, first = np.unique(group[by_hash], return_index=True)
    candidates = by_hash[np.sort(first)]  # of each group, the product with the least hash
    candidates = candidates[of_one_class(labels, group)[group[candidates]]]
    size = np.bincount(group)[group[candidates]]
    candidates = candidates[np.argsort(size, kind="stable")]
    tested = np.zeros(len(labels), np.bool_)
    for label in np.flatnonzero(np.bincount(labels) >= TESTED_FROM):
        of_type = candidates[labels[candidates] == label]
        if len(of_type) >= TEST_EACH:
            tested[of_type[:TEST_EACH]] = True
    return tested, tested | ~np.isin(group, group[tested])


def _found(products: Iterable[tuple[Row, Any]], **how: Any) -> Found:
    """The products, a row and a picture each, of types that say what something is."""
    kept = [product for product in products if product[0]["articleType"] not in DROPPED]
    rows, pictures = ([*column] for column in zip(*kept, strict=True))
    types, labels = np.unique([row["articleType"] for row in rows], return_inverse=True)
    texts = {"rows": rows, "types": types.tolist()}
    return Found(pictures, labels, np.zeros(len(kept), np.bool_), texts, **how)


def _zip_and_texts(images: Path, texts: Path) -> Found:
    archive = zipfile.ZipFile(images)
    names = {Path(name).stem: name for name in archive.namelist() if name.endswith(".jpg")}
    with gzip.open(texts, "rt", encoding="utf-8", newline="") as file:
        products = [(row, names[row["id"]]) for row in csv.DictReader(file) if row["id"] in names]
    return _found(products, open_=archive.read, files=(images, texts))


def _parquet(files: Sequence[Path]) -> Found:
    from pyarrow import parquet

    products = []
    for file in files:
        for row in parquet.read_table(file).to_pylist():
            content = row.pop("image")["bytes"]
            told = {key: "" if value is None else str(value) for key, value in row.items()}
            products.append((told, content))
    return _found(products, open_=bytes, files=files)


def _kaggle(table: Path) -> Found:
    products = []
    for row in _styles(table):
        picture = table.parent / "images" / f"{row['id']}.jpg"
        if picture.is_file():
            products.append((row, picture))
    if (table.parent / "styles").is_dir():
        for row, _ in products:
            row |= _style(table.parent / "styles" / f"{row['id']}.json")
    return _found(products, files=(table, *(picture for _, picture in products)))


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


def _attributes(row: Row) -> str:
    """What shop assistants would call it."""
    color, whom = row["baseColour"].lower(), row["gender"]
    named = f"{color} {row['articleType']}" if color not in ("", "na") else row["articleType"]
    ending = f", for {whom.lower()}." if whom in ("Men", "Women", "Boys", "Girls") else "."
    return f"a photo of {named.lower()}{ending}"


def _description(text: str) -> str:
    """Its first words, without markup."""
    plain = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return " ".join(plain.split()[:WORDS])


def _without_brand(titles: Sequence[str], brands: Sequence[str]) -> list[str]:
    """Titles less the brand; one that does not name its brand, or nothing else, stays as it is."""
    shorter = []
    for title, brand in zip(titles, brands, strict=True):
        words, name = title.split(), brand.lower().split()
        lower = title.lower().split()
        where = [i for i in range(len(words)) if lower[i : i + len(name)] == name]
        if name and where:
            del words[where[0] : where[0] + len(name)]
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
