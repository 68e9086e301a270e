/* known, latest and total follow the record change by change.
 *
 * A total is kept as its changes by day: `total` holds, for each scope, metric and day, by how much the level moved that day, so a
 * level on day D is the sum of the rows up to D. One changed cell of an item at D0 touches two rows: the item's level differs on
 * [D0, N), N being its next known day. So an append costs O(1), a late value too, and a rebuild adds up to the same bits
 * because integer sums do not care for order. */
#include "store/rows/derive_priv.h"

#include <stdlib.h>
#include <string.h>

int nilo__entity_cmp(struct nilo_entity_ref a, struct nilo_entity_ref b)
{
    return a.bucket != b.bucket ? NILO__CMP(a.bucket, b.bucket) : NILO__CMP(a.id, b.id);
}

int nilo__change_cmp(const struct nilo__change *a, struct nilo_entity_ref e, int32_t win, int32_t day, int32_t metric)
{
    int c = nilo__entity_cmp(a->entity, e);
    if (c)
        return c;
    if (a->win != win)
        return NILO__CMP(a->win, win);
    if (a->day != day)
        return NILO__CMP(a->day, day);
    return NILO__CMP(a->metric, metric);
}

/* ---- whose sums an item counts in ---------------------------------------------------------------------------------------------- */

static const struct nilo__interval always = {INT32_MIN, NILO__INF};

static void item_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct nilo__items *all = ctx;
    p[0] = NILO_DBV_INT(all->items[i].entity.bucket);
    p[1] = NILO_DBV_INT(all->items[i].entity.id);
}

static int item_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct nilo__item *x = &((struct nilo__items *)ctx)->items[i];
    x->kind = (enum nilo_entity_kind)nilo_db_column_int(stmt, 0);
    x->workspace = nilo_db_column_int(stmt, 1);
    x->connection = nilo_db_column_int(stmt, 2);
    x->own = nilo_db_column_int(stmt, 3) != 0;
    return 0;
}

static struct nilo__scope_of *add_scope(struct nilo__items *all, struct nilo__item *x, int32_t kind, int64_t id)
{
    struct nilo__scope_of *more = nilo_arena_array(all->arena, x->n_scopes + 1, sizeof *more);
    if (!more)
        return NULL;
    if (x->n_scopes)
        memcpy(more, x->scopes, x->n_scopes * sizeof *more);
    x->scopes = more;
    more[x->n_scopes] = (struct nilo__scope_of){.kind = kind, .id = id};
    return &more[x->n_scopes++];
}

/* Adds [from, to] to a union that grows in order of from. */
static bool add_interval(struct nilo_arena *arena, struct nilo__scope_of *sc, int32_t from, int32_t to)
{
    if (sc->n_days && (sc->days[sc->n_days - 1].to == NILO__INF || from <= sc->days[sc->n_days - 1].to + 1)) {
        if (to > sc->days[sc->n_days - 1].to)
            sc->days[sc->n_days - 1].to = to;
        return true;
    }
    struct nilo__interval *more = nilo_arena_array(arena, sc->n_days + 1, sizeof *more);
    if (!more)
        return false;
    if (sc->n_days)
        memcpy(more, sc->days, sc->n_days * sizeof *more);
    more[sc->n_days++] = (struct nilo__interval){from, to};
    sc->days = more;
    return true;
}

static int credit_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct nilo__items *all = ctx;
    struct nilo__item *x = &all->items[i];
    int64_t owner = nilo_db_column_int(stmt, 0);
    if (!x->own)
        return 0;
    struct nilo__scope_of *sc = x->n_scopes ? &x->scopes[x->n_scopes - 1] : NULL;
    if (!sc || sc->kind != NILO_TOTAL_OWNER || sc->id != owner)
        sc = add_scope(all, x, NILO_TOTAL_OWNER, owner);
    if (!sc || !add_interval(all->arena, sc, (int32_t)nilo_db_column_int(stmt, 1), (int32_t)nilo_db_column_int(stmt, 2)))
        return nilo_err_nomem(err);
    return 0;
}

