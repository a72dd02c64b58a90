"""Captions and their tokens."""

import numpy as np
import open_clip
import pytest
import torch

from lt_course.data.captions import captions, prompts
from lt_course.data.tokens import tokens
from lt_course.errors import CourseError


def said(small, kind: str, picture: int = 0) -> set[str]:
    table = captions(small, [picture], kind)
    return {table.texts[i] for i in table.choices[0]}


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


def test_the_parts_of_a_mixture_weigh_the_same(small) -> None:
    table = captions(small, range(20), "template|title")
    of_title = np.isin(table.choices, [table.texts.index(t) for t in set(small.titles[:20])])
    assert (of_title.mean(axis=1) == 0.5).all()


def test_draw_reaches_every_caption_and_no_other(small) -> None:
    table = captions(small, range(10), "template")
    drawn = table.draw(np.full(2_000, 4), np.random.default_rng(0))
    assert set(drawn) == set(table.choices[4])


def test_an_unknown_kind_names_the_nearest(small) -> None:
    with pytest.raises(CourseError, match=r"'titel'.*mean 'title'"):
        captions(small, [0], "titel")


def test_tokens_are_those_of_open_clip() -> None:
    texts = ["a photo of a cat.", "dog", "a very long caption " * 20]
    ours = tokens(texts, context=16, compact=False)
    theirs = open_clip.SimpleTokenizer(context_length=16)(texts)
    assert torch.equal(ours.ids, theirs)
    assert ours.size == 49_408


def test_compact_tokens_keep_identity_order_and_end() -> None:
    texts = ["a photo of a cat.", "dog", "a photo of a dog."]
    full, compact = tokens(texts, 16, compact=False), tokens(texts, 16)
    pairs = set(zip(full.ids.flatten().tolist(), compact.ids.flatten().tolist(), strict=True))
    assert len(pairs) == compact.size == len(set(full.ids.flatten().tolist()))
    assert [small for _, small in sorted(pairs)] == list(range(compact.size))
    assert torch.equal(full.ids.argmax(1), compact.ids.argmax(1))


def test_compact_tokens_of_texts_of_equal_length_still_know_the_padding() -> None:
    compact = tokens(["cat", "dog"], 16)
    assert compact.ids.shape == (2, 3)
    assert compact.ids.min() == 1
    assert compact.size == 5
