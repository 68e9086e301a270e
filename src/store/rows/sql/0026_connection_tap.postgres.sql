-- What a tap wants to be told when it is run the next time, as it wrote it, with the import that it came with (the other engine's file has the
-- same table). No part of the record, so no export has it: without it a tap tells everything again.
CREATE TABLE connection_tap (
    connection_id bigint NOT NULL PRIMARY KEY REFERENCES connection (id),
    format text NOT NULL,
    state text NOT NULL,
    run_id bigint NOT NULL,
    kept_at bigint NOT NULL
);
ALTER TABLE connection_tap ENABLE ROW LEVEL SECURITY;
CREATE POLICY nilo_others ON connection_tap USING ((SELECT left(current_user, 20) <> 'nilometer_reader_of_')) WITH CHECK ((SELECT left(current_user, 20) <> 'nilometer_reader_of_'));
