/* coverage: how much of what existed was read, day by day, and why not all. */
#include <stdlib.h>
#include <string.h>

#include "query/functions.h"
#include "query/points.h"

static const struct nilo_parameter parameters[] = {
    {.name = "from", .type = NILO_T_DAY, .doc = "first day; default: 30 days up to the last one"},
    {.name = "to", .type = NILO_T_DAY, .doc = "last day; default: today"},
    {.name = "window_days",
     .type = NILO_T_INT,
     .fallback = "0",
     .doc = "0: all time so far; else days of a rolling window"},
    {.name = "entity", .type = NILO_T_TEXT, .doc = "content: items only; app: metrics of the app only; default: both"},
    {.name = "workspace", .type = NILO_T_TEXT, .doc = "of this workspace alone"},
    {.name = "connection", .type = NILO_T_TEXT, .doc = "of this connection alone"},
    {.name = "platform", .type = NILO_T_TEXT, .doc = "of connections to this platform alone"},
    {.name = "owner", .type = NILO_T_TEXT, .doc = "of the items of this owner alone"},
    {.name = "external_id", .type = NILO_T_TEXT, .doc = "of this item alone"},
    {.name = "metric", .type = NILO_T_TEXT, .doc = "of this metric alone: an item counts from its first value on"},
    {.name = "metric_type", .type = NILO_T_TEXT, .doc = "of the app's metrics, those of this type alone: count, average, percentage or aggregate"},
};
static const struct nilo_column columns[] = {
    {.name = "day", .type = NILO_T_DAY, .doc = "the day"},
    {.name = "window_days", .type = NILO_T_INT, .doc = "the window asked for"},
    {.name = "items", .type = NILO_T_INT, .doc = "items read that day; a metric of the app counts as an item"},
    {.name = "of", .type = NILO_T_INT, .doc = "items that existed; null where dropped days leave it unknown"},
    {.name = "reason", .type = NILO_T_TEXT, .doc = "why not all were read, also: paused; null: all were"},
    {.name = "latest_day", .type = NILO_T_DAY, .doc = "newest day on which anything was read"},
};

/* A metric of the app: an item of its own from its first value on; one that is no longer collected, up to its last. */
struct app_metric {
    struct nilo_entity_ref entity;
    int32_t metric;
    nilo_day first, last;
};
#define PAUSED 100 /* among the reasons of a day: no absence of a value */
struct cover {
    struct nilo_call *call;
    struct nilo__points points; /* sum unused; items: change of `of`, fresh: items read */
    nilo_day from, to, today, latest;
    int64_t known; /* of the total being read */
    bool level;    /* it is of a metric that is one */
    struct app_metric *app;
    size_t n_app, cap_app;
    const struct nilo_calendar *calendar;
    struct nilo_drop_days *dropped; /* of the scope */
    size_t n_dropped;
    nilo_day gone; /* last dropped day of the connection being read */
    nilo_day app_gone; /* last dropped day of metrics of the app: since when each was there is not known up to it */
    struct nilo_connection *all;
    size_t n_all;
    bool narrowed;          /* to some of the connections: */
    bool *in;               /* by connection of all */
    const char *metric, *type; /* nilo__among() */
    const int32_t *metrics; /* those of the name `metric`; one 0 where it is NULL */
    size_t n_metrics;
    struct nilo_entity_ref item; /* of one item: the entity and day of the row before */
    nilo_day item_day;
    bool theirs; /* the item is a competitor's: none of our own is called that */
    struct nilo_err *err;
};

/* ---- what it is narrowed to --------------------------------------------------------------------------------------------------------------- */

static bool in_scope(const int64_t *ids, size_t n, int64_t workspace)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == workspace)
            return true;
    return false;
}

/* Competitors' connections only where they are asked for by name. */
static bool wanted(const struct nilo_call *c, const struct nilo_connection *k)
{
    const char *name = nilo_call_text(c, "connection");
    return nilo__among(nilo_call_text(c, "workspace"), k->workspace_name) && nilo__among(name, k->name) &&
           nilo__among(nilo_call_text(c, "platform"), k->platform) && (name != NULL || nilo_connection_is_own(k));
}

