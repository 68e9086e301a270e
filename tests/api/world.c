/* See world.h. */
#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void world_moment(void)
{
    const struct timespec t = {0, 2000000};
    nanosleep(&t, NULL);
}

/* ---- routes ------------------------------------------------------------------------------------------------------------------------- */

static struct world *world_of(struct nilo_exchange *x)
{
    return nilo_req_ctx(x);
}

static int echo(struct nilo_exchange *x, struct nilo_err *err)
{
    size_t n;
    const char *body = nilo_req_body(x, &n);
    nilo_answer_type(x, "application/octet-stream");
    return nilo_answer_write(x, body, n, err);
}

static int small(struct nilo_exchange *x, struct nilo_err *err)
{
    size_t n;
    const char *query = nilo_req_query(x, &n);
    nilo_answer_type(x, "text/plain");
    if (nilo_answer_write(x, "<", 1, err) != 0 || nilo_answer_write(x, query, n, err) != 0)
        return -1;
    return nilo_answer_write(x, ">", 1, err);
}

static int segments(struct nilo_exchange *x, struct nilo_err *err)
{
    char text[256];
    snprintf(text, sizeof(text), "%s|%s|%s|%s", nilo_req_segment(x, 0), nilo_req_segment(x, 1), nilo_req_segment(x, 2) == NULL ? "end" : "more",
             nilo_req_path(x));
    return nilo_answer_text(x, 200, "text/plain", text, err);
}

/* ?BYTES of a pattern */
static int big(struct nilo_exchange *x, struct nilo_err *err)
{
    size_t n;
    long long left = strtoll(nilo_req_query(x, &n), NULL, 10);
    char line[997];
    for (size_t i = 0; i < sizeof(line); i++)
        line[i] = (char)('a' + i % 26);
    nilo_answer_type(x, strcmp(nilo_req_path(x), "/raw") == 0 ? "application/octet-stream" : "text/plain");
    if (strcmp(nilo_req_path(x), "/known") == 0)
        nilo_answer_length(x, left);
    while (left > 0) {
        size_t take = left < (long long)sizeof(line) ? (size_t)left : sizeof(line);
        if (nilo_answer_write(x, line, take, err) != 0)
            return -1;
        left -= (long long)take;
    }
    return 0;
}

static int gate(struct nilo_exchange *x, struct nilo_err *err)
{
    struct world *w = world_of(x);
    pthread_mutex_lock(&w->mutex);
    w->at_gate++;
    pthread_cond_broadcast(&w->moved);
    while (!w->open && !nilo_req_stopped(x)) {
        pthread_mutex_unlock(&w->mutex);
        world_moment();
        pthread_mutex_lock(&w->mutex);
    }
    atomic_fetch_add(&w->stopped_at_gate, nilo_req_stopped(x));
    w->at_gate--;
    pthread_mutex_unlock(&w->mutex);
    return nilo_answer_text(x, 200, "text/plain", "through", err);
}

static int long_gate(struct nilo_exchange *x, struct nilo_err *err)
{
    int rc = nilo_req_long(x);
    return rc == 0 ? gate(x, err) : rc;
}

static int long_big(struct nilo_exchange *x, struct nilo_err *err)
{
    int rc = nilo_req_long(x);
    return rc == 0 ? big(x, err) : rc;
}

/* Decided for this request alone, before it goes to a worker. */
static int gate_for_long(struct nilo_exchange *x, struct nilo_err *err)
{
    (void)err;
    nilo_req_deadline_set(x, INT64_MAX);
    return NILO_LATER;
}

static int log_word(struct nilo_exchange *x, struct nilo_err *err)
{
    struct world *w = world_of(x);
    pthread_mutex_lock(&w->mutex);
    size_t n = strlen(w->log);
    snprintf(w->log + n, sizeof(w->log) - n, "%s ", nilo_req_segment(x, 0));
    pthread_mutex_unlock(&w->mutex);
    return nilo_answer_text(x, 200, "text/plain", nilo_req_segment(x, 0), err);
}

