/* A connection: reads heads and bodies, hands requests on one at a time and in order, writes answers, and ends at its deadlines.
 *
 *     HEAD -> BODY -> BUSY -> HEAD ...            (kept)
 *                       \---> FLUSH -> LINGER     (the last answer, or a refusal)
 *
 * Requests that were sent ahead wait in the input buffer, which takes 128 KiB and then no more; after each answer others get their turn before
 * the next one is looked at. The last answer is followed by a half-close and a short wait: closing at once, with bytes unread, would make the
 * kernel throw the answer away. */
#include "api/loop_priv.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX 131072u
#define OUTPUT_MAX 131072u
#define OUTPUT_LOW 65536u
#define STREAM_OUTPUT_MAX 16384u
#define REQUESTS_AT_ONCE 8

static struct evbuffer *input(struct nilo__conn *c)
{
    return bufferevent_get_input(c->bev);
}
static size_t unsent(struct nilo__conn *c)
{
    return evbuffer_get_length(bufferevent_get_output(c->bev));
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------------- */

/* What the kernel takes at once goes past libevent's buffers: that saves two system calls an answer. Returns how much it took. */
static size_t send_now(struct nilo__conn *c, const char *p, size_t n)
{
    if (c->tls || unsent(c) > 0)
        return 0;
    ssize_t sent = send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? (size_t)sent : 0; /* errors are met again by libevent, which tells on_event() */
}

static void write_bytes(struct nilo__conn *c, const char *p, size_t n)
{
    size_t done = send_now(c, p, n);
    if (done < n)
        bufferevent_write(c->bev, p + done, n - done);
    nilo__count(&c->loop->server->counts.bytes_out, (int64_t)n);
    c->sent += (int64_t)n;
}

static void free_piece(const void *data, size_t n, void *piece)
{
    (void)data, (void)n;
    free(piece);
}

static void write_piece(struct nilo__conn *c, struct nilo__piece *p)
{
    size_t n = p->n, done = send_now(c, p->data, n);
    nilo__count(&c->loop->server->counts.bytes_out, (int64_t)n);
    c->sent += (int64_t)n;
    if (done == n || evbuffer_add_reference(bufferevent_get_output(c->bev), p->data + done, n - done, free_piece, p) != 0)
        free(p);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------------ */

static void release_body(struct nilo__conn *c)
{
    nilo__count(&c->loop->server->counts.bodies_now, -c->body_counted);
    c->body_counted = 0;
}

/* The request is done with, one way or the other. */
static void let_go(struct nilo__conn *c, int status)
{
    struct nilo_exchange *x = c->x;
    struct nilo_server *s = c->loop->server;
    release_body(c);
    if (x == NULL)
        return;
    if (s->hooks.over != NULL)
        s->hooks.over(s->hooks.ctx, x, status, c->sent, nilo__now(s) - x->begun);
    c->x = NULL;
    x->conn = NULL;
    nilo__exchange_unref(x);
}

/* The memory goes with nilo__conn_reap(), at the end of whatever is going on: until then the state says that it is dead. */
void nilo__conn_close(struct nilo__conn *c)
{
    struct nilo__loop *l = c->loop;
    struct nilo_server *s = l->server;
    if (c->state == NILO__DEAD)
        return;
    if (c->x != NULL) {
        bool clean = nilo__exchange_stop(c->x, NILO_ECANCELLED);
        let_go(c, clean ? 0 : c->x->status);
    }
    release_body(c);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        l->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    l->n_conns--;
    nilo__count(&s->counts.connections_open, -1);
    if (c->counted)
        nilo__peers_give(s->peers, &c->key);
    bufferevent_free(c->bev); /* closes the socket */
    c->bev = NULL;
    c->state = NILO__DEAD;
    c->next = l->dead;
    l->dead = c;
    if (l->draining && l->conns == NULL)
        nilo__loop_wake(l);
}

void nilo__conn_reap(struct nilo__loop *l)
{
    while (l->dead != NULL) {
        struct nilo__conn *c = l->dead;
        l->dead = c->next;
        free(c);
    }
}

/* Everything is out: we will send no more, and wait until the other side has read it. */
static void flushed(struct nilo__conn *c)
{
    if (c->eof) {
        nilo__conn_close(c);
        return;
    }
    if (c->tls)
        nilo__tls_bye(bufferevent_openssl_get_ssl(c->bev));
    shutdown(c->fd, SHUT_WR);
    c->state = NILO__LINGER;
    c->since = nilo__now(c->loop->server);
    evbuffer_drain(input(c), evbuffer_get_length(input(c)));
    bufferevent_enable(c->bev, EV_READ);
}

static void close_soon(struct nilo__conn *c)
{
    c->state = NILO__FLUSH;
    c->moved = nilo__now(c->loop->server);
    if (unsent(c) == 0)
        flushed(c);
}

/* A refusal without an exchange. */
static void refuse(struct nilo__conn *c, int status, const char *code, const char *text, const char *extra)
{
    struct nilo_buf out;
    struct nilo_server *s = c->loop->server;
    nilo_buf_init(&out, 8192);
    nilo__plain_error(&out, s->env, status, code, text, extra);
    if (c->x != NULL)
        let_go(c, status);
    nilo__count(status < 500 ? &s->counts.answers_4xx : &s->counts.answers_5xx, 1);
    write_bytes(c, out.data, out.len);
    nilo_buf_done(&out);
    close_soon(c);
}

static void refuse_for(struct nilo__conn *c, enum nilo_http_reason r)
{
    nilo__count(&c->loop->server->counts.requests_bad, 1);
    refuse(c, nilo_http_reason_status(r), nilo_http_reason_code(r), nilo_http_reason_text(r),
           r == NILO_HTTP_METHOD_UNKNOWN ? "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n" : "");
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------------------ */

/* The answer is out, or in the buffer as a whole. */
static void answered(struct nilo__conn *c)
{
    bool keep = c->x->keep_alive;
    nilo_us now = nilo__now(c->loop->server);
    let_go(c, c->x->status);
    if (!keep) {
        close_soon(c);
        return;
    }
    c->state = NILO__HEAD;
    c->fresh = false;
    c->first = 0;
    c->since = now;
}

/* Moves pieces from the handler's queue to the connection while there is room. */
static void pump(struct nilo__conn *c)
{
    struct nilo_exchange *x = c->x;
    for (;;) {
        struct nilo__piece *p = NULL;
        pthread_mutex_lock(&x->mutex);
        bool stream = x->stream != NULL, over = x->over;
        bool broken = x->broken || (stream && c->eof); /* nobody listens any more */
        if (!broken && unsent(c) < (stream ? STREAM_OUTPUT_MAX : OUTPUT_MAX) && x->first != NULL) {
            p = x->first;
            x->first = p->next;
            x->queued -= p->n;
            pthread_cond_signal(&x->room);
        }
        bool empty = x->first == NULL;
        pthread_mutex_unlock(&x->mutex);
        if (broken) {
            nilo__conn_close(c);
            return;
        }
        if (p == NULL) {
            atomic_store(&x->unsent, (int64_t)unsent(c));
            if (over && empty && unsent(c) == 0)
                answered(c);
            return;
        }
        c->moved = nilo__now(c->loop->server);
        write_piece(c, p);
    }
}

/* An answer that the loop made itself: it is in x already. */
static void finish_here(struct nilo__conn *c)
{
    struct nilo_exchange *x = c->x;
    x->news = true; /* nobody has to tell us */
    nilo__exchange_finish(x);
    x->news = false;
    c->state = NILO__BUSY;
    pump(c);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------------ */

static void overloaded(struct nilo__conn *c, const char *what)
{
    nilo_answer_error(c->x, 503, "53300", what, NULL, "try again");
    nilo_answer_header(c->x, "Retry-After", "1");
    finish_here(c);
}

/* Head and body are there. */
static void dispatch(struct nilo__conn *c)
{
    struct nilo_exchange *x = c->x;
    struct nilo_server *s = c->loop->server;
    int rc = NILO_LATER;
    c->state = NILO__BUSY;
    c->moved = nilo__now(s);
    c->left = 0;
    if (x->route->instant != NULL) {
        pthread_mutex_lock(&x->mutex);
        x->news = true;
        pthread_mutex_unlock(&x->mutex);
        rc = nilo__exchange_run(x, NULL);
        pthread_mutex_lock(&x->mutex);
        x->news = false;
        pthread_mutex_unlock(&x->mutex);
    }
    if (rc != NILO_LATER) {
        pump(c);
    } else if (nilo__pool_put(s, x) != NILO__PUT) {
        nilo__count(&s->counts.queue_full, 1);
        overloaded(c, "the server is busy: too many requests wait for an answer");
    }
}

/* Whole or in part, is there room for such a body? */
static bool room_for_body(struct nilo__conn *c, int64_t more)
{
    struct nilo_server *s = c->loop->server;
    return atomic_load_explicit(&s->counts.bodies_now, memory_order_relaxed) + more <= s->limits.bodies_total;
}

static void on_head(struct nilo__conn *c, const char *bytes)
{
    struct nilo_server *s = c->loop->server;
    const struct nilo_http_head *h = &c->parser.head;
    nilo__count(&s->counts.requests, 1);
    struct nilo_exchange *x = nilo__request_new(c, bytes);
    evbuffer_drain(input(c), h->size);
    if (x == NULL) {
        refuse(c, 503, "53200", "out of memory", "Retry-After: 1\r\n");
        return;
    }
    c->x = x;
    c->sent = 0;
    bool body = h->chunked || h->content_length > 0, go = nilo__request_route(x);
    if (go) {
        x->body_max = x->route->body_max != 0 ? x->route->body_max : s->limits.body_max;
        if (x->route->deadline_us != 0)
            x->deadline = x->route->deadline_us == NILO_NO_DEADLINE ? INT64_MAX : c->first + x->route->deadline_us;
        go = nilo__request_admit(x);
    }
    if (go && h->content_length > x->body_max) {
        nilo_answer_error(x, 413, "54000", nilo_http_reason_text(NILO_HTTP_BODY_LONG), NULL, NULL);
        go = false;
    }
    /* an answer before the body was read: what follows on the connection is no request */
    x->keep_alive = x->keep_alive && (go || !body);
    if (!go) {
        finish_here(c);
    } else if (!body) {
        dispatch(c);
    } else if (!room_for_body(c, h->content_length > 0 ? h->content_length : 0)) {
        x->keep_alive = false;
        overloaded(c, "the server is busy: too many request bodies are on their way");
    } else {
        c->state = NILO__BODY;
        nilo_http_chunks_start(&c->chunks, x->body_max);
        if (h->expect_continue && evbuffer_get_length(input(c)) == 0)
            write_bytes(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    }
}

/* Each of these reads on and returns true when there may be more to do. */
static bool read_head(struct nilo__conn *c)
{
    struct nilo_server *s = c->loop->server;
    size_t n = evbuffer_get_length(input(c));
    if (n == 0)
        return false;
    if (c->first == 0) {
        c->first = nilo__now(s);
        nilo_http_parser_start(&c->parser, (uint32_t)s->limits.head_max, (int)s->limits.headers_max);
    }
    n = n < (size_t)s->limits.head_max ? n : (size_t)s->limits.head_max;
    const char *bytes = (const char *)evbuffer_pullup(input(c), (ev_ssize_t)n);
    if (bytes == NULL) {
        nilo__conn_close(c);
        return false;
    }
    switch (nilo_http_parse(&c->parser, bytes, n)) {
    case NILO_HTTP_MORE:
        return false;
    case NILO_HTTP_BAD:
        refuse_for(c, c->parser.reason);
        return false;
    default:
        on_head(c, bytes);
        return true;
    }
}

/* false: refused */
static bool add_body(struct nilo__conn *c, const char *p, size_t n)
{
    if (!room_for_body(c, (int64_t)n)) {
        c->x->keep_alive = false;
        overloaded(c, "the server is busy: too many request bodies are on their way");
        return false;
    }
    c->body_counted += (int64_t)n;
    nilo__count(&c->loop->server->counts.bodies_now, (int64_t)n);
    if (nilo_buf_add(&c->x->body, p, n) == 0)
        return true;
    refuse(c, 503, "53200", "out of memory", "Retry-After: 1\r\n");
    return false;
}

static bool read_body(struct nilo__conn *c)
{
    struct nilo_exchange *x = c->x;
    struct evbuffer_iovec piece;
    while (c->state == NILO__BODY && evbuffer_peek(input(c), -1, NULL, &piece, 1) > 0) {
        size_t used, n;
        const char *data = piece.iov_base;
        enum nilo_http_step step = NILO_HTTP_MORE;
        if (x->head.chunked) {
            step = nilo_http_chunks_next(&c->chunks, piece.iov_base, piece.iov_len, &used, &data, &n);
        } else {
            size_t want = (size_t)x->head.content_length - x->body.len;
            used = n = piece.iov_len < want ? piece.iov_len : want;
        }
        if (step == NILO_HTTP_BAD) {
            refuse_for(c, c->chunks.reason);
            return false;
        }
        if (!add_body(c, data, n))
            return false;
        evbuffer_drain(input(c), used);
        if (step == NILO_HTTP_DONE || (!x->head.chunked && (int64_t)x->body.len == x->head.content_length))
            dispatch(c);
    }
    return c->state != NILO__BODY;
}

static void advance(struct nilo__conn *c)
{
    bool more = true;
    for (int i = 0; more && i < REQUESTS_AT_ONCE && (c->state == NILO__HEAD || c->state == NILO__BODY); i++)
        more = c->state == NILO__HEAD ? read_head(c) : read_body(c);
    if (c->state != NILO__HEAD && c->state != NILO__BODY)
        return;
    if (more)
        bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS); /* others first */
    else if (c->eof)
        nilo__conn_close(c);
}

static bool streaming(struct nilo_exchange *x)
{
    pthread_mutex_lock(&x->mutex);
    bool is = x->stream != NULL;
    pthread_mutex_unlock(&x->mutex);
    return is;
}

/* ---- what libevent tells ------------------------------------------------------------------------------------------------------------------------ */

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct nilo__conn *c = arg;
    struct nilo__loop *l = c->loop;
    if (c->state == NILO__FLUSH || c->state == NILO__LINGER)
        evbuffer_drain(input(c), evbuffer_get_length(input(c)));
    else if (c->state != NILO__DEAD)
        advance(c);
    nilo__conn_reap(l);
}

static void on_write(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct nilo__conn *c = arg;
    struct nilo__loop *l = c->loop;
    if (c->state == NILO__BUSY) {
        c->moved = nilo__now(l->server);
        pump(c);
        if (c->state == NILO__HEAD)
            advance(c);
    } else if (c->state == NILO__FLUSH && unsent(c) == 0) {
        flushed(c);
    }
    nilo__conn_reap(l);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    struct nilo__conn *c = arg;
    struct nilo__loop *l = c->loop;
    if ((what & BEV_EVENT_CONNECTED) == 0 && c->state != NILO__DEAD) {
        /* A half-close is no farewell: who has sent a request may still want the answer. Of a stream it is one. */
        c->eof = true;
        bool answering = c->state == NILO__FLUSH || (c->state == NILO__BUSY && !streaming(c->x));
        if ((what & BEV_EVENT_ERROR) != 0 || c->state == NILO__LINGER || c->state == NILO__BODY)
            nilo__conn_close(c);
        else if (!answering && c->state == NILO__BUSY)
            nilo__conn_close(c);
        else if (!answering)
            advance(c);
    }
    nilo__conn_reap(l);
}

void nilo__conn_news(struct nilo_exchange *x)
{
    pthread_mutex_lock(&x->mutex);
    x->news = false;
    pthread_mutex_unlock(&x->mutex);
    struct nilo__conn *c = x->conn;
    if (c == NULL || c->state != NILO__BUSY)
        return;
    pump(c);
    if (c->state == NILO__HEAD)
        advance(c);
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    (void)buffer;
    struct nilo__conn *c = arg;
    nilo__count(&c->loop->server->counts.bytes_in, (int64_t)info->n_added);
}

/* ---- deadlines ------------------------------------------------------------------------------------------------------------------------------------ */

static void cut(struct nilo__conn *c)
{
    nilo__count(&c->loop->server->counts.cut_deadline, 1);
    nilo__conn_close(c);
}

static void tick_head(struct nilo__conn *c, nilo_us now)
{
    const struct nilo_server_limits *limits = &c->loop->server->limits;
    bool begun = c->first != 0, idle = !begun && !c->fresh;
    nilo_us end = begun ? c->first + limits->head_deadline_us : c->since + (c->fresh ? limits->head_deadline_us : limits->idle_us);
    if (c->loop->draining && !begun && end > c->loop->drained + limits->drain_idle_us)
        end = c->loop->drained + limits->drain_idle_us;
    if (now < end)
        return;
    if (begun) {
        nilo__count(&c->loop->server->counts.cut_deadline, 1);
        refuse(c, 408, "57014", "the head of the request did not come in time", "");
    } else if (idle || c->loop->draining) {
        nilo__conn_close(c);
    } else {
        cut(c);
    }
}

static void tick_busy(struct nilo__conn *c, nilo_us now)
{
    struct nilo_exchange *x = c->x;
    struct nilo_server *s = c->loop->server;
    if (streaming(x))
        nilo__exchange_beat(x);
    if (unsent(c) < c->left || unsent(c) == 0)
        c->moved = now;
    c->left = unsent(c);
    if (now >= x->deadline) {
        if (!nilo__exchange_stop(x, NILO_ETIMEOUT)) {
            cut(c);
            return;
        }
        nilo__count(&s->counts.cut_deadline, 1);
        enum nilo_method m = nilo_req_method(x);
        refuse(c, 504, "57014",
               m == NILO_GET || m == NILO_HEAD ? "the answer took longer than the deadline of the request"
                                               : "the answer took longer than the deadline of the request: what was not written by then is not, but look before you send it again",
               "");
    } else if (now - c->moved >= s->limits.deadline_us) {
        cut(c);
    }
}

void nilo__conn_tick(struct nilo__conn *c, nilo_us now)
{
    const struct nilo_server_limits *limits = &c->loop->server->limits;
    switch (c->state) {
    case NILO__HEAD:
        tick_head(c, now);
        break;
    case NILO__BODY:
        if (now >= c->x->begun + limits->deadline_us) {
            nilo__count(&c->loop->server->counts.cut_deadline, 1);
            refuse(c, 408, "57014", "the body of the request did not come in time", "");
        }
        break;
    case NILO__BUSY:
        tick_busy(c, now);
        break;
    case NILO__FLUSH:
        if (now - c->moved >= limits->deadline_us)
            cut(c);
        break;
    case NILO__LINGER:
        if (now - c->since >= limits->linger_us)
            nilo__conn_close(c);
        break;
    case NILO__DEAD:
        break;
    }
}

void nilo__conn_drain(struct nilo__conn *c)
{
    if (c->state != NILO__BUSY)
        return;
    if (streaming(c->x))
        nilo__exchange_end(c->x);
}

bool nilo__conn_idle(const struct nilo__conn *c)
{
    return c->state == NILO__HEAD && c->first == 0 && !c->fresh;
}

/* ---- the beginning ----------------------------------------------------------------------------------------------------------------------------- */

void nilo__conn_new(struct nilo__loop *l, int fd, const struct nilo__listener *from, const struct nilo__peer_key *key, bool counted,
                    const char *address)
{
    struct nilo_server *s = l->server;
    struct nilo__conn *c = calloc(1, sizeof(*c));
    struct ssl_st *session = c != NULL && from->tls ? nilo__tls_session(s->tls) : NULL;
    if (c != NULL && session != NULL) /* takes the session over, also where it fails */
        c->bev = bufferevent_openssl_socket_new(l->base, fd, session, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    else if (c != NULL && !from->tls)
        c->bev = bufferevent_socket_new(l->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (c == NULL || c->bev == NULL) {
        if (counted)
            nilo__peers_give(s->peers, key);
        close(fd);
        free(c);
        return;
    }
    c->loop = l;
    c->fd = fd;
    c->tls = from->tls;
    c->counted = counted;
    c->proxied = from->proxied;
    c->key = *key;
    c->fresh = true;
    c->since = nilo__now(s);
    snprintf(c->address, sizeof(c->address), "%s", address);
    c->next = l->conns;
    if (l->conns != NULL)
        l->conns->prev = c;
    l->conns = c;
    l->n_conns++;
    nilo__count(&s->counts.connections, 1);
    nilo__count(&s->counts.connections_open, 1);
    if (c->tls)
        bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
    evbuffer_add_cb(input(c), on_input, c);
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
    bufferevent_setwatermark(c->bev, EV_WRITE, OUTPUT_LOW, 0);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}
