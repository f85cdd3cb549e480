"""Archives in the catalogue: the manifest's exact text, and the columns that lists are filtered and sorted by."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

from msgspec import Struct

from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import VaultError
from strongroom.model.inspection import Severity
from strongroom.model.window import Window
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.manifest import read_manifest, write_manifest
from strongroom.vault.retention_records import put_retained
from strongroom.vault.rows import UNREADABLE, Rows, RowUnreadable, naming, readable, to_text, unreadable

_ARCHIVE_COLUMNS = (
    "id, holding, stream, source, window_start, window_end, job, size, sealed_size, records, findings, retention, "
    "durable_at, verified_at, manifest, key_sha256"
)
PUT_ARCHIVE = f"INSERT INTO archives ({_ARCHIVE_COLUMNS}) VALUES ({', '.join('?' * 16)})"
ARCHIVE = f"SELECT {_ARCHIVE_COLUMNS} FROM archives WHERE id = ?"
KEY_DIGEST = "SELECT key_sha256 FROM archives WHERE id = ?"
ALL_ARCHIVE_IDS = "SELECT id FROM archives ORDER BY id"
SEALED_SINCE = "SELECT coalesce(sum(sealed_size), 0) AS size FROM archives WHERE verified_at > ?"

SEALED_BY_DAY = """
SELECT substr(verified_at, 1, 10) AS day, count(*) AS count, sum(sealed_size) AS size
FROM archives WHERE verified_at >= ? GROUP BY day ORDER BY day
"""


class DayTotals(Struct, frozen=True):
    """What was archived on one day of UTC."""

    day: date
    archives: int
    sealed_size: int  # bytes on disk


class Totals(Struct, frozen=True):
    """How much the vault holds of one kind."""

    count: int
    size: int  # bytes as delivered
    sealed_size: int  # bytes on disk
    records: int


_SUMS = Rows(Totals, "archive_sums", "holding")
ARCHIVE_TOTALS = f"SELECT holding, {_SUMS.columns} FROM archive_sums WHERE count > 0 ORDER BY holding"


def put_archive(catalogue: Catalogue, archive: Archive, key_sha256: str, manifest: str = "") -> None:
    """Insert the archive, with the digest of its sealed key file; inside a transaction.

    `manifest` is the text that the archive was read from, where there is one.
    """
    window = archive.spec.window
    catalogue.write(
        PUT_ARCHIVE,
        archive.id,
        archive.holding.value,
        archive.stream,
        archive.source,
        to_text(window.start),
        to_text(window.end),
        archive.job,
        archive.seal.size,
        archive.seal.sealed_size,
        archive.inspection.records,
        sum(finding.severity is not Severity.NOTE for finding in archive.inspection.findings),
        archive.retention,
        to_text(archive.durable_at),
        to_text(archive.verified_at),
        manifest or write_manifest(archive).decode(),
        key_sha256,
    )
    put_retained(catalogue, archive)


def key_digest(catalogue: Catalogue, archive_id: str) -> str:
    """Return the SHA-256 of an archive's sealed key file, as it should be."""
    row = catalogue.read_one(KEY_DIGEST, archive_id)
    return str(row["key_sha256"]) if row else ""


def get_archive(catalogue: Catalogue, archive_id: str) -> Archive | None:
    """Return the archive with exactly this id. Raises RowUnreadable as `read_archive`."""
    row = catalogue.read_one(ARCHIVE, archive_id)
    return read_archive(row) if row else None


def has_archive(catalogue: Catalogue, archive_id: str) -> bool:
    """Say whether there is a row of this archive, whether or not it can be read."""
    return catalogue.read_one(ARCHIVE, archive_id) is not None


def read_archive(row: sqlite3.Row) -> Archive:
    """Return what a row with `id` and `manifest` holds.

    Raises RowUnreadable, which names it, where its manifest cannot be read or is another archive's.
    """
    try:
        archive = read_manifest(row["manifest"])
    except (VaultError, *UNREADABLE) as error:
        raise unreadable("archives", row["id"]) from error
    if archive.id != row["id"]:
        raise unreadable("archives", row["id"])
    return archive


def readable_archives(catalogue: Catalogue, archive_ids: Iterable[str]) -> Iterator[Archive]:
    """Yield those of these archives that are there and can be read: work on the others goes on without them."""
    for archive_id in archive_ids:
        with suppress(RowUnreadable):
            archive = get_archive(catalogue, archive_id)
            if archive is not None:
                yield archive


def all_archive_ids(catalogue: Catalogue) -> list[str]:
    """Return every archive's id, oldest first."""
    return [row["id"] for row in catalogue.read(ALL_ARCHIVE_IDS)]


