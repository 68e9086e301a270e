-- What platforms say by themselves (hooks): items and connections that are asked for before their turn, and the digests of what has come, so that it counts once.
-- Digests are no part of the record and go after a week.
ALTER TABLE collect_item ADD COLUMN asked_at bigint;
ALTER TABLE collect_state ADD COLUMN asked_at bigint;
CREATE TABLE hook_seen (
    hook text NOT NULL,
    digest text NOT NULL,
    seen_at bigint NOT NULL,
    PRIMARY KEY (hook, digest)
);
CREATE INDEX hook_seen_at ON hook_seen (seen_at);
ALTER TABLE hook_seen ENABLE ROW LEVEL SECURITY;
CREATE POLICY nilo_others ON hook_seen USING ((SELECT left(current_user, 20) <> 'nilometer_reader_of_')) WITH CHECK ((SELECT left(current_user, 20) <> 'nilometer_reader_of_'));
