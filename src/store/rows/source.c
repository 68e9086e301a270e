/* The SQL of every relation: what nilo_store_source() answers. One text for both engines but for the aggregate that joins texts.
 *
 * Wide relations hand their values over packed in one text column ("cells"), so that the work is linear in the cells however many
 * metrics there are; a metric has a column of its own only where a filter or an order needs one. */
#include <inttypes.h>
#include <string.h>

#include "store/rows/source_priv.h"

/* More conditions on e and v: no day that was dropped. What is left of such days is for later ones to stand on. */
static const char *kept(const struct source *x, const char *with, const char *without)
{
    return x->dropped ? with : without;
}
#define KEPT " AND v.day > (SELECT dc.dropped_until FROM connection dc WHERE dc.id = e.connection_id)"

/* Credits that held then. */
void nilo__where_credit(struct source *x, const char *alias)
{
    nilo_us at = x->want->as_of;
    if (at == NILO_US_NONE)
        ADD(x, " AND %s.ended_at IS NULL", alias);
    else
        ADD(x, " AND %s.recorded_at <= %" PRId64 " AND (%s.ended_at IS NULL OR %s.ended_at > %" PRId64 ")", alias, at,
            alias, alias, at);
}

static const char *joined(const struct source *x)
{
    return x->postgres ? "string_agg" : "group_concat";
}
static const char *joined_end(const struct source *x)
{
    return x->postgres ? ", ',')" : ")";
}

/* ---- content_* ---------------------------------------------------------------------------------------------------------------- */

static void add_owner(struct source *x, const char *bucket, const char *entity)
{
    if (!x->want->owner) {
        PUT(x, "'' AS \"owner\"");
        return;
    }
    ADD(x,
        "COALESCE((SELECT %s('\x1f' || o.key || '\x1f'%s FROM owner o WHERE o.id IN (SELECT oc.owner_id FROM credit oc "
        "WHERE oc.bucket = %s AND oc.entity_id = %s",
        joined(x), joined_end(x), bucket, entity);
    nilo__where_credit(x, "oc");
    PUT(x, ")), '') AS \"owner\"");
}

/* "cells" of the metrics asked for: putting numbers into words is the dearest part of a wide row. */
static void add_packed(struct source *x, const char *cell)
{
    ADD(x, "%s(", joined(x));
    for (size_t i = 0; i < x->want->n_cells_of; i++)
        ADD(x, "%s%" PRId32, i ? "," : "CASE WHEN k.metric_id IN (", x->want->cells_of[i]);
    ADD(x, "%s%s%s%s AS cells", x->want->n_cells_of ? ") THEN " : "", cell, x->want->n_cells_of ? " END" : "", joined_end(x));
}

/* Columns of the metrics that a filter or an order needs. */
static void add_metric_columns(struct source *x, const char *value)
{
    for (size_t i = 0; i < x->want->n_metrics; i++)
        ADD(x, ", MAX(CASE WHEN k.metric_id = %d THEN %s END) AS m%d", x->want->metrics[i]->id, value,
            x->want->metrics[i]->id);
}

/* What replaces the values of an open day does not make the row anew: its first reading did. One that was thinned away is not known any more, and an item's best
 * values have no day of their own: they are there since the item is. */
#define FIRST_OF_ROW                                                                                                                                       \
    "COALESCE((SELECT MIN(y.recorded_at) FROM observation y WHERE y.bucket = g.bucket AND y.entity_id = g.entity_id AND y.win = g.win AND y.day = g.day), " \
    "g.created_at, e.first_seen_at)"

