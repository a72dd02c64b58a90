"""Towers: shapes, exact trimming, and open_clip's models under the same names."""

import open_clip
import pytest
import torch

from lt_course import study
from lt_course.data.tokenizer import tokens
from lt_course.errors import CourseError
from lt_course.evaluation.zero_shot import zero_shot_prototypes
from lt_course.models.image_encoders import OpenClipImageTower, SmallCNN, image_tower
from lt_course.models.text_encoders import SmallTransformer, text_tower
from lt_course.study.execute import execute


def test_small_towers_meet_in_one_space() -> None:
    pictures, texts = (
        torch.randn(3, 1, 32, 32),
        torch.tensor([[1, 4, 9, 0], [1, 9, 0, 0], [1, 2, 3, 9]]),
    )
    assert image_tower("small-cnn", 16, 32)(pictures).shape == (3, 16)
    assert text_tower("small-transformer", texts, 16)(texts).shape == (3, 16)
    assert isinstance(image_tower("small-cnn", 16, 32), SmallCNN)


def test_trimming_and_padding_are_exact() -> None:
    torch.manual_seed(0)
    tower = SmallTransformer(torch.arange(10), context=12, embedding=8)
    text = torch.tensor([[1, 4, 5, 9]])
    padded = torch.nn.functional.pad(text, (0, 8))
    longer = torch.cat([padded, torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8, 2, 3, 4, 9]])])
    torch.testing.assert_close(tower(padded), tower(text))
    torch.testing.assert_close(tower(longer)[:1], tower(text))


def test_a_tower_knows_the_tokens_of_its_texts_and_the_padding() -> None:
    texts = tokens(["a photo of a cat.", "dog", "a photo of a dog."], 16)
    tower = text_tower("small-transformer", texts, 8)
    assert tower.vocabulary.tolist() == sorted(set(texts.flatten().tolist()))
    assert len(tower.token_embedding.weight) == len(tower.vocabulary)
    unpadded = text_tower("small-transformer", tokens(["cat", "dog"], 3), 8)
    assert unpadded.vocabulary[0] == 0
    assert len(unpadded.vocabulary) == 5


def test_each_known_token_has_its_own_row() -> None:
    """Original ids in a tower that knows them are compact ids in a tower that knows 0 … T-1."""
    texts = tokens(["a photo of a cat.", "dog", "a photo of a dog."], 16)
    torch.manual_seed(0)
    tower = text_tower("small-transformer", texts, 8)
    compact = SmallTransformer(torch.arange(len(tower.vocabulary)), 16, 8)
    compact.load_state_dict(tower.state_dict() | {"vocabulary": compact.vocabulary})
    row_of = {token: row for row, token in enumerate(tower.vocabulary.tolist())}
    rows = torch.tensor([[row_of[token] for token in text] for text in texts.tolist()])
    torch.testing.assert_close(tower(texts), compact(rows))


def test_a_text_is_read_from_left_to_right_to_its_end() -> None:
    torch.manual_seed(0)
    tower = SmallTransformer(torch.arange(10), context=6, embedding=8)
    features = tower(torch.tensor([[1, 4, 5, 9, 0, 0], [1, 5, 4, 9, 0, 0], [1, 4, 5, 9, 7, 7]]))
    assert not torch.allclose(features[0], features[1])
    torch.testing.assert_close(features[0], features[2])


@pytest.mark.parametrize(("name", "embedding"), [("RN50", 1024), ("ViT-B-32", 512)])
def test_specs_name_open_clip_towers(name: str, embedding: int) -> None:
    tower = image_tower(name, embedding, 64)
    assert isinstance(tower, OpenClipImageTower)
    assert tower(torch.randn(2, 1, 32, 32)).shape == (2, embedding)
    texts = open_clip.SimpleTokenizer()(["a photo of a cat.", "dog"])
    assert text_tower(name, texts, embedding)(texts).shape == (2, embedding)


TEXTS = torch.zeros(1, 77, dtype=torch.long)


@pytest.mark.parametrize("make", [image_tower, lambda n, d, s: text_tower(n, TEXTS, d)])
def test_unknown_towers_and_dimensions_are_named(make) -> None:
    with pytest.raises(CourseError, match="is 'RN51', which is neither"):
        make("RN51", 1024, 64)
    with pytest.raises(CourseError, match="1024 dimensions, but field 'embed_dim' is 128"):
        make("RN50", 128, 64)


def test_zero_shot_prototypes_are_normalised_means_of_normalised_prompts() -> None:
    table = torch.nn.functional.normalize(torch.randn(7, 4), dim=1)
    prompts = torch.tensor([[[0], [1], [2]], [[3], [3], [6]]])
    prototypes = zero_shot_prototypes(lambda ids: table[ids[:, 0]], prompts, batch=4)
    expected = torch.stack([table[:3].mean(0), (2 * table[3] + table[6]) / 3])
    torch.testing.assert_close(prototypes, expected / expected.norm(dim=1, keepdim=True))


def test_an_oracle_scores_all_and_a_swapped_pair_does_not() -> None:
    table = torch.eye(5)
    prompts = torch.arange(5).view(5, 1, 1)
    labels = torch.arange(5).repeat(3)
    right = zero_shot_prototypes(lambda ids: table[ids[:, 0]], prompts)
    swapped = zero_shot_prototypes(lambda ids: table[ids[:, 0]], prompts[[1, 0, 2, 3, 4]])
    assert ((table[labels] @ right.T).argmax(1) == labels).all()
    assert ((table[labels] @ swapped.T).argmax(1) == labels).float().mean() == pytest.approx(0.6)


@pytest.mark.parametrize("name", ["sl", "clip-title"])
def test_a_run_with_open_clip_towers(small, name: str) -> None:
    """One step of the larger scales' code path, on the CPU."""
    settings = {
        "concepts": 3,
        "num_images": 12,
        "profile": "flat",
        "batch_size": 4,
        "duration": "1 step",
    }
    towers = {"image_tower": "RN50", "embed_dim": 1024, "image_size": 32}
    if name != "sl":
        towers["text_tower"] = "RN50"
    outcome = execute(study.config(name, scale="tiny", **settings, **towers))
    assert outcome.per_class["predictions"].sum() == small.test[small.concept < 3].sum()


@pytest.mark.parametrize(("name", "dimension"), [("RN50", 1024), ("ViT-B-32", 512)])
def test_local_crops_are_seen_at_their_own_size(name: str, dimension: int) -> None:
    """As DINO does: the same weights, with positions in between."""
    with torch.device("meta"):
        tower = image_tower(name, dimension, 224, natively=(96,))
        whole, local = (tower(torch.zeros(2, 3, size, size)) for size in (224, 96))
    assert whole.shape == local.shape == (2, dimension)
    (positions,) = tower._positions(96).values()
    assert len(positions) == 1 + 3 * 3
