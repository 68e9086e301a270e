/* The first items by a metric: a kernel over what is derived. The best known values are rows of `best`, a window's newest snapshot is
 * a point of day_value's key by way of `latest`: no history is walked over, whatever its length. Only the values that order and filter are looked up
 * for every item; all else for the rows that are left. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/rows/rows.h"

#define SQL_MOST    ((size_t)256 << 10)
#define PARAMS_MOST 16

struct building {
    struct nilo_buf sql;
    struct nilo_db_value params[PARAMS_MOST + 2 * NILO_TOP_METRICS];
    int n;
    const struct nilo_top *top;
    bool postgres;
};

#define ADD(b, ...)  nilo_buf_addf(&(b)->sql, __VA_ARGS__)
#define PUT(b, text) nilo_buf_adds(&(b)->sql, text)

static int param(struct building *b, struct nilo_db_value v)
{
    b->params[b->n++] = v;
    return b->n;
}

/* The metric's value of item i, whose newest day is i.day. */
static void put_value(struct building *b, const char *i, int32_t metric)
{
    if (b->top->win == NILO_TOP_BEST)
        ADD(b, "(SELECT v.value FROM best v WHERE v.bucket = %s.bucket AND v.entity_id = %s.id AND v.metric_id = %d)",
            i, i, metric);
    else
        ADD(b,
            "(SELECT v.value FROM day_value v WHERE v.bucket = %s.bucket AND v.entity_id = %s.id AND v.win = %d AND "
            "v.day = %s.day AND v.metric_id = %d ORDER BY v.seq DESC LIMIT 1)",
            i, i, b->top->win, i, metric);
}

/* "value", "!absence", or NULL where nothing was said of the metric. What no best is known of tells why by its newest day,
 * of the lifetime values, else of a window: the best is a fold over all of them. */
static void put_cell(struct building *b, const char *i, int32_t metric)
{
    if (b->top->win == NILO_TOP_BEST)
        ADD(b,
            "COALESCE((SELECT CAST(v.value AS text) FROM best v WHERE v.bucket = %s.bucket AND v.entity_id = %s.id AND "
            "v.metric_id = %d), (SELECT '!' || v.absence FROM latest n JOIN day_value v ON v.bucket = n.bucket AND "
            "v.entity_id = n.entity_id AND v.win = n.win AND v.day = n.day AND v.metric_id = %d WHERE n.bucket = "
            "%s.bucket AND n.entity_id = %s.id AND v.absence <> 0 ORDER BY n.win, v.seq DESC LIMIT 1))",
            i, i, metric, metric, i, i);
    else
        ADD(b,
            "(SELECT COALESCE(CAST(v.value AS text), '!' || v.absence) FROM day_value v WHERE v.bucket = %s.bucket AND "
            "v.entity_id = %s.id AND v.win = %d AND v.day = %s.day AND v.metric_id = %d ORDER BY v.seq DESC LIMIT 1)",
            i, i, b->top->win, i, metric);
}

/* Items in question with the values that order and filter. */
static void put_items(struct building *b, const struct nilo_scope *scope)
{
    const struct nilo_top *t = b->top;
    bool posted = t->posted_from != NILO_US_NONE || t->posted_before != NILO_US_NONE;
    PUT(b, "SELECT i.*, w.name AS workspace, c.name AS connection, c.platform");
    for (size_t k = 0; k < t->n_metrics; k++)
        if (k == 0 || t->metrics[k].has_least) {
            PUT(b, ", ");
            put_value(b, "i", t->metrics[k].id);
            ADD(b, " AS v%zu", k);
        }
    PUT(b, " FROM (SELECT e.bucket, e.id, e.workspace_id, e.connection_id, e.external_id, ");
    if (t->win == NILO_TOP_BEST)
        ADD(b, "o.day AS day, o.win AS win FROM entity e LEFT JOIN best o ON o.bucket = e.bucket AND o.entity_id = "
               "e.id AND o.metric_id = %d",
            t->metrics[0].id);
    else
        ADD(b, "o.day AS day, o.win AS win FROM entity e LEFT JOIN latest o ON o.bucket = e.bucket AND o.entity_id = "
               "e.id AND o.win = %d",
            t->win);
    if (posted)
        PUT(b, " JOIN content p ON p.bucket = e.bucket AND p.entity_id = e.id");
    ADD(b, " WHERE e.kind = %d", NILO_CONTENT);
    nilo__scope_sql(scope, "e.workspace_id", &b->sql);
    if (t->posted_from != NILO_US_NONE)
        ADD(b, " AND p.posted_at >= %" PRId64, t->posted_from);
    if (t->posted_before != NILO_US_NONE)
        ADD(b, " AND p.posted_at < %" PRId64, t->posted_before);
    if (t->external_id)
        ADD(b, " AND e.external_id = ?%d", param(b, NILO_DBV_TEXT(t->external_id)));
    if (t->owner)
        ADD(b, " AND (e.bucket, e.id) IN (SELECT cr.bucket, cr.entity_id FROM owner ow JOIN credit cr ON cr.owner_id = "
               "ow.id WHERE ow.key = ?%d AND cr.ended_at IS NULL)",
            param(b, NILO_DBV_TEXT(t->owner)));
    PUT(b, ") i JOIN connection c ON c.id = i.connection_id JOIN workspace w ON w.id = i.workspace_id WHERE 1=1");
    if (t->connection)
        ADD(b, " AND c.name = ?%d", param(b, NILO_DBV_TEXT(t->connection)));
    if (t->platform)
        ADD(b, " AND c.platform = ?%d", param(b, NILO_DBV_TEXT(t->platform)));
    if (!t->competitors)
        PUT(b, " AND " NILO__OWN("c"));
}

