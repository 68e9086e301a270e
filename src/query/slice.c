/* A page of rows that come in the order of their days, read in slices of days: first one day, then more, until the page is full. So what a page
 * costs is what its days cost, and not what the whole record does. All slices are of one state of the store (nilo_query_run() sees to it), they
 * lie side by side, and the first and the last are open, so that together they are all days: where the readings begin and end decides only how
 * long they are made. What lies before an offset is counted by day and not read. */
#include <string.h>

#include "query/query_priv.h"

#define GROWTH   4 /* a slice to the one before: whoever finds little reads the whole in a handful of them */
#define DAY_MOST INT32_MAX

/* ---- may it be read so? ---------------------------------------------------------------------------------------------------------------- */

const char *nilo__known_name(const struct nilo_column *c)
{
    return c->narrow ? c->narrow : c->name;
}

static const char *days_of(const struct nilo_query *q)
{
    const struct nilo_view *v = q->relation->view;
    if (!v)
        return q->relation->days_of;
    const struct nilo_relation *base = v->group ? NULL : nilo_relation_find(v->base);
    return base ? base->days_of : NULL;
}

/* The history of items that are named is short. */
static bool names_items(const struct nilo_query *q)
{
    for (const struct nilo__node *n = q->filter->first; n; n = n->next)
        if (n->kind == NILO__COMPARE && !n->not && (n->op == NILO__EQ || n->op == NILO__IN) && strcmp(nilo__known_name(n->column), "external_id") == 0)
            return true;
    return false;
}

static bool decided_here(const struct nilo_query *q)
{
    for (const struct nilo__node *n = q->filter->first; n; n = n->next)
        if (!nilo__in_sql(n))
            return true;
    return false;
}

const struct nilo_column *nilo__sliced_by(const struct nilo_query *q, struct nilo_store *s)
{
    enum nilo_count count = q->request.count;
    if (q->folded || q->ordered_here || q->limit <= 0 || count == NILO_COUNT_EXACT || !days_of(q) || !nilo_db_snapshot(nilo_store_db(s)) || names_items(q) ||
        (count != NILO_COUNT_NONE && decided_here(q)))
        return NULL;
    const struct nilo_column *c = q->n_order ? q->order[0].column : nilo__column_find(q, q->relation->key[0], strlen(q->relation->key[0]));
    bool day = strcmp(nilo__known_name(c), "day") == 0 || strcmp(nilo__known_name(c), "metric_date") == 0;
    return day && c->type == NILO_T_DAY && c->form == NILO_F_PLAIN && (c->flags & NILO_COL_NOTNULL) ? c : NULL;
}

/* ---- where readings begin and end ------------------------------------------------------------------------------------------------------- */

/* The conditions on whose they are, with parameters of their own: PostgreSQL takes none that a statement does not name. */
static int narrow_span(struct nilo__statement *p, const struct nilo_narrow *narrow, size_t n, bool owners, struct nilo_source_want *want,
                       struct nilo_err *err)
{
    static const char *const columns[] = {"workspace", "connection", "platform", "owner"};
    const size_t n_columns = owners ? 4 : 3;
    struct nilo_narrow *kept = nilo_arena_array(p->arena, n + 1, sizeof *kept);
    p->span_params = nilo_arena_array(p->arena, (size_t)p->n_params + 1, sizeof *p->span_params);
    if (!kept || !p->span_params)
        return nilo_err_nomem(err);
    want->narrow = kept;
    for (size_t i = 0; i < n; i++) {
        bool whose = false;
        for (size_t k = 0; k < n_columns; k++)
            whose |= narrow[i].op == '=' && strcmp(narrow[i].column, columns[k]) == 0;
        if (!whose || p->n_span_params + narrow[i].n_params > p->n_params)
            continue;
        kept[want->n_narrow] = narrow[i];
        kept[want->n_narrow++].first_param = p->n_span_params + 1;
        memcpy(p->span_params + p->n_span_params, p->params + narrow[i].first_param - 1, (size_t)narrow[i].n_params * sizeof *p->params);
        p->n_span_params += narrow[i].n_params;
    }
    return 0;
}

int nilo__span_sql(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, nilo_us as_of, const struct nilo_narrow *narrow,
                   size_t n, struct nilo__statement *p, struct nilo_err *err)
{
    struct nilo_source_want want = {.as_of = as_of};
    bool owners = strcmp(days_of(q), "content_days") == 0; /* others know of none */
    if (narrow_span(p, narrow, n, owners, &want, err) < 0)
        return -1;
    nilo_buf_adds(&p->span_sql, "SELECT t.\"first_day\", t.\"last_day\" FROM ");
    if (nilo_store_source(s, scope, days_of(q), &want, &p->span_sql, err) < 0)
        return -1;
    nilo_buf_adds(&p->span_sql, " t");
    return 0;
}

/* Days count backwards where the last comes first: then both ways are one. */
static void turn(struct nilo__slices *s, int64_t first, int64_t last)
{
    s->at = s->down ? -last : first;
    s->end = s->down ? -first : last;
    s->first = s->at;
}

