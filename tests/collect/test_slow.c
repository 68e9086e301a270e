/* Statements that take too long: asked for half as many days at once, and again, down to one; what comes of it is what a quick one says. The slow
 * ones here would never end, so nothing depends on how fast the machine is. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <string.h>

#include "collect/world.h"
#include "db/db.h"
#include "support/pg.h"
#include "support/tmp.h"

#define NOW  "2025-02-07T09:30:00Z"
#define DAYS 402 /* 2024-01-01 to 2025-02-05: a slice of 366 days, and one of 36 */

static const char *plays(const char *name, bool postgres)
{
    static char path[300];
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
    /* three a day, and on each seventh day one more */
    world_sql(target, postgres ? "CREATE TABLE plays (played_at timestamptz); CREATE TABLE likes (created_at timestamptz);"
                                 "INSERT INTO plays SELECT timestamptz '2024-01-01 01:00+00' + i * interval '8 hours' FROM generate_series(0, 1299) AS i;"
                                 "INSERT INTO plays SELECT timestamptz '2024-01-01 02:00+00' + i * interval '7 days' FROM generate_series(0, 60) AS i;"
                                 "INSERT INTO likes VALUES ('2024-01-01 00:00+00')"
                               : "CREATE TABLE plays (played_at TEXT); CREATE TABLE likes (created_at TEXT);"
                                 "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1299)"
                                 " INSERT INTO plays SELECT datetime('2024-01-01 01:00:00', (i * 8) || ' hours') FROM n;"
                                 "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
                                 " INSERT INTO plays SELECT datetime('2024-01-01 02:00:00', (i * 7) || ' days') FROM n;"
                                 "INSERT INTO likes VALUES ('2024-01-01 00:00:00')");
    return target;
}

/* A statement that does not end when it is asked for more than so many days at once; < 0: it always ends. */
static const char *statement(bool postgres, int days, char text[700])
{
    char never[300] = "";
    if (days >= 0 && postgres)
        snprintf(never, sizeof never, " AND (SELECT pg_sleep(CASE WHEN :to - :from > interval '%d days' THEN 3600 ELSE 0 END)) IS NOT NULL", days);
    else if (days >= 0)
        snprintf(never, sizeof never,
                 " AND (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n WHERE julianday(:to) - julianday(:from) > %d)"
                 " SELECT count(*) FROM n) > 0", days);
    snprintf(text, 700, "SELECT %s AS day, count(*) AS value FROM plays WHERE played_at >= :from AND played_at < :to%s GROUP BY 1",
             postgres ? "CAST(played_at AS date)" : "date(played_at)", never);
    return text;
}

static void begin(struct world *w, const char *name, const char *database, int timeout_ms, const char *slow)
{
    char config[4096], quick[700];
    snprintf(config, sizeof config,
             "connections:\n  - name: music\n    platform: sql\n    database: %s\n    timeout_ms: %d\n    metrics:\n"
             "      - {name: likes_total, table: likes}\n"
             "      - {name: quick, mode: created, statement: \"%s\"}\n      - {name: slow, mode: created, statement: \"%s\"}\n",
             database, timeout_ms, statement(strncmp(database, "postgres", 8) == 0, -1, quick), slow);
    world_init(w, name, NULL, config, NOW);
}

struct filled {
    char status[16], failure[512], notes[4][300];
    size_t n_failures, n_notes;
};

static void keep(void *ctx, const struct nilo_backfill_run *run)
{
    struct filled *f = ctx;
    snprintf(f->status, sizeof f->status, "%s", run->status);
    f->n_failures = run->n_failures;
    f->n_notes = run->n_notes;
    if (run->error != NULL)
        snprintf(f->failure, sizeof f->failure, "%s", run->error);
    if (run->n_failures > 0)
        snprintf(f->failure, sizeof f->failure, "%s %s %s", run->failures[0].metric, run->failures[0].class, run->failures[0].message);
    for (size_t i = 0; i < run->n_notes && i < 4; i++)
        snprintf(f->notes[i], sizeof f->notes[i], "%s", run->notes[i]);
}

