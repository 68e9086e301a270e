/* What answers mean: accounts lead to listings, listings to items, items to readings. */
#include <stdlib.h>
#include <string.h>

#include "collect/platform_priv.h"

#define PAGES_MAX 2000
#define FOUND_MAX 1000000

/* ---- notes and failures ----------------------------------------------------------------------------------------------------------------- */

void nilo__note(struct nilo__job_p *job, const char *text)
{
    if (text == NULL)
        return;
    for (size_t i = 0; i < job->out.n_notes; i++) {
        if (strcmp(job->notes[i], text) == 0)
            return;
    }
    if (job->out.n_notes < NILO__PLATFORM_NOTES)
        job->notes[job->out.n_notes++] = text;
}

int nilo__note_failure(struct nilo__job_p *job, const char *id, const char *class, const char *message, struct nilo_err *err)
{
    const char *text = nilo_arena_strdup(&job->arena, message), *name = id != NULL ? nilo_arena_strdup(&job->arena, id) : job->connection.name;
    if (text == NULL || name == NULL)
        return nilo_err_nomem(err);
    job->out.all_failures++;
    if (job->out.n_failures < NILO__PLATFORM_FAILURES)
        job->failures[job->out.n_failures++] = (struct nilo_collect_failure){.metric = name, .is_item = id != NULL && nilo__item(job, id) != NULL, .class = class, .message = text};
    return nilo_record_fail(job->recorder, id, class, text, err);
}

/* The whole connection: nothing more is asked. */
static int stop(struct nilo__job_p *job, const char *class, const char *message, struct nilo_err *err)
{
    const char *text = nilo_arena_strdup(&job->arena, message);
    if (text == NULL)
        return nilo_err_nomem(err);
    if (!job->stopped && job->error == NULL && job->out.read == 0)
        job->error = text;
    bool first = !job->stopped;
    job->stopped = true;
    return first ? nilo__note_failure(job, NULL, class, text, err) : 0;
}

/* ---- items -------------------------------------------------------------------------------------------------------------------------------- */

