"""The authors' release: where it lies, and its files.

Class frequencies, names, prototypes and lists of classes come from the repository of the paper
that this course re-does (Wen et al., NeurIPS 2024, arXiv 2405.21070), at a pinned commit, or from
a folder with the same files.
"""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import quote

from lt_course import files
from lt_course.errors import CourseError

MIRROR_VARIABLE = "LT_COURSE_MIRROR"
"""The environment variable that names a folder with the release's files."""

REPOSITORY = "CVMI-Lab/clip-beyond-tail"
COMMIT = "c8fc64cc469c82b5440b76b371874b44526be399"
METADATA = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/metadata/"


def released_file(name: str, sha256: str) -> Path:
    """A file of the release, from the folder that `MIRROR_VARIABLE` names, or else fetched once.

    Args:
        name: its path below `METADATA`.
        sha256: its checksum.

    Raises:
        CourseError: if it is not at hand, or another file has its name.
    """
    url = METADATA + quote(name)
    if mirror := files.named_folder(MIRROR_VARIABLE):
        if not (mirror / name).is_file():
            raise CourseError(f"{MIRROR_VARIABLE} lacks {name}; copy it from {url}.")
        require_released(mirror / name, name, sha256)
        return mirror / name

    import pooch
    from requests.exceptions import RequestException

    pooch.get_logger().setLevel(logging.WARNING)
    folder = pooch.os_cache("lt-course") / "release" / COMMIT[:7]
    ask = pooch.HTTPDownloader(timeout=10)
    try:
        return Path(pooch.retrieve(url, sha256, Path(name).name, folder, downloader=ask))
    except RequestException as error:
        raise CourseError(
            f"The released file {name} is not at hand: {REPOSITORY} could not be reached "
            f"({type(error).__name__}); connect to the network, or set {MIRROR_VARIABLE} to a "
            f"folder that holds {name} (from {url})."
        ) from error


def require_released(path: Path, name: str, sha256: str) -> None:
    """Refuse a file that is not the released one of that name.

    Raises:
        CourseError: if its checksum is another.
    """
    if files.sha256(path) != sha256:
        raise CourseError(
            f"{path} is not the file that was released under that name; fetch it again from "
            f"{METADATA}{quote(name)}, or call it otherwise."
        )
