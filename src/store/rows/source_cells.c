/* The parts that the SQL of relations has in common: which entities, which cells, what is shown of them now or was at a time. */
#include <inttypes.h>
#include <string.h>

#include "store/rows/source_priv.h"

/* ---- conditions told ahead ---------------------------------------------------------------------------------------------- */

static void put_params(struct source *x, const struct nilo_narrow *n, bool number)
{
    for (int i = 0; i < n->n_params; i++)
        ADD(x, number ? "%sCAST(?%d AS bigint)" : "%s?%d", i ? "," : "", n->first_param + i);
}

/* " AND <before> (?1,?2) <after>" for every condition on that column */
void nilo__narrow_text(struct source *x, const char *column, const char *before, const char *after)
{
    for (size_t i = 0; i < x->want->n_narrow; i++) {
        const struct nilo_narrow *n = &x->want->narrow[i];
        if (n->op != '=' || strcmp(n->column, column) != 0)
            continue;
        ADD(x, " AND %s IN (", before);
        put_params(x, n, false);
        ADD(x, ")%s", after);
    }
}

/* The same of numbers: of <cell>.<field>. */
static void narrow_number(struct source *x, const char *column, const char *cell, const char *field)
{
    for (size_t i = 0; i < x->want->n_narrow; i++) {
        const struct nilo_narrow *n = &x->want->narrow[i];
        if (strcmp(n->column, column) != 0)
            continue;
        ADD(x, " AND %s.%s %s", cell, field, n->op == '=' ? "IN (" : n->op == '>' ? ">= " : "<= ");
        put_params(x, n, true);
        if (n->op == '=')
            PUT(x, ")");
    }
}

/* Where the column "owner" holds a list, the reader binds the key as the list holds it: between two bytes 0x1f. */
#define OWNED_BY                                                                                                       \
    "(e.bucket, e.id) IN (SELECT nc.bucket, nc.entity_id FROM owner nw JOIN credit nc ON nc.owner_id = nw.id WHERE "

/* Of the entity e: its kind (-1 = any), the scope, and what narrows it. */
void nilo__where_entity(struct source *x, int kind)
{
    PUT(x, " WHERE 1=1");
    if (kind >= 0)
        ADD(x, " AND e.kind = %d", kind);
    nilo__scope_sql(x->scope, "e.workspace_id", x->sql);
    if (kind == NILO_APP) { /* there are few connections: without this every item would be looked at */
        PUT(x, " AND e.connection_id IN (SELECT id FROM connection WHERE 1=1");
        nilo__scope_sql(x->scope, "workspace_id", x->sql);
        PUT(x, ")");
    }
    nilo__narrow_text(x, "workspace", "e.workspace_id IN (SELECT id FROM workspace WHERE name", ")");
    nilo__narrow_text(x, "connection", "e.connection_id IN (SELECT id FROM connection WHERE name", ")");
    nilo__narrow_text(x, "platform", "e.connection_id IN (SELECT id FROM connection WHERE platform", ")");
    /* the list of workspaces gives an index over (workspace_id, external_id) its first column where the scope holds all */
    nilo__narrow_text(x, "external_id", "e.workspace_id IN (SELECT id FROM workspace) AND e.external_id", "");
    if (kind == NILO_CONTENT)
        nilo__narrow_text(x, "owner", x->owner_is_key ? OWNED_BY "nw.key" : OWNED_BY "'\x1f' || nw.key || '\x1f'", ")");
    if (x->want->as_of != NILO_US_NONE) { /* what had no run by then has nothing to look for; a day of doubt, as clocks are set */
        nilo_us then = x->want->as_of < INT64_MAX - NILO_US_DAY ? x->want->as_of + NILO_US_DAY : x->want->as_of;
        ADD(x, " AND +e.connection_id IN (SELECT r.connection_id FROM run r WHERE r.started_at <= %" PRId64 ")", then);
    }
}

static void narrow_metric(struct source *x, const char *column, const char *cell)
{
    char before[64];
    snprintf(before, sizeof before, "%s.metric_id IN (SELECT id FROM metric WHERE name", cell);
    nilo__narrow_text(x, column, before, ")");
}

/* Where a day is made of all days before it: no cell after the last one that is asked for. */
static void where_not_after(struct source *x, const char *cell)
{
    for (size_t i = 0; i < x->want->n_narrow; i++) {
        const struct nilo_narrow *n = &x->want->narrow[i];
        if (strcmp(n->column, "day") == 0 && n->op != '>' && n->n_params == 1)
            ADD(x, " AND %s.day <= CAST(?%d AS bigint)", cell, n->first_param);
    }
}

/* Of the cell or reading of that alias. */
void nilo__where_cell(struct source *x, const char *cell)
{
    if (x->every_day) {
        where_not_after(x, cell);
    } else {
        narrow_number(x, "day", cell, "day");
        narrow_number(x, "metric_date", cell, "day");
    }
    narrow_number(x, "window_days", cell, "win");
    narrow_metric(x, "metric", cell);
    narrow_metric(x, "metric_category", cell);
}