static int narrow_connections(struct cover *x, const int64_t *ids, size_t n)
{
    const struct nilo_call *c = x->call;
    if (nilo_store_connections(c->store, &x->all, &x->n_all, x->err) < 0)
        return -1;
    x->narrowed = nilo_call_text(c, "workspace") || nilo_call_text(c, "connection") || nilo_call_text(c, "platform");
    x->in = nilo_arena_array(&x->call->arena, x->n_all + 1, sizeof *x->in);
    if (!x->in)
        return nilo_err_nomem(x->err);
    for (size_t i = 0; i < x->n_all; i++)
        x->in[i] = in_scope(ids, n, x->all[i].workspace) && wanted(c, &x->all[i]);
    return 0;
}

static int narrow_metrics(struct cover *x)
{
    const struct nilo_catalog *catalog = nilo_store_catalog(x->call->store);
    int32_t *found = nilo_arena_array(&x->call->arena, catalog->n + 1, sizeof *found);
    if (!found)
        return nilo_err_nomem(x->err);
    x->metric = nilo_call_text(x->call, "metric");
    x->type = nilo_call_text(x->call, "metric_type");
    x->n_metrics = x->metric == NULL; /* metric 0: days on which anything of an item was read */
    for (size_t i = 0; x->metric && i < catalog->n; i++)
        if (nilo__among(x->metric, catalog->metrics[i].name))
            found[x->n_metrics++] = catalog->metrics[i].id;
    x->metrics = found;
    return 0;
}

static bool connection_in(const struct cover *x, int64_t id)
{
    for (size_t i = 0; !x->theirs && i < x->n_all; i++)
        if (x->all[i].id == id)
            return x->in[i];
    return true;
}

static bool metric_in(const struct cover *x, int32_t id)
{
    const struct nilo_metric *m = x->metric || x->type ? nilo_catalog_by_id(nilo_store_catalog(x->call->store), id) : NULL;
    return !m || (nilo__among(x->metric, m->name) && nilo__among(x->type, nilo_metric_type_name(m->type)));
}

/* ---- what was there, and what was read ------------------------------------------------------------------------------------------------------ */

static nilo_day gone_of(const struct cover *x, int64_t connection)
{
    for (size_t i = 0; i < x->n_dropped; i++)
        if (x->dropped[i].connection == connection)
            return x->dropped[i].until;
    return NILO_DAY_NONE;
}

static int existing(struct cover *x, nilo_day day, int64_t change)
{
    if (change == 0 || day.n > x->to.n)
        return 0;
    struct nilo__point *p = nilo__point_at(&x->points, day.n < x->from.n ? x->from : day, x->err);
    if (!p)
        return -1;
    p->items += change;
    return 0;
}

static void seen(struct cover *x, nilo_day day)
{
    if (nilo_day_is_none(x->latest) || day.n > x->latest.n)
        x->latest = day;
}

/* Of a flow nobody knows how many should have reported: as many as did on one day before. */
static int64_t of_metric(const struct cover *x, const struct nilo_total_row *row)
{
    return !x->metric ? row->items : row->known > x->known || x->level ? row->known : x->known;
}

static int total_row(void *ctx, const struct nilo_total_row *row)
{
    struct cover *x = ctx;
    int64_t of = of_metric(x, row);
    if (row->fresh > 0)
        seen(x, row->day);
    if (existing(x, row->day, of - x->known) < 0)
        return -1;
    x->known = of;
    if (row->day.n < x->from.n || row->day.n > x->to.n || row->day.n <= x->gone.n)
        return 0;
    struct nilo__point *p = nilo__point_at(&x->points, row->day, x->err);
    if (!p)
        return -1;
    p->fresh += row->fresh;
    return 0;
}

