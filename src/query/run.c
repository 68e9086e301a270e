/* Running a request: one statement, its rows turned into typed cells and handed to the sink, one by one. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "query/lists.h"

#define TEXT_MOST ((size_t)64 << 20)

/* One "metric:value..." of the packed cells. */
struct cell {
    int32_t metric;
    bool present;
    int64_t value; /* or the reason */
    int64_t day, win;
};

struct run {
    struct nilo_query *q;
    struct nilo_store *s;
    const struct nilo_scope *scope;
    const struct nilo_sink *sink;
    struct nilo__statement plan;
    struct nilo_db_stmt *stmt;
    struct nilo_arena arena;
    struct nilo_datum *base; /* by column of the query, what the row says */
    bool *made;              /* by column: base is of this row */
    struct nilo_buf *text;   /* by column: memory of texts made here */
    struct nilo_datum *cells;
    struct nilo_buf *cell_text, scratch; /* by item */
    struct cell *packed;
    size_t n_packed, cap_packed;
    bool unpacked;
    struct nilo__fold *fold; /* of a query with aggregates */
    const struct nilo_column *named_by[2]; /* of a value: the metric's type and name; NULL: no currency is asked for */
    nilo_us as_of;
    bool counted; /* of one that is read in slices: it is known where the page lies */
    struct nilo__page page;
};

static size_t index_of(const struct run *r, const struct nilo_column *c)
{
    return (size_t)(c - r->q->columns);
}

/* ---- packed cells ------------------------------------------------------------------------------------------------------------ */

static bool read_int(const char **at, const char *end, int64_t *ret)
{
    const char *c = *at;
    bool negative = c < end && *c == '-';
    uint64_t v = 0;
    c += negative;
    if (c == end || *c < '0' || *c > '9')
        return false;
    while (c < end && *c >= '0' && *c <= '9')
        v = 10 * v + (uint64_t)(*c++ - '0');
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    *at = c;
    return true;
}

static bool read_cell(const char **at, const char *end, struct cell *ret)
{
    int64_t metric;
    *ret = (struct cell){.present = true};
    if (!read_int(at, end, &metric) || *at == end || *(*at)++ != ':')
        return false;
    ret->metric = (int32_t)metric;
    if (*at < end && **at == '!') {
        ret->present = false;
        ++*at;
    }
    if (!read_int(at, end, &ret->value))
        return false;
    if (*at < end && **at == ':') {
        ++*at;
        if (!read_int(at, end, &ret->day) || *at == end || *(*at)++ != ':' || !read_int(at, end, &ret->win))
            return false;
    }
    if (*at < end)
        return *(*at)++ == ',';
    return true;
}

static int by_metric(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    return (x->metric > y->metric) - (x->metric < y->metric);
}

static int unpack(struct run *r, struct nilo_err *err)
{
    if (r->unpacked)
        return 0;
    r->unpacked = true;
    r->n_packed = 0;
    struct nilo_db_value v = nilo_db_column(r->stmt, r->plan.cells_at);
    bool sorted = true;
    const char *at = v.p, *end = v.type != NILO_DB_NULL && v.len > 0 ? at + v.len : at;
    for (; at < end; r->n_packed++) {
        if (r->n_packed == r->cap_packed) {
            size_t cap = r->cap_packed ? 2 * r->cap_packed : 64;
            struct cell *more = realloc(r->packed, cap * sizeof *more);
            if (!more)
                return nilo_err_nomem(err);
            r->packed = more;
            r->cap_packed = cap;
        }
        if (!read_cell(&at, end, &r->packed[r->n_packed]))
            return nilo_err_set(err, NILO_EINTERNAL, "packed cells do not read: %.*s", v.len > 200 ? 200 : (int)v.len,
                                v.p);
        sorted = sorted && (r->n_packed == 0 || r->packed[r->n_packed - 1].metric < r->packed[r->n_packed].metric);
    }
    if (!sorted)
        qsort(r->packed, r->n_packed, sizeof *r->packed, by_metric);
    return 0;
}

