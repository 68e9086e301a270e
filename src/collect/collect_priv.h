/* What the files of collect share: one connection being collected. */
#ifndef NILO_COLLECT_COLLECT_PRIV_H
#define NILO_COLLECT_COLLECT_PRIV_H

#include "base/arena.h"
#include "base/decimal.h"
#include "base/json.h"
#include "collect/collect.h"
#include "connect/connect.h"
#include "record/record.h"

#define NILO__COLLECT_TRIES 3
#define NILO__COLLECT_BACKOFF (1 * NILO_US_SECOND) /* before the second try; twice that before the third */

/* A value of an SQL connection. */
struct nilo__metric {
    const struct nilo_config_sql_metric *config;
    int32_t id;      /* 0: could not be defined, `fail` says why */
    bool active;     /* is_active of its definition */
    bool created;    /* rows of the day, not rows up to its end */
    size_t table;
    const char *fail_class, *fail;
    struct nilo_sql_answer *answers; /* of a statement: of the days from answers_from on */
    nilo_day answers_from;
};

/* Metrics of the same table, timestamp column and filter come from one pass. A statement is a table of its own. */
struct nilo__table {
    const char *table, *timestamp, *filter;
    bool is_statement;
    struct nilo_sql_statement statement;
    size_t days_at_once;    /* of the statement: 0, or how many it could be asked for so far within its time */
    size_t took_too_long;   /* of the statement: 0, or how many days it was asked for when it took too long first, in this run */
    int64_t rows; /* readable ones */
    bool failed;
    const char *fail_class, *fail;
    const char *unreadable; /* NULL, or the sentence about rows without a readable timestamp */
    int64_t *below;         /* rows before each cut */
};

/* The days of one run and what of them is asked for. */
struct nilo__plan {
    nilo_day *days; /* ascending */
    size_t n;
    bool *due;      /* n * n_metrics */
    bool *holds;    /* n_metrics: has a value for the last day already */
};

/* What makes a run one of backfill. */
struct nilo__backfill {
    bool revise;
    void (*progress)(void *ctx, size_t days);
    void *ctx;
};

struct nilo__job {
    struct nilo_store *store;
    const struct nilo_config *config;
    const struct nilo_config_connection *source;
    const struct nilo_collect_options *options;
    struct nilo_arena arena;
    struct nilo_connection connection;
    const struct nilo_calendar *calendar;
    nilo_us now;
    nilo_day today;
    struct nilo_config_sql_metric *sql_metrics; /* what `metrics` points into */
    struct nilo__metric *metrics;
    int n_metrics;
    struct nilo__table *tables;
    size_t n_tables;
    struct nilo__plan before, named; /* the days to be completed; the day asked for, or today */
    struct nilo_cut *cuts;
    size_t n_cuts;
    bool was_read;     /* the source was asked */
    char *database;    /* where it is, secrets resolved */
    struct nilo_db *db; /* NULL: not open */
    struct nilo_arena slice; /* answers of statements for some hundred days, then for the next */
    const struct nilo__backfill *backfill; /* NULL: collecting */
    const char *left_out; /* of backfill: NULL, or the sentence of dropped days at the beginning of the range */
    const char *error; /* what is wrong with the whole source: its sentence */
    /* how it went */
    int metrics_collected; /* for the named day */
    bool any_good, any_bad;
};

/* ---- due.c ---- */

/** nilo__plan_new - room for so many days */
int nilo__plan_new(struct nilo__job *job, size_t days, struct nilo__plan *ret, struct nilo_err *err);
/** nilo__due_before - the days that are over and not read after their end, with the metrics that lack such a reading; of the days that ended
 *  within the last 7 days, closed ones too, the metrics that have neither a value nor another answer */
int nilo__due_before(struct nilo__job *job, struct nilo__plan *ret, struct nilo_err *err);
/** nilo__due_named - one day, all active metrics */
int nilo__due_named(struct nilo__job *job, nilo_day day, struct nilo__plan *ret, struct nilo_err *err);

