-- All-time bests that an export of values told and that its values do not show: of a day whose value was lowered since, of readings that are not
-- in such a file (the other engine's file has the same table). Candidates of the fold, like readings: a later correction of that
-- cell, and taking the run out, end them. Rows are only added, until their day is dropped.
CREATE TABLE best_import (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    metric_id integer NOT NULL,
    win integer NOT NULL,
    day integer NOT NULL,
    captured_at bigint NOT NULL,
    run_id bigint NOT NULL REFERENCES run (id),
    value bigint NOT NULL,
    gmv bigint,
    PRIMARY KEY (bucket, entity_id, metric_id, win, day, captured_at, run_id)
);
CREATE FUNCTION nilo_best_import_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        AND EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN day_drop d ON d.connection_id = c.id
            WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND d.until_day >= OLD.day AND d.until_day > c.dropped_until) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'nilo closed: best_import is append-only';
END $$;
CREATE TRIGGER best_import_change BEFORE UPDATE OR DELETE ON best_import FOR EACH ROW EXECUTE FUNCTION nilo_best_import_guard();
CREATE TRIGGER best_import_truncate BEFORE TRUNCATE ON best_import FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
