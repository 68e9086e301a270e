-- What a tap wants to be told when it is run the next time, as it wrote it, with the import that it came with (the other engine's file has the
-- same table). No part of the record, so no export has it: without it a tap tells everything again.
CREATE TABLE connection_tap (
    connection_id INTEGER NOT NULL PRIMARY KEY REFERENCES connection (id),
    format TEXT NOT NULL,
    state TEXT NOT NULL,
    run_id INTEGER NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT;
