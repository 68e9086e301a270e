/* From the parsed request to one SQL statement that both engines answer alike. Values of the request are bound, never pasted; numbers are
 * compared as the integers that are stored, texts bytewise. */
#include <inttypes.h>
#include <string.h>

#include "query/query_priv.h"

#define SQL_MOST   ((size_t)900 << 10) /* the driver takes a megabyte */
#define COUNT_MOST (INT64_MAX / 4)

struct build {
    const struct nilo_query *q;
    struct nilo_store *s;
    const struct nilo_scope *scope;
    struct nilo__statement *plan;
    struct nilo_buf where;
    bool postgres, nomem;
    bool *need; /* by column: in the result */
    bool *own;  /* by column: a metric that a filter or an order needs a column of */
    struct nilo_narrow narrow[64];
    size_t n_narrow;
    int connection; /* of a view: the parameter with its connection's name; 0 = any */
};

#define PUT(b, text) nilo_buf_adds(&(b)->where, text)
#define ADD(b, ...)  nilo_buf_addf(&(b)->where, __VA_ARGS__)

bool nilo__in_sql(const struct nilo__node *n)
{
    for (const struct nilo__node *c = n->first; c; c = c->next)
        if (!nilo__in_sql(c))
            return false;
    return n->kind != NILO__COMPARE || (n->path.n == 0 && n->column->form != NILO_F_UUID);
}

static size_t index_of(const struct build *b, const struct nilo_column *c)
{
    return (size_t)(c - b->q->columns);
}

static int add_param(struct build *b, struct nilo_db_value v)
{
    struct nilo__statement *p = b->plan;
    if (p->n_params == p->max_params) {
        int max = p->max_params ? 2 * p->max_params : 16;
        struct nilo_db_value *more = nilo_arena_array(p->arena, (size_t)max, sizeof *more);
        if (!more) {
            b->nomem = true;
            return 1;
        }
        if (p->n_params)
            memcpy(more, p->params, (size_t)p->n_params * sizeof *more);
        p->params = more;
        p->max_params = max;
    }
    p->params[p->n_params++] = v;
    return p->n_params;
}

static int add_text(struct build *b, struct nilo__text t)
{
    return add_param(b, nilo_dbv_textn(t.p, t.len));
}

/* ---- left sides ---------------------------------------------------------------------------------------------------------------- */

static void put_column(struct nilo_buf *to, const struct nilo_column *c)
{
    nilo_buf_addf(to, "t.\"%s\"", c->name);
}

/* Enumerations are stored as numbers, spoken and compared as words. */
static void put_enum(struct nilo_buf *to, const struct nilo_column *c)
{
    nilo_buf_addf(to, "CASE t.\"%s\"", c->name);
    for (int i = 0; i <= c->enum_max; i++)
        if (strcmp(c->enum_name(i), "?") != 0)
            nilo_buf_addf(to, " WHEN %d THEN '%s'", i, c->enum_name(i));
    nilo_buf_adds(to, " END");
}

static void put_text(struct nilo_buf *to, const struct nilo_column *c)
{
    if (c->form == NILO_F_ENUM)
        put_enum(to, c);
    else
        put_column(to, c);
}

/* "C" is PostgreSQL's name for the order of bytes, which is SQLite's own. */
static void put_ordered_text(const struct build *b, struct nilo_buf *to, const struct nilo_column *c)
{
    nilo_buf_addc(to, '(');
    put_text(to, c);
    nilo_buf_adds(to, b->postgres ? ") COLLATE \"C\"" : ")");
}

/* true, but null where the column is: NOT keeps it so */
static void put_constant(struct build *b, const struct nilo_column *c, bool value)
{
    PUT(b, "CASE WHEN ");
    put_text(&b->where, c);
    ADD(b, " IS NOT NULL THEN %s END", value ? "TRUE" : "FALSE");
}

/* ---- numbers -------------------------------------------------------------------------------------------------------------------- */

static const char *symbol(enum nilo__op op)
{
    static const char *const symbols[] = {"=", "<>", ">", ">=", "<", "<="};
    return symbols[op];
}

