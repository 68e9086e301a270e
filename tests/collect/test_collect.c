/* What is due, what a run records of it, and how failures stay where they are: a store, an application's database, a clock moved by hand. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/world.h"
#include "db/db.h"
#include "record/record.h"
#include "support/pg.h"
#include "support/tmp.h"

#define NOTHING INT64_MIN
#define FAILED  (INT64_MIN + (int64_t)NILO_FAILED)

/* users made on the 1st, posts every six hours from 2025-01-01 on, comments every hour; all in UTC */
#define APP_TABLES                                                                                                                  \
    "CREATE TABLE profiles (id INTEGER PRIMARY KEY, created_at TEXT);"                                                              \
    "CREATE TABLE posts (id INTEGER PRIMARY KEY, created_at TEXT);"                                                                 \
    "CREATE TABLE comments (id INTEGER PRIMARY KEY, created_at INTEGER);"                                                           \
    "INSERT INTO profiles (created_at) VALUES ('2025-01-01 10:00:00'), ('2025-01-01T11:00:00Z');"                                   \
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 399) INSERT INTO posts (created_at)"                  \
    "  SELECT datetime(1735689600 + i * 21600, 'unixepoch') FROM n;"                                                                \
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2399) INSERT INTO comments (created_at)"              \
    "  SELECT 1735689600 + i * 3600 FROM n;"
#define APP_LINES "    users: profiles\n    posts: posts\n    comments: comments(created_at)\n"

static char app_path[256];
static char text[4096];

/* A new application's database; its path. */
static const char *app(const char *name)
{
    snprintf(app_path, sizeof app_path, "%s/%s.app", nilo_test_tmp(), name);
    nilo_test_remove(app_path);
    world_sql(app_path, APP_TABLES);
    return app_path;
}

static const char *one_connection(const char *database, const char *lines)
{
    snprintf(text, sizeof text, "connections:\n  - name: app\n    platform: sql\n    database: %s\n%s", database, lines);
    return text;
}

static void check_value(struct world *w, const char *metric, const char *day, int64_t wanted)
{
    int64_t value = world_value(w, "app", metric, day);
    if (value != wanted)
        fail_msg("%s on %s is %lld, wanted %lld", metric, day, (long long)value, (long long)wanted);
}

static void check_run(const struct world *w, size_t i, const char *first, const char *last, const char *status, int metrics)
{
    assert_true(i < w->n_runs);
    const struct world_run *r = &w->runs[i];
    if (strcmp(r->status, status) != 0)
        fail_msg("run %zu is %s, wanted %s: %s %s", i, r->status, status, r->error, r->failures[0]);
    assert_int_equal(r->first_day.n, world_day(first).n);
    assert_int_equal(r->last_day.n, world_day(last).n);
    assert_int_equal(r->metrics_collected, metrics);
}

static void check_failure(const struct world_run *r, const char *metric_and_class, const char *says)
{
    for (size_t i = 0; i < r->n_failures; i++) {
        if (strncmp(r->failures[i], metric_and_class, strlen(metric_and_class)) == 0 && strstr(r->failures[i], says) != NULL)
            return;
    }
    fail_msg("no failure \"%s ... %s\" among %zu: %s", metric_and_class, says, r->n_failures, r->failures[0]);
}

/* ---- what is due ----------------------------------------------------------------------------------------------------------------------------- */

static void the_first_collect_completes_yesterday_and_opens_today(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "first", NULL, one_connection(app("first"), APP_LINES), "2025-01-11T09:30:00Z");
    world_collects(&w, NULL);
    assert_int_equal(w.n_runs, 2);
    check_run(&w, 0, "2025-01-10", "2025-01-10", "completed", 5);
    check_run(&w, 1, "2025-01-11", "2025-01-11", "completed", 5);
    assert_true(w.runs[0].run < w.runs[1].run);
    assert_int_equal(w.result.metrics_collected, 5);
    check_value(&w, "posts_total", "2025-01-10", 40);
    check_value(&w, "posts_created", "2025-01-10", 4);
    check_value(&w, "comments_total", "2025-01-10", 240);
    check_value(&w, "users_total", "2025-01-10", 2);
    /* Up to now: 00:00 and 06:00. */
    check_value(&w, "posts_total", "2025-01-11", 42);
    check_value(&w, "posts_created", "2025-01-11", 2);
    check_value(&w, "posts_total", "2025-01-09", NOTHING);
    assert_int_equal(world_connection(&w, "app").read_until.n, world_day("2025-01-10").n);
    world_done(&w);
}

static void a_second_collect_reads_today_again_and_nothing_else(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "second", NULL, one_connection(app("second"), APP_LINES), "2025-01-11T09:30:00Z");
    world_collects(&w, NULL);
    world_sql(app_path, "DELETE FROM posts WHERE created_at < '2025-01-05'");
    world_now(&w, "2025-01-11T12:00:00Z");
    world_collects(&w, NULL);
    assert_int_equal(w.n_runs, 1);
    check_run(&w, 0, "2025-01-11", "2025-01-11", "completed", 5);
    check_value(&w, "posts_total", "2025-01-10", 40);
    check_value(&w, "posts_created", "2025-01-11", 3); /* 12:00:00 is now, and within */
    check_value(&w, "posts_total", "2025-01-11", 43 - 16);
    world_done(&w);
}

