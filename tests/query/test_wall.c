/* The second wall between workspaces, PostgreSQL's row-level security, alone: the scope is taken out of every statement (the linker puts our functions in the
 * place of nilo__scope_sql() and nilo__in_scope()), and a reader behind the wall is asked the same. What it answers is what it answers with the scope, byte for
 * byte; the same statements without the wall show what is somebody else's, so the wall is what stops it. */
#include "filled.h"

#include <stdlib.h>
#include <string.h>

#include "query/functions.h"
#include "support/pg.h"

/* ---- statements that forget whose rows are meant ------------------------------------------------------------------------------------- */

static bool forgetful;

void __real_nilo__scope_sql(const struct nilo_scope *scope, const char *column, struct nilo_buf *sql);
void __wrap_nilo__scope_sql(const struct nilo_scope *scope, const char *column, struct nilo_buf *sql);
void __wrap_nilo__scope_sql(const struct nilo_scope *scope, const char *column, struct nilo_buf *sql)
{
    if (!forgetful)
        __real_nilo__scope_sql(scope, column, sql);
}

bool __real_nilo__in_scope(const struct nilo_scope *scope, int64_t workspace);
bool __wrap_nilo__in_scope(const struct nilo_scope *scope, int64_t workspace);
bool __wrap_nilo__in_scope(const struct nilo_scope *scope, int64_t workspace)
{
    return forgetful || __real_nilo__in_scope(scope, workspace);
}

/* ---- a filled store, and a reader of it ---------------------------------------------------------------------------------------------- */

static struct filled f, walled; /* the same store: as its owner, and behind the wall */

static void must(int rc)
{
    if (rc != 0)
        fail_msg("%s", f.err.code != NILO_OK ? f.err.msg : walled.err.msg);
}

static char target[600];

static int setup(void **state)
{
    (void)state;
    bool there;
    forgetful = false;
    if (filled_open(&f, NILO_DB_POSTGRES) != 0)
        return 0;
    snprintf(target, sizeof target, "%s", nilo_store_target(f.store));
    walled = f;
    must(nilo_store_open(target, NILO_STORE_READ, &f.env, &walled.store, &walled.err));
    must(nilo_store_wall(walled.store, &there, &walled.err));
    assert_true(there);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (!f.store)
        return 0;
    filled_close(&walled);
    filled_close(&f);
    return 0;
}

static char *one_text(struct nilo_db *db, const char *sql)
{
    struct nilo_db_stmt *stmt;
    struct nilo_err err = {0};
    if (nilo_db_prepare(db, sql, &stmt, &err) != 0 || nilo_db_query(stmt, NULL, 0, &err) != 0 || nilo_db_row(stmt, &err) != 1)
        fail_msg("%s: %s", sql, err.msg);
    char *text = strdup(nilo_db_column_text(stmt, 0));
    nilo_db_reset(stmt);
    return text;
}

