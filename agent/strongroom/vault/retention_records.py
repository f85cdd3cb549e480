"""What decides how long each archive is kept, in the catalogue: the rule of its manifest, or a longer one since.

The manifest never changes, so an extended rule is kept here and in the log (`retention.extended`), from which
it can be entered again. The classes of the configuration are kept here as the vault last saw them.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import VaultError
from strongroom.model.retention import RetentionRecord, RetentionRule, end_of
from strongroom.model.window import Window
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.manifest import read_manifest
from strongroom.vault.manifest_schema import rule_of, write_rule
from strongroom.vault.rows import (
    UNREADABLE,
    naming,
    readable,
    require,
    to_instant,
    to_instant_or_none,
    to_text,
    to_text_or_none,
    unreadable,
)
from strongroom.vault.streams import archived_as

KNOWN_STREAMS = """
SELECT DISTINCT source, stream, iif(json_valid(manifest), json_extract(manifest, '$.datasets'), '[]') AS datasets
FROM archives
UNION SELECT json_extract(tombstone, '$.source'), stream, json_extract(tombstone, '$.datasets') FROM tombstones
WHERE json_valid(tombstone)
"""
PUT_RETAINED = """
INSERT INTO retained (archive, rule, until, earliest, latest) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (archive) DO UPDATE SET rule = excluded.rule, until = excluded.until, earliest = excluded.earliest,
    latest = excluded.latest
"""
SET_REACH = "UPDATE retained SET earliest = ?, latest = ? WHERE archive = ?"
RETAINED = "SELECT archive, rule, until, earliest, latest FROM retained WHERE archive = ?"
LENGTHENED = "SELECT rule, until FROM retained WHERE archive = ?"
LENGTHEN = "UPDATE retained SET rule = ?, until = ? WHERE archive = ?"
# A destruction that has begun is not to be decided any more. Each test names the whole predicate of a partial index:
# SQLite uses one only where it need not reason about it.
_GONE = """(
    EXISTS (
        SELECT 1 FROM condemned WHERE condemned.archive = archives.id
        AND stage IN ('proposed', 'approved', 'destroying') AND +stage = 'destroying'
    )
    OR EXISTS (SELECT 1 FROM condemned WHERE condemned.archive = archives.id AND stage = 'destroyed')
) AS destroyed"""
_RECORD = f"""
SELECT archives.id AS id, stream, source, window_start, window_end, archives.retention AS retention,
    iif(json_valid(manifest), json_extract(manifest, '$.datasets'), NULL) AS datasets,
    json_valid(manifest) AS sound, rule, until, earliest, latest,
    CASE WHEN retained.archive IS NULL THEN manifest END AS manifest, {_GONE}