static void add_wide_head(struct source *x)
{
    PUT(x, "(SELECT w.name AS \"workspace\", c.name AS \"connection\", c.role AS \"connection_role\", c.platform AS \"platform\", e.external_id AS "
           "\"external_id\", ");
    add_owner(x, "e.bucket", "e.id");
    PUT(x, x->want->title ? ", ct.title AS \"title\", ct.posted_at AS \"posted_at\""
                          : ", CAST(NULL AS text) AS \"title\", CAST(NULL AS bigint) AS \"posted_at\"");
    PUT(x,
        ", g.day AS \"day\", g.captured_at AS \"captured_at\", "
        "g.win AS \"window_days\", g.provenance AS \"provenance\", g.cells AS \"cells\"");
    if (x->want->stamps)
        ADD(x, ", %s AS \"created_at\", g.updated_at AS \"updated_at\", g.run_id AS \"run\"", x->want->created ? FIRST_OF_ROW : "g.created_at");
    if (x->want->meta)
        PUT(x, ", substr(g.meta, 20) AS \"metadata\"");
    if (x->want->hidden)
        PUT(x, ", hr.hidden_at AS \"hidden_at\"");
    if (x->want->posted)
        PUT(x, ", pr.run AS \"posted_run\", pr.number AS \"posted_run.number\"");
    for (size_t i = 0; i < x->want->n_metrics; i++)
        ADD(x, ", g.m%d AS \"%s\"", x->want->metrics[i]->id, x->want->metrics[i]->name);
    PUT(x, " FROM (");
}

/* PostgreSQL takes the groups for few, and would compare each with each item: it is told to look the item up (OFFSET 0). */
static void add_item(struct source *x)
{
    if (!x->postgres) {
        PUT(x, ") g CROSS JOIN entity e CROSS JOIN connection c CROSS JOIN workspace w");
        if (x->want->title)
            PUT(x, " LEFT JOIN content ct ON ct.bucket = e.bucket AND ct.entity_id = e.id");
        return;
    }
    PUT(x, ") g CROSS JOIN LATERAL (SELECT i.* FROM entity i WHERE i.bucket = g.bucket AND i.id = g.entity_id OFFSET 0) e CROSS JOIN connection c CROSS "
           "JOIN workspace w");
    if (x->want->title)
        PUT(x, " LEFT JOIN LATERAL (SELECT i.title, i.posted_at FROM content i WHERE i.bucket = g.bucket AND i.entity_id = g.entity_id OFFSET 0) ct ON "
               "TRUE");
}

static void add_wide_tail(struct source *x)
{
    add_item(x);
    if (x->want->hidden)
        PUT(x, " LEFT JOIN hidden_row hr ON hr.bucket = g.bucket AND hr.entity_id = g.entity_id AND hr.win = g.win AND hr.day = g.day");
    if (x->want->posted)
        PUT(x, " LEFT JOIN posted_run pr ON pr.bucket = g.bucket AND pr.entity_id = g.entity_id AND pr.win = g.win AND pr.day = g.day");
    PUT(x, " WHERE e.bucket = g.bucket AND e.id = g.entity_id AND c.id = e.connection_id AND w.id = e.workspace_id)");
}

static void add_snapshots(struct source *x, const struct nilo__cells *cells)
{
    add_wide_head(x);
    PUT(x, "SELECT k.bucket, k.entity_id, k.win, k.day, MAX(k.captured_at) AS captured_at, MIN(k.provenance) AS "
           "provenance, ");
    if (x->want->stamps)
        PUT(x, "MIN(k.recorded_at) AS created_at, MAX(k.recorded_at) AS updated_at, MAX(k.run_id) AS run_id, ");
    if (x->want->meta) /* the newest; before it as many digits whenever it was */
        PUT(x, "MAX(CASE WHEN k.meta IS NOT NULL THEN CAST(k.recorded_at + 2000000000000000000 AS text) || k.meta END) AS meta, ");
    if (x->want->cells)
        add_packed(x, "k.metric_id || ':' || COALESCE(CAST(k.value AS text), '!' || k.absence)");
    else
        PUT(x, "'' AS cells");
    add_metric_columns(x, "k.value");
    PUT(x, " FROM ");
    nilo__add_cells(x, cells);
    PUT(x, " GROUP BY k.bucket, k.entity_id, k.win, k.day");
    add_wide_tail(x);
}

static void content_snapshots(struct source *x)
{
    add_snapshots(x, &(struct nilo__cells){.kind = NILO_CONTENT, .more = kept(x, KEPT, "")});
}
static void content_latest(struct source *x)
{
    add_snapshots(x, &(struct nilo__cells){.kind = NILO_CONTENT, .latest = true, .more = " AND l.win = 0"});
}
static void content_windows(struct source *x)
{
    add_snapshots(x, &(struct nilo__cells){.kind = NILO_CONTENT, .latest = true, .more = " AND l.win > 0"});
}

