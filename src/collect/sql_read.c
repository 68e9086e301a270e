/* Asks an application's database for everything that the plans of a connection need: one pass over each table. */
#include "collect/collect_priv.h"

#include <stdlib.h>
#include <string.h>

#define SENTENCE_MAX 2048
#define SLICE_DAYS   366 /* that one statement is asked for, and whose answers are in memory */

/* ---- what there is to ask -------------------------------------------------------------------------------------------------------- */

static struct nilo_metric definition(const struct nilo_config_sql_metric *m)
{
    return (struct nilo_metric){
        .name = m->name,
        .type = (enum nilo_metric_type)nilo_metric_type_value(m->type),
        .kind = NILO_PERIOD,
        .aggregation = strcmp(m->mode, "created") == 0 ? NILO_FLOW : NILO_LEVEL,
        .scale = m->scale,
        .best_rule = NILO_BEST_MAX,
        .active = true,
        .unit = m->unit,
        .display_name = m->display_name,
        .description = m->description,
        .format_pattern = m->scale > 0 ? "0,0.00" : "0,0",
    };
}

static bool clashes(const struct nilo_metric *stored, const struct nilo_metric *wanted)
{
    return stored->kind != wanted->kind || stored->aggregation != wanted->aggregation || stored->scale != wanted->scale;
}

/* What is stored keeps its texts and its is_active: people may have changed them. */
static int define(struct nilo_store *s, const struct nilo_config_sql_metric *m, const struct nilo_metric **ret,
                  struct nilo_err *err)
{
    const struct nilo_metric wanted = definition(m);
    const struct nilo_metric *stored = nilo_catalog_by_type(nilo_store_catalog(s), wanted.type, wanted.name);
    if (stored == NULL)
        return nilo_store_metric_define(s, &wanted, ret, err);
    if (clashes(stored, &wanted))
        return nilo_err_set(err, NILO_EEXIST,
                            "the metric %s is defined otherwise in the store (%s, %s); give this one another name, or move the values: export --values, init a "
                            "new store with this configuration, import --keep-definitions", m->name,
                            nilo_metric_kind_name((int)stored->kind), nilo_aggregation_name((int)stored->aggregation));
    *ret = stored;
    return 0;
}

int nilo_collect_define(struct nilo_store *s, const struct nilo_config_connection *c, struct nilo_err *err)
{
    struct nilo_config_sql_metric *metrics;
    const struct nilo_metric *stored;
    int n, result = 0;
    if (nilo_config_sql_expand(c, &metrics, &n, err) != 0)
        return -1;
    for (int i = 0; i < n && result == 0; i++)
        result = define(s, &metrics[i], &stored, err);
    nilo_config_sql_free(metrics, n);
    return result;
}

