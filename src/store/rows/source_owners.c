/* The SQL of owners' relations: what owners' items add up to, now or as of a time. */
#include "store/rows/source_priv.h"

static void where_owner(struct source *x)
{
    nilo__scope_sql(x->scope, "o.workspace_id", x->sql);
    nilo__narrow_text(x, "owner", "o.key", "");
    nilo__narrow_text(x, "workspace", "o.workspace_id IN (SELECT id FROM workspace WHERE name", ")");
}

/* " AND ..." of an item that is credited: it is no competitor's. Only where there is one: it costs a look at the item. */
static void where_own(struct source *x, const char *credit)
{
    if (x->rivals)
        ADD(x, " AND EXISTS (SELECT 1 FROM entity oe JOIN connection oc ON oc.id = oe.connection_id WHERE oe.bucket = %s.bucket AND oe.id = %s.entity_id AND "
            NILO__OWN("oc") ")", credit, credit);
}

/* The metric's rate parts: newest known values of items that the owner is credited with on that day. */
static int metric_id(struct source *x, const char *name)
{
    const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(x->s), name);
    return m ? m->id : 0;
}

#define RATE_MOST "3000000000000000000" /* three such numbers still add up within 64 bits */
static void add_part(struct source *x, const char *name, const char *as)
{
    ADD(x, ", MAX(CASE WHEN k.metric_id = %d AND k.value <= " RATE_MOST " THEN k.value END) AS %s", metric_id(x, name),
        as);
}

/* round-half-even of 10^6 * n / d in 64 bits for any 0 <= n, 0 < d: whole part and remainder apart */
#define HALF_EVEN(q, r, d)                                                                                             \
    "(" q " + CASE WHEN " r " > " d " - " r " OR (" r " = " d " - " r " AND (" q ") % 2 <> 0) THEN 1 ELSE 0 END)"

/* SEMANTICS 1: mean over the items that have one of (likes + comments + shares) / (impressions, else views, else reach). */
static void add_rates(struct source *x)
{
    PUT(x, " LEFT JOIN (SELECT a.owner_id, " HALF_EVEN(
               "a.rate / a.n", "a.rate % a.n",
               "a.n") " AS rate FROM (SELECT c.owner_id, CAST(SUM(c.rate) AS bigint) AS rate, "
                      "COUNT(*) AS n FROM (");
    PUT(x, "SELECT b.owner_id, b.n / b.d * 1000000 + " HALF_EVEN("b.n % b.d * 1000000 / b.d",
                                                                 "b.n % b.d * 1000000 % b.d", "b.d") " AS rate FROM (");
    PUT(x, "SELECT p.owner_id, COALESCE(p.l, 0) + COALESCE(p.c, 0) + COALESCE(p.s, 0) AS n, CASE WHEN p.i > 0 THEN p.i "
           "WHEN p.v > 0 THEN p.v "
           "WHEN p.r > 0 THEN p.r END AS d FROM (SELECT o.id AS owner_id, k.bucket, k.entity_id");
    add_part(x, "likes", "l");
    add_part(x, "comments", "c");
    add_part(x, "shares", "s");
    add_part(x, "impressions", "i");
    add_part(x, "views", "v");
    add_part(x, "reach", "r");
    PUT(x, " FROM owner o CROSS JOIN credit cr CROSS JOIN known k WHERE cr.owner_id = o.id AND cr.ended_at IS NULL AND "
           "k.bucket = cr.bucket AND "
           "k.entity_id = cr.entity_id AND k.win = 0 AND k.day >= cr.from_day AND k.day <= cr.to_day");
    where_own(x, "cr");
    where_owner(x);
    /* a divisor above 9 * 10^12 would overflow the multiplication: no item on earth has as many views */
    PUT(x, " GROUP BY o.id, k.bucket, k.entity_id) p WHERE COALESCE(p.l, p.c, p.s) IS NOT NULL) b WHERE b.d < "
           "9000000000000 AND b.n >= 0 AND "
           "b.n / b.d < 9000000000000) c GROUP BY c.owner_id) a) e ON e.owner_id = o.id");
}

