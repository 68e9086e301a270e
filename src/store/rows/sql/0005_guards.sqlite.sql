-- Workspaces and runs keep their ids too: days hang on them. UPDATE OR REPLACE walks over the row in its way, as INSERT OR REPLACE does, and
-- where a program leaves foreign keys off nothing else would stop it.
CREATE TRIGGER workspace_update BEFORE UPDATE ON workspace
WHEN NEW.id <> OLD.id OR (NEW.name <> OLD.name AND EXISTS (SELECT 1 FROM workspace w WHERE w.name = NEW.name))
BEGIN SELECT RAISE(ABORT, 'nilo closed: a workspace keeps its id, and no other one is replaced by it'); END;
CREATE TRIGGER run_update BEFORE UPDATE ON run
WHEN NEW.id <> OLD.id OR NEW.workspace_id <> OLD.workspace_id OR NEW.connection_id <> OLD.connection_id OR NEW.kind <> OLD.kind
    OR NEW.provenance <> OLD.provenance OR NEW.started_at <> OLD.started_at
BEGIN SELECT RAISE(ABORT, 'nilo closed: the log of runs is kept'); END;
