"""The released icons: which sets may be used, and each drawing with its author's name for it."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pooch

from lt_course.errors import CourseError

ICONIFY_VERSION = "2.2.535"
ICONIFY_URL = f"https://registry.npmjs.org/@iconify/json/-/json-{ICONIFY_VERSION}.tgz"
ICONIFY_SHA256 = "1a545f86fa224d6531d8fb101dcbe83aac2b28689a21cbed6fc68318a5af4d91"

LICENCES = frozenset({"MIT", "Apache-2.0", "ISC", "CC0-1.0", "OFL-1.1", "CC-BY-4.0", "CC-BY-3.0"})
# Trademarks: a free drawing of a logo is still somebody's logo.
CATEGORIES_LEFT_OUT = frozenset({"Logos", "Programming"})
SETS_LEFT_OUT = frozenset(
    {
        "academicons",  # logos of archives and publishers
        "bitcoin-icons",  # one product's screens
        "bpmn",  # a notation, not things
        "cif",
        "devicon-line",
        "devicon-original",
        "fa-brands",
        "fa6-brands",
        "fa7-brands",
        "circle-flags",
        "flag",
        "flagpack",
        "geo",
        "ginetex",  # textile care symbols
        "line-md",  # animated: a still shows half a drawing
        "nrk",  # a broadcaster's own marks
        "streamline-emojis",  # numbered faces
        "svg-spinners",
    }
)
CATEGORY_WORDS_LEFT_OUT = ("flag", "brand", "logo", "programming", "social media")


@dataclass(frozen=True)
class Source:
    """One icon set of the release that may be used."""

    prefix: str
    name: str
    author: str
    licence: str
    url: str


@dataclass(frozen=True)
class Drawing:
    """One drawing as released: ``style`` is what the set declares, ``words`` the rest."""

    source: str
    name: str
    words: tuple[str, ...]
    style: tuple[str, ...]
    aliases: tuple[str, ...]
    category: str
    svg: str

    @property
    def address(self) -> tuple[str, str]:
        """The set and the name: unique in the release."""
        return self.source, self.name


def fetch(tarball: Path | None) -> Path:
    """The pinned release of the icons; arguments and errors as `pinned`."""
    return pinned(tarball, ICONIFY_URL, ICONIFY_SHA256, f"@iconify/json {ICONIFY_VERSION}")


def pinned(path: Path | None, url: str, sha256: str, what: str) -> Path:
    """A pinned file: the given one, once its bytes are known to be right, or a download.

    Raises:
        CourseError: the given file is missing or has another hash.
    """
    return (
        Path(pooch.retrieve(url, f"sha256:{sha256}"))
        if path is None
        else checked(path, sha256, what)
    )


def checked(path: Path, sha256: str, what: str) -> Path:
    """``path`` itself, once its bytes are known to be the pinned ones; errors as `pinned`."""
    if not path.is_file():
        raise CourseError(f"{path} does not exist; give the file of {what}, or none at all.")
    found = pooch.file_hash(str(path))
    if found != sha256:
        raise CourseError(
            f"{path} is not {what}: its sha256 is {found}, expected {sha256}; "
            "download that release or give no file."
        )
    return path


def read(tarball: Path) -> tuple[dict[str, Source], list[Drawing]]:
    """The usable sets by prefix, and all their drawings in the release's order."""
    content: dict[str, dict] = {}
    with tarfile.open(tarball) as archive:
        for member in archive:
            if member.name.startswith("package/json/") and member.name.endswith(".json"):
                stream = archive.extractfile(member)
                if stream is not None:
                    content[Path(member.name).stem] = json.load(stream)
    sources = {}
    drawings: list[Drawing] = []
    for prefix in sorted(content):
        info = content[prefix]["info"]
        licence = info["license"].get("spdx", "")
        if (
            licence not in LICENCES
            or info.get("category") in CATEGORIES_LEFT_OUT
            or prefix in SETS_LEFT_OUT
        ):
            continue
        author = info["author"]
        url = author.get("url") or f"https://icon-sets.iconify.design/{prefix}/"
        sources[prefix] = Source(prefix, info["name"], author["name"], licence, url)
        drawings.extend(_drawings(prefix, content[prefix]))
    return sources, drawings


def _drawings(prefix: str, content: dict) -> Iterator[Drawing]:
    aliases: dict[str, list[str]] = {}
    for alias, entry in content.get("aliases", {}).items():
        # A turned or mirrored alias is another drawing; only plain second names count.
        if set(entry) <= {"parent", "hidden"}:
            aliases.setdefault(entry["parent"], []).append(alias)
    category: dict[str, str] = {}
    for name, members in content.get("categories", {}).items():
        for member in members:
            category.setdefault(member, name)
    width, height = content.get("width", 16), content.get("height", 16)
    for name, icon in content["icons"].items():
        group = category.get(name, "")
        if icon.get("hidden") or any(w in group.lower() for w in CATEGORY_WORDS_LEFT_OUT):
            continue
        words, style = _declared_style(name, content)
        box = (
            icon.get("left", content.get("left", 0)),
            icon.get("top", content.get("top", 0)),
            icon.get("width", width),
            icon.get("height", height),
        )
        view = " ".join(f"{value:g}" for value in box)
        yield Drawing(
            source=prefix,
            name=name,
            words=words,
            style=style,
            aliases=tuple(aliases.get(name, ())),
            category=group,
            svg=(
                '<svg xmlns="http://www.w3.org/2000/svg" '
                'xmlns:xlink="http://www.w3.org/1999/xlink" '
                f'width="{box[2]:g}" height="{box[3]:g}" viewBox="{view}">{icon["body"]}</svg>'
            ),
        )


def _declared_style(name: str, content: dict) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The name's words, and the style that the set's own prefixes and suffixes give it."""
    style = ""
    for suffix in sorted(content.get("suffixes", {}), key=len, reverse=True):
        if suffix and name.endswith(f"-{suffix}"):
            name, style = name.removesuffix(f"-{suffix}"), content["suffixes"][suffix]
            break
    for prefix in sorted(content.get("prefixes", {}), key=len, reverse=True):
        if prefix and name.startswith(f"{prefix}-"):
            name, style = name.removeprefix(f"{prefix}-"), content["prefixes"][prefix]
            break
    return _words(name), _words(style.lower().replace(" ", "-"))


def _words(name: str) -> tuple[str, ...]:
    return tuple(word for word in name.replace("_", "-").lower().split("-") if word)
