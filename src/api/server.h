/* The HTTP server under the API: what one needs to know to put a route on it. Sockets, heads, bodies, deadlines, compression, draining are done
 * here; who a caller is and what is answered is the business of the routes and of two hooks.
 *
 * Threads. Some *loops* (one a core) own the connections and never wait: they read and write sockets, parse, look up the route, call what is
 * marked as instant. Some *workers* take requests from a bounded queue, in which addresses take turns, and run their handlers, one at a time each,
 * with a context of their own (a read connection to the store). Answers go back in pieces of 64 KiB through a bounded queue: a handler that is faster than its client waits in
 * nilo_answer_write(). A request is one `struct nilo_exchange`, seen by one handler at a time.
 *
 * To add a route: a handler, and one row of a `struct nilo_route` table made with NILO_ROUTE. See routes.c. */
#ifndef NILO_API_SERVER_H
#define NILO_API_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/http_head.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"

struct nilo_exchange;
struct nilo_server;

/* ---- routes ------------------------------------------------------------------------------------------------------------------------ */

/* Who may call a route. 0 is nobody's choice: a table with such a row is refused. EVERYONE: the admit hook is not asked at all. */
enum nilo_who {
    NILO_WHO_NOT_SAID,
    NILO_WHO_EVERYONE,      /* no credentials are looked at: health */
    NILO_WHO_ANON,          /* anybody, but it matters who */
    NILO_WHO_AUTHENTICATED,
    NILO_WHO_ADMIN,
    NILO_WHO_SERVICE,
    NILO_WHO_N
};

/** a handler - answers the request by the functions below
 *  returns  0: answered (nothing written = an empty body). -1 with err: the error is sent as JSON with the status of its code, unless part of the
 *           answer is out already: then the connection is cut, so that nobody takes the part for the whole.
 *           NILO_LATER, from `instant` only and before anything was written: run `handler` on a worker */
typedef int nilo_handler_fn(struct nilo_exchange *x, struct nilo_err *err);
#define NILO_LATER 1
#define NILO_PARKED 2 /* of nilo_req_park() */

#define NILO_NO_DEADLINE INT64_MAX

struct nilo_route {
    unsigned methods;   /* NILO_GET | ...; a route with GET should have HEAD: the body of what the handler writes is then left out */
    const char *path;   /* canonical; "{name}" stands for one whole segment, not empty: "/rest/v1/{relation}". Rows above win */
    enum nilo_who who;
    nilo_handler_fn *instant; /* on the loop: microseconds, no store, no waiting, at most 256 KiB; or NULL */
    nilo_handler_fn *handler; /* on a worker; or NULL */
    int64_t body_max;   /* bytes; 0 = the server's. The admit hook may set another for this request */
    int64_t deadline_us; /* from the first byte of the request to the last of the answer; 0 = the server's. NILO_NO_DEADLINE, or longer than the
                          * server's: a client that takes nothing for the server's deadline is cut nevertheless */
    const void *data;   /* nilo_req_route(x)->data */
};
/* A row. `who` is EVERYONE, ANON, ...: left out, or misspelt, it does not compile. */
#define NILO_ROUTE(methods_, path_, who_, ...)                                                                                             \
    {                                                                                                                                      \
        .methods = (methods_), .path = (path_), .who = NILO_WHO_##who_, __VA_ARGS__                                                        \
    }

/* ---- the request -------------------------------------------------------------------------------------------------------------------- */

enum nilo_method nilo_req_method(const struct nilo_exchange *x);
const struct nilo_route *nilo_req_route(const struct nilo_exchange *x);
const char *nilo_req_path(const struct nilo_exchange *x);              /* canonical, decoded once */
const char *nilo_req_segment(const struct nilo_exchange *x, int i);    /* what the i-th {name} of the route stands for; NULL behind the last */
const char *nilo_req_query(const struct nilo_exchange *x, size_t *ret_n); /* as sent: still encoded; "" when there is none */
/** nilo_req_header - the value of the i-th header of that name, without blanks around it; NULL = no such. Not NUL-terminated */
const char *nilo_req_header(const struct nilo_exchange *x, const char *name, int i, size_t *ret_n);
/** nilo_req_has_token - is the word among the comma-separated ones of any header of that name? */
bool nilo_req_has_token(const struct nilo_exchange *x, const char *name, const char *word);
const char *nilo_req_body(const struct nilo_exchange *x, size_t *ret_n); /* whole; "" when there is none */
/** nilo_req_address - where it comes from: "192.0.2.1", "2001:db8::1", "unix". Behind a proxy that is listed in the configuration: what that
 *  proxy says (the last address of X-Forwarded-For). Forwarding headers of anybody else are not looked at */
