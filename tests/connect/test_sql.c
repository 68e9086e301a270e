/* Rows of a table counted at many points in time: equal to what the database itself counts, in every column type; sources that are bad in
 * every usual way say so in one sentence. SQLite files and a real PostgreSQL. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connect/connect.h"
#include "support/pg.h"
#include "support/tmp.h"

#define DAY0     20000 /* 2024-10-04 */
#define MANY     3650
#define PATIENCE 30000 /* ms */

/* ---- help ---------------------------------------------------------------------------------------------------------------------------------- */

/* A database with these statements run in it; its target. */
static const char *made(const char *target, const char *sql)
{
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    struct nilo_err err = {0};
    struct nilo_db *db;
    if (nilo_db_open(target, &options, &db, &err) != 0 || nilo_db_exec(db, sql, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_db_close(db);
    return target;
}

static const char *file(const char *name, const char *sql)
{
    const char *path = nilo_test_path(name);
    nilo_test_remove(path);
    return made(path, sql);
}

static const char *server(const char *name)
{
    const char *url = nilo_test_pg_database(name);
    if (url == NULL) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    return url;
}

static struct nilo_db *opened(const char *target, int64_t timeout_ms)
{
    struct nilo_err err = {0};
    struct nilo_db *db = NULL;
    if (nilo_sql_open(target, timeout_ms, NULL, &db, &err) != 0)
        fail_msg("%s", err.msg);
    return db;
}

/* Cuts at the start of n days in UTC. */
static void days(struct nilo_cut *cuts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cuts[i].day = NILO_DAY(DAY0 + (int32_t)i);
        cuts[i].at = cuts[i].day.n * NILO_US_DAY;
    }
}

static int64_t ask(struct nilo_db *db, const char *sql, int64_t a, int64_t b)
{
    struct nilo_err err = {0};
    struct nilo_db_stmt *stmt;
    const struct nilo_db_value params[2] = {NILO_DBV_INT(a), NILO_DBV_INT(b)};
    if (nilo_db_prepare(db, sql, &stmt, &err) != 0 || nilo_db_query(stmt, params, 2, &err) != 0 || nilo_db_row(stmt, &err) != 1)
        fail_msg("%s: %s", sql, err.msg);
    int64_t n = nilo_db_column_int(stmt, 0);
    nilo_db_reset(stmt);
    return n;
}

static void counted(struct nilo_db *db, const char *table, const char *column, const struct nilo_cut *cuts, size_t n, int64_t *below,
                    struct nilo_sql_counts *counts)
{
    struct nilo_err err = {0};
    if (nilo_sql_count(db, table, column, cuts, n, below, counts, &err) != 0)
        fail_msg("%s(%s): %s", table, column, err.msg);
}

/* ---- right numbers ------------------------------------------------------------------------------------------------------------------------- */

/* 20,000 rows over ten years: a row every 4 hours, 22 minutes and 48 seconds, some of them on the very first moment of a day. */
#define SERIES_SQLITE                                                                                                               \
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19999), "                                             \
    "t(s) AS (SELECT 1728000000 + CASE i % 50 WHEN 0 THEN i * 15768 / 86400 * 86400 ELSE i * 15768 END FROM n) "
#define SERIES_PG                                                                                                                   \
    "WITH t(s) AS (SELECT 1728000000 + CASE i % 50 WHEN 0 THEN i * 15768 / 86400 * 86400 ELSE i * 15768 END "                       \
    "FROM generate_series(CAST(0 AS bigint), 19999) AS n(i)) "

