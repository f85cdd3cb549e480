"""A vault whose log was started again by a rebuild and says nothing about earlier archives.

That cannot be repaired, so it is reported until a person confirms, in the log, that the holds were placed again.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from strongroom.evidence.line import Entry
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError, UsageError
from strongroom.model.text import counted
from strongroom.model.times import Clock
from strongroom.vault.catalogue import open_to_read
from strongroom.vault.checkpoints import entries_matching
from strongroom.vault.files import is_there, open_lines
from strongroom.vault.layout import Layout
from strongroom.vault.log import ENTRY, add_entry
from strongroom.vault.log_reader import LogWalk, read_line
from strongroom.vault.vault import Vault

ACCEPTED = EntryKind.HISTORY_ACCEPTED
LOST = "the log begins with a rebuild without a log: earlier holds, extended periods and erasures are unknown"
AFTER_LOSS = "place the legal holds again, then: strongroom recover --accept-lost-history WHY"


def has_lines(log: Path) -> bool:
    """Return whether a log exists and has a whole line; an emptied one is worth as little as none."""
    try:
        with open_lines(log) as file:
            return file.readline().endswith(b"\n")
    except OSError:
        return False


def is_at(log: Path, end: int, line: bytes) -> bool:
    """Return whether this line of the log ends at this offset."""
    try:
        with open_lines(log) as file:
            file.seek(max(0, end - len(line) - 1))
            return file.read(len(line) + 1) == line + b"\n"
    except OSError:
        return False


def require_history(layout: Layout) -> None:
    """Refuse to drop what the log has lost and a catalogue still has, unless requested. Raises UsageError."""
    if not has_lines(layout.log):
        raise UsageError(
            "log/log.jsonl has no entries: a catalogue made without the log has no earlier legal holds, extended"
            " periods or erasures",
            hint="if the catalogue is intact, strongroom recover --apply writes the log from it; or restore a copy of"
            " the log; only if both are lost for good: strongroom rebuild --lose-history",
        )
    with open_lines(layout.log) as file:
        lines = sum(1 for line in file if line.endswith(b"\n"))
    known = _last_known(layout)
    if known > lines:
        raise UsageError(
            f"the log has {counted(lines, 'entry')}, the catalogue {known}: a catalogue made from the log would lose"
            f" the last {known - lines}, which may be legal holds",
            hint="strongroom recover --apply appends them to the log; only if you want to lose them:"
            " strongroom rebuild --lose-history",
        )


def _last_known(layout: Layout) -> int:
    """Return how many entries the catalogue has; 0 where it is gone or cannot be read."""
    if not is_there(layout.catalogue):
        return 0
    try:
        catalogue = open_to_read(layout.catalogue, checked=False)
    except StrongroomError:
        return 0  # that is what a rebuild is for
    walk = LogWalk()
    try:
        with suppress(StrongroomError, sqlite3.Error):
            for _line in walk.lines(catalogue):
                pass
    finally:
        catalogue.close()
    return walk.seq  # a row that breaks the chain is no entry of the log


def begins_anew(vault: Vault) -> bool:
    """Return whether the first entry is that of a rebuild: no entry about earlier archives is left."""
    row = vault.catalogue.read_one(ENTRY, 1)
    return row is not None and bool(read_line(1, row["line"])["kind"] == EntryKind.VAULT_REBUILT)


def is_history_missed(vault: Vault) -> bool:
    """Return whether the log was started again over existing archives and no person has accepted that yet."""
    row = vault.catalogue.read_one(ENTRY, 1)
    if row is None or not begins_anew(vault):
        return False
    return bool(read_line(1, row["line"])["facts"].get("archives")) and not is_accepted(vault)


def is_accepted(vault: Vault) -> bool:
    """Return whether a person has accepted that the earlier history is lost."""
    return bool(entries_matching(vault.catalogue, kind=ACCEPTED, most=1))


def accept_lost_history(vault: Vault, by: str, reason: str, clock: Clock) -> None:
    """Log that a person accepts it. Raises UsageError where there is nothing to accept, or no reason."""
    if not reason.strip():
        raise UsageError("a reason is missing", hint="give it with --accept-lost-history WHY")
    if not is_history_missed(vault):
        raise UsageError("the history of this vault is not lost, or was already accepted", hint="strongroom recover")
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry(ACCEPTED, clock(), facts={"by": by}, words=reason.strip()))
    vault.write_log()
