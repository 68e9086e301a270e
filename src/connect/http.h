/* The http client: many requests under way on one thread, over a transport that is handed in. The real one is libcurl's multi interface
 * (http_curl.c); a simulation brings its own (struct nilo_http_ops) with a virtual clock and no sockets.
 *
 * What holds for every request, whatever its caller does: https only, but for addresses of this machine that the configuration named; TLS verified;
 * redirects not followed; an absolute deadline; an end to answers that drip; a ceiling on headers and on the DEcompressed body; no connection to an
 * address that is not public (looked at when the socket is made, so a name that means another address a moment later does not help).
 *
 * Secrets: they come in fields marked so, are kept in secret memory, and are in no message, no log and no answer. `url` never holds one: where a
 * platform wants a secret in the URL it goes into `query`, marked secret. So purpose and url of a request may be logged.
 *
 * One thread: all functions but nilo_http_wake() are called by the thread that made the client. */
#ifndef NILO_CONNECT_HTTP_H
#define NILO_CONNECT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"

/* ---- a request ------------------------------------------------------------------------------------------------------------------- */

/* A header, a parameter of the query, or a member of a form. */
struct nilo_http_field {
    const char *name;
    const char *value;
    const char *before; /* NULL, or what stands in front of the value in one line with it: "Bearer " */
    bool secret;        /* kept in secret memory, wiped when the request is over */
};

struct nilo_http_request {
    const char *method; /* GET, POST, PUT, DELETE, HEAD */
    const char *url;    /* https://host/path?query, without secrets; characters that a URL may not hold are encoded already. http:// only with loopback */
    const struct nilo_http_field *query; /* appended to the URL, encoded: all kinds of parameters, secret ones too */
    size_t n_query;
    const struct nilo_http_field *headers;
    size_t n_headers;
    const struct nilo_http_field *form; /* body application/x-www-form-urlencoded; not together with body */
    size_t n_form;
    const void *body; /* NULL = none; its Content-Type is a header */
    size_t n_body;
    int64_t deadline_ms; /* for everything: waiting for a connection, name, TLS, answer; 0 = 60,000; at most 600,000 */
    size_t body_max;     /* bytes of the decompressed answer; 0 = 8 MiB; at most 256 MiB */
    const char *purpose; /* a word or two for logs: "youtube videos" */
    bool loopback;       /* the configured base is an address of this machine (nilo_http_is_loopback): then only such an address is connected to,
                          * and http:// is allowed. Otherwise such an address is refused like every address that is not public */
    void *ctx;           /* the caller's, given back with the answer */
};

/** nilo_http_is_loopback - does the URL name this machine: 127.x.x.x, [::1] or localhost? */
bool nilo_http_is_loopback(const char *url);

/* ---- an answer --------------------------------------------------------------------------------------------------------------------- */

/* How a request ended; code, word, may it be tried again soon (else trying again changes nothing by itself) */
#define NILO_HTTP_END_ROWS(X)                                                                                          \
    X(NILO_HTTP_ANSWERED, "answered", false)       /* a whole answer came, whatever its status */                      \
    X(NILO_HTTP_NO_NAME, "no name", true)          /* the host's name (or the proxy's) has no address */               \
    X(NILO_HTTP_NO_CONNECTION, "no connection", true)                                                                  \
    X(NILO_HTTP_BAD_TLS, "TLS", true)              /* handshake or certificate: never answered by trying without */    \
    X(NILO_HTTP_TIMED_OUT, "timeout", true)        /* the deadline */                                                  \
    X(NILO_HTTP_TOO_SLOW, "too slow", true)        /* less than a few bytes a second for a while */                    \
    X(NILO_HTTP_BROKEN, "broken answer", true)     /* cut short, not HTTP, compressed wrongly */                       \
    X(NILO_HTTP_TOO_BIG, "too big", false)         /* the decompressed body, or the headers */                         \
    X(NILO_HTTP_NOT_PUBLIC, "not a public address", false)                                                             \
    X(NILO_HTTP_CANCELLED, "cancelled", true)                                                                          \
    X(NILO_HTTP_LOCAL, "local failure", true)      /* memory, descriptors */

