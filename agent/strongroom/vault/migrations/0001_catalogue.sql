-- Times are RFC 3339 in UTC with a fixed number of digits, so that text order is order in time.

CREATE TABLE vault (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One export job: a row for each attempt at the provider.
CREATE TABLE jobs (
    id           TEXT PRIMARY KEY,
    stream       TEXT NOT NULL,
    source       TEXT NOT NULL,
    window_start TEXT NOT NULL,
    window_end   TEXT NOT NULL,
    datasets     TEXT NOT NULL,             -- JSON array
    filters      TEXT NOT NULL,             -- JSON array of pairs
    state        TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    changed_at   TEXT NOT NULL,
    next_at      TEXT NOT NULL,
    purpose      TEXT NOT NULL,
    retention    TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    ref          TEXT NOT NULL,
    asked_at     TEXT,
    accepted_at  TEXT,
    expires_at   TEXT,
    size         INTEGER,
    polls        INTEGER NOT NULL,
    looks        INTEGER NOT NULL,
    attempts     TEXT NOT NULL,             -- JSON object: cause -> count
    cause        TEXT NOT NULL,
    detail       TEXT NOT NULL,
    parent       TEXT NOT NULL,
    generation   INTEGER NOT NULL,
    archive      TEXT NOT NULL
) STRICT;

CREATE INDEX jobs_due ON jobs (next_at, priority DESC, window_start)
    WHERE state NOT IN ('archived', 'replaced', 'failed', 'cancelled');
CREATE INDEX jobs_newest ON jobs (created_at DESC, id DESC);
CREATE INDEX jobs_of_stream ON jobs (stream, created_at DESC, id DESC);
CREATE INDEX jobs_in_state ON jobs (state, created_at DESC, id DESC);
CREATE INDEX jobs_of_stream_in_state ON jobs (stream, state, created_at DESC, id DESC);
CREATE INDEX jobs_of_parent ON jobs (parent, created_at DESC, id DESC) WHERE parent <> '';
CREATE INDEX jobs_ref ON jobs (source, ref) WHERE ref <> '';
-- Two live jobs never work on the same export of a provider.
CREATE UNIQUE INDEX jobs_live_ref ON jobs (source, ref)
    WHERE ref <> '' AND state NOT IN ('archived', 'replaced', 'failed', 'cancelled');
-- The promise "one archive per window" in the schema's own words: never two live jobs for one window of a stream.
CREATE UNIQUE INDEX jobs_live ON jobs (stream, window_start, window_end)
    WHERE purpose NOT IN ('regenerate', 'settled') AND state NOT IN ('archived', 'replaced', 'failed', 'cancelled');

CREATE TABLE archives (
    id           TEXT PRIMARY KEY,
    holding      TEXT NOT NULL CHECK (holding IN ('held', 'quarantined')),
    stream       TEXT NOT NULL,
    source       TEXT NOT NULL,
    window_start TEXT NOT NULL,
    window_end   TEXT NOT NULL,
    job          TEXT NOT NULL REFERENCES jobs (id),
    size         INTEGER NOT NULL,
    sealed_size  INTEGER NOT NULL,
    records      INTEGER NOT NULL,
    findings     INTEGER NOT NULL,
    retention    TEXT NOT NULL,
    durable_at   TEXT NOT NULL,
    verified_at  TEXT NOT NULL,
    manifest     TEXT NOT NULL,             -- the manifest file's exact text
    key_sha256   TEXT NOT NULL              -- of the sealed key file, as it is now
) STRICT;

CREATE INDEX archives_newest ON archives (verified_at DESC, id DESC);
CREATE INDEX archives_newest_of_stream ON archives (stream, verified_at DESC, id DESC);
CREATE INDEX archives_in_holding ON archives (holding, verified_at DESC, id DESC);
CREATE INDEX archives_of_stream_in_holding ON archives (stream, holding, verified_at DESC, id DESC);
CREATE INDEX archives_sums ON archives (holding, size, sealed_size, records);
CREATE INDEX archives_of_stream ON archives (stream, window_start, window_end, holding);
CREATE UNIQUE INDEX archives_of_job ON archives (job) WHERE holding = 'held';

-- The coverage ledger: which intervals of a stream are proven, empty, open, missing or lost.
CREATE TABLE coverage (
    stream       TEXT NOT NULL,
    window_start TEXT NOT NULL,
    window_end   TEXT NOT NULL,
    cover        TEXT NOT NULL CHECK (cover IN ('proven', 'empty', 'open', 'missing', 'lost')),
    archive      TEXT NOT NULL,
    job          TEXT NOT NULL,
    cause        TEXT NOT NULL,
    PRIMARY KEY (stream, window_start, window_end)
) STRICT, WITHOUT ROWID;

CREATE INDEX coverage_by_cover ON coverage (stream, cover);

-- The evidence log before it reaches its file: the line column holds the exact bytes of the line.
CREATE TABLE entries (
    seq     INTEGER PRIMARY KEY,
    at      TEXT NOT NULL,
    kind    TEXT NOT NULL,
    job     TEXT NOT NULL,
    archive TEXT NOT NULL,
    stream  TEXT NOT NULL,
    line    BLOB NOT NULL,
    words   TEXT NOT NULL                   -- for people: what a provider said; never part of the line
) STRICT;

CREATE INDEX entries_of_job ON entries (job, seq) WHERE job <> '';
CREATE INDEX entries_of_archive ON entries (archive, seq) WHERE archive <> '';

-- What is known of each source besides its configuration.
CREATE TABLE sources (
    name          TEXT PRIMARY KEY,
    paused        TEXT NOT NULL,            -- why, or empty
    surveyed_at   TEXT,
    refused_until TEXT,
    clock_skew    REAL                      -- seconds, the provider's clock minus ours
) STRICT;

-- Every create that may have reached a provider, and every export seen on its list: the memory of the quotas.
CREATE TABLE asks (
    source TEXT NOT NULL,
    at     TEXT NOT NULL,
    job    TEXT NOT NULL,
    PRIMARY KEY (source, at, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen_exports (
    source     TEXT NOT NULL,
    ref        TEXT NOT NULL,
    created_at TEXT,
    running    INTEGER NOT NULL,
    seen_at    TEXT NOT NULL,
    PRIMARY KEY (source, ref)
) STRICT, WITHOUT ROWID;

-- Live progress of a transfer; of no worth after a restart.
CREATE TABLE progress (
    job     TEXT PRIMARY KEY,
    stage   TEXT NOT NULL,
    done    INTEGER NOT NULL,
    total   INTEGER,
    at      TEXT NOT NULL
) STRICT;
