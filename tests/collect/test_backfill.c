/* Filling back: equal to what SQL counts day by day, on both engines and in other zones; what is there already stays; ten years; sources that fail. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/world.h"
#include "db/db.h"
#include "support/pg.h"
#include "support/tmp.h"

#define NOTHING INT64_MIN

static char text[4096];

/* Rows every so many seconds from the start of 2025 on, as UTC text or timestamptz. */
static void fill_table(const char *target, bool pg, const char *table, int rows, int step)
{
    char sql[1024];
    if (pg)
        snprintf(sql, sizeof sql,
                 "CREATE TABLE %s (id serial, created_at timestamptz); INSERT INTO %s (created_at) SELECT to_timestamp(1735689600 + i::bigint * %d) FROM"
                 " generate_series(0, %d) AS i", table, table, step, rows - 1);
    else
        snprintf(sql, sizeof sql,
                 "CREATE TABLE %s (id INTEGER PRIMARY KEY, created_at TEXT); WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)"
                 " INSERT INTO %s (created_at) SELECT datetime(1735689600 + i * %d, 'unixepoch') FROM n", table, rows, table, step);
    world_sql(target, sql);
}

static const char *app(const char *name, bool pg)
{
    static char path[300];
    const char *target = path;
    if (pg)
        target = nilo_test_pg_database(name);
    if (target == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    if (!pg) {
        snprintf(path, sizeof path, "%s/%s.app", nilo_test_tmp(), name);
        nilo_test_remove(path);
    }
    fill_table(target, pg, "profiles", 40, 200003);
    fill_table(target, pg, "posts", 300, 28801);
    fill_table(target, pg, "comments", 2000, 4001);
    return target;
}

static const char *configuration(const char *database, const char *zone)
{
    snprintf(text, sizeof text,
             "workspaces: [{name: default, zone: %s}]\nconnections:\n  - {name: app, platform: sql, database: %s, users: profiles, posts: posts, comments: comments}\n",
             zone, database);
    return text;
}

struct seen {
    struct nilo_backfill_run run;
    struct nilo_backfill_finding falls[4];
    char status[16], error[300];
    int reports;
};

static void keep(void *ctx, const struct nilo_backfill_run *run)
{
    struct seen *s = ctx;
    s->run = *run;
    for (size_t i = 0; i < run->falls.n && i < 4; i++)
        s->falls[i] = run->falls.items[i];
    s->reports++;
    snprintf(s->status, sizeof s->status, "%s", run->status);
    snprintf(s->error, sizeof s->error, "%s", run->error != NULL ? run->error : run->n_failures > 0 ? run->failures[0].message : "");
}

static struct seen backfill(struct world *w, const char *from, const char *to, bool revise)
{
    struct seen seen = {.reports = 0};
    struct nilo_backfill_result result;
    const struct nilo_backfill_options o = {.from = from != NULL ? world_day(from) : NILO_DAY_NONE,
                                            .to = to != NULL ? world_day(to) : NILO_DAY_NONE,
                                            .revise = revise, .report = keep, .report_ctx = &seen};
    if (nilo_backfill(w->store, w->config, &o, &result, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    assert_int_equal(seen.reports, 1);
    assert_int_equal(result.dates_processed, seen.run.days_processed);
    assert_int_equal(result.total_metrics, seen.run.metrics);
    return seen;
}

static int64_t count_sql(const char *target, bool pg, const char *table, const char *zone, nilo_day day, bool created)
{
    char sql[512];
    struct nilo_zone *z;
    assert_int_equal(nilo_zone_load(NULL, zone, &z, NULL), 0);
    long long from = nilo_zone_day_start(z, day) / NILO_US_SECOND, to = nilo_zone_day_start(z, NILO_DAY(day.n + 1)) / NILO_US_SECOND;
    nilo_zone_free(z);
    snprintf(sql, sizeof sql,
             pg ? "SELECT count(*) FROM %s WHERE extract(epoch FROM created_at) >= %lld AND extract(epoch FROM created_at) < %lld"
                : "SELECT count(*) FROM %s WHERE CAST(strftime('%%s', created_at) AS INTEGER) >= %lld AND CAST(strftime('%%s', created_at) AS INTEGER) < %lld",
             table, created ? from : 0, to);
    return world_count(target, sql);
}

static void check_days(struct world *w, const char *target, bool pg, const char *zone, int days)
{
    for (int i = 0; i < days; i += 7) {
        nilo_day day = NILO_DAY(world_day("2025-01-01").n + i);
        char name[NILO_DAY_TEXT];
        nilo_day_format(day, name);
        assert_int_equal(world_value(w, "app", "users_total", name), count_sql(target, pg, "profiles", zone, day, false));
        assert_int_equal(world_value(w, "app", "posts_total", name), count_sql(target, pg, "posts", zone, day, false));
        assert_int_equal(world_value(w, "app", "posts_created", name), count_sql(target, pg, "posts", zone, day, true));
        assert_int_equal(world_value(w, "app", "comments_created", name), count_sql(target, pg, "comments", zone, day, true));
    }
}

static void fills_what_sql_counts(const char *name, bool pg, const char *zone)
{
    struct world w;
    const char *target = app(name, pg);
    world_init(&w, name, NULL, configuration(target, zone), "2025-04-11T09:30:00Z");
    struct seen s = backfill(&w, NULL, NULL, false);
    if (strcmp(s.status, "completed") != 0)
        fail_msg("%s %s", s.status, s.error);
    assert_int_equal(s.run.last_day.n, world_day("2025-04-10").n);
    int days = s.run.last_day.n - s.run.first_day.n + 1;
    assert_in_range(days, 100, 101); /* the first row lies on the eve in zones to the west */
    assert_int_equal(s.run.days_written, days);
    assert_int_equal(s.run.values_written, days * 5);
    assert_int_equal(s.run.metrics, days * 5);
    assert_int_equal(s.run.gaps.total + s.run.falls.total + s.run.last_differs.total, 0);
    check_days(&w, target, pg, zone, 100);
    /* Twice is once. */
    s = backfill(&w, NULL, NULL, false);
    assert_string_equal(s.status, "completed");
    assert_int_equal(s.run.values_written, 0);
    assert_int_equal(s.run.metrics, days * 5);
    assert_int_equal(world_count(w.store_path, "SELECT count(*) FROM day_value WHERE seq > 0"), 0);
    /* Collecting goes on where it ends. */
    world_collects(&w, NULL);
    assert_int_equal(world_connection(&w, "app").read_until.n, world_day("2025-04-10").n);
    world_done(&w);
}

static void equals_what_sqlite_counts(void **state)
{
    (void)state;
    fills_what_sql_counts("bf_lite", false, "UTC");
}

static void equals_what_postgres_counts(void **state)
{
    (void)state;
    fills_what_sql_counts("bf_pg", true, "UTC");
}

static void days_are_those_of_the_zone(void **state)
{
    (void)state;
    fills_what_sql_counts("bf_berlin", false, "Europe/Berlin");
    fills_what_sql_counts("bf_york", false, "America/New_York");
    fills_what_sql_counts("bf_pg_tokyo", true, "Asia/Tokyo");
}

static void what_was_recorded_stays_and_estimated_values_are_amended_when_asked(void **state)
{
    (void)state;
    struct world w;
    const char *target = app("bf_keep", false);
    world_init(&w, "bf_keep", NULL, configuration(target, "UTC"), "2025-02-01T12:00:00Z");
    world_collects(&w, NULL);
    int64_t observed = world_value(&w, "app", "posts_total", "2025-01-31");
    world_sql(target, "DELETE FROM posts WHERE id % 2 = 0");
    struct seen s = backfill(&w, "2025-01-01", NULL, false);
    assert_int_equal(world_value(&w, "app", "posts_total", "2025-01-31"), observed);
    assert_int_equal(s.run.days_written, 30);
    assert_int_equal(s.run.last_differs.total, 2); /* posts_total, posts_created */
    int64_t half = world_value(&w, "app", "posts_total", "2025-01-15");
    world_sql(target, "DELETE FROM posts");
    s = backfill(&w, "2025-01-01", NULL, false);
    assert_int_equal(s.run.values_written, 0);
    assert_int_equal(world_value(&w, "app", "posts_total", "2025-01-15"), half);
    s = backfill(&w, "2025-01-01", NULL, true);
    assert_true(s.run.values_written > 0);
    assert_int_equal(world_value(&w, "app", "posts_total", "2025-01-15"), 0);
    assert_int_equal(world_value(&w, "app", "posts_total", "2025-01-31"), observed);
    /* Read within 7 days after its end a value is observed: no revising. */
    assert_true(world_value(&w, "app", "posts_total", "2025-01-30") > 0);
    world_done(&w);
}

static void falls_and_gaps_are_told(void **state)
{
    (void)state;
    struct world w;
    const char *target = app("bf_falls", false);
    world_init(&w, "bf_falls", NULL, configuration(target, "UTC"), "2025-02-01T12:00:00Z");
    world_collects(&w, "2025-01-20");
    world_sql(target, "DELETE FROM comments; DROP TABLE profiles");
    struct seen s = backfill(&w, "2025-01-10", "2025-01-22", false);
    assert_string_equal(s.status, "partial");
    assert_non_null(strstr(s.error, "profiles"));
    assert_int_equal(s.run.falls.total, 1); /* of comments_total behind the 20th */
    assert_int_equal(s.run.gaps.total, 12); /* of users_total: but for the 20th */
    assert_int_equal(world_value(&w, "app", "users_total", "2025-01-12"), NOTHING);
    world_done(&w);
}

/* Where to keep it; skips where there is no PostgreSQL. */
static const char *store_on(bool pg, const char *name)
{
    const char *url = pg ? nilo_test_pg_database(name) : NULL;
    if (pg && url == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    return url;
}

/* Posts up to the 20th are deleted before days are filled beside days that were counted with them. */
static void falls_beside_the_range(const char *name, bool pg)
{
    static const struct {
        const char *from, *to;
        bool revise;
        int64_t falls;
        const char *first, *last;
    } cases[] = {
        {"2025-01-21", "2025-01-22", false, 1, "2025-01-20", "2025-01-21"}, /* its first day against the day before */
        {"2025-01-21", "2025-01-22", true, 1, "2025-01-20", "2025-01-21"},
        {"2025-01-24", "2025-01-25", false, 0, NULL, NULL},                 /* filled lower already: nothing falls here */
        {"2025-01-05", "2025-01-06", false, 0, NULL, NULL},                 /* the morrow is higher */
    };
    struct world w;
    const char *target = app(name, false);
    char stored[64];
    snprintf(stored, sizeof stored, "%s_store", name);
    world_init(&w, name, store_on(pg, stored), configuration(target, "UTC"), "2025-02-15T12:00:00Z");
    world_collects(&w, "2025-01-20");
    world_sql(target, "DELETE FROM posts WHERE id % 2 = 0");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen s = backfill(&w, cases[i].from, cases[i].to, cases[i].revise);
        assert_int_equal(s.run.falls.total, cases[i].falls);
        if (cases[i].falls == 0)
            continue;
        assert_int_equal(s.falls[0].first.n, world_day(cases[i].first).n);
        assert_int_equal(s.falls[0].last.n, world_day(cases[i].last).n);
        assert_int_equal(s.falls[0].before, 60);
        assert_int_equal(s.falls[0].after, world_value(&w, "app", "posts_total", cases[i].last));
    }
    /* A row that is older than it was: the last day of the range lies above the day behind it. */
    world_sql(target, "INSERT INTO posts (created_at) SELECT '2025-01-02 10:00:00' FROM comments LIMIT 200");
    struct seen s = backfill(&w, "2025-01-17", "2025-01-18", false);
    assert_int_equal(s.run.falls.total, 1);
    assert_int_equal(s.falls[0].first.n, world_day("2025-01-18").n);
    assert_int_equal(s.falls[0].last.n, world_day("2025-01-20").n); /* the 19th holds nothing */
    assert_int_equal(s.falls[0].after, 60);
    world_done(&w);
}

static void falls_at_both_ends_of_the_range_are_told(void **state)
{
    (void)state;
    falls_beside_the_range("bf_beside", false);
}

static void falls_at_both_ends_of_the_range_are_told_in_postgres(void **state)
{
    (void)state;
    falls_beside_the_range("bf_beside_pg", true);
}

static int64_t last_run(struct world *w)
{
    nilo_us newest;
    int64_t id = 0;
    assert_int_equal(nilo_store_newest_recorded(w->store, 0, &newest, &id, &w->err), 0);
    return id;
}

static void dropped_days_are_refused_by_collect_and_backfill(void **state)
{
    (void)state;
    for (int pg = 0; pg < 2; pg++) {
        struct world w;
        struct nilo_backfill_result result;
        struct nilo_dropped dropped = {0};
        const char *name = pg ? "bf_dropped_pg" : "bf_dropped", *says = "the days of connection app up to 2025-01-10 were dropped and take no value any more";
        const struct nilo_backfill_options o = {.from = world_day("2025-01-05"), .to = world_day("2025-01-07")};
        char stored[64];
        snprintf(stored, sizeof stored, "%s_store", name);
        world_init(&w, name, store_on(pg, stored), configuration(app(name, false), "UTC"), "2025-02-15T12:00:00Z");
        backfill(&w, "2025-01-01", NULL, false);
        const struct nilo_drop drop = {.connection = world_connection(&w, "app").id, .until = world_day("2025-01-10"), .author = "me"};
        assert_int_equal(nilo_store_drop(w.store, &drop, &dropped, &w.err), 0);
        assert_int_equal(dropped.days, 10);
        int64_t runs = last_run(&w);
        const char *const days[] = {"2025-01-10", "2025-01-05", "2024-12-25"};
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(world_collect(&w, days[i]), -1);
            assert_int_equal(w.err.code, NILO_EDATERANGE);
            assert_string_equal(w.err.msg, says);
        }
        assert_int_equal(nilo_backfill(w.store, w.config, &o, &result, &w.err), -1);
        assert_string_equal(w.err.msg, says);
        assert_int_equal(last_run(&w), runs);
        world_collects(&w, "2025-01-11");
        world_done(&w);
    }
}

static void a_day_before_any_data_holds_zeros(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "bf_early", NULL, configuration(app("bf_early", false), "UTC"), "2025-02-15T12:00:00Z");
    world_collects(&w, "2019-06-01");
    assert_int_equal(w.result.metrics_collected, 5);
    assert_int_equal(world_value(&w, "app", "posts_total", "2019-06-01"), 0);
    assert_int_equal(world_value(&w, "app", "posts_created", "2019-06-01"), 0);
    world_done(&w);
}

static void ten_years_are_one_pass(void **state)
{
    (void)state;
    struct world w;
    const char *target = app("bf_years", false);
    world_sql(target, "INSERT INTO posts (created_at) VALUES ('2015-03-01 10:00:00'); INSERT INTO profiles (created_at) VALUES ('2015-02-28 10:00:00')");
    world_init(&w, "bf_years", NULL, configuration(target, "Europe/Berlin"), "2025-04-11T09:30:00Z");
    struct seen s = backfill(&w, NULL, NULL, false);
    assert_string_equal(s.status, "completed");
    assert_int_equal(s.run.first_day.n, world_day("2015-02-28").n);
    assert_int_equal(s.run.days_written, world_day("2025-04-11").n - world_day("2015-02-28").n);
    assert_int_equal(world_value(&w, "app", "posts_total", "2019-06-01"), 1);
    assert_int_equal(world_value(&w, "app", "posts_created", "2015-03-01"), 1);
    world_done(&w);
}

static void a_source_that_is_away_fails_and_writes_nothing(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, "bf_away", NULL, configuration(nilo_test_path("not-there.app"), "UTC"), "2025-04-11T09:30:00Z");
    struct seen s = backfill(&w, NULL, NULL, false);
    assert_string_equal(s.status, "failed");
    assert_non_null(strstr(s.error, "not-there.app"));
    assert_true(nilo_day_is_none(s.run.first_day));
    world_done(&w);
}