/* ---- windows ------------------------------------------------------------------------------------------------------------------ */

/* Days lie behind the window in the keys. Where a request names days and no window, the windows of each item are hopped over, so that its days
 * are looked up and its history is not read. */
#define HOPS                                                                                                           \
    "(WITH RECURSIVE h (win) AS (SELECT min(x.win) FROM day_value x WHERE x.bucket = e.bucket AND x.entity_id = e.id " \
    "UNION ALL SELECT (SELECT min(x.win) FROM day_value x WHERE x.bucket = e.bucket AND x.entity_id = e.id AND "       \
    "x.win > h.win) FROM h WHERE h.win IS NOT NULL) SELECT h.win FROM h WHERE h.win IS NOT NULL)"

static bool told(const struct source *x, const char *column, const char *or_column)
{
    for (size_t i = 0; i < x->want->n_narrow; i++)
        if (strcmp(x->want->narrow[i].column, column) == 0 || strcmp(x->want->narrow[i].column, or_column) == 0)
            return true;
    return false;
}

static bool hops(const struct source *x, const struct nilo__cells *c)
{
    return c->kind != NILO_APP && !c->lifetime && !c->latest && !x->every_day && told(x, "day", "metric_date") &&
           !told(x, "window_days", "window_days");
}

/* Behind FROM entity e: on PostgreSQL an item's windows are joined, */
static void join_windows(struct source *x, const struct nilo__cells *c)
{
    if (x->postgres && hops(x, c))
        PUT(x, " CROSS JOIN LATERAL " HOPS " hw");
}

/* and on SQLite, which joins nothing sideways, they are a list. */
static void where_windows(struct source *x, const struct nilo__cells *c, const char *cell)
{
    if (c->lifetime)
        ADD(x, " AND %s.win = 0", cell);
    else if (hops(x, c))
        ADD(x, " AND %s.win %s", cell, x->postgres ? "= hw.win" : "IN " HOPS);
}

/* ---- shown cells ------------------------------------------------------------------------------------------------------------ */

#define COUNTED       "0, 1, 2, 3, 4"                                  /* nilo_run_status_counts */
#define DEFINITIVE(a) "CASE WHEN " a ".absence <= 3 THEN 1 ELSE 0 END" /* nilo_absence_definitive */

/* v is what is shown: no later amendment by then. SQLite looks into the small index of amendments for each cell, unless there are none at all, which it finds out once a
 * statement (a seventh of the time of a small answer); PostgreSQL would make a join of NOT EXISTS, of each cell with all amendments of its item, which is quadratic
 * where a whole history is amendments. */
void nilo__shown_sql(bool postgres, nilo_us as_of, struct nilo_buf *sql)
{
    nilo_buf_adds(sql, postgres ? " AND v.seq = COALESCE((SELECT MAX(y.seq) FROM day_value y WHERE y.seq > 0"
                                : (" AND (NOT EXISTS (SELECT 1 FROM day_value INDEXED BY day_value_amended WHERE seq > 0)"
                                   " OR NOT EXISTS (SELECT 1 FROM day_value y INDEXED BY day_value_amended WHERE y.seq > 0 AND y.seq > v.seq"));
    nilo_buf_adds(sql, " AND " SAME_CELL("y", "v"));
    if (as_of != NILO_US_NONE)
        nilo_buf_addf(sql, " AND y.recorded_at <= %" PRId64, as_of);
    nilo_buf_adds(sql, postgres ? "), 0)" : "))");
}

#define CLOCKS_DIFFER (5 * NILO_US_MINUTE)
void nilo__open_then_sql(nilo_us as_of, struct nilo_buf *sql)
{
    nilo_buf_addf(sql,
                  "(WITH state AS MATERIALIZED (SELECT c.id AS connection_id, COALESCE((SELECT MIN(d.day) FROM day_close d WHERE "
                  "d.connection_id = c.id AND d.closed_at > %" PRId64 "), (SELECT MAX(d.day) + 1 FROM day_close d WHERE d.connection_id = "
                  "c.id), -2147483648) AS day FROM connection c) SELECT connection_id, day FROM state)",
                  as_of > INT64_MIN + CLOCKS_DIFFER ? as_of - CLOCKS_DIFFER : as_of);
}

/* The cell z had no value recorded by then, and is the first version of what it has now. A scalar, as PostgreSQL would make a join of NOT EXISTS,
 * of each cell with all cells of its item. */
void nilo__first_after_sql(nilo_us as_of, struct nilo_buf *sql)
{
    nilo_buf_addf(sql,
                  " AND z.recorded_at > %" PRId64 " AND z.seq = (SELECT MIN(CASE WHEN y.recorded_at <= %" PRId64
                  " THEN -1 ELSE y.seq END) FROM day_value y WHERE " SAME_CELL("y", "z") ")",
                  as_of, as_of);
}

/* The best reading v of the cell z by then. PostgreSQL is told the way, on which it would else go through all readings of the item for each
 * cell (without statistics, as after a load): a FROM item; SQLite goes it: joined before, these are conditions. */
