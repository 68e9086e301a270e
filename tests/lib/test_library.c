/* What the library promises, on SQLite and on PostgreSQL: what goes in comes out, days close, scopes hold, structs of other versions work. */
#include "support/nilo_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/day.h"
#include "db/db.h"
#include "support/pg.h"
#include "support/tmp.h"

#include <nilometer.h>

/* ---- a store for each test, on each engine ------------------------------------------------------------------------------------------ */

struct world {
    const char *target;
    bool postgres;
    struct nilometer *n;
    int64_t now;
};

static int64_t us(const char *iso)
{
    struct nilo_iso at;
    assert_int_equal(nilo_iso_parse(iso, strlen(iso), &at, NULL), 0);
    return at.us;
}

static int64_t clock_of(void *ctx)
{
    return ((struct world *)ctx)->now;
}

static void check(struct world *w, int got, int wanted, const char *call, int line)
{
    if (got == wanted)
        return;
    print_error("%s gave %d, not %d: %s\n", call, got, wanted, nilometer_message(w->n));
    _fail(__FILE__, line);
}
#define OK(w, call)          check((w), (call), NILOMETER_OK, #call, __LINE__)
#define GIVES(w, code, call) check((w), (call), (code), #call, __LINE__)

static void reopen(struct world *w, int mode, const char *const *scope, size_t n_scope)
{
    struct nilometer_options o = NILOMETER_OPTIONS_INIT;
    nilometer_close(w->n);
    o.mode = mode;
    o.clock = clock_of;
    o.clock_ctx = w;
    o.workspaces = scope;
    o.n_workspaces = n_scope;
    OK(w, nilometer_open(w->target, &o, &w->n));
}

/* One value of one item on one day. */
static int add(struct world *w, const char *id, const char *day, const char *metric, const char *text)
{
    const struct nilometer_value v = {metric, text, 0, 0, NULL, NULL};
    struct nilometer_reading r = NILOMETER_READING_INIT;
    r.external_id = id;
    r.day = day;
    r.values = &v;
    r.n_values = 1;
    return nilometer_add(w->n, &r);
}

static struct nilometer_summary push(struct world *w, int kind, const char *id, const char *day, const char *text)
{
    struct nilometer_run run = NILOMETER_RUN_INIT;
    struct nilometer_summary done = NILOMETER_SUMMARY_INIT;
    run.kind = kind;
    run.workspace = "studio";
    run.connection = "c";
    OK(w, nilometer_begin(w->n, &run));
    OK(w, add(w, id, day, "views", text));
    OK(w, nilometer_commit(w->n, &done));
    return done;
}

struct answer {
    char text[8192];
    size_t len;
};

static int gather(void *ctx, const char *bytes, size_t n)
{
    struct answer *a = ctx;
    assert_true(a->len + n < sizeof a->text);
    memcpy(a->text + a->len, bytes, n);
    a->len += n;
    a->text[a->len] = '\0';
    return 0;
}

static void expect(struct world *w, const char *request, const char *csv)
{
    struct answer a = {.len = 0};
    OK(w, nilometer_write(w->n, request, NILOMETER_FORMAT_CSV, gather, &a));
    assert_string_equal(a.text, csv);
}

/* ---- recording ------------------------------------------------------------------------------------------------------------------------ */

static void readings_come_back_and_the_summary_counts_them(struct world *w)
{
    struct nilometer_run run = NILOMETER_RUN_INIT;
    struct nilometer_summary done = NILOMETER_SUMMARY_INIT;
    const struct nilometer_value values[] = {{"views", NULL, 1200, 0, NULL, NULL},
                                             {"likes", "96", 0, 0, NULL, NULL},
                                             {"shares", NULL, 0, 0, "hidden", NULL},
                                             {"ctr", "0.04256789", 0, 0, NULL, "{\"sample_size\": 40}"}};
    struct nilometer_reading r = NILOMETER_READING_INIT;
    run.workspace = "studio";
    run.platform = "youtube";
    OK(w, nilometer_begin(w->n, &run));
    r.external_id = "v1";
    r.captured_at = us("2025-03-19T09:00:00Z");
    r.values = values;
    r.n_values = 4;
    r.owner = "mia";
    r.title = "Opening night";
    r.posted_at = us("2025-01-01T00:00:00Z");
    OK(w, nilometer_add(w->n, &r));
    r.captured_at = us("2025-03-19T12:00:00Z");
    r.n_values = 1;
    OK(w, nilometer_add(w->n, &r));
    OK(w, nilometer_add(w->n, &r)); /* the same instant again */
    OK(w, nilometer_commit(w->n, &done));
    assert_string_equal(done.status, "completed");
    assert_string_equal(done.first_day, "2025-03-19");
    assert_string_equal(done.last_day, "2025-03-19");
    assert_int_equal(done.run, 1);
    assert_int_equal(done.readings, 3);
    assert_int_equal(done.items, 1);
    assert_int_equal(done.recorded, 4);
    assert_int_equal(done.replaced, 1);
    assert_int_equal(done.merged_readings, 1);
    assert_int_equal(done.merged, 1);
    assert_int_equal(done.refused_readings, 0);
    expect(w, "content_latest?select=workspace,connection,platform,external_id,owner,title,posted_at,day,views,likes,shares,ctr,absence",
           "workspace,connection,platform,external_id,owner,title,posted_at,day,views,likes,shares,ctr,absence\n"
           "studio,push-youtube,youtube,v1,\"[\"\"mia\"\"]\",Opening night,2025-01-01T00:00:00+00:00,2025-03-19,1200,96,,0.042568,"
           "\"{\"\"shares\"\":\"\"hidden\"\"}\"\n");
    expect(w, "owner_metrics?select=owner,views", "owner,views\nmia,1200\n");
    expect(w, "runs?select=kind,status,provenance", "kind,status,provenance\npush,completed,observed\n");
}

