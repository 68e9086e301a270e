/* POST daily_metrics: each row of the table in SEMANTICS 6, and what a body may look like. */
#include "write/written.h"

#include "record/record.h"

#include <stdlib.h>
#include <string.h>

#define SAY(...) (const struct say[]){__VA_ARGS__}, sizeof((const struct say[]){__VA_ARGS__}) / sizeof(struct say)
#define ROWS  "return=representation"
#define MERGE "resolution=merge-duplicates"
#define SHOWN "select=metric_date,metric_type,metric_category,value"
#define ROW(day, value) "{\"metric_date\":\"" day "\",\"metric_type\":\"count\",\"metric_category\":\"signups\",\"value\":" value "}"

/* The clock stands at 2025-03-20 10:00; a pushed day closes 24 hours after its end. */
static void close_the_tenth(struct stores *s)
{
    written_all(s, SAY({"AT 2025-03-10T20:00:00Z", NULL, NULL, ""}, {"POST daily_metrics", NULL, ROW("2025-03-10", "5"), "201"},
                       {"AT 2025-03-12T01:00:00Z", NULL, NULL, ""}));
    ok(s, nilo_record_seal(s->store, 0, &(int){0}, &s->err));
    assert_int_equal(stores_int(s, "SELECT closed_until FROM connection"), stores_day("2025-03-10").n);
}

static void a_row_is_recorded_and_given_back(struct stores *s)
{
    written_all(s, SAY({"POST daily_metrics", NULL, ROW("2025-03-20", "7"), "201"},
                       {"POST daily_metrics?" SHOWN, ROWS, ROW("2025-03-19", "6"),
                        "201 [{\"metric_date\":\"2025-03-19\",\"metric_type\":\"count\",\"metric_category\":\"signups\",\"value\":6}]"},
                       {"GET daily_metrics?select=metric_date,value&order=metric_date", NULL, NULL,
                        "[{\"metric_date\":\"2025-03-19\",\"value\":6}, {\"metric_date\":\"2025-03-20\",\"value\":7}]"},
                       {"POST daily_metrics?select=value", "return=headers-only", ROW("2025-03-18", "1"),
                        "201 ?metric_date=eq.2025-03-18&metric_type=eq.count&metric_category=eq.signups"},
                       {"POST daily_metrics", "return=minimal,count=exact", ROW("2025-03-17", "1"), "201 */1"}));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run WHERE kind = 2 AND status = 1"), 4);
}

static void an_upsert_on_an_open_day_replaces(struct stores *s)
{
    written_all(s, SAY({"POST daily_metrics?select=value", MERGE "," ROWS, ROW("2025-03-20", "7"), "201 [{\"value\":7}]"},
                       {"POST daily_metrics?select=value", MERGE "," ROWS, ROW("2025-03-20", "9"), "200 [{\"value\":9}]"},
                       /* back again: nothing that came before stands in its way */
                       {"POST daily_metrics?select=value", MERGE "," ROWS, ROW("2025-03-20", "7"), "200 [{\"value\":7}]"},
                       {"POST daily_metrics?select=value", MERGE "," ROWS, ROW("2025-03-19", "3"), "201 [{\"value\":3}]"},
                       {"POST daily_metrics?select=value", MERGE "," ROWS, ROW("2025-03-19", "2"), "200 [{\"value\":2}]"},
                       {"POST daily_metrics?select=value", MERGE "," ROWS, ROW("2025-03-19", "3"), "200 [{\"value\":3}]"},
                       {"GET daily_metrics?select=value&order=metric_date", NULL, NULL, "[{\"value\":3}, {\"value\":7}]"}));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value WHERE seq > 0"), 0);
}

