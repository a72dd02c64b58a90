"""LAIONet: pairs of LAION-400M whose text names one ImageNet class and is about that class.

The rule is that of Shirali and Hardt (arXiv 2306.15769), as the paper uses it (Wen et al., arXiv
2405.21070, App. C) and as the released code reads:

1. *Lemmas.* WordNet's lemmas of the 1,000 classes, but for those that two classes share (*panda*,
   *gong*). A class whose every lemma is shared, or holds a punctuation mark, is never found. (In
   the released counts *crane*, shared by bird and machine, is the bird's; here it is neither's.)
2. *Match.* The text, every ASCII punctuation mark replaced by a space, holds the lemma between
   spaces, case included.
3. *One class.* Texts that name several classes are left out. So *sea lion* never counts, since
   it holds *lion*.
4. *Safe.* LAION's tag NSFW is UNLIKELY.
5. *About it.* The cosine of CLIP's text features of the text and of "NAME which is DEFINITION"
   (WordNet's, NAME the first lemma in lower case) exceeds a threshold: 0.7 in the paper.

The result is a list of addresses, a parquet file for each one of LAION's. img2dataset downloads
the pictures; the shards that it writes are read as they are, with `FIELDS`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import open_clip
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from pyarrow import parquet

from lt_course.counting.concept_lists import Concept
from lt_course.counting.rules import BetweenSpaces
from lt_course.data.data_folder import missing
from lt_course.data.imagenet import imagenet_classes
from lt_course.errors import CourseError
from lt_course.web.datasets import caption_labels, catalogue
from lt_course.web.shards.shard_index import Index, identity
from lt_course.web.shards.shard_scan import Fields
from lt_course.web.shards.shard_writer import Manifest, Part, make_parts

FIELDS = Fields(label="json:wnid")
"""How shards that img2dataset made of the list are read."""

SIMILARITY = "text_to_name_def_wnid_similarity"
"""Column with the similarity of text and definition, as the release calls it."""

THRESHOLD = 0.7
SAFE = "UNLIKELY"
ROWS = 65_536
"""Rows that are read at a time."""
TEXTS = 512
"""Texts that are encoded at a time."""

LAIONET = catalogue.SETS["laionet"]
COLUMNS = pa.schema([("wnid", pa.string()), ("label", pa.int64()), (SIMILARITY, pa.float32())])
"""What the list has beside LAION's columns."""

Encoder = Callable[[Sequence[str]], NDArray[np.float32]]
"""N texts -> features float32 [N, D], l2-normalised."""


def clip_encoder(device: str = "cpu") -> Encoder:
    """The text tower of OpenAI's CLIP ViT-B/32, as for LAIONet (0.6 GB, downloaded)."""
    model = open_clip.create_model("ViT-B-32-quickgelu", pretrained="openai", device=device).eval()
    tokenise = open_clip.get_tokenizer("ViT-B-32-quickgelu")

    @torch.no_grad()
    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        features = model.encode_text(tokenise(list(texts)).to(device), normalize=True)
        return np.asarray(features.float().cpu().numpy())

    return encode


@cache
def rule() -> BetweenSpaces:
    """Steps 1 and 2."""
    classes = imagenet_classes().values()
    shared = Counter(lemma for known in classes for lemma in known.lemmas)
    return BetweenSpaces(
        [
            Concept(known.wnid, tuple(lemma for lemma in known.lemmas if shared[lemma] == 1))
            for known in classes
        ]
    )


def one_class(texts: pa.Array) -> NDArray[np.int64]:
    """The class that each text names, int64 [N]; -1 for none, -2 for several (steps 1 to 3)."""
    caption, concept = rule().matches(texts)
    named = np.full(len(texts), -1)
    named[caption] = concept
    named[np.bincount(caption, minlength=len(texts)) > 1] = -2
    return named


