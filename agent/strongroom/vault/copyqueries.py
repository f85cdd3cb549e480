"""The SQL of copies of datasets that have no time window."""

from __future__ import annotations

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
