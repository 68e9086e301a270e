-- The days of the app's own metrics, as shown now, 32 to a row: derived, follows its cells in their transaction (app_days.c). SQLite's only: a server does
-- not answer fast enough for it to matter. block: day / 32, downwards. cells: 32 values in decimal with commas between, nothing where none is shown.
CREATE TABLE app_days (
    bucket INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    metric_id INTEGER NOT NULL,
    block INTEGER NOT NULL,
    cells TEXT NOT NULL,
    PRIMARY KEY (bucket, entity_id, metric_id, block)
) STRICT, WITHOUT ROWID;
INSERT INTO app_days (bucket, entity_id, metric_id, block, cells) SELECT v.bucket, v.entity_id, v.metric_id, (v.day - (v.day & 31)) / 32,
    coalesce(max(CASE v.day & 31 WHEN 0 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 1 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 2 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 3 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 4 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 5 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 6 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 7 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 8 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 9 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 10 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 11 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 12 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 13 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 14 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 15 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 16 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 17 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 18 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 19 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 20 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 21 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 22 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 23 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 24 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 25 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 26 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 27 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 28 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 29 THEN v.value END), '') || ',' ||
    coalesce(max(CASE v.day & 31 WHEN 30 THEN v.value END), '') || ',' || coalesce(max(CASE v.day & 31 WHEN 31 THEN v.value END), '')
FROM entity e JOIN day_value v ON v.bucket = e.bucket AND v.entity_id = e.id WHERE e.kind = 2 AND v.win = 0 AND v.value IS NOT NULL
    AND v.seq = (SELECT max(w.seq) FROM day_value w WHERE w.bucket = v.bucket AND w.entity_id = v.entity_id AND w.win = v.win AND w.day = v.day
                 AND w.metric_id = v.metric_id)
GROUP BY 1, 2, 3, 4;
