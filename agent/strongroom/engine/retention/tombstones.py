"""What Strongroom reports about a destroyed archive, and that no export brings it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from strongroom.model.archive import Tombstone
from strongroom.model.coverage import Cover, Interval
from strongroom.model.errors import UsageError
from strongroom.model.names import Noun
from strongroom.model.plan import Stream
from strongroom.model.times import format_instant
from strongroom.model.window import Window, subtract
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.streams import renames
from strongroom.vault.tombstones import DestroyedArchive as DestroyedArchive  # the command line imports it from here
from strongroom.vault.tombstones import (
    count_tombstones,
    get_tombstone,
    is_told,
    matching_tombstone_ids,
    newest_tombstones,
    tombstones_touching,
)
from strongroom.vault.vault import Vault

_LAST = datetime(9999, 12, 31, tzinfo=UTC)


def list_destroyed(vault: Vault, most: int, stream: str = "") -> tuple[DestroyedArchive, ...]:
    """Return destroyed archives, newest first, of one stream or of all."""
    return tuple(newest_tombstones(vault.catalogue, most, stream))


def count_destroyed(vault: Vault) -> int:
    """Return the number of destroyed archives."""
    return count_tombstones(vault.catalogue)


class Destroyed(UsageError):
    """The archive was destroyed, so it cannot be opened, checked or compared."""


def words_of(tombstone: Tombstone) -> str:
    """Return when and under which rule an archive was destroyed."""
    why = f", {tombstone.citation}" if tombstone.citation else ""
    return f"was destroyed at {format_instant(tombstone.destroyed_at)} under {tombstone.rule}{why}"


def refuse_destroyed(catalogue: Catalogue, part: str) -> None:
    """Raise Destroyed where an id, or a unique part of one, is that of a destroyed archive."""
    found = get_tombstone(catalogue, part) if part else None
    ids = matching_tombstone_ids(catalogue, part) if part and found is None else []
    if found is None and len(ids) == 1:
        found = get_tombstone(catalogue, ids[0])
    if found is not None:
        tombstone = found.tombstone
        raise Destroyed(
            f"archive {tombstone.archive} ({tombstone.stream}, {format_instant(tombstone.window.start)} to"
            f" {format_instant(tombstone.window.end)}) {words_of(tombstone)}",
            hint=f"see its certificate: strongroom destroy certificate {tombstone.archive}",
        )


def destroyed_before(
    catalogue: Catalogue, stream: Stream, start: datetime | None, ledger: Sequence[Interval]
) -> Iterator[Interval]:
    """Yield what was destroyed of a stream's records, from `start` on, and is not in the stream's coverage.

    As in `refuse_return` for a person's export, nothing destroyed comes back under another name.
    """
    if start is None:
        return
    known = [each.window for each in ledger]
    sources = renames(catalogue).names_of(Noun.SOURCE, stream.source)
    for tombstone in tombstones_touching(catalogue, Window(start, _LAST)):
        if not _is_of(tombstone, sources, stream.datasets):
            continue
        parts = list(subtract(tombstone.window, known))
        for part in parts if parts and is_told(catalogue, tombstone) else ():
            known.append(part)
            cause = f"destroyed under {tombstone.rule}"
            yield Interval(stream.name, part, Cover.DESTROYED, tombstone.archive, tombstone.job, cause)


def _is_of(tombstone: Tombstone, sources: Sequence[str], datasets: Sequence[str]) -> bool:
    return tombstone.source in sources and bool(set(tombstone.datasets) & set(datasets))


def refuse_return(catalogue: Catalogue, source: str, datasets: Sequence[str], window: Window) -> None:
    """Raise Destroyed where a new export would bring back what was destroyed from the same account."""
    sources = renames(catalogue).names_of(Noun.SOURCE, source)
    for tombstone in tombstones_touching(catalogue, window):
        if _is_of(tombstone, sources, datasets) and is_told(catalogue, tombstone):
            raise Destroyed(
                f"archive {tombstone.archive} of this period {words_of(tombstone)}: it is not exported again",
                hint="choose a window that does not overlap it",
            )
