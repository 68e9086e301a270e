/* See refresh.h. */
#include "collect/refresh.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define DETAILS_MOST ((size_t)64 << 20)
#define PLATFORMS    32 /* more than there are connectors */

/* What is counted beside the result while connections report: by platform, and the sentences. */
struct counting {
    const struct nilo_refresh_options *o;
    struct nilo_refreshed *ret;
    struct nilo_json_out details;
    struct {
        char platform[64];
        int64_t processed, updated, errors;
    } of[PLATFORMS];
    size_t n;
    int64_t told; /* connections */
};

static void put_str(struct nilo_json_out *o, const char *key, const char *value)
{
    nilo_json_key(o, key);
    nilo_json_str(o, value);
}

static void put_int(struct nilo_json_out *o, const char *key, int64_t n)
{
    nilo_json_key(o, key);
    nilo_json_int(o, n);
}

static void put_sentence(struct nilo_json_out *o, const char *before, const char *name, const char *message)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 8192);
    nilo_buf_addf(&b, "%s %s: %s", before, name, message);
    if (b.failed) /* longer than any sentence: without the name it still says what is wrong */
        nilo_json_str(o, message);
    else
        nilo_json_str(o, nilo_buf_str(&b));
    nilo_buf_done(&b);
}

/* A pause is wanted: no error, although it has its sentence. */
static bool is_paused(const struct nilo_collect_run *run)
{
    return strcmp(run->status, "paused") == 0;
}

/* The failures that the log has, or the one sentence of a connection that came to no run or to nothing. */
static int64_t errors_of(const struct nilo_collect_run *run)
{
    return is_paused(run) ? 0 : run->n_failures > 0 ? run->all_failures : run->error != NULL;
}

static void put_errors(struct nilo_json_out *o, const struct nilo_collect_run *run)
{
    nilo_json_key(o, "errors");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < run->n_failures; i++) {
        const struct nilo_collect_failure *f = &run->failures[i];
        put_sentence(o, f->is_item ? "Post" : "Connection", f->is_item ? f->metric : run->connection, f->message);
    }
    if (run->n_failures == 0 && run->error != NULL && !is_paused(run))
        put_sentence(o, "Connection", run->connection, run->error);
    nilo_json_array_end(o);
}

static void put_connection(struct nilo_json_out *o, const struct nilo_collect_run *run)
{
    nilo_json_object_begin(o);
    put_str(o, "platform", run->platform);
    put_str(o, "workspaceId", run->workspace);
    put_str(o, "connection", run->connection);
    put_str(o, "status", run->status);
    put_int(o, "postsProcessed", run->items_processed);
    put_int(o, "metricsUpdated", run->items_updated);
    put_int(o, "failed", errors_of(run)); /* errors lists the first of them */
    put_errors(o, run);
    nilo_json_object_end(o);
}

static void on_run(void *ctx, const struct nilo_collect_run *run)
{
    struct counting *c = ctx;
    struct nilo_refreshed *r = c->ret;
    size_t i = 0;
    c->told++;
    put_connection(&c->details, run);
    r->posts += run->items_processed;
    r->updated += run->items_updated;
    r->errors += errors_of(run);
    while (i < c->n && strcmp(c->of[i].platform, run->platform) != 0)
        i++;
    if (i == c->n && i < PLATFORMS)
        snprintf(c->of[c->n++].platform, sizeof c->of[0].platform, "%s", run->platform);
    if (i < PLATFORMS) {
        c->of[i].processed += run->items_processed;
        c->of[i].updated += run->items_updated;
        c->of[i].errors += errors_of(run);
    }
    if (c->o->report != NULL)
        c->o->report(c->o->report_ctx, run);
}

static void put_summary(struct nilo_json_out *o, const struct counting *c)
{
    nilo_json_key(o, "summary");
    nilo_json_object_begin(o);
    put_int(o, "totalPostsProcessed", c->ret->posts);
    put_int(o, "totalMetricsUpdated", c->ret->updated);
    put_int(o, "totalErrors", c->ret->errors);
    nilo_json_key(o, "byPlatform");
    nilo_json_object_begin(o);
    for (size_t i = 0; i < c->n; i++) {
        nilo_json_key(o, c->of[i].platform);
        nilo_json_object_begin(o);
        put_int(o, "processed", c->of[i].processed);
        put_int(o, "updated", c->of[i].updated);
        put_int(o, "errors", c->of[i].errors);
        nilo_json_object_end(o);
    }
    nilo_json_object_end(o);
    nilo_json_object_end(o);
}

static void put_all(struct nilo_buf *to, const struct counting *c, const struct nilo_buf *details)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, to);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "ok");
    nilo_json_bool(&o, true);
    put_str(&o, "message", c->ret->message);
    put_summary(&o, c);
    nilo_json_key(&o, "details");
    nilo_json_text(&o, nilo_buf_str(details), details->len);
    nilo_json_object_end(&o);
}

int nilo_refresh(struct nilo_store *s, const struct nilo_config *config, const struct nilo_refresh_options *o, struct nilo_buf *ret_json, struct nilo_refreshed *ret,
                 struct nilo_err *err)
{
    struct nilo_workspace w;
    struct nilo_buf details;
    struct nilo_refreshed refreshed = {.posts = 0};
    struct counting c = {.o = o, .ret = &refreshed};
    const struct nilo_collect_options options = {.workspace = o->workspace,
                                                 .connection = o->connection,
                                                 .day = NILO_DAY_NONE,
                                                 .platforms_only = true,
                                                 .all = true,
                                                 .stop = o->stop,
                                                 .http = o->http,
                                                 .token_http = o->token_http,
                                                 .stop_ctx = o->stop_ctx,
                                                 .report = on_run,
                                                 .report_ctx = &c};
    if (o->workspace != NULL && nilo_store_workspace(s, o->workspace, false, NULL, &w, err) != 0)
        return -1;
    nilo_buf_init(&details, DETAILS_MOST);
    nilo_json_out_init(&c.details, &details);
    nilo_json_array_begin(&c.details);
    int rc = nilo_collect(s, config, &options, &refreshed.result, err);
    nilo_json_array_end(&c.details);
    if (rc == 0 && o->connection != NULL && c.told == 0)
        rc = nilo_err_set(err, NILO_ENAME, "there is no connection %s of a platform%s%s; nilometer connection list names those there are, and what reads a database is: "
                          "nilometer collect", o->connection, o->workspace != NULL ? " in workspace " : "", o->workspace != NULL ? o->workspace : "");
    if (rc == 0) {
        snprintf(refreshed.message, sizeof refreshed.message, "Refreshed metrics for %lld posts across %d platform connections", (long long)refreshed.updated,
                 refreshed.result.platforms);
        put_all(ret_json, &c, &details);
        *ret = refreshed;
        rc = details.failed || ret_json->failed ? nilo_err_nomem(err) : 0;
    }
    nilo_buf_done(&details);
    return rc;
}
