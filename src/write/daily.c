/* POST daily_metrics: an app's own metrics by day, as a push. A pair of type and category that is not defined yet defines itself. What a row meets is
 * looked up first, and only what changes something is handed to record: on a closed day that has a value nothing does. */
#include <stdlib.h>
#include <string.h>

#include "write/write_priv.h"

#define CONNECTION "push" /* where values go that no other connection has had before */

struct item {
    size_t row;
    nilo_day day;
    enum nilo_metric_type type;
    const char *category;
    struct nilo__name number;
    int digits;
    const char *meta; /* NULL = not said */
    nilo_us at;       /* NILO_US_NONE = not said */
    int32_t metric;
    size_t place;     /* index into places */
    bool again;       /* the same key came before, and is left out */
    int64_t value;
    struct nilo_shown was;
};
struct place {
    struct nilo_connection connection;
    struct nilo_entity_ref app;
};
struct daily {
    struct nilo__job *j;
    struct item *items, **sorted;
    size_t n;
    struct place *places;
    size_t n_places, cap_places;
    nilo_us now;
};

/* ---- reading rows ------------------------------------------------------------------------------------------------------------- */

static int read_type(struct nilo__job *j, struct item *x, struct nilo_err *err)
{
    const char *text;
    const struct nilo__member *m = nilo__cell(j, "metric_type");
    if (nilo__need(j, m, "metric_type", err) < 0 || nilo__text(j, m, &text, err) < 0)
        return -1;
    int type = nilo_metric_type_value(text);
    if (type < 0)
        return nilo__check_failed(j, "daily_metrics_metric_type_check", err);
    x->type = (enum nilo_metric_type)type;
    return 0;
}

static int read_item(struct nilo__job *j, struct item *x, struct nilo_err *err)
{
    const struct nilo__member *day = nilo__cell(j, "metric_date"), *category = nilo__cell(j, "metric_category"), *value = nilo__cell(j, "value"),
                              *meta = nilo__cell(j, "metadata"), *at = nilo__cell(j, "collection_timestamp");
    *x = (struct item){.row = j->row, .at = NILO_US_NONE};
    if (nilo__own_workspace(j, err) < 0 || nilo__need(j, day, "metric_date", err) < 0 || nilo__date(j, day, &x->day, err) < 0 ||
        read_type(j, x, err) < 0 || nilo__need(j, category, "metric_category", err) < 0 || nilo__text(j, category, &x->category, err) < 0 ||
        nilo__need(j, value, "value", err) < 0 || nilo__number(j, value, &x->number, &x->digits, err) < 0)
        return -1;
    if (category->len == 0 || category->len > 200)
        return nilo__check_failed(j, "daily_metrics_metric_category_check", err);
    if (nilo__said(meta) && nilo__json(j, meta, &x->meta, err) < 0)
        return -1;
    return nilo__said(at) ? nilo__time(j, at, &x->at, err) : 0;
}

static int by_key(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    int c = strcmp(x->category, y->category);
    if (c)
        return c;
    if (x->day.n != y->day.n)
        return x->day.n < y->day.n ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static bool same_pair(const struct item *x, const struct item *y)
{
    return x->type == y->type && strcmp(x->category, y->category) == 0;
}

static int key_texts(struct nilo__job *j, const struct item *x, const char **ret, struct nilo_err *err)
{
    char day[NILO_DAY_TEXT];
    nilo_day_format(x->day, day);
    ret[0] = nilo_arena_strdup(&j->arena, day);
    ret[1] = nilo_metric_type_name((int)x->type);
    ret[2] = x->category;
    return ret[0] ? 0 : nilo_err_nomem(err);
}

static int no_twins(struct daily *d, struct nilo_err *err)
{
    for (size_t i = 1; i < d->n; i++) {
        struct item *x = d->sorted[i];
        const char *key[3];
        if (!same_pair(x, d->sorted[i - 1]) || x->day.n != d->sorted[i - 1]->day.n)
            continue;
        if (d->j->w->prefer.resolution != NILO_WRITE_IGNORE)
            return key_texts(d->j, x, key, err) < 0 ? -1 : nilo__twice(d->j, key, err);
        x->again = true;
        d->j->answered[x->row] = false;
    }
    return 0;
}

static int read_items(struct daily *d, struct nilo_err *err)
{
    struct nilo__job *j = d->j;
    d->n = j->body.n_rows;
    d->items = nilo_arena_array(&j->arena, d->n + 1, sizeof *d->items);
    d->sorted = nilo_arena_array(&j->arena, d->n + 1, sizeof *d->sorted);
    if (!d->items || !d->sorted)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < d->n; i++) {
        j->row = i;
        d->sorted[i] = &d->items[i];
        if (read_item(j, &d->items[i], err) < 0)
            return -1;
    }
    qsort(d->sorted, d->n, sizeof *d->sorted, by_key);
    return no_twins(d, err);
}

