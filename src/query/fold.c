/* Aggregates of select (views.sum(), count()), and the order of rows that no statement orders. Rows come one by one, groups are kept: so memory goes by
 * the groups, and has a bound. It is done here and not in SQL because a cell is more than its column: metrics lie packed, values have their own scale,
 * sums have 128 bits; and because both engines have to say the same. */
#include <stdlib.h>
#include <string.h>

#include "query/query_priv.h"

#define ARENA_MOST ((size_t)256 << 20)
#define AVG_SCALE  6 /* digits of a mean, as of all averages (SEMANTICS 1) */

/* ---- parsing --------------------------------------------------------------------------------------------------------------------- */

static const char *const names[] = {"", "count", "sum", "avg", "min", "max"};

static struct nilo__text trimmed(struct nilo__text t)
{
    while (t.len && (*t.p == ' ' || *t.p == '\t'))
        t.p++, t.len--;
    while (t.len && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
        t.len--;
    return t;
}

int nilo__parse_aggregate(struct nilo__parse *p, struct nilo__text t, struct nilo__item *item, struct nilo__text *column, struct nilo__text *then)
{
    size_t at = t.len;
    while (at >= 2 && (t.p[at - 2] != '(' || t.p[at - 1] != ')'))
        at--;
    struct nilo__text behind = {t.p + at, t.len - at};
    if (at < 2 || (behind.len && (behind.len < 3 || behind.p[0] != ':' || behind.p[1] != ':')))
        return 0;
    struct nilo__text front = trimmed((struct nilo__text){t.p, at - 2});
    for (int a = NILO__COUNT; a <= NILO__MAX; a++) {
        size_t n = strlen(names[a]);
        bool bare = front.len == n && a == NILO__COUNT;
        if (front.len < n || memcmp(front.p + front.len - n, names[a], n) != 0 || (!bare && (front.len < n + 2 || front.p[front.len - n - 1] != '.')))
            continue;
        item->aggregate = (enum nilo__aggregate)a;
        *column = bare ? (struct nilo__text){front.p, 0} : trimmed((struct nilo__text){front.p, front.len - n - 1});
        *then = behind.len ? trimmed((struct nilo__text){behind.p + 2, behind.len - 2}) : behind;
        item->name = names[a];
        return 1;
    }
    return nilo__fail(p, "select parameter", t, "the aggregates are count(), column.count(), sum(), avg(), min() and max()");
}

enum nilo_type nilo__fold_type(enum nilo__aggregate a, enum nilo_type from)
{
    return a == NILO__COUNT ? NILO_T_INT : a == NILO__AVG ? NILO_T_DECIMAL : from;
}

static int check_fold(struct nilo__parse *p, const struct nilo__item *item)
{
    if (item->aggregate <= NILO__COUNT)
        return 0;
    enum nilo_type t = nilo__item_type(item);
    bool number = t == NILO_T_INT || t == NILO_T_DECIMAL, sums = item->aggregate <= NILO__AVG;
    if (number || (!sums && (t == NILO_T_TEXT || t == NILO_T_DAY || t == NILO_T_TIME)))
        return 0;
    if (p->notes && item->path.n)
        snprintf(p->notes->hint, sizeof p->notes->hint, "Say what it is: column->>key::numeric.%s()", names[item->aggregate]);
    return nilo_err_set(p->err, NILO_ENOFUNCTION, "function %s(%s) does not exist", names[item->aggregate], nilo_type_name(t));
}

/* Which item is the column that groups are ordered by? -1: none */
static int ordered_by(const struct nilo_query *q, const struct nilo__order *o)
{
    for (size_t i = 0; i < q->n_items; i++)
        if (q->items[i].aggregate == NILO__NO_AGGREGATE && q->items[i].column == o->column && q->items[i].path.n == 0)
            return (int)i;
    return -1;
}

int nilo__check_folds(struct nilo__parse *p)
{
    const struct nilo_query *q = p->q;
    for (size_t i = 0; i < q->n_items; i++)
        if (check_fold(p, &q->items[i]) < 0)
            return -1;
    for (size_t i = 0; q->folded && i < q->n_order; i++)
        if (ordered_by(q, &q->order[i]) < 0)
            return nilo_err_set(p->err, NILO_EGROUP, "column \"%s.%s\" must appear in the GROUP BY clause or be used in an aggregate function: groups are ordered by what select names",
                                nilo__name_of(q), q->order[i].column->name);
    return 0;
}

/* ---- groups ----------------------------------------------------------------------------------------------------------------------- */

struct acc {
    int64_t n;
    nilo_i128 sum;
    int scale;
    struct nilo_datum best;
    struct nilo_buf text; /* of the best */
    const char *currency; /* in the arena */
};
struct group {
    uint64_t hash;
    struct nilo_datum *cells, *order; /* keys by item; what they are ordered by */
    struct acc *accs;                 /* by item; NULL where rows are only ordered */
};
struct nilo__fold {
    const struct nilo_query *q;
    struct nilo_arena arena;
    struct group *groups;
    size_t n, cap;
    size_t *slots, n_slots; /* place in groups + 1; 0 = free */
    struct nilo_datum *out;
    struct nilo_buf *text; /* by item: memory of casts */
    struct group **sorted;
};

int nilo__fold_new(const struct nilo_query *q, struct nilo__fold **ret, struct nilo_err *err)
{
    struct nilo__fold *f = calloc(1, sizeof *f);
    if (!f)
        return nilo_err_nomem(err);
    f->q = q;
    nilo_arena_init(&f->arena, ARENA_MOST);
    f->out = nilo_arena_array(&f->arena, q->n_items + 1, sizeof *f->out);
    f->text = nilo_arena_array(&f->arena, q->n_items + 1, sizeof *f->text);
    if (!f->out || !f->text) {
        nilo_arena_done(&f->arena);
        free(f);
        return nilo_err_nomem(err);
    }
    for (size_t i = 0; i < q->n_items; i++)
        nilo_buf_init(&f->text[i], (size_t)64 << 20);
    *ret = f;
    return 0;
}

void nilo__fold_free(struct nilo__fold *f)
{
    if (!f)
        return;
    for (size_t g = 0; g < f->n; g++)
        for (size_t i = 0; f->groups[g].accs && i < f->q->n_items; i++)
            nilo_buf_done(&f->groups[g].accs[i].text);
    for (size_t i = 0; i < f->q->n_items; i++)
        nilo_buf_done(&f->text[i]);
    free(f->groups);
    free(f->slots);
    free(f->sorted);
    nilo_arena_done(&f->arena);
    free(f);
}

/* 1.0 and 1.00 are one number. */
static struct nilo_datum plain(const struct nilo_datum *d)
{
    struct nilo_datum r = *d;
    if (r.type == NILO_T_DECIMAL)
        for (; r.scale > 0 && r.i % 10 == 0; r.scale--)
            r.i /= 10;
    return r;
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const unsigned char *)p)[i]) * UINT64_C(1099511628211);
    return h;
}