struct nilo_item_state *nilo__item(struct nilo__job_p *job, const char *id)
{
    size_t low = 0, high = job->n_items;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(job->items[mid].external_id, id);
        if (c == 0)
            return &job->items[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static void set_fate(struct nilo__job_p *job, const struct nilo_item_state *item, enum nilo__fate fate)
{
    job->fate[item - job->items] = (unsigned char)fate;
}

/* ---- readings ------------------------------------------------------------------------------------------------------------------------------ */

#define VALUES_MAX 32

static int32_t metric_id(const struct nilo__job_p *job, const struct nilo_metric *m)
{
    const struct nilo_metric *own = nilo_catalog_by_name(nilo_store_catalog(job->all->o.store), m->name);
    return own != NULL && own->active ? own->id : 0;
}

size_t nilo__fill_values(struct nilo__job_p *job, const struct nilo_item_value *from, size_t n, struct nilo_reading_value *to)
{
    size_t k = 0;
    for (size_t i = 0; i < n && k < VALUES_MAX; i++) {
        int32_t id = from[i].metric != NULL ? metric_id(job, from[i].metric) : 0;
        if (id != 0)
            to[k++] = (struct nilo_reading_value){.metric = id, .value = from[i].value, .absence = from[i].absence, .meta = from[i].detail};
    }
    return k;
}

/* One reading to record; what record refuses costs this one item. */
int nilo__hand_over(struct nilo__job_p *job, const struct nilo_reading *reading, bool *ret_taken, struct nilo_err *err)
{
    struct nilo_err why = {0};
    *ret_taken = nilo_record_add(job->recorder, reading, &why) == 0;
    if (*ret_taken)
        return 0;
    if (why.code != NILO_EINVAL && why.code != NILO_EDATERANGE) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    return nilo__note_failure(job, reading->external_id, "invalid", why.msg, err);
}

static const char *either(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

static struct nilo_attrs attrs_of(const struct nilo_item *item, const struct nilo__found *f, nilo_us at)
{
    static const struct nilo__found none = {.posted_at = NILO_US_NONE, .duration_ms = -1};
    if (f == NULL)
        f = &none;
    return (struct nilo_attrs){.title = either(item->title, f->title),
                               .url = either(item->url, f->url),
                               .media_type = either(item->media_type, f->media_type),
                               .caption = either(item->caption, f->caption),
                               .thumbnail = either(item->thumbnail, f->thumbnail),
                               .status = either(item->status, f->status),
                               .posted_at = item->posted_at != NILO_US_NONE ? item->posted_at : f->posted_at,
                               .deleted_at = NILO_US_NONE,
                               .at = at,
                               .duration_ms = item->duration_ms >= 0 ? item->duration_ms : f->duration_ms};
}

static int take_reading(struct nilo__task *t, const struct nilo_item *item, struct nilo_item_state *known, nilo_us at, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    struct nilo_reading_value values[VALUES_MAX];
    struct nilo_attrs attrs = attrs_of(item, job->of[known - job->items], at);
    bool taken;
    const struct nilo_reading reading = {.kind = NILO_CONTENT,
                                         .external_id = item->id,
                                         .win = item->win,
                                         .captured_at = at,
                                         .day = item->day,
                                         .attrs = &attrs,
                                         .values = values,
                                         .n_values = nilo__fill_values(job, item->values, item->n_values, values)};
    if (nilo__hand_over(job, &reading, &taken, err) != 0)
        return -1;
    bool failed = !taken || item->class != NILO_CLASS_OK;
    known->read_at = failed && known->read_at != NILO_US_NONE ? known->read_at : at;
    known->failures = failed ? known->failures + 1 : 0;
    known->failed_at = failed ? at : NILO_US_NONE;
    known->class = failed ? nilo_class_word(item->class != NILO_CLASS_OK ? item->class : NILO_CLASS_INVALID) : NULL;
    if (attrs.posted_at != NILO_US_NONE)
        known->posted_at = attrs.posted_at;
    if (item->account != NULL && known->account == NULL && (known->account = nilo_arena_strdup(&job->arena, item->account)) == NULL)
        return nilo_err_nomem(err);
    if (known->deleted_at != NILO_US_NONE && attrs.status != NULL && (known->status = nilo_arena_strdup(&job->arena, attrs.status)) == NULL)
        return nilo_err_nomem(err);
    set_fate(job, known, failed ? NILO__F_FAILED : NILO__F_READ);
    job->out.read += !failed;
    job->out.failed += failed;
    return taken && item->class != NILO_CLASS_OK ? nilo__note_failure(job, item->id, nilo_class_word(item->class), item->reason != NULL ? item->reason : "", err)
                                                 : 0;
}

static int fail_item(struct nilo__job_p *job, const char *id, enum nilo_class class, const char *message, nilo_us at, struct nilo_err *err)
{
    struct nilo_item_state *known = nilo__item(job, id);
    if (known == NULL)
        return 0;
    known->failures++;
    known->failed_at = at;
    known->class = nilo_class_word(class);
    set_fate(job, known, NILO__F_FAILED);
    job->out.failed++;
    return nilo__note_failure(job, id, known->class, message, err);
}

/* An id that is not in the answer: the item is deleted or private. Whether that is believed is decided when all were asked. */
static int take_gone(struct nilo__task *t, const struct nilo_item *item, struct nilo_item_state *known, nilo_us at, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    const char *why = nilo_arena_strdup(&job->arena, item->reason != NULL ? item->reason : "the platform answers without it");
    if (why == NULL)
        return nilo_err_nomem(err);
    if (nilo__ended(job, t->kind, known->posted_at, at)) { /* while it was on its way */
        known->ended = true;
        set_fate(job, known, NILO__F_LEFT);
        return 0;
    }
    job->gone_why[known - job->items] = why;
    set_fate(job, known, NILO__F_GONE);
    known->failed_at = at;
    job->newly_gone += known->deleted_at == NILO_US_NONE;
    return 0;
}

/* Those that the answer left out or refused, once more in the spelling that is sure of it. */
static int ask_again(struct nilo__task *t, const struct nilo_result *r, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    const char **ids = nilo_arena_array(&job->arena, r->n_items, sizeof *ids);
    size_t n = 0;
    if (ids == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < r->n_items; i++) {
        const struct nilo_item_state *known = r->items[i].class != NILO_CLASS_OK && r->items[i].unsure ? nilo__item(job, r->items[i].id) : NULL;
        if (known != NULL)
            ids[n++] = known->external_id;
    }
    if (n == 0)
        return 0;
    struct nilo__task *other = nilo__task_new(job, t->op);
    if (other == NULL)
        return nilo_err_nomem(err);
    other->variant = r->doubt_variant;
    other->kind = t->kind;
    other->rekinded = t->rekinded;
    other->doubt = true;
    other->account = t->account;
    other->ids = ids;
    other->n_ids = n;
    return 0;
}

/* What it says it is, is not what it was asked for as: its metrics are others. Of what has ended nothing more is to be had. */
static bool is_other_kind(const struct nilo__task *t, const struct nilo_item *item)
{
    int kind = item->class == NILO_CLASS_OK ? nilo__kind_of(t->job, item->media_type) : 0;
    return !t->rekinded && kind != 0 && kind != t->kind && !nilo__ended(t->job, kind, item->posted_at, t->ask.now);
}

static int ask_in_their_kind(struct nilo__task *t, const struct nilo_result *r, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    struct nilo__task *tasks[NILO_KINDS + 1] = {NULL};
    for (size_t i = 0; i < r->n_items; i++) {
        const struct nilo_item *item = &r->items[i];
        const struct nilo_item_state *known = is_other_kind(t, item) ? nilo__item(job, item->id) : NULL;
        int kind = nilo__kind_of(job, item->media_type);
        if (known == NULL)
            continue;
        if (tasks[kind] == NULL) {
            if ((tasks[kind] = nilo__task_new(job, t->op)) == NULL || (tasks[kind]->ids = nilo_arena_array(&job->arena, r->n_items, sizeof *tasks[kind]->ids)) == NULL)
                return nilo_err_nomem(err);
            tasks[kind]->account = t->account;
            tasks[kind]->kind = kind;
            tasks[kind]->rekinded = true;
        }
        tasks[kind]->ids[tasks[kind]->n_ids++] = known->external_id;
    }
    return 0;
}

static int take_items(struct nilo__task *t, const struct nilo_result *r, nilo_us at, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    for (size_t i = 0; i < r->n_items; i++) {
        const struct nilo_item *item = &r->items[i];
        struct nilo_item_state *known = nilo__item(job, item->id);
        int rc = 0;
        if (known == NULL || (item->class != NILO_CLASS_OK && item->unsure && !t->doubt) || is_other_kind(t, item))
            continue;
        if (item->class == NILO_CLASS_GONE)
            rc = take_gone(t, item, known, at, err);
        else if (item->n_values > 0)
            rc = take_reading(t, item, known, at, err);
        else
            rc = fail_item(job, item->id, item->class == NILO_CLASS_OK ? NILO_CLASS_INVALID : item->class, item->reason != NULL ? item->reason : "no counts came", at, err);
        if (rc != 0)
            return -1;
    }
    if (!t->rekinded && ask_in_their_kind(t, r, err) != 0)
        return -1;
    return t->doubt ? 0 : ask_again(t, r, err);
}

/* ---- discovery ------------------------------------------------------------------------------------------------------------------------------ */

static int copy(struct nilo__job_p *job, const char **text, struct nilo_err *err)
{
    const char *was = *text;
    *text = nilo_arena_strdup(&job->arena, was);
    return was != NULL && *text == NULL ? nilo_err_nomem(err) : 0;
}

static int add_found(struct nilo__job_p *job, const struct nilo_item *item, const char *account, struct nilo_err *err)
{
    struct nilo__found f = {.id = item->id, .title = item->title, .url = item->url, .status = item->status, .caption = item->caption,
                            .thumbnail = item->thumbnail, .media_type = item->media_type, .account = either(item->account, account), .posted_at = item->posted_at,
                            .duration_ms = item->duration_ms, .gone = item->class == NILO_CLASS_GONE};
    const char **texts[] = {&f.id, &f.title, &f.url, &f.status, &f.caption, &f.thumbnail, &f.media_type, &f.account};
    if (job->n_found == job->cap_found) {
        size_t cap = job->cap_found > 0 ? 2 * job->cap_found : 64;
        struct nilo__found *more = realloc(job->found, cap * sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        job->found = more;
        job->cap_found = cap;
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (copy(job, texts[i], err) != 0)
            return -1;
    }
    job->found[job->n_found++] = f;
    return 0;
}

/* Is there anything on the page that was not known? A short look at what is new ends with the first page that has nothing. */
static bool any_new(struct nilo__job_p *job, const struct nilo_result *r)
{
    bool any = false;
    for (size_t i = 0; i < r->n_items; i++)
        any = any || nilo__item(job, r->items[i].id) == NULL;
    return any;
}

static int next_page(struct nilo__task *t, const struct nilo_result *r, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    if (r->next == NULL)
        return 0;
    if ((t->cursor != NULL && strcmp(t->cursor, r->next) == 0) || t->pages + 1 >= PAGES_MAX || job->n_found >= FOUND_MAX) {
        job->list_whole = false;
        nilo__note(job, "the listing has no end: its pages lead back to each other, or are too many; what was read of it counts");
        return 0;
    }
    if (!job->list_whole && !any_new(job, r))
        return 0;
    struct nilo__task *n = nilo__task_new(job, NILO_OP_LIST);
    if (n == NULL)
        return nilo_err_nomem(err);
    n->account = t->account;
    n->listing = t->listing;
    n->pages = t->pages + 1;
    n->repeat = job->want.rest;
    n->cursor = nilo_arena_strdup(&job->arena, r->next);
    return n->cursor != NULL ? 0 : nilo_err_nomem(err);
}

static int take_list(struct nilo__task *t, const struct nilo_result *r, struct nilo_err *err)
{
    for (size_t i = 0; i < r->n_items; i++) {
        if (add_found(t->job, &r->items[i], t->account, err) != 0)
            return -1;
    }
    return next_page(t, r, err);
}

static int take_accounts(struct nilo__task *t, const struct nilo_result *r, nilo_us at, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    for (size_t i = 0; i < r->n_accounts; i++) {
        const struct nilo_account *a = &r->accounts[i];
        struct nilo_reading_value values[VALUES_MAX];
        struct nilo_reading reading = {.kind = NILO_ACCOUNT, .external_id = a->id, .captured_at = at, .day = NILO_DAY_NONE, .values = values};
        bool taken;
        reading.n_values = nilo__fill_values(job, a->values, a->n_values, values);
        if (reading.n_values > 0 && nilo__hand_over(job, &reading, &taken, err) != 0)
            return -1;
        if (nilo__report_of(job, a->id, a->listing, err) != 0)
            return -1;
        const char *const listings[] = {a->listing, a->also_listing};
        const bool lists = (job->connector->ops >> NILO_OP_LIST & 1) != 0;
        for (size_t k = 0; lists && k < 2 && (k == 0 || listings[k] != NULL); k++) {
            struct nilo__task *list = nilo__task_new(job, NILO_OP_LIST);
            if (list == NULL)
                return nilo_err_nomem(err);
            list->repeat = job->want.rest;
            list->account = nilo_arena_strdup(&job->arena, a->id);
            list->listing = nilo_arena_strdup(&job->arena, listings[k]);
            if (list->account == NULL || (listings[k] != NULL && list->listing == NULL))
                return nilo_err_nomem(err);
        }
    }
    return 0;
}

/* ---- ends --------------------------------------------------------------------------------------------------------------------------------- */

static int failed(struct nilo__task *t, const struct nilo_result *r, nilo_us at, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    const char *message = r->message[0] != '\0' ? r->message : r->reason;
    if (t->op == NILO_OP_REPORT && r->class != NILO_CLASS_AUTH)
        return nilo__report_failed(t, r->class, message, r->class == NILO_CLASS_PERMISSION || r->class == NILO_CLASS_GONE || r->key_wrong, err);
    if (r->class == NILO_CLASS_AUTH || r->key_wrong) {
        int rc = r->class == NILO_CLASS_AUTH ? nilo_store_connection_status(job->all->o.store, job->connection.id, "expired", err) : 0;
        return rc != 0 ? -1 : stop(job, nilo_class_word(r->class), message, err);
    }
    if (t->op == NILO_OP_METRICS) {
        for (size_t i = 0; i < t->n_ids; i++) {
            if (fail_item(job, t->ids[i], r->class, message, at, err) != 0)
                return -1;
        }
        return 0;
    }
    if (t->op == NILO_OP_LIST || t->op == NILO_OP_ACCOUNT)
        job->list_failed = true;
    return nilo__note_failure(job, t->account, nilo_class_word(r->class), message, err);
}

int nilo__took(struct nilo__task *t, const struct nilo_result *r, nilo_us at, struct nilo_err *err)
{
    if (r->class != NILO_CLASS_OK)
        return failed(t, r, at, err);
    switch (t->op) {
    case NILO_OP_ACCOUNT:
        return take_accounts(t, r, at, err);
    case NILO_OP_LIST:
        return take_list(t, r, err);
    case NILO_OP_REPORT:
        return nilo__report_took(t, r, at, err);
    default:
        return take_items(t, r, at, err);
    }
}

static nilo_us now_of(const struct nilo__job_p *job)
{
    return job->all->env->clock.wall(job->all->env->clock.ctx);
}

int nilo__left(struct nilo__task *t, nilo_us again, const char *why, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    if (why == NULL)
        return nilo_err_nomem(err);
    if (t->op == NILO_OP_REPORT) { /* the next run asks for all of them again */
        nilo__note(job, why);
        return nilo__report_failed(t, NILO_CLASS_RATE_LIMITED, why, false, err);
    }
    if (again != NILO_US_NONE && (job->out.again_at == NILO_US_NONE || again < job->out.again_at)) {
        job->out.again_at = again;
        job->state.why = why;
    } else if (job->state.why == NULL) {
        job->state.why = why;
    }
    if (t->op == NILO_OP_METRICS) {
        for (size_t i = 0; i < t->n_ids; i++) {
            struct nilo_item_state *known = nilo__item(job, t->ids[i]);
            if (known == NULL)
                continue;
            set_fate(job, known, NILO__F_LEFT);
            if (t->tries > 0) /* in vain: the next time is a second try */
                known->failed_at = now_of(job);
        }
        job->out.left += (int64_t)t->n_ids;
        nilo__note(job, why);
        return 0;
    }
    job->list_failed = true;
    const char *text = nilo_arena_printf(&job->arena, "what is new is looked for in a later run: %s", why);
    return text != NULL ? nilo__note_failure(job, t->account, nilo_class_word(NILO_CLASS_RATE_LIMITED), text, err) : nilo_err_nomem(err);
}
