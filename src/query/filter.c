/* Conditions: their grammar, and whether their values fit the column. */
#include <ctype.h>
#include <string.h>

#include "query/query_priv.h"

static const struct {
    const char *name;
    enum nilo__op op;
    bool quantified; /* takes (any) and (all) */
} ops[] = {
    {"eq", NILO__EQ, true},
    {"neq", NILO__NEQ, false},
    {"gt", NILO__GT, true},
    {"gte", NILO__GTE, true},
    {"lt", NILO__LT, true},
    {"lte", NILO__LTE, true},
    {"like", NILO__LIKE, true},
    {"ilike", NILO__ILIKE, true},
    {"in", NILO__IN, false},
    {"is", NILO__IS, false},
    {"isdistinct", NILO__ISDISTINCT, false},
};
/* PostgREST's that we do not have: told apart from slips of the pen. */
static const char *const other_ops[] = {"match", "imatch", "cs", "cd", "ov",  "fts", "plfts",
                                        "phfts", "wfts",   "sl", "sr", "nxr", "nxl", "adj"};

int nilo__fail(struct nilo__parse *p, const char *what, struct nilo__text text, const char *details)
{
    int len = text.len > 200 ? 200 : (int)text.len;
    if (p->notes && details)
        snprintf(p->notes->details, sizeof p->notes->details, "%s", details);
    return nilo_err_set(p->err, NILO_EPARSE, "\"failed to parse %s (%.*s)\" (line 1, column 1)%s%s", what, len, text.p,
                        details ? ": " : "", details ? details : "");
}

static bool starts(const char *at, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - at) >= n && memcmp(at, word, n) == 0;
}

/* ---- columns ------------------------------------------------------------------------------------------------------------------ */

static bool stops(const char *at, const char *end, const char *ends)
{
    return at == end || strchr(ends, *at) != NULL || starts(at, end, "->");
}

static struct nilo__text trimmed(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (struct nilo__text){from, (size_t)(to - from)};
}

static struct nilo__text read_name(const char **at, const char *end, const char *ends)
{
    const char *from = *at;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    const char *close = from < end && *from == '"' ? memchr(from + 1, '"', (size_t)(end - from - 1)) : NULL;
    if (close) {
        const char *after = close + 1;
        while (after < end && (*after == ' ' || *after == '\t'))
            after++;
        if (stops(after, end, ends)) {
            *at = after;
            return (struct nilo__text){from + 1, (size_t)(close - from - 1)};
        }
    }
    const char *to = from;
    while (!stops(to, end, ends))
        to++;
    *at = to;
    return trimmed(from, to);
}

int nilo__parse_column(struct nilo__parse *p, const char **at, const char *end, const char *ends,
                       struct nilo__text *ret_name, struct nilo__path *ret_path)
{
    const char *from = *at;
    *ret_path = (struct nilo__path){0};
    *ret_name = read_name(at, end, ends);
    while (starts(*at, end, "->")) {
        if (ret_path->text || ret_path->n == NILO__PATH_MAX)
            return nilo__fail(p, "JSON path", (struct nilo__text){from, (size_t)(end - from)},
                              ret_path->text ? "nothing follows after ->>" : "too many steps");
        *at += 2;
        if (*at < end && **at == '>') {
            ret_path->text = true;
            *at += 1;
        }
        struct nilo__text step = read_name(at, end, ends);
        if (step.len == 0)
            return nilo__fail(p, "JSON path", (struct nilo__text){from, (size_t)(end - from)}, "a step is empty");
        ret_path->step[ret_path->n++] = step;
    }
    return 0;
}

static int resolve(struct nilo__parse *p, struct nilo__node *n, struct nilo__text name)
{
    n->column = nilo__column_find(p->q, name.p, name.len);
    if (!n->column)
        return nilo__no_column(p->q, name.p, name.len, p->notes, p->err);
    if (n->path.n && n->column->type != NILO_T_JSON)
        return nilo_err_set(p->err, NILO_EPARSE, "column %s.%s is %s; only jsonb columns have keys",
                            nilo__name_of(p->q), n->column->name, nilo_type_name(n->column->type));
    return 0;
}

/* ---- nodes -------------------------------------------------------------------------------------------------------------------- */

