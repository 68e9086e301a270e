-- What each day's five numbers are, found a third way, to judge the others by: psql -v zone=UTC. The rows' days are sorted and counted, and a
-- total is the rank of a day's last row.
SET timezone = 'UTC';
WITH stamps AS (SELECT 'users' AS what, created_at FROM profiles UNION ALL SELECT 'posts', created_at FROM posts
                UNION ALL SELECT 'comments', created_at FROM comments),
     rows AS (SELECT what, (created_at AT TIME ZONE :'zone')::date AS day FROM stamps WHERE created_at < timestamptz '2100-01-01'),
     ranked AS (SELECT what, day, count(*) AS created, max(rank) AS total
                FROM (SELECT what, day, row_number() OVER (PARTITION BY what ORDER BY day) AS rank FROM rows) AS r GROUP BY what, day),
     days AS (SELECT generate_series(date '2025-11-01', date '2026-10-31', '1 day')::date AS day),
     named AS (SELECT days.day, w.what, coalesce(r.created, 0) AS created,
                      coalesce((SELECT max(total) FROM ranked AS older WHERE older.what = w.what AND older.day <= days.day), 0) AS total
               FROM days CROSS JOIN (VALUES ('users'), ('posts'), ('comments')) AS w (what)
               LEFT JOIN ranked AS r ON r.what = w.what AND r.day = days.day)
SELECT day || ',' || what || '_total,' || total FROM named
UNION ALL SELECT day || ',' || what || '_created,' || created FROM named WHERE what <> 'users'
ORDER BY 1;
