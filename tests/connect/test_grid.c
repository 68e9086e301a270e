/* PostgreSQL counts by cells of a grid where the cuts lie on one, else by searching the cuts: both equal what a comparison with each single cut
 * counts, in any zone, on the very edges, and with timestamps that are no app's. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/zone.h"
#include "connect/connect.h"
#include "support/pg.h"

#define CUTS_MAX 4000

static const struct days {
    const char *zone, *from;
    int n;
    bool now; /* the last cut is some microsecond within its day */
} all[] = {
    {"UTC", "2024-12-20", 60, false},
    {"Europe/Berlin", "2024-03-01", 300, false},
    {"America/New_York", "2024-03-01", 300, false},
    {"Asia/Kathmandu", "2024-06-01", 30, false},        /* 5:45 */
    {"Australia/Lord_Howe", "2024-03-20", 300, false},  /* half an hour of summer time */
    {"Pacific/Apia", "2011-12-20", 30, false},          /* a day is missing */
    {"Africa/Monrovia", "1971-12-20", 30, false},       /* -0:44:30 */
    {"UTC", "1970-01-01", 2000, false},                 /* rows before what timestamps are counted from */
    {"Europe/Berlin", "2024-12-20", 20, true},
    {"UTC", "2024-12-31", 1, false},                    /* one cut has no step */
    {"UTC", "2024-12-31", 2, true},
};

static size_t make(const struct days *d, struct nilo_cut *cuts)
{
    struct nilo_zone *zone;
    nilo_day first;
    assert_int_equal(nilo_zone_load(NULL, d->zone, &zone, NULL), 0);
    assert_int_equal(nilo_day_parse(d->from, strlen(d->from), &first, NULL), 0);
    for (int i = 0; i < d->n; i++) {
        cuts[i].day = NILO_DAY(first.n + i);
        cuts[i].at = nilo_zone_day_start(zone, cuts[i].day);
    }
    if (d->now)
        cuts[d->n - 1].at += 12 * NILO_US_HOUR + 345678901;
    nilo_zone_free(zone);
    return (size_t)d->n;
}

static void run(struct nilo_db *db, const char *sql)
{
    struct nilo_err err = {0};
    if (nilo_db_exec(db, sql, &err) != 0)
        fail_msg("%s: %s", sql, err.msg);
}

/* Rows on each cut, a microsecond before and behind it, and on the quarters of an hour around it, in a column of each type. */
static void fill(struct nilo_db *db, const struct nilo_cut *cuts, size_t n)
{
    static const int64_t steps[] = {-86400000000, -3600000000, -900000000, -1, 0, 0, 1, 900000000, 1800000000, 43200000000};
    char sql[2000], at[NILO_US_TEXT];
    run(db, "DROP TABLE IF EXISTS rows; CREATE TABLE rows (at timestamptz, bare timestamp, day date, b integer); BEGIN");
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(sql, sizeof sql, "INSERT INTO rows VALUES ");
        for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
            nilo_us_format(cuts[i].at + steps[s], at);
            len += snprintf(sql + len, sizeof sql - (size_t)len, "%s('%s', '%s', '%.10s', 1)", s > 0 ? ", " : "", at, at, at);
        }
        run(db, sql);
    }
    run(db, "INSERT INTO rows VALUES (NULL, NULL, NULL), ('infinity', 'infinity', 'infinity'), ('-infinity', '-infinity', '-infinity'),"
            "('0044-03-15 BC', '0044-03-15 BC', '0044-03-15 BC'), ('4713-01-01 BC', '4713-01-01 BC', '4713-01-01 BC'),"
            "('1600-02-29', '1600-02-29', '1600-02-29'), ('1999-12-31', '1999-12-31', '1999-12-31'), ('9999-01-01', '9999-01-01', '9999-01-01'),"
            "('294276-12-31', '294276-12-31', '5874897-12-31'); COMMIT; ANALYZE rows");
}

/* Compared with each cut by itself; without a timestamp to compare with, what NULL and infinite rows there are. */
static int64_t really_below(struct nilo_db *db, const char *column, const struct nilo_cut *cut)
{
    char sql[300], at[NILO_US_TEXT];
    struct nilo_err err = {0};
    struct nilo_db_stmt *stmt;
    if (strcmp(column, "day") == 0)
        nilo_day_format(cut->day, at);
    else
        nilo_us_format(cut->at, at);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM rows WHERE %s < '%s' AND isfinite(%s)", column, at, column);
    if (nilo_db_prepare_once(db, sql, &stmt, &err) != 0 || nilo_db_query(stmt, NULL, 0, &err) != 0 || nilo_db_row(stmt, &err) != 1)
        fail_msg("%s", err.msg);
    int64_t n = nilo_db_column_int(stmt, 0);
    nilo_db_finish(stmt);
    return n;
}

static void check(struct nilo_db *db, const struct days *d, const char *column, const struct nilo_cut *cuts, size_t n, int64_t chunk)
{
    static int64_t below[CUTS_MAX];
    struct nilo_sql_counts counts;
    struct nilo_err err = {0};
    const struct nilo_sql_pass pass = {.table = "rows", .timestamp = column, .filter = "b = 1 OR b IS NULL -- all", .chunk = chunk};
    if (nilo_sql_count_pass(db, &pass, cuts, n, below, &counts, &err) != 0)
        fail_msg("%s from %s, %s: %s", d->zone, d->from, column, err.msg);
    assert_int_equal(counts.rows, (int64_t)n * 10 + 9);
    assert_int_equal(counts.empty, 1);
    assert_int_equal(counts.unreadable, 2);
    /* Each of a few, every so many of many. */
    for (size_t i = 0; i < n; i += 1 + n / 97) {
        int64_t wanted = really_below(db, column, &cuts[i]);
        if (below[i] != wanted)
            fail_msg("%s from %s, %s, cut %zu: %lld, not %lld", d->zone, d->from, column, i, (long long)below[i], (long long)wanted);
    }
}

static void rows_fall_between_the_cuts_that_they_lie_between(void **state)
{
    (void)state;
    static struct nilo_cut cuts[CUTS_MAX];
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    struct nilo_err err = {0};
    struct nilo_db *db, *source;
    const char *url = nilo_test_pg_database("grid");
    if (url == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    if (nilo_db_open(url, &options, &db, &err) != 0 || nilo_sql_open(url, 30000, NULL, &source, &err) != 0)
        fail_msg("%s", err.msg);
    run(db, "SET timezone = 'UTC'");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t n = make(&all[i], cuts);
        fill(db, cuts, n);
        for (int64_t chunk = 0; chunk <= 3; chunk += 3) { /* in one statement, in several */
            check(source, &all[i], "at", cuts, n, chunk);
            check(source, &all[i], "bare", cuts, n, chunk);
            check(source, &all[i], "day", cuts, n, chunk);
        }
    }
    nilo_db_close(source);
    nilo_db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_fall_between_the_cuts_that_they_lie_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
