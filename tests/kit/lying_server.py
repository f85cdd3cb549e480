"""A proxy on loopback that makes of MiniStack a server whose object locks are whole, or one that lies about one thing.

Whole means: it says its time, it keeps the lock of an object that is sent in parts, and no key may bypass a lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum
from urllib.parse import parse_qs, urlsplit

from kit.proxies import ProxyHandler, served

LOCK = "x-amz-object-lock-"
BYPASS = "x-amz-bypass-governance-retention"
SUM = "x-amz-checksum-sha256"
ENDING = frozenset({"connection", "transfer-encoding", "content-length", "date", "expect"})


class Lie(Enum):
    NOTHING = "no lie"
    DROPS_RETENTION = "an object that is sent with a lock gets none"
    SHORTENS = "a lock may end earlier"
    SHORTENS_AT_WRITE = "a lock ends earlier than it was given"
    DOWNGRADES = "a compliance lock becomes a governance lock"
    DELETES_LOCKED = "a locked version is removed, and the removal is said to be refused"
    DELETES_HELD = "a legal hold is accepted and not kept"
    BYPASSES = "a lock is bypassed on request"
    OLD_BYTES = "what is read is what was read first"
    WRONG_CHECKSUM = "a checksum is not looked at"
    LOSES_PARTS = "an object that is sent in parts gets no lock"
    NEVER_EXTENDS = "a lock is said to be extended, and is not"
    LOCKS_ALL = "each object is locked"
    WRONG_TIME = "the server is 20 minutes ahead"


@contextmanager
def lying_server(upstream: int, lie: Lie) -> Iterator[int]:
    """Run the proxy; yield its port."""

    class Handler(_Handler):
        pass

    Handler.upstream, Handler.lie, Handler.begun, Handler.first = upstream, lie, {}, {}
    Handler.downgraded = set()
    with served(Handler) as port:
        yield port


Headers = dict[str, str]
Answer = tuple[int, Headers, bytes]


class _Handler(ProxyHandler):
    lie: Lie
    begun: dict[str, Headers]  # by path: the lock of what is being sent in parts
    first: dict[str, Answer]  # by path: the first answer to a read
    downgraded: set[str]  # paths

    def take(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() not in ENDING}
        address = urlsplit(self.path)
        self._answer(self._act(address.path, parse_qs(address.query, keep_blank_values=True), headers, body))

    def _act(self, path: str, query: dict[str, list[str]], headers: Headers, body: bytes) -> Answer:
        if self.lie is not Lie.BYPASSES:
            headers.pop(BYPASS, None)
        match self.command:
            case "PUT" if "retention" in query:
                return self._retention(path, headers, body)
            case "PUT" if "legal-hold" in query:
                return (200, {}, b"") if self.lie is Lie.DELETES_HELD else self._forward(headers, body)
            case "PUT" if not query:
                return self._forward(self._written(headers), body)
            case "POST" if "uploads" in query:
                self.begun[path] = {name: value for name, value in headers.items() if name.startswith(LOCK)}
            case "POST" if "uploadId" in query and self.lie is not Lie.LOSES_PARTS:
                return self._completed(path, headers, body)
            case "DELETE" if "versionId" in query and self.lie is Lie.DELETES_LOCKED:
                self._forward({**headers, BYPASS: "true"}, body)
                return 403, {"content-type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>"
            case "GET" if "retention" in query and path in self.downgraded:
                status, found, data = self._forward(headers, body)
                return status, found, data.replace(b"COMPLIANCE", b"GOVERNANCE")
            case "GET" if not query and self.lie is Lie.OLD_BYTES:
                return self.first[path]
        return self._forward(headers, body)

    def _written(self, headers: Headers) -> Headers:
        match self.lie:
            case Lie.DROPS_RETENTION:
                return {name: value for name, value in headers.items() if not name.startswith(LOCK)}
            case Lie.WRONG_CHECKSUM:
                return {name: value for name, value in headers.items() if name != SUM}
            case Lie.SHORTENS_AT_WRITE if f"{LOCK}mode" in headers:
                return {**headers, **_until(timedelta(minutes=1))}
            case Lie.LOCKS_ALL if f"{LOCK}mode" not in headers:
                return {**headers, f"{LOCK}mode": "GOVERNANCE", **_until(timedelta(days=1))}
        return headers

    def _retention(self, path: str, headers: Headers, body: bytes) -> Answer:
        match self.lie:
            case Lie.NEVER_EXTENDS:
                return 200, {}, b""
            case Lie.SHORTENS:
                return self._forward({**headers, BYPASS: "true"}, body)
            case Lie.DOWNGRADES if b"GOVERNANCE" in body:
                self.downgraded.add(path)
                return 200, {}, b""
        return self._forward(headers, body)

    def _completed(self, path: str, headers: Headers, body: bytes) -> Answer:
        answer, lock = self._forward(headers, body), self.begun[path]
        mode, until = lock[f"{LOCK}mode"], lock[f"{LOCK}retain-until-date"]
        document = f"<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
        assert self._send("PUT", f"{path}?retention", {}, document.encode())[0] == 200
        return answer

    def _forward(self, headers: Headers, body: bytes) -> Answer:
        answer = self._send(self.command, self.path, headers, body)
        if self.command == "PUT" and "?" not in self.path and self.path not in self.first:
            self.first[self.path] = self._send("GET", self.path, {}, b"")
        return answer

    def _send(self, method: str, path: str, headers: Headers, body: bytes) -> Answer:
        status, got, data = self.ask_upstream(method, path, headers, body)
        return status, {name: value for name, value in got.items() if name.lower() not in ENDING}, data

    def _answer(self, answer: Answer) -> None:
        status, headers, body = answer
        ahead = timedelta(minutes=20 if self.lie is Lie.WRONG_TIME else 0)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)


def _until(wait: timedelta) -> Headers:
    return {f"{LOCK}retain-until-date": f"{datetime.now(UTC) + wait:%Y-%m-%dT%H:%M:%SZ}"}
