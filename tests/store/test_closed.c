/* A closed day never changes, by SQL neither: triggers refuse it, on our own connection and on one that knows nothing of us.
 * Each statement is tried on a store in which day 100 is closed, with a base and an amendment, and day 200 is open. What is
 * refused says "nilo closed:" (NILO_ECLOSED by way of our driver) and leaves everything as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "store/put.h"

enum { ON_SQLITE = 1, ON_POSTGRES = 2, BOTH = 3 };
struct statement {
    int engines;
    const char *sql;
};

#define VALUES "bucket, entity_id, win, day, metric_id, seq, value, absence, provenance, rank, cause, run_id, captured_at, recorded_at"
#define SELECTED(day, metric, seq) "SELECT bucket, id, 0, " day ", " metric ", " seq ", 7, 0, 3, 3, 0, 1, 5, 5 FROM entity WHERE external_id = 'a'"
#define KEY "bucket, entity_id, win, day, metric_id, seq"

static const struct statement refused[] = {
    /* the base of a closed day */
    {BOTH, "UPDATE day_value SET value = 11 WHERE day = 100 AND seq = 0"},
    {BOTH, "UPDATE day_value SET value = NULL, absence = 3 WHERE day = 100 AND seq = 0"},
    {BOTH, "UPDATE day_value SET meta = '{}' WHERE day = 100"},
    {BOTH, "UPDATE day_value SET value = value"},
    {BOTH, "UPDATE day_value SET day = 201 WHERE day = 100 AND seq = 0"},
    {BOTH, "UPDATE day_value SET seq = 5 WHERE day = 100 AND seq = 0"},
    {BOTH, "UPDATE day_value SET day = 99 WHERE day = 200"},
    {BOTH, "UPDATE day_value SET seq = 1 WHERE day = 200"},
    {BOTH, "DELETE FROM day_value WHERE day = 100 AND seq = 0"},
    {BOTH, "DELETE FROM day_value"},
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("100", "6", "0")},
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("50", "1", "0")},
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("100", "6", "-1")},
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("100", "1", "-1")},
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("100", "1", "0") " ON CONFLICT (" KEY ") DO UPDATE SET value = 11"},
    {ON_SQLITE, "INSERT OR REPLACE INTO day_value (" VALUES ") " SELECTED("100", "1", "0")},
    {ON_SQLITE, "REPLACE INTO day_value (" VALUES ") " SELECTED("100", "1", "0")},
    {ON_SQLITE, "UPDATE OR REPLACE day_value SET day = 100 WHERE day = 200 AND metric_id = 1"},
    {ON_POSTGRES, "TRUNCATE day_value"},
    {ON_POSTGRES, "WITH d AS (DELETE FROM day_value WHERE day = 100 AND seq = 0 RETURNING *) SELECT count(*) FROM d"},
    {ON_POSTGRES, "MERGE INTO day_value v USING (SELECT 100 AS day) d ON v.day = d.day AND v.seq = 0 WHEN MATCHED THEN UPDATE SET value = 1"},
    {ON_POSTGRES, "MERGE INTO day_value v USING (SELECT 100 AS day) d ON v.day = d.day AND v.seq = 0 WHEN MATCHED THEN DELETE"},
    /* amendments */
    {BOTH, "UPDATE day_value SET value = 11 WHERE seq = 1"},
    {BOTH, "UPDATE day_value SET recorded_at = 1 WHERE seq = 1"},
    {BOTH, "DELETE FROM day_value WHERE seq = 1"},
    {BOTH, "DELETE FROM day_value WHERE seq > 0"},
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("200", "1", "1")},
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("100", "1", "1") " ON CONFLICT (" KEY ") DO UPDATE SET value = 11"},
    {ON_SQLITE, "INSERT OR REPLACE INTO day_value (" VALUES ") " SELECTED("100", "1", "1")},
    /* a smaller seq than the newest slips in below */
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("100", "5", "1")},
    /* observations */
    {BOTH, "UPDATE observation SET value = 11 WHERE day = 100"},
    {BOTH, "UPDATE observation SET value = 11 WHERE day = 200"},
    {BOTH, "UPDATE observation SET run_id = 1 WHERE day = 100"},
    {BOTH, "DELETE FROM observation WHERE day = 200"},
    {BOTH, "DELETE FROM observation"},
    {ON_SQLITE, "INSERT OR REPLACE INTO observation SELECT * FROM observation"},
    {ON_SQLITE, "UPDATE OR REPLACE observation SET day = 101"},
    {BOTH, "INSERT INTO observation SELECT * FROM observation WHERE day = 100 ON CONFLICT (bucket, entity_id, win, day, captured_at, metric_id, "
           "run_id) DO UPDATE SET value = 11"},
    {ON_POSTGRES, "TRUNCATE observation"},
    /* the log of closed days */
    {BOTH, "UPDATE day_close SET status = 'complete'"},
    {BOTH, "DELETE FROM day_close WHERE day = 100"},
    {BOTH, "INSERT INTO day_close SELECT * FROM day_close WHERE true ON CONFLICT (connection_id, day) DO UPDATE SET values_n = 9"},
    {ON_SQLITE, "INSERT OR REPLACE INTO day_close SELECT * FROM day_close"},
    {ON_POSTGRES, "TRUNCATE day_close"},
    /* what says that a day is closed */
    {BOTH, "UPDATE connection SET closed_until = 99 WHERE name = 'one'"},
    {BOTH, "UPDATE connection SET closed_until = -2147483648"},
    {BOTH, "UPDATE connection SET id = 77 WHERE name = 'one'"},
    {BOTH, "UPDATE connection SET workspace_id = (SELECT id FROM workspace WHERE name = 'v') WHERE name = 'one'"},
    {BOTH, "DELETE FROM connection WHERE name = 'one'"},
    {ON_SQLITE, "INSERT OR REPLACE INTO connection (id, workspace_id, name, platform, created_at) SELECT id, workspace_id, name, platform, 1 FROM "
                "connection WHERE name = 'one'"},
    {ON_SQLITE, "INSERT OR REPLACE INTO connection (id, workspace_id, name, platform, created_at) SELECT 99, workspace_id, name, platform, 1 FROM "
                "connection WHERE name = 'one'"},
    {ON_SQLITE, "UPDATE OR REPLACE connection SET name = 'one' WHERE name = 'two'"},
    {ON_SQLITE, "UPDATE OR IGNORE connection SET closed_until = 1 WHERE name = 'one'"},
    {BOTH, "INSERT INTO connection (id, workspace_id, name, platform, created_at) SELECT id, workspace_id, 'x', platform, 1 FROM connection WHERE "
           "name = 'one' ON CONFLICT (id) DO UPDATE SET closed_until = -2147483648"},
    {ON_POSTGRES, "TRUNCATE connection CASCADE"},
    /* items stay where they are */
    {BOTH, "UPDATE entity SET connection_id = (SELECT id FROM connection WHERE name = 'two') WHERE external_id = 'a'"},
    {BOTH, "UPDATE entity SET workspace_id = workspace_id + 1 WHERE external_id = 'a'"},
    {BOTH, "UPDATE entity SET bucket = (bucket + 1) % 1024 WHERE external_id = 'a'"},
    {BOTH, "UPDATE entity SET id = id + 100 WHERE external_id = 'a'"},
    {BOTH, "DELETE FROM entity WHERE external_id = 'a'"},
    {ON_SQLITE, "INSERT OR REPLACE INTO entity SELECT * FROM entity WHERE external_id = 'a'"},
    {ON_SQLITE, "INSERT OR REPLACE INTO entity SELECT bucket, 999, workspace_id, connection_id, kind, external_id, key128, salt, 1, NULL FROM entity "
                "WHERE external_id = 'a'"},
    {ON_SQLITE, "UPDATE OR REPLACE entity SET kind = 0 WHERE external_id = 'a' AND kind = 1"},
    {ON_POSTGRES, "TRUNCATE entity"},
    /* workspaces and the log of runs too */
    {BOTH, "UPDATE workspace SET id = id + 100"},
    {ON_SQLITE, "UPDATE OR REPLACE workspace SET name = 'v' WHERE name = 'w'"},
    {BOTH, "UPDATE run SET id = id + 100"},
    {BOTH, "UPDATE run SET connection_id = (SELECT id FROM connection WHERE name = 'two')"},
    {BOTH, "UPDATE run SET provenance = 1 - provenance"},
    {ON_SQLITE, "UPDATE OR REPLACE run SET id = 1 WHERE id = 2"},
};

