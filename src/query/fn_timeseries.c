/* timeseries: one metric by day, week or month. Three sources: the totals that the store keeps (a workspace, connection, owner or
 * platform), the readings of one item or of the app, and, where totals cannot tell (as_of, several conditions), sums over the items' shown values. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "query/functions.h"
#include "query/points.h"

static const struct nilo_parameter parameters[] = {
    {.name = "metric", .type = NILO_T_TEXT, .required = true, .doc = "the metric's name"},
    {.name = "from", .type = NILO_T_DAY, .doc = "first day; default: the first that holds anything"},
    {.name = "to", .type = NILO_T_DAY, .doc = "last day; default: today"},
    {.name = "step", .type = NILO_T_TEXT, .fallback = "day", .doc = "day, week (ISO) or month"},
    {.name = "owner", .type = NILO_T_TEXT, .doc = "items credited to this owner"},
    {.name = "connection", .type = NILO_T_TEXT, .doc = "items of this connection"},
    {.name = "platform", .type = NILO_T_TEXT, .doc = "items of this platform"},
    {.name = "external_id", .type = NILO_T_TEXT, .doc = "this item alone"},
    {.name = "window_days",
     .type = NILO_T_INT,
     .fallback = "0",
     .doc = "0: all time so far; else days of a rolling window"},
    {.name = "fill",
     .type = NILO_T_TEXT,
     .fallback = "none",
     .doc = "none, or spread: a change over a gap is spread over its days"},
    {.name = "as_of", .type = NILO_T_TIME, .doc = "as it was known then"},
};
static const struct nilo_column columns[] = {
    {.name = "period", .type = NILO_T_DAY, .doc = "the day, or the first day of the week or month"},
    {.name = "value",
     .type = NILO_T_DECIMAL,
     .doc = "level: the period's last value; flow: its sum; null: see absence"},
    {.name = "change", .type = NILO_T_DECIMAL, .doc = "against the value before; null for the first"},
    {.name = "span_days", .type = NILO_T_INT, .doc = "days that the change covers"},
    {.name = "items", .type = NILO_T_INT, .doc = "items that existed"},
    {.name = "known", .type = NILO_T_INT, .doc = "items with a value by then"},
    {.name = "fresh", .type = NILO_T_INT, .doc = "items that were read on the very day"},
    {.name = "provenance", .type = NILO_T_TEXT, .doc = "of the readings, the weakest; null for totals"},
    {.name = "absence", .type = NILO_T_TEXT, .doc = "why there is no value"},
    {.name = "open", .type = NILO_T_BOOL, .doc = "the period is not over"},
};

enum step { STEP_DAY, STEP_WEEK, STEP_MONTH };

struct series {
    struct nilo_call *call;
    struct nilo_err *err;
    const struct nilo_metric *metric;
    enum step step;
    bool spread, readings; /* readings: of one item or the app: a gap stays a gap */
    int32_t win;
    nilo_day from, to, today, base; /* base: first day kept, a period before `from`; NONE = all */
    nilo_us as_of;
    struct nilo__points points;
    /* while reading: the entity or total at hand */
    struct nilo_entity_ref entity;
    bool any;
    nilo_i128 sum;
    int64_t items, known, entities;
    const struct nilo_calendar *calendar; /* NULL: several workspaces */
    const int64_t *competitors; /* connections whose items are no part of totals */
    size_t n_competitors;
};

static bool flow(const struct series *x)
{
    return x->metric->aggregation == NILO_FLOW;
}

/* ---- periods --------------------------------------------------------------------------------------------------------------------- */

static nilo_day period_start(enum step step, nilo_day d)
{
    return step == STEP_DAY ? d : step == STEP_WEEK ? nilo_day_week_start(d) : nilo_day_month_start(d);
}

static nilo_day period_next(enum step step, nilo_day start)
{
    return step == STEP_DAY    ? NILO_DAY(start.n + 1)
           : step == STEP_WEEK ? NILO_DAY(start.n + 7)
                               : nilo_day_next_month(start);
}

/* ---- changes of a level, put in by day ---------------------------------------------------------------------------------------------- */

