/* Between series.c and series_sums.c: what is put into a series while it is read. */
#ifndef NILO_QUERY_SERIES_PRIV_H
#define NILO_QUERY_SERIES_PRIV_H

#include "query/series.h"

static inline bool nilo__series_flow(const struct nilo__series *x)
{
    return x->metric->aggregation == NILO_FLOW;
}

/** nilo__series_is_before - of such days only what they add up to is kept */
bool nilo__series_is_before(const struct nilo__series *x, nilo_day day);
/** nilo__series_add - changes of that day; what is before the series is put into its first day. errors: NILO_ENOMEM, too many days */
int nilo__series_add(struct nilo__series *x, nilo_day day, nilo_i128 sum, int64_t items, int64_t known);
int nilo__series_fresh(struct nilo__series *x, nilo_day day, int64_t fresh);
/** nilo__series_mask - the series is about that connection; the last day that it dropped, NILO_DAY_NONE = none */
nilo_day nilo__series_mask(struct nilo__series *x, int64_t connection);
/** nilo__series_mask_asked - the series is about all connections with dropped days that hold something of what is selected today: what was known at
 *  an earlier time may be gone with those days, and then no row tells */
int nilo__series_mask_asked(struct nilo__series *x, const struct nilo_select *sel);

/** nilo__series_sums - sums over the shown values of items; owner, connection: NULL, or only those credited to it, read by it
 *  sel     metric, window, last day, as_of, platform; the rest is filled in
 *  errors  NILO_ENAME no such owner or connection */
int nilo__series_sums(struct nilo__series *x, struct nilo_select *sel, const char *owner, const char *connection);

#endif