static void values_are_exact_or_refused(struct world *w)
{
    static const struct {
        struct nilometer_value value;
        int code;
        const char *stored; /* NULL: refused */
    } rows[] = {
        {{"views", "9223372036854775807", 0, 0, NULL, NULL}, NILOMETER_OK, "9223372036854775807"},
        {{"views", "9223372036854775808", 0, 0, NULL, NULL}, NILOMETER_EOVERFLOW, NULL},
        {{"views", "1234.0", 0, 0, NULL, NULL}, NILOMETER_OK, "1234"},
        {{"views", "1.5", 0, 0, NULL, NULL}, NILOMETER_EINVAL, NULL},
        {{"views", "12,345", 0, 0, NULL, NULL}, NILOMETER_ENUMBER, NULL},
        {{"views", "", 0, 0, NULL, NULL}, NILOMETER_ENUMBER, NULL},
        {{"gpm", NULL, INT64_MIN, 2, NULL, NULL}, NILOMETER_OK, "-92233720368547758.08"},
        {{"views", NULL, -1, 0, NULL, NULL}, NILOMETER_EINVAL, NULL},
        {{"views", NULL, 1500, 2, NULL, NULL}, NILOMETER_OK, "15"},
        {{"views", NULL, 1501, 2, NULL, NULL}, NILOMETER_EINVAL, NULL},
        {{"views", NULL, 1, 10, NULL, NULL}, NILOMETER_EINVAL, NULL},
        {{"views", NULL, 1, -1, NULL, NULL}, NILOMETER_EINVAL, NULL},
        {{"ctr", NULL, 425, 4, NULL, NULL}, NILOMETER_OK, "0.042500"},
        {{"ctr", "0.0000005", 0, 0, NULL, NULL}, NILOMETER_OK, "0.000000"}, /* half to even */
        {{"ctr", NULL, 15, 7, NULL, NULL}, NILOMETER_OK, "0.000002"},
        {{"ctr", NULL, INT64_MAX, 0, NULL, NULL}, NILOMETER_EOVERFLOW, NULL},
        {{"views", NULL, 0, 0, "hidden", NULL}, NILOMETER_OK, ""},
        {{"views", NULL, 0, 0, "present", NULL}, NILOMETER_EINVAL, NULL},
        {{"views", NULL, 0, 0, "because", NULL}, NILOMETER_EINVAL, NULL},
        {{"views", "1", 0, 0, "hidden", NULL}, NILOMETER_EINVAL, NULL},
        {{"views", "1", 0, 0, NULL, "[1]"}, NILOMETER_EBODY, NULL},
        {{"views", "1", 0, 0, NULL, "{\"a\":"}, NILOMETER_EBODY, NULL},
        {{"viewz", "1", 0, 0, NULL, NULL}, NILOMETER_EINVAL, NULL},
        {{NULL, "1", 0, 0, NULL, NULL}, NILOMETER_EINVAL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nilometer_run run = NILOMETER_RUN_INIT;
        struct nilometer_summary done = NILOMETER_SUMMARY_INIT;
        struct nilometer_reading r = NILOMETER_READING_INIT;
        char id[16], request[128], csv[64];
        snprintf(id, sizeof id, "v%zu", i);
        r.external_id = id;
        r.day = "2025-03-19";
        r.values = &rows[i].value;
        r.n_values = 1;
        OK(w, nilometer_begin(w->n, &run));
        GIVES(w, rows[i].code, nilometer_add(w->n, &r));
        OK(w, nilometer_commit(w->n, &done));
        assert_int_equal(done.refused_readings, rows[i].stored == NULL);
        assert_int_equal(nilometer_refusals(w->n), rows[i].stored == NULL);
        assert_string_equal(done.status, rows[i].stored == NULL ? "partial" : "completed");
        if (rows[i].stored == NULL)
            continue;
        const char *metric = rows[i].value.metric;
        snprintf(request, sizeof request, "content_snapshots?external_id=eq.%s&select=%s", id, metric);
        snprintf(csv, sizeof csv, "%s\n%s\n", metric, rows[i].stored);
        expect(w, request, csv);
    }
}

static void what_is_wrong_with_a_reading_refuses_it_alone(struct world *w)
{
    static char bad_utf8[] = "caf\xe9";
    static const struct {
        const char *id, *day;
        int64_t at;
        int window, kind;
        const char *title, *tags, *provenance;
        int code;
        const char *says;
    } rows[] = {
        {"v", "2025-02-30", NILOMETER_NO_TIME, 0, 0, NULL, NULL, NULL, NILOMETER_EDATERANGE, "2025-02-30"},
        {"v", "19.3.2025", NILOMETER_NO_TIME, 0, 0, NULL, NULL, NULL, NILOMETER_EDATE, "19.3.2025"},
        {"v", NULL, NILOMETER_NO_TIME, 0, 0, NULL, NULL, NULL, NILOMETER_EINVAL, "needs captured_at or a day"},
        {"v", "2025-03-21", NILOMETER_NO_TIME, 0, 0, NULL, NULL, NULL, NILOMETER_EINVAL, "future"},
        {"v", NULL, INT64_MAX, 0, 0, NULL, NULL, NULL, NILOMETER_EINVAL, "future"},
        {"v", NULL, INT64_MIN + 1, 0, 0, NULL, NULL, NULL, NILOMETER_EDATERANGE, "before 0001-01-01"},
        {NULL, "2025-03-19", NILOMETER_NO_TIME, 0, 0, NULL, NULL, NULL, NILOMETER_EINVAL, "external id"},
        {"", "2025-03-19", NILOMETER_NO_TIME, 0, 0, NULL, NULL, NULL, NILOMETER_EINVAL, "external id"},
        {bad_utf8, "2025-03-19", NILOMETER_NO_TIME, 0, 0, NULL, NULL, NULL, NILOMETER_EINVAL, "UTF-8"},
        {"$app", "2025-03-19", NILOMETER_NO_TIME, 0, 0, NULL, NULL, NULL, NILOMETER_EINVAL, "reserved"},
        {"v", "2025-03-19", NILOMETER_NO_TIME, 0, NILOMETER_APP, NULL, NULL, NULL, NILOMETER_EINVAL, "no external_id"},
        {"v", "2025-03-19", NILOMETER_NO_TIME, 0, 7, NULL, NULL, NULL, NILOMETER_EINVAL, "kind of entity 7"},
        {"v", "2025-03-19", NILOMETER_NO_TIME, 0, -1, NULL, NULL, NULL, NILOMETER_EINVAL, "kind of entity -1"},
        {"v", "2025-03-19", NILOMETER_NO_TIME, -1, 0, NULL, NULL, NULL, NILOMETER_EINVAL, "window_days"},
        {"v", "2025-03-19", NILOMETER_NO_TIME, 3661, 0, NULL, NULL, NULL, NILOMETER_EINVAL, "window_days"},
        {"v", "2025-03-19", NILOMETER_NO_TIME, 0, 0, bad_utf8, NULL, NULL, NILOMETER_EINVAL, "title is not valid UTF-8"},
        {"v", "2025-03-19", NILOMETER_NO_TIME, 0, 0, NULL, "[]", NULL, NILOMETER_EBODY, "tags"},
        {"v", "2025-03-19", NILOMETER_NO_TIME, 0, 0, NULL, NULL, "guessed", NILOMETER_EINVAL, "provenance"},
    };
    const size_t n = sizeof rows / sizeof rows[0];
    struct nilometer_summary done = NILOMETER_SUMMARY_INIT;
    const struct nilometer_value v = {"views", "1", 0, 0, NULL, NULL};
    OK(w, nilometer_begin(w->n, NULL));
    for (size_t i = 0; i < n; i++) {
        struct nilometer_reading r = NILOMETER_READING_INIT;
        r.external_id = rows[i].id;
        r.day = rows[i].day;
        r.captured_at = rows[i].at;
        r.window_days = rows[i].window;
        r.kind = rows[i].kind;
        r.title = rows[i].title;
        r.tags = rows[i].tags;
        r.provenance = rows[i].provenance;
        r.values = &v;
        r.n_values = 1;
        GIVES(w, rows[i].code, nilometer_add(w->n, &r));
        if (strstr(nilometer_message(w->n), rows[i].says) == NULL)
            fail_msg("row %zu says: %s", i, nilometer_message(w->n));
    }
    OK(w, add(w, "good", "2025-03-19", "views", "5"));
    OK(w, nilometer_commit(w->n, &done));
    assert_string_equal(done.status, "partial");
    assert_int_equal(done.readings, n + 1);
    assert_int_equal(done.refused_readings, n);
    assert_int_equal(done.recorded, 1);
    expect(w, "content_latest?select=external_id,views", "external_id,views\ngood,5\n");
}

static void reasons_are_counted_and_the_first_item_named(struct world *w)
{
    struct nilometer_summary done = NILOMETER_SUMMARY_INIT;
    int64_t count = 0;
    OK(w, nilometer_begin(w->n, NULL));
    for (int i = 0; i < 100; i++) {
        char id[16], text[16], metric[24];
        snprintf(id, sizeof id, "v%d", i);
        snprintf(text, sizeof text, "x%d", i);
        snprintf(metric, sizeof metric, "no_such_%d", i);
        GIVES(w, NILOMETER_ENUMBER, add(w, id, "2025-03-19", "views", text));
        GIVES(w, NILOMETER_EINVAL, add(w, id, "2025-03-19", metric, "1"));
    }
    OK(w, nilometer_commit(w->n, &done));
    assert_int_equal(done.refused_readings, 200);
    assert_int_equal(nilometer_refusals(w->n), 33);
    const char *first = nilometer_refusal(w->n, 0, &count);
    assert_non_null(strstr(first, "views"));
    assert_non_null(strstr(first, "(first: item v0)"));
    assert_int_equal(count, 100);
    assert_string_equal(nilometer_refusal(w->n, 32, &count), "other reasons");
    assert_int_equal(count, 100 - 31);
    assert_null(nilometer_refusal(w->n, 33, NULL));
    OK(w, nilometer_begin(w->n, NULL)); /* and a new run has none */
    assert_int_equal(nilometer_refusals(w->n), 0);
    OK(w, nilometer_abort(w->n));
}

/* ---- closed days --------------------------------------------------------------------------------------------------------------------------- */

static void a_closed_day_is_amended_by_a_push_and_not_by_an_import(struct world *w)
{
    push(w, NILOMETER_PUSH, "v", "2025-03-19", "100");
    int days = -1;
    w->now = us("2025-03-21T00:00:00Z") - 1;
    OK(w, nilometer_seal(w->n, &days));
    assert_int_equal(days, 0); /* it settles for a day */
    w->now = us("2025-03-21T00:00:00Z");
    OK(w, nilometer_seal(w->n, &days));
    assert_int_equal(days, 1);
    w->now = us("2025-03-21T12:00:00Z");
    assert_int_equal(push(w, NILOMETER_PUSH, "v", "2025-03-19", "100").unchanged, 1);
    assert_int_equal(push(w, NILOMETER_PUSH, "v", "2025-03-19", "110").amended, 1);
    struct nilometer_summary refused = push(w, NILOMETER_IMPORT, "v", "2025-03-19", "120");
    assert_int_equal(refused.refused, 1);
    assert_int_equal(nilometer_refusals(w->n), 1);
    assert_non_null(strstr(nilometer_refusal(w->n, 0, NULL), "closed day"));
    assert_int_equal(push(w, NILOMETER_REVISE, "v", "2025-03-19", "90").amended, 1);
    expect(w, "content_snapshots?select=day,views", "day,views\n2025-03-19,90\n");
    expect(w, "content_snapshots?select=day,views&as_of=2025-03-21T06:00:00Z", "day,views\n2025-03-19,100\n");
    expect(w, "revisions?select=cause,value,author&order=seq", "cause,value,author\nrestated,110,\ncorrected,90,unknown\n");
}

static void a_commit_closes_the_days_that_may_close(struct world *w)
{
    struct nilometer_summary done = push(w, NILOMETER_PUSH, "v", "2025-03-15", "1");
    assert_int_equal(done.days_closed, 4); /* the clock says the 20th: the 15th to the 18th */
}

static void a_slot_is_done_once(struct world *w)
{
    struct nilometer_run run = NILOMETER_RUN_INIT;
    run.slot = "nightly 2025-03-19";
    OK(w, nilometer_begin(w->n, &run));
    OK(w, add(w, "v", "2025-03-19", "views", "1"));
    OK(w, nilometer_commit(w->n, NULL));
    GIVES(w, NILOMETER_EEXIST, nilometer_begin(w->n, &run));
    OK(w, nilometer_begin(w->n, NULL)); /* the handle goes on */
    OK(w, nilometer_abort(w->n));
}

static void a_dry_run_records_nothing(struct world *w)
{
    struct nilometer_run run = NILOMETER_RUN_INIT;
    struct nilometer_summary done = NILOMETER_SUMMARY_INIT;
    run.dry_run = 1;
    run.workspace = "studio";
    run.connection = "c";
    GIVES(w, NILOMETER_ENOENT, nilometer_begin(w->n, &run));
    expect(w, "workspaces?select=name", "name\n");
    push(w, NILOMETER_PUSH, "v", "2025-03-19", "1");
    OK(w, nilometer_begin(w->n, &run));
    OK(w, add(w, "v", "2025-03-20", "views", "2"));
    OK(w, nilometer_commit(w->n, &done));
    assert_int_equal(done.recorded, 1);
    expect(w, "content_snapshots?select=day,views", "day,views\n2025-03-19,1\n");
}

static void an_aborted_run_leaves_nothing_of_its_open_part(struct world *w)
{
    OK(w, nilometer_begin(w->n, NULL));
    OK(w, add(w, "v", "2025-03-19", "views", "1"));
    OK(w, nilometer_abort(w->n));
    GIVES(w, NILOMETER_EMISUSE, nilometer_commit(w->n, NULL));
    expect(w, "content_latest?select=external_id", "external_id\n");
    expect(w, "runs?select=status,error", "status,error\nfailed,aborted by the program that recorded\n");
    OK(w, nilometer_begin(w->n, NULL)); /* closing the handle aborts as well */
    reopen(w, NILOMETER_READ, NULL, 0);
    expect(w, "runs?select=status&order=id", "status\nfailed\nfailed\n");
}

static void the_app_has_metrics_of_its_own(struct world *w)
{
    struct nilometer_metric m = NILOMETER_METRIC_INIT;
    struct nilometer_reading r = NILOMETER_READING_INIT;
    const struct nilometer_value v = {"plugins_sold", "3", 0, 0, NULL, NULL};
    m.name = "plugins_sold";
    m.kind = "period";
    m.aggregation = "flow";
    m.display_name = "Plugins sold";
    OK(w, nilometer_define(w->n, &m));
    OK(w, nilometer_define(w->n, &m));
    m.aggregation = "level";
    GIVES(w, NILOMETER_EEXIST, nilometer_define(w->n, &m));
    m.aggregation = NULL;
    m.type = "average";
    GIVES(w, NILOMETER_EEXIST, nilometer_define(w->n, &m));
    m.type = "sum";
    GIVES(w, NILOMETER_EINVAL, nilometer_define(w->n, &m));
    m.type = NULL;
    m.name = "Plugins";
    GIVES(w, NILOMETER_EINVAL, nilometer_define(w->n, &m));
    m.name = "plugin_sales";
    m.scale = 2;
    m.currency = "eur";
    GIVES(w, NILOMETER_EINVAL, nilometer_define(w->n, &m));
    m.currency = "EURO";
    GIVES(w, NILOMETER_EINVAL, nilometer_define(w->n, &m));
    m.currency = "EUR";
    OK(w, nilometer_define(w->n, &m));
    OK(w, nilometer_begin(w->n, NULL));
    r.kind = NILOMETER_APP;
    r.day = "2025-03-19";
    r.values = &v;
    r.n_values = 1;
    OK(w, nilometer_add(w->n, &r));
    OK(w, nilometer_commit(w->n, NULL));
    expect(w, "daily_metrics?select=metric_date,metric_category,value", "metric_date,metric_category,value\n2025-03-19,plugins_sold,3\n");
    expect(w, "rpc/timeseries?metric=plugins_sold&from=2025-03-18&to=2025-03-19&step=day",
           "period,value,change,span_days,items,known,fresh,provenance,absence,open\n"
           "2025-03-18,,,,0,0,0,,not_collected,false\n2025-03-19,3,,,1,1,1,observed,,false\n");
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------------------ */

static void each_kind_of_column_has_its_type_text_and_number(struct world *w)
{
    struct nilometer_rows *rows = NULL;
    int64_t number = 0;
    int scale = -1;
    size_t len = 0;
    push(w, NILOMETER_PUSH, "v", "2025-03-19", "42");
    OK(w, nilometer_query(w->n, "content_latest?select=external_id,day,captured_at,views,likes,ctr,absence", &rows));
    nilometer_close(w->n); /* the rows stand by themselves */
    w->n = NULL;
    assert_int_equal(nilometer_rows_count(rows), 1);
    const struct nilometer_row *row = nilometer_rows_next(rows);
    assert_null(nilometer_rows_next(rows));
    assert_ptr_equal(nilometer_rows_at(rows, 0), row);
    assert_null(nilometer_rows_at(rows, 1));
    static const int types[] = {NILOMETER_TEXT, NILOMETER_DAY, NILOMETER_TIME, NILOMETER_INT, NILOMETER_INT, NILOMETER_DECIMAL,
                                NILOMETER_JSON};
    assert_int_equal(nilometer_row_columns(row), 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(nilometer_row_type(row, i), types[i]);
    assert_string_equal(nilometer_row_name(row, 1), "day");
    assert_string_equal(nilometer_row_text(row, 0, &len), "v");
    assert_int_equal(len, 1);
    assert_string_equal(nilometer_row_text(row, 1, NULL), "2025-03-19");
    assert_ptr_equal(nilometer_row_text(row, 1, NULL), nilometer_row_text(row, 1, NULL));
    assert_int_equal(nilometer_row_number(row, 1, &number, NULL), NILOMETER_OK);
    assert_int_equal(number, 20166);
    assert_int_equal(nilometer_row_number(row, 2, &number, NULL), NILOMETER_OK);
    assert_true(number == us("2025-03-20T00:00:00Z") - 1);
    assert_int_equal(nilometer_row_number(row, 3, &number, &scale), NILOMETER_OK);
    assert_int_equal(number, 42);
    assert_int_equal(scale, 0);
    assert_int_equal(nilometer_row_null(row, 4), 1);
    assert_null(nilometer_row_text(row, 4, NULL));
    assert_int_equal(nilometer_row_number(row, 4, &number, NULL), NILOMETER_ENULL);
    assert_int_equal(nilometer_row_number(row, 0, &number, NULL), NILOMETER_EINVAL);
    assert_int_equal(nilometer_row_number(row, 7, &number, NULL), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_row_number(row, 3, NULL, NULL), NILOMETER_EMISUSE);
    assert_string_equal(nilometer_row_text(row, 6, NULL), "{}");
    /* behind the end, and of nothing */
    assert_null(nilometer_row_name(row, 7));
    assert_int_equal(nilometer_row_type(row, 7), 0);
    assert_int_equal(nilometer_row_null(row, 7), 1);
    assert_null(nilometer_row_text(row, 7, NULL));
    nilometer_rows_free(rows);
    reopen(w, NILOMETER_READ, NULL, 0);
    OK(w, nilometer_query(w->n, "metric_definitions?metric_category=eq.views&select=id,is_active", &rows));
    row = nilometer_rows_next(rows);
    assert_int_equal(nilometer_row_type(row, 0), NILOMETER_UUID);
    assert_int_equal(strlen(nilometer_row_text(row, 0, NULL)), 36);
    assert_int_equal(nilometer_row_type(row, 1), NILOMETER_BOOL);
    assert_string_equal(nilometer_row_text(row, 1, NULL), "true");
    assert_int_equal(nilometer_row_number(row, 1, &number, NULL), NILOMETER_OK);
    assert_int_equal(number, 1);
    nilometer_rows_free(rows);
}

static void a_fraction_needs_a_place_for_its_scale_and_a_sum_may_be_too_large(struct world *w)
{
    struct nilometer_rows *rows = NULL;
    int64_t number = 7;
    int scale = 0;
    OK(w, nilometer_begin(w->n, NULL));
    OK(w, add(w, "a", "2025-03-19", "ctr", "0.25"));
    OK(w, add(w, "a", "2025-03-18", "views", "9223372036854775807"));
    OK(w, add(w, "b", "2025-03-18", "views", "1"));
    OK(w, nilometer_commit(w->n, NULL));
    OK(w, nilometer_query(w->n, "content_snapshots?external_id=eq.a&day=eq.2025-03-19&select=ctr", &rows));
    const struct nilometer_row *row = nilometer_rows_next(rows);
    assert_int_equal(nilometer_row_number(row, 0, &number, NULL), NILOMETER_EINVAL);
    assert_int_equal(nilometer_row_number(row, 0, &number, &scale), NILOMETER_OK);
    assert_int_equal(number, 250000);
    assert_int_equal(scale, 6);
    nilometer_rows_free(rows);
    OK(w, nilometer_query(w->n, "rpc/timeseries?metric=views&from=2025-03-18&to=2025-03-18", &rows));
    row = nilometer_rows_next(rows);
    number = 7;
    assert_int_equal(nilometer_row_number(row, 1, &number, &scale), NILOMETER_EOVERFLOW);
    assert_int_equal(number, 7);
    assert_string_equal(nilometer_row_text(row, 1, NULL), "9223372036854775808");
    nilometer_rows_free(rows);
}

static void requests_that_are_wrong_say_so(struct world *w)
{
    static const struct {
        const char *request;
        int code;
        const char *says;
    } rows[] = {
        {"content_latst", NILOMETER_ERELATION, "content_latest"},
        {"content_latest?vews=gt.1", NILOMETER_ECOLUMN, "vews"},
        {"content_latest?views=larger.1", NILOMETER_EPARSE, "larger"},
        {"content_latest?views=gt.many", NILOMETER_ENUMBER, "many"},
        {"content_latest?day=eq.2025-02-30", NILOMETER_EDATERANGE, "2025-02-30"},
        {"rpc/timeserie?metric=views", NILOMETER_EFUNCTION, "timeserie"},
        {"rpc/timeseries?metric=views&form=2025-03-01", NILOMETER_EFUNCTION, "from"},
        {"rpc/timeseries?metric", NILOMETER_EPARSE, "name=value"},
        {"rpc/timeseries?=views", NILOMETER_EPARSE, "name=value"},
        {"rpc/timeseries", NILOMETER_ENULL, "metric"},
        {"rpc/timeseries?metric=viewz", NILOMETER_EINVAL, "views"},
        {"rpc/timeseries?metric=views&from=2025-03-20&to=2025-03-01", NILOMETER_EINVAL, "from"},
        {"rpc/timeseries?metric=views&owner=nobody", NILOMETER_ENOENT, "nobody"},
        {"rpc/", NILOMETER_EFUNCTION, ""},
        {"", NILOMETER_ERELATION, ""},
        {"rpc/\xff?a=b", NILOMETER_EPARSE, "UTF8"},
        {"rpc/timeseries?metric=\xff", NILOMETER_EPARSE, "UTF8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nilometer_rows *none = NULL;
        if (nilometer_query(w->n, rows[i].request, &none) != rows[i].code || strstr(nilometer_message(w->n), rows[i].says) == NULL)
            fail_msg("%s gave %d: %s", rows[i].request, nilometer_code(w->n), nilometer_message(w->n));
        assert_null(none);
        assert_int_equal(nilometer_code(w->n), rows[i].code);
    }
    struct answer a = {.len = 0};
    GIVES(w, NILOMETER_EONE, nilometer_write(w->n, "content_latest", NILOMETER_FORMAT_OBJECT, gather, &a));
    GIVES(w, NILOMETER_EINVAL, nilometer_write(w->n, "content_latest", 5, gather, &a));
    assert_int_equal(a.len, 0);
}

static void every_format_is_that_of_the_command(struct world *w)
{
    static const struct {
        int format;
        const char *text;
    } rows[] = {
        {NILOMETER_FORMAT_TABLE, "external_id | views\n------------+------\nv           |    42\n(1 row)\n"},
        {NILOMETER_FORMAT_JSON, "[{\"external_id\":\"v\",\"views\":42}]\n"},
        {NILOMETER_FORMAT_OBJECT, "{\"external_id\":\"v\",\"views\":42}\n"},
        {NILOMETER_FORMAT_CSV, "external_id,views\nv,42\n"},
        {NILOMETER_FORMAT_NDJSON, "{\"external_id\":\"v\",\"views\":42}\n"},
    };
    push(w, NILOMETER_PUSH, "v", "2025-03-19", "42");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer a = {.len = 0};
        OK(w, nilometer_write(w->n, "content_latest?select=external_id,views", rows[i].format, gather, &a));
        assert_string_equal(a.text, rows[i].text);
    }
}

static int stop_at_second(void *ctx, const struct nilometer_row *row)
{
    (void)row;
    return ++*(int *)ctx == 2;
}

static void a_callback_may_stop_the_answer(struct world *w)
{
    int seen = 0;
    for (int i = 0; i < 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "v%d", i);
        push(w, NILOMETER_PUSH, id, "2025-03-19", "1");
    }
    GIVES(w, NILOMETER_ECANCELLED, nilometer_each(w->n, "content_latest", stop_at_second, &seen));
    assert_int_equal(seen, 2);
    seen = -10;
    OK(w, nilometer_each(w->n, "content_latest", stop_at_second, &seen)); /* and the handle goes on */
    assert_int_equal(seen, -5);
}

static void an_escaped_value_stands_for_itself(struct world *w)
{
    static const char *const ids[] = {"a&b=c", "100%", "50%25", "x,y", "(z)", "\"q\"", "a.b", "käse", "a b+c", "*", "#?/\\"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char request[256] = "content_latest?select=external_id&external_id=eq.";
        struct nilometer_rows *rows = NULL;
        size_t at = strlen(request);
        push(w, NILOMETER_PUSH, ids[i], "2025-03-19", "1");
        assert_true(nilometer_escape(ids[i], request + at, sizeof request - at) < sizeof request - at);
        OK(w, nilometer_query(w->n, request, &rows));
        assert_int_equal(nilometer_rows_count(rows), 1);
        assert_string_equal(nilometer_row_text(nilometer_rows_next(rows), 0, NULL), ids[i]);
        nilometer_rows_free(rows);
    }
    char small[4];
    assert_int_equal(nilometer_escape("a&b", small, sizeof small), 5);
    assert_string_equal(small, "a%2");
    assert_int_equal(nilometer_escape("a&b", NULL, 0), 5);
    assert_int_equal(nilometer_escape(NULL, small, sizeof small), 0);
    assert_string_equal(small, "");
}

static void a_reader_sees_what_was_committed_since_and_new_metrics_too(struct world *w)
{
    struct world reader = {.target = w->target, .now = w->now};
    struct nilometer_metric m = NILOMETER_METRIC_INIT;
    push(w, NILOMETER_PUSH, "v", "2025-03-19", "1");
    reopen(&reader, NILOMETER_READ, NULL, 0);
    expect(&reader, "content_latest?select=views", "views\n1\n");
    m.name = "boosts";
    OK(w, nilometer_define(w->n, &m));
    push(w, NILOMETER_PUSH, "v", "2025-03-19", "2");
    expect(&reader, "content_latest?select=views,boosts", "views,boosts\n2,\n");
    GIVES(&reader, NILOMETER_EREADONLY, nilometer_begin(reader.n, NULL));
    GIVES(&reader, NILOMETER_EREADONLY, nilometer_define(reader.n, &m));
    GIVES(&reader, NILOMETER_EREADONLY, nilometer_workspace(reader.n, "w", NULL));
    GIVES(&reader, NILOMETER_EREADONLY, nilometer_seal(reader.n, NULL));
    OK(&reader, nilometer_verify(reader.n));
    nilometer_close(reader.n);
}

/* ---- scope ---------------------------------------------------------------------------------------------------------------------------------------- */

static void a_scope_is_all_that_a_handle_reads_and_writes(struct world *w)
{
    static const char *const both[] = {"a", "b"}, *const only_a[] = {"a"}, *const missing[] = {"a", "zzz"};
    struct nilometer_run run = NILOMETER_RUN_INIT;
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"a", "b", "c"};
        run.workspace = names[i];
        OK(w, nilometer_begin(w->n, &run));
        OK(w, add(w, names[i], "2025-03-19", "views", "1"));
        OK(w, nilometer_commit(w->n, NULL));
    }
    reopen(w, NILOMETER_READ, both, 2);
    expect(w, "content_latest?select=external_id&order=external_id", "external_id\na\nb\n");
    expect(w, "workspaces?select=name&order=name", "name\na\nb\n");
    expect(w, "rpc/timeseries?metric=views&from=2025-03-19&to=2025-03-19",
           "period,value,change,span_days,items,known,fresh,provenance,absence,open\n2025-03-19,2,,,2,2,2,,,false\n");
    GIVES(w, NILOMETER_EPERM, nilometer_backup(w->n, nilo_test_path("scoped.db")));
    reopen(w, NILOMETER_READ, both, 0);
    expect(w, "content_latest?select=external_id", "external_id\n");
    reopen(w, NILOMETER_WRITE, only_a, 1);
    GIVES(w, NILOMETER_EPERM, nilometer_begin(w->n, &run)); /* c */
    GIVES(w, NILOMETER_EPERM, nilometer_workspace(w->n, "d", NULL));
    GIVES(w, NILOMETER_EPERM, nilometer_verify(w->n));
    OK(w, nilometer_begin(w->n, NULL)); /* the only one is meant */
    OK(w, add(w, "a2", "2025-03-19", "views", "1"));
    OK(w, nilometer_commit(w->n, NULL));
    expect(w, "content_latest?select=workspace,external_id&order=external_id", "workspace,external_id\na,a\na,a2\n");
    w->now = us("2025-03-21T00:00:00Z");
    OK(w, nilometer_seal(w->n, NULL));
    reopen(w, NILOMETER_READ, NULL, 0);
    expect(w, "connections?select=workspace,closed_until&order=workspace", "workspace,closed_until\na,2025-03-19\nb,\nc,\n");
    struct nilometer_options o = NILOMETER_OPTIONS_INIT;
    struct nilometer *none = NULL;
    o.workspaces = missing;
    o.n_workspaces = 2;
    assert_int_equal(nilometer_open(w->target, &o, &none), NILOMETER_ENOENT);
    assert_non_null(strstr(nilometer_message(none), "zzz"));
    nilometer_close(none);
}