static void content_best(struct source *x)
{
    add_wide_head(x);
    PUT(x, "SELECT k.bucket, k.entity_id, CAST(NULL AS bigint) AS win, MAX(k.day) AS day, MAX(k.captured_at) AS captured_at, "
           "MIN(r.provenance) AS provenance, ");
    if (x->want->stamps)
        PUT(x, "CAST(NULL AS bigint) AS created_at, MAX(r.started_at) AS updated_at, MAX(k.run_id) AS run_id, ");
    if (x->want->cells)
        add_packed(x, "k.metric_id || ':' || k.value || ':' || k.day || ':' || k.win");
    else
        PUT(x, "'' AS cells");
    add_metric_columns(x, "k.value");
    PUT(x, " FROM (SELECT v.* FROM entity e CROSS JOIN best v");
    nilo__where_entity(x, NILO_CONTENT);
    PUT(x, " AND v.bucket = e.bucket AND v.entity_id = e.id) k JOIN run r ON r.id = k.run_id GROUP BY k.bucket, "
           "k.entity_id");
    add_wide_tail(x);
}

static void content(struct source *x)
{
    PUT(x, "(SELECT w.name AS \"workspace\", c.name AS \"connection\", c.platform AS \"platform\", e.external_id AS "
           "\"external_id\", ");
    add_owner(x, "e.bucket", "e.id");
    PUT(x, ", ct.title AS \"title\", ct.url AS \"url\", ct.posted_at AS \"posted_at\", ct.media_type AS "
           "\"media_type\", ct.caption AS \"caption\", "
           "ct.duration_ms AS \"duration_ms\", ct.thumbnail AS \"thumbnail\", ct.tags AS \"tags\", ct.status AS "
           "\"status\", "
           "ct.deleted_at AS \"deleted_at\", e.first_seen_at AS \"first_seen_at\", CASE WHEN ct.attrs_at > e.first_seen_at THEN ct.attrs_at ELSE "
           "e.first_seen_at END AS \"updated_at\", c.status AS \"connection_status\", c.role AS \"connection_role\" FROM entity e JOIN connection c ON "
           "c.id = e.connection_id "
           "JOIN workspace w ON w.id = e.workspace_id LEFT JOIN content ct ON ct.bucket = e.bucket AND ct.entity_id = "
           "e.id");
    nilo__where_entity(x, NILO_CONTENT);
    PUT(x, ")");
}

static void content_events(struct source *x)
{
    PUT(x, "(SELECT w.name AS \"workspace\", c.name AS \"connection\", c.role AS \"connection_role\", c.platform AS \"platform\", e.external_id AS "
           "\"external_id\", ");
    add_owner(x, "e.bucket", "e.id");
    PUT(x, ", ct.title AS \"title\", v.day AS \"day\", v.at AS \"at\", v.event AS \"event\", v.was AS \"was\", v.status AS \"status\", "
           "v.recorded_at AS \"recorded_at\", v.id AS \"number\" FROM content_event v JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id "
           "JOIN connection c ON c.id = e.connection_id JOIN workspace w ON w.id = e.workspace_id "
           "LEFT JOIN content ct ON ct.bucket = e.bucket AND ct.entity_id = e.id");
    nilo__where_entity(x, NILO_CONTENT);
    PUT(x, ")");
}

/* ---- one row a value --------------------------------------------------------------------------------------------------------- */

#define OF_ENTITY                                                                                                      \
    "w.name AS \"workspace\", c.name AS \"connection\", c.role AS \"connection_role\", c.platform AS \"platform\", k.kind AS \"entity\", "  \
    "k.external_id AS \"external_id\", "                                                                               \
    "k.win AS \"window_days\", k.day AS \"day\", m.name AS \"metric\", m.type AS \"metric_type\", m.scale AS "         \
    "\"scale\", "
#define OF_VALUE                                                                                                       \
    "k.value AS \"value\", k.absence AS \"absence\", k.provenance AS \"provenance\", k.captured_at AS "                \
    "\"captured_at\", "                                                                                                \
    "k.source_day AS \"source_day\", k.recorded_at AS \"recorded_at\", k.run_id AS \"run\", k.meta AS \"metadata\""
