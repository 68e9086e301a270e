-- What apps say beside the numbers: rows that they hide, notes on days, columns of their own (the other engine's file has the same tables).

-- A day's row of a content set that an app has marked as deleted: out of its live lists, and nothing else. Not there: it is live.
CREATE TABLE hidden_row (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    win INTEGER NOT NULL,
    day INTEGER NOT NULL,
    hidden_at INTEGER NOT NULL,
    PRIMARY KEY (bucket, entity_id, win, day)
) STRICT, WITHOUT ROWID;

-- A note on a day or on several, of the workspace or of one item (entity_id; its bucket, else 0). The id is random: the same in every copy.
CREATE TABLE annotation (
    bucket INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspace (id),
    id TEXT NOT NULL,
    from_day INTEGER NOT NULL,
    to_day INTEGER NOT NULL,
    text TEXT NOT NULL,
    author TEXT,
    entity_id INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CHECK (from_day <= to_day)
) STRICT, WITHOUT ROWID;

-- Columns of an app's own tables that this program has no use for: one JSON object.
ALTER TABLE owner ADD COLUMN extra TEXT;
ALTER TABLE credit ADD COLUMN extra TEXT;
