-- Thinning: which closed days keep the day's values only, and no longer every reading of them.

-- One row an act. It opens the door of the trigger below for the days that it names, and for nothing else.
CREATE TABLE thinning (
    id INTEGER NOT NULL PRIMARY KEY,
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    from_day INTEGER NOT NULL,
    until_day INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    author TEXT,
    thinned_at INTEGER NOT NULL
) STRICT;
CREATE INDEX thinning_connection ON thinning (connection_id, until_day);
INSERT INTO id_seq (name, next) VALUES ('thinning', 1);
CREATE TRIGGER thinning_insert BEFORE INSERT ON thinning WHEN EXISTS (SELECT 1 FROM thinning t WHERE t.id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of thinning is append-only'); END;
CREATE TRIGGER thinning_update BEFORE UPDATE ON thinning BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of thinning is append-only'); END;
CREATE TRIGGER thinning_delete BEFORE DELETE ON thinning BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of thinning is append-only'); END;

-- A reading goes only where a thinning names its closed day, and never one that was pushed or revised, that a day's value or an all-time best
-- came from, or whose run does not count.
DROP TRIGGER observation_delete;
CREATE TRIGGER observation_delete BEFORE DELETE ON observation
WHEN NOT EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN thinning t ON t.connection_id = c.id
        WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND c.closed_until >= OLD.day AND OLD.day BETWEEN t.from_day AND t.until_day)
    OR EXISTS (SELECT 1 FROM run r WHERE r.id = OLD.run_id AND (r.kind IN (2, 4) OR r.status IN (0, 5, 6)))
    OR EXISTS (SELECT 1 FROM day_value v WHERE v.bucket = OLD.bucket AND v.entity_id = OLD.entity_id AND v.win = OLD.win AND v.day = OLD.day
        AND v.metric_id = OLD.metric_id AND v.captured_at = OLD.captured_at AND v.run_id = OLD.run_id)
    OR EXISTS (SELECT 1 FROM best b WHERE b.bucket = OLD.bucket AND b.entity_id = OLD.entity_id AND b.metric_id = OLD.metric_id
        AND b.win = OLD.win AND b.day = OLD.day AND b.captured_at = OLD.captured_at AND b.run_id = OLD.run_id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: observations are append-only'); END;