#define JOIN_NAMES                                                                                                     \
    " CROSS JOIN connection c CROSS JOIN workspace w CROSS JOIN metric m WHERE c.id = k.connection_id AND w.id = "     \
    "k.workspace_id AND m.id = k.metric_id)"

static void daily_metrics(struct source *x)
{
    PUT(x, "(SELECT w.name AS \"workspace\", c.name AS \"connection\", k.day AS \"metric_date\", m.type AS "
           "\"metric_type\", "
           "m.name AS \"metric_category\", k.value AS \"value\", m.scale AS \"scale\", COALESCE(k.meta, '{}') AS "
           "\"metadata\", "
           "k.provenance AS \"provenance\", k.captured_at AS \"collection_timestamp\", k.recorded_at AS \"updatedAt\", ");
    PUT(x, x->want->created ? "COALESCE((SELECT MIN(y.recorded_at) FROM observation y WHERE y.bucket = k.bucket AND y.entity_id = k.entity_id AND y.win = k.win "
                              "AND y.day = k.day AND y.metric_id = k.metric_id), k.recorded_at)"
                            : "k.recorded_at");
    PUT(x, " AS \"created_at\" FROM ");
    nilo__add_cells(x, &(struct nilo__cells){.kind = NILO_APP, .lifetime = true,
                                              .more = kept(x, " AND v.value IS NOT NULL" KEPT, " AND v.value IS NOT NULL")});
    PUT(x, JOIN_NAMES);
}

/* Looked up only where the column is asked for. */
#define OF_CONTENT(column) "(SELECT ct." column " FROM content ct WHERE ct.bucket = k.bucket AND ct.entity_id = k.entity_id) AS \"" column "\""

#define OF_BEST(column, name)                                                                                          \
    "(SELECT b." column " FROM best b WHERE b.bucket = k.bucket AND b.entity_id = k.entity_id AND b.metric_id = k.metric_id) AS \"" name "\""

static void metric_values(struct source *x)
{
    PUT(x, "(SELECT " OF_ENTITY OF_VALUE ", k.cause AS \"cause\", k.seq AS \"seq\", " OF_CONTENT("title") ", " OF_CONTENT("url") ", "
           OF_CONTENT("posted_at") ", ");
    add_owner(x, "k.bucket", "k.entity_id");
    PUT(x, ", m.kind AS \"metric_kind\", m.aggregation AS \"metric_aggregation\", m.scale AS \"metric_scale\", m.unit AS \"metric_unit\", "
           "m.currency AS \"metric_currency\", (SELECT z.zone FROM workspace_zone z WHERE z.workspace_id = w.id ORDER BY z.from_day DESC LIMIT 1) "
           "AS \"workspace_zone\", CASE WHEN c.dropped_until > -2147483648 THEN c.dropped_until END AS \"dropped_until\", " OF_BEST("value", "best_value") ", " OF_BEST("win", "best_window_days") ", " OF_BEST("day", "best_day") ", "
           OF_BEST("captured_at", "best_captured_at") ", " OF_BEST("gmv", "best_gmv") " FROM ");
    nilo__add_cells(x, &(struct nilo__cells){.kind = -1, .more = x->want->left ? "" : kept(x, KEPT, "")});
    PUT(x, JOIN_NAMES);
}

static void revisions(struct source *x)
{
    PUT(x, "(SELECT " OF_ENTITY OF_VALUE
           ", k.cause AS \"cause\", k.seq AS \"seq\", k.author AS \"author\", (SELECT p.value FROM day_value p WHERE ");
    PUT(x, SAME_CELL("p", "k") " AND p.seq < k.seq ORDER BY p.seq DESC LIMIT 1) AS \"previous\" FROM (");
    ADD(x,
        NILO__ENTITY_COLUMNS "v.seq, v.value, v.absence, v.provenance, v.cause, v.run_id, v.captured_at, v.source_day, v.recorded_at, "
        "v.author, v.meta "
        "FROM entity e CROSS JOIN day_value v");
    PUT(x, x->postgres ? "" : " INDEXED BY day_value_amended"); /* few among many */
    nilo__where_entity(x, -1);
    PUT(x, " AND v.bucket = e.bucket AND v.entity_id = e.id AND v.seq > 0");
    PUT(x, kept(x, KEPT, ""));
    nilo__where_cell(x, "v");
    PUT(x, ") k" JOIN_NAMES);
}

