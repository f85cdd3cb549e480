"""Figures over HTTP, for this very machine: one address, one document, prepared beforehand.

One thread serves all clients concurrently and sleeps while there is none. A client has a few seconds for the whole
exchange, and only so many are served at once: others wait in the system's queue, so that none that is silent or slow
keeps another from its answer for longer than that.

A page in a browser could reach a loopback port under a name of its own making, so a request must call us by a loopback
address or as localhost.
"""

from __future__ import annotations

import ipaddress
import os
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit

from strongroom.config.outgoing import Endpoint
from strongroom.model.errors import UsageError, WorldError

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"
PATIENCE = 2.0  # seconds for a client to send its request and take the answer
MOST = 32  # clients at once
REST = 1.0  # seconds without new clients where the system lets none in
LONGEST = 8 << 10  # bytes of a request

_LINE = re.compile(rb"([A-Z]{1,20}) ([\x21-\x7e]{1,2000}) HTTP/1\.[01]")
_WORDS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    421: "Misdirected Request",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
}


def answer_to(request: bytes, text: bytes) -> bytes | None:
    """Return the answer to what a client has sent so far, or None where its request is not complete yet."""
    head, ended, _body = request.partition(b"\r\n\r\n")
    if not ended:
        return _answer(431) if len(request) > LONGEST else None
    first, *rest = head.split(b"\r\n")
    line = _LINE.fullmatch(first)
    if line is None:
        return _answer(400)
    if line[1] != b"GET":
        return _answer(501)
    headers = {name.strip().lower(): value.strip().decode("latin-1") for name, _, value in _split(rest)}
    if not _names_loopback(headers.get(b"host", "")):
        return _answer(421)
    if line[2].partition(b"?")[0] != b"/metrics":
        return _answer(404)
    modern = "application/openmetrics-text" in headers.get(b"accept", "")
    return _answer(200, OPENMETRICS if modern else PLAIN, text)


def _split(lines: list[bytes]) -> list[tuple[bytes, bytes, bytes]]:
    return [line.partition(b":") for line in lines]


def _answer(status: int, kind: str = "text/plain", body: bytes = b"") -> bytes:
    lines = (
        f"HTTP/1.1 {status} {_WORDS[status]}",
        "Server: strongroom",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class _Client:
    """One exchange. `over` once it has its answer, went away, or sent what is none."""

    def __init__(self, link: socket.socket, until: float) -> None:
        link.setblocking(False)
        self.link, self.until = link, until
        self.over = False
        self.answering = False
        self._request = bytearray()
        self._answer = b""

    def advance(self, text: bytes) -> None:
        """Read or write as much as goes without waiting."""
        with suppress(BlockingIOError):
            try:
                self._send() if self.answering else self._receive(text)
            except BlockingIOError:
                raise
            except OSError:  # it went away
                self.over = True

    def _receive(self, text: bytes) -> None:
        got = self.link.recv(LONGEST + 1)
        self._request += got
        found = answer_to(bytes(self._request), text)
        self.over = not got and found is None
        if found is not None:
            self.answering, self._answer = True, found
            self._send()

    def _send(self) -> None:
        self._answer = self._answer[self.link.send(self._answer) :]
        if not self._answer:
            self.over = True
            self.link.shutdown(socket.SHUT_WR)


class MetricsServer:
    """Answers GET /metrics with the text it was last given. A context manager."""

    def __init__(self, endpoint: Endpoint, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin to listen. Raises UsageError off loopback and WorldError where the port cannot be had."""
        if not ipaddress.ip_address(endpoint.host).is_loopback:
            raise UsageError(f"metrics are served on loopback alone, not on {endpoint.host}", hint="listen = 127.0.0.1")
        try:
            family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
            self._listener = socket.create_server((endpoint.host, endpoint.port), family=family, backlog=128)
        except OSError as error:
            raise WorldError(f"the metrics cannot be served at {endpoint}: {error.strerror}") from None
        self._listener.setblocking(False)
        self._monotonic = monotonic
        self._text = b"# EOF\n"
        self._clients: dict[socket.socket, _Client] = {}
        self._rest_until = 0.0  # where the system lets nobody in
        self._ended, self._end = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="metrics", daemon=True)
        self._thread.start()

    def __enter__(self) -> MetricsServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def host(self) -> str:
        """The address that is listened to."""
        return str(self._listener.getsockname()[0])

    @property
    def port(self) -> int:
        """The port that is listened to."""
        return int(self._listener.getsockname()[1])

    def show(self, text: bytes) -> None:
        """Answer with this from now on."""
        self._text = text

    def close(self) -> None:
        """Stop listening, and end what is under way."""
        os.close(self._end)
        self._thread.join()
        os.close(self._ended)
        self._listener.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._ended, selectors.EVENT_READ)
            while True:
                self._admit(waiting)
                for key, _events in waiting.select(self._pause()):
                    if key.fileobj == self._ended:
                        self._drop(waiting, list(self._clients.values()))
                        return
                    if key.fileobj is self._listener:
                        self._accept(waiting)
                    else:
                        self._advance(waiting, self._clients[key.fileobj])  # type: ignore[index]  # one of our sockets
                now = self._monotonic()
                self._drop(waiting, [each for each in self._clients.values() if each.until <= now])

    def _pause(self) -> float | None:
        """Return the seconds until something must be done unasked; None where nothing must."""
        ends = [each.until for each in self._clients.values()]
        ends += [self._rest_until] if self._rest_until else []
        return max(0.0, min(ends) - self._monotonic()) if ends else None

    def _admit(self, waiting: selectors.BaseSelector) -> None:
        """Watch for new clients exactly while there is room for one."""
        if self._rest_until and self._monotonic() >= self._rest_until:
            self._rest_until = 0.0
        wanted = len(self._clients) < MOST and not self._rest_until
        watched = self._listener.fileno() in waiting.get_map()
        if wanted and not watched:
            waiting.register(self._listener, selectors.EVENT_READ)
        elif watched and not wanted:
            waiting.unregister(self._listener)

    def _accept(self, waiting: selectors.BaseSelector) -> None:
        try:
            link, _address = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # it went away already
            return
        except OSError:  # no descriptor is left
            self._rest_until = self._monotonic() + REST
            return
        client = self._clients[link] = _Client(link, self._monotonic() + PATIENCE)
        waiting.register(link, selectors.EVENT_READ)
        self._advance(waiting, client)

    def _advance(self, waiting: selectors.BaseSelector, client: _Client) -> None:
        client.advance(self._text)
        if client.over:
            self._drop(waiting, [client])
        elif client.answering:
            waiting.modify(client.link, selectors.EVENT_WRITE)

    def _drop(self, waiting: selectors.BaseSelector, clients: list[_Client]) -> None:
        for each in clients:
            del self._clients[each.link]
            waiting.unregister(each.link)
            each.link.close()
