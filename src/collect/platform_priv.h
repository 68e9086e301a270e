/* Shared by the files of collecting from platforms. */
#ifndef NILO_COLLECT_PLATFORM_PRIV_H
#define NILO_COLLECT_PLATFORM_PRIV_H

#include "base/arena.h"
#include "collect/budget.h"
#include "collect/pace.h"
#include "collect/platform.h"
#include "record/record.h"

#define NILO__PLATFORM_FAILURES 20 /* are reported; all are logged */
#define NILO__PLATFORM_NOTES 12

/* A host, and how it does. */
struct nilo__host {
    char name[256];
    struct nilo_host state;
    bool dirty;
    struct nilo__host *next;
};

/* Whoever shares a budget: an app's key, or one connection's token. */
struct nilo__owner {
    char name[80];
    struct nilo_budget budgets[4]; /* of the connector's buckets */
    bool loaded[4];
    struct nilo_zone *zones[4];
    int in_flight, at_once;
    nilo_us gap, last_sent;
    struct nilo__owner *next;
};

struct nilo__job_p;
struct nilo__part;

/* One request, from the first thought of it until its answer was taken, retries included. */
struct nilo__task {
    struct nilo__job_p *job;
    enum nilo_op op;
    const char *account, *listing, *cursor;
    const char **ids;
    size_t n_ids;
    unsigned variant;
    int win;             /* of reports, and their last day */
    nilo_day day;
    struct nilo__part *part; /* of a window's listing, whose page it is; else NULL */
    bool doubt;          /* ids that an earlier answer left out: asked for in the other spelling */
    int kind;            /* of METRICS: of the connector's kinds; 0 = not known, or there are none */
    bool rekinded;       /* ... as an answer said it */
    int tries, pages, bucket, also, cost;
    bool repeat;         /* an earlier run asked in vain: costs the credit of a retry ... */
    bool credited;       /* ... which was taken */
    uint64_t http;       /* of the request that is out */
    bool sent, probe;    /* probe: of an open circuit, that request */
    nilo_us not_before;
    struct nilo_ask ask;
    struct nilo_arena arena; /* of the request and its answer */
    struct nilo__host *host;
    struct nilo__owner *owner;
    struct nilo__task *next;
};

enum nilo__phase { NILO__P_START, NILO__P_DISCOVER, NILO__P_READ, NILO__P_REPORT, NILO__P_END };

/* What the job knows of an item. */
enum nilo__fate { NILO__F_WAITS, NILO__F_READ, NILO__F_FAILED, NILO__F_GONE, NILO__F_LEFT };
struct nilo__found {
    const char *id;
    const char *title, *url, *status, *caption, *thumbnail, *media_type;
    const char *account; /* whose it is */
    nilo_us posted_at;
    int64_t duration_ms;
    bool gone;
};

/* What is known of how a kind of items can be asked for: which of its metrics the platform refuses (the connector's variant). */
struct nilo__kind {
    unsigned variant;
    bool known;      /* it was answered; else one item alone finds out */
    bool changed;    /* in this run */
    nilo_us learned_at;
    int under_way;
};

/* An account's reports in this run. */
#define NILO__REPORT_DAYS 30 /* of an account are read each time: they tell when days settle */
struct nilo__report {
    struct nilo_report_state state;
    bool asked, failed, refused; /* in this run */
    nilo_day newest;
    /* where the connector has windows */
    const char *listing;     /* what ACCOUNT said */
    struct nilo__part *parts;
    nilo_day last;           /* of the newest windows; NILO_DAY_NONE: the platform has not said it yet */
    int ages;                /* days that windows end on */
    bool closed, no_details; /* all is recorded; more of single items is not to be had now */
    struct {
        bool there;              /* ... or at least why there is nothing */
        bool told;               /* by this run's report */
        bool has[8];
        int64_t value[8];
    } before[NILO__REPORT_DAYS + 1]; /* what is recorded of its days; by age */
    struct nilo__report *next;
};

