/* Requests: when one may go out (its host answers, its budget reaches, its token is not too busy), and whether one that came back is tried again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "collect/platform_priv.h"

#define PATIENCE (10 * NILO_US_MINUTE)
#define SAVE_AHEAD 20
#define SPLIT_STATUS 400

static nilo_us patience(const struct nilo__job_p *job)
{
    return job->want.patience > 0 ? job->want.patience : PATIENCE;
}

/* ---- tasks -------------------------------------------------------------------------------------------------------------------------------- */

struct nilo__task *nilo__task_new(struct nilo__job_p *job, enum nilo_op op)
{
    struct nilo__task *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->job = job;
    t->op = op;
    t->variant = job->variants[op];
    t->not_before = NILO_US_NONE;
    t->day = NILO_DAY_NONE;
    nilo_arena_init(&t->arena, 0);
    *job->last_task = t;
    job->last_task = &t->next;
    job->n_tasks++;
    return t;
}

static void task_free(struct nilo__task *t)
{
    struct nilo__job_p *job = t->job;
    for (struct nilo__task **at = &job->tasks; *at != NULL; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            break;
        }
    }
    job->last_task = &job->tasks;
    while (*job->last_task != NULL)
        job->last_task = &(*job->last_task)->next;
    job->n_tasks--;
    nilo_arena_done(&t->arena);
    free(t);
}

void nilo__tasks_free(struct nilo__job_p *job)
{
    while (job->tasks != NULL)
        task_free(job->tasks);
}

/* ---- hosts -------------------------------------------------------------------------------------------------------------------------------- */

static struct nilo__host *host_of(struct nilo_platforms *p, const char *url, struct nilo_err *err)
{
    char name[256];
    const char *begin = strstr(url, "://");
    bool there = false;
    begin = begin != NULL ? begin + 3 : url;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(begin, "/?#"), begin);
    for (struct nilo__host *h = p->hosts; h != NULL; h = h->next) {
        if (strcmp(h->name, name) == 0)
            return h;
    }
    struct nilo__host *h = calloc(1, sizeof *h);
    if (h == NULL) {
        nilo_err_nomem(err);
        return NULL;
    }
    snprintf(h->name, sizeof h->name, "%s", name);
    nilo_host_init(&h->state);
    if (nilo_store_host(p->o.store, name, &there, &h->state.row, err) != 0) {
        free(h);
        return NULL;
    }
    if (!there)
        h->state.row.at = p->env->clock.wall(p->env->clock.ctx);
    h->next = p->hosts;
    p->hosts = h;
    return h;
}

/* ---- owners of budgets ---------------------------------------------------------------------------------------------------------------------- */

/* An app's key stands in the store as a part of its hash: enough to know it again, useless to anybody else. Two platforms may be asked by one app. */
static void owner_name(const struct nilo__job_p *job, char out[80])
{
    const struct nilo_credentials *c = &job->credentials;
    const char *app = c->access_token != NULL && c->client_id != NULL ? c->client_id : c->access_token == NULL ? c->api_key : NULL;
    unsigned char hash[NILO_SHA256_LEN];
    char hex[2 * 8 + 1];
    if (app == NULL) {
        snprintf(out, 80, "%.40s connection %lld", job->connector->platform, (long long)job->connection.id);
        return;
    }
    nilo_sha256(app, strlen(app), hash);
    nilo_hex(hash, 8, hex);
    snprintf(out, 80, "%.40s app %s", job->connector->apps_of != NULL ? job->connector->apps_of : job->connector->platform, hex);
}

static int owner_named(struct nilo__job_p *job, const char name[80], struct nilo__owner **ret, struct nilo_err *err)
{
    for (struct nilo__owner *o = job->all->owners; o != NULL; o = o->next) {
        if (strcmp(o->name, name) == 0) {
            *ret = o;
            return 0;
        }
    }
    struct nilo__owner *o = calloc(1, sizeof *o);
    if (o == NULL)
        return nilo_err_nomem(err);
    memcpy(o->name, name, sizeof o->name);
    o->at_once = job->want.at_once > 0 ? job->want.at_once : job->connector->at_once > 0 ? job->connector->at_once : 5;
    int64_t gap = job->want.request_delay_ms >= 0 ? job->want.request_delay_ms : job->connector->call_gap_ms;
    o->gap = gap * 1000;
    o->last_sent = NILO_US_NONE;
    o->next = job->all->owners;
    job->all->owners = o;
    *ret = o;
    return 0;
}

