/* What has become new since the last look, on both engines: every run that ended and every day that closed, once, whoever wrote it and in whatever order. */
#include "put.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct rig {
    struct stores *s;
    struct nilo_store *reader; /* another handle than the one that writes */
    struct nilo_news *news;
    struct nilo_buf told;
    int fail_at; /* the sink fails there; 0 = never */
};

static int sink_fails(struct rig *r, struct nilo_err *err)
{
    return r->fail_at > 0 && --r->fail_at == 0 ? nilo_err_set(err, NILO_ENOMEM, "no room") : 0;
}

static int told_run(void *ctx, const struct nilo_news_run *n, struct nilo_err *err)
{
    struct rig *r = ctx;
    nilo_buf_addf(&r->told, "%lld %s %s %s/%s %d..%d|", (long long)n->id, nilo_run_kind_name(n->kind), nilo_run_status_name(n->status), n->workspace, n->connection,
                  n->first_day.n, n->last_day.n);
    return sink_fails(r, err);
}

static int told_days(void *ctx, const struct nilo_news_days *d, struct nilo_err *err)
{
    struct rig *r = ctx;
    assert_int_equal(d->days, d->to.n - d->from.n + 1);
    nilo_buf_addf(&r->told, "%s/%s %d..%d %s|", d->workspace, d->connection, d->from.n, d->to.n, d->state);
    return sink_fails(r, err);
}

static int told_items(void *ctx, const struct nilo_news_items *d, struct nilo_err *err)
{
    struct rig *r = ctx;
    nilo_buf_addf(&r->told, "%s/%s %s %lld:", d->workspace, d->connection, nilo_presence_name((int)d->event), (long long)d->n);
    for (size_t i = 0; i < d->n_ids; i++)
        nilo_buf_addf(&r->told, " %s", d->ids[i]);
    nilo_buf_addc(&r->told, '|');
    return sink_fails(r, err);
}

static void rig_open(struct rig *r, struct stores *s)
{
    *r = (struct rig){.s = s};
    nilo_buf_init(&r->told, 1 << 20);
    ok(s, nilo_store_open(s->target, NILO_STORE_READ, &s->env, &r->reader, &s->err));
    ok(s, nilo_store_news_new(&r->news, &s->err));
}

static void rig_close(struct rig *r)
{
    nilo_store_news_free(r->news);
    nilo_store_close(r->reader);
    nilo_buf_done(&r->told);
}

static int look(struct rig *r)
{
    const struct nilo_news_sink sink = {told_run, told_days, told_items, r};
    nilo_buf_reset(&r->told);
    return nilo_store_news_look(r->reader, r->news, &sink, &r->s->err);
}

#define tells(r, text)                                                                                                 \
    do {                                                                                                               \
        ok((r)->s, look(r));                                                                                           \
        assert_string_equal(nilo_buf_str(&(r)->told), text);                                                           \
    } while (0)