/* ---- metrics --------------------------------------------------------------------------------------------------------------------- */

/* Counts are whole and averages have six digits unless the values that define them have more. */
static int define(struct daily *d, const struct item *x, int digits, int32_t *ret, struct nilo_err *err)
{
    int scale = nilo_metric_default_scale(x->type);
    if (x->type != NILO_AVERAGE && x->type != NILO_PERCENTAGE && digits > scale)
        scale = digits > NILO_SCALE_MAX ? NILO_SCALE_MAX : digits;
    struct nilo_metric m = {.name = x->category,
                            .type = x->type,
                            .kind = NILO_PERIOD,
                            .aggregation = NILO_LEVEL,
                            .scale = scale,
                            .active = true};
    const struct nilo_metric *made;
    if (nilo_store_metric_define(d->j->store, &m, &made, err) < 0)
        return -1;
    *ret = made->id;
    return 0;
}

static int find_metrics(struct daily *d, struct nilo_err *err)
{
    for (size_t i = 0, end; i < d->n; i = end) {
        const struct item *first = d->sorted[i];
        int digits = 0;
        for (end = i; end < d->n && same_pair(first, d->sorted[end]); end++)
            if (d->sorted[end]->digits > digits)
                digits = d->sorted[end]->digits;
        const struct nilo_metric *m = nilo_catalog_by_type(nilo_store_catalog(d->j->store), first->type, first->category);
        int32_t id = m ? m->id : 0;
        d->j->row = first->row;
        if (!m && define(d, first, digits, &id, err) < 0)
            return -1;
        for (size_t k = i; k < end; k++)
            d->sorted[k]->metric = id;
    }
    for (size_t i = 0; i < d->n; i++) {
        d->j->row = i;
        const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(d->j->store), d->items[i].metric);
        if (nilo__scaled(d->j, d->items[i].number, m, &d->items[i].value, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- places ------------------------------------------------------------------------------------------------------------------------ */

static int add_place(struct daily *d, const struct nilo_connection *c, size_t *ret, struct nilo_err *err)
{
    for (*ret = 0; *ret < d->n_places; ++*ret)
        if (d->places[*ret].connection.id == c->id)
            return 0;
    if (d->n_places == d->cap_places) {
        size_t cap = d->cap_places ? 2 * d->cap_places : 4;
        struct place *more = nilo_arena_array(&d->j->arena, cap, sizeof *more);
        if (!more)
            return nilo_err_nomem(err);
        if (d->n_places)
            memcpy(more, d->places, d->n_places * sizeof *more);
        d->places = more;
        d->cap_places = cap;
    }
    const struct nilo_entity_in app = {.kind = NILO_APP, .external_id = NILO_APP_ID};
    d->places[d->n_places].connection = *c;
    return nilo_store_entities(d->j->store, c, &app, 1, &d->places[d->n_places++].app, err);
}

/* A category of the app lies with one connection: the one that has it, else the pushing one. */
static int find_place(struct daily *d, int32_t metric, size_t *ret, struct nilo_err *err)
{
    struct nilo_connection c;
    int64_t id;
    if (nilo_store_app_connection(d->j->store, d->j->w->workspace, metric, &id, err) < 0)
        return -1;
    int rc = id ? nilo_store_connection_get(d->j->store, id, &c, err)
                : nilo_store_connection(d->j->store, d->j->w->workspace, CONNECTION, true, CONNECTION, CONNECTION, &c, err);
    return rc < 0 ? -1 : add_place(d, &c, ret, err);
}

static int find_places(struct daily *d, struct nilo_err *err)
{
    for (size_t i = 0; i < d->n; i++) {
        if (i > 0 && d->sorted[i]->metric == d->sorted[i - 1]->metric)
            d->sorted[i]->place = d->sorted[i - 1]->place;
        else if (find_place(d, d->sorted[i]->metric, &d->sorted[i]->place, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- what is there ---------------------------------------------------------------------------------------------------------------- */

static int look(struct daily *d, struct nilo_err *err)
{
    struct nilo_cell_key *keys = nilo_arena_array(&d->j->arena, d->n + 1, sizeof *keys);
    struct nilo_shown *shown = nilo_arena_array(&d->j->arena, d->n + 1, sizeof *shown);
    if (!keys || !shown)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < d->n; i++)
        keys[i] = (struct nilo_cell_key){
            .entity = d->places[d->items[i].place].app, .win = 0, .day = d->items[i].day, .metric = d->items[i].metric};
    if (nilo_store_shown(d->j->store, keys, d->n, &d->j->arena, shown, err) < 0)
        return -1;
    for (size_t i = 0; i < d->n; i++)
        d->items[i].was = shown[i];
    return 0;
}

static bool has_row(const struct item *x)
{
    return x->was.there && x->was.cell.absence == NILO_PRESENT;
}

static bool same_meta(const struct item *x)
{
    return !x->meta || strcmp(x->meta, x->was.meta ? x->was.meta : "{}") == 0;
}

/* 1: it is to be written, 0: nothing happens, -1 refused */
static int decide(struct daily *d, struct item *x, struct nilo_err *err)
{
    const struct nilo_connection *c = &d->places[x->place].connection;
    const char *key[3];
    if (x->again)
        return 0;
    if (!has_row(x)) {
        d->j->made++;
        return 1;
    }
    switch (d->j->w->prefer.resolution) {
    case NILO_WRITE_INSERT:
        return key_texts(d->j, x, key, err) < 0 ? -1 : nilo__taken(d->j, key, err);
    case NILO_WRITE_IGNORE:
        d->j->answered[x->row] = false;
        return 0;
    default:
        d->j->kept++;
        break;
    }
    bool closed = !nilo_day_is_none(c->closed_until) && x->day.n <= c->closed_until.n;
    if (closed || (x->was.cell.value == x->value && same_meta(x)))
        return 0;
    if (!x->meta) /* a column that is not posted keeps what it has */
        x->meta = x->was.meta;
    return 1;
}

/* ---- writing -------------------------------------------------------------------------------------------------------------------------- */

/* The day is what was posted, whatever the instant says. Without one it is the end of the day, or now where that is still to come; and what replaces
 * a value is read after it. */
static nilo_us instant_of(const struct daily *d, const struct item *x)
{
    const struct nilo_calendar *calendar = d->j->calendar;
    nilo_us last = nilo_calendar_end(calendar, x->day) - 1, at = x->at;
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(d->j->store), x->metric);
    if (at == NILO_US_NONE)
        at = last < d->now ? last : d->now;
    if (m->kind == NILO_INSTANT && nilo_calendar_day(calendar, at).n != x->day.n)
        at = last < d->now ? last : d->now;
    if (has_row(x) && at <= x->was.cell.captured_at) {
        at = x->was.cell.captured_at + 1;
        if (at > d->now + NILO_US_MINUTE || (m->kind == NILO_INSTANT && nilo_calendar_day(calendar, at).n != x->day.n))
            return NILO_US_NONE;
    }
    return at;
}

static int add(struct daily *d, struct nilo_recorder *r, const struct item *x, struct nilo_err *err)
{
    const struct nilo_reading_value v = {.metric = x->metric, .value = x->value, .absence = NILO_PRESENT, .meta = x->meta};
    const struct nilo_reading reading = {.kind = NILO_APP,
                                         .external_id = NILO_APP_ID,
                                         .captured_at = instant_of(d, x),
                                         .day = x->day,
                                         .values = &v,
                                         .n_values = 1,
                                         .tag = (int64_t)x->row};
    return nilo_record_add(r, &reading, err);
}

static int push(struct daily *d, size_t place, const bool *write, struct nilo_err *err)
{
    const struct nilo_run_options o = {.kind = NILO_RUN_PUSH,
                                       .provenance = NILO_OBSERVED,
                                       .within = true,
                                       .target_day = NILO_DAY_NONE,
                                       .read_until = NILO_DAY_NONE};
    struct nilo_recorder *r = NULL;
    struct nilo_run run;
    for (size_t i = 0; i < d->n; i++) {
        if (!write[i] || d->items[i].place != place)
            continue;
        if ((!r && nilo_record_begin(d->j->store, &d->places[place].connection, &o, &r, err) < 0) || add(d, r, &d->items[i], err) < 0) {
            if (r)
                nilo_record_abort(r, err);
            return -1;
        }
    }
    return r ? nilo_record_finish(r, NULL, &d->j->arena, &run, err) : 0;
}

static int write_all(struct daily *d, struct nilo_err *err)
{
    bool *write = nilo_arena_array(&d->j->arena, d->n + 1, sizeof *write);
    if (!write)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < d->n; i++) {
        d->j->row = i;
        int rc = decide(d, &d->items[i], err);
        if (rc < 0)
            return -1;
        write[i] = rc == 1;
    }
    for (size_t p = 0; p < d->n_places; p++)
        if (push(d, p, write, err) < 0)
            return -1;
    return 0;
}

int nilo__insert_daily(struct nilo__job *j, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(j->store);
    struct daily d = {.j = j, .now = env->clock.wall(env->clock.ctx)};
    const char **keys = nilo_arena_array(&j->arena, 3 * j->body.n_rows + 1, sizeof *keys);
    if (!keys)
        return nilo_err_nomem(err);
    if (read_items(&d, err) < 0 || find_metrics(&d, err) < 0 || find_places(&d, err) < 0 || look(&d, err) < 0 || write_all(&d, err) < 0)
        return -1;
    for (size_t i = 0; i < d.n; i++)
        if (key_texts(j, &d.items[i], &keys[3 * i], err) < 0)
            return -1;
    return nilo__show(j, keys, d.n, err);
}
