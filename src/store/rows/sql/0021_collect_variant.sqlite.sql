-- How a kind of a connection's items can be asked for, as was found out: which of its metrics the platform refuses (the other engine's
-- file has the same table).
CREATE TABLE collect_variant (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    op TEXT NOT NULL,
    kind TEXT NOT NULL,
    variant INTEGER NOT NULL,
    learned_at INTEGER NOT NULL,
    PRIMARY KEY (connection_id, op, kind)
) STRICT, WITHOUT ROWID;
