"""How often the concepts of eight evaluation sets occur in the captions of the web.

The authors of the paper that this course re-does (Wen et al., NeurIPS 2024, arXiv 2405.21070,
App. B) counted, caption by caption, how often each class of ImageNet and of seven smaller
sets is named in six image-text pre-training sets, and released the counts: 97 text files,
one class a line, `name<TAB>count`. This module gets them from the first source that exists:

1. the folder `freqs` inside the directory that `LT_COURSE_MIRROR` names,
2. the authors' repository at a pinned commit (0.8 MB, kept in the user's cache),
3. without either, the course's own summary, which travels with the package: statistics of each
   file, the correlations between them, and of ImageNet's 1,000 classes how frequent each is in the
   six sets and in the labelled subsets (`PACKED`), in bins (`binned`).

The object that :func:`load` returns says which source it was read from; a page that shows
numbers prints that sentence. Files from sources 1 and 2 must match the SHA-256 sums in
`resources/web_frequency_files.txt`, so both give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import entropy

from lt_course.errors import CourseError
from lt_course.files import named_folder
from lt_course.release import (
    COMMIT,
    METADATA,
    MIRROR_VARIABLE,
    REPOSITORY,
    UnreachableError,
    released_file,
)
from lt_course.statistics import gini, pearson, spearman

Source = Literal["mirror", "download", "summary"]

URL = f"{METADATA}freqs/"

PREFIX = "class_frequency_"
DATASET_ORDER = "_ori"
"""Ending of the files whose lines follow the class ids of the evaluation set."""

PRETRAINING_SETS = {
    "cc12m": "CC-12M",
    "yfcc15m": "YFCC-15M",
    "laion400m": "LAION-400M",
    "metaclip_400m": "MetaCLIP-400M",
    "laion2b": "LAION-2B",
    "metaclip_fullcc": "MetaCLIP-2.5B",
}
"""The six web-scale sets of the paper's Fig. 13, in its order."""

CONCEPT_SETS = {
    "imagenet": "ImageNet",
    "cub": "CUB birds",
    "food101": "Food-101",
    "pets": "Oxford Pets",
    "flowers102": "Flowers-102",
    "places365": "Places365",
    "eurosat": "EuroSAT",
    "dtd": "DTD textures",
}
"""The eight sets of class names that were counted, in the order of Fig. 13."""

TRAINING_SUBSETS = {
    "incaps_imagenet_ori": "IN-Caps",
    "laionet_thresh0.7_ori": "LAIONet",
    "laionet_match_incap_ori": "LAIONet, matched to IN-Caps",
    "cc12m_cls_imagenet_ori": "CC-12M-Cls",
    "yfcc15m_cls_imagenet_ori": "YFCC-15M-Cls",
}
"""Labelled subsets (one ImageNet class a picture) on which the paper trains its models."""

PACKED = [f"{key}_imagenet_ori" for key in PRETRAINING_SETS] + list(TRAINING_SUBSETS)
"""Files of which the summary has a bin for each class."""

RANKS = (1, 2, 5, 10, 20, 50, 100, 200, 350, 500, 700, 900, 1000)
"""Ranks at which the summary keeps the sorted counts."""

RESOURCES = Path(__file__).parent / "resources"
_REGISTRY = RESOURCES / "web_frequency_files.txt"
_BINS = "web_frequency_bins.csv.gz"
_SUMMARY = "web_frequency_summary.csv"
_CORRELATIONS = "web_frequency_correlations.csv"


@dataclass(frozen=True)
class WebFrequencies:
    """Concept counts of the web, and where they were read.

    Attributes:
        source: `"mirror"`, `"download"` or `"summary"`.
        note: one sentence for the reader about that source.
        summary: one row a file, indexed by its short name (see :func:`summarise`).
        correlations: one row a pair of sets (see :func:`correlate`).
    """

    source: Source
    note: str
    summary: pd.DataFrame
    correlations: pd.DataFrame
    files: Mapping[str, pd.Series]

    @property
    def complete(self) -> bool:
        """Whether all files are at hand, not only those that are `PACKED`."""
        return self.source != "summary"

    def counts(self, name: str) -> pd.Series:
        """Counts of one file, int64 [C] indexed by class name, in the file's own order.

        Args:
            name: short name of a file, e.g. `"laion400m_imagenet_ori"`.

        Raises:
            CourseError: the name is unknown, or only the file's summary is at hand.
        """
        if name not in self.summary.index:
            raise CourseError(
                f"There is no count file {name!r}; WebFrequencies.summary lists the names."
            )
        if name not in self.files:
            raise CourseError(
                f"The class counts of {name!r} are not at hand, only their summary: connect to "
                f"the network, or set {MIRROR_VARIABLE} to a folder that holds 'freqs/'."
            )
        return self.files[name]

    def table(self, names: Mapping[str, str] | Iterable[str]) -> pd.DataFrame:
        """Several files side by side, int64 [C, len(names)], one row a class.

        Args:
            names: short names of files, or a mapping from short names to column titles.

        Raises:
            CourseError: as :meth:`counts` and :func:`align`.
        """
        titles = names if isinstance(names, Mapping) else {name: name for name in names}
        return align({name: self.counts(name) for name in titles}).rename(columns=dict(titles))

    def concept_set(self, concept_set: str) -> pd.DataFrame:
        """Counts of one concept set in the six web sets, int64 [C, 6], titled as printed.

        Args:
            concept_set: a key of `CONCEPT_SETS`.

        Raises:
            CourseError: unknown concept set, or as :meth:`table`.
        """
        return self.table(
            {_file(key, concept_set): title for key, title in PRETRAINING_SETS.items()}
        )


