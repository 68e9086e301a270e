/* Chooses the connections, makes a job of each, adds up how they went. */
#include "collect/collect_priv.h"
#include "collect/schedule.h"
#include "collect/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_EVERY (2 * NILO_US_MINUTE) /* what changes there is seen within five: a look that fails and its next one */
#define SLOTS_KEPT (35 * NILO_US_DAY) /* of schedules; the newest of each stays in any case */

/* ---- choosing --------------------------------------------------------------------------------------------------------------------------- */

bool nilo__names(const struct nilo_config_connection *c, const struct nilo_collect_options *o)
{
    return (o->workspace == NULL || strcmp(c->workspace, o->workspace) == 0) && (o->connection == NULL || strcmp(c->name, o->connection) == 0);
}

bool nilo__is_chosen(const struct nilo_config_connection *c, const struct nilo_collect_options *o)
{
    return strcmp(c->platform, "sql") == 0 && !o->platforms_only && nilo__names(c, o);
}

int nilo__nothing_chosen(const struct nilo_config *config, const struct nilo_collect_options *o, struct nilo_err *err)
{
    struct nilo_buf known;
    const char *where = config->path != NULL ? config->path : "the configuration";
    int n = 0;
    nilo_buf_init(&known, 400);
    for (int i = 0; i < config->n_connections && !known.failed; i++) {
        const struct nilo_config_connection *c = &config->connections[i];
        nilo_buf_addf(&known, "%s%s in workspace %s", n++ > 0 ? ", " : "", c->name, c->workspace);
    }
    if (n == 0)
        nilo_err_set(err, NILO_ECONFIG, "there is nothing to collect from: %s has no connections",
                     config->path != NULL ? config->path : "no configuration file was found, and the default");
    else if (o->connection != NULL)
        nilo_err_set(err, NILO_ENAME, "%s has no connection %s%s%s; it has %s", where, o->connection,
                     o->workspace != NULL ? " in workspace " : "", o->workspace != NULL ? o->workspace : "", nilo_buf_str(&known));
    else
        nilo_err_set(err, NILO_ENAME, "%s has no connection in workspace %s; it has %s", where,
                     o->workspace != NULL ? o->workspace : "", nilo_buf_str(&known));
    nilo_buf_done(&known);
    return -1;
}

int nilo_collect_erased(struct nilo_store *s, const struct nilo_config *config, const struct nilo_config_connection *c, struct nilo_err *ret_why,
                        struct nilo_err *err)
{
    struct nilo_err none = {0};
    struct nilo_workspace w;
    bool erased;
    *ret_why = (struct nilo_err){0};
    if (nilo_store_workspace(s, c->workspace, false, NULL, &w, &none) != 0) /* not there: nothing of it was erased; whoever makes it says what is wrong */
        return 0;
    if (nilo_store_was_erased(s, w.id, NILO_ERASE_CONNECTION, 0, "", c->name, &erased, err) != 0)
        return -1;
    if (!erased)
        return 0;
    if (config->path != NULL && c->line > 0)
        nilo_err_set(ret_why, NILO_EPERM, "connection %s of workspace %s was erased here and is left out; take it out of %s, line %d", c->name, c->workspace,
                     config->path, c->line);
    else
        nilo_err_set(ret_why, NILO_EPERM, "connection %s of workspace %s was erased here and is left out", c->name, c->workspace);
    return 1;
}

/* ---- one connection ----------------------------------------------------------------------------------------------------------------------- */

void nilo__job_done(struct nilo__job *job)
{
    nilo__sql_done(job);
    nilo_config_sql_free(job->sql_metrics, job->n_metrics);
    nilo_arena_done(&job->slice);
    nilo_arena_done(&job->arena);
}

/* Where it belongs in the store, and what day it is there. */
int nilo__job_init(struct nilo__job *job, struct nilo_store *s, const struct nilo_config *config,
                   const struct nilo_config_connection *c, const struct nilo_collect_options *o, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    struct nilo_workspace workspace;
    *job = (struct nilo__job){.store = s, .config = config, .source = c, .options = o};
    nilo_arena_init(&job->arena, 0);
    nilo_arena_init(&job->slice, 0);
    if (nilo_store_workspace(s, c->workspace, true, nilo_config_zone(config, c->workspace), &workspace, err) != 0 ||
        nilo_store_connection(s, workspace.id, c->name, true, c->platform, "file", &job->connection, err) != 0 ||
        nilo_store_calendar(s, workspace.id, &job->calendar, err) != 0)
        return -1;
    job->now = env->clock.wall(env->clock.ctx);
    job->today = nilo_calendar_day(job->calendar, job->now);
    /* A clock that was ahead has left it: all that is open is read again. */
    if (!nilo_day_is_none(job->connection.read_until) && job->connection.read_until.n >= job->today.n)
        job->connection.read_until = job->connection.closed_until;
    return 0;
}

int nilo__dropped(const struct nilo__job *job, struct nilo_err *err)
{
    char until[NILO_DAY_TEXT];
    nilo_day_format(job->connection.dropped_until, until);
    return nilo_err_set(err, NILO_EDATERANGE, "the days of connection %s up to %s were dropped and take no value any more", job->connection.name, until);
}

