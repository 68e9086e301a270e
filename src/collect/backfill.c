/* Fills the past from what the sources hold today: finds the first row, asks each table once for all days, hands record what is missing, and
 * looks afterwards at what is there. What was recorded while it happened is never touched. */
#include "collect/collect_priv.h"

#include <string.h>

/* Where looking for the first row begins; what is older counts into this day. */
#define FIRST_DAY nilo_day_from_civil(1970, 1, 1)
#define LIKELY_FIRST nilo_day_from_civil(1995, 1, 1) /* few apps have rows that are older than the web */

/* What the record shows of the plan's days, and what of it is to be done. */
struct shown {
    bool *present, *open_end; /* days * metrics: a value; of an open day and read before its end */
    bool *estimated;
    int64_t *value;
};

struct fill {
    struct nilo__job *job;
    const struct nilo_backfill_options *options;
    struct nilo__backfill mode;
    struct shown before, after;
    struct nilo_backfill_run report;
    int64_t of; /* days, for progress */
};

static size_t cell_at(const struct fill *f, size_t day, int metric)
{
    return day * (size_t)f->job->n_metrics + (size_t)metric;
}

/* ---- what is recorded --------------------------------------------------------------------------------------------------------------- */

struct look {
    const struct fill *fill;
    struct shown *shown;
    size_t day; /* of the plan: rows come in the order of days */
};

static int take(void *ctx, const struct nilo_scan_row *row)
{
    struct look *l = ctx;
    const struct nilo__job *job = l->fill->job;
    const struct nilo__plan *plan = &job->named;
    while (l->day < plan->n && plan->days[l->day].n < row->day.n)
        l->day++;
    if (l->day == plan->n || plan->days[l->day].n != row->day.n || row->absence != NILO_PRESENT)
        return 0;
    for (int m = 0; m < job->n_metrics; m++) {
        if (job->metrics[m].id != row->metric)
            continue;
        size_t at = cell_at(l->fill, l->day, m);
        bool open = nilo_day_is_none(job->connection.closed_until) || row->day.n > job->connection.closed_until.n;
        l->shown->present[at] = true;
        l->shown->estimated[at] = row->provenance == NILO_ESTIMATED;
        l->shown->open_end[at] = open && row->captured_at < nilo_calendar_end(job->calendar, row->day);
        l->shown->value[at] = row->value;
    }
    return 0;
}

static int look(struct fill *f, struct shown *ret, struct nilo_err *err)
{
    struct nilo__job *job = f->job;
    size_t n = job->named.n * (size_t)job->n_metrics + 1;
    const struct nilo_scope scope = {.role = NILO_ROLE_SERVICE, .workspaces = &job->connection.workspace, .n = 1};
    const struct nilo_select select = {
        .workspace = job->connection.workspace,
        .connection = job->connection.id,
        .external_id = NILO_APP_ID,
        .kind = NILO_APP,
        .from = job->named.days[0],
        .to = job->named.days[job->named.n - 1],
        .as_of = NILO_US_NONE,
    };
    struct look l = {.fill = f, .shown = ret};
    ret->present = nilo_arena_array(&job->arena, n, sizeof *ret->present);
    ret->open_end = nilo_arena_array(&job->arena, n, sizeof *ret->open_end);
    ret->estimated = nilo_arena_array(&job->arena, n, sizeof *ret->estimated);
    ret->value = nilo_arena_array(&job->arena, n, sizeof *ret->value);
    if (ret->present == NULL || ret->open_end == NULL || ret->estimated == NULL || ret->value == NULL)
        return nilo_err_nomem(err);
    return nilo_store_scan(job->store, &scope, &select, take, &l, err);
}

/* ---- the days -------------------------------------------------------------------------------------------------------------------------- */

static bool is_day(const struct nilo__job *job, nilo_day d)
{
    return nilo_calendar_start(job->calendar, d) < nilo_calendar_end(job->calendar, d);
}

static int plan_days(struct nilo__job *job, nilo_day from, nilo_day to, struct nilo_err *err)
{
    size_t days = (size_t)(to.n - from.n) + 1;
    struct nilo__plan *plan = &job->named;
    *plan = (struct nilo__plan){.n = 0};
    plan->days = nilo_arena_array(&job->arena, days, sizeof *plan->days);
    plan->holds = nilo_arena_array(&job->arena, (size_t)job->n_metrics + 1, sizeof *plan->holds);
    if (plan->days == NULL || plan->holds == NULL)
        return nilo_err_nomem(err);
    if (from.n <= job->connection.dropped_until.n) {
        char until[NILO_DAY_TEXT];
        nilo_day_format(job->connection.dropped_until, until);
        job->left_out = nilo_arena_printf(&job->arena, "its days up to %s were dropped; they are left out and take no value any more", until);
        if (job->left_out == NULL)
            return nilo_err_nomem(err);
    }
    for (nilo_day d = from; d.n <= to.n; d.n++) {
        if (is_day(job, d) && d.n > job->connection.dropped_until.n)
            plan->days[plan->n++] = d;
    }
    return 0;
}

