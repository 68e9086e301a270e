/* What an answer says about its days, and answers that are given again: from the loop while nothing has changed, never once something has. */
#include "rest_world.h"
#include "support/pg.h"

#include <string.h>

#include "api/rest_cache.h"
#include "api/writer.h"

static struct rest_world r;

#define ME "authenticated acme"
#define LATEST "/rest/v1/content_latest?select=day,views&external_id=eq.v1&connection=eq.yt"
#define OLD "[{\"day\":\"2025-03-04\",\"views\":220}]\n"
#define LOOK 20000 /* after that the database is asked again */

static struct nilo_rest_cache_counts counts(void)
{
    struct nilo_rest_cache_counts c;
    nilo_rest_cache_counts(&r.api, &c);
    return c;
}

static void ask(const char *as, const char *target, const char *headers, int status, const char *wanted, const char *text)
{
    rest_check(&r, &(struct rest_row){as, "GET", target, headers, NULL, status, wanted, text});
}

/* The first request after a look is a worker's; what follows is the loop's. */
static void the_same_request_is_answered_from_memory(void **state)
{
    (void)state;
    struct nilo_rest_cache_counts before = counts();
    for (int i = 0; i < 5; i++)
        ask(ME, LATEST, NULL, 200, "Content-Range: 0-0/*\nContent-Type: application/json; charset=utf-8\nNilometer-Data-Through: 2025-03-04", OLD);
    struct nilo_rest_cache_counts after = counts();
    assert_int_equal(after.misses - before.misses, 1);
    assert_int_equal(after.hits - before.hits, 4);
    /* forms, counts, ranges, roles and workspaces do not share */
    ask(ME, LATEST, "Accept: text/csv", 200, "Content-Type: text/csv; charset=utf-8", "day,views\n2025-03-04,220\n");
    ask(ME, LATEST, "Prefer: count=exact", 200, "Content-Range: 0-0/1", OLD);
    ask(ME, LATEST, "Range: 1-1", 200, "Content-Range: */*", "[]\n");
    ask("authenticated beta", LATEST, NULL, 200, NULL, "~77777");
    ask("anon acme", LATEST, NULL, 401, NULL, NULL);
    ask("service_role acme", LATEST, NULL, 200, NULL, OLD);
    ask("service_role", "/w/acme" LATEST, NULL, 200, NULL, OLD);
    ask("service_role", "/w/beta" LATEST, NULL, 200, NULL, "~77777");
    ask(ME, "/w/beta" LATEST, NULL, 404, NULL, NULL);
    rest_check(&r, &(struct rest_row){ME, "POST", "/rest/v1/rpc/activity", NULL, "{\"days\":1}", 200, "Content-Range: 0-0/*", NULL});
    rest_check(&r, &(struct rest_row){ME, "POST", "/rest/v1/rpc/activity", NULL, "{\"days\":2}", 200, "Content-Range: 0-1/*", NULL});
    /* mistakes are not kept */
    before = counts();
    ask(ME, "/rest/v1/nowhere", NULL, 404, NULL, NULL);
    ask(ME, "/rest/v1/nowhere", NULL, 404, NULL, NULL);
    assert_int_equal(counts().misses - before.misses, 2);
}

static void what_others_write_is_seen_at_the_next_look(void **state)
{
    (void)state;
    ask(ME, LATEST, NULL, 200, NULL, OLD);
    rest_record(&r, 300);
    rest_pass(&r, LOOK);
    ask(ME, LATEST, NULL, 200, "Nilometer-Data-Through: 2025-03-10", "[{\"day\":\"2025-03-10\",\"views\":300}]\n");
    ask(ME, LATEST, NULL, 200, NULL, "[{\"day\":\"2025-03-10\",\"views\":300}]\n");
}

static int record_once_more(struct nilo_store *s, void *ctx, struct nilo_err *err)
{
    (void)s, (void)err;
    rest_record(&r, *(const int64_t *)ctx);
    return 0;
}

static int open_reader(void *ctx, struct nilo_store **ret, struct nilo_err *err)
{
    (void)ctx;
    return r.api.open(r.api.open_ctx, ret, err);
}

