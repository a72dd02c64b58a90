"""Shards: reading at random through the index against reading the tar from front to end.

    python benchmarks/shards.py [--samples 5000] [--side 256]

Prints samples a second of CPU time (one process, files in the page cache), for bytes alone and
for decoded and cropped pictures, and what the index costs: time to build, bytes a row on disk and
in memory. The pictures are synthetic, of a photograph's size as a file.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lt_course.web.shards import photographs, shard_index, shard_writer
from lt_course.web.shards.shard_pairs import ShardDataset, batches


def photograph(number: int, side: int) -> bytes:
    """A JPEG with coarse and fine structure, about 18 KB at a side of 256."""
    generator = np.random.default_rng(number)
    coarse = generator.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    picture = Image.fromarray(coarse).resize((side, side * 3 // 4), Image.Resampling.BICUBIC)
    noise = generator.normal(0, 12, (side * 3 // 4, side, 1))
    file = io.BytesIO()
    levels = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(levels).save(file, "JPEG", quality=85)
    return file.getvalue()


def rate(read: Callable[[], Iterator[int]]) -> float:
    """Samples a CPU second; the median of three."""
    rates = []
    for _ in range(3):
        start, samples = time.process_time(), sum(read())
        rates.append(samples / (time.process_time() - start))
    return float(np.median(rates))


def main() -> None:
    """Build the shards, read them both ways, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=5_000)
    parser.add_argument("--side", type=int, default=256)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    pictures = [photograph(number, chosen.side) for number in range(64)]

    def members(key: str) -> dict[str, bytes]:
        text = f"photograph {key} of a grey cat that sleeps on an old wooden chair by the window"
        return {"jpg": pictures[int(key) % 64], "txt": text.encode(), "json": b'{"width": 256}'}

    with tempfile.TemporaryDirectory() as name:
        folder, kept = Path(name) / "shards", Path(name) / "cache"
        keys = [f"{number:09d}" for number in range(chosen.samples)]
        shard_writer.write(folder, keys, members, about={}, per_shard=1_000)
        tars = sorted(folder.glob("*.tar"))

        start = time.process_time()
        index = shard_index.load(folder, folder=kept)
        built = len(index) / (time.process_time() - start)
        start = time.process_time()
        shard_index.load(folder, folder=kept)
        opened = len(index) / (time.process_time() - start)
        pairs = ShardDataset(index)
        rows = np.random.default_rng(0).permutation(len(index)).tolist()

        def sequential(crop: bool) -> Iterator[int]:
            for tar in tars:
                with tarfile.open(tar) as archive:
                    for member in archive:
                        file = archive.extractfile(member)
                        content = b"" if file is None else file.read()
                        if member.name.endswith("jpg"):
                            if crop:
                                picture = photographs.decode(content)
                                photographs.training_crop(picture, 224, 0.9, 0)
                            yield 1

        def random() -> Iterator[int]:
            for at in range(0, len(rows), 64):
                yield len(shard_index.read([index.place(row) for row in rows[at : at + 64]]))

        def trained() -> Iterator[int]:
            order = pairs.order(batch=64)
            for batch in batches(pairs, order, stop=order.steps_per_epoch):
                yield len(batch.rows)

        print(f"{len(index):,} samples of {np.mean([len(p) for p in pictures]) / 1e3:.1f} kB")
        print(
            f"bytes, tarfile front to end     {rate(lambda: sequential(False)):>10,.0f} samples/s"
        )
        print(f"bytes, at random by the index   {rate(random):>10,.0f} samples/s")
        print(f"224 px, tarfile front to end    {rate(lambda: sequential(True)):>10,.0f} samples/s")
        print(f"224 px with captions, at random {rate(trained):>10,.0f} samples/s")
        print(f"index built                     {built:>10,.0f} samples/s (captions tokenised)")
        print(f"index opened from the cache     {opened:>10,.0f} samples/s")
        disk = sum(path.stat().st_size for path in kept.glob("*.npz"))
        print(f"index on disk                   {disk / len(index):>10.1f} bytes a row")
        tokens = len(index.ids) / len(index)
        print(
            f"index in memory                 {index.bytes_per_row:>10.1f} bytes a row "
            f"({tokens:.1f} tokens a caption)"
        )


if __name__ == "__main__":
    main()