static void begin_with(struct nilo__plan *plan, nilo_day first)
{
    while (plan->n > 0 && plan->days[0].n < first.n) {
        plan->days++;
        plan->n--;
    }
}

static int mark_due(struct fill *f, struct nilo_err *err)
{
    struct nilo__job *job = f->job;
    struct nilo__plan *plan = &job->named;
    plan->due = nilo_arena_array(&job->arena, plan->n * (size_t)job->n_metrics + 1, sizeof *plan->due);
    if (plan->due == NULL)
        return nilo_err_nomem(err);
    for (size_t d = 0; d < plan->n; d++) {
        for (int m = 0; m < job->n_metrics; m++) {
            size_t at = cell_at(f, d, m);
            bool again = f->before.open_end[at] || (f->options->revise && f->before.estimated[at]);
            plan->due[at] = job->metrics[m].active && (!f->before.present[at] || again);
            if (d + 1 == plan->n)
                plan->holds[m] = f->before.present[at];
        }
    }
    return 0;
}

/* ---- the checks afterwards ---------------------------------------------------------------------------------------------------------------- */

static struct nilo_backfill_finding *finding(struct nilo_backfill_findings *all, const struct nilo__metric *m)
{
    if (all->items == NULL || all->n == NILO_BACKFILL_FINDINGS)
        return NULL;
    struct nilo_backfill_finding *new = &all->items[all->n++];
    *new = (struct nilo_backfill_finding){.metric = m->config->name, .scale = m->config->scale};
    return new;
}

static void count_written(struct fill *f)
{
    for (size_t d = 0; d < f->job->named.n; d++) {
        bool holds = false, written = false;
        for (int m = 0; m < f->job->n_metrics; m++) {
            size_t at = cell_at(f, d, m);
            bool new = f->after.present[at] && (!f->before.present[at] || f->before.value[at] != f->after.value[at]);
            holds = holds || f->after.present[at];
            written = written || new;
            f->report.metrics += f->after.present[at];
            f->report.values_written += new;
        }
        f->report.days_processed += holds;
        f->report.days_written += written;
    }
}

static void find_gaps(struct fill *f, int metric)
{
    const struct nilo__plan *plan = &f->job->named;
    struct nilo_backfill_finding *open = NULL;
    bool was_gap = false;
    for (size_t d = 0; d < plan->n; d++) {
        bool gap = !f->after.present[cell_at(f, d, metric)];
        f->report.gaps.total += gap;
        if (gap && !was_gap) {
            open = finding(&f->report.gaps, &f->job->metrics[metric]);
            if (open != NULL)
                open->first = plan->days[d];
        }
        if (gap && open != NULL)
            open->last = plan->days[d];
        was_gap = gap;
    }
}

/* A value of a total, or none: day is NILO_DAY_NONE. */
struct known {
    nilo_day day;
    int64_t value;
};

struct beside {
    nilo_day first, last; /* of the plan */
    struct known eve, morrow;
};

static int take_beside(void *ctx, const struct nilo_scan_row *row)
{
    struct beside *b = ctx;
    const struct known here = {row->day, row->value};
    if (row->absence != NILO_PRESENT)
        return 0;
    if (row->day.n < b->first.n)
        b->eve = here;
    if (row->day.n > b->last.n)
        b->morrow = here;
    return row->day.n > b->last.n;
}

/* The newest value before the plan's days and the first one behind them: what backfill writes may fall against either. */
static int look_beside(struct fill *f, const struct nilo__metric *m, struct beside *ret, struct nilo_err *err)
{
    struct nilo__job *job = f->job;
    const struct nilo_scope scope = {.role = NILO_ROLE_SERVICE, .workspaces = &job->connection.workspace, .n = 1};
    struct nilo_select select = {
        .workspace = job->connection.workspace,
        .connection = job->connection.id,
        .external_id = NILO_APP_ID,
        .kind = NILO_APP,
        .metric = m->id,
        .from = job->named.days[0],
        .to = job->named.days[0],
        .before = true,
        .as_of = NILO_US_NONE,
    };
    *ret = (struct beside){job->named.days[0], job->named.days[job->named.n - 1], {.day = NILO_DAY_NONE}, {.day = NILO_DAY_NONE}};
    if (nilo_store_scan(job->store, &scope, &select, take_beside, ret, err) < 0)
        return -1;
    select.from = NILO_DAY(ret->last.n + 1);
    select.to = NILO_DAY_NONE;
    select.before = false;
    return nilo_store_scan(job->store, &scope, &select, take_beside, ret, err) < 0 ? -1 : 0;
}

