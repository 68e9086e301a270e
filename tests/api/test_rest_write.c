/* Writes over HTTP, through the one writer: the table of SEMANTICS 6 for daily_metrics, headers, roles, and the sizes that bodies may have. */
#include "rest_world.h"
#include "support/pg.h"

#include <stdlib.h>
#include <string.h>

#include "api/writer.h"

static struct rest_world r;
static char *target;
static struct nilo_api_writer *writer;

#define SERVICE "service_role acme"
#define ROWS  "Prefer: return=representation"
#define MERGE "Prefer: resolution=merge-duplicates"
#define BOTH  "Prefer: return=representation,resolution=merge-duplicates"
#define DAILY "/rest/v1/daily_metrics"
#define ROW(day, value) "{\"metric_date\":\"" day "\",\"metric_type\":\"count\",\"metric_category\":\"signups\",\"value\":" value "}"
#define ERROR(code, message, details, hint) "{\"code\":\"" code "\",\"message\":\"" message "\",\"details\":" details ",\"hint\":" hint "}"

static int open_store(void *ctx, struct nilo_store **ret, struct nilo_err *err)
{
    (void)ctx;
    return nilo_store_open(target, NILO_STORE_WRITE, &r.env, ret, err);
}

/* The readers are open by now; the store that filled it makes room for the writer. */
static void open_world(enum nilo_db_engine engine)
{
    struct nilo_err err = {0};
    if (rest_world_open(&r, engine) != 0)
        nilo_test_skip("%s", nilo_test_pg_missing());
    target = strdup(nilo_store_target(r.f.store));
    nilo_store_close(r.f.store);
    if (nilo_store_open(target, NILO_STORE_READ, &r.f.env, &r.f.store, &err) != 0)
        fail_msg("%s", err.msg);
    const struct nilo_api_writer_config config = {.env = r.w.config.env, .open = open_store};
    if (nilo_api_writer_new(&config, &writer, &err) != 0)
        fail_msg("%s", err.msg);
    r.api.writer = writer;
}

static void close_world(void)
{
    rest_world_close(&r);
    nilo_api_writer_free(writer);
    free(target);
}

/* ---- the table of SEMANTICS 6 ------------------------------------------------------------------------------------------------------------- */

#define TAKEN(day, category)                                                                                           \
    ERROR("23505", "duplicate key value violates unique constraint \\\"daily_metrics_metric_date_metric_type_metric_category_key\\\"",  \
          "\"Key (metric_date, metric_type, metric_category)=(" day ", count, " category ") already exists.\"", "null")
#define STAYS(day)                                                                                                     \
    ERROR("42501", "what was recorded for " day " stays: rows of daily_metrics are neither changed nor deleted; put a value right with nilometer revise", \
          "null", "null")

#define AVERAGE(day, value) "{\"metric_date\":\"" day "\",\"metric_type\":\"average\",\"metric_category\":\"avg_stay\",\"value\":" value "}"
static const struct rest_row said[] = {
    {SERVICE, "POST", "/w/acme" DAILY, "Prefer: return=headers-only", ROW("2025-03-02", "7"), 201,
     "Location: /w/acme/rest/v1/daily_metrics?metric_date=eq.2025-03-02&metric_type=eq.count&metric_category=eq.signups", ""},
    /* an average keeps six digits: more are rounded, which is said, or refused where that is asked for; a count is never rounded */
    {SERVICE, "POST", DAILY, ROWS, AVERAGE("2025-03-05", "3.3333333333333335"), 201, "Nilometer-Rounded: 1", "~\"value\":3.333333,"},
    {SERVICE, "POST", DAILY, ROWS, "[" AVERAGE("2025-03-06", "3.33333350") "," AVERAGE("2025-03-07", "1e-9") "]", 201, "Nilometer-Rounded: 2", "~\"value\":3.333334,"},
    {SERVICE, "POST", DAILY, NULL, AVERAGE("2025-03-04", "3.333333"), 201, "!Nilometer-Rounded", ""},
    {SERVICE, "POST", DAILY, NULL, AVERAGE("2025-03-03", "3.3333330000000000"), 201, "!Nilometer-Rounded", ""},
    {SERVICE, "POST", DAILY, "Prefer: handling=strict", AVERAGE("2025-03-02", "3.3333333333333335"), 400, "!Nilometer-Rounded",
     "~\"code\":\"22003\",\"message\":\"value \\\"3.3333333333333335\\\" would be rounded: \\\"avg_stay\\\" keeps 6 digits"},
    {SERVICE, "POST", DAILY, "Prefer: handling=strict", AVERAGE("2025-03-02", "3.333333"), 201, "!Nilometer-Rounded", ""},
    {SERVICE, "POST", DAILY, NULL, ROW("2025-03-01", "7.5"), 400, "!Nilometer-Rounded", "~\"22003\""},
    {SERVICE, "POST", "/rest/v1/rpc/record", NULL, "{\"connection\":\"web\",\"rows\":[{\"external_id\":\"r1\",\"day\":\"2025-03-09\",\"ctr\":1.23456789}]}", 200, "Nilometer-Rounded: 1", NULL},
};

