/* Work of the daemon that takes longer than a request: collections, imports, whatever a command does for its caller. Each lane is a thread that runs one
 * task after another; a task opens a handle of the store for itself (nilo_store_open_beside), so that jobs of the writer go between its transactions.
 * A task goes on to its end whoever leaves. */
#ifndef NILO_API_TASK_H
#define NILO_API_TASK_H

#include "api/server.h"

struct nilo_tasks;
struct nilo_task;

/* What may wait for hours does not stand before what is done in a moment; nor does what asks an app's database again and again, which may not answer. */
enum nilo_lane { NILO_LANE_LONG, NILO_LANE_SHORT, NILO_LANE_APP, NILO_LANES };

/** a task - on its lane's thread. What comes of it is left in ctx, which the task owns until nobody refers to it any more */
typedef void nilo_task_fn(void *ctx);

/** nilo_tasks_new - makes the threads. owner: caller, nilo_tasks_free() */
int nilo_tasks_new(struct nilo_tasks **ret, struct nilo_err *err);
/** nilo_tasks_quit - nothing new is begun; what waits is let go without having run (nilo_task_ran() is false then). Does not wait for what runs */
void nilo_tasks_quit(struct nilo_tasks *all);
bool nilo_tasks_idle(struct nilo_tasks *all); /* does none run? */
bool nilo_tasks_quits(void *all); /* should what runs come to its end? all: struct nilo_tasks */
/** nilo_tasks_free - quits, waits for what runs, wakes who is parked: before nilo_server_free(). NULL is fine */
void nilo_tasks_free(struct nilo_tasks *all);

/** nilo_task_join - the task of that key where one waits or runs (ctx is then freed), else a new one. key NULL: always a new one
 *  ctx     becomes the task's, also on failure; freed with free_ctx
 *  errors  NILO_EBUSY too many wait, or the server ends; NILO_ENOMEM
 *  owner   caller: a reference, nilo_task_unref() */
int nilo_task_join(struct nilo_tasks *all, enum nilo_lane lane, const char *key, nilo_task_fn *fn, void *ctx, void (*free_ctx)(void *ctx),
                   struct nilo_task **ret, struct nilo_err *err);
void nilo_task_unref(struct nilo_task *t); /* NULL is fine */
/** nilo_task_wait - 0: it is over, and its ctx does not change any more. NILO_PARKED: it is not, the handler of x returns that and runs again then */
int nilo_task_wait(struct nilo_task *t, struct nilo_exchange *x);
void *nilo_task_ctx(struct nilo_task *t);
bool nilo_task_ran(struct nilo_task *t); /* once it is over: did it run at all? */

struct nilo_tasks_counts {
    int64_t waiting, running, done; /* done: since the start */
};
void nilo_tasks_counts(struct nilo_tasks *all, struct nilo_tasks_counts *ret);

#endif
