"""Downloads: one part streamed into a sink in order, and only whole bytes are believed.

* The bytes are taken as they are on the wire. What a header says of their kind or encoding is often wrong (a type that
  nobody set, "aws-chunked" kept from an upload): the first bytes decide, and only those that are no file are refused.
  A file coded with gzip or deflate is taken so, and readers undo the coding. Any other coding is refused by name.
* Announced size, Content-Length and received bytes must agree, as far as each of them is known. The announced size of
  a coded file may be that of the decoded file, so there Content-Length and received bytes must agree.
* A broken transfer resumes only where it is provable that the rest belongs to the same file: strong ETag unchanged,
  206, and a Content-Range that begins where we stopped (RFC 9110, sections 13.1.5 and 14). The sink takes bytes in
  order and cannot go back, so everything else ends the transfer, and the engine begins a new one.
* A refusal by a storage host is about the link, never about the API key.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from strongroom.model.content_coding import OPENING, begins_export, detect_coding, is_zstd, peek
from strongroom.model.errors import (
    AuthRefused,
    CodingRefused,
    Interrupted,
    LinkDead,
    StrongroomError,
    TransferError,
    Transient,
)
from strongroom.model.provider import Part
from strongroom.providers.answers import HARMLESS, plain_words, retry_at
from strongroom.providers.exchange import WireFailed, WireResponse
from strongroom.providers.policy import HttpPolicy
from strongroom.providers.port import Received

_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")
_STRONG = re.compile(r'"[\x21\x23-\x7e]*"')
_AGAIN = frozenset({202, 408, 425, 429})  # 202: accepted, so there is nothing yet
_MARKUP = re.compile(rb"\s*<(?=[?!A-Za-z])(!doctype\b|html\b|head\b|body\b)?", re.IGNORECASE)
_UNDONE = re.compile(r"x?-?gzip|deflate")
_CODINGS = {"br": "br (Brotli)", "compress": "compress (LZW)", "x-compress": "compress (LZW)"}
_LOG = logging.getLogger("strongroom.providers")


def download(policy: HttpPolicy, part: Part, sink: Callable[[bytes], None], stop: Callable[[], bool]) -> int:
    """Stream the part into the sink and return its bytes.

    Raises LinkDead, CodingRefused, TransferError, Interrupted; Transient when nothing came because the host is in
    trouble; AuthRefused when the API itself refuses the key for an authenticated part. What the sink has taken is
    worthless after any of them.
    """
    return _Download(policy, part, sink, stop).run()


class _Source(Struct):
    """What the first answer said about the file."""

    etag: str  # strong, or empty
    total: int | None


class _Download:
    def __init__(self, policy: HttpPolicy, part: Part, sink: Callable[[bytes], None], stop: Callable[[], bool]) -> None:
        self._policy = policy
        self._part = part
        self._sink = sink
        self._stop = stop
        self._cap = policy.bounds.export
        self._wrong: TransferError | None = None  # raised once the first bytes have shown what the file is
        self._begun = b""  # the very first bytes
        self._length: int | None = None  # the first answer's Content-Length
        self._headers_seen: Mapping[str, str] = {}  # the first answer's headers
        self._received = 0
        self._sized = False  # whether the host or the API said how many bytes there are
        self._source: _Source | None = None
        self._opening: bytes | None = b""  # the first bytes, until they have been judged

    def run(self) -> int:
        """Fetch the part, resuming at most as often as the policy's bounds allow."""
        if self._part.size is not None and self._part.size > self._cap:
            raise self._too_large(self._part.size)
        broken = ""
        for _resume in range(self._policy.bounds.resumes + 1):
            broken = self._fetch()
            if not broken:
                return self._finish()
            source = self._source
            if source is None or not source.etag or source.total is None or not self._received:
                raise TransferError(f"the download broke off {self._so_far()} and cannot be resumed: {broken}")
        raise TransferError(f"the download broke off {self._so_far()} after every resume: {broken}")

    def _fetch(self) -> str:
        """Fetch what is missing; return why it broke off, or empty when the body has ended."""
        with self._policy.open(
            self._part.locator, authenticated=self._part.authenticated, headers=self._headers(), stop=self._stop
        ) as answer:
            _check_status(answer, self._policy, resuming=self._source is not None)
            if self._source is None:
                self._begin(answer)
            else:
                self._go_on(answer, self._source)
            try:
                self._take(answer)
            except WireFailed as exc:
                return str(exc)
        total = self._source.total if self._source else None
        return "the body ended early" if total is not None and self._received < total else ""

    def _headers(self) -> Mapping[str, str]:
        wanted = {"Accept": self._part.accept} if self._part.accept else {}
        if self._source is None:
            return wanted
        return {**wanted, "Range": f"bytes={self._received}-", "If-Range": self._source.etag}

    def _begin(self, answer: WireResponse) -> None:
        self._headers_seen = answer.headers
        length = _length(answer)
        if length is not None and self._part.size is not None and length != self._part.size:
            words = f"the file should have {self._part.size} bytes, its host announces {length}"
            self._wrong = TransferError(words)
        self._length = length
        total = self._part.size if length is None else length
        self._sized = total is not None
        if total is not None and total > self._cap:
            raise self._too_large(total)
        etag = answer.headers.get("etag", "")
        self._source = _Source(etag if _STRONG.fullmatch(etag) else "", total)

    def _go_on(self, answer: WireResponse, source: _Source) -> None:
        """Check that the answer continues the very file that was begun."""
        if answer.status != 206:
            raise TransferError(f"the download cannot be resumed here: its host answered {answer.status}, not 206")
        if answer.headers.get("content-type", "").lower().startswith("multipart/"):
            raise TransferError("the resumed download came in several pieces, which was not requested")
        if answer.headers.get("content-encoding", "") != self._headers_seen.get("content-encoding", ""):
            raise TransferError("the resumed download came in another encoding")
        span = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if span is None or not int(span[1]) == self._received <= int(span[2]) < int(span[3]) == source.total:
            raise TransferError(f"the resumed download does not continue {self._so_far()}")
        if answer.headers.get("etag", "") != source.etag:
            raise TransferError("the file has changed while it was downloaded")
        length = _length(answer)
        if length is not None and length != int(span[2]) + 1 - self._received:
            raise TransferError("the resumed download announces two different lengths")

    def _take(self, answer: WireResponse) -> None:
        for chunk in answer.chunks():
            if self._stop():
                raise Interrupted("the download was stopped; it will begin again")
            if self._received < OPENING:
                self._look(chunk)
            self._received += len(chunk)
            total = self._source.total if self._source else None
            if total is not None and self._received > total:
                raise TransferError(f"more bytes came than the {total} announced")
            if self._received > self._cap:
                raise self._too_large(self._received)
            self._pass(chunk)

    def _look(self, chunk: bytes) -> None:
        """Look whether the file is coded: then its announced size says nothing of the bytes on the wire."""
        self._begun = (self._begun + chunk)[:OPENING]
        if detect_coding(self._begun) and self._source is not None:
            self._source.total = self._length
            self._wrong = None

    def _pass(self, chunk: bytes) -> None:
        """Hand the bytes on, the first of them once they have been judged."""
        if self._opening is not None:
            chunk = self._opening = self._opening + chunk
            if len(chunk) < OPENING:
                return
            self._opening = None
            self._judge(chunk)
        self._sink(chunk)

    def _judge(self, opening: bytes) -> None:
        """Raise where the first bytes are not those of the file, or its size is not the announced one."""
        _check_opening(opening, self._headers_seen)
        if self._wrong is not None:
            raise self._wrong

    def _finish(self) -> int:
        if self._opening is not None:
            self._judge(self._opening)
            if self._opening:
                self._sink(self._opening)
        if not self._sized:
            _LOG.warning(
                "%s: its size was not announced; only its content can show that its %d bytes are complete",
                self._part.name,
                self._received,
            )
        return Received(self._received, announced=self._sized)

    def _so_far(self) -> str:
        total = self._source.total if self._source else None
        return f"after {self._received} of {'an unknown number of' if total is None else total} bytes"

    def _too_large(self, size: int) -> TransferError:
        return TransferError(
            f"the file has at least {size} bytes, allowed are {self._cap}",
            hint="raise max_export_size for this source, or export shorter windows",
        )