/* ---- sql_read.c ---- */

/** nilo__sql_metrics - expands and defines the connection's metrics, groups them by table. What cannot be defined is marked */
int nilo__sql_metrics(struct nilo__job *job, struct nilo_err *err);
/** nilo__sql_read - asks the source for all that the two plans need. What the source does wrong is kept in job->error and the tables
 *  errors  only our own: memory */
int nilo__sql_read(struct nilo__job *job, struct nilo_err *err);
/** nilo__sql_answer - what the source says of a metric on a day: `present` is false where it has no value; of what nilo__sql_read() and, for
 *  statements, the newest nilo__sql_read_slice() brought */
struct nilo_sql_answer nilo__sql_answer(const struct nilo__job *job, const struct nilo__metric *m, nilo_day day);
/** nilo__sql_read_slice - asks the statements for the plan's days from number `at` on; what a statement does wrong is kept in its table
 *  ret_n   how many days that are; at least one, some hundred at most */
int nilo__sql_read_slice(struct nilo__job *job, const struct nilo__plan *plan, size_t at, size_t *ret_n, struct nilo_err *err);
/** nilo__sql_earliest - the day of the plan that the first row of any table belongs to; NILO_DAY_NONE when there are no rows */
nilo_day nilo__sql_earliest(const struct nilo__job *job, const struct nilo__plan *plan);
void nilo__sql_done(struct nilo__job *job);

/* ---- collect.c ---- */

/** nilo__job_init - where a connection belongs in the store, and what day it is there. owner: caller, nilo__job_done() */
int nilo__job_init(struct nilo__job *job, struct nilo_store *s, const struct nilo_config *config,
                   const struct nilo_config_connection *c, const struct nilo_collect_options *o, struct nilo_err *err);
void nilo__job_done(struct nilo__job *job);
/** nilo__collect_platforms - all chosen connections of platforms. ret_matching: how many the options name; ret_chosen: of them not disabled
 *  between  of schedules: called now and then while all that is under way only waits */
int nilo__collect_platforms(struct nilo_store *s, const struct nilo_config *config, const struct nilo_collect_options *o,
                            int (*between)(void *ctx, struct nilo_err *err), void *between_ctx, struct nilo_collect_result *ret, int *ret_matching, int *ret_chosen,
                            struct nilo_err *err);
/** nilo__names - does it have the name and workspace that the options want? */
bool nilo__names(const struct nilo_config_connection *c, const struct nilo_collect_options *o);
/** nilo__is_chosen - is the connection, of a database, meant? */
bool nilo__is_chosen(const struct nilo_config_connection *c, const struct nilo_collect_options *o);
/* While it is paused its source is not asked: NULL, or the sentence that says so. owner: the job */
const char *nilo__paused(struct nilo__job *job);
/* Sets the error of days that retention took; returns -1 */
int nilo__dropped(const struct nilo__job *job, struct nilo_err *err);
int nilo__nothing_chosen(const struct nilo_config *config, const struct nilo_collect_options *o, struct nilo_err *err);

/* ---- run.c ---- */


/** nilo__one_run - makes a run of a plan; reports it */
int nilo__one_run(struct nilo__job *job, const struct nilo__plan *plan, struct nilo_err *err);
/** nilo__failed_run - logs that the source could not be asked: job->error. ret_run: its id */
int nilo__failed_run(struct nilo__job *job, int64_t *ret_run, struct nilo_err *err);
/** nilo__keep_status - connected or failing, as it went; what somebody else decided (disabled, expired) stays */
int nilo__keep_status(const struct nilo__job *job, struct nilo_err *err);
/** nilo__collect_runs - the runs of one connection; reports each */
int nilo__collect_runs(struct nilo__job *job, struct nilo_err *err);

#endif
