/* The machine that drives jobs: begins them, sends, takes answers, ends them. */
#include "collect/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/platform_priv.h"

static nilo_us wall(const struct nilo_platforms *p)
{
    return p->env->clock.wall(p->env->clock.ctx);
}
static nilo_us mono(const struct nilo_platforms *p)
{
    return p->env->clock.mono(p->env->clock.ctx);
}

/* ---- jobs --------------------------------------------------------------------------------------------------------------------------------- */

static void job_free(struct nilo__job_p *job)
{
    nilo__tasks_free(job);
    nilo_zone_free(job->report_zone);
    free(job->found);
    nilo_arena_done(&job->arena);
    free(job);
}

static const char *const *copy_texts(struct nilo_arena *a, const char *const *from, size_t n)
{
    const char **to = nilo_arena_array(a, n + 1, sizeof *to);
    for (size_t i = 0; to != NULL && i < n; i++) {
        to[i] = nilo_arena_strdup(a, from[i]);
        if (from[i] != NULL && to[i] == NULL)
            return NULL;
    }
    return to;
}

static int copy_want(struct nilo__job_p *job, const struct nilo_platform_want *want, struct nilo_err *err)
{
    job->want = *want;
    job->connection = want->connection;
    if (want->settings != NULL)
        job->want.settings = copy_texts(&job->arena, want->settings, job->connector->n_settings);
    job->want.accounts = copy_texts(&job->arena, want->accounts, want->n_accounts);
    job->want.ids = copy_texts(&job->arena, want->ids, want->n_ids);
    job->want.slot = nilo_arena_strdup(&job->arena, want->slot);
    bool failed = (want->settings != NULL && job->want.settings == NULL) || job->want.accounts == NULL || job->want.ids == NULL ||
                  (want->slot != NULL && job->want.slot == NULL);
    return failed ? nilo_err_nomem(err) : 0;
}

int nilo_platforms_add(struct nilo_platforms *p, const struct nilo_platform_want *want, struct nilo_err *err)
{
    const struct nilo_connector *connector = nilo_connector_find(want->connection.platform);
    struct nilo__job_p **at = &p->jobs;
    if (connector == NULL)
        return nilo_err_set(err, NILO_EINVAL, "connection %s: nothing can be collected from platform %s", want->connection.name, want->connection.platform);
    for (; *at != NULL; at = &(*at)->next) {
        if ((*at)->connection.id == want->connection.id)
            return nilo_err_set(err, NILO_EEXIST, "connection %s is being collected just now", want->connection.name);
    }
    struct nilo__job_p *job = calloc(1, sizeof *job);
    if (job == NULL)
        return nilo_err_nomem(err);
    nilo_arena_init(&job->arena, 0);
    job->all = p;
    job->connector = connector;
    job->last_task = &job->tasks;
    job->stuck_since = NILO_US_NONE;
    job->out.again_at = NILO_US_NONE;
    job->out.ctx = want->ctx;
    if (copy_want(job, want, err) != 0) {
        job_free(job);
        return -1;
    }
    *at = job;
    p->n_jobs++;
    return 0;
}

static int check_lease(void *ctx, struct nilo_store *s, struct nilo_err *err)
{
    return nilo_store_slot_check(s, ctx, err);
}

/* Where the run is logged, who pays, what is asked first. */
static int begin(struct nilo__job_p *job, struct nilo_err *err)
{
    struct nilo_platforms *p = job->all;
    const char *why = NULL;
    const struct nilo_run_options options = {.kind = NILO_RUN_COLLECT,
                                             .provenance = NILO_OBSERVED,
                                             .platform = true,
                                             .slot = job->want.slot,
                                             .target_day = NILO_DAY_NONE,
                                             .read_until = NILO_DAY_NONE,
                                             .guard = job->want.lease != NULL ? check_lease : NULL,
                                             .guard_ctx = (void *)(uintptr_t)job->want.lease};
    job->started = wall(p);
    job->started_mono = mono(p);
    if (nilo_store_connection_get(p->o.store, job->connection.id, &job->connection, err) != 0 ||
        nilo_store_calendar(p->o.store, job->connection.workspace, &job->calendar, err) != 0 ||
        p->o.tokens.get(p->o.tokens.ctx, &job->connection, &job->credentials, &why, err) != 0 || nilo__owner_of(job, err) != 0 ||
        nilo_record_begin(p->o.store, &job->connection, &options, &job->recorder, err) != 0)
        return -1;
    if (why == NULL && job->credentials.access_token == NULL && job->credentials.api_key == NULL)
        why = "nobody has signed in, and the configuration has no api_key for the platform: nilometer connection connect, or platforms: in the file";
    if (why != NULL) {
        job->error = nilo_arena_strdup(&job->arena, why);
        return job->error != NULL ? 0 : nilo_err_nomem(err);
    }
    return nilo__discover(job, err);
}

static void report(struct nilo__job_p *job)
{
    struct nilo_platforms *p = job->all;
    job->out.connection = &job->connection;
    job->out.failures = job->failures;
    job->out.notes = job->notes;
    job->out.duration_ms = (mono(p) - job->started_mono) / 1000;
    if (p->o.report != NULL)
        p->o.report(p->o.report_ctx, &job->out);
}

static void remove_job(struct nilo__job_p *job)
{
    struct nilo_platforms *p = job->all;
    struct nilo__job_p **at = &p->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    p->n_jobs--;
    job_free(job);
}

