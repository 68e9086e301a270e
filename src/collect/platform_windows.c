/* Windows of items that a platform tells by a listing: what each of an account's items did in the 30 and 90 days up to a day.
 *
 * Such a listing has all there is to know of its days, items that nobody knew too; it is read to its end, sorted, and only then handed to record: an item that comes
 * twice, on two pages, is one reading by the rule for duplicates. A window that is longer than the platform tells at once is put together from adjacent ones, of which
 * the newest is a shorter window that is read anyway. It is right only where all of its parts were read to their end, so otherwise it is left out and said so;
 * a window that is one listing needs no more than the rows that came.
 *
 * The platform says which day is its newest. Until it has, that is yesterday: one listing is begun, and where the newest day is an earlier one all is asked for up to
 * that. Days that have not settled are read again, and a few of those that nobody asked for since the last time. Of the items with the most in the first window
 * REPORT with an id tells more. */
#include <stdlib.h>
#include <string.h>

#include "collect/platform_priv.h"
#include "collect/window.h"

#define PAGES_MAX 2000
#define BACK_MOST 7        /* days, each with windows of its own, in one run */
#define OLD_MOST  90       /* a newest day that lies further back is a mistake */
#define PARTS_MAX 16       /* of one window */
#define VALUES_MAX 32

/* What one entry says. */
struct row {
    const char *id;
    struct nilo_attrs attrs; /* of the newest listing; else nothing is said */
    const struct nilo_reading_value *values;
    size_t n_values, order;
    const char *wrong;       /* NULL, or why something of it does not count */
};

/* A span of days as one listing tells of it. */
struct nilo__part {
    struct nilo__report *report;
    int days;
    nilo_day last;
    nilo_us at; /* when its first page came: of all of it */
    struct row *rows;
    size_t n, cap;
    const char **seen; /* cursors */
    size_t n_seen, cap_seen;
    bool over, failed, lacks, sorted;
    struct nilo__part *next;
};

/* ---- asking ------------------------------------------------------------------------------------------------------------------------------ */

static struct nilo__task *ask_page(struct nilo__job_p *job, struct nilo__part *p, const char *cursor, int pages)
{
    struct nilo__task *t = nilo__task_new(job, NILO_OP_REPORT);
    if (t == NULL)
        return NULL;
    t->account = p->report->state.account;
    t->listing = p->report->listing;
    t->win = p->days;
    t->day = p->last;
    t->part = p;
    t->cursor = cursor;
    t->pages = pages;
    return t;
}

static struct nilo__part *part_of(struct nilo__report *r, int days, nilo_day last)
{
    struct nilo__part *p = r->parts;
    while (p != NULL && (p->days != days || p->last.n != last.n))
        p = p->next;
    return p;
}

/* Once, whoever needs it. */
static int need_part(struct nilo__job_p *job, struct nilo__report *r, int days, nilo_day last, struct nilo_err *err)
{
    struct nilo__part **at = &r->parts;
    if (part_of(r, days, last) != NULL)
        return 0;
    while (*at != NULL)
        at = &(*at)->next;
    struct nilo__part *p = nilo_arena_alloc(&job->arena, sizeof *p);
    if (p == NULL)
        return nilo_err_nomem(err);
    *p = (struct nilo__part){.report = r, .days = days, .last = last, .at = NILO_US_NONE};
    *at = p;
    return ask_page(job, p, NULL, 0) != NULL ? 0 : nilo_err_nomem(err);
}

/* The spans that make a window, the newest first: the longest shorter window there is, then as long ones as may be asked for. */
static int spans_of(const struct nilo_connector *c, int win, int spans[PARTS_MAX])
{
    int n = 0, left = win, shorter = 0;
    for (int i = 0; win > c->window_most && c->windows[i] != 0; i++)
        shorter = c->windows[i] < win && c->windows[i] <= c->window_most ? c->windows[i] : shorter;
    if (shorter > 0)
        left -= spans[n++] = shorter;
    while (left > 0 && n < PARTS_MAX) {
        spans[n] = left < c->window_most ? left : c->window_most;
        left -= spans[n++];
    }
    return n;
}

