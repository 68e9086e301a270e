/* The runs of one connection: hands what was read to record, notes what failed, reports. */
#include "collect/collect_priv.h"

#include <stdlib.h>
#include <string.h>

#define META_MAX (512u << 10)
#define NAMES_MAX 4096
#define BACKFILL_CHUNK 2500 /* points a transaction: what a killed backfill has to do again */

/* One run while it is made. */
struct run {
    struct nilo__job *job;
    const struct nilo__plan *plan;
    struct nilo_recorder *recorder;
    bool *read_now;      /* n_metrics: a value of the last day was recorded */
    bool *told_wrong;    /* n_metrics: that a value of it cannot be was said */
    bool any_value;      /* the source answered something */
    struct nilo_collect_failure *failures;
    size_t n_failures;
    const char **notes;  /* what people should know and is no failure; at most one a table */
    size_t n_notes;
    struct nilo_collect_run report;
};

static nilo_day last_day(const struct nilo__plan *plan)
{
    return plan->days[plan->n - 1];
}

/* ---- failures -------------------------------------------------------------------------------------------------------------------------- */

static int fail(struct run *r, const char *metric, const char *class, const char *message, struct nilo_err *err)
{
    r->failures[r->n_failures++] = (struct nilo_collect_failure){.metric = metric, .class = class, .message = message};
    return nilo_record_fail(r->recorder, metric, class, message, err);
}

static bool is_due(const struct run *r, size_t day, int metric)
{
    return r->plan->due[day * (size_t)r->job->n_metrics + (size_t)metric];
}

static bool is_due_at_all(const struct run *r, int metric)
{
    bool due = false;
    for (size_t d = 0; d < r->plan->n; d++)
        due = due || is_due(r, d, metric);
    return due;
}

/* Why a metric has no value, or NULL. */
static const char *why_none(const struct nilo__job *job, const struct nilo__metric *m, const char **ret_class)
{
    const struct nilo__table *t = &job->tables[m->table];
    if (m->fail != NULL) {
        *ret_class = m->fail_class;
        return m->fail;
    }
    *ret_class = t->fail_class;
    return t->failed ? t->fail : NULL;
}

/* Each metric that has something to complain about does so once, not once a day. */
static int note_failures(struct run *r, struct nilo_err *err)
{
    for (int i = 0; i < r->job->n_metrics; i++) {
        const struct nilo__metric *m = &r->job->metrics[i];
        const char *class, *why = why_none(r->job, m, &class);
        if (!is_due_at_all(r, i))
            continue;
        if (why != NULL && fail(r, m->config->name, class, why, err) != 0)
            return -1;
    }
    return 0;
}

static bool is_table_due(const struct run *r, size_t table)
{
    bool due = false;
    for (int i = 0; i < r->job->n_metrics; i++)
        due = due || (r->job->metrics[i].table == table && r->job->metrics[i].fail == NULL && is_due_at_all(r, i));
    return due;
}

static int note(struct run *r, const char *text, struct nilo_err *err)
{
    if (text == NULL)
        return nilo_err_nomem(err);
    r->notes[r->n_notes++] = text;
    return nilo_record_say(r->recorder, text, err);
}

/* Rows that cannot be counted are told, once a table. All that can be read was read: that is no failure. */
static int note_unreadable(struct run *r, struct nilo_err *err)
{
    for (size_t i = 0; i < r->job->n_tables; i++) {
        const struct nilo__table *t = &r->job->tables[i];
        if (t->unreadable == NULL || t->failed || !is_table_due(r, i))
            continue;
        if (note(r, t->unreadable, err) != 0)
            return -1;
    }
    return 0;
}

/* A statement that has to be asked for fewer days at once costs its database more; whoever wrote it should know. */
static int note_parts(struct run *r, struct nilo_err *err)
{
    for (int i = 0; i < r->job->n_metrics; i++) {
        const struct nilo__metric *m = &r->job->metrics[i];
        struct nilo__table *t = &r->job->tables[m->table];
        size_t days = t->took_too_long;
        t->took_too_long = 0;
        if (days > 0 && !t->failed &&
            note(r, nilo_arena_printf(&r->job->arena, "%s: its statement took longer than %lld ms for %zu days at once and was asked for %zu at a time",
                                      m->config->name, (long long)r->job->source->timeout_ms, days, t->days_at_once), err) != 0)
            return -1;
    }
    return 0;
}