static struct nilo__point *point(struct series *x, nilo_day day)
{
    if (!nilo_day_is_none(x->base) && day.n < x->base.n)
        day = x->base;
    return nilo__point_at(&x->points, day, x->err);
}

static int add_change(struct series *x, nilo_day day, nilo_i128 sum, int64_t items, int64_t known)
{
    struct nilo__point *p = point(x, day);
    if (!p)
        return -1;
    p->sum += sum;
    p->items += items;
    p->known += known;
    return 0;
}

static int add_fresh(struct series *x, nilo_day day, int64_t fresh)
{
    if (!nilo_day_is_none(x->base) && day.n < x->base.n)
        return 0;
    struct nilo__point *p = point(x, day);
    if (!p)
        return -1;
    p->fresh += fresh;
    return 0;
}

/* ---- totals ---------------------------------------------------------------------------------------------------------------------------- */

static int total_row(void *ctx, const struct nilo_total_row *row)
{
    struct series *x = ctx;
    if (row->day.n > x->to.n)
        return 0;
    if (!flow(x)) {
        if (add_change(x, row->day, row->sum - x->sum, row->items - x->items, row->known - x->known) < 0)
            return -1;
        x->sum = row->sum;
        x->known = row->known;
    } else {
        bool before = !nilo_day_is_none(x->base) && row->day.n < x->base.n;
        if (add_change(x, row->day, before ? 0 : row->sum, row->items - x->items, before ? 0 : row->known) < 0)
            return -1;
    }
    x->items = row->items;
    return add_fresh(x, row->day, row->fresh);
}

static int add_total(struct series *x, enum nilo_total_scope kind, int64_t id)
{
    x->sum = 0;
    x->items = x->known = 0;
    return nilo_store_totals(x->call->store, x->call->scope, kind, id, x->win, x->metric->id, x->base, x->to, total_row,
                             x, x->err) == 0
               ? 0
               : -1;
}

/* Connections of the scope by name or platform. */
static int connections(struct series *x, const char *name, const char *platform, int64_t **ret, size_t *ret_n)
{
    struct nilo_call *c = x->call;
    struct nilo_connection *all;
    int64_t *ids;
    size_t n, n_ids, k = 0;
    if (nilo__scope_workspaces(c->store, c->scope, &c->arena, &ids, &n_ids, x->err) < 0 ||
        nilo_store_connections(c->store, &all, &n, x->err) < 0)
        return -1;
    int64_t *found = nilo_arena_array(&c->arena, n + 1, sizeof *found);
    for (size_t i = 0; found && i < n; i++) {
        bool in = false;
        for (size_t j = 0; j < n_ids; j++)
            in |= ids[j] == all[i].workspace;
        if (in && (name ? strcmp(all[i].name, name) == 0
                        : strcmp(all[i].platform, platform) == 0 && strcmp(all[i].role, "competitor") != 0))
            found[k++] = all[i].id;
    }
    free(all);
    if (!found)
        return nilo_err_nomem(x->err);
    if (k == 0 && name)
        return nilo_err_set(x->err, NILO_ENOENT, "there is no connection \"%.200s\"", name);
    *ret = found;
    *ret_n = k;
    return 0;
}

static int owners(struct series *x, const char *key, int64_t **ret, size_t *ret_n)
{
    struct nilo_call *c = x->call;
    int64_t *ids, *found;
    size_t n, k = 0;
    if (nilo__scope_workspaces(c->store, c->scope, &c->arena, &ids, &n, x->err) < 0)
        return -1;
    if (!(found = nilo_arena_array(&c->arena, n + 1, sizeof *found)))
        return nilo_err_nomem(x->err);
    for (size_t i = 0; i < n; i++) {
        struct nilo_err why;
        if (nilo_store_owner(c->store, ids[i], key, false, &found[k], &why) == 0)
            k++;
        else if (why.code != NILO_ENOENT)
            return nilo_err_set(x->err, why.code, "%s", why.msg);
    }
    if (k == 0)
        return nilo_err_set(x->err, NILO_ENOENT, "there is no owner \"%.200s\"", key);
    *ret = found;
    *ret_n = k;
    return 0;
}