/* What the request itself says about its days. */
static void cut_span(const struct nilo_query *q, const struct nilo__statement *p, nilo_us as_of, int64_t *first, int64_t *last)
{
    bool same = q->relation->day && strcmp(q->relation->day, p->by_day->name) == 0;
    if (same && !nilo_day_is_none(q->first_day) && q->first_day.n > *first)
        *first = q->first_day.n;
    if (same && !nilo_day_is_none(q->last_day) && q->last_day.n < *last)
        *last = q->last_day.n;
    if (as_of != NILO_US_NONE && as_of / NILO_US_DAY + 1 < *last)
        *last = as_of / NILO_US_DAY + 1;
}

int nilo__slices_begin(const struct nilo_query *q, struct nilo_store *store, const struct nilo__statement *p, nilo_us as_of, struct nilo__slices *ret,
                       struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo__slices s = {.down = q->n_order && q->order[0].desc, .over = true};
    if (nilo_db_prepare_once(nilo_store_db(store), p->span_sql.data, &stmt, err) < 0)
        return -1;
    int got = nilo_db_query(stmt, p->span_params, p->n_span_params, err) < 0 ? -1 : nilo_db_row(stmt, err);
    if (got == 1) {
        int64_t first = 0, last = 0;
        if (!nilo_db_column_null(stmt, 0)) {
            first = nilo_db_column_int(stmt, 0);
            last = nilo_db_column_int(stmt, 1);
        }
        cut_span(q, p, as_of, &first, &last);
        s.over = false;
        turn(&s, first, last);
    }
    nilo_db_finish(stmt);
    if (got >= 0)
        *ret = s;
    return got < 0 ? -1 : 0;
}

/* ---- one after the other ------------------------------------------------------------------------------------------------------------------ */

/* Four times the one before, or as many days as the rows still wanted would fill if they went on as they have begun. */
static int64_t next_length(const struct nilo__slices *s, int64_t found, int64_t wanted)
{
    if (s->length == 0)
        return 1;
    int64_t length = s->length * GROWTH;
    if (found > 0 && wanted > found) {
        nilo_i128 days = (nilo_i128)(wanted - found) * (s->at - s->first) / found + 1;
        length = days > length ? (int64_t)(days < DAY_MOST ? days : DAY_MOST) : length;
    }
    return length;
}

bool nilo__slices_next(struct nilo__slices *s, int64_t found, int64_t wanted, struct nilo__days *ret)
{
    if (s->over)
        return false;
    int64_t from = s->length ? s->at : -(int64_t)DAY_MOST;
    s->length = next_length(s, found, wanted);
    s->at += s->length;
    s->over = s->at > s->end;
    int64_t to = s->over ? DAY_MOST : s->at - 1;
    *ret = s->down ? (struct nilo__days){-to, -from} : (struct nilo__days){from, to};
    return true;
}

void nilo__slice_bind(struct nilo__statement *p, struct nilo__days days, int64_t offset, int64_t limit)
{
    p->params[p->days_at - 1] = NILO_DBV_INT(days.first);
    p->params[p->days_at] = NILO_DBV_INT(days.last);
    if (p->limit_at) {
        p->params[p->limit_at - 1] = NILO_DBV_INT(limit);
        p->params[p->limit_at] = NILO_DBV_INT(offset);
    }
}

/* ---- counting by day -------------------------------------------------------------------------------------------------------------------------- */

/* One day more, in their order: which days hold the page, and how many of the first one's rows lie before it? */
static void add_day(struct nilo__page *page, bool down, int64_t day, int64_t rows, int64_t offset)
{
    if (page->total <= offset && page->total + rows > offset) {
        page->any = true;
        page->days = (struct nilo__days){day, day};
        page->skip = offset - page->total;
    }
    page->total += rows;
    if (page->any && down)
        page->days.first = day;
    else if (page->any)
        page->days.last = day;
}

int nilo__slices_count(const struct nilo_query *q, struct nilo_store *store, struct nilo__statement *p, nilo_us as_of, struct nilo__page *ret,
                       struct nilo_err *err)
{
    struct nilo__slices s;
    struct nilo__days days;
    struct nilo__page page = {.total = 0};
    struct nilo_db_stmt *stmt;
    int64_t offset = q->offset, wanted = offset > INT64_MAX - q->limit ? INT64_MAX : offset + q->limit;
    if (nilo__slices_begin(q, store, p, as_of, &s, err) < 0 || nilo_db_prepare_once(nilo_store_db(store), p->days_sql.data, &stmt, err) < 0)
        return -1;
    int got = 0;
    while (got == 0 && page.total < wanted && nilo__slices_next(&s, page.total, wanted, &days)) {
        nilo__slice_bind(p, days, 0, 0);
        got = nilo_db_query(stmt, p->params, p->n_count_params, err);
        while (got >= 0 && page.total < wanted && (got = nilo_db_row(stmt, err)) == 1)
            add_day(&page, s.down, nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1), offset);
    }
    nilo_db_finish(stmt);
    if (got >= 0)
        *ret = page;
    return got < 0 ? -1 : 0;
}
