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


class UnreachableError(CourseError):
    """A file is not at hand, and the network is not, either."""

    def __init__(self, what: str, name: str, problem: Exception) -> None:
        self.reason = f"{REPOSITORY} could not be reached ({type(problem).__name__})"
        super().__init__(
            f"{what} not at hand: {self.reason}; connect to the network, or set {MIRROR_VARIABLE} "
            f"to a folder that holds {name} (from {METADATA}{quote(name)})."
        )


def released_file(name: str, what: str, checksum: str | None = None) -> Path:
    """A file of the release: where `MIRROR_VARIABLE` says, or fetched once and kept.

    Args:
        name: its path below `METADATA`.
        what: its content, with its verb: the beginning of a sentence that ends in "not at hand".
        checksum: its SHA-256, in hexadecimal; None: the commit's id is a hash of its files.

    Raises:
        UnreachableError: if it has to be fetched and cannot be.
        CourseError: if the mirror lacks it, or another file has its name.
    """
    url = METADATA + quote(name)
    if mirror := files.named_folder(MIRROR_VARIABLE):
        if not (mirror / name).is_file():
            raise CourseError(f"{MIRROR_VARIABLE} lacks {name}; copy it from {url}.")
        if checksum is not None:
            require_released(mirror / name, name, checksum)
        return mirror / name

    import pooch
    from requests.exceptions import RequestException

    pooch.get_logger().setLevel(logging.WARNING)
    path = pooch.os_cache("lt-course") / "release" / COMMIT[:7] / name
    ask = pooch.HTTPDownloader(timeout=10)
    try:
        return Path(pooch.retrieve(url, checksum, path.name, path.parent, downloader=ask))
    except RequestException as error:
        raise UnreachableError(what, name, error) from error
    except ValueError as error:  # pooch's word for another checksum
        raise _another(path, name) from error


def require_released(path: Path, name: str, sha256: str) -> None:
    """Raise a CourseError unless a file is the released one of that name, by its checksum."""
    if files.sha256(path) != sha256:
        raise _another(path, name)


def _another(path: Path, name: str) -> CourseError:
    return CourseError(
        f"{path} is not the file that was released under that name (its SHA-256 sum differs); "
        f"fetch it again from {METADATA}{quote(name)}, or call it otherwise."
    )
