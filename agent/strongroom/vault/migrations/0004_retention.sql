-- Retention rules as fixed at ingest, legal holds, and the vault's own notion of time.

-- What decides how long an archive is kept: the rule of its manifest, or a longer one since. No row: no rule known.
CREATE TABLE retained (
    archive  TEXT PRIMARY KEY,
    rule     TEXT NOT NULL,                -- JSON of the rule that decides; empty where none was recorded
    until    TEXT,                         -- when it is over
    earliest TEXT,                         -- what the records may be of; NULL where nothing bounds them
    latest   TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX retained_until ON retained (until, archive);

-- A retention class as the vault last saw it in the configuration.
CREATE TABLE classes (
    name  TEXT PRIMARY KEY,
    rule  TEXT NOT NULL,                   -- JSON
    since TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Every class that a stream has ever named: in lock mode its archives keep to the longest of them.
CREATE TABLE stream_classes (
    stream TEXT NOT NULL,
    class  TEXT NOT NULL,
    PRIMARY KEY (stream, class)
) STRICT, WITHOUT ROWID;

CREATE TABLE holds (
    id             TEXT PRIMARY KEY,
    matter         TEXT NOT NULL,
    source         TEXT NOT NULL,
    stream         TEXT NOT NULL,
    dataset        TEXT NOT NULL,
    range_start    TEXT,
    range_end      TEXT,
    archives       TEXT NOT NULL,          -- JSON array of ids
    placed_at      TEXT NOT NULL,
    placed_by      TEXT NOT NULL,
    reason         TEXT NOT NULL,
    released_at    TEXT,
    released_by    TEXT NOT NULL,
    release_reason TEXT NOT NULL
) STRICT;

CREATE INDEX holds_standing ON holds (placed_at) WHERE released_at IS NULL;
