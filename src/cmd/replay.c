/* nilometer replay: kept answers of platforms are read again by the parser of today. */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/cmd_priv.h"
#include "collect/replay.h"
#include "store/raw.h"

int nilo__raw_forget(struct nilo_store *s, int64_t days, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    int64_t n, packed, bytes;
    if (nilo_store_raw_size(s, 0, &n, &packed, &bytes, err) != 0)
        return -1;
    return n > 0 ? nilo_store_raw_forget(s, 0, days > 0 ? env->clock.wall(env->clock.ctx) - days * NILO_US_DAY : INT64_MAX, NULL, err) : 0;
}

static void tell(void *ctx, const struct nilo_connection *c, const struct nilo_run *run, int64_t answers, const char *error)
{
    struct nilo_cmd_ctx *cmd = ctx;
    if (error != NULL)
        nilo_cmd_notice(cmd, "connection %s of %s: %s", c->name, c->workspace_name, error);
    else if (!cmd->json)
        fprintf(cmd->out, "%s, %s: %" PRId64 " %s, run %" PRId64 ".\n", c->workspace_name, c->name, answers, answers == 1 ? "answer" : "answers", run->id);
}

static int report(struct nilo_cmd_ctx *ctx, const struct nilo_replay_result *r, bool dry, struct nilo_err *err)
{
    if (!ctx->json) {
        fprintf(ctx->out, "%s %" PRId64 " kept %s of %d %s: %" PRId64 " %s, %" PRId64 " %s, %" PRId64 " unreadable.\n", dry ? "Would take" : "Took", r->answers,
                r->answers == 1 ? "answer" : "answers", r->connections, r->connections == 1 ? "connection" : "connections", r->readings,
                r->readings == 1 ? "reading" : "readings", r->changed, r->changed == 1 ? "value changed" : "values changed", r->unreadable);
        return 0;
    }
    const struct {
        const char *name;
        int64_t n;
    } members[] = {{"connections", r->connections}, {"failed", r->failed}, {"answers", r->answers}, {"unreadable", r->unreadable}, {"readings", r->readings},
                   {"changed", r->changed}};
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        nilo_json_key(&a.json, members[i].name);
        nilo_json_int(&a.json, members[i].n);
    }
    nilo_json_key(&a.json, "dry_run");
    nilo_json_bool(&a.json, dry);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct nilo_replay_result done;
    struct nilo_replay_options o = {.workspace = nilo_args_get(ctx->args, "workspace"), .connection = nilo_args_get(ctx->args, "connection"),
                                    .dry_run = nilo_args_get(ctx->args, "dry-run") != NULL};
    nilo_day from, to;
    if (nilo__operands(ctx, 0, 0, err) != 0 || nilo_args_day(ctx->args, "from", &from, err) != 0 || nilo_args_day(ctx->args, "to", &to, err) != 0)
        return -1;
    if (!nilo_day_is_none(from) && !nilo_day_is_none(to) && to.n < from.n)
        return nilo_err_set(err, NILO_EUSAGE, "--to lies before --from");
    o.from = nilo_day_is_none(from) ? NILO_US_NONE : from.n * NILO_US_DAY;
    o.to = nilo_day_is_none(to) ? NILO_US_NONE : (to.n + 1) * NILO_US_DAY - 1;
    if (nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    int rc = nilo_replay(s, &o, tell, ctx, &done, err);
    if (rc == 0)
        rc = report(ctx, &done, o.dry_run, err);
    nilo_store_close(s);
    return rc != 0 ? rc : done.failed == 0 ? 0 : done.failed == done.connections ? 1 : 3;
}

const struct nilo_cmd nilo_cmd_replay = {
    .name = "replay",
    .summary = "read kept answers of platforms anew",
    .description =
        "Answers of platforms are kept, compressed, for as many days as raw_answers_days in the configuration says (30; 0: none). Each is taken again "
        "by the parser of this version. What it reads otherwise becomes an amendment of the closed days (cause replayed), which --as-of looks behind, "
        "and the value of open ones; what it reads as before changes nothing, so running it again does nothing. Answers of runs that do not count (quarantined, rejected) are "
        "left out. Pages of a shop's windows (TikTok Shop) are read and change nothing: they count together alone. Nobody is asked.",
    .options = (const struct nilo_option[]){{"workspace", "W", "only connections of this workspace", false},
                                            {"connection", "NAME", "only this connection", false},
                                            {"from", "DAY", "only what was answered on that day (UTC) or later", false},
                                            {"to", "DAY", "only what was answered on that day (UTC) or before", false},
                                            {"dry-run", NULL, "only say what would change", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
