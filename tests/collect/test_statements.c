/* Metrics that statements and filters give: the examples of the sample configuration on SQLite and PostgreSQL, their metadata, what is asked
 * day by day, and what a statement that is wrong gets to hear. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/world.h"
#include "connect/connect.h"
#include "db/db.h"
#include "support/pg.h"
#include "support/tmp.h"

#define NOTHING      INT64_MIN
#define FAILED       (INT64_MIN + (int64_t)NILO_FAILED)
#define NOT_REPORTED (INT64_MIN + (int64_t)NILO_NOT_REPORTED)

/* A hundred plays an hour and twenty apart, from 2025-01-01 on; none on the 9th. %s: the type of timestamps */
#define MUSIC                                                                                                                       \
    "CREATE TABLE likes (created_at %s); CREATE TABLE follows (followed_at %s);"                                                \
    "CREATE TABLE tracks (id INTEGER PRIMARY KEY, genre TEXT, status TEXT, created_at %s);"                                       \
    "CREATE TABLE plays (user_id INTEGER, track_id INTEGER, seconds INTEGER, finished BOOLEAN, played_at %s);"                    \
    "INSERT INTO likes VALUES ('2025-01-01 08:00:00'), ('2025-01-10 08:00:00'), ('2025-01-10 23:59:59'), ('2025-01-11 00:00:00');"  \
    "INSERT INTO follows VALUES ('2025-01-09 08:00:00'), ('2025-01-11 01:00:00');"                                                  \
    "INSERT INTO tracks VALUES (1, 'rock', 'published', '2025-01-10 10:00:00'), (2, 'jazz', 'draft', '2025-01-10 11:00:00'),"       \
    " (3, NULL, 'published', '2025-01-08 11:00:00');"                                                                               \
    "INSERT INTO plays VALUES (1, 1, 10, true, '2025-01-10 00:00:00'), (1, 1, 20, false, '2025-01-10 12:00:00'),"                   \
    " (2, 2, 31, true, '2025-01-10 13:00:00'), (3, 3, 40, true, '2025-01-10 23:59:59'), (4, 1, 50, true, '2025-01-11 00:00:00'),"   \
    " (4, 3, 60, true, '2025-01-08 10:00:00');"

static char text[8192];

