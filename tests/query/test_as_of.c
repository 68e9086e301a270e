/* What relations and functions answer as of a moment is what they answered at it: random histories whose open days are replaced and whose closed days are
 * amended, asked in the morning of each day, and again as of that morning when the month is over. */
#include "query/history.h"
#include "query/query.h"

#include <stdlib.h>
#include <string.h>

static const char *const questions[] = {
    "content_snapshots?select=external_id,window_days,day,captured_at,provenance,absence,views,likes&order=external_id,window_days,day",
    "content_snapshots?select=external_id,window_days,day,likes&day=gte.2025-01-10&day=lte.2025-01-20&order=external_id,window_days,day",
    "content_snapshots?select=external_id,day,views&day=eq.2025-01-12&window_days=eq.30&order=external_id,day",
    "owner_daily?select=owner,day,items,fresh,views,likes&order=owner,day",
    "owner_daily?select=owner,day,items,likes&day=gte.2025-01-08&day=lte.2025-01-16&owner=eq.ann&order=day",
    "owner_daily?select=day,views,fresh&day=eq.2025-01-15&owner=eq.bob",
    "timeseries metric=views from=2025-01-01 to=2025-01-20",
    "timeseries metric=likes from=2025-01-10 to=2025-01-16",
    "timeseries metric=likes window_days=30 from=2025-01-01 to=2025-01-20",
    "timeseries metric=views owner=ann from=2025-01-01 to=2025-01-20",
    "timeseries metric=likes platform=youtube connection=channel from=2025-01-05 to=2025-01-20",
    "growth metric=likes day=2025-01-01",
};
enum { QUESTIONS = sizeof questions / sizeof questions[0] };

struct asked {
    nilo_us at[DAYS];
    char *answers[DAYS][QUESTIONS];
    int n;
};

static char *answer(struct stores *s, const char *question, const char *as_of)
{
    struct nilo_buf text;
    nilo_buf_init(&text, 1 << 20);
    history_ask(s, question, as_of, &text);
    char *copy = strdup(nilo_buf_str(&text));
    nilo_buf_done(&text);
    return copy;
}

static void ask_now(void *ctx, struct stores *s, int32_t day)
{
    struct asked *a = ctx;
    if (s->engine == NILO_DB_POSTGRES && day % 4) /* a server takes its time */
        return;
    a->at[a->n] = s->clock.wall;
    for (int i = 0; i < QUESTIONS; i++)
        a->answers[a->n][i] = answer(s, questions[i], NULL);
    a->n++;
    s->clock.wall += NILO_US_SECOND; /* what follows is later */
}

static void compare(struct stores *s, const struct asked *a, uint64_t seed)
{
    for (int n = 0; n < a->n; n++)
        for (int i = 0; i < QUESTIONS; i++) {
            char moment[NILO_US_TEXT];
            history_moment(a->at[n], moment);
            char *then = answer(s, questions[i], moment);
            if (strcmp(then, a->answers[n][i]) != 0)
                fail_msg("seed %d: %s\nasked at %s:\n%s\nasked later, as of then:\n%s", (int)seed, questions[i], moment, a->answers[n][i], then);
            free(then);
        }
}

static void an_answer_as_of_a_moment_is_what_was_answered_then(struct stores *s)
{
    bool lite = s->engine == NILO_DB_SQLITE;
    for (uint64_t seed = 1; seed <= (lite ? 8 : 2); seed++) {
        struct asked a = {.n = 0};
        assert_int_equal(stores_fresh(s), 0);
        history(s, seed, &(struct history){.all_count = true, .look = ask_now, .ctx = &a});
        compare(s, &a, seed);
        for (int n = 0; n < a.n; n++)
            for (int i = 0; i < QUESTIONS; i++)
                free(a.answers[n][i]);
    }
}

static int ignore(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    (void)ctx, (void)p, (void)n, (void)err;
    return 0;
}

/* A day ends elsewhere at another time: it is no moment for workspaces of several zones. */
static void a_day_is_no_moment_for_several_zones(struct stores *s)
{
    static const struct {
        const char *as_of;
        bool one, good;
    } rows[] = {{"2025-01-05", true, true}, {"2025-01-05T12:00:00Z", false, true}, {"2025-01-05", false, false}};
    history(s, 1, &(struct history){0});
    struct nilo_connection here = history_channel(s, 0);
    stores_connection(s, "elsewhere", "Pacific/Auckland", "channel", "youtube", "db");
    const struct nilo_scope everything = {.all = true, .role = NILO_ROLE_SERVICE},
                            one = {.role = NILO_ROLE_SERVICE, .workspaces = &here.workspace, .n = 1};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct nilo_request request = NILO_REQUEST_DEFAULT;
        struct nilo_query *q;
        struct nilo_writer *w;
        char text[200];
        snprintf(text, sizeof text, "content_snapshots?select=day&as_of=%s", rows[i].as_of);
        assert_int_equal(nilo_query_parse(s->store, text, strlen(text), &request, &q, NULL, &s->err), 0);
        assert_int_equal(nilo_writer_new(NILO_FORMAT_CSV, false, ignore, NULL, &w, &s->err), 0);
        struct nilo_sink sink = nilo_writer_sink(w);
        assert_int_equal(nilo_query_run(q, s->store, rows[i].one ? &one : &everything, &sink, &s->err), rows[i].good ? 0 : -1);
        if (!rows[i].good)
            assert_non_null(strstr(s->err.msg, "as_of is a day, and it does not end at the same time in all workspaces"));
        nilo_writer_free(w);
        nilo_query_free(q);
    }
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(an_answer_as_of_a_moment_is_what_was_answered_then),
                                               STORES_TEST(a_day_is_no_moment_for_several_zones)};
    return stores_run("as_of", tests, sizeof tests / sizeof tests[0]);
}