static int ask_for_all(struct nilo__job_p *job, struct nilo__report *r, struct nilo_err *err)
{
    const struct nilo_connector *c = job->connector;
    r->ages = r->ages < BACK_MOST ? r->ages : BACK_MOST;
    for (int age = 0; age < r->ages; age++) {
        for (int i = 0; c->windows[i] != 0; i++) {
            int spans[PARTS_MAX], n = spans_of(c, c->windows[i], spans);
            nilo_day last = NILO_DAY(r->last.n - age);
            for (int k = 0; k < n; last = NILO_DAY(last.n - spans[k]), k++) {
                if (need_part(job, r, spans[k], last, err) != 0)
                    return -1;
            }
        }
    }
    return 0;
}

int nilo__windows_ask(struct nilo__job_p *job, struct nilo__report *r, int ages, struct nilo_err *err)
{
    r->ages = ages;
    return need_part(job, r, job->connector->windows[0], NILO_DAY(job->report_today.n - 1), err);
}

/* ---- rows -------------------------------------------------------------------------------------------------------------------------------- */

/* All amounts of a metric are of one currency: that of the first one. Others would be added to it some day, and do not count. */
static int check_money(struct nilo__job_p *job, struct nilo_item_value *v, const char **wrong, struct nilo_err *err)
{
    if (v->currency == NULL || v->absence != NILO_PRESENT)
        return 0;
    struct nilo_store *s = job->all->o.store;
    const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(s), v->metric->name);
    if (m != NULL && m->currency == NULL) {
        if (nilo_store_metric_currency(s, m->id, v->currency, err) != 0)
            return -1;
        m = nilo_catalog_by_name(nilo_store_catalog(s), v->metric->name);
    }
    if (m == NULL || m->currency == NULL || strcmp(m->currency, v->currency) == 0)
        return 0;
    v->absence = NILO_FAILED;
    *wrong = nilo_arena_printf(&job->arena, "its %s is in %s, and this store keeps %s in %s", m->name, v->currency, m->name, m->currency);
    return *wrong != NULL ? 0 : nilo_err_nomem(err);
}

static int keep_text(struct nilo__job_p *job, const char **text, struct nilo_err *err)
{
    const char *was = *text;
    *text = nilo_arena_strdup(&job->arena, was);
    return was != NULL && *text == NULL ? nilo_err_nomem(err) : 0;
}

static int fill_row(struct nilo__job_p *job, const struct nilo_item *item, bool newest, struct row *to, struct nilo_err *err)
{
    static const struct nilo_attrs nothing = {.posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = NILO_US_NONE, .duration_ms = -1};
    struct nilo_item_value own[VALUES_MAX];
    struct nilo_reading_value *values = nilo_arena_array(&job->arena, item->n_values + 1, sizeof *values), room[VALUES_MAX];
    size_t n = item->n_values < VALUES_MAX ? item->n_values : VALUES_MAX;
    *to = (struct row){.id = item->id, .attrs = nothing, .wrong = item->class != NILO_CLASS_OK ? item->reason != NULL ? item->reason : "something of it does not read" : NULL};
    if (newest) {
        to->attrs.title = item->title;
        to->attrs.url = item->url;
        to->attrs.media_type = item->media_type;
        to->attrs.posted_at = item->posted_at;
        to->attrs.duration_ms = item->duration_ms;
    }
    const char **texts[] = {&to->id, &to->attrs.title, &to->attrs.url, &to->attrs.media_type, &to->wrong};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (keep_text(job, texts[i], err) != 0)
            return -1;
    }
    if (values == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        own[i] = item->values[i];
        if (check_money(job, &own[i], &to->wrong, err) != 0)
            return -1;
    }
    to->n_values = nilo__fill_values(job, own, n, room);
    memcpy(values, room, to->n_values * sizeof *values);
    to->values = values;
    return 0;
}

