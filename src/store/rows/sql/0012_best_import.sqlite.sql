-- All-time bests that an export of values told and that its values do not show: of a day whose value was lowered since, of readings that are not
-- in such a file (the other engine's file has the same table). Candidates of the fold, like readings: a later correction of that
-- cell, and taking the run out, end them. Rows are only added, until their day is dropped.
CREATE TABLE best_import (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    metric_id INTEGER NOT NULL,
    win INTEGER NOT NULL,
    day INTEGER NOT NULL,
    captured_at INTEGER NOT NULL,
    run_id INTEGER NOT NULL REFERENCES run (id),
    value INTEGER NOT NULL,
    gmv INTEGER,
    PRIMARY KEY (bucket, entity_id, metric_id, win, day, captured_at, run_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER best_import_insert BEFORE INSERT ON best_import
WHEN EXISTS (SELECT 1 FROM best_import b WHERE b.bucket = NEW.bucket AND b.entity_id = NEW.entity_id AND b.metric_id = NEW.metric_id
    AND b.win = NEW.win AND b.day = NEW.day AND b.captured_at = NEW.captured_at AND b.run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: best_import is append-only'); END;
CREATE TRIGGER best_import_update BEFORE UPDATE ON best_import BEGIN SELECT RAISE(ABORT, 'nilo closed: best_import is append-only'); END;
CREATE TRIGGER best_import_delete BEFORE DELETE ON best_import
WHEN NOT EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN day_drop d ON d.connection_id = c.id
    WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND d.until_day >= OLD.day AND d.until_day > c.dropped_until)
BEGIN SELECT RAISE(ABORT, 'nilo closed: best_import is append-only'); END;
