"""Dictionary forms of nouns."""

import numpy as np
import pytest

from lt_course.counting.lemmas import Nouns, wordnet

# As NLTK 3.10's WordNetLemmatizer gives them with WordNet 3.0.
NLTK = """
cranes crane, leaves leaf, glasses glass, was wa, has ha, us u, as a, axes ax, bus bus, buses bus
busses bus, men men, women woman, firemen fireman, mice mouse, churches church, boxes box
dishes dish, ponies pony, dress dress, dresses dress, catss catss, wolves wolf, knives knife
geese goose, oxen ox, feet foot, fishes fish, sunglasses sunglass, pants pant
species specie, series series, data data, media medium, comics comic, aircraft aircraft
zzyzx zzyzx, running running, ran ran, teeth teeth, children child, people people, lens lens
lenses lens, quizzes quiz, cacti cactus, fungi fungi, s s, ss s, ses s, men men, ies y
"""


def literal_lemma(nouns: Nouns, word: str) -> str:
    """Morphy's rule for nouns step by step (morphy(7WN)), then the shortest."""
    found = [word] if word in nouns.known else []
    if word in nouns.irregular:
        found += [lemma for lemma in nouns.irregular[word] if lemma in nouns.known]
    else:
        for plural, singular in {
            "s": "",
            "ses": "s",
            "ves": "f",
            "xes": "x",
            "zes": "z",
            "ches": "ch",
            "shes": "sh",
            "men": "man",
            "ies": "y",
        }.items():
            if word[-len(plural) :] == plural:
                lemma = word[: -len(plural)] + singular
                if lemma in nouns.known:
                    found.append(lemma)
    return sorted(found, key=len)[0] if found else word


@pytest.mark.parametrize(
    "pair", [pair.strip() for pair in NLTK.replace("\n", ",").split(",")[1:-1]]
)
def test_lemmas_are_nltks(pair: str) -> None:
    word, lemma = pair.split()
    assert wordnet().lemma(word) == lemma


def some_words(number: int) -> list[str]:
    """Nouns, irregular forms, right and wrong plurals, and words that are no nouns."""
    random = np.random.default_rng(0)
    words = random.choice(sorted(wordnet().known | set(wordnet().irregular)), number)
    endings = ["", "s", "es", "ses", "ves", "ies", "men", "xes", "shes"]
    return [
        word[: len(word) - random.integers(3)] + random.choice(endings)
        if random.random() < 0.7
        else word
        for word in words
    ]


def test_lemmas_are_those_of_the_literal_rule() -> None:
    words = some_words(20_000)
    assert [wordnet().lemma(w) for w in words] == [literal_lemma(wordnet(), w) for w in words]


def test_spellings_are_the_inverse_image() -> None:
    nouns = wordnet()
    for word in some_words(5_000):
        assert word in nouns.spellings(nouns.lemma(word))
        assert all(nouns.lemma(spelling) == word for spelling in nouns.spellings(word))


def test_the_list_is_wordnets() -> None:
    assert len(wordnet().known) == 55_191
    assert wordnet().irregular["geese"] == ("goose",)
    assert all(word.isascii() and word.isalpha() and word.islower() for word in wordnet().known)