static void a_workspace_has_a_zone(struct world *w)
{
    struct nilometer_run run = NILOMETER_RUN_INIT;
    struct nilometer_reading r = NILOMETER_READING_INIT;
    const struct nilometer_value v = {"views", "1", 0, 0, NULL, NULL};
    OK(w, nilometer_workspace(w->n, "tokyo", "Asia/Tokyo"));
    OK(w, nilometer_workspace(w->n, "tokyo", NULL));
    GIVES(w, NILOMETER_EINVAL, nilometer_workspace(w->n, "mars", "Mars/Olympus"));
    GIVES(w, NILOMETER_EINVAL, nilometer_workspace(w->n, "", NULL));
    run.workspace = "tokyo";
    OK(w, nilometer_begin(w->n, &run));
    r.external_id = "v";
    r.captured_at = us("2025-03-19T16:00:00Z");
    r.values = &v;
    r.n_values = 1;
    OK(w, nilometer_add(w->n, &r));
    OK(w, nilometer_commit(w->n, NULL));
    expect(w, "content_latest?select=day", "day\n2025-03-20\n");
    expect(w, "workspaces?select=name,zone", "name,zone\ntokyo,Asia/Tokyo\n");
}

/* ---- upkeep ------------------------------------------------------------------------------------------------------------------------------------------ */