static int read_totals(struct series *x, const char *owner, const char *connection, const char *platform)
{
    int64_t *ids;
    size_t n;
    enum nilo_total_scope kind = owner                    ? NILO_TOTAL_OWNER
                                 : connection || platform ? NILO_TOTAL_CONNECTION
                                                          : NILO_TOTAL_WORKSPACE;
    int rc = owner ? owners(x, owner, &ids, &n)
             : connection || platform
                 ? connections(x, connection, platform, &ids, &n)
                 : nilo__scope_workspaces(x->call->store, x->call->scope, &x->call->arena, &ids, &n, x->err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_total(x, kind, ids[i]);
    return rc;
}

/* ---- sums over the items' shown values ------------------------------------------------------------------------------------------------- */

static bool same_entity(const struct series *x, const struct nilo_scan_row *row)
{
    return x->any && x->entity.id == row->entity.id && x->entity.bucket == row->entity.bucket;
}

static int sum_row(void *ctx, const struct nilo_scan_row *row)
{
    struct series *x = ctx;
    for (size_t i = 0; i < x->n_competitors; i++)
        if (x->competitors[i] == row->connection)
            return 0;
    if (!same_entity(x, row)) {
        x->entity = row->entity;
        x->any = true;
        x->sum = 0;
        x->known = x->items = 0;
    }
    if (x->items == 0 && nilo_absence_definitive(row->absence)) {
        x->items = 1;
        if (add_change(x, row->day, 0, 1, 0) < 0)
            return -1;
    }
    if (row->absence != NILO_PRESENT)
        return 0;
    if (!flow(x)) {
        if (add_change(x, row->day, row->value - x->sum, 0, 1 - x->known) < 0)
            return -1;
    } else if ((nilo_day_is_none(x->base) || row->day.n >= x->base.n) &&
               add_change(x, row->day, row->value, 0, 1) < 0) {
        return -1;
    }
    x->sum = row->value;
    x->known = 1;
    return add_fresh(x, row->day, 1);
}

static int load_competitors(struct series *x)
{
    struct nilo_connection *all;
    size_t n;
    if (nilo_store_connections(x->call->store, &all, &n, x->err) < 0)
        return -1;
    int64_t *ids = nilo_arena_array(&x->call->arena, n + 1, sizeof *ids);
    for (size_t i = 0; ids && i < n; i++)
        if (strcmp(all[i].role, "competitor") == 0)
            ids[x->n_competitors++] = all[i].id;
    free(all);
    x->competitors = ids;
    return ids ? 0 : nilo_err_nomem(x->err);
}

static int read_sums(struct series *x, struct nilo_select *sel, const char *owner, const char *connection)
{
    int64_t *own = NULL, *con = NULL;
    size_t n_own = 1, n_con = 1;
    if ((owner && owners(x, owner, &own, &n_own) < 0) ||
        (connection && connections(x, connection, NULL, &con, &n_con) < 0) ||
        (!owner && !connection && load_competitors(x) < 0))
        return -1;
    sel->kind = NILO_CONTENT;
    for (size_t i = 0; i < n_own; i++)
        for (size_t k = 0; k < n_con; k++) {
            sel->owner = own ? own[i] : 0;
            sel->connection = con ? con[k] : 0;
            x->any = false;
            if (nilo_store_scan(x->call->store, x->call->scope, sel, sum_row, x, x->err) != 0)
                return -1;
        }
    return 0;
}

/* ---- readings of one item, or of the app ------------------------------------------------------------------------------------------------ */

#define PART_SCALE 6
static bool number_of(const char *text, size_t len, int scale, nilo_i128 *ret)
{
    int64_t v;
    if (nilo_decimal_parse(text, len, scale, true, &v, NULL) < 0)
        return false;
    *ret = v;
    return true;
}

/* Numbers of the metadata by name: what averages and percentages are put together from. */
static void read_parts(const char *meta, nilo_i128 *size, nilo_i128 *num, nilo_i128 *den, bool *has_size,
                       bool *has_parts)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *text;
    size_t len;
    bool got_num = false, got_den = false;
    *has_size = *has_parts = false;
    if (!meta || nilo_json_new(meta, strlen(meta), NILO_JSON_DEFAULT_LIMITS, &j, NULL) < 0)
        return;
    if (nilo_json_next(j, &event, &text, &len, NULL) == 0 && event == NILO_JSON_OBJECT_BEGIN)
        while (nilo_json_next(j, &event, &text, &len, NULL) == 0 && event == NILO_JSON_KEY) {
            const char *raw;
            size_t raw_len;
            bool is_size = len == 11 && memcmp(text, "sample_size", 11) == 0,
                 is_num = len == 9 && memcmp(text, "numerator", 9) == 0;
            bool is_den = len == 11 && memcmp(text, "denominator", 11) == 0;
            if (nilo_json_raw(j, &raw, &raw_len, NULL) < 0)
                break;
            if (is_size)
                *has_size = number_of(raw, raw_len, 0, size);
            else if (is_num)
                got_num = number_of(raw, raw_len, PART_SCALE, num);
            else if (is_den)
                got_den = number_of(raw, raw_len, PART_SCALE, den);
        }
    nilo_json_free(j);
    *has_parts = got_num && got_den;
}

