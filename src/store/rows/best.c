/* The all-time best of an item: a fold over every value that was ever counted, so that neither a lower re-reading within a
 * day nor a restatement lowers it. Only a correction of its day, or taking its run out, does. */
#include <stdlib.h>

#include "store/rows/derive.h"

/* Plain metrics: the greatest value, its first sight. */
static int max_order(const struct nilo__candidate *a, const struct nilo__candidate *b) {
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
static int gmv_order(const struct nilo__candidate *a, const struct nilo__candidate *b) {
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

static int order(struct nilo_store *s, const struct nilo__candidate *a, const struct nilo__candidate *b) {
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(s), a->metric);
    return m && m->best_rule == NILO_BEST_WITH_GMV ? gmv_order(a, b) : max_order(a, b);
}

static int by_item(const void *a, const void *b) {
    const struct nilo__candidate *x = a, *y = b;
    int c = nilo__entity_cmp(x->entity, y->entity);
    return c ? c : NILO__CMP(x->metric, y->metric);
}

/* Keeps the greatest candidate of each (entity, metric) at the front; returns how many. */
static size_t greatest_each(struct nilo_store *s, struct nilo__candidate *c, size_t n) {
    size_t kept = 0;
    if (n == 0)
        return 0;
    qsort(c, n, sizeof *c, by_item);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || by_item(&c[kept - 1], &c[i]) != 0)
            c[kept++] = c[i];
        else if (order(s, &c[i], &c[kept - 1]) > 0)
            c[kept - 1] = c[i];
    }
    return kept;
}

struct fold {
    struct nilo_store *store;
    struct nilo__candidate *c;
    size_t n;
};

static void key_params(void *ctx, size_t i, struct nilo_db_value *p) {
    const struct nilo__candidate *c = &((struct fold *)ctx)->c[i];
    p[0] = NILO_DBV_INT(c->entity.bucket);
    p[1] = NILO_DBV_INT(c->entity.id);
    p[2] = NILO_DBV_INT(c->metric);
}

/* A candidate that does not beat what stands is marked by run -1 and dropped. */
static int stands_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err) {
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
    if (order(f->store, &f->c[i], &now) <= 0)
        f->c[i].run = -1;
    return 0;
}

static void write_params(void *ctx, size_t i, struct nilo_db_value *p) {
    const struct nilo__candidate *c = &((struct fold *)ctx)->c[i];
    key_params(ctx, i, p);
    p[3] = NILO_DBV_INT(c->value);
    p[4] = c->has_gmv ? NILO_DBV_INT(c->gmv) : NILO_DBV_NULL;
    p[5] = NILO_DBV_INT(c->win);
    p[6] = NILO_DBV_INT(c->day);
    p[7] = NILO_DBV_INT(c->captured_at);
    p[8] = NILO_DBV_INT(c->run);
}

static int write_best(struct fold *f, struct nilo_err *err) {
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(f->store->db,
                        "INSERT INTO best (bucket, entity_id, metric_id, value, gmv, win, day, captured_at, run_id) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (bucket, entity_id, metric_id) DO UPDATE SET "
                        "value = excluded.value, gmv = excluded.gmv, win = excluded.win, day = excluded.day, "
                        "captured_at = excluded.captured_at, run_id = excluded.run_id",
                        &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, f->n, 9, write_params, NULL, f, err);
}

int nilo__best_fold(struct nilo_store *s, struct nilo__candidate *c, size_t n, struct nilo_err *err) {
    struct nilo_db_stmt *stmt;
    struct fold f = {s, c, greatest_each(s, c, n)};
    if (f.n == 0)
        return 0;
    if (nilo_db_prepare(s->db,
                        "SELECT value, gmv, win, day, captured_at, run_id FROM best WHERE bucket = ?1 AND entity_id = ?2 AND metric_id = ?3",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, f.n, 3, key_params, stands_row, &f, err) < 0)
        return -1;
    size_t kept = 0;
    for (size_t i = 0; i < f.n; i++)
        if (c[i].run >= 0)
            c[kept++] = c[i];
    f.n = kept;
    return write_best(&f, err);
}

