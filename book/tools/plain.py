"""MyST made plain, for readers that are not Sphinx: Jupyter, Markdown, a learning platform.

A role such as ``{doc}`` or ``{cite:t}`` is shown raw by everything but the book. ``markdown``
turns roles into words and links and leaves the rest of a text as it is; ``words`` leaves no
markup at all, and writes formulas as one line. Links lead from one file to the other: in the pack
that ``pack.py`` makes, ``place`` says where a document of the book is; in the repository, ``here``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import address
from pybtex.database import parse_file  # type: ignore[import-untyped]

from lt_course.errors import CourseError

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {
    "book/instructor/capstone": "rubrics/capstone.md",
    "book/instructor/survey": "survey.md",
    "book/_static/towers.svg": "student/figures/towers.svg",
}
FOLDERS = {
    "notebooks/solutions/": ("solutions/", ".ipynb"),
    "notebooks/": ("student/", ".ipynb"),
    "book/instructor/": ("instructor/", ".md"),
    "_static/slides/": ("slides/", ""),
}

# In this order: what stands in a block or span of code is left alone.
MARKUP = re.compile(
    r"^[ ]*```(?P<directive>\{[\w-]+\})?.*?^[ ]*```[ ]*$"
    r"|\{(?P<role>[a-z][a-z:]*)\}`(?P<body>[^`]+)`"
    r"|`+[^`]+`+"
    r"|(?P<text>\[[^\]\n]*\])\((?P<target>[^)\s]+)\)"
    r"|^\((?P<label>[\w-]+)\)=\n",
    re.MULTILINE | re.DOTALL,
)
NAMED = re.compile(r"(?P<words>.+?)\s*<(?P<target>[^>]+)>", re.DOTALL)
SPAN = re.compile(
    r"`(?P<code>[^`]+)`|\$(?P<formula>[^$]+)\$|(?P<stars>\*{1,2})(?=\S)(?P<stressed>.+?)(?P=stars)"
    r"|\[(?P<linked>[^\]]+)\]\([^)]+\)",
    re.DOTALL,
)
RAW = re.compile(r"\{[a-z][a-z:+-]*\}`|(?:```|:::)\{[^}\n]*\}|^\([\w-]+\)=$", re.MULTILINE)
SIGNS = {
    **{name: name for name in ("log", "exp")},
    **{"pi": "π", "cdot": "·", "mid": "|", "in": "∈", "partial": "∂", "sqrt": "√", "top": "T"},
    **{"mathcal": "", ",": " "},
}

Places = Callable[[str], str | None]
"""Where a document of the book is; None: in the book alone."""


class Links(NamedTuple):
    """From where and to where links lead: what all roles of one text share."""

    document: str
    target: str
    places: Places
    figures: Mapping[str, str]


def place(document: str) -> str | None:
    """Where a document of the book is in the pack; None for one that is not in it."""
    if document in ELSEWHERE:
        return ELSEWHERE[document]
    for folder, (there, ending) in FOLDERS.items():
        if document.startswith(folder):
            return there + document.removeprefix(folder) + ending
    return None


def here(document: str) -> str | None:
    """Where a document of the book is in the repository."""
    endings = (".ipynb", ".md", "")
    return next((document + e for e in endings if (ROOT / f"{document}{e}").is_file()), None)


def markdown(
    text: str,
    document: str,
    target: str,
    figures: Mapping[str, str] | None = None,
    places: Places = place,
) -> str:
    """Turn roles into words and links; raise if one has no plain form.

    Args:
        text: MyST Markdown.
        document: Where it is from, for example ``book/instructor/lessons/data``.
        target: Where it goes in the pack, for example ``instructor/lessons/data.md``.
        figures: Captions of the figures that ``{numref}`` may name.
        places: Where other documents are, from where `target` is counted too.
    """
    links = Links(document, target, places, figures or {})

    def plain(match: re.Match[str]) -> str:
        if match["role"]:
            return _role(match, links)
        if match["target"]:
            return _link(match["text"], match["target"], links)
        if match["directive"] == "{code-cell}":
            there = page(f"[{title(document)}]", document)
            return f"*This is computed in the book, on its page {there}.*"
        return "" if match["label"] else match[0]

    # Decks are written when all pages are there, so Markdown has no link that leads to them.
    text = re.sub(r'<a href="([^"]*_static/slides/[^"]+)">([^<]+)</a>', r"[\2](\1)", text)
    made = MARKUP.sub(plain, re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL))
    if found := RAW.search(made):
        raise CourseError(
            f"{document}: {found[0]!r} has no plain form: write one in book/tools/plain.py."
        )
    return made


def words(text: str, document: str) -> str:
    """Leave words alone: no roles, links, emphasis or code, and formulas in one line."""

    def plain(match: re.Match[str]) -> str:
        if match["formula"]:
            return formula(match["formula"])
        return match["code"] or SPAN.sub(plain, match["stressed"] or match["linked"])

    return " ".join(SPAN.sub(plain, markdown(text, document, "")).split())


def formula(tex: str) -> str:
    r"""Write a short formula as one line of text: ``\sqrt{C - 1}`` becomes ``√(C - 1)``."""

    def sign(match: re.Match[str]) -> str:
        if match[1] not in SIGNS:
            raise CourseError(
                f"The formula {tex!r} has {match[0]!r}: add it to SIGNS in book/tools/plain.py."
            )
        return SIGNS[match[1]]

    line = re.sub(r"\\([A-Za-z]+|,)", sign, tex)
    line = line.replace("{", "(").replace("}", ")").replace("^2", "²")
    return re.sub(r"∂ ", "∂", " ".join(line.split()))


@cache
def title(document: str) -> str:
    """The first heading of a document."""
    paths = (ROOT / f"{document}{ending}" for ending in (".md", ".py"))
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        raise CourseError(f"{document} is no document of the book: mend the link that names it.")
    form = r"^# (.+)$" if path.suffix == ".md" else r"^# # (.+)$"
    heading = re.search(form, path.read_text(encoding="utf-8"), re.MULTILINE)
    if heading is None:
        raise CourseError(f"{path.relative_to(ROOT)} has no heading of the first level: write one.")
    return heading[1]


@cache
def _references() -> dict[str, tuple[str, str, str]]:
    """Of each entry of the bibliography: authors, year and address (or "")."""
    found = {}
    for key, entry in parse_file(ROOT / "book" / "references.bib").entries.items():
        people = entry.persons.get("author") or entry.persons["editor"]
        last = [" ".join(map(str, person.rich_last_names)) for person in people]
        names = f"{last[0]} et al." if len(last) > 2 else " and ".join(last)
        doi = entry.fields.get("doi")
        url = entry.fields.get("url") or (f"https://doi.org/{doi}" if doi else "")
        found[key] = (names, entry.fields["year"], url)
    return found


def _role(match: re.Match[str], links: Links) -> str:
    role, body = match["role"], " ".join(match["body"].split())
    named = NAMED.fullmatch(body)
    if role == "term":
        return named["words"] if named else body
    if role == "doc":
        link = named["target"] if named else body
        words = named["words"] if named else title(_named(link, links.document))
        return _link(f"[{words}]", link, links)
    if role in ("cite", "cite:p", "cite:t"):
        entries = [_references()[key.strip()] for key in body.split(",")]
        if role == "cite:t":
            return ", ".join(_linked(f"{names} ({year})", url) for names, year, url in entries)
        return f"({'; '.join(_linked(f'{names}, {year}', url) for names, year, url in entries)})"
    if role == "numref" and body in links.figures:
        before = match.string[: match.start()]
        article = "The" if re.search(r"(\A|[.:?!]\s|\n\n)\Z", before) else "the"
        first = re.split(r"\.(?= |\Z)", links.figures[body])[0]
        return f"{article} figure “{first}”"
    return match[0]


def _linked(text: str, url: str) -> str:
    return f"[{text}]({url})" if url else text


def _named(link: str, document: str) -> str:
    """The document that a link in `document` names, counted from the repository's root."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(document), link))


def _link(text: str, link: str, links: Links) -> str:
    """A link to `link`, written in a document, from the place where its text goes."""
    if re.match(r"[a-z]+:|#", link):
        return f"{text}({link})"
    name = _named(link, links.document)
    if "/slides/" not in name and here(name) is None:
        return text[1:-1]  # a label within the page: a reader of a file has no use for it
    there = links.places(name)
    if there is None:
        return page(text, name)
    return f"{text}({posixpath.relpath(there, posixpath.dirname(links.target) or '.')})"


def page(text: str, document: str) -> str:
    """A link to a page of the built book; words alone where no address of it is known."""
    published = address.read()
    if published is None or not published.pages:
        return text[1:-1]
    return f"{text}({published.pages}{document}.html)"
