/* Kernels: the shown cells of a series, and the totals day by day, without the general grammar. */
#include <inttypes.h>
#include <string.h>

#include "store/rows/rows.h"

/* ---- scan -------------------------------------------------------------------------------------------------------------------- */

#define SQL_MOST    (64 << 10)
#define PARAMS_MOST 64

struct building {
    struct nilo_buf sql;
    struct nilo_db_value params[PARAMS_MOST];
    int n;
    bool postgres;
};

/* Values are bound, so that the same question of other days is the same statement. */
static int bind(struct building *b, struct nilo_db_value v)
{
    for (int i = 0; i < b->n; i++)
        if (v.type == NILO_DB_INT && b->params[i].type == NILO_DB_INT && b->params[i].i == v.i)
            return i + 1;
    if (b->n == PARAMS_MOST) {
        b->sql.failed = true;
        return 1;
    }
    b->params[b->n++] = v;
    return b->n;
}

static void where_text(struct building *b, const char *before, const char *value, const char *after)
{
    nilo_buf_addf(&b->sql, " AND %s?%d%s", before, bind(b, NILO_DBV_TEXT(value)), after);
}

static void where_number(struct building *b, const char *before, int64_t value, const char *after)
{
    nilo_buf_addf(&b->sql, " AND %sCAST(?%d AS bigint)%s", before, bind(b, NILO_DBV_INT(value)), after);
}

static void where_entity(struct building *b, const struct nilo_scope *scope, const struct nilo_select *sel)
{
    nilo_buf_adds(&b->sql, " WHERE 1=1");
    nilo__scope_sql(scope, "e.workspace_id", &b->sql);
    if (sel->kind >= 0)
        where_number(b, "e.kind = ", sel->kind, "");
    if (sel->workspace)
        where_number(b, "e.workspace_id = ", sel->workspace, "");
    if (sel->connection)
        where_number(b, "e.connection_id = ", sel->connection, "");
    else if (sel->kind == NILO_APP) { /* by way of the few connections: there is an index */
        nilo_buf_adds(&b->sql, " AND e.connection_id IN (SELECT id FROM connection WHERE 1=1");
        nilo__scope_sql(scope, "workspace_id", &b->sql);
        nilo_buf_addc(&b->sql, ')');
    }
    if (sel->own)
        nilo_buf_adds(&b->sql, " AND +e.connection_id IN (SELECT oc.id FROM connection oc WHERE " NILO__OWN("oc") ")");
    if (sel->platform)
        where_text(b, "e.connection_id IN (SELECT id FROM connection WHERE platform = ", sel->platform, ")");
    if (sel->external_id)
        where_text(b, "e.workspace_id IN (SELECT id FROM workspace) AND e.external_id = ", sel->external_id, "");
    if (sel->as_of != NILO_US_NONE) { /* what had no run by then has nothing to look for; a day of doubt, as clocks are set */
        nilo_us then = sel->as_of < INT64_MAX - NILO_US_DAY ? sel->as_of + NILO_US_DAY : sel->as_of;
        where_number(b, "+e.connection_id IN (SELECT r.connection_id FROM run r WHERE r.started_at <= ", then, ")");
    }
    if (sel->owner) /* whose days are another matter: where_owner() */
        where_number(b, "(e.bucket, e.id) IN (SELECT nc.bucket, nc.entity_id FROM credit nc WHERE nc.owner_id = ", sel->owner, ")");
}

/* The cell v lies on a day on which the owner is credited. */
static void where_owner(struct building *b, const struct nilo_select *sel)
{
    where_number(
        b, "EXISTS (SELECT 1 FROM credit cr WHERE cr.bucket = e.bucket AND cr.entity_id = e.id AND cr.owner_id = ",
        sel->owner, " AND cr.from_day <= v.day AND cr.to_day >= v.day");
    if (sel->as_of == NILO_US_NONE) {
        nilo_buf_adds(&b->sql, " AND cr.ended_at IS NULL)");
        return;
    }
    where_number(b, "cr.recorded_at <= ", sel->as_of, "");
    where_number(b, "(cr.ended_at IS NULL OR cr.ended_at > ", sel->as_of, "))");
}