static int long_log(struct nilo_exchange *x, struct nilo_err *err)
{
    int rc = nilo_req_long(x);
    return rc == 0 ? log_word(x, err) : rc;
}

static int etag(struct nilo_exchange *x, struct nilo_err *err)
{
    if (nilo_answer_etag(x, "v1"))
        return 0;
    return nilo_answer_text(x, 200, "text/plain", "version one", err);
}

static int fails(struct nilo_exchange *x, struct nilo_err *err)
{
    nilo_answer_header(x, "X-Before", "gone");
    if (nilo_answer_write(x, "part", 4, err) != 0)
        return -1;
    return nilo_err_set(err, NILO_EFULL, "no \"room\" left");
}

static int fails_late(struct nilo_exchange *x, struct nilo_err *err)
{
    char bytes[1000] = {0};
    for (int i = 0; i < 100; i++) {
        if (nilo_answer_write(x, bytes, sizeof(bytes), err) != 0)
            return -1;
    }
    return nilo_err_set(err, NILO_ESTORE, "in the middle");
}

static int announces_wrongly(struct nilo_exchange *x, struct nilo_err *err)
{
    nilo_answer_length(x, 10);
    return nilo_answer_write(x, "short", 5, err);
}

static int maybe(struct nilo_exchange *x, struct nilo_err *err)
{
    size_t n;
    const char *query = nilo_req_query(x, &n);
    return n > 0 && *query == 'h' ? nilo_answer_text(x, 200, "text/plain", "hit", err) : NILO_LATER;
}

static int later(struct nilo_exchange *x, struct nilo_err *err)
{
    return nilo_answer_text(x, 200, "text/plain", nilo_req_worker(x) != NULL ? "worker" : "no worker", err);
}

static int nothing(struct nilo_exchange *x, struct nilo_err *err)
{
    (void)err;
    nilo_answer_status(x, 204);
    return 0;
}

static int address(struct nilo_exchange *x, struct nilo_err *err)
{
    return nilo_answer_text(x, 200, "text/plain", nilo_req_address(x), err);
}

static int header(struct nilo_exchange *x, struct nilo_err *err)
{
    nilo_answer_header(x, "X-Evil", "a\r\nX-Injected: %s", "yes");
    return nilo_answer_text(x, 200, "text/plain", "", err);
}

static int events(struct nilo_exchange *x, struct nilo_err *err)
{
    struct world *w = world_of(x);
    nilo_answer_type(x, "text/event-stream");
    if (nilo_answer_write(x, "retry: 1\n\n", 10, err) != 0)
        return -1;
    const struct nilo_stream_options options = {.heartbeat_us = 15 * NILO_US_SECOND, .heartbeat = ":\n\n", .end_at = 3600 * NILO_US_SECOND};
    struct nilo_stream *s = nilo_answer_keep(x, &options);
    pthread_mutex_lock(&w->mutex);
    struct nilo_stream *before = w->close_before ? w->stream : NULL;
    w->stream = s;
    pthread_mutex_unlock(&w->mutex);
    if (before != NULL)
        nilo_stream_close(before);
    return s != NULL ? 0 : nilo_err_nomem(err);
}

static int breaks(struct nilo_exchange *x, struct nilo_err *err)
{
    nilo_req_worker_broken(x);
    return nilo_err_set(err, NILO_EBUSY, "connection lost");
}

