"""The data card's numbers, computed from the shipped file: ``python -m …summary`` prints them."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy import stats

from lt_course.data.icontail import IconTail, load
from tools.icontail_build import audit, split


def markdown(data: IconTail) -> str:
    """Three tables: sizes, training pictures per concept, licences; then the audit's result."""
    core = np.array([concept.core for concept in data.concepts])
    tiny = np.array([concept.tiny for concept in data.concepts])
    train = np.bincount(data.concept[~data.test], minlength=len(core))
    test_families = np.unique(data.family[data.test])
    sizes = {
        "pictures": len(data),
        "training pictures": int((~data.test).sum()),
        "of these, of core concepts": int(train[core].sum()),
        "test pictures": int(data.test.sum()),
        "test pictures of each core concept": split.TEST_PICTURES,
        "core concepts": int(core.sum()),
        "of these, `tiny`": int(tiny.sum()),
        "open concepts": int((~core).sum()),
        "icon sets": len(data.sets),
        "author families": len(data.families),
        "of these, in the test only": len(test_families),
    }
    lines = ["| | number |", "|---|---:|"]
    lines += [f"| {name} | {number:,} |" for name, number in sizes.items()]
    lines += ["", "| training pictures a concept | least | 25 % | median | 75 % | most |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    for name, chosen in (("`tiny`", tiny), ("all core", core), ("open", ~core)):
        quartiles = np.percentile(train[chosen], [0, 25, 50, 75, 100])
        lines.append(f"| {name} | " + " | ".join(f"{value:,.0f}" for value in quartiles) + " |")
    count: Counter[str] = Counter()
    sets: Counter[str] = Counter()
    for entry in data.sets:
        count[entry.licence] += entry.pictures
        sets[entry.licence] += 1
    lines += ["", "| licence | sets | pictures |", "|---|---:|---:|"]
    lines += [f"| {name} | {sets[name]} | {number:,} |" for name, number in count.most_common()]
    lines += ["", audit_sentence(), ""]
    return "\n".join(lines)


def colour_markdown(data: IconTail) -> str:
    """A table of the set in colour: how many of its drawings have colours, and how many are pale.

    A drawing has colours if in some pixel its channels differ, and is pale if no channel of any
    pixel is darker than half way.
    """
    coloured = np.array([(picture != picture[..., :1]).any() for picture in data.pictures])
    pale = data.pictures.min((1, 2, 3)) > 127
    core = np.array([concept.core for concept in data.concepts])[data.concept]
    parts = {
        "all": np.ones(len(data), bool),
        "training, core concepts": core & ~data.test,
        "training, open concepts": ~core & ~data.test,
        "test": data.test,
    }
    lines = ["| pictures | number | in colour | pale |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {part.sum():,} | {coloured[part].sum():,} | {pale[part].sum():,} |"
        for name, part in parts.items()
    ]
    return "\n".join([*lines, ""])


def audit_sentence() -> str:
    """How many of the audited labels are wrong, with an exact 95 % interval."""
    rows = audit.record()
    wrong = sum(row["verdict"] == "wrong" for row in rows)
    interval = stats.binomtest(wrong, len(rows)).proportion_ci()
    return (
        f"Of {len(rows)} audited pictures {wrong} are labelled wrongly: "
        f"{100 * wrong / len(rows):.2f} % (95 % interval {100 * interval.low:.1f} to "
        f"{100 * interval.high:.1f} %)."
    )


if __name__ == "__main__":
    print(markdown(load()), end="")