/* No time passes at all: the writer of the process says it. */
static void what_the_writer_writes_is_seen_at_once(void **state)
{
    (void)state;
    struct nilo_err err = {0};
    const struct nilo_api_writer_config config = {.env = &r.env, .open = open_reader};
    if (nilo_api_writer_new(&config, &r.api.writer, &err) != 0)
        fail_msg("%s", err.msg);
    for (int64_t views = 310; views < 315; views++) {
        char wanted[80];
        snprintf(wanted, sizeof(wanted), "[{\"day\":\"2025-03-10\",\"views\":%d}]\n", (int)views);
        assert_int_equal(nilo_writer_do(&r.api, record_once_more, &views, INT64_MAX, &err), 0);
        ask(ME, LATEST, NULL, 200, NULL, wanted);
        ask(ME, LATEST, NULL, 200, NULL, wanted);
    }
    nilo_api_writer_free(r.api.writer);
    r.api.writer = NULL;
}

static void a_metric_that_was_defined_meanwhile_is_known(void **state)
{
    (void)state;
    struct nilo_err err = {0};
    ask(ME, "/rest/v1/content_latest?select=newcomer&limit=1", NULL, 400, NULL, "~\"42703\"");
    const struct nilo_metric m = {.name = "newcomer", .type = NILO_COUNT, .wide = true};
    const struct nilo_metric *made;
    if (nilo_store_begin(r.f.store, &err) != 0 || nilo_store_metric_define(r.f.store, &m, &made, &err) != 0 ||
        nilo_store_metric_used(r.f.store, r.f.a, made, &err) != 0 || nilo_store_commit(r.f.store, &err) != 0)
        fail_msg("%s", err.msg);
    rest_pass(&r, LOOK);
    for (int i = 0; i < 20; i++) { /* whichever worker */
        char target[100];
        snprintf(target, sizeof(target), "/rest/v1/content_latest?select=newcomer&limit=1&offset=%d", i % 3);
        ask(ME, target, NULL, 200, NULL, "[{\"newcomer\":null}]\n");
    }
}

/* Lines of both heads, but for the date. */
static void same_head(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
        if (strncmp(a, "Date:", 5) != 0 && (n != m || memcmp(a, b, n) != 0))
            fail_msg("%.*s / %.*s", (int)n, a, (int)m, b);
        a += n + (a[n] == '\n');
        b += m + (b[m] == '\n');
    }
    assert_string_equal(a, b);
}

static void sql(const char *text)
{
    struct nilo_err err = {0};
    if (nilo_store_begin(r.f.store, &err) != 0 || nilo_db_exec(nilo_store_db(r.f.store), text, &err) != 0 || nilo_store_commit(r.f.store, &err) != 0)
        fail_msg("%s", err.msg);
}

