-- Reports that only an owner's token gives (the other engine's file has the same tables). Nothing of it is the record.

-- Of an account of a connection: when its reports were read last, the newest day that they knew of, and whether they were refused.
CREATE TABLE collect_report (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    account TEXT NOT NULL,
    read_at INTEGER,
    newest_day INTEGER,
    refused_at INTEGER,
    reason TEXT,
    PRIMARY KEY (connection_id, account)
) STRICT, WITHOUT ROWID;

-- How often a day of that age was read again, and how often it said something else than before: from it follows when days have settled.
CREATE TABLE collect_settle (
    connection_id INTEGER NOT NULL REFERENCES connection (id),
    age_days INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (connection_id, age_days)
) STRICT, WITHOUT ROWID;
