/* All-time bests that an export of values tells. Such a file shows one value a day: a best that was read before the day's last value, or on a day that
 * was dropped, is in none of them. It comes as what it was, a reading of a cell (window, day, metric) at an instant, and is kept in best_import as one
 * more candidate of the fold in best.c, where no reading in the record says as much. Like a reading it makes no day's value. */
#include <stdlib.h>

#include "store/rows/derive.h"

struct telling {
    const struct nilo_connection *c;
    const struct nilo_best_in *in;
    struct nilo__candidate *all; /* entity.id 0: there is no such item, or nothing new */
    size_t n;
    struct nilo_store *s;
};

static void item_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct telling *t = ctx;
    p[0] = NILO_DBV_INT(t->c->workspace);
    p[1] = NILO_DBV_TEXT(t->in[i].external_id);
    p[2] = NILO_DBV_INT(t->c->id);
    p[3] = NILO_DBV_INT(t->in[i].kind);
}

static int item_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct telling *t = ctx;
    t->all[i].entity = (struct nilo_entity_ref){(int32_t)nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)};
    return 0;
}

static int by_reading(const void *a, const void *b)
{
    const struct nilo__candidate *x = a, *y = b;
    int c = nilo__entity_cmp(x->entity, y->entity);
    if (c == 0)
        c = NILO__CMP(x->metric, y->metric);
    if (c == 0)
        c = NILO__CMP(x->win, y->win);
    if (c == 0)
        c = NILO__CMP(x->day, y->day);
    return c ? c : NILO__CMP(x->captured_at, y->captured_at);
}

/* Those of items that are there, of each reading the better one. */
static void unique(struct telling *t)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->all[i].entity.id != 0)
            t->all[n++] = t->all[i];
    qsort(t->all, n, sizeof *t->all, by_reading);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || by_reading(&t->all[kept - 1], &t->all[i]) != 0)
            t->all[kept++] = t->all[i];
        else if (nilo__best_order(t->s, &t->all[i], &t->all[kept - 1]) > 0)
            t->all[kept - 1] = t->all[i];
    }
    t->n = kept;
}

/* ---- is it news? ------------------------------------------------------------------------------------------------------------- */

/* f: the candidate. Of the maximum, any reading of the cell that counts and is as high as early says as much. Of what goes by GMV only the
 * same: here the best itself, or one that was told before. */
#define GIVEN                                                                                                          \
    "(SELECT CAST(?1 AS bigint) AS bucket, CAST(?2 AS bigint) AS entity_id, CAST(?3 AS bigint) AS metric_id, CAST(?4 AS bigint) AS win, "   \
    "CAST(?5 AS bigint) AS day, CAST(?6 AS bigint) AS captured_at, CAST(?7 AS bigint) AS value, CAST(?8 AS bigint) AS gmv) f"
#define AS_GOOD(a) "(" a ".value > f.value OR (" a ".value = f.value AND " a ".captured_at <= f.captured_at))"
#define THE_SAME(a)                                                                                                    \
    a ".captured_at = f.captured_at AND " a ".value = f.value AND COALESCE(" a ".gmv, -1) = COALESCE(f.gmv, -1)"
#define COUNTS(a) " AND (SELECT r.status FROM run r WHERE r.id = " a ".run_id) NOT IN (5, 6)"
static const char known_max[] =
    "SELECT 1 FROM " GIVEN " WHERE EXISTS (SELECT 1 FROM observation a WHERE " NILO__BEST_CELL("a", "f") " AND a.value IS NOT NULL AND " AS_GOOD("a")
     COUNTS("a") ") OR EXISTS (SELECT 1 FROM best_import a WHERE " NILO__BEST_CELL("a", "f") " AND " AS_GOOD("a") COUNTS("a") ") OR "
     NILO__BEST_CORRECTED("0");
static const char known_gmv[] =
    "SELECT 1 FROM " GIVEN " WHERE EXISTS (SELECT 1 FROM best a WHERE " NILO__BEST_CELL("a", "f") " AND " THE_SAME("a") ") "
     "OR EXISTS (SELECT 1 FROM best_import a WHERE " NILO__BEST_CELL("a", "f") " AND " THE_SAME("a") COUNTS("a") ") OR " NILO__BEST_CORRECTED("0");

static bool by_gmv(const struct telling *t, size_t i)
{
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(t->s), t->all[i].metric);
    return m && m->best_rule == NILO_BEST_WITH_GMV;
}

struct asking {
    struct telling *t;
    size_t *which;
};

static void known_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct asking *a = ctx;
    const struct nilo__candidate *c = &a->t->all[a->which[i]];
    p[0] = NILO_DBV_INT(c->entity.bucket);
    p[1] = NILO_DBV_INT(c->entity.id);
    p[2] = NILO_DBV_INT(c->metric);
    p[3] = NILO_DBV_INT(c->win);
    p[4] = NILO_DBV_INT(c->day);
    p[5] = NILO_DBV_INT(c->captured_at);
    p[6] = NILO_DBV_INT(c->value);
    p[7] = c->has_gmv ? NILO_DBV_INT(c->gmv) : NILO_DBV_NULL;
}

static int known_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)stmt;
    (void)err;
    const struct asking *a = ctx;
    a->t->all[a->which[i]].entity.id = 0;
    return 0;
}