static struct app_metric *app_metric(struct cover *x, const struct nilo_scan_row *row)
{
    for (size_t i = x->n_app; i-- > 0;)
        if (x->app[i].metric == row->metric && x->app[i].entity.id == row->entity.id &&
            x->app[i].entity.bucket == row->entity.bucket)
            return &x->app[i];
    if (x->n_app == x->cap_app) {
        size_t cap = x->cap_app ? 2 * x->cap_app : 16;
        struct app_metric *more = realloc(x->app, cap * sizeof *more);
        if (!more) {
            nilo_err_nomem(x->err);
            return NULL;
        }
        x->app = more;
        x->cap_app = cap;
    }
    x->app[x->n_app] = (struct app_metric){
        .entity = row->entity, .metric = row->metric, .first = NILO_DAY_NONE, .last = NILO_DAY_NONE};
    return &x->app[x->n_app++];
}

static int app_row(void *ctx, const struct nilo_scan_row *row)
{
    struct cover *x = ctx;
    bool inside = row->day.n >= x->from.n && row->day.n <= x->to.n;
    if (!connection_in(x, row->connection) || !metric_in(x, row->metric))
        return 0;
    struct app_metric *m = app_metric(x, row);
    struct nilo__point *p = inside ? nilo__point_at(&x->points, row->day, x->err) : NULL;
    if (!m || (inside && !p))
        return -1;
    if (row->absence != NILO_PRESENT) {
        if (p && row->absence < 16 && row->day.n > gone_of(x, row->connection).n)
            p->reasons[row->absence]++;
        return 0;
    }
    if (nilo_day_is_none(m->first))
        m->first = row->day;
    m->last = row->day;
    if (gone_of(x, row->connection).n > x->app_gone.n)
        x->app_gone = gone_of(x, row->connection);
    seen(x, row->day);
    if (p && row->day.n > gone_of(x, row->connection).n)
        p->fresh++;
    return 0;
}

static int app_items(struct cover *x)
{
    const struct nilo_catalog *catalog = nilo_store_catalog(x->call->store);
    for (size_t i = 0; i < x->n_app; i++) {
        const struct nilo_metric *m = nilo_catalog_by_id(catalog, x->app[i].metric);
        if (nilo_day_is_none(x->app[i].first))
            continue;
        if (existing(x, x->app[i].first, 1) < 0 ||
            (m && !m->active && existing(x, NILO_DAY(x->app[i].last.n + 1), -1) < 0))
            return -1;
    }
    return 0;
}

/* One item: there from its first reading on. */
static int first_row(void *ctx, const struct nilo_scan_row *row)
{
    struct cover *x = ctx;
    bool again = x->item.id == row->entity.id && x->item.bucket == row->entity.bucket;
    nilo_day gone = gone_of(x, row->connection);
    if (again || !connection_in(x, row->connection))
        return 0;
    x->item = row->entity;
    return existing(x, row->day.n <= gone.n ? NILO_DAY(gone.n + 1) : row->day, 1);
}

/* Rows come by entity and day: several of a day are of several metrics. */
static int item_row(void *ctx, const struct nilo_scan_row *row)
{
    struct cover *x = ctx;
    if (row->day.n <= gone_of(x, row->connection).n || !connection_in(x, row->connection))
        return 0;
    struct nilo__point *p = nilo__point_at(&x->points, row->day, x->err);
    if (!p)
        return -1;
    bool again = x->item.id == row->entity.id && x->item.bucket == row->entity.bucket && x->item_day.n == row->day.n;
    if (nilo_absence_definitive(row->absence)) {
        p->fresh += !again;
        x->item = row->entity;
        x->item_day = row->day;
        seen(x, row->day);
    } else if (row->absence < 16) {
        p->reasons[row->absence]++;
    }
    return 0;
}

