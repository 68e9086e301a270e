/* owner_profile: what a person's page shows, from the sources that everything else reads: owner_metrics, the newest day of the items, the owner's
 * totals by day. A row for each workspace that has an owner of that key. */
#include <inttypes.h>
#include <string.h>

#include "query/series.h"

#define TOP_ITEMS 5
#define DAYS      30
#define TEXT_MOST ((size_t)16 << 20)

static const struct nilo_parameter parameters[] = {
    {.name = "owner", .type = NILO_T_TEXT, .required = true, .doc = "the owner's key"},
};
static const struct nilo_column columns[] = {
    {.name = "workspace", .type = NILO_T_TEXT, .doc = "the workspace's name"},
    {.name = "owner", .type = NILO_T_TEXT, .doc = "the owner's key"},
    {.name = "display_name", .type = NILO_T_TEXT, .doc = "for headings"},
    {.name = "items", .type = NILO_T_INT, .doc = "items credited that were ever read"},
    {.name = "totals",
     .type = NILO_T_JSON,
     .doc = "object metric -> sum over the items; views, likes, comments and shares always, others where known"},
    {.name = "known", .type = NILO_T_JSON, .doc = "object metric -> items with a value: n of items"},
    {.name = "absence", .type = NILO_T_JSON, .doc = "object metric -> why its total is null"},
    {.name = "avg_engagement_rate", .type = NILO_T_DECIMAL, .doc = "mean over the items that have one; 0 without items"},
    {.name = "top_items", .type = NILO_T_JSON, .doc = "the first five by views, with their newest values"},
    {.name = "last_30_days",
     .type = NILO_T_JSON,
     .doc = "[{day, items, fresh, values, changes}] up to today, objects metric -> number"},
    {.name = "data_through", .type = NILO_T_DAY, .doc = "newest day on which any of the items was read"},
};

struct total {
    const struct nilo_metric *metric;
    nilo_i128 sum;
    int64_t known;
    bool core;
};
struct profile {
    struct nilo_call *call;
    const char *owner;
    struct total *totals; /* every metric that adds up */
    size_t n;
    char workspace[256], *display_name;
    int64_t items, rate;
    bool any, has_rate;
    nilo_day through;
    struct nilo_buf totals_text, known_text, absence_text, top_text, days_text;
    struct nilo_json_out top_out;
    const struct total *shown[NILO_TOP_METRICS];
    size_t n_shown;
    struct nilo_err *err;
};