static const struct cell *packed_of(const struct run *r, int32_t metric)
{
    struct cell key = {.metric = metric};
    return r->n_packed ? bsearch(&key, r->packed, r->n_packed, sizeof key, by_metric) : NULL;
}

/* ---- what the row says ---------------------------------------------------------------------------------------------------------- */

static void set_text(struct nilo_datum *d, struct nilo_db_value v)
{
    d->null = v.type == NILO_DB_NULL;
    d->p = v.p;
    d->len = v.len;
}

static void read_number(struct run *r, int at, struct nilo_datum *d)
{
    struct nilo_db_value v = nilo_db_column(r->stmt, at);
    d->null = v.type == NILO_DB_NULL;
    d->i = v.i;
}

/* As JSON and the app spell it: no sign, no leading zero. */
static bool whole_number(const struct nilo_datum *d)
{
    if (d->null || d->len == 0 || d->len > 19 || (d->len > 1 && *d->p == '0'))
        return false;
    for (size_t i = 0; i < d->len; i++)
        if (d->p[i] < '0' || d->p[i] > '9')
            return false;
    return true;
}

static void read_plain(struct run *r, const struct nilo_column *c, int at, struct nilo_datum *d)
{
    if (c->type == NILO_T_TEXT || c->type == NILO_T_JSON) {
        set_text(d, nilo_db_column(r->stmt, at));
        if ((c->flags & NILO_COL_ID) && r->q->binding.numbers && whole_number(d)) /* spelled the same, without quotes */
            d->type = NILO_T_JSON;
        if ((c->flags & NILO_COL_POSTED) && !d->null && nilo_db_column_int(r->stmt, at + 1) == 1)
            d->type = NILO_T_JSON;
        return;
    }
    read_number(r, at, d);
    d->scale = c->type == NILO_T_DECIMAL ? c->scale : 0;
}

static void read_enum(struct run *r, const struct nilo_column *c, int at, struct nilo_datum *d)
{
    read_number(r, at, d);
    const char *name = d->null ? "?" : c->enum_name((int)d->i);
    *d = nilo_datum_str(strcmp(name, "?") == 0 ? NULL : name);
}

static void read_sum(struct run *r, const struct nilo_column *c, int at, struct nilo_datum *d)
{
    read_number(r, at, d);
    d->i = d->null ? 0 : nilo_split_join((int64_t)d->i, nilo_db_column_int(r->stmt, at + 1));
    d->scale = c->scale;
}

static int read_metric(struct run *r, const struct nilo_column *c, struct nilo_datum *d, struct nilo_err *err)
{
    if (unpack(r, err) < 0)
        return -1;
    const struct cell *cell = packed_of(r, c->metric->id);
    d->null = !cell || !cell->present;
    d->i = d->null ? 0 : cell->value;
    d->scale = c->scale;
    return 0;
}

/* ---- made of several columns ---------------------------------------------------------------------------------------------------- */

static const char *metric_name(struct run *r, int32_t id)
{
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(r->s), id);
    return m ? m->name : NULL;
}

static void put_cell_object(struct run *r, const struct nilo_column *c, struct nilo_json_out *o)
{
    for (size_t i = 0; i < r->n_packed; i++) {
        const struct cell *cell = &r->packed[i];
        const char *name = metric_name(r, cell->metric);
        char day[NILO_DAY_TEXT];
        if (!name || (c->form == NILO_F_ABSENCE && cell->present))
            continue;
        nilo_json_key(o, name);
        if (c->form == NILO_F_ABSENCE) {
            nilo_json_str(o, nilo_absence_name((int)cell->value));
        } else if (c->form == NILO_F_DAYS) {
            nilo_day_format(NILO_DAY((int32_t)cell->day), day);
            nilo_json_str(o, day);
        } else {
            nilo_json_int(o, cell->win);
        }
    }
}

