/* A paused connection: its source is not asked, its days stay open, and after resume they are read; both stores. And what status says of
 * connections that fail and recover. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "collect/world.h"
#include "record/record.h"
#include "support/pg.h"
#include "support/tmp.h"

#define NOTHING INT64_MIN

static char config_text[1024];

static const char *app(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s.app", nilo_test_tmp(), name);
    nilo_test_remove(path);
    world_sql(path, "CREATE TABLE u (created_at TEXT); WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
                    " INSERT INTO u SELECT date('2025-01-01', i || ' days') FROM n");
    return path;
}

static const char *configuration(const char *first, const char *second)
{
    snprintf(config_text, sizeof config_text,
             "connections:\n  - {name: app, platform: sql, database: %s, users: u}\n  - {name: other, workspace: two, platform: sql, database: %s, users: u}\n",
             first, second);
    return config_text;
}

static void pause(struct world *w, const char *connection, const char *reason)
{
    bool new;
    if (nilo_store_pause(w->store, world_connection(w, connection).id, reason, &new, &w->err) != 0)
        fail_msg("%s", w->err.msg);
}

static void resume(struct world *w, const char *connection)
{
    bool was;
    if (nilo_store_resume(w->store, world_connection(w, connection).id, &was, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    assert_true(was);
}

static int64_t count(struct world *w, const char *sql)
{
    struct nilo_db_stmt *stmt;
    struct nilo_db *db = nilo_store_db(w->store);
    if (nilo_db_prepare(db, sql, &stmt, &w->err) != 0 || nilo_db_query(stmt, NULL, 0, &w->err) != 0 || nilo_db_row(stmt, &w->err) != 1)
        fail_msg("%s", w->err.msg);
    int64_t n = nilo_db_column_int(stmt, 0);
    nilo_db_reset(stmt);
    return n;
}

/* The nightly job goes on: it reads the other connection. */
static void until(struct world *w, int from, int to)
{
    for (int day = from; day <= to; day++) {
        char now[32];
        snprintf(now, sizeof now, "2025-01-%02dT08:00:00Z", day);
        world_now(w, now);
        assert_int_equal(world_collect(w, NULL), 0);
        assert_int_equal(w->result.failed, 0);
    }
}