int nilo__owner_of(struct nilo__job_p *job, struct nilo_err *err)
{
    char app[80], own[80];
    owner_name(job, app);
    snprintf(own, sizeof own, "%.40s connection %lld", job->connector->platform, (long long)job->connection.id);
    return owner_named(job, app, &job->owner, err) == 0 ? owner_named(job, own, &job->own, err) : -1;
}

static struct nilo__owner *payer(const struct nilo__job_p *job, int bucket)
{
    return job->connector->buckets[bucket].per_app ? job->owner : job->own;
}

int nilo__budget_of(struct nilo__job_p *job, int bucket, struct nilo_budget **ret, struct nilo_err *err)
{
    const struct nilo_connector_bucket *b;
    *ret = NULL;
    if (bucket < 0 || (size_t)bucket >= job->connector->n_buckets || bucket >= NILO_BUCKETS)
        return 0;
    b = &job->connector->buckets[bucket];
    struct nilo__owner *o = payer(job, bucket);
    *ret = &o->budgets[bucket];
    if (o->loaded[bucket])
        return 0;
    if (b->zone != NULL && o->zones[bucket] == NULL && nilo_zone_load(job->all->env->zoneinfo, b->zone, &o->zones[bucket], err) != 0)
        return -1;
    if (b->told) {
        nilo_budget_init_told(*ret, o->name, b->name, job->want.budget > 0 ? job->want.budget : b->limit, b->period_s);
    } else {
        /* what is asked for is a day's; of a shorter period nobody gets more than the platform gives */
        int64_t limit = job->want.budget > 0 && (b->zone != NULL || job->want.budget < b->limit) ? job->want.budget : b->limit;
        nilo_budget_init(*ret, o->name, b->name, limit, b->period_s, o->zones[bucket]);
    }
    if (nilo_budget_load(*ret, job->all->o.store, err) != 0)
        return -1;
    o->loaded[bucket] = true;
    return 0;
}

int nilo__save_limits(struct nilo_platforms *p, struct nilo_err *err)
{
    for (struct nilo__host *h = p->hosts; h != NULL; h = h->next) {
        if (h->dirty && nilo_store_host_put(p->o.store, h->name, &h->state.row, err) != 0)
            return -1;
        h->dirty = false;
    }
    for (struct nilo__owner *o = p->owners; o != NULL; o = o->next) {
        for (int i = 0; i < 4; i++) {
            bool differs = o->loaded[i] && (o->budgets[i].saved != o->budgets[i].used || o->budgets[i].blocked_until != NILO_US_NONE);
            if (differs && nilo_budget_save(&o->budgets[i], p->o.store, 0, err) != 0)
                return -1;
        }
    }
    return 0;
}

void nilo__limits_free(struct nilo_platforms *p)
{
    while (p->hosts != NULL) {
        struct nilo__host *next = p->hosts->next;
        free(p->hosts);
        p->hosts = next;
    }
    while (p->owners != NULL) {
        struct nilo__owner *next = p->owners->next;
        for (int i = 0; i < 4; i++)
            nilo_zone_free(p->owners->zones[i]);
        free(p->owners);
        p->owners = next;
    }
}

/* ---- sending -------------------------------------------------------------------------------------------------------------------------------- */

static void earlier(nilo_us *next, nilo_us at)
{
    if (*next == NILO_US_NONE || at < *next)
        *next = at;
}

static void fill_ask(struct nilo__task *t, nilo_us now)
{
    struct nilo__job_p *job = t->job;
    t->ask = (struct nilo_ask){.op = t->op,
                               .credentials = &job->credentials,
                               .settings = job->want.settings,
                               .variant = t->variant,
                               .kind = t->kind,
                               .now = now,
                               .account = t->account,
                               .listing = t->listing,
                               .cursor = t->cursor,
                               .ids = t->ids,
                               .n_ids = t->n_ids,
                               .win = t->win,
                               .day = t->day};
}

