/* A view as a FROM item: the columns of an app's table, made of one of the store's relations. All text is our own; what a request says stays outside. */
#include <string.h>

#include "query/query_priv.h"

static void put_column(struct nilo_buf *to, const struct nilo_column *c)
{
    if (c->form == NILO_F_SUM) /* an app's totals are never null */
        nilo_buf_addf(to, "COALESCE(b.\"%s\", 0) AS \"%s\", COALESCE(b.\"%s.lo\", 0) AS \"%s.lo\", b.\"%s.known\" AS \"%s.known\"", c->sql, c->name,
                      c->sql, c->name, c->sql, c->name);
    else if (c->flags & NILO_COL_POSTED)
        nilo_buf_addf(to, "%s AS \"%s\", b.\"posted_run.number\" AS \"%s.number\"", c->sql, c->name, c->name);
    else if (c->sql)
        nilo_buf_addf(to, "%s AS \"%s\"", c->sql, c->name);
    else
        nilo_buf_addf(to, "b.\"%s\" AS \"%s\"", c->name, c->name);
}

const struct nilo_relation *nilo__uuid_relation(const struct nilo_query *q, const struct nilo_column *c)
{
    return c->of ? nilo_compat_relation(c->of) : q->relation;
}

static int name_metrics(const struct nilo_query *q, struct nilo_store *s, struct nilo_arena *arena, struct nilo_source_want *want, struct nilo_err *err)
{
    const char *const *names = q->relation->view->metrics;
    size_t n = 0;
    while (names && names[n])
        n++;
    const struct nilo_metric **list = nilo_arena_array(arena, n + 1, sizeof *list);
    if (!list)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        list[i] = nilo_catalog_by_name(nilo_store_catalog(s), names[i]);
        if (!list[i])
            return nilo_err_set(err, NILO_EINTERNAL, "the store does not know its own metric %s", names[i]);
    }
    want->metrics = list;
    want->n_metrics = n;
    return 0;
}

static bool names(const struct nilo__node *n, const char *column)
{
    if (n->kind == NILO__COMPARE)
        return strcmp(n->column->name, column) == 0;
    for (const struct nilo__node *c = n->first; c; c = c->next)
        if (names(c, column))
            return true;
    return false;
}

int nilo__view_sql(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, struct nilo_source_want *want, int connection,
                   struct nilo_arena *arena, struct nilo_buf *to, struct nilo_err *err)
{
    const struct nilo_view *v = q->relation->view;
    if (name_metrics(q, s, arena, want, err) < 0)
        return -1;
    want->stamps = want->title = true;
    want->rate = v->rate;
    want->meta = v->meta;
    want->posted = v->posted;
    want->hidden = v->hidden != NULL;
    nilo_buf_adds(to, "(SELECT ");
    bool first = true;
    for (size_t i = 0; i < q->relation->n_columns; i++) {
        if (q->relation->columns[i].form == NILO_F_UUID)
            continue;
        nilo_buf_adds(to, first ? "" : ", ");
        put_column(to, &q->relation->columns[i]);
        first = false;
    }
    nilo_buf_adds(to, " FROM ");
    if (nilo_store_source(s, scope, v->base, want, to, err) < 0)
        return -1;
    nilo_buf_addf(to, " b WHERE %s", v->where ? v->where : "1=1");
    if (v->hidden && !q->request.hidden && !names(q->filter, v->hidden))
        nilo_buf_adds(to, " AND b.\"hidden_at\" IS NULL");
    if (v->of_connection && !connection) /* an app's tables are about its own; one that is bound to a competitor's connection is asked for that */
        nilo_buf_adds(to, " AND b.\"connection_role\" = 'own'");
    if (connection)
        nilo_buf_addf(to, " AND b.\"connection\" = ?%d", connection);
    if (v->group)
        nilo_buf_addf(to, " GROUP BY %s", v->group);
    nilo_buf_adds(to, ")");
    return 0;
}

/* Only the workspace that the set is bound to, where the reader reaches it. */
void nilo__view_scope(const struct nilo_query *q, struct nilo_scope *scope)
{
    const struct nilo_compat *b = &q->binding;
    bool in = scope->all && scope->role == NILO_ROLE_SERVICE;
    if (!q->relation || !q->relation->view || b->tenant)
        return;
    for (size_t i = 0; !scope->all && i < scope->n; i++)
        in |= scope->workspaces[i] == b->workspace;
    *scope = (struct nilo_scope){.role = scope->role, .workspaces = &b->workspace, .n = in};
}
