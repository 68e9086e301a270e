/* Questions that are asked again and again (a dashboard's days of a few metrics of the app): understood once, then a range of a key and its bytes. The ordinary way
 * spends most of its time on finding out what is meant; tests hold the two against each other, byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "base/digits.h"
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

struct cell {
    int32_t day, rank; /* rank: by metric, then by app */
    int64_t value;
};

struct nilo_quick {
    struct nilo_arena arena;
    bool down; /* the last day first */
    struct nilo_db_stmt *stmts[APPS_MOST];
    int n_apps;
    struct metric *metrics; /* by type and name, as rows of a day come */
    size_t n_metrics, longest;
    int32_t rank_first, rank_n; /* ids of metrics */
    int32_t *rank_of;           /* by id - rank_first; -1 = not asked for */
    struct cell *cells; /* of the run at hand */
    size_t n_cells;
};

/* For one run: many questions are kept, and a thread answers one at a time. */
static _Thread_local struct cell room[NILO_QUICK_CELLS];
static _Thread_local int64_t raw[3 * NILO_QUICK_CELLS];

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
    int32_t first = n ? metrics[0]->id : 0, last = first;
    for (size_t i = 0; i < n; i++) {
        first = metrics[i]->id < first ? metrics[i]->id : first;
        last = metrics[i]->id > last ? metrics[i]->id : last;
    }
    k->rank_first = first;
    k->rank_n = last - first + 1;
    k->n_metrics = n;
    k->metrics = nilo_arena_array(&k->arena, n + 1, sizeof(*k->metrics));
    k->rank_of = nilo_arena_array(&k->arena, (size_t)k->rank_n, sizeof(*k->rank_of));
    if (!k->metrics || !k->rank_of)
        return nilo_err_nomem(err);
    memset(k->rank_of, 0xff, (size_t)k->rank_n * sizeof(*k->rank_of));
    nilo_buf_init(&text, 64 << 10);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = make_row(k, q, metrics[i], &k->metrics[i], &text, err);
        k->rank_of[metrics[i]->id - first] = (int32_t)i;
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
    nilo_day from, to;
    nilo_arena_init(&k->arena, 0);
    k->down = q->order[0].desc;
    if (make_rows(k, q, metrics, n, err) < 0)
        return -1;
    if (!days_of(q, &from, &to) || n == 0)
        return 0; /* no rows */
    for (; k->n_apps < n_apps; k->n_apps++)
        if (nilo_store_app_cells(s, apps[k->n_apps], from, to, k->rank_first, k->rank_first + k->rank_n - 1, &k->stmts[k->n_apps], err) < 0)
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

static int by_day(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* A later version takes the place of the one before it; what is shown without a value is no row. 1: too many */
static int take(struct nilo_quick *k, int app, int n)
{
    int64_t day = INT64_MIN, metric = 0;
    bool last = false; /* the version before is among the cells */
    for (const int64_t *r = raw, *end = r + (ptrdiff_t)3 * n; r < end; r += 3) {
        bool again = r[0] == day && r[1] == metric;
        day = r[0];
        metric = r[1];
        if (again && last)
            k->n_cells--;
        last = r[2] != INT64_MIN;
        int32_t rank = k->rank_of[metric - k->rank_first];
        last = last && rank >= 0;
        if (last && k->n_cells == NILO_QUICK_CELLS)
            return 1;
        if (last)
            k->cells[k->n_cells++] = (struct cell){(int32_t)day, rank * APPS_MOST + app, r[2]};
    }
    return 0;
}

/* Of one app the days are in order: few steps within each. */
static void sort_cells(struct nilo_quick *k)
{
    if (k->n_apps > 1 && k->n_cells > 0)
        qsort(k->cells, k->n_cells, sizeof(*k->cells), by_day);
    for (size_t i = 1; k->n_apps == 1 && i < k->n_cells; i++) {
        struct cell c = k->cells[i];
        size_t at = i;
        for (; at > 0 && by_day(&k->cells[at - 1], &c) > 0; at--)
            k->cells[at] = k->cells[at - 1];
        k->cells[at] = c;
    }
}

static int read_cells(struct nilo_quick *k, struct nilo_err *err)
{
    int rc = 0;
    k->cells = room;
    k->n_cells = 0;
    for (int i = 0; rc == 0 && i < k->n_apps; i++) {
        if (nilo_db_query(k->stmts[i], NULL, 0, err) < 0)
            return -1;
        int n = nilo_db_ints(k->stmts[i], 3, raw, NILO_QUICK_CELLS, err);
        nilo_db_reset(k->stmts[i]);
        rc = n < 0 && err->code == NILO_EOVERFLOW ? 1 : n < 0 ? -1 : n == NILO_QUICK_CELLS ? 1 : take(k, i, n);
    }
    if (rc == 0)
        sort_cells(k);
    return rc;
}

static char *put_cell(const struct nilo_quick *k, char *to, const struct cell *c, const char *day, size_t day_n)
{
    const struct metric *m = &k->metrics[c->rank / APPS_MOST];
    for (const struct segment *s = m->segments, *end = s + m->n_segments; s < end; s++) {
        memcpy(to, s->text, s->len);
        to += s->len;
        if (s->part == DAY) {
            memcpy(to, day, day_n);
            to += day_n;
        } else if (s->part == VALUE) {
            to += m->scale == 0 ? nilo_digits(c->value, to) : nilo_decimal_format(c->value, m->scale, true, to);
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

static char *put_cells(const struct nilo_quick *k, char *to)
{
    char day[NILO_DAY_TEXT] = "";
    int32_t of = 0;
    size_t day_n = 0;
    bool first = true;
    for (size_t end = k->n_cells, next = 0; k->down ? end > 0 : next < end;) {
        size_t from = next, until = k->n_cells; /* up: one range; down: day by day */
        if (k->down) {
            for (from = end - 1, until = end; from > 0 && k->cells[from - 1].day == k->cells[end - 1].day;)
                from--;
            end = from;
        } else {
            next = until;
        }
        for (const struct cell *c = k->cells + from; c < k->cells + until; c++) {
            if (first || c->day != of) {
                put_day(day, &day_n, !first && c->day == of + 1, c->day);
                of = c->day;
            }
            if (!first) {
                memcpy(to, ",\n ", 3);
                to += 3;
            }
            first = false;
            to = put_cell(k, to, c, day, day_n);
        }
    }
    return to;
}

int nilo_quick_json(struct nilo_quick *k, struct nilo_buf *out, int64_t *ret_rows, struct nilo_err *err)
{
    int rc = read_cells(k, err);
    if (rc != 0)
        return rc;
    char *text = nilo_buf_room(out, k->n_cells * (k->longest + (size_t)ITEMS_MOST * NILO_DECIMAL_TEXT + 3) + 8), *to = text;
    if (!text)
        return nilo_err_nomem(err);
    *to++ = '[';
    to = put_cells(k, to);
    memcpy(to, "]\n", 3);
    out->len += (size_t)(to + 2 - text);
    *ret_rows = (int64_t)k->n_cells;
    return 0;
}