static uint64_t hash_of(const struct nilo_query *q, const struct nilo_datum *cells)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < q->n_items; i++) {
        if (q->items[i].aggregate)
            continue;
        struct nilo_datum d = plain(&cells[i]);
        h = mix(h, &d.null, sizeof d.null);
        if (d.null)
            continue;
        h = mix(h, &d.i, d.p ? 0 : sizeof d.i);
        h = mix(h, d.p, d.p ? d.len : 0);
        h = mix(h, "|", 1);
    }
    return h;
}

static int compare_nulls(const struct nilo_datum *a, const struct nilo_datum *b)
{
    return a->null || b->null ? (int)a->null - (int)b->null : nilo__datum_compare(a, b);
}

static bool same_group(const struct nilo_query *q, const struct nilo_datum *a, const struct nilo_datum *b)
{
    for (size_t i = 0; i < q->n_items; i++)
        if (!q->items[i].aggregate && compare_nulls(&a[i], &b[i]) != 0)
            return false;
    return true;
}

static struct nilo_datum *copy(struct nilo__fold *f, const struct nilo_datum *cells, size_t n, bool keys)
{
    struct nilo_datum *to = nilo_arena_array(&f->arena, n + 1, sizeof *to);
    for (size_t i = 0; to && i < n; i++) {
        if (keys && f->q->items[i].aggregate)
            continue;
        to[i] = cells[i];
        if (cells[i].p && !cells[i].null && !(to[i].p = nilo_arena_strndup(&f->arena, cells[i].p, cells[i].len)))
            return NULL;
    }
    return to;
}

static int too_large(const struct nilo__fold *f, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_EINVAL, f->q->folded ? "more than %d groups in one answer; narrow it with conditions, or group by less"
                                                       : "more than %d rows to be put in order; narrow them with arguments or conditions",
                        NILO__GROUPS_MAX);
}