static int reading_row(void *ctx, const struct nilo_scan_row *row)
{
    struct series *x = ctx;
    if (!same_entity(x, row)) {
        if (x->any && row->workspace && nilo_call_text(x->call, "external_id"))
            return nilo_err_set(x->err, NILO_EINVAL,
                                "several connections hold an item \"%.200s\"; add connection=, platform= or the "
                                "workspace to tell which is meant",
                                nilo_call_text(x->call, "external_id"));
        x->entity = row->entity;
        x->any = true;
        x->items = 0;
    }
    struct nilo__point *p = nilo__point_at(&x->points, row->day, x->err);
    if (!p)
        return -1;
    if (x->items == 0 && nilo_absence_definitive(row->absence)) {
        x->items = 1;
        p->items++;
    }
    if (row->absence != NILO_PRESENT) {
        p->absence = (int)row->absence;
        return 0;
    }
    nilo_i128 size = 1, num = 0, den = 0;
    bool has_size = false, has_parts = false;
    if (x->metric->type == NILO_AVERAGE || x->metric->type == NILO_PERCENTAGE)
        read_parts(row->meta, &size, &num, &den, &has_size, &has_parts);
    p->sum += row->value;
    p->known++;
    p->fresh++;
    p->values++;
    p->weighted += has_size ? row->value * size : 0;
    p->weight += has_size ? (int64_t)size : 0;
    p->num += num;
    p->den += den;
    p->parts += has_size || has_parts;
    if (p->provenance == 0 || (int)row->provenance < p->provenance)
        p->provenance = (int)row->provenance;
    return 0;
}

static int first_row(void *ctx, const struct nilo_scan_row *row)
{
    (void)row;
    *(bool *)ctx = true;
    return 1;
}

/* Is it a metric of the app? Then each has one value a day, and no items. */
static int is_app(struct series *x, bool *ret)
{
    const struct nilo_select sel = {
        .kind = NILO_APP, .metric = x->metric->id, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE};
    *ret = false;
    int rc = nilo_store_scan(x->call->store, x->call->scope, &sel, first_row, ret, x->err);
    return rc < 0 ? -1 : 0;
}

/* ---- from points to rows -------------------------------------------------------------------------------------------------------------------- */

struct row {
    nilo_day period, day; /* day: of the value */
    bool has, has_change, over;
    nilo_i128 value, change;
    int64_t span, items, known, fresh;
    int provenance, absence;
};

/* Changes become levels. Items are a level always. */
static void accumulate(struct series *x)
{
    for (size_t i = 1; i < x->points.n; i++) {
        struct nilo__point *p = &x->points.p[i];
        p->items += p[-1].items;
        if (!x->readings && !flow(x)) {
            p->sum += p[-1].sum;
            p->known += p[-1].known;
        }
    }
}

/* The day's state: behind the last change a level stays what it was. */
static bool state(const struct series *x, nilo_day day, struct nilo__point *ret)
{
    const struct nilo__point *p = nilo__point_get(&x->points, day);
    *ret = (struct nilo__point){0};
    if (p) {
        *ret = *p;
        return true;
    }
    if (x->points.n && day.n > x->points.first.n) {
        const struct nilo__point *last = &x->points.p[x->points.n - 1];
        ret->items = last->items;
        if (!x->readings && !flow(x)) {
            ret->sum = last->sum;
            ret->known = last->known;
        }
        return true;
    }
    return false;
}

