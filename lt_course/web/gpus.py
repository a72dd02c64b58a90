"""GPUs that a run can be planned for."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class GPU:
    """One GPU, by its maker's data sheet.

    Attributes:
        memory: GiB.
        bfloat16: dense peak in TFLOP/s, sums in float32; None if it has no such units.
        float32: peak in TFLOP/s outside of such units.
        price: lowest and highest dollars an hour, rented without commitment. A rough span over
            providers in the first half of 2026, and no offer.
    """

    memory: float
    bfloat16: float | None
    float32: float
    price: Range


GPUS: dict[str, GPU] = {
    "t4": GPU(15, None, 8.1, (0.2, 0.6)),
    "v100-16": GPU(16, None, 15.7, (0.3, 3.1)),
    "v100-32": GPU(32, None, 15.7, (0.5, 4.0)),
    "l4": GPU(22.5, 121, 30.3, (0.4, 1.0)),
    "rtx-3090": GPU(24, 71, 35.6, (0.2, 0.5)),
    "rtx-4090": GPU(24, 165, 82.6, (0.3, 0.8)),
    "a10": GPU(22.5, 125, 31.2, (0.5, 1.2)),
    "a100-40": GPU(40, 312, 19.5, (0.8, 3.0)),
    "a100-80": GPU(80, 312, 19.5, (0.8, 3.8)),
    "h100": GPU(80, 989, 66.9, (2.0, 5.0)),
    "h200": GPU(141, 989, 66.9, (2.5, 7.0)),
}
ALIASES = {"a100": "a100-40", "v100": "v100-16"}

UTILIZATION: dict[str, Range] = {"bfloat16": (0.06, 0.25), "float32": (0.30, 0.60)}
"""Share of the peak that a training attains, by the units that compute.

Of bfloat16, LAION's CLIP trainings attained 6 to 15 % on A100s: pictures a second and GPU, as
published with the models of arXiv 2212.07143, times their arithmetic. The rest is a guess.
"""
