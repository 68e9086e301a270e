/* One metric by day, week or month: what timeseries, growth and owner_profile are made of. Three sources: the totals that the store
 * keeps (a workspace, connection, owner or platform), the readings of one item or of the app, and, where totals cannot tell (as_of, several
 * conditions), sums over the items' shown values (series_sums.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "query/series_priv.h"


/* ---- periods --------------------------------------------------------------------------------------------------------------------- */

nilo_day nilo__period_start(enum nilo__step step, nilo_day d)
{
    return step == NILO__STEP_DAY ? d : step == NILO__STEP_WEEK ? nilo_day_week_start(d) : nilo_day_month_start(d);
}

nilo_day nilo__period_next(enum nilo__step step, nilo_day start)
{
    return step == NILO__STEP_DAY    ? NILO_DAY(start.n + 1)
           : step == NILO__STEP_WEEK ? NILO_DAY(start.n + 7)
                               : nilo_day_next_month(start);
}

/* Of such days only what they add up to is kept. */
bool nilo__series_is_before(const struct nilo__series *x, nilo_day day)
{
    return day.n < (nilo_day_is_none(x->base) ? x->earliest.n : x->base.n);
}

/* ---- changes of a level, put in by day ---------------------------------------------------------------------------------------------- */

static struct nilo__point *point(struct nilo__series *x, nilo_day day)
{
    if (!nilo_day_is_none(x->base) && day.n < x->base.n)
        day = x->base;
    if (day.n < x->earliest.n && nilo_day_is_none(x->base)) {
        day = x->earliest;
        x->cut = true;
    }
    return nilo__point_at(&x->points, day, x->err);
}

int nilo__series_add(struct nilo__series *x, nilo_day day, nilo_i128 sum, int64_t items, int64_t known)
{
    struct nilo__point *p = point(x, day);
    if (!p)
        return -1;
    p->sum += sum;
    p->items += items;
    p->known += known;
    return 0;
}

int nilo__series_fresh(struct nilo__series *x, nilo_day day, int64_t fresh)
{
    if (nilo__series_is_before(x, day))
        return 0;
    struct nilo__point *p = point(x, day);
    if (!p)
        return -1;
    p->fresh += fresh;
    return 0;
}

/* ---- dropped days ---------------------------------------------------------------------------------------------------------------------- */

static int load_dropped(struct nilo__series *x)
{
    const struct nilo_call *c = x->call;
    if (nilo_store_dropped(c->store, c->scope, NILO_TOTAL_WORKSPACE, 0, &x->dropped, &x->n_dropped, x->err) < 0)
        return -1;
    x->masks = calloc(x->n_dropped + 1, sizeof *x->masks);
    return x->masks ? 0 : nilo_err_nomem(x->err);
}

/* The last dropped day of a connection that the series is about. */
nilo_day nilo__series_mask(struct nilo__series *x, int64_t connection)
{
    for (size_t i = 0; i < x->n_dropped; i++)
        if (x->dropped[i].connection == connection) {
            x->masks[i] = true;
            return x->dropped[i].until;
        }
    return NILO_DAY_NONE;
}

