/* A question that is kept ready gives the bytes of the ordinary way, whatever was amended, is missing or belongs to somebody else. */
#include "filled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"

#define REQUESTS 300

static struct filled f;

/* Some days of the app get amendments: values, one without a value, and one of a value behind that. */
static void amend(void)
{
    static const char *const versions[] = {"value + 1000, 0", "NULL, 7", "value + 2000, 0"};
    struct nilo_err err = {0};
    if (nilo_db_exec(nilo_store_db(f.store), "UPDATE connection SET closed_until = (SELECT max(day) - 2 FROM day_value) WHERE platform = 'sql'", &err) != 0)
        fail_msg("%s", err.msg);
    for (int seq = 1; seq <= 3; seq++) {
        char sql[1024];
        snprintf(sql, sizeof(sql),
                 "INSERT INTO day_value SELECT v.bucket, v.entity_id, v.win, v.day, v.metric_id, %d, %s, v.provenance, v.rank, 1, v.run_id, v.captured_at, v.source_day, "
                 "v.recorded_at + %d, NULL, v.meta FROM day_value v JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id JOIN connection c ON c.id = "
                 "e.connection_id WHERE e.kind = %d AND v.seq = 0 AND v.value IS NOT NULL AND v.day <= c.closed_until AND (v.day + v.metric_id) %% 4 >= %d",
                 seq, versions[seq - 1], seq, (int)NILO_APP, seq - 1);
        if (nilo_db_exec(nilo_store_db(f.store), sql, &err) != 0)
            fail_msg("%s", err.msg);
    }
    int64_t n = 0;
    struct nilo_db_stmt *s;
    assert_int_equal(nilo_db_prepare(nilo_store_db(f.store), "SELECT count(*) FROM day_value WHERE seq = 3", &s, NULL), 0);
    assert_int_equal(nilo_db_query(s, NULL, 0, NULL), 0);
    if (nilo_db_row(s, NULL) == 1)
        n = nilo_db_column_int(s, 0);
    nilo_db_reset(s);
    assert_true(n > 0);
    if (nilo_store_rebuild(f.store, NULL, NULL, &err) != 0) /* what is derived knows nothing of such statements */
        fail_msg("%s", err.msg);
}

/* A count of many digits and an average on the last day of a row of 32 days. */
static void fill_last_day(void)
{
    struct nilo_err err = {0};
    if (nilo_db_exec(nilo_store_db(f.store),
                     "INSERT INTO day_value SELECT v.bucket, v.entity_id, v.win, v.day | 31, v.metric_id, 0, CASE m.scale WHEN 0 THEN 999999999999999999 ELSE v.value END, "
                     "v.absence, v.provenance, v.rank, v.cause, v.run_id, v.captured_at, v.source_day, v.recorded_at, NULL, v.meta FROM day_value v JOIN entity e ON "
                     "e.bucket = v.bucket AND e.id = v.entity_id JOIN metric m ON m.id = v.metric_id WHERE e.kind = 2 AND v.seq = 0 AND v.day = (SELECT max(day) FROM "
                     "day_value w WHERE w.bucket = v.bucket AND w.entity_id = v.entity_id AND w.metric_id = v.metric_id AND w.value IS NOT NULL) "
                     "AND m.name IN ('comments_created', 'age')",
                     &err) != 0)
        fail_msg("%s", err.msg);
}

static int open_filled(void **state)
{
    (void)state;
    if (filled_open(&f, NILO_DB_SQLITE) != 0)
        return -1;
    fill_last_day();
    amend();
    return 0;
}

static int close_filled(void **state)
{
    (void)state;
    filled_close(&f);
    return 0;
}

static struct nilo_query *parse(const char *text)
{
    struct nilo_query *q = NULL;
    struct nilo_request any = NILO_REQUEST_DEFAULT;
    struct nilo_err err = {0};
    any.any_range = true;
    if (nilo_query_parse(f.store, text, strlen(text), &any, &q, NULL, &err) != 0)
        fail_msg("%s: %s", text, err.msg);
    return q;
}

/* NULL: it is none. Asked twice, as it is meant to be */
static char *quick(const char *text, const struct nilo_scope *scope)
{
    struct nilo_query *q = parse(text);
    struct nilo_quick *k = NULL;
    struct nilo_buf out;
    struct nilo_err err = {0};
    int64_t rows = -1;
    if (nilo_query_quick(q, f.store, scope, &k, &err) != 0)
        fail_msg("%s: %s", text, err.msg);
    nilo_query_free(q);
    nilo_buf_init(&out, 1 << 20);
    for (int i = 0; k != NULL && i < 2; i++) {
        nilo_buf_reset(&out);
        if (nilo_quick_json(k, &out, &rows, &err) != 0)
            fail_msg("%s: %s", text, err.msg);
    }
    nilo_quick_free(k);
    char *got = k != NULL ? strdup(nilo_buf_str(&out)) : NULL;
    nilo_buf_done(&out);
    return got;
}

