"""What still remembers deleted rows: older catalogues that a rebuild moved aside, and free pages of the catalogue.

Both must be gone after an erasure or a destruction. An older catalogue is shredded only where the present one contains
all of its log, so that no history is lost with it. One that cannot be read or differs may be the only copy of
something: it stays, and is named to a person.

The transaction that deletes also records that the catalogue's file must be rewritten, so a crash, or a reader in the
way, only delays that.
"""

from __future__ import annotations

from pathlib import Path

from strongroom.evidence.line import Entry, Fact
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError
from strongroom.model.times import Clock
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue, open_to_read
from strongroom.vault.files import list_folder
from strongroom.vault.layout import Layout
from strongroom.vault.log import ENTRY, LAST_ENTRY, add_entry
from strongroom.vault.shred import shred
from strongroom.vault.vault import Vault

_OWED = "compaction-owed"


def asides_of(layout: Layout) -> list[Path]:
    """Return every catalogue that was moved aside, oldest first."""
    return [path for path in list_folder(layout.root) if path.match("catalogue-*.sqlite")]


def clear_asides(vault: Vault, clock: Clock) -> list[Path]:
    """Shred older catalogues where deleted rows must be gone; log which, and return those that must stay.

    Outside a transaction. Raises WorldError when the disk refuses.
    """
    if not is_owed(vault.catalogue):
        return []
    there = asides_of(vault.layout)
    gone = [path for path in there if _is_contained(vault.catalogue, path)]
    for path in gone:
        for ending in ("-wal", "-shm", ""):  # the file itself last: until then an interrupted one is found again
            shred(path.with_name(path.name + ending))
    if gone:
        names: list[Fact] = [path.name for path in gone]
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry(EntryKind.VAULT_ASIDES_SHREDDED, clock(), facts={"files": names}))
        vault.write_log()
    return [path for path in there if path not in gone]


def _is_contained(catalogue: Catalogue, path: Path) -> bool:
    """Return whether the newest line of an older catalogue is in ours as well: then so are all before it."""
    try:
        older = open_to_read(path)
        try:
            last = older.read_one(LAST_ENTRY)
        finally:
            older.close()
    except StrongroomError:
        return False
    if last is None:
        return False
    ours = catalogue.read_one(ENTRY, last["seq"])
    return ours is not None and bytes(ours["line"]) == bytes(last["line"])


def owe(catalogue: Catalogue) -> None:
    """Record that the catalogue's file must be rewritten; inside the transaction that deletes."""
    catalogue.write(PUT_FACT, _OWED, "yes")


def is_owed(catalogue: Catalogue) -> bool:
    """Return whether deleted rows may still be in the catalogue's file."""
    row = catalogue.read_one(FACT, _OWED)
    return row is not None and row["value"] == "yes"


def settle(catalogue: Catalogue) -> bool:
    """Rewrite the catalogue's file where that is pending; return whether nothing is pending any more."""
    if not is_owed(catalogue):
        return True
    if not catalogue.compact():
        return False
    with catalogue.transaction():
        catalogue.write(PUT_FACT, _OWED, "no")
    return True