/* Without answers at hand a small question that a worker has answered is the loop's from then on, read anew each time. */
static void small_questions_are_answered_by_the_loop(void **state)
{
    (void)state;
    struct nilo_err err = {0};
    const struct rest_row small = {ME, "GET", "/rest/v1/daily_metrics?select=metric_date,metric_category,value&metric_category=in.(users_total,posts_created)"
                                              "&metric_date=gte.2025-03-01&order=metric_date.asc", NULL, NULL, 200, NULL, NULL};
    const bool lite = nilo_db_engine(nilo_store_db(r.f.store)) == NILO_DB_SQLITE; /* else the loop would have to wait */
    struct nilo_rest_cache *with = r.api.cache;
    struct answer first, later;
    assert_int_equal(nilo_rest_cache_new(0, &r.api.cache, &err), 0);
    rest_ask(&r, &small, &first);
    assert_int_equal(first.status, 200);
    assert_int_equal(counts().quick, 0);
    for (int i = 1; i < 4; i++) {
        rest_ask(&r, &small, &later);
        assert_int_equal(counts().quick, lite ? i : 0);
        same_head(nilo_buf_str(&first.head), nilo_buf_str(&later.head));
        assert_string_equal(nilo_buf_str(&first.body), nilo_buf_str(&later.body));
        answer_done(&later);
    }
    /* whoever else asks has to be known to a worker first, and gets what is theirs */
    ask("authenticated beta", small.target, NULL, 200, NULL, "~55555");
    ask("authenticated beta", small.target, NULL, 200, NULL, "~55555");
    assert_int_equal(counts().quick, lite ? 4 : 0);
    ask(ME, small.target, "Accept: text/csv", 200, NULL, "~metric_date,metric_category,value\n");
    ask(ME, small.target, "Accept: text/csv", 200, NULL, "~metric_date,metric_category,value\n");
    assert_int_equal(counts().quick, lite ? 4 : 0);
    /* what was written is there at once, whoever wrote it; what follows from it, with the next look */
    assert_non_null(strstr(nilo_buf_str(&first.body), "\"value\":14}"));
    sql("UPDATE day_value SET value = 15 WHERE value = 14 AND day = (SELECT max(day) FROM day_value WHERE value = 14)");
    assert_int_equal(nilo_store_rebuild(r.f.store, NULL, NULL, &err), 0); /* what is derived knows nothing of such statements */
    ask(ME, small.target, NULL, 200, NULL, "~\"value\":15}");
    assert_int_equal(counts().quick, lite ? 5 : 0);
    rest_pass(&r, LOOK);
    ask(ME, small.target, NULL, 200, NULL, "~\"value\":15}"); /* a worker's */
    ask(ME, small.target, NULL, 200, NULL, "~\"value\":15}");
    assert_int_equal(counts().quick, lite ? 6 : 0);
    sql("UPDATE day_value SET value = 14 WHERE value = 15 AND day = (SELECT max(day) FROM day_value WHERE value = 15)");
    assert_int_equal(nilo_store_rebuild(r.f.store, NULL, NULL, &err), 0);
    answer_done(&first);
    nilo_rest_cache_free(r.api.cache);
    r.api.cache = with;
    rest_pass(&r, LOOK);
}

static void browsers_keep_what_is_left_of_the_time(void **state)
{
    (void)state;
    rest_pass(&r, 15 * NILO_US_MINUTE - r.env.clock.wall(&r) % (15 * NILO_US_MINUTE)); /* to the full quarter */
    ask(ME, LATEST, NULL, 200, "Cache-Control: private, max-age=300\nVary: Authorization, apikey, Accept, Prefer, Range", NULL);
    rest_pass(&r, 100 * NILO_US_SECOND);
    ask(ME, LATEST, NULL, 200, "Cache-Control: private, max-age=200", NULL);
    rest_pass(&r, 199 * NILO_US_SECOND);
    ask(ME, LATEST, NULL, 200, "Cache-Control: private, max-age=1", NULL);
    rest_pass(&r, NILO_US_SECOND);
    ask(ME, LATEST, NULL, 200, "Cache-Control: private, max-age=300", NULL);
    ask(ME, "/rest/v1/rpc/activity?days=3", NULL, 200, "Cache-Control: private, max-age=600", NULL);
    rest_pass(&r, 8 * NILO_US_MINUTE); /* two minutes before the quarter: somewhere a day may end then */
    ask(ME, "/rest/v1/rpc/activity?days=4", NULL, 200, "Cache-Control: private, max-age=120", NULL);
    /* what is no series is asked for each time */
    ask("admin acme", "/rest/v1/runs?select=id&limit=1", NULL, 200, "Cache-Control: private, no-cache", NULL);
    ask(ME, "/rest/v1/metric_definitions?limit=1", NULL, 200, "Cache-Control: private, no-cache", NULL);
}

static void who_has_the_answer_is_told_so(void **state)
{
    (void)state;
    char tag[256], headers[300];
    for (int i = 0; i < 2; i++) { /* made, and kept */
        struct answer a;
        rest_ask(&r, &(struct rest_row){ME, "GET", "/rest/v1/owners?select=owner&limit=1", NULL, NULL, 200, NULL, NULL}, &a);
        assert_non_null(answer_header(&a, "ETag", tag));
        answer_done(&a);
        snprintf(headers, sizeof(headers), "If-None-Match: %s", tag);
        ask(ME, "/rest/v1/owners?select=owner&limit=1", headers, 304, "!Content-Type", "");
        ask(ME, "/rest/v1/owners?select=owner&limit=1", "If-None-Match: W/\"other\"", 200, NULL, "[{\"owner\":\"bob\"}]\n");
        rest_pass(&r, NILO_US_HOUR);
    }
    ask(ME, "/rest/v1/owners?select=owner&limit=1", headers, 304, NULL, "");
    ask(ME, "/rest/v1/owners?select=owner&limit=2", headers, 200, NULL, NULL);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 600; i++) {
        char target[200];
        snprintf(target, sizeof(target), "/rest/v1/metric_values?day=gte.2025-01-01&offset=%d", i % 2);
        snprintf(target + strlen(target), sizeof(target) - strlen(target), "&limit=%d", 100 + i);
        ask(ME, target, NULL, 200, NULL, NULL);
        assert_true(counts().bytes <= 1 << 20);
    }
    assert_true(counts().entries < 600);
    assert_true(counts().bytes > 1 << 19);
}