/* ---- from every counted observation ------------------------------------------------------------------------------------------ */

struct anew {
    struct nilo__candidate *c;
    size_t n, cap;
};

static int candidate_row(struct anew *a, struct nilo_entity_ref e, struct nilo_db_stmt *stmt, struct nilo_err *err) {
    if (a->n == a->cap) {
        size_t cap = a->cap ? 2 * a->cap : 256;
        struct nilo__candidate *more = realloc(a->c, cap * sizeof *more);
        if (!more)
            return nilo_err_nomem(err);
        a->c = more;
        a->cap = cap;
    }
    a->c[a->n++] = (struct nilo__candidate){.entity = e,
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

/* Metric 16 is gmv, best rule 1 a ratio, cause 3 corrected, run kind 4 a revision, statuses 5 and 6 do not count, rank 9 is --revise
 * (model/model.h). A key that was corrected counts only what runs from the last correction on said of it. A correction stands in
 * the record, but for one of a day still open that a later --revise replaced: that one is found among the observations, by having
 * been the strongest when it came. */
#define SAME_KEY(x)                                                                                                    \
    x ".bucket = o.bucket AND " x ".entity_id = o.entity_id AND " x ".win = o.win AND " x ".day = o.day AND " x ".metric_id = o.metric_id "
static const char candidates_sql[] =
    "SELECT o.metric_id, o.value, CASE WHEN m.best_rule = 1 THEN (SELECT g.value FROM observation g JOIN run q ON q.id = g.run_id "
    "WHERE g.bucket = o.bucket AND g.entity_id = o.entity_id AND g.win = o.win AND g.day = o.day AND g.captured_at = o.captured_at "
    "AND g.metric_id = 16 AND g.run_id <= o.run_id AND g.value IS NOT NULL AND q.status NOT IN (5, 6) ORDER BY g.run_id DESC LIMIT 1) END, "
    "o.win, o.day, o.captured_at, o.run_id "
    "FROM observation o JOIN run r ON r.id = o.run_id JOIN metric m ON m.id = o.metric_id WHERE o.bucket = ?1 AND o.entity_id = ?2 "
    "AND o.value IS NOT NULL AND r.status NOT IN (5, 6) "
    "AND NOT EXISTS (SELECT 1 FROM day_value v WHERE " SAME_KEY("v") "AND v.cause = 3 AND v.run_id > o.run_id) "
    "AND NOT EXISTS (SELECT 1 FROM observation x JOIN run k ON k.id = x.run_id WHERE " SAME_KEY("x") "AND x.run_id > o.run_id AND k.kind = 4 "
    "AND x.rank = 9 AND x.absence IN (0, 1, 2, 3) AND NOT EXISTS (SELECT 1 FROM observation y WHERE " SAME_KEY("y")
    "AND y.run_id < x.run_id AND y.rank = 9 AND y.absence IN (0, 1, 2, 3) AND y.captured_at > x.captured_at))";

static int one_anew(struct nilo_store *s, struct nilo_entity_ref e, struct anew *a, struct nilo_err *err) {
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__run(s, err, "DELETE FROM best WHERE bucket = ?1 AND entity_id = ?2",
                  NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id))) < 0 ||
        nilo__query(s, &stmt, err, candidates_sql, NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1)
        if (candidate_row(a, e, stmt, err) < 0) {
            nilo_db_reset(stmt);
            return -1;
        }
    return got;
}

int nilo__best_anew(struct nilo_store *s, const struct nilo_entity_ref *e, size_t n, struct nilo_err *err) {
    struct anew a = {0};
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        a.n = 0;
        if ((rc = one_anew(s, e[i], &a, err)) == 0) {
            struct fold f = {s, a.c, greatest_each(s, a.c, a.n)};
            rc = write_best(&f, err);
        }
    }
    free(a.c);
    return rc;
}