def sealed_since(catalogue: Catalogue, instant: datetime) -> int:
    """Return how many bytes of sealed archives came since an instant."""
    row = catalogue.read_one(SEALED_SINCE, to_text(instant))
    return int(row["size"]) if row else 0


def sealed_by_day(catalogue: Catalogue, now: datetime, length: timedelta) -> list[DayTotals]:
    """Return what was archived on each day up to today, the oldest first; days without archives are included."""
    today = now.astimezone(UTC).date()
    first = today - length + timedelta(days=1)
    begin = datetime.combine(first, time(), UTC)
    rows = {row["day"]: (row["count"], row["size"]) for row in catalogue.read(SEALED_BY_DAY, to_text(begin))}
    days = [first + timedelta(days=place) for place in range(length.days)]
    return [DayTotals(day, *rows.get(day.isoformat(), (0, 0))) for day in days]


def archive_totals(catalogue: Catalogue) -> dict[str, Totals]:
    """Sum what the vault holds, by holding."""
    return dict(readable(catalogue.read(ARCHIVE_TOTALS), _read_sum))


def _read_sum(row: sqlite3.Row) -> tuple[str, Totals]:
    with naming("archive_sums", row["holding"]):
        return Holding(row["holding"]).value, _SUMS.read(row)


_STREAMS = """
SELECT stream AS name FROM archives UNION SELECT stream FROM jobs UNION SELECT stream FROM tombstones
UNION SELECT name FROM streams ORDER BY name
"""
_KINDS = "SELECT DISTINCT kind AS name FROM entries ORDER BY name"


def names_of_streams(catalogue: Catalogue) -> list[str]:
    """Return the name of every stream that has, or had, anything in the vault."""
    return [str(row["name"]) for row in catalogue.read(_STREAMS)]


def kinds_of_entries(catalogue: Catalogue) -> list[str]:
    """Return every kind of entry in the log."""
    return [str(row["name"]) for row in catalogue.read(_KINDS)]


COPY_BEFORE = """
SELECT archive FROM coverage
WHERE stream = ? AND window_end <= ? AND archive <> '' AND cover IN ('proven', 'empty')
ORDER BY window_end DESC LIMIT 1
"""
VERSION_BEFORE = """
SELECT id FROM archives
WHERE stream = ?1 AND window_start = ?2 AND window_end = ?3 AND holding = 'held' AND id < ?4
ORDER BY id DESC LIMIT 1
"""
VERSION_AFTER = """
SELECT id FROM archives
WHERE stream = ?1 AND window_start = ?2 AND window_end = ?3 AND holding = 'held' AND id > ?4
ORDER BY id LIMIT 1
"""


def copy_before(catalogue: Catalogue, stream: str, start: datetime) -> str:
    """Return the archive of the newest window of a stream that ended by `start`, or empty."""
    row = catalogue.read_one(COPY_BEFORE, stream, to_text(start))
    return str(row["archive"]) if row else ""


def version_before(catalogue: Catalogue, archive: Archive) -> str:
    """Return the sound archive of the same window that was made before this one, or empty."""
    window = archive.spec.window
    row = catalogue.read_one(VERSION_BEFORE, archive.stream, to_text(window.start), to_text(window.end), archive.id)
    return str(row["id"]) if row else ""


def version_after(catalogue: Catalogue, archive: Archive) -> str:
    """Return the sound archive of the same window that was made next after this one, or empty."""
    window = archive.spec.window
    row = catalogue.read_one(VERSION_AFTER, archive.stream, to_text(window.start), to_text(window.end), archive.id)
    return str(row["id"]) if row else ""


QUARANTINED_COUNTS = "SELECT stream, count(*) AS count FROM archives WHERE holding = 'quarantined' GROUP BY stream"


class Sample(Struct, frozen=True):
    """How much one window of a stream brought."""

    window: Window
    records: int
    sealed_size: int  # bytes on disk


_SAMPLES = Rows(Sample, "archives", "id")
NEWEST_SAMPLES = f"""
SELECT id, {_SAMPLES.columns} FROM archives
WHERE stream = ? AND holding = 'held' ORDER BY window_start DESC, window_end DESC, id DESC LIMIT ?
"""


def newest_samples(catalogue: Catalogue, stream: str, most: int) -> list[Sample]:
    """Return the volume of the newest windows, newest first; of several archives of a window the newest."""
    found: dict[Window, Sample] = {}
    for sample in _SAMPLES.read_all(catalogue.read(NEWEST_SAMPLES, stream, most)):
        found.setdefault(sample.window, sample)
    return list(found.values())


def quarantined_counts(catalogue: Catalogue) -> dict[str, int]:
    """Count the quarantined archives of each stream that has any."""
    return {row["stream"]: row["count"] for row in catalogue.read(QUARANTINED_COUNTS)}
