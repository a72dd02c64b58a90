"""Class profiles: shapes, assignments and draws."""

import dataclasses
from itertools import permutations

import numpy as np
import pytest

from lt_course.data import icontail
from lt_course.data.class_profiles import GINI, assign, profile_counts, reassign, sample_long_tail
from lt_course.data.icontail import is_solid
from lt_course.errors import CourseError
from lt_course.statistics import gini, spearman


@pytest.mark.parametrize("profile", ["flat", "incaps", "laionet", "zipf(0)", "zipf(1.5)"])
@pytest.mark.parametrize(("classes", "pictures"), [(60, 4_500), (200, 15_000), (9, 9), (12, 1_000)])
def test_counts_sum_up_and_fall(profile: str, classes: int, pictures: int) -> None:
    counts = profile_counts(profile, classes, pictures)
    assert counts.sum() == pictures
    assert counts.min() >= 1
    assert (np.diff(counts) <= 0).all()


@pytest.mark.parametrize("profile", GINI)
def test_profiles_have_the_gini_of_their_namesakes(profile: str) -> None:
    # At least one picture a class flattens the far tail a little.
    assert gini(profile_counts(profile, 200, 200_000)) == pytest.approx(GINI[profile], abs=0.01)


def test_zipf_is_zipf() -> None:
    counts = profile_counts("zipf(1)", 100, 1_000_000)
    slope = np.polyfit(np.log(np.arange(1, 101)), np.log(counts), 1)[0]
    assert slope == pytest.approx(-1, abs=1e-3)
    assert np.ptp(profile_counts("zipf(0)", 7, 100)) <= 1


@pytest.mark.parametrize("profile", ["laion", "zipf", "zipf(-1)", "zipf(a)", ""])
def test_unknown_profiles_are_named(profile: str) -> None:
    with pytest.raises(CourseError, match="'profile' is"):
        profile_counts(profile, 10, 100)


def test_too_few_pictures_for_the_classes() -> None:
    with pytest.raises(CourseError, match="use at least 10"):
        profile_counts("flat", 10, 9)


def test_too_few_classes_for_the_imbalance() -> None:
    with pytest.raises(CourseError, match="'concepts' is 3, too few"):
        profile_counts("laionet", 3, 100)


def test_assignment_permutes_the_counts_within_what_is_available() -> None:
    counts = profile_counts("laionet", 40, 2_000)
    available = np.random.default_rng(0).permutation(counts + np.arange(40) * 3)
    seen = set()
    for seed in range(20):
        frequency = assign(counts, available, seed)
        assert sorted(frequency) == sorted(counts)
        assert (frequency <= available).all()
        seen.add(tuple(frequency))
    assert len(seen) == 20


def test_assignment_is_uniform_where_nothing_limits_it() -> None:
    counts = np.array([3, 2, 1])
    places = [assign(counts, np.full(3, 10), seed).argmax() for seed in range(600)]
    # 200 expected each, standard deviation 11.5
    assert np.bincount(places).min() > 150


def test_an_impossible_profile_says_what_is_possible() -> None:
    with pytest.raises(CourseError, match=r"20 pictures at rank 1.*has 10.*about 15 or fewer"):
        assign(np.array([20, 10]), np.array([10, 10]), 0)


@pytest.mark.parametrize("seed", range(50))
def test_reassignment_permutes_and_is_as_alike_as_drawings_allow(seed: int) -> None:
    random = np.random.default_rng(seed)
    available = random.integers(1, 13, size=random.integers(2, 9))
    fewer = random.integers(1, available + 1)
    counts = np.sort(random.integers(1, fewer + 1))[::-1]
    frequency = assign(counts, available, seed)
    again = reassign(frequency, fewer)
    assert sorted(again) == sorted(counts)
    assert (again <= fewer).all()
    if (frequency <= fewer).all():
        assert np.array_equal(again, frequency)
    # Nobody would change places: of two classes that could, the one more frequent before is more
    # frequent now.
    for a, b in permutations(range(len(again)), 2):
        if frequency[a] > frequency[b] and again[b] <= fewer[a]:
            assert again[a] >= again[b]


def test_reassignment_says_what_is_possible() -> None:
    with pytest.raises(CourseError, match=r"20 pictures at rank 1.*has 10.*about 15 or fewer"):
        reassign(np.array([10, 20]), np.array([10, 10]))


@pytest.mark.parametrize("restriction", [{"style": "line"}, {"style": "solid"}, {"authors": 3}])
def test_restricted_sets_keep_the_frequencies_of_the_whole_one(restriction) -> None:
    settings = {"profile": "laionet", "num_images": 2_000, "permutation": 5}
    whole = sample_long_tail(icontail.load(), 120, **settings)
    some = sample_long_tail(icontail.load(), 120, **settings, **restriction)
    assert sorted(some.frequency) == sorted(whole.frequency)
    assert spearman(whole.frequency, some.frequency) > 0.97
    other = sample_long_tail(icontail.load(), 120, **settings | {"permutation": 6}, **restriction)
    assert abs(spearman(whole.frequency, other.frequency)) < 0.3