const char *nilo_req_address(const struct nilo_exchange *x);
bool nilo_req_tls(const struct nilo_exchange *x);
/** nilo_req_unix - by whoever may open the server's own Unix socket: without credentials that is the service. Not where a proxy asks there */
bool nilo_req_unix(const struct nilo_exchange *x);
struct nilo_arena *nilo_req_arena(struct nilo_exchange *x); /* memory until the request is over; not after nilo_answer_keep() */

/* The context of the worker that runs this handler, as worker_new() made it; NULL on a loop. */
void *nilo_req_worker(const struct nilo_exchange *x);
/* The worker's context is of no use any more (connection to the store lost): a new one is made before the worker's next request. */
void nilo_req_worker_broken(struct nilo_exchange *x);
int nilo_req_loop(const struct nilo_exchange *x); /* which loop it came in on: 0 .. NILO_LOOPS_MAX - 1 */
#define NILO_LOOPS_MAX 64
void *nilo_req_ctx(const struct nilo_exchange *x); /* hooks.ctx of the server */
struct nilo_server *nilo_req_server(const struct nilo_exchange *x);

/* Whatever the admit hook found out about the caller, for the handler; freed with `release` (may be NULL) when the request is over. */
void nilo_req_identity_set(struct nilo_exchange *x, void *identity, void (*release)(void *identity));
void *nilo_req_identity(const struct nilo_exchange *x);
/* In the admit hook only: this caller may send so much. At most the server's body_ceiling. */
void nilo_req_body_max_set(struct nilo_exchange *x, int64_t bytes);

/* On the loop only (admit, instant): this request may take until then, by clock.mono; INT64_MAX = without an end. A client that takes nothing for the server's
 * deadline is cut nevertheless. */
void nilo_req_deadline_set(struct nilo_exchange *x, nilo_us at);

/** nilo_req_park - from a handler on a worker that has written nothing: the request waits without a worker, and nilo_req_wake() has the handler run again
 *  (on any worker, with the same request). Returns NILO_PARKED, for the handler to return; until then no other function is called on x. A deadline, or a client that
 *  leaves, ends the request as ever: then the handler does not run again */
int nilo_req_park(struct nilo_exchange *x);
/** nilo_req_wake - from any thread, exactly once for each nilo_req_park(), before the server is freed */
void nilo_req_wake(struct nilo_exchange *x);
/** nilo_req_long - from a handler on a worker that has written nothing and finds that its answer will be long, in bytes or in work. 0: go on. Else NILO_PARKED, for
 *  the handler to return: too many are at such answers, and it runs again when its turn has come; the second time it is let through. Half of the workers do long ones */
int nilo_req_long(struct nilo_exchange *x);
bool nilo_req_is_long(const struct nilo_exchange *x); /* was it let through, or waits it for that? */
/* What the handler wants to find when it runs again; freed with `release` (may be NULL) when the request is over. */
void nilo_req_state_set(struct nilo_exchange *x, void *state, void (*release)(void *state));
void *nilo_req_state(const struct nilo_exchange *x);

/** nilo_req_stopped - is there still somebody to answer? true once the deadline has passed, the client has gone or the server is cut off: the handler
 *  should end soon (return -1 with any error). Long statements ask it from their progress handler. Cheap; any thread */
bool nilo_req_stopped(const struct nilo_exchange *x);
/* The instant on clock.mono at which it will be stopped; INT64_MAX = none. */
nilo_us nilo_req_deadline(const struct nilo_exchange *x);

