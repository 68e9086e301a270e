/* Sums over the shown values of items, where the totals that the store keeps do not tell: as of a moment, or by several conditions.
 *
 * A level of an item holds from the day on that it was read, and an owner's sum has it on the days on which the item is credited: so what was read before
 * a credit comes in on its first day, and goes out behind its last. An item counts from its first reading on, whichever metrics that told. */
#include <stdlib.h>
#include <string.h>

#include "query/series_priv.h"

struct value {
    nilo_day day;
    nilo_i128 value;
};

struct sums {
    struct nilo__series *x;
    const struct nilo_credit_days *credits; /* of the owner, by item; NULL: all days of all items count */
    size_t n_credits;
    /* the item at hand */
    bool any;
    struct nilo_entity_ref entity;
    struct value *values; /* its known ones, ascending days */
    size_t n_values, cap_values;
    bool counted; /* items: its first reading was seen */
};

static int entity_cmp(struct nilo_entity_ref a, struct nilo_entity_ref b)
{
    return a.bucket != b.bucket ? (a.bucket < b.bucket ? -1 : 1) : a.id != b.id ? (a.id < b.id ? -1 : 1) : 0;
}

/* The days on which the item at hand counts: of its credits the first, and how many. */
static const struct nilo_credit_days *credits_of(const struct sums *s, size_t *ret_n)
{
    static const struct nilo_credit_days always = {.from = INT32_MIN, .to = INT32_MAX};
    size_t low = 0, high = s->n_credits;
    *ret_n = 1;
    if (s->credits == NULL)
        return &always;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (entity_cmp(s->credits[mid].entity, s->entity) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (high = low; high < s->n_credits && entity_cmp(s->credits[high].entity, s->entity) == 0;)
        high++;
    *ret_n = high - low;
    return &s->credits[low];
}

/* ---- items ----------------------------------------------------------------------------------------------------------------------------- */

/* The item is there from that day on. */
static int count_item(struct sums *s, nilo_day since)
{
    size_t n;
    const struct nilo_credit_days *c = credits_of(s, &n);
    for (size_t i = 0; i < n; i++) {
        int32_t from = c[i].from > since.n ? c[i].from : since.n;
        if (from > c[i].to || from > s->x->to.n)
            continue;
        if (nilo__series_add(s->x, NILO_DAY(from), 0, 1, 0) < 0)
            return -1;
        if (c[i].to < s->x->to.n && nilo__series_add(s->x, NILO_DAY(c[i].to + 1), 0, -1, 0) < 0)
            return -1;
    }
    return 0;
}

static int item_row(void *ctx, const struct nilo_scan_row *row)
{
    struct sums *s = ctx;
    if (!s->any || entity_cmp(s->entity, row->entity) != 0) {
        s->any = true;
        s->entity = row->entity;
        s->counted = false;
    }
    if (s->counted || !nilo_absence_definitive(row->absence))
        return 0;
    s->counted = true;
    return count_item(s, row->day);
}

/* ---- values ---------------------------------------------------------------------------------------------------------------------------- */

/* What the item has on those days: a level changes with each value in them, and comes in with what it was before. */
static int add_level(struct sums *s, int32_t from, int32_t to)
{
    nilo_i128 level = 0;
    int64_t known = 0;
    for (size_t i = 0; i < s->n_values; i++) {
        const struct value *v = &s->values[i];
        bool last = i + 1 == s->n_values || s->values[i + 1].day.n > from;
        if (v->day.n > to || (v->day.n < from && !last))
            continue;
        if (nilo__series_add(s->x, NILO_DAY(v->day.n > from ? v->day.n : from), v->value - level, 0, 1 - known) < 0)
            return -1;
        level = v->value;
        known = 1;
    }
    return known && to < s->x->to.n ? nilo__series_add(s->x, NILO_DAY(to + 1), -level, 0, -1) : 0;
}

static int add_flow(struct sums *s, int32_t from, int32_t to)
{
    for (size_t i = 0; i < s->n_values; i++) {
        const struct value *v = &s->values[i];
        if (v->day.n >= from && v->day.n <= to && !nilo__series_is_before(s->x, v->day) && nilo__series_add(s->x, v->day, v->value, 0, 1) < 0)
            return -1;
    }
    return 0;
}

static int add_fresh(struct sums *s, int32_t from, int32_t to)
{
    for (size_t i = 0; i < s->n_values; i++) {
        const struct value *v = &s->values[i];
        if (v->day.n >= from && v->day.n <= to && nilo__series_fresh(s->x, v->day, 1) < 0)
            return -1;
    }
    return 0;
}

static int end_item(struct sums *s)
{
    size_t n;
    const struct nilo_credit_days *c = credits_of(s, &n);
    for (size_t i = 0; i < n && c[i].from <= s->x->to.n && s->n_values > 0; i++) {
        int rc = nilo__series_flow(s->x) ? add_flow(s, c[i].from, c[i].to) : add_level(s, c[i].from, c[i].to);
        if (rc < 0 || add_fresh(s, c[i].from, c[i].to) < 0)
            return -1;
    }
    s->n_values = 0;
    return 0;
}

static int keep(struct sums *s, nilo_day day, int64_t value)
{
    if (s->n_values == s->cap_values) {
        size_t cap = s->cap_values > 0 ? s->cap_values * 2 : 64;
        struct value *more = realloc(s->values, cap * sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(s->x->err);
        s->values = more;
        s->cap_values = cap;
    }
    s->values[s->n_values++] = (struct value){day, value};
    return 0;
}

static int value_row(void *ctx, const struct nilo_scan_row *row)
{
    struct sums *s = ctx;
    (void)nilo__series_mask(s->x, row->connection);
    if (!s->any || entity_cmp(s->entity, row->entity) != 0) {
        if (s->any && end_item(s) < 0)
            return -1;
        s->any = true;
        s->entity = row->entity;
    }
    return row->absence == NILO_PRESENT ? keep(s, row->day, row->value) : 0;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------------------------ */

static int load_credits(struct sums *s, int64_t owner)
{
    struct nilo_call *call = s->x->call;
    struct nilo_credit_days *days = NULL;
    s->n_credits = 0;
    if (owner == 0)
        return 0;
    if (nilo_store_credit_days(call->store, owner, s->x->as_of, &call->arena, &days, &s->n_credits, s->x->err) < 0)
        return -1;
    s->credits = days;
    return 0;
}

static int read_one(struct sums *s, const struct nilo_select *sel)
{
    struct nilo_call *call = s->x->call;
    struct nilo_select first = *sel;
    first.metric = 0;
    first.from = NILO_DAY_NONE;
    first.before = false;
    first.first = true;
    if (load_credits(s, sel->owner) < 0)
        return -1;
    if (sel->owner && s->n_credits == 0)
        return 0;
    if (s->x->as_of != NILO_US_NONE && nilo__series_mask_asked(s->x, sel) < 0)
        return -1;
    s->any = false;
    if (nilo_store_scan(call->store, call->scope, &first, item_row, s, s->x->err) != 0)
        return -1;
    s->any = false;
    if (nilo_store_scan(call->store, call->scope, sel, value_row, s, s->x->err) != 0)
        return -1;
    return s->any ? end_item(s) : 0;
}

int nilo__series_sums(struct nilo__series *x, struct nilo_select *sel, const char *owner, const char *connection)
{
    struct sums s = {.x = x};
    int64_t *own = NULL, *con = NULL;
    size_t n_own = 1, n_con = 1;
    if ((owner && nilo__named_owners(x->call, owner, &own, &n_own, x->err) < 0) ||
        (connection && nilo__named_connections(x->call, connection, NULL, &con, &n_con, x->err) < 0))
        return -1;
    sel->kind = NILO_CONTENT;
    sel->own = connection == NULL;
    sel->ever = owner != NULL;
    sel->from = x->base; /* what was before is folded into that day */
    sel->before = !nilo_day_is_none(x->base);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n_own; i++)
        for (size_t k = 0; rc == 0 && k < n_con; k++) {
            sel->owner = own ? own[i] : 0;
            sel->connection = con ? con[k] : 0;
            rc = read_one(&s, sel);
        }
    free(s.values);
    return rc;
}
