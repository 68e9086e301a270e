/* What of a request another database can answer itself: conditions, order and page as SQL of PostgreSQL, over a table whose columns are the query's. What is not
 * told here, or told in vain, is decided row by row afterwards all the same (shape.c): this only spares rows. */
#include <string.h>

#include "query/query_priv.h"

static void put_name(struct nilo_buf *b, const char *name)
{
    nilo_buf_addc(b, '"');
    for (; *name; name++) {
        if (*name == '"')
            nilo_buf_addc(b, '"');
        nilo_buf_addc(b, *name);
    }
    nilo_buf_addc(b, '"');
}

static struct nilo__text trim(struct nilo__text t)
{
    while (t.len && (*t.p == ' ' || *t.p == '\t'))
        t.p++, t.len--;
    while (t.len && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
        t.len--;
    return t;
}

/* A literal as the column's type reads it, whatever the zone of the session is. false: it cannot be told */
static bool put_value(struct nilo_query *q, struct nilo_push *p, const struct nilo_column *c, struct nilo__text v)
{
    char spelled[NILO_DATUM_MAX] = "";
    struct nilo_iso iso;
    struct nilo__text t = trim(v);
    if (p->n == NILO_PUSH_MAX)
        return false;
    if (c->type == NILO_T_DAY || c->type == NILO_T_TIME) {
        if (nilo_iso_parse(t.p, t.len, &iso, NULL) < 0)
            return false;
        if (c->type == NILO_T_DAY)
            nilo_day_format(iso.day, spelled);
        else
            nilo_us_format(iso.us, spelled);
    } else if (c->type == NILO_T_BOOL) {
        snprintf(spelled, sizeof spelled, "%s", nilo__true_word(v) ? "true" : "false");
    }
    const char *text = spelled[0] ? nilo_arena_strdup(&q->arena, spelled) : c->type == NILO_T_TEXT ? nilo_arena_strndup(&q->arena, v.p, v.len)
                                                                                                  : nilo_arena_strndup(&q->arena, t.p, t.len);
    if (!text)
        return false;
    p->params[p->n++] = nilo_dbv_text(text);
    const char *mark = strchr(c->sql, '?');
    nilo_buf_add(&p->where, c->sql, (size_t)(mark - c->sql));
    nilo_buf_addf(&p->where, "?%d%s", p->n, mark + 1);
    return true;
}

static bool fits(const struct nilo__node *n)
{
    bool order = n->op == NILO__GT || n->op == NILO__GTE || n->op == NILO__LT || n->op == NILO__LTE;
    bool equal = n->op == NILO__EQ || n->op == NILO__NEQ || n->op == NILO__IN;
    bool null = n->op == NILO__IS && n->is <= NILO__IS_NOT_NULL;
    if (n->kind != NILO__COMPARE || n->not || n->any || n->all || n->path.n || !n->column->sql)
        return false;
    return null || (equal && n->n_values > 0) || (order && n->column->type != NILO_T_UUID && n->column->type != NILO_T_BOOL);
}

static bool put_node(struct nilo_query *q, struct nilo_push *p, const struct nilo__node *n)
{
    static const char *const symbols[] = {"=", "<>", ">", ">=", "<", "<="};
    struct nilo_buf *b = &p->where;
    bool fine = true;
    nilo_buf_adds(b, b->len ? " AND " : "");
    put_name(b, n->column->name);
    if (n->column->type == NILO_T_TEXT)
        nilo_buf_adds(b, "::text COLLATE \"C\"");
    if (n->op == NILO__IS) {
        nilo_buf_adds(b, n->is == NILO__IS_NULL ? " IS NULL" : " IS NOT NULL");
    } else if (n->op == NILO__IN) {
        nilo_buf_adds(b, " IN (");
        for (size_t i = 0; i < n->n_values && fine; i++) {
            nilo_buf_adds(b, i ? ", " : "");
            fine = put_value(q, p, n->column, n->values[i]);
        }
        nilo_buf_addc(b, ')');
    } else {
        nilo_buf_addf(b, " %s ", symbols[n->op]);
        fine = put_value(q, p, n->column, n->values[0]);
    }
    return fine;
}

static bool orders(const struct nilo_query *q)
{
    for (size_t i = 0; i < q->n_order; i++)
        if (!q->order[i].column->sql)
            return false;
    return true;
}

static void put_order(const struct nilo_query *q, struct nilo_buf *b)
{
    for (size_t i = 0; i < q->n_order; i++) {
        const struct nilo__order *o = &q->order[i];
        nilo_buf_adds(b, i ? ", " : " ORDER BY ");
        put_name(b, o->column->name);
        nilo_buf_addf(b, "%s%s NULLS %s", o->column->type == NILO_T_TEXT ? "::text COLLATE \"C\"" : "", o->desc ? " DESC" : "", o->nulls_first ? "FIRST" : "LAST");
    }
}

void nilo_query_push(struct nilo_query *q, struct nilo_push *p)
{
    *p = (struct nilo_push){.all = true};
    nilo_buf_init(&p->where, (size_t)256 << 10);
    nilo_buf_init(&p->tail, 65536);
    for (const struct nilo__node *n = q->filter ? q->filter->first : NULL; n; n = n->next) {
        size_t at = p->where.len;
        int before = p->n;
        if (fits(n) && put_node(q, p, n))
            continue;
        p->all = false;
        p->n = before;
        if (p->where.len > at) /* taken back */
            p->where.data[p->where.len = at] = '\0';
    }
    if (q->folded || !p->all || !orders(q))
        return;
    put_order(q, &p->tail);
    q->presorted = true;
    if (q->limit >= 0 && q->limit < INT32_MAX && q->offset < INT32_MAX && q->request.count != NILO_COUNT_EXACT)
        nilo_buf_addf(&p->tail, " LIMIT %lld", (long long)(q->limit + q->offset));
}

void nilo_push_done(struct nilo_push *p)
{
    nilo_buf_done(&p->where);
    nilo_buf_done(&p->tail);
}