const struct nilo_route world_routes[] = {
    NILO_ROUTE(NILO_POST | NILO_PUT, "/echo", EVERYONE, .handler = echo),
    NILO_ROUTE(NILO_POST, "/echo/small", EVERYONE, .handler = echo, .body_max = 100),
    NILO_ROUTE(NILO_POST, "/echo/large", EVERYONE, .handler = echo, .body_max = 16 << 20),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/instant", EVERYONE, .instant = small),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/worker", EVERYONE, .handler = small),
    NILO_ROUTE(NILO_GET, "/maybe", EVERYONE, .instant = maybe, .handler = later),
    NILO_ROUTE(NILO_GET, "/a/{one}/b/{two}", EVERYONE, .instant = segments),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/big", EVERYONE, .handler = big),
    NILO_ROUTE(NILO_GET, "/raw", EVERYONE, .handler = big),
    NILO_ROUTE(NILO_GET | NILO_HEAD, "/known", EVERYONE, .handler = big),
    NILO_ROUTE(NILO_GET, "/gate", EVERYONE, .handler = gate),
    NILO_ROUTE(NILO_GET, "/gate/long", EVERYONE, .instant = gate_for_long, .handler = gate),
    NILO_ROUTE(NILO_GET, "/gate/patient", EVERYONE, .handler = gate, .deadline_us = 1800 * NILO_US_SECOND),
    NILO_ROUTE(NILO_GET, "/log/{word}", EVERYONE, .handler = log_word),
    NILO_ROUTE(NILO_GET, "/long/gate", EVERYONE, .handler = long_gate),
    NILO_ROUTE(NILO_GET, "/long/big", EVERYONE, .handler = long_big),
    NILO_ROUTE(NILO_GET, "/long/log/{word}", EVERYONE, .handler = long_log),
    NILO_ROUTE(NILO_GET | NILO_HEAD | NILO_POST, "/etag", EVERYONE, .instant = etag),
    NILO_ROUTE(NILO_GET, "/fails", EVERYONE, .handler = fails),
    NILO_ROUTE(NILO_GET, "/fails/late", EVERYONE, .handler = fails_late),
    NILO_ROUTE(NILO_GET, "/fails/short", EVERYONE, .handler = announces_wrongly),
    NILO_ROUTE(NILO_GET | NILO_DELETE, "/nothing", EVERYONE, .instant = nothing),
    NILO_ROUTE(NILO_GET, "/address", EVERYONE, .instant = address),
    NILO_ROUTE(NILO_GET, "/header", EVERYONE, .instant = header),
    NILO_ROUTE(NILO_GET, "/events", EVERYONE, .handler = events, .deadline_us = NILO_NO_DEADLINE),
    NILO_ROUTE(NILO_GET, "/events/instant", EVERYONE, .instant = events, .deadline_us = NILO_NO_DEADLINE),
    NILO_ROUTE(NILO_GET, "/breaks", EVERYONE, .handler = breaks),
    NILO_ROUTE(NILO_GET | NILO_POST, "/admin", ADMIN, .handler = echo),
};
const size_t world_routes_n = sizeof(world_routes) / sizeof(world_routes[0]);

/* ---- the server ------------------------------------------------------------------------------------------------------------------------ */

static nilo_us wall(void *ctx)
{
    (void)ctx;
    return INT64_C(784111777) * NILO_US_SECOND; /* Sun, 06 Nov 1994 08:49:37 GMT */
}
static nilo_us mono(void *ctx)
{
    return atomic_load(&((struct world *)ctx)->mono);
}

static int worker_new(void *ctx, int worker, void **ret, struct nilo_err *err)
{
    struct world *w = ctx;
    (void)worker;
    if (atomic_load(&w->worker_fails))
        return nilo_err_set(err, NILO_ESTORE, "no store here");
    atomic_fetch_add(&w->workers_made, 1);
    *ret = w;
    return 0;
}
static void worker_free(void *ctx, void *worker)
{
    struct world *w = ctx;
    assert_ptr_equal(worker, w);
    atomic_fetch_add(&w->workers_freed, 1);
}
static void over(void *ctx, const struct nilo_exchange *x, int status, int64_t bytes, nilo_us took)
{
    (void)x, (void)status, (void)bytes, (void)took;
    atomic_fetch_add(&((struct world *)ctx)->over, 1);
}

