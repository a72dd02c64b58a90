"""Lists of concepts: text, JSON, and ImageNet's."""

import json
from pathlib import Path

import pytest

from lt_course.counting import concept_lists
from lt_course.counting.concept_lists import IMAGENET_FILE, IMAGENET_VETO, Concept, read
from lt_course.errors import CourseError


def test_a_text_file_has_the_names_of_a_class_a_line(tmp_path: Path) -> None:
    (tmp_path / "birds.txt").write_text("Crane (bird)\n\nBlow Dryer or hair dryer / drier\n")
    concepts = read(str(tmp_path / "birds.txt")).concepts
    assert concepts == (
        Concept("Crane (bird)", ("crane",)),
        Concept("Blow Dryer or hair dryer / drier", ("blow dryer", "hair dryer", "drier")),
    )


def test_a_json_file_gives_each_class_its_names(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(
        json.dumps({"n1": ["Crane", "hoist"], "n2": {"names": ["ram"], "veto": ["PC"]}})
    )
    assert read(str(path)).concepts == (
        Concept("n1", ("crane", "hoist")),
        Concept("n2", ("ram",), ("pc",)),
    )


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("c.txt", "", "holds no class"),
        ("c.txt", "cat\ndog\ncat\n", "line 3: 'cat' comes twice"),
        ("c.txt", "cat\n42\n", "line 2: the name '42' has no letter"),
        ("c.json", "{", "is not JSON"),
        ("c.json", '["cat"]', "is no JSON object"),
        ("c.json", '{"a": "cat"}', "class 'a': expected a list of names"),
        ("c.json", '{"a": []}', "class 'a': expected a list of names"),
        ("c.json", '{"a": {"names": ["cat"], "vetoes": []}}', "class 'a': expected"),
        ("c.json", '{"a": ["cat"], "a": ["dog"]}', "'a' comes twice"),
        ("c.json", '{"a": ["(cat)"]}', "has no letter"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(
    name: str, text: str, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CourseError, match=complaint):
        read(str(tmp_path / name))


def test_a_list_that_is_not_there() -> None:
    with pytest.raises(CourseError, match="There is no concept list 'imagent'; give 'imagenet' or"):
        read("imagent")


def test_imagenets_list_comes_from_the_mirror_with_veto_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LT_COURSE_MIRROR", str(tmp_path))
    with pytest.raises(CourseError, match=f"lacks descriptors/{IMAGENET_FILE}; copy it from"):
        read("imagenet")
    path = tmp_path / "descriptors" / IMAGENET_FILE
    path.parent.mkdir()
    path.write_text(json.dumps({"n1": ["ram", "tup"], "n2": ["crane bird"]}))
    with pytest.raises(CourseError, match="holds 2 classes with 3 names, not 1000 with 1971"):
        read("imagenet")
    monkeypatch.setattr(concept_lists, "IMAGENET_SIZE", (2, 3))
    ram, bird = read("imagenet").concepts
    assert ram.veto == tuple(IMAGENET_VETO["ram"].split())
    assert bird.veto == ()