static const struct column {
    bool pg;
    const char *name, *type, *from_seconds; /* s becomes the column's value */
    const char *count;                      /* rows in [?1, ?2) seconds, as the database itself sees it */
} columns[] = {
    {false, "blank", "TEXT", "datetime(s, 'unixepoch')",
     "SELECT count(*) FROM blank WHERE at >= datetime(?1, 'unixepoch') AND at < datetime(?2, 'unixepoch')"},
    {false, "zulu", "TEXT", "strftime('%Y-%m-%dT%H:%M:%S.000Z', s, 'unixepoch')",
     "SELECT count(*) FROM zulu WHERE CAST(strftime('%s', at) AS INTEGER) >= ?1 AND CAST(strftime('%s', at) AS INTEGER) < ?2"},
    {false, "shifted", "TEXT", "strftime('%Y-%m-%d %H:%M:%S', s + 19800, 'unixepoch') || '+05:30'",
     "SELECT count(*) FROM shifted WHERE CAST(strftime('%s', at) AS INTEGER) >= ?1 AND CAST(strftime('%s', at) AS INTEGER) < ?2"},
    {false, "seconds", "INTEGER", "s", "SELECT count(*) FROM seconds WHERE at >= ?1 AND at < ?2"},
    {false, "millis", "INTEGER", "s * 1000 + 999", "SELECT count(*) FROM millis WHERE at >= ?1 * 1000 AND at < ?2 * 1000"},
    {false, "dates", "TEXT", "date(s, 'unixepoch')",
     "SELECT count(*) FROM dates WHERE at >= date(?1, 'unixepoch') AND at < date(?2, 'unixepoch')"},
    {true, "tz", "timestamptz", "to_timestamp(s)", "SELECT count(*) FROM tz WHERE at >= to_timestamp(CAST(?1 AS bigint)) AND at < to_timestamp(CAST(?2 AS bigint))"},
    {true, "plain", "timestamp", "to_timestamp(s) AT TIME ZONE 'UTC'",
     "SELECT count(*) FROM plain WHERE at AT TIME ZONE 'UTC' >= to_timestamp(CAST(?1 AS bigint)) AND at AT TIME ZONE 'UTC' < to_timestamp(CAST(?2 AS bigint))"},
    {true, "dates", "date", "CAST(to_timestamp(s) AT TIME ZONE 'UTC' AS date)",
     "SELECT count(*) FROM dates WHERE at >= CAST(to_timestamp(CAST(?1 AS bigint)) AT TIME ZONE 'UTC' AS date)"
     " AND at < CAST(to_timestamp(CAST(?2 AS bigint)) AT TIME ZONE 'UTC' AS date)"},
    {true, "seconds", "bigint", "s", "SELECT count(*) FROM seconds WHERE at >= CAST(?1 AS bigint) AND at < CAST(?2 AS bigint)"},
    {true, "millis", "bigint", "s * 1000 + 999",
     "SELECT count(*) FROM millis WHERE at >= CAST(?1 AS bigint) * 1000 AND at < CAST(?2 AS bigint) * 1000"},
};

static void compare_days(struct nilo_db *db, const struct column *c, const struct nilo_cut *cuts, const int64_t *below)
{
    int64_t sum = 0;
    for (size_t i = 0; i + 1 < MANY; i++) {
        int64_t created = below[i + 1] - below[i];
        /* Each day of a month, then some: the database's own count is a pass a day. */
        if (i > 31 && i % 97 != 0)
            continue;
        int64_t wanted = ask(db, c->count, cuts[i].day.n * INT64_C(86400), cuts[i + 1].day.n * INT64_C(86400));
        if (created != wanted)
            fail_msg("%s: day %d has %lld rows, counted %lld", c->name, cuts[i].day.n, (long long)wanted, (long long)created);
        sum += created;
    }
    assert_in_range(sum, 300, 500);
    assert_int_equal(below[MANY - 1], ask(db, c->count, -1000000000, cuts[MANY - 1].day.n * INT64_C(86400)));
}

static void check_columns(bool pg, const char *target)
{
    static struct nilo_cut cuts[MANY];
    static int64_t below[MANY];
    days(cuts, MANY);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const struct column *c = &columns[i];
        struct nilo_sql_counts counts;
        char sql[2048];
        if (c->pg != pg)
            continue;
        snprintf(sql, sizeof sql, "CREATE TABLE %s (id integer, at %s); %sINSERT INTO %s (at) SELECT %s FROM t", c->name, c->type,
                 pg ? SERIES_PG : SERIES_SQLITE, c->name, c->from_seconds);
        made(target, sql);
        struct nilo_db *db = opened(target, PATIENCE);
        counted(db, c->name, "at", cuts, MANY, below, &counts);
        assert_int_equal(counts.rows, 20000);
        assert_int_equal(counts.empty + counts.julian + counts.unreadable, 0);
        compare_days(db, c, cuts, below);
        nilo_db_close(db);
    }
}

static void ten_years_of_days_are_counted_as_sqlite_counts_them(void **state)
{
    (void)state;
    const char *path = nilo_test_path("columns.db");
    check_columns(false, path);
}

static void ten_years_of_days_are_counted_as_postgres_counts_them(void **state)
{
    (void)state;
    check_columns(true, server("columns"));
}