static void days_that_nobody_read_are_completed_in_one_pass(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "outage", NULL, one_connection(app("outage"), APP_LINES), "2025-01-05T01:00:00Z");
    world_collects(&w, NULL);
    check_value(&w, "posts_created", "2025-01-05", 1);
    world_now(&w, "2025-01-20T01:00:00Z");
    world_collects(&w, NULL);
    assert_int_equal(w.n_runs, 2);
    check_run(&w, 0, "2025-01-05", "2025-01-19", "completed", 5);
    assert_int_equal(w.runs[0].readings, 15 * 5);
    for (int d = 6; d < 20; d++) {
        char day[NILO_DAY_TEXT];
        nilo_day_format(nilo_day_from_civil(2025, 1, d), day);
        check_value(&w, "posts_created", day, 4);
        check_value(&w, "comments_total", day, 24 * d);
    }
    assert_int_equal(world_connection(&w, "app").read_until.n, world_day("2025-01-19").n);
    world_done(&w);
}

static void a_day_before_any_data_is_zero(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "zero", NULL, one_connection(app("zero"), APP_LINES), "2025-01-11T09:30:00Z");
    world_collects(&w, "2012-02-29");
    assert_int_equal(w.n_runs, 1);
    check_run(&w, 0, "2012-02-29", "2012-02-29", "completed", 5);
    check_value(&w, "posts_total", "2012-02-29", 0);
    check_value(&w, "posts_created", "2012-02-29", 0);
    /* It does not make the years between due. */
    world_collects(&w, NULL);
    check_run(&w, 0, "2025-01-10", "2025-01-10", "completed", 5);
    world_collects(&w, "0001-01-01");
    check_value(&w, "users_total", "0001-01-01", 0);
    world_done(&w);
}

static void a_day_to_come_is_refused(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "future", NULL, one_connection(app("future"), APP_LINES), "2025-01-11T23:59:59Z");
    assert_int_equal(world_collect(&w, "2025-01-12"), -1);
    assert_int_equal(w.err.code, NILO_EDATERANGE);
    assert_non_null(strstr(w.err.msg, "2025-01-12 is in the future"));
    assert_int_equal(nilo_code_exit(w.err.code), 2);
    world_collects(&w, "2025-01-11");
    check_value(&w, "posts_total", "2025-01-12", NOTHING);
    world_done(&w);
}

static void a_day_that_a_zone_skipped_is_no_day(void **state)
{
    (void)state;
    struct world w;
    char config[sizeof text + 100];
    snprintf(config, sizeof config, "workspaces:\n  - name: default\n    zone: Pacific/Apia\n%s", one_connection(app("apia"), APP_LINES));
    world_init(&w, "apia", NULL, config, "2012-01-02T20:00:00Z");
    assert_int_equal(world_collect(&w, "2011-12-30"), -1);
    assert_int_equal(w.err.code, NILO_EDATERANGE);
    assert_non_null(strstr(w.err.msg, "skipped"));
    world_collects(&w, "2011-12-29");
    world_done(&w);
}

static void a_run_id_is_done_once(void **state)
{
    (void)state;
    struct world w;
    const struct nilo_collect_options o = {.day = NILO_DAY_NONE, .run_id = "nightly"};
    world_init(&w, "slot", NULL, one_connection(app("slot"), APP_LINES), "2025-01-11T00:05:00Z");
    assert_int_equal(world_collect_with(&w, &o), 0);
    assert_int_equal(w.n_runs, 2);
    int64_t last = w.runs[1].run;
    /* Even a day later nothing is completed under that name. */
    world_now(&w, "2025-01-12T00:05:00Z");
    assert_int_equal(world_collect_with(&w, &o), 0);
    assert_int_equal(w.n_runs, 1);
    assert_string_equal(w.runs[0].status, "done");
    assert_int_equal(w.runs[0].run, last);
    assert_string_equal(w.result.status, "completed");
    check_value(&w, "posts_total", "2025-01-12", NOTHING);
    world_collects(&w, NULL);
    assert_int_equal(w.runs[0].run, last + 1);
    world_done(&w);
}

/* ---- right numbers ----------------------------------------------------------------------------------------------------------------------------- */

