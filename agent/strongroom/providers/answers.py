"""API answers: their text made safe to show, the wait they ask for, their encoding undone, and the errors they mean.

A create is judged more strictly than a read: only an answer that proves that nothing was created may say so, and
everything else is Unanswered, because the engine asks again after the one but looks first after the other.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

from msgspec import Struct

from strongroom.model.errors import (
    AuthRefused,
    NotOffered,
    ProviderError,
    QuotaExceeded,
    RequestRefused,
    Transient,
    Unanswered,
)

HIDDEN = "[hidden]"

_ADDRESS = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{1,20}://)(?:[^\s/@?#\"'<>]*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?")
_SCHEME = re.compile(r"\b(bearer|basic)\s+(?=[^\s\"',;]*[0-9._~+/=-])[^\s\"',;]{6,}", re.IGNORECASE)
_PAIR = re.compile(
    r"(?<![A-Za-z0-9])(token|signature|sig|secret|password|key|api-?key|credential|authorization)"
    r"(\"?\s{0,9}(?:=|:(?=[\s\"]{0,9}[^\s,;]{0,256}[0-9]))\s{0,9}\"?)(?!\[hidden\])[^\s&\"',;]{4,}",
    re.IGNORECASE,
)
_SHORTEST = 4


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without the secrets (also percent-encoded), tokens and queries of addresses.

    A secret shorter than four characters is not looked for: it would hide half of any sentence.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN).replace(quote(secret, safe=""), HIDDEN)
    text = _ADDRESS.sub(r"\1\2", text)
    text = _PAIR.sub(rf"\1\2{HIDDEN}", text)
    return _SCHEME.sub(rf"\1 {HIDDEN}", text)


def plain_words(text: object, secrets: Iterable[str] = (), limit: int = 200) -> str:
    """Return foreign text as one printable, redacted line of at most `limit` characters; empty if it is not text."""
    if not isinstance(text, str):
        return ""
    visible = "".join(char if char.isprintable() else " " for char in text[: limit * 50])
    line = redact(" ".join(visible.split()), secrets)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


LONGEST = timedelta(days=1)
_MILLISECONDS_FROM = 1e11  # Unix times below this (until the year 5138) can only be meant as seconds


def retry_at(headers: Mapping[str, str], body: object, now: datetime) -> datetime | None:
    """Return when to ask again, or None where the answer does not say. Pure.

    `headers` have lower-case names. Read are `Retry-After` (RFC 9110: seconds or a date), `X-RateLimit-Reset` (Unix
    milliseconds, or seconds where the number is too small for that) and `retryAfter` in the body, its `details` or
    its `error` (seconds). `now` is our own clock.
    """
    theirs = parse_date(headers.get("date", "")) or now
    waits = [wait for wait in _waits(headers, body, theirs) if math.isfinite(wait) and wait > 0]
    if not waits:
        return None
    return now + min(timedelta(seconds=min(max(waits), LONGEST.total_seconds())), LONGEST)


def parse_date(text: str) -> datetime | None:
    """Read an HTTP date; None for anything else."""
    from email.utils import parsedate_to_datetime  # brings half of `email`, for answers alone

    try:
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _waits(headers: Mapping[str, str], body: object, theirs: datetime) -> Iterator[float]:
    after = headers.get("retry-after", "")
    yield _number(after)
    if (date := parse_date(after)) is not None:
        yield (date - theirs).total_seconds()
    reset = _number(headers.get("x-ratelimit-reset", ""))
    yield (reset / 1000 if reset >= _MILLISECONDS_FROM else reset) - theirs.timestamp()
    yield from (_number(holder.get("retryAfter", holder.get("retry_after"))) for holder in _holders(body))


def _holders(body: object) -> Iterator[Mapping[str, object]]:
    if isinstance(body, dict):
        yield body
        yield from (inner for key in ("details", "error") if isinstance(inner := body.get(key), dict))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


HARMLESS = re.compile(r"identity|aws-chunked|binary|none|utf-?8|us-ascii|iso-8859-1|[78]bit|base64|\s*")
"""Labels that servers send as a content coding although they are none."""

_WBITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}  # zlib's words; some servers send deflate bare


class PlainBody(Struct, frozen=True):
    """A body as it was before it was encoded."""

    body: bytes
    whole: bool
    coding: str = ""  # the encoding that it still has, because it is not known here


def undo(coding: str, body: bytes, whole: bool, cap: int) -> PlainBody:
    """Return the body decoded, `whole` False where it broke off or is larger than `cap` bytes. Never raises."""
    names = [name for name in map(str.strip, coding.lower().split(",")) if not HARMLESS.fullmatch(name)]
    if not names:
        return PlainBody(body, whole)
    if len(names) > 1 or names[0] not in _WBITS:
        return PlainBody(body, whole, ", ".join(names))
    for wbits in _WBITS[names[0]]:
        machine = zlib.decompressobj(wbits)
        try:
            plain = machine.decompress(body, cap)
        except zlib.error:
            continue
        return PlainBody(plain, whole and machine.eof)
    return PlainBody(b"", False)


_LONG_AGE = 10  # digits of an Age that says nothing: decades
_REQUEST_IDS = ("x-request-id", "request-id", "x-correlation-id", "cf-ray")


class Unusable(ValueError):
    """An answer with a good status whose body is not what it should be. The message says what is wrong."""


class ProviderProblem(Struct, frozen=True):
    """What the provider says about a refusal: its own code and words, printable, short, redacted, perhaps empty."""

    code: str = ""
    words: str = ""


@dataclass(frozen=True)
class ApiResponse:
    """One whole answer of an API. Its body is parsed once, however many entries of a list are read from it."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # names in lower case
    body: bytes = field(repr=False)
    at: datetime  # when it came, by our clock
    whole: bool = True  # False when the body was cut at the cap or broke off
    secrets: tuple[str, ...] = field(default=(), repr=False)  # what must not be repeated from the body
    coding: str = ""  # an encoding of the body that could not be undone

    def content(self) -> dict[str, object]:
        """Return the body as a JSON object; raises Unusable."""
        value = self.value()
        if not isinstance(value, dict):
            raise Unusable("the answer is not a JSON object")
        return value

    def value(self) -> object:
        """Return the body as JSON of any kind, or as the text that it is; raises Unusable for one that was cut."""
        self.require_whole()
        return self._parsed

    @cached_property
    def _parsed(self) -> object:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body.decode("utf-8", "replace").strip()

    def require_whole(self) -> None:
        """Raise Unusable for a body that was cut, or that is still encoded."""
        if self.coding:
            raise Unusable(f"the answer came in an encoding that was not requested ({self.words(self.coding, 30)})")
        if not self.whole:
            raise Unusable("the answer is larger than we read, or broke off")

    def loose_content(self) -> dict[str, object]:
        """Return the body as a JSON object, empty when it is none: for refusals, where the status says enough."""
        try:
            return self.content()
        except Unusable:
            return {}

    def words(self, value: object, limit: int = 200) -> str:
        """Return foreign text made safe to show."""
        return plain_words(value, self.secrets, limit)

    @cached_property
    def now(self) -> datetime:
        """The provider's present instant by the answer's Date, ours where it has none."""
        return self.provider_time or self.at

    @property
    def provider_time(self) -> datetime | None:
        """The provider's present instant: the answer's Date and the seconds it lay in caches since (RFC 9111, Age)."""
        date, age = parse_date(self.headers.get("date", "")), self.headers.get("age", "").strip()
        if date is None or not (age.isascii() and age.isdigit()):
            return date
        return date + timedelta(seconds=int(age) if len(age) < _LONG_AGE else 0)

    @cached_property
    def retry_at(self) -> datetime | None:
        """When the provider says that we may ask again, by our clock; a good answer may say so, too.

        Every answer may name its limits: their reset is a wait only where nothing is left of them.
        """
        used_up = self.status == 429 or self.headers.get("x-ratelimit-remaining", "").strip() == "0"
        headers = {name: value for name, value in self.headers.items() if used_up or name != "x-ratelimit-reset"}
        return retry_at(headers, self.loose_content(), self.at)

    @cached_property
    def request_id(self) -> str:
        """The provider's name for the request by a header or by `meta` in the body, or empty."""
        meta = self.loose_content().get("meta")
        named = [self.headers.get(key) for key in _REQUEST_IDS] + [
            meta.get("request_id") if isinstance(meta, dict) else None
        ]
        return next((name for value in named if (name := self.words(value, 80))), "")


