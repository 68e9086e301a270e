-- What collecting remembers between two runs (the other engine's file has the same tables). Nothing of it is the record.

-- Who is at a schedule; fence rises with every lease.
CREATE TABLE schedule_lease (
    schedule TEXT NOT NULL PRIMARY KEY,
    fence INTEGER NOT NULL,
    slot_at INTEGER NOT NULL,
    holder TEXT,
    lease_until INTEGER
) STRICT, WITHOUT ROWID;

-- state 0 taken, 1 done, 2 missed. tries: how often it was taken.
CREATE TABLE schedule_slot (
    schedule TEXT NOT NULL,
    slot_at INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    fence INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    taken_at INTEGER NOT NULL,
    ended_at INTEGER,
    reason TEXT,
    PRIMARY KEY (schedule, slot_at)
) STRICT, WITHOUT ROWID;

-- A slot is done once, and stays done.
CREATE TRIGGER schedule_slot_update BEFORE UPDATE ON schedule_slot WHEN OLD.state <> 0
BEGIN SELECT RAISE(ABORT, 'nilo closed: this slot came to its end'); END;

CREATE TABLE api_budget (
    owner TEXT NOT NULL,
    bucket TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    period_end INTEGER NOT NULL,
    most INTEGER NOT NULL,
    used INTEGER NOT NULL,
    blocked_until INTEGER,
    reason TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (owner, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_host (
    host TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    open_until INTEGER,
    credit INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How reading each item went last; what the platform said of a failure is in the log of runs.
CREATE TABLE collect_item (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    connection_id INTEGER NOT NULL,
    read_at INTEGER,
    failed_at INTEGER,
    failures INTEGER NOT NULL,
    class TEXT,
    PRIMARY KEY (bucket, entity_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE collect_state (
    connection_id INTEGER NOT NULL PRIMARY KEY REFERENCES connection (id),
    listed_at INTEGER,
    next_at INTEGER,
    why TEXT,
    variants INTEGER NOT NULL DEFAULT 0
) STRICT;