struct nilo__job_p {
    struct nilo_platforms *all;
    struct nilo_connection connection;
    const struct nilo_calendar *calendar;
    const struct nilo_connector *connector;
    struct nilo_platform_want want; /* its texts are in the arena */
    struct nilo_credentials credentials;
    struct nilo__owner *owner; /* the app */
    struct nilo__owner *own;   /* the connection itself, for what is not the app's; may be the same */
    struct nilo_arena arena;
    enum nilo__phase phase;
    nilo_us started, started_mono, stuck_since; /* stuck_since: NILO_US_NONE */
    struct nilo__task *tasks, **last_task;
    size_t n_tasks;
    unsigned variants[NILO_OPS];
    struct nilo__kind kinds[NILO_KINDS + 1]; /* of METRICS, where the connector has kinds */
    struct nilo_collect_state state;
    bool refreshed;          /* the token was refreshed for this job */
    bool stopped;            /* nothing more is asked */
    bool list_whole, list_failed;
    int64_t answers;         /* that were good */
    const char *error;       /* of the whole connection */
    /* discovery */
    struct nilo__found *found;
    size_t n_found, cap_found;
    struct nilo_account *accounts;
    size_t n_accounts;
    /* reading */
    struct nilo_item_state *items; /* by id, bytewise */
    size_t n_items;
    unsigned char *fate;           /* enum nilo__fate, of each item; only of those in the plan */
    bool *planned;
    const struct nilo__found **of; /* what discovery said of it */
    const char **gone_why;
    struct nilo_recorder *recorder;
    size_t newly_gone;
    /* reports: of accounts whose owner signed in */
    struct nilo__report *reports;
    bool *reported;          /* of each item: a report tells of it */
    bool *report_failed;     /* ... could not be had */
    nilo_day report_today;   /* of the platform's days, as report_zone has them */
    struct nilo_zone *report_zone;
    struct nilo_settle settle;
    int settle_days;
    int64_t listed;          /* items that windows tell of */
    struct nilo_platform_outcome out;
    struct nilo_collect_failure failures[NILO__PLATFORM_FAILURES];
    const char *notes[NILO__PLATFORM_NOTES];
    struct nilo__job_p *next;
};

struct nilo_platforms {
    struct nilo_platforms_options o;
    const struct nilo_env *env;
    struct nilo__host *hosts;
    struct nilo__owner *owners;
    struct nilo__job_p *jobs;
    size_t n_jobs;
};

/* ---- platform_send.c: requests within limits ---- */

/** nilo__task_new - appended to the job's; goes out when it may. Texts live in the job's arena. NULL: no memory */
struct nilo__task *nilo__task_new(struct nilo__job_p *job, enum nilo_op op);
void nilo__tasks_free(struct nilo__job_p *job);
/** nilo__send - sends what may go out of the job's tasks. *next falls to the instant at which another one may. */
int nilo__send(struct nilo__job_p *job, nilo_us now, nilo_us *next, struct nilo_err *err);
/** nilo__answer - what has come back: decides whether it is tried again; else nilo__took() hears of it */
int nilo__answer(struct nilo_platforms *p, struct nilo_http_answer *a, struct nilo_err *err);
int nilo__owner_of(struct nilo__job_p *job, struct nilo_err *err);
/** nilo__budget_of - of whoever pays of a bucket, as it stands in the store; *ret NULL: that number has none */
int nilo__budget_of(struct nilo__job_p *job, int bucket, struct nilo_budget **ret, struct nilo_err *err);
/** nilo__came_back - the request of a task has come to its end, whether or not somebody waits for it: it is no more under way */
void nilo__came_back(struct nilo__task *t);
/** nilo__save_limits - hosts and budgets as they are now */
int nilo__save_limits(struct nilo_platforms *p, struct nilo_err *err);
void nilo__limits_free(struct nilo_platforms *p);

/* ---- platform_take.c: what answers mean ---- */

/** nilo__took - a task came to its end with that result; it is freed afterwards. result->class: OK, or what is final */
int nilo__took(struct nilo__task *t, const struct nilo_result *result, nilo_us at, struct nilo_err *err);
/** nilo__left - a task is left to a later run */
int nilo__left(struct nilo__task *t, nilo_us again, const char *why, struct nilo_err *err);
int nilo__note_failure(struct nilo__job_p *job, const char *id, const char *class, const char *message, struct nilo_err *err);
void nilo__note(struct nilo__job_p *job, const char *text);
struct nilo_item_state *nilo__item(struct nilo__job_p *job, const char *id);

