/* The all-time best of an item: a fold over every value that was ever counted, so that neither a lower re-reading within a
 * day nor a restatement lowers it. Only a correction of its day, or taking its run out, does. */
#include <stdlib.h>

#include "store/rows/derive.h"

/* Plain metrics: the greatest value, its first sight. */
static int max_order(const struct nilo__candidate *a, const struct nilo__candidate *b)
{
    if (a->value != b->value)
        return NILO__CMP(a->value, b->value);
    if (a->day != b->day)
        return NILO__CMP(b->day, a->day);
    if (a->captured_at != b->captured_at)
        return NILO__CMP(b->captured_at, a->captured_at);
    if (a->run != b->run)
        return NILO__CMP(b->run, a->run);
    return NILO__CMP(b->win, a->win);
}

/* Ratios: the value beside the greatest GMV, ties to the later; no GMV is weaker than any. */
static int gmv_order(const struct nilo__candidate *a, const struct nilo__candidate *b)
{
    if (a->has_gmv != b->has_gmv)
        return NILO__CMP(a->has_gmv, b->has_gmv);
    if (a->has_gmv && a->gmv != b->gmv)
        return NILO__CMP(a->gmv, b->gmv);
    if (a->day != b->day)
        return NILO__CMP(a->day, b->day);
    if (a->captured_at != b->captured_at)
        return NILO__CMP(a->captured_at, b->captured_at);
    if (a->run != b->run)
        return NILO__CMP(a->run, b->run);
    return NILO__CMP(a->win, b->win);
}

int nilo__best_order(struct nilo_store *s, const struct nilo__candidate *a, const struct nilo__candidate *b)
{
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(s), a->metric);
    return m && m->best_rule == NILO_BEST_WITH_GMV ? gmv_order(a, b) : max_order(a, b);
}

static int by_item(const void *a, const void *b)
{
    const struct nilo__candidate *x = a, *y = b;
    int c = nilo__entity_cmp(x->entity, y->entity);
    return c ? c : NILO__CMP(x->metric, y->metric);
}

/* Keeps the greatest candidate of each (entity, metric) at the front; returns how many. */
static size_t greatest_each(struct nilo_store *s, struct nilo__candidate *c, size_t n)
{
    size_t kept = 0;
    if (n == 0)
        return 0;
    qsort(c, n, sizeof *c, by_item);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || by_item(&c[kept - 1], &c[i]) != 0)
            c[kept++] = c[i];
        else if (nilo__best_order(s, &c[i], &c[kept - 1]) > 0)
            c[kept - 1] = c[i];
    }
    return kept;
}

struct fold {
    struct nilo_store *store;
    struct nilo__candidate *c;
    size_t n;
};

static void key_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct nilo__candidate *c = &((struct fold *)ctx)->c[i];
    p[0] = NILO_DBV_INT(c->entity.bucket);
    p[1] = NILO_DBV_INT(c->entity.id);
    p[2] = NILO_DBV_INT(c->metric);
}

/* A candidate that does not beat what stands is marked by run -1 and dropped. */
static int stands_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct fold *f = ctx;
    struct nilo__candidate now = {.entity = f->c[i].entity,
                                  .metric = f->c[i].metric,
                                  .value = nilo_db_column_int(stmt, 0),
                                  .has_gmv = !nilo_db_column_null(stmt, 1),
                                  .gmv = nilo_db_column_int(stmt, 1),
                                  .win = (int32_t)nilo_db_column_int(stmt, 2),
                                  .day = (int32_t)nilo_db_column_int(stmt, 3),
                                  .captured_at = nilo_db_column_int(stmt, 4),
                                  .run = nilo_db_column_int(stmt, 5)};
    if (nilo__best_order(f->store, &f->c[i], &now) <= 0)
        f->c[i].run = -1;
    return 0;
}