/* An average of several values by their sample sizes, a percentage from its parts; without these the plain mean. */
static nilo_i128 combine(const struct series *x, const struct nilo__point *t)
{
    int64_t v;
    if (t->values <= 1)
        return t->sum;
    if (x->metric->type == NILO_AVERAGE && t->parts == t->values && t->weight > 0 &&
        nilo_decimal_div(t->weighted, t->weight, 0, &v))
        return v;
    if (x->metric->type == NILO_PERCENTAGE && t->parts == t->values && t->den != 0 &&
        nilo_decimal_div(100 * t->num, t->den, x->metric->scale, &v))
        return v;
    return nilo_decimal_div(t->sum, t->values, 0, &v) ? v : t->sum;
}

static void take_day(const struct series *x, struct row *r, struct nilo__point *t, nilo_day day,
                     const struct nilo__point *p)
{
    bool ratio = x->metric->type == NILO_AVERAGE || x->metric->type == NILO_PERCENTAGE;
    r->items = p->items;
    if (p->known == 0) {
        if (p->absence)
            r->absence = p->absence;
        return;
    }
    if (!(flow(x) || ratio)) /* a level: the last value stands */
        *t = (struct nilo__point){0};
    t->sum += p->sum;
    t->weighted += p->weighted;
    t->weight += p->weight;
    t->num += p->num;
    t->den += p->den;
    t->values += p->values;
    t->parts += p->parts;
    t->known = flow(x) && t->known > p->known ? t->known : p->known;
    t->fresh = flow(x) && t->fresh > p->fresh ? t->fresh : p->fresh;
    if (p->provenance && (t->provenance == 0 || p->provenance < t->provenance))
        t->provenance = p->provenance;
    r->has = true;
    r->day = day;
}

static void make_row(const struct series *x, nilo_day start, struct row *r)
{
    struct nilo__point t = {0}, p;
    nilo_day next = period_next(x->step, start);
    *r = (struct row){.period = start, .over = next.n <= x->today.n};
    for (nilo_day d = start; d.n < next.n && d.n <= x->to.n; d.n++)
        if (state(x, d, &p))
            take_day(x, r, &t, d, &p);
    bool ratio = x->metric->type == NILO_AVERAGE || x->metric->type == NILO_PERCENTAGE;
    r->value = ratio ? combine(x, &t) : t.sum;
    r->known = t.known;
    r->fresh = t.fresh;
    r->provenance = t.provenance;
    if (!r->has && r->absence == 0)
        r->absence = NILO_NOT_COLLECTED;
}

/* The newest row before the first one asked for that holds a value. */
static bool row_before(const struct series *x, nilo_day start, struct row *ret)
{
    if (x->points.n == 0)
        return false;
    for (nilo_day d = NILO_DAY(start.n - 1); d.n >= x->points.first.n; d.n = period_start(x->step, d).n - 1) {
        make_row(x, period_start(x->step, d), ret);
        if (ret->has)
            return true;
    }
    return false;
}

static void add_changes(const struct series *x, struct row *rows, size_t n)
{
    struct row first;
    const struct row *before = n && row_before(x, rows[0].period, &first) ? &first : NULL;
    for (size_t i = 0; i < n; i++) {
        struct row *r = &rows[i];
        if (!r->has)
            continue;
        if (before) {
            bool days = x->step != STEP_DAY && flow(x);
            r->has_change = true;
            r->change = r->value - before->value;
            r->span = days ? r->period.n - before->period.n : r->day.n - before->day.n;
        }
        before = r;
    }
}

/* A day that the zone skipped is no gap: without a value it has no row. */
static bool skipped(const struct series *x, nilo_day d)
{
    return x->step == STEP_DAY && x->calendar && !nilo_calendar_exists(x->calendar, d);
}

static size_t leave_out_skipped(const struct series *x, struct row *rows, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (rows[i].has || !skipped(x, rows[i].period))
            rows[left++] = rows[i];
    return left;
}

