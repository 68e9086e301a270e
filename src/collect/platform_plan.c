/* A job from its beginning to the plan, and its end: what is asked first, which items are read, what became of all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/platform_priv.h"

#define WHOLE_LISTING (20 * NILO_US_HOUR) /* so often the whole listing is read; in between its newest pages */
#define GONE_AT_ONCE 20                   /* items read, from which on ... */
#define GONE "gone"                       /* the status of an item that does not come back */
#define GONE_SHARE 5                      /* ... more than a fifth gone at once is not believed */

static nilo_us wall(const struct nilo__job_p *job)
{
    return job->all->env->clock.wall(job->all->env->clock.ctx);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct nilo_item_state *)a)->external_id, ((const struct nilo_item_state *)b)->external_id);
}
static int by_found_id(const void *a, const void *b)
{
    return strcmp(((const struct nilo__found *)a)->id, ((const struct nilo__found *)b)->id);
}

/* ---- discovery --------------------------------------------------------------------------------------------------------------------------- */

static bool can(const struct nilo__job_p *job, enum nilo_op op)
{
    bool token = job->credentials.access_token != NULL;
    return (job->connector->ops >> op & 1) != 0 && (token || (job->connector->needs_token >> op & 1) == 0);
}

static int ask_account(struct nilo__job_p *job, const char *account, struct nilo_err *err)
{
    enum nilo_op op = can(job, NILO_OP_ACCOUNT) ? NILO_OP_ACCOUNT : NILO_OP_LIST;
    if (!can(job, op))
        return 0;
    struct nilo__task *t = nilo__task_new(job, op);
    if (t == NULL)
        return nilo_err_nomem(err);
    t->account = account;
    t->repeat = job->want.rest;
    return 0;
}

/* What the store knows of items; sorted bytewise, as the engines' collations differ. */
static int load_items(struct nilo__job_p *job, struct nilo_err *err)
{
    if (nilo_store_items(job->all->o.store, job->connection.id, NILO_CONTENT, &job->arena, &job->items, &job->n_items, err) != 0)
        return -1;
    qsort(job->items, job->n_items, sizeof *job->items, by_id);
    return 0;
}

#define LISTED (INT64_C(1) << 56) /* of state.variants: what was left over are readings, the listings of that run were read */

int nilo__discover(struct nilo__job_p *job, struct nilo_err *err)
{
    nilo_us now = wall(job);
    bool goes_on;
    if (nilo_store_collect_state(job->all->o.store, job->connection.id, &job->arena, &job->state, err) != 0 || load_items(job, err) != 0)
        return -1;
    job->list_whole = job->want.all || job->state.listed_at == NILO_US_NONE || job->state.listed_at > now || now - job->state.listed_at >= WHOLE_LISTING;
    goes_on = job->state.next_at != NILO_US_NONE && (job->state.variants & LISTED) != 0 && !job->want.all;
    job->state.next_at = NILO_US_NONE;
    job->state.why = NULL;
    job->state.variants &= ~LISTED;
    for (int i = 0; i < NILO_OPS; i++)
        job->variants[i] = (unsigned)(job->state.variants >> (8 * i) & 0xff);
    if (nilo__kinds_load(job, err) != 0)
        return -1;
    if (goes_on) { /* only the rest of a run that was cut short */
        job->list_whole = false;
        return 0;
    }
    for (size_t i = 0; i < job->want.n_accounts; i++) {
        if (ask_account(job, job->want.accounts[i], err) != 0)
            return -1;
    }
    if (job->want.n_accounts == 0 && job->credentials.access_token != NULL)
        return ask_account(job, NULL, err);
    return 0;
}

/* ---- the plan ------------------------------------------------------------------------------------------------------------------------------ */