static void write_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct nilo__candidate *c = &((struct fold *)ctx)->c[i];
    key_params(ctx, i, p);
    p[3] = NILO_DBV_INT(c->value);
    p[4] = c->has_gmv ? NILO_DBV_INT(c->gmv) : NILO_DBV_NULL;
    p[5] = NILO_DBV_INT(c->win);
    p[6] = NILO_DBV_INT(c->day);
    p[7] = NILO_DBV_INT(c->captured_at);
    p[8] = NILO_DBV_INT(c->run);
}

static const struct nilo_db_field best_fields[] = {
    {"bucket", "smallint"}, {"entity_id", "bigint"}, {"metric_id", "integer"}, {"value", "bigint"},  {"gmv", "bigint"},
    {"win", "integer"},     {"day", "integer"},      {"captured_at", "bigint"}, {"run_id", "bigint"},
};
static const struct nilo_db_insert put_best = {
    .table = "best",
    .fields = best_fields,
    .n_fields = 9,
    .conflict = "ON CONFLICT (bucket, entity_id, metric_id) DO UPDATE SET value = excluded.value, gmv = excluded.gmv, win = excluded.win, "
                "day = excluded.day, captured_at = excluded.captured_at, run_id = excluded.run_id",
};

static int write_best(struct fold *f, struct nilo_err *err)
{
    return nilo_db_insert(f->store->db, &put_best, f->n, write_params, f, err);
}

static const struct nilo_db_field best_keys[] = {{"b.bucket", "smallint"}, {"b.entity_id", "bigint"}, {"b.metric_id", "integer"}};
static const struct nilo_db_find find_best = {
    .columns = "b.value, b.gmv, b.win, b.day, b.captured_at, b.run_id", .from = "best AS b", .keys = best_keys, .n_keys = 3};

int nilo__best_fold(struct nilo_store *s, struct nilo__candidate *c, size_t n, struct nilo_err *err)
{
    struct fold f = {s, c, greatest_each(s, c, n)};
    if (f.n == 0)
        return 0;
    if (nilo_db_find(s->db, &find_best, f.n, key_params, stands_row, &f, err) < 0)
        return -1;
    size_t kept = 0;
    for (size_t i = 0; i < f.n; i++)
        if (c[i].run >= 0)
            c[kept++] = c[i];
    f.n = kept;
    return write_best(&f, err);
}

/* ---- from every counted observation ------------------------------------------------------------------------------------------
 *
 * Read item by item in key order, one day of one window at a time in memory. What was corrected does not count: of a key only what
 * runs from the last correction on said of it. A correction is an amendment of that cause; or, on a day that was still open, a
 * revision that was the strongest reading of its day when it came, even if another --revise replaced it since. Decided here
 * and not in SQL: a server plans the same as joins over all observations. */

struct seen {
    int32_t metric;
    nilo_us captured_at;
    int64_t run, value;
    enum nilo_absence absence;
    int rank;
    bool revision, counts;
};
struct correction {
    size_t item;
    int32_t win, day, metric;
    int64_t run; /* the newest */
};
struct anew {
    struct nilo_store *store;
    const struct nilo_entity_ref *items;
    struct nilo__candidate *best; /* of all items, in their order */
    size_t n, cap, item_first;    /* item_first: where those of the item at hand begin */
    struct seen *seen;            /* of the day at hand */
    size_t n_seen, cap_seen;
    bool any_revision;
    size_t item;
    int32_t win, day;
    struct correction *corrections; /* ascending (item, win, day, metric) */
    size_t n_corrections, cap_corrections;
};

static int grow(void **list, size_t n, size_t *cap, size_t size, struct nilo_err *err)
{
    if (n < *cap)
        return 0;
    size_t more = *cap ? 2 * *cap : 64;
    void *p = realloc(*list, more * size);
    if (!p)
        return nilo_err_nomem(err);
    *list = p;
    *cap = more;
    return 0;
}

