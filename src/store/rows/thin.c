/* Thinning: old closed days keep their values and no longer every reading of them.
 *
 * What stays is chosen so that no answer changes, today or after a later correction: the readings that day values came from, and of each
 * cell the greatest counted one, which is all that the all-time best looks at. Cells with a revision keep everything, since what a
 * revision took out of the best is decided by looking at all readings before it; so do the metrics whose best goes by GMV. */
#include <stdlib.h>

#include "store/rows/derive.h"

#define STEP  31    /* days an act */
#define CHUNK 50000 /* readings deleted at a time */

#define SAME(a, b)                                                                                                     \
    a ".bucket = " b ".bucket AND " a ".entity_id = " b ".entity_id AND " a ".win = " b ".win AND " a ".day = " b ".day"
/* Of connection ?1, days ?2 to ?3: what may go. */
static const char may_go[] =
    "FROM item i JOIN observation o ON o.bucket = i.bucket AND o.entity_id = i.entity_id AND o.win = i.win JOIN run r ON r.id = o.run_id "
    "WHERE o.day BETWEEN ?2 AND ?3 AND r.kind NOT IN (2, 4) AND r.status NOT IN (0, 5, 6) "
    "AND o.metric_id NOT IN (SELECT id FROM metric WHERE best_rule = 1 OR name = 'gmv') "
    "AND NOT EXISTS (SELECT 1 FROM day_value v WHERE " SAME("v", "o") " AND v.metric_id = o.metric_id AND v.captured_at = o.captured_at "
    "AND v.run_id = o.run_id) "
    "AND NOT EXISTS (SELECT 1 FROM observation x JOIN run q ON q.id = x.run_id WHERE " SAME("x", "o") " AND x.metric_id = o.metric_id AND q.kind = 4) "
    /* the order of best.c within a day: the greatest, of these the first */
    "AND (o.value IS NULL OR EXISTS (SELECT 1 FROM observation y JOIN run q ON q.id = y.run_id WHERE " SAME("y", "o") " AND y.metric_id = o.metric_id "
    "AND q.status NOT IN (0, 5, 6) AND (y.value > o.value OR (y.value = o.value AND (y.captured_at < o.captured_at OR "
    "(y.captured_at = o.captured_at AND y.run_id < o.run_id)))))) ";

struct reading {
    struct nilo_entity_ref entity;
    int32_t win, day, metric;
    int64_t captured_at, run;
};
struct readings {
    struct reading *all;
    size_t n;
};

static void key_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct reading *x = &((struct readings *)ctx)->all[i];
    p[0] = NILO_DBV_INT(x->entity.bucket);
    p[1] = NILO_DBV_INT(x->entity.id);
    p[2] = NILO_DBV_INT(x->win);
    p[3] = NILO_DBV_INT(x->day);
    p[4] = NILO_DBV_INT(x->captured_at);
    p[5] = NILO_DBV_INT(x->metric);
    p[6] = NILO_DBV_INT(x->run);
}

/* How many may go of these days; n NULL: gather up to CHUNK of them instead. */
static int ask(struct nilo_store *s, const struct nilo_thin *how, int32_t from, int32_t to, int64_t *n, struct readings *r, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo_buf sql;
    int got;
    nilo_buf_init(&sql, 16384);
    nilo_buf_adds(&sql, NILO__WINDOWS("observation"));
    nilo_buf_adds(&sql, n ? "SELECT count(*) " : "SELECT o.bucket, o.entity_id, o.win, o.day, o.captured_at, o.metric_id, o.run_id ");
    nilo_buf_adds(&sql, may_go);
    if (n == NULL)
        nilo_buf_addf(&sql, "LIMIT %d", CHUNK);
    int rc = sql.failed ? nilo_err_nomem(err)
                        : nilo__query(s, &stmt, err, nilo_buf_str(&sql),
                                      NILO__PARAMS(NILO_DBV_INT(how->connection), NILO_DBV_INT(from), NILO_DBV_INT(to)));
    nilo_buf_done(&sql);
    if (rc < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (n != NULL)
            *n = nilo_db_column_int(stmt, 0);
        else if (r->n < CHUNK)
            r->all[r->n++] = (struct reading){{(int32_t)nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)},
                                              (int32_t)nilo_db_column_int(stmt, 2),
                                              (int32_t)nilo_db_column_int(stmt, 3),
                                              (int32_t)nilo_db_column_int(stmt, 5),
                                              nilo_db_column_int(stmt, 4),
                                              nilo_db_column_int(stmt, 6)};
    }
    return got;
}

