/* What to say beside an answer without rows: which days are recorded, and how those that are not could be filled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/functions.h"

struct recorded {
    nilo_day first, last;
};

static int take(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    struct recorded *r = ctx;
    (void)err;
    if (!nilo_db_column_null(row, 0)) {
        r->first = NILO_DAY((int32_t)nilo_db_column_int(row, 0));
        r->last = NILO_DAY((int32_t)nilo_db_column_int(row, 1));
    }
    return 0;
}

/* Is it days that the request is about? */
static bool about_days(const struct nilo_query *q, const struct nilo_call *c, nilo_day *ret_from, nilo_day *ret_to)
{
    *ret_from = q->first_day;
    *ret_to = q->last_day;
    if (q->relation)
        return q->relation->day != NULL;
    *ret_from = nilo_call_day(c, "from");
    *ret_to = nilo_call_day(c, "to");
    for (size_t i = 0; i < q->function->n_parameters; i++)
        if (strcmp(q->function->parameters[i].name, "metric") == 0 || strcmp(q->function->parameters[i].name, "from") == 0)
            return true;
    return false;
}

static void put_range(char *to, size_t size, nilo_day from, nilo_day until)
{
    char a[NILO_DAY_TEXT], b[NILO_DAY_TEXT];
    nilo_day_format(from, a);
    nilo_day_format(until, b);
    if (nilo_day_is_none(until))
        snprintf(to, size, "from %s on", a);
    else if (nilo_day_is_none(from))
        snprintf(to, size, "up to %s", b);
    else if (from.n == until.n)
        snprintf(to, size, "on %s", a);
    else
        snprintf(to, size, "from %s to %s", a, b);
}

int nilo_query_recorded(struct nilo_store *s, const struct nilo_scope *scope, nilo_day *ret_first, nilo_day *ret_last, struct nilo_err *err)
{
    struct nilo_call c = {.store = s, .scope = scope};
    struct recorded r = {NILO_DAY_NONE, NILO_DAY_NONE};
    if (nilo__rows(&c, "recorded_days", "t.\"first_day\", t.\"last_day\"", "", 0, NULL, take, &r, err) < 0)
        return -1;
    *ret_first = r.first;
    *ret_last = r.last;
    return 0;
}

static void window_of(struct nilo__text t, int32_t *ret)
{
    int64_t v;
    if (nilo_decimal_parse(t.p, t.len, 0, false, &v, NULL) == 0 && v >= 0 && v <= 36600)
        *ret = (int32_t)v;
}

void nilo_query_days(const struct nilo_query *q, nilo_day *ret_from, nilo_day *ret_to, int32_t *ret_win)
{
    *ret_from = q->first_day;
    *ret_to = q->last_day;
    *ret_win = q->relation && q->relation->view ? q->relation->view->win : 0;
    for (const struct nilo__node *n = q->filter ? q->filter->first : NULL; n; n = n->next)
        if (n->kind == NILO__COMPARE && !n->not && n->op == NILO__EQ && n->n_values == 1 && strcmp(n->column->name, "window_days") == 0)
            window_of(n->values[0], ret_win);
}

/* Days of the range were dropped: the last of them, and whose. false: none was. */
static int dropped_days(struct nilo_store *s, const struct nilo_scope *scope, nilo_day from, nilo_day to, bool *ret, struct nilo_drop_days *ret_days,
                        size_t *ret_n, struct nilo_err *err)
{
    struct nilo_drop_days *all;
    size_t n;
    *ret = false;
    *ret_n = 0;
    if (nilo_store_dropped(s, scope, NILO_TOTAL_WORKSPACE, 0, &all, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        bool in = (nilo_day_is_none(from) || from.n <= all[i].until.n) && (nilo_day_is_none(to) || to.n >= all[i].from.n);
        *ret_n += in;
        if (in && (!*ret || all[i].until.n > ret_days->until.n))
            *ret_days = all[i];
        *ret = *ret || in;
    }
    free(all);
    return 0;
}

/* What was dropped comes back from nowhere: no advice but that. */
static void say_dropped(const struct nilo_drop_days *d, size_t n, nilo_day first, nilo_day last, struct nilo_notes *ret)
{
    char until[NILO_DAY_TEXT], a[NILO_DAY_TEXT], b[NILO_DAY_TEXT];
    nilo_day_format(d->until, until);
    nilo_day_format(first, a);
    nilo_day_format(last, b);
    snprintf(ret->details, sizeof ret->details, "days up to %s of %s were dropped; nothing is recorded there any more%s%s%s%s", until,
             n == 1 ? "a connection" : "several connections", nilo_day_is_none(first) ? "" : ". The record holds days from ",
             nilo_day_is_none(first) ? "" : a, nilo_day_is_none(first) ? "" : " to ", nilo_day_is_none(first) ? "" : b);
    snprintf(ret->hint, sizeof ret->hint, "nilometer get drops says which days, by whom and when; they take no value any more");
}

int nilo_query_nothing(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, struct nilo_notes *ret,
                       struct nilo_err *err)
{
    struct nilo_call c = {.q = (struct nilo_query *)(uintptr_t)q, .store = s, .scope = scope};
    struct recorded r;
    nilo_day from, to;
    char asked[64], first[NILO_DAY_TEXT], last[NILO_DAY_TEXT], a[NILO_DAY_TEXT], b[NILO_DAY_TEXT];
    *ret = (struct nilo_notes){0};
    if (!about_days(q, &c, &from, &to))
        return 0;
    struct nilo_drop_days gone = {.until = NILO_DAY_NONE};
    bool dropped = false;
    size_t n = 0;
    if (nilo_query_recorded(s, scope, &r.first, &r.last, err) < 0 || dropped_days(s, scope, from, to, &dropped, &gone, &n, err) < 0)
        return -1;
    if (dropped && (nilo_day_is_none(r.first) || (!nilo_day_is_none(to) && to.n <= gone.until.n))) {
        say_dropped(&gone, n, r.first, r.last, ret);
        return 0;
    }
    if (nilo_day_is_none(r.first)) {
        snprintf(ret->details, sizeof ret->details, "nothing is recorded yet");
        snprintf(ret->hint, sizeof ret->hint,
                 "nilometer collect reads the sources, nilometer backfill --from DAY past days of SQL sources, nilometer import files");
        return 0;
    }
    nilo_day_format(r.first, first);
    nilo_day_format(r.last, last);
    bool open = nilo_day_is_none(from) && nilo_day_is_none(to);
    bool before = !nilo_day_is_none(to) && to.n < r.first.n, behind = !nilo_day_is_none(from) && from.n > r.last.n;
    put_range(asked, sizeof asked, from, to);
    snprintf(ret->details, sizeof ret->details, "%s%s%s; the record holds days from %s to %s",
             before || behind ? "nothing is recorded" : "no row fits", open ? "" : " ", open ? "" : asked, first, last);
    nilo_day_format(nilo_day_is_none(from) ? to : from, a);
    nilo_day_format(to, b);
    if (before)
        snprintf(ret->hint, sizeof ret->hint, "nilometer backfill --from %s --to %s fills these days from SQL sources, nilometer import from files",
                 a, b);
    else if (behind)
        snprintf(ret->hint, sizeof ret->hint, "nilometer collect reads what the sources hold now");
    return 0;
}