static int64_t corrected_by(const struct anew *a, int32_t metric)
{
    size_t low = 0, high = a->n_corrections;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct correction *c = &a->corrections[mid];
        int64_t x[] = {(int64_t)c->item, c->win, c->day, c->metric}, y[] = {(int64_t)a->item, a->win, a->day, metric};
        int order = 0;
        for (int i = 0; i < 4 && order == 0; i++)
            order = NILO__CMP(x[i], y[i]);
        if (order == 0)
            return c->run;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

/* Was the revision the strongest of its key among all that came before it? */
static bool won(const struct anew *a, const struct seen *x)
{
    for (size_t i = 0; i < a->n_seen; i++) {
        const struct seen *y = &a->seen[i];
        if (y->metric == x->metric && y->run < x->run && nilo_absence_definitive(y->absence) &&
            (y->rank > x->rank || (y->rank == x->rank && y->captured_at > x->captured_at)))
            return false;
    }
    return true;
}

static bool corrected_away(const struct anew *a, const struct seen *o)
{
    if (a->n_corrections && corrected_by(a, o->metric) > o->run)
        return true;
    for (size_t i = 0; i < a->n_seen && a->any_revision; i++) {
        const struct seen *x = &a->seen[i];
        if (x->revision && x->metric == o->metric && x->run > o->run && nilo_absence_definitive(x->absence) && won(a, x))
            return true;
    }
    return false;
}

/* Said at the same instant by the same run, else by the newest before it. The day is sorted by instants. */
static void find_gmv(const struct anew *a, size_t at, struct nilo__candidate *c)
{
    int64_t run = -1;
    size_t i = at;
    while (i > 0 && a->seen[i - 1].captured_at == c->captured_at)
        i--;
    for (; i < a->n_seen && a->seen[i].captured_at == c->captured_at; i++) {
        const struct seen *g = &a->seen[i];
        if (g->metric != 16 || g->absence != NILO_PRESENT || !g->counts || g->run > c->run || g->run <= run)
            continue;
        run = g->run;
        c->has_gmv = true;
        c->gmv = g->value;
    }
}

static int fold_day(struct anew *a, struct nilo_err *err)
{
    for (size_t i = 0; i < a->n_seen; i++) {
        const struct seen *o = &a->seen[i];
        const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(a->store), o->metric);
        size_t k = a->item_first;
        if (!o->counts || o->absence != NILO_PRESENT || corrected_away(a, o))
            continue;
        struct nilo__candidate c = {.entity = a->items[a->item], .metric = o->metric, .win = a->win, .day = a->day, .value = o->value,
                                    .captured_at = o->captured_at, .run = o->run};
        if (m && m->best_rule == NILO_BEST_WITH_GMV)
            find_gmv(a, i, &c);
        while (k < a->n && a->best[k].metric != c.metric)
            k++;
        if (k == a->n) {
            if (grow((void **)&a->best, a->n, &a->cap, sizeof *a->best, err) < 0)
                return -1;
            a->best[a->n++] = c;
        } else if (nilo__best_order(a->store, &c, &a->best[k]) > 0) {
            a->best[k] = c;
        }
    }
    a->n_seen = 0;
    a->any_revision = false;
    return 0;
}

static void item_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct anew *a = ctx;
    p[0] = NILO_DBV_INT(a->items[i].bucket);
    p[1] = NILO_DBV_INT(a->items[i].id);
}

static int correction_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct anew *a = ctx;
    if (grow((void **)&a->corrections, a->n_corrections, &a->cap_corrections, sizeof *a->corrections, err) < 0)
        return -1;
    a->corrections[a->n_corrections++] = (struct correction){.item = i,
                                                             .win = (int32_t)nilo_db_column_int(stmt, 0),
                                                             .day = (int32_t)nilo_db_column_int(stmt, 1),
                                                             .metric = (int32_t)nilo_db_column_int(stmt, 2),
                                                             .run = nilo_db_column_int(stmt, 3)};
    return 0;
}

