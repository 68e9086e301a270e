/* growth: a period's value beside that of the period before, and whether the change is more than the series' own recent changes explain.
 *
 * Significant, exactly: let P be the changes between neighbouring periods that were both read, of the BEFORE_MOST periods before the one
 * in question; m their median, d the median of their distances to m (the MAD). The change is significant when its distance to m is more
 * than 3.5 times d / 0.6745 (the modified z-score of Iglewicz and Hoaglin: a single outlier moves neither m nor d). Where d is 0, because more
 * than half of the changes are alike, the mean distance times 1.253314 takes its place; where that is 0 too, every other change is significant.
 * With fewer than BEFORE_LEAST changes, over a gap, and for a period that is not over, the answer is null: nobody knows. All of it is done in
 * integers. */
#include <stdlib.h>
#include <string.h>

#include "query/series.h"

#define BEFORE_MOST  28
#define BEFORE_LEAST 7
#define PCT_SCALE    2

static const struct nilo_parameter parameters[] = {
    {.name = "metric", .type = NILO_T_TEXT, .required = true, .doc = "the metric's name"},
    {.name = "step", .type = NILO_T_TEXT, .fallback = "day", .doc = "day, week (ISO) or month"},
    {.name = "day",
     .type = NILO_T_DAY,
     .doc = "a day of the period; default: the newest period that is over and was read"},
    {.name = "owner", .type = NILO_T_TEXT, .doc = "items credited to this owner"},
    {.name = "connection", .type = NILO_T_TEXT, .doc = "items of this connection"},
    {.name = "platform", .type = NILO_T_TEXT, .doc = "items of this platform"},
    {.name = "external_id", .type = NILO_T_TEXT, .doc = "this item alone"},
    {.name = "window_days",
     .type = NILO_T_INT,
     .fallback = "0",
     .doc = "0: all time so far; else days of a rolling window"},
    {.name = "as_of", .type = NILO_T_TIME, .doc = "as it was known then"},
};
static const struct nilo_column columns[] = {
    {.name = "period", .type = NILO_T_DAY, .doc = "the day, or the first day of the week or month"},
    {.name = "value", .type = NILO_T_DECIMAL, .doc = "level: the period's last value; flow: its sum"},
    {.name = "previous", .type = NILO_T_DECIMAL, .doc = "of the newest earlier period that has a value"},
    {.name = "change", .type = NILO_T_DECIMAL, .doc = "value - previous"},
    {.name = "change_pct", .type = NILO_T_DECIMAL, .doc = "in percent of previous; null where that is 0"},
    {.name = "significant",
     .type = NILO_T_BOOL,
     .doc = "more than the recent changes explain; null: too few of them, a gap, or a period not over"},
    {.name = "previous_period", .type = NILO_T_DAY, .doc = "the period compared with"},
    {.name = "span_days", .type = NILO_T_INT, .doc = "days that the change covers"},
    {.name = "usual_change", .type = NILO_T_DECIMAL, .doc = "median of the recent changes"},
    {.name = "judged_by", .type = NILO_T_INT, .doc = "how many recent changes there are"},
    {.name = "items", .type = NILO_T_INT, .doc = "items that existed"},
    {.name = "known", .type = NILO_T_INT, .doc = "items with a value by then"},
    {.name = "fresh", .type = NILO_T_INT, .doc = "items that were read on the very day"},
    {.name = "absence", .type = NILO_T_TEXT, .doc = "why there is no value; beside a value, dropped: the period before, or days of this one, were dropped"},
    {.name = "open", .type = NILO_T_BOOL, .doc = "the period is not over"},
};

/* ---- periods ----------------------------------------------------------------------------------------------------------------------- */

/* The neighbour; a day that the zone skipped is none. */
static nilo_day period_before(const struct nilo__series *x, nilo_day start)
{
    nilo_day d = NILO_DAY(start.n - 1);
    while (x->step == NILO__STEP_DAY && x->calendar && !nilo_calendar_exists(x->calendar, d))
        d.n--;
    return nilo__period_start(x->step, d);
}

/* The newest period that is over and was read; else the newest that was read at all; else the present one. */
static void newest_read(const struct nilo__series *x, struct nilo__series_row *ret)
{
    struct nilo__series_row row, open = {0};
    bool any = false;
    nilo_day first = x->points.n ? x->points.first : x->to;
    for (nilo_day d = nilo__period_start(x->step, x->to);; d = period_before(x, d)) {
        nilo__series_row(x, d, &row);
        if (row.read && row.over) {
            *ret = row;
            return;
        }
        if (row.read && !any) {
            open = row;
            any = true;
        }
        if (d.n <= first.n)
            break;
    }
    if (any)
        *ret = open;
    else
        nilo__series_row(x, nilo__period_start(x->step, x->to), ret);
}

/* ---- is it much? --------------------------------------------------------------------------------------------------------------------- */

struct recent {
    nilo_i128 change[BEFORE_MOST];
    int n;
};

/* Changes between neighbouring periods, both of which were read. */
static void recent_changes(const struct nilo__series *x, nilo_day start, struct recent *ret)
{
    struct nilo__series_row later, row;
    *ret = (struct recent){.n = 0};
    if (x->points.n == 0)
        return;
    nilo_day d = period_before(x, start);
    nilo__series_row(x, d, &later);
    for (int i = 0; i < BEFORE_MOST && d.n > x->points.first.n; i++, later = row) {
        d = period_before(x, d);
        nilo__series_row(x, d, &row);
        if (row.has && row.read && later.has && later.read)
            ret->change[ret->n++] = later.value - row.value;
    }
}

