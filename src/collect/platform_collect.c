/* `collect` for connections of platforms: the configuration's words become jobs of the machine (platform.h), their outcomes become what collect reports. */
#include <stdlib.h>
#include <string.h>

#include "collect/collect_priv.h"
#include "collect/platform.h"
#include "collect/schedule.h"
#include "collect/tokens.h"

struct pick {
    struct pick *next;
    const struct nilo_config_connection *config;
    bool done; /* its job has ended, and so has its slot */
    struct nilo_platform_want want;
    struct nilo__slot slot;
    char **accounts, **ids;
    bool failed;
    char why[sizeof(((struct nilo_err *)NULL)->msg)];
};

struct all {
    struct nilo_store *store;
    const struct nilo_config *config;
    const struct nilo_collect_options *o;
    struct nilo_collect_result *ret;
    struct nilo_tokens_of *tokens;
    struct pick *picks;
    struct nilo_platforms *machine;
    int (*between)(void *ctx, struct nilo_err *err); /* what else is due while all jobs wait */
    void *between_ctx;
    int put_off;              /* ... times since the last one */
    struct nilo_err slot_err; /* a slot that could not be ended */
    struct nilo_connection *stored;         /* connections that the file does not describe ... */
    struct nilo_config_connection *spelled; /* ... in its words */
    size_t n_spelled;
    struct nilo_arena arena;
};

static nilo_us wall(const struct nilo_store *s)
{
    const struct nilo_env *env = nilo_store_env(s);
    return env->clock.wall(env->clock.ctx);
}

static void pick_free(struct pick *p)
{
    free(p->accounts);
    free(p->ids);
    free(p);
}

/* ---- reports -------------------------------------------------------------------------------------------------------------------------------- */

static void report(struct all *a, const struct nilo_collect_run *run)
{
    if (a->o->report != NULL)
        a->o->report(a->o->report_ctx, run);
}

static void report_without_run(struct all *a, const struct nilo_config_connection *c, const char *status, const char *why)
{
    const struct nilo_collect_run run = {.workspace = c->workspace, .connection = c->name, .platform = c->platform, .first_day = NILO_DAY_NONE, .last_day = NILO_DAY_NONE,
                                         .status = status, .error = why};
    report(a, &run);
}

static void count(struct all *a, const struct nilo_platform_outcome *o)
{
    struct nilo_collect_result *r = a->ret;
    r->platforms++;
    r->items_read += o->read;
    r->items_failed += o->failed;
    r->requests += o->requests;
    r->retries += o->retries;
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++)
        r->values_new += i == NILO_RECORDED || i == NILO_REPLACED || i == NILO_LATE || i == NILO_AMENDED ? o->logged.outcomes[i] : 0;
    r->metrics_collected += (int)o->read;
    if (strcmp(o->status, "completed") == 0 || strcmp(o->status, "done") == 0)
        r->completed++;
    else if (strcmp(o->status, "failed") == 0)
        r->failed++;
    else
        r->partial++;
}

/* As soon as its job has: nobody's next slot waits for another connection's job. */
static void end_slot(struct all *a, struct pick *p)
{
    struct nilo_err why = {.code = NILO_ESOURCE}, err = {0};
    p->done = true;
    if (!p->slot.taken)
        return;
    memcpy(why.msg, p->why, sizeof why.msg);
    if (nilo__slot_end(a->store, &p->slot, p->failed ? &why : NULL, &err) == 0)
        p->slot.taken = false;
    else
        a->slot_err = err;
}

static void on_outcome(void *ctx, const struct nilo_platform_outcome *o)
{
    struct all *a = ctx;
    struct pick *p = o->ctx;
    struct nilo_collect_run run = {.workspace = o->connection->workspace_name,
                                   .connection = o->connection->name,
                                   .platform = o->connection->platform,
                                   .run = o->run,
                                   .first_day = NILO_DAY_NONE,
                                   .last_day = NILO_DAY_NONE,
                                   .status = o->status,
                                   .metrics_collected = (int)o->read,
                                   .items_processed = o->processed,
                                   .items_updated = o->read,
                                   .duration_ms = o->duration_ms,
                                   .days_closed = o->days_closed,
                                   .error = o->error,
                                   .details = o->logged.details,
                                   .failures = o->failures,
                                   .n_failures = o->n_failures,
                                   .all_failures = o->all_failures,
                                   .notes = o->notes,
                                   .n_notes = o->n_notes};
    if (o->run != 0) {
        run.first_day = o->logged.first_day;
        run.last_day = o->logged.last_day;
        for (int i = 0; i < NILO_OUTCOME_COUNT; i++)
            run.readings += o->logged.outcomes[i];
        run.unchanged = o->logged.outcomes[NILO_UNCHANGED];
    }
    p->failed = strcmp(o->status, "failed") == 0;
    if (p->failed && o->error != NULL) {
        size_t n = strlen(o->error);
        n = n < sizeof p->why - 1 ? n : sizeof p->why - 1;
        memmove(p->why, o->error, n);
        p->why[n] = '\0';
    }
    count(a, o);
    report(a, &run);
    end_slot(a, p);
}

