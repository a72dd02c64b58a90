"""What a trained image tower knows, asked without any text."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.data import icontail, longtail
from lt_course.evaluation.neural_collapse import class_means
from lt_course.models.image_towers import image_tower
from lt_course.study import Record
from lt_course.study.execute import weights
from lt_course.training.augment import standardise


@torch.no_grad()
def nearest_mean_accuracy(record: Record) -> float:
    """Accuracy on the test drawings if each gets the class of the nearest mean, 0 … 1.

    The means are those of the normalised features of the run's training drawings, so that neither
    captions nor prompts have a part in it: what CLIP loses by being asked in the wrong words, this
    does not lose.

    Args:
        record: of a run whose checkpoint is in the store.

    Raises:
        CourseError: if there is no checkpoint.
    """
    data, model = record.run.data, record.run.model
    tower = image_tower(model.image_tower, model.embedding, model.picture_size)
    prefix = "image_tower."
    state = weights(record.folder / "checkpoint")
    tower.load_state_dict(
        {name.removeprefix(prefix): v for name, v in state.items() if name.startswith(prefix)}
    )
    tower.eval()
    tail = icontail.load()
    drawn = longtail.draw(
        tail,
        data.concepts,
        profile=data.profile,
        pictures=data.pictures,
        permutation=data.permutation,
    )

    def features(pictures: np.ndarray) -> Tensor:
        shown = standardise(torch.from_numpy(tail.pictures[pictures]))
        return F.normalize(torch.cat([tower(part).float() for part in shown.split(512)]), dim=1)

    means = class_means(features(drawn.pictures), torch.from_numpy(drawn.labels), data.concepts)
    test = np.flatnonzero(tail.test & (tail.concept < data.concepts))
    answers = (features(test).double() @ F.normalize(means, dim=1).T).argmax(1).numpy()
    return float((answers == tail.concept[test]).mean())
