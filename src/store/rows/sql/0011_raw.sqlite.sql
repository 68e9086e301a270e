-- Answers of platforms as they came (zstd), for a newer parser, as long as the retention rule says (the other engine's file has the same table).
-- Nothing of it is the record. ask: JSON, what was asked for; size: of the body before it was packed.
CREATE TABLE raw_answer (
    id INTEGER NOT NULL PRIMARY KEY,
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    run_id INTEGER NOT NULL,
    op TEXT NOT NULL,
    variant INTEGER NOT NULL,
    ask TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    size INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX raw_answer_connection ON raw_answer (connection_id, id);
CREATE INDEX raw_answer_age ON raw_answer (answered_at);