int nilo__split(struct nilo__task *t, size_t keep, struct nilo_err *err)
{
    struct nilo__task *other = nilo__task_new(t->job, t->op);
    if (other == NULL)
        return nilo_err_nomem(err);
    other->variant = t->variant;
    other->kind = t->kind;
    other->rekinded = t->rekinded;
    other->doubt = t->doubt;
    other->repeat = t->repeat;
    other->credited = t->credited;
    other->account = t->account;
    other->win = t->win;
    other->day = t->day;
    other->ids = t->ids + keep;
    other->n_ids = t->n_ids - keep;
    t->n_ids = keep;
    return 0;
}

/* One wrong id must not cost the others: the halves are asked for by themselves. */
static int halve(struct nilo__task *t, struct nilo_err *err)
{
    t->tries = 0;
    t->not_before = NILO_US_NONE;
    return nilo__split(t, t->n_ids / 2, err);
}

/* The request cannot be made of it: ours is wrong, not theirs. */
static int cannot_ask(struct nilo__task *t, const struct nilo_err *why, nilo_us now, struct nilo_err *err)
{
    const struct nilo_result result = {.class = NILO_CLASS_INVALID, .reason = "request", .message = nilo_arena_strdup(&t->job->arena, why->msg),
                                       .retry_at = NILO_US_NONE, .limited = -1, .remaining = -1};
    if (result.message == NULL)
        return nilo_err_nomem(err);
    int rc = nilo__took(t, &result, now, err);
    task_free(t);
    return rc;
}

/* Too long to wait for: the job leaves it to a later run. */
static int leave(struct nilo__task *t, nilo_us again, const char *why, struct nilo_err *err)
{
    int rc = nilo__left(t, again, why, err);
    task_free(t);
    return rc;
}

/* May it go out now? *ret_at: NILO_US_NONE = yes, else when to look again. */
static void look_at_host(struct nilo__job_p *job, const struct nilo__host *h, nilo_us now, nilo_us *ret_at)
{
    *ret_at = NILO_US_NONE;
    if (nilo_host_may(&h->state, now) != NILO_HOST_NO)
        return;
    if (job->stuck_since == NILO_US_NONE)
        job->stuck_since = now;
    *ret_at = h->state.row.open_until > now ? h->state.row.open_until : now + NILO_US_SECOND; /* the probe's outcome */
}

static int start(struct nilo__task *t, struct nilo_call *call, nilo_us now, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    struct nilo_err why = {0};
    uint64_t id;
    call->http.ctx = t;
    if (nilo_http_start(job->all->o.http, &call->http, &id, &why) != 0) {
        if (why.code == NILO_EINVAL)
            return cannot_ask(t, &why, now, err);
        if (err != NULL)
            *err = why;
        return -1;
    }
    t->http = id;
    bool retry = t->tries > 0 || t->repeat;
    nilo__kind_sent(t);
    t->probe = nilo_host_sent(&t->host->state, now, retry);
    t->host->dirty = true;
    t->tries++;
    t->sent = true;
    t->owner->in_flight++;
    t->owner->last_sent = now;
    job->out.requests++;
    job->out.retries += retry;
    return 0;
}

/* What a call costs is taken of both of its budgets, or of none. *ret_short: the one that does not reach; NULL = it was taken */
static int pay(struct nilo__task *t, nilo_us now, struct nilo_budget **ret_short, struct nilo_err *err)
{
    struct nilo_budget *budgets[2];
    bool retry = t->tries > 0 || t->repeat;
    *ret_short = NULL;
    if (nilo__budget_of(t->job, t->bucket, &budgets[0], err) != 0 || nilo__budget_of(t->job, t->also > 0 ? t->also : -1, &budgets[1], err) != 0)
        return -1;
    for (int i = 0; i < 2 && *ret_short == NULL; i++)
        *ret_short = budgets[i] != NULL && nilo_budget_room(budgets[i], now, retry) < t->cost ? budgets[i] : NULL;
    for (int i = 0; i < 2 && *ret_short == NULL; i++) {
        if (budgets[i] == NULL)
            continue;
        nilo_budget_take(budgets[i], now, t->cost, retry);
        if (nilo_budget_needs_save(budgets[i]) && nilo_budget_save(budgets[i], t->job->all->o.store, SAVE_AHEAD, err) != 0)
            return -1;
    }
    return 0;
}

