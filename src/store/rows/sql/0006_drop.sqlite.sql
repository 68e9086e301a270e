-- Dropping: whole old closed days go, and every number derived from them stays
-- (the other engine's file has the same tables).

-- The days of the connection up to this one are gone. What is left of them in day_value is what later days stand on: of each series the
-- newest value, of each item and window the newest day read, and a cell of the first.
ALTER TABLE connection ADD COLUMN dropped_until INTEGER NOT NULL DEFAULT -2147483648;
-- One row an act; n is its place among the closings. While an act is ahead of its connection's dropped_until, which is so within the
-- transaction that drops and never behind it, the triggers below let its days go.
CREATE TABLE day_drop (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    until_day INTEGER NOT NULL,
    from_day INTEGER NOT NULL,
    n INTEGER NOT NULL,
    values_n INTEGER NOT NULL,
    author TEXT,
    dropped_at INTEGER NOT NULL,
    PRIMARY KEY (connection_id, until_day)
) STRICT, WITHOUT ROWID;
-- What the best of an item was among the readings that went.
CREATE TABLE best_floor (
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
-- By how much the totals are more than what is left of the dropped days adds to them.
CREATE TABLE carried_total (
    scope_kind INTEGER NOT NULL,
    scope_id INTEGER NOT NULL,
    win INTEGER NOT NULL,
    metric_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    hi INTEGER NOT NULL,
    lo INTEGER NOT NULL,
    known INTEGER NOT NULL,
    fresh INTEGER NOT NULL,
    PRIMARY KEY (scope_kind, scope_id, win, metric_id, day)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER day_drop_insert BEFORE INSERT ON day_drop
WHEN NEW.from_day > NEW.until_day
    OR EXISTS (SELECT 1 FROM day_drop d WHERE d.connection_id = NEW.connection_id AND d.until_day >= NEW.from_day)
    OR NOT EXISTS (SELECT 1 FROM connection c WHERE c.id = NEW.connection_id AND c.closed_until >= NEW.until_day AND c.dropped_until < NEW.from_day)
BEGIN SELECT RAISE(ABORT, 'nilo closed: only closed days are dropped, each once'); END;
CREATE TRIGGER day_drop_update BEFORE UPDATE ON day_drop BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of dropped days is append-only'); END;
CREATE TRIGGER day_drop_delete BEFORE DELETE ON day_drop BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of dropped days is append-only'); END;
CREATE TRIGGER connection_new_undropped BEFORE INSERT ON connection WHEN NEW.dropped_until <> -2147483648
BEGIN SELECT RAISE(ABORT, 'nilo closed: days are dropped by a recorded act'); END;
CREATE TRIGGER connection_dropped BEFORE UPDATE ON connection
WHEN NEW.dropped_until <> OLD.dropped_until AND (NEW.dropped_until < OLD.dropped_until
    OR NOT EXISTS (SELECT 1 FROM day_drop d WHERE d.connection_id = OLD.id AND d.until_day = NEW.dropped_until))
BEGIN SELECT RAISE(ABORT, 'nilo closed: dropped_until only rises, with a recorded act'); END;

CREATE TRIGGER day_value_dropped BEFORE INSERT ON day_value
WHEN EXISTS (SELECT 1 FROM day_drop) AND EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id
    WHERE e.bucket = NEW.bucket AND e.id = NEW.entity_id AND c.dropped_until >= NEW.day)
BEGIN SELECT RAISE(ABORT, 'nilo closed: this day was dropped, it takes no value any more'); END;
CREATE TRIGGER observation_dropped BEFORE INSERT ON observation
WHEN EXISTS (SELECT 1 FROM day_drop) AND EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id
    WHERE e.bucket = NEW.bucket AND e.id = NEW.entity_id AND c.dropped_until >= NEW.day)
BEGIN SELECT RAISE(ABORT, 'nilo closed: this day was dropped, it takes no reading any more'); END;

DROP TRIGGER day_value_delete;
CREATE TRIGGER day_value_delete BEFORE DELETE ON day_value
WHEN (OLD.seq <> 0 OR COALESCE((SELECT c.closed_until FROM entity e JOIN connection c ON c.id = e.connection_id
        WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id), 2147483647) >= OLD.day)
    AND NOT EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN day_drop d ON d.connection_id = c.id
        WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND d.until_day >= OLD.day AND d.until_day > c.dropped_until)