static const char scanned[] = "SELECT e.bucket, e.id, e.workspace_id, e.connection_id, v.day, v.metric_id, v.value, "
                              "v.absence, v.provenance, v.captured_at, v.meta FROM entity e CROSS JOIN ";

/* The shown cells v of the item e on the days from..to. */
static void where_cell(struct building *b, const struct nilo_select *sel, nilo_day from, nilo_day to)
{
    where_number(b, "v.bucket = e.bucket AND v.entity_id = e.id AND v.win = ", sel->win, "");
    if (!nilo_day_is_none(from))
        where_number(b, "v.day >= ", from.n, "");
    if (!nilo_day_is_none(to))
        where_number(b, "v.day <= ", to.n, "");
    if (sel->metric)
        where_number(b, "v.metric_id = ", sel->metric, "");
    if (sel->owner && !sel->ever)
        where_owner(b, sel);
    if (sel->as_of != NILO_US_NONE)
        where_number(b, "v.recorded_at <= ", sel->as_of, "");
    nilo__shown_sql(b->postgres, sel->as_of, &b->sql);
}

/* One cell of each item, which is a point of the key: the first or last on the days up to `to` that meets the condition. */
struct point {
    const char *condition, *order;
};

static void add_points(struct building *b, const struct nilo_scope *scope, const struct nilo_select *sel, nilo_day to, const struct point *points, int n)
{
    /* PostgreSQL would ask anew for each row of the item what SQLite asks once an item */
    nilo_buf_addf(&b->sql, "%s%s", scanned, b->postgres ? "LATERAL (" : "day_value v");
    if (!b->postgres) {
        where_entity(b, scope, sel);
        nilo_buf_adds(&b->sql, " AND v.day IN (");
    }
    for (int i = 0; i < n; i++) {
        nilo_buf_adds(&b->sql, i == 0 ? "(" : b->postgres ? " UNION (" : ", (");
        nilo_buf_addf(&b->sql, "SELECT %s FROM day_value v WHERE 1=1",
                      b->postgres ? "v.day, v.metric_id, v.value, v.absence, v.provenance, v.captured_at, v.meta" : "v.day");
        where_cell(b, sel, NILO_DAY_NONE, to);
        nilo_buf_addf(&b->sql, " AND %s ORDER BY v.day %s LIMIT 1)", points[i].condition, points[i].order);
    }
    nilo_buf_adds(&b->sql, b->postgres ? ") v" : ")");
    if (b->postgres)
        where_entity(b, scope, sel);
    else
        where_cell(b, sel, NILO_DAY_NONE, NILO_DAY_NONE); /* a bound here would be searched by instead of the days */
}

/* Of each item what stood before the first day: the newest value, and the newest definitive reading. */
static void add_before(struct building *b, const struct nilo_scope *scope, const struct nilo_select *sel)
{
    static const struct point points[] = {{"v.absence = 0", "DESC"}, {"v.absence <= 3", "DESC"}};
    nilo_buf_adds(&b->sql, " UNION ALL ");
    add_points(b, scope, sel, NILO_DAY(sel->from.n - 1), points, 2);
}

static void add_first(struct building *b, const struct nilo_scope *scope, const struct nilo_select *sel)
{
    static const struct point first = {"v.absence <= 3", "ASC"};
    add_points(b, scope, sel, sel->to, &first, 1);
}

/* The cells z of the item e on days that were open then and have had another base since. */
static void where_replaced(struct building *b, const struct nilo_select *sel)
{
    nilo_day from = sel->before ? NILO_DAY_NONE : sel->from;
    nilo_buf_adds(&b->sql, " AND z.day >= o.day");
    where_number(b, "z.bucket = e.bucket AND z.entity_id = e.id AND z.win = ", sel->win, "");
    if (!nilo_day_is_none(from))
        where_number(b, "z.day >= ", from.n, "");
    if (!nilo_day_is_none(sel->to))
        where_number(b, "z.day <= ", sel->to.n, "");
    if (sel->metric)
        where_number(b, "z.metric_id = ", sel->metric, "");
    nilo__first_after_sql(sel->as_of, &b->sql);
}

