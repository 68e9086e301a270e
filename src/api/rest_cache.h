/* Answers that were given, for whoever asks the same again while nothing has changed. Bounded in memory; the one that was not asked for longest goes first.
 *
 * What is kept counts for one state of the store, a *mark*: the writer of this process raises it with everything it writes, and what other processes write is
 * seen by asking the database itself, at most 20 ms after. A loop asks SQLite itself, which takes microseconds, and nobody else: where the last look is
 * older than that, the request is a worker's. Any thread. */
#ifndef NILO_API_REST_CACHE_H
#define NILO_API_REST_CACHE_H

#include "api/api.h"
#include "base/hash.h"

struct nilo_rest_cache;
struct nilo_rest_quick;

struct nilo_rest_mark {
    uint64_t inside, outside;
};

struct nilo_rest_key {
    unsigned char bytes[NILO_BLAKE_LEN];
};

/* An answer, or whatever else follows from the store alone. */
struct nilo_rest_kept {
    int status;
    bool revalidate;     /* a browser asks again each time */
    nilo_us until;       /* on clock.mono */
    const char *mime;    /* of an answer; for good: not copied */
    const char *headers; /* whatever the keeper wants to find beside the body: lines as they go out, the ETag */
    size_t headers_n;
    const char *body;
    size_t body_n;
};

/** nilo_rest_cache_new - bytes: of all that is kept, a MiB at least; 0: no answers. owner: caller, nilo_rest_cache_free() once no request runs any more */
int nilo_rest_cache_new(size_t bytes, struct nilo_rest_cache **ret, struct nilo_err *err);
void nilo_rest_cache_free(struct nilo_rest_cache *c); /* NULL is fine */

/** nilo_rest_cache_look - on a worker: asks the database whether somebody else has written, where that was not done within the last 20 ms
 *  errors  those of the store: nothing of the cache may be used then */
int nilo_rest_cache_look(struct nilo_api *api, struct nilo_err *err);
/** nilo_rest_cache_expire - the next request asks the database, however little time has passed */
void nilo_rest_cache_expire(const struct nilo_api *api);
/** nilo_rest_cache_fresh - was it looked at within the last 20 ms? */
bool nilo_rest_cache_fresh(const struct nilo_api *api);
/** nilo_rest_cache_look_here - on a loop: looks where that is a matter of microseconds (SQLite, nobody else looks). false: it was not looked at within the last 20 ms */
bool nilo_rest_cache_look_here(const struct nilo_api *api);
uint64_t nilo_rest_cache_lost(const struct nilo_api *api); /* how often the database was found to be away: for nilo_api_worker.lost */
bool nilo_rest_mark_same(struct nilo_rest_mark a, struct nilo_rest_mark b);
struct nilo_rest_mark nilo_rest_cache_mark(const struct nilo_api *api);

/** nilo_rest_current - on a worker: its store, which knows of all that was written before this call, and the mark of that
 *  errors  the store cannot be opened, or failed */
int nilo_rest_current(struct nilo_exchange *x, struct nilo_store **ret, struct nilo_rest_mark *ret_mark, struct nilo_err *err);

/** nilo_rest_cache_find - what is kept of that state and not over; NULL = nothing. Stays until nilo_rest_cache_drop() */
const struct nilo_rest_kept *nilo_rest_cache_find(const struct nilo_api *api, const struct nilo_rest_key *key);
void nilo_rest_cache_drop(const struct nilo_rest_kept *kept); /* NULL is fine */
/** nilo_rest_cache_until - so long from now, on clock.mono; at most until the next quarter of an hour: in some zone a new day begins then, and what "today"
 *  means with it */
nilo_us nilo_rest_cache_until(const struct nilo_api *api, nilo_us span);
/** nilo_rest_cache_put - keeps a copy; nothing happens where the store has moved on, or it is too large */
void nilo_rest_cache_put(const struct nilo_api *api, const struct nilo_rest_key *key, struct nilo_rest_mark mark, const struct nilo_rest_kept *kept);

struct nilo_rest_quick *nilo_rest_cache_quick(const struct nilo_api *api); /* rest_quick.h; NULL: there is no cache */

/* For the counts: was an answer to be had from here? */
void nilo_rest_cache_hit(const struct nilo_api *api, bool hit);
void nilo_rest_cache_made_here(const struct nilo_api *api); /* not at hand, and made by the loop */
#define NILO_REST_CACHE_COUNT_ROWS(X)                                                                                  \
    X(hits, "counter", "answers that were at hand")                                                                    \
    X(misses, "counter", "answers that had to be made")                                                                \
    X(quick, "counter", "of these, answers that a loop made itself")                                                   \
    X(entries, "gauge", "answers at hand now")                                                                         \
    X(bytes, "gauge", "bytes of them")
struct nilo_rest_cache_counts {
#define X(name, kind, doc) int64_t name;
    NILO_REST_CACHE_COUNT_ROWS(X)
#undef X
};
void nilo_rest_cache_counts(const struct nilo_api *api, struct nilo_rest_cache_counts *ret);

#endif
