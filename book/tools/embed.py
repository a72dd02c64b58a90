"""Put one lesson into another Jupyter Book.

    python book/tools/embed.py 00_start_here PATH/OF/THE/OTHER/BOOK

writes the lesson with its stored outputs, its figure, its five questions and what draws them, and
prints the lines that the other book's ``_config.yml`` and ``_toc.yml`` need. Roles become words,
links to other pages of the course lead to its site, and the lesson ends in its license. What the
other book has already is never overwritten by something else. See ``book/embedding.md``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pack
import plain
import quiz_bank

from lt_course import __version__
from lt_course.errors import CourseError

FIGURE = "book/_static/towers.svg"
PLACES = {FIGURE: "notebooks/figures/towers.svg"}
STATIC = plain.ROOT / "book" / "_static"
QUIZ_RULE = re.compile(r"^[^{}\n]*\.quiz[^{}]*\{[^{}]*\}\n", re.MULTILINE)
SETTINGS = """\
# _config.yml
parse:
  myst_enable_extensions: [amsmath, colon_fence, dollarmath, linkify, substitution, tasklist]
sphinx:
  local_extensions: {quizzes: long_tail}
  config:
    html_static_path: [long_tail/static]
    html_css_files: [quiz.css]
    suppress_warnings: ["mystnb.unknown_mime_type"]

# _toc.yml
"""


def files(stem: str) -> Iterator[tuple[str, str]]:
    """Place and text of all that a lesson needs in the other book."""
    if stem not in pack.stems():
        raise CourseError(f"There is no lesson {stem!r}; lessons: {', '.join(pack.stems())}.")
    target = f"notebooks/{stem}.ipynb"
    lesson = pack.read(f"notebooks/{stem}")
    lesson.cells.append(nbformat.v4.new_markdown_cell(license_line(stem), id="license"))
    text = pack.plainly(lesson, f"notebooks/{stem}", target, PLACES.get)
    yield target, text
    if "figures/towers.svg" in text:
        yield PLACES[FIGURE], (plain.ROOT / FIGURE).read_text(encoding="utf-8")
    yield f"book/quizzes/{stem[3:]}.toml", questions(stem)
    yield "long_tail/quizzes.py", Path(pack.plain.__file__).with_name("quizzes.py").read_text()
    yield "long_tail/static/quiz.js", (STATIC / "quiz.js").read_text(encoding="utf-8")
    yield (
        "long_tail/static/quiz.css",
        "".join(QUIZ_RULE.findall((STATIC / "course.css").read_text())),
    )


def license_line(stem: str) -> str:
    """Where the lesson is from, and under which licenses."""
    course = plain.page("[The Long Tail Course]", f"notebooks/{stem}")
    return (
        f"---\n\n*This lesson is from {course}, version {__version__}. Text "
        "and figures: [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/). Code: MIT.*"
    )


def questions(stem: str) -> str:
    """The lesson's questions as TOML, without roles."""
    lines = []
    for question in quiz_bank.questions(stem):
        lines += ["[[question]]", f"text = {_text(stem, question['text'])}"]
        for choice in question["choice"]:
            lines += ["[[question.choice]]"]
            lines += [f"{key} = {_text(stem, choice[key])}" for key in ("text", "reason")]
            lines += ["right = true"] if choice.get("right") else []
    return "\n".join(lines) + "\n"


def _text(stem: str, text: str) -> str:
    """A TOML string, which JSON's are."""
    made = plain.markdown(text, f"notebooks/{stem}", f"notebooks/{stem}.ipynb", places=PLACES.get)
    return json.dumps(made, ensure_ascii=False)


def embed(stem: str, book: Path) -> list[str]:
    """Write the files; return their places. Nothing is written if one would be lost."""
    if not (book / "_config.yml").exists():
        raise CourseError(f"{book} has no _config.yml; give the folder of a Jupyter Book.")
    wanted = dict(files(stem))
    for name, text in wanted.items():
        path = book / name
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise CourseError(f"{path} is there and differs; move it away, and embed again.")
    for name, text in wanted.items():
        (book / name).parent.mkdir(parents=True, exist_ok=True)
        (book / name).write_text(text, encoding="utf-8")
    return list(wanted)


def main(arguments: list[str]) -> int:
    """Embed, and print what is left to do; 2 if nothing was done."""
    if len(arguments) != 2:
        print("Give a lesson and a book: python book/tools/embed.py 00_start_here FOLDER")
        return 2
    stem, book = arguments[0], Path(arguments[1])
    try:
        written = embed(stem, book)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(["Written:", *(f"  {name}" for name in written), "", "Add:", ""]))
    print(SETTINGS + f"- file: notebooks/{stem}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