/* Days around changes of the clock, in zones whose offsets are whole, half and three quarter hours; PostgreSQL is the judge. */
static void days_are_cut_as_the_workspace_says(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu"};
    static const char *const days[] = {"2024-02-29", "2024-03-10", "2024-03-30", "2024-03-31", "2024-04-01", "2024-04-07",
                                       "2024-10-05", "2024-10-06", "2024-10-27", "2024-11-03", "2024-12-31"};
    const char *url = nilo_test_pg_database("zones");
    if (url == NULL) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    /* A row every seven minutes of 2024. */
    world_sql(url, "CREATE TABLE posts AS SELECT to_timestamp(1703980800 + i * 420) AS created_at FROM generate_series(0, 76000) AS n(i)");
    const char *path = nilo_test_path("zones.app");
    nilo_test_remove(path);
    world_sql(path, "CREATE TABLE posts (created_at TEXT); WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 76000)"
                    "INSERT INTO posts SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 1703980800 + i * 420, 'unixepoch') FROM n");
    for (size_t z = 0; z < 4; z++) {
        struct world w;
        char config[1024], name[16], sql[512];
        snprintf(config, sizeof config,
                 "workspaces:\n  - name: w\n    zone: %s\nconnections:\n"
                 "  - {name: file, workspace: w, platform: sql, database: %s, metrics: [{name: a_total, table: posts, mode: total},"
                 " {name: a_created, table: posts, mode: created}]}\n"
                 "  - {name: server, workspace: w, platform: sql, database: '%s', metrics: [{name: b_total, table: posts, mode: total},"
                 " {name: b_created, table: posts, mode: created}]}\n",
                 zones[z], path, url);
        snprintf(name, sizeof name, "zone%zu", z);
        world_init(&w, name, NULL, config, "2025-01-02T00:00:00Z");
        for (size_t d = 0; d < sizeof days / sizeof days[0]; d++) {
            world_collects(&w, days[d]);
            snprintf(sql, sizeof sql, "SELECT count(*) FROM posts WHERE CAST(created_at AT TIME ZONE '%s' AS date) = '%s'", zones[z], days[d]);
            int64_t created = world_count(url, sql);
            assert_in_range(created, 190, 220);
            assert_int_equal(world_value(&w, "file", "a_created", days[d]), created);
            assert_int_equal(world_value(&w, "server", "b_created", days[d]), created);
            snprintf(sql, sizeof sql, "SELECT count(*) FROM posts WHERE CAST(created_at AT TIME ZONE '%s' AS date) <= '%s'", zones[z], days[d]);
            int64_t total = world_count(url, sql);
            assert_int_equal(world_value(&w, "file", "a_total", days[d]), total);
            assert_int_equal(world_value(&w, "server", "b_total", days[d]), total);
        }
        world_done(&w);
    }
}

static void deleting_in_the_source_leaves_closed_days_as_they_were(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "deleted", NULL, one_connection(app("deleted"), APP_LINES), "2025-01-11T00:05:00Z");
    world_collects(&w, NULL);
    world_now(&w, "2025-01-11T20:00:00Z");
    world_collects(&w, NULL);
    assert_int_equal(world_connection(&w, "app").closed_until.n, world_day("2025-01-10").n);
    world_sql(app_path, "DELETE FROM posts WHERE id % 2 = 0");
    world_collects(&w, "2025-01-10");
    assert_int_equal(w.runs[0].differ, 2);
    assert_int_equal(w.runs[0].unchanged, 5);
    check_value(&w, "posts_total", "2025-01-10", 40);
    check_value(&w, "posts_created", "2025-01-10", 4);
    world_now(&w, "2025-01-12T00:05:00Z");
    world_collects(&w, NULL);
    check_value(&w, "posts_total", "2025-01-10", 40);
    check_value(&w, "posts_total", "2025-01-11", 22);
    world_done(&w);
}

static void old_days_are_estimated_and_odd_values_marked(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "marked", NULL,
               one_connection(app("marked"), "    metrics:\n      - {name: posts_odd, table: posts, mode: created, expected_min: 5}\n"
                                                "      - {name: posts_even, table: posts, mode: created, expected_min: 4, expected_max: 4}\n"),
               "2025-01-31T09:30:00Z");
    world_collects(&w, "2025-01-23");
    world_collects(&w, "2025-01-24");
    world_done(&w);
    /* No reader of the interface says this yet in so few words. */
    assert_int_equal(world_count(nilo_test_path("marked.store"), "SELECT count(*) FROM day_value WHERE provenance = 1"), 2);
    assert_int_equal(world_count(nilo_test_path("marked.store"), "SELECT count(*) FROM day_value WHERE provenance = 3"), 2);
    assert_int_equal(world_count(nilo_test_path("marked.store"), "SELECT count(*) FROM day_value WHERE meta IS NOT NULL"), 2);
    assert_int_equal(world_count(nilo_test_path("marked.store"),
                                 "SELECT count(*) FROM day_value WHERE meta = '{\"anomaly\":{\"kind\":\"out_of_range\",\"expected_min\":5,"
                                 "\"expected_max\":null}}' AND value = 4"),
                     2);
}

/* ---- failures --------------------------------------------------------------------------------------------------------------------------------- */

static void a_missing_table_fails_alone_and_is_asked_for_again(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "missing", NULL, one_connection(app("missing"), APP_LINES), "2025-01-11T00:05:00Z");
    world_sql(app_path, "ALTER TABLE posts RENAME TO articles");
    assert_int_equal(world_collect(&w, NULL), 0);
    assert_int_equal(w.n_runs, 2);
    check_run(&w, 0, "2025-01-10", "2025-01-10", "partial", 3);
    check_run(&w, 1, "2025-01-11", "2025-01-11", "partial", 3);
    assert_int_equal(w.runs[0].n_failures, 2);
    check_failure(&w.runs[0], "posts_total invalid ", "no table or view posts");
    check_failure(&w.runs[0], "posts_created invalid ", "no table or view posts");
    assert_string_equal(w.result.status, "partial");
    assert_int_equal(w.result.metrics_collected, 3);
    check_value(&w, "users_total", "2025-01-10", 2);
    check_value(&w, "posts_total", "2025-01-10", FAILED);
    assert_int_equal(world_connection(&w, "app").read_until.n, world_day("2025-01-10").n);
    /* Back again: the open day gets what it lacked, and only that. */
    world_sql(app_path, "ALTER TABLE articles RENAME TO posts; DELETE FROM comments WHERE id <= 24");
    world_now(&w, "2025-01-11T01:05:00Z");
    world_collects(&w, NULL);
    check_run(&w, 0, "2025-01-10", "2025-01-10", "completed", 5);
    assert_int_equal(w.runs[0].readings, 2);
    check_value(&w, "posts_total", "2025-01-10", 40);
    check_value(&w, "posts_created", "2025-01-10", 4);
    check_value(&w, "comments_total", "2025-01-10", 240);
    world_now(&w, "2025-01-11T02:05:00Z");
    world_collects(&w, NULL);
    assert_int_equal(w.n_runs, 1);
    world_done(&w);
}