/* ---- choosing -------------------------------------------------------------------------------------------------------------------------------- */

/* A platform tells of now, and of no other day. */
static bool is_today(struct nilo_store *s, const struct nilo_connection *c, nilo_day day, struct nilo_err *err, int *rc)
{
    const struct nilo_calendar *calendar;
    *rc = nilo_store_calendar(s, c->workspace, &calendar, err);
    return *rc == 0 && (nilo_day_is_none(day) || nilo_calendar_day(calendar, wall(s)).n == day.n);
}

static int fill_want(struct all *a, struct pick *p, struct nilo_err *err)
{
    const struct nilo_config_connection *c = p->config;
    struct nilo_platform_want *w = &p->want;
    w->settings = nilo_tokens_of_settings(a->tokens, c->platform, err);
    if (w->settings == NULL)
        return -1;
    if (nilo_config_words(c->pages != NULL ? c->pages : c->accounts, &p->accounts, &w->n_accounts, err) != 0 || nilo_config_words(c->items, &p->ids, &w->n_ids, err) != 0)
        return -1;
    w->accounts = (const char *const *)p->accounts;
    w->ids = (const char *const *)p->ids;
    w->refresh_window_days = c->refresh_window_days;
    w->batch = (size_t)c->batch;
    w->request_delay_ms = c->request_delay_ms;
    w->at_once = c->at_once;
    w->budget = c->budget;
    w->all = a->o->all;
    w->slot = a->o->run_id;
    w->rest = p->slot.taken && p->slot.rest;
    w->lease = p->slot.taken ? &p->slot.lease : NULL;
    w->ctx = p;
    return 0;
}

/* *ret_taken: it becomes a job. */
static int choose(struct all *a, struct pick *p, int *ret_chosen, bool *ret_taken, struct nilo_err *err)
{
    const struct nilo_config_connection *c = p->config;
    struct nilo_connection *at = &p->want.connection;
    struct nilo_workspace w;
    struct nilo_err gone;
    int rc;
    *ret_taken = false;
    if (!a->o->scheduled && (rc = nilo_collect_erased(a->store, a->config, c, &gone, err)) != 0) {
        if (rc < 0)
            return -1;
        ++*ret_chosen;
        a->ret->failed++;
        report_without_run(a, c, "failed", gone.msg);
        return 0;
    }
    if (a->o->scheduled && nilo__slot_begin(a->store, a->config, c, a->machine == NULL, &p->slot, err) != 0)
        return -1;
    if (a->o->scheduled && !p->slot.taken)
        return 0;
    if (nilo_store_workspace(a->store, c->workspace, true, nilo_config_zone(a->config, c->workspace), &w, err) != 0 ||
        nilo_store_connection(a->store, w.id, c->name, true, c->platform, "file", at, err) != 0)
        return -1;
    if (a->o->connection == NULL && strcmp(at->status, "disabled") == 0)
        return 0;
    ++*ret_chosen;
    if (at->paused_at != NILO_US_NONE) {
        a->ret->paused++;
        report_without_run(a, c, "paused", "paused; to go on: nilometer resume");
        return 0;
    }
    if (!is_today(a->store, at, a->o->day, err, &rc)) {
        if (rc != 0)
            return -1;
        a->ret->failed++;
        report_without_run(a, c, "failed", "a platform tells how its items stand now; of another day it knows nothing");
        return 0;
    }
    *ret_taken = true;
    return fill_want(a, p, err);
}

/* ---- running ---------------------------------------------------------------------------------------------------------------------------------- */

static int renew(struct all *a, struct nilo_err *err)
{
    for (struct pick *p = a->picks; p != NULL; p = p->next) {
        struct nilo_err why = {0};
        if (!p->slot.taken || nilo_store_slot_renew(a->store, &p->slot.lease, NILO_SCHEDULE_LEASE, &why) == 0 || why.code == NILO_ECANCELLED)
            continue; /* one that was lost is found out when something is to be committed */
        if (err != NULL)
            *err = why;
        return -1;
    }
    return 0;
}

