-- An application's database, made anew and always the same: psql -v scale=1.0 is 100,000 profiles, 1,000,000 posts and 5,000,000 comments over the
-- 365 days from 2025-11-01 on, more every day than the day before. Nothing but the primary keys is indexed. With the dirt of a database that
-- is in use: rows that were edited (and so lie elsewhere) or deleted, without a timestamp, with an infinite one, from before the range and behind it.
\set ON_ERROR_STOP on
\set QUIET on
SET timezone = 'UTC';
SET client_min_messages = warning;
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
SELECT setseed(0.17) \g /dev/null

CREATE TABLE profiles (id bigint NOT NULL, handle text NOT NULL, created_at timestamptz);
CREATE TABLE posts (id bigint NOT NULL, user_id bigint NOT NULL, body text NOT NULL, edited boolean NOT NULL DEFAULT false, created_at timestamptz);
CREATE TABLE comments (id bigint NOT NULL, post_id bigint NOT NULL, user_id bigint NOT NULL, body text NOT NULL, edited boolean NOT NULL DEFAULT false,
                       created_at timestamptz);

-- The share u of all rows exists after sqrt(u) of the year; a row is up to an hour off its place.
CREATE FUNCTION pg_temp.moment(i bigint, n bigint) RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT timestamptz '2025-11-01 00:00:00+00' + interval '1 second' * floor(31536000 * sqrt((i - 0.5) / n) + 3600 * (random() - 0.5)) $$;

SELECT (100000 * :scale)::bigint AS profiles, (1000000 * :scale)::bigint AS posts, (5000000 * :scale)::bigint AS comments \gset
INSERT INTO profiles SELECT i, 'user-' || i, pg_temp.moment(i, :profiles) FROM generate_series(1::bigint, :profiles) AS i;
INSERT INTO posts SELECT i, 1 + (i * 7919) % :profiles, repeat('what I did today. ', 1 + (i % 7)::int), false, pg_temp.moment(i, :posts)
  FROM generate_series(1::bigint, :posts) AS i;
INSERT INTO comments SELECT i, 1 + (i * 104729) % :posts, 1 + (i * 31) % :profiles, repeat('so true! ', 1 + (i % 4)::int), false, pg_temp.moment(i, :comments)
  FROM generate_series(1::bigint, :comments) AS i;

UPDATE posts SET edited = true, body = body || '(edited)' WHERE id % 23 = 5;
UPDATE comments SET edited = true, body = body || '(edited)' WHERE id % 41 = 5;
DELETE FROM posts WHERE id % 97 = 1;
DELETE FROM comments WHERE id % 89 = 1;
UPDATE profiles SET created_at = created_at - interval '400 days' WHERE id % 1000 = 3;
UPDATE posts SET created_at = NULL WHERE id % 1999 = 7;
UPDATE comments SET created_at = NULL WHERE id % 4999 = 7;
UPDATE comments SET created_at = 'infinity' WHERE id % 99991 = 9;
UPDATE posts SET created_at = created_at + interval '3 years' WHERE id % 50021 = 11;

ALTER TABLE profiles ADD PRIMARY KEY (id);
ALTER TABLE posts ADD PRIMARY KEY (id);
ALTER TABLE comments ADD PRIMARY KEY (id);
VACUUM (ANALYZE) profiles;
VACUUM (ANALYZE) posts;
VACUUM (ANALYZE) comments;
CHECKPOINT;