static int64_t one_int(struct nilo_db *db, const char *sql)
{
    char *text = one_text(db, sql);
    int64_t n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

/* ---- what is asked ------------------------------------------------------------------------------------------------------------------------- */

static const char *const calls[] = {
    "activity()", "collection_status()", "coverage from=2025-03-01&to=2025-03-09", "current_metrics()", "growth metric=views&step=day", "owner_profile owner=maria",
    "owner_profile owner=beta-only", "run_report run=1", "timeseries metric=views&from=2025-03-01&to=2025-03-09", "timeseries metric=views&from=2025-03-01&to=2025-03-09&owner=maria",
    "timeseries metric=views&from=2025-03-01&to=2025-03-09&external_id=itemb9", "timeseries metric=views&from=2025-03-01&to=2025-03-09&connection=beta-import",
    "timeseries metric=views&from=2025-03-01&to=2025-03-09&as_of=2025-03-05", "top_content()", "top_content period=30", "top_content owner=maria",
};
#define N_CALLS (sizeof calls / sizeof calls[0])
static const char *const narrowed[] = {
    "content_snapshots?external_id=eq.itemb9", "content_snapshots?owner=eq.maria", "content_snapshots?as_of=2025-03-05", "metric_values?external_id=in.(v1,itemb9)",
    "daily_metrics?metric_date=eq.2025-03-08", "connections?name=eq.beta-import", "owners?key=eq.beta-only", "runs?workspace=eq.beta", "owner_daily?owner=eq.maria",
};
#define N_NARROWED (sizeof narrowed / sizeof narrowed[0])
#define N_QUESTIONS (nilo_relations_n + N_CALLS + N_NARROWED)

static const char *question(size_t i)
{
    return i < nilo_relations_n ? nilo_relations[i].name : i < nilo_relations_n + N_CALLS ? calls[i - nilo_relations_n] : narrowed[i - nilo_relations_n - N_CALLS];
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Its rows in the order of their texts: without an order= they come as the plan has it, and the wall is part of the plan. */
static void sort_rows(char *text)
{
    char *lines[500], *copy = strdup(text), *save = NULL;
    size_t n = 0, len = strlen(copy), at = 0;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        assert_in_range(n, 0, 499);
        lines[n] = line + strspn(line, " [");
        for (size_t m = strlen(lines[n]); m > 0 && strchr(" ,]", lines[n][m - 1]); m--)
            lines[n][m - 1] = '\0';
        n++;
    }
    qsort(lines, n, sizeof lines[0], by_text);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, len + 1 - at, "%s\n", lines[i]);
    free(copy);
}

/* The answer, or why there is none. owner: caller */
static char *ask(struct filled *x, int64_t workspace, size_t i, bool without_scope)
{
    const struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &workspace, .n = 1};
    forgetful = without_scope;
    char *text = filled_ask(x, &scope, NILO_FORMAT_JSON, NULL, question(i));
    forgetful = false;
    if (!text)
        return strdup(x->err.msg);
    sort_rows(text);
    return text;
}

static bool shows_beta(const char *text)
{
    static const char *const marks[] = {"SECRET-beta", "77777", "88888", "66666", "55555", "44444", "beta-import", "beta-only", "itemb9"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strstr(text, marks[i]))
            return true;
    }
    return false;
}

static void statements_that_forget_their_scope_show_nothing_behind_the_wall(void **state)
{
    (void)state;
    size_t leaks = 0, others = 0;
    if (!f.store)
        nilo_test_skip("%s", nilo_test_pg_missing());
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        char *with = ask(&walled, f.a, i, false), *without = ask(&walled, f.a, i, true), *open = ask(&f, f.a, i, true);
        if (strcmp(with, without) != 0)
            fail_msg("%s: behind the wall it is\n%s\nwith its scope, and without it\n%s", question(i), with, without);
        /* names that the question itself has */
        bool named = strstr(question(i), "beta") != NULL || strstr(question(i), "itemb9") != NULL;
        if (shows_beta(without) && !named)
            fail_msg("%s shows what is beta's: %s", question(i), without);
        leaks += shows_beta(open) && !named;
        others += strcmp(open, with) != 0;
        free(with);
        free(without);
        free(open);
    }
    /* without the wall they do, so this looks at something */
    print_message("# %zu questions; without scope and wall %zu show beta's, %zu answer otherwise\n", N_QUESTIONS, leaks, others);
    assert_in_range(leaks, 12, N_QUESTIONS);
    assert_in_range(others, 20, N_QUESTIONS);
}

/* One handle after the other tenant, and back: what the session has is always what is asked for. */
static void the_wall_moves_with_who_asks(void **state)
{
    (void)state;
    if (!f.store)
        nilo_test_skip("%s", nilo_test_pg_missing());
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        char *a = ask(&walled, f.a, i, true), *b = ask(&walled, f.b, i, true), *a_again = ask(&walled, f.a, i, true), *of_b = ask(&f, f.b, i, false);
        assert_string_equal(a, a_again);
        assert_string_equal(b, of_b);
        free(a);
        free(b);
        free(a_again);
        free(of_b);
    }
    const struct nilo_scope nobody = {.role = NILO_ROLE_ADMIN};
    forgetful = true;
    char *none = filled_get(&walled, &nobody, NILO_FORMAT_JSON, NULL, "content_snapshots");
    forgetful = false;
    assert_string_equal(none, "[]\n");
    free(none);
    /* the whole store, for who may ask for it */
    const struct nilo_scope all = NILO_SCOPE_ALL;
    char *both = filled_get(&walled, &all, NILO_FORMAT_JSON, NULL, "workspaces?select=name&order=name");
    assert_string_equal(both, "[{\"name\":\"acme\"},\n {\"name\":\"beta\"}]\n");
    free(both);
}

