-- What platforms say by themselves (hooks): items and connections that are asked for before their turn, and the digests of what has come, so that it counts once.
-- Digests are no part of the record and go after a week.
ALTER TABLE collect_item ADD COLUMN asked_at INTEGER;
ALTER TABLE collect_state ADD COLUMN asked_at INTEGER;
CREATE TABLE hook_seen (
    hook TEXT NOT NULL,
    digest TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (hook, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX hook_seen_at ON hook_seen (seen_at);
