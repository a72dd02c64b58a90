"""Synthetic submissions of three lessons get the points they deserve, whatever else they do."""

import copy
import csv
import io
import json
import re
import shutil
import subprocess
import sys
import types
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import grading
import grading_formats
import nbformat
import numpy as np
import pytest

import notebooks
from lt_course.errors import CourseError
from lt_course.lessons import exercises
from lt_course.lessons.exercises.kinds import Explanation, Function, drawn_by

SEED = 7
BIAS, VOCABULARY, STUDY = "measuring_bias", "dynamic_classification", "your_own_study"
POINTS = {
    BIAS: [2, 2, 4, 6, 4, 4, 2],
    VOCABULARY: [4, 2, 4, 4, 4, 6],
    STUDY: [4, 4, 2, 2, 2, 6, 4],
}
TRAINED = {"giant", "tail", "after-training"}  # what they ask for is of a trained run
MISSING = "the notebook has no cell of this exercise."
PERSON = "by person"

TOP = "def without_top(frequency, values, k):\n    kept = np.argsort(frequency)[: -k]\n"
TOP_RETURN = "    return stats.spearmanr(frequency[kept], values[kept]).statistic\n"
RIGHT_TOP = TOP + TOP_RETURN


def solutions(slug: str) -> dict[str, str]:
    """The cells of a lesson's solutions, by exercise."""
    page = notebooks.read_source(notebooks.solutions(grading.source_of(slug)))
    cells = notebooks.exercise_cells(page)
    return {name: cell.source for name, cell in cells.items() if name not in TRAINED}


@dataclass(frozen=True)
class Submission:
    """Cells by exercise, and for each: right?, words of its sentence, and who reads it."""

    name: str
    slug: str
    cells: dict[str, str]
    expected: dict[str, tuple]
    backwards: bool = False
    limit: float = 60  # the tests share their processor
    marks: tuple = field(default=())

    def write(self, path: Path) -> Path:
        """Put the cells into the lesson, in the place of their stubs; leave other ones out."""
        notebook = notebooks.read_source(grading.source_of(self.slug))
        kept = []
        for cell in notebook.cells:
            name = cell.metadata.get("exercise")
            if name is None:
                kept.append(cell)
            elif name in self.cells:
                cell.source = self.cells[name]
                kept.append(cell)
        notebook.cells = kept[::-1] if self.backwards else kept
        nbformat.write(notebook, path)
        return path


def right(slug: str) -> Submission:
    cells = solutions(slug)
    asked = exercises.of(slug).exercises
    explained = {name for name in cells if isinstance(asked[name], Explanation)}
    expected = {n: (True, "", PERSON) if n in explained else (True, "") for n in cells}
    return Submission(f"right-{slug}", slug, cells, expected, marks=(pytest.mark.slow,))


def mistaken(slug: str) -> list[Submission]:
    """Submission k makes the k-th known mistake in each function."""
    found = []
    asked = {q.name: q.asked for q in grading.questions(lesson(slug))}
    functions = {n: e for n, e in exercises.of(slug).exercises.items() if isinstance(e, Function)}
    for k in range(max(len(e.mistakes) for e in functions.values())):
        cells, expected = {}, {}
        for name, exercise in functions.items():
            if k < len(exercise.mistakes):
                cells[name] = (
                    f"from lt_course.lessons.exercises.{slug} import EXERCISES\n"
                    f"{asked[name]} = EXERCISES[{name!r}].mistakes[{k}].gives"
                )
                told = "" if exercise.complaint else exercise.mistakes[k].sentence[:60]
                expected[name] = (False, told)
        marks = () if (slug, k) == (BIAS, 5) else (pytest.mark.slow,)
        found.append(Submission(f"mistake-{k}-{slug}", slug, cells, expected, marks=marks))
    return found


def lesson(slug: str) -> nbformat.NotebookNode:
    return notebooks.read_source(grading.source_of(slug))


