"""The models that a reader has evaluated, for the lesson on open models."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lt_course.counting.web_frequencies import WebFrequencies
from lt_course.web.released.evaluate_open_models import summary


def own_models(folder: Path, web: WebFrequencies) -> tuple[pd.DataFrame | None, str]:
    """The `summary` of the reader's records whose pre-training captions were counted, or None.

    With one sentence about them. `folder` is the ``--out`` of ``lt-course models evaluate``.
    """
    found = summary(folder, web) if folder.is_dir() else pd.DataFrame()
    if len(found):
        found = found[found["pretrained_on"].notna() & (found["set"] == "imagenet-val")]
    if not len(found):
        return None, (
            "No models of your own: what follows is the paper's. To see yours beside it, run "
            "`lt-course models evaluate counted --on imagenet-val --out FOLDER` where there are "
            "ImageNet and a GPU, let OWN name that folder, and run this notebook again."
        )
    if not web.complete:
        return None, f"{len(found)} models of your own, which cannot be judged: {web.note}"
    return found, f"{len(found)} models of your own on imagenet-val, shown beside the paper's."