/* A day that is asked for by name has to exist there, to have begun, and not to have been dropped. */
static int check_day(const struct nilo__job *job, nilo_day day, struct nilo_err *err)
{
    char asked[NILO_DAY_TEXT], today[NILO_DAY_TEXT];
    nilo_day_format(day, asked);
    nilo_day_format(job->today, today);
    if (day.n > job->today.n)
        return nilo_err_set(err, NILO_EDATERANGE, "%s is in the future: in workspace %s today is %s", asked,
                            job->connection.workspace_name, today);
    if (nilo_calendar_start(job->calendar, day) >= nilo_calendar_end(job->calendar, day))
        return nilo_err_set(err, NILO_EDATERANGE, "there was no %s in workspace %s: its zone skipped that day", asked,
                            job->connection.workspace_name);
    if (day.n <= job->connection.dropped_until.n)
        return nilo__dropped(job, err);
    return 0;
}

/* The whole connection failed before a run could be made of it. */
static void report_refusal(struct nilo__job *job, const struct nilo_err *why)
{
    const struct nilo_collect_run report = {
        .workspace = job->source->workspace,
        .connection = job->source->name,
        .platform = job->source->platform,
        .first_day = NILO_DAY_NONE,
        .last_day = NILO_DAY_NONE,
        .status = "failed",
        .error = why->msg,
    };
    job->any_bad = true;
    if (job->options->report != NULL)
        job->options->report(job->options->report_ctx, &report);
}

const char *nilo__paused(struct nilo__job *job)
{
    const struct nilo_connection *c = &job->connection;
    char at[NILO_US_TEXT];
    if (c->paused_at == NILO_US_NONE)
        return NULL;
    nilo_us_format(c->paused_at, at);
    const char *text = nilo_arena_printf(&job->arena, "paused since %.10s %.5s UTC%s%s; to go on: nilometer resume --connection %s --workspace %s", at, at + 11,
                                         c->pause_reason[0] != '\0' ? ", " : "", c->pause_reason, c->name, c->workspace_name);
    return text != NULL ? text : "paused";
}

static void report_paused(struct nilo__job *job, const char *why)
{
    const struct nilo_collect_run report = {
        .workspace = job->connection.workspace_name,
        .connection = job->connection.name,
        .platform = job->connection.platform,
        .first_day = NILO_DAY_NONE,
        .last_day = NILO_DAY_NONE,
        .status = "paused",
        .error = why,
    };
    if (job->options->report != NULL)
        job->options->report(job->options->report_ctx, &report);
}

static int collect_job(struct nilo__job *job, struct nilo_err *err)
{
    nilo_day day = job->options->day;
    /* Again: a definition may have cost the store what it had cached. */
    if (nilo__sql_metrics(job, err) != 0 ||
        nilo_store_calendar(job->store, job->connection.workspace, &job->calendar, err) != 0)
        return -1;
    if (nilo_day_is_none(day)) {
        if (nilo__due_before(job, &job->before, err) != 0)
            return -1;
        day = job->today;
    }
    return nilo__due_named(job, day, &job->named, err) != 0 ? -1 : nilo__collect_runs(job, err);
}

/* ---- all of them -------------------------------------------------------------------------------------------------------------------------- */

struct total {
    const struct nilo_config *config;
    const struct nilo_collect_options *options;
    int chosen, wrong_day;
    struct nilo_err first_wrong_day;
};

static void add_up(struct nilo_collect_result *ret, const struct nilo__job *job)
{
    ret->metrics_collected += job->metrics_collected;
    if (job->any_good && job->any_bad)
        ret->partial++;
    else if (job->any_bad)
        ret->failed++;
    else
        ret->completed++;
}

static bool is_left_out(const struct nilo__job *job)
{
    return job->options->connection == NULL && strcmp(job->connection.status, "disabled") == 0;
}

static int collect_one(struct nilo_store *s, const struct nilo_config_connection *c, struct total *total,
                       struct nilo_collect_result *ret, struct nilo_err *err)
{
    struct nilo__job job = {.source = c, .options = total->options};
    struct nilo_err wrong_day = {0}, gone;
    int result = nilo_collect_erased(s, total->config, c, &gone, err);
    if (result < 0)
        return -1;
    if (result > 0) {
        total->chosen++;
        report_refusal(&job, &gone);
        ret->failed++;
        return 0;
    }
    result = nilo__job_init(&job, s, total->config, c, total->options, err);
    if (result != 0 || is_left_out(&job)) {
        nilo__job_done(&job);
        return result;
    }
    total->chosen++;
    const char *paused = nilo__paused(&job);
    if (paused != NULL) {
        report_paused(&job, paused);
        ret->paused++;
        nilo__job_done(&job);
        return 0;
    }
    if (!nilo_day_is_none(total->options->day) && check_day(&job, total->options->day, &wrong_day) != 0) {
        if (total->wrong_day++ == 0)
            total->first_wrong_day = wrong_day;
        report_refusal(&job, &wrong_day);
    } else {
        result = collect_job(&job, err);
    }
    if (result == 0)
        add_up(ret, &job);
    nilo__job_done(&job);
    return result;
}

