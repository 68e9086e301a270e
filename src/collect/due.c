/* Which days of a connection are due, and which of its metrics on each.
 *
 * A day that is over is complete once its source was read after the day's end. connection.read_until says up to where that was done; behind it
 * everything is due. Up to it a metric may still lack its reading because it failed that night: as long as the day is open, the next run
 * asks for just that metric again, and for nothing that was read: another reading of an old day could only see more deletions. On a closed
 * day that goes on as long as a reading still counts as observed, and what comes of it is a late amendment. */
#include "collect/collect_priv.h"

#include <string.h>

/* Days stay open that long only when something keeps them from closing; nothing older is looked at. */
#define OPEN_DAYS_MAX 400

/* What the record shows of one open day. */
struct seen {
    bool cell;      /* something */
    bool missing;   /* nothing, or only that it could not be read */
    bool value;     /* a value */
    bool after_end; /* of a reading taken after the day's end */
};

struct look {
    const struct nilo__job *job;
    nilo_day from;
    size_t days;
    struct seen *seen; /* days * n_metrics */
};

/* The source gave no answer. That it has nothing to report is one, and what was dropped or taken out is gone on purpose. */
static bool is_unanswered(enum nilo_absence a)
{
    return !nilo_absence_definitive(a) && a != NILO_NOT_REPORTED && a != NILO_DROPPED && a != NILO_QUARANTINED;
}

static int take(void *ctx, const struct nilo_scan_row *row)
{
    struct look *l = ctx;
    size_t day = (size_t)(row->day.n - l->from.n);
    if (row->day.n < l->from.n || day >= l->days)
        return 0;
    for (int m = 0; m < l->job->n_metrics; m++) {
        if (l->job->metrics[m].id != row->metric)
            continue;
        struct seen *s = &l->seen[day * (size_t)l->job->n_metrics + (size_t)m];
        s->cell = true;
        s->missing = is_unanswered(row->absence);
        s->value = row->absence == NILO_PRESENT;
        s->after_end = nilo_absence_definitive(row->absence) &&
                       row->captured_at >= nilo_calendar_end(l->job->calendar, row->day);
    }
    return 0;
}

static int look(struct nilo__job *job, nilo_day from, nilo_day to, struct look *ret, struct nilo_err *err)
{
    const struct nilo_scope scope = {.role = NILO_ROLE_SERVICE, .workspaces = &job->connection.workspace, .n = 1};
    const struct nilo_select select = {
        .workspace = job->connection.workspace,
        .connection = job->connection.id,
        .external_id = NILO_APP_ID,
        .kind = NILO_APP,
        .from = from,
        .to = to,
        .as_of = NILO_US_NONE,
    };
    struct look l = {.job = job, .from = from, .days = (size_t)(to.n - from.n + 1)};
    l.seen = nilo_arena_array(&job->arena, l.days * (size_t)job->n_metrics, sizeof *l.seen);
    if (l.seen == NULL)
        return nilo_err_nomem(err);
    *ret = l;
    return nilo_store_scan(job->store, &scope, &select, take, ret, err);
}

int nilo__plan_new(struct nilo__job *job, size_t days, struct nilo__plan *ret, struct nilo_err *err)
{
    struct nilo__plan p = {.n = 0};
    p.days = nilo_arena_array(&job->arena, days, sizeof *p.days);
    p.due = nilo_arena_array(&job->arena, days * (size_t)job->n_metrics, sizeof *p.due);
    p.holds = nilo_arena_array(&job->arena, (size_t)job->n_metrics, sizeof *p.holds);
    if (p.days == NULL || p.due == NULL || p.holds == NULL)
        return nilo_err_nomem(err);
    *ret = p;
    return 0;
}

static void plan_holds(const struct nilo__job *job, const struct look *l, nilo_day day, struct nilo__plan *plan)
{
    size_t at = (size_t)(day.n - l->from.n);
    for (int m = 0; m < job->n_metrics; m++)
        plan->holds[m] = l->seen[at * (size_t)job->n_metrics + (size_t)m].value;
}

static bool is_day(const struct nilo__job *job, nilo_day day)
{
    return nilo_calendar_start(job->calendar, day) < nilo_calendar_end(job->calendar, day);
}

