/* Shared inside api: what loops, connections, exchanges and workers know of each other. Who may touch what is said at each field: that is
 * the whole of the locking. */
#ifndef NILO_API_SERVER_PRIV_H
#define NILO_API_SERVER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "api/http_chunk.h"
#include "api/server.h"
#include "base/buf.h"

#define NILO__PIECE 65536u        /* bytes of an answer that travel together */
#define NILO__QUEUE_MAX 262144u   /* bytes of an answer that wait for its connection */
#define NILO__SEGMENTS_MAX 8
#define NILO__LOOPS_MAX NILO_LOOPS_MAX

/* ---- encode.c: compression of answers. The only file here that knows zlib.h and zstd.h ---------------------------------------------- */

enum nilo__coding { NILO__IDENTITY, NILO__GZIP, NILO__ZSTD };
/** nilo__coding_choose - by Accept-Encoding: zstd before gzip where both are equally welcome; q=0 refuses */
enum nilo__coding nilo__coding_choose(const char *accept, size_t n);
const char *nilo__coding_name(enum nilo__coding c);
bool nilo__compressible(const char *mime);
struct nilo__encoder;
struct nilo__encoder *nilo__encoder_new(enum nilo__coding c); /* NULL: no memory */
/** nilo__encoder_run - appends to out what comes of it; end: the last bytes. 0, or -1: failed, out is of no use */
int nilo__encoder_run(struct nilo__encoder *e, const char *in, size_t n, bool end, struct nilo_buf *out);
void nilo__encoder_free(struct nilo__encoder *e);

/* ---- route.c ------------------------------------------------------------------------------------------------------------------------ */

struct nilo__match {
    const struct nilo_route *route; /* NULL: none takes path and method */
    unsigned allowed;               /* route NULL: methods of all routes that take the path; else 0 */
    int n_segments;
    struct {
        size_t at, n; /* in the path */
    } segments[NILO__SEGMENTS_MAX];
};
int nilo__routes_check(const struct nilo_route *routes, size_t n, struct nilo_err *err);
void nilo__route_find(const struct nilo_route *routes, size_t n, enum nilo_method method, const char *path, struct nilo__match *ret);
void nilo__allow(unsigned methods, struct nilo_buf *out); /* "GET, HEAD" */

/* ---- peers.c: connections by address ------------------------------------------------------------------------------------------------- */

struct nilo__peers;
struct nilo__peer_key {
    unsigned char b[16];
};
struct nilo__peers *nilo__peers_new(size_t connections);
void nilo__peers_free(struct nilo__peers *p);
/** nilo__peers_take - one more; false: the address has its share. Any thread */
bool nilo__peers_take(struct nilo__peers *p, const struct nilo__peer_key *key, int64_t max);
void nilo__peers_give(struct nilo__peers *p, const struct nilo__peer_key *key);
/** nilo__peer_key_of - the same of an address that is written: "192.0.2.1"; all zero where it is none */
struct nilo__peer_key nilo__peer_key_of(const char *text);
/* IPv4 (also mapped into IPv6) whole, IPv6 its /64; text: "192.0.2.1". false for a Unix socket */
bool nilo__peer_key(const struct sockaddr *a, struct nilo__peer_key *ret, char *text, size_t text_cap);

/* ---- listen.c ------------------------------------------------------------------------------------------------------------------------ */

struct nilo__listener {
    int fds[NILO__LOOPS_MAX]; /* one a loop; -1 = that loop does not accept here */
    bool tls, local;          /* local: a Unix socket */
    bool proxied;             /* a proxy asks at it for others */
    char address[300];
    char path[256];           /* of the Unix socket file that we made; "" */
};
/** nilo__listen - non-blocking, for that many loops. errors: NILO_EINVAL the address, NILO_EIO with the system's word */
int nilo__listen(const struct nilo_listen *l, int loops, struct nilo__listener *ret, struct nilo_err *err);
void nilo__listener_close(struct nilo__listener *l);

/* ---- tls.c: the only file that knows OpenSSL -------------------------------------------------------------------------------------------- */

struct ssl_st;
struct nilo__tls;
int nilo__tls_new(const char *certificate, const char *key, struct nilo__tls **ret, struct nilo_err *err);
int nilo__tls_reload(struct nilo__tls *t, struct nilo_err *err);
struct ssl_st *nilo__tls_session(struct nilo__tls *t); /* NULL: no memory */
void nilo__tls_bye(struct ssl_st *session);            /* tells the peer that nothing more follows */
void nilo__tls_free(struct nilo__tls *t);

