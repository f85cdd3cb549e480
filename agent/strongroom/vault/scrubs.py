"""Laps of the scrub and their findings, in the catalogue. A finding stays until a later lap finds the archive sound."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from strongroom.evidence.line import Entry, Fact
from strongroom.model.entry_kind import EntryKind
from strongroom.model.scrub import OVERHEAD, Lap
from strongroom.model.times import format_instant, parse_instant
from strongroom.vault import log_reader as chainwalk
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue, read_fact
from strongroom.vault.log import add_entry
from strongroom.vault.rows import (
    Rows,
    to_instant,
    to_text,
)

_LAPS = Rows(Lap, "scrubs", "number")
LAST_LAP = f"{_LAPS.select} ORDER BY number DESC LIMIT 1"
PUT_LAP = _LAPS.upsert("began_at", "total")
DROP_OLD_LAPS = "DELETE FROM scrubs WHERE number <= ? - 100"
# Not read: what is being destroyed, and what a person has seen and put aside.
_READ = """id NOT IN (SELECT archive FROM condemned WHERE stage IN ('destroying', 'destroyed'))
    AND id NOT IN (SELECT archive FROM scrub_findings WHERE settled_at IS NOT NULL AND archive <> '')"""
NEXT_ARCHIVE = f"SELECT id FROM archives WHERE id > ? AND {_READ} ORDER BY id LIMIT 1"
STILL_READ = f"SELECT id FROM archives WHERE id = ? AND {_READ}"
SUM_COST = f"SELECT count(*) AS count, coalesce(sum(sealed_size), 0) AS size FROM archives WHERE {_READ}"
PUT_FINDING = """
INSERT INTO scrub_findings (archive, file, code, message, found_at, cleared_at, settled_at)
VALUES (?, ?, ?, ?, ?, NULL, NULL)
ON CONFLICT (archive, file, code) DO UPDATE SET message = excluded.message, found_at = excluded.found_at,
    cleared_at = NULL, settled_at = NULL
"""
COUNT_FINDINGS = "SELECT count(*) AS count FROM scrub_findings WHERE cleared_at IS NULL AND settled_at IS NULL"
CLEAR_FINDINGS = """
UPDATE scrub_findings SET cleared_at = ? WHERE archive = ? AND cleared_at IS NULL AND settled_at IS NULL
"""
SETTLE_FINDINGS = "UPDATE scrub_findings SET settled_at = ? WHERE archive = ? AND cleared_at IS NULL"
CLEAR_FINDING = """
UPDATE scrub_findings SET cleared_at = ?
WHERE archive = ? AND file = ? AND code = ? AND cleared_at IS NULL AND settled_at IS NULL
"""
PUT_ASIDE = """
SELECT DISTINCT archive FROM scrub_findings
WHERE settled_at IS NOT NULL AND archive IN (SELECT id FROM archives WHERE holding = 'quarantined') ORDER BY archive
"""
DAMAGED_LINES = "SELECT line FROM entries WHERE kind = 'archive.damaged' ORDER BY seq"
LINES_FROM = "SELECT seq, line FROM entries WHERE seq >= ? AND seq <= ? ORDER BY seq"
# An archive of the log without a manifest has nothing that anybody could show.
UNSHOWN = """
SELECT DISTINCT stream, archive FROM entries
WHERE kind IN ('job.proven', 'job.rejected', 'archive.adopted') AND archive <> ''
    AND archive NOT IN (SELECT id FROM archives) AND archive NOT IN (SELECT archive FROM tombstones)
    AND archive NOT IN (SELECT archive FROM entries WHERE kind = 'archive.destroyed')
ORDER BY archive
"""
# Of these, what nobody has acted on: neither put aside after a finding, nor its files moved away by a recovery.
UNLISTED = UNSHOWN.replace(
    "ORDER BY archive",
    """AND archive NOT IN (SELECT archive FROM entries WHERE kind = 'files.moved')
    AND archive NOT IN (SELECT archive FROM scrub_findings WHERE settled_at IS NOT NULL)
