-- The rows store, first version (SQLite; the other engine's file has the same tables).
-- Days are days since 1970-01-01, instants microseconds UTC, values integers times 10^-scale of their metric; the numbers of
-- enumerations are model/model.h's. Every big table carries bucket (0-1023) first in its key.

CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE id_seq (name TEXT NOT NULL PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO id_seq (name, next) VALUES ('workspace', 1), ('connection', 1), ('metric', 1), ('owner', 1), ('entity', 1), ('credit', 1), ('run', 1), ('close', 1);

CREATE TABLE workspace (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    origin TEXT NOT NULL DEFAULT 'db',
    created_at INTEGER NOT NULL
) STRICT;

-- Zone eras: days from from_day on are days of that zone.
CREATE TABLE workspace_zone (
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    from_day INTEGER NOT NULL,
    zone TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, from_day)
) STRICT, WITHOUT ROWID;

-- closed_until only rises: a trigger sees to it. read_until: the last day of which a run has read the source after the day's end.
CREATE TABLE connection (
    id INTEGER NOT NULL PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    name TEXT NOT NULL,
    platform TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'own',
    status TEXT NOT NULL DEFAULT 'connected',
    origin TEXT NOT NULL DEFAULT 'db',
    closed_until INTEGER NOT NULL DEFAULT -2147483648,
    read_until INTEGER NOT NULL DEFAULT -2147483648,
    settle_s INTEGER,
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, name)
) STRICT;

CREATE TABLE metric (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    type INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    aggregation INTEGER NOT NULL,
    scale INTEGER NOT NULL,
    best_rule INTEGER NOT NULL DEFAULT 0,
    wide INTEGER NOT NULL,
    builtin INTEGER NOT NULL DEFAULT 0,
    is_active INTEGER NOT NULL DEFAULT 1,
    currency TEXT,
    unit TEXT,
    display_name TEXT,
    description TEXT,
    format_pattern TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (name, type)
) STRICT;

CREATE TABLE owner (
    id INTEGER NOT NULL PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    bucket INTEGER NOT NULL,
    key TEXT NOT NULL,
    display_name TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (workspace_id, key)
) STRICT;

