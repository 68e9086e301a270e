/* Collecting from platforms: a step machine that holds any number of connections' jobs, keeps many requests in flight within the limits of hosts, tokens
 * and budgets, retries by the class of an error, and hands what comes back to record. It waits for nothing itself: whoever drives it calls step, waits as
 * long as it says or until the HTTP client has something, and calls it again. Clock, chance and network come in, so a day of it runs in a second.
 *
 * One thread; the store handle and the HTTP client are the caller's and are used by nobody else meanwhile. */
#ifndef NILO_COLLECT_PLATFORM_H
#define NILO_COLLECT_PLATFORM_H

#include "collect/collect.h"
#include "collect/replay.h"
#include "collect/retry.h"
#include "connect/connector.h"
#include "store/collecting.h"

/* Where tokens come from. */
struct nilo_token_source {
    /* The credentials of a connection; secrets stay good until the next call for the same connection.
     * ret_why  NULL, or why there are none that could be used: a sentence, owned by the source until the next call */
    int (*get)(void *ctx, const struct nilo_connection *c, struct nilo_credentials *ret, const char **ret_why, struct nilo_err *err);
    /* A platform refused the access token that get() gave. ret_new: there is another one now; else ret_why says why there is not, and the connection is
     * marked expired by the caller */
    int (*refused)(void *ctx, const struct nilo_connection *c, bool *ret_new, const char **ret_why, struct nilo_err *err);
    void *ctx;
};

/* One connection to collect from. Texts are copied. */
struct nilo_platform_want {
    struct nilo_connection connection;
    const char *const *settings;  /* of the connector, by number; NULL, there or for all: the default */
    const char *const *accounts;  /* whose content is listed; none: the token's own, where there is a token */
    size_t n_accounts;
    const char *const *ids;       /* items besides */
    size_t n_ids;
    int refresh_window_days;      /* 0 = none */
    size_t batch;                 /* ids a call, 0 = as many as the platform takes */
    int64_t request_delay_ms;     /* between two calls of one owner of a budget; -1 = the platform's default */
    int at_once;                  /* calls under way a token; 0 = the platform's default */
    int64_t budget;               /* of each bucket a period; 0 = the platform's default */
    bool all;                     /* every item, whatever was read when */
    bool rest;                    /* it is the rest of a slot that was cut short: what it asks for is asked a second time, but for what had not gone out yet */
    nilo_us patience;             /* how long it waits for a host or a limit before it leaves the rest to a later run; 0 = ten minutes */
    const char *slot;             /* of the run; NULL = none */
    const struct nilo_lease *lease; /* checked in each committing transaction; NULL = none. Lives as long as the job */
    void *ctx;                    /* given back with the outcome */
};

/* What became of one connection. Valid while it is reported. */
struct nilo_platform_outcome {
    void *ctx;
    const struct nilo_connection *connection;
    int64_t run;                   /* 0: nothing was logged */
    const char *status;            /* completed, partial, failed, quarantined; "done": the slot was done before */
    const char *error;             /* NULL, or why nothing was read */
    int64_t discovered;            /* items that were not known */
    int64_t due, read, updated, failed, gone, back; /* items: due now; read; of them with something new; not read; found gone; there again */
    int64_t processed;             /* items of which something came: read, failed, or not there any more */
    int64_t left;                  /* due, and left to a later run */
    nilo_us again_at;              /* when that can go on; NILO_US_NONE = nothing is left */
    int64_t requests, retries;
    int64_t duration_ms;
    int days_closed;
    const struct nilo_collect_failure *failures; /* the first some; metric is the item's id */
    size_t n_failures;
    int64_t all_failures;         /* how many there were */
    const char *const *notes;
    size_t n_notes;
    struct nilo_run logged;
};
typedef void nilo_platform_report_fn(void *ctx, const struct nilo_platform_outcome *outcome);

struct nilo_platforms;
struct nilo_platforms_options {
    struct nilo_store *store;
    struct nilo_http *http;
    struct nilo_token_source tokens;
    nilo_platform_report_fn *report; /* called from step; may be NULL */
    void *report_ctx;
    struct nilo_keeper *keeper;      /* answers are kept for a replay; NULL = they are not. The caller's; flushed when a job ends */
};
int nilo_platforms_new(const struct nilo_platforms_options *o, struct nilo_platforms **ret, struct nilo_err *err);
void nilo_platforms_free(struct nilo_platforms *p); /* NULL is fine. Jobs that are under way are logged as failed */

/** nilo_platforms_add - a job begins with the next step
 *  errors  NILO_EINVAL no connector of that platform; NILO_EEXIST the connection has a job under way */
int nilo_platforms_add(struct nilo_platforms *p, const struct nilo_platform_want *want, struct nilo_err *err);

/** nilo_platforms_step - does all that can be done now
 *  ret_next  when there is something to do again without an answer from outside; NILO_US_NONE = only answers move anything
 *  errors    the store's and memory's; a job that cannot go on for such a reason is logged, if that is possible, and reported, the others go on */
int nilo_platforms_step(struct nilo_platforms *p, nilo_us *ret_next, struct nilo_err *err);
size_t nilo_platforms_busy(const struct nilo_platforms *p); /* jobs under way */
/** nilo_platforms_run - steps and waits until no job is left */
int nilo_platforms_run(struct nilo_platforms *p, struct nilo_err *err);

#endif
