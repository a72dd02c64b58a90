"""Files of the authors' release (`lt_course.release`): from a mirror, or fetched once and kept."""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import quote

import pooch
from requests.exceptions import RequestException

from lt_course.errors import CourseError
from lt_course.files import named_folder, sha256
from lt_course.release import COMMIT, METADATA, MIRROR_VARIABLE, REPOSITORY


class UnreachableError(CourseError):
    """A file is not at hand, and the network is not, either."""

    def __init__(self, what: str, name: str, problem: RequestException) -> None:
        self.reason = f"{REPOSITORY} could not be reached ({type(problem).__name__})"
        super().__init__(
            f"{what} not at hand: {self.reason}; connect to the network, or set {MIRROR_VARIABLE} "
            f"to a folder that holds {name} (from {METADATA}{quote(name)})."
        )


def released_file(name: str, what: str, checksum: str | None = None) -> Path:
    """A file of the release: where ``LT_COURSE_MIRROR`` says, or in the user's cache.

    Args:
        name: of the file below the release's folder ``metadata``, such as ``freqs/x.txt``.
        what: its content, with its verb: the beginning of a sentence that ends in "not at hand".
        checksum: its SHA-256, in hexadecimal. None: not checked, since the commit's id is a hash
            of its files.

    Raises:
        UnreachableError: if it has to be fetched and cannot be.
        CourseError: if the mirror lacks it, or it does not match its checksum.
    """
    url = METADATA + quote(name)
    if mirror := named_folder(MIRROR_VARIABLE):
        path = mirror / name
        if not path.is_file():
            raise CourseError(f"{MIRROR_VARIABLE} lacks {name}; copy it from {url}.")
        if checksum is not None and sha256(path) != checksum:
            raise _damaged(name, url)
        return path
    pooch.get_logger().setLevel(logging.WARNING)
    path = pooch.os_cache("lt-course") / "release" / COMMIT[:7] / name
    ask = pooch.HTTPDownloader(timeout=10)
    try:
        return Path(pooch.retrieve(url, checksum, path.name, path.parent, downloader=ask))
    except RequestException as problem:
        raise UnreachableError(what, name, problem) from problem
    except ValueError as problem:  # pooch's word for another checksum
        raise _damaged(name, url) from problem


def _damaged(name: str, url: str) -> CourseError:
    return CourseError(
        f"{name} does not match its SHA-256 sum, so it is not the file that the course was "
        f"checked with; delete it and fetch it again from {url}."
    )
