/* Totals as their changes by day: what one changed cell of an item adds to the sums of everyone it counts for, gathered in memory and written
 * in one go. */
#include <stdlib.h>

#include "store/rows/derive_priv.h"

/* ---- sums to be written ---------------------------------------------------------------------------------------------------- */

static uint64_t sum_hash(int32_t kind, int64_t id, int32_t win, int32_t metric, int32_t day)
{
    uint64_t h = (uint64_t)id * UINT64_C(0x9E3779B97F4A7C15);
    h ^= ((uint64_t)(uint32_t)day << 32) ^ ((uint64_t)(uint32_t)metric << 12) ^ ((uint64_t)(uint32_t)win << 2) ^ (uint64_t)(uint32_t)kind;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return h ^ (h >> 32);
}

static struct nilo__sum *sum_slot(struct nilo__sum *slots, size_t cap, int32_t kind, int64_t id, int32_t win, int32_t metric, int32_t day)
{
    size_t i = sum_hash(kind, id, win, metric, day) & (cap - 1);
    while (slots[i].used && !(slots[i].scope_kind == kind && slots[i].scope_id == id && slots[i].win == win &&
                              slots[i].metric == metric && slots[i].day == day))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static bool sums_grow(struct nilo__sums *t)
{
    size_t cap = t->cap ? 2 * t->cap : 1024;
    struct nilo__sum *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].used)
            *sum_slot(slots, cap, t->slots[i].scope_kind, t->slots[i].scope_id, t->slots[i].win, t->slots[i].metric, t->slots[i].day) =
                t->slots[i];
    free(t->slots);
    t->slots = slots;
    t->cap = cap;
    return true;
}

struct nilo__sum *nilo__sum_at(struct nilo__sums *t, int32_t kind, int64_t id, int32_t win, int32_t metric, int32_t day)
{
    if (2 * (t->n + 1) > t->cap && !sums_grow(t)) {
        t->failed = true;
        return NULL;
    }
    struct nilo__sum *x = sum_slot(t->slots, t->cap, kind, id, win, metric, day);
    if (!x->used) {
        *x = (struct nilo__sum){.scope_id = id, .scope_kind = kind, .win = win, .metric = metric, .day = day, .used = true};
        t->n++;
    }
    return x;
}

int nilo__sums_take_away(struct nilo__sums *t, const struct nilo__sums *left, struct nilo_err *err)
{
    for (size_t i = 0; i < left->cap; i++) {
        const struct nilo__sum *y = &left->slots[i];
        if (!y->used)
            continue;
        struct nilo__sum *x = nilo__sum_at(t, y->scope_kind, y->scope_id, y->win, y->metric, y->day);
        if (x == NULL)
            return nilo_err_nomem(err);
        x->hi -= y->hi;
        x->lo -= y->lo;
        x->known -= y->known;
        x->fresh -= y->fresh;
    }
    return 0;
}

static int sum_cmp(const void *a, const void *b)
{
    const struct nilo__sum *x = a, *y = b;
    if (x->scope_kind != y->scope_kind)
        return NILO__CMP(x->scope_kind, y->scope_kind);
    if (x->scope_id != y->scope_id)
        return NILO__CMP(x->scope_id, y->scope_id);
    if (x->win != y->win)
        return NILO__CMP(x->win, y->win);
    if (x->metric != y->metric)
        return NILO__CMP(x->metric, y->metric);
    return NILO__CMP(x->day, y->day);
}

static void sum_key_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct nilo__sum *x = (const struct nilo__sum *)ctx + i;
    p[0] = NILO_DBV_INT(x->scope_id % 1024);
    p[1] = NILO_DBV_INT(x->scope_kind);
    p[2] = NILO_DBV_INT(x->scope_id);
    p[3] = NILO_DBV_INT(x->win);
    p[4] = NILO_DBV_INT(x->metric);
    p[5] = NILO_DBV_INT(x->day);
}

static void sum_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct nilo__sum *x = (const struct nilo__sum *)ctx + i;
    sum_key_params(ctx, i, p);
    p[6] = NILO_DBV_INT(x->hi);
    p[7] = NILO_DBV_INT(x->lo);
    p[8] = NILO_DBV_INT(x->known);
    p[9] = NILO_DBV_INT(x->fresh);
}

static const struct nilo_db_field sum_fields[] = {
    {"bucket", "smallint"}, {"scope_kind", "smallint"}, {"scope_id", "bigint"}, {"win", "integer"},  {"metric_id", "integer"},
    {"day", "integer"},     {"hi", "bigint"},           {"lo", "bigint"},       {"known", "bigint"}, {"fresh", "bigint"},
};
static const struct nilo_db_insert add_sums = {
    .table = "total",
    .fields = sum_fields,
    .n_fields = 10,
    .conflict = "ON CONFLICT (bucket, scope_kind, scope_id, win, metric_id, day) DO UPDATE SET hi = total.hi + excluded.hi, "
                "lo = total.lo + excluded.lo, known = total.known + excluded.known, fresh = total.fresh + excluded.fresh",
};

