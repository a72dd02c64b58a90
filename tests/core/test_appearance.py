"""Style and nuisances of drawings whose shape and place are known."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from lt_course.data.captions import KINDS, captions
from lt_course.data.icontail import describe, is_solid

SIDE = 32


def canvas() -> NDArray[np.uint8]:
    return np.full((SIDE, SIDE), 255, dtype=np.uint8)


def square(top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
    """A filled rectangle."""
    picture = canvas()
    picture[top : top + height, left : left + width] = 0
    return picture


def frame(top: int, left: int, height: int, width: int, line: int = 2) -> NDArray[np.uint8]:
    """Its outline."""
    picture = square(top, left, height, width)
    picture[top + line : top + height - line, left + line : left + width - line] = 255
    return picture


def test_a_filled_square_is_solid_and_its_outline_is_not() -> None:
    pictures = np.stack([square(6, 6, 20, 20), frame(6, 6, 20, 20), canvas()])
    assert is_solid(pictures).tolist() == [True, False, False]


@pytest.mark.parametrize("line", [1, 2, 3, 4, 5])
def test_a_line_is_thinner_than_the_brush(line: int) -> None:
    for picture in (square(3, 10, 26, line), square(10, 3, line, 26), frame(3, 3, 26, 26, line)):
        assert is_solid(picture[None])[0] == (line >= 4)


def test_a_spot_in_a_large_line_drawing_does_not_make_it_solid() -> None:
    picture = frame(1, 1, 30, 30)
    picture[12:16, 12:16] = 0  # just one place for the brush
    assert not is_solid(picture[None])[0]
    picture[8:20, 8:20] = 0
    assert is_solid(picture[None])[0]


@pytest.mark.parametrize("seed", range(5))
def test_a_drawing_is_judged_by_itself_wherever_it_stands(seed: int) -> None:
    generator = np.random.default_rng(seed)
    pictures = []
    for _ in range(20):
        picture = canvas()
        for _ in range(generator.integers(1, 5)):
            top, left = generator.integers(1, 20, size=2)
            height, width = generator.integers(1, 12, size=2)
            picture[top : top + height, left : left + width] = 0
        pictures.append(picture)
    together = is_solid(np.stack(pictures))
    assert together.tolist() == [bool(is_solid(picture[None])[0]) for picture in pictures]
    moved = np.stack([np.roll(p, (-1, -1), (0, 1)) for p in pictures])
    assert (is_solid(moved) == together).all()
    assert (is_solid(np.stack(pictures).transpose(0, 2, 1)) == together).all()


@pytest.mark.parametrize(
    ("picture", "caption"),
    [
        (square(2, 2, 10, 10), "a small square solid drawing, dense at the top left"),
        (square(2, 20, 10, 10), "a small square solid drawing, dense at the top right"),
        (square(20, 2, 10, 10), "a small square solid drawing, dense at the bottom left"),
        (square(20, 20, 10, 10), "a small square solid drawing, dense at the bottom right"),
        (square(11, 2, 10, 10), "a small square solid drawing, dense at the middle left"),
        (frame(1, 12, 30, 8), "a small tall line drawing, dense at the middle centre"),
        (frame(12, 1, 8, 30), "a small wide line drawing, dense at the middle centre"),
        (frame(4, 4, 24, 24), "a middle-sized square line drawing, dense at the middle centre"),
        (frame(1, 1, 30, 30), "a large square line drawing, dense at the middle centre"),
        (canvas(), "a faint line drawing"),
        (canvas() - 100, "a faint line drawing"),
    ],
)
def test_captions_of_known_shapes(picture: NDArray[np.uint8], caption: str) -> None:
    assert describe(picture) == caption


def test_the_heavier_end_is_where_it_is_dense() -> None:
    picture = frame(2, 2, 28, 28)
    picture[4:14, 18:28] = 0
    assert describe(picture).endswith("dense at the top right")


@pytest.mark.parametrize("seed", range(5))
def test_mirroring_a_drawing_mirrors_its_caption(seed: int) -> None:
    generator = np.random.default_rng(seed)
    picture = np.where(generator.random((SIDE, SIDE)) < 0.1, 0, 255).astype(np.uint8)
    top, left = generator.integers(0, 24, size=2)
    picture[top : top + 8, left : left + 8] = 0
    said = describe(picture)
    swap = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}

    def swapped(pair: str) -> str:
        return re.sub(pair, lambda match: swap[match[0]], said)

    assert describe(picture[:, ::-1]) == swapped("left|right")
    assert describe(picture[::-1]) == swapped("top|bottom")


def test_appearance_captions_follow_the_picture_and_not_the_concept(small) -> None:
    """Nothing but the fixed words of nuisances is said, whatever the drawing shows."""
    words = set(
        "a small middle-sized large tall wide square solid line drawing dense at the "
        "top middle bottom left centre right faint".split()
    )
    every = range(len(small))
    table = captions(small, every, "appearance")
    for picture in every:
        (said,) = table.of(picture)
        assert said == describe(small.pictures[picture])
        assert set(said.replace(",", "").split()) <= words
    (both,) = captions(small, [0], "title+appearance").of(0)
    assert both == f"{small.titles[0]} {describe(small.pictures[0])}"
    assert "appearance" in KINDS


def test_the_same_picture_of_another_concept_is_described_alike(small) -> None:
    picture = small.pictures[0].copy()
    assert describe(picture) == describe(small.pictures[0]) == describe(picture)
    assert (small.pictures[0] == picture).all()
