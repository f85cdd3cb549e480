"""One file over one connection: ranges, validators, and the ways in which a transfer goes wrong.

Ranges follow RFC 9110: one range is served as 206, several or unreadable ones are ignored, one that begins past the
end is a 416, and an If-Range that does not match the strong ETag gives the whole file.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from strongroom_sandbox.encoders import coding_label, encode
from strongroom_sandbox.faults import FaultKind, InjectedFault, Length, first
from strongroom_sandbox.hosts import SandboxConnection
from strongroom_sandbox.options import TransferOptions

CHUNK = 1 << 18
"""Bytes handed to the connection at a time."""


class StoredFile(Struct, frozen=True):
    """A file ready to be served."""

    path: Path
    size: int  # bytes
    etag: str  # without quotes
    filename: str  # what Content-Disposition calls it
    media_type: str
    modified: datetime
    records: int = 0  # in it


class _Plan(Struct, frozen=True):
    status: int
    start: int  # first byte of the file that is sent
    stop: int  # one past the last byte that is sent
    whole: int  # one past the last byte that a sound answer would send
    headers: dict[str, str] = field(default_factory=dict)


def serve_file(
    request: Request, file: StoredFile, faults: tuple[InjectedFault, ...], options: TransferOptions
) -> Response:
    """Return the answer to a GET or HEAD for this file, with the transfer faults applied."""
    coded = first(faults, FaultKind.CODED)
    if coded is not None:
        file = _as_coded(file, coded)
    etag = f'"{file.etag}{"-changed" if first(faults, FaultKind.NEW_ETAG) else ""}"'
    asked = _wanted_range(request, file.size, etag) if options.ranges else None
    if asked is not None and asked[0] >= file.size:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{file.size}"})
    headers = _common_headers(file, etag, options) | ({"Content-Encoding": coding_label(coded.name)} if coded else {})
    _relabel(headers, faults)
    plan = _plan(file, asked, faults, headers)
    squeezed = first(faults, FaultKind.GZIP) is not None and "gzip" in request.headers.get("accept-encoding", "")
    if squeezed:
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        headers.pop("Content-Length", None)
    return _Transfer(file.path, plan, faults, options, squeezed=squeezed)


def _as_coded(file: StoredFile, fault: InjectedFault) -> StoredFile:
    """Return the file as it is stored coded beside the plain one: always the same bytes."""
    path = file.path.with_name(f"{file.path.name}.{fault.count}.{fault.name}")
    path.write_bytes(encode(file.path.read_bytes(), fault.name, fault.count))
    return replace(file, path=path, size=path.stat().st_size, etag=f"{file.etag}-{fault.name}")


def _relabel(headers: dict[str, str], faults: tuple[InjectedFault, ...]) -> None:
    shown, kind = first(faults, FaultKind.LABEL), first(faults, FaultKind.MEDIA_TYPE)
    if shown is not None:
        headers.pop("Content-Encoding", None)
        headers |= {} if shown.name == "none" else {"Content-Encoding": shown.name}
    if kind is not None:
        headers.pop("Content-Type", None)
        headers |= {"Content-Type": kind.name} if kind.name else {}


def _wanted_range(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", "").replace(" ", ""))
    if match is None or match.groups() == ("", "") or request.headers.get("if-range", etag) != etag:
        return None
    left, right = match.groups()
    if not left:
        return (max(0, size - int(right)), size) if int(right) else (size, size)
    stop = min(size, int(right) + 1) if right else size
    return None if right and int(right) < int(left) else (int(left), stop)


def _common_headers(file: StoredFile, etag: str, options: TransferOptions) -> dict[str, str]:
    headers = {
        "Content-Type": file.media_type,
        "Content-Disposition": f'attachment; filename="{file.filename}"',
        "Last-Modified": format_datetime(file.modified, usegmt=True),
    }
    if options.etags:
        headers["ETag"] = etag
    if options.ranges:
        headers["Accept-Ranges"] = "bytes"
    return headers


def _plan(
    file: StoredFile, asked: tuple[int, int] | None, faults: tuple[InjectedFault, ...], headers: dict[str, str]
) -> _Plan:
    start, whole = asked or (0, file.size)
    wrong = first(faults, FaultKind.WRONG_RANGE)
    if asked and wrong:
        start = min(max(0, start - wrong.by), whole - 1)
    cut = first(faults, FaultKind.CUT)
    stop = min(whole, max(start, cut.at)) if cut and cut.length is not Length.OVER else whole
    if asked:
        headers["Content-Range"] = f"bytes {start}-{whole - 1}/{file.size}"
    claim = cut.length if cut else Length.TRUE
    if claim is not Length.ABSENT:
        sent = {Length.TRUE: whole - start, Length.CUT: stop - start, Length.OVER: whole - start + 1024}[claim]
        headers["Content-Length"] = str(sent)
    return _Plan(206 if asked else 200, start, stop, whole, headers)


class _Transfer(Response):
    def __init__(
        self,
        path: Path,
        plan: _Plan,
        faults: tuple[InjectedFault, ...],
        options: TransferOptions,
        *,
        squeezed: bool = False,
    ) -> None:
        super().__init__()
        self._path = path
        self._plan = plan
        self._cut = first(faults, FaultKind.CUT)
        self._flip = first(faults, FaultKind.FLIP)
        self._rate = options.rate
        self._squeezed = squeezed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (ASGI's signature)
        raw = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in self._plan.headers.items()]
        await send({"type": "http.response.start", "status": self._plan.status, "headers": raw})
        if scope["method"] != "HEAD":
            for chunk in self._encoded():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if self._rate:
                    await asyncio.sleep(len(chunk) / self._rate)
            if self._broken():
                await self._break(scope["state"]["wire"])
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _broken(self) -> bool:
        if self._cut is None:
            return False
        short = self._plan.stop < self._plan.whole and self._cut.length is Length.TRUE
        return short or self._cut.reset or self._cut.length is Length.OVER

    async def _break(self, wire: SandboxConnection) -> None:
        if self._cut is not None and self._cut.reset:
            await wire.reset()
        else:
            await wire.close()

    def _encoded(self) -> Iterator[bytes]:
        if not self._squeezed:
            yield from self._chunks()
            return
        squeeze = zlib.compressobj(1, zlib.DEFLATED, 31)
        for chunk in self._chunks():
            yield squeeze.compress(chunk)
        yield squeeze.flush()

    def _chunks(self) -> Iterator[bytes]:
        size = CHUNK if self._rate is None else max(1, min(CHUNK, self._rate // 10))
        position = self._plan.start
        with self._path.open("rb") as file:
            file.seek(position)
            while position < self._plan.stop:
                chunk = file.read(min(size, self._plan.stop - position))
                if not chunk:
                    return
                yield self._flipped(chunk, position)
                position += len(chunk)

    def _flipped(self, chunk: bytes, position: int) -> bytes:
        if self._flip is None or not position <= self._flip.at < position + len(chunk):
            return chunk
        changed = bytearray(chunk)
        changed[self._flip.at - position] ^= 0xFF
        return bytes(changed)
