-- What apps do that keep daily numbers beside their tables: a table of them, a function that counts one day, a procedure that calls it for
-- each day of the past. Five counts a day, each over a whole table, since nothing is indexed by created_at.
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS daily_metrics (
  metric_date date NOT NULL, metric_type text NOT NULL, metric_category text NOT NULL, value numeric NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}', collected_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (metric_date, metric_type, metric_category));

CREATE OR REPLACE FUNCTION count_day(target date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  users_total bigint; posts_total bigint; comments_total bigint; posts_created bigint; comments_created bigint;
BEGIN
  SELECT count(*) INTO users_total FROM profiles WHERE created_at::date <= target;
  SELECT count(*) INTO posts_total FROM posts WHERE created_at::date <= target;
  SELECT count(*) INTO comments_total FROM comments WHERE created_at::date <= target;
  SELECT count(*) INTO posts_created FROM posts WHERE created_at::date = target;
  SELECT count(*) INTO comments_created FROM comments WHERE created_at::date = target;
  INSERT INTO daily_metrics (metric_date, metric_type, metric_category, value)
  VALUES (target, 'count', 'users_total', users_total), (target, 'count', 'posts_total', posts_total),
         (target, 'count', 'comments_total', comments_total), (target, 'count', 'posts_created', posts_created),
         (target, 'count', 'comments_created', comments_created)
  ON CONFLICT (metric_date, metric_type, metric_category) DO UPDATE SET value = excluded.value, collected_at = now();
END $$;

CREATE OR REPLACE PROCEDURE count_days(first date, last date, step integer DEFAULT 1) LANGUAGE plpgsql AS $$
BEGIN
  WHILE first <= last LOOP
    PERFORM count_day(first);
    first := first + step;
  END LOOP;
END $$;
