/* Shared between events.c, which finds them and tells who listens, and events_answer.c, where somebody begins to. */
#ifndef NILO_API_EVENTS_PRIV_H
#define NILO_API_EVENTS_PRIV_H

#include <pthread.h>

#include "api/events.h"
#include "base/hash.h"

#define NILO__EVENTS_TEXT    (64 << 20) /* of everything that one listener is given at once */
#define NILO__EVENT_ID     17
#define NILO__PLACE       64

struct nilo__event {
    struct nilo__event *next; /* of those that one look found */
    uint64_t n;         /* 1 for the first of this process */
    enum nilo_role least;
    int64_t workspace;
    char id[NILO__EVENT_ID];
    char *name; /* of its workspace */
    char *data; /* JSON */
    const char *kind;
    /* pushes of one connection are told together */
    struct nilo_news_run run; /* without its texts */
    char *connection;
    int64_t runs;
};

struct nilo__listener {
    struct nilo__listener *next;
    struct nilo_stream *stream; /* NULL: it has a place, and its handler gives it what it missed */
    char place[NILO__PLACE];
    enum nilo_role role;
    bool said;         /* names workspaces; else all of them (service), or the only one */
    char **workspaces; /* NULL-terminated */
    char *only;        /* in the path; NULL = none */
    nilo_us end_at;    /* on clock.mono; 0 = never */
    uint64_t changes;  /* of the gate, when it was last asked */
    char *authorization, *apikey; /* secret memory; NULL = none was shown */
};

struct nilo_events {
    struct nilo_events_config config;
    unsigned char key[NILO_MAC_LEN];
    pthread_mutex_t looking;
    struct nilo_news *news;
    nilo_us looked_at; /* clock.mono */
    bool looked;

    pthread_mutex_t mutex;
    struct nilo__event **ring; /* ring[n % config.ring] */
    uint64_t last;       /* 0: none yet */
    struct nilo__listener *listeners;
    int64_t n_workspaces;
    struct nilo_events_counts counts;

    struct {
        pthread_t thread;
        pthread_cond_t moved;
        bool running, quit;
        int (*open)(void *ctx, struct nilo_store **ret, struct nilo_err *err);
        void *ctx;
    } watch;
};

static inline nilo_us nilo__events_now(const struct nilo_events *e)
{
    return e->config.env->clock.mono(e->config.env->clock.ctx);
}

/* ---- with the mutex held ---------------------------------------------------------------------------------------------------------------- */

/* The number before the oldest that is kept: behind it everything is known. */
uint64_t nilo__events_before_oldest(const struct nilo_events *e);
/** nilo__events_find - which one has that id? false: none that is known any more */
bool nilo__events_find(const struct nilo_events *e, const char *id, size_t len, uint64_t *ret);
/* The newest that it may see: the id of one that it may not see would tell that it was there. */
void nilo__events_newest_id(const struct nilo_events *e, const struct nilo__listener *l, char out[NILO__EVENT_ID]);
/** nilo__events_write_since - everything behind n that it may see. Returns how many */
int64_t nilo__events_write_since(const struct nilo_events *e, const struct nilo__listener *l, uint64_t n, struct nilo_buf *out);
void nilo__events_check(struct nilo_events *e);

/* ---- without ------------------------------------------------------------------------------------------------------------------------------ */

void nilo__events_write(struct nilo_buf *out, const char *id, const char *kind, const char *data);
/** nilo__events_look_now - before somebody begins to listen: as of now, where that is not so anyway */
int nilo__events_look_now(struct nilo_events *e, struct nilo_store *s, struct nilo_err *err);
/** nilo__listener_reach - what it reaches from now on. false: no memory */
bool nilo__listener_reach(struct nilo__listener *l, const struct nilo_principal *p);
void nilo__listener_free(struct nilo__listener *l); /* NULL is fine */

#endif