static void observations(struct source *x)
{
    PUT(x, "(SELECT " OF_ENTITY OF_VALUE " FROM (");
    ADD(x,
        NILO__ENTITY_COLUMNS "v.value, v.absence, v.provenance, v.run_id, v.captured_at, v.source_day, v.recorded_at, v.meta FROM entity "
        "e CROSS JOIN observation v");
    nilo__where_entity(x, -1);
    PUT(x, " AND v.bucket = e.bucket AND v.entity_id = e.id");
    PUT(x, kept(x, KEPT, ""));
    nilo__where_cell(x, "v");
    PUT(x, ") k" JOIN_NAMES);
}

/* For current_metrics(): the newest value of each metric of the app, without its history. */
static void app_latest(struct source *x)
{
    PUT(x, "(SELECT w.name AS \"workspace\", c.name AS \"connection\", m.type AS \"metric_type\", m.name AS "
           "\"metric_category\", "
           "v.value AS \"value\", m.scale AS \"scale\", v.day AS \"metric_date\" FROM entity e CROSS JOIN known v "
           "CROSS JOIN metric m "
           "CROSS JOIN connection c CROSS JOIN workspace w");
    nilo__where_entity(x, NILO_APP);
    PUT(x, " AND v.bucket = e.bucket AND v.entity_id = e.id AND v.win = 0 AND m.id = v.metric_id AND c.id = "
           "e.connection_id AND w.id = e.workspace_id)");
}

/* ---- small tables ------------------------------------------------------------------------------------------------------------ */

static void workspaces(struct source *x)
{
    PUT(x, "(SELECT w.name AS \"name\", z.zone AS \"zone\", CASE WHEN z.from_day > -719162 THEN z.from_day END AS "
           "\"zone_from\", w.origin AS \"origin\", "
           "w.created_at AS \"created_at\" FROM workspace w LEFT JOIN workspace_zone z ON z.workspace_id = w.id AND "
           "z.from_day = (SELECT "
           "MAX(n.from_day) FROM workspace_zone n WHERE n.workspace_id = w.id) WHERE 1=1");
    nilo__scope_sql(x->scope, "w.id", x->sql);
    PUT(x, ")");
}

static void connections(struct source *x)
{
    PUT(x,
        "(SELECT w.name AS \"workspace\", c.name AS \"name\", c.platform AS \"platform\", c.role AS \"role\", c.status "
        "AS \"status\", "
        "c.origin AS \"origin\", CASE WHEN c.closed_until > -2147483648 THEN c.closed_until END AS \"closed_until\", "
        "CASE WHEN c.read_until > -2147483648 THEN c.read_until END AS \"read_until\", c.settle_s AS \"settle_s\", "
        "c.created_at AS \"created_at\" FROM connection c JOIN workspace w ON w.id = c.workspace_id WHERE 1=1");
    nilo__scope_sql(x->scope, "c.workspace_id", x->sql);
    PUT(x, ")");
}

/* Definitions are the store's, not a workspace's: how a name is counted is the same for all. Of several workspaces, though, none sees the names that
 * only others use. */
static void metric_definitions(struct source *x)
{
    PUT(x, "(SELECT m.type AS \"metric_type\", m.name AS \"metric_category\", m.display_name AS \"display_name\", "
           "m.description AS \"description\", "
           "m.unit AS \"unit\", m.format_pattern AS \"format_pattern\", m.is_active AS \"is_active\", m.created_at AS "
           "\"created_at\", "
           "m.kind AS \"kind\", m.aggregation AS \"aggregation\", m.scale AS \"scale\", m.currency AS \"currency\", "
           "m.builtin AS \"builtin\", COALESCE(m.changed_at, m.created_at) AS \"updatedAt\" "
           "FROM metric m WHERE 1=1");
    if (!x->scope->all) {
        ADD(x, " AND (m.builtin = 1 OR (SELECT count(*) FROM %s) = 1 OR EXISTS (SELECT 1 FROM metric_used u WHERE u.metric_id = m.id",
            nilo__every(x->s, "workspace", "every_workspace"));
        nilo__scope_sql(x->scope, "u.workspace_id", x->sql);
        PUT(x, "))");
    }
    PUT(x, ")");
}