def load(*, download: bool = True) -> WebFrequencies:
    """Read the counts from the first source at hand.

    Args:
        download: whether the network may be asked when there is no mirror.

    Raises:
        CourseError: the mirror lacks `freqs/` or a file; a file does not match its SHA-256
            sum (a damaged file is never passed over for the next source); a malformed line.
    """
    mirrored, reason = named_folder(MIRROR_VARIABLE) is not None, "the download was switched off"
    if mirrored or download:
        try:
            files = {_short(path.name): read_counts(path) for path in _released()}
        except UnreachableError as error:
            reason = error.reason
        else:
            source: Source = "mirror" if mirrored else "download"
            place = f"read from {MIRROR_VARIABLE}" if mirrored else f"of {REPOSITORY}@{COMMIT[:7]}"
            note = f"{len(files)} count files {place}, checksums verified."
            return WebFrequencies(source, note, summarise(files), correlate(files), files)
    note = (
        f"The course's summary of the counts, because {MIRROR_VARIABLE} is not set and {reason}: "
        f"bins of about a fifth for ImageNet's classes in {len(PACKED)} sets, and no classes of "
        "other sets."
    )
    summary = pd.read_csv(RESOURCES / _SUMMARY, index_col="file")
    packed = pd.read_csv(RESOURCES / _BINS, index_col="class", keep_default_na=False)
    files = {str(name): counts for name, counts in packed.items()}
    return WebFrequencies("summary", note, summary, pd.read_csv(RESOURCES / _CORRELATIONS), files)


def read_counts(path: Path) -> pd.Series:
    """Read one count file: int64 [C], indexed by class name, in the order of its lines.

    Raises:
        CourseError: a line is not `name<TAB>count` with a whole count of at least 0, a class
            is named twice, or the file is empty or not UTF-8.
    """
    remedy = f"restore the file from {URL}{path.name}"
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as problem:
        raise CourseError(f"{path.name} is not UTF-8 text ({problem}); {remedy}.") from problem
    counts: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if number == len(lines) and not line:
            break
        name, tab, count = line.rstrip("\r").partition("\t")
        if not (name.strip() and tab and count.isascii() and count.isdigit()):
            raise CourseError(
                f"{path.name}, line {number}: expected 'name<TAB>count' with a whole count of "
                f"at least 0, found {line!r}; {remedy}."
            )
        if name in counts:
            raise CourseError(f"{path.name}, line {number}: {name!r} comes twice; {remedy}.")
        counts[name] = int(count)
    if not counts:
        raise CourseError(f"{path.name} holds no class; {remedy}.")
    return pd.Series(counts, dtype="int64", name=_short(path.name))