static int ask(struct telling *t, size_t *which, bool gmv, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct asking a = {t, which};
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (by_gmv(t, i) == gmv)
            which[n++] = i;
    if (n == 0)
        return 0;
    return nilo_db_prepare(t->s->db, gmv ? known_gmv : known_max, &stmt, err) < 0 ? -1 : nilo_db_many(stmt, n, 8, known_params, known_row, &a, err);
}

static int leave_out_known(struct telling *t, struct nilo_err *err)
{
    size_t *which = malloc((t->n + 1) * sizeof *which);
    if (which == NULL)
        return nilo_err_nomem(err);
    int rc = ask(t, which, false, err) < 0 || ask(t, which, true, err) < 0 ? -1 : 0;
    free(which);
    if (rc == 0)
        unique(t);
    return rc;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------- */

static void row_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct nilo__candidate *c = &((const struct telling *)ctx)->all[i];
    p[0] = NILO_DBV_INT(c->entity.bucket);
    p[1] = NILO_DBV_INT(c->entity.id);
    p[2] = NILO_DBV_INT(c->metric);
    p[3] = NILO_DBV_INT(c->win);
    p[4] = NILO_DBV_INT(c->day);
    p[5] = NILO_DBV_INT(c->captured_at);
    p[6] = NILO_DBV_INT(c->run);
    p[7] = NILO_DBV_INT(c->value);
    p[8] = c->has_gmv ? NILO_DBV_INT(c->gmv) : NILO_DBV_NULL;
}

static const struct nilo_db_field fields[] = {
    {"bucket", "smallint"},    {"entity_id", "bigint"}, {"metric_id", "integer"}, {"win", "integer"}, {"day", "integer"},
    {"captured_at", "bigint"}, {"run_id", "bigint"},    {"value", "bigint"},      {"gmv", "bigint"},
};
static const struct nilo_db_insert put = {.table = "best_import", .fields = fields, .n_fields = 9};

static int tell(struct telling *t, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(t->s->db, "SELECT bucket, id FROM entity WHERE workspace_id = ?1 AND external_id = ?2 AND connection_id = ?3 AND kind = ?4", &stmt,
                        err) < 0 ||
        nilo_db_many(stmt, t->n, 4, item_params, item_row, t, err) < 0)
        return -1;
    unique(t);
    if (leave_out_known(t, err) < 0 || nilo_db_insert(t->s->db, &put, t->n, row_params, t, err) < 0)
        return -1;
    size_t n = t->n; /* the fold puts them in another order, and leaves some out */
    return nilo__best_fold(t->s, t->all, n, err);
}

int nilo_store_bests(struct nilo_store *s, const struct nilo_connection *c, int64_t run, const struct nilo_best_in *in, size_t n, int64_t *ret_taken,
                     struct nilo_err *err)
{
    struct telling t = {.c = c, .in = in, .n = n, .s = s, .all = calloc(n + 1, sizeof *t.all)};
    *ret_taken = 0;
    if (t.all == NULL)
        return nilo_err_nomem(err);
    (void)nilo_store_catalog(s); /* loaded before the rest: statements run one at a time */
    for (size_t i = 0; i < n; i++)
        t.all[i] = (struct nilo__candidate){.metric = in[i].metric, .win = in[i].win, .day = in[i].day.n, .value = in[i].value, .has_gmv = in[i].has_gmv,
                                            .gmv = in[i].has_gmv ? in[i].gmv : 0, .captured_at = in[i].captured_at, .run = run};
    int rc = n ? tell(&t, err) : 0;
    if (rc == 0)
        *ret_taken = (int64_t)t.n;
    free(t.all);
    return rc;
}

/* ---- what ends them -------------------------------------------------------------------------------------------------------------- */

int nilo__bests_forget(struct nilo_store *s, int64_t connection, int32_t until, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "DELETE FROM best_import AS f WHERE f.day <= ?2 AND EXISTS (SELECT 1 FROM entity e WHERE e.bucket = f.bucket AND e.id = f.entity_id "
                     "AND e.connection_id = ?1) AND " NILO__BEST_CORRECTED("f.run_id"),
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(until)));
}

int nilo__bests_of_run(struct nilo_store *s, int64_t connection, int64_t run, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo_entity_ref *all = NULL;
    size_t n = 0, cap = 0;
    int got;
    if (nilo__query(s, &stmt, err,
                    "SELECT e.bucket, e.id FROM entity e WHERE e.connection_id = ?1 AND EXISTS (SELECT 1 FROM best_import f WHERE f.bucket = e.bucket "
                    "AND f.entity_id = e.id AND f.run_id = ?2) ORDER BY e.bucket, e.id",
                    NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(run))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (n == cap) {
            cap = cap ? 2 * cap : 64;
            struct nilo_entity_ref *more = realloc(all, cap * sizeof *all);
            if (more == NULL) {
                nilo_db_reset(stmt);
                got = nilo_err_nomem(err);
                break;
            }
            all = more;
        }
        all[n++] = (struct nilo_entity_ref){(int32_t)nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)};
    }
    int rc = got < 0 ? -1 : nilo__best_anew(s, all, n, err);
    free(all);
    return rc;
}
