/* Which days a filter asks for, and the rule of 365 days. */
#include <string.h>

#include "query/query_priv.h"

int nilo__check_range(nilo_day from, nilo_day to, bool any_range, const char *column, struct nilo_err *err)
{
    char a[NILO_DAY_TEXT], b[NILO_DAY_TEXT];
    nilo_day_format(from, a);
    nilo_day_format(to, b);
    if (from.n > to.n)
        return nilo_err_set(err, NILO_EINVAL, "the range of %s is reversed: it begins on %s and ends on %s", column, a,
                            b);
    if (to.n - from.n > 365 && !any_range)
        return nilo_err_set(err, NILO_EINVAL,
                            "the range of %s from %s to %s spans %d days; at most 365 are answered at once: ask for it "
                            "in parts, or name one bound only",
                            column, a, b, to.n - from.n);
    return 0;
}

/* What conditions that all have to hold say of the day, as named: a range that holds no day is not a reversed one. */
struct bounds {
    nilo_day from, to, on;
    int32_t after, before; /* 1: the day that is named is left out */
};

/* gt and lt leave out the day that they name; of a time, lt does where it is the day's first instant. */
static int32_t left_out(const struct nilo__node *n, enum nilo__op op, const struct nilo_iso *iso)
{
    bool days = n->column->type == NILO_T_DAY;
    if (op == NILO__GT)
        return days;
    return op == NILO__LT && (days || iso->us % NILO_US_DAY == 0);
}

static enum nilo__op opposite(enum nilo__op op)
{
    switch (op) {
    case NILO__GT: return NILO__LTE;
    case NILO__GTE: return NILO__LT;
    case NILO__LT: return NILO__GTE;
    case NILO__LTE: return NILO__GT;
    default: return NILO__NEQ;
    }
}

static void narrow_from(struct bounds *b, nilo_day day, int32_t out)
{
    if (nilo_day_is_none(b->from) || day.n + out > b->from.n + b->after) {
        b->from = day;
        b->after = out;
    }
}

static void narrow_to(struct bounds *b, nilo_day day, int32_t out)
{
    if (nilo_day_is_none(b->to) || day.n - out < b->to.n - b->before) {
        b->to = day;
        b->before = out;
    }
}

/* One condition on the day; not: its opposite holds. Of several values the widest is meant where any will do. */
static void narrow(struct bounds *b, const struct nilo__node *n, bool not)
{
    enum nilo__op op = not ? opposite(n->op) : n->op;
    bool any = not ? n->all : n->any, lower = op == NILO__GT || op == NILO__GTE, upper = op == NILO__LT || op == NILO__LTE;
    struct nilo_iso iso;
    struct bounds widest = {NILO_DAY_NONE, NILO_DAY_NONE, NILO_DAY_NONE, 0, 0};
    for (size_t i = 0; i < n->n_values; i++) {
        if (nilo_iso_parse(n->values[i].p, n->values[i].len, &iso, NULL) < 0)
            continue;
        struct bounds one = {NILO_DAY_NONE, NILO_DAY_NONE, NILO_DAY_NONE, 0, 0};
        if (lower)
            narrow_from(any ? &one : b, iso.day, left_out(n, op, &iso));
        if (upper)
            narrow_to(any ? &one : b, iso.day, left_out(n, op, &iso));
        if (op == NILO__EQ && n->n_values == 1)
            b->on = iso.day;
        if (any && lower && (nilo_day_is_none(widest.from) || one.from.n + one.after < widest.from.n + widest.after))
            widest = one;
        if (any && upper && (nilo_day_is_none(widest.to) || one.to.n - one.before > widest.to.n - widest.before))
            widest = one;
    }
    if (!nilo_day_is_none(widest.from))
        narrow_from(b, widest.from, widest.after);
    if (!nilo_day_is_none(widest.to))
        narrow_to(b, widest.to, widest.before);
}

static bool both(const struct bounds *b)
{
    return !nilo_day_is_none(b->from) && !nilo_day_is_none(b->to);
}

/* The days that are left between them. */
static struct bounds between(struct bounds b)
{
    if (both(&b) && b.from.n <= b.to.n && b.from.n + b.after > b.to.n - b.before)
        b.after = b.before = 0; /* between two days that follow each other */
    b.from.n += b.after;
    b.to.n -= b.before;
    b.after = b.before = 0;
    return b;
}

/* Under a not, and is or, and or is and. */
static bool is_all(const struct nilo__node *n, bool not)
{
    return (n->kind == NILO__AND) != not;
}

/* What the node adds to conditions that hold beside it: of the days, and of nested groups that all hold. */
static void gather(struct bounds *b, const struct nilo__node *n, bool not, const char *column)
{
    not = not != n->not;
    if (n->kind == NILO__COMPARE && n->path.n == 0 && strcmp(n->column->name, column) == 0)
        narrow(b, n, not);
    for (const struct nilo__node *c = n->first; c && n->kind != NILO__COMPARE && is_all(n, not); c = c->next)
        gather(b, c, not, column);
}

/* Each branch of an or stands for itself, within what holds beside it: it asks for a range where both bounds are named by then. */
static int check_branches(struct nilo__parse *p, struct bounds outer, const struct nilo__node *n, bool not, const char *column)
{
    not = not != n->not;
    if (n->kind == NILO__COMPARE)
        return 0;
    for (const struct nilo__node *c = n->first; c; c = c->next) {
        struct bounds b = outer;
        if (!is_all(n, not))
            gather(&b, c, not, column);
        struct bounds range = between(b);
        if (!is_all(n, not) && both(&range) && range.from.n <= range.to.n && nilo__check_range(range.from, range.to, p->q->request.any_range, column, p->err) < 0)
            return -1;
        if (check_branches(p, b, c, not, column) < 0)
            return -1;
    }
    return 0;
}

int nilo__check_days(struct nilo__parse *p)
{
    const char *column = p->q->relation->day;
    struct bounds b = {NILO_DAY_NONE, NILO_DAY_NONE, NILO_DAY_NONE, 0, 0};
    if (column)
        gather(&b, p->q->filter, false, column);
    struct bounds range = between(b);
    p->q->first_day = nilo_day_is_none(b.on) ? range.from : b.on;
    p->q->last_day = nilo_day_is_none(b.on) ? range.to : b.on;
    if (both(&range) && nilo__check_range(range.from, range.to, p->q->request.any_range, column, p->err) < 0)
        return -1;
    return column ? check_branches(p, b, p->q->filter, false, column) : 0;
}