/* Rows of the answer; it has to be both ways the same. */
static size_t both_ways(const char *text, const struct nilo_scope *scope)
{
    struct nilo_request any = NILO_REQUEST_DEFAULT;
    any.any_range = true;
    char *a = quick(text, scope), *b = filled_get(&f, scope, NILO_FORMAT_JSON, &any, text);
    if (a == NULL || b == NULL)
        fail_msg("%s: %s", text, a == NULL ? "is no question to keep ready" : f.err.msg);
    assert_string_equal(a, b);
    size_t rows = 0;
    for (const char *p = b; (p = strchr(p, '{')) != NULL; p++)
        rows++;
    free(a);
    free(b);
    return rows;
}

static void the_bytes_are_those_of_the_ordinary_way(void **state)
{
    static const char *const selects[] = {"metric_date,metric_category,value", "value", "metric_type,value,metric_date,when:metric_date,n%20%22x%22:value",
                                          "metric_category,metric_type"};
    static const char *const conditions[] = {"metric_date=gte.2025-03-05", "metric_date=lte.2025-03-08", "metric_date=gt.2025-03-04", "metric_date=lt.2025-03-09",
                                             "metric_date=eq.2025-03-05", "metric_category=in.(posts_created,users_total,share)", "metric_category=eq.share",
                                             "metric_category=eq.nobody", "metric_type=eq.count", "metric_type=in.(average,percentage)", "metric_category=in.(age,share,nobody)"};
    struct nilo_seeded_random seeded;
    (void)state;
    nilo_seeded_random_init(&seeded, 4);
    struct nilo_random random = nilo_seeded_random(&seeded);
    const struct nilo_scope one = {.role = NILO_ROLE_AUTHENTICATED, .workspaces = &f.a, .n = 1}, none = {.role = NILO_ROLE_ANON}, all = NILO_SCOPE_ALL;
    const struct nilo_scope *scopes[] = {&one, &all, &none};
    size_t rows = 0;
    for (int i = 0; i < REQUESTS; i++) {
        char text[1024];
        size_t n = (size_t)snprintf(text, sizeof(text), "daily_metrics?select=%s&order=metric_date.%s", selects[nilo_random_below(&random, 4)],
                                    nilo_random_below(&random, 2) ? "asc" : "desc");
        for (size_t c = (size_t)nilo_random_below(&random, 4); c > 0; c--)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "&%s", conditions[nilo_random_below(&random, sizeof(conditions) / sizeof(conditions[0]))]);
        rows += both_ways(text, scopes[nilo_random_below(&random, 10) == 0 ? 2 : nilo_random_below(&random, 2)]);
    }
    assert_true(rows > REQUESTS); /* else nothing was compared */
    assert_true(both_ways("daily_metrics?select=value&order=metric_date", &all) > both_ways("daily_metrics?select=value&order=metric_date", &one));
}

/* A value ends where its row does, whatever the row before it in the same place was like. */
static void a_row_knows_nothing_of_the_one_before(void **state)
{
    const struct nilo_scope one = {.role = NILO_ROLE_AUTHENTICATED, .workspaces = &f.a, .n = 1};
    (void)state;
    free(quick("daily_metrics?select=value&metric_category=eq.comments_created&order=metric_date", &one));
    assert_int_equal(both_ways("daily_metrics?select=metric_date,value&metric_category=eq.age&order=metric_date", &one), 2);
}

static void what_is_more_than_days_of_metrics_goes_the_ordinary_way(void **state)
{
    static const char *const others[] = {
        "daily_metrics?order=metric_date", "daily_metrics?select=value", "daily_metrics?select=value&order=value", "daily_metrics?select=value&order=metric_date,value",
        "daily_metrics?select=value::text&order=metric_date", "daily_metrics?select=value.sum()", "daily_metrics?select=value&order=metric_date&limit=1",
        "daily_metrics?select=value&order=metric_date&offset=1", "daily_metrics?select=value&order=metric_date&value=gte.1",
        "daily_metrics?select=value&order=metric_date&connection=eq.app", "daily_metrics?select=value&order=metric_date&metric_category=not.eq.share",
        "daily_metrics?select=value&order=metric_date&metric_category=like.sh*", "daily_metrics?select=value&order=metric_date&or=(metric_category.eq.share)",
        "daily_metrics?select=value&order=metric_date&metric_date=in.(2025-03-05)", "daily_metrics?select=value&order=metric_date&as_of=2025-03-09",
        "daily_metrics?select=value,metadata&order=metric_date", "metric_values?select=value&order=day",
    };
    const struct nilo_scope all = NILO_SCOPE_ALL;
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char *got = quick(others[i], &all);
        if (got != NULL)
            fail_msg("%s", others[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_the_ordinary_way),
        cmocka_unit_test(a_row_knows_nothing_of_the_one_before),
        cmocka_unit_test(what_is_more_than_days_of_metrics_goes_the_ordinary_way),
    };
    return cmocka_run_group_tests(tests, open_filled, close_filled);
}