/* As somebody who knows SQL and means no good, or a bug of ours. */
static void damage(struct world *w, const char *sql)
{
    struct nilo_db *db;
    struct nilo_err err = {0};
    nilometer_close(w->n);
    w->n = NULL;
    assert_int_equal(nilo_db_open(w->target, &(struct nilo_db_options){.mode = NILO_DB_WRITE}, &db, &err), 0);
    if (nilo_db_exec(db, sql, &err) != 0)
        fail_msg("%s: %s", sql, err.msg);
    nilo_db_close(db);
}

static void verify_finds_what_is_not_what_the_record_says(struct world *w)
{
    static const struct {
        const char *sql, *undo, *says;
    } rows[] = {
        {"UPDATE known SET value = value + 1", "UPDATE known SET value = value - 1", "newest known value"},
        {"UPDATE latest SET day = day + 1", "UPDATE latest SET day = day - 1", "newest day read"},
        {"UPDATE best SET value = value - 1", "UPDATE best SET value = value + 1", "best"},
        {"UPDATE total SET lo = lo + 1", "UPDATE total SET lo = lo - 1", "total"},
        {"UPDATE best SET value = value + 1", NULL, "best"},
    };
    push(w, NILOMETER_PUSH, "v", "2025-03-18", "10");
    push(w, NILOMETER_PUSH, "v", "2025-03-19", "11");
    OK(w, nilometer_verify(w->n));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        damage(w, rows[i].sql);
        for (int mode = NILOMETER_READ; mode <= NILOMETER_WRITE; mode++) {
            reopen(w, mode, NULL, 0);
            GIVES(w, NILOMETER_ECORRUPT, nilometer_verify(w->n));
            if (strstr(nilometer_message(w->n), rows[i].says) == NULL || strstr(nilometer_message(w->n), "nilometer rebuild") == NULL)
                fail_msg("%s: %s", rows[i].sql, nilometer_message(w->n));
        }
        if (rows[i].undo != NULL)
            damage(w, rows[i].undo);
    }
}