/* ---- the answer: status and headers, then bytes ------------------------------------------------------------------------------------------ */

void nilo_answer_status(struct nilo_exchange *x, int status); /* 200 unless said */
/** nilo_answer_header - adds one. Control bytes in the value become blanks. Content-Length, Transfer-Encoding, Content-Encoding, Connection, Date, Server
 *  and Vary: Accept-Encoding are the server's: do not add them. Nothing happens once bytes are out */
void nilo_answer_header(struct nilo_exchange *x, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/** nilo_answer_lines - adds lines that are made already: "Name: value", CR, LF, one after another, without control bytes elsewhere (nilo_header_blank()) */
void nilo_answer_lines(struct nilo_exchange *x, const char *lines, size_t n);
/* Control bytes of what stands from there on become blanks. */
void nilo_header_blank(struct nilo_buf *b, size_t from);
void nilo_header_value(struct nilo_buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0))); /* appends it as printf would */
void nilo_answer_type(struct nilo_exchange *x, const char *mime); /* replaces Content-Type */
/** nilo_answer_length - how many bytes will be written, where that is known ahead: the answer then carries Content-Length and is neither chunked
 *  nor compressed. Writing another number cuts the connection. Answers under 64 KiB get their length without it */
void nilo_answer_length(struct nilo_exchange *x, int64_t bytes);
/** nilo_answer_write - the next bytes of the body; has the shape of a nilo_write_fn (query.h) with ctx = the exchange
 *  On a worker it waits while the client is more than 256 KiB behind.
 *  errors  NILO_ETIMEOUT the deadline has passed, NILO_ECANCELLED the client is gone or the server stops: end soon. NILO_EINTERNAL too much on a loop */
int nilo_answer_write(void *x, const char *p, size_t n, struct nilo_err *err);
/** nilo_answer_text - a whole small answer at once */
int nilo_answer_text(struct nilo_exchange *x, int status, const char *mime, const char *text, struct nilo_err *err);
/** nilo_answer_error - {"code","message","details","hint"}, all four always; details and hint may be NULL. Replaces what was written while nothing
 *  is out, and returns 0 so that a handler can return it */
int nilo_answer_error(struct nilo_exchange *x, int status, const char *code, const char *message, const char *details, const char *hint);
/** nilo_answer_etag - sets the ETag (weak: W/"tag"; tag in printable ASCII without quotes). true: the client has it already, 304 is the answer and the
 *  handler returns 0. If-None-Match counts for GET and HEAD only */
bool nilo_answer_etag(struct nilo_exchange *x, const char *tag);
bool nilo_answer_started(const struct nilo_exchange *x); /* are bytes out? */

/* ---- long-lived answers: server-sent events, jobs that are waited for -------------------------------------------------------------------- */

struct nilo_stream;

struct nilo_stream_options {
    size_t backlog_max;     /* bytes not yet taken by the client, above which it is dropped; 0 = 64 KiB */
    nilo_us heartbeat_us;   /* after so long without bytes heartbeat is sent; 0 = never */
    const char *heartbeat;  /* ":\n\n"; must outlive the stream */
    nilo_us end_at;         /* on clock.mono: the stream ends then (the token's expiry); 0 = never */
};
/** nilo_answer_keep - after status, headers and maybe first bytes were written: the answer goes on after the handler has returned 0, from any
 *  thread. Not compressed. NULL when memory ran out. The route needs NILO_NO_DEADLINE or its deadline holds for the stream as well
 *  owner   caller: nilo_stream_close() exactly once, also after a send has failed */
struct nilo_stream *nilo_answer_keep(struct nilo_exchange *x, const struct nilo_stream_options *options);
/** nilo_stream_send - never waits. false: the client is gone, was too slow, or the time is over: close it. One thread at a time a stream */
bool nilo_stream_send(struct nilo_stream *s, const char *p, size_t n);
void nilo_stream_close(struct nilo_stream *s); /* ends the answer properly, where it can still be ended */

/* ---- the server ---------------------------------------------------------------------------------------------------------------------------- */

