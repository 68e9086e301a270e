-- The rows store, first version (PostgreSQL; the other engine's file has the same tables).
-- Days are days since 1970-01-01, instants microseconds UTC, values integers times 10^-scale of their metric; the numbers of
-- enumerations are model/model.h's. Every big table carries bucket (0-1023) first in its key.

CREATE TABLE meta (key text NOT NULL PRIMARY KEY, value text NOT NULL);

CREATE TABLE id_seq (name text NOT NULL PRIMARY KEY, next bigint NOT NULL);
INSERT INTO id_seq (name, next) VALUES ('workspace', 1), ('connection', 1), ('metric', 1), ('owner', 1), ('entity', 1), ('credit', 1), ('run', 1), ('close', 1);

CREATE TABLE workspace (
    id bigint NOT NULL PRIMARY KEY,
    name text NOT NULL UNIQUE,
    origin text NOT NULL DEFAULT 'db',
    created_at bigint NOT NULL
);

-- Zone eras: days from from_day on are days of that zone.
CREATE TABLE workspace_zone (
    workspace_id bigint NOT NULL REFERENCES workspace (id),
    from_day integer NOT NULL,
    zone text NOT NULL,
    recorded_at bigint NOT NULL,
    PRIMARY KEY (workspace_id, from_day)
);

-- closed_until only rises: a trigger sees to it. read_until: the last day of which a run has read the source after the day's end.
CREATE TABLE connection (
    id bigint NOT NULL PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace (id),
    name text NOT NULL,
    platform text NOT NULL,
    role text NOT NULL DEFAULT 'own',
    status text NOT NULL DEFAULT 'connected',
    origin text NOT NULL DEFAULT 'db',
    closed_until integer NOT NULL DEFAULT -2147483648,
    read_until integer NOT NULL DEFAULT -2147483648,
    settle_s bigint,
    created_at bigint NOT NULL,
    UNIQUE (workspace_id, name)
);

CREATE TABLE metric (
    id integer NOT NULL PRIMARY KEY,
    name text NOT NULL,
    type smallint NOT NULL,
    kind smallint NOT NULL,
    aggregation smallint NOT NULL,
    scale smallint NOT NULL,
    best_rule smallint NOT NULL DEFAULT 0,
    wide smallint NOT NULL,
    builtin smallint NOT NULL DEFAULT 0,
    is_active smallint NOT NULL DEFAULT 1,
    currency text,
    unit text,
    display_name text,
    description text,
    format_pattern text,
    created_at bigint NOT NULL,
    UNIQUE (name, type)
);

CREATE TABLE owner (
    id bigint NOT NULL PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace (id),
    bucket smallint NOT NULL,
    key text NOT NULL,
    display_name text,
    created_at bigint NOT NULL,
    UNIQUE (workspace_id, key)
);

-- What a metric belongs to. key128 stands for it in the log of roots; salt makes the commitment to its external id.
CREATE TABLE entity (
    bucket smallint NOT NULL,
    id bigint NOT NULL,
    workspace_id bigint NOT NULL,
    connection_id bigint NOT NULL,
    kind smallint NOT NULL,
    external_id text NOT NULL,
    key128 bytea NOT NULL,
    salt bytea NOT NULL,
    first_seen_at bigint NOT NULL,
    PRIMARY KEY (bucket, id),
    UNIQUE (bucket, workspace_id, connection_id, kind, external_id)
);
CREATE INDEX entity_connection ON entity (connection_id, kind);
CREATE INDEX entity_external ON entity (workspace_id, external_id);

CREATE TABLE content (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    title text,
    url text,
    posted_at bigint,
    media_type text,
    caption text,
    duration_ms bigint,
    thumbnail text,
    tags text,
    status text,
    deleted_at bigint,
    attrs_at bigint NOT NULL,
    PRIMARY KEY (bucket, entity_id)
);

-- Append-only: a credit that ends gets ended_at, so that totals can be asked as they were known at a time.
CREATE TABLE credit (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    id bigint NOT NULL,
    workspace_id bigint NOT NULL,
    owner_id bigint NOT NULL,
    role text NOT NULL DEFAULT 'owner',
    from_day integer NOT NULL DEFAULT -2147483648,
    to_day integer NOT NULL DEFAULT 2147483647,
    recorded_at bigint NOT NULL,
    ended_at bigint,
    PRIMARY KEY (bucket, entity_id, id)
);
CREATE INDEX credit_owner ON credit (owner_id);

CREATE TABLE run (
    id bigint NOT NULL PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspace (id),
    connection_id bigint NOT NULL REFERENCES connection (id),
    kind smallint NOT NULL,
    status smallint NOT NULL,
    provenance smallint NOT NULL,
    revise smallint NOT NULL DEFAULT 0,
    slot text,
    target_day integer,
    started_at bigint NOT NULL,
    ended_at bigint,
    duration_ms bigint,
    first_day integer,
    last_day integer,
    items bigint NOT NULL DEFAULT 0,
    readings bigint NOT NULL DEFAULT 0,
    values_recorded bigint NOT NULL DEFAULT 0,
    values_replaced bigint NOT NULL DEFAULT 0,
    values_kept bigint NOT NULL DEFAULT 0,
    values_unchanged bigint NOT NULL DEFAULT 0,
    values_merged bigint NOT NULL DEFAULT 0,
    values_late bigint NOT NULL DEFAULT 0,
    values_amended bigint NOT NULL DEFAULT 0,
    values_refused bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    metrics_collected integer NOT NULL DEFAULT 0,
    days_closed integer NOT NULL DEFAULT 0,
    compared bigint NOT NULL DEFAULT 0,
    fell bigint NOT NULL DEFAULT 0,
    jumped bigint NOT NULL DEFAULT 0,
    vanished bigint NOT NULL DEFAULT 0,
    error text,
    details text,
    version text NOT NULL
);
CREATE INDEX run_connection ON run (connection_id, id);
-- What every run asks at its beginning and end, however long the log.
CREATE INDEX run_open ON run (connection_id) WHERE status IN (0, 5);
CREATE INDEX run_slot ON run (connection_id, slot) WHERE slot IS NOT NULL;
CREATE INDEX run_started ON run (started_at);
CREATE INDEX run_ended ON run (ended_at);

CREATE TABLE run_failure (
    run_id bigint NOT NULL REFERENCES run (id),
    n integer NOT NULL,
    external_id text,
    class text NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (run_id, n)
);

-- Every reading, for good. Never updated or deleted; the values of runs that do not count are left out when days are derived.
CREATE TABLE observation (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    win integer NOT NULL,
    captured_at bigint NOT NULL,
    metric_id integer NOT NULL,
    run_id bigint NOT NULL,
    day integer NOT NULL,
    source_day integer,
    value bigint,
    absence smallint NOT NULL,
    provenance smallint NOT NULL,
    rank smallint NOT NULL,
    recorded_at bigint NOT NULL,
    meta text,
    PRIMARY KEY (bucket, entity_id, win, day, captured_at, metric_id, run_id)
);

-- The record. seq 0 is the base, replaceable only while its day is open; seq > 0 are amendments. Shown is the greatest seq.
CREATE TABLE day_value (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    win integer NOT NULL,
    day integer NOT NULL,
    metric_id integer NOT NULL,
    seq integer NOT NULL,
    value bigint,
    absence smallint NOT NULL,
    provenance smallint NOT NULL,
    rank smallint NOT NULL,
    cause smallint NOT NULL,
    run_id bigint NOT NULL,
    captured_at bigint NOT NULL,
    source_day integer,
    recorded_at bigint NOT NULL,
    author text,
    meta text,
    PRIMARY KEY (bucket, entity_id, win, day, metric_id, seq)
);
-- Few rows: what was amended, for revisions and for the shown value.
CREATE INDEX day_value_amended ON day_value (bucket, entity_id, win, metric_id, day) WHERE seq > 0;

-- Derived, all of it: rebuild makes the same bits again.
-- known: the newest value of a metric; latest: the newest day read, and the first.
CREATE TABLE known (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    win integer NOT NULL,
    metric_id integer NOT NULL,
    day integer NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (bucket, entity_id, win, metric_id)
);
CREATE TABLE latest (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    win integer NOT NULL,
    first_day integer NOT NULL,
    day integer NOT NULL,
    PRIMARY KEY (bucket, entity_id, win)
);
CREATE TABLE best (
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
-- Sums as changes by day: the level on day D is the sum over all days <= D; a flow is its day's own row. hi and lo are the
-- two halves of 64-bit values summed apart, so that any order gives the same bits and 128 bits fit. scope_kind: 0 workspace, 1 connection,
-- 2 owner; metric 0 counts items (known = items that begin, fresh = items read).
CREATE TABLE total (
    bucket smallint NOT NULL,
    scope_kind smallint NOT NULL,
    scope_id bigint NOT NULL,
    win integer NOT NULL,
    metric_id integer NOT NULL,
    day integer NOT NULL,
    hi bigint NOT NULL,
    lo bigint NOT NULL,
    known bigint NOT NULL,
    fresh bigint NOT NULL,
    PRIMARY KEY (bucket, scope_kind, scope_id, win, metric_id, day)
);

-- Closing is a recorded act: one row for each (connection, day), in order of n.
CREATE TABLE day_close (
    connection_id bigint NOT NULL REFERENCES connection (id),
    day integer NOT NULL,
    n bigint NOT NULL,
    status text NOT NULL,
    values_n bigint NOT NULL,
    run_id bigint,
    closed_at bigint NOT NULL,
    PRIMARY KEY (connection_id, day)
);

-- A closed day never changes. The days of an item that is not there are closed.
CREATE FUNCTION nilo_day_value_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM new_rows n LEFT JOIN entity e ON e.bucket = n.bucket AND e.id = n.entity_id
            LEFT JOIN connection c ON c.id = e.connection_id WHERE n.seq <= 0 AND (c.id IS NULL OR c.closed_until >= n.day)) THEN
        RAISE EXCEPTION 'nilo closed: this day is closed, its base never changes; record an amendment (revise) instead';
    END IF;
    IF EXISTS (SELECT 1 FROM new_rows n LEFT JOIN entity e ON e.bucket = n.bucket AND e.id = n.entity_id
            LEFT JOIN connection c ON c.id = e.connection_id WHERE n.seq > 0 AND (c.id IS NULL OR c.closed_until < n.day)) THEN
        RAISE EXCEPTION 'nilo closed: this day is open, it takes a base and no amendment';
    END IF;
    IF EXISTS (SELECT 1 FROM new_rows n JOIN day_value v ON v.bucket = n.bucket AND v.entity_id = n.entity_id AND v.win = n.win
            AND v.day = n.day AND v.metric_id = n.metric_id WHERE n.seq > 0 AND v.seq > n.seq
            AND NOT EXISTS (SELECT 1 FROM new_rows m WHERE m.bucket = v.bucket AND m.entity_id = v.entity_id AND m.win = v.win
                AND m.day = v.day AND m.metric_id = v.metric_id AND m.seq = v.seq)) THEN
        RAISE EXCEPTION 'nilo closed: amendments are append-only; add the next seq instead';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER day_value_insert AFTER INSERT ON day_value REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION nilo_day_value_insert();
CREATE FUNCTION nilo_day_value_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM old_rows o LEFT JOIN entity e ON e.bucket = o.bucket AND e.id = o.entity_id
            LEFT JOIN connection c ON c.id = e.connection_id WHERE o.seq <> 0 OR c.id IS NULL OR c.closed_until >= o.day)
       OR EXISTS (SELECT 1 FROM new_rows n LEFT JOIN entity e ON e.bucket = n.bucket AND e.id = n.entity_id
            LEFT JOIN connection c ON c.id = e.connection_id WHERE n.seq <> 0 OR c.id IS NULL OR c.closed_until >= n.day) THEN
        RAISE EXCEPTION 'nilo closed: this day is closed, its base never changes; record an amendment (revise) instead';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER day_value_update AFTER UPDATE ON day_value REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION nilo_day_value_update();