ORDER BY archive""",
)
UNLISTED_FOUND = """
SELECT DISTINCT archive FROM scrub_findings
WHERE code = 'unlisted' AND cleared_at IS NULL AND settled_at IS NULL ORDER BY archive
"""

FILES = "scrubbed-files"


class ScrubFinding(Struct, frozen=True):
    """One thing that a scrub found and that has not been found sound since."""

    archive: str  # empty for the evidence log
    file: str  # relative to the vault
    code: str
    message: str  # expected and got
    found_at: datetime


_FINDINGS = Rows(ScrubFinding, "scrub_findings", "archive", "file", "code")
FINDINGS_OF = f"""
{_FINDINGS.select} WHERE archive = ? AND cleared_at IS NULL AND settled_at IS NULL ORDER BY file, code
"""
FINDINGS_STANDING = f"""
{_FINDINGS.select} WHERE cleared_at IS NULL AND settled_at IS NULL ORDER BY archive, file, code LIMIT ?
"""


def last_lap(catalogue: Catalogue) -> Lap | None:
    """Return the lap that is in progress, or the last one that ended."""
    return _LAPS.read_one(catalogue.read_one(LAST_LAP))


def put_lap(catalogue: Catalogue, lap: Lap) -> None:
    """Write how far a lap has come; inside a transaction."""
    catalogue.write(PUT_LAP, *_LAPS.values(lap))


def end_lap(catalogue: Catalogue, lap: Lap, files: Mapping[str, int]) -> None:
    """Write that a lap has ended, and say so in the log; inside a transaction. `files` counts those beside archives."""
    ended = lap.ended_at or lap.began_at
    put_lap(catalogue, lap)
    catalogue.write(DROP_OLD_LAPS, lap.number)
    catalogue.write(PUT_FACT, "scrubbed-at", to_text(ended))
    catalogue.write(PUT_FACT, FILES, json.dumps(files, sort_keys=True))
    facts: dict[str, Fact] = {
        "began": format_instant(lap.began_at),
        "archives": lap.archives,
        "files": sum(files.values()),
        "findings": count_findings(catalogue),
    }
    add_entry(catalogue, Entry(EntryKind.SCRUB_FINISHED, ended, facts=facts))


def scrubbed_files(catalogue: Catalogue) -> dict[str, int]:
    """Return how many files beside archives the last whole lap read, by what they are."""
    row = catalogue.read_one(FACT, FILES)
    try:
        counts = json.loads(row["value"]) if row else {}
        return {str(name): int(count) for name, count in counts.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def replay_settled(catalogue: Catalogue) -> None:
    """Put aside again what a person had moved to quarantine, by the lines of the log; inside a transaction."""
    for row in catalogue.read(DAMAGED_LINES):
        with chainwalk.readable(row["line"]):
            body = json.loads(row["line"])
            archive, cause = str(body["archive"]), str(body["facts"].get("cause", "damaged"))
            ending = ".key.age" if cause.startswith("key") else ".age"
            at = parse_instant(str(body["at"]))
            settle_findings(catalogue, [ScrubFinding(archive, f"quarantine/{archive}{ending}", cause, cause, at)], at)


def whole_cost(catalogue: Catalogue) -> int:
    """Return what reading everything once costs now."""
    row = catalogue.read_one(SUM_COST)
    return int(row["size"]) + int(row["count"]) * OVERHEAD if row else 0


def next_archive_id(catalogue: Catalogue, after: str) -> str | None:
    """Return the id of the archive to read after another one, or None when all are read."""
    row = catalogue.read_one(NEXT_ARCHIVE, after)
    return str(row["id"]) if row else None


def unlisted_archives(catalogue: Catalogue) -> dict[str, str]:
    """Return every archive that the log holds and the catalogue lacks, with its stream."""
    return {str(row["archive"]): str(row["stream"]) for row in catalogue.read(UNLISTED)}


def found_unlisted(catalogue: Catalogue) -> list[str]:
    """Return every archive with the finding that the catalogue lacks it."""
    return [str(row["archive"]) for row in catalogue.read(UNLISTED_FOUND)]


def is_still_read(catalogue: Catalogue, archive_id: str) -> bool:
    """Say whether an archive is still there to be read: neither destroyed meanwhile nor put aside."""
    return catalogue.read_one(STILL_READ, archive_id) is not None


def put_aside(catalogue: Catalogue) -> tuple[str, ...]:
    """Return each archive in quarantine that was put aside after a finding."""
    return tuple(str(row["archive"]) for row in catalogue.read(PUT_ASIDE))


def put_findings(catalogue: Catalogue, archive: str, stream: str, found: list[ScrubFinding], now: datetime) -> None:
    """Write what was found of an archive: what is new is said in the log, what stood and is gone as well.

    Inside a transaction. What stood and is not found again is cleared.
    """
    standing = {(each.file, each.code, each.message) for each in findings_of(catalogue, archive)}
    again = {(each.file, each.code) for each in found}
    if not found:
        if standing:
            catalogue.write(CLEAR_FINDINGS, to_text(now), archive)
            add_entry(catalogue, Entry(EntryKind.SCRUB_CLEARED, now, archive=archive, stream=stream))
        return
    for file, code, _message in standing:
        if (file, code) not in again:
            catalogue.write(CLEAR_FINDING, to_text(now), archive, file, code)
    for each in found:
        if (each.file, each.code, each.message) in standing:
            continue
        catalogue.write(PUT_FINDING, archive, each.file, each.code, each.message, to_text(each.found_at))
        facts: dict[str, Fact] = {"file": each.file, "code": each.code, "found": each.message}
        add_entry(catalogue, Entry(EntryKind.SCRUB_FOUND, now, archive=archive, stream=stream, facts=facts))


def settle_findings(catalogue: Catalogue, found: list[ScrubFinding], now: datetime) -> None:
    """Put what was found of an archive aside: a person has acted on it, and it is not read again.

    Inside a transaction. What no scrub had found yet is put down as well.
    """
    for each in found:
        catalogue.write(PUT_FINDING, each.archive, each.file, each.code, each.message, to_text(each.found_at))
        catalogue.write(SETTLE_FINDINGS, to_text(now), each.archive)


def findings_of(catalogue: Catalogue, archive: str) -> list[ScrubFinding]:
    """Return the findings of one archive, or of the log where the name is empty."""
    return _FINDINGS.read_all(catalogue.read(FINDINGS_OF, archive))


def open_findings(catalogue: Catalogue, most: int = 1000) -> list[ScrubFinding]:
    """Return all findings, in the order of ids."""
    return _FINDINGS.read_all(catalogue.read(FINDINGS_STANDING, most))


def count_findings(catalogue: Catalogue) -> int:
    """Count the findings."""
    row = catalogue.read_one(COUNT_FINDINGS)
    return int(row["count"]) if row else 0


def lines_between(catalogue: Catalogue, first: int, last: int) -> list[bytes]:
    """Return the raw lines of these entries, both included."""
    # A line of another type equals no line of the file: the scrub reports it.
    lines = (row["line"] for row in catalogue.read(LINES_FROM, first, last))
    return [line if isinstance(line, bytes) else b"" for line in lines]


def scrubbed_at(catalogue: Catalogue) -> datetime | None:
    """Return when the last scrub of the whole vault ended, or None when there was none."""
    return read_fact(catalogue, "scrubbed-at", to_instant)
