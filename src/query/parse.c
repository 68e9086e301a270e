/* "relation?select=...&column=op.value&order=...": cutting and decoding the query string, select, order and limits.
 * Conditions are in filter.c. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "query/query_priv.h"

/* ---- decoding ------------------------------------------------------------------------------------------------------------------ */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t decode_into(char *out, const char *p, size_t len, bool plus)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '%' && i + 2 < len && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0) {
            out[n++] = (char)(hex(p[i + 1]) * 16 + hex(p[i + 2]));
            i += 2;
        } else {
            out[n++] = plus && p[i] == '+' ? ' ' : p[i];
        }
    }
    return n;
}

/* What was typed may hold a % of its own ("like.%cats%"): where decoding gives no text, it is taken as it stands. */
size_t nilo__decode(char *out, const char *p, size_t len, bool url)
{
    size_t n = decode_into(out, p, len, url);
    if (!url && (memchr(out, '\0', n) || !nilo_utf8_valid(out, n, NULL))) {
        memcpy(out, p, len);
        n = len;
    }
    out[n] = '\0';
    return memchr(out, '\0', n) || !nilo_utf8_valid(out, n, NULL) ? SIZE_MAX : n;
}

static int decode(struct nilo__parse *x, const char *p, size_t len, struct nilo__text *ret)
{
    char *out = nilo_arena_alloc(&x->q->arena, len + 1);
    if (!out)
        return nilo_err_nomem(x->err);
    size_t n = nilo__decode(out, p, len, x->q->request.url);
    if (n == SIZE_MAX)
        return nilo_err_set(x->err, NILO_EPARSE, "invalid byte sequence for encoding \"UTF8\" in the request");
    *ret = (struct nilo__text){out, n};
    return 0;
}

static bool is(struct nilo__text t, const char *word)
{
    return t.len == strlen(word) && memcmp(t.p, word, t.len) == 0;
}

/* ---- unknown names ------------------------------------------------------------------------------------------------------------- */

const char *nilo__name_of(const struct nilo_query *q)
{
    return q->relation ? q->relation->name : q->function->name;
}

int nilo__no_column(const struct nilo_query *q, const char *name, size_t len, struct nilo_notes *notes,
                    struct nilo_err *err)
{
    struct nilo__near near = {.name = name, .len = len};
    for (size_t i = 0; i < q->n_columns; i++)
        nilo__near_try(&near, q->columns[i].name);
    if (near.best && notes)
        snprintf(notes->hint, sizeof notes->hint, "Perhaps you meant to reference the column \"%s.%s\".",
                 nilo__name_of(q), near.best);
    return nilo_err_set(err, NILO_ECOLUMN, "column %s.%.*s does not exist", nilo__name_of(q),
                        len > 100 ? 100 : (int)len, name);
}

static int no_relation(struct nilo__text name, struct nilo_notes *notes, struct nilo_err *err)
{
    struct nilo__near near = {.name = name.p, .len = name.len};
    for (size_t i = 0; i < nilo_relations_n; i++)
        nilo__near_try(&near, nilo_relations[i].name);
    if (near.best && notes)
        snprintf(notes->hint, sizeof notes->hint, "Perhaps you meant the table 'public.%s'", near.best);
    return nilo_err_set(err, NILO_ERELATION, "Could not find the table 'public.%.*s' in the schema cache",
                        name.len > 100 ? 100 : (int)name.len, name.p);
}

/* ---- select -------------------------------------------------------------------------------------------------------------------- */

/* The end of an item: a comma outside of quotes and brackets. */
static const char *item_end(const char *at, const char *end)
{
    int depth = 0;
    for (bool quoted = false; at < end; at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (*at == '(')
            depth++;
        else if (*at == ')')
            depth--;
        else if (*at == ',' && depth <= 0)
            break;
    }
    return at;
}

static struct nilo__text trim(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (struct nilo__text){from, (size_t)(to - from)};
}

/* "alias:column": a colon that stands alone. NULL: there is none. */
static const char *alias_end(struct nilo__text t)
{
    bool quoted = false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] == '"')
            quoted = !quoted;
        if (quoted || t.p[i] != ':')
            continue;
        return i + 1 < t.len && t.p[i + 1] == ':' ? NULL : t.p + i;
    }
    return NULL;
}

