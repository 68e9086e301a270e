/* Rows of an export back into a store. They come table by table in the order of nilo_whole_tables; each is checked against what came before it
 * (order, numbers that it refers to, whose workspace it is), moved to free numbers, and written in pieces, all in one transaction. The triggers
 * stay on: bases are written while their days are open, then the connections' days are closed, then come the amendments. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/rows/derive.h"
#include "store/rows/load.h"

#define PIECE 2000 /* rows written at a time */

static int bad(struct nilo_err *err, size_t table, const char *what)
{
    return nilo_err_set(err, NILO_ECORRUPT, "the rows of %s do not fit together (%s): no store wrote them like this", nilo_whole_tables[table].name,
                        what);
}

static const struct nilo_whole_cell *cell(size_t table, const struct nilo_whole_cell *cells, const char *name)
{
    return &cells[nilo_whole_column(table, name)];
}

static bool is(size_t table, const char *name) { return strcmp(nilo_whole_tables[table].name, name) == 0; }

/* ---- numbers ------------------------------------------------------------------------------------------------------------------------- */

static bool in_set(const struct nilo__id_set *set, int64_t id)
{
    size_t low = 0, high = set->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (set->ids[mid] == id)
            return true;
        if (set->ids[mid] < id)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static const struct nilo__load_place *place_of(const struct nilo__load_place *all, size_t n, int64_t id)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (all[mid].id == id)
            return &all[mid];
        if (all[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static const struct nilo__load_metric *metric_of(const struct nilo_load *l, int64_t id)
{
    for (size_t low = 0, high = l->n_metrics; low < high;) {
        size_t mid = low + (high - low) / 2;
        if (l->metrics[mid].from == id)
            return &l->metrics[mid];
        if (l->metrics[mid].from < id)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static const struct nilo__load_item *item_of(const struct nilo_load *l, int64_t bucket, int64_t id)
{
    for (size_t low = 0, high = l->n_items; low < high;) {
        size_t mid = low + (high - low) / 2;
        const struct nilo__load_item *x = &l->items[mid];
        int order = x->ref.bucket != bucket ? NILO__CMP(x->ref.bucket, bucket) : NILO__CMP(x->ref.id, id);
        if (order == 0)
            return x;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

struct nilo_db_value nilo__load_value(const struct nilo_load *l, const struct nilo_whole_column *c, const struct nilo_whole_cell *v)
{
    if (v->null)
        return NILO_DBV_NULL;
    if (c->type == NILO_WHOLE_TEXT)
        return nilo_dbv_textn(v->p, v->len);
    if (c->type == NILO_WHOLE_BYTES)
        return nilo_dbv_bytes(v->p, v->len);
    if (c->ids == NILO__NO_IDS)
        return NILO_DBV_INT(v->i);
    if (c->ids == NILO__METRICS)
        return NILO_DBV_INT(v->i == 0 ? 0 : metric_of(l, v->i)->to);
    return NILO_DBV_INT(v->i + l->shift[c->ids]);
}

/* ---- is the row one that a store would have written? ------------------------------------------------------------------------------------ */

static int check_cells(size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct nilo_whole_column *c = &t->columns[i];
        if (cells[i].null && !c->null)
            return bad(err, table, "a value is missing");
        /* room to move them up */
        bool zero = c->ids == NILO__METRICS && c->null; /* sums of no metric count items */
        if (!cells[i].null && c->ids != NILO__NO_IDS && (cells[i].i < (zero ? 0 : 1) || cells[i].i > INT64_MAX / 4))
            return bad(err, table, "a number out of range");
    }
    return 0;
}

static int key_cmp(const struct nilo_whole_column *c, const struct nilo_whole_cell *a, const struct nilo_whole_cell *b)
{
    if (c->type == NILO_WHOLE_INT)
        return NILO__CMP(a->i, b->i);
    int order = memcmp(a->p, b->p, a->len < b->len ? a->len : b->len);
    return order ? order : NILO__CMP(a->len, b->len);
}

/* Ascending, hence each key once. */
static int check_order(struct nilo_load *l, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    int order = l->any_last ? 0 : 1;
    for (size_t i = 0; i < t->n_key && order == 0; i++)
        order = key_cmp(&t->columns[i], &cells[i], &l->last[i]);
    if (order <= 0)
        return bad(err, table, "two have the same key or they are out of order");
    nilo_arena_reset(&l->last_arena);
    for (size_t i = 0; i < t->n_key; i++) {
        l->last[i] = cells[i];
        if (t->columns[i].type != NILO_WHOLE_INT && !(l->last[i].p = nilo_arena_strndup(&l->last_arena, cells[i].p, cells[i].len)))
            return nilo_err_nomem(err);
    }
    l->any_last = true;
    return 0;
}

/* Whatever it refers to has come, and belongs to the same workspace. */
static int check_references(const struct nilo_load *l, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    int64_t workspace = 0;
    for (size_t i = 0; i < t->n_columns; i++) {
        int64_t id = cells[i].i, of = 0;
        const struct nilo__load_place *p = NULL;
        const struct nilo__load_item *x = NULL;
        if (cells[i].null || strcmp(t->columns[i].name, "id") == 0)
            continue;
        switch ((enum nilo__ids)t->columns[i].ids) {
        case NILO__WORKSPACES:
            if (!in_set(&l->workspaces, id))
                return bad(err, table, "a workspace is missing");
            of = id;
            break;
        case NILO__CONNECTIONS:
            if (!(p = place_of(l->connections, l->n_connections, id)))
                return bad(err, table, "a connection is missing");
            of = p->workspace;
            break;
        case NILO__OWNERS:
            if (!(p = place_of(l->owners, l->n_owners, id)))
                return bad(err, table, "an owner is missing");
            of = p->workspace;
            break;
        case NILO__ITEMS:
            if (!(x = item_of(l, cells[0].i, id)))
                return bad(err, table, "an item is missing");
            of = x->workspace;
            break;
        case NILO__METRICS:
            if (id != 0 && !metric_of(l, id))
                return bad(err, table, "a metric is missing");
            break;
        case NILO__RUNS:
            if (!in_set(&l->runs, id))
                return bad(err, table, "a run is missing");
            break;
        default:
            break;
        }
        if (of != 0 && workspace != 0 && of != workspace)
            return bad(err, table, "of two workspaces");
        workspace = of ? of : workspace;
    }
    return 0;
}

static int remember_place(struct nilo__load_place **all, size_t *n, size_t *cap, struct nilo__load_place p, struct nilo_err *err)
{
    if (nilo__load_grow((void **)all, *n, cap, sizeof **all, err) < 0)
        return -1;
    (*all)[(*n)++] = p;
    return 0;
}

static int remember(struct nilo_load *l, size_t table, const struct nilo_whole_cell *c, struct nilo_err *err)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    for (size_t i = 0; i < t->n_columns; i++) {
        enum nilo__ids ids = (enum nilo__ids)t->columns[i].ids;
        if (ids != NILO__NO_IDS && ids != NILO__METRICS && !c[i].null && c[i].i + l->shift[ids] > l->greatest[ids])
            l->greatest[ids] = c[i].i + l->shift[ids];
    }
    if (is(table, "connection"))
        return remember_place(&l->connections, &l->n_connections, &l->cap_connections,
                              (struct nilo__load_place){cell(table, c, "id")->i, cell(table, c, "workspace_id")->i,
                                                        (int32_t)cell(table, c, "closed_until")->i, (int32_t)cell(table, c, "dropped_until")->i},
                              err);
    if (is(table, "owner"))
        return remember_place(&l->owners, &l->n_owners, &l->cap_owners,
                              (struct nilo__load_place){cell(table, c, "id")->i, cell(table, c, "workspace_id")->i, 0, 0}, err);
    if (is(table, "run"))
        return nilo__load_add_id(&l->runs, c[0].i, err);
    if (!is(table, "entity"))
        return 0;
    if (nilo__load_grow((void **)&l->items, l->n_items, &l->cap_items, sizeof *l->items, err) < 0)
        return -1;
    l->items[l->n_items++] = (struct nilo__load_item){{(int32_t)c[0].i, c[1].i}, cell(table, c, "workspace_id")->i};
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------------------ */

struct writing {
    const struct nilo_load *l;
    const struct nilo_whole_table *t;
    const struct nilo__rows *rows;
    int closed_until, dropped_until; /* columns that are written as "no day"; -1 */
};

static void row_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct writing *w = ctx;
    for (size_t k = 0; k < w->t->n_columns; k++)
        p[k] = nilo__load_value(w->l, &w->t->columns[k], &w->rows->cells[i * w->t->n_columns + k]);
    if (w->closed_until >= 0)
        p[w->closed_until] = p[w->dropped_until] = NILO_DBV_INT(NILO_DAY_NONE.n);
}

static int insert(struct nilo_load *l, size_t table, const struct nilo__rows *rows, struct nilo_err *err)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    struct writing w = {l, t, rows, is(table, "connection") ? nilo_whole_column(table, "closed_until") : -1,
                        is(table, "connection") ? nilo_whole_column(table, "dropped_until") : -1};
    struct nilo_db_stmt *stmt;
    struct nilo_buf sql;
    nilo_buf_init(&sql, 8192);
    nilo_buf_addf(&sql, "INSERT INTO %s (", t->table);
    for (size_t i = 0; i < t->n_columns; i++)
        nilo_buf_addf(&sql, "%s%s", i ? ", " : "", t->columns[i].name);
    for (size_t i = 0; i < t->n_columns; i++)
        nilo_buf_addf(&sql, "%s?%zu", i ? ", " : ") VALUES (", i + 1);
    nilo_buf_addc(&sql, ')');
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_db_prepare(l->store->db, nilo_buf_str(&sql), &stmt, err);
    nilo_buf_done(&sql);
    if (rc == 0)
        rc = nilo_db_many(stmt, rows->n, (int)t->n_columns, row_params, NULL, &w, err);
    return rc < 0 ? nilo_err_wrap(err, "restoring %s", t->name) : 0;
}

static void empty(struct nilo__rows *rows)
{
    nilo_arena_reset(&rows->arena);
    rows->n = 0;
}

/* A zone that this machine does not know would make its workspace unreadable. */
static int check_zones(struct nilo_load *l, size_t table, const struct nilo__rows *rows, struct nilo_err *err)
{
    size_t columns = nilo_whole_tables[table].n_columns;
    for (size_t i = 0; i < rows->n; i++) {
        struct nilo_zone *z;
        if (nilo_zone_load(l->store->env.zoneinfo, cell(table, &rows->cells[i * columns], "zone")->p, &z, err) < 0)
            return -1;
        nilo_zone_free(z);
    }
    return 0;
}

static int flush(struct nilo_load *l, size_t table, struct nilo_err *err)
{
    struct nilo__rows *rows = &l->pending[table];
    if (rows->n == 0)
        return 0;
    int rc = is(table, "workspace_zone") ? check_zones(l, table, rows, err) : 0;
    if (rc == 0)
        rc = l->mode == NILO__LOAD_SAME ? nilo__load_same(l, table, rows, err) : insert(l, table, rows, err);
    l->loaded.rows += (int64_t)rows->n;
    empty(rows);
    return rc;
}

/* From here on the triggers hold: bases have come, amendments may. */
static int close_days(struct nilo_load *l, struct nilo_err *err)
{
    if (l->closed || l->mode != NILO__LOAD_NEW)
        return 0;
    l->closed = true;
    for (size_t i = 0; i < l->n_connections; i++) {
        const struct nilo__load_place *c = &l->connections[i];
        if (c->closed_until != NILO_DAY_NONE.n &&
            nilo__run(l->store, err, "UPDATE connection SET closed_until = ?2 WHERE id = ?1",
                      NILO__PARAMS(NILO_DBV_INT(c->id + l->shift[NILO__CONNECTIONS]), NILO_DBV_INT(c->closed_until))) < 0)
            return -1;
    }
    return 0;
}

/* Behind everything else: it ends what acts of dropping leave open. */
static int drop_days(struct nilo_load *l, struct nilo_err *err)
{
    for (size_t i = 0; i < l->n_connections; i++) {
        const struct nilo__load_place *c = &l->connections[i];
        int64_t until;
        const struct nilo_db_value p[] = {NILO_DBV_INT(c->id + l->shift[NILO__CONNECTIONS]), NILO_DBV_INT(c->dropped_until)};
        if (nilo__query_int(l->store, NILO_DAY_NONE.n, &until, err, "SELECT max(until_day) FROM day_drop WHERE connection_id = ?1", 1, p) < 0)
            return -1;
        if (until != c->dropped_until)
            return bad(err, (size_t)nilo_whole_table("day_drop"), "a connection's dropped days do not end with the last one");
        if (until != NILO_DAY_NONE.n && nilo__run(l->store, err, "UPDATE connection SET dropped_until = ?2 WHERE id = ?1", 2, p) < 0)
            return -1;
    }
    return 0;
}

static int carry_totals(struct nilo_load *l, struct nilo_err *err)
{
    for (size_t i = 0; i < l->workspaces.n; i++)
        if (nilo__carry_totals(l->store, l->workspaces.ids[i] + l->shift[NILO__WORKSPACES], err) < 0)
            return -1;
    return 0;
}

/* ---- metrics: found by name, made where they are not ------------------------------------------------------------------------------------------ */

static const char *text_of(struct nilo_arena *a, const struct nilo_whole_cell *c) { return c->null ? NULL : nilo_arena_strndup(a, c->p, c->len); }

/* In a store that was empty they are described as in the other one; else the words that are here stay. */
static int describe(struct nilo_load *l, size_t table, const struct nilo_whole_cell *c, int64_t id, struct nilo_err *err)
{
    static const char *const columns[] = {"is_active", "currency", "unit", "display_name", "description", "format_pattern", "created_at", "changed_at"};
    struct nilo_db_value p[9] = {NILO_DBV_INT(id)};
    for (int i = 0; i < 8; i++) {
        int at = nilo_whole_column(table, columns[i]);
        p[i + 1] = nilo__load_value(l, &nilo_whole_tables[table].columns[at], &c[at]);
    }
    return nilo__run(l->store, err,
                     "UPDATE metric SET is_active = ?2, currency = ?3, unit = ?4, display_name = ?5, description = ?6, format_pattern = ?7, "
                     "created_at = ?8, changed_at = ?9 WHERE id = ?1",
                     9, p);
}

static int take_metric(struct nilo_load *l, size_t table, const struct nilo_whole_cell *c, struct nilo_arena *arena, struct nilo_err *err)
{
    const struct nilo_metric *stored;
    struct nilo_metric m = {
        .name = text_of(arena, cell(table, c, "name")),
        .type = (enum nilo_metric_type)cell(table, c, "type")->i,
        .kind = (enum nilo_metric_kind)cell(table, c, "kind")->i,
        .aggregation = (enum nilo_aggregation)cell(table, c, "aggregation")->i,
        .scale = (int)cell(table, c, "scale")->i,
        .best_rule = (enum nilo_best_rule)cell(table, c, "best_rule")->i,
        .builtin = cell(table, c, "builtin")->i != 0,
        .active = cell(table, c, "is_active")->i != 0,
        .currency = text_of(arena, cell(table, c, "currency")),
        .unit = text_of(arena, cell(table, c, "unit")),
        .display_name = text_of(arena, cell(table, c, "display_name")),
        .description = text_of(arena, cell(table, c, "description")),
        .format_pattern = text_of(arena, cell(table, c, "format_pattern")),
    };
    if (!m.name)
        return nilo_err_nomem(err);
    if (l->mode == NILO__LOAD_SAME && !nilo_catalog_by_type(nilo_store_catalog(l->store), m.type, m.name))
        return nilo_err_set(err, NILO_EEXIST, "workspace %s is in this store already and has other data: metric \"%s\" is in the file and not here; "
                            "nothing was changed", l->names, m.name);
    if (nilo_store_metric_define(l->store, &m, &stored, err) < 0)
        return -1;
    for (size_t i = 0; i < l->n_metrics; i++)
        if (l->metrics[i].to == stored->id)
            return bad(err, table, "the same name twice");
    if (nilo__load_grow((void **)&l->metrics, l->n_metrics, &l->cap_metrics, sizeof *l->metrics, err) < 0)
        return -1;
    struct nilo__load_metric *x = &l->metrics[l->n_metrics++];
    *x = (struct nilo__load_metric){.from = c[0].i, .to = stored->id};
    snprintf(x->name, sizeof x->name, "%s", m.name);
    return l->adopt ? describe(l, table, c, stored->id, err) : 0;
}

static int take_metrics(struct nilo_load *l, struct nilo_err *err)
{
    size_t table = (size_t)nilo_whole_table("metric"), columns = nilo_whole_tables[table].n_columns;
    struct nilo__rows *rows = &l->pending[table];
    int rc = 0;
    for (size_t i = 0; i < rows->n && rc == 0; i++)
        rc = take_metric(l, table, &rows->cells[i * columns], &rows->arena, err);
    l->loaded.rows += (int64_t)rows->n;
    empty(rows);
    return rc;
}

/* ---- what belongs to the store itself ------------------------------------------------------------------------------------------------------------ */

static int set_next(struct nilo_load *l, const char *name, int64_t at_least, struct nilo_err *err)
{
    return nilo__run(l->store, err, "UPDATE id_seq SET next = ?2 WHERE name = ?1 AND next < ?2",
                     NILO__PARAMS(NILO_DBV_TEXT(name), NILO_DBV_INT(at_least)));
}

static int take_sequences(struct nilo_load *l, struct nilo_err *err)
{
    const struct nilo__rows *rows = &l->pending[nilo_whole_table("id_seq")];
    for (int i = 1; i < NILO__IDS_COUNT; i++)
        if (i != NILO__METRICS && set_next(l, nilo__load_sequences[i], l->greatest[i] + 1, err) < 0)
            return -1;
    for (size_t i = 0; i < rows->n && l->adopt; i++) {
        const struct nilo_whole_cell *c = &rows->cells[2 * i];
        if (c[1].i > 0 && nilo__run(l->store, err, "UPDATE id_seq SET next = ?2 WHERE name = ?1 AND next < ?2",
                                    NILO__PARAMS(nilo_dbv_textn(c[0].p, c[0].len), NILO_DBV_INT(c[1].i))) < 0)
            return -1;
    }
    return 0;
}

static int take_identity(struct nilo_load *l, struct nilo_err *err)
{
    const struct nilo__rows *rows = &l->pending[nilo_whole_table("meta")];
    char hex[33];
    for (size_t i = 0; i < rows->n && l->adopt && l->head.whole; i++) {
        const struct nilo_whole_cell *c = &rows->cells[2 * i];
        if (nilo__run(l->store, err, "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                      NILO__PARAMS(nilo_dbv_textn(c[0].p, c[0].len), nilo_dbv_textn(c[1].p, c[1].len))) < 0)
            return -1;
    }
    if (l->adopt) {
        nilo_hex(l->head.uuid, sizeof l->head.uuid, hex);
        return nilo_store_meta_set(l->store, "uuid", hex, err);
    }
    return 0;
}

/* ---- from begin to end ------------------------------------------------------------------------------------------------------------------------------ */

int nilo_store_load_begin(struct nilo_store *s, const struct nilo_load_head *head, struct nilo_load **ret, struct nilo_err *err)
{
    struct nilo_load *l = nilo_whole_tables_n <= NILO__LOAD_TABLES ? calloc(1, sizeof *l) : NULL;
    if (!l)
        return nilo_err_nomem(err);
    l->store = s;
    l->head = *head;
    nilo_arena_init(&l->last_arena, 0);
    for (size_t i = 0; i < NILO__LOAD_TABLES; i++)
        nilo_arena_init(&l->pending[i].arena, 0);
    if (nilo_store_begin(s, err) < 0) {
        nilo_store_load_abort(l);
        return -1;
    }
    *ret = l;
    return 0;
}

static int keep_row(struct nilo__rows *rows, const struct nilo_whole_table *t, const struct nilo_whole_cell *cells, struct nilo_err *err)
{
    if (rows->n == rows->cap) {
        size_t more = rows->cap ? 2 * rows->cap : 64;
        struct nilo_whole_cell *p = realloc(rows->cells, more * t->n_columns * sizeof *p);
        if (!p)
            return nilo_err_nomem(err);
        rows->cells = p;
        rows->cap = more;
    }
    struct nilo_whole_cell *to = &rows->cells[rows->n * t->n_columns];
    for (size_t i = 0; i < t->n_columns; i++) {
        to[i] = cells[i];
        if (cells[i].null || t->columns[i].type == NILO_WHOLE_INT)
            continue;
        if (!(to[i].p = nilo_arena_strndup(&rows->arena, cells[i].p, cells[i].len)))
            return nilo_err_nomem(err);
    }
    rows->n++;
    return 0;
}

/* Small tables wait until the workspaces are known; then it is clear whether rows are written or compared. */
static int settle(struct nilo_load *l, struct nilo_err *err)
{
    size_t workspace = (size_t)nilo_whole_table("workspace");
    if (l->mode != NILO__LOAD_OPEN)
        return 0;
    if (nilo__load_decide(l, workspace, err) < 0 || take_metrics(l, err) < 0)
        return -1;
    for (size_t i = 0; i < l->pending[workspace].n; i++)
        if (remember(l, workspace, &l->pending[workspace].cells[i * nilo_whole_tables[workspace].n_columns], err) < 0)
            return -1;
    if (l->mode == NILO__LOAD_NEW && !l->adopt) {
        for (size_t i = 0; i < l->pending[workspace].n; i++)
            if (nilo__load_keep_shifts(l, &l->pending[workspace].cells[i * nilo_whole_tables[workspace].n_columns + 1], err) < 0)
                return -1;
    }
    return flush(l, workspace, err);
}

static int next_table(struct nilo_load *l, size_t table, struct nilo_err *err)
{
    size_t workspace = (size_t)nilo_whole_table("workspace");
    if (table < l->table)
        return bad(err, table, "they come too late");
    if (table == l->table)
        return 0;
    if (table > workspace && (settle(l, err) < 0 || (l->table > workspace && flush(l, l->table, err) < 0)))
        return -1;
    if (table > (size_t)nilo_whole_table("base") && close_days(l, err) < 0)
        return -1;
    l->table = table;
    l->any_last = false;
    return 0;
}

int nilo_store_load_row(struct nilo_load *l, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err)
{
    if (next_table(l, table, err) < 0 || check_cells(table, cells, err) < 0 || check_order(l, table, cells, err) < 0)
        return -1;
    bool small = table <= (size_t)nilo_whole_table("workspace");
    if (!small && (check_references(l, table, cells, err) < 0 || remember(l, table, cells, err) < 0))
        return -1;
    if (keep_row(&l->pending[table], &nilo_whole_tables[table], cells, err) < 0)
        return -1;
    return !small && l->pending[table].n >= PIECE ? flush(l, table, err) : 0;
}

static void done(struct nilo_load *l)
{
    for (size_t i = 0; i < NILO__LOAD_TABLES; i++) {
        nilo_arena_done(&l->pending[i].arena);
        free(l->pending[i].cells);
    }
    nilo_arena_done(&l->last_arena);
    free(l->workspaces.ids);
    free(l->runs.ids);
    free(l->metrics);
    free(l->connections);
    free(l->owners);
    free(l->items);
    free(l->names);
    free(l);
}

void nilo_store_load_abort(struct nilo_load *l)
{
    if (!l)
        return;
    nilo_store_rollback(l->store);
    done(l);
}

static int derive(struct nilo_load *l, nilo_progress_fn *progress, void *ctx, struct nilo_err *err)
{
    struct nilo_entity_ref *all = malloc((l->n_items + 1) * sizeof *all);
    if (!all)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < l->n_items; i++)
        all[i] = (struct nilo_entity_ref){l->items[i].ref.bucket, l->items[i].ref.id + l->shift[NILO__ITEMS]};
    /* a server plans by what it last saw of the tables: that was nothing */
    int rc = nilo_db_engine(l->store->db) == NILO_DB_POSTGRES ? nilo_db_exec(l->store->db, "ANALYZE", err) : 0;
    if (rc == 0)
        rc = nilo__derive_all(l->store, all, l->n_items, progress, ctx, err);
    free(all);
    return rc;
}

static int finish(struct nilo_load *l, nilo_progress_fn *progress, void *ctx, struct nilo_err *err)
{
    if (settle(l, err) < 0 || (l->table > (size_t)nilo_whole_table("workspace") && flush(l, l->table, err) < 0) || close_days(l, err) < 0)
        return -1;
    l->loaded.items = (int64_t)l->n_items;
    l->loaded.adopted = l->mode == NILO__LOAD_NEW && l->adopt;
    if (l->mode == NILO__LOAD_SAME)
        return 0;
    nilo__touched(l->store);
    nilo__forget(l->store); /* what was cached of metrics and zones is of before */
    if (drop_days(l, err) < 0 || carry_totals(l, err) < 0 || derive(l, progress, ctx, err) < 0 || take_sequences(l, err) < 0 || take_identity(l, err) < 0)
        return -1;
    return l->head.dry_run ? 0 : nilo_store_commit(l->store, err);
}

int nilo_store_load_end(struct nilo_load *l, nilo_progress_fn *progress, void *ctx, struct nilo_loaded *ret, struct nilo_err *err)
{
    int rc = finish(l, progress, ctx, err);
    if (rc == 0) {
        *ret = l->loaded;
        if (l->loaded.adopted && !l->head.dry_run)
            memcpy(l->store->uuid, l->head.uuid, sizeof l->head.uuid);
    }
    nilo_store_load_abort(l); /* after the commit there is nothing to roll back */
    return rc;
}