static int load_items(struct nilo_store *s, struct nilo__items *all, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(s->db,
                        "SELECT e.kind, e.workspace_id, e.connection_id, CASE WHEN " NILO__OWN("c") " THEN 1 ELSE 0 END FROM entity e "
                        "JOIN connection c ON c.id = e.connection_id WHERE e.bucket = ?1 AND e.id = ?2",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, all->n, 2, item_params, item_row, all, err) < 0)
        return -1;
    if (nilo_db_prepare(s->db,
                        "SELECT owner_id, from_day, to_day FROM credit WHERE bucket = ?1 AND entity_id = ?2 AND ended_at IS NULL "
                        "ORDER BY owner_id, from_day",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, all->n, 2, item_params, credit_row, all, err) < 0)
        return -1;
    for (size_t i = 0; i < all->n; i++) {
        struct nilo__item *x = &all->items[i];
        for (int kind = NILO_TOTAL_WORKSPACE; kind <= NILO_TOTAL_CONNECTION; kind++) {
            if (kind == NILO_TOTAL_WORKSPACE && !x->own)
                continue;
            struct nilo__scope_of *sc = add_scope(all, x, kind, kind == NILO_TOTAL_WORKSPACE ? x->workspace : x->connection);
            if (!sc || !add_interval(all->arena, sc, always.from, always.to))
                return nilo_err_nomem(err);
        }
    }
    return 0;
}

/* ---- series: one metric of one item in one window ------------------------------------------------------------------------------ */

struct series {
    struct nilo__item *item;
    struct nilo_entity_ref entity;
    int32_t win, metric;
    size_t first, n;       /* its changes, ascending day */
    bool has_head, has_pred, has_succ, behind;
    int32_t head_day, pred_day, succ_day;
    int64_t head_value, pred_value;
    struct point *between; /* untouched known days in the touched range */
    size_t n_between, cap_between;
};
struct point {
    int32_t day;
    int64_t value;
    bool present;
};
struct all_series {
    struct series *series;
    size_t n;
    size_t *behind; /* those whose changes are not all newer than the head */
    size_t n_behind;
    struct nilo__change *changes;
    struct nilo_arena *arena;
};

static void head_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct series *x = &((struct all_series *)ctx)->series[i];
    p[0] = NILO_DBV_INT(x->entity.bucket);
    p[1] = NILO_DBV_INT(x->entity.id);
    p[2] = NILO_DBV_INT(x->win);
    p[3] = NILO_DBV_INT(x->metric);
}
static int head_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct series *x = &((struct all_series *)ctx)->series[i];
    x->has_head = true;
    x->head_day = (int32_t)nilo_db_column_int(stmt, 0);
    x->head_value = nilo_db_column_int(stmt, 1);
    return 0;
}

static struct series *behind_at(void *ctx, size_t i)
{
    struct all_series *all = ctx;
    return &all->series[all->behind[i]];
}
static void behind_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct all_series *all = ctx;
    head_params(ctx, all->behind[i], p);
}
static void pred_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    behind_params(ctx, i, p);
    p[4] = NILO_DBV_INT(((const struct all_series *)ctx)->changes[behind_at(ctx, i)->first].day);
}
static void succ_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct series *x = behind_at(ctx, i);
    behind_params(ctx, i, p);
    p[4] = NILO_DBV_INT(((const struct all_series *)ctx)->changes[x->first + x->n - 1].day);
}
static void range_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct series *x = behind_at(ctx, i);
    pred_params(ctx, i, p);
    p[5] = NILO_DBV_INT(((const struct all_series *)ctx)->changes[x->first + x->n - 1].day);
}
static int pred_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct series *x = behind_at(ctx, i);
    x->has_pred = true;
    x->pred_day = (int32_t)nilo_db_column_int(stmt, 0);
    x->pred_value = nilo_db_column_int(stmt, 1);
    return 0;
}
static int succ_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct series *x = behind_at(ctx, i);
    x->has_succ = true;
    x->succ_day = (int32_t)nilo_db_column_int(stmt, 0);
    return 0;
}
static int range_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct all_series *all = ctx;
    struct series *x = behind_at(ctx, i);
    int32_t day = (int32_t)nilo_db_column_int(stmt, 0);
    struct point p = {day, nilo_db_column_int(stmt, 1), !nilo_db_column_null(stmt, 1)};
    if (x->n_between && x->between[x->n_between - 1].day == day) { /* a later seq of the same day is shown instead */
        x->between[x->n_between - 1] = p;
        return 0;
    }
    if (x->n_between == x->cap_between) {
        size_t cap = x->cap_between ? 2 * x->cap_between : 16;
        struct point *more = nilo_arena_array(all->arena, cap, sizeof *more);
        if (!more)
            return nilo_err_nomem(err);
        if (x->n_between)
            memcpy(more, x->between, x->n_between * sizeof *more);
        x->between = more;
        x->cap_between = cap;
    }
    x->between[x->n_between++] = p;
    return 0;
}