static int parse_cast(struct nilo__parse *x, struct nilo__text t, struct nilo__item *item)
{
    static const struct {
        const char *name;
        enum nilo__cast cast;
    } casts[] = {
        {"text", NILO__CAST_TEXT},       {"varchar", NILO__CAST_TEXT},
        {"int", NILO__CAST_INT},         {"integer", NILO__CAST_INT},
        {"int4", NILO__CAST_INT},        {"int8", NILO__CAST_INT},
        {"bigint", NILO__CAST_INT},      {"smallint", NILO__CAST_INT},
        {"numeric", NILO__CAST_NUMERIC}, {"decimal", NILO__CAST_NUMERIC},
        {"float8", NILO__CAST_NUMERIC},  {"float4", NILO__CAST_NUMERIC},
        {"real", NILO__CAST_NUMERIC},    {"double precision", NILO__CAST_NUMERIC},
        {"date", NILO__CAST_DATE},       {"timestamptz", NILO__CAST_SAME},
        {"json", NILO__CAST_SAME},       {"jsonb", NILO__CAST_SAME},
        {"uuid", NILO__CAST_SAME},       {"boolean", NILO__CAST_SAME},
        {"bool", NILO__CAST_SAME},
    };
    static const enum nilo_type same[] = {NILO_T_TIME, NILO_T_JSON, NILO_T_JSON, NILO_T_UUID, NILO_T_BOOL, NILO_T_BOOL};
    enum nilo_type from = item->path.n ? (item->path.text ? NILO_T_TEXT : NILO_T_JSON) : item->column->type;
    bool number = from == NILO_T_INT || from == NILO_T_DECIMAL;
    size_t n = sizeof casts / sizeof casts[0], first_same = n - sizeof same / sizeof same[0];
    for (size_t i = 0; i < n; i++) {
        if (!is(t, casts[i].name))
            continue;
        item->cast = casts[i].cast;
        bool fits =
            item->cast == NILO__CAST_TEXT ||
            ((item->cast == NILO__CAST_INT || item->cast == NILO__CAST_NUMERIC) && (number || from == NILO_T_TEXT)) ||
            (item->cast == NILO__CAST_DATE && (from == NILO_T_DAY || from == NILO_T_TIME)) ||
            (item->cast == NILO__CAST_SAME && i >= first_same && from == same[i - first_same]);
        if (fits)
            return 0;
        return nilo_err_set(x->err, NILO_EPARSE, "cannot cast type %s to %s", nilo_type_name(from), casts[i].name);
    }
    return nilo_err_set(
        x->err, NILO_EPARSE,
        "type \"%.*s\" does not exist or is no cast of this column; ::text, ::bigint, ::numeric and ::date are",
        t.len > 60 ? 60 : (int)t.len, t.p);
}

static struct nilo__item *new_item(struct nilo__parse *x)
{
    struct nilo_query *q = x->q;
    if (q->n_items >= NILO__SELECT_MAX) {
        nilo_err_set(x->err, NILO_EPARSE, "more than %d columns in one request; name those that are needed",
                     NILO__SELECT_MAX);
        return NULL;
    }
    if ((q->n_items & (q->n_items - 1)) == 0) { /* full: 0, 1, 2, 4, ... */
        struct nilo__item *more = nilo_arena_array(&q->arena, q->n_items ? 2 * q->n_items : 1, sizeof *more);
        if (!more) {
            nilo_err_nomem(x->err);
            return NULL;
        }
        if (q->n_items)
            memcpy(more, q->items, q->n_items * sizeof *more);
        q->items = more;
    }
    return &q->items[q->n_items++];
}

static int select_all(struct nilo__parse *x)
{
    for (size_t i = 0; i < x->q->n_columns; i++) {
        const struct nilo_column *c = &x->q->columns[i];
        if (c->flags & NILO_COL_HIDDEN)
            continue;
        struct nilo__item *item = new_item(x);
        if (!item)
            return -1;
        *item = (struct nilo__item){.column = c, .name = c->name, .all = true};
    }
    return 0;
}