static void verify_finds_pages_that_were_overwritten(struct world *w)
{
    char page[4096];
    long size, found = 0;
    if (w->postgres)
        return; /* a server looks after its pages */
    for (int i = 0; i < 40; i++) {
        char id[16];
        snprintf(id, sizeof id, "v%d", i);
        push(w, NILOMETER_PUSH, id, "2025-03-19", "1");
    }
    nilometer_close(w->n);
    w->n = NULL;
    /* each page in turn: what cannot even be opened is told as well, and nothing crashes */
    FILE *f = fopen(w->target, "r+be");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    for (long at = 4096; at + 4096 <= size; at += 4096) {
        struct nilometer *n = NULL;
        fseek(f, at, SEEK_SET);
        assert_int_equal(fread(page, 1, sizeof page, f), sizeof page);
        fseek(f, at, SEEK_SET);
        for (int i = 0; i < 16; i++) /* its head */
            fputc(0xa5, f);
        fflush(f);
        int code = nilometer_open(w->target, NULL, &n);
        if (code == NILOMETER_OK)
            code = nilometer_verify(n);
        found += code != NILOMETER_OK;
        if (code != NILOMETER_OK)
            assert_true(nilometer_message(n)[0] != '\0');
        nilometer_close(n);
        fseek(f, at, SEEK_SET);
        fwrite(page, 1, sizeof page, f);
        fflush(f);
    }
    fclose(f);
    assert_true(size > 40 * 4096L);
    assert_int_equal(found, size / 4096 - 1); /* all but the first, which nobody could open */
    reopen(w, NILOMETER_READ, NULL, 0);
    OK(w, nilometer_verify(w->n));
}

