"""The named queries about checkpoints, and those that walk the log's rows in order."""

from __future__ import annotations

from strongroom.vault.queries import told_entries

PUT_CHECKPOINT = "INSERT INTO checkpoints (size, at, note) VALUES (?, ?, ?) ON CONFLICT (size) DO NOTHING"
CHECKPOINTS = "SELECT size, at, note FROM checkpoints ORDER BY size"
CHECKPOINT = "SELECT size, at, note FROM checkpoints WHERE size = ?"
NEWEST_CHECKPOINT = "SELECT size, at, note FROM checkpoints ORDER BY size DESC LIMIT 1"

SENDING = "SELECT target, size, sent_at, tries, next_at, failure FROM sendings WHERE target = ?"
SENDINGS = "SELECT target, size, sent_at, tries, next_at, failure FROM sendings ORDER BY target"
DROP_SENDING = "DELETE FROM sendings WHERE target = ?"
PUT_SENDING = """
INSERT INTO sendings (target, size, sent_at, tries, next_at, failure) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (target) DO UPDATE SET size = excluded.size, sent_at = excluded.sent_at, tries = excluded.tries,
    next_at = excluded.next_at, failure = excluded.failure
"""

TROUBLE = "SELECT value FROM vault WHERE name = 'checkpoint-refused'"
PUT_TROUBLE = """
INSERT INTO vault (name, value) VALUES ('checkpoint-refused', ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
UNKEPT = "SELECT value FROM vault WHERE name = 'note-unwritten'"
PUT_UNKEPT = """
INSERT INTO vault (name, value) VALUES ('note-unwritten', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
DROP_UNKEPT = "DELETE FROM vault WHERE name = 'note-unwritten'"
DROP_TROUBLE = "DELETE FROM vault WHERE name = 'checkpoint-refused'"

LINES_AFTER = "SELECT seq, line FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
PUBLISHED_DIGESTS = "SELECT id, key_sha256, manifest FROM archives WHERE id > ? ORDER BY id LIMIT ?"
ENTRIES_MATCHING = f"""
{told_entries()}
WHERE (?1 = '' OR kind = ?1 OR substr(kind, 1, length(?1) + 1) = ?1 || '.')
    AND (?2 = '' OR archive = ?2) AND (?3 = '' OR job = ?3) AND seq > ?4
ORDER BY seq LIMIT ?5
"""
