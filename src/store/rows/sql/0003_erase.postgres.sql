-- Erasing a person: the acts, and keyed hashes by which an erased id is known again without being kept (the other
-- engine's file has the same tables).

-- One row an act. It names nobody: who asked for it, when, and how much it was.
CREATE TABLE erasure (
    id bigint NOT NULL PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace (id),
    kind text NOT NULL,
    items bigint NOT NULL,
    owners bigint NOT NULL,
    messages bigint NOT NULL,
    author text,
    erased_at bigint NOT NULL
);
INSERT INTO id_seq (name, next) VALUES ('erasure', 1);
-- Random, made at a workspace's first erasure.
CREATE TABLE erase_key (
    workspace_id bigint NOT NULL PRIMARY KEY REFERENCES workspace (id),
    key bytea NOT NULL
);
-- hash: BLAKE2b-256 of what was erased under that key.
CREATE TABLE erased (
    workspace_id bigint NOT NULL,
    hash bytea NOT NULL,
    erasure_id bigint NOT NULL REFERENCES erasure (id),
    PRIMARY KEY (workspace_id, hash)
);
ALTER TABLE entity ADD COLUMN erased_at bigint;
ALTER TABLE owner ADD COLUMN erased_at bigint;
ALTER TABLE connection ADD COLUMN erased_at bigint;

CREATE TRIGGER erasure_change BEFORE UPDATE OR DELETE ON erasure FOR EACH ROW EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER erasure_truncate BEFORE TRUNCATE ON erasure FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER erased_change BEFORE UPDATE OR DELETE ON erased FOR EACH ROW EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER erase_key_change BEFORE UPDATE OR DELETE ON erase_key FOR EACH ROW EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER erase_key_truncate BEFORE TRUNCATE ON erase_key FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER erased_truncate BEFORE TRUNCATE ON erased FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE FUNCTION nilo_entity_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.erased_at IS NOT NULL AND (NEW.erased_at IS DISTINCT FROM OLD.erased_at OR NEW.external_id <> OLD.external_id) THEN
        RAISE EXCEPTION 'nilo closed: what was erased stays erased';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER entity_erased BEFORE UPDATE ON entity FOR EACH ROW EXECUTE FUNCTION nilo_entity_erased();

-- The one change that a closed day takes: the metadata of an erased item goes.
CREATE FUNCTION nilo_observation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.meta IS NULL
        AND (NEW.bucket, NEW.entity_id, NEW.win, NEW.captured_at, NEW.metric_id, NEW.run_id, NEW.day, NEW.source_day, NEW.value, NEW.absence, NEW.provenance, NEW.rank, NEW.recorded_at)
        IS NOT DISTINCT FROM
            (OLD.bucket, OLD.entity_id, OLD.win, OLD.captured_at, OLD.metric_id, OLD.run_id, OLD.day, OLD.source_day, OLD.value, OLD.absence, OLD.provenance, OLD.rank, OLD.recorded_at)
        AND EXISTS (SELECT 1 FROM entity e WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND e.erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'nilo closed: observation is append-only';
END $$;
DROP TRIGGER observation_change ON observation;
CREATE TRIGGER observation_change BEFORE UPDATE OR DELETE ON observation FOR EACH ROW EXECUTE FUNCTION nilo_observation_guard();
CREATE OR REPLACE FUNCTION nilo_day_value_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM old_rows o LEFT JOIN entity e ON e.bucket = o.bucket AND e.id = o.entity_id
            LEFT JOIN connection c ON c.id = e.connection_id WHERE (o.seq <> 0 OR c.id IS NULL OR c.closed_until >= o.day)
            AND NOT (e.erased_at IS NOT NULL AND EXISTS (SELECT 1 FROM new_rows n WHERE n.bucket = o.bucket AND n.entity_id = o.entity_id
                AND n.win = o.win AND n.day = o.day AND n.metric_id = o.metric_id AND n.seq = o.seq AND n.meta IS NULL
                AND (n.value, n.absence, n.provenance, n.rank, n.cause, n.run_id, n.captured_at, n.source_day, n.recorded_at, n.author)
                IS NOT DISTINCT FROM
                    (o.value, o.absence, o.provenance, o.rank, o.cause, o.run_id, o.captured_at, o.source_day, o.recorded_at, o.author))))
       OR EXISTS (SELECT 1 FROM new_rows n LEFT JOIN entity e ON e.bucket = n.bucket AND e.id = n.entity_id
            LEFT JOIN connection c ON c.id = e.connection_id WHERE (n.seq <> 0 OR c.id IS NULL OR c.closed_until >= n.day)
            AND NOT EXISTS (SELECT 1 FROM old_rows o WHERE o.bucket = n.bucket AND o.entity_id = n.entity_id
                AND o.win = n.win AND o.day = n.day AND o.metric_id = n.metric_id AND o.seq = n.seq)) THEN
        RAISE EXCEPTION 'nilo closed: this day is closed, its base never changes; record an amendment (revise) instead';
    END IF;
    RETURN NULL;
END $$;