/* The two lines of a cut: an instant for instants, a day for dates, whatever the zone. */
static void a_date_belongs_to_its_day_in_every_zone(void **state)
{
    (void)state;
    /* The days of Auckland, 13 hours ahead, and of Honolulu, 10 behind. */
    static const int ahead[] = {13, -10};
    const char *targets[2] = {file("zones.db", "CREATE TABLE p (d TEXT, t TEXT);"
                                               "INSERT INTO p VALUES ('2025-01-10', '2025-01-10 11:00:00'), ('2025-01-11', '2025-01-11 10:59:59')"),
                              server("zones")};
    made(targets[1], "CREATE TABLE p (d date, t timestamptz);"
                     "INSERT INTO p VALUES ('2025-01-10', '2025-01-10 11:00:00+00'), ('2025-01-11', '2025-01-11 10:59:59+00')");
    for (size_t t = 0; t < 2; t++) {
        struct nilo_db *db = opened(targets[t], PATIENCE);
        for (size_t z = 0; z < 2; z++) {
            struct nilo_cut cuts[2];
            struct nilo_sql_counts counts;
            int64_t below[2];
            for (int i = 0; i < 2; i++) {
                cuts[i].day = NILO_DAY(nilo_day_from_civil(2025, 1, 11).n + i);
                cuts[i].at = cuts[i].day.n * NILO_US_DAY - ahead[z] * NILO_US_HOUR;
            }
            counted(db, "p", "d", cuts, 2, below, &counts);
            assert_int_equal(below[0], 1);
            assert_int_equal(below[1] - below[0], 1);
            counted(db, "p", "t", cuts, 2, below, &counts);
            /* Both instants lie in Auckland's 11th, and only the second in Honolulu's. */
            assert_int_equal(below[1] - below[0], z == 0 ? 2 : 1);
        }
        nilo_db_close(db);
    }
}

static void rows_without_a_readable_timestamp_are_counted_apart(void **state)
{
    (void)state;
    struct nilo_cut cuts[2];
    int64_t below[2];
    struct nilo_sql_counts counts;
    struct nilo_buf said;
    days(cuts, 2);
    struct nilo_db *db = opened(file("odd.db", "CREATE TABLE posts (created_at);"
                                               "INSERT INTO posts VALUES (NULL), (''), ('yesterday'), (2460687.5), (x'00'), (1728000001),"
                                               "('2024-10-04 00:00:00'), ('2024-10-04'), (1728000001000)"),
                                PATIENCE);
    counted(db, "posts", "created_at", cuts, 2, below, &counts);
    nilo_db_close(db);
    assert_int_equal(below[0], 0);
    assert_int_equal(below[1], 4);
    nilo_buf_init(&said, 1000);
    nilo_sql_unreadable(&counts, "posts", "created_at", &said);
    assert_string_equal(nilo_buf_str(&said), "5 of 9 rows of posts have no readable created_at (2 empty, 1 julian days, 2 no time);"
                                             " they are not counted");
    nilo_buf_done(&said);
}

static void infinite_and_missing_timestamps_of_postgres_are_counted_apart(void **state)
{
    (void)state;
    const char *url = server("odd");
    struct nilo_cut cuts[2];
    int64_t below[2];
    struct nilo_sql_counts counts;
    days(cuts, 2);
    made(url, "CREATE DOMAIN moment AS timestamptz; CREATE SCHEMA app;"
              "CREATE TABLE app.\"My Posts\" (\"createdAt\" moment, millis bigint);"
              "INSERT INTO app.\"My Posts\" VALUES (NULL, 20250111), ('infinity', NULL), ('-infinity', 1728000001000), "
              "('2024-10-04 12:00+00', 1728000001), ('0044-03-15 BC', 1)");
    struct nilo_db *db = opened(url, PATIENCE);
    counted(db, "app.\"My Posts\"", "createdAt", cuts, 2, below, &counts);
    assert_int_equal(counts.rows, 5);
    assert_int_equal(counts.empty, 1);
    assert_int_equal(counts.unreadable, 2);
    assert_int_equal(below[0], 1);
    assert_int_equal(below[1], 2);
    counted(db, "app.\"My Posts\"", "millis", cuts, 2, below, &counts);
    assert_int_equal(counts.empty, 1);
    assert_int_equal(counts.unreadable, 1);
    assert_int_equal(below[0], 1);
    assert_int_equal(below[1], 3);
    nilo_db_close(db);
}

