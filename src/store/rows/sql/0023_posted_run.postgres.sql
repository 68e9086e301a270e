-- Which of its own runs an app names with a row of windows (source_run_id), in its words: it comes back as it was posted (the other engine's file has the same
-- table). Not there: the app named none. number: it was posted as a JSON number, and run is its spelling.
CREATE TABLE posted_run (
    bucket smallint NOT NULL,
    entity_id bigint NOT NULL,
    win integer NOT NULL,
    day integer NOT NULL,
    run text NOT NULL,
    number smallint NOT NULL,
    PRIMARY KEY (bucket, entity_id, win, day)
);
-- what the API reads sees the rows of its workspaces, as of all that items have
ALTER TABLE posted_run ENABLE ROW LEVEL SECURITY;
CREATE POLICY nilo_others ON posted_run USING ((SELECT left(current_user, 20) <> 'nilometer_reader_of_')) WITH CHECK ((SELECT left(current_user, 20) <> 'nilometer_reader_of_'));
CREATE POLICY nilo_workspace ON posted_run FOR SELECT USING (EXISTS (SELECT 1 FROM entity e WHERE e.bucket = posted_run.bucket AND e.id = posted_run.entity_id));
