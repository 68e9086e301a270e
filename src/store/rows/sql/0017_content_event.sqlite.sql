-- What became of an item, as dated events: it was found deleted, private, hidden, or live again (the other engine's file has the same
-- table). id rises in the order of commits. Rows are only added; those of an erased item go.
CREATE TABLE content_event (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event INTEGER NOT NULL,
    was INTEGER NOT NULL,
    status TEXT,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (bucket, entity_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX content_event_id ON content_event (id);
INSERT INTO id_seq (name, next) VALUES ('content_event', 1);
CREATE TRIGGER content_event_insert BEFORE INSERT ON content_event
WHEN EXISTS (SELECT 1 FROM content_event x WHERE x.bucket = NEW.bucket AND x.entity_id = NEW.entity_id AND x.id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: content_event is append-only'); END;
CREATE TRIGGER content_event_update BEFORE UPDATE ON content_event BEGIN SELECT RAISE(ABORT, 'nilo closed: content_event is append-only'); END;
CREATE TRIGGER content_event_delete BEFORE DELETE ON content_event
WHEN NOT EXISTS (SELECT 1 FROM entity e WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND e.erased_at IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'nilo closed: content_event is append-only'); END;