/* A setting made in a transaction that is rolled back is not what the session has afterwards. */
static void a_rolled_back_transaction_leaves_the_wall_where_it_has_to_be(void **state)
{
    (void)state;
    if (!f.store)
        nilo_test_skip("%s", nilo_test_pg_missing());
    struct nilo_db *db = nilo_store_db(walled.store);
    const struct nilo_scope a = {.role = NILO_ROLE_ADMIN, .workspaces = &f.a, .n = 1}, b = {.role = NILO_ROLE_ADMIN, .workspaces = &f.b, .n = 1};
    must(nilo_store_scope(walled.store, &a, &walled.err));
    must(nilo_db_begin(db, &walled.err));
    must(nilo_store_scope(walled.store, &b, &walled.err));
    assert_int_equal(one_int(db, "SELECT max(id) FROM workspace"), f.b);
    nilo_db_rollback(db);
    assert_int_equal(one_int(db, "SELECT max(id) FROM workspace"), f.a);
    must(nilo_store_scope(walled.store, &b, &walled.err));
    assert_int_equal(one_int(db, "SELECT max(id) FROM workspace"), f.b);
    must(nilo_store_scope(walled.store, &a, &walled.err));
    assert_int_equal(one_int(db, "SELECT max(id) FROM workspace"), f.a);
}

/* ---- the tables themselves ------------------------------------------------------------------------------------------------------------------- */

/* Whose a row of that table is, as a condition of its owner's on t. */
static void of_workspace(struct nilo_db *db, const char *table, int64_t w, char *out, size_t size)
{
    static const struct {
        const char *column, *sql; /* the workspace's number behind it */
    } ways[] = {
        {"workspace_id", "t.workspace_id = "},
        {"entity_id", "(SELECT e.workspace_id FROM entity e WHERE e.id = t.entity_id) = "},
        {"connection_id", "(SELECT c.workspace_id FROM connection c WHERE c.id = t.connection_id) = "},
        {"run_id", "(SELECT r.workspace_id FROM run r WHERE r.id = t.run_id) = "},
        {"scope_id", "CASE t.scope_kind WHEN 0 THEN t.scope_id WHEN 1 THEN (SELECT c.workspace_id FROM connection c WHERE c.id = t.scope_id) ELSE "
                     "(SELECT o.workspace_id FROM owner o WHERE o.id = t.scope_id) END = "},
    };
    snprintf(out, size, "t.id = %lld", (long long)w);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char sql[300];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_attribute WHERE attrelid = '%s'::regclass AND attname = '%s'", table, ways[i].column);
        if (one_int(db, sql) == 0)
            continue;
        snprintf(out, size, "%s%lld", ways[i].sql, (long long)w);
        return;
    }
}

static int tables_with_both; /* rows of either workspace */

static void table_shows_one_workspace(struct nilo_db *owner, struct nilo_db *reader, const char *table)
{
    const int64_t ids[] = {f.a, f.b};
    char of[400], text[700];
    int with_rows = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &ids[i], .n = 1};
        must(nilo_store_scope(walled.store, &scope, &walled.err));
        of_workspace(owner, table, ids[i], of, sizeof of);
        snprintf(text, sizeof text, "SELECT COALESCE(md5(string_agg(r, '|' ORDER BY r)), '') || ' ' || count(*) FROM (SELECT CAST(t AS text) AS r FROM %s t WHERE %s) x", table, of);
        char *wanted = one_text(owner, text);
        snprintf(text, sizeof text, "SELECT COALESCE(md5(string_agg(r, '|' ORDER BY r)), '') || ' ' || count(*) FROM (SELECT CAST(t AS text) AS r FROM %s t) x", table);
        char *seen = one_text(reader, text);
        if (strcmp(wanted, seen) != 0)
            fail_msg("%s shows workspace %lld %s instead of %s", table, (long long)ids[i], seen, wanted);
        with_rows += strcmp(wanted, " 0") != 0;
        free(wanted);
        free(seen);
    }
    const struct nilo_scope nobody = {.role = NILO_ROLE_ADMIN};
    must(nilo_store_scope(walled.store, &nobody, &walled.err));
    snprintf(text, sizeof text, "SELECT count(*) FROM %s", table);
    if (one_int(reader, text) != 0)
        fail_msg("%s shows rows to who has no workspace", table);
    tables_with_both += with_rows == 2;
}