def prepare(
    source: Path, out: Path, encode: Encoder, *, encoder: str, threshold: float = THRESHOLD
) -> Manifest:
    """Write LAIONet's list; a stopped command goes on where it was.

    Each file has LAION's columns, and ``wnid``, ``label`` (0 … 999) and `SIMILARITY`. The
    manifest's counts are of rows: ``read``, ``named`` (by one class or more), ``one`` (by one
    only), ``safe``, ``kept``, and ``kept`` of each class by WordNet id.

    Args:
        source: folder with LAION-400M's metadata, parquet files with the columns ``URL``,
            ``TEXT`` and ``NSFW`` at least.
        encode: text features; `clip_encoder` for LAIONet itself.
        encoder: its name, for the manifest.
        threshold: pairs above it are kept, in [-1, 1].

    Raises:
        CourseError: if there is no file or a column is missing.
    """
    if not -1 <= threshold <= 1:
        raise CourseError(f"Field 'threshold' is {threshold}; it must lie in [-1, 1].")
    files = sorted(path for path in source.glob("*.parquet") if path.is_file())
    if not files:
        raise missing(source, LAIONET.inputs)
    queries = [
        f"{known.lemmas[0].lower()} which is {known.definition}"
        for known in imagenet_classes().values()
    ]
    definitions = np.concatenate(
        [encode(queries[start : start + TEXTS]) for start in range(0, len(queries), TEXTS)]
    )

    def listed(path: Path, file: BinaryIO, done: Callable[[int], object]) -> Mapping[str, int]:
        counts = Counter[str]({"read": 0, "named": 0, "one": 0, "safe": 0, "kept": 0})
        with parquet.ParquetFile(path) as metadata:
            schema = _with_class(metadata.schema_arrow, path)
            with parquet.ParquetWriter(file, schema, compression="snappy") as writer:
                for batch in metadata.iter_batches(ROWS, use_threads=False):
                    kept = _choose(batch, encode, definitions, threshold, counts)
                    writer.write_table(kept.cast(schema))
                    done(len(batch))
        return counts

    parts = [
        Part(
            caption_labels.table_name(str(path)),
            partial(listed, path),
            identity(str(path)),
            parquet.read_metadata(path).num_rows,
        )
        for path in files
    ]
    about = {"name": LAIONET.name, "threshold": threshold, "encoder": encoder}
    return make_parts(out, parts, about=about, unit=" texts")


def _choose(
    batch: pa.RecordBatch,
    encode: Encoder,
    definitions: NDArray[np.float32],
    threshold: float,
    counts: Counter[str],
) -> pa.Table:
    """Steps 1 to 5 on some rows."""
    texts = batch.column("TEXT").cast(pa.string()).fill_null("")
    named = one_class(texts)
    safe = pc.equal(batch.column("NSFW"), SAFE).fill_null(False).to_numpy(zero_copy_only=False)
    counts.update(read=len(named), named=int((named != -1).sum()), one=int((named >= 0).sum()))
    rows = np.flatnonzero((named >= 0) & safe)
    counts["safe"] += len(rows)
    similarity = np.zeros(len(rows), np.float32)
    for start in range(0, len(rows), TEXTS):
        part = rows[start : start + TEXTS]
        features = encode(texts.take(pa.array(part)).to_pylist())
        similarity[start : start + TEXTS] = (features * definitions[named[part]]).sum(1)
    above = similarity > threshold
    rows, similarity = rows[above], similarity[above]
    wnids = list(imagenet_classes())
    found = [wnids[number] for number in named[rows]]
    counts.update({"kept": len(rows)} | Counter(found))
    kept = pa.Table.from_batches([batch]).take(pa.array(rows))
    for column, values in zip(COLUMNS, (found, named[rows], similarity), strict=True):
        kept = kept.append_column(column, pa.array(values, column.type))
    return kept


def _with_class(schema: pa.Schema, file: Path) -> pa.Schema:
    if lacking := [name for name in ("URL", "TEXT", "NSFW") if name not in schema.names]:
        raise CourseError(
            f"{file} has no column {lacking[0]}, only {', '.join(schema.names)}; give LAION-400M's "
            f"metadata ({LAIONET.inputs[0].where})."
        )
    if present := [name for name in COLUMNS.names if name in schema.names]:
        raise CourseError(
            f"{file} already has a column {present[0]}: it is a list of LAIONet and no source of "
            "one; give LAION-400M's metadata."
        )
    return pa.schema([*schema, *COLUMNS])


img2dataset_command = partial(
    caption_labels.img2dataset_command,
    url="URL",
    caption="TEXT",
    further=f'["wnid","{SIMILARITY}","NSFW","LICENSE"]',
)
"""The command that downloads the pictures of a list, as the release does."""


def similarity(index: Index) -> NDArray[np.float64]:
    """Similarity of text and definition of each row, float64 [N]; img2dataset's tables have it.

    Raises:
        CourseError: if such a file is missing, or lacks the column or a row.
    """
    of_shards = []
    for shard, tar in enumerate(index.shards):
        path = Path(tar).with_suffix(".parquet")
        try:
            table = pd.read_parquet(path, columns=["key", SIMILARITY]).set_index("key")
        except (OSError, pa.ArrowInvalid) as error:
            raise CourseError(
                f"{path}, the table of {Path(tar).name}, cannot be read ({error}); keep what "
                f"img2dataset writes beside the tars, with the additional column {SIMILARITY}."
            ) from error
        found = table[SIMILARITY].reindex(pd.Index(index.keys(shard)))
        if len(absent := found.index[found.isna()]):
            raise CourseError(f"{path} lacks the sample {absent[0]} of {Path(tar).name}.")
        of_shards.append(found.to_numpy(np.float64))
    return np.concatenate(of_shards)