static struct nilo_run begin(struct stores *s, const struct nilo_connection *c, enum nilo_run_kind kind)
{
    struct nilo_run run = {.workspace = c->workspace, .connection = c->id, .kind = kind, .target_day = NILO_DAY_NONE, .started_at = s->clock.wall,
                           .first_day = NILO_DAY_NONE, .last_day = NILO_DAY_NONE, .ended_at = NILO_US_NONE};
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_run_begin(s->store, &run, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    return run;
}

static void end(struct stores *s, struct nilo_run *run, enum nilo_run_status status)
{
    run->status = status;
    run->ended_at = s->clock.wall;
    run->first_day = run->last_day = NILO_DAY(7);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_run_update(s->store, run, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

static void runs_are_told_once_when_they_end_in_whatever_order(struct stores *s)
{
    struct rig r;
    struct nilo_connection c = stores_connection(s, "a", "UTC", "c", "youtube", "file"), d = stores_connection(s, "b", "UTC", "d", "youtube", "file");
    struct nilo_run before = begin(s, &c, NILO_RUN_COLLECT), early = begin(s, &c, NILO_RUN_COLLECT);
    end(s, &before, NILO_COMPLETED);
    rig_open(&r, s);
    tells(&r, ""); /* from here on; one is running */
    struct nilo_run later = begin(s, &d, NILO_RUN_IMPORT);
    tells(&r, "");
    end(s, &later, NILO_RUN_QUARANTINED);
    tells(&r, "3 import quarantined b/d 7..7|");
    tells(&r, "");
    end(s, &early, NILO_RUN_FAILED);
    struct nilo_run quick = begin(s, &c, NILO_RUN_PUSH);
    end(s, &quick, NILO_COMPLETED);
    tells(&r, "2 collect failed a/c 7..7|4 push completed a/c 7..7|");
    tells(&r, "");
    rig_close(&r);
}

static void days_are_told_in_stretches_of_one_state(struct stores *s)
{
    struct rig r;
    struct nilo_connection c = stores_connection(s, "a", "UTC", "c", "youtube", "file");
    rig_open(&r, s);
    put(s, &c, "v", 100, 1, 5);
    put(s, &c, "v", 101, 1, 5);
    put(s, &c, "v", 104, 1, 5);
    tells(&r, ""); /* the first look comes after all that */
    put_close(s, &c, 104);
    tells(&r, "a/c 100..101 complete|a/c 102..103 empty|a/c 104..104 complete|");
    tells(&r, "");
    put_close(s, &c, 105);
    put_close(s, &c, 106);
    ok(s, look(&r));
    assert_int_equal(strncmp(nilo_buf_str(&r.told), "a/c 105..", 9), 0);
    tells(&r, "");
    rig_close(&r);
}

/* Items id0, id1, ... of a connection, as a reading calls them. */
static void call(struct stores *s, const struct nilo_connection *c, const char *id, int n, const char *status, nilo_us at)
{
    const struct nilo_attrs a = {.posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = at, .duration_ms = -1, .status = status};
    struct nilo_entity_ref ref;
    ok(s, nilo_store_begin(s->store, &s->err));
    for (int i = 0; i < n; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s%d", id, i);
        ok(s, nilo_store_entities(s->store, c, &(struct nilo_entity_in){NILO_CONTENT, name, &a}, 1, &ref, &s->err));
    }
    ok(s, nilo_store_commit(s->store, &s->err));
}

static void items_that_go_and_come_back_are_told_together(struct stores *s)
{
    struct rig r;
    struct nilo_connection c = stores_connection(s, "a", "UTC", "c", "youtube", "file"), d = stores_connection(s, "b", "UTC", "d", "youtube", "file");
    call(s, &c, "x", 2, "public", 10);
    call(s, &c, "x", 2, "private", 20);
    rig_open(&r, s);
    tells(&r, ""); /* what was before */
    call(s, &c, "x", 1, "public", 30);
    call(s, &c, "x", 2, "unlisted", 40);
    call(s, &d, "y", 1, "public", 40);
    tells(&r, "a/c live 1: x0|a/c hidden 2: x0 x1|");
    tells(&r, "");
    call(s, &d, "y", NILO_NEWS_ITEMS + 5, "public", 50);
    call(s, &d, "y", NILO_NEWS_ITEMS + 5, "private", 60);
    r.fail_at = 1;
    fails(s, NILO_ENOMEM, look(&r)); /* all of it again, then */
    ok(s, look(&r));
    assert_int_equal(strncmp(nilo_buf_str(&r.told), "b/d private 25: y0 y1 y2 ", 25), 0);
    assert_null(strstr(nilo_buf_str(&r.told), " y20")); /* counted, not listed */
    assert_non_null(strstr(nilo_buf_str(&r.told), " y19|"));
    tells(&r, "");
    rig_close(&r);
}

/* A restore brings a workspace, its items and their events in one transaction: what was told elsewhere, years ago, is no news here. */
static void the_past_of_a_restored_workspace_is_not_told(struct stores *s)
{
    struct rig r;
    struct nilo_connection c = stores_connection(s, "a", "UTC", "c", "youtube", "file");
    call(s, &c, "x", 1, "public", 10);
    rig_open(&r, s);
    tells(&r, "");
    struct nilo_connection d = stores_connection(s, "old", "UTC", "d", "youtube", "import");
    call(s, &d, "y", 2, "public", 10);
    call(s, &d, "y", 2, "private", 20);
    call(s, &c, "x", 1, "private", 30);
    call(s, &d, "y", 1, "public", 25);
    tells(&r, "a/c private 1: x0|");
    call(s, &d, "y", 1, "private", 40); /* from then on it is as any other */
    tells(&r, "old/d private 1: y0|");
    rig_close(&r);
}

static void a_connection_that_came_meanwhile_is_told_from_its_first_day(struct stores *s)
{
    struct rig r;
    rig_open(&r, s);
    tells(&r, "");
    struct nilo_connection c = stores_connection(s, "a", "UTC", "c", "youtube", "file");
    put(s, &c, "v", 100, 1, 5);
    put_close(s, &c, 100);
    ok(s, look(&r));
    assert_non_null(strstr(nilo_buf_str(&r.told), "a/c 100..100 complete|"));
    tells(&r, "");
    rig_close(&r);
}

static void a_look_that_failed_is_told_again_as_a_whole(struct stores *s)
{
    struct rig r;
    struct nilo_connection c = stores_connection(s, "a", "UTC", "c", "youtube", "file");
    struct nilo_run one = begin(s, &c, NILO_RUN_COLLECT), two = begin(s, &c, NILO_RUN_COLLECT);
    rig_open(&r, s);
    tells(&r, "");
    end(s, &one, NILO_COMPLETED);
    end(s, &two, NILO_PARTIAL);
    r.fail_at = 2;
    fails(s, NILO_ENOMEM, look(&r));
    tells(&r, "1 collect completed a/c 7..7|2 collect partial a/c 7..7|");
    /* another handle of the same store goes on where the first one was */
    nilo_store_close(r.reader);
    ok(s, nilo_store_open(s->target, NILO_STORE_READ, &s->env, &r.reader, &s->err));
    nilo_store_news_reopened(r.news);
    tells(&r, "");
    struct nilo_run three = begin(s, &c, NILO_RUN_COLLECT);
    end(s, &three, NILO_COMPLETED);
    tells(&r, "3 collect completed a/c 7..7|");
    rig_close(&r);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(runs_are_told_once_when_they_end_in_whatever_order),
        STORES_TEST(days_are_told_in_stretches_of_one_state),
        STORES_TEST(items_that_go_and_come_back_are_told_together),
        STORES_TEST(the_past_of_a_restored_workspace_is_not_told),
        STORES_TEST(a_connection_that_came_meanwhile_is_told_from_its_first_day),
        STORES_TEST(a_look_that_failed_is_told_again_as_a_whole),
    };
    return stores_run("news", tests, sizeof(tests) / sizeof(tests[0]));
}
