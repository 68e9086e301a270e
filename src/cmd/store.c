/* Which store, which configuration, and bringing the one in line with the other. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd_priv.h"
#include "collect/collect.h"
#include "query/compat.h"

int nilo_cmd_config(struct nilo_cmd_ctx *ctx, struct nilo_config **ret, struct nilo_err *err)
{
    return nilo_config_load(ctx->config_path, ctx->env, ret, err);
}

int nilo_cmd_target(struct nilo_cmd_ctx *ctx, char **ret, struct nilo_err *err)
{
    struct nilo_config *config = NULL;
    /* a file that the command line names is read also where nothing of it is needed: a mistake in it is told by every command */
    if (ctx->store != NULL && ctx->config_path == NULL)
        return nilo_config_secret(ctx->store, ret, err);
    if (nilo_cmd_config(ctx, &config, err) != 0)
        return -1;
    int rc = nilo_config_secret(ctx->store != NULL ? ctx->store : config->store != NULL ? config->store : "nilometer.db", ret, err);
    nilo_config_free(config);
    return rc;
}

int nilo_cmd_store(struct nilo_cmd_ctx *ctx, enum nilo_store_mode mode, struct nilo_store **ret, struct nilo_err *err)
{
    char *target = NULL;
    if (ctx->share != NULL)
        return nilo_store_open_beside(ctx->share, mode, ret, err);
    if (nilo_cmd_target(ctx, &target, err) != 0)
        return -1;
    int rc = nilo_store_open(target, mode, ctx->env, ret, err);
    free(target);
    return rc;
}

/* ---- the configuration into the store -------------------------------------------------------------------------------------- */

static int apply_workspace(struct nilo_store *s, const char *name, const char *zone, bool listed, int64_t *ret_id, struct nilo_err *err)
{
    struct nilo_workspace w;
    nilo_day from;
    if (nilo_store_workspace(s, name, true, zone, &w, err) != 0)
        return -1;
    *ret_id = w.id;
    /* one that the file does not list keeps the zone that it has: leaving out a line is not a wish for UTC */
    return listed ? nilo_store_zone_set(s, w.id, zone, &from, err) : 0;
}

static int apply_workspaces(struct nilo_store *s, const struct nilo_config *c, struct nilo_err *err)
{
    for (int i = 0; i < c->n_workspaces; i++) {
        const struct nilo_config_workspace *w = &c->workspaces[i];
        int64_t id;
        if (apply_workspace(s, w->name, w->zone, true, &id, err) != 0)
            return nilo_err_wrap(err, "%s:%d: workspace \"%s\"", c->path, w->line, w->name);
    }
    return 0;
}

static int apply_metrics(struct nilo_store *s, const struct nilo_config *c, struct nilo_err *err)
{
    for (int i = 0; i < c->n_metrics; i++) {
        const struct nilo_config_metric *m = &c->metrics[i];
        const struct nilo_metric metric = {
            .name = m->name,
            .type = (enum nilo_metric_type)nilo_metric_type_value(m->type),
            .kind = (enum nilo_metric_kind)nilo_metric_kind_value(m->kind),
            .aggregation = (enum nilo_aggregation)nilo_aggregation_value(m->aggregation),
            .scale = m->scale,
            .best_rule = NILO_BEST_MAX,
            .wide = true,
            .active = true,
            .currency = m->currency,
            .unit = m->unit,
            .display_name = m->display_name,
            .description = m->description,
            .format_pattern = m->format_pattern,
        };
        const struct nilo_metric *there = nilo_catalog_by_name(nilo_store_catalog(s), m->name);
        if (there != NULL && there->type != metric.type)
            return nilo_err_set(err, NILO_ECONFIG, "%s:%d: metric \"%s\" is defined as %s already and its type is fixed; choose another name",
                                c->path, m->line, m->name, nilo_metric_type_name((int)there->type));
        if (nilo_store_metric_define(s, &metric, NULL, err) != 0)
            return nilo_err_wrap(err, "%s:%d", c->path, m->line);
    }
    return 0;
}

/* So that readers find the definitions before the first collection. A definition that another one is in the way of is that metric's failure: the
 * next collection says so and reads the others. */
static int define_metrics(struct nilo_store *s, const struct nilo_config_connection *in, struct nilo_err *err)
{
    struct nilo_err why = {0};
    if (strcmp(in->platform, "sql") != 0 || nilo_collect_define(s, in, &why) == 0 || why.code == NILO_EEXIST || why.code == NILO_EINVAL)
        return 0;
    if (err != NULL)
        *err = why;
    return -1;
}

