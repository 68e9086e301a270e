/* Requests that wait for something long without a worker: put aside by their handler, run by a worker again when what they wait for is there. */
#include "api/server_priv.h"

enum { AWAKE, ASKED, ASLEEP, WOKEN }; /* ASKED: the handler that asked has not returned yet. WOKEN: and it is time already */

int nilo_req_park(struct nilo_exchange *x)
{
    nilo__exchange_ref(x);
    atomic_store(&x->parked, ASKED);
    return NILO_PARKED;
}

static void again(struct nilo_exchange *x)
{
    if (nilo__pool_put(x->server, x) == NILO__FULL)
        nilo__exchange_busy(x);
    nilo__exchange_unref(x); /* else: in the queue, or the server ends, and the loop ends the request */
}

int nilo_req_long(struct nilo_exchange *x)
{
    bool place = nilo_req_is_long(x) || nilo__pool_long(x->worker);
    atomic_store(&x->lane, NILO__LONG);
    if (place)
        return 0;
    int rc = nilo_req_park(x);
    nilo_req_wake(x); /* runs again by itself: when its turn in the other lane has come */
    return rc;
}

bool nilo_req_is_long(const struct nilo_exchange *x)
{
    return atomic_load(&x->lane) == NILO__LONG;
}

void nilo_req_wake(struct nilo_exchange *x)
{
    int asked = ASKED, asleep = ASLEEP;
    if (atomic_compare_exchange_strong(&x->parked, &asked, WOKEN))
        return;
    if (atomic_compare_exchange_strong(&x->parked, &asleep, AWAKE))
        again(x);
}

void nilo__exchange_parked(struct nilo_exchange *x)
{
    int asked = ASKED;
    x->worker = NULL;
    x->again = true;
    if (atomic_compare_exchange_strong(&x->parked, &asked, ASLEEP))
        return;
    atomic_store(&x->parked, AWAKE);
    again(x);
}

void nilo_req_state_set(struct nilo_exchange *x, void *state, void (*release)(void *state))
{
    x->state = state;
    x->release_state = release;
}

void *nilo_req_state(const struct nilo_exchange *x)
{
    return x->state;
}
