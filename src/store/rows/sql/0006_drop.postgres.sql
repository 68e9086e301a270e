-- Dropping: whole old closed days go, and every number derived from them stays
-- (the other engine's file has the same tables).

-- The days of the connection up to this one are gone. What is left of them in day_value is what later days stand on: of each series the
-- newest value, of each item and window the newest day read, and a cell of the first.
ALTER TABLE connection ADD COLUMN dropped_until integer NOT NULL DEFAULT -2147483648;
-- One row an act; n is its place among the closings. While an act is ahead of its connection's dropped_until, which is so within the
-- transaction that drops and never behind it, the triggers below let its days go.
CREATE TABLE day_drop (
    connection_id bigint NOT NULL REFERENCES connection (id),
    until_day integer NOT NULL,
    from_day integer NOT NULL,
    n bigint NOT NULL,
    values_n bigint NOT NULL,
    author text,
    dropped_at bigint NOT NULL,
    PRIMARY KEY (connection_id, until_day)
);
-- What the best of an item was among the readings that went.
CREATE TABLE best_floor (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    metric_id integer NOT NULL,
    value bigint NOT NULL,
    gmv bigint,
    win integer NOT NULL,
    day integer NOT NULL,
    captured_at bigint NOT NULL,
    run_id bigint NOT NULL,
    PRIMARY KEY (bucket, entity_id, metric_id)
);
-- By how much the totals are more than what is left of the dropped days adds to them.
CREATE TABLE carried_total (
    scope_kind smallint NOT NULL,
    scope_id bigint NOT NULL,
    win integer NOT NULL,
    metric_id integer NOT NULL,
    day integer NOT NULL,
    workspace_id bigint NOT NULL REFERENCES workspace (id),
    hi bigint NOT NULL,
    lo bigint NOT NULL,
    known bigint NOT NULL,
    fresh bigint NOT NULL,
    PRIMARY KEY (scope_kind, scope_id, win, metric_id, day)
);

CREATE FUNCTION nilo_day_drop_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.from_day > NEW.until_day
        OR EXISTS (SELECT 1 FROM day_drop d WHERE d.connection_id = NEW.connection_id AND d.until_day >= NEW.from_day)
        OR NOT EXISTS (SELECT 1 FROM connection c WHERE c.id = NEW.connection_id AND c.closed_until >= NEW.until_day
            AND c.dropped_until < NEW.from_day) THEN
        RAISE EXCEPTION 'nilo closed: only closed days are dropped, each once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER day_drop_insert BEFORE INSERT ON day_drop FOR EACH ROW EXECUTE FUNCTION nilo_day_drop_insert();
CREATE TRIGGER day_drop_change BEFORE UPDATE OR DELETE ON day_drop FOR EACH ROW EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER day_drop_truncate BEFORE TRUNCATE ON day_drop FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE FUNCTION nilo_connection_dropped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.dropped_until <> -2147483648 THEN
            RAISE EXCEPTION 'nilo closed: days are dropped by a recorded act';
        END IF;
    ELSIF NEW.dropped_until <> OLD.dropped_until AND (NEW.dropped_until < OLD.dropped_until
        OR NOT EXISTS (SELECT 1 FROM day_drop d WHERE d.connection_id = OLD.id AND d.until_day = NEW.dropped_until)) THEN
        RAISE EXCEPTION 'nilo closed: dropped_until only rises, with a recorded act';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER connection_dropped BEFORE INSERT OR UPDATE ON connection FOR EACH ROW EXECUTE FUNCTION nilo_connection_dropped();

CREATE FUNCTION nilo_dropped_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM day_drop) AND EXISTS (SELECT 1 FROM new_rows n JOIN entity e ON e.bucket = n.bucket AND e.id = n.entity_id
            JOIN connection c ON c.id = e.connection_id WHERE c.dropped_until >= n.day) THEN
        RAISE EXCEPTION 'nilo closed: this day was dropped, it takes no value any more';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER day_value_dropped AFTER INSERT ON day_value REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION nilo_dropped_insert();
CREATE TRIGGER observation_dropped AFTER INSERT ON observation REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION nilo_dropped_insert();

CREATE OR REPLACE FUNCTION nilo_day_value_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM old_rows o LEFT JOIN entity e ON e.bucket = o.bucket AND e.id = o.entity_id
            LEFT JOIN connection c ON c.id = e.connection_id WHERE (o.seq <> 0 OR c.id IS NULL OR c.closed_until >= o.day)
            AND NOT EXISTS (SELECT 1 FROM day_drop d WHERE d.connection_id = c.id AND d.until_day >= o.day AND d.until_day > c.dropped_until)) THEN
        RAISE EXCEPTION 'nilo closed: this day is closed, nothing of it is deleted';
    END IF;
    RETURN NULL;
END $$;
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
        AND EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN day_drop d ON d.connection_id = c.id
            WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND d.until_day >= OLD.day AND d.until_day > c.dropped_until) THEN
        RETURN OLD;
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

CREATE FUNCTION nilo_best_floor_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'nilo closed: only a drop writes best_floor';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN day_drop d ON d.connection_id = c.id
            WHERE e.bucket = NEW.bucket AND e.id = NEW.entity_id AND d.until_day >= NEW.day AND d.until_day > c.dropped_until)
        OR (TG_OP = 'UPDATE' AND (NEW.bucket <> OLD.bucket OR NEW.entity_id <> OLD.entity_id OR NEW.metric_id <> OLD.metric_id)) THEN
        RAISE EXCEPTION 'nilo closed: only a drop writes best_floor';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER best_floor_change BEFORE INSERT OR UPDATE OR DELETE ON best_floor FOR EACH ROW EXECUTE FUNCTION nilo_best_floor_guard();
CREATE TRIGGER best_floor_truncate BEFORE TRUNCATE ON best_floor FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE FUNCTION nilo_carried_total_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.hi <> 0 OR OLD.lo <> 0 OR OLD.known <> 0 OR OLD.fresh <> 0 THEN
            RAISE EXCEPTION 'nilo closed: only a drop writes carried_total';
        END IF;
        RETURN OLD;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM connection c JOIN day_drop d ON d.connection_id = c.id
            WHERE c.workspace_id = NEW.workspace_id AND d.until_day > c.dropped_until)
        OR (TG_OP = 'UPDATE' AND NEW.workspace_id <> OLD.workspace_id) THEN
        RAISE EXCEPTION 'nilo closed: only a drop writes carried_total';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER carried_total_change BEFORE INSERT OR UPDATE OR DELETE ON carried_total FOR EACH ROW EXECUTE FUNCTION nilo_carried_total_guard();
CREATE TRIGGER carried_total_truncate BEFORE TRUNCATE ON carried_total FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
