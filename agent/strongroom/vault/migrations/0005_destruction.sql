-- Proposals, approvals, destructions and erasures.

-- A plan to destroy archives. Its numbers are fixed when it is made.
CREATE TABLE proposals (
    id          TEXT PRIMARY KEY,
    at          TEXT NOT NULL,
    uid         INTEGER NOT NULL,           -- -1: the program
    name        TEXT NOT NULL,
    login       INTEGER,                    -- who logged in, by the kernel's audit
    sudo        INTEGER,                    -- who called sudo, by the environment
    ground      TEXT NOT NULL CHECK (ground IN ('retention', 'erasure')),
    reason      TEXT NOT NULL,
    people      INTEGER NOT NULL,
    cooling_off REAL NOT NULL,              -- seconds
    plan_sha256 TEXT NOT NULL,
    erasure     TEXT NOT NULL,
    overrides   INTEGER NOT NULL
) STRICT;

CREATE TABLE approvals (
    proposal    TEXT NOT NULL REFERENCES proposals (id),
    at          TEXT NOT NULL,
    uid         INTEGER NOT NULL,
    name        TEXT NOT NULL,
    login       INTEGER,                    -- who logged in, by the kernel's audit
    sudo        INTEGER,                    -- who called sudo, by the environment
    plan_sha256 TEXT NOT NULL,
    note        TEXT NOT NULL,              -- signed, where the person has a key
    signer      TEXT NOT NULL,
    PRIMARY KEY (proposal, uid, at)
) STRICT, WITHOUT ROWID;

-- One archive on one proposal.
CREATE TABLE condemned (
    archive    TEXT NOT NULL,
    proposal   TEXT NOT NULL REFERENCES proposals (id),
    stage      TEXT NOT NULL
               CHECK (stage IN ('proposed', 'approved', 'destroying', 'destroyed', 'withdrawn', 'spared')),
    changed_at TEXT NOT NULL,
    rule       TEXT NOT NULL,
    citation   TEXT NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (proposal, archive)
) STRICT, WITHOUT ROWID;

-- An archive is on one plan at a time, and is destroyed once.
CREATE UNIQUE INDEX condemned_live ON condemned (archive) WHERE stage IN ('proposed', 'approved', 'destroying');
CREATE UNIQUE INDEX condemned_destroyed ON condemned (archive) WHERE stage = 'destroyed';
CREATE INDEX condemned_in_stage ON condemned (stage, proposal) WHERE stage IN ('proposed', 'approved', 'destroying');

-- What is left of a destroyed archive: the text of the tombstone that stands in its manifest's place.
CREATE TABLE tombstones (
    archive            TEXT PRIMARY KEY,
    stream             TEXT NOT NULL,
    window_start       TEXT NOT NULL,
    window_end         TEXT NOT NULL,
    destroyed_at       TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL,
    tombstone          TEXT NOT NULL
) STRICT;

CREATE INDEX tombstones_in_time ON tombstones (window_end);
CREATE INDEX tombstones_newest ON tombstones (destroyed_at DESC, archive DESC);

CREATE INDEX entries_destroyed ON entries (archive) WHERE kind = 'archive.destroyed';

-- Requests of single persons to be erased. `subject` and `salt` are emptied when a request ends.
CREATE TABLE erasures (
    id           TEXT PRIMARY KEY,
    at           TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('open', 'deferred', 'done', 'refused')),
    ground       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    salt         TEXT NOT NULL,
    subject_hash TEXT NOT NULL,
    archives     TEXT NOT NULL,             -- JSON array of ids
    overrides    INTEGER NOT NULL,
    answered_at  TEXT,
    answer       TEXT NOT NULL
) STRICT;

-- A window whose archive was destroyed is neither proven nor missing, and is never fetched again.
CREATE TABLE coverage_now (
    stream       TEXT NOT NULL,
    window_start TEXT NOT NULL,
    window_end   TEXT NOT NULL,
    cover        TEXT NOT NULL CHECK (cover IN ('proven', 'empty', 'open', 'missing', 'lost', 'destroyed')),
    archive      TEXT NOT NULL,
    job          TEXT NOT NULL,
    cause        TEXT NOT NULL,
    PRIMARY KEY (stream, window_start, window_end)
) STRICT, WITHOUT ROWID;
INSERT INTO coverage_now SELECT stream, window_start, window_end, cover, archive, job, cause FROM coverage;
DROP TABLE coverage;
ALTER TABLE coverage_now RENAME TO coverage;
CREATE INDEX coverage_by_cover ON coverage (stream, cover);