slow = {"marks": (pytest.mark.slow,)}
SUBMISSIONS = [
    *map(right, POINTS),
    *(submission for slug in POINTS for submission in mistaken(slug)),
    Submission(
        "crashing",
        BIAS,
        {
            "by-chance": "chance_guess = 0.25\n1 / 0",
            "attenuation": "def disattenuated(*arguments):\n    raise KeyError(3)",
            "paired-interval": "def paired_interval(a, b:\n    return 1",
            "without-top": "raise SystemExit(0)",
        },
        {
            "by-chance": (False, "ends in ZeroDivisionError: division by zero"),
            "attenuation": (False, "it raises KeyError: 3"),
            "paired-interval": (False, "not valid Python: SyntaxError"),
            "without-top": (False, "ends in SystemExit: 0"),
        },
        **slow,
    ),
    Submission(
        "empty",
        VOCABULARY,
        {
            "simulated-presence": "def simulated_presence(prior, m, draws): ...",
            "share-of-128": "share_of_128 = ...",
            "presence-or-count": "explanation = ''",
            "order-of-bias": "",
            "corrected-loss": "# later",
        },
        {
            "simulated-presence": (False, "not answered yet"),
            "share-of-128": (False, "not answered yet"),
            "presence-or-count": (False, "not answered yet"),
            "order-of-bias": (False, "the cell is empty"),
            "corrected-loss": (False, "not answered yet"),
        },
        **slow,
    ),
    Submission(
        "one-crash-and-little-else",
        STUDY,
        {"effect": "fall = undefined_name", "peeking": "\n"},
        {
            "effect": (False, "ends in NameError: name 'undefined_name' is not defined"),
            "peeking": (False, "the cell is empty"),
        },
    ),
    Submission(
        "constants",
        STUDY,
        {
            "seeds-needed": "seeds_needed = 7",
            "digest": "def digest_of(claim):\n    return 'abc'",
            "verdict": "def verdict(*numbers):\n    return 'supported'",
            "replication": "second_verdict = 'supported'",
            "false-alarm-rate": "def false_alarm_rate(peeks):\n    return 0.05",
            "peeking": "explanation = 7",
        },
        {
            "seeds-needed": (False, "a function is asked for"),
            "digest": (False, "on a hidden input it gives"),
            "verdict": (False, "on a hidden input it gives"),
            "replication": (False, "often do not come out a second time"),
            "false-alarm-rate": (False, "looks at the end only"),
            "peeking": (False, "a text is asked for", PERSON),
        },
        **slow,
    ),
    Submission(
        "learnt-by-heart",
        BIAS,
        {
            "without-top": "values = iter([0.7637218, 0.5857143])\n"
            "def without_top(frequency, values_, k):\n    return next(values)"
        },
        {"without-top": (False, "on a hidden input it gives 0.7637")},
        **slow,
    ),
    Submission(
        "renamed",
        BIAS,
        {"without-top": RIGHT_TOP.replace("without_top", "mine") + "\nk = 3\n"},
        {"without-top": (True, "right, on hidden inputs too")},
    ),
    Submission(
        "renamed-otherwise",
        STUDY,
        {
            "verdict": solutions(STUDY)["verdict"].replace("def verdict", "judge_it = 3\ndef say"),
            "digest": solutions(STUDY)["digest"].split("\n\n")[0].replace("digest_of", "sha"),
            "effect": "k = -7\nguess = 0.1",
            "replication": "answer = ' Undecided'",
        },
        {
            "verdict": (True, "right"),
            "digest": (True, "right"),
            "effect": (True, "kept"),
            "replication": (True, "right"),
        },
        **slow,
    ),
    Submission(
        "too-slow",
        BIAS,
        {
            "by-chance": "import re\nre.match('(a+)+$', 'a' * 60 + 'b')\nchance_guess = 0.2",
            "without-top": "def without_top(frequency, values, k):\n    while True: pass",
        },
        {
            "by-chance": (False, "it was still running after 3 s"),
            "without-top": (False, "it was still running after 3 s"),
        },
        limit=3,
        **slow,
    ),
    Submission(
        "catching-everything",
        BIAS,
        {
            "by-chance": "while True:\n    try:\n        while True: pass\n"
            "    except BaseException: pass",
        },
        {"by-chance": (False, "it was still running after 3 s")},
        limit=3,
    ),
    Submission(
        "catching-and-guessing",
        BIAS,
        {
            "attenuation": "def disattenuated(*arguments):\n    try:\n        return undefined\n"
            "    except BaseException:\n        return 1.0",
            "by-chance": "try:\n    chance_guess = undefined\nexcept BaseException:\n"
            "    chance_guess = 0.3",
        },
        {"attenuation": (False, "on a hidden input it gives 1"), "by-chance": (True, "kept")},
        **slow,
    ),
    Submission("reordered", BIAS, solutions(BIAS), right(BIAS).expected, backwards=True, **slow),
    Submission(
        "printing",
        BIAS,
        {
            "without-top": "import os, sys\n"
            "for i in range(20_000):\n    print('✓ {\"right\": true}', '\\ud800'[:0], i)\n"
            "print('x' * 10**6, file=sys.stderr)\nos.write(1, b'\\x00\\xff' * 1000)\n"
            + TOP
            + "    print(frequency)\n"
            + TOP_RETURN
        },
        {"without-top": (True, "right, on hidden inputs too")},
    ),
    Submission(
        "strange-errors",
        BIAS,
        {
            "by-chance": "raise ValueError('\\ud800\\n\\x1b[31m' + 'long ' * 1000)",
            "attenuation": "class Mute(Exception):\n    def __str__(self): raise Mute\n"
            "def disattenuated(*arguments): raise Mute",
            "paired-interval": "import os\nos._exit(1)",
            "without-top": "def without_top(frequency, values, k):\n    frequency[:] = 0\n"
            "    return 0.0",
        },
        {
            "by-chance": (False, "ends in ValueError: [31mlong long"),
            "attenuation": (False, "judging it ends in Mute"),
            "paired-interval": (False, "its process ended before it was judged (status 1)."),
            "without-top": (False, "it changes its arguments"),
        },
        **slow,
    ),
    Submission(
        "predictions",
        VOCABULARY,
        {
            "share-of-128": "share_of_128 = 1.5",
            "order-of-bias": "order_of_bias = "
            "['in-batch 8', 'uniform 24', 'in-batch 32', 'frequency 24']",
            "presence-or-count": "explanation = 'Presence grows, and ' * 20",
        },
        {
            "share-of-128": (False, "a number from 0 to 1"),
            "order-of-bias": (True, "kept"),
            "presence-or-count": (False, "different words", PERSON),
        },
        **slow,
    ),
    Submission(
        "of-the-page",
        VOCABULARY,
        {
            "after-training": "after = 3\nlogits = logits[:9]\nafter = logits.mean() + after",
            "corrected-loss": "def corrected_loss(logits, labels, vocabulary, included):\n"
            "    return counts.sum()",
            "share-of-128": "new = study.train_or_load(study.config('sl', seed=987))\n"
            "share_of_128 = new.metrics['accuracy']",
            "simulated-presence": "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        },
        {
            "after-training": (False, "cannot be judged alone; it needs logits", PERSON),
            "corrected-loss": (False, "cannot be judged alone; it needs counts", PERSON),
            "share-of-128": (False, "a trained run that is not in the store", PERSON),
            "simulated-presence": (False, "ConnectionError: the network is closed"),
        },
        **slow,
    ),
]


def test_there_are_thirty_submissions_and_five_run_always() -> None:
    assert len(SUBMISSIONS) >= 30
    assert len({s.name for s in SUBMISSIONS}) == len(SUBMISSIONS)
    assert sum(not s.marks for s in SUBMISSIONS) == 5


@pytest.mark.parametrize(
    "submission", [pytest.param(s, id=s.name, marks=s.marks) for s in SUBMISSIONS]
)
def test_a_submission_gets_what_it_deserves(submission: Submission, tmp_path: Path) -> None:
    path = submission.write(tmp_path / "submission.ipynb")
    report = grading.grade(path, submission.slug, SEED, submission.limit)
    assert [result.of for result in report.results] == POINTS[submission.slug]
    assert [r.name for r in report.results] == list(exercises.of(submission.slug).exercises)
    for result in report.results:
        deserved, told, *person = submission.expected.get(result.name, (False, MISSING))
        assert result.points == (result.of if deserved else 0), result
        assert told in result.sentence, result
        assert result.by_person is (person == [PERSON]), result
        assert result.sentence
        assert result.sentence.isprintable()
        assert len(result.sentence) < 450
    assert json.loads(report.to_json())["points"] == report.points
    assert len(str(report).splitlines()) == 1 + len(report.results)


def test_what_cannot_be_graded_is_an_error(tmp_path: Path) -> None:
    notebook = tmp_path / "a.ipynb"
    notebook.write_text("{")
    with pytest.raises(CourseError, match="is not a notebook"):
        grading.grade(notebook, BIAS, SEED)
    nbformat.write(nbformat.v4.new_notebook(), notebook)
    with pytest.raises(CourseError, match="`exercise` in its metadata"):
        grading.grade(notebook, BIAS, SEED)
    for command in (grading_formats.otter_archive, grading_formats.nbgrader_release):
        with pytest.raises(CourseError, match="`seed` is 0"):
            command(BIAS, 0, tmp_path)
    with pytest.raises(CourseError, match="`seed` is 0"):
        grading.grade(notebook, BIAS, 0)
    with pytest.raises(CourseError, match="No lesson is called 'bias'"):
        grading.grade(notebook, "bias", SEED)


@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda path: path.stem)
def test_every_card_of_every_lesson_is_read(source: Path) -> None:
    page = notebooks.read_source(source)
    asked = grading.questions(page)
    assert [q.name for q in asked] == list(exercises.of(source.stem[3:]).exercises)
    assert {q.points for q in asked} <= {2, 4, 6}
    for question in asked:
        check = next(c for c in page.cells if f'check("{question.name}"' in c.source)
        assert question.asked in check.source