/* A budget does not reach: for fewer ids it may; else later, or in a later run. *ret_done: it was left */
static int put_off(struct nilo__task *t, struct nilo_budget *budget, nilo_us now, nilo_us *next, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    int64_t room = nilo_budget_room(budget, now, t->tries > 0 || t->repeat);
    if (room > 0 && t->n_ids > 1 && (size_t)t->cost >= t->n_ids && (size_t)room < t->n_ids) {
        if (nilo__split(t, (size_t)room, err) != 0)
            return -1;
        earlier(next, now);
        return 0;
    }
    nilo_us at = nilo_budget_again(budget, now);
    if (at <= now)
        at = t->tries > 0 || t->repeat ? budget->end : now + NILO_US_SECOND;
    if (at - now > patience(job))
        return leave(t, at, nilo_arena_printf(&job->arena, "the budget of %s is used up%s%s", budget->bucket, budget->reason[0] != '\0' ? ": " : "", budget->reason), err);
    t->not_before = at;
    earlier(next, at);
    return 0;
}

/* One task that is not under way: sent, put off, or left. */
static int send_one(struct nilo__task *t, nilo_us now, nilo_us *next, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    struct nilo_call call;
    struct nilo_budget *budget;
    struct nilo_err why = {0};
    nilo_us at;
    bool may;
    t->owner = job->owner;
    if (t->owner->in_flight >= t->owner->at_once)
        return 0; /* an answer will make room */
    if (t->owner->gap > 0 && t->owner->last_sent != NILO_US_NONE && now < t->owner->last_sent + t->owner->gap) {
        earlier(next, t->owner->last_sent + t->owner->gap);
        return 0;
    }
    if (nilo__kind_may(t, &may, err) != 0)
        return -1;
    if (!may)
        return 0; /* the answer of its kind's first will move it */
    nilo_arena_reset(&t->arena);
    fill_ask(t, now);
    if (job->connector->make(&t->ask, &t->arena, &call, &why) != 0) {
        if (why.code == NILO_EINVAL && t->n_ids > 1) {
            earlier(next, now);
            return halve(t, err);
        }
        if (why.code == NILO_EINVAL)
            return cannot_ask(t, &why, now, err);
        if (err != NULL)
            *err = why;
        return -1;
    }
    if ((t->host = host_of(job->all, call.http.url, err)) == NULL)
        return -1;
    t->bucket = call.bucket;
    t->also = call.also;
    t->cost = call.cost;
    look_at_host(job, t->host, now, &at);
    if (at != NILO_US_NONE) {
        if (now - job->stuck_since >= patience(job))
            return leave(t, at, nilo_arena_printf(&job->arena, "%s does not answer", t->host->name), err);
        t->not_before = at;
        earlier(next, at);
        return 0;
    }
    if (t->repeat && !t->credited && !(t->credited = nilo_host_take_retry(&t->host->state, now)))
        return leave(t, NILO_US_NONE, "they were asked for in vain lately, and no more than a tenth of the requests is spent on second tries: their next turn comes", err);
    if (pay(t, now, &budget, err) != 0)
        return -1;
    if (budget != NULL)
        return put_off(t, budget, now, next, err);
    return start(t, &call, now, err);
}