enum nilo_type nilo__item_type(const struct nilo__item *item)
{
    switch (item->cast) {
    case NILO__CAST_TEXT:
        return NILO_T_TEXT;
    case NILO__CAST_INT:
        return NILO_T_INT;
    case NILO__CAST_NUMERIC:
        return NILO_T_DECIMAL;
    case NILO__CAST_DATE:
        return NILO_T_DAY;
    default:
        return item->path.n ? (item->path.text ? NILO_T_TEXT : NILO_T_JSON) : item->column->type;
    }
}

/* column[->key...][::type] into the item */
static int parse_column(struct nilo__parse *x, struct nilo__text t, struct nilo__text whole, struct nilo__item *item, struct nilo__text *ret_name)
{
    struct nilo__text name;
    const char *at = t.p, *end = t.p + t.len;
    if (nilo__parse_column(x, &at, end, ":", &name, &item->path) < 0)
        return -1;
    item->column = nilo__column_find(x->q, name.p, name.len);
    if (!item->column)
        return nilo__no_column(x->q, name.p, name.len, x->notes, x->err);
    if (item->path.n && item->column->type != NILO_T_JSON)
        return nilo_err_set(x->err, NILO_EPARSE, "column %s.%s is %s; only jsonb columns have keys",
                            nilo__name_of(x->q), item->column->name, nilo_type_name(item->column->type));
    if (at < end && (end - at < 2 || at[1] != ':'))
        return nilo__fail(x, "select parameter", whole, "alias:column::type is the most that is understood");
    if (ret_name)
        *ret_name = name;
    return at < end ? parse_cast(x, trim(at + 2, end), item) : 0;
}

/* What an aggregate is cast to: as if it were a column of its type. */
static int parse_fold_cast(struct nilo__parse *x, struct nilo__text then, struct nilo__item *item)
{
    struct nilo_column column = {.type = item->column ? nilo__fold_type(item->aggregate, nilo__item_type(item)) : NILO_T_INT};
    struct nilo__item as = {.column = &column};
    if (parse_cast(x, then, &as) < 0)
        return -1;
    item->then = as.cast;
    return 0;
}

static int parse_item(struct nilo__parse *x, struct nilo__text whole)
{
    struct nilo__text t = whole, alias = {0}, name;
    if (t.len == 0)
        return nilo__fail(x, "select parameter", whole, "a column is expected");
    if (is(t, "*"))
        return select_all(x);
    const char *colon = alias_end(t);
    if (colon) {
        alias = trim(t.p, colon);
        if (alias.len >= 2 && alias.p[0] == '"' && alias.p[alias.len - 1] == '"')
            alias = (struct nilo__text){alias.p + 1, alias.len - 2};
        t = trim(colon + 1, t.p + t.len);
        if (alias.len == 0)
            return nilo__fail(x, "select parameter", whole, "the name before : is empty");
    }
    struct nilo__text column = t, then = {0};
    struct nilo__item made = {0};
    int folds = nilo__parse_aggregate(x, t, &made, &column, &then);
    if (folds < 0)
        return -1;
    if (!folds && memchr(t.p, '(', t.len) && t.p[0] != '"')
        return nilo__fail(x, "select parameter", whole, "embedded relations are not supported");
    struct nilo__item *item = new_item(x);
    if (!item)
        return -1;
    *item = made;
    x->q->folded |= folds;
    name = (struct nilo__text){made.name, made.name ? strlen(made.name) : 0};
    if ((column.len || made.aggregate != NILO__COUNT) && parse_column(x, column, whole, item, folds ? NULL : &name) < 0)
        return -1;
    if (then.len && parse_fold_cast(x, then, item) < 0)
        return -1;
    struct nilo__text shown = alias.len ? alias : !folds && item->path.n ? item->path.step[item->path.n - 1] : name;
    item->name = nilo_arena_strndup(&x->q->arena, shown.p, shown.len);
    return item->name ? 0 : nilo_err_nomem(x->err);
}

static int parse_select(struct nilo__parse *x, struct nilo__text value)
{
    x->q->n_items = 0;
    for (const char *at = value.p, *end = value.p + value.len;; at++) {
        const char *to = item_end(at, end);
        if (parse_item(x, trim(at, to)) < 0)
            return -1;
        if (to == end)
            return 0;
        at = to;
    }
}

