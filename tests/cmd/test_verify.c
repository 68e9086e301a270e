/* verify: yes for a store that is as it was written, no for one that somebody changed behind its back; both engines. That each check finds its
 * fault is tests/store/test_check.c. */
#include "cmd_test.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "db/db.h"
#include "support/pg.h"
#include "support/tmp.h"

static const char *target;
static bool postgres;

static const char rows[] = "external_id,day,window_days,views,likes,ctr\n"
                           "v1,2026-03-01,0,100,5,0.5\n"
                           "v1,2026-03-02,0,1200,6,0.7\n"
                           "v2,2026-03-02,0,50,2,\n"
                           "v2,2026-03-05,0,60,3,0.1\n";

/* A store with closed days. */
static void fresh(void)
{
    static int n;
    char name[32];
    const char *file = nilo_test_path("verify.csv");
    snprintf(name, sizeof name, "verify%d", n++);
    target = postgres ? nilo_test_pg_database(name) : nilo_test_path(name);
    if (target == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    nilo_test_write(file, rows, sizeof rows - 1);
    cmd_clock_at("2026-03-10T12:00:00Z");
    assert_int_equal(cmd_run("init", "--store", target, NULL)->status, 0);
    const struct cmd_result *r = cmd_run("import", file, "--store", target, "--format", "csv", "--workspace", "us", "--platform", "youtube", NULL);
    if (r->status != 0)
        fail_msg("%s", r->err);
    assert_int_equal(cmd_run("seal", "--store", target, NULL)->status, 0);
}

static void on_both(void (*test)(void))
{
    for (int pg = 0; pg < 2; pg++) {
        postgres = pg;
        fresh();
        test();
    }
}

/* What somebody does who may write to the file or the database: the triggers are no obstacle. */
static void damage(const char *sql)
{
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    struct nilo_err err = {0};
    struct nilo_db *db;
    struct nilo_db_stmt *stmt;
    struct nilo_buf drop;
    nilo_buf_init(&drop, 65536);
    if (nilo_db_open(target, &options, &db, &err) != 0)
        fail_msg("%s", err.msg);
    if (postgres) {
        nilo_buf_adds(&drop, "SET session_replication_role = replica");
    } else {
        nilo_buf_adds(&drop, "PRAGMA foreign_keys = OFF");
        if (nilo_db_prepare(db, "SELECT name FROM sqlite_master WHERE type = 'trigger'", &stmt, &err) != 0 || nilo_db_query(stmt, NULL, 0, &err) != 0)
            fail_msg("%s", err.msg);
        while (nilo_db_row(stmt, &err) == 1)
            nilo_buf_addf(&drop, "; DROP TRIGGER %s", nilo_db_column_text(stmt, 0));
    }
    if (nilo_db_exec(db, nilo_buf_str(&drop), &err) != 0 || nilo_db_exec(db, sql, &err) != 0)
        fail_msg("%s: %s", sql, err.msg);
    nilo_buf_done(&drop);
    nilo_db_close(db);
}

static const struct cmd_result *verify(const char *more, int status)
{
    char line[1000];
    snprintf(line, sizeof line, "verify --store %s %s", target, more);
    const struct cmd_result *r = cmd_line(line);
    if (r->status != status)
        fail_msg("verify %s: status %d: %s%s", more, r->status, r->err, r->out);
    return r;
}

static void a_whole_store(void)
{
    const struct cmd_result *r = verify("", 0);
    assert_string_equal(r->err, "");
    cmd_assert_contains(r->out, " is whole, as far as it can tell by itself:\n");
    cmd_assert_contains(r->out, "  closed-base    no closed day was written to\n");
    cmd_assert_contains(r->out, "  derived        latest, best and totals are what the record gives\n");
    assert_int_equal(strstr(r->out, "  pages ") != NULL, !postgres);
    assert_null(strstr(r->out, "coverage"));
    assert_null(strstr(r->out, "windows"));
    cmd_assert_contains(r->out, "Not proved: that nobody who may write to the store changed");
    const char *out = verify("--json", 0)->out;
    struct nilo_err err;
    assert_int_equal(nilo_json_check(out, strlen(out), &err), 0);
    cmd_assert_contains(out, "\"result\":\"whole\",\"finding\":null,\"checks\":[");
    cmd_assert_contains(out, "\"not_proved\":\"that nobody");
}

static void a_whole_store_is_said_to_be_whole(void **state)
{
    (void)state;
    on_both(a_whole_store);
}

#define A_VALUE "metric_id = (SELECT id FROM metric WHERE name = 'views') AND day = 20514 AND entity_id = (SELECT id FROM entity WHERE external_id = 'v1')"

static const struct {
    const char *sql, *says;
} damages[] = {
    {"UPDATE day_value SET value = 101 WHERE day = 20513 AND value = 100", "item v1 of connection import-youtube, views, 2026-03-01"},
    {"UPDATE day_value SET value = value + 1 WHERE day = 20514 AND metric_id = (SELECT id FROM metric WHERE name = 'ctr')", "v1 of connection import-youtube, ctr, 2026-03-02"},
    {"DELETE FROM day_value WHERE " A_VALUE, "a closed day with more or fewer values than when it was closed, 2026-03-02"},
    {"DELETE FROM observation WHERE " A_VALUE, "is gone, or says otherwise"},
    {"DELETE FROM day_value WHERE " A_VALUE "; DELETE FROM observation WHERE " A_VALUE, "a closed day with more or fewer values"},
    {"DELETE FROM day_close WHERE day = 20514", "closed days that the log of closings does not hold"},
    {"DELETE FROM run", "a value without its item, metric or run"},
    {"DELETE FROM entity WHERE external_id = 'v2'", "a value without its item, metric or run"},
    {"UPDATE day_value SET value = value + 1 WHERE " A_VALUE "; UPDATE observation SET value = value + 1 WHERE " A_VALUE, "all-time best"},
    {"UPDATE total SET lo = lo + 1 WHERE day = 20514 AND scope_kind = 0 AND metric_id > 0", "latest, best or total that a fresh derivation"},
    {"UPDATE best SET value = value + 1 WHERE metric_id = (SELECT id FROM metric WHERE name = 'likes')", "latest, best or total that a fresh derivation"},
    {"DELETE FROM latest", "latest, best or total that a fresh derivation"},
};

static void each_damage(void)
{
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        if (i > 0)
            fresh();
        verify("", 0);
        damage(damages[i].sql);
        const struct cmd_result *r = verify("", 1);
        assert_string_equal(r->out, "");
        cmd_assert_one_line(r->err);
        if (strstr(r->err, damages[i].says) == NULL)
            fail_msg("%s: %s", damages[i].sql, r->err);
        r = verify("--json", 1);
        struct nilo_err err;
        assert_int_equal(nilo_json_check(r->out, strlen(r->out), &err), 0);
        cmd_assert_contains(r->out, "\"result\":\"damaged\",\"finding\":\"the store ");
        cmd_assert_contains(r->out, damages[i].says);
        cmd_assert_one_line(r->err);
    }
}