/* Each day of the gap gets its share; the shares add up to the change. */
static void spread_changes(const struct series *x, struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct row *r = &rows[i];
        nilo_i128 change = r->change;
        int64_t span = r->span;
        if (!r->has_change || span <= 1)
            continue;
        for (int32_t d = r->day.n - (int32_t)r->span + 1; d < r->day.n; d++)
            span -= skipped(x, NILO_DAY(d));
        for (int64_t k = 0; k < span && k <= (int64_t)i; k++) {
            int64_t at = span - k; /* the at-th day of the gap */
            rows[i - (size_t)k].change = change * at / span - change * (at - 1) / span;
            rows[i - (size_t)k].span = 1;
            rows[i - (size_t)k].has_change = true;
        }
    }
}

static int hand_on(struct series *x, const struct row *r)
{
    int scale = x->metric->scale;
    struct nilo_datum cells[] = {
        nilo_datum_day(r->period),
        nilo_datum_decimal(r->value, scale),
        nilo_datum_decimal(r->change, scale),
        nilo_datum_int(r->span),
        nilo_datum_int(r->items),
        nilo_datum_int(r->known),
        nilo_datum_int(r->fresh),
        nilo_datum_str(r->provenance ? nilo_provenance_name(r->provenance) : NULL),
        nilo_datum_str(r->has ? NULL : nilo_absence_name(r->absence)),
        nilo_datum_bool(!r->over),
    };
    cells[1].null = !r->has;
    cells[2].null = cells[3].null = !r->has_change;
    return nilo_call_row(x->call, cells, x->err);
}

static int hand_on_all(struct series *x)
{
    nilo_day first = x->from;
    size_t n = 0;
    if (nilo_day_is_none(first)) {
        if (x->points.n == 0)
            return 0;
        first = x->points.first;
    }
    first = period_start(x->step, first);
    for (nilo_day d = first; d.n <= x->to.n; d = period_next(x->step, d))
        if (++n > NILO__POINTS_MAX)
            return nilo_err_set(x->err, NILO_EINVAL, "the range holds more than %d periods; ask for less",
                                NILO__POINTS_MAX);
    struct row *rows = nilo_arena_array(&x->call->arena, n + 1, sizeof *rows);
    if (!rows)
        return nilo_err_nomem(x->err);
    nilo_day d = first;
    for (size_t i = 0; i < n; i++, d = period_next(x->step, d))
        make_row(x, d, &rows[i]);
    n = leave_out_skipped(x, rows, n);
    add_changes(x, rows, n);
    if (x->spread)
        spread_changes(x, rows, n);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = hand_on(x, &rows[i]);
    return rc;
}

/* ---- the call ------------------------------------------------------------------------------------------------------------------------------- */

static int unknown_metric(const struct nilo_catalog *catalog, const char *name, struct nilo_err *err)
{
    struct nilo__near near = {.name = name, .len = strlen(name)};
    for (size_t i = 0; i < catalog->n; i++)
        nilo__near_try(&near, catalog->metrics[i].name);
    return nilo_err_set(err, NILO_EINVAL, "metric \"%.100s\" is not defined%s%s%s", name,
                        near.best ? "; did you mean \"" : "", near.best ? near.best : "", near.best ? "\"?" : "");
}

/* As of a time, the day of that time is the present one. */
static int day_then(struct series *x)
{
    const struct nilo_calendar *calendar;
    if (nilo__scope_calendar(x->call->store, x->call->scope, &calendar, x->err) < 0)
        return -1;
    nilo_day then = calendar ? nilo_calendar_day(calendar, x->as_of) : NILO_DAY((int32_t)(x->as_of / NILO_US_DAY));
    if (then.n < x->today.n)
        x->today = then;
    return 0;
}

