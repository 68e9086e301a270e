/* A loop: accepts, wakes for news from workers, looks at deadlines. Deadlines are looked at every tick by going over the connections: some
 * thousands of comparisons twenty times a second cost less than a timer for each request, and the clock can be injected. */
#include "api/loop_priv.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ACCEPT_AT_ONCE 64

nilo_us nilo__real_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NILO_US_SECOND + t.tv_nsec / 1000;
}

/* ---- accepting ------------------------------------------------------------------------------------------------------------------------ */

/* Over a limit: said in a word where that is possible without waiting, and closed. */
static void refuse(struct nilo__loop *l, int fd, bool tls, const char *why)
{
    nilo__count(&l->server->counts.connections_refused, 1);
    if (!tls) {
        struct nilo_buf out;
        nilo_buf_init(&out, 8192);
        nilo__plain_error(&out, l->server->env, 503, "53300", why, "Retry-After: 1\r\n");
        ssize_t n = send(fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)n;
        nilo_buf_done(&out);
    }
    shutdown(fd, SHUT_WR);
    close(fd);
}

/* All places are taken: an idle connection gives up its own. */
static bool make_room(struct nilo__loop *l)
{
    for (struct nilo__conn *c = l->conns; c != NULL; c = c->next) {
        if (nilo__conn_idle(c)) {
            nilo__conn_close(c);
            return true;
        }
    }
    return false;
}

static void welcome(struct nilo__loop *l, const struct nilo__listener *from, int fd, const struct sockaddr *peer)
{
    struct nilo_server *s = l->server;
    struct nilo__peer_key key;
    char address[64];
    bool counted = nilo__peer_key(peer, &key, address, sizeof(address));
    if (atomic_load(&s->counts.connections_open) >= s->limits.connections && !make_room(l)) {
        refuse(l, fd, from->tls, "there are too many connections; try again");
        return;
    }
    if (counted && !nilo__peers_take(s->peers, &key, s->limits.per_address)) {
        refuse(l, fd, from->tls, "there are too many connections from this address; try again");
        return;
    }
    if (counted) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    nilo__conn_new(l, fd, from, &key, counted, address);
}

/* false: nothing more waits there */
static bool accept_one(struct nilo__acceptor *a)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
    } peer;
    socklen_t n = sizeof(peer);
    memset(&peer, 0, sizeof(peer));
    int fd = accept4(a->listener->fds[a->loop->index], &peer.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        welcome(a->loop, a->listener, fd, &peer.any);
        return true;
    }
    if (errno == ECONNABORTED || errno == EINTR)
        return true;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        /* the socket would stay readable and the loop spin: no accepting for a moment */
        for (int i = 0; i < a->loop->n_acceptors; i++)
            event_del(a->loop->acceptors[i].event);
        a->loop->paused = nilo__real_now() + NILO_US_SECOND / 10;
    }
    return false;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct nilo__acceptor *a = arg;
    for (int i = 0; i < ACCEPT_AT_ONCE && accept_one(a); i++)
        ;
    nilo__conn_reap(a->loop);
}

/* ---- news, ticks ------------------------------------------------------------------------------------------------------------------------- */

void nilo__loop_wake(struct nilo__loop *l)
{
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof(one));
    (void)n; /* full means it is awake */
}

void nilo__loop_news(struct nilo__loop *l, struct nilo_exchange *x)
{
    nilo__exchange_ref(x);
    x->next_news = NULL;
    pthread_mutex_lock(&l->mutex);
    bool asleep = l->news == NULL;
    if (asleep)
        l->news = x;
    else
        l->news_last->next_news = x;
    l->news_last = x;
    pthread_mutex_unlock(&l->mutex);
    if (asleep)
        nilo__loop_wake(l);
}

static void start_drain(struct nilo__loop *l, nilo_us now)
{
    l->draining = true;
    l->drained = now;
    /* who has connected is served; then the door closes */
    for (int i = 0; i < l->n_acceptors; i++) {
        struct nilo__acceptor *a = &l->acceptors[i];
        while (accept_one(a))
            ;
        event_free(a->event);
        close(a->listener->fds[l->index]);
        a->listener->fds[l->index] = -1;
    }
    l->n_acceptors = 0;
    for (struct nilo__conn *c = l->conns, *next; c != NULL; c = next) {
        next = c->next;
        nilo__conn_drain(c);
    }
}

