/* as_of a moment behind the days that were dropped answers as before the drop: random histories with late values, corrections (down, up, to an
 * absence), runs that are taken out and days that are replaced while they are open; what is asked before and after must be the same text. */
#include "query/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/query.h"

enum { GONE = 12, MOMENTS = 24 }; /* the last of the days that go is JAN + GONE */

/* ---- questions ------------------------------------------------------------------------------------------------------------------------ */

static int to_buf(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    (void)err;
    return nilo_buf_add(ctx, p, n);
}

static void ask(struct stores *s, const char *question, const char *as_of, struct nilo_buf *to)
{
    struct nilo_buf answer;
    nilo_buf_addf(to, "%s as of %s\n", question, as_of);
    nilo_buf_init(&answer, 1 << 20);
    history_ask(s, question, as_of, &answer);
    /* the first day's change is one from a day that is gone */
    const char *first = strncmp(question, "timeseries", 10) == 0 ? strstr(nilo_buf_str(&answer), "\n2025-01-14,") : NULL;
    size_t head = first ? (size_t)(first + 1 - nilo_buf_str(&answer)) : 0;
    ok(s, nilo_buf_add(to, nilo_buf_str(&answer), head));
    nilo_buf_adds(to, nilo_buf_str(&answer) + head + (first ? strcspn(first + 1, "\n") : 0));
    nilo_buf_done(&answer);
}

static const char *const questions[] = {
    "content_snapshots?select=external_id,window_days,day,captured_at,views,likes&day=gte.2025-01-14&order=external_id,window_days,day",
    "owner_daily?select=owner,day,items,fresh,views,likes&day=gte.2025-01-14&order=owner,day",
    "timeseries metric=views from=2025-01-14 to=2025-01-30",
    "timeseries metric=likes from=2025-01-14 to=2025-01-30 connection=second",
    "timeseries metric=views from=2025-01-14 to=2025-01-30 owner=ann",
    "timeseries metric=views from=2025-01-14 to=2025-01-30 window_days=30",
};

static char *answers(struct stores *s, uint64_t seed)
{
    struct nilo_seeded_random seeded;
    struct nilo_random r = nilo_seeded_random(&seeded);
    struct nilo_buf all;
    nilo_seeded_random_init(&seeded, seed);
    nilo_buf_init(&all, 64 << 20);
    const nilo_us over = (JAN + GONE + 1) * NILO_US_DAY;
    for (int i = 0; i < MOMENTS; i++) {
        /* half of them among what is recorded a minute apart in the morning */
        nilo_us at = over + (nilo_us)nilo_random_below(&r, DAYS - GONE) * NILO_US_DAY + (nilo_us)nilo_random_below(&r, i % 2 ? 1440 : 10) * NILO_US_MINUTE +
                     (i % 2 ? 0 : 6 * NILO_US_HOUR) + NILO_US_MINUTE / 2;
        char as_of[NILO_US_TEXT];
        history_moment(at, as_of);
        for (size_t k = 0; k < sizeof questions / sizeof questions[0]; k++)
            ask(s, questions[k], as_of, &all);
    }
    char *text = strdup(nilo_buf_str(&all));
    nilo_buf_done(&all);
    return text;
}

/* ---- before and after ------------------------------------------------------------------------------------------------------------------- */

static void drop(struct stores *s, int32_t until)
{
    for (int i = 0; i < 2; i++) {
        struct nilo_connection c = history_channel(s, i);
        struct nilo_dropped went;
        const struct nilo_drop how = {.connection = c.id, .until = NILO_DAY(until), .author = "ann"};
        ok(s, nilo_store_drop(s->store, &how, &went, &s->err));
    }
}

static void show_difference(const char *before, const char *after, uint64_t seed)
{
    const char *question = before;
    size_t line = 0;
    for (size_t i = 0; before[i] && before[i] == after[i]; i++)
        if (before[i] == '\n') {
            line = i + 1;
            if (strstr(before + line, " as of ") && strcspn(before + line, "\n") > (size_t)(strstr(before + line, " as of ") - (before + line)))
                question = before + line;
        }
    fail_msg("seed %d: %.*s\nbefore: %.*s\nafter:  %.*s", (int)seed, (int)strcspn(question, "\n"), question, (int)strcspn(before + line, "\n"),
             before + line, (int)strcspn(after + line, "\n"), after + line);
}

static void a_moment_behind_the_dropped_days_answers_as_before(struct stores *s)
{
    bool lite = s->engine == NILO_DB_SQLITE; /* a server takes its time for each run of a history */
    for (uint64_t seed = lite ? 1 : 7; seed <= (lite ? 12 : 8); seed++) {
        assert_int_equal(stores_fresh(s), 0);
        history(s, seed, &(struct history){0});
        char *before = answers(s, seed);
        if (seed % 2)
            drop(s, JAN + GONE / 2);
        drop(s, JAN + GONE);
        char *after = answers(s, seed);
        if (strcmp(before, after) != 0)
            show_difference(before, after, seed);
        free(before);
        free(after);
    }
}

/* ---- what is told of the act ------------------------------------------------------------------------------------------------------------ */

static char *told(struct stores *s, const struct nilo_scope *scope)
{
    static const char text[] = "drops?select=workspace,connection,from_day,until_day,values_dropped,author";
    const struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_query *q;
    struct nilo_writer *w;
    struct nilo_buf answer;
    nilo_buf_init(&answer, 1 << 20);
    ok(s, nilo_query_parse(s->store, text, sizeof text - 1, &request, &q, NULL, &s->err));
    ok(s, nilo_writer_new(NILO_FORMAT_CSV, false, to_buf, &answer, &w, &s->err));
    struct nilo_sink sink = nilo_writer_sink(w);
    int rc = nilo_query_run(q, s->store, scope, &sink, &s->err);
    if (rc == 0)
        ok(s, nilo_writer_end(w, &s->err));
    nilo_writer_free(w);
    nilo_query_free(q);
    char *all = rc == 0 ? strdup(nilo_buf_str(&answer)) : NULL;
    nilo_buf_done(&answer);
    return all;
}

/* Nobody learns of another workspace's drops, and nobody without a key of any. */
static void a_drop_is_told_in_its_own_workspace(struct stores *s)
{
    struct nilo_connection other = stores_connection(s, "them", "UTC", "channel", "youtube", "db");
    history(s, 1, &(struct history){0});
    drop(s, JAN + GONE);
    struct nilo_connection c = history_channel(s, 0);
    const struct nilo_scope of_us = {.role = NILO_ROLE_AUTHENTICATED, .workspaces = &c.workspace, .n = 1},
                            of_them = {.role = NILO_ROLE_AUTHENTICATED, .workspaces = &other.workspace, .n = 1},
                            of_nobody = {.role = NILO_ROLE_ANON, .workspaces = &c.workspace, .n = 1};
    char *us = told(s, &of_us), *them = told(s, &of_them);
    assert_non_null(strstr(us, "\nus,channel,2025-01-01,2025-01-13,"));
    assert_non_null(strstr(us, ",ann\n"));
    assert_string_equal(them, "workspace,connection,from_day,until_day,values_dropped,author\n");
    assert_null(told(s, &of_nobody));
    assert_int_equal(s->err.code, NILO_EPERM);
    free(us);
    free(them);
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(a_moment_behind_the_dropped_days_answers_as_before),
                                               STORES_TEST(a_drop_is_told_in_its_own_workspace)};
    return stores_run("dropped", tests, sizeof tests / sizeof tests[0]);
}
