/* Collecting: decides what is due, asks the sources, hands what they answer to record. A connection that fails stays alone, and so does
 * a metric. Two kinds of sources: the tables of an application (platform sql), and platforms (platform.h). */
#ifndef NILO_COLLECT_COLLECT_H
#define NILO_COLLECT_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "store/store.h"

struct nilo_http;

struct nilo_collect_failure {
    const char *metric;  /* its name; of platforms an item's or account's id, or the connection's name */
    bool is_item;        /* of platforms: an item's id */
    const char *class;   /* transient, auth, permission, invalid */
    const char *message; /* one sentence */
};

/* One run, or the reason why there was none. Valid while it is reported. */
struct nilo_collect_run {
    const char *workspace, *connection, *platform;
    int64_t run;                   /* 0: nothing was logged */
    nilo_day first_day, last_day;  /* asked for; first is NILO_DAY_NONE when it came to none */
    const char *status;            /* completed, partial, failed; "done" when the run id was completed before; "paused" */
    int metrics_collected;         /* metrics that hold a value for last_day now */
    int64_t items_processed, items_updated; /* of platforms: items that it took up; of them read and recorded */
    int64_t readings, unchanged;   /* values handed over; of these: known already or not taken because their day is closed */
    int64_t differ;                /* of these: values of closed days that the source counts otherwise by now; the kept ones stand */
    int64_t duration_ms;
    int days_closed;
    const char *error;             /* NULL, or why it failed */
    const char *details;           /* JSON of the run log, or NULL */
    const struct nilo_collect_failure *failures; /* of platforms the first 20 */
    size_t n_failures;
    int64_t all_failures;          /* how many there were; the log has them all */
    const char *const *notes;      /* sentences that are no failures: rows that could not be counted */
    size_t n_notes;
    const char *asked_by_day;      /* NULL, or the metrics whose statement was asked once for each day, with commas */
};
typedef void nilo_collect_report_fn(void *ctx, const struct nilo_collect_run *run);
/* What it is at with a connection: a table or metric that the source is asked for (done and of: blocks, rows, days; of 0 = not known), or "days" that
 * are recorded */
typedef void nilo_collect_progress_fn(void *ctx, const char *connection, const char *doing, int64_t done, int64_t of);

struct nilo_collect_options {
    const char *workspace, *connection; /* NULL = all */
    nilo_day day;                       /* NILO_DAY_NONE = everything due */
    const char *run_id;                 /* the slot of the runs of the named day; NULL = none */
    bool platforms_only;                /* no databases */
    bool all;                           /* of platforms: every item, whatever was read when */
    bool nothing_is_fine;               /* no connections at all are no error: a server may be given some later */
    bool scheduled;                     /* only connections of which a slot is due that nobody has done: each is done once, whoever asks. Others are
                                           left out without a word, erased ones too, and nothing due is no error */
    bool (*stop)(void *ctx);            /* asked about once a second while platforms are waited for: what is under way is logged as failed then. May be NULL */
    void *stop_ctx;
    struct nilo_http *http;             /* to ask platforms with; NULL = the real one, made for this call */
    struct nilo_http *token_http;       /* to renew tokens with; another one than http; NULL likewise */
    nilo_collect_report_fn *report;     /* may be NULL */
    void *report_ctx;
    nilo_collect_progress_fn *progress; /* may be NULL; of databases */
    void *progress_ctx;
};

/* What rpc/collect_daily_metrics answers, and how many connections went how. */
struct nilo_collect_result {
    int metrics_collected;   /* that hold a value for the named day (today when none was named) afterwards, over all connections */
    int64_t execution_time_ms;
    const char *status;      /* completed, partial, failed */
    int completed, partial, failed, paused; /* connections */
    int platforms;           /* connections of platforms among them */
    int64_t items_read, items_failed, values_new; /* of platforms */
    int64_t requests, retries; /* to platforms; retries are among them */
};

/** nilo_collect - collects from the connections of the configuration that the options choose. Makes workspaces, connections and metric
 *  definitions that are not in the store yet; one that the store has disabled is left out unless it is named. One that is paused is
 *  reported and not asked, also when it is named; one that was erased is reported as failed, and the others are collected.
 *  Without a day: first a run of its own for the days that are over and were not read after their end - from the last day that was read, or
 *  just yesterday at first - one pass over each table for all of them; then today, which stays open. The first run also asks again for
 *  the metrics that the days of the last 7 days lack; where the day is closed, what it gets is a late amendment.
 *  Of platforms what is due is read (pace.h), all connections at once; they only tell of now, so a day that is named has to be today.
 *  ret     filled also when sources failed: that is no error of this call
 *  errors  NILO_ENAME no such connection or workspace, NILO_ECONFIG there is none, NILO_EDATERANGE the day lies in the future of every
 *          chosen connection or does not exist there, and whatever the store says */
