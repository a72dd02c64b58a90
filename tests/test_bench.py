"""The benchmark runs at its smallest, refuses what disagrees, and is drawn as it was written."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import speed
import tiny_book
from bs4 import BeautifulSoup

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import bench
import bench_rows


def sides(**seconds: list[float]) -> dict[str, list[dict[str, float]]]:
    return {
        side: [{"cpu": each, "mib": 10.0, "value": 1.0} for each in values]
        for side, values in seconds.items()
    }


def row(title: str, load: float = 0.1, **seconds: list[float]) -> dict[str, Any]:
    names = {side: f"the {side} way" for side in seconds}
    fixed = {"setting": "small", "names": names, "reach": None, "reach_mib": None}
    made = {"title": title, "sides": sides(**seconds), "load": [[0.1, 0, 0], [load, 0, 0]]}
    return fixed | made


WRITTEN = {
    "date": "2026-12-01",
    "commit": "abc",
    "processor": "P",
    "python": "3.11",
    "rounds": 3,
    "toy": False,
    "rows": {
        "a": row("Start", 1.5, ours=[0.5, 0.7, 0.6]) | {"reach": 0.6, "reach_mib": 9},
        "b": row("Loss", ours=[1.0, 2.0, 4.0], peer=[2.0, 2.0, 2.0], limit=[0.5, 0.5, 0.5]),
    },
}


def test_a_line_has_median_least_and_most_of_paired_rounds() -> None:
    text = "\n".join(speed.page(WRITTEN))
    assert "| Start | 0.60 (0.50, 0.70) | 10 | 0.6 s: yes, 9 MiB: **no** |" in text
    # Ratios by round: 2, 1 and .5; shares of the limit .5, .25 and .125.
    assert "| Loss | 2.000 | 2.000 | 1.00 (0.50, 2.00) | 25.0 % |" in text
    assert "**The machine was busy** (a load above 0.3) during: Start." in text
    assert "- Loss: small; ours: the ours way; peer: the peer way" in text
    assert "smallest sizes" not in text


@pytest.mark.parametrize("measured", [False, True])
def test_the_page_is_drawn(measured: bool, tmp_path: Path) -> None:
    files = {"index.md": "# Speed\n\n```{speed}\n```\n"}
    if measured:
        files["book/speed.json"] = json.dumps(WRITTEN)
    output, warnings = tiny_book.build(tmp_path, files, 'extensions += ["speed"]')
    assert warnings == []
    html = BeautifulSoup((output / "index.html").read_text(), "html.parser")
    assert len(html.select("div.speed table")) == (2 if measured else 0)
    assert ("Nothing has been measured" in html.get_text()) != measured


def test_each_side_begins_a_round_in_turn() -> None:
    three = ["ours", "peer", "limit"]
    orders = [list(bench.turned(three, turn)) for turn in range(3)]
    assert [order[0] for order in orders] == three
    assert all(sorted(order) == sorted(three) for order in orders)


def test_a_peer_that_does_something_else_is_refused() -> None:
    found = sides(ours=[1.0], peer=[1.0])
    bench.agree("x", found)
    found["peer"][0]["value"] = 1.001
    with pytest.raises(bench.BenchError, match="they do not do the same"):
        bench.agree("x", found)


def test_a_whole_process_is_measured_and_its_failure_told() -> None:
    filled = bench.whole([sys.executable, "-c", "x = bytearray(150 << 20)"])
    empty = bench.whole([sys.executable, "-c", "pass"])
    assert 140 < filled["mib"] - empty["mib"] < 160
    with pytest.raises(bench.BenchError, match="failed: ValueError: no"):
        bench.whole([sys.executable, "-c", "raise ValueError('no')"])


def test_the_literal_rule_counts_by_hand(tmp_path: Path) -> None:
    from lt_course.counting import concept_lists

    (tmp_path / "c.json").write_text(json.dumps({"dog": ["dog"], "mat": ["door mat", "rug"]}))
    listed = concept_lists.read(str(tmp_path / "c.json")).concepts
    captions = ["Two dogs on a mat by the door", "a rug!", "doors", ""]
    assert bench_rows.literal_hits(captions, listed) == 3


@pytest.mark.parametrize("name", ["contrastive", "distillation", "vocabulary"])
def test_sides_give_the_same_value(name: str) -> None:
    values = {side: bench_rows.ROWS[name].prepare(side, True)() for side in ("ours", "peer")}
    assert values["ours"] == pytest.approx(values["peer"], rel=bench.TOLERANCE)


@pytest.mark.slow
def test_every_row_runs_at_its_smallest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "speed.json"
    assert bench.main(["--toy", "--rounds", "1", "--out", str(out)]) == 0
    written = json.loads(out.read_text())
    assert written["rows"].keys() == bench_rows.ROWS.keys()
    for name, found in written["rows"].items():
        assert found["names"] == bench_rows.ROWS[name].sides
        assert all(len(rounds) == 1 for rounds in found["sides"].values())
    assert "smallest sizes" in "\n".join(speed.page(written))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["speed"], "there is no row 'speed'"), (["help", "--rounds", "0"], "--rounds is 0")],
)
def test_bad_input_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.main(arguments)
    assert told in capsys.readouterr().err