static void put_sum_object(struct run *r, const struct nilo_column *c, struct nilo_json_out *o)
{
    for (size_t i = 0; i < r->q->n_columns; i++) {
        const struct nilo_column *m = &r->q->columns[i];
        if (m->form != NILO_F_SUM || r->plan.at[i] < 0)
            continue;
        int64_t known = nilo_db_column_int(r->stmt, r->plan.at[i] + 2);
        if (c->form == NILO_F_KNOWN && known > 0) {
            nilo_json_key(o, m->name);
            nilo_json_int(o, known);
        } else if (c->form == NILO_F_ABSENCE && nilo_db_column_null(r->stmt, r->plan.at[i])) {
            nilo_json_key(o, m->name);
            nilo_json_str(o, nilo_absence_name(NILO_NOT_COLLECTED));
        }
    }
}

static int base_of(struct run *r, const struct nilo_column *c, struct nilo_datum **ret, struct nilo_err *err);

/* The row's key in words: what the uuid is made of stays the same over export and import. */
static int make_uuid(struct run *r, const struct nilo_column *c, struct nilo_datum *d, struct nilo_err *err)
{
    struct nilo_buf *text = &r->text[index_of(r, c)];
    const struct nilo_relation *of = nilo__uuid_relation(r->q, c);
    char uuid[NILO_UUID_TEXT], spelled[NILO_DATUM_MAX];
    nilo_buf_reset(text);
    nilo_buf_adds(text, of->view && of->view->id ? of->view->id : of->name);
    for (const char *const *key = of->key; *key; key++) {
        struct nilo_datum *part;
        size_t len;
        if (base_of(r, nilo__column_find(r->q, *key, strlen(*key)), &part, err) < 0)
            return -1;
        const char *p = nilo_datum_text(part, spelled, &len);
        nilo_buf_addc(text, '\x1f');
        nilo_buf_add(text, p, len);
    }
    if (text->failed)
        return nilo_err_nomem(err);
    nilo_uuid5(nilo_store_uuid(r->s), text->data, text->len, uuid);
    nilo_buf_reset(text);
    nilo_buf_adds(text, uuid);
    d->p = nilo_buf_str(text);
    d->len = text->len;
    return 0;
}

static int make_json(struct run *r, const struct nilo_column *c, struct nilo_datum *d, struct nilo_err *err)
{
    size_t i = index_of(r, c);
    struct nilo_buf *text = &r->text[i];
    struct nilo_json_out o;
    nilo_buf_reset(text);
    nilo_json_out_init(&o, text);
    if (c->form == NILO_F_OWNERS) {
        if (nilo__put_owners(nilo_db_column(r->stmt, r->plan.at[i]), &o, err) < 0)
            return -1;
    } else if (c->form == NILO_F_FAILED) {
        struct nilo_db_value v = nilo_db_column(r->stmt, r->plan.at[i]);
        d->null = v.type == NILO_DB_NULL;
        if (!d->null)
            nilo__put_failures(v, &o);
    } else {
        bool sums = r->q->relation->wide == NILO_WIDE_SUMS;
        if (!sums && unpack(r, err) < 0)
            return -1;
        nilo_json_object_begin(&o);
        if (sums)
            put_sum_object(r, c, &o);
        else
            put_cell_object(r, c, &o);
        nilo_json_object_end(&o);
    }
    d->p = nilo_buf_str(text);
    d->len = text->len;
    return text->failed ? nilo_err_nomem(err) : 0;
}

