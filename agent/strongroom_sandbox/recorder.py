"""Every request that reaches an origin is kept, whole, before anything answers it: tests assert what was sent where.

Credentials that reach a place where they do not belong are reported at once: where the environment names a file in
STRONGROOM_SANDBOX_LEAKS, every such request becomes a line in it. The line is written before the request is answered,
so it is there even if the sandbox is killed, in whatever process it runs. It names the place and what was wrong, never
the credential.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strongroom.model.times import Clock

VARIABLE = "STRONGROOM_SANDBOX_LEAKS"
CARRIERS = ("authorization", "proxy-authorization", "x-api-key", "cookie")
"""Headers that no request to a storage host needs, whatever they hold."""
BODY_CAP = 1 << 20
"""Bytes of a request body the sandbox reads before it answers 413."""


class SandboxOrigin(StrEnum):
    """The hosts of the sandbox, each on a port of its own."""

    API = "api"  # Zavu's
    HOOKBRIDGE = "hookbridge-api"
    QLARA = "qlara-api"
    STORAGE = "storage"  # files of all providers
    MIRROR = "mirror"  # a second storage host, where redirects can lead


STORES = frozenset({SandboxOrigin.STORAGE, SandboxOrigin.MIRROR})


class ProviderName(StrEnum):
    """The services that are simulated."""

    ZAVU = "zavu"
    HOOKBRIDGE = "hookbridge"
    QLARA = "qlara"


_PROVIDERS = {
    SandboxOrigin.API: ProviderName.ZAVU,
    SandboxOrigin.HOOKBRIDGE: ProviderName.HOOKBRIDGE,
    SandboxOrigin.QLARA: ProviderName.QLARA,
}


class Operation(StrEnum):
    """What a client wants, whichever provider it asks."""

    CREATE = "create"
    GET = "get"
    LIST = "list"
    LINK = "link"  # asks the API where the file is
    RENEW = "renew"  # has an expired export made again, under its id
    DELETE = "delete"
    BROWSE = "browse"  # reads records without an export
    PLAN = "plan"  # reads what the account pays for
    DOWNLOAD = "download"  # wants the file itself, at whichever host


class RecordedRequest(Struct):
    """One request as it arrived, and what became of it. Snapshots are copies and do not change."""

    number: int  # from 1, in order of arrival over all origins
    at: datetime  # on the sandbox's clock
    origin: SandboxOrigin
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]  # names in lower case, in the order sent
    body: bytes
    json: object  # the body read as JSON, None where it is not JSON
    operation: Operation | None = None  # None for a path that is not served
    job: str = ""  # the export the request names, where it names one
    status: int | None = None  # None: no answer was sent (yet)
    sent: int = 0  # bytes of body handed to the connection
    faults: tuple[str, ...] = ()  # kinds of the faults that this request met
    provider: ProviderName | None = None  # whose API, or whose file; None at storage for an unknown token

    def header(self, name: str) -> str | None:
        """Return the first value of this header, or None."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def param(self, name: str) -> str | None:
        """Return the first value of this query parameter, or None."""
        return next((value for key, value in self.query if key == name), None)

    def holds(self, text: str) -> bool:
        """Say whether the text is anywhere in the request: path, query, headers or body."""
        places = [self.path, *(part for pair in (*self.query, *self.headers) for part in pair)]
        return any(text in place for place in places) or text.encode() in self.body


class LeakedCredentials:
    """Looks at every request. `homes` says of each credential, as it is sent, which origins may see it."""

    def __init__(self, homes: Mapping[str, frozenset[SandboxOrigin]]) -> None:
        self._homes = {secret: homes for secret, homes in homes.items() if secret}

    def check(self, request: RecordedRequest) -> None:
        """Report the request if it carries what it should not, where the environment names a file for that."""
        report = os.environ.get(VARIABLE)
        if report:
            for words in self.find(request):
                with Path(report).open("a") as file:
                    file.write(f"{request.method} to {request.origin}: {words}\n")

    def find(self, request: RecordedRequest) -> Iterator[str]:
        """Yield what is wrong with a request, in words."""
        if request.origin in STORES:
            carried = [name for name in CARRIERS if request.header(name) is not None]
            yield from (f"it has the header {name}" for name in carried)
        for secret, homes in self._homes.items():
            if request.origin not in homes and request.holds(secret):
                yield f"it holds the credential of {' and '.join(sorted(homes))}"