#define KEY4 "v.bucket = ?1 AND v.entity_id = ?2 AND v.win = ?3 AND v.metric_id = ?4"
static int load_neighbours(struct nilo_store *s, struct all_series *all, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(s->db,
                        "SELECT v.day, v.value FROM day_value v WHERE " KEY4 " AND v.day < ?5 AND v.value IS NOT NULL AND " NILO__SHOWN
                        " ORDER BY v.day DESC LIMIT 1",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, all->n_behind, 5, pred_params, pred_row, all, err) < 0)
        return -1;
    if (nilo_db_prepare(s->db, "SELECT v.day, v.value FROM day_value v WHERE " KEY4 " AND v.day BETWEEN ?5 AND ?6 ORDER BY v.day, v.seq",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, all->n_behind, 6, range_params, range_row, all, err) < 0)
        return -1;
    if (nilo_db_prepare(s->db,
                        "SELECT v.day FROM day_value v WHERE " KEY4 " AND v.day > ?5 AND v.value IS NOT NULL AND " NILO__SHOWN " ORDER BY v.day LIMIT 1",
                        &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, all->n_behind, 5, succ_params, succ_row, all, err);
}

static const struct nilo_db_field series_keys[] = {
    {"s.bucket", "smallint"}, {"s.entity_id", "bigint"}, {"s.win", "integer"}, {"s.metric_id", "integer"},
};
static const struct nilo_db_find find_heads = {.columns = "s.day, s.value", .from = "known AS s", .keys = series_keys, .n_keys = 4};

static int load_series(struct nilo_store *s, struct all_series *all, struct nilo_err *err)
{
    if (nilo_db_find(s->db, &find_heads, all->n, head_params, head_row, all, err) < 0)
        return -1;
    all->behind = nilo_arena_array(all->arena, all->n, sizeof *all->behind);
    if (!all->behind)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < all->n; i++) {
        struct series *x = &all->series[i];
        if (x->has_head && x->head_day >= all->changes[x->first].day) {
            x->behind = true;
            all->behind[all->n_behind++] = i;
        } else if (x->has_head) {
            x->has_pred = true;
            x->pred_day = x->head_day;
            x->pred_value = x->head_value;
        }
    }
    return load_neighbours(s, all, err);
}

static struct nilo__known old_of(const struct nilo__change *c) { return (struct nilo__known){c->old_state == NILO__VALUE, c->old_value}; }
static struct nilo__known new_of(const struct nilo__change *c) { return (struct nilo__known){c->new_state == NILO__VALUE, c->new_value}; }

/* For each change: the next known day after it, in a series whose earlier days are already changed and whose later ones are not. */
static void find_next_known(const struct series *x, struct nilo__change *c)
{
    int32_t next = x->has_succ ? x->succ_day : NILO__INF;
    size_t b = x->n_between;
    for (size_t k = x->n; k-- > 0;) {
        if (k + 1 < x->n && c[k + 1].old_state == NILO__VALUE)
            next = c[k + 1].day;
        for (; b > 0 && x->between[b - 1].day > c[k].day; b--) {
            bool touched = k + 1 < x->n && x->between[b - 1].day == c[k + 1].day;
            if (x->between[b - 1].present && !touched)
                next = x->between[b - 1].day;
        }
        c[k].next_known = next;
    }
}