static struct nilo__node *new_node(struct nilo__parse *p, enum nilo__node_kind kind)
{
    struct nilo__node *n = NULL;
    if (p->q->n_nodes >= NILO__NODES_MAX)
        nilo_err_set(p->err, NILO_EPARSE, "more than %d conditions in one request", NILO__NODES_MAX);
    else if (!(n = nilo_arena_alloc(&p->q->arena, sizeof *n)))
        nilo_err_nomem(p->err);
    p->q->n_nodes++;
    if (n)
        n->kind = kind;
    return n;
}

static void adopt(struct nilo__node *parent, struct nilo__node *child)
{
    struct nilo__node **at = &parent->first;
    while (*at)
        at = &(*at)->next;
    *at = child;
}

static int add_value(struct nilo__parse *p, struct nilo__node *n, const char *from, size_t len)
{
    if (p->q->n_values >= NILO__VALUES_MAX)
        return nilo_err_set(p->err, NILO_EPARSE, "more than %d values in one request", NILO__VALUES_MAX);
    if ((n->n_values & (n->n_values - 1)) == 0) { /* full: 0, 1, 2, 4, ... */
        struct nilo__text *more = nilo_arena_array(&p->q->arena, n->n_values ? 2 * n->n_values : 1, sizeof *more);
        if (!more)
            return nilo_err_nomem(p->err);
        if (n->n_values)
            memcpy(more, n->values, n->n_values * sizeof *more);
        n->values = more;
    }
    char *copy = nilo_arena_strndup(&p->q->arena, from, len);
    if (!copy)
        return nilo_err_nomem(p->err);
    n->values[n->n_values++] = (struct nilo__text){copy, len};
    p->q->n_values++;
    return 0;
}

/* ---- values ------------------------------------------------------------------------------------------------------------------- */

/* "..." with \" and \\, if it is one: the closing quote is followed by the end or one of `ends`. NULL: it is not. */
static const char *quoted_end(const char *at, const char *end, const char *ends)
{
    if (at == end || *at != '"')
        return NULL;
    for (const char *c = at + 1; c < end; c++) {
        if (*c == '\\' && c + 1 < end)
            c++;
        else if (*c == '"')
            return c + 1 == end || strchr(ends, c[1]) ? c : NULL;
    }
    return NULL;
}

static int add_quoted(struct nilo__parse *p, struct nilo__node *n, const char *from, const char *to)
{
    char *text = nilo_arena_alloc(&p->q->arena, (size_t)(to - from) + 1);
    size_t len = 0;
    if (!text)
        return nilo_err_nomem(p->err);
    for (; from < to; from++) {
        if (*from == '\\' && from + 1 < to)
            from++;
        text[len++] = *from;
    }
    return add_value(p, n, text, len);
}

/* Elements up to `close`; *at stands behind the opening bracket and moves behind the closing one. */
static int parse_list(struct nilo__parse *p, struct nilo__node *n, const char **at, const char *end, char close)
{
    const char ends[] = {',', close, '\0'};
    const char *from = *at;
    struct nilo__text whole = {from, (size_t)(end - from)};
    if (from < end && *from == close) {
        *at = from + 1;
        return 0;
    }
    for (;;) {
        const char *quote = quoted_end(from, end, ends), *to = from;
        if (quote) {
            if (add_quoted(p, n, from + 1, quote) < 0)
                return -1;
            to = quote + 1;
        } else {
            while (to < end && *to != ',' && *to != close)
                to++;
            if (to < end && add_value(p, n, from, (size_t)(to - from)) < 0)
                return -1;
        }
        if (to == end)
            return nilo__fail(p, "list", whole, "its closing bracket is missing");
        from = to + 1;
        if (*to == close)
            break;
    }
    *at = from;
    return 0;
}

static int parse_is(struct nilo__parse *p, struct nilo__node *n, const char *from, const char *to)
{
    static const char *const words[] = {"null", "not_null", "true", "false", "unknown"};
    struct nilo__text t = trimmed(from, to);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (t.len == strlen(words[i]) && strncasecmp(t.p, words[i], t.len) == 0) {
            n->is = (enum nilo__is)i;
            return 0;
        }
    return nilo__fail(p, "filter", t, "is takes null, not_null, true, false or unknown");
}

