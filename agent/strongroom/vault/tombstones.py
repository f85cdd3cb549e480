"""Tombstones: the file in the manifest's place, its row in the catalogue, and how both are read.

The same tombstone always gives the same bytes: the log has their digest. Fields: docs/format.md.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from itertools import count, islice
from pathlib import Path
from typing import Any

from msgspec import Struct

from strongroom.model.archive import Archive, Holding, Tombstone
from strongroom.model.destruction import Ground, PlanItem, Proposal
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError
from strongroom.model.times import format_instant, parse_instant
from strongroom.model.window import Window
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.layout import FORMAT, Layout
from strongroom.vault.log import entries_of_archive
from strongroom.vault.manifest_schema import check_tombstone, require_text
from strongroom.vault.rows import RowUnreadable, leave_out, naming, require, to_text
from strongroom.vault.streams import archived_as

_TOMBSTONE = "archive, certificate_sha256, tombstone"
PUT_TOMBSTONE = """
INSERT INTO tombstones (archive, stream, window_start, window_end, destroyed_at, certificate_sha256, tombstone)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (archive) DO UPDATE SET certificate_sha256 = excluded.certificate_sha256
"""
TOMBSTONE = f"SELECT {_TOMBSTONE} FROM tombstones WHERE archive = ?"
TOMBSTONES_FROM = f"""
SELECT {_TOMBSTONE} FROM tombstones WHERE ?1 IN ('', stream)
ORDER BY destroyed_at DESC, archive DESC LIMIT ?2 OFFSET ?3
"""
_TOLD = """
EXISTS (SELECT 1 FROM entries WHERE archive = tombstones.archive AND archive <> '' AND kind = 'destruction.begun'
    AND seq > 0 AND instr(CAST(line AS TEXT), '"kind":"destruction.begun"') > 0
    AND instr(CAST(line AS TEXT), '"archive":"' || tombstones.archive || '"') = 2)