def align(files: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Put count files of one concept set side by side, int64 [C, len(files)].

    Files in dataset order (`…_ori`) are joined line by line, and their names must agree on
    every line. The others are sorted by count, each in its own order: they are joined by
    class name, and the rows follow the first file.

    Raises:
        CourseError: a class is missing in one of the files, or the dataset orders differ.
    """
    first_name, first = next(iter(files.items()))
    for name, counts in files.items():
        if missing := first.index.symmetric_difference(counts.index).to_list():
            raise CourseError(
                f"{first_name} and {name} do not count the same classes ({missing[:3]} …); "
                "put only files of one concept set side by side."
            )
        in_order = name.endswith(DATASET_ORDER) and first_name.endswith(DATASET_ORDER)
        if in_order and not counts.index.equals(first.index):
            raise CourseError(
                f"{first_name} and {name} are both in dataset order, yet their lines differ; "
                f"restore the two files from {URL}."
            )
    return pd.DataFrame({name: counts.reindex(first.index) for name, counts in files.items()})


def summarise(files: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Statistics of each file; one row a file.

    Columns: `classes`; `total`; `maximum`; `smallest` (the smallest count above 0); `zeros`
    and `below_10` (numbers of classes, the second includes the first); `median`; `gini` (over
    all classes, 0 = flat); `effective_classes` (exponential of the entropy: a flat set of so
    many classes would be as diverse); `top10_share` (fraction of all counts that the ten most
    frequent classes hold); `rank_1` … `rank_1000` (the sorted counts at `RANKS`; missing where
    a set has fewer classes).
    """
    return pd.DataFrame.from_dict(
        {name: _statistics(counts.to_numpy()) for name, counts in files.items()}, orient="index"
    ).rename_axis("file")


def correlate(files: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Correlation of class counts between pre-training sets, one row a pair.

    The 120 pairs of the paper's Fig. 13 (8 concept sets, 15 pairs of the six web sets) and,
    for ImageNet, every pair with one of the `TRAINING_SUBSETS`.

    Columns: `concept_set`, `first`, `second` (keys of `PRETRAINING_SETS` or
    `TRAINING_SUBSETS`), `classes`, `spearman`, `pearson` (of the counts) and `pearson_log`
    (of log(1 + count)).
    """
    rows = []
    for concept_set in CONCEPT_SETS:
        keys = {_file(key, concept_set): key for key in PRETRAINING_SETS}
        if concept_set == "imagenet":
            keys |= {name: name for name in TRAINING_SUBSETS}
        table = align({name: files[name] for name in keys}).rename(columns=keys)
        for first, second in combinations(table.columns, 2):
            a, b = table[first].to_numpy(), table[second].to_numpy()
            rows.append(
                {
                    "concept_set": concept_set,
                    "first": first,
                    "second": second,
                    "classes": len(table),
                    "spearman": spearman(a, b),
                    "pearson": pearson(a, b),
                    "pearson_log": pearson(np.log1p(a), np.log1p(b)),
                }
            )
    return pd.DataFrame(rows)


def build_summary(out: Path = RESOURCES) -> list[Path]:
    """Write the three tables that stand in for the files, and return their paths.

    This is what `python -m tools.icontail_build web-summary` runs. Figures are rounded to six
    digits after the point.

    Raises:
        CourseError: the full files are not at hand (see :func:`load`).
    """
    web = load()
    if not web.complete:
        raise CourseError(f"The summary can only be built from the full files. {web.note}")
    out.mkdir(parents=True, exist_ok=True)
    web.summary.round(6).to_csv(out / _SUMMARY)
    web.correlations.round(6).to_csv(out / _CORRELATIONS, index=False)
    same_bytes = {"method": "gzip", "mtime": 0}
    bins = web.table(PACKED).apply(binned)
    bins.to_csv(out / _BINS, index_label="class", compression=same_bytes)
    return [out / _SUMMARY, out / _CORRELATIONS, out / _BINS]


def binned(counts: pd.Series) -> pd.Series:
    """Counts as the middle of their bin, four bins to a doubling; 0 stays 0."""
    middle = 2 ** (np.round(4 * np.log2(counts.clip(lower=1))) / 4)
    return middle.round().astype(int).where(counts > 0, 0)


def _statistics(counts: np.ndarray) -> dict[str, float]:
    descending = np.sort(counts)[::-1]
    total = int(descending.sum())
    at_ranks = {
        f"rank_{rank}": float(descending[rank - 1]) if rank <= len(counts) else np.nan
        for rank in RANKS
    }
    return {
        "classes": len(counts),
        "total": total,
        "maximum": int(descending[0]),
        "smallest": int(counts[counts > 0].min()),
        "zeros": int((counts == 0).sum()),
        "below_10": int((counts < 10).sum()),
        "median": float(np.median(counts)),
        "gini": gini(counts),
        "effective_classes": float(np.exp(entropy(counts))),
        "top10_share": float(descending[:10].sum() / total),
    } | at_ranks


def _released() -> list[Path]:
    """All count files, checked.

    Raises:
        CourseError: as `lt_course.release.released_file`; the mirror lacks `freqs/`.
    """
    mirror = named_folder(MIRROR_VARIABLE)
    if mirror is not None and not (mirror / "freqs").is_dir():
        raise CourseError(
            f"{MIRROR_VARIABLE} names a directory without a folder 'freqs'; let it name one "
            "that holds the count files, or unset it to download them."
        )

    def released(name: str, checksum: str) -> Path:
        return released_file(f"freqs/{name}", "The web's class counts are", checksum)

    first, *others = _read_registry(_REGISTRY).items()
    path = released(*first)  # alone: without a network one refusal is enough
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [path, *pool.map(released, *zip(*others, strict=True))]


def _read_registry(registry: Path) -> dict[str, str]:
    lines = registry.read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if not line.startswith("#"))


def _short(name: str) -> str:
    return name.removeprefix(PREFIX).removesuffix(".txt")


def _file(pretraining_set: str, concept_set: str) -> str:
    """Short name of the counts of a concept set in one of the six web sets.

    ImageNet has a file in dataset order for all six; the other concept sets are complete only
    as files sorted by count.
    """
    if concept_set not in CONCEPT_SETS:
        raise CourseError(
            f"Unknown concept set {concept_set!r}; choose one of {', '.join(CONCEPT_SETS)}."
        )
    order = DATASET_ORDER if concept_set == "imagenet" else ""
    return f"{pretraining_set}_{concept_set}{order}"
