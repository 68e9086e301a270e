/* A year of nightly runs in each of four zones, under a clock moved by hand: clocks going forward and back, by a whole and by half an hour, leap
 * days, and a day that a zone skipped. Each day ends up closed once, with one value of each metric, read after the day's end and equal to
 * a count of the application's rows made here, row by row. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/world.h"
#include "record/record.h"
#include "support/tmp.h"

#define DAYS_MAX 400
#define STEP     17321 /* seconds between rows: a little less than five to a day, at every time of the day */

static const struct year {
    const char *zone, *first, *last; /* nights that end these days */
    const char *skipped;
} years[] = {
    {"Europe/Berlin", "2024-01-01", "2024-12-31", NULL},
    {"Australia/Lord_Howe", "2012-01-01", "2012-12-31", NULL},
    {"Pacific/Apia", "2011-07-01", "2012-07-01", "2011-12-30"},
    {"America/New_York", "2025-01-01", "2025-12-31", NULL},
};

/* What the rows say, day by day. */
struct truth {
    nilo_day first;
    int days;
    int64_t before; /* rows before the first day */
    int64_t created[DAYS_MAX];
};

static void make_app(const struct year *y, const struct nilo_zone *zone, const char *path, struct truth *t)
{
    char sql[512];
    nilo_day last = world_day(y->last);
    int64_t base = nilo_zone_day_start(zone, world_day(y->first)) / NILO_US_SECOND - 10 * INT64_C(86400);
    int64_t rows = ((int64_t)(last.n - world_day(y->first).n) + 20) * 86400 / STEP;
    *t = (struct truth){.first = world_day(y->first), .days = last.n - world_day(y->first).n + 1};
    assert_true(t->days <= DAYS_MAX);
    for (int64_t i = 0; i < rows; i++) {
        nilo_day day = nilo_zone_day(zone, (base + i * STEP) * NILO_US_SECOND);
        if (day.n < t->first.n)
            t->before++;
        else if (day.n <= last.n)
            t->created[day.n - t->first.n]++;
    }
    nilo_test_remove(path);
    snprintf(sql, sizeof sql,
             "CREATE TABLE posts (created_at TEXT); WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %lld)"
             "INSERT INTO posts SELECT datetime(%lld + i * %d, 'unixepoch') FROM n",
             (long long)rows, (long long)base, STEP);
    world_sql(path, sql);
}

/* ---- what the record shows -------------------------------------------------------------------------------------------------------------------- */

struct shown {
    const struct truth *truth;
    const struct nilo_zone *zone;
    int64_t total; /* so far */
    int cells[DAYS_MAX][2];
    int32_t metric[2]; /* posts_total, posts_created */
};

static int check_cell(void *ctx, const struct nilo_scan_row *row)
{
    struct shown *s = ctx;
    int at = row->day.n - s->truth->first.n, which = row->metric == s->metric[1];
    char day[NILO_DAY_TEXT];
    nilo_day_format(row->day, day);
    if (at < 0 || at >= s->truth->days || (row->metric != s->metric[0] && !which))
        return 0; /* the day before the first night, today, users */
    int64_t total = s->truth->before;
    for (int d = 0; d <= at; d++)
        total += s->truth->created[d];
    int64_t wanted = which ? s->truth->created[at] : total;
    if (row->absence != NILO_PRESENT || row->value != wanted)
        fail_msg("%s %s: %lld, wanted %lld", s->zone != NULL ? nilo_zone_name(s->zone) : "", day, (long long)row->value, (long long)wanted);
    assert_true(row->captured_at >= nilo_zone_day_start(s->zone, NILO_DAY(row->day.n + 1)));
    assert_int_equal(row->provenance, NILO_OBSERVED);
    s->cells[at][which]++;
    return 0;
}

