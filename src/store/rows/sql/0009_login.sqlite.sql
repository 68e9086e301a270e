-- What connections log in with, beside the sealed secrets themselves, and how their status changed (the other engine's file has the same tables).

-- generation: rises with every set of tokens that is stored; whoever stores the next says which one it came from. lease_*: somebody is getting the next set
-- just now. fence: rises with every lease. asked_at: a renewal was sent, and what became of it was not written down yet.
CREATE TABLE connection_login (
    connection_id INTEGER NOT NULL PRIMARY KEY REFERENCES connection (id),
    generation INTEGER NOT NULL DEFAULT 1,
    account TEXT,
    account_name TEXT,
    scopes TEXT,
    connected_at INTEGER NOT NULL,
    renewed_at INTEGER,
    access_until INTEGER,
    refresh_until INTEGER,
    renewable INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    asked_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    retry_at INTEGER,
    problem TEXT,
    problem_at INTEGER
) STRICT;

-- From when on a connection had a status, and why: explains gaps. seq counts a connection's changes.
CREATE TABLE connection_status (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status TEXT NOT NULL,
    was TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (connection_id, seq)
) STRICT, WITHOUT ROWID;
