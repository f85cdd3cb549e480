"""Every named query of the catalogue, by the noun it is about."""

from __future__ import annotations

JOB_COLUMNS = (
    "id, stream, source, window_start, window_end, datasets, filters, state, created_at, changed_at, next_at, purpose, "
    "retention, priority, ref, asked_at, accepted_at, expires_at, size, polls, looks, attempts, cause, detail, parent, "
    "generation, archive, wait_cause, wait_words, wait_until"
)
_LIVE = "state NOT IN ('archived', 'replaced', 'failed', 'cancelled')"

BEYOND = ("~", "~")
"""Where the first page of a list begins: a time and an id that sort after all others."""


PUT_JOB = f"""
INSERT INTO jobs ({JOB_COLUMNS}) VALUES ({", ".join("?" * 30)})
ON CONFLICT (id) DO UPDATE SET
    state = excluded.state, changed_at = excluded.changed_at, next_at = excluded.next_at, ref = excluded.ref,
    asked_at = excluded.asked_at, accepted_at = excluded.accepted_at, expires_at = excluded.expires_at,
    size = excluded.size, polls = excluded.polls, looks = excluded.looks, attempts = excluded.attempts,
    cause = excluded.cause, detail = excluded.detail, archive = excluded.archive, priority = excluded.priority,
    wait_cause = excluded.wait_cause, wait_words = excluded.wait_words, wait_until = excluded.wait_until
"""
PUT_WAIT = """
UPDATE jobs SET wait_cause = ?, wait_words = ?, wait_until = ?
WHERE id = ? AND state = ? AND changed_at = ? AND state NOT IN ('archived', 'replaced', 'failed', 'cancelled')
"""
JOB = f"SELECT {JOB_COLUMNS} FROM jobs WHERE id = ?"
JOBS_LIVE = f"SELECT {JOB_COLUMNS} FROM jobs WHERE {_LIVE} ORDER BY priority DESC, window_start, id"
JOBS_INTERRUPTED = f"SELECT {JOB_COLUMNS} FROM jobs WHERE state IN ('fetching', 'sealed') ORDER BY id"
JOBS_BY_STATE = "SELECT state, count(*) AS count FROM jobs GROUP BY state"
JOB_IDS_LIKE = "SELECT id FROM jobs WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 LIMIT 3"
SUCCESSOR = "SELECT id FROM jobs WHERE parent = ? AND parent <> '' ORDER BY created_at DESC, id DESC LIMIT 1"
KNOWN_REFS = "SELECT ref FROM jobs WHERE source = ? AND ref <> '' AND id <> ?"

_ARCHIVE_COLUMNS = (
    "id, holding, stream, source, window_start, window_end, job, size, sealed_size, records, findings, retention, "
    "durable_at, verified_at, manifest, key_sha256"
)
PUT_ARCHIVE = f"INSERT INTO archives ({_ARCHIVE_COLUMNS}) VALUES ({', '.join('?' * 16)})"
ARCHIVE = f"SELECT {_ARCHIVE_COLUMNS} FROM archives WHERE id = ?"
ARCHIVE_IDS_LIKE = """
SELECT id FROM archives WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 LIMIT 3
"""
KEY_DIGEST = "SELECT key_sha256 FROM archives WHERE id = ?"
ALL_ARCHIVE_IDS = "SELECT id FROM archives ORDER BY id"
ARCHIVE_TOTALS = """
SELECT holding, count(*) AS count, coalesce(sum(size), 0) AS size, coalesce(sum(sealed_size), 0) AS sealed_size,
       coalesce(sum(records), 0) AS records
FROM archives GROUP BY holding
"""
SEALED_SINCE = "SELECT coalesce(sum(sealed_size), 0) AS size FROM archives WHERE verified_at > ?"