static struct filled fill(struct world *w, const char *from, const char *to)
{
    struct filled f = {.n_failures = 0};
    struct nilo_backfill_result result;
    const struct nilo_backfill_options o = {.from = world_day(from), .to = world_day(to), .report = keep, .report_ctx = &f};
    if (nilo_backfill(w->store, w->config, &o, &result, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    return f;
}

static int64_t in_store(struct world *w, const char *sql)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(nilo_store_db(w->store), sql, &stmt, &w->err) != 0 || nilo_db_query(stmt, NULL, 0, &w->err) != 0 ||
        nilo_db_row(stmt, &w->err) != 1)
        fail_msg("%s: %s", sql, w->err.msg);
    int64_t n = nilo_db_column_int(stmt, 0);
    nilo_db_reset(stmt);
    return n;
}

#define VALUES(name) "(SELECT v.day, v.value FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = '" name "' AND v.seq = 0)"
#define SAME "SELECT count(*) FROM " VALUES("quick") " AS q JOIN " VALUES("slow") " AS s ON s.day = q.day AND s.value = q.value"

/* ---- halves ---------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    int days; /* that it can do at once */
    const char *from, *to, *note;
    int n;
} halves[] = {
    {200, "2024-01-01", "2025-02-05", "slow: its statement took longer than 2000 ms for 366 days at once and was asked for 183 at a time", DAYS},
    {1, "2024-03-01", "2024-03-07", "slow: its statement took longer than 2000 ms for 7 days at once and was asked for 1 at a time", 7},
    {400, "2024-01-01", "2025-02-05", NULL, DAYS},
};

static void halved(bool postgres)
{
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        struct world w;
        char name[32], slow[700];
        snprintf(name, sizeof name, "halves%s%zu", postgres ? "pg" : "lite", i);
        const char *database = plays(name, postgres);
        begin(&w, name, database, 2000, statement(postgres, halves[i].days, slow));
        struct filled f = fill(&w, halves[i].from, halves[i].to);
        if (strcmp(f.status, "completed") != 0)
            fail_msg("%s: %s", f.status, f.failure);
        assert_int_equal(f.n_notes, halves[i].note != NULL);
        if (halves[i].note != NULL)
            assert_string_equal(f.notes[0], halves[i].note);
        assert_int_equal(in_store(&w, SAME), halves[i].n);
        assert_int_equal(in_store(&w, "SELECT count(*) FROM run WHERE details LIKE '%days at once%'"), halves[i].note != NULL);
        world_done(&w);
    }
}

static void a_statement_that_takes_too_long_is_asked_for_fewer_days(void **state)
{
    (void)state;
    halved(false);
}

static void the_same_on_postgres(void **state)
{
    (void)state;
    halved(true);
}

/* ---- nothing helps ------------------------------------------------------------------------------------------------------------------------ */

static void never_ends(bool postgres)
{
    struct world w;
    char slow[700], by_day[200];
    const char *database = plays(postgres ? "never_pg" : "never_lite", postgres);
    begin(&w, "never", database, 700, statement(postgres, 0, slow));
    struct filled f = fill(&w, "2024-03-01", "2024-03-04");
    assert_string_equal(f.status, "partial");
    assert_int_equal(f.n_failures, 1);
    assert_int_equal(f.n_notes, 0);
    assert_non_null(strstr(f.failure, "slow transient the statement: "));
    assert_non_null(strstr(f.failure, "took longer than 700 ms, even for one day alone"));
    assert_int_equal(in_store(&w, "SELECT count(*) FROM " VALUES("quick") " AS q"), 4);
    assert_int_equal(in_store(&w, "SELECT count(*) FROM " VALUES("slow") " AS q"), 0);
    world_done(&w);
    /* Day by day there is nothing to halve. */
    snprintf(by_day, sizeof by_day, postgres ? "SELECT 1 AS value FROM pg_sleep(3600) WHERE :day IS NOT NULL"
                                             : "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) AS value FROM n WHERE :day IS NOT NULL");
    begin(&w, "never", database, 700, by_day);
    f = fill(&w, "2024-03-01", "2024-03-04");
    assert_string_equal(f.status, "partial");
    assert_null(strstr(f.failure, "even for one day"));
    assert_non_null(strstr(f.failure, "took longer than 700 ms"));
    world_done(&w);
}

