/* top_content: items in the order of a metric. period picks where the values are read (the best known of all time, the newest snapshot of a
 * window); it never decides which items are in the list. What does: owner, platform, posted_from, posted_to, and the least values. */
#include <string.h>

#include "query/lists.h"
#include "query/series.h"

static const struct nilo_parameter parameters[] = {
    {.name = "period",
     .type = NILO_T_TEXT,
     .fallback = "all",
     .doc = "all: best known values of all time; 30, 90, ...: newest snapshot of that window; latest: newest day"},
    {.name = "order",
     .type = NILO_T_TEXT,
     .fallback = "views",
     .doc = "a metric, greatest first; metric.asc: least first"},
    {.name = "metrics", .type = NILO_T_TEXT, .doc = "metrics to show beside it, separated by commas"},
    {.name = "min_",
     .type = NILO_T_DECIMAL,
     .prefix = true,
     .doc = "least value of a metric; items below or without one are left out"},
    {.name = "owner", .type = NILO_T_TEXT, .doc = "items credited to this owner"},
    {.name = "connection", .type = NILO_T_TEXT, .doc = "items of this connection"},
    {.name = "platform", .type = NILO_T_TEXT, .doc = "items of this platform"},
    {.name = "posted_from", .type = NILO_T_DAY, .doc = "published on this day or later"},
    {.name = "posted_to", .type = NILO_T_DAY, .doc = "published on this day or earlier"},
    {.name = "limit", .type = NILO_T_INT, .doc = "this many items; default: all"},
    {.name = "offset", .type = NILO_T_INT, .fallback = "0", .doc = "behind this many items"},
};
static const struct nilo_column columns[] = {
    {.name = "workspace", .type = NILO_T_TEXT, .doc = "the workspace's name"},
    {.name = "connection", .type = NILO_T_TEXT, .doc = "the connection's name"},
    {.name = "platform", .type = NILO_T_TEXT, .doc = "youtube, instagram, tiktok, ..."},
    {.name = "external_id", .type = NILO_T_TEXT, .doc = "the item's id on its platform"},
    {.name = "owner", .type = NILO_T_JSON, .doc = "array of the owners credited"},
    {.name = "title", .type = NILO_T_TEXT, .doc = "newest known title"},
    {.name = "posted_at", .type = NILO_T_TIME, .doc = "when it was published"},
    {.name = "window_days", .type = NILO_T_INT, .doc = "window of the value that orders; 0: all time so far"},
    {.name = "day", .type = NILO_T_DAY, .doc = "day of the value that orders; null: there is none"},
    {.name = "absence", .type = NILO_T_JSON, .doc = "object metric -> reason, of the metrics without a value"},
};
#define N_COLUMNS (sizeof columns / sizeof columns[0])

/* ---- which metrics: order, then those with a least value, then those to show ------------------------------------------------------------- */

struct names {
    const char *name[NILO_TOP_METRICS];
    size_t n;
    bool ascending;
};

static int add_name(struct names *x, const char *name, struct nilo_err *err)
{
    for (size_t i = 0; i < x->n; i++)
        if (strcmp(x->name[i], name) == 0)
            return 0;
    if (x->n == NILO_TOP_METRICS)
        return nilo_err_set(err, NILO_EINVAL, "more than %d metrics at once", NILO_TOP_METRICS);
    x->name[x->n++] = name;
    return 0;
}

static int add_list(struct names *x, const char *list, struct nilo_arena *arena, struct nilo_err *err)
{
    for (const char *at = list; at;) {
        size_t len = strcspn(at, ",");
        const char *name = nilo_arena_strndup(arena, at, len);
        if (!name)
            return nilo_err_nomem(err);
        if (len == 0)
            return nilo_err_set(err, NILO_EINVAL, "metrics is a list of names separated by commas, not \"%.100s\"", list);
        if (add_name(x, name, err) < 0)
            return -1;
        at = at[len] ? at + len + 1 : NULL;
    }
    return 0;
}

static int names_of(const struct nilo_call *c, struct nilo_arena *arena, struct names *x, struct nilo_err *err)
{
    const char *order = nilo_call_text(c, "order"), *dot = strchr(order, '.'), *name, *value;
    *x = (struct names){.ascending = dot && strcmp(dot, ".asc") == 0};
    if (dot && !x->ascending && strcmp(dot, ".desc") != 0)
        return nilo_err_set(err, NILO_EINVAL, "order is a metric, metric.desc or metric.asc, not \"%.100s\"", order);
    char *first = nilo_arena_strndup(arena, order, dot ? (size_t)(dot - order) : strlen(order));
    if (!first)
        return nilo_err_nomem(err);
    if (add_name(x, first, err) < 0)
        return -1;
    for (size_t i = 0; nilo_call_each(c, "min_", i, &name, &value); i++)
        if (add_name(x, name + 4, err) < 0)
            return -1;
    return add_list(x, nilo_call_text(c, "metrics"), arena, err);
}

