/* How many connections an address has: a hash table with as many places as there can be connections twice over, so that it never fills. */
#include "api/server_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct place {
    struct nilo__peer_key key;
    int64_t n; /* 0 = free */
};

struct nilo__peers {
    pthread_mutex_t mutex;
    size_t mask;
    struct place places[];
};

struct nilo__peers *nilo__peers_new(size_t connections)
{
    size_t n = 64;
    while (n < connections * 2)
        n *= 2;
    struct nilo__peers *p = calloc(1, sizeof(*p) + n * sizeof(struct place));
    if (p == NULL)
        return NULL;
    p->mask = n - 1;
    pthread_mutex_init(&p->mutex, NULL);
    return p;
}

void nilo__peers_free(struct nilo__peers *p)
{
    if (p == NULL)
        return;
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

/* FNV-1a. Somebody with many addresses can make long runs, of at most as many places as connections are allowed. */
static size_t home(const struct nilo__peers *p, const struct nilo__peer_key *key)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < sizeof(key->b); i++)
        h = (h ^ key->b[i]) * UINT64_C(1099511628211);
    return (size_t)(h ^ h >> 32) & p->mask;
}

static size_t find(const struct nilo__peers *p, const struct nilo__peer_key *key)
{
    size_t i = home(p, key);
    while (p->places[i].n > 0 && memcmp(&p->places[i].key, key, sizeof(*key)) != 0)
        i = (i + 1) & p->mask;
    return i;
}

bool nilo__peers_take(struct nilo__peers *p, const struct nilo__peer_key *key, int64_t max)
{
    pthread_mutex_lock(&p->mutex);
    struct place *at = &p->places[find(p, key)];
    bool room = at->n < max;
    if (room) {
        at->key = *key;
        at->n++;
    }
    pthread_mutex_unlock(&p->mutex);
    return room;
}

/* A place that becomes free would cut a run in two: those behind it move up. */
static void close_gap(struct nilo__peers *p, size_t gap)
{
    for (size_t i = (gap + 1) & p->mask; p->places[i].n > 0; i = (i + 1) & p->mask) {
        size_t want = home(p, &p->places[i].key);
        if (((i - want) & p->mask) >= ((i - gap) & p->mask)) {
            p->places[gap] = p->places[i];
            p->places[i].n = 0;
            gap = i;
        }
    }
}

void nilo__peers_give(struct nilo__peers *p, const struct nilo__peer_key *key)
{
    pthread_mutex_lock(&p->mutex);
    size_t i = find(p, key);
    if (p->places[i].n > 0 && --p->places[i].n == 0)
        close_gap(p, i);
    pthread_mutex_unlock(&p->mutex);
}

struct nilo__peer_key nilo__peer_key_of(const char *text)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a;
    struct nilo__peer_key key;
    char ignored[64];
    memset(&a, 0, sizeof(a));
    if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
        a.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1)
        a.any.sa_family = AF_INET6;
    (void)nilo__peer_key(&a.any, &key, ignored, sizeof(ignored));
    return key;
}

bool nilo__peer_key(const struct sockaddr *a, struct nilo__peer_key *ret, char *text, size_t text_cap)
{
    memset(ret, 0, sizeof(*ret));
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
        memcpy(ret->b, "\0\0\0\0\0\0\0\0\0\0\377\377", 12);
        memcpy(ret->b + 12, &in->sin_addr, 4);
        inet_ntop(AF_INET, &in->sin_addr, text, (socklen_t)text_cap);
        return true;
    }
    if (a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)a;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr);
        memcpy(ret->b, &in->sin6_addr, mapped ? 16 : 8);
        if (mapped)
            inet_ntop(AF_INET, in->sin6_addr.s6_addr + 12, text, (socklen_t)text_cap);
        else
            inet_ntop(AF_INET6, &in->sin6_addr, text, (socklen_t)text_cap);
        return true;
    }
    snprintf(text, text_cap, "unix");
    return false;
}