/* The column's value in this row. */
static int base_of(struct run *r, const struct nilo_column *c, struct nilo_datum **ret, struct nilo_err *err)
{
    size_t i = index_of(r, c);
    struct nilo_datum *d = *ret = &r->base[i];
    int at = r->plan.at[i];
    if (r->made[i])
        return 0;
    r->made[i] = true;
    *d = (struct nilo_datum){.type = c->type};
    switch (c->form) {
    case NILO_F_PLAIN:
        read_plain(r, c, at, d);
        return 0;
    case NILO_F_ENUM:
        read_enum(r, c, at, d);
        return 0;
    case NILO_F_SCALED:
        read_number(r, at, d);
        d->scale = (int)nilo_db_column_int(r->stmt, r->plan.scale_at);
        return 0;
    case NILO_F_SUM:
        read_sum(r, c, at, d);
        return 0;
    case NILO_F_METRIC:
        return read_metric(r, c, d, err);
    case NILO_F_UUID:
        return make_uuid(r, c, d, err);
    default:
        return make_json(r, c, d, err);
    }
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------- */

static int item_value(struct run *r, size_t item, struct nilo_err *err)
{
    const struct nilo__item *it = &r->q->items[item];
    struct nilo_datum *base;
    if (!it->column) { /* count() */
        r->cells[item] = nilo_datum_int(1);
        return 0;
    }
    return base_of(r, it->column, &base, err) < 0 ? -1 : nilo__item_value(it, base, &r->cell_text[item], &r->cells[item], err);
}

static int value_of(void *ctx, const struct nilo_column *column, const struct nilo__path *path, struct nilo_datum *ret, struct nilo_err *err)
{
    struct run *r = ctx;
    struct nilo_datum *base;
    if (base_of(r, column, &base, err) < 0)
        return -1;
    *ret = *base;
    return path->n && !ret->null ? nilo__json_at(base->p, base->len, path, &r->scratch, ret, err) : 0;
}

/* 1: the row passes what SQL could not decide */
static int passes(struct run *r, struct nilo_err *err)
{
    for (const struct nilo__node *n = r->q->filter->first; n; n = n->next) {
        int ok = nilo__in_sql(n) ? 1 : nilo__holds(n, value_of, r, err);
        if (ok != 1)
            return ok;
    }
    return 1;
}

static int next_row(struct run *r, struct nilo_err *err)
{
    for (;;) {
        int got = nilo_db_row(r->stmt, err);
        if (got != 1)
            return got;
        memset(r->made, 0, r->q->n_columns * sizeof *r->made);
        r->unpacked = false;
        int ok = r->plan.post ? passes(r, err) : 1;
        if (ok != 0)
            return ok;
    }
}

static int start(struct run *r, struct nilo_err *err)
{
    if (!r->stmt && nilo_db_prepare_once(nilo_store_db(r->s), r->plan.sql.data, &r->stmt, err) < 0)
        return -1;
    return nilo_db_query(r->stmt, r->plan.params, r->plan.n_params, err);
}

/* The currency of the row's value, as its metric has it; NULL = none. */
static int currency_of(struct run *r, const char **ret, struct nilo_err *err)
{
    struct nilo_datum *type, *name;
    if (!r->named_by[0] || !r->named_by[1])
        return 0;
    if (base_of(r, r->named_by[0], &type, err) < 0 || base_of(r, r->named_by[1], &name, err) < 0)
        return -1;
    char word[32], metric[256];
    if (type->null || name->null || type->len >= sizeof word || name->len >= sizeof metric)
        return 0;
    snprintf(word, sizeof word, "%.*s", (int)type->len, type->p);
    snprintf(metric, sizeof metric, "%.*s", (int)name->len, name->p);
    const struct nilo_metric *m = nilo_catalog_by_type(nilo_store_catalog(r->s), (enum nilo_metric_type)nilo_metric_type_value(word), metric);
    *ret = m ? m->currency : NULL;
    return 0;
}

static int hand_on(struct run *r, struct nilo_err *err)
{
    for (size_t i = 0; i < r->q->n_items; i++)
        if (item_value(r, i, err) < 0)
            return -1;
    if (!r->fold)
        return r->sink->row(r->sink->ctx, r->cells, err);
    const char *currency = NULL;
    struct nilo_datum order[NILO__ORDER_MAX], *base;
    for (size_t i = 0; i < r->q->n_order && !r->q->folded; i++) {
        if (base_of(r, r->q->order[i].column, &base, err) < 0)
            return -1;
        order[i] = *base;
    }
    return currency_of(r, &currency, err) < 0 ? -1 : nilo__fold_add(r->fold, r->cells, r->q->folded ? NULL : order, currency, err);
}

/* What the statement answers, without the next *skip rows, *left of them at most. */
static int stream_some(struct run *r, int64_t *skip, int64_t *left, struct nilo_err *err)
{
    int got = 0, rc = start(r, err);
    while (rc == 0 && *left > 0 && (got = next_row(r, err)) == 1) {
        if (*skip > 0) {
            --*skip;
            continue;
        }
        --*left;
        rc = hand_on(r, err);
    }
    return rc != 0 ? rc : got < 0 ? -1 : 0;
}

static int count_slices(struct run *r, struct nilo_err *err)
{
    if (!r->counted && nilo__slices_count(r->q, r->s, &r->plan, r->as_of, &r->page, err) < 0)
        return -1;
    r->counted = true;
    return 0;
}

static int stream_slices(struct run *r, struct nilo_err *err)
{
    int64_t offset = r->plan.post ? r->q->offset : 0, skip = offset, left = r->q->limit;
    if (!r->plan.post && r->q->offset > 0 && count_slices(r, err) < 0)
        return -1;
    if (r->counted) {
        nilo__slice_bind(&r->plan, r->page.days, r->page.skip, left);
        return r->page.any ? stream_some(r, &skip, &left, err) : 0;
    }
    struct nilo__slices slices;
    struct nilo__days days;
    int64_t wanted = offset > INT64_MAX - left ? INT64_MAX : offset + left;
    int rc = nilo__slices_begin(r->q, r->s, &r->plan, r->as_of, &slices, err);
    while (rc == 0 && left > 0 && nilo__slices_next(&slices, offset - skip + r->q->limit - left, wanted, &days)) {
        nilo__slice_bind(&r->plan, days, 0, left);
        rc = stream_some(r, &skip, &left, err);
    }
    return rc;
}

static int stream(struct run *r, struct nilo_err *err)
{
    bool pages = r->plan.post && !r->fold;
    int64_t skip = pages ? r->q->offset : 0, left = pages && r->q->limit >= 0 ? r->q->limit : INT64_MAX;
    return r->plan.by_day ? stream_slices(r, err) : stream_some(r, &skip, &left, err);
}

/* ---- counting ---------------------------------------------------------------------------------------------------------------------- */

static int count_sql(struct run *r, int64_t *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare_once(nilo_store_db(r->s), r->plan.count_sql.data, &stmt, err) < 0)
        return -1;
    int got = nilo_db_query(stmt, r->plan.params, r->plan.n_count_params, err) < 0 ? -1 : nilo_db_row(stmt, err);
    if (got == 1)
        *ret = nilo_db_column_int(stmt, 0);
    nilo_db_finish(stmt);
    return got == 1 ? 0 : -1;
}

