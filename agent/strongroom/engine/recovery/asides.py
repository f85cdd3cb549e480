"""Older catalogues that a rebuild moved aside: they know persons, and outlive neither an erasure nor a destruction.

One is shredded only where all that its log tells stands in the catalogue's own, so that no history goes with it. One
that cannot be read, or tells something else, may be all that is left of something: it stays, and is named to a person.
"""

from __future__ import annotations

from pathlib import Path

from strongroom.engine.destruction.compaction import is_owed
from strongroom.evidence.line import Entry
from strongroom.model.errors import StrongroomError
from strongroom.model.instants import Clock
from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, open_to_read
from strongroom.vault.layout import Layout
from strongroom.vault.log import add_entry
from strongroom.vault.shred import shred
from strongroom.vault.vault import Vault
from strongroom.vault.vaultfiles import list_folder


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
            last = older.read_one(queries.LAST_ENTRY)
        finally:
            older.close()
    except StrongroomError:
        return False
    if last is None:
        return False
    ours = catalogue.read_one(queries.ENTRY, last["seq"])
    return ours is not None and bytes(ours["line"]) == bytes(last["line"])
