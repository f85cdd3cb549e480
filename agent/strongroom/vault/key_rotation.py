"""Putting a key file in another's place: never without one, and never bringing back one that was destroyed.

A new key file is written next to its place, flushed and read back; the catalogue records the intent; the file takes
the other's name; its folder is flushed; the catalogue and the log record that it has. A crash in between leaves one
of the two files whole, and the row that was written first says which two they may be.

Whoever replaces or destroys key files holds `keys_alone` for as long as it takes: a rename that came after a
destruction would bring the key back.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from strongroom.evidence.line import Entry, Fact
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError
from strongroom.vault.archives import get_archive, key_digest
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.durable import flush, flush_folder, in_words, write_all
from strongroom.vault.files import create_descriptor, is_there, list_folder, open_folder, read_file, rename, unlink
from strongroom.vault.layout import Layout
from strongroom.vault.log import add_entry, entries_of_archive
from strongroom.vault.recipients import put_resealed
from strongroom.vault.rows import text_list
from strongroom.vault.vault import Vault

PUT_KEY_DIGEST = "UPDATE archives SET key_sha256 = ? WHERE id = ? AND holding IN ('held', 'quarantined')"
SWAPS = "SELECT archive, before, after, expected, recipients FROM key_swaps ORDER BY archive"
PUT_SWAP = "INSERT INTO key_swaps (archive, before, after, expected, recipients) VALUES (?, ?, ?, ?, ?)"
DROP_SWAP = "DELETE FROM key_swaps WHERE archive = ?"

SUFFIX = ".key.age.new"
_FLUSHERS = 8  # flushes at once: a journal commits those that wait together

Witness = Callable[[str], None]


class Swap(Struct, frozen=True):
    """A key file that is to take the place of another."""

    archive: str
    path: Path
    sealed: bytes  # the new file
    before: str  # hex SHA-256 of the file that is there
    expected: str  # hex SHA-256 that the catalogue has of it; other than `before` only after a damage
    recipients: str  # a sorted JSON array

    @property
    def after(self) -> str:
        """The hex SHA-256 of the new file."""
        return hashlib.sha256(self.sealed).hexdigest()


@contextmanager
def keys_alone(layout: Layout) -> Iterator[None]:
    """Be the only one who replaces or destroys key files; what a killed rotation left half written is removed first.

    Waits for its turn. Held for a batch of archives at most, never for a whole rotation.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(open_folder(layout.root / "keys"))
        except OSError as error:
            raise in_words(error) from error
        fcntl.flock(folder, fcntl.LOCK_EX)
        _clear(layout)
        stack.callback(_clear, layout)
        yield


def swap_keys(
    vault: Vault, swaps: Sequence[Swap], now: datetime, check: Callable[[Swap, bytes], None], witness: Witness
) -> None:
    """Put these key files in place of those that are there, and write it down; inside `keys_alone`.

    `check` is given each new file as it was read back from the disk and raises where it is not what it must be. After
    any exception every archive has its old key file or its new one, and `settle_swaps` finds out which.
    """
    _write(vault.layout, swaps)
    witness("flushed new keys")
    for swap in swaps:
        check(swap, read_file(_temporary(vault.layout, swap.archive)))
    with vault.catalogue.transaction():
        for swap in swaps:
            values = (swap.archive, swap.before, swap.after, swap.expected, swap.recipients)
            vault.catalogue.write(PUT_SWAP, *values)
    witness("announced swaps")
    for swap in swaps:
        _rename(_temporary(vault.layout, swap.archive), swap.path)
        witness("renamed key")
    for folder in sorted({vault.layout.root / "keys", *(swap.path.parent for swap in swaps)}):
        flush_folder(folder)
    witness("flushed folders")
    with vault.catalogue.transaction():
        for row in vault.catalogue.read(SWAPS):
            _finish(vault.catalogue, row, now)
    witness("committed swaps")


