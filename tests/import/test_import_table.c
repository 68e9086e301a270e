/* nilometer import DATABASE --table: straight from tables that an app kept by hand, into a store on either engine. */
#include "cmd/cmd_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "support/pg.h"
#include "support/tmp.h"

static const char *old_url, *store;
static char config[400];

static const struct cmd_result *line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const struct cmd_result *line(const char *fmt, ...)
{
    char text[4000];
    int n = snprintf(text, sizeof text, "--store %s --config %s ", store, config);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
    va_end(ap);
    return cmd_line(text);
}

static void sql(const char *url, const char *text)
{
    struct nilo_db *db;
    struct nilo_err err = {0};
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    if (nilo_db_open(url, &options, &db, &err) != 0 || nilo_db_exec(db, text, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_db_close(db);
}

/* What Supabase projects that keep their metrics by hand have. */
static const char *const old_tables =
    ("DROP SCHEMA IF EXISTS app CASCADE; DROP TABLE IF EXISTS daily_metrics, youtube_metrics, user_projects, \"AnalyticsDailyMetric\", nothing, big; "
     "CREATE TABLE daily_metrics (id uuid DEFAULT gen_random_uuid(), metric_date date NOT NULL, metric_type text NOT NULL, metric_category text NOT NULL, "
     "  value numeric(15,2), metadata jsonb DEFAULT '{}', collection_timestamp timestamptz DEFAULT now(), created_at timestamptz DEFAULT now()); "
     "INSERT INTO daily_metrics (metric_date, metric_type, metric_category, value, metadata, collection_timestamp) VALUES "
     "  ('2026-01-01', 'count', 'users_total', 10.00, '{}', '2026-01-02T00:00:15+00'), "
     "  ('2026-01-02', 'count', 'users_total', 12.00, '{}', '2026-01-03T00:00:15+00'), "
     "  ('2026-01-01', 'percentage', 'bounce_rate', 23.50, '{\"numerator\":47,\"denominator\":200}', '2026-01-01T23:00:00+01'), "
     "  ('2026-01-02', 'count', 'posts_created', NULL, NULL, NULL); "
     "CREATE TABLE youtube_metrics (video_id text, fetched_at timestamp, view_count bigint, like_count int, comment_count int, stats jsonb, \"weird \"\"name\"\"\" int); "
     "INSERT INTO youtube_metrics VALUES "
     "  ('v1', '2026-02-01 07:45:00.123456', 9007199254740993, 10, 3, '{\"deep\": {\"comments\": 3}}', 1), "
     "  ('v1', '2026-02-02 07:45:00', 9007199254740995, NULL, NULL, '{\"deep\": {}}', 2), "
     "  ('v2', '2026-02-01 07:45:00', 7, 1, 0, NULL, NULL); "
     "CREATE TABLE user_projects (user_name text, video_id text); INSERT INTO user_projects VALUES ('mia', 'v1'), ('noah', 'v2'); "
     "CREATE TABLE \"AnalyticsDailyMetric\" (\"postId\" text, date date, views int, likes int, saves int); "
     "INSERT INTO \"AnalyticsDailyMetric\" VALUES ('p1', '2026-02-01', 5, 1, 0); "
     "CREATE TABLE nothing (id text, d date, v int); "
     "CREATE TABLE big AS SELECT 'id' || i AS id, date '2026-02-01' + i AS d, i AS v, repeat(E'line\\nline \\u00e9 \"x\" ', 40000) AS caption "
     "  FROM generate_series(1, 3) i; "
     "CREATE SCHEMA app; CREATE TABLE app.\"Analytics\" (\"postId\" text, \"date\" date, \"views\" text); "
     "INSERT INTO app.\"Analytics\" VALUES ('p1', '2026-02-01', '5'), ('p2', '2026-02-01', 'many'), (NULL, '2026-02-01', '5');");

static int fresh(void **state, const char *target)
{
    (void)state;
    store = target;
    snprintf(config, sizeof config, "%s", nilo_test_path("config.yaml"));
    static const char text[] = "metrics:\n  - name: bounce_rate\n    type: percentage\n";
    nilo_test_write(config, text, strlen(text));
    sql(old_url, old_tables);
    cmd_clock_at("2026-03-10T12:00:00Z");
    assert_int_equal(line("init")->status, 0);
    return 0;
}

static int fresh_sqlite(void **state)
{
    static char path[400];
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    if (old_url == NULL)
        return 0;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(path, sizeof path, "%s%s", nilo_test_path("store.db"), ends[i]);
        nilo_test_remove(path);
    }
    snprintf(path, sizeof path, "%s", nilo_test_path("store.db"));
    return fresh(state, path);
}

static int fresh_postgres(void **state)
{
    static int n;
    char name[40];
    if (old_url == NULL)
        return 0;
    snprintf(name, sizeof name, "store_%d", n++);
    return fresh(state, nilo_test_pg_database(name));
}

static void needs_postgres(void)
{
    if (old_url == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
}

static void assert_done(const struct cmd_result *r, int status, const char *part)
{
    if (r->status != status || (part != NULL && strstr(r->out, part) == NULL && strstr(r->err, part) == NULL))
        fail_msg("status %d, not %d, or no \"%s\": %s%s", r->status, status, part != NULL ? part : "", r->out, r->err);
}

#define DAILY "get 'daily_metrics?select=metric_date,metric_type,metric_category,value,metadata->>numerator,provenance&order=metric_date,metric_category' --format csv"

static void a_table_of_daily_metrics_becomes_the_history_of_a_connection(void **state)
{
    (void)state;
    needs_postgres();
    assert_done(line("import %s --table daily_metrics --workspace studio --connection app", old_url), 0, "Daily metrics: 4 rows into 1 connection");
    static const char expected[] = "metric_date,metric_type,metric_category,value,numerator,provenance\n"
                                   "2026-01-01,percentage,bounce_rate,23.500000,47,imported\n"
                                   "2026-01-01,count,users_total,10,,imported\n"
                                   "2026-01-02,count,users_total,12,,imported\n";
    const struct cmd_result *r = line(DAILY);
    char *got = strdup(r->out), *to = got;
    for (const char *p = r->out; *p != '\0'; p++) {
        if (*p != '\r')
            *to++ = *p;
    }
    *to = '\0';
    assert_string_equal(got, expected);
    free(got);
    assert_done(line("get 'metric_values?metric=eq.posts_created&select=absence,connection' --json"), 0, "\"absence\":\"not_reported\"");
    /* read when the day was over: the day is the one that is named, the instant stays what it was */
    assert_done(line("get 'daily_metrics?metric_date=eq.2026-01-01&metric_category=eq.users_total&select=collection_timestamp' --json"), 0, "2026-01-02T00:00:15");
    assert_done(line("get 'metric_definitions?metric_category=eq.users_total&select=kind,aggregation' --json"), 0, "\"period\"");
    assert_done(line("get connections?select=workspace,name,platform --json"), 0, "\"name\":\"app\"");
}

static void importing_again_changes_nothing_and_another_value_is_refused(void **state)
{
    (void)state;
    needs_postgres();
    assert_done(line("import %s --table daily_metrics --workspace studio --connection app", old_url), 0, NULL);
    assert_done(line("--json import %s --table daily_metrics --workspace studio --connection app", old_url), 0, "\"recorded\":0");
    sql(old_url, "UPDATE daily_metrics SET value = 11 WHERE metric_date = '2026-01-01' AND metric_category = 'users_total'");
    assert_done(line("--json import %s --table daily_metrics --workspace studio --connection app", old_url), 3, "\"refused\":1");
    assert_done(line("get 'daily_metrics?metric_date=eq.2026-01-01&metric_category=eq.users_total&select=value' --json"), 0, "\"value\":10");
    assert_done(line("--json import %s --table daily_metrics --workspace studio --connection app --revise", old_url), 0, "\"amended\":1");
    assert_done(line("get 'daily_metrics?metric_date=eq.2026-01-01&metric_category=eq.users_total&select=value' --json"), 0, "\"value\":11");
}

/* A row that cannot be is named by its day and metric, and the column as the table calls it; the others are taken. */
static void a_wrong_row_of_daily_metrics_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *says;
        int status;
        const char *kept; /* the value of that day, NULL: none */
    } rows[] = {
        {"'count', '', 1", "1 rows not taken, the first: 2026-01-03 : metric_category: empty", 3, NULL},
        {"'count', repeat('x', 201), 1", "metric_category: longer than 200 bytes", 3, NULL},
        {"'number', 'x', 1", "2026-01-03 x: metric_type: neither count", 3, NULL},
        {"'average', 'x', 'NaN'", "2026-01-03 x: value: no exact number", 3, NULL},
        {"'count', 'x', 1.3333333333", "2026-01-03 x: value: no exact number", 3, NULL},
        {"'count', 'views', 1.5", "2026-01-03 views: value: 1.5 is no whole number", 3, NULL},
        {"'average', 'x', (SELECT avg(x) FROM (VALUES (1), (2), (2)) v(x))", "5 rows into 1 connection", 0, "1.666667"},
        {"'percentage', 'x', 100.0 / 3", "5 rows into 1 connection", 0, "33.333333"},
        {"'average', 'x', 0.5", "5 rows into 1 connection", 0, "0.500000"},
    };
    needs_postgres();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char insert[300], into[40];
        snprintf(insert, sizeof insert, "ALTER TABLE daily_metrics ALTER value TYPE numeric; "
                 "INSERT INTO daily_metrics (collection_timestamp, metric_date, metric_type, metric_category, value) VALUES (NULL, '2026-01-03', %s)", rows[i].sql);
        sql(old_url, old_tables);
        sql(old_url, insert);
        snprintf(into, sizeof into, "app%zu", i);
        assert_done(line("import %s --table daily_metrics --workspace studio --connection %s", old_url, into), rows[i].status, rows[i].says);
        assert_done(line("get 'daily_metrics?connection=eq.%s&metric_date=eq.2026-01-02&metric_category=eq.users_total&select=value' --json", into), 0, "12");
        const struct cmd_result *r = line("get 'daily_metrics?connection=eq.%s&metric_date=eq.2026-01-03&select=value' --json", into);
        if (rows[i].kept == NULL ? strcmp(r->out, "[]\n") != 0 : strstr(r->out, rows[i].kept) == NULL)
            fail_msg("%s: %s%s", rows[i].sql, r->out, r->err);
    }
}

