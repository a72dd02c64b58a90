"""How often the concepts of eight evaluation sets occur in the captions of the web.

The paper's authors (App. B) counted, caption by caption, how often each class of ImageNet and of
seven smaller sets is named in six image-text pre-training sets, and released the counts: 97 text
files, one class a line, `name<TAB>count`. They are read from the first source that exists:

1. the folder `freqs` inside the directory that `LT_COURSE_MIRROR` names,
2. the authors' repository at a pinned commit (0.8 MB, kept in the user's cache),
3. without either, the course's own summary, which travels with the package: statistics of each
   file, the correlations between them, and of the files `PACKED` the counts, in bins.

Files from sources 1 and 2 must match the SHA-256 sums in `resources/web_frequency_files.txt`, so
both give the same numbers.
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

from lt_course import release
from lt_course.errors import CourseError
from lt_course.files import named_folder
from lt_course.release import MIRROR_VARIABLE
from lt_course.statistics import gini, pearson, spearman

URL = f"{release.METADATA}freqs/"
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
BINS = "web_frequency_bins.csv.gz"
SUMMARY = "web_frequency_summary.csv"
CORRELATIONS = "web_frequency_correlations.csv"


@dataclass(frozen=True)
class WebFrequencies:
    """Concept counts of the web, by the short names of their files, and where they were read.

    `note` is one sentence for the reader about the source; `summary` and `correlations` are as
    :func:`summarise` and :func:`correlate` make them; `files` has the counts that are at hand.
    """

    source: Literal["mirror", "download", "summary"]
    note: str
    summary: pd.DataFrame
    correlations: pd.DataFrame
    files: Mapping[str, pd.Series]

    @property
    def complete(self) -> bool:
        """Whether all files are at hand, not only those that are `PACKED`."""
        return self.source != "summary"

    def counts(self, name: str) -> pd.Series:
        """Counts of one file, e.g. `"laion400m_imagenet_ori"`: int64 [C] by class, in its order.

        A CourseError says where only the file's summary is at hand.
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
        """Several files side by side, int64 [C, len(names)]; a mapping gives them other titles."""
        titles = names if isinstance(names, Mapping) else {name: name for name in names}
        return align({name: self.counts(name) for name in titles}).rename(columns=dict(titles))

    def concept_set(self, concept_set: str) -> pd.DataFrame:
        """Counts of one of `CONCEPT_SETS` in the six web sets, int64 [C, 6], titled as printed."""
        return self.table(
            {_file(key, concept_set): title for key, title in PRETRAINING_SETS.items()}
        )


def load(*, download: bool = True) -> WebFrequencies:
    """Read the counts from the first source at hand; `download`: whether the network may be asked.

    Raises:
        CourseError: the mirror lacks `freqs/` or a file, or a file does not match its SHA-256
            sum (a damaged file is never passed over for the next source).
    """
    mirrored, reason = named_folder(MIRROR_VARIABLE) is not None, "the download was switched off"
    if mirrored or download:
        try:
            files = {_short(path.name): read_counts(path) for path in _released()}
        except release.UnreachableError as error:
            reason = error.reason
        else:
            pinned = f"of {release.REPOSITORY}@{release.COMMIT[:7]}"
            place = f"read from {MIRROR_VARIABLE}" if mirrored else pinned
            note = f"{len(files)} count files {place}, checksums verified."
            tables = summarise(files), correlate(files)
            return WebFrequencies("mirror" if mirrored else "download", note, *tables, files)
    note = (
        f"The course's summary of the counts, because {MIRROR_VARIABLE} is not set and {reason}: "
        f"bins of about a fifth for ImageNet's classes in {len(PACKED)} sets, and no classes of "
        "other sets."
    )
    summary = pd.read_csv(RESOURCES / SUMMARY, index_col="file")
    packed = pd.read_csv(RESOURCES / BINS, index_col="class", keep_default_na=False)
    files = {str(name): counts for name, counts in packed.items()}
    return WebFrequencies("summary", note, summary, pd.read_csv(RESOURCES / CORRELATIONS), files)


