-- Reports that only an owner's token gives (the other engine's file has the same tables). Nothing of it is the record.

-- Of an account of a connection: when its reports were read last, the newest day that they knew of, and whether they were refused.
CREATE TABLE collect_report (
    connection_id bigint NOT NULL REFERENCES connection (id),
    account text NOT NULL,
    read_at bigint,
    newest_day bigint,
    refused_at bigint,
    reason text,
    PRIMARY KEY (connection_id, account)
);

-- How often a day of that age was read again, and how often it said something else than before: from it follows when days have settled.
CREATE TABLE collect_settle (
    connection_id bigint NOT NULL REFERENCES connection (id),
    age_days bigint NOT NULL,
    seen bigint NOT NULL,
    changed bigint NOT NULL,
    PRIMARY KEY (connection_id, age_days)
);