CREATE FUNCTION nilo_day_value_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM old_rows o LEFT JOIN entity e ON e.bucket = o.bucket AND e.id = o.entity_id
            LEFT JOIN connection c ON c.id = e.connection_id WHERE o.seq <> 0 OR c.id IS NULL OR c.closed_until >= o.day) THEN
        RAISE EXCEPTION 'nilo closed: this day is closed, nothing of it is deleted';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER day_value_delete AFTER DELETE ON day_value REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION nilo_day_value_delete();

CREATE FUNCTION nilo_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'nilo closed: % is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER day_value_truncate BEFORE TRUNCATE ON day_value FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER observation_truncate BEFORE TRUNCATE ON observation FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER day_close_truncate BEFORE TRUNCATE ON day_close FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER observation_change BEFORE UPDATE OR DELETE ON observation FOR EACH ROW EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER day_close_change BEFORE UPDATE OR DELETE ON day_close FOR EACH ROW EXECUTE FUNCTION nilo_append_only();

CREATE FUNCTION nilo_connection_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.closed_until > -2147483648 THEN
            RAISE EXCEPTION 'nilo closed: this connection has closed days; disable it instead';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.closed_until < OLD.closed_until OR NEW.id <> OLD.id OR NEW.workspace_id <> OLD.workspace_id THEN
        RAISE EXCEPTION 'nilo closed: closed_until only rises';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER connection_guard BEFORE UPDATE OR DELETE ON connection FOR EACH ROW EXECUTE FUNCTION nilo_connection_guard();
