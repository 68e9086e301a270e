/* Whose turn is it? Requests that wait for a worker, a queue for each address, and addresses take turns: who sends five hundred at once waits behind his own, not
 * everybody behind his. What is shared is workers' time, not requests (start-time fair queueing: next is who has had least of it since he began to wait), so that
 * requests of a millisecond do not go one for one with requests of a hundred. Pure: no threads, no clock; the pool holds its lock around each call. */
#ifndef NILO_API_TURNS_H
#define NILO_API_TURNS_H

#include "api/server_priv.h"

#define NILO__TURN_CHAINS 256u

struct nilo__flow; /* an address with requests that wait or run */

struct nilo__turns {
    struct nilo__flow *chains[NILO__TURN_CHAINS];
    struct nilo__flow *next; /* of a ring of those with requests that wait */
    int64_t depth;           /* of all */
    nilo_us now;             /* of what the one served last had had: nobody begins with less */
};

/** nilo__turns_put - behind the others of its address (x->flow). false: no memory, nothing was done */
bool nilo__turns_put(struct nilo__turns *t, struct nilo_exchange *x);
/** nilo__turns_take - the first of the address whose turn it is, of those of which fewer than share run; NULL = none. ret_flow is to be handed to nilo__turns_done() */
struct nilo_exchange *nilo__turns_take(struct nilo__turns *t, int share, struct nilo__flow **ret_flow);
void nilo__turns_done(struct nilo__turns *t, struct nilo__flow *f, nilo_us took);
/** nilo__turns_yield - takes out the newest request of the address with most of them, if that has more than twice as many as x's own; NULL = there is none such. Not
 *  what was put aside in the short lane: what it waited for is there by now */
struct nilo_exchange *nilo__turns_yield(struct nilo__turns *t, const struct nilo_exchange *x);
/** nilo__turns_drop - takes out all (or only those that nobody waits for any more), in a list by next_job */
struct nilo_exchange *nilo__turns_drop(struct nilo__turns *t, bool all);

#endif