static int item(struct cover *x, const char *external_id, int32_t win)
{
    struct nilo_select sel = {.external_id = external_id, .kind = -1, .win = win, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE, .first = true};
    bool ours = true;
    int rc = x->narrowed ? 0 : nilo__own_item(x->call, external_id, win, &ours, x->err);
    x->theirs = !ours;
    for (size_t i = 0; rc == 0 && i < x->n_metrics; i++) {
        sel.metric = x->metrics[i];
        sel.first = true;
        sel.from = sel.to = NILO_DAY_NONE;
        x->item = (struct nilo_entity_ref){.id = -1};
        rc = nilo_store_scan(x->call->store, x->call->scope, &sel, first_row, x, x->err);
        sel.first = false;
        sel.from = x->from;
        sel.to = x->to;
        x->item = (struct nilo_entity_ref){.id = -1};
        if (rc == 0)
            rc = nilo_store_scan(x->call->store, x->call->scope, &sel, item_row, x, x->err);
    }
    x->theirs = false;
    return rc;
}

static int items(struct cover *x, const char *list, int32_t win)
{
    int rc = 0;
    for (const char *at = list; rc == 0 && at; at = strchr(at, NILO_LISTED[0]) ? strchr(at, NILO_LISTED[0]) + 1 : NULL) {
        const char *id = nilo_arena_strndup(&x->call->arena, at, strcspn(at, NILO_LISTED));
        rc = id ? item(x, id, win) : nilo_err_nomem(x->err);
    }
    return rc;
}

/* Runs that failed or do not count: the reason of days that nobody else explains. */
static int run_row(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    struct cover *x = ctx;
    bool in = false;
    for (size_t i = 0; i < x->n_all && !in; i++)
        in = x->in[i] && strcmp(x->all[i].workspace_name, nilo_db_column_text(row, 5)) == 0 && strcmp(x->all[i].name, nilo_db_column_text(row, 6)) == 0;
    if (!in)
        return 0;
    int status = (int)nilo_db_column_int(row, 0);
    int reason = status == NILO_RUN_QUARANTINED ? NILO_QUARANTINED : NILO_FAILED;
    nilo_us started = nilo_db_column_int(row, 4);
    int64_t first, last;
    if (!nilo_db_column_null(row, 1))
        first = last = nilo_db_column_int(row, 1);
    else if (!nilo_db_column_null(row, 2))
        first = nilo_db_column_int(row, 2), last = nilo_db_column_int(row, 3);
    else if (x->calendar)
        first = last = nilo_calendar_day(x->calendar, started).n;
    else
        return 0;
    (void)err;
    if (first < x->from.n)
        first = x->from.n;
    for (; first <= last && first <= x->to.n; first++) {
        struct nilo__point *p = nilo__point_at(&x->points, NILO_DAY((int32_t)first), x->err);
        if (!p)
            return -1;
        if (p->absence == 0)
            p->absence = reason;
    }
    return 0;
}

/* The days from one instant to another, or until today, that nobody has explained. */
static int explain(struct cover *x, struct nilo_db_stmt *row, int reason)
{
    if (!x->calendar || !connection_in(x, nilo_db_column_int(row, 2)))
        return 0;
    int32_t first = nilo_calendar_day(x->calendar, nilo_db_column_int(row, 0)).n;
    int32_t last = nilo_db_column_null(row, 1) ? x->today.n : nilo_calendar_day(x->calendar, nilo_db_column_int(row, 1)).n;
    for (first = first < x->from.n ? x->from.n : first; first <= last && first <= x->to.n; first++) {
        struct nilo__point *p = nilo__point_at(&x->points, NILO_DAY(first), x->err);
        if (!p)
            return -1;
        if (p->absence == 0)
            p->absence = reason;
    }
    return 0;
}

/* A connection that was paused for a part of the day at least: nobody asked its source. */
static int pause_row(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    (void)err;
    return explain(ctx, row, PAUSED);
}

/* One that was expired: its source let nobody in. */
static int expiry_row(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    (void)err;
    return explain(ctx, row, NILO_NOT_PERMITTED);
}

static bool is_dropped(const struct cover *x, nilo_day day)
{
    for (size_t i = 0; i < x->n_dropped; i++)
        if (connection_in(x, x->dropped[i].connection) && day.n >= x->dropped[i].from.n && day.n <= x->dropped[i].until.n)
            return true;
    return false;
}