static void walk_series(struct nilo__sums *t, struct series *x, struct nilo__change *c, const struct nilo_metric *m)
{
    find_next_known(x, c);
    struct nilo__known before = {x->has_pred, x->pred_value};
    int32_t before_day = x->pred_day;
    size_t b = 0;
    for (size_t k = 0; k < x->n; k++) {
        for (; b < x->n_between && x->between[b].day <= c[k].day; b++)
            if (x->between[b].day < c[k].day && x->between[b].present) {
                before = (struct nilo__known){true, x->between[b].value};
                before_day = x->between[b].day;
            }
        struct nilo__known o = old_of(&c[k]), n = new_of(&c[k]);
        if (o.is != n.is || (o.is && o.v != n.v))
            nilo__emit_cell(t, x->item, m, x->win, c[k].day, o, n, before, c[k].next_known);
        if (n.is) {
            before = n;
            before_day = c[k].day;
        }
    }
    if (x->has_succ)
        return; /* the head is there or later: unchanged */
    for (; b < x->n_between; b++)
        if (x->between[b].present) {
            before = (struct nilo__known){true, x->between[b].value};
            before_day = x->between[b].day;
        }
    x->has_head = before.is;
    x->head_day = before_day;
    x->head_value = before.v;
}

static void known_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct series *x = behind_at(ctx, i);
    behind_params(ctx, i, p);
    p[4] = NILO_DBV_INT(x->head_day);
    p[5] = NILO_DBV_INT(x->head_value);
}

static const struct nilo_db_field known_fields[] = {
    {"bucket", "smallint"}, {"entity_id", "bigint"}, {"win", "integer"}, {"metric_id", "integer"}, {"day", "integer"}, {"value", "bigint"},
};
static const struct nilo_db_insert put_known = {
    .table = "known",
    .fields = known_fields,
    .n_fields = 6,
    .conflict = "ON CONFLICT (bucket, entity_id, win, metric_id) DO UPDATE SET day = excluded.day, value = excluded.value",
};

