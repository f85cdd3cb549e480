"""Zavu: `POST /v1/exports`, `GET /v1/exports/{id}`, `GET /v1/exports`, and a link on another host.

Sources: the vendor's pages "Create data export" (OpenAPI 0.2.0) and "Data exports", November 2026.

* Both ends of the requested range are inclusive and the precision of the provider's times is not documented, so the
  request includes the window's end: neighboring windows overlap by one instant, and there is never a hole.
* An export's lifetime counts from its creation, and no status says that it has ended: the clock decides.
* An idempotency key is documented for other creates of the API alone: it is sent, and nothing relies on it. One create
  is one POST.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import MappingProxyType

from strongroom.model.errors import LinkDead, RequestRefused, UsageError
from strongroom.model.inspection import Expectation
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import (
    KEPT,
    Accepted,
    Ask,
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
from strongroom.model.times import format_instant
from strongroom.providers.account import (
    ACCEPT,
    ZIP_CODES,
    ExportKeys,
    Page,
    bearer,
    export_path,
    is_recent,
    open_policy,
    read_accepts,
    read_observation,
    read_time,
    requests_left,
    require_items,
    require_ready,
    safe_name,
    unanswered,
    usable,
    walk,
)
from strongroom.providers.answers import ApiResponse, ProviderProblem, Unusable, not_offered, refuse_create, refuse_read
from strongroom.providers.download import download
from strongroom.providers.policy import HttpPolicy
from strongroom.providers.port import Plain, Provider, ProviderSettings, Sink, StopAsked

COMPANIONS = ("metadata.json",)


# The guide shows one message; the other fields are those of the records in the REST API, which an export may or may not
# follow. So a field is `always` there only where the guide's example and the API agree, or where no record of the API
# is without it and it names or dates the record; everything else is merely known.
def _shape(name: str, known: str = "", always: str = "") -> DatasetShape:
    return DatasetShape(name, f"{name}.json", "id", "createdAt", frozenset(known.split()), frozenset(always.split()))


_SHAPES = (
    _shape(
        "messages",
        "id to from channel status text createdAt messageType content cost costProvider costTotal errorCode"
        " errorMessage metadata providerMessageId senderId updatedAt",
        "id to channel status createdAt",
    ),
    _shape(
        "conversations",
        "id channels contactIdentifier createdAt lastMessage messageCount unreadCount updatedAt contactId email"
        " senderId group whatsapp",
        "id createdAt",
    ),
    _shape("webhookDeliveries"),
    _shape(
        "agentExecutions",
        "id agentId cost createdAt inputTokens outputTokens latencyMs status errorMessage inboundMessageId"
        " knowledgeChunksUsed responseMessageId responseText toolCalls",
        "id createdAt",
    ),
    _shape("activities"),
)

SHAPES: Mapping[str, DatasetShape] = MappingProxyType({shape.name: shape for shape in _SHAPES})
"""By the provider's own word. Nothing is known of webhookDeliveries and activities: no drift is judged there."""

BASE_URL = "https://api.zavu.dev"
LIMITS = Limits(concurrent=3, per_hour=10, retention=KEPT["zavu"])
CAPABILITIES = Capabilities(tuple(SHAPES), Match.EXACT, Renewal.NEW_EXPORT, ExpiryBasis.CREATED)
KEYS = ExportKeys("createdAt", "completedAt", "expiresAt", "fileSize", "errorMessage")

_LABEL = "Zavu"
_EXPORTS = "/v1/exports"
_KEY = "Idempotency-Key"
_PAGE = 50
_MILLISECOND = timedelta(milliseconds=1)


def build_zavu(settings: ProviderSettings) -> Provider:
    """Return the adapter for one Zavu project; its only option is `accept`. Raises UsageError for bad settings."""
    unknown = sorted(settings.options.keys() - {ACCEPT})
    if unknown:
        raise UsageError(f"{_LABEL} has no option {', '.join(unknown)}", hint=f"it has {ACCEPT}")
    accepts = read_accepts(_LABEL, settings.options, ZIP_CODES)
    policy = open_policy(_LABEL, settings.base_url or BASE_URL, bearer(settings), settings)
    return Zavu(policy, settings.limits.apply(LIMITS), accepts)