/* A zero means the default. Times in microseconds of clock.mono. */
#define NILO_SERVER_LIMIT_ROWS(X)                                                                                                          \
    X(loops, 0, "threads that own connections; 0 = one a core, at most 8")                                                                  \
    X(workers, 0, "threads that answer; 0 = two a core, at least 4")                                                                        \
    X(queue, 512, "requests that wait for a worker, of each kind (short, long); more are answered 503, those of the address with most first")                                                                \
    X(connections, 4096, "in total; more are answered 503, or take the place of an idle one")                                              \
    X(per_address, 256, "connections of one IPv4 address or IPv6 /64; a Unix socket has no address")                                       \
    X(head_max, NILO_HTTP_HEAD_MAX, "bytes of a request head")                                                                              \
    X(headers_max, NILO_HTTP_HEADERS_MAX, "header lines")                                                                                  \
    X(body_max, 1 << 20, "bytes of a body")                                                                                                \
    X(body_ceiling, 16 << 20, "what a route or the admit hook may raise it to")                                                            \
    X(bodies_total, 64 << 20, "bytes of all bodies that are being received; above, 503")                                                    \
    X(compress_from, 1024, "bytes from which an answer is compressed")                                                                      \
    X(head_deadline_us, 10 * NILO_US_SECOND, "for the whole head, from its first byte (of the first: from the connection)")                 \
    X(deadline_us, 28 * NILO_US_SECOND, "from the first byte of a request to the last of its answer; with linger_us less than the half minute after which nobody drips any more") \
    X(idle_us, 60 * NILO_US_SECOND, "a kept connection without a request")                                                                  \
    X(linger_us, NILO_US_SECOND, "to let a refused client read why, before the connection is cut")                                          \
    X(drain_idle_us, 250000, "at the end, for the last request on a kept connection")                                                      \
    X(patience_us, NILO_US_SECOND / 2, "a worker waits so long for a slow client while other requests wait for a worker")                       \
    X(tick_us, 50000, "how often deadlines are looked at")

struct nilo_server_limits {
#define X(name, fallback, doc) int64_t name;
    NILO_SERVER_LIMIT_ROWS(X)
#undef X
};

#define NILO_LISTEN_MAX 9
struct nilo_listen {
    const char *address; /* "127.0.0.1:8080", "[::1]:8080", "unix:/run/nilometer.sock"; port 0 = any free one. NULL with a descriptor */
    int fd;              /* > 0: a listening socket that was handed over (systemd); it becomes the server's */
    bool tls;
    bool proxied;        /* a Unix socket that a proxy asks at for others: having it open makes nobody anybody, see nilo_req_unix() */
};

struct nilo_server_hooks {
    void *ctx;
    /* A worker's own things, made in its thread before its first request; err ends nilo_server_start(). Both may be NULL. */
    int (*worker_new)(void *ctx, int worker, void **ret, struct nilo_err *err);
    void (*worker_free)(void *ctx, void *worker);
    /* Who is it, and may they? Asked on the loop when the head is there and before the body is read, for every route but EVERYONE's: so no store and no
     * waiting. Returns as a handler does: 0 = let in; -1 = refused with err; or an answer given with nilo_answer_error() and NILO_LATER returned.
     * NULL: every route but EVERYONE's is refused with 401. */
    int (*admit)(void *ctx, struct nilo_exchange *x, struct nilo_err *err);
    /* The same on the worker, before the handler: for what has to ask a database. May be NULL = let in. */
    int (*authorize)(void *ctx, struct nilo_exchange *x, struct nilo_err *err);
    /* Just before the head of any answer to a parsed request goes out, errors included: CORS, rate-limit headers. On whatever thread answers. May be NULL. */
    void (*decorate)(void *ctx, struct nilo_exchange *x);
    /* After the last byte, or when it was cut (status 0: before anything was answered): one line for a log. bytes as sent. On the loop. Requests that
     * did not parse are only counted. May be NULL. */
    void (*over)(void *ctx, const struct nilo_exchange *x, int status, int64_t bytes, nilo_us took);
};

