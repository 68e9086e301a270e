-- Data keys between the master key, which is outside of the store, and the secrets of a connection (the other engine's file has the same table).
-- wrapped: the data key, XChaCha20-Poly1305 under master_id; its associated data names the store, the workspace, the connection and id. A secret whose key_id
-- is the id of a row here is sealed with that data key; one without was sealed with the master key itself, before there were data keys. Secrets are sealed with
-- the greatest seq; a row that no secret names any more is deleted. rotation: of data keys, by its number in meta.
CREATE TABLE connection_key (
    workspace_id bigint NOT NULL REFERENCES workspace (id),
    connection_id bigint NOT NULL REFERENCES connection (id),
    seq bigint NOT NULL,
    id text NOT NULL,
    master_id text NOT NULL,
    nonce bytea NOT NULL,
    wrapped bytea NOT NULL,
    rotation bigint NOT NULL,
    made_at bigint NOT NULL,
    wrapped_at bigint NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, seq)
);
CREATE UNIQUE INDEX connection_key_id ON connection_key (connection_id, id);