static int take_arguments(struct series *x)
{
    static const char *const steps[] = {"day", "week", "month"};
    const char *step = nilo_call_text(x->call, "step"), *fill = nilo_call_text(x->call, "fill");
    const struct nilo_catalog *catalog = nilo_store_catalog(x->call->store);
    int i = 0;
    x->metric = nilo_catalog_by_name(catalog, nilo_call_text(x->call, "metric"));
    if (!x->metric)
        return unknown_metric(catalog, nilo_call_text(x->call, "metric"), x->err);
    while (i < 3 && strcmp(steps[i], step) != 0)
        i++;
    if (i == 3)
        return nilo_err_set(x->err, NILO_EINVAL, "step is day, week or month, not \"%.50s\"", step);
    x->step = (enum step)i;
    x->spread = strcmp(fill, "spread") == 0;
    if (!x->spread && strcmp(fill, "none") != 0)
        return nilo_err_set(x->err, NILO_EINVAL, "fill is none or spread, not \"%.50s\"", fill);
    if (x->spread && x->step != STEP_DAY)
        return nilo_err_set(x->err, NILO_EINVAL, "fill=spread goes with step=day");
    int64_t win = nilo_call_int(x->call, "window_days", 0);
    if (win < 0 || win > 36600)
        return nilo_err_set(x->err, NILO_EINVAL, "window_days is a number of days, or 0");
    x->win = (int32_t)win;
    if (nilo__days(x->call, 0, &x->from, &x->to, &x->today, x->err) < 0 ||
        nilo__as_of_us(x->call->q, x->call->store, x->call->scope, &x->as_of, x->err) < 0 ||
        nilo__scope_calendar(x->call->store, x->call->scope, &x->calendar, x->err) < 0)
        return -1;
    if (x->as_of != NILO_US_NONE && day_then(x) < 0)
        return -1;
    if (x->to.n > x->today.n) /* nothing is known of days to come */
        x->to = x->today;
    x->base = x->from;
    if (!nilo_day_is_none(x->from)) {
        nilo_day start = period_start(x->step, x->from);
        x->base = period_start(x->step, NILO_DAY(start.n - 1));
    }
    return 0;
}

static int read_series(struct series *x)
{
    const char *external_id = nilo_call_text(x->call, "external_id"), *owner = nilo_call_text(x->call, "owner");
    const char *connection = nilo_call_text(x->call, "connection"), *platform = nilo_call_text(x->call, "platform");
    bool adds_up = x->metric->type == NILO_COUNT;
    struct nilo_select sel = {.platform = platform,
                              .external_id = external_id,
                              .kind = external_id ? -1 : NILO_APP,
                              .win = x->win,
                              .metric = x->metric->id,
                              .from = NILO_DAY_NONE,
                              .to = x->to,
                              .as_of = x->as_of};
    bool app = false;
    if (!external_id && is_app(x, &app) < 0)
        return -1;
    x->readings = external_id || app || !adds_up;
    if (x->readings && !external_id && !app && x->metric->builtin)
        return nilo_err_set(x->err, NILO_EINVAL,
                            "%s does not add up over items; ask for one with external_id=", x->metric->name);
    if (x->readings) {
        int64_t *ids = NULL, *own = NULL;
        size_t n = 1, n_own = 1;
        if ((connection && connections(x, connection, NULL, &ids, &n) < 0) ||
            (owner && owners(x, owner, &own, &n_own) < 0))
            return -1;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n_own; k++) {
                sel.connection = ids ? ids[i] : 0;
                sel.owner = own ? own[k] : 0;
                if (nilo_store_scan(x->call->store, x->call->scope, &sel, reading_row, x, x->err) != 0)
                    return -1;
            }
        return 0;
    }
    if (x->as_of != NILO_US_NONE || (owner != NULL) + (connection != NULL) + (platform != NULL) > 1)
        return read_sums(x, &sel, owner, connection);
    return read_totals(x, owner, connection, platform);
}

static int run(struct nilo_call *c, struct nilo_err *err)
{
    struct series x = {.call = c, .err = err, .as_of = NILO_US_NONE};
    int rc = take_arguments(&x) < 0 || read_series(&x) < 0 ? -1 : 0;
    if (rc == 0) {
        accumulate(&x);
        rc = hand_on_all(&x);
    }
    nilo__points_done(&x.points);
    return rc;
}

const struct nilo_function nilo__fn_timeseries = {
    .name = "timeseries",
    .doc = "one metric by day, week or month: of a workspace, owner, connection, platform or item",
    .parameters = parameters,
    .n_parameters = sizeof parameters / sizeof parameters[0],
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .min_role = NILO_ROLE_AUTHENTICATED,
    .run = run,
};