static int add_row(struct nilo__job_p *job, struct nilo__part *p, const struct nilo_item *item, struct nilo_err *err)
{
    if (p->n == p->cap) {
        size_t cap = p->cap > 0 ? 2 * p->cap : 128;
        struct row *more = nilo_arena_array(&job->arena, cap, sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        if (p->n > 0)
            memcpy(more, p->rows, p->n * sizeof *more);
        p->rows = more;
        p->cap = cap;
    }
    if (fill_row(job, item, p->last.n == p->report->last.n, &p->rows[p->n], err) != 0)
        return -1;
    p->rows[p->n].order = p->n;
    p->n++;
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int c = strcmp(x->id, y->id);
    return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static void sort(struct nilo__part *p)
{
    if (!p->sorted && p->n > 1)
        qsort(p->rows, p->n, sizeof *p->rows, by_id);
    p->sorted = true;
}

/* How many rows from there on are of the same item. */
static size_t same(const struct nilo__part *p, size_t at)
{
    size_t n = 1;
    while (at + n < p->n && strcmp(p->rows[at].id, p->rows[at + n].id) == 0)
        n++;
    return n;
}

/* ---- pages ------------------------------------------------------------------------------------------------------------------------------- */

/* Was it said before, by any page of the listing? */
static int is_repeated(struct nilo__job_p *job, struct nilo__part *p, const char *cursor, bool *ret, struct nilo_err *err)
{
    *ret = false;
    for (size_t i = 0; i < p->n_seen && !*ret; i++)
        *ret = strcmp(p->seen[i], cursor) == 0;
    if (*ret)
        return 0;
    if (p->n_seen == p->cap_seen) {
        size_t cap = p->cap_seen > 0 ? 2 * p->cap_seen : 16;
        const char **more = nilo_arena_array(&job->arena, cap, sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        if (p->n_seen > 0)
            memcpy(more, p->seen, p->n_seen * sizeof *more);
        p->seen = more;
        p->cap_seen = cap;
    }
    p->seen[p->n_seen] = nilo_arena_strdup(&job->arena, cursor);
    return p->seen[p->n_seen++] != NULL ? 0 : nilo_err_nomem(err);
}

static bool all_over(const struct nilo__report *r)
{
    for (const struct nilo__part *p = r->parts; p != NULL; p = p->next) {
        if (!p->over)
            return false;
    }
    return true;
}

static int fail_part(struct nilo__job_p *job, struct nilo__part *p, enum nilo_class class, const char *message, struct nilo_err *err)
{
    struct nilo__report *r = p->report;
    bool first = !r->failed;
    p->over = p->failed = r->failed = true;
    return first ? nilo__note_failure(job, r->state.account, nilo_class_word(class), message, err) : 0;
}

static int go_on(struct nilo__job_p *job, const struct nilo__task *t, struct nilo__part *p, const char *next, struct nilo_err *err)
{
    bool repeated = false;
    if (next != NULL && is_repeated(job, p, next, &repeated, err) != 0)
        return -1;
    p->over = next == NULL || repeated;
    if (p->over)
        return 0;
    if (t->pages + 1 >= PAGES_MAX)
        return fail_part(job, p, NILO_CLASS_INVALID, "the listing of a window has no end: it has more pages than can be", err);
    return ask_page(job, p, p->seen[p->n_seen - 1], t->pages + 1) != NULL ? 0 : nilo_err_nomem(err);
}

/* The first page of all says up to which day there is something. *ret_other: it is another one than was asked for */
static int find_last(struct nilo__job_p *job, struct nilo__part *p, const struct nilo_result *result, bool *ret_other, struct nilo_err *err)
{
    struct nilo__report *r = p->report;
    int32_t back = nilo_day_is_none(result->through) || result->through.n > p->last.n ? 0 : p->last.n - result->through.n;
    *ret_other = back > 0;
    if (back > OLD_MOST) {
        char day[NILO_DAY_TEXT];
        nilo_day_format(result->through, day);
        return fail_part(job, p, NILO_CLASS_INVALID, nilo_arena_printf(&job->arena, "the newest day that it has numbers of is %s, it says: that is not believed", day), err);
    }
    r->last = NILO_DAY(p->last.n - back);
    if (*ret_other)
        r->parts = NULL;
    return ask_for_all(job, r, err);
}

static int take_listing(struct nilo__task *t, const struct nilo_result *result, nilo_us at, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    struct nilo__part *p = t->part;
    struct nilo__report *r = p->report;
    bool other = false;
    if (nilo_day_is_none(r->last) && find_last(job, p, result, &other, err) != 0)
        return -1;
    if (other)
        return p->failed ? nilo__windows_close(job, r, err) : 0;
    p->at = p->at == NILO_US_NONE ? at : p->at;
    p->lacks = p->lacks || result->lacks;
    for (size_t i = 0; i < result->n_items; i++) {
        if (add_row(job, p, &result->items[i], err) != 0)
            return -1;
    }
    if (go_on(job, t, p, result->next, err) != 0)
        return -1;
    return all_over(r) ? nilo__windows_close(job, r, err) : 0;
}

/* ---- what is recorded ------------------------------------------------------------------------------------------------------------------------ */

static int hand_over(struct nilo__job_p *job, const struct row *row, int win, nilo_day day, nilo_us at, struct nilo_err *err)
{
    struct nilo_attrs attrs = row->attrs;
    bool taken;
    attrs.at = at;
    const struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = row->id, .win = win, .captured_at = at, .day = day, .attrs = &attrs, .values = row->values,
                                         .n_values = row->n_values};
    return nilo__hand_over(job, &reading, &taken, err);
}

/* A window that is one listing: all its rows, twins side by side, so that record makes one of them. */
static int record_listing(struct nilo__job_p *job, struct nilo__part *p, struct nilo_err *err)
{
    sort(p);
    for (size_t i = 0; i < p->n; i++) {
        if (hand_over(job, &p->rows[i], p->days, p->last, p->at, err) != 0)
            return -1;
    }
    return 0;
}

static void count_items(struct nilo__job_p *job, const struct nilo__part *p)
{
    for (size_t i = 0, k; i < p->n; i += k) {
        bool wrong = false;
        k = same(p, i);
        for (size_t j = 0; j < k; j++)
            wrong = wrong || p->rows[i + j].wrong != NULL;
        job->listed++;
        job->out.read += !wrong;
        job->out.failed += wrong;
        job->out.discovered += nilo__item(job, p->rows[i].id) == NULL;
    }
}

static int by_item(const void *a, const void *b)
{
    return strcmp((*(const struct row *const *)a)->id, (*(const struct row *const *)b)->id);
}

/* What is wrong with an item is told once, however many listings say so. */
static int tell_wrong(struct nilo__job_p *job, const struct nilo__report *r, struct nilo_err *err)
{
    size_t n = 0, most = 0;
    for (const struct nilo__part *p = r->parts; p != NULL; p = p->next) {
        for (size_t i = 0; i < p->n; i++)
            most += p->rows[i].wrong != NULL;
    }
    const struct row **all = nilo_arena_array(&job->arena, most + 1, sizeof *all);
    if (all == NULL)
        return nilo_err_nomem(err);
    for (const struct nilo__part *p = r->parts; p != NULL; p = p->next) {
        for (size_t i = 0; i < p->n; i++) {
            if (p->rows[i].wrong != NULL)
                all[n++] = &p->rows[i];
        }
    }
    if (n > 1)
        qsort(all, n, sizeof *all, by_item);
    for (size_t i = 0; i < n; i++) {
        bool told = i > 0 && strcmp(all[i - 1]->id, all[i]->id) == 0;
        if (!told && nilo__note_failure(job, all[i]->id, nilo_class_word(NILO_CLASS_INVALID), all[i]->wrong, err) != 0)
            return -1;
    }
    return 0;
}

/* The next row of a part, twins taken together by the rule for duplicates. */
static int next_row(struct nilo__job_p *job, struct nilo__part *p, size_t *at, struct row *ret, struct nilo_err *err)
{
    struct nilo_reading readings[PARTS_MAX], all;
    const struct nilo_reading *rows[PARTS_MAX];
    size_t n = same(p, *at), k = n < PARTS_MAX ? n : PARTS_MAX, first;
    for (size_t i = 0; i < k; i++) {
        readings[i] = (struct nilo_reading){.values = p->rows[*at + i].values, .n_values = p->rows[*at + i].n_values};
        rows[i] = &readings[i];
    }
    if (nilo_record_merge(nilo_store_catalog(job->all->o.store), &job->arena, rows, k, &all, &first, err) != 0)
        return -1;
    *ret = p->rows[*at + first];
    ret->values = all.values;
    ret->n_values = all.n_values;
    *at += n;
    return 0;
}

/* A window of several listings, item by item through all of them at once. */
static int record_together(struct nilo__job_p *job, struct nilo__part *const *parts, int n, int win, struct nilo_err *err)
{
    size_t at[PARTS_MAX] = {0};
    nilo_us instant = parts[0]->at;
    for (int i = 0; i < n; i++) {
        sort(parts[i]);
        instant = parts[i]->at > instant ? parts[i]->at : instant;
    }
    for (;;) {
        struct row rows[PARTS_MAX], all = {.id = NULL};
        struct nilo_window_part told[PARTS_MAX] = {0};
        struct nilo_reading_value values[VALUES_MAX];
        const char *id = NULL;
        for (int i = 0; i < n; i++) {
            if (at[i] < parts[i]->n && (id == NULL || strcmp(parts[i]->rows[at[i]].id, id) < 0))
                id = parts[i]->rows[at[i]].id;
        }
        if (id == NULL)
            return 0;
        for (int i = 0; i < n; i++) {
            if (at[i] == parts[i]->n || strcmp(parts[i]->rows[at[i]].id, id) != 0)
                continue;
            if (next_row(job, parts[i], &at[i], &rows[i], err) != 0)
                return -1;
            told[i] = (struct nilo_window_part){rows[i].values, rows[i].n_values};
            all = all.id == NULL ? rows[i] : all;
        }
        all.n_values = nilo_window_add(nilo_store_catalog(job->all->o.store), told, (size_t)n, values);
        all.values = values;
        if (hand_over(job, &all, win, parts[0]->last, instant, err) != 0)
            return -1;
    }
}

static int record_window(struct nilo__job_p *job, struct nilo__report *r, int win, nilo_day last, struct nilo_err *err)
{
    struct nilo__part *parts[PARTS_MAX];
    int spans[PARTS_MAX], n = spans_of(job->connector, win, spans);
    nilo_day end = last;
    bool whole = true;
    for (int i = 0; i < n; end = NILO_DAY(end.n - spans[i]), i++) {
        parts[i] = part_of(r, spans[i], end);
        whole = whole && parts[i] != NULL && parts[i]->over && !parts[i]->failed && !parts[i]->lacks;
    }
    if (n == 1)
        return parts[0] != NULL ? record_listing(job, parts[0], err) : 0;
    if (whole)
        return record_together(job, parts, n, win, err);
    char day[NILO_DAY_TEXT];
    nilo_day_format(last, day);
    r->failed = true; /* the next run asks again */
    const char *why = nilo_arena_printf(&job->arena, "the %d days up to %s could not be put together: a part of them was not read, or has entries that do not read", win, day);
    return why != NULL ? nilo__note_failure(job, r->state.account, nilo_class_word(NILO_CLASS_INVALID), why, err) : nilo_err_nomem(err);
}

/* ---- single items -------------------------------------------------------------------------------------------------------------------------- */

static int64_t rank_of(const struct nilo_catalog *catalog, const struct row *row, const char *name)
{
    const struct nilo_metric *m = nilo_catalog_by_name(catalog, name);
    for (size_t i = 0; m != NULL && i < row->n_values; i++) {
        if (row->values[i].metric == m->id && row->values[i].absence == NILO_PRESENT)
            return row->values[i].value;
    }
    return -1;
}

struct ranked {
    const char *id;
    int64_t gmv, views;
};

static int most_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->gmv != y->gmv)
        return x->gmv < y->gmv ? 1 : -1;
    return x->views != y->views ? (x->views < y->views ? 1 : -1) : strcmp(x->id, y->id);
}

