/* See front.h. One thread, libevent's buffers; heads and chunks are read by the program's own strict parser. */
#include "emulator/program/front.h"

#include "api/http_chunk.h"
#include "api/http_head.h"
#include "base/day.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX (1 << 20)

struct emulator_front {
    struct emulator *em;
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *term, *interrupt, *parent;
    struct nilo_env env;
    int port;
    nilo_us virtual_at, mono_at; /* the virtual clock stood there when the monotonic one stood so */
    int64_t speed;
    int64_t in_flight, in_flight_highest, connections, connections_highest;
    struct conn *first;
};

struct conn {
    struct emulator_front *f;
    struct conn *next, **link;
    struct bufferevent *be;
    struct event *timer;
    struct nilo_http_parser head;
    struct nilo_http_chunks chunks;
    struct nilo_buf body;
    char *head_bytes; /* while a request is read and answered */
    bool have_head, answering, closing, keep;
    struct emulator_response res;
    bool have_res;
    size_t dripped;
    struct nilo_buf wire; /* what is being dripped */
};

static nilo_us mono(struct emulator_front *f)
{
    return f->env.clock.mono(f->env.clock.ctx);
}

static nilo_us virtual_now(struct emulator_front *f)
{
    return f->virtual_at + (mono(f) - f->mono_at) / 100 * f->speed;
}

void emulator_front_time(struct emulator_front *f, nilo_us at, int64_t speed_percent)
{
    f->virtual_at = at;
    f->mono_at = mono(f);
    f->speed = speed_percent;
}

static void conn_free(struct conn *c)
{
    if (c->answering)
        c->f->in_flight--;
    c->f->connections--;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    if (c->timer)
        event_free(c->timer);
    if (c->have_res)
        emulator_response_done(&c->res);
    nilo_buf_done(&c->wire);
    nilo_buf_done(&c->body);
    free(c->head_bytes);
    bufferevent_free(c->be);
    free(c);
}

static void reset(struct conn *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(bufferevent_getfd(c->be), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    conn_free(c);
}

static void read_request(struct conn *c);

/* ---- the wire ---------------------------------------------------------------------------------------------------------------------------- */

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Status";
    }
}

static void put_head(struct evbuffer *out, const struct emulator_response *res, int64_t length, bool chunked, bool keep)
{
    evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", res->status, reason(res->status));
    evbuffer_add(out, res->head.data ? res->head.data : "", res->head.len);
    if (chunked)
        evbuffer_add_printf(out, "Transfer-Encoding: chunked\r\n");
    else if (res->status != 304)
        evbuffer_add_printf(out, "Content-Length: %lld\r\n", (long long)length);
    evbuffer_add_printf(out, "Server: emulator\r\n%s\r\n", keep ? "" : "Connection: close\r\n");
}

static void request_over(struct conn *c)
{
    c->f->in_flight -= c->answering;
    c->answering = false;
    if (c->have_res)
        emulator_response_done(&c->res);
    c->have_res = false;
    free(c->head_bytes);
    c->head_bytes = NULL;
    c->have_head = false;
    nilo_buf_reset(&c->body);
}

/* Everything is in the buffer: close when it is out. */
static void last_words(struct conn *c)
{
    c->closing = true;
    bufferevent_disable(c->be, EV_READ);
    if (evbuffer_get_length(bufferevent_get_output(c->be)) == 0)
        conn_free(c);
}

static void reset_when_sent(struct bufferevent *be, void *ctx)
{
    (void)be;
    reset(ctx);
}

static void again_in(struct conn *c, int64_t us)
{
    struct timeval tv = {.tv_sec = us / NILO_US_SECOND, .tv_usec = us % NILO_US_SECOND};
    event_add(c->timer, &tv);
}

static void drip(struct conn *c)
{
    if (c->dripped == c->wire.len) {
        last_words(c);
        return;
    }
    bufferevent_write(c->be, c->wire.data + c->dripped++, 1);
    again_in(c, c->res.drip_us);
}

/* Without end: another 64 KiB whenever the last ones have gone. */
static void more_without_end(struct bufferevent *be, void *ctx)
{
    struct conn *c = ctx;
    static char block[65536];
    struct evbuffer *out = bufferevent_get_output(be);
    if (!block[0])
        memset(block, ' ', sizeof block);
    if (c->res.wire == EMULATOR_WIRE_ENDLESS) {
        evbuffer_add_printf(out, "%zx\r\n", sizeof block);
        evbuffer_add_reference(out, block, sizeof block, NULL, NULL);
        evbuffer_add(out, "\r\n", 2);
    } else {
        for (int i = 0; i < 500; i++)
            evbuffer_add_printf(out, "X-Filler-%d: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", i);
    }
}

static void on_read(struct bufferevent *be, void *ctx);
static void on_written(struct bufferevent *be, void *ctx);
static void on_event(struct bufferevent *be, short what, void *ctx);

