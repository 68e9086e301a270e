/* What a statement compares with :from and :to, read from its text. No parser: tokens, brackets and the words that end an operand. What is not
 * recognized is told as such, and never taken for something else. */
#include "connect/compared.h"

#include <string.h>
#include <strings.h>

/* ---- tokens -------------------------------------------------------------------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static const char *skip_comment(const char *p)
{
    const char *end = p[0] == '-' ? strchr(p, '\n') : strstr(p + 2, "*/");
    return end == NULL ? p + strlen(p) : p[0] == '-' ? end : end + 2;
}

static const char *quoted(const char *p, struct nilo__token *t)
{
    char end = *p == '[' ? ']' : *p;
    const char *q = p + 1;
    while (*q != '\0' && (*q != end || (end != ']' && q[1] == end)))
        q += *q == end ? 2 : 1;
    *t = (struct nilo__token){*p == '\'' ? NILO__TEXT : NILO__NAME, p + 1, (size_t)(q - p - 1)};
    return *q != '\0' ? q + 1 : q;
}

static const char *take(const char *p, struct nilo__token *t)
{
    const char *q = p + 1;
    if (*p == '\'' || *p == '"' || *p == '`' || *p == '[')
        return quoted(p, t);
    if (is_word(*p) || *p == '?')
        while (is_word(*q))
            q++;
    else if (strchr("<>=!|", *p) != NULL && *q != '\0' && strchr("=>|", *q) != NULL)
        q++;
    *t = (struct nilo__token){*p == '?' ? NILO__PARAM : *p >= '0' && *p <= '9' ? NILO__NUMBER : is_word(*p) ? NILO__WORD : NILO__SIGN, p, (size_t)(q - p)};
    return q;
}

int nilo__sql_tokens(const char *sql, struct nilo_arena *arena, struct nilo__tokens *ret, struct nilo_err *err)
{
    ret->n = 0;
    ret->t = nilo_arena_array(arena, strlen(sql) + 1, sizeof *ret->t);
    if (ret->t == NULL)
        return nilo_err_nomem(err);
    for (const char *p = sql; *p != '\0';) {
        if ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*'))
            p = skip_comment(p);
        else if (strchr(" \t\r\n\f", *p) != NULL)
            p++;
        else
            p = take(p, &ret->t[ret->n++]);
    }
    return 0;
}

/* Out of range: nothing. */
const struct nilo__token *nilo__token_at(const struct nilo__tokens *all, ptrdiff_t i)
{
    static const struct nilo__token none = {.kind = NILO__SIGN};
    return i >= 0 && (size_t)i < all->n ? &all->t[i] : &none;
}

bool nilo__token_is(const struct nilo__token *t, enum nilo__token_kind kind, const char *text)
{
    return t->kind == kind && t->n == strlen(text) && strncasecmp(t->p, text, t->n) == 0;
}

bool nilo__is_sign(const struct nilo__tokens *all, ptrdiff_t i, const char *text)
{
    return nilo__token_is(nilo__token_at(all, i), NILO__SIGN, text);
}

static bool is_comparison(const struct nilo__token *t)
{
    static const char *const signs[] = {"<", ">", "<=", ">=", "=", "==", "<>", "!="};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (nilo__token_is(t, NILO__SIGN, signs[i]))
            return true;
    return false;
}

