"""Qlara: three ways to create an export, one list that alone tells how they stand, and one endpoint for the link.

Sources: the vendor's pages "Export" and "Asynchronous exports", November 2026.

* A create may answer without an id. Then nothing in it can be recognised for certain, and the list must be compared.
* All exports are observed by one sweep of the list: a sweep for fifty costs what a sweep for one does.
* Which way the list runs is not documented and it may grow while it is read: it is read to its end, and an export that
  is missing counts as gone only when its own address says so too.
* `isAvailableForDownload` false means "not yet" or "no longer"; the link endpoint's 400 means expired.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from strongroom.model.errors import ExportGone, RequestRefused, Transient, UsageError
from strongroom.model.inspection import Expectation
from strongroom.model.provider import (
    Accepted,
    Ask,
    Capabilities,
    Container,
    ExpiryBasis,
    Limits,
    Listed,
    Match,
    Observation,
    Part,
    Probe,
    Renewal,
    Standing,
)
from strongroom.model.stream import ExportSpec
from strongroom.providers.answers import Reply, Unusable, not_offered, refuse_create, refuse_read
from strongroom.providers.download import download
from strongroom.providers.overlap import OVERLAP
from strongroom.providers.policy import Credential, HttpPolicy
from strongroom.providers.port import Provider, Sink, StopAsked
from strongroom.providers.qlara_export import read_accepted, read_entry, read_kind, read_link, read_page, read_problem
from strongroom.providers.qlara_request import KINDS, make_ask, write_body
from strongroom.providers.settings import ProviderSettings

BASE_URL = "https://lora-api.agiletelecom.com/api/partner-gateway/v1"
LIMITS = Limits(concurrent=None, per_hour=None)
CAPABILITIES = Capabilities(tuple(KINDS), Match.HEURISTIC, Renewal.SAME_EXPORT, ExpiryBasis.UNKNOWN)

_PAGE = 100
_MOST_PAGES = 10_000


def build_qlara(settings: ProviderSettings) -> Provider:
    """Return the adapter for one Qlara account. The option `auth` is "key" (the default) or "basic".

    With "basic" the secret is the user and the password with a colon between. Raises UsageError for settings that
    cannot be used.
    """
    auth = settings.options.get("auth", "key")
    if auth not in ("key", "basic") or settings.options.keys() - {"auth"}:
        raise UsageError("Qlara's only option is auth, and it is key or basic", hint='write it like auth = "basic"')
    policy = HttpPolicy(
        "Qlara",
        settings.base_url or BASE_URL,
        _credential(settings.api_key, basic=auth == "basic"),
        clock=settings.clock,
        bounds=settings.bounds,
        paths=settings.paths,
        monotonic=settings.monotonic,
        resolve=settings.resolve,
    )
    return Qlara(policy, settings.limits.apply(LIMITS))


class Qlara:
    """One Qlara account."""

    def __init__(self, policy: HttpPolicy, limits: Limits = LIMITS) -> None:
        self._policy = policy
        self._limits = limits
        self._were_ready: set[str] = set()  # exports that this process has seen available

    @property
    def capabilities(self) -> Capabilities:
        """What this adapter can do."""
        return CAPABILITIES

    @property
    def limits(self) -> Limits:
        """Nothing is documented: what is configured, and nothing else."""
        return self._limits

    def ask(self, spec: ExportSpec) -> Ask:
        """Ask for one dataset; contacts and campaigns have no range of dates. Raises RequestRefused."""
        return make_ask(spec)

    def expectation(self, spec: ExportSpec) -> Expectation:
        """Expect one CSV, with a few records of the neighbouring windows."""
        shapes = tuple(KINDS[name].shape for name in spec.datasets)
        return Expectation(spec.window, shapes, container=Container.CSV, overlap=OVERLAP)

    def create(self, ask: Ask) -> Accepted:
        """Request an export with exactly one POST; the answer may name none."""
        path, body = write_body(ask)
        reply = self._policy.call("POST", path, body=body)
        if reply.status not in (200, 201, 202):
            raise refuse_create(reply, "Qlara", read_problem(reply))
        ref = read_accepted(reply)
        seen = Observation(ref, Standing.QUEUED, "", request_id=reply.request_id) if ref else None
        return Accepted(seen, reply.request_id)

    def sweep(self, since: datetime) -> Iterator[Listed]:
        """Walk the whole list, whichever way it runs."""
        for entry, seen in self._entries():
            if seen.created_at is None or seen.created_at >= since:
                kind = read_kind(entry)
                yield Listed(None, seen, frozenset({kind}) if kind else None)

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Look at all of them with one sweep; what the list lacks is asked for by name."""
        if not refs:
            return {}
        listed = {seen.ref: seen for _, seen in self._entries()}
        self._were_ready |= {ref for ref in refs if ref in listed and listed[ref].standing is Standing.READY}
        return {ref: listed[ref] if ref in listed else self._miss(ref) for ref in refs}

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Return the one CSV, with a link fetched just now. Transient when the export is not ready."""
        reply = self._ask_link(ref)
        if reply.status in (400, 404):
            raise self._refusal(ref)
        if reply.status != 200:
            raise refuse_read(reply, "Qlara", read_problem(reply))
        try:
            link = read_link(reply)
        except Unusable as exc:
            raise _unusable(reply, exc) from None
        self._were_ready.add(ref)
        return (Part(link, f"export_{_name(ref)}.csv", Container.CSV),)

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:
        """Stream the CSV; no credential goes to the host that holds it."""
        return download(self._policy, part, sink, stop)

    def probe(self) -> Probe:
        """Read the first page of the list."""
        reply = self._policy.call("GET", "/exports", query={"page": 0, "limit": 1})
        skew = self._policy.skew
        if reply.status in (404, 410, 501):
            words = not_offered(reply, "Qlara", read_problem(reply)).message
            return Probe(offered=False, clock_skew=skew, listed=0, notes=(words,))
        entries, _last = _page(reply)
        left = reply.headers.get("x-ratelimit-remaining", "")
        requests_left = int(left) if re.fullmatch("[0-9]{1,9}", left) else None
        notes = ("how long Qlara keeps records is not documented: set retention_days",)
        return Probe(True, skew, len(entries), requests_left, notes)

    def _entries(self, was_ready: str = "") -> Iterator[tuple[dict[str, object], Observation]]:
        """Yield every entry of the list once."""
        seen: set[str] = set()
        for reply, entries in self._pages():
            for entry in entries:
                try:
                    found = read_entry(entry, reply)
                    if found.ref == was_ready or found.ref in self._were_ready:
                        found = read_entry(entry, reply, was_ready=True)
                except Unusable as exc:
                    raise _unusable(reply, exc) from None
                if found.ref not in seen:
                    seen.add(found.ref)
                    yield entry, found

    def _pages(self) -> Iterator[tuple[Reply, list[dict[str, object]]]]:
        """Yield the pages until one is empty, says that it is the last, or comes twice.

        A short page is no end: the longest page that is allowed is not documented.
        """
        before: list[dict[str, object]] = []
        for page in range(_MOST_PAGES):
            reply = self._policy.call("GET", "/exports", query={"page": page, "limit": _PAGE})
            entries, last = _page(reply)
            if entries == before:
                return
            yield reply, entries
            if last or not entries:
                return
            before = entries
        raise Transient("Qlara's list of exports does not end")

    def _miss(self, ref: str) -> Observation:
        """Say what is known of an export that is not on the list: pages shift, and lists lag behind."""
        reply = self._ask_link(ref)
        if reply.status not in (200, 400, 404):
            raise refuse_read(reply, "Qlara", read_problem(reply))
        standing = {200: Standing.READY, 404: Standing.GONE}.get(reply.status, Standing.UNKNOWN)
        if standing is Standing.UNKNOWN and ref in self._were_ready:
            standing = Standing.EXPIRED
        return Observation(ref, standing, f"not listed, {reply.status}", request_id=reply.request_id)

    def _ask_link(self, ref: str) -> Reply:
        if not re.fullmatch(r"[\x21-\x7e]{1,500}", ref) or set(ref) <= {"."}:
            raise RequestRefused("this cannot be the name of a Qlara export")
        return self._policy.call("GET", f"/exports/{quote(ref, safe='')}")

    def _refusal(self, ref: str) -> ExportGone | Transient:
        """Return what a refused link means: 400 is documented as expired, and is also how "not yet" may look."""
        listed = next((seen for _, seen in self._entries(was_ready=ref) if seen.ref == ref), None)
        if listed is not None and listed.standing not in (Standing.EXPIRED, Standing.FAILED, Standing.GONE):
            return Transient(f"the Qlara export {_name(ref)} is not ready ({listed.raw_status})")
        word = listed.standing if listed else Standing.GONE
        return ExportGone(f"the Qlara export {_name(ref)} is {word}", hint="a new export of the window is needed")


def _credential(secret: Callable[[], str], *, basic: bool) -> Credential:
    if not basic:
        return lambda: ("X-Api-Key", secret())
    return lambda: ("Authorization", f"Basic {base64.b64encode(secret().encode()).decode()}")


def _page(reply: Reply) -> tuple[list[dict[str, object]], bool]:
    if reply.status != 200:
        raise refuse_read(reply, "Qlara", read_problem(reply))
    try:
        return read_page(reply)
    except Unusable as exc:
        raise _unusable(reply, exc) from None


def _unusable(reply: Reply, why: Unusable) -> Transient:
    return Transient(
        f"Qlara's answer cannot be used: {why}",
        status=reply.status,
        request_id=reply.request_id,
        retry_at=reply.retry_at,
    )


def _name(ref: str) -> str:
    """Return the export's name made safe for a file name and a message."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", ref)[:100]