static void misbehave(struct conn *c)
{
    struct emulator_response *res = &c->res;
    struct evbuffer *out = bufferevent_get_output(c->be), *whole;
    size_t half = res->body.len / 2, n;
    const char *body = nilo_buf_str(&res->body);
    switch (res->wire) {
    case EMULATOR_WIRE_RESET:
        reset(c);
        return;
    case EMULATOR_WIRE_STALL:
        return;
    case EMULATOR_WIRE_RESET_MIDDLE:
    case EMULATOR_WIRE_STALL_MIDDLE:
    case EMULATOR_WIRE_CUT:
        put_head(out, res, (int64_t)res->body.len, false, false);
        evbuffer_add(out, body, half);
        if (res->wire == EMULATOR_WIRE_RESET_MIDDLE)
            bufferevent_setcb(c->be, on_read, reset_when_sent, on_event, c);
        else if (res->wire == EMULATOR_WIRE_CUT)
            last_words(c);
        return;
    case EMULATOR_WIRE_DRIP:
    case EMULATOR_WIRE_DRIP_HEAD:
        whole = evbuffer_new();
        put_head(whole, res, (int64_t)res->body.len, false, false);
        n = evbuffer_get_length(whole);
        nilo_buf_add(&c->wire, evbuffer_pullup(whole, -1), n);
        nilo_buf_add(&c->wire, body, res->body.len);
        evbuffer_free(whole);
        if (res->wire == EMULATOR_WIRE_DRIP) {
            bufferevent_write(c->be, c->wire.data, n);
            c->dripped = n;
        }
        drip(c);
        return;
    case EMULATOR_WIRE_HEADERS:
        evbuffer_add_printf(out, "HTTP/1.1 200 OK\r\n");
        bufferevent_setcb(c->be, on_read, more_without_end, on_event, c);
        return;
    case EMULATOR_WIRE_ENDLESS:
        put_head(out, res, 0, true, false);
        evbuffer_add_printf(out, "%zx\r\n%s\r\n", res->body.len, body);
        bufferevent_setcb(c->be, on_read, more_without_end, on_event, c);
        return;
    case EMULATOR_WIRE_LENGTH_LONG:
        put_head(out, res, (int64_t)res->body.len + 1000, false, false);
        evbuffer_add(out, body, res->body.len);
        break;
    case EMULATOR_WIRE_LENGTH_SHORT:
        put_head(out, res, (int64_t)half, false, true);
        evbuffer_add(out, body, res->body.len);
        break;
    case EMULATOR_WIRE_BAD_CHUNK:
        put_head(out, res, 0, true, false);
        evbuffer_add_printf(out, "zz\r\n%s\r\n0\r\n\r\n", body);
        break;
    case EMULATOR_WIRE_NOT_HTTP:
        evbuffer_add_printf(out, "SSH-2.0-OpenSSH_9.2p1\r\n");
        break;
    case EMULATOR_WIRE_PLAIN:
        break;
    }
    last_words(c);
}

/* The latency is over: the answer goes out. */
static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *c = ctx;
    (void)fd;
    (void)what;
    if (c->wire.len) {
        drip(c);
        return;
    }
    if (c->res.wire != EMULATOR_WIRE_PLAIN) {
        misbehave(c);
        return;
    }
    struct evbuffer *out = bufferevent_get_output(c->be);
    bool is_head = c->head.head.method == NILO_HEAD;
    put_head(out, &c->res, (int64_t)c->res.body.len, false, c->keep);
    if (c->res.status != 304 && !is_head)
        evbuffer_add(out, nilo_buf_str(&c->res.body), c->res.body.len);
    request_over(c);
    if (c->keep)
        read_request(c);
    else
        last_words(c);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------------- */