/* It is 2025-03-10 12:00. */
static const struct rest_row daily[] = {
    {SERVICE, "POST", DAILY, NULL, ROW("2025-03-10", "7"), 201, "Content-Range: */*\n!Location\n!Preference-Applied", ""},
    {SERVICE, "POST", DAILY, NULL, ROW("2025-03-10", "7"), 409, "Proxy-Status: nilometer; error=23505", TAKEN("2025-03-10", "signups")},
    {SERVICE, "POST", DAILY "?on_conflict=metric_date%2Cmetric_type%2Cmetric_category&select=value", BOTH, ROW("2025-03-10", "9"), 200,
     "Preference-Applied: resolution=merge-duplicates, return=representation\nContent-Type: application/json; charset=utf-8", "[{\"value\":9}]\n"},
    {SERVICE, "POST", DAILY "?select=value", "Accept: application/vnd.pgrst.object+json\n" ROWS, ROW("2025-03-09", "4"), 201,
     "Content-Type: application/vnd.pgrst.object+json; charset=utf-8", "{\"value\":4}\n"},
    {SERVICE, "POST", DAILY "?select=value", "Accept: text/csv\n" BOTH, "[" ROW("2025-03-09", "5") "," ROW("2025-03-08", "6") "]", 201,
     "Content-Type: text/csv; charset=utf-8", "value\n5\n6\n"},
    {SERVICE, "POST", DAILY, "Prefer: return=headers-only", ROW("2025-03-07", "1"), 201,
     "Location: /rest/v1/daily_metrics?metric_date=eq.2025-03-07&metric_type=eq.count&metric_category=eq.signups", ""},
    {SERVICE, "POST", "/w/acme" DAILY, "Prefer: count=exact", ROW("2025-03-06", "1"), 201, "Content-Range: */1", ""},
    {SERVICE, "POST", DAILY "?select=value", "Prefer: resolution=ignore-duplicates,return=representation", ROW("2025-03-06", "2"), 200, NULL, "[]\n"},
    /* closed by now: a pushed day closes 24 hours after its end */
    {SERVICE, "POST", DAILY "?select=value", BOTH, ROW("2025-03-07", "1"), 200,
     NULL, "[{\"value\":1}]\n"},
    {SERVICE, "POST", DAILY "?select=value", BOTH, ROW("2025-03-07", "99"), 200,
     NULL, "[{\"value\":1}]\n"},
    {SERVICE, "POST", DAILY, NULL, ROW("2025-03-07", "99"), 409, NULL,
     TAKEN("2025-03-07", "signups")},
    {SERVICE, "PATCH", DAILY "?metric_date=eq.2025-03-07&metric_category=eq.signups", NULL, "{\"value\":1}", 403, NULL, STAYS("2025-03-07")},
    {SERVICE, "DELETE", DAILY "?metric_date=eq.2025-03-07&metric_category=eq.signups", NULL, "{}", 403, NULL, STAYS("2025-03-07")},
    {"authenticated acme", "DELETE", DAILY "?metric_date=eq.2025-03-07&metric_category=eq.signups", NULL, NULL, 403, NULL, STAYS("2025-03-07")},
    {"anon acme", "PATCH", DAILY "?metric_date=eq.2025-03-07&metric_category=eq.signups", NULL, "{\"value\":1}", 401, "WWW-Authenticate: Bearer",
     STAYS("2025-03-07")},
    {SERVICE, "DELETE", DAILY "?metric_date=eq.1999-01-01", "Prefer: count=exact", NULL, 204, "Content-Range: */0", ""},
    {SERVICE, "PATCH", DAILY "?metric_date=eq.1999-01-01", ROWS, "{\"value\":1}", 200, NULL, "[]\n"},
    {SERVICE, "DELETE", DAILY, NULL, NULL, 400, NULL, ERROR("21000", "DELETE requires a WHERE clause", "null", "null")},
    /* what was refused left nothing */
    {SERVICE, "GET", DAILY "?select=metric_date,value&metric_category=in.(signups,users_total)&order=metric_category,metric_date", NULL, NULL, 200, NULL,
     "[{\"metric_date\":\"2025-03-06\",\"value\":1},\n {\"metric_date\":\"2025-03-07\",\"value\":1},\n {\"metric_date\":\"2025-03-08\",\"value\":6},\n"
     " {\"metric_date\":\"2025-03-09\",\"value\":5},\n {\"metric_date\":\"2025-03-10\",\"value\":9},\n {\"metric_date\":\"2025-03-07\",\"value\":10},\n"
     " {\"metric_date\":\"2025-03-09\",\"value\":14}]\n"},
};