/* All items: those of the store, and those that were found or named and are not there yet. */
static int join_items(struct nilo__job_p *job, struct nilo_err *err)
{
    size_t most = job->n_items + job->n_found + job->want.n_ids, n = job->n_items;
    struct nilo_item_state *all = nilo_arena_array(&job->arena, most + 1, sizeof *all);
    const nilo_us now = wall(job);
    if (all == NULL)
        return nilo_err_nomem(err);
    memcpy(all, job->items, n * sizeof *all);
    if (job->n_found > 0)
        qsort(job->found, job->n_found, sizeof *job->found, by_found_id);
    for (size_t i = 0; i < job->n_found + job->want.n_ids; i++) {
        const struct nilo__found *f = i < job->n_found ? &job->found[i] : NULL;
        const char *id = f != NULL ? f->id : job->want.ids[i - job->n_found];
        if (nilo__item(job, id) != NULL || (f != NULL && f->gone))
            continue;
        all[n++] = (struct nilo_item_state){.external_id = id, .first_seen = now, .posted_at = f != NULL ? f->posted_at : NILO_US_NONE,
                                            .deleted_at = NILO_US_NONE, .read_at = NILO_US_NONE, .failed_at = NILO_US_NONE};
    }
    qsort(all, n, sizeof *all, by_id);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || strcmp(all[kept - 1].external_id, all[i].external_id) != 0)
            all[kept++] = all[i];
    }
    job->out.discovered = (int64_t)(kept - job->n_items);
    job->items = all;
    job->n_items = kept;
    job->fate = nilo_arena_array(&job->arena, kept + 1, sizeof *job->fate);
    job->planned = nilo_arena_array(&job->arena, kept + 1, sizeof *job->planned);
    job->of = nilo_arena_array(&job->arena, kept + 1, sizeof *job->of);
    job->gone_why = nilo_arena_array(&job->arena, kept + 1, sizeof *job->gone_why);
    return job->fate == NULL || job->planned == NULL || job->of == NULL || job->gone_why == NULL ? nilo_err_nomem(err) : 0;
}

static void join_one(struct nilo__job_p *job, struct nilo_item_state *item, const struct nilo__found *f)
{
    job->of[item - job->items] = f;
    if (f->account != NULL)
        item->account = f->account;
}

static void join_found(struct nilo__job_p *job)
{
    for (size_t i = 0; i < job->n_found; i++) {
        struct nilo_item_state *item = nilo__item(job, job->found[i].id);
        if (item != NULL)
            join_one(job, item, &job->found[i]);
    }
}

static size_t batch_of(const struct nilo__job_p *job)
{
    size_t most = job->connector->ids_per_call > 0 ? job->connector->ids_per_call : 1;
    return job->want.batch > 0 && job->want.batch < most ? job->want.batch : most;
}

/* The budget that readings use: listings may have another one. NULL: none, or nothing can be asked. */
static int budget_of_readings(struct nilo__job_p *job, const char *id, struct nilo_budget **ret, struct nilo_err *err)
{
    const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &job->credentials, .settings = job->want.settings, .variant = job->variants[NILO_OP_METRICS],
                                 .now = wall(job), .account = job->want.n_accounts > 0 ? job->want.accounts[0] : NULL, .ids = &id, .n_ids = 1, .day = NILO_DAY_NONE};
    struct nilo_arena arena;
    struct nilo_call call = {.bucket = -1};
    struct nilo_err why = {0};
    *ret = NULL;
    nilo_arena_init(&arena, 0);
    int rc = job->connector->make(&ask, &arena, &call, &why) == 0 ? nilo__budget_of(job, call.bucket, ret, err)
             : why.code == NILO_ENOMEM                            ? nilo_err_nomem(err)
                                                                  : 0;
    nilo_arena_done(&arena);
    return rc;
}

/* How many items the budget lets this run read, when a day at full pace is more than it has: its share of what is due. */
static int affordable(struct nilo__job_p *job, const struct nilo_pace *pace, const struct nilo_pace_plan *plan, size_t *ret, struct nilo_err *err)
{
    struct nilo_budget *b = NULL;
    *ret = SIZE_MAX;
    /* an id that can be asked for; what cannot costs nothing */
    for (size_t i = 0; b == NULL && i < plan->due && i < 10; i++) {
        if (budget_of_readings(job, job->items[plan->order[i].item].external_id, &b, err) != 0)
            return -1;
    }
    if (b == NULL || b->zone == NULL)
        return 0;
    if (b->blocked_until != NILO_US_NONE && b->blocked_until > pace->now && b->blocked_until < b->end)
        return 0; /* "not so fast" for a moment: nothing is used up, and sending waits for its end */
    int64_t per_call = (int64_t)batch_of(job), calls = (nilo_pace_per_day(pace, job->items, job->n_items) + per_call - 1) / per_call;
    struct nilo_forecast f = nilo_budget_forecast(b, pace->now, calls);
    if (f.needed <= f.left || f.needed <= 0)
        return 0;
    char text[NILO_US_TEXT] = "";
    if (f.ends_at != NILO_US_NONE)
        nilo_us_format(f.ends_at, text);
    nilo__note(job, nilo_arena_printf(&job->arena, "reading everything as often as it should be would use up the budget of %s (%lld left) by %.16s; old items wait",
                                      b->bucket, (long long)f.left, text));
    nilo_i128 share = (nilo_i128)plan->due * f.left / f.needed;
    *ret = f.left > 0 ? (size_t)((share + per_call - 1) / per_call * per_call) : 0; /* whole calls: a part of one costs as much */
    size_t first = 0; /* those that failed and those that were never read are asked for at once, as far as it goes */
    while (first < plan->due && plan->order[first].due >= NILO_DUE_NEW)
        first++;
    *ret = *ret > first ? *ret : first;
    return 0;
}