static void what_was_changed_behind_its_back_is_found(void **state)
{
    (void)state;
    on_both(each_damage);
}

/* The bytes of a value, changed in the file as it lies there: SQLite itself finds nothing wrong with that. */
static void a_file_that_was_edited_is_found(void **state)
{
    char page[4096], *at = NULL;
    long where = 0;
    (void)state;
    postgres = false;
    fresh();
    damage("INSERT INTO meta (key, value) VALUES ('a_mark_to_be_found', '1')");
    verify("", 0);
    FILE *f = fopen(target, "r+be");
    assert_non_null(f);
    while (at == NULL && fread(page, 1, sizeof page, f) == sizeof page) {
        at = memmem(page, sizeof page, "a_mark_to_be_found", strlen("a_mark_to_be_found"));
        where = at != NULL ? ftell(f) - (long)sizeof page : 0;
    }
    assert_non_null(at);
    memset(page + 8, 0xff, 64); /* where the rows of this page lie */
    assert_int_equal(fseek(f, where, SEEK_SET), 0);
    assert_int_equal(fwrite(page, 1, sizeof page, f), sizeof page);
    fclose(f);
    cmd_assert_contains(verify("", 1)->err, "damaged");
}

static void what_is_no_store_is_refused(void **state)
{
    (void)state;
    assert_int_equal(cmd_run("verify", "--store", nilo_test_path("nowhere.db"), NULL)->status, 1);
    assert_int_equal(cmd_run("verify", "--store", nilo_test_path("nowhere.db"), "more", NULL)->status, 2);
    assert_int_equal(cmd_run("verify", "--anchor", "x", NULL)->status, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_store_is_said_to_be_whole),
        cmocka_unit_test(what_was_changed_behind_its_back_is_found),
        cmocka_unit_test(a_file_that_was_edited_is_found),
        cmocka_unit_test(what_is_no_store_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
