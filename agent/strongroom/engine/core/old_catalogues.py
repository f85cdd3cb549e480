"""Older catalogues that a rebuild moved aside: they know persons, and outlive neither an erasure nor a destruction.

One is shredded only where all that its log tells stands in the catalogue's own, so that no history goes with it. One
that cannot be read, or tells something else, may be all that is left of something: it stays, and is named to a person.

Deleting is not enough: after it the catalogue is written anew once, so that no page of it keeps what was there.

That it is owed is written in the transaction that deletes, so that a crash or a reader in the way only delays it.
"""

from __future__ import annotations

from pathlib import Path

from strongroom.evidence.line import Entry
from strongroom.model.errors import StrongroomError
from strongroom.model.times import Clock
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue, open_to_read
from strongroom.vault.files import list_folder
from strongroom.vault.layout import Layout
from strongroom.vault.log import ENTRY, LAST_ENTRY, add_entry
from strongroom.vault.shred import shred
from strongroom.vault.vault import Vault


def asides_of(layout: Layout) -> list[Path]:
    """Return every catalogue that was moved aside, oldest first."""
    return [path for path in list_folder(layout.root) if path.match("catalogue-*.sqlite")]


def clear_asides(vault: Vault, clock: Clock) -> list[Path]:
    """Shred older catalogues where something deleted is owed to be gone; return those that must stay.

    An entry tells which were shredded. Outside a transaction. Raises WorldError when the disk refuses.
    """
    if not is_owed(vault.catalogue):
        return []
    there = asides_of(vault.layout)
    stay = [path for path in there if not _is_told(vault.catalogue, path)]
    gone = [path for path in there if path not in stay]
    for path in gone:
        for ending in ("-wal", "-shm", ""):  # the file itself last: until then a killed one is found again
            shred(path.with_name(path.name + ending))
    if gone:
        with vault.catalogue.transaction():
            add_entry(
                vault.catalogue, Entry("vault.asides-shredded", clock(), facts={"files": [path.name for path in gone]})
            )
        vault.write_log()
    return stay


def _is_told(catalogue: Catalogue, path: Path) -> bool:
    """Say whether the newest line of an older catalogue is ours as well: then so are all before it."""
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


_OWED = "compaction-owed"


def owe(catalogue: Catalogue) -> None:
    """Write down that the catalogue must be written anew; inside the transaction that deletes."""
    catalogue.write(PUT_FACT, _OWED, "yes")


def is_owed(catalogue: Catalogue) -> bool:
    """Say whether something deleted may still be found in the catalogue's file."""
    row = catalogue.read_one(FACT, _OWED)
    return row is not None and row["value"] == "yes"


def settle(catalogue: Catalogue) -> bool:
    """Write the catalogue anew where it is owed; return whether nothing is owed any more."""
    if not is_owed(catalogue):
        return True
    if not catalogue.compact():
        return False
    with catalogue.transaction():
        catalogue.write(PUT_FACT, _OWED, "no")
    return True
