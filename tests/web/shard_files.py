"""Miniature shards in the formats that others write."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

Member = tuple[str, bytes]


def image(number: int, kind: str = "JPEG", size: tuple[int, int] = (40, 30), **options) -> bytes:
    """A smooth picture of its own for each number."""
    across, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    levels = np.stack([across * 5, down * 7, np.full_like(across, 37 * number)], axis=2) % 256
    file = io.BytesIO()
    Image.fromarray(levels.astype(np.uint8)).save(file, kind, **options)
    return file.getvalue()


def caption(number: int) -> str:
    return f"photograph number {number} of a {['cat', 'dog', 'Größe 东'][number % 3]}"


def img2dataset_sample(number: int) -> list[Member]:
    """The three members that img2dataset writes for a downloaded picture."""
    key, picture = f"{number:09d}", image(number)
    record = {
        "caption": caption(number),
        "url": f"https://example.org/{number}.jpg",
        "key": key,
        "status": "success",
        "error_message": None,
        "width": 40,
        "height": 30,
        "original_width": 80,
        "original_height": 60,
        "exif": "{}",
        "sha256": "0" * 64,
    }
    return [
        (f"{key}.jpg", picture),
        (f"{key}.txt", caption(number).encode()),
        (f"{key}.json", json.dumps(record, indent=4).encode()),
    ]


def write_tar(path: Path, members: Iterable[Member]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tar_bytes(members))
    return path


def tar_bytes(members: Iterable[Member]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def img2dataset_folder(folder: Path, shards: int = 3, each: int = 10) -> Path:
    """A folder as img2dataset leaves it, side files included."""
    for shard in range(shards):
        samples = [img2dataset_sample(10_000 * shard + i) for i in range(each)]
        write_tar(folder / f"{shard:05d}.tar", [m for sample in samples for m in sample])
        (folder / f"{shard:05d}.parquet").write_bytes(b"PAR1")
        (folder / f"{shard:05d}_stats.json").write_text('{"count": 12, "successes": 10}')
    return folder


def sequential(paths: Iterable[Path]) -> list[tuple[str, bytes, str]]:
    """A literal reading: key, picture and caption of all samples, one after the other."""
    found: dict[tuple[Path, str], dict[str, bytes]] = {}
    for path in paths:
        with tarfile.open(path) as tar:
            for member in tar.getmembers():
                key, field = member.name.split(".", 1)
                file = tar.extractfile(member)
                assert file is not None
                found.setdefault((path, key), {})[field] = file.read()
    return [(key, m["jpg"], m["txt"].decode()) for (_, key), m in found.items()]