/* A statement may have nothing to say of a day: that is no failure, and whoever counts the metrics of the run finds it here. */
static int note_silent(struct run *r, struct nilo_err *err)
{
    struct nilo__job *job = r->job;
    char day[NILO_DAY_TEXT];
    struct nilo_buf b;
    if (r->plan != &job->named || job->backfill != NULL || job->error != NULL)
        return 0;
    nilo_buf_init(&b, NAMES_MAX);
    for (int i = 0; i < job->n_metrics; i++) {
        const struct nilo__metric *m = &job->metrics[i];
        const char *class;
        if (m->id != 0 && job->tables[m->table].is_statement && is_due(r, r->plan->n - 1, i) && why_none(job, m, &class) == NULL &&
            !nilo__sql_answer(job, m, last_day(r->plan)).present)
            nilo_buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", m->config->name);
    }
    nilo_day_format(last_day(r->plan), day);
    int rc = b.len == 0 ? 0 : note(r, nilo_arena_printf(&job->arena, "%s: nothing was answered for %s", nilo_buf_str(&b), day), err);
    nilo_buf_done(&b);
    return rc;
}

/* ---- readings -------------------------------------------------------------------------------------------------------------------------- */

/* As JSON writes it: without a + or a bare point. */
static void put_bound(struct nilo_json_out *o, const char *text)
{
    char number[NILO_DECIMAL_TEXT];
    int64_t value;
    int digits;
    if (text == NULL || !nilo_config_bound(text, &value, &digits)) {
        nilo_json_null(o);
        return;
    }
    nilo_decimal_format(value, digits, false, number);
    nilo_json_text(o, number, strlen(number));
}

/* A value outside of what the configuration expects is kept and marked. Where it says nothing, a percentage is expected from 0 to 100. */
static void add_anomaly(const struct nilo_config_sql_metric *m, int64_t value, struct nilo_buf *b)
{
    bool percentage = strcmp(m->type, "percentage") == 0;
    const char *min = m->expected_min == NULL && percentage ? "0" : m->expected_min;
    const char *max = m->expected_max == NULL && percentage ? "100" : m->expected_max;
    struct nilo_json_out o;
    if ((min == NULL || nilo_config_compare(value, m->scale, min) >= 0) && (max == NULL || nilo_config_compare(value, m->scale, max) <= 0))
        return;
    nilo_buf_adds(b, b->len > 1 ? ",\"anomaly\":" : "\"anomaly\":");
    nilo_json_out_init(&o, b);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "kind");
    nilo_json_str(&o, "out_of_range");
    nilo_json_key(&o, "expected_min");
    put_bound(&o, min);
    nilo_json_key(&o, "expected_max");
    put_bound(&o, max);
    nilo_json_object_end(&o);
}

/* The metadata of a value: what the statement said beside it, and the mark. *ret NULL: there is none. */
static int metadata(struct nilo__job *job, const struct nilo__metric *m, const struct nilo_sql_answer *a, const char **ret,
                    struct nilo_err *err)
{
    struct nilo_buf b;
    nilo_buf_init(&b, META_MAX);
    nilo_buf_addc(&b, '{');
    if (a->members != NULL)
        nilo_buf_adds(&b, a->members);
    add_anomaly(m->config, a->value, &b);
    nilo_buf_addc(&b, '}');
    bool some = b.len > 2, failed = b.failed;
    *ret = some && !failed ? nilo_arena_strndup(&job->slice, b.data, b.len) : NULL;
    nilo_buf_done(&b);
    return failed || (some && *ret == NULL) ? nilo_err_nomem(err) : 0;
}

static int fill_value(struct run *r, const struct nilo__metric *m, nilo_day day, struct nilo_reading_value *v,
                      struct nilo_err *err)
{
    const char *class;
    *v = (struct nilo_reading_value){.metric = m->id, .absence = NILO_FAILED};
    if (r->job->error != NULL || why_none(r->job, m, &class) != NULL)
        return 0;
    struct nilo_sql_answer a = nilo__sql_answer(r->job, m, day);
    v->absence = a.present ? NILO_PRESENT : NILO_NOT_REPORTED;
    v->value = a.value;
    return a.present ? metadata(r->job, m, &a, &v->meta, err) : 0;
}