static bool same_item(const struct nilo__item *a, const struct nilo__item *b)
{
    if (a->column != b->column || a->aggregate != b->aggregate || a->then != b->then || a->cast != b->cast || a->path.n != b->path.n || (a->path.n > 0 && a->path.text != b->path.text))
        return false;
    for (int i = 0; i < a->path.n; i++) {
        if (a->path.step[i].len != b->path.step[i].len || memcmp(a->path.step[i].p, b->path.step[i].p, a->path.step[i].len) != 0)
            return false;
    }
    return true;
}

/* A name stands once in a row. The same column asked for again ("*,views") is given once; two things of one name are refused. */
static int unique_names(struct nilo__parse *x)
{
    struct nilo_query *q = x->q;
    size_t n = 0;
    for (size_t i = 0; i < q->n_items; i++) {
        size_t k = 0;
        while (k < n && strcmp(q->items[k].name, q->items[i].name) != 0)
            k++;
        if (k < n && !same_item(&q->items[k], &q->items[i]))
            return nilo_err_set(x->err, NILO_EPARSE, "two columns of this request are named \"%.100s\"; give one of them another name (name:column)", q->items[i].name);
        if (k == n)
            q->items[n++] = q->items[i];
        else
            q->items[k].all = q->items[k].all && q->items[i].all;
    }
    q->n_items = n;
    return 0;
}

static enum nilo_type out_type(const struct nilo__item *item)
{
    struct nilo_column column = {.type = item->column ? nilo__fold_type(item->aggregate, nilo__item_type(item)) : NILO_T_INT};
    const struct nilo__item as = {.column = &column, .cast = item->then};
    return item->aggregate ? nilo__item_type(&as) : nilo__item_type(item);
}

static int make_out(struct nilo__parse *x)
{
    struct nilo_query *q = x->q;
    if ((q->n_items == 0 && select_all(x) < 0) || unique_names(x) < 0)
        return -1;
    q->out = nilo_arena_array(&q->arena, q->n_items, sizeof *q->out);
    if (!q->out)
        return nilo_err_nomem(x->err);
    q->n_out = q->n_items;
    for (size_t i = 0; i < q->n_items; i++)
        q->out[i] = (struct nilo_out_column){q->items[i].name, out_type(&q->items[i]), q->items[i].all && q->items[i].column->metric};
    return nilo__check_folds(x);
}

/* ---- order, limit, offset -------------------------------------------------------------------------------------------------------- */

static int parse_order_item(struct nilo__parse *x, struct nilo__text t)
{
    struct nilo_query *q = x->q;
    struct nilo__text name, whole = t;
    struct nilo__path path;
    const char *at = t.p, *end = t.p + t.len;
    if (q->n_order >= NILO__ORDER_MAX)
        return nilo_err_set(x->err, NILO_EPARSE, "more than %d columns to order by", NILO__ORDER_MAX);
    if (!q->order && !(q->order = nilo_arena_array(&q->arena, NILO__ORDER_MAX, sizeof *q->order)))
        return nilo_err_nomem(x->err);
    struct nilo__order *o = &q->order[q->n_order];
    if (nilo__parse_column(x, &at, end, ".", &name, &path) < 0)
        return -1;
    if (name.len == 0)
        return nilo__fail(x, "order", whole, "a column is expected");
    o->column = nilo__column_find(q, name.p, name.len);
    if (!o->column)
        return nilo__no_column(q, name.p, name.len, x->notes, x->err);
    if (o->column->form == NILO_F_UUID)
        q->ordered_here = true;
    else if (o->column->type == NILO_T_JSON || o->column->type == NILO_T_UUID)
        return nilo_err_set(x->err, NILO_EPARSE, "rows cannot be ordered by %s.%s (%s)", nilo__name_of(q),
                            o->column->name, nilo_type_name(o->column->type));
    bool direction = false, nulls = false;
    while (at < end) {
        const char *from = ++at;
        while (at < end && *at != '.')
            at++;
        struct nilo__text word = trim(from, at);
        if (!direction && !nulls && (is(word, "asc") || is(word, "desc"))) {
            direction = true;
            o->desc = is(word, "desc");
        } else if (!nulls && (is(word, "nullsfirst") || is(word, "nullslast"))) {
            nulls = true;
            o->nulls_first = is(word, "nullsfirst");
        } else {
            return nilo__fail(x, "order", whole, "after the column .asc or .desc, then .nullsfirst or .nullslast");
        }
    }
    if (!nulls)
        o->nulls_first = o->desc; /* PostgreSQL: null is greater than all */
    q->n_order++;
    return 0;
}

