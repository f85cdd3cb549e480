"""Qlara's list of exports, the only place that says how they stand, and what must be remembered to read it rightly.

`isAvailableForDownload` false means "not yet" or "no longer". What this process has seen available is no longer so;
else the link endpoint is asked. Its 400 is documented to mean "expired", but may be the answer to a link that comes too
early as well: it is believed once the export has been complete for longer than any flag lags behind.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from strongroom.model.provider import Observation, Standing
from strongroom.providers.account import DEAD, paced, unusable
from strongroom.providers.answers import Reply, Unusable, refuse_read
from strongroom.providers.policy import HttpPolicy
from strongroom.providers.qlara_export import is_doubtful, read_entry, read_kind, read_name, read_page, read_problem
from strongroom.providers.qlara_request import read_ask

Entry = tuple[dict[str, object], Observation]

LAG = timedelta(hours=1)
"""How long a completed export may be unavailable before the refusal of its link is believed to mean its end."""

_PAGE = 100


class QlaraList:
    """The list of one account."""

    def __init__(self, policy: HttpPolicy) -> None:
        self._policy = policy
        self._were_ready: set[str] = set()  # exports that this process has seen available
        self._doubted_since: dict[str, datetime] = {}  # complete, unavailable and without a link, by their own clock

    def entries(self, was_ready: str = "") -> Iterator[Entry]:
        """Yield every entry once, and every one that has no id; `was_ready` is known to have been available."""
        seen: set[str] = set()
        for reply, entries in self._pages():
            for entry in entries:
                found = read_entry(entry, reply)
                if found.ref and (found.ref == was_ready or found.ref in self._were_ready):
                    found = read_entry(entry, reply, was_ready=True)
                if not found.ref or found.ref not in seen:
                    seen.add(found.ref)
                    yield entry, found

    def by_name(self) -> dict[str, Entry]:
        """Return every entry that has an id."""
        return {entry[1].ref: entry for entry in self.entries() if entry[1].ref}

    def find(self, ref: str, *, was_ready: bool = False) -> Observation | None:
        """Return how the list says that one export stands, or None where it lacks it."""
        known = ref if was_ready else ""
        return next((seen for _, seen in self.entries(known) if seen.ref == ref), None)

    def successor(self, ref: str, before: Mapping[str, Entry]) -> str:
        """Return what to watch after a regeneration that names no export: what is new on the list, if one thing is.

        Several that are alike cannot be told apart: then it is the old name, and its export stays what it is.
        """
        after = self.by_name()
        if ref not in before or (ref in after and not _is_over(after[ref][1])):
            return ref
        old = before[ref][0]
        fresh = [name for name, (entry, _) in after.items() if name not in before and _is_like(entry, old)]
        return fresh[0] if len(fresh) == 1 else ref

    def remember_ready(self, ref: str) -> None:
        """Remember that the export can be downloaded now."""
        self._were_ready.add(ref)
        self._doubted_since.pop(ref, None)

    def forget_ready(self, ref: str) -> None:
        """Forget it: the export is made again."""
        self._were_ready.discard(ref)
        self._doubted_since.pop(ref, None)

    def was_ready(self, ref: str) -> bool:
        """Say whether this process has seen the export available."""
        return ref in self._were_ready

    def judge(self, seen: Observation, link: Reply) -> Observation:
        """Say how an export stands that is completed but not available, by what its link endpoint answers."""
        if link.status == 200:
            self.remember_ready(seen.ref)
            return replace(seen, standing=Standing.READY)
        since = self._doubted_since.setdefault(seen.ref, link.now)
        complete = min(since, seen.completed_at or since)
        over = link.status == 404 or link.now - complete >= LAG
        return replace(seen, standing=Standing.EXPIRED) if over else seen

    def _pages(self) -> Iterator[tuple[Reply, list[dict[str, object]]]]:
        """Yield the pages until one is empty, says that it is the last, or names the same exports as the one before.

        A short page is no end: the longest page that is allowed is not documented. Nor is an empty one that says
        itself that it is not the last.
        """
        before: list[object] = []
        walk_on = paced(self._policy)
        for page in itertools.count():
            walk_on()
            reply = self._policy.call("GET", "/exports", query={"page": page, "limit": _PAGE})
            entries, last = page_of(reply)
            names: list[object] = [read_name(entry) or entry for entry in entries]
            if entries and names == before:
                return
            yield reply, entries
            if last or (last is None and not entries):
                return
            before = names


def _is_over(seen: Observation) -> bool:
    return seen.standing in DEAD or is_doubtful(seen)


def _is_like(entry: dict[str, object], other: dict[str, object]) -> bool:
    """Say whether two entries tell of the same request, as far as they tell."""
    kind = read_kind(entry)
    return kind == read_kind(other) and read_ask(kind, entry) == read_ask(kind, other)


def page_of(reply: Reply) -> tuple[list[dict[str, object]], bool | None]:
    """Return the entries of one page, and whether it says that it is the last; None where it says neither."""
    if reply.status != 200:
        raise refuse_read(reply, "Qlara", read_problem(reply))
    try:
        return read_page(reply)
    except Unusable as exc:
        raise unusable("Qlara", reply, exc) from None