PUT_COVERAGE = """
INSERT INTO coverage (stream, window_start, window_end, cover, archive, job, cause) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (stream, window_start, window_end) DO UPDATE SET
    cover = excluded.cover, archive = excluded.archive, job = excluded.job, cause = excluded.cause
"""
DROP_COVERAGE = "DELETE FROM coverage WHERE stream = ? AND window_start = ? AND window_end = ? AND cover = 'open'"
COVERAGE_AT = """
SELECT stream, window_start, window_end, cover, archive, job, cause FROM coverage
WHERE stream = ? AND window_start = ? AND window_end = ?
"""
COVERAGE_OF = """
SELECT stream, window_start, window_end, cover, archive, job, cause FROM coverage
WHERE stream = ? AND window_end > ? AND window_start < ? ORDER BY window_start
"""
COVERAGE_TOTALS = "SELECT stream, cover, count(*) AS count FROM coverage GROUP BY stream, cover"

LAST_ENTRY = "SELECT seq, line FROM entries WHERE seq > 0 ORDER BY seq DESC LIMIT 1"
LAST_ENTRIES = "SELECT seq, line FROM entries WHERE seq > 0 ORDER BY seq DESC LIMIT 2"
PUT_ENTRY = "INSERT INTO entries (seq, at, kind, job, archive, stream, line, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ENTRIES_AFTER = "SELECT seq, line FROM entries WHERE seq > ? ORDER BY seq"
ENTRY = "SELECT seq, line FROM entries WHERE seq = ?"
WHOLE_ENTRY = "SELECT seq, at, kind, job, archive, stream, line FROM entries WHERE seq = ?"
ENTRY_BEFORE_ALL = "SELECT seq FROM entries WHERE seq < 1 ORDER BY seq LIMIT 1"
ENTRY_TIME = "SELECT seq, at FROM entries WHERE seq = ?"
LAST_ENTRY_TIME = "SELECT seq, at FROM entries ORDER BY seq DESC LIMIT 1"


def told_entries(rest: str = "") -> str:
    """Return a query for entries with their columns and neighbours, by which `chainwalk.is_in_chain` judges each."""
    return f"""
SELECT seq, kind, job, archive, stream, line, words,
    (SELECT line FROM entries AS earlier WHERE earlier.seq = entries.seq - 1) AS before,
    (SELECT line FROM entries AS later WHERE later.seq = entries.seq + 1) AS after
FROM entries
{rest}"""


ENTRIES_OF_JOB = f"{told_entries()} WHERE job = ? AND job <> '' AND seq > 0 ORDER BY seq"
ENTRIES_OF_ARCHIVE = f"{told_entries()} WHERE archive = ? AND archive <> '' AND seq > 0 ORDER BY seq"
ENTRIES_BEFORE = f"""
{told_entries()}
WHERE seq > 0 AND seq < ?1 AND (?2 = '' OR stream = ?2) AND (?3 = '' OR kind BETWEEN ?3 || '.' AND ?3 || '/')
ORDER BY seq DESC LIMIT ?4
"""
ENTRIES_NEWEST = f"{told_entries()} WHERE seq > 0 ORDER BY seq DESC LIMIT ?"