static void each_table_shows_the_rows_of_the_workspaces_asked_for_or_none(void **state)
{
    (void)state;
    static const char *const shared[] = {"meta", "metric", "nilo_migration"}; /* of the store */
    if (!f.store)
        nilo_test_skip("%s", nilo_test_pg_missing());
    struct nilo_db *owner = nilo_store_db(f.store), *reader = nilo_store_db(walled.store);
    char *all = one_text(owner, "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = CAST('public' AS regnamespace)");
    char *save = NULL, sql[300];
    int open = 0, closed = 0;
    tables_with_both = 0;
    for (char *table = strtok_r(all, " ", &save); table; table = strtok_r(NULL, " ", &save)) {
        struct nilo_err err = {0};
        struct nilo_db_stmt *stmt;
        bool common = false;
        for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
            common |= strcmp(shared[i], table) == 0;
        snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_class WHERE oid = '%s'::regclass AND relrowsecurity", table);
        if (one_int(owner, sql) != 1)
            fail_msg("the table %s has no row-level security: give it some in the migration that makes it (0020_row_security shows how)", table);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_policy WHERE polrelid = '%s'::regclass AND polname = 'nilo_workspace'", table);
        if (one_int(owner, sql) == 1) {
            open++;
            if (!common)
                table_shows_one_workspace(owner, reader, table);
            continue;
        }
        closed++;
        snprintf(sql, sizeof sql, "SELECT 1 FROM %s", table);
        if (nilo_db_prepare(reader, sql, &stmt, &err) == 0 && nilo_db_query(stmt, NULL, 0, &err) == 0 && nilo_db_row(stmt, &err) >= 0)
            fail_msg("the reader may read %s, which has no policy", table);
        assert_int_equal(err.code, NILO_EPERM);
    }
    free(all);
    print_message("# %d tables with a policy (%d with rows of both), %d closed\n", open, tables_with_both, closed);
    assert_in_range(open, 25, 100);
    assert_in_range(tables_with_both, 12, 100);
    assert_in_range(closed, 15, 100);
    struct nilo_err err = {0};
    assert_int_equal(nilo_db_exec(reader, "CREATE TABLE mine (a int)", &err), -1);
}

/* ---- who may make the reader ------------------------------------------------------------------------------------------------------------------- */

static void open_as(const char *url, enum nilo_store_mode mode, struct nilo_store **ret)
{
    struct nilo_err err = {0};
    if (nilo_store_open(url, mode, &f.env, ret, &err) != 0)
        fail_msg("%s", err.msg);
}

static void as_user(const char *url, const char *user, char *out, size_t size)
{
    static const char nilo[] = "://nilo@";
    const char *at = strstr(url, nilo);
    assert_non_null(at);
    snprintf(out, size, "%.*s://%s@%s", (int)(at - url), url, user, at + sizeof nilo - 1);
}

static char *lacks(struct nilo_store *s)
{
    char *text;
    struct nilo_err err = {0};
    if (nilo_store_wall_lacks(s, &text, &err) != 0)
        fail_msg("%s", err.msg);
    return text;
}

