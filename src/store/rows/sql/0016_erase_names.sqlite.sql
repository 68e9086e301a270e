-- What a closed day takes besides: in the metadata of an app's own metrics (the keys of a breakdown) a name gives way to "(erased)".
DROP TRIGGER observation_update;
CREATE TRIGGER observation_update BEFORE UPDATE ON observation
WHEN NOT (EXISTS (SELECT 1 FROM entity e WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id
            AND ((NEW.meta IS NULL AND e.erased_at IS NOT NULL) OR (NEW.meta LIKE '%(erased)%' AND e.kind = 2)))
    AND NEW.bucket IS OLD.bucket AND NEW.entity_id IS OLD.entity_id AND NEW.win IS OLD.win
         AND NEW.captured_at IS OLD.captured_at AND NEW.metric_id IS OLD.metric_id AND NEW.run_id IS OLD.run_id
         AND NEW.day IS OLD.day AND NEW.source_day IS OLD.source_day AND NEW.value IS OLD.value AND NEW.absence IS OLD.absence
         AND NEW.provenance IS OLD.provenance AND NEW.rank IS OLD.rank AND NEW.recorded_at IS OLD.recorded_at)
BEGIN SELECT RAISE(ABORT, 'nilo closed: observations are append-only'); END;
DROP TRIGGER day_value_update;
CREATE TRIGGER day_value_update BEFORE UPDATE ON day_value
WHEN (OLD.seq <> 0 OR NEW.seq <> 0 OR COALESCE((SELECT c.closed_until FROM entity e JOIN connection c ON c.id = e.connection_id
        WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id), 2147483647) >= OLD.day
    OR ((NEW.bucket <> OLD.bucket OR NEW.entity_id <> OLD.entity_id OR NEW.day <> OLD.day)
        AND COALESCE((SELECT c.closed_until FROM entity e JOIN connection c ON c.id = e.connection_id
            WHERE e.bucket = NEW.bucket AND e.id = NEW.entity_id), 2147483647) >= NEW.day))
    AND NOT (EXISTS (SELECT 1 FROM entity e WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id
            AND ((NEW.meta IS NULL AND e.erased_at IS NOT NULL) OR (NEW.meta LIKE '%(erased)%' AND e.kind = 2)))
    AND NEW.bucket IS OLD.bucket AND NEW.entity_id IS OLD.entity_id AND NEW.win IS OLD.win AND NEW.day IS OLD.day
         AND NEW.metric_id IS OLD.metric_id AND NEW.seq IS OLD.seq AND NEW.value IS OLD.value AND NEW.absence IS OLD.absence
         AND NEW.provenance IS OLD.provenance AND NEW.rank IS OLD.rank AND NEW.cause IS OLD.cause AND NEW.run_id IS OLD.run_id
         AND NEW.captured_at IS OLD.captured_at AND NEW.source_day IS OLD.source_day AND NEW.recorded_at IS OLD.recorded_at
         AND NEW.author IS OLD.author)
BEGIN SELECT RAISE(ABORT, 'nilo closed: this day is closed, its base never changes; record an amendment (revise) instead'); END;
