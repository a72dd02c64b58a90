"""CC-12M-Cls and YFCC-15M-Cls: pairs whose caption names an ImageNet class, and their labels.

A caption names a class if a WordNet lemma of it stands there as it is (Wen et al., App. C;
`lt_course.counting.rules.Substring`). A pair whose caption names several classes stands for each of
them in CC-12M-Cls. In YFCC-15M-Cls it is left out: the released script keeps it, but in the
released counts all 38 classes that only occur together with another one (*sea lion* with *lion*)
are empty. Pictures stay in the shards where they are, here or at a remote address.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from lt_course.counting.concept_lists import Concept
from lt_course.counting.rules import Substring
from lt_course.data.data_folder import missing
from lt_course.data.imagenet import imagenet_classes
from lt_course.errors import CourseError
from lt_course.files import atomic_write
from lt_course.web import caption_files
from lt_course.web.caption_files import Malformed
from lt_course.web.count_captions import NAMED, csv_text
from lt_course.web.datasets import catalogue
from lt_course.web.shards import shard_scan
from lt_course.web.shards.shard_index import Index, expand, identity
from lt_course.web.shards.shard_scan import Fields
from lt_course.web.shards.shard_writer import MANIFEST, Manifest, Part, entries, make_parts

SETS = (SEVERAL := "cc12m-cls", "yfcc15m-cls")


def img2dataset_command(
    out: Path, *, url: str = "url", caption: str = "caption", further: str = ""
) -> str:
    """The command that downloads the pictures of a list at 256 pixels; `further` columns, as JSON.

    `out` is the folder of the list.
    """
    return (
        f"img2dataset --url_list {out} --input_format parquet --url_col {url} --caption_col "
        f"{caption} --output_format webdataset --output_folder {out}-shards --image_size 256 "
        "--resize_only_if_bigger True --resize_mode keep_ratio --skip_reencode True"
        + (f" --save_additional_columns '{further}'" if further else "")
    )


def table_name(source: str) -> str:
    """The file of what is made of a shard or a list."""
    return f"{Path(source).name.split('.')[0]}.parquet"


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

    Captions that name several classes are kept, once for each, if `several`.
    """
    caption, concept = rule().matches(texts)
    if not several:
        alone = np.bincount(caption, minlength=len(texts))[caption] == 1
        caption, concept = caption[alone], concept[alone]
    return caption, concept


def prepare(name: str, shards: str | Path | Iterable[str | Path], out: Path) -> Manifest:
    """Write the labels of shards; a stopped command goes on where it was.

    Each tar has its table with the columns ``key``, ``label`` (0 … 999) and ``wnid``. The
    manifest's counts are ``captions``, ``named`` (captions that are kept), ``pairs``, and the pairs
    of each class by WordNet id.

    Raises:
        CourseError: if the set is unknown, there is no shard, or two shards have one name.
    """
    _require_known(name)
    fields, several = Fields(), name == SEVERAL
    wnids = list(imagenet_classes())
    schema = pa.schema({"key": pa.string(), "label": pa.int64(), "wnid": pa.string()})

    def label_shard(shard: str, file: BinaryIO, done: Callable[[int], object]) -> dict[str, int]:
        captions = shard_scan.captions(shard, fields)
        place, label = named_classes(pa.array(captions.values(), pa.string()), several)
        keys = list(captions)
        of = [wnids[number] for number in label]
        columns = {"key": [keys[at] for at in place], "label": label, "wnid": of}
        parquet.write_table(pa.table(columns, schema), file)
        counts = {"captions": len(keys), "named": len(np.unique(place)), "pairs": len(place)}
        return counts | Counter(of)

    about = {"name": name, "several": several, "caption": fields.caption}
    parts = [
        Part(table_name(shard), partial(label_shard, shard), identity(shard))
        for shard in expand(shards)
    ]
    return make_parts(out, parts, about=about)


def _require_known(name: str) -> None:
    if name not in SETS:
        raise CourseError(f"There is no set {name!r} of labels; choose {' or '.join(SETS)}.")


def shorten(name: str, list_of_urls: Path, out: Path) -> Manifest:
    """Write the rows of Conceptual Captions' list whose caption names a class, for img2dataset.

    The list is one of addresses and captions (`caption_files.pairs`: ``cc12m.tsv``, CC3M's); what
    is written has the columns ``url`` and ``caption``. The manifest's counts are ``captions``,
    ``kept`` and ``malformed``; those that are malformed are named in a table beside it.

    Raises:
        CourseError: if the set is unknown, or the file is missing or not of that kind.
    """
    _require_known(name)
    if not list_of_urls.is_file():
        raise missing(list_of_urls.parent, catalogue.SETS[name].inputs)

    def shortened(file: BinaryIO, done: Callable[[int], object]) -> dict[str, int]:
        counts, read = Counter[str](captions=0, kept=0, malformed=0), 0
        left_out: list[Malformed] = []
        schema = pa.schema([("url", pa.string()), ("caption", pa.string())])
        with parquet.ParquetWriter(file, schema) as writer:
            for batch in caption_files.pairs(list_of_urls):
                place, _ = named_classes(batch.captions, several=name == SEVERAL)
                kept = np.unique(place)
                whole = pa.record_batch([batch.addresses, batch.captions], schema)
                writer.write_batch(whole.take(pa.array(kept)))
                counts.update(captions=len(whole), kept=len(kept), malformed=len(batch.malformed))
                left_out += batch.malformed[: NAMED - len(left_out)]
                done(batch.read - read)
                read = batch.read
        table = csv_text(Malformed._fields, left_out)
        atomic_write(malformed_in(out, list_of_urls), table.encode("utf-8", "backslashreplace"))
        return counts

    next(caption_files.pairs(list_of_urls), None)  # refused before anything is written
    source, size = str(list_of_urls), list_of_urls.stat().st_size
    part = Part(table_name(source), shortened, identity(source), size)
    return make_parts(out, [part], about={"name": name, "list": list_of_urls.name}, unit="B")


def malformed_in(out: Path, list_of_urls: Path) -> Path:
    """The table of the rows of a list that were left out."""
    return (out / table_name(str(list_of_urls))).with_suffix(".malformed.csv")


def load(index: Index, folder: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labelled rows of an index, each once a class, and the class numbers 0 … 999: int64 [M] each.

    Raises:
        CourseError: if a tar's labels are missing, or are not as the manifest beside them says.
    """
    listed = entries(folder)
    rows, labels = [], []
    for shard, tar in enumerate(index.shards):
        path = folder / table_name(tar)
        if not path.is_file():
            raise CourseError(
                f"There are no labels for {tar}: {path} is missing; give lt-course data prepare "
                "these shards."
            )
        content = path.read_bytes()
        entry = listed.get(path.name, {})
        if hashlib.sha256(content).hexdigest() != entry.get("sha256"):
            raise CourseError(
                f"The labels in {path} are not as {MANIFEST} beside them says; delete that table "
                "and give lt-course data prepare these shards again."
            )
        table = parquet.read_table(pa.BufferReader(content), columns=["key", "label"])
        place = pd.Index(index.keys(shard)).get_indexer(table["key"].to_pandas())
        rows.append(int(index.first[shard]) + place[place >= 0])
        labels.append(table["label"].to_numpy()[place >= 0])
    return np.concatenate(rows).astype(np.int64), np.concatenate(labels)