static int ask_for_details(struct nilo__job_p *job, struct nilo__report *r, struct nilo_err *err)
{
    struct nilo__part *p = part_of(r, job->connector->windows[0], r->last);
    const struct nilo_catalog *catalog = nilo_store_catalog(job->all->o.store);
    struct ranked *all = p != NULL ? nilo_arena_array(&job->arena, p->n + 1, sizeof *all) : NULL;
    size_t n = 0;
    if (p == NULL || job->stopped || r->no_details)
        return 0;
    if (all == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < p->n; i += same(p, i)) {
        all[n] = (struct ranked){p->rows[i].id, rank_of(catalog, &p->rows[i], "gmv"), rank_of(catalog, &p->rows[i], "views")};
        n += all[n].gmv > 0 || all[n].views > 0;
    }
    if (n > 1)
        qsort(all, n, sizeof *all, most_first);
    for (size_t i = 0; i < n && i < job->connector->window_details; i++) {
        struct nilo__task *t = nilo__task_new(job, NILO_OP_REPORT);
        if (t == NULL || (t->ids = nilo_arena_array(&job->arena, 1, sizeof *t->ids)) == NULL)
            return nilo_err_nomem(err);
        t->account = r->state.account;
        t->listing = r->listing;
        t->win = p->days;
        t->day = p->last;
        t->ids[0] = all[i].id;
        t->n_ids = 1;
    }
    return 0;
}