/* A word that ends an operand on its left or right. */
static bool is_keyword(const struct nilo__token *t)
{
    static const char *const words[] = {"WHERE", "AND", "OR", "ON", "NOT", "WHEN", "HAVING", "SELECT", "BY", "THEN", "ELSE", "CASE", "BETWEEN", "GROUP", "ORDER",
                                        "LIMIT", "UNION", "EXCEPT", "INTERSECT", "END", "AS", "FROM", "JOIN", "LEFT", "INNER", "CROSS", "WINDOW", "DISTINCT", "ALL", "IN", "IS"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (nilo__token_is(t, NILO__WORD, words[i]))
            return true;
    return false;
}

static bool is_end(const struct nilo__tokens *all, ptrdiff_t i)
{
    return i < 0 || (size_t)i >= all->n || is_keyword(nilo__token_at(all, i)) || nilo__is_sign(all, i, "(") || nilo__is_sign(all, i, ")") || nilo__is_sign(all, i, ",");
}

bool nilo__is_name(const struct nilo__token *t)
{
    return t->kind == NILO__NAME || (t->kind == NILO__WORD && !is_keyword(t));
}

/* The bracket that belongs to the one at i. */
ptrdiff_t nilo__partner(const struct nilo__tokens *all, ptrdiff_t i)
{
    int step = nilo__is_sign(all, i, "(") ? 1 : -1, depth = 0;
    for (; i >= 0 && (size_t)i < all->n; i += step) {
        depth += nilo__is_sign(all, i, "(") ? step : nilo__is_sign(all, i, ")") ? -step : 0;
        if (depth == 0)
            return i;
    }
    return -1;
}

bool nilo__spells(const struct nilo__token *t, const char *name)
{
    return nilo__is_name(t) && t->n == strlen(name) && strncasecmp(t->p, name, t->n) == 0;
}

bool nilo__same_name(const struct nilo__token *a, const struct nilo__token *b)
{
    return nilo__is_name(a) && nilo__is_name(b) && a->n == b->n && strncasecmp(a->p, b->p, a->n) == 0;
}

ptrdiff_t nilo__enclosing(const struct nilo__tokens *all, ptrdiff_t i)
{
    for (i--; i >= 0; i--) {
        if (nilo__is_sign(all, i, ")"))
            i = nilo__partner(all, i);
        else if (nilo__is_sign(all, i, "("))
            return i;
    }
    return -1;
}

const struct nilo__token *nilo__call_of(const struct nilo__tokens *all, struct nilo__span span, struct nilo__span *ret)
{
    const struct nilo__token *function = nilo__token_at(all, span.from);
    if (!nilo__is_name(function) || !nilo__is_sign(all, span.from + 1, "(") || nilo__partner(all, span.from + 1) != span.to)
        return NULL;
    *ret = (struct nilo__span){span.from + 2, span.to - 1};
    return function;
}

bool nilo__next_argument(const struct nilo__tokens *all, struct nilo__span *left, struct nilo__span *ret)
{
    if (left->from > left->to)
        return false;
    ptrdiff_t i = left->from;
    while (i <= left->to && !nilo__is_sign(all, i, ",")) {
        ptrdiff_t end = nilo__is_sign(all, i, "(") ? nilo__partner(all, i) : i;
        i = (end < i ? i : end) + 1;
    }
    *ret = (struct nilo__span){left->from, i - 1};
    left->from = i + 1;
    return true;
}

/* ---- what is compared with what -------------------------------------------------------------------------------------------------------------------- */

static ptrdiff_t left_of(const struct nilo__tokens *all, ptrdiff_t last)
{
    ptrdiff_t i = last;
    while (!is_end(all, i) || nilo__is_sign(all, i, ")")) {
        ptrdiff_t begin = nilo__is_sign(all, i, ")") ? nilo__partner(all, i) : i;
        if (begin < 0)
            break;
        i = begin - 1;
    }
    return i + 1;
}

static ptrdiff_t right_of(const struct nilo__tokens *all, ptrdiff_t first)
{
    ptrdiff_t i = first;
    while (!is_end(all, i) || nilo__is_sign(all, i, "(")) {
        ptrdiff_t end = nilo__is_sign(all, i, "(") ? nilo__partner(all, i) : i;
        if (end < i)
            break;
        i = end + 1;
    }
    return i - 1;
}

static int64_t number_at(const struct nilo__tokens *all, ptrdiff_t i)
{
    const struct nilo__token *t = nilo__token_at(all, i);
    int64_t n = 0;
    for (size_t k = 0; k < t->n && t->n < 16; k++)
        n = t->p[k] >= '0' && t->p[k] <= '9' ? 10 * n + (t->p[k] - '0') : n;
    return n;
}

/* Brackets around it, and the 1000 * of 1000 * unixepoch(:from). */
static void widen(const struct nilo__tokens *all, struct nilo__span *side, int64_t *factor)
{
    *factor = 1;
    for (;;) {
        if (nilo__is_sign(all, side->from - 1, "(") && nilo__is_sign(all, side->to + 1, ")") && !nilo__is_name(nilo__token_at(all, side->from - 2))) {
            side->from--;
            side->to++;
        } else if (nilo__is_sign(all, side->from - 1, "*") && nilo__token_at(all, side->from - 2)->kind == NILO__NUMBER) {
            *factor *= number_at(all, side->from - 2);
            side->from -= 2;
        } else if (nilo__is_sign(all, side->to + 1, "*") && nilo__token_at(all, side->to + 2)->kind == NILO__NUMBER) {
            *factor *= number_at(all, side->to + 2);
            side->to += 2;
        } else {
            return;
        }
    }
}

/* x < here, here < x, x BETWEEN here AND ..., x BETWEEN ... AND here */
static bool find_other_side(const struct nilo__tokens *all, struct nilo__span side, struct nilo__span *ret)
{
    ptrdiff_t before = side.from - 1;
    if (nilo__token_is(nilo__token_at(all, before), NILO__WORD, "AND")) {
        ptrdiff_t low = left_of(all, before - 1);
        if (nilo__token_is(nilo__token_at(all, low - 1), NILO__WORD, "BETWEEN"))
            before = low - 1;
    }
    const struct nilo__token *sign = nilo__token_at(all, before);
    if (is_comparison(sign) || nilo__token_is(sign, NILO__WORD, "BETWEEN")) {
        ret->to = before - (nilo__token_is(nilo__token_at(all, before - 1), NILO__WORD, "NOT") ? 2 : 1);
        ret->from = left_of(all, ret->to);
    } else if (is_comparison(nilo__token_at(all, side.to + 1))) {
        ret->from = side.to + 2;
        ret->to = right_of(all, ret->from);
    } else {
        return false;
    }
    return ret->from <= ret->to;
}

static bool is_one_of(const struct nilo__token *t, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (nilo__spells(t, names[i]))
            return true;
    return false;
}

/* What a call has for arguments, as far as they matter: how many, and tokens that are one argument. */
struct call {
    const struct nilo__token *function;
    struct nilo__span arguments[4];
    size_t n; /* 4: four or more */
};

static bool is_text(const struct nilo__token *t, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (nilo__token_is(t, NILO__TEXT, texts[i]))
            return true;
    return false;
}

/* CAST(strftime('%s', :from) AS INTEGER): the text is made a number; *side grows. */
static bool is_cast_to_number(const struct nilo__tokens *all, struct nilo__span *side)
{
    ptrdiff_t end = side->to + 3;
    if (!nilo__is_sign(all, side->from - 1, "(") || !nilo__spells(nilo__token_at(all, side->from - 2), "CAST") || !nilo__is_sign(all, end, ")") ||
        !nilo__token_is(nilo__token_at(all, side->to + 1), NILO__WORD, "AS"))
        return false;
    static const char *const types[] = {"INTEGER", "INT", "BIGINT", "REAL", "NUMERIC"};
    if (!is_one_of(nilo__token_at(all, side->to + 2), types, sizeof types / sizeof types[0]))
        return false;
    *side = (struct nilo__span){side->from - 2, end};
    return true;
}

static enum nilo__use use_in_strftime(const struct nilo__tokens *all, const struct call *call, struct nilo__comparison *ret, struct nilo__span *side)
{
    static const char *const dates[] = {"%Y-%m-%d", "%F"}, *const blanks[] = {"%Y-%m-%d %H:%M:%S", "%F %T"}, *const seconds[] = {"%s"};
    const struct nilo__token *format = nilo__token_at(all, call->arguments[0].from);
    if (is_text(format, seconds, 1)) {
        ret->bound = NILO__BOUND_SECONDS;
        return is_cast_to_number(all, side) ? NILO__USE_COMPARED : NILO__USE_UNSEEN; /* a text, which no number is equal to */
    }
    if (is_text(format, dates, 2))
        return call->n == 2 ? NILO__USE_DATE : NILO__USE_FREE; /* a modifier may move it to another day on purpose */
    ret->bound = NILO__BOUND_BLANK;
    return is_text(format, blanks, 2) ? NILO__USE_COMPARED : NILO__USE_UNSEEN;
}

/* substr(:from, 1, 10) */
static bool is_date_of_text(const struct nilo__tokens *all, const struct call *call)
{
    bool substr = nilo__spells(call->function, "substr") || nilo__spells(call->function, "substring");
    return substr && call->n == 3 && call->arguments[1].from == call->arguments[1].to && number_at(all, call->arguments[1].from) == 1 &&
           call->arguments[2].from == call->arguments[2].to && number_at(all, call->arguments[2].from) == 10;
}

/* The call that has the placeholder as an argument of its own: whose result is compared, or is the same however the placeholder is spelled. */
static enum nilo__use use_in_call(const struct nilo__tokens *all, ptrdiff_t param, struct nilo__comparison *ret, struct nilo__span *side)
{
    ptrdiff_t open = nilo__enclosing(all, param), close = open >= 0 ? nilo__partner(all, open) : -1;
    struct call call = {.function = nilo__token_at(all, open - 1)};
    if (close < 0 || !nilo__is_name(call.function))
        return NILO__USE_UNSEEN;
    struct nilo__span left = {open + 1, close - 1};
    while (call.n < 4 && nilo__next_argument(all, &left, &call.arguments[call.n]))
        call.n++;
    *side = (struct nilo__span){open - 1, close};
    if (nilo__spells(call.function, "date"))
        return call.n == 1 ? NILO__USE_DATE : NILO__USE_FREE;
    if (is_date_of_text(all, &call))
        return NILO__USE_DATE;
    if (nilo__spells(call.function, "strftime"))
        return use_in_strftime(all, &call, ret, side);
    if (nilo__spells(call.function, "datetime"))
        ret->bound = NILO__BOUND_BLANK;
    else if (nilo__spells(call.function, "unixepoch"))
        ret->bound = NILO__BOUND_SECONDS;
    else if (nilo__spells(call.function, "julianday"))
        ret->bound = NILO__BOUND_JULIAN;
    else
        return NILO__USE_UNSEEN;
    return NILO__USE_COMPARED;
}

static bool is_sum_sign(const struct nilo__tokens *all, ptrdiff_t i)
{
    return nilo__is_sign(all, i, "+") || nilo__is_sign(all, i, "-");
}

/* julianday(:to) - julianday(:from): a length of time. */
static bool is_difference(const struct nilo__tokens *all, struct nilo__span side)
{
    ptrdiff_t open = nilo__is_sign(all, side.to + 1, "-") ? side.to + 3 : -1;
    if (nilo__is_sign(all, side.from - 1, "-") && nilo__is_sign(all, side.from - 2, ")"))
        open = nilo__partner(all, side.from - 2);
    return open >= 0 && nilo__is_sign(all, open, "(") && nilo__token_at(all, open + 1)->kind == NILO__PARAM;
}

/* unixepoch(:from) + 3600 */
static void add_number(const struct nilo__tokens *all, struct nilo__span *side)
{
    if (is_sum_sign(all, side->to + 1) && nilo__token_at(all, side->to + 2)->kind == NILO__NUMBER)
        side->to += 2;
}

/* Something is done to it before it is compared: || 'Z', + 0, COLLATE */
static bool goes_on(const struct nilo__tokens *all, ptrdiff_t i)
{
    const struct nilo__token *t = nilo__token_at(all, i);
    bool ends = i >= (ptrdiff_t)all->n || is_keyword(t) || is_comparison(t) || nilo__is_sign(all, i, ")") || nilo__is_sign(all, i, ",");
    return !ends;
}

enum nilo__use nilo__use_of(const struct nilo__tokens *all, ptrdiff_t param, struct nilo__comparison *ret)
{
    struct nilo__span side = {param, param};
    ret->bound = NILO__BOUND_SPELLED;
    widen(all, &side, &ret->factor);
    if (!find_other_side(all, side, &ret->with)) {
        if (nilo__token_is(nilo__token_at(all, side.to + 1), NILO__WORD, "IS"))
            return NILO__USE_FREE;
        enum nilo__use use = use_in_call(all, param, ret, &side);
        if (use != NILO__USE_COMPARED)
            return use;
        if (is_difference(all, side))
            return NILO__USE_FREE;
        widen(all, &side, &ret->factor);
        if (ret->bound != NILO__BOUND_BLANK)
            add_number(all, &side);
        if (!find_other_side(all, side, &ret->with))
            return NILO__USE_UNSEEN;
    }
    if (goes_on(all, side.to + 1) || (side.from > 0 && !is_end(all, side.from - 1) && !is_comparison(nilo__token_at(all, side.from - 1))))
        return NILO__USE_UNSEEN;
    bool both = ret->with.from == ret->with.to && nilo__token_at(all, ret->with.from)->kind == NILO__PARAM;
    return both ? NILO__USE_FREE : NILO__USE_COMPARED;
}

bool nilo__is_range(const struct nilo__token *t, const struct nilo_sql_shape *shape)
{
    int n = 0;
    for (size_t i = 1; t->kind == NILO__PARAM && i < t->n; i++)
        n = n * 10 + (t->p[i] - '0');
    return n > 0 && (n == shape->from || n == shape->to);
}

/* ---- where a name comes from ------------------------------------------------------------------------------------------------------------------------- */

static bool holds(const struct nilo__tokens *all, ptrdiff_t open, ptrdiff_t i)
{
    return open < i && i < nilo__partner(all, open);
}

/* A subquery that rows come from: FROM (SELECT ..., JOIN (SELECT ..., name AS (SELECT ... */
static bool is_source(const struct nilo__tokens *all, ptrdiff_t open)
{
    static const char *const before[] = {"FROM", "JOIN", "AS", "MATERIALIZED"}, *const first[] = {"SELECT", "WITH"};
    const struct nilo__token *sign = nilo__token_at(all, open - 1);
    bool is = false, begins = false;
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        is = is || nilo__token_is(sign, NILO__WORD, before[i]);
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        begins = begins || nilo__token_is(nilo__token_at(all, open + 1), NILO__WORD, first[i]);
    return nilo__is_sign(all, open, "(") && begins && (is || nilo__is_sign(all, open - 1, ","));
}

/* Of name AS (SELECT ...) and name(columns) AS (SELECT ...): the name's place, and that of the bracket of the columns (-1 none); false: no such. */
static bool is_with(const struct nilo__tokens *all, ptrdiff_t open, ptrdiff_t *name, ptrdiff_t *columns)
{
    ptrdiff_t i = open - 1;
    i -= nilo__token_is(nilo__token_at(all, i), NILO__WORD, "MATERIALIZED");
    i -= nilo__token_is(nilo__token_at(all, i), NILO__WORD, "NOT");
    if (!nilo__token_is(nilo__token_at(all, i), NILO__WORD, "AS"))
        return false;
    *columns = nilo__is_sign(all, i - 1, ")") ? nilo__partner(all, i - 1) : -1;
    *name = *columns >= 0 ? *columns - 1 : i - 1;
    return true;
}

/* Is the subquery called so, itself or where it is read from? */
static bool is_called(const struct nilo__tokens *all, ptrdiff_t open, const struct nilo__token *qualifier)
{
    ptrdiff_t name, columns;
    if (!is_with(all, open, &name, &columns)) {
        ptrdiff_t next = nilo__partner(all, open) + 1;
        return nilo__same_name(nilo__token_at(all, next + nilo__token_is(nilo__token_at(all, next), NILO__WORD, "AS")), qualifier);
    }
    const struct nilo__token *own = nilo__token_at(all, name);
    if (nilo__same_name(own, qualifier))
        return true;
    for (ptrdiff_t i = 0; (size_t)i < all->n; i++) {
        ptrdiff_t next = i + 1;
        if (i == name || !nilo__same_name(&all->t[i], own))
            continue;
        if (nilo__same_name(nilo__token_at(all, next + nilo__token_is(nilo__token_at(all, next), NILO__WORD, "AS")), qualifier))
            return true;
    }
    return false;
}

/* What the result column is called; *expression loses the name. NULL: has none of its own. */
static const struct nilo__token *name_of(const struct nilo__tokens *all, struct nilo__span *expression)
{
    const struct nilo__token *last = nilo__token_at(all, expression->to), *before = nilo__token_at(all, expression->to - 1);
    if (expression->from > expression->to || !(nilo__is_name(last) || last->kind == NILO__TEXT))
        return NULL;
    if (expression->from == expression->to || nilo__is_sign(all, expression->to - 1, "."))
        return last->kind == NILO__TEXT ? NULL : last;
    if (nilo__token_is(before, NILO__WORD, "AS"))
        expression->to -= 2;
    else if (nilo__is_name(before) || before->kind == NILO__TEXT || before->kind == NILO__NUMBER || nilo__is_sign(all, expression->to - 1, ")") ||
             nilo__token_is(before, NILO__WORD, "END"))
        expression->to--;
    else
        return NULL;
    return last;
}

static bool is_word_at(const struct nilo__tokens *all, ptrdiff_t i, const char *const *words, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (nilo__token_is(nilo__token_at(all, i), NILO__WORD, words[k]))
            return true;
    return false;
}

/* The first of these words between brackets, brackets in it left out; end when there is none. */
static ptrdiff_t find_word(const struct nilo__tokens *all, ptrdiff_t from, ptrdiff_t end, const char *const *words, size_t n)
{
    for (ptrdiff_t i = from; i < end; i++) {
        if (nilo__is_sign(all, i, "(")) {
            ptrdiff_t close = nilo__partner(all, i);
            i = close < i ? i : close;
        } else if (is_word_at(all, i, words, n)) {
            return i;
        }
    }
    return end;
}

struct part {
    int parts, named;
    bool stars;
};

/* Each of a subquery's SELECTs: what is called so in it. */
static int read_parts(const struct nilo__tokens *all, ptrdiff_t open, const struct nilo__token *name, nilo__source_fn *fn, void *ctx, struct part *ret)
{
    static const char *const select[] = {"SELECT"}, *const from[] = {"FROM", "UNION", "EXCEPT", "INTERSECT", "WHERE", "GROUP", "ORDER", "LIMIT"},
                      *const compound[] = {"UNION", "EXCEPT", "INTERSECT"};
    ptrdiff_t end = nilo__partner(all, open);
    *ret = (struct part){0, 0, false};
    for (ptrdiff_t at = open + 1; at < end;) {
        ptrdiff_t first = find_word(all, at, end, select, 1) + 1;
        if (first > end)
            break;
        struct nilo__span left = {first, find_word(all, first, end, from, sizeof from / sizeof from[0]) - 1}, one;
        first += nilo__token_is(nilo__token_at(all, first), NILO__WORD, "DISTINCT") || nilo__token_is(nilo__token_at(all, first), NILO__WORD, "ALL");
        left.from = first;
        ret->parts++;
        while (nilo__next_argument(all, &left, &one)) {
            struct nilo__span whole = one;
            ret->stars = ret->stars || nilo__is_sign(all, whole.to, "*");
            const struct nilo__token *called = name_of(all, &one);
            if (called == NULL || !(nilo__same_name(called, name) || (called->kind == NILO__TEXT && called->n == name->n && strncasecmp(called->p, name->p, name->n) == 0)))
                continue;
            ret->named++;
            if (fn(ctx, one) != 0)
                return -1;
        }
        at = find_word(all, left.from > first ? left.from - 1 : first, end, compound, sizeof compound / sizeof compound[0]) + 1;
    }
    return 0;
}

static bool lists(const struct nilo__tokens *all, ptrdiff_t columns, const struct nilo__token *name)
{
    for (ptrdiff_t i = columns + 1; columns >= 0 && i < nilo__partner(all, columns); i++)
        if (nilo__same_name(&all->t[i], name))
            return true;
    return false;
}

int nilo__origin_of(const struct nilo__tokens *all, ptrdiff_t at, nilo__source_fn *fn, void *ctx, enum nilo__origin *ret)
{
    const struct nilo__token *name = nilo__token_at(all, at), *qualifier = nilo__is_sign(all, at - 1, ".") ? nilo__token_at(all, at - 2) : NULL;
    *ret = NILO__ORIGIN_TABLE;
    for (ptrdiff_t open = 0; (size_t)open < all->n; open++) {
        ptrdiff_t with, columns = -1;
        struct part p;
        if (!is_source(all, open) || holds(all, open, at) || (qualifier != NULL && !is_called(all, open, qualifier)))
            continue;
        if (is_with(all, open, &with, &columns) && columns >= 0) {
            *ret = lists(all, columns, name) ? NILO__ORIGIN_UNKNOWN : *ret; /* by its place, not by its name */
            continue;
        }
        if (read_parts(all, open, name, fn, ctx, &p) != 0)
            return -1;
        if (p.parts > 1 && p.named < p.parts && (p.named > 0 || p.stars))
            *ret = NILO__ORIGIN_UNKNOWN;
        else if (p.named > 0 && *ret == NILO__ORIGIN_TABLE)
            *ret = NILO__ORIGIN_QUERY;
    }
    return 0;
}

/* A table in a subquery is not read by that name outside of it, unless all of its columns are handed on. */
static bool is_within_reach(const struct nilo__tokens *all, ptrdiff_t table, ptrdiff_t at)
{
    for (ptrdiff_t open = nilo__enclosing(all, table); open >= 0; open = nilo__enclosing(all, open)) {
        bool stars = false;
        if (holds(all, open, at))
            continue;
        for (ptrdiff_t i = open + 1; is_source(all, open) && i < nilo__partner(all, open); i++)
            stars = stars || (nilo__is_sign(all, i, "*") && (nilo__is_sign(all, i - 1, ",") || nilo__is_sign(all, i - 1, ".") || is_keyword(nilo__token_at(all, i - 1))));
        if (!stars)
            return false;
    }
    return true;
}

bool nilo__is_read(const struct nilo__tokens *all, const char *table, ptrdiff_t at)
{
    const struct nilo__token *qualifier = nilo__is_sign(all, at - 1, ".") ? nilo__token_at(all, at - 2) : NULL;
    for (size_t i = 0; i < all->n; i++) {
        ptrdiff_t next = (ptrdiff_t)i + 1;
        if (!nilo__spells(&all->t[i], table) || !is_within_reach(all, (ptrdiff_t)i, at))
            continue;
        if (nilo__token_is(nilo__token_at(all, next), NILO__WORD, "AS"))
            next++;
        if (qualifier == NULL || nilo__spells(qualifier, table) || nilo__same_name(nilo__token_at(all, next), qualifier))
            return true;
        /* through all columns of a subquery that is called so */
        ptrdiff_t open = nilo__enclosing(all, (ptrdiff_t)i);
        if (open >= 0 && !holds(all, open, at) && is_called(all, open, qualifier))
            return true;
    }
    return false;
}
