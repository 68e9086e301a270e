/* What drop and thin have in common: old closed days of some connections, asked for twice because it cannot be taken back; and the same at the end of each collect. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/old.h"

int nilo__old_age(struct nilo_store *s, int64_t days, const char *author, nilo__old_fn *one, void *self, struct nilo_err *err)
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
        const struct nilo__old old = {.until = NILO_DAY(nilo_calendar_day(calendar, env->clock.wall(env->clock.ctx)).n - (int32_t)days - 1), .author = author};
        rc = one(self, s, &all[i], &old, err);
    }
    free(all);
    return rc;
}

static bool is_meant(const struct nilo_cmd_ctx *ctx, const struct nilo_connection *c)
{
    const char *workspace = nilo_args_get(ctx->args, "workspace"), *name = nilo_args_get(ctx->args, "connection");
    return (workspace == NULL || strcmp(workspace, c->workspace_name) == 0) && (name == NULL || strcmp(name, c->name) == 0);
}

static int each(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo__old *old, nilo__old_fn *one, void *self, int *ret, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    size_t n = 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!is_meant(ctx, &all[i]))
            continue;
        rc = one(self, s, &all[i], old, err);
        if (rc != 0)
            nilo_err_wrap(err, "connection \"%s\"", all[i].name);
        ++*ret;
    }
    free(all);
    if (rc == 0 && *ret == 0)
        return nilo_err_set(err, NILO_ENOENT, "there is no such connection; nilometer status lists them");
    return rc;
}

int nilo__old_days(struct nilo_cmd_ctx *ctx, const char *done, nilo__old_fn *one, void *self, int *ret_connections, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    const char *author = nilo_args_get(ctx->args, "author");
    nilo_day before;
    *ret_connections = 0;
    if (nilo__operands(ctx, 0, 0, err) != 0 || nilo_args_day(ctx->args, "before", &before, err) != 0)
        return -1;
    if (nilo_day_is_none(before))
        return nilo_err_set(err, NILO_EUSAGE, "say --before DAY: only days before it are %s", done);
    const struct nilo__old old = {.until = NILO_DAY(before.n - 1), .dry_run = nilo_args_get(ctx->args, "dry-run") != NULL,
                                  .author = author != NULL ? author : ctx->login != NULL ? ctx->login : "unknown"};
    if (nilo_args_get(ctx->args, "yes") == NULL && !old.dry_run)
        return nilo_err_set(err, NILO_EUSAGE, "what is %s cannot be had back: say --yes, or look first with --dry-run", done);
    if (nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    int rc = each(ctx, s, &old, one, self, ret_connections, err);
    nilo_store_close(s);
    return rc;
}

int nilo__old_report(struct nilo_cmd_ctx *ctx, const struct nilo__old_count *counts, size_t n, struct nilo_err *err)
{
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    for (size_t i = 0; i < n; i++) {
        nilo_json_key(&a.json, counts[i].name);
        nilo_json_int(&a.json, counts[i].n);
    }
    nilo_json_key(&a.json, "dry_run");
    nilo_json_bool(&a.json, nilo_args_get(ctx->args, "dry-run") != NULL);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}