int nilo_collect_names(struct nilo_store *s, const struct nilo_config *config, const struct nilo_config_connection *c, struct nilo_err *err)
{
    struct nilo_config_sql_metric *metrics;
    int n, result = 0;
    if (nilo_config_sql_expand(c, &metrics, &n, err) != 0)
        return -1;
    for (int i = 0; i < n && result == 0; i++) {
        const struct nilo_metric wanted = definition(&metrics[i]);
        const struct nilo_metric *stored = nilo_catalog_by_type(nilo_store_catalog(s), wanted.type, wanted.name);
        int line = c->line;
        for (int k = 0; k < c->n_metrics; k++)
            line = strcmp(c->metrics[k].name, wanted.name) == 0 ? c->metrics[k].line : line;
        if (stored != NULL && stored->builtin && clashes(stored, &wanted))
            result = nilo_err_set(err, NILO_ECONFIG, "%s:%d: metric \"%s\" is one of the built-in ones, which is %s, %s, and this one is %s, %s; give it another name",
                                  config->path != NULL ? config->path : "the configuration", line, wanted.name, nilo_metric_kind_name((int)stored->kind),
                                  nilo_aggregation_name((int)stored->aggregation), nilo_metric_kind_name((int)wanted.kind),
                                  nilo_aggregation_name((int)wanted.aggregation));
    }
    nilo_config_sql_free(metrics, n);
    return result;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The table of a metric among those known so far, or a new one. */
static size_t table_of(struct nilo__job *job, const struct nilo_config_sql_metric *m)
{
    size_t i = 0;
    while (m->statement == NULL && i < job->n_tables &&
           (job->tables[i].is_statement || strcmp(job->tables[i].table, m->table) != 0 ||
            strcmp(job->tables[i].timestamp, m->timestamp) != 0 || !same_text(job->tables[i].filter, m->filter)))
        i++;
    if (m->statement != NULL)
        i = job->n_tables;
    if (i == job->n_tables) {
        job->tables[i] = (struct nilo__table){.table = m->table, .timestamp = m->timestamp, .filter = m->filter};
        job->tables[i].is_statement = m->statement != NULL;
        job->tables[i].statement = (struct nilo_sql_statement){.text = m->statement, .type = m->type, .scale = m->scale};
        job->n_tables++;
    }
    return i;
}

/* Whose failure it is: the metric's, when its definition is in the way; else the store's. */
static bool is_metrics_own(enum nilo_code code)
{
    return code == NILO_EEXIST || code == NILO_EINVAL;
}

static int add_metric(struct nilo__job *job, const struct nilo_config_sql_metric *config, struct nilo__metric *m,
                      struct nilo_err *err)
{
    const struct nilo_metric *stored = NULL;
    struct nilo_err why = {0};
    m->config = config;
    m->created = strcmp(config->mode, "created") == 0;
    m->table = table_of(job, config);
    if (define(job->store, config, &stored, &why) == 0) {
        m->id = stored->id;
        m->active = stored->active;
        return 0;
    }
    if (!is_metrics_own(why.code)) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    m->active = true;
    m->fail_class = "invalid";
    m->fail = nilo_arena_strdup(&job->arena, why.msg);
    return m->fail != NULL ? 0 : nilo_err_nomem(err);
}

int nilo__sql_metrics(struct nilo__job *job, struct nilo_err *err)
{
    if (nilo_config_sql_expand(job->source, &job->sql_metrics, &job->n_metrics, err) != 0)
        return -1;
    size_t n = (size_t)job->n_metrics + 1; /* never an empty array */
    job->metrics = nilo_arena_array(&job->arena, n, sizeof *job->metrics);
    job->tables = nilo_arena_array(&job->arena, n, sizeof *job->tables);
    if (job->metrics == NULL || job->tables == NULL)
        return nilo_err_nomem(err);
    for (int i = 0; i < job->n_metrics; i++) {
        if (add_metric(job, &job->sql_metrics[i], &job->metrics[i], err) != 0)
            return -1;
    }
    return 0;
}

/* ---- cuts ---------------------------------------------------------------------------------------------------------------------------- */

/* Where a day begins; where it ends, and for today: now. The reading instant itself is within. */
static struct nilo_cut cut_start(const struct nilo__job *job, nilo_day d)
{
    return (struct nilo_cut){.at = nilo_calendar_start(job->calendar, d), .day = d};
}

static struct nilo_cut cut_end(const struct nilo__job *job, nilo_day d)
{
    nilo_day next = NILO_DAY(d.n + 1);
    nilo_us end = nilo_calendar_end(job->calendar, d);
    return (struct nilo_cut){.at = end > job->now ? job->now + 1 : end, .day = next};
}

static int compare_cuts(const void *a, const void *b)
{
    const struct nilo_cut *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->day.n > y->day.n) - (x->day.n < y->day.n);
}

static void add_cuts(struct nilo__job *job, const struct nilo__plan *plan)
{
    for (size_t i = 0; i < plan->n; i++) {
        job->cuts[job->n_cuts++] = cut_start(job, plan->days[i]);
        job->cuts[job->n_cuts++] = cut_end(job, plan->days[i]);
    }
}

static int make_cuts(struct nilo__job *job, struct nilo_err *err)
{
    job->n_cuts = 0;
    job->cuts = nilo_arena_array(&job->arena, 2 * (job->before.n + job->named.n) + 1, sizeof *job->cuts);
    if (job->cuts == NULL)
        return nilo_err_nomem(err);
    add_cuts(job, &job->before);
    add_cuts(job, &job->named);
    qsort(job->cuts, job->n_cuts, sizeof *job->cuts, compare_cuts);
    size_t n = 0;
    for (size_t i = 0; i < job->n_cuts; i++) {
        if (n == 0 || compare_cuts(&job->cuts[n - 1], &job->cuts[i]) != 0)
            job->cuts[n++] = job->cuts[i];
    }
    job->n_cuts = n;
    return 0;
}

static int64_t below(const struct nilo__job *job, const struct nilo__table *t, struct nilo_cut cut)
{
    const struct nilo_cut *found = bsearch(&cut, job->cuts, job->n_cuts, sizeof cut, compare_cuts);
    return t->below[found - job->cuts];
}

