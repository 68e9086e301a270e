/* nilometer thin: old closed days keep their values and not every reading. collect does it too, where the configuration says so. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"

int nilo__thin(struct nilo_store *s, int64_t days, int64_t *ret_removed, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    const struct nilo_env *env = nilo_store_env(s);
    size_t n = 0;
    *ret_removed = 0;
    if (days <= 0)
        return 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct nilo_calendar *calendar;
        int64_t removed = 0;
        rc = nilo_store_calendar(s, all[i].workspace, &calendar, err);
        if (rc != 0)
            break;
        struct nilo_thin how = {.connection = all[i].id, .author = "thin_observations_after_days"};
        how.until = NILO_DAY(nilo_calendar_day(calendar, env->clock.wall(env->clock.ctx)).n - (int32_t)days - 1);
        rc = nilo_store_thin(s, &how, &removed, err);
        *ret_removed += removed;
    }
    free(all);
    return rc;
}

struct thinned {
    int64_t removed;
    int connections;
};

static bool is_meant(const struct nilo_cmd_ctx *ctx, const struct nilo_connection *c)
{
    const char *workspace = nilo_args_get(ctx->args, "workspace"), *name = nilo_args_get(ctx->args, "connection");
    return (workspace == NULL || strcmp(workspace, c->workspace_name) == 0) && (name == NULL || strcmp(name, c->name) == 0);
}

static int thin_all(struct nilo_cmd_ctx *ctx, struct nilo_store *s, nilo_day before, struct thinned *ret, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    const char *author = nilo_args_get(ctx->args, "author"), *login = ctx->login;
    size_t n = 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        int64_t removed = 0;
        if (!is_meant(ctx, &all[i]))
            continue;
        const struct nilo_thin how = {.connection = all[i].id, .until = NILO_DAY(before.n - 1), .all = true,
                                      .dry_run = nilo_args_get(ctx->args, "dry-run") != NULL,
                                      .author = author != NULL ? author : login != NULL ? login : "unknown"};
        rc = nilo_store_thin(s, &how, &removed, err);
        if (rc != 0)
            nilo_err_wrap(err, "connection \"%s\"", all[i].name);
        ret->removed += removed;
        ret->connections++;
    }
    free(all);
    if (rc == 0 && ret->connections == 0)
        return nilo_err_set(err, NILO_ENOENT, "there is no such connection; nilometer status lists them");
    return rc;
}

static int report(struct nilo_cmd_ctx *ctx, const struct thinned *t, struct nilo_err *err)
{
    bool dry = nilo_args_get(ctx->args, "dry-run") != NULL;
    if (!ctx->json) {
        fprintf(ctx->out, "%s %" PRId64 " %s of %d %s; no day, total or best changed.\n", dry ? "Would remove" : "Removed", t->removed,
                t->removed == 1 ? "reading" : "readings", t->connections, t->connections == 1 ? "connection" : "connections");
        return 0;
    }
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    nilo_json_key(&a.json, "removed");
    nilo_json_int(&a.json, t->removed);
    nilo_json_key(&a.json, "connections");
    nilo_json_int(&a.json, t->connections);
    nilo_json_key(&a.json, "dry_run");
    nilo_json_bool(&a.json, dry);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct thinned done = {0};
    nilo_day before;
    if (nilo__operands(ctx, 0, 0, err) != 0 || nilo_args_day(ctx->args, "before", &before, err) != 0)
        return -1;
    if (nilo_day_is_none(before))
        return nilo_err_set(err, NILO_EUSAGE, "say --before DAY: only days before it are thinned");
    if (nilo_args_get(ctx->args, "yes") == NULL && nilo_args_get(ctx->args, "dry-run") == NULL)
        return nilo_err_set(err, NILO_EUSAGE, "what is thinned cannot be had back: say --yes, or look first with --dry-run");
    if (nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    int rc = thin_all(ctx, s, before, &done, err);
    if (rc == 0)
        rc = report(ctx, &done, err);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_thin = {
    .name = "thin",
    .summary = "keep of old closed days their values and not every reading",
    .description =
        "Of closed days before --before only those readings stay that a day's value came from and the greatest of each day; pushed and revised ones, "
        "those of quarantined and rejected runs, and those of GMV and of ratios all stay. Nothing that is shown changes: days, revisions, latest, "
        "best and totals are bit for bit what they were. What goes is what observations lists beside, and what --as-of would show of a moment within "
        "such a day. The act is recorded with its author.\n\n"
        "thin_observations_after_days in the configuration does the same at the end of every nilometer collect. It is off by default.",
    .options = (const struct nilo_option[]){{"before", "DAY", "only days before this one", false},
                                            {"workspace", "W", "only connections of this workspace", false},
                                            {"connection", "NAME", "only this connection", false},
                                            {"dry-run", NULL, "only say how many readings would go", false},
                                            {"yes", NULL, "do it", false},
                                            {"author", "NAME", "who asked for it; default the login name", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