static bool is_at_work(const struct all *a, const struct nilo_config_connection *c)
{
    for (const struct pick *p = a->picks; p != NULL; p = p->next) {
        if (p->config == c && !p->done)
            return true;
    }
    return false;
}

static int choose_one(struct all *a, const struct nilo_config_connection *c, int *ret_matching, int *ret_chosen, struct nilo_err *err)
{
    bool taken;
    if (strcmp(c->platform, "sql") == 0 || !nilo__names(c, a->o) || is_at_work(a, c))
        return 0;
    ++*ret_matching;
    struct pick *p = calloc(1, sizeof *p);
    if (p == NULL)
        return nilo_err_nomem(err);
    p->config = c;
    int rc = choose(a, p, ret_chosen, &taken, err);
    if (taken) {
        struct pick **last = &a->picks;
        while (*last != NULL)
            last = &(*last)->next;
        *last = p;
        return rc == 0 && a->machine != NULL ? nilo_platforms_add(a->machine, &p->want, err) : rc;
    }
    if (rc == 0 && p->slot.taken)
        rc = nilo__slot_end(a->store, &p->slot, NULL, err);
    pick_free(p);
    return rc;
}

static int choose_all(struct all *a, int *ret_matching, int *ret_chosen, struct nilo_err *err)
{
    for (int i = 0; i < a->config->n_connections; i++) {
        if (choose_one(a, &a->config->connections[i], ret_matching, ret_chosen, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < a->n_spelled; i++) {
        if (choose_one(a, &a->spelled[i], ret_matching, ret_chosen, err) != 0)
            return -1;
    }
    return 0;
}

#define LOOK (30 * NILO_US_SECOND)      /* as serve does */
#define PUT_OFF 3                       /* looks at most */
#define JOINED (30 * NILO_US_MINUTE)    /* from then on nobody joins, so that this comes to an end: what is due then is begun anew */

/* Whose slot comes while others wait for a platform in bad weather does not wait with them. Rests of slots do: they are of those who wait. */
static int look_again(struct all *a, const struct nilo_http *http, int *ret_chosen, struct nilo_err *err)
{
    int matching;
    if (choose_all(a, &matching, ret_chosen, err) != 0)
        return -1;
    /* That one takes as long as its statements: rather not while anybody's answer is on its way, unless there is always one. */
    if (a->between == NULL || (nilo_http_under_way(http) > 0 && ++a->put_off < PUT_OFF))
        return 0;
    a->put_off = 0;
    return a->between(a->between_ctx, err);
}

static int drive(struct all *a, struct nilo_http *http, int *ret_chosen, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(a->store);
    struct nilo_platforms *p = a->machine;
    nilo_us began = env->clock.mono(env->clock.ctx), renewed = began, looked = began, next;
    while (nilo_platforms_busy(p) > 0) {
        if (nilo_platforms_step(p, &next, err) != 0)
            return -1;
        if (a->slot_err.code != 0)
            return nilo_err_set(err, a->slot_err.code, "%s", a->slot_err.msg);
        if (nilo_platforms_busy(p) == 0)
            break;
        nilo_us now = wall(a->store), span = NILO_SCHEDULE_LEASE / 4;
        if (a->o->stop != NULL && a->o->stop(a->o->stop_ctx))
            return nilo_err_set(err, NILO_ECANCELLED, "the process was told to end; what is left is collected next time");
        if (a->o->stop != NULL)
            span = NILO_US_SECOND;
        if (next != NILO_US_NONE && next - now < span)
            span = next > now ? next - now : 0;
        if (nilo_http_under_way(http) == 0) {
            if (span > 0)
                env->clock.sleep(env->clock.ctx, span);
        } else if (nilo_http_poll(http, span, err) != 0) {
            return -1;
        }
        nilo_us mono = env->clock.mono(env->clock.ctx);
        if (a->o->scheduled && mono - looked >= LOOK && mono - began < JOINED) {
            looked = mono;
            if (look_again(a, http, ret_chosen, err) != 0)
                return -1;
        }
        if (mono - renewed >= NILO_SCHEDULE_LEASE / 4) {
            renewed = mono;
            if (renew(a, err) != 0)
                return -1;
        }
    }
    return 0;
}

static int run_all(struct all *a, struct nilo_http *http, int *ret_chosen, struct nilo_err *err)
{
    struct nilo_keeper *keeper = NULL;
    if (a->config->raw_answers_days > 0 && nilo_keeper_new(a->store, &keeper, err) != 0)
        return -1;
    const struct nilo_platforms_options options = {.store = a->store,
                                                   .http = http,
                                                   .tokens = nilo_tokens_of_source(a->tokens),
                                                   .report = on_outcome,
                                                   .report_ctx = a,
                                                   .keeper = keeper};
    int rc = nilo_platforms_new(&options, &a->machine, err);
    for (const struct pick *p = a->picks; rc == 0 && p != NULL; p = p->next)
        rc = nilo_platforms_add(a->machine, &p->want, err);
    if (rc == 0)
        rc = drive(a, http, ret_chosen, err);
    nilo_platforms_free(a->machine);
    nilo_keeper_free(keeper);
    return rc;
}

/* Told to end, or the store is away: another process need not wait for the lease to run out. */
static void give_up_slots(struct all *a)
{
    for (const struct pick *p = a->picks; p != NULL; p = p->next) {
        if (p->slot.taken)
            nilo_store_slot_give_up(a->store, &p->slot.lease, NULL);
    }
}

static bool in_file(const struct nilo_config *config, const struct nilo_connection *c)
{
    for (int i = 0; i < config->n_connections; i++) {
        if (strcmp(config->connections[i].name, c->name) == 0 && strcmp(config->connections[i].workspace, c->workspace_name) == 0)
            return true;
    }
    return false;
}

/* What somebody has added by a command or keeps in a table of the app's is collected as the file's connections are, with the defaults. */
static int spell(struct all *a, struct nilo_connection *c, struct nilo_err *err)
{
    struct nilo_login_row login = {0};
    bool there;
    if (strcmp(c->origin, "file") == 0 || strcmp(c->status, "disabled") == 0 || nilo_connector_find(c->platform) == NULL || in_file(a->config, c))
        return 0;
    if (nilo_store_login(a->store, c->id, &a->arena, &there, &login, err) != 0)
        return -1;
    if (!there)
        return 0; /* an import's, or one that nobody has signed in for yet */
    a->spelled[a->n_spelled++] = (struct nilo_config_connection){.name = c->name, .workspace = c->workspace_name, .platform = c->platform,
                                                                 .accounts = (char *)(uintptr_t)login.account, .request_delay_ms = -1, .settle_hours = -1};
    return 0;
}

static int look_at_store(struct all *a, struct nilo_err *err)
{
    size_t n;
    if (nilo_store_connections(a->store, &a->stored, &n, err) != 0)
        return -1;
    a->spelled = calloc(n + 1, sizeof *a->spelled);
    if (a->spelled == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        if (spell(a, &a->stored[i], err) != 0)
            return -1;
    }
    return 0;
}

int nilo__collect_platforms(struct nilo_store *s, const struct nilo_config *config, const struct nilo_collect_options *o,
                            int (*between)(void *ctx, struct nilo_err *err), void *between_ctx, struct nilo_collect_result *ret, int *ret_matching, int *ret_chosen,
                            struct nilo_err *err)
{
    struct all a = {.store = s, .config = config, .o = o, .ret = ret, .between = between, .between_ctx = between_ctx};
    struct nilo_err why = {0};
    struct nilo_http *http = o->http;
    nilo_arena_init(&a.arena, 0);
    int rc = look_at_store(&a, &why);
    if (rc == 0)
        rc = nilo_tokens_of_new(s, config, o->token_http, &a.tokens, &why);
    if (rc == 0)
        rc = choose_all(&a, ret_matching, ret_chosen, &why);
    if (rc == 0 && a.picks != NULL && http == NULL)
        rc = nilo_http_new(nilo_store_env(s), NULL, &http, &why);
    if (rc == 0 && a.picks != NULL)
        rc = run_all(&a, http, ret_chosen, &why);
    if (rc != 0)
        give_up_slots(&a);
    if (http != o->http)
        nilo_http_free(http);
    while (a.picks != NULL) {
        struct pick *p = a.picks;
        a.picks = p->next;
        pick_free(p);
    }
    nilo_tokens_of_free(a.tokens);
    free(a.stored);
    free(a.spelled);
    nilo_arena_done(&a.arena);
    if (rc != 0 && err != NULL)
        *err = why;
    return rc;
}