static int unknown_op(struct nilo__parse *p, const char *at, const char *end)
{
    struct nilo__text whole = {at, (size_t)(end - at)};
    size_t len = strcspn(at, ".(");
    if (len > whole.len)
        len = whole.len;
    for (size_t i = 0; i < sizeof other_ops / sizeof other_ops[0]; i++)
        if (strlen(other_ops[i]) == len && memcmp(other_ops[i], at, len) == 0)
            return nilo__fail(p, "filter", whole, "this operator is not supported");
    if (len == whole.len)
        return nilo__fail(p, "filter", whole, "an operator and a value are expected, for instance eq.5");
    struct nilo__near near = {.name = at, .len = len};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        nilo__near_try(&near, ops[i].name);
    if (near.best && p->notes)
        snprintf(p->notes->hint, sizeof p->notes->hint, "Perhaps you meant the operator %s", near.best);
    return nilo__fail(
        p, "filter", whole,
        "unknown operator; there are eq neq gt gte lt lte like ilike in is isdistinct, and not before them");
}

/* [not.]op[(any)|(all)]. ; *at moves behind the dot */
static int parse_op(struct nilo__parse *p, struct nilo__node *n, const char **at, const char *end)
{
    const char *from = *at, *c = from;
    if (starts(c, end, "not.")) {
        n->not = true;
        c += 4;
    }
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        size_t len = strlen(ops[i].name);
        if (!starts(c, end, ops[i].name))
            continue;
        const char *after = c + len;
        if (ops[i].quantified &&
            (n->any = starts(after, end, "(any)"), n->all = starts(after, end, "(all)"), n->any || n->all))
            after += 5;
        if (after == end || *after != '.')
            continue;
        n->op = ops[i].op;
        *at = after + 1;
        return 0;
    }
    return unknown_op(p, c, end);
}

/* What follows the operator. tree: inside of or=(...), where the value ends at , or ) */
static int parse_value(struct nilo__parse *p, struct nilo__node *n, const char **at, const char *end, bool tree)
{
    const char *from = *at;
    bool list = n->op == NILO__IN, braces = n->any || n->all;
    if (list || braces) {
        if (from == end || *from != (list ? '(' : '{'))
            return nilo__fail(p, "filter", (struct nilo__text){from, (size_t)(end - from)},
                              list ? "in takes a list in brackets: in.(a,b)"
                                   : "(any) and (all) take a list in braces: eq(any).{a,b}");
        *at = from + 1;
        return parse_list(p, n, at, end, list ? ')' : '}');
    }
    const char *to = end, *quote = tree ? quoted_end(from, end, ",)") : NULL;
    if (tree && !quote)
        for (to = from; to < end && *to != ',' && *to != ')';)
            to++;
    *at = quote ? quote + 1 : to;
    if (n->op == NILO__IS)
        return quote ? parse_is(p, n, from + 1, quote) : parse_is(p, n, from, to);
    return quote ? add_quoted(p, n, from + 1, quote) : add_value(p, n, from, (size_t)(to - from));
}

static int finish_node(struct nilo__parse *p, struct nilo__node *n)
{
    if (n->op == NILO__LIKE || n->op == NILO__ILIKE) /* * is % on the wire, because % needs encoding there */
        for (size_t i = 0; i < n->n_values; i++) {
            char *text = nilo_arena_strndup(&p->q->arena, n->values[i].p, n->values[i].len);
            if (!text)
                return nilo_err_nomem(p->err);
            for (char *c = text; (c = strchr(c, '*'));)
                *c = '%';
            n->values[i].p = text;
        }
    return nilo__check_node(p, n);
}

int nilo__parse_filter(struct nilo__parse *p, struct nilo__text key, struct nilo__text value)
{
    struct nilo__node *n = new_node(p, NILO__COMPARE);
    struct nilo__text name;
    const char *at = key.p, *end = key.p + key.len;
    if (!n || nilo__parse_column(p, &at, end, "", &name, &n->path) < 0 || resolve(p, n, name) < 0)
        return -1;
    at = value.p;
    end = value.p + value.len;
    if (parse_op(p, n, &at, end) < 0 || parse_value(p, n, &at, end, false) < 0)
        return -1;
    if (at != end)
        return nilo__fail(p, "filter", value, "something follows the closing bracket");
    if (finish_node(p, n) < 0)
        return -1;
    adopt(p->q->filter, n);
    return 0;
}

