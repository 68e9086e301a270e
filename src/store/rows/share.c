/* A store held by a process with many threads: one handle keeps the lock and does nothing else, the others stand beside it and take turns. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "store/rows/rows.h"

struct nilo_store_share {
    pthread_mutex_t mutex; /* of main: it is one connection */
    struct nilo_store *main;
    int64_t main_session; /* PostgreSQL: what the lock belongs to */
    char *target;
    struct nilo_env env;
    struct nilo_db_turns *turns;
    struct nilo_store *handles; /* that write */
    _Atomic uint64_t changes; /* of what handles cache */
};

struct nilo_db_turns *nilo__share_turns(struct nilo_store_share *h) { return h->turns; }
const char *nilo_store_share_target(const struct nilo_store_share *h) { return h->target; }
uint64_t nilo_store_share_writes(const struct nilo_store_share *h) { return nilo_db_turns_count(h->turns); }
bool nilo_store_is_beside(const struct nilo_store *s) { return s->share != NULL; }

/* ---- what is cached ------------------------------------------------------------------------------------------------------- */

void nilo__touched(struct nilo_store *s)
{
    s->touched = true;
    if (!nilo_db_in_transaction(s->db))
        nilo__touched_over(s, true);
}

void nilo__touched_over(struct nilo_store *s, bool committed)
{
    bool was = s->touched;
    s->touched = false;
    if (s->share && was && committed && atomic_fetch_add(&s->share->changes, 1) == s->seen)
        s->seen++; /* our own change, and no other */
}

void nilo_store_refresh(struct nilo_store *s)
{
    if (!s->share)
        return;
    uint64_t now = atomic_load(&s->share->changes);
    if (now == s->seen || !nilo__retire(s))
        return;
    struct nilo_err ignored;
    nilo__identity(s, &ignored); /* an import into an empty store brings that of its export; where it cannot be read, nothing else can */
    s->seen = now;
}

/* ---- the lock --------------------------------------------------------------------------------------------------------------- */

static int session_of(struct nilo_store *s, int64_t *ret, struct nilo_err *err)
{
    *ret = 0;
    return nilo_db_engine(s->db) == NILO_DB_POSTGRES ? nilo__query_int(s, 0, ret, err, "SELECT pg_backend_pid()", 0, NULL) : 0;
}

/* Another one for the lock; sessions of ours that go on meanwhile are in nobody's way. h->mutex is held. */
static int lock_again(struct nilo_store_share *h, struct nilo_err *err)
{
    struct nilo_buf own;
    nilo_buf_init(&own, 1 << 12);
    for (const struct nilo_store *s = h->handles; s; s = s->next_beside)
        nilo_buf_addf(&own, "%s%lld", own.len > 0 ? "," : "", (long long)s->session);
    int rc = own.failed ? nilo_err_nomem(err) : nilo__open_again(h->target, &h->env, own.len > 0 ? nilo_buf_str(&own) : NULL, &h->main, err);
    nilo_buf_done(&own);
    return rc;
}

/* The connection that has the lock may have been lost; then it is asked for anew. */
static int check_lock(struct nilo_store_share *h, struct nilo_err *err)
{
    int64_t session;
    int rc = 0;
    pthread_mutex_lock(&h->mutex);
    if (!h->main || session_of(h->main, &session, err) < 0) {
        nilo_store_close(h->main);
        h->main = NULL;
        rc = lock_again(h, err);
        if (rc == 0)
            rc = session_of(h->main, &h->main_session, err);
    }
    pthread_mutex_unlock(&h->mutex);
    return rc;
}

int nilo_store_share_new(const char *target, const struct nilo_env *env, struct nilo_store_share **ret, struct nilo_err *err)
{
    struct nilo_store_share *h = calloc(1, sizeof *h);
    if (!h)
        return nilo_err_nomem(err);
    pthread_mutex_init(&h->mutex, NULL);
    h->env = *env;
    h->target = strdup(target);
    if (!h->target || nilo_db_turns_new(&h->turns, err) < 0 || check_lock(h, err) < 0) {
        if (!h->target)
            nilo_err_nomem(err);
        nilo_store_share_free(h);
        return -1;
    }
    *ret = h;
    return 0;
}

void nilo_store_share_free(struct nilo_store_share *h)
{
    if (!h)
        return;
    nilo_store_close(h->main);
    nilo_db_turns_free(h->turns);
    pthread_mutex_destroy(&h->mutex);
    if (h->target)
        explicit_bzero(h->target, strlen(h->target));
    free(h->target);
    free(h);
}

int nilo_store_open_beside(struct nilo_store_share *h, enum nilo_store_mode mode, struct nilo_store **ret, struct nilo_err *err)
{
    mode = mode == NILO_STORE_CREATE ? NILO_STORE_WRITE : mode;
    if (mode == NILO_STORE_WRITE && nilo__is_postgres(h->target) && check_lock(h, err) < 0)
        return -1;
    uint64_t seen = atomic_load(&h->changes);
    if (nilo__open(h->target, mode, &h->env, h, ret, err) < 0)
        return -1;
    (*ret)->seen = seen;
    if (mode == NILO_STORE_WRITE && session_of(*ret, &(*ret)->session, err) < 0) {
        nilo_store_close(*ret);
        return -1;
    }
    if (mode == NILO_STORE_WRITE) {
        pthread_mutex_lock(&h->mutex);
        (*ret)->next_beside = h->handles;
        h->handles = *ret;
        pthread_mutex_unlock(&h->mutex);
    }
    return 0;
}

void nilo__share_leave(struct nilo_store *s)
{
    struct nilo_store_share *h = s->share;
    pthread_mutex_lock(&h->mutex);
    struct nilo_store **at = &h->handles;
    while (*at && *at != s)
        at = &(*at)->next_beside;
    if (*at)
        *at = s->next_beside;
    pthread_mutex_unlock(&h->mutex);
}

void nilo_store_share_interrupt(struct nilo_store_share *h)
{
    pthread_mutex_lock(&h->mutex);
    for (struct nilo_store *s = h->handles; s; s = s->next_beside)
        nilo_db_interrupt(s->db);
    pthread_mutex_unlock(&h->mutex);
}
