/* When to try again, and when not to: backoff, the credit that keeps retries a small part of the traffic, and the circuit that leaves a failing host
 * alone for a while. Pure: the clock and chance come in. A job holds one nilo_host a host and asks it before every request. */
#ifndef NILO_COLLECT_RETRY_H
#define NILO_COLLECT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "store/collecting.h"

#define NILO_RETRY_TRIES 3                       /* of one request, the first among them */
#define NILO_RETRY_BASE (2 * NILO_US_SECOND)     /* before the second try; twice that before the third */
#define NILO_RETRY_CAP (60 * NILO_US_SECOND)
#define NILO_RETRY_AFTER_CAP (24 * NILO_US_HOUR) /* however long a platform says */

/* A retry costs 1000, a request earns 60, and who begins has 3000: however long it runs, retries stay below a tenth of the requests once these are
 * 150. Where there are few requests eight hours give a retry, up to those 3: a host that is asked three times a day shall have its second chance. */
#define NILO_CREDIT_RETRY 1000
#define NILO_CREDIT_EARNED 60
#define NILO_CREDIT_FIRST 3000
#define NILO_CREDIT_MOST 10000
#define NILO_CREDIT_HOUR 125

#define NILO_CIRCUIT_FAILURES 5                  /* one after the other open it */
#define NILO_CIRCUIT_FIRST (15 * NILO_US_SECOND) /* closed to traffic that long at first, twice that each time the probe fails */
#define NILO_CIRCUIT_MOST (60 * NILO_US_SECOND)

/** nilo_retry_delay - before try number `try` (2, 3, ...): between the half and the whole of base * 2^(try-2), at most the cap */
nilo_us nilo_retry_delay(int try, const struct nilo_random *random);

/** nilo_retry_after - the instant before which a platform said not to come back, spread by chance over a tenth of the wait (at most a minute), so that all
 *  who wait do not come at once. Never earlier than said; beyond the cap it is the cap
 *  wait     span that it said; negative: it said none, and a minute is taken */
nilo_us nilo_retry_after(nilo_us now, nilo_us wait, const struct nilo_random *random);

struct nilo_host {
    struct nilo_host_row row;
    bool probing; /* of a circuit that was open: one request is out to see */
};
void nilo_host_init(struct nilo_host *h); /* a host nobody has asked yet */

enum nilo_host_may {
    NILO_HOST_YES,
    NILO_HOST_PROBE, /* yes, and nobody else until its outcome is known: nilo_host_sent() says it went out */
    NILO_HOST_NO     /* not before row.open_until, or not before the probe's outcome */
};
enum nilo_host_may nilo_host_may(const struct nilo_host *h, nilo_us now);
/** nilo_host_sent - a request goes out; retry: it is not the first try, and its credit was taken. true: it is the probe */
bool nilo_host_sent(struct nilo_host *h, nilo_us now, bool retry);
/** nilo_host_take_retry - takes the credit of a retry, which may go out later; false: there is none */
bool nilo_host_take_retry(struct nilo_host *h, nilo_us now);
/** nilo_host_rest - the host itself said (503, Retry-After) not to come before that, whatever else of it still arrives; then it is
 *  probed */
void nilo_host_rest(struct nilo_host *h, nilo_us until);
/** nilo_host_went - a request came back. failed: the host did not answer as one that works (no connection, timeout, 5xx); what it refuses politely is no
 *  failure of it. probe: nilo_host_sent() said so of it; while one is out, others that come back late say nothing. true: the circuit opened just now */
bool nilo_host_went(struct nilo_host *h, nilo_us now, bool failed, bool probe, const struct nilo_random *random);

#endif
