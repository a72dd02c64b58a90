"""The course's central finding, trained for real, in `make full`: seeds 0 to 4 at scale tiny."""

import pytest

from lt_course import study
from lt_course.evaluation.intervals import paired_difference

SEEDS = range(5)


@pytest.fixture(scope="module")
def biases() -> dict[str, list[float]]:
    """S(p) of each method and seed (records are shared with the notebooks' runs)."""
    return {
        name: [
            study.train_or_load(study.config(name, scale="tiny", seed=seed)).metrics[
                "spearman_predictions"
            ]
            for seed in SEEDS
        ]
        for name in ("sl", "clip-template", "clip-title")
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "less"), [("sl", "clip-template"), ("clip-template", "clip-title")]
)
def test_predictions_follow_frequency_in_the_order_of_the_claim(
    biases: dict[str, list[float]], more: str, less: str
) -> None:
    gap = paired_difference(biases[more], biases[less])
    assert gap.low > 0, f"S(p) of {more} minus {less}: {gap}"


def test_all_models_are_far_from_chance() -> None:
    for name in ("sl", "clip-template", "clip-title"):
        record = study.train_or_load(study.config(name, scale="tiny", seed=0))
        assert record.metrics["accuracy"] > 10 / 60, name