static void a_backup_is_a_store(struct world *w)
{
    const char *copy = nilo_test_path("copy.db");
    char sum[512];
    push(w, NILOMETER_PUSH, "v", "2025-03-19", "11");
    if (w->postgres) {
        GIVES(w, NILOMETER_EINVAL, nilometer_backup(w->n, copy));
        return;
    }
    nilo_test_remove(copy);
    snprintf(sum, sizeof sum, "%s.sha256", copy);
    nilo_test_remove(sum);
    OK(w, nilometer_backup(w->n, copy));
    GIVES(w, NILOMETER_EEXIST, nilometer_backup(w->n, copy));
    w->target = copy;
    reopen(w, NILOMETER_READ, NULL, 0);
    expect(w, "content_latest?select=external_id,views", "external_id,views\nv,11\n");
}

static void a_store_has_one_writer(struct world *w)
{
    struct nilometer_options o = NILOMETER_OPTIONS_INIT;
    struct nilometer *second = NULL;
    o.mode = NILOMETER_WRITE;
    assert_int_equal(nilometer_open(w->target, &o, &second), NILOMETER_ELOCKED);
    assert_int_equal(nilometer_code_retryable(NILOMETER_ELOCKED), 1);
    assert_int_equal(nilometer_begin(second, NULL), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_close(second), NILOMETER_OK);
}

