"""HookBridge: `POST /v1/exports`, `GET /v1/exports[/{id}]`, and `GET /v1/exports/{id}/download`, which redirects.

Sources: the vendor's pages "Create export", "Exports" and "Error handling", and its published SDKs, November 2026.

* An export has one direction, and whether the ends of its range belong to it is not documented: the request covers
  more than is needed (see `overlapping`).
* One export at a time for the whole project: EXPORT_LIMIT_EXCEEDED means waiting. RATE_LIMITED has the same status and
  means that a wrong key was tried too often: going on would make it worse.
* The download endpoint wants the key; the place that it redirects to must never see it.
* The life of an export begins with its completion. Deleting one is known only from the SDKs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from strongroom.model.errors import ProviderError, RequestRefused, UsageError
from strongroom.model.inspection import Expectation
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import (
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
    CSV_CODES,
    OVERLAP,
    Page,
    bearer,
    export_path,
    is_recent,
    name_columns,
    open_policy,
    overlapping,
    read_accepts,
    read_observation,
    require_ready,
    safe_name,
    unanswered,
    usable,
    walk,
)
from strongroom.providers.answers import ApiResponse, Unusable, not_offered, refuse_create, refuse_read
from strongroom.providers.download import download
from strongroom.providers.hookbridge_export import (
    KEYS,
    OUTBOUND,
    SHAPES,
    read_ask,
    read_page,
    read_possible_asks,
    read_problem,
    read_retention,
    refuse_key,
    same_filter,
    sent_filter,
    shows_direction,
    take_filters,
)
from strongroom.providers.policy import HttpPolicy
from strongroom.providers.port import Plain, Provider, ProviderSettings, Sink, StopAsked

BASE_URL = "https://api.hookbridge.io"
LIMITS = Limits(concurrent=1, per_hour=None)
CAPABILITIES = Capabilities(tuple(SHAPES), Match.EXACT, Renewal.NEW_EXPORT, ExpiryBasis.COMPLETED, deletes=True)

_LABEL = "HookBridge"
_EXPORTS = "/v1/exports"
_PLAN = "/v1/billing/subscription"
_MISSING = "missing_direction"


def build_hookbridge(settings: ProviderSettings) -> Provider:
    """Return the adapter for one HookBridge project.

    The option `missing_direction` is "unknown" (the default) or "outbound": what an export counts as on a list that
    shows no direction at all. `accept` is in `read_accepts`, and the others name columns (`name_columns`). Raises
    UsageError for what cannot be used.
    """
    missing = settings.options.get(_MISSING, "unknown")
    if missing not in ("unknown", OUTBOUND):
        raise UsageError(f"HookBridge's option {_MISSING} is unknown or outbound")
    shapes = name_columns(_LABEL, SHAPES, settings.options, (_MISSING, ACCEPT))
    accepts = read_accepts(_LABEL, settings.options, CSV_CODES)
    base = (settings.base_url or BASE_URL).rstrip("/")
    policy = open_policy(_LABEL, base, bearer(settings), settings)
    return HookBridge(
        policy, base, settings.limits.apply(LIMITS), shapes, accepts, assumes_outbound=missing == OUTBOUND
    )


class HookBridge(Plain):
    """One HookBridge project: one export at once. Its plan decides how long records are kept, and `probe` reads it."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        policy: HttpPolicy,
        base_url: str = BASE_URL,
        limits: Limits = LIMITS,
        shapes: Mapping[str, DatasetShape] = SHAPES,
        accepts: tuple[str, ...] = (),
        *,
        assumes_outbound: bool = False,
    ) -> None:
        self._policy = policy
        self._base_url = base_url
        self.limits = limits
        self._shapes = shapes
        self._accepts = accepts
        self._assumes_outbound = assumes_outbound

    def ask(self, spec: ExportSpec) -> Ask:
        """Ask for one direction, from before the window's start to its end.

        Raises RequestRefused for other datasets, for two at once, and for filters that the direction does not have.
        """
        direction = take_filters(spec)
        lower, upper = overlapping(spec.window)
        return Ask(frozenset({direction}), lower, upper, frozenset(map(same_filter, spec.filters)))

    def expectation(self, spec: ExportSpec) -> Expectation:
        """Expect one CSV, with a few records of the neighboring windows."""
        shapes = tuple(self._shapes[name] for name in spec.datasets)
        return Expectation(spec.window, shapes, container=Container.CSV, overlap=OVERLAP, accepts=self._accepts)

    def create(self, ask: Ask) -> Accepted:
        """Request an export with exactly one POST."""
        (direction,) = ask.datasets
        body = {"direction": direction} | {name: sent_filter(name, value) for name, value in ask.filters}
        bounds = (("start_time", ask.lower), ("end_time", ask.upper))
        body |= {name: format_instant(instant) for name, instant in bounds if instant is not None}
        reply = self._policy.call("POST", _EXPORTS, body=body)
        if reply.status not in (200, 201, 202):
            raise refuse_key(reply) or refuse_create(reply, _LABEL, read_problem(reply))
        try:
            return Accepted(read_observation(reply.content().get("data"), reply, KEYS), reply.request_id)
        except Unusable as exc:
            raise unanswered(_LABEL, reply, exc) from None

    def sweep(self, since: datetime) -> Iterator[Listed]:
        """Read the whole list, whose order is not documented, before yielding any of it.

        On a list where no export has a direction, none equals a request, unless the options say that all are
        outbound. An entry without a direction may still repeat a request of either.
        """
        found: dict[str, tuple[dict[str, object], Observation]] = {}
        for reply, items in walk(self._policy, self._page):
            for item in items:
                with usable(_LABEL, reply):
                    seen = read_observation(item, reply, KEYS)
                found.setdefault(seen.ref, (item, seen))
        shown = self._assumes_outbound or any(shows_direction(item) for item, _ in found.values())
        for item, seen in found.values():
            if is_recent(seen, since):
                perhaps = () if self._assumes_outbound else read_possible_asks(item)
                yield Listed(read_ask(item, absent=OUTBOUND if shown else ""), seen, perhaps=frozenset(perhaps))

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Look at each export; one request each."""
        return {ref: self._look(ref) for ref in refs}

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Return the one CSV, by way of the API. Transient when the export is not ready."""
        seen = self._look(ref)
        require_ready(_LABEL, seen)
        locator = f"{self._base_url}{export_path(_LABEL, _EXPORTS, ref)}/download"
        return (Part(locator, f"export_{safe_name(ref)}.csv", Container.CSV, True, seen.size, seen.rows),)

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:
        """Stream the CSV; the key goes to the API and to no host that it redirects to."""
        return download(self._policy, part, sink, stop)

    def delete(self, ref: str) -> None:
        """Delete the export; one that is already gone is a success."""
        reply = self._policy.call("DELETE", export_path(_LABEL, _EXPORTS, ref))
        if reply.status in (404, 410) or 200 <= reply.status < 300:
            return
        if reply.status in (405, 501):
            raise RequestRefused("HookBridge does not delete exports", status=reply.status, request_id=reply.request_id)
        raise _refuse_read(reply)

    def probe(self) -> Probe:
        """Read the list and the plan."""
        reply = self._policy.call("GET", _EXPORTS)
        skew = self._policy.skew
        if reply.status in (404, 410, 501):
            words = not_offered(reply, _LABEL, read_problem(reply)).message
            return Probe(offered=False, clock_skew=skew, listed=0, notes=(words,))
        items, cursor = _read(reply)
        plan = self._policy.call("GET", _PLAN)
        keeps = read_retention(plan) if plan.status == 200 else None
        notes = ["the list has further entries"] if cursor else []
        if keeps is None:
            notes.append(f"how long the plan keeps records could not be read ({plan.status}): set retention_days")
        return Probe(offered=True, clock_skew=skew, listed=len(items), notes=tuple(notes), retention=keeps)

    def _look(self, ref: str) -> Observation:
        """Return the state of one export."""
        reply = self._policy.call("GET", export_path(_LABEL, _EXPORTS, ref))
        if reply.status in (404, 410):
            status = ExportStatus.GONE if reply.status == 404 else ExportStatus.EXPIRED
            return Observation(ref, status, str(reply.status), request_id=reply.request_id)
        if reply.status != 200:
            raise _refuse_read(reply)
        with usable(_LABEL, reply):
            seen = read_observation(reply.content().get("data"), reply, KEYS)
            if seen.ref != ref:
                raise Unusable("it describes another export")
        return seen

    def _page(self, cursor: str) -> tuple[ApiResponse, Page]:
        """Return a page of the list: the only one, as documented; more where an answer leads on by a cursor."""
        reply = self._policy.call("GET", _EXPORTS, query={"cursor": cursor} if cursor else None)
        return reply, _read(reply)


def _refuse_read(reply: ApiResponse) -> ProviderError:
    return refuse_key(reply) or refuse_read(reply, _LABEL, read_problem(reply))


def _read(reply: ApiResponse) -> Page:
    if reply.status != 200:
        raise _refuse_read(reply)
    with usable(_LABEL, reply):
        return read_page(reply)
