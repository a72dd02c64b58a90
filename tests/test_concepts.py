"""Concept frequency: both rules against a literal transcription, caption by caption."""

from __future__ import annotations

import re
import string

import numpy as np
import pyarrow as pa
import pytest

from lt_course.counting import rules
from lt_course.counting.concept_lists import Concept
from lt_course.counting.lemmas import wordnet
from lt_course.counting.rules import CONTRACTIONS, compile_rule
from lt_course.errors import CourseError

FUNCTION_WORDS = "a an the of in on with and for at to is was has as by from this my us me".split()


def literal_words(text: str) -> list[str]:
    """App. B step by step: lower case, letters only, tokens, noun lemmas."""
    kept = "".join(c if c in string.ascii_lowercase else " " for c in text.lower())
    tokens = []
    for token in kept.split():
        tokens += CONTRACTIONS.get(token, [token])
    return [wordnet().lemma(token) for token in tokens]


def literal_bag(concept: Concept, caption: str | None) -> bool:
    there = set(literal_words(caption or ""))
    if any(word in there for veto in concept.veto for word in literal_words(veto)):
        return False
    return any(all(word in there for word in literal_words(name)) for name in concept.names)


def literal_substring(concept: Concept, caption: str | None) -> bool:
    return any(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", (caption or "").lower())
        for name in concept.names
    )


LITERAL = {"bag-of-lemmas": literal_bag, "substring": literal_substring}


def vocabulary(random: np.random.Generator, size: int) -> list[str]:
    nouns = random.choice(sorted(wordnet().known), size // 2)
    irregular = random.choice(sorted(wordnet().irregular), size // 8)
    return [*FUNCTION_WORDS, *nouns, *irregular, *CONTRACTIONS, "can", "not", "opener", "gim"]


def some_concepts(random: np.random.Generator, words: list[str], number: int) -> list[Concept]:
    def name() -> str:
        joint = random.choice([" ", " ", "-", "'s ", " 3 "])
        return joint.join(random.choice(words, random.choice([1, 1, 2, 3, 4])))

    return [
        Concept(
            f"class {n}",
            tuple(name() for _ in range(random.integers(1, 5))),
            tuple(random.choice(words, random.integers(0, 4)) if n % 5 == 0 else ()),
        )
        for n in range(number)
    ]


def some_captions(
    random: np.random.Generator, words: list[str], concepts: list[Concept], number: int
) -> list[str | None]:
    """Zipf-distributed words and whole names, in noisy spelling; some captions empty or null."""
    weights = 1 / np.arange(1, len(words) + 1)
    names = [name for concept in concepts for name in concept.names]
    plurals = ["", "", "s", "es", "S", "'s", "ies", "é", "_", "7"]
    gaps = [" ", " ", " ", ", ", "-", "  ", "\n", "/", "…", " ’", "É", "\t", "ß", "🙂", "\u212a"]

    def part() -> str:
        chosen = random.choice(words, p=weights / weights.sum())
        text = str(random.choice(names)) if random.random() < 0.3 else str(chosen)
        text += random.choice(plurals)
        return random.choice([text, text, text.upper(), text.title(), text[:-3] + "men"])

    captions: list[str | None] = [
        "".join(part() + random.choice(gaps) for _ in range(random.integers(0, 14)))
        for _ in range(number)
    ]
    return [None if random.random() < 0.02 else caption for caption in captions]


@pytest.mark.parametrize("definition", LITERAL)
@pytest.mark.parametrize("seed", range(6))
def test_counts_are_those_of_the_literal_rule(
    definition: rules.Definition, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "PIECE", 3_000)  # so that there are many pieces
    random = np.random.default_rng(seed)
    words = vocabulary(random, 120)
    concepts = some_concepts(random, words, 40)
    captions = some_captions(random, words, concepts, 400)
    counts = compile_rule(definition, concepts).count(pa.array(captions))
    literal = [sum(LITERAL[definition](c, text) for text in captions) for c in concepts]
    assert counts.tolist() == literal
    assert sum(literal) > 200
    assert 0 in literal or definition == "bag-of-lemmas"


def named(definition: rules.Definition, concept: Concept, caption: str) -> bool:
    (count,) = compile_rule(definition, [concept]).count(pa.array([caption]))
    return bool(count)


@pytest.mark.parametrize(
    ("name", "caption", "bag", "substring"),
    [
        ("crane", "Two CRANES over Oslo", True, False),
        ("crane bird", "A bird, perhaps a crane.", True, False),
        ("great white shark", "white shark", False, False),
        ("can opener", "we cannot find the opener", True, False),
        ("t-shirt", "His T-shirt.", True, True),
        ("t-shirt", "his t shirt", True, False),
        ("glasses", "a glass", True, False),
        ("cat", "concatenate", False, False),
        ("cat", "cat_food", True, False),
        ("cat", "cat’s", True, True),
        ("cat", "catégorie", True, False),
        ("kite", "\u212aites", True, False),
        ("istanbul", "İstanbul", False, False),
        ("cat", "", False, False),
    ],
)
def test_what_a_caption_names(name: str, caption: str, bag: bool, substring: bool) -> None:
    assert named("bag-of-lemmas", Concept("x", (name,)), caption) is bag
    assert named("substring", Concept("x", (name,)), caption) is substring


def test_veto_words_are_lemmas_too_and_do_not_hold_for_substrings() -> None:
    ram = Concept("ram", ("ram",), ("computer", "random access"))
    assert named("bag-of-lemmas", ram, "a ram on a hill")
    assert not named("bag-of-lemmas", ram, "ram for old computers")
    assert not named("bag-of-lemmas", ram, "access to the ram")
    assert named("substring", ram, "ram for old computers")


def test_a_class_counts_once_a_caption_and_a_caption_for_all_classes() -> None:
    concepts = [
        Concept("fish", ("hammerhead", "hammerhead shark")),
        Concept("tool", ("hammerhead",)),
        Concept("none", ("narwhal",)),
    ]
    captions = pa.array(["hammerhead shark, hammerhead", "hammerheads"])
    assert compile_rule("bag-of-lemmas", concepts).count(captions).tolist() == [2, 2, 0]
    assert compile_rule("substring", concepts).count(captions).tolist() == [1, 1, 0]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_every_kind_of_text_array(kind: pa.DataType) -> None:
    captions = pa.array(["no", "a cat", None, "cats"], kind)
    rule = compile_rule("bag-of-lemmas", [Concept("cat", ("cat",))])
    assert rule.count(captions).tolist() == [2]
    assert rule.count(captions[1:3]).tolist() == [1]
    assert rule.count(captions[:0]).tolist() == [0]


def test_only_two_other_characters_have_a_letter_in_their_lower_case() -> None:
    found = {
        chr(point) for point in range(0x80, 0x110000) if re.search("[a-z]", chr(point).lower())
    }
    assert found == set(rules.UNUSUAL)


def test_an_unknown_definition_is_refused() -> None:
    with pytest.raises(CourseError, match="choose one of bag-of-lemmas, substring"):
        compile_rule("bag", [])  # type: ignore[arg-type]
