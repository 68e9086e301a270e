/* Kept answers of platforms: put aside while collecting, and read again by the parser of today. What comes out differently is an amendment (cause replayed) on
 * days that are closed, and the day's value on open ones; the base of a closed day stays. */
#ifndef NILO_COLLECT_REPLAY_H
#define NILO_COLLECT_REPLAY_H

#include "connect/connector.h"
#include "store/store.h"

/* ---- keeping ---- */

struct nilo_keeper; /* answers that wait to be written, some hundred kilobytes at most */
int nilo_keeper_new(struct nilo_store *s, struct nilo_keeper **ret, struct nilo_err *err);
void nilo_keeper_free(struct nilo_keeper *k); /* what was not flushed is lost; NULL is fine */
/** nilo_keeper_keep - copies; writes when enough have come. Answers that hold tokens, and those that are none, are left out
 *  run   of the connection's, or 0
 *  errors the store's */
int nilo_keeper_keep(struct nilo_keeper *k, int64_t connection, int64_t run, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_err *err);
int nilo_keeper_flush(struct nilo_keeper *k, struct nilo_err *err); /* own transaction */

/* ---- replaying ---- */

struct nilo_replay_options {
    const char *workspace, *connection; /* NULL = all */
    nilo_us from, to;                   /* when it was answered, both included; NILO_US_NONE = all */
    bool dry_run;
};
struct nilo_replay_result {
    int connections;             /* that have kept answers */
    int64_t answers, unreadable; /* taken again; not understood this time either */
    int64_t readings;            /* handed to record */
    int64_t changed;             /* values: amendments of closed days, and new values of open ones */
    int failed;                  /* connections whose run failed */
};
typedef void nilo_replay_report_fn(void *ctx, const struct nilo_connection *c, const struct nilo_run *run, int64_t answers, const char *error);

/** nilo_replay - one run (kind replay) for each connection that has kept answers of that time. Running it again changes nothing
 *  report   of each connection; may be NULL
 *  errors   NILO_ENAME nothing of that name, the store's */
int nilo_replay(struct nilo_store *s, const struct nilo_replay_options *o, nilo_replay_report_fn *report, void *ctx, struct nilo_replay_result *ret,
                struct nilo_err *err);

#endif
