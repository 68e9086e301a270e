/* Answers of platforms as they came, compressed, for as long as the retention rule says: what a newer parser can read again. None of it is the record, and no
 * export holds it; erasing anybody takes all of the workspace's. Answers that hold tokens are never kept. */
#ifndef NILO_STORE_RAW_H
#define NILO_STORE_RAW_H

#include "store/store.h"

#define NILO_RAW_MAX ((size_t)16 << 20) /* bytes of one body */

struct nilo_raw {
    int64_t id; /* ascending in the order they were kept; put: ignored */
    int64_t connection, run;
    const char *op;          /* what was asked for: a word of connect/'s */
    unsigned variant;
    const char *ask;         /* JSON: the rest of the question; no secrets */
    nilo_us asked_at, answered_at;
    int status;              /* HTTP */
    const char *body;        /* any bytes; get: NUL behind them */
    size_t n_body;
};

/** nilo_store_raw_put - keeps n answers; own transaction. Bodies beyond NILO_RAW_MAX are left out */
int nilo_store_raw_put(struct nilo_store *s, const struct nilo_raw *raw, size_t n, struct nilo_err *err);
/** nilo_store_raw_next - the first answer of a connection behind number `after` that was answered in from .. to (both included); those of runs that do not
 *  count (quarantined, rejected) are left out
 *  ret_there  false: there is none
 *  owner      arena
 *  errors     NILO_ECORRUPT it does not unpack */
int nilo_store_raw_next(struct nilo_store *s, int64_t connection, int64_t after, nilo_us from, nilo_us to, struct nilo_arena *arena, bool *ret_there,
                        struct nilo_raw *ret, struct nilo_err *err);
/** nilo_store_raw_forget - those answered before that instant; connection 0 = of all. Own transaction. ret_n may be NULL */
int nilo_store_raw_forget(struct nilo_store *s, int64_t connection, nilo_us before, int64_t *ret_n, struct nilo_err *err);
/** nilo_store_raw_size - how many are kept, and how much they take compressed and not; connection 0 = of all */
int nilo_store_raw_size(struct nilo_store *s, int64_t connection, int64_t *ret_n, int64_t *ret_packed, int64_t *ret_bytes, struct nilo_err *err);

#endif