static void owners(struct source *x)
{
    PUT(x, "(SELECT w.name AS \"workspace\", o.key AS \"owner\", o.display_name AS \"display_name\", o.created_at AS "
           "\"created_at\", o.extra AS \"metadata\", COALESCE(o.changed_at, o.created_at) AS \"updated_at\" "
           "FROM owner o JOIN workspace w ON w.id = o.workspace_id WHERE 1=1");
    nilo__scope_sql(x->scope, "o.workspace_id", x->sql);
    PUT(x, ")");
}

static void credits(struct source *x)
{
    PUT(x, "(SELECT w.name AS \"workspace\", o.key AS \"owner\", c.name AS \"connection\", c.platform AS \"platform\", "
           "c.role AS \"connection_role\", e.external_id AS \"external_id\", cr.role AS \"role\", CASE WHEN cr.from_day > -2147483648 THEN "
           "cr.from_day END AS \"from_day\", "
           "CASE WHEN cr.to_day < 2147483647 THEN cr.to_day END AS \"to_day\", cr.recorded_at AS \"recorded_at\", "
           "cr.ended_at AS \"ended_at\", "
           "cr.id AS \"credit\", cr.extra AS \"metadata\", COALESCE(cr.changed_at, cr.recorded_at) AS \"updated_at\" FROM credit cr JOIN entity e ON e.bucket = cr.bucket AND e.id = cr.entity_id JOIN "
           "owner o ON o.id = cr.owner_id "
           "JOIN connection c ON c.id = e.connection_id JOIN workspace w ON w.id = cr.workspace_id");
    nilo__where_entity(x, -1);
    nilo__scope_sql(x->scope, "cr.workspace_id", x->sql);
    nilo__narrow_text(x, "owner", "o.key", "");
    PUT(x, ")");
}

static void annotations(struct source *x)
{
    PUT(x, "(SELECT w.name AS \"workspace\", a.id AS \"id\", a.from_day AS \"day\", a.to_day AS \"to_day\", a.text AS \"text\", a.author AS "
           "\"author\", c.name AS \"connection\", e.external_id AS \"external_id\", a.created_at AS \"created_at\", a.updated_at AS \"updated_at\" FROM "
           "annotation a JOIN workspace w ON w.id = a.workspace_id LEFT JOIN entity e ON e.bucket = a.bucket AND e.id = a.entity_id LEFT JOIN "
           "connection c ON c.id = e.connection_id WHERE 1=1");
    nilo__scope_sql(x->scope, "a.workspace_id", x->sql);
    PUT(x, ")");
}

static void runs(struct source *x)
{
    PUT(x,
        "(SELECT r.id AS \"id\", w.name AS \"workspace\", c.name AS \"connection\", c.role AS \"connection_role\", c.platform AS \"platform\", r.kind "
        "AS \"kind\", "
        "r.status AS \"status\", r.provenance AS \"provenance\", r.revise AS \"revise\", r.slot AS \"slot\", "
        "r.target_day AS \"target_day\", "
        "r.started_at AS \"started_at\", r.ended_at AS \"ended_at\", r.duration_ms AS \"duration_ms\", r.first_day AS "
        "\"first_day\", "
        "r.last_day AS \"last_day\", r.items AS \"items\", r.readings AS \"readings\", r.values_recorded AS "
        "\"values_recorded\", "
        "r.values_replaced AS \"values_replaced\", r.values_kept AS \"values_kept\", r.values_unchanged AS "
        "\"values_unchanged\", "
        "r.values_merged AS \"values_merged\", r.values_late AS \"values_late\", r.values_amended AS "
        "\"values_amended\", "
        "r.values_refused AS \"values_refused\", r.failed AS \"failed\", r.metrics_collected AS \"metrics_collected\", "
        "r.days_closed AS \"days_closed\", r.compared AS \"compared\", r.fell AS \"fell\", r.jumped AS \"jumped\", "
        "r.vanished AS \"vanished\", "
        "r.error AS \"error\", r.details AS \"details\", r.version AS \"version\" FROM run r JOIN connection c ON c.id "
        "= r.connection_id "
        "JOIN workspace w ON w.id = r.workspace_id WHERE 1=1");
    nilo__scope_sql(x->scope, "r.workspace_id", x->sql);
    PUT(x, ")");
}

