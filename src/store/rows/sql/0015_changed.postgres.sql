-- When what people say of owners and credits was last said otherwise (the other engine's file has the same columns). Null: as it was first said.
ALTER TABLE owner ADD COLUMN changed_at bigint;
ALTER TABLE credit ADD COLUMN changed_at bigint;
