"""Lesson 03: what trained models know of what they were trained on; photographs beside drawings."""

from collections.abc import Sequence

import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from lt_course.evaluation.bias import per_class, thirds
from lt_course.evaluation.features import features
from lt_course.evidence.claims import Verdict
from lt_course.evidence.experiments import experiment
from lt_course.study import RunResult
from lt_course.study.dataset import RunDataset, load_dataset
from lt_course.study.execute import build_objective, weights


def trained(record: RunResult) -> tuple[RunDataset, nn.Module]:
    """A run's data, and its model in evaluation mode with the weights that training ended with.

    Raises:
        CourseError: if the run has no checkpoint.
    """
    data = load_dataset(record.run)
    model = build_objective(record.run, data, None, torch.device("cpu"))
    assert isinstance(model, nn.Module)
    model.load_state_dict(weights(record.folder / "checkpoint"))
    return data, model.eval()


@torch.no_grad()
def on_training_images(record: RunResult) -> dict[str, float]:
    """Mean accuracy of thirds of the classes on the very images trained on, shown whole.

    The run is one with class vectors.
    """
    data, model = trained(record)
    seen = features(model.get_submodule("image_tower"), data.trained_on)
    vectors = F.normalize(torch.from_numpy(record.arrays["prototypes"]), dim=1)
    said = (seen.features @ vectors.T).argmax(1)
    accuracy, _ = per_class(seen.labels.numpy(), said.numpy(), len(data.frequency))
    return thirds(data.frequency, accuracy)


def drawings_and_photographs(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a claim that was asked of both and has an effect on photographs, with intervals."""
    by_id = {verdict.claim.id: verdict for verdict in verdicts}
    rows = [
        {
            "claim, on drawings": first.claim.sentence,
            "drawings": str(first.effect),
            "photographs": str(verdict.effect),
            "of": experiment(verdict.factor).dataset.replace("-", " "),
            "verdict, photographs": verdict.verdict,
        }
        for verdict in verdicts
        if verdict.effect and (first := by_id.get(str(verdict.claim.repeats)))
    ]
    return pd.DataFrame(rows)
