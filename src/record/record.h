/* The one write path. Connectors, imports, backfills, pushes, replays and people's revisions all hand it readings; it validates them,
 * decides their day, merges duplicates, applies them, judges the run, and closes the days that may close. */
#ifndef NILO_RECORD_RECORD_H
#define NILO_RECORD_RECORD_H

#include "store/store.h"

/* One value in a reading. */
struct nilo_reading_value {
    int32_t metric;            /* id from the store's catalogue */
    int64_t value;             /* scaled by the metric's scale; ignored unless absence is NILO_PRESENT */
    enum nilo_absence absence;
    const char *meta;          /* JSON object or NULL */
};
/* One reading: what was seen of one entity in one window at one instant. */
struct nilo_reading {
    enum nilo_entity_kind kind;
    const char *external_id;   /* NILO_APP_ID for the app; 1..1024 bytes of UTF-8 */
    int32_t win;               /* 0 lifetime, 1..3660 days */
    nilo_us captured_at;       /* NILO_US_NONE: only the day is known */
    nilo_day day;              /* the day the source names; NILO_DAY_NONE: from captured_at. One of the two is needed */
    enum nilo_provenance provenance; /* 0 = the run's */
    const struct nilo_attrs *attrs;  /* NULL = none */
    const char *owner;         /* owner key to credit, NULL = none */
    const struct nilo_reading_value *values;
    size_t n_values;
    int64_t tag;               /* the caller's own number for it, given back by nilo_record_note_fn */
};

/* Told of each value that was refused because its day is closed and holds another (point->outcome NILO_REFUSED; of an SQL source the run counts it
 * as unchanged), and of each that the record knew already (NILO_UNCHANGED). tag: of the reading that brought it. Called while its
 * chunk is written, before that is committed; point is valid during the call. */
typedef void nilo_record_note_fn(void *ctx, int64_t tag, const struct nilo_point *point);

struct nilo_run_options {
    enum nilo_run_kind kind;
    enum nilo_provenance provenance;
    bool revise;         /* NILO_RUN_REVISE is always one */
    bool dry_run;        /* all is done, then rolled back: the summary tells what would happen */
    bool platform;       /* a platform collector: guard, restatement */
    bool full_listing;   /* the run lists every item of the connection: vanished ones count for the guard */
    bool no_close;       /* leave closing to a later run */
    bool within;         /* everything happens in the transaction that the caller has open and commits; of a run that fails nothing is logged: roll
                          * back. Its readings are one chunk */
    const char *slot;
    bool repair;         /* a run of that slot was done in part: what it lacked is done now, under the same slot */
    nilo_day target_day; /* NILO_DAY_NONE */
    nilo_day read_until; /* SQL: last day that this run read after its end, set before finishing through nilo_record_read_until */
    size_t chunk;        /* points a transaction; 0 = 50,000, or what takes some 50 ms where others write beside it */
    const char *author;
    nilo_record_note_fn *note; /* may be NULL */
    bool note_all;       /* note is told of every value, whatever became of it */
    void *note_ctx;
    /* May what was written be committed? Asked in each transaction of the run, before its end; -1 with an error: it is rolled back. NULL = yes */
    int (*guard)(void *ctx, struct nilo_store *s, struct nilo_err *err);
    void *guard_ctx;
};

struct nilo_recorder; /* one run being written */

/** nilo_record_begin - starts a run of the connection and logs it at once (its own transaction)
 *  errors  NILO_ESTORE and the like; NILO_EEXIST the slot has a completed run already (not an error for schedulers) */
int nilo_record_begin(struct nilo_store *s, const struct nilo_connection *c, const struct nilo_run_options *o,
                      struct nilo_recorder **ret, struct nilo_err *err);

/** nilo_record_add - one reading; copied. Readings of the same (entity, window, captured_at) that come within one chunk are combined
 *  (SEMANTICS 2.2); hand them over adjacent. A reading that is wrong is refused with NILO_EINVAL/NILO_EDATERANGE and a sentence, counted, and the
 *  run goes on: the caller reports it. Any other error ends the run: nilo_record_abort(). */
int nilo_record_add(struct nilo_recorder *r, const struct nilo_reading *reading, struct nilo_err *err);

/** nilo_record_best - the all-time best of a metric of an item, as an export of values tells it; copied. Behind all readings of the item. It makes no
 *  day's value and no item, and lowers no best; what the record holds itself, or a person corrected, it does not change. captured_at NILO_US_NONE:
 *  the end of the day. One of an item that was erased says nothing. The run's `bests` counts those that were new.
 *  errors  as nilo_record_add(): NILO_EINVAL and NILO_EDATERANGE it is refused with a sentence, and counted, and the run goes on */
int nilo_record_best(struct nilo_recorder *r, const struct nilo_best_in *best, struct nilo_err *err);