def drawn(exercise: Function) -> str:
    inputs = exercise.inputs(np.random.default_rng(exercise.seed))
    return repr([[a.tolist() if hasattr(a, "tolist") else a for a in i] for i in inputs])


@pytest.mark.parametrize("slug", [source.stem[3:] for source in notebooks.sources()])
def test_another_seed_draws_other_inputs_that_tell_mistakes_apart(slug: str) -> None:
    for name, exercise in exercises.of(slug).exercises.items():
        other = drawn_by(exercise, SEED)
        if not isinstance(exercise, Function):
            assert other is exercise
            continue
        assert (exercise.seed, other.seed) == (0, 8 if name == "best-lift" else SEED)
        assert other.judge(exercise.reference).right
        assert all(other.judge(m.gives).right is False for m in exercise.mistakes)
        if name != "best-lift":  # one of its arguments is a function
            assert drawn(other) != drawn(exercise), name


def otter_test(text: str, monkeypatch: pytest.MonkeyPatch) -> dict:
    """Run a test file as otter does, with a stand-in for its decorator."""
    module = types.ModuleType("otter.test_files")
    module.test_case = lambda points, hidden: (
        lambda function: {"run": function, "points": points, "hidden": hidden}
    )
    monkeypatch.setitem(sys.modules, "otter", types.ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", module)
    found: dict = {}
    exec(text, found)
    return found


def test_an_archive_for_otter_judges_as_the_course_does(tmp_path, monkeypatch) -> None:
    path = grading_formats.otter_archive(BIAS, SEED, tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        files = {n: archive.read(n).decode() for n in names if not n.startswith("files/")}
    assert {"otter_config.json", "requirements.txt", "README.md"} <= names
    assert {"setup.sh", "run_autograder", "run_otter.py"} <= names
    assert "files/lt_course/__init__.py" in names
    assert not any("__pycache__" in name for name in names)
    assert "Never tried: the container" in files["README.md"]
    assert files["requirements.txt"].startswith("otter-grader[grading,plugins]==7.0.0\n")
    assert not re.search(r"https?://|wget|curl", files["setup.sh"])  # nothing without a signature
    tests = {n: otter_test(t, monkeypatch) for n, t in files.items() if n.startswith("tests/")}
    assert [
        tests[f"tests/{n.replace('-', '_')}.py"]["points"]
        for n in (
            "by-chance",
            "giant",
            "false-alarms",
            "attenuation",
            "paired-interval",
            "tail",
            "without-top",
        )
    ] == POINTS[BIAS]
    for test in tests.values():
        assert test["OK_FORMAT"] is False
        case = test["test_on_hidden_inputs"]
        assert case["hidden"] is True
        assert case["points"] == test["points"]
    bias = exercises.of(BIAS)
    run = tests["tests/attenuation.py"]["test_on_hidden_inputs"]["run"]
    run({"disattenuated": bias.exercises["attenuation"].reference})
    for mistake in bias.exercises["attenuation"].mistakes:
        with pytest.raises(AssertionError, match=re.escape(mistake.sentence)):
            run({"disattenuated": mistake.gives})
    with pytest.raises(AssertionError, match="not answered yet"):
        run({})
    guess = tests["tests/by_chance.py"]["test_on_hidden_inputs"]["run"]
    guess({"chance_guess": 0.2})
    with pytest.raises(AssertionError, match="from 0 to 1"):
        guess({"chance_guess": 2, "check": bias})
    bias("by-chance", 0.4)
    guess({"chance_guess": "used again", "check": bias})


def released(source: str) -> str:
    """What nbgrader's documentation says students get of a cell."""
    kept, inside = [], False
    for line in source.splitlines():
        inside = inside or line.startswith("### BEGIN")
        if not inside:
            kept.append(line)
        inside = inside and not line.startswith("### END")
    return "\n".join(kept)


def test_a_source_notebook_for_nbgrader_has_its_metadata(tmp_path: Path) -> None:
    path = grading_formats.nbgrader_release(BIAS, SEED, tmp_path)
    base = tmp_path / "nbgrader" / BIAS
    assert path == base / "source" / BIAS / "02_measuring_bias.ipynb"
    assert "generated and graded a lesson" in (base / "README.md").read_text()
    assert (base / "nbgrader_config.py").exists()
    cells = [c for c in nbformat.read(path, as_version=4).cells if "nbgrader" in c.metadata]
    graded = {}
    for cell in cells:
        m = cell.metadata["nbgrader"]
        assert {"schema_version", "grade", "solution", "locked", "task", "grade_id"} <= set(m)
        assert set(m) <= {"schema_version", "grade", "solution", "locked", "task", "grade_id",
                          "points", "cell_type"}  # fmt: skip
        assert (m["schema_version"], m["cell_type"], m["task"]) == (3, "code", False)
        assert ("points" in m) is m["grade"]
        assert m["locked"] is not m["solution"]
        assert ("### BEGIN SOLUTION" in cell.source) is m["solution"]
        assert ("### BEGIN HIDDEN TESTS" in cell.source) is not m["solution"]
        compile(cell.source, m["grade_id"], "exec")
        if m["grade"]:
            graded[m["grade_id"].removesuffix("-check")] = m["points"]
    assert len({c.metadata["nbgrader"]["grade_id"] for c in cells}) == len(cells)
    assert graded == dict(zip(exercises.of(BIAS).exercises, POINTS[BIAS], strict=True))
    by_id = {c.metadata["nbgrader"]["grade_id"]: c for c in cells}
    assert by_id["false-alarms"].metadata["nbgrader"]["grade"]
    page = notebooks.exercise_cells(lesson(BIAS))
    for name, cell in page.items():
        assert released(by_id[name].source).strip() == cell.source.strip()
    check = by_id["attenuation-check"].source
    assert 'check("attenuation", disattenuated)' in released(check)
    assert "seed" not in released(check)
    assert str(SEED) not in released(check)
    exercise = exercises.of(BIAS).exercises["attenuation"]
    exec(check, {"check": exercises.of(BIAS), "disattenuated": exercise.reference})
    with pytest.raises(AssertionError, match="divide by its square root"):
        exec(check, {"check": exercises.of(BIAS), "disattenuated": exercise.mistakes[1].gives})


@pytest.mark.slow
def test_otter_gives_solutions_all_points_and_stubs_none(tmp_path: Path) -> None:
    otter = shutil.which("otter")
    if otter is None:
        pytest.skip("otter-grader 7 is not at hand")
    archive = grading_formats.otter_archive(STUDY, SEED, tmp_path)
    source = grading_formats.source_of(STUDY)
    for name, page, share in (
        ("right", notebooks.solved(source), 1),
        ("stubs", notebooks.read_source(source), 0),
    ):
        there = tmp_path / name
        there.mkdir()
        nbformat.write(page, there / "submission.ipynb")
        command = [otter, "run", "-a", str(archive), "-o", str(there), "submission.ipynb"]
        subprocess.run(command, cwd=there, check=True, capture_output=True)
        tests = json.loads((there / "results.json").read_text())["tests"]
        graded = [(each["score"], each["max_score"]) for each in tests if "score" in each]
        assert sum(most for _, most in graded) == sum(POINTS[STUDY])
        assert sum(score for score, _ in graded) == share * sum(POINTS[STUDY])


@pytest.mark.slow
def test_nbgrader_gives_solutions_all_points_and_stubs_none(tmp_path: Path) -> None:
    nbgrader = shutil.which("nbgrader")
    if nbgrader is None:
        pytest.skip("nbgrader 0.9 is not at hand")

    def run(*words: str) -> None:
        subprocess.run([nbgrader, *words], cwd=course, check=True, capture_output=True)

    page = grading_formats.nbgrader_release(STUDY, SEED, tmp_path)
    course = tmp_path / "nbgrader" / STUDY
    run("generate_assignment", STUDY, "--create")
    stubs = nbformat.read(course / "release" / STUDY / page.name, as_version=4)
    assert "SOLUTION" not in str(stubs)
    assert "HIDDEN" not in str(stubs)
    right = copy.deepcopy(stubs)
    for name, cell in notebooks.exercise_cells(right).items():
        cell.source = solutions(STUDY)[name]
    for student, submission in {"right": right, "stubs": stubs}.items():
        there = course / "submitted" / student / STUDY
        there.mkdir(parents=True)
        nbformat.write(submission, there / page.name)
    run("autograde", STUDY, "--create")
    run("export", "--to", "grades.csv")
    rows = csv.DictReader(io.StringIO((course / "grades.csv").read_text()))
    by_hand = 4  # the explanation
    assert {row["student_id"]: float(row["score"]) for row in rows} == {
        "right": sum(POINTS[STUDY]) - by_hand,
        "stubs": 0,
    }
