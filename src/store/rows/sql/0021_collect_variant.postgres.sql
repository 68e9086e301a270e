-- How a kind of a connection's items can be asked for, as was found out: which of its metrics the platform refuses (the other engine's
-- file has the same table).
CREATE TABLE collect_variant (
    connection_id bigint NOT NULL REFERENCES connection (id),
    op text NOT NULL,
    kind text NOT NULL,
    variant bigint NOT NULL,
    learned_at bigint NOT NULL,
    PRIMARY KEY (connection_id, op, kind)
);
ALTER TABLE collect_variant ENABLE ROW LEVEL SECURITY;
CREATE POLICY nilo_others ON collect_variant USING ((SELECT left(current_user, 20) <> 'nilometer_reader_of_')) WITH CHECK ((SELECT left(current_user, 20) <> 'nilometer_reader_of_'));
