-- What became of an item, as dated events: it was found deleted, private, hidden, or live again (the other engine's file has the same
-- table). id rises in the order of commits. Rows are only added; those of an erased item go.
CREATE TABLE content_event (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    id bigint NOT NULL,
    day integer NOT NULL,
    at bigint NOT NULL,
    event smallint NOT NULL,
    was smallint NOT NULL,
    status text,
    recorded_at bigint NOT NULL,
    PRIMARY KEY (bucket, entity_id, id)
);
CREATE INDEX content_event_id ON content_event (id);
INSERT INTO id_seq (name, next) VALUES ('content_event', 1);
CREATE FUNCTION nilo_content_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        AND EXISTS (SELECT 1 FROM entity e WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND e.erased_at IS NOT NULL) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'nilo closed: content_event is append-only';
END $$;
CREATE TRIGGER content_event_change BEFORE UPDATE OR DELETE ON content_event FOR EACH ROW EXECUTE FUNCTION nilo_content_event_guard();
CREATE TRIGGER content_event_truncate BEFORE TRUNCATE ON content_event FOR EACH STATEMENT EXECUTE FUNCTION nilo_append_only();
