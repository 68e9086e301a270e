/* The one writer of the daemon: jobs run one after another on its thread, what is not run is said to be not written, and nothing half done stays. */
#include "store/stores.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "api/writer.h"

#define FOR_EVER INT64_MAX

struct rig {
    struct stores *s;
    struct nilo_api api;
    struct nilo_env env;
    _Atomic int64_t mono;
    atomic_int opened, fail_open;
    atomic_bool gate;
};

static nilo_us mono(void *ctx)
{
    struct rig *r = ctx;
    return atomic_load(&r->mono);
}

static int open_store(void *ctx, struct nilo_store **ret, struct nilo_err *err)
{
    struct rig *r = ctx;
    if (atomic_load(&r->fail_open) > 0)
        return nilo_err_set(err, NILO_ELOCKED, "held by another");
    atomic_fetch_add(&r->opened, 1);
    return nilo_store_open(r->s->target, NILO_STORE_WRITE, &r->s->env, ret, err);
}

static void rig_open(struct rig *r, struct stores *s, int64_t queue)
{
    nilo_store_close(s->store);
    s->store = NULL;
    *r = (struct rig){.s = s, .env = s->env};
    r->env.clock.mono = mono;
    r->env.clock.ctx = r;
    const struct nilo_api_writer_config config = {.env = &r->env, .open = open_store, .ctx = r, .queue = queue};
    ok(s, nilo_api_writer_new(&config, &r->api.writer, &s->err));
}

static void rig_close(struct rig *r)
{
    nilo_api_writer_free(r->api.writer);
    r->api.writer = NULL;
    stores_reopen(r->s, NILO_STORE_READ);
}