/* What the connection shows of a day. */
static void look_at_day(const struct look *l, nilo_day day, bool *ret_trace, bool *ret_answer)
{
    const struct seen *s = &l->seen[(size_t)(day.n - l->from.n) * (size_t)l->job->n_metrics];
    *ret_trace = *ret_answer = false;
    for (int m = 0; m < l->job->n_metrics; m++) {
        *ret_trace = *ret_trace || s[m].cell;
        *ret_answer = *ret_answer || (s[m].cell && !s[m].missing);
    }
}

static bool is_closed(const struct nilo__job *job, nilo_day day)
{
    return !nilo_day_is_none(job->connection.closed_until) && day.n <= job->connection.closed_until.n;
}

static bool is_recent(const struct nilo__job *job, nilo_day day)
{
    return job->now - nilo_calendar_end(job->calendar, day) <= NILO_OBSERVED_DAYS * NILO_US_DAY;
}

/* The day's row of `due`; true when any metric is. *answered: the connection answered on this day or an earlier one that was looked at. Days
 * before its first answer, and days that nobody asked for at all, are left to backfill. */
static bool mark(const struct nilo__job *job, const struct look *l, nilo_day day, bool *answered, bool *due)
{
    bool never_read = nilo_day_is_none(job->connection.read_until) || day.n > job->connection.read_until.n;
    bool closed = is_closed(job, day), any = false, trace, answer;
    look_at_day(l, day, &trace, &answer);
    *answered = *answered || answer;
    bool completes = *answered && trace && is_recent(job, day);
    for (int m = 0; m < job->n_metrics; m++) {
        const struct seen *s = &l->seen[(size_t)(day.n - l->from.n) * (size_t)job->n_metrics + (size_t)m];
        bool missing = completes && (!s->cell || s->missing) && job->metrics[m].id != 0;
        bool lacks = never_read || missing || (!closed && s->cell && !s->after_end);
        due[m] = job->metrics[m].active && lacks;
        any = any || due[m];
    }
    return any;
}

/* The earliest day to look at: the first that was never read, however long ago it was, or an earlier one that is still open or ended lately. A
 * connection that was never read begins with yesterday. */
static nilo_day first_open(const struct nilo__job *job, nilo_day yesterday)
{
    const struct nilo_connection *c = &job->connection;
    if (nilo_day_is_none(c->read_until))
        return yesterday;
    nilo_day from = NILO_DAY(c->read_until.n - OPEN_DAYS_MAX);
    if (!nilo_day_is_none(c->closed_until) && c->closed_until.n >= from.n)
        from = NILO_DAY(c->closed_until.n + 1);
    nilo_day recent = NILO_DAY(yesterday.n - NILO_OBSERVED_DAYS);
    return recent.n < from.n ? recent : from;
}

int nilo__due_before(struct nilo__job *job, struct nilo__plan *ret, struct nilo_err *err)
{
    nilo_day yesterday = NILO_DAY(job->today.n - 1), from = first_open(job, yesterday);
    bool answered = false;
    struct look l;
    *ret = (struct nilo__plan){.n = 0};
    if (from.n > yesterday.n || job->n_metrics == 0)
        return 0;
    if (look(job, from, yesterday, &l, err) != 0 || nilo__plan_new(job, l.days, ret, err) != 0)
        return -1;
    for (nilo_day d = from; d.n <= yesterday.n; d.n++) {
        if (is_day(job, d) && mark(job, &l, d, &answered, ret->due + ret->n * (size_t)job->n_metrics))
            ret->days[ret->n++] = d;
    }
    if (ret->n > 0)
        plan_holds(job, &l, ret->days[ret->n - 1], ret);
    return 0;
}

int nilo__due_named(struct nilo__job *job, nilo_day day, struct nilo__plan *ret, struct nilo_err *err)
{
    struct look l;
    if (nilo__plan_new(job, 1, ret, err) != 0 || look(job, day, day, &l, err) != 0)
        return -1;
    ret->days[ret->n++] = day;
    for (int m = 0; m < job->n_metrics; m++)
        ret->due[m] = job->metrics[m].active;
    plan_holds(job, &l, day, ret);
    return 0;
}
