/* See rest_cache.h. One lock over a table of chains and a list by last use; entries are counted references, so that nobody writes to a socket under it. */
#include "api/rest_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api/rest_quick.h"
#include "api/writer.h"

#define CHAINS 4096u
#define LOOK_US 20000
#define LEAST   ((size_t)1 << 20) /* bytes: how the days stand costs more than most answers, so that is kept where no answers are */

struct entry {
    struct nilo_rest_kept kept; /* first: handed out as this */
    struct nilo_rest_key key;
    struct nilo_rest_mark mark;
    size_t size;
    atomic_int refs;
    struct entry *chain, *newer, *older;
    char bytes[];
};

struct nilo_rest_cache {
    pthread_mutex_t mutex;
    struct entry *chains[CHAINS];
    struct entry *newest, *oldest;
    size_t bytes_max, bytes;
    bool answers; /* are they kept? */
    int64_t entries;
    struct nilo_rest_quick *quick;
    _Atomic int64_t hits, misses, quick_ones;
    /* the look at the database */
    pthread_mutex_t looking;
    struct nilo_store *store;   /* a connection of its own, as what it says is about others only */
    char version[NILO_STORE_VERSION];
    _Atomic int64_t looked_at;  /* clock.mono; INT64_MIN = never */
    _Atomic uint64_t outside;
    _Atomic uint64_t lost; /* connections of this one that were lost: what others opened before is gone by then, too */
};

int nilo_rest_cache_new(size_t bytes, struct nilo_rest_cache **ret, struct nilo_err *err)
{
    struct nilo_rest_cache *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return nilo_err_nomem(err);
    c->bytes_max = bytes > LEAST ? bytes : LEAST;
    c->answers = bytes > 0;
    if ((c->quick = nilo_rest_quick_new()) == NULL) {
        free(c);
        return nilo_err_nomem(err);
    }
    pthread_mutex_init(&c->mutex, NULL);
    pthread_mutex_init(&c->looking, NULL);
    atomic_init(&c->looked_at, INT64_MIN);
    *ret = c;
    return 0;
}

struct loop_look {
    const struct nilo_api *api;
    nilo_us began;
};

/* ---- what the database says -------------------------------------------------------------------------------------------------------------- */

static nilo_us now_of(const struct nilo_api *api)
{
    return api->env->clock.mono(api->env->clock.ctx);
}

bool nilo_rest_cache_fresh(const struct nilo_api *api)
{
    int64_t at = api->cache != NULL ? atomic_load(&api->cache->looked_at) : INT64_MIN;
    return at != INT64_MIN && now_of(api) - at < LOOK_US;
}

void nilo_rest_cache_expire(const struct nilo_api *api)
{
    if (api->cache != NULL)
        atomic_store(&api->cache->looked_at, INT64_MIN);
}

static void take_version(struct nilo_rest_cache *c, const char *version, nilo_us at)
{
    if (strcmp(version, c->version) != 0) {
        memcpy(c->version, version, sizeof(c->version));
        atomic_fetch_add(&c->outside, 1);
    }
    atomic_store(&c->looked_at, at);
}

/* c->looking is held. */
static int look_once(struct nilo_rest_cache *c, const struct nilo_api *api, struct nilo_err *err)
{
    char version[NILO_STORE_VERSION];
    nilo_us before = now_of(api);
    if (c->store == NULL && api->open(api->open_ctx, &c->store, err) != 0)
        return -1;
    if (nilo_store_version(c->store, version, err) != 0) {
        nilo_store_close(c->store);
        c->store = NULL;
        c->version[0] = '\0'; /* what happened meanwhile is not known */
        return -1;
    }
    take_version(c, version, before);
    return 0;
}

/* A server that was away and is there again is not the caller's concern: one look with a connection that it has lost, one with a new one. */
static int look(struct nilo_rest_cache *c, const struct nilo_api *api, struct nilo_err *err)
{
    bool had = c->store != NULL;
    if (look_once(c, api, err) == 0)
        return 0;
    if (!had)
        return -1;
    atomic_fetch_add(&c->lost, 1);
    return look_once(c, api, err);
}

int nilo_rest_cache_look(struct nilo_api *api, struct nilo_err *err)
{
    struct nilo_rest_cache *c = api->cache;
    if (c == NULL || nilo_rest_cache_fresh(api))
        return 0;
    pthread_mutex_lock(&c->looking);
    int rc = nilo_rest_cache_fresh(api) ? 0 : look(c, api, err);
    pthread_mutex_unlock(&c->looking);
    return rc;
}