/* The limits between seconds, milliseconds, microseconds and nanoseconds are the same on both. */
static void epochs_mean_the_same_on_both(void **state)
{
    (void)state;
    static const char values[] = "(0), (-1), (1728000000), (1728000000999), (1728000000999999), (1728000000999999999), (99999999999), (100000000000),"
                                 "(99999999999999), (100000000000000), (99999999999999999), (100000000000000000), (-99999999999), (-100000000000),"
                                 "(-99999999999999), (-100000000000000), (9223372036854775807), (-9223372036854775808)";
    char sql[1024];
    struct nilo_cut cuts[MANY];
    static int64_t below[2][MANY];
    snprintf(sql, sizeof sql, "CREATE TABLE p (t bigint); INSERT INTO p VALUES %s", values);
    const char *targets[2] = {file("epochs.db", sql), made(server("epochs"), sql)};
    for (size_t i = 0; i < MANY; i++) { /* from long before the epoch to long after it, closer together around it */
        int64_t step = (int64_t)i - MANY / 2;
        cuts[i].at = step * step * step * INT64_C(1500000000);
        cuts[i].day = NILO_DAY((int32_t)step);
    }
    for (size_t t = 0; t < 2; t++) {
        struct nilo_db *db = opened(targets[t], PATIENCE);
        struct nilo_sql_counts counts;
        counted(db, "p", "t", cuts, MANY, below[t], &counts);
        assert_int_equal(counts.rows, 18);
        nilo_db_close(db);
    }
    assert_memory_equal(below[0], below[1], sizeof below[0]);
    assert_true(below[0][MANY - 1] - below[0][0] > 10);
}

/* The first day that there is begins, east of Greenwich, in a year that has no number. */
static void the_first_day_of_all_is_asked_for(void **state)
{
    (void)state;
    const char *targets[] = {file("first.db", "CREATE TABLE p (t TEXT); INSERT INTO p VALUES ('2025-01-11 00:00:00')"), server("first")};
    made(targets[1], "CREATE TABLE p (t timestamptz); INSERT INTO p VALUES ('2025-01-11 00:00:00+00')");
    const struct nilo_cut cuts[2] = {{.at = NILO_DAY_MIN.n * NILO_US_DAY - 13 * NILO_US_HOUR, .day = NILO_DAY_MIN},
                                     {.at = (NILO_DAY_MIN.n + 1) * NILO_US_DAY - 13 * NILO_US_HOUR, .day = NILO_DAY(NILO_DAY_MIN.n + 1)}};
    for (size_t t = 0; t < 2; t++) {
        struct nilo_db *db = opened(targets[t], PATIENCE);
        struct nilo_sql_counts counts;
        int64_t below[2] = {7, 7};
        counted(db, "p", "t", cuts, 2, below, &counts);
        assert_int_equal(below[0], 0);
        assert_int_equal(below[1], 0);
        assert_int_equal(counts.rows, 1);
        nilo_db_close(db);
    }
}

/* ---- bad sources ------------------------------------------------------------------------------------------------------------------------------ */

#define SLOW_SQLITE                                                                                                                 \
    "CREATE TABLE posts (id INTEGER, created_at TEXT); INSERT INTO posts VALUES (1, '2025-01-11');"                                 \
    "CREATE VIEW slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS created_at FROM n;"            \
    "CREATE VIEW broken AS SELECT created_at FROM nowhere"
#define SLOW_PG                                                                                                                     \
    "CREATE TABLE posts (id integer, created_at timestamptz, body text); INSERT INTO posts VALUES (1, '2025-01-11');"               \
    "CREATE VIEW slow AS SELECT clock_timestamp() AS created_at FROM pg_sleep(60);"                                                 \
    "CREATE ROLE nilo_reader LOGIN; CREATE ROLE nilo_password LOGIN PASSWORD 'right';"                                              \
    "CREATE TABLE private (created_at timestamptz); ALTER TABLE private ENABLE ROW LEVEL SECURITY;"                                 \
    "CREATE TABLE locked (created_at timestamptz); GRANT SELECT ON private TO nilo_reader"