def error_words(reply: ApiResponse) -> str:
    """Return what an answer with a good status says about an error, to append to a message; empty if it says nothing.

    Providers, and proxies in front of them, may answer 200 with a problem in the body, in any of their shapes.
    """
    content = reply.loose_content()
    error = content.get("error") or content.get("errors")
    holder = error if isinstance(error, dict) else content
    said = [holder.get("code"), holder.get("message"), error]
    words = [shown for each in said if isinstance(each, str) and (shown := reply.words(each))]
    return f"; it says: {' '.join(words)}" if words else ""


class _Refusal(NamedTuple):
    family: type[NotOffered | AuthRefused | RequestRefused | QuotaExceeded | Transient | Unanswered]
    words: str  # with the provider's label for {}
    hint: str = ""


LOOK_FIRST = "the provider's list shows whether an export was made; it is read before anything is requested again"
_NOT_OFFERED = _Refusal(
    NotOffered,
    "this account's {} API does not offer exports",
    "check base_url, and ask the provider whether exports are part of this account",
)
_KEY_REFUSED = _Refusal(
    AuthRefused,
    "{} refused the API key",
    "check that the API key is current and belongs to this account, then resume the source",
)
_REDIRECTED = _Refusal(
    RequestRefused,
    "{} redirects export requests elsewhere",
    "check base_url: it must be the API itself, not an address that redirects to it",
)
_DEFINITE: Mapping[int, _Refusal] = MappingProxyType(
    {
        401: _KEY_REFUSED,
        402: _Refusal(
            AuthRefused, "{} requires payment first", "settle the account with the provider, then resume the source"
        ),
        403: _KEY_REFUSED,
        404: _NOT_OFFERED,
        410: _NOT_OFFERED,
        429: _Refusal(
            QuotaExceeded, "{} says that a limit is used up", "nothing is lost: the request waits until there is room"
        ),
        501: _NOT_OFFERED,
    }
)
"""What certainly created nothing; any other 4xx refuses the request itself, and the rest is uncertain."""
_REFUSED = _Refusal(
    RequestRefused,
    "{} refused the request",
    "the same request would be refused again: check datasets, window and filters",
)
_NOT_NOW = _Refusal(Transient, "{} could not answer now")
_UNCERTAIN = _Refusal(Unanswered, "{} gave no definite answer to the export request", LOOK_FIRST)


