-- Answers of platforms as they came (zstd), for a newer parser, as long as the retention rule says (the other engine's file has the same table).
-- Nothing of it is the record. ask: JSON, what was asked for; size: of the body before it was packed.
CREATE TABLE raw_answer (
    id bigint PRIMARY KEY,
    connection_id bigint NOT NULL REFERENCES connection (id),
    run_id bigint NOT NULL,
    op text NOT NULL,
    variant bigint NOT NULL,
    ask text NOT NULL,
    asked_at bigint NOT NULL,
    answered_at bigint NOT NULL,
    status bigint NOT NULL,
    size bigint NOT NULL,
    body bytea NOT NULL
);
CREATE INDEX raw_answer_connection ON raw_answer (connection_id, id);
CREATE INDEX raw_answer_age ON raw_answer (answered_at);
