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
