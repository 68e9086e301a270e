/* Aggregates where numbers are large, groups many, and money of two currencies meets: both engines. What they are in ordinary cases is in answers.inc. */
#include "filled.h"
#include "support/pg.h"

#include "record/record.h"

static void define(struct filled *f, const char *name, const char *currency, int scale)
{
    const struct nilo_metric m = {.name = name, .type = NILO_COUNT, .currency = currency, .scale = scale, .kind = NILO_PERIOD};
    assert_int_equal(nilo_store_begin(f->store, &f->err), 0);
    assert_int_equal(nilo_store_metric_define(f->store, &m, NULL, &f->err), 0);
    assert_int_equal(nilo_store_commit(f->store, &f->err), 0);
}

/* One day of the app's metrics each. */
static void record(struct filled *f, const char *metric, const char *day, int64_t value)
{
    struct nilo_connection c;
    struct nilo_recorder *r;
    struct nilo_run run;
    struct nilo_arena arena;
    struct nilo_run_options o = {.kind = NILO_RUN_PUSH, .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE, .no_close = true};
    struct nilo_reading_value v = {.metric = nilo_catalog_by_name(nilo_store_catalog(f->store), metric)->id, .value = value};
    struct nilo_reading reading = {.kind = NILO_APP, .external_id = NILO_APP_ID, .captured_at = NILO_US_NONE, .values = &v, .n_values = 1};
    assert_int_equal(nilo_day_parse(day, strlen(day), &reading.day, &f->err), 0);
    assert_int_equal(nilo_store_connection(f->store, f->a, "app", false, NULL, NULL, &c, &f->err), 0);
    assert_int_equal(nilo_record_begin(f->store, &c, &o, &r, &f->err), 0);
    assert_int_equal(nilo_record_add(r, &reading, &f->err), 0);
    nilo_arena_init(&arena, 0);
    assert_int_equal(nilo_record_finish(r, NULL, &arena, &run, &f->err), 0);
    nilo_arena_done(&arena);
}

static void check(struct filled *f)
{
    static const struct {
        const char *request, *answer; /* NULL: refused with this sentence */
        const char *refused;
    } rows[] = {
        {"daily_metrics?select=value.sum(),value.avg(),value.max()&metric_category=eq.huge", "sum,avg,max\n18446744073709551614,9223372036854775807.000000,9223372036854775807\n", NULL},
        {"daily_metrics?select=metric_category,value.sum()&metric_category=in.(euros,yen)&order=metric_category.desc", "metric_category,sum\nyen,700\neuros,3.50\n", NULL},
        {"daily_metrics?select=value.sum()&metric_category=in.(euros,yen)", NULL, "values in EUR and JPY are not put together"},
        {"daily_metrics?select=value.max()&metric_category=in.(yen,users_total)&metric_date=gte.2025-03-09", NULL, "are not put together"},
        {"metric_values?select=value.avg()&metric=in.(euros,yen)", NULL, "are not put together"},
        {"daily_metrics?select=value.count()&metric_category=in.(euros,yen)", "count\n3\n", NULL},
        {"daily_metrics?select=value.sum(),count()&metric_category=eq.yen", "sum,count\n700,1\n", NULL},
    };
    const struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &f->a, .n = 1};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *got = filled_get(f, &scope, NILO_FORMAT_CSV, NULL, rows[i].request);
        if (rows[i].answer ? !got || strcmp(got, rows[i].answer) != 0 : got || !strstr(f->err.msg, rows[i].refused))
            fail_msg("%s: %s", rows[i].request, got ? got : f->err.msg);
        free(got);
    }
}

static void counts(struct filled *f)
{
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    const struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &f->a, .n = 1};
    request.count = NILO_COUNT_EXACT;
    char *got = filled_get(f, &scope, NILO_FORMAT_CSV, &request, "daily_metrics?select=metric_category,count()&offset=99");
    assert_null(got);
    assert_int_equal(f->err.code, NILO_ERANGE);
    assert_non_null(strstr(f->err.msg, "there are only 8 rows"));
    request.max_rows = 2;
    got = filled_get(f, &scope, NILO_FORMAT_CSV, &request, "daily_metrics?select=metric_category,count()");
    assert_string_equal(got, "metric_category,count\nage,2\ncomments_created,2\n");
    free(got);
}

static void run(enum nilo_db_engine engine)
{
    struct filled f;
    if (filled_open(&f, engine) < 0)
        nilo_test_skip("%s", nilo_test_pg_missing());
    define(&f, "huge", NULL, 0);
    define(&f, "euros", "EUR", 2);
    define(&f, "yen", "JPY", 0);
    record(&f, "huge", "2025-03-08", INT64_MAX);
    record(&f, "huge", "2025-03-09", INT64_MAX);
    record(&f, "euros", "2025-03-08", 150);
    record(&f, "euros", "2025-03-09", 200);
    record(&f, "yen", "2025-03-09", 700);
    check(&f);
    counts(&f);
    filled_close(&f);
}

static void sums_are_exact_and_of_one_currency_on_sqlite(void **state)
{
    (void)state;
    run(NILO_DB_SQLITE);
}

static void sums_are_exact_and_of_one_currency_on_postgres(void **state)
{
    (void)state;
    run(NILO_DB_POSTGRES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact_and_of_one_currency_on_sqlite),
        cmocka_unit_test(sums_are_exact_and_of_one_currency_on_postgres),
    };
    return cmocka_run_group_tests_name("query fold", tests, NULL, NULL);
}
