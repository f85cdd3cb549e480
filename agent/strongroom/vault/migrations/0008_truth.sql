-- What is waited for.

-- Why the provider is not to be asked before `refused_until`: a code of a job's cause, and words for a person.
ALTER TABLE sources ADD COLUMN refused_cause TEXT NOT NULL DEFAULT '';
ALTER TABLE sources ADD COLUMN refused_words TEXT NOT NULL DEFAULT '';

-- What a job waits for that is not its own last trouble: a quota, the disk, a paused source. Any move empties it.
ALTER TABLE jobs ADD COLUMN wait_cause TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN wait_words TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN wait_until TEXT;
-- End of what is waited for.

-- What an archive covers, whatever the stream is called by now.
CREATE INDEX coverage_of_archive ON coverage (archive) WHERE archive <> '';

-- Whether a person acted in a user namespace, where user numbers prove nothing.
ALTER TABLE proposals ADD COLUMN mapped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE approvals ADD COLUMN mapped INTEGER NOT NULL DEFAULT 0;

-- The set of recipients in force is read from the log.
CREATE INDEX entries_of_sets ON entries (seq) WHERE kind IN ('vault.created', 'recipients.changed');

-- A second look at an empty window stands beside the job that covers it, as a re-export does.
DROP INDEX jobs_live;
CREATE UNIQUE INDEX jobs_live ON jobs (stream, window_start, window_end)
    WHERE purpose NOT IN ('regenerate', 'settled', 'second-look')
        AND state NOT IN ('archived', 'replaced', 'failed', 'cancelled');

-- What was said of empty windows is read from the log.
CREATE INDEX entries_of_empty ON entries (seq)
    WHERE kind IN ('empty.doubted', 'empty.confirmed', 'empty.refuted', 'empty.unconfirmed');

-- Who may approve, how many it takes, and the retention classes are read from the log.
CREATE INDEX entries_of_policy ON entries (seq) WHERE kind IN ('vault.locked', 'retention.changed');
CREATE INDEX entries_of_rules ON entries (seq) WHERE kind = 'destruction.rules-changed';

-- Which names a stream or a source has had is read from the log.
CREATE INDEX entries_of_renames ON entries (seq) WHERE kind IN ('stream.renamed', 'source.renamed');

-- A destruction that has not ended is looked for before each batch, and each minute.
CREATE INDEX tombstones_unfinished ON tombstones (archive) WHERE certificate_sha256 = '';

-- What is shown as a total is kept beside the rows by triggers, so that showing it takes as long for a million as for one.
CREATE TABLE archive_sums (
    holding     TEXT PRIMARY KEY,
    count       INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    sealed_size INTEGER NOT NULL,
    records     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO archive_sums
    SELECT holding, count(*), sum(size), sum(sealed_size), sum(records) FROM archives GROUP BY holding;
CREATE TRIGGER archive_sums_insert AFTER INSERT ON archives BEGIN
    INSERT INTO archive_sums VALUES (new.holding, 1, new.size, new.sealed_size, new.records)
        ON CONFLICT (holding) DO UPDATE SET count = count + 1, size = size + excluded.size,
            sealed_size = sealed_size + excluded.sealed_size, records = records + excluded.records;
END;
CREATE TRIGGER archive_sums_delete AFTER DELETE ON archives BEGIN
    UPDATE archive_sums SET count = count - 1, size = size - old.size, sealed_size = sealed_size - old.sealed_size,
        records = records - old.records WHERE holding = old.holding;
END;
CREATE TRIGGER archive_sums_update AFTER UPDATE OF holding, size, sealed_size, records ON archives BEGIN
    UPDATE archive_sums SET count = count - 1, size = size - old.size, sealed_size = sealed_size - old.sealed_size,
        records = records - old.records WHERE holding = old.holding;
    INSERT INTO archive_sums VALUES (new.holding, 1, new.size, new.sealed_size, new.records)
        ON CONFLICT (holding) DO UPDATE SET count = count + 1, size = size + excluded.size,
            sealed_size = sealed_size + excluded.sealed_size, records = records + excluded.records;
END;

CREATE TABLE coverage_sums (
    stream TEXT NOT NULL,
    cover  TEXT NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (stream, cover)
) STRICT, WITHOUT ROWID;
INSERT INTO coverage_sums SELECT stream, cover, count(*) FROM coverage GROUP BY stream, cover;
CREATE TRIGGER coverage_sums_insert AFTER INSERT ON coverage BEGIN
    INSERT INTO coverage_sums VALUES (new.stream, new.cover, 1)
        ON CONFLICT (stream, cover) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER coverage_sums_delete AFTER DELETE ON coverage BEGIN
    UPDATE coverage_sums SET count = count - 1 WHERE stream = old.stream AND cover = old.cover;
END;
CREATE TRIGGER coverage_sums_update AFTER UPDATE OF stream, cover ON coverage BEGIN
    UPDATE coverage_sums SET count = count - 1 WHERE stream = old.stream AND cover = old.cover;
    INSERT INTO coverage_sums VALUES (new.stream, new.cover, 1)
        ON CONFLICT (stream, cover) DO UPDATE SET count = count + 1;
END;

CREATE TABLE job_sums (
    state TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO job_sums SELECT state, count(*) FROM jobs GROUP BY state;
CREATE TRIGGER job_sums_insert AFTER INSERT ON jobs BEGIN
    INSERT INTO job_sums VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER job_sums_delete AFTER DELETE ON jobs BEGIN
    UPDATE job_sums SET count = count - 1 WHERE state = old.state;
END;
CREATE TRIGGER job_sums_update AFTER UPDATE OF state ON jobs BEGIN
    UPDATE job_sums SET count = count - 1 WHERE state = old.state;
    INSERT INTO job_sums VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET count = count + 1;
END;

-- How far each copy of the vault has come, and what was found wrong in it.
CREATE TABLE copies (
    name              TEXT PRIMARY KEY,
    entries           INTEGER NOT NULL,
    complete_at       TEXT,
    tries             INTEGER NOT NULL,
    next_at           TEXT,
    failure           TEXT NOT NULL,
    began_at          TEXT,
    cursor            TEXT NOT NULL,
    checked           INTEGER NOT NULL,
    scrubbed_at       TEXT,
    rehearsed_at      TEXT,
    rehearsal_at      TEXT,
    rehearsal_problem TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE copy_findings (
    copy     TEXT NOT NULL,
    object   TEXT NOT NULL,
    archive  TEXT NOT NULL,
    code     TEXT NOT NULL,
    message  TEXT NOT NULL,
    found_at TEXT NOT NULL,
    PRIMARY KEY (copy, object)
) STRICT, WITHOUT ROWID;
-- Which copies there are is read from the log.
CREATE INDEX entries_of_copies ON entries (seq) WHERE kind IN ('copy.begun', 'copy.forgotten');

-- The requests of people for their data: alerts are computed from them at every check.
CREATE INDEX entries_of_subjects ON entries (seq) WHERE kind IN ('subject.requested', 'subject.changed');
