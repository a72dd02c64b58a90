"""Released tables of prototypes: the real one where it is at hand, and damaged ones."""

import os
from collections.abc import Callable
from pathlib import Path

import pooch
import pytest
import torch
import torch.nn.functional as F
from requests.exceptions import ConnectionError
from torch import Tensor

from lt_course import study
from lt_course.data.imagenet import classes_of, imagenet_classes
from lt_course.errors import CourseError
from lt_course.models import released_heads
from lt_course.models.heads import Prototypes
from lt_course.models.released_heads import HEADS, released_prototypes
from lt_course.release import METADATA
from lt_course.study.text_heads import prototypes
from lt_course.web.plan import plan

MIRROR = os.environ.get("LT_COURSE_MIRROR")
needs_mirror = pytest.mark.skipif(not MIRROR, reason="LT_COURSE_MIRROR is not set")
RN50 = "in1k_clip_rn50_wit400m_a+cname.pt"
EVERY = tuple(imagenet_classes().values())
CPU = torch.device("cpu")


def table() -> Tensor:
    return torch.randn(1000, 8, generator=torch.Generator().manual_seed(0))


def written(folder: Path, content: object) -> str:
    torch.save(content, folder / "head.pt")
    return str(folder / "head.pt")


# --- the released file


@needs_mirror
def test_the_head_of_the_papers_classifiers() -> None:
    found = released_prototypes(RN50, EVERY, 1024)
    assert (found.shape, found.dtype) == ((1000, 1024), torch.float32)
    norms = found.norm(dim=1)
    assert 8 < float(norms.min()) < float(norms.max()) < 15.5, "not of unit norm"
    directions = F.normalize(found, dim=1)
    cosines = (directions @ directions.T)[~torch.eye(1000, dtype=torch.bool)]
    assert float(cosines.mean()) == pytest.approx(0.570, abs=5e-4)
    assert float(cosines.std()) == pytest.approx(0.136, abs=5e-4)
    assert float(cosines.max()) == pytest.approx(0.973, abs=5e-4)


@needs_mirror
def test_its_rows_are_in_imagenets_order() -> None:
    """Neighbours by name are neighbours by prototype, wherever they stand in the list."""
    found = F.normalize(released_prototypes(RN50, EVERY, 1024), dim=1)
    names = [known.name for known in EVERY]
    cosines = found @ found.T
    cosines.fill_diagonal_(-1)
    for name, nearest in (("missile", "projectile"), ("corn", "corn cob"), ("valley", "mountain")):
        assert names[int(cosines[names.index(name)].argmax())] == nearest


@needs_mirror
def test_a_hundred_classes_are_those_of_imagenet_100() -> None:
    every, hundred = released_prototypes(RN50, EVERY, 1024), classes_of("imagenet-100")
    found = released_prototypes(RN50, hundred, 1024)
    assert found.shape == (100, 1024)
    assert torch.equal(found, every[[known.label for known in hundred]])
    run = study.config("sl", scale="full", text_head="released", text_weights=RN50)
    for classes, expected in ((EVERY, every), (hundred, found)):
        keys = [known.wnid for known in classes]
        start = prototypes(study.override(run, concepts=len(keys)), keys, [], None, CPU)
        assert torch.equal(start, expected)


def test_a_classifier_can_be_planned_without_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen, what is adapted is the image tower and the temperature, not the sigmoids' bias."""

    def refuse(*arguments: object) -> Tensor:
        raise AssertionError("nothing is read")

    monkeypatch.setattr(released_heads, "_read", refuse)
    frozen = study.config("sl", scale="full", text_head="released", text_weights=RN50)
    made = plan(frozen, "a100", 4)
    adapted = 102_007_137 - 63_690_240
    assert made.parameters == adapted + 1 + 1_000 * 1_024
    assert made.memory.gradients == 4 * adapted


# --- any file


