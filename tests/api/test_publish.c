/* Tables of sources under /rest/v1: whatever a client may ask of them, by service_role alone; and the limit of rows for everybody else. The source is a
 * database of either engine. */
#include "rest_world.h"

#include <stdio.h>
#include <string.h>

#include "api/settings.h"
#include "support/pg.h"
#include "support/tmp.h"

static struct rest_world r;

#define SERVICE "service_role acme"
#define COUNT "Prefer: count=exact"
#define OBJECT "Accept: application/vnd.pgrst.object+json"

static void sql(struct nilo_db *db, const char *text)
{
    struct nilo_err err = {0};
    if (nilo_db_exec(db, text, &err) != 0)
        fail_msg("%s", err.msg);
}

/* The app's table, and the address of its database. */
static const char *make_source(enum nilo_db_engine engine)
{
    static int serial;
    char name[32];
    struct nilo_db *db;
    struct nilo_err err = {0};
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    snprintf(name, sizeof(name), "source%d", ++serial);
    const char *target = engine == NILO_DB_SQLITE ? nilo_test_path(name) : nilo_test_pg_database(name);
    if (target == NULL)
        return NULL;
    if (nilo_db_open(target, &options, &db, &err) != 0)
        fail_msg("%s", err.msg);
    if (engine == NILO_DB_SQLITE)
        sql(db, "CREATE TABLE posts (id bigint PRIMARY KEY, title text, created_at timestamp NOT NULL, day date, price numeric, live boolean, extra json, \"odd name\" text)");
    else
        sql(db, "CREATE TABLE posts (id bigint PRIMARY KEY, title text, created_at timestamptz NOT NULL, day date, price numeric(12,2), live boolean, extra jsonb, \"odd name\" text)");
    sql(db, "INSERT INTO posts VALUES (1, 'a', '2025-01-01 07:45:00+00:00', '2025-01-01', 23.50, true, '{\"k\":[1,2]}', 'o'), "
            "(2, NULL, '2025-01-02 07:45:00.5+00:00', NULL, NULL, false, NULL, NULL), (3, 'c, \"d\"', '2025-01-03 00:00:00+00:00', '2025-01-03', 100.25, NULL, '{\"k\":null}', '')");
    sql(db, "CREATE TABLE secrets (id bigint)");
    nilo_db_close(db);
    return target;
}

static void configure(const char *target)
{
    struct nilo_config *config;
    struct nilo_err err = {0};
    const char *path = nilo_test_path("publish.yaml");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "connections:\n  - {name: app, workspace: acme, platform: sql, database: \"%s\", posts: posts}\n"
                  "publish:\n  - {table: posts}\n  - {table: posts, name: again}\n  - {table: nowhere}\nmax_rows: 2\n", target);
    fclose(file);
    if (nilo_config_load(path, NULL, &config, &err) != 0 || nilo_settings_new(config, &r.api.settings, &err) != 0)
        fail_msg("%s", err.msg);
}

