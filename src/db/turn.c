/* Several connections of one process that write the same database, one at a time: who wants to write waits for its turn, in the order of asking,
 * and keeps it until its transaction is over. So what holds for one writing connection (no checkpoint beside a commit; what was read in the
 * transaction still stands when it is written) holds for all of them together. */
#include "db/db_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct nilo_db_turns {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    uint64_t next; /* tickets */
    _Atomic uint64_t serving;
};

int nilo_db_turns_new(struct nilo_db_turns **ret, struct nilo_err *err)
{
    struct nilo_db_turns *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return nilo_err_nomem(err);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->moved, NULL);
    *ret = t;
    return 0;
}

void nilo_db_turns_free(struct nilo_db_turns *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->mutex);
    pthread_cond_destroy(&t->moved);
    free(t);
}

uint64_t nilo_db_turns_count(const struct nilo_db_turns *t)
{
    return atomic_load_explicit(&t->serving, memory_order_acquire);
}

void nilo_db_turn_take(struct nilo_db *db)
{
    struct nilo_db_turns *t = db->turns;
    if (t == NULL || db->held++ > 0)
        return;
    pthread_mutex_lock(&t->mutex);
    uint64_t mine = t->next++;
    while (t->serving != mine)
        pthread_cond_wait(&t->moved, &t->mutex);
    pthread_mutex_unlock(&t->mutex);
}

void nilo_db_turn_give(struct nilo_db *db)
{
    struct nilo_db_turns *t = db->turns;
    if (t == NULL || --db->held > 0)
        return;
    pthread_mutex_lock(&t->mutex);
    t->serving++;
    pthread_cond_broadcast(&t->moved);
    pthread_mutex_unlock(&t->mutex);
}

/* What a statement does is told by its first word; WITH is only ever followed by SELECT here, outside of transactions. */
bool nilo__db_only_reads(const char *sql)
{
    static const char *const words[] = {"SELECT", "WITH", "PRAGMA", "EXPLAIN", "VALUES", "SHOW"};
    while (*sql == ' ' || *sql == '\n' || *sql == '(')
        sql++;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncasecmp(sql, words[i], strlen(words[i])) == 0)
            return true;
    }
    return false;
}
