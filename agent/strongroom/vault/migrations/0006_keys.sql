-- Recipients, rotations, drills and scrubs.

-- Keys. Every public key that the vault was ever sealed to.
CREATE TABLE recipients (
    key        TEXT PRIMARY KEY,
    label      TEXT NOT NULL,               -- a person's word for it, or empty
    since      TEXT NOT NULL,               -- when the vault first heard that it may open new archives
    proven_at  TEXT,                        -- when somebody last showed that its private half is there
    retired_at TEXT,                        -- null: it is in the set now
    reason     TEXT NOT NULL                -- why it was retired, or empty
) STRICT, WITHOUT ROWID;

-- Whom a key file was sealed to when it was last sealed anew; of all others the manifest tells.
CREATE TABLE resealed (
    archive    TEXT PRIMARY KEY,
    recipients TEXT NOT NULL,               -- JSON array, sorted
    at         TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A key file that is about to take another's place: written before the rename, gone with the commit after it.
CREATE TABLE key_swaps (
    archive    TEXT PRIMARY KEY,
    before     TEXT NOT NULL,               -- SHA-256 of the file whose place is taken
    after      TEXT NOT NULL,               -- SHA-256 of the file that takes it
    expected   TEXT NOT NULL,               -- SHA-256 that the catalogue had: other than `before` after a damage
    recipients TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE drills (
    at        TEXT NOT NULL,
    recipient TEXT NOT NULL,
    archive   TEXT NOT NULL,
    passed    INTEGER NOT NULL,
    PRIMARY KEY (recipient, at)
) STRICT, WITHOUT ROWID;
-- End of keys.

-- Scrubs. Each walk through the vault that read every byte, or is about to.
CREATE TABLE scrubs (
    number   INTEGER PRIMARY KEY,
    began_at TEXT NOT NULL,
    total    INTEGER NOT NULL,              -- what is to be read: bytes, and a fixed amount for each archive
    done     INTEGER NOT NULL,
    archives INTEGER NOT NULL,              -- checked so far
    cursor   TEXT NOT NULL,                 -- the last archive that was checked
    ended_at TEXT
) STRICT;

-- What a scrub found. It stands until a later one finds the archive sound, or a person has acted on it.
CREATE TABLE scrub_findings (
    archive    TEXT NOT NULL,               -- empty: the evidence log
    file       TEXT NOT NULL,
    code       TEXT NOT NULL,
    message    TEXT NOT NULL,               -- expected and got
    found_at   TEXT NOT NULL,
    cleared_at TEXT,
    settled_at TEXT,
    PRIMARY KEY (archive, file, code)
) STRICT, WITHOUT ROWID;
-- End of scrubs.
