"""What a copy of the vault consists of and what it is missing: names of objects, and what an entry of the log changes.

A copy follows the evidence log: it is complete up to entry N when it has everything that the entries up to N name, and
the lines themselves. So what is missing follows from one number, and a copy is a consistent vault at each moment.

An object is written once and never changed. What may be replaced, a key file or a search segment, has its SHA-256 in
its name: the new one is written first, and the old one is removed then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.archive import Holding
from strongroom.model.entry_kind import EntryKind
from strongroom.model.text import counted
from strongroom.model.times import rough_duration

IDENTITY = "strongroom-copy.json"
"""The object that says of which vault this is a copy; written first and read before anything else."""

README = "README.txt"
LINES = "log/lines/"
"""Where the lines of the log are, some of them in each object."""

PREFIX_DIGITS = 16  # of the vault's digest, as in the origin of its checkpoints
LINES_AT_ONCE = 20_000  # of the log in one object, at most
BYTES_AT_ONCE = 8 << 20  # of these lines, at most
LATE = timedelta(days=1)  # after which a copy that is missing something raises an alert
REST = timedelta(hours=1)  # for which entries that name no archive wait for one that does
REHEARSAL_WAIT = timedelta(days=1)  # after a rehearsal that found something or could not be done
FIRST_WAIT = timedelta(minutes=1)  # after a failure; doubled each time
LONGEST_WAIT = timedelta(hours=1)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}(/[A-Za-z0-9][A-Za-z0-9._-]{0,200}){0,2}", re.ASCII)
_LINES = re.compile(rf"{LINES}([0-9]{{12}})-([0-9]{{12}})\.jsonl", re.ASCII)


class Part(StrEnum):
    """One of the files of an archive."""

    KEY = "key"
    PAYLOAD = "payload"
    SEGMENT = "segment"
    MANIFEST = "manifest"
    TOMBSTONE = "tombstone"


_FOLDERS: Mapping[Part, tuple[str, str]] = {
    Part.KEY: ("keys", ".key.age"),
    Part.PAYLOAD: ("archives", ".age"),
    Part.SEGMENT: ("index", ".idx.age"),
    Part.MANIFEST: ("manifests", ".json"),
    Part.TOMBSTONE: ("tombstones", ".json"),
}
REPLACED = (Part.KEY, Part.SEGMENT)
"""What may be replaced, so that its digest is part of its name."""

ARRIVALS = frozenset({EntryKind.JOB_PROVEN, EntryKind.JOB_REJECTED, EntryKind.ARCHIVE_ADOPTED})
CHANGES = frozenset(
    {
        EntryKind.KEY_RESEALED,
        EntryKind.INDEX_SEALED,
        EntryKind.ARCHIVE_DAMAGED,
        EntryKind.DESTRUCTION_BEGUN,
        EntryKind.ARCHIVE_DESTROYED,
        EntryKind.ARCHIVE_BURIED,
    }
)
"""Entries after which an archive in a copy is no longer what it must be."""


class Changes(Struct, frozen=True):
    """What has to be written to a copy because of some entries of the log."""

    archives: tuple[str, ...]  # each once, in the order of the log
    changed: frozenset[str]  # of these, what a copy may have in a former state
    checkpoints: tuple[int, ...]  # their sizes
    stamps: tuple[int, ...]
    certificates: tuple[str, ...]  # archives
    everything: bool = False  # the catalogue was made anew, perhaps with archives that no entry names


def changes_of(bodies: Iterable[Mapping[str, object]]) -> Changes:
    """Return what has to be written to a copy because of these entries of the log."""
    archives: dict[str, None] = {}
    changed: set[str] = set()
    checkpoints, stamps, certificates, everything = [], [], [], False
    for body in bodies:
        kind, archive, facts = body.get("kind"), body.get("archive"), body.get("facts")
        size = facts.get("entries") if isinstance(facts, Mapping) else None
        if isinstance(archive, str) and archive and (kind in ARRIVALS or kind in CHANGES):
            archives[archive] = None
            changed |= {archive} if kind in CHANGES else set()
        if kind == EntryKind.ARCHIVE_DESTROYED and isinstance(archive, str):
            certificates.append(archive)
        if kind == EntryKind.CHECKPOINT_SIGNED and isinstance(size, int):
            checkpoints.append(size)
        if kind == EntryKind.CHECKPOINT_SENT and isinstance(size, int) and _is_stamp(facts):
            stamps.append(size)
        everything = everything or kind == EntryKind.VAULT_REBUILT
    return Changes(
        tuple(archives), frozenset(changed), tuple(checkpoints), tuple(stamps), tuple(certificates), everything
    )


def _is_stamp(facts: object) -> bool:
    return isinstance(facts, Mapping) and "stamp_sha256" in facts


def object_name(part: Part, archive: str, sha256: str = "", holding: Holding = Holding.HELD) -> str:
    """Return the name of an archive's object; `sha256` is needed where the file may be replaced."""
    return f"{object_prefix(part, archive, holding)}{sha256 + '.' if part in REPLACED else ''}{_FOLDERS[part][1][1:]}"