/* A statement that leaves a day out says 0 where it counts what happened that day; anything else has no value then. */
static struct nilo_sql_answer statement_answer(const struct nilo__metric *m, nilo_day day)
{
    struct nilo_sql_answer a = m->answers[day.n - m->answers_from.n];
    bool sum = strcmp(m->config->type, "count") == 0 || strcmp(m->config->type, "aggregate") == 0;
    if (!a.present && m->created && sum)
        a = (struct nilo_sql_answer){.present = true};
    return a;
}

struct nilo_sql_answer nilo__sql_answer(const struct nilo__job *job, const struct nilo__metric *m, nilo_day day)
{
    const struct nilo__table *t = &job->tables[m->table];
    if (t->is_statement)
        return statement_answer(m, day);
    int64_t total = below(job, t, cut_end(job, day));
    return (struct nilo_sql_answer){.present = true, .value = m->created ? total - below(job, t, cut_start(job, day)) : total};
}

nilo_day nilo__sql_earliest(const struct nilo__job *job, const struct nilo__plan *plan)
{
    for (size_t d = 0; d < plan->n; d++) {
        for (size_t i = 0; i < job->n_tables; i++) {
            const struct nilo__table *t = &job->tables[i];
            if (t->below != NULL && !t->failed && below(job, t, cut_end(job, plan->days[d])) > 0)
                return plan->days[d];
        }
    }
    return NILO_DAY_NONE;
}

/* ---- asking -------------------------------------------------------------------------------------------------------------------------- */

/* Trying again at once is for what passes by itself. The same question that took too long would only burden the application's database again:
 * a table's is left to the next run, a statement is asked for fewer days (ask_in_parts()). */
static bool worth_another_try(enum nilo_code code)
{
    return code == NILO_ESOURCE || code == NILO_EBUSY;
}

static void wait_before_try(const struct nilo__job *job, int try)
{
    const struct nilo_env *env = nilo_store_env(job->store);
    nilo_us wait = NILO__COLLECT_BACKOFF << (try - 1);
    /* Up to a quarter more, so that collectors that failed together do not come back together. */
    wait += (nilo_us)nilo_random_below(&env->random, (uint64_t)wait / 4);
    env->clock.sleep(env->clock.ctx, wait);
}

static void tell(const struct nilo__job *job, const char *doing, int64_t done, int64_t of)
{
    const struct nilo_collect_options *o = job->options;
    if (o->progress != NULL)
        o->progress(o->progress_ctx, job->connection.name, doing, done, of);
}

static int open_source(struct nilo__job *job, struct nilo_err *err)
{
    for (int try = 1;; try++) {
        if (nilo_sql_open(job->database, job->source->timeout_ms, NULL, &job->db, err) == 0)
            return 0;
        job->db = NULL;
        if (try == NILO__COLLECT_TRIES || !worth_another_try(err->code))
            return -1;
        wait_before_try(job, try);
    }
}

/* What a broken connection leaves is useless; the next try, or the next table, wants one that works. */
static int reopen(struct nilo__job *job, struct nilo_err *err)
{
    nilo_db_close(job->db);
    job->db = NULL;
    return nilo_sql_open(job->database, job->source->timeout_ms, NULL, &job->db, err);
}

/* One question to the source. */
typedef int ask_fn(struct nilo__job *job, void *question, struct nilo_err *err);

/* Asks until it is answered, or three times. job->db is NULL afterwards when the connection broke and could not be made again; then `err`
 * still says why, and nobody looks for it for each table that is left. */
static int with_tries(struct nilo__job *job, ask_fn *ask, void *question, struct nilo_err *err)
{
    for (int try = 1;; try++) {
        if (job->db != NULL && ask(job, question, err) == 0)
            return 0;
        bool last = try == NILO__COLLECT_TRIES || !worth_another_try(err->code);
        struct nilo_err again = {0};
        if (!last)
            wait_before_try(job, try);
        if (err->code == NILO_ESOURCE && reopen(job, &again) != 0)
            *err = again;
        if (last)
            return -1;
    }
}

static int keep_failure(struct nilo__job *job, struct nilo__table *t, const struct nilo_err *why, struct nilo_err *err)
{
    bool named = t->is_statement && strncmp(why->msg, "the statement", strlen("the statement")) == 0;
    t->failed = true;
    t->fail_class = nilo_connect_class(why->code);
    t->fail = named ? nilo_arena_strdup(&job->arena, why->msg)
                    : nilo_arena_printf(&job->arena, "%s: %s", t->is_statement ? "the statement" : t->table, why->msg);
    return t->fail != NULL ? 0 : nilo_err_nomem(err);
}

