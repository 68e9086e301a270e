/* The workers: threads that take exchanges from a bounded queue, in which addresses take turns (turns.h). A connection has one request in it at most.
 *
 * Everything begins in the short lane. A handler that finds its answer to be long says so (nilo_req_long()), and waits in the long lane, where it holds no worker, unless
 * a place for long ones is free: half of the workers have such a place. So large reads stand in each other's way only. And one address has at most three quarters of the
 * workers for its short requests, whatever it does with them: somebody else's always finds one that is free, or about to be. */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "api/turns.h"

static void renew(struct nilo__worker *w)
{
    struct nilo_server *s = w->server;
    if (w->made && s->hooks.worker_free != NULL)
        s->hooks.worker_free(s->hooks.ctx, w->ctx);
    w->made = false;
    w->ctx = NULL;
    struct nilo_err err = {0};
    /* where it fails, the handler finds no context and says so; the next request tries again */
    if (s->hooks.worker_new != NULL && s->hooks.worker_new(s->hooks.ctx, w->index, &w->ctx, &err) == 0)
        w->made = true;
    w->broken = !w->made && s->hooks.worker_new != NULL;
}

static bool begin(struct nilo__worker *w)
{
    struct nilo_server *s = w->server;
    struct nilo__pool *pool = &s->pool;
    struct nilo_err err = {0};
    bool fine = s->hooks.worker_new == NULL || s->hooks.worker_new(s->hooks.ctx, w->index, &w->ctx, &err) == 0;
    w->made = fine && s->hooks.worker_new != NULL;
    pthread_mutex_lock(&pool->mutex);
    pool->started++;
    if (!fine && pool->failed++ == 0)
        pool->err = err;
    pthread_cond_broadcast(&pool->ready);
    pthread_mutex_unlock(&pool->mutex);
    return fine;
}

static void tell_depth(struct nilo_server *s)
{
    int64_t all = 0;
    for (int i = 0; i < NILO__LANES; i++) {
        atomic_store_explicit(&s->pool.depth[i], s->pool.lanes[i].depth, memory_order_relaxed);
        all += s->pool.lanes[i].depth;
    }
    atomic_store_explicit(&s->counts.queue_depth, all, memory_order_relaxed);
}

/* What it had is over. */
static void settle(struct nilo__pool *pool, struct nilo__worker *w)
{
    if (w->flow != NULL)
        nilo__turns_done(&pool->lanes[w->lane], w->flow, nilo__real_now() - w->since);
    if (w->lane == NILO__LONG)
        pool->running_long--;
    w->flow = NULL;
    w->lane = NILO__SHORT;
}

static struct nilo_exchange *take_long(struct nilo__pool *pool, struct nilo__worker *w)
{
    struct nilo_exchange *x = pool->running_long < pool->long_max ? nilo__turns_take(&pool->lanes[NILO__LONG], INT_MAX, &w->flow) : NULL;
    if (x != NULL) {
        pool->running_long++;
        pool->long_next = false;
        w->lane = NILO__LONG;
    }
    return x;
}

static struct nilo_exchange *take_short(struct nilo__pool *pool, struct nilo__worker *w)
{
    struct nilo_exchange *x = nilo__turns_take(&pool->lanes[NILO__SHORT], pool->share, &w->flow);
    pool->long_next = pool->long_next || x != NULL;
    return x;
}

/* One of either kind after the other, where both wait. */
static struct nilo_exchange *choose(struct nilo__pool *pool, struct nilo__worker *w)
{
    struct nilo_exchange *x = pool->long_next ? take_long(pool, w) : take_short(pool, w);
    if (x != NULL)
        return x;
    return pool->long_next ? take_short(pool, w) : take_long(pool, w);
}

static struct nilo_exchange *take(struct nilo__worker *w)
{
    struct nilo_server *s = w->server;
    struct nilo__pool *pool = &s->pool;
    struct nilo_exchange *x = NULL;
    pthread_mutex_lock(&pool->mutex);
    settle(pool, w);
    while (!pool->quit && (x = choose(pool, w)) == NULL)
        pthread_cond_wait(&pool->work, &pool->mutex);
    w->since = nilo__real_now();
    tell_depth(s);
    pthread_mutex_unlock(&pool->mutex);
    return x;
}

bool nilo__pool_long(struct nilo__worker *w)
{
    struct nilo__pool *pool = &w->server->pool;
    pthread_mutex_lock(&pool->mutex);
    bool free_place = pool->running_long < pool->long_max && pool->lanes[NILO__LONG].depth == 0;
    if (free_place) {
        settle(pool, w);
        w->lane = NILO__LONG;
        pool->running_long++;
    }
    pthread_mutex_unlock(&pool->mutex);
    return free_place;
}