#define ROW1 "{\"id\":1,\"title\":\"a\",\"created_at\":\"2025-01-01T07:45:00+00:00\",\"day\":\"2025-01-01\",\"price\":23.50,\"live\":true,\"extra\":{\"k\": [1, 2]},\"odd name\":\"o\"}"
static const struct rest_row answers[] = {
    {SERVICE, "GET", "/rest/v1/posts?id=eq.1", NULL, NULL, 200, "Content-Range: 0-0/*\nCache-Control: private, no-cache", NULL},
    {SERVICE, "GET", "/rest/v1/posts?select=id,created_at&order=created_at.desc&limit=2", NULL, NULL, 200, "Content-Range: 0-1/*",
     "[{\"id\":3,\"created_at\":\"2025-01-03T00:00:00+00:00\"},\n {\"id\":2,\"created_at\":\"2025-01-02T07:45:00.5+00:00\"}]\n"},
    {SERVICE, "GET", "/rest/v1/posts?select=created_at&order=created_at.asc&limit=1", NULL, NULL, 200, NULL, "[{\"created_at\":\"2025-01-01T07:45:00+00:00\"}]\n"},
    {SERVICE, "HEAD", "/rest/v1/posts?select=*&created_at=lte.2025-01-02T23:59:59Z", COUNT, NULL, 200, "Content-Range: 0-1/2", ""},
    {SERVICE, "HEAD", "/rest/v1/posts?select=*&created_at=lte.2020-01-02T23:59:59Z", COUNT, NULL, 200, "Content-Range: */0", ""},
    {SERVICE, "GET", "/rest/v1/posts?select=id&order=id&offset=1&limit=1", COUNT, NULL, 206, "Content-Range: 1-1/3", "[{\"id\":2}]\n"},
    {SERVICE, "GET", "/rest/v1/posts?select=id&offset=9", COUNT, NULL, 416, "Content-Range: */3", "~PGRST103"},
    {SERVICE, "GET", "/rest/v1/posts?select=id,title&title=is.null", OBJECT, NULL, 200, NULL, "{\"id\":2,\"title\":null}\n"},
    {SERVICE, "GET", "/rest/v1/posts?select=id", OBJECT, NULL, 406, NULL, "~\"PGRST116\""},
    {SERVICE, "GET", "/rest/v1/posts?select=id&title=in.(a,%22c%2C%20%5C%22d%5C%22%22)&order=title.desc", NULL, NULL, 200, NULL, "[{\"id\":3},\n {\"id\":1}]\n"},
    {SERVICE, "GET", "/rest/v1/posts?select=id&or=(title.like.c*,live.is.false)&order=id", NULL, NULL, 200, NULL, "[{\"id\":2},\n {\"id\":3}]\n"},
    {SERVICE, "GET", "/rest/v1/posts?select=id&not.or=(title.eq.a,id.eq.2)&day=gt.2025-01-01", NULL, NULL, 200, NULL, "[{\"id\":3}]\n"},
    {SERVICE, "GET", "/rest/v1/posts?select=n:extra->k->1&id=eq.1", NULL, NULL, 200, NULL, "[{\"n\":2}]\n"},
    {SERVICE, "GET", "/rest/v1/posts?select=odd%20name,id&odd%20name=eq.o", NULL, NULL, 200, NULL, "[{\"odd name\":\"o\",\"id\":1}]\n"},
    {SERVICE, "GET", "/rest/v1/posts?select=count(),price.sum(),day.max()&id=neq.2", NULL, NULL, 200, NULL, "[{\"count\":2,\"sum\":123.75,\"max\":\"2025-01-03\"}]\n"},
    {SERVICE, "GET", "/rest/v1/posts?select=id&price=gt.23.5&live=is.null", NULL, NULL, 200, NULL, "[{\"id\":3}]\n"},
    {SERVICE, "GET", "/rest/v1/posts?select=id,price&order=id&price=not.is.null", "Accept: text/csv", NULL, 200, NULL, NULL},
    {SERVICE, "GET", "/rest/v1/again?select=id&live=eq.true", NULL, NULL, 200, NULL, "[{\"id\":1}]\n"},
    {SERVICE, "GET", "/w/acme/rest/v1/posts?select=id&limit=1&order=id", NULL, NULL, 200, NULL, "[{\"id\":1}]\n"},
    {"service_role", "GET", "/w/acme/rest/v1/posts?select=id&limit=1&order=id", NULL, NULL, 200, NULL, "[{\"id\":1}]\n"},
    /* refusals */
    {SERVICE, "GET", "/rest/v1/posts?nothing=eq.1", NULL, NULL, 400, NULL, "~\"code\":\"42703\",\"message\":\"column posts.nothing does not exist\""},
    {SERVICE, "GET", "/rest/v1/posts?id=eq.x", NULL, NULL, 400, NULL, "~\"22P02\""},
    {SERVICE, "GET", "/rest/v1/posts?created_at=gt.x", NULL, NULL, 400, NULL, "~\"22007\""},
    {SERVICE, "GET", "/rest/v1/posts?select=secrets(*)", NULL, NULL, 400, NULL, "~\"PGRST100\""},
    {SERVICE, "GET", "/rest/v1/posts?id=eq.1'%20or%20'1'='1", NULL, NULL, 400, NULL, "~\"22P02\""},
    {SERVICE, "GET", "/rest/v1/posts?select=id&title=eq.a'%20or%20'1'='1", NULL, NULL, 200, NULL, "[]\n"},
    {SERVICE, "GET", "/rest/v1/nowhere", NULL, NULL, 502, NULL, "~the source has no table nowhere"},
    {SERVICE, "GET", "/rest/v1/secrets", NULL, NULL, 404, NULL, "~\"PGRST205\""},
    {SERVICE, "POST", "/rest/v1/posts", NULL, "{\"id\":9}", 403, NULL, "~\"code\":\"42501\",\"message\":\"permission denied for table posts: a source's table is read here"},
    {SERVICE, "DELETE", "/rest/v1/posts?id=eq.1", NULL, NULL, 403, NULL, "~\"42501\""},
    {SERVICE, "PATCH", "/rest/v1/posts?id=eq.1", NULL, "{\"title\":\"x\"}", 403, NULL, "~\"42501\""},
    /* the limit of rows does not hold for the service */
    {SERVICE, "GET", "/rest/v1/posts?select=id&order=id", NULL, NULL, 200, "Content-Range: 0-2/*\n!Nilometer-Limit", NULL},
    {SERVICE, "GET", "/rest/v1/daily_metrics?select=value", NULL, NULL, 200, "!Nilometer-Limit", NULL},
    {"authenticated acme", "GET", "/rest/v1/daily_metrics?select=metric_date&metric_type=eq.percentage&order=metric_date", NULL, NULL, 206, "Content-Range: 0-1/3\nNilometer-Limit: max_rows=2",
     "[{\"metric_date\":\"2025-03-04\"},\n {\"metric_date\":\"2025-03-05\"}]\n"},
    {"authenticated acme", "GET", "/rest/v1/daily_metrics?select=metric_date&metric_type=eq.percentage&offset=2", NULL, NULL, 200, "Content-Range: 2-2/*\n!Nilometer-Limit", NULL},
    {"authenticated acme", "GET", "/rest/v1/daily_metrics?select=metric_date&metric_type=eq.percentage&limit=1", NULL, NULL, 200, "Content-Range: 0-0/*\n!Nilometer-Limit", NULL},
    /* of as many rows as the limit nothing is cut */
    {"authenticated acme", "GET", "/rest/v1/daily_metrics?select=metric_date&metric_type=eq.percentage&metric_date=lt.2025-03-05", NULL, NULL, 200, "Content-Range: 0-0/*\n!Nilometer-Limit", NULL},
    {"authenticated acme", "GET", "/rest/v1/daily_metrics?select=metric_date&metric_type=eq.percentage&metric_date=lte.2025-03-05", NULL, NULL, 200, "Content-Range: 0-1/*\n!Nilometer-Limit", NULL},
    /* who asks for as many gets what was asked for */
    {"authenticated acme", "GET", "/rest/v1/daily_metrics?select=metric_date&metric_type=eq.percentage&limit=2", NULL, NULL, 200, "Content-Range: 0-1/*\n!Nilometer-Limit", NULL},
    {"authenticated acme", "GET", "/rest/v1/daily_metrics?select=metric_date&metric_type=eq.percentage", "Range: 0-1", NULL, 200, "Content-Range: 0-1/*\n!Nilometer-Limit", NULL},
    {"authenticated acme", "GET", "/rest/v1/daily_metrics?select=metric_date&metric_type=eq.percentage&limit=3", NULL, NULL, 206, "Content-Range: 0-1/3\nNilometer-Limit: max_rows=2", NULL},
    {"authenticated acme", "GET", "/rest/v1/rpc/activity?days=5&select=date&limit=2", NULL, NULL, 200, "Content-Range: 0-1/*\n!Nilometer-Limit", NULL},
    {"authenticated acme", "GET", "/rest/v1/daily_metrics?select=metric_date&metric_type=eq.percentage&offset=9", NULL, NULL, 200, "Content-Range: */*", "[]\n"},
    {"authenticated acme", "GET", "/rest/v1/rpc/activity?days=5&select=date", NULL, NULL, 206, "Content-Range: 0-1/5\nNilometer-Limit: max_rows=2", NULL},
    {"admin acme", "GET", "/rest/v1/daily_metrics?select=metric_category,count()", NULL, NULL, 206, "Content-Range: 0-1/5\nNilometer-Limit: max_rows=2", NULL},
};