/* A database with a schedule of its own, when only that is asked for. */
static int collect_scheduled(struct nilo_store *s, const struct nilo_config_connection *c, struct total *total, struct nilo_collect_result *ret,
                             struct nilo_err *err)
{
    struct nilo__slot slot;
    if (!total->options->scheduled)
        return collect_one(s, c, total, ret, err);
    if (nilo__slot_begin(s, total->config, c, true, &slot, err) != 0)
        return -1;
    if (!slot.taken)
        return 0;
    int result = collect_one(s, c, total, ret, err);
    return nilo__slot_end(s, &slot, result == 0 ? NULL : err, NULL) != 0 ? -1 : result;
}

/* Databases that come due while platforms are waited for. */
struct between {
    struct nilo_store *store;
    struct total *total;
    struct nilo_collect_result *ret;
};

static int collect_databases(struct nilo_store *s, struct total *total, struct nilo_collect_result *ret, int *ret_matching, struct nilo_err *err)
{
    for (int i = 0; i < total->config->n_connections; i++) {
        if (!nilo__is_chosen(&total->config->connections[i], total->options))
            continue;
        ++*ret_matching;
        if (collect_scheduled(s, &total->config->connections[i], total, ret, err) != 0)
            return -1;
    }
    return 0;
}

static int collect_between(void *ctx, struct nilo_err *err)
{
    struct between *b = ctx;
    int matching = 0;
    return collect_databases(b->store, b->total, b->ret, &matching, err);
}

static const char *overall(const struct nilo_collect_result *r)
{
    if (r->failed == 0 && r->partial == 0)
        return "completed";
    return r->completed == 0 && r->partial == 0 ? "failed" : "partial";
}

int nilo_collect_look(struct nilo_store *s, const struct nilo_config *config, struct nilo_err *err)
{
    static const char schedule[] = "connections_from_sql";
    const struct nilo_env *env = nilo_store_env(s);
    nilo_us now = env->clock.wall(env->clock.ctx), slot = now - now % SYNC_EVERY, last;
    struct nilo_lease lease;
    struct nilo_err lost = {0};
    bool taken = true;
    if (config->n_connections_from_sql == 0)
        return 0;
    if (nilo_store_slot_last(s, schedule, &last, err) != 0)
        return -1;
    if (last != NILO_US_NONE && last >= slot)
        return 0;
    if (nilo_store_slot_take(s, schedule, slot, "scheduler", SYNC_EVERY, &lease, &taken, NULL, err) != 0)
        return -1;
    if (!taken)
        return 0;
    nilo_collect_sync(s, config);
    if (nilo_store_slot_end(s, &lease, NILO_SLOT_DONE, NULL, &lost) == 0 || lost.code == NILO_ECANCELLED)
        return 0;
    if (err != NULL)
        *err = lost;
    return -1;
}

/* The app's own table of connections is read when somebody asks for a collection; who only looks whether a schedule has something due, which may be twice a
 * minute and in several processes, leaves it to one look in a while, whoever takes it. */
static int sync_connections(struct nilo_store *s, const struct nilo_config *config, const struct nilo_collect_options *o, struct nilo_err *err)
{
    if (o->scheduled)
        return nilo_collect_look(s, config, err);
    nilo_collect_sync(s, config);
    return 0;
}

int nilo_collect(struct nilo_store *s, const struct nilo_config *config, const struct nilo_collect_options *o,
                 struct nilo_collect_result *ret, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    struct nilo_collect_result result = {0};
    struct total total = {.config = config, .options = o};
    nilo_us began = env->clock.mono(env->clock.ctx);
    int matching = 0, chosen = 0;
    if (config->n_connections_from_sql > 0 && sync_connections(s, config, o, err) != 0)
        return -1;
    struct between between = {s, &total, &result};
    if (nilo__collect_platforms(s, config, o, collect_between, &between, &result, &matching, &chosen, err) != 0)
        return -1;
    total.chosen += chosen;
    if (collect_databases(s, &total, &result, &matching, err) != 0)
        return -1;
    if (matching == 0 && !o->platforms_only && !o->nothing_is_fine)
        return nilo__nothing_chosen(config, o, err);
    if (total.chosen == 0 && !o->platforms_only && !o->scheduled)
        return nilo_err_set(err, NILO_ECONFIG, "there is nothing to collect from: every connection is disabled");
    if (total.wrong_day > 0 && total.wrong_day == total.chosen - result.paused) {
        if (err != NULL)
            *err = total.first_wrong_day;
        return -1;
    }
    if (o->scheduled && total.chosen > 0 && nilo_store_slots_forget(s, env->clock.wall(env->clock.ctx) - SLOTS_KEPT, err) != 0)
        return -1;
    result.execution_time_ms = (env->clock.mono(env->clock.ctx) - began) / 1000;
    result.status = overall(&result);
    *ret = result;
    return 0;
}