int nilo__hand_over(struct nilo__job_p *job, const struct nilo_reading *reading, bool *ret_taken, struct nilo_err *err);
size_t nilo__fill_values(struct nilo__job_p *job, const struct nilo_item_value *from, size_t n, struct nilo_reading_value *to); /* room for 32 */

/* ---- platform_kind.c: items that are asked for by themselves ---- */

/** nilo__kind_of - the connector's number of a media type; 0 = none */
int nilo__kind_of(const struct nilo__job_p *job, const char *media_type);
/** nilo__ended - the platform tells nothing of it any more, which is no deletion */
bool nilo__ended(const struct nilo__job_p *job, int kind, nilo_us posted_at, nilo_us now);
int nilo__kinds_load(struct nilo__job_p *job, struct nilo_err *err);
int nilo__kinds_keep(struct nilo__job_p *job, struct nilo_err *err); /* in the transaction that keeps the rest */
/** nilo__kind_may - may the task go out? It learns its variant; where nothing is known of its kind only one task does, with one item */
int nilo__kind_may(struct nilo__task *t, bool *ret, struct nilo_err *err);
void nilo__kind_sent(struct nilo__task *t);
void nilo__kind_came(struct nilo__task *t, const struct nilo_result *r); /* r NULL: nobody waits for it */
/** nilo__kind_turn - another variant, from now on */
void nilo__kind_turn(struct nilo__task *t, unsigned variant);

/** nilo__split - the task keeps so many of its ids, another one has the rest */
int nilo__split(struct nilo__task *t, size_t keep, struct nilo_err *err);

/* ---- platform_report.c: what only an owner's token gives ---- */

/** nilo__report_of - an account that the token may tell of; its reports are planned when the readings are done */
int nilo__report_of(struct nilo__job_p *job, const char *account, const char *listing, struct nilo_err *err);
int nilo__report_plan(struct nilo__job_p *job, struct nilo_err *err);
int nilo__report_took(struct nilo__task *t, const struct nilo_result *r, nilo_us at, struct nilo_err *err);
/** nilo__report_failed - class, message: as of nilo__note_failure(); refused: it is not permitted */
int nilo__report_failed(struct nilo__task *t, enum nilo_class class, const char *message, bool refused, struct nilo_err *err);
bool nilo__report_dropped(const struct nilo__task *t); /* a report of an account that was refused meanwhile: not worth a request */
/** nilo__report_end - items of which no report tells get the reason; _keep: what is remembered until the next run, in its transaction */
int nilo__report_end(struct nilo__job_p *job, struct nilo_err *err);
int nilo__report_keep(struct nilo__job_p *job, struct nilo_err *err);

/* ---- platform_windows.c: windows of items, told by listings ---- */

/** nilo__windows_ask - ages: of so many days, from the newest on */
int nilo__windows_ask(struct nilo__job_p *job, struct nilo__report *r, int ages, struct nilo_err *err);
int nilo__windows_took(struct nilo__task *t, const struct nilo_result *result, nilo_us at, struct nilo_err *err);
/** nilo__windows_failed - refused: it is not permitted; of a listing that is the whole report's business */
int nilo__windows_failed(struct nilo__task *t, struct nilo__report *r, enum nilo_class class, const char *message, bool refused, struct nilo_err *err);
int nilo__windows_close(struct nilo__job_p *job, struct nilo__report *r, struct nilo_err *err); /* all listings were read: they are recorded. Once */
int nilo__windows_end(struct nilo__job_p *job, struct nilo_err *err);                            /* what was read of those that were not */

/* ---- platform_plan.c: discovery's end, the plan, the end ---- */

int nilo__discover(struct nilo__job_p *job, struct nilo_err *err);
int nilo__plan(struct nilo__job_p *job, struct nilo_err *err);
int nilo__finish(struct nilo__job_p *job, struct nilo_err *err);

#endif
