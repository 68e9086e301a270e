/* See real_data.h. The other count shares nothing with ours: another reader of CSV, another language, other code for days and duplicates. */
#include "it/real_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "support/tmp.h"

/* After the newest row of the data; without it the result would hang on the day the test runs. */
#define NOW "2026-09-01T12:00:00Z"

static char *data; /* the folder */

/* ---- running things ------------------------------------------------------------------------------------------------------ */

static char *output_of(FILE *pipe)
{
    size_t len = 0, cap = 1u << 16;
    char *text = malloc(cap);
    assert_non_null(text);
    size_t n;
    while ((n = fread(text + len, 1, cap - len - 1, pipe)) > 0) {
        len += n;
        if (len + 1 == cap) {
            cap *= 2;
            text = realloc(text, cap);
            assert_non_null(text);
        }
    }
    text[len] = '\0';
    return text;
}

/* Standard output of a command of the shell; the test fails when it does. */
static char *shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *shell(const char *fmt, ...)
{
    char *command = NULL;
    va_list ap;
    va_start(ap, fmt);
    assert_true(vasprintf(&command, fmt, ap) > 0);
    va_end(ap);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    char *text = output_of(pipe);
    int status = pclose(pipe);
    if (status != 0)
        fail_msg("status %d of: %s\n%s", status, command, text);
    free(command);
    return text;
}

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *fmt, ...)
{
    char *command = NULL;
    va_list ap;
    va_start(ap, fmt);
    assert_true(vasprintf(&command, fmt, ap) > 0);
    va_end(ap);
    free(shell("%s", command));
    free(command);
}

static const char *tmp(const char *name)
{
    return nilo_test_path(name);
}

/* Ours as the other count has it: what is shown, by names. Into the other database, once for each import. */
static const char take_over_sql[] =
    "DROP TABLE IF EXISTS stored; DROP TABLE IF EXISTS ours; DROP TABLE IF EXISTS summary;\n"
    "CREATE TABLE ours AS SELECT e.* FROM store.entity e WHERE e.workspace_id = (SELECT id FROM store.workspace WHERE name =\n"
    "    (SELECT workspace FROM how));\n"
    "CREATE TABLE stored AS SELECT metric, id, day, value FROM\n"
    "    (SELECT m.name AS metric, e.external_id AS id, date(v.day * 86400, 'unixepoch') AS day, v.value AS value,\n"
    "         row_number() OVER (PARTITION BY v.bucket, v.entity_id, v.win, v.day, v.metric_id ORDER BY v.seq DESC) AS place\n"
    "     FROM store.day_value v JOIN store.metric m ON m.id = v.metric_id JOIN ours e ON e.bucket = v.bucket AND e.id = v.entity_id)\n"
    "    WHERE place = 1 AND value IS NOT NULL;\n";

/* SQL in the database of the other count, with the store beside it as `store`. */
static char *ask(const char *sql)
{
    FILE *f = fopen(tmp("ask.sql"), "w");
    assert_non_null(f);
    fprintf(f, "ATTACH 'file:%s?mode=ro' AS store;\n%s\n", tmp("store.db"), sql);
    fclose(f);
    return shell("sqlite3 -batch -bail 'file:%s' < '%s'", tmp("other.db"), tmp("ask.sql"));
}

static void take_over(void)
{
    struct nilo_buf sql;
    nilo_buf_init(&sql, 1u << 16);
    nilo_buf_addf(&sql, "%sCREATE TABLE summary AS SELECT CAST(readfile('%s') AS TEXT) AS j;", take_over_sql, tmp("summary.json"));
    free(ask(nilo_buf_str(&sql)));
    nilo_buf_done(&sql);
}

static void expect(const struct real_data *d, const char *what, const char *sql, const char *want)
{
    char *got = ask(sql);
    if (strcmp(got, want) != 0)
        fail_msg("%s: %s is\n%s and should be\n%s", d->name, what, got, want);
    free(got);
}

static bool has(const char *tool)
{
    char *answer = shell("command -v %s || true", tool);
    bool found = answer[0] != '\0';
    free(answer);
    if (!found)
        printf("# skipped: there is no %s here\n", tool);
    return found;
}

