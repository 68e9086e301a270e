-- Who may ask over HTTP: keys of the API, of which only a hash is kept, and what was revoked (the other engine's file has the same tables).

-- The hash is under a key that is not in the store: a copy of the store lets nobody in. workspaces_said 0: none was named when it was made.
CREATE TABLE api_key (
    id text PRIMARY KEY,
    role smallint NOT NULL CHECK (role BETWEEN 0 AND 3),
    name text,
    hashed_by text NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    workspaces_said smallint NOT NULL CHECK (workspaces_said IN (0, 1)),
    made_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint
);

CREATE TABLE api_key_workspace (
    api_key_id text NOT NULL REFERENCES api_key (id),
    workspace_id bigint NOT NULL REFERENCES workspace (id),
    PRIMARY KEY (api_key_id, workspace_id)
);

-- Signed tokens by their jti (kind 0), all tokens of a user by their sub (kind 1). until: no token of that id is valid after it.
CREATE TABLE api_revoked (
    kind smallint NOT NULL CHECK (kind IN (0, 1)),
    id text NOT NULL,
    revoked_at bigint NOT NULL,
    until bigint,
    PRIMARY KEY (kind, id)
);

-- Workspaces that nobody gets into over HTTP but the service.
CREATE TABLE api_closed (
    workspace_id bigint PRIMARY KEY REFERENCES workspace (id),
    closed_at bigint NOT NULL
);

-- Rises with every change of the tables above: what a server has in memory is of one of these numbers.
CREATE TABLE api_access (
    one smallint PRIMARY KEY CHECK (one = 1),
    changes bigint NOT NULL
);
INSERT INTO api_access (one, changes) VALUES (1, 0);

-- A key is revoked for good, and never becomes another one.
CREATE FUNCTION nilo_api_key_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.role <> OLD.role OR NEW.hash <> OLD.hash OR NEW.hashed_by <> OLD.hashed_by OR NEW.workspaces_said <> OLD.workspaces_said
        OR NEW.expires_at IS DISTINCT FROM OLD.expires_at OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at) THEN
        RAISE EXCEPTION 'nilo closed: an API key keeps what it may, and a revoked one stays revoked';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER api_key_update BEFORE UPDATE ON api_key FOR EACH ROW EXECUTE FUNCTION nilo_api_key_keeps();