CREATE FUNCTION nilo_entity_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT 1 FROM day_value v WHERE v.bucket = OLD.bucket AND v.entity_id = OLD.id) THEN
            RAISE EXCEPTION 'nilo closed: this item has recorded days; they stay';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.bucket <> OLD.bucket OR NEW.id <> OLD.id OR NEW.connection_id <> OLD.connection_id OR NEW.workspace_id <> OLD.workspace_id THEN
        RAISE EXCEPTION 'nilo closed: an item never moves to another connection';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER entity_guard BEFORE UPDATE OR DELETE ON entity FOR EACH ROW EXECUTE FUNCTION nilo_entity_guard();
CREATE TRIGGER connection_truncate BEFORE TRUNCATE ON connection FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER entity_truncate BEFORE TRUNCATE ON entity FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();

-- What values mean is fixed with them: a metric's scale or a day's zone changed afterwards would change every number told.
CREATE FUNCTION nilo_metric_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'nilo closed: a metric is never deleted; set is_active to 0';
    END IF;
    IF NEW.id <> OLD.id OR NEW.name <> OLD.name OR NEW.type <> OLD.type OR NEW.kind <> OLD.kind OR NEW.aggregation <> OLD.aggregation
        OR NEW.scale <> OLD.scale OR NEW.best_rule <> OLD.best_rule THEN
        RAISE EXCEPTION 'nilo closed: name, type, kind, aggregation and scale of a metric are fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER metric_guard BEFORE UPDATE OR DELETE ON metric FOR EACH ROW EXECUTE FUNCTION nilo_metric_guard();