#define YOUTUBE "--table youtube_metrics --platform youtube --map external_id=video_id,captured_at=fetched_at,views=view_count,likes=like_count,comments=stats.deep.comments"

static void any_other_table_is_mapped_as_a_file_is(void **state)
{
    (void)state;
    needs_postgres();
    assert_done(line("import %s " YOUTUBE, old_url), 0, "3 read");
    const struct cmd_result *r = line("get 'content_snapshots?select=external_id,day,captured_at,views,likes,comments,absence&order=external_id,day' --format ndjson");
    assert_done(r, 0, "\"day\":\"2026-02-01\",\"captured_at\":\"2026-02-01T07:45:00.123456+00:00\",\"views\":9007199254740993,\"likes\":10,\"comments\":3");
    assert_done(r, 0, "\"views\":9007199254740995,\"likes\":null");
    assert_done(r, 0, "\"likes\":\"not_reported\"");
    assert_done(line("--json import %s " YOUTUBE, old_url), 0, "\"recorded\":0");
    /* names with other characters */
    assert_done(line("import %s --table youtube_metrics --workspace w --map 'external_id=video_id,captured_at=fetched_at,views=weird \"name\"'", old_url), 0, NULL);
    assert_done(line("get 'content_latest?workspace=eq.w&external_id=eq.v1&select=views' --json"), 0, "\"views\":2");
}

