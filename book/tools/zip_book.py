"""Pack the built book for a computer without a network: one zip, opened with its index.html.

    python book/tools/zip_book.py

Of what ``make book`` built, the launch and repository buttons go, and so do the addresses that
only a site needs. A link in the text that leads to the web is marked. A browser lets no page that
was opened from a file read another, so what the search shows of its findings comes with a script.
"""

from __future__ import annotations

import json
import re
import sys
import time
from html import escape
from pathlib import Path

import pack
from bs4 import BeautifulSoup
from bs4.element import Tag

from lt_course.errors import CourseError

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "_build" / "html"
TARGET = ROOT / "_build" / "long-tail-course-offline.zip"
FOLDER = "long-tail-course"
LEFT_OUT = (".buildinfo", "objects.inv")
WEB = re.compile(r"^(https?:)?//")
BUTTONS = ".dropdown-launch-buttons, .dropdown-source-buttons"
OUTSIDE = '<style>a.outside::after { content: " ↗" / " (on the web)"; }</style>'
SEARCH = "_static/searchtools.js"
PAGES = "_static/pages.js"
READS_A_PAGE = re.compile(r"fetch\(requestUrl\)\s*\.then\(\(\w+\) => \w+\.text\(\)\)")
GIVEN_A_PAGE = "Promise.resolve(window.PAGES[docName])"


def offline(html: str) -> tuple[str, str]:
    """Return a page that names no other host but in marked links, and what the search quotes."""
    page = BeautifulSoup(html, "html.parser")
    for element in page.select("meta[content], link[href]"):
        if WEB.match(str(element.get("content") or element.get("href"))):
            element.decompose()
    for element in page.select(BUTTONS):
        element.decompose()
    links = [link for link in page.select("a[href]") if WEB.match(str(link["href"]))]
    for link in links:
        link["class"] = " ".join([*(link.get("class") or []), "outside"])
        link["rel"] = "noreferrer"
    if page.head and links:
        page.head.append(BeautifulSoup(OUTSIDE, "html.parser"))
    if page.head and page.select_one("#search-results"):
        page.head.append(page.new_tag("script", src=PAGES))
    text = str(page)
    section = page.select_one("article section[id]")
    return text, f'<div role="main">{_outline(section)}</div>' if section else ""


def _outline(section: Tag) -> str:
    """Return a section, and those in it, as plain text in <section> elements."""
    inner = [_outline(child.extract()) for child in section.find_all("section", recursive=False)]
    for element in section.select("script, style, .headerlink"):
        element.decompose()
    text = escape(" ".join(section.get_text(" ").split()), quote=False)
    return f'<section id="{section["id"]}">{text} {"".join(inner)}</section>'


def files(book: Path) -> dict[str, bytes]:
    """Return the edition's files, by their names, from the folder of the built HTML."""
    if not (book / "search.html").exists():
        raise CourseError(f"{book} holds no built book: run `make book` first.")
    made, pages = {}, {}
    for path in sorted(book.rglob("*")):
        name = path.relative_to(book).as_posix()
        if not path.is_file() or name in LEFT_OUT:
            continue
        content = path.read_bytes()
        if path.suffix == ".html" and not name.startswith("_"):
            html, quoted = offline(content.decode())
            content = html.encode()
            if quoted:
                pages[name.removesuffix(".html")] = quoted
        made[name] = content
    made[PAGES] = f"window.PAGES = {json.dumps(pages, ensure_ascii=False)};\n".encode()
    script, replaced = READS_A_PAGE.subn(GIVEN_A_PAGE, made[SEARCH].decode())
    if replaced != 1:
        raise CourseError(
            f"{SEARCH} of this Sphinx reads pages in another way: mend READS_A_PAGE in {__file__}."
        )
    made[SEARCH] = script.encode()
    return made


def main() -> int:
    """Pack; return the exit status."""
    started = time.perf_counter()
    try:
        made = files(BOOK)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    TARGET.write_bytes(pack.zipped({f"{FOLDER}/{name}": made[name] for name in made}))
    size = TARGET.stat().st_size / 1e6
    print(f"The offline book ({size:.1f} MB, {time.perf_counter() - started:.0f} s): {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
