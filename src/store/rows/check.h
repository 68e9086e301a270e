/* Shared by check.c (the checks that are statements), check_log.c (closed days against the calendar) and audit.c (what is derived against a fresh
 * derivation). */
#ifndef NILO_STORE_ROWS_CHECK_H
#define NILO_STORE_ROWS_CHECK_H

#include "store/rows/rows.h"

/** nilo__audit - findings about known, latest, best and total. Reads one state of the store in a transaction of its own */
int nilo__audit(struct nilo_store *s, nilo_finding_fn *fn, void *ctx, struct nilo_err *err);
/** nilo__check_log - findings about the log of closed days; for a caller that has reason to look. Connection by connection, in no order of theirs */
int nilo__check_log(struct nilo_store *s, nilo_finding_fn *fn, void *ctx, struct nilo_err *err);

#endif
