"""Cases, kept in the evidence log: each change is one line, sealed to the vault's recipients.

So a case is rebuilt, copied, checked and proven with the log, and needs nothing else. A line says in clear which case
it is about, which kind of change, and the number of the user; whatever a person typed is sealed.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from strongroom.age.keys import X25519Identity
from strongroom.engine.access.hits import Hit
from strongroom.engine.access.hits import gather as gather_hits
from strongroom.engine.access.sealed_text import open_text, seal_text
from strongroom.engine.access.search import SearchProgress, open_found, search
from strongroom.engine.core.identities import Identities
from strongroom.engine.retention.holds import place
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.case import Case, CaseStep, Change, HoldAdded, Mark, Opened, RecordMarked
from strongroom.model.destruction import Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import SealError, UsageError
from strongroom.model.hold import HoldRule
from strongroom.model.names import fold_name, make_id, nearest_words
from strongroom.model.text import counted
from strongroom.model.times import Chance, parse_instant
from strongroom.providers.search_fields import NO_FIELDS
from strongroom.search.entry import OwnFields
from strongroom.search.terms import AllOf, Label, Operator, Query
from strongroom.search.text import fold
from strongroom.vault.checkpoints import entries_matching
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault

LONGEST = 4_000  # characters of a name, a query or a note


class _Sealed(Struct, frozen=True):
    """What the sealed part of a line has."""

    case: str  # again: a line that names another case is not believed
    by: str
    change: Change


_open = msgspec.json.Decoder(_Sealed).decode  # made by the import: see the rule in tests/layers/test_decoders.py


class OpenCases(Struct, frozen=True):
    """The cases of a vault, for the person who has these identities."""

    vault: Vault
    identities: Identities
    cases: Sequence[Case]

    def find(self, name: str) -> Case:
        """Return a case by its name or id. Raises UsageError."""
        return find_case(self.cases, name)


def open_cases(vault: Vault, identities: Sequence[X25519Identity]) -> list[Case]:
    """Return every case, the oldest first, with the changes that an identity opens."""
    steps: dict[str, list[CaseStep]] = {}
    sealed: dict[str, int] = defaultdict(int)
    for entry in entries_matching(vault.catalogue, kind="case"):
        case = str(entry.body["facts"].get("case", ""))
        steps.setdefault(case, [])
        step = _read(entry.body, identities)
        if step is None:
            sealed[case] += 1
        else:
            steps[case].append(step)
    return [Case(name, tuple(found), sealed[name]) for name, found in steps.items()]


def find_case(cases: Sequence[Case], part: str) -> Case:
    """Return the case of this name, or whose id begins or ends so. Raises UsageError."""
    named = [case for case in cases if case.name and fold_name(case.name) == fold_name(part)]
    found = named or [case for case in cases if part and (case.id.startswith(part) or case.id.endswith(part))]
    if len(found) > 1:
        raise UsageError(f"{part!r} matches several cases: {', '.join(case.id for case in found)}", hint="give the id")
    if not found:
        near = nearest_words(part, (case.name for case in cases))
        raise UsageError(f"there is no case {part!r}", hint=near or "see: strongroom case list")
    return found[0]


def find_whole_case(cases: Sequence[Case], part: str) -> Case:
    """Return a case as `find_case` does. Raises UsageError where a mark in it cannot be read here."""
    found = find_case(cases, part)
    if found.sealed:
        raise UsageError(
            f"{counted(found.sealed, 'change')} of the case cannot be read with your identity, and may mark a record"
            " as privileged",
            hint="give the identity of that time as well: --identity",
        )
    return found


def add_case(vault: Vault, cases: Sequence[Case], name: str, by: Person, now: datetime, random_bytes: Chance) -> Case:
    """Begin a case. Raises UsageError where there is one of that name, or the name is no line."""
    name = _require_words(name, "the name")
    if any(fold_name(case.name) == fold_name(name) for case in cases):
        raise UsageError(f"there is a case {name!r} already", hint=f"to see it: strongroom case show {name!r}")
    case = Case(make_id(now, random_bytes), ())
    return change_case(vault, case, Opened(name), by, now, random_bytes)


def change_case(vault: Vault, case: Case, change: Change, by: Person, now: datetime, random_bytes: Chance) -> Case:
    """Write one change to the log, sealed, and return the case with it."""
    signature = f"{by.name} ({by.token})"
    text = msgspec.json.encode(_Sealed(case.id, signature, change))
    kind = EntryKind.CASE_OPENED if isinstance(change, Opened) else EntryKind.CASE_CHANGED
    facts: dict[str, Fact] = {
        "case": case.id,
        "by": by.token,
        "change": str(change.__struct_config__.tag),
        "sealed": seal_text(vault, text, random_bytes),
    }
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry(kind, now, facts=facts))
    vault.write_log()
    return Case(case.id, (*case.steps, CaseStep(now, signature, change)), case.sealed)


def require_words(text: str, what: str) -> str:
    """Return text that a person typed for a case, without what surrounds it. Raises UsageError for none or too much."""
    found = text.strip()
    if not found:
        raise UsageError(f"{what} is empty")
    if len(found) > LONGEST:
        raise UsageError(f"{what} has {len(found):,} characters; at most {LONGEST:,} are kept")
    return found


def find_record(
    vault: Vault,
    archive: Archive,
    record: str,
    identities: Sequence[X25519Identity],
    fields: OwnFields = NO_FIELDS,
) -> Hit:
    """Return the record of this id in an archive, as it was delivered. Raises UsageError where there is none."""
    progress = SearchProgress(archives=1)
    query = Query(record, AllOf((Label(Operator.ID, fold(record)),)))
    found = gather_hits(search(vault, [archive], query, identities, progress, fields))
    opened = open_found(vault, found, identities, progress)
    for reason in progress.unread.values():
        raise SealError(f"archive {archive.id} cannot be read: {reason}", hint=f"run: strongroom verify {archive.id}")
    if not opened:
        raise UsageError(f"archive {archive.id} has no record with the id {record!r}")
    return opened[0].hit


def mark_of(hit: Hit, record: str, mark: Mark) -> RecordMarked:
    """Return the mark of a record that was found."""
    return RecordMarked(hit.archive.id, hit.dataset, record, hashlib.sha256(hit.line).hexdigest(), mark)


def hold_found(
    vault: Vault,
    case: Case,
    number: int,
    query: Query,
    archives: Sequence[Archive],
    by: Person,
    reason: str,
    now: datetime,
    random_bytes: Chance,
    *,
    later: bool,
) -> Case:
    """Hold the archives in which a query of the case found records; return the case with the holds.

    With `later` the streams of these archives are held for the period of the query, with what arrives later. Raises
    UsageError where nothing was found.
    """
    if not archives:
        raise UsageError("the query finds no record: there is nothing to place on hold")
    period = query.period
    rules = [HoldRule(archives=tuple(sorted({each.id for each in archives})))]
    if later:
        streams = dict.fromkeys((each.source, each.stream) for each in archives)
        rules += [HoldRule(source, stream, "", period.start, period.end) for source, stream in streams]
    for rule in rules:
        caught = place(vault, case.name, rule, by, reason, now, random_bytes)
        case = change_case(vault, case, HoldAdded(caught.hold.id, number), by, now, random_bytes)
    return case


def _require_words(text: str, what: str) -> str:
    found = require_words(text, what)
    if not found.isprintable() or len(found) > 200:
        raise UsageError(f"{what} must be one line of at most 200 characters")
    return found


def _read(body: dict[str, Any], identities: Sequence[X25519Identity]) -> CaseStep | None:
    """Return the change in a line, None where nothing at hand opens it or it belongs to another case."""
    facts = body["facts"]
    text = open_text(facts.get("sealed"), identities)
    try:
        found, at = _open(text or b""), parse_instant(body["at"])
    except (ValueError, LookupError, TypeError, msgspec.DecodeError):
        return None
    return CaseStep(at, found.by, found.change) if found.case == facts["case"] else None
