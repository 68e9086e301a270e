/* /events: who listens is told, as server-sent events, that a run has ended, a day has closed or items have gone (or come back), whichever process wrote it.
 *
 *     id: 5f2c...                                    of the last one that was seen: sent as Last-Event-ID, the stream goes on behind it
 *     event: day_closed                              run_finished or content_event; first of all `ready` or `reset`
 *     data: {"workspace":"acme", ...}
 *
 * `ready`: from here on nothing is left out; who reads what there is after it has missed nothing. `reset`: what was missed is not known any more, all has to be
 * read anew. Found out by looking at the store, at most once a second and only while anybody listens (nilo_store_news_look()). The last ones are kept in
 * a ring, in the memory of the process. Ids say nothing about how many others there were: they are numbers under a key. */
#ifndef NILO_API_EVENTS_H
#define NILO_API_EVENTS_H

#include "api/api.h"

#define NILO_EVENTS_LOOK_US      NILO_US_SECOND
#define NILO_EVENTS_HEARTBEAT_US (15 * NILO_US_SECOND)

struct nilo_events_config {
    const struct nilo_env *env; /* must outlive them */
    struct nilo_gate *gate;     /* asked whether credentials still hold; NULL: they do */
    int64_t ring;               /* events that are kept; 0 = 1024 */
    int64_t total;              /* streams; 0 = 512. More: 503 */
    int64_t per_address;        /* of one IPv4 address or IPv6 /64; 0 = 16. More: 429. A Unix socket has no address */
};

struct nilo_events;
/** nilo_events_new - owner: caller, nilo_events_free() */
int nilo_events_new(const struct nilo_events_config *config, struct nilo_events **ret, struct nilo_err *err);
/** nilo_events_free - ends every stream: after the server was drained, before it is freed. NULL is fine */
void nilo_events_free(struct nilo_events *e);

/** nilo_events_watch - a thread that looks and checks while anybody listens, by real time. Its end is nilo_events_free()'s
 *  open  a store for reading; called on that thread, again after it failed */
int nilo_events_watch(struct nilo_events *e, int (*open)(void *ctx, struct nilo_store **ret, struct nilo_err *err), void *ctx, struct nilo_err *err);

/* What that thread does, for tests without it. */
/** nilo_events_look - tells everybody what is new; s: always the same handle, other than that after nilo_events_reopened() */
int nilo_events_look(struct nilo_events *e, struct nilo_store *s, struct nilo_err *err);
void nilo_events_reopened(struct nilo_events *e);
/** nilo_events_check - ends streams whose credentials do not hold any more, forgets those that are gone */
void nilo_events_check(struct nilo_events *e);

/* The handler of /events and /w/{workspace}/events. */
int nilo_events_answer(struct nilo_exchange *x, struct nilo_err *err);

#define NILO_EVENTS_COUNT_ROWS(X)                                                                                      \
    X(listeners, "gauge", "streams of events now")                                                                     \
    X(seen, "counter", "runs that ended, days that closed and items that went while somebody listened")                                 \
    X(sent, "counter", "of them told to somebody, each time")                                                          \
    X(resets, "counter", "streams whose Last-Event-ID was not known any more")                                         \
    X(refused, "counter", "streams over a limit")                                                                      \
    X(revoked, "counter", "streams ended because their credentials did not hold any more")                             \
    X(failures, "counter", "looks at the store that failed")
struct nilo_events_counts {
#define X(name, kind, doc) int64_t name;
    NILO_EVENTS_COUNT_ROWS(X)
#undef X
};
void nilo_events_counts(struct nilo_events *e, struct nilo_events_counts *ret);

#endif