/* record would refuse the whole reading for it, and the other metrics have nothing to do with that. */
static int leave_out_wrong(struct run *r, int metric, nilo_day day, struct nilo_reading_value *v, struct nilo_err *err)
{
    const struct nilo__metric *m = &r->job->metrics[metric];
    char text[NILO_DAY_TEXT];
    if (!nilo_record_value_wrong(nilo_catalog_by_id(nilo_store_catalog(r->job->store), m->id), v))
        return 0;
    *v = (struct nilo_reading_value){.metric = m->id, .absence = NILO_FAILED};
    if (r->told_wrong[metric])
        return 0;
    r->told_wrong[metric] = true;
    nilo_day_format(day, text);
    const char *why = nilo_arena_printf(&r->job->arena, "%s: the source says a negative number, which no count is; first on %s", m->config->name, text);
    return why == NULL ? nilo_err_nomem(err) : fail(r, m->config->name, "invalid", why, err);
}

/* record refuses a reading that is wrong, which costs the day's values but not the run. The failure is the connection's: the reading has the
 * values of all its metrics. */
static int hand_over(struct run *r, const struct nilo_reading *reading, bool *ret_taken, struct nilo_err *err)
{
    struct nilo_err why = {0};
    *ret_taken = nilo_record_add(r->recorder, reading, &why) == 0;
    if (*ret_taken)
        return 0;
    if (why.code == NILO_EINVAL || why.code == NILO_EDATERANGE) {
        char day[NILO_DAY_TEXT];
        nilo_day_format(reading->day, day);
        const char *text = nilo_arena_printf(&r->job->arena, "%s: %s", day, why.msg);
        return text == NULL ? nilo_err_nomem(err) : fail(r, r->job->connection.name, "invalid", text, err);
    }
    if (err != NULL)
        *err = why;
    return -1;
}

/* The last day holds these values now. */
static void mark_read(struct run *r, const struct nilo_reading_value *values, size_t n)
{
    for (int i = 0; i < r->job->n_metrics; i++) {
        for (size_t k = 0; k < n; k++)
            r->read_now[i] = r->read_now[i] || (values[k].metric == r->job->metrics[i].id && values[k].absence == NILO_PRESENT);
    }
}

static int record_day(struct run *r, size_t at, struct nilo_reading_value *values, struct nilo_err *err)
{
    struct nilo__job *job = r->job;
    nilo_day day = r->plan->days[at];
    nilo_day closed = job->connection.closed_until;
    bool only_fills = job->backfill != NULL || (r->plan == &job->before && !nilo_day_is_none(closed) && day.n <= closed.n);
    bool late = job->now - nilo_calendar_end(job->calendar, day) > NILO_OBSERVED_DAYS * NILO_US_DAY, taken;
    size_t n = 0;
    for (int i = 0; i < job->n_metrics; i++) {
        if (!is_due(r, at, i) || job->metrics[i].id == 0)
            continue;
        if (fill_value(r, &job->metrics[i], day, &values[n], err) != 0 || leave_out_wrong(r, i, day, &values[n], err) != 0)
            return -1;
        enum nilo_absence absence = values[n].absence;
        /* Backfill, and collecting what a closed day lacks, fill what is missing; that they could not is no news about an old day. That a recent
         * one has nothing to report is: the next collection need not ask again. */
        n += absence == NILO_PRESENT || !only_fills || (absence == NILO_NOT_REPORTED && !late);
        r->any_value = r->any_value || absence != NILO_FAILED;
    }
    const struct nilo_reading reading = {
        .kind = NILO_APP,
        .external_id = NILO_APP_ID,
        .captured_at = job->now,
        .day = day,
        .provenance = late ? NILO_ESTIMATED : NILO_OBSERVED,
        .values = values,
        .n_values = n,
    };
    if (n == 0)
        return 0;
    if (hand_over(r, &reading, &taken, err) != 0)
        return -1;
    if (taken && at + 1 == r->plan->n)
        mark_read(r, values, n);
    return 0;
}