static void what_never_ends_fails_alone(void **state)
{
    (void)state;
    never_ends(false);
}

static void what_never_ends_fails_alone_on_postgres(void **state)
{
    (void)state;
    never_ends(true);
}

static struct nilo_db *lock(const char *database, const char *sql, bool begin)
{
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    struct nilo_err err = {0};
    struct nilo_db *db;
    if (nilo_db_open(database, &options, &db, &err) != 0 || (begin && nilo_db_begin(db, &err) != 0) || nilo_db_exec(db, sql, &err) != 0)
        fail_msg("%s", err.msg);
    return db;
}

static void a_table_that_stays_locked_costs_its_metrics_only(void **state)
{
    (void)state;
    struct world w;
    char slow[700];
    const char *database = plays("locked_pg", true);
    begin(&w, "locked", database, 700, statement(true, 1000, slow));
    struct nilo_db *holder = lock(database, "LOCK TABLE plays IN ACCESS EXCLUSIVE MODE", true);
    struct filled f = fill(&w, "2024-03-01", "2024-03-02");
    assert_string_equal(f.status, "partial");
    assert_int_equal(f.n_failures, 2); /* both statements */
    assert_non_null(strstr(f.failure, "quick transient"));
    nilo_db_rollback(holder);
    nilo_db_close(holder);
    f = fill(&w, "2024-03-01", "2024-03-02");
    assert_string_equal(f.status, "completed");
    assert_int_equal(in_store(&w, SAME), 2);
    world_done(&w);
}

/* A lock passes by itself: three tries, the same question each time. */
static void a_file_that_stays_locked_is_tried_three_times(void **state)
{
    (void)state;
    struct world w;
    char slow[700];
    const char *database = plays("locked_lite", false);
    begin(&w, "locked", database, 200, statement(false, 1000, slow));
    struct nilo_db *holder = lock(database, "PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE; INSERT INTO likes VALUES ('2024-01-01 00:00:00')", false);
    nilo_us before = w.clock.wall;
    struct filled f = fill(&w, "2024-03-01", "2024-03-02");
    assert_string_equal(f.status, "failed");
    if (strstr(f.failure, "is locked by another process") == NULL)
        fail_msg("%s", f.failure);
    assert_true(w.clock.wall - before >= 3 * NILO_US_SECOND);
    nilo_db_close(holder);
    assert_string_equal(fill(&w, "2024-03-01", "2024-03-02").status, "completed");
    world_done(&w);
}

/* ---- without a day column ---------------------------------------------------------------------------------------------------------------- */

/* Such a statement is asked for each day; for all of them at once it must not be asked: what fails then is nobody's failure. */
static const struct {
    const char *name, *more; /* PostgreSQL; what it says for more than a day */
} at_once[] = {
    {"sleeps", " AND (SELECT pg_sleep(CASE WHEN :to - :from > interval '1 day' THEN 3600 ELSE 0 END)) IS NOT NULL"},
    {"divides", " AND 1 / (CASE WHEN :to - :from > interval '1 day' THEN 0 ELSE 1 END) = 1"},
};

static void a_statement_without_a_day_column_is_asked_for_days_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof at_once / sizeof at_once[0]; i++) {
        struct world w;
        char sql[700];
        snprintf(sql, sizeof sql, "SELECT count(*) AS value FROM plays WHERE played_at >= :from AND played_at < :to%s", at_once[i].more);
        begin(&w, at_once[i].name, plays(at_once[i].name, true), 2000, sql);
        struct filled f = fill(&w, "2024-03-01", "2024-03-20");
        if (strcmp(f.status, "completed") != 0)
            fail_msg("%s: %s", f.status, f.failure);
        assert_int_equal(in_store(&w, SAME), 20);
        world_done(&w);
    }
}

