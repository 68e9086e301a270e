/* The one writer of the daemon: a thread with the connection that writes, and a queue of short jobs for it. Handlers hand it what they want
 * written and wait; each job is one function that gets the store and goes through record like everybody else.
 *
 *     static int put(struct nilo_store *s, void *ctx, struct nilo_err *err) { struct put *p = ctx; ... nilo_record_begin(s, ...) ... }
 *     struct nilo_api *api = nilo_req_ctx(x);
 *     if (nilo_writer_do(api, put, &p, nilo_req_deadline(x), err) != 0)
 *         return -1;
 *
 * A job is short: some thousand rows, one transaction or a few. What takes longer (collections, imports) is a task (task.h). */
#ifndef NILO_API_WRITER_H
#define NILO_API_WRITER_H

#include "api/api.h"

/** a job - runs on the writer's thread; s is the writer's store, and stays its own. A transaction that is still open when it returns is rolled back.
 *  returns  0, or -1 with err, which nilo_writer_do() gives back */
typedef int nilo_writer_fn(struct nilo_store *s, void *ctx, struct nilo_err *err);

/** nilo_writer_do - runs fn on the writer's thread and waits until it has returned: ctx may lie on the caller's stack. From any thread but the
 *  writer's own and a loop. Jobs run in the order they came
 *  deadline  on clock.mono (nilo_req_deadline(x)): a job that has not begun by then never runs. One that has begun is waited for whatever the time,
 *            so that what was written is known
 *  errors    NILO_EBUSY it had not begun at the deadline, or too many wait, or the server ends: nothing was written, try again (503). Those of opening the store,
 *            and fn's own */
int nilo_writer_do(struct nilo_api *api, nilo_writer_fn *fn, void *ctx, nilo_us deadline, struct nilo_err *err);

/** nilo_writer_generation - rises after everything that may have been written: what was cached under another number is of before. Any thread, cheap */
uint64_t nilo_writer_generation(const struct nilo_api *api);

/* ---- for whoever runs the daemon ---------------------------------------------------------------------------------------------------------- */

struct nilo_api_writer_config {
    const struct nilo_env *env; /* must outlive the writer */
    int (*open)(void *ctx, struct nilo_store **ret, struct nilo_err *err); /* for writing; called on the writer's thread */
    void *ctx;
    int64_t queue; /* jobs that may wait; 0 = 512 */
};
/** nilo_api_writer_new - makes the thread. owner: caller, nilo_api_writer_free() */
int nilo_api_writer_new(const struct nilo_api_writer_config *config, struct nilo_api_writer **ret, struct nilo_err *err);
/** nilo_api_writer_quit - no more jobs; those that wait get NILO_EBUSY, the one at hand runs to its end. Does not wait for it */
void nilo_api_writer_quit(struct nilo_api_writer *w);
/** nilo_api_writer_free - quits where that was not done, and waits. Nobody may call nilo_writer_do() any more. NULL is fine */
void nilo_api_writer_free(struct nilo_api_writer *w);

struct nilo_writer_counts {
    int64_t queue, jobs, failed, refused; /* waiting now; since the start: run, of them failed; not run */
};
void nilo_writer_counts(const struct nilo_api *api, struct nilo_writer_counts *ret); /* any thread */

#endif
