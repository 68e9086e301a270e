-- What a closed day takes besides: in the metadata of an app's own metrics (the keys of a breakdown) a name gives way to "(erased)".
CREATE OR REPLACE FUNCTION nilo_observation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND (NEW.bucket, NEW.entity_id, NEW.win, NEW.captured_at, NEW.metric_id, NEW.run_id, NEW.day, NEW.source_day, NEW.value, NEW.absence, NEW.provenance, NEW.rank, NEW.recorded_at)
        IS NOT DISTINCT FROM
            (OLD.bucket, OLD.entity_id, OLD.win, OLD.captured_at, OLD.metric_id, OLD.run_id, OLD.day, OLD.source_day, OLD.value, OLD.absence, OLD.provenance, OLD.rank, OLD.recorded_at)
        AND EXISTS (SELECT 1 FROM entity e WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id
            AND ((NEW.meta IS NULL AND e.erased_at IS NOT NULL) OR (NEW.meta LIKE '%(erased)%' AND e.kind = 2))) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE'
        AND EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN day_drop d ON d.connection_id = c.id
            WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND d.until_day >= OLD.day AND d.until_day > c.dropped_until) THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'DELETE'
        AND EXISTS (SELECT 1 FROM entity e JOIN connection c ON c.id = e.connection_id JOIN thinning t ON t.connection_id = c.id
            WHERE e.bucket = OLD.bucket AND e.id = OLD.entity_id AND c.closed_until >= OLD.day AND OLD.day BETWEEN t.from_day AND t.until_day)
        AND NOT EXISTS (SELECT 1 FROM run r WHERE r.id = OLD.run_id AND (r.kind IN (2, 4) OR r.status IN (0, 5, 6)))
        AND NOT EXISTS (SELECT 1 FROM day_value v WHERE v.bucket = OLD.bucket AND v.entity_id = OLD.entity_id AND v.win = OLD.win
            AND v.day = OLD.day AND v.metric_id = OLD.metric_id AND v.captured_at = OLD.captured_at AND v.run_id = OLD.run_id)
        AND NOT EXISTS (SELECT 1 FROM best b WHERE b.bucket = OLD.bucket AND b.entity_id = OLD.entity_id AND b.metric_id = OLD.metric_id
            AND b.win = OLD.win AND b.day = OLD.day AND b.captured_at = OLD.captured_at AND b.run_id = OLD.run_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'nilo closed: observation is append-only';
END $$;
CREATE OR REPLACE FUNCTION nilo_day_value_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM old_rows o LEFT JOIN entity e ON e.bucket = o.bucket AND e.id = o.entity_id
            LEFT JOIN connection c ON c.id = e.connection_id WHERE (o.seq <> 0 OR c.id IS NULL OR c.closed_until >= o.day)
            AND NOT ((e.erased_at IS NOT NULL OR e.kind = 2) AND EXISTS (SELECT 1 FROM new_rows n WHERE n.bucket = o.bucket AND n.entity_id = o.entity_id
                AND n.win = o.win AND n.day = o.day AND n.metric_id = o.metric_id AND n.seq = o.seq
                AND ((n.meta IS NULL AND e.erased_at IS NOT NULL) OR (n.meta LIKE '%(erased)%' AND e.kind = 2))
                AND (n.value, n.absence, n.provenance, n.rank, n.cause, n.run_id, n.captured_at, n.source_day, n.recorded_at, n.author)
                IS NOT DISTINCT FROM
                    (o.value, o.absence, o.provenance, o.rank, o.cause, o.run_id, o.captured_at, o.source_day, o.recorded_at, o.author))))
       OR EXISTS (SELECT 1 FROM new_rows n LEFT JOIN entity e ON e.bucket = n.bucket AND e.id = n.entity_id
            LEFT JOIN connection c ON c.id = e.connection_id WHERE (n.seq <> 0 OR c.id IS NULL OR c.closed_until >= n.day)
            AND NOT EXISTS (SELECT 1 FROM old_rows o WHERE o.bucket = n.bucket AND o.entity_id = n.entity_id
                AND o.win = n.win AND o.day = n.day AND o.metric_id = n.metric_id AND o.seq = n.seq)) THEN
        RAISE EXCEPTION 'nilo closed: this day is closed, its base never changes; record an amendment (revise) instead';
    END IF;
    RETURN NULL;
END $$;