static bool core_metric(const char *name)
{
    static const char *const names[] = {"views", "likes", "comments", "shares"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void put_number(struct nilo_json_out *o, const char *name, nilo_i128 v, int scale)
{
    char text[NILO_DECIMAL_TEXT];
    nilo_json_key(o, name);
    nilo_json_text(o, text, nilo_decimal_format(v, scale, true, text));
}

/* ---- totals ------------------------------------------------------------------------------------------------------------------------ */

static int find_metrics(struct profile *p)
{
    const struct nilo_catalog *catalog = nilo_store_catalog(p->call->store);
    p->totals = nilo_arena_array(&p->call->arena, catalog->n + 1, sizeof *p->totals);
    if (!p->totals)
        return nilo_err_nomem(p->err);
    for (size_t i = 0; i < catalog->n && p->n < NILO__SUMS_MAX; i++) {
        const struct nilo_metric *m = &catalog->metrics[i];
        if (m->type == NILO_COUNT && m->wide)
            p->totals[p->n++] = (struct total){.metric = m, .core = m->builtin && core_metric(m->name)};
    }
    return 0;
}

#define OWN_COLUMNS 6
static int totals_row(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    struct profile *p = ctx;
    const char *name = nilo_db_column_text(row, 1);
    p->any = true;
    snprintf(p->workspace, sizeof p->workspace, "%s", nilo_db_column_text(row, 0));
    p->display_name = nilo_arena_strdup(&p->call->arena, name);
    if (name && !p->display_name)
        return nilo_err_nomem(err);
    p->items = nilo_db_column_int(row, 2);
    p->through =
        nilo_db_column_null(row, 3) ? NILO_DAY_NONE : NILO_DAY((int32_t)nilo_db_column_int(row, 3));
    p->has_rate = !nilo_db_column_null(row, 4);
    p->rate = nilo_db_column_int(row, 4);
    for (size_t i = 0; i < p->n; i++) {
        int at = OWN_COLUMNS + 3 * (int)i;
        p->totals[i].sum = nilo_split_join(nilo_db_column_int(row, at), nilo_db_column_int(row, at + 1));
        p->totals[i].known = nilo_db_column_null(row, at) ? 0 : nilo_db_column_int(row, at + 2);
    }
    return 0;
}

static int read_totals(struct profile *p)
{
    struct nilo_buf list;
    const struct nilo_metric *metrics[NILO__SUMS_MAX];
    const struct nilo_narrow narrow = {.column = "owner", .op = '=', .first_param = 1, .n_params = 1};
    const struct nilo_source_want want = {.as_of = NILO_US_NONE,
                                          .metrics = metrics,
                                          .n_metrics = p->n,
                                          .rate = true,
                                          .narrow = &narrow,
                                          .n_narrow = 1};
    const struct nilo_db_value params[] = {NILO_DBV_TEXT(p->owner)};
    nilo_buf_init(&list, (size_t)64 << 10);
    nilo_buf_adds(&list, "t.\"workspace\", t.\"display_name\", t.\"items\", t.\"data_through\", "
                         "t.\"avg_engagement_rate\", t.\"owner\"");
    for (size_t i = 0; i < p->n; i++) {
        const char *name = p->totals[i].metric->name; /* wide: a plain identifier */
        metrics[i] = p->totals[i].metric;
        nilo_buf_addf(&list, ", t.\"%s\", t.\"%s.lo\", t.\"%s.known\"", name, name, name);
    }
    int rc = list.failed ? nilo_err_nomem(p->err)
                         : nilo__rows_of(p->call, "owner_metrics", &want, nilo_buf_str(&list), "WHERE t.\"owner\" = ?1",
                                         1, params, totals_row, p, p->err);
    nilo_buf_done(&list);
    return rc;
}

static void put_totals(struct profile *p)
{
    struct nilo_json_out totals, known, absence;
    nilo_json_out_init(&totals, &p->totals_text);
    nilo_json_out_init(&known, &p->known_text);
    nilo_json_out_init(&absence, &p->absence_text);
    nilo_json_object_begin(&totals);
    nilo_json_object_begin(&known);
    nilo_json_object_begin(&absence);
    for (size_t i = 0; i < p->n; i++) {
        const struct total *t = &p->totals[i];
        if (t->known > 0) {
            put_number(&totals, t->metric->name, t->sum, t->metric->scale);
            nilo_json_key(&known, t->metric->name);
            nilo_json_int(&known, t->known);
        } else if (t->core) {
            nilo_json_key(&totals, t->metric->name);
            nilo_json_null(&totals);
            nilo_json_key(&absence, t->metric->name);
            nilo_json_str(&absence, nilo_absence_name(NILO_NOT_COLLECTED));
        }
    }
    nilo_json_object_end(&totals);
    nilo_json_object_end(&known);
    nilo_json_object_end(&absence);
}

/* ---- the first items ------------------------------------------------------------------------------------------------------------------ */

static int item_row(void *ctx, const struct nilo_top_row *row)
{
    struct profile *p = ctx;
    struct nilo_json_out *o = &p->top_out;
    char day[NILO_DAY_TEXT], at[NILO_US_TEXT];
    nilo_day_format(row->day, day);
    nilo_us_format(row->posted_at, at);
    const struct {
        const char *name, *value;
    } texts[] = {{"external_id", row->external_id},
                 {"connection", row->connection},
                 {"platform", row->platform},
                 {"title", row->title},
                 {"posted_at", row->posted_at == NILO_US_NONE ? NULL : at},
                 {"day", nilo_day_is_none(row->day) ? NULL : day}};
    nilo_json_object_begin(o);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        nilo_json_key(o, texts[i].name);
        nilo_json_str(o, texts[i].value);
    }
    nilo_json_key(o, "values");
    nilo_json_object_begin(o);
    for (size_t i = 0; i < p->n_shown; i++)
        if (row->cells[i].absence == NILO_PRESENT)
            put_number(o, p->shown[i]->metric->name, row->cells[i].value, p->shown[i]->metric->scale);
    nilo_json_object_end(o);
    nilo_json_object_end(o);
    return 0;
}

/* Ordered by views; where nobody counts these, by the first metric that is known. */
static void choose_shown(struct profile *p)
{
    const struct total *first = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (p->totals[i].known > 0 && (!first || strcmp(p->totals[i].metric->name, "views") == 0))
            first = &p->totals[i];
    p->n_shown = 0;
    if (first)
        p->shown[p->n_shown++] = first;
    for (size_t i = 0; i < p->n && p->n_shown < NILO_TOP_METRICS; i++)
        if (p->totals[i].known > 0 && &p->totals[i] != first)
            p->shown[p->n_shown++] = &p->totals[i];
}

static int put_top(struct profile *p)
{
    struct nilo_top top = {.owner = p->owner,
                           .posted_from = NILO_US_NONE,
                           .posted_before = NILO_US_NONE,
                           .limit = TOP_ITEMS};
    nilo_json_out_init(&p->top_out, &p->top_text);
    nilo_json_array_begin(&p->top_out);
    for (size_t i = 0; i < p->n_shown; i++)
        top.metrics[top.n_metrics++].id = p->shown[i]->metric->id;
    if (top.n_metrics &&
        nilo_store_top(p->call->store, p->call->scope, &top, item_row, p, p->err) != 0)
        return -1;
    nilo_json_array_end(&p->top_out);
    return 0;
}

/* ---- the last days -------------------------------------------------------------------------------------------------------------------- */

struct day_cell {
    bool has, has_change;
    nilo_i128 value, change;
};
struct days {
    nilo_day first;
    int64_t items[DAYS], fresh[DAYS];
    struct day_cell *cells; /* [DAYS] for each shown metric */
};

static int read_days(struct profile *p, size_t k, struct days *d)
{
    struct nilo__series x = {.call = p->call,
                             .err = p->err,
                             .metric = p->shown[k]->metric,
                             .owner = p->owner,
                             .as_of = NILO_US_NONE};
    struct nilo__series_row row, before;
    if (nilo_call_today(p->call, &x.today, p->err) < 0)
        return -1;
    x.to = x.today;
    d->first = NILO_DAY(x.today.n - DAYS + 1);
    x.base = NILO_DAY(d->first.n - 1);
    int rc = nilo__series_read(&x);
    bool any = rc == 0 && nilo__series_row_before(&x, d->first, &before);
    for (int i = 0; rc == 0 && i < DAYS; i++) {
        nilo__series_row(&x, NILO_DAY(d->first.n + i), &row);
        d->items[i] = row.items;
        if (row.fresh > d->fresh[i])
            d->fresh[i] = row.fresh;
        if (!row.has)
            continue;
        struct day_cell *cell = &d->cells[k * DAYS + (size_t)i];
        *cell = (struct day_cell){.has = true, .value = row.value};
        if (any) {
            cell->has_change = true;
            cell->change = row.value - before.value;
        }
        before = row;
        any = true;
    }
    nilo__series_done(&x);
    return rc;
}

static void put_day(struct profile *p, const struct days *d, int i, struct nilo_json_out *o)
{
    char text[NILO_DAY_TEXT];
    nilo_day_format(NILO_DAY(d->first.n + i), text);
    nilo_json_object_begin(o);
    nilo_json_key(o, "day");
    nilo_json_str(o, text);
    nilo_json_key(o, "items");
    nilo_json_int(o, d->items[i]);
    nilo_json_key(o, "fresh");
    nilo_json_int(o, d->fresh[i]);
    for (int change = 0; change < 2; change++) {
        nilo_json_key(o, change ? "changes" : "values");
        nilo_json_object_begin(o);
        for (size_t k = 0; k < p->n_shown; k++) {
            const struct day_cell *cell = &d->cells[k * DAYS + (size_t)i];
            if (change ? cell->has_change : cell->has)
                put_number(o, p->shown[k]->metric->name, change ? cell->change : cell->value,
                           p->shown[k]->metric->scale);
        }
        nilo_json_object_end(o);
    }
    nilo_json_object_end(o);
}

static int put_days(struct profile *p)
{
    struct nilo_json_out o;
    struct days d = {.first = NILO_DAY_NONE};
    d.cells = nilo_arena_array(&p->call->arena, p->n_shown * DAYS + 1, sizeof *d.cells);
    if (!d.cells)
        return nilo_err_nomem(p->err);
    for (size_t k = 0; k < p->n_shown; k++)
        if (read_days(p, k, &d) < 0)
            return -1;
    nilo_json_out_init(&o, &p->days_text);
    nilo_json_array_begin(&o);
    for (int i = 0; i < DAYS && p->n_shown > 0; i++)
        put_day(p, &d, i, &o);
    nilo_json_array_end(&o);
    return 0;
}

/* ---- the answer ------------------------------------------------------------------------------------------------------------------------ */

static struct nilo_datum json_of(struct nilo_buf *b)
{
    return (struct nilo_datum){.type = NILO_T_JSON, .p = nilo_buf_str(b), .len = b->len};
}

static int hand_on(struct profile *p)
{
    const struct nilo_datum cells[] = {
        nilo_datum_str(p->workspace), nilo_datum_str(p->owner), nilo_datum_str(p->display_name),
        nilo_datum_int(p->items), json_of(&p->totals_text), json_of(&p->known_text), json_of(&p->absence_text),
        p->has_rate ? nilo_datum_decimal(p->rate, 6) : nilo_datum_null(NILO_T_DECIMAL),
        json_of(&p->top_text), json_of(&p->days_text), nilo_datum_day(p->through)};
    return nilo_call_row(p->call, cells, p->err);
}

/* The owner in the one workspace of the call's scope. */
static int one_workspace(struct nilo_call *c, const char *owner, struct nilo_err *err)
{
    struct profile p = {.call = c, .owner = owner, .through = NILO_DAY_NONE, .err = err};
    struct nilo_buf *const texts[] = {&p.totals_text, &p.known_text, &p.absence_text, &p.top_text, &p.days_text};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        nilo_buf_init(texts[i], TEXT_MOST);
    int rc = find_metrics(&p) < 0 || read_totals(&p) < 0 ? -1 : 0;
    if (rc == 0 && p.any) {
        put_totals(&p);
        choose_shown(&p);
        rc = put_top(&p) < 0 || put_days(&p) < 0 ? -1 : 0;
        for (size_t i = 0; rc == 0 && i < sizeof texts / sizeof texts[0]; i++)
            if (texts[i]->failed)
                rc = nilo_err_nomem(err);
        if (rc == 0)
            rc = hand_on(&p);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        nilo_buf_done(texts[i]);
    return rc;
}

static int run(struct nilo_call *c, struct nilo_err *err)
{
    const struct nilo_scope *whole = c->scope;
    const char *owner = nilo_call_text(c, "owner");
    int64_t *ids, *owners;
    size_t n, n_owners;
    if (nilo__named_owners(c, owner, &owners, &n_owners, err) < 0 ||
        nilo__scope_workspaces(c->store, whole, &c->arena, &ids, &n, err) < 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct nilo_scope one = {.role = whole->role, .workspaces = &ids[i], .n = 1};
        struct nilo_err why;
        int64_t id;
        if (nilo_store_owner(c->store, ids[i], owner, false, &id, &why) != 0)
            continue; /* unknown there; was known somewhere */
        c->scope = &one;
        rc = one_workspace(c, owner, err);
        c->scope = whole;
    }
    return rc;
}

const struct nilo_function nilo__fn_owner_profile = {
    .name = "owner_profile",
    .doc = "an owner's totals, engagement rate, first items and last 30 days",
    .parameters = parameters,
    .n_parameters = sizeof parameters / sizeof parameters[0],
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .min_role = NILO_ROLE_AUTHENTICATED,
    .run = run,
};
