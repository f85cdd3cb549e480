-- What people ask of whoever works in the vault. A row waits until somebody does; its answer stays.
CREATE TABLE requests (
    id       TEXT PRIMARY KEY,
    at       TEXT NOT NULL,
    wish     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    by       TEXT NOT NULL,
    done_at  TEXT,
    accepted INTEGER NOT NULL,
    answer   TEXT NOT NULL
) STRICT;

CREATE INDEX requests_waiting ON requests (at) WHERE done_at IS NULL;

-- What is known of a stream besides its plan.
CREATE TABLE streams (
    name   TEXT PRIMARY KEY,
    floor  TEXT,                            -- from where on it must be covered, fixed when the plan was first seen
    since  TEXT,                            -- the start for which `edge` was worked out
    edge   TEXT,                            -- everything from `since` to here is proven, empty or lost
    paused TEXT NOT NULL                    -- who paused it and when, or empty
) STRICT;

-- Alarms that stand, so that each is told once and its end is told too.
CREATE TABLE notices (
    key        TEXT PRIMARY KEY,
    severity   TEXT NOT NULL,
    title      TEXT NOT NULL,
    body       TEXT NOT NULL,
    raised_at  TEXT NOT NULL,
    told_at    TEXT,
    cleared_at TEXT
) STRICT;