static int take_details(struct nilo__task *t, const struct nilo_result *result, nilo_us at, struct nilo_err *err)
{
    for (size_t i = 0; i < result->n_items; i++) {
        const struct nilo_item *item = &result->items[i];
        struct nilo_reading_value values[VALUES_MAX];
        bool taken;
        const struct nilo_reading reading = {.kind = item->kind, .external_id = item->id, .win = item->win, .captured_at = at, .day = item->day, .values = values,
                                             .n_values = nilo__fill_values(t->job, item->values, item->n_values, values)};
        if (nilo__hand_over(t->job, &reading, &taken, err) != 0)
            return -1;
        if (taken && item->class != NILO_CLASS_OK && nilo__note_failure(t->job, item->id, nilo_class_word(item->class), item->reason, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- ends ---------------------------------------------------------------------------------------------------------------------------------------- */

int nilo__windows_took(struct nilo__task *t, const struct nilo_result *result, nilo_us at, struct nilo_err *err)
{
    return t->part != NULL ? take_listing(t, result, at, err) : take_details(t, result, at, err);
}

int nilo__windows_failed(struct nilo__task *t, struct nilo__report *r, enum nilo_class class, const char *message, bool refused, struct nilo_err *err)
{
    struct nilo__job_p *job = t->job;
    if (t->part == NULL) { /* the windows are there; of what is not permitted, or is too much now, the others are not asked for either */
        bool first = !r->no_details;
        r->no_details = r->no_details || refused || class == NILO_CLASS_RATE_LIMITED;
        return r->no_details && !first ? 0 : nilo__note_failure(job, t->ids[0], nilo_class_word(class), message, err);
    }
    if (fail_part(job, t->part, class, message, err) != 0)
        return -1;
    return all_over(r) ? nilo__windows_close(job, r, err) : 0;
}

int nilo__windows_close(struct nilo__job_p *job, struct nilo__report *r, struct nilo_err *err)
{
    const int *windows = job->connector->windows;
    if (r->closed || nilo_day_is_none(r->last))
        return 0;
    r->closed = true;
    r->newest = r->last;
    for (int age = 0; age < r->ages; age++) {
        for (int i = 0; windows[i] != 0; i++) {
            if (record_window(job, r, windows[i], NILO_DAY(r->last.n - age), err) != 0)
                return -1;
        }
    }
    const struct nilo__part *first = part_of(r, windows[0], r->last);
    if (first != NULL)
        count_items(job, first);
    return tell_wrong(job, r, err) != 0 ? -1 : ask_for_details(job, r, err);
}

int nilo__windows_end(struct nilo__job_p *job, struct nilo_err *err)
{
    for (struct nilo__report *r = job->reports; r != NULL; r = r->next) {
        r->no_details = true; /* it is too late to ask */
        if (nilo__windows_close(job, r, err) != 0)
            return -1;
    }
    if (job->out.read > 0) /* then it is no run that read nothing; what ended it is told as a failure */
        job->error = NULL;
    return 0;
}