static void *work(void *arg)
{
    struct nilo__worker *w = arg;
    struct nilo_server *s = w->server;
    if (begin(w)) {
        for (struct nilo_exchange *x; (x = take(w)) != NULL;) {
            if (atomic_load(&x->stopped) == 0) {
                nilo__count(&s->counts.workers_busy, 1);
                if (w->broken)
                    renew(w);
                nilo__exchange_run(x, w);
                nilo__count(&s->counts.workers_busy, -1);
            }
            nilo__exchange_unref(x);
        }
    }
    if (w->made && s->hooks.worker_free != NULL)
        s->hooks.worker_free(s->hooks.ctx, w->ctx);
    return NULL;
}

/* ---- the queue ------------------------------------------------------------------------------------------------------------------------- */

static void unref_all(struct nilo_exchange *list)
{
    while (list != NULL) {
        struct nilo_exchange *next = list->next_job;
        nilo__exchange_unref(list);
        list = next;
    }
}

/* Room for x in a full lane: from those that nobody waits for any more (looked for only where somebody has left since), else from the address with most requests. The
 * lock is held. */
static bool make_room(struct nilo__pool *pool, struct nilo__turns *lane, const struct nilo_exchange *x, int64_t most, struct nilo_exchange **gone,
                      struct nilo_exchange **busy)
{
    unsigned stops = atomic_load(&pool->stops);
    if (stops != pool->swept)
        *gone = nilo__turns_drop(lane, false);
    pool->swept = stops;
    if (lane->depth >= most)
        *busy = nilo__turns_yield(lane, x);
    return lane->depth < most;
}

enum nilo__put nilo__pool_put(struct nilo_server *s, struct nilo_exchange *x)
{
    struct nilo__pool *pool = &s->pool;
    struct nilo_exchange *gone = NULL, *busy = NULL;
    pthread_mutex_lock(&pool->mutex);
    int at = atomic_load(&x->lane);
    struct nilo__turns *lane = &pool->lanes[at];
    bool placed = x->again && at == NILO__SHORT; /* what was parked had its place before, so it has one now */
    bool room = pool->quit || placed || lane->depth < s->limits.queue || make_room(pool, lane, x, s->limits.queue, &gone, &busy);
    enum nilo__put rc = pool->quit ? NILO__QUIT : room && nilo__turns_put(lane, x) ? NILO__PUT : NILO__FULL;
    if (rc == NILO__PUT) {
        nilo__exchange_ref(x);
        pthread_cond_signal(&pool->work);
    }
    tell_depth(s);
    pthread_mutex_unlock(&pool->mutex);
    unref_all(gone);
    if (busy != NULL) {
        nilo__exchange_busy(busy);
        nilo__exchange_unref(busy);
    }
    return rc;
}

void nilo__pool_free(struct nilo_server *s)
{
    for (int i = 0; i < NILO__LANES && s->pool.lanes != NULL; i++)
        unref_all(nilo__turns_drop(&s->pool.lanes[i], true));
    free(s->pool.lanes);
    free(s->pool.workers);
}

int nilo__pool_start(struct nilo_server *s, struct nilo_err *err)
{
    struct nilo__pool *pool = &s->pool;
    int wanted = (int)s->limits.workers;
    pool->workers = calloc((size_t)wanted, sizeof(*pool->workers));
    pool->lanes = calloc(NILO__LANES, sizeof(*pool->lanes));
    if (pool->workers == NULL || pool->lanes == NULL)
        return nilo_err_nomem(err);
    pool->long_max = wanted > 1 ? wanted / 2 : 1;
    pool->share = wanted - wanted / 4;
    int rc = 0;
    for (; pool->n < wanted && rc == 0; pool->n++) {
        struct nilo__worker *w = &pool->workers[pool->n];
        *w = (struct nilo__worker){.server = s, .index = pool->n};
        rc = pthread_create(&w->thread, NULL, work, w);
        if (rc != 0)
            break;
        w->running = true;
    }
    if (rc != 0)
        nilo_err_set(err, NILO_ENOMEM, "cannot make %d threads", wanted);
    pthread_mutex_lock(&pool->mutex);
    while (pool->started < pool->n)
        pthread_cond_wait(&pool->ready, &pool->mutex);
    if (rc == 0 && pool->failed > 0) {
        *err = pool->err;
        rc = -1;
    }
    pthread_mutex_unlock(&pool->mutex);
    return rc == 0 ? 0 : -1;
}

bool nilo__pool_stop(struct nilo_server *s, nilo_us wait_us)
{
    struct nilo__pool *pool = &s->pool;
    pthread_mutex_lock(&pool->mutex);
    pool->quit = true;
    struct nilo_exchange *left[NILO__LANES] = {0};
    for (int i = 0; i < NILO__LANES && pool->lanes != NULL; i++)
        left[i] = nilo__turns_drop(&pool->lanes[i], true);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < NILO__LANES; i++)
        unref_all(left[i]);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(wait_us / NILO_US_SECOND);
    bool all = true;
    for (int i = 0; i < pool->n; i++) {
        struct nilo__worker *w = &pool->workers[i];
        if (w->running && pthread_timedjoin_np(w->thread, NULL, &until) == 0)
            w->running = false;
        all = all && !w->running;
    }
    return all;
}
