"""``lt-course data list``, ``fetch``, ``prepare`` and ``check``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from lt_course.data.data_folder import data_folder
from lt_course.data.photographs import tiny_imagenet
from lt_course.errors import CourseError
from lt_course.study.run_config import unknown
from lt_course.web.caption_files import TABLES, format_of
from lt_course.web.datasets import (
    caption_labels,
    catalogue,
    fetch,
    imagenet_shards,
    laionet,
)
from lt_course.web.shards import shard_check, shard_index, shard_scan


def list_sets() -> None:
    """The sets that can be prepared or read, and what they need."""
    for source in catalogue.SOURCES:
        print(f"{source.name}\n    {source.what}")
        if source.pairs is not None:
            print(f"    {source.pairs:,} pairs, {source.classes} classes")
        for needed in source.inputs:
            print(f"    needs {needed}")


def fetch_set(name: Positional[str], out: Path | None = None) -> None:
    """Download a set and unpack it; a stopped command goes on.

    Args:
        name: tiny-imagenet, which alone is offered without registration and as a whole.
        out: folder with one folder a set; default: what LT_COURSE_DATA names.
    """
    if name != tiny_imagenet.NAME:
        raise CourseError(unknown("set that can be fetched", name, [tiny_imagenet.NAME]))
    fetch.fetch(data_folder(tiny_imagenet.INPUTS) if out is None else out)


def prepare(
    name: Positional[str],
    source: str,
    out: Path,
    seed: int = 0,
    per_shard: int = 10_000,
    partial: bool = False,
    threshold: float = 0.7,
    device: str = "cpu",
) -> None:
    """Make shards; a stopped command goes on.

    Args:
        name: as lt-course data list says.
        source: folder of the set's files; shards, or a list, where it has them.
        out: folder of what is made.
        seed: of the order.
        per_shard: pairs.
        partial: go without missing pictures, with other counts.
        threshold: laionet: least similarity.
        device: laionet: of the encoder.
    """
    names = [each.name for each in catalogue.SOURCES if each.inputs and each.prepared]
    if name not in names:
        raise CourseError(unknown("set that can be prepared", name, names))
    if out.exists() and not out.is_dir():
        raise CourseError(f"--out is {out}, which is no folder; give a folder.")
    manifest: dict[str, Any]
    if name == laionet.LAIONET.name:
        encoder, weights = laionet.clip_encoder(device), "ViT-B-32-quickgelu, openai"
        manifest = laionet.prepare(Path(source), out, encoder, encoder=weights, threshold=threshold)
        print(
            f"{out} lists {_labelled(manifest)}, of {manifest['counts']['read']:,} rows. "
            f"Their pictures are downloaded with\n{laionet.img2dataset_command(out)}"
        )
    elif name in caption_labels.SETS and format_of(Path(source)) in TABLES:
        counts = caption_labels.shorten(name, Path(source), out)["counts"]
        if counts["malformed"]:
            rows = caption_labels.malformed_in(out, Path(source))
            print(
                f"{counts['malformed']:,} rows were left out; {rows} names them.", file=sys.stderr
            )
        print(
            f"{out} lists {counts['kept']:,} of {counts['captions']:,} rows. Their pictures "
            "are downloaded, and then labelled by lt-course data prepare, with\n"
            + caption_labels.img2dataset_command(out)
        )
    elif name in caption_labels.SETS:
        manifest = caption_labels.prepare(name, source, out)
        captions = manifest["counts"]["captions"]
        print(f"{out} labels {_labelled(manifest)}, of {captions:,} captions.")
    else:
        manifest = imagenet_shards.prepare(
            name, Path(source), out, seed=seed, per_shard=per_shard, partial=partial
        )
        about = manifest["about"]
        absent = about.get("pictures_missing")
        missing = "" if absent is None else f"; {absent} pictures were missing"
        print(
            f"{out} holds {about['pairs']:,} pairs of {about['classes']} classes in "
            f"{len(manifest['parts'])} shards{missing}."
        )


def _labelled(manifest: dict[str, Any]) -> str:
    counts = [n for name, n in manifest["counts"].items() if name.startswith(("n0", "n1"))]
    return f"{sum(counts):,} pairs of {len(counts)} classes"


def check(
    path: Positional[tuple[str, ...]],
    picture: str = shard_scan.Fields.picture,
    caption: str = shard_scan.Fields.caption,
    label: str | None = None,
    decode: bool = False,
    workers: int = 1,
    max_bad_fraction: float = 0.01,
    json: bool = False,
) -> int:
    """Index shards and name all that cannot be used; exit status 1: more than --max-bad-fraction.

    Args:
        path: such as cc3m/{00000..00331}.tar, or a folder.
        picture: fields.
        caption: fields.
        label: fields of the class (if not given, none is read).
        decode: decode each picture, hash each tar.
        workers: processes that index.
        max_bad_fraction: of the samples.
        json: print one JSON object.
    """
    fields = shard_scan.Fields(picture, caption, label)
    index = shard_index.load(path, fields, max_bad_fraction=None, workers=workers)
    report = shard_check.check(index, decode)
    print(dumps(asdict(report)) if json else _told(report))
    if not len(index):
        raise CourseError(
            f"None of the {report.samples} samples in {report.shards} shards can be used."
            + shard_index.sought(index)
        )
    return int(report.too_bad(max_bad_fraction))


def _told(report: shard_check.Report) -> str:
    """What is wrong, by name, and then in numbers."""
    faults = [f"{f.shard} {f.key}".rstrip() + f": {f.reason}" for f in report.faults]
    changed = [f"{shard}: not as the manifest beside it says" for shard in report.changed]
    counted = [
        f"{report.usable:,} of {report.samples:,} samples in {report.shards} shards are "
        f"usable; a caption has {report.tokens:.1f} tokens; the index takes "
        f"{report.bytes_per_row:.0f} bytes a row."
    ]
    for reason, count in {**report.damaged, **report.bad}.items():
        counted.append(f"{count:>9,} {reason}: {(shard_scan.DAMAGED | shard_scan.REASONS)[reason]}")
    if report.repeated:
        counted.append(
            f"{report.repeated:,} keys stand in more than one shard; is one there twice?"
        )
    return "\n".join([*faults, *changed, *counted])


COMMANDS = {"data": {"list": list_sets, "fetch": fetch_set, "prepare": prepare, "check": check}}
