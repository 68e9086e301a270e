/* Questions that are asked again and again (a dashboard's days of a few metrics of the app): understood once, then a few rows of 32 days and their bytes. The ordinary way
 * spends most of its time on finding out what is meant; tests hold the two against each other, byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "query/query_priv.h"

#define APPS_MOST    4
#define METRICS_MOST 64
#define ITEMS_MOST   8

enum part { DAY, VALUE, NOTHING };

/* What stands in front of a part of a row, and the part. A metric's name and type are such a text. */
struct segment {
    char *text;
    size_t len;
    enum part part;
};

struct metric {
    int32_t id;
    int scale;
    struct segment segments[ITEMS_MOST + 1];
    size_t n_segments, len; /* of all texts */
};

/* 32 days of a metric of an app, as they are kept. */
struct line {
    int32_t block, rank; /* rank: by metric, then by app */
    char cells[NILO_APP_DAYS_TEXT];
    uint16_t at[NILO_APP_DAYS + 1]; /* where the values begin; one more behind the last comma */
};

struct nilo_quick {
    struct nilo_arena arena;
    bool down; /* the last day first */
    nilo_day from, to; /* none where from is later */
    struct nilo_db_stmt *stmts[APPS_MOST];
    int n_apps;
    struct metric *metrics; /* by type and name, as rows of a day come */
    size_t n_metrics, longest;
    const struct line *lines[NILO_QUICK_LINES]; /* of the run at hand, by block and rank */
    size_t n_lines;
};

/* For one run: many questions are kept, and a thread answers one at a time. */
static _Thread_local struct line room[NILO_QUICK_LINES];

/* ---- is it one? ---------------------------------------------------------------------------------------------------------------------------- */

static bool is(const struct nilo_column *c, const char *name)
{
    return c && strcmp(c->name, name) == 0;
}

static bool known_item(const struct nilo__item *it)
{
    bool plain = it->column && it->path.n == 0 && it->cast == NILO__CAST_NONE && it->aggregate == NILO__NO_AGGREGATE && it->then == NILO__CAST_NONE;
    return plain && (is(it->column, "metric_date") || is(it->column, "metric_type") || is(it->column, "metric_category") || is(it->column, "value"));
}

static bool known_condition(const struct nilo__node *n)
{
    if (n->kind != NILO__COMPARE || n->not || n->any || n->all || n->path.n || n->n_values == 0)
        return false;
    if (is(n->column, "metric_date"))
        return n->n_values == 1 && (n->op == NILO__EQ || (n->op >= NILO__GT && n->op <= NILO__LTE));
    return (n->op == NILO__EQ || n->op == NILO__IN) && (is(n->column, "metric_category") || is(n->column, "metric_type"));
}

bool nilo_query_quick_fits(const struct nilo_query *q, struct nilo_store *s)
{
    bool fits = nilo_db_engine(nilo_store_db(s)) == NILO_DB_SQLITE && q->relation && strcmp(q->relation->name, "daily_metrics") == 0 && !q->folded && !q->has_as_of &&
                !q->ordered_here && q->limit < 0 && q->offset == 0 && q->request.count == NILO_COUNT_NONE && q->n_items > 0 && q->n_items <= ITEMS_MOST &&
                q->n_order == 1 && is(q->order[0].column, "metric_date");
    for (size_t i = 0; fits && i < q->n_items; i++)
        fits = known_item(&q->items[i]);
    for (const struct nilo__node *n = q->filter->first; fits && n; n = n->next)
        fits = known_condition(n);
    return fits;
}

/* ---- which days, which metrics --------------------------------------------------------------------------------------------------------------- */

