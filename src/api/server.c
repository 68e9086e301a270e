/* The server as a whole: its parts are made, started, drained and freed here in the right order. */
#include "api/server_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void defaults(struct nilo_server_limits *l)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    cores = cores < 1 ? 1 : cores;
#define X(name, fallback, doc)                                                                                         \
    if (l->name == 0)                                                                                                  \
        l->name = (fallback);
    NILO_SERVER_LIMIT_ROWS(X)
#undef X
    if (l->loops == 0)
        l->loops = cores < 8 ? cores : 8;
    if (l->workers == 0)
        l->workers = cores * 2 < 4 ? 4 : cores * 2;
}

static int check_limits(const struct nilo_server_limits *l, struct nilo_err *err)
{
#define X(name, fallback, doc)                                                                                         \
    if (l->name <= 0)                                                                                                  \
        return nilo_err_set(err, NILO_EINVAL, "the limit " #name " (" doc ") has to be above zero");
    NILO_SERVER_LIMIT_ROWS(X)
#undef X
    if (l->loops > NILO__LOOPS_MAX || l->workers > 1024)
        return nilo_err_set(err, NILO_EINVAL, "more than %d loops or 1024 workers", NILO__LOOPS_MAX);
    if (l->head_max < 16 || l->head_max > NILO_HTTP_HEAD_CEILING || l->headers_max > NILO_HTTP_HEADERS_MAX)
        return nilo_err_set(err, NILO_EINVAL, "head_max goes from 16 to %u bytes, headers_max to %d", NILO_HTTP_HEAD_CEILING, NILO_HTTP_HEADERS_MAX);
    return 0;
}

static int copy_proxies(struct nilo_server *s, const char *const *proxies, struct nilo_err *err)
{
    size_t n = 0;
    while (proxies != NULL && proxies[n] != NULL)
        n++;
    s->proxies = calloc(n + 1, sizeof(*s->proxies));
    for (size_t i = 0; s->proxies != NULL && i < n; i++) {
        s->proxies[i] = strdup(proxies[i]);
        if (s->proxies[i] == NULL)
            return nilo_err_nomem(err);
    }
    return s->proxies != NULL ? 0 : nilo_err_nomem(err);
}

static int make(struct nilo_server *s, const struct nilo_server_config *c, struct nilo_err *err)
{
    bool tls = false;
    for (size_t i = 0; i < c->n_listen; i++)
        tls = tls || c->listen[i].tls;
    if (tls && (c->tls_certificate == NULL || c->tls_key == NULL))
        return nilo_err_set(err, NILO_ECONFIG, "TLS needs a certificate and a key");
    if (tls && nilo__tls_new(c->tls_certificate, c->tls_key, &s->tls, err) != 0)
        return -1;
    s->peers = nilo__peers_new((size_t)s->limits.connections + 64);
    if (s->peers == NULL)
        return nilo_err_nomem(err);
    if (copy_proxies(s, c->proxies, err) != 0)
        return -1;
    if (c->n_listen == 0 || c->n_listen > NILO_LISTEN_MAX)
        return nilo_err_set(err, NILO_EINVAL, "a server listens at one to %d addresses", NILO_LISTEN_MAX);
    for (; s->n_listeners < c->n_listen; s->n_listeners++) {
        if (nilo__listen(&c->listen[s->n_listeners], (int)s->limits.loops, &s->listeners[s->n_listeners], err) != 0)
            return -1;
    }
    for (; s->n_loops < s->limits.loops; s->n_loops++) {
        if (nilo__loop_new(s, s->n_loops, &s->loops[s->n_loops], err) != 0)
            return -1;
    }
    return 0;
}

int nilo_server_new(const struct nilo_server_config *config, struct nilo_server **ret, struct nilo_err *err)
{
    struct nilo_server_limits limits = config->limits;
    defaults(&limits);
    if (nilo__routes_check(config->routes, config->n_routes, err) != 0 || check_limits(&limits, err) != 0)
        return -1;
    struct nilo_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return nilo_err_nomem(err);
    s->env = config->env;
    s->routes = config->routes;
    s->n_routes = config->n_routes;
    s->hooks = config->hooks;
    s->limits = limits;
    pthread_mutex_init(&s->pool.mutex, NULL);
    pthread_cond_init(&s->pool.work, NULL);
    pthread_cond_init(&s->pool.ready, NULL);
    if (make(s, config, err) != 0) {
        nilo_server_free(s);
        return -1;
    }
    *ret = s;
    return 0;
}

int nilo_server_start(struct nilo_server *s, struct nilo_err *err)
{
    s->pool_started = true;
    if (nilo__pool_start(s, err) != 0) {
        nilo_server_drain(s, 0);
        return -1;
    }
    for (; s->n_started < s->n_loops; s->n_started++) {
        if (nilo__loop_start(s->loops[s->n_started], err) != 0) {
            nilo_server_drain(s, 0);
            return -1;
        }
    }
    return 0;
}

/* All loops are told, and those are waited for that end on their own, until the time is over. */
static void wait_for_loops(struct nilo_server *s, nilo_us grace_us)
{
    const struct timespec moment = {0, 2000000};
    nilo_us until = nilo__real_now() + grace_us;
    for (int i = 0; i < s->n_started; i++)
        nilo__loop_wake(s->loops[i]);
    while (nilo__real_now() < until && atomic_load(&s->loops_running) > 0)
        nanosleep(&moment, NULL);
    atomic_store(&s->cutting, true);
    for (int i = 0; i < s->n_started; i++)
        nilo__loop_wake(s->loops[i]);
    for (int i = 0; i < s->n_started; i++)
        nilo__loop_join(s->loops[i]);
    s->n_started = 0;
}

int nilo_server_drain(struct nilo_server *s, nilo_us grace_us)
{
    atomic_store(&s->draining, true);
    wait_for_loops(s, grace_us);
    if (s->pool_started && !nilo__pool_stop(s, 5 * NILO_US_SECOND))
        return -1;
    s->pool_started = false;
    return atomic_load(&s->cut);
}

void nilo_server_free(struct nilo_server *s)
{
    if (s == NULL)
        return;
    if (s->n_started > 0 || s->pool_started)
        nilo_server_drain(s, 0);
    for (int i = 0; i < s->n_loops; i++)
        nilo__loop_free(s->loops[i]);
    for (size_t i = 0; i < s->n_listeners; i++)
        nilo__listener_close(&s->listeners[i]);
    for (char **p = s->proxies; p != NULL && *p != NULL; p++)
        free(*p);
    free(s->proxies);
    nilo__peers_free(s->peers);
    nilo__tls_free(s->tls);
    nilo__pool_free(s);
    pthread_cond_destroy(&s->pool.work);
    pthread_cond_destroy(&s->pool.ready);
    pthread_mutex_destroy(&s->pool.mutex);
    free(s);
}

const char *nilo_server_address(const struct nilo_server *s, size_t i)
{
    return i < s->n_listeners ? s->listeners[i].address : NULL;
}

int nilo_server_reload(struct nilo_server *s, struct nilo_err *err)
{
    return s->tls != NULL ? nilo__tls_reload(s->tls, err) : 0;
}

bool nilo_server_alive(const struct nilo_server *s, nilo_us within_us)
{
    nilo_us now = nilo__real_now();
    for (int i = 0; i < s->n_started; i++) {
        if (now - nilo__loop_seen(s->loops[i]) > within_us)
            return false;
    }
    return true;
}

void nilo_server_kick(struct nilo_server *s)
{
    for (int i = 0; i < s->n_started; i++)
        nilo__loop_kick(s->loops[i]);
}

void nilo_server_counts(const struct nilo_server *s, struct nilo_server_counts *ret)
{
#define X(name, kind, doc) ret->name = atomic_load_explicit(&s->counts.name, memory_order_relaxed);
    NILO_SERVER_COUNT_ROWS(X)
#undef X
    ret->loop_lag_us = 0;
    for (int i = 0; i < s->n_loops; i++) {
        int64_t lag = nilo__loop_lag(s->loops[i]);
        ret->loop_lag_us = lag > ret->loop_lag_us ? lag : ret->loop_lag_us;
    }
}
