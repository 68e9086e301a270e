/* How collect and backfill tell of their runs: what both say of a run, as JSON and as tables for people. */
#ifndef NILO_CMD_TOLD_H
#define NILO_CMD_TOLD_H

#include "cmd/cmd_priv.h"
#include "collect/collect.h"

/* What is told of either kind of run. Texts are the run's. */
struct nilo__told {
    const char *workspace, *connection, *status, *error, *asked_by_day;
    int64_t run; /* 0: nothing was logged */
    nilo_day first_day, last_day;
    const struct nilo_collect_failure *failures;
    size_t n_failures;
    const char *const *notes;
    size_t n_notes;
};

/* Lines of JSON as runs end, or a table of runs and one of notes at the end. */
struct nilo__teller {
    struct nilo_cmd_ctx *ctx;
    struct nilo__table runs, notes;
    bool failed; /* a line could not be printed: err */
    struct nilo_err err;
};

/** nilo__teller_init - heads: of the table of runs; right: a bit a column of numbers */
void nilo__teller_init(struct nilo__teller *p, struct nilo_cmd_ctx *ctx, const char *const *heads, int columns, unsigned right);
/** nilo__teller_end - prints the tables, also when the work ended early: what was done before is told. Frees p in every case */
int nilo__teller_end(struct nilo__teller *p, struct nilo_err *err);
/** nilo__told_progress - what a nilo_collect_progress_fn is told, on a bar, which may be NULL */
void nilo__told_progress(struct nilo_progress *bar, const char *connection, const char *doing, int64_t done, int64_t of);
/** nilo__teller_note - "workspace/connection  metric: text" */
void nilo__teller_note(struct nilo__teller *p, const struct nilo__told *run, const char *metric, const char *text);
/** nilo__teller_notes - its error, failures, notes and what was asked day by day */
void nilo__teller_notes(struct nilo__teller *p, const struct nilo__told *run);

/** nilo__told_begin - opens the object of a run: workspace, connection, run, first_day, last_day, status */
void nilo__told_begin(struct nilo__answer *a, const struct nilo__told *run);
/** nilo__told_end - error, failures, notes, asked_by_day; closes the object and prints it */
void nilo__told_end(struct nilo__answer *a, const struct nilo__told *run, struct nilo__teller *p);

void nilo__told_int(struct nilo__answer *a, const char *key, int64_t v);
void nilo__told_day(struct nilo__answer *a, const char *key, nilo_day day);
void nilo__told_str(struct nilo__answer *a, const char *key, const char *v); /* NULL: null */

/** nilo__tell_clock - a wrong clock spoils what is read under it: whoever collects is told at once */
int nilo__tell_clock(struct nilo_cmd_ctx *ctx, struct nilo_store *store, struct nilo_err *err);

#endif