/* The next value of a total, after *last. */
static void compare(struct fill *f, const struct nilo__metric *m, struct known *last, nilo_day day, int64_t value)
{
    if (!nilo_day_is_none(last->day) && value < last->value) {
        struct nilo_backfill_finding *fall = finding(&f->report.falls, m);
        f->report.falls.total++;
        if (fall != NULL) {
            fall->first = last->day;
            fall->last = day;
            fall->before = last->value;
            fall->after = value;
        }
    }
    *last = (struct known){day, value};
}

static int find_falls(struct fill *f, int metric, struct nilo_err *err)
{
    const struct nilo__plan *plan = &f->job->named;
    const struct nilo__metric *m = &f->job->metrics[metric];
    struct beside b;
    if (look_beside(f, m, &b, err) != 0)
        return -1;
    struct known last = b.eve;
    for (size_t d = 0; d < plan->n; d++) {
        size_t at = cell_at(f, d, metric);
        if (f->after.present[at])
            compare(f, m, &last, plan->days[d], f->after.value[at]);
    }
    if (!nilo_day_is_none(b.morrow.day))
        compare(f, m, &last, b.morrow.day, b.morrow.value);
    return 0;
}

/* A statement was asked for the last day only where that was missing. */
static void compare_last(struct fill *f, int metric)
{
    const struct nilo__plan *plan = &f->job->named;
    const struct nilo__metric *m = &f->job->metrics[metric];
    const struct nilo__table *t = &f->job->tables[m->table];
    size_t at = cell_at(f, plan->n - 1, metric);
    if (t->failed || m->fail != NULL || !f->after.present[at] || (t->is_statement ? !plan->due[at] : t->below == NULL))
        return;
    struct nilo_sql_answer a = nilo__sql_answer(f->job, m, plan->days[plan->n - 1]);
    if (!a.present || a.value == f->after.value[at])
        return;
    struct nilo_backfill_finding *found = finding(&f->report.last_differs, m);
    f->report.last_differs.total++;
    if (found != NULL) {
        found->first = found->last = plan->days[plan->n - 1];
        found->before = f->after.value[at];
        found->after = a.value;
    }
}

static int check(struct fill *f, struct nilo_err *err)
{
    struct nilo_backfill_findings *const kinds[] = {&f->report.gaps, &f->report.falls, &f->report.last_differs};
    for (size_t i = 0; i < 3; i++) {
        kinds[i]->items = nilo_arena_array(&f->job->arena, NILO_BACKFILL_FINDINGS, sizeof *kinds[i]->items);
        if (kinds[i]->items == NULL)
            return nilo_err_nomem(err);
    }
    if (look(f, &f->after, err) != 0)
        return -1;
    count_written(f);
    for (int m = 0; m < f->job->n_metrics; m++) {
        const struct nilo__metric *metric = &f->job->metrics[m];
        if (!metric->active)
            continue;
        find_gaps(f, m);
        if (!metric->created && !f->job->tables[metric->table].is_statement && find_falls(f, m, err) != 0)
            return -1;
        compare_last(f, m);
    }
    return 0;
}

/* ---- one connection ----------------------------------------------------------------------------------------------------------------------- */

static void on_day(void *ctx, size_t days)
{
    struct fill *f = ctx;
    f->options->progress(f->options->progress_ctx, f->job->connection.name, "days", (int64_t)days, f->of);
}

/* Its texts live as long as the job. */
static void keep_run(void *ctx, const struct nilo_collect_run *run)
{
    struct fill *f = ctx;
    f->report.run = run->run;
    f->report.status = run->status;
    f->report.duration_ms = run->duration_ms;
    f->report.error = run->error;
    f->report.failures = run->failures;
    f->report.n_failures = run->n_failures;
    f->report.notes = run->notes;
    f->report.n_notes = run->n_notes;
    f->report.asked_by_day = run->asked_by_day;
}

/* Nothing could be asked, or there is nothing in it. */
static void no_run(struct fill *f, const char *status, const char *error)
{
    f->report.status = status;
    f->report.error = error;
}