/* ---- exchange.c -------------------------------------------------------------------------------------------------------------------------- */

struct nilo__piece {
    struct nilo__piece *next;
    size_t n;
    char data[];
};

struct nilo__worker;
struct nilo__loop;
struct nilo__conn;

struct nilo_exchange {
    struct nilo_server *server;
    struct nilo__loop *loop;
    atomic_int refs; /* the connection, the job, the news, the stream: one each */

    /* the request: set by the loop before a handler sees it, fixed from then on */
    struct nilo_http_head head;
    char *bytes; /* of the head */
    char *path;
    char *segments[NILO__SEGMENTS_MAX];
    int n_segments;
    const struct nilo_route *route; /* NULL: none was found */
    struct nilo_buf body;
    int64_t body_max;
    char address[64];
    bool tls, local;
    struct nilo__peer_key flow; /* with whose other requests it takes turns */
    atomic_int lane;            /* workers.c */
    nilo_us begun, deadline;
    void *identity;
    void (*release)(void *);
    void *state; /* of a handler that waits */
    void (*release_state)(void *);
    atomic_int parked; /* park.c */
    bool again;        /* the handler has run before */
    struct nilo_arena arena;

    /* the answer: of the thread that runs the handler, or of the loop after it */
    struct nilo__worker *worker; /* NULL on the loop */
    int status;
    struct nilo_buf headers, piece;
    char type[96];
    int64_t length, written; /* announced (-1), and so far */
    bool head_out, chunked, kept;
    bool keep_alive;         /* may the connection go on? */
    struct nilo__encoder *encoder;

    /* shared, under mutex */
    pthread_mutex_t mutex;
    pthread_cond_t room;
    struct nilo__piece *first, *last;
    size_t queued;
    bool pushed; /* a piece was handed over: the loop may no longer answer in the handler's place */
    bool over;   /* nothing more comes */
    bool broken; /* and the connection has to be cut */
    bool news;   /* it stands in the loop's list */

    atomic_int stopped;         /* 0, or the nilo_code of why */
    _Atomic int64_t unsent;     /* bytes at the connection that the client has not taken */
    struct nilo_exchange *next_job, *previous_job, *next_news;
    struct nilo_stream *stream; /* set before it is kept; of the loop and the sender, see there */

    struct nilo__conn *conn; /* the loop's alone; NULL once it is gone */
};

struct nilo_exchange *nilo__exchange_new(struct nilo_server *s, struct nilo__loop *loop); /* NULL: no memory. One reference */
void nilo__exchange_ref(struct nilo_exchange *x);
void nilo__exchange_unref(struct nilo_exchange *x);
/** nilo__exchange_run - hooks and handler, then the end of the answer. worker NULL: on the loop, instant handlers
 *  returns NILO_LATER where the handler of a worker is asked for */
int nilo__exchange_run(struct nilo_exchange *x, struct nilo__worker *worker);
/* park.c: its handler has returned NILO_PARKED. */
void nilo__exchange_parked(struct nilo_exchange *x);
/** nilo__exchange_busy - it was in the queue and gave up its place: answered 503. By whoever took it out, any thread */
void nilo__exchange_busy(struct nilo_exchange *x);
/** nilo__exchange_finish - an answer made by the loop (404, 413, ...) is put into the queue */
void nilo__exchange_finish(struct nilo_exchange *x);
/** nilo__exchange_stop - from the loop: nobody waits any more. Returns false when bytes are out already */
bool nilo__exchange_stop(struct nilo_exchange *x, enum nilo_code why);
/* From the loop, for streams: heartbeat, end. */
void nilo__exchange_beat(struct nilo_exchange *x);
void nilo__exchange_end(struct nilo_exchange *x);
/* An answer without an exchange: whole head and JSON body. extra: header lines with CR LF, or "". */
void nilo__plain_error(struct nilo_buf *out, const struct nilo_env *env, int status, const char *code, const char *message, const char *extra);
const char *nilo__status_text(int status);

struct nilo_stream {
    struct nilo_exchange *x;
    struct nilo_stream_options options;
    _Atomic int64_t last; /* clock.mono of the last bytes */
};