static int record_act(struct nilo_store *s, const struct nilo_thin *how, int32_t from, int32_t to, int64_t n, struct nilo_err *err)
{
    int64_t id;
    if (nilo__next_ids(s, "thinning", 1, &id, err) < 0)
        return -1;
    return nilo__run(s, err, "INSERT INTO thinning (id, connection_id, from_day, until_day, removed, author, thinned_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                     NILO__PARAMS(NILO_DBV_INT(id), NILO_DBV_INT(how->connection), NILO_DBV_INT(from), NILO_DBV_INT(to), NILO_DBV_INT(n),
                                  NILO_DBV_TEXT(how->author), NILO_DBV_INT(s->env.clock.wall(s->env.clock.ctx))));
}

/* The act first: it is what the trigger lets the readings go by. */
static int thin_days(struct nilo_store *s, const struct nilo_thin *how, int32_t from, int32_t to, struct readings *r, int64_t *ret_n,
                     struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    *ret_n = 0;
    if (ask(s, how, from, to, ret_n, NULL, err) < 0)
        return -1;
    if (how->dry_run)
        return 0;
    if (record_act(s, how, from, to, *ret_n, err) < 0)
        return -1;
    for (int64_t left = *ret_n; left > 0; left -= (int64_t)r->n) {
        r->n = 0;
        if (ask(s, how, from, to, NULL, r, err) < 0 ||
            nilo_db_prepare(s->db,
                            "DELETE FROM observation WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day = ?4 AND captured_at = ?5 "
                            "AND metric_id = ?6 AND run_id = ?7",
                            &stmt, err) < 0 ||
            nilo_db_many(stmt, r->n, 7, key_params, NULL, r, err) < 0)
            return -1;
        if (r->n == 0)
            return nilo_err_set(err, NILO_EINTERNAL, "fewer readings may be thinned than were counted");
    }
    return 0;
}

static int first_day(struct nilo_store *s, const struct nilo_thin *how, int64_t *ret, struct nilo_err *err)
{
    const struct nilo_db_value id = NILO_DBV_INT(how->connection);
    if (!how->all) {
        if (nilo__query_int(s, INT32_MIN, ret, err, "SELECT max(until_day) FROM thinning WHERE connection_id = ?1", 1, &id) < 0)
            return -1;
        ++*ret;
        if (*ret > (int64_t)INT32_MIN + 1)
            return 0;
    }
    return nilo__query_int(s, INT32_MAX, ret, err,
                           "SELECT min(l.first_day) FROM entity e JOIN latest l ON l.bucket = e.bucket AND l.entity_id = e.id WHERE e.connection_id = ?1",
                           1, &id);
}

static int thin_step(struct nilo_store *s, const struct nilo_thin *how, int32_t from, int32_t to, struct readings *r, int64_t *ret_removed,
                     struct nilo_err *err)
{
    int64_t n;
    if (nilo_store_begin(s, err) < 0)
        return -1;
    if (thin_days(s, how, from, to, r, &n, err) < 0) {
        nilo_store_rollback(s);
        return -1;
    }
    *ret_removed += n;
    if (!how->dry_run)
        return nilo_store_commit(s, err);
    nilo_store_rollback(s);
    return 0;
}

int nilo_store_thin(struct nilo_store *s, const struct nilo_thin *how, int64_t *ret_removed, struct nilo_err *err)
{
    struct nilo_connection c;
    struct readings r = {0};
    int64_t from, removed = 0;
    if (nilo_store_connection_get(s, how->connection, &c, err) < 0 || first_day(s, how, &from, err) < 0)
        return -1;
    int64_t until = how->until.n < c.closed_until.n ? how->until.n : c.closed_until.n;
    r.all = calloc(CHUNK, sizeof *r.all);
    if (r.all == NULL)
        return nilo_err_nomem(err);
    int rc = 0;
    for (int64_t to; from <= until && rc == 0; from = to + 1) {
        to = from + STEP - 1 < until ? from + STEP - 1 : until;
        rc = thin_step(s, how, (int32_t)from, (int32_t)to, &r, &removed, err);
    }
    free(r.all);
    *ret_removed = removed;
    return rc;
}
