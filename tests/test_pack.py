"""The pack of a term: whole, the same at each build, and readable outside of the book."""

import csv
import io
import json
import posixpath
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from datetime import date
from pathlib import Path

import address
import grading_formats
import jupytext
import pack
import plain
import pytest
import quiz_bank
import slides

import lt_course
from lt_course.errors import CourseError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
STEMS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.py"))
QTI = {"q": quiz_bank.QTI}
lesson = pytest.mark.parametrize("stem", STEMS)


@pytest.fixture(scope="module")
def packed() -> bytes:
    return pack.zipped(pack.contents(pack.term("2027S")))


@pytest.fixture(scope="module")
def files(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def texts(files: dict[str, bytes]) -> dict[str, str]:
    """What a reader sees: of a notebook all sources and outputs, of other files the file."""
    found = {}
    for name, content in files.items():
        if name.endswith(".ipynb"):
            cells = json.loads(content)["cells"]
            shown = ["".join(cell["source"]) for cell in cells]
            found[name] = "\n\n".join(shown + [json.dumps(cell.get("outputs")) for cell in cells])
        elif not name.startswith("slides/") and not name.endswith(".zip"):
            found[name] = content.decode()
    return found


def test_contents(files: dict[str, bytes]) -> None:
    instructor = {
        path.relative_to(ROOT / "book").with_suffix(".md").as_posix()
        for path in (ROOT / "book" / "instructor").rglob("*.md")
    }
    items = {f"{stem[3:]}-{number}" for stem in STEMS for number in range(1, 6)}
    assert set(files) == {
        *{"README.md", "LICENSE", "LICENSE-TEXT", "survey.md", "rubrics/capstone.md"},
        *{f"{folder}/{stem}.ipynb" for folder in ("student", "solutions") for stem in STEMS},
        *{f"{folder}/{stem}.md" for folder in ("quizzes", "assignments") for stem in STEMS},
        *{f"quizzes/qti/{name}.xml" for name in {"imsmanifest", *STEMS, *items}},
        *{
            f"schedule/{plan}.{end}"
            for plan in ("class", "evenings", "term")
            for end in ("csv", "md")
        },
        *(instructor - {"instructor/capstone.md", "instructor/survey.md"}),
        *{"quizzes/qti.zip", "student/figures/towers.svg"},
        *{f"slides/{stem}.html" for stem in STEMS},
        *{f"slides/{name}" for name, _ in slides.shared()},
    } | {name for name in files if name.startswith("autograders/")}


@lesson
def test_both_graders_of_a_lesson_ask_what_it_asks(stem: str, files: dict[str, bytes]) -> None:
    source, base = (ROOT / "notebooks" / f"{stem}.py").read_text(), f"autograders/otter/{stem[3:]}"
    names = re.findall(r'^# %% exercise="([^"]+)"', source, re.M)
    tests = {f"{base}/tests/{name.replace('-', '_')}.py" for name in names}
    assert {name for name in files if name.startswith(f"{base}/tests/")} == tests
    assert {f"{base}/{name}" for name in ("setup.sh", "run_autograder", "README.md")} < set(files)
    base = f"autograders/nbgrader/{stem[3:]}"
    page = json.loads(files[f"{base}/source/{stem[3:]}/{stem}.ipynb"])
    solved = [cell for cell in page["cells"] if "exercise" in cell["metadata"]]
    assert [cell["metadata"]["nbgrader"]["grade_id"] for cell in solved] == names


def test_a_seed_is_kept_and_follows_from_the_term_otherwise(files: dict[str, bytes]) -> None:
    seed = pack.term("2027S").seed
    assert seed == pack.term("2027S").seed != pack.term("2028S").seed
    assert pack.term("2027S", seed=271).seed == 271
    assert f", {seed})" in files["autograders/otter/measuring_bias/tests/tail.py"].decode()
    with pytest.raises(CourseError, match="`seed` is 0"):
        pack.term("2027S", seed=0)


def test_joining_makes_the_archive_that_is_uploaded(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    base = "autograders/otter/"
    for name, content in files.items():
        if name.startswith(base):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
    command = [sys.executable, tmp_path / base / "join.py", "data"]
    subprocess.run(command, check=True, capture_output=True)
    seed = pack.term("2027S").seed
    direct = grading_formats.otter_archive("data", seed, tmp_path / "direct")
    with (
        zipfile.ZipFile(tmp_path / base / "data.zip") as ours,
        zipfile.ZipFile(direct) as theirs,
    ):
        assert {n: ours.read(n) for n in ours.namelist()} == {
            n: theirs.read(n) for n in theirs.namelist()
        }


def test_two_builds_have_equal_bytes(packed: bytes) -> None:
    assert pack.zipped(pack.contents(pack.term("2027S"))) == packed


def test_the_readme_names_every_part_and_the_version(texts: dict[str, str]) -> None:
    readme = texts["README.md"]
    assert f"Version {lt_course.__version__}." in readme
    top = {name.partition("/")[0] + ("/" if "/" in name else "") for name in texts}
    for name in top - {"README.md"}:
        assert f"`{name}`" in readme, name


def test_no_role_no_directive_and_no_label_is_shown(texts: dict[str, str]) -> None:
    raw = re.compile(
        r"\{[a-z]+(:[a-z]+)?\}`|(```|:::+)\s*\{|\{[a-z]+-(start|end)\}|^\(\S+\)=$", re.M
    )
    found = {name: match[0] for name, text in texts.items() if (match := raw.search(text))}
    assert found == {}


def test_links_lead_to_files_of_the_pack(files: dict[str, bytes]) -> None:
    followed = 0
    for name, content in files.items():
        for link in re.findall(r"\]\(([^)\s]+)\)", prose(name, content)):
            if not re.match(r"https?://|#", link):
                there = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
                assert there in files, f"{name} links to {link}"
                followed += 1
    assert followed > 300


def prose(name: str, content: bytes) -> str:
    """The Markdown of a file, without code."""
    if name.endswith(".ipynb"):
        cells = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "markdown"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    else:
        text = content.decode() if name.endswith(".md") else ""
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


@lesson
def test_only_markdown_differs_from_the_stored_notebook(stem: str, files: dict[str, bytes]) -> None:
    for folder, stored in (("student", "notebooks"), ("solutions", "notebooks/solutions")):
        ours = json.loads(files[f"{folder}/{stem}.ipynb"])
        theirs = json.loads((ROOT / stored / f"{stem}.ipynb").read_text())
        for cell in ours["cells"] + theirs["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = []
        assert ours == theirs


@lesson
def test_a_students_notebook_holds_stubs_and_no_solution(stem: str, texts: dict[str, str]) -> None:
    page = jupytext.read(ROOT / "notebooks" / "solutions" / f"{stem}.py")
    answers = [cell.source for cell in page.cells if "exercise" in cell.metadata]
    assert answers
    for answer in answers:
        assert answer not in texts[f"student/{stem}.ipynb"]
        assert answer in texts[f"solutions/{stem}.ipynb"]


def test_a_solution_in_a_lesson_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pack.given_away("05_language") == []
    solved = pack.read("notebooks/solutions/05_language")
    monkeypatch.setattr(pack, "read", lambda document: solved)
    assert "difference = 0.1" in pack.given_away("05_language")
    with pytest.raises(CourseError, match="holds a piece of its solutions"):
        dict(pack.student(pack.term("2027S")))


@lesson
def test_qti_asks_what_the_lesson_asks(stem: str, files: dict[str, bytes]) -> None:
    stored = tomllib.loads((ROOT / "book" / "quizzes" / f"{stem[3:]}.toml").read_text())
    for number, question in enumerate(stored["question"], start=1):
        item = ElementTree.fromstring(files[f"quizzes/qti/{stem[3:]}-{number}.xml"])
        assert item.tag == f"{{{quiz_bank.QTI}}}assessmentItem"
        assert [child.tag.partition("}")[2] for child in item] == [
            *["responseDeclaration", "outcomeDeclaration", "outcomeDeclaration"],
            *["itemBody", "responseProcessing", *["modalFeedback"] * len(question["choice"])],
        ]
        choices = item.findall("q:itemBody/q:choiceInteraction/q:simpleChoice", QTI)
        letters = [choice.get("identifier") for choice in choices]
        assert letters == list("abcd")[: len(question["choice"])]
        values = item.findall("q:responseDeclaration/q:correctResponse/q:value", QTI)
        right = [choice.get("right", False) for choice in question["choice"]].index(True)
        assert [value.text for value in values] == [letters[right]]
        told = {each.get("identifier"): each.text for each in item.findall("q:modalFeedback", QTI)}
        assert list(told) == letters
        for letter, choice, shown in zip(letters, question["choice"], choices, strict=True):
            verdict = "Right. " if letter == letters[right] else "Wrong. "
            assert told[letter].startswith(verdict)
            assert says(told[letter].removeprefix(verdict), choice["reason"])
            assert says(shown.text, choice["text"])
        prompt = item.find("q:itemBody/q:choiceInteraction/q:prompt", QTI)
        assert says(prompt.text, question["text"])
        assert not re.search(r"[$`\\{}]|\*\w|\w\*", "".join(item.itertext()))


def says(shown: str, source: str) -> bool:
    """Whether a text has all words of its source, formulas and roles apart, in their order."""
    plain_pieces = re.split(r"\$[^$]+\$|\{[^}]+\}`[^`]*`", source)
    pattern = ".*".join(re.sub(r"[\W_]", "", piece) for piece in plain_pieces)
    return re.fullmatch(pattern, re.sub(r"[\W_]", "", shown)) is not None


def test_qti_names_every_file_once(files: dict[str, bytes]) -> None:
    folder = "quizzes/qti/"
    names = {name.removeprefix(folder) for name in files if name.startswith(folder)}
    manifest = ElementTree.fromstring(files[f"{folder}imsmanifest.xml"])
    cp = {"c": quiz_bank.PACKAGE}
    resources = manifest.findall("c:resources/c:resource", cp)
    assert sorted(each.get("href") for each in resources) == sorted(names - {"imsmanifest.xml"})
    known = [each.get("identifier") for each in resources]
    assert len(known) == len(set(known)) == 16 * 6
    needed = manifest.findall(".//c:dependency", cp)
    assert {each.get("identifierref") for each in needed} < set(known)
    for stem in STEMS:
        test = ElementTree.fromstring(files[f"{folder}{stem}.xml"])
        asked = [each.get("href") for each in test.iterfind(".//q:assessmentItemRef", QTI)]
        assert asked == [f"{stem[3:]}-{number}.xml" for number in range(1, 6)]
    with zipfile.ZipFile(io.BytesIO(files["quizzes/qti.zip"])) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: files[folder + name] for name in names
        }


@lesson
def test_a_sheet_of_questions_marks_one_choice_of_each(stem: str, texts: dict[str, str]) -> None:
    text = texts[f"quizzes/{stem}.md"]
    assert len(re.findall(r"^\*\*\d\.\*\*", text, re.M)) == 5
    assert text.count("**← right**") == text.count("*Right.*") == 5
    assert len(re.findall(r"^- \([a-d]\)", text, re.M)) == 5 + text.count("*Wrong.*")


@lesson
def test_points_of_an_assignment_are_twice_the_difficulties(
    stem: str, texts: dict[str, str]
) -> None:
    source = (ROOT / "notebooks" / f"{stem}.py").read_text()
    wanted = [2 * int(steps) for steps in re.findall(r"· difficulty (\d) of 3 ·", source)]
    text = texts[f"assignments/{stem}.md"]
    points = [int(each) for each in re.findall(r"\| (\d+) \|$", text, re.M)]
    assert points == wanted
    assert f"\n{sum(wanted)} points in all" in text
    names = re.findall(r'^# %% exercise="([^"]+)"', source, re.M)
    assert re.findall(r"^\| [^|]*\(`([a-z0-9-]+)`\) \|", text, re.M) == names
    assert "hand" in text.partition("## What to hand in\n")[2] or "Homework" in text


def test_the_rubric_and_the_survey(texts: dict[str, str]) -> None:
    assert "## Rubric\n" in texts["rubrics/capstone.md"]
    assert len(re.findall(r"^\d+\. ", texts["survey.md"], re.M)) == 10


@pytest.mark.parametrize(
    ("name", "start", "first"),
    [
        ("2027S", None, date(2027, 4, 12)),
        ("2026W", None, date(2026, 10, 12)),
        ("2024S", None, date(2024, 4, 8)),  # its April begins on a Monday
        ("2028W", None, date(2028, 10, 9)),
        ("2027S", "2027-04-21", date(2027, 4, 21)),
    ],
)
def test_a_term_begins(name: str, start: str | None, first: date) -> None:
    assert pack.term(name, start, 7) == (name, first, 7)


@pytest.mark.parametrize("name", ["xterm-256color", "2027", "2027s", "27S", "S2027", "", "2027S "])
def test_a_bad_term_is_one_sentence(name: str) -> None:
    with pytest.raises(CourseError) as told:
        pack.term(name)
    assert str(told.value) == (
        f"TERM is {name!r}: write a year and S (summer) or W (winter), "
        "as in `make pack TERM=2027S`."
    )


def test_a_bad_start_is_one_sentence() -> None:
    with pytest.raises(CourseError, match="START is '2027-02-30': write the day"):
        pack.term("2027S", "2027-02-30")


def test_the_command_says_the_sentence_and_fails() -> None:
    command = [sys.executable, "book/tools/pack.py", "summer"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith("TERM is 'summer'")
    assert ran.stderr.count("\n") == 1


def test_sessions_are_weekly_and_their_minutes_add_up(texts: dict[str, str]) -> None:
    for plan, sessions in {"class": 1, "evenings": 4, "term": 12}.items():
        rows = list(csv.DictReader(io.StringIO(texts[f"schedule/{plan}.csv"])))
        minutes: dict[date, int] = {}
        for row in rows:
            day = date.fromisoformat(row["date"])
            minutes[day] = minutes.get(day, 0) + int(row["minutes"])
        assert [(day - date(2027, 4, 12)).days for day in minutes] == [
            7 * w for w in range(sessions)
        ]
        assert set(minutes.values()) == {90}
        assert {row["lesson"] for row in rows} <= set(STEMS)
        for day in minutes:
            assert f"## {day}: " in texts[f"schedule/{plan}.md"]


HERE = "book/instructor/lessons/data"
PAGES = "https://reef.example/course/"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of the book."""
    found = address.Address("https://github.com/reef/course", "v1.0", PAGES)
    monkeypatch.setattr(address, "read", lambda: found)


def test_without_an_address_of_the_book_pages_are_words(monkeypatch: pytest.MonkeyPatch) -> None:
    target = "instructor/lessons/data.md"
    for found in (None, address.Address("https://github.com/reef/course", "v1.0")):
        monkeypatch.setattr(address, "read", lambda found=found: found)
        assert plain.markdown("{doc}`cards <../../data_card>`", HERE, target) == "cards"
        assert "The book:" not in pack.readme(pack.term("2027S"))


def test_the_readme_names_the_book(published: None) -> None:
    assert f"The book: {PAGES}\n" in pack.readme(pack.term("2027S"))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a {term}`concept` and {term}`towers <tower>`", "a concept and towers"),
        ("{doc}`../capstone`", "[The capstone: a registered claim](../../rubrics/capstone.md)"),
        (
            "{doc}`it <../../../notebooks/07_data>`",
            "[it](../../student/07_data.ipynb)",
        ),
        (
            "[s](../../../notebooks/solutions/07_data)",
            "[s](../../solutions/07_data.ipynb)",
        ),
        ("{doc}`cards <../../data_card>`", f"[cards]({PAGES}book/data_card.html)"),
        ("so {cite}`wen2024`", "so ([Wen et al., 2024](https://arxiv.org/abs/2405.21070))"),
        ("{cite:t}`qu2025`", "[Qu and Xie (2025)](https://arxiv.org/abs/2507.08000)"),
        ("{numref}`f` shows", "The figure “Bars” shows"),
        ("see {numref}`f`", "see the figure “Bars”"),
        ("(here)=\n## Here\n[this](here)", "## Here\nthis"),
        ("`a[i](j)` and [w](https://w.org)", "`a[i](j)` and [w](https://w.org)"),
        ("---\nslug: data\n---\n# T", "# T"),
        ("```python\nx[i](j)\n```", "```python\nx[i](j)\n```"),
    ],
)
def test_roles_become_words_and_links(text: str, made: str, published: None) -> None:
    target = "instructor/lessons/data.md"
    assert plain.markdown(text, HERE, target, {"f": "Bars. Filled: CLIP."}) == made


@pytest.mark.parametrize("text", ["{abbr}`NC1`", "```{note}\nx\n```", "{numref}`unknown`"])
def test_what_has_no_plain_form_is_an_error(text: str) -> None:
    with pytest.raises(CourseError, match="has no plain form"):
        plain.markdown(text, HERE, "instructor/lessons/data.md")


def test_a_code_cell_leads_to_the_page_that_computes_it(published: None) -> None:
    made = plain.markdown("```{code-cell} ipython3\n1 + 1\n```", HERE, "instructor/lessons/data.md")
    assert f"]({PAGES}{HERE}.html)" in made
    assert "1 + 1" not in made


@pytest.mark.parametrize(
    ("tex", "line"),
    [
        (r"\log p(c \mid x) - \log \pi_c", "log p(c | x) - log π_c"),
        (r"1.96 / \sqrt{C - 1}", "1.96 / √(C - 1)"),
        (r"\pi_c = 1 - (1 - p_c)^{m - 1}", "π_c = 1 - (1 - p_c)^(m - 1)"),
        (r"\partial \mathcal L / \partial z_u = p_u", "∂L / ∂z_u = p_u"),
        (r"\exp(s f^\top w_c)", "exp(s f^T w_c)"),
        (r"(1 - r^2)", "(1 - r²)"),
    ],
)
def test_formulas_become_a_line(tex: str, line: str) -> None:
    assert plain.formula(tex) == line


def test_an_unknown_command_in_a_formula_is_an_error() -> None:
    with pytest.raises(CourseError, match="add it to SIGNS"):
        plain.formula(r"\aleph_0")


def test_words_have_no_markup() -> None:
    text = "The *mean* of `x_i`, **not $p_c$**: {term}`NC1 <neural collapse>`\nsays [so](https://w.org)"
    assert plain.words(text, HERE) == "The mean of x_i, not p_c: NC1 says so"