static struct group *append(struct nilo__fold *f, const struct nilo_datum *cells, const struct nilo_datum *order, uint64_t hash, struct nilo_err *err)
{
    if (f->n == NILO__GROUPS_MAX) {
        too_large(f, err);
        return NULL;
    }
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 64;
        struct group *more = reallocarray(f->groups, cap, sizeof *more);
        if (!more) {
            nilo_err_nomem(err);
            return NULL;
        }
        f->groups = more;
        f->cap = cap;
    }
    struct group g = {.hash = hash, .cells = copy(f, cells, f->q->n_items, f->q->folded)};
    if (order)
        g.order = copy(f, order, f->q->n_order, false);
    if (f->q->folded)
        g.accs = nilo_arena_array(&f->arena, f->q->n_items + 1, sizeof *g.accs);
    if (!g.cells || (order && !g.order) || (f->q->folded && !g.accs)) {
        too_large(f, err);
        return NULL;
    }
    for (size_t i = 0; g.accs && i < f->q->n_items; i++)
        nilo_buf_init(&g.accs[i].text, (size_t)64 << 20);
    f->groups[f->n] = g;
    return &f->groups[f->n++];
}

static int grow_slots(struct nilo__fold *f, struct nilo_err *err)
{
    size_t n = f->n_slots ? 2 * f->n_slots : 256, *slots = calloc(n, sizeof *slots);
    if (!slots)
        return nilo_err_nomem(err);
    for (size_t g = 0; g < f->n; g++) {
        size_t at = f->groups[g].hash & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = g + 1;
    }
    free(f->slots);
    f->slots = slots;
    f->n_slots = n;
    return 0;
}

static struct group *group_of(struct nilo__fold *f, const struct nilo_datum *cells, struct nilo_err *err)
{
    if (2 * (f->n + 1) > f->n_slots && grow_slots(f, err) < 0)
        return NULL;
    uint64_t hash = hash_of(f->q, cells);
    size_t at = hash & (f->n_slots - 1);
    for (; f->slots[at]; at = (at + 1) & (f->n_slots - 1)) {
        struct group *g = &f->groups[f->slots[at] - 1];
        if (g->hash == hash && same_group(f->q, g->cells, cells))
            return g;
    }
    struct group *g = append(f, cells, NULL, hash, err);
    if (g)
        f->slots[at] = f->n;
    return g;
}

/* ---- adding up ---------------------------------------------------------------------------------------------------------------------- */

static int overflow(struct nilo_err *err)
{
    return nilo_err_set(err, NILO_EOVERFLOW, "the sum is out of range");
}

static int add_number(struct acc *a, const struct nilo_datum *d, struct nilo_err *err)
{
    nilo_i128 v = d->i, scaled;
    int scale = d->type == NILO_T_DECIMAL ? d->scale : 0;
    if (scale > a->scale) {
        if (__builtin_mul_overflow(a->sum, (nilo_i128)nilo_pow10(scale - a->scale), &scaled))
            return overflow(err);
        a->sum = scaled;
        a->scale = scale;
    } else if (__builtin_mul_overflow(v, (nilo_i128)nilo_pow10(a->scale - scale), &v)) {
        return overflow(err);
    }
    return __builtin_add_overflow(a->sum, v, &a->sum) ? overflow(err) : 0;
}

static int keep_best(struct acc *a, const struct nilo_datum *d, bool greatest, struct nilo_err *err)
{
    int c = a->n == 1 ? 0 : nilo__datum_compare(d, &a->best);
    if (a->n > 1 && (greatest ? c <= 0 : c >= 0))
        return 0;
    a->best = *d;
    if (!d->p)
        return 0;
    nilo_buf_reset(&a->text);
    if (nilo_buf_add(&a->text, d->p, d->len) < 0)
        return nilo_err_nomem(err);
    a->best.p = nilo_buf_str(&a->text);
    return 0;
}

/* Money of two currencies is no sum, and none of them is the greater. */
static int check_currency(struct nilo__fold *f, struct acc *a, const char *currency, struct nilo_err *err)
{
    const char *now = currency ? currency : "";
    if (a->n == 1)
        return (a->currency = nilo_arena_strdup(&f->arena, now)) ? 0 : too_large(f, err);
    if (strcmp(a->currency, now) == 0)
        return 0;
    return nilo_err_set(err, NILO_EINVAL, "values in %s and %s are not put together; group by the metric, or name one in a condition",
                        a->currency[0] ? a->currency : "no currency", now[0] ? now : "no currency");
}

static int add(struct nilo__fold *f, const struct nilo__item *item, struct acc *a, const struct nilo_datum *d, const char *currency, struct nilo_err *err)
{
    if (item->column && d->null)
        return 0;
    a->n++;
    if (item->aggregate == NILO__COUNT)
        return 0;
    if (item->column->form == NILO_F_SCALED && check_currency(f, a, currency, err) < 0)
        return -1;
    if (item->aggregate <= NILO__AVG)
        return add_number(a, d, err);
    return keep_best(a, d, item->aggregate == NILO__MAX, err);
}

