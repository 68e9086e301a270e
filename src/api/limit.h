/* How often somebody may come: so many queries in any minute a user, and a wait for addresses that try credentials. Pure but for its lock: the time is
 * given, the clock is the caller's. Any thread; nothing waits longer than for a look-up.
 *
 * Exact: the instants of the queries of the last minute are kept, so that there is no window at whose edge twice as many pass. Memory is bounded:
 * whoever has not been seen for longest is forgotten first. */
#ifndef NILO_API_LIMIT_H
#define NILO_API_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"

#define NILO_LIMIT_WINDOW    NILO_US_MINUTE
#define NILO_LIMIT_MAX       10000                /* queries a minute that can be asked for */
#define NILO_LIMIT_USERS     65536                /* remembered at most, users and addresses together */
#define NILO_LIMIT_MEMORY    ((size_t)64 << 20)   /* bytes of instants at most */
#define NILO_LIMIT_FAILURES  10                   /* in a minute, then the address waits */
#define NILO_LIMIT_WAIT_MAX  (60 * NILO_US_SECOND) /* 1 s, 2 s, 4 s, ... up to this */

struct nilo_limit;
/** nilo_limit_new - random: for the key under which names are hashed, so that nobody can aim at a place in the table */
int nilo_limit_new(const struct nilo_random *random, struct nilo_limit **ret, struct nilo_err *err);
void nilo_limit_free(struct nilo_limit *l);

struct nilo_quota {
    int64_t limit;     /* 0: none holds */
    int64_t remaining; /* after this one */
    nilo_us reset;     /* until one more is free than now */
};
/** nilo_limit_take - one more query of a user. Refused ones do not count
 *  now      on a clock that never steps; not before that of the call before
 *  returns  false: the user has had max of them within the last minute; ret->reset then says how long to wait. Out of memory lets through */
bool nilo_limit_take(struct nilo_limit *l, const void *user, size_t n, int64_t max, nilo_us now, struct nilo_quota *ret);

/* Addresses and the credentials they try. Text as nilo_req_address() gives it; of IPv6 the /64 counts. */
/** nilo_limit_wait - how long until credentials of that address are looked at again; 0 = now */
nilo_us nilo_limit_wait(struct nilo_limit *l, const char *address, nilo_us now);
/** nilo_limit_failed - it showed some that do not verify. A minute without that (or the wait, where one was set) forgets them */
void nilo_limit_failed(struct nilo_limit *l, const char *address, nilo_us now);

#endif
