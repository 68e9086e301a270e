-- Workspaces and runs keep their ids too: days hang on them.
CREATE FUNCTION nilo_workspace_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'nilo closed: a workspace keeps its id, and no other one is replaced by it';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER workspace_update BEFORE UPDATE ON workspace FOR EACH ROW EXECUTE FUNCTION nilo_workspace_keeps();
CREATE FUNCTION nilo_run_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.workspace_id <> OLD.workspace_id OR NEW.connection_id <> OLD.connection_id OR NEW.kind <> OLD.kind
        OR NEW.provenance <> OLD.provenance OR NEW.started_at <> OLD.started_at THEN
        RAISE EXCEPTION 'nilo closed: the log of runs is kept';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_update BEFORE UPDATE ON run FOR EACH ROW EXECUTE FUNCTION nilo_run_keeps();