static int more_columns(const struct nilo_call *c, struct nilo_arena *arena, struct nilo_out_column **ret,
                        size_t *ret_n, struct nilo_err *err)
{
    struct names x;
    if (names_of(c, arena, &x, err) < 0)
        return -1;
    struct nilo_out_column *all = nilo_arena_array(arena, x.n, sizeof *all);
    if (!all)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < x.n; i++)
        all[i] = (struct nilo_out_column){.name = x.name[i], .type = NILO_T_DECIMAL};
    *ret = all;
    *ret_n = x.n;
    return 0;
}

/* ---- arguments ---------------------------------------------------------------------------------------------------------------------------- */

struct answer {
    struct nilo_call *call;
    struct nilo_top top;
    const struct nilo_metric *metric[NILO_TOP_METRICS];
    struct nilo_datum *cells;
    struct nilo_buf owners, absence;
    bool none; /* a least value that no stored one can reach */
    struct nilo_err *err;
};

static int take_period(struct answer *a)
{
    const char *period = nilo_call_text(a->call, "period");
    int64_t days;
    if (strcmp(period, "all") == 0) {
        a->top.win = NILO_TOP_BEST;
    } else if (strcmp(period, "latest") == 0) {
        a->top.win = 0;
    } else {
        if (nilo_decimal_parse(period, strlen(period), 0, false, &days, NULL) < 0 || days < 1 || days > 36600)
            return nilo_err_set(a->err, NILO_EINVAL,
                                "period is all, latest or the days of a window such as 30 or 90, not \"%.50s\"", period);
        a->top.win = (int32_t)days;
    }
    return 0;
}

/* The least stored integer that is not below the literal. */
static void take_least(struct answer *a, size_t k, const char *literal)
{
    int64_t floor, v;
    bool exact;
    struct nilo_err why;
    size_t len = strlen(literal);
    int scale = a->metric[k]->scale;
    if (nilo_decimal_bound(literal, len, scale, &floor, &exact, NULL) < 0)
        return; /* was checked with the arguments */
    bool below_all = !exact && floor == INT64_MIN && nilo_decimal_parse(literal, len, scale, true, &v, &why) < 0;
    a->none |= !exact && floor == INT64_MAX;
    a->top.metrics[k].has_least = true;
    a->top.metrics[k].least = exact || below_all || floor == INT64_MAX ? floor : floor + 1;
}

static int take_metrics(struct answer *a)
{
    struct names x;
    const char *name, *value;
    if (names_of(a->call, &a->call->arena, &x, a->err) < 0)
        return -1;
    a->top.ascending = x.ascending;
    a->top.n_metrics = x.n;
    for (size_t i = 0; i < x.n; i++) {
        if (nilo__metric_named(a->call, i == 0 ? "order: metric" : "metric", x.name[i], &a->metric[i], a->err) < 0)
            return -1;
        a->top.metrics[i].id = a->metric[i]->id;
    }
    for (size_t i = 0; nilo_call_each(a->call, "min_", i, &name, &value); i++)
        for (size_t k = 0; k < x.n; k++)
            if (strcmp(x.name[k], name + 4) == 0)
                take_least(a, k, value);
    return 0;
}

/* Days of the workspace's zone, both included. */
static int take_posted(struct answer *a)
{
    struct nilo_call *c = a->call;
    const struct nilo_calendar *calendar;
    nilo_day from = nilo_call_day(c, "posted_from"), to = nilo_call_day(c, "posted_to");
    a->top.posted_from = a->top.posted_before = NILO_US_NONE;
    if (nilo__scope_calendar(c->store, c->scope, &calendar, a->err) < 0)
        return -1;
    if (!nilo_day_is_none(from) && !nilo_day_is_none(to) &&
        nilo__check_range(from, to, c->q->request.any_range, "posted_from and posted_to", a->err) < 0)
        return -1;
    if (!nilo_day_is_none(from))
        a->top.posted_from = calendar ? nilo_calendar_start(calendar, from) : from.n * NILO_US_DAY;
    if (!nilo_day_is_none(to))
        a->top.posted_before = calendar ? nilo_calendar_end(calendar, to) : (to.n + INT64_C(1)) * NILO_US_DAY;
    return 0;
}