/* To everybody else it is as if there were none: the same bytes as of a name that there is not. */
static void hidden(void)
{
    static const char *const callers[] = {"anon", "authenticated acme", "admin acme", "service_role beta", "admin beta"};
    static const char *const methods[] = {"GET", "HEAD", "DELETE"};
    for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
        for (size_t k = 0; k < sizeof(methods) / sizeof(methods[0]); k++) {
            struct answer a, b;
            rest_ask(&r, &(struct rest_row){.as = callers[i], .method = methods[k], .target = "/rest/v1/posts?select=id"}, &a);
            rest_ask(&r, &(struct rest_row){.as = callers[i], .method = methods[k], .target = "/rest/v1/qosts?select=id"}, &b);
            assert_int_equal(a.status, b.status);
            assert_true(a.status >= 400);
            for (char *c = strstr(b.body.data != NULL ? b.body.data : (char[]){""}, "qosts"); c != NULL; c = strstr(c, "qosts"))
                *c = 'p';
            assert_string_equal(nilo_buf_str(&a.body), nilo_buf_str(&b.body));
            answer_done(&a);
            answer_done(&b);
        }
    }
    rest_check(&r, &(struct rest_row){"admin acme", "GET", "/rest/v1/", NULL, NULL, 200, NULL, "~/rest/v1/daily_metrics"});
    struct answer text;
    rest_ask(&r, &(struct rest_row){.as = "admin acme", .method = "GET", .target = "/rest/v1/"}, &text);
    assert_null(strstr(nilo_buf_str(&text.body), "odd name"));
    answer_done(&text);
    rest_check(&r, &(struct rest_row){SERVICE, "GET", "/rest/v1/", NULL, NULL, 200, NULL, "~\"name\":\"odd name\""});
    rest_check(&r, &(struct rest_row){SERVICE, "GET", "/rest/v1/", NULL, NULL, 200, NULL, "~\"/rest/v1/posts\""});
}

static void run(enum nilo_db_engine engine)
{
    const char *target = make_source(engine);
    if (target == NULL || rest_world_open(&r, NILO_DB_SQLITE) != 0)
        nilo_test_skip("%s", nilo_test_pg_missing());
    configure(target);
    REST_CHECK_ALL(&r, answers);
    if (engine == NILO_DB_POSTGRES)
        rest_check(&r, &(struct rest_row){SERVICE, "GET", "/rest/v1/posts?id=eq.1", NULL, NULL, 200, NULL, "[" ROW1 "]\n"});
    hidden();
    struct nilo_settings *settings = r.api.settings;
    rest_world_close(&r);
    nilo_settings_free(settings);
}

static void service_role_reads_tables_of_an_sqlite_source(void **state)
{
    (void)state;
    run(NILO_DB_SQLITE);
}

static void service_role_reads_tables_of_a_postgres_source(void **state)
{
    (void)state;
    run(NILO_DB_POSTGRES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(service_role_reads_tables_of_an_sqlite_source),
        cmocka_unit_test(service_role_reads_tables_of_a_postgres_source),
    };
    return cmocka_run_group_tests_name("api publish", tests, NULL, NULL);
}
