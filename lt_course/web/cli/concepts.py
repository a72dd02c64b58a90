"""``lt-course concepts count``."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryFile

from lt_course import files
from lt_course.counting import concept_lists
from lt_course.counting.rules import Definition, changed_names
from lt_course.errors import CourseError
from lt_course.web import caption_files, count_captions


def count(
    captions: tuple[Path, ...],
    concepts: str,
    definition: Definition = "bag-of-lemmas",
    column: str | None = None,
    out: Path = Path("count_captions.csv"),
    workers: int = 1,
    dask: str | None = None,
) -> None:
    """Count in how many captions each class is named, by the paper's rules.

    Args:
        captions: TSV, CSV, JSONL or parquet files, or folders of them.
        concepts: imagenet, or a text or JSON file.
        definition: of what it means that a caption names a class.
        column: the one with the captions (if not given: caption, text or title); a number, from 1,
            for a TSV or CSV file without a header.
        out: file of the counts.
        workers: processes.
        dask: address of a Dask scheduler, or: local.
    """
    if workers < 1:
        raise CourseError(f"--workers is {workers}; give 1 or more.")
    with files.writing(out.parent, "let --out name a file that can"):  # before hours of work
        out.parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=out.parent).close()
        if out.is_dir():
            raise CourseError(
                f"{out} (--out) is no file and cannot be written; let --out name a file that can."
            )
        if out.exists():
            out.open("ab").close()
    classes = concept_lists.read(concepts)
    sources = caption_files.expand(captions)
    *_, manifest = count_captions.outputs(out, [classes.path, *sources])
    if changed := changed_names(classes, definition):
        more = f"; {manifest} names all {len(changed)}" if len(changed) > 5 else ""
        print(f"By {definition}, {', '.join(changed[:5])}{more}.", file=sys.stderr)
    tallies = count_captions.count(
        sources, classes, definition, column=column, workers=workers, dask=dask
    )
    malformed = sum(tally.malformed for tally in tallies)
    if malformed and not any(tally.captions for tally in tallies):
        first = next(bad for tally in tallies for bad in tally.named)
        raise CourseError(
            f"None of {malformed:,} rows can be read, {first.file}, row {first.row}: "
            f"{first.reason}; mend the file, or name the column with the captions (--column)."
        )
    with files.writing(out, "make room and count again"):
        count_captions.write(out, sources, classes, tallies, definition)
    named = count_captions.total(tallies) > 0
    print(
        f"{sum(tally.captions for tally in tallies):,} captions name {named.sum():,} of "
        f"{len(named):,} classes; the counts are in {out}."
    )
    if malformed:
        rows = out.with_suffix(".malformed.csv")
        print(f"{malformed:,} malformed rows were left out; {rows} names them.", file=sys.stderr)


COMMANDS = {"concepts": {"count": count}}