#define DEFINED "/rest/v1/metric_definitions"
static const struct rest_row refusals[] = {
    {"anon acme", "POST", DAILY, NULL, ROW("2025-03-05", "7"), 401, "WWW-Authenticate: Bearer",
     ERROR("42501", "new row violates row-level security policy for table \\\"daily_metrics\\\"", "null", "null")},
    {"authenticated acme", "POST", DAILY, NULL, ROW("2025-03-05", "7"), 403, "!WWW-Authenticate",
     ERROR("42501", "new row violates row-level security policy for table \\\"daily_metrics\\\"", "null", "null")},
    {"authenticated acme", "POST", "/rest/v1/runs", NULL, "{}", 403, NULL, "~\"42501\""},
    {SERVICE, "POST", "/rest/v1/daily_metric", NULL, "{}", 404, NULL,
     ERROR("PGRST205", "Could not find the table 'public.daily_metric' in the schema cache", "null", "\"Perhaps you meant the table 'public.daily_metrics'\"")},
    {SERVICE, "POST", DAILY, NULL, "", 400, NULL, "~\"message\":\"Empty or invalid json\""},
    {SERVICE, "POST", DAILY, NULL, "{\"role\":1,\"role\":2}", 400, NULL, "~\"PGRST102\""},
    {SERVICE, "POST", DAILY, NULL, "{\"a\":\"\\ud800\"}", 400, NULL, "~\"PGRST102\""},
    {SERVICE, "POST", DAILY, NULL, "{\"nope\":1}", 400, NULL,
     ERROR("PGRST204", "Could not find the 'nope' column of 'daily_metrics' in the schema cache", "null", "null")},
    {SERVICE, "POST", DAILY "?on_conflict=value", MERGE, ROW("2025-03-05", "7"), 400, NULL,
     ERROR("42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification", "null", "null")},
    {SERVICE, "POST", DAILY, "Prefer: handling=strict, max-affected=1", "[" ROW("2025-03-05", "7") "," ROW("2025-03-04", "7") "]", 400, NULL, "~\"PGRST124\""},
    {SERVICE, "POST", DAILY, "Prefer: handling=strict, what=this", ROW("2025-03-05", "7"), 400, NULL, "~\"PGRST122\""},
    {SERVICE, "POST", DAILY, "Accept: text/html", ROW("2025-03-05", "7"), 406, NULL, "~\"PGRST107\""},
    {SERVICE, "POST", DAILY, "Content-Profile: private", ROW("2025-03-05", "7"), 406, NULL, "~\"PGRST106\""},
    {SERVICE, "POST", DAILY "?select=nope", ROWS, ROW("2025-03-05", "7"), 400, NULL, "~\"42703\""},
    {SERVICE, "POST", DAILY, "Accept: application/vnd.pgrst.object+json\n" ROWS, "[" ROW("2025-03-05", "7") "," ROW("2025-03-04", "7") "]", 406, NULL, "~\"PGRST116\""},
    {SERVICE, "PUT", DAILY "?metric_date=eq.2025-03-05", NULL, ROW("2025-03-05", "7"), 405, NULL, NULL},
    /* another workspace in the path or in the body: as one that is not there */
    {"service_role acme", "POST", "/w/beta" DAILY, NULL, ROW("2025-03-05", "7"), 404, NULL, ERROR("PGRST125", "there is no such workspace", "null", "null")},
    {"service_role acme", "POST", "/w/none" DAILY, NULL, ROW("2025-03-05", "7"), 404, NULL, ERROR("PGRST125", "there is no such workspace", "null", "null")},
    {SERVICE, "POST", DAILY, NULL, "{\"workspace\":\"beta\",\"value\":1}", 404, NULL, ERROR("PGRST125", "there is no such workspace", "null", "null")},
    {SERVICE, "POST", DAILY, NULL, "{\"workspace\":\"none\",\"value\":1}", 404, NULL, ERROR("PGRST125", "there is no such workspace", "null", "null")},
    /* a body comes as it is */
    {SERVICE, "POST", DAILY, "Content-Encoding: gzip", ROW("2025-03-05", "7"), 415, "Accept-Encoding: identity", "~Content-Encoding not acceptable: gzip"},
    {SERVICE, "POST", "/rest/v1/rpc/timeseries", "Content-Encoding: br", "{}", 415, NULL, "~Content-Encoding not acceptable: br"},
    /* what is common to all workspaces is not one tenant's to change, whoever it sends */
    {"admin acme", "PATCH", DEFINED "?metric_category=eq.views", NULL, "{\"is_active\":false}", 403, NULL, "~holds for all workspaces"},
    {SERVICE, "PATCH", DEFINED "?metric_category=eq.views", NULL, "{\"display_name\":\"mine\"}", 403, NULL, "~\"42501\""},
    {"admin acme", "POST", DEFINED, MERGE, "{\"metric_type\":\"count\",\"metric_category\":\"views\",\"is_active\":false}", 403, NULL, "~\"42501\""},
    {"admin beta", "GET", DEFINED "?select=display_name,is_active&metric_category=eq.views", NULL, NULL, 200, NULL, "[{\"display_name\":\"Views\",\"is_active\":true}]\n"},
    /* and what one of them calls its own is not told to the others */
    {SERVICE, "POST", "/w/acme" DAILY, NULL, "{\"metric_date\":\"2025-03-09\",\"metric_type\":\"count\",\"metric_category\":\"launch_of_x\",\"value\":1}", 201, NULL, ""},
    {"admin acme", "POST", DEFINED "?select=metric_category", ROWS, "{\"metric_type\":\"count\",\"metric_category\":\"plans_for_y\"}", 201, NULL,
     "[{\"metric_category\":\"plans_for_y\"}]\n"},
    {"admin acme", "GET", DEFINED "?select=metric_category&metric_category=in.(launch_of_x,plans_for_y,views)&order=metric_category", NULL, NULL, 200, NULL,
     "[{\"metric_category\":\"launch_of_x\"},\n {\"metric_category\":\"plans_for_y\"},\n {\"metric_category\":\"views\"}]\n"},
    {"admin beta", "GET", DEFINED "?select=metric_category&metric_category=in.(launch_of_x,plans_for_y,views)", NULL, NULL, 200, NULL,
     "[{\"metric_category\":\"views\"}]\n"},
    {"service_role", "PATCH", "/w/acme" DEFINED "?metric_category=eq.views&select=is_active", ROWS, "{\"is_active\":true}", 200, NULL, "[{\"is_active\":true}]\n"},
    {SERVICE, "GET", DAILY "?select=value&metric_category=eq.signups", NULL, NULL, 200, NULL, "[]\n"},
};

