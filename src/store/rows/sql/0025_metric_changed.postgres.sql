-- When the words of a metric, or whether it is active, were last said otherwise (the other engine's file has the same column). Null: as it was defined.
ALTER TABLE metric ADD COLUMN changed_at bigint;