_SOURCE_COLUMNS = "name, paused, surveyed_at, refused_until, clock_skew, refused_cause, refused_words"
SOURCE = f"SELECT {_SOURCE_COLUMNS} FROM sources WHERE name = ?"
SOURCES = f"SELECT {_SOURCE_COLUMNS} FROM sources ORDER BY name"
PUT_SOURCE = f"""
INSERT INTO sources ({_SOURCE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused, surveyed_at = excluded.surveyed_at,
    refused_until = excluded.refused_until, clock_skew = excluded.clock_skew,
    refused_cause = excluded.refused_cause, refused_words = excluded.refused_words
"""
PUT_ASK = "INSERT OR IGNORE INTO asks (source, at, job) VALUES (?, ?, ?)"
DROP_ASK = "DELETE FROM asks WHERE source = ? AND at = ? AND job = ?"
DROP_OLD_ASKS = "DELETE FROM asks WHERE source = ? AND at < ?"
ASKS_SINCE = """
SELECT asks.at AS at, jobs.ref AS ref, jobs.state AS state FROM asks JOIN jobs ON jobs.id = asks.job
WHERE asks.source = ? AND asks.at > ?
"""
RUNNING_OURS = f"""
SELECT count(*) AS count FROM jobs WHERE {_LIVE} AND state IN ('uncertain', 'waiting') AND source = ?
"""
# `known`: a job of ours tells how this export stands; one that has let go of it (dead, cancelled) tells nothing more.
SEEN_EXPORTS = """
SELECT seen.ref AS ref, seen.created_at AS created_at, seen.running AS running,
       EXISTS (SELECT 1 FROM jobs WHERE source = ?1 AND ref = seen.ref AND ref <> '') AS ours,
       EXISTS (SELECT 1 FROM jobs WHERE source = ?1 AND ref = seen.ref AND ref <> ''
               AND state NOT IN ('dead', 'replaced', 'failed', 'cancelled')) AS known
FROM seen_exports AS seen WHERE seen.source = ?1 AND (seen.running = 1 OR seen.created_at > ?2)
"""
PUT_SEEN = """
INSERT INTO seen_exports (source, ref, created_at, running, seen_at, first_seen)
VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(seq), 0) FROM entries))
ON CONFLICT (source, ref) DO UPDATE SET
    created_at = coalesce(excluded.created_at, created_at), running = excluded.running, seen_at = excluded.seen_at
"""
# Kept for a while: an export that a list left out once and shows again is still the one that was seen before.
FADE_UNSEEN = "UPDATE seen_exports SET running = 0 WHERE source = ? AND seen_at < ?"
DROP_UNSEEN = "DELETE FROM seen_exports WHERE source = ? AND seen_at < ?"
SEEN_BEFORE = """
SELECT ref FROM seen_exports WHERE source = ?1
    AND first_seen < (SELECT max(seq) FROM entries WHERE job = ?2 AND job <> '' AND kind = 'job.intended')
"""
OTHERS_UNCERTAIN = """
SELECT count(*) AS count FROM jobs WHERE source = ?1 AND id <> ?2
    AND (state = 'uncertain' OR (state = 'cancelled' AND ref = '' AND asked_at > ?3))
"""
WAITING_REFS = "SELECT ref FROM jobs WHERE source = ? AND state = 'waiting' ORDER BY ref"
LIVE_USERS = f"SELECT count(*) AS count FROM jobs WHERE source = ? AND ref = ? AND ref <> '' AND {_LIVE}"

PUT_DELETION = """
INSERT INTO deletions (source, ref, job, archive, next_at, tries) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (source, ref) DO UPDATE SET next_at = excluded.next_at, tries = excluded.tries
"""
DROP_DELETION = "DELETE FROM deletions WHERE source = ? AND ref = ?"
DELETIONS = "SELECT source, ref, job, archive, next_at, tries FROM deletions ORDER BY next_at, source, ref"

PUT_PROGRESS = """
INSERT INTO progress (job, stage, done, total, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (job) DO UPDATE SET stage = excluded.stage, done = excluded.done, total = excluded.total, at = excluded.at
"""
DROP_PROGRESS = "DELETE FROM progress WHERE job = ?"
CLEAR_PROGRESS = "DELETE FROM progress"
ALL_PROGRESS = "SELECT job, stage, done, total, at FROM progress"

PUT_FACT = "INSERT INTO vault (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
FACT = "SELECT value FROM vault WHERE name = ?"

PUT_REQUEST = "INSERT INTO requests (id, at, wish, subject, by, accepted, answer) VALUES (?, ?, ?, ?, ?, 0, '')"
_REQUEST_COLUMNS = "id, at, wish, subject, by, done_at, accepted, answer"
REQUEST = f"SELECT {_REQUEST_COLUMNS} FROM requests WHERE id = ?"
REQUESTS_WAITING = f"SELECT {_REQUEST_COLUMNS} FROM requests WHERE done_at IS NULL ORDER BY at, id"
ANSWER_REQUEST = "UPDATE requests SET done_at = ?, accepted = ?, answer = ? WHERE id = ? AND done_at IS NULL"

