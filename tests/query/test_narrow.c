/* Conditions that the store knows ahead and conditions that it does not know give the same rows: a=eq.1 is told to it, so that it looks up what is
 * asked for, or=(a.eq.1) is not, and is decided row by row. Random requests, both engines, now and as of earlier moments. */
#include "filled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pg.h"

#define REQUESTS 250

struct kind {
    const char *relation, *order, *columns;
    bool as_of;
    const char *conditions[24]; /* column.op.value */
};
#define ENTITY                                                                                                         \
    "workspace.eq.acme", "connection.eq.yt", "platform.in.(youtube,tiktok)", "platform.eq.youtube", "external_id.eq.v2",          \
        "external_id.in.(v1,v2,r1,old)", "external_id.eq.nobody"
#define WINDOW "window_days.eq.0", "window_days.eq.30", "window_days.eq.7", "window_days.in.(0,30)"
#define DAYS   "day.eq.2025-03-04", "day.gte.2025-03-02", "day.lt.2025-03-06", "day.lte.2025-03-05", "day.in.(2025-03-01,2025-03-09)"
#define OWNER  "owner.eq.maria", "owner.eq.bob", "owner.in.(maria,rival)", "owner.eq.part"

static const struct kind kinds[] = {
    {"content_snapshots", "external_id", "workspace,external_id,day,window_days,views,likes,shares,absence,provenance", true,
     {ENTITY, WINDOW, DAYS, OWNER, "views.gte.100"}},
    {"content_latest", "external_id", "workspace,external_id,day,views,likes,owner", false, {ENTITY, WINDOW, DAYS, OWNER, "views.gte.1000"}},
    {"content_windows", "external_id", "workspace,external_id,day,window_days,views", false, {ENTITY, WINDOW, DAYS, OWNER}},
    {"content_best", "external_id", "workspace,external_id,views,likes", false, {ENTITY, OWNER, "likes.gte.5"}},
    {"content", "external_id", "workspace,external_id,owner,title", false, {ENTITY, OWNER}},
    {"metric_values", "external_id", "workspace,entity,external_id,window_days,day,metric,value,absence,run", false,
     {ENTITY, WINDOW, DAYS, "metric.eq.views", "metric.in.(likes,shares)"}},
    {"observations", "external_id", "workspace,external_id,window_days,day,metric,value,captured_at", false,
     {ENTITY, WINDOW, DAYS, "metric.eq.views"}},
    {"revisions", "external_id", "workspace,external_id,window_days,day,metric,value,previous", false, {ENTITY, DAYS, WINDOW, "metric.eq.views"}},
    {"daily_metrics", "metric_date", "workspace,connection,metric_date,metric_category,value", true,
     {"metric_date.eq.2025-03-04", "metric_date.gte.2025-03-02", "metric_date.lte.2025-03-06", "workspace.eq.acme", "metric_category.eq.posts_total",
      "metric_category.in.(posts_total,users_total)", "connection.eq.app"}},
    {"owner_daily", "owner", "owner,day,views,items,fresh", true, {DAYS, OWNER}},
    {"owner_metrics", "owner", "owner,views,likes,items", false, {OWNER, "workspace.eq.acme"}},
    {"credits", "external_id", "owner,external_id,from_day,to_day", false, {ENTITY, OWNER}},
};

/* told: each condition at the top; else inside of an or with nothing beside it. */
static void put_request(char *out, size_t size, const struct kind *k, const size_t *picks, size_t n, const char *as_of, bool told)
{
    size_t len = (size_t)snprintf(out, size, "%s?select=%s&order=%s", k->relation, k->columns, k->order);
    for (size_t i = 0; i < n; i++) {
        const char *c = k->conditions[picks[i]], *dot = strchr(c, '.');
        if (told)
            len += (size_t)snprintf(out + len, size - len, "&%.*s=%s", (int)(dot - c), c, dot + 1);
        else
            len += (size_t)snprintf(out + len, size - len, "&or=(%s)", c);
    }
    if (as_of)
        snprintf(out + len, size - len, "&as_of=%s", as_of);
}

static size_t lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void ask_both_ways(struct filled *f)
{
    static const char *const moments[] = {"2025-03-04", "2025-03-05T12:00:00Z", "2025-03-09"};
    struct nilo_seeded_random seeded;
    struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &f->a, .n = 1};
    const struct nilo_scope all = NILO_SCOPE_ALL;
    nilo_seeded_random_init(&seeded, 8);
    struct nilo_random random = nilo_seeded_random(&seeded);
    int wrong = 0;
    size_t rows = 0;
    for (int i = 0; i < REQUESTS; i++) {
        const struct kind *k = &kinds[nilo_random_below(&random, sizeof kinds / sizeof kinds[0])];
        char told[2048], untold[2048];
        size_t picks[3], n = 1 + (size_t)nilo_random_below(&random, 3), most = 0;
        while (k->conditions[most])
            most++;
        for (size_t p = 0; p < n; p++)
            picks[p] = (size_t)nilo_random_below(&random, most);
        const char *as_of = k->as_of && nilo_random_below(&random, 2) ? moments[nilo_random_below(&random, 3)] : NULL;
        bool every = nilo_random_below(&random, 3) == 0;
        put_request(told, sizeof told, k, picks, n, as_of, true);
        put_request(untold, sizeof untold, k, picks, n, as_of, false);
        struct nilo_request any = NILO_REQUEST_DEFAULT;
        any.any_range = true;
        char *a = filled_get(f, every ? &all : &scope, NILO_FORMAT_CSV, &any, told);
        char *first = a ? a : strdup(f->err.msg);
        char *b = filled_get(f, every ? &all : &scope, NILO_FORMAT_CSV, &any, untold);
        if (!a || !b || strcmp(a, b) != 0) {
            printf("# %s\n%s\n# %s\n%s\n", told, first, untold, b ? b : f->err.msg);
            wrong++;
        }
        rows += b ? lines(b) - 1 : 0;
        free(first);
        free(b);
    }
    assert_int_equal(wrong, 0);
    assert_true(rows > REQUESTS); /* else nothing was compared */
}

static void what_the_store_is_told_changes_no_answer(void **state)
{
    struct filled f;
    (void)state;
    assert_int_equal(filled_open(&f, NILO_DB_SQLITE), 0);
    ask_both_ways(&f);
    filled_close(&f);
}

static void what_the_store_is_told_changes_no_answer_on_postgres(void **state)
{
    struct filled f;
    (void)state;
    if (filled_open(&f, NILO_DB_POSTGRES) != 0) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    ask_both_ways(&f);
    filled_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_store_is_told_changes_no_answer),
        cmocka_unit_test(what_the_store_is_told_changes_no_answer_on_postgres),
    };
    return cmocka_run_group_tests_name("query narrow", tests, NULL, NULL);
}
