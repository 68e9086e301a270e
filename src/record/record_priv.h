/* Shared inside record/. */
#ifndef NILO_RECORD_RECORD_PRIV_H
#define NILO_RECORD_RECORD_PRIV_H

#include "record/record.h"

enum nilo__clock { NILO__CLOCK_OK, NILO__CLOCK_BEHIND, NILO__CLOCK_HELD };

/* A reading kept until its chunk is written; everything it points at is in the chunk's arena. */
struct nilo__pending {
    struct nilo_reading r;
    size_t arrival;            /* order of coming, for "earliest seen" */
    nilo_us captured_at;       /* decided */
    bool day_only;
    nilo_day told_day;         /* the day it names, else that of captured_at */
    bool day_decides;          /* the day that it names is the day of some of its values */
    bool dropped;              /* combined into, or beaten by, another reading of its instant */
};

struct nilo_recorder {
    struct nilo_store *store;
    struct nilo_connection connection;
    struct nilo_run_options options;
    const struct nilo_calendar *calendar;
    struct nilo_run run;
    nilo_us started_mono, now; /* now: recorded_at of the chunk being written */
    bool yields;               /* others write beside it: chunks are as large as a moment allows */
    size_t together;           /* values of one item and day that are never parted */
    struct nilo_arena arena;   /* of the chunk */
    struct nilo__pending *pending;
    size_t n, cap, n_values;
    size_t arrivals;
    struct nilo_best_in *bests; /* wait behind the readings */
    size_t n_bests, cap_bests;
    int failures;
    int64_t differences;       /* closed SQL days that read otherwise today */
    int64_t refused_readings;
    int64_t erased_readings;   /* of items and owners that were erased: nothing of them is recorded, the run is complete all the same */
    bool in_transaction;       /* a dry run's single one */
    enum nilo__clock clock;    /* as it was when the run began */
    char *last_item;           /* external id of the item that the chunk before ended with */
    char *last_owner;
    int64_t last_owner_id;
    struct nilo_buf said;      /* sentences of the caller, as JSON array members */
    int64_t processed;         /* items that were taken up; -1 = the caller does not say */
    struct nilo_buf notes;     /* first differences, as JSON array members */
};

/* merge.c: SEMANTICS 2.2. Sorts the chunk by (kind, external id, window, instant) and combines readings of one instant; counts what was
 * combined away in run.outcomes[NILO_MERGED] and run.merged_readings. */
int nilo__merge(struct nilo_recorder *r, struct nilo_err *err);
bool nilo__pending_twins(const struct nilo__pending *a, const struct nilo__pending *b); /* of one instant: never in two chunks */

/* best.c: writes the bests that wait. In a transaction, behind the readings of the chunk */
int nilo__write_bests(struct nilo_recorder *r, struct nilo_err *err);
/* record.c */
int nilo__flush(struct nilo_recorder *r, struct nilo_err *err);
int nilo__refuse(struct nilo_recorder *r, struct nilo_err *err, enum nilo_code code, const char *what);
int nilo__look_erased(struct nilo_recorder *r, enum nilo_entity_kind kind, const char *id, const char *owner, bool *ret, struct nilo_err *err);

/* clock.c */
/** nilo__clock_look - compares the wall clock with the newest recorded_at; a jump ahead is held in the store until it is accepted.
 *  In a transaction of a writing store (or a read-only one, which holds nothing). */
int nilo__clock_look(struct nilo_store *s, nilo_us now, enum nilo__clock *ret, nilo_us *ret_newest, struct nilo_err *err);
/** nilo__clock_limit - under a hold: the last day that a completed run before it has read on this connection, of an SQL source after the day's end;
 *  NILO_DAY_NONE: none */
int nilo__clock_limit(struct nilo_store *s, const struct nilo_connection *c, const struct nilo_calendar *calendar, nilo_day *ret,
                      struct nilo_err *err);
/** nilo__clock_not_yet - does this instant lie further ahead than clocks differ? */
bool nilo__clock_not_yet(nilo_us at, nilo_us now);
/** nilo__take_out - a run made in the future of the clock no longer counts, and what it read is due again. In a transaction. */
int nilo__take_out(struct nilo_store *s, const struct nilo_run *run, nilo_us now, struct nilo_err *err);
bool nilo__clock_drifted_back(nilo_us wall_span, nilo_us mono_span);
bool nilo__clock_jumped_ahead(nilo_us wall_span, nilo_us mono_span);
/** nilo__clock_hold - first: the first run under the hold, 0 = the next one; nothing happens under an earlier hold */
int nilo__clock_hold(struct nilo_store *s, int64_t first, struct nilo_err *err);

/* closing.c: closes what may close on one connection; except = the run that is just ending (0 = none). In a transaction. */
int nilo__close(struct nilo_store *s, int64_t connection, int64_t except, enum nilo__clock clock, nilo_us now, int *ret_days,
                struct nilo_err *err);

/* guard.c: fills the guard's figures of the run; *ret_reason is "" or why it is quarantined */
int nilo__guard(struct nilo_recorder *r, char *ret_reason, size_t size, struct nilo_err *err);
void nilo__guard_count(struct nilo_recorder *r, const struct nilo_metric *m, const struct nilo_point *p);

#endif