/* A user who may make no roles has no wall, and is told so, until an administrator makes it; who was given rights by hand sees what they saw. */
static void who_may_make_no_role_is_told_what_is_missing(void **state)
{
    (void)state;
    if (!f.store)
        nilo_test_skip("%s", nilo_test_pg_missing());
    struct nilo_db *admin = nilo_store_db(f.store);
    struct nilo_err err = {0};
    struct nilo_store *s;
    bool there = true;
    char url[600];
    const char *target_of_nilo = nilo_test_pg_database("plain_store");
    as_user(target_of_nilo, "plain", url, sizeof url);
    if (nilo_db_exec(admin, "CREATE ROLE plain LOGIN; CREATE ROLE analyst LOGIN", &err) != 0 || nilo_db_exec(admin, "ALTER DATABASE plain_store OWNER TO plain", &err) != 0)
        fail_msg("%s", err.msg);
    open_as(url, NILO_STORE_CREATE, &s);
    char *why = lacks(s);
    assert_non_null(why);
    assert_string_equal(why, "there is no role nilometer_reader_of_plain; have an administrator say CREATE ROLE nilometer_reader_of_plain; GRANT nilometer_reader_of_plain TO plain; and "
                             "run nilometer init");
    free(why);
    struct nilo_workspace w;
    must(nilo_store_workspace(s, "acme", true, NULL, &w, &f.err));
    nilo_store_close(s);
    open_as(url, NILO_STORE_READ, &s);
    must(nilo_store_wall(s, &there, &f.err));
    assert_false(there);
    assert_int_equal(one_int(nilo_store_db(s), "SELECT count(*) FROM workspace"), 1); /* and reads as before */
    nilo_store_close(s);
    /* half of it */
    if (nilo_db_exec(admin, "CREATE ROLE nilometer_reader_of_plain BYPASSRLS", &err) != 0)
        fail_msg("%s", err.msg);
    open_as(url, NILO_STORE_WRITE, &s);
    why = lacks(s);
    assert_string_equal(why, "the role nilometer_reader_of_plain may read past row-level security; have an administrator say ALTER ROLE nilometer_reader_of_plain NOSUPERUSER "
                             "NOBYPASSRLS; and run nilometer init");
    free(why);
    nilo_store_close(s);
    if (nilo_db_exec(admin, "ALTER ROLE nilometer_reader_of_plain NOBYPASSRLS", &err) != 0)
        fail_msg("%s", err.msg);
    open_as(url, NILO_STORE_WRITE, &s);
    why = lacks(s);
    assert_string_equal(why, "plain may not become nilometer_reader_of_plain; have an administrator say GRANT nilometer_reader_of_plain TO plain; and run nilometer init");
    free(why);
    nilo_store_close(s);
    if (nilo_db_exec(admin, "GRANT nilometer_reader_of_plain TO plain", &err) != 0)
        fail_msg("%s", err.msg);
    open_as(url, NILO_STORE_READ, &s);
    why = lacks(s);
    assert_string_equal(why, "nilometer_reader_of_plain may not read what it has to; run nilometer init");
    free(why);
    nilo_store_close(s);
    open_as(url, NILO_STORE_WRITE, &s); /* whoever writes puts the rest right */
    assert_null(lacks(s));
    if (nilo_db_exec(nilo_store_db(s), "GRANT SELECT ON workspace TO analyst; SET ROLE plain", &err) != 0)
        fail_msg("%s", err.msg);
    nilo_store_close(s);
    open_as(url, NILO_STORE_READ, &s);
    must(nilo_store_wall(s, &there, &f.err));
    assert_true(there);
    assert_int_equal(one_int(nilo_store_db(s), "SELECT count(*) FROM workspace"), 0); /* nobody's, until somebody asks */
    nilo_store_close(s);
    struct nilo_db *db;
    as_user(target_of_nilo, "analyst", url, sizeof url);
    const struct nilo_db_options options = {.mode = NILO_DB_READ};
    if (nilo_db_open(url, &options, &db, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(one_int(db, "SELECT count(*) FROM workspace"), 1);
    nilo_db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_that_forget_their_scope_show_nothing_behind_the_wall),
        cmocka_unit_test(the_wall_moves_with_who_asks),
        cmocka_unit_test(a_rolled_back_transaction_leaves_the_wall_where_it_has_to_be),
        cmocka_unit_test(each_table_shows_the_rows_of_the_workspaces_asked_for_or_none),
        cmocka_unit_test(who_may_make_no_role_is_told_what_is_missing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