/* Numbers are compared as numbers: the longer is the newer, as platforms count up. */
static int newest_first(const void *a, const void *b)
{
    const char *one = *(const char *const *)a, *other = *(const char *const *)b;
    size_t n = strlen(one), m = strlen(other);
    return n != m ? (n < m) - (n > m) : strcmp(other, one);
}

/* Ids that go together in one question, as the connector says. */
static int add_together(struct nilo__job_p *job, const size_t *items, size_t n_items, bool repeat, struct nilo_err *err)
{
    size_t batch = batch_of(job);
    const char **all = nilo_arena_array(&job->arena, n_items + 1, sizeof *all);
    if (all == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n_items; i++) {
        all[i] = job->items[items[i]].external_id;
        job->planned[items[i]] = true;
    }
    if (n_items > 1)
        qsort(all, n_items, sizeof *all, newest_first);
    for (size_t at = 0, n; at < n_items; at += n) {
        n = job->connector->together(all + at, n_items - at < batch ? n_items - at : batch);
        struct nilo__task *t = nilo__task_new(job, NILO_OP_METRICS);
        if (t == NULL)
            return nilo_err_nomem(err);
        t->account = job->want.n_accounts > 0 ? job->want.accounts[0] : NULL;
        t->ids = all + at;
        t->n_ids = n;
        t->repeat = repeat;
    }
    return 0;
}

/* Requests for these items, which are in the order in which to read them; each has items of one kind. */
static int add_batches(struct nilo__job_p *job, const size_t *items, size_t n_items, bool repeat, struct nilo_err *err)
{
    size_t batch = batch_of(job);
    if (job->connector->together != NULL)
        return add_together(job, items, n_items, repeat, err);
    struct nilo__task *open[NILO_KINDS + 1] = {NULL};
    for (size_t i = 0; i < n_items; i++) {
        size_t at = items[i];
        int kind = nilo__kind_of(job, job->of[at] != NULL && job->of[at]->media_type != NULL ? job->of[at]->media_type : job->items[at].media_type);
        struct nilo__task *t = open[kind];
        if (t == NULL) {
            if ((t = open[kind] = nilo__task_new(job, NILO_OP_METRICS)) == NULL || (t->ids = nilo_arena_array(&job->arena, batch, sizeof *t->ids)) == NULL)
                return nilo_err_nomem(err);
            t->kind = kind;
            t->repeat = repeat;
            t->account = job->want.n_accounts > 0 ? job->want.accounts[0] : NULL;
        }
        t->ids[t->n_ids++] = job->items[at].external_id;
        job->planned[at] = true;
        if (t->n_ids == batch)
            open[kind] = NULL;
    }
    return 0;
}

/* Second tries take the places that are free in the requests for the others, first in line; what is more of them are requests that cost the credit of a retry. */
static int add_planned(struct nilo__job_p *job, const struct nilo_pace_plan *plan, struct nilo_err *err)
{
    size_t batch = batch_of(job), repeats = 0, alone, n[2] = {0, 0};
    size_t *order[2] = {nilo_arena_array(&job->arena, plan->read + 1, sizeof(size_t)), nilo_arena_array(&job->arena, plan->read + 1, sizeof(size_t))};
    if (order[0] == NULL || order[1] == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < plan->read; i++)
        repeats += plan->order[i].repeat;
    /* where items go together by what they are, nothing is known of free places */
    size_t places = job->connector->together != NULL || job->connector->n_kinds > 0 ? 0 : (batch - (plan->read - repeats) % batch) % batch;
    alone = repeats > places ? repeats - places : 0;
    for (size_t i = 0, ride = repeats - alone; i < plan->read; i++) {
        bool rides = plan->order[i].repeat && ride > 0;
        ride -= rides;
        int of = plan->order[i].repeat && !rides;
        order[of][n[of]++] = plan->order[i].item;
    }
    return add_batches(job, order[0], n[0], false, err) != 0 ? -1 : add_batches(job, order[1], n[1], true, err);
}