static void put_integer(struct build *b, const struct nilo_column *c, enum nilo__op op, int64_t v)
{
    if (c->form == NILO_F_SUM) {
        int hi = add_param(b, NILO_DBV_INT(nilo_split_hi(v))), lo = add_param(b, NILO_DBV_INT(nilo_split_lo(v)));
        ADD(b, "(t.\"%s\", t.\"%s.lo\") %s (CAST(?%d AS bigint), CAST(?%d AS bigint))", c->name, c->name, symbol(op),
            hi, lo);
        return;
    }
    put_column(&b->where, c);
    ADD(b, " %s CAST(?%d AS bigint)", symbol(op), add_param(b, NILO_DBV_INT(v)));
}

/* The literal lies below all that 64 bits hold (there the bound is INT64_MIN, which could also be just the floor). */
static bool below_all(struct nilo__text t, int scale)
{
    int64_t v;
    struct nilo_err why;
    return nilo_decimal_parse(t.p, t.len, scale, true, &v, &why) < 0 && why.code == NILO_EOVERFLOW;
}

static struct nilo__text trim(struct nilo__text t)
{
    while (t.len && (*t.p == ' ' || *t.p == '\t'))
        t.p++, t.len--;
    while (t.len && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
        t.len--;
    return t;
}

/* Against a stored integer of that scale: the literal's floor, and whether that is all of it. */
static void put_scaled(struct build *b, const struct nilo_column *c, enum nilo__op op, struct nilo__text literal,
                       int scale)
{
    int64_t floor;
    bool exact;
    literal = trim(literal);
    if (nilo_decimal_bound(literal.p, literal.len, scale, &floor, &exact, NULL) < 0) {
        b->nomem = true; /* was checked when it was parsed */
        return;
    }
    if (exact) {
        put_integer(b, c, op, floor);
    } else if (op == NILO__EQ || op == NILO__NEQ) {
        put_constant(b, c, op == NILO__NEQ);
    } else if (floor == INT64_MIN && below_all(literal, scale)) {
        put_constant(b, c, op == NILO__GT || op == NILO__GTE);
    } else { /* v > x: v > floor; v < x: v <= floor */
        put_integer(b, c, op == NILO__GT || op == NILO__GTE ? NILO__GT : NILO__LTE, floor);
    }
}

/* Rows of different scales: each scale that any metric has, a branch. */
static void put_by_scale(struct build *b, const struct nilo_column *c, enum nilo__op op, struct nilo__text literal)
{
    const struct nilo_catalog *catalog = nilo_store_catalog(b->s);
    bool used[NILO_SCALE_MAX + 1] = {false};
    for (size_t i = 0; i < catalog->n; i++)
        if (catalog->metrics[i].scale >= 0 && catalog->metrics[i].scale <= NILO_SCALE_MAX)
            used[catalog->metrics[i].scale] = true;
    PUT(b, "CASE t.\"scale\"");
    for (int scale = 0; scale <= NILO_SCALE_MAX; scale++) {
        if (!used[scale])
            continue;
        ADD(b, " WHEN %d THEN ", scale);
        put_scaled(b, c, op, literal, scale);
    }
    PUT(b, " ELSE FALSE END");
}

static void put_moment(struct build *b, const struct nilo_column *c, enum nilo__op op, struct nilo__text literal)
{
    struct nilo_iso iso;
    literal = trim(literal);
    if (nilo_iso_parse(literal.p, literal.len, &iso, NULL) < 0)
        b->nomem = true;
    else
        put_integer(b, c, op, c->type == NILO_T_DAY ? iso.day.n : iso.us);
}

/* ---- texts ---------------------------------------------------------------------------------------------------------------------- */

static void put_like(struct build *b, const struct nilo_column *c, struct nilo__text pattern, bool fold)
{
    char *p = nilo__like_sql(b->plan->arena, pattern, !b->postgres, fold);
    if (!p) {
        b->nomem = true;
        return;
    }
    PUT(b, fold ? "LOWER(" : "(");
    put_ordered_text(b, &b->where, c); /* the collation keeps LOWER to ASCII on PostgreSQL, as it is on SQLite */
    ADD(b, ") %s ?%d", b->postgres ? "LIKE" : "GLOB", add_param(b, NILO_DBV_TEXT(p)));
}

static void put_text_compare(struct build *b, const struct nilo_column *c, enum nilo__op op, struct nilo__text v)
{
    if (op == NILO__LIKE || op == NILO__ILIKE) {
        put_like(b, c, v, op == NILO__ILIKE);
        return;
    }
    if (op == NILO__EQ || op == NILO__NEQ)
        put_text(&b->where, c);
    else
        put_ordered_text(b, &b->where, c);
    ADD(b, " %s ?%d", symbol(op), add_text(b, v));
}

/* One of the owners: keys stand between two bytes 0x1f, which no key holds. */
static void put_owner(struct build *b, const struct nilo_column *c, enum nilo__op op, struct nilo__text v)
{
    char *marked = nilo_arena_alloc(b->plan->arena, v.len + 3);
    if (!marked) {
        b->nomem = true;
        return;
    }
    marked[0] = marked[v.len + 1] = '\x1f';
    memcpy(marked + 1, v.p, v.len);
    ADD(b, "replace(t.\"%s\", ?%d, '') %s t.\"%s\"", c->name, add_param(b, nilo_dbv_textn(marked, v.len + 2)),
        op == NILO__NEQ ? "=" : "<>", c->name);
}

/* ---- conditions ----------------------------------------------------------------------------------------------------------------- */

static void put_compare(struct build *b, const struct nilo_column *c, enum nilo__op op, struct nilo__text v)
{
    if (c->form == NILO_F_OWNERS)
        put_owner(b, c, op, v);
    else if (c->form == NILO_F_SCALED)
        put_by_scale(b, c, op, v);
    else if (c->type == NILO_T_TEXT)
        put_text_compare(b, c, op, v);
    else if (c->type == NILO_T_DAY || c->type == NILO_T_TIME)
        put_moment(b, c, op, v);
    else if (c->type == NILO_T_BOOL)
        put_integer(b, c, op, nilo__true_word(v));
    else
        put_scaled(b, c, op, v, c->type == NILO_T_INT ? 0 : c->scale);
}

static void put_is(struct build *b, const struct nilo_column *c, enum nilo__is is)
{
    bool never_null = c->form == NILO_F_OWNERS || c->form == NILO_F_ABSENCE || c->form == NILO_F_KNOWN ||
                      c->form == NILO_F_DAYS || c->form == NILO_F_WINDOWS;
    if (never_null) {
        PUT(b, is == NILO__IS_NOT_NULL ? "TRUE" : "FALSE");
        return;
    }
    if (is == NILO__IS_TRUE || is == NILO__IS_FALSE) {
        ADD(b, "COALESCE(t.\"%s\", 2) = %d", c->name, is == NILO__IS_TRUE);
        return;
    }
    put_text(&b->where, c);
    PUT(b, is == NILO__IS_NOT_NULL ? " IS NOT NULL" : " IS NULL");
}

/* A literal that no stored integer equals is in no list. */
static void put_in_numbers(struct build *b, const struct nilo__node *n)
{
    const struct nilo_column *c = n->column;
    int scale = c->type == NILO_T_DECIMAL ? c->scale : 0;
    size_t kept = 0;
    for (size_t i = 0; i < n->n_values; i++) {
        int64_t v = nilo__true_word(n->values[i]);
        bool exact = true;
        struct nilo__text t = trim(n->values[i]);
        if (c->type != NILO_T_BOOL)
            b->nomem |= nilo_decimal_bound(t.p, t.len, scale, &v, &exact, NULL) < 0;
        if (!exact)
            continue;
        if (kept == 0)
            put_column(&b->where, c);
        ADD(b, "%sCAST(?%d AS bigint)", kept ? "," : " IN (", add_param(b, NILO_DBV_INT(v)));
        kept++;
    }
    if (kept)
        PUT(b, ")");
    else
        put_constant(b, c, false);
}

/* in.(...) of plain values is one list; what has parts is a row of equalities. */
static void put_in(struct build *b, const struct nilo__node *n)
{
    const struct nilo_column *c = n->column;
    if (n->n_values == 0) {
        put_constant(b, c, false);
        return;
    }
    if (c->type == NILO_T_TEXT) {
        put_text(&b->where, c);
        PUT(b, " IN (");
        for (size_t i = 0; i < n->n_values; i++)
            ADD(b, "%s?%d", i ? "," : "", add_text(b, n->values[i]));
        PUT(b, ")");
        return;
    }
    if (c->type == NILO_T_DAY || c->type == NILO_T_TIME) {
        struct nilo_iso iso;
        put_column(&b->where, c);
        PUT(b, " IN (");
        for (size_t i = 0; i < n->n_values; i++) {
            struct nilo__text v = trim(n->values[i]);
            b->nomem |= nilo_iso_parse(v.p, v.len, &iso, NULL) < 0;
            ADD(b, "%sCAST(?%d AS bigint)", i ? "," : "",
                add_param(b, NILO_DBV_INT(c->type == NILO_T_DAY ? iso.day.n : iso.us)));
        }
        PUT(b, ")");
        return;
    }
    if (c->form == NILO_F_OWNERS || c->form == NILO_F_SCALED || c->form == NILO_F_SUM) {
        for (size_t i = 0; i < n->n_values; i++) {
            PUT(b, i ? " OR " : "");
            put_compare(b, c, NILO__EQ, n->values[i]);
        }
        return;
    }
    put_in_numbers(b, n);
}

static void put_condition(struct build *b, const struct nilo__node *n)
{
    if (n->column->form == NILO_F_METRIC || n->column->form == NILO_F_SUM)
        b->own[index_of(b, n->column)] = true;
    if (n->op == NILO__IS) {
        put_is(b, n->column, n->is);
    } else if (n->op == NILO__IN) {
        put_in(b, n);
    } else if (n->op == NILO__ISDISTINCT) {
        PUT(b, "NOT COALESCE(");
        put_compare(b, n->column, NILO__EQ, n->values[0]);
        PUT(b, ", FALSE)");
    } else if (n->n_values == 0) { /* op(any).{} */
        put_constant(b, n->column, n->all);
    } else {
        for (size_t i = 0; i < n->n_values; i++) {
            PUT(b, i == 0 ? "" : n->all ? " AND " : " OR ");
            put_compare(b, n->column, n->op, n->values[i]);
        }
    }
}

static void put_node(struct build *b, const struct nilo__node *n)
{
    PUT(b, n->not ? "NOT (" : "(");
    if (n->kind == NILO__COMPARE) {
        put_condition(b, n);
    } else {
        const char *between = "";
        for (const struct nilo__node *c = n->first; c; c = c->next) {
            PUT(b, between);
            put_node(b, c);
            between = n->kind == NILO__AND ? " AND " : " OR ";
        }
    }
    PUT(b, ")");
}

/* ---- what the store may know ahead ---------------------------------------------------------------------------------------------- */

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

/* A condition of the top level, compiled already: its values are the parameters from `first` on, one each. */
static void tell_node(struct build *b, const struct nilo__node *n, int first)
{
    static const char *const texts[] = {"workspace", "connection", "platform",        "external_id",
                                        "owner",     "metric",     "metric_category", NULL};
    static const char *const days[] = {"day", "metric_date", NULL};
    if (n->kind != NILO__COMPARE || n->not || n->n_values == 0 || b->n_narrow == sizeof b->narrow / sizeof b->narrow[0])
        return;
    bool equal = n->op == NILO__IN || (n->op == NILO__EQ && !n->all), many = n->n_values != 1;
    bool bound = n->op >= NILO__GT && n->op <= NILO__LTE && !many;
    const char *name = nilo__known_name(n->column);
    bool text = is_one_of(name, texts) && equal, day = is_one_of(name, days) && (equal || bound);
    bool window = strcmp(name, "window_days") == 0 && n->op == NILO__EQ && !many;
    if (!(text || day || window) || b->plan->n_params - first + 1 != (int)n->n_values)
        return;
    char op = equal ? '=' : n->op == NILO__GT || n->op == NILO__GTE ? '>' : '<';
    b->narrow[b->n_narrow++] =
        (struct nilo_narrow){.column = name, .op = op, .first_param = first, .n_params = (int)n->n_values};
}

/* ---- what the result needs ------------------------------------------------------------------------------------------------------- */

static void need_column(struct build *b, const struct nilo_column *c)
{
    b->need[index_of(b, c)] = true;
    if (c->form == NILO_F_UUID)
        for (const char *const *key = nilo__uuid_relation(b->q, c)->key; *key; key++)
            need_column(b, nilo__column_find(b->q, *key, strlen(*key)));
    if (c->form == NILO_F_KNOWN || (c->form == NILO_F_ABSENCE && b->q->relation->wide == NILO_WIDE_SUMS))
        for (size_t i = 0; i < b->q->n_columns; i++)
            b->need[i] |= b->q->columns[i].form == NILO_F_SUM;
}

static bool packed(const struct build *b, const struct nilo_column *c)
{
    return b->q->relation->wide == NILO_WIDE_VALUES && (c->form == NILO_F_METRIC || c->form == NILO_F_ABSENCE ||
                                                        c->form == NILO_F_DAYS || c->form == NILO_F_WINDOWS);
}

static bool made_here(const struct nilo_column *c)
{
    return c->form == NILO_F_UUID || c->form == NILO_F_KNOWN || c->form == NILO_F_ABSENCE || c->form == NILO_F_DAYS ||
           c->form == NILO_F_WINDOWS;
}

/* The select list; fills plan->at. */
static void put_list(struct build *b, struct nilo_buf *to)
{
    struct nilo__statement *p = b->plan;
    int n = 0;
    p->cells_at = p->scale_at = -1;
    for (size_t i = 0; i < b->q->n_columns; i++) {
        const struct nilo_column *c = &b->q->columns[i];
        p->at[i] = -1;
        if (!b->need[i])
            continue;
        if (packed(b, c)) {
            p->cells_at = 0;
            continue;
        }
        if (made_here(c))
            continue;
        nilo_buf_adds(to, n ? ", " : "");
        put_column(to, c);
        p->at[i] = n++;
        if (c->form == NILO_F_SUM) {
            nilo_buf_addf(to, ", t.\"%s.lo\", t.\"%s.known\"", c->name, c->name);
            n += 2;
        }
        if (c->flags & NILO_COL_POSTED) {
            nilo_buf_addf(to, ", t.\"%s.number\"", c->name);
            n++;
        }
        if (c->form == NILO_F_SCALED)
            p->scale_at = 0;
    }
    if (p->cells_at == 0) {
        nilo_buf_addf(to, "%st.\"cells\"", n ? ", " : "");
        p->cells_at = n++;
    }
    if (p->scale_at == 0) {
        nilo_buf_addf(to, "%st.\"scale\"", n ? ", " : "");
        p->scale_at = n++;
    }
    if (n == 0)
        nilo_buf_adds(to, "1");
}

/* ---- order ------------------------------------------------------------------------------------------------------------------------ */

static void put_direction(struct nilo_buf *to, const struct nilo__order *o)
{
    nilo_buf_adds(to, o->desc ? " DESC" : "");
    if (!(o->column->flags & NILO_COL_NOTNULL))
        nilo_buf_adds(to, o->nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

/* value / 10^scale as two integers in order: the whole part and the fraction in billionths. Both engines truncate. */
static void put_scaled_order(struct nilo_buf *to, const struct nilo__order *o)
{
    const char *name = o->column->name;
    for (int part = 0; part < 2; part++) {
        nilo_buf_addf(to, "%sCASE t.\"scale\"", part ? ", " : "");
        for (int scale = 0; scale <= NILO_SCALE_MAX; scale++)
            if (part == 0)
                nilo_buf_addf(to, " WHEN %d THEN t.\"%s\" / %" PRId64, scale, name, nilo_pow10(scale));
            else
                nilo_buf_addf(to, " WHEN %d THEN t.\"%s\" %% %" PRId64 " * %" PRId64, scale, name, nilo_pow10(scale),
                              nilo_pow10(NILO_SCALE_MAX - scale));
        nilo_buf_adds(to, " END");
        put_direction(to, o);
    }
}

static void put_order_by(struct build *b, struct nilo_buf *to, const struct nilo__order *o)
{
    const struct nilo_column *c = o->column;
    if (c->form == NILO_F_SCALED) {
        put_scaled_order(to, o);
        return;
    }
    if (c->type == NILO_T_TEXT)
        put_ordered_text(b, to, c);
    else
        put_column(to, c);
    put_direction(to, o);
    if (c->form == NILO_F_SUM) {
        nilo_buf_addf(to, ", t.\"%s.lo\"", c->name);
        put_direction(to, o);
    }
}

/* Where rows are ordered or cut, ties are broken by the row's key: pages do not overlap, and both engines agree. */
static void put_order(struct build *b, struct nilo_buf *to)
{
    const struct nilo_query *q = b->q;
    const char *between = " ORDER BY ";
    if (q->folded || (q->n_order == 0 && q->limit < 0 && q->offset == 0))
        return;
    for (size_t i = 0; i < q->n_order && !q->ordered_here; i++, between = ", ") {
        nilo_buf_adds(to, between);
        put_order_by(b, to, &q->order[i]);
    }
    for (const char *const *key = q->relation->key; *key; key++) {
        struct nilo__order o = {.column = nilo__column_find(q, *key, strlen(*key))};
        bool there = false;
        for (size_t i = 0; i < q->n_order && !q->ordered_here; i++)
            there |= q->order[i].column == o.column;
        if (there)
            continue;
        nilo_buf_adds(to, between);
        if (o.column->form == NILO_F_ENUM)
            put_column(to, o.column);
        else
            put_order_by(b, to, &o);
        between = ", ";
    }
}

static void put_limit(struct build *b, struct nilo_buf *to)
{
    const struct nilo_query *q = b->q;
    int64_t limit = q->limit < 0 || q->limit > COUNT_MOST ? COUNT_MOST : q->limit,
            offset = q->offset > COUNT_MOST ? COUNT_MOST : q->offset;
    if (b->plan->post || q->folded || q->ordered_here || (q->limit < 0 && offset == 0))
        return;
    int at = add_param(b, NILO_DBV_INT(limit));
    nilo_buf_addf(to, " LIMIT CAST(?%d AS bigint)", at);
    b->plan->limit_at = b->plan->by_day ? at : 0;
    if (offset || b->plan->by_day) {
        at = add_param(b, NILO_DBV_INT(offset));
        nilo_buf_addf(to, " OFFSET CAST(?%d AS bigint)", at);
    }
}

/* ---- the statement ----------------------------------------------------------------------------------------------------------------- */

/* Which metrics of the packed cells are asked for; all, where an object is made of them. */
static int cells_of(struct build *b, struct nilo_source_want *want, struct nilo_err *err)
{
    int32_t *ids = nilo_arena_array(b->plan->arena, b->q->n_columns + 1, sizeof *ids);
    size_t n = 0;
    if (!ids)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < b->q->n_columns; i++) {
        const struct nilo_column *c = &b->q->columns[i];
        if (!b->need[i] || !packed(b, c))
            continue;
        if (c->form != NILO_F_METRIC)
            return 0;
        ids[n++] = c->metric->id;
    }
    want->cells_of = ids;
    want->n_cells_of = n;
    return 0;
}

static int put_source(struct build *b, struct nilo_buf *to, nilo_us as_of, bool count, struct nilo_err *err)
{
    const struct nilo_query *q = b->q;
    bool sums = q->relation->wide == NILO_WIDE_SUMS;
    struct nilo_source_want want = {
        .as_of = as_of, .left = q->request.left, .narrow = b->narrow, .n_narrow = b->n_narrow, .cells = !count && b->plan->cells_at >= 0};
    want.metrics = nilo_arena_array(b->plan->arena, q->n_columns + 1, sizeof *want.metrics);
    if (!want.metrics)
        return nilo_err_nomem(err);
    if (want.cells && cells_of(b, &want, err) < 0)
        return -1;
    for (size_t i = 0; i < q->n_columns; i++) {
        const struct nilo_column *c = &q->columns[i];
        bool read = b->need[i] && !count;
        if (c->metric && (b->own[i] || (sums && read)))
            want.metrics[want.n_metrics++] = c->metric;
        if (c->form == NILO_F_OWNERS)
            want.owner = read || b->own[i];
        if ((read || b->own[i]) && strstr(c->sql ? c->sql : c->name, "created_at"))
            want.created = true;
        if (strcmp(c->name, "title") == 0 || strcmp(c->name, "posted_at") == 0)
            want.title |= read || b->own[i];
        if (sums && strcmp(c->name, "avg_engagement_rate") == 0)
            want.rate = read || b->own[i];
    }
    if (q->relation->view)
        return nilo__view_sql(q, b->s, b->scope, &want, b->connection, b->plan->arena, to, err);
    if (want.n_metrics > NILO__SUMS_MAX)
        return nilo_err_set(err, NILO_EINVAL, "more than %d metrics at once; name those that are needed in select",
                            NILO__SUMS_MAX);
    return nilo_store_source(b->s, b->scope, q->relation->name, &want, to, err);
}

static void mark_own(struct build *b, const struct nilo__node *n)
{
    if (n->kind == NILO__COMPARE)
        b->own[index_of(b, n->column)] = true;
    for (const struct nilo__node *c = n->first; c; c = c->next)
        mark_own(b, c);
}

/* The columns of a condition that is decided row by row. */
static void need_node(struct build *b, const struct nilo__node *n)
{
    b->plan->post = true;
    if (n->kind == NILO__COMPARE)
        need_column(b, n->column);
    for (const struct nilo__node *c = n->first; c; c = c->next)
        need_node(b, c);
}

/* Which metric a value is of says in which currency it is. */
static void need_currency(struct build *b)
{
    static const char *const columns[] = {"metric", "metric_category", "metric_type"};
    bool scaled = false;
    for (size_t i = 0; i < b->q->n_items; i++)
        scaled |= b->q->items[i].aggregate > NILO__COUNT && b->q->items[i].column->form == NILO_F_SCALED;
    for (size_t i = 0; scaled && i < sizeof columns / sizeof columns[0]; i++) {
        const struct nilo_column *c = nilo__column_find(b->q, columns[i], strlen(columns[i]));
        if (c)
            need_column(b, c);
    }
}

static void gather(struct build *b)
{
    const struct nilo_query *q = b->q;
    for (size_t i = 0; i < q->n_items; i++)
        if (q->items[i].column)
            need_column(b, q->items[i].column);
    need_currency(b);
    for (const struct nilo__node *n = q->filter->first; n; n = n->next)
        if (!nilo__in_sql(n))
            need_node(b, n);
    mark_own(b, q->filter);
    for (size_t i = 0; i < q->n_order; i++)
        if (q->ordered_here)
            need_column(b, q->order[i].column);
        else
            b->own[index_of(b, q->order[i].column)] = true;
    PUT(b, "TRUE");
    if (q->relation->view && q->relation->view->of_connection && q->binding.connection[0]) {
        b->connection = add_param(b, NILO_DBV_TEXT(q->binding.connection));
        b->narrow[b->n_narrow++] = (struct nilo_narrow){.column = "connection", .op = '=', .first_param = b->connection, .n_params = 1};
    }
    for (const struct nilo__node *n = q->filter->first; n; n = n->next) {
        int before = b->plan->n_params;
        if (!nilo__in_sql(n))
            continue;
        PUT(b, " AND ");
        put_node(b, n);
        tell_node(b, n, before + 1);
    }
}

/* The days of a slice, bound anew for each. */
static void put_slice(struct build *b)
{
    struct nilo__statement *p = b->plan;
    const struct nilo_column *c = p->by_day = nilo__sliced_by(b->q, b->s);
    if (!c || b->n_narrow + 2 > sizeof b->narrow / sizeof b->narrow[0]) {
        p->by_day = NULL;
        return;
    }
    for (int i = 0; i < 2; i++) {
        int at = add_param(b, NILO_DBV_INT(i ? INT32_MAX : INT32_MIN));
        p->days_at = i ? p->days_at : at;
        ADD(b, " AND t.\"%s\" %s CAST(?%d AS bigint)", c->name, i ? "<=" : ">=", at);
        b->narrow[b->n_narrow++] = (struct nilo_narrow){.column = nilo__known_name(c), .op = i ? '<' : '>', .first_param = at, .n_params = 1};
    }
}

static int put_days(struct build *b, nilo_us as_of, struct nilo_err *err)
{
    struct nilo__statement *p = b->plan;
    const char *name = p->by_day->name;
    nilo_buf_addf(&p->days_sql, "SELECT t.\"%s\", count(*) FROM ", name);
    if (put_source(b, &p->days_sql, as_of, true, err) < 0 || nilo__span_sql(b->q, b->s, b->scope, as_of, b->narrow, b->n_narrow, p, err) < 0)
        return -1;
    nilo_buf_addf(&p->days_sql, " t WHERE %s GROUP BY t.\"%s\" ORDER BY t.\"%s\"%s", nilo_buf_str(&b->where), name, name,
                  b->q->n_order && b->q->order[0].desc ? " DESC" : "");
    return p->days_sql.failed || p->span_sql.failed ? nilo_err_set(err, NILO_EINVAL, "the request is too large") : 0;
}

static int assemble(struct build *b, nilo_us as_of, struct nilo_err *err)
{
    struct nilo__statement *p = b->plan;
    gather(b);
    put_slice(b);
    nilo_buf_adds(&p->sql, "SELECT ");
    put_list(b, &p->sql);
    nilo_buf_adds(&p->sql, " FROM ");
    nilo_buf_adds(&p->count_sql, "SELECT count(*) FROM ");
    if (put_source(b, &p->sql, as_of, false, err) < 0 || put_source(b, &p->count_sql, as_of, true, err) < 0)
        return -1;
    nilo_buf_addf(&p->sql, " t WHERE %s", nilo_buf_str(&b->where));
    nilo_buf_addf(&p->count_sql, " t WHERE %s", nilo_buf_str(&b->where));
    p->n_count_params = p->n_params;
    put_order(b, &p->sql);
    put_limit(b, &p->sql);
    if (p->by_day && put_days(b, as_of, err) < 0)
        return -1;
    if (b->nomem)
        return nilo_err_nomem(err);
    if (p->sql.failed || p->count_sql.failed || b->where.failed)
        return nilo_err_set(err, NILO_EINVAL, "the request is too large");
    return 0;
}

int nilo__statement_make(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope,
                         nilo_us as_of, struct nilo_arena *arena, struct nilo__statement *ret, struct nilo_err *err)
{
    *ret = (struct nilo__statement){.arena = arena};
    struct build b = {
        .q = q, .s = s, .scope = scope, .plan = ret, .postgres = nilo_db_engine(nilo_store_db(s)) == NILO_DB_POSTGRES};
    nilo_buf_init(&ret->sql, SQL_MOST);
    nilo_buf_init(&ret->count_sql, SQL_MOST);
    nilo_buf_init(&ret->days_sql, SQL_MOST);
    nilo_buf_init(&ret->span_sql, SQL_MOST);
    nilo_buf_init(&b.where, SQL_MOST);
    b.need = nilo_arena_array(arena, q->n_columns, sizeof *b.need);
    b.own = nilo_arena_array(arena, q->n_columns, sizeof *b.own);
    ret->at = nilo_arena_array(arena, q->n_columns, sizeof *ret->at);
    int rc = b.need && b.own && ret->at ? assemble(&b, as_of, err) : nilo_err_nomem(err);
    nilo_buf_done(&b.where);
    if (rc < 0)
        nilo__statement_done(ret);
    return rc;
}

void nilo__statement_done(struct nilo__statement *p)
{
    nilo_buf_done(&p->sql);
    nilo_buf_done(&p->count_sql);
    nilo_buf_done(&p->days_sql);
    nilo_buf_done(&p->span_sql);
}