/* What was known then although the base of the then open day was replaced later: the best reading recorded by then. Of days that were closed
 * by then nothing was replaced, so only the others are looked at: those cells first, of each its readings. */
static void add_replaced(struct building *b, const struct nilo_scope *scope, const struct nilo_select *sel)
{
    nilo_buf_addf(&b->sql, " UNION ALL %s", scanned);
    nilo__open_then_sql(sel->as_of, &b->sql);
    if (b->postgres) {
        nilo_buf_adds(&b->sql, " o CROSS JOIN LATERAL (SELECT z.bucket, z.entity_id, z.win, z.day, z.metric_id FROM day_value z WHERE 1=1");
        where_replaced(b, sel);
        nilo_buf_adds(&b->sql, " OFFSET 0) z CROSS JOIN LATERAL ");
        nilo__best_reading_sql(true, sel->as_of, &b->sql);
        where_entity(b, scope, sel);
    } else {
        nilo_buf_adds(&b->sql, " o CROSS JOIN day_value z CROSS JOIN observation v");
        where_entity(b, scope, sel);
        where_replaced(b, sel);
        nilo__best_reading_sql(false, sel->as_of, &b->sql);
    }
    nilo_buf_adds(&b->sql, " AND o.connection_id = e.connection_id");
    if (sel->owner && !sel->ever)
        where_owner(b, sel);
}

static void add_scan(struct building *b, const struct nilo_scope *scope, const struct nilo_select *sel)
{
    if (sel->first) {
        add_first(b, scope, sel);
    } else {
        nilo_buf_addf(&b->sql, "%sday_value v", scanned);
        where_entity(b, scope, sel);
        where_cell(b, sel, sel->from, sel->to);
    }
    if (sel->before && !nilo_day_is_none(sel->from))
        add_before(b, scope, sel);
    if (sel->as_of != NILO_US_NONE)
        add_replaced(b, scope, sel);
    nilo_buf_adds(&b->sql, " ORDER BY 1, 2, 5, 6");
}

static int scan_rows(struct nilo_db_stmt *stmt, nilo_scan_fn *fn, void *ctx, struct nilo_err *err)
{
    int got;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct nilo_scan_row row = {
            .entity = {.bucket = (int32_t)nilo_db_column_int(stmt, 0), .id = nilo_db_column_int(stmt, 1)},
            .workspace = nilo_db_column_int(stmt, 2),
            .connection = nilo_db_column_int(stmt, 3),
            .day = NILO_DAY((int32_t)nilo_db_column_int(stmt, 4)),
            .metric = (int32_t)nilo_db_column_int(stmt, 5),
            .value = nilo_db_column_int(stmt, 6),
            .absence = (enum nilo_absence)nilo_db_column_int(stmt, 7),
            .provenance = (enum nilo_provenance)nilo_db_column_int(stmt, 8),
            .captured_at = nilo_db_column_int(stmt, 9),
            .meta = nilo_db_column_text(stmt, 10),
        };
        int rc = fn(ctx, &row);
        if (rc != 0)
            return rc;
    }
    return got;
}

int nilo_store_scan(struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_select *sel,
                    nilo_scan_fn *fn, void *ctx, struct nilo_err *err)
{
    struct building b = {.postgres = nilo_db_engine(s->db) == NILO_DB_POSTGRES};
    struct nilo_db_stmt *stmt = NULL;
    nilo_buf_init(&b.sql, SQL_MOST);
    add_scan(&b, scope, sel);
    int rc = b.sql.failed ? nilo_err_nomem(err) : nilo_store_scope(s, scope, err);
    if (rc == 0)
        rc = nilo_db_prepare_once(s->db, b.sql.data, &stmt, err);
    if (rc == 0)
        rc = nilo_db_query(stmt, b.params, b.n, err);
    if (rc == 0)
        rc = scan_rows(stmt, fn, ctx, err);
    nilo_db_finish(stmt);
    nilo_buf_done(&b.sql);
    return rc;
}

/* ---- totals -------------------------------------------------------------------------------------------------------------------- */

