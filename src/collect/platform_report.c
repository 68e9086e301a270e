/* Reports: what a platform tells an owner who has signed in, and nobody else (YouTube: shares and watch time). Of each item its lifetime, and each of the last days
 * as a window of one day; of the account each of its last days.
 *
 * Such a day is not final when it is over: it has no row at first, and what its row says changes for a while. So recent days are read again; on days that are
 * closed by then the record keeps what was restated as amendments. How long that goes on is measured, not believed: an account's last 30 days come with one
 * request, so each time all are compared with what is recorded, counted by their age (collect_settle), and items' days are read again up to the age after which
 * days did not change any more. Read once a day of the platform's, and some hours later again while its newest day is missing.
 *
 * Who may not read them is told so once; for a week nobody asks again then unless somebody signs in anew, and the items have not_permitted as the reason. */
#include <stdio.h>
#include <string.h>

#include "collect/platform_priv.h"

#define AGAIN      (6 * NILO_US_HOUR)  /* while the newest day is missing */
#define REFUSED    (7 * NILO_US_DAY)
#define SEEN_MANY  400                 /* counted days of an age: what is older counts half */

static nilo_us wall(const struct nilo__job_p *job)
{
    return job->all->env->clock.wall(job->all->env->clock.ctx);
}

static nilo_day day_of(const struct nilo__job_p *job, nilo_us at)
{
    return job->report_zone != NULL ? nilo_zone_day(job->report_zone, at) : NILO_DAY((int32_t)(at / NILO_US_DAY));
}

static nilo_us end_of(const struct nilo__job_p *job, nilo_day day)
{
    return job->report_zone != NULL ? nilo_zone_day_start(job->report_zone, NILO_DAY(day.n + 1)) : (nilo_us)(day.n + 1) * NILO_US_DAY;
}

/* ---- whose ---------------------------------------------------------------------------------------------------------------------------------- */

int nilo__report_of(struct nilo__job_p *job, const char *account, const char *listing, struct nilo_err *err)
{
    bool can = (job->connector->ops >> NILO_OP_REPORT & 1) != 0 && job->credentials.access_token != NULL && nilo_connection_is_own(&job->connection);
    struct nilo_report_state *known;
    size_t n;
    struct nilo__report **at = &job->reports;
    if (!can || account == NULL)
        return 0;
    for (; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->state.account, account) == 0)
            return 0;
    }
    struct nilo__report *r = nilo_arena_alloc(&job->arena, sizeof *r);
    if (r == NULL)
        return nilo_err_nomem(err);
    *r = (struct nilo__report){.state = {.account = nilo_arena_strdup(&job->arena, account), .read_at = NILO_US_NONE, .newest_day = NILO_DAY_NONE, .refused_at = NILO_US_NONE},
                               .newest = NILO_DAY_NONE, .last = NILO_DAY_NONE, .listing = nilo_arena_strdup(&job->arena, listing)};
    if (r->state.account == NULL || (listing != NULL && r->listing == NULL))
        return nilo_err_nomem(err);
    if (nilo_store_reports(job->all->o.store, job->connection.id, &job->arena, &known, &n, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(known[i].account, account) == 0)
            r->state = known[i];
    }
    *at = r;
    return 0;
}

/* ---- what is due ------------------------------------------------------------------------------------------------------------------------------ */

static bool is_due(const struct nilo__job_p *job, const struct nilo__report *r, nilo_us now)
{
    const struct nilo_report_state *s = &r->state;
    if (job->want.all || s->read_at == NILO_US_NONE || s->read_at > now || day_of(job, s->read_at).n != job->report_today.n)
        return true;
    bool lacks = nilo_day_is_none(s->newest_day) || s->newest_day.n < job->report_today.n - 1;
    return lacks && s->refused_at == NILO_US_NONE && now - s->read_at >= AGAIN;
}

/* Was it refused lately, and has nobody signed in since? */
static int is_refused(struct nilo__job_p *job, const struct nilo__report *r, nilo_us now, bool *ret, struct nilo_err *err)
{
    struct nilo_login_row login = {.connected_at = NILO_US_NONE};
    bool there;
    *ret = false;
    if (r->state.refused_at == NILO_US_NONE || now - r->state.refused_at >= REFUSED)
        return 0;
    if (nilo_store_login(job->all->o.store, job->connection.id, &job->arena, &there, &login, err) != 0)
        return -1;
    *ret = !there || login.connected_at == NILO_US_NONE || login.connected_at <= r->state.refused_at;
    return 0;
}

