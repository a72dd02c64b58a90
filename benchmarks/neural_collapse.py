"""Seconds and memory of the per-class metrics of neural collapse at ImageNet's size.

    OMP_NUM_THREADS=1 python benchmarks/neural_collapse.py

prints what all metrics together take for 1,000 classes of 50 features in 1,024 dimensions, and
the largest memory that the process ever held, its libraries and the features themselves included.
"""

from __future__ import annotations

import resource
import time

import torch

from lt_course.evaluation.neural_collapse import per_class

CLASSES, EACH, DIMENSION = 1_000, 50, 1_024


def peak_megabytes() -> float:
    """The largest resident set so far (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024 / 1e6


def main() -> None:
    """Measure once."""
    torch.manual_seed(0)
    labels = torch.arange(CLASSES).repeat(EACH)
    centres = torch.randn(CLASSES, DIMENSION)
    features = torch.randn(CLASSES * EACH, DIMENSION)
    features.view(EACH, CLASSES, DIMENSION).add_(centres)
    before = peak_megabytes()
    start, start_cpu = time.perf_counter(), time.process_time()
    table = per_class(features, labels, centres)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    print(f"{CLASSES:,} classes x {len(features):,} features x {DIMENSION:,} dimensions")
    print(f"{torch.get_num_threads()} thread(s): {seconds:.1f} s, {cpu_seconds:.1f} CPU s")
    print(f"peak memory {peak_megabytes():.0f} MB, of which {before:.0f} MB before the metrics")
    print(table.mean().to_string())


if __name__ == "__main__":
    main()