static const struct {
    const char *sql, *says;
} real[] = {
    {"WITH d AS (DELETE FROM likes RETURNING 1) SELECT count(*) AS value FROM d WHERE :from < :to", "in a read-only transaction"},
    {"SELECT 1 / 0 AS value FROM likes WHERE :from < :to", "division by zero"},
};

static void what_goes_wrong_is_said_in_a_backfill_too(void **state)
{
    (void)state;
    const char *database = plays("real", true);
    for (size_t i = 0; i < sizeof real / sizeof real[0]; i++) {
        struct world w;
        begin(&w, "real", database, 2000, real[i].sql);
        struct filled f = fill(&w, "2024-03-01", "2024-03-20");
        assert_string_equal(f.status, "partial");
        assert_int_equal(f.n_failures, 1);
        if (strncmp(f.failure, "slow invalid the statement", 26) != 0 || strstr(f.failure, real[i].says) == NULL)
            fail_msg("%s", f.failure);
        assert_int_equal(in_store(&w, "SELECT count(*) FROM " VALUES("quick") " AS q"), 20);
        world_done(&w);
    }
}

/* ---- tables ------------------------------------------------------------------------------------------------------------------------------- */

/* few(n) does not end for more than n rows of one statement. 512 rows in as many blocks: 300 on the first of March, 53 on each of four days. */
#define ROW_AT "CASE WHEN i < 300 THEN timestamptz '2024-03-01 05:00+00' ELSE timestamptz '2024-03-02 05:00+00' + (i - 300) / 53 * interval '1 day' END"
#define ROWS " SELECT " ROW_AT ", repeat('x', 5000) FROM generate_series(0, 511) AS i;"
#define BIG                                                                                                                                \
    "CREATE FUNCTION few(max int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ DECLARE n int := 0; BEGIN"                               \
    " IF current_setting('nilo.at', true) = CAST(statement_timestamp() AS text) THEN n := current_setting('nilo.n'); END IF;"              \
    " PERFORM set_config('nilo.at', CAST(statement_timestamp() AS text), true), set_config('nilo.n', CAST(n + 1 AS text), true);"          \
    " IF n >= max THEN PERFORM pg_sleep(3600); END IF; RETURN true; END $$;"                                                               \
    "CREATE TABLE big (created_at timestamptz, pad text); ALTER TABLE big ALTER pad SET STORAGE PLAIN; INSERT INTO big" ROWS               \
    "CREATE TABLE parts (created_at timestamptz, pad text) PARTITION BY RANGE (created_at);"                                               \
    "CREATE TABLE parts_a PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2024-03-02 00:00+00');"                                   \
    "CREATE TABLE parts_b PARTITION OF parts FOR VALUES FROM ('2024-03-02 00:00+00') TO ('2024-04-01') PARTITION BY RANGE (created_at);"   \
    "CREATE TABLE parts_b1 PARTITION OF parts_b FOR VALUES FROM ('2024-03-02 00:00+00') TO ('2024-03-03 00:00+00');"                       \
    "CREATE TABLE parts_b2 PARTITION OF parts_b FOR VALUES FROM ('2024-03-03 00:00+00') TO ('2024-04-01');"                                \
    "ALTER TABLE parts_a ALTER pad SET STORAGE PLAIN; ALTER TABLE parts_b1 ALTER pad SET STORAGE PLAIN; ALTER TABLE parts_b2 ALTER pad SET STORAGE PLAIN;" \
    "INSERT INTO parts" ROWS                                                                                                               \
    "CREATE VIEW seen AS SELECT created_at FROM big; CREATE VIEW seen_days AS SELECT CAST(created_at AS date) AS created_at FROM big;"     \
    "CREATE VIEW seen_epochs AS SELECT CAST(extract(epoch FROM created_at) AS bigint) AS created_at FROM big"