FROM archives LEFT JOIN retained ON retained.archive = archives.id
"""
RECORD = f"{_RECORD} WHERE archives.id = ?"
RECORDS_AFTER = f"{_RECORD} WHERE archives.id > ? ORDER BY archives.id LIMIT ?"
RECORDS_OF_STREAM_AFTER = f"{_RECORD} WHERE stream = ? AND archives.id > ? ORDER BY archives.id LIMIT ?"
# A cross join walks the index of ends; the planner would rather sort the whole vault.
_BY_END = _RECORD.replace(
    "FROM archives LEFT JOIN retained ON retained.archive = archives.id",
    "FROM retained CROSS JOIN archives ON archives.id = retained.archive",
)
BY_END_AFTER = f"{_BY_END} WHERE (until, retained.archive) > (?, ?) ORDER BY until, retained.archive LIMIT ?"
BY_END_OF_STREAM = f"""
{_BY_END} WHERE (until, retained.archive) > (?, ?) AND stream = ? ORDER BY until, retained.archive LIMIT ?
"""
OVER_COUNT = "SELECT count(*) AS count FROM retained WHERE until <= ?"
OVER_AFTER = f"{_RECORD} WHERE (until, archives.id) > (?, ?) AND until <= ? ORDER BY until, archives.id LIMIT ?"
PUT_CLASS = """
INSERT INTO classes (name, rule, since) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET rule = excluded.rule, since = excluded.since
"""
CLASS = "SELECT name, rule, since FROM classes WHERE name = ?"
CLASSES = "SELECT name, rule FROM classes ORDER BY name"
PUT_STREAM_CLASS = "INSERT OR IGNORE INTO stream_classes (stream, class) VALUES (?, ?)"
CLASSES_OF_STREAM = "SELECT class FROM stream_classes WHERE stream = ? ORDER BY class"
RETENTION_ENTRIES = """
SELECT line FROM entries
WHERE kind IN ('vault.locked', 'retention.changed', 'retention.extended', 'hold.placed', 'hold.released') ORDER BY seq
"""
LAST_ENTRY_AT = "SELECT at FROM entries ORDER BY seq DESC LIMIT 1"

PAGE = 2_000  # rows read at once


def put_retained(catalogue: Catalogue, archive: Archive) -> None:
    """Enter what the manifest says of retention; inside the transaction that enters the archive."""
    until = None if archive.rule is None else end_of(archive.rule, archive.spec.window, archive.verified_at)
    earliest, latest = reach_of(archive)
    row = (
        archive.id,
        write_rule(archive.rule),
        to_text_or_none(until),
        to_text_or_none(earliest),
        to_text_or_none(latest),
    )
    catalogue.write(PUT_RETAINED, *row)
    catalogue.confirm(RETAINED, archive.id, expected=row)


def put_reach(catalogue: Catalogue, archive: Archive) -> None:
    """Enter what is known of the reach of its records, where its manifest was replaced; inside a transaction.

    The rule that decides stays: it may have been lengthened since.
    """
    earliest, latest = reach_of(archive)
    catalogue.write(SET_REACH, to_text_or_none(earliest), to_text_or_none(latest), archive.id)


def lengthen(catalogue: Catalogue, archive: Archive, rule: RetentionRule) -> None:
    """Let another rule decide; inside a transaction. The caller has checked that it is longer."""
    until = end_of(rule, archive.spec.window, archive.verified_at)
    if not catalogue.write(LENGTHEN, write_rule(rule), to_text(until), archive.id):
        put_retained(catalogue, archive)  # it came before rules were entered
        catalogue.write(LENGTHEN, write_rule(rule), to_text(until), archive.id)
    catalogue.confirm(LENGTHENED, archive.id, expected=(write_rule(rule), to_text(until)))


def reach_of(archive: Archive) -> tuple[datetime | None, datetime | None]:
    """Return the first and last instant that the archive's records may be of; None where nothing bounds them.

    Nothing does where a record has no time, where a dataset has none, or where the file was not read to its end.
    """
    inspection, window = archive.inspection, archive.spec.window
    timeless = any(not shape.time_field for shape in archive.expectation.datasets)
    undated = any(report.undated for report in inspection.members)
    if archive.holding is not Holding.HELD or timeless or undated:
        return None, None
    seen = [each for report in inspection.members for each in (report.earliest, report.latest) if each is not None]
    return min([window.start, *seen]), max([window.end, *seen])


def get_record(catalogue: Catalogue, archive_id: str) -> RetentionRecord | None:
    """Return what decides one archive's fate."""
    row = catalogue.read_one(RECORD, archive_id)
    return None if row is None else _record(row)


def records(catalogue: Catalogue, stream: str = "") -> Iterator[RetentionRecord]:
    """Yield what decides every archive's fate, oldest archive first, a page at a time.

    A list that is only shown may leave out one that cannot be read (`leaving_out`).
    """
    if stream:
        yield from heapq.merge(*(_records(catalogue, each) for each in archived_as(catalogue, stream)), key=_id_of)
    else:
        yield from _records(catalogue)


def _id_of(record: RetentionRecord) -> str:
    return record.id


def _records(catalogue: Catalogue, stream: str = "") -> Iterator[RetentionRecord]:
    last = ""
    while True:
        asked = (stream, last) if stream else (last,)
        rows = catalogue.read(RECORDS_OF_STREAM_AFTER if stream else RECORDS_AFTER, *asked, PAGE)
        yield from readable(rows, _record)
        if len(rows) < PAGE:
            return
        last = rows[-1]["id"]


def records_over(catalogue: Catalogue, at: datetime) -> Iterator[RetentionRecord]:
    """Yield the archives whose period is over at an instant, those first that are over longest."""
    edge = ("", "")
    while True:
        rows = catalogue.read(OVER_AFTER, *edge, to_text(at), PAGE)
        yield from readable(rows, _record)
        if len(rows) < PAGE:
            return
        edge = (rows[-1]["until"], rows[-1]["id"])


def records_by_end(
    catalogue: Catalogue, before: RetentionRecord | None, most: int, stream: str = ""
) -> list[RetentionRecord]:
    """Return one page of archives, those first whose period is over first; `before` is the last of the page before.

    An archive without a rule that can be read has no end and is not on any page.
    """
    edge = (to_text_or_none(before.until) or "", before.id) if before else ("", "")
    if stream:
        names = archived_as(catalogue, stream)
        rows = [row for each in names for row in catalogue.read(BY_END_OF_STREAM, *edge, each, most)]
        return [_record(row) for row in sorted(rows, key=lambda row: (row["until"], row["id"]))[:most]]
    return [_record(row) for row in catalogue.read(BY_END_AFTER, *edge, most)]