/* The row is as old as its first value; what the value is since is said apart. */
static void an_upsert_does_not_make_a_row_anew(struct stores *s)
{
#define STAMPS "daily_metrics?select=value,created_at,updatedAt"
    written_all(s, SAY({"POST " STAMPS, ROWS, ROW("2025-03-20", "7"),
                        "201 [{\"value\":7,\"created_at\":\"2025-03-20T10:00:00+00:00\",\"updatedAt\":\"2025-03-20T10:00:00+00:00\"}]"},
                       {"AT 2025-03-20T11:00:00Z", NULL, NULL, ""},
                       {"POST " STAMPS, MERGE "," ROWS, ROW("2025-03-20", "8"),
                        "200 [{\"value\":8,\"created_at\":\"2025-03-20T10:00:00+00:00\",\"updatedAt\":\"2025-03-20T11:00:00+00:00\"}]"},
                       {"AT 2025-03-20T12:00:00Z", NULL, NULL, ""},
                       {"POST " STAMPS, MERGE "," ROWS, ROW("2025-03-20", "8"),
                        "200 [{\"value\":8,\"created_at\":\"2025-03-20T10:00:00+00:00\",\"updatedAt\":\"2025-03-20T11:00:00+00:00\"}]"},
                       {"GET " STAMPS "&created_at=lt.2025-03-20T10:30:00Z&updatedAt=gt.2025-03-20T10:30:00Z", NULL, NULL,
                        "[{\"value\":8,\"created_at\":\"2025-03-20T10:00:00+00:00\",\"updatedAt\":\"2025-03-20T11:00:00+00:00\"}]"}));
}

static bool it_is_late(void *ctx)
{
    ++*(int *)ctx;
    return true;
}

