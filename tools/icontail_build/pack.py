"""The files that the package ships: the same bytes from the same release, every time."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lt_course.data.icontail import IconSet
from lt_course.files import atomic_write, seal, write_sealed


def text(lines: str) -> NDArray[np.uint8]:
    """A text as the uint8 array in which an ``.npz`` can hold it without pickling."""
    return np.frombuffer(lines.encode("utf-8"), np.uint8)


def document(value: object) -> NDArray[np.uint8]:
    """A JSON value as a uint8 array."""
    return text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def save(path: Path, arrays: Mapping[str, NDArray]) -> None:
    """Write an ``.npz`` whose bytes depend on nothing but the arrays: no clock, no order.

    Its checksum joins those of the folder's other ones.
    """
    _write(path, arrays, atomic_write)
    seal(path.parent, sorted(other.name for other in path.parent.glob("*.npz")))


def save_alone(path: Path, arrays: Mapping[str, NDArray]) -> None:
    """As `save`, with the checksum in the file's last bytes."""
    _write(path, arrays, write_sealed)


def _write(path: Path, arrays: Mapping[str, NDArray], write: Callable[[Path, bytes], None]) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, buffer.getvalue(), compresslevel=9)
    write(path, whole.getvalue())


LICENCE_URLS = {
    "MIT": "https://spdx.org/licenses/MIT.html",
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "ISC": "https://spdx.org/licenses/ISC.html",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "OFL-1.1": "https://openfontlicense.org/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
}

PREAMBLE = """\
IconTail: who drew the pictures
===============================

The pictures of IconTail are small grey renderings (32 x 32 pixels, cropped, centred, contrast
stretched) of drawings from the icon sets below, as collected in @iconify/json {version}.
Every drawing remains its author's, under the licence named with its set; the rendering is the
only change. Names of the drawings are their authors' too.

"""

WORDNET = """\

Glosses, synonyms and hypernyms
-------------------------------

From WordNet 3.1, https://wordnet.princeton.edu/, under its own licence:

{licence}
"""

MINILM = """
Text embeddings
---------------

Computed with all-MiniLM-L6-v2 by the sentence-transformers project, Apache-2.0,
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
"""


def attribution(sets: Sequence[IconSet], version: str, wordnet_licence: str) -> str:
    """The attribution file: licences' addresses, then every set, then the texts' sources."""
    used = sorted({entry.licence for entry in sets})
    lines = [PREAMBLE.format(version=version), "Licences\n--------\n\n"]
    lines += [f"{licence}: {LICENCE_URLS[licence]}\n" for licence in used]
    lines.append("\nSets\n----\n")
    for entry in sets:
        lines.append(
            f"\n{entry.name} ({entry.prefix}), {entry.pictures} pictures\n"
            f"    author: {entry.author}\n"
            f"    licence: {entry.licence}\n"
            f"    url: {entry.url}\n"
        )
    lines.append(WORDNET.format(licence=wordnet_licence.strip()))
    lines.append(MINILM)
    return "".join(lines)
