/* A server inside the test process with a clock that stands still until it is moved, some routes to try it with, and a blocking client over
 * real sockets. Nothing here sleeps for luck: what has to be waited for is asked for until it is so, or the test fails after 20 s. */
#ifndef NILO_TESTS_API_WORLD_H
#define NILO_TESTS_API_WORLD_H

#include "support/nilo_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "api/server.h"
#include "base/buf.h"

struct world {
    struct nilo_env env;
    _Atomic int64_t mono; /* the clock */
    struct nilo_server_config config; /* may be changed between world_init() and world_start() */
    struct nilo_listen listen[4];
    struct nilo_server *server;
    /* of the route /gate: requests wait there until it is open */
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    bool open;
    int at_gate;
    atomic_int stopped_at_gate;
    char log[65536]; /* a word a request to /log/{word}, in the order they were answered */
    struct nilo_stream *stream;   /* of the last request to /events */
    bool close_before;            /* /events closes the one before it, world_stop() the last */
    atomic_int workers_made, workers_freed, over;
    atomic_bool worker_fails;
    char refuse_with[64];
};

/* One loop, two workers, everything else as it is by default; listens at 127.0.0.1, any port. */
void world_init(struct world *w);
void world_start(struct world *w); /* fails the test when it cannot */
void world_stop(struct world *w);  /* drains without grace and frees */
void world_advance(struct world *w, nilo_us span); /* moves the clock, and every deadline is looked at before it returns */
void world_gate(struct world *w, bool open);
void world_wait_at_gate(struct world *w, int n); /* until n requests are there */
extern const struct nilo_route world_routes[];
extern const size_t world_routes_n;

/* Asks until the condition is so. */
#define WORLD_UNTIL(condition)                                                                                         \
    do {                                                                                                               \
        for (int tries_ = 0; !(condition); tries_++) {                                                                 \
            if (tries_ > 10000)                                                                                        \
                fail_msg("never came true: %s", #condition);                                                           \
            world_moment();                                                                                            \
        }                                                                                                              \
    } while (0)
void world_moment(void); /* 2 ms */
struct nilo_server_counts world_counts(struct world *w);

struct client {
    int fd;
    struct nilo_buf in; /* received and not yet looked at */
    bool eof;
};
struct answer {
    int status;
    struct nilo_buf head, body;
    bool whole; /* false: the connection ended before the answer did */
};
void client_open(struct client *c, struct world *w);
void client_open_at(struct client *c, const char *address); /* "127.0.0.1:80", "unix:/path" */
int client_try(struct client *c, const char *address);      /* 0 or an errno */
void client_close(struct client *c);
void client_reset(struct client *c); /* closes with RST */
void client_send(struct client *c, const char *text);
void client_send_n(struct client *c, const void *p, size_t n);
/* One answer; bodiless: to a HEAD. false: nothing came but the end. owner: answer_done() */
bool client_answer(struct client *c, struct answer *a, bool bodiless);
void answer_done(struct answer *a);
const char *answer_header(const struct answer *a, const char *name, char out[256]); /* NULL = no such */
/* Sends, wants that status, and gives back the body (until the next call). */
const char *client_ask(struct client *c, const char *request, int status);
bool client_ended(struct client *c); /* waits for the end of the connection; false: bytes came instead */

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

#endif