/* Who was told that it took too long finds nothing written, by a row or by a batch. */
static void what_is_late_is_not_written(struct stores *s)
{
    static const char row[] = ROW("2025-03-20", "7"), batch[] = "{\"rows\":[{\"external_id\":\"a\",\"day\":\"2025-03-20\",\"views\":1}]}";
    struct nilo_workspace w;
    struct nilo_notes notes;
    struct nilo_written out;
    int asked = 0;
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_workspace(s->store, "w", true, NULL, &w, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    for (int i = 0; i < 2; i++) {
        const char *body = i == 0 ? row : batch;
        const struct nilo_write write = {.verb = NILO_WRITE_POST, .relation = "daily_metrics", .query = "", .body = body, .body_len = strlen(body), .workspace = w.id,
                                         .workspace_name = "w", .scope = {.role = NILO_ROLE_SERVICE, .workspaces = &w.id, .n = 1}, .prefer.max_affected = -1,
                                         .late = it_is_late, .late_ctx = &asked};
        nilo_written_init(&out);
        assert_int_equal((i == 0 ? nilo_write_run : nilo_write_record)(s->store, &write, &out, &notes, &s->err), -1);
        assert_int_equal(s->err.code, NILO_ETIMEOUT);
        assert_non_null(strstr(s->err.msg, "nothing was written"));
        nilo_written_done(&out);
        assert_int_equal(asked, i + 1);
    }
    assert_int_equal(stores_int(s, "SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM observation) + (SELECT count(*) FROM entity)"), 0);
}

static void an_upsert_of_the_same_value_writes_nothing(struct stores *s)
{
    written_all(s, SAY({"POST daily_metrics", NULL, ROW("2025-03-20", "7"), "201"}, {"POST daily_metrics", MERGE, ROW("2025-03-20", "7"), "200"}));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run"), 1);
}

static void a_closed_day_keeps_its_value(struct stores *s)
{
    close_the_tenth(s);
    written_all(s, SAY({"POST daily_metrics?select=value", MERGE "," ROWS, ROW("2025-03-10", "5"), "200 [{\"value\":5}]"},
                       {"POST daily_metrics?select=value", MERGE "," ROWS, ROW("2025-03-10", "99"), "200 [{\"value\":5}]"},
                       {"POST daily_metrics?select=value", "resolution=ignore-duplicates," ROWS, ROW("2025-03-10", "99"), "200 []"},
                       {"GET daily_metrics?select=value", NULL, NULL, "[{\"value\":5}]"},
                       {"POST daily_metrics?select=value", ROWS, ROW("2025-03-09", "4"), "201 [{\"value\":4}]"}));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value WHERE seq > 0 AND cause <> 1"), 0); /* what is late is new */
}

#define TAKEN(day)                                                                                                     \
    "409 23505 duplicate key value violates unique constraint \"daily_metrics_metric_date_metric_type_metric_category_key\" / Key "        \
    "(metric_date, metric_type, metric_category)=(" day ", count, signups) already exists."

static void a_plain_insert_on_a_row_is_refused(struct stores *s)
{
    close_the_tenth(s);
    written_all(s, SAY({"POST daily_metrics", NULL, ROW("2025-03-10", "5"), TAKEN("2025-03-10")},
                       {"POST daily_metrics", NULL, ROW("2025-03-10", "99"), TAKEN("2025-03-10")},
                       {"POST daily_metrics", NULL, ROW("2025-03-12", "1"), "201"},
                       {"POST daily_metrics", NULL, ROW("2025-03-12", "1"), TAKEN("2025-03-12")},
                       {"POST daily_metrics", NULL, "[" ROW("2025-03-11", "1") "," ROW("2025-03-12", "1") "]", TAKEN("2025-03-12")},
                       {"POST daily_metrics", NULL, "[" ROW("2025-03-11", "1") "," ROW("2025-03-11", "1") "]", TAKEN("2025-03-11")},
                       {"GET daily_metrics?select=value&metric_date=eq.2025-03-11", NULL, NULL, "[]"}));
}

static void a_series_row_is_not_changed(struct stores *s)
{
    static const char stays[] = "403 42501 what was recorded for 2025-03-20 stays: rows of daily_metrics are neither changed nor deleted; put a value "
                                "right with nilometer revise";
    written_all(s, SAY({"POST daily_metrics", NULL, ROW("2025-03-20", "7"), "201"},
                       {"PATCH daily_metrics?metric_date=eq.2025-03-20", NULL, "{\"value\":1}", stays},
                       {"DELETE daily_metrics?metric_date=eq.2025-03-20", NULL, "{}", stays},
                       {"DELETE daily_metrics?metric_date=eq.2025-03-19", NULL, NULL, "204"},
                       {"PATCH daily_metrics?metric_date=eq.2025-03-19", ROWS, "{\"value\":1}", "200 []"},
                       {"PATCH daily_metrics", NULL, "{\"value\":1}", "400 21000 UPDATE requires a WHERE clause"},
                       {"DELETE daily_metrics", NULL, NULL, "400 21000 DELETE requires a WHERE clause"},
                       {"GET daily_metrics?select=value", NULL, NULL, "[{\"value\":7}]"}));
}

static void bulk_is_all_or_nothing(struct stores *s)
{
    written_all(s, SAY({"POST daily_metrics", "count=exact", "[" ROW("2025-03-18", "1") "," ROW("2025-03-19", "2") "," ROW("2025-03-20", "3") "]", "201 */3"},
                       {"POST daily_metrics", NULL, "[" ROW("2025-03-16", "1") "," ROW("2025-03-17", "null") "]",
                        "400 23502 null value in column \"value\" of relation \"daily_metrics\" violates not-null constraint / Failing row: number 2 of 2."},
                       {"POST daily_metrics", NULL, "[" ROW("2025-03-16", "1") "," ROW("2025-03-17", "-1") "]", "400 23514 *"},
                       {"POST daily_metrics?select=nonsense", ROWS, ROW("2025-03-16", "1"), "400 42703 *"},
                       {"GET daily_metrics?select=value&metric_date=lt.2025-03-18", NULL, NULL, "[]"},
                       {"POST daily_metrics?select=value", ROWS "," MERGE, "[" ROW("2025-03-20", "30") "," ROW("2025-03-17", "10") "]",
                        "201 [{\"value\":30}, {\"value\":10}]"},
                       {"POST daily_metrics?select=value", ROWS ",resolution=ignore-duplicates",
                        "[" ROW("2025-03-20", "31") "," ROW("2025-03-16", "11") "," ROW("2025-03-16", "12") "]", "201 [{\"value\":11}]"},
                       {"POST daily_metrics", MERGE, "[" ROW("2025-03-20", "1") "," ROW("2025-03-20", "2") "]", "400 21000 *"},
                       {"POST daily_metrics", ROWS, "[]", "201 []"}));
}

static void refusals(struct stores *s)
{
    static const struct say says[] = {
        {"POST daily_metric", NULL, "{}", "404 PGRST205 Could not find the table *"},
        {"POST owner_metrics", NULL, "{}", "403 42501 permission denied for table owner_metrics*"},
        {"POST daily_metrics", NULL, "", "400 PGRST102 Empty or invalid json*"},
        {"POST daily_metrics", NULL, "[1]", "400 PGRST102 Empty or invalid json*"},
        {"POST daily_metrics", NULL, "[{\"value\":1},{\"metric_date\":\"2025-03-20\"}]", "400 PGRST102 All object keys must match"},
        {"POST daily_metrics", NULL, "[{\"value\":1},{}]", "400 PGRST102 All object keys must match"},
        {"POST daily_metrics", NULL, "{\"valeu\":1}", "400 PGRST204 Could not find the 'valeu' column of 'daily_metrics' in the schema cache"},
        {"POST daily_metrics?columns=%22valeu%22", NULL, "{\"value\":1}", "400 PGRST204 *"},
        {"POST daily_metrics", NULL, ROW("yesterday", "1"), "400 22007 invalid input syntax for type date: \"yesterday\""},
        {"POST daily_metrics", NULL, ROW("2025-02-30", "1"), "400 22008 date/time field value out of range: \"2025-02-30\""},
        {"POST daily_metrics", NULL, ROW("2025-03-22", "1"), "400 22023 the day is in the future"},
        {"POST daily_metrics", NULL, ROW("2025-03-20", "\"abc\""), "400 22P02 invalid input syntax for type numeric: \"abc\""},
        {"POST daily_metrics", NULL, ROW("2025-03-20", "true"), "400 22P02 *"},
        {"POST daily_metrics", NULL, ROW("2025-03-20", "1e400"), "400 22003 *"},
        {"POST daily_metrics", NULL, ROW("2025-03-20", "0.12345678901"), "400 22003 *"},
        {"POST daily_metrics", NULL, "{\"metric_date\":\"2025-03-20\",\"metric_type\":\"gauge\",\"metric_category\":\"x\",\"value\":1}", "400 23514 *"},
        {"POST daily_metrics", NULL, "{\"metric_date\":\"2025-03-20\",\"metric_type\":\"count\",\"metric_category\":\"\",\"value\":1}", "400 23514 *"},
        {"POST daily_metrics", NULL, "{\"metric_date\":\"2025-03-20\",\"metric_type\":\"count\",\"metric_category\":\"x\"}", "400 23502 *"},
        {"POST daily_metrics?on_conflict=metric_date", MERGE, ROW("2025-03-20", "1"), "400 42P10 *"},
        {"POST daily_metrics", NULL, "{\"workspace\":\"other\",\"value\":1}", "404 PGRST125 there is no such workspace"},
    };
    written_all(s, says, sizeof says / sizeof says[0]);
    assert_string_equal(asked(s, "w", "daily_metrics"), "[]");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM metric WHERE name IN ('x', 'signups')"), 0);
}

static void only_the_service_writes(struct stores *s)
{
    static const enum nilo_role roles[] = {NILO_ROLE_ANON, NILO_ROLE_AUTHENTICATED, NILO_ROLE_ADMIN};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(written(s, roles[i], "w", "POST daily_metrics", NULL, ROW("2025-03-20", "1")),
                            "403 42501 new row violates row-level security policy for table \"daily_metrics\"");
    assert_string_equal(asked(s, "w", "daily_metrics"), "[]");
    /* rows of another workspace are not there, for anybody */
    written(s, NILO_ROLE_SERVICE, "other", "POST daily_metrics", NULL, ROW("2025-03-20", "1"));
    assert_string_equal(written(s, NILO_ROLE_SERVICE, "w", "DELETE daily_metrics?value=eq.1", NULL, NULL), "204");
    assert_string_equal(written(s, NILO_ROLE_SERVICE, "other", "DELETE daily_metrics?value=eq.1", NULL, NULL),
                        "403 42501 what was recorded for 2025-03-20 stays: rows of daily_metrics are neither changed nor deleted; put a value right with "
                        "nilometer revise");
}

static void columns_and_conflicts_are_named(struct stores *s)
{
    written_all(s, SAY({"POST daily_metrics?columns=%22metric_date%22,%22metric_type%22,metric_category,%22value%22&select=value", ROWS,
                        "[{\"metric_date\":\"2025-03-20\",\"metric_type\":\"count\",\"metric_category\":\"a\",\"value\":1,\"other\":[1,{}]},"
                        "{\"value\":2,\"metric_category\":\"b\",\"metric_type\":\"count\",\"metric_date\":\"2025-03-20\"}]",
                        "201 [{\"value\":1}, {\"value\":2}]"},
                       {"POST daily_metrics?columns=metric_date,value", NULL, "[{\"metric_date\":\"2025-03-20\",\"metric_type\":\"count\",\"value\":1}]",
                        "400 23502 null value in column \"metric_type\"*"},
                       {"POST daily_metrics?on_conflict=metric_category,metric_type,metric_date", MERGE, ROW("2025-03-20", "1"), "201"},
                       {"POST daily_metrics?on_conflict=id", MERGE, ROW("2025-03-20", "1"), "200"}));
}

/* SEMANTICS 1: any text, and the metadata whole. */
static void a_pair_defines_itself(struct stores *s)
{
    written_all(s, SAY({"POST daily_metrics?select=metric_category,value,metadata", ROWS,
                        "{\"metric_date\":\"2025-03-20\",\"metric_type\":\"aggregate\",\"metric_category\":\"Umsatz, \\\"netto\\\" (\\u20ac)\",\"value\":12.50,"
                        "\"metadata\":{\"breakdown\": {\"a\":1e2},\"note\":\"\\u0041\"}}",
                        "201 [{\"metric_category\":\"Umsatz, \\\"netto\\\" (\xe2\x82\xac)\",\"value\":12.5,\"metadata\":{\"breakdown\": {\"a\":1e2},\"note\":\"\\u0041\"}}]"},
                       {"POST daily_metrics?select=value,metadata", ROWS "," MERGE,
                        "{\"metric_date\":\"2025-03-20\",\"metric_type\":\"aggregate\",\"metric_category\":\"Umsatz, \\\"netto\\\" (\\u20ac)\",\"value\":13}",
                        "200 [{\"value\":13.0,\"metadata\":{\"breakdown\": {\"a\":1e2},\"note\":\"\\u0041\"}}]"},
                       {"POST daily_metrics?select=value", ROWS,
                        "{\"metric_date\":\"2025-03-20\",\"metric_type\":\"average\",\"metric_category\":\"mean\",\"value\":3.3333333333333335}",
                        "201 [{\"value\":3.333333}]"},
                       {"POST daily_metrics?select=value", ROWS,
                        "{\"metric_date\":\"2025-03-20\",\"metric_type\":\"count\",\"metric_category\":\"big\",\"value\":9007199254740993}",
                        "201 [{\"value\":9007199254740993}]"},
                       {"POST daily_metrics?select=value", ROWS,
                        "{\"metric_date\":\"2025-03-20\",\"metric_type\":\"count\",\"metric_category\":\"zero\",\"value\":-0}", "201 [{\"value\":0}]"}));
}

/* G29: what the server owns is not taken from a body. */
static void fields_of_the_server_change_nothing(struct stores *s)
{
    static const char *const owned[] = {"\"id\":\"00000000-0000-0000-0000-000000000001\"", "\"created_at\":\"2001-01-01T00:00:00Z\"",
                                        "\"connection\":\"elsewhere\"", "\"provenance\":\"imported\""};
    char body[512];
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        snprintf(body, sizeof body, "{%s,\"metric_date\":\"2025-03-20\",\"metric_type\":\"count\",\"metric_category\":\"c%zu\",\"value\":1}", owned[i], i);
        assert_string_equal(written(s, NILO_ROLE_SERVICE, "w", "POST daily_metrics", NULL, body), "201");
    }
    const char *got = asked(s, "w", "daily_metrics?select=created_at,connection,provenance");
    assert_string_equal(got, "[{\"created_at\":\"2025-03-20T10:00:00+00:00\",\"connection\":\"push\",\"provenance\":\"observed\"}, "
                             "{\"created_at\":\"2025-03-20T10:00:00+00:00\",\"connection\":\"push\",\"provenance\":\"observed\"}, "
                             "{\"created_at\":\"2025-03-20T10:00:00+00:00\",\"connection\":\"push\",\"provenance\":\"observed\"}, "
                             "{\"created_at\":\"2025-03-20T10:00:00+00:00\",\"connection\":\"push\",\"provenance\":\"observed\"}]");
}

