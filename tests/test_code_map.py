"""The map of the package: what its arrows and numbers say is so."""

from pathlib import Path

import draw_code_map
import pytest
from test_architecture import MAY_IMPORT


def test_following_arrows_leads_to_all_that_a_part_may_import_and_to_nothing_else() -> None:
    arrows = draw_code_map.arrows(MAY_IMPORT)

    def reached(part: str) -> set[str]:
        return {part}.union(*(reached(other) for start, other in arrows if start == part))

    assert {part: reached(part) for part in MAY_IMPORT} == MAY_IMPORT


def test_arrows_lead_down_and_boxes_stand_apart() -> None:
    place = draw_code_map.places(MAY_IMPORT)
    assert len({*place.values()}) == len(MAY_IMPORT)
    assert all(place[start][1] > place[end][1] for start, end in draw_code_map.arrows(MAY_IMPORT))


def test_every_part_is_on_the_map() -> None:
    assert draw_code_map.lengths().keys() == MAY_IMPORT.keys()


def test_the_same_package_is_drawn_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    for name in ("a.svg", "b.svg"):
        monkeypatch.setattr(draw_code_map, "DRAWING", tmp_path / name)
        draw_code_map.main()
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0] == drawn[1]