/* /_emulator/time?set=2026-11-21T00:00:00Z&advance_s=60&speed=0 and /_emulator/wire: what only this front knows. */
static bool own_control(struct conn *c, const char *target)
{
    struct emulator_front *f = c->f;
    char text[NILO_US_TEXT], value[64];
    bool time = strncmp(target, "/_emulator/time", 15) == 0;
    if (!time && strncmp(target, "/_emulator/wire", 15) != 0)
        return false;
    c->res = (struct emulator_response){.status = 200};
    c->have_res = true;
    nilo_buf_init(&c->res.head, 4096);
    nilo_buf_init(&c->res.body, 4096);
    nilo_buf_adds(&c->res.head, "Content-Type: application/json\r\n");
    if (!time) {
        nilo_buf_addf(&c->res.body, "{\"in_flight\":%lld,\"highest_in_flight\":%lld,\"connections\":%lld,\"highest_connections\":%lld}", (long long)f->in_flight - 1,
                      (long long)f->in_flight_highest, (long long)f->connections, (long long)f->connections_highest);
        f->in_flight_highest = f->in_flight - 1;
        f->connections_highest = f->connections;
        return true;
    }
    nilo_us at = virtual_now(f);
    int64_t speed = f->speed;
    for (const char *s = strchr(target, '?'); s; s = strchr(s, '&')) {
        s++;
        size_t n = strcspn(s, "=&"), len = s[n] == '=' ? strcspn(s + n + 1, "&") : 0;
        snprintf(value, sizeof value, "%.*s", (int)len, s + n + 1);
        struct nilo_iso iso;
        struct nilo_err err;
        if (n == 3 && memcmp(s, "set", 3) == 0 && nilo_iso_parse(value, strlen(value), &iso, &err) == 0)
            at = iso.us;
        else if (n == 9 && memcmp(s, "advance_s", 9) == 0)
            at += strtoll(value, NULL, 10) * NILO_US_SECOND;
        else if (n == 5 && memcmp(s, "speed", 5) == 0)
            speed = strtoll(value, NULL, 10);
        else
            c->res.status = 400;
    }
    if (c->res.status == 200)
        emulator_front_time(f, at, speed);
    nilo_us_format(virtual_now(f), text);
    nilo_buf_addf(&c->res.body, "{\"now\":\"%s\",\"now_us\":%lld,\"speed\":%lld}", text, (long long)virtual_now(f), (long long)f->speed);
    return true;
}

static void answer(struct conn *c)
{
    struct nilo_http_head *h = &c->head.head;
    struct emulator_header headers[NILO_HTTP_HEADERS_MAX];
    const struct nilo_http_line *host = nilo_http_find(h, c->head_bytes, "host", 0);
    char *target;
    int n = 0;
    c->answering = true;
    c->keep = h->keep_alive;
    if (++c->f->in_flight > c->f->in_flight_highest)
        c->f->in_flight_highest = c->f->in_flight;
    for (int i = 0; i < h->n_headers; i++, n++) { /* the head is ours now: its parts become strings in place */
        char *name = c->head_bytes + h->headers[i].name.at, *value = c->head_bytes + h->headers[i].value.at;
        name[h->headers[i].name.n] = 0;
        value[h->headers[i].value.n] = 0;
        headers[n] = (struct emulator_header){name, value};
    }
    target = c->head_bytes + h->path.at;
    target[h->path.n + (h->has_query ? h->query.n + 1u : 0u)] = 0;
    if (!own_control(c, target)) {
        struct emulator_request req = {.method = nilo_method_name(h->method), .host = host ? c->head_bytes + host->value.at : NULL, .target = target,
                                       .headers = headers, .headers_n = (size_t)n, .body = c->body.data, .body_len = c->body.len};
        emulator_answer(c->f->em, virtual_now(c->f), &req, &c->res);
        c->have_res = true;
    }
    c->dripped = 0;
    nilo_buf_reset(&c->wire);
    again_in(c, c->res.delay_us);
}

static void bad_request(struct conn *c, enum nilo_http_reason why)
{
    evbuffer_add_printf(bufferevent_get_output(c->be), "HTTP/1.1 %d Bad\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n", nilo_http_reason_status(why),
                        strlen(nilo_http_reason_text(why)) + 1, nilo_http_reason_text(why));
    last_words(c);
}

/* 1: whole, 0: more is needed, -1: the connection is gone or going. */
static int read_body(struct conn *c, struct evbuffer *in)
{
    struct nilo_http_head *h = &c->head.head;
    if (!h->chunked) {
        size_t want = h->content_length > 0 ? (size_t)h->content_length : 0, have = evbuffer_get_length(in);
        if (want > BODY_MAX) {
            bad_request(c, NILO_HTTP_BODY_LONG);
            return -1;
        }
        if (have < want)
            return 0;
        if (want)
            nilo_buf_add(&c->body, evbuffer_pullup(in, (ssize_t)want), want);
        evbuffer_drain(in, want);
        return 1;
    }
    while (evbuffer_get_length(in)) {
        size_t n = evbuffer_get_length(in), used, data_n;
        const char *data;
        enum nilo_http_step step = nilo_http_chunks_next(&c->chunks, (const char *)evbuffer_pullup(in, -1), n, &used, &data, &data_n);
        if (step == NILO_HTTP_BAD) {
            bad_request(c, c->chunks.reason);
            return -1;
        }
        nilo_buf_add(&c->body, data, data_n);
        evbuffer_drain(in, used);
        if (step == NILO_HTTP_DONE)
            return 1;
        if (used == 0)
            return 0;
    }
    return 0;
}

