"""HookBridge: `POST /v1/exports`, `GET /v1/exports[/{id}]`, and `GET /v1/exports/{id}/download`, which redirects.

Sources: the vendor's pages "Create export", "Exports" and "Error handling", and its published SDKs, November 2026.

* An export has one direction, and whether the ends of its range belong to it is not documented: more is asked for
  than is needed (see overlap.py).
* One export at a time for the whole project: EXPORT_LIMIT_EXCEEDED means waiting. RATE_LIMITED has the same status and
  means that a wrong key was tried too often: going on would make it worse.
* The download endpoint wants the key; the place that it redirects to must never see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from strongroom.model.errors import ExportGone, RequestRefused, Transient, Unanswered
from strongroom.model.inspection import Expectation
from strongroom.model.instants import format_instant
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
from strongroom.providers.hookbridge_export import (
    FILTERS,
    SHAPES,
    STATUSES,
    read_ask,
    read_export,
    read_problem,
    read_retention,
    refuse_key,
    same_filter,
    sent_filter,
)
from strongroom.providers.overlap import OVERLAP, overlapping
from strongroom.providers.policy import HttpPolicy
from strongroom.providers.port import Provider, Sink, StopAsked
from strongroom.providers.settings import ProviderSettings

BASE_URL = "https://api.hookbridge.io"
LIMITS = Limits(concurrent=1, per_hour=None)
CAPABILITIES = Capabilities(tuple(SHAPES), Match.EXACT, Renewal.NEW_EXPORT, ExpiryBasis.COMPLETED)

_EXPORTS = "/v1/exports"
_PLAN = "/v1/billing/subscription"
_MOST_PAGES = 10_000


def build_hookbridge(settings: ProviderSettings) -> Provider:
    """Return the adapter for one HookBridge project. Raises UsageError for settings that cannot be used."""
    policy = HttpPolicy(
        "HookBridge",
        settings.base_url or BASE_URL,
        lambda: ("Authorization", f"Bearer {settings.api_key()}"),
        clock=settings.clock,
        bounds=settings.bounds,
        paths=settings.paths,
        monotonic=settings.monotonic,
        resolve=settings.resolve,
    )
    base = (settings.base_url or BASE_URL).rstrip("/")
    return HookBridge(policy, base, settings.limits.apply(LIMITS))


class HookBridge:
    """One HookBridge project."""

    def __init__(self, policy: HttpPolicy, base_url: str = BASE_URL, limits: Limits = LIMITS) -> None:
        self._policy = policy
        self._base_url = base_url
        self._limits = limits

    @property
    def capabilities(self) -> Capabilities:
        """What this adapter can do."""
        return CAPABILITIES

    @property
    def limits(self) -> Limits:
        """One export at once; the plan decides how long records are kept, and `probe` reads it."""
        return self._limits

    def ask(self, spec: ExportSpec) -> Ask:
        """Ask for one direction, from before the window's start to its end.

        Raises RequestRefused for other datasets, for two at once, and for filters that the direction does not have.
        """
        direction, filters = spec.datasets[0] if len(spec.datasets) == 1 else "", dict(spec.filters)
        if direction not in SHAPES:
            words = f"the datasets {', '.join(spec.datasets)} in one file" if spec.datasets else "no datasets"
            raise RequestRefused(f"HookBridge cannot export {words}", hint=f"one export is one of {', '.join(SHAPES)}")
        unknown = sorted(filters.keys() - FILTERS[direction])
        if unknown or filters.get("status", STATUSES[0]) not in STATUSES:
            what = f"the filters {', '.join(unknown)}" if unknown else "this status"
            hint = f"filters of {direction} are {', '.join(FILTERS[direction])}; statuses: {', '.join(STATUSES)}"
            raise RequestRefused(f"HookBridge has no export of {direction} with {what}", hint=hint)
        lower, upper = overlapping(spec.window)
        return Ask(frozenset({direction}), lower, upper, frozenset(map(same_filter, spec.filters)))

    def expectation(self, spec: ExportSpec) -> Expectation:
        """Expect one CSV, with a few records of the neighbouring windows."""
        shapes = tuple(SHAPES[name] for name in spec.datasets)
        return Expectation(spec.window, shapes, container=Container.CSV, overlap=OVERLAP)

    def create(self, ask: Ask) -> Accepted:
        """Request an export with exactly one POST."""
        (direction,) = ask.datasets
        body = {"direction": direction} | {name: sent_filter(name, value) for name, value in ask.filters}
        bounds = (("start_time", ask.lower), ("end_time", ask.upper))
        body |= {name: format_instant(instant) for name, instant in bounds if instant is not None}
        reply = self._policy.call("POST", _EXPORTS, body=body)
        if reply.status not in (200, 201, 202):
            raise refuse_key(reply) or refuse_create(reply, "HookBridge", read_problem(reply))
        try:
            return Accepted(read_export(reply.content().get("data"), reply), reply.request_id)
        except Unusable as exc:
            raise Unanswered(
                f"HookBridge accepted the export request, but its answer cannot be used: {exc}",
                hint="the provider's list shows which export was made; it is read before anything is asked again",
                status=reply.status,
                request_id=reply.request_id,
            ) from None

    def sweep(self, since: datetime) -> Iterator[Listed]:
        """Walk the whole list. Its order is not documented, so an old entry does not end it."""
        seen: set[str] = set()
        for reply, items in self._pages():
            for item in items:
                try:
                    observation = read_export(item, reply)
                except Unusable as exc:
                    raise _unusable(reply, exc) from None
                created = observation.created_at
                if observation.ref not in seen and (created is None or created >= since):
                    seen.add(observation.ref)
                    yield Listed(read_ask(item), observation)

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Look at each export; one request each."""
        return {ref: self._look(ref) for ref in refs}

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Return the one CSV, by way of the API. Transient when the export is not ready."""
        seen = self._look(ref)
        if seen.standing in (Standing.EXPIRED, Standing.GONE, Standing.FAILED):
            message = f"the HookBridge export {_name(ref)} is {seen.standing}"
            raise ExportGone(message, hint="a new export of the window is needed")
        if seen.standing is not Standing.READY:
            words = seen.raw_status or seen.standing
            raise Transient(f"the HookBridge export {_name(ref)} is not ready ({words})")
        locator = f"{self._base_url}{_EXPORTS}/{quote(ref, safe='')}/download"
        return (Part(locator, f"export_{_name(ref)}.csv", Container.CSV, True, seen.size, seen.rows),)

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:
        """Stream the CSV; the key goes to the API and to no host that it redirects to."""
        return download(self._policy, part, sink, stop)

    def probe(self) -> Probe:
        """Read the list and the plan."""
        reply = self._policy.call("GET", _EXPORTS)
        skew = self._policy.skew
        if reply.status in (404, 410, 501):
            words = not_offered(reply, "HookBridge", read_problem(reply)).message
            return Probe(offered=False, clock_skew=skew, listed=0, notes=(words,))
        items, cursor = _page(reply)
        plan = self._policy.call("GET", _PLAN)
        keeps = read_retention(plan) if plan.status == 200 else None
        notes = ["the list has further entries"] if cursor else []
        if keeps is None:
            notes.append(f"how long the plan keeps records could not be read ({plan.status}): set retention_days")
        return Probe(offered=True, clock_skew=skew, listed=len(items), notes=tuple(notes), retention=keeps)

    def _look(self, ref: str) -> Observation:
        """Return where one export stands."""
        if not re.fullmatch(r"[\x21-\x7e]{1,500}", ref) or set(ref) <= {"."}:
            raise RequestRefused("this cannot be the name of a HookBridge export")
        reply = self._policy.call("GET", f"{_EXPORTS}/{quote(ref, safe='')}")
        if reply.status in (404, 410):
            standing = Standing.GONE if reply.status == 404 else Standing.EXPIRED
            return Observation(ref, standing, str(reply.status), request_id=reply.request_id)
        if reply.status != 200:
            raise refuse_key(reply) or refuse_read(reply, "HookBridge", read_problem(reply))
        try:
            seen = read_export(reply.content().get("data"), reply)
        except Unusable as exc:
            raise _unusable(reply, exc) from None
        if seen.ref != ref:
            raise _unusable(reply, Unusable("it tells of another export"))
        return seen

    def _pages(self) -> Iterator[tuple[Reply, list[dict[str, object]]]]:
        """Yield the pages of the list: one, as documented; more where an answer leads on by a cursor."""
        cursors: list[str] = [""]
        while len(cursors) < _MOST_PAGES:
            reply = self._policy.call("GET", _EXPORTS, query={"cursor": cursors[-1]} if cursors[-1] else None)
            items, cursor = _page(reply)
            yield reply, items
            if not cursor:
                return
            if cursor in cursors:
                break
            cursors.append(cursor)
        raise Transient("HookBridge's list of exports does not end: its cursors repeat")


def _page(reply: Reply) -> tuple[list[dict[str, object]], str]:
    """Return the entries of one page and the cursor to the next, empty at the end."""
    if reply.status != 200:
        raise refuse_key(reply) or refuse_read(reply, "HookBridge", read_problem(reply))
    content = reply.loose_content()
    items, meta = content.get("data"), content.get("meta")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _unusable(reply, Unusable("it has no list of exports"))
    told = meta if isinstance(meta, dict) else {}
    cursor = told.get("next_cursor")
    if told.get("has_more") and not (isinstance(cursor, str) and cursor):
        raise _unusable(reply, Unusable("its list goes on, but does not say how"))
    return items, cursor if isinstance(cursor, str) else ""


def _unusable(reply: Reply, why: Unusable) -> Transient:
    return Transient(
        f"HookBridge's answer cannot be used: {why}",
        status=reply.status,
        request_id=reply.request_id,
        retry_at=reply.retry_at,
    )


def _name(ref: str) -> str:
    """Return the export's name made safe for a file name and a message."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", ref)[:100]