/* The first run after the day's end closes it, and posts fail in it. */
static void begin_late(struct world *w, const char *name, const char *store)
{
    world_init(w, name, store, one_connection(app(name), APP_LINES), "2025-01-11T07:00:00Z");
    world_sql(app_path, "ALTER TABLE posts RENAME TO articles");
    assert_int_equal(world_collect(w, NULL), 0);
    check_run(w, 0, "2025-01-10", "2025-01-10", "partial", 3);
    assert_int_equal(world_connection(w, "app").closed_until.n, world_day("2025-01-10").n);
}

static void check_late(const char *name, const char *store)
{
    struct world w;
    begin_late(&w, name, store);
    world_now(&w, "2025-01-11T07:05:00Z");
    world_sql(app_path, "ALTER TABLE articles RENAME TO posts; DELETE FROM comments WHERE id <= 24");
    world_collects(&w, NULL);
    assert_int_equal(w.n_runs, 2);
    check_run(&w, 0, "2025-01-10", "2025-01-10", "completed", 5);
    assert_int_equal(w.runs[0].readings, 2); /* nothing else is asked for */
    assert_int_equal(w.runs[0].differ, 0);
    check_value(&w, "posts_total", "2025-01-10", 40);
    check_value(&w, "posts_created", "2025-01-10", 4);
    check_value(&w, "comments_total", "2025-01-10", 240);
    check_value(&w, "posts_total", "2025-01-09", NOTHING);
    /* Done once. */
    world_collects(&w, NULL);
    assert_int_equal(w.n_runs, 1);
    check_run(&w, 0, "2025-01-11", "2025-01-11", "completed", 5);
    char path[256];
    snprintf(path, sizeof path, "%s", store != NULL ? store : w.store_path);
    world_done(&w);
    /* late, over the base that said failed */
    assert_int_equal(world_count(path, "SELECT count(*) FROM day_value WHERE seq = 1 AND cause = 1 AND absence = 0"), 2);
    assert_int_equal(world_count(path, "SELECT count(*) FROM day_value WHERE seq = 0 AND absence = 4"), 2);
}

static void what_a_closed_day_lacks_comes_late(void **state)
{
    (void)state;
    check_late("late", NULL);
}

static void what_a_closed_day_lacks_comes_late_on_a_server(void **state)
{
    (void)state;
    const char *store = nilo_test_pg_database("late_store");
    if (store == NULL) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    check_late("late_server", store);
}

static void a_metric_that_keeps_failing_is_asked_for_a_week(void **state)
{
    (void)state;
    struct world w;
    begin_late(&w, "keeps", NULL);
    for (int d = 12; d <= 20; d++) {
        char now[32], day[NILO_DAY_TEXT], first[NILO_DAY_TEXT];
        snprintf(now, sizeof now, "2025-01-%02dT07:00:00Z", d % 32);
        world_now(&w, now);
        assert_int_equal(world_collect(&w, NULL), 0);
        nilo_day_format(nilo_day_from_civil(2025, 1, d - 1), day);
        nilo_day_format(nilo_day_from_civil(2025, 1, d - 7 > 10 ? d - 7 : 10), first);
        assert_int_equal(w.n_runs, 2);
        check_run(&w, 0, first, day, "partial", 3);
        assert_int_equal(w.runs[0].n_failures, 2); /* once a metric, not once a day */
        check_value(&w, "users_total", day, 2);
    }
    /* Mended: what ended within the last 7 days is completed, and older days are backfill's. */
    world_sql(app_path, "ALTER TABLE articles RENAME TO posts");
    world_collects(&w, NULL);
    check_run(&w, 0, "2025-01-13", "2025-01-19", "completed", 5);
    assert_int_equal(w.runs[0].readings, 7 * 2);
    check_value(&w, "posts_created", "2025-01-13", 4);
    check_value(&w, "posts_total", "2025-01-19", 76);
    check_value(&w, "posts_total", "2025-01-12", FAILED);
    assert_int_equal(world_connection(&w, "app").read_until.n, world_day("2025-01-19").n);
    world_done(&w);
}

/* Before the connection's first reading, and where only a named day was read, nothing is completed. */
static void days_before_the_first_reading_are_not_completed(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "before", NULL, one_connection(app("before"), APP_LINES), "2025-01-11T07:00:00Z");
    world_collects(&w, "2025-01-06");
    for (int i = 0; i < 2; i++) {
        world_collects(&w, NULL);
        check_value(&w, "posts_total", "2025-01-05", NOTHING);
        check_value(&w, "posts_total", "2025-01-07", NOTHING);
        check_value(&w, "posts_total", "2025-01-09", NOTHING);
        world_now(&w, "2025-01-12T07:00:00Z");
    }
    world_done(&w);
}