static bool is_flow(const struct nilo_metric *m)
{
    return m->aggregation == NILO_FLOW;
}

/* "m", "m.lo", "m.known" from columns h<id>, l<id>, k<id> of g: sums put in order and null where nothing is known. */
static void add_sum_columns(struct source *x)
{
    for (size_t i = 0; i < x->want->n_metrics; i++) {
        const struct nilo_metric *m = x->want->metrics[i];
        ADD(x,
            ", CASE WHEN g.k%d > 0 THEN g.h%d + (g.l%d >> 32) END AS \"%s\", CASE WHEN g.k%d > 0 THEN g.l%d & "
            "4294967295 END AS \"%s.lo\", "
            "COALESCE(g.k%d, 0) AS \"%s.known\"",
            m->id, m->id, m->id, m->name, m->id, m->id, m->name, m->id, m->name);
    }
}

/* What `total` would hold for owners had nothing been recorded after as_of: the changes of the known cells, cut to the days that an item is
 * credited. Several credits of one owner for one item count as one from the first to the last day. */
static void add_credited(struct source *x)
{
    PUT(x, " JOIN (SELECT o.id AS owner_id, cr.bucket, cr.entity_id, MIN(cr.from_day) AS from_day, MAX(cr.to_day) AS "
           "to_day FROM owner o CROSS JOIN "
           "credit cr WHERE cr.owner_id = o.id");
    nilo__where_credit(x, "cr");
    where_own(x, "cr");
    where_owner(x);
    PUT(x, " GROUP BY o.id, cr.bucket, cr.entity_id) r ON r.bucket = k.bucket AND r.entity_id = k.entity_id");
}

static void add_totals_then(struct source *x)
{
    PUT(x, "WITH cell AS MATERIALIZED (SELECT k.bucket, k.entity_id, k.metric_id, k.day, k.value FROM ");
    nilo__add_cells(x, &(struct nilo__cells){.kind = NILO_CONTENT, .lifetime = true, .more = " AND v.absence <= 3"});
    PUT(x, ") ");
    /* metrics: the span [a, b) on which a value is the newest known one */
    PUT(x, "SELECT s.owner_id, s.metric_id, CASE n.n WHEN 1 THEN s.a WHEN 2 THEN s.b ELSE s.day END AS day, CASE n.n "
           "WHEN 1 THEN s.hi WHEN 2 THEN "
           "-s.hi ELSE s.flow * s.hi END AS hi, CASE n.n WHEN 1 THEN s.lo WHEN 2 THEN -s.lo ELSE s.flow * s.lo END AS "
           "lo, CASE n.n WHEN 1 THEN 1 "
           "WHEN 2 THEN -1 ELSE 0 END AS known, CASE n.n WHEN 3 THEN 1 ELSE 0 END AS fresh FROM (SELECT r.owner_id, "
           "k.metric_id, k.day, m.aggregation "
           "AS flow, k.value >> 32 AS hi, k.value & 4294967295 AS lo, CASE WHEN k.day >= r.from_day AND k.day <= "
           "r.to_day THEN 1 ELSE 0 END AS inside, "
           "CASE WHEN k.day > r.from_day THEN k.day ELSE r.from_day END AS a, CASE WHEN r.to_day = 2147483647 OR "
           "k.until <= r.to_day THEN k.until ELSE "
           "r.to_day + 1 END AS b FROM (SELECT k.*, LEAD(k.day, 1, 2147483647) OVER (PARTITION BY k.bucket, "
           "k.entity_id, k.metric_id ORDER BY k.day) AS "
           "until FROM cell k WHERE k.value IS NOT NULL AND k.metric_id IN (0");
    for (size_t i = 0; i < x->want->n_metrics; i++)
        ADD(x, ",%d", x->want->metrics[i]->id);
    PUT(x, ")) k JOIN metric m ON m.id = k.metric_id AND m.type = 0");
    add_credited(x);
    PUT(x, ") s CROSS JOIN (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3) n WHERE (n.n = 3 AND s.inside = 1) OR "
           "(s.flow = 0 AND s.a < s.b AND "
           "(n.n = 1 OR (n.n = 2 AND s.b < 2147483647)))");
    /* metric 0: items from their first reading on, and who was read */
    PUT(x, " UNION ALL SELECT s.owner_id, 0, CASE n.n WHEN 1 THEN s.a WHEN 2 THEN s.to_day + 1 ELSE s.day END, 0, 0, "
           "CASE n.n WHEN 1 THEN 1 WHEN 2 THEN "
           "-1 ELSE 0 END, CASE n.n WHEN 3 THEN 1 ELSE 0 END FROM (SELECT r.owner_id, r.from_day, r.to_day, k.day, "
           "k.first_day, CASE WHEN k.first_day > "
           "r.from_day THEN k.first_day ELSE r.from_day END AS a FROM (SELECT d.bucket, d.entity_id, d.day, MIN(d.day) "
           "OVER (PARTITION BY d.bucket, "
           "d.entity_id) AS first_day FROM (SELECT DISTINCT k.bucket, k.entity_id, k.day FROM cell k) d) k");
    add_credited(x);
    PUT(x, ") s CROSS JOIN (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3) n WHERE (n.n = 3 AND s.day >= "
           "s.from_day AND s.day <= s.to_day) OR "
           "(s.day = s.first_day AND s.a <= s.to_day AND (n.n = 1 OR (n.n = 2 AND s.to_day < 2147483647)))");
}