static void the_range_is_checked(void **state)
{
    (void)state;
    struct world w;
    struct nilo_backfill_result result;
    struct nilo_backfill_options o = {.from = NILO_DAY_NONE, .to = world_day("2025-04-12")};
    world_init(&w, "bf_range", NULL, configuration(app("bf_range", false), "UTC"), "2025-04-11T09:30:00Z");
    assert_int_equal(nilo_backfill(w.store, w.config, &o, &result, &w.err), -1);
    assert_int_equal(w.err.code, NILO_EDATERANGE);
    o.from = world_day("2025-04-02");
    o.to = world_day("2025-04-01");
    assert_int_equal(nilo_backfill(w.store, w.config, &o, &result, &w.err), -1);
    assert_int_equal(w.err.code, NILO_EDATERANGE);
    assert_non_null(strstr(w.err.msg, "the last day, 2025-04-01, is before the first one"));
    /* nobody named a last day: the sentence is about the first one */
    o.to = NILO_DAY_NONE;
    o.from = world_day("2025-04-12");
    assert_int_equal(nilo_backfill(w.store, w.config, &o, &result, &w.err), -1);
    assert_string_equal(w.err.msg, "the first day, 2025-04-12, is in the future: in workspace default today is 2025-04-11");
    o.from = world_day("2025-04-11");
    assert_int_equal(nilo_backfill(w.store, w.config, &o, &result, &w.err), -1);
    assert_int_equal(w.err.code, NILO_EDATERANGE);
    assert_non_null(strstr(w.err.msg, "the first day, 2025-04-11, is today"));
    world_done(&w);
}