STREAM = "SELECT name, floor, since, edge, paused FROM streams WHERE name = ?"
STREAMS = "SELECT name, floor, since, edge, paused FROM streams ORDER BY name"
PUT_STREAM = """
INSERT INTO streams (name, floor, since, edge, paused) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET floor = excluded.floor, since = excluded.since, edge = excluded.edge,
    paused = excluded.paused
"""
UNSETTLED = """
SELECT coverage.window_start AS window_start, coverage.window_end AS window_end, archives.durable_at AS durable_at
FROM coverage JOIN archives ON archives.id = coverage.archive
WHERE coverage.stream = ?1 AND coverage.cover IN ('proven', 'empty')
    AND coverage.window_end <= ?2 AND coverage.window_start >= ?3
    AND NOT EXISTS (
        SELECT 1 FROM jobs
        WHERE jobs.stream = ?1 AND jobs.purpose = 'settled'
            AND jobs.window_start = coverage.window_start AND jobs.window_end = coverage.window_end
    )
ORDER BY coverage.window_start LIMIT ?4
"""
FAILED_BEFORE = f"""
SELECT {JOB_COLUMNS} FROM jobs
WHERE state = 'failed' AND changed_at <= ? AND purpose NOT IN ('regenerate', 'settled', 'second-look')
ORDER BY id LIMIT ?
"""
COUNT_PLANNED = "SELECT count(*) AS count FROM jobs WHERE source = ? AND state = 'planned'"

_NOTICE_COLUMNS = "key, severity, title, body, raised_at, told_at, cleared_at"
NOTICE = f"SELECT {_NOTICE_COLUMNS} FROM notices WHERE key = ?"
NOTICES = f"SELECT {_NOTICE_COLUMNS} FROM notices ORDER BY raised_at DESC, key LIMIT ?"
NOTICES_STANDING = f"SELECT {_NOTICE_COLUMNS} FROM notices WHERE cleared_at IS NULL ORDER BY raised_at, key"
NOTICES_UNTOLD = f"""
SELECT {_NOTICE_COLUMNS} FROM notices
WHERE (told_at IS NULL AND cleared_at IS NULL) OR told_at < raised_at OR told_at < cleared_at ORDER BY raised_at, key
"""
PUT_NOTICE = f"""
INSERT INTO notices ({_NOTICE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET severity = excluded.severity, title = excluded.title, body = excluded.body,
    raised_at = excluded.raised_at, told_at = excluded.told_at, cleared_at = excluded.cleared_at
"""

SETTLED_SINCE = """
SELECT window_start, window_end FROM coverage
WHERE stream = ? AND window_end > ? AND cover IN ('proven', 'empty', 'lost', 'destroyed') ORDER BY window_start
"""
# The index is named because the primary key, which the planner prefers for the order, walks all of a stream.
COVERED_AS = """
SELECT window_start, window_end, cause FROM coverage INDEXED BY coverage_by_cover
WHERE stream = ? AND cover = ? ORDER BY window_start
"""
COUNT_COVERED = "SELECT count(*) AS count FROM coverage WHERE stream = ? AND cover = ?"
NEWEST_COVERED = "SELECT window_end FROM coverage WHERE stream = ? AND cover = ? ORDER BY window_start DESC LIMIT 1"
NEWEST_SAMPLES = """
SELECT id, window_start, window_end, records, sealed_size FROM archives
WHERE stream = ? AND holding = 'held' ORDER BY window_start DESC, window_end DESC, id DESC LIMIT ?
"""
QUARANTINED_COUNTS = "SELECT stream, count(*) AS count FROM archives WHERE holding = 'quarantined' GROUP BY stream"