-- What a metric belongs to. key128 stands for it in the log of roots; salt makes the commitment to its external id.
CREATE TABLE entity (
    bucket INTEGER NOT NULL,
    id INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL,
    connection_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    external_id TEXT NOT NULL,
    key128 BLOB NOT NULL,
    salt BLOB NOT NULL,
    first_seen_at INTEGER NOT NULL,
    PRIMARY KEY (bucket, id),
    UNIQUE (bucket, workspace_id, connection_id, kind, external_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX entity_connection ON entity (connection_id, kind);
CREATE INDEX entity_external ON entity (workspace_id, external_id);

CREATE TABLE content (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    title TEXT,
    url TEXT,
    posted_at INTEGER,
    media_type TEXT,
    caption TEXT,
    duration_ms INTEGER,
    thumbnail TEXT,
    tags TEXT,
    status TEXT,
    deleted_at INTEGER,
    attrs_at INTEGER NOT NULL,
    PRIMARY KEY (bucket, entity_id)
) STRICT, WITHOUT ROWID;

-- Append-only: a credit that ends gets ended_at, so that totals can be asked as they were known at a time.
CREATE TABLE credit (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL,
    owner_id INTEGER NOT NULL,
    role TEXT NOT NULL DEFAULT 'owner',
    from_day INTEGER NOT NULL DEFAULT -2147483648,
    to_day INTEGER NOT NULL DEFAULT 2147483647,
    recorded_at INTEGER NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (bucket, entity_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX credit_owner ON credit (owner_id);

CREATE TABLE run (
    id INTEGER NOT NULL PRIMARY KEY,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    kind INTEGER NOT NULL,
    status INTEGER NOT NULL,
    provenance INTEGER NOT NULL,
    revise INTEGER NOT NULL DEFAULT 0,
    slot TEXT,
    target_day INTEGER,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    duration_ms INTEGER,
    first_day INTEGER,
    last_day INTEGER,
    items INTEGER NOT NULL DEFAULT 0,
    readings INTEGER NOT NULL DEFAULT 0,
    values_recorded INTEGER NOT NULL DEFAULT 0,
    values_replaced INTEGER NOT NULL DEFAULT 0,
    values_kept INTEGER NOT NULL DEFAULT 0,
    values_unchanged INTEGER NOT NULL DEFAULT 0,
    values_merged INTEGER NOT NULL DEFAULT 0,
    values_late INTEGER NOT NULL DEFAULT 0,
    values_amended INTEGER NOT NULL DEFAULT 0,
    values_refused INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    metrics_collected INTEGER NOT NULL DEFAULT 0,
    days_closed INTEGER NOT NULL DEFAULT 0,
    compared INTEGER NOT NULL DEFAULT 0,
    fell INTEGER NOT NULL DEFAULT 0,
    jumped INTEGER NOT NULL DEFAULT 0,
    vanished INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    details TEXT,
    version TEXT NOT NULL
) STRICT;
CREATE INDEX run_connection ON run (connection_id, id);
-- What every run asks at its beginning and end, however long the log.
CREATE INDEX run_open ON run (connection_id) WHERE status IN (0, 5);
CREATE INDEX run_slot ON run (connection_id, slot) WHERE slot IS NOT NULL;
CREATE INDEX run_started ON run (started_at);
CREATE INDEX run_ended ON run (ended_at);

CREATE TABLE run_failure (
    run_id INTEGER NOT NULL REFERENCES run (id),
    n INTEGER NOT NULL,
    external_id TEXT,
    class TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, n)
) STRICT, WITHOUT ROWID;

-- Every reading, for good. Never updated or deleted; the values of runs that do not count are left out when days are derived.
CREATE TABLE observation (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    win INTEGER NOT NULL,
    captured_at INTEGER NOT NULL,
    metric_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    source_day INTEGER,
    value INTEGER,
    absence INTEGER NOT NULL,
    provenance INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    meta TEXT,
    PRIMARY KEY (bucket, entity_id, win, day, captured_at, metric_id, run_id)
) STRICT, WITHOUT ROWID;

-- The record. seq 0 is the base, replaceable only while its day is open; seq > 0 are amendments. Shown is the greatest seq.
CREATE TABLE day_value (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    win INTEGER NOT NULL,
    day INTEGER NOT NULL,
    metric_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    value INTEGER,
    absence INTEGER NOT NULL,
    provenance INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    cause INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    captured_at INTEGER NOT NULL,
    source_day INTEGER,
    recorded_at INTEGER NOT NULL,
    author TEXT,
    meta TEXT,
    PRIMARY KEY (bucket, entity_id, win, day, metric_id, seq)
) STRICT, WITHOUT ROWID;
-- Few rows: what was amended, for revisions and for the shown value.
CREATE INDEX day_value_amended ON day_value (bucket, entity_id, win, metric_id, day) WHERE seq > 0;

-- Derived, all of it: rebuild makes the same bits again.
-- known: the newest value of a metric; latest: the newest day read, and the first.
CREATE TABLE known (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    win INTEGER NOT NULL,
    metric_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (bucket, entity_id, win, metric_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE latest (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    win INTEGER NOT NULL,
    first_day INTEGER NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (bucket, entity_id, win)
) STRICT, WITHOUT ROWID;
CREATE TABLE best (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    metric_id INTEGER NOT NULL,
    value INTEGER NOT NULL,
    gmv INTEGER,
    win INTEGER NOT NULL,
    day INTEGER NOT NULL,
    captured_at INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    PRIMARY KEY (bucket, entity_id, metric_id)
) STRICT, WITHOUT ROWID;
-- Sums as changes by day: the level on day D is the sum over all days <= D; a flow is its day's own row. hi and lo are the
-- two halves of 64-bit values summed apart, so that any order gives the same bits and 128 bits fit. scope_kind: 0 workspace, 1 connection,
-- 2 owner; metric 0 counts items (known = items that begin, fresh = items read).
CREATE TABLE total (
    bucket INTEGER NOT NULL,
    scope_kind INTEGER NOT NULL,
    scope_id INTEGER NOT NULL,
    win INTEGER NOT NULL,
    metric_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    hi INTEGER NOT NULL,
    lo INTEGER NOT NULL,
    known INTEGER NOT NULL,
    fresh INTEGER NOT NULL,
    PRIMARY KEY (bucket, scope_kind, scope_id, win, metric_id, day)
) STRICT, WITHOUT ROWID;

-- Closing is a recorded act: one row for each (connection, day), in order of n.
CREATE TABLE day_close (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    day INTEGER NOT NULL,
    n INTEGER NOT NULL,
    status TEXT NOT NULL,
    values_n INTEGER NOT NULL,
    run_id INTEGER,
    closed_at INTEGER NOT NULL,
    PRIMARY KEY (connection_id, day)
) STRICT, WITHOUT ROWID;

-- A closed day never changes. REPLACE deletes without firing delete triggers unless recursive_triggers is on, so the insert trigger
-- looks for the row that it would walk over. The days of an item that is not there are closed.
CREATE TRIGGER day_value_insert BEFORE INSERT ON day_value
WHEN NEW.seq = 0 AND COALESCE((SELECT c.closed_until FROM entity e JOIN connection c ON c.id = e.connection_id
    WHERE e.bucket = NEW.bucket AND e.id = NEW.entity_id), 2147483647) >= NEW.day
BEGIN SELECT RAISE(ABORT, 'nilo closed: this day is closed, its base never changes; record an amendment (revise) instead'); END;
CREATE TRIGGER day_value_amend BEFORE INSERT ON day_value WHEN NEW.seq <> 0 BEGIN
    SELECT RAISE(ABORT, 'nilo closed: amendments are append-only; add the next seq instead')
    WHERE NEW.seq < 0 OR EXISTS (SELECT 1 FROM day_value v WHERE v.bucket = NEW.bucket AND v.entity_id = NEW.entity_id AND v.win = NEW.win
        AND v.day = NEW.day AND v.metric_id = NEW.metric_id AND v.seq >= NEW.seq);
    SELECT RAISE(ABORT, 'nilo closed: this day is open, it takes a base and no amendment')
    WHERE NOT EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id
        WHERE e.bucket = NEW.bucket AND e.id = NEW.entity_id AND c.closed_until >= NEW.day);
END;
CREATE TRIGGER day_value_update BEFORE UPDATE ON day_value
WHEN OLD.seq <> 0 OR NEW.seq <> 0 OR COALESCE((SELECT c.closed_until FROM entity e JOIN connection c ON c.id = e.connection_id
        WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id), 2147483647) >= OLD.day
    OR ((NEW.bucket <> OLD.bucket OR NEW.entity_id <> OLD.entity_id OR NEW.day <> OLD.day)
        AND COALESCE((SELECT c.closed_until FROM entity e JOIN connection c ON c.id = e.connection_id
            WHERE e.bucket = NEW.bucket AND e.id = NEW.entity_id), 2147483647) >= NEW.day)
BEGIN SELECT RAISE(ABORT, 'nilo closed: this day is closed, its base never changes; record an amendment (revise) instead'); END;
CREATE TRIGGER day_value_delete BEFORE DELETE ON day_value
WHEN OLD.seq <> 0 OR COALESCE((SELECT c.closed_until FROM entity e JOIN connection c ON c.id = e.connection_id
    WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id), 2147483647) >= OLD.day
BEGIN SELECT RAISE(ABORT, 'nilo closed: this day is closed, nothing of it is deleted'); END;
CREATE TRIGGER observation_insert BEFORE INSERT ON observation
WHEN EXISTS (SELECT 1 FROM observation o WHERE o.bucket = NEW.bucket AND o.entity_id = NEW.entity_id AND o.win = NEW.win
    AND o.day = NEW.day AND o.captured_at = NEW.captured_at AND o.metric_id = NEW.metric_id AND o.run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: observations are append-only'); END;
CREATE TRIGGER observation_update BEFORE UPDATE ON observation BEGIN
    SELECT RAISE(ABORT, 'nilo closed: observations are append-only'); END;
CREATE TRIGGER observation_delete BEFORE DELETE ON observation BEGIN
    SELECT RAISE(ABORT, 'nilo closed: observations are append-only'); END;
CREATE TRIGGER day_close_insert BEFORE INSERT ON day_close
WHEN EXISTS (SELECT 1 FROM day_close d WHERE d.connection_id = NEW.connection_id AND d.day = NEW.day)
BEGIN SELECT RAISE(ABORT, 'nilo closed: a day closes once'); END;
CREATE TRIGGER day_close_update BEFORE UPDATE ON day_close BEGIN SELECT RAISE(ABORT, 'nilo closed: a day closes once'); END;
CREATE TRIGGER day_close_delete BEFORE DELETE ON day_close BEGIN SELECT RAISE(ABORT, 'nilo closed: a day closes once'); END;
CREATE TRIGGER connection_insert BEFORE INSERT ON connection
WHEN EXISTS (SELECT 1 FROM connection c WHERE c.closed_until > -2147483648
    AND (c.id = NEW.id OR (c.workspace_id = NEW.workspace_id AND c.name = NEW.name)))
BEGIN SELECT RAISE(ABORT, 'nilo closed: this connection has closed days, it is not replaced'); END;
-- UPDATE OR REPLACE walks over the row in its way, as INSERT OR REPLACE does.
CREATE TRIGGER connection_update BEFORE UPDATE ON connection
WHEN NEW.closed_until < OLD.closed_until OR NEW.id <> OLD.id OR NEW.workspace_id <> OLD.workspace_id
    OR (NEW.name <> OLD.name AND EXISTS (SELECT 1 FROM connection c WHERE c.workspace_id = NEW.workspace_id AND c.name = NEW.name
        AND c.closed_until > -2147483648))
BEGIN SELECT RAISE(ABORT, 'nilo closed: closed_until only rises'); END;
CREATE TRIGGER connection_delete BEFORE DELETE ON connection WHEN OLD.closed_until > -2147483648
BEGIN SELECT RAISE(ABORT, 'nilo closed: this connection has closed days; disable it instead'); END;
CREATE TRIGGER entity_insert BEFORE INSERT ON entity
WHEN EXISTS (SELECT 1 FROM entity e WHERE e.bucket = NEW.bucket AND (e.id = NEW.id OR (e.workspace_id = NEW.workspace_id
    AND e.connection_id = NEW.connection_id AND e.kind = NEW.kind AND e.external_id = NEW.external_id)))
BEGIN SELECT RAISE(ABORT, 'nilo closed: this item exists, it is not replaced'); END;
CREATE TRIGGER entity_update BEFORE UPDATE ON entity
WHEN NEW.bucket <> OLD.bucket OR NEW.id <> OLD.id OR NEW.connection_id <> OLD.connection_id OR NEW.workspace_id <> OLD.workspace_id
    OR ((NEW.kind <> OLD.kind OR NEW.external_id <> OLD.external_id) AND EXISTS (SELECT 1 FROM entity e WHERE e.bucket = NEW.bucket
        AND e.workspace_id = NEW.workspace_id AND e.connection_id = NEW.connection_id AND e.kind = NEW.kind
        AND e.external_id = NEW.external_id))
BEGIN SELECT RAISE(ABORT, 'nilo closed: an item never moves to another connection'); END;
CREATE TRIGGER entity_delete BEFORE DELETE ON entity
WHEN EXISTS (SELECT 1 FROM day_value v WHERE v.bucket = OLD.bucket AND v.entity_id = OLD.id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: this item has recorded days; they stay'); END;

-- What values mean is fixed with them: a metric's scale or a day's zone changed afterwards would change every number told.
CREATE TRIGGER metric_insert BEFORE INSERT ON metric
WHEN EXISTS (SELECT 1 FROM metric m WHERE m.id = NEW.id OR (m.name = NEW.name AND m.type = NEW.type))
BEGIN SELECT RAISE(ABORT, 'nilo closed: this metric is defined, it is not replaced'); END;
CREATE TRIGGER metric_update BEFORE UPDATE ON metric
WHEN NEW.id <> OLD.id OR NEW.name <> OLD.name OR NEW.type <> OLD.type OR NEW.kind <> OLD.kind OR NEW.aggregation <> OLD.aggregation
    OR NEW.scale <> OLD.scale OR NEW.best_rule <> OLD.best_rule
BEGIN SELECT RAISE(ABORT, 'nilo closed: name, type, kind, aggregation and scale of a metric are fixed'); END;
CREATE TRIGGER metric_delete BEFORE DELETE ON metric
BEGIN SELECT RAISE(ABORT, 'nilo closed: a metric is never deleted; set is_active to 0'); END;
CREATE TRIGGER run_delete BEFORE DELETE ON run BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of runs is kept'); END;
CREATE TRIGGER run_insert BEFORE INSERT ON run WHEN EXISTS (SELECT 1 FROM run r WHERE r.id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of runs is kept'); END;
CREATE TRIGGER workspace_insert BEFORE INSERT ON workspace
WHEN EXISTS (SELECT 1 FROM workspace w WHERE w.id = NEW.id OR w.name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'nilo closed: this workspace exists, it is not replaced'); END;
CREATE TRIGGER workspace_delete BEFORE DELETE ON workspace WHEN EXISTS (SELECT 1 FROM connection c WHERE c.workspace_id = OLD.id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: this workspace has connections; they and their history stay'); END;
CREATE TRIGGER workspace_zone_update BEFORE UPDATE ON workspace_zone
WHEN EXISTS (SELECT 1 FROM connection c WHERE c.workspace_id = OLD.workspace_id AND (c.closed_until >= OLD.from_day OR c.closed_until >= NEW.from_day))
BEGIN SELECT RAISE(ABORT, 'nilo closed: days of this zone are closed; a new zone begins on a later day'); END;
CREATE TRIGGER workspace_zone_delete BEFORE DELETE ON workspace_zone
WHEN EXISTS (SELECT 1 FROM connection c WHERE c.workspace_id = OLD.workspace_id AND c.closed_until >= OLD.from_day)
BEGIN SELECT RAISE(ABORT, 'nilo closed: days of this zone are closed; a new zone begins on a later day'); END;
CREATE TRIGGER workspace_zone_insert BEFORE INSERT ON workspace_zone
WHEN EXISTS (SELECT 1 FROM connection c WHERE c.workspace_id = NEW.workspace_id AND c.closed_until >= NEW.from_day)
BEGIN SELECT RAISE(ABORT, 'nilo closed: days of this zone are closed; a new zone begins on a later day'); END;