def test_a_table_is_read_by_classes_and_not_by_place(tmp_path: Path) -> None:
    file = written(tmp_path, table().half())
    chosen = (EVERY[7], EVERY[2], EVERY[999])
    found = released_prototypes(file, chosen, 8)
    assert found.dtype == torch.float32
    assert torch.equal(found, table().half().float()[[7, 2, 999]])


def test_norms_do_not_matter(tmp_path: Path) -> None:
    scaled = table() * torch.linspace(0.5, 30, 1000)[:, None]
    looks = F.normalize(torch.randn(5, 8), dim=1)
    logits = [
        Prototypes(1000, 8, start=released_prototypes(written(tmp_path, t), EVERY, 8), frozen=True)(
            looks
        )
        for t in (table(), scaled)
    ]
    torch.testing.assert_close(*logits)


def spoilt(change: Callable[[Tensor], object]) -> Tensor:
    rows = table()
    change(rows)
    return rows


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (table()[:999], "has the shape 999 x 8 and the type torch.float32; it must have a row for"),
        (table()[0], "has the shape 8 and"),
        (table().long(), "the type torch.int64"),
        (table()[:, :7], "have 7 dimensions, but field 'embed_dim' is 8; set it to 7"),
        (spoilt(lambda t: t[3].fill_(torch.nan)), "1 are zero or not finite"),
        (spoilt(lambda t: t[5:7].fill_(0)), "2 are zero or not finite"),
        (spoilt(lambda t: t[9, 2].fill_(torch.inf)), "1 are zero or not finite"),
        (5 + 0.3 * table(), r"are all alike: no cosine between two is below 0\.9\d,"),
        ({"text_projection": table()}, "holds a dict and not one tensor"),
        (["a"], "holds a list and not one tensor"),
        (Path("x"), "holds no tensor that could be read"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, content: object, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        released_prototypes(written(tmp_path, content), EVERY, 8)


def test_a_file_that_is_not_torchs(tmp_path: Path) -> None:
    (tmp_path / "page.pt").write_text("<html>")
    with pytest.raises(CourseError, match="holds no tensor that could be read"):
        released_prototypes(str(tmp_path / "page.pt"), EVERY, 8)
    with pytest.raises(CourseError, match=f"'head.pt', which is no file of .*{RN50[:9]}"):
        released_prototypes("head.pt", EVERY, 8)


# --- where it comes from


def test_another_file_under_a_known_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heads").mkdir()
    torch.save(table(), tmp_path / "heads" / RN50)
    monkeypatch.setenv("LT_COURSE_MIRROR", str(tmp_path))
    for file in (RN50, str(tmp_path / "heads" / RN50)):
        with pytest.raises(CourseError, match="is not the file that was released under that name"):
            released_prototypes(file, EVERY, 8)
    (tmp_path / "heads" / RN50).unlink()
    with pytest.raises(CourseError, match=r"LT_COURSE_MIRROR lacks heads/in1k.* copy it from http"):
        released_prototypes(RN50, EVERY, 8)


def test_it_is_fetched_by_its_sum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LT_COURSE_MIRROR", raising=False)
    asked = []

    def retrieve(url: str, known_hash: str, *rest: object, **more: object) -> str:
        asked.append((url, known_hash))
        return written(tmp_path, table())

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert torch.equal(released_prototypes(RN50, EVERY, 8), table())
    assert asked == [(f"{METADATA}heads/" + RN50.replace("+", "%2B"), HEADS[RN50])]

    def unreachable(*arguments: object, **more: object) -> str:
        raise ConnectionError

    monkeypatch.setattr(pooch, "retrieve", unreachable)
    with pytest.raises(CourseError, match=r"could not be reached \(ConnectionError\); connect to"):
        released_prototypes(RN50, EVERY, 8)


def test_a_table_of_imagenet_stands_for_no_other_classes() -> None:
    run = study.config("sl", scale="tiny", text_head="released", text_weights=RN50)
    with pytest.raises(CourseError, match=r"these are 60 of 'icontail'"):
        prototypes(run, ["star"] * 60, [], None, CPU)