static int count_rows(struct run *r, int64_t *ret, struct nilo_err *err)
{
    if (r->plan.by_day) {
        if (count_slices(r, err) < 0)
            return -1;
        *ret = r->page.total;
        return 0;
    }
    if (!r->plan.post)
        return count_sql(r, ret, err);
    int got, rc = start(r, err);
    *ret = 0;
    while (rc == 0 && (got = next_row(r, err)) != 0) {
        rc = got < 0 ? -1 : 0;
        ++*ret;
    }
    return rc;
}

int nilo__count_head(struct nilo_query *q, int64_t total, struct nilo_head *head, struct nilo_err *err)
{
    if (q->request.count == NILO_COUNT_EXACT)
        q->total = total;
    if (q->request.count == NILO_COUNT_EXACT && !q->request.unasked && q->offset > total)
        return nilo_err_set(
            err, NILO_ERANGE,
            "Requested range not satisfiable: an offset of %lld was requested, but there are only %lld rows",
            (long long)q->offset, (long long)total);
    head->total = q->request.count == NILO_COUNT_EXACT ? total : -1;
    head->page = total > q->offset ? total - q->offset : 0;
    if (q->limit >= 0 && head->page > q->limit)
        head->page = q->limit;
    return 0;
}

static int count(struct run *r, struct nilo_head *head, struct nilo_err *err)
{
    int64_t total;
    r->q->total = -1;
    if (r->q->request.count == NILO_COUNT_NONE)
        return 0;
    return count_rows(r, &total, err) < 0 ? -1 : nilo__count_head(r->q, total, head, err);
}