/* The same on what is open: everyday work. */
static const struct statement taken[] = {
    {BOTH, "UPDATE day_value SET value = 11 WHERE day = 200"},
    {BOTH, "UPDATE day_value SET day = 201 WHERE day = 200"},
    {BOTH, "DELETE FROM day_value WHERE day = 200"},
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("200", "6", "0")},
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("200", "1", "0") " ON CONFLICT (" KEY ") DO UPDATE SET value = 11"},
    {BOTH, "INSERT INTO day_value (" VALUES ") " SELECTED("100", "1", "2")},
    {ON_SQLITE, "INSERT OR REPLACE INTO day_value (" VALUES ") " SELECTED("200", "1", "0")},
    {BOTH, "UPDATE connection SET closed_until = 101 WHERE name = 'one'"},
    {BOTH, "UPDATE connection SET status = 'expired' WHERE name = 'one'"},
    {BOTH, "UPDATE connection SET name = 'uno' WHERE name = 'one'"},
    {BOTH, "DELETE FROM connection WHERE name = 'two'"},
    {BOTH, "UPDATE entity SET external_id = 'erased' WHERE external_id = 'a'"},
    {BOTH, "DELETE FROM entity WHERE external_id = 'empty'"},
};

static void make(struct stores *s)
{
    struct nilo_connection one = stores_connection(s, "w", NULL, "one", "youtube", NULL);
    stores_connection(s, "w", NULL, "two", "youtube", NULL);
    stores_connection(s, "v", NULL, "one", "youtube", NULL);
    struct put first[] = {{.external_id = "a", .day = 100, .metric = 1, .value = 10}, {.external_id = "a", .day = 100, .metric = 5, .value = 3}};
    struct put account = {.external_id = "a", .kind = NILO_ACCOUNT, .day = 100, .metric = 1, .value = 10};
    put_all(s, &one, (struct nilo_policy){.kind = NILO_RUN_PUSH}, first, 2);
    put_all(s, &one, (struct nilo_policy){.kind = NILO_RUN_PUSH}, &account, 1);
    put_entity(s, &one, "empty");
    put_close(s, &one, 100);
    assert_int_equal(put(s, &one, "a", 100, 1, 12), NILO_AMENDED);
    /* likes: seq 2 without a seq 1, as a merge of two stores might leave it */
    stores_exec(s, "INSERT INTO day_value (" VALUES ") " SELECTED("100", "5", "2"));
    assert_int_equal(put(s, &one, "a", 200, 1, 20), NILO_RECORDED);
}