class Requests(Struct, frozen=True):
    """A snapshot of what was recorded, in order of arrival."""

    all: tuple[RecordedRequest, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.all)

    def where(self, test: Callable[[RecordedRequest], bool]) -> tuple[RecordedRequest, ...]:
        """Return the requests that pass the test."""
        return tuple(filter(test, self.all))

    def of(self, operation: Operation) -> tuple[RecordedRequest, ...]:
        """Return the requests for one operation."""
        return self.where(lambda request: request.operation is operation)

    @property
    def creates(self) -> tuple[RecordedRequest, ...]:
        """Every attempt to create an export."""
        return self.of(Operation.CREATE)

    @property
    def downloads(self) -> tuple[RecordedRequest, ...]:
        """Every attempt to fetch a file, redirected ones included."""
        return self.of(Operation.DOWNLOAD)

    def to(self, provider: ProviderName) -> Requests:
        """Return the requests to one provider, those for its files at storage included."""
        return Requests(self.where(lambda request: request.provider is provider))

    @property
    def at_storage(self) -> tuple[RecordedRequest, ...]:
        """Every request that reached a storage host."""
        return self.where(lambda request: request.origin in STORES)

    def headers_at_storage(self, name: str) -> tuple[str, ...]:
        """Return each value of this header that reached a storage host; empty is what a careful client leaves."""
        return tuple(value for request in self.at_storage if (value := request.header(name)) is not None)

    def leaked(self, secret: str, home: SandboxOrigin) -> tuple[RecordedRequest, ...]:
        """Return the requests that carried this credential to any other origin, in whatever place and header style.

        Basic credentials are given as they are sent: encoded in base64.
        """
        return self.where(lambda request: request.origin is not home and request.holds(secret))


class Recorder:
    """Keeps the requests of all origins. Safe to read from any thread."""

    def __init__(self, clock: Clock, leaks: LeakedCredentials) -> None:
        self._clock = clock
        self._leaks = leaks
        self._entries: list[RecordedRequest] = []
        self._lock = threading.Lock()

    def open(self, origin: SandboxOrigin, scope: Scope, body: bytes) -> RecordedRequest:
        """Keep a request that has just arrived and return its entry, to be completed by who answers."""
        with self._lock:
            entry = RecordedRequest(
                number=len(self._entries) + 1,
                at=self._clock(),
                origin=origin,
                method=scope["method"],
                path=scope["path"],
                query=tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
                headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]),
                body=body,
                json=_read_json(body),
                provider=_PROVIDERS.get(origin),
            )
            self._entries.append(entry)
            self._leaks.check(entry)
        return entry

    def snapshot(self) -> Requests:
        """Return a copy of everything kept so far."""
        with self._lock:
            return Requests(tuple(replace(entry) for entry in self._entries))

    def clear(self) -> None:
        """Forget everything kept so far."""
        with self._lock:
            self._entries.clear()


class Recording:
    """ASGI middleware of one origin: records each request, dates each answer by the sandbox's clock."""

    def __init__(self, app: ASGIApp, origin: SandboxOrigin, recorder: Recorder, clock: Clock) -> None:
        self._app = app
        self._origin = origin
        self._recorder = recorder
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record the request, then let the application answer it."""
        if scope["path"].startswith("/_sandbox/"):
            await self._app(scope, receive, send)
            return
        body = await _read_body(receive)
        if body is None:
            await PlainTextResponse("the request body is too large", 413)(scope, receive, send)
            return
        entry = self._recorder.open(self._origin, scope, body)
        scope["state"]["entry"] = entry
        await self._app(scope, _replay(body, receive), self._observe(entry, send))

    def _observe(self, entry: RecordedRequest, send: Send) -> Send:
        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                date = format_datetime(self._clock(), usegmt=True).encode("ascii")
                message = {**message, "headers": [*message["headers"], (b"date", date)]}
            else:
                entry.sent += len(message.get("body", b""))
            await send(message)

        return observed


def _read_json(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _read_body(receive: Receive) -> bytes | None:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if sum(map(len, parts)) > BODY_CAP:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
