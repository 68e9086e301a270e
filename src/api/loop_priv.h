/* Shared by loop.c and conn.c, the two files that know libevent: a loop and its connections. All of it belongs to the loop's thread, but for
 * what stands under the mutex and the atomics. */
#ifndef NILO_API_LOOP_PRIV_H
#define NILO_API_LOOP_PRIV_H

#include "api/server_priv.h"

struct event;
struct event_base;
struct bufferevent;

enum nilo__conn_state {
    NILO__HEAD,   /* waits for a head, or has a part of one */
    NILO__BODY,   /* the head is there, the body comes */
    NILO__BUSY,   /* a handler has it, or its answer goes out */
    NILO__FLUSH,  /* the last bytes go out */
    NILO__LINGER, /* they are out and we said so; waits for the other side to have read them */
    NILO__DEAD
};

struct nilo__conn {
    struct nilo__loop *loop;
    struct nilo__conn *prev, *next;
    struct bufferevent *bev;
    int fd;
    enum nilo__conn_state state;
    struct nilo_http_parser parser;
    struct nilo_http_chunks chunks;
    struct nilo_exchange *x;
    nilo_us since;    /* HEAD: when the wait began; LINGER: likewise */
    nilo_us first;    /* of the request at hand: its first byte; 0 = none yet */
    nilo_us moved;    /* bytes were last taken by the client */
    size_t left;      /* bytes that were in the output then */
    int64_t body_counted, sent; /* of this request */
    bool tls, counted, eof, fresh; /* fresh: no request yet. counted: in peers */
    bool proxied;
    struct nilo__peer_key key;
    char address[64];
};

struct nilo__acceptor {
    struct nilo__loop *loop;
    struct nilo__listener *listener;
    struct event *event;
};

struct nilo__loop {
    struct nilo_server *server;
    int index;
    struct event_base *base;
    struct event *wake, *tick;
    int wake_fd;
    pthread_t thread;
    bool running;
    struct nilo__acceptor acceptors[NILO_LISTEN_MAX];
    int n_acceptors;
    struct nilo__conn *conns, *dead; /* dead: closed, their memory goes at the end of the callback */
    int64_t n_conns;
    bool draining;   /* this loop has seen it */
    nilo_us drained; /* when it did */
    nilo_us paused;  /* no accepting until (real time), after running out of descriptors; 0 = accepting */
    int64_t next_tick;
    _Atomic int64_t seen, lag;

    pthread_mutex_t mutex;
    pthread_cond_t kicked;
    struct nilo_exchange *news, *news_last;
    unsigned kick_wanted, kick_done;
};

/* ---- request.c ---- */
struct nilo_exchange *nilo__request_new(struct nilo__conn *c, const char *bytes); /* of the head that c's parser has just read; NULL: no memory */
bool nilo__request_route(struct nilo_exchange *x); /* false: none takes it, the answer is made */
bool nilo__request_admit(struct nilo_exchange *x); /* false: refused, the answer is made */

/* ---- conn.c ---- */
void nilo__conn_new(struct nilo__loop *l, int fd, const struct nilo__listener *from, const struct nilo__peer_key *key, bool counted,
                    const char *address);
void nilo__conn_close(struct nilo__conn *c);
void nilo__conn_reap(struct nilo__loop *l);
void nilo__conn_news(struct nilo_exchange *x);             /* pieces came, or the end */
void nilo__conn_tick(struct nilo__conn *c, nilo_us now);   
void nilo__conn_drain(struct nilo__conn *c);               /* the server is about to stop */
bool nilo__conn_idle(const struct nilo__conn *c);

#endif