static int keep_unreadable(struct nilo__job *job, struct nilo__table *t, const struct nilo_sql_counts *counts,
                           struct nilo_err *err)
{
    struct nilo_buf b;
    nilo_buf_init(&b, SENTENCE_MAX);
    nilo_sql_unreadable(counts, t->table, t->timestamp, &b);
    if (b.len > 0)
        t->unreadable = nilo_arena_strdup(&job->arena, nilo_buf_str(&b));
    bool failed = b.failed || (b.len > 0 && t->unreadable == NULL);
    nilo_buf_done(&b);
    return failed ? nilo_err_nomem(err) : 0;
}

static bool is_wanted(const struct nilo__job *job, size_t table)
{
    for (int m = 0; m < job->n_metrics; m++) {
        if (job->metrics[m].table == table && job->metrics[m].active && job->metrics[m].fail == NULL)
            return true;
    }
    return false;
}

/* Does every metric of the table count what happened on the days, and none what there was before? */
static bool is_created_only(const struct nilo__job *job, size_t table)
{
    for (int m = 0; m < job->n_metrics; m++) {
        if (job->metrics[m].table == table && job->metrics[m].active && job->metrics[m].fail == NULL && !job->metrics[m].created)
            return false;
    }
    return true;
}

struct table_question {
    const struct nilo__job *job;
    struct nilo__table *table;
    bool created_only;
    struct nilo_sql_counts counts;
};

static void on_chunk(void *ctx, int64_t done, int64_t of)
{
    const struct table_question *q = ctx;
    tell(q->job, q->table->table, done, of);
}

static int ask_table(struct nilo__job *job, void *question, struct nilo_err *err)
{
    struct table_question *q = question;
    const struct nilo_sql_pass pass = {.table = q->table->table, .timestamp = q->table->timestamp, .filter = q->table->filter,
                                       .between = q->created_only, .progress = on_chunk, .progress_ctx = q};
    return nilo_sql_count_pass(job->db, &pass, job->cuts, job->n_cuts, q->table->below, &q->counts, err);
}

static int read_tables(struct nilo__job *job, struct nilo_err *err)
{
    struct nilo_err why = {0};
    for (size_t i = 0; i < job->n_tables; i++) {
        struct table_question q = {.job = job, .table = &job->tables[i], .created_only = is_created_only(job, i)};
        if (q.table->is_statement || !is_wanted(job, i))
            continue;
        q.table->below = nilo_arena_array(&job->arena, job->n_cuts, sizeof *q.table->below);
        if (q.table->below == NULL)
            return nilo_err_nomem(err);
        tell(job, q.table->table, 0, 0);
        /* A source that went away is not looked for again for each table that is left: `why` still tells. */
        bool good = job->db != NULL && with_tries(job, ask_table, &q, &why) == 0;
        if (good ? keep_unreadable(job, q.table, &q.counts, err) : keep_failure(job, q.table, &why, err))
            return -1;
    }
    return 0;
}

static int keep_error(struct nilo__job *job, const struct nilo_err *why, struct nilo_err *err)
{
    job->error = nilo_arena_strdup(&job->arena, why->msg);
    return job->error != NULL ? 0 : nilo_err_nomem(err);
}

int nilo__sql_read(struct nilo__job *job, struct nilo_err *err)
{
    struct nilo_err why = {0};
    job->was_read = true;
    tell(job, "connecting", 0, 0);
    if (make_cuts(job, err) != 0)
        return -1;
    if (nilo_config_secret(job->source->database, &job->database, &why) != 0 || open_source(job, &why) != 0)
        return keep_error(job, &why, err);
    return read_tables(job, err);
}

void nilo__sql_done(struct nilo__job *job)
{
    nilo_db_close(job->db);
    free(job->database);
    job->db = NULL;
    job->database = NULL;
}

/* ---- statements ---------------------------------------------------------------------------------------------------------------------- */

struct slice {
    const struct nilo__plan *plan;
    size_t at, n; /* days of the plan */
};

struct statement_question {
    const char *name; /* of the metric */
    struct nilo_sql_statement *statement;
    nilo_day from;
    size_t days;
    bool *wanted;
    struct nilo_arena *arena;
    struct nilo_sql_answer *answers;
};

static int ask_statement(struct nilo__job *job, void *question, struct nilo_err *err)
{
    struct statement_question *q = question;
    return nilo_sql_select(job->db, q->statement, q->from, q->days, q->wanted, q->arena, q->answers, err);
}