/* What was put together, page and all. */
int nilo__fold_answer(struct nilo__fold *f, struct nilo_query *q, struct nilo_head *head, const struct nilo_sink *sink, struct nilo_err *err)
{
    size_t n;
    if (nilo__fold_end(f, &n, err) < 0 || nilo__count_head(q, (int64_t)n, head, err) < 0)
        return -1;
    int rc = sink->head(sink->ctx, head, err);
    for (int64_t i = 0; rc == 0 && i < head->page; i++) {
        const struct nilo_datum *cells = nilo__fold_row(f, (size_t)(q->offset + i), err);
        rc = cells ? sink->row(sink->ctx, cells, err) : -1;
    }
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------------- */

static int fold(struct run *r, struct nilo_head *head, struct nilo_err *err)
{
    static const char *const names[] = {"metric_category", "metric"};
    r->q->total = -1;
    for (size_t i = 0; i < r->q->n_items; i++) {
        if (r->q->items[i].aggregate <= NILO__COUNT || r->q->items[i].column->form != NILO_F_SCALED)
            continue;
        r->named_by[0] = nilo__column_find(r->q, "metric_type", strlen("metric_type"));
        for (size_t k = 0; k < 2 && !r->named_by[1]; k++)
            r->named_by[1] = nilo__column_find(r->q, names[k], strlen(names[k]));
    }
    if (nilo__fold_new(r->q, &r->fold, err) < 0 || stream(r, err) != 0)
        return -1;
    return nilo__fold_answer(r->fold, r->q, head, r->sink, err);
}

static int answer(struct run *r, struct nilo_err *err)
{
    struct nilo_query *q = r->q;
    struct nilo_head head = {.columns = q->out, .n = q->n_out, .offset = q->offset, .total = -1, .page = -1, .limited = q->limited};
    if (nilo__as_of_us(q, r->s, r->scope, &r->as_of, err) < 0 ||
        nilo__statement_make(q, r->s, r->scope, r->as_of, &r->arena, &r->plan, err) < 0)
        return -1;
    r->base = nilo_arena_array(&r->arena, q->n_columns, sizeof *r->base);
    r->made = nilo_arena_array(&r->arena, q->n_columns, sizeof *r->made);
    r->text = nilo_arena_array(&r->arena, q->n_columns, sizeof *r->text);
    r->cells = nilo_arena_array(&r->arena, q->n_items, sizeof *r->cells);
    r->cell_text = nilo_arena_array(&r->arena, q->n_items, sizeof *r->cell_text);
    if (!r->base || !r->made || !r->text || !r->cells || !r->cell_text) {
        r->text = r->cell_text = NULL;
        return nilo_err_nomem(err);
    }
    for (size_t i = 0; i < q->n_columns; i++)
        nilo_buf_init(&r->text[i], TEXT_MOST);
    for (size_t i = 0; i < q->n_items; i++)
        nilo_buf_init(&r->cell_text[i], TEXT_MOST);
    if (q->folded || q->ordered_here)
        return fold(r, &head, err);
    int rc = count(r, &head, err);
    if (rc == 0)
        rc = r->sink->head(r->sink->ctx, &head, err);
    return rc == 0 ? stream(r, err) : rc;
}

static void run_done(struct run *r)
{
    nilo_db_finish(r->stmt);
    nilo__fold_free(r->fold);
    for (size_t i = 0; r->text && i < r->q->n_columns; i++)
        nilo_buf_done(&r->text[i]);
    for (size_t i = 0; r->cell_text && i < r->q->n_items; i++)
        nilo_buf_done(&r->cell_text[i]);
    nilo_buf_done(&r->scratch);
    free(r->packed);
    nilo__statement_done(&r->plan);
    nilo_arena_done(&r->arena);
}

/* Row-level security: who may not see a relation's rows finds none. Anonymous visitors are told to sign in. */
static int check_role(enum nilo_role least, const char *what, const char *name, struct nilo_scope *scope,
                      struct nilo_err *err)
{
    if (scope->role >= least)
        return 0;
    if (scope->role == NILO_ROLE_ANON)
        return nilo_err_set(err, NILO_EPERM, "permission denied for %s %s", what, name);
    *scope = (struct nilo_scope){.role = scope->role};
    return 0;
}

int nilo_query_run(struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope,
                   const struct nilo_sink *sink, struct nilo_err *err)
{
    struct nilo_scope seen = *scope;
    const char *name = q->relation ? q->relation->name : q->function->name;
    if (check_role(q->relation ? q->relation->min_role : q->function->min_role, q->relation ? "table" : "function",
                   name, &seen, err) < 0)
        return -1;
    if (nilo_store_scope(s, &seen, err) < 0) /* what is looked up on the way is in it, too */
        return -1;
    if (q->function)
        return nilo__call_run(q, s, &seen, sink, err);
    nilo__view_scope(q, &seen);
    struct run r = {.q = q, .s = s, .scope = &seen, .sink = sink};
    nilo_arena_init(&r.arena, 0);
    nilo_buf_init(&r.scratch, TEXT_MOST);
    /* the count and the rows are of one state, and so are slices */
    bool begin = (q->request.count != NILO_COUNT_NONE || nilo__sliced_by(q, s)) && !nilo_db_in_transaction(nilo_store_db(s));
    int rc = begin ? nilo_store_begin(s, err) : 0;
    if (rc == 0) {
        rc = answer(&r, err);
        run_done(&r);
        if (begin)
            nilo_db_rollback(nilo_store_db(s)); /* nothing was written; the store's caches stay */
    }
    return rc;
}

/* ---- calendars ------------------------------------------------------------------------------------------------------------------------ */

int nilo__scope_workspaces(struct nilo_store *s, const struct nilo_scope *scope, struct nilo_arena *arena,
                           int64_t **ret, size_t *ret_n, struct nilo_err *err)
{
    struct nilo_workspace *all;
    size_t n, k = 0;
    if (nilo_store_workspaces(s, &all, &n, err) < 0)
        return -1;
    int64_t *ids = nilo_arena_array(arena, n + 1, sizeof *ids);
    for (size_t i = 0; ids && i < n; i++) {
        bool in = scope->all && scope->role == NILO_ROLE_SERVICE;
        for (size_t j = 0; !scope->all && j < scope->n; j++)
            in |= scope->workspaces[j] == all[i].id;
        if (in)
            ids[k++] = all[i].id;
    }
    free(all);
    if (!ids)
        return nilo_err_nomem(err);
    *ret = ids;
    *ret_n = k;
    return 0;
}

int nilo__scope_calendar(struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_calendar **ret,
                         struct nilo_err *err)
{
    struct nilo_arena arena;
    int64_t *ids;
    size_t n;
    nilo_arena_init(&arena, 0);
    int rc = nilo__scope_workspaces(s, scope, &arena, &ids, &n, err);
    *ret = NULL;
    if (rc == 0 && n)
        rc = nilo_store_calendar(s, ids[0], ret, err);
    nilo_arena_done(&arena);
    return rc;
}

int nilo__as_of_us(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, nilo_us *ret,
                   struct nilo_err *err)
{
    struct nilo_arena arena;
    int64_t *ids;
    size_t n;
    *ret = NILO_US_NONE;
    if (!q->has_as_of)
        return 0;
    *ret = q->as_of.us;
    if (!q->as_of.date_only)
        return 0;
    *ret = q->as_of.us + NILO_US_DAY - 1;
    nilo_arena_init(&arena, 0);
    int rc = nilo__scope_workspaces(s, scope, &arena, &ids, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct nilo_calendar *calendar;
        rc = nilo_store_calendar(s, ids[i], &calendar, err);
        nilo_us end = rc == 0 ? nilo_calendar_end(calendar, q->as_of.day) - 1 : *ret;
        if (rc == 0 && i > 0 && end != *ret)
            rc = nilo_err_set(err, NILO_EINVAL, "as_of is a day, and it does not end at the same time in all workspaces that are asked, as their zones differ; "
                                                "give an instant such as 2025-01-31T23:00:00Z, or ask one workspace");
        *ret = end;
    }
    nilo_arena_done(&arena);
    return rc;
}
