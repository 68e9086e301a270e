/* nilometer drop: old closed days go, every number derived from them stays. collect does it too, where the configuration says so. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"

static int drop_one(struct nilo_store *s, const struct nilo_connection *c, const struct nilo_drop *how, struct nilo_dropped *ret,
                    struct nilo_err *err)
{
    struct nilo_dropped went = {0};
    if (nilo_store_drop(s, how, &went, err) != 0)
        return nilo_err_wrap(err, "connection \"%s\"", c->name);
    ret->days += went.days;
    ret->values += went.values;
    return 0;
}

int nilo__drop(struct nilo_store *s, int64_t days, struct nilo_dropped *ret, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    const struct nilo_env *env = nilo_store_env(s);
    size_t n = 0;
    if (days <= 0)
        return 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct nilo_calendar *calendar;
        rc = nilo_store_calendar(s, all[i].workspace, &calendar, err);
        if (rc != 0)
            break;
        struct nilo_drop how = {.connection = all[i].id, .author = "drop_days_after"};
        how.until = NILO_DAY(nilo_calendar_day(calendar, env->clock.wall(env->clock.ctx)).n - (int32_t)days - 1);
        rc = drop_one(s, &all[i], &how, ret, err);
    }
    free(all);
    return rc;
}

static bool is_meant(const struct nilo_cmd_ctx *ctx, const struct nilo_connection *c)
{
    const char *workspace = nilo_args_get(ctx->args, "workspace"), *name = nilo_args_get(ctx->args, "connection");
    return (workspace == NULL || strcmp(workspace, c->workspace_name) == 0) && (name == NULL || strcmp(name, c->name) == 0);
}

static int drop_all(struct nilo_cmd_ctx *ctx, struct nilo_store *s, nilo_day before, struct nilo_dropped *ret, int *ret_connections,
                    struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    const char *author = nilo_args_get(ctx->args, "author"), *login = getenv("USER");
    size_t n = 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!is_meant(ctx, &all[i]))
            continue;
        const struct nilo_drop how = {.connection = all[i].id, .until = NILO_DAY(before.n - 1),
                                      .dry_run = nilo_args_get(ctx->args, "dry-run") != NULL,
                                      .author = author != NULL ? author : login != NULL ? login : "unknown"};
        rc = drop_one(s, &all[i], &how, ret, err);
        ++*ret_connections;
    }
    free(all);
    if (rc == 0 && *ret_connections == 0)
        return nilo_err_set(err, NILO_ENOENT, "there is no such connection; nilometer status lists them");
    return rc;
}

static int report(struct nilo_cmd_ctx *ctx, const struct nilo_dropped *d, int connections, struct nilo_err *err)
{
    bool dry = nilo_args_get(ctx->args, "dry-run") != NULL;
    if (!ctx->json) {
        fprintf(ctx->out, "%s %" PRId64 " %s with %" PRId64 " %s of %d %s; latest, best and totals %s what they are.\n",
                dry ? "Would drop" : "Dropped", d->days, d->days == 1 ? "day" : "days", d->values, d->values == 1 ? "value" : "values", connections,
                connections == 1 ? "connection" : "connections", dry ? "would stay" : "stay");
        return 0;
    }
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    nilo_json_key(&a.json, "days");
    nilo_json_int(&a.json, d->days);
    nilo_json_key(&a.json, "values");
    nilo_json_int(&a.json, d->values);
    nilo_json_key(&a.json, "connections");
    nilo_json_int(&a.json, connections);
    nilo_json_key(&a.json, "dry_run");
    nilo_json_bool(&a.json, dry);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct nilo_dropped went = {0};
    int connections = 0;
    nilo_day before;
    if (nilo__operands(ctx, 0, 0, err) != 0 || nilo_args_day(ctx->args, "before", &before, err) != 0)
        return -1;
    if (nilo_day_is_none(before))
        return nilo_err_set(err, NILO_EUSAGE, "say --before DAY: only days before it are dropped");
    if (nilo_args_get(ctx->args, "yes") == NULL && nilo_args_get(ctx->args, "dry-run") == NULL)
        return nilo_err_set(err, NILO_EUSAGE, "what is dropped cannot be had back: say --yes, or look first with --dry-run");
    if (nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    int rc = drop_all(ctx, s, before, &went, &connections, err);
    if (rc == 0)
        rc = report(ctx, &went, connections, err);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_drop = {
    .name = "drop",
    .summary = "let old closed days go; what is derived from them stays",
    .description =
        "The closed days before --before go, with their readings and revisions. Relations have them no more, timeseries and coverage name them "
        "\"dropped\", and no value is taken for them any more. Every derived number stays bit for bit what it was, also behind a rebuild or a later "
        "correction: all-time best, newest values, totals. A series' newest value stays where it is older than the days that are left, as "
        "do the newest snapshot of each item and its first day. The act is recorded with its author.\n\n"
        "drop_days_after in the configuration does the same at the end of every nilometer collect. It is off by default.",
    .options = (const struct nilo_option[]){{"before", "DAY", "only days before this one", false},
                                            {"workspace", "W", "only connections of this workspace", false},
                                            {"connection", "NAME", "only this connection", false},
                                            {"dry-run", NULL, "only say how much would go", false},
                                            {"yes", NULL, "do it", false},
                                            {"author", "NAME", "who asked for it; default the login name", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