static struct nilo__text trim(struct nilo__text t)
{
    while (t.len && (*t.p == ' ' || *t.p == '\t'))
        t.p++, t.len--;
    while (t.len && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
        t.len--;
    return t;
}

/* false: the conditions leave no day, or one does not read */
static bool days_of(const struct nilo_query *q, nilo_day *ret_from, nilo_day *ret_to)
{
    int64_t from = INT32_MIN, to = INT32_MAX;
    for (const struct nilo__node *n = q->filter->first; n; n = n->next) {
        struct nilo_iso iso;
        if (!is(n->column, "metric_date"))
            continue;
        struct nilo__text t = trim(n->values[0]);
        if (nilo_iso_parse(t.p, t.len, &iso, NULL) < 0)
            return false;
        int64_t day = iso.day.n, least = n->op == NILO__GT ? day + 1 : day, most = n->op == NILO__LT ? day - 1 : day;
        if (n->op == NILO__EQ || n->op == NILO__GT || n->op == NILO__GTE)
            from = least > from ? least : from;
        if (n->op == NILO__EQ || n->op == NILO__LT || n->op == NILO__LTE)
            to = most < to ? most : to;
    }
    *ret_from = NILO_DAY((int32_t)from);
    *ret_to = NILO_DAY((int32_t)to);
    return from <= to;
}

static bool asked_for(const struct nilo_query *q, const struct nilo_metric *m)
{
    for (const struct nilo__node *n = q->filter->first; n; n = n->next) {
        const char *text = is(n->column, "metric_category") ? m->name : is(n->column, "metric_type") ? nilo_metric_type_name((int)m->type) : NULL;
        bool found = !text;
        for (size_t i = 0; !found && i < n->n_values; i++)
            found = n->values[i].len == strlen(text) && memcmp(n->values[i].p, text, n->values[i].len) == 0;
        if (!found)
            return false;
    }
    return true;
}

static int in_order(const void *a, const void *b)
{
    const struct nilo_metric *const *x = a, *const *y = b;
    if ((*x)->type != (*y)->type)
        return (*x)->type < (*y)->type ? -1 : 1;
    return strcmp((*x)->name, (*y)->name);
}

/* Those asked for, in the order of rows. *ret_n more than METRICS_MOST: too many */
static void choose(const struct nilo_query *q, const struct nilo_catalog *catalog, const struct nilo_metric *ret[METRICS_MOST], size_t *ret_n)
{
    size_t n = 0;
    for (size_t i = 0; i < catalog->n && n <= METRICS_MOST; i++) {
        if (!asked_for(q, &catalog->metrics[i]))
            continue;
        if (n < METRICS_MOST)
            ret[n] = &catalog->metrics[i];
        n++;
    }
    if (n > 0 && n <= METRICS_MOST)
        qsort(ret, n, sizeof(*ret), in_order);
    *ret_n = n;
}

/* ---- its rows as texts with gaps ------------------------------------------------------------------------------------------------------------- */

static int end_segment(struct nilo_quick *k, struct metric *m, struct nilo_buf *text, enum part part, struct nilo_err *err)
{
    struct segment *s = &m->segments[m->n_segments++];
    *s = (struct segment){.text = nilo_arena_alloc(&k->arena, text->len + 1), .len = text->len, .part = part};
    if (!s->text || text->failed)
        return nilo_err_nomem(err);
    memcpy(s->text, nilo_buf_str(text), text->len);
    m->len += text->len;
    nilo_buf_reset(text);
    return 0;
}

static void put_string(struct nilo_buf *text, const char *s)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, text);
    nilo_json_str(&o, s);
}

static int make_row(struct nilo_quick *k, const struct nilo_query *q, const struct nilo_metric *of, struct metric *m, struct nilo_buf *text, struct nilo_err *err)
{
    *m = (struct metric){.id = of->id, .scale = of->scale};
    nilo_buf_reset(text);
    nilo_buf_addc(text, '{');
    for (size_t i = 0; i < q->n_items; i++) {
        const struct nilo__item *it = &q->items[i];
        if (i)
            nilo_buf_addc(text, ',');
        put_string(text, q->out[i].name);
        nilo_buf_addc(text, ':');
        if (is(it->column, "metric_category")) {
            put_string(text, of->name);
        } else if (is(it->column, "metric_type")) {
            put_string(text, nilo_metric_type_name((int)of->type));
        } else if (is(it->column, "value")) {
            if (end_segment(k, m, text, VALUE, err) < 0)
                return -1;
        } else {
            nilo_buf_addc(text, '"');
            if (end_segment(k, m, text, DAY, err) < 0)
                return -1;
            nilo_buf_addc(text, '"');
        }
    }
    nilo_buf_addc(text, '}');
    return end_segment(k, m, text, NOTHING, err);
}

static int make_rows(struct nilo_quick *k, const struct nilo_query *q, const struct nilo_metric **metrics, size_t n, struct nilo_err *err)
{
    struct nilo_buf text;
    k->n_metrics = n;
    k->metrics = nilo_arena_array(&k->arena, n + 1, sizeof(*k->metrics));
    if (!k->metrics)
        return nilo_err_nomem(err);
    nilo_buf_init(&text, 64 << 10);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = make_row(k, q, metrics[i], &k->metrics[i], &text, err);
        k->longest = k->metrics[i].len > k->longest ? k->metrics[i].len : k->longest;
    }
    nilo_buf_done(&text);
    return rc;
}