def read_counts(path: Path) -> pd.Series:
    """Read one count file: int64 [C], indexed by class name, in the order of its lines."""
    remedy = f"restore the file from {URL}{path.name}"
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n")
    except UnicodeDecodeError as problem:
        raise CourseError(f"{path.name} is not UTF-8 text ({problem}); {remedy}.") from problem
    if not text:
        raise CourseError(f"{path.name} holds no class; {remedy}.")
    counts: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        name, _, count = line.partition("\t")
        if not (name.strip() and count.isascii() and count.isdigit()):
            raise CourseError(
                f"{path.name}, line {number}: expected 'name<TAB>count' with a whole count of "
                f"at least 0, found {line!r}; {remedy}."
            )
        if name in counts:
            raise CourseError(f"{path.name}, line {number}: {name!r} comes twice; {remedy}.")
        counts[name] = int(count)
    return pd.Series(counts, dtype="int64", name=_short(path.name))


def align(files: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Put count files of one concept set side by side, int64 [C, len(files)].

    Files in dataset order (`…_ori`) must name the same class on every line. The others are sorted
    by count, each in its own order: they are joined by class name, and rows follow the first file.
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
    """Statistics of each file, one row a file.

    Of its columns, `smallest` is the smallest count above 0; `zeros` and `below_10` are numbers of
    classes, the second includes the first; `gini` is over all classes, 0 = flat;
    `effective_classes` is the exponential of the entropy (a flat set of so many classes would be
    as diverse); `top10_share` the fraction of all counts that the ten most frequent classes hold;
    `rank_1` … `rank_1000` the sorted counts at `RANKS`, missing where there are fewer classes.
    """
    rows = {name: _statistics(counts.to_numpy()) for name, counts in files.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("file")


def _statistics(counts: np.ndarray) -> dict[str, float]:
    descending = np.sort(counts)[::-1]
    total = int(counts.sum())
    at_ranks = pd.Series(descending, range(1, len(counts) + 1), dtype=float).reindex(RANKS)
    return {
        "classes": len(counts),
        "total": total,
        "maximum": int(counts.max()),
        "smallest": int(counts[counts > 0].min()),
        "zeros": int((counts == 0).sum()),
        "below_10": int((counts < 10).sum()),
        "median": float(np.median(counts)),
        "gini": gini(counts),
        "effective_classes": float(np.exp(entropy(counts))),
        "top10_share": float(descending[:10].sum() / total),
    } | {f"rank_{rank}": count for rank, count in at_ranks.items()}


def correlate(files: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Correlation of class counts between pre-training sets, one row a pair.

    The 120 pairs of the paper's Fig. 13 (8 concept sets, 15 pairs of the six web sets) and,
    for ImageNet, every pair with one of the `TRAINING_SUBSETS`. `pearson` is of the counts,
    `pearson_log` of log(1 + count).
    """
    rows = []
    for concept_set in CONCEPT_SETS:
        keys = {_file(key, concept_set): key for key in PRETRAINING_SETS}
        if concept_set == "imagenet":
            keys |= {name: name for name in TRAINING_SUBSETS}
        table = align({name: files[name] for name in keys}).rename(columns=keys)
        for first, second in combinations(table.columns, 2):
            a, b = table[first].to_numpy(), table[second].to_numpy()
            found = spearman(a, b), pearson(a, b), pearson(np.log1p(a), np.log1p(b))
            rows.append((concept_set, first, second, len(table), *found))
    columns = "concept_set first second classes spearman pearson pearson_log".split()
    return pd.DataFrame(rows, columns=columns)


def _released() -> list[Path]:
    """All count files, checked."""
    mirror = named_folder(MIRROR_VARIABLE)
    if mirror is not None and not (mirror / "freqs").is_dir():
        raise CourseError(
            f"{MIRROR_VARIABLE} names a directory without a folder 'freqs'; let it name one "
            "that holds the count files, or unset it to download them."
        )

    def released(entry: list[str]) -> Path:
        name, checksum = entry
        return release.released_file(f"freqs/{name}", "The web's class counts are", checksum)

    first, *others = _registry()
    path = released(first)  # alone: without a network one refusal is enough
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [path, *pool.map(released, others)]


def _registry() -> list[list[str]]:
    """Names of the released files, with their SHA-256 sums."""
    lines = _REGISTRY.read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if not line.startswith("#")]


def _short(name: str) -> str:
    return name.removeprefix("class_frequency_").removesuffix(".txt")


def _file(pretraining_set: str, concept_set: str) -> str:
    """Short name of the counts of a concept set in one of the six web sets.

    Only ImageNet has a file in dataset order for all six.
    """
    if concept_set not in CONCEPT_SETS:
        raise CourseError(
            f"Unknown concept set {concept_set!r}; choose one of {', '.join(CONCEPT_SETS)}."
        )
    return f"{pretraining_set}_{concept_set}" + DATASET_ORDER * (concept_set == "imagenet")
