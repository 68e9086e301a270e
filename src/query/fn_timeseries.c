/* timeseries: one metric by day, week or month. How it is read knows series.c. */
#include <stdlib.h>
#include <string.h>

#include "query/series.h"

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
    {.name = "breakdown",
     .type = NILO_T_BOOL,
     .fallback = "false",
     .doc = "true: a column breakdown, in which the days' breakdowns of an aggregate are put together, key by key"},
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
    {.name = "absence", .type = NILO_T_TEXT, .doc = "why there is no value; beside a value, dropped: the period begins with days that were dropped"},
    {.name = "open", .type = NILO_T_BOOL, .doc = "the period is not over"},
};

static bool with_breakdown(const struct nilo_call *c)
{
    return strcmp(nilo_call_text(c, "breakdown"), "true") == 0;
}

static int more_columns(const struct nilo_call *c, struct nilo_arena *arena, struct nilo_out_column **ret,
                        size_t *ret_n, struct nilo_err *err)
{
    if (!with_breakdown(c))
        return 0;
    struct nilo_out_column *one = nilo_arena_alloc(arena, sizeof *one);
    if (!one)
        return nilo_err_nomem(err);
    *one = (struct nilo_out_column){.name = "breakdown", .type = NILO_T_JSON};
    *ret = one;
    *ret_n = 1;
    return 0;
}

struct answer {
    struct nilo__series series;
    nilo_day from;
    bool spread, with_breakdown;
    struct nilo_buf breakdown;
};

static void add_changes(const struct nilo__series *x, struct nilo__series_row *rows, size_t n)
{
    struct nilo__series_row first;
    const struct nilo__series_row *before =
        n && nilo__series_row_before(x, rows[0].period, &first) ? &first : NULL;
    for (size_t i = 0; i < n; i++) {
        if (!rows[i].has)
            continue;
        if (before)
            nilo__series_change(x, &rows[i], before);
        before = &rows[i];
    }
}

/* A day that the zone skipped is no gap: without a value it has no row. */
static bool skipped(const struct nilo__series *x, nilo_day d)
{
    return x->step == NILO__STEP_DAY && x->calendar && !nilo_calendar_exists(x->calendar, d);
}

static size_t leave_out_skipped(const struct nilo__series *x, struct nilo__series_row *rows, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (rows[i].has || !skipped(x, rows[i].period))
            rows[left++] = rows[i];
    return left;
}

/* Each day of the gap gets its share; the shares add up to the change. */
static void spread_changes(const struct nilo__series *x, struct nilo__series_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct nilo__series_row *r = &rows[i];
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

static int hand_on(struct answer *a, const struct nilo__series_row *r)
{
    struct nilo__series *x = &a->series;
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
        nilo_datum_str(nilo__series_absence(r)),
        nilo_datum_bool(!r->over),
        nilo_datum_null(NILO_T_JSON), /* handed on where it was asked for */
    };
    cells[1].null = !r->has;
    cells[2].null = cells[3].null = !r->has_change;
    nilo_buf_reset(&a->breakdown);
    if (a->with_breakdown && nilo__breakdown_put(x, r, &a->breakdown))
        cells[10] = (struct nilo_datum){
            .type = NILO_T_JSON, .p = nilo_buf_str(&a->breakdown), .len = a->breakdown.len};
    return a->breakdown.failed ? nilo_err_nomem(x->err) : nilo_call_row(x->call, cells, x->err);
}

static int hand_on_all(struct answer *a)
{
    struct nilo__series *x = &a->series;
    nilo_day first = a->from;
    size_t n = 0;
    if (nilo_day_is_none(first)) {
        if (x->points.n == 0)
            return 0;
        first = x->points.first;
    }
    first = nilo__period_start(x->step, first);
    for (nilo_day d = first; d.n <= x->to.n; d = nilo__period_next(x->step, d))
        if (++n > NILO__POINTS_MAX)
            return nilo_err_set(x->err, NILO_EINVAL, "the range holds more than %d periods; ask for less",
                                NILO__POINTS_MAX);
    struct nilo__series_row *rows = nilo_arena_array(&x->call->arena, n + 1, sizeof *rows);
    if (!rows)
        return nilo_err_nomem(x->err);
    nilo_day d = first;
    for (size_t i = 0; i < n; i++, d = nilo__period_next(x->step, d))
        nilo__series_row(x, d, &rows[i]);
    n = leave_out_skipped(x, rows, n);
    add_changes(x, rows, n);
    if (a->spread)
        spread_changes(x, rows, n);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = hand_on(a, &rows[i]);
    return rc;
}

/* ---- the call ------------------------------------------------------------------------------------------------------------------------------- */

static int take_arguments(struct answer *a, struct nilo_call *c, struct nilo_err *err)
{
    struct nilo__series *x = &a->series;
    const char *fill = nilo_call_text(c, "fill");
    nilo_day to, today;
    if (nilo__series_arguments(x, c, err) < 0)
        return -1;
    a->with_breakdown = x->breakdown = with_breakdown(c);
    a->spread = strcmp(fill, "spread") == 0;
    if (!a->spread && strcmp(fill, "none") != 0)
        return nilo_err_set(err, NILO_EINVAL, "fill is none or spread, not \"%.50s\"", fill);
    if (a->spread && x->step != NILO__STEP_DAY)
        return nilo_err_set(err, NILO_EINVAL, "fill=spread goes with step=day");
    if (nilo__days(c, 0, &a->from, &to, &today, err) < 0)
        return -1;
    if (to.n < x->to.n) /* nothing is known of days to come */
        x->to = to;
    if (!nilo_day_is_none(a->from))
        x->base = nilo__period_start(x->step, NILO_DAY(nilo__period_start(x->step, a->from).n - 1));
    return 0;
}

static int run(struct nilo_call *c, struct nilo_err *err)
{
    struct answer a = {.from = NILO_DAY_NONE};
    nilo_buf_init(&a.breakdown, (size_t)16 << 20);
    int rc = take_arguments(&a, c, err) < 0 || nilo__series_read(&a.series) < 0 ? -1 : 0;
    if (rc == 0)
        rc = hand_on_all(&a);
    nilo__series_done(&a.series);
    nilo_buf_done(&a.breakdown);
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
    .more_columns = more_columns,
};
