/* nilometer pause and resume: whether the sources of connections are asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"

struct changed {
    int connections, new; /* meant; and of these, such as were not in that state before */
};

typedef int act_fn(struct nilo_cmd_ctx *ctx, struct nilo_store *s, int64_t connection, bool *ret_new, struct nilo_err *err);

static int pause_one(struct nilo_cmd_ctx *ctx, struct nilo_store *s, int64_t connection, bool *ret_new, struct nilo_err *err)
{
    return nilo_store_pause(s, connection, nilo_args_get(ctx->args, "reason"), ret_new, err);
}

static int resume_one(struct nilo_cmd_ctx *ctx, struct nilo_store *s, int64_t connection, bool *ret_new, struct nilo_err *err)
{
    (void)ctx;
    return nilo_store_resume(s, connection, ret_new, err);
}

static bool is_meant(const struct nilo_cmd_ctx *ctx, const struct nilo_connection *c)
{
    const char *workspace = nilo_args_get(ctx->args, "workspace"), *name = nilo_args_get(ctx->args, "connection");
    return (workspace == NULL || strcmp(workspace, c->workspace_name) == 0) && (name == NULL || strcmp(name, c->name) == 0);
}

static int none_meant(const struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    bool named = nilo_args_get(ctx->args, "workspace") != NULL || nilo_args_get(ctx->args, "connection") != NULL;
    return nilo_err_set(err, named ? NILO_ENAME : NILO_ENOENT, "%s; nilometer status lists what there is, and nilometer init takes new ones from the configuration",
                        named ? "there is no such connection" : "the store has no connections yet");
}

static int change_all(struct nilo_cmd_ctx *ctx, struct nilo_store *s, act_fn *act, struct changed *ret, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    size_t n = 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool new = false;
        if (!is_meant(ctx, &all[i]))
            continue;
        rc = act(ctx, s, all[i].id, &new, err);
        ret->connections++;
        ret->new += new;
    }
    free(all);
    return rc == 0 && ret->connections == 0 ? none_meant(ctx, err) : rc;
}

/* All of them or none. */
static int in_one_go(struct nilo_cmd_ctx *ctx, struct nilo_store *s, act_fn *act, struct changed *ret, struct nilo_err *err)
{
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (change_all(ctx, s, act, ret, err) != 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

static int report(struct nilo_cmd_ctx *ctx, const struct changed *done, const char *key, const char *said, const char *before, struct nilo_err *err)
{
    if (ctx->json) {
        struct nilo__answer a;
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "connections");
        nilo_json_int(&a.json, done->connections);
        nilo_json_key(&a.json, key);
        nilo_json_int(&a.json, done->new);
        nilo_json_object_end(&a.json);
        return nilo__answer_print(&a, ctx->out, err);
    }
    fprintf(ctx->out, "%s %d %s", said, done->new, done->new == 1 ? "connection" : "connections");
    if (done->connections > done->new)
        fprintf(ctx->out, "; %d %s %s", done->connections - done->new, done->connections - done->new == 1 ? "was" : "were", before);
    fputs(".\n", ctx->out);
    return 0;
}

static int run_act(struct nilo_cmd_ctx *ctx, act_fn *act, const char *key, const char *said, const char *before, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct changed done = {0};
    if (nilo__operands(ctx, 0, 0, err) != 0 || nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    int rc = in_one_go(ctx, s, act, &done, err);
    if (rc == 0)
        rc = report(ctx, &done, key, said, before, err);
    nilo_store_close(s);
    return rc;
}

static int run_pause(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    return run_act(ctx, pause_one, "paused", "Paused", "paused before", err);
}

static int run_resume(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    return run_act(ctx, resume_one, "resumed", "Resumed", "not paused", err);
}

const struct nilo_cmd nilo_cmd_pause = {
    .name = "pause",
    .operands = "",
    .summary = "stop collecting, for a while or for good; everything else goes on",
    .description =
        "From now on the sources of these connections are not asked, neither by collect nor by backfill, until resume. Without an option that "
        "is every connection that the store has. It is kept in the store, not in the configuration, and collect ends with 0 while it skips "
        "them, so that a nightly job may stay as it is.\n\n"
        "Nothing else changes: what is recorded stays and can be read, exported and imported into. Days of an SQL source stay open meanwhile, "
        "for they close only on a reading taken after their end: the first collect after resume reads them, more than a week after their end as "
        "estimated values. What a platform showed meanwhile cannot be had again: those days close without values. status says "
        "that, and why, collecting is paused; coverage counts the days as not_collected.\n\n"
        "  nilometer pause --connection app --reason 'the database moves'\n"
        "  nilometer pause                       (rolling back: the schedule is off, tables and logs are kept)",
    .options = (const struct nilo_option[]){{"connection", "NAME", "only this connection", false},
                                            {"workspace", "W", "only connections of this workspace", false},
                                            {"reason", "TEXT", "why: status shows it", false},
                                            {0}},
    .run = run_pause,
    .writes = NILO_CMD_WRITES,
};

const struct nilo_cmd nilo_cmd_resume = {
    .name = "resume",
    .operands = "",
    .summary = "collect from paused connections again",
    .description = "Ends what pause began; the next collect asks for everything that is due since. Without an option every connection is resumed. Where "
                   "nothing at all ran for more than 36 hours, days close only after a look at the clock: status says so, and nilometer doctor "
                   "--accept-clock is the answer.\n\n"
                   "  nilometer resume --connection app",
    .options = (const struct nilo_option[]){{"connection", "NAME", "only this connection", false},
                                            {"workspace", "W", "only connections of this workspace", false},
                                            {0}},
    .run = run_resume,
    .writes = NILO_CMD_WRITES,
};