/* ---- and(), or() -------------------------------------------------------------------------------------------------------------- */

static int parse_group(struct nilo__parse *p, struct nilo__node *group, const char **at, const char *end, int depth);

static int parse_member(struct nilo__parse *p, struct nilo__node *parent, const char **at, const char *end, int depth)
{
    const char *c = *at, *inner = starts(c, end, "not.") ? c + 4 : c;
    bool is_and = starts(inner, end, "and("), is_or = starts(inner, end, "or(");
    struct nilo__node *n = new_node(p, is_and ? NILO__AND : is_or ? NILO__OR : NILO__COMPARE);
    if (!n)
        return -1;
    adopt(parent, n);
    if (is_and || is_or) {
        n->not = inner != c;
        *at = inner + (is_and ? 3 : 2);
        return parse_group(p, n, at, end, depth + 1);
    }
    struct nilo__text name;
    if (nilo__parse_column(p, at, end, ".,()", &name, &n->path) < 0)
        return -1;
    if (*at == end || **at != '.' || name.len == 0)
        return nilo__fail(p, "logic tree", (struct nilo__text){c, (size_t)(end - c)},
                          "column.operator.value is expected");
    ++*at;
    if (resolve(p, n, name) < 0 || parse_op(p, n, at, end) < 0 || parse_value(p, n, at, end, true) < 0)
        return -1;
    return finish_node(p, n);
}

static void skip_blanks(const char **at, const char *end)
{
    while (*at < end && (**at == ' ' || **at == '\t'))
        ++*at;
}

/* "(a,b)"; *at stands on the bracket */
static int parse_group(struct nilo__parse *p, struct nilo__node *group, const char **at, const char *end, int depth)
{
    struct nilo__text whole = {*at, (size_t)(end - *at)};
    if (depth > NILO__DEPTH_MAX)
        return nilo_err_set(p->err, NILO_EPARSE, "conditions are nested more than %d deep", NILO__DEPTH_MAX);
    if (*at == end || **at != '(')
        return nilo__fail(p, "logic tree", whole, "conditions in brackets are expected: (a.eq.1,b.gt.2)");
    do {
        ++*at;
        skip_blanks(at, end);
        if (parse_member(p, group, at, end, depth) < 0)
            return -1;
        skip_blanks(at, end);
    } while (*at < end && **at == ',');
    if (*at == end || **at != ')')
        return nilo__fail(p, "logic tree", whole, "its closing bracket is missing");
    ++*at;
    return 0;
}

int nilo__parse_tree(struct nilo__parse *p, enum nilo__node_kind kind, bool not, struct nilo__text value)
{
    struct nilo__node *n = new_node(p, kind);
    const char *at = value.p, *end = value.p + value.len;
    if (!n)
        return -1;
    n->not = not ;
    adopt(p->q->filter, n);
    if (parse_group(p, n, &at, end, 1) < 0)
        return -1;
    skip_blanks(&at, end);
    return at == end ? 0 : nilo__fail(p, "logic tree", value, "something follows the closing bracket");
}

/* ---- do the values fit? --------------------------------------------------------------------------------------------------------- */

static int bad_value(struct nilo__parse *p, enum nilo_code code, const char *type, struct nilo__text v)
{
    return nilo_err_set(p->err, code, "invalid input syntax for type %s: \"%.*s\"", type,
                        v.len > 200 ? 200 : (int)v.len, v.p);
}

static bool is_uuid(struct nilo__text v)
{
    size_t digits = 0;
    for (size_t i = 0; i < v.len; i++)
        if (isxdigit((unsigned char)v.p[i]))
            digits++;
        else if (v.p[i] != '-')
            return false;
    return digits == 32 && v.len <= 40;
}