/* ---- what is said about days ------------------------------------------------------------------------------------------------------------------- */

#define DAILY "/rest/v1/daily_metrics?select=value"
static const struct rest_row days[] = {
    /* recorded are 2025-02-01 to 03-09, today is 03-10; of the app 03-04 to 03-09 */
    {ME, "GET", DAILY "&metric_date=gte.2025-03-05&metric_date=lte.2025-03-07", NULL, NULL, 200,
     "Nilometer-Data-Through: 2025-03-09\nNilometer-Coverage: 2/3\nNilometer-Gaps: 2025-03-07 not_collected\n"
     "Nilometer-Hint: nilometer backfill --from 2025-03-07 --to 2025-03-07", NULL},
    {ME, "GET", DAILY "&metric_date=eq.2025-03-04", NULL, NULL, 200, "Nilometer-Coverage: 1/1\n!Nilometer-Gaps\n!Nilometer-Hint", NULL},
    /* bounds that leave their day out; a leap year has 366 days, and from one day to the next there is none */
    {ME, "GET", DAILY "&metric_date=gt.2025-03-04&metric_date=lt.2025-03-07", NULL, NULL, 200, "Nilometer-Coverage: 2/2\n!Nilometer-Gaps", NULL},
    {ME, "GET", DAILY "&metric_date=gte.2024-01-01&metric_date=lt.2025-01-01", NULL, NULL, 200, "Nilometer-Coverage: 0/366", "[]\n"},
    {ME, "GET", DAILY "&metric_date=gt.2025-03-05&metric_date=lt.2025-03-06", NULL, NULL, 200, NULL, "[]\n"},
    {ME, "GET", DAILY "&metric_date=gte.2025-03-03&metric_date=lte.2025-03-04", NULL, NULL, 200,
     "Nilometer-Coverage: 1/2\nNilometer-Gaps: 2025-03-03 not_collected\nNilometer-Hint: nilometer backfill --from 2025-03-03 --to 2025-03-03", NULL},
    {ME, "GET", DAILY "&metric_date=gte.2024-12-31&metric_date=lte.2025-01-02", NULL, NULL, 200,
     "Nilometer-Coverage: 0/3\nNilometer-Gaps: 2024-12-31..2025-01-02 not_collected", "[]\n"},
    /* days to come are no gaps, today is not yet one */
    {ME, "GET", DAILY "&metric_date=gte.2025-03-10&metric_date=lte.2025-03-20", NULL, NULL, 200,
     "Nilometer-Coverage: 0/1\nNilometer-Gaps: 2025-03-10 not_yet\n!Nilometer-Hint", "[]\n"},
    {ME, "GET", DAILY "&metric_date=gte.2025-03-11", NULL, NULL, 200, "Nilometer-Coverage: 0/0\n!Nilometer-Gaps", "[]\n"},
    {ME, "HEAD", DAILY "&metric_date=eq.2025-03-04", NULL, NULL, 200, "Nilometer-Coverage: 1/1", ""},
    {"anon acme", "GET", DAILY "&metric_date=eq.2025-03-04", NULL, NULL, 200, "Nilometer-Coverage: 1/1", NULL},
    /* of items: their own days */
    {ME, "GET", "/rest/v1/content_snapshots?select=views&day=eq.2025-03-01", NULL, NULL, 200, "Nilometer-Data-Through: 2025-03-04", NULL},
    {ME, "GET", "/rest/v1/content_snapshots?select=views&day=eq.2025-03-04&window_days=eq.30", NULL, NULL, 200,
     "Nilometer-Data-Through: 2025-03-04\nNilometer-Coverage: 1/1", NULL},
    {"authenticated beta", "GET", DAILY "&metric_date=eq.2025-03-04", NULL, NULL, 200, "Nilometer-Coverage: 0/1", NULL},
    /* relations without days say nothing, and so do mistakes */
    {ME, "GET", "/rest/v1/owners?limit=1", NULL, NULL, 200, "!Nilometer-Coverage\n!Nilometer-Data-Through", NULL},
    {ME, "GET", DAILY "&value=eq.x", NULL, NULL, 400, "!Nilometer-Coverage", NULL},
    {"anon acme", "GET", LATEST, NULL, NULL, 401, "!Nilometer-Coverage", NULL},
};