static const struct bad {
    const char *what, *target, *table, *column;
    enum nilo_code code;
    const char *says[3];
} bad_tables[] = {
    {"a missing table", "sqlite", "nowhere", "created_at", NILO_ENOENT, {"no table or view nowhere", "bad.db"}},
    {"a missing schema", "sqlite", "app.posts", "created_at", NILO_ENOENT, {"app.posts"}},
    {"a missing column", "sqlite", "posts", "made_at", NILO_ENOENT, {"posts has no column made_at", "id, created_at"}},
    {"a column named by a literal", "sqlite", "posts", "\"2025-01-11\"", NILO_ENOENT, {"no column"}},
    {"a slow view", "sqlite", "slow", "created_at", NILO_ETIMEOUT, {"50 ms"}},
    {"a broken view", "sqlite", "broken", "created_at", NILO_ESTORE, {"nowhere"}},
    {"a missing table", "pg", "nowhere", "created_at", NILO_ENOENT, {"no table or view nowhere"}},
    {"a missing schema", "pg", "app.posts", "created_at", NILO_ENOENT, {"app.posts"}},
    {"a missing column", "pg", "posts", "made_at", NILO_ENOENT, {"posts has no column made_at", "id, created_at, body"}},
    {"a column of another case", "pg", "posts", "Created_At", NILO_ENOENT, {"no column Created_At"}},
    {"a column that holds no time", "pg", "posts", "body", NILO_EINVAL, {"body of posts is of type text", "timestamptz"}},
    {"a slow view", "pg", "slow", "created_at", NILO_ETIMEOUT, {"50 ms"}},
    {"hidden rows", "reader", "private", "created_at", NILO_EPERM, {"row-level security"}},
    {"a table that we may not read", "reader", "locked", "created_at", NILO_EPERM, {"permission denied", "locked"}},
};

static void check_says(const struct bad *b, const struct nilo_err *err)
{
    if (err->code != b->code)
        fail_msg("%s (%s): code %d, wanted %d: %s", b->what, b->target, (int)err->code, (int)b->code, err->msg);
    for (size_t i = 0; i < 3 && b->says[i] != NULL; i++) {
        if (strstr(err->msg, b->says[i]) == NULL)
            fail_msg("%s (%s): \"%s\" is not in: %s", b->what, b->target, b->says[i], err->msg);
    }
    assert_null(strchr(err->msg, '\n'));
    assert_null(strstr(err->msg, "secret"));
}

/* After a failure the same connection goes on: the next table is read. */
static void check_bad_tables(const char *kind, const char *target)
{
    struct nilo_db *db = opened(target, 50);
    struct nilo_cut cuts[2];
    days(cuts, 2);
    for (size_t i = 0; i < sizeof bad_tables / sizeof bad_tables[0]; i++) {
        const struct bad *b = &bad_tables[i];
        struct nilo_sql_counts counts;
        struct nilo_err err = {0};
        int64_t below[2] = {-7, -7};
        if (strcmp(b->target, kind) != 0)
            continue;
        if (nilo_sql_count(db, b->table, b->column, cuts, 2, below, &counts, &err) == 0)
            fail_msg("%s (%s): read", b->what, kind);
        check_says(b, &err);
        assert_int_equal(below[0], -7);
        if (strcmp(kind, "reader") != 0) {
            counted(db, "posts", "created_at", cuts, 2, below, &counts);
            assert_int_equal(counts.rows, 1);
        }
    }
    nilo_db_close(db);
}

static void bad_tables_of_sqlite_fail_alone(void **state)
{
    (void)state;
    check_bad_tables("sqlite", file("bad.db", SLOW_SQLITE));
}

/* The URL of another role in the same database. */
static const char *as_role(const char *url, const char *role, char out[512])
{
    const char *at = strstr(url, "://");
    assert_non_null(at);
    const char *rest = strchr(at + 3, '@');
    rest = rest != NULL ? rest + 1 : at + 3;
    snprintf(out, 512, "%.*s%s@%s", (int)(at + 3 - url), url, role, rest);
    return out;
}

static void bad_tables_of_postgres_fail_alone(void **state)
{
    (void)state;
    char url[512];
    const char *database = server("bad");
    made(database, SLOW_PG);
    check_bad_tables("pg", database);
    check_bad_tables("reader", as_role(database, "nilo_reader", url));
}