def object_prefix(part: Part, archive: str, holding: Holding = Holding.HELD) -> str:
    """Return what the names of all objects of this part of an archive begin with."""
    folder = _FOLDERS[part][0]
    if holding is Holding.QUARANTINED and part is not Part.TOMBSTONE:
        return f"quarantine/{archive}."
    return f"{folder}/{archive[-2:]}/{archive}."


def prefixes_of(archive: str) -> tuple[str, ...]:
    """Return what the names of all objects of an archive begin with, key files first; not the tombstone's."""
    parts = [part for part in Part if part is not Part.TOMBSTONE]
    return (*(object_prefix(part, archive) for part in parts), f"quarantine/{archive}.")


def is_key(name: str) -> bool:
    """Return whether an object is a key file."""
    return name.endswith(".key.age")


def lines_name(first: int, last: int) -> str:
    """Return the name of the object with these lines of the log, both included."""
    return f"{LINES}{first:012}-{last:012}.jsonl"


def lines_of(name: str) -> tuple[int, int] | None:
    """Return the first and the last line that an object of the log has, None where its name is another."""
    found = _LINES.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None


def is_object_name(name: str) -> bool:
    """Return whether this may be the name of an object: at most three parts, none of which begins with a dot."""
    return _NAME.fullmatch(name) is not None


class CopyBacklog(Struct, frozen=True):
    """What a copy is missing."""

    archives: int = 0  # with an entry that the copy does not have
    since: datetime | None = None  # of the first of these entries
    entries: int = 0  # all that it does not have

    @property
    def complete(self) -> bool:
        """Return whether no archive is missing."""
        return self.archives == 0


def backlog_since(backlog: CopyBacklog, begun_at: datetime | None) -> CopyBacklog:
    """Return the backlog of a copy that was begun then: the first copy of an old vault is not behind at once."""
    if backlog.since is None or begun_at is None:
        return backlog
    return replace(backlog, since=max(backlog.since, begun_at))


def backlog_words(backlog: CopyBacklog, now: datetime) -> str:
    """Return how far a copy is behind, in words."""
    if backlog.since is None or backlog.complete:
        return "complete"
    return f"behind by {rough_duration(max(timedelta(0), now - backlog.since))}, {counted(backlog.archives, 'archive')}"


def wait_after(tries: int) -> timedelta:
    """Return how long to wait after so many failures in a row."""
    return min(FIRST_WAIT * (1 << min(tries, 10)), LONGEST_WAIT)


def is_rehearsal_due(every: timedelta, last: datetime | None, tried: datetime | None, now: datetime) -> bool:
    """Return whether a restore is to be rehearsed: the last good one and the last try were long enough ago."""
    if last is not None and last <= now < last + every:
        return False
    return tried is None or tried == last or not tried <= now < tried + REHEARSAL_WAIT


def is_rehearsal_overdue(every: timedelta, last: datetime | None, begun_at: datetime | None, now: datetime) -> bool:
    """Return whether no rehearsal was good for a day longer than it should be; a new copy has its time first."""
    since = last or begun_at
    return since is not None and now >= since + every + LATE


def is_due(backlog: CopyBacklog, oldest: datetime | None, now: datetime) -> bool:
    """Return whether something is to be copied now; `oldest` is the time of the first missing entry."""
    return not backlog.complete or (oldest is not None and (now - oldest >= REST or oldest > now))