#define FIRST_KEPT "CASE WHEN l.first_day > c.dropped_until THEN l.first_day ELSE c.dropped_until + 1 END"
/* For answers without rows, and for headers: the first and the last day on which anything of our own was read, of days that are kept; where there is nothing
 * of our own, of competitors. */
static void recorded_days(struct source *x)
{
    PUT(x, "(SELECT COALESCE(MIN(CASE WHEN " NILO__OWN("c") " THEN " FIRST_KEPT " END), MIN(" FIRST_KEPT ")) AS \"first_day\", COALESCE(MAX(CASE WHEN "
           NILO__OWN("c") " THEN l.day END), MAX(l.day)) AS \"last_day\" FROM entity e JOIN latest l ON l.bucket = e.bucket AND l.entity_id = e.id JOIN connection c ON c.id = e.connection_id "
           "WHERE l.day > c.dropped_until");
    nilo__scope_sql(x->scope, "e.workspace_id", x->sql);
    PUT(x, ")");
}

/* For pages of rows by day: from when to when there are readings of such entities, of days that are kept. */
static void days_of(struct source *x, int kind)
{
    PUT(x, "(SELECT MIN(" FIRST_KEPT ") AS \"first_day\", MAX(l.day) AS \"last_day\" FROM entity e CROSS JOIN latest l CROSS JOIN connection c");
    nilo__where_entity(x, kind);
    PUT(x, " AND l.bucket = e.bucket AND l.entity_id = e.id AND c.id = e.connection_id AND l.day > c.dropped_until)");
}
static void content_days(struct source *x) { days_of(x, NILO_CONTENT); }
static void app_days(struct source *x) { days_of(x, NILO_APP); }
static void any_days(struct source *x) { days_of(x, -1); }

/* The recorded acts of dropping: which days are gone, by whom, and when. */
static void drops(struct source *x)
{
    PUT(x, "(SELECT w.name AS \"workspace\", c.name AS \"connection\", c.platform AS \"platform\", d.from_day AS \"from_day\", d.until_day AS "
           "\"until_day\", d.values_n AS \"values_dropped\", d.author AS \"author\", d.dropped_at AS \"dropped_at\", d.n AS \"act\" FROM day_drop d "
           "JOIN connection c ON c.id = d.connection_id JOIN workspace w ON w.id = c.workspace_id WHERE 1=1");
    nilo__scope_sql(x->scope, "c.workspace_id", x->sql);
    PUT(x, ")");
}

/* For coverage(): from when to when a connection was not asked. */
static void pauses(struct source *x)
{
    PUT(x, "(SELECT p.connection_id AS \"connection_id\", p.paused_at AS \"paused_at\", p.resumed_at AS \"resumed_at\" FROM connection_pause p JOIN connection c ON c.id = p.connection_id "
           "WHERE 1=1");
    nilo__scope_sql(x->scope, "c.workspace_id", x->sql);
    PUT(x, ")");
}

/* Likewise, from when to when it was expired: its source would not let anybody in. */
static void expiries(struct source *x)
{
    PUT(x, "(SELECT t.connection_id AS \"connection_id\", t.at AS \"expired_at\", (SELECT n.at FROM connection_status n WHERE n.connection_id = t.connection_id AND n.seq = t.seq + 1) AS "
           "\"back_at\" FROM connection_status t JOIN connection c ON c.id = t.connection_id WHERE t.status = 'expired'");
    nilo__scope_sql(x->scope, "c.workspace_id", x->sql);
    PUT(x, ")");
}

/* For run_report(): what failed in runs, one row each. */
static void run_failures(struct source *x)
{
    PUT(x, "(SELECT r.id AS \"run\", f.n AS \"n\", f.external_id AS \"external_id\", f.class AS \"class\", f.message AS "
           "\"message\" FROM run r JOIN run_failure f ON f.run_id = r.id WHERE 1=1");
    nilo__scope_sql(x->scope, "r.workspace_id", x->sql);
    PUT(x, ")");
}