static int by_size(const void *a, const void *b)
{
    nilo_i128 x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* Twice the median: no halves. */
static nilo_i128 median2(nilo_i128 *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_size);
    return v[(n - 1) / 2] + v[n / 2];
}

static bool much(const struct recent *r, nilo_i128 change, nilo_i128 *ret_median2)
{
    nilo_i128 v[BEFORE_MOST], sum = 0;
    memcpy(v, r->change, sizeof v);
    nilo_i128 m2 = *ret_median2 = median2(v, r->n), far = 2 * change - m2; /* all distances doubled */
    far = far < 0 ? -far : far;
    for (int i = 0; i < r->n; i++) {
        nilo_i128 d = 2 * r->change[i] - m2;
        v[i] = d < 0 ? -d : d;
        sum += v[i];
    }
    nilo_i128 mad2 = median2(v, r->n); /* distances doubled, median doubled: 4 MAD / 2 */
    if (mad2 > 0)
        return 2 * 6745 * far > 35000 * mad2;
    /* mean distance = sum / n; 3.5 * 1.253314 = 4.386599 */
    return (nilo_i128)1000000 * far * r->n > (nilo_i128)4386599 * sum;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------------------- */

static struct nilo_datum percent(const struct nilo__series_row *r, const struct nilo__series_row *before)
{
    nilo_i128 base = before->value < 0 ? -before->value : before->value;
    int64_t pct;
    if (!r->has_change || base == 0 || !nilo_decimal_div(100 * r->change, base, PCT_SCALE, &pct))
        return nilo_datum_null(NILO_T_DECIMAL);
    return nilo_datum_decimal(pct, PCT_SCALE);
}

static int answer(struct nilo__series *x, nilo_day day)
{
    struct nilo__series_row row, before = {0};
    struct recent recent = {.n = 0};
    nilo_i128 median = 0;
    int64_t usual = 0;
    bool significant = false;
    int scale = x->metric->scale;
    if (nilo_day_is_none(day))
        newest_read(x, &row);
    else
        nilo__series_row(x, nilo__period_start(x->step, day), &row);
    bool has_before = nilo__series_row_before(x, row.period, &before);
    if (!row.has && !has_before && row.absence == NILO_NOT_COLLECTED)
        return 0; /* where nothing was ever recorded there is no row */
    if (row.has && has_before)
        nilo__series_change(x, &row, &before);
    recent_changes(x, row.period, &recent);
    bool judged = row.has_change && row.over && row.read && before.read && recent.n >= BEFORE_LEAST &&
                  before.period.n == period_before(x, row.period).n;
    if (recent.n)
        significant = much(&recent, row.change, &median);
    bool has_usual = recent.n && nilo_decimal_div(median, 2, 0, &usual);
    struct nilo_datum cells[] = {
        nilo_datum_day(row.period),
        nilo_datum_decimal(row.value, scale),
        nilo_datum_decimal(before.value, scale),
        nilo_datum_decimal(row.change, scale),
        percent(&row, &before),
        nilo_datum_bool(significant),
        has_before ? nilo_datum_day(before.period) : nilo_datum_null(NILO_T_DAY),
        nilo_datum_int(row.span),
        nilo_datum_decimal(usual, scale),
        nilo_datum_int(recent.n),
        nilo_datum_int(row.items),
        nilo_datum_int(row.known),
        nilo_datum_int(row.fresh),
        nilo_datum_str(row.has && !has_before && nilo__series_dropped_before(x, row.period) ? nilo_absence_name(NILO_DROPPED)
                                                                                              : nilo__series_absence(&row)),
        nilo_datum_bool(!row.over),
    };
    cells[1].null = !row.has;
    cells[2].null = !has_before;
    cells[3].null = cells[7].null = !row.has_change;
    cells[5].null = !judged;
    cells[8].null = !has_usual;
    return nilo_call_row(x->call, cells, x->err);
}

static int run(struct nilo_call *c, struct nilo_err *err)
{
    struct nilo__series x;
    nilo_day day = nilo_call_day(c, "day");
    int rc = nilo__series_arguments(&x, c, err);
    if (rc == 0 && !nilo_day_is_none(day) && day.n > x.today.n)
        rc = nilo_err_set(err, NILO_EINVAL, "day lies in the future; it may be today or an earlier day");
    if (rc == 0 && !nilo_day_is_none(day)) {
        nilo_day last = NILO_DAY(nilo__period_next(x.step, nilo__period_start(x.step, day)).n - 1);
        if (last.n < x.to.n)
            x.to = last;
    }
    if (rc == 0)
        rc = nilo__series_read(&x);
    if (rc == 0)
        rc = answer(&x, day);
    nilo__series_done(&x);
    return rc;
}

const struct nilo_function nilo__fn_growth = {
    .name = "growth",
    .doc = "a metric's value beside that of the day, week or month before, and whether the change is unusual",
    .parameters = parameters,
    .n_parameters = sizeof parameters / sizeof parameters[0],
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .min_role = NILO_ROLE_AUTHENTICATED,
    .run = run,
};
