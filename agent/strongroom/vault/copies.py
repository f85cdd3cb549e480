"""How far each copy of the vault has come, and what was found wrong in it.

Which copies there are is read from the chained log: a destruction must reach each of them, and a row that somebody
deleted must not let one be forgotten.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from strongroom.evidence.line import Entry, Fact
from strongroom.model.copies import ARRIVALS, CHANGES, CopyBacklog
from strongroom.model.entry_kind import EntryKind
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.files import open_folder
from strongroom.vault.layout import Layout
from strongroom.vault.log import add_entry, last_entry_number, select_entries
from strongroom.vault.log_reader import is_in_chain, read_line
from strongroom.vault.rows import Rows, to_instant


class CopyState(Struct, frozen=True):
    """What is recorded of one copy."""

    name: str
    entries: int = 0  # of the log that it has, with everything that they name
    complete_at: datetime | None = None  # when nothing was missing in it last
    tries: int = 0  # that failed since it was last reached
    next_at: datetime | None = None  # not before
    failure: str = ""  # the last one, in words
    began_at: datetime | None = None  # of the pass that reads it
    cursor: str = ""  # the last archive that this pass has read
    checked: int = 0  # objects that this pass has read
    scrubbed_at: datetime | None = None  # when the last pass ended
    rehearsed_at: datetime | None = None  # when a restore from it was last rehearsed without a problem
    rehearsal_at: datetime | None = None  # when the last rehearsal ended, however it ended
    rehearsal_problem: str = ""  # what it found, or why it could not be done, in words


class CopyFinding(Struct, frozen=True):
    """One object of a copy that is not what it must be."""

    copy: str
    object: str
    archive: str
    code: str  # missing, changed, foreign or unreadable
    message: str
    found_at: datetime


_STATES = Rows(CopyState, "copies", "name")
STATE = f"{_STATES.select} WHERE name = ?"
NAMES = "SELECT name FROM copies ORDER BY name"
PUT_STATE = _STATES.upsert()
DROP_STATE = "DELETE FROM copies WHERE name = ?"
_FINDINGS = Rows(CopyFinding, "copy_findings", "copy", "object")
FINDINGS = f"{_FINDINGS.select} WHERE copy = ? ORDER BY object LIMIT ?"
FINDING = f"{_FINDINGS.select} WHERE copy = ? AND object = ?"
PUT_FINDING = _FINDINGS.upsert()
DROP_FINDING = "DELETE FROM copy_findings WHERE copy = ? AND object = ?"
DROP_FINDINGS_OF = "DELETE FROM copy_findings WHERE copy = ? AND archive = ?"
DROP_FINDINGS = "DELETE FROM copy_findings WHERE copy = ?"
COUNT_FINDINGS = "SELECT count(*) AS count FROM copy_findings WHERE copy = ?"
# The term is that of the index on exactly these entries.
COPY_ENTRIES = f"{select_entries()} WHERE kind IN ('copy.begun', 'copy.forgotten') ORDER BY seq"
_TOUCHING = ", ".join(f"'{kind}'" for kind in sorted({*ARRIVALS, *CHANGES}))
MOST = 100_000  # entries that are looked at to say how far a copy is behind
BACKLOG = f"""
SELECT count(DISTINCT archive) AS archives, min(at) AS since FROM (
    SELECT archive, at FROM entries WHERE seq > ? AND archive <> '' AND kind IN ({_TOUCHING}) ORDER BY seq LIMIT {MOST})
