/* The workers: threads that take exchanges from one bounded queue, first come first served. A connection has one request in it at most, so who
 * sends a thousand at once waits as often as everybody else. */
#include "api/server_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

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

static struct nilo_exchange *take(struct nilo_server *s)
{
    struct nilo__pool *pool = &s->pool;
    pthread_mutex_lock(&pool->mutex);
    while (pool->first == NULL && !pool->quit)
        pthread_cond_wait(&pool->work, &pool->mutex);
    struct nilo_exchange *x = pool->quit ? NULL : pool->first;
    if (x != NULL) {
        pool->first = x->next_job;
        pool->depth--;
        atomic_store_explicit(&s->counts.queue_depth, pool->depth, memory_order_relaxed);
    }
    pthread_mutex_unlock(&pool->mutex);
    return x;
}

static void *work(void *arg)
{
    struct nilo__worker *w = arg;
    struct nilo_server *s = w->server;
    if (begin(w)) {
        for (struct nilo_exchange *x; (x = take(s)) != NULL;) {
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

bool nilo__pool_put(struct nilo_server *s, struct nilo_exchange *x, bool again)
{
    struct nilo__pool *pool = &s->pool;
    pthread_mutex_lock(&pool->mutex);
    bool room = (again || pool->depth < s->limits.queue) && !pool->quit;
    if (room) {
        nilo__exchange_ref(x);
        x->next_job = NULL;
        if (pool->first == NULL)
            pool->first = x;
        else
            pool->last->next_job = x;
        pool->last = x;
        pool->depth++;
        atomic_store_explicit(&s->counts.queue_depth, pool->depth, memory_order_relaxed);
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->mutex);
    return room;
}

int nilo__pool_start(struct nilo_server *s, struct nilo_err *err)
{
    struct nilo__pool *pool = &s->pool;
    int wanted = (int)s->limits.workers;
    pool->workers = calloc((size_t)wanted, sizeof(*pool->workers));
    if (pool->workers == NULL)
        return nilo_err_nomem(err);
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
    struct nilo_exchange *left = pool->first;
    pool->first = NULL;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    while (left != NULL) {
        struct nilo_exchange *next = left->next_job;
        nilo__exchange_unref(left);
        left = next;
    }
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
