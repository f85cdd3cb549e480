"""What time the log vouches for: a pure fold over its entries. Our own clock writes every line and vouches for none.

The vouched time is the newest instant in the log that something besides our clock spoke for: a provider at an
established address (`clock.confirmed`), or people enough (`clock.accepted`). An address is established if it is
built in, if the vault had it before it had an archive, or once it stood in the log for PROBATION of vouched time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field

from strongroom.model.destruction import Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.times import format_instant, parse_instant

PROBATION = timedelta(days=30)  # for an address that came when there were archives already
LEAP = timedelta(days=35)  # a longer step between two entries is more than a month between two runs
BUILT_IN = ""
"""The address of a source that is asked where its adapter says, by no proxy and under no authorities of the house."""


class Leap(Struct, frozen=True):
    """Two consecutive entries further apart than LEAP, the later one of which no source confirmed."""

    seq: int  # of the later one
    before: datetime
    after: datetime


class Address(Struct, frozen=True):
    """The address of a source, as recorded in the log."""

    address: str
    since: datetime  # the vouched time when it was entered
    first: bool  # entered before the vault had an archive


class Acceptance(Struct, frozen=True):
    """One person's word that the time of our clock is right."""

    at: datetime
    by: Person
    signer: str = ""  # the key of an approver that signed it


class TimeLog(Struct):
    """What the entries so far say about time."""

    tolerance: timedelta = timedelta(days=1)
    approvers: Collection[str] | None = None  # whose signatures count; where there are any, nothing else does
    people: int = 1  # that it takes at the least to accept a time
    is_signed: Callable[[datetime, Mapping[str, Any]], bool] = lambda _at, _facts: False  # an acceptance, truly
    vouched: datetime | None = None
    leaps: list[Leap] = field(default_factory=list)  # open ones
    pending: list[Acceptance] = field(default_factory=list)  # too few so far
    addresses: dict[str, Address] = field(default_factory=dict)
    last: datetime | None = None  # of the newest entry of any kind
    _archives: bool = False
    by_log: bool = False  # the log is one of a version that enters who vouched

    def pass_by(self, seq: int, at: datetime, *, archive: bool) -> None:
        """Take in the place, the time and whether it is about an archive, of any entry."""
        if self.last is not None and at - self.last > LEAP:
            self.leaps.append(Leap(seq, self.last, at))
        self.last, self._archives = at, self._archives or archive
        if not self.by_log and self.vouched is not None and timedelta(0) < at - self.vouched <= LEAP:
            self.vouched = at
            self.leaps.clear()

    def hear(self, seq: int, body: Mapping[str, Any]) -> None:
        """Take in one entry of the kinds above; after `pass_by`. Raises where it says what cannot be read."""
        at, facts = parse_instant(body["at"]), body["facts"]
        match body["kind"]:
            case EntryKind.VAULT_CREATED:
                self.vouched = at if seq == 1 else self.vouched
                self.by_log = self.by_log or facts.get("time") == "log"
            case EntryKind.SOURCE_ADDRESS:
                self.by_log = True
                self._enter(facts["source"], facts["address"], at)
            case EntryKind.CLOCK_CONFIRMED:
                self.by_log = True
                if any(self.is_established(vote["source"], vote["address"]) for vote in facts["sources"]):
                    self._vouch(at)
            case EntryKind.CLOCK_ACCEPTED:
                self.by_log = True
                self._accept(at, facts)

    def is_established(self, source: str, address: str) -> bool:
        """Say whether this source, asked at this address, may vouch for the time now."""
        known = self.addresses.get(source)
        if address == BUILT_IN:
            return True
        if known is None or known.address != address:
            return False
        return known.first or (self.vouched is not None and self.vouched - known.since >= PROBATION)

    @property
    def subject(self) -> str:
        """Return what a person's acceptance is about: the vouched time that our clock has left behind."""
        return format_instant(self.vouched) if self.vouched else "none"

    def _enter(self, source: str, address: str, at: datetime) -> None:
        known = self.addresses.get(source)
        if known is None or known.address != address:  # the same again, as after a rebuild, is no change
            since = at if self.vouched is None else min(self.vouched, at)
            first = not self._archives and (known is None or known.first)
            self.addresses[source] = Address(address, since, first)

    def _accept(self, at: datetime, facts: Mapping[str, Any]) -> None:
        if facts["from"] != self.subject:
            return
        signer = facts.get("signer", "")
        if signer and not self.is_signed(at, facts):
            return
        if self.approvers is not None and signer not in self.approvers:
            if self.approvers:
                return
            signer = ""  # anybody's key: it distinguishes nobody
        fresh = Acceptance(at, Person.of_token(facts["by"]), signer)
        self.pending = [each for each in self.pending if abs(at - each.at) <= self.tolerance]
        if not any(is_same(each, fresh) for each in self.pending):
            self.pending.append(fresh)
        if len(self.pending) >= max(self.people, facts["people"]):
            self._vouch(at)
            self.leaps.clear()

    def _vouch(self, at: datetime) -> None:
        self.vouched = at if self.vouched is None else max(self.vouched, at)
        self.leaps = [each for each in self.leaps if each.after - at > self.tolerance]
        self.pending.clear()


def is_same(one: Acceptance, other: Acceptance) -> bool:
    """Return whether two acceptances may come from one person: the same key, or no two keys that distinguish people."""
    if one.signer and other.signer:
        return one.signer == other.signer
    return one.by.may_be(other.by)
