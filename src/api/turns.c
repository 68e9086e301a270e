/* See turns.h. Flows are made with their first request and freed with their last one: at most as many as there are requests. */
#include "api/turns.h"

#include <stdlib.h>
#include <string.h>

#define CHARGE 1000 /* us of a request that is not over; then what it took */

struct nilo__flow {
    struct nilo__peer_key key;
    struct nilo_exchange *first, *last;
    int64_t n; /* that wait */
    nilo_us had;
    int running;
    struct nilo__flow *chain, *before, *after; /* before, after: of the ring, while n > 0 */
};

static struct nilo__flow **place(struct nilo__turns *t, const struct nilo__peer_key *key)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a; whoever aims at one chain makes it as long as the queue at most */
    for (size_t i = 0; i < sizeof(key->b); i++)
        h = (h ^ key->b[i]) * UINT64_C(1099511628211);
    struct nilo__flow **at = &t->chains[(h ^ h >> 32) % NILO__TURN_CHAINS];
    while (*at != NULL && memcmp(&(*at)->key, key, sizeof(*key)) != 0)
        at = &(*at)->chain;
    return at;
}

/* Last in the ring: just before whose turn is next. */
static void join(struct nilo__turns *t, struct nilo__flow *f)
{
    if (t->next == NULL) {
        t->next = f->before = f->after = f;
        return;
    }
    f->after = t->next;
    f->before = t->next->before;
    f->before->after = f->after->before = f;
}

static void leave(struct nilo__turns *t, struct nilo__flow *f)
{
    if (t->next == f)
        t->next = f->after != f ? f->after : NULL;
    f->before->after = f->after;
    f->after->before = f->before;
}

static void free_if_over(struct nilo__turns *t, struct nilo__flow *f)
{
    if (f->n > 0 || f->running > 0)
        return;
    *place(t, &f->key) = f->chain;
    free(f);
}

/* x leaves f's queue. */
static struct nilo_exchange *pick(struct nilo__turns *t, struct nilo__flow *f, struct nilo_exchange *x)
{
    *(x->previous_job != NULL ? &x->previous_job->next_job : &f->first) = x->next_job;
    *(x->next_job != NULL ? &x->next_job->previous_job : &f->last) = x->previous_job;
    t->depth--;
    if (--f->n == 0)
        leave(t, f);
    return x;
}

bool nilo__turns_put(struct nilo__turns *t, struct nilo_exchange *x)
{
    struct nilo__flow **at = place(t, &x->flow), *f = *at;
    if (f == NULL) {
        f = *at = calloc(1, sizeof(*f));
        if (f == NULL)
            return false;
        f->key = x->flow;
    }
    x->next_job = NULL;
    x->previous_job = f->last;
    if (f->n++ == 0) {
        f->had = f->had > t->now ? f->had : t->now; /* not having asked is nothing to save up */
        f->first = x;
        join(t, f);
    } else {
        f->last->next_job = x;
    }
    f->last = x;
    t->depth++;
    return true;
}

struct nilo_exchange *nilo__turns_take(struct nilo__turns *t, int share, struct nilo__flow **ret_flow)
{
    struct nilo__flow *f = NULL, *at = t->next;
    do {
        if (at != NULL && at->running < share && (f == NULL || at->had < f->had))
            f = at;
    } while (at != NULL && (at = at->after) != t->next);
    if (f == NULL)
        return NULL;
    t->now = f->had;
    f->had += CHARGE;
    struct nilo_exchange *x = f->first;
    f->running++;
    pick(t, f, x);
    if (f->n > 0) { /* others before it, where they have had as much */
        leave(t, f);
        join(t, f);
    }
    *ret_flow = f;
    return x;
}

void nilo__turns_done(struct nilo__turns *t, struct nilo__flow *f, nilo_us took)
{
    f->running--;
    f->had += took - CHARGE;
    free_if_over(t, f);
}

struct nilo_exchange *nilo__turns_yield(struct nilo__turns *t, const struct nilo_exchange *x)
{
    const struct nilo__flow *mine = *place(t, &x->flow);
    struct nilo__flow *most = t->next;
    if (most == NULL)
        return NULL;
    for (struct nilo__flow *f = most->after; f != t->next; f = f->after)
        most = f->n > most->n ? f : most;
    if (most->n < 2 * (mine != NULL ? mine->n : 0) + 2 || (most->last->again && atomic_load(&most->last->lane) == NILO__SHORT))
        return NULL;
    return pick(t, most, most->last);
}

struct nilo_exchange *nilo__turns_drop(struct nilo__turns *t, bool all)
{
    struct nilo_exchange *dropped = NULL;
    for (size_t i = 0; i < NILO__TURN_CHAINS; i++) {
        for (struct nilo__flow *f = t->chains[i], *next_flow; f != NULL; f = next_flow) {
            next_flow = f->chain;
            for (struct nilo_exchange *x = f->first, *next; x != NULL; x = next) {
                next = x->next_job;
                if (all || atomic_load(&x->stopped) != 0) {
                    pick(t, f, x);
                    x->next_job = dropped;
                    dropped = x;
                }
            }
            free_if_over(t, f);
        }
    }
    return dropped;
}