/* Asks the statements for the days from number `at` on; one that failed says so once. */
static int next_slice(struct run *r, size_t at, size_t *ret_until, struct nilo_err *err)
{
    struct nilo__job *job = r->job;
    bool *failed = nilo_arena_array(&job->arena, job->n_tables + 1, sizeof *failed);
    size_t n;
    if (failed == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < job->n_tables; i++)
        failed[i] = job->tables[i].failed;
    if (nilo__sql_read_slice(job, r->plan, at, &n, err) != 0)
        return -1;
    for (int i = 0; i < job->n_metrics; i++) {
        const struct nilo__table *t = &job->tables[job->metrics[i].table];
        if (t->failed && !failed[job->metrics[i].table] && fail(r, job->metrics[i].config->name, t->fail_class, t->fail, err) != 0)
            return -1;
    }
    *ret_until = at + n;
    return 0;
}

static int record_days(struct run *r, struct nilo_err *err)
{
    struct nilo_reading_value *values = nilo_arena_array(&r->job->arena, (size_t)r->job->n_metrics + 1, sizeof *values);
    if (values == NULL)
        return nilo_err_nomem(err);
    for (size_t d = 0, until = 0; d < r->plan->n; d++) {
        if (d == until && next_slice(r, d, &until, err) != 0)
            return -1;
        if (record_day(r, d, values, err) != 0)
            return -1;
        if (r->job->backfill != NULL && r->job->backfill->progress != NULL)
            r->job->backfill->progress(r->job->backfill->ctx, d + 1);
    }
    return 0;
}

/* ---- one run ----------------------------------------------------------------------------------------------------------------------------- */

/* The last day up to which every day was read after its end, when this run moves it. A single day asked for by name, far from the others,
 * must not: the days between would never become due. */
static nilo_day read_until(const struct run *r)
{
    const struct nilo__job *job = r->job;
    nilo_day last = last_day(r->plan), until = job->connection.read_until;
    /* What backfill finds in the record already it does not ask for. */
    bool answered = job->backfill != NULL ? job->error == NULL : r->any_value;
    if (!answered || last.n >= job->today.n)
        return NILO_DAY_NONE;
    /* Backfill leaves no trace of what failed, which a later collection could see. */
    if (job->backfill != NULL && r->n_failures > 0)
        return NILO_DAY_NONE;
    if (job->backfill != NULL && !nilo_day_is_none(until) && (r->plan->days[0].n > until.n + 1 || last.n <= until.n))
        return NILO_DAY_NONE;
    bool completes = r->plan == &job->before || (job->backfill != NULL && !nilo_day_is_none(until));
    bool next = nilo_day_is_none(until) ? last.n == job->today.n - 1 : last.n == until.n + 1;
    return completes || next ? last : NILO_DAY_NONE;
}

static int count_metrics(const struct run *r)
{
    int n = 0;
    for (int i = 0; i < r->job->n_metrics; i++)
        n += r->job->metrics[i].active && (r->read_now[i] || r->plan->holds[i]);
    return n;
}

/* A source that answered nothing at all: the run failed, with one sentence. */
static const char *overall_error(const struct run *r)
{
    if (r->job->error != NULL)
        return r->job->error;
    return !r->any_value && r->n_failures > 0 ? r->failures[0].message : NULL;
}

static const char *asked_by_day(struct nilo__job *job)
{
    struct nilo_buf b;
    nilo_buf_init(&b, NAMES_MAX);
    for (int i = 0; i < job->n_metrics; i++) {
        const struct nilo__table *t = &job->tables[job->metrics[i].table];
        if (t->is_statement && t->statement.by_day && !t->failed)
            nilo_buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", job->metrics[i].config->name);
    }
    const char *names = b.len > 0 ? nilo_arena_strdup(&job->arena, nilo_buf_str(&b)) : NULL;
    nilo_buf_done(&b);
    return names;
}

