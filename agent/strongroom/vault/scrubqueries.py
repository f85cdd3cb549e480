"""Every named query about scrubs, what they found, and files that no row speaks of."""

from __future__ import annotations

_LAP = "number, began_at, total, done, archives, cursor, ended_at"
LAST_LAP = f"SELECT {_LAP} FROM scrubs ORDER BY number DESC LIMIT 1"
PUT_LAP = f"""
INSERT INTO scrubs ({_LAP}) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (number) DO UPDATE SET done = excluded.done, archives = excluded.archives, cursor = excluded.cursor,
    ended_at = excluded.ended_at
"""
DROP_OLD_LAPS = "DELETE FROM scrubs WHERE number <= ? - 100"

# Not read: what is being destroyed, and what a person has been told of and has put aside.
_READ = """id NOT IN (SELECT archive FROM condemned WHERE stage IN ('destroying', 'destroyed'))
    AND id NOT IN (SELECT archive FROM scrub_findings WHERE settled_at IS NOT NULL AND archive <> '')"""
NEXT_ARCHIVE = f"SELECT id FROM archives WHERE id > ? AND {_READ} ORDER BY id LIMIT 1"
STILL_READ = f"SELECT id FROM archives WHERE id = ? AND {_READ}"
SUM_COST = f"SELECT count(*) AS count, coalesce(sum(sealed_size), 0) AS size FROM archives WHERE {_READ}"

_FINDING = "archive, file, code, message, found_at, cleared_at, settled_at"
PUT_FINDING = f"""
INSERT INTO scrub_findings ({_FINDING}) VALUES (?, ?, ?, ?, ?, NULL, NULL)
ON CONFLICT (archive, file, code) DO UPDATE SET message = excluded.message, found_at = excluded.found_at,
    cleared_at = NULL, settled_at = NULL
"""
FINDINGS_OF = f"""
SELECT {_FINDING} FROM scrub_findings
WHERE archive = ? AND cleared_at IS NULL AND settled_at IS NULL ORDER BY file, code
"""
FINDINGS_STANDING = f"""
SELECT {_FINDING} FROM scrub_findings
WHERE cleared_at IS NULL AND settled_at IS NULL ORDER BY archive, file, code LIMIT ?
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
SETTLED_FILES = "SELECT file FROM scrub_findings WHERE archive = ? AND settled_at IS NOT NULL"
DAMAGED_LINES = "SELECT line FROM entries WHERE kind = 'archive.damaged' ORDER BY seq"

LINES_FROM = "SELECT seq, line FROM entries WHERE seq >= ? AND seq <= ? ORDER BY seq"

KNOWN_ID = "SELECT id FROM archives WHERE id = ?1 UNION SELECT archive FROM tombstones WHERE archive = ?1"
IS_CONDEMNED = "SELECT archive FROM condemned WHERE archive = ? AND stage IN ('destroying', 'destroyed')"
JOB_OF_ARCHIVE = "SELECT id FROM jobs WHERE archive = ? AND state IN ('fetching', 'sealed')"
REPLACE_MANIFEST = "UPDATE archives SET holding = ?, manifest = ? WHERE id = ?"
COVERED_BY = """
SELECT stream, window_start, window_end, cover, archive, job, cause FROM coverage
WHERE archive = ? ORDER BY window_start
"""

DROP_MARKS = "DELETE FROM vault WHERE name LIKE 'rebuild %'"
# An archive that the log speaks of and whose manifest is gone holds nothing that anybody could show.
UNSHOWN = """
SELECT DISTINCT stream, archive FROM entries
WHERE kind IN ('job.proven', 'job.rejected', 'archive.adopted') AND archive <> ''
    AND archive NOT IN (SELECT id FROM archives) AND archive NOT IN (SELECT archive FROM tombstones)
    AND archive NOT IN (SELECT archive FROM entries WHERE kind = 'archive.destroyed')
ORDER BY archive
"""
PUBLISHED_UNKNOWN = """
SELECT DISTINCT archive FROM entries
WHERE kind IN ('job.proven', 'job.rejected', 'archive.adopted') AND archive <> ''
    AND archive NOT IN (SELECT id FROM archives)
ORDER BY archive
"""
UNSHOWN_TOMBSTONES = """
SELECT DISTINCT stream, archive FROM entries
WHERE kind = 'archive.destroyed' AND archive NOT IN (SELECT archive FROM tombstones) ORDER BY archive
"""
KEEP_DESTROYED = """
UPDATE coverage SET cover = 'destroyed' WHERE cover IN ('proven', 'empty')
    AND archive IN (SELECT archive FROM entries WHERE kind = 'archive.destroyed')
    AND archive NOT IN (SELECT id FROM archives)
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
UNCOVER_UNSHOWN = """
UPDATE coverage SET cover = 'missing', cause = ?, archive = ''
WHERE cover IN ('proven', 'empty') AND archive NOT IN (SELECT id FROM archives)
"""
COUNTS = """
SELECT (SELECT count(*) FROM archives) AS archives, (SELECT count(*) FROM tombstones) AS tombstones,
       (SELECT count(*) FROM entries) AS entries, (SELECT count(*) FROM jobs) AS jobs
"""
SET_JOB_FILTERS = "UPDATE jobs SET filters = ? WHERE id = ? AND filters <> ?"
SET_SOURCES = """
UPDATE jobs SET source = coalesce(
    (SELECT source FROM archives WHERE archives.stream = jobs.stream LIMIT 1), substr(stream, 1, instr(stream, ':') - 1)
) WHERE source = ''
"""
PUT_LINE = "INSERT INTO entries (seq, at, kind, job, archive, stream, line, words) VALUES (?, ?, ?, ?, ?, ?, ?, '')"