static const char *reason_of(const struct cover *x, const struct nilo__point *p, int64_t of, nilo_day day)
{
    int most = 0;
    if (is_dropped(x, day))
        return nilo_absence_name(NILO_DROPPED);
    if (!p || p->fresh >= of)
        return of > 0 && !p ? nilo_absence_name(day.n == x->today.n ? NILO_NOT_YET : NILO_NOT_COLLECTED) : NULL;
    for (int i = 1; i < 16; i++)
        if (p->reasons[i] > p->reasons[most] || (most == 0 && p->reasons[i] > 0))
            most = i;
    if (most)
        return nilo_absence_name(most);
    if (p->absence)
        return p->absence == PAUSED ? "paused" : nilo_absence_name(p->absence);
    return nilo_absence_name(day.n == x->today.n ? NILO_NOT_YET : NILO_NOT_COLLECTED);
}

static int hand_on(struct cover *x, int64_t win)
{
    int64_t of = 0;
    for (nilo_day day = x->from; day.n <= x->to.n; day.n++) {
        const struct nilo__point *p = nilo__point_get(&x->points, day);
        of += p ? p->items : 0;
        if (x->calendar && !nilo_calendar_exists(x->calendar, day) && (!p || p->fresh == 0))
            continue; /* the zone skipped it: no gap */
        const struct nilo_datum cells[] = {nilo_datum_day(day),
                                           nilo_datum_int(win),
                                           nilo_datum_int(p ? p->fresh : 0),
                                           day.n <= x->app_gone.n && is_dropped(x, day) ? nilo_datum_null(NILO_T_INT) : nilo_datum_int(of),
                                           nilo_datum_str(reason_of(x, p, of, day)),
                                           nilo_datum_day(x->latest)};
        int rc = nilo_call_row(x->call, cells, x->err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int totals_of(struct cover *x, int32_t win, enum nilo_total_scope kind, int64_t id)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < x->n_metrics; i++) {
        const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(x->call->store), x->metrics[i]);
        x->known = 0;
        x->level = !m || m->aggregation == NILO_LEVEL;
        rc = nilo_store_totals(x->call->store, x->call->scope, kind, id, win, x->metrics[i], x->from, NILO_DAY_NONE, total_row, x, x->err);
    }
    return rc == 0 ? 0 : -1;
}

/* Where days were dropped, or some are asked for, the connections are read one by one: the others read what they read. */
static int workspace(struct cover *x, int32_t win, int64_t id)
{
    x->gone = NILO_DAY_NONE;
    if (x->n_dropped == 0 && !x->narrowed)
        return totals_of(x, win, NILO_TOTAL_WORKSPACE, id);
    int rc = 0;
    for (size_t i = 0; i < x->n_all && rc == 0; i++) {
        x->gone = x->all[i].dropped_until;
        if (x->all[i].workspace == id && x->in[i])
            rc = totals_of(x, win, NILO_TOTAL_CONNECTION, x->all[i].id);
    }
    return rc;
}

static int owners(struct cover *x, const char *list, int32_t win)
{
    int64_t *ids;
    size_t n;
    int rc = 0;
    x->gone = NILO_DAY_NONE;
    for (const char *at = list; rc == 0 && at; at = strchr(at, NILO_LISTED[0]) ? strchr(at, NILO_LISTED[0]) + 1 : NULL) {
        const char *key = nilo_arena_strndup(&x->call->arena, at, strcspn(at, NILO_LISTED));
        struct nilo_err why = {0};
        if (!key)
            return nilo_err_nomem(x->err);
        if (nilo__named_owners(x->call, key, &ids, &n, &why) < 0) {
            if (why.code == NILO_ENAME) /* nothing of nobody was read */
                continue;
            *x->err = why;
            return -1;
        }
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = totals_of(x, win, NILO_TOTAL_OWNER, ids[i]);
    }
    return rc;
}