static void give_report(struct run *r, const char *status)
{
    const struct nilo_collect_options *o = r->job->options;
    struct nilo_collect_run *report = &r->report;
    report->workspace = r->job->connection.workspace_name;
    report->connection = r->job->connection.name;
    report->status = status;
    report->failures = r->failures;
    report->n_failures = r->n_failures;
    report->all_failures = (int64_t)r->n_failures;
    report->notes = r->notes;
    report->n_notes = r->n_notes;
    report->asked_by_day = asked_by_day(r->job);
    if (strcmp(status, "completed") == 0 || strcmp(status, "done") == 0)
        r->job->any_good = true;
    else if (strcmp(status, "failed") == 0)
        r->job->any_bad = true;
    else
        r->job->any_good = r->job->any_bad = true;
    if (o->report != NULL)
        o->report(o->report_ctx, report);
}

/* record notes in a run's details how many values of closed days the source counts otherwise by now. */
static int64_t differing(const char *details)
{
    static const char key[] = "closed_values_that_differ_now";
    struct nilo_json *json;
    enum nilo_json_event event;
    const char *text;
    size_t len;
    int64_t n = 0;
    bool found = false;
    if (details == NULL || nilo_json_new(details, strlen(details), NILO_JSON_DEFAULT_LIMITS, &json, NULL) != 0)
        return 0;
    while (nilo_json_next(json, &event, &text, &len, NULL) == 0 && event != NILO_JSON_END) {
        if (found && event == NILO_JSON_NUMBER)
            nilo_decimal_parse(text, len, 0, false, &n, NULL);
        found = event == NILO_JSON_KEY && len == sizeof key - 1 && memcmp(text, key, len) == 0;
    }
    nilo_json_free(json);
    return n;
}

static void fill_report(struct run *r, const struct nilo_run *logged)
{
    r->report.run = logged->id;
    r->report.first_day = r->plan->days[0];
    r->report.last_day = last_day(r->plan);
    r->report.metrics_collected = logged->metrics_collected;
    r->report.readings = 0;
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++)
        r->report.readings += logged->outcomes[i];
    r->report.unchanged = logged->outcomes[NILO_UNCHANGED];
    r->report.differ = differing(logged->details);
    r->report.duration_ms = logged->duration_ms;
    r->report.days_closed = logged->days_closed;
    r->report.error = logged->error;
    r->report.details = logged->details;
}

static int finish(struct run *r, struct nilo_err *err)
{
    struct nilo_run logged = {0};
    int n = count_metrics(r);
    nilo_day until = read_until(r);
    nilo_record_metrics_collected(r->recorder, n);
    if (!nilo_day_is_none(until))
        nilo_record_read_until(r->recorder, until);
    struct nilo_recorder *recorder = r->recorder;
    r->recorder = NULL; /* finishing frees it, whatever comes of it */
    if (nilo_record_finish(recorder, overall_error(r), &r->job->arena, &logged, err) != 0)
        return -1;
    if (r->plan == &r->job->named)
        r->job->metrics_collected = n;
    fill_report(r, &logged);
    give_report(r, nilo_run_status_name((int)logged.status));
    return 0;
}

static int fill_run(struct run *r, struct nilo_err *err)
{
    if (!r->job->was_read && nilo__sql_read(r->job, err) != 0)
        return -1;
    if (r->job->left_out != NULL && note(r, r->job->left_out, err) != 0)
        return -1;
    r->job->left_out = NULL; /* said once */
    /* Of a source that is down each metric would say the same. */
    if (r->job->error == NULL && (note_failures(r, err) != 0 || note_unreadable(r, err) != 0))
        return -1;
    return record_days(r, err) != 0 || note_parts(r, err) != 0 || note_silent(r, err) != 0 ? -1 : 0;
}

static int begin(struct run *r, struct nilo_err *err)
{
    struct nilo__job *job = r->job;
    bool named = r->plan == &job->named, fills = job->backfill != NULL;
    size_t n = (size_t)job->n_metrics + 1;
    r->read_now = nilo_arena_array(&job->arena, n, sizeof *r->read_now);
    r->told_wrong = nilo_arena_array(&job->arena, n, sizeof *r->told_wrong);
    r->failures = nilo_arena_array(&job->arena, 2 * n + r->plan->n, sizeof *r->failures);
    r->notes = nilo_arena_array(&job->arena, job->n_tables + 3, sizeof *r->notes);
    if (r->read_now == NULL || r->told_wrong == NULL || r->failures == NULL || r->notes == NULL)
        return nilo_err_nomem(err);
    const struct nilo_run_options options = {
        .kind = fills ? NILO_RUN_BACKFILL : NILO_RUN_COLLECT,
        .provenance = fills ? NILO_ESTIMATED : NILO_OBSERVED,
        .revise = fills && job->backfill->revise,
        .chunk = fills ? BACKFILL_CHUNK : 0,
        .slot = named ? job->options->run_id : NULL,
        .target_day = last_day(r->plan),
        .read_until = NILO_DAY_NONE,
    };
    return nilo_record_begin(job->store, &job->connection, &options, &r->recorder, err);
}