def _check_status(answer: WireResponse, policy: HttpPolicy, *, resuming: bool) -> None:
    status = answer.status
    if status == (206 if resuming else 200):
        return
    if answer.authenticated and status in (401, 403):
        raise AuthRefused(
            f"{policy.label} refused the API key for a download ({status})",
            hint="check that the API key is current and may fetch exports",
            status=status,
        )
    if resuming and (status in (200, 412, 416) or status in _AGAIN or status >= 500):
        raise TransferError(f"the download cannot be resumed here: its host answered {status}")
    raise _trouble(answer)


def _trouble(answer: WireResponse) -> StrongroomError:
    """Return the error for a first answer that does not deliver the file."""
    status = answer.status
    if status in _AGAIN or status >= 500:
        return Transient(
            f"the host that holds the file cannot serve it now ({status})",
            status=status,
            retry_at=retry_at(answer.headers, None, answer.at),
        )
    if 400 <= status < 500:
        return LinkDead(
            f"the download link is dead ({status})",
            hint="Strongroom requests a new link; there is nothing to do",
            status=status,
        )
    return TransferError(f"the host that holds the file answered {status} instead of the file")


def _check_opening(opening: bytes, headers: Mapping[str, str]) -> None:
    """Refuse a web page, an error document, several pieces in one, and a coding that no reader undoes."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("multipart/") and opening.lstrip().startswith(b"--"):
        raise TransferError("the file came in several pieces in one answer, which was not requested")
    markup = _MARKUP.match(opening.removeprefix(b"\xef\xbb\xbf"))
    if markup is not None and not (markup[1] or kind.endswith("html")):
        raise LinkDead(
            "an error document came instead of the file", hint="Strongroom requests a new link; there is nothing to do"
        )
    if markup is not None:
        raise TransferError("a web page came instead of the file", hint="check for a proxy or login page on the way")
    _check_coding(opening, headers.get("content-encoding", ""))


def _check_coding(opening: bytes, label: str) -> None:
    """Raise CodingRefused for a coding that no reader undoes, and for two on one another. The bytes decide."""
    coding = detect_coding(opening)
    inner = peek(opening, coding) if coding else opening
    if is_zstd(inner):
        raise _refused_coding("zstd" if not coding else f"zstd inside {coding}")
    if coding and detect_coding(inner):
        raise _refused_coding(f"{detect_coding(inner)} inside {coding}")
    if not inner or begins_export(inner):
        return
    names = [name.strip() for name in label.lower().split(",")]
    strange = [name for name in names if not (HARMLESS.fullmatch(name) or _UNDONE.fullmatch(name))]
    if strange:
        raise _refused_coding(", ".join(_CODINGS.get(name, plain_words(name, limit=60)) for name in strange))
    if not coding and "deflate" in names:
        raise TransferError("the file is labeled Content-Encoding: deflate, but its first bytes are not deflate")


def _refused_coding(shown: str) -> CodingRefused:
    return CodingRefused(
        f"the file came with a content coding that Strongroom does not undo: {shown}",
        hint="ask the provider to serve exports without Content-Encoding, or with gzip or deflate",
    )


def _length(answer: WireResponse) -> int | None:
    text = answer.headers.get("content-length", "")
    return int(text) if re.fullmatch(r"[0-9]{1,19}", text) else None
