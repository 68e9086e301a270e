-- What apps say beside the numbers: rows that they hide, notes on days, columns of their own (the other engine's file has the same tables).

-- A day's row of a content set that an app has marked as deleted: out of its live lists, and nothing else. Not there: it is live.
CREATE TABLE hidden_row (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    win integer NOT NULL,
    day integer NOT NULL,
    hidden_at bigint NOT NULL,
    PRIMARY KEY (bucket, entity_id, win, day)
);

-- A note on a day or on several, of the workspace or of one item (entity_id; its bucket, else 0). The id is random: the same in every copy.
CREATE TABLE annotation (
    bucket smallint NOT NULL,
    workspace_id bigint NOT NULL REFERENCES workspace (id),
    id text NOT NULL,
    from_day integer NOT NULL,
    to_day integer NOT NULL,
    text text NOT NULL,
    author text,
    entity_id bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CHECK (from_day <= to_day)
);

-- Columns of an app's own tables that this program has no use for: one JSON object.
ALTER TABLE owner ADD COLUMN extra text;
ALTER TABLE credit ADD COLUMN extra text;
