"""The list of a manifest's provider, page by page in the style that the manifest names, and what must be remembered.

However a list pages, it has an end: a page that repeats the one before ends it, and a cursor or an address that comes
again is reported. A short page is no end, as the longest page that is allowed may not be documented.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from strongroom.model.errors import ProviderError, Transient
from strongroom.model.expression import search
from strongroom.model.manifest import CollectRequest, ListRequest, Manifest
from strongroom.model.manifest_words import Paging
from strongroom.model.provider import ExportStatus, Observation
from strongroom.providers.account import DEAD, paced, usable
from strongroom.providers.answers import ApiResponse, Unusable
from strongroom.providers.manifest_answers import ManifestAnswers, entries_of
from strongroom.providers.policy import HttpPolicy

Entry = tuple[dict[str, object], Observation]
Query = dict[str, str | int]

LAG = timedelta(hours=1)
"""How long a list, or the flag on it, may lag behind what is true."""

_NEXT = re.compile(r'<([^<>]{1,4000})>\s*(?:;[^,<>]*)?;\s*rel\s*=\s*"?[^",;]*\bnext\b', re.IGNORECASE)


class ManifestList:
    """The list of one account."""

    def __init__(
        self,
        manifest: Manifest,
        own: ListRequest,
        policy: HttpPolicy,
        answers: ManifestAnswers,
        refuse: Callable[[ApiResponse], ProviderError],
    ) -> None:
        self._manifest, self._own, self._policy = manifest, own, policy
        self._answers, self._refuse = answers, refuse

    def entries(self) -> Iterator[Entry]:
        """Yield every entry once, and every one that has no id."""
        seen = set[str]()
        for reply, holders in self._pages():
            for holder in holders:
                with usable(self._policy.label, reply):
                    found = self._answers.export(holder, reply)
                if not found.ref or found.ref not in seen:
                    seen.add(found.ref)
                    yield holder, found

    def by_name(self) -> dict[str, Entry]:
        """Return every entry that has an id."""
        return {entry[1].ref: entry for entry in self.entries() if entry[1].ref}

    def first_page(self) -> tuple[ApiResponse, Query]:
        """Return the answer to the request for one entry, or for a page where no size can be given, and its query."""
        query = self._first_query() | ({self._own.size_key: 1} if self._own.size_key else {})
        return self._policy.call("GET", self._own.path, query=query or None), query

    def _first_query(self) -> Query:
        own = self._own
        query: Query = {name: value if type(value) is int else str(value) for name, value in own.query.items()}
        query |= {own.size_key: own.size} if own.size_key else {}
        return query | {
            Paging.PAGE: {own.page_key: own.first_page},
            Paging.OFFSET: {own.page_key: 0},
        }.get(own.paging, {})

    def _pages(self) -> Iterator[tuple[ApiResponse, list[dict[str, object]]]]:
        path, query = self._own.path, self._first_query()
        numbered = self._own.paging in (Paging.PAGE, Paging.OFFSET)
        walk_on, places, before = paced(self._policy), {("", "")}, list[object]()
        for page in itertools.count():
            walk_on()
            reply = self._policy.call("GET", path, query=query or None)
            holders = self.read(reply)
            names: list[object] = [search(self._manifest.export.id, holder) or holder for holder in holders]
            if numbered and page and holders and names == before:
                return
            yield reply, holders
            with usable(self._policy.label, reply):
                found = self._next(reply, path, query, holders)
            if found is None:
                return
            path, query = found
            place = (path, repr(sorted(query.items())))
            if place in places:
                raise Transient(f"{self._policy.label}'s list of exports does not end: its cursors repeat")
            places.add(place)
            before = names

    def read(self, reply: ApiResponse) -> list[dict[str, object]]:
        """Return the entries of a page."""
        if reply.status != 200:
            raise self._refuse(reply)
        with usable(self._policy.label, reply):
            return entries_of(self._manifest, reply)

    def leads_on(self, reply: ApiResponse, query: Query) -> bool:
        """Say whether a page shows that there are others."""
        if self._own.paging not in (Paging.CURSOR, Paging.LINK):
            return False
        with usable(self._policy.label, reply):
            return self._next(reply, self._own.path, query, [{}]) is not None

    def _next(
        self, reply: ApiResponse, path: str, query: Query, holders: list[dict[str, object]]
    ) -> tuple[str, Query] | None:
        """Return where the list goes on, or None at its end. Raises Unusable where it goes on and does not say how."""
        own, value = self._own, reply.value()
        more, last = search(own.more, value), search(own.last, value)
        if last is True or more is False:
            return None
        numbered = own.paging in (Paging.PAGE, Paging.OFFSET)
        if numbered:
            ended = not holders and last is None and not more
            step = 1 if own.paging is Paging.PAGE else max(len(holders), 1)
            return None if ended else (path, query | {own.page_key: int(query[own.page_key]) + step})
        leads = lead_of(own, reply, value)
        if not leads:
            if more is True:
                raise Unusable("its list goes on, but does not say how")
            return None
        if own.paging is Paging.CURSOR:
            return path, query | {own.page_key: leads}
        below = self._policy.path_below(leads)
        return below, {}


def lead_of(own: ListRequest | CollectRequest, reply: ApiResponse, value: object) -> str:
    """Return the next cursor or address, empty at the end. Raises Unusable for one that is no text."""
    if own.paging is Paging.NONE:
        return ""
    if own.paging is Paging.LINK and not own.next:
        found = _NEXT.search(reply.headers.get("link", ""))
        return found[1] if found else ""
    lead = search(own.next, value)
    if lead is None:
        return ""
    if isinstance(lead, bool) or not isinstance(lead, str | int) or not str(lead).isprintable():
        raise Unusable("its cursor is not a text")
    return str(lead)


class Availability:
    """Remembers which exports this process has seen available, and since when others are doubtful."""

    def __init__(self) -> None:
        self._were_ready = set[str]()
        self._doubted_since = dict[str, datetime]()

    def note(self, seen: Observation) -> Observation:
        """Remember an export that is ready, and return it."""
        if seen.status is ExportStatus.READY:
            self._were_ready.add(seen.ref)
            self._doubted_since.pop(seen.ref, None)
        return seen

    def forget(self, ref: str) -> None:
        """Forget it: the export is made again."""
        self._were_ready.discard(ref)
        self._doubted_since.pop(ref, None)

    def was_ready(self, ref: str) -> bool:
        """Say whether this process has seen the export available."""
        return ref in self._were_ready

    def judge(self, seen: Observation, now: datetime, *, gone: bool) -> Observation:
        """Return the state of an export that is done and has no link: over if it had one, or long after it was done.

        A refused link may mean that it comes too early as well; it is believed once it has been refused for longer
        than any flag lags behind.
        """
        since = self._doubted_since.setdefault(seen.ref, now)
        done = min(since, seen.completed_at or since)
        over = gone or self.was_ready(seen.ref) or now - done >= LAG
        return replace(seen, status=ExportStatus.EXPIRED) if over else seen


def successor(
    ref: str,
    before: Mapping[str, Entry],
    after: Mapping[str, Entry],
    alike: Callable[[dict[str, object], dict[str, object]], bool],
) -> str:
    """Return what to watch after a renewal that names no export: what is new on the list and like it, if one thing is.

    Several that are alike cannot be distinguished: then it is the old name, and its export stays as it is.
    """
    if ref not in before or (ref in after and after[ref][1].status not in DEAD):
        return ref
    fresh = [name for name, (holder, _) in after.items() if name not in before and alike(holder, before[ref][0])]
    return fresh[0] if len(fresh) == 1 else ref
