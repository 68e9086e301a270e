/* Days in a row that grow on either side: what series and coverage add up in. */
#ifndef NILO_QUERY_POINTS_H
#define NILO_QUERY_POINTS_H

#include "query/query_priv.h"

struct nilo__point {
    nilo_i128 sum;               /* of the day; of levels first the change, then the level */
    nilo_i128 weighted, num, den; /* averages: value * sample size; percentages: their parts */
    int64_t items, known, fresh;
    int64_t values, weight, parts; /* values put in, the sum of their sample sizes, how many had parts */
    int provenance;              /* weakest of the values; 0 = none */
    int absence;                 /* newest reason of a reading without a value; 0 = none */
    int64_t reasons[16];         /* coverage: cells without a value by reason */
};
struct nilo__points {
    struct nilo__point *p;
    nilo_day first; /* of p[0] */
    size_t n;
};
#define NILO__POINTS_MAX 40000 /* a century of days */

/** nilo__point_at - the day's point, made with zeros where it is new. NULL: too many days or out of memory, err is set */
struct nilo__point *nilo__point_at(struct nilo__points *x, nilo_day day, struct nilo_err *err);
/** nilo__point_get - NULL for a day that nothing was put in */
const struct nilo__point *nilo__point_get(const struct nilo__points *x, nilo_day day);
void nilo__points_done(struct nilo__points *x);

#endif
