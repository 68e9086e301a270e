/* See own_metrics.h. A figure is a name, whether it only rises, what it is, and a number. */
#include "api/own_metrics.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/api.h"
#include "api/events.h"
#include "api/rest_cache.h"
#include "api/settings.h"
#include "api/task.h"
#include "api/writer.h"
#include "login/login.h"

static void put(struct nilo_buf *out, const char *name, const char *kind, const char *doc, int64_t n)
{
    nilo_buf_addf(out, "# HELP nilometer_%s %s\n# TYPE nilometer_%s %s\nnilometer_%s %lld\n", name, doc, name, kind, name, (long long)n);
}

static void server(struct nilo_exchange *x, struct nilo_buf *out)
{
    struct nilo_server_counts c;
    nilo_server_counts(nilo_req_server(x), &c);
#define X(name, kind, doc) put(out, "server_" #name, kind, doc, c.name);
    NILO_SERVER_COUNT_ROWS(X)
#undef X
}

static void writing(const struct nilo_api *api, struct nilo_buf *out)
{
    struct nilo_writer_counts w;
    struct nilo_tasks_counts t = {0};
    nilo_writer_counts(api, &w);
    put(out, "writer_queue", "gauge", "writes that wait for the writer", w.queue);
    put(out, "writer_jobs", "counter", "writes done", w.jobs);
    put(out, "writer_failed", "counter", "of them failed", w.failed);
    put(out, "writer_refused", "counter", "writes not begun in time", w.refused);
    if (api->tasks != NULL)
        nilo_tasks_counts(api->tasks, &t);
    put(out, "tasks_waiting", "gauge", "collections, imports and other commands that wait", t.waiting);
    put(out, "tasks_running", "gauge", "and that are at work", t.running);
    put(out, "tasks_done", "counter", "and that have ended", t.done);
    if (api->settings != NULL) {
        int64_t done, failed;
        nilo_settings_counts(api->settings, &done, &failed);
        put(out, "reloads", "counter", "configurations taken over while running", done);
        put(out, "reloads_failed", "counter", "configurations refused while running", failed);
    }
}

static void cached(const struct nilo_api *api, struct nilo_buf *out)
{
    struct nilo_rest_cache_counts c;
    if (api->cache == NULL)
        return;
    nilo_rest_cache_counts(api, &c);
#define X(name, kind, doc) put(out, "cache_" #name, kind, doc, c.name);
    NILO_REST_CACHE_COUNT_ROWS(X)
#undef X
}

static void told(const struct nilo_api *api, struct nilo_buf *out)
{
    struct nilo_events_counts c;
    if (api->events == NULL)
        return;
    nilo_events_counts(api->events, &c);
#define X(name, kind, doc) put(out, "events_" #name, kind, doc, c.name);
    NILO_EVENTS_COUNT_ROWS(X)
#undef X
}

static void hooks(const struct nilo_api *api, struct nilo_buf *out)
{
#define X(name, doc) put(out, "hooks_" #name, "counter", doc, api->hooks.name);
    NILO_HOOK_COUNT_ROWS(X)
#undef X
}

static void log_size(struct nilo_store *s, struct nilo_buf *out)
{
    char path[4300];
    struct stat st;
    if (nilo_db_engine(nilo_store_db(s)) != NILO_DB_SQLITE || snprintf(path, sizeof path, "%s-wal", nilo_store_target(s)) >= (int)sizeof path)
        return;
    put(out, "wal_bytes", "gauge", "size of the write-ahead log", stat(path, &st) == 0 ? (int64_t)st.st_size : 0);
}

/* Days that are over and not closed yet, of connections that ever closed one. */
static int closing(struct nilo_store *s, nilo_us now, struct nilo_buf *out, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    const struct nilo_calendar *calendar;
    size_t n = 0;
    int64_t open = 0;
    nilo_us last;
    int rc = nilo_store_connections(s, &all, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (nilo_day_is_none(all[i].closed_until))
            continue;
        rc = nilo_store_calendar(s, all[i].workspace, &calendar, err);
        if (rc == 0) {
            int64_t behind = (int64_t)nilo_calendar_day(calendar, now).n - 1 - all[i].closed_until.n;
            open += behind > 0 ? behind : 0;
        }
    }
    free(all);
    if (rc != 0 || nilo_store_last_close(s, &last, err) != 0)
        return -1;
    put(out, "days_not_closed", "gauge", "days that are over and not closed, over all connections", open);
    put(out, "last_close_seconds", "gauge", "when a day closed last, in seconds since 1970; 0 = never", last == NILO_US_NONE ? 0 : last / NILO_US_SECOND);
    return 0;
}

/* Whether numbers come in, and until when somebody's sign-in holds. */
static int connections(struct nilo_store *s, nilo_us now, struct nilo_buf *out, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    struct nilo_login_clock *logins;
    struct nilo_arena arena;
    size_t n = 0, n_logins = 0;
    int64_t expired = 0, failing = 0, trouble = 0;
    nilo_us soonest = NILO_US_NONE;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_connections(s, &all, &n, err) != 0 ? -1 : nilo_login_clock(s, &arena, &logins, &n_logins, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        expired += strcmp(all[i].status, "expired") == 0;
        failing += strcmp(all[i].status, "failing") == 0;
        for (size_t k = 0; k < n_logins; k++) {
            if (logins[k].row.connection != all[i].id || strcmp(all[i].status, "disabled") == 0)
                continue;
            trouble += logins[k].state == NILO_LOGIN_TROUBLE && strcmp(all[i].status, "expired") != 0;
            if (logins[k].ends_at != NILO_US_NONE && (soonest == NILO_US_NONE || logins[k].ends_at < soonest))
                soonest = logins[k].ends_at;
        }
    }
    free(all);
    nilo_arena_done(&arena);
    if (rc != 0)
        return -1;
    put(out, "connections_expired", "gauge", "connections that somebody has to sign in to again", expired);
    put(out, "connections_failing", "gauge", "connections whose last collection failed", failing);
    put(out, "logins_in_trouble", "gauge", "connections whose token could not be renewed the last time", trouble);
    put(out, "login_ends_in_seconds", "gauge", "until the first sign-in ends, negative behind it; 0 = none is known to end",
        soonest == NILO_US_NONE ? 0 : (soonest - now) / NILO_US_SECOND);
    return 0;
}

int nilo_own_metrics(struct nilo_exchange *x, struct nilo_err *err)
{
    const struct nilo_api *api = nilo_req_ctx(x);
    struct nilo_err why = {0};
    struct nilo_store *store;
    struct nilo_rest_mark mark;
    struct nilo_buf out;
    nilo_buf_init(&out, 65536);
    server(x, &out);
    writing(api, &out);
    cached(api, &out);
    told(api, &out);
    hooks(api, &out);
    bool there = nilo_rest_current(x, &store, &mark, &why) == 0, answers = there && nilo_store_scope(store, &NILO_SCOPE_ALL, &why) == 0 && closing(store, api->env->clock.wall(api->env->clock.ctx), &out, &why) == 0 &&
         connections(store, api->env->clock.wall(api->env->clock.ctx), &out, &why) == 0;
    if (answers)
        log_size(store, &out);
    else if (there)
        nilo_req_worker_broken(x);
    put(&out, "store_answers", "gauge", "1: the store could be asked for these figures", answers);
    int rc = out.failed ? nilo_err_nomem(err) : nilo_answer_text(x, 200, "text/plain; version=0.0.4; charset=utf-8", nilo_buf_str(&out), err);
    nilo_buf_done(&out);
    return rc;
}