static void table(enum nilo_db_engine engine, const struct rest_row *rows, size_t n)
{
    open_world(engine);
    for (size_t i = 0; i < n; i++)
        rest_check(&r, &rows[i]);
    close_world();
}

static void daily_sqlite(void **state)
{
    (void)state;
    table(NILO_DB_SQLITE, daily, sizeof daily / sizeof daily[0]);
}
static void daily_postgres(void **state)
{
    (void)state;
    table(NILO_DB_POSTGRES, daily, sizeof daily / sizeof daily[0]);
}
static void said_sqlite(void **state)
{
    (void)state;
    table(NILO_DB_SQLITE, said, sizeof said / sizeof said[0]);
}
static void said_postgres(void **state)
{
    (void)state;
    table(NILO_DB_POSTGRES, said, sizeof said / sizeof said[0]);
}
static void refusals_sqlite(void **state)
{
    (void)state;
    table(NILO_DB_SQLITE, refusals, sizeof refusals / sizeof refusals[0]);
}
static void refusals_postgres(void **state)
{
    (void)state;
    table(NILO_DB_POSTGRES, refusals, sizeof refusals / sizeof refusals[0]);
}

#define SERIES "/rest/v1/rpc/timeseries?metric=views&from=2025-03-10&to=2025-03-10&select=known,open"
static const struct rest_row others[] = {
    {SERVICE, "POST", "/rest/v1/content_snapshots?select=external_id,views,shares", ROWS, "{\"external_id\":\"new\",\"day\":\"2025-03-10\",\"views\":3}", 201, NULL,
     "[{\"external_id\":\"new\",\"views\":3,\"shares\":null}]\n"},
    {SERVICE, "POST", "/rest/v1/content_snapshots", NULL, "{\"external_id\":\"new\",\"day\":\"2025-03-10\",\"views\":3}", 409, NULL, "~\"23505\""},
    {SERVICE, "POST", "/rest/v1/rpc/record", NULL, "{\"batch\":\"k\",\"rows\":[{\"external_id\":\"new\",\"day\":\"2025-03-09\",\"views\":2},{\"views\":1}]}", 200,
     "Content-Type: application/json; charset=utf-8", "~\"status\":\"partial\",\"rows\":2,\"failed\":1,\"results\":[{\"row\":0,\"status\":\"recorded\"},{\"row\":1,\"status\":\"failed\",\"code\":\"23502\""},
    {SERVICE, "POST", "/w/acme/rest/v1/rpc/record", NULL, "[]", 200, NULL, "~\"rows\":0"},
    {"admin acme", "POST", "/rest/v1/rpc/record", NULL, "[]", 403, NULL, ERROR("42501", "permission denied for function record", "null", "null")},
    {"anon acme", "POST", "/rest/v1/rpc/record", NULL, "[]", 401, "WWW-Authenticate: Bearer", "~\"42501\""},
    /* an app that counts its own "views" does not hide those of the items, nor their owners' */
    {SERVICE, "GET", SERIES, NULL, NULL, 200, NULL, "[{\"known\":7,\"open\":true}]\n"},
    {SERVICE, "GET", SERIES "&owner=bob", NULL, NULL, 200, NULL, "[{\"known\":1,\"open\":true}]\n"},
    {SERVICE, "POST", DAILY, NULL, "{\"metric_date\":\"2025-03-09\",\"metric_type\":\"count\",\"metric_category\":\"views\",\"value\":1}", 201, NULL, ""},
    {SERVICE, "GET", SERIES, NULL, NULL, 200, NULL, "[{\"known\":7,\"open\":true}]\n"},
    {SERVICE, "GET", SERIES "&owner=bob", NULL, NULL, 200, NULL, "[{\"known\":1,\"open\":true}]\n"},
    {SERVICE, "GET", DAILY "?select=value&metric_category=eq.views", NULL, NULL, 200, NULL, "[{\"value\":1}]\n"},
    {SERVICE, "GET", "/rest/v1/content_snapshots?select=day,views&external_id=eq.new&order=day", NULL, NULL, 200, NULL,
     "[{\"day\":\"2025-03-09\",\"views\":2},\n {\"day\":\"2025-03-10\",\"views\":3}]\n"},
};

