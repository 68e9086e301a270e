-- The second wall between workspaces: what the API reads, it reads as a role of its own (nilometer_reader_of_OWNER), which sees rows of the
-- workspaces that the setting nilometer.workspaces names ("3" or "3,7") and of no other, whatever a statement asks; without the setting, none. The
-- owner of the tables, who writes, and other roles that somebody gave rights see what they saw before. A table without a policy
-- shows the reader nothing, so a new one is closed until a migration says otherwise. Policies that look into entity or connection do so behind these tables' own.

DO $$
DECLARE
    t text;
    others constant text := '((SELECT left(current_user, 20) <> ''nilometer_reader_of_''))';
    mine constant text := ' = ANY ((SELECT string_to_array(current_setting(''nilometer.workspaces'', true), '','')::bigint[])::bigint[])';
BEGIN
    FOR t IN SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'entity'::regclass)
        AND c.relname IN ('meta', 'id_seq', 'nilo_migration', 'workspace', 'workspace_zone', 'connection', 'metric', 'owner', 'entity', 'content', 'credit', 'run', 'run_failure',
            'observation', 'day_value', 'known', 'latest', 'best', 'total', 'day_close', 'connection_pause', 'connection_secret', 'erasure', 'erase_key', 'erased',
            'thinning', 'day_drop', 'best_floor', 'carried_total', 'api_key', 'api_key_workspace', 'api_revoked', 'api_closed', 'api_access', 'hidden_row', 'annotation',
            'connection_login', 'connection_status', 'schedule_lease', 'schedule_slot', 'api_budget', 'api_host', 'collect_item', 'collect_state', 'raw_answer', 'best_import',
            'connection_key', 'collect_report', 'collect_settle', 'content_event', 'metric_used') LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY nilo_others ON %I USING %s WITH CHECK %s', t, others, others);
    END LOOP;
    -- of the store, not of a workspace: names of metrics, its own name
    FOREACH t IN ARRAY ARRAY['meta', 'metric', 'nilo_migration'] LOOP
        EXECUTE format('CREATE POLICY nilo_workspace ON %I FOR SELECT USING (true)', t);
    END LOOP;
    EXECUTE 'CREATE POLICY nilo_workspace ON workspace FOR SELECT USING (id' || mine || ')';
    FOREACH t IN ARRAY ARRAY['workspace_zone', 'connection', 'owner', 'entity', 'credit', 'run', 'erasure', 'carried_total', 'annotation', 'metric_used'] LOOP
        EXECUTE format('CREATE POLICY nilo_workspace ON %I FOR SELECT USING (workspace_id%s)', t, mine);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['connection_pause', 'connection_status', 'day_close', 'thinning', 'day_drop'] LOOP
        EXECUTE format('CREATE POLICY nilo_workspace ON %I FOR SELECT USING (EXISTS (SELECT 1 FROM connection c WHERE c.id = %I.connection_id))', t, t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['content', 'observation', 'day_value', 'known', 'latest', 'best', 'best_floor', 'best_import', 'hidden_row', 'content_event'] LOOP
        EXECUTE format('CREATE POLICY nilo_workspace ON %I FOR SELECT USING (EXISTS (SELECT 1 FROM entity e WHERE e.bucket = %I.bucket AND e.id = %I.entity_id))', t, t, t);
    END LOOP;
    CREATE POLICY nilo_workspace ON run_failure FOR SELECT USING (EXISTS (SELECT 1 FROM run r WHERE r.id = run_failure.run_id));
    CREATE POLICY nilo_workspace ON total FOR SELECT USING (CASE total.scope_kind
        WHEN 0 THEN EXISTS (SELECT 1 FROM workspace w WHERE w.id = total.scope_id)
        WHEN 1 THEN EXISTS (SELECT 1 FROM connection c WHERE c.id = total.scope_id)
        ELSE EXISTS (SELECT 1 FROM owner o WHERE o.id = total.scope_id) END);
END $$;

-- The reader's name goes with the owner's, as roles belong to the whole server: a role that two owners' stores shared would open each to the other.
CREATE FUNCTION nilo_reader() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT 'nilometer_reader_of_' || CASE WHEN octet_length(o.name) <= 43 THEN o.name ELSE md5(o.name) END
    FROM (SELECT CAST(pg_get_userbyid(relowner) AS text) AS name FROM pg_class WHERE oid = 'entity'::regclass) o
$$;
-- Makes the reader, where that is not done and the caller may, and lets it read what has a policy. Says what is missing; NULL = nothing.
CREATE FUNCTION nilo_reader_make() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    reader constant text := nilo_reader();
    belongs constant text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    home name;
    t record;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = reader) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', reader);
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = reader AND (rolsuper OR rolbypassrls)) THEN
        RETURN format('the role %s may read past row-level security', reader);
    END IF;
    IF NOT pg_has_role(current_user, reader, belongs) THEN
        EXECUTE format('GRANT %I TO %I', reader, current_user);
    END IF;
    SELECT n.nspname INTO home FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid WHERE c.oid = 'entity'::regclass;
    IF NOT has_schema_privilege(reader, home, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', home, reader);
    END IF;
    FOR t IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = home
        AND (EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'nilo_workspace') OR c.relkind = 'v' AND c.relname IN ('every_workspace', 'every_workspace_zone'))
        AND NOT has_table_privilege(reader, c.oid, 'SELECT') LOOP
        EXECUTE format('GRANT SELECT ON %s TO %I', t.name, reader);
    END LOOP;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;

-- What is asked before it is known whose rows are meant: which workspaces there are, and their zones.
CREATE VIEW every_workspace AS SELECT id, name FROM workspace;
CREATE VIEW every_workspace_zone AS SELECT workspace_id, from_day, zone FROM workspace_zone;
