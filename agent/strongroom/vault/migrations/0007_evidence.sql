-- Checkpoints of the log and where they were sent.

-- Every checkpoint that was signed. The file log/checkpoints/SIZE.note is the same text.
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY,               -- lines of the log that it covers
    at   TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;

-- What each target got last, and how the next try stands: what is newer than `size` is owed.
CREATE TABLE sendings (
    target  TEXT PRIMARY KEY,
    size    INTEGER NOT NULL,               -- of the newest checkpoint that it took; 0: none yet
    sent_at TEXT,
    tries   INTEGER NOT NULL,               -- that failed since
    next_at TEXT,                           -- not before
    failure TEXT NOT NULL                   -- the last one, in words
) STRICT, WITHOUT ROWID;
