/* See task.h. One mutex for all: it is taken a few times a task. */
#include "api/task.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 256 /* a lane */

struct waiter {
    struct nilo_exchange *x;
    struct waiter *next;
};

struct nilo_task {
    struct nilo_tasks *all;
    int refs; /* the queue or the lane: one */
    char *key;
    nilo_task_fn *fn;
    void *ctx;
    void (*free_ctx)(void *);
    bool over, ran;
    struct waiter *waiters;
    struct nilo_task *next;
};

struct lane {
    struct nilo_tasks *all;
    pthread_t thread;
    bool made;
    pthread_cond_t work;
    struct nilo_task *first, **end, *running;
    int64_t waiting;
};

struct nilo_tasks {
    pthread_mutex_t mutex;
    bool quit;
    int64_t done;
    struct lane lanes[NILO_LANES];
};

static void task_free(struct nilo_task *t)
{
    if (t->ctx != NULL && t->free_ctx != NULL)
        t->free_ctx(t->ctx);
    free(t->key);
    free(t);
}

/* Under the mutex. Returns who has to be woken without it: a request that ends gives back its reference. */
static struct waiter *end(struct nilo_task *t, bool ran)
{
    struct waiter *list = t->waiters;
    t->over = true;
    t->ran = ran;
    t->waiters = NULL;
    return list;
}

static void wake(struct waiter *list)
{
    while (list != NULL) {
        struct waiter *w = list;
        list = w->next;
        nilo_req_wake(w->x);
        free(w);
    }
}

/* ---- a lane ------------------------------------------------------------------------------------------------------------------------------ */

static struct nilo_task *take(struct lane *l)
{
    struct nilo_task *t = l->first;
    if (t != NULL) {
        l->first = t->next;
        if (l->first == NULL)
            l->end = &l->first;
        l->waiting--;
    }
    return t;
}

static void *work(void *arg)
{
    struct lane *l = arg;
    struct nilo_tasks *all = l->all;
    pthread_mutex_lock(&all->mutex);
    while (!all->quit) {
        struct nilo_task *t = take(l);
        if (t == NULL) {
            pthread_cond_wait(&l->work, &all->mutex);
            continue;
        }
        l->running = t;
        pthread_mutex_unlock(&all->mutex);
        t->fn(t->ctx);
        pthread_mutex_lock(&all->mutex);
        l->running = NULL;
        all->done++;
        struct waiter *woken = end(t, true);
        pthread_mutex_unlock(&all->mutex);
        wake(woken);
        nilo_task_unref(t);
        pthread_mutex_lock(&all->mutex);
    }
    pthread_mutex_unlock(&all->mutex);
    return NULL;
}

/* ---- tasks --------------------------------------------------------------------------------------------------------------------------------- */

static struct nilo_task *find(const struct lane *l, const char *key)
{
    if (key == NULL)
        return NULL;
    if (l->running != NULL && l->running->key != NULL && strcmp(l->running->key, key) == 0)
        return l->running;
    for (struct nilo_task *t = l->first; t != NULL; t = t->next) {
        if (t->key != NULL && strcmp(t->key, key) == 0)
            return t;
    }
    return NULL;
}

static int put(struct lane *l, struct nilo_task *mine, struct nilo_task **ret, struct nilo_err *err)
{
    struct nilo_task *there = find(l, mine->key);
    if (there != NULL) {
        there->refs++;
        *ret = there;
        return 0;
    }
    if (l->all->quit || l->waiting >= WAITING_MAX)
        return nilo_err_set(err, NILO_EBUSY, "%s; nothing was begun, try again", l->all->quit ? "the server ends" : "too many tasks wait");
    *l->end = mine;
    l->end = &mine->next;
    l->waiting++;
    mine->refs++;
    pthread_cond_signal(&l->work);
    *ret = mine;
    return 0;
}

int nilo_task_join(struct nilo_tasks *all, enum nilo_lane lane, const char *key, nilo_task_fn *fn, void *ctx, void (*free_ctx)(void *ctx),
                   struct nilo_task **ret, struct nilo_err *err)
{
    struct nilo_task *t = calloc(1, sizeof(*t)), *got = NULL;
    char *copy = key != NULL ? strdup(key) : NULL;
    if (t == NULL || (key != NULL && copy == NULL)) {
        free(t);
        free(copy);
        free_ctx(ctx);
        return nilo_err_nomem(err);
    }
    *t = (struct nilo_task){.all = all, .refs = 1, .key = copy, .fn = fn, .ctx = ctx, .free_ctx = free_ctx};
    pthread_mutex_lock(&all->mutex);
    int rc = put(&all->lanes[lane], t, &got, err);
    pthread_mutex_unlock(&all->mutex);
    if (got != t)
        task_free(t);
    if (rc == 0)
        *ret = got;
    return rc;
}

