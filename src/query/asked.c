/* Whose days a request asks for: its conditions as arguments of coverage(), and whether a backfill would fill what is missing of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/query_priv.h"

bool nilo__among(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = list; at; at = strchr(at, NILO_LISTED[0]) ? strchr(at, NILO_LISTED[0]) + 1 : NULL)
        if (strcspn(at, NILO_LISTED) == len && memcmp(at, name, len) == 0)
            return true;
    return list == NULL;
}

/* ---- the conditions -------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *column, *argument;
    bool of_app; /* says something of the app's metrics alone */
} columns[] = {
    {"workspace", "workspace", false}, {"connection", "connection", false}, {"platform", "platform", false},       {"owner", "owner", false},
    {"external_id", "external_id", false}, {"metric", "metric", false},     {"metric_category", "metric", true}, {"metric_type", "metric_type", true},
};

static const char *argument_of(const struct nilo_query *q, const struct nilo__node *n)
{
    bool app = strcmp(q->relation->covers, "app") == 0;
    if (n->kind != NILO__COMPARE || n->not || n->any || n->all || n->path.n || (n->op != NILO__EQ && n->op != NILO__IN) || n->n_values == 0)
        return NULL;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        if (strcmp(nilo__known_name(n->column), columns[i].column) == 0)
            return columns[i].of_app && !app ? NULL : columns[i].argument;
    return NULL;
}

static bool is_plain(const struct nilo__node *n)
{
    for (size_t i = 0; i < n->n_values; i++)
        if (n->values[i].len == 0 || memchr(n->values[i].p, NILO_LISTED[0], n->values[i].len) || memchr(n->values[i].p, '\0', n->values[i].len))
            return false;
    return true;
}

static const char *put_together(const struct nilo__node *n, struct nilo_arena *arena)
{
    size_t size = 1;
    for (size_t i = 0; i < n->n_values; i++)
        size += n->values[i].len + 1;
    char *text = nilo_arena_alloc(arena, size), *at = text;
    for (size_t i = 0; text && i < n->n_values; i++) {
        if (i > 0)
            *at++ = NILO_LISTED[0];
        memcpy(at, n->values[i].p, n->values[i].len);
        at += n->values[i].len;
    }
    if (text)
        *at = '\0';
    return text;
}

static const char *value_of(const struct nilo_arg *args, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(args[i].name, name) == 0)
            return args[i].value;
    return NULL;
}

int nilo_query_asked(const struct nilo_query *q, struct nilo_arena *arena, struct nilo_arg *ret, size_t *ret_n, struct nilo_err *err)
{
    const struct nilo_view *view = q->relation->view;
    size_t k = 0;
    for (const struct nilo__node *n = q->filter->first; n && k < NILO_ASKED_MOST - 2; n = n->next) {
        const char *name = argument_of(q, n);
        if (!name || value_of(ret, k, name) || !is_plain(n) || (strcmp(name, "external_id") == 0 && n->n_values > NILO_ASKED_ITEMS))
            continue;
        ret[k] = (struct nilo_arg){name, put_together(n, arena)};
        if (!ret[k++].value)
            return nilo_err_nomem(err);
    }
    if (view && view->of_connection && q->binding.connection[0] && !value_of(ret, k, "connection"))
        ret[k++] = (struct nilo_arg){"connection", q->binding.connection};
    if (q->relation->covers[0])
        ret[k++] = (struct nilo_arg){"entity", q->relation->covers};
    *ret_n = k;
    return 0;
}

/* ---- what would fill it ------------------------------------------------------------------------------------------------------------ */

static int any_cell(void *ctx, const struct nilo_scan_row *row)
{
    (void)row;
    *(bool *)ctx = true;
    return 1;
}

/* Has the app's metric of the connection (0: any) ever had a value? */
static int has_had(struct nilo_store *s, const struct nilo_scope *scope, int64_t connection, int32_t metric, bool *ret, struct nilo_err *err)
{
    const struct nilo_select sel = {.connection = connection, .kind = NILO_APP, .metric = metric, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE,
                                    .first = true};
    *ret = false;
    return nilo_store_scan(s, scope, &sel, any_cell, ret, err) < 0 ? -1 : 0;
}

/* A metric that somebody pushes or imports is none that a database is asked for; one that nobody has had yet may be. */
static int asks_for(struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_connection *c, const char *metrics, bool *ret, struct nilo_err *err)
{
    const struct nilo_catalog *catalog = nilo_store_catalog(s);
    *ret = metrics == NULL;
    for (size_t i = 0; i < catalog->n && !*ret; i++) {
        const struct nilo_metric *m = &catalog->metrics[i];
        bool somebody;
        if (!m->active || !nilo__among(metrics, m->name))
            continue;
        if (has_had(s, scope, c->id, m->id, ret, err) < 0 || (!*ret && has_had(s, scope, 0, m->id, &somebody, err) < 0))
            return -1;
        *ret = *ret || (!somebody && !m->builtin);
    }
    return 0;
}

static bool asked_of(const struct nilo_scope *scope, const struct nilo_connection *c, const struct nilo_arg *asked, size_t n)
{
    bool in = scope->all;
    for (size_t i = 0; i < scope->n && !in; i++)
        in = scope->workspaces[i] == c->workspace;
    return in && strcmp(c->platform, "sql") == 0 && strcmp(c->status, "disabled") != 0 && c->paused_at == NILO_US_NONE &&
           nilo__among(value_of(asked, n, "workspace"), c->workspace_name) && nilo__among(value_of(asked, n, "connection"), c->name) &&
           nilo__among(value_of(asked, n, "platform"), c->platform);
}

static bool is_word(const char *s)
{
    for (; *s; s++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *s))
            return false;
    return true;
}

int nilo_query_fills(struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_arg *asked, size_t n, struct nilo_arena *arena, const char **ret_options,
                     struct nilo_err *err)
{
    const char *entity = value_of(asked, n, "entity");
    struct nilo_connection *all;
    size_t n_all, found = 0, which = 0;
    *ret_options = NULL;
    if ((entity && strcmp(entity, "app") != 0) || value_of(asked, n, "external_id") || value_of(asked, n, "owner"))
        return 0; /* items are read as they are now */
    if (nilo_store_connections(s, &all, &n_all, err) < 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n_all && rc == 0; i++) {
        bool asks = false;
        if (asked_of(scope, &all[i], asked, n))
            rc = asks_for(s, scope, &all[i], value_of(asked, n, "metric"), &asks, err);
        if (asks) {
            found++;
            which = i;
        }
    }
    const char *options = "";
    if (found == 1 && value_of(asked, n, "connection") && is_word(all[which].name) && is_word(all[which].workspace_name))
        options = nilo_arena_printf(arena, " --workspace %s --connection %s", all[which].workspace_name, all[which].name);
    free(all);
    if (rc == 0 && found > 0 && !options)
        rc = nilo_err_nomem(err);
    if (rc == 0 && found > 0)
        *ret_options = options;
    return rc;
}