/* Of what has ended nobody asks any more. */
static void find_ended(struct nilo__job_p *job)
{
    const nilo_us now = wall(job);
    for (size_t i = 0; job->connector->n_kinds > 0 && i < job->n_items; i++) {
        const struct nilo__found *f = job->of[i];
        nilo_us posted = job->items[i].posted_at != NILO_US_NONE ? job->items[i].posted_at : f != NULL ? f->posted_at : NILO_US_NONE;
        const char *type = f != NULL && f->media_type != NULL ? f->media_type : job->items[i].media_type;
        job->items[i].ended = nilo__ended(job, nilo__kind_of(job, type), posted, now);
    }
}

int nilo__plan(struct nilo__job_p *job, struct nilo_err *err)
{
    const struct nilo_pace pace = {.now = wall(job), .calendar = job->calendar, .refresh_window_days = job->want.refresh_window_days, .all = job->want.all};
    struct nilo_pace_plan plan = {0};
    if (join_items(job, err) != 0)
        return -1;
    join_found(job);
    find_ended(job);
    if ((job->connector->ops >> NILO_OP_METRICS & 1) == 0) /* reports tell all there is */
        return 0;
    if ((plan.order = nilo_arena_array(&job->arena, job->n_items + 1, sizeof *plan.order)) == NULL)
        return nilo_err_nomem(err);
    nilo_pace_plan(&pace, job->items, job->n_items, SIZE_MAX, &plan);
    size_t most;
    if (affordable(job, &pace, &plan, &most, err) != 0)
        return -1;
    plan.read = plan.due < most ? plan.due : most;
    job->out.due = (int64_t)plan.due;
    if (plan.outside > 0)
        nilo__note(job, nilo_arena_printf(&job->arena, "%zu items are older than refresh_window_days: %d and are not read", plan.outside, job->want.refresh_window_days));
    return add_planned(job, &plan, err);
}

/* ---- the end -------------------------------------------------------------------------------------------------------------------------------- */

/* Absences of every metric that a reading would have had. */
static int record_absence(struct nilo__job_p *job, const struct nilo_item_state *item, enum nilo_absence why, const struct nilo_attrs *attrs, nilo_us at,
                          struct nilo_err *err)
{
    struct nilo_reading_value values[32];
    struct nilo_err wrong = {0};
    struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = item->external_id, .captured_at = at, .day = NILO_DAY_NONE, .attrs = attrs, .values = values};
    for (size_t i = 0; job->connector->metrics != NULL && job->connector->metrics[i] != NULL && reading.n_values < 32; i++) {
        const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(job->all->o.store), job->connector->metrics[i]);
        if (m != NULL && m->active)
            values[reading.n_values++] = (struct nilo_reading_value){.metric = m->id, .absence = why};
    }
    if (nilo_record_add(job->recorder, &reading, &wrong) == 0 || wrong.code == NILO_EINVAL || wrong.code == NILO_EDATERANGE)
        return 0;
    if (err != NULL)
        *err = wrong;
    return -1;
}

static int record_gone(struct nilo__job_p *job, struct nilo_item_state *item, const char *why, struct nilo_err *err)
{
    nilo_us at = item->failed_at;
    bool new = item->deleted_at == NILO_US_NONE, known = item->entity.id != 0;
    const struct nilo_attrs attrs = {.posted_at = NILO_US_NONE, .deleted_at = new ? at : NILO_US_NONE, .at = at, .duration_ms = -1, .status = GONE};
    item->read_at = at;
    item->failed_at = NILO_US_NONE;
    item->failures = 0;
    item->class = nilo_class_word(NILO_CLASS_GONE);
    if (!known) /* never seen: an id that was named by somebody, and leads nowhere */
        return nilo__note_failure(job, item->external_id, "gone", why, err);
    job->out.gone += new;
    if (!new)
        return 0;
    item->deleted_at = at;
    return record_absence(job, item, NILO_DELETED, &attrs, at, err);
}

/* All items that came to nothing at once are a fault of the platform's rather than of all of them: not believed the first time. */
static bool believe(const struct nilo__job_p *job)
{
    int64_t asked = job->out.read + (int64_t)job->newly_gone;
    return asked < GONE_AT_ONCE || (int64_t)job->newly_gone * GONE_SHARE <= asked;
}

