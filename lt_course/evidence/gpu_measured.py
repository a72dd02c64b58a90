"""What was measured on a GPU, beside what was planned: results/gpu.json as a table.

``benchmarks/gpu_check.py`` writes that file. Where it, or a part of it, is not there, nothing was
measured, and the table says so.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from lt_course.errors import CourseError
from lt_course.evidence.results import FOLDER

GIB = 2**30
NOT_YET = "not yet"
RUNS = {"clip": "CLIP", "sl": "supervised learning", "dino": "DINO"}
CURVES = {"sl": "supervised learning", "clip-template": "CLIP", "dino": "DINO"}
WAITS = {"sl-vocab": "vocabularies", "siglip-title": "SigLIP"} | CURVES

Found = dict[str, Any]


def load(path: Path | None = None) -> Found | None:
    """What the file says; None: it is not there, or of a rehearsal.

    Raises:
        CourseError: if it is damaged.
    """
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
    if found is None:
        said = "Nothing in this course has been run on a GPU. Expect to be the first."
    else:
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
    for key, name in RUNS.items():
        step = _at(found, "memory", key)
        peak, taken = _at(step, "planned", "peak"), _at(step, "measured", "device")
        batch = _at(step, "batch")
        label = f"{name}, batch {batch}" if batch else name
        made.append(_row(f"Memory of {label}", _told(peak, _gib), _cell(step, taken, _gib)))
        speed, planned = _at(step, "samples_per_second"), _at(step, "planned_per_second")
        # No speed is planned for a GPU that is not in the list of those that runs are planned for.
        hoped = "" if speed and not planned else _told(planned, _span)
        made.append(_row(f"Pictures a second, {label}", hoped, _cell(step, speed)))
        share = _at(step, "share_of_peak")
        made.append(_row(f"Share of the peak, {label}", "", _cell(step, share, "{:.0%}".format)))
    for key, name in CURVES.items():
        curve = _at(found, "curves", key)
        apart = _at(curve, "tf32_off", "difference")
        made.append(_row(f"Losses apart from the CPU's, {name}", "rounding", _cell(curve, apart)))
        again = _at(found, "resume", key)
        done = "equal" if _at(again, "equal") else _at(again, "difference")
        made.append(_row(f"Apart after a kill and resume, {name}", "equal", _cell(again, done)))
    for key, name in WAITS.items():
        waited = _at(found, "waits", key)
        made.append(
            _row(f"Waits a step, {name}", "0", _cell(waited, _at(waited, "waits_per_step")))
        )
    return made + _of_loss(found) + _of_photographs(found)


def _of_loss(found: Found | None) -> list[dict[str, str]]:
    """The tiled InfoNCE, and beside it the plain one at the same batch."""
    tiled, apart = _at(found, "loss", "tiled"), _at(found, "loss", "difference")
    plain = _at(found, "loss", "plain")
    several = plain if isinstance(plain, list) else []
    same = [each for each in several if each["pairs"] == _at(tiled, "pairs")] or [None]
    beside = _told(_at(same[0], "peak_bytes"), lambda size: f"plain: {_gib(size)}")
    return [
        _row("Tiled InfoNCE, 32,768 pairs", beside, _cell(tiled, _at(tiled, "peak_bytes"), _gib)),
        _row(
            "Its gradient apart from the plain one's", "1e-6", _cell(apart, _at(apart, "gradient"))
        ),
    ]


def _of_photographs(found: Found | None) -> list[dict[str, str]]:
    """S(p) of each way of training; that of supervised learning is what the others are for."""
    ways = {"sl": "supervised", "clip-template": "CLIP on templates", "sl-vocab": "vocabularies"}
    means, named = (_at(found, "photographs", part) for part in ("means", "set"))
    return [
        _row(
            f"S(p), {named if isinstance(named, str) else 'photographs'}, {name}",
            "" if key == "sl" else "below supervised",
            _cell(_at(found, "photographs", f"{key} 0"), _at(means, key, "spearman_predictions")),
        )
        for key, name in ways.items()
    ]


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


def _row(what: str, planned: str, measured: str) -> dict[str, str]:
    return {"What": what, "Planned or hoped": planned, "Measured": measured}


def _told(value: Any, form: Any) -> str:
    return NOT_YET if value is None else str(form(value))


def _cell(entry: Any, value: Any, form: Any = None) -> str:
    """The value; where there is none, what it lacked."""
    if value is None:
        lacked = _at(entry, "needs")
        return f"needs {lacked}" if lacked else NOT_YET
    return value if isinstance(value, str) else str((form or _number)(value))


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _span(ends: list[float]) -> str:
    return " to ".join(map(_number, ends))


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