static void a_query_joins_what_belongs_together(void **state)
{
    (void)state;
    needs_postgres();
    assert_done(line("import %s --query 'SELECT m.*, p.user_name FROM youtube_metrics m JOIN user_projects p ON p.video_id = m.video_id;' --connection channel "
                     "--map external_id=video_id,captured_at=fetched_at,views=view_count,owner=user_name", old_url), 0, NULL);
    const struct cmd_result *r = line("get 'owner_metrics?select=owner,views&order=owner' --format ndjson");
    assert_done(r, 0, "{\"owner\":\"mia\",\"views\":9007199254740995}");
    assert_done(r, 0, "{\"owner\":\"noah\",\"views\":7}");
    assert_done(line("get 'connections?select=name' --json"), 0, "\"channel\"");
}

static void rows_that_cannot_be_read_are_told_and_kept(void **state)
{
    (void)state;
    needs_postgres();
    char kept[400];
    snprintf(kept, sizeof kept, "%s", nilo_test_path("kept.ndjson"));
    nilo_test_remove(kept);
    const struct cmd_result *r = line("import %s --table 'app.\"Analytics\"' --map external_id=postId,day=date,views=views --refused %s", old_url, kept);
    assert_done(r, 3, "not a number (\"many\")");
    FILE *f = fopen(kept, "r");
    char text[1000] = "";
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    assert_non_null(strstr(text, "\"postId\": \"p2\""));
    assert_null(strstr(text, "\"postId\": \"p1\""));
    nilo_test_remove(kept);
}