"""
UNFINISHED = f"SELECT {_TOMBSTONE} FROM tombstones WHERE certificate_sha256 = '' ORDER BY archive"
BURIED_IDS = """
SELECT archive FROM tombstones WHERE certificate_sha256 <> ''
UNION SELECT archive FROM entries WHERE kind = 'archive.destroyed' AND archive <> '' ORDER BY archive
"""
EVERY_TOMBSTONE = f"SELECT {_TOMBSTONE} FROM tombstones ORDER BY archive"
COUNT_TOMBSTONES = f"SELECT count(*) AS count FROM tombstones WHERE {_TOLD}"
UNTOLD_TOMBSTONES = f"SELECT archive FROM tombstones WHERE NOT {_TOLD} ORDER BY archive"
TOMBSTONES_TOUCHING = f"""
SELECT {_TOMBSTONE} FROM tombstones WHERE window_end > ? AND window_start < ? ORDER BY window_start
"""

_DIGESTS: dict[str, str] = {
    EntryKind.DESTRUCTION_BEGUN: "tombstone_sha256",
    EntryKind.ARCHIVE_DESTROYED: "manifest_sha256",
}
"""Where an entry of the log has the digest of a tombstone."""


class DestroyedArchive(Struct, frozen=True):
    """A tombstone and the digest of its certificate, which is empty as long as the destruction is under way."""

    tombstone: Tombstone
    certificate_sha256: str


def carve(archive: Archive, items: PlanItem, proposal: Proposal, digests: tuple[str, str], at: datetime) -> Tombstone:
    """Reduce an archive to its tombstone. `digests` are those of its manifest and of its sealed key file."""
    return Tombstone(
        archive=archive.id,
        quarantined=archive.holding is Holding.QUARANTINED,
        stream=archive.stream,
        source=archive.source,
        provider=archive.provider,
        datasets=archive.spec.datasets,
        window=archive.spec.window,
        job=archive.job,
        size=archive.seal.size,
        sealed_size=archive.seal.sealed_size,
        records=archive.inspection.records,
        sealed_sha256=archive.seal.sealed_sha256,
        digest=archive.seal.digest,
        manifest_sha256=digests[0],
        key_sha256=digests[1],
        retention=archive.retention,
        verified_at=archive.verified_at,
        destroyed_at=at,
        ground=proposal.ground,
        rule=items.rule,
        citation=items.citation,
        proposal=proposal.id,
        erasure=proposal.erasure,
    )


def write_tombstone(tombstone: Tombstone) -> bytes:
    """Render a tombstone; the same one always gives the same bytes."""
    return (json.dumps(tombstone_body(tombstone), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def tombstone_body(tombstone: Tombstone) -> dict[str, Any]:
    """Return the fields of a tombstone (docs/format.md)."""
    window = tombstone.window
    destroyed = {
        "at": format_instant(tombstone.destroyed_at),
        "ground": tombstone.ground.value,
        "rule": tombstone.rule,
        "citation": tombstone.citation,
        "proposal": tombstone.proposal,
    }
    return {
        "format": FORMAT,
        "id": tombstone.archive,
        "holding": Holding.DESTROYED.value,
        "was": (Holding.QUARANTINED if tombstone.quarantined else Holding.HELD).value,
        "stream": tombstone.stream,
        "source": tombstone.source,
        "provider": tombstone.provider,
        "datasets": list(tombstone.datasets),
        "window": {"start": format_instant(window.start), "end": format_instant(window.end)},
        "job": tombstone.job,
        "delivered": {"size": tombstone.size, "digest": tombstone.digest},
        "sealed": {"size": tombstone.sealed_size, "sha256": tombstone.sealed_sha256},
        "key": {"sha256": tombstone.key_sha256},
        "manifest": {"sha256": tombstone.manifest_sha256},
        "counts": {"records": tombstone.records},
        "retention": tombstone.retention,
        "verified_at": format_instant(tombstone.verified_at),
        "destroyed": {**destroyed, "erasure": tombstone.erasure} if tombstone.erasure else destroyed,
    }


def tombstone_path(layout: Layout, tombstone: Tombstone) -> Path:
    """Return the path of the tombstone: that of its manifest."""
    if tombstone.quarantined:
        return layout.quarantined(tombstone.archive, ".json")
    return layout.manifest(tombstone.archive)


def is_tombstone(data: bytes | str) -> bool:
    """Say whether a manifest file is a tombstone."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):  # ValueError: also a number of too many digits
        return False
    return isinstance(body, dict) and body.get("holding") == Holding.DESTROYED


def read_tombstone(data: bytes | str) -> Tombstone:
    """Read a tombstone back. Raises VaultError when it is not one that this program can read."""
    try:
        body = json.loads(data)
        check_tombstone(body)
        require_text(data, body)
        return _tombstone(body)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise VaultError("a tombstone cannot be read", hint="restore it from a copy of the vault") from error


def _tombstone(body: dict[str, Any]) -> Tombstone:
    destroyed = body["destroyed"]
    if body["format"] > FORMAT:
        raise ValueError("from a later version")
    return Tombstone(
        archive=body["id"],
        quarantined=body["was"] == Holding.QUARANTINED,
        stream=body["stream"],
        source=body["source"],
        provider=body["provider"],
        datasets=tuple(body["datasets"]),
        window=Window(parse_instant(body["window"]["start"]), parse_instant(body["window"]["end"])),
        job=body["job"],
        size=body["delivered"]["size"],
        sealed_size=body["sealed"]["size"],
        records=body["counts"]["records"],
        sealed_sha256=body["sealed"]["sha256"],
        digest=body["delivered"]["digest"],
        key_sha256=body["key"]["sha256"],
        manifest_sha256=body["manifest"]["sha256"],
        retention=body["retention"],
        verified_at=parse_instant(body["verified_at"]),
        destroyed_at=parse_instant(destroyed["at"]),
        ground=Ground(destroyed["ground"]),
        rule=destroyed["rule"],
        citation=destroyed["citation"],
        proposal=destroyed["proposal"],
        erasure=destroyed.get("erasure", ""),
    )


def put_tombstone(catalogue: Catalogue, tombstone: Tombstone, certificate_sha256: str = "") -> None:
    """Write a tombstone's row, or its certificate's digest into it; inside a transaction."""
    catalogue.write(
        PUT_TOMBSTONE,
        tombstone.archive,
        tombstone.stream,
        to_text(tombstone.window.start),
        to_text(tombstone.window.end),
        to_text(tombstone.destroyed_at),
        certificate_sha256,
        write_tombstone(tombstone).decode(),
    )