def refuse_create(reply: ApiResponse, label: str, problem: ProviderProblem) -> ProviderError:
    """Return the error for a create that was not accepted."""
    status = reply.status
    if status in (307, 308):
        return _error(_REDIRECTED, reply, label, problem)
    if status == 425:  # "too early" is a promise that nothing was done
        return _error(_NOT_NOW, reply, label, problem)
    # A conflict (409) may be with the very export that is wanted.
    other = _REFUSED if 400 <= status < 500 and status not in (408, 409) else _UNCERTAIN
    return _error(_DEFINITE.get(status, other), reply, label, problem)


def refuse_read(reply: ApiResponse, label: str, problem: ProviderProblem) -> ProviderError:
    """Return the error for a request that only reads and was not answered as it should be."""
    other = _REFUSED if 400 <= reply.status < 500 and reply.status not in (408, 425) else _NOT_NOW
    return _error(_DEFINITE.get(reply.status, other), reply, label, problem)


def not_offered(reply: ApiResponse, label: str, problem: ProviderProblem) -> ProviderError:
    """Return the error for an API without exports."""
    return _error(_NOT_OFFERED, reply, label, problem)


def _error(refusal: _Refusal, reply: ApiResponse, label: str, problem: ProviderProblem) -> ProviderError:
    head = f"{reply.status} {problem.code}".strip()
    shown = f"{head}: {problem.words}" if problem.words else head
    error = refusal.family(
        f"{refusal.words.format(label)} ({shown})",
        hint=refusal.hint,
        status=reply.status,
        code=problem.code,
        request_id=reply.request_id,
    )
    if isinstance(error, QuotaExceeded | Transient):
        error.retry_at = reply.retry_at
    return error