#define BETTER(v) DEFINITIVE(v) ", " v ".rank, " v ".captured_at, " v ".run_id"
void nilo__best_reading_sql(bool postgres, nilo_us as_of, struct nilo_buf *sql)
{
    if (postgres)
        nilo_buf_addf(sql,
                      "(SELECT v.* FROM observation v WHERE " SAME_CELL("v", "z") " AND v.recorded_at <= %" PRId64
                      " AND (SELECT r.status FROM run r WHERE r.id = v.run_id) IN (" COUNTED ") ORDER BY " DEFINITIVE("v")
                      " DESC, v.rank DESC, v.captured_at DESC, v.run_id DESC LIMIT 1) v",
                      as_of);
    else /* + keeps SQLite from searching v by bounds of z's day */
        nilo_buf_addf(sql,
                      " AND v.bucket = z.bucket AND v.entity_id = z.entity_id AND v.win = z.win AND v.day = +z.day AND v.metric_id = z.metric_id AND "
                      "v.recorded_at <= %" PRId64 " AND v.run_id IN (SELECT id FROM run WHERE status IN (" COUNTED ")) AND NOT EXISTS (SELECT 1 FROM "
                      "observation y WHERE " SAME_CELL("y", "v") " AND y.recorded_at <= %" PRId64
                      " AND y.run_id IN (SELECT id FROM run WHERE status IN (" COUNTED ")) AND (" BETTER("y") ") > (" BETTER("v") "))",
                      as_of, as_of);
}

/* The cells z of the item e on days that were open then and have had another base since. */
static void where_replaced(struct source *x, const struct nilo__cells *c)
{
    where_windows(x, c, "z");
    PUT(x, " AND z.bucket = e.bucket AND z.entity_id = e.id AND z.day >= o.day");
    nilo__where_cell(x, "z");
    nilo__first_after_sql(x->want->as_of, x->sql);
}

/* What was known at a time although the base of the then open day was replaced later: the best reading recorded by then. Of days that were
 * closed by then nothing was replaced, so only the others are looked at: those cells first, of each its readings. */
static void add_replaced(struct source *x, const struct nilo__cells *c)
{
    PUT(x, " UNION ALL " NILO__ENTITY_COLUMNS "0 AS seq, v.value, v.absence, v.provenance, 0 AS cause, v.run_id, v.captured_at, v.source_day, "
           "v.recorded_at, NULL AS author, v.meta FROM entity e CROSS JOIN ");
    nilo__open_then_sql(x->want->as_of, x->sql);
    PUT(x, " o");
    join_windows(x, c);
    if (x->postgres) {
        PUT(x, " CROSS JOIN LATERAL (SELECT z.bucket, z.entity_id, z.win, z.day, z.metric_id FROM day_value z WHERE o.connection_id = e.connection_id");
        where_replaced(x, c);
        PUT(x, " OFFSET 0) z CROSS JOIN LATERAL ");
        nilo__best_reading_sql(true, x->want->as_of, x->sql);
        nilo__where_entity(x, c->kind);
    } else {
        PUT(x, " CROSS JOIN day_value z CROSS JOIN observation v");
        nilo__where_entity(x, c->kind);
        where_replaced(x, c);
        nilo__best_reading_sql(false, x->want->as_of, x->sql);
    }
    PUT(x, " AND o.connection_id = e.connection_id");
    PUT(x, c->more);
}

/* v: of the item e what is shown. */
static void where_shown(struct source *x, const struct nilo__cells *c)
{
    where_windows(x, c, "v");
    PUT(x, " AND v.bucket = e.bucket AND v.entity_id = e.id");
    nilo__where_cell(x, "v");
    if (x->want->as_of != NILO_US_NONE)
        ADD(x, " AND v.recorded_at <= %" PRId64, x->want->as_of);
    nilo__shown_sql(x->postgres, x->want->as_of, x->sql);
}

void nilo__add_cells(struct source *x, const struct nilo__cells *c)
{
    bool sideways = x->postgres && hops(x, c);
    PUT(x, "(" NILO__ENTITY_COLUMNS "v.seq, v.value, v.absence, v.provenance, v.cause, v.run_id, v.captured_at, v.source_day, v.recorded_at, "
           "v.author, v.meta FROM entity e");
    if (c->latest)
        PUT(x, " CROSS JOIN latest l");
    join_windows(x, c);
    PUT(x, " CROSS JOIN ");
    if (sideways) { /* OFFSET 0: the windows of each item first, not of each cell */
        PUT(x, "LATERAL (SELECT v.* FROM day_value v WHERE 1=1");
        where_shown(x, c);
        PUT(x, " OFFSET 0) v");
    } else {
        PUT(x, "day_value v");
    }
    nilo__where_entity(x, c->kind);
    if (c->latest)
        PUT(x, " AND l.bucket = e.bucket AND l.entity_id = e.id AND v.win = l.win AND v.day = l.day");
    if (!sideways)
        where_shown(x, c);
    PUT(x, c->more);
    if (x->want->as_of != NILO_US_NONE)
        add_replaced(x, c);
    PUT(x, ") k");
}