int nilo__fold_add(struct nilo__fold *f, const struct nilo_datum *cells, const struct nilo_datum *order, const char *currency, struct nilo_err *err)
{
    if (!f->q->folded)
        return append(f, cells, order, 0, err) ? 0 : -1;
    struct group *g = group_of(f, cells, err);
    for (size_t i = 0; g && i < f->q->n_items; i++)
        if (f->q->items[i].aggregate && add(f, &f->q->items[i], &g->accs[i], &cells[i], currency, err) < 0)
            return -1;
    return g ? 0 : -1;
}

/* ---- the groups in order ---------------------------------------------------------------------------------------------------------------- */

static int in_direction(const struct nilo__order *o, const struct nilo_datum *a, const struct nilo_datum *b)
{
    if (a->null || b->null)
        return o->nulls_first ? (int)b->null - (int)a->null : (int)a->null - (int)b->null;
    int c = nilo__datum_compare(a, b);
    return o->desc ? -c : c;
}

static int compare_groups(const void *x, const void *y, void *ctx)
{
    const struct group *a = *(struct group *const *)x, *b = *(struct group *const *)y;
    const struct nilo_query *q = ctx;
    for (size_t i = 0; i < q->n_order; i++) {
        int at = q->folded ? ordered_by(q, &q->order[i]) : 0;
        int c = q->folded ? in_direction(&q->order[i], &a->cells[at], &b->cells[at]) : in_direction(&q->order[i], &a->order[i], &b->order[i]);
        if (c)
            return c;
    }
    for (size_t i = 0; q->folded && i < q->n_items; i++) {
        int c = q->items[i].aggregate ? 0 : compare_nulls(&a->cells[i], &b->cells[i]);
        if (c)
            return c;
    }
    return (a > b) - (a < b); /* as they came: both lie in one array */
}

static bool keyless(const struct nilo_query *q)
{
    for (size_t i = 0; i < q->n_items; i++)
        if (!q->items[i].aggregate)
            return false;
    return q->folded;
}

int nilo__fold_end(struct nilo__fold *f, size_t *ret_n, struct nilo_err *err)
{
    if (f->n == 0 && keyless(f->q) && !append(f, f->out, NULL, 0, err))
        return -1;
    f->sorted = calloc(f->n + 1, sizeof *f->sorted);
    if (!f->sorted)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < f->n; i++)
        f->sorted[i] = &f->groups[i];
    if (f->n > 1)
        qsort_r(f->sorted, f->n, sizeof *f->sorted, compare_groups, (void *)(uintptr_t)f->q);
    *ret_n = f->n;
    return 0;
}

/* Half-even; digits more than the sum has. false: 128 bits do not hold it */
static bool divide(nilo_i128 sum, int64_t n, int digits, nilo_i128 *ret)
{
    nilo_i128 scaled;
    if (__builtin_mul_overflow(sum, (nilo_i128)nilo_pow10(digits), &scaled))
        return false;
    nilo_i128 whole = scaled / n, rest = scaled % n, twice = 2 * (rest < 0 ? -rest : rest);
    if (twice > n || (twice == n && whole % 2 != 0))
        whole += rest < 0 ? -1 : 1;
    *ret = whole;
    return true;
}

static int finish(const struct nilo__item *item, const struct acc *a, struct nilo_datum *ret, struct nilo_err *err)
{
    nilo_i128 mean;
    int scale = a->scale > AVG_SCALE ? a->scale : AVG_SCALE;
    if (item->aggregate == NILO__COUNT) {
        *ret = nilo_datum_int(a->n);
        return 0;
    }
    enum nilo_type in = nilo__item_type(item);
    *ret = nilo_datum_null(nilo__fold_type(item->aggregate, in));
    if (a->n == 0)
        return 0;
    if (item->aggregate == NILO__SUM) {
        *ret = nilo_datum_decimal(a->sum, a->scale);
        ret->type = in;
    } else if (item->aggregate == NILO__AVG) {
        if (!divide(a->sum, a->n, scale - a->scale, &mean))
            return overflow(err);
        *ret = nilo_datum_decimal(mean, scale);
    } else {
        *ret = a->best;
    }
    return 0;
}

const struct nilo_datum *nilo__fold_row(struct nilo__fold *f, size_t i, struct nilo_err *err)
{
    const struct group *g = f->sorted[i];
    if (!f->q->folded)
        return g->cells;
    for (size_t k = 0; k < f->q->n_items; k++) {
        const struct nilo__item *item = &f->q->items[k];
        if (!item->aggregate)
            f->out[k] = g->cells[k];
        else if (finish(item, &g->accs[k], &f->out[k], err) < 0 || nilo__cast(item->then, f->q->out[k].type, &f->text[k], &f->out[k], err) < 0)
            return NULL;
    }
    return f->out;
}
