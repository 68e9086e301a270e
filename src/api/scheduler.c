/* See scheduler.h. */
#include "api/scheduler.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "api/rest_cache.h"
#include "api/settings.h"
#include "api/task.h"
#include "base/log.h"
#include "collect/collect.h"

#define LOOK_S 30

/* A handle of the store that rounds use after each other, on one lane: opened by the first, kept, opened anew after something went wrong on it or the database
 * was found to be away. Whoever lets go of it last closes it: a round may end after the scheduler. */
struct kept {
    _Atomic int refs;
    struct nilo_store *store; /* NULL: not open */
    uint64_t lost;            /* how often the database had been found to be away when it was opened */
};

struct nilo_scheduler {
    struct nilo_api *api;
    struct kept *collecting, *looking;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    bool quit, at_once;
};

struct round {
    struct nilo_api *api;
    struct kept *kept;
    int (*fn)(struct nilo_api *api, struct nilo_store *s, const struct nilo_config *config, struct nilo_err *err);
};

static void let_go(struct kept *k)
{
    if (k == NULL || atomic_fetch_sub(&k->refs, 1) > 1)
        return;
    nilo_store_close(k->store);
    free(k);
}

static void round_free(void *ctx)
{
    struct round *r = ctx;
    let_go(r->kept);
    free(r);
}

/* ---- what a round does ------------------------------------------------------------------------------------------------------------------------ */

static void tell(void *ctx, const struct nilo_collect_run *run)
{
    (void)ctx;
    if (run->error != NULL)
        nilo_log(NILO_LOG_WARNING, "collecting failed", {"workspace", run->workspace}, {"connection", run->connection}, {"error", run->error});
}

static int collect_due(struct nilo_api *api, struct nilo_store *s, const struct nilo_config *config, struct nilo_err *err)
{
    struct nilo_collect_result result;
    const struct nilo_collect_options options = {.day = NILO_DAY_NONE, .scheduled = true, .nothing_is_fine = true, .report = tell, .stop = nilo_tasks_quits, .stop_ctx = api->tasks};
    return nilo_collect(s, config, &options, &result, err);
}

static int look_at_app(struct nilo_api *api, struct nilo_store *s, const struct nilo_config *config, struct nilo_err *err)
{
    (void)api;
    return nilo_collect_look(s, config, err);
}

static int with_store(struct round *r, const struct nilo_config *config, struct nilo_err *err)
{
    struct kept *k = r->kept;
    uint64_t lost = nilo_rest_cache_lost(r->api);
    if (k->lost != lost) {
        nilo_store_close(k->store);
        k->store = NULL;
    }
    k->lost = lost;
    if (k->store == NULL && nilo_store_open_beside(r->api->share, NILO_STORE_WRITE, &k->store, err) != 0)
        return -1;
    nilo_store_refresh(k->store);
    int rc = r->fn(r->api, k->store, config, err);
    if (rc != 0) { /* its connection may have been the reason */
        nilo_store_close(k->store);
        k->store = NULL;
    }
    return rc;
}

/* On a lane of tasks. A database that was away and is there again costs no round: what was kept from before is found out by the first try. */
static void run_round(void *ctx)
{
    struct round *r = ctx;
    struct nilo_err err = {0};
    bool kept = r->kept->store != NULL;
    struct nilo_settings_held *held = nilo_settings_take(r->api->settings);
    int rc = with_store(r, nilo_settings_config(held), &err);
    if (rc != 0 && kept && err.code == NILO_EAWAY)
        rc = with_store(r, nilo_settings_config(held), &err);
    if (rc != 0)
        nilo_log(NILO_LOG_WARNING, "what is due could not be collected", {"error", err.msg});
    nilo_settings_give(r->api->settings, held);
}

/* ---- when ----------------------------------------------------------------------------------------------------------------------------------------- */

/* One at a time: while a round runs or waits, another one joins it. */
static void begin_round(struct nilo_api *api, struct kept *kept, const struct round *what, enum nilo_lane lane, const char *key)
{
    struct round *r = malloc(sizeof *r);
    struct nilo_task *t = NULL;
    struct nilo_err err = {0};
    if (r == NULL)
        return;
    *r = *what;
    r->api = api;
    r->kept = kept;
    atomic_fetch_add(&kept->refs, 1);
    if (nilo_task_join(api->tasks, lane, key, run_round, r, round_free, &t, &err) == 0)
        nilo_task_unref(t);
}

static void begin_rounds(struct nilo_scheduler *s)
{
    struct nilo_settings_held *held = nilo_settings_take(s->api->settings);
    bool app = nilo_settings_config(held)->n_connections_from_sql > 0;
    nilo_settings_give(s->api->settings, held);
    if (app) /* beside a collection, which may last */
        begin_round(s->api, s->looking, &(struct round){.fn = look_at_app}, NILO_LANE_APP, "app");
    begin_round(s->api, s->collecting, &(struct round){.fn = collect_due}, NILO_LANE_LONG, "scheduled");
}

static bool next_round(struct nilo_scheduler *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_S;
    pthread_mutex_lock(&s->mutex);
    for (int rc = 0; !s->quit && !s->at_once && rc == 0;)
        rc = pthread_cond_timedwait(&s->moved, &s->mutex, &until);
    bool quit = s->quit;
    s->at_once = false;
    pthread_mutex_unlock(&s->mutex);
    return !quit;
}

static void *watch(void *ctx)
{
    struct nilo_scheduler *s = ctx;
    while (next_round(s))
        begin_rounds(s);
    return NULL;
}

int nilo_scheduler_new(struct nilo_api *api, struct nilo_scheduler **ret, struct nilo_err *err)
{
    struct nilo_scheduler *s = calloc(1, sizeof *s);
    pthread_condattr_t attr;
    if (s == NULL)
        return nilo_err_nomem(err);
    s->api = api;
    s->collecting = calloc(1, sizeof *s->collecting);
    s->looking = calloc(1, sizeof *s->looking);
    if (s->collecting == NULL || s->looking == NULL) {
        free(s->collecting);
        free(s->looking);
        free(s);
        return nilo_err_nomem(err);
    }
    atomic_init(&s->collecting->refs, 1);
    atomic_init(&s->looking->refs, 1);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->moved, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&s->thread, NULL, watch, s) != 0) {
        pthread_mutex_destroy(&s->mutex);
        pthread_cond_destroy(&s->moved);
        let_go(s->collecting);
        let_go(s->looking);
        free(s);
        return nilo_err_set(err, NILO_EBUSY, "no thread can be made for the schedule");
    }
    *ret = s;
    return 0;
}

void nilo_scheduler_free(struct nilo_scheduler *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->mutex);
    s->quit = true;
    pthread_cond_signal(&s->moved);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->moved);
    let_go(s->collecting);
    let_go(s->looking);
    free(s);
}

void nilo_scheduler_look(struct nilo_scheduler *s)
{
    pthread_mutex_lock(&s->mutex);
    s->at_once = true;
    pthread_cond_signal(&s->moved);
    pthread_mutex_unlock(&s->mutex);
}