void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    atomic_init(&w->mono, 1000 * NILO_US_SECOND);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->moved, NULL);
    w->env.clock = (struct nilo_clock){wall, mono, NULL, w};
    w->listen[0].address = "127.0.0.1:0";
    w->config = (struct nilo_server_config){
        .env = &w->env,
        .routes = world_routes,
        .n_routes = world_routes_n,
        .hooks = {.ctx = w, .worker_new = worker_new, .worker_free = worker_free, .over = over},
        .limits = {.loops = 1, .workers = 2, .tick_us = 10000, .deadline_us = 30 * NILO_US_SECOND},
        .listen = w->listen,
        .n_listen = 1,
    };
}

void world_start(struct world *w)
{
    struct nilo_err err = {0};
    if (nilo_server_new(&w->config, &w->server, &err) != 0 || nilo_server_start(w->server, &err) != 0)
        fail_msg("%s", err.msg);
}

void world_stop(struct world *w)
{
    world_gate(w, true);
    assert_true(nilo_server_drain(w->server, 0) >= 0);
    if (w->close_before && w->stream != NULL)
        nilo_stream_close(w->stream);
    nilo_server_free(w->server);
    assert_int_equal(atomic_load(&w->workers_made), atomic_load(&w->workers_freed));
    pthread_mutex_destroy(&w->mutex);
    pthread_cond_destroy(&w->moved);
}

void world_advance(struct world *w, nilo_us span)
{
    atomic_fetch_add(&w->mono, span);
    nilo_server_kick(w->server);
}

void world_gate(struct world *w, bool open)
{
    pthread_mutex_lock(&w->mutex);
    w->open = open;
    pthread_mutex_unlock(&w->mutex);
}

void world_wait_at_gate(struct world *w, int n)
{
    pthread_mutex_lock(&w->mutex);
    while (w->at_gate != n) {
        pthread_mutex_unlock(&w->mutex);
        world_moment();
        pthread_mutex_lock(&w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
}

struct nilo_server_counts world_counts(struct world *w)
{
    struct nilo_server_counts c;
    nilo_server_counts(w->server, &c);
    return c;
}

/* ---- the client --------------------------------------------------------------------------------------------------------------------------- */

int client_try(struct client *c, const char *address)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_un local;
    } to;
    memset(&to, 0, sizeof(to));
    bool local = strncmp(address, "unix:", 5) == 0;
    if (local) {
        to.local.sun_family = AF_UNIX;
        snprintf(to.local.sun_path, sizeof(to.local.sun_path), "%s", address + 5);
    } else {
        char host[64];
        const char *colon = strrchr(address, ':');
        snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
        to.v4.sin_family = AF_INET;
        to.v4.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
        assert_int_equal(inet_pton(AF_INET, host, &to.v4.sin_addr), 1);
    }
    const struct timeval patience = {20, 0};
    memset(c, 0, sizeof(*c));
    nilo_buf_init(&c->in, 64u << 20);
    c->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(c->fd, &to.any, local ? sizeof(to.local) : sizeof(to.v4)) == 0)
        return 0;
    int why = errno;
    client_close(c);
    return why;
}

void client_open_at(struct client *c, const char *where)
{
    assert_int_equal(client_try(c, where), 0);
}

void client_open(struct client *c, struct world *w)
{
    client_open_at(c, nilo_server_address(w->server, 0));
}

void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    nilo_buf_done(&c->in);
}

void client_reset(struct client *c)
{
    const struct linger hard = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    client_close(c);
}

void client_send_n(struct client *c, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t sent = send(c->fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* closed by the server: the answer says why */
        at += sent;
        n -= (size_t)sent;
    }
}

void client_send(struct client *c, const char *text)
{
    client_send_n(c, text, strlen(text));
}