static void rows_without_a_time_are_told_and_not_counted(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "unreadable", NULL, one_connection(app("unreadable"), APP_LINES), "2025-01-11T00:05:00Z");
    world_sql(app_path, "INSERT INTO posts (created_at) VALUES (NULL), ('soon'), (2460687.5)");
    world_collects(&w, "2025-01-10");
    check_run(&w, 0, "2025-01-10", "2025-01-10", "completed", 5);
    assert_int_equal(w.runs[0].n_failures, 0);
    assert_int_equal(w.runs[0].n_notes, 1);
    assert_non_null(strstr(w.runs[0].note, "3 of 403 rows of posts have no readable created_at"));
    assert_non_null(strstr(w.runs[0].details, "3 of 403 rows of posts have no readable created_at"));
    check_value(&w, "posts_total", "2025-01-10", 40);
    world_done(&w);
}

static void a_source_that_is_down_fails_its_run_and_no_other(void **state)
{
    (void)state;
    struct world w;
    char config[2048];
    snprintf(config, sizeof config,
             "connections:\n"
             "  - {name: gone, workspace: a, platform: sql, database: %s, users: u, posts: p, comments: c}\n"
             "  - {name: down, workspace: b, platform: sql, database: 'postgres://nobody@/x?host=/nonexistent', users: u, posts: p, comments: c}\n"
             "  - {name: app, workspace: c, platform: sql, database: %s, users: profiles, posts: posts, comments: comments}\n",
             nilo_test_path("nowhere.db"), app("down"));
    world_init(&w, "down", NULL, config, "2025-01-11T00:05:00Z");
    nilo_us before = w.clock.mono;
    assert_int_equal(world_collect(&w, NULL), 0);
    /* Three tries with at least one and two seconds between for the server, and one try for a file that is not there. */
    assert_in_range(w.clock.mono - before, 3 * NILO_US_SECOND, 4 * NILO_US_SECOND);
    assert_int_equal(w.n_runs, 4);
    assert_string_equal(w.result.status, "partial");
    assert_int_equal(w.result.completed, 1);
    assert_int_equal(w.result.failed, 2);
    for (size_t i = 0; i < 2; i++) {
        check_run(&w, i, "2025-01-10", "2025-01-10", "failed", 0);
        assert_int_equal(w.runs[i].n_failures, 0);
        assert_true(w.runs[i].run > 0);
        assert_true(nilo_day_is_none(world_connection(&w, w.runs[i].connection).read_until));
        assert_string_equal(world_connection(&w, w.runs[i].connection).status, "failing");
    }
    assert_non_null(strstr(w.runs[0].error, "nowhere.db"));
    assert_non_null(strstr(w.runs[1].error, "cannot connect"));
    check_run(&w, 3, "2025-01-11", "2025-01-11", "completed", 5);
    assert_int_equal(world_value(&w, "gone", "users_total", "2025-01-10"), FAILED);
    /* It comes back: nothing is lost. */
    world_sql(nilo_test_path("nowhere.db"),
              "CREATE TABLE u (created_at TEXT); CREATE TABLE p (created_at TEXT); CREATE TABLE c (created_at TEXT);"
              "INSERT INTO u VALUES ('2025-01-10 05:00:00')");
    world_now(&w, "2025-01-13T00:05:00Z");
    const struct nilo_collect_options o = {.day = NILO_DAY_NONE, .connection = "gone"};
    assert_int_equal(world_collect_with(&w, &o), 0);
    check_run(&w, 0, "2025-01-12", "2025-01-12", "completed", 5);
    assert_int_equal(world_value(&w, "gone", "users_total", "2025-01-12"), 1);
    assert_string_equal(world_connection(&w, "gone").status, "connected");
    assert_string_equal(world_connection(&w, "down").status, "failing");
    world_done(&w);
}

static void a_source_without_any_of_its_tables_has_failed(void **state)
{
    (void)state;
    struct world w;
    const char *path = nilo_test_path("empty.app");
    nilo_test_write(path, "", 0);
    world_init(&w, "empty", NULL, one_connection(path, APP_LINES), "2025-01-11T00:05:00Z");
    assert_int_equal(world_collect(&w, "2025-01-10"), 0);
    check_run(&w, 0, "2025-01-10", "2025-01-10", "failed", 0);
    assert_int_equal(w.runs[0].n_failures, 5);
    assert_string_equal(w.result.status, "failed");
    assert_true(nilo_day_is_none(world_connection(&w, "app").read_until));
    world_done(&w);
}

static void a_metric_defined_otherwise_fails_alone(void **state)
{
    (void)state;
    struct world w;
    const struct nilo_metric other = {.name = "posts_total", .type = NILO_COUNT, .kind = NILO_INSTANT, .aggregation = NILO_LEVEL, .active = true};
    world_init(&w, "otherwise", NULL, one_connection(app("otherwise"), APP_LINES), "2025-01-11T00:05:00Z");
    assert_int_equal(nilo_store_metric_define(w.store, &other, NULL, &w.err), 0);
    assert_int_equal(world_collect(&w, "2025-01-10"), 0);
    check_run(&w, 0, "2025-01-10", "2025-01-10", "partial", 4);
    assert_int_equal(w.runs[0].n_failures, 1);
    check_failure(&w.runs[0], "posts_total invalid ", "defined otherwise");
    check_value(&w, "posts_created", "2025-01-10", 4);
    world_done(&w);
}