static void others_sqlite(void **state)
{
    (void)state;
    table(NILO_DB_SQLITE, others, sizeof others / sizeof others[0]);
}
static void others_postgres(void **state)
{
    (void)state;
    table(NILO_DB_POSTGRES, others, sizeof others / sizeof others[0]);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------------------------------------ */

/* A row of exactly n bytes, the most of it metadata. */
static char *row_of(size_t n, int day)
{
    char *p = malloc(n + 1);
    int head = snprintf(p, n + 1, "{\"metric_date\":\"2025-02-%02d\",\"metric_type\":\"count\",\"metric_category\":\"big\",\"value\":1,\"metadata\":{\"x\":\"", day);
    memset(p + head, 'x', n - (size_t)head);
    memcpy(p + n - 3, "\"}}", 4);
    return p;
}

/* G26: n - 1, n, n + 1 */
static void bodies_have_a_limit(void **state)
{
    static const struct {
        const char *as;
        size_t limit;
        int within;
    } sizes[] = {{"authenticated acme", (size_t)1 << 20, 403}, {SERVICE, (size_t)16 << 20, 201}};
    (void)state;
    open_world(NILO_DB_SQLITE);
    for (size_t s = 0; s < 2; s++)
        for (int more = -1; more <= 1; more++) {
            char *body = row_of(sizes[s].limit + (size_t)(more + 1) - 1, more + 2);
            const struct rest_row row = {sizes[s].as, "POST", DAILY, NULL, body, more <= 0 ? sizes[s].within : 413, NULL, NULL};
            rest_check(&r, &row);
            free(body);
        }
    const struct rest_row kept = {SERVICE, "GET", DAILY "?select=metric_date&metric_category=eq.big&order=metric_date", NULL, NULL, 200, NULL,
                                  "[{\"metric_date\":\"2025-02-01\"},\n {\"metric_date\":\"2025-02-02\"}]\n"};
    rest_check(&r, &kept);
    close_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(daily_sqlite),      cmocka_unit_test(daily_postgres),    cmocka_unit_test(said_sqlite), cmocka_unit_test(said_postgres),      cmocka_unit_test(refusals_sqlite),
        cmocka_unit_test(refusals_postgres), cmocka_unit_test(others_sqlite), cmocka_unit_test(others_postgres), cmocka_unit_test(bodies_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