/* Collections and backfills as apps know them: in part is completed, with the failures told. */
static void metric_collection_log(struct source *x)
{
    PUT(x, "(SELECT r.id AS \"run\", w.name AS \"workspace\", c.name AS \"connection\", COALESCE(r.target_day, "
           "r.last_day) AS \"collection_date\", "
           "r.started_at AS \"started_at\", r.ended_at AS \"completed_at\", CASE WHEN r.status = 0 THEN 'running' WHEN "
           "r.status IN (1, 2, 5) THEN "
           "'completed' ELSE 'failed' END AS \"status\", r.metrics_collected AS \"metrics_collected\", r.duration_ms "
           "AS \"duration_ms\", ");
    PUT(x, "COALESCE(r.error, CASE WHEN r.failed > 0 THEN r.failed || ' failed: ' || COALESCE((SELECT f.message FROM "
           "run_failure f WHERE f.run_id = "
           "r.id ORDER BY f.n LIMIT 1), 'see error_details') END) AS \"error_message\", ");
    ADD(x,
        "(SELECT %s('\x1e' || COALESCE(f.external_id, '') || '\x1f' || f.class || '\x1f' || f.message%s FROM (SELECT * "
        "FROM run_failure g WHERE "
        "g.run_id = r.id ORDER BY g.n LIMIT 1000) f) AS \"error_details\", ",
        joined(x), joined_end(x));
    PUT(x, "r.started_at AS \"created_at\", COALESCE(r.ended_at, r.started_at) AS \"updatedAt\" FROM run r JOIN connection c ON c.id = r.connection_id JOIN workspace w ON "
           "w.id = r.workspace_id "
           "WHERE r.kind IN (0, 3)");
    nilo__scope_sql(x->scope, "r.workspace_id", x->sql);
    PUT(x, ")");
}

/* ---- the table ------------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    void (*add)(struct source *x);
} sources[] = {
    {"annotations", annotations},
    {"any_days", any_days},
    {"app_days", app_days},
    {"app_latest", app_latest},
    {"connections", connections},
    {"content", content},
    {"content_best", content_best},
    {"content_days", content_days},
    {"content_events", content_events},
    {"content_latest", content_latest},
    {"content_snapshots", content_snapshots},
    {"content_windows", content_windows},
    {"credits", credits},
    {"daily_metrics", daily_metrics},
    {"drops", drops},
    {"metric_collection_log", metric_collection_log},
    {"metric_definitions", metric_definitions},
    {"metric_values", metric_values},
    {"observations", observations},
    {"owner_daily", nilo__owner_daily},
    {"owner_metrics", nilo__owner_metrics},
    {"owners", owners},
    {"pauses", pauses},
    {"expiries", expiries},
    {"recorded_days", recorded_days},
    {"revisions", revisions},
    {"run_failures", run_failures},
    {"runs", runs},
    {"workspaces", workspaces},
};

int nilo_store_source(struct nilo_store *s, const struct nilo_scope *scope, const char *relation,
                      const struct nilo_source_want *want, struct nilo_buf *sql, struct nilo_err *err)
{
    int64_t dropped, rivals;
    if (nilo_store_scope(s, scope, err) < 0 || nilo__query_int(s, NILO_DAY_NONE.n, &dropped, err, "SELECT max(dropped_until) FROM connection", 0, NULL) < 0 ||
        nilo__query_int(s, 0, &rivals, err, "SELECT count(*) FROM connection c WHERE NOT (" NILO__OWN("c") ")", 0, NULL) < 0)
        return -1;
    struct source x = {.s = s, .scope = scope, .want = want, .sql = sql, .postgres = nilo_db_engine(s->db) == NILO_DB_POSTGRES,
                       .dropped = dropped != NILO_DAY_NONE.n, .rivals = rivals > 0};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (strcmp(sources[i].name, relation) != 0)
            continue;
        sources[i].add(&x);
        return sql->failed ? nilo_err_set(err, NILO_EINVAL, "the request is too large") : 0;
    }
    return nilo_err_set(err, NILO_ERELATION, "Could not find the table 'public.%s' in the schema cache", relation);
}
