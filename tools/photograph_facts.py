"""Count what the sets of photographs hold, for their data cards: numbers and names of classes.

    LT_COURSE_DATA=... python -m tools.photograph_facts

No photograph and no text of one is written.
"""

from __future__ import annotations

import json

import numpy as np

from lt_course.data.photographs import cache, fashion_products, tiny_imagenet
from lt_course.data.photographs.photograph_set import FACTS_FILE, PhotographSet
from lt_course.statistics import gini

SIZE = 32


def facts(photographs: PhotographSet) -> dict[str, object]:
    """What a data card says of a set."""
    tested = np.bincount(photographs.labels[photographs.test], minlength=len(photographs.keys))
    group = photographs.group
    return {
        "images": len(photographs.labels),
        "classes": len(photographs.keys),
        "tested_classes": photographs.tested,
        "training": photographs.available.tolist(),
        "test": tested[: photographs.tested].tolist(),
        "gini": round(gini(photographs.available[: photographs.tested]), 3),
        "groups": None if group is None else len(np.unique(group)),
        "kinds": list(photographs.kinds),
    }


def main() -> None:
    """Write the facts of both sets."""
    written: dict[str, object] = {}
    for module in (tiny_imagenet, fashion_products):
        found = module.find()
        photographs = cache.load(module.NAME, SIZE)
        written[module.NAME] = facts(photographs) | {"pictures_found": len(found.pictures)}
        if module is fashion_products:
            written[module.NAME] |= {"types": list(photographs.names)}  # type: ignore[operator]
    lines = (f"{json.dumps(name)}: {json.dumps(of_set)}" for name, of_set in written.items())
    FACTS_FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
