-- Which of its own runs an app names with a row of windows (source_run_id), in its words: it comes back as it was posted (the other engine's file has the same
-- table). Not there: the app named none. number: it was posted as a JSON number, and run is its spelling.
CREATE TABLE posted_run (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    win INTEGER NOT NULL,
    day INTEGER NOT NULL,
    run TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (bucket, entity_id, win, day)
) STRICT, WITHOUT ROWID;