CREATE TRIGGER run_delete BEFORE DELETE ON run FOR EACH ROW EXECUTE FUNCTION nilo_append_only();
CREATE FUNCTION nilo_workspace_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM connection c WHERE c.workspace_id = OLD.id) THEN
        RAISE EXCEPTION 'nilo closed: this workspace has connections; they and their history stay';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER workspace_delete BEFORE DELETE ON workspace FOR EACH ROW EXECUTE FUNCTION nilo_workspace_guard();
CREATE FUNCTION nilo_zone_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_OP <> 'INSERT' AND EXISTS (SELECT 1 FROM connection c WHERE c.workspace_id = OLD.workspace_id AND c.closed_until >= OLD.from_day))
        OR (TG_OP <> 'DELETE' AND EXISTS (SELECT 1 FROM connection c WHERE c.workspace_id = NEW.workspace_id AND c.closed_until >= NEW.from_day))
    THEN
        RAISE EXCEPTION 'nilo closed: days of this zone are closed; a new zone begins on a later day';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER workspace_zone_guard BEFORE INSERT OR UPDATE OR DELETE ON workspace_zone FOR EACH ROW EXECUTE FUNCTION nilo_zone_guard();
CREATE TRIGGER metric_truncate BEFORE TRUNCATE ON metric FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER run_truncate BEFORE TRUNCATE ON run FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER workspace_truncate BEFORE TRUNCATE ON workspace FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
CREATE TRIGGER workspace_zone_truncate BEFORE TRUNCATE ON workspace_zone FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