static int write_known(struct nilo_store *s, struct all_series *all, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    all->n_behind = 0; /* the list is used again: series with a head, then those without */
    for (size_t i = 0; i < all->n; i++)
        if (all->series[i].has_head)
            all->behind[all->n_behind++] = i;
    if (nilo_db_insert(s->db, &put_known, all->n_behind, known_params, all, err) < 0)
        return -1;
    all->n_behind = 0;
    for (size_t i = 0; i < all->n; i++)
        if (!all->series[i].has_head && all->series[i].behind)
            all->behind[all->n_behind++] = i;
    if (nilo_db_prepare(s->db, "DELETE FROM known WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND metric_id = ?4", &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, all->n_behind, 4, behind_params, NULL, all, err);
}

/* The metrics of which the workspace has a value now. */
static int write_used(struct nilo_store *s, const struct all_series *all, struct nilo_err *err)
{
    const struct nilo_catalog *catalog = nilo_store_catalog(s);
    for (size_t i = 0; i < all->n; i++) {
        const struct series *x = &all->series[i];
        const struct nilo_metric *m = x->has_head ? nilo_catalog_by_id(catalog, x->metric) : NULL;
        if (m && nilo_store_metric_used(s, x->item->workspace, m, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- all together ---------------------------------------------------------------------------------------------------------------- */

static int by_day_first(const void *a, const void *b)
{
    const struct nilo__change *x = a, *y = b;
    return nilo__change_cmp(x, y->entity, y->win, y->day, y->metric);
}
static int by_metric_first(const void *a, const void *b)
{
    const struct nilo__change *x = a, *y = b;
    int c = nilo__entity_cmp(x->entity, y->entity);
    if (c)
        return c;
    if (x->win != y->win)
        return NILO__CMP(x->win, y->win);
    if (x->metric != y->metric)
        return NILO__CMP(x->metric, y->metric);
    return NILO__CMP(x->day, y->day);
}

static int gather_items(struct nilo__items *all, const struct nilo__change *c, size_t n, struct nilo_err *err)
{
    all->items = nilo_arena_array(all->arena, n, sizeof *all->items);
    if (!all->items)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || nilo__entity_cmp(c[i].entity, c[i - 1].entity) != 0)
            all->items[all->n++].entity = c[i].entity;
    return 0;
}

static int gather_series(struct all_series *all, struct nilo__items *items, size_t n, struct nilo_err *err)
{
    size_t item = 0;
    all->series = nilo_arena_array(all->arena, n, sizeof *all->series);
    if (!all->series)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const struct nilo__change *c = &all->changes[i];
        while (nilo__entity_cmp(items->items[item].entity, c->entity) != 0)
            item++;
        struct series *x = all->n ? &all->series[all->n - 1] : NULL;
        if (!x || nilo__entity_cmp(x->entity, c->entity) != 0 || x->win != c->win || x->metric != c->metric) {
            x = &all->series[all->n++];
            *x = (struct series){.item = &items->items[item], .entity = c->entity, .win = c->win, .metric = c->metric, .first = i};
        }
        x->n++;
    }
    return 0;
}

/* The heads that the walk found, for a reader that compares them with what is stored. */
static int heads_of(const struct all_series *all, struct nilo__fresh *fresh, struct nilo_err *err)
{
    fresh->known = nilo_arena_array(all->arena, all->n, sizeof *fresh->known);
    if (!fresh->known)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < all->n; i++) {
        const struct series *x = &all->series[i];
        if (x->has_head)
            fresh->known[fresh->n_known++] =
                (struct nilo__head){.entity = x->entity, .win = x->win, .metric = x->metric, .day = x->head_day, .value = x->head_value};
    }
    return 0;
}

/* fresh: the changes are whole items from nothing, and what comes of them is handed over instead of written. */
static int derive_in(struct nilo_store *s, struct nilo__change *changes, size_t n, struct nilo__sums *t, struct nilo__fresh *fresh,
                     struct nilo_arena *arena, struct nilo_err *err)
{
    struct nilo__items items = {.arena = arena};
    struct all_series all = {.changes = changes, .arena = arena};
    qsort(changes, n, sizeof *changes, by_day_first);
    if (gather_items(&items, changes, n, err) < 0 || load_items(s, &items, err) < 0 ||
        nilo__derive_reads(s, t, &items, changes, n, fresh, err) < 0)
        return -1;
    qsort(changes, n, sizeof *changes, by_metric_first);
    if (gather_series(&all, &items, n, err) < 0 || (!fresh && load_series(s, &all, err) < 0))
        return -1;
    for (size_t i = 0; i < all.n; i++) {
        const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(s), all.series[i].metric);
        if (!m)
            return nilo_err_set(err, NILO_ECORRUPT, "a value refers to metric %d, which is not defined", all.series[i].metric);
        walk_series(t, &all.series[i], changes + all.series[i].first, m);
    }
    if (fresh)
        return t->failed ? nilo_err_nomem(err) : heads_of(&all, fresh, err);
    return write_known(s, &all, err) < 0 || write_used(s, &all, err) < 0 || nilo__app_days(s, &items, changes, n, err) < 0 ? -1 : nilo__sums_write(s, t, err);
}

int nilo__derive(struct nilo_store *s, struct nilo__change *changes, size_t n, struct nilo_err *err)
{
    if (n == 0)
        return 0;
    struct nilo__sums t = {0};
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    int rc = derive_in(s, changes, n, &t, NULL, &arena, err);
    free(t.slots);
    nilo_arena_done(&arena);
    return rc;
}

int nilo__derive_fresh(struct nilo_store *s, struct nilo__change *cells, size_t n, struct nilo__sums *t, struct nilo__fresh *ret,
                       struct nilo_arena *arena, struct nilo_err *err)
{
    return n == 0 ? 0 : derive_in(s, cells, n, t, ret, arena, err);
}

int nilo__shown_of(struct nilo_store *s, struct nilo_entity_ref e, struct nilo__change **ret, size_t *n, size_t *cap,
                   struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(s, &stmt, err,
                    "SELECT v.win, v.day, v.metric_id, v.value, v.absence FROM day_value v WHERE v.bucket = ?1 AND v.entity_id = ?2 AND " NILO__SHOWN
                    " ORDER BY v.win, v.day, v.metric_id",
                    NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (*n == *cap) {
            size_t more_cap = *cap ? 2 * *cap : 1024;
            struct nilo__change *more = realloc(*ret, more_cap * sizeof *more);
            if (!more) {
                nilo_db_reset(stmt);
                return nilo_err_nomem(err);
            }
            *ret = more;
            *cap = more_cap;
        }
        (*ret)[(*n)++] = (struct nilo__change){.entity = e,
                                               .win = (int32_t)nilo_db_column_int(stmt, 0),
                                               .day = (int32_t)nilo_db_column_int(stmt, 1),
                                               .metric = (int32_t)nilo_db_column_int(stmt, 2),
                                               .new_value = nilo_db_column_int(stmt, 3),
                                               .new_state = nilo__state_of((enum nilo_absence)nilo_db_column_int(stmt, 4))};
    }
    return got;
}

/* ---- credits ------------------------------------------------------------------------------------------------------------------ */

static void emit_history(struct nilo_store *s, struct nilo__sums *t, struct nilo__item *x, struct nilo__change *c, size_t n, int64_t sign)
{
    struct nilo__sums one = {0};
    for (size_t i = 0; i < n;) {
        size_t k = i;
        while (k < n && c[k].win == c[i].win && c[k].metric == c[i].metric)
            k++;
        const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(s), c[i].metric);
        struct series series = {.item = x, .entity = x->entity, .win = c[i].win, .metric = c[i].metric, .n = k - i};
        if (m)
            walk_series(&one, &series, c + i, m);
        i = k;
    }
    for (size_t i = 0; i < one.cap; i++) {
        const struct nilo__sum *from = &one.slots[i];
        struct nilo__sum *to = from->used ? nilo__sum_at(t, from->scope_kind, from->scope_id, from->win, from->metric, from->day) : NULL;
        if (!to)
            continue;
        to->hi += sign * from->hi;
        to->lo += sign * from->lo;
        to->known += sign * from->known;
        to->fresh += sign * from->fresh;
    }
    t->failed = t->failed || one.failed;
    free(one.slots);
}