static int parse_order(struct nilo__parse *x, struct nilo__text value)
{
    for (const char *at = value.p, *end = value.p + value.len;; at++) {
        const char *to = item_end(at, end);
        if (parse_order_item(x, trim(at, to)) < 0)
            return -1;
        if (to == end)
            return 0;
        at = to;
    }
}

static int parse_count(struct nilo__parse *x, const char *name, struct nilo__text value, bool *ret_negative,
                       int64_t *ret)
{
    const char *at = value.p;
    *ret_negative = value.len > 1 && *at == '-';
    size_t digits = strspn(at + *ret_negative, "0123456789");
    if (digits == 0 || digits + *ret_negative != value.len)
        return nilo_err_set(x->err, NILO_EPARSE,
                            "\"failed to parse %s parameter (%.*s)\" (line 1, column 1): a whole number is expected",
                            name, value.len > 100 ? 100 : (int)value.len, value.p);
    *ret = digits > 18 ? INT64_MAX : strtoll(at + *ret_negative, NULL, 10);
    return 0;
}

static int parse_limit(struct nilo__parse *x, struct nilo__text value)
{
    bool negative;
    if (parse_count(x, "limit", value, &negative, &x->q->limit) < 0)
        return -1;
    return negative ? nilo_err_set(x->err, NILO_ERANGE, "Requested range not satisfiable: the limit is negative") : 0;
}

static int parse_offset(struct nilo__parse *x, struct nilo__text value)
{
    bool negative;
    if (parse_count(x, "offset", value, &negative, &x->q->offset) < 0)
        return -1;
    if (negative) /* as PostgREST does */
        x->q->offset = 0;
    return 0;
}

static int parse_as_of(struct nilo__parse *x, struct nilo__text value)
{
    struct nilo_query *q = x->q;
    if (!q->relation || !q->relation->as_of)
        return nilo_err_set(
            x->err, NILO_EINVAL,
            "%s cannot be asked as of a time; " NILO__AS_OF_CAN,
            nilo__name_of(q));
    if (nilo_iso_parse(value.p, value.len, &q->as_of, x->err) < 0)
        return nilo_err_wrap(x->err, "as_of");
    q->has_as_of = true;
    return 0;
}

/* ---- the whole -------------------------------------------------------------------------------------------------------------------- */

static int parse_parameter(struct nilo__parse *x, struct nilo__text key, struct nilo__text value)
{
    if (is(key, "select"))
        return parse_select(x, value);
    if (is(key, "order"))
        return parse_order(x, value);
    if (is(key, "limit"))
        return parse_limit(x, value);
    if (is(key, "offset"))
        return parse_offset(x, value);
    if (is(key, "as_of"))
        return parse_as_of(x, value);
    if (is(key, "and") || is(key, "not.and"))
        return nilo__parse_tree(x, NILO__AND, key.len > 3, value);
    if (is(key, "or") || is(key, "not.or"))
        return nilo__parse_tree(x, NILO__OR, key.len > 2, value);
    if (is(key, "columns") || is(key, "on_conflict"))
        return 0; /* of writes: without meaning here */
    return nilo__parse_filter(x, key, value);
}

static int parse_query_string(struct nilo__parse *x, const char *at, const char *end)
{
    while (at < end) {
        const char *to = memchr(at, '&', (size_t)(end - at));
        if (!to)
            to = end;
        const char *equals = memchr(at, '=', (size_t)(to - at));
        struct nilo__text key, value = {"", 0};
        if (to > at) {
            if (decode(x, at, (size_t)((equals ? equals : to) - at), &key) < 0 ||
                (equals && decode(x, equals + 1, (size_t)(to - equals - 1), &value) < 0))
                return -1;
            if (key.len == 0)
                return nilo__fail(x, "filter", value, "a column is expected before =");
            if (parse_parameter(x, key, value) < 0)
                return -1;
        }
        at = to + 1;
    }
    return 0;
}

static void apply_range(struct nilo_query *q)
{
    const struct nilo_request *r = &q->request;
    if (r->range_first >= 0) {
        q->offset = r->range_first;
        q->limit =
            r->range_last >= r->range_first && r->range_last < INT64_MAX ? r->range_last - r->range_first + 1 : -1;
    }
    q->limited = r->max_rows > 0 && (q->limit < 0 || q->limit > r->max_rows);
    if (q->limited)
        q->limit = r->max_rows;
}