static char *everything(struct stores *s)
{
    static const char *const tables[] = {
        "SELECT * FROM day_value ORDER BY 1, 2, 3, 4, 5, 6", "SELECT * FROM observation ORDER BY 1, 2, 3, 4, 5, 6, 7",
        "SELECT * FROM day_close ORDER BY 1, 2", "SELECT * FROM connection ORDER BY 1", "SELECT * FROM workspace ORDER BY 1", "SELECT * FROM run ORDER BY 1",
        "SELECT bucket, id, workspace_id, connection_id, kind, external_id FROM entity ORDER BY 1, 2"};
    struct nilo_buf b;
    nilo_buf_init(&b, 1 << 20);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char *rows = stores_text(s, tables[i]);
        nilo_buf_addf(&b, "%s\n", rows);
        free(rows);
    }
    char *all = strdup(nilo_buf_str(&b));
    nilo_buf_done(&b);
    return all;
}

static int engine_bit(const struct stores *s)
{
    return s->engine == NILO_DB_SQLITE ? ON_SQLITE : ON_POSTGRES;
}

typedef int exec_fn(void *ctx, const char *sql, struct nilo_err *err);
static int exec_db(void *ctx, const char *sql, struct nilo_err *err)
{
    return nilo_db_exec(ctx, sql, err);
}
/* A shell or a library of somebody else: every pragma as it comes, foreign keys and recursive triggers off. */
static int exec_plain(void *ctx, const char *sql, struct nilo_err *err)
{
    char *message = NULL;
    int rc = sqlite3_exec(ctx, sql, NULL, NULL, &message);
    if (rc != SQLITE_OK)
        nilo_err_set(err, message && strncmp(message, "nilo closed: ", 13) == 0 ? NILO_ECLOSED : NILO_ESTORE, "%s", message ? message : "?");
    sqlite3_free(message);
    return rc == SQLITE_OK ? 0 : -1;
}