/* They are refused in the order of items; told are those that stand first. */
static void the_first_refused_rows_are_told_in_the_order_of_rows(void **state)
{
    (void)state;
    needs_postgres();
    assert_done(line("import %s --connection c --query 'SELECT 100 - n AS id, make_date(2026, 1, 1) AS day, -n AS views FROM generate_series(1, 12) AS n' "
                     "--map external_id=id,day=day,views=views", old_url), 3, "first at the query:1, the query:2, the query:3, the query:4, the query:5");
}

static void rows_larger_than_what_is_read_at_once_come_whole(void **state)
{
    (void)state;
    needs_postgres();
    assert_done(line("import %s --table big --map external_id=id,day=d,views=v", old_url), 0, "3 read");
    assert_done(line("get 'content_latest?select=external_id,views&order=views' --format ndjson"), 0, "{\"external_id\":\"id3\",\"views\":3}");
}

static void what_cannot_be_is_said_in_a_sentence(void **state)
{
    (void)state;
    needs_postgres();
    static const struct {
        const char *words;
        int status;
        const char *part;
    } rows[] = {
        {"--table no_such --map external_id=id,day=d,views=v", 1, "no_such"},
        {"--table nothing --map external_id=id,day=d,views=v", 1, "table nothing is empty"},
        {"--table youtube_metrics --map external_id=nope,captured_at=fetched_at,views=view_count", 2, "nope"},
        {"--table daily_metrics", 2, "--connection"},
        {"--table a.b.c --map views=v", 1, "--table"},
        {"--table daily_metrics --query 'SELECT 1'", 2, "do not go together"},
        {"--table daily_metrics --format csv", 2, "--format is for files"},
        {"--query 'DELETE FROM daily_metrics' --map views=v", 1, "--query"},
        {"--query 'SELECT 1; SELECT 2' --map views=v", 1, "--query"},
        {"--query 'WITH gone AS (DELETE FROM daily_metrics RETURNING *) SELECT * FROM gone' --connection x", -1, NULL},
        {"--query 'SELECT * FROM daily_metrics WHERE metric_date = :day' --map views=v", 1, "placeholder"},
        {"other.csv --table daily_metrics", 2, "one database"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct cmd_result *r = line("import %s %s", old_url, rows[i].words);
        if (rows[i].status >= 0 ? r->status != rows[i].status : r->status == 0)
            fail_msg("%s: status %d, not %d: %s%s", rows[i].words, r->status, rows[i].status, r->out, r->err);
        cmd_assert_one_line(r->err);
        if (rows[i].part != NULL)
            cmd_assert_contains(r->err, rows[i].part);
    }
    assert_done(line("get 'daily_metrics?select=value' --format ndjson"), 0, NULL);
    assert_done(line("import %s --table daily_metrics --workspace studio --connection app", old_url), 0, "4 rows"); /* the DELETE did nothing */
    assert_done(line("import %s --table t --map external_id=a,day=b,views=c", nilo_test_path("some.db")), 1, NULL);
    assert_done(line("import env:NO_SUCH_VARIABLE --table t --map external_id=a,day=b,views=c"), 1, "NO_SUCH_VARIABLE");
    assert_done(line("import x.csv --connection c"), 2, "--connection goes with");
}

#define BOTH(fn)                                                                                                       \
    {#fn "_into_sqlite", fn, fresh_sqlite, NULL, NULL}, {#fn "_into_postgres", fn, fresh_postgres, NULL, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_table_of_daily_metrics_becomes_the_history_of_a_connection),
        BOTH(importing_again_changes_nothing_and_another_value_is_refused),
        BOTH(a_wrong_row_of_daily_metrics_is_named),
        BOTH(any_other_table_is_mapped_as_a_file_is),
        BOTH(a_query_joins_what_belongs_together),
        {"rows_that_cannot_be_read_are_told_and_kept", rows_that_cannot_be_read_are_told_and_kept, fresh_sqlite, NULL, NULL},
        {"the_first_refused_rows_are_told_in_the_order_of_rows", the_first_refused_rows_are_told_in_the_order_of_rows, fresh_sqlite, NULL, NULL},
        {"rows_larger_than_what_is_read_at_once_come_whole", rows_larger_than_what_is_read_at_once_come_whole, fresh_sqlite, NULL, NULL},
        {"what_cannot_be_is_said_in_a_sentence", what_cannot_be_is_said_in_a_sentence, fresh_sqlite, NULL, NULL},
    };
    old_url = nilo_test_pg_database("old_app");
    return cmocka_run_group_tests_name("import from tables", tests, NULL, NULL);
}