struct nilo_server_config {
    const struct nilo_env *env; /* must outlive the server */
    const struct nilo_route *routes;
    size_t n_routes;
    struct nilo_server_hooks hooks;
    struct nilo_server_limits limits;
    const struct nilo_listen *listen;
    size_t n_listen;
    const char *tls_certificate, *tls_key; /* PEM files; needed where a listen has tls */
    const char *const *proxies;            /* addresses whose X-Forwarded-For counts, "unix" too; NULL-terminated; NULL = none */
};

/** nilo_server_new - checks the table of routes and everything else, and listens; nothing is accepted before nilo_server_start()
 *  errors  NILO_EINTERNAL a route without policy, handler or methods; NILO_EINVAL addresses; NILO_EIO the port is in use, ...; NILO_ECONFIG certificates
 *  owner   caller, nilo_server_free(). Strings of the configuration are copied or used up here; routes, env and hooks stay the caller's */
int nilo_server_new(const struct nilo_server_config *config, struct nilo_server **ret, struct nilo_err *err);
/** nilo_listen_check - is that an address to listen at? errors: NILO_EINVAL */
int nilo_listen_check(const char *address, struct nilo_err *err);
/** nilo_server_start - makes the threads. Block the signals that somebody waits for before: threads inherit the mask */
int nilo_server_start(struct nilo_server *s, struct nilo_err *err);
/** nilo_server_drain - stops listening, lets running requests end within grace_us, cuts what is left, ends the threads. Kept connections get
 *  drain_idle_us for one more request. Returns how many requests were cut; -1: a worker did not come back, do not free the server */
int nilo_server_drain(struct nilo_server *s, nilo_us grace_us);
void nilo_server_free(struct nilo_server *s);

const char *nilo_server_address(const struct nilo_server *s, size_t i); /* of the i-th listen, with its real port; NULL behind the last */
/** nilo_server_reload - reads certificate and key again; new connections get them. On failure the old ones stay */
int nilo_server_reload(struct nilo_server *s, struct nilo_err *err);
/** nilo_server_alive - did every loop look around within that time (real time)? For the watchdog */
bool nilo_server_alive(const struct nilo_server *s, nilo_us within_us);
/* Deadlines are looked at now, on every loop: for a test that has moved the clock. Returns when that was done. */
void nilo_server_kick(struct nilo_server *s);

/* Since the start, or now. For /metrics. */
#define NILO_SERVER_COUNT_ROWS(X)                                                                                                          \
    X(connections_open, "gauge", "connections now")                                                                                        \
    X(connections, "counter", "connections accepted")                                                                                      \
    X(connections_refused, "counter", "connections over a limit")                                                                          \
    X(requests, "counter", "requests with a whole head")                                                                                    \
    X(requests_bad, "counter", "requests that did not parse")                                                                              \
    X(answers_2xx, "counter", "answers by class")                                                                                          \
    X(answers_3xx, "counter", "answers by class")                                                                                          \
    X(answers_4xx, "counter", "answers by class")                                                                                          \
    X(answers_5xx, "counter", "answers by class")                                                                                          \
    X(cut_deadline, "counter", "connections cut at a deadline")                                                                            \
    X(cut_slow, "counter", "answers cut because the client was slow while others waited")                                                  \
    X(queue_depth, "gauge", "requests waiting for a worker")                                                                                \
    X(workers_busy, "gauge", "workers with a request")                                                                                      \
    X(queue_full, "counter", "requests refused because too many waited")                                                                    \
    X(streams_open, "gauge", "long-lived answers")                                                                                          \
    X(bytes_in, "counter", "bytes received")                                                                                                \
    X(bytes_out, "counter", "bytes sent")                                                                                                  \
    X(bodies_now, "gauge", "bytes of bodies being received")                                                                                \
    X(loop_lag_us, "gauge", "how late the latest look around of the slowest loop was")

struct nilo_server_counts {
#define X(name, kind, doc) int64_t name;
    NILO_SERVER_COUNT_ROWS(X)
#undef X
};
void nilo_server_counts(const struct nilo_server *s, struct nilo_server_counts *ret);

#endif
