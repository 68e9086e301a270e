-- SQLite's only: the other engine's file says what for.
SELECT 1;