static const char *first_failure(const struct nilo__job *job)
{
    for (size_t i = 0; i < job->n_tables; i++) {
        if (job->tables[i].failed)
            return job->tables[i].fail;
    }
    return NULL;
}

static bool has_tables(const struct nilo__job *job)
{
    for (size_t i = 0; i < job->n_tables; i++) {
        if (!job->tables[i].is_statement)
            return true;
    }
    return false;
}

static int fill_days(struct fill *f, struct nilo_err *err)
{
    struct nilo__job *job = f->job;
    f->report.first_day = job->named.days[0];
    f->report.last_day = job->named.days[job->named.n - 1];
    f->of = (int64_t)job->named.n;
    f->mode = (struct nilo__backfill){.revise = f->options->revise, .progress = f->options->progress != NULL ? on_day : NULL, .ctx = f};
    job->backfill = &f->mode;
    if (look(f, &f->before, err) != 0 || mark_due(f, err) != 0 || nilo__one_run(job, &job->named, err) != 0)
        return -1;
    return check(f, err);
}

/* Nothing was written, but the log of runs and status say that it was tried. */
static int source_failed(struct fill *f, struct nilo_err *err)
{
    no_run(f, "failed", f->job->error);
    f->mode = (struct nilo__backfill){.revise = f->options->revise};
    f->job->backfill = &f->mode;
    return nilo__failed_run(f->job, &f->report.run, err);
}

/* A table that failed may have the first row: then it is not known, and nothing is filled on a guess. */
static int fill_from_first_row(struct fill *f, struct nilo_err *err)
{
    struct nilo__job *job = f->job;
    const char *why = first_failure(job);
    nilo_day first = nilo__sql_earliest(job, &job->named);
    char day[NILO_DAY_TEXT];
    if (nilo_day_is_none(first)) {
        f->job->error = why;
        no_run(f, "completed", NULL);
        return why != NULL ? source_failed(f, err) : 0;
    }
    if (first.n < LIKELY_FIRST.n) {
        nilo_day_format(first, day);
        return nilo_err_set(err, NILO_EDATERANGE, "connection %s: the earliest row is of %s, which is often a column's default or a slip, and days that are filled cannot be taken back; give the "
                            "day to begin with, --from DAY (what is older counts in totals all the same), or --from %s where it is meant", job->connection.name, day, day);
    }
    begin_with(&job->named, first);
    return fill_days(f, err);
}

static int fill_connection(struct fill *f, struct nilo_err *err)
{
    struct nilo__job *job = f->job;
    const struct nilo_backfill_options *o = f->options;
    bool search = nilo_day_is_none(o->from);
    nilo_day to = nilo_day_is_none(o->to) ? NILO_DAY(job->today.n - 1) : o->to, from = search ? FIRST_DAY : o->from;
    char text[NILO_DAY_TEXT], today[NILO_DAY_TEXT];
    nilo_day_format(to, text);
    nilo_day_format(job->today, today);
    if (to.n > job->today.n)
        return nilo_err_set(err, NILO_EDATERANGE, "%s is in the future: in workspace %s today is %s", text, job->connection.workspace_name, today);
    if (search && !has_tables(job))
        return nilo_err_set(err, NILO_ECONFIG, "connection %s has statements only, which do not tell where their data begin; give --from DAY",
                            job->connection.name);
    /* a slip of the pen must not write a thousand years of zeros into a record that forgets nothing */
    if (!search && from.n < FIRST_DAY.n)
        return nilo_err_set(err, NILO_EDATERANGE, "backfill begins with 1970-01-01 at the earliest");
    if (search && from.n > to.n)
        from = to;
    if (from.n > to.n && nilo_day_is_none(o->to)) {
        nilo_day_format(from, text);
        return nilo_err_set(err, NILO_EDATERANGE, from.n > job->today.n ? "the first day, %s, is in the future: in workspace %s today is %s"
                                                                        : "the first day, %s, is today in workspace %s, and what is filled ends with yesterday; collect reads today",
                            text, job->connection.workspace_name, today);
    }
    if (from.n > to.n)
        return nilo_err_set(err, NILO_EDATERANGE, "the last day, %s, is before the first one", text);
    if (to.n <= job->connection.dropped_until.n)
        return nilo__dropped(job, err);
    if (plan_days(job, from, to, err) != 0)
        return -1;
    if (job->named.n == 0)
        return nilo_err_set(err, NILO_EDATERANGE, "there was no %s in workspace %s: its zone skipped that day", text, job->connection.workspace_name);
    if (nilo__sql_read(job, err) != 0)
        return -1;
    if (job->error != NULL)
        return source_failed(f, err);
    return search ? fill_from_first_row(f, err) : fill_days(f, err);
}