static void a_metric_that_is_not_active_is_left_alone(void **state)
{
    (void)state;
    struct world w;
    const char *config = one_connection(app("inactive"), APP_LINES);
    world_init(&w, "inactive", NULL, config, "2025-01-11T00:05:00Z");
    world_collects(&w, NULL);
    nilo_store_close(w.store);
    world_sql(w.store_path, "UPDATE metric SET is_active = 0 WHERE name = 'users_total'");
    assert_int_equal(nilo_store_open(w.store_path, NILO_STORE_WRITE, &w.env, &w.store, &w.err), 0);
    world_now(&w, "2025-01-12T00:05:00Z");
    world_sql(app_path, "DROP TABLE profiles");
    world_collects(&w, NULL);
    check_run(&w, 0, "2025-01-11", "2025-01-11", "completed", 4);
    check_value(&w, "users_total", "2025-01-10", 2);
    check_value(&w, "users_total", "2025-01-12", NOTHING);
    world_done(&w);
}

static void connections_are_chosen_by_name_and_workspace(void **state)
{
    (void)state;
    struct world w;
    char config[2048];
    app("chosen");
    snprintf(config, sizeof config,
             "workspaces:\n  - {name: east, zone: Pacific/Auckland}\n  - {name: west}\nconnections:\n"
             "  - {name: app, workspace: east, platform: sql, database: %s, users: profiles}\n"
             "  - {name: app, workspace: west, platform: sql, database: %s, users: profiles}\n"
             "  - {name: other, workspace: west, platform: sql, database: %s, posts: posts}\n",
             app_path, app_path, app_path);
    world_init(&w, "chosen", NULL, config, "2025-01-10T23:30:00Z");
    struct nilo_collect_options o = {.day = NILO_DAY_NONE, .connection = "app"};
    assert_int_equal(world_collect_with(&w, &o), 0);
    assert_int_equal(w.n_runs, 4);
    assert_string_equal(w.runs[0].workspace, "east");
    check_run(&w, 1, "2025-01-11", "2025-01-11", "completed", 1);
    assert_string_equal(w.runs[2].workspace, "west");
    check_run(&w, 3, "2025-01-10", "2025-01-10", "completed", 1);
    o.workspace = "west";
    assert_int_equal(world_collect_with(&w, &o), 0);
    assert_int_equal(w.n_runs, 1);
    /* A day that has begun in one workspace only. */
    assert_int_equal(world_collect(&w, "2025-01-11"), 0);
    assert_string_equal(w.result.status, "partial");
    assert_string_equal(w.runs[0].status, "completed");
    assert_string_equal(w.runs[1].status, "failed");
    assert_int_equal(w.runs[1].run, 0);
    assert_non_null(strstr(w.runs[1].error, "in the future"));
    o = (struct nilo_collect_options){.day = NILO_DAY_NONE, .connection = "nobody"};
    assert_int_equal(world_collect_with(&w, &o), -1);
    assert_int_equal(w.err.code, NILO_ENAME);
    assert_non_null(strstr(w.err.msg, "other in workspace west"));
    world_config(&w, "connections: []\n");
    assert_int_equal(world_collect(&w, NULL), -1);
    assert_int_equal(w.err.code, NILO_ECONFIG);
    world_done(&w);
}

static void a_disabled_connection_is_left_out_unless_it_is_named(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "disabled", NULL, one_connection(app("disabled"), APP_LINES), "2025-01-11T00:05:00Z");
    world_collects(&w, "2025-01-10");
    assert_int_equal(nilo_store_connection_status(w.store, world_connection(&w, "app").id, "disabled", &w.err), 0);
    assert_int_equal(world_collect(&w, NULL), -1);
    assert_int_equal(w.err.code, NILO_ECONFIG);
    assert_int_equal(w.n_runs, 0);
    const struct nilo_collect_options o = {.day = NILO_DAY_NONE, .connection = "app"};
    assert_int_equal(world_collect_with(&w, &o), 0);
    check_run(&w, 0, "2025-01-11", "2025-01-11", "completed", 5);
    assert_string_equal(world_connection(&w, "app").status, "disabled");
    world_done(&w);
}

/* ---- a server that comes and goes ------------------------------------------------------------------------------------------------------------------ */

static const char *link_from, *link_to;

static void sleep_and_link(void *ctx, nilo_us span)
{
    nilo_virtual_clock_advance(ctx, span);
    if (symlink(link_from, link_to) != 0 && access(link_to, F_OK) != 0)
        fail_msg("symlink %s", link_to);
}

static const char *server_tables(const char *name)
{
    const char *url = nilo_test_pg_database(name);
    if (url == NULL) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    world_sql(url, "CREATE TABLE profiles (created_at timestamptz); CREATE TABLE posts (created_at timestamp); CREATE TABLE comments (created_at date);"
                   "INSERT INTO profiles VALUES ('2025-01-10 23:59:59.999999+00'), ('2025-01-11 00:00:00+00');"
                   "INSERT INTO posts VALUES ('2025-01-10 00:00:00'); INSERT INTO comments VALUES ('2025-01-10')");
    return url;
}