static const char *music(const char *name, bool postgres)
{
    static char path[300];
    char sql[4096];
    const char *type = postgres ? "timestamptz" : "TEXT";
    const char *target = postgres ? nilo_test_pg_database(name) : NULL;
    if (postgres && target == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    if (!postgres) {
        snprintf(path, sizeof path, "%s/%s.app", nilo_test_tmp(), name);
        nilo_test_remove(path);
        target = path;
    }
    snprintf(sql, sizeof sql, MUSIC, type, type, type, type);
    world_sql(target, sql);
    return target;
}

/* ---- looking ----------------------------------------------------------------------------------------------------------------------------- */

struct cell {
    int64_t value;
    char meta[2048];
    enum nilo_provenance provenance;
};

static int take(void *ctx, const struct nilo_scan_row *row)
{
    struct cell *c = ctx;
    c->value = row->absence == NILO_PRESENT ? row->value : INT64_MIN + (int64_t)row->absence;
    c->provenance = row->provenance;
    snprintf(c->meta, sizeof c->meta, "%s", row->meta != NULL ? row->meta : "");
    return 0;
}

static struct cell cell(struct world *w, const char *metric, const char *day)
{
    struct nilo_connection c = world_connection(w, "music");
    const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(w->store), metric);
    struct cell found = {.value = NOTHING};
    assert_non_null(m);
    const struct nilo_select select = {.workspace = c.workspace, .connection = c.id, .external_id = NILO_APP_ID, .kind = NILO_APP,
                                       .metric = m->id, .from = world_day(day), .to = world_day(day), .as_of = NILO_US_NONE};
    if (nilo_store_scan(w->store, &NILO_SCOPE_ALL, &select, take, &found, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    return found;
}

static void check(struct world *w, const char *metric, const char *day, int64_t value, const char *meta)
{
    struct cell c = cell(w, metric, day);
    if (c.value != value || (meta != NULL && strcmp(c.meta, meta) != 0))
        fail_msg("%s on %s is %lld %s, wanted %lld %s", metric, day, (long long)c.value, c.meta, (long long)value, meta != NULL ? meta : "");
}

/* ---- the sample configuration -------------------------------------------------------------------------------------------------------------- */

/* The sample, with another database behind `music` and the other connections gone. */
static void take_sample(struct world *w, const char *database)
{
    char *path = nilo_test_source("examples/nilometer.yaml");
    struct nilo_config *c;
    if (nilo_config_load(path, &w->env, &c, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    nilo_config_free(w->config);
    w->config = c;
    free(path);
    for (int i = 0; i < c->n_connections; i++) {
        if (strcmp(c->connections[i].name, "music") != 0)
            continue;
        free(c->connections[i].database);
        c->connections[i].database = strdup(database);
    }
}

static int collect_music(struct world *w, const char *day)
{
    const struct nilo_collect_options o = {.connection = "music", .day = day != NULL ? world_day(day) : NILO_DAY_NONE};
    return world_collect_with(w, &o);
}

static void the_samples_statements_run(const char *name, bool postgres)
{
    struct world w;
    const char *database = music(name, postgres);
    world_init(&w, name, NULL, "connections: []\n", "2025-01-11T09:30:00Z");
    take_sample(&w, database);
    if (collect_music(&w, NULL) != 0)
        fail_msg("%s", w.err.msg);
    for (size_t i = 0; i < w.n_runs; i++) {
        if (strcmp(w.runs[i].status, "completed") != 0)
            fail_msg("%s: %s %s", w.runs[i].status, w.runs[i].error, w.runs[i].failures[0]);
    }
    check(&w, "likes_total", "2025-01-10", 3, "");
    check(&w, "likes_total", "2025-01-11", 4, "");
    check(&w, "follows_total", "2025-01-10", 1, "");
    check(&w, "tracks_uploaded", "2025-01-10", 1, "");
    check(&w, "active_users", "2025-01-10", 3, "");
    check(&w, "active_users", "2025-01-11", 1, "");
    check(&w, "top_genres", "2025-01-10", 4, NULL);
    struct cell genres = cell(&w, "top_genres", "2025-01-10");
    assert_non_null(strstr(genres.meta, "\"rock\":2"));
    assert_non_null(strstr(genres.meta, "\"(none)\":1"));
    assert_non_null(strstr(genres.meta, "\"top_items\":[{\"key\":\"rock\",\"value\":2},{\"key\":\"(none)\",\"value\":1},"
                                        "{\"key\":\"jazz\",\"value\":1}]"));
    check(&w, "listening_seconds", "2025-01-10", 2525, "{\"sample_size\":4}");
    check(&w, "finished_plays", "2025-01-10", 75000000,
          "{\"numerator\":3,\"denominator\":4,\"calculation\":\"100 * numerator / denominator\"}");
    /* A day on which nothing was played: nobody, no genre; but no average and no share. */
    assert_int_equal(collect_music(&w, "2025-01-09"), 0);
    check(&w, "active_users", "2025-01-09", 0, "");
    check(&w, "top_genres", "2025-01-09", 0, "");
    check(&w, "listening_seconds", "2025-01-09", NOT_REPORTED, NULL);
    world_now(&w, "2025-01-12T01:00:00Z");
    assert_int_equal(collect_music(&w, NULL), 0);
    check(&w, "active_users", "2025-01-12", 0, "");
    check(&w, "listening_seconds", "2025-01-12", NOT_REPORTED, NULL);
    check(&w, "finished_plays", "2025-01-12", NOT_REPORTED, NULL);
    world_done(&w);
}

/* The share of nothing: after filling back, and after a collection of closed days, it is not asked for once more. */
static void what_was_answered_with_nothing_is_not_asked_again(const char *name, const char *store)
{
    struct world w;
    struct nilo_backfill_result result;
    const struct nilo_backfill_options o = {.from = world_day("2025-01-01"), .to = NILO_DAY_NONE};
    const char *database = music(name, false);
    snprintf(text, sizeof text,
             "connections:\n  - name: music\n    platform: sql\n    database: %s\n    metrics:\n"
             "      - {name: fans, table: likes}\n"
             "      - {name: share, type: percentage, statement: 'SELECT sum(finished) AS numerator, count(*) AS denominator FROM plays WHERE played_at = :day'}\n",
             database);
    world_init(&w, name, store, text, "2025-01-11T09:30:00Z");
    world_collects(&w, NULL); /* closes the 10th and all days before */
    if (nilo_backfill(w.store, w.config, &o, &result, &w.err) != 0)
        fail_msg("%s", w.err.msg);
    check(&w, "share", "2025-01-08", NOT_REPORTED, NULL);
    check(&w, "share", "2025-01-02", NOTHING, NULL); /* of old days nobody asks: that costs no row */
    world_collects(&w, NULL);
    assert_int_equal(w.n_runs, 1);
    assert_int_equal(w.runs[0].first_day.n, world_day("2025-01-11").n);
    /* Again changes nothing. */
    int64_t id = 0;
    nilo_us at;
    if (nilo_backfill(w.store, w.config, &o, &result, &w.err) != 0 || nilo_store_newest_recorded(w.store, 0, &at, &id, &w.err) != 0)
        fail_msg("%s", w.err.msg);
    struct nilo_arena arena;
    struct nilo_run run;
    nilo_arena_init(&arena, 0);
    assert_int_equal(nilo_store_run_get(w.store, id, &arena, &run, &w.err), 0);
    assert_int_equal(run.outcomes[NILO_LATE] + run.outcomes[NILO_AMENDED] + run.outcomes[NILO_RECORDED], 0);
    nilo_arena_done(&arena);
    world_done(&w);
}

static void what_was_answered_with_nothing_is_not_asked_again_on_sqlite(void **state)
{
    (void)state;
    what_was_answered_with_nothing_is_not_asked_again("nothing_lite", NULL);
}

static void what_was_answered_with_nothing_is_not_asked_again_on_postgres(void **state)
{
    (void)state;
    const char *store = nilo_test_pg_database("nothing_store");
    if (store == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    what_was_answered_with_nothing_is_not_asked_again("nothing_pg", store);
}

static void the_samples_statements_run_on_sqlite(void **state)
{
    (void)state;
    the_samples_statements_run("sample_lite", false);
}

static void the_samples_statements_run_on_postgres(void **state)
{
    (void)state;
    the_samples_statements_run("sample_pg", true);
}

/* ---- one metric --------------------------------------------------------------------------------------------------------------------------- */

static void init_one(struct world *w, const char *name, bool postgres, const char *metrics)
{
    snprintf(text, sizeof text, "connections:\n  - name: music\n    platform: sql\n    database: %s\n    metrics:\n%s", music(name, postgres), metrics);
    world_init(w, name, NULL, text, "2025-01-11T09:30:00Z");
}

static void check_wrong(const char *name, bool postgres, const char *keys, const char *says)
{
    struct world w;
    char metrics[2048];
    snprintf(metrics, sizeof metrics, "      - {name: good, table: likes}\n      - {name: bad, %s}\n", keys);
    init_one(&w, name, postgres, metrics);
    assert_int_equal(world_collect(&w, "2025-01-10"), 0);
    assert_int_equal(w.n_runs, 1);
    assert_string_equal(w.runs[0].status, "partial");
    if (w.runs[0].n_failures != 1 || strncmp(w.runs[0].failures[0], "bad ", 4) != 0 || strstr(w.runs[0].failures[0], says) == NULL)
        fail_msg("%s: %zu failures: %s", keys, w.runs[0].n_failures, w.runs[0].failures[0]);
    check(&w, "good", "2025-01-10", 3, "");
    check(&w, "bad", "2025-01-10", FAILED, NULL);
    world_done(&w);
}

/* Each on both engines: the others are not stopped, and one sentence says what is wrong. */
static const struct {
    const char *keys, *lite, *pg;
} wrongs[] = {
    {"statement: 'SELECT 1 AS n, :day AS day'", "returns the column n; a metric of type count takes the columns value", NULL},
    {"statement: 'SELECT :day AS day'", "does not return the column value", NULL},
    {"statement: 'SELECT 1 AS value, 2 AS value WHERE :day IS NOT NULL'", "returns twice the column value", NULL},
    {"type: average, statement: 'SELECT 1 AS value, 2 AS breakdown WHERE :day IS NOT NULL'", "returns the column breakdown", NULL},
    {"statement: \"SELECT 'many' AS value WHERE :day IS NOT NULL\"", "column value on 2025-01-10 is no number", NULL},
    {"statement: 'SELECT -3 AS value WHERE :day IS NOT NULL'", "a negative number, which no count is; first on 2025-01-10", NULL},
    {"statement: 'SELECT 1.5 AS value WHERE :day IS NOT NULL'", "more decimal places", NULL},
    {"statement: 'SELECT 1 AS value, 5 AS day WHERE :from < :to'", "column day is no date", NULL},
    {"statement: \"SELECT 1 AS value, '2025-01-09' AS day WHERE :from < :to\"", "the day 2025-01-09, which is not among those asked for", NULL},
    {"statement: \"SELECT 1 AS value, '2025-01-10 13:00:00' AS day WHERE :from < :to\"", "13:00:00, which is not where a day of the zone UTC begins", NULL},
    {"statement: \"SELECT 1 AS value, '2025-01-10T01:00:00+02:00' AS day WHERE :from < :to\"", "which is not where a day of the zone UTC begins", NULL},
    {"table: likes, filter: '\"creatd_at\" <> 1'", "creatd_at", NULL},
    {"statement: 'SELECT count(*) AS value FROM likes WHERE created_at >= :from AND created_at < :to AND \"state\" = 1'", "state", NULL},
    {"statement: 'SELECT 1 AS value FROM plays WHERE :from < :to'", "more than one row for 2025-01-10", NULL},
    {"statement: 'SELECT 1 AS value FROM nowhere WHERE :from < :to'", "nowhere", NULL},
    {"statement: 'WITH d AS (DELETE FROM likes RETURNING 1) SELECT count(*) AS value FROM d WHERE :day IS NOT NULL'", "syntax error",
     "read-only transaction"},
    {"type: aggregate, statement: \"SELECT 'a' AS key, 1 AS value FROM plays WHERE :from < :to\"", "comes twice", NULL},
    {"table: likes, filter: nothing = 1", "nothing", NULL},
    {"type: aggregate, statement: \"SELECT NULL AS key, 1 AS value WHERE :from < :to UNION ALL SELECT '(none)', 2\"", "is NULL and the text (none)", NULL},
};

static void a_statement_that_is_wrong_fails_alone_with_one_sentence(void **state)
{
    (void)state;
    char name[32];
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        snprintf(name, sizeof name, "wrong%zu", i);
        check_wrong(name, false, wrongs[i].keys, wrongs[i].lite);
    }
}

static void the_same_on_postgres(void **state)
{
    (void)state;
    char name[32];
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        snprintf(name, sizeof name, "pgwrong%zu", i);
        check_wrong(name, true, wrongs[i].keys, wrongs[i].pg != NULL ? wrongs[i].pg : wrongs[i].lite);
    }
}

static void what_lies_outside_of_the_expected_range_is_marked_and_kept(void **state)
{
    (void)state;
    struct world w;
    init_one(&w, "range", false,
             "      - {name: likes_few, table: likes, expected_max: 2}\n"
             "      - name: mean\n        type: average\n        scale: 1\n        expected_min: 26\n"
             "        statement: SELECT date(played_at) AS day, avg(seconds) AS value, count(*) AS sample_size FROM plays"
             " WHERE played_at >= :from AND played_at < :to GROUP BY 1\n"
             "      - {name: score, type: average, scale: 2, expected_min: 0.5, expected_max: 4.75, statement: 'SELECT 4.76 AS value WHERE :day IS NOT NULL'}\n"
             "      - {name: fine, type: average, scale: 2, expected_min: 0.5, expected_max: +4.750, statement: 'SELECT 4.75 AS value WHERE :day IS NOT NULL'}\n"
             "      - {name: over, type: percentage, statement: 'SELECT 3 AS numerator, 2 AS denominator WHERE :day IS NOT NULL'}\n"
             "      - {name: under, type: percentage, statement: 'SELECT -5 AS numerator, 100 AS denominator WHERE :day IS NOT NULL'}\n"
             "      - {name: as_agreed, type: percentage, expected_max: 150, statement: 'SELECT 3 AS numerator, 2 AS denominator WHERE :day IS NOT NULL'}\n"
             "      - {name: balance, type: aggregate, statement: \"SELECT 'a' AS key, -7 AS value WHERE :day IS NOT NULL\"}\n"
             "      - {name: refunds, unit: money, scale: 2, statement: 'SELECT -12.5 AS value WHERE :day IS NOT NULL'}\n");
    world_collects(&w, "2025-01-10");
    check(&w, "likes_few", "2025-01-10", 3, "{\"anomaly\":{\"kind\":\"out_of_range\",\"expected_min\":null,\"expected_max\":2}}");
    check(&w, "mean", "2025-01-10", 252,
          "{\"sample_size\":4,\"anomaly\":{\"kind\":\"out_of_range\",\"expected_min\":26,\"expected_max\":null}}");
    check(&w, "score", "2025-01-10", 476, "{\"anomaly\":{\"kind\":\"out_of_range\",\"expected_min\":0.5,\"expected_max\":4.75}}");
    check(&w, "fine", "2025-01-10", 475, "");
    world_collects(&w, "2025-01-08");
    check(&w, "likes_few", "2025-01-08", 1, "");
    check(&w, "mean", "2025-01-08", 600, "{\"sample_size\":1}");
    /* a percentage says by itself what to expect of it; money and aggregates may be below nothing */
    check(&w, "over", "2025-01-10", 150000000, "{\"numerator\":3,\"denominator\":2,\"calculation\":\"100 * numerator / denominator\","
                                               "\"anomaly\":{\"kind\":\"out_of_range\",\"expected_min\":0,\"expected_max\":100}}");
    check(&w, "under", "2025-01-10", -5000000, "{\"numerator\":-5,\"denominator\":100,\"calculation\":\"100 * numerator / denominator\",\"anomaly\":{\"kind\":\"out_of_range\",\"expected_min\":0,\"expected_max\":100}}");
    check(&w, "as_agreed", "2025-01-10", 150000000, "{\"numerator\":3,\"denominator\":2,\"calculation\":\"100 * numerator / denominator\"}");
    check(&w, "balance", "2025-01-10", -7, NULL);
    check(&w, "refunds", "2025-01-10", -1250, "");
    world_done(&w);
}

/* Berlin begins its 11th at 23:00 UTC of the 10th. */
static void from_and_to_are_the_days_of_the_workspaces_zone(void **state)
{
    (void)state;
    for (int pg = 0; pg < 2; pg++) {
        struct world w;
        const char *database = music(pg ? "zone_pg" : "zone_lite", pg);
        snprintf(text, sizeof text,
                 "workspaces: [{name: default, zone: Europe/Berlin}]\nconnections:\n  - name: music\n    platform: sql\n    database: %s\n    metrics:\n"
                 "      - {name: plays_made, mode: created, statement: 'SELECT count(*) AS value FROM plays WHERE played_at >= :from AND played_at < :to'}\n"
                 "      - {name: plays_so_far, statement: 'SELECT count(*) AS value FROM plays WHERE played_at < :to'}\n",
                 database);
        world_init(&w, pg ? "zone_pg" : "zone_lite", NULL, text, "2025-01-12T09:30:00Z");
        world_collects(&w, "2025-01-10");
        world_collects(&w, "2025-01-11");
        check(&w, "plays_made", "2025-01-10", 3, "");
        check(&w, "plays_made", "2025-01-11", 2, "");
        check(&w, "plays_so_far", "2025-01-10", 4, "");
        check(&w, "plays_so_far", "2025-01-11", 6, "");
        world_done(&w);
    }
}

/* However small the chunks are, each row is counted once. */
/* In Berlin, whose days begin at 23:00 UTC: what date_trunc() gives is a day, whichever way it is spelled. */
static void a_day_may_be_its_first_instant(void **state)
{
    static const char *const days[] = {
        "date_trunc(''day'', played_at, ''Europe/Berlin'')",
        "date_trunc(''day'', played_at AT TIME ZONE ''Europe/Berlin'')",
        "CAST(played_at AT TIME ZONE ''Europe/Berlin'' AS date)",
    };
    (void)state;
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        struct world w;
        snprintf(text, sizeof text,
                 "workspaces: [{name: default, zone: Europe/Berlin}]\nconnections:\n  - name: music\n    platform: sql\n    database: %s\n    metrics:\n"
                 "      - name: plays_made\n        mode: created\n        statement: 'SELECT %s AS day, count(*) AS value FROM plays\n"
                 "          WHERE played_at >= :from AND played_at < :to GROUP BY 1'\n"
                 "      - name: utc_days\n        mode: created\n        statement: 'SELECT date_trunc(''day'', played_at) AS day, count(*) AS value FROM plays\n"
                 "          WHERE played_at >= :from AND played_at < :to GROUP BY 1'\n",
                 music("trunc_pg", true), days[i]);
        world_init(&w, "trunc_pg", NULL, text, "2025-01-12T09:30:00Z");
        assert_int_equal(world_collect(&w, "2025-01-10"), 0);
        assert_int_equal(w.runs[0].n_failures, 1);
        assert_non_null(strstr(w.runs[0].failures[0], "utc_days"));
        assert_non_null(strstr(w.runs[0].failures[0], "which is not where a day of the zone Europe/Berlin begins"));
        check(&w, "plays_made", "2025-01-10", 3, "");
        world_done(&w);
    }
}

/* In New York the 10th begins at 05:00 UTC, and a date, taken as midnight in UTC, would belong to the 9th. */
static void dates_are_not_compared_with_instants(void **state)
{
    static const struct {
        const char *zone, *from;
        bool good;
    } rows[] = {
        {"America/New_York", "d WHERE on_day >= :from AND on_day < :to", false},
        {"America/New_York", "plays WHERE played_at::date >= :from AND :to > played_at::date", false},
        {"America/New_York", "d WHERE on_day = :day AND :from < :to", true},
        {"America/New_York", "d WHERE on_day >= CAST(:from AT TIME ZONE 'America/New_York' AS date) AND on_day < CAST(:to AT TIME ZONE 'America/New_York' AS date)", true},
        {"America/New_York", "d WHERE on_day + time '12:00' >= :from AND on_day + time '12:00' < :to", true},
        {"America/New_York", "d WHERE on_day >= :from::date AND on_day < :to::date", true},
        {"Europe/Berlin", "d WHERE on_day >= :from AND on_day < :to", true},
        {"Europe/Berlin", "d WHERE on_day >= CAST(:from AT TIME ZONE 'Europe/Berlin' AS date) AND on_day < CAST(:to AT TIME ZONE 'Europe/Berlin' AS date)", true},
        {"Europe/Berlin", "d WHERE on_day >= :from::date AND on_day < :to::date", false},
        {"Europe/Berlin", "d WHERE on_day >= CAST(:from AS date) AND on_day < CAST(:to AS date)", false},
        {"Europe/Berlin", "d WHERE on_day >= date(:from) AND on_day < date(:to)", false},
        {"Europe/Berlin", "d JOIN generate_series(:from, :to - interval '1 day', interval '1 day') g ON d.on_day = g::date", false},
        {"Europe/Berlin", "d WHERE date_trunc('day', on_day) >= date_trunc('day', :from) AND on_day < :to", false},
        {"UTC", "d WHERE on_day >= :from AND on_day < :to", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        const char *database = music("dates_pg", true);
        world_sql(database, "CREATE TABLE d AS SELECT date '2025-01-01' + n AS on_day FROM generate_series(0, 20) AS n, generate_series(0, n)");
        snprintf(text, sizeof text, "workspaces: [{name: default, zone: %s}]\nconnections:\n  - name: music\n    platform: sql\n    database: %s\n    metrics:\n"
                 "      - {name: made, mode: created, statement: \"SELECT count(*) AS value FROM %s\"}\n", rows[i].zone, database, rows[i].from);
        world_init(&w, "dates_pg", NULL, text, "2025-01-12T09:30:00Z");
        assert_int_equal(world_collect(&w, "2025-01-10"), 0);
        if (!rows[i].good && (w.runs[0].n_failures != 1 || strstr(w.runs[0].failures[0], "compares a date with :from or :to") == NULL))
            fail_msg("%s, %s: %zu failures, %s", rows[i].zone, rows[i].from, w.runs[0].n_failures, w.runs[0].n_failures > 0 ? w.runs[0].failures[0] : "");
        if (rows[i].good && w.runs[0].n_failures > 0)
            fail_msg("%s, %s: %s", rows[i].zone, rows[i].from, w.runs[0].failures[0]);
        if (rows[i].good)
            check(&w, "made", "2025-01-10", 10, "");
        world_done(&w);
    }
}

/* A reader that policies hide rows from gets to hear so; not a smaller number. */
static void what_policies_hide_is_an_error(void **state)
{
    (void)state;
    struct world w;
    const char *database = music("policies_pg", true);
    world_sql(database, "CREATE POLICY few ON likes USING (created_at < '2025-01-10'); ALTER TABLE likes ENABLE ROW LEVEL SECURITY; "
                        "ALTER TABLE likes FORCE ROW LEVEL SECURITY; DROP ROLE IF EXISTS nilo_reader; CREATE ROLE nilo_reader LOGIN; "
                        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO nilo_reader");
    char reader[300], *at;
    snprintf(reader, sizeof reader, "%s", database);
    assert_non_null(at = strstr(reader, "nilo@"));
    char rest[256];
    snprintf(rest, sizeof rest, "%s", at + 4);
    snprintf(at, sizeof reader - (size_t)(at - reader), "nilo_reader%s", rest);
    snprintf(text, sizeof text,
             "connections:\n  - name: music\n    platform: sql\n    database: %s\n    metrics:\n"
             "      - {name: hidden, statement: 'SELECT count(*) AS value FROM likes WHERE created_at >= :from AND created_at < :to'}\n"
             "      - {name: seen, statement: 'SELECT count(*) AS value FROM follows WHERE followed_at >= :from AND followed_at < :to'}\n", reader);
    world_init(&w, "policies_pg", NULL, text, "2025-01-11T09:30:00Z");
    assert_int_equal(world_collect(&w, "2025-01-09"), 0);
    assert_int_equal(w.runs[0].n_failures, 1);
    assert_non_null(strstr(w.runs[0].failures[0], "hidden"));
    assert_non_null(strstr(w.runs[0].failures[0], "row-level security"));
    check(&w, "hidden", "2025-01-09", FAILED, NULL);
    check(&w, "seen", "2025-01-09", 1, "");
    world_done(&w);
}

/* One row a day at 22:30 and one at 23:30 UTC, of which in Berlin the second belongs to the next day. %s: how the source writes an instant. */
#define T     "replace(x, ' ', 'T') || 'Z'"
#define EPOCH "CAST(strftime('%s', x) AS integer)"
static const struct spelling {
    const char *instant, *from; /* what stands behind FROM: rows(id, at, other), view (of at as datetime() writes it) */
    const char *says;           /* NULL: the day is counted right */
} spellings[] = {
    {"x", "rows WHERE at >= :from AND at < :to", NULL},
    {"replace(x, ' ', 'T')", "rows WHERE at >= :from AND at < :to", NULL},
    {"replace(x, ' ', 'T') || 'Z'", "rows WHERE at >= :from AND at < :to", NULL},
    {"replace(x, ' ', 'T') || '.000Z'", "rows WHERE at >= :from AND at < :to", NULL},
    {"replace(x, ' ', 'T') || '+00:00'", "rows WHERE at >= :from AND at < :to", NULL},
    {"x || '+0000'", "rows WHERE at >= :from AND at < :to", NULL},
    {"x || '+00'", "rows WHERE at >= :from AND at < :to", NULL},
    {"x || '.000'", "rows WHERE at >= :from AND at < :to", NULL},
    {"x || ' UTC'", "rows WHERE at >= :from AND at < :to", NULL},
    {"replace(x, ' ', 'T') || 'Z'", "rows AS r WHERE r.at >= :from AND :to > r.at", NULL},
    {"replace(x, ' ', 'T') || 'Z'", "rows r WHERE (r.[at] BETWEEN :from AND :to) AND other < 'x'", NULL},
    {"replace(x, ' ', 'T') || 'Z'", "rows WHERE at >= (:from) /* AND at < datetime(:to) */ AND main.rows.at < :to -- unixepoch(", NULL},
    {"replace(x, ' ', 'T') || 'Z'", "(SELECT id, datetime(at) AS at FROM rows) WHERE at >= :from AND at < :to", NULL},
    {"replace(x, ' ', 'T') || 'Z'", "rows WHERE datetime(at) >= :from AND datetime(at) < :to", NULL},
    {"replace(x, ' ', 'T') || 'Z'", "rows WHERE datetime(at) >= datetime(:from) AND datetime(at) < datetime(:to)", NULL},
    {"x", "rows WHERE at >= datetime(:from) AND at < datetime(:to)", NULL},
    {"replace(x, ' ', 'T') || 'Z'", "rows WHERE julianday(at) >= julianday(:from) AND julianday(at) < julianday(:to)", NULL},
    {"CASE WHEN x < '2025-01-10' THEN x ELSE replace(x, ' ', 'T') END", "rows WHERE at >= :from AND at < :to", "times with a T and others with a blank"},
    {"CASE WHEN x < '2024-12-01' THEN x ELSE replace(x, ' ', 'T') END", "rows WHERE at >= :from AND at < :to", NULL},
    {"CAST(strftime('%s', x) AS integer)", "rows WHERE at >= unixepoch(:from) AND at < unixepoch(:to)", NULL},
    {"1000 * CAST(strftime('%s', x) AS integer)", "rows WHERE at >= 1000 * unixepoch(:from) AND at < unixepoch(:to) * 1000", NULL},
    {"datetime(x, '+2 hours') || '+02:00'", "rows WHERE datetime(at) >= :from AND datetime(at) < :to", NULL},
    {"CAST(strftime('%s', x) AS integer)", "view WHERE at >= :from AND at < :to", NULL},
    {"CAST(strftime('%s', x) AS integer)", "rows WHERE at >= :from AND at < :to AND strftime('%w', at, 'unixepoch') <> '9'", "rows.at with :from or :to"},
    {"CAST(strftime('%s', x) AS integer)", "rows WHERE at >= :from AND at < :to AND other < 'x'", "it holds numbers; write column >= unixepoch(:from)"},
    {"CAST(strftime('%s', x) AS real)", "rows WHERE at >= :from AND at < :to", "it holds numbers"},
    {"1000000 * CAST(strftime('%s', x) AS integer)", "rows WHERE at >= :from AND at < :to", "it holds numbers"},
    {"CASE WHEN x < '2025-01-09' THEN 0 ELSE CAST(strftime('%s', x) AS integer) END", "rows WHERE at >= :from AND at < :to", "it holds numbers"},
    {"replace(x, ' ', 'T') || 'Z'", "rows WHERE at >= unixepoch(:from) AND at < unixepoch(:to)", "it holds texts"},
    {"replace(x, ' ', 'T') || 'Z'", "rows WHERE at >= datetime(:from) AND at < datetime(:to)", "times with a T, which datetime() does not give"},
    {"replace(x, ' ', 'T') || 'Z'", "rows WHERE at >= :from AND at < :to AND datetime(at) < :to", "datetime(column) in each of the comparisons"},
    {"replace(x, ' ', 'T') || 'Z'", "rows WHERE julianday(at) >= :from AND at < :to", "what unixepoch() or julianday() gives"},
    {"x", "rows WHERE date(at) >= :from AND date(at) < :to", "what date() gives"},
    {"date(x)", "rows WHERE at >= :from AND at < :to AND other < 'x'", "rows.at with :from or :to, which are texts such as 2025-01-11 10:00:00 on SQLite, and it holds dates"},
    {"substr(x, 1, 16)", "rows WHERE at >= :from AND at < :to", "times without seconds"},
    {"datetime(x, '+2 hours') || '+02:00'", "rows WHERE at >= :from AND at < :to", "times with different offsets"},
    {"datetime(x, '+2 hours') || '+0200'", "rows WHERE at >= :from AND at < :to", "times with different offsets"},
    {"replace(x, ' ', 't') || 'z'", "rows WHERE at >= :from AND at < :to", "times without a blank or a T"},
    {"replace(x, ' ', 't') || 'z'", "rows WHERE datetime(at) >= :from AND datetime(at) < :to", "of which SQLite makes no time"},
    {EPOCH, "rows WHERE datetime(at) >= :from AND datetime(at) < :to", "and it holds numbers, of which SQLite makes no time; write datetime(column, 'unixepoch')"},
    {EPOCH, "(SELECT id, datetime(at) AS made FROM rows) WHERE made >= :from AND made < :to", "of which SQLite makes no time"},
    {EPOCH, "rows WHERE datetime(at, 'unixepoch') >= :from AND datetime(at, 'unixepoch') < :to", NULL},
    {"julianday(x)", "rows WHERE datetime(at) >= :from AND datetime(at) < :to", NULL},
    /* through subqueries: the columns that they are made of */
    {T, "(SELECT id, at AS made FROM rows) WHERE made >= :from AND made < :to", NULL},
    {T, "(SELECT id, at made FROM rows) AS q WHERE q.made >= :from AND q.made < :to", NULL},
    {T, "(SELECT * FROM rows) WHERE at >= :from AND at < :to", NULL},
    {T, "(SELECT * FROM rows) q WHERE q.at >= :from AND q.at < :to", NULL},
    {T, "(SELECT id, at FROM rows WHERE id % 2 = 0 UNION ALL SELECT id, at FROM rows WHERE id % 2 = 1) WHERE at >= :from AND at < :to", NULL},
    {"x", "rows WHERE strftime('%Y-%m-%d %H:%M:%S', at) >= :from AND strftime('%Y-%m-%d %H:%M:%S', at) < :to", NULL},
    {T, "rows WHERE +at >= :from AND coalesce(at, other) < :to", NULL},
    {T, "(SELECT min(id) AS id FROM rows GROUP BY id HAVING min(at) >= :from AND max(at) < :to)", NULL},
    {T, "rows WHERE at >= :from AND at < :to AND :from < :to AND :to IS NOT NULL AND at >= date(:from, '-1 day')", NULL},
    {T, "rows WHERE date(at, '+1 hour') >= date(:from, '+12 hours') AND date(at, '+1 hour') < date(:to, '+12 hours')", NULL},
    {T, "rows WHERE date(at, '+1 hour') >= date(:from) AND date(at, '+1 hour') < date(:to)", "takes the date of :from or :to"},
    {T, "rows WHERE substr(at, 1, 10) >= substr(:from, 1, 10) AND at < :to", "takes the date of :from or :to"},
    {T, "rows WHERE at >= :from AND date(at) < strftime('%Y-%m-%d', :to)", "takes the date of :from or :to"},
    {"julianday(x)", "rows WHERE at >= julianday(:from) AND at < julianday(:to)", NULL},
    {"1000 * CAST(strftime('%s', x) AS integer)", "rows WHERE at / 1000 >= unixepoch(:from) AND at / 1000 < unixepoch(:to)", NULL},
    {EPOCH, "(SELECT id, at AS made FROM rows) WHERE made >= :from AND made < :to", "rows.at with :from or :to"},
    {EPOCH, "(SELECT id, at FROM (SELECT id, at FROM rows)) AS q WHERE q.at >= :from AND q.at < :to", "it holds numbers"},
    {EPOCH, "rows WHERE at >= :from AND at < :to AND id IN (SELECT id FROM (SELECT id, datetime(at, 'unixepoch') AS at FROM rows))", "it holds numbers"},
    {EPOCH, "rows WHERE +at >= :from AND +at < :to", "it holds numbers"},
    {EPOCH, "rows WHERE coalesce(at, 0) >= :from AND coalesce(at, 0) < :to", "it holds numbers"},
    {EPOCH, "(SELECT min(id) AS id FROM rows GROUP BY id HAVING min(at) >= :from AND min(at) < :to)", "it holds numbers"},
    {"julianday(x)", "rows WHERE at >= :from AND at < :to", "it holds numbers"},
    {"1000000 * CAST(strftime('%s', x) AS integer)", "rows WHERE at >= unixepoch(:from) AND at < unixepoch(:to)", "its numbers, or some of them, are of another size"},
    {EPOCH, "rows WHERE at >= 1000 * unixepoch(:from) AND at < 1000 * unixepoch(:to)", "its numbers, or some of them, are of another size"},
    {EPOCH, "rows WHERE at >= julianday(:from) AND at < julianday(:to)", "its numbers, or some of them, are of another size"},
    {"x", "(SELECT id, at FROM rows UNION ALL SELECT id, replace(at, ' ', 'T') AS at FROM rows) WHERE at >= :from AND at < :to", "replace(at, ' ', 'T') with :from or :to, and how"},
    {"x", "(SELECT id, at FROM rows UNION ALL SELECT id, other FROM rows) WHERE at >= :from AND at < :to", "at with :from or :to, and how its times are spelled"},
    {"x", "(SELECT * FROM rows UNION ALL SELECT * FROM rows) WHERE at >= :from AND at < :to", "how its times are spelled"},
    {"x", "rows WHERE at || '' >= :from AND at < :to", "compares at || '' with"},
    {"x", "rows WHERE (at, id) >= (:from, 0) AND at < :to", "other than to compare"},
    {"x", "rows WHERE at >= CAST(:from AS text) AND at < :to", "other than to compare"},
    {"x", "rows, (SELECT :from AS f, :to AS t) WHERE at >= f AND at < t", "other than to compare"},
    {"x", "rows WHERE at >= :from AND at BETWEEN :from AND datetime(:to, '-1 second')", NULL},
    {"datetime(x, '+2 hours') || '+0200'", "rows WHERE datetime(at) >= :from AND datetime(at) < :to", "texts, of which SQLite makes no time"},
    {"1000 * CAST(strftime('%s', x) AS integer)", "rows WHERE datetime(at, 'unixepoch') >= :from AND datetime(at, 'unixepoch') < :to", "holds greater numbers"},
    {"1000 * CAST(strftime('%s', x) AS integer)", "rows WHERE datetime(at / 1000, 'unixepoch') >= :from AND datetime(at / 1000, 'unixepoch') < :to", NULL},
    {T, "rows WHERE datetime(at, 'unixepoch') >= :from AND datetime(at, 'unixepoch') < :to", "it holds texts; write datetime(column)"},
    {EPOCH, "rows WHERE unixepoch(at) >= unixepoch(:from) AND unixepoch(at) < unixepoch(:to)", "it holds numbers, of which SQLite makes no time"},
    {EPOCH, "rows WHERE strftime('%Y-%m-%d %H:%M:%S', at) >= :from AND at < :to", "it holds numbers, of which SQLite makes no time"},
    /* what is done to the placeholder before it is compared */
    {EPOCH, "rows WHERE at >= CAST(strftime('%s', :from) AS INTEGER) AND at < CAST(strftime('%s', :to) AS INTEGER)", NULL},
    {EPOCH, "rows WHERE at >= unixepoch(:from) + 0 AND at < unixepoch(:to) - 0", NULL},
    {"x", "rows WHERE at >= strftime('%Y-%m-%d %H:%M:%S', :from) AND at < strftime('%Y-%m-%d %H:%M:%S', :to)", NULL},
    {EPOCH, "rows WHERE at >= strftime('%s', :from) AND at < strftime('%s', :to)", "other than to compare"},
    {T, "rows WHERE unixepoch(at) >= strftime('%s', :from) AND at < :to", "other than to compare"},
    {T, "rows WHERE at >= strftime('%Y-%m-%d %H:%M:%S', :from) AND at < strftime('%Y-%m-%d %H:%M:%S', :to)", "times with a T, which datetime() does not give"},
    {T, "rows WHERE at >= substr(:from, 1, 19) AND at < :to", "other than to compare"},
    {T, "rows WHERE at >= replace(:from, ' ', 'T') AND at < :to", "other than to compare"},
    {"date(x)", "rows WHERE at >= substr(:from, 0, 11) AND at < substr(:to, 0, 11)", "other than to compare"},
    {T, "rows WHERE at >= :from || 'Z' AND at < :to || 'Z'", "other than to compare"},
    {T, "rows WHERE at >= :from + 0 AND at < :to", "other than to compare"},
    {EPOCH, "rows WHERE at >= :from IS TRUE AND at < :to IS TRUE", "it holds numbers"},
    {EPOCH, "rows WHERE at - unixepoch(:from) >= 0 AND at < unixepoch(:to)", "other than to compare"},
    {"CASE WHEN x < '2025-01-10' THEN 1000 ELSE 1 END * CAST(strftime('%s', x) AS integer)", "rows WHERE at >= unixepoch(:from) AND at < unixepoch(:to)", "or some of them, are of another size"},
    {"json_object('at', x)", "rows WHERE at ->> 'at' >= :from AND at ->> 'at' < :to", "compares at ->> 'at' with"},
};

static void times_of_sqlite_are_compared_as_the_source_spells_them(void **state)
{
    (void)state;
    char sql[1024], path[300];
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        const struct spelling *s = &spellings[i];
        struct world w;
        snprintf(path, sizeof path, "%s/spelling.app", nilo_test_tmp());
        nilo_test_remove(path);
        snprintf(sql, sizeof sql, "CREATE TABLE rows (id INTEGER PRIMARY KEY, at, other TEXT DEFAULT '2020-01-01T00:00:00Z'); "
                 "CREATE VIEW view AS SELECT id, datetime(at, 'unixepoch') AS at FROM rows; WITH RECURSIVE d(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 4), "
                 "t(x) AS (SELECT datetime('2025-01-08 22:30:00', n || ' days') FROM d UNION ALL SELECT datetime('2025-01-08 23:30:00', n || ' days') FROM d) "
                 "INSERT INTO rows (at) SELECT %s FROM t", s->instant);
        world_sql(path, sql);
        snprintf(text, sizeof text, "workspaces: [{name: default, zone: Europe/Berlin}]\nconnections:\n  - name: music\n    platform: sql\n    database: %s\n"
                 "    metrics:\n      - {name: made, mode: created, statement: \"SELECT group_concat(id) AS key, count(*) AS value FROM %s\", "
                 "type: aggregate}\n", path, s->from);
        world_init(&w, "spelling", NULL, text, "2025-01-12T09:30:00Z");
        assert_int_equal(world_collect(&w, "2025-01-10"), 0);
        if (s->says == NULL) {
            if (w.runs[0].n_failures != 0)
                fail_msg("%s, %s: %s", s->instant, s->from, w.runs[0].failures[0]);
            struct cell c = cell(&w, "made", "2025-01-10");
            if (c.value != 2 || strstr(c.meta, "\"3,7\"") == NULL) /* 22:30 of the 10th is 23:30 in Berlin; 23:30 of the 9th 00:30 of the 10th */
                fail_msg("%s, %s: %lld %s", s->instant, s->from, (long long)c.value, c.meta);
        } else if (w.runs[0].n_failures != 1 || strstr(w.runs[0].failures[0], s->says) == NULL) {
            fail_msg("%s, %s: %zu failures, %s", s->instant, s->from, w.runs[0].n_failures, w.runs[0].n_failures > 0 ? w.runs[0].failures[0] : "");
        }
        world_done(&w);
    }
}

/* West of Greenwich a date's midnight in UTC belongs to the day before, whatever function it goes through. */
static void dates_within_functions_are_dates_still(void **state)
{
    static const char *const made_of[] = {"datetime(d) >= :from AND datetime(d) < :to", "unixepoch(d) >= unixepoch(:from) AND unixepoch(d) < unixepoch(:to)",
                                          "julianday(d) >= julianday(:from) AND julianday(d) < julianday(:to)"};
    static const char *const zones[] = {"America/New_York", "Europe/Berlin"};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof made_of / sizeof made_of[0]; i++) {
        struct world w;
        bool late = i % 2 == 0;
        char path[300];
        snprintf(path, sizeof path, "%s/late.app", nilo_test_tmp());
        nilo_test_remove(path);
        world_sql(path, "CREATE TABLE days (d); INSERT INTO days VALUES ('2025-01-09'), ('2025-01-10'), ('2025-01-10'), ('2025-01-11'), ('2025-01-11'), ('2025-01-11')");
        snprintf(text, sizeof text, "workspaces: [{name: default, zone: %s}]\nconnections:\n  - name: music\n    platform: sql\n    database: %s\n    metrics:\n"
                 "      - {name: made, mode: created, statement: \"SELECT count(*) AS value FROM days WHERE %s\"}\n", zones[i % 2], path, made_of[i / 2]);
        world_init(&w, "late", NULL, text, "2025-01-12T09:30:00Z");
        assert_int_equal(world_collect(&w, "2025-01-10"), 0);
        if (late && (w.runs[0].n_failures != 1 || strstr(w.runs[0].failures[0], "it holds dates") == NULL))
            fail_msg("%s: %zu failures, %s", made_of[i / 2], w.runs[0].n_failures, w.runs[0].n_failures > 0 ? w.runs[0].failures[0] : "");
        if (!late)
            check(&w, "made", "2025-01-10", 2, "");
        world_done(&w);
    }
}

static void a_table_read_in_chunks_is_counted_as_in_one(void **state)
{
    (void)state;
    for (int pg = 0; pg < 2; pg++) {
        const char *database = music(pg ? "chunk_pg" : "chunk_lite", pg);
        const struct nilo_cut cuts[2] = {{world_us("2025-01-10T00:00:00Z"), world_day("2025-01-10")},
                                         {world_us("2025-01-11T00:00:00Z"), world_day("2025-01-11")}};
        struct nilo_err err = {0};
        struct nilo_db *db;
        /* Wide rows, so that a PostgreSQL table has many blocks. */
        world_sql(database, pg ? "ALTER TABLE likes ADD pad text; INSERT INTO likes SELECT '2025-01-10 09:00:00', repeat(md5(i::text), 60) FROM generate_series(1, 500) i"
                               : "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO likes SELECT '2025-01-10 09:00:00' FROM n");
        if (nilo_sql_open(database, 30000, NULL, &db, &err) != 0)
            fail_msg("%s", err.msg);
        for (int64_t chunk = 1; chunk < 1000; chunk = chunk * 3 + 1) {
            const struct nilo_sql_pass pass = {.table = "likes", .timestamp = "created_at", .filter = "created_at IS NOT NULL", .chunk = chunk};
            struct nilo_sql_counts counts;
            int64_t below[2];
            if (nilo_sql_count_pass(db, &pass, cuts, 2, below, &counts, &err) != 0)
                fail_msg("%s", err.msg);
            assert_int_equal(below[0], 1);
            assert_int_equal(below[1], 503);
            assert_int_equal(counts.rows, 504);
        }
        nilo_db_close(db);
    }
}

/* What a filter asks of another table has to be told from its own, by the table's name, whether it stands in a schema or not. */
static void a_filter_may_name_its_table(void **state)
{
    static const char *const both[] = {
        "table: likes, filter: 'likes.created_at IS NOT NULL'",
        "table: likes, filter: 'EXISTS (SELECT 1 FROM plays AS p WHERE p.played_at >= likes.created_at)'",
        "table: likes, filter: 'created_at IS NOT NULL -- all of them'",
        "table: SCHEMA.likes, filter: 'EXISTS (SELECT 1 FROM plays WHERE plays.played_at >= likes.created_at AND SCHEMA.likes.created_at IS NOT NULL)'",
        "table: e, timestamp: e, filter: 'e.e IS NOT NULL'",
        "table: v, timestamp: v, filter: 'EXISTS (SELECT 1 FROM likes AS t WHERE t.created_at IS NOT NULL AND v.v IS NOT NULL)'",
    };
    (void)state;
    for (int pg = 0; pg < 2; pg++) {
        for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
            struct world w;
            char name[32], metric[400];
            const char *schema = pg ? "public" : "main", *at = metric;
            snprintf(name, sizeof name, "%s%zu", pg ? "names_pg" : "names", i);
            snprintf(metric, sizeof metric, "%s", both[i]);
            for (char *p; (p = strstr(metric, "SCHEMA")) != NULL;) {
                char rest[400];
                snprintf(rest, sizeof rest, "%s", p + 6);
                snprintf(p, sizeof metric - (size_t)(p - metric), "%s%s", schema, rest);
            }
            const char *database = music(name, pg);
            world_sql(database, pg ? "CREATE TABLE e AS SELECT CAST(extract(epoch FROM created_at) AS bigint) AS e FROM likes; CREATE TABLE v AS SELECT e AS v FROM e"
                                   : "CREATE TABLE e AS SELECT unixepoch(created_at) AS e FROM likes; CREATE TABLE v AS SELECT e AS v FROM e");
            snprintf(text, sizeof text, "connections:\n  - name: music\n    platform: sql\n    database: %s\n    metrics:\n      - {name: named, %s}\n", database, at);
            world_init(&w, name, NULL, text, "2025-01-11T09:30:00Z");
            assert_int_equal(world_collect(&w, "2025-01-10"), 0);
            if (w.runs[0].n_failures != 0)
                fail_msg("%s: %s", metric, w.runs[0].failures[0]);
            check(&w, "named", "2025-01-10", 3, "");
            world_done(&w);
        }
    }
}

static void a_domain_over_a_domain_is_what_both_are_made_of(void **state)
{
    (void)state;
    struct world w;
    const char *database = music("domain_pg", true);
    world_sql(database, "CREATE DOMAIN moment AS timestamptz; CREATE DOMAIN liked AS moment; ALTER TABLE likes ALTER created_at TYPE liked");
    snprintf(text, sizeof text, "connections:\n  - name: music\n    platform: sql\n    database: %s\n    metrics:\n      - {name: all_likes, table: likes}\n", database);
    world_init(&w, "domain_pg", NULL, text, "2025-01-11T09:30:00Z");
    world_collects(&w, "2025-01-10");
    check(&w, "all_likes", "2025-01-10", 3, "");
    world_done(&w);
}

static void a_statement_that_says_nothing_of_the_day_is_noted(void **state)
{
    (void)state;
    for (int pg = 0; pg < 2; pg++) {
        struct world w;
        init_one(&w, pg ? "silent_pg" : "silent", pg, "      - {name: all_likes, table: likes}\n"
                 "      - {name: quiet, type: average, statement: 'SELECT 1 AS value FROM likes WHERE created_at < :from AND created_at > :to'}\n"
                 "      - {name: loud, mode: created, statement: 'SELECT 1 AS value WHERE :from < :to'}\n");
        assert_int_equal(world_collect(&w, "2025-01-10"), 0);
        assert_string_equal(w.runs[0].status, "completed");
        assert_int_equal(w.runs[0].metrics_collected, 2);
        assert_int_equal(w.runs[0].n_notes, 1);
        assert_string_equal(w.runs[0].note, "quiet: nothing was answered for 2025-01-10");
        world_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_answered_with_nothing_is_not_asked_again_on_sqlite),
        cmocka_unit_test(what_was_answered_with_nothing_is_not_asked_again_on_postgres),
        cmocka_unit_test(the_samples_statements_run_on_sqlite),
        cmocka_unit_test(the_samples_statements_run_on_postgres),
        cmocka_unit_test(a_statement_that_is_wrong_fails_alone_with_one_sentence),
        cmocka_unit_test(the_same_on_postgres),
        cmocka_unit_test(what_lies_outside_of_the_expected_range_is_marked_and_kept),
        cmocka_unit_test(dates_within_functions_are_dates_still),
        cmocka_unit_test(a_table_read_in_chunks_is_counted_as_in_one),
        cmocka_unit_test(from_and_to_are_the_days_of_the_workspaces_zone),
        cmocka_unit_test(a_filter_may_name_its_table),
        cmocka_unit_test(a_domain_over_a_domain_is_what_both_are_made_of),
        cmocka_unit_test(a_statement_that_says_nothing_of_the_day_is_noted),
        cmocka_unit_test(a_day_may_be_its_first_instant),
        cmocka_unit_test(dates_are_not_compared_with_instants),
        cmocka_unit_test(what_policies_hide_is_an_error),
        cmocka_unit_test(times_of_sqlite_are_compared_as_the_source_spells_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
