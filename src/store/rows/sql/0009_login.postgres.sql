-- What connections log in with, beside the sealed secrets themselves, and how their status changed (the other engine's file has the same tables).

-- generation: rises with every set of tokens that is stored; whoever stores the next says which one it came from. lease_*: somebody is getting the next set
-- just now. fence: rises with every lease. asked_at: a renewal was sent, and what became of it was not written down yet.
CREATE TABLE connection_login (
    connection_id bigint NOT NULL PRIMARY KEY REFERENCES connection (id),
    generation bigint NOT NULL DEFAULT 1,
    account text,
    account_name text,
    scopes text,
    connected_at bigint NOT NULL,
    renewed_at bigint,
    access_until bigint,
    refresh_until bigint,
    renewable integer NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    lease_until bigint,
    asked_at bigint,
    failures bigint NOT NULL DEFAULT 0,
    retry_at bigint,
    problem text,
    problem_at bigint
);

-- From when on a connection had a status, and why: explains gaps. seq counts a connection's changes.
CREATE TABLE connection_status (
    connection_id bigint NOT NULL REFERENCES connection (id),
    seq bigint NOT NULL,
    at bigint NOT NULL,
    status text NOT NULL,
    was text NOT NULL,
    reason text,
    PRIMARY KEY (connection_id, seq)
);
