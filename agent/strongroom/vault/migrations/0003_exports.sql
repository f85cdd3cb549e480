-- What providers' lists have shown, and since when.

-- The number of the log's newest entry when an export was first seen: it tells "before" from "after" whatever the clock
-- does. What was on the list before a create was intended is not what the create made.
ALTER TABLE seen_exports ADD COLUMN first_seen INTEGER NOT NULL DEFAULT 0;

-- Exports that are still to be deleted at the provider: their archives are proven, and a person wants it so.
CREATE TABLE deletions (
    source  TEXT NOT NULL,
    ref     TEXT NOT NULL,
    job     TEXT NOT NULL,
    archive TEXT NOT NULL,
    next_at TEXT NOT NULL,
    tries   INTEGER NOT NULL,
    PRIMARY KEY (source, ref)
) STRICT, WITHOUT ROWID;

CREATE INDEX deletions_due ON deletions (next_at);

-- The orders in which a person looks at archives, and the stretch of time that a list is cut to. The holding and the
-- state stand in them so that a row that does not fit is passed over without being fetched.
CREATE INDEX archives_by_window ON archives (window_start DESC, id DESC, holding, window_end);
CREATE INDEX archives_of_stream_by_window ON archives (stream, window_start DESC, id DESC, holding, window_end);
CREATE INDEX archives_by_size ON archives (size DESC, id DESC, holding);
CREATE INDEX archives_of_stream_by_size ON archives (stream, size DESC, id DESC, holding);
CREATE INDEX archives_by_records ON archives (records DESC, id DESC, holding);
CREATE INDEX archives_of_stream_by_records ON archives (stream, records DESC, id DESC, holding);
CREATE INDEX archives_quarantined_by_window ON archives (window_start DESC, id DESC) WHERE holding = 'quarantined';
CREATE INDEX archives_quarantined_by_size ON archives (size DESC, id DESC) WHERE holding = 'quarantined';
CREATE INDEX archives_quarantined_by_records ON archives (records DESC, id DESC) WHERE holding = 'quarantined';
-- The longest window, in days: it tells how far before a stretch of time a window that touches it may begin.
CREATE INDEX archives_by_length ON archives (julianday(window_end) - julianday(window_start) DESC);
CREATE INDEX jobs_by_window ON jobs (window_start DESC, id DESC, state, purpose, window_end);
CREATE INDEX jobs_of_stream_by_window ON jobs (stream, window_start DESC, id DESC, state, purpose, window_end);
CREATE INDEX jobs_by_length ON jobs (julianday(window_end) - julianday(window_start) DESC);
CREATE INDEX jobs_of_purpose ON jobs (purpose, created_at DESC, id DESC, state, stream);