static bool is_bool(struct nilo__text v)
{
    static const char *const words[] = {"true", "false", "t", "f", "1", "0", "yes", "no", "on", "off"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (v.len == strlen(words[i]) && strncasecmp(v.p, words[i], v.len) == 0)
            return true;
    return false;
}

static int check_time(struct nilo__parse *p, enum nilo_type type, struct nilo__text v)
{
    struct nilo_iso iso;
    struct nilo_err why;
    struct nilo__text t = trimmed(v.p, v.p + v.len);
    if (nilo_iso_parse(t.p, t.len, &iso, &why) == 0)
        return 0;
    if (why.code == NILO_EDATERANGE)
        return nilo_err_set(p->err, NILO_EDATERANGE, "date/time field value out of range: \"%.*s\"",
                            v.len > 100 ? 100 : (int)v.len, v.p);
    return bad_value(p, NILO_EDATE, nilo_type_name(type), v);
}

static int check_number(struct nilo__parse *p, const struct nilo_column *c, struct nilo__text v)
{
    int64_t floor;
    bool exact;
    struct nilo__text t = trimmed(v.p, v.p + v.len);
    if (nilo_decimal_bound(t.p, t.len, c->type == NILO_T_INT ? 0 : c->scale, &floor, &exact, NULL) < 0)
        return bad_value(p, NILO_ENUMBER, c->type == NILO_T_INT ? "bigint" : "numeric", v);
    if (c->form == NILO_F_SUM && !exact && (floor == INT64_MAX || floor == INT64_MIN))
        return nilo_err_set(p->err, NILO_EOVERFLOW, "value \"%.*s\" is out of range", v.len > 100 ? 100 : (int)v.len,
                            v.p);
    return 0;
}

static int check_value(struct nilo__parse *p, const struct nilo__node *n, struct nilo__text v)
{
    if (n->path.n || n->column->form == NILO_F_OWNERS)
        return 0;
    switch (n->column->type) {
    case NILO_T_INT:
    case NILO_T_DECIMAL:
        return check_number(p, n->column, v);
    case NILO_T_DAY:
    case NILO_T_TIME:
        return check_time(p, n->column->type, v);
    case NILO_T_BOOL:
        return is_bool(v) ? 0 : bad_value(p, NILO_ENUMBER, "boolean", v);
    case NILO_T_UUID:
        return is_uuid(v) ? 0 : bad_value(p, NILO_ENUMBER, "uuid", v);
    default:
        return 0;
    }
}

static bool op_fits(const struct nilo__node *n)
{
    bool text = n->path.n ? n->path.text : n->column->type == NILO_T_TEXT;
    bool equality = n->op == NILO__EQ || n->op == NILO__NEQ || n->op == NILO__IN;
    if (n->op == NILO__IS)
        return n->is <= NILO__IS_NOT_NULL || n->column->type == NILO_T_BOOL;
    if (n->op == NILO__LIKE || n->op == NILO__ILIKE)
        return text;
    if (n->path.n)
        return text;
    if (n->column->form == NILO_F_OWNERS)
        return equality;
    if (n->column->type == NILO_T_JSON)
        return false;
    return equality || n->op == NILO__ISDISTINCT ? true
                                                 : n->column->type != NILO_T_UUID && n->column->type != NILO_T_BOOL;
}

int nilo__check_node(struct nilo__parse *p, const struct nilo__node *n)
{
    if (!op_fits(n)) {
        const char *name = "";
        for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
            if (ops[i].op == n->op)
                name = ops[i].name;
        return nilo_err_set(p->err, NILO_EPARSE, "operator %s does not work on column %s.%s (%s)%s", name,
                            nilo__name_of(p->q), n->column->name, nilo_type_name(n->column->type),
                            n->column->type == NILO_T_JSON && n->column->form != NILO_F_OWNERS
                                ? "; compare a key as text: column->>key"
                                : "");
    }
    bool list = n->op == NILO__IN &&
                (n->column->form == NILO_F_PLAIN || n->column->form == NILO_F_ENUM || n->column->form == NILO_F_METRIC);
    if (!list && n->n_values > NILO__CHAIN_MAX)
        return nilo_err_set(p->err, NILO_EPARSE, "more than %d values of %s.%s in one condition", NILO__CHAIN_MAX,
                            nilo__name_of(p->q), n->column->name);
    for (size_t i = 0; i < n->n_values; i++) {
        if (check_value(p, n, n->values[i]) < 0)
            return -1;
        if ((n->op == NILO__LIKE || n->op == NILO__ILIKE) && !nilo__like_ok(n->values[i]))
            return nilo_err_set(p->err, NILO_EINVAL, "LIKE pattern must not end with escape character");
    }
    return 0;
}