static int content_of(struct cover *x, int32_t win, const int64_t *ids, size_t n)
{
    const char *item = nilo_call_text(x->call, "external_id"), *owner = nilo_call_text(x->call, "owner");
    int rc = 0;
    if (item)
        return items(x, item, win);
    if (owner)
        return owners(x, owner, win);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = workspace(x, win, ids[i]);
    return rc;
}

static int gather(struct cover *x, int32_t win, const char *entity)
{
    struct nilo_call *c = x->call;
    bool content = !entity || strcmp(entity, "content") == 0, of_app = !entity || !content;
    int64_t *ids;
    size_t n;
    if (nilo_call_text(c, "external_id") || nilo_call_text(c, "owner"))
        of_app = false;
    if (nilo__scope_workspaces(c->store, c->scope, &c->arena, &ids, &n, x->err) < 0 || narrow_connections(x, ids, n) < 0 || narrow_metrics(x) < 0)
        return -1;
    if (nilo_store_dropped(c->store, c->scope, NILO_TOTAL_WORKSPACE, 0, &x->dropped, &x->n_dropped, x->err) < 0)
        return -1;
    if (content && !x->type && content_of(x, win, ids, n) != 0)
        return -1;
    const struct nilo_select app = {
        .kind = NILO_APP, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE, .win = win};
    if (of_app && (nilo_store_scan(c->store, c->scope, &app, app_row, x, x->err) != 0 || app_items(x) < 0))
        return -1;
    if (nilo__rows(c, "runs", "t.\"status\", t.\"target_day\", t.\"first_day\", t.\"last_day\", t.\"started_at\", t.\"workspace\", t.\"connection\"",
                   "WHERE t.\"status\" IN (3, 4, 5) AND t.\"kind\" IN (0, 3) ORDER BY t.\"id\"", 0, NULL, run_row, x, x->err) < 0)
        return -1;
    if (nilo__rows(c, "pauses", "t.\"paused_at\", t.\"resumed_at\", t.\"connection_id\"", "", 0, NULL, pause_row, x, x->err) < 0)
        return -1;
    return nilo__rows(c, "expiries", "t.\"expired_at\", t.\"back_at\", t.\"connection_id\"", "", 0, NULL, expiry_row, x, x->err);
}

static int run(struct nilo_call *c, struct nilo_err *err)
{
    struct cover x = {.call = c, .latest = NILO_DAY_NONE, .app_gone = NILO_DAY_NONE, .err = err};
    int64_t win = nilo_call_int(c, "window_days", 0);
    const char *entity = nilo_call_text(c, "entity");
    if (entity && strcmp(entity, "content") != 0 && strcmp(entity, "app") != 0)
        return nilo_err_set(err, NILO_EINVAL, "entity is content or app");
    if (win < 0 || win > 36600)
        return nilo_err_set(err, NILO_EINVAL, "window_days is a number of days, or 0");
    if (nilo__days(c, 30, &x.from, &x.to, &x.today, err) < 0 ||
        nilo__scope_calendar(c->store, c->scope, &x.calendar, err) < 0)
        return -1;
    if (x.to.n > x.today.n) /* what has not begun cannot be missing */
        x.to = x.today;
    if (x.to.n - (int64_t)x.from.n >= NILO__POINTS_MAX)
        return nilo_err_set(err, NILO_EINVAL, "the range holds more than %d days; ask for less", NILO__POINTS_MAX);
    int rc = gather(&x, (int32_t)win, entity);
    if (rc == 0)
        rc = hand_on(&x, win);
    free(x.app);
    free(x.all);
    free(x.dropped);
    nilo__points_done(&x.points);
    return rc;
}

const struct nilo_function nilo__fn_coverage = {
    .name = "coverage",
    .doc = "items read of items that existed, day by day, and why not all",
    .parameters = parameters,
    .n_parameters = sizeof parameters / sizeof parameters[0],
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .min_role = NILO_ROLE_AUTHENTICATED,
    .run = run,
};