static int mask_total(struct nilo__series *x, enum nilo_total_scope kind, int64_t id)
{
    struct nilo_drop_days *of;
    size_t n;
    if (x->n_dropped == 0)
        return 0;
    if (nilo_store_dropped(x->call->store, x->call->scope, kind, id, &of, &n, x->err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        (void)nilo__series_mask(x, of[i].connection);
    free(of);
    return 0;
}

static int first_row(void *ctx, const struct nilo_scan_row *row)
{
    (void)row;
    *(bool *)ctx = true;
    return 1;
}

int nilo__series_mask_asked(struct nilo__series *x, const struct nilo_select *sel)
{
    for (size_t i = 0; i < x->n_dropped; i++) {
        struct nilo_select now = *sel;
        bool any = false;
        if (x->masks[i] || (sel->connection != 0 && sel->connection != x->dropped[i].connection))
            continue;
        now.connection = x->dropped[i].connection;
        now.from = now.to = NILO_DAY_NONE;
        now.as_of = NILO_US_NONE;
        now.before = now.first = false;
        if (nilo_store_scan(x->call->store, x->call->scope, &now, first_row, &any, x->err) < 0)
            return -1;
        x->masks[i] = any;
    }
    return 0;
}

static bool is_dropped(const struct nilo__series *x, nilo_day day)
{
    for (size_t i = 0; i < x->n_dropped; i++)
        if (x->masks[i] && day.n >= x->dropped[i].from.n && day.n <= x->dropped[i].until.n)
            return true;
    return false;
}

/* ---- totals ---------------------------------------------------------------------------------------------------------------------------- */

static int total_row(void *ctx, const struct nilo_total_row *row)
{
    struct nilo__series *x = ctx;
    if (row->day.n > x->to.n)
        return 0;
    if (!nilo__series_flow(x)) {
        if (nilo__series_add(x, row->day, row->sum - x->sum, row->items - x->items, row->known - x->known) < 0)
            return -1;
        x->sum = row->sum;
        x->known = row->known;
    } else {
        bool before = nilo__series_is_before(x, row->day);
        if (nilo__series_add(x, row->day, before ? 0 : row->sum, row->items - x->items, before ? 0 : row->known) < 0)
            return -1;
    }
    x->items = row->items;
    return nilo__series_fresh(x, row->day, row->fresh);
}

static int add_total(struct nilo__series *x, enum nilo_total_scope kind, int64_t id)
{
    x->sum = 0;
    x->items = x->known = 0;
    if (mask_total(x, kind, id) < 0)
        return -1;
    return nilo_store_totals(x->call->store, x->call->scope, kind, id, x->win, x->metric->id, x->base, x->to, total_row,
                             x, x->err) == 0
               ? 0
               : -1;
}

static int read_totals(struct nilo__series *x, const char *owner, const char *connection, const char *platform)
{
    int64_t *ids;
    size_t n;
    enum nilo_total_scope kind = owner                    ? NILO_TOTAL_OWNER
                                 : connection || platform ? NILO_TOTAL_CONNECTION
                                                          : NILO_TOTAL_WORKSPACE;
    int rc = owner ? nilo__named_owners(x->call, owner, &ids, &n, x->err)
             : connection || platform
                 ? nilo__named_connections(x->call, connection, platform, &ids, &n, x->err)
                 : nilo__scope_workspaces(x->call->store, x->call->scope, &x->call->arena, &ids, &n, x->err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_total(x, kind, ids[i]);
    return rc;
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

static bool same_entity(const struct nilo__series *x, const struct nilo_scan_row *row)
{
    return x->any && x->entity.id == row->entity.id && x->entity.bucket == row->entity.bucket;
}

static int reading_row(void *ctx, const struct nilo_scan_row *row)
{
    struct nilo__series *x = ctx;
    if (!same_entity(x, row)) {
        if (x->any && row->workspace && x->external_id)
            return nilo_err_set(x->err, NILO_EINVAL,
                                "several connections hold an item \"%.200s\"; add connection=, platform= or the "
                                "workspace to tell which is meant",
                                x->external_id);
        x->entity = row->entity;
        x->any = true;
        x->items = 0;
    }
    if (row->day.n < x->earliest.n && (nilo_day_is_none(x->base) || row->day.n < x->base.n)) {
        x->cut = true;
        return 0;
    }
    struct nilo__point *p = nilo__point_at(&x->points, row->day, x->err);
    if (!p)
        return -1;
    if (x->items == 0 && nilo_absence_definitive(row->absence)) {
        x->items = 1;
        p->items++;
    }
    if (row->day.n <= nilo__series_mask(x, row->connection).n) /* left for later days to stand on */
        return 0;
    if (row->absence != NILO_PRESENT) {
        p->absence = (int)row->absence;
        return 0;
    }
    if (x->breakdown && row->meta && nilo__breakdown_add(x, row->day, row->meta) < 0)
        return -1;
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

/* Has the metric values of the app (one value a day each, and no items), or of items? */
static int is_of(struct nilo__series *x, enum nilo_entity_kind kind, bool *ret)
{
    const struct nilo_select sel = {
        .own = true, .kind = kind, .metric = x->metric->id, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE};
    *ret = false;
    int rc = nilo_store_scan(x->call->store, x->call->scope, &sel, first_row, ret, x->err);
    return rc < 0 ? -1 : 0;
}

static int is_not_of_items(struct nilo__series *x, bool *ret)
{
    bool items;
    int rc = is_of(x, NILO_CONTENT, &items);
    *ret = !items;
    return rc;
}

/* ---- from points to rows -------------------------------------------------------------------------------------------------------------------- */

/* Changes become levels. Items are a level always. */
static void accumulate(struct nilo__series *x)
{
    for (size_t i = 1; i < x->points.n; i++) {
        struct nilo__point *p = &x->points.p[i];
        p->items += p[-1].items;
        if (!x->readings && !nilo__series_flow(x)) {
            p->sum += p[-1].sum;
            p->known += p[-1].known;
        }
    }
}

/* What was too far back stands on the earliest day, which is none of the series: it begins with the first day that was read. */
static void begin_later(struct nilo__series *x)
{
    struct nilo__points *all = &x->points;
    size_t first = 0;
    char day[NILO_DAY_TEXT];
    while (first < all->n && all->p[first].fresh == 0)
        first++;
    if (first < all->n) {
        memmove(all->p, all->p + first, (all->n - first) * sizeof *all->p);
        all->first = NILO_DAY(all->first.n + (int32_t)first);
        all->n -= first;
    }
    nilo_day_format(all->n > 0 ? all->first : x->earliest, day);
    snprintf(x->call->q->note, sizeof x->call->q->note,
             "%s begins on %s here: there are values more than %d days before the last day; ask for those with from= and to=", x->metric->name, day,
             NILO__POINTS_MAX);
}

/* The day's state: behind the last change a level stays what it was. */
static bool state(const struct nilo__series *x, nilo_day day, struct nilo__point *ret)
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
        if (!x->readings && !nilo__series_flow(x)) {
            ret->sum = last->sum;
            ret->known = last->known;
        }
        return true;
    }
    return false;
}

/* An average of several values by their sample sizes, a percentage from its parts; without these the plain mean. */
static nilo_i128 combine(const struct nilo__series *x, const struct nilo__point *t)
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

static void take_day(const struct nilo__series *x, struct nilo__series_row *r, struct nilo__point *t, nilo_day day,
                     const struct nilo__point *p)
{
    bool ratio = x->metric->type == NILO_AVERAGE || x->metric->type == NILO_PERCENTAGE;
    r->items = p->items;
    if (p->known == 0) {
        if (p->absence)
            r->absence = p->absence;
        return;
    }
    if (!(nilo__series_flow(x) || ratio)) /* a level: the last value stands */
        *t = (struct nilo__point){0};
    t->sum += p->sum;
    t->weighted += p->weighted;
    t->weight += p->weight;
    t->num += p->num;
    t->den += p->den;
    t->values += p->values;
    t->parts += p->parts;
    t->known = nilo__series_flow(x) && t->known > p->known ? t->known : p->known;
    t->fresh = nilo__series_flow(x) && t->fresh > p->fresh ? t->fresh : p->fresh;
    if (p->provenance && (t->provenance == 0 || p->provenance < t->provenance))
        t->provenance = p->provenance;
    r->has = true;
    r->read |= p->fresh > 0;
    r->read |= p->fresh > 0;
    r->day = day;
}

void nilo__series_row(const struct nilo__series *x, nilo_day start, struct nilo__series_row *r)
{
    struct nilo__point t = {0}, p;
    nilo_day next = nilo__period_next(x->step, start);
    *r = (struct nilo__series_row){.period = start, .over = next.n <= x->today.n};
    bool ratio = x->metric->type == NILO_AVERAGE || x->metric->type == NILO_PERCENTAGE, dropped = false;
    for (nilo_day d = start; d.n < next.n && d.n <= x->to.n; d.n++) {
        bool gone = is_dropped(x, d);
        dropped = dropped || gone;
        if (state(x, d, &p) && !gone)
            take_day(x, r, &t, d, &p);
        else if (gone)
            r->items = p.items;
    }
    if (dropped && (nilo__series_flow(x) || ratio || !r->has)) { /* a sum that lacks some days is none */
        *r = (struct nilo__series_row){.period = start, .over = r->over, .items = r->items, .absence = NILO_DROPPED};
        return;
    }
    r->partly = dropped;
    r->value = ratio ? combine(x, &t) : t.sum;
    r->known = t.known;
    r->fresh = t.fresh;
    r->provenance = t.provenance;
    if (!r->has && r->absence == 0)
        r->absence = NILO_NOT_COLLECTED;
}

bool nilo__series_row_before(const struct nilo__series *x, nilo_day start, struct nilo__series_row *ret)
{
    if (x->points.n == 0)
        return false;
    for (nilo_day d = NILO_DAY(start.n - 1); d.n >= x->points.first.n; d.n = nilo__period_start(x->step, d).n - 1) {
        nilo__series_row(x, nilo__period_start(x->step, d), ret);
        if (ret->has)
            return true;
    }
    return false;
}

bool nilo__series_dropped_before(const struct nilo__series *x, nilo_day day)
{
    struct nilo__point p;
    for (size_t i = 0; i < x->n_dropped; i++) {
        nilo_day last = x->dropped[i].until.n < day.n ? x->dropped[i].until : NILO_DAY(day.n - 1);
        if (is_dropped(x, last) && state(x, last, &p) && p.items > 0)
            return true;
    }
    return false;
}

const char *nilo__series_absence(const struct nilo__series_row *r)
{
    return r->partly ? nilo_absence_name(NILO_DROPPED) : r->has ? NULL : nilo_absence_name(r->absence);
}

void nilo__series_change(const struct nilo__series *x, struct nilo__series_row *r,
                         const struct nilo__series_row *before)
{
    bool days = x->step != NILO__STEP_DAY && nilo__series_flow(x);
    r->has_change = true;
    r->change = r->value - before->value;
    r->span = days ? r->period.n - before->period.n : r->day.n - before->day.n;
}

/* ---- the call -------------------------------------------------------------------------------------------------------------------------------- */

int nilo__metric_named(struct nilo_call *c, const char *argument, const char *name, const struct nilo_metric **ret, struct nilo_err *err)
{
    struct nilo_catalog catalog;
    struct nilo__near near = {.name = name, .len = strlen(name)};
    if (nilo_query_catalog(c->store, c->scope, &c->arena, &catalog, err) < 0)
        return -1;
    const struct nilo_metric *m = nilo_catalog_by_name(&catalog, name);
    if (m) {
        *ret = m;
        return 0;
    }
    for (size_t i = 0; i < catalog.n; i++)
        nilo__near_try(&near, catalog.metrics[i].name);
    return nilo_err_set(err, NILO_EINVAL, "%s \"%.100s\" is not defined%s%s%s", argument, name,
                        near.best ? "; did you mean \"" : "; nilometer get metric_definitions lists them",
                        near.best ? near.best : "", near.best ? "\"?" : "");
}

/* As of a time, the day of that time is the present one. */
static void day_then(struct nilo__series *x)
{
    nilo_day then =
        x->calendar ? nilo_calendar_day(x->calendar, x->as_of) : NILO_DAY((int32_t)(x->as_of / NILO_US_DAY));
    if (then.n < x->today.n)
        x->today = then;
}

static int take_step(struct nilo__series *x)
{
    static const char *const steps[] = {"day", "week", "month"};
    const char *step = nilo_call_text(x->call, "step");
    int i = 0;
    while (step && i < 3 && strcmp(steps[i], step) != 0)
        i++;
    if (i == 3)
        return nilo_err_set(x->err, NILO_EINVAL, "step is day, week or month, not \"%.50s\"", step);
    x->step = (enum nilo__step)i;
    return 0;
}

int nilo__series_arguments(struct nilo__series *x, struct nilo_call *c, struct nilo_err *err)
{
    int64_t win = nilo_call_int(c, "window_days", 0);
    *x = (struct nilo__series){.call = c,
                               .err = err,
                               .owner = nilo_call_text(c, "owner"),
                               .connection = nilo_call_text(c, "connection"),
                               .platform = nilo_call_text(c, "platform"),
                               .external_id = nilo_call_text(c, "external_id"),
                               .win = (int32_t)win,
                               .base = NILO_DAY_NONE,
                               .as_of = NILO_US_NONE};
    if (nilo__metric_named(c, "metric", nilo_call_text(c, "metric"), &x->metric, err) < 0 || take_step(x) < 0)
        return -1;
    if (win < 0 || win > 36600)
        return nilo_err_set(err, NILO_EINVAL, "window_days is a number of days, or 0");
    if (nilo_call_today(c, &x->today, err) < 0 || nilo__scope_calendar(c->store, c->scope, &x->calendar, err) < 0 || nilo__as_of_us(c->q, c->store, c->scope, &x->as_of, err) < 0)
        return -1;
    if (x->as_of != NILO_US_NONE)
        day_then(x);
    x->to = x->today;
    return 0;
}

static int read_readings(struct nilo__series *x, const struct nilo_select *sel)
{
    if (x->as_of != NILO_US_NONE && nilo__series_mask_asked(x, sel) < 0)
        return -1;
    return nilo_store_scan(x->call->store, x->call->scope, sel, reading_row, x, x->err) == 0 ? 0 : -1;
}

static int read_series(struct nilo__series *x)
{
    const char *external_id = x->external_id, *owner = x->owner, *connection = x->connection, *platform = x->platform;
    bool adds_up = x->metric->type == NILO_COUNT;
    struct nilo_select sel = {.platform = platform,
                              .external_id = external_id,
                              .kind = external_id ? -1 : NILO_APP,
                              .win = x->win,
                              .metric = x->metric->id,
                              .from = NILO_DAY_NONE,
                              .to = x->to,
                              .as_of = x->as_of};
    bool app = false, items = x->metric->builtin;
    if (!external_id && is_of(x, NILO_APP, &app) < 0)
        return -1;
    /* a name of both is the items': an app that counts its own "views" as well does not hide theirs, and it has no owners */
    if (app && x->metric->builtin && (owner ? (app = false, 0) : is_not_of_items(x, &app)) < 0)
        return -1;
    x->readings = external_id || app || !adds_up;
    if (x->readings && !external_id && !app && !items && is_of(x, NILO_CONTENT, &items) < 0)
        return -1;
    if (x->readings && !external_id && !app && items)
        return nilo_err_set(x->err, NILO_EINVAL,
                            "%s does not add up over items; ask for one with external_id=", x->metric->name);
    if (x->readings) {
        int64_t *ids = NULL, *own = NULL;
        size_t n = 1, n_own = 1;
        /* of earlier periods only the last value is asked for; where a period's value is made of all its days, they are all read */
        if (!external_id && !nilo_day_is_none(x->base) && (x->step == NILO__STEP_DAY || (adds_up && !nilo__series_flow(x)))) {
            sel.from = x->base;
            sel.before = true;
        }
        if ((connection && nilo__named_connections(x->call, connection, NULL, &ids, &n, x->err) < 0) ||
            (owner && nilo__named_owners(x->call, owner, &own, &n_own, x->err) < 0))
            return -1;
        bool ours = true;
        if (external_id && !connection && !owner && nilo__own_item(x->call, external_id, x->win, &ours, x->err) < 0)
            return -1;
        sel.own = connection == NULL && ours;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n_own; k++) {
                sel.connection = ids ? ids[i] : 0;
                sel.owner = own ? own[k] : 0;
                if (read_readings(x, &sel) < 0)
                    return -1;
            }
        /* nothing of it: because there is nothing, or because it is misspelt? */
        return external_id && !x->any ? nilo__named_item(x->call, external_id, x->win, x->err) : 0;
    }
    if (x->as_of != NILO_US_NONE || (owner != NULL) + (connection != NULL) + (platform != NULL) > 1)
        return nilo__series_sums(x, &sel, owner, connection);
    return read_totals(x, owner, connection, platform);
}

int nilo__series_read(struct nilo__series *x)
{
    x->earliest = x->to.n - NILO_DAY_MIN.n < NILO__POINTS_MAX ? NILO_DAY_MIN : NILO_DAY(x->to.n - NILO__POINTS_MAX + 1);
    if (load_dropped(x) < 0 || read_series(x) < 0)
        return -1;
    accumulate(x);
    if (x->cut && nilo_day_is_none(x->base))
        begin_later(x);
    nilo__breakdown_sort(x);
    return 0;
}

void nilo__series_done(struct nilo__series *x)
{
    nilo__points_done(&x->points);
    free(x->breakdowns);
    free(x->dropped);
    free(x->masks);
}