/* A category that a connection counts already stays with it: one row a day, not two. */
static void a_category_stays_where_it_is(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "shop", "sql", "file");
    const struct nilo_metric m = {.name = "signups", .type = NILO_COUNT, .kind = NILO_PERIOD, .aggregation = NILO_LEVEL, .active = true}, *made;
    struct nilo_recorder *r;
    struct nilo_run run;
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_metric_define(s->store, &m, &made, &s->err));
    const struct nilo_run_options o = {.kind = NILO_RUN_COLLECT, .provenance = NILO_OBSERVED, .target_day = NILO_DAY_NONE};
    const struct nilo_reading_value v = {.metric = made->id, .value = 4, .absence = NILO_PRESENT};
    const struct nilo_reading reading = {.kind = NILO_APP, .external_id = NILO_APP_ID, .captured_at = stores_us("2025-03-20T09:00:00Z"),
                                         .day = stores_day("2025-03-20"), .values = &v, .n_values = 1};
    ok(s, nilo_record_begin(s->store, &c, &o, &r, &s->err));
    ok(s, nilo_record_add(r, &reading, &s->err));
    ok(s, nilo_record_finish(r, NULL, &arena, &run, &s->err));
    nilo_arena_done(&arena);
    written_all(s, SAY({"POST daily_metrics", NULL, ROW("2025-03-20", "5"), TAKEN("2025-03-20")},
                       {"POST daily_metrics?select=value", MERGE "," ROWS, ROW("2025-03-20", "5"), "200 [{\"value\":5}]"},
                       {"GET daily_metrics?select=value,connection", NULL, NULL, "[{\"value\":5,\"connection\":\"shop\"}]"}));
}

