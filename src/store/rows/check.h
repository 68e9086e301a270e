/* Shared by check.c (the checks that are statements) and audit.c (what is derived against a fresh derivation). */
#ifndef NILO_STORE_ROWS_CHECK_H
#define NILO_STORE_ROWS_CHECK_H

#include "store/rows/rows.h"

/** nilo__audit - findings about known, latest, best and total. Reads one state of the store in a transaction of its own */
int nilo__audit(struct nilo_store *s, nilo_finding_fn *fn, void *ctx, struct nilo_err *err);

#endif
