/* Shared by what takes rows of readings: POST of content_snapshots and metric_values, and rpc/record. */
#ifndef NILO_WRITE_READINGS_H
#define NILO_WRITE_READINGS_H

#include "write/write_priv.h"

#define NILO__PUSH "push" /* the connection, and the platform, of what is pushed without naming one */

struct nilo__reading {
    struct nilo_reading r;             /* tag: the row */
    struct nilo_reading_value *values; /* r.values */
    const char *connection, *platform; /* NULL = not said */
    nilo_day day;                      /* of a POST: where it will lie */
    const char *payload;               /* JSON that goes with the row; NULL = none */
    const char *run;                   /* of the app's own, as it names it; NULL = none */
    bool names_run, run_number;        /* does the row say so? is it a JSON number? */
    nilo_us hidden;                    /* since when, by this row; NILO_US_NONE: it is live */
    int32_t metric_key;                /* of a row a metric: that metric; else 0 */
    bool skip, bad;
};
/** nilo__readings_record - every row of the body; failed is told of those that are none (and returns -1 only when memory ran out) */
int nilo__readings_record(struct nilo__job *j, struct nilo__reading *rows, int (*failed)(struct nilo__job *j, size_t row, struct nilo_err *err),
                          struct nilo_err *err);
/** nilo__reading_connection - made where absent. errors: NILO_EINVAL it is another program's, or of another platform */
int nilo__reading_connection(struct nilo__job *j, const char *name, const char *platform, struct nilo_connection *ret, struct nilo_err *err);

#endif