/* ---- structs of other versions -------------------------------------------------------------------------------------------------------------------------- */

static void structs_of_newer_headers_work_as_long_as_they_say_nothing_new(struct world *w)
{
    struct {
        struct nilometer_run run;
        int64_t later[2];
    } newer = {.run = NILOMETER_RUN_INIT};
    struct {
        struct nilometer_reading reading;
        const char *later;
    } reading = {.reading = NILOMETER_READING_INIT};
    struct {
        struct nilometer_value value;
        const char *later;
    } values[2] = {{.value = {"views", "1", 0, 0, NULL, NULL}}, {.value = {"likes", "2", 0, 0, NULL, NULL}, .later = "behind the second"}};
    struct {
        struct nilometer_summary summary;
        int64_t later;
    } done = {.summary = NILOMETER_SUMMARY_INIT, .later = 77};
    newer.run.size = sizeof newer;
    newer.later[1] = 1;
    GIVES(w, NILOMETER_EINVAL, nilometer_begin(w->n, &newer.run));
    newer.later[1] = 0;
    OK(w, nilometer_begin(w->n, &newer.run));
    reading.reading.size = sizeof reading;
    reading.reading.value_size = sizeof values[0];
    reading.reading.values = &values[0].value;
    reading.reading.n_values = 2;
    reading.reading.external_id = "v";
    reading.reading.day = "2025-03-19";
    GIVES(w, NILOMETER_EINVAL, nilometer_add(w->n, &reading.reading));
    values[1].later = NULL;
    OK(w, nilometer_add(w->n, &reading.reading));
    done.summary.size = sizeof done;
    OK(w, nilometer_commit(w->n, &done.summary));
    assert_int_equal(done.later, 77);
    assert_int_equal(done.summary.size, sizeof done);
    assert_int_equal(done.summary.recorded, 2);
    expect(w, "content_latest?select=views,likes", "views,likes\n1,2\n");
}