/* A failure of ours, not of the platform's. What is out comes back to nobody: answers of a job that is gone are dropped by their task's end. */
static void give_up(struct nilo__job_p *job, const struct nilo_err *why)
{
    bool done = why->code == NILO_EEXIST && job->recorder == NULL;
    if (job->recorder != NULL)
        nilo_record_abort(job->recorder, why);
    job->recorder = NULL;
    job->stopped = true;
    job->phase = NILO__P_END;
    job->out.status = done ? "done" : "failed";
    job->out.error = done ? NULL : nilo_arena_strdup(&job->arena, why->msg);
}

static bool any_sent(const struct nilo__job_p *job)
{
    for (const struct nilo__task *t = job->tasks; t != NULL; t = t->next) {
        if (t->sent)
            return true;
    }
    return false;
}

/* On to the next phase, when nothing of this one is left. */
static int advance(struct nilo__job_p *job, struct nilo_err *err)
{
    switch (job->phase) {
    case NILO__P_START:
        job->phase = NILO__P_DISCOVER;
        return begin(job, err);
    case NILO__P_DISCOVER:
        job->phase = NILO__P_READ;
        return job->error == NULL && !job->stopped ? nilo__plan(job, err) : 0;
    case NILO__P_READ:
        job->phase = NILO__P_REPORT;
        return job->error == NULL && !job->stopped && job->fate != NULL ? nilo__report_plan(job, err) : 0;
    default:
        job->phase = NILO__P_END;
        return nilo__finish(job, err);
    }
}

static int step_job(struct nilo__job_p *job, nilo_us *next, struct nilo_err *err)
{
    while (job->phase != NILO__P_END) {
        if (nilo__send(job, wall(job->all), next, err) != 0)
            return -1;
        if (job->n_tasks > 0)
            return 0;
        if (advance(job, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------------------- */

static int take_answers(struct nilo_platforms *p, struct nilo_err *err)
{
    struct nilo_http_answer *a;
    (void)err;
    while ((a = nilo_http_next(p->o.http)) != NULL) {
        struct nilo__task *t = a->ctx;
        struct nilo__job_p *job = t->job;
        struct nilo_err why = {0};
        if (job->phase == NILO__P_END) { /* nobody waits for it any more */
            nilo__came_back(t);
        } else if (nilo__answer(p, a, &why) != 0) {
            give_up(job, &why);
        }
        nilo_http_answer_free(a);
    }
    return 0;
}

int nilo_platforms_step(struct nilo_platforms *p, nilo_us *ret_next, struct nilo_err *err)
{
    nilo_us next = NILO_US_NONE;
    nilo_store_refresh(p->o.store);
    if (take_answers(p, err) != 0)
        return -1;
    for (struct nilo__job_p *job = p->jobs, *following; job != NULL; job = following) {
        struct nilo_err why = {0};
        following = job->next;
        if (job->phase != NILO__P_END && step_job(job, &next, &why) != 0)
            give_up(job, &why);
        if (job->phase == NILO__P_END && !any_sent(job)) {
            report(job);
            remove_job(job);
        }
    }
    *ret_next = next;
    return 0;
}

size_t nilo_platforms_busy(const struct nilo_platforms *p)
{
    return p->n_jobs;
}

int nilo_platforms_run(struct nilo_platforms *p, struct nilo_err *err)
{
    nilo_us next;
    while (p->n_jobs > 0) {
        if (nilo_platforms_step(p, &next, err) != 0)
            return -1;
        if (p->n_jobs == 0)
            break;
        nilo_us now = wall(p), span = next == NILO_US_NONE ? NILO_US_NONE : next > now ? next - now : 0;
        if (nilo_http_under_way(p->o.http) == 0 && span != NILO_US_NONE) {
            if (span > 0)
                p->env->clock.sleep(p->env->clock.ctx, span);
        } else if (nilo_http_poll(p->o.http, span, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int nilo_platforms_new(const struct nilo_platforms_options *o, struct nilo_platforms **ret, struct nilo_err *err)
{
    struct nilo_platforms *p = calloc(1, sizeof *p);
    if (p == NULL)
        return nilo_err_nomem(err);
    p->o = *o;
    p->env = nilo_store_env(o->store);
    *ret = p;
    return 0;
}

void nilo_platforms_free(struct nilo_platforms *p)
{
    const struct nilo_err why = {.code = NILO_ECANCELLED, .msg = "the process was told to end before the collection was done"};
    if (p == NULL)
        return;
    for (struct nilo__job_p *job = p->jobs; job != NULL; job = job->next) {
        for (struct nilo__task *t = job->tasks; t != NULL; t = t->next) {
            if (t->sent)
                nilo_http_cancel(p->o.http, t->http);
            t->sent = false;
        }
        if (job->recorder != NULL)
            nilo_record_abort(job->recorder, &why);
        job->recorder = NULL;
    }
    for (struct nilo_http_answer *a; p->n_jobs > 0 && (a = nilo_http_next(p->o.http)) != NULL;)
        nilo_http_answer_free(a); /* of tasks that are no more; the client may outlive us */
    while (p->jobs != NULL)
        remove_job(p->jobs);
    nilo__save_limits(p, NULL);
    nilo__limits_free(p);
    free(p);
}