/* ---- life ------------------------------------------------------------------------------------------------------------------------------------- */

void nilo_quick_free(struct nilo_quick *k)
{
    if (!k)
        return;
    for (int i = 0; i < k->n_apps; i++)
        nilo_db_finish(k->stmts[i]);
    nilo_arena_done(&k->arena);
    free(k);
}

static int make(struct nilo_quick *k, const struct nilo_query *q, struct nilo_store *s, const struct nilo_entity_ref *apps, int n_apps,
                const struct nilo_metric **metrics, size_t n, struct nilo_err *err)
{
    int32_t ids[METRICS_MOST];
    nilo_arena_init(&k->arena, 0);
    k->down = q->order[0].desc;
    if (make_rows(k, q, metrics, n, err) < 0)
        return -1;
    if (!days_of(q, &k->from, &k->to) || n == 0)
        return 0; /* no rows */
    for (size_t i = 0; i < n; i++)
        ids[i] = metrics[i]->id;
    for (; k->n_apps < n_apps; k->n_apps++)
        if (nilo_store_app_days(s, apps[k->n_apps], k->from, k->to, ids, n, &k->stmts[k->n_apps], err) < 0)
            return -1;
    return 0;
}

int nilo_query_quick(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, struct nilo_quick **ret, struct nilo_err *err)
{
    struct nilo_entity_ref apps[APPS_MOST];
    const struct nilo_metric *metrics[METRICS_MOST];
    int n_apps;
    size_t n;
    *ret = NULL;
    if (!nilo_query_quick_fits(q, s))
        return 0;
    if (nilo_store_apps(s, scope, apps, APPS_MOST, &n_apps, err) < 0)
        return -1;
    choose(q, nilo_store_catalog(s), metrics, &n);
    if (n_apps > APPS_MOST || n > METRICS_MOST)
        return 0;
    struct nilo_quick *k = calloc(1, sizeof(*k));
    if (!k)
        return nilo_err_nomem(err);
    if (make(k, q, s, apps, n_apps, metrics, n, err) < 0) {
        nilo_quick_free(k);
        return -1;
    }
    *ret = k;
    return 0;
}

/* ---- an answer ---------------------------------------------------------------------------------------------------------------------------------- */

/* Where its values begin. false: there are not 32 */
static bool cut(struct line *l, size_t len)
{
    size_t n = 0;
    l->at[n++] = 0;
    for (size_t i = 0; i < len; i++) {
        if (l->cells[i] != ',')
            continue;
        if (n == NILO_APP_DAYS)
            return false;
        l->at[n++] = (uint16_t)(i + 1);
    }
    l->at[NILO_APP_DAYS] = (uint16_t)(len + 1);
    return n == NILO_APP_DAYS;
}

/* Rows come a metric after the other, in the order of the metrics. */
static int read_lines(struct nilo_quick *k, int app, struct nilo_err *err)
{
    size_t metric = 0;
    int got;
    if (nilo_db_query(k->stmts[app], NULL, 0, err) < 0)
        return -1;
    while ((got = nilo_db_row(k->stmts[app], err)) == 1) {
        int32_t id = (int32_t)nilo_db_column_int(k->stmts[app], 0);
        struct nilo_db_value cells = nilo_db_column(k->stmts[app], 2);
        if (k->n_lines == NILO_QUICK_LINES || cells.len >= sizeof(room->cells))
            break;
        while (metric < k->n_metrics && k->metrics[metric].id != id)
            metric++;
        struct line *l = &room[k->n_lines];
        l->block = (int32_t)nilo_db_column_int(k->stmts[app], 1);
        l->rank = (int32_t)metric * APPS_MOST + app;
        memcpy(l->cells, cells.p, cells.len);
        l->cells[cells.len] = '\0'; /* what stood here before was longer, maybe */
        if (metric == k->n_metrics || !cut(l, cells.len))
            break;
        k->lines[k->n_lines++] = l;
    }
    nilo_db_reset(k->stmts[app]);
    return got; /* 1: more than there is room for, or something that was not expected */
}

static bool before(const struct line *a, const struct line *b)
{
    return a->block != b->block ? a->block < b->block : a->rank < b->rank;
}

/* Few lines, and those of a metric are in order. */
static void sort_lines(struct nilo_quick *k)
{
    for (size_t i = 1; i < k->n_lines; i++) {
        const struct line *l = k->lines[i];
        size_t at = i;
        for (; at > 0 && before(l, k->lines[at - 1]); at--)
            k->lines[at] = k->lines[at - 1];
        k->lines[at] = l;
    }
}