/* The due days of the slice, from the first to the last; false when there are none. */
static bool due_range(const struct nilo__job *job, const struct slice *s, size_t metric, nilo_day *ret_from, size_t *ret_days)
{
    nilo_day first = NILO_DAY_NONE, last = NILO_DAY_NONE;
    for (size_t d = s->at; d < s->at + s->n; d++) {
        if (!s->plan->due[d * (size_t)job->n_metrics + metric])
            continue;
        first = nilo_day_is_none(first) ? s->plan->days[d] : first;
        last = s->plan->days[d];
    }
    *ret_from = first;
    *ret_days = nilo_day_is_none(first) ? 0 : (size_t)(last.n - first.n) + 1;
    return *ret_days > 0;
}

static bool wants_any(const struct statement_question *q)
{
    for (size_t i = 0; i < q->days; i++) {
        if (q->wanted[i])
            return true;
    }
    return false;
}

static struct statement_question part_of(const struct statement_question *q, size_t at, size_t days)
{
    struct statement_question part = *q;
    part.from = NILO_DAY(q->from.n + (int32_t)at);
    part.days = days < q->days - at ? days : q->days - at;
    part.wanted += at;
    part.answers += at;
    return part;
}

/* A statement that takes too long for all of the days is asked for half as many at once, and so on down to one day: what it takes for a
 * year says little about what it takes for a month. What fitted once is kept for the days that follow. */
static int ask_in_parts(struct nilo__job *job, struct nilo__table *t, const struct statement_question *q, struct nilo_err *err)
{
    for (size_t at = 0; at < q->days;) {
        struct statement_question part = part_of(q, at, t->days_at_once > 0 ? t->days_at_once : q->days);
        tell(job, q->name, (int64_t)at, (int64_t)q->days);
        if (!wants_any(&part) || (job->db != NULL && with_tries(job, ask_statement, &part, err) == 0)) {
            at += part.days;
            continue;
        }
        if (err->code == NILO_ETIMEOUT && part.days == 1 && t->took_too_long > 0) {
            struct nilo_err why = *err;
            nilo_err_set(err, why.code, "%s, even for one day alone", why.msg);
        }
        if (err->code != NILO_ETIMEOUT || part.days == 1 || t->statement.by_day)
            return -1;
        t->took_too_long = t->took_too_long > 0 ? t->took_too_long : part.days;
        t->days_at_once = part.days / 2;
    }
    return 0;
}

static int read_statement(struct nilo__job *job, const struct slice *s, size_t metric, struct nilo_err *err)
{
    struct nilo__metric *m = &job->metrics[metric];
    struct nilo__table *t = &job->tables[m->table];
    struct statement_question q = {.name = m->config->name, .statement = &t->statement, .arena = &job->slice};
    struct nilo_err why = {.code = NILO_ESOURCE, .msg = "the connection to the source was lost"};
    if (!due_range(job, s, metric, &q.from, &q.days))
        return 0;
    q.wanted = nilo_arena_array(&job->slice, q.days, sizeof *q.wanted);
    q.answers = nilo_arena_array(&job->slice, q.days, sizeof *q.answers);
    if (q.wanted == NULL || q.answers == NULL)
        return nilo_err_nomem(err);
    for (size_t d = s->at; d < s->at + s->n; d++) {
        if (s->plan->due[d * (size_t)job->n_metrics + metric])
            q.wanted[s->plan->days[d].n - q.from.n] = true;
    }
    t->statement.calendar = job->calendar;
    m->answers = q.answers;
    m->answers_from = q.from;
    return ask_in_parts(job, t, &q, &why) == 0 ? 0 : keep_failure(job, t, &why, err);
}

int nilo__sql_read_slice(struct nilo__job *job, const struct nilo__plan *plan, size_t at, size_t *ret_n, struct nilo_err *err)
{
    struct slice s = {.plan = plan, .at = at};
    while (at + s.n < plan->n && plan->days[at + s.n].n - plan->days[at].n < SLICE_DAYS)
        s.n++;
    nilo_arena_reset(&job->slice);
    for (int i = 0; i < job->n_metrics && job->error == NULL; i++) {
        const struct nilo__metric *m = &job->metrics[i];
        const struct nilo__table *t = &job->tables[m->table];
        if (t->is_statement && !t->failed && m->active && m->fail == NULL && read_statement(job, &s, (size_t)i, err) != 0)
            return -1;
    }
    *ret_n = s.n;
    return 0;
}