static void bad_files_are_refused_in_a_sentence(void **state)
{
    (void)state;
    const char *text = nilo_test_path("text.db"), *empty = nilo_test_path("empty.db");
    nilo_test_write(text, "dear diary, this is no database at all, but long enough to hold a header of one hundred bytes or more ...\n", 105);
    nilo_test_write(empty, "", 0);
    const struct bad cases[] = {
        {"a folder", nilo_test_tmp(), NULL, NULL, NILO_ESTORE, {"is a folder"}},
        {"a missing file", nilo_test_path("nothing.db"), NULL, NULL, NILO_ENOENT, {"nothing.db"}},
        {"a text", text, NULL, NULL, NILO_ECORRUPT, {"text.db is not an SQLite database"}},
        {"a server that is down", "postgres://nilo:secret@/x?host=/nonexistent", NULL, NULL, NILO_ESOURCE, {"cannot connect"}},
        {"no server on this port", "postgres://nilo:secret@127.0.0.1:1/x", NULL, NULL, NILO_ESOURCE, {"cannot connect"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_err err = {0};
        struct nilo_db *db = NULL;
        if (nilo_sql_open(cases[i].target, PATIENCE, NULL, &db, &err) == 0)
            fail_msg("%s: opened", cases[i].what);
        check_says(&cases[i], &err);
    }
    /* An empty file is a database without tables. */
    struct nilo_db *db = opened(empty, PATIENCE);
    struct nilo_cut cut = {0};
    int64_t below;
    struct nilo_sql_counts counts;
    struct nilo_err err = {0};
    assert_int_equal(nilo_sql_count(db, "posts", "created_at", &cut, 1, &below, &counts, &err), -1);
    assert_int_equal(err.code, NILO_ENOENT);
    nilo_db_close(db);
}

static void a_wrong_password_is_not_shown(void **state)
{
    (void)state;
    char url[512];
    const char *database = server("passwords");
    struct nilo_db *db = NULL;
    struct nilo_err err = {0};
    made(database, "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'nilo_password') THEN"
                   " CREATE ROLE nilo_password LOGIN; END IF; END $$; ALTER ROLE nilo_password PASSWORD 'right'");
    assert_int_equal(nilo_sql_open(as_role(database, "nilo_password:secret", url), PATIENCE, NULL, &db, &err), -1);
    assert_null(strstr(err.msg, "secret"));
    assert_non_null(strstr(err.msg, "password"));
    db = opened(as_role(database, "nilo_password:right", url), PATIENCE);
    nilo_db_close(db);
}

/* ---- rights ------------------------------------------------------------------------------------------------------------------------------------- */

/* Root may do everything: then the check is made by a child that is nobody. */
static void as_somebody_without_rights(void (*check)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
            _exit(2);
        check();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void child_needs(bool good, const char *what, const char *why)
{
    if (good)
        return;
    printf("# %s: %s\n", what, why);
    fflush(stdout);
    _exit(1);
}

static int one_count(const char *name, struct nilo_err *err)
{
    char path[300];
    struct nilo_db *db = NULL;
    struct nilo_cut cuts[2];
    struct nilo_sql_counts counts;
    int64_t below[2];
    days(cuts, 2);
    snprintf(path, sizeof path, "%s/locked/%s", nilo_test_tmp(), name);
    if (nilo_sql_open(path, PATIENCE, NULL, &db, err) != 0)
        return -1;
    int result = nilo_sql_count(db, "posts", "created_at", cuts, 2, below, &counts, err);
    nilo_db_close(db);
    return result;
}

static void read_what_may_be_read(void)
{
    struct nilo_err err = {0};
    child_needs(one_count("plain.db", &err) == 0, "a file that may only be read", err.msg);
    child_needs(one_count("secret.db", &err) != 0, "a file that may not be read", "it was");
    child_needs(strstr(err.msg, "secret.db") != NULL && strchr(err.msg, '\n') == NULL, "a file that may not be read", err.msg);
    /* SQLite itself cannot read a file in WAL mode where nothing may be made beside it; that is said and no crash. */
    child_needs(one_count("wal.db", &err) == 0 || strstr(err.msg, "wal.db") != NULL, "a file in WAL mode on a medium for reading", err.msg);
}

static void a_medium_for_reading_is_read_or_said_to_be_unreadable(void **state)
{
    (void)state;
    static const char *const names[] = {"plain.db", "wal.db", "secret.db"};
    static const mode_t modes[] = {0444, 0444, 0};
    char folder[300], path[320];
    snprintf(folder, sizeof folder, "%s/locked", nilo_test_tmp());
    assert_int_equal(mkdir(folder, 0755), 0);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        made(path, "CREATE TABLE posts (created_at TEXT); INSERT INTO posts VALUES ('2024-10-04')");
        if (i == 0)
            made(path, "PRAGMA journal_mode = DELETE");
        assert_int_equal(chmod(path, modes[i]), 0);
    }
    assert_int_equal(chmod(nilo_test_tmp(), 0755), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    as_somebody_without_rights(read_what_may_be_read);
    assert_int_equal(chmod(folder, 0755), 0);
}

/* Somebody writes while we read, and nothing of ours is left locked behind. */
static void a_writer_goes_on_after_each_count(void **state)
{
    (void)state;
    const char *path = file("journal.db", "CREATE TABLE posts (created_at TEXT); INSERT INTO posts VALUES ('2024-10-04');"
                                          "PRAGMA journal_mode = DELETE");
    const struct nilo_db_options options = {.mode = NILO_DB_SOURCE, .lock_wait_ms = 1};
    struct nilo_cut cuts[2];
    int64_t below[2];
    struct nilo_sql_counts counts;
    struct nilo_err err = {0};
    struct nilo_db *source = NULL;
    days(cuts, 2);
    assert_int_equal(nilo_db_open(path, &options, &source, &err), 0);
    counted(source, "posts", "created_at", cuts, 2, below, &counts);
    made(path, "INSERT INTO posts VALUES ('2024-10-04')");
    counted(source, "posts", "created_at", cuts, 2, below, &counts);
    assert_int_equal(below[1], 2);
    assert_int_not_equal(nilo_db_exec(source, "INSERT INTO posts VALUES ('2024-10-04')", &err), 0);
    nilo_db_close(source);
}

/* Somebody else's exclusive lock: the wait ends with the statement's time, and the sentence says what it was. */
static void a_locked_file_is_said_to_be_locked(void **state)
{
    (void)state;
    const char *path = file("held.db", "CREATE TABLE posts (created_at TEXT); INSERT INTO posts VALUES ('2024-10-04'); PRAGMA journal_mode = DELETE");
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    struct nilo_cut cuts[2];
    int64_t below[2];
    struct nilo_sql_counts counts;
    struct nilo_err err = {0};
    struct nilo_db *holder, *source = NULL;
    days(cuts, 2);
    assert_int_equal(nilo_db_open(path, &options, &holder, &err), 0);
    assert_int_equal(nilo_db_exec(holder, "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE", &err), 0);
    int rc = nilo_sql_open(path, 30, NULL, &source, &err);
    if (rc == 0)
        rc = nilo_sql_count(source, "posts", "created_at", cuts, 2, below, &counts, &err);
    assert_int_equal(rc, -1);
    assert_non_null(strstr(err.msg, "locked by another process"));
    assert_string_equal(nilo_connect_class(err.code), "transient");
    nilo_db_close(source);
    assert_int_equal(nilo_db_exec(holder, "ROLLBACK", &err), 0);
    nilo_db_close(holder);
    assert_int_equal(nilo_sql_open(path, 30000, NULL, &source, &err), 0);
    counted(source, "posts", "created_at", cuts, 2, below, &counts);
    nilo_db_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_locked_file_is_said_to_be_locked),
        cmocka_unit_test(ten_years_of_days_are_counted_as_sqlite_counts_them),
        cmocka_unit_test(ten_years_of_days_are_counted_as_postgres_counts_them),
        cmocka_unit_test(a_date_belongs_to_its_day_in_every_zone),
        cmocka_unit_test(rows_without_a_readable_timestamp_are_counted_apart),
        cmocka_unit_test(infinite_and_missing_timestamps_of_postgres_are_counted_apart),
        cmocka_unit_test(epochs_mean_the_same_on_both),
        cmocka_unit_test(the_first_day_of_all_is_asked_for),
        cmocka_unit_test(bad_tables_of_sqlite_fail_alone),
        cmocka_unit_test(bad_tables_of_postgres_fail_alone),
        cmocka_unit_test(bad_files_are_refused_in_a_sentence),
        cmocka_unit_test(a_wrong_password_is_not_shown),
        cmocka_unit_test(a_writer_goes_on_after_each_count),
        cmocka_unit_test(a_medium_for_reading_is_read_or_said_to_be_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