static void try_all(struct stores *s, exec_fn *exec, void *ctx)
{
    char *before = everything(s);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (!(refused[i].engines & engine_bit(s)))
            continue;
        s->err = (struct nilo_err){.code = NILO_OK};
        if (exec(ctx, refused[i].sql, &s->err) == 0 || s->err.code != NILO_ECLOSED)
            fail_msg("not refused: %s\n%s", refused[i].sql, s->err.msg);
        char *after = everything(s);
        if (strcmp(before, after) != 0)
            fail_msg("refused, yet changed: %s\n%s\n%s", refused[i].sql, before, after);
        free(after);
    }
    free(before);
}

static void statements_on_closed_days_are_refused(struct stores *s)
{
    make(s);
    try_all(s, exec_db, nilo_store_db(s->store));
}

static void and_on_any_other_connection(struct stores *s)
{
    make(s);
    if (s->engine == NILO_DB_SQLITE) {
        sqlite3 *plain;
        assert_int_equal(sqlite3_open(s->target, &plain), SQLITE_OK);
        sqlite3_busy_timeout(plain, 5000);
        try_all(s, exec_plain, plain);
        sqlite3_close(plain);
        return;
    }
    struct nilo_db *other;
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    ok(s, nilo_db_open(s->target, &options, &other, &s->err));
    try_all(s, exec_db, other);
    nilo_db_close(other);
}

static void open_days_can_be_changed(struct stores *s)
{
    make(s);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (!(taken[i].engines & engine_bit(s)))
            continue;
        char *before = everything(s);
        ok(s, nilo_store_begin(s->store, &s->err));
        if (nilo_db_exec(nilo_store_db(s->store), taken[i].sql, &s->err) < 0)
            fail_msg("refused: %s\n%s", taken[i].sql, s->err.msg);
        char *after = everything(s);
        if (strcmp(before, after) == 0)
            fail_msg("changed nothing: %s", taken[i].sql);
        free(before);
        free(after);
        nilo_store_rollback(s->store);
    }
}

/* One bad row among many good ones takes the statement back as a whole. */
static void a_statement_over_open_and_closed_days_changes_neither(struct stores *s)
{
    make(s);
    char *before = everything(s);
    assert_int_equal(nilo_db_exec(nilo_store_db(s->store), "UPDATE day_value SET value = 1 WHERE day >= 100", &s->err), -1);
    assert_int_equal(nilo_db_exec(nilo_store_db(s->store), "DELETE FROM day_value WHERE day >= 100", &s->err), -1);
    char *after = everything(s);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* The days of an item whose row is gone (somebody switched the triggers off once) are nobody's to change. */
static void days_of_a_lost_item_stay(struct stores *s)
{
    make(s);
    if (s->engine == NILO_DB_SQLITE)
        stores_exec(s, "DROP TRIGGER entity_delete");
    else
        stores_exec(s, "ALTER TABLE entity DISABLE TRIGGER entity_guard");
    stores_exec(s, "DELETE FROM entity WHERE external_id = 'a' AND kind = 0");
    static const char *const sql[] = {"DELETE FROM day_value WHERE day = 100 AND seq = 0",
                                      "UPDATE day_value SET value = 1 WHERE day = 100 AND seq = 0 AND metric_id = 5"};
    for (size_t i = 0; i < 2; i++) {
        s->err = (struct nilo_err){.code = NILO_OK};
        if (nilo_db_exec(nilo_store_db(s->store), sql[i], &s->err) == 0 || s->err.code != NILO_ECLOSED)
            fail_msg("not refused: %s\n%s", sql[i], s->err.msg);
    }
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(statements_on_closed_days_are_refused),
        STORES_TEST(and_on_any_other_connection),
        STORES_TEST(open_days_can_be_changed),
        STORES_TEST(a_statement_over_open_and_closed_days_changes_neither),
        STORES_TEST(days_of_a_lost_item_stay),
    };
    return stores_run("store/closed", tests, sizeof tests / sizeof tests[0]);
}
