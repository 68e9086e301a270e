/* See limit.h. One table for users and addresses: chains by a keyed hash, a list by when somebody was last seen, and a ring of instants each. */
#include "api/limit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define SLOTS NILO_LIMIT_USERS
#define NAME  16 /* bytes of the hash: two users are never taken for one */

struct entry {
    unsigned char name[NAME];
    struct entry *chain, *newer, *older;
    nilo_us *times; /* a ring: n instants from first on, ascending */
    int64_t n, first, room;
    int waits;      /* of an address: how often it was made to wait */
    nilo_us until;  /* and until when it waits */
};

struct nilo_limit {
    pthread_mutex_t mutex;
    unsigned char key[NILO_MAC_LEN];
    struct entry *slots[SLOTS];
    struct entry *newest, *oldest;
    int64_t entries;
    size_t memory;
};

int nilo_limit_new(const struct nilo_random *random, struct nilo_limit **ret, struct nilo_err *err)
{
    struct nilo_limit *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return nilo_err_nomem(err);
    random->fill(random->ctx, l->key, sizeof(l->key));
    pthread_mutex_init(&l->mutex, NULL);
    *ret = l;
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------------------------------------------------ */

static struct entry **place(struct nilo_limit *l, const unsigned char name[NAME])
{
    uint64_t h;
    memcpy(&h, name, sizeof(h));
    struct entry **at = &l->slots[h % SLOTS];
    while (*at != NULL && memcmp((*at)->name, name, NAME) != 0)
        at = &(*at)->chain;
    return at;
}

static void unlist(struct nilo_limit *l, struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &l->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &l->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void list_newest(struct nilo_limit *l, struct entry *e)
{
    e->older = l->newest;
    *(l->newest != NULL ? &l->newest->newer : &l->oldest) = e;
    l->newest = e;
}

static void forget(struct nilo_limit *l, struct entry *e)
{
    struct entry **at = place(l, e->name);
    *at = e->chain;
    unlist(l, e);
    l->memory -= (size_t)e->room * sizeof(*e->times);
    l->entries--;
    free(e->times);
    free(e);
}

void nilo_limit_free(struct nilo_limit *l)
{
    if (l == NULL)
        return;
    while (l->oldest != NULL)
        forget(l, l->oldest);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

/* make: where it is not there. NULL: none, or no memory. What is found is the one last seen from now on. */
static struct entry *find(struct nilo_limit *l, char kind, const void *p, size_t n, bool make)
{
    unsigned char mac[NILO_MAC_LEN], key[NILO_MAC_LEN];
    memcpy(key, l->key, sizeof(key));
    key[0] ^= (unsigned char)kind;
    nilo_mac(key, p, n, mac);
    struct entry **at = place(l, mac), *e = *at;
    if (e != NULL) {
        unlist(l, e);
    } else if (make) {
        e = calloc(1, sizeof(*e));
        if (e == NULL)
            return NULL;
        memcpy(e->name, mac, NAME);
        *at = e;
        l->entries++;
    } else {
        return NULL;
    }
    list_newest(l, e);
    while (l->entries > NILO_LIMIT_USERS)
        forget(l, l->oldest);
    return e;
}

/* ---- rings of instants -------------------------------------------------------------------------------------------------------------------- */

static nilo_us time_at(const struct entry *e, int64_t i)
{
    return e->times[(e->first + i) % e->room];
}

/* What is older than a minute is gone. */
static void age(struct entry *e, nilo_us now)
{
    while (e->n > 0 && time_at(e, 0) <= now - NILO_LIMIT_WINDOW) {
        e->first = (e->first + 1) % e->room;
        e->n--;
    }
}

static bool add(struct nilo_limit *l, struct entry *e, nilo_us now)
{
    if (e->n == e->room) {
        int64_t room = e->room > 0 ? 2 * e->room : 8;
        nilo_us *times = calloc((size_t)room, sizeof(*times));
        if (times == NULL)
            return false;
        for (int64_t i = 0; i < e->n; i++)
            times[i] = time_at(e, i);
        free(e->times);
        l->memory += (size_t)(room - e->room) * sizeof(*times);
        e->times = times;
        e->room = room;
        e->first = 0;
        while (l->memory > NILO_LIMIT_MEMORY && l->oldest != e)
            forget(l, l->oldest);
    }
    e->times[(e->first + e->n++) % e->room] = now;
    return true;
}

bool nilo_limit_take(struct nilo_limit *l, const void *user, size_t n, int64_t max, nilo_us now, struct nilo_quota *ret)
{
    bool fine = true;
    *ret = (struct nilo_quota){.limit = max, .remaining = max - 1, .reset = NILO_LIMIT_WINDOW};
    pthread_mutex_lock(&l->mutex);
    struct entry *e = find(l, 'u', user, n, true);
    if (e != NULL) {
        age(e, now);
        fine = e->n < max && add(l, e, now);
        ret->remaining = e->n < max ? max - e->n : 0;
        /* a limit that was lowered meanwhile: the one whose end makes room is not the oldest */
        if (e->n > 0)
            ret->reset = time_at(e, e->n > max ? e->n - max : 0) + NILO_LIMIT_WINDOW - now;
    }
    pthread_mutex_unlock(&l->mutex);
    return fine;
}

/* ---- addresses ------------------------------------------------------------------------------------------------------------------------------- */

static size_t address_name(const char *text, unsigned char out[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    if (inet_pton(AF_INET6, text, out) != 1)
        return 0;
    if (memcmp(out, mapped, sizeof(mapped)) != 0)
        return 8;
    memmove(out, out + 12, 4);
    return 4;
}

/* The minute of quiet begins when the wait is over: else a long wait would be its own forgiveness. */
static void forgive(struct entry *e, nilo_us now)
{
    nilo_us last = e->n > 0 ? time_at(e, e->n - 1) : 0;
    if (e->n > 0 && now >= (e->until > last ? e->until : last) + NILO_LIMIT_WINDOW) {
        e->n = e->first = 0;
        e->waits = 0;
    }
}

nilo_us nilo_limit_wait(struct nilo_limit *l, const char *address, nilo_us now)
{
    unsigned char name[16];
    size_t n = address_name(address, name);
    nilo_us wait = 0;
    pthread_mutex_lock(&l->mutex);
    const struct entry *e = n > 0 ? find(l, 'a', name, n, false) : NULL;
    if (e != NULL && e->until > now)
        wait = e->until - now;
    pthread_mutex_unlock(&l->mutex);
    return wait;
}

void nilo_limit_failed(struct nilo_limit *l, const char *address, nilo_us now)
{
    unsigned char name[16];
    size_t n = address_name(address, name);
    pthread_mutex_lock(&l->mutex);
    struct entry *e = n > 0 ? find(l, 'a', name, n, true) : NULL;
    if (e != NULL) {
        forgive(e, now);
        if (e->waits == 0)
            age(e, now);
        if (e->n == NILO_LIMIT_FAILURES) { /* the last ten are enough to know */
            e->first = (e->first + 1) % e->room;
            e->n--;
        }
        if (add(l, e, now) && (e->waits > 0 || e->n == NILO_LIMIT_FAILURES)) {
            nilo_us wait = e->waits < 6 ? NILO_US_SECOND << e->waits : NILO_LIMIT_WAIT_MAX;
            e->until = now + (wait < NILO_LIMIT_WAIT_MAX ? wait : NILO_LIMIT_WAIT_MAX);
            e->waits++;
        }
    }
    pthread_mutex_unlock(&l->mutex);
}
