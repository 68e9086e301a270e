/* Duplicates within a run: readings of one entity, window and instant become one. */
#include <stdlib.h>
#include <string.h>

#include "record/record_priv.h"

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

static int series_cmp(const struct nilo__pending *a, const struct nilo__pending *b)
{
    if (a->r.kind != b->r.kind)
        return CMP(a->r.kind, b->r.kind);
    int c = strcmp(a->r.external_id, b->r.external_id);
    return c ? c : CMP(a->r.win, b->r.win);
}

static int instant_cmp(const struct nilo__pending *a, const struct nilo__pending *b)
{
    int c = series_cmp(a, b);
    return c ? c : CMP(a->captured_at, b->captured_at);
}

bool nilo__pending_twins(const struct nilo__pending *a, const struct nilo__pending *b) { return instant_cmp(a, b) == 0; }

static int by_instant(const void *x, const void *y)
{
    const struct nilo__pending *a = x, *b = y;
    int c = instant_cmp(a, b);
    return c ? c : CMP(a->arrival, b->arrival);
}

/* Within one instant. */
static int by_day(const void *x, const void *y)
{
    const struct nilo__pending *a = x, *b = y;
    return a->told_day.n != b->told_day.n ? CMP(a->told_day.n, b->told_day.n) : CMP(a->arrival, b->arrival);
}

static const struct nilo_reading_value *value_of(const struct nilo_reading *r, int32_t metric)
{
    for (size_t i = 0; i < r->n_values; i++)
        if (r->values[i].metric == metric)
            return &r->values[i];
    return NULL;
}

static bool agree(const struct nilo_reading_value *a, const struct nilo_reading_value *b)
{
    return a->absence == b->absence && (a->absence != NILO_PRESENT || a->value == b->value);
}

/* Do the two say different things about one metric? A passing absence says nothing. */
static bool conflict(const struct nilo_reading *a, const struct nilo_reading *b)
{
    for (size_t i = 0; i < a->n_values; i++) {
        const struct nilo_reading_value *other = value_of(b, a->values[i].metric);
        if (other && nilo_absence_definitive(other->absence) && nilo_absence_definitive(a->values[i].absence) && !agree(&a->values[i], other))
            return true;
    }
    return false;
}

static int by_metric(const struct nilo_reading *a, const struct nilo_reading *b, int32_t metric)
{
    const struct nilo_reading_value *x = metric ? value_of(a, metric) : NULL, *y = metric ? value_of(b, metric) : NULL;
    bool has_x = x && x->absence == NILO_PRESENT, has_y = y && y->absence == NILO_PRESENT;
    if (has_x != has_y)
        return has_x ? 1 : -1;
    return has_x ? CMP(x->value, y->value) : 0;
}

static size_t present(const struct nilo_reading *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_values; i++)
        n += r->values[i].absence == NILO_PRESENT;
    return n;
}

/* Highest GMV, highest views, most items sold, most complete; else the one seen first stands. */
static bool beats(const struct nilo_catalog *catalog, const struct nilo_reading *a, const struct nilo_reading *b)
{
    static const char *const ranks[] = {"gmv", "views", "items_sold"};
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        const struct nilo_metric *m = nilo_catalog_by_name(catalog, ranks[i]);
        int c = by_metric(a, b, m ? m->id : 0);
        if (c)
            return c > 0;
    }
    return present(a) > present(b);
}

/* Does `from` say anything that `to` does not? */
static bool adds(const struct nilo_reading *to, const struct nilo_reading *from)
{
    for (size_t i = 0; i < from->n_values; i++) {
        const struct nilo_reading_value *there = value_of(to, from->values[i].metric);
        if (!there || (!nilo_absence_definitive(there->absence) && nilo_absence_definitive(from->values[i].absence)))
            return true;
    }
    return false;
}

