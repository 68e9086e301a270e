/* A store held by one process with several handles: they take turns, see what the others define, and nobody else writes. */
#include "stores.h"

#include "record/record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db/db.h"

struct held {
    struct stores *s;
    char *target;
    struct nilo_store_share *share;
    struct nilo_store *a, *b;
};

static void hold(struct held *h, struct stores *s)
{
    nilo_store_close(s->store);
    s->store = NULL;
    *h = (struct held){.s = s, .target = strdup(s->target)};
    ok(s, nilo_store_share_new(h->target, &s->env, &h->share, &s->err));
    ok(s, nilo_store_open_beside(h->share, NILO_STORE_WRITE, &h->a, &s->err));
    ok(s, nilo_store_open_beside(h->share, NILO_STORE_WRITE, &h->b, &s->err));
}

static void let_go(struct held *h)
{
    nilo_store_close(h->a);
    nilo_store_close(h->b);
    nilo_store_share_free(h->share);
    free(h->target);
    stores_reopen(h->s, NILO_STORE_READ);
}

static void moment(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int count_up(struct nilo_store *s, struct nilo_err *err)
{
    char *had, next[32];
    if (nilo_store_begin(s, err) != 0)
        return -1;
    int rc = nilo_store_meta_get(s, "count", &had, err);
    if (rc == 0) {
        snprintf(next, sizeof next, "%ld", (had != NULL ? strtol(had, NULL, 10) : 0) + 1);
        free(had);
        rc = nilo_store_meta_set(s, "count", next, err);
    }
    if (rc == 0)
        return nilo_store_commit(s, err);
    nilo_store_rollback(s);
    return -1;
}

struct counter {
    struct held *h;
    pthread_t thread;
    int rc;
    struct nilo_err err;
};
static void *count_on(void *arg)
{
    struct counter *c = arg;
    struct nilo_store *s = NULL;
    c->rc = nilo_store_open_beside(c->h->share, NILO_STORE_WRITE, &s, &c->err);
    for (int i = 0; i < 50 && c->rc == 0; i++) {
        c->rc = count_up(s, &c->err);
        if (c->rc == 0) /* a statement on its own takes a turn too */
            c->rc = nilo_store_meta_set(s, "alone", "x", &c->err);
    }
    nilo_store_close(s);
    return NULL;
}

static void nothing_is_lost_between_handles_of_many_threads(struct stores *s)
{
    struct held h;
    struct counter c[6];
    hold(&h, s);
    for (int i = 0; i < 6; i++) {
        c[i] = (struct counter){.h = &h};
        assert_int_equal(pthread_create(&c[i].thread, NULL, count_on, &c[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(c[i].thread, NULL);
        if (c[i].rc != 0)
            fail_msg("%s", c[i].err.msg);
    }
    let_go(&h);
    assert_rows(s, "SELECT value FROM meta WHERE key = 'count'", "300");
}

struct waiter {
    struct nilo_store *store;
    pthread_t thread;
    atomic_bool through;
    struct nilo_err err;
};
static void *set_waiting(void *arg)
{
    struct waiter *w = arg;
    if (nilo_store_meta_set(w->store, "order", "second", &w->err) == 0)
        atomic_store(&w->through, true);
    return NULL;
}

static void who_writes_waits_for_the_transaction_of_another(struct stores *s)
{
    struct held h;
    hold(&h, s);
    struct waiter w = {.store = h.b};
    ok(s, nilo_store_begin(h.a, &s->err));
    ok(s, nilo_store_meta_set(h.a, "order", "first", &s->err));
    assert_int_equal(pthread_create(&w.thread, NULL, set_waiting, &w), 0);
    for (int i = 0; i < 50; i++)
        moment();
    assert_false(atomic_load(&w.through));
    ok(s, nilo_store_commit(h.a, &s->err));
    pthread_join(w.thread, NULL);
    assert_true(atomic_load(&w.through));
    let_go(&h);
    assert_rows(s, "SELECT value FROM meta WHERE key = 'order'", "second");
}

static void a_turn_ends_with_a_transaction_that_fails(struct stores *s)
{
    struct held h;
    hold(&h, s);
    ok(s, nilo_store_begin(h.a, &s->err));
    nilo_store_rollback(h.a);
    ok(s, nilo_store_begin(h.b, &s->err));
    ok(s, nilo_store_commit(h.b, &s->err));
    ok(s, nilo_store_begin(h.a, &s->err));
    nilo_store_close(h.a); /* in the middle of it */
    h.a = NULL;
    ok(s, nilo_store_meta_set(h.b, "free", "again", &s->err));
    fails(s, NILO_ESTORE, nilo_db_exec(nilo_store_db(h.b), "DELETE FROM no_such_table", &s->err));
    ok(s, nilo_store_open_beside(h.share, NILO_STORE_WRITE, &h.a, &s->err));
    ok(s, nilo_store_meta_set(h.a, "free", "at last", &s->err));
    let_go(&h);
}

static const struct nilo_metric metric = {.name = "stars", .type = NILO_COUNT, .wide = true, .active = true};

static void what_one_defines_the_others_know(struct stores *s)
{
    struct held h;
    struct nilo_store *reader;
    hold(&h, s);
    ok(s, nilo_store_open_beside(h.share, NILO_STORE_READ, &reader, &s->err));
    const struct nilo_metric *views = nilo_catalog_by_name(nilo_store_catalog(h.b), "views");
    assert_null(nilo_catalog_by_name(nilo_store_catalog(h.b), "stars"));
    assert_null(nilo_catalog_by_name(nilo_store_catalog(reader), "stars"));
    ok(s, nilo_store_begin(h.a, &s->err));
    ok(s, nilo_store_metric_define(h.a, &metric, NULL, &s->err));
    ok(s, nilo_store_commit(h.a, &s->err));
    ok(s, nilo_store_begin(h.b, &s->err));
    assert_non_null(nilo_catalog_by_name(nilo_store_catalog(h.b), "stars"));
    ok(s, nilo_store_metric_define(h.b, &metric, NULL, &s->err)); /* as it is: no second row, no error */
    ok(s, nilo_store_commit(h.b, &s->err));
    nilo_store_refresh(reader);
    assert_non_null(nilo_catalog_by_name(nilo_store_catalog(reader), "stars"));
    assert_string_equal(views->name, "views"); /* what was handed out before is still there */
    nilo_store_close(reader);
    let_go(&h);
}

static void a_definition_that_was_undone_is_not_known(struct stores *s)
{
    struct held h;
    hold(&h, s);
    ok(s, nilo_store_begin(h.a, &s->err));
    ok(s, nilo_store_metric_define(h.a, &metric, NULL, &s->err));
    nilo_store_rollback(h.a);
    ok(s, nilo_store_begin(h.b, &s->err));
    assert_null(nilo_catalog_by_name(nilo_store_catalog(h.b), "stars"));
    ok(s, nilo_store_commit(h.b, &s->err));
    let_go(&h);
}

static void a_new_zone_reaches_the_others(struct stores *s)
{
    struct held h;
    struct nilo_workspace w;
    const struct nilo_calendar *before, *after;
    nilo_day from;
    hold(&h, s);
    ok(s, nilo_store_workspace(h.a, "acme", true, "UTC", &w, &s->err));
    ok(s, nilo_store_calendar(h.b, w.id, &before, &s->err));
    ok(s, nilo_store_begin(h.a, &s->err));
    ok(s, nilo_store_zone_set(h.a, w.id, "Europe/Berlin", &from, &s->err));
    ok(s, nilo_store_commit(h.a, &s->err));
    ok(s, nilo_store_begin(h.b, &s->err));
    ok(s, nilo_store_calendar(h.b, w.id, &after, &s->err));
    ok(s, nilo_store_commit(h.b, &s->err));
    assert_string_equal(nilo_zone_name(before->eras[0].zone), "UTC");
    assert_string_equal(nilo_zone_name(after->eras[0].zone), "Europe/Berlin");
    let_go(&h);
}

static void another_handle_does_not_interrupt_a_run(struct stores *s)
{
    struct held h;
    hold(&h, s);
    struct nilo_store *kept = s->store;
    s->store = h.a;
    struct nilo_connection c = stores_connection(s, "acme", "UTC", "app", "sql", "db");
    s->store = kept;
    struct nilo_run run = {.workspace = c.workspace, .connection = c.id, .kind = NILO_RUN_COLLECT, .provenance = NILO_OBSERVED,
                           .started_at = stores_us(STORES_START), .ended_at = NILO_US_NONE, .target_day = NILO_DAY_NONE,
                           .first_day = NILO_DAY_NONE, .last_day = NILO_DAY_NONE};
    ok(s, nilo_store_run_begin(h.a, &run, &s->err));
    nilo_store_close(h.b);
    ok(s, nilo_store_open_beside(h.share, NILO_STORE_WRITE, &h.b, &s->err));
    let_go(&h);
    assert_int_equal(stores_int(s, "SELECT status FROM run"), NILO_RUNNING);
}

static void nobody_else_gets_the_store(struct stores *s)
{
    struct held h;
    struct nilo_store *other;
    hold(&h, s);
    fails(s, NILO_ELOCKED, nilo_store_open(h.target, NILO_STORE_WRITE, &s->env, &other, &s->err));
    char *target = strdup(h.target);
    let_go(&h);
    nilo_store_close(s->store);
    s->store = NULL;
    ok(s, nilo_store_open(target, NILO_STORE_WRITE, &s->env, &other, &s->err));
    nilo_store_close(other);
    free(target);
    stores_reopen(s, NILO_STORE_READ);
}

/* The lock belongs to a session of the server. Our own sessions beside it go on meanwhile, and are in the way of others alone. */
static void a_lost_lock_is_taken_again_and_nobody_steps_between(struct stores *s)
{
    static const char end_it[] = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 6110173 AND granted";
    struct held h;
    struct nilo_store *other, *more;
    struct nilo_db *foreign;
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    if (s->engine != NILO_DB_POSTGRES)
        nilo_test_skip("it is PostgreSQL's");
    hold(&h, s);
    ok(s, nilo_db_exec(nilo_store_db(h.a), end_it, &s->err));
    fails(s, NILO_ELOCKED, nilo_store_open(h.target, NILO_STORE_WRITE, &s->env, &other, &s->err)); /* sessions beside it are there */
    ok(s, nilo_store_open_beside(h.share, NILO_STORE_WRITE, &more, &s->err));
    nilo_store_close(more);
    fails(s, NILO_ELOCKED, nilo_store_open(h.target, NILO_STORE_WRITE, &s->env, &other, &s->err));
    /* what may be a session of somebody who has had the lock in between */
    ok(s, nilo_db_exec(nilo_store_db(h.a), end_it, &s->err));
    ok(s, nilo_db_open(h.target, &options, &foreign, &s->err));
    ok(s, nilo_db_exec(foreign, "SELECT pg_advisory_lock_shared(6110174)", &s->err));
    fails(s, NILO_ELOCKED, nilo_store_open_beside(h.share, NILO_STORE_WRITE, &more, &s->err));
    nilo_db_close(foreign);
    nilo_store_close(h.a);
    nilo_store_close(h.b);
    h.a = h.b = NULL;
    ok(s, nilo_store_open_beside(h.share, NILO_STORE_WRITE, &h.a, &s->err));
    fails(s, NILO_ELOCKED, nilo_store_open(h.target, NILO_STORE_WRITE, &s->env, &other, &s->err));
    let_go(&h);
}

/* Its run goes on: who takes the lock again does not call it interrupted. */
static void a_lost_lock_does_not_interrupt_a_run(struct stores *s)
{
    struct held h;
    struct nilo_store *more;
    if (s->engine != NILO_DB_POSTGRES)
        nilo_test_skip("it is PostgreSQL's");
    hold(&h, s);
    struct nilo_store *kept = s->store;
    s->store = h.a;
    struct nilo_connection c = stores_connection(s, "acme", "UTC", "app", "sql", "db");
    s->store = kept;
    struct nilo_run run = {.workspace = c.workspace, .connection = c.id, .kind = NILO_RUN_COLLECT, .provenance = NILO_OBSERVED,
                           .started_at = stores_us(STORES_START), .ended_at = NILO_US_NONE, .target_day = NILO_DAY_NONE,
                           .first_day = NILO_DAY_NONE, .last_day = NILO_DAY_NONE};
    ok(s, nilo_store_run_begin(h.a, &run, &s->err));
    ok(s, nilo_db_exec(nilo_store_db(h.a), "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 6110173 AND granted", &s->err));
    ok(s, nilo_store_open_beside(h.share, NILO_STORE_WRITE, &more, &s->err));
    s->store = more;
    assert_int_equal(stores_int(s, "SELECT status FROM run"), NILO_RUNNING);
    s->store = kept;
    nilo_store_close(more);
    /* with the session that it ran in gone, it is */
    ok(s, nilo_db_exec(nilo_store_db(h.b), "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()", &s->err));
    nilo_store_close(h.b);
    h.b = NULL;
    ok(s, nilo_store_open_beside(h.share, NILO_STORE_WRITE, &more, &s->err));
    s->store = more;
    assert_int_equal(stores_int(s, "SELECT status FROM run"), NILO_INTERRUPTED);
    s->store = kept;
    nilo_store_close(more);
    let_go(&h);
}

/* ---- long runs ------------------------------------------------------------------------------------------------------------------- */

struct slow {
    struct nilo_virtual_clock *clock;
    nilo_us step; /* by so much it is later each time that somebody asks */
};

static nilo_us slow_wall(void *ctx)
{
    return ((struct slow *)ctx)->clock->wall;
}

static nilo_us slow_mono(void *ctx)
{
    struct slow *c = ctx;
    return c->clock->mono += c->step;
}

/* Turns that a run of 30,000 values takes where each look at the clock is so much later. */
static uint64_t turns_of_a_run(struct stores *s, nilo_us step)
{
    struct held h;
    struct slow slow = {.clock = &s->clock, .step = step};
    const struct nilo_env kept = s->env;
    s->env.clock = (struct nilo_clock){slow_wall, slow_mono, NULL, &slow};
    hold(&h, s);
    struct nilo_store *closed = s->store;
    s->store = h.a;
    struct nilo_connection c = stores_connection(s, "acme", "UTC", "yt", "youtube", "x");
    s->store = closed;
    const struct nilo_metric *views = nilo_catalog_by_name(nilo_store_catalog(h.a), "views");
    const struct nilo_run_options options = {.kind = NILO_RUN_IMPORT, .provenance = NILO_IMPORTED, .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE};
    struct nilo_recorder *recorder;
    struct nilo_run run;
    struct nilo_arena arena;
    uint64_t before = nilo_store_share_writes(h.share);
    ok(s, nilo_record_begin(h.a, &c, &options, &recorder, &s->err));
    for (int i = 0; i < 30000; i++) {
        char id[16];
        const struct nilo_reading_value value = {.metric = views->id, .value = i};
        snprintf(id, sizeof id, "v%d", i);
        ok(s, nilo_record_add(recorder, &(struct nilo_reading){.kind = NILO_CONTENT, .external_id = id, .captured_at = s->clock.wall, .day = NILO_DAY_NONE,
                                                               .values = &value, .n_values = 1}, &s->err));
    }
    nilo_arena_init(&arena, 0);
    ok(s, nilo_record_finish(recorder, NULL, &arena, &run, &s->err));
    nilo_arena_done(&arena);
    assert_int_equal(run.readings, 30000);
    uint64_t turns = nilo_store_share_writes(h.share) - before;
    let_go(&h);
    s->env = kept;
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 30000);
    return turns;
}

/* As large as fits into a moment: smaller where the machine is slow, larger where it is fast. */
static void a_long_run_gives_its_turn_away_every_moment(struct stores *s)
{
    assert_in_range(turns_of_a_run(s, 1), 4, 12);
}

static void on_a_slow_machine_its_turns_hold_less(struct stores *s)
{
    assert_in_range(turns_of_a_run(s, 150000), 40, 80);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(nothing_is_lost_between_handles_of_many_threads),
        STORES_TEST(who_writes_waits_for_the_transaction_of_another),
        STORES_TEST(a_turn_ends_with_a_transaction_that_fails),
        STORES_TEST(what_one_defines_the_others_know),
        STORES_TEST(a_definition_that_was_undone_is_not_known),
        STORES_TEST(a_new_zone_reaches_the_others),
        STORES_TEST(another_handle_does_not_interrupt_a_run),
        STORES_TEST(nobody_else_gets_the_store),
        STORES_TEST(a_lost_lock_is_taken_again_and_nobody_steps_between),
        STORES_TEST(a_lost_lock_does_not_interrupt_a_run),
        STORES_TEST(a_long_run_gives_its_turn_away_every_moment),
        STORES_TEST(on_a_slow_machine_its_turns_hold_less),
    };
    return stores_run("share", tests, sizeof tests / sizeof tests[0]);
}