/* ---- workers.c ----------------------------------------------------------------------------------------------------------------------------- */

struct nilo__turns;
struct nilo__flow;

struct nilo__worker {
    struct nilo_server *server;
    pthread_t thread;
    int index;
    void *ctx;
    bool broken, made, running;
    struct nilo__flow *flow; /* whose request it runs, in which lane that counts, since when (real time); under the pool's lock */
    int lane;
    nilo_us since;
};

/* SHORT: everything at first. LONG: what turned out to be long (nilo_req_long()); never all workers do such. */
enum { NILO__SHORT, NILO__LONG, NILO__LANES };
enum nilo__put { NILO__PUT, NILO__FULL, NILO__QUIT };

struct nilo__pool {
    pthread_mutex_t mutex;
    pthread_cond_t work, ready;
    struct nilo__turns *lanes; /* NILO__LANES of them */
    _Atomic int64_t depth[NILO__LANES];
    int running_long, long_max; /* workers */
    int share;                  /* short requests of one address that run at once */
    bool long_next;             /* a short one was taken last */
    atomic_uint stops;          /* requests that were given up, ever; swept: when the queue was last looked through for them */
    unsigned swept;
    int started, failed;
    atomic_int waiting; /* workers that wait for a slow client */
    bool quit;
    struct nilo_err err;
    struct nilo__worker *workers;
    int n;
};
int nilo__pool_start(struct nilo_server *s, struct nilo_err *err);
/** nilo__pool_put - into x->lane. Takes a reference. In a full queue the newest of the address with most requests gives up its place; FULL: that is x's own */
enum nilo__put nilo__pool_put(struct nilo_server *s, struct nilo_exchange *x);
/** nilo__pool_long - may the request that w runs go on as a long one now? Else it has to wait its turn in that lane */
bool nilo__pool_long(struct nilo__worker *w);
void nilo__pool_free(struct nilo_server *s);
/** nilo__pool_stop - false: a worker did not come back in time */
bool nilo__pool_stop(struct nilo_server *s, nilo_us wait_us);

/* ---- loop.c, conn.c: the glue to libevent ---------------------------------------------------------------------------------------------------- */

int nilo__loop_new(struct nilo_server *s, int index, struct nilo__loop **ret, struct nilo_err *err);
int nilo__loop_start(struct nilo__loop *l, struct nilo_err *err);
void nilo__loop_news(struct nilo__loop *l, struct nilo_exchange *x); /* any thread; x->mutex is not held */
void nilo__loop_wake(struct nilo__loop *l);
void nilo__loop_kick(struct nilo__loop *l); /* any thread: looks at deadlines, returns when done */
void nilo__loop_join(struct nilo__loop *l);
void nilo__loop_free(struct nilo__loop *l);
int64_t nilo__loop_lag(const struct nilo__loop *l);
int64_t nilo__loop_seen(const struct nilo__loop *l); /* real monotonic microseconds */

/* ---- server.c -------------------------------------------------------------------------------------------------------------------------------- */

struct nilo__counters {
#define X(name, kind, doc) _Atomic int64_t name;
    NILO_SERVER_COUNT_ROWS(X)
#undef X
};

struct nilo_server {
    const struct nilo_env *env;
    const struct nilo_route *routes;
    size_t n_routes;
    struct nilo_server_hooks hooks;
    struct nilo_server_limits limits;
    struct nilo__listener listeners[NILO_LISTEN_MAX];
    size_t n_listeners;
    char **proxies;
    struct nilo__tls *tls;
    struct nilo__peers *peers;
    struct nilo__pool pool;
    struct nilo__loop *loops[NILO__LOOPS_MAX];
    int n_loops, n_started;
    bool pool_started;
    atomic_bool draining, cutting;
    atomic_int loops_running;
    atomic_int cut; /* requests cut at the end */
    struct nilo__counters counts;
};

static inline nilo_us nilo__now(const struct nilo_server *s)
{
    return s->env->clock.mono(s->env->clock.ctx);
}
nilo_us nilo__real_now(void); /* CLOCK_MONOTONIC, whatever the injected clock says */
static inline void nilo__count(_Atomic int64_t *c, int64_t by)
{
    atomic_fetch_add_explicit(c, by, memory_order_relaxed);
}

#endif
