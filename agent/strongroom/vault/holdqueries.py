"""Every named query about retention, legal holds and the vault's time."""

from __future__ import annotations

_HOLD = (
    "id, matter, source, stream, dataset, range_start, range_end, archives, placed_at, placed_by, reason, released_at, "
    "released_by, release_reason"
)
PUT_HOLD = f"INSERT INTO holds ({_HOLD}) VALUES ({', '.join('?' * 14)})"
RELEASE_HOLD = """
UPDATE holds SET released_at = ?, released_by = ?, release_reason = ? WHERE id = ? AND released_at IS NULL
"""
RELEASED = "SELECT released_at, released_by, release_reason FROM holds WHERE id = ?"
HOLD = f"SELECT {_HOLD} FROM holds WHERE id = ?"
HOLDS = f"SELECT {_HOLD} FROM holds ORDER BY placed_at, id"
HOLDS_STANDING = f"SELECT {_HOLD} FROM holds WHERE released_at IS NULL ORDER BY placed_at, id"
HOLD_IDS_LIKE = "SELECT id FROM holds WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 LIMIT 3"

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
DROP_RETAINED = "DELETE FROM retained WHERE archive = ?"

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

SEALED_ENTRIES = """
SELECT seq, line FROM entries
WHERE kind = 'hold.placed' AND EXISTS (SELECT 1 FROM holds WHERE matter = ?) ORDER BY seq
"""
NAME_MATTER = "UPDATE holds SET matter = ?, reason = ? WHERE id = ? AND matter = ?"
PUT_WORDS = "UPDATE entries SET words = ? WHERE seq = ?"
COUNT_MATTERS = "SELECT count(*) AS count FROM holds WHERE matter = ?"
