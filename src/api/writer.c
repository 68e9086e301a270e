/* See writer.h. The queue is a list of structs on the stacks of those who wait. */
#include "api/writer.h"

#include "api/rest_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define QUEUE 512
#define LOOK 20000000 /* ns between two looks at a deadline: the clock is injected, so no timed wait knows it */

struct job {
    nilo_writer_fn *fn;
    void *ctx;
    struct nilo_err *err;
    int rc;
    enum { WAITING, RUNNING, OVER } state;
    struct job *next;
};

struct nilo_api_writer {
    struct nilo_api_writer_config config;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    struct job *first, **end;
    int64_t depth;
    bool quit;
    _Atomic uint64_t generation;
    _Atomic int64_t jobs, failed, refused;
    _Atomic uint64_t lost; /* how often the database was found to be away, as of the newest job */
    uint64_t lost_then;    /* as of the opening of store */
    struct nilo_store *store; /* of the thread alone; NULL: not open */
};

/* ---- the thread ------------------------------------------------------------------------------------------------------------------------ */

static int run(struct nilo_api_writer *w, struct job *j)
{
    nilo_store_refresh(w->store);
    int rc = j->fn(w->store, j->ctx, j->err);
    if (nilo_db_in_transaction(nilo_store_db(w->store)))
        nilo_store_rollback(w->store);
    return rc;
}

static struct job *take(struct nilo_api_writer *w)
{
    struct job *j = w->first;
    if (j != NULL) {
        w->first = j->next;
        if (w->first == NULL)
            w->end = &w->first;
        w->depth--;
        j->state = RUNNING;
    }
    return j;
}

static void let_go(struct nilo_api_writer *w)
{
    nilo_store_close(w->store);
    w->store = NULL;
}

/* The turn comes before the job: who waits while a long transaction of a task goes on waits in the queue, and is let go at its deadline. */
static void one(struct nilo_api_writer *w)
{
    struct nilo_err err = {0};
    uint64_t lost = atomic_load(&w->lost);
    if (w->lost_then != lost) /* a connection of before that: do not let a job find out */
        let_go(w);
    w->lost_then = lost;
    int rc = w->store != NULL ? 0 : w->config.open(w->config.ctx, &w->store, &err);
    if (rc == 0)
        nilo_db_turn_take(nilo_store_db(w->store));
    pthread_mutex_lock(&w->mutex);
    struct job *j = take(w);
    pthread_mutex_unlock(&w->mutex);
    if (j != NULL && rc == 0)
        rc = run(w, j);
    else if (j != NULL)
        *j->err = err;
    if (w->store != NULL)
        nilo_db_turn_give(nilo_store_db(w->store));
    if (rc != 0) /* its connection may have been the reason */
        let_go(w);
    if (j == NULL)
        return;
    atomic_fetch_add(&w->jobs, 1);
    atomic_fetch_add(&w->failed, rc != 0);
    atomic_fetch_add(&w->generation, 1);
    pthread_mutex_lock(&w->mutex);
    j->rc = rc;
    j->state = OVER;
    pthread_cond_broadcast(&w->done);
    pthread_mutex_unlock(&w->mutex);
}

static void *work(void *arg)
{
    struct nilo_api_writer *w = arg;
    pthread_mutex_lock(&w->mutex);
    while (!w->quit) {
        if (w->first == NULL) {
            pthread_cond_wait(&w->work, &w->mutex);
            continue;
        }
        pthread_mutex_unlock(&w->mutex);
        one(w);
        pthread_mutex_lock(&w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
    let_go(w);
    return NULL;
}

/* ---- those who wait ----------------------------------------------------------------------------------------------------------------------- */

static void take_out(struct nilo_api_writer *w, const struct job *j)
{
    struct job **at = &w->first;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    if (*at == NULL)
        w->end = at;
    w->depth--;
}

static int refuse(struct nilo_api_writer *w, const char *why, struct nilo_err *err)
{
    atomic_fetch_add(&w->refused, 1);
    return nilo_err_set(err, NILO_EBUSY, "%s; nothing was written, try again", why);
}

static int wait_for(struct nilo_api_writer *w, struct job *j, nilo_us deadline)
{
    const struct nilo_clock *clock = &w->config.env->clock;
    while (j->state != OVER) {
        struct timespec until;
        if (j->state == WAITING && clock->mono(clock->ctx) >= deadline) {
            take_out(w, j);
            return refuse(w, "the writer was busy until the time was over", j->err);
        }
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&w->done, &w->mutex, &until);
    }
    return j->rc;
}

int nilo_writer_do(struct nilo_api *api, nilo_writer_fn *fn, void *ctx, nilo_us deadline, struct nilo_err *err)
{
    struct nilo_api_writer *w = api->writer;
    struct nilo_err own = {0};
    struct job j = {.fn = fn, .ctx = ctx, .err = err != NULL ? err : &own};
    if (w == NULL)
        return nilo_err_set(err, NILO_EINTERNAL, "this server has no writer");
    atomic_store(&w->lost, nilo_rest_cache_lost(api));
    pthread_mutex_lock(&w->mutex);
    int rc;
    if (w->quit || w->depth >= w->config.queue) {
        rc = refuse(w, w->quit ? "the server ends" : "too many writes wait", j.err);
    } else {
        *w->end = &j;
        w->end = &j.next;
        w->depth++;
        pthread_cond_signal(&w->work);
        rc = wait_for(w, &j, deadline);
    }
    pthread_mutex_unlock(&w->mutex);
    return rc;
}

uint64_t nilo_writer_generation(const struct nilo_api *api)
{
    if (api->share != NULL)
        return nilo_store_share_writes(api->share);
    return api->writer != NULL ? atomic_load(&api->writer->generation) : 0;
}

void nilo_writer_counts(const struct nilo_api *api, struct nilo_writer_counts *ret)
{
    struct nilo_api_writer *w = api->writer;
    *ret = (struct nilo_writer_counts){0};
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->mutex);
    ret->queue = w->depth;
    pthread_mutex_unlock(&w->mutex);
    ret->jobs = atomic_load(&w->jobs);
    ret->failed = atomic_load(&w->failed);
    ret->refused = atomic_load(&w->refused);
}

/* ---- making and ending ---------------------------------------------------------------------------------------------------------------------- */

int nilo_api_writer_new(const struct nilo_api_writer_config *config, struct nilo_api_writer **ret, struct nilo_err *err)
{
    struct nilo_api_writer *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return nilo_err_nomem(err);
    w->config = *config;
    if (w->config.queue == 0)
        w->config.queue = QUEUE;
    w->end = &w->first;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->done, NULL);
    if (pthread_create(&w->thread, NULL, work, w) != 0) {
        free(w);
        return nilo_err_set(err, NILO_ENOMEM, "cannot make the writer's thread");
    }
    *ret = w;
    return 0;
}

void nilo_api_writer_quit(struct nilo_api_writer *w)
{
    pthread_mutex_lock(&w->mutex);
    w->quit = true;
    for (struct job *j; (j = take(w)) != NULL;) {
        j->rc = refuse(w, "the server ends", j->err);
        j->state = OVER;
    }
    pthread_cond_signal(&w->work);
    pthread_cond_broadcast(&w->done);
    pthread_mutex_unlock(&w->mutex);
}

void nilo_api_writer_free(struct nilo_api_writer *w)
{
    if (w == NULL)
        return;
    nilo_api_writer_quit(w);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->done);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