void nilo_task_unref(struct nilo_task *t)
{
    if (t == NULL)
        return;
    struct nilo_tasks *all = t->all;
    pthread_mutex_lock(&all->mutex);
    bool last = --t->refs == 0;
    pthread_mutex_unlock(&all->mutex);
    if (last)
        task_free(t);
}

int nilo_task_wait(struct nilo_task *t, struct nilo_exchange *x)
{
    struct waiter *w = malloc(sizeof(*w));
    pthread_mutex_lock(&t->all->mutex);
    int rc = 0;
    if (!t->over && w != NULL) {
        *w = (struct waiter){x, t->waiters};
        t->waiters = w;
        w = NULL;
        rc = nilo_req_park(x);
    } else if (!t->over) {
        rc = -1;
    }
    pthread_mutex_unlock(&t->all->mutex);
    free(w);
    return rc;
}

void *nilo_task_ctx(struct nilo_task *t)
{
    return t->ctx;
}

bool nilo_task_ran(struct nilo_task *t)
{
    pthread_mutex_lock(&t->all->mutex);
    bool ran = t->ran;
    pthread_mutex_unlock(&t->all->mutex);
    return ran;
}

/* ---- all of them ----------------------------------------------------------------------------------------------------------------------------- */

int nilo_tasks_new(struct nilo_tasks **ret, struct nilo_err *err)
{
    struct nilo_tasks *all = calloc(1, sizeof(*all));
    if (all == NULL)
        return nilo_err_nomem(err);
    pthread_mutex_init(&all->mutex, NULL);
    for (int i = 0; i < NILO_LANES; i++) {
        struct lane *l = &all->lanes[i];
        l->all = all;
        l->end = &l->first;
        pthread_cond_init(&l->work, NULL);
        l->made = pthread_create(&l->thread, NULL, work, l) == 0;
        if (!l->made) {
            nilo_tasks_free(all);
            return nilo_err_set(err, NILO_ENOMEM, "cannot make the threads for tasks");
        }
    }
    *ret = all;
    return 0;
}

void nilo_tasks_quit(struct nilo_tasks *all)
{
    struct nilo_task *let_go = NULL;
    pthread_mutex_lock(&all->mutex);
    all->quit = true;
    for (int i = 0; i < NILO_LANES; i++) {
        for (struct nilo_task *t; (t = take(&all->lanes[i])) != NULL;) {
            t->next = let_go;
            let_go = t;
        }
        pthread_cond_signal(&all->lanes[i].work);
    }
    pthread_mutex_unlock(&all->mutex);
    while (let_go != NULL) {
        struct nilo_task *t = let_go;
        let_go = t->next;
        pthread_mutex_lock(&all->mutex);
        struct waiter *woken = end(t, false);
        pthread_mutex_unlock(&all->mutex);
        wake(woken);
        nilo_task_unref(t);
    }
}

bool nilo_tasks_quits(void *tasks)
{
    struct nilo_tasks *all = tasks;
    pthread_mutex_lock(&all->mutex);
    bool quit = all->quit;
    pthread_mutex_unlock(&all->mutex);
    return quit;
}

bool nilo_tasks_idle(struct nilo_tasks *all)
{
    struct nilo_tasks_counts c;
    nilo_tasks_counts(all, &c);
    return c.running == 0;
}

void nilo_tasks_free(struct nilo_tasks *all)
{
    if (all == NULL)
        return;
    nilo_tasks_quit(all);
    for (int i = 0; i < NILO_LANES; i++) {
        if (all->lanes[i].made)
            pthread_join(all->lanes[i].thread, NULL);
        if (all->lanes[i].all != NULL)
            pthread_cond_destroy(&all->lanes[i].work);
    }
    pthread_mutex_destroy(&all->mutex);
    free(all);
}

void nilo_tasks_counts(struct nilo_tasks *all, struct nilo_tasks_counts *ret)
{
    *ret = (struct nilo_tasks_counts){0};
    pthread_mutex_lock(&all->mutex);
    for (int i = 0; i < NILO_LANES; i++) {
        ret->waiting += all->lanes[i].waiting;
        ret->running += all->lanes[i].running != NULL;
    }
    ret->done = all->done;
    pthread_mutex_unlock(&all->mutex);
}