static void moment(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void *text(const char *p)
{
    return (void *)(uintptr_t)p;
}

/* ---- jobs ------------------------------------------------------------------------------------------------------------------------------ */

static int put(struct nilo_store *s, void *ctx, struct nilo_err *err)
{
    return nilo_store_meta_set(s, ctx, "written", err);
}

static int put_and_fail(struct nilo_store *s, void *ctx, struct nilo_err *err)
{
    if (nilo_store_begin(s, err) != 0 || nilo_store_meta_set(s, ctx, "half", err) != 0)
        return -1;
    return nilo_err_set(err, NILO_EINVAL, "changed its mind");
}

static int put_and_forget(struct nilo_store *s, void *ctx, struct nilo_err *err)
{
    return nilo_store_begin(s, err) != 0 ? -1 : nilo_store_meta_set(s, ctx, "half", err);
}

struct slow {
    struct rig *rig;
    atomic_bool begun;
};
static int slow(struct nilo_store *s, void *ctx, struct nilo_err *err)
{
    struct slow *o = ctx;
    (void)s, (void)err;
    atomic_store(&o->begun, true);
    while (!atomic_load(&o->rig->gate))
        moment();
    return 0;
}

static int count_one(struct nilo_store *s, void *ctx, struct nilo_err *err)
{
    char *had, next[32];
    (void)ctx;
    if (nilo_store_meta_get(s, "count", &had, err) != 0)
        return -1;
    snprintf(next, sizeof next, "%ld", (had != NULL ? strtol(had, NULL, 10) : 0) + 1);
    free(had);
    return nilo_store_meta_set(s, "count", next, err);
}

struct caller {
    struct rig *rig;
    pthread_t thread;
    nilo_writer_fn *fn;
    void *ctx;
    nilo_us deadline;
    int times, rc;
    struct nilo_err err;
    atomic_bool over;
};
static void *call(void *arg)
{
    struct caller *c = arg;
    for (int i = 0; i < c->times && c->rc == 0; i++)
        c->rc = nilo_writer_do(&c->rig->api, c->fn, c->ctx, c->deadline, &c->err);
    atomic_store(&c->over, true);
    return NULL;
}

static void caller_start(struct caller *c)
{
    c->times = c->times > 0 ? c->times : 1;
    assert_int_equal(pthread_create(&c->thread, NULL, call, c), 0);
}

static void wait_for_queue(struct rig *r, int64_t n)
{
    struct nilo_writer_counts counts;
    do {
        moment();
        nilo_writer_counts(&r->api, &counts);
    } while (counts.queue != n);
}

/* ---- tests ------------------------------------------------------------------------------------------------------------------------------ */

static void a_job_is_on_disk_when_it_returns(struct stores *s)
{
    struct rig r;
    rig_open(&r, s, 0);
    uint64_t before = nilo_writer_generation(&r.api);
    ok(s, nilo_writer_do(&r.api, put, text("a"), FOR_EVER, &s->err));
    assert_true(nilo_writer_generation(&r.api) > before);
    rig_close(&r);
    assert_rows(s, "SELECT value FROM meta WHERE key = 'a'", "written");
}

static void nothing_of_a_job_that_failed_stays(struct stores *s)
{
    struct rig r;
    rig_open(&r, s, 0);
    fails(s, NILO_EINVAL, nilo_writer_do(&r.api, put_and_fail, text("a"), FOR_EVER, &s->err));
    assert_string_equal(s->err.msg, "changed its mind");
    ok(s, nilo_writer_do(&r.api, put, text("b"), FOR_EVER, &s->err));
    rig_close(&r);
    assert_rows(s, "SELECT key FROM meta WHERE key IN ('a', 'b')", "b");
}

static void a_transaction_left_open_is_undone(struct stores *s)
{
    struct rig r;
    rig_open(&r, s, 0);
    ok(s, nilo_writer_do(&r.api, put_and_forget, text("a"), FOR_EVER, &s->err));
    ok(s, nilo_writer_do(&r.api, put, text("b"), FOR_EVER, &s->err));
    rig_close(&r);
    assert_rows(s, "SELECT key FROM meta WHERE key IN ('a', 'b')", "b");
}

static void jobs_of_many_threads_run_one_after_another(struct stores *s)
{
    struct rig r;
    struct caller c[8];
    rig_open(&r, s, 0);
    for (int i = 0; i < 8; i++) {
        c[i] = (struct caller){.rig = &r, .fn = count_one, .deadline = FOR_EVER, .times = 20};
        caller_start(&c[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(c[i].thread, NULL);
        assert_int_equal(c[i].rc, 0);
    }
    rig_close(&r);
    assert_rows(s, "SELECT value FROM meta WHERE key = 'count'", "160");
}

static void a_job_past_its_deadline_never_runs(struct stores *s)
{
    struct rig r;
    rig_open(&r, s, 0);
    struct slow hold = {.rig = &r};
    struct caller first = {.rig = &r, .fn = slow, .ctx = &hold, .deadline = 50};
    struct caller second = {.rig = &r, .fn = put, .ctx = text("late"), .deadline = 50};
    struct caller third = {.rig = &r, .fn = put, .ctx = text("in time"), .deadline = FOR_EVER};
    caller_start(&first);
    while (!atomic_load(&hold.begun))
        moment();
    caller_start(&second);
    wait_for_queue(&r, 1);
    caller_start(&third);
    wait_for_queue(&r, 2);
    atomic_store(&r.mono, 51);
    pthread_join(second.thread, NULL);
    assert_int_equal(second.rc, -1);
    assert_int_equal(second.err.code, NILO_EBUSY);
    assert_false(atomic_load(&first.over)); /* it had begun: it is waited for, whatever the time */
    atomic_store(&r.gate, true);
    pthread_join(first.thread, NULL);
    pthread_join(third.thread, NULL);
    assert_int_equal(first.rc, 0);
    assert_int_equal(third.rc, 0);
    rig_close(&r);
    assert_rows(s, "SELECT key FROM meta WHERE key IN ('late', 'in time')", "in time");
}

static void too_many_are_refused_at_once(struct stores *s)
{
    struct rig r;
    rig_open(&r, s, 1);
    struct slow hold = {.rig = &r};
    struct caller first = {.rig = &r, .fn = slow, .ctx = &hold, .deadline = FOR_EVER};
    struct caller second = {.rig = &r, .fn = put, .ctx = text("a"), .deadline = FOR_EVER};
    caller_start(&first);
    while (!atomic_load(&hold.begun))
        moment();
    caller_start(&second);
    wait_for_queue(&r, 1);
    fails(s, NILO_EBUSY, nilo_writer_do(&r.api, put, text("b"), FOR_EVER, &s->err));
    atomic_store(&r.gate, true);
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    rig_close(&r);
    assert_rows(s, "SELECT key FROM meta WHERE key IN ('a', 'b')", "a");
}

static void who_waits_at_the_end_is_told_that_nothing_was_written(struct stores *s)
{
    struct rig r;
    rig_open(&r, s, 0);
    struct slow hold = {.rig = &r};
    struct caller first = {.rig = &r, .fn = slow, .ctx = &hold, .deadline = FOR_EVER};
    struct caller second = {.rig = &r, .fn = put, .ctx = text("a"), .deadline = FOR_EVER};
    caller_start(&first);
    while (!atomic_load(&hold.begun))
        moment();
    caller_start(&second);
    wait_for_queue(&r, 1);
    nilo_api_writer_quit(r.api.writer);
    pthread_join(second.thread, NULL);
    assert_int_equal(second.err.code, NILO_EBUSY);
    atomic_store(&r.gate, true);
    pthread_join(first.thread, NULL);
    assert_int_equal(first.rc, 0);
    rig_close(&r);
    assert_rows(s, "SELECT key FROM meta WHERE key = 'a'", "");
}

static void a_store_that_was_held_is_opened_when_it_can_be(struct stores *s)
{
    struct rig r;
    rig_open(&r, s, 0);
    atomic_store(&r.fail_open, 1);
    fails(s, NILO_ELOCKED, nilo_writer_do(&r.api, put, text("a"), FOR_EVER, &s->err));
    atomic_store(&r.fail_open, 0);
    ok(s, nilo_writer_do(&r.api, put, text("b"), FOR_EVER, &s->err));
    rig_close(&r);
    assert_rows(s, "SELECT key FROM meta WHERE key IN ('a', 'b')", "b");
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_job_is_on_disk_when_it_returns),
        STORES_TEST(nothing_of_a_job_that_failed_stays),
        STORES_TEST(a_transaction_left_open_is_undone),
        STORES_TEST(jobs_of_many_threads_run_one_after_another),
        STORES_TEST(a_job_past_its_deadline_never_runs),
        STORES_TEST(too_many_are_refused_at_once),
        STORES_TEST(who_waits_at_the_end_is_told_that_nothing_was_written),
        STORES_TEST(a_store_that_was_held_is_opened_when_it_can_be),
    };
    return stores_run("writer", tests, sizeof tests / sizeof tests[0]);
}
