"""The command line: ``python -m tools.icontail_build``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lt_course.counting import web_frequencies
from lt_course.data import icontail
from lt_course.errors import CourseError
from tools.icontail_build import __doc__ as usage

FILES = ("icontail", "text-embeddings", "noun-list", "web-summary")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status (2: bad input)."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.icontail_build",
        description=usage,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", choices=FILES, help="what is made")
    parser.add_argument("--source", type=Path, help="a copy of its archive (else: download)")
    parser.add_argument("--out", type=Path, help="folder (default: the package's own)")
    parser.add_argument(
        "--colour",
        action="store_true",
        help="icontail: in colour at 64 pixels (default folder: LT_COURSE_ICONTAIL, or the user's "
        "cache)",
    )
    options = parser.parse_args(arguments)
    try:
        build(options.file, options.source, options.out, options.colour)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(
            f"The builder of {options.file} needs the package {error.name}; install it with "
            "pip install -e '.[data]'.",
            file=sys.stderr,
        )
        return 2
    return 0


def build(file: str, source: Path | None, out: Path | None, colour: bool = False) -> None:
    """Make one of `FILES`; each builder loads its own share of the extra ``data``."""
    if file == "icontail":
        from tools.icontail_build import build_icontail

        if colour:
            print(build_icontail.build_colour(source, out or icontail.color_folder()))
        else:
            build_icontail.build(source, out or icontail.RESOURCES)
    elif file == "text-embeddings":
        from tools.icontail_build import build_text_embeddings

        build_text_embeddings.build(source, out or icontail.RESOURCES)
    elif file == "noun-list":
        from tools.icontail_build import build_noun_list

        build_noun_list.build(source, out or web_frequencies.RESOURCES)
    else:
        from tools.icontail_build import build_web_summary

        build_web_summary.build(out or web_frequencies.RESOURCES)


if __name__ == "__main__":
    sys.exit(main())