static int read_all(struct nilo_quick *k, struct nilo_err *err)
{
    int rc = 0;
    k->n_lines = 0;
    for (int i = 0; rc == 0 && i < k->n_apps; i++)
        rc = read_lines(k, i, err);
    if (rc == 0)
        sort_lines(k);
    return rc;
}

/* A value as it is kept is what it looks like, but for a point in it. */
static size_t put_value(const struct metric *m, const char *text, size_t len, char *to)
{
    if (m->scale == 0) {
        memcpy(to, text, len);
        return len;
    }
    return nilo_decimal_format(strtoll(text, NULL, 10), m->scale, true, to);
}

static char *put_cell(const struct metric *m, char *to, const char *text, size_t len, const char *day, size_t day_n)
{
    for (const struct segment *s = m->segments, *end = s + m->n_segments; s < end; s++) {
        memcpy(to, s->text, s->len);
        to += s->len;
        if (s->part == DAY) {
            memcpy(to, day, day_n);
            to += day_n;
        } else if (s->part == VALUE) {
            to += put_value(m, text, len, to);
        }
    }
    return to;
}

/* next: the day after the one that stands there. Every month has a 28th. */
static void put_day(char text[NILO_DAY_TEXT], size_t *n, bool next, int32_t day)
{
    char *tens = text + NILO_DAY_TEXT - 3, *ones = tens + 1;
    if (!next || *n != NILO_DAY_TEXT - 1 || *tens > '2' || (*tens == '2' && *ones >= '8')) {
        nilo_day_format(NILO_DAY(day), text);
        *n = strlen(text);
    } else if (*ones == '9') {
        ++*tens;
        *ones = '0';
    } else {
        ++*ones;
    }
}

struct putting {
    char *to;
    char day[NILO_DAY_TEXT];
    size_t day_n;
    int32_t of; /* the day that is written there */
    int64_t rows;
};

/* A day of the lines of a block. */
static void put_rows(const struct nilo_quick *k, const struct line *const *lines, size_t n, int32_t day, struct putting *p)
{
    size_t i = (size_t)day & (NILO_APP_DAYS - 1);
    for (const struct line *const *at = lines, *const *end = lines + n; at < end; at++) {
        const struct line *l = *at;
        size_t len = (size_t)l->at[i + 1] - l->at[i] - 1;
        if (len == 0)
            continue;
        if (p->rows == 0 || p->of != day) {
            put_day(p->day, &p->day_n, p->rows > 0 && day == p->of + 1, day);
            p->of = day;
        }
        if (p->rows++ > 0) {
            memcpy(p->to, ",\n ", 3);
            p->to += 3;
        }
        p->to = put_cell(&k->metrics[l->rank / APPS_MOST], p->to, l->cells + l->at[i], len, p->day, p->day_n);
    }
}

static void put_block(const struct nilo_quick *k, const struct line *const *lines, size_t n, struct putting *p)
{
    int32_t first = lines[0]->block * NILO_APP_DAYS, last = first + NILO_APP_DAYS - 1;
    first = first < k->from.n ? k->from.n : first;
    last = last > k->to.n ? k->to.n : last;
    for (int32_t i = 0; i <= last - first; i++)
        put_rows(k, lines, n, k->down ? last - i : first + i, p);
}

static void put_all(const struct nilo_quick *k, struct putting *p)
{
    for (size_t at = 0, n; at < k->n_lines; at += n) {
        size_t first = at;
        n = 1;
        if (k->down) {
            first = k->n_lines - 1 - at;
            while (first > 0 && k->lines[first - 1]->block == k->lines[first]->block)
                first--, n++;
        } else {
            while (first + n < k->n_lines && k->lines[first + n]->block == k->lines[first]->block)
                n++;
        }
        put_block(k, k->lines + first, n, p);
    }
}

int nilo_quick_json(struct nilo_quick *k, struct nilo_buf *out, int64_t *ret_rows, struct nilo_err *err)
{
    int rc = read_all(k, err);
    if (rc != 0)
        return rc;
    char *text = nilo_buf_room(out, k->n_lines * NILO_APP_DAYS * (k->longest + (size_t)ITEMS_MOST * NILO_DECIMAL_TEXT + 3) + 8);
    struct putting p = {.to = text};
    if (!text)
        return nilo_err_nomem(err);
    *p.to++ = '[';
    put_all(k, &p);
    memcpy(p.to, "]\n", 3);
    out->len += (size_t)(p.to + 2 - text);
    *ret_rows = p.rows;
    return 0;
}