def settle_swaps(vault: Vault, now: datetime) -> int:
    """Find out which of the swaps that were under way when a process died took place; return how many there were.

    Needs no identity. Doing it twice does nothing more; inside `keys_alone`.
    """
    under_way = vault.catalogue.read(SWAPS)
    found = [(row, _digest_there(vault, row["archive"])) for row in under_way]
    with vault.catalogue.transaction():
        for row, digest in found:
            if digest == row["after"]:
                _finish(vault.catalogue, row, now)
            else:  # the old file is still there, or neither is: a fixity check finds out
                vault.catalogue.write(DROP_SWAP, row["archive"])
    return len(under_way)


def is_swap_under_way(catalogue: Catalogue) -> bool:
    """Say whether key files are being replaced now, or were when a process died."""
    return bool(catalogue.read(SWAPS))


def logged_key_digest(catalogue: Catalogue, archive_id: str) -> str | None:
    """Return the SHA-256 of an archive's key file by the newest entry of the log that has one."""
    for entry in reversed(entries_of_archive(catalogue, archive_id)):
        facts = entry.body.get("facts")
        if isinstance(facts, dict) and "key_sha256" in facts:
            return str(facts["key_sha256"])
    return None


def key_digests(catalogue: Catalogue, archive_id: str) -> list[str]:
    """Return the SHA-256 that an archive's key file may have: the one on record and, during a swap, the next one."""
    digests = [key_digest(catalogue, archive_id)]
    return digests + [row["after"] for row in catalogue.read(SWAPS) if row["archive"] == archive_id]


def _write(layout: Layout, swaps: Sequence[Swap]) -> None:
    """Write all new files, flush them together and drop them from the page cache."""
    from concurrent.futures import ThreadPoolExecutor

    opened: list[int] = []
    try:
        for swap in swaps:
            try:
                opened.append(create_descriptor(_temporary(layout, swap.archive)))
            except OSError as error:
                raise in_words(error) from error
            write_all(opened[-1], swap.sealed)
        # The files stay open until they are flushed: what an error was reported to is the open file.
        with ThreadPoolExecutor(_FLUSHERS) as pool:
            list(pool.map(flush, opened))
    finally:
        for fd in opened:
            os.close(fd)


def _rename(temporary: Path, path: Path) -> None:
    if not is_there(path):
        raise VaultError(f"{path.name} vanished while it was being sealed again", hint="run: strongroom verify")
    try:
        rename(temporary, path)
    except OSError as error:
        raise in_words(error) from error


def _finish(catalogue: Catalogue, row: sqlite3.Row, now: datetime) -> None:
    archive = get_archive(catalogue, row["archive"])
    catalogue.write(DROP_SWAP, row["archive"])
    if archive is None:
        return
    catalogue.write(PUT_KEY_DIGEST, row["after"], archive.id)
    put_resealed(catalogue, archive.id, row["recipients"], now)
    facts: dict[str, Fact] = {
        "was": row["expected"],
        "key_sha256": row["after"],
        "recipients": [*text_list(row["recipients"], "key_swaps", row["archive"])],
    }
    if row["before"] != row["expected"]:
        facts["found"] = row["before"]
    add_entry(catalogue, Entry(EntryKind.KEY_RESEALED, now, archive=archive.id, stream=archive.stream, facts=facts))


def _digest_there(vault: Vault, archive_id: str) -> str:
    archive = get_archive(vault.catalogue, archive_id)
    if archive is None:
        return ""
    path = vault.key_path(archive)
    with suppress(FileNotFoundError):
        flush_folder(path.parent)  # the rename may not have reached the disk before the process died
        return hashlib.sha256(read_file(path)).hexdigest()
    return ""


def _temporary(layout: Layout, archive_id: str) -> Path:
    layout.key(archive_id)  # refuses what is no id of ours
    return layout.root / "keys" / (archive_id + SUFFIX)


def _clear(layout: Layout) -> None:
    for path in list_folder(layout.root / "keys", SUFFIX):
        if path.name.endswith(SUFFIX):
            unlink(path)