static int end_gone(struct nilo__job_p *job, struct nilo_err *err)
{
    bool sure = believe(job);
    for (size_t i = 0; i < job->n_items; i++) {
        struct nilo_item_state *item = &job->items[i];
        if (job->fate[i] != NILO__F_GONE)
            continue;
        /* What was not believed once is when it is said again. */
        bool again = item->class != NULL && strcmp(item->class, "gone") == 0 && item->failures > 0;
        if (sure || again || item->deleted_at != NILO_US_NONE) {
            if (record_gone(job, item, job->gone_why[i], err) != 0)
                return -1;
            continue;
        }
        item->failures++;
        item->class = nilo_class_word(NILO_CLASS_GONE);
        job->out.failed++;
    }
    if (sure)
        return 0;
    return nilo__note_failure(job, NULL, "gone",
                              nilo_arena_printf(&job->arena, "%zu items are missing from the answers at once; they count as deleted when the next run misses them too",
                                                job->newly_gone),
                              err);
}

/* Who was not read for want of a budget has, in the day's last hour, that as the reason. */
static int end_not_due(struct nilo__job_p *job, struct nilo_err *err)
{
    nilo_us now = wall(job);
    nilo_day today = nilo_calendar_day(job->calendar, now);
    nilo_us begin = nilo_calendar_start(job->calendar, today);
    if (now < nilo_calendar_end(job->calendar, today) - NILO_US_HOUR || job->error != NULL || job->connector->metrics == NULL)
        return 0;
    for (size_t i = 0; i < job->n_items; i++) {
        const struct nilo_item_state *item = &job->items[i];
        bool left = (!job->planned[i] || job->fate[i] == NILO__F_LEFT) && item->entity.id != 0;
        if (!left || item->ended || item->deleted_at != NILO_US_NONE || (item->read_at != NILO_US_NONE && item->read_at >= begin) || item->failures > 0)
            continue;
        if (record_absence(job, item, NILO_NOT_DUE, NULL, now, err) != 0)
            return -1;
    }
    return 0;
}

/* An item that is there again: the event of its deletion is over, what was recorded stays. A run that does not count has not seen it. */
static int bring_back(struct nilo__job_p *job, struct nilo_err *err)
{
    if (!nilo_run_status_counts(job->out.logged.status))
        return 0;
    for (size_t i = 0; i < job->n_items; i++) {
        struct nilo_item_state *item = &job->items[i];
        if (job->fate[i] != NILO__F_READ || item->deleted_at == NILO_US_NONE)
            continue;
        const bool told = item->status != NULL && strcmp(item->status, GONE) != 0; /* by the reading: public again, or there but private */
        const struct nilo_attrs attrs = {.posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = item->read_at, .duration_ms = -1,
                                         .status = told ? item->status : NULL};
        if (nilo_store_content_set(job->all->o.store, item->entity, &attrs, 1u << NILO_ATTR_DELETED | 1u << NILO_ATTR_STATUS, err) != 0)
            return -1;
        job->out.back++;
    }
    return 0;
}

/* What is left over and not in the record yet would be forgotten if the next run did not list. */
static bool all_known(const struct nilo__job_p *job)
{
    for (size_t i = 0; job->fate != NULL && i < job->n_items; i++) {
        if (job->items[i].entity.id == 0 && job->fate[i] != NILO__F_READ)
            return false;
    }
    return true;
}

/* ... so the next run lists everything once more: its newest pages would not bring what lies behind them. */
static bool left_unknown(const struct nilo__job_p *job)
{
    for (size_t i = 0; job->fate != NULL && i < job->n_items; i++) {
        if (job->items[i].entity.id == 0 && job->fate[i] == NILO__F_LEFT)
            return true;
    }
    return false;
}