static void a_thousand_rows_come_back_in_their_order(struct stores *s)
{
    struct nilo_buf body, want;
    nilo_buf_init(&body, 1 << 24);
    nilo_buf_init(&want, 1 << 24);
    nilo_buf_adds(&want, "201 [");
    for (int i = 0; i < 1200; i++) {
        char day[NILO_DAY_TEXT];
        int at = (i * 7) % 1200; /* any order */
        nilo_day_format(NILO_DAY(stores_day("2025-03-20").n - at % 300), day);
        nilo_buf_addf(&body, "%s{\"metric_date\":\"%s\",\"metric_type\":\"count\",\"metric_category\":\"m%d\",\"value\":%d}", i ? "," : "[", day, at / 300, at);
        nilo_buf_addf(&want, "%s{\"value\":%d}", i ? ", " : "", at);
    }
    nilo_buf_adds(&body, "]");
    nilo_buf_adds(&want, "]");
    assert_string_equal(written(s, NILO_ROLE_SERVICE, "w", "POST daily_metrics?select=value", ROWS, nilo_buf_str(&body)), nilo_buf_str(&want));
    nilo_buf_done(&body);
    nilo_buf_done(&want);
}

/* One collection_timestamp for rows of many days, as a move from another database brings it. */
/* Names that come in a flood: rows of items have columns for the first of them only, and can be asked for whole whatever comes. */
static void a_flood_of_names_fits_into_rows_of_items(struct stores *s)
{
    enum { NAMES = 1200 };
    struct nilo_buf body;
    nilo_buf_init(&body, (size_t)1 << 20);
    for (int i = 0; i < NAMES; i++)
        nilo_buf_addf(&body, "%c{\"metric_date\":\"2025-03-20\",\"metric_type\":\"count\",\"metric_category\":\"flood_%d\",\"value\":%d}", i == 0 ? '[' : ',', i, i);
    nilo_buf_addc(&body, ']');
    assert_string_equal(written(s, NILO_ROLE_SERVICE, "w", "POST daily_metrics", NULL, nilo_buf_str(&body)), "201");
    nilo_buf_done(&body);
    written_all(s, SAY({"POST content_snapshots?select=views", ROWS, "{\"external_id\":\"a\",\"day\":\"2025-03-20\",\"views\":3}", "201 [{\"views\":3}]"},
                       {"GET content_latest", NULL, NULL, "[{\"workspace\":\"w\"*"}, {"GET owner_daily", NULL, NULL, "[]"},
                       {"GET content_latest?select=flood_1", NULL, NULL, "[{\"flood_1\":null}]"},
                       {"GET daily_metrics?select=value&metric_category=in.(flood_1,flood_1199)&order=value", NULL, NULL, "[{\"value\":1}, {\"value\":1199}]"},
                       {"GET metric_values?select=value&metric=eq.flood_1199", NULL, NULL, "[{\"value\":1199}]"}));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM metric WHERE wide = 1"), 256);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM metric WHERE name LIKE 'flood%'"), NAMES);
}