void real_begin(void)
{
    free(data);
    data = nilo_test_shared("data/youtube2026");
    if (nilo_test_program() == NULL || data == NULL || !has("sqlite3") || !has("zstd"))
        nilo_test_skip("the program, the data, sqlite3 or zstd are not there");
    *strrchr(data, '/') = '\0';
    setenv("NILO_NOW", NOW, 1);
    setenv("NILOMETER_STORE", tmp("store.db"), 1);
    unsetenv("NILOMETER_CONFIG");
    static const char *const files[] = {"store.db", "store.db-wal", "store.db-shm", "store.db.lock", "other.db"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        nilo_test_remove(tmp(files[i]));
    run("'%s' --config /dev/null init", nilo_test_program());
}

/* ---- the other count -------------------------------------------------------------------------------------------------------- */

/* One table of readings; duplicates by SEMANTICS 2.2; one value a day and metric by SEMANTICS 2.3. */
static const char count_sql[] =
    "CREATE TABLE merged AS\n"
    "WITH together AS (SELECT id, at, day, count(DISTINCT a) > 1 OR count(DISTINCT b) > 1 OR count(DISTINCT c) > 1 OR count(DISTINCT d) > 1 AS clash,\n"
    "    max(a) AS a, max(b) AS b, max(c) AS c, max(d) AS d FROM reading GROUP BY id, at, day),\n"
    "ranked AS (SELECT *, row_number() OVER (PARTITION BY id, at, day ORDER BY CASE WHEN (SELECT by_views FROM how) THEN a END DESC,\n"
    "    (a IS NOT NULL) + (b IS NOT NULL) + (c IS NOT NULL) + (d IS NOT NULL) DESC, seq) AS place FROM reading)\n"
    "SELECT t.id, t.at, t.day, iif(clash, r.a, t.a) AS a, iif(clash, r.b, t.b) AS b, iif(clash, r.c, t.c) AS c, iif(clash, r.d, t.d) AS d\n"
    "FROM together t JOIN ranked r ON (r.id, r.at, r.day) = (t.id, t.at, t.day) WHERE r.place = 1;\n"
    "CREATE TABLE long AS SELECT (SELECT a FROM name) AS metric, id, at, day, a AS value FROM merged\n"
    "    UNION ALL SELECT (SELECT b FROM name), id, at, day, b FROM merged\n"
    "    UNION ALL SELECT (SELECT c FROM name), id, at, day, c FROM merged\n"
    "    UNION ALL SELECT (SELECT d FROM name), id, at, day, d FROM merged WHERE (SELECT d FROM name) IS NOT NULL;\n"
    "CREATE TABLE day_value AS SELECT metric, id, day, value FROM\n"
    "    (SELECT *, row_number() OVER (PARTITION BY metric, id, day ORDER BY at DESC) AS place FROM long WHERE value IS NOT NULL) WHERE place = 1;\n"
    "CREATE TABLE title AS SELECT id, title FROM\n"
    "    (SELECT id, title, row_number() OVER (PARTITION BY id ORDER BY at DESC) AS place FROM reading WHERE title IS NOT NULL AND title <> '') WHERE place = 1;\n";

/* The files unpacked, cut to what is used of them. A prefix ends with a line, which where this is asked for is a row. */
static void unpack(const struct real_data *d)
{
    for (int i = 0; d->files[i] != NULL; i++) {
        if (d->rows_used > 0)
            run("zstd -qdc '%s/%s' | head -n %d > '%s%d.csv'", data, d->files[i], d->rows_used + 1, tmp("plain"), i);
        else
            run("zstd -qdc '%s/%s' > '%s%d.csv'", data, d->files[i], tmp("plain"), i);
    }
}

static void count_otherwise(const struct real_data *d)
{
    FILE *f = fopen(tmp("count.sql"), "w");
    assert_non_null(f);
    for (int i = 0; d->files[i] != NULL; i++)
        fprintf(f, ".import --csv %s '%s%d.csv' raw\n", i > 0 ? "--skip 1" : "", tmp("plain"), i);
    fprintf(f, "CREATE TABLE how AS SELECT %d AS by_views, '%s' AS workspace;\n", d->by_views, d->name);
    fprintf(f, "CREATE TABLE name(a, b, c, d); INSERT INTO name VALUES (%s);\n", d->metrics);
    fprintf(f, "CREATE TABLE reading(seq INTEGER, id TEXT, at TEXT, day TEXT, a INTEGER, b INTEGER, c INTEGER, d INTEGER, title TEXT);\n");
    fprintf(f, "INSERT INTO reading %s;\n%s", d->reading, count_sql);
    fclose(f);
    nilo_test_remove(tmp("other.db"));
    /* its reader complains of each cell like "a"|"b", and reads it all the same */
    run("sqlite3 -batch -bail '%s' < '%s' 2>'%s'", tmp("other.db"), tmp("count.sql"), tmp("count.log"));
}

/* ---- ours ---------------------------------------------------------------------------------------------------------------------- */

/* A whole file goes in packed, as it is; a part of one plain. */
static void list_files(const struct real_data *d, struct nilo_buf *b)
{
    for (int i = 0; d->files[i] != NULL; i++) {
        if (d->rows_used > 0)
            nilo_buf_addf(b, " '%s%d.csv'", tmp("plain"), i);
        else
            nilo_buf_addf(b, " '%s/%s'", data, d->files[i]);
    }
}

static void import_into(const struct real_data *d, const char *more)
{
    struct nilo_buf files;
    FILE *f = fopen(tmp("config.yaml"), "w");
    assert_non_null(f);
    fprintf(f, "workspaces:\n  - name: %s\n    zone: %s\n", d->name, d->zone != NULL ? d->zone : "UTC");
    fclose(f);
    nilo_buf_init(&files, 1u << 16);
    list_files(d, &files);
    run("'%s' --config '%s' --quiet --json import --workspace %s %s %s %s > '%s'", nilo_test_program(), tmp("config.yaml"), d->name, d->options, more,
        nilo_buf_str(&files), tmp("summary.json"));
    nilo_buf_done(&files);
}

/* ---- both side by side ---------------------------------------------------------------------------------------------------------- */

static void expect_number(const struct real_data *d, const char *what, const char *sql, long want)
{
    char text[32];
    snprintf(text, sizeof text, "%ld\n", want);
    expect(d, what, sql, text);
}

/* Rows of either that the other does not have. */
#define DIFFERENCE(a, b) "SELECT (SELECT count(*) FROM (SELECT * FROM (" a ") EXCEPT SELECT * FROM (" b "))), (SELECT count(*) FROM (SELECT * FROM (" b \
    ") EXCEPT SELECT * FROM (" a ")));"

static void compare_values(const struct real_data *d)
{
    expect(d, "values of a day that only one of the two has", DIFFERENCE("SELECT * FROM day_value", "SELECT * FROM stored"), "0|0\n");
    /* what a set does not see: how many, and that there are any */
    char *shown = ask("SELECT metric, count(*), sum(value), max(value), count(DISTINCT id), count(DISTINCT day), min(day), max(day) FROM stored GROUP BY 1 ORDER BY 1;");
    char *counted = ask("SELECT metric, count(*), sum(value), max(value), count(DISTINCT id), count(DISTINCT day), min(day), max(day) FROM day_value GROUP BY 1 ORDER BY 1;");
    assert_string_equal(shown, counted);
    assert_true(strlen(shown) > 40);
    for (char *line = shown, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        printf("# %s: %.*s\n", d->name, (int)(end - line), line);
    free(shown);
    free(counted);
    expect(d, "maxima", DIFFERENCE("SELECT metric, id, max(value) FROM day_value GROUP BY 1, 2",
                                   "SELECT m.name, e.external_id, b.value FROM store.best b JOIN store.metric m ON m.id = b.metric_id "
                                   "JOIN ours e ON e.bucket = b.bucket AND e.id = b.entity_id"), "0|0\n");
    expect(d, "totals at the end", DIFFERENCE("SELECT metric, sum(value) FROM (SELECT *, row_number() OVER (PARTITION BY metric, id ORDER BY day DESC) AS place "
                                              "FROM day_value) WHERE place = 1 GROUP BY 1",
                                              "SELECT m.name, sum(t.hi) * 4294967296 + sum(t.lo) FROM store.total t JOIN store.metric m ON m.id = t.metric_id "
                                              "WHERE t.scope_kind = 0 AND t.scope_id = (SELECT id FROM store.workspace WHERE name = (SELECT workspace FROM how)) GROUP BY 1"),
           "0|0\n");
    if (strstr(d->options, "title=") != NULL)
        expect(d, "titles", DIFFERENCE("SELECT * FROM title", "SELECT e.external_id, c.title FROM store.content c JOIN ours e ON e.bucket = c.bucket AND e.id = c.entity_id "
                                       "WHERE c.title IS NOT NULL"), "0|0\n");
}

static void compare_counts(const struct real_data *d)
{
    expect(d, "items that only one of the two has", DIFFERENCE("SELECT DISTINCT id FROM reading", "SELECT external_id FROM ours"), "0|0\n");
    expect(d, "observations", "SELECT (SELECT count(*) FROM long) - (SELECT count(*) FROM store.observation o JOIN ours e ON e.bucket = o.bucket AND e.id = o.entity_id);",
           "0\n");
}

/* What the program says that it did. */
static void compare_summary(const struct real_data *d)
{
#define DAY_VALUES "(SELECT count(*) FROM (SELECT DISTINCT metric, id, day FROM long))"
    static const struct {
        const char *what, *ours, *other;
    } cases[] = {
        {"rows read", "j ->> '$.rows.read'", "(SELECT count(*) FROM reading)"},
        {"rows merged", "j ->> '$.rows.merged'", "(SELECT count(*) FROM reading) - (SELECT count(*) FROM merged)"},
        {"rows taken", "j ->> '$.rows.taken'", "(SELECT count(*) FROM merged)"},
        {"rows refused", "j ->> '$.rows.refused'", "0"},
        {"items", "j ->> '$.items'", "(SELECT count(DISTINCT id) FROM reading)"},
        {"the first day", "j ->> '$.first_day'", "(SELECT min(day) FROM reading)"},
        {"the last day", "j ->> '$.last_day'", "(SELECT max(day) FROM reading)"},
        {"values recorded", "j ->> '$.values.recorded'", DAY_VALUES},
        {"values replaced and kept", "(j ->> '$.values.replaced') + (j ->> '$.values.kept')", "(SELECT count(*) FROM long) - " DAY_VALUES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char sql[600];
        snprintf(sql, sizeof sql, "SELECT CASE WHEN (%s) IS (%s) THEN 'same' ELSE (%s) || ', not ' || (%s) END FROM summary;", cases[i].ours, cases[i].other,
                 cases[i].ours, cases[i].other);
        expect(d, cases[i].what, sql, "same\n");
    }
}

static void compare_origin(const struct real_data *d)
{
    if (d->rows > 0)
        expect_number(d, "the number of rows", "SELECT count(*) FROM reading;", d->rows);
    if (d->items > 0)
        expect_number(d, "the number of items", "SELECT count(*) FROM ours;", d->items);
    for (size_t i = 0; i < sizeof d->falls / sizeof d->falls[0] && d->falls[i].metric != NULL; i++) {
        char sql[400];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT value, lag(value) OVER (PARTITION BY id ORDER BY day) AS before FROM stored WHERE metric = '%s') "
                 "WHERE value < before;", d->falls[i].metric);
        expect_number(d, d->falls[i].metric, sql, d->falls[i].falls);
    }
}

/* Again: the same files change nothing. */
static void import_again(const struct real_data *d)
{
    static const char state[] = "SELECT (SELECT count(*) FROM store.day_value), (SELECT count(*) FROM store.observation), (SELECT count(*) FROM store.day_close), "
                                "(SELECT sum(hi) FROM store.total), (SELECT sum(value % 1000003) FROM store.day_value);";
    char *before = ask(state);
    import_into(d, "");
    expect(d, "the store after a second import", state, before);
    take_over();
    expect(d, "what a second import does", "SELECT key, value FROM summary, json_each(j, '$.values') WHERE key NOT IN ('unchanged', 'merged') AND value <> 0;", "");
    free(before);
}

void real_check(const struct real_data *d)
{
    unpack(d);
    count_otherwise(d);
    import_into(d, "");
    take_over();
    compare_summary(d);
    compare_counts(d);
    compare_values(d);
    compare_origin(d);
    if (d->again)
        import_again(d);
}

void real_where(const struct real_data *alone, const char *where, const char *const *files)
{
    struct real_data all = *alone;
    unpack(alone);
    count_otherwise(alone);
    for (int i = 0; (all.files[i] = files[i]) != NULL; i++)
        continue;
    import_into(&all, where);
    take_over();
    compare_counts(alone);
    compare_values(alone);
}
