-- Thinning: which closed days keep the day's values only, and no longer every reading of them
-- (the other engine's file has the same tables).

-- One row an act. It opens the door of the trigger below for the days that it names, and for nothing else.
CREATE TABLE thinning (
    id bigint NOT NULL PRIMARY KEY,
    connection_id bigint NOT NULL REFERENCES connection (id),
    from_day integer NOT NULL,
    until_day integer NOT NULL,
    removed bigint NOT NULL,
    author text,
    thinned_at bigint NOT NULL
);
CREATE INDEX thinning_connection ON thinning (connection_id, until_day);
INSERT INTO id_seq (name, next) VALUES ('thinning', 1);
CREATE TRIGGER thinning_change BEFORE UPDATE OR DELETE ON thinning FOR EACH ROW EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER thinning_truncate BEFORE TRUNCATE ON thinning FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();

-- A reading goes only where a thinning names its closed day, and never one that was pushed or revised, that a day's value or an all-time best
-- came from, or whose run does not count.
CREATE OR REPLACE FUNCTION nilo_observation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.meta IS NULL
        AND (NEW.bucket, NEW.entity_id, NEW.win, NEW.captured_at, NEW.metric_id, NEW.run_id, NEW.day, NEW.source_day, NEW.value, NEW.absence, NEW.provenance, NEW.rank, NEW.recorded_at)
        IS NOT DISTINCT FROM
            (OLD.bucket, OLD.entity_id, OLD.win, OLD.captured_at, OLD.metric_id, OLD.run_id, OLD.day, OLD.source_day, OLD.value, OLD.absence, OLD.provenance, OLD.rank, OLD.recorded_at)
        AND EXISTS (SELECT 1 FROM entity e WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND e.erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE'
        AND EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN thinning t ON t.connection_id = c.id
            WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND c.closed_until >= OLD.day AND OLD.day BETWEEN t.from_day AND t.until_day)
        AND NOT EXISTS (SELECT 1 FROM run r WHERE r.id = OLD.run_id AND (r.kind IN (2, 4) OR r.status IN (0, 5, 6)))
        AND NOT EXISTS (SELECT 1 FROM day_value v WHERE v.bucket = OLD.bucket AND v.entity_id = OLD.entity_id AND v.win = OLD.win
            AND v.day = OLD.day AND v.metric_id = OLD.metric_id AND v.captured_at = OLD.captured_at AND v.run_id = OLD.run_id)
        AND NOT EXISTS (SELECT 1 FROM best b WHERE b.bucket = OLD.bucket AND b.entity_id = OLD.entity_id AND b.metric_id = OLD.metric_id
            AND b.win = OLD.win AND b.day = OLD.day AND b.captured_at = OLD.captured_at AND b.run_id = OLD.run_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'nilo closed: observation is append-only';
END $$;
