/* Reading the record in bulk: shown cells by entity and day, and totals as running sums. */
#include "store/rows/rows.h"

#include <inttypes.h>
#include <stdlib.h>

void nilo__scope_sql(const struct nilo_scope *scope, const char *column, struct nilo_buf *sql) {
    if (scope->all && scope->role == NILO_ROLE_SERVICE)
        return;
    if (scope->n == 0) {
        nilo_buf_adds(sql, " AND 1=0");
        return;
    }
    nilo_buf_addf(sql, " AND %s IN (", column);
    for (size_t i = 0; i < scope->n; i++)
        nilo_buf_addf(sql, "%s%" PRId64, i ? "," : "", scope->workspaces[i]);
    nilo_buf_addc(sql, ')');
}

/* ---- shown cells ---------------------------------------------------------------------------------------------------------------- */

#define SAME_CELL "w.bucket = v.bucket AND w.entity_id = v.entity_id AND w.win = v.win AND w.day = v.day AND w.metric_id = v.metric_id"

/* Integers go into the text (they cannot be anything else), texts are bound: ?1 platform, ?2 external id. */
static void scan_sql(const struct nilo_scope *scope, const struct nilo_select *sel, struct nilo_buf *sql) {
    nilo_buf_adds(sql, "SELECT v.bucket, v.entity_id, e.workspace_id, e.connection_id, v.day, v.metric_id, v.value, v.absence, v.provenance, "
                       "v.captured_at, v.meta FROM entity e JOIN connection c ON c.id = e.connection_id "
                       "JOIN day_value v ON v.bucket = e.bucket AND v.entity_id = e.id WHERE "
                       "(CAST(?1 AS text) IS NULL OR c.platform = ?1)");
    nilo__scope_sql(scope, "e.workspace_id", sql);
    if (sel->external_id)
        nilo_buf_adds(sql, " AND e.external_id = ?2");
    else
        nilo_buf_adds(sql, " AND CAST(?2 AS text) IS NULL");
    if (sel->workspace)
        nilo_buf_addf(sql, " AND e.workspace_id = %" PRId64, sel->workspace);
    if (sel->connection)
        nilo_buf_addf(sql, " AND e.connection_id = %" PRId64, sel->connection);
    if (sel->kind >= 0)
        nilo_buf_addf(sql, " AND e.kind = %d", sel->kind);
    nilo_buf_addf(sql, " AND v.win = %" PRId32, sel->win);
    if (!nilo_day_is_none(sel->from))
        nilo_buf_addf(sql, " AND v.day >= %" PRId32, sel->from.n);
    if (!nilo_day_is_none(sel->to))
        nilo_buf_addf(sql, " AND v.day <= %" PRId32, sel->to.n);
    if (sel->metric)
        nilo_buf_addf(sql, " AND v.metric_id = %" PRId32, sel->metric);
    nilo_buf_adds(sql, " AND NOT EXISTS (SELECT 1 FROM day_value w WHERE " SAME_CELL " AND w.seq > v.seq");
    if (sel->as_of != NILO_US_NONE)
        nilo_buf_addf(sql, " AND w.recorded_at <= %" PRId64 ") AND v.recorded_at <= %" PRId64, sel->as_of, sel->as_of);
    else
        nilo_buf_addc(sql, ')');
    if (sel->owner) {
        nilo_buf_addf(sql, " AND EXISTS (SELECT 1 FROM credit k WHERE k.bucket = v.bucket AND k.entity_id = v.entity_id AND k.owner_id = %" PRId64
                           " AND k.from_day <= v.day AND k.to_day >= v.day", sel->owner);
        if (sel->as_of != NILO_US_NONE)
            nilo_buf_addf(sql, " AND k.recorded_at <= %" PRId64 " AND (k.ended_at IS NULL OR k.ended_at > %" PRId64 "))", sel->as_of, sel->as_of);
        else
            nilo_buf_adds(sql, " AND k.ended_at IS NULL)");
    }
    nilo_buf_adds(sql, " ORDER BY v.bucket, v.entity_id, v.day, v.metric_id");
}

static int scan_rows(struct nilo_db_stmt *stmt, nilo_scan_fn *fn, void *ctx, struct nilo_err *err) {
    int got;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct nilo_scan_row row = {.entity = {(int32_t)nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)},
                                    .workspace = nilo_db_column_int(stmt, 2),
                                    .connection = nilo_db_column_int(stmt, 3),
                                    .day = NILO_DAY((int32_t)nilo_db_column_int(stmt, 4)),
                                    .metric = (int32_t)nilo_db_column_int(stmt, 5),
                                    .value = nilo_db_column_int(stmt, 6),
                                    .absence = (enum nilo_absence)nilo_db_column_int(stmt, 7),
                                    .provenance = (enum nilo_provenance)nilo_db_column_int(stmt, 8),
                                    .captured_at = nilo_db_column_int(stmt, 9),
                                    .meta = nilo_db_column_text(stmt, 10)};
        int rc = fn(ctx, &row);
        if (rc != 0) {
            nilo_db_reset(stmt);
            return rc;
        }
    }
    return got;
}