int nilo__send(struct nilo__job_p *job, nilo_us now, nilo_us *next, struct nilo_err *err)
{
    for (struct nilo__task *t = job->tasks, *following; t != NULL; t = following) {
        following = t->next;
        if (t->sent)
            continue;
        if (job->stopped || nilo__report_dropped(t)) {
            task_free(t);
            continue;
        }
        if (t->not_before != NILO_US_NONE && now < t->not_before) {
            earlier(next, t->not_before);
            continue;
        }
        if (send_one(t, now, next, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- answers -------------------------------------------------------------------------------------------------------------------------------- */

static void again_at(struct nilo__task *t, nilo_us at)
{
    t->not_before = at;
}

/* A host that answers at all does its part; what it refuses is another matter. */
static bool host_failed(const struct nilo_http_answer *a, const struct nilo_result *r)
{
    return r->class == NILO_CLASS_TRANSIENT && (a->end != NILO_HTTP_ANSWERED || a->status >= 500 || a->status == 408);
}

static int limited(struct nilo__task *t, const struct nilo_result *r, int bucket, nilo_us now, bool *ret_done, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    const struct nilo_random *random = &job->all->env->random;
    struct nilo_budget *budget;
    nilo_us until = NILO_US_NONE;
    if (nilo__budget_of(job, r->limited >= 0 ? r->limited : bucket, &budget, err) != 0)
        return -1;
    if (r->until == NILO_UNTIL_TIME)
        until = nilo_retry_after(now, r->retry_at - now > 0 ? r->retry_at - now : 0, random);
    else if (r->until == NILO_UNTIL_SOON)
        until = now + nilo_retry_delay(t->tries + 2, random);
    /* A day's quota is one bucket's, and so is a limit that is named; "not so fast" is meant for whoever asks. */
    for (int i = 0; until != NILO_US_NONE && i < NILO_BUCKETS && (size_t)i < job->connector->n_buckets; i++) {
        struct nilo_budget *each;
        if (r->limited >= 0 && r->limited != i)
            continue;
        if (nilo__budget_of(job, i, &each, err) != 0)
            return -1;
        nilo_budget_block(each, now, until, r->reason);
    }
    if (until == NILO_US_NONE && budget != NULL)
        nilo_budget_block(budget, now, until, r->reason);
    nilo_us at = budget != NULL ? nilo_budget_again(budget, now) : until != NILO_US_NONE ? until : now + NILO_US_HOUR;
    /* The rest of the job is kept; only the retry itself may be too much. */
    *ret_done = at - now > patience(job) || !nilo_host_take_retry(&t->host->state, now);
    if (*ret_done)
        return nilo__left(t, at, nilo_arena_printf(&job->arena, "%s limits us (%s)", job->connector->title, r->reason), err);
    again_at(t, at);
    return 0;
}

static void transient(struct nilo__task *t, const struct nilo_result *r, nilo_us now, bool *ret_done)
{
    const struct nilo_random *random = &t->job->all->env->random;
    nilo_us at = now + nilo_retry_delay(t->tries + 1, random);
    if (r->until == NILO_UNTIL_TIME) {
        nilo_us said = nilo_retry_after(now, r->retry_at - now > 0 ? r->retry_at - now : 0, random);
        at = said > at ? said : at;
        nilo_host_rest(&t->host->state, said);
    }
    *ret_done = t->tries >= NILO_RETRY_TRIES || at - now > patience(t->job) || !nilo_host_take_retry(&t->host->state, now);
    if (!*ret_done)
        again_at(t, at);
}

/* The first refusal gets another token for all; a second one ends the job. */
static int refused(struct nilo__task *t, const struct nilo_result *r, nilo_us now, bool *ret_done, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    const struct nilo_token_source *tokens = &job->all->o.tokens;
    const char *why = NULL;
    bool another = false;
    *ret_done = true;
    if (r->key_wrong || job->credentials.access_token == NULL || job->stopped)
        return 0;
    if (!job->refreshed) {
        job->refreshed = true;
        if (tokens->refused != NULL && tokens->refused(tokens->ctx, &job->connection, &another, &why, err) != 0)
            return -1;
        if (another && tokens->get(tokens->ctx, &job->connection, &job->credentials, &why, err) != 0)
            return -1;
        another = another && job->credentials.access_token != NULL;
    } else {
        another = t->tries < 2; /* it was on its way when the token was refreshed */
    }
    *ret_done = !another;
    if (another)
        again_at(t, now);
    return 0;
}

static int decide(struct nilo__task *t, const struct nilo_http_answer *a, struct nilo_result *r, int bucket, nilo_us now, bool *ret_done, struct nilo_err *err)
{
    *ret_done = true;
    if (t->job->stopped)
        return 0;
    if (r->again && r->variant != t->variant) {
        nilo__kind_turn(t, r->variant);
        t->tries = 0;
        again_at(t, now);
        *ret_done = false;
        return 0;
    }
    switch (r->class) {
    case NILO_CLASS_RATE_LIMITED: {
        int rc = limited(t, r, bucket, now, ret_done, err);
        if (*ret_done)
            r->class = NILO_CLASSES; /* told already */
        return rc;
    }
    case NILO_CLASS_TRANSIENT:
        transient(t, r, now, ret_done);
        return 0;
    case NILO_CLASS_AUTH:
        return refused(t, r, now, ret_done, err);
    case NILO_CLASS_INVALID:
        if (a->end != NILO_HTTP_ANSWERED || a->status != SPLIT_STATUS || t->n_ids <= 1)
            return 0;
        *ret_done = false;
        return halve(t, err);
    default:
        return 0;
    }
}

void nilo__came_back(struct nilo__task *t)
{
    const int buckets[] = {t->bucket, t->also > 0 ? t->also : -1};
    t->owner->in_flight--;
    t->sent = false;
    if (t->probe)
        t->host->state.probing = false;
    for (int i = 0; i < 2; i++) {
        struct nilo_budget *budget = NULL;
        if (nilo__budget_of(t->job, buckets[i], &budget, NULL) == 0 && budget != NULL)
            nilo_budget_answered(budget, t->cost);
    }
}

/* What the answer says about limits, whatever it is otherwise. */
static int hear_of_limits(struct nilo__task *t, const struct nilo_result *r, nilo_us now, struct nilo_err *err)
{
    for (int i = 0; i < NILO_BUCKETS && (size_t)i < t->job->connector->n_buckets; i++) {
        bool own = i == t->bucket;
        struct nilo_budget *budget;
        if (!own && r->used_permille[i] < 0 && r->full_until[i] == NILO_US_NONE)
            continue;
        if (nilo__budget_of(t->job, i, &budget, err) != 0)
            return -1;
        nilo_budget_told(budget, now, r->used_permille[i], own ? r->remaining : -1);
        if (r->full_until[i] != NILO_US_NONE && r->full_until[i] > now)
            nilo_budget_block(budget, now, r->full_until[i], "the platform says how long");
    }
    return 0;
}

int nilo__answer(struct nilo_platforms *p, struct nilo_http_answer *a, struct nilo_err *err)
{
    struct nilo__task *t = a->ctx;
    struct nilo__job_p *job = t->job;
    struct nilo_result r;
    bool done = true;
    nilo_us now = p->env->clock.wall(p->env->clock.ctx), at = a->ended_at < now ? a->ended_at : now;
    nilo__came_back(t);
    if (nilo_connector_take(job->connector, &t->ask, a, &t->arena, &r, err) != 0)
        return -1;
    job->answers += r.class == NILO_CLASS_OK;
    if (p->o.keeper != NULL && r.class == NILO_CLASS_OK && !r.again &&
        nilo_keeper_keep(p->o.keeper, job->connection.id, nilo_record_run(job->recorder), &t->ask, a, err) != 0)
        return -1;
    bool failed = host_failed(a, &r);
    t->host->dirty = true; /* again: another job's end may have saved it since this went out */
    if (nilo_host_went(&t->host->state, now, failed, t->probe, &p->env->random) && nilo_store_host_put(p->o.store, t->host->name, &t->host->state.row, err) != 0)
        return -1;
    if (!failed)
        job->stuck_since = NILO_US_NONE;
    nilo__kind_came(t, &r);
    if (hear_of_limits(t, &r, now, err) != 0 || decide(t, a, &r, t->bucket, now, &done, err) != 0)
        return -1;
    if (!done)
        return 0;
    int rc = r.class == NILO_CLASSES ? 0 : nilo__took(t, &r, at, err);
    task_free(t);
    return rc;
}