static int seen_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct anew *a = ctx;
    int32_t win = (int32_t)nilo_db_column_int(stmt, 0), day = (int32_t)nilo_db_column_int(stmt, 1);
    if ((i != a->item || win != a->win || day != a->day) && fold_day(a, err) < 0)
        return -1;
    if (i != a->item)
        a->item_first = a->n;
    a->item = i;
    a->win = win;
    a->day = day;
    if (grow((void **)&a->seen, a->n_seen, &a->cap_seen, sizeof *a->seen, err) < 0)
        return -1;
    a->seen[a->n_seen] = (struct seen){.captured_at = nilo_db_column_int(stmt, 2),
                                       .metric = (int32_t)nilo_db_column_int(stmt, 3),
                                       .run = nilo_db_column_int(stmt, 4),
                                       .value = nilo_db_column_int(stmt, 5),
                                       .absence = (enum nilo_absence)nilo_db_column_int(stmt, 6),
                                       .rank = (int)nilo_db_column_int(stmt, 7),
                                       .revision = nilo_db_column_int(stmt, 8) == NILO_RUN_REVISE,
                                       .counts = nilo_run_status_counts((enum nilo_run_status)nilo_db_column_int(stmt, 9))};
    a->any_revision = a->any_revision || a->seen[a->n_seen].revision;
    a->n_seen++;
    return 0;
}

/* What the best was among readings of dropped days, which count for good. */
static int floor_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct anew *a = ctx;
    if (grow((void **)&a->best, a->n, &a->cap, sizeof *a->best, err) < 0)
        return -1;
    a->best[a->n++] = (struct nilo__candidate){.entity = a->items[i],
                                               .metric = (int32_t)nilo_db_column_int(stmt, 0),
                                               .value = nilo_db_column_int(stmt, 1),
                                               .has_gmv = !nilo_db_column_null(stmt, 2),
                                               .gmv = nilo_db_column_int(stmt, 2),
                                               .win = (int32_t)nilo_db_column_int(stmt, 3),
                                               .day = (int32_t)nilo_db_column_int(stmt, 4),
                                               .captured_at = nilo_db_column_int(stmt, 5),
                                               .run = nilo_db_column_int(stmt, 6)};
    return 0;
}

#define FLOORS "SELECT metric_id, value, gmv, win, day, captured_at, run_id FROM best_floor WHERE bucket = ?1 AND entity_id = ?2"
#define TOLD                                                                                                           \
    " UNION ALL SELECT f.metric_id, f.value, f.gmv, f.win, f.day, f.captured_at, f.run_id FROM best_import f JOIN run r ON r.id = f.run_id " \
    "WHERE f.bucket = ?1 AND f.entity_id = ?2 AND r.status NOT IN (5, 6) AND NOT " NILO__BEST_CORRECTED("f.run_id")

/* told: and what an export of values has told of readings that are not here. Floors of days that are dropped are made without: these stay. */
static int fold_floors(struct anew *a, size_t n, bool told, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(a->store->db, told ? FLOORS TOLD : FLOORS, &stmt, err) < 0 ||
        nilo_db_many(stmt, n, 2, item_params, floor_row, a, err) < 0)
        return -1;
    a->n = greatest_each(a->store, a->best, a->n);
    return 0;
}

static int fold_all(struct anew *a, size_t n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(a->store->db,
                        "SELECT win, day, metric_id, max(run_id) FROM day_value WHERE bucket = ?1 AND entity_id = ?2 AND seq > 0 AND cause = 3 "
                        "GROUP BY win, day, metric_id ORDER BY win, day, metric_id",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, n, 2, item_params, correction_row, a, err) < 0)
        return -1;
    if (nilo_db_prepare(a->store->db,
                        "SELECT o.win, o.day, o.captured_at, o.metric_id, o.run_id, o.value, o.absence, o.rank, r.kind, r.status "
                        "FROM observation o JOIN run r ON r.id = o.run_id WHERE o.bucket = ?1 AND o.entity_id = ?2 "
                        "ORDER BY o.win, o.day, o.captured_at, o.metric_id, o.run_id",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, n, 2, item_params, seen_row, a, err) < 0)
        return -1;
    return fold_day(a, err) < 0 ? -1 : fold_floors(a, n, true, err);
}

