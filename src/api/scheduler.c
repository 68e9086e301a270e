/* See scheduler.h. */
#include "api/scheduler.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "api/settings.h"
#include "api/task.h"
#include "base/log.h"
#include "collect/collect.h"

#define LOOK_S 30

struct nilo_scheduler {
    struct nilo_api *api;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    bool quit;
};

struct round {
    struct nilo_api *api;
};

static void tell(void *ctx, const struct nilo_collect_run *run)
{
    (void)ctx;
    if (run->error != NULL)
        nilo_log(NILO_LOG_WARNING, "collecting failed", {"workspace", run->workspace}, {"connection", run->connection}, {"error", run->error});
}

/* On a lane of tasks: what is due now, if anything. */
static void collect_due(void *ctx)
{
    struct round *r = ctx;
    struct nilo_store *s = NULL;
    struct nilo_err err = {0};
    struct nilo_collect_result result;
    const struct nilo_collect_options options = {.day = NILO_DAY_NONE, .scheduled = true, .nothing_is_fine = true, .report = tell, .stop = nilo_tasks_quits, .stop_ctx = r->api->tasks};
    struct nilo_settings_held *held = nilo_settings_take(r->api->settings);
    if (nilo_store_open_beside(r->api->share, NILO_STORE_WRITE, &s, &err) != 0 || nilo_collect(s, nilo_settings_config(held), &options, &result, &err) != 0)
        nilo_log(NILO_LOG_WARNING, "what is due could not be collected", {"error", err.msg});
    nilo_store_close(s);
    nilo_settings_give(r->api->settings, held);
}

/* One at a time: while a round runs or waits, another one joins it. */
static void begin_round(struct nilo_api *api)
{
    struct round *r = malloc(sizeof *r);
    struct nilo_task *t = NULL;
    struct nilo_err err = {0};
    if (r == NULL)
        return;
    r->api = api;
    if (nilo_task_join(api->tasks, NILO_LANE_LONG, "scheduled", collect_due, r, free, &t, &err) == 0)
        nilo_task_unref(t);
}

static bool next_round(struct nilo_scheduler *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_S;
    pthread_mutex_lock(&s->mutex);
    for (int rc = 0; !s->quit && rc == 0;)
        rc = pthread_cond_timedwait(&s->moved, &s->mutex, &until);
    bool quit = s->quit;
    pthread_mutex_unlock(&s->mutex);
    return !quit;
}

static void *watch(void *ctx)
{
    struct nilo_scheduler *s = ctx;
    while (next_round(s))
        begin_round(s->api);
    return NULL;
}

int nilo_scheduler_new(struct nilo_api *api, struct nilo_scheduler **ret, struct nilo_err *err)
{
    struct nilo_scheduler *s = calloc(1, sizeof *s);
    pthread_condattr_t attr;
    if (s == NULL)
        return nilo_err_nomem(err);
    s->api = api;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->moved, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&s->thread, NULL, watch, s) != 0) {
        pthread_mutex_destroy(&s->mutex);
        pthread_cond_destroy(&s->moved);
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
    free(s);
}