/* false at the end */
static bool receive(struct client *c)
{
    char bytes[65536];
    ssize_t n = c->eof ? 0 : recv(c->fd, bytes, sizeof(bytes), 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail_msg("nothing came in 20 s");
    c->eof = n <= 0;
    if (n > 0)
        nilo_buf_add(&c->in, bytes, (size_t)n);
    return n > 0;
}

static void drop(struct client *c, size_t n)
{
    memmove(c->in.data, c->in.data + n, c->in.len - n + 1);
    c->in.len -= n;
}

/* Takes n bytes over; false: the end came before */
static bool take(struct client *c, size_t n, struct nilo_buf *to)
{
    while (c->in.len < n) {
        if (!receive(c))
            return false;
    }
    nilo_buf_add(to, c->in.data, n);
    drop(c, n);
    return true;
}

static bool take_chunks(struct client *c, struct nilo_buf *to)
{
    for (;;) {
        const char *end;
        while (c->in.len == 0 || (end = strstr(c->in.data, "\r\n")) == NULL) {
            if (!receive(c))
                return false;
        }
        size_t n = strtoul(c->in.data, NULL, 16);
        struct nilo_buf tail;
        nilo_buf_init(&tail, 16);
        drop(c, (size_t)(end + 2 - c->in.data));
        bool fine = take(c, n, to) && take(c, 2, &tail) && memcmp(tail.data, "\r\n", 2) == 0;
        nilo_buf_done(&tail);
        if (!fine || n == 0)
            return fine;
    }
}

const char *answer_header(const struct answer *a, const char *name, char out[256])
{
    for (const char *line = strstr(a->head.data, "\r\n"); line != NULL && line[2] != '\0'; line = strstr(line + 2, "\r\n")) {
        size_t n = strlen(name);
        if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':') {
            snprintf(out, 256, "%.*s", (int)strcspn(line + 4 + n, "\r"), line + 4 + n);
            return out;
        }
    }
    return NULL;
}

bool client_answer(struct client *c, struct answer *a, bool bodiless)
{
    char text[256];
    const char *end;
    memset(a, 0, sizeof(*a));
    nilo_buf_init(&a->head, 1 << 20);
    nilo_buf_init(&a->body, 64u << 20);
    while (c->in.len == 0 || (end = strstr(c->in.data, "\r\n\r\n")) == NULL) {
        if (!receive(c))
            return false;
    }
    take(c, (size_t)(end + 4 - c->in.data), &a->head);
    assert_int_equal(strncmp(a->head.data, "HTTP/1.1 ", 9), 0);
    a->status = (int)strtol(a->head.data + 9, NULL, 10);
    a->whole = true;
    if (bodiless || a->status == 204 || a->status == 304 || a->status == 100)
        return true;
    if (answer_header(a, "Content-Length", text) != NULL) {
        size_t want = strtoul(text, NULL, 10);
        a->whole = take(c, want, &a->body);
        if (!a->whole)
            take(c, c->in.len, &a->body);
    } else if (answer_header(a, "Transfer-Encoding", text) != NULL) {
        assert_string_equal(text, "chunked");
        a->whole = take_chunks(c, &a->body);
    } else {
        while (receive(c))
            ;
        take(c, c->in.len, &a->body);
    }
    return true;
}

void answer_done(struct answer *a)
{
    nilo_buf_done(&a->head);
    nilo_buf_done(&a->body);
}

const char *client_ask(struct client *c, const char *request, int status)
{
    static char body[65536];
    struct answer a;
    client_send(c, request);
    if (!client_answer(c, &a, strncmp(request, "HEAD ", 5) == 0))
        fail_msg("no answer to %s", request);
    if (a.status != status)
        fail_msg("%d instead of %d for %s: %s", a.status, status, request, nilo_buf_str(&a.body));
    snprintf(body, sizeof(body), "%s", nilo_buf_str(&a.body));
    answer_done(&a);
    return body;
}

bool client_ended(struct client *c)
{
    while (c->in.len == 0 && receive(c))
        ;
    return c->in.len == 0;
}
