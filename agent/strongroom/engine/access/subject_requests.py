"""The register of subject access requests, kept in the evidence log: each change is one line, sealed like a case's.

In clear text a line has the id of the request, the kind of the change, the number of the user, and the dates that an
alert needs. Who asks, every identifier and every reason are sealed to the vault's recipients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from strongroom.age.keys import X25519Identity
from strongroom.engine.access.sealed_text import open_text, seal_text
from strongroom.evidence.line import Entry, Fact
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.destruction import Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.names import make_id
from strongroom.model.subject import (
    ANSWER_MONTHS,
    EXTENDED_MONTHS,
    RequestAnswered,
    RequestExtended,
    RequestReceived,
    SubjectChange,
    SubjectEntry,
    SubjectRequest,
    SubjectState,
    require_extensible,
    require_open,
)
from strongroom.model.times import Chance, parse_instant
from strongroom.search.person import read_identifier
from strongroom.vault.checkpoints import LoggedLine
from strongroom.vault.destructions import pending_erasures
from strongroom.vault.log import add_entry
from strongroom.vault.subjects import subject_entries
from strongroom.vault.vault import Vault

LONGEST = 4_000  # characters of a reference, a reason or an answer
WARN, URGE = timedelta(days=10), timedelta(days=3)  # before the end of the period


class _Sealed(Struct, frozen=True):
    """What the sealed part of a line has."""

    request: str  # again: a line that names another request is not believed
    by: str
    change: SubjectChange


_open = msgspec.json.Decoder(_Sealed).decode  # made by the import: see the rule in tests/layers/test_decoders.py


def record_request(
    vault: Vault,
    reference: str,
    identifiers: Sequence[str],
    received: date | None,
    zone: str,
    by: Person,
    now: datetime,
    random_bytes: Chance,
) -> SubjectRequest:
    """Record a request, received on a day in the zone, or today. Raises UsageError for what says too little."""
    today = now.astimezone(ZoneInfo(zone)).date()
    day = received or today
    if day > today:
        raise UsageError(f"the request was received on {day}, which is in the future", hint="correct --received")
    given = tuple(dict.fromkeys(read_identifier(each).text for each in identifiers))
    if not given:
        raise UsageError("no identifier was given", hint="give a number, an address or a name: --identifier")
    request = SubjectRequest(make_id(now, random_bytes), day, zone, ANSWER_MONTHS, SubjectState.OPEN, ())
    change = RequestReceived(require_line(reference, "the reference"), given)
    facts: dict[str, Fact] = {"received": day.isoformat(), "zone": zone}
    return _write(vault, request, change, by, now, random_bytes, facts)


def change_request(
    vault: Vault, request: SubjectRequest, change: SubjectChange, by: Person, now: datetime, random_bytes: Chance
) -> SubjectRequest:
    """Add something to a request, and return it so. Raises StepRefused for what is not possible any more."""
    facts: dict[str, Fact] = {}
    match change:
        case RequestExtended():
            require_extensible(request, now)
        case RequestAnswered():
            require_open(request)
            facts["answer"] = change.answer.value
        case _:
            require_open(request)
    return _write(vault, request, change, by, now, random_bytes, facts)


def _write(
    vault: Vault,
    request: SubjectRequest,
    change: SubjectChange,
    by: Person,
    now: datetime,
    random_bytes: Chance,
    more: dict[str, Fact],
) -> SubjectRequest:
    signature = f"{by.name} ({by.token})"
    kind = EntryKind.SUBJECT_REQUESTED if isinstance(change, RequestReceived) else EntryKind.SUBJECT_CHANGED
    tag = str(change.__struct_config__.tag)
    facts: dict[str, Fact] = {
        "request": request.id,
        "by": by.token,
        "change": tag,
        **more,
        "sealed": seal_text(vault, msgspec.json.encode(_Sealed(request.id, signature, change)), random_bytes),
    }
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry(kind, now, facts=facts))
    vault.write_log()
    return _with(request, SubjectEntry(now, signature, tag, change), more)


def read_requests(vault: Vault, identities: Sequence[X25519Identity] = ()) -> list[SubjectRequest]:
    """Return every request, the oldest first; without an identity, only what is in clear text."""
    found: dict[str, SubjectRequest] = {}
    for line in subject_entries(vault.catalogue):
        facts = line.body["facts"]
        entry, name = _read(line, identities), str(facts.get("request", ""))
        if name not in found and line.body["kind"] == EntryKind.SUBJECT_REQUESTED:
            day, zone = date.fromisoformat(facts["received"]), str(facts["zone"])
            found[name] = SubjectRequest(name, day, zone, ANSWER_MONTHS, SubjectState.OPEN, ())
        if name in found:
            found[name] = _with(found[name], entry, facts)
    return list(found.values())


def find_request(requests: Sequence[SubjectRequest], part: str) -> SubjectRequest:
    """Return the request whose id begins or ends so. Raises UsageError."""
    found = [each for each in requests if part and (each.id.startswith(part) or each.id.endswith(part))]
    if len(found) > 1:
        names = ", ".join(each.id for each in found)
        raise UsageError(f"{part!r} matches several requests: {names}", hint="type more of the id")
    if not found:
        raise UsageError(f"there is no request {part!r}", hint="see: strongroom subject list")
    return found[0]


def require_line(text: str, what: str) -> str:
    """Return one line that a person typed. Raises UsageError for none or too much."""
    found = text.strip()
    if not found:
        raise UsageError(f"{what} is empty")
    if len(found) > LONGEST or not found.isprintable():
        raise UsageError(f"{what} must be one line of at most {LONGEST:,} characters")
    return found


def answer_alarms(vault: Vault, now: datetime) -> Iterator[Alert]:
    """Yield the alerts for requests of people whose period ends soon or has ended: for access, and for erasure.

    Needs no identity. Nobody is named.
    """
    for each in read_requests(vault):
        if each.is_open:
            see = f"see: strongroom subject show {each.id}"
            yield from _alarm(f"request {each.id} for access", each.id, each.deadline, f"{each.last_day}", now, see)
    for erasure in pending_erasures(vault.catalogue):
        if erasure.answered_at is None:
            last = erasure.answer_by
            yield from _alarm(
                f"request {erasure.id} for erasure", erasure.id, last, f"{last:%Y-%m-%d}", now,
                "see: strongroom erase list",
            )  # fmt: skip


def _alarm(what: str, name: str, deadline: datetime, day: str, now: datetime, see: str) -> Iterator[Alert]:
    left = deadline - now
    if left > WARN:
        return
    late = left <= timedelta(0)
    title = (
        f"a person's request was not answered by {day}, its deadline"
        if late
        else f"a person's request must be answered by {day}"
    )
    severity = Level.CRITICAL if left <= URGE else Level.WARNING
    yield Alert(f"{AlertKind.ANSWER} {name}", severity, title, f"{what}; {see}")


def _with(request: SubjectRequest, entry: SubjectEntry, facts: dict[str, Any]) -> SubjectRequest:
    """Return a request with one more line. A line in clear text decides the state, so that alerts agree with it."""
    extended = entry.kind == RequestExtended.__struct_config__.tag
    state = SubjectState(facts["answer"]) if facts.get("answer") in set(SubjectState) else request.state
    months = EXTENDED_MONTHS if extended else request.months
    return msgspec.structs.replace(request, months=months, state=state, entries=(*request.entries, entry))


def _read(line: LoggedLine, identities: Sequence[X25519Identity]) -> SubjectEntry:
    facts = line.body["facts"]
    at, kind = parse_instant(line.body["at"]), str(facts.get("change", ""))
    text = open_text(facts.get("sealed"), identities) if identities else None
    try:
        found = _open(text or b"")
    except (ValueError, TypeError, msgspec.DecodeError):
        return SubjectEntry(at, "", kind, None)
    believed = found.request == facts.get("request") and found.change.__struct_config__.tag == kind
    return SubjectEntry(at, found.by, kind, found.change if believed else None)
