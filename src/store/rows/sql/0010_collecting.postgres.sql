-- What collecting remembers between two runs (the other engine's file has the same tables). Nothing of it is the record.

-- Who is at a schedule; fence rises with every lease.
CREATE TABLE schedule_lease (
    schedule text PRIMARY KEY,
    fence bigint NOT NULL,
    slot_at bigint NOT NULL,
    holder text,
    lease_until bigint
);

-- state 0 taken, 1 done, 2 missed. tries: how often it was taken.
CREATE TABLE schedule_slot (
    schedule text NOT NULL,
    slot_at bigint NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 0 AND 2),
    fence bigint NOT NULL,
    tries integer NOT NULL,
    taken_at bigint NOT NULL,
    ended_at bigint,
    reason text,
    PRIMARY KEY (schedule, slot_at)
);

-- A slot is done once, and stays done.
CREATE FUNCTION nilo_schedule_slot_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'nilo closed: this slot came to its end';
END $$;
CREATE TRIGGER schedule_slot_update BEFORE UPDATE ON schedule_slot FOR EACH ROW WHEN (OLD.state <> 0)
    EXECUTE FUNCTION nilo_schedule_slot_update();

CREATE TABLE api_budget (
    owner text NOT NULL,
    bucket text NOT NULL,
    period_start bigint NOT NULL,
    period_end bigint NOT NULL,
    most bigint NOT NULL,
    used bigint NOT NULL,
    blocked_until bigint,
    reason text,
    updated_at bigint NOT NULL,
    PRIMARY KEY (owner, bucket)
);

CREATE TABLE api_host (
    host text PRIMARY KEY,
    failures bigint NOT NULL,
    opened bigint NOT NULL,
    open_until bigint,
    credit bigint NOT NULL,
    updated_at bigint NOT NULL
);

-- How reading each item went last; what the platform said of a failure is in the log of runs.
CREATE TABLE collect_item (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    connection_id bigint NOT NULL,
    read_at bigint,
    failed_at bigint,
    failures bigint NOT NULL,
    class text,
    PRIMARY KEY (bucket, entity_id)
);

CREATE TABLE collect_state (
    connection_id bigint PRIMARY KEY REFERENCES connection (id),
    listed_at bigint,
    next_at bigint,
    why text,
    variants bigint NOT NULL DEFAULT 0
);
