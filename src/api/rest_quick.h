/* Small questions about the app's own metrics, answered on the loop, from the store: for them the way to a worker and back takes longer than the answer.
 *
 * A loop never waits, so it does this only with what a worker has answered before, in the same state of the store (a mark of rest_cache.h), and what is known to be
 * small: a range of one key, some hundred cells. What the worker found out (whose rows, what the headers say of the days) is left in the cache as a *recipe*; each
 * loop makes of it a statement on a connection of its own. The values are read anew for each request. What turns out to be longer, or cannot go on at once, goes the
 * ordinary way. Stores on SQLite only: asking another server is waiting. */
#ifndef NILO_API_REST_QUICK_H
#define NILO_API_REST_QUICK_H

#include "api/rest_priv.h"

struct nilo_rest_quick *nilo_rest_quick_new(void); /* NULL: no memory. owner: caller */
void nilo_rest_quick_free(struct nilo_rest_quick *q); /* once no loop runs any more. NULL is fine */

/** nilo_rest_quick_keep - on a worker, when r was answered well: tells the loops, where it is such a question. lines: the first n bytes of r->headers */
void nilo_rest_quick_keep(const struct nilo__reading *r, size_t lines);
/** nilo_rest_quick - on a loop: the body into r->held, what is said of the days into r->headers, the state it is of into r->mark. false: the ordinary way */
bool nilo_rest_quick(struct nilo__reading *r, int64_t *ret_rows);

#endif