static void emit_reads(struct nilo__sums *t, const struct nilo__scope_of *sc, const struct nilo__change *c, size_t n, int64_t sign)
{
    for (size_t i = 0; i < n;) { /* by (win, day, metric) */
        size_t k = i;
        bool first = true;
        while (k < n && c[k].win == c[i].win) {
            size_t d = k;
            bool read = false;
            for (; d < n && c[d].win == c[k].win && c[d].day == c[k].day; d++)
                read = read || c[d].new_state >= NILO__DEFINITIVE;
            if (read) {
                nilo__emit_day(t, sc, c[k].win, 0, c[k].day, 0, 0, sign);
                if (first)
                    nilo__emit_level(t, sc, c[k].win, 0, c[k].day, NILO__INF, 0, 0, sign);
                first = false;
            }
            k = d;
        }
        i = k;
    }
}

int nilo__derive_credit(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, const struct nilo__interval *before,
                        size_t n_before, const struct nilo__interval *after, size_t n_after, struct nilo_err *err)
{
    struct nilo__change *c = NULL;
    size_t n = 0, cap = 0;
    struct nilo__sums t = {0};
    int64_t kind;
    int rc = nilo__query_int(s, -1, &kind, err,
                             "SELECT e.kind FROM entity e JOIN connection c ON c.id = e.connection_id WHERE e.bucket = ?1 AND e.id = ?2 AND " NILO__OWN("c"),
                             NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id)));
    if (rc == 0 && kind < 0) /* a competitor's: in no owner's sum, whoever is credited */
        return 0;
    if (rc == 0)
        rc = nilo__shown_of(s, e, &c, &n, &cap, err);
    for (int side = 0; rc == 0 && side < 2 && n; side++) {
        int64_t sign = side ? 1 : -1;
        struct nilo__scope_of sc = {.kind = NILO_TOTAL_OWNER, .id = owner};
        /* cast: only read from here on */
        sc.days = (struct nilo__interval *)(uintptr_t)(side ? after : before);
        sc.n_days = side ? n_after : n_before;
        struct nilo__item x = {.entity = e, .kind = (enum nilo_entity_kind)kind, .scopes = &sc, .n_scopes = 1};
        qsort(c, n, sizeof *c, by_day_first);
        if (x.kind == NILO_CONTENT)
            emit_reads(&t, &sc, c, n, sign);
        qsort(c, n, sizeof *c, by_metric_first);
        emit_history(s, &t, &x, c, n, sign);
    }
    if (rc == 0 && n)
        rc = nilo__sums_write(s, &t, err);
    free(t.slots);
    free(c);
    return rc;
}
