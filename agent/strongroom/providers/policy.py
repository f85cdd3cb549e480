"""The one HTTP policy of all adapters. Its rules:

* The credential goes to the configured origin (scheme, host and port) and nowhere else, whatever header carries it. It
  is fetched for each request and never kept. A download that has left the origin never gets it again.
* Redirects are followed by hand, bounded, each hop checked. A request that changes something never follows one, and an
  API answer from another origin is not an answer.
* https only, loopback apart; no private addresses unless allowed; no cookies; nothing from the environment.
* Every wait is bounded, every body capped. One call is one try: second tries belong to the engine.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import strongroom
from strongroom.model.errors import (
    AuthRefused,
    Interrupted,
    LinkRefused,
    ProviderError,
    Transient,
    Unanswered,
    UsageError,
)
from strongroom.model.provider import Exchange
from strongroom.model.times import Clock
from strongroom.providers.addresses import (
    AddressRefused,
    BadLink,
    Link,
    Origin,
    Reach,
    Resolver,
    follow_link,
    is_loopback,
    parse_link,
    parse_locator,
    resolve_by_system,
)
from strongroom.providers.answers import LOOK_FIRST, ApiResponse, undo
from strongroom.providers.exchange import WireFailed, WireResponse
from strongroom.providers.limits import Bounds, Monotonic, Paths, Watch, after_grace
from strongroom.providers.tracing import named_headers, trace_call

if TYPE_CHECKING:
    from strongroom.providers.wire import Wire

Credential = Callable[[], tuple[str, str]]
"""Gives the header that carries the credential, name and value, just before it is sent."""

USER_AGENT = f"strongroom/{strongroom.__version__}"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
ANSWER_GRACE = 4.0  # seconds for the answer to a request that changes something, once a person wants us to stop
_SAFE = frozenset({"GET", "HEAD"})
_REFUSAL_CAP = 64 << 10
_HEADER = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_LOG = logging.getLogger("strongroom.providers")


class HttpPolicy:
    """Talks to one source's API and fetches its files. Threads may share it."""

    def __init__(
        self,
        label: str,
        base_url: str,
        credential: Credential,
        *,
        clock: Clock,
        bounds: Bounds | None = None,
        paths: Paths | None = None,
        monotonic: Monotonic = time.monotonic,
        resolve: Resolver = resolve_by_system,
        stop: Callable[[], bool] = lambda: False,
        trace: Callable[[Exchange], None] | None = None,
    ) -> None:
        """`label` names the provider in messages, `stop` says whether a person wants us to stop.

        `trace` gets each request and its answer, without secrets.

        Raises UsageError for a `base_url` that cannot be used.
        """
        self.label = label
        self.bounds = bounds or Bounds()
        self._paths = paths or Paths()
        self._credential = credential
        self._clock = clock
        self.monotonic = monotonic
        self._stop = stop
        self._trace = trace
        self._base = _read_base(base_url)
        loopback = is_loopback(self._base.origin.host)
        self._reach = Reach(self._paths.allow_private, loopback, self._paths.download_hosts)
        self._skew: timedelta | None = None
        self._resolve = resolve
        if self._paths.ca_file is not None or self._paths.proxy is not None:
            _ = self._wire  # refuses what cannot be used

    @cached_property
    def _wire(self) -> Wire:
        """The HTTP library takes longer to import than most commands run, so only what sends something does it."""
        from strongroom.providers.wire import Wire

        api = Reach(self._paths.allow_private, is_loopback(self.origin.host))
        return Wire(api, self._resolve, self._clock, self.bounds, self._paths.ca_file, self._paths.proxy)

    @property
    def origin(self) -> Origin:
        """The only place that the credential goes to."""
        return self._base.origin

    @property
    def skew(self) -> timedelta | None:
        """The provider's Date minus our clock at the last API answer that had one; good to a second or two."""
        return self._skew

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ApiResponse:
        """Send one API request and return whatever was answered, whatever its status.

        `body` is sent as JSON, `form` as a form; `headers` are sent in addition. Raises Transient when it is certain
        that the request did not leave, or when it only reads; Unanswered when it may have arrived and no whole answer
        came back. When a person wants us to stop, a request that only reads raises Interrupted at once; any other is
        given a little time for its answer, and is then Unanswered, or Transient where it did not leave.
        """
        stop = self._stop if method in _SAFE else after_grace(self._stop, self.monotonic, ANSWER_GRACE)
        watch = Watch(self.monotonic, self.bounds.call, stop)
        link = Link(self.origin, self._base.target.rstrip("/") + path + (f"?{urlencode(query)}" if query else ""))
        payload = urlencode(form).encode() if form else None if body is None else json.dumps(body).encode()
        typed = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"} if payload else {}
        for _hop in range(self.bounds.redirects + 1):
            reply = self._ask(method, link, payload, {**typed, **(headers or {})}, watch)
            if method not in _SAFE or reply.status not in REDIRECTS:
                return reply
            link = self._step(link, reply.headers.get("location", ""))
            if link.origin != self.origin:
                raise Transient(
                    f"{self.label} redirects to another place ({link}), which its API answers must not come from",
                    hint="check base_url",
                    status=reply.status,
                )
        raise Transient(f"{self.label} redirects in a circle (over {self.bounds.redirects} hops)")

    def path_below(self, address: str) -> str:
        """Return the path and query below base_url of an address that an answer gives, absolute or from the root.

        Raises Transient for an address of another place.
        """
        link = self._step(self._base, address)
        base = self._base.target.rstrip("/")
        if link.origin != self.origin or not link.target.startswith(f"{base}/"):
            raise Transient(
                f"{self.label} leads to another place ({link}), which is not followed", hint="check base_url"
            )
        return link.target.removeprefix(base)

    @contextmanager
    def open(
        self,
        locator: str,
        *,
        authenticated: bool = False,
        headers: Mapping[str, str] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Iterator[WireResponse]:
        """Open a download: follow its redirects and give the answer at their end, body unread, whatever its status.

        The credential is sent only when `authenticated`, and only up to the first hop away from the API. Raises
        Transient when nothing answers, LinkRefused when policy forbids the link, Interrupted, and
        WireFailed in the block.
        """
        watch = Watch(self.monotonic, self.bounds.call, stop, self.bounds.pace)
        link = self._step(None, locator)
        armed = authenticated
        for _hop in range(self.bounds.redirects + 1):
            armed = armed and link.origin == self.origin
            with ExitStack() as stack:
                answer = stack.enter_context(self._hop(link, armed, headers or {}, watch))
                if answer.status not in REDIRECTS:
                    watch.lift()
                    yield answer
                    return
            link = self._step(link, answer.headers.get("location", ""))
        raise Transient(f"the download link redirects in a circle (over {self.bounds.redirects} hops)")

    def _ask(
        self, method: str, link: Link, payload: bytes | None, headers: Mapping[str, str], watch: Watch
    ) -> ApiResponse:
        name, value = self._read_credential()
        sent = {"Accept": "application/json", **headers, name: value}
        try:
            with self._exchange(method, link, sent, payload, watch) as answer:
                reply = self._read(answer, _secrets(value))
        except AddressRefused as exc:
            raise Transient(f"{self.label} was not contacted: {exc}", hint=exc.hint) from None
        except WireFailed as exc:
            raise self._failed(method, exc) from None
        except Interrupted as exc:
            if method in _SAFE:
                raise
            raise self._failed(method, WireFailed(exc.message, sent=watch.sent)) from None
        if (theirs := reply.provider_time) is not None:
            self._skew = theirs - reply.at
        if self._trace is not None:
            self._trace(trace_call(method, link, payload, reply))
        return reply

    def _failed(self, method: str, failure: WireFailed) -> ProviderError:
        if failure.sent and method not in _SAFE:
            return Unanswered(
                f"{self.label} gave no answer to a request that may have arrived: {failure}",
                hint=LOOK_FIRST,
            )
        return Transient(f"{self.label} could not be reached: {failure}", hint="check the network and base_url")

    def _read(self, answer: WireResponse, secrets: tuple[str, ...]) -> ApiResponse:
        """Read a body up to its cap. A refusal keeps its status even when its body breaks off."""
        refusal = answer.status >= 400
        body, whole = bytearray(), True
        try:
            for chunk in answer.chunks():
                body += chunk
                if len(body) > (_REFUSAL_CAP if refusal else self.bounds.answer):
                    whole = False
                    break
        except WireFailed:
            if not refusal:
                raise
            whole = False
        cap = _REFUSAL_CAP if refusal else self.bounds.answer
        plain = undo(answer.headers.get("content-encoding", ""), bytes(body), whole, cap)
        return ApiResponse(answer.status, answer.headers, plain.body, self._clock(), plain.whole, secrets, plain.coding)

    @contextmanager
    def _hop(self, link: Link, armed: bool, headers: Mapping[str, str], watch: Watch) -> Iterator[WireResponse]:
        """Open one hop of a download."""
        own = dict([self._read_credential()]) if armed else {}
        with ExitStack() as stack:
            try:
                if link.origin != self.origin:
                    self._reach.admit(link.origin)
                hop = self._exchange("GET", link, {"Accept": "*/*", **headers, **own}, None, watch)
                answer = stack.enter_context(hop)
                if self._trace is not None:
                    self._trace(
                        Exchange("GET", str(link.origin), None, answer.status, named_headers(answer.headers), "")
                    )
            except AddressRefused as exc:
                raise LinkRefused(f"the download did not start: {exc}", hint=exc.hint) from None
            except WireFailed as exc:
                raise Transient(f"{link.origin.host}, which holds the file, could not be reached: {exc}") from None
            yield replace(answer, authenticated=armed)

    @contextmanager
    def _exchange(
        self, method: str, link: Link, headers: Mapping[str, str], payload: bytes | None, watch: Watch
    ) -> Iterator[WireResponse]:
        always = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close"}
        with self._wire.exchange(method, link, {**always, **headers}, payload, watch) as answer:
            _LOG.debug("%s %s answered %d", method, link.origin, answer.status)
            yield answer

    def _read_credential(self) -> tuple[str, str]:
        name, value = self._credential()
        if _HEADER.fullmatch(value) is None:
            raise AuthRefused(
                f"the API key for {self.label} cannot be sent: it is empty, or contains line breaks or odd characters",
                hint="store the key again, without any other characters",
            )
        return name, value

    def _step(self, base: Link | None, locator: str) -> Link:
        """Read where to go next; Transient when it cannot be read."""
        try:
            return parse_locator(locator) if base is None else follow_link(base, locator)
        except BadLink as exc:
            what = "the download link" if base is None else f"a redirect from {base}"
            raise Transient(f"{what} cannot be followed: {exc}") from None


def _read_base(base_url: str) -> Link:
    try:
        base = parse_link(base_url)
    except BadLink as exc:
        raise UsageError(f"base_url is {exc}", hint="write it like https://api.example.com") from None
    if "?" in base.target:
        raise UsageError("base_url must not have a query", hint="write it like https://api.example.com")
    if base.origin.scheme != "https" and not is_loopback(base.origin.host):
        raise UsageError(
            f"base_url must be https, got {base.origin}", hint="plain http is for this machine itself (127.0.0.1)"
        )
    return base


def _secrets(value: str) -> tuple[str, ...]:
    return (value, value.split()[-1])