static int keep_states(struct nilo__job_p *job, struct nilo_err *err)
{
    struct nilo_store *s = job->all->o.store;
    struct nilo_item_state *changed = nilo_arena_array(&job->arena, job->n_items + 1, sizeof *changed);
    size_t n = 0;
    if (changed == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; job->fate != NULL && i < job->n_items; i++) {
        bool in_vain = job->fate[i] == NILO__F_LEFT && job->items[i].failed_at != NILO_US_NONE && job->items[i].failed_at >= job->started;
        if (in_vain || job->fate[i] == NILO__F_READ || job->fate[i] == NILO__F_FAILED || job->fate[i] == NILO__F_GONE)
            changed[n++] = job->items[i];
    }
    if (left_unknown(job))
        job->state.listed_at = NILO_US_NONE;
    else if (job->list_whole && !job->list_failed && !job->stopped)
        job->state.listed_at = job->started;
    job->state.next_at = job->out.again_at;
    if (job->out.again_at == NILO_US_NONE)
        job->state.why = NULL;
    else if (!job->list_failed && !job->stopped && job->error == NULL && all_known(job))
        job->state.variants |= LISTED;
    for (int i = 0; i < NILO_OPS; i++)
        job->state.variants = (job->state.variants & ~(INT64_C(0xff) << (8 * i))) | (int64_t)(job->variants[i] & 0xff) << (8 * i);
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if ((job->want.lease == NULL || nilo_store_slot_check(s, job->want.lease, err) == 0) &&
        nilo_store_items_went(s, &job->connection, NILO_CONTENT, changed, n, err) == 0 && (job->fate == NULL || bring_back(job, err) == 0) &&
        nilo_store_collect_state_put(s, job->connection.id, &job->state, err) == 0 && nilo__report_keep(job, err) == 0 && nilo__kinds_keep(job, err) == 0 &&
        nilo__save_limits(job->all, err) == 0)
        return nilo_store_commit(s, err);
    nilo_store_rollback(s);
    return -1;
}

/* What status shows between runs; what somebody else decided stays. */
static int keep_status(struct nilo__job_p *job, struct nilo_err *err)
{
    struct nilo_connection now;
    if (nilo_store_connection_get(job->all->o.store, job->connection.id, &now, err) != 0)
        return -1;
    const char *is = job->error != NULL ? "failing" : "connected";
    bool ours = strcmp(now.status, "connected") == 0 || strcmp(now.status, "failing") == 0;
    return ours && strcmp(now.status, is) != 0 ? nilo_store_connection_status(job->all->o.store, job->connection.id, is, err) : 0;
}

/* Items that something became of. Who was left to a later run, or was not due, was not taken up. */
static int64_t processed(const struct nilo__job_p *job)
{
    int64_t n = 0;
    for (size_t i = 0; job->fate != NULL && i < job->n_items; i++)
        n += job->fate[i] == NILO__F_READ || job->fate[i] == NILO__F_FAILED || job->fate[i] == NILO__F_GONE;
    return n;
}

static int finish_run(struct nilo__job_p *job, struct nilo_err *err)
{
    struct nilo_recorder *r = job->recorder;
    if (job->fate != NULL && (end_gone(job, err) != 0 || nilo__report_end(job, err) != 0 || end_not_due(job, err) != 0))
        return -1;
    if (job->out.left > 0 &&
        nilo__note_failure(job, NULL, "rate_limited",
                           nilo_arena_printf(&job->arena, "%lld items are left to a later run: %s", (long long)job->out.left, job->state.why), err) != 0)
        return -1;
    for (size_t i = 0; i < job->out.n_notes; i++) {
        if (nilo_record_say(r, job->notes[i], err) != 0)
            return -1;
    }
    /* Not one answer was good, and none is waited for: that is no run that failed in part. */
    if (job->error == NULL && job->answers == 0 && job->out.requests > 0 && job->out.n_failures > 0 && job->out.again_at == NILO_US_NONE)
        job->error = job->failures[0].message;
    nilo_record_metrics_collected(r, (int)(job->out.read < INT32_MAX ? job->out.read : INT32_MAX));
    job->out.processed = processed(job) + job->listed;
    nilo_record_processed(r, job->out.processed);
    job->recorder = NULL; /* finishing frees it, whatever comes of it */
    return nilo_record_finish(r, job->error, &job->arena, &job->out.logged, err);
}

int nilo__finish(struct nilo__job_p *job, struct nilo_err *err)
{
    if (job->all->o.keeper != NULL && nilo_keeper_flush(job->all->o.keeper, err) != 0)
        return -1;
    if (finish_run(job, err) != 0 || keep_states(job, err) != 0 || keep_status(job, err) != 0)
        return -1;
    const struct nilo_run *run = &job->out.logged;
    job->out.run = run->id;
    job->out.status = nilo_run_status_name((int)run->status);
    job->out.error = run->error;
    job->out.days_closed = run->days_closed;
    job->out.updated = job->out.read;
    return 0;
}