/* The sums by day that owners' relations are made of: the table, or what it would have been at a time. */
static void add_totals(struct source *x)
{
    if (x->want->as_of == NILO_US_NONE) {
        PUT(x, "SELECT o.id AS owner_id, t.metric_id, t.day, t.hi, t.lo, t.known, t.fresh FROM owner o CROSS JOIN "
               "total t WHERE t.bucket = o.id % 1024 "
               "AND t.scope_kind = 2 AND t.scope_id = o.id AND t.win = 0");
        where_owner(x);
        return;
    }
    x->every_day = true;
    add_totals_then(x);
}

void nilo__owner_metrics(struct source *x)
{
    x->owner_is_key = true;
    PUT(x, "(SELECT w.name AS \"workspace\", o.key AS \"owner\", o.display_name AS \"display_name\", o.created_at AS \"created_at\", COALESCE(g.items, "
           "0) AS \"items\", "
           "g.through AS \"data_through\", ");
    if (x->want->stamps) { /* of what the totals are made of: the newest values of the items, and who is credited with them */
        PUT(x, "COALESCE((SELECT MAX(u.at) FROM (SELECT cr.recorded_at AS at FROM credit cr WHERE cr.owner_id = o.id");
        where_own(x, "cr");
        PUT(x, " UNION ALL SELECT cr.ended_at FROM credit cr WHERE cr.owner_id = o.id");
        where_own(x, "cr");
        PUT(x, " UNION ALL SELECT v.recorded_at FROM credit cr CROSS JOIN known k CROSS JOIN day_value v WHERE cr.owner_id = o.id AND cr.ended_at IS "
               "NULL AND k.bucket = cr.bucket AND k.entity_id = cr.entity_id AND k.win = 0 AND k.day >= cr.from_day AND k.day <= cr.to_day AND v.bucket = k.bucket AND "
               "v.entity_id = k.entity_id AND v.win = k.win AND v.day = k.day AND v.metric_id = k.metric_id");
        where_own(x, "cr");
        PUT(x, ") u), o.created_at) AS \"updated_at\", ");
    }
    PUT(x, x->want->rate ? "CASE WHEN COALESCE(g.items, 0) = 0 THEN 0 ELSE e.rate END" : "NULL");
    PUT(x, " AS \"avg_engagement_rate\"");
    add_sum_columns(x);
    PUT(x, " FROM owner o JOIN workspace w ON w.id = o.workspace_id LEFT JOIN (SELECT t.owner_id, CAST(SUM(CASE WHEN "
           "t.metric_id = 0 THEN t.known END) "
           "AS bigint) AS items, MAX(CASE WHEN t.metric_id = 0 AND t.fresh > 0 THEN t.day END) AS through");
    for (size_t i = 0; i < x->want->n_metrics; i++) {
        const struct nilo_metric *m = x->want->metrics[i];
        ADD(x,
            ", CAST(SUM(CASE WHEN t.metric_id = %d THEN t.hi END) AS bigint) AS h%d, CAST(SUM(CASE WHEN t.metric_id = "
            "%d THEN t.lo END) AS bigint) "
            "AS l%d, CAST(SUM(CASE WHEN t.metric_id = %d THEN t.%s END) AS bigint) AS k%d",
            m->id, m->id, m->id, m->id, m->id, is_flow(m) ? "fresh" : "known", m->id);
    }
    PUT(x, " FROM (");
    add_totals(x);
    PUT(x, ") t GROUP BY t.owner_id) g ON g.owner_id = o.id");
    if (x->want->rate)
        add_rates(x);
    PUT(x, " WHERE 1=1");
    where_owner(x);
    PUT(x, ")");
}