static void days_are_what_was_posted(struct stores *s)
{
#define AT(day, value)                                                                                                 \
    "{\"metric_date\":\"" day "\",\"metric_type\":\"count\",\"metric_category\":\"m\",\"value\":" value ",\"collection_timestamp\":\"2025-03-20T08:00:00\"}"
    written_all(s, SAY({"POST daily_metrics?select=metric_date,value,collection_timestamp", ROWS, "[" AT("2025-03-18", "1") "," AT("2025-03-19", "2") "]",
                        "201 [{\"metric_date\":\"2025-03-18\",\"value\":1,\"collection_timestamp\":\"2025-03-20T08:00:00+00:00\"}, "
                        "{\"metric_date\":\"2025-03-19\",\"value\":2,\"collection_timestamp\":\"2025-03-20T08:00:00+00:00\"}]"}));
}

static void a_limit_of_rows_is_kept(struct stores *s)
{
    written_all(s, SAY({"POST daily_metrics", "max-affected=1", "[" ROW("2025-03-19", "2") "," ROW("2025-03-20", "3") "]",
                        "400 PGRST124 *"},
                       {"GET daily_metrics", NULL, NULL, "[]"},
                       {"POST daily_metrics", "max-affected=2", "[" ROW("2025-03-19", "2") "," ROW("2025-03-20", "3") "]", "201"}));
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_row_is_recorded_and_given_back),
        STORES_TEST(an_upsert_on_an_open_day_replaces),
        STORES_TEST(what_is_late_is_not_written),
        STORES_TEST(an_upsert_does_not_make_a_row_anew),
        STORES_TEST(an_upsert_of_the_same_value_writes_nothing),
        STORES_TEST(a_closed_day_keeps_its_value),
        STORES_TEST(a_plain_insert_on_a_row_is_refused),
        STORES_TEST(a_series_row_is_not_changed),
        STORES_TEST(bulk_is_all_or_nothing),
        STORES_TEST(refusals),
        STORES_TEST(only_the_service_writes),
        STORES_TEST(columns_and_conflicts_are_named),
        STORES_TEST(a_pair_defines_itself),
        STORES_TEST(fields_of_the_server_change_nothing),
        STORES_TEST(a_category_stays_where_it_is),
        STORES_TEST(a_thousand_rows_come_back_in_their_order),
        STORES_TEST(a_flood_of_names_fits_into_rows_of_items),
        STORES_TEST(days_are_what_was_posted),
        STORES_TEST(a_limit_of_rows_is_kept),
    };
    return stores_run("writing daily_metrics", tests, sizeof tests / sizeof tests[0]);
}