/* The folder of the socket that the URL names: postgres://nilo@%2Ftmp%2Fx/name. */
static char *socket_folder(const char *url)
{
    const char *from = strchr(url, '@');
    assert_non_null(from);
    char *folder = calloc(1, strlen(from)), *to = folder;
    for (from++; *from != '/' && *from != '\0'; from++) {
        bool slash = strncmp(from, "%2F", 3) == 0;
        *to++ = slash ? '/' : *from;
        from += slash ? 2 : 0;
    }
    return folder;
}

static void a_server_that_comes_back_in_time_is_read(void **state)
{
    (void)state;
    struct world w;
    const char *url = server_tables("comes_back");
    char *folder = socket_folder(url), other[1024];
    link_from = folder;
    link_to = nilo_test_path("s");
    snprintf(other, sizeof other, "postgres://nilo@/comes_back?host=%s", link_to);
    world_init(&w, "comes_back", NULL, one_connection(other, APP_LINES), "2025-01-11T00:05:00Z");
    nilo_store_close(w.store);
    w.env.clock.sleep = sleep_and_link;
    assert_int_equal(nilo_store_open(w.store_path, NILO_STORE_WRITE, &w.env, &w.store, &w.err), 0);
    world_collects(&w, NULL);
    check_value(&w, "users_total", "2025-01-10", 1);
    check_value(&w, "posts_created", "2025-01-10", 1);
    check_value(&w, "comments_created", "2025-01-10", 1);
    assert_in_range(w.clock.wall - world_us("2025-01-11T00:05:00Z"), NILO_US_SECOND, 2 * NILO_US_SECOND);
    world_done(&w);
    free(folder);
}

static void a_week_is_collected_from_one_server_into_another_database(void **state)
{
    (void)state;
    struct world w;
    char quoted[1024];
    const char *url = server_tables("week_app"), *store = nilo_test_pg_database("week_store");
    snprintf(quoted, sizeof quoted, "'%s'", url);
    world_init(&w, "week", store, one_connection(quoted, APP_LINES), "2025-01-11T00:05:00Z");
    for (int d = 11; d <= 17; d++) {
        char now[32];
        snprintf(now, sizeof now, "2025-01-%02dT00:05:00Z", d % 32);
        world_now(&w, now);
        world_collects(&w, NULL);
        assert_int_equal(w.n_runs, 2);
    }
    check_value(&w, "users_total", "2025-01-10", 1);
    check_value(&w, "users_total", "2025-01-16", 2);
    check_value(&w, "posts_created", "2025-01-16", 0);
    assert_int_equal(world_connection(&w, "app").closed_until.n, world_day("2025-01-15").n);
    world_sql(url, "DELETE FROM profiles");
    world_collects(&w, "2025-01-10");
    assert_int_equal(w.runs[0].differ, 1);
    check_value(&w, "users_total", "2025-01-10", 1);
    world_done(&w);
}

static void a_connection_that_breaks_costs_one_metric(void **state)
{
    (void)state;
    struct world w;
    const char *url = server_tables("breaks");
    char quoted[1024];
    world_sql(url, "CREATE VIEW deadly AS SELECT now() AS created_at WHERE pg_terminate_backend(pg_backend_pid())");
    snprintf(quoted, sizeof quoted, "'%s'", url);
    world_init(&w, "breaks", NULL, one_connection(quoted, "    users: deadly\n    posts: posts\n    comments: comments\n"),
               "2025-01-11T00:05:00Z");
    assert_int_equal(world_collect(&w, "2025-01-10"), 0);
    check_run(&w, 0, "2025-01-10", "2025-01-10", "partial", 4);
    assert_int_equal(w.runs[0].n_failures, 1);
    check_failure(&w.runs[0], "users_total transient ", "deadly");
    check_value(&w, "posts_total", "2025-01-10", 1);
    world_done(&w);
}

static void a_slow_table_fails_alone(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "slow", NULL, one_connection(app("slow"), "    users: slow\n    posts: posts\n    timeout_ms: 50\n"), "2025-01-11T00:05:00Z");
    world_sql(app_path, "CREATE VIEW slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS created_at FROM n");
    assert_int_equal(world_collect(&w, "2025-01-10"), 0);
    check_run(&w, 0, "2025-01-10", "2025-01-10", "partial", 2);
    check_failure(&w.runs[0], "users_total transient ", "50 ms");
    check_value(&w, "posts_total", "2025-01-10", 40);
    world_done(&w);
}