static void skip_without(const char *store)
{
    if (store == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
}

/* Paused from the 11th on, resumed on the 25th: more than a week for the first days, less for the last. */
static void a_pause(const char *name, const char *store)
{
    struct world w;
    const char *database = app(name);
    world_init(&w, name, store, configuration(database, database), "2025-01-10T08:00:00Z");
    world_collects(&w, NULL);
    world_now(&w, "2025-01-11T08:00:00Z");
    world_collects(&w, NULL);
    pause(&w, "app", "the database moves");
    int64_t runs = count(&w, "SELECT count(*) FROM run WHERE connection_id = (SELECT id FROM connection WHERE name = 'app')");

    until(&w, 12, 14);
    const char *const named[] = {NULL, "app"};
    for (int i = 0; i < 2; i++) {
        const struct nilo_collect_options o = {.day = NILO_DAY_NONE, .connection = named[i]};
        assert_int_equal(world_collect_with(&w, &o), 0);
        assert_int_equal(w.result.paused, 1);
        assert_int_equal(w.result.failed, 0);
        assert_string_equal(w.result.status, "completed");
        assert_string_equal(w.runs[0].status, "paused");
        assert_non_null(strstr(w.runs[0].error, "paused since 2025-01-11 08:00 UTC, the database moves; to go on: nilometer resume"));
        if (i == 0)
            assert_string_equal(w.runs[w.n_runs - 1].connection, "other");
    }
    struct nilo_backfill_result filled;
    const struct nilo_backfill_options all = {.connection = "app", .from = NILO_DAY_NONE, .to = NILO_DAY_NONE};
    assert_int_equal(nilo_backfill(w.store, w.config, &all, &filled, &w.err), 0);
    assert_int_equal(filled.total_metrics, 0);
    assert_int_equal(count(&w, "SELECT count(*) FROM run WHERE connection_id = (SELECT id FROM connection WHERE name = 'app')"), runs);

    /* what was recorded is there; what was not read is a gap, and stays open however often somebody seals */
    int closed;
    assert_int_equal(nilo_record_seal(w.store, 0, &closed, &w.err), 0);
    assert_int_equal(world_value(&w, "app", "users_total", "2025-01-10"), 10);
    assert_int_equal(world_value(&w, "app", "users_total", "2025-01-12"), NOTHING);
    assert_int_equal(world_connection(&w, "app").closed_until.n, world_day("2025-01-10").n);
    assert_int_equal(world_connection(&w, "other").closed_until.n, world_day("2025-01-13").n);

    until(&w, 15, 25);
    resume(&w, "app");
    world_collects(&w, NULL);
    assert_int_equal(world_value(&w, "app", "users_total", "2025-01-12"), 12);
    assert_int_equal(world_value(&w, "app", "users_total", "2025-01-24"), 24);
    assert_int_equal(world_connection(&w, "app").closed_until.n, world_day("2025-01-24").n);
    assert_int_equal(count(&w, "SELECT count(*) FROM day_value v JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id JOIN connection c ON"
                               " c.id = e.connection_id WHERE c.name = 'app' AND v.provenance = 1"), 7); /* the 11th to the 17th, read on the 25th */
    assert_int_equal(count(&w, "SELECT count(*) FROM day_close d JOIN connection c ON c.id = d.connection_id WHERE c.name = 'app' AND d.status <> 'complete'"), 0);
    world_done(&w);
}

static void days_of_a_pause_are_gaps_until_they_are_read(void **state)
{
    (void)state;
    a_pause("pause", NULL);
}

static void the_same_in_a_server(void **state)
{
    (void)state;
    const char *store = nilo_test_pg_database("pause_store");
    skip_without(store);
    a_pause("pause_pg", store);
}

static void a_paused_connection_that_is_taken_away_closes_as_partial(void **state)
{
    (void)state;
    struct world w;
    int closed;
    const char *database = app("pause_gone");
    world_init(&w, "pause_gone", NULL, configuration(database, database), "2025-01-11T08:00:00Z");
    world_collects(&w, NULL);
    pause(&w, "app", NULL);
    assert_int_equal(nilo_store_connection_status(w.store, world_connection(&w, "app").id, "disabled", &w.err), 0);
    until(&w, 12, 14);
    assert_int_equal(nilo_record_seal(w.store, 0, &closed, &w.err), 0);
    assert_int_equal(world_connection(&w, "app").closed_until.n, world_day("2025-01-13").n);
    assert_int_equal(count(&w, "SELECT count(*) FROM day_close d JOIN connection c ON c.id = d.connection_id WHERE c.name = 'app' AND d.status = 'partial'"), 1);
    world_done(&w);
}

static void says(struct world *w, const char *line, int status, const char *wanted);
static void says_not(struct world *w, const char *line, const char *unwanted);

static void paused_and_then_disabled_is_told_as_both_everywhere(void **state)
{
    (void)state;
    struct world w;
    const char *database = app("pause_both");
    world_init(&w, "pause_both", NULL, configuration(database, database), "2025-01-11T08:00:00Z");
    world_collects(&w, NULL);
    pause(&w, "app", NULL);
    says(&w, "status", 0, "Connection app of default is paused since 2025-01-11 08:00 UTC; to go on: nilometer resume --connection app --workspace default");
    says_not(&w, "connection|list", "disabled");
    says(&w, "connection|list", 0, "paused");
    assert_int_equal(nilo_store_connection_status(w.store, world_connection(&w, "app").id, "disabled", &w.err), 0);
    says(&w, "status", 0, "disabled, paused");
    says(&w, "status", 0, "disabled too; the pause ends with: nilometer resume --connection app --workspace default");
    says(&w, "connection|list", 0, "disabled, paused");
    says(&w, "connection|list|--json", 0, "\"status\":\"disabled\",\"origin\":\"file\",\"closed_until\":\"2025-01-10\",\"paused_at\":\"2025-01-11T08:00:00+00:00\"");
    world_done(&w);
}

/* ---- the commands ------------------------------------------------------------------------------------------------------------------------ */

struct answer {
    int status;
    char out[8192];
};

/* A command line, words parted by '|'; both outputs. */
static struct answer command(struct world *w, const char *line)
{
    struct answer a = {0};
    char name[] = "nilometer", config[] = "--config", store[] = "--store";
    char *words = strdup(line), *next = words, *argv[24] = {name, config, w->config_path, store, w->store_path};
    int argc = 5;
    nilo_store_close(w->store);
    w->store = NULL;
    while (next != NULL && argc < 24)
        argv[argc++] = strsep(&next, "|");
    FILE *out = fmemopen(a.out, sizeof a.out - 1, "w");
    assert_non_null(out);
    a.status = nilo_cmd_main(argc, argv, &w->env, out, out);
    fclose(out);
    free(words);
    if (nilo_store_open(w->store_path, NILO_STORE_WRITE, &w->env, &w->store, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    return a;
}

static void says(struct world *w, const char *line, int status, const char *wanted)
{
    struct answer a = command(w, line);
    if (a.status != status || strstr(a.out, wanted) == NULL)
        fail_msg("%s: status %d, wanted %d and \"%s\": %s", line, a.status, status, wanted, a.out);
}

static void says_not(struct world *w, const char *line, const char *unwanted)
{
    struct answer a = command(w, line);
    if (a.status != 0 || strstr(a.out, unwanted) != NULL)
        fail_msg("%s: status %d: %s", line, a.status, a.out);
}

static void pause_and_resume_are_commands(void **state)
{
    (void)state;
    struct world w;
    const char *database = app("pause_cmd");
    world_init(&w, "pause_cmd", NULL, configuration(database, database), "2025-01-11T08:00:00Z");
    says(&w, "pause", 1, "no connections yet");
    world_collects(&w, NULL);
    says(&w, "pause|--connection|nobody", 2, "there is no such connection");
    says(&w, "pause|app", 2, "app");
    says(&w, "pause|--connection|app|--reason|two\nlines", 2, "one line");
    says(&w, "resume", 0, "Resumed 0 connections; 2 were not paused.");
    says(&w, "pause|--connection|app|--reason|the database moves", 0, "Paused 1 connection.");
    says(&w, "status", 0, "Connection app of default is paused since 2025-01-11 08:00 UTC, the database moves; to go on: nilometer resume --connection app");
    says(&w, "status|--json", 0, "\"paused_at\":\"2025-01-11T08:00:00+00:00\",\"pause_reason\":\"the database moves\"");
    says(&w, "collect", 0, "paused");
    says(&w, "collect|--json|--connection|app", 0, "\"status\":\"paused\"");
    says(&w, "backfill|--connection|app", 0, "paused since");
    says(&w, "pause", 0, "Paused 1 connection; 1 was paused before.");
    says(&w, "collect", 0, "paused");
    says(&w, "collect|--day|2025-01-10", 0, "paused");
    says(&w, "collect", 0, "to go on: nilometer resume --connection other --workspace two");
    says(&w, "connection|list", 0, "paused");
    says(&w, "get|app_metrics?limit=1", 2, "app_metrics"); /* a relation that is not there: reading is as it was */
    says(&w, "get|daily_metrics?limit=1", 0, "users_total");
    says(&w, "init", 0, "already there");
    says(&w, "status", 0, "Connection other of two is paused"); /* the configuration does not undo it */
    says(&w, "resume|--workspace|two", 0, "Resumed 1 connection.");
    says(&w, "resume|--json", 0, "{\"connections\":2,\"resumed\":1}");
    says_not(&w, "status", "paused since");
    says_not(&w, "collect", "paused");
    world_done(&w);
}

static void a_failing_connection_is_told_with_its_sentence_and_recovers(void **state)
{
    (void)state;
    static const char *const acts[] = {"collect", "backfill"};
    for (int i = 0; i < 2; i++) {
        struct world w;
        char gone[300];
        const char *database = app("failing");
        snprintf(gone, sizeof gone, "%s.away", database);
        world_init(&w, acts[i], NULL, configuration(database, database), "2025-01-11T08:00:00Z");
        world_collects(&w, NULL);
        assert_int_equal(rename(database, gone), 0);
        says(&w, acts[i], 1, "failed");
        assert_string_equal(world_connection(&w, "app").status, "failing");
        says(&w, "status", 0, "Connection app of default is failing: ");
        says(&w, "status", 0, "failing.app");
        /* logged, though nothing else was written */
        assert_int_equal(count(&w, "SELECT count(*) FROM run WHERE status = 3 AND error IS NOT NULL AND ended_at IS NOT NULL"), 2);
        assert_int_equal(rename(gone, database), 0);
        says(&w, acts[i], 0, "completed");
        assert_string_equal(world_connection(&w, "app").status, "connected");
        says_not(&w, "status", "is failing");
        world_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_of_a_pause_are_gaps_until_they_are_read),
        cmocka_unit_test(the_same_in_a_server),
        cmocka_unit_test(paused_and_then_disabled_is_told_as_both_everywhere),
        cmocka_unit_test(a_paused_connection_that_is_taken_away_closes_as_partial),
        cmocka_unit_test(pause_and_resume_are_commands),
        cmocka_unit_test(a_failing_connection_is_told_with_its_sentence_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