static int take_arguments(struct answer *a)
{
    struct nilo_call *c = a->call;
    int64_t *ids;
    size_t n;
    a->top.owner = nilo_call_text(c, "owner");
    a->top.connection = nilo_call_text(c, "connection");
    a->top.platform = nilo_call_text(c, "platform");
    a->top.competitors = a->top.connection != NULL;
    a->top.limit = nilo_call_int(c, "limit", -1);
    a->top.offset = nilo_call_int(c, "offset", 0);
    if (nilo_call_text(c, "limit") && a->top.limit < 0)
        return nilo_err_set(a->err, NILO_EINVAL, "limit is a number of items, 0 or more");
    if (a->top.offset < 0)
        return nilo_err_set(a->err, NILO_EINVAL, "offset is a number of items, 0 or more");
    if (take_period(a) < 0 || take_metrics(a) < 0 || take_posted(a) < 0)
        return -1;
    if ((a->top.owner && nilo__named_owners(c, a->top.owner, &ids, &n, a->err) < 0) ||
        (a->top.connection && nilo__named_connections(c, a->top.connection, NULL, &ids, &n, a->err) < 0))
        return -1;
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------------------ */

static struct nilo_datum json_of(const struct nilo_buf *b)
{
    return (struct nilo_datum){.type = NILO_T_JSON, .p = nilo_buf_str(b), .len = b->len};
}

static int put_owners(struct answer *a, const struct nilo_top_row *row)
{
    struct nilo_json_out o;
    nilo_buf_reset(&a->owners);
    nilo_json_out_init(&o, &a->owners);
    return nilo__put_owners(NILO_DBV_TEXT(row->owners), &o, a->err);
}

static void put_absence(struct answer *a, const struct nilo_top_row *row)
{
    struct nilo_json_out o;
    nilo_buf_reset(&a->absence);
    nilo_json_out_init(&o, &a->absence);
    nilo_json_object_begin(&o);
    for (size_t k = 0; k < a->top.n_metrics; k++)
        if (row->cells[k].absence != NILO_PRESENT) {
            nilo_json_key(&o, a->metric[k]->name);
            nilo_json_str(&o, nilo_absence_name((int)row->cells[k].absence));
        }
    nilo_json_object_end(&o);
}

static int top_row(void *ctx, const struct nilo_top_row *row)
{
    struct answer *a = ctx;
    if (put_owners(a, row) < 0)
        return -1;
    put_absence(a, row);
    if (a->owners.failed || a->absence.failed)
        return nilo_err_nomem(a->err);
    const struct nilo_datum own[N_COLUMNS] = {
        nilo_datum_str(row->workspace), nilo_datum_str(row->connection), nilo_datum_str(row->platform),
        nilo_datum_str(row->external_id), json_of(&a->owners), nilo_datum_str(row->title),
        nilo_datum_time(row->posted_at),
        row->win < 0 ? nilo_datum_null(NILO_T_INT) : nilo_datum_int(row->win),
        nilo_datum_day(row->day), json_of(&a->absence)};
    memcpy(a->cells, own, sizeof own);
    for (size_t k = 0; k < a->top.n_metrics; k++) {
        a->cells[N_COLUMNS + k] = nilo_datum_decimal(row->cells[k].value, a->metric[k]->scale);
        a->cells[N_COLUMNS + k].null = row->cells[k].absence != NILO_PRESENT;
    }
    return nilo_call_row(a->call, a->cells, a->err);
}

static int run(struct nilo_call *c, struct nilo_err *err)
{
    struct answer a = {.call = c, .err = err};
    nilo_buf_init(&a.owners, (size_t)16 << 20);
    nilo_buf_init(&a.absence, (size_t)1 << 20);
    int rc = take_arguments(&a);
    if (rc == 0 && !(a.cells = nilo_arena_array(&c->arena, N_COLUMNS + a.top.n_metrics, sizeof *a.cells)))
        rc = nilo_err_nomem(err);
    if (rc == 0 && !a.none)
        rc = nilo_store_top(c->store, c->scope, &a.top, top_row, &a, err);
    nilo_buf_done(&a.owners);
    nilo_buf_done(&a.absence);
    return rc;
}

const struct nilo_function nilo__fn_top_content = {
    .name = "top_content",
    .doc = "items in the order of a metric: best known values, or those of a window's newest snapshot",
    .parameters = parameters,
    .n_parameters = sizeof parameters / sizeof parameters[0],
    .columns = columns,
    .n_columns = N_COLUMNS,
    .min_role = NILO_ROLE_AUTHENTICATED,
    .run = run,
    .more_columns = more_columns,
};
