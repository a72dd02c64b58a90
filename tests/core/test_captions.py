"""Captions and their tokens."""

import dataclasses
from collections import Counter

import numpy as np
import open_clip
import pytest
import torch
from scipy import stats

from lt_course.data.captions import (
    KINDS,
    captions,
    matching_prompts,
    prompts,
    usual_name,
    zero_shot_prompts,
)
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError


def said(small, kind: str, picture: int = 0) -> set[str]:
    return set(captions(small, [picture], kind).of(0))


def test_simple_kinds(small) -> None:
    assert said(small, "name") == {"thing 0"}
    assert said(small, "title") == {"thing 0 of kind 0"}
    assert said(small, "tags") == {"even, pair"}
    assert said(small, "gloss") == {"the thing 0"}
    assert said(small, "template") == set(prompts("thing 0"))
    assert len(said(small, "template")) == 80
    assert said(small, "synset") == set(prompts("thing 0") + prompts("object 0"))


def test_plus_says_both_and_bar_says_either(small) -> None:
    assert said(small, "name+title") == {"thing 0 thing 0 of kind 0"}
    assert said(small, "name|title") == {"thing 0", "thing 0 of kind 0"}
    assert said(small, "template+tags") == {f"{p} even, pair" for p in prompts("thing 0")}


@pytest.mark.parametrize("kind", ["template|title", "synset|title", "synset|title|name"])
def test_the_parts_of_a_mixture_weigh_the_same(small, kind: str) -> None:
    # Concepts with different numbers of synonyms, so that parts differ in length.
    concepts = tuple(
        dataclasses.replace(c, synonyms=tuple(f"word {k}" for k in range(i)))
        for i, c in enumerate(small.concepts)
    )
    data = dataclasses.replace(small, concepts=concepts)
    pictures = range(0, len(small.titles), 30)
    table = captions(data, pictures, kind)
    for row, picture in enumerate(pictures):
        share = Counter(table.of(row))[data.titles[picture]] / table.count[row]
        assert share == pytest.approx(1 / len(kind.split("|")))


def test_a_draw_is_uniform_over_the_list(small) -> None:
    table = captions(small, range(10), "template")
    drawn = Counter(table.draw(np.full(16_000, 4), np.random.default_rng(0)))
    assert {table.texts[i] for i in drawn} == set(table.of(4))
    assert stats.chisquare(list(drawn.values())).pvalue > 1e-3


def test_lists_are_shared_between_pictures_of_a_concept(small) -> None:
    table = captions(small, range(20), "template")
    assert len(set(table.first)) == 1
    assert len(table.choices) == 80


@pytest.mark.parametrize(
    ("kind", "expected"), [("template", 80), ("name", 1), ("usual-name", 1), ("gloss", 1)]
)
def test_zero_shot_prompts(small, kind: str, expected: int) -> None:
    asked = zero_shot_prompts(small, 8, kind)
    assert [len(prompts) for prompts in asked] == [expected] * 8


def test_zero_shot_prompts_ask_by_name_and_by_gloss(small) -> None:
    assert zero_shot_prompts(small, 2, "name") == [["thing 0"], ["thing 1"]]
    assert zero_shot_prompts(small, 2, "gloss") == [["the thing 0"], ["the thing 1"]]


def test_the_usual_name_is_the_commonest_training_title(small) -> None:
    titles = list(small.titles)
    of_two = np.flatnonzero(small.concept == 2)
    for picture in of_two:
        titles[picture] = "rare" if small.test[picture] else "common"
    titles[of_two[0]] = "other"
    assert usual_name(dataclasses.replace(small, titles=titles), 2) == "common"


def test_an_unknown_kind_names_the_nearest(small) -> None:
    with pytest.raises(CourseError, match=r"'titel'.*mean 'title'"):
        captions(small, [0], "titel")


def test_tokens_are_those_of_open_clip() -> None:
    texts = ["a photo of a cat.", "dog", "", "a very long caption " * 20]
    ours = tokens(texts, context=16)
    assert torch.equal(ours, open_clip.SimpleTokenizer(context_length=16)(texts))


def test_the_end_of_text_is_the_largest_token_and_padding_follows() -> None:
    ids = tokens(["a photo of a cat.", "dog", "a very long caption " * 20], 16)
    end = ids.argmax(1)
    assert (ids.gather(1, end[:, None]) == open_clip.SimpleTokenizer().eot_token_id).all()
    assert end.tolist() == [7, 2, 15]
    assert all((row[last + 1 :] == 0).all() for row, last in zip(ids, end, strict=True))


@pytest.mark.parametrize(
    ("kind", "sounds_like"),
    [
        ("template", "template"), ("synset", "template"), ("name", "name"), ("gloss", "gloss"),
        ("title", "usual-name"), ("tags", "usual-name"), ("appearance", "template"),
    ],
)  # fmt: skip
def test_matching_prompts_follow_the_kind_named_first(kind: str, sounds_like: str) -> None:
    assert matching_prompts(kind) == sounds_like
    for other in KINDS:
        assert matching_prompts(f"{kind}+{other}") == sounds_like
        assert matching_prompts(f"{kind}|{other}") == sounds_like
        assert matching_prompts(f"{kind}+{other}|title+tags") == sounds_like


def test_every_kind_has_matching_prompts_that_can_be_asked(small) -> None:
    for kind in KINDS:
        asked = zero_shot_prompts(small, 8, matching_prompts(kind))
        assert len(asked) == 8
        # What is asked is among what was said, where the caption is of the concept alone.
        if kind in ("template", "synset", "name", "gloss"):
            assert all(set(asked[c]) <= said(small, kind, picture=46 * c) for c in range(8))


def test_matching_prompts_of_an_unknown_kind() -> None:
    with pytest.raises(CourseError, match=r"'nmae'.*mean 'name'"):
        matching_prompts("nmae|title")
