"""A proxy on loopback before a server of buckets, on which requests and answers get lost, torn, late or old."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum

from kit.proxies import ProxyHandler, served

SKEW_ALLOWED = timedelta(minutes=15)  # as AWS does
ENDING = frozenset({"connection", "transfer-encoding", "content-length"})


class Fault(Enum):
    RESET = "the connection is reset before the server has the request"
    LOST = "the server does it, and the connection is reset before the answer"
    TORN = "half of the answer arrives"
    SLOW_DOWN = "503 SlowDown"
    HANG = "no answer"
    OTHER = "a web page of somebody else"
    STALE = "what was true when this was first asked for"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass
class FaultyProxy:
    """A running proxy. `choose` is asked for each request, by method and path."""

    port: int = 0
    choose: Callable[[str, str], Fault | None] = lambda _method, _path: None
    ahead: timedelta = timedelta(0)  # how far the server's clock is ahead of this machine's
    faults: list[Fault] = field(default_factory=list)  # that happened
    first: dict[str, Answer] = field(default_factory=dict)  # by path: the first answer to a read


@contextmanager
def faulty_proxy(upstream: int) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy()

    class Handler(_Handler):
        pass

    Handler.proxy, Handler.upstream = proxy, upstream
    with served(Handler) as proxy.port:
        yield proxy


class _Handler(ProxyHandler):
    proxy: FaultyProxy

    def take(self, body: bytes) -> None:
        if self._is_skewed():
            return self._answer(_error(403, "RequestTimeTooSkewed"))
        fault = self.proxy.choose(self.command, self.path)
        if fault is Fault.STALE and (self.command not in ("GET", "HEAD") or self.path not in self.proxy.first):
            fault = None
        if fault is not None:
            self.proxy.faults.append(fault)
        if fault is Fault.RESET:
            return self._reset()
        if fault is Fault.SLOW_DOWN:
            return self._answer(_error(503, "SlowDown"))
        if fault is Fault.OTHER:
            return self._answer(Answer(200, (("Content-Type", "text/html"),), b"<html><p>Please log in<br></html>"))
        if fault is Fault.HANG:
            self.connection.recv(1)  # until the client gives up
            self.close_connection = True
            return None
        answer = self.proxy.first[self.path] if fault is Fault.STALE else self._forward(body)
        if fault is Fault.LOST:
            return self._reset()
        return self._answer(answer, len(answer.body) // 2 if fault is Fault.TORN else None)

    def _is_skewed(self) -> bool:
        sent = datetime.strptime(self.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return abs(datetime.now(UTC) + self.proxy.ahead - sent) > SKEW_ALLOWED

    def _forward(self, body: bytes) -> Answer:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        status, got, data = self.ask_upstream(self.command, self.path, headers, body)
        kept = tuple(each for each in got.items() if each[0].lower() not in ENDING)
        if self.command == "HEAD":
            kept += (("Content-Length", got.get("Content-Length") or "0"),)
        answer = Answer(status, kept, data)
        if self.command in ("GET", "HEAD"):
            missing = answer.status == 404
            self.proxy.first.setdefault(self.path, _error(404, "NoSuchKey") if missing else answer)
        return answer

    def _answer(self, answer: Answer, most: int | None = None) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if "content-length" not in {name.lower() for name, _value in answer.headers}:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[:most])
        if most is not None:
            self.close_connection = True  # no reset, which could overtake what was sent

    def _reset(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def finish(self) -> None:
        if self.connection.fileno() >= 0:
            super().finish()


def _error(status: int, code: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return Answer(status, (("Content-Type", "application/xml"),), body)