struct days {
    struct nilo__job_p *job;
    struct nilo__report *report;
};

/* The number of a metric among those of the account's days; -1 */
static int day_metric(const struct nilo__job_p *job, const char *name)
{
    for (int i = 0; i < 8 && job->connector->day_metrics[i] != NULL; i++) {
        if (strcmp(job->connector->day_metrics[i], name) == 0)
            return i;
    }
    return -1;
}

static int take_before(void *ctx, const struct nilo_scan_row *row)
{
    struct days *d = ctx;
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(d->job->all->o.store), row->metric);
    int age = d->job->report_today.n - row->day.n, i = m != NULL ? day_metric(d->job, m->name) : -1;
    if (age < 1 || age > NILO__REPORT_DAYS || i < 0)
        return 0;
    d->report->before[age].there = true;
    d->report->before[age].has[i] = row->absence == NILO_PRESENT;
    d->report->before[age].value[i] = row->value;
    return 0;
}

static int look_before(struct nilo__job_p *job, struct nilo__report *r, struct nilo_err *err)
{
    const struct nilo_scope scope = {.role = NILO_ROLE_SERVICE, .workspaces = &job->connection.workspace, .n = 1};
    const struct nilo_select select = {.workspace = job->connection.workspace, .connection = job->connection.id, .external_id = r->state.account, .kind = NILO_ACCOUNT,
                                       .win = 1, .from = NILO_DAY(job->report_today.n - NILO__REPORT_DAYS), .to = NILO_DAY(job->report_today.n - 1), .as_of = NILO_US_NONE};
    struct days d = {job, r};
    return nilo_store_scan(job->all->o.store, &scope, &select, take_before, &d, err);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------------------ */

static bool is_there(const struct nilo__job_p *job, size_t i)
{
    const struct nilo_item_state *item = &job->items[i];
    bool known = item->entity.id != 0 && item->read_at != NILO_US_NONE; /* what nobody could read yet may be no id at all */
    return job->fate[i] == NILO__F_READ || (known && item->deleted_at == NILO_US_NONE && job->fate[i] != NILO__F_GONE);
}

/* Of one whose account nobody has told all are asked. */
static bool is_of(const struct nilo__job_p *job, const struct nilo__report *r, size_t i)
{
    return job->items[i].account == NULL || strcmp(job->items[i].account, r->state.account) == 0;
}

/* Those that were there on that day (NILO_DAY_NONE: ever), in requests as large as may be. */
static int ask_for_items(struct nilo__job_p *job, const struct nilo__report *r, int win, nilo_day day, struct nilo_err *err)
{
    size_t most = job->connector->ids_per_report;
    nilo_us end = nilo_day_is_none(day) ? INT64_MAX : end_of(job, day);
    struct nilo__task *t = NULL;
    for (size_t i = 0; most > 0 && i < job->n_items; i++) { /* 0: there are reports of accounts alone */
        nilo_us posted = job->items[i].posted_at;
        if (!is_there(job, i) || !is_of(job, r, i) || (posted != NILO_US_NONE && posted >= end))
            continue;
        if (t == NULL) {
            if ((t = nilo__task_new(job, NILO_OP_REPORT)) == NULL)
                return nilo_err_nomem(err);
            t->account = r->state.account;
            t->win = win;
            t->day = day;
            if ((t->ids = nilo_arena_array(&job->arena, most, sizeof *t->ids)) == NULL)
                return nilo_err_nomem(err);
        }
        t->ids[t->n_ids++] = job->items[i].external_id;
        if (t->n_ids == most)
            t = NULL;
    }
    return 0;
}

static int ask_for_days(struct nilo__job_p *job, struct nilo__report *r, struct nilo_err *err)
{
    if (job->connector->day_metrics == NULL)
        return 0;
    struct nilo__task *t = nilo__task_new(job, NILO_OP_REPORT);
    if (t == NULL)
        return nilo_err_nomem(err);
    t->account = r->state.account;
    t->win = NILO__REPORT_DAYS;
    t->day = NILO_DAY(job->report_today.n - 1);
    return look_before(job, r, err);
}

/* Days that have not settled, and those that nobody asked for since the last time. */
static int oldest_age(const struct nilo__job_p *job, const struct nilo__report *r)
{
    int age = job->settle_days;
    if (r->state.read_at != NILO_US_NONE && job->report_today.n > day_of(job, r->state.read_at).n)
        age += job->report_today.n - day_of(job, r->state.read_at).n - 1;
    return age < NILO__REPORT_DAYS ? age : NILO__REPORT_DAYS;
}

static int ask(struct nilo__job_p *job, struct nilo__report *r, struct nilo_err *err)
{
    r->asked = true;
    if (job->connector->windows != NULL)
        return nilo__windows_ask(job, r, oldest_age(job, r), err);
    if (ask_for_days(job, r, err) != 0 || ask_for_items(job, r, 0, NILO_DAY_NONE, err) != 0)
        return -1;
    for (int age = 1; age <= oldest_age(job, r); age++) {
        if (ask_for_items(job, r, 1, NILO_DAY(job->report_today.n - age), err) != 0)
            return -1;
    }
    return 0;
}

static int prepare(struct nilo__job_p *job, nilo_us now, struct nilo_err *err)
{
    const char *zone = job->connector->day_zone;
    if (zone != NULL && job->report_zone == NULL && nilo_zone_load(job->all->env->zoneinfo, zone, &job->report_zone, err) != 0)
        return -1;
    job->report_today = day_of(job, now);
    if (nilo_store_settle(job->all->o.store, job->connection.id, &job->settle, err) != 0)
        return -1;
    int measured = nilo_settle_days(&job->settle);
    job->settle_days = measured > 0 ? measured : job->connector->report_settle_days > 0 ? job->connector->report_settle_days : 1;
    job->reported = nilo_arena_array(&job->arena, job->n_items + 1, sizeof *job->reported);
    job->report_failed = nilo_arena_array(&job->arena, job->n_items + 1, sizeof *job->report_failed);
    return job->reported == NULL || job->report_failed == NULL ? nilo_err_nomem(err) : 0;
}

int nilo__report_plan(struct nilo__job_p *job, struct nilo_err *err)
{
    const nilo_us now = wall(job);
    if (job->reports == NULL)
        return 0;
    if (prepare(job, now, err) != 0)
        return -1;
    for (struct nilo__report *r = job->reports; r != NULL; r = r->next) {
        bool refused;
        if (is_refused(job, r, now, &refused, err) != 0)
            return -1;
        bool anew = r->state.refused_at != NILO_US_NONE && !refused;
        if (!anew && !is_due(job, r, now))
            continue;
        r->refused = refused;
        if (!refused && ask(job, r, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- answers ----------------------------------------------------------------------------------------------------------------------------------- */

static struct nilo__report *report_of(struct nilo__job_p *job, const char *account)
{
    struct nilo__report *r = job->reports;
    while (r != NULL && strcmp(r->state.account, account) != 0)
        r = r->next;
    return r;
}

bool nilo__report_dropped(const struct nilo__task *t)
{
    const struct nilo__report *r = t->op == NILO_OP_REPORT ? report_of(t->job, t->account) : NULL;
    return r != NULL && (r->refused || (r->no_details && t->n_ids > 0));
}

/* Does the day say the same as before? Then it may have settled; else it had not. */
static void compare(struct nilo__job_p *job, struct nilo__report *r, const struct nilo_item *item, int age)
{
    bool known = false, differs = false;
    for (size_t i = 0; i < item->n_values; i++) {
        int m = item->values[i].metric != NULL ? day_metric(job, item->values[i].metric->name) : -1;
        if (m < 0 || item->values[i].absence != NILO_PRESENT || !r->before[age].has[m])
            continue;
        known = true;
        differs = differs || r->before[age].value[m] != item->values[i].value;
    }
    if (!known || age >= NILO_SETTLE_AGES)
        return;
    if (job->settle.seen[age] >= SEEN_MANY) {
        job->settle.seen[age] /= 2;
        job->settle.changed[age] /= 2;
    }
    job->settle.seen[age]++;
    job->settle.changed[age] += differs;
}

static int take_item(struct nilo__job_p *job, const struct nilo__task *t, struct nilo__report *r, const struct nilo_item *item, nilo_us at, struct nilo_err *err)
{
    struct nilo_reading_value values[32];
    bool taken, account = item->kind == NILO_ACCOUNT;
    struct nilo_item_state *known = account ? NULL : nilo__item(job, item->id);
    int age = account && !nilo_day_is_none(item->day) ? job->report_today.n - item->day.n : 0; /* all time has no day */
    if ((!account && known == NULL) || (account && (age < 1 || age > NILO__REPORT_DAYS)))
        return 0;
    if (account) {
        r->before[age].told = true;
        r->newest = nilo_day_is_none(r->newest) || item->day.n > r->newest.n ? item->day : r->newest;
        compare(job, r, item, age);
    } else if (known->account == NULL) {
        known->account = r->state.account;
    }
    if (!account && t->win == 0) {
        job->reported[known - job->items] = true;
    }
    const struct nilo_reading reading = {.kind = item->kind, .external_id = item->id, .win = item->win, .captured_at = at, .day = item->day, .values = values,
                                         .n_values = nilo__fill_values(job, item->values, item->n_values, values)};
    if (nilo__hand_over(job, &reading, &taken, err) != 0)
        return -1;
    return taken && item->class != NILO_CLASS_OK ? nilo__note_failure(job, item->id, nilo_class_word(item->class), item->reason != NULL ? item->reason : "", err) : 0;
}

/* Values of metrics for which there are only reasons. */
static int record_reason(struct nilo__job_p *job, const struct nilo_reading *without, const char *const *metrics, enum nilo_absence why, struct nilo_err *err)
{
    struct nilo_item_value values[8];
    struct nilo_reading_value own[32];
    struct nilo_reading reading = *without;
    bool taken;
    size_t n = 0;
    for (; metrics != NULL && metrics[n] != NULL && n < 8; n++)
        values[n] = (struct nilo_item_value){.metric = nilo_catalog_by_name(nilo_store_catalog(job->all->o.store), metrics[n]), .absence = why};
    reading.values = own;
    reading.n_values = nilo__fill_values(job, values, n, own);
    return nilo__hand_over(job, &reading, &taken, err);
}

/* Days without a row: not yet, or, once they are as old as days are when they have settled, not at all. */
static int take_missing_days(struct nilo__job_p *job, struct nilo__report *r, nilo_us at, struct nilo_err *err)
{
    for (int age = 1; age <= job->settle_days && age <= NILO__REPORT_DAYS; age++) {
        bool any = r->before[age].told;
        for (int i = 0; i < 8; i++)
            any = any || r->before[age].has[i];
        bool last = age == job->settle_days;
        if (any || (r->before[age].there && !last))
            continue;
        const struct nilo_reading reading = {.kind = NILO_ACCOUNT, .external_id = r->state.account, .win = 1, .captured_at = at, .day = NILO_DAY(job->report_today.n - age)};
        if (record_reason(job, &reading, job->connector->day_metrics, last ? NILO_NOT_REPORTED : NILO_NOT_YET, err) != 0)
            return -1;
    }
    return 0;
}

int nilo__report_took(struct nilo__task *t, const struct nilo_result *result, nilo_us at, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    struct nilo__report *r = report_of(job, t->account);
    if (r != NULL && job->connector->windows != NULL)
        return nilo__windows_took(t, result, at, err);
    for (size_t i = 0; r != NULL && i < result->n_items; i++) {
        if (take_item(job, t, r, &result->items[i], at, err) != 0)
            return -1;
    }
    return r != NULL && t->n_ids == 0 ? take_missing_days(job, r, at, err) : 0;
}

int nilo__report_failed(struct nilo__task *t, enum nilo_class class, const char *message, bool refused, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    struct nilo__report *r = report_of(job, t->account);
    if (r == NULL)
        return 0;
    if (job->connector->windows != NULL && (!refused || t->part == NULL))
        return nilo__windows_failed(t, r, class, message, refused, err);
    bool first = refused ? !r->refused : !r->failed, again = refused && r->state.refused_at != NILO_US_NONE;
    r->refused = r->refused || refused;
    r->failed = r->failed || !refused;
    for (size_t i = 0; !refused && t->win == 0 && i < t->n_ids; i++) {
        const struct nilo_item_state *known = nilo__item(job, t->ids[i]);
        if (known != NULL)
            job->report_failed[known - job->items] = true;
    }
    if (!refused)
        return first && class != NILO_CLASS_RATE_LIMITED ? nilo__note_failure(job, t->account, nilo_class_word(class), message, err) : 0;
    if (!first)
        return 0;
    r->state.reason = nilo_arena_strdup(&job->arena, message);
    if (r->state.reason == NULL)
        return nilo_err_nomem(err);
    const char *const *of = job->connector->report_metrics != NULL ? job->connector->report_metrics : job->connector->day_metrics; /* of items, or of days alone */
    const char *text = nilo_arena_printf(&job->arena, "the reports of %s (%s) are refused: %s", t->account, of != NULL ? of[0] : "days", message);
    if (text == NULL)
        return nilo_err_nomem(err);
    if (again) { /* it was told when it began */
        nilo__note(job, text);
        return 0;
    }
    return nilo__note_failure(job, t->account, nilo_class_word(NILO_CLASS_PERMISSION), text, err);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------------------- */

/* Why the reports say nothing of an item; NILO_PRESENT: nothing is to be said, as those of its account were not asked in this run. */
static enum nilo_absence reason_of(const struct nilo__job_p *job, size_t i, nilo_us now)
{
    nilo_us posted = job->items[i].posted_at;
    bool any = false, asked = false, refused = false;
    for (const struct nilo__report *r = job->reports; r != NULL; r = r->next) {
        bool its = is_of(job, r, i);
        any = any || its;
        asked = asked || (its && r->asked && !r->refused);
        refused = refused || (its && r->refused);
    }
    if (!any) /* somebody else's: the token tells of its owner's alone */
        return NILO_NOT_PERMITTED;
    if (!asked)
        return refused ? NILO_NOT_PERMITTED : NILO_PRESENT;
    if (job->report_failed[i])
        return NILO_PRESENT; /* the next run asks again */
    return posted == NILO_US_NONE || now - posted < job->settle_days * NILO_US_DAY ? NILO_NOT_YET : NILO_NOT_REPORTED;
}

int nilo__report_end(struct nilo__job_p *job, struct nilo_err *err)
{
    const nilo_us now = wall(job);
    bool any = false;
    if (job->connector->windows != NULL)
        return nilo__windows_end(job, err);
    for (const struct nilo__report *r = job->reports; r != NULL; r = r->next)
        any = any || r->asked || r->refused;
    if (!any || job->stopped || job->reported == NULL)
        return 0;
    for (size_t i = 0; i < job->n_items; i++) {
        enum nilo_absence why = job->reported[i] || !is_there(job, i) ? NILO_PRESENT : reason_of(job, i, now);
        const struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = job->items[i].external_id, .captured_at = now, .day = NILO_DAY_NONE};
        if (why != NILO_PRESENT && record_reason(job, &reading, job->connector->report_metrics, why, err) != 0)
            return -1;
    }
    return 0;
}

int nilo__report_keep(struct nilo__job_p *job, struct nilo_err *err)
{
    struct nilo_store *s = job->all->o.store;
    bool asked = false;
    for (struct nilo__report *r = job->reports; r != NULL; r = r->next) {
        asked = asked || r->asked;
        if ((!r->asked && !r->refused) || r->failed || job->stopped)
            continue;
        if (r->refused && r->asked)
            r->state.refused_at = job->started;
        else if (r->asked) {
            r->state.refused_at = NILO_US_NONE;
            r->state.reason = NULL;
        }
        r->state.read_at = job->started;
        r->state.newest_day = r->newest;
        if (nilo_store_report_put(s, job->connection.id, &r->state, err) != 0)
            return -1;
    }
    return asked ? nilo_store_settle_put(s, job->connection.id, &job->settle, err) : 0;
}