/* A table of a set is there where the set is published. */
static int find_view(struct nilo__parse *x, struct nilo_store *s, const char *name)
{
    const struct nilo_relation *r = nilo_compat_relation(name);
    bool bound = false;
    if (r && nilo_compat_find(s, r->view->set, &x->q->binding, &bound, x->err) < 0)
        return -1;
    x->q->relation = bound ? r : NULL;
    return 0;
}

static int parse_all(struct nilo__parse *x, struct nilo_store *s, const char *text, size_t len)
{
    struct nilo_query *q = x->q;
    struct nilo__text name;
    const char *mark = memchr(text, '?', len), *end = text + len;
    if (decode(x, text, (size_t)((mark ? mark : end) - text), &name) < 0)
        return -1;
    q->relation = nilo_relation_find(name.p);
    if (!q->relation && find_view(x, s, name.p) < 0)
        return -1;
    if (!q->relation)
        return no_relation(name, x->notes, x->err);
    q->filter = nilo_arena_alloc(&q->arena, sizeof *q->filter);
    if (!q->filter)
        return nilo_err_nomem(x->err);
    q->filter->kind = NILO__AND;
    if (nilo__columns_of(q, s, x->err) < 0 || (mark && parse_query_string(x, mark + 1, end) < 0) ||
        make_out(x) < 0)
        return -1;
    if (q->request.as_of && parse_as_of(x, (struct nilo__text){q->request.as_of, strlen(q->request.as_of)}) < 0)
        return -1;
    if (nilo__check_days(x) < 0)
        return -1;
    apply_range(q);
    q->request.as_of = NULL; /* the caller's text */
    return 0;
}

int nilo__parse_shape(struct nilo_query *q, const char *text, size_t len, struct nilo_notes *notes, struct nilo_err *err)
{
    struct nilo__parse x = {q, notes, err};
    q->filter = nilo_arena_alloc(&q->arena, sizeof *q->filter);
    if (!q->filter)
        return nilo_err_nomem(err);
    q->filter->kind = NILO__AND;
    q->limit = -1;
    if (parse_query_string(&x, text, text + len) < 0)
        return -1;
    apply_range(q);
    q->shaped = q->n_items || q->filter->first || q->n_order || q->limit >= 0 || q->offset > 0 || q->function->table;
    return q->shaped ? make_out(&x) : 0;
}

int nilo_query_parse(struct nilo_store *s, const char *text, size_t len, const struct nilo_request *request,
                     struct nilo_query **ret, struct nilo_notes *notes, struct nilo_err *err)
{
    if (notes)
        *notes = (struct nilo_notes){0};
    if (len > NILO__TEXT_MAX)
        return nilo_err_set(err, NILO_EPARSE, "the request is longer than %zu bytes", NILO__TEXT_MAX);
    struct nilo_query *q = calloc(1, sizeof *q);
    if (!q)
        return nilo_err_nomem(err);
    nilo_arena_init(&q->arena, (size_t)64 << 20);
    q->request = *request;
    q->limit = q->total = -1;
    struct nilo__parse x = {q, notes, err};
    if (parse_all(&x, s, text, len) < 0) {
        nilo_query_free(q);
        return -1;
    }
    *ret = q;
    return 0;
}

void nilo_query_free(struct nilo_query *q)
{
    if (!q)
        return;
    nilo_arena_done(&q->arena);
    free(q);
}

const struct nilo_relation *nilo_query_relation(const struct nilo_query *q)
{
    return q->relation;
}
const struct nilo_function *nilo_query_function(const struct nilo_query *q)
{
    return q->function;
}
void nilo_query_count(struct nilo_query *q, enum nilo_count count)
{
    q->request.count = count;
}
const char *nilo_query_note(const struct nilo_query *q)
{
    return q->note[0] != '\0' ? q->note : NULL;
}
int64_t nilo_query_total(const struct nilo_query *q)
{
    return q->total;
}
const struct nilo_out_column *nilo_query_columns(const struct nilo_query *q, size_t *ret_n)
{
    *ret_n = q->n_out;
    return q->out;
}
