-- What a person did with a connection: pausing it, and giving it a secret (the other engine's file has the same tables).

-- A connection is paused while it has a row without resumed_at; rows stay, they explain gaps.
CREATE TABLE connection_pause (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    paused_at INTEGER NOT NULL,
    resumed_at INTEGER CHECK (resumed_at >= paused_at),
    reason TEXT,
    PRIMARY KEY (connection_id, paused_at)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX connection_pause_open ON connection_pause (connection_id) WHERE resumed_at IS NULL;

-- Encrypted outside of the store, with a key that is not in it: XChaCha20-Poly1305 whose associated data names the store, the
-- workspace, the connection and the kind. unreadable: the connection was marked expired because that key was missing.
CREATE TABLE connection_secret (
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    kind TEXT NOT NULL,
    key_id TEXT NOT NULL,
    nonce BLOB NOT NULL,
    ciphertext BLOB NOT NULL,
    unreadable INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, kind)
) STRICT, WITHOUT ROWID;
