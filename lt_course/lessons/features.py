"""What a trained image tower sees, asked without any text."""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from lt_course.data.augment import standardize
from lt_course.study import RunResult
from lt_course.study.execute import image_tower_of, weights
from lt_course.study.icontail_dataset import icontail_of


def weights_of(record: RunResult, prefix: str) -> dict[str, Tensor]:
    """Of a run's last checkpoint, the weights of a part of the model, such as ``image_tower.``."""
    state = weights(record.folder / "checkpoint")
    return {name.removeprefix(prefix): v for name, v in state.items() if name.startswith(prefix)}


@torch.no_grad()
def image_features(
    record: RunResult, pictures: npt.NDArray[np.uint8], *, normalise: bool = True
) -> Tensor:
    """Features of pictures, computed by a run's trained image tower, float32 [N, D].

    Pictures are uint8 [N, 32, 32], or [N, 64, 64, 3] of a run in colour; without `normalise`, which
    brings the rows to length 1, they are as they leave the tower.

    Raises:
        CourseError: if the run has no checkpoint.
    """
    tower = image_tower_of(record.run)
    tower.load_state_dict(weights_of(record, "image_tower."))
    tower.eval()
    parts = torch.from_numpy(pictures).split(512)
    features = torch.cat([tower(standardize(part)).float() for part in parts])
    return F.normalize(features, dim=1) if normalise else features


def cosines(record: RunResult, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Cosines of pictures with a run's prototypes, float64 [N, C]; arguments as above.

    Their argmax is the class that the run predicts, but for what is applied after training (logit
    adjustment, tau-normalisation) and for heads that do not normalise.
    """
    prototypes = F.normalize(torch.from_numpy(record.arrays["prototypes"]).double(), dim=1)
    products = image_features(record, pictures).double() @ prototypes.T
    return np.asarray(products.numpy(), dtype=np.float64)


def cosines_on_test(record: RunResult) -> npt.NDArray[np.float64]:
    """`cosines` of a run's test pictures, float64 [M, C]."""
    return cosines(record, icontail_of(record.run).pictures[record.arrays["test"]])
