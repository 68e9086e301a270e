-- Whose an item is, as the platform's listing said (the other engine's file has the same column): only its owner's token tells of it. Null: not known.
ALTER TABLE collect_item ADD COLUMN account text;