int nilo_store_scan(struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_select *sel, nilo_scan_fn *fn, void *ctx,
                    struct nilo_err *err) {
    struct nilo_buf sql;
    struct nilo_db_stmt *stmt;
    nilo_buf_init(&sql, 1 << 20);
    scan_sql(scope, sel, &sql);
    int rc = sql.failed ? nilo_err_nomem(err)
                        : nilo__query(s, &stmt, err, sql.data, NILO__PARAMS(nilo_dbv_text(sel->platform), nilo_dbv_text(sel->external_id)));
    nilo_buf_done(&sql);
    return rc < 0 ? -1 : scan_rows(stmt, fn, ctx, err);
}

/* ---- totals -------------------------------------------------------------------------------------------------------------------- */

/* One row of `total`: the metric's own, or that of metric 0, which counts items. */
struct change_row {
    int32_t day, metric;
    int64_t hi, lo, known, fresh;
};

struct running {
    bool level, items_only;    /* metric 0 itself: items existing and items read */
    nilo_day from;
    struct nilo_total_row now; /* the state at the end of now.day */
    int64_t hi, lo;
    bool any;                  /* a row waits */
};

static int holds(struct nilo_store *s, const struct nilo_scope *scope, enum nilo_total_scope kind, int64_t id, struct nilo_err *err) {
    static const char *const sql[] = {"SELECT id FROM workspace WHERE id = ?1", "SELECT workspace_id FROM connection WHERE id = ?1",
                                      "SELECT workspace_id FROM owner WHERE id = ?1"};
    int64_t workspace;
    if (nilo__query_int(s, 0, &workspace, err, sql[kind], NILO__PARAMS(NILO_DBV_INT(id))) < 0)
        return -1;
    bool in = workspace && scope->all && scope->role == NILO_ROLE_SERVICE;
    for (size_t i = 0; workspace && i < scope->n && !in; i++)
        in = scope->workspaces[i] == workspace;
    return in ? 0 : nilo_err_set(err, NILO_EPERM, "permission denied for these totals");
}

static void add_change(struct running *t, const struct change_row *c) {
    if (c->metric == 0) {
        t->now.items += c->known;
        if (t->items_only) {
            t->now.known = t->now.items;
            t->now.fresh = c->fresh;
        }
        return;
    }
    if (!t->level)
        t->hi = t->lo = 0;
    t->hi += c->hi;
    t->lo += c->lo;
    t->now.fresh = c->fresh;
    t->now.known = t->level ? t->now.known + c->known : c->fresh;
    t->now.sum = nilo_split_join(t->hi, t->lo);
}

/* A new day begins: hand the finished one on, unless a later one before `from` replaces it. */
static int turn(struct running *t, int32_t day, nilo_total_fn *fn, void *ctx) {
    int rc = 0;
    if (t->any && t->now.day.n != day) {
        if (t->now.day.n >= t->from.n || day >= t->from.n)
            rc = fn(ctx, &t->now);
        t->now.fresh = 0;
        if (!t->level) {
            t->now.sum = 0;
            t->now.known = 0;
        }
    }
    t->now.day = NILO_DAY(day);
    t->any = true;
    return rc;
}

static int total_rows(struct nilo_db_stmt *stmt, struct running *t, nilo_total_fn *fn, void *ctx, struct nilo_err *err) {
    int got, rc;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct change_row c = {(int32_t)nilo_db_column_int(stmt, 0), (int32_t)nilo_db_column_int(stmt, 1), nilo_db_column_int(stmt, 2),
                               nilo_db_column_int(stmt, 3), nilo_db_column_int(stmt, 4), nilo_db_column_int(stmt, 5)};
        if ((rc = turn(t, c.day, fn, ctx)) != 0) {
            nilo_db_reset(stmt);
            return rc;
        }
        add_change(t, &c);
    }
    return got < 0 ? -1 : t->any ? fn(ctx, &t->now) : 0;
}

int nilo_store_totals(struct nilo_store *s, const struct nilo_scope *scope, enum nilo_total_scope kind, int64_t id, int32_t win,
                      int32_t metric, nilo_day from, nilo_day to, nilo_total_fn *fn, void *ctx, struct nilo_err *err) {
    struct nilo_db_stmt *stmt;
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(s), metric);
    if (metric && !m)
        return nilo_err_set(err, NILO_EINVAL, "metric %" PRId32 " is not defined", metric);
    if (holds(s, scope, kind, id, err) < 0)
        return -1;
    struct running t = {.level = !m || m->aggregation == NILO_LEVEL,
                        .items_only = metric == 0,
                        .from = nilo_day_is_none(from) ? NILO_DAY_MIN : from};
    if (nilo__query(s, &stmt, err,
                    "SELECT day, metric_id, hi, lo, known, fresh FROM total WHERE bucket = ?1 AND scope_kind = ?2 AND scope_id = ?3 AND win = ?4 "
                    "AND metric_id IN (0, ?5) AND day <= ?6 ORDER BY day, metric_id",
                    NILO__PARAMS(NILO_DBV_INT(id % 1024), NILO_DBV_INT(kind), NILO_DBV_INT(id), NILO_DBV_INT(win), NILO_DBV_INT(metric),
                                 NILO_DBV_INT(nilo_day_is_none(to) ? NILO_DAY_MAX.n : to.n))) < 0)
        return -1;
    return total_rows(stmt, &t, fn, ctx, err);
}