static const struct {
    const char *table, *mode;
    int few;
    const char *from, *fails; /* NULL: the numbers are those of the table at once */
} pieces[] = {
    {"big", "created", 100, "2024-03-01", NULL},
    {"big", "total", 100, "2024-03-01", NULL},
    {"big", "total", 10, "2024-03-01", "took longer than 600 ms, even for half a megabyte of it at a time; raise timeout_ms"},
    {"parts", "created", 100, "2024-03-01", NULL},
    {"parts", "total", 100, "2024-03-01", NULL},
    {"seen", "total", 310, "2024-03-01", NULL},
    {"seen_days", "total", 310, "2024-03-01", NULL},
    {"seen_epochs", "total", 310, "2024-03-01", NULL},
    {"seen", "created", 100, "2024-03-02", NULL},
    {"seen", "total", 100, "2024-03-02", "even for what lies before the days that are asked for; raise timeout_ms"},
    {"seen", "created", 100, "2024-03-01", "took longer than 600 ms, even for one day alone; raise timeout_ms"},
};

static void a_table_that_takes_too_long_is_read_in_smaller_pieces(void **state)
{
    (void)state;
    const char *database = plays("pieces", true);
    world_sql(database, BIG);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct world w;
        char config[1024];
        snprintf(config, sizeof config,
                 "connections:\n  - name: music\n    platform: sql\n    database: %s\n    timeout_ms: 600\n    metrics:\n"
                 "      - {name: quick, mode: %s, table: big}\n      - {name: slow, mode: %s, table: %s, filter: few(%d)}\n",
                 database, pieces[i].mode, pieces[i].mode, pieces[i].table, pieces[i].few);
        world_init(&w, "pieces", NULL, config, NOW);
        struct filled f = fill(&w, pieces[i].from, "2024-03-05");
        if (pieces[i].fails != NULL) {
            assert_string_equal(f.status, "partial");
            if (strncmp(f.failure, "slow transient ", 15) != 0 || strstr(f.failure, pieces[i].fails) == NULL)
                fail_msg("%zu: %s", i, f.failure);
        } else if (strcmp(f.status, "completed") != 0) {
            fail_msg("%zu: %s: %s", i, f.status, f.failure);
        }
        int days = pieces[i].fails != NULL ? 0 : strcmp(pieces[i].from, "2024-03-02") == 0 ? 4 : 5;
        if (in_store(&w, SAME) != days)
            fail_msg("%zu: %d days, not %d", i, (int)in_store(&w, SAME), days);
        world_done(&w);
    }
}

/* Each row takes some milliseconds, and together they take more than the time. */
static void a_file_goes_on_where_the_time_was_up(void **state)
{
    (void)state;
    struct world w;
    char config[1400];
    const char *database = plays("goes_on", false);
    snprintf(config, sizeof config,
             "connections:\n  - name: music\n    platform: sql\n    database: %s\n    timeout_ms: 400\n    metrics:\n"
             "      - {name: quick, table: plays, timestamp: played_at}\n      - name: slow\n        table: plays\n        timestamp: played_at\n"
             "        filter: \"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000 + plays._rowid_ %% 2) SELECT count(*) FROM n) > 0\"\n",
             database);
    world_init(&w, "goes_on", NULL, config, NOW);
    struct filled f = fill(&w, "2024-03-01", "2024-03-05");
    if (strcmp(f.status, "completed") != 0)
        fail_msg("%s: %s", f.status, f.failure);
    assert_int_equal(in_store(&w, SAME), 5);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_that_takes_too_long_is_asked_for_fewer_days),
        cmocka_unit_test(the_same_on_postgres),
        cmocka_unit_test(what_never_ends_fails_alone),
        cmocka_unit_test(what_never_ends_fails_alone_on_postgres),
        cmocka_unit_test(a_table_that_stays_locked_costs_its_metrics_only),
        cmocka_unit_test(a_file_that_stays_locked_is_tried_three_times),
        cmocka_unit_test(a_statement_without_a_day_column_is_asked_for_days_alone),
        cmocka_unit_test(what_goes_wrong_is_said_in_a_backfill_too),
        cmocka_unit_test(a_table_that_takes_too_long_is_read_in_smaller_pieces),
        cmocka_unit_test(a_file_goes_on_where_the_time_was_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