/* No conflict: what `from` says more is added to `to`. */
static int unite(struct nilo_arena *arena, struct nilo_reading *to, const struct nilo_reading *from, struct nilo_err *err)
{
    struct nilo_reading_value *all = nilo_arena_array(arena, to->n_values + from->n_values, sizeof *all);
    if (!all)
        return nilo_err_nomem(err);
    size_t n = 0;
    for (size_t i = 0; i < to->n_values; i++) {
        const struct nilo_reading_value *other = value_of(from, to->values[i].metric);
        bool take_other = other && !nilo_absence_definitive(to->values[i].absence) && nilo_absence_definitive(other->absence);
        all[n++] = take_other ? *other : to->values[i];
    }
    for (size_t i = 0; i < from->n_values; i++)
        if (!value_of(to, from->values[i].metric))
            all[n++] = from->values[i];
    to->values = all;
    to->n_values = n;
    if (nilo_day_is_none(to->day))
        to->day = from->day;
    return 0;
}

/* In order of arrival. Whoever conflicts with one of those before conflicts with what they say together, so one pass does. */
int nilo_record_merge(const struct nilo_catalog *catalog, struct nilo_arena *arena, const struct nilo_reading *const *rows, size_t n, struct nilo_reading *ret,
                      size_t *ret_first, struct nilo_err *err)
{
    struct nilo_reading all = *rows[0];
    bool clash = false;
    size_t best = 0;
    for (size_t i = 1; i < n && !clash; i++) {
        clash = conflict(&all, rows[i]);
        if (!clash && adds(&all, rows[i]) && unite(arena, &all, rows[i], err) < 0)
            return -1;
    }
    for (size_t i = 1; i < n && clash; i++)
        if (beats(catalog, rows[i], rows[best]))
            best = i;
    *ret = clash ? *rows[best] : all;
    *ret_first = best;
    return 0;
}

/* One instant's readings, in order of arrival, become one of them. */
static int combine(struct nilo_recorder *r, struct nilo__pending *group, size_t n, struct nilo_err *err)
{
    const struct nilo_reading **rows = nilo_arena_array(&r->arena, n, sizeof *rows);
    struct nilo_reading all;
    size_t best;
    if (!rows)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++)
        rows[i] = &group[i].r;
    if (nilo_record_merge(nilo_store_catalog(r->store), &r->arena, rows, n, &all, &best, err) < 0)
        return -1;
    group[best].r = all;
    for (size_t i = 0; i < n; i++) {
        if (i == best)
            continue;
        group[i].dropped = true;
        r->run.merged_readings++;
        r->run.outcomes[NILO_MERGED] += (int64_t)group[i].r.n_values;
    }
    return 0;
}

/* Readings of one instant that are about different days: a fetch of many days, each day its own reading; unless the days named decide
 * nothing, because all of them hold instant values only. (What a fetch of many days tells of the instant besides is one value for the store.) */
static int combine_instant(struct nilo_recorder *r, struct nilo__pending *group, size_t n, struct nilo_err *err)
{
    bool days = false;
    for (size_t i = 0; i < n && !days; i++)
        days = group[i].day_decides;
    if (!days)
        return combine(r, group, n, err);
    qsort(group, n, sizeof *group, by_day);
    for (size_t i = 0, k; i < n; i += k) {
        for (k = 1; i + k < n && group[i + k].told_day.n == group[i].told_day.n;)
            k++;
        if (k > 1 && combine(r, &group[i], k, err) < 0)
            return -1;
    }
    return 0;
}

int nilo__merge(struct nilo_recorder *r, struct nilo_err *err)
{
    qsort(r->pending, r->n, sizeof *r->pending, by_instant);
    for (size_t i = 0; i < r->n;) {
        size_t n = 1;
        while (i + n < r->n && instant_cmp(&r->pending[i], &r->pending[i + n]) == 0)
            n++;
        if (n > 1 && combine_instant(r, &r->pending[i], n, err) < 0)
            return -1;
        i += n;
    }
    return 0;
}
