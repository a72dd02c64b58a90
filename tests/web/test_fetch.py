"""Fetching a set: told first, checked, and resumed where it was."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lt_course.data.photographs import tiny_imagenet
from lt_course.errors import CourseError
from lt_course.web import cli
from lt_course.web.datasets import fetch


class Server(ThreadingHTTPServer):
    """Sends bytes, or a part of them, or breaks off."""

    content = b""
    breaks_off_after: int | None = None
    with_ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/set.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        start = int(wanted[6:-1]) if wanted and self.server.with_ranges else 0
        if start >= len(self.server.content):
            self.send_error(416)
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.breaks_off_after])

    def log_message(self, *_: object) -> None:
        pass


def archive(train: int = 3, lists: dict[str, bytes] | None = None) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name in fetch.LISTS:
            made.writestr(f"{tiny_imagenet.FOLDER}/{name}", (lists or {}).get(name, b"a list"))
        for n in range(train):
            made.writestr(f"{tiny_imagenet.FOLDER}/train/n0/images/{n}.JPEG", bytes(300_000))
        made.writestr(f"{tiny_imagenet.FOLDER}/val/images/val_0.JPEG", b"")
    return file.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    known = hashlib.md5(b"a list").hexdigest()
    monkeypatch.setattr(fetch, "LISTS", dict.fromkeys(fetch.LISTS, known))
    monkeypatch.setattr(fetch, "COUNTS", {"train/": 3, "val/images/": 1})
    with Server() as made:
        made.content = archive()
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()


def test_size_and_terms_are_told_first_and_all_is_unpacked(server: Server, tmp_path: Path) -> None:
    said: list[str] = []

    def tell(text: str) -> None:
        assert said or not server.asked, "told before anything is asked for"
        said.append(text)

    folder = fetch.fetch(tmp_path, server.url, tell)
    assert "248 MB" in said[0]
    assert "not commercial" in said[0]
    assert fetch.MD5 in said[0]
    assert "not the one that others print" in said[1]
    assert sorted(path.name for path in (folder / "train/n0/images").iterdir()) == [
        "0.JPEG", "1.JPEG", "2.JPEG",
    ]  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {tiny_imagenet.FOLDER}
    with pytest.raises(CourseError, match="is there already"):
        fetch.fetch(tmp_path, server.url, tell)


@pytest.mark.parametrize("with_ranges", [True, False])
def test_a_download_that_broke_off_goes_on(
    server: Server, tmp_path: Path, with_ranges: bool
) -> None:
    server.with_ranges, server.breaks_off_after = with_ranges, 400_000
    with pytest.raises(CourseError, match=r"broke off after|could not be fetched"):
        fetch.fetch(tmp_path, server.url)
    part = tmp_path / "tiny-imagenet-200.zip.part"
    kept = part.stat().st_size
    assert 0 < kept <= 400_000
    server.breaks_off_after = None
    fetch.fetch(tmp_path, server.url)
    assert server.asked == [None, f"bytes={kept}-"]
    assert not part.exists()


def test_a_whole_part_is_taken_for_the_archive(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tiny-imagenet-200.zip.part").write_bytes(server.content)
    assert (fetch.fetch(tmp_path, server.url) / "wnids.txt").is_file()


def test_another_archive_is_refused(server: Server, tmp_path: Path) -> None:
    server.content = archive(lists={"words.txt": b"another"})
    with pytest.raises(CourseError, match=r"words.txt in .* is not the known one"):
        fetch.fetch(tmp_path / "lists", server.url)
    server.content = archive(train=2)
    with pytest.raises(CourseError, match="has 2 pictures in train/, and not 3"):
        fetch.fetch(tmp_path / "counts", server.url)
    server.content = b"<html>not found</html>"
    with pytest.raises(CourseError, match="is not the archive of Tiny ImageNet"):
        fetch.fetch(tmp_path / "other", server.url)
    assert not (tmp_path / "counts" / tiny_imagenet.FOLDER).exists()


def test_what_cannot_be_fetched_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CourseError, match=r"could not be fetched .* goes on"):
        fetch.fetch(tmp_path, "http://127.0.0.1:9/none.zip")
    monkeypatch.setattr(fetch, "free_mib", lambda path: 5)
    with pytest.raises(CourseError, match="5 MiB free, and 800 are needed"):
        fetch.fetch(tmp_path, "http://127.0.0.1:9/none.zip")
    monkeypatch.delenv("LT_COURSE_DATA", raising=False)
    assert cli.main(["data", "fetch", "tiny-imagenet"]) == 2
    assert "LT_COURSE_DATA is not set" in capsys.readouterr().err
    assert cli.main(["data", "fetch", "laionet"]) == 2
    assert "no set that can be fetched 'laionet'" in capsys.readouterr().err
