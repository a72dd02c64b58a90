"""A headless Chromium, driven over its DevTools protocol: just enough to look at a page."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import itertools
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import websocket

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--hide-scrollbars --remote-debugging-port=0"
)
PATIENCE = 60  # seconds for one step


class Tab:
    """One tab: open a page, evaluate JavaScript in it, take its picture."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=PATIENCE, suppress_origin=True)
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result; events that come meanwhile are kept."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def evaluate(self, script: str) -> Any:
        """Return the value of a JavaScript expression; promises are awaited."""
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def open(self, url: str, width: int = 1280, dark: bool = False, calm: bool = False) -> None:
        """Open a page at a width in pixels and wait until its formulas are set.

        `dark` and `calm` are what a reader's system asks for: a dark theme, less motion.
        """
        self.events.clear()
        asked = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if calm else "no-preference",
        }
        features = [{"name": name, "value": value} for name, value in asked.items()]
        self.call("Emulation.setEmulatedMedia", features=features)
        self._show(width, 900)
        self.call("Page.navigate", url=url)
        end = time.monotonic() + PATIENCE
        while self.evaluate("document.readyState + location.href") != f"complete{url}":
            if time.monotonic() > end:
                raise TimeoutError(f"{url} was not loaded in {PATIENCE} s.")
            time.sleep(0.05)
        self.evaluate("window.MathJax && MathJax.startup && MathJax.startup.promise.then(() => 1)")
        self.evaluate("new Promise(done => setTimeout(done, 400))")

    def errors(self) -> list[str]:
        """Return what the page complained about on the console since it was opened."""
        found = []
        for event in self.events:
            details = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                thrown = details["exceptionDetails"]
                found.append(thrown.get("exception", {}).get("description", thrown["text"]))
            elif event.get("method") == "Log.entryAdded" and details["entry"]["level"] == "error":
                found.append(f"{details['entry']['text']} {details['entry'].get('url', '')}")
            elif event.get("method") == "Runtime.consoleAPICalled" and details["type"] == "error":
                found.append(" ".join(str(a.get("value", a)) for a in details["args"]))
        return found

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for since it was opened."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def picture(self, path: Path) -> None:
        """Write a PNG of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        # Chromium draws no more than 16,384 pixels in one direction.
        self._show(size["width"], min(size["height"], 16_000))
        self.evaluate("new Promise(done => setTimeout(done, 400))")
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _show(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )


@contextlib.contextmanager
def browser() -> Iterator[Tab]:
    """Start Chromium with a profile of its own; yield a tab; end it."""
    if CHROMIUM is None:
        raise FileNotFoundError("there is no Chromium on PATH")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [CHROMIUM, *FLAGS.split(), f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port_file = Path(profile, "DevToolsActivePort")
            end = time.monotonic() + PATIENCE
            while not port_file.exists() or "\n" not in port_file.read_text():
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("Chromium did not start.")
                time.sleep(0.1)
            port = port_file.read_text().splitlines()[0]
            with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = [entry for entry in json.load(answer) if entry["type"] == "page"]
            yield Tab(tabs[0]["webSocketDebuggerUrl"])
        finally:
            process.terminate()
            process.wait(PATIENCE)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine only; yield its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