int nilo__sums_write(struct nilo_store *s, struct nilo__sums *t, struct nilo_err *err)
{
    size_t n = 0, may_vanish = 0;
    struct nilo_db_stmt *stmt;
    if (t->failed)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].used && (t->slots[i].hi || t->slots[i].lo || t->slots[i].known || t->slots[i].fresh))
            t->slots[n++] = t->slots[i];
    if (n == 0)
        return 0;
    qsort(t->slots, n, sizeof *t->slots, sum_cmp);
    if (nilo_db_insert(s->db, &add_sums, n, sum_params, t->slots, err) < 0)
        return -1;
    /* a row of zeros is no row: rebuild would not make it */
    for (size_t i = 0; i < n; i++)
        if (t->slots[i].fresh <= 0)
            t->slots[may_vanish++] = t->slots[i];
    if (nilo_db_prepare(s->db,
                        "DELETE FROM total WHERE bucket = ?1 AND scope_kind = ?2 AND scope_id = ?3 AND win = ?4 AND metric_id = ?5 "
                        "AND day = ?6 AND hi = 0 AND lo = 0 AND known = 0 AND fresh = 0",
                        &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, may_vanish, 6, sum_key_params, NULL, t->slots, err);
}

/* ---- contributions ------------------------------------------------------------------------------------------------------------ */

/* The item's level moves by (hi, lo, known) on the days [from, until). */
void nilo__emit_level(struct nilo__sums *t, const struct nilo__scope_of *sc, int32_t win, int32_t metric, int32_t from, int32_t until, int64_t hi,
                       int64_t lo, int64_t known)
{
    if (!hi && !lo && !known)
        return;
    for (size_t i = 0; i < sc->n_days; i++) {
        int32_t a = from > sc->days[i].from ? from : sc->days[i].from;
        int32_t end = sc->days[i].to == NILO__INF ? NILO__INF : sc->days[i].to + 1;
        int32_t b = until < end ? until : end;
        if (a >= b)
            continue;
        struct nilo__sum *x = nilo__sum_at(t, sc->kind, sc->id, win, metric, a);
        if (!x)
            return;
        x->hi += hi;
        x->lo += lo;
        x->known += known;
        if (b == NILO__INF)
            continue;
        x = nilo__sum_at(t, sc->kind, sc->id, win, metric, b);
        if (!x)
            return;
        x->hi -= hi;
        x->lo -= lo;
        x->known -= known;
    }
}

void nilo__emit_day(struct nilo__sums *t, const struct nilo__scope_of *sc, int32_t win, int32_t metric, int32_t day, int64_t hi, int64_t lo,
                     int64_t fresh)
{
    if (!hi && !lo && !fresh)
        return;
    for (size_t i = 0; i < sc->n_days; i++) {
        if (day < sc->days[i].from || day > sc->days[i].to)
            continue;
        struct nilo__sum *x = nilo__sum_at(t, sc->kind, sc->id, win, metric, day);
        if (!x)
            return;
        x->hi += hi;
        x->lo += lo;
        x->fresh += fresh;
        return;
    }
}

static int64_t hi_of(struct nilo__known k) { return k.is ? nilo_split_hi(k.v) : 0; }
static int64_t lo_of(struct nilo__known k) { return k.is ? nilo_split_lo(k.v) : 0; }

/* One cell of the item changes from o to n on `day`; before is its newest known value earlier, next its next known day. */
void nilo__emit_cell(struct nilo__sums *t, const struct nilo__item *x, const struct nilo_metric *m, int32_t win, int32_t day, struct nilo__known o,
                      struct nilo__known n, struct nilo__known before, int32_t next)
{
    if (m->type != NILO_COUNT || x->kind == NILO_ACCOUNT || (x->kind == NILO_APP && m->builtin))
        return; /* averages and percentages do not add up; accounts are no items, and neither is an app that counts "views" of its own */
    struct nilo__known was = o.is ? o : before, is = n.is ? n : before;
    for (size_t i = 0; i < x->n_scopes; i++) {
        const struct nilo__scope_of *sc = &x->scopes[i];
        if (m->aggregation == NILO_LEVEL) {
            nilo__emit_level(t, sc, win, m->id, day, next, hi_of(is) - hi_of(was), lo_of(is) - lo_of(was), (int64_t)is.is - (int64_t)was.is);
            nilo__emit_day(t, sc, win, m->id, day, 0, 0, (int64_t)n.is - (int64_t)o.is);
        } else {
            nilo__emit_day(t, sc, win, m->id, day, hi_of(n) - hi_of(o), lo_of(n) - lo_of(o), (int64_t)n.is - (int64_t)o.is);
        }
    }
}
