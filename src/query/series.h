/* One metric by day, week or month: what timeseries, growth and owner_profile are made of. */
#ifndef NILO_QUERY_SERIES_H
#define NILO_QUERY_SERIES_H

#include "query/functions.h"
#include "query/points.h"

enum nilo__step { NILO__STEP_DAY, NILO__STEP_WEEK, NILO__STEP_MONTH };

nilo_day nilo__period_start(enum nilo__step step, nilo_day d);
nilo_day nilo__period_next(enum nilo__step step, nilo_day start);

/* A key of an aggregate's breakdown on a day. */
struct nilo__breakdown {
    nilo_day day;
    const char *key;
    nilo_i128 value; /* times 10^9 */
    size_t n;        /* in order of reading */
};

/* Which series: filled by nilo__series_arguments(), or by hand; NULL = not narrowed. */
struct nilo__series {
    struct nilo_call *call;
    struct nilo_err *err;
    const struct nilo_metric *metric;
    const char *owner, *connection, *platform, *external_id;
    enum nilo__step step;
    bool breakdown; /* are the breakdowns of aggregates wanted? */
    bool readings;  /* out: of one item or the app: a gap stays a gap */
    int32_t win;
    nilo_day to, today, base; /* base: first day kept, changes of earlier ones are added to it; NONE = all */
    nilo_day earliest; /* what lies before it is too far back to be kept day by day */
    bool cut;          /* such values there are */
    nilo_us as_of;
    const struct nilo_calendar *calendar; /* of the scope; NULL: none */
    struct nilo__points points;
    struct nilo__breakdown *breakdowns; /* of aggregates, ascending days */
    size_t n_breakdowns, cap_breakdowns;
    /* while reading: the entity or total at hand */
    struct nilo_entity_ref entity;
    bool any;
    nilo_i128 sum;
    int64_t items, known;
    struct nilo_drop_days *dropped; /* of connections in the scope */
    bool *masks;                    /* which of them the series is about: their days have no value */
    size_t n_dropped;
};

struct nilo__series_row {
    nilo_day period, day; /* day: of the value */
    bool partly; /* a level whose period begins with days that were dropped: what it was there is not known */
    bool has, has_change, over, read; /* read: something was read in the period: its value is not just the one before */
    nilo_i128 value, change;
    int64_t span, items, known, fresh;
    int provenance, absence;
};

/** nilo__series_arguments - metric, step, owner, connection, platform, external_id, window_days and as_of of the call (those that the function
 *  has). today is the present day, or that of as_of; `to` is today */
int nilo__series_arguments(struct nilo__series *x, struct nilo_call *c, struct nilo_err *err);
/** nilo__series_read - fills the points up to `to`. Without a base a series that is longer than NILO__POINTS_MAX days begins with the first reading
 *  that fits, and the query's note says so */
int nilo__series_read(struct nilo__series *x);
/** nilo__series_row - the period that begins on `start`, without its change */
void nilo__series_row(const struct nilo__series *x, nilo_day start, struct nilo__series_row *ret);
/** nilo__series_row_before - the newest row with a value before the period that begins on `start`; false: none */
bool nilo__series_row_before(const struct nilo__series *x, nilo_day start, struct nilo__series_row *ret);
/** nilo__series_dropped_before - were days before that one dropped, on which there was something already? */
bool nilo__series_dropped_before(const struct nilo__series *x, nilo_day day);
/** nilo__series_absence - what the row's column absence says; NULL: all is known */
const char *nilo__series_absence(const struct nilo__series_row *r);
/** nilo__series_change - puts the change since `before` into r; both hold a value */
void nilo__series_change(const struct nilo__series *x, struct nilo__series_row *r, const struct nilo__series_row *before);
void nilo__series_done(struct nilo__series *x);

/** nilo__breakdown_add - what the metadata of a day's value holds under "breakdown". errors: NILO_EINVAL too many, NILO_ENOMEM */
int nilo__breakdown_add(struct nilo__series *x, nilo_day day, const char *meta);
void nilo__breakdown_sort(struct nilo__series *x); /* by day: after the last one was added */
/** nilo__breakdown_put - those of the row's days merged, as a JSON object: of a flow added up key by key, of a level the last day's, greatest
 *  first. false: there is none */
bool nilo__breakdown_put(const struct nilo__series *x, const struct nilo__series_row *r, struct nilo_buf *text);

/** nilo__metric_named - of those that the scope may know of, in the call's arena. errors: NILO_EINVAL not defined, with the name that was most likely meant */
int nilo__metric_named(struct nilo_call *c, const char *argument, const char *name, const struct nilo_metric **ret, struct nilo_err *err);

#endif