/* and of what is asked for, not of the workspace's as a whole. users_total was read on 03-07 and 03-09, shares of the day were counted for 03-04 to 03-06; v1 of yt was
 * read on 03-01, 02 and 04, v2 on 03-01 and 04; import-old has 02-01 and 02-10 */
#define SNAPSHOTS "/rest/v1/content_snapshots?select=views"
#define VALUES "/rest/v1/metric_values?select=value"
static const struct rest_row asked[] = {
    {ME, "GET", DAILY "&metric_category=eq.users_total&metric_date=gte.2025-03-05&metric_date=lte.2025-03-09", NULL, NULL, 200,
     "Nilometer-Data-Through: 2025-03-09\nNilometer-Coverage: 2/5\nNilometer-Gaps: 2025-03-05..2025-03-06 not_collected, 2025-03-08 not_collected\n"
     "Nilometer-Hint: nilometer backfill --from 2025-03-05 --to 2025-03-08", NULL},
    {ME, "GET", DAILY "&metric_category=in.(users_total,share)&metric_date=gte.2025-03-04&metric_date=lte.2025-03-07", NULL, NULL, 200,
     "Nilometer-Coverage: 3/4\nNilometer-Gaps: 2025-03-07 not_collected", NULL},
    {ME, "GET", DAILY "&metric_type=eq.percentage&metric_date=gte.2025-03-04&metric_date=lte.2025-03-07", NULL, NULL, 200,
     "Nilometer-Data-Through: 2025-03-06\nNilometer-Coverage: 3/4", NULL},
    /* without bounds: from its first day on; of what nobody ever read there are no days */
    {ME, "GET", DAILY "&metric_category=eq.users_total", NULL, NULL, 200, "Nilometer-Coverage: 2/4\nNilometer-Gaps: 2025-03-08 not_collected, 2025-03-10 not_yet", NULL},
    {ME, "GET", DAILY "&metric_category=eq.nothing", NULL, NULL, 200, "Nilometer-Coverage: 0/0\n!Nilometer-Hint", "[]\n"},
    {ME, "GET", DAILY "&metric_category=eq.nothing&metric_date=eq.2025-03-05", NULL, NULL, 200, "Nilometer-Coverage: 0/1\n!Nilometer-Hint", "[]\n"},
    /* a source that failed may be asked again; of one connection the command names it */
    {ME, "GET", DAILY "&metric_category=eq.posts_created&connection=eq.app&metric_date=gte.2025-03-06&metric_date=lte.2025-03-08", NULL, NULL, 200,
     "Nilometer-Coverage: 1/3\nNilometer-Gaps: 2025-03-07 not_collected, 2025-03-08 failed\n"
     "Nilometer-Hint: nilometer backfill --from 2025-03-07 --to 2025-03-08 --workspace acme --connection app", NULL},
    {ME, "GET", DAILY "&connection=eq.beta-app&metric_date=eq.2025-03-08", NULL, NULL, 200, "Nilometer-Coverage: 0/1\n!Nilometer-Hint\n!Nilometer-Data-Through", "[]\n"},
    /* items are read as they are now: no backfill brings their days */
    {ME, "GET", SNAPSHOTS "&connection=eq.yt&day=gte.2025-03-01&day=lte.2025-03-04", NULL, NULL, 200,
     "Nilometer-Data-Through: 2025-03-04\nNilometer-Coverage: 1/4\n!Nilometer-Hint", NULL},
    {ME, "GET", SNAPSHOTS "&connection=eq.import-old&day=gte.2025-02-10&day=lte.2025-02-11", NULL, NULL, 200,
     "Nilometer-Data-Through: 2025-02-10\nNilometer-Coverage: 0/2\nNilometer-Gaps: 2025-02-10..2025-02-11 not_collected", NULL},
    {ME, "GET", SNAPSHOTS "&external_id=eq.v1&connection=eq.yt&day=gte.2025-03-01&day=lte.2025-03-04", NULL, NULL, 200,
     "Nilometer-Data-Through: 2025-03-04\nNilometer-Coverage: 3/4\nNilometer-Gaps: 2025-03-03 not_collected\n!Nilometer-Hint", NULL},
    {ME, "GET", SNAPSHOTS "&external_id=in.(v1,v2)&connection=eq.yt&day=gte.2025-03-01&day=lte.2025-03-04", NULL, NULL, 200, "Nilometer-Coverage: 2/4", NULL},
    {ME, "GET", SNAPSHOTS "&external_id=eq.v1&connection=eq.yt", NULL, NULL, 200, "Nilometer-Coverage: 3/10", NULL},
    {ME, "GET", SNAPSHOTS "&external_id=eq.nobody&day=eq.2025-03-04", NULL, NULL, 200, "Nilometer-Coverage: 0/1", "[]\n"},
    {ME, "GET", VALUES "&external_id=eq.v1&connection=eq.yt&metric=eq.comments&day=gte.2025-03-01&day=lte.2025-03-04", NULL, NULL, 200,
     "Nilometer-Coverage: 2/4\nNilometer-Gaps: 2025-03-02 failed, 2025-03-03 not_collected", NULL},
    {ME, "GET", VALUES "&metric=eq.shares&day=gte.2025-03-01&day=lte.2025-03-04", NULL, NULL, 200,
     "Nilometer-Coverage: 2/4\nNilometer-Gaps: 2025-03-02..2025-03-03 not_collected\n!Nilometer-Hint", NULL},
    {ME, "GET", "/rest/v1/owner_daily?select=views&owner=eq.bob&day=gte.2025-03-01&day=lte.2025-03-02", NULL, NULL, 200, "Nilometer-Coverage: 1/2", NULL},
    {ME, "GET", "/rest/v1/owner_daily?select=views&owner=eq.nobody&day=eq.2025-03-01", NULL, NULL, 200, "Nilometer-Coverage: 0/1", "[]\n"},
};

