-- Erasing a person: the acts, and keyed hashes by which an erased id is known again without being kept.

-- One row an act. It names nobody: who asked for it, when, and how much it was.
CREATE TABLE erasure (
    id INTEGER NOT NULL PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    kind TEXT NOT NULL,
    items INTEGER NOT NULL,
    owners INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    author TEXT,
    erased_at INTEGER NOT NULL
) STRICT;
INSERT INTO id_seq (name, next) VALUES ('erasure', 1);
-- Random, made at a workspace's first erasure.
CREATE TABLE erase_key (
    workspace_id INTEGER NOT NULL PRIMARY KEY REFERENCES workspace (id),
    key BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- hash: BLAKE2b-256 of what was erased under that key.
CREATE TABLE erased (
    workspace_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    erasure_id INTEGER NOT NULL REFERENCES erasure (id),
    PRIMARY KEY (workspace_id, hash)
) STRICT, WITHOUT ROWID;
ALTER TABLE entity ADD COLUMN erased_at INTEGER;
ALTER TABLE owner ADD COLUMN erased_at INTEGER;
ALTER TABLE connection ADD COLUMN erased_at INTEGER;

CREATE TRIGGER erasure_insert BEFORE INSERT ON erasure WHEN EXISTS (SELECT 1 FROM erasure x WHERE x.id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of erasures is append-only'); END;
CREATE TRIGGER erasure_update BEFORE UPDATE ON erasure BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of erasures is append-only'); END;
CREATE TRIGGER erasure_delete BEFORE DELETE ON erasure BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of erasures is append-only'); END;
CREATE TRIGGER erased_update BEFORE UPDATE ON erased BEGIN SELECT RAISE(ABORT, 'nilo closed: what was erased stays erased'); END;
CREATE TRIGGER erased_delete BEFORE DELETE ON erased BEGIN SELECT RAISE(ABORT, 'nilo closed: what was erased stays erased'); END;
CREATE TRIGGER erase_key_update BEFORE UPDATE ON erase_key BEGIN SELECT RAISE(ABORT, 'nilo closed: what was erased stays erased'); END;
CREATE TRIGGER erase_key_delete BEFORE DELETE ON erase_key BEGIN SELECT RAISE(ABORT, 'nilo closed: what was erased stays erased'); END;
CREATE TRIGGER entity_erased BEFORE UPDATE ON entity
WHEN OLD.erased_at IS NOT NULL AND (NEW.erased_at IS NOT OLD.erased_at OR NEW.external_id <> OLD.external_id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: what was erased stays erased'); END;

-- The one change that a closed day takes: the metadata of an erased item goes.
DROP TRIGGER observation_update;
CREATE TRIGGER observation_update BEFORE UPDATE ON observation
WHEN NOT (NEW.meta IS NULL AND EXISTS (SELECT 1 FROM entity e WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND e.erased_at IS NOT NULL)
    AND NEW.bucket IS OLD.bucket AND NEW.entity_id IS OLD.entity_id AND NEW.win IS OLD.win
         AND NEW.captured_at IS OLD.captured_at AND NEW.metric_id IS OLD.metric_id AND NEW.run_id IS OLD.run_id
         AND NEW.day IS OLD.day AND NEW.source_day IS OLD.source_day AND NEW.value IS OLD.value AND NEW.absence IS OLD.absence
         AND NEW.provenance IS OLD.provenance AND NEW.rank IS OLD.rank AND NEW.recorded_at IS OLD.recorded_at)
BEGIN SELECT RAISE(ABORT, 'nilo closed: observations are append-only'); END;
DROP TRIGGER day_value_update;
CREATE TRIGGER day_value_update BEFORE UPDATE ON day_value
WHEN (OLD.seq <> 0 OR NEW.seq <> 0 OR COALESCE((SELECT c.closed_until FROM entity e JOIN connection c ON c.id = e.connection_id
        WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id), 2147483647) >= OLD.day
    OR ((NEW.bucket <> OLD.bucket OR NEW.entity_id <> OLD.entity_id OR NEW.day <> OLD.day)
        AND COALESCE((SELECT c.closed_until FROM entity e JOIN connection c ON c.id = e.connection_id
            WHERE e.bucket = NEW.bucket AND e.id = NEW.entity_id), 2147483647) >= NEW.day))
    AND NOT (NEW.meta IS NULL AND EXISTS (SELECT 1 FROM entity e WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND e.erased_at IS NOT NULL)
    AND NEW.bucket IS OLD.bucket AND NEW.entity_id IS OLD.entity_id AND NEW.win IS OLD.win AND NEW.day IS OLD.day
         AND NEW.metric_id IS OLD.metric_id AND NEW.seq IS OLD.seq AND NEW.value IS OLD.value AND NEW.absence IS OLD.absence
         AND NEW.provenance IS OLD.provenance AND NEW.rank IS OLD.rank AND NEW.cause IS OLD.cause AND NEW.run_id IS OLD.run_id
         AND NEW.captured_at IS OLD.captured_at AND NEW.source_day IS OLD.source_day AND NEW.recorded_at IS OLD.recorded_at
         AND NEW.author IS OLD.author)
BEGIN SELECT RAISE(ABORT, 'nilo closed: this day is closed, its base never changes; record an amendment (revise) instead'); END;