static int apply_connection(struct nilo_store *s, const struct nilo_config *c, const struct nilo_config_connection *in,
                            struct nilo_err *err)
{
    struct nilo_connection got;
    int64_t workspace, settle_s = in->settle_hours < 0 ? -1 : in->settle_hours * 3600;
    if (apply_workspace(s, in->workspace, nilo_config_zone(c, in->workspace), false, &workspace, err) != 0 ||
        nilo_store_connection(s, workspace, in->name, true, in->platform, "file", &got, err) != 0 || define_metrics(s, in, err) != 0)
        return -1;
    if (strcmp(got.platform, in->platform) != 0)
        return nilo_err_set(err, NILO_ECONFIG, "the store knows it with platform %s, not %s; a new connection needs a new name",
                            got.platform, in->platform);
    if (got.settle_s != settle_s && nilo_store_connection_settle(s, got.id, settle_s, err) != 0)
        return -1;
    if (strcmp(got.role, in->role) != 0 && nilo_store_connection_role(s, got.id, in->role, err) != 0)
        return -1;
    /* made by a command before: now the file is the truth about it */
    if (strcmp(got.origin, "db") == 0 && nilo_store_connection_origin(s, got.id, "file", err) != 0)
        return -1;
    bool back = strcmp(got.origin, "file") == 0 && strcmp(got.status, "disabled") == 0;
    return back ? nilo_store_connection_status(s, got.id, "connected", err) : 0;
}

static int apply_connections(struct nilo_store *s, const struct nilo_config *c, struct nilo_err *err)
{
    for (int i = 0; i < c->n_connections; i++) {
        const struct nilo_config_connection *in = &c->connections[i];
        struct nilo_err gone;
        if (strcmp(in->platform, "sql") == 0 && nilo_collect_names(s, c, in, err) != 0)
            return -1;
        int erased = nilo_collect_erased(s, c, in, &gone, err);
        if (erased < 0)
            return -1;
        if (erased > 0) /* it alone: nilo__erased_listed() says so, and so does whoever would have read it */
            continue;
        if (apply_connection(s, c, in, err) != 0)
            return nilo_err_wrap(err, "%s:%d: connection \"%s\"", c->path, in->line, in->name);
    }
    return 0;
}

int nilo__erased_listed(struct nilo_store *s, const struct nilo_config *c, nilo__erased_fn *tell, void *ctx, int *ret_n, struct nilo_err *err)
{
    *ret_n = 0;
    for (int i = 0; i < c->n_connections; i++) {
        struct nilo_err gone;
        int erased = nilo_collect_erased(s, c, &c->connections[i], &gone, err);
        if (erased < 0)
            return -1;
        if (erased > 0)
            tell(ctx, gone.msg);
        *ret_n += erased;
    }
    return 0;
}

static bool in_file(const struct nilo_config *c, const struct nilo_connection *known)
{
    for (int i = 0; i < c->n_connections; i++) {
        if (strcmp(c->connections[i].name, known->name) == 0 && strcmp(c->connections[i].workspace, known->workspace_name) == 0)
            return true;
    }
    return false;
}

static int disable_gone(struct nilo_store *s, const struct nilo_config *c, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    size_t n = 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool from_table = strcmp(all[i].origin, "sql") == 0 && c->n_connections_from_sql == 0;
        if (strcmp(all[i].status, "disabled") == 0 || (!from_table && (strcmp(all[i].origin, "file") != 0 || in_file(c, &all[i]))))
            continue;
        /* told, as another file may have been named by mistake, and what is not read is lost */
        nilo_log(NILO_LOG_WARNING, "the configuration does not list this connection any more; it is disabled and read no more", {"connection", all[i].name},
                 {"workspace", all[i].workspace_name}, {"configuration", c->path});
        rc = nilo_store_connection_status(s, all[i].id, "disabled", err);
    }
    free(all);
    return rc;
}

/* What the file does not list is not published. */
static int apply_compat(struct nilo_store *s, const struct nilo_config *c, struct nilo_err *err)
{
    for (size_t i = 0; nilo_compat_sets[i] != NULL; i++) {
        if (nilo_compat_unbind(s, nilo_compat_sets[i]->name, err) != 0)
            return -1;
    }
    for (int i = 0; i < c->n_compat; i++) {
        const struct nilo_config_compat *in = &c->compat[i];
        int64_t workspace;
        if (in->workspace != NULL && apply_workspace(s, in->workspace, nilo_config_zone(c, in->workspace), false, &workspace, err) != 0)
            return -1;
        if (nilo_compat_bind(s, in->set, in->workspace, in->connection, err) != 0 ||
            nilo_compat_numbers(s, in->set, in->ids != NULL && strcmp(in->ids, "number") == 0, err) != 0)
            return nilo_err_wrap(err, "%s:%d: compat", c->path, in->line);
    }
    return 0;
}

int nilo_cmd_apply_config(struct nilo_store *s, const struct nilo_config *c, struct nilo_err *err)
{
    /* without a file nothing is said, so nothing is gone from it: the same store from another folder keeps its connections */
    if (c->path == NULL)
        return 0;
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (apply_workspaces(s, c, err) != 0 || apply_metrics(s, c, err) != 0 || apply_connections(s, c, err) != 0 ||
        disable_gone(s, c, err) != 0 || apply_compat(s, c, err) != 0 || nilo__file_metrics(s, c, err) != 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}