static bool took_long(void *ctx)
{
    const struct loop_look *l = ctx;
    return now_of(l->api) - l->began > LOOK_US;
}

bool nilo_rest_cache_look_here(const struct nilo_api *api)
{
    struct nilo_rest_cache *c = api->cache;
    if (c == NULL || nilo_rest_cache_fresh(api))
        return c != NULL;
    if (pthread_mutex_trylock(&c->looking) != 0)
        return false;
    bool fresh = nilo_rest_cache_fresh(api);
    if (!fresh && c->store != NULL && nilo_db_engine(nilo_store_db(c->store)) == NILO_DB_SQLITE) {
        char version[NILO_STORE_VERSION];
        struct nilo_err err = {0};
        struct loop_look l = {api, now_of(api)};
        nilo_db_watch(nilo_store_db(c->store), took_long, &l);
        fresh = nilo_store_version(c->store, version, &err) == 0; /* else a worker finds out what is wrong */
        nilo_db_watch(nilo_store_db(c->store), NULL, NULL);
        if (fresh)
            take_version(c, version, l.began);
    }
    pthread_mutex_unlock(&c->looking);
    return fresh;
}

struct nilo_rest_mark nilo_rest_cache_mark(const struct nilo_api *api)
{
    struct nilo_rest_mark m = {.inside = nilo_writer_generation(api)};
    if (api->cache != NULL)
        m.outside = atomic_load(&api->cache->outside);
    return m;
}

/* What was opened before the database went away. */
static int open_anew(struct nilo_api *api, struct nilo_api_worker *w, struct nilo_err *err)
{
    uint64_t lost = api->cache != NULL ? atomic_load(&api->cache->lost) : 0;
    if (w->store != NULL && w->lost == lost)
        return 0;
    nilo_store_close(w->store);
    w->store = NULL;
    if (nilo_api_open(api, &w->store, err) != 0)
        return -1;
    w->lost = lost;
    return 0;
}

int nilo_rest_current(struct nilo_exchange *x, struct nilo_store **ret, struct nilo_rest_mark *ret_mark, struct nilo_err *err)
{
    struct nilo_api_worker *w = nilo_api_worker(x, err);
    struct nilo_api *api = nilo_req_ctx(x);
    if (w == NULL || nilo_rest_cache_look(api, err) != 0)
        return -1;
    struct nilo_rest_mark m = nilo_rest_cache_mark(api);
    if (open_anew(api, w, err) != 0) {
        nilo_req_worker_broken(x);
        return -1;
    }
    if ((w->seen[0] != m.inside || w->seen[1] != m.outside) && nilo_store_renew(w->store, err) != 0)
        return -1;
    w->seen[0] = m.inside;
    w->seen[1] = m.outside;
    *ret = w->store;
    *ret_mark = m;
    return 0;
}

bool nilo_rest_mark_same(struct nilo_rest_mark a, struct nilo_rest_mark b)
{
    return a.inside == b.inside && a.outside == b.outside;
}

/* ---- the entries ------------------------------------------------------------------------------------------------------------------------- */

static struct entry **chain_of(struct nilo_rest_cache *c, const struct nilo_rest_key *key)
{
    unsigned at;
    memcpy(&at, key->bytes, sizeof(at));
    return &c->chains[at % CHAINS];
}