/* Read at 10:00 each day. When the day is over, one metric fails: what it was at 10:00 is a part of the day, and must not become the day's value for good. */
static void a_metric_that_fails_after_the_days_end_keeps_the_day_open(void **state)
{
    (void)state;
    for (int pg = 0; pg < 2; pg++) {
        struct world w;
        char path[300];
        const char *target = path;
        if (pg && (target = nilo_test_pg_database("held_app")) == NULL)
            nilo_test_skip("%s", nilo_test_pg_missing());
        if (!pg) {
            snprintf(path, sizeof path, "%s/held.app", nilo_test_tmp());
            nilo_test_remove(path);
        }
        world_sql(target, "CREATE TABLE p (id integer PRIMARY KEY, at timestamp, made timestamp); INSERT INTO p VALUES (1, '2025-03-03 08:00:00', '2025-03-03 08:00:00'), "
                          "(2, '2025-03-03 20:00:00', '2025-03-03 20:00:00'), (3, '2025-03-04 08:00:00', '2025-03-04 08:00:00')");
        snprintf(text, sizeof text, "connections:\n  - name: app\n    platform: sql\n    database: %s\n    metrics:\n"
                 "      - {name: a, table: p, timestamp: at, mode: created}\n      - {name: b, table: p, timestamp: made, mode: created}\n", target);
        world_init(&w, pg ? "held_pg" : "held", pg ? nilo_test_pg_database("held") : NULL, text, "2025-03-03T10:00:00Z");
        world_sql(target, "DELETE FROM p WHERE id > 1");
        assert_int_equal(world_collect(&w, NULL), 0);
        assert_int_equal(world_value(&w, "app", "b", "2025-03-03"), 1);
        world_sql(target, "INSERT INTO p VALUES (2, '2025-03-03 20:00:00', '2025-03-03 20:00:00'); ALTER TABLE p RENAME COLUMN made TO gone");
        world_now(&w, "2025-03-04T10:00:00Z");
        assert_int_equal(world_collect(&w, NULL), 0);
        assert_int_equal(world_value(&w, "app", "a", "2025-03-03"), 2);
        assert_int_equal(world_value(&w, "app", "b", "2025-03-03"), 1); /* seen within the day */
        assert_int_equal(world_connection(&w, "app").closed_until.n, world_day("2025-03-02").n);
        int closed;
        assert_int_equal(nilo_record_seal(w.store, 0, &closed, &w.err), 0);
        assert_int_equal(closed, 0);
        if (pg) { /* it works again: the day gets its value, and closes */
            world_sql(target, "ALTER TABLE p RENAME COLUMN gone TO made");
            world_now(&w, "2025-03-05T10:00:00Z");
            world_collects(&w, NULL);
            assert_int_equal(world_value(&w, "app", "b", "2025-03-03"), 2);
            assert_int_equal(world_connection(&w, "app").closed_until.n, world_day("2025-03-04").n);
        } else { /* it never does: after a week the day closes as what it is, a part */
            for (int day = 5; day <= 10; day++) {
                char now[32];
                snprintf(now, sizeof now, "2025-03-%02dT10:00:00Z", day);
                world_now(&w, now);
                assert_int_equal(world_collect(&w, NULL), 0);
            }
            assert_int_equal(world_connection(&w, "app").closed_until.n, world_day("2025-03-02").n);
            world_now(&w, "2025-03-11T10:00:00Z");
            assert_int_equal(world_collect(&w, NULL), 0);
            assert_int_equal(world_connection(&w, "app").closed_until.n, world_day("2025-03-10").n);
            int64_t partial;
            struct nilo_db_stmt *stmt;
            assert_int_equal(nilo_db_prepare_once(nilo_store_db(w.store), "SELECT count(*) FROM day_close WHERE status = 'partial' AND day = 20150", &stmt, &w.err), 0);
            assert_int_equal(nilo_db_query(stmt, NULL, 0, &w.err), 0);
            assert_int_equal(nilo_db_row(stmt, &w.err), 1);
            partial = nilo_db_column_int(stmt, 0);
            nilo_db_finish(stmt);
            assert_int_equal(partial, 1);
        }
        world_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_collect_completes_yesterday_and_opens_today),
        cmocka_unit_test(a_second_collect_reads_today_again_and_nothing_else),
        cmocka_unit_test(days_that_nobody_read_are_completed_in_one_pass),
        cmocka_unit_test(a_day_before_any_data_is_zero),
        cmocka_unit_test(a_day_to_come_is_refused),
        cmocka_unit_test(a_day_that_a_zone_skipped_is_no_day),
        cmocka_unit_test(a_run_id_is_done_once),
        cmocka_unit_test(days_are_cut_as_the_workspace_says),
        cmocka_unit_test(deleting_in_the_source_leaves_closed_days_as_they_were),
        cmocka_unit_test(old_days_are_estimated_and_odd_values_marked),
        cmocka_unit_test(a_missing_table_fails_alone_and_is_asked_for_again),
        cmocka_unit_test(what_a_closed_day_lacks_comes_late),
        cmocka_unit_test(what_a_closed_day_lacks_comes_late_on_a_server),
        cmocka_unit_test(a_metric_that_keeps_failing_is_asked_for_a_week),
        cmocka_unit_test(days_before_the_first_reading_are_not_completed),
        cmocka_unit_test(rows_without_a_time_are_told_and_not_counted),
        cmocka_unit_test(a_source_that_is_down_fails_its_run_and_no_other),
        cmocka_unit_test(a_source_without_any_of_its_tables_has_failed),
        cmocka_unit_test(a_metric_defined_otherwise_fails_alone),
        cmocka_unit_test(a_metric_that_is_not_active_is_left_alone),
        cmocka_unit_test(connections_are_chosen_by_name_and_workspace),
        cmocka_unit_test(a_disabled_connection_is_left_out_unless_it_is_named),
        cmocka_unit_test(a_server_that_comes_back_in_time_is_read),
        cmocka_unit_test(a_week_is_collected_from_one_server_into_another_database),
        cmocka_unit_test(a_connection_that_breaks_costs_one_metric),
        cmocka_unit_test(a_slow_table_fails_alone),
        cmocka_unit_test(a_metric_that_fails_after_the_days_end_keeps_the_day_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