def count_over(catalogue: Catalogue, at: datetime) -> int:
    """Count the archives whose period is over at an instant, held by a matter or not."""
    row = catalogue.read_one(OVER_COUNT, to_text(at))
    return int(row["count"]) if row else 0


def record_of(archive: Archive) -> RetentionRecord:
    """Return what decides an archive's fate by its manifest alone."""
    until = None if archive.rule is None else end_of(archive.rule, archive.spec.window, archive.verified_at)
    earliest, latest = reach_of(archive)
    return RetentionRecord(
        id=archive.id,
        stream=archive.stream,
        source=archive.source,
        datasets=archive.spec.datasets,
        window=archive.spec.window,
        retention=archive.retention,
        rule=archive.rule,
        until=until,
        earliest=earliest,
        latest=latest,
    )


def _datasets_by(text: str | None) -> tuple[str, ...] | None:
    """Return the datasets of an archive; None where its manifest does not say."""
    try:
        return tuple(str(each) for each in json.loads(text or "null"))
    except UNREADABLE:
        return None


def _reach_by(manifest: str) -> tuple[datetime | None, datetime | None]:
    """Return the reach in a manifest; one that cannot be read bounds nothing, so that every hold applies to it."""
    try:
        return reach_of(read_manifest(manifest))
    except VaultError:
        return None, None


def _record(row: sqlite3.Row) -> RetentionRecord:
    if not row["sound"]:  # nobody can say what holds catch it, so that nothing is ever decided by it
        raise unreadable("archives", row["id"])
    with naming("retained", row["id"]):
        return _readable_record(row)


def _readable_record(row: sqlite3.Row) -> RetentionRecord:
    unknown = row["manifest"] is not None  # it was archived before rules were entered: its manifest has what there is
    earliest, latest = (
        _reach_by(row["manifest"])
        if unknown
        else (to_instant_or_none(row["earliest"]), to_instant_or_none(row["latest"]))
    )
    datasets = _datasets_by(row["datasets"])
    known = datasets is not None  # of what nobody can say whether a hold catches it nothing is ever due
    return RetentionRecord(
        id=require(row["id"], str),
        stream=require(row["stream"], str),
        source=require(row["source"], str),
        datasets=datasets or (),
        window=Window(to_instant(row["window_start"]), to_instant(row["window_end"])),
        retention=require(row["retention"], str),
        rule=rule_of(row["rule"] or "") if known else None,
        until=to_instant_or_none(row["until"]) if known else None,
        earliest=earliest,
        latest=latest,
        destroyed=bool(row["destroyed"]),
    )


def known_streams(catalogue: Catalogue) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the source, the name and the datasets of every stream that has, or had, an archive."""
    rows = catalogue.read(KNOWN_STREAMS)
    return [(str(row["source"]), str(row["stream"]), _datasets_by(row["datasets"]) or ()) for row in rows]


def get_classes(catalogue: Catalogue) -> dict[str, RetentionRule]:
    """Return the retention classes as the vault last saw them."""
    found = readable(catalogue.read(CLASSES), _class)
    return {rule.name: rule for rule in found if rule is not None}


def _class(row: sqlite3.Row) -> RetentionRule | None:
    with naming("classes", row["name"]):
        rule = rule_of(row["rule"])
        if rule is not None and rule.name != row["name"]:
            raise ValueError(rule.name)
        return rule


def put_class(catalogue: Catalogue, rule: RetentionRule, at: datetime) -> None:
    """Remember a class; inside a transaction."""
    row = (rule.name, write_rule(rule), to_text(at))
    catalogue.write(PUT_CLASS, *row)
    catalogue.confirm(CLASS, rule.name, expected=row)


def classes_of_stream(catalogue: Catalogue, stream: str) -> tuple[str, ...]:
    """Return every class that a stream has ever named."""
    return tuple(row["class"] for row in catalogue.read(CLASSES_OF_STREAM, stream))


def put_stream_class(catalogue: Catalogue, stream: str, name: str) -> bool:
    """Remember that a stream names a class; say whether that is new. Inside a transaction."""
    return bool(catalogue.write(PUT_STREAM_CLASS, stream, name))


def retention_entries(catalogue: Catalogue) -> list[bytes]:
    """Return the lines of the log that are about retention and holds, oldest first."""
    return [row["line"] for row in catalogue.read(RETENTION_ENTRIES)]


def last_entry_at(catalogue: Catalogue) -> datetime | None:
    """Return when the newest entry of the log was written."""
    row = catalogue.read_one(LAST_ENTRY_AT)
    return to_instant(row["at"]).astimezone(UTC) if row else None