enum nilo_http_end {
#define X(code, word, again) code,
    NILO_HTTP_END_ROWS(X)
#undef X
        NILO_HTTP_ENDS
};
const char *nilo_http_end_word(enum nilo_http_end end);
bool nilo_http_end_again(enum nilo_http_end end);

struct nilo_http_header { /* of an answer */
    const char *name;     /* in small letters */
    const char *value;    /* without blanks around it */
};

struct nilo_http_answer {
    uint64_t id;
    void *ctx;
    const char *purpose;
    enum nilo_http_end end;
    const char *message; /* a sentence where end is not NILO_HTTP_ANSWERED: what and which host; never a secret, never a query. Else "" */
    int status;          /* of the HTTP answer; 0 = none came. Where the end is another one, whatever had come by then */
    const char *body;    /* decompressed, NUL behind it; "" unless NILO_HTTP_ANSWERED */
    size_t n_body;
    const struct nilo_http_header *headers; /* in the order they came, names may come twice */
    size_t n_headers;
    int64_t retry_after_ms; /* what Retry-After says, 0..24 h (beyond that 24 h); -1 = nothing, or nothing readable; of several the longest */
    char address[64];       /* that was really connected to (the proxy's, where there is one); "" = none */
    char http_version[8];   /* "1.1", "2"; "" = none */
    nilo_us started_at, ended_at;      /* wall clock */
    nilo_us took, waited, first_byte;  /* spans: all of it; until the request was sent; until the answer began (0 = never) */
};

/** nilo_http_answer_header - the value of the first header of that name (small letters), or NULL */
const char *nilo_http_answer_header(const struct nilo_http_answer *a, const char *name);
void nilo_http_answer_free(struct nilo_http_answer *a); /* NULL is fine */

/** nilo_http_retry_after - the value of a Retry-After header: seconds, or an HTTP date
 *  now  wall clock
 *  ret  milliseconds 0..24 h, clamped; -1 = unreadable or negative */
int64_t nilo_http_retry_after(const char *text, nilo_us now);

/* ---- the client ---------------------------------------------------------------------------------------------------------------------- */

struct nilo_http;

/** nilo_http_start - copies the request and puts it under way; nothing waits
 *  ret_id   of the answer that will come, > 0
 *  errors   NILO_EINVAL the request itself: its URL, method, a header with a line break, a secret in it that is no text; plain http or an address that is
 *           not public written as such. NILO_ENOMEM. Nothing is under way then */
int nilo_http_start(struct nilo_http *h, const struct nilo_http_request *r, uint64_t *ret_id, struct nilo_err *err);

/** nilo_http_poll - moves everything that is under way, and waits until an answer is whole, a span is over, or somebody wakes it
 *  span     0: only looks; NILO_US_NONE: as long as something is under way. A simulation moves its clock instead of waiting
 *  errors   only our own: memory. What happens to a request is in its answer */
int nilo_http_poll(struct nilo_http *h, nilo_us span, struct nilo_err *err);

/** nilo_http_next - an answer that is there, in the order they ended; NULL = none. owner: caller, nilo_http_answer_free() */
struct nilo_http_answer *nilo_http_next(struct nilo_http *h);

/** nilo_http_cancel - its answer comes with NILO_HTTP_CANCELLED, unless it ended before. An unknown id: nothing */
void nilo_http_cancel(struct nilo_http *h, uint64_t id);
size_t nilo_http_under_way(const struct nilo_http *h); /* started, and not yet taken with nilo_http_next() */
void nilo_http_wake(struct nilo_http *h);              /* ends a nilo_http_poll(), or the next one; any thread */
void nilo_http_free(struct nilo_http *h);              /* NULL is fine; what is under way is dropped */

