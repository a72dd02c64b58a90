"""What was measured on a GPU, beside what was planned: results/gpu.json as a table.

``benchmarks/gpu_check.py`` writes that file. Where it, or a part of it, is not there, nothing was
measured, and the table says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from lt_course.errors import CourseError
from lt_course.evidence.results import FOLDER

NOT_YET = "not yet"
RUNS = {"clip": "CLIP", "sl": "supervised learning", "dino": "DINO"}
CURVES = {"sl": "supervised learning", "clip-template": "CLIP", "dino": "DINO"}
WAITS = {"sl-vocab": "vocabularies", "siglip-title": "SigLIP"} | CURVES
WAYS = {"sl": "supervised", "clip-template": "CLIP on templates", "sl-vocab": "vocabularies"}

Found = dict[str, Any]


def load(path: Path | None = None) -> Found | None:
    """What the file says; None: it is not there, or of a rehearsal."""
    path = FOLDER / "gpu.json" if path is None else path
    if not path.exists():
        return None
    try:
        found: Found = json.loads(path.read_bytes())
        gpu = _at(found, "environment", "gpu")
        measured = found["device"] == "cuda" and not found["toy"] and isinstance(gpu, str)
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{path} is damaged ({error!r}); run make gpu-check again, or delete it."
        ) from error
    return found if measured else None


def warning(found: Found | None) -> str:
    """What a reader has to know first, as HTML: how much of the course ran on a GPU."""
    said = "Nothing in this course has been run on a GPU. Expect to be the first."
    if found is not None:
        gpu = escape(str(_at(found, "environment", "gpu")))
        said = (
            f"Of this course only what has a number under <em>Measured</em> has been run on a GPU: "
            f"one {gpu}, for minutes, on {escape(str(found.get('date')))}. Whole trainings of "
            "<code>gpu</code> and <code>full</code> have not; expect to be the first."
        )
    return (
        '<div class="admonition warning"><p class="admonition-title">Warning</p>'
        f"<p>{said}</p></div>"
    )


def rows(found: Found | None) -> list[dict[str, str]]:
    """A row for each question: what was planned or hoped for, and what was measured."""
    made = []

    def row(what: str, hoped: str, entry: Any, value: Any, form: Any = None) -> None:
        """`entry` is the part of the file that holds the value, or says what it lacked."""
        lacked = _at(entry, "needs")
        none = f"needs {lacked}" if lacked else NOT_YET
        measured = _told(value, form or _number, none)
        made.append({"What": what, "Planned or hoped": hoped, "Measured": measured})

    for key, name in RUNS.items():
        step = _at(found, "memory", key)
        batch, peak = _at(step, "batch"), _told(_at(step, "planned", "peak"), _gib)
        label = f"{name}, batch {batch}" if batch else name
        row(f"Memory of {label}", peak, step, _at(step, "measured", "device"), _gib)
        speed, planned = _at(step, "samples_per_second"), _at(step, "planned_per_second")
        # No speed is planned for a GPU that is not in the list of those that runs are planned for.
        hoped = "" if speed and not planned else _told(planned, _span)
        row(f"Pictures a second, {label}", hoped, step, speed)
        share = _at(step, "share_of_peak")
        row(f"Share of the peak, {label}", "", step, share, "{:.0%}".format)
    for key, name in CURVES.items():
        curve, again = _at(found, "curves", key), _at(found, "resume", key)
        apart = _at(curve, "tf32_off", "difference")
        row(f"Losses apart from the CPU's, {name}", "rounding", curve, apart)
        done = "equal" if _at(again, "equal") else _at(again, "difference")
        row(f"Apart after a kill and resume, {name}", "equal", again, done)
    for key, name in WAITS.items():
        waited = _at(found, "waits", key)
        row(f"Waits a step, {name}", "0", waited, _at(waited, "waits_per_step"))
    tiled, plain, apart = (_at(found, "loss", part) for part in ("tiled", "plain", "difference"))
    # Of the plain InfoNCE several batches were measured: the same one stands beside the tiled one.
    several = plain if isinstance(plain, list) else []
    same = [each for each in several if each["pairs"] == _at(tiled, "pairs")] or [None]
    beside = _told(_at(same[0], "peak_bytes"), lambda size: f"plain: {_gib(size)}")
    row("Tiled InfoNCE, 32,768 pairs", beside, tiled, _at(tiled, "peak_bytes"), _gib)
    row("Its gradient apart from the plain one's", "1e-6", apart, _at(apart, "gradient"))
    means, named = (_at(found, "photographs", part) for part in ("means", "set"))
    named = named if isinstance(named, str) else "photographs"
    for key, name in WAYS.items():
        hoped = "" if key == "sl" else "below supervised"
        entry, s = _at(found, "photographs", f"{key} 0"), _at(means, key, "spearman_predictions")
        row(f"S(p), {named}, {name}", hoped, entry, s)
    return made


def _at(found: Any, *path: str) -> Any:
    """What lies there, or None; in the whole file the first step names a part."""
    if isinstance(found, dict) and "parts" in found:
        part = found["parts"].get(path[0], {})
        if "needs" in part:  # which holds of all that is in it
            return {"needs": part["needs"]}
        found, path = part.get("result"), path[1:]
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _told(value: Any, form: Callable[[Any], str], none: str = NOT_YET) -> str:
    if value is None:
        return none
    return value if isinstance(value, str) else form(value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _span(ends: list[float]) -> str:
    return " to ".join(map(_number, ends))


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