/* A level on a day is the sum of its changes up to that day. */
void nilo__owner_daily(struct source *x)
{
    x->owner_is_key = true;
    PUT(x, "(SELECT w.name AS \"workspace\", o.key AS \"owner\", g.day AS \"day\", g.items AS \"items\", g.fresh AS "
           "\"fresh\"");
    add_sum_columns(x);
    PUT(x, " FROM (SELECT d.owner_id, d.day, CAST(SUM(d.items) OVER (PARTITION BY d.owner_id ORDER BY d.day) AS "
           "bigint) AS items, d.fresh");
    for (size_t i = 0; i < x->want->n_metrics; i++) {
        int id = x->want->metrics[i]->id;
        for (const char *c = "hlk"; *c; c++)
            if (is_flow(x->want->metrics[i]))
                ADD(x, ", d.%c%d", *c, id);
            else
                ADD(x, ", CAST(SUM(d.%c%d) OVER (PARTITION BY d.owner_id ORDER BY d.day) AS bigint) AS %c%d", *c, id,
                    *c, id);
    }
    PUT(x, " FROM (SELECT t.owner_id, t.day, CAST(SUM(CASE WHEN t.metric_id = 0 THEN t.known ELSE 0 END) AS bigint) AS "
           "items, "
           "CAST(SUM(CASE WHEN t.metric_id = 0 THEN t.fresh ELSE 0 END) AS bigint) AS fresh");
    for (size_t i = 0; i < x->want->n_metrics; i++) {
        const struct nilo_metric *m = x->want->metrics[i];
        ADD(x,
            ", CAST(SUM(CASE WHEN t.metric_id = %d THEN t.hi ELSE 0 END) AS bigint) AS h%d, CAST(SUM(CASE WHEN "
            "t.metric_id = %d THEN t.lo ELSE 0 "
            "END) AS bigint) AS l%d, CAST(SUM(CASE WHEN t.metric_id = %d THEN t.%s ELSE 0 END) AS bigint) AS k%d",
            m->id, m->id, m->id, m->id, m->id, is_flow(m) ? "fresh" : "known", m->id);
    }
    PUT(x, " FROM (");
    add_totals(x);
    PUT(x, ") t GROUP BY t.owner_id, t.day) d) g CROSS JOIN owner o CROSS JOIN workspace w WHERE o.id = g.owner_id AND "
           "w.id = o.workspace_id");
    if (x->dropped)
        PUT(x, " AND g.day > COALESCE((SELECT max(dc.dropped_until) FROM connection dc WHERE " NILO__OWN("dc") " AND dc.id IN (SELECT de.connection_id FROM credit cr "
               "JOIN entity de ON de.bucket = cr.bucket AND de.id = cr.entity_id WHERE cr.owner_id = o.id)), -2147483648)");
    PUT(x, ")");
}
