/* The functions that query itself brings: one row each here, one file (or a share of one) each. */
#ifndef NILO_QUERY_FUNCTIONS_H
#define NILO_QUERY_FUNCTIONS_H

#include "base/json.h"
#include "query/query_priv.h"

#define NILO__FUNCTION_ROWS(X)                                                                                         \
    X(activity)                                                                                                        \
    X(collection_status)                                                                                               \
    X(coverage)                                                                                                        \
    X(current_metrics)                                                                                                 \
    X(growth)                                                                                                          \
    X(owner_profile)                                                                                                   \
    X(run_report)                                                                                                      \
    X(timeseries)                                                                                                      \
    X(top_content)

#define X(name) extern const struct nilo_function nilo__fn_##name;
NILO__FUNCTION_ROWS(X)
#undef X

/** nilo__rows - runs "SELECT <list> FROM <source of relation> t <tail>" for a function: fn gets each row
 *  n, params   of the tail */
typedef int nilo__row_fn(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err);
int nilo__rows(struct nilo_call *c, const char *relation, const char *list, const char *tail, int n, const struct nilo_db_value *params,
               nilo__row_fn *fn, void *ctx, struct nilo_err *err);
/** nilo__rows_of - with what the source has to provide */
int nilo__rows_of(struct nilo_call *c, const char *relation, const struct nilo_source_want *want, const char *list, const char *tail, int n,
                  const struct nilo_db_value *params, nilo__row_fn *fn, void *ctx, struct nilo_err *err);
/** nilo__days - from and to of the call, checked; defaults: the last `days` days up to today */
int nilo__days(struct nilo_call *c, int days, nilo_day *ret_from, nilo_day *ret_to, nilo_day *ret_today, struct nilo_err *err);


/** nilo__named_connections, nilo__named_owners - ids within the scope by name (connections also by platform, those of competitors left out), in the
 *  call's arena. errors: NILO_ENAME there is none of that name */
int nilo__named_connections(struct nilo_call *c, const char *name, const char *platform, int64_t **ret, size_t *ret_n, struct nilo_err *err);
int nilo__named_owners(struct nilo_call *c, const char *key, int64_t **ret, size_t *ret_n, struct nilo_err *err);
/** nilo__named_item - is there an item of that id in the scope? win: the window in which to look for one that is no content */
int nilo__named_item(struct nilo_call *c, const char *external_id, int32_t win, struct nilo_err *err);
/** nilo__own_item - *ret: is there one that is no competitor's? Then it is the one that is meant */
int nilo__own_item(struct nilo_call *c, const char *external_id, int32_t win, bool *ret, struct nilo_err *err);

#endif
