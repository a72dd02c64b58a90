"""The sets of photographs that can be prepared or read: ``lt-course data list``."""

from __future__ import annotations

from lt_course.data.photographs import cache
from lt_course.web.datasets import (
    caption_labels,
    evaluation_sets,
    imagenet_captions,
    imagenet_pictures,
    laionet,
)
from lt_course.web.datasets.sources import Source

SOURCES = (
    imagenet_pictures.IMAGENET_TRAIN,
    imagenet_captions.IMAGENET_CAPTIONS,
    laionet.LAIONET,
    caption_labels.CC12M,
    caption_labels.YFCC15M,
    Source(
        caption_labels.CC3M_ADDRESS,
        "Conceptual Captions 3M, shards that are read as they are; labels as cc12m-cls",
    ),
    Source(
        caption_labels.CC12M_ADDRESS,
        "Conceptual 12M, shards that are read as they are; labels as cc12m-cls",
    ),
    *(
        Source(each.NAME, str(each.__doc__).splitlines()[0], inputs=each.INPUTS, prepared=False)
        for each in cache.SETS.values()
    ),
    evaluation_sets.VALIDATION,
    evaluation_sets.V2,
)