static void add_up(struct nilo_backfill_result *ret, const struct nilo_backfill_run *run)
{
    if (run->days_processed > ret->dates_processed)
        ret->dates_processed = run->days_processed;
    ret->total_metrics += run->metrics;
    if (strcmp(run->status, "completed") == 0)
        ret->completed++;
    else if (strcmp(run->status, "failed") == 0)
        ret->failed++;
    else
        ret->partial++;
}

/* Left out: disabled, and not named. */
static bool is_left_out(const struct nilo__job *job)
{
    return job->options->connection == NULL && strcmp(job->connection.status, "disabled") == 0;
}

/* Erased: that is said, and the others are filled. */
static int leave_out(const struct nilo_config_connection *c, const struct nilo_err *gone, const struct nilo_backfill_options *o,
                     struct nilo_backfill_result *ret, int *chosen)
{
    const struct nilo_backfill_run run = {.workspace = c->workspace, .connection = c->name, .first_day = NILO_DAY_NONE, .last_day = NILO_DAY_NONE,
                                          .status = "failed", .error = gone->msg};
    ++*chosen;
    ret->failed++;
    if (o->report != NULL)
        o->report(o->report_ctx, &run);
    return 0;
}

static int backfill_one(struct nilo_store *s, const struct nilo_config *config, const struct nilo_config_connection *c,
                        const struct nilo_backfill_options *o, struct nilo_backfill_result *ret, int *chosen, struct nilo_err *err)
{
    struct nilo__job job;
    struct fill f = {.job = &job, .options = o};
    const struct nilo_collect_options options = {
        .workspace = o->workspace, .connection = o->connection, .day = NILO_DAY_NONE, .report = keep_run, .report_ctx = &f,
        .progress = o->progress, .progress_ctx = o->progress_ctx};
    struct nilo_err gone;
    int result = nilo_collect_erased(s, config, c, &gone, err);
    if (result != 0)
        return result < 0 ? -1 : leave_out(c, &gone, o, ret, chosen);
    result = nilo__job_init(&job, s, config, c, &options, err);
    if (result != 0 || is_left_out(&job)) {
        nilo__job_done(&job);
        return result;
    }
    ++*chosen;
    const char *paused = nilo__paused(&job);
    f.report = (struct nilo_backfill_run){.workspace = job.connection.workspace_name,
                                          .connection = job.connection.name,
                                          .first_day = NILO_DAY_NONE,
                                          .last_day = NILO_DAY_NONE,
                                          .status = paused != NULL ? "paused" : "failed",
                                          .error = paused};
    if (paused != NULL) {
        if (o->report != NULL)
            o->report(o->report_ctx, &f.report);
        nilo__job_done(&job);
        return 0;
    }
    result = nilo__sql_metrics(&job, err);
    if (result == 0)
        result = nilo_store_calendar(s, job.connection.workspace, &job.calendar, err);
    if (result == 0)
        result = fill_connection(&f, err);
    if (result == 0)
        result = nilo__keep_status(&job, err);
    if (result == 0) {
        add_up(ret, &f.report);
        if (o->report != NULL)
            o->report(o->report_ctx, &f.report);
    }
    nilo__job_done(&job);
    return result;
}

int nilo_backfill(struct nilo_store *s, const struct nilo_config *config, const struct nilo_backfill_options *o,
                  struct nilo_backfill_result *ret, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    const struct nilo_collect_options which = {.workspace = o->workspace, .connection = o->connection};
    struct nilo_backfill_result result = {0};
    nilo_us began = env->clock.mono(env->clock.ctx);
    int matching = 0, chosen = 0;
    for (int i = 0; i < config->n_connections; i++) {
        if (!nilo__is_chosen(&config->connections[i], &which))
            continue;
        matching++;
        if (backfill_one(s, config, &config->connections[i], o, &result, &chosen, err) != 0)
            return -1;
    }
    if (matching == 0)
        return nilo__nothing_chosen(config, &which, err);
    if (chosen == 0)
        return nilo_err_set(err, NILO_ECONFIG, "there is nothing to fill back from: every connection is disabled");
    result.execution_time_ms = (env->clock.mono(env->clock.ctx) - began) / 1000;
    result.status = result.failed == 0 && result.partial == 0 ? "completed" : result.completed == 0 && result.partial == 0 ? "failed" : "partial";
    *ret = result;
    return 0;
}
