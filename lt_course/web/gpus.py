"""GPUs that a run can be planned for, and how much of them it uses: ``resources/gpus.toml``."""

from __future__ import annotations

from dataclasses import dataclass

from lt_course.web import resource

Range = tuple[float, float]


@dataclass(frozen=True)
class GPU:
    """Memory in GiB, peaks in TFLOP/s (None: no such units), lowest and highest dollars an hour."""

    memory: float
    bfloat16: float | None
    float32: float
    price: Range


_TABLE = resource("gpus")
GPUS: dict[str, GPU] = {
    name: GPU(gpu["memory"], gpu.get("bfloat16"), gpu["float32"], tuple(gpu["price"]))
    for name, gpu in _TABLE["gpus"].items()
}
ALIASES: dict[str, str] = _TABLE["aliases"]
UTILIZATION: dict[str, Range] = {
    units: (low, high) for units, (low, high) in _TABLE["utilization"].items()
}
"""Share of the peak that a training attains, by the units that compute."""