/* ---- the tests on both engines ---------------------------------------------------------------------------------------------------------------------------- */

struct bound {
    struct world world;
    void (*run)(struct world *w);
    char name[160];
};

static void run_one(void **state)
{
    static int serial;
    struct bound *t = *state;
    char name[32];
    snprintf(name, sizeof name, "library%d", ++serial);
    t->world.target = t->world.postgres ? nilo_test_pg_database(name) : nilo_test_path(name);
    if (t->world.target == NULL) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    t->world.now = us("2025-03-20T10:00:00Z");
    reopen(&t->world, NILOMETER_CREATE, NULL, 0);
    t->run(&t->world);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    nilometer_close(w->n);
    w->n = NULL;
    return 0;
}

#define TEST(fn) {#fn, fn}
static const struct {
    const char *name;
    void (*run)(struct world *w);
} tests[] = {
    TEST(readings_come_back_and_the_summary_counts_them),
    TEST(values_are_exact_or_refused),
    TEST(what_is_wrong_with_a_reading_refuses_it_alone),
    TEST(reasons_are_counted_and_the_first_item_named),
    TEST(a_closed_day_is_amended_by_a_push_and_not_by_an_import),
    TEST(a_commit_closes_the_days_that_may_close),
    TEST(a_slot_is_done_once),
    TEST(a_dry_run_records_nothing),
    TEST(an_aborted_run_leaves_nothing_of_its_open_part),
    TEST(the_app_has_metrics_of_its_own),
    TEST(each_kind_of_column_has_its_type_text_and_number),
    TEST(a_fraction_needs_a_place_for_its_scale_and_a_sum_may_be_too_large),
    TEST(requests_that_are_wrong_say_so),
    TEST(every_format_is_that_of_the_command),
    TEST(a_callback_may_stop_the_answer),
    TEST(an_escaped_value_stands_for_itself),
    TEST(a_reader_sees_what_was_committed_since_and_new_metrics_too),
    TEST(a_scope_is_all_that_a_handle_reads_and_writes),
    TEST(a_workspace_has_a_zone),
    TEST(verify_finds_what_is_not_what_the_record_says),
    TEST(verify_finds_pages_that_were_overwritten),
    TEST(a_backup_is_a_store),
    TEST(a_store_has_one_writer),
    TEST(structs_of_newer_headers_work_as_long_as_they_say_nothing_new),
};
#define N (sizeof tests / sizeof tests[0])

int main(void)
{
    static struct bound bound[2 * N];
    static struct CMUnitTest list[2 * N];
    for (size_t i = 0; i < 2 * N; i++) {
        bound[i].world.postgres = i >= N;
        bound[i].run = tests[i % N].run;
        snprintf(bound[i].name, sizeof bound[i].name, "%s: %s", i < N ? "sqlite" : "postgres", tests[i % N].name);
        list[i] = (struct CMUnitTest){bound[i].name, run_one, NULL, tear_down, &bound[i]};
    }
    return _cmocka_run_group_tests("library", list, 2 * N, NULL, NULL);
}