/* A column's default of 0 must not become 55 years of days that nobody can take back. */
static void a_first_row_of_long_ago_is_asked_about(void **state)
{
    (void)state;
    struct world w;
    struct nilo_backfill_result result;
    struct nilo_backfill_options o = {.from = NILO_DAY_NONE, .to = NILO_DAY_NONE};
    const char *database = app("bf_epoch", false);
    world_sql(database, "INSERT INTO profiles (created_at) VALUES ('1970-01-01 00:00:00')");
    world_init(&w, "bf_epoch", NULL, configuration(database, "UTC"), "2025-04-11T09:30:00Z");
    assert_int_equal(nilo_backfill(w.store, w.config, &o, &result, &w.err), -1);
    assert_int_equal(w.err.code, NILO_EDATERANGE);
    assert_non_null(strstr(w.err.msg, "the earliest row is of 1970-01-01"));
    o.from = world_day("2025-04-01");
    if (nilo_backfill(w.store, w.config, &o, &result, &w.err) != 0)
        fail_msg("%s", w.err.msg);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_what_sqlite_counts),
        cmocka_unit_test(equals_what_postgres_counts),
        cmocka_unit_test(days_are_those_of_the_zone),
        cmocka_unit_test(what_was_recorded_stays_and_estimated_values_are_amended_when_asked),
        cmocka_unit_test(falls_and_gaps_are_told),
        cmocka_unit_test(falls_at_both_ends_of_the_range_are_told),
        cmocka_unit_test(falls_at_both_ends_of_the_range_are_told_in_postgres),
        cmocka_unit_test(dropped_days_are_refused_by_collect_and_backfill),
        cmocka_unit_test(a_day_before_any_data_holds_zeros),
        cmocka_unit_test(ten_years_are_one_pass),
        cmocka_unit_test(a_source_that_is_away_fails_and_writes_nothing),
        cmocka_unit_test(the_range_is_checked),
        cmocka_unit_test(a_first_row_of_long_ago_is_asked_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
