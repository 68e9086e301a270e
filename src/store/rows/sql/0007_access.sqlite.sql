-- Who may ask over HTTP: keys of the API, of which only a hash is kept, and what was revoked (the other engine's file has the same tables).

-- The hash is under a key that is not in the store: a copy of the store lets nobody in. workspaces_said 0: none was named when it was made.
CREATE TABLE api_key (
    id TEXT NOT NULL PRIMARY KEY,
    role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 3),
    name TEXT,
    hashed_by TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    workspaces_said INTEGER NOT NULL CHECK (workspaces_said IN (0, 1)),
    made_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key_workspace (
    api_key_id TEXT NOT NULL REFERENCES api_key (id),
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    PRIMARY KEY (api_key_id, workspace_id)
) STRICT, WITHOUT ROWID;

-- Signed tokens by their jti (kind 0), all tokens of a user by their sub (kind 1). until: no token of that id is valid after it.
CREATE TABLE api_revoked (
    kind INTEGER NOT NULL CHECK (kind IN (0, 1)),
    id TEXT NOT NULL,
    revoked_at INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Workspaces that nobody gets into over HTTP but the service.
CREATE TABLE api_closed (
    workspace_id INTEGER NOT NULL PRIMARY KEY REFERENCES workspace (id),
    closed_at INTEGER NOT NULL
) STRICT;

-- Rises with every change of the tables above: what a server has in memory is of one of these numbers.
CREATE TABLE api_access (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    changes INTEGER NOT NULL
) STRICT;
INSERT INTO api_access (one, changes) VALUES (1, 0);

-- A key is revoked for good, and never becomes another one.
CREATE TRIGGER api_key_insert BEFORE INSERT ON api_key WHEN EXISTS (SELECT 1 FROM api_key k WHERE k.id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'nilo closed: an API key is made once'); END;
CREATE TRIGGER api_key_update BEFORE UPDATE ON api_key
WHEN NEW.id <> OLD.id OR NEW.role <> OLD.role OR NEW.hash <> OLD.hash OR NEW.hashed_by <> OLD.hashed_by OR NEW.workspaces_said <> OLD.workspaces_said
    OR NEW.expires_at IS NOT OLD.expires_at OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NOT OLD.revoked_at)
BEGIN SELECT RAISE(ABORT, 'nilo closed: an API key keeps what it may, and a revoked one stays revoked'); END;