static void unref(struct entry *e)
{
    if (e != NULL && atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        free(e);
}

void nilo_rest_cache_drop(const struct nilo_rest_kept *kept)
{
    unref((struct entry *)(uintptr_t)kept);
}

static void unlink_entry(struct nilo_rest_cache *c, struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &c->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &c->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void link_newest(struct nilo_rest_cache *c, struct entry *e)
{
    e->older = c->newest;
    e->newer = NULL;
    *(c->newest != NULL ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void take_out(struct nilo_rest_cache *c, struct entry *e)
{
    struct entry **at = chain_of(c, &e->key);
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    unlink_entry(c, e);
    c->bytes -= e->size;
    c->entries--;
    unref(e);
}

static struct entry *find(struct nilo_rest_cache *c, const struct nilo_rest_key *key)
{
    struct entry *e = *chain_of(c, key);
    while (e != NULL && memcmp(&e->key, key, sizeof(*key)) != 0)
        e = e->chain;
    return e;
}

const struct nilo_rest_kept *nilo_rest_cache_find(const struct nilo_api *api, const struct nilo_rest_key *key)
{
    struct nilo_rest_cache *c = api->cache;
    if (c == NULL)
        return NULL;
    struct nilo_rest_mark mark = nilo_rest_cache_mark(api);
    nilo_us now = now_of(api);
    pthread_mutex_lock(&c->mutex);
    struct entry *e = find(c, key);
    if (e != NULL && (!nilo_rest_mark_same(e->mark, mark) || e->kept.until <= now)) {
        take_out(c, e);
        e = NULL;
    }
    if (e != NULL) {
        atomic_fetch_add(&e->refs, 1);
        unlink_entry(c, e);
        link_newest(c, e);
    }
    pthread_mutex_unlock(&c->mutex);
    return e != NULL ? &e->kept : NULL;
}

nilo_us nilo_rest_cache_until(const struct nilo_api *api, nilo_us span)
{
    const nilo_us quarter = 15 * NILO_US_MINUTE;
    nilo_us left = quarter - api->env->clock.wall(api->env->clock.ctx) % quarter;
    return now_of(api) + (left < span ? left : span);
}

static struct entry *entry_new(const struct nilo_rest_key *key, struct nilo_rest_mark mark, const struct nilo_rest_kept *kept)
{
    struct entry *e = malloc(sizeof(*e) + kept->headers_n + kept->body_n);
    if (e == NULL)
        return NULL;
    *e = (struct entry){.kept = *kept, .key = *key, .mark = mark, .size = sizeof(*e) + kept->headers_n + kept->body_n};
    atomic_init(&e->refs, 1);
    if (kept->headers_n > 0)
        memcpy(e->bytes, kept->headers, kept->headers_n);
    if (kept->body_n > 0)
        memcpy(e->bytes + kept->headers_n, kept->body, kept->body_n);
    e->kept.headers = e->bytes;
    e->kept.body = e->bytes + kept->headers_n;
    return e;
}

void nilo_rest_cache_put(const struct nilo_api *api, const struct nilo_rest_key *key, struct nilo_rest_mark mark, const struct nilo_rest_kept *kept)
{
    struct nilo_rest_cache *c = api->cache;
    if (c == NULL || (kept->mime != NULL && !c->answers) || !nilo_rest_mark_same(mark, nilo_rest_cache_mark(api)) || kept->headers_n + kept->body_n > c->bytes_max / 4)
        return;
    struct entry *e = entry_new(key, mark, kept), *there;
    if (e == NULL)
        return; /* it is only a cache */
    pthread_mutex_lock(&c->mutex);
    if ((there = find(c, key)) != NULL)
        take_out(c, there);
    e->chain = *chain_of(c, key);
    *chain_of(c, key) = e;
    link_newest(c, e);
    c->bytes += e->size;
    c->entries++;
    while (c->bytes > c->bytes_max)
        take_out(c, c->oldest);
    pthread_mutex_unlock(&c->mutex);
}

struct nilo_rest_quick *nilo_rest_cache_quick(const struct nilo_api *api)
{
    return api->cache != NULL ? api->cache->quick : NULL;
}

uint64_t nilo_rest_cache_lost(const struct nilo_api *api)
{
    return api->cache != NULL ? atomic_load(&api->cache->lost) : 0;
}

void nilo_rest_cache_free(struct nilo_rest_cache *c)
{
    if (c == NULL)
        return;
    while (c->oldest != NULL)
        take_out(c, c->oldest);
    nilo_rest_quick_free(c->quick);
    nilo_store_close(c->store);
    pthread_mutex_destroy(&c->looking);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

void nilo_rest_cache_hit(const struct nilo_api *api, bool hit)
{
    if (api->cache != NULL)
        atomic_fetch_add_explicit(hit ? &api->cache->hits : &api->cache->misses, 1, memory_order_relaxed);
}

void nilo_rest_cache_made_here(const struct nilo_api *api)
{
    nilo_rest_cache_hit(api, false);
    if (api->cache != NULL)
        atomic_fetch_add_explicit(&api->cache->quick_ones, 1, memory_order_relaxed);
}

void nilo_rest_cache_counts(const struct nilo_api *api, struct nilo_rest_cache_counts *ret)
{
    struct nilo_rest_cache *c = api->cache;
    *ret = (struct nilo_rest_cache_counts){0};
    if (c == NULL)
        return;
    ret->hits = atomic_load(&c->hits);
    ret->misses = atomic_load(&c->misses);
    ret->quick = atomic_load(&c->quick_ones);
    pthread_mutex_lock(&c->mutex);
    ret->entries = c->entries;
    ret->bytes = (int64_t)c->bytes;
    pthread_mutex_unlock(&c->mutex);
}