def get_tombstone(catalogue: Catalogue, archive_id: str) -> DestroyedArchive | None:
    """Return what is left of the archive with exactly this id; None where the log has no tombstone of it."""
    found = tombstone_row(catalogue, archive_id)
    return found if found is not None and is_logged(catalogue, found.tombstone) else None


def tombstone_row(catalogue: Catalogue, archive_id: str) -> DestroyedArchive | None:
    """Return what the row alone says, which anybody may have written."""
    row = catalogue.read_one(TOMBSTONE, archive_id)
    return _buried(row) if row else None


def newest_tombstones(catalogue: Catalogue, most: int = 100, stream: str = "") -> list[DestroyedArchive]:
    """Return what was destroyed last, newest first, of one stream or of all, as far as the log records it."""
    names = archived_as(catalogue, stream) if stream else ("",)
    found = [each for name in names for each in islice(_newest_logged(catalogue, name, most), most)]
    return sorted(found, key=_age, reverse=True)[:most] if len(names) > 1 else found


def _age(destroyed_archive: DestroyedArchive) -> tuple[datetime, str]:
    return destroyed_archive.tombstone.destroyed_at, destroyed_archive.tombstone.archive


def _newest_logged(catalogue: Catalogue, stream: str, page: int) -> Iterator[DestroyedArchive]:
    """Yield every tombstone that the log records; rows that somebody put before them must not hide them."""
    for start in count(0, page):
        rows = catalogue.read(TOMBSTONES_FROM, stream, page, start)
        for row in rows:
            try:
                destroyed_archive = _buried(row)
            except RowUnreadable as error:
                leave_out(error)
                continue
            if is_logged(catalogue, destroyed_archive.tombstone):
                yield destroyed_archive
        if len(rows) < page:
            return


def is_logged(catalogue: Catalogue, tombstone: Tombstone) -> bool:
    """Return whether the chained log has exactly this tombstone: a row or a file alone is no destruction."""
    digest = hashlib.sha256(write_tombstone(tombstone)).hexdigest()
    return any(
        isinstance(facts := entry.body.get("facts"), dict)
        and facts.get(_DIGESTS.get(str(entry.body["kind"]), "")) == digest
        for entry in entries_of_archive(catalogue, tombstone.archive)
    )


def unlogged_tombstones(catalogue: Catalogue) -> list[str]:
    """Return the id of every archive that a row says was destroyed, and the log does not."""
    return [row["archive"] for row in catalogue.read(UNTOLD_TOMBSTONES)]


def destroyed_ids(catalogue: Catalogue) -> list[str]:
    """Return the id of every archive whose destruction has come to its end."""
    return [row["archive"] for row in catalogue.read(BURIED_IDS)]


def every_tombstone(catalogue: Catalogue) -> list[Tombstone]:
    """Return every tombstone, also of destructions under way."""
    return [_buried(row).tombstone for row in catalogue.read(EVERY_TOMBSTONE)]


def unfinished_tombstones(catalogue: Catalogue) -> list[DestroyedArchive]:
    """Return the tombstones of destructions that have begun and not ended, oldest first."""
    return [_buried(row) for row in catalogue.read(UNFINISHED)]


def tombstones_touching(catalogue: Catalogue, window: Window) -> list[Tombstone]:
    """Return the tombstones of every stream whose windows share time with this one."""
    rows = catalogue.read(TOMBSTONES_TOUCHING, to_text(window.start), to_text(window.end))
    return [_buried(row).tombstone for row in rows]


def count_tombstones(catalogue: Catalogue) -> int:
    """Count the archives that were destroyed, as far as the log records it."""
    row = catalogue.read_one(COUNT_TOMBSTONES)
    return int(row["count"]) if row else 0


def _buried(row: sqlite3.Row) -> DestroyedArchive:
    with naming("tombstones", row["archive"]):
        return DestroyedArchive(read_tombstone(row["tombstone"]), require(row["certificate_sha256"], str))