static int check_scope(struct nilo_store *s, const struct nilo_scope *scope, enum nilo_total_scope kind, int64_t id,
                       struct nilo_err *err)
{
    static const char *const sql[] = {"SELECT id FROM workspace WHERE id = ?1",
                                      "SELECT workspace_id FROM connection WHERE id = ?1",
                                      "SELECT workspace_id FROM owner WHERE id = ?1"};
    int64_t workspace;
    if (nilo_store_scope(s, scope, err) < 0 || nilo__query_int(s, 0, &workspace, err, sql[kind], NILO__PARAMS(NILO_DBV_INT(id))) < 0)
        return -1;
    if (!workspace || !nilo__in_scope(scope, workspace))
        return nilo_err_set(err, NILO_EPERM, "these totals belong to no workspace that you may read");
    return 0;
}

struct totalling {
    struct nilo_total_row row; /* being put together */
    bool level, any;           /* any: row holds a day */
    nilo_day from;
    int64_t hi, lo; /* cumulated (level) or of the day (flow) */
    nilo_total_fn *fn;
    void *ctx;
};

static int hand_on(struct totalling *t)
{
    if (!t->any)
        return 0;
    t->row.sum = nilo_split_join(t->hi, t->lo);
    return t->fn(t->ctx, &t->row);
}

static int next_day(struct totalling *t, nilo_day day)
{
    if (t->any && t->row.day.n == day.n)
        return 0;
    bool skip =
        t->any && !nilo_day_is_none(t->from) && day.n < t->from.n; /* an earlier state that a later one replaces */
    int rc = skip ? 0 : hand_on(t);
    t->any = true;
    t->row.day = day;
    t->row.fresh = 0;
    if (!t->level) {
        t->hi = t->lo = 0;
        t->row.known = 0;
    }
    return rc;
}

static void take_row(struct totalling *t, struct nilo_db_stmt *stmt, int32_t metric)
{
    int64_t known = nilo_db_column_int(stmt, 4), fresh = nilo_db_column_int(stmt, 5);
    if (nilo_db_column_int(stmt, 0) == 0) {
        t->row.items += known;
        if (metric != 0)
            return;
    }
    t->row.fresh += fresh;
    t->hi += nilo_db_column_int(stmt, 2);
    t->lo += nilo_db_column_int(stmt, 3);
    t->row.known += t->level ? known : fresh;
}

int nilo_store_totals(struct nilo_store *s, const struct nilo_scope *scope, enum nilo_total_scope kind, int64_t id,
                      int32_t win, int32_t metric, nilo_day from, nilo_day to, nilo_total_fn *fn, void *ctx,
                      struct nilo_err *err)
{
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(s), metric);
    struct totalling t = {.level = !m || m->aggregation == NILO_LEVEL, .from = from, .fn = fn, .ctx = ctx};
    struct nilo_db_stmt *stmt;
    if (check_scope(s, scope, kind, id, err) < 0 ||
        nilo__query(s, &stmt, err,
                    "SELECT metric_id, day, hi, lo, known, fresh FROM total WHERE bucket = ?1 AND scope_kind = ?2 AND "
                    "scope_id = ?3 AND win = ?4 "
                    "AND metric_id IN (0, ?5) AND day <= ?6 ORDER BY day, metric_id",
                    NILO__PARAMS(NILO_DBV_INT(id % 1024), NILO_DBV_INT(kind), NILO_DBV_INT(id), NILO_DBV_INT(win),
                                 NILO_DBV_INT(metric), NILO_DBV_INT(nilo_day_is_none(to) ? NILO_DAY_MAX.n : to.n))) < 0)
        return -1;
    int got, rc = 0;
    while (rc == 0 && (got = nilo_db_row(stmt, err)) == 1) {
        rc = next_day(&t, NILO_DAY((int32_t)nilo_db_column_int(stmt, 1)));
        if (rc == 0)
            take_row(&t, stmt, metric);
    }
    nilo_db_reset(stmt);
    if (rc == 0)
        rc = got < 0 ? -1 : hand_on(&t);
    return rc;
}