static void check_record(struct world *w, const struct year *y, const struct nilo_zone *zone, const struct truth *t)
{
    struct shown s = {.truth = t, .zone = zone};
    struct nilo_connection c = world_connection(w, "app");
    const struct nilo_select select = {.workspace = c.workspace, .connection = c.id, .external_id = NILO_APP_ID, .kind = NILO_APP,
                                       .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE};
    s.metric[0] = nilo_catalog_by_type(nilo_store_catalog(w->store), NILO_COUNT, "posts_total")->id;
    s.metric[1] = nilo_catalog_by_type(nilo_store_catalog(w->store), NILO_COUNT, "posts_created")->id;
    if (nilo_store_scan(w->store, &NILO_SCOPE_ALL, &select, check_cell, &s, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    for (int d = 0; d < t->days; d++) {
        int wanted = y->skipped != NULL && t->first.n + d == world_day(y->skipped).n ? 0 : 1;
        assert_int_equal(s.cells[d][0], wanted);
        assert_int_equal(s.cells[d][1], wanted);
        assert_true(wanted == 1 || t->created[d] == 0);
    }
    assert_int_equal(c.closed_until.n, t->first.n + t->days - 1);
    assert_int_equal(c.read_until.n, c.closed_until.n);
}

static void check_closing(const struct world *w, const struct truth *t, int skipped)
{
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM day_close WHERE day BETWEEN %d AND %d AND status = 'complete'", t->first.n, t->first.n + t->days - 1);
    assert_int_equal(world_count(w->store_path, sql), t->days - skipped);
    assert_int_equal(world_count(w->store_path, "SELECT count(*) - count(DISTINCT day) FROM day_close"), 0);
    assert_int_equal(world_count(w->store_path, "SELECT count(*) FROM day_close WHERE status <> 'complete'"), 0); /* the skipped day is none */
    assert_int_equal(world_count(w->store_path, "SELECT count(*) FROM day_value WHERE seq > 0"), 0);
    assert_int_equal(world_count(w->store_path, "SELECT count(*) FROM run WHERE status <> 1"), 0);
    /* Two runs a night: the day that ended, and the one that began. */
    assert_int_equal(world_count(w->store_path, "SELECT count(*) FROM run"), 2 * (t->days - skipped));
}

static void a_year_in(const struct year *y)
{
    struct world w;
    struct nilo_zone *zone;
    static struct truth truth;
    char config[1024], app[300], store[64];
    int days;
    assert_int_equal(nilo_zone_load(NULL, y->zone, &zone, NULL), 0);
    snprintf(store, sizeof store, "year-%s", y->first);
    snprintf(app, sizeof app, "%s/%s.app", nilo_test_tmp(), store);
    make_app(y, zone, app, &truth);
    snprintf(config, sizeof config,
             "workspaces:\n  - {name: default, zone: %s}\nconnections:\n  - {name: app, platform: sql, database: %s, posts: posts}\n", y->zone, app);
    world_init(&w, store, NULL, config, "2000-01-01T00:00:00Z");
    for (nilo_day d = truth.first; d.n < truth.first.n + truth.days; d.n++) {
        nilo_us night = nilo_zone_day_start(zone, NILO_DAY(d.n + 1)) + 5 * NILO_US_MINUTE;
        /* Nobody comes at the end of a day that never was. */
        if (nilo_zone_day_start(zone, d) == nilo_zone_day_start(zone, NILO_DAY(d.n + 1)))
            continue;
        nilo_virtual_clock_advance(&w.clock, night - w.clock.wall);
        world_collects(&w, NULL);
        assert_int_equal(w.n_runs, 2);
    }
    nilo_virtual_clock_advance(&w.clock, 7 * NILO_US_HOUR);
    assert_int_equal(nilo_record_seal(w.store, 0, &days, &w.err), 0);
    check_record(&w, y, zone, &truth);
    check_closing(&w, &truth, y->skipped != NULL);
    world_done(&w);
    nilo_zone_free(zone);
}

static void a_leap_year_in_berlin(void **state)
{
    (void)state;
    a_year_in(&years[0]);
}

static void a_leap_year_where_summer_is_half_an_hour(void **state)
{
    (void)state;
    a_year_in(&years[1]);
}

static void the_year_in_which_apia_skipped_a_day(void **state)
{
    (void)state;
    a_year_in(&years[2]);
}

static void a_year_in_new_york(void **state)
{
    (void)state;
    a_year_in(&years[3]);
}

int main(void)
{
    /* Eight thousand commits: four times as fast where a disk need not be asked. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leap_year_in_berlin),
        cmocka_unit_test(a_leap_year_where_summer_is_half_an_hour),
        cmocka_unit_test(the_year_in_which_apia_skipped_a_day),
        cmocka_unit_test(a_year_in_new_york),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