static void an_answer_says_how_its_days_stand(void **state)
{
    (void)state;
    REST_CHECK_ALL(&r, days);
    REST_CHECK_ALL(&r, asked);
    REST_CHECK_ALL(&r, days); /* and so does one that was kept */
    REST_CHECK_ALL(&r, asked);
}

static bool open;
static int open_sqlite(void **state)
{
    (void)state;
    open = rest_world_open(&r, NILO_DB_SQLITE) == 0;
    return 0;
}
static int open_postgres(void **state)
{
    (void)state;
    open = rest_world_open(&r, NILO_DB_POSTGRES) == 0;
    return 0;
}
static int close_world(void **state)
{
    (void)state;
    if (open)
        rest_world_close(&r);
    return 0;
}
static int need(void **state)
{
    (void)state;
    if (!open)
        nilo_test_skip("%s", nilo_test_pg_missing());
    return 0;
}

#define T(name) cmocka_unit_test_setup(name, need)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_answer_says_how_its_days_stand),
        T(the_same_request_is_answered_from_memory),
        T(what_others_write_is_seen_at_the_next_look),
        T(what_the_writer_writes_is_seen_at_once),
        T(a_metric_that_was_defined_meanwhile_is_known),
        T(small_questions_are_answered_by_the_loop),
        T(browsers_keep_what_is_left_of_the_time),
        T(who_has_the_answer_is_told_so),
        T(memory_is_bounded),
    };
    int bad = cmocka_run_group_tests_name("answers given again, SQLite", tests, open_sqlite, close_world);
    return bad + cmocka_run_group_tests_name("answers given again, PostgreSQL", tests, open_postgres, close_world);
}