static int write_anew(struct anew *a, size_t n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(a->store->db, "DELETE FROM best WHERE bucket = ?1 AND entity_id = ?2", &stmt, err) < 0 ||
        nilo_db_many(stmt, n, 2, item_params, NULL, a, err) < 0)
        return -1;
    return write_best(&(struct fold){a->store, a->best, a->n}, err);
}

static void done(struct anew *a)
{
    free(a->best);
    free(a->seen);
    free(a->corrections);
}

int nilo__best_anew(struct nilo_store *s, const struct nilo_entity_ref *e, size_t n, struct nilo_err *err)
{
    struct anew a = {.store = s, .items = e};
    (void)nilo_store_catalog(s); /* loaded before: rows are decided while they come */
    int rc = n ? fold_all(&a, n, err) : 0;
    if (rc == 0 && n)
        rc = write_anew(&a, n, err);
    done(&a);
    return rc;
}

int nilo__best_fresh(struct nilo_store *s, const struct nilo_entity_ref *e, size_t n, struct nilo__candidate **ret, size_t *ret_n,
                     struct nilo_err *err)
{
    struct anew a = {.store = s, .items = e};
    (void)nilo_store_catalog(s);
    int rc = n ? fold_all(&a, n, err) : 0;
    if (rc == 0) {
        if (a.n)
            qsort(a.best, a.n, sizeof *a.best, by_item);
        *ret = a.best;
        *ret_n = a.n;
        a.best = NULL;
    }
    done(&a);
    return rc;
}

/* ---- of days that are dropped -------------------------------------------------------------------------------------------------- */

struct until {
    struct anew a;
    const int32_t *wins;
    int32_t day;
};

static void until_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct until *u = ctx;
    item_params(ctx, i, p);
    p[2] = NILO_DBV_INT(u->wins[i]);
    p[3] = NILO_DBV_INT(u->day);
}

static int until_correction(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    return correction_row(&((struct until *)ctx)->a, i, stmt, err);
}
static int until_seen(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    return seen_row(&((struct until *)ctx)->a, i, stmt, err);
}

static const struct nilo_db_insert put_floor = {
    .table = "best_floor",
    .fields = best_fields,
    .n_fields = 9,
    .conflict = "ON CONFLICT (bucket, entity_id, metric_id) DO UPDATE SET value = excluded.value, gmv = excluded.gmv, win = excluded.win, "
                "day = excluded.day, captured_at = excluded.captured_at, run_id = excluded.run_id",
};

/* One window of an item each, so that only the days in question are read. */
static int fold_until(struct until *u, size_t n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(u->a.store->db,
                        "SELECT win, day, metric_id, max(run_id) FROM day_value WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day <= ?4 "
                        "AND seq > 0 AND cause = 3 GROUP BY win, day, metric_id ORDER BY win, day, metric_id",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, n, 4, until_params, until_correction, u, err) < 0)
        return -1;
    if (nilo_db_prepare(u->a.store->db,
                        "SELECT o.win, o.day, o.captured_at, o.metric_id, o.run_id, o.value, o.absence, o.rank, r.kind, r.status "
                        "FROM observation o JOIN run r ON r.id = o.run_id WHERE o.bucket = ?1 AND o.entity_id = ?2 AND o.win = ?3 AND o.day <= ?4 "
                        "ORDER BY o.day, o.captured_at, o.metric_id, o.run_id",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, n, 4, until_params, until_seen, u, err) < 0)
        return -1;
    return fold_day(&u->a, err) < 0 ? -1 : fold_floors(&u->a, n, false, err);
}

int nilo__best_floors(struct nilo_store *s, const struct nilo_entity_ref *e, const int32_t *wins, size_t n, int32_t until,
                      struct nilo_err *err)
{
    struct until u = {.a = {.store = s, .items = e}, .wins = wins, .day = until};
    (void)nilo_store_catalog(s);
    int rc = n ? fold_until(&u, n, err) : 0;
    if (rc == 0 && u.a.n)
        rc = nilo_db_insert(s->db, &put_floor, u.a.n, write_params, &(struct fold){s, u.a.best, u.a.n}, err);
    done(&u.a);
    return rc;
}
