"""What must be at hand before a set can be made or read: file, where from, license, size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lt_course.data.data_folder import Input


@dataclass(frozen=True)
class Source:
    """A set that can be made into shards, or read as it is.

    Attributes:
        name: of the command ``lt-course data prepare NAME``; or what to give as shards.
        what: one line.
        pairs: as the paper used it; None where the web decides.
        classes: with at least one picture.
        inputs: needed files; none where shards are read as they are.
        prepared: whether ``lt-course data prepare`` makes something of them.
    """

    name: str
    what: str
    pairs: int | None = None
    classes: int | None = None
    inputs: tuple[Input, ...] = ()
    prepared: bool = True


class Place(NamedTuple):
    """Where a picture lies: a file, or a piece of one; a size of -1 is to its end."""

    path: Path
    offset: int = 0
    size: int = -1

    def read(self) -> bytes:
        """The bytes that lie there."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


def img2dataset_command(
    out: Path, *, url: str = "url", caption: str = "caption", further: str = ""
) -> str:
    """The command that downloads the pictures of a list, at 256 pixels.

    Args:
        out: folder of the list, parquet files.
        url: column of the addresses.
        caption: column of the captions.
        further: columns that are kept beside them, a JSON list.
    """
    return (
        f"img2dataset --url_list {out} --input_format parquet --url_col {url} --caption_col "
        f"{caption} --output_format webdataset --output_folder {out}-shards --image_size 256 "
        "--resize_only_if_bigger True --resize_mode keep_ratio --skip_reencode True"
        + (f" --save_additional_columns '{further}'" if further else "")
    )
