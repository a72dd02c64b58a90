"""CC-12M-Cls and YFCC-15M-Cls: pairs whose caption names an ImageNet class, and their labels.

A caption names a class if a WordNet lemma of it stands there as it is, whatever its case, with no
letter, digit or underscore directly before or after (Fang et al., arXiv 2205.01397; Wen et al.,
arXiv 2405.21070, App. C; `lt_course.counting.rules.Substring`). No other filter is applied. A pair
whose caption names several classes stands for each of them in CC-12M-Cls. In YFCC-15M-Cls it is
left out: the released script keeps it, but in the released counts all 38 classes that only occur
together with another one (*sea lion* with *lion*) are empty.

The pictures stay in the shards where they are, made by img2dataset or anything that writes
webdataset tars, here or at a remote address. For each tar a small table is written, of keys and
labels, that `load` joins with an index. Who has not downloaded the pictures yet can have the list
of CC-12M shortened first (`shorten`), and label the shards that img2dataset makes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from lt_course.counting.concept_lists import Concept
from lt_course.counting.rules import Substring
from lt_course.data.imagenet import imagenet_classes
from lt_course.errors import CourseError
from lt_course.web.datasets.sources import Input, Source, missing
from lt_course.web.shards import shard_scan
from lt_course.web.shards.manifest import make_parts
from lt_course.web.shards.shard_index import Index, identity
from lt_course.web.shards.shard_paths import expand
from lt_course.web.shards.shard_scan import Fields
from lt_course.web.shards.shard_writer import Manifest

CC12M = Source(
    "cc12m-cls",
    "pairs of Conceptual 12M whose caption names ImageNet classes: labels for its shards",
    pairs=3_480_797,
    classes=984,
    inputs=(
        Input(
            "tars of Conceptual 12M in the webdataset format, or its list cc12m.tsv",
            "https://github.com/google-research-datasets/conceptual-12m through img2dataset, or "
            "hf://datasets/pixparse/cc12m-wds/cc12m-train-*.tar",
            "the list may be used freely; pictures belong to their authors",
            "330 GB at 256 pixels",
        ),
    ),
)
YFCC15M = Source(
    "yfcc15m-cls",
    "pairs of YFCC-15M whose caption names one ImageNet class: labels for its shards",
    pairs=2_898_096,
    classes=947,
    inputs=(
        Input(
            "tars of YFCC-15M in the webdataset format",
            "https://github.com/openai/CLIP/blob/main/data/yfcc100m.md lists its pictures",
            "Creative Commons licences that their authors chose",
            "1.9 TB as published",
        ),
    ),
)
SETS = {source.name: source for source in (CC12M, YFCC15M)}

_HUB = "https://huggingface.co/datasets/pixparse/"
HUB = {
    "cc3m": Input(
        "shards.txt with the line hf://datasets/pixparse/cc3m-wds/cc3m-train-*.tar, or the tars",
        f"{_HUB}cc3m-wds",
        "the list may be used freely; pictures belong to their authors",
        "576 tars, 2.9 million pairs",
    ),
    "cc12m": Input(
        "shards.txt with the line hf://datasets/pixparse/cc12m-wds/cc12m-train-*.tar, or the tars",
        f"{_HUB}cc12m-wds",
        "the list may be used freely; pictures belong to their authors",
        "11 million pairs",
    ),
}
"""Conceptual Captions on the Hugging Face hub; their captions are labelled as CC-12M's are."""


@cache
def rule() -> Substring:
    """Whether a caption holds a lemma of a class."""
    return Substring(
        [
            Concept(known.wnid, tuple(lemma.lower() for lemma in known.lemmas))
            for known in imagenet_classes().values()
        ]
    )