static void read_request(struct conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->be);
    if (c->answering || c->closing)
        return;
    if (!c->have_head) {
        size_t n = evbuffer_get_length(in);
        if (n == 0)
            return;
        nilo_http_parser_start(&c->head, NILO_HTTP_HEAD_CEILING, 0);
        const char *bytes = (const char *)evbuffer_pullup(in, -1);
        enum nilo_http_step step = nilo_http_parse(&c->head, bytes, n);
        if (step == NILO_HTTP_MORE)
            return;
        if (step == NILO_HTTP_BAD) {
            bad_request(c, c->head.reason);
            return;
        }
        c->head_bytes = malloc(c->head.head.size + 1u);
        if (!c->head_bytes) {
            conn_free(c);
            return;
        }
        memcpy(c->head_bytes, bytes, c->head.head.size);
        c->head_bytes[c->head.head.size] = 0;
        evbuffer_drain(in, c->head.head.size);
        c->have_head = true;
        nilo_http_chunks_start(&c->chunks, BODY_MAX);
        if (c->head.head.expect_continue)
            evbuffer_add_printf(bufferevent_get_output(c->be), "HTTP/1.1 100 Continue\r\n\r\n");
    }
    if (read_body(c, in) == 1)
        answer(c);
}

static void on_read(struct bufferevent *be, void *ctx)
{
    (void)be;
    read_request(ctx);
}

static void on_written(struct bufferevent *be, void *ctx)
{
    struct conn *c = ctx;
    (void)be;
    if (c->closing)
        conn_free(c);
}

static void on_event(struct bufferevent *be, short what, void *ctx)
{
    (void)be;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        conn_free(ctx);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *ctx)
{
    struct emulator_front *f = ctx;
    struct conn *c = calloc(1, sizeof *c);
    int one = 1;
    (void)l;
    (void)from;
    (void)len;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!c || !(c->be = bufferevent_socket_new(f->base, fd, BEV_OPT_CLOSE_ON_FREE))) {
        free(c);
        close(fd);
        return;
    }
    c->f = f;
    c->next = f->first;
    c->link = &f->first;
    if (c->next)
        c->next->link = &c->next;
    f->first = c;
    nilo_buf_init(&c->body, BODY_MAX);
    nilo_buf_init(&c->wire, (size_t)64 << 20);
    c->timer = event_new(f->base, -1, 0, on_timer, c);
    if (++f->connections > f->connections_highest)
        f->connections_highest = f->connections;
    bufferevent_setcb(c->be, on_read, on_written, on_event, c);
    bufferevent_enable(c->be, EV_READ | EV_WRITE);
}

/* ---- the loop --------------------------------------------------------------------------------------------------------------------------------- */

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
    struct emulator_front *f = ctx;
    char bytes[64];
    if (what & EV_READ && read(fd, bytes, sizeof bytes) > 0)
        return;
    event_base_loopbreak(f->base);
}

int emulator_front_new(struct emulator *em, int port, int until_eof, struct emulator_front **ret, struct nilo_err *err)
{
    struct emulator_front *f = calloc(1, sizeof *f);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    if (!f)
        return nilo_err_nomem(err);
    f->em = em;
    if (nilo_env_system(&f->env, err) != 0) {
        free(f);
        return -1;
    }
    emulator_front_time(f, f->env.clock.wall(f->env.clock.ctx), 100);
    signal(SIGPIPE, SIG_IGN);
    f->base = event_base_new();
    if (f->base)
        f->listener = evconnlistener_new_bind(f->base, on_accept, f, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 1024,
                                              (struct sockaddr *)&a, sizeof a);
    if (!f->listener || getsockname(evconnlistener_get_fd(f->listener), (struct sockaddr *)&a, &len) != 0) {
        nilo_err_sys(err, NILO_EIO, "cannot listen on 127.0.0.1:%d", port);
        emulator_front_free(f);
        return -1;
    }
    f->port = ntohs(a.sin_port);
    f->term = evsignal_new(f->base, SIGTERM, on_stop, f);
    f->interrupt = evsignal_new(f->base, SIGINT, on_stop, f);
    event_add(f->term, NULL);
    event_add(f->interrupt, NULL);
    if (until_eof >= 0) {
        f->parent = event_new(f->base, until_eof, EV_READ | EV_PERSIST, on_stop, f);
        event_add(f->parent, NULL);
    }
    *ret = f;
    return 0;
}

int emulator_front_port(const struct emulator_front *f)
{
    return f->port;
}

int emulator_front_run(struct emulator_front *f)
{
    return event_base_dispatch(f->base) < 0 ? -1 : 0;
}

void emulator_front_free(struct emulator_front *f)
{
    if (!f)
        return;
    while (f->first)
        conn_free(f->first);
    if (f->listener)
        evconnlistener_free(f->listener);
    if (f->term)
        event_free(f->term);
    if (f->interrupt)
        event_free(f->interrupt);
    if (f->parent)
        event_free(f->parent);
    if (f->base)
        event_base_free(f->base);
    free(f);
}