"""
MISSING = f"SELECT seq FROM entries WHERE archive = ? AND seq > ? AND kind IN ({_TOUCHING}) LIMIT 1"
ENTRY_AFTER = "SELECT at FROM entries WHERE seq > ? ORDER BY seq LIMIT 1"


def copy_state(catalogue: Catalogue, name: str) -> CopyState:
    """Return what is recorded of a copy; a new one has nothing."""
    return _STATES.read_one(catalogue.read_one(STATE, name)) or CopyState(name)


def named_copies(catalogue: Catalogue) -> list[str]:
    """Return the name of each copy of which something is recorded."""
    return [str(row["name"]) for row in catalogue.read(NAMES)]


def put_copy_state(catalogue: Catalogue, state: CopyState) -> None:
    """Record the state of a copy; inside a transaction."""
    catalogue.write(PUT_STATE, *_STATES.values(state))


def forget_copy(catalogue: Catalogue, name: str) -> None:
    """Remove what is known of a copy; inside a transaction."""
    catalogue.write(DROP_STATE, name)
    catalogue.write(DROP_FINDINGS, name)


def known_copies(catalogue: Catalogue) -> dict[str, str]:
    """Return each copy that was begun and not forgotten, by the log, with the ID that its identity file has."""
    found: dict[str, str] = {}
    for row in catalogue.read(COPY_ENTRIES):
        if is_in_chain(row):
            body = read_line(row["seq"], row["line"])
            name = str(body["facts"].get("copy", ""))
            found.pop(name, None)
            if body["kind"] == EntryKind.COPY_BEGUN:
                found[name] = str(body["facts"].get("place", ""))
    return found


def copies_begun_at(catalogue: Catalogue) -> dict[str, datetime]:
    """Return when each copy was begun, by the log: it cannot be behind for longer than that."""
    begun = (
        read_line(row["seq"], row["line"])
        for row in catalogue.read(COPY_ENTRIES)
        if row["kind"] == EntryKind.COPY_BEGUN and is_in_chain(row)
    )
    return {str(body["facts"].get("copy", "")): to_instant(str(body["at"])) for body in begun}


def forgotten_copies(catalogue: Catalogue) -> list[str]:
    """Return each copy that was begun and forgotten later, by the log: nobody can show what became of it."""
    forgotten = [
        str(read_line(row["seq"], row["line"])["facts"].get("copy", ""))
        for row in catalogue.read(COPY_ENTRIES)
        if row["kind"] == EntryKind.COPY_FORGOTTEN and is_in_chain(row)
    ]
    return list(dict.fromkeys(forgotten))


def log_copy(catalogue: Catalogue, kind: EntryKind, at: datetime, words: str = "", **facts: Fact) -> None:
    """Enter something about a copy into the log; inside a transaction. `words` stay beside the line."""
    add_entry(catalogue, Entry(kind, at, facts=facts, words=words))


def backlog_after(catalogue: Catalogue, entries: int) -> CopyBacklog:
    """Return what is missing in a copy that is complete up to this entry."""
    row = catalogue.read_one(BACKLOG, entries)
    last = last_entry_number(catalogue)
    if row is None or row["since"] is None:
        return CopyBacklog(entries=max(0, last - entries))
    return CopyBacklog(int(row["archives"]), to_instant(row["since"]), max(0, last - entries))


def is_missing_after(catalogue: Catalogue, archive: str, entries: int) -> bool:
    """Return whether an entry after this one names an archive, so that a copy is about to get it."""
    return catalogue.read_one(MISSING, archive, entries) is not None


def oldest_after(catalogue: Catalogue, entries: int) -> datetime | None:
    """Return the time of the first entry after this one, None where there is none."""
    row = catalogue.read_one(ENTRY_AFTER, entries)
    return to_instant(row["at"]) if row else None


def put_copy_finding(catalogue: Catalogue, finding: CopyFinding) -> None:
    """Write what was found; inside a transaction."""
    catalogue.write(PUT_FINDING, *_FINDINGS.values(finding))


def drop_copy_finding(catalogue: Catalogue, copy: str, name: str) -> None:
    """Remove what was found of one object; inside a transaction."""
    catalogue.write(DROP_FINDING, copy, name)


def drop_findings_of(catalogue: Catalogue, copy: str, archive: str) -> None:
    """Remove what was found of an archive in a copy; inside a transaction."""
    catalogue.write(DROP_FINDINGS_OF, copy, archive)


def copy_findings(catalogue: Catalogue, copy: str, most: int = 10_000) -> list[CopyFinding]:
    """Return what was found in a copy, by the names of the objects."""
    return _FINDINGS.read_all(catalogue.read(FINDINGS, copy, most))


def get_copy_finding(catalogue: Catalogue, copy: str, name: str) -> CopyFinding | None:
    """Return what was found of one object."""
    return _FINDINGS.read_one(catalogue.read_one(FINDING, copy, name))


def count_copy_findings(catalogue: Catalogue, copy: str) -> int:
    """Count what was found in a copy."""
    row = catalogue.read_one(COUNT_FINDINGS, copy)
    return int(row["count"]) if row else 0


@contextmanager
def copies_alone(layout: Layout) -> Iterator[bool]:
    """Be the only one who writes to copies of this vault or removes from them; yield False where another does.

    A key file that was put into a copy after a destruction had looked there would come back to stay.
    """
    with alone_in(layout.root / "manifests") as mine:
        yield mine


@contextmanager
def alone_in(path: Path) -> Iterator[bool]:
    """Lock a folder for what only one process may do at a time; yield False where another does."""
    with open_folder(path) as folder:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