def named_classes(texts: pa.Array, several: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of captions and numbers of the classes that they name, int64 [M] each.

    Args:
        texts: N captions.
        several: keep captions that name several classes, once for each.
    """
    caption, concept = rule().matches(texts)
    if not several:
        alone = np.bincount(caption, minlength=len(texts))[caption] == 1
        caption, concept = caption[alone], concept[alone]
    return caption, concept


def prepare(
    name: str, shards: str | Path | Iterable[str | Path], out: Path, fields: Fields | None = None
) -> Manifest:
    """Write the labels of shards; a stopped command goes on where it was.

    Args:
        name: ``cc12m-cls`` or ``yfcc15m-cls``.
        shards: as `lt_course.web.shards.shard_paths.expand`.
        out: folder of the tables, one a tar, with the columns ``key``, ``label`` (0 … 999) and
            ``wnid``.
        fields: which members are picture and caption.

    Returns:
        The manifest; its counts are ``captions``, ``named`` (captions that are kept), ``pairs``,
        and the pairs of each class by WordNet id.

    Raises:
        CourseError: if the set is unknown, there is no shard, or two shards have one name.
    """
    if name not in SETS:
        raise CourseError(f"There is no set {name!r} of labels; choose {' or '.join(SETS)}.")
    chosen, several = fields or Fields(), name == CC12M.name
    wnids = list(imagenet_classes())

    def make(shard: str, path: Path, done: Callable[[int], object]) -> Mapping[str, int]:
        captions = shard_scan.captions(shard, chosen)
        place, label = named_classes(pa.array(captions.values(), pa.string()), several)
        keys = list(captions)
        of = [wnids[number] for number in label]
        columns = {
            "key": pa.array([keys[at] for at in place], pa.string()),
            "label": pa.array(label, pa.int64()),
            "wnid": pa.array(of, pa.string()),
        }
        parquet.write_table(pa.table(columns), path)
        counts = {"captions": len(keys), "named": len(np.unique(place)), "pairs": len(place)}
        return counts | Counter(of)

    about = {"name": name, "several": several, "caption": chosen.caption}
    return make_parts(out, expand(shards), make, about=about, identity=identity)


def shorten(name: str, list_of_urls: Path, out: Path) -> Manifest:
    """Write the rows of Conceptual Captions' list whose caption names a class, for img2dataset.

    Args:
        name: ``cc12m-cls`` or ``yfcc15m-cls``: which captions are kept.
        list_of_urls: as published: tab-separated, address and caption, without a header and
            without quotes (``cc12m.tsv``).
        out: folder of the list, one parquet file with the columns ``url`` and ``caption``.

    Returns:
        The manifest; its counts are ``captions`` and ``kept``.

    Raises:
        CourseError: if the set is unknown, or the file is missing or not of that kind.
    """
    if name not in SETS:
        raise CourseError(f"There is no set {name!r} of labels; choose {' or '.join(SETS)}.")
    if not list_of_urls.is_file():
        raise missing(list_of_urls.parent, SETS[name].inputs)

    def make(source: str, path: Path, done: Callable[[int], object]) -> Mapping[str, int]:
        counts = {"captions": 0, "kept": 0}
        schema = pa.schema([("url", pa.string()), ("caption", pa.string())])
        # The size of blocks keeps a batch, and what matching makes of it, small.
        reading = csv.ReadOptions(
            use_threads=False, column_names=schema.names, block_size=4_000_000
        )
        parsing = csv.ParseOptions(delimiter="\t", quote_char=False)
        types = csv.ConvertOptions(column_types=schema)
        with (
            csv.open_csv(source, reading, parsing, types) as reader,
            parquet.ParquetWriter(path, schema) as writer,
        ):
            for batch in reader:
                place, _ = named_classes(batch.column(1), several=name == CC12M.name)
                kept = np.unique(place)
                writer.write_batch(batch.take(pa.array(kept)))
                counts["captions"] += len(batch)
                counts["kept"] += len(kept)
                done(batch.nbytes)
        return counts

    about = {"name": name, "list": list_of_urls.name}
    size = [list_of_urls.stat().st_size]
    try:
        return make_parts(
            out, [str(list_of_urls)], make, about=about, identity=identity, sizes=size, unit="B"
        )
    except pa.ArrowInvalid as error:
        raise CourseError(
            f"{list_of_urls} is not a list of addresses and captions ({error}); get it from "
            f"{SETS[name].inputs[0].where}."
        ) from error


def img2dataset_command(out: Path) -> str:
    """The command that downloads the pictures of a shortened list."""
    return (
        f"img2dataset --url_list {out} --input_format parquet --url_col url --caption_col caption "
        f"--output_format webdataset --output_folder {out}-shards --image_size 256 "
        "--resize_only_if_bigger True --resize_mode keep_ratio --skip_reencode True"
    )


def load(index: Index, folder: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The labelled rows of an index, for `lt_course.web.datasets.photograph_sets.select`.

    Returns:
        Rows of the index, a row once for each of its classes, and class numbers 0 … 999, int64
        [M] each.

    Raises:
        CourseError: if the labels of a tar are missing.
    """
    rows, labels = [], []
    for shard, tar in enumerate(index.shards):
        path = folder / f"{Path(tar).name.split('.')[0]}.parquet"
        if not path.is_file():
            raise CourseError(
                f"There are no labels for {tar}: {path} is missing; give lt-course data prepare "
                "these shards."
            )
        first = int(index.first[shard])
        row = {key: first + place for place, key in enumerate(index.keys(shard))}
        table = parquet.read_table(path, columns=["key", "label"]).to_pydict()
        for key, label in zip(table["key"], table["label"], strict=True):
            if key in row:
                rows.append(row[key])
                labels.append(label)
    return np.array(rows, np.int64), np.array(labels, np.int64)