int nilo__one_run(struct nilo__job *job, const struct nilo__plan *plan, struct nilo_err *err)
{
    struct run r = {.job = job, .plan = plan};
    struct nilo_err why = {0};
    if (begin(&r, &why) == 0 && fill_run(&r, &why) == 0 && finish(&r, &why) == 0)
        return 0;
    if (r.recorder != NULL)
        nilo_record_abort(r.recorder, &why);
    if (err != NULL)
        *err = why;
    return -1;
}

/* The run id was completed before: nothing is done, and what the day holds still counts. */
static void report_done(struct nilo__job *job, int64_t run)
{
    struct run r = {.job = job, .plan = &job->named, .report = {.run = run}};
    for (int i = 0; i < job->n_metrics; i++)
        r.report.metrics_collected += job->metrics[i].active && job->named.holds[i];
    job->metrics_collected = r.report.metrics_collected;
    r.report.first_day = r.report.last_day = last_day(&job->named);
    give_report(&r, "done");
}

int nilo__failed_run(struct nilo__job *job, int64_t *ret_run, struct nilo_err *err)
{
    const struct nilo_run_options options = {
        .kind = job->backfill != NULL ? NILO_RUN_BACKFILL : NILO_RUN_COLLECT,
        .provenance = job->backfill != NULL ? NILO_ESTIMATED : NILO_OBSERVED,
        .target_day = NILO_DAY_NONE,
        .read_until = NILO_DAY_NONE,
    };
    struct nilo_recorder *recorder;
    struct nilo_run logged = {0};
    if (nilo_record_begin(job->store, &job->connection, &options, &recorder, err) != 0 ||
        nilo_record_finish(recorder, job->error, &job->arena, &logged, err) != 0)
        return -1;
    job->any_bad = true;
    *ret_run = logged.id;
    return 0;
}

/* What status shows between runs. Disabled is somebody's wish and stays. */
int nilo__keep_status(const struct nilo__job *job, struct nilo_err *err)
{
    const char *now = job->any_bad && !job->any_good ? "failing" : "connected";
    const char *was = job->connection.status;
    bool ours = strcmp(was, "connected") == 0 || strcmp(was, "failing") == 0;
    return ours && strcmp(was, now) != 0 ? nilo_store_connection_status(job->store, job->connection.id, now, err) : 0;
}

/* A statement that fails on an old day may well answer for today. */
static void forgive_statements(struct nilo__job *job)
{
    nilo_day read = job->connection.read_until;
    for (size_t d = 0; d < job->before.n && job->db != NULL && !nilo_day_is_none(read); d++) {
        for (int i = 0; i < job->n_metrics && job->before.days[d].n <= read.n; i++) {
            struct nilo__table *t = &job->tables[job->metrics[i].table];
            if (t->is_statement && job->before.due[d * (size_t)job->n_metrics + (size_t)i])
                t->failed = false;
        }
    }
}

int nilo__collect_runs(struct nilo__job *job, struct nilo_err *err)
{
    int64_t done = 0;
    if (job->options->run_id != NULL &&
        nilo_store_slot_done(job->store, job->connection.id, job->options->run_id, &done, err) != 0)
        return -1;
    if (done != 0) {
        report_done(job, done);
        return 0;
    }
    if (job->before.n > 0 && nilo__one_run(job, &job->before, err) != 0)
        return -1;
    /* Today would only say the same once more. */
    bool down = job->before.n > 0 && job->error != NULL;
    forgive_statements(job);
    if (!down && nilo__one_run(job, &job->named, err) != 0)
        return -1;
    return nilo__keep_status(job, err);
}
