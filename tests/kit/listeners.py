"""Real ears on this machine: an HTTP server that takes what it is sent, and programs that write down what they get."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WAIT = 60.0  # seconds for a real thread or process; never slept through when all is well


@dataclass
class Heard:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Ear:
    """A server on loopback. `status` is what it answers; while `held` is clear it does not answer at all."""

    port: int
    heard: list[Heard] = field(default_factory=list)
    status: int = 200
    location: str = ""
    held: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.heard]


@contextmanager
def listening() -> Iterator[Ear]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.take()

        def do_POST(self) -> None:
            self.take()

        def take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            ear.heard.append(Heard(self.command, self.path, headers, body))
            ear.held.wait(WAIT)
            self.send_response(ear.status)
            if ear.location:
                self.send_header("Location", ear.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    ear = Ear(server.server_address[1])
    ear.held.set()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield ear
    finally:
        ear.held.set()
        server.shutdown()
        server.server_close()
        thread.join()


def until(true: Callable[[], object], between: Callable[[], object] = lambda: None) -> None:
    """Wait until something is true, doing something between two looks."""
    end = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < end, "it did not come about"
        between()
        time.sleep(0.01)


def script(folder: Path, name: str, body: str) -> Path:
    """Write a program in Python."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport json, os, pathlib, sys, time\nhere = {str(folder)!r}\n{body}\n")
    path.chmod(0o700)
    return path