int nilo_collect(struct nilo_store *s, const struct nilo_config *config, const struct nilo_collect_options *o,
                 struct nilo_collect_result *ret, struct nilo_err *err);

/** nilo_collect_look - connections_from_sql, where nobody has read it for two minutes: what an app has changed in its table is known here soon, also while a
 *  collection goes on. Of what it cannot read it logs why, and the connections there are stay. nilo_collect() with `scheduled` does it first
 *  errors  the store's */
int nilo_collect_look(struct nilo_store *s, const struct nilo_config *config, struct nilo_err *err);

/** nilo_collect_names - does a metric of an sql connection bear the name of a built-in one that is something else? Then no value of it could be kept
 *  errors  NILO_ECONFIG file, line and what to do */
int nilo_collect_names(struct nilo_store *s, const struct nilo_config *config, const struct nilo_config_connection *c, struct nilo_err *err);

/** nilo_collect_erased - was this connection of the file erased from the store? Then it is made no more, and whoever goes through the file leaves
 *  it out, and none beside it
 *  ret_why  its sentence, with what to do; code NILO_EPERM
 *  returns  1 yes, 0 no, -1 error */
int nilo_collect_erased(struct nilo_store *s, const struct nilo_config *config, const struct nilo_config_connection *c, struct nilo_err *ret_why,
                        struct nilo_err *err);

/* ---- filling back ------------------------------------------------------------------------------------------------------------- */

/* Something that the checks afterwards found about a metric. */
struct nilo_backfill_finding {
    const char *metric;
    nilo_day first, last;   /* of a gap; of a fall the day before and the day; of a last day twice that */
    int64_t before, after;  /* fall: the values of both days; last day: what is recorded and what the source says; by the scale */
    int scale;
};
#define NILO_BACKFILL_FINDINGS 20 /* of each kind are kept; all are counted */
struct nilo_backfill_findings {
    struct nilo_backfill_finding *items;
    size_t n;      /* items kept */
    int64_t total; /* gaps: days without a value; falls; metrics whose last day differs */
};

/* One connection that was filled back, or the reason why not. Valid while it is reported. */
struct nilo_backfill_run {
    const char *workspace, *connection;
    int64_t run;                  /* 0: nothing was logged */
    nilo_day first_day, last_day; /* NILO_DAY_NONE: there was nothing to fill */
    const char *status;           /* completed, partial, failed; "paused": not asked */
    int64_t days_processed;       /* days of the range that hold a value afterwards */
    int64_t metrics;              /* values that the range holds afterwards */
    int64_t days_written, values_written; /* of them new or changed by this call */
    int64_t duration_ms;
    struct nilo_backfill_findings gaps, falls, last_differs;
    const char *error;            /* NULL, or why it failed */
    const char *asked_by_day;     /* as of nilo_collect_run */
    const struct nilo_collect_failure *failures;
    size_t n_failures;
    const char *const *notes;     /* as of nilo_collect_run */
    size_t n_notes;
};
typedef void nilo_backfill_report_fn(void *ctx, const struct nilo_backfill_run *run);

struct nilo_backfill_options {
    const char *workspace, *connection; /* NULL = all */
    nilo_day from, to;                  /* NILO_DAY_NONE: the day of the first row; yesterday */
    bool revise;                        /* estimated values may be amended */
    nilo_backfill_report_fn *report;    /* may be NULL */
    void *report_ctx;
    nilo_collect_progress_fn *progress; /* may be NULL */
    void *progress_ctx;
};

/* What rpc/backfill_daily_metrics answers, and how many connections went how. */
struct nilo_backfill_result {
    int64_t dates_processed;  /* days that hold a value afterwards; of several connections the most */
    int64_t total_metrics;    /* values that these days hold */
    int64_t execution_time_ms;
    const char *status;       /* completed, partial, failed */
    int completed, partial, failed;
};

/** nilo_backfill - values of past days from what the chosen connections' sources hold today, where nothing is recorded; a value of an open
 *  day that was read before the day's end is completed as collecting would. One pass over each table for all days. Killed at any
 *  moment and called again it ends the same. Values read more than 7 days after their day are estimated.
 *  ret     filled also when sources failed
 *  errors  NILO_EDATERANGE to is in the future or before from, from is before 1970, NILO_ECONFIG a connection of statements only needs `from`, and those of
 *          nilo_collect() */
int nilo_backfill(struct nilo_store *s, const struct nilo_config *config, const struct nilo_backfill_options *o,
                  struct nilo_backfill_result *ret, struct nilo_err *err);

/** nilo_collect_define - the metrics of an SQL connection, defined in the store where they are not yet
 *  errors  NILO_EEXIST one is defined otherwise, NILO_ECONFIG */
int nilo_collect_define(struct nilo_store *s, const struct nilo_config_connection *c, struct nilo_err *err);

#endif
