"""SQL about what of the coverage ledger is taken back, and what is said of it before a job ends."""

from __future__ import annotations

from strongroom.vault.queries import told_entries

# The index is named because the primary key, which the planner prefers, walks all of a stream.
LOST_AFTER = """
SELECT stream, window_start, window_end, cover, archive, job, cause FROM coverage INDEXED BY coverage_by_cover
WHERE stream = ? AND cover = 'lost' AND window_end > ? ORDER BY window_start
"""
DROP_LOST = "DELETE FROM coverage WHERE stream = ? AND window_start = ? AND window_end = ? AND cover = 'lost'"
# What lines tell of windows whose jobs have not ended as far as the lines were read.
SAID_OF_UNFINISHED = f"""
{told_entries()} WHERE kind IN ('coverage.lost', 'coverage.unsettled') AND job IN (
    SELECT id FROM jobs WHERE state NOT IN ('archived', 'replaced', 'failed', 'cancelled')) ORDER BY seq
"""
# What was said of empty windows.
ABOUT_EMPTY = f"""
{told_entries()} WHERE kind IN ('empty.doubted', 'empty.confirmed', 'empty.refuted', 'empty.unconfirmed') ORDER BY seq
"""
OF_RENAMES = f"{told_entries()} WHERE kind IN ('stream.renamed', 'source.renamed') ORDER BY seq"
SETTLED_BEFORE = """
SELECT window_start, window_end, cover FROM coverage
WHERE stream = ? AND cover IN ('proven', 'empty') AND window_end <= ? ORDER BY window_start DESC LIMIT ?
"""
SECOND_LOOK_JOB = """
SELECT id FROM jobs WHERE stream = ? AND window_start = ? AND window_end = ? AND purpose = 'second-look' LIMIT 1
"""