BEGIN SELECT RAISE(ABORT, 'nilo closed: this day is closed, nothing of it is deleted'); END;
DROP TRIGGER observation_delete;
CREATE TRIGGER observation_delete BEFORE DELETE ON observation
WHEN NOT EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN day_drop d ON d.connection_id = c.id
        WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND d.until_day >= OLD.day AND d.until_day > c.dropped_until)
    AND (NOT EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN thinning t ON t.connection_id = c.id
            WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND c.closed_until >= OLD.day AND OLD.day BETWEEN t.from_day AND t.until_day)
        OR EXISTS (SELECT 1 FROM run r WHERE r.id = OLD.run_id AND (r.kind IN (2, 4) OR r.status IN (0, 5, 6)))
        OR EXISTS (SELECT 1 FROM day_value v WHERE v.bucket = OLD.bucket AND v.entity_id = OLD.entity_id AND v.win = OLD.win AND v.day = OLD.day
            AND v.metric_id = OLD.metric_id AND v.captured_at = OLD.captured_at AND v.run_id = OLD.run_id)
        OR EXISTS (SELECT 1 FROM best b WHERE b.bucket = OLD.bucket AND b.entity_id = OLD.entity_id AND b.metric_id = OLD.metric_id
            AND b.win = OLD.win AND b.day = OLD.day AND b.captured_at = OLD.captured_at AND b.run_id = OLD.run_id))
BEGIN SELECT RAISE(ABORT, 'nilo closed: observations are append-only'); END;

CREATE TRIGGER best_floor_insert BEFORE INSERT ON best_floor
WHEN NOT EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN day_drop d ON d.connection_id = c.id
    WHERE e.bucket = NEW.bucket AND e.id = NEW.entity_id AND d.until_day >= NEW.day AND d.until_day > c.dropped_until)
BEGIN SELECT RAISE(ABORT, 'nilo closed: only a drop writes best_floor'); END;
CREATE TRIGGER best_floor_update BEFORE UPDATE ON best_floor
WHEN NEW.bucket <> OLD.bucket OR NEW.entity_id <> OLD.entity_id OR NEW.metric_id <> OLD.metric_id
    OR NOT EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN day_drop d ON d.connection_id = c.id
        WHERE e.bucket = NEW.bucket AND e.id = NEW.entity_id AND d.until_day >= NEW.day AND d.until_day > c.dropped_until)
BEGIN SELECT RAISE(ABORT, 'nilo closed: only a drop writes best_floor'); END;
CREATE TRIGGER best_floor_delete BEFORE DELETE ON best_floor BEGIN SELECT RAISE(ABORT, 'nilo closed: only a drop writes best_floor'); END;
CREATE TRIGGER carried_total_insert BEFORE INSERT ON carried_total
WHEN NOT EXISTS (SELECT 1 FROM connection c JOIN day_drop d ON d.connection_id = c.id
    WHERE c.workspace_id = NEW.workspace_id AND d.until_day > c.dropped_until)
BEGIN SELECT RAISE(ABORT, 'nilo closed: only a drop writes carried_total'); END;
CREATE TRIGGER carried_total_update BEFORE UPDATE ON carried_total
WHEN NEW.workspace_id <> OLD.workspace_id OR NOT EXISTS (SELECT 1 FROM connection c JOIN day_drop d ON d.connection_id = c.id
    WHERE c.workspace_id = NEW.workspace_id AND d.until_day > c.dropped_until)
BEGIN SELECT RAISE(ABORT, 'nilo closed: only a drop writes carried_total'); END;
CREATE TRIGGER carried_total_delete BEFORE DELETE ON carried_total
WHEN OLD.hi <> 0 OR OLD.lo <> 0 OR OLD.known <> 0 OR OLD.fresh <> 0
BEGIN SELECT RAISE(ABORT, 'nilo closed: only a drop writes carried_total'); END;