static void look_around(struct nilo__loop *l)
{
    struct nilo_server *s = l->server;
    nilo_us now = nilo__now(s);
    if (!l->draining && atomic_load(&s->draining))
        start_drain(l, now);
    bool cut = atomic_load(&s->cutting);
    for (struct nilo__conn *c = l->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (cut) {
            if (c->x != NULL)
                atomic_fetch_add(&s->cut, 1);
            nilo__conn_close(c);
        } else {
            nilo__conn_tick(c, now);
        }
    }
    if (l->paused != 0 && nilo__real_now() >= l->paused) {
        l->paused = 0;
        for (int i = 0; i < l->n_acceptors; i++)
            event_add(l->acceptors[i].event, NULL);
    }
    nilo__conn_reap(l);
    if (l->draining && l->conns == NULL)
        event_base_loopbreak(l->base);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct nilo__loop *l = arg;
    uint64_t n;
    ssize_t got = read(fd, &n, sizeof(n));
    (void)got;
    pthread_mutex_lock(&l->mutex);
    struct nilo_exchange *x = l->news;
    l->news = l->news_last = NULL;
    unsigned kick = l->kick_wanted;
    pthread_mutex_unlock(&l->mutex);
    while (x != NULL) {
        struct nilo_exchange *next = x->next_news;
        nilo__conn_news(x);
        nilo__exchange_unref(x);
        x = next;
    }
    bool looked = kick != l->kick_done || (atomic_load(&l->server->draining) && !l->draining) || atomic_load(&l->server->cutting);
    if (looked || (l->draining && l->conns == NULL))
        look_around(l);
    nilo__conn_reap(l);
    pthread_mutex_lock(&l->mutex);
    l->kick_done = kick;
    pthread_cond_broadcast(&l->kicked);
    pthread_mutex_unlock(&l->mutex);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct nilo__loop *l = arg;
    nilo_us now = nilo__real_now();
    if (l->next_tick != 0)
        atomic_store(&l->lag, now > l->next_tick ? now - l->next_tick : 0);
    l->next_tick = now + l->server->limits.tick_us;
    atomic_store(&l->seen, now);
    look_around(l);
}

void nilo__loop_kick(struct nilo__loop *l)
{
    pthread_mutex_lock(&l->mutex);
    unsigned mine = ++l->kick_wanted;
    pthread_mutex_unlock(&l->mutex);
    nilo__loop_wake(l);
    pthread_mutex_lock(&l->mutex);
    while ((int)(l->kick_done - mine) < 0 && l->running)
        pthread_cond_wait(&l->kicked, &l->mutex);
    pthread_mutex_unlock(&l->mutex);
}

int64_t nilo__loop_seen(const struct nilo__loop *l)
{
    return atomic_load(&l->seen);
}

int64_t nilo__loop_lag(const struct nilo__loop *l)
{
    return atomic_load(&l->lag);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------------------- */

static void *run(void *arg)
{
    struct nilo__loop *l = arg;
    /* libevent writes to sockets that the other side may have closed; whoever uses the server need not know */
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    event_base_dispatch(l->base);
    /* libevent closes sockets a round later; our own events would break that round off */
    event_del(l->wake);
    event_del(l->tick);
    event_base_loop(l->base, EVLOOP_NONBLOCK);
    /* nobody waits for a loop that is over; what workers still send is thrown away by free */
    pthread_mutex_lock(&l->mutex);
    l->kick_done = l->kick_wanted;
    l->running = false;
    pthread_cond_broadcast(&l->kicked);
    pthread_mutex_unlock(&l->mutex);
    atomic_fetch_sub(&l->server->loops_running, 1);
    return NULL;
}

int nilo__loop_new(struct nilo_server *s, int index, struct nilo__loop **ret, struct nilo_err *err)
{
    struct nilo__loop *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return nilo_err_nomem(err);
    l->server = s;
    l->index = index;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->kicked, NULL);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct event_config *config = event_config_new();
    if (config != NULL) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK); /* a base belongs to one thread */
        l->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    bool fine = l->wake_fd >= 0 && l->base != NULL;
    if (fine) {
        struct timeval tick = {s->limits.tick_us / NILO_US_SECOND, s->limits.tick_us % NILO_US_SECOND};
        l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
        l->tick = event_new(l->base, -1, EV_PERSIST, on_tick, l);
        fine = l->wake != NULL && l->tick != NULL && event_add(l->wake, NULL) == 0 && event_add(l->tick, &tick) == 0;
    }
    for (size_t i = 0; fine && i < s->n_listeners; i++) {
        struct nilo__acceptor *a = &l->acceptors[l->n_acceptors];
        *a = (struct nilo__acceptor){.loop = l, .listener = &s->listeners[i]};
        a->event = event_new(l->base, s->listeners[i].fds[index], EV_READ | EV_PERSIST, on_accept, a);
        fine = a->event != NULL && event_add(a->event, NULL) == 0;
        l->n_acceptors += a->event != NULL;
    }
    if (!fine) {
        nilo__loop_free(l);
        return nilo_err_set(err, NILO_EIO, "cannot make the event loop of the server");
    }
    *ret = l;
    return 0;
}

int nilo__loop_start(struct nilo__loop *l, struct nilo_err *err)
{
    atomic_store(&l->seen, nilo__real_now());
    l->running = true;
    atomic_fetch_add(&l->server->loops_running, 1);
    if (pthread_create(&l->thread, NULL, run, l) != 0) {
        l->running = false;
        atomic_fetch_sub(&l->server->loops_running, 1);
        return nilo_err_set(err, NILO_ENOMEM, "cannot make a thread");
    }
    return 0;
}

void nilo__loop_join(struct nilo__loop *l)
{
    pthread_join(l->thread, NULL);
}

void nilo__loop_free(struct nilo__loop *l)
{
    if (l == NULL)
        return;
    while (l->conns != NULL)
        nilo__conn_close(l->conns);
    nilo__conn_reap(l);
    for (struct nilo_exchange *x = l->news, *next; x != NULL; x = next) {
        next = x->next_news;
        nilo__exchange_unref(x);
    }
    for (int i = 0; i < l->n_acceptors; i++)
        event_free(l->acceptors[i].event);
    if (l->wake != NULL)
        event_free(l->wake);
    if (l->tick != NULL)
        event_free(l->tick);
    if (l->base != NULL)
        event_base_free(l->base);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    pthread_cond_destroy(&l->kicked);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}
