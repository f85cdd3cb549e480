"""Qlara: three ways to create an export, one list, which alone shows their state, and one endpoint for the link.

Sources: the vendor's pages "Export" and "Asynchronous exports", November 2026.

* A create may answer without an id. Then nothing in it can be recognised for certain, and the list must be compared.
* All exports are observed by one sweep of the list: a sweep for fifty costs what a sweep for one does.
* Which way the list runs is not documented and it may grow while it is read: it is read to its end, and an export that
  is missing counts as gone only when its own address says so too.
* One 400 has opposite meanings: the link's says "expired", the regeneration's "not expired". The endpoint decides.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from strongroom.model.errors import ExportGone, Transient, UsageError
from strongroom.model.inspection import Expectation
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import (
    SNAPSHOTS,
    Accepted,
    Ask,
    BlindSpot,
    Capabilities,
    Container,
    ExpiryBasis,
    ExportStatus,
    Limits,
    Listed,
    Match,
    Observation,
    Part,
    Probe,
    Renewal,
)
from strongroom.providers.account import (
    ACCEPT,
    CSV_CODES,
    DEAD,
    OVERLAP,
    export_path,
    gone,
    is_recent,
    name_columns,
    open_policy,
    read_accepts,
    requests_left,
    safe_name,
    usable,
)
from strongroom.providers.answers import ApiResponse, not_offered, refuse_create, refuse_read
from strongroom.providers.download import download
from strongroom.providers.policy import Credential, HttpPolicy
from strongroom.providers.port import Plain, Provider, ProviderSettings, Sink, StopAsked
from strongroom.providers.qlara_export import (
    QlaraList,
    is_doubtful,
    page_of,
    read_accepted,
    read_kind,
    read_link,
    read_problem,
)
from strongroom.providers.qlara_request import SHAPES, is_dated, make_ask, read_ask, write_body

BASE_URL = "https://lora-api.agiletelecom.com/api/partner-gateway/v1"
LIMITS = Limits(concurrent=None, per_hour=None)
CAPABILITIES = Capabilities(
    tuple(SHAPES),
    Match.HEURISTIC,
    Renewal.SAME_EXPORT,
    ExpiryBasis.UNKNOWN,
    by_list=True,
    snapshots=SNAPSHOTS["qlara"],
    blind_spots=(
        BlindSpot("message-history", "messages sent by campaigns or from the web console", "delivery-reports"),
    ),
)

_LABEL = "Qlara"
_EXPORTS = "/exports"
_NAMED = {"sender_filter": "sender", "recipient_filter": "recipient"}


def build_qlara(settings: ProviderSettings) -> Provider:
    """Return the adapter for one Qlara account. The option `auth` is "key" (the default) or "basic".

    With "basic" the secret is the user and the password, joined by a colon. `sender_filter` and `recipient_filter`
    are how requests spell these filters, which is not documented; `accept` is in `read_accepts`, and the other options
    name columns (`name_columns`). Raises UsageError for settings that cannot be used.
    """
    auth = settings.options.get("auth", "key")
    if auth not in ("key", "basic"):
        raise UsageError("Qlara's option auth is key or basic", hint='write it like auth = "basic"')
    shapes = name_columns(_LABEL, SHAPES, settings.options, ("auth", *_NAMED, ACCEPT))
    names = {word: name for option, word in _NAMED.items() if (name := settings.options.get(option))}
    credential = _credential(settings.api_key, basic=auth == "basic")
    policy = open_policy(_LABEL, settings.base_url or BASE_URL, credential, settings)
    accepts = read_accepts(_LABEL, settings.options, CSV_CODES)
    return Qlara(policy, settings.limits.apply(LIMITS), shapes, names, accepts)


class Qlara(Plain):
    """One Qlara account. No limits are documented: only what is configured counts."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        policy: HttpPolicy,
        limits: Limits = LIMITS,
        shapes: Mapping[str, DatasetShape] = SHAPES,
        names: Mapping[str, str] | None = None,
        accepts: tuple[str, ...] = (),
    ) -> None:
        self._policy = policy
        self.limits = limits
        self._shapes = shapes
        self._names = names or {}
        self._accepts = accepts
        self._list = QlaraList(policy)

    def ask(self, spec: ExportSpec) -> Ask:
        """Ask for one dataset; contacts and campaigns have no range of dates. Raises RequestRefused."""
        return make_ask(spec)

    def expectation(self, spec: ExportSpec) -> Expectation:
        """Expect one CSV, with a few records of neighboring windows; without a range of dates, any time is valid."""
        shapes = tuple(self._shapes[name] for name in spec.datasets)
        if not is_dated(spec):
            shapes = tuple(replace(shape, time_field="") for shape in shapes)
        return Expectation(spec.window, shapes, container=Container.CSV, overlap=OVERLAP, accepts=self._accepts)

    def create(self, ask: Ask) -> Accepted:
        """Request an export with exactly one POST; the answer may name none."""
        path, body = write_body(ask, self._names)
        reply = self._policy.call("POST", path, body=body)
        if reply.status not in (200, 201, 202):
            raise refuse_create(reply, _LABEL, read_problem(reply))
        ref = read_accepted(reply)
        seen = Observation(ref, ExportStatus.QUEUED, "", request_id=reply.request_id, retry_at=reply.retry_at)
        return Accepted(seen if ref else None, reply.request_id)

    def sweep(self, since: datetime) -> Iterator[Listed]:
        """Read the whole list in either order. Transient while an active export has no id yet."""
        nameless = 0
        for entry, seen in self._list.entries():
            kind = read_kind(entry)
            if seen.ref and is_recent(seen, since):
                yield Listed(read_ask(kind, entry, self._names), seen, frozenset({kind}) if kind else None)
            nameless += not seen.ref and is_recent(seen, since) and seen.status not in DEAD
        if nameless:
            raise Transient(
                f"Qlara's list shows {nameless} exports without an id, any of which may be ours",
                hint="the list is read again; nothing is requested before it names its exports",
            )

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Look at all of them with one sweep; what the list lacks or leaves open is looked up by name."""
        if not refs:
            return {}
        listed = self._list.by_name()
        return {ref: self._settle(ref, listed[ref][1] if ref in listed else None) for ref in refs}

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Return the one CSV, with a link fetched just now. Transient when the export is not ready."""
        reply = self._ask_link(ref)
        if reply.status in (400, 404):
            raise self._refusal(ref, self._list.find(ref, was_ready=reply.status == 400))
        if reply.status != 200:
            raise refuse_read(reply, _LABEL, read_problem(reply))
        with usable(_LABEL, reply):
            link = read_link(reply)
        self._list.remember_ready(ref)
        return (Part(link, f"export_{safe_name(ref)}.csv", Container.CSV),)

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:
        """Stream the CSV; no credential goes to the host that holds it."""
        return download(self._policy, part, sink, stop)

    def renew(self, ref: str) -> Observation:
        """Have an expired export made again: under its old id, or as a new entry of the list."""
        before = self._list.by_name()
        reply = self._policy.call("POST", export_path(_LABEL, _EXPORTS, ref))
        if reply.status == 404:
            raise gone(_LABEL, ref, ExportStatus.GONE)
        if reply.status in (400, 409):
            return self._not_expired(ref)
        if reply.status not in (200, 201, 202):
            raise refuse_create(reply, _LABEL, read_problem(reply))
        name = read_accepted(reply) or self._list.successor(ref, before)
        self._list.forget_ready(ref)
        return Observation(name, ExportStatus.QUEUED, "", request_id=reply.request_id)

    def probe(self) -> Probe:
        """Read the first page of the list."""
        reply = self._policy.call("GET", _EXPORTS, query={"page": 0, "limit": 1})
        skew = self._policy.skew
        if reply.status in (404, 410, 501):
            words = not_offered(reply, _LABEL, read_problem(reply)).message
            return Probe(offered=False, clock_skew=skew, listed=0, notes=(words,))
        entries, _last = page_of(reply)
        notes = ("how long Qlara keeps records is not documented: set retention_days",)
        return Probe(True, skew, len(entries), requests_left(reply), notes)

    def _settle(self, ref: str, seen: Observation | None) -> Observation:
        """Return the state of one export: pages shift, lists lag behind, and a flag alone can mean two things."""
        if seen is not None and not is_doubtful(seen):
            if seen.status is ExportStatus.READY:
                self._list.remember_ready(ref)
            return seen
        reply = self._ask_link(ref)
        if reply.status not in (200, 400, 404):
            raise refuse_read(reply, _LABEL, read_problem(reply))
        if seen is not None:
            return self._list.judge(seen, reply)
        status = {200: ExportStatus.READY, 404: ExportStatus.GONE}.get(reply.status, ExportStatus.UNKNOWN)
        if status is ExportStatus.UNKNOWN and self._list.was_ready(ref):
            status = ExportStatus.EXPIRED
        return Observation(ref, status, f"not listed, {reply.status}", request_id=reply.request_id)

    def _refusal(self, ref: str, listed: Observation | None) -> ExportGone | Transient:
        """Return what a refused link means. A list that says otherwise is no proof of an end: it may lag behind."""
        status = listed.status if listed else ExportStatus.GONE
        if listed is None or status in DEAD:
            return gone(_LABEL, ref, status)
        return Transient(f"the Qlara export {safe_name(ref)} is not ready ({listed.raw_status})")

    def _not_expired(self, ref: str) -> Observation:
        """Return the state of an export that the provider will not make again because it has not expired."""
        reply = self._ask_link(ref)
        if reply.status == 200:
            return Observation(ref, ExportStatus.READY, "still available", request_id=reply.request_id)
        seen = self._list.find(ref) or Observation(ref, ExportStatus.GONE, "not listed")
        if seen.status in (ExportStatus.FAILED, ExportStatus.GONE):
            raise gone(_LABEL, ref, seen.status)
        if seen.status in (ExportStatus.QUEUED, ExportStatus.RUNNING, ExportStatus.UNKNOWN):
            return replace(seen, status=ExportStatus.RUNNING)
        raise Transient(f"Qlara says of export {safe_name(ref)} both that it has expired and that it has not")

    def _ask_link(self, ref: str) -> ApiResponse:
        return self._policy.call("GET", export_path(_LABEL, _EXPORTS, ref))


def _credential(secret: Callable[[], str], *, basic: bool) -> Credential:
    if not basic:
        return lambda: ("X-Api-Key", secret())
    return lambda: ("Authorization", f"Basic {base64.b64encode(secret().encode()).decode()}")