class Zavu(Plain):
    """One Zavu project: three exports at once, ten an hour, 90 days of records, unless configured otherwise."""

    capabilities = CAPABILITIES

    def __init__(self, policy: HttpPolicy, limits: Limits = LIMITS, accepts: tuple[str, ...] = ()) -> None:
        self._policy = policy
        self._accepts = accepts
        self.limits = limits

    def ask(self, spec: ExportSpec) -> Ask:
        """Ask from the window's start to its end, both inclusive, in whole milliseconds as the provider repeats them.

        Raises RequestRefused for datasets that Zavu does not have and for filters, of which it has none.
        """
        unknown = sorted(set(spec.datasets) - SHAPES.keys())
        if unknown or spec.filters or not spec.datasets:
            what = f"the datasets {', '.join(unknown)}" if unknown else "filters" if spec.filters else "no datasets"
            raise RequestRefused(f"Zavu cannot export {what}", hint=f"its datasets are: {', '.join(SHAPES)}")
        window = spec.window
        lower, upper = whole_millisecond(window.start), whole_millisecond(window.end, up=True)
        return Ask(frozenset(spec.datasets), lower, upper)

    def expectation(self, spec: ExportSpec) -> Expectation:
        """Expect a ZIP with one JSON array for each dataset, and metadata.json."""
        shapes = tuple(SHAPES[name] for name in spec.datasets)
        return Expectation(spec.window, shapes, True, COMPANIONS, accepts=self._accepts)

    def create(self, ask: Ask) -> Accepted:
        """Request an export with exactly one POST."""
        return self.create_once(ask, "")

    def create_once(self, ask: Ask, key: str) -> Accepted:
        """Request an export with exactly one POST and this key, which is documented for other creates of the API.

        The documented answer to a key that was used before is a 409 with the original.
        """
        body: dict[str, object] = {"dataTypes": [name for name in SHAPES if name in ask.datasets]}
        bounds = (("dateFrom", ask.lower), ("dateTo", ask.upper))
        body |= {name: format_instant(instant) for name, instant in bounds if instant is not None}
        reply = self._policy.call("POST", _EXPORTS, body=body, headers={_KEY: key} if key else None)
        if reply.status == 409 and key and (original := read_original(reply, ask)) is not None:
            return Accepted(original, reply.request_id)
        if reply.status not in (200, 201, 202):
            raise refuse_create(reply, _LABEL, _problem(reply))
        try:
            return Accepted(read_observation(reply.content().get("export"), reply, KEYS), reply.request_id)
        except Unusable as exc:
            raise unanswered(_LABEL, reply, exc) from None

    def sweep(self, since: datetime) -> Iterator[Listed]:
        """Read the whole list. Its order is not documented, so an old entry does not end it."""
        seen: set[str] = set()
        for reply, items in walk(self._policy, self._page):
            for item in items:
                with usable(_LABEL, reply):
                    entry = Listed(read_ask(item), read_observation(item, reply, KEYS))
                if entry.observation.ref not in seen and is_recent(entry.observation, since):
                    seen.add(entry.observation.ref)
                    yield entry

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Look at each export; one request each."""
        return {ref: self._look(ref)[0] for ref in refs}

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Return the one ZIP, with a link fetched just now. Transient when the export is not ready."""
        observation, link = self._look(ref)
        require_ready(_LABEL, observation)
        if not link:
            raise LinkDead(f"the Zavu export {safe_name(ref)} is completed but has no download link")
        return (Part(link, f"export_{safe_name(ref)}.zip", Container.ZIP_OF_JSON, size=observation.size),)

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:
        """Stream the ZIP; no credential goes to the host that holds it."""
        return download(self._policy, part, sink, stop)

    def probe(self) -> Probe:
        """Read one entry of the list."""
        reply = self._policy.call("GET", _EXPORTS, query={"limit": 1})
        skew = self._policy.skew
        if reply.status in (404, 410, 501):
            words = not_offered(reply, _LABEL, _problem(reply)).message
            return Probe(offered=False, clock_skew=skew, listed=0, notes=(words,))
        items, cursor = _read(reply)
        notes = ("the list has further entries",) if cursor else ()
        return Probe(offered=True, clock_skew=skew, listed=len(items), requests_left=requests_left(reply), notes=notes)

    def _look(self, ref: str) -> tuple[Observation, str]:
        """Return the state of one export, and its link if it has one."""
        reply = self._policy.call("GET", export_path(_LABEL, _EXPORTS, ref))
        if reply.status in (404, 410):
            return Observation(ref, ExportStatus.GONE, str(reply.status), request_id=reply.request_id), ""
        if reply.status != 200:
            raise refuse_read(reply, _LABEL, _problem(reply))
        with usable(_LABEL, reply):
            export = reply.content().get("export")
            observation = read_observation(export, reply, KEYS)
            if observation.ref != ref:
                raise Unusable("it describes another export")
        link = export.get("downloadUrl") if isinstance(export, dict) else None
        return observation, link if isinstance(link, str) else ""

    def _page(self, cursor: str) -> tuple[ApiResponse, Page]:
        reply = self._policy.call("GET", _EXPORTS, query={"limit": _PAGE} | ({"cursor": cursor} if cursor else {}))
        return reply, _read(reply)


def _read(reply: ApiResponse) -> Page:
    if reply.status != 200:
        raise refuse_read(reply, _LABEL, _problem(reply))
    with usable(_LABEL, reply):
        return read_page(reply)


def _problem(reply: ApiResponse) -> ProviderProblem:
    content = reply.loose_content()
    return ProviderProblem(reply.words(content.get("code"), 60), reply.words(content.get("message")))


def read_page(reply: ApiResponse) -> Page:
    """Return the entries of one page of the list and the cursor to the next, empty at the end; raises Unusable."""
    content = reply.content()
    items, cursor = require_items(content.get("items")), content.get("nextCursor")
    if cursor is not None and not (isinstance(cursor, str) and cursor.isprintable()):
        raise Unusable("its cursor is not a text")
    return items, cursor or ""


def read_original(reply: ApiResponse, ask: Ask) -> Observation | None:
    """Return the export that a 409 has, if it repeats this very request; None for any other conflict."""
    content = reply.loose_content()
    for holder in (content.get(name) for name in ("export", "original", "data")):
        if isinstance(holder, dict) and read_ask(holder) == ask:
            with suppress(Unusable):
                return read_observation(holder, reply, KEYS)
    return None


def read_ask(export: Mapping[str, object]) -> Ask | None:
    """Return the request that an export repeats; None when it cannot be read whole: then it equals no request."""
    types = export.get("dataTypes")
    if not isinstance(types, list) or not all(isinstance(name, str) for name in types):
        return None
    bounds = [export.get("dateFrom"), export.get("dateTo")]
    times = [read_time(bound) for bound in bounds]
    if any(time is None and bound is not None for time, bound in zip(times, bounds, strict=True)):
        return None
    return Ask(frozenset(types), times[0], times[1])


def whole_millisecond(instant: datetime, *, up: bool = False) -> datetime:
    """Return the instant cut to a whole millisecond, the precision in which the API repeats it; or raised to one."""
    spare = timedelta(microseconds=instant.microsecond % 1000)
    if up and spare:
        return instant - spare + _MILLISECOND
    return instant - spare
