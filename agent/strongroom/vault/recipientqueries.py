"""Every named query about recipients, key files that are sealed anew, and drills."""

from __future__ import annotations

from strongroom.vault.queries import told_entries

_COLUMNS = "key, label, since, proven_at, retired_at, reason"
_SEALED_TO = """coalesce(
    resealed.recipients,
    iif(json_valid(archives.manifest), json_extract(archives.manifest, '$.sealed.recipients'), NULL), '[]'
)"""
_STANDING = """archives.holding IN ('held', 'quarantined')
    AND archives.id NOT IN (SELECT archive FROM condemned WHERE stage IN ('destroying', 'destroyed'))"""
_ARCHIVES = f"archives LEFT JOIN resealed ON resealed.archive = archives.id WHERE {_STANDING}"

RECIPIENTS = f"SELECT {_COLUMNS} FROM recipients ORDER BY since, key"
RECIPIENT = f"SELECT {_COLUMNS} FROM recipients WHERE key = ?"
PUT_RECIPIENT = f"""
INSERT INTO recipients ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET label = excluded.label, since = excluded.since, proven_at = excluded.proven_at,
    retired_at = excluded.retired_at, reason = excluded.reason
"""
KEY_ENTRIES = """
SELECT line FROM entries
WHERE kind IN ('vault.created', 'recipients.changed', 'recipient.proven', 'drill.passed', 'drill.failed') ORDER BY seq
"""
# The terms are those of the index on exactly these entries.
SET_ENTRIES = f"{told_entries('')} WHERE kind IN ('vault.created', 'recipients.changed') ORDER BY seq DESC"
RESEALED_ENTRIES = "SELECT line FROM entries WHERE kind = 'key.resealed' ORDER BY seq"

SEALED_SETS = f"SELECT {_SEALED_TO} AS recipients, count(*) AS count FROM {_ARCHIVES} GROUP BY 1"
# By folder, so that a batch touches few folders: each is flushed once for all of its files.
SEALED_TO_SET = f"""
SELECT archives.id AS id FROM {_ARCHIVES} AND {_SEALED_TO} = ? ORDER BY substr(archives.id, -2), archives.id
"""
SEALED_TO = "SELECT recipients FROM resealed WHERE archive = ?"
PUT_RESEALED = """
INSERT INTO resealed (archive, recipients, at) VALUES (?, ?, ?)
ON CONFLICT (archive) DO UPDATE SET recipients = excluded.recipients, at = excluded.at
"""
PUT_KEY_DIGEST = "UPDATE archives SET key_sha256 = ? WHERE id = ? AND holding IN ('held', 'quarantined')"

SWAPS = "SELECT archive, before, after, expected, recipients FROM key_swaps ORDER BY archive"
PUT_SWAP = "INSERT INTO key_swaps (archive, before, after, expected, recipients) VALUES (?, ?, ?, ?, ?)"
DROP_SWAP = "DELETE FROM key_swaps WHERE archive = ?"

PUT_DRILL = "INSERT OR REPLACE INTO drills (at, recipient, archive, passed) VALUES (?, ?, ?, ?)"
LAST_DRILLS = "SELECT recipient, max(at) AS at FROM drills WHERE passed = 1 GROUP BY recipient"
HELD_COUNT = f"SELECT count(*) AS count FROM archives WHERE {_STANDING} AND holding = 'held'"
HELD_AT = f"SELECT id FROM archives WHERE {_STANDING} AND holding = 'held' ORDER BY id LIMIT 1 OFFSET ?"