/* ---- the real transport ----------------------------------------------------------------------------------------------------------------- */

struct nilo_http_options { /* a zero or NULL: the default */
    const char *proxy;     /* a URL; "" = none; NULL = $https_proxy, $HTTPS_PROXY, $all_proxy, $ALL_PROXY. Never for addresses of this machine */
    const char *no_proxy;  /* hosts that are asked directly, with commas, as in $no_proxy; NULL = $no_proxy, $NO_PROXY */
    const char *ca_file;   /* certificates (PEM) to trust instead of the system's */
    int host_connections;  /* to one host at a time; default 8 */
    int connections;       /* in all; default 64 */
    int connect_ms;        /* name, connection and TLS; default 10,000 */
    int slow_bytes, slow_s; /* fewer bytes a second than that for so many seconds end an answer; default 100 and 15 */
    size_t headers_max;    /* bytes of an answer's headers; default 65,536 */
    bool http1;            /* no HTTP/2 */
    const char *const *resolve; /* tests: "host:port:address", as CURLOPT_RESOLVE takes them, NULL-terminated */
};

/** nilo_http_new - over libcurl. options NULL = all defaults
 *  env      clock: nilo_us of answers. Waiting is by the system's clock in any case
 *  errors   NILO_EINVAL the proxy, NILO_ENOMEM
 *  owner    caller, nilo_http_free() */
int nilo_http_new(const struct nilo_env *env, const struct nilo_http_options *options, struct nilo_http **ret, struct nilo_err *err);

/* ---- another transport: simulations ------------------------------------------------------------------------------------------------------- */

/* A request as it is handed to a transport: checked, with everything put together. Valid until its answer is finished. */
struct nilo_http_job {
    struct nilo_http *http; /* to finish it with */
    uint64_t id;
    const char *method, *purpose;
    const char *url;           /* without secrets */
    const char *wire_url;      /* secret memory: what really goes out; the same where there are none */
    const char *const *headers; /* "Name: value" lines, in secret memory */
    size_t n_headers;
    const char *body; /* NULL = none */
    size_t n_body;
    int64_t deadline_ms;
    size_t body_max;
    bool loopback;
    void *ctx;
};

/* A job ends by nilo_http_finish(), called from poll or cancel, never from start. */
struct nilo_http_ops {
    const char *name;
    /* Puts it under way; 0, or -1: nothing is under way then */
    int (*start)(void *transport, const struct nilo_http_job *job, struct nilo_err *err);
    /* As nilo_http_poll(); returns early when an answer was finished */
    int (*poll)(void *transport, nilo_us span, struct nilo_err *err);
    void (*cancel)(void *transport, uint64_t id); /* finishes it as cancelled */
    void (*wake)(void *transport);
    void (*free)(void *transport); /* what is under way is dropped, unfinished */
};

/** nilo_http_new_over - a client over a transport of one's own. transport: ops->free() is called on it when the client is freed; not when this fails */
int nilo_http_new_over(const struct nilo_env *env, const struct nilo_http_ops *ops, void *transport, struct nilo_http **ret, struct nilo_err *err);

/** nilo_http_finish - a job has ended
 *  end, message  message NULL = "" ; answered: status and the rest
 *  headers       copied; names in any case
 *  body          taken over and emptied; NULL = none. More than body_max: the answer ends as NILO_HTTP_TOO_BIG
 *  errors        none: where memory is short the answer says NILO_HTTP_LOCAL */
struct nilo_http_outcome {
    enum nilo_http_end end;
    const char *message;
    int status;
    const struct nilo_http_header *headers;
    size_t n_headers;
    struct nilo_buf *body;
    const char *address, *http_version; /* NULL = "" */
    nilo_us waited, first_byte;
};
void nilo_http_finish(struct nilo_http *h, uint64_t id, const struct nilo_http_outcome *o);

#endif