def test_draw_takes_training_pictures_of_the_right_concepts_once(small) -> None:
    drawn = sample_long_tail(small, 8, profile="incaps", num_images=120, permutation=3)
    assert len(np.unique(drawn.image_ids)) == len(drawn.image_ids) == 120
    assert not small.test[drawn.image_ids].any()
    assert np.array_equal(small.concept[drawn.image_ids], drawn.labels)
    assert np.array_equal(np.bincount(drawn.labels, minlength=8), drawn.frequency)


def test_draws_are_nested(small) -> None:
    whole = sample_long_tail(small, 8, profile="incaps", num_images=160, permutation=1)
    half = sample_long_tail(small, 8, profile="incaps", num_images=160, permutation=1, fraction=0.5)
    trimmed = sample_long_tail(
        small, 8, profile="incaps", num_images=160, permutation=1, tail_classes=3, tail_shots=1
    )
    assert set(half.image_ids) < set(whole.image_ids)
    assert set(trimmed.image_ids) < set(whole.image_ids)
    assert np.array_equal(half.frequency, np.maximum(1, whole.frequency // 2))


def test_trim_cuts_the_rarest(small) -> None:
    whole = sample_long_tail(small, 8, profile="incaps", num_images=160)
    for shots in (0, 1):
        trimmed = sample_long_tail(
            small, 8, profile="incaps", num_images=160, tail_classes=3, tail_shots=shots
        )
        changed = np.flatnonzero(trimmed.frequency != whole.frequency)
        assert sorted(trimmed.frequency[changed]) == [shots] * 3
        assert whole.frequency[changed].max() <= np.sort(whole.frequency)[2]


def test_natural_keeps_the_counts_at_hand(small) -> None:
    assert (sample_long_tail(small, 8, profile="natural").frequency == 40).all()
    assert (sample_long_tail(small, 8, profile="natural", num_images=160).frequency == 20).all()
    for pictures in (8, 9, 77, 319, 320):
        assert (
            sample_long_tail(small, 8, profile="natural", num_images=pictures).frequency.sum()
            == pictures
        )
    with pytest.raises(CourseError, match="between 8 and 320"):
        sample_long_tail(small, 8, profile="natural", num_images=321)


def test_matched_frequencies(small) -> None:
    wanted = np.arange(1, 9)
    assert np.array_equal(sample_long_tail(small, 8, frequency=wanted).frequency, wanted)
    with pytest.raises(CourseError, match=r"41 pictures of 'thing 0'.*has 40"):
        sample_long_tail(small, 8, frequency=np.full(8, 41))


def test_authors_limits_the_families(small) -> None:
    one = sample_long_tail(small, 8, profile="flat", num_images=80, authors=1)
    assert all(len(np.unique(small.family[one.image_ids[one.labels == c]])) == 1 for c in range(8))
    two = sample_long_tail(small, 8, profile="flat", num_images=80, authors=2)
    assert len(np.unique(small.family[two.image_ids])) == 2


def test_others_come_from_outside(small) -> None:
    drawn = sample_long_tail(small, 5, profile="flat", num_images=50, distractors=30)
    outside = drawn.image_ids[drawn.labels == 5]
    assert len(np.unique(outside)) == 30
    assert (small.concept[outside] >= 5).all()
    assert drawn.frequency.sum() == 50
    with pytest.raises(CourseError, match="only 120 pictures of all other concepts"):
        sample_long_tail(small, 5, profile="flat", num_images=50, distractors=121)


@pytest.mark.parametrize(
    ("field", "value"),
    [("fraction", 0), ("fraction", 1.5), ("tail_classes", 9), ("tail_classes", -1)],
)
def test_fields_out_of_range_are_named(small, field: str, value: float) -> None:
    with pytest.raises(CourseError, match=f"'{field}' is {value}"):
        sample_long_tail(small, 8, profile="flat", num_images=80, **{field: value})


@pytest.fixture
def two_styles(small):
    """The stand-in, every other drawing (of each author) an outline, the others filled."""
    pictures = np.full_like(small.pictures, 255)
    pictures[:, 6:26, 6:26] = 0
    outlined = np.arange(len(small)) // 2 % 2 == 0
    pictures[outlined, 8:24, 8:24] = 255
    assert np.array_equal(is_solid(pictures), ~outlined)
    return dataclasses.replace(small, pictures=pictures)


@pytest.mark.parametrize("permutation", range(4))
def test_a_style_is_all_that_is_drawn_at_equal_counts(two_styles, permutation: int) -> None:
    settings = {"profile": "incaps", "num_images": 88, "permutation": permutation}
    line, solid = (
        sample_long_tail(two_styles, 8, style=style, **settings) for style in ("line", "solid")
    )
    assert not is_solid(two_styles.pictures[line.image_ids]).any()
    assert is_solid(two_styles.pictures[solid.image_ids]).all()
    # Both styles have twenty drawings of each concept, so nothing limits either assignment.
    assert np.array_equal(line.frequency, solid.frequency)
    for drawn in (line, solid):
        assert len(np.unique(drawn.image_ids)) == 88
        assert np.array_equal(two_styles.concept[drawn.image_ids], drawn.labels)
        assert not two_styles.test[drawn.image_ids].any()


def test_a_style_has_only_its_own_drawings(two_styles) -> None:
    assert sample_long_tail(two_styles, 8, profile="natural", style="line").frequency.sum() == 160
    with pytest.raises(CourseError, match="most drawings has 20; set 'num_images'"):
        sample_long_tail(two_styles, 8, profile="flat", num_images=161, style="line")


def test_style_and_authors_together(two_styles) -> None:
    drawn = sample_long_tail(two_styles, 8, profile="flat", num_images=80, style="solid", authors=1)
    assert is_solid(two_styles.pictures[drawn.image_ids]).all()
    for c in range(8):
        assert len(np.unique(two_styles.family[drawn.image_ids[drawn.labels == c]])) == 1


def outside(small, concepts: int | None, others: int, permutation: int = 0) -> np.ndarray:
    """The pictures of other concepts in a draw of two."""
    drawn = sample_long_tail(
        small, 2, profile="flat", num_images=20, permutation=permutation,
        distractors=others, distractor_concepts=concepts,
    )  # fmt: skip
    assert (drawn.labels == 2).sum() == others
    return drawn.image_ids[drawn.labels == 2]


@pytest.mark.parametrize("permutation", range(4))
def test_other_concepts_are_so_many_and_nested(small, permutation: int) -> None:
    seen: set[int] = set()
    for concepts in range(1, 7):
        taken = outside(small, concepts, 40 * concepts, permutation)  # all of their drawings
        found = set(small.concept[taken].tolist())
        assert len(found) == concepts
        assert seen < found
        assert min(found) >= 2
        assert not small.test[taken].any()
        seen = found


def test_all_other_concepts_are_none_or_as_many_as_there_are(small) -> None:
    assert np.array_equal(outside(small, None, 100), outside(small, 6, 100))
    assert np.array_equal(outside(small, 3, 100)[:30], outside(small, 3, 30))


def test_which_other_concepts_follows_the_permutation(small) -> None:
    chosen = {tuple(np.unique(small.concept[outside(small, 2, 80, p)])) for p in range(20)}
    assert len(chosen) > 5


def test_too_few_pictures_of_so_few_concepts(small) -> None:
    with pytest.raises(CourseError, match=r"'distractors' is 81, but only 80 pictures of 2 other"):
        outside(small, 2, 81)


@pytest.mark.parametrize("shots", [0, 1])
@pytest.mark.parametrize("permutation", range(4))
def test_the_trimmed_are_marked(small, shots: int, permutation: int) -> None:
    settings = {"profile": "laionet", "num_images": 50, "permutation": permutation}
    whole = sample_long_tail(small, 8, **settings)
    assert not whole.trimmed.any()
    before = np.zeros(8, dtype=bool)
    for trim in range(9):
        drawn = sample_long_tail(small, 8, **settings, tail_classes=trim, tail_shots=shots)
        assert drawn.trimmed.dtype == bool
        assert drawn.trimmed.sum() == trim
        assert (drawn.frequency[drawn.trimmed] == shots).all()
        kept = ~drawn.trimmed
        assert np.array_equal(drawn.frequency[kept], whole.frequency[kept])
        if 0 < trim < 8:
            assert whole.frequency[drawn.trimmed].max() <= whole.frequency[kept].min()
        assert (drawn.trimmed >= before).all()  # more are the same and others
        before = drawn.trimmed


def test_ties_at_the_cut_are_broken_the_same_way_for_every_number_of_shots(small) -> None:
    flat = {"profile": "flat", "num_images": 80, "tail_classes": 3}
    masks = [sample_long_tail(small, 8, **flat, tail_shots=shots).trimmed for shots in (0, 1, 2)]
    assert masks[0].sum() == 3
    assert all(np.array_equal(masks[0], mask) for mask in masks)


def test_a_class_with_fewer_pictures_than_shots_counts_as_trimmed(small) -> None:
    wanted = np.array([1, 9, 9, 9, 9, 9, 9, 9])
    drawn = sample_long_tail(small, 8, frequency=wanted, tail_classes=2, tail_shots=3)
    assert drawn.frequency.tolist() == [1, 3, 9, 9, 9, 9, 9, 9]
    assert drawn.trimmed.tolist() == [True, True] + 6 * [False]
