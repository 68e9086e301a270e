/* Backoff, credit of retries, circuits. */
#include "collect/retry.h"

nilo_us nilo_retry_delay(int try, const struct nilo_random *random)
{
    nilo_us span = NILO_RETRY_BASE;
    for (int i = 2; i < try && span < NILO_RETRY_CAP; i++)
        span *= 2;
    if (span > NILO_RETRY_CAP)
        span = NILO_RETRY_CAP;
    return span / 2 + (nilo_us)nilo_random_below(random, (uint64_t)(span / 2) + 1);
}

nilo_us nilo_retry_after(nilo_us now, nilo_us wait, const struct nilo_random *random)
{
    if (wait < 0)
        wait = NILO_US_MINUTE;
    if (wait > NILO_RETRY_AFTER_CAP)
        wait = NILO_RETRY_AFTER_CAP;
    nilo_us spread = wait / 10 < NILO_US_MINUTE ? wait / 10 : NILO_US_MINUTE;
    return now + wait + (nilo_us)nilo_random_below(random, (uint64_t)spread + 1);
}

void nilo_host_init(struct nilo_host *h)
{
    *h = (struct nilo_host){.row = {.open_until = NILO_US_NONE, .credit = NILO_CREDIT_FIRST}};
}

enum nilo_host_may nilo_host_may(const struct nilo_host *h, nilo_us now)
{
    if (h->row.open_until == NILO_US_NONE)
        return NILO_HOST_YES;
    return h->probing || now < h->row.open_until ? NILO_HOST_NO : NILO_HOST_PROBE;
}

bool nilo_host_sent(struct nilo_host *h, nilo_us now, bool retry)
{
    bool probe = h->row.open_until != NILO_US_NONE && now >= h->row.open_until && !h->probing;
    h->probing |= probe;
    h->row.credit += retry ? 0 : NILO_CREDIT_EARNED;
    if (h->row.credit > NILO_CREDIT_MOST)
        h->row.credit = NILO_CREDIT_MOST;
    return probe;
}

bool nilo_host_take_retry(struct nilo_host *h, nilo_us now)
{
    if (now < h->row.at)
        h->row.at = now;
    for (; now - h->row.at >= NILO_US_HOUR && h->row.credit < NILO_CREDIT_FIRST; h->row.at += NILO_US_HOUR)
        h->row.credit += NILO_CREDIT_HOUR;
    if (now - h->row.at >= NILO_US_HOUR)
        h->row.at = now;
    if (h->row.credit < NILO_CREDIT_RETRY)
        return false;
    h->row.credit -= NILO_CREDIT_RETRY;
    return true;
}

bool nilo_host_went(struct nilo_host *h, nilo_us now, bool failed, bool probe, const struct nilo_random *random)
{
    bool was_open = h->row.open_until != NILO_US_NONE;
    if (!failed && was_open && !probe && (h->probing || now < h->row.open_until))
        return false; /* it was asked before: its answer is no word on whether to come back sooner than the host said, nor the probe's outcome */
    if (!failed) {
        h->row.failures = h->row.opened = 0;
        h->row.open_until = NILO_US_NONE;
        h->probing = false;
        return false;
    }
    h->row.failures++;
    if (was_open && !probe)
        return false; /* one that was out when it opened */
    if (!was_open && h->row.failures < NILO_CIRCUIT_FAILURES)
        return false;
    nilo_us span = NILO_CIRCUIT_FIRST;
    for (int64_t i = 0; i < h->row.opened && span < NILO_CIRCUIT_MOST; i++)
        span *= 2;
    if (span > NILO_CIRCUIT_MOST)
        span = NILO_CIRCUIT_MOST;
    h->row.opened++;
    h->row.open_until = now + span / 2 + (nilo_us)nilo_random_below(random, (uint64_t)(span / 2) + 1);
    h->probing = false;
    return true;
}

void nilo_host_rest(struct nilo_host *h, nilo_us until)
{
    if (h->row.open_until == NILO_US_NONE || until > h->row.open_until)
        h->row.open_until = until;
}