/* Values first, greatest first; then names, so that both engines and every page agree. */
static void put_order(struct building *b)
{
    const char *bytes = b->postgres ? " COLLATE \"C\"" : "";
    ADD(b, " ORDER BY g.v0 %s NULLS LAST, g.external_id%s, g.connection%s, g.workspace%s",
        b->top->ascending ? "ASC" : "DESC", bytes, bytes, bytes);
}

static void put_owners(struct building *b)
{
    ADD(b,
        "(SELECT %s('\x1f' || ow.key || '\x1f'%s FROM owner ow WHERE ow.id IN (SELECT oc.owner_id FROM credit oc WHERE "
        "oc.bucket = g.bucket AND oc.entity_id = g.id AND oc.ended_at IS NULL))",
        b->postgres ? "string_agg" : "group_concat", b->postgres ? ", ',')" : ")");
}

static void put_all(struct building *b, const struct nilo_scope *scope)
{
    const struct nilo_top *t = b->top;
    PUT(b, "SELECT g.bucket, g.id, g.workspace, g.connection, g.platform, g.external_id, ct.title, ct.posted_at, "
           "g.day, g.win, ");
    put_owners(b);
    for (size_t k = 0; k < t->n_metrics; k++) {
        PUT(b, ", ");
        put_cell(b, "g", t->metrics[k].id);
    }
    PUT(b, " FROM (SELECT g.* FROM (");
    put_items(b, scope);
    PUT(b, ") g WHERE 1=1");
    for (size_t k = 0; k < t->n_metrics; k++)
        if (t->metrics[k].has_least)
            ADD(b, " AND g.v%zu >= CAST(?%d AS bigint)", k, param(b, NILO_DBV_INT(t->metrics[k].least)));
    put_order(b);
    ADD(b, " LIMIT CAST(?%d AS bigint)", param(b, NILO_DBV_INT(t->limit < 0 ? INT64_MAX / 4 : t->limit)));
    ADD(b, " OFFSET CAST(?%d AS bigint)", param(b, NILO_DBV_INT(t->offset)));
    PUT(b, ") g LEFT JOIN content ct ON ct.bucket = g.bucket AND ct.entity_id = g.id");
    put_order(b);
}

static void read_cell(const char *text, struct nilo_top_cell *cell)
{
    *cell = (struct nilo_top_cell){.absence = NILO_NOT_COLLECTED};
    int64_t v;
    if (!text || nilo_decimal_parse(text + (*text == '!'), strlen(text + (*text == '!')), 0, false, &v, NULL) < 0)
        return;
    if (*text == '!') {
        cell->absence = (enum nilo_absence)v;
        return;
    }
    cell->absence = NILO_PRESENT;
    cell->value = v;
}

static int read_rows(const struct nilo_top *t, struct nilo_db_stmt *stmt, nilo_top_fn *fn, void *ctx,
                     struct nilo_err *err)
{
    struct nilo_top_cell cells[NILO_TOP_METRICS];
    int got, rc = 0;
    while ((got = nilo_db_row(stmt, err)) == 1 && rc == 0) {
        struct nilo_top_row row = {
            .entity = {.bucket = (int32_t)nilo_db_column_int(stmt, 0), .id = nilo_db_column_int(stmt, 1)},
            .workspace = nilo_db_column_text(stmt, 2),
            .connection = nilo_db_column_text(stmt, 3),
            .platform = nilo_db_column_text(stmt, 4),
            .external_id = nilo_db_column_text(stmt, 5),
            .title = nilo_db_column_text(stmt, 6),
            .posted_at = nilo_db_column_null(stmt, 7) ? NILO_US_NONE : nilo_db_column_int(stmt, 7),
            .day = nilo_db_column_null(stmt, 8) ? NILO_DAY_NONE : NILO_DAY((int32_t)nilo_db_column_int(stmt, 8)),
            .win = nilo_db_column_null(stmt, 9) ? -1 : (int32_t)nilo_db_column_int(stmt, 9),
            .owners = nilo_db_column_text(stmt, 10),
            .cells = cells,
        };
        for (size_t k = 0; k < t->n_metrics; k++)
            read_cell(nilo_db_column_text(stmt, 11 + (int)k), &cells[k]);
        rc = fn(ctx, &row);
    }
    return rc != 0 ? rc : got;
}

int nilo_store_top(struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_top *top, nilo_top_fn *fn,
                   void *ctx, struct nilo_err *err)
{
    struct building b = {.top = top, .postgres = nilo_db_engine(s->db) == NILO_DB_POSTGRES};
    struct nilo_db_stmt *stmt = NULL;
    nilo_buf_init(&b.sql, SQL_MOST);
    put_all(&b, scope);
    int rc = b.sql.failed ? nilo_err_nomem(err) : nilo_store_scope(s, scope, err);
    if (rc == 0)
        rc = nilo_db_prepare_once(s->db, b.sql.data, &stmt, err);
    if (rc == 0)
        rc = nilo_db_query(stmt, b.params, b.n, err);
    if (rc == 0)
        rc = read_rows(top, stmt, fn, ctx, err);
    nilo_db_finish(stmt);
    nilo_buf_done(&b.sql);
    return rc;
}