/** nilo_record_value_wrong - would this value have its whole reading refused? A count is never negative; averages and the rest may be */
bool nilo_record_value_wrong(const struct nilo_metric *m, const struct nilo_reading_value *v);

/** nilo_record_merge - what rows of one thing at one instant say together (SEMANTICS 2.2): what record does with them itself, for who has to know it before
 *  rows       in order of arrival, at least one
 *  ret_first  the one that stands, or to which the others add */
int nilo_record_merge(const struct nilo_catalog *catalog, struct nilo_arena *arena, const struct nilo_reading *const *rows, size_t n, struct nilo_reading *ret,
                      size_t *ret_first, struct nilo_err *err);

/** nilo_record_fail - an item or metric that could not be read: class like transient, auth, gone, invalid */
int nilo_record_fail(struct nilo_recorder *r, const char *external_id, const char *class, const char *message, struct nilo_err *err);
/** nilo_record_say - a sentence for people in the run's details; no failure. What is beyond some kilobytes is left out */
int nilo_record_say(struct nilo_recorder *r, const char *sentence, struct nilo_err *err);
void nilo_record_read_until(struct nilo_recorder *r, nilo_day day);
void nilo_record_metrics_collected(struct nilo_recorder *r, int n);
/* nilo_record_processed - of a platform: items that were taken up, those that failed or are gone too; in the run's details */
void nilo_record_processed(struct nilo_recorder *r, int64_t n);
int64_t nilo_record_run(const struct nilo_recorder *r);

/** nilo_record_finish - writes what is left, judges the run (quarantine), closes days, logs the run. Frees r in every case.
 *  failed_all: the run read nothing at all (source down): status failed with `error`
 *  ret     the run as logged: status, counts, days closed; texts are in `arena` */
int nilo_record_finish(struct nilo_recorder *r, const char *error, struct nilo_arena *arena, struct nilo_run *ret, struct nilo_err *err);
/** nilo_record_abort - rolls back the open chunk, logs the run as failed with cause's sentence. Frees r. */
void nilo_record_abort(struct nilo_recorder *r, const struct nilo_err *cause);

/* ---- history from elsewhere --------------------------------------------------------------------------------------------------- */

/** nilo_record_restore_begin - rows of an export (nilo_whole_tables) back into a store, as they are: closed days with their bases, amendments and
 *  closes, runs with their numbers. Nothing is judged again; rows that no record could hold are refused. One transaction: all or nothing.
 *  errors  of nilo_store_load_begin(); after an error of _row: _abort. _end frees r in every case */
struct nilo_restore;
int nilo_record_restore_begin(struct nilo_store *s, const struct nilo_load_head *head, struct nilo_restore **ret, struct nilo_err *err);
int nilo_record_restore_row(struct nilo_restore *r, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err);
int nilo_record_restore_end(struct nilo_restore *r, nilo_progress_fn *progress, void *ctx, struct nilo_loaded *ret, struct nilo_err *err);
void nilo_record_restore_abort(struct nilo_restore *r); /* NULL is fine */

/* ---- acts ---------------------------------------------------------------------------------------------------------------------- */

/** nilo_record_seal - closes what may close on one connection (0 = all). ret_days = days closed */
int nilo_record_seal(struct nilo_store *s, int64_t connection, int *ret_days, struct nilo_err *err);
/** nilo_record_run_accept / _reject - a quarantined run counts again / is dropped for good; so is one that started in the future of the clock.
 *  errors: NILO_ENOENT, NILO_EINVAL neither */
int nilo_record_run_accept(struct nilo_store *s, int64_t run, struct nilo_err *err);
int nilo_record_run_reject(struct nilo_store *s, int64_t run, struct nilo_err *err);

/** nilo_record_accept_clock - `doctor --accept-clock`: the present wall clock is right. Runs that read more than 5 minutes ahead of it are rejected
 *  ret_taken_out  their numbers are appended, as in "3, 4"; may be NULL */
int nilo_record_accept_clock(struct nilo_store *s, struct nilo_buf *ret_taken_out, struct nilo_err *err);
/** nilo_record_clock_note - why days stay open because of the clock, or "" */
int nilo_record_clock_note(struct nilo_store *s, struct nilo_buf *ret, struct nilo_err *err);

/** nilo_settle_default - seconds after a day's end before it may close: sql 6 h, push and import 24 h, platforms 48 h */
int64_t nilo_settle_default(const char *platform);
/** nilo_settle_seconds - how long after a day's end this connection's day stays open: as the file says, else the default, or as long as days were measured to
 *  change, up to 96 hours */
int nilo_settle_seconds(struct nilo_store *s, const struct nilo_connection *c, int64_t *ret, struct nilo_err *err);

#endif
