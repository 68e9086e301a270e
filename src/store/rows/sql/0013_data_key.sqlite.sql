-- Data keys between the master key, which is outside of the store, and the secrets of a connection (the other engine's file has the same table).
-- wrapped: the data key, XChaCha20-Poly1305 under master_id; its associated data names the store, the workspace, the connection and id. A secret whose key_id
-- is the id of a row here is sealed with that data key; one without was sealed with the master key itself, before there were data keys. Secrets are sealed with
-- the greatest seq; a row that no secret names any more is deleted. rotation: of data keys, by its number in meta.
CREATE TABLE connection_key (
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    master_id TEXT NOT NULL,
    nonce BLOB NOT NULL,
    wrapped BLOB NOT NULL,
    rotation INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    wrapped_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX connection_key_id ON connection_key (connection_id, id);
