"""Claims on drawings with photographs in the same row."""

from lt_course import evidence
from lt_course.evidence.claims import evaluate
from lt_course.evidence.experiments import experiment
from lt_course.lessons import side_by_side


def test_every_claim_has_a_row_and_repeats_share_one():
    page = side_by_side.evidence_table("dynamic_classification")
    found = evidence.verdicts("dynamic_classification")
    repeats = [v for v in found if v.claim.repeats]
    assert page.count("<tr>") == 1 + 2 * (len(found) - len(repeats))
    assert page.count("<th ") == 5
    assert repeats
    assert "On photographs, the fewer classes" not in page
    assert "makes the rarest third of the classes more accurate" in page
    for heading in (*side_by_side.DRAWINGS, "Tiny ImageNet", "products"):
        assert heading in page


def test_a_cell_has_the_effect_of_its_seeds():
    page = side_by_side.evidence_table("dynamic_classification")
    factor = experiment("vocabulary")
    claim = next(c for c in factor.claims if c.id == "vocabulary-monotone")
    for seeds in side_by_side.DRAWINGS.values():
        judged = evaluate(claim, factor.name, evidence.load_results("vocabulary", seeds=seeds))
        assert f"{judged.effect.estimate:.3f}<br>[{judged.effect.low:.3f}" in page


def test_a_claim_that_is_taken_back_has_no_verdict():
    page = side_by_side.evidence_table("language")
    after = page.split("of all three texts of a drawing")[1]
    ours = after.split("<tr>")[1].split("<td ")[1:4]
    assert all(cell.endswith("<br>taken back</td>") for cell in ours)


def test_recorded_claims_have_intervals():
    found = side_by_side.recorded("language")
    assert found
    assert all(verdict.effect is not None for verdict in found)
